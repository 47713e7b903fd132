"""The comparison: every router over the same orders and episodes, regime by regime.

The law of this file: a router warms up on orders that are not counted, and keeps learning from its own fills
while it is measured. The same seed gives the same figures.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from oms_tools.sor_lab.exchange import Delays
from oms_tools.sor_lab.flow import PATIENT_HORIZON_US, LabOrder, make_order
from oms_tools.sor_lab.memory import Memory, PublicOutflows, watch_quotes
from oms_tools.sor_lab.oracle import at_arrival, bound_cost
from oms_tools.sor_lab.regimes import Regime
from oms_tools.sor_lab.routers import MARKETABLE, NAIVE, ORACLE, REFERENCE, Router, routers
from oms_tools.sor_lab.session import Outcome, Session
from oms_tools.sor_lab.statistics import Floats, Interval, captured, column, cost_bps, ratio, resamples
from oms_tools.sor_lab.world import Episode, make_episode
from sor_engine.domain.profile import PassiveTerms

WARM_UP_ORDERS: Final = 150
# Episodes whose public quotes teach the outflows; their numbers are apart from every order's.
WATCHED_EPISODES: Final = 40
WATCHED_FROM: Final = 1_000_000
LATENCY_FACTORS: Final = (0.25, 1.0, 4.0, 16.0)
STALE_US: Final = (0, 5_000, 20_000, 80_000)
SWEEP_ROUTERS: Final = (*MARKETABLE, "staged", REFERENCE, "touch only", "pro rata")
SWEEP_REGIMES: Final = ("calm", "volatile", "fragmented")
# How often a regime, and a sweep, says what it begins.
REGIME_STEPS: Final = len(routers())
SWEEP_STEPS: Final = len(LATENCY_FACTORS) + len(set(STALE_US) - {Delays().stale_us})
Progress = Callable[[str], None]
FLOWS: Final = ("all", "urgent", "patient")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A router's figures on one flow of one regime.

    waited_ms: mean time until a share was filled. beats: by naive router and marketable strategy, how many
    basis points cheaper it was (above zero is good).
    """

    router: str
    filled: float
    cost: Interval
    captured: Interval
    fees_bps: float
    waited_ms: float
    routes: float
    beats: Mapping[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimeResult:
    """Figures by flow and router. bound_bps: by flow, what nothing can beat."""

    regime: str
    title: str
    orders: int
    figures: Mapping[str, Mapping[str, Figures]]
    bound_bps: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPoint:
    """Figures of all flow under other delays."""

    latency_factor: float
    stale_us: int
    figures: Mapping[str, Figures]


def watched(seed: int, regime: Regime) -> PublicOutflows:
    """Learn the outflows of a regime's queues from episodes that no order meets."""
    episodes = (
        make_episode(seed, regime, WATCHED_FROM + number, PATIENT_HORIZON_US)
        for number in range(WATCHED_EPISODES)
    )
    return watch_quotes(episodes, PassiveTerms().horizon_ms * 1_000)


def flow_of(seed: int, regime: Regime, orders: int) -> list[tuple[LabOrder, Episode]]:
    """Return the warm-up and the orders that count, in this order."""
    return [make_order(seed, regime, index) for index in range(WARM_UP_ORDERS + orders)]


def run_router(
    router: Router,
    flow: Sequence[tuple[LabOrder, Episode]],
    delays: Delays,
    outflows: PublicOutflows,
    warm_up: int = WARM_UP_ORDERS,
) -> list[Outcome]:
    """Drive all orders through one router. Returns the outcomes of those after the warm-up."""
    memory = Memory(flow[0][1].regime)
    outcomes = []
    for order, episode in flow:
        memory.next_order()
        outcomes.append(Session(router, order, episode, delays, memory, outflows).run())
    return outcomes[warm_up:]


def run_regime(
    seed: int, regime: Regime, orders: int, delays: Delays, progress: Progress = lambda _line: None
) -> RegimeResult:
    """Compare all routers in one regime."""
    flow = flow_of(seed, regime, orders)
    outflows = watched(seed, regime)
    outcomes: dict[str, list[Outcome]] = {}
    for router in routers():
        progress(f"{regime.title}: {router.name}")
        outcomes[router.name] = run_router(router, flow, delays, outflows)
    counted = flow[WARM_UP_ORDERS:]
    outcomes[ORACLE] = [at_arrival(order, episode, delays) for order, episode in counted]
    bounds = column([bound_cost(order, episode) for order, episode in counted])
    figures, bound_bps = {}, {}
    for name in FLOWS:
        kept = [number for number, (order, _) in enumerate(counted) if _belongs(order, name)]
        if not kept:
            continue
        chosen = {router: [found[number] for number in kept] for router, found in outcomes.items()}
        figures[name] = _figures(chosen, seed)
        notional = sum([outcome.notional for outcome in chosen[ORACLE]])
        bound_bps[name] = 10_000 * float(bounds[kept].sum()) / notional
    return RegimeResult(
        regime=regime.name, title=regime.title, orders=orders, figures=figures, bound_bps=bound_bps
    )


def _belongs(order: LabOrder, flow: str) -> bool:
    return flow == "all" or order.patient is (flow == "patient")


def _figures(outcomes: Mapping[str, Sequence[Outcome]], seed: int) -> dict[str, Figures]:
    weights = resamples(len(outcomes[REFERENCE]), seed)
    notional = column([outcome.notional for outcome in outcomes[REFERENCE]])
    costs: dict[str, Floats] = {
        name: column([outcome.cost for outcome in found]) for name, found in outcomes.items()
    }
    others = [name for name in (*NAIVE, *MARKETABLE) if name in outcomes]
    result = {}
    for name, found in outcomes.items():
        result[name] = Figures(
            router=name,
            filled=sum([one.filled for one in found]) / sum([one.quantity for one in found]),
            cost=cost_bps(costs[name], notional, weights),
            captured=captured(costs[REFERENCE], costs[name], costs[ORACLE], weights),
            fees_bps=10_000 * sum([one.fees for one in found]) / float(notional.sum()),
            waited_ms=sum([one.waited_us for one in found]) / sum([one.quantity for one in found]) / 1_000,
            routes=sum([one.routes for one in found]) / len(found),
            beats={
                other: ratio(10_000 * (costs[other] - costs[name]), notional, weights)
                for other in others
                if other != name
            },
        )
    return result


def run_sweep(
    seed: int, regime: Regime, orders: int, progress: Progress = lambda _line: None
) -> list[SweepPoint]:
    """Compare a few routers under other latencies (on a book of usual age) and other ages of the book."""
    flow = flow_of(seed, regime, orders)
    outflows = PublicOutflows(bids={}, asks={})
    usual = Delays()
    points = [Delays(latency_factor=factor) for factor in LATENCY_FACTORS]
    points += [Delays(stale_us=stale_us) for stale_us in STALE_US if stale_us != usual.stale_us]
    found = []
    for delays in points:
        progress(
            f"{regime.title}: latency x{delays.latency_factor:g}, book {delays.stale_us / 1000:g} ms old"
        )
        outcomes = {
            router.name: run_router(router, flow, delays, outflows)
            for router in routers()
            if router.name in SWEEP_ROUTERS
        }
        counted = flow[WARM_UP_ORDERS:]
        outcomes[ORACLE] = [at_arrival(order, episode, delays) for order, episode in counted]
        found.append(
            SweepPoint(
                latency_factor=delays.latency_factor,
                stale_us=delays.stale_us,
                figures=_figures(outcomes, seed),
            )
        )
    return found
