"""`evolve` says what a fact or a wish makes of an order, `apply` what one event changes. Both are pure.

A route is asked for whenever released shares are left that no child works and no route plan holds. A route
that brings no fill is followed by the next one only after a wait: a short one first, for the quotes that it
missed to be corrected, then longer ones that double, from one route to the next: a child that rested for as
long has waited. Orders that may not rest are canceled after FRUITLESS_ROUTES_MAX of them; routes that found
no quote wait likewise and count apart. The stages of a plan that says so follow each other at once. What time
forbids to route is held, and says why.

A pegged order is routed at the price that the quote of that moment gives it, and waits while there is none. A
quote that gives it another one moves what venues have of it where it is; what a venue does not move is taken
back, and routed anew.
What is for an auction is routed until its cut-off. From then on, and once it has traded or a venue has
refused it, it is routed no more: it ends when its venue has none of it.

A cancel releases nothing any more: the order is over when every child is, or the cancel is rejected for what
venues keep, and the order ends when that ends (`requests`).

Whatever a venue executed counts, however much it is: what exceeds the order's quantity is in `executed_qty`
alone. A venue may take a trade back or correct it, also of an order that is over: a filled one is worked
again.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, assert_never

from msgspec.structs import replace

from oms_core.domain.algos import worked
from oms_core.domain.executions import change_of
from oms_core.domain.order import (
    WAITS_FOR_QUOTE,
    Child,
    Command,
    Event,
    Fact,
    FollowQuote,
    Order,
    RequestCancel,
    RequestReplace,
    RequestResume,
    RequestSuspend,
    RetryRoute,
    TriggerStop,
    WorkAlgo,
)
from oms_core.domain.order_times import MAY_ROUTE, Standing
from oms_core.domain.requests import begun, cancels_end, replaces_end
from oms_core.domain.transitions import Lifecycle, Pending, next_lifecycle, next_pending
from oms_platform.order_ids import route_id
from oms_platform.order_types import AUCTION_NAMES, BOOKED, rests_in_sight
from oms_platform.sides import is_within
from oms_platform.vocabulary import (
    AlgoHeld,
    AlgoPlanned,
    AuctionTimes,
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
    OrderReplaced,
    OrderResumed,
    OrderSuspended,
    OrderTerms,
    PegPriced,
    ReplaceRejected,
    ReplaceRequested,
    ResumeRejected,
    RiskCheck,
    RiskOutcome,
    RouteDeferred,
    RouteHeld,
    RoutePlaced,
    RouteRequested,
    SharesReleased,
    StopTriggered,
    SuspendRejected,
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
# After the first route without a fill. A venue's correction of a quote that was gone is there within that.
RETRY_DELAY_FIRST: Final = timedelta(milliseconds=10)
RETRY_DELAY_MIN: Final = timedelta(milliseconds=100)
RETRY_DELAY_MAX: Final = timedelta(seconds=10)

# What routes that brought nothing have left behind, once an order is another or begins again.
_AFRESH: Final[dict[str, Any]] = {
    "fruitless_routes": 0,
    "dry_routes": 0,
    "retry_at": None,
    "text": "",
    "waits_for": "",
}

# An event, and the order after it.
Step = tuple[Event, Order]


class UnknownChildError(Exception):
    """A report names a child that this order does not have."""


def evolve(
    order: Order,
    cause: Fact | Command,
    now: datetime,
    *,
    standing: Callable[[], Standing] = lambda: MAY_ROUTE,
    may_follow: bool = True,
    quote: FollowQuote | None = None,
) -> list[Step]:
    """Return what `cause` makes happen to `order` at `now`: each event, with the order after it.

    standing: says whether a route may be asked for now, and is asked where there is one to ask for; where it
    may not, what is left of the order waits. may_follow: whether what venues have of a pegged order may be
    moved. quote: of now, of a pegged order.
    Raises IllegalTransitionError, or UnknownChildError for a report of a child that the order does not have.
    """
    steps: list[Step] = []
    for event in _first(order, cause, now, may_follow):
        order = apply(order, event)
        steps.append((event, order))
    while (following := _next(order, now, standing, quote)) is not None:
        order = apply(order, following)
        steps.append((following, order))
    return steps


def first_route(order: Order, now: datetime, *, may_route: bool) -> RouteRequested | None:
    """Return the route that an order asks for when it is accepted: all of it, None while it waits."""
    if order.waits_at_first or not may_route:
        return None
    return RouteRequested(
        route_id=route_id(order.order_id, 1), attempt=1, quantity=order.terms.quantity, requested_at=now
    )


def _first(order: Order, cause: Fact | Command, now: datetime, may_follow: bool) -> tuple[Event, ...]:
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
            return (cause,) if restatement_refused(order, child, cause) is None else ()
        case ChildClosed():
            child = _child(order, cause.cl_ord_id)
            # One of a child that is over is noted: a bust may open it again, and this may come again then.
            tells = child.live or cause.unresolved_qty > child.unresolved_qty or change_of(cause) is not None
            return (cause,) if tells else ()
        case ChildCancelRejected():
            return _refused(order, cause, now)
        case RequestCancel() | RequestReplace() | RequestSuspend() | RequestResume():
            return (begun(order, cause, now),)
        case TriggerStop() | FollowQuote() | WorkAlgo() | RetryRoute():
            return _due(order, cause, now, may_follow)
        case _:
            assert_never(cause)


def _due(
    order: Order, cause: TriggerStop | FollowQuote | WorkAlgo | RetryRoute, now: datetime, may_follow: bool
) -> tuple[Event, ...]:
    """Return what the market or the time brings an order, if anything."""
    match cause:
        case TriggerStop():
            # It may have become another order since the quote was held to it.
            return (_triggered(cause, now),) if order.waits_for_stop and _reaches(order, cause) else ()
        case FollowQuote():
            return _followed(order, cause, now) if may_follow else ()
        case WorkAlgo():
            return worked(order, cause, now)
        case RetryRoute():
            return ()
        case _:
            assert_never(cause)


def _refused(order: Order, refusal: ChildCancelRejected, now: datetime) -> tuple[Event, ...]:
    child = _child(order, refusal.cl_ord_id)
    if order.auction is not None and now >= order.auction.taken_until:
        # It could not be sent again: what its venue does not change stays as it is.
        refusal = replace(refusal, replace=False)
    known = child.replace_rejected if refusal.replace else child.cancel_rejected
    asked = order.taken_back_by is not None or any(name == refusal.cl_ord_id for name, _ in order.off_peg)
    return (refusal,) if child.live and not known and asked else ()


def _reaches(order: Order, trigger: TriggerStop) -> bool:
    stop = order.terms.stop_price_micros
    if stop is None:
        return False
    return is_within(order.terms.side, stop, trigger.price_micros)


def _triggered(trigger: TriggerStop, now: datetime) -> StopTriggered:
    touch = trigger.touch
    return StopTriggered(
        price_micros=trigger.price_micros,
        bid_micros=touch.bid_micros,
        offer_micros=touch.offer_micros,
        quote_sequence=touch.sequence,
        quoted_at=touch.quoted_at,
        triggered_at=now,
        of_trade=trigger.of_trade,
    )


def _followed(order: Order, quote: FollowQuote, now: datetime) -> tuple[Event, ...]:
    """Return the price that a quote gives a pegged order which venues have, where that is another one."""
    price = quote.price_of(order.terms) if order.follows else None
    if price is None or order.pegged is None or price == order.pegged.price_micros:
        return ()
    return (_pegged(quote, price, now),)


def _pegged(quote: FollowQuote, price_micros: int, now: datetime) -> PegPriced:
    touch = quote.touch
    return PegPriced(
        price_micros=price_micros,
        bid_micros=touch.bid_micros,
        offer_micros=touch.offer_micros,
        quote_sequence=touch.sequence,
        quoted_at=touch.quoted_at,
        priced_at=now,
    )


def restatement_refused(order: Order, child: Child, restated: ChildRestated) -> str | None:
    """Return why what a venue says of a child's quantity and price is not taken, None if it is."""
    quantity, done = restated.quantity, child.done_qty
    if not child.live:
        return _reopening_refused(child, quantity)
    if quantity == child.quantity and not moves(child, restated):
        return "nothing is new"
    if quantity < done:
        return f"{quantity} shares are fewer than the {done} that are done"
    left = order.terms.quantity - order.committed_qty + child.leaves_qty
    # Fewer shares than the venue has are always taken, also of an order that has too many out. Of a pegged
    # order more, too: a move that met a venue's own change has brought them, and all that is too much is
    # taken back.
    if quantity > child.quantity and quantity - done > left and order.terms.peg is None:
        return f"{quantity} shares with {done} done are more than the {left} that the order has for it"
    return None


