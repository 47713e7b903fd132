"""`evolve` says what a fact or a wish makes of an order, `apply` what one event changes. Both are pure.

A route is asked for whenever released shares are left that no child works and no route plan holds. A route
that brings no fill is followed by the next one only after a wait that doubles, and orders that may not rest
are canceled after FRUITLESS_ROUTES_MAX of them; routes that found no quote wait likewise and count apart. The
stages of a plan that says so follow each other at once.

A cancel releases nothing any more and is pending until every live child has answered: then the order is over,
or the cancel is rejected for what venues keep, and the order ends when that ends.

Whatever a venue executed counts, however much it is: what exceeds the order's quantity is in `executed_qty`
alone. A venue may take a trade back or correct it, also of an order that is over: a filled one is worked
again.
"""

from datetime import datetime, timedelta
from typing import Any, Final, assert_never

from msgspec.structs import replace

from oms_core.domain.executions import change_of
from oms_core.domain.order import Child, Command, Event, Fact, Order, RequestCancel, RetryRoute
from oms_core.domain.transitions import Lifecycle, Pending, next_lifecycle, next_pending
from oms_platform.order_ids import route_id
from oms_platform.vocabulary import (
    BookingRejected,
    CancelCause,
    CancelRejected,
    CancelRequested,
    ChildCancelRejected,
    ChildClosed,
    ChildRestated,
    ExecType,
    OrderAccepted,
    OrderCanceled,
    OrderDenied,
    OrderExpired,
    RouteDeferred,
    RoutePlaced,
    RouteRequested,
    TimeInForce,
    TradeApplied,
    TradeCorrected,
    VenueVisit,
)

FRUITLESS_ROUTES_MAX: Final = 6
# Routes without a quote after which an order that must trade at once gives up.
DRY_ROUTES_MAX: Final = 6
# Whatever plans say, from this attempt on a route without a fill is followed by a wait.
CONTINUED_ATTEMPTS_MAX: Final = 12
VISIT_FILLED_MAX: Final = 2**31 - 1
RETRY_DELAY_MIN: Final = timedelta(milliseconds=100)
RETRY_DELAY_MAX: Final = timedelta(seconds=10)

# An event, and the order after it.
Step = tuple[Event, Order]


class UnknownChildError(Exception):
    """A report names a child that this order does not have."""


def evolve(order: Order, cause: Fact | Command, now: datetime, *, may_route: bool = True) -> list[Step]:
    """Return what `cause` makes happen to `order` at `now`: each event, with the order after it.

    may_route False: its market is closed or halted. What is left of it waits, and no route is asked for.
    Raises IllegalTransitionError, or UnknownChildError for a report of a child that the order does not have.
    """
    steps: list[Step] = []
    for event in _first(order, cause, now):
        order = apply(order, event)
        steps.append((event, order))
    while (following := _next(order, now, may_route)) is not None:
        order = apply(order, following)
        steps.append((following, order))
    return steps


def first_route(order: Order, now: datetime) -> RouteRequested:
    """Return the route that an order asks for when it is accepted: all of it."""
    return RouteRequested(
        route_id=route_id(order.order_id, 1), attempt=1, quantity=order.terms.quantity, requested_at=now
    )


def _first(order: Order, cause: Fact | Command, now: datetime) -> tuple[Event, ...]:
    match cause:
        case OrderAccepted() | OrderDenied() | BookingRejected():
            return (cause,)
        case RoutePlaced():
            asked = cause.attempt == order.attempt and order.route_quantity > 0
            return (cause,) if asked else ()
        case TradeApplied() | TradeCorrected():
            if cause.cl_ord_id or not _is_booked(cause):
                _child(order, cause.cl_ord_id)
            return (cause,)
        case ChildRestated():
            child = _child(order, cause.cl_ord_id)
            return (cause,) if restatement_refused(order, child, cause.quantity) is None else ()
        case ChildClosed():
            child = _child(order, cause.cl_ord_id)
            # One of a child that is over is noted: a bust may open it again, and this may come again then.
            tells = child.live or cause.unresolved_qty > child.unresolved_qty or change_of(cause) is not None
            return (cause,) if tells else ()
        case ChildCancelRejected():
            child = _child(order, cause.cl_ord_id)
            answers = child.live and not child.cancel_rejected and order.pending is Pending.CANCEL
            return (cause,) if answers else ()
        case RequestCancel():
            return (_request_cancel(order, cause, now),)
        case RetryRoute():
            return ()
        case _:
            assert_never(cause)


