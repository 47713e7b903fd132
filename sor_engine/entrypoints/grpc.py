"""SorService over gRPC:

questions about routing that change nothing. Beside the router's loop, in a thread.
"""

import asyncio
import json
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn
from uuid import UUID

import grpclib
import msgspec
from grpclib.const import Status

from oms_platform import messages as wire
from oms_platform.proto_bridge import UnreadableProtoError, from_proto, to_proto
from proto.gen.oms.v1 import (
    CheckProfileRequest,
    CheckProfileResponse,
    ExplainedRoute,
    ExplainRoutesRequest,
    ExplainRoutesResponse,
    Fees,
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
    SorServiceBase,
    WhatIfRequest,
    WhatIfResponse,
)
from sor_engine.domain.profile import InvalidProfileError
from sor_engine.handlers import (
    Changes,
    Explained,
    InvalidRequestError,
    RoutingContext,
    decide_again,
    explain_route,
    preview_route,
    profile_problems,
)
from sor_engine.ports import (
    Decided,
    InputsNotKeptError,
    Reference,
    SorReader,
    StoredProfile,
)

_encoder: Final = msgspec.json.Encoder(decimal_format="string")


def _refuse(status: Status, message: str) -> NoReturn:
    raise grpclib.GRPCError(status, message)


def read_changes(request: WhatIfRequest, profile: tuple[str, StoredProfile] | None) -> Changes:
    """Read what is to be changed. Raises GRPCError INVALID_ARGUMENT."""
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
    """Answers on the reference and the quotes as they are; stored decisions come from the audit.

    `reference` returns what the loop decides with now. What waits is asked in a thread of its own.
    """

    def __init__(
        self, reference: Callable[[], Reference], context: RoutingContext, reader: SorReader
    ) -> None:
        self._reference = reference
        self._context = context
        self._reader = reader

    async def preview_route(self, preview_route_request: PreviewRouteRequest) -> PreviewRouteResponse:
        """Return the plan that an order would get now."""
        try:
            request = from_proto(preview_route_request.request, wire.RouteRequest)
        except UnreadableProtoError as error:
            _refuse(Status.INVALID_ARGUMENT, f"request.{error}")
        try:
            # In a thread: a stale quote is asked for, and that waits.
            plan, explanation = await asyncio.to_thread(
                preview_route, request, self._reference(), self._context
            )
        except InvalidRequestError as error:
            _refuse(Status.INVALID_ARGUMENT, str(error))
        return PreviewRouteResponse(
            plan=to_proto(plan, RoutePlan), explanation=to_proto(explanation, RouteExplanation)
        )

    async def what_if(self, what_if_request: WhatIfRequest) -> WhatIfResponse:
        """Return a stored decision, the same again, and the same with changes."""
        stored = await self._stored(what_if_request.order_id, what_if_request.attempt)
        profile = None
        if what_if_request.profile:
            kept = self._reference().content.profiles.get(what_if_request.profile)
            if kept is None:
                _refuse(Status.INVALID_ARGUMENT, f"no usable routing profile {what_if_request.profile!r}")
            profile = (what_if_request.profile, kept)
        changes = read_changes(what_if_request, profile)
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

    async def explain_routes(self, explain_routes_request: ExplainRoutesRequest) -> ExplainRoutesResponse:
        """Return every route of an order with why it was decided, worked out now from what was kept."""
        order_id = _order_id(explain_routes_request.order_id)
        routes = await asyncio.to_thread(self._reader.routes, order_id)
        if not routes:
            _refuse(Status.NOT_FOUND, f"order {order_id} has no route")
        return ExplainRoutesResponse(routes=[_explained(explain_route(route)) for route in routes])

    async def get_route_inputs(self, get_route_inputs_request: GetRouteInputsRequest) -> RouteInputs:
        """Return the book and the reference that a stored decision stood on."""
        stored = await self._stored(get_route_inputs_request.order_id, get_route_inputs_request.attempt)
        return RouteInputs(
            request=to_proto(stored.inputs.request, RouteRequest),
            book=Quote() if stored.quote is None else to_proto(stored.quote, Quote),
            reference_json=_encoder.encode(stored.content).decode(),
        )

    async def get_scorecards(self, get_scorecards_request: GetScorecardsRequest) -> Scorecards:
        """Return what our own fills say of each venue."""
        rows = await asyncio.to_thread(self._reader.scorecards)
        return Scorecards(
            scorecards=[
                Scorecard(
                    venue_id=row.venue_id,
                    closed_reason=row.closed_reason,
                    closed_until=row.closed_until,
                    updated_at=row.updated_at,
                    scorecard_json=msgspec.json.encode(row.scorecard).decode(),
                )
                for row in rows
            ]
        )

    async def check_profile(self, check_profile_request: CheckProfileRequest) -> CheckProfileResponse:
        """Return what is wrong with a profile's settings."""
        try:
            settings = json.loads(check_profile_request.settings_json)
        except ValueError as error:
            return CheckProfileResponse(problems=[f"settings must be JSON: {error}"])
        if not isinstance(settings, dict):
            return CheckProfileResponse(problems=["settings must be a JSON object"])
        return CheckProfileResponse(problems=profile_problems(check_profile_request.name, settings))

    async def _stored(self, order_id: str, attempt: int) -> Decided:
        try:
            stored = await asyncio.to_thread(self._reader.decided, _order_id(order_id), attempt)
        except InputsNotKeptError as error:
            _refuse(Status.FAILED_PRECONDITION, str(error))
        if stored is None:
            _refuse(Status.NOT_FOUND, f"order {order_id} has no route attempt {attempt}")
        return stored
