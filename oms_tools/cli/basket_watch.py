"""A list of orders while it goes on: how each stands, and what that is in all.

The law of this file: an order only goes on, by its sequence, whether a list, a snapshot or an event says so;
so it does not matter which of them comes first, or twice.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

from oms_client.answers import Order
from oms_client.stream_session import OrderEvent
from oms_tools.cli.amounts import ABSENT, money, price
from oms_tools.cli.tables import aligned, counted

OVER: Final = frozenset(("FILLED", "CANCELED", "REJECTED", "EXPIRED"))
TITLES: Final = (
    "symbol", "side", "orders>", "over>", "done>", "of>", "average price>", "notional>", "status"
)  # fmt: skip
_MICRO: Final = Decimal("0.000001")


class Standing(NamedTuple):
    """How an order of the list stands. notional: dollars, of what is done."""

    account_id: str
    symbol: str
    side: str
    quantity: int
    cum_qty: int
    notional: Decimal
    status: str
    sequence: int


class BasketBook:
    """The orders of a list, by id."""

    def __init__(self, order_ids: Iterable[UUID]) -> None:
        self._wanted = frozenset(order_ids)
        self._orders: dict[UUID, Standing] = {}

    @property
    def is_over(self) -> bool:
        """Whether every order of the list is known, and over."""
        return len(self._orders) == len(self._wanted) and all(
            one.status in OVER for one in self._orders.values()
        )

    @property
    def counts(self) -> tuple[tuple[str, int], ...]:
        """How many orders have which status, by its name."""
        return tuple(sorted(Counter(one.status for one in self._orders.values()).items()))

    @property
    def done(self) -> tuple[int, int]:
        """Shares that are done, and those that are asked for."""
        return _done(self._orders.values())

    @property
    def notional(self) -> Decimal:
        """Dollars of what is done, bought and sold together."""
        return sum((one.notional for one in self._orders.values()), Decimal(0))

    def forget(self, accounts: Iterable[str]) -> None:
        """Forget how orders of accounts stood: their sequences are of another database now."""
        gone = frozenset(accounts)
        self._orders = {key: one for key, one in self._orders.items() if one.account_id not in gone}

    def unsure(self, account_id: str, shown: Iterable[Order]) -> list[UUID]:
        """Return which orders are not over, as far as is known, and not among those open in their account."""
        known = frozenset(order.order_id for order in shown)
        standing = {key: self._orders.get(key) for key in sorted(self._wanted - known)}
        return [
            key
            for key, one in standing.items()
            if one is None or (one.account_id == account_id and one.status not in OVER)
        ]

    def stands(self, order: Order) -> bool:
        """Take an order as a list or a snapshot has it. Returns whether that is news."""
        return self._goes_on(
            order.order_id,
            Standing(
                order.account_id, order.symbol, order.side, order.quantity, order.cum_qty,
                order.filled_notional, order.status, order.sequence,
            ),
        )  # fmt: skip

    def happened(self, event: OrderEvent) -> bool:
        """Take an event. Returns whether it is of the list, and news."""
        return self._goes_on(
            event.order_id,
            Standing(
                event.account_id, event.symbol, event.side, event.quantity, event.cum_qty,
                (event.avg_px or Decimal(0)) * event.cum_qty, event.status, event.sequence,
            ),
        )  # fmt: skip

    def _goes_on(self, order_id: UUID, now: Standing) -> bool:
        before = self._orders.get(order_id)
        if order_id not in self._wanted or (before is not None and before.sequence >= now.sequence):
            return False
        self._orders[order_id] = now
        return True

    def line(self, at: datetime) -> str:
        """Return how the list stands in one line. at: since when."""
        done, wanted = self.done
        told = ", ".join(f"{count:,} {status}" for status, count in self.counts)
        return f"{at:%H:%M:%S}  {done:,}/{wanted:,} shares  {told}"

    def table(self, rows_max: int) -> list[str]:
        """Return the list by symbol and side and in all, as lines; of many symbols the first ones."""
        groups: dict[tuple[str, str], list[Standing]] = {}
        for one in self._orders.values():
            groups.setdefault((one.symbol, one.side), []).append(one)
        shown = sorted(groups.items())[:rows_max]
        rows = [_cells(*key, orders) for key, orders in shown]
        lines = aligned(TITLES, [*rows, _cells("all", "", list(self._orders.values()))])
        if len(groups) > len(shown):
            lines.insert(-1, f"and {counted(len(groups) - len(shown), 'line')} more")
        return lines


def _done(orders: Iterable[Standing]) -> tuple[int, int]:
    found = [(one.cum_qty, one.quantity) for one in orders]
    return sum(done for done, _ in found), sum(wanted for _, wanted in found)


def _cells(symbol: str, side: str, orders: Sequence[Standing]) -> list[str]:
    done, wanted = _done(orders)
    notional = sum((one.notional for one in orders), Decimal(0))
    # The average of shares of several symbols, or bought and sold, says nothing.
    average = price((notional / done).quantize(_MICRO)) if done and side else ABSENT
    statuses = Counter(one.status for one in orders)
    return [
        symbol, side, f"{len(orders):,}", f"{sum(one.status in OVER for one in orders):,}", f"{done:,}",
        f"{wanted:,}", average, money(notional),
        ", ".join(f"{count:,} {status}" for status, count in sorted(statuses.items())),
    ]  # fmt: skip
