"""Cont and Kukanov's placement: the closed form against numeric minimisation, the sampled against both."""

import math
import random
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest

from sor_engine.domain.placement import Costs, Queue, place

COSTS = Costs(half_spread=5_000, take_fee=3_000, underfill=12_000)
REBATE, AHEAD, TARGET = 2_000, 300, 1_000
MEAN = 500.0
GOLDEN = (math.sqrt(5) - 1) / 2

Tail = Callable[[float], float]
Quantile = Callable[[Decimal], Decimal]


def place_single(
    target: int, costs: Costs, rebate: int, ahead: int, quantile: Callable[[Decimal], Decimal]
) -> tuple[Decimal, Decimal]:
    """Return (M, L) of one queue in closed form, in shares that need not be whole.

    quantile: the inverse distribution of the outflow. L = F^-1((2h + f + r) / (lambda_u + theta + h + r))
    - Q, held to 0..S, and M = S - L. Source: Cont and Kukanov's proposition for one exchange.
    """
    crossing = 2 * costs.half_spread + costs.take_fee + rebate
    all_in = costs.underfill + costs.impact + costs.half_spread + rebate
    whole = Decimal(target)
    if all_in <= 0 or crossing <= 0:
        return whole, Decimal(0)
    if all_in <= crossing:
        return Decimal(0), whole
    limit = quantile(Decimal(crossing) / Decimal(all_in)) - ahead
    limit = min(max(limit, Decimal(0)), whole)
    return whole - limit, limit


def _weibull_tail(x: float) -> float:
    return math.exp(-((x / 700) ** 1.5))


def _pareto_tail(x: float) -> float:
    return (1 + x / 900) ** -3.0


DISTRIBUTIONS: dict[str, tuple[Tail, Quantile]] = {
    "exponential": (lambda x: math.exp(-x / MEAN), lambda p: -Decimal(500) * (1 - p).ln()),
    "uniform": (lambda x: max(0.0, 1 - x / 2_000), lambda p: 2_000 * p),
    "weibull": (_weibull_tail, lambda p: 700 * (-(1 - p).ln()) ** (Decimal(2) / 3)),
    "pareto": (_pareto_tail, lambda p: 900 * ((1 - p) ** (Decimal(-1) / 3) - 1)),
}


def simpson(of: Tail, start: float, end: float, steps: int = 400) -> float:
    """Integrate a smooth function."""
    width = (end - start) / steps
    inner = sum((4 if step % 2 else 2) * of(start + step * width) for step in range(1, steps))
    return (of(start) + inner + of(end)) * width / 3


def expected_cost(limit: float, costs: Costs, rebate: int, ahead: int, tail: Tail) -> float:
    """Return the paper's objective for M = S - L, with E[min(L, (xi - Q)+)] as the integral of the tail."""
    filled = simpson(tail, ahead, ahead + limit) if limit > 0 else 0.0
    market = TARGET - limit
    return (
        (costs.half_spread + costs.take_fee) * market
        - (costs.half_spread + rebate) * filled
        + costs.impact * (TARGET + (TARGET - market - filled))
        + costs.underfill * (TARGET - market - filled)
    )


def golden_section(of: Tail, low: float, high: float) -> float:
    """Return where a function with one valley is least."""
    while high - low > 1e-4:
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        if of(left) < of(right):
            high = right
        else:
            low = left
    return (low + high) / 2


def refined(cost: Tail, about: float) -> float:
    """Return the zero of the slope near a point: a valley's floor is too flat to be read to six digits."""

    def slope(x: float) -> float:
        return cost(x + 0.5) - cost(x - 0.5)

    low, high = about - 5, about + 5
    for _ in range(60):
        middle = (low + high) / 2
        if slope(middle) < 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@pytest.mark.parametrize("impact", [0, 2_500, 40_000])
@pytest.mark.parametrize(("underfill", "ahead"), [(12_000, 300), (20_000, 300), (15_000, 0), (9_000, 50)])
def test_the_closed_form_is_where_the_numeric_cost_is_least(
    name: str, underfill: int, ahead: int, impact: int
) -> None:
    tail, quantile = DISTRIBUTIONS[name]
    costs = Costs(half_spread=5_000, take_fee=3_000, underfill=underfill, impact=impact)

    def cost(limit: float) -> float:
        return expected_cost(limit, costs, REBATE, ahead, tail)

    market, limit = place_single(TARGET, costs, REBATE, ahead, quantile)
    assert market + limit == TARGET
    numeric = golden_section(cost, 0, TARGET)
    if 10 < numeric < TARGET - 10:
        # The slope is read over a share, which is as exact as it gets where the tail bends most.
        assert float(limit) == pytest.approx(refined(cost, numeric), rel=1e-6, abs=2e-4)
    else:
        assert float(limit) == pytest.approx(numeric, abs=1e-3)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_inside_the_tail_at_the_limit_is_the_ratio_of_costs_to_six_digits(name: str) -> None:
    tail, quantile = DISTRIBUTIONS[name]
    _, limit = place_single(2 * TARGET, COSTS, REBATE, 100, quantile)
    # At the optimum a share more earns as much at rest as it costs less to cross: P(xi > Q + L).
    assert 0 < limit < 2 * TARGET
    expected = (COSTS.underfill - COSTS.half_spread - COSTS.take_fee) / (
        COSTS.underfill + COSTS.half_spread + REBATE
    )
    assert tail(100 + float(limit)) == pytest.approx(expected, rel=1e-6)


