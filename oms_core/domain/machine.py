"""`decide` says what a command makes happen to an order, `apply` what an event changes. Both are pure.

A route is asked for whenever shares are left that no child works and no route plan holds. A route that brings
no fill is followed by the next one only after a wait that doubles, and orders that may not rest are canceled
after FRUITLESS_ROUTES_MAX of them. The stages of a plan that says so follow each other at once.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from oms_core.domain.order import (
    AcceptOrder,
    ApplyTrade,
    CancelCause,
    CancelRejected,
    CancelRequested,
    Child,
    ChildClosed,
    CloseChild,
    Command,
    DenyOrder,
    Event,
    Lifecycle,
    Order,
    OrderAccepted,
    OrderCanceled,
    OrderDenied,
    OrderExpired,
    PlaceRoute,
    RejectCancel,
    RequestCancel,
    RetryRoute,
    RouteDeferred,
    RoutePlaced,
    RouteRequested,
    TimeInForce,
    TradeApplied,
)
from oms_core.domain.transitions import next_lifecycle

FRUITLESS_ROUTES_MAX: Final = 6
# Whatever plans say, from this attempt on a route without a fill is followed by a wait.
CONTINUED_ATTEMPTS_MAX: Final = 12
RETRY_DELAY_MIN: Final = timedelta(milliseconds=100)
RETRY_DELAY_MAX: Final = timedelta(seconds=10)

# (order_id, attempt) -> route_id
RouteIds = Callable[[UUID, int], UUID]


class UnknownChildError(Exception):
    """A report names a child that this order does not have."""


class OverfillError(Exception):
    """A venue reports more shares than the child or the order has."""


def decide(order: Order, command: Command, now: datetime, route_ids: RouteIds) -> tuple[Event, ...]:
    """Return the events that `command` makes of `order` at `now`, none when it changes nothing.

    Raises IllegalTransitionError, UnknownChildError or OverfillError for a report that contradicts the order.
    """
    first = _DECIDERS[type(command)](order, command)
    after = order
    for event in first:
        after = apply(after, event)
    return (*first, *_follow_up(after, now, route_ids))


def _accept(_order: Order, command: AcceptOrder) -> tuple[Event, ...]:
    return (command.accepted,)


def _deny(_order: Order, command: DenyOrder) -> tuple[Event, ...]:
    return (command.denied,)


def _place_route(order: Order, command: PlaceRoute) -> tuple[Event, ...]:
    if command.attempt != order.attempt or not order.route_quantity or order.closed:
        return ()  # seen before
    placed = RoutePlaced(
        attempt=command.attempt,
        legs=command.legs,
        reason=command.reason,
        placed_at=command.placed_at,
        continues=command.continues,
    )
    return (placed,)


def _apply_trade(order: Order, command: ApplyTrade) -> tuple[Event, ...]:
    if (command.venue_id, command.exec_id) in order.exec_ids:
        return ()
    child = _child(order, command.cl_ord_id)
    if child.cum_qty + command.last_qty > child.quantity:
        raise OverfillError(
            f"{command.cl_ord_id} has {child.quantity} shares, {child.cum_qty} done,"
            f" {command.last_qty} more reported"
        )
    if order.cum_qty + command.last_qty > order.terms.quantity:
        raise OverfillError(
            f"the order has {order.terms.quantity} shares, {order.cum_qty} done,"
            f" {command.last_qty} more reported"
        )
    return (
        TradeApplied(
            venue_id=command.venue_id,
            exec_id=command.exec_id,
            cl_ord_id=command.cl_ord_id,
            last_qty=command.last_qty,
            last_px=command.last_px,
        ),
    )


def _close_child(order: Order, command: CloseChild) -> tuple[Event, ...]:
    if not _child(order, command.cl_ord_id).live:
        return ()
    return (
        ChildClosed(
            cl_ord_id=command.cl_ord_id,
            venue_id=command.venue_id,
            outcome=command.outcome,
            text=command.text,
            closed_at=command.closed_at,
        ),
    )


def _request_cancel(order: Order, command: RequestCancel) -> tuple[Event, ...]:
    if order.closed:
        return (CancelRejected(reason=f"too late, the order is {order.lifecycle.value}"),)
    if order.pending_cancel is not None:
        return ()
    return (CancelRequested(request_id=command.request_id, cause=command.cause),)


def _reject_cancel(order: Order, command: RejectCancel) -> tuple[Event, ...]:
    # Too late: the child's last fill came before this, and the order goes on. A child that lives on stays.
    if order.pending_cancel is None or not _child(order, command.cl_ord_id).live:
        return ()
    return (CancelRejected(reason=command.reason),)


def _nothing(_order: Order, _command: RetryRoute) -> tuple[Event, ...]:
    return ()


_DECIDERS: Final[dict[type, Callable[[Order, Any], tuple[Event, ...]]]] = {
    AcceptOrder: _accept,
    DenyOrder: _deny,
    PlaceRoute: _place_route,
    ApplyTrade: _apply_trade,
    CloseChild: _close_child,
    RequestCancel: _request_cancel,
    RejectCancel: _reject_cancel,
    RetryRoute: _nothing,
}


def _child(order: Order, cl_ord_id: str) -> Child:
    child = order.children.get(cl_ord_id)
    if child is None:
        raise UnknownChildError(f"order {order.terms.order_id} has no child {cl_ord_id}")
    return child


def _follow_up(order: Order, now: datetime, route_ids: RouteIds) -> tuple[Event, ...]:
    """Return what an order does next of itself: end, ask for a route, or wait."""
    if order.lifecycle is not Lifecycle.LIVE:
        return ()
    idle = not order.working_qty and not order.route_quantity
    if order.pending_cancel is not None:
        return (_end(order.pending_cancel),) if idle else ()
    if not order.unrouted_qty or order.route_quantity:
        return ()
    spent = _spent(order)
    if spent is not None:
        return (OrderCanceled(reason=spent),) if idle else ()
    return _next_route(order, now, route_ids)


def _spent(order: Order) -> str | None:
    """Return why no further route is asked for, None while there may be one."""
    if order.attempt and order.terms.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
        return order.text or "the rest of an immediate order is canceled"
    if order.fruitless_routes >= FRUITLESS_ROUTES_MAX and not order.terms.may_rest:
        return f"ROUTES_EXHAUSTED: routes={order.attempt}, last={order.text or 'no fill'}"
    return None


def _next_route(order: Order, now: datetime, route_ids: RouteIds) -> tuple[Event, ...]:
    if order.fruitless_routes and order.retry_at is None:
        return (RouteDeferred(retry_at=now + _retry_delay(order.fruitless_routes), reason=order.text),)
    if order.retry_at is not None and now < order.retry_at:
        return ()
    attempt = order.attempt + 1
    requested = RouteRequested(
        route_id=route_ids(order.terms.order_id, attempt),
        attempt=attempt,
        quantity=order.unrouted_qty,
        requested_at=now,
    )
    return (requested,)


def _end(cause: CancelCause) -> Event:
    if cause is CancelCause.SESSION_END:
        return OrderExpired(reason="the trading day ended")
    return OrderCanceled(reason="canceled on request")


def _retry_delay(fruitless_routes: int) -> timedelta:
    delay: timedelta = RETRY_DELAY_MIN * 2 ** min(fruitless_routes - 1, 10)
    return min(delay, RETRY_DELAY_MAX)


def apply(order: Order, event: Event) -> Order:
    """Return the order after `event`. Raises IllegalTransitionError, changing nothing, if it may not be."""
    return _APPLIERS[type(event)](order, event)


def _moved(order: Order, event: Event, **changes: Any) -> Order:
    cum_qty = changes.get("cum_qty", order.cum_qty)
    lifecycle = next_lifecycle(order.lifecycle, type(event).__name__, filled=cum_qty == order.terms.quantity)
    return replace(order, sequence=order.sequence + 1, lifecycle=lifecycle, **changes)


def _applied_accepted(order: Order, event: OrderAccepted) -> Order:
    return _moved(order, event, reserved_price=event.reserved_price)


def _applied_denied(order: Order, event: OrderDenied) -> Order:
    return _moved(order, event, text=event.denial)


def _applied_route_requested(order: Order, event: RouteRequested) -> Order:
    return _moved(
        order,
        event,
        attempt=event.attempt,
        route_quantity=event.quantity,
        routed_at=event.requested_at,
        retry_at=None,
    )


def _applied_route_placed(order: Order, event: RoutePlaced) -> Order:
    children = dict(order.children)
    for leg in event.legs:
        children[leg.cl_ord_id] = Child(venue_id=leg.venue_id, quantity=leg.quantity, last_at=event.placed_at)
    at_once = event.continues and order.attempt < CONTINUED_ATTEMPTS_MAX
    return _moved(
        order,
        event,
        children=MappingProxyType(children),
        route_quantity=0,
        fruitless_routes=order.fruitless_routes + (0 if at_once else 1),
        text=event.reason,
    )


def _applied_route_deferred(order: Order, event: RouteDeferred) -> Order:
    return _moved(order, event, retry_at=event.retry_at)


def _applied_trade(order: Order, event: TradeApplied) -> Order:
    child = order.children[event.cl_ord_id]
    cum_qty = child.cum_qty + event.last_qty
    children = dict(order.children)
    children[event.cl_ord_id] = replace(child, cum_qty=cum_qty, live=child.live and cum_qty < child.quantity)
    return _moved(
        order,
        event,
        children=MappingProxyType(children),
        cum_qty=order.cum_qty + event.last_qty,
        filled_notional=order.filled_notional + event.last_qty * event.last_px,
        exec_ids=order.exec_ids | {(event.venue_id, event.exec_id)},
        fruitless_routes=0,
        retry_at=None,
        text="",
    )


def _applied_child_closed(order: Order, event: ChildClosed) -> Order:
    children = dict(order.children)
    child = children[event.cl_ord_id]
    children[event.cl_ord_id] = replace(
        child,
        live=False,
        rejected=event.outcome == "REJECTED",
        last_at=event.closed_at or child.last_at,
    )
    return _moved(order, event, children=MappingProxyType(children), text=event.text)


def _applied_cancel_requested(order: Order, event: CancelRequested) -> Order:
    return _moved(order, event, pending_cancel=event.cause, retry_at=None)


def _applied_cancel_rejected(order: Order, event: CancelRejected) -> Order:
    return _moved(order, event, pending_cancel=None)


def _applied_ended(order: Order, event: OrderCanceled | OrderExpired) -> Order:
    return _moved(order, event, pending_cancel=None, retry_at=None, text=event.reason)


_APPLIERS: Final[dict[type, Callable[[Order, Any], Order]]] = {
    OrderAccepted: _applied_accepted,
    OrderDenied: _applied_denied,
    RouteRequested: _applied_route_requested,
    RoutePlaced: _applied_route_placed,
    RouteDeferred: _applied_route_deferred,
    TradeApplied: _applied_trade,
    ChildClosed: _applied_child_closed,
    CancelRequested: _applied_cancel_requested,
    CancelRejected: _applied_cancel_rejected,
    OrderCanceled: _applied_ended,
    OrderExpired: _applied_ended,
}