def _reopening_refused(child: Child, quantity: int) -> str | None:
    """Return why a child that is over is not open again with so many shares, None if it is.

    A replace that was in flight makes a filled order larger (FIX 4.4 Appendix D, C.1.c): whether its order
    has shares for it, does not count, as they are at the venue. What is too much is taken back.
    """
    if not child.is_filled:
        return f"a child that ended unfilled cannot have {quantity} shares"
    if quantity <= child.done_qty:
        return f"a child with {child.done_qty} shares done cannot be open again with {quantity}"
    return None


def moves(child: Child, restated: ChildRestated) -> bool:
    """Return whether a child whose price counts has another one by a venue's word."""
    price = restated.limit_price_micros
    return price is not None and child.limit_price_micros not in (0, price)


def _is_booked(trade: TradeApplied | TradeCorrected) -> bool:
    return isinstance(trade, TradeApplied) and trade.request_id is not None


def _child(order: Order, cl_ord_id: str) -> Child:
    child = order.children.get(cl_ord_id)
    if child is None:
        raise UnknownChildError(f"order {order.order_id} has no child {cl_ord_id}")
    return child


# ---- what follows of itself


def _next(
    order: Order, now: datetime, standing: Callable[[], Standing], quote: FollowQuote | None
) -> Event | None:
    """Return what an order does next of itself: end, answer a cancel, ask for a route, or wait."""
    if order.pending is Pending.CANCEL and order.cancel is not None:
        if order.replacing is not None:
            return ReplaceRejected(request_id=order.replacing.request_id, reason="a cancel came after it")
        answer = cancels_end(order, order.cancel)
        if answer is not None or order.closed:
            return answer
    if order.replacing is not None:
        return replaces_end(order, order.replacing)
    if order.lifecycle is not Lifecycle.LIVE:
        return None
    if order.cancel is not None:
        return _end(order, order.cancel) if order.idle else None
    if not order.unrouted_qty or order.route_quantity:
        # Also of an order that is suspended.
        return None
    if order.auction is not None and (missed := _auction_over(order, order.auction, now)) is not None:
        return OrderExpired(reason=missed) if order.idle else None
    spent = _spent(order)
    if spent is not None:
        return OrderCanceled(reason=spent) if order.idle else None
    if order.is_past_its_time(now) or order.is_recalled:
        return None
    may_route, waits_for = standing()
    return _next_route(order, now, quote) if may_route else _held(order, waits_for)


