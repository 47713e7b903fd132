"""RiskService over gRPC. Requests go to the core's loop, the only thread that reads or writes its state."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar
from uuid import UUID

import betterproto
import grpclib

from oms_core.domain.positions import Position as DomainPosition
from oms_core.domain.risk import Verdict
from oms_core.entrypoints.loop import CoreLoop
from oms_core.handlers import Core, verdict_now, verdict_of_change, verdicts_of_basket
from oms_platform.prices import dollars_of
from oms_platform.proto_bridge import UnreadableProtoError, from_proto, to_proto
from oms_platform.vocabulary import Message, OrderChange, OrderTerms
from proto.gen.oms.v1 import (
    CheckBasketRequest,
    CheckBasketResponse,
    CheckRiskRequest,
    CheckRiskResponse,
    GetPositionRequest,
    Position,
    RiskCheck,
    RiskServiceBase,
)
from proto.gen.oms.v1 import OrderTerms as ProtoTerms

T = TypeVar("T")
ReadT = TypeVar("ReadT", bound=Message)
ANSWER_TIMEOUT_S = 5.0


def _terms(given: ProtoTerms) -> OrderTerms:
    terms = _read(given, OrderTerms)
    if terms.quantity <= 0:
        raise _invalid(f"quantity must be a whole number of shares above 0, was {terms.quantity}")
    return terms


def _read(given: betterproto.Message, shape: type[ReadT]) -> ReadT:
    try:
        return from_proto(given, shape)
    except UnreadableProtoError as error:
        raise _invalid(str(error)) from error


def _order_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise _invalid(f"order_id must be a UUID, was {text!r}") from None


def _answer(verdict: Verdict) -> CheckRiskResponse:
    return CheckRiskResponse(
        accepted=verdict.denial is None,
        denial=verdict.denial or "",
        checks=[to_proto(check, RiskCheck) for check in verdict.checks],
    )


def _invalid(message: str) -> grpclib.GRPCError:
    return grpclib.GRPCError(grpclib.const.Status.INVALID_ARGUMENT, message)


class RiskService(RiskServiceBase):
    """Verdicts and positions on the state as it is between two batches."""

    def __init__(self, loop: CoreLoop) -> None:
        self._loop = loop

    async def check_risk(self, check_risk_request: CheckRiskRequest) -> CheckRiskResponse:
        """Return the verdict that an order would get now, or one that is to become another.

        NOT_FOUND for a replace of an order that is not known.
        """
        if check_risk_request.order_id:
            order_id = _order_id(check_risk_request.order_id)
            change = _read(check_risk_request.change, OrderChange)
            replaced = await self._ask(
                lambda core: verdict_of_change(core, order_id, change, self._loop.now())
            )
            if replaced is None:
                raise grpclib.GRPCError(grpclib.const.Status.NOT_FOUND, f"there is no order {order_id}")
            return _answer(replaced)
        terms = _terms(check_risk_request.terms)
        return _answer(await self._ask(lambda core: verdict_now(core, terms, self._loop.now())))

    async def check_basket(self, check_basket_request: CheckBasketRequest) -> CheckBasketResponse:
        """Return the verdicts that orders would get one after the other, each with what those before hold."""
        orders = [_terms(given) for given in check_basket_request.terms]
        verdicts = await self._ask(lambda core: verdicts_of_basket(core, orders, self._loop.now()))
        return CheckBasketResponse(verdicts=[_answer(verdict) for verdict in verdicts])

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
