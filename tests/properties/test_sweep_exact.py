"""*sweep* is exact: on every small case it fills as much and costs as little as the best of all lawful
plans."""

import itertools
from collections.abc import Iterator, Sequence
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from oms_platform.vocabulary import TimeInForce
from oms_tools.sor_lab.brute_force import SmallVenue, brute_force
from oms_tools.sor_lab.exchange import ShownBook
from sor_engine.domain.market import Market, Request, Venue, dollars
from sor_engine.domain.profile import read_profile
from sor_engine.domain.routing import decide

TICK = 10_000
BASE = 10_000_000
NAMES = ("AAAA", "BBBB", "CCCC", "DDDD")
SWEEP = read_profile("exact", 1, {"strategy": "sweep", "weights": {"price": 1}})
Case = tuple[int, bool, int | None, tuple[SmallVenue, ...]]


def swept(wanted: int, buy: bool, limit: int | None, venues: Sequence[SmallVenue]) -> tuple[int, int]:
    """Route through the production decision. Returns the shares and micros that its legs take."""
    book = {
        name: ShownBook((), (), *_sides(venue)) if buy else ShownBook(*_sides(venue), (), ())
        for name, venue in zip(NAMES, venues, strict=False)
    }
    decision = decide(
        Request(
            symbol="SMALL",
            buy=buy,
            quantity=wanted,
            time_in_force=TimeInForce.IOC,
            limit_micros=limit,
            tick_micros=TICK,
            reference_micros=BASE,
        ),
        Market(
            venues=[
                Venue(
                    venue_id=name,
                    lit=True,
                    active=True,
                    latency_us=500,
                    add_fee=Decimal(0),
                    remove_fee=dollars(venue.fee),
                    lot_size=venue.lot,
                    min_quantity=venue.minimum,
                )
                for name, venue in zip(NAMES, venues, strict=False)
            ],
            book=book,
            quote_age_us=0,
            quote_age_us_max=1,
        ),
        SWEEP,
    )
    sign, filled, cost = 1 if buy else -1, 0, 0
    for leg in decision.legs:
        venue = venues[NAMES.index(leg.venue_id)]
        assert leg.quantity % venue.lot == 0 and leg.quantity >= venue.minimum, (leg, venue)
        within = sign * leg.limit_micros
        shelf = [sign * price for price, size in venue.levels for _ in range(size) if sign * price <= within]
        assert len(shelf) >= leg.quantity, f"{leg} takes more than is displayed within its limit"
        filled += leg.quantity
        cost += sum(shelf[: leg.quantity]) + leg.quantity * venue.fee
    return filled, cost


def _sides(venue: SmallVenue) -> tuple[tuple[Decimal, ...], tuple[int, ...]]:
    return tuple(dollars(price) for price, _ in venue.levels), tuple(size for _, size in venue.levels)


def check(case: Case) -> None:
    wanted, buy, limit, venues = case
    best = brute_force(wanted, venues, buy=buy, limit=limit)
    assert swept(wanted, buy, limit, venues) == (best.filled, best.cost), case


def levels(buy: bool, first: int, steps: Sequence[int], sizes: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Return levels that get worse by `steps` ticks, from `first` ticks beyond the base."""
    away = 1 if buy else -1
    places = itertools.accumulate(steps, initial=first)
    return tuple((BASE + away * place * TICK, size) for place, size in zip(places, sizes, strict=False))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    buy = draw(st.booleans())
    venues = []
    for _ in range(draw(st.integers(2, 4))):
        count = draw(st.integers(0, 3))
        sizes = draw(st.lists(st.integers(1, 7), min_size=count, max_size=count))
        steps = draw(st.lists(st.integers(1, 2), min_size=max(0, count - 1), max_size=max(0, count - 1)))
        venues.append(
            SmallVenue(
                levels(buy, draw(st.integers(0, 2)), steps, sizes),
                fee=draw(st.sampled_from((-2_000, -1, 0, 900, 2_900, 3_000, 10_000, 17_001, -12_345))),
                lot=draw(st.sampled_from((1, 1, 1, 2, 3, 5))),
                minimum=draw(st.sampled_from((1, 1, 1, 2, 4, 6))),
            )
        )
    limit = draw(st.one_of(st.none(), st.integers(-1, 5).map(lambda t: BASE + (1 if buy else -1) * t * TICK)))
    return draw(st.integers(1, 12)), buy, limit, tuple(venues)


@settings(max_examples=400, deadline=None)
@given(cases())
# A lot that costs less but would leave a better price behind, and a minimum that only a worse plan can meet.
@example((4, True, None, (SmallVenue(((BASE, 6),), 0, 3), SmallVenue(((BASE + TICK, 9),), -12_345))))
@example((5, False, None, (SmallVenue(((BASE, 3),), 0, 1, 4), SmallVenue(((BASE - TICK, 9),), 0))))
@example(
    (
        12,
        True,
        None,
        (
            SmallVenue(levels(True, 1, (1, 1), (5, 6, 4)), -2_000, minimum=2),
            SmallVenue(levels(True, 1, (1, 1), (5, 6, 4)), 17_001, minimum=4),
            SmallVenue(levels(True, 1, (1, 1), (6, 6, 6)), 3_000),
            SmallVenue(levels(True, 0, (1, 1), (6, 5, 6)), -2_000),
        ),
    )
)
def test_sweep_equals_brute_force_on_drawn_cases(case: Case) -> None:
    check(case)


@settings(max_examples=150, deadline=None)
@given(cases(), st.integers(2, 4))
def test_sweep_equals_brute_force_where_all_venues_have_one_lot(case: Case, lot: int) -> None:
    wanted, buy, limit, venues = case
    check((wanted, buy, limit, tuple(venue._replace(lot=lot, minimum=1) for venue in venues)))


def _grid(lots: Sequence[tuple[int, int]]) -> Iterator[Case]:
    """Yield every pair of small venues: sizes, relative prices, fees, lots with minimums, quantities,
    sides."""
    books = [((0,), (1,)), ((0,), (3,)), ((1,), (4,)), ((0, 1), (1, 2)), ((0, 2), (2, 3)), ((1, 1), (2, 5))]
    fees = ((0, 0), (3_000, -2_000), (-12_345, 10_000))
    for first, second in itertools.product(books, repeat=2):
        for pair, (one, other), wanted, buy in itertools.product(
            fees, itertools.product(lots, repeat=2), (1, 3, 5, 8), (True, False)
        ):
            venues = tuple(
                SmallVenue(levels(buy, places[0], places[1:], sizes), fee, *lot)
                for (places, sizes), fee, lot in zip((first, second), pair, (one, other), strict=True)
            )
            yield wanted, buy, None, venues


@pytest.mark.parametrize("lots", [((1, 1), (2, 1)), ((1, 3), (2, 4))])
def test_sweep_equals_brute_force_on_the_whole_grid(lots: tuple[tuple[int, int], ...]) -> None:
    count = 0
    for case in _grid(lots):
        check(case)
        count += 1
    assert count == 36 * 3 * 4 * 4 * 2
