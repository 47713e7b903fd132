"""What a report of execution quality is made of: figures, their sums over shares and orders, lines, tables.

The law of this file: every sum is a whole number of half micros (a mid of whole micros may end on a half)
times shares; a mean is rounded once, when it is read. What is not known is counted as missing, never as 0.
An interval is of the share-weighted mean, over orders, since the fills of one order are no independent
observations (Cochran, Sampling Techniques, 3rd edition, chapter 6: ratio estimators).
"""

import enum
import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from math import isqrt
from typing import Final, NamedTuple

from sor_engine.domain.market import BPS, MICROS
from sor_engine.domain.quality_evidence import Order

REALIZED_S: Final = (5, 60)
MARKOUT_S: Final = (1, 10, 60)
# The line of the venues' table for what no venue filled.
UNFILLED: Final = "(unfilled)"
_HALVES: Final = 2 * MICROS
# Of fewer orders no interval is given: a normal one would be too narrow.
INTERVAL_ORDERS_MIN: Final = 10
# The normal distribution's two-sided 95 % quantile, in basis points to four digits.
_SCALED_NORMAL_95: Final = 196 * 10**6


class Figure(NamedTuple):
    """A figure of the report. gain: whether more of it is better for us."""

    name: str
    title: str
    gain: bool = False


# A share's figures, summed over fills.
EFFECTIVE: Final = Figure("effective_spread", "effective spread")
REALIZED: Final = tuple(
    Figure(f"realized_spread_{after}s", f"realized spread {after} s") for after in REALIZED_S
)
IMPROVEMENT: Final = Figure("price_improvement", "price improvement", gain=True)
FEES: Final = Figure("fees", "fees")
FILLED_COST: Final = Figure("filled_cost", "shortfall of the filled part")
MARKOUTS: Final = tuple(Figure(f"markout_{after}s", f"markout {after} s", gain=True) for after in MARKOUT_S)
# What a share cost less than a naive router's would have, with the very book of the order's first decision.
SAVED_BEST_QUOTE: Final = Figure("saved_best_quote", "saved against the best quote", gain=True)
SAVED_BEST_QUOTE_ALL_IN: Final = Figure(
    "saved_best_quote_all_in", "saved against the best quote, with fees", gain=True
)
SAVED_LISTING: Final = Figure("saved_listing_venue", "saved against the listing venue", gain=True)
SAVED_LISTING_ALL_IN: Final = Figure(
    "saved_listing_venue_all_in", "saved against the listing venue, with fees", gain=True
)
SAVED: Final = (SAVED_BEST_QUOTE, SAVED_BEST_QUOTE_ALL_IN, SAVED_LISTING, SAVED_LISTING_ALL_IN)
# An order's figures.
UNFILLED_COST: Final = Figure("unfilled_cost", "shortfall of the unfilled part")
SHORTFALL: Final = Figure("shortfall", "implementation shortfall")
# What a shortfall is made of, of the orders whose whole shortfall is known: these add up to it.
PRICE_PART: Final = Figure("shortfall_price", "price of the filled part")
FEES_PART: Final = Figure("shortfall_fees", "fees")
UNFILLED_PART: Final = Figure("shortfall_unfilled", "unfilled part, marked")
SHORTFALL_PARTS: Final = (PRICE_PART, FEES_PART, UNFILLED_PART)
FILL_FIGURES: Final = (EFFECTIVE, *REALIZED, IMPROVEMENT, FEES, FILLED_COST, *MARKOUTS, *SAVED)
FIGURES: Final = (*FILL_FIGURES, UNFILLED_COST, SHORTFALL, *SHORTFALL_PARTS)


