"""What time allows an order: when its market's hours let it be routed, and when it ends of itself. Pure.

The law of this file: an order that waits for a session says for which, and an order ends at its own time
whatever else has happened, or with the close after which its market does not open again before it, as the
calendar says now. Times are UTC.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from heapq import heappop, heappush
from typing import Final, NamedTuple
from uuid import UUID

from oms_core.domain.order import Order
from oms_core.domain.transitions import Lifecycle
from oms_platform.order_ids import taken_at
from oms_platform.order_types import CARRIED
from oms_platform.trading_calendar import Phase
from oms_platform.vocabulary import OrderTerms, TimeInForce


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


def time_text(at: datetime | None) -> str:
    """Write a time to the second, as denials do."""
    return "unknown" if at is None else at.isoformat(timespec="seconds").replace("+00:00", "Z")


def ends_of_itself_at(
    order: Order, trades_until: Callable[[datetime], datetime] = lambda at: at
) -> datetime | None:
    """Return when an order is to end without anybody's doing; None for one that does not.

    trades_until: of its market, when what is good until a time can trade for the last time. An order that was
    taken after that waits for its own time.
    """
    at = order.terms.expire_at
    if at is None or order.lifecycle is not Lifecycle.LIVE or order.cancel is not None:
        return None
    last = trades_until(at)
    return last if last > taken_at(order.order_id) else at


class Expiries:
    """When each order that is good till a time is to end: a heap of times, and what of it still counts."""

    def __init__(
        self,
        orders: Iterable[Order] = (),
        ends_at: Callable[[Order], datetime | None] = ends_of_itself_at,
    ) -> None:
        """Make the heap of orders. ends_at: when one ends of itself, if it does."""
        self._ends_at = ends_at
        self._heap: list[tuple[datetime, UUID]] = []
        self._noted: dict[UUID, datetime] = {}
        for order in orders:
            self.note(order)

    def __contains__(self, order_id: UUID) -> bool:
        """Return whether an order is waited for."""
        return order_id in self._noted

    def note(self, order: Order) -> None:
        """Take an order as it is now."""
        at = self._ends_at(order)
        if at == self._noted.get(order.order_id):
            return
        if at is None:
            self._noted.pop(order.order_id, None)
            return
        self._noted[order.order_id] = at
        heappush(self._heap, (at, order.order_id))

    def due(self, now: datetime, orders_max: int) -> Iterator[UUID]:
        """Yield the orders whose time has come, up to so many; they wait no more until they are noted."""
        left = orders_max
        while self._heap and left and self._heap[0][0] <= now:
            at, order_id = heappop(self._heap)
            # What an order has left in the heap stays until it is met.
            if self._noted.get(order_id) == at:
                del self._noted[order_id]
                left -= 1
                yield order_id
