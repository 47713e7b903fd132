"""The Router and the RiskDesk over gRPC: sor-answers and the core answer questions that change nothing."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeVar
from uuid import UUID

import betterproto
import msgspec
from grpclib.client import Channel

from oms_api.adapters.question import ask
from oms_api.ports import (
    Explained,
    QualityQuestion,
    QualityView,
    RiskView,
    RoutingRefusedError,
    ScorecardView,
    TooLateError,
    UnavailableError,
    WhatIf,
    plan_with_explanation,
)
from oms_platform.kafka.topics import murmur2_partition
from oms_platform.messages import Quote, RouteExplanation, RoutePlan, RouteRequest
from oms_platform.proto_bridge import from_proto, to_proto
from oms_platform.vocabulary import Message, OrderChange, OrderTerms
from oms_platform.wire import encode
from proto.gen.oms import v1

TIMEOUT_S: Final = 5.0
OWNERS_KNOWN_S: Final = 1.0
_encoder: Final = msgspec.json.Encoder(decimal_format="string")


def _raw(message: Any, kind: type[Message]) -> msgspec.Raw:
    """Return a generated message in the proto3 JSON mapping, as Kafka and the audit have it."""
    return msgspec.Raw(encode(from_proto(message, kind)))


def _explanation(message: Any) -> bytes | None:
    """Return an explanation as JSON, None for one that is not there."""
    if not betterproto.serialized_on_wire(message):
        return None
    return encode(from_proto(message, RouteExplanation))


def _explained_plan(plan: Any, explanation: bytes | None) -> msgspec.Raw:
    """Return a plan as JSON with its explanation in it."""
    return plan_with_explanation(encode(from_proto(plan, RoutePlan)), explanation)


class SorRouter:
    """The Router on SorService."""

    def __init__(self, host: str, port: int) -> None:
        self._channel = Channel(host, port)
        self._sor = v1.SorServiceStub(self._channel, timeout=TIMEOUT_S)

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()

    async def preview(self, request: RouteRequest) -> msgspec.Raw:
        """Return the plan that an order would get now with its explanation, as JSON."""
        asked = v1.PreviewRouteRequest(request=to_proto(request, v1.RouteRequest))
        answer = await ask("sor-answers", self._sor.preview_route(asked))
        return _explained_plan(answer.plan, _explanation(answer.explanation))

    async def what_if(self, question: WhatIf) -> dict[str, msgspec.Raw]:
        """Return a decision as `stored`, decided `again`, and `changed`, as JSON.

        What was stored has no explanation of its own: it has that of `again` when the two are the same.
        """
        asked = v1.WhatIfRequest(
            order_id=str(question.order_id),
            attempt=question.attempt,
            profile=question.profile,
            strategy=question.strategy,
            weights_json="" if question.weights is None else json.dumps(question.weights),
            without=list(question.without),
            fees=[
                v1.Fees(venue_id=venue_id, add_fee=add, remove_fee=remove)
                for venue_id, add, remove in question.fees
            ],
        )
        answer = await ask("sor-answers", self._sor.what_if(asked))
        again = _explanation(answer.again_explanation)
        same = answer.stored.children == answer.again.children
        return {
            "stored": _explained_plan(answer.stored, again if same else None),
            "again": _explained_plan(answer.again, again),
            "changed": _explained_plan(answer.changed, _explanation(answer.changed_explanation)),
        }

    async def explain(self, order_id: UUID) -> dict[int, Explained]:
        """Return the explanations of an order's routes, by attempt."""
        asked = v1.ExplainRoutesRequest(order_id=str(order_id))
        answer = await ask("sor-answers", self._sor.explain_routes(asked))
        return {
            route.plan.attempt: Explained(explanation=_explanation(route.explanation), proven=route.proven)
            for route in answer.routes
        }

    async def inputs(self, order_id: UUID, attempt: int) -> dict[str, msgspec.Raw]:
        """Return a decision's `request`, `book` and `reference` as JSON."""
        asked = v1.GetRouteInputsRequest(order_id=str(order_id), attempt=attempt)
        answer = await ask("sor-answers", self._sor.get_route_inputs(asked))
        return {
            "request": _raw(answer.request, RouteRequest),
            "book": _raw(answer.book, Quote) if answer.book.symbol else msgspec.Raw(b"null"),
            "reference": msgspec.Raw(answer.reference_json.encode()),
        }

    async def scorecards(self) -> list[ScorecardView]:
        """Return every venue's scorecard."""
        answer = await ask("sor-answers", self._sor.get_scorecards(v1.GetScorecardsRequest()))
        return [
            ScorecardView(
                venue_id=card.venue_id,
                closed_reason=card.closed_reason,
                closed_until=card.closed_until,
                updated_at=card.updated_at,
                scorecard=msgspec.Raw(card.scorecard_json.encode()),
            )
            for card in answer.scorecards
        ]

    async def quality(self, question: QualityQuestion) -> QualityView:
        """Return what orders cost against the quotes of their time."""
        asked = v1.GetExecutionQualityRequest(
            since=question.since,
            until=question.until,
            every_account=question.accounts is None,
            accounts=sorted(question.accounts or ()),
            symbols=sorted(question.symbols or ()),
            side=v1.Side.UNSPECIFIED if question.side is None else v1.Side[question.side],
            cut=question.cut,
            lines_max=question.lines_max,
        )
        try:
            answer = await ask("sor-answers", self._sor.get_execution_quality(asked))
        except TooLateError as error:
            raise RoutingRefusedError(
                f"the report takes longer than {TIMEOUT_S:.0f} s: narrow from, to, accountId, symbol or side"
            ) from error
        return msgspec.json.decode(answer.report_json, type=QualityView)

    async def profile_problems(self, name: str, settings: dict[str, object]) -> list[str]:
        """Return what is wrong with a routing profile's settings."""
        text = _encoder.encode(settings).decode()
        asked = v1.CheckProfileRequest(name=name, settings_json=text)
        return list((await ask("sor-answers", self._sor.check_profile(asked))).problems)