def _held(order: Order, waits_for: str) -> Event | None:
    """Say for what time an order waits, once, and again when something else was said of it."""
    return RouteHeld(reason=waits_for) if waits_for and order.text != waits_for else None


def _auction_over(order: Order, auction: AuctionTimes, now: datetime) -> str | None:
    """Return why nothing of an order is sent to its auction any more, None while something may be."""
    last = f": {order.text}" if order.attempt and order.text else ""
    name = AUCTION_NAMES[order.terms.time_in_force]
    if order.executed_qty:
        return f"not executed in the {name} auction{last}"
    if any(visit.rejected for visit in order.visits.values()):
        return order.text or f"refused for the {name} auction"
    if now < auction.taken_until:
        return None
    if order.visits:
        return f"not executed in the {name} auction{last}"
    taken_until = f"which took orders until {_text(auction.taken_until)}"
    return f"not sent to the {name} auction at {_text(auction.at)}, {taken_until}{last}"


def _spent(order: Order) -> str | None:
    """Return why no further route is asked for, None while there may be one.

    An algo goes on until its time is over: what a slice could not do, the next ones try.
    """
    if order.terms.algo is not None:
        return None
    if order.attempt and order.terms.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
        waiting = 0 < order.dry_routes < DRY_ROUTES_MAX and not order.fruitless_routes
        return None if waiting else order.text or "the rest of an immediate order is canceled"
    if order.fruitless_routes >= FRUITLESS_ROUTES_MAX and not order.may_rest:
        return f"ROUTES_EXHAUSTED: routes={order.attempt}, last={order.text or 'no fill'}"
    return None