@dataclass(slots=True)
class Sum:
    """A figure over shares. total: half micros times shares; basis: likewise, the notional.

    missing: shares for which it is not known; short: those of them that a naive router would not have found
    displayed. orders: for which it is known. squares, cross, basis_squares: sums over orders of total²,
    total · basis and basis², of which the interval is made.
    """

    total: int = 0
    basis: int = 0
    shares: int = 0
    missing: int = 0
    short: int = 0
    orders: int = 0
    squares: int = 0
    cross: int = 0
    basis_squares: int = 0

    def add(self, value: int | None, basis: int, shares: int, *, short: bool = False) -> None:
        """Count a total and its notional, or shares for which it is not known. short: see the class."""
        if value is None:
            self.missing += shares
            self.short += shares if short else 0
            return
        self.total += value
        self.basis += basis
        self.shares += shares

    def merge(self, other: "Sum") -> None:
        """Count all that another counted."""
        self.total += other.total
        self.basis += other.basis
        self.shares += other.shares
        self.missing += other.missing
        self.short += other.short
        self.orders += other.orders
        self.squares += other.squares
        self.cross += other.cross
        self.basis_squares += other.basis_squares

    def settle(self) -> None:
        """Let what was counted so far be one order's, all of it."""
        if self.shares:
            self.orders = 1
            self.squares, self.cross = self.total * self.total, self.total * self.basis
            self.basis_squares = self.basis * self.basis

    @property
    def interval_bps(self) -> tuple[Decimal, Decimal] | None:
        """The 95 % interval of `bps` over orders; None of fewer than `INTERVAL_ORDERS_MIN`."""
        middle = self.bps
        if middle is None or self.orders < INTERVAL_ORDERS_MIN:
            return None
        total, basis, orders = self.total, self.basis, self.orders
        spread = self.squares * basis**2 - 2 * total * basis * self.cross + total**2 * self.basis_squares
        half = Decimal(isqrt(_SCALED_NORMAL_95**2 * orders * spread // ((orders - 1) * basis**4))).scaleb(-4)
        return middle - half, middle + half

    @property
    def dollars(self) -> Decimal | None:
        """The sum in dollars to six digits, None of nothing."""
        return _rounded(self.total, _HALVES, 6) if self.shares else None

    @property
    def per_share(self) -> Decimal | None:
        """The share-weighted mean in dollars a share to six digits, None of nothing."""
        return _rounded(self.total, _HALVES * self.shares, 6) if self.shares else None

    @property
    def bps(self) -> Decimal | None:
        """The sum in basis points of the notional to four digits, None of nothing."""
        return _rounded(self.total * BPS, self.basis, 4) if self.basis else None


def _rounded(part: int, whole: int, digits: int) -> Decimal:
    return Decimal(round(Fraction(part * 10**digits, whole))).scaleb(-digits)


def _sums() -> dict[Figure, Sum]:
    return {figure: Sum() for figure in FIGURES}


@dataclass(slots=True)
class Tally:
    """A line of the report: an order, a venue or a strategy.

    orders: how many had something to do with it. wanted: their shares, of a venue those that it was sent.
    notional: half micros times shares of its fills. arrival_mid2: of an order.
    """

    name: str
    orders: int = 0
    wanted: int = 0
    filled: int = 0
    fills: int = 0
    notional: int = 0
    sums: dict[Figure, Sum] = field(default_factory=_sums)
    arrival_mid2: int | None = None
    order: Order | None = None

    def merge(self, other: "Tally") -> None:
        """Count all that another line of other orders counted."""
        self.orders += other.orders
        self.wanted += other.wanted
        self.filled += other.filled
        self.fills += other.fills
        self.notional += other.notional
        for figure, found in other.sums.items():
            if found.shares or found.missing:
                self.sums[figure].merge(found)

    def settle(self) -> None:
        """Let what was counted so far be one order's, all of it."""
        for found in self.sums.values():
            found.settle()

    @property
    def fill_rate_ppm(self) -> int | None:
        """Shares filled of shares wanted, in millionths, None of nothing wanted."""
        return self.filled * MICROS // self.wanted if self.wanted else None

    @property
    def avg_px(self) -> Decimal | None:
        """The mean price of its fills in dollars to six digits."""
        return _rounded(self.notional, _HALVES * self.filled, 6) if self.filled else None

    @property
    def arrival_mid(self) -> Decimal | None:
        """The mid at an order's receipt in dollars, exact."""
        return None if self.arrival_mid2 is None else Decimal(self.arrival_mid2 * 5) / 10 / MICROS


class Cut(enum.Enum):
    """By what orders are told apart."""

    ORDER = "order"
    VENUE = "venue"
    STRATEGY = "strategy"
    SYMBOL = "symbol"
    SIDE = "side"
    ACCOUNT = "account"


class OrderClass(enum.Enum):
    """Classes of 17 CFR 242.606(a)(1)(i)."""

    MARKET = "market"
    MARKETABLE_LIMIT = "marketable limit"
    NON_MARKETABLE_LIMIT = "non-marketable limit"
    OTHER = "other"


@dataclass(slots=True)
class Routed:
    """A venue's line of the Rule 606 table: non-directed orders routed there, and their fees, by class."""

    venue_id: str
    orders: dict[OrderClass, int] = field(default_factory=lambda: dict.fromkeys(OrderClass, 0))
    fees: dict[OrderClass, Sum] = field(default_factory=lambda: {one: Sum() for one in OrderClass})

    def merge(self, other: "Routed") -> None:
        """Count all that another line of other orders counted."""
        for one in OrderClass:
            self.orders[one] += other.orders[one]
            self.fees[one].merge(other.fees[one])

    def received(self, one: OrderClass) -> Decimal | None:
        """Return dollars received net of those paid, None of nothing."""
        paid = self.fees[one].dollars
        return None if paid is None else 0 - paid

    def received_per_hundred(self, one: OrderClass) -> Decimal | None:
        """Return cents received a hundred shares, net of those paid, to four digits; None of nothing."""
        fees = self.fees[one]
        # A dollar a share is ten thousand cents a hundred shares.
        return _rounded(-fees.total * 10_000, _HALVES * fees.shares, 4) if fees.shares else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that a report shows. directed: orders that the Rule 606 table leaves out.

    cuts: the lines by venue, and by what orders have. orders, costliest: of a gathered report, the last ones
    and those that cost most.
    """

    total: Tally
    orders: tuple[Tally, ...]
    cuts: Mapping[Cut, tuple[Tally, ...]]
    routed: tuple[Routed, ...]
    directed: int
    costliest: tuple[Tally, ...] = ()

    def lines(self, cut: Cut) -> tuple[Tally, ...]:
        """Return the lines by a cut, none for one that was not asked for."""
        return self.orders if cut is Cut.ORDER else self.cuts.get(cut, ())

    @property
    def venues(self) -> tuple[Tally, ...]:
        """The lines by venue; of what none filled the last."""
        return self.lines(Cut.VENUE)

    @property
    def strategies(self) -> tuple[Tally, ...]:
        """The lines by strategy."""
        return self.lines(Cut.STRATEGY)


class Gathered:
    """Reports of different orders as one; of single orders it keeps the last and the costliest."""

    def __init__(self, orders_max: int) -> None:
        self._orders_max = orders_max
        self._total = Tally("all")
        self._last: list[Tally] = []
        self._costliest: list[Tally] = []
        self._cuts: dict[Cut, dict[str, Tally]] = {}
        self._routed: dict[str, Routed] = {}
        self._directed = 0

    def add(self, report: Report) -> None:
        """Count a report of orders that are in no other."""
        self._total.merge(report.total)
        for cut, lines in report.cuts.items():
            kept = self._cuts.setdefault(cut, {})
            for tally in lines:
                kept.setdefault(tally.name, Tally(tally.name)).merge(tally)
        for line in report.routed:
            self._routed.setdefault(line.venue_id, Routed(line.venue_id)).merge(line)
        self._directed += report.directed
        self._last = [*self._last, *report.orders][-self._orders_max :]
        known = [tally for tally in report.orders if tally.sums[SHORTFALL].shares]
        self._costliest = heapq.nsmallest(
            self._orders_max,
            [*self._costliest, *known],
            lambda tally: (-tally.sums[SHORTFALL].total, tally.name),
        )

    def report(self) -> Report:
        """Return what was gathered."""
        return Report(
            total=self._total,
            orders=tuple(self._last),
            cuts={cut: by_name(lines) for cut, lines in self._cuts.items()},
            routed=tuple(sorted(self._routed.values(), key=lambda line: line.venue_id)),
            directed=self._directed,
            costliest=tuple(self._costliest),
        )


def by_name(lines: Mapping[str, Tally]) -> tuple[Tally, ...]:
    """Return lines by their names, what no venue filled as the last."""
    return tuple(sorted(lines.values(), key=lambda tally: (tally.name == UNFILLED, tally.name)))


def share_ppm(counts: Sequence[int]) -> list[int | None]:
    """Return each count's share of their sum, in millionths; None of nothing."""
    whole = sum(counts)
    return [round(Fraction(one * MICROS, whole)) if whole else None for one in counts]
