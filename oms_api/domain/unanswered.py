"""What a gateway has asked of the core and has seen no outcome of: its age says how far behind the core is.

An order's outcome is the first event that says where it is going: routed, waiting for a route or a time,
suspended, booked by a person, or closed. That it was accepted is none, unless it asks for no route yet (a
stop): what is behind the core may be behind, too.
"""

from collections.abc import Iterable
from typing import Final

from oms_platform.vocabulary import (
    BookingRejected,
    OrderCanceled,
    OrderDenied,
    OrderExpired,
    OrderSuspended,
    RouteDeferred,
    RouteHeld,
    RoutePlaced,
    TradeApplied,
)

ORDERS_MAX: Final = 100_000
OUTCOMES: Final = frozenset(
    kind.__name__
    for kind in (
        RoutePlaced,
        RouteDeferred,
        RouteHeld,
        OrderDenied,
        OrderCanceled,
        OrderExpired,
        OrderSuspended,
        TradeApplied,
        BookingRejected,
    )
)


class Unanswered:
    """Orders without an outcome, the oldest first. Of more than ORDERS_MAX the newest are not kept."""

    def __init__(self) -> None:
        self._since_ms: dict[str, int] = {}

    def __len__(self) -> int:
        """Return how many orders have no outcome."""
        return len(self._since_ms)

    def note(self, order_id: str, now_ms: int) -> None:
        """Take an order that was published now."""
        if len(self._since_ms) < ORDERS_MAX:
            self._since_ms[order_id] = now_ms

    def answer(self, order_ids: Iterable[str]) -> None:
        """Let orders go that have had an outcome."""
        for order_id in order_ids:
            self._since_ms.pop(order_id, None)

    def oldest_ms(self, now_ms: int) -> int:
        """Return the age of the oldest order; 0 when there is none."""
        for since_ms in self._since_ms.values():
            return now_ms - since_ms
        return 0

    def older_than(self, age_ms: int, now_ms: int, orders_max: int) -> list[str]:
        """Return the oldest of the orders that are older than an age."""
        found: list[str] = []
        for order_id, since_ms in self._since_ms.items():
            if now_ms - since_ms <= age_ms or len(found) == orders_max:
                break
            found.append(order_id)
        return found
