"""What time allows an order: when its market's hours let it be routed, and when it ends of itself. Pure.

The law of this file: an order that waits for a session or an auction says for which, and an order ends at its
own time whatever else has happened, or with the close after which its market does not open again before it,
as the calendar says now. What is for an auction leaves from the auction's lead time up to its cut-off; from
then on nothing of it is routed, and what venues have is theirs to trade, for as long as they may take to say
what the cross did. Times are UTC.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import Final, NamedTuple
from uuid import UUID

from oms_core.domain.order import Order
from oms_core.domain.transitions import Lifecycle
from oms_platform.order_ids import taken_at
from oms_platform.order_types import AUCTION_NAMES, CARRIED
from oms_platform.trading_calendar import Phase
from oms_platform.vocabulary import AuctionTimes, OrderTerms, TimeInForce

# How long after an auction a venue may take to say what it did, before what it has is taken back.
AUCTION_ANSWER_MAX: Final = timedelta(minutes=10)
# When what is good until a time can trade for the last time in a market.
TradesUntil = Callable[[datetime], datetime]


class Standing(NamedTuple):
    """Whether a route may be asked for now; if not, for what time the order waits, in words."""

    may_route: bool
    waits_for: str = ""


MAY_ROUTE: Final = Standing(True)
MAY_NOT: Final = Standing(False)


def may_be_taken_closed(terms: OrderTerms, *, day_orders_wait: bool) -> bool:
    """Return whether an order is taken while its market is closed, to wait for it."""
    force = terms.time_in_force
    return force in CARRIED or (day_orders_wait and force is TimeInForce.DAY)


def standing(phase: Phase) -> Standing:
    """Return whether a market's hours let orders be routed."""
    return MAY_ROUTE if phase.open else Standing(False, f"waits for the open at {time_text(phase.until)}")


def auction_standing(force: TimeInForce, auction: AuctionTimes, now: datetime) -> Standing:
    """Return whether an auction lets orders for it be routed now; its market's hours do not matter."""
    if now >= auction.taken_until:
        return MAY_NOT
    if now >= auction.sent_from:
        return MAY_ROUTE
    name, at, sent_from = AUCTION_NAMES[force], time_text(auction.at), time_text(auction.sent_from)
    return Standing(False, f"waits for the {name} auction at {at}, is sent from {sent_from} on")


def time_text(at: datetime | None) -> str:
    """Write a time to the second, as denials do."""
    return "unknown" if at is None else at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _own(at: datetime) -> datetime:
    return at


def ends_of_itself_at(order: Order, trades_until: TradesUntil = _own) -> datetime | None:
    """Return when an order that is good till a time is to end; None for one that is not.

    trades_until: of its market. An order that was taken after that waits for its own time.
    """
    at = order.terms.expire_at
    if at is None or order.lifecycle is not Lifecycle.LIVE or order.cancel is not None:
        return None
    last = trades_until(at)
    return last if last > taken_at(order.order_id) else at


def is_over(order: Order, now: datetime, trades_until: TradesUntil = _own) -> bool:
    """Return whether an order's own time is over, so that what is left of it is to end."""
    if order.lifecycle is not Lifecycle.LIVE or order.cancel is not None:
        return False
    auction = order.auction
    if auction is None:
        ends_at = ends_of_itself_at(order, trades_until)
        return ends_at is not None and now >= ends_at
    if order.working_qty or order.unrouted_qty:
        # What no venue has ends by itself, and says what its last route came to.
        return now >= auction.at + AUCTION_ANSWER_MAX
    return now >= auction.taken_until


def turns_of(order: Order, trades_until: TradesUntil = _own) -> tuple[datetime, ...]:
    """Return the times, rising, at which something of an order begins or ends without anybody's doing."""
    if order.lifecycle is not Lifecycle.LIVE or order.cancel is not None:
        return ()
    if (auction := order.auction) is not None:
        return auction.sent_from, auction.taken_until, auction.at + AUCTION_ANSWER_MAX
    ends_at = ends_of_itself_at(order, trades_until)
    return () if ends_at is None else (ends_at,)


class Turns:
    """When each order with times of its own is to be looked at: a heap of times, and what of it counts."""

    def __init__(
        self,
        orders: Iterable[Order] = (),
        turns: Callable[[Order], tuple[datetime, ...]] = turns_of,
    ) -> None:
        """Make the heap of orders. turns: of one of them (`turns_of`)."""
        self._turns_of = turns
        self._heap: list[tuple[datetime, UUID]] = []
        self._noted: dict[UUID, tuple[datetime, ...]] = {}
        for order in orders:
            self.note(order)

    def __contains__(self, order_id: UUID) -> bool:
        """Return whether an order is waited for."""
        return order_id in self._noted

    def note(self, order: Order) -> None:
        """Take an order as it is now."""
        turns = self._turns_of(order)
        if turns == self._noted.get(order.order_id):
            return
        if not turns:
            self._noted.pop(order.order_id, None)
            return
        self._noted[order.order_id] = turns
        for at in turns:
            heappush(self._heap, (at, order.order_id))

    def due(self, now: datetime, orders_max: int) -> Iterator[UUID]:
        """Yield the orders of which a time has come, up to so many.

        One whose last time that was waits no more until it is noted.
        """
        left = orders_max
        while self._heap and left and self._heap[0][0] <= now:
            at, order_id = heappop(self._heap)
            # What an order has left in the heap stays until it is met.
            turns = self._noted.get(order_id, ())
            if at in turns:
                if at == turns[-1]:
                    del self._noted[order_id]
                left -= 1
                yield order_id
