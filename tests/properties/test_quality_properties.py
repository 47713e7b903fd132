"""Whatever was traded: lines by order, venue and strategy are sums of the same shares, to the last digit."""

from dataclasses import replace
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from oms_platform.vocabulary import Side
from sor_engine.domain.naive import best_quote
from sor_engine.domain.quality import measure, moments
from sor_engine.domain.quality_evidence import Child, Evidence, Fees, Fill, FirstRoute, Order, Quoted, Tape
from sor_engine.domain.quality_report import (
    FEES,
    FILL_FIGURES,
    FILLED_COST,
    SAVED,
    SAVED_BEST_QUOTE,
    SAVED_BEST_QUOTE_ALL_IN,
    SHORTFALL,
    SHORTFALL_PARTS,
    UNFILLED,
    UNFILLED_COST,
    Cut,
    Gathered,
    Report,
    Sum,
)

SECOND = 1_000_000
END_US = 1_000 * SECOND
VENUES = ("AAAA", "BBBB", "CCCC", "NONE")
PRICES = st.integers(9_990, 10_010).map(lambda cents: cents * 10_000 + cents % 7)


@st.composite
def routes(draw: st.DrawFn, order: Order) -> FirstRoute:
    side = st.lists(st.tuples(PRICES, st.integers(1, 300)), max_size=4, unique_by=lambda level: level[0])
    return FirstRoute(
        attempt=1,
        quantity=draw(st.just(order.quantity) | st.integers(1, 500)),
        limit=order.limit,
        may_take=draw(st.integers(0, 9)) > 0,
        displayed={
            venue: sorted(draw(side), reverse=not order.buy)
            for venue in draw(st.lists(st.sampled_from(VENUES), unique=True))
        },
    )


@st.composite
def evidences(draw: st.DrawFn) -> Evidence:
    orders, children, fills, first_routes = [], [], [], {}
    for number in range(draw(st.integers(0, 4))):
        order = Order(
            order_id=f"order-{number}",
            symbol=draw(st.sampled_from(("AAPL", "MSFT"))),
            side=draw(st.sampled_from([side.name for side in Side])),
            quantity=draw(st.integers(1, 500)),
            limit=draw(st.none() | PRICES),
            created_us=draw(st.integers(0, 100)) * SECOND,
            ended_us=draw(st.none() | st.integers(100, 200).map(lambda after: after * SECOND)),
            strategy=draw(st.sampled_from(("sweep", "passive", "unknown"))),
            directed=draw(st.booleans()),
            listing_venue=draw(st.sampled_from(("", *VENUES))),
        )
        orders.append(order)
        if draw(st.booleans()):
            first_routes[order.order_id] = draw(routes(order))
        left = order.quantity
        for leg in range(draw(st.integers(0, 4))):
            venue, cl_ord_id = draw(st.sampled_from(VENUES)), f"child-{number}-{leg}"
            if draw(st.integers(0, 5)):
                children.append(
                    Child(
                        cl_ord_id=cl_ord_id,
                        order_id=order.order_id,
                        venue_id=venue,
                        quantity=draw(st.integers(1, 500)),
                        limit=draw(PRICES),
                        created_us=order.created_us + draw(st.integers(0, 10)) * SECOND,
                        attempt=draw(st.integers(1, 2)),
                    )
                )
            shares = draw(st.integers(0, left))
            left -= shares
            if shares:
                at_us = order.created_us + draw(st.integers(0, 60)) * SECOND
                fills.append(
                    Fill(
                        order_id=order.order_id,
                        venue_id=venue,
                        exec_id=f"exec-{number}-{leg}",
                        cl_ord_id=cl_ord_id,
                        quantity=shares,
                        price=draw(PRICES),
                        transact_us=at_us,
                        received_us=at_us,
                    )
                )
    fees = [
        Fees(venue_id=venue, from_day=0, add_fee=-number * 100, remove_fee=3_000)
        for number, venue in enumerate(VENUES[:3])
    ]
    return Evidence(
        orders=orders, children=children, fills=fills, fees=fees, end_us=END_US, first_routes=first_routes
    )


@st.composite
def taped(draw: st.DrawFn, *, quoted: bool = False) -> tuple[Evidence, Tape]:
    evidence = draw(evidences())
    side = PRICES if quoted else st.none() | PRICES
    row = st.builds(Quoted, side, side)
    rows = {moment: draw(row if quoted else st.none() | row) for moment in sorted(moments(evidence))}
    silences = [] if quoted else [(draw(st.integers(0, 50)) * SECOND, draw(st.integers(60, 150)) * SECOND)]
    end_us = END_US if quoted else draw(st.integers(0, 300)) * SECOND
    return evidence, Tape(rows, silences, end_us)


def reports(*, quoted: bool = False) -> st.SearchStrategy[tuple[Evidence, Report]]:
    return taped(quoted=quoted).map(lambda found: (found[0], measure(*found)))


Plain = tuple[int, int, int, int]