def restatement_refused(order: Order, child: Child, quantity: int) -> str | None:
    """Return why a venue's new quantity of a child is not taken, None if it is."""
    if not child.live:
        return f"a child that is over cannot have {quantity} shares"
    if quantity == child.quantity:
        return "nothing is new"
    done = child.executed_qty + child.unresolved_qty
    if quantity < done:
        return f"{quantity} shares are fewer than the {done} that are done"
    left = order.terms.quantity - order.committed_qty + child.leaves_qty
    # Fewer shares than the venue has are always taken, also of an order that has too many out.
    if quantity > child.quantity and quantity - done > left:
        return f"{quantity} shares with {done} done are more than the {left} that the order has for it"
    return None


def _request_cancel(order: Order, wish: RequestCancel, now: datetime) -> Event:
    if order.closed:
        return CancelRejected(
            request_id=wish.request_id, reason=f"too late, the order is {order.lifecycle.value}"
        )
    if order.pending is Pending.CANCEL:
        return CancelRejected(request_id=wish.request_id, reason="a cancel is pending already")
    return CancelRequested(request_id=wish.request_id, cause=wish.cause, requested_at=now)


def _is_booked(trade: TradeApplied | TradeCorrected) -> bool:
    return isinstance(trade, TradeApplied) and trade.request_id is not None


def _child(order: Order, cl_ord_id: str) -> Child:
    child = order.children.get(cl_ord_id)
    if child is None:
        raise UnknownChildError(f"order {order.order_id} has no child {cl_ord_id}")
    return child


# ---- what follows of itself


def _next(order: Order, now: datetime, may_route: bool) -> Event | None:
    """Return what an order does next of itself: end, answer a cancel, ask for a route, or wait."""
    if order.pending is Pending.CANCEL and order.cancel is not None:
        answer = _cancels_end(order, order.cancel)
        if answer is not None or order.closed:
            return answer
    if order.lifecycle is not Lifecycle.LIVE:
        return None
    if order.cancel is not None:
        return _end(order.cancel) if order.idle else None
    if not order.unrouted_qty or order.route_quantity:
        return None
    spent = _spent(order)
    if spent is not None:
        return OrderCanceled(reason=spent) if order.idle else None
    return _next_route(order, now) if may_route else None


def _cancels_end(order: Order, cancel: CancelRequested) -> Event | None:
    """Return how a pending cancel ends, None while a child or a route has not answered."""
    if order.closed:
        reason = f"too late, the order is {order.lifecycle.value}"
        return CancelRejected(request_id=cancel.request_id, reason=reason)
    live = {name: child for name, child in order.children.items() if child.live}
    if order.route_quantity or not live or not all(child.cancel_rejected for child in live.values()):
        return None
    kept = ", ".join(f"{child.leaves_qty} at {child.venue_id}" for child in live.values())
    return CancelRejected(
        request_id=cancel.request_id, reason=f"venues keep {kept}: {order.text}".rstrip(": ")
    )


def _spent(order: Order) -> str | None:
    """Return why no further route is asked for, None while there may be one."""
    if order.attempt and order.terms.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
        waiting = 0 < order.dry_routes < DRY_ROUTES_MAX and not order.fruitless_routes
        return None if waiting else order.text or "the rest of an immediate order is canceled"
    if order.fruitless_routes >= FRUITLESS_ROUTES_MAX and not order.may_rest:
        return f"ROUTES_EXHAUSTED: routes={order.attempt}, last={order.text or 'no fill'}"
    return None