def _next_route(order: Order, now: datetime, quote: FollowQuote | None) -> Event | None:
    if order.fruitless_routes + order.dry_routes and order.retry_at is None:
        return RouteDeferred(retry_at=_retry_at(order, now), reason=order.text)
    if order.retry_at is not None and now < order.retry_at:
        return None
    if order.terms.peg is not None:
        price = None if quote is None else quote.price_of(order.terms)
        if quote is None or price is None:
            return _held(order, WAITS_FOR_QUOTE)
        if order.pegged is None or price != order.pegged.price_micros:
            return _pegged(quote, price, now)
    attempt = order.attempt + 1
    return RouteRequested(
        route_id=route_id(order.order_id, attempt),
        attempt=attempt,
        quantity=order.unrouted_qty,
        requested_at=now,
    )


def _end(order: Order, cancel: CancelRequested) -> Event:
    match cancel.cause:
        case CancelCause.SESSION_END:
            return OrderExpired(reason="the trading day ended")
        case CancelCause.EXPIRY:
            return OrderExpired(reason=_time_over(order, cancel.requested_at))
        case CancelCause.ALGO_END:
            return OrderCanceled(reason="ALGO_ENDED: its time is over")
        case CancelCause.KILL:
            return OrderCanceled(reason=cancel.reason)
        case _:
            return OrderCanceled(reason="canceled on request")


def _time_over(order: Order, ended_at: datetime) -> str:
    expire_at, auction = order.terms.expire_at, order.auction
    if auction is not None:
        name = AUCTION_NAMES[order.terms.time_in_force]
        over = f"the {name} auction at {_text(auction.at)} is over"
        return _auction_over(order, auction, auction.taken_until) or over
    if expire_at is None:
        return "its time is over"
    till = f"it was good till {_text(expire_at)}"
    return till if ended_at >= expire_at else f"{till}, and its market does not open again before"


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _retry_at(order: Order, now: datetime) -> datetime:
    """Return when the next route is due: the longer waits are from one route to the next."""
    soonest = now + RETRY_DELAY_FIRST
    if order.fruitless_routes == 1 and not order.dry_routes:
        return soonest
    waits = order.fruitless_routes + order.dry_routes
    delay: timedelta = RETRY_DELAY_MIN * 2 ** min(waits - 1, 10)
    return max(soonest, (order.routed_at or now) + min(delay, RETRY_DELAY_MAX))


# ---- what an event changes