AnswerT = TypeVar("AnswerT")
OwnersOf = Callable[[], Awaitable[Mapping[int, str]]]


class CoreRisk:
    """The RiskDesk on the RiskService of the core that owns the account.

    owners: gives the address of each partition's core, as the cores write it; while none is written, `host`
    and `port` are asked.
    """

    def __init__(self, host: str, port: int, *, partitions: int, owners: OwnersOf) -> None:
        self._fallback = f"{host}:{port}"
        self._partitions = partitions
        self._owners = owners
        self._known: Mapping[int, str] = {}
        self._read_at = -OWNERS_KNOWN_S
        self._reading = asyncio.Lock()
        self._channels: dict[str, Channel] = {}

    def close(self) -> None:
        """Close the channels."""
        for channel in self._channels.values():
            channel.close()

    async def verdict(self, terms: OrderTerms) -> RiskView:
        """Return the verdict that an order would get now."""
        asked = v1.CheckRiskRequest(account_id=terms.account_id, terms=to_proto(terms, v1.OrderTerms))
        return _view(await self._ask(terms.account_id, lambda core: core.check_risk(asked)))

    async def verdict_of_change(self, account_id: str, order_id: UUID, change: OrderChange) -> RiskView:
        """Return the verdict that an order's replace would get now. Raises RoutingRefusedError."""
        asked = v1.CheckRiskRequest(
            account_id=account_id, order_id=str(order_id), change=to_proto(change, v1.OrderChange)
        )
        return _view(await self._ask(account_id, lambda core: core.check_risk(asked)))

    async def verdicts(self, account_id: str, orders: Sequence[OrderTerms]) -> list[RiskView]:
        """Return the verdicts that orders of one account would get if they came now, one after the other."""
        terms = [to_proto(one, v1.OrderTerms) for one in orders]
        asked = v1.CheckBasketRequest(account_id=account_id, terms=terms)
        answer = await self._ask(account_id, lambda core: core.check_basket(asked))
        return [_view(verdict) for verdict in answer.verdicts]

    async def _ask(
        self, account_id: str, question: Callable[[v1.RiskServiceStub], Awaitable[AnswerT]]
    ) -> AnswerT:
        try:
            return await ask("oms-core", question(self._stub(await self._address(account_id))))
        except UnavailableError:
            # Another core may own the account by now.
            self._read_at = -OWNERS_KNOWN_S
            raise

    async def _address(self, account_id: str) -> str:
        async with self._reading:
            if time.monotonic() - self._read_at >= OWNERS_KNOWN_S:
                self._known = await self._owners()
                self._read_at = time.monotonic()
                self._close_all_but({self._fallback, *self._known.values()})
        return self._known.get(murmur2_partition(account_id.encode(), self._partitions), self._fallback)

    def _close_all_but(self, addresses: set[str]) -> None:
        for address in self._channels.keys() - addresses:
            self._channels.pop(address).close()

    def _stub(self, address: str) -> v1.RiskServiceStub:
        channel = self._channels.get(address)
        if channel is None:
            host, _, port = address.rpartition(":")
            channel = self._channels[address] = Channel(host.strip("[]"), int(port))
        return v1.RiskServiceStub(channel, timeout=TIMEOUT_S)


def _view(answer: v1.CheckRiskResponse) -> RiskView:
    return RiskView(
        accepted=answer.accepted,
        denial=answer.denial,
        checks=[
            {
                "rule": check.rule,
                "value": check.value,
                "bound": check.bound,
                "passed": check.passed,
                "headroom": check.headroom,
                "outcome": _outcome(check.outcome),
                "scope": check.scope,
                "overriddenBy": check.overridden_by,
            }
            for check in answer.checks
        ],
    )


def _outcome(outcome: int | None) -> str | None:
    """Return an outcome by name; None of a core that says none, or one of tomorrow's."""
    known = {member.value: member.name for member in v1.RiskOutcome if member.value}
    return known.get(outcome) if outcome is not None else None