def _next_route(order: Order, now: datetime) -> Event | None:
    waits = order.fruitless_routes + order.dry_routes
    if waits and order.retry_at is None:
        return RouteDeferred(retry_at=now + _retry_delay(waits), reason=order.text)
    if order.retry_at is not None and now < order.retry_at:
        return None
    attempt = order.attempt + 1
    return RouteRequested(
        route_id=route_id(order.order_id, attempt),
        attempt=attempt,
        quantity=order.unrouted_qty,
        requested_at=now,
    )


def _end(cancel: CancelRequested) -> Event:
    if cancel.cause is CancelCause.SESSION_END:
        return OrderExpired(reason="the trading day ended")
    return OrderCanceled(reason="canceled on request")


def _retry_delay(waits: int) -> timedelta:
    delay: timedelta = RETRY_DELAY_MIN * 2 ** min(waits - 1, 10)
    return min(delay, RETRY_DELAY_MAX)


# ---- what an event changes


def apply(order: Order, event: Event) -> Order:
    """Return the order after `event`. Raises IllegalTransitionError, changing nothing, if it may not be."""
    match event:
        case OrderAccepted():
            return _moved(
                order,
                event,
                released_qty=order.terms.quantity,
                reserved_price_micros=event.reserved_price_micros,
                **_route_changes(event.route),
            )
        case OrderDenied():
            return _moved(order, event, text=event.denial)
        case RouteRequested():
            return _moved(order, event, **_route_changes(event))
        case RoutePlaced():
            return _placed(order, event)
        case RouteDeferred():
            return _moved(order, event, retry_at=event.retry_at)
        case TradeApplied() | TradeCorrected() | ChildRestated() | ChildClosed() | ChildCancelRejected():
            return _reported(order, event)
        case CancelRequested():
            return _cancel_requested(order, event)
        case CancelRejected():
            return _moved(
                order, event, own=order.cancel is not None and order.cancel.request_id == event.request_id
            )
        case BookingRejected():
            return _moved(order, event)
        case OrderCanceled() | OrderExpired():
            return _moved(order, event, released_qty=0, retry_at=None, text=event.reason)
        case _:
            assert_never(event)


def _reported(
    order: Order, event: TradeApplied | TradeCorrected | ChildRestated | ChildClosed | ChildCancelRejected
) -> Order:
    match event:
        case TradeApplied():
            return _traded(order, event)
        case TradeCorrected():
            return _trade_corrected(order, event)
        case ChildRestated():
            return _child_restated(order, event)
        case ChildClosed():
            return _child_closed(order, event)
        case ChildCancelRejected():
            kept = replace(order.children[event.cl_ord_id], cancel_rejected=True)
            return _child_changed(order, event, kept, text=event.reason)
        case _:
            assert_never(event)


def _moved(order: Order, event: Event, *, own: bool = True, **changes: Any) -> Order:
    name = type(event).__name__
    filled = changes.get("executed_qty", order.executed_qty) >= order.terms.quantity
    return replace(
        order,
        sequence=order.sequence + 1,
        lifecycle=next_lifecycle(order.lifecycle, name, filled=filled),
        pending=next_pending(order.pending, name, own=own),
        **changes,
    )


def _child_changed(
    order: Order,
    event: TradeApplied | TradeCorrected | ChildRestated | ChildClosed | ChildCancelRejected,
    after: Child,
    **changes: Any,
) -> Order:
    """Return the order with one child changed, and with what it counts over children."""
    before = order.children[event.cl_ord_id]
    return _moved(
        order,
        event,
        children={**order.children, event.cl_ord_id: after},
        working_qty=order.working_qty + after.leaves_qty - before.leaves_qty,
        unresolved_qty=order.unresolved_qty + after.unresolved_qty - before.unresolved_qty,
        **changes,
    )


def _route_changes(route: RouteRequested) -> dict[str, Any]:
    return {
        "attempt": route.attempt,
        "route_quantity": route.quantity,
        "routed_at": route.requested_at,
        "retry_at": None,
    }


