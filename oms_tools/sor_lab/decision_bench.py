"""How long one decision takes: six venues with five levels, for every strategy.

The law of this file: decisions are timed one by one in a warm process with garbage collection on, on books
and orders that change from decision to decision. What is drawn is drawn before the clock starts.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from oms_platform.vocabulary import TimeInForce
from oms_tools.sor_lab.exchange import ShownBook, price_of
from oms_tools.sor_lab.routers import WEIGHTS
from oms_tools.sor_lab.world import draws
from sor_engine.domain.market import DarkBelief, Market, Request, Venue, VenueStats, micros
from sor_engine.domain.profile import Profile, StrategyName, read_profile
from sor_engine.domain.routing import decide

DECISIONS: Final = 10_000
WARM_UP: Final = 500
LEVELS: Final = 5
CASES: Final = 200
OUTFLOW_SAMPLES: Final = 100
P99_MS: Final = 1.0
P99_PASSIVE_MS: Final = 10.0
_LIT: Final = ("XNYS", "XNAS", "ARCX", "BATS", "EDGX", "IEXG")
_DARK: Final = "DARK"
Case = tuple[Request, Market]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Decision time of a strategy in microseconds. bar_ms: what its p99 has to stay under.

    cpu_p99_us: the same without the time in which the machine ran something else.
    """

    strategy: str
    decisions: int
    p50_us: float
    p99_us: float
    max_us: float
    cpu_p99_us: float
    bar_ms: float

    @property
    def within(self) -> bool:
        """Whether the p99 is under its bar."""
        return self.p99_us < self.bar_ms * 1_000


def venues(strategy: StrategyName) -> list[Venue]:
    """Return six venues: all lit, but one dark for the strategies that use it."""
    dark = strategy in (StrategyName.STAGED, StrategyName.DARK)
    names = (*_LIT[:5], _DARK) if dark else _LIT
    return [
        Venue(
            venue_id=name,
            lit=name != _DARK,
            active=True,
            latency_us=600 + 50 * number,
            add_fee=Decimal(-18 - number) / 10_000,
            remove_fee=Decimal(26 + number) / 10_000,
        )
        for number, name in enumerate(names)
    ]


def cases(strategy: StrategyName, seed: int) -> list[Case]:
    """Draw requests and markets, half of them buys, all of them marketable, all of them able to wait."""
    chance = draws("decisions", seed)
    return [_case(chance, venues(strategy), number) for number in range(CASES)]


def _case(chance: random.Random, listed: list[Venue], number: int) -> Case:
    mid = chance.randint(5_000, 30_000)
    lit = [venue.venue_id for venue in listed if venue.lit]
    buy = chance.random() < 0.5
    stats = VenueStats(
        take_fill_ppm=930_000,
        rest_fill_ppm=400_000,
        hidden_ppm=80_000,
        latency_us=700,
        orders=400,
    )
    request = Request(
        symbol="BENCH",
        buy=buy,
        quantity=chance.randint(1, 60) * 100,
        time_in_force=TimeInForce.DAY,
        limit_micros=micros(price_of(mid + 10 if buy else mid - 10)),
        tick_micros=micros(price_of(1)),
        seed=number,
    )
    market = Market(
        venues=listed,
        book={name: _book(chance, mid) for name in lit},
        quote_age_us=3_000,
        quote_age_us_max=500_000,
        stats={venue.venue_id: stats for venue in listed},
        outflows={name: tuple(chance.randint(0, 12) * 100 for _ in range(OUTFLOW_SAMPLES)) for name in lit},
        beliefs={_DARK: DarkBelief(unit=100, tail_ppm=tuple(600_000 // (step + 1) for step in range(60)))},
    )
    return request, market


def _book(chance: random.Random, mid: int) -> ShownBook:
    bid, ask = mid - chance.randint(0, 1), mid + 1 + chance.randint(0, 1)
    sizes = [tuple(chance.randint(1, 15) * 100 for _ in range(LEVELS)) for _ in range(2)]
    return ShownBook(
        tuple(price_of(bid - step) for step in range(LEVELS)),
        sizes[0],
        tuple(price_of(ask + step) for step in range(LEVELS)),
        sizes[1],
    )


def measure(
    strategy: StrategyName,
    *,
    decisions: int = DECISIONS,
    seed: int = 7,
    stopwatch: Callable[[], int] = time.perf_counter_ns,
    cpu_clock: Callable[[], int] = time.thread_time_ns,
) -> Timing:
    """Time a strategy's decisions."""
    profile: Profile = read_profile("bench", 1, {"strategy": strategy.value, "weights": WEIGHTS})
    drawn = cases(strategy, seed)
    for number in range(min(WARM_UP, decisions)):
        decide(*drawn[number % CASES], profile)
    taken, used = [], []
    for number in range(decisions):
        request, market = drawn[number % CASES]
        cpu_started, started = cpu_clock(), stopwatch()
        decide(request, market, profile)
        ended, cpu_ended = stopwatch(), cpu_clock()
        taken.append(ended - started)
        used.append(cpu_ended - cpu_started)
    taken.sort()
    used.sort()
    at_p99 = min(decisions - 1, decisions * 99 // 100)
    return Timing(
        strategy=strategy.value,
        decisions=decisions,
        p50_us=taken[decisions // 2] / 1_000,
        p99_us=taken[at_p99] / 1_000,
        max_us=taken[-1] / 1_000,
        cpu_p99_us=used[at_p99] / 1_000,
        bar_ms=P99_PASSIVE_MS if strategy in (StrategyName.PASSIVE, StrategyName.URGENCY) else P99_MS,
    )
