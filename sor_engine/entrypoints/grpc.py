"""SorService over gRPC: questions about routing that change nothing.

The law of this file: whatever takes time by what was asked is done within the budget, in its threads; the
loop that listens only reads and writes messages.
"""

import json
import time
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn, TypeVar
from uuid import UUID

import grpclib
import msgspec
from grpclib.const import Status

from oms_platform import messages as wire
from oms_platform.proto_bridge import UnreadableProtoError, from_proto, to_proto
from proto.gen.oms.v1 import (
    CheckProfileRequest,
    CheckProfileResponse,
    ExecutionQuality,
    ExplainedRoute,
    ExplainRoutesRequest,
    ExplainRoutesResponse,
    Fees,
    GetExecutionQualityRequest,
    GetRouteInputsRequest,
    GetScorecardsRequest,
    PreviewRouteRequest,
    PreviewRouteResponse,
    Quote,
    RouteExplanation,
    RouteInputs,
    RoutePlan,
    RouteRequest,
    Scorecard,
    Scorecards,
    Side,
    SorServiceBase,
    WhatIfRequest,
    WhatIfResponse,
)
from sor_engine.domain.profile import InvalidProfileError
from sor_engine.domain.quality_report import Cut
from sor_engine.entrypoints.quality_answer import quality_answer
from sor_engine.entrypoints.question_budget import QuestionBudget, TooManyQuestionsError
from sor_engine.handlers import (
    Changes,
    Explained,
    InvalidRequestError,
    RoutingContext,
    TooMuchAskedError,
    decide_again,
    explain_route,
    measure_quality,
    preview_route,
    profile_problems,
)
from sor_engine.ports import (
    Decided,
    InputsNotKeptError,
    QualityReader,
    QualityScope,
    Reference,
    SorReader,
    StoredProfile,
)

# What a what-if may bring along.
WEIGHTS_CHARS_MAX: Final = 16_384
VENUES_MAX: Final = 100
_encoder: Final = msgspec.json.Encoder(decimal_format="string")
_SIDES: Final = {side: side.name for side in Side if side.value}
AnswerT = TypeVar("AnswerT")


def _refuse(status: Status, message: str) -> NoReturn:
    raise grpclib.GRPCError(status, message)


def read_changes(request: WhatIfRequest, profile: tuple[str, StoredProfile] | None) -> Changes:
    """Read what is to be changed. Raises GRPCError INVALID_ARGUMENT."""
    if len(request.weights_json) > WEIGHTS_CHARS_MAX:
        _refuse(Status.INVALID_ARGUMENT, f"weights must be at most {WEIGHTS_CHARS_MAX} characters of JSON")
    for name, named in (("without", request.without), ("fees", request.fees)):
        if len(named) > VENUES_MAX:
            _refuse(
                Status.INVALID_ARGUMENT, f"{name} must be of at most {VENUES_MAX} venues, was of {len(named)}"
            )
    weights: Any = None
    if request.weights_json:
        try:
            weights = json.loads(request.weights_json)
        except ValueError:
            weights = None
        if not isinstance(weights, dict):
            _refuse(Status.INVALID_ARGUMENT, "weights must be a JSON object of term to weight")
    return Changes(
        profile=profile,
        weights=weights,
        strategy=request.strategy,
        without=tuple(request.without),
        fees={
            fees.venue_id: (_fee(fees, fees.add_fee), _fee(fees, fees.remove_fee)) for fees in request.fees
        },
    )


