"""One function for each thing that may happen: look up the order, let the domain decide, stage what changed.

A handler raises before it changes anything, so a message that cannot be handled leaves the desk as it was.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from oms_core import metrics
from oms_core.domain.desk import Desk
from oms_core.domain.machine import OverfillError, UnknownChildError, decide
from oms_core.domain.order import (
    NO_WISH,
    AcceptOrder,
    ApplyTrade,
    CancelCause,
    CancelRequested,
    ChildClosed,
    CloseChild,
    Command,
    DenyOrder,
    Event,
    Leg,
    Lifecycle,
    Order,
    OrderAccepted,
    OrderDenied,
    OrderType,
    PlaceRoute,
    RejectCancel,
    RequestCancel,
    RetryRoute,
    RouteRequested,
    RoutingWish,
    Side,
    Terms,
    TimeInForce,
    TradeApplied,
)
from oms_core.domain.risk import Verdict, check_risk
from oms_core.domain.transitions import IllegalTransitionError
from oms_core.ports import OrderStore, QuoteBoard, RiskTaken, StoredEvent, StoredExecution, UnitOfWork
from oms_platform import ids
from oms_platform import messages as wire
from oms_platform.outbox import OutboxRow
from oms_platform.telemetry.order_trace import now_us, traced_id, traceparent_of
from oms_platform.wire import Topic, encode

RESEND_AFTER: Final = timedelta(seconds=30)
# An order older than this may have been closed before this process knew it; the database is asked.
MEMORY_TRUSTED: Final = timedelta(seconds=30)
_CLOSING: Final = {
    wire.ExecType.CANCELED: "CANCELED",
    wire.ExecType.REJECTED: "REJECTED",
    wire.ExecType.EXPIRED: "EXPIRED",
    wire.ExecType.DONE_FOR_DAY: "EXPIRED",
}
_encoder = msgspec.json.Encoder(decimal_format="string")


class UnknownOrderError(Exception):
    """A message names an order that was never stored."""


UNHANDLEABLE: Final = (IllegalTransitionError, UnknownChildError, OverfillError, UnknownOrderError)


@dataclass(slots=True, kw_only=True)
class Core:
    """What the handlers work with."""

    desk: Desk
    store: OrderStore
    quotes: QuoteBoard
    started_at: datetime
    # The trace of each live order that came in this life, for what happens to it without a message.
    traces: dict[UUID, str] = field(default_factory=dict)


def terms_of(message: wire.SubmitOrder) -> Terms:
    """Turn the message into the domain's terms."""
    return Terms(
        order_id=message.order_id,
        account_id=message.account_id,
        client_order_id=message.client_order_id,
        symbol=message.symbol,
        side=Side[message.side.name],
        order_type=OrderType[message.order_type.name],
        time_in_force=TimeInForce[message.time_in_force.name],
        quantity=message.quantity,
        limit_price=message.limit_price,
        routing=wish_of(message.routing),
    )


def wish_of(routing: wire.Routing | None) -> RoutingWish:
    """Turn the message's wishes into the domain's."""
    wish = routing or wire.Routing()
    return RoutingWish(profile=wish.profile, avoid=wish.avoid, prefer=wish.prefer)


def handle(core: Core, unit: UnitOfWork, message: wire.Message, trace: str) -> None:
    """Handle one message. Raises one of UNHANDLEABLE when it contradicts what is stored."""
    _HANDLERS[type(message)](core, unit, message, trace)


def verdict_now(core: Core, terms: Terms) -> Verdict:
    """Return the verdict that an order would get now."""
    return check_risk(core.desk.risk_context(terms, core.quotes.touch(terms.symbol)))


def handle_submit_order(core: Core, unit: UnitOfWork, message: wire.SubmitOrder, trace: str) -> None:
    """Check risk and take or deny the order. An order that was seen before is left alone."""
    order = _find(core, message.order_id, unit.now)
    if order is None or order.lifecycle is Lifecycle.NEW:
        core.traces[message.order_id] = traceparent_of(trace)
        _take(core, unit, terms_of(message), trace)


def _take(core: Core, unit: UnitOfWork, terms: Terms, trace: str) -> Order:
    started_ns = time.perf_counter_ns()
    verdict = verdict_now(core, terms)
    risk_us = (time.perf_counter_ns() - started_ns) // 1000
    metrics.risk_hop.observe(risk_us / 1_000_000, traced_id(trace))
    unit.risks[terms.order_id] = RiskTaken(
        began_us=now_us() - risk_us, took_us=risk_us, denial=verdict.denial or ""
    )
    command: Command
    if verdict.denial is None:
        accepted = OrderAccepted(
            reserved_price=verdict.reserved_price, checks=verdict.checks, risk_us=risk_us
        )
        command = AcceptOrder(accepted=accepted)
    else:
        command = DenyOrder(denied=OrderDenied(denial=verdict.denial, checks=verdict.checks, risk_us=risk_us))
    return _record(core, unit, Order(terms=terms), command, trace)


