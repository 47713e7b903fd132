"""The search for the knee against platforms that hold a rate up to a bound, and what speaks against a leg."""

import pytest

from oms_tools.bench.knee import LEGS_MAX, NARROW_ENOUGH, RATE_MIN, STEP, Knee, Leg, judge_leg, search_knee
from oms_tools.bench.load import Load
from oms_tools.bench.order_mix import PlannedOrder


def leg(rate: float, why: str) -> Leg:
    return Leg(
        rate=rate,
        acked_rate=rate,
        ack_ms_p99=1.0,
        filled_ms_p99=1.0,
        backlog_growth=0.0,
        cpu_ms_per_order=1.0,
        why=why,
    )


def search(bound: float, first: float) -> Knee:
    return search_knee(lambda rate: leg(rate, "" if rate <= bound else "too fast"), first)


@pytest.mark.parametrize("bound", [30, 90, 100, 640, 997, 2_500])
@pytest.mark.parametrize("first", [20, 100, 5_000])
def test_the_knee_is_the_highest_rate_that_was_held_and_close_below_one_that_was_not(
    bound: float, first: float
) -> None:
    knee = search(bound, first)
    assert knee.rate is not None
    failed = min(leg.rate for leg in knee.legs if not leg.held)
    assert knee.rate == max(leg.rate for leg in knee.legs if leg.held)
    assert knee.rate <= bound < failed
    if len(knee.legs) < LEGS_MAX:
        assert failed - knee.rate <= max(NARROW_ENOUGH * failed, RATE_MIN)


def test_no_rate_is_tried_twice_and_the_rate_rises_until_it_is_not_held() -> None:
    rates = [leg.rate for leg in search(640, 100).legs]
    assert len(set(rates)) == len(rates)
    assert rates[:3] == [100, round(100 * STEP), round(140 * STEP)]


def test_a_platform_that_holds_nothing_has_no_knee_and_one_that_holds_all_ends_the_search() -> None:
    assert search(0, 100).rate is None
    assert len(search(10**9, 100).legs) == LEGS_MAX


def run(filled_after_s: float | None, acked_after_s: float = 0.01, growth: float = 0.0) -> Load:
    load = Load(started=1_000.0, seconds=10.0)
    for number in range(100):
        at = load.started + number / 10
        sent = load.leave(
            PlannedOrder(client_order_id=str(number), body={}, marketable=True), at, probe=False
        )
        sent.acked = at + acked_after_s
        sent.filled = None if filled_after_s is None else at + filled_after_s
    load.backlog = [(second, int(5 + growth * second)) for second in range(1, 30)]
    return load


def test_a_leg_is_held_when_orders_are_acked_and_filled_in_time_and_the_backlog_does_not_grow() -> None:
    held = judge_leg(run(0.1), 10, 250, 1.5)
    assert (held.held, held.why, held.acked_rate, held.filled_ms_p99) == (True, "", 10, 100)
    assert judge_leg(run(0.3), 10, 250, 1.5).why == "filled too late"
    assert judge_leg(run(None), 10, 250, 1.5).why == "nothing filled"
    assert judge_leg(run(0.1, growth=2), 10, 250, 1.5).why == "backlog grows"


def test_an_answer_long_after_the_leg_does_not_count() -> None:
    late = judge_leg(run(0.1, acked_after_s=3), 10, 250, 1.5)
    assert not late.held
    assert late.why == "too few acked"
    assert late.acked_rate < 9
