"""The 200 seeded runs: how near TWAP and VWAP come to their schedule, with a model of venues around core."""

import pytest
from msgspec.structs import replace

from oms_platform.vocabulary import AlgoStrategy, OrderStatus
from oms_tools.algo_lab.run import AlgoMarket, seeded_run, slices_off

RUNS = 200


@pytest.mark.parametrize("strategy", [AlgoStrategy.TWAP, AlgoStrategy.VWAP])
def test_an_order_is_within_a_slice_of_its_schedule_in_95_of_100_runs(strategy: AlgoStrategy) -> None:
    off = sorted(slices_off(seeded_run(seed, strategy), 200) for seed in range(RUNS))
    within = sum(one <= 1.0 for one in off)
    print(f"{strategy.name}: {within} of {RUNS}, median {off[RUNS // 2]:.2f} slices off, worst {off[-1]:.2f}")
    assert within >= RUNS * 95 // 100


def test_pov_never_has_more_than_its_part_of_what_the_market_traded() -> None:
    for seed in range(20):
        run = seeded_run(seed, AlgoStrategy.POV)
        algo = run.order.terms.algo
        assert algo is not None
        place = 0
        for at, shares in run.done:
            while place + 1 < len(run.volume) and run.volume[place + 1][0] <= at:
                place += 1
            assert shares * 10_000 <= run.volume[place][1] * algo.participation_bps


def test_the_more_urgent_is_done_earlier() -> None:
    def half_done(urgency: int) -> float:
        run = seeded_run(7, AlgoStrategy.IS)
        terms = run.order.terms
        assert terms.algo is not None
        algo = replace(terms.algo, urgency=urgency)
        run = AlgoMarket(7, algo, terms.quantity, limit=False, begins_at=run.begins_at).play()
        at = next(at for at, shares in run.done if 2 * shares >= terms.quantity)
        return (at - run.begins_at) / (run.ends_at - run.begins_at)

    assert half_done(10) < half_done(4) < half_done(1) < 0.5


def test_every_run_comes_to_an_end_that_is_its_own() -> None:
    for strategy in AlgoStrategy:
        run = seeded_run(3, strategy)
        assert run.order.status in (OrderStatus.FILLED, OrderStatus.CANCELED)
        again = seeded_run(3, strategy)
        assert (again.done, again.order) == (run.done, run.order)