def handle_cancel_order(core: Core, unit: UnitOfWork, message: wire.CancelOrder, trace: str) -> None:
    """Take the order out of the market, or say that it is too late."""
    order = core.desk.order(message.order_id) or core.store.load_order(message.order_id)
    if order is None:
        raise UnknownOrderError(f"no order {message.order_id} is stored")
    if order.lifecycle is Lifecycle.NEW:
        # The cancel overtook its order's own message, which will be a duplicate when it comes.
        order = _take(core, unit, order.terms, trace)
    command = RequestCancel(request_id=message.request_id, cause=CancelCause.CLIENT)
    _record(core, unit, order, command, trace)


def handle_route_placed(core: Core, unit: UnitOfWork, message: wire.RoutePlaced, trace: str) -> None:
    """Count a route's children as live, or learn why there are none."""
    legs = tuple(
        Leg(
            cl_ord_id=leg.cl_ord_id, venue_id=leg.venue_id, quantity=leg.quantity, limit_price=leg.limit_price
        )
        for leg in message.legs
    )
    command = PlaceRoute(
        attempt=message.attempt,
        legs=legs,
        reason=message.reason,
        refused=message.refused,
        placed_at=message.placed_at,
        continues=message.continues,
    )
    _record(core, unit, _known(core, message.order_id, unit.now), command, trace)


def handle_execution_report(core: Core, unit: UnitOfWork, message: wire.ExecutionReport, trace: str) -> None:
    """Apply a trade, or a child's end; acknowledgements change nothing of the parent."""
    order = _known(core, message.order_id, unit.now)
    if message.exec_type is wire.ExecType.TRADE:
        if message.last_px is None or message.last_qty <= 0:
            raise UnknownChildError(f"trade {message.exec_id} carries no quantity or price")
        trade = ApplyTrade(
            venue_id=message.venue_id,
            exec_id=message.exec_id,
            cl_ord_id=message.cl_ord_id,
            last_qty=message.last_qty,
            last_px=message.last_px,
        )
        if _record(core, unit, order, trade, trace) is not order:
            unit.executions.append(_execution(order.terms, message))
    elif message.exec_type in _CLOSING:
        close = CloseChild(
            cl_ord_id=message.cl_ord_id,
            venue_id=message.venue_id,
            outcome=_CLOSING[message.exec_type],
            text=message.text,
            closed_at=message.transact_time,
        )
        _record(core, unit, order, close, trace)


def _execution(terms: Terms, message: wire.ExecutionReport) -> StoredExecution:
    if message.last_px is None:
        raise UnknownChildError(f"trade {message.exec_id} carries no price")
    return StoredExecution(
        order_id=message.order_id,
        venue_id=message.venue_id,
        exec_id=message.exec_id,
        account_id=terms.account_id,
        cl_ord_id=message.cl_ord_id,
        symbol=terms.symbol,
        side=terms.side.name,
        last_qty=message.last_qty,
        last_px=message.last_px,
        transact_time=message.transact_time,
        received_at=message.received_at,
    )


def handle_cancel_reject(core: Core, unit: UnitOfWork, message: wire.CancelReject, trace: str) -> None:
    """Let the order go on when the venue keeps one of its children."""
    command = RejectCancel(
        cl_ord_id=message.orig_cl_ord_id,
        reason=f"{message.venue_id}: {message.cxl_rej_reason} {message.text}".strip(),
    )
    _record(core, unit, _known(core, message.order_id, unit.now), command, trace)


_HANDLERS: Final[dict[type, Callable[[Core, UnitOfWork, Any, str], None]]] = {
    wire.SubmitOrder: handle_submit_order,
    wire.CancelOrder: handle_cancel_order,
    wire.RoutePlaced: handle_route_placed,
    wire.ExecutionReport: handle_execution_report,
    wire.CancelReject: handle_cancel_reject,
}


def handle_retry(core: Core, unit: UnitOfWork, order_id: UUID) -> None:
    """Ask for the next route of an order whose wait is over."""
    order = core.desk.orders.get(order_id)
    if order is not None:
        _record(core, unit, order, RetryRoute(), core.traces.get(order_id, ""))


def handle_session_end(core: Core, unit: UnitOfWork, ended_at: datetime) -> None:
    """Take every DAY order that was born before the session's end out of the market."""
    for order in list(core.desk.orders.values()):
        born_at = ids.uuid7_time(order.terms.order_id)
        if (
            order.terms.time_in_force is TimeInForce.DAY
            and born_at < ended_at
            and order.pending_cancel is None
        ):
            command = RequestCancel(request_id=ids.uuid7(), cause=CancelCause.SESSION_END)
            _record(core, unit, order, command, core.traces.get(order.terms.order_id, ""))


