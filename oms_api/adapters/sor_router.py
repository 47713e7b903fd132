"""The Router and the RiskDesk over gRPC: the SOR and the core answer questions that change nothing."""

import json
from collections.abc import Awaitable
from typing import Any, Final, TypeVar
from uuid import UUID

import msgspec
from grpclib.client import Channel
from grpclib.const import Status
from grpclib.exceptions import GRPCError, StreamTerminatedError

from oms_api.domain.terms import Terms
from oms_api.ports import RiskView, RoutingRefusedError, ScorecardView, UnavailableError, WhatIf
from oms_platform.messages import Quote, RoutePlan, RouteRequest
from oms_platform.proto_bridge import from_proto, to_proto
from oms_platform.vocabulary import Message
from oms_platform.wire import encode
from proto.gen.oms import v1

TIMEOUT_S: Final = 5.0
_REFUSALS: Final = (Status.INVALID_ARGUMENT, Status.NOT_FOUND, Status.FAILED_PRECONDITION)
_encoder: Final = msgspec.json.Encoder(decimal_format="string")
AnswerT = TypeVar("AnswerT")


async def ask(who: str, answer: Awaitable[AnswerT]) -> AnswerT:
    """Wait for an answer. Raises RoutingRefusedError, or UnavailableError when there is none."""
    try:
        return await answer
    except GRPCError as error:
        if error.status in _REFUSALS:
            missing = error.status is Status.NOT_FOUND
            raise RoutingRefusedError(error.message or error.status.name, missing=missing) from error
        raise UnavailableError(f"{who} cannot answer: {error.status.name} {error.message}") from error
    except (StreamTerminatedError, TimeoutError, OSError) as error:
        raise UnavailableError(f"{who} is away: {error}") from error


def _raw(message: Any, kind: type[Message]) -> msgspec.Raw:
    """Return a generated message in the proto3 JSON mapping, as Kafka and the audit have it."""
    return msgspec.Raw(encode(from_proto(message, kind)))


class SorRouter:
    """The Router on SorService."""

    def __init__(self, host: str, port: int) -> None:
        self._channel = Channel(host, port)
        self._sor = v1.SorServiceStub(self._channel, timeout=TIMEOUT_S)

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()

    async def preview(self, request: RouteRequest) -> msgspec.Raw:
        """Return the RoutePlan that an order would get now, as JSON."""
        asked = v1.PreviewRouteRequest(request=to_proto(request, v1.RouteRequest))
        return _raw((await ask("sor-engine", self._sor.preview_route(asked))).plan, RoutePlan)

    async def what_if(self, question: WhatIf) -> dict[str, msgspec.Raw]:
        """Return a decision as `stored`, decided `again`, and `changed`, each a RoutePlan as JSON."""
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
        answer = await ask("sor-engine", self._sor.what_if(asked))
        return {
            "stored": _raw(answer.stored, RoutePlan),
            "again": _raw(answer.again, RoutePlan),
            "changed": _raw(answer.changed, RoutePlan),
        }

    async def inputs(self, order_id: UUID, attempt: int) -> dict[str, msgspec.Raw]:
        """Return a decision's `request`, `book` and `reference` as JSON."""
        asked = v1.GetRouteInputsRequest(order_id=str(order_id), attempt=attempt)
        answer = await ask("sor-engine", self._sor.get_route_inputs(asked))
        return {
            "request": _raw(answer.request, RouteRequest),
            "book": _raw(answer.book, Quote) if answer.book.symbol else msgspec.Raw(b"null"),
            "reference": msgspec.Raw(answer.reference_json.encode()),
        }

    async def scorecards(self) -> list[ScorecardView]:
        """Return every venue's scorecard."""
        answer = await ask("sor-engine", self._sor.get_scorecards(v1.GetScorecardsRequest()))
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

    async def profile_problems(self, name: str, settings: dict[str, object]) -> list[str]:
        """Return what is wrong with a routing profile's settings."""
        text = _encoder.encode(settings).decode()
        asked = v1.CheckProfileRequest(name=name, settings_json=text)
        return list((await ask("sor-engine", self._sor.check_profile(asked))).problems)


class CoreRisk:
    """The RiskDesk on the core's RiskService."""

    def __init__(self, host: str, port: int) -> None:
        self._channel = Channel(host, port)
        self._risk = v1.RiskServiceStub(self._channel, timeout=TIMEOUT_S)

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()

    async def verdict(self, terms: Terms) -> RiskView:
        """Return the verdict that an order would get now."""
        asked = v1.CheckRiskRequest(
            account_id=terms.account_id,
            symbol=terms.symbol,
            side=v1.Side[terms.side],
            order_type=v1.OrderType[terms.order_type],
            quantity=terms.quantity,
            limit_price=None if terms.limit_price is None else str(terms.limit_price),
            time_in_force=v1.TimeInForce[terms.time_in_force],
        )
        answer = await ask("oms-core", self._risk.check_risk(asked))
        return RiskView(
            accepted=answer.accepted,
            denial=answer.denial,
            checks=[
                {"rule": check.rule, "value": check.value, "bound": check.bound, "passed": check.passed}
                for check in answer.checks
            ],
        )
