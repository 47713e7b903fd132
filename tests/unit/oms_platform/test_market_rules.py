"""The rules of the market: the grid of prices on either side of a dollar, and what is in force on a day."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms_platform.errors import ConfigurationError
from oms_platform.market_rules import (
    LONG_STANDING,
    Assignment,
    MarketRules,
    RuleSet,
    Ticks,
    rules_date,
)

TIERS = ((0, 100), (250_010_000, 40), (1_000_010_000, 10), (10_000_010_000, 1))
FIRST, SECOND, THIRD = date(2007, 8, 20), date(2025, 11, 3), date(2026, 11, 2)
RULES = MarketRules(
    sets=(
        RuleSet(effective_from=FIRST),
        RuleSet(effective_from=SECOND, round_lots=TIERS),
        RuleSet(
            effective_from=THIRD,
            round_lots=TIERS,
            access_fee_cap_micros=1_000,
            sub_dollar_cap_ppm=1_000,
            order_protection=False,
        ),
    ),
    assignments={
        "HALF": (Assignment(effective_from=THIRD, tick_micros=5_000),),
        "LOT": (
            Assignment(effective_from=SECOND, round_lot=40),
            Assignment(effective_from=THIRD, round_lot=None),
        ),
    },
)
# Ticks that divide a dollar, as the tables require.
DIVISORS = st.sampled_from((1, 5, 100, 1_000, 5_000, 10_000, 50_000, 125_000))
GRIDS = st.builds(Ticks, tick_micros=DIVISORS, sub_dollar_micros=DIVISORS)
PRICES = st.integers(1, 2_000_000) | st.integers(1, 10**12)


@given(GRIDS, PRICES)
def test_a_price_lies_between_its_neighbours_on_the_grid(ticks: Ticks, price: int) -> None:
    below, above = ticks.floor(price), ticks.ceiling(price)
    assert below <= price <= above and above - below in (0, ticks.at(price))
    for found in (below, above, ticks.nearest(price)):
        # A dollar is on both grids, so that a rounded price is on its own grid too.
        assert found % ticks.at(found) == 0
    assert ticks.nearest(price) in (below, above)
    assert abs(ticks.nearest(price) - price) * 2 <= ticks.at(price)


@given(GRIDS, PRICES)
def test_a_price_has_a_problem_exactly_when_it_is_off_the_grid(ticks: Ticks, price: int) -> None:
    assert (ticks.problem(price) == "") == (ticks.floor(price) == price)


@pytest.mark.parametrize(
    ("day", "cap", "sub_dollar_cap", "lot", "protection"),
    [
        (FIRST, 3_000, 1_500, 100, True),
        (date(2025, 11, 2), 3_000, 1_500, 100, True),
        (SECOND, 3_000, 1_500, 40, True),
        (date(2026, 11, 1), 3_000, 1_500, 40, True),
        (THIRD, 1_000, 500, 40, False),
    ],
)
def test_a_rule_is_in_force_from_its_date_until_the_next_ones(
    day: date, cap: int, sub_dollar_cap: int, lot: int, protection: bool
) -> None:
    rules = RULES.on(day)
    assert rules.access_fee_cap(1_000_000) == cap
    assert rules.access_fee_cap(500_000) == sub_dollar_cap
    assert rules.round_lot_of("X", 500_000_000) == lot
    assert rules.order_protection is protection


@pytest.mark.parametrize(
    ("price", "lot"),
    [(1, 100), (250_000_000, 100), (250_010_000, 40), (1_000_010_000, 10), (731_250_000_000, 1)],
)
def test_a_round_lot_is_of_the_prices_tier(price: int, lot: int) -> None:
    assert RULES.on(SECOND).round_lot_of("X", price) == lot


def test_an_instrument_may_have_a_tick_and_a_round_lot_of_its_own_from_a_day_on() -> None:
    before, after = RULES.on(date(2026, 11, 1)), RULES.on(THIRD)
    assert before.ticks_of("HALF") == Ticks() and after.ticks_of("HALF") == Ticks(tick_micros=5_000)
    assert after.ticks_of("HALF").at(999_999) == 100
    assert before.round_lot_of("LOT", 1) == 40 and after.round_lot_of("LOT", 1) == 100
    assert after.ticks_of("LOT") == Ticks()


def test_rules_change_at_midnight_in_new_york() -> None:
    assert rules_date(datetime(2026, 11, 2, 4, 59, tzinfo=UTC)) == date(2026, 11, 1)
    assert rules_date(datetime(2026, 11, 2, 5, 0, tzinfo=UTC)) == THIRD
    # Summer time: midnight is at 04:00.
    assert rules_date(datetime(2026, 10, 30, 4, 0, tzinfo=UTC)) == date(2026, 10, 30)


@given(
    st.lists(
        st.datetimes(datetime(2006, 1, 1), datetime(2030, 1, 1)).flatmap(
            # Near one another, so that a day is asked for again, and near midnight.
            lambda at: st.timedeltas(timedelta(0), timedelta(days=2)).map(lambda more: at + more)
        ),
        max_size=20,
    ),
    st.datetimes(datetime(2026, 2, 27), datetime(2026, 3, 12)),
)
def test_a_day_is_the_one_in_new_york_whichever_was_asked_for_before(
    any_times: list[datetime], about_the_change: datetime
) -> None:
    hours = [about_the_change + timedelta(minutes=30 * half) for half in range(100)]
    for naive in (*any_times, *hours, *reversed(hours)):
        at = naive.replace(tzinfo=UTC)
        assert rules_date(at) == at.astimezone(ZoneInfo("America/New_York")).date(), at


def test_a_day_before_every_rule_is_an_error_that_says_so() -> None:
    with pytest.raises(ConfigurationError, match="in force on 2007-08-19"):
        LONG_STANDING.on(date(2007, 8, 19))
