"""What a venue's report is to its order: a fact, a repeat without effect, or an exception that a person sees.

Nothing of an execution is refused for its size, and none is lost: it is a fact, or it is an exception.
"""

from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from oms_core.domain.executions import (
    AmbiguousTradeError,
    Effects,
    Execution,
    change_of,
    execution_id,
    trade_of,
)
from oms_core.domain.machine import moves, restatement_refused
from oms_core.domain.order import Order
from oms_core.domain.transitions import Lifecycle
from oms_platform.exceptions import (
    EXECUTIONS,
    ExceptionKind,
    ExecutionException,
    exception_identity,
    message_content,
)
from oms_platform.messages import ExecutionReport
from oms_platform.vocabulary import (
    Booking,
    BookingRejected,
    ChildClosed,
    ChildRestated,
    ExecType,
    TradeApplied,
    TradeCorrected,
)
from oms_platform.wire import encode

_OUTCOMES: Final = {
    ExecType.CANCELED: ExecType.CANCELED,
    ExecType.REJECTED: ExecType.REJECTED,
    ExecType.EXPIRED: ExecType.EXPIRED,
    ExecType.DONE_FOR_DAY: ExecType.EXPIRED,
    ExecType.CALCULATED: ExecType.TRADE,
}
T = TypeVar("T", TradeApplied, TradeCorrected)
VenueFact = TradeApplied | TradeCorrected | ChildRestated | ChildClosed


class Refused(Struct, frozen=True, gc=False):
    """Why a report is not applied."""

    kind: ExceptionKind
    detail: str


def fact_of(order: Order | None, effects: Effects, report: ExecutionReport) -> VenueFact | Refused | None:
    """Return what a report is to its order, None when it has no effect on it."""
    kind = report.exec_type
    if kind in _OUTCOMES:
        return _child_closed(effects, report)
    if kind not in EXECUTIONS and kind is not ExecType.RESTATED:
        return None
    if order is None:
        return Refused(ExceptionKind.UNKNOWN_ORDER, f"no order {report.order_id} is stored")
    if (contradiction := _contradiction(order, report)) is not None:
        return Refused(ExceptionKind.CONTRADICTS_CHILD, contradiction)
    if report.cl_ord_id not in order.children:
        return Refused(ExceptionKind.UNKNOWN_ORDER, f"order {order.order_id} has no child {report.cl_ord_id}")
    if kind is ExecType.RESTATED:
        return _restated(order, effects, report)
    if report.exec_id == "":
        return Refused(ExceptionKind.UNREADABLE, f"expected an ExecID of a {kind.name}, found none")
    if kind is ExecType.TRADE:
        return _trade(effects, report)
    return _correction(effects, report)


def _contradiction(order: Order, report: ExecutionReport) -> str | None:
    terms, child = order.terms, order.children.get(report.cl_ord_id)
    pairs = [
        ("account", terms.account_id, report.account_id),
        ("symbol", terms.symbol, report.symbol),
        ("side", terms.side.name, report.side.name),
    ]
    if child is not None:
        pairs.append(("venue", child.venue_id, report.venue_id))
    wrong = [f"{what} {ours}, was {theirs}" for what, ours, theirs in pairs if ours != theirs]
    return f"expected {'; '.join(wrong)}" if wrong else None


def _bad_numbers(report: ExecutionReport, shares_min: int) -> Refused | None:
    price, shares = report.last_px_micros, report.last_qty
    if shares < shares_min:
        return Refused(ExceptionKind.BAD_QUANTITY, f"expected LastQty of {shares_min} or more, was {shares}")
    if shares and (price is None or price <= 0):
        return Refused(ExceptionKind.BAD_PRICE, f"expected LastPx above 0, was {price} micros")
    return None