def test_the_exponential_case_is_the_formula_of_the_paper() -> None:
    _, quantile = DISTRIBUTIONS["exponential"]
    _, limit = place_single(TARGET, COSTS, REBATE, AHEAD, quantile)
    by_hand = -500 * math.log(1 - (2 * 5_000 + 3_000 + 2_000) / (12_000 + 5_000 + 2_000)) - 300
    assert float(limit) == pytest.approx(by_hand, rel=1e-12)
    assert round(float(limit), 6) == 479.072309


def test_a_small_penalty_rests_everything_and_a_long_queue_crosses_everything() -> None:
    _, quantile = DISTRIBUTIONS["exponential"]
    cheap = Costs(half_spread=5_000, take_fee=3_000, underfill=8_000)
    assert place_single(TARGET, cheap, REBATE, AHEAD, quantile) == (0, TARGET)
    assert place_single(TARGET, COSTS, REBATE, 5_000, quantile) == (TARGET, 0)


def test_a_queue_where_a_fill_costs_more_than_none_is_not_used() -> None:
    # Resting costs 9,000 a share to be filled; crossing costs 3,000, and nothing filled costs 1,000.
    costs = Costs(half_spread=0, take_fee=3_000, underfill=1_000)
    assert place_single(100, costs, -9_000, 0, lambda _: Decimal(0)) == (100, 0)
    placement = place(100, 10, costs, [Queue(rebate=-9_000, ahead=0, outflows=(1_000,) * 4)])
    assert placement == (100, (0,), 300_000)


def empirical(samples: list[int]) -> Quantile:
    """Return the least sample whose share of the samples reaches a probability."""
    ordered = sorted(samples)

    def quantile(p: Decimal) -> Decimal:
        exact = Fraction(p).limit_denominator(10**6)
        return Decimal(ordered[max(0, math.ceil(exact * len(ordered)) - 1)])

    return quantile


@pytest.mark.parametrize("seed", range(40))
def test_one_queue_agrees_with_the_closed_form_of_the_samples(seed: int) -> None:
    chance = random.Random(seed)
    samples = [chance.randint(0, 900) for _ in range(chance.randint(1, 60))]
    costs = Costs(
        half_spread=chance.randint(0, 50) * 100,
        take_fee=chance.randint(-5, 30) * 100,
        underfill=chance.randint(0, 300) * 100,
        impact=chance.choice((0, 1, 20, 150)) * 100,
    )
    rebate, ahead, target = chance.randint(-10, 30) * 100, chance.randint(0, 300), chance.randint(1, 600)
    market, limit = place_single(target, costs, rebate, ahead, empirical(samples))
    placement = place(target, 1, costs, [Queue(rebate=rebate, ahead=ahead, outflows=tuple(samples))])
    assert (placement.market, placement.limits) == (market, (limit,)), f"seed {seed}"


def test_equal_queues_get_equal_sizes_up_to_a_lot_the_earlier_first() -> None:
    queue = Queue(rebate=REBATE, ahead=100, outflows=tuple(range(0, 2_000, 40)))
    placement = place(1_100, 100, COSTS, [queue] * 3)
    assert max(placement.limits) - min(placement.limits) <= 100
    assert list(placement.limits) == sorted(placement.limits, reverse=True)
    assert placement.market + sum(placement.limits) == 1_100


def test_one_more_queue_never_costs_more() -> None:
    chance = random.Random(7)
    queues = [
        Queue(
            rebate=chance.randint(-1_000, 3_000),
            ahead=chance.randint(0, 500),
            outflows=tuple(chance.randint(0, 1_500) for _ in range(50)),
        )
        for _ in range(6)
    ]
    costs = [place(2_000, 100, COSTS, queues[:count]).expected_cost_micros for count in range(7)]
    assert all(more >= less for more, less in pairwise(costs))
    assert costs[-1] < costs[0]


def test_no_queue_crosses_everything_in_lots() -> None:
    assert place(1_050, 100, COSTS, []) == (1_000, (), 8_000_000)


def test_samples_must_be_there_and_as_many_in_every_queue() -> None:
    with pytest.raises(ValueError, match=r"found \[0\]"):
        place(100, 1, COSTS, [Queue(rebate=0, ahead=0, outflows=())])
    with pytest.raises(ValueError, match=r"found \[1, 2\]"):
        place(
            100,
            1,
            COSTS,
            [Queue(rebate=0, ahead=0, outflows=(1,)), Queue(rebate=0, ahead=0, outflows=(1, 2))],
        )
