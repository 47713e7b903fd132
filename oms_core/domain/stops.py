"""Stop orders that wait for the market, by symbol and side, nearest to the market first.

The national best offer triggers a stop to buy, the best bid one to sell, or the last trade does, as
`StopTrigger` says. A quote costs a look at the nearest stop of each side, however many wait.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final
from uuid import UUID

from oms_core.domain.order import Order, TriggerStop
from oms_core.domain.touch import TouchPrices
from oms_platform.order_types import StopTrigger
from oms_platform.sides import DIRECTIONS, direction, far, sign
from oms_platform.vocabulary import Side

_NOT_LOOKED_AT: Final = TouchPrices()


class StopWatch:
    """Which orders a quote triggers. It holds no state of its own: orders say whether they wait."""

    def __init__(self, orders: Iterable[Order] = (), trigger: StopTrigger = StopTrigger.QUOTE) -> None:
        self._trigger = trigger
        # By symbol and side: (how far it is, upwards, order). What an order has left stays until it is met.
        self._nearest: defaultdict[tuple[str, Side], list[tuple[int, UUID]]] = defaultdict(list)
        self._waiting: dict[UUID, int] = {}
        # By symbol: the quote that was looked at last.
        self._looked_at: dict[str, TouchPrices] = {}
        for order in orders:
            self.note(order)

    def __len__(self) -> int:
        """Return how many orders wait."""
        return len(self._waiting)

    @property
    def symbols(self) -> Iterable[str]:
        """The symbols that orders wait in."""
        return tuple(self._looked_at)

    def note(self, order: Order) -> None:
        """Take an order as it is: it begins to wait, waits for another price, or does not any more."""
        stop = order.terms.stop_price_micros
        if stop is None or not order.waits_for_stop:
            self._waiting.pop(order.order_id, None)
            return
        rank = sign(order.terms.side) * stop
        if self._waiting.get(order.order_id) == rank:
            return
        self._waiting[order.order_id] = rank
        heapq.heappush(self._nearest[order.terms.symbol, direction(order.terms.side)], (rank, order.order_id))
        self._looked_at[order.terms.symbol] = _NOT_LOOKED_AT

    def triggered(
        self, symbol: str, touch: TouchPrices, orders_max: int
    ) -> Iterator[tuple[UUID, TriggerStop]]:
        """Yield the orders that a quote triggers, at most so many; they wait no more."""
        if self._looked_at.get(symbol) is touch:
            return
        left = orders_max
        for side, market, of_trade in self._markets(touch):
            waiting = self._nearest[symbol, side]
            bound = sign(side) * market
            while waiting and left and waiting[0][0] <= bound:
                rank, order_id = heapq.heappop(waiting)
                if self._waiting.get(order_id) == rank:
                    del self._waiting[order_id]
                    left -= 1
                    yield order_id, TriggerStop(price_micros=market, touch=touch, of_trade=of_trade)
        if left:
            self._looked_at[symbol] = touch
        if not any(self._nearest[symbol, side] for side in DIRECTIONS):
            self._looked_at.pop(symbol, None)

    def _markets(self, touch: TouchPrices) -> Iterator[tuple[Side, int, bool]]:
        """Yield what may trigger stops of each side: a price, and whether it is a trade's."""
        for side in DIRECTIONS:
            quoted = far(side, touch.bid_micros, touch.offer_micros)
            if quoted is not None and self._trigger is not StopTrigger.TRADE:
                yield side, quoted, False
            if touch.last_micros is not None and self._trigger is not StopTrigger.QUOTE:
                yield side, touch.last_micros, True
