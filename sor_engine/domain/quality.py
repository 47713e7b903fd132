"""Execution quality: what orders cost against the quotes of their time, from raw executions and quotes alone.

The law of this file: what cannot be known for want of a quote, a fee or a child is absent and its shares are
counted as missing, never as 0. What it stands on: `quality_evidence`; what it makes: `quality_report`.
Definitions: docs/execution-quality.md; of spreads and price improvement 17 CFR 242.600(b) and 242.605, of the
table of venues 17 CFR 242.606(a).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from sor_engine.domain.naive import NAIVE_ROUTERS, NaiveRouter, is_comparable, naive_bill, shared_children
from sor_engine.domain.quality_evidence import SECOND_US, Child, Evidence, Fees, Fill, Moment, Order, Tape
from sor_engine.domain.quality_report import (
    EFFECTIVE,
    FEES,
    FILLED_COST,
    IMPROVEMENT,
    MARKOUT_S,
    MARKOUTS,
    REALIZED,
    REALIZED_S,
    SHORTFALL,
    SHORTFALL_PARTS,
    UNFILLED,
    UNFILLED_COST,
    Cut,
    Figure,
    OrderClass,
    Report,
    Routed,
    Tally,
    by_name,
)
from sor_engine.domain.scorecard import TAKE_WINDOW_US

DAY_US: Final = 86_400 * SECOND_US
# The cuts by what an order has; each order is in one line of each.
_LINE_OF: Final[Mapping[Cut, Callable[[Order], str]]] = {
    Cut.STRATEGY: lambda order: order.strategy,
    Cut.SYMBOL: lambda order: order.symbol,
    Cut.SIDE: lambda order: order.side,
    Cut.ACCOUNT: lambda order: order.account_id,
}


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
    filled: dict[str, list[Fill]] = {}
    for fill in evidence.fills:
        filled.setdefault(fill.order_id, []).append(fill)
        values = judge.values(fill, judge.orders[fill.order_id])
        for tally in (orders[fill.order_id], part_of(fill.venue_id, fill.order_id)):
            _add_fill(tally, fill, values)
    for order_id, fills in filled.items():
        for saved in judge.saved(fills, judge.orders[order_id]):
            for tally in (orders[order_id], part_of(saved.fill.venue_id, order_id)):
                _add_saved(tally, saved)
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
        cuts={cut: by_name(lines) for cut, lines in kept.items() if lines},
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


def _add_fill(tally: Tally, fill: Fill, values: Mapping[Figure, int | None]) -> None:
    shares = fill.quantity
    notional = 2 * fill.price * shares
    tally.filled += shares
    tally.fills += 1
    tally.notional += notional
    for figure, value in values.items():
        tally.sums[figure].add(None if value is None else value * shares, notional, shares)


class _Saved(NamedTuple):
    """What a fill saved against a naive router: half micros, None where that is not known.

    short: it is not known because that router would not have found the order's shares displayed.
    """

    fill: Fill
    figure: Figure
    value: int | None
    short: bool = False


def _add_saved(tally: Tally, saved: _Saved) -> None:
    shares = saved.fill.quantity
    tally.sums[saved.figure].add(saved.value, 2 * saved.fill.price * shares, shares, short=saved.short)


class _Judge:
    """Works out figures. A share's values are half micros; a cost is above 0, and so is a gain."""

    def __init__(self, evidence: Evidence, tape: Tape) -> None:
        self.orders = {order.order_id: order for order in evidence.orders}
        self._tape = tape
        self._end_us = evidence.end_us
        self._children = {child.cl_ord_id: child for child in evidence.children}
        self._first_routes = evidence.first_routes
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
        fees = self._fees_at(fill.venue_id, fill)
        if fees is None:
            return None
        if fees.add_fee == fees.remove_fee:
            return 2 * fees.add_fee
        child = self._children.get(fill.cl_ord_id)
        taken = None if child is None else self.taken(fill, child, order)
        if taken is None:
            return None
        return 2 * (fees.remove_fee if taken else fees.add_fee)

    def _fees_at(self, venue_id: str, fill: Fill) -> Fees | None:
        """Return a venue's fees of the day of a fill, None when it had no schedule then."""
        day = fill.at_us // DAY_US
        return next((one for one in reversed(self._fees.get(venue_id, [])) if one.from_day <= day), None)

    def saved(self, fills: Sequence[Fill], order: Order) -> Iterator[_Saved]:
        """Yield what each fill of an order saved against each naive router, by price and with fees."""
        route = self._first_routes.get(order.order_id)
        comparable = is_comparable(route, order, sum([fill.quantity for fill in fills]))
        for naive in NAIVE_ROUTERS:
            if route is None or not comparable or (naive.needs_listing and not order.listing_venue):
                yield from _unknown(fills, naive, short=False)
                continue
            venue_id = naive.venue_of(route, order)
            mine = [child for fill in fills if (child := self._children.get(fill.cl_ord_id)) is not None]
            shared = shared_children(route, order, venue_id, mine)
            bill = naive_bill(route, order, venue_id, fills, shared)
            if bill is None:
                yield from _unknown(fills, naive, short=True)
                continue
            sign = 1 if order.buy else -1
            for fill, paid in zip(fills, bill, strict=True):
                by_price = 2 * sign * (paid - fill.price * fill.quantity)
                more = 0 if fill.cl_ord_id in shared else self._fee_saved(fill, order, venue_id)
                yield _Saved(fill, naive.price, by_price)
                yield _Saved(fill, naive.all_in, None if more is None else by_price + more * fill.quantity)

    def _fee_saved(self, fill: Fill, order: Order, venue_id: str) -> int | None:
        """Return how much less a share's fee was than that to take at a venue, in half micros."""
        ours, fees = self.fee(fill, order), self._fees_at(venue_id, fill)
        return None if ours is None or fees is None else 2 * fees.remove_fee - ours

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


def _unknown(fills: Sequence[Fill], naive: NaiveRouter, *, short: bool) -> Iterator[_Saved]:
    for fill in fills:
        for figure in (naive.price, naive.all_in):
            yield _Saved(fill, figure, None, short)


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
