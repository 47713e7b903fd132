"""The sampled placement is the best of all on the grid, whatever the queues."""

import itertools
from collections.abc import Iterator, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from sor_engine.domain.placement import Costs, Queue, place

SAMPLES = 4
COSTS = st.builds(
    Costs,
    half_spread=st.integers(0, 9),
    take_fee=st.integers(-3, 9),
    underfill=st.integers(0, 40),
    impact=st.integers(0, 3),
)


def queues_of(count_max: int) -> st.SearchStrategy[list[Queue]]:
    queue = st.builds(
        Queue,
        rebate=st.integers(-9, 9),
        ahead=st.integers(0, 5),
        outflows=st.tuples(*[st.integers(0, 14)] * SAMPLES),
    )
    return st.lists(queue, max_size=count_max)


def total_cost(market: int, limits: Sequence[int], costs: Costs, queues: Sequence[Queue], target: int) -> int:
    """Return the paper's cost, summed over the samples, as it is written there."""
    total = 0
    for sample in range(SAMPLES):
        fills = [
            min(limit, max(0, queue.outflows[sample] - queue.ahead))
            for limit, queue in zip(limits, queues, strict=True)
        ]
        done = market + sum(fills)
        total += (costs.half_spread + costs.take_fee) * market
        total -= sum(
            (costs.half_spread + queue.rebate) * fill for queue, fill in zip(queues, fills, strict=True)
        )
        total += costs.impact * (market + sum(limits) + max(0, target - done))
        total += costs.underfill * max(0, target - done)
    return total


def grid(target: int, lot: int, places: int) -> Iterator[tuple[int, ...]]:
    """Yield all ways to give whole lots to the queues, the rest to the market."""
    sizes = range(0, target + 1, lot)
    return (limits for limits in itertools.product(sizes, repeat=places) if sum(limits) <= target)


@settings(max_examples=150, deadline=None)
@given(COSTS, queues_of(3), st.integers(0, 8), st.integers(1, 3))
def test_nothing_on_the_grid_costs_less(costs: Costs, queues: list[Queue], lots: int, lot: int) -> None:
    target = lots * lot
    placement = place(target, lot, costs, queues)
    # Where a fill costs more than none, a queue is not used; the bar is the best of the others.
    usable = [costs.half_spread + queue.rebate + costs.underfill + costs.impact > 0 for queue in queues]
    best = min(
        total_cost(target - sum(limits), limits, costs, queues, target)
        for limits in grid(target, lot, len(queues))
        if all(ok or not limit for ok, limit in zip(usable, limits, strict=True))
    )
    assert total_cost(placement.market, placement.limits, costs, queues, target) == best
    assert placement.expected_cost_micros == best // SAMPLES
    assert placement.market + sum(placement.limits) == target
    assert all(size % lot == 0 and size >= 0 for size in (placement.market, *placement.limits))


@settings(max_examples=100, deadline=None)
@given(COSTS, queues_of(4), st.integers(0, 40), st.integers(1, 3))
def test_one_more_queue_never_costs_more(costs: Costs, queues: list[Queue], target: int, lot: int) -> None:
    expected = [place(target, lot, costs, queues[:count]) for count in range(len(queues) + 1)]
    by_count = [placement.expected_cost_micros for placement in expected]
    assert by_count == sorted(by_count, reverse=True)


@settings(max_examples=100, deadline=None)
@given(COSTS, queues_of(3).filter(bool), st.integers(0, 60), st.integers(1, 3))
def test_twins_get_the_same_up_to_a_lot(costs: Costs, queues: list[Queue], target: int, lot: int) -> None:
    first, second, *_ = place(target, lot, costs, [queues[0], *queues]).limits
    assert 0 <= first - second <= lot


@settings(max_examples=60, deadline=None)
@given(COSTS, queues_of(3), st.integers(0, 60), st.integers(1, 3), st.randoms())
def test_the_order_of_the_queues_does_not_change_the_cost(
    costs: Costs, queues: list[Queue], target: int, lot: int, chance: object
) -> None:
    mixed = list(queues)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    assert (
        place(target, lot, costs, mixed).expected_cost_micros
        == place(target, lot, costs, queues).expected_cost_micros
    )
