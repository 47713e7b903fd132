"""What execution quality stands on: orders, children and executions as stored, and the quotes of their time.

The law of this file: rows as they came and what they say by themselves; nothing is worked out here. Prices
are micros, times microseconds since the epoch.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from oms_platform.sides import is_buy
from oms_platform.vocabulary import Side
from sor_engine.domain.scorecard import CLOCK_OFF_US_MAX

SECOND_US: Final = 1_000_000
# The tape has a row a change. When it has none of any symbol for so long, it was not being written.
SILENCE_US: Final = 10 * SECOND_US
# What an order's strategy is called when its route names none.
UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A customer's order. limit in micros, None: a market order. ended_us: when it closed, None while open.

    directed: the customer said where to. all_or_none: it is filled at once and whole, or not at all.
    listing_venue: where the symbol is listed, empty where that is not known.
    """

    order_id: str
    symbol: str
    side: str
    quantity: int
    limit: int | None
    created_us: int
    ended_us: int | None
    strategy: str = UNKNOWN
    account_id: str = UNKNOWN
    directed: bool = False
    all_or_none: bool = False
    listing_venue: str = ""

    @property
    def buy(self) -> bool:
        """Whether it buys."""
        return is_buy(Side[self.side])


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """What was sent to a venue. limit in micros; rests: whether its time in force lets it.

    acked_us: when the venue's first answer came, None if that is not known. attempt: the route that sent it.
    """

    cl_ord_id: str
    order_id: str
    venue_id: str
    quantity: int
    limit: int
    created_us: int
    rests: bool = False
    acked_us: int | None = None
    attempt: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """An execution. price in micros; transact_us: the venue's clock, received_us: ours."""

    order_id: str
    venue_id: str
    exec_id: str
    cl_ord_id: str
    quantity: int
    price: int
    transact_us: int
    received_us: int

    @property
    def at_us(self) -> int:
        """When it happened, by the venue's clock unless that is too far from ours."""
        off_us = self.transact_us - self.received_us
        return self.transact_us if -CLOCK_OFF_US_MAX <= off_us <= CLOCK_OFF_US_MAX else self.received_us


@dataclass(frozen=True, slots=True, kw_only=True)
class Fees:
    """A venue's fees in micros a share from a day on, counted since the epoch; a rebate is negative."""

    venue_id: str
    from_day: int
    add_fee: int
    remove_fee: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstRoute:
    """An order's first decision that stood on a quote, and what was displayed to it then.

    quantity: shares that it was asked to place. limit in micros, None: a market order. may_take: whether the
    order may take what is displayed at once; not for an auction, nor post-only. displayed: by venue that the
    order might have been sent to, what it would have met, (micros, shares), best first; without what
    our own orders had just been sent to take.
    """

    attempt: int
    quantity: int
    limit: int | None
    may_take: bool
    displayed: Mapping[str, Sequence[tuple[int, int]]]


class Quoted(NamedTuple):
    """A row of the quote tape, in micros; None on a side that nobody quoted."""

    bid: int | None
    offer: int | None

    @property
    def mid2(self) -> int | None:
        """Twice the mid; None while a side is missing."""
        return None if self.bid is None or self.offer is None else self.bid + self.offer


Moment = tuple[str, int]


class Tape:
    """The quotes of the moments that a report looks at.

    rows: by (symbol, time), the last row at or before it, None when there is none. silences: the times, by
    start, between two rows of the tape that are further apart than `SILENCE_US`. end_us: its last row's.
    """

    def __init__(
        self, rows: Mapping[Moment, Quoted | None], silences: Sequence[tuple[int, int]], end_us: int
    ) -> None:
        self._rows = rows
        self._silences = sorted(silences)
        self._starts = [start for start, _ in self._silences]
        self._end_us = end_us

    def quoted(self, symbol: str, at_us: int) -> Quoted | None:
        """Return what was quoted at a moment, None when the tape was not being written then."""
        if at_us > self._end_us:
            return None
        place = bisect_right(self._starts, at_us) - 1
        if place >= 0:
            start, end = self._silences[place]
            if start + SILENCE_US < at_us < end:
                return None
        return self._rows.get((symbol, at_us))

    def mid2(self, symbol: str, at_us: int) -> int | None:
        """Return twice the mid of a moment in micros."""
        quoted = self.quoted(symbol, at_us)
        return None if quoted is None else quoted.mid2

    def last_mid2(self, symbol: str, at_us: int) -> int | None:
        """Return twice the last mid known at a moment, however old its quote: what a mark stands on."""
        quoted = self._rows.get((symbol, at_us))
        return None if quoted is None else quoted.mid2


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The raw rows of a report. end_us: what is open then is marked then.

    first_routes: by order, of those whose first route's book is kept.
    """

    orders: Sequence[Order]
    children: Sequence[Child]
    fills: Sequence[Fill]
    fees: Sequence[Fees]
    end_us: int
    first_routes: Mapping[str, FirstRoute] = field(default_factory=dict)
