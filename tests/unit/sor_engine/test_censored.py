"""What a learner of censored fills gets out of simulated dark pools, against one who knows them."""

import heapq
import json
import math
import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import pytest

from sor_engine.domain.censored import OBSERVATIONS_MAX, UNIT, Censored, allocate, chance_ppm
from sor_engine.domain.market import PPM, DarkBelief

EPISODES: Final = 1_000
UNITS_MAX: Final = 60


class Simulated:
    """A pool: nothing with some chance, else a size in units from a Poisson or a power law."""

    def __init__(self, empty: float, weights: Sequence[float]) -> None:
        total = sum(weights)
        self._chances = [empty, *[(1 - empty) * weight / total for weight in weights]]

    def draw(self, chance: random.Random) -> int:
        return chance.choices(range(len(self._chances)), self._chances)[0] * UNIT

    def tail(self, units: int) -> float:
        return sum(self._chances[units:])


def poisson(empty: float, mean: float) -> Simulated:
    return Simulated(
        empty, [math.exp(-mean + k * math.log(mean) - math.lgamma(k + 1)) for k in range(1, UNITS_MAX)]
    )


def power(empty: float, exponent: float) -> Simulated:
    return Simulated(empty, [k**-exponent for k in range(1, UNITS_MAX)])


def informed(units: int, pools: Sequence[Simulated]) -> list[int]:
    """Return the best split in units, knowing the pools: each unit where it is most likely filled."""
    shares = [0] * len(pools)
    waiting = [(-pool.tail(1), place) for place, pool in enumerate(pools)]
    heapq.heapify(waiting)
    for _ in range(units):
        _, place = heapq.heappop(waiting)
        shares[place] += 1
        heapq.heappush(waiting, (-pools[place].tail(shares[place] + 1), place))
    return [count * UNIT for count in shares]


