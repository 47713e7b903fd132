"""What a routing decision looks at: the order, the venues, what they display, and what is known of them.

The law of this file: plain frozen data. Prices are whole micros (millionths of a dollar); what is displayed,
and fees, are dollars. Quantities are whole shares.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Protocol

import msgspec

from oms_platform.market_rules import Ticks
from oms_platform.venue_limits import VenueBound
from oms_platform.vocabulary import PegType, TimeInForce

MICROS: Final = 1_000_000
MICRO: Final = Decimal("0.000001")
BPS: Final = 10_000
# Shares of one hundred percent, in which every measured rate is kept.
PPM: Final = 1_000_000
# What Rule 610(c) let a venue ask until the market's rules said otherwise; decisions kept before stand on it.
ACCESS_FEE_CAP_MICROS: Final = 3_000
# A quote age at or above this is that of a symbol that was never quoted.
AGE_UNKNOWN_US: Final = 2**31 - 1


class Visit(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What came of an order's earlier children at one venue.

    in_book: whether the book of this decision is newer than the last of them, so that it shows what they
    took.
    """

    venue_id: str
    children: int
    sent: int
    filled: int
    rejected: int = 0
    in_book: bool = True


class Request(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is to be placed. limit_micros None: a market order.

    short: whether it sells what is borrowed, which is only told: it is decided as any other sale.
    min_quantity: the fewest shares that a venue may trade of it at once, 0 for any. seed: what any choice by
    lot is drawn from. visits: this order's earlier children. avoid, prefer: venues by the order's or its
    account's preference. reference_micros: the symbol's price where nobody displays both sides. tick_micros:
    of a price from a dollar on; sub_dollar_tick_micros: of one below, 0 for the same. display_quantity:
    shares that may be shown at once of what rests, 0 for all, below 0 for none; each order that rests shows a
    round_lot at least. post_only: nothing that is displayed may be taken. listing_venue: who holds the
    symbol's auctions, empty for nobody. peg: what the limit follows. stopped: venues that a kill switch keeps
    it from, and why. bounds: what limits let it have at venues.
    """

    symbol: str
    buy: bool
    quantity: int
    time_in_force: TimeInForce
    limit_micros: int | None
    tick_micros: int
    short: bool = False
    min_quantity: int = 0
    seed: int = 0
    visits: tuple[Visit, ...] = ()
    avoid: frozenset[str] = frozenset()
    prefer: frozenset[str] = frozenset()
    reference_micros: int | None = None
    sub_dollar_tick_micros: int = 0
    display_quantity: int = 0
    round_lot: int = 1
    post_only: bool = False
    peg: PegType | None = None
    listing_venue: str = ""
    stopped: Mapping[str, str] = {}
    bounds: Mapping[str, VenueBound] = {}

    @property
    def ticks(self) -> Ticks:
        """The grid of the symbol's prices."""
        return Ticks(
            tick_micros=self.tick_micros, sub_dollar_micros=self.sub_dollar_tick_micros or self.tick_micros
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Venue:
    """A destination. Fees in dollars a share, a rebate is negative, None where no schedule of fees is known.

    latency_us: what its contract says. lot_size: every order there is a multiple of it. min_quantity: and at
    least this. midpoint_orders: of a dark venue, whether it takes orders that are pegged to the middle.
    reserve_orders, post_only_orders: whether it takes MaxFloor (111), and orders that take nothing (18=6).
    auction_orders: and orders for its auctions (59=2, 59=7).
    """

    venue_id: str
    lit: bool
    active: bool
    latency_us: int
    add_fee: Decimal | None
    remove_fee: Decimal | None
    lot_size: int = 1
    min_quantity: int = 1
    midpoint_orders: bool = True
    reserve_orders: bool = True
    post_only_orders: bool = True
    auction_orders: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueStats:
    """What our own fills say of a venue. Rates in millionths.

    take_fill_ppm: of the shares sent to take displayed liquidity, what was filled; rest_fill_ppm: of those
    sent to rest. hidden_ppm: what was filled beyond the displayed size, of the displayed size. latency_us:
    from sending to the acknowledgement. orders: how many (decayed) children this stands on.
    """

    take_fill_ppm: int
    rest_fill_ppm: int
    hidden_ppm: int
    latency_us: int
    orders: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DarkBelief:
    """What is believed of a dark venue: tail_ppm[i], the chance that (i + 1) * unit shares or more are there.

    unit: the step of size in shares. The tail never rises; beyond its end each further unit is
    half as likely.
    """

    unit: int
    tail_ppm: tuple[int, ...]


class DisplayedBook(Protocol):
    """What one venue displays, best level first; prices and sizes run in parallel."""

    @property
    def bid_prices(self) -> tuple[Decimal, ...]: ...
    @property
    def bid_sizes(self) -> tuple[int, ...]: ...
    @property
    def ask_prices(self) -> tuple[Decimal, ...]: ...
    @property
    def ask_sizes(self) -> tuple[int, ...]: ...


class Market(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Everything outside the order that a decision stands on.

    book: None when nobody quotes the symbol. closed: venues that take nothing now, with the reason.
    outflows: for each venue, samples of the shares that left its queue at the touch on the order's own side
    within the passive horizon (trades against it and cancels ahead of us); sample i of every venue is of the
    same moment. beliefs: of dark venues. taken: displayed shares that our own orders were sent to take at
    each venue and that this book is too old to show as gone. silent_us: of venues whose feed was silent when
    the quote was made, for how long it had been. access_fee_cap_micros: the most that a venue may ask for
    access to a quote of the order's price (Rule 610(c)). order_protection: whether quotes that this order may
    not take hold it back (Rule 611).
    """

    venues: Sequence[Venue]
    book: Mapping[str, DisplayedBook] | None
    quote_age_us: int
    quote_age_us_max: int
    stats: Mapping[str, VenueStats] = {}
    closed: Mapping[str, str] = {}
    outflows: Mapping[str, tuple[int, ...]] = {}
    beliefs: Mapping[str, DarkBelief] = {}
    taken: Mapping[str, int] = {}
    silent_us: Mapping[str, int] = {}
    access_fee_cap_micros: int = ACCESS_FEE_CAP_MICROS
    order_protection: bool = True


def micros(value: Decimal) -> int:
    """Return dollars as whole micros."""
    return int(value * MICROS)


def dollars(value: int) -> Decimal:
    """Return micros as dollars with six digits."""
    return value * MICRO


def price_text(value: int) -> str:
    """Return a price in micros with at least two digits after the point, as traders write it."""
    whole, part = divmod(value, MICROS)
    return f"{whole}.{f'{part:06d}'.rstrip('0').ljust(2, '0')}"