def apply(order: Order, event: Event) -> Order:
    """Return the order after `event`. Raises IllegalTransitionError, changing nothing, if it may not be."""
    match event:
        case OrderAccepted():
            return _moved(
                order,
                event,
                released_qty=order.releasable_qty,
                reserved_price_micros=event.reserved_price_micros,
                auction=event.auction,
                overridden=overridden_in(event.checks),
                **({} if event.route is None else _route_changes(event.route)),
            )
        case OrderDenied():
            return _moved(order, event, text=event.denial)
        case RouteRequested() | RoutePlaced() | RouteDeferred() | RouteHeld():
            return _routed(order, event)
        case TradeApplied() | TradeCorrected() | ChildRestated() | ChildClosed() | ChildCancelRejected():
            return _reported(order, event)
        case CancelRequested() | CancelRejected():
            return _canceling(order, event)
        case ReplaceRequested() | OrderReplaced() | ReplaceRejected():
            return _replacing(order, event)
        case OrderSuspended() | OrderResumed() | StopTriggered() | PegPriced():
            return _held_or_released(order, event)
        case AlgoPlanned() | SharesReleased() | AlgoHeld():
            return _algo_moved(order, event)
        case _:
            return _noted_or_over(order, event)


def overridden_in(checks: tuple[RiskCheck, ...]) -> tuple[str, ...]:
    """Return the rules that a second person let an order pass."""
    return tuple(one.rule for one in checks if one.outcome is RiskOutcome.OVERRIDDEN)


def _noted_or_over(
    order: Order,
    event: BookingRejected | SuspendRejected | ResumeRejected | OrderCanceled | OrderExpired,
) -> Order:
    match event:
        case BookingRejected() | SuspendRejected() | ResumeRejected():
            return _moved(order, event)
        case OrderCanceled() | OrderExpired():
            return _moved(order, event, released_qty=0, retry_at=None, text=event.reason)
        case _:
            assert_never(event)


def _routed(order: Order, event: RouteRequested | RoutePlaced | RouteDeferred | RouteHeld) -> Order:
    match event:
        case RouteRequested():
            return _moved(order, event, **_route_changes(event), text="" if order.waits_for else order.text)
        case RoutePlaced():
            return _placed(order, event)
        case RouteDeferred():
            return _moved(order, event, retry_at=event.retry_at)
        case RouteHeld():
            return _moved(order, event, waits_for=event.reason, text=event.reason)
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
            child = order.children[event.cl_ord_id]
            kept = (
                replace(child, replace_rejected=True)
                if event.replace
                else replace(child, cancel_rejected=True)
            )
            return _child_changed(order, event, kept, text=event.reason)
        case _:
            assert_never(event)


def _moved(order: Order, event: Event, *, own: bool = True, **changes: Any) -> Order:
    name = type(event).__name__
    filled = changes.get("executed_qty", order.executed_qty) >= changes.get("terms", order.terms).quantity
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
        "waits_for": "",
    }


def _placed(order: Order, event: RoutePlaced) -> Order:
    children, visits = dict(order.children), dict(order.visits)
    working_qty, pegged = order.working_qty, order.terms.peg is not None
    for terms in event.children:
        shown = terms.display_quantity or terms.quantity if order.terms.display_quantity else 0
        rests = rests_in_sight(terms.time_in_force, terms.exec_inst)
        children[terms.cl_ord_id] = Child(
            venue_id=terms.venue_id,
            quantity=terms.quantity,
            shown_qty=shown if rests else 0,
            limit_price_micros=terms.limit_price_micros if pegged and terms.time_in_force in BOOKED else 0,
        )
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
        said_filled=False,
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
    price = event.limit_price_micros if moves(child, event) else None
    after = replace(
        child,
        quantity=event.quantity,
        live=child.done_qty < event.quantity,
        said_filled=False,
        cancel_rejected=child.cancel_rejected and child.live,
        replace_rejected=child.replace_rejected and child.live,
        restated_at=event.restated_at,
        limit_price_micros=child.limit_price_micros if price is None else price,
    )
    return _child_changed(order, event, after, text=event.text)


