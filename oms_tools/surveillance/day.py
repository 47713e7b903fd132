"""A day as surveillance looks at it: orders and executions, and when each symbol's market closed."""

import hashlib
from collections.abc import Mapping
from datetime import date, datetime
from uuid import UUID

import msgspec

from oms_platform.sides import is_buy
from oms_platform.vocabulary import Side


class DayOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order, prices in micros. firm: whose account it is. limit_micros: as it was last, None for none.

    began_at: accepted. canceled_at: None for one that was not. executed: shares.
    """

    order_id: UUID
    account_id: str
    firm: str
    symbol: str
    side: Side
    quantity: int
    limit_micros: int | None
    began_at: datetime
    canceled_at: datetime | None = None
    executed: int = 0

    @property
    def buys(self) -> bool:
        """Whether it is to buy."""
        return is_buy(self.side)


class DayExecution(msgspec.Struct, frozen=True, kw_only=True):
    """An execution as it stands after corrections; one that was busted is none. at: the venue's time."""

    order_id: UUID
    account_id: str
    firm: str
    symbol: str
    side: Side
    quantity: int
    price_micros: int
    at: datetime
    venue_id: str = ""
    exec_id: str = ""

    @property
    def buys(self) -> bool:
        """Whether it bought."""
        return is_buy(self.side)


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """A day's orders and executions. closes: by symbol, when its market closed; without one it did not."""

    date: date
    orders: tuple[DayOrder, ...] = ()
    executions: tuple[DayExecution, ...] = ()
    closes: Mapping[str, datetime] = {}

    @property
    def digest(self) -> str:
        """What names all that was looked at, the same whatever order it was read in."""
        encode = msgspec.json.Encoder(order="sorted").encode
        parts = sorted(encode(one) for one in (*self.orders, *self.executions))
        parts.append(encode(dict(self.closes)))
        return hashlib.sha256(b"\n".join(parts)).hexdigest()


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """Orders that look like a pattern. figures: whole numbers by name, with their units. why: in words."""

    pattern: str
    firm: str
    accounts: tuple[str, ...]
    symbol: str
    orders: tuple[UUID, ...]
    began_at: datetime
    ended_at: datetime
    figures: Mapping[str, int]
    why: str

    @property
    def identity(self) -> str:
        """What names it: the pattern, the symbol and the orders."""
        named = [self.pattern, self.symbol, *sorted(str(order_id) for order_id in self.orders)]
        return hashlib.sha256("\n".join(named).encode()).hexdigest()[:32]