def unanswered(core: Core, now: datetime) -> list[tuple[str, str, wire.Message]]:
    """Return, as (topic, key, message), the requests that nobody answered for RESEND_AFTER.

    They were published; somewhere they were lost or dead-lettered. All of them may be sent again without
    harm.
    """
    late: list[tuple[str, str, wire.Message]] = []
    for order in core.desk.orders.values():
        if order.routed_at is None or now - order.routed_at < RESEND_AFTER:
            continue
        key = str(order.terms.order_id)
        if order.route_quantity:
            late.append(
                (Topic.VALIDATED.value, key, _route_request(order, order.route_quantity, order.routed_at))
            )
        elif order.pending_cancel is not None:
            late.append((Topic.ROUTED.value, key, _cancel_children(order, ids.uuid7(), now)))
    return late


def _known(core: Core, order_id: UUID, now: datetime) -> Order:
    order = _find(core, order_id, now)
    if order is None:
        raise UnknownOrderError(f"no order {order_id} is stored")
    return order


def _find(core: Core, order_id: UUID, now: datetime) -> Order | None:
    """Return an order from memory or, if it may be older than this process' memory, from the database."""
    order = core.desk.order(order_id)
    if order is not None:
        return order
    born_at = ids.uuid7_time(order_id)
    if born_at > core.started_at and now - born_at < MEMORY_TRUSTED:
        return None
    return core.store.load_order(order_id)


def _record(core: Core, unit: UnitOfWork, order: Order, command: Command, trace: str) -> Order:
    """Let the domain decide, apply what happens and stage it.

    Returns the order after it, the same one if nothing happened.
    """
    events = decide(order, command, unit.now, ids.route_id)
    for event in events:
        order = core.desk.apply_event(order, event)
        _stage(core, unit, order, event, trace)
    if order.closed:
        core.traces.pop(order.terms.order_id, None)
    return order


def _stage(core: Core, unit: UnitOfWork, order: Order, event: Event, trace: str) -> None:
    terms = order.terms
    core.desk.stream_sequences[terms.account_id] += 1
    trade = event if isinstance(event, TradeApplied) else None
    message = wire.OrderEvent(
        event_id=ids.uuid7(),
        order_id=terms.order_id,
        account_id=terms.account_id,
        client_order_id=terms.client_order_id,
        sequence=order.sequence,
        stream_sequence=core.desk.stream_sequences[terms.account_id],
        type=type(event).__name__,
        status=wire.OrderStatus[order.status],
        symbol=terms.symbol,
        side=wire.Side[terms.side.name],
        quantity=terms.quantity,
        occurred_at=unit.now,
        cum_qty=order.cum_qty,
        leaves_qty=order.leaves_qty,
        avg_px=order.avg_px,
        last_qty=trade.last_qty if trade is not None else 0,
        last_px=trade.last_px if trade is not None else None,
        venue_id=event.venue_id if isinstance(event, TradeApplied | ChildClosed) else "",
        text=order.text,
    )
    unit.events.append(StoredEvent(message=message, data=_encoder.encode(event), trace=trace))
    unit.orders[terms.order_id] = order
    if trade is not None:
        unit.positions.add((terms.account_id, terms.symbol))
    if isinstance(event, RouteRequested):
        request = _route_request(order, event.quantity, event.requested_at)
        _stage_outbox(unit, order, Topic.VALIDATED, request, trace)
    elif isinstance(event, CancelRequested) and (order.working_qty or order.route_quantity):
        cancel = _cancel_children(order, event.request_id, unit.now)
        _stage_outbox(unit, order, Topic.ROUTED, cancel, trace)


def _stage_outbox(unit: UnitOfWork, order: Order, topic: Topic, message: wire.Message, trace: str) -> None:
    unit.outbox.append(
        OutboxRow(
            outbox_id=ids.uuid7(),
            writer="core",
            order_id=order.terms.order_id,
            topic=topic.value,
            key=str(order.terms.order_id),
            type=type(message).__name__,
            payload=encode(message),
            trace=trace,
            created_at=unit.now,
        )
    )


def _route_request(order: Order, quantity: int, requested_at: datetime) -> wire.RouteRequest:
    terms, wish = order.terms, order.terms.routing
    return wire.RouteRequest(
        route_id=ids.route_id(terms.order_id, order.attempt),
        order_id=terms.order_id,
        account_id=terms.account_id,
        attempt=order.attempt,
        symbol=terms.symbol,
        side=wire.Side[terms.side.name],
        order_type=wire.OrderType[terms.order_type.name],
        quantity=quantity,
        time_in_force=wire.TimeInForce[terms.time_in_force.name],
        requested_at=requested_at,
        limit_price=terms.limit_price,
        routing=None
        if wish == NO_WISH
        else wire.Routing(profile=wish.profile, avoid=wish.avoid, prefer=wish.prefer),
        visits=tuple(
            wire.VenueVisit(
                venue_id=visit.venue_id,
                children=visit.children,
                sent=visit.sent,
                filled=visit.filled,
                rejected=visit.rejected,
                last_at=visit.last_at,
            )
            for visit in order.visits
        ),
    )


def _cancel_children(order: Order, request_id: UUID, now: datetime) -> wire.CancelChildren:
    return wire.CancelChildren(
        request_id=request_id,
        order_id=order.terms.order_id,
        account_id=order.terms.account_id,
        requested_at=now,
    )
