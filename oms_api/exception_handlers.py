"""What the doors do about execution exceptions: plain functions from a request to an answer or a refusal."""

from collections.abc import Mapping
from uuid import UUID

import msgspec

from oms_api.domain.booking import BookedTrade, Reported, read_booking, read_reason
from oms_api.domain.principal import Principal
from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode, invalid, shown
from oms_api.domain.terms import NO_ROUTING, read_id
from oms_api.handlers import known_to, place
from oms_api.ports import ExceptionView, NewChange, OrderView, Ports
from oms_platform.clock import Clock
from oms_platform.exceptions import BOOKABLE, BOOKING_CHANNEL, ExceptionKind, execution_names
from oms_platform.ids import uuid7
from oms_platform.messages import BookTrade, SubmitOrder
from oms_platform.vocabulary import Booking, OrderTerms, OrderType, TimeInForce
from oms_platform.wire import encode


class BookingTaken(msgspec.Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """A booking that is stored. request_id: of the event on order_id that will be its outcome."""

    exception_id: UUID
    order_id: UUID
    request_id: UUID
    status: str


async def handle_get_exception(
    ports: Ports, principal: Principal, exception_id: str
) -> ExceptionView | Refusal:
    """Return an exception that the caller sees; one of no account exists for who sees every account."""
    missing = Refusal(code=RefusalCode.NOT_FOUND, message=f"no exception {shown(exception_id)}")
    known = read_id(exception_id)
    found = None if known is None else await ports.exceptions.exception(known)
    if found is None:
        return missing
    visible = principal.sees_every_account or (
        found.account_id is not None and principal.sees(found.account_id)
    )
    return found if visible else missing


async def handle_ignore_exception(
    ports: Ports, principal: Principal, exception_id: str, content: Mapping[str, object]
) -> ExceptionView | Refusal:
    """Close an exception without effect."""
    reason = read_reason(content)
    if isinstance(reason, FieldProblem):
        return invalid(reason)
    found = await handle_get_exception(ports, principal, exception_id)
    if isinstance(found, Refusal):
        return found
    closed = await ports.exceptions.ignore(found.exception_id, principal.subject, reason)
    return _not_open(found) if closed is None else closed


async def handle_book_exception(
    ports: Ports, clock: Clock, principal: Principal, exception_id: str, content: Mapping[str, object]
) -> BookingTaken | Refusal:
    """Store the request to book the trade that an exception is of; core books it once.

    It goes to the order that the exception names, or else to an order that is made as its record.
    """
    found = await handle_get_exception(ports, principal, exception_id)
    if isinstance(found, Refusal):
        return found
    order = None if found.order_id is None else await ports.reader.order(found.order_id, None)
    trade = _read(ports, principal, found, order, content)
    if isinstance(trade, Refusal):
        return trade
    claimed = await ports.exceptions.claim(
        found.exception_id, principal.subject, trade.reason, trade.account_id
    )
    if claimed is None:
        return _not_open(found)
    booking = _booking(found, trade, await ports.exceptions.raw(found.exception_id))
    trace, _ = ports.tracer.begin(None)
    if order is not None and (order.symbol, order.side) == (trade.symbol, trade.side.name):
        message = BookTrade(
            request_id=uuid7(),
            order_id=order.order_id,
            account_id=order.account_id,
            principal=principal.subject,
            received_at=clock(),
            booking=booking,
        )
        await ports.intake.change(NewChange(message=message, payload=encode(message), trace=trace))
        return _taken(found, message.order_id, message.request_id)
    record = SubmitOrder(
        order_id=uuid7(), received_at=clock(), terms=_terms(found, trade, principal), booking=booking
    )
    placed = await place(ports, record, trace)
    return placed if isinstance(placed, Refusal) else _taken(found, placed.order_id, placed.order_id)


def _read(
    ports: Ports,
    principal: Principal,
    found: ExceptionView,
    order: OrderView | None,
    content: Mapping[str, object],
) -> BookedTrade | Refusal:
    kind = ExceptionKind[found.kind]
    if kind not in BOOKABLE:
        return _nothing_to_book(kind)
    if found.status not in ("OPEN", "BOOKING"):
        return _not_open(found)
    reported = Reported(
        last_qty=found.last_qty,
        last_px=found.last_px,
        account_id=found.account_id if order is None else order.account_id,
        symbol=found.symbol if order is None else order.symbol,
        side=found.side if order is None else order.side,
    )
    trade = read_booking(content, reported)
    if not isinstance(trade, BookedTrade):
        return invalid(*trade)
    known = known_to(ports.reference, principal)
    problems = []
    if not known.account_exists(trade.account_id):
        problems.append(FieldProblem(field="accountId", message="unknown account"))
    elif reported.account_id is not None and trade.account_id != reported.account_id:
        message = f"must be {reported.account_id}, whose order it is"
        problems.append(FieldProblem(field="accountId", message=message))
    if known.ticks_of(trade.symbol) is None:
        problems.append(FieldProblem(field="symbol", message=f"unknown symbol {shown(trade.symbol)}"))
    return invalid(*problems) if problems else trade


def _nothing_to_book(kind: ExceptionKind) -> Refusal:
    return invalid(
        FieldProblem(field="kind", message=f"{kind.name} has no trade to book: {kind.value} Ignore it.")
    )


def _not_open(found: ExceptionView) -> Refusal:
    return Refusal(
        code=RefusalCode.CONFLICT,
        message=f"the exception is not OPEN: it was {found.status}",
        status=found.status,
    )


def _booking(found: ExceptionView, trade: BookedTrade, raw: bytes) -> Booking:
    """Name the trade as its venue does, so that it has no second effect if a report of it comes after all."""
    names = execution_names(raw)
    at = names.transact_time or found.raised_at
    named = found.exec_id and found.kind != ExceptionKind.REPEATED_EXEC_ID.name
    return Booking(
        exception_id=found.exception_id,
        cl_ord_id=found.cl_ord_id,
        venue_id=found.venue_id,
        exec_id=found.exec_id if named else f"BOOKED-{found.exception_id}",
        venue_order_id=names.venue_order_id,
        trade_date=names.trade_date or f"{at:%Y%m%d}",
        last_qty=trade.last_qty,
        last_px_micros=trade.last_px_micros,
        transact_time=at,
        reason=trade.reason,
    )


def _terms(found: ExceptionView, trade: BookedTrade, principal: Principal) -> OrderTerms:
    """Return the terms of the order that is the record of a trade; one exception has one."""
    return OrderTerms(
        account_id=trade.account_id,
        channel=BOOKING_CHANNEL,
        client_order_id=str(found.exception_id),
        symbol=trade.symbol,
        side=trade.side,
        order_type=OrderType.MARKET,
        quantity=trade.last_qty,
        time_in_force=TimeInForce.DAY,
        principal=principal.subject,
        routing=NO_ROUTING,
    )


def _taken(found: ExceptionView, order_id: UUID, request_id: UUID) -> BookingTaken:
    return BookingTaken(
        exception_id=found.exception_id, order_id=order_id, request_id=request_id, status="BOOKING"
    )