def _trade(effects: Effects, report: ExecutionReport) -> TradeApplied | Refused | None:
    if (bad := _bad_numbers(report, 1)) is not None:
        return bad
    trade = TradeApplied(
        venue_id=report.venue_id,
        exec_id=report.exec_id,
        cl_ord_id=report.cl_ord_id,
        last_qty=report.last_qty,
        last_px_micros=report.last_px_micros or 0,
        transact_time=report.transact_time,
        received_at=report.received_at,
        venue_order_id=report.venue_order_id,
        trade_date=report.trade_date,
        last_liquidity=report.last_liquidity,
    )
    return _once(effects, trade, Execution(trade.cl_ord_id, trade.last_qty, trade.last_px_micros))


def booked_trade(
    order: Order, effects: Effects, request_id: UUID, booking: Booking, now: datetime
) -> TradeApplied | BookingRejected:
    """Return the trade that a person books on an order, or why it is not booked."""
    trade = TradeApplied(
        venue_id=booking.venue_id,
        exec_id=booking.exec_id,
        cl_ord_id=booking.cl_ord_id if booking.cl_ord_id in order.children else "",
        last_qty=booking.last_qty,
        last_px_micros=booking.last_px_micros,
        transact_time=booking.transact_time,
        received_at=now,
        venue_order_id=booking.venue_order_id,
        trade_date=booking.trade_date,
        request_id=request_id,
    )
    reason = ""
    if order.lifecycle is Lifecycle.REJECTED:
        reason = "the order was denied and no venue had it: book the trade to the account"
    elif booking.last_qty <= 0 or booking.last_px_micros <= 0:
        reason = f"expected shares and a price above 0, were {booking.last_qty} at {booking.last_px_micros}"
    elif (before := effects.reported(execution_id(trade))) is not None:
        shares, price = effects.standing(execution_id(trade)) if before.corrects is None else (0, 0)
        reason = f"{booking.exec_id} is in already: {shares} at {price} micros"
    return BookingRejected(request_id=request_id, reason=reason) if reason else trade


def _correction(effects: Effects, report: ExecutionReport) -> TradeCorrected | Refused | None:
    bust = report.exec_type is ExecType.TRADE_CANCEL
    if not bust and (bad := _bad_numbers(report, 0)) is not None:
        return bad
    reference = (report.venue_id, report.trade_date, report.venue_order_id, report.exec_ref_id)
    try:
        trade = effects.find_trade(reference, report.cl_ord_id)
    except AmbiguousTradeError as error:
        return Refused(ExceptionKind.UNKNOWN_TRADE, str(error))
    if trade is None:
        return Refused(
            ExceptionKind.UNKNOWN_TRADE,
            f"{report.exec_type.name} of trade {report.exec_ref_id or '(none)'}, which was never reported",
        )
    was_qty, was_px_micros = effects.standing(trade)
    last_qty = 0 if bust else report.last_qty
    correction = TradeCorrected(
        venue_id=report.venue_id,
        exec_id=report.exec_id,
        exec_ref_id=trade[3],
        cl_ord_id=report.cl_ord_id,
        was_qty=was_qty,
        was_px_micros=was_px_micros,
        last_qty=last_qty,
        last_px_micros=(report.last_px_micros or 0) if last_qty else 0,
        leaves_qty=report.leaves_qty,
        transact_time=report.transact_time,
        received_at=report.received_at,
        venue_order_id=report.venue_order_id,
        trade_date=report.trade_date,
        text=report.text,
        ref_trade_date=trade[1],
        ref_venue_order_id=trade[2],
    )
    content = Execution(correction.cl_ord_id, last_qty, correction.last_px_micros, trade_of(correction))
    return _once(effects, correction, content)


def of_before_action(correction: TradeCorrected, reshaped: datetime) -> Refused:
    """Return why a correction of a trade of before a corporate action is left to a person."""
    return Refused(
        ExceptionKind.UNKNOWN_TRADE,
        f"trade {correction.exec_ref_id} is of before the corporate action of {reshaped:%Y-%m-%d %H:%M:%S},"
        " in other shares: load what is held",
    )