def _fee(fees: Fees, text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        _refuse(
            Status.INVALID_ARGUMENT,
            f"fees of {fees.venue_id} must be decimal numbers of dollars a share, was {text!r}",
        )
    return value


def _order_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        _refuse(Status.INVALID_ARGUMENT, f"order_id must be a UUID, was {text!r}")


def _explained(route: Explained) -> ExplainedRoute:
    found = ExplainedRoute(
        plan=to_proto(route.plan, RoutePlan), proven=route.proven, digest=route.digest.hex()
    )
    if route.explanation is not None:
        found.explanation = to_proto(route.explanation, RouteExplanation)
    return found


class SorService(SorServiceBase):
    """Answers on the reference as it is and quotes that it asks for; stored decisions come from the audit."""

    def __init__(
        self,
        reference: Callable[[], Reference],
        context: RoutingContext,
        reader: SorReader,
        quality: QualityReader,
        budget: QuestionBudget,
    ) -> None:
        self._reference = reference
        self._context = context
        self._reader = reader
        self._quality = quality
        self._budget = budget

    async def preview_route(self, preview_route_request: PreviewRouteRequest) -> PreviewRouteResponse:
        """Return the plan that an order would get now."""
        return await self._within_budget(lambda: self._preview(preview_route_request))

    async def what_if(self, what_if_request: WhatIfRequest) -> WhatIfResponse:
        """Return a stored decision, the same again, and the same with changes."""
        return await self._within_budget(lambda: self._what_if(what_if_request))

    async def explain_routes(self, explain_routes_request: ExplainRoutesRequest) -> ExplainRoutesResponse:
        """Return every route of an order with why it was decided, worked out now from what was kept."""
        return await self._within_budget(lambda: self._explain(explain_routes_request))

    async def get_route_inputs(self, get_route_inputs_request: GetRouteInputsRequest) -> RouteInputs:
        """Return the book and the reference that a stored decision stood on."""
        return await self._within_budget(lambda: self._inputs(get_route_inputs_request))

    async def get_scorecards(self, get_scorecards_request: GetScorecardsRequest) -> Scorecards:
        """Return what our own fills say of each venue."""
        return await self._within_budget(self._scorecards)

    async def get_execution_quality(
        self, get_execution_quality_request: GetExecutionQualityRequest
    ) -> ExecutionQuality:
        """Return what orders cost against the quotes of their time."""
        return await self._within_budget(lambda: self._measure(get_execution_quality_request))

    async def check_profile(self, check_profile_request: CheckProfileRequest) -> CheckProfileResponse:
        """Return what is wrong with a profile's settings."""
        return await self._within_budget(lambda: _check_profile(check_profile_request))

    async def _within_budget(self, question: Callable[[], AnswerT]) -> AnswerT:
        try:
            return await self._budget.work(question)
        except TooManyQuestionsError:
            _refuse(Status.RESOURCE_EXHAUSTED, "too many questions at once, ask again later")
        except TimeoutError:
            _refuse(Status.DEADLINE_EXCEEDED, "the question took too long")

    # ---- in a thread

    def _preview(self, asked: PreviewRouteRequest) -> PreviewRouteResponse:
        try:
            request = from_proto(asked.request, wire.RouteRequest)
        except UnreadableProtoError as error:
            _refuse(Status.INVALID_ARGUMENT, f"request.{error}")
        try:
            plan, explanation = preview_route(request, self._reference(), self._context)
        except InvalidRequestError as error:
            _refuse(Status.INVALID_ARGUMENT, str(error))
        return PreviewRouteResponse(
            plan=to_proto(plan, RoutePlan), explanation=to_proto(explanation, RouteExplanation)
        )

    def _what_if(self, asked: WhatIfRequest) -> WhatIfResponse:
        profile = None
        if asked.profile:
            kept = self._reference().content.profiles.get(asked.profile)
            if kept is None:
                _refuse(Status.INVALID_ARGUMENT, f"no usable routing profile {asked.profile!r}")
            profile = (asked.profile, kept)
        changes = read_changes(asked, profile)
        stored = self._stored(asked.order_id, asked.attempt)
        try:
            again, changed = decide_again(stored), decide_again(stored, changes)
        except (InvalidProfileError, InvalidRequestError) as error:
            _refuse(Status.INVALID_ARGUMENT, str(error))
        return WhatIfResponse(
            stored=to_proto(stored.plan, RoutePlan),
            again=to_proto(again.plan, RoutePlan),
            changed=to_proto(changed.plan, RoutePlan),
            again_explanation=to_proto(
                again.explain(stored.quote_wait_us, stored.decision_us), RouteExplanation
            ),
            changed_explanation=to_proto(changed.explain(), RouteExplanation),
        )

    def _explain(self, asked: ExplainRoutesRequest) -> ExplainRoutesResponse:
        order_id = _order_id(asked.order_id)
        routes = self._reader.routes(order_id)
        if not routes:
            _refuse(Status.NOT_FOUND, f"order {order_id} has no route")
        return ExplainRoutesResponse(routes=[_explained(explain_route(route)) for route in routes])

    def _inputs(self, asked: GetRouteInputsRequest) -> RouteInputs:
        stored = self._stored(asked.order_id, asked.attempt)
        return RouteInputs(
            request=to_proto(stored.inputs.request, RouteRequest),
            book=Quote() if stored.quote is None else to_proto(stored.quote, Quote),
            reference_json=_encoder.encode(stored.content).decode(),
        )

    def _scorecards(self) -> Scorecards:
        return Scorecards(
            scorecards=[
                Scorecard(
                    venue_id=row.venue_id,
                    closed_reason=row.closed_reason,
                    closed_until=row.closed_until,
                    updated_at=row.updated_at,
                    scorecard_json=msgspec.json.encode(row.scorecard).decode(),
                )
                for row in self._reader.scorecards()
            ]
        )

    def _measure(self, asked: GetExecutionQualityRequest) -> ExecutionQuality:
        try:
            cut = Cut(asked.cut)
        except ValueError:
            names = ", ".join(one.value for one in Cut)
            _refuse(Status.INVALID_ARGUMENT, f"cut must be one of {names}, was {asked.cut!r}")
        scope = QualityScope(
            since=asked.since,
            until=asked.until,
            accounts=None if asked.every_account else frozenset(asked.accounts),
            symbols=frozenset(asked.symbols) or None,
            side=_SIDES.get(asked.side),
        )
        if asked.lines_max < 1:
            _refuse(Status.INVALID_ARGUMENT, f"lines_max must be at least 1, was {asked.lines_max}")
        try:
            report, refused = measure_quality(self._quality, scope, cut, asked.lines_max, time.monotonic)
        except TooMuchAskedError as error:
            _refuse(Status.FAILED_PRECONDITION, str(error))
        answer = quality_answer(report, refused, scope, cut, asked.lines_max)
        return ExecutionQuality(report_json=_encoder.encode(answer).decode())

    def _stored(self, order_id: str, attempt: int) -> Decided:
        try:
            stored = self._reader.decided(_order_id(order_id), attempt)
        except InputsNotKeptError as error:
            _refuse(Status.FAILED_PRECONDITION, str(error))
        if stored is None:
            _refuse(Status.NOT_FOUND, f"order {order_id} has no route attempt {attempt}")
        return stored


def _check_profile(asked: CheckProfileRequest) -> CheckProfileResponse:
    try:
        settings = json.loads(asked.settings_json)
    except ValueError as error:
        return CheckProfileResponse(problems=[f"settings must be JSON: {error}"])
    if not isinstance(settings, dict):
        return CheckProfileResponse(problems=["settings must be a JSON object"])
    return CheckProfileResponse(problems=profile_problems(asked.name, settings))
