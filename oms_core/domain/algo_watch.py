"""Which algo orders have to be looked at by a time: a heap of times, by order. A quote looks at none."""

import heapq
from collections.abc import Iterable, Iterator
from datetime import datetime
from uuid import UUID

from oms_core.domain.algos import next_look
from oms_core.domain.order import Order


class AlgoWatch:
    """When each algo order is looked at next. It holds no state of its own: orders say when (`next_look`)."""

    def __init__(self, orders: Iterable[Order], now: datetime) -> None:
        # What an order has left in the heap stays until it is met.
        self._times: list[tuple[datetime, UUID]] = []
        self._waiting: dict[UUID, datetime] = {}
        for order in orders:
            self.note(order, now)

    def __len__(self) -> int:
        """Return how many orders wait for a time."""
        return len(self._waiting)

    def note(self, order: Order, now: datetime) -> None:
        """Take an order as it is. A look that comes too early is none too many: it finds nothing due."""
        at, known = next_look(order, now), self._waiting.get(order.order_id)
        if at is None:
            self._waiting.pop(order.order_id, None)
        elif known is None or at < known:
            self._waiting[order.order_id] = at
            heapq.heappush(self._times, (at, order.order_id))

    def due(self, now: datetime, orders_max: int) -> Iterator[UUID]:
        """Yield the orders whose time has come, at most so many; they wait no more until they are noted."""
        left = orders_max
        while self._times and left and self._times[0][0] <= now:
            at, order_id = heapq.heappop(self._times)
            if self._waiting.get(order_id) == at:
                del self._waiting[order_id]
                left -= 1
                yield order_id
