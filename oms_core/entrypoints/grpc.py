"""RiskService over gRPC. Requests go to the core's loop, the only thread that reads or writes its state."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

import grpclib

from oms_core.domain.positions import Position as DomainPosition
from oms_core.domain.risk import Verdict
from oms_core.entrypoints.loop import CoreLoop
from oms_core.handlers import Core, verdict_now
from oms_platform.prices import dollars_of
from oms_platform.proto_bridge import UnreadableProtoError, from_proto, to_proto
from oms_platform.vocabulary import OrderTerms
from proto.gen.oms.v1 import (
    CheckRiskRequest,
    CheckRiskResponse,
    GetPositionRequest,
    Position,
    RiskCheck,
    RiskServiceBase,
)

T = TypeVar("T")
ANSWER_TIMEOUT_S = 5.0


def _terms(request: CheckRiskRequest) -> OrderTerms:
    try:
        terms = from_proto(request.terms, OrderTerms)
    except UnreadableProtoError as error:
        raise _invalid(str(error)) from error
    if terms.quantity <= 0:
        raise _invalid(f"quantity must be a whole number of shares above 0, was {terms.quantity}")
    return terms


def _invalid(message: str) -> grpclib.GRPCError:
    return grpclib.GRPCError(grpclib.const.Status.INVALID_ARGUMENT, message)


class RiskService(RiskServiceBase):
    """CheckRisk and GetPosition on the state as it is between two batches."""

    def __init__(self, loop: CoreLoop) -> None:
        self._loop = loop

    async def check_risk(self, check_risk_request: CheckRiskRequest) -> CheckRiskResponse:
        """Return the verdict that an order would get now."""
        terms = _terms(check_risk_request)
        verdict: Verdict = await self._ask(lambda core: verdict_now(core, terms, self._loop.now()))
        return CheckRiskResponse(
            accepted=verdict.denial is None,
            denial=verdict.denial or "",
            checks=[to_proto(check, RiskCheck) for check in verdict.checks],
        )

    async def get_position(self, get_position_request: GetPositionRequest) -> Position:
        """Return an account's position in a symbol; flat when it never traded it."""
        account_id, symbol = get_position_request.account_id, get_position_request.symbol
        found: DomainPosition = await self._ask(lambda core: core.desk.position(account_id, symbol))
        return Position(
            account_id=account_id,
            symbol=symbol,
            quantity=found.quantity,
            cost=str(dollars_of(found.cost_micros)),
            realized_pnl=str(dollars_of(found.realized_pnl_micros)),
            net_cash=str(dollars_of(found.net_cash_micros)),
            fees=str(dollars_of(found.fees_micros)),
            opened=str(dollars_of(found.opened_micros)),
        )

    async def _ask(self, question: Callable[[Core], T]) -> T:
        answer: Future[T] = Future()

        def run(core: Core) -> None:
            try:
                answer.set_result(question(core))
            except Exception as error:
                answer.set_exception(error)

        self._loop.queries.put(run)
        return await asyncio.wait_for(asyncio.wrap_future(answer), ANSWER_TIMEOUT_S)