def _child_closed(order: Order, event: ChildClosed) -> Order:
    child = order.children[event.cl_ord_id]
    visit = order.visits[child.venue_id]
    rejected = child.live and event.outcome is ExecType.REJECTED
    visit = replace(visit, rejected=visit.rejected + rejected, last_at=max(visit.last_at, event.closed_at))
    after = replace(
        child,
        live=False,
        unresolved_qty=max(child.unresolved_qty, event.unresolved_qty),
        said_filled=event.outcome is ExecType.TRADE if child.live else child.said_filled,
    )
    return _child_changed(
        order, event, after, visits={**order.visits, child.venue_id: visit}, text=event.text
    )


def _canceling(order: Order, event: CancelRequested | CancelRejected) -> Order:
    if isinstance(event, CancelRejected):
        own = order.cancel is not None and order.cancel.request_id == event.request_id
        return _moved(order, event, own=own)
    children = _asked_again(order)
    return _moved(order, event, children=children, cancel=event, released_qty=0, retry_at=None, text="")


def _asked_again(order: Order, *, replaces: bool = False) -> dict[str, Child]:
    """Return the children for a request that asks every venue, also those that kept theirs before.

    replaces: also those that would not be changed where they are.
    """
    return {
        name: replace(child, cancel_rejected=False, replace_rejected=child.replace_rejected and not replaces)
        if child.cancel_rejected or child.replace_rejected
        else child
        for name, child in order.children.items()
    }


def _held_or_released(
    order: Order, event: OrderSuspended | OrderResumed | StopTriggered | PegPriced
) -> Order:
    match event:
        case OrderSuspended():
            children = _asked_again(order)
            return _moved(order, event, suspended=event, children=children, retry_at=None, text="")
        case OrderResumed():
            return _moved(order, event, suspended=None, **_AFRESH)
        case StopTriggered():
            return _moved(order, event, triggered=event, released_qty=order.terms.quantity)
        case PegPriced():
            # Whatever venues refused was about another price.
            return _moved(order, event, pegged=event, children=_asked_again(order, replaces=True))
        case _:
            assert_never(event)


def _day_from(order: Order, terms: OrderTerms) -> datetime | None:
    """Return since when an order of these terms is one for the day, None for since it was made."""
    was, is_now = (one.time_in_force is TimeInForce.DAY for one in (order.terms, terms))
    if is_now and not was and order.replacing is not None:
        return order.replacing.requested_at
    return order.day_from


def _algo_moved(order: Order, event: AlgoPlanned | SharesReleased | AlgoHeld) -> Order:
    match event:
        case AlgoPlanned():
            return _moved(order, event, plan=event, release=None)
        case SharesReleased():
            # What the slices before left is worked with the new one, at once.
            return _moved(order, event, release=event, released_qty=event.quantity, held="", **_AFRESH)
        case AlgoHeld():
            return _moved(order, event, held=event.reason, text=event.reason)
        case _:
            assert_never(event)


def _follows_as_before(before: OrderTerms, after: OrderTerms) -> bool:
    return (before.peg, before.limit_price_micros) == (after.peg, after.limit_price_micros)


def _replacing(order: Order, event: ReplaceRequested | OrderReplaced | ReplaceRejected) -> Order:
    match event:
        case ReplaceRequested():
            return _moved(order, event, replacing=event, children=_asked_again(order), retry_at=None, text="")
        case OrderReplaced():
            return _moved(
                order,
                event,
                terms=event.terms,
                pegged=order.pegged if _follows_as_before(order.terms, event.terms) else None,
                day_from=_day_from(order, event.terms),
                reserved_price_micros=event.reserved_price_micros,
                overridden=() if order.replacing is None else overridden_in(order.replacing.checks),
                released_qty=replace(order, terms=event.terms).releasable_qty,
                replacing=None,
                plan=None,
                release=None,
                held="",
                **_AFRESH,
            )
        case ReplaceRejected():
            pending = order.replacing
            own = pending is not None and pending.request_id == event.request_id
            return _moved(order, event, own=own, replacing=None if own else pending)
        case _:
            assert_never(event)