def _once(effects: Effects, fact: T, content: Execution) -> T | Refused | None:
    """Return an execution the first time it comes, and what contradicts its first coming as refused."""
    before = effects.reported(execution_id(fact))
    if before is None:
        return fact
    if before.says(content):
        return None
    return Refused(
        ExceptionKind.REPEATED_EXEC_ID,
        f"{fact.exec_id} was {before.last_qty} at {before.last_px_micros} micros of {before.cl_ord_id},"
        f" is now {content.last_qty} at {content.last_px_micros} of {content.cl_ord_id}",
    )


def _restated(order: Order, effects: Effects, report: ExecutionReport) -> ChildRestated | Refused | None:
    child = order.children[report.cl_ord_id]
    restated = ChildRestated(
        cl_ord_id=report.cl_ord_id,
        venue_id=report.venue_id,
        quantity=report.order_qty,
        text=report.text,
        exec_id=report.exec_id,
        venue_order_id=report.venue_order_id,
        trade_date=report.trade_date,
        restated_at=report.transact_time,
        limit_price_micros=report.price_micros,
    )
    older = child.restated_at is not None and report.transact_time < child.restated_at
    same = report.order_qty == child.quantity and not moves(child, restated)
    # One that was filled with fewer may have them all again by a replace; the same report brings nothing.
    more = child.is_filled and report.order_qty > child.done_qty and report.transact_time != child.restated_at
    if older or (same and not more) or effects.has(change_of(restated)):
        return None
    why = restatement_refused(order, child, restated)
    return restated if why is None else Refused(ExceptionKind.BAD_QUANTITY, why)


def _child_closed(effects: Effects, report: ExecutionReport) -> ChildClosed | None:
    closed = ChildClosed(
        cl_ord_id=report.cl_ord_id,
        venue_id=report.venue_id,
        outcome=_OUTCOMES[report.exec_type],
        text=report.text,
        closed_at=report.transact_time,
        unresolved_qty=max(0, report.unresolved_qty),
        exec_id=report.exec_id,
        venue_order_id=report.venue_order_id,
        trade_date=report.trade_date,
    )
    return None if effects.has(change_of(closed)) else closed


def beyond(order: Order, fact: VenueFact) -> Refused | None:
    """Return what to tell a person of an execution that was applied, None if it was within its order.

    order: after it.
    """
    more = isinstance(fact, TradeApplied) or (
        isinstance(fact, TradeCorrected) and fact.last_qty > fact.was_qty
    )
    if not more:
        return None
    child = order.children[fact.cl_ord_id]
    if child.executed_qty <= child.quantity and not order.excess_qty:
        return None
    return Refused(
        ExceptionKind.OVERFILL,
        f"{fact.cl_ord_id} has {child.executed_qty} of {child.quantity} shares executed,"
        f" the order {order.executed_qty} of {order.terms.quantity}",
    )


def exception_of(
    report: ExecutionReport, refused: Refused, exception_id: UUID, now: datetime
) -> ExecutionException:
    """Return the exception that a report is.

    What the adapter counted by then is not the venue's word, and may be other when it comes again.
    """
    said = replace(report, cum_qty=0, leaves_qty=0, unresolved_qty=0)
    return ExecutionException(
        exception_id=exception_id,
        identity=exception_identity(refused.kind, report.venue_id, message_content(said)),
        kind=refused.kind,
        raised_by="oms-core",
        venue_id=report.venue_id,
        order_id=report.order_id,
        account_id=report.account_id,
        cl_ord_id=report.cl_ord_id,
        exec_id=report.exec_id,
        symbol=report.symbol,
        side=report.side.name,
        last_qty=report.last_qty,
        last_px_micros=report.last_px_micros,
        detail=refused.detail,
        raw=encode(report),
        raised_at=now,
    )