def plain(found: Sum) -> Plain:
    return found.total, found.basis, found.shares, found.missing


def added(sums: list[Sum]) -> Plain:
    """Return sums as one."""
    return plain(
        Sum(
            total=sum(one.total for one in sums),
            basis=sum(one.basis for one in sums),
            shares=sum(one.shares for one in sums),
            missing=sum(one.missing for one in sums),
        )
    )


@given(reports())
@settings(max_examples=150, deadline=None)
def test_every_cut_adds_up_to_the_same_total(found: tuple[Evidence, Report]) -> None:
    _, report = found
    for figure in FILL_FIGURES:
        for lines in (report.orders, *report.cuts.values()):
            assert added([tally.sums[figure] for tally in lines]) == plain(report.total.sums[figure])
    for figure in (SHORTFALL, UNFILLED_COST):
        for lines in (report.orders, *(report.cuts[cut] for cut in report.cuts if cut is not Cut.VENUE)):
            assert added([tally.sums[figure] for tally in lines]) == plain(report.total.sums[figure])
    unfilled = [tally.sums[UNFILLED_COST] for tally in report.venues if tally.name == UNFILLED]
    assert added(unfilled) == plain(report.total.sums[UNFILLED_COST])
    for lines in (report.orders, *report.cuts.values()):
        assert sum(tally.filled for tally in lines) == report.total.filled
        assert sum(tally.notional for tally in lines) == report.total.notional


@given(reports())
@settings(max_examples=150, deadline=None)
def test_every_share_is_either_measured_or_counted_as_missing(found: tuple[Evidence, Report]) -> None:
    evidence, report = found
    filled = sum(fill.quantity for fill in evidence.fills)
    wanted = sum(order.quantity for order in evidence.orders)
    for figure in FILL_FIGURES:
        assert report.total.sums[figure].shares + report.total.sums[figure].missing == filled
    for figure, shares in ((UNFILLED_COST, wanted - filled), (SHORTFALL, wanted)):
        assert report.total.sums[figure].shares + report.total.sums[figure].missing == shares


@given(reports())
@settings(max_examples=100, deadline=None)
def test_a_shortfall_is_the_sum_of_its_parts_and_absent_without_one(found: tuple[Evidence, Report]) -> None:
    _, report = found
    for tally in report.orders:
        filled, unfilled, whole = (tally.sums[one] for one in (FILLED_COST, UNFILLED_COST, SHORTFALL))
        if filled.missing or unfilled.missing or tally.arrival_mid2 is None:
            assert (whole.shares, whole.missing) == (0, tally.wanted)
        else:
            assert whole.total == filled.total + unfilled.total
        assert whole.total == sum(tally.sums[part].total for part in SHORTFALL_PARTS)


@given(reports(quoted=True))
@settings(max_examples=100, deadline=None)
def test_figures_agree_with_plain_fractions_of_dollars(found: tuple[Evidence, Report]) -> None:
    evidence, report = found
    dollars = {tally.name: Fraction(tally.sums[FILLED_COST].total, 2_000_000) for tally in report.orders}
    mids = {tally.name: tally.arrival_mid for tally in report.orders}
    fees = {tally.name: Fraction(tally.sums[FEES].total, 2_000_000) for tally in report.orders}
    for order in evidence.orders:
        fills = [fill for fill in evidence.fills if fill.order_id == order.order_id]
        tally = next(one for one in report.orders if one.name == order.order_id)
        if tally.sums[FILLED_COST].missing:
            continue
        sign = 1 if order.buy else -1
        mid = Fraction(mids[order.order_id] or 0)
        paid = sum(
            [sign * fill.quantity * (Fraction(fill.price, 1_000_000) - mid) for fill in fills], Fraction(0)
        )
        assert dollars[order.order_id] == paid + fees[order.order_id]


@given(reports())
@settings(max_examples=100, deadline=None)
def test_the_rule_606_table_counts_every_child_of_an_order_that_is_not_directed(
    found: tuple[Evidence, Report],
) -> None:
    evidence, report = found
    free = {order.order_id for order in evidence.orders if not order.directed}
    assert report.directed == len(evidence.orders) - len(free)
    counted = sum(sum(line.orders.values()) for line in report.routed)
    assert counted == sum(child.order_id in free for child in evidence.children)
    executed = sum(fees.shares + fees.missing for line in report.routed for fees in line.fees.values())
    assert executed == sum(fill.quantity for fill in evidence.fills if fill.order_id in free)


@given(taped())
@settings(max_examples=100, deadline=None)
def test_orders_measured_one_by_one_gather_to_the_same_report(found: tuple[Evidence, Tape]) -> None:
    evidence, tape = found
    report, gathered = measure(evidence, tape), Gathered(100)
    for order in evidence.orders:
        gathered.add(
            measure(
                Evidence(
                    orders=[order],
                    children=[child for child in evidence.children if child.order_id == order.order_id],
                    fills=[fill for fill in evidence.fills if fill.order_id == order.order_id],
                    fees=evidence.fees,
                    end_us=evidence.end_us,
                    first_routes=evidence.first_routes,
                ),
                tape,
            )
        )
    again = gathered.report()
    assert (again.total, again.orders, again.directed) == (report.total, report.orders, report.directed)
    assert (again.cuts, again.routed) == (report.cuts, report.routed)