def _placed(order: Order, event: RoutePlaced) -> Order:
    children, visits = dict(order.children), dict(order.visits)
    working_qty = order.working_qty
    for terms in event.children:
        children[terms.cl_ord_id] = Child(venue_id=terms.venue_id, quantity=terms.quantity)
        working_qty += terms.quantity
        visit = visits.get(terms.venue_id) or VenueVisit(
            venue_id=terms.venue_id, children=0, sent=0, last_at=event.placed_at
        )
        visits[terms.venue_id] = replace(
            visit,
            children=visit.children + 1,
            sent=visit.sent + terms.quantity,
            last_at=max(visit.last_at, event.placed_at),
        )
    dry = event.no_data and not event.children
    at_once = event.continues and order.attempt < CONTINUED_ATTEMPTS_MAX
    return _moved(
        order,
        event,
        children=children,
        visits=visits,
        working_qty=working_qty,
        route_quantity=0,
        fruitless_routes=order.fruitless_routes + (0 if at_once or dry else 1),
        dry_routes=order.dry_routes + 1 if dry else 0,
        text=event.reason,
    )


def _traded(order: Order, event: TradeApplied) -> Order:
    executed: dict[str, Any] = {
        "executed_qty": order.executed_qty + event.last_qty,
        "notional_micros": order.notional_micros + event.last_qty * event.last_px_micros,
    }
    if not event.cl_ord_id:
        return _moved(order, event, **executed)
    child = order.children[event.cl_ord_id]
    executed_qty = child.executed_qty + event.last_qty
    unresolved_qty = max(0, child.unresolved_qty - event.last_qty)
    after = replace(
        child,
        executed_qty=executed_qty,
        unresolved_qty=unresolved_qty,
        live=child.live and executed_qty + unresolved_qty < child.quantity,
    )
    return _child_changed(
        order,
        event,
        after,
        visits=_visits_filled(order, child.venue_id, event.last_qty),
        **executed,
        fruitless_routes=0,
        dry_routes=0,
        retry_at=None,
        text="",
    )


def _trade_corrected(order: Order, event: TradeCorrected) -> Order:
    child = order.children[event.cl_ord_id]
    change = event.last_qty - event.was_qty
    executed_qty = child.executed_qty + change
    live = event.leaves_qty > 0 and executed_qty + child.unresolved_qty < child.quantity
    after = replace(
        child,
        executed_qty=executed_qty,
        live=live,
        cancel_rejected=child.cancel_rejected and child.live,
    )
    return _child_changed(
        order,
        event,
        after,
        visits=_visits_filled(order, child.venue_id, change),
        executed_qty=order.executed_qty + change,
        notional_micros=order.notional_micros
        + event.last_qty * event.last_px_micros
        - event.was_qty * event.was_px_micros,
        text=event.text,
    )


def _visits_filled(order: Order, venue_id: str, shares: int) -> dict[str, VenueVisit]:
    visit = order.visits[venue_id]
    # The router's message has room for so much; a venue may claim more.
    filled = min(visit.filled + shares, VISIT_FILLED_MAX)
    return {**order.visits, venue_id: replace(visit, filled=max(0, filled))}


def _child_restated(order: Order, event: ChildRestated) -> Order:
    child = order.children[event.cl_ord_id]
    live = child.executed_qty + child.unresolved_qty < event.quantity
    after = replace(child, quantity=event.quantity, live=live, restated_at=event.restated_at)
    return _child_changed(order, event, after, text=event.text)


def _child_closed(order: Order, event: ChildClosed) -> Order:
    child = order.children[event.cl_ord_id]
    visit = order.visits[child.venue_id]
    rejected = child.live and event.outcome is ExecType.REJECTED
    visit = replace(visit, rejected=visit.rejected + rejected, last_at=max(visit.last_at, event.closed_at))
    after = replace(child, live=False, unresolved_qty=max(child.unresolved_qty, event.unresolved_qty))
    return _child_changed(
        order, event, after, visits={**order.visits, child.venue_id: visit}, text=event.text
    )


def _cancel_requested(order: Order, event: CancelRequested) -> Order:
    children = {
        name: replace(child, cancel_rejected=False) if child.cancel_rejected else child
        for name, child in order.children.items()
    }
    return _moved(order, event, children=children, cancel=event, released_qty=0, retry_at=None, text="")
