"""What a gateway has asked of the core and has seen no outcome of: its age says how far behind the core is.

An order's outcome is the first event that says where it is going: routed, waiting for a route, or closed.
That it was accepted is none: what is behind the core may be behind, too.
"""

from collections.abc import Iterable
from typing import Final

from oms_platform.vocabulary import (
    OrderCanceled,
    OrderDenied,
    OrderExpired,
    RouteDeferred,
    RoutePlaced,
)

ORDERS_MAX: Final = 100_000
OUTCOMES: Final = frozenset(
    kind.__name__ for kind in (RoutePlaced, RouteDeferred, OrderDenied, OrderCanceled, OrderExpired)
)


class Unanswered:
    """Orders without an outcome, the oldest first. Of more than ORDERS_MAX the newest are not kept."""

    def __init__(self) -> None:
        self._since_s: dict[str, float] = {}

    def __len__(self) -> int:
        """Return how many orders have no outcome."""
        return len(self._since_s)

    def note(self, order_id: str, now_s: float) -> None:
        """Take an order that was published now."""
        if len(self._since_s) < ORDERS_MAX:
            self._since_s[order_id] = now_s

    def answer(self, order_ids: Iterable[str]) -> None:
        """Let orders go that have had an outcome."""
        for order_id in order_ids:
            self._since_s.pop(order_id, None)

    def oldest_s(self, now_s: float) -> float:
        """Return the age of the oldest order; 0 when there is none."""
        for since_s in self._since_s.values():
            return now_s - since_s
        return 0.0

    def older_than(self, age_s: float, now_s: float, orders_max: int) -> list[str]:
        """Return the oldest of the orders that are older than an age."""
        found: list[str] = []
        for order_id, since_s in self._since_s.items():
            if now_s - since_s <= age_s or len(found) == orders_max:
                break
            found.append(order_id)
        return found