@given(st.lists(st.tuples(st.integers(-(10**12), 10**12), st.integers(1, 10**15)), min_size=10, max_size=40))
@settings(max_examples=100, deadline=None)
def test_an_interval_is_that_of_a_ratio_over_orders_however_they_were_gathered(
    observed: list[tuple[int, int]],
) -> None:
    whole = Sum()
    for total, basis in observed:
        one = Sum()
        one.add(total, basis, 1)
        one.settle()
        whole.merge(one)
    ratio = Fraction(sum(total for total, _ in observed), sum(basis for _, basis in observed))
    count, basis = len(observed), sum(basis for _, basis in observed)
    left = sum((total - ratio * part) ** 2 for total, part in observed)
    half_squared = Fraction(196, 100) ** 2 * Fraction(count, count - 1) * left / basis**2 * 10**8
    ends = whole.interval_bps
    assert ends is not None and whole.bps is not None and whole.orders == count
    # Cut off at the fourth digit, never rounded up.
    half = Fraction((ends[1] - ends[0]) / 2)
    assert half**2 <= half_squared < (half + Fraction(1, 10**4)) ** 2
    assert (ends[0] + ends[1]) / 2 == whole.bps


def others_shares(evidence: Evidence, order: Order, route: FirstRoute, venue_id: str) -> list[int]:
    """Return the price of each share that the naive router would not have sent just so, one by one."""
    touch = route.displayed[venue_id][0][0] if route.displayed.get(venue_id) else None
    same = {
        child.cl_ord_id
        for child in evidence.children
        if touch is not None
        and (child.order_id, child.venue_id, child.attempt) == (order.order_id, venue_id, route.attempt)
        and (child.limit >= touch if order.buy else child.limit <= touch)
    }
    return [
        fill.price
        for fill in evidence.fills
        if fill.order_id == order.order_id and fill.cl_ord_id not in same
        for _ in range(fill.quantity)
    ]


@given(reports())
@settings(max_examples=200, deadline=None)
def test_what_is_saved_by_price_is_what_a_naive_router_pays_share_by_share(
    found: tuple[Evidence, Report],
) -> None:
    evidence, report = found
    for tally in report.orders:
        order = next(one for one in evidence.orders if one.order_id == tally.name)
        route, total = evidence.first_routes.get(order.order_id), tally.sums[SAVED_BEST_QUOTE]
        if route is None or not route.may_take or tally.filled > route.quantity:
            assert (total.shares, total.missing, total.short) == (0, tally.filled, 0)
            continue
        venue_id = best_quote(route, order)
        others = others_shares(evidence, order, route, venue_id)
        shares = [
            price
            for price, size in route.displayed.get(venue_id, ())
            if order.limit is None or (price <= order.limit if order.buy else price >= order.limit)
            for _ in range(size)
        ][tally.filled - len(others) :]
        if len(shares) < len(others):
            assert (total.shares, total.missing, total.short) == (0, tally.filled, tally.filled)
            continue
        sign = 1 if order.buy else -1
        assert total.total == 2 * sign * (sum(shares[: len(others)]) - sum(others))
        if not others:
            assert total.total == tally.sums[SAVED_BEST_QUOTE_ALL_IN].total == 0


@given(evidences())
@settings(max_examples=100, deadline=None)
def test_savings_turn_their_sign_with_the_side_of_a_mirrored_market(evidence: Evidence) -> None:
    """What a buy saved at prices, a sale has saved at the prices mirrored about a dollar amount."""
    mirror = 2 * 10_000 * 10_000
    turned = Evidence(
        orders=[
            replace(
                order,
                side="SELL" if order.buy else "BUY",
                limit=None if order.limit is None else mirror - order.limit,
            )
            for order in evidence.orders
        ],
        children=[replace(child, limit=mirror - child.limit) for child in evidence.children],
        fills=[replace(fill, price=mirror - fill.price) for fill in evidence.fills],
        fees=evidence.fees,
        end_us=evidence.end_us,
        first_routes={
            order_id: replace(
                route,
                limit=None if route.limit is None else mirror - route.limit,
                displayed={
                    venue: [(mirror - price, size) for price, size in side]
                    for venue, side in route.displayed.items()
                },
            )
            for order_id, route in evidence.first_routes.items()
        },
    )
    tape = Tape({}, (), 0)
    ours, theirs = measure(evidence, tape).total, measure(turned, tape).total
    for figure in SAVED:
        mine, other = ours.sums[figure], theirs.sums[figure]
        assert (mine.total, mine.shares, mine.missing, mine.short) == (
            other.total, other.shares, other.missing, other.short
        )  # fmt: skip
