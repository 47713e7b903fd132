"""Execution quality: what orders cost against the quotes of their time, from raw executions and quotes alone.

The law of this file: every sum is a whole number of half micros (a mid of whole micros may end on a half)
times shares; a mean is rounded once, when it is read. What cannot be known for want of a quote, a fee or a
child is absent and its shares are counted as missing, never as 0. An interval is of the share-weighted mean,
over orders, since the fills of one order are no independent observations (Cochran, Sampling Techniques, 3rd
edition, chapter 6: ratio estimators). Definitions: docs/execution-quality.md; of spreads and price
improvement 17 CFR 242.600(b) and 242.605, of the table of venues 17 CFR 242.606(a).
"""

import enum
import heapq
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from math import isqrt
from typing import Final, NamedTuple

from oms_platform.sides import is_buy
from oms_platform.vocabulary import Side
from sor_engine.domain.market import BPS, MICROS
from sor_engine.domain.scorecard import CLOCK_OFF_US_MAX, TAKE_WINDOW_US

SECOND_US: Final = 1_000_000
DAY_US: Final = 86_400 * SECOND_US
REALIZED_S: Final = (5, 60)
MARKOUT_S: Final = (1, 10, 60)
# The tape has a row a change. When it has none of any symbol for so long, it was not being written.
SILENCE_US: Final = 10 * SECOND_US
# What an order's strategy is called when its route names none.
UNKNOWN: Final = "unknown"
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
# An order's figures.
UNFILLED_COST: Final = Figure("unfilled_cost", "shortfall of the unfilled part")
SHORTFALL: Final = Figure("shortfall", "implementation shortfall")
# What a shortfall is made of, of the orders whose whole shortfall is known: these add up to it.
PRICE_PART: Final = Figure("shortfall_price", "price of the filled part")
FEES_PART: Final = Figure("shortfall_fees", "fees")
UNFILLED_PART: Final = Figure("shortfall_unfilled", "unfilled part, marked")
SHORTFALL_PARTS: Final = (PRICE_PART, FEES_PART, UNFILLED_PART)
FILL_FIGURES: Final = (EFFECTIVE, *REALIZED, IMPROVEMENT, FEES, FILLED_COST, *MARKOUTS)
FIGURES: Final = (*FILL_FIGURES, UNFILLED_COST, SHORTFALL, *SHORTFALL_PARTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A customer's order. limit in micros, None: a market order. ended_us: when it closed, None while open.

    directed: the customer said where to. all_or_none: it is filled at once and whole, or not at all.
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

    @property
    def buy(self) -> bool:
        """Whether it buys."""
        return is_buy(Side[self.side])


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """What was sent to a venue. limit in micros; rests: whether its time in force lets it.

    acked_us: when the venue's first answer came, None if that is not known.
    """

    cl_ord_id: str
    order_id: str
    venue_id: str
    quantity: int
    limit: int
    created_us: int
    rests: bool = False
    acked_us: int | None = None


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


@dataclass(slots=True)
class Sum:
    """A figure over shares. total: half micros times shares; basis: likewise, the notional.

    missing: shares for which it is not known. orders: for which it is known. squares, cross, basis_squares:
    sums over orders of total², total · basis and basis², of which the interval is made.
    """

    total: int = 0
    basis: int = 0
    shares: int = 0
    missing: int = 0
    orders: int = 0
    squares: int = 0
    cross: int = 0
    basis_squares: int = 0

    def add(self, value: int | None, basis: int, shares: int) -> None:
        """Count a total and its notional, or shares for which it is not known."""
        if value is None:
            self.missing += shares
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


# The cuts by what an order has; each order is in one line of each.
_LINE_OF: Final[Mapping[Cut, Callable[[Order], str]]] = {
    Cut.STRATEGY: lambda order: order.strategy,
    Cut.SYMBOL: lambda order: order.symbol,
    Cut.SIDE: lambda order: order.side,
    Cut.ACCOUNT: lambda order: order.account_id,
}


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
            cuts={cut: _by_name(lines) for cut, lines in self._cuts.items()},
            routed=tuple(sorted(self._routed.values(), key=lambda line: line.venue_id)),
            directed=self._directed,
            costliest=tuple(self._costliest),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The raw rows of a report. end_us: what is open then is marked then."""

    orders: Sequence[Order]
    children: Sequence[Child]
    fills: Sequence[Fill]
    fees: Sequence[Fees]
    end_us: int


def moments(evidence: Evidence) -> set[Moment]:
    """Return every (symbol, time) whose quote the report needs."""
    orders = {order.order_id: order for order in evidence.orders}
    wanted: set[Moment] = set()
    for order in evidence.orders:
        wanted.add((order.symbol, order.created_us))
        wanted.add((order.symbol, _marked_us(order, evidence.end_us)))
    for child in evidence.children:
        wanted.add((orders[child.order_id].symbol, child.created_us))
    for fill in evidence.fills:
        symbol, at_us = orders[fill.order_id].symbol, fill.at_us
        for after in {*REALIZED_S, *MARKOUT_S}:
            wanted.add((symbol, at_us + after * SECOND_US))
    return wanted


def _marked_us(order: Order, end_us: int) -> int:
    return end_us if order.ended_us is None else order.ended_us


def measure(evidence: Evidence, tape: Tape, cuts: Iterable[Cut] = tuple(Cut)) -> Report:
    """Return the report of an evidence, with lines by these cuts.

    Raises KeyError for a fill or child without its order.
    """
    judge = _Judge(evidence, tape)
    total, unfilled = Tally("all"), Tally(UNFILLED)
    orders = {order.order_id: Tally(order.order_id, order=order) for order in evidence.orders}
    # What an order had to do with a venue.
    parts: dict[tuple[str, str], Tally] = {}

    def part_of(venue_id: str, order_id: str) -> Tally:
        return parts.setdefault((venue_id, order_id), Tally(venue_id))

    for child in evidence.children:
        part = part_of(child.venue_id, child.order_id)
        part.orders = 1
        part.wanted += child.quantity
    for fill in evidence.fills:
        values = judge.values(fill, judge.orders[fill.order_id])
        for tally in (orders[fill.order_id], part_of(fill.venue_id, fill.order_id)):
            _add_fill(tally, fill, values)
    kept: dict[Cut, dict[str, Tally]] = {cut: {} for cut in cuts if cut is not Cut.ORDER}
    for order_id, tally in orders.items():
        order = judge.orders[order_id]
        tally.orders = 1
        tally.wanted = order.quantity
        left = judge.finish(tally, order)
        if left is not None:
            unfilled.merge(left)
        total.merge(tally)
        for cut, lines in kept.items():
            if cut in _LINE_OF:
                name = _LINE_OF[cut](order)
                lines.setdefault(name, Tally(name)).merge(tally)
    if Cut.VENUE in kept:
        kept[Cut.VENUE] = _venues(parts.values(), unfilled)
    return Report(
        total=total,
        orders=tuple(orders.values()),
        cuts={cut: _by_name(lines) for cut, lines in kept.items() if lines},
        routed=_routed(evidence, judge),
        directed=sum([order.directed for order in evidence.orders]),
    )


def _venues(parts: Iterable[Tally], unfilled: Tally) -> dict[str, Tally]:
    lines: dict[str, Tally] = {}
    for part in parts:
        part.settle()
        lines.setdefault(part.name, Tally(part.name)).merge(part)
    if unfilled.wanted:
        lines[UNFILLED] = unfilled
    return lines


def _by_name(lines: Mapping[str, Tally]) -> tuple[Tally, ...]:
    """Return lines by their names, what no venue filled as the last."""
    return tuple(sorted(lines.values(), key=lambda tally: (tally.name == UNFILLED, tally.name)))


def _add_fill(tally: Tally, fill: Fill, values: Mapping[Figure, int | None]) -> None:
    shares = fill.quantity
    notional = 2 * fill.price * shares
    tally.filled += shares
    tally.fills += 1
    tally.notional += notional
    for figure, value in values.items():
        tally.sums[figure].add(None if value is None else value * shares, notional, shares)


class _Judge:
    """Works out figures. A share's values are half micros; a cost is above 0, and so is a gain."""

    def __init__(self, evidence: Evidence, tape: Tape) -> None:
        self.orders = {order.order_id: order for order in evidence.orders}
        self._tape = tape
        self._end_us = evidence.end_us
        self._children = {child.cl_ord_id: child for child in evidence.children}
        self._fees: dict[str, list[Fees]] = {}
        for fees in sorted(evidence.fees, key=lambda fees: fees.from_day):
            self._fees.setdefault(fees.venue_id, []).append(fees)

    def values(self, fill: Fill, order: Order) -> dict[Figure, int | None]:
        """Return the figures of one share of a fill."""
        sign, twice = (1 if order.buy else -1), 2 * fill.price
        arrival = self._tape.quoted(order.symbol, order.created_us)
        mid2 = None if arrival is None else arrival.mid2
        touch = None if arrival is None else arrival.offer if order.buy else arrival.bid
        fee = self.fee(fill, order)
        beyond = None if mid2 is None else sign * (twice - mid2)
        found: dict[Figure, int | None] = {
            EFFECTIVE: None if beyond is None else 2 * beyond,
            IMPROVEMENT: None if touch is None else sign * 2 * (touch - fill.price),
            FEES: fee,
            FILLED_COST: None if beyond is None or fee is None else beyond + fee,
        }
        for figure, after in zip(REALIZED, REALIZED_S, strict=True):
            later = self._tape.mid2(order.symbol, fill.at_us + after * SECOND_US)
            found[figure] = None if later is None else 2 * sign * (twice - later)
        for figure, after in zip(MARKOUTS, MARKOUT_S, strict=True):
            later = self._tape.mid2(order.symbol, fill.at_us + after * SECOND_US)
            found[figure] = None if later is None else sign * (later - twice)
        return found

    def fee(self, fill: Fill, order: Order) -> int | None:
        """Return a share's fee in half micros, None when it is not known whether it was made or taken."""
        day = fill.at_us // DAY_US
        fees = next((one for one in reversed(self._fees.get(fill.venue_id, [])) if one.from_day <= day), None)
        if fees is None:
            return None
        if fees.add_fee == fees.remove_fee:
            return 2 * fees.add_fee
        child = self._children.get(fill.cl_ord_id)
        taken = None if child is None else self.taken(fill, child, order)
        if taken is None:
            return None
        return 2 * (fees.remove_fee if taken else fees.add_fee)

    def taken(self, fill: Fill, child: Child, order: Order) -> bool | None:
        """Return whether a fill took what was displayed, None if not known.

        What a child that may rest gets later than `TAKE_WINDOW_US` after the venue's answer came to it. Both
        times are our clock's.
        """
        if child.rests and child.acked_us is not None and fill.received_us - child.acked_us > TAKE_WINDOW_US:
            return False
        return self.marketable(order, child.limit, child.created_us)

    def marketable(self, order: Order, limit: int, at_us: int) -> bool | None:
        """Return whether a limit reached the other side's best quote of a moment, None if not known."""
        quoted = self._tape.quoted(order.symbol, at_us)
        if quoted is None:
            return None
        if order.buy:
            return quoted.offer is not None and limit >= quoted.offer
        return quoted.bid is not None and limit <= quoted.bid

    def class_of(self, order: Order) -> OrderClass:
        """Return an order's class in the Rule 606 table."""
        if order.all_or_none:
            return OrderClass.OTHER
        if order.limit is None:
            return OrderClass.MARKET
        marketable = self.marketable(order, order.limit, order.created_us)
        if marketable is None:
            return OrderClass.OTHER
        return OrderClass.MARKETABLE_LIMIT if marketable else OrderClass.NON_MARKETABLE_LIMIT

    def finish(self, tally: Tally, order: Order) -> Tally | None:
        """Mark what an order did not get, and close its shortfall.

        Returns its part of the line of what no venue filled, None when it got all.
        """
        left = order.quantity - tally.filled
        arrival2 = self._tape.mid2(order.symbol, order.created_us)
        tally.arrival_mid2 = arrival2
        end2 = self._tape.last_mid2(order.symbol, _marked_us(order, self._end_us))
        sign = 1 if order.buy else -1
        mark = None if arrival2 is None or end2 is None else sign * (end2 - arrival2) * left
        filled = tally.sums[FILLED_COST]
        known = not filled.missing and arrival2 is not None and (mark is not None or not left)
        shortfall = filled.total + (mark or 0) if known else None
        fees = tally.sums[FEES].total
        parts = (filled.total - fees, fees, mark or 0) if known else (None, None, None)
        unfilled = Tally(UNFILLED, orders=1, wanted=left) if left else None
        for one in (tally, unfilled):
            if left and one is not None:
                one.sums[UNFILLED_COST].add(mark, (arrival2 or 0) * left, left)
        basis = (arrival2 or 0) * order.quantity
        tally.sums[SHORTFALL].add(shortfall, basis, order.quantity)
        for figure, part in zip(SHORTFALL_PARTS, parts, strict=True):
            tally.sums[figure].add(part, basis, order.quantity)
        tally.settle()
        if unfilled is not None:
            unfilled.settle()
        return unfilled


def _routed(evidence: Evidence, judge: _Judge) -> tuple[Routed, ...]:
    """Return the Rule 606 table: every child counts as an order routed, in its customer's order's class."""
    lines: dict[str, Routed] = {}
    classes = {order.order_id: judge.class_of(order) for order in evidence.orders if not order.directed}
    for child in evidence.children:
        if child.order_id in classes:
            line = lines.setdefault(child.venue_id, Routed(child.venue_id))
            line.orders[classes[child.order_id]] += 1
    for fill in evidence.fills:
        if fill.order_id in classes:
            line = lines.setdefault(fill.venue_id, Routed(fill.venue_id))
            fee = judge.fee(fill, judge.orders[fill.order_id])
            total = None if fee is None else fee * fill.quantity
            line.fees[classes[fill.order_id]].add(total, 2 * fill.price * fill.quantity, fill.quantity)
    return tuple([lines[name] for name in sorted(lines)])


def share_ppm(counts: Sequence[int]) -> list[int | None]:
    """Return each count's share of their sum, in millionths; None of nothing."""
    whole = sum(counts)
    return [round(Fraction(one * MICROS, whole)) if whole else None for one in counts]