def filled_of_last_half(
    pools: Sequence[Simulated], seed: int, learners: Sequence[Censored]
) -> dict[str, float]:
    """Return the fill rates of the learner, the informed and the equal split in the same episodes."""
    chance = random.Random(seed)
    wanted_in_all = 0
    got = {"learner": 0, "informed": 0, "equal": 0}
    for episode in range(EPISODES):
        units = chance.randint(5, 30)
        there = [pool.draw(chance) for pool in pools]
        venues = [(str(place), learner.belief(), UNIT, UNIT) for place, learner in enumerate(learners)]
        sent = allocate(units * UNIT, venues, seed=episode)
        for place, learner in enumerate(learners):
            size = sent.get(str(place), 0)
            learner.observe(size, min(size, there[place]))
        if episode < EPISODES // 2:
            continue
        each = [units // len(pools) + (place < units % len(pools)) for place in range(len(pools))]
        splits = {
            "learner": [sent.get(str(place), 0) for place in range(len(pools))],
            "informed": informed(units, pools),
            "equal": [count * UNIT for count in each],
        }
        for name, split in splits.items():
            got[name] += sum(min(size, most) for size, most in zip(split, there, strict=True))
        wanted_in_all += units * UNIT
    return {name: shares / wanted_in_all for name, shares in got.items()}


MARKETS = {
    "poisson": (poisson(0.3, 4), poisson(0.6, 12), poisson(0.1, 2)),
    "power law": (power(0.2, 1.2), power(0.5, 0.6), power(0.7, 2.0)),
    "mixed": (poisson(0.8, 20), power(0.3, 1.5), poisson(0.05, 6), power(0.9, 0.5)),
}


@pytest.mark.parametrize("name", MARKETS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_learner_fills_nearly_what_the_informed_fills_and_more_than_an_equal_split(
    name: str, seed: int
) -> None:
    pools = MARKETS[name]
    rates = filled_of_last_half(pools, seed, [Censored() for _ in pools])
    print(name, "seed", seed, rates)
    assert rates["learner"] >= 0.98 * rates["informed"]
    assert rates["learner"] > rates["equal"]


def test_a_pool_that_never_fills_gets_little_and_is_still_tried() -> None:
    pools = (Simulated(1.0, [1.0]), poisson(0.2, 10), poisson(0.3, 6))
    learners = [Censored() for _ in pools]
    filled_of_last_half(pools, 4, learners)
    venues = [(str(place), learner.belief(), UNIT, UNIT) for place, learner in enumerate(learners)]
    sent = allocate(2_000, venues, seed=0)
    assert sent.get("0", 0) <= 200
    assert learners[0].belief().tail_ppm[0] < PPM // 50
    # It is not forgotten for good: it was tried more than once.
    assert sum(learners[0].to_state()["ended"]) > 2 * 1_024


def test_the_estimate_comes_to_the_true_tail_where_sizes_were_tried() -> None:
    pool, chance, learner = poisson(0.25, 5), random.Random(11), Censored()
    for _ in range(OBSERVATIONS_MAX):
        sent = chance.randint(1, 12) * UNIT
        learner.observe(sent, min(sent, pool.draw(chance)))
    tail = learner.belief().tail_ppm
    for units in range(1, 9):
        assert tail[units - 1] / PPM == pytest.approx(pool.tail(units), abs=0.05), units


def test_a_full_fill_says_only_that_at_least_so_much_was_there() -> None:
    learner = Censored()
    for _ in range(20):
        learner.observe(300, 300)
    seen = learner.belief()
    assert chance_ppm(seen, 300) > chance_ppm(Censored().belief(), 300)
    # Beyond what was ever asked for it stays curious.
    assert chance_ppm(seen, 400) > PPM // 2
    learner.observe(1_000, 300)
    assert chance_ppm(learner.belief(), 400) < chance_ppm(seen, 400)


def test_the_tail_never_rises_and_its_chances_stay_chances() -> None:
    chance, learner = random.Random(5), Censored()
    for _ in range(500):
        sent = chance.randint(1, 3_000)
        learner.observe(sent, chance.randint(0, sent))
    tail = learner.belief().tail_ppm
    assert all(PPM >= before >= after >= 0 for before, after in pairwise(tail))
    sizes = [chance_ppm(learner.belief(), shares) for shares in range(1, 20_000, 50)]
    assert sizes == sorted(sizes, reverse=True)


def test_nothing_sent_says_nothing() -> None:
    learner = Censored()
    learner.observe(0, 0)
    assert learner.to_state() == Censored().to_state()


@pytest.mark.parametrize("seed", range(30))
def test_lots_and_minimum_sizes_are_kept_and_no_more_than_the_order_is_sent(seed: int) -> None:
    chance = random.Random(seed)
    venues = []
    for place in range(chance.randint(1, 5)):
        tail = sorted((chance.randint(0, PPM) for _ in range(chance.randint(0, 20))), reverse=True)
        lot = chance.choice([1, 10, 100])
        venues.append(
            (str(place), DarkBelief(unit=UNIT, tail_ppm=tuple(tail)), lot, chance.randint(1, 1_500))
        )
    quantity = chance.randint(1, 60_000)
    sent = allocate(quantity, venues, seed)
    assert sum(sent.values()) <= quantity
    for venue_id, _, lot, minimum in venues:
        size = sent.get(venue_id, 0)
        assert size % lot == 0, f"seed {seed}"
        assert size == 0 or size >= minimum, f"seed {seed}"
    if any(lot == 1 and minimum <= quantity for _, _, lot, minimum in venues if len(venues) == 1):
        assert sum(sent.values()) == quantity


def test_all_is_sent_where_every_size_fits() -> None:
    venues = [(name, DarkBelief(unit=UNIT, tail_ppm=(PPM // 2,)), 1, 1) for name in "ABC"]
    for quantity in (1, 99, 100, 101, 12_345):
        assert sum(allocate(quantity, venues, seed=3).values()) == quantity


def test_the_same_seed_gives_the_same_and_another_lets_another_pool_come_first() -> None:
    belief = DarkBelief(unit=UNIT, tail_ppm=(PPM // 2,))
    venues = [(name, belief, 1, 1) for name in "ABC"]
    assert allocate(250, venues, seed=1) == allocate(250, venues, seed=1)
    firsts = {next(iter(allocate(100, venues, seed=seed))) for seed in range(3)}
    assert firsts == {"A", "B", "C"}


def test_no_pool_or_no_quantity_sends_nothing() -> None:
    assert allocate(500, [], seed=0) == {}
    assert allocate(0, [("A", Censored().belief(), 1, 1)], seed=0) == {}


def test_an_order_below_every_minimum_is_sent_nowhere() -> None:
    assert allocate(400, [("A", Censored().belief(), 100, 500)], seed=0) == {}


def test_the_state_comes_back_from_json_as_it_was() -> None:
    chance, learner = random.Random(8), Censored(unit=50)
    for _ in range(100):
        sent = chance.randint(1, 2_000)
        learner.observe(sent, chance.randint(0, sent))
    again = Censored.from_state(json.loads(json.dumps(learner.to_state())))
    assert again.belief() == learner.belief()
    again.observe(700, 300)
    learner.observe(700, 300)
    assert again.to_state() == learner.to_state()


def test_what_is_old_is_forgotten_when_the_pool_changes() -> None:
    learner = Censored()
    for _ in range(2 * OBSERVATIONS_MAX):
        learner.observe(100, 0)
    for _ in range(OBSERVATIONS_MAX):
        learner.observe(100, 100)
    assert chance_ppm(learner.belief(), 100) > PPM // 3
    assert sum(learner.to_state()["ended"]) + sum(learner.to_state()["reached"]) <= OBSERVATIONS_MAX * 1_024
