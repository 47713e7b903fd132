"""What time allows an order: until when it is good, which auction it is for, when it may be routed. Pure.

The law of this file: an order waits for a session or an auction and says for which; when its own time is over
it is routed no more, whatever else has happened. Times are UTC.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import Final, NamedTuple
from uuid import UUID

from oms_core.domain.order import Order
from oms_core.domain.transitions import Lifecycle
from oms_platform.order_types import AUCTIONS, CARRIED
from oms_platform.trading_calendar import Calendar, Phase
from oms_platform.vocabulary import OrderTerms, TimeInForce

# How long after an auction its venue may take to say what became of it, before what it has is taken back.
AUCTION_ANSWER_MAX: Final = timedelta(minutes=10)


class AuctionTime(NamedTuple):
    """The auction that an order would be for. at None: too late for it, or none is known.

    closed_at: until when orders for it were taken; next_at: when the next one is; None for not known.
    """

    at: datetime | None
    closed_at: datetime | None = None
    next_at: datetime | None = None


class Standing(NamedTuple):
    """Whether a route may be asked for now; if not, for what time the order waits, in words."""

    may_route: bool
    waits_for: str = ""


MAY_ROUTE: Final = Standing(True)
MAY_NOT: Final = Standing(False)


def auction_time(force: TimeInForce, calendar: Calendar, now: datetime) -> AuctionTime:
    """Return the auction that an order which is taken now is for.

    For an opening an order is taken while the market is closed; where it never closes, for the next turn of
    its day. For a close it is taken in its session, up to the calendar's cut-off.
    """
    session, coming = calendar.session_at(now), calendar.opening_after(now)
    if force is TimeInForce.OPG:
        opens_at = None if coming is None else coming.opens_at
        if session is not None and calendar.continuous_from is None:
            return AuctionTime(None, session.opens_at, opens_at)
        return AuctionTime(opens_at)
    if session is not None and now < session.closes_at - calendar.closing_cutoff:
        return AuctionTime(session.closes_at)
    closed_at = None if session is None else session.closes_at - calendar.closing_cutoff
    return AuctionTime(None, closed_at, None if coming is None else coming.closes_at)


def may_be_taken_closed(terms: OrderTerms, *, day_orders_wait: bool) -> bool:
    """Return whether an order is taken while its market is closed, to wait for it."""
    force = terms.time_in_force
    return force in CARRIED or force is TimeInForce.OPG or (day_orders_wait and force is TimeInForce.DAY)


def standing(
    order: Order, calendar: Calendar, phase: Phase, now: datetime, auction_at: datetime | None
) -> Standing:
    """Return whether time lets an order be routed now. auction_at: of the one that it is for."""
    terms = order.terms
    if terms.time_in_force in AUCTIONS:
        return _for_auction(terms.time_in_force, calendar, phase, now, auction_at)
    if terms.expire_at is not None and now >= terms.expire_at:
        return MAY_NOT
    return MAY_ROUTE if phase.open else Standing(False, f"waits for the open at {time_text(phase.until)}")


def _for_auction(
    force: TimeInForce, calendar: Calendar, phase: Phase, now: datetime, auction_at: datetime | None
) -> Standing:
    if auction_at is None or now >= auction_at:
        return MAY_NOT
    if force is TimeInForce.CLO:
        return MAY_ROUTE if phase.open else MAY_NOT
    sent_at = auction_at - calendar.opening_lead
    if now >= sent_at:
        return MAY_ROUTE
    return Standing(
        False, f"waits for the opening auction at {time_text(auction_at)}, is sent at {time_text(sent_at)}"
    )


def time_text(at: datetime | None) -> str:
    """Write a time to the second, as denials do."""
    return "unknown" if at is None else at.isoformat(timespec="seconds").replace("+00:00", "Z")


def is_over(order: Order, now: datetime) -> bool:
    """Return whether an order's own time is over, so that what is left of it is to end.

    One for an auction waits for its venue's answer, up to AUCTION_ANSWER_MAX.
    """
    if order.lifecycle is not Lifecycle.LIVE or order.cancel is not None:
        return False
    expire_at, auction_at = order.terms.expire_at, order.auction_at
    if expire_at is not None:
        return now >= expire_at
    if auction_at is None or not order.is_for_auction:
        return False
    return now >= (auction_at if order.idle else auction_at + AUCTION_ANSWER_MAX)


def turns_of(order: Order, calendar: Calendar | None) -> tuple[datetime, ...]:
    """Return the times at which something may begin or end for an order without anybody's doing."""
    if order.lifecycle is not Lifecycle.LIVE or order.cancel is not None:
        return ()
    if order.terms.expire_at is not None:
        return (order.terms.expire_at,)
    at = order.auction_at
    if at is None or not order.is_for_auction:
        return ()
    ends = (at, at + AUCTION_ANSWER_MAX)
    if order.terms.time_in_force is TimeInForce.OPG and calendar is not None:
        return (at - calendar.opening_lead, *ends)
    return ends


class Turns:
    """When each order that waits for a time is to be looked at again; the heap and what is in it."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, UUID]] = []
        self._noted: dict[UUID, tuple[datetime, ...]] = {}

    def __contains__(self, order_id: UUID) -> bool:
        """Return whether an order is waited for."""
        return order_id in self._noted

    def note(self, order: Order, calendar: Calendar | None) -> None:
        """Take an order as it is now."""
        turns = turns_of(order, calendar)
        if turns == self._noted.get(order.order_id, ()):
            return
        if not turns:
            del self._noted[order.order_id]
            return
        self._noted[order.order_id] = turns
        for at in turns:
            heappush(self._heap, (at, order.order_id))

    def due(self, now: datetime, orders_max: int) -> Iterable[UUID]:
        """Return orders whose time has come, up to so many; each is looked at as it is then."""
        due: list[UUID] = []
        while self._heap and self._heap[0][0] <= now and len(due) < orders_max:
            due.append(heappop(self._heap)[1])
        return due
