"""The lab: a fair world, honest venues, a bound that holds, and intervals that mean something."""

import dataclasses
import json
import math
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from oms_platform.vocabulary import TimeInForce
from oms_tools.sor_lab import statistics
from oms_tools.sor_lab.command import Steps, sor_lab
from oms_tools.sor_lab.decision_bench import measure
from oms_tools.sor_lab.exchange import Delays, Exchange, price_of
from oms_tools.sor_lab.experiment import REGIME_STEPS, SWEEP_STEPS, run_regime, run_router, run_sweep
from oms_tools.sor_lab.flow import LabOrder, make_order
from oms_tools.sor_lab.maker_probe import maker_spread
from oms_tools.sor_lab.memory import Memory, PublicOutflows, watch_quotes
from oms_tools.sor_lab.oracle import at_arrival, bound_cost
from oms_tools.sor_lab.regimes import CALM, DARK_RICH, LEVELS, REGIMES, VOLATILE
from oms_tools.sor_lab.routers import Router, routers
from oms_tools.sor_lab.session import FRUITLESS_ROUTES_MAX, Session
from oms_tools.sor_lab.world import Best, Contra, Episode, Level, Outflow, Side, Snapshot, make_episode
from sor_engine.domain.market import Market, Request, micros
from sor_engine.domain.plan import Decision, Leg
from sor_engine.domain.profile import StrategyName

SEED = 11
NO_OUTFLOWS = PublicOutflows(bids={}, asks={})
NOW = Delays(latency_factor=0.0, stale_us=0, internal_us=0)
HORIZON_US = 1_000_000


def side(*levels: Level, outflows: tuple[Outflow, ...] = ()) -> Side:
    return Side(times=[-1], snapshots=[Snapshot(-1, levels)], outflows=list(outflows))


def episode(
    asks: dict[str, Side],
    bids: dict[str, Side] | None = None,
    *,
    contras: tuple[Contra, ...] = (),
    best: tuple[Best, ...] = (Best(-1, 99_00, 100_00),),
    fades: dict[str, tuple[int, float]] | None = None,
) -> Episode:
    """Return an episode by hand: the venues of the calm regime, all but the given ones at 99 and 101."""
    sides = {}
    for venue in CALM.lit:
        name = venue.venue_id
        sides[name, True] = asks.get(name, side(Level(101_00, 100, 0)))
        sides[name, False] = (bids or {}).get(name, side(Level(99_00, 100, 0)))
    pools = {(venue.venue_id, buy): list(contras) for venue in CALM.dark for buy in (True, False)}
    names = [venue.venue_id for venue in CALM.lit] + [venue.venue_id for venue in CALM.dark]
    return Episode(
        regime=CALM,
        index=0,
        symbol="HAND",
        horizon_us=HORIZON_US,
        best=list(best),
        sides=sides,
        contras=pools,
        fades=fades or dict.fromkeys(names, (0, 0.0)),
        jitter=dict.fromkeys(names, 1.0),
        best_times=[moment.at_us for moment in best],
    )


def leg(venue: str, quantity: int, limit: str, tif: TimeInForce = TimeInForce.IOC, hold_ms: int = 0) -> Leg:
    return Leg(venue, quantity, micros(Decimal(limit)), tif, hold_ms)


def market_order(quantity: int, tif: TimeInForce = TimeInForce.DAY) -> LabOrder:
    return LabOrder(index=0, buy=True, quantity=quantity, tif=tif, limit=None, patient=False)


@pytest.mark.parametrize("regime", REGIMES, ids=lambda regime: regime.name)
def test_an_episode_is_a_function_of_its_seed_and_every_book_in_it_is_sound(regime) -> None:  # type: ignore[no-untyped-def]
    for index in range(3):
        drawn = make_episode(SEED, regime, index, HORIZON_US)
        assert drawn == make_episode(SEED, regime, index, HORIZON_US)
        assert drawn != make_episode(SEED + 1, regime, index, HORIZON_US)
        for (_, ask), path in drawn.sides.items():
            assert path.times == sorted(path.times)
            for snapshot in path.snapshots:
                prices = [level.price for level in snapshot.levels]
                assert len(set(prices)) == LEVELS and prices == sorted(prices, reverse=not ask)
                assert all(level.size > 0 and level.hidden >= 0 for level in snapshot.levels)
        for venue in regime.lit:
            for when_us in range(0, HORIZON_US, 50_000):
                bid, ask_ = (drawn.sides[venue.venue_id, ask].at(when_us).levels[0] for ask in (False, True))
                assert bid.price < ask_.price, "a venue's own book is never locked or crossed"


def test_an_urgent_order_is_followed_by_the_price_and_a_patient_one_hardly() -> None:
    moved: dict[bool, list[float]] = {True: [], False: []}
    for index in range(600):
        order, drawn = make_order(SEED, CALM, index)
        sign = 1 if order.buy else -1
        moved[order.patient].append(sign * (drawn.mid2_at(drawn.horizon_us) - drawn.mid2_at(0)) / 2)
    assert np.mean(moved[False]) > 0.2 > np.mean(moved[True])


@pytest.mark.parametrize("regime", REGIMES, ids=lambda regime: regime.name)
def test_who_rests_at_the_touch_loses_most_of_the_half_spread_again_within_a_second(regime) -> None:  # type: ignore[no-untyped-def]
    spread = maker_spread(SEED, regime, 120)
    assert spread.effective > 0.0
    assert -0.25 < spread.kept < 0.6, f"seed {SEED}: {spread}"


def test_a_share_that_was_taken_is_not_there_again_and_hidden_size_comes_after_the_displayed() -> None:
    exchange = Exchange(episode({"XNYS": side(Level(100_00, 300, 200))}), NOW, buy=True)
    (first,) = exchange.send([leg("XNYS", 400, "100.00")], 0)
    assert first.filled == 400
    assert exchange.levels("XNYS", 1, ask=True) == (Level(100_00, 0, 100),)
    assert exchange.shown(1)["XNYS"].ask_sizes == ()
    (second,) = exchange.send([leg("XNYS", 400, "100.00")], 2)
    assert second.filled == 100
    (third,) = exchange.send([leg("XNYS", 400, "100.00")], 3)
    assert third.filled == 0


def test_an_immediate_leg_fills_within_its_limit_only_and_pays_the_venues_own_fee() -> None:
    book = side(Level(100_00, 100, 0), Level(100_01, 100, 0), Level(100_02, 100, 0))
    exchange = Exchange(episode({"BATY": book}), NOW, buy=True)
    (result,) = exchange.send([leg("BATY", 300, "100.01")], 0)
    assert [(fill.quantity, fill.price2) for fill in result.fills] == [(100, 2 * 100_00), (100, 2 * 100_01)]
    assert {fill.fee for fill in result.fills} == {-0.0010}


def test_a_venue_that_fades_shows_less_behind_our_first_fill_elsewhere() -> None:
    fades = {"XNYS": (100, 0.5), "XNAS": (100, 0.5)}
    book = side(Level(100_00, 400, 0))
    slow = dataclasses.replace(NOW, latency_factor=1.0)
    held = episode({"XNYS": book, "XNAS": book}, fades=fades)
    exchange = Exchange(held, slow, buy=True)
    # XNAS is 250 us away and XNYS 350: the makers of XNYS have 100 us to see the first fill.
    results = exchange.send([leg("XNYS", 400, "100.00"), leg("XNAS", 400, "100.00")], 0)
    assert {result.leg.venue_id: result.filled for result in results} == {"XNAS": 400, "XNYS": 200}


def test_a_resting_leg_waits_until_the_queue_ahead_of_it_has_traded() -> None:
    outflows = (
        Outflow(100, 99_00, 200, True),
        Outflow(200, 99_00, 50, False),
        Outflow(300, 99_00, 250, True),
        Outflow(400, 99_00, 500, True),
    )
    bids = {"XNYS": side(Level(99_00, 300, 0), outflows=outflows)}
    exchange = Exchange(episode({}, bids), NOW, buy=True)
    (result,) = exchange.send([leg("XNYS", 400, "99.00", TimeInForce.DAY)], 0)
    # 300 ahead: 200 trade, 16 of the 50 canceled were ahead, so 84 of the next 250 go before ours.
    assert [(fill.at_us, fill.quantity) for fill in result.fills] == [(300, 166), (400, 234)]
    assert {fill.fee for fill in result.fills} == {-0.0018}


def test_a_held_leg_comes_back_after_its_time_and_a_crossed_one_fills_at_its_own_price() -> None:
    falls = (Best(-1, 99_00, 100_00), Best(500_000, 98_00, 99_00))
    for hold_ms, filled in ((100, 0), (600, 200)):
        exchange = Exchange(episode({}, best=falls), NOW, buy=True)
        (result,) = exchange.send([leg("XNAS", 200, "99.00", TimeInForce.DAY, hold_ms)], 0)
        assert result.filled == filled
        assert result.back_us == (100_000 if not filled else 500_000)


def test_a_dark_venue_matches_at_the_midpoint_and_refuses_less_than_its_minimum() -> None:
    world = episode({}, contras=(Contra(0, 10, 150), Contra(50_000, 60_000, 500)))
    exchange = Exchange(world, NOW, buy=True)
    (result,) = exchange.send([leg("DRKA", 400, "101.00", TimeInForce.DAY, 250)], 0)
    assert [(fill.at_us, fill.quantity, fill.price2) for fill in result.fills] == [
        (0, 150, 99_00 + 101_00),
        (50_000, 250, 99_00 + 101_00),
    ]
    (refused,) = exchange.send([leg("DRKB", 50, "101.00", TimeInForce.IOC)], 0)
    assert refused.rejected and not refused.filled


@pytest.mark.parametrize("regime", REGIMES, ids=lambda regime: regime.name)
def test_no_router_is_cheaper_than_the_bound_on_any_order(regime) -> None:  # type: ignore[no-untyped-def]
    flow = [make_order(SEED, regime, index) for index in range(40)]
    bounds = [bound_cost(order, drawn) for order, drawn in flow]
    oracle = [at_arrival(order, drawn, Delays()).cost for order, drawn in flow]
    for router in routers():
        found = run_router(router, flow, Delays(), NO_OUTFLOWS, warm_up=0)
        for number, outcome in enumerate(found):
            assert outcome.filled <= outcome.quantity
            assert outcome.cost >= bounds[number] - 1e-9, (router.name, number)
    assert all(cost >= bound - 1e-9 for cost, bound in zip(oracle, bounds, strict=True))


def test_what_is_filled_in_one_route_never_costs_less_than_the_oracle() -> None:
    compared = 0
    for regime in (CALM, VOLATILE):
        flow = [make_order(SEED, regime, index) for index in range(60)]
        for router in routers():
            if router.name in ("sweep", "split", "pro rata", "best quote"):
                found = run_router(router, flow, Delays(), NO_OUTFLOWS, warm_up=0)
                for outcome, (order, drawn) in zip(found, flow, strict=True):
                    resting = order.limit is not None and order.tif is not TimeInForce.IOC
                    if outcome.routes == 1 and outcome.filled == outcome.quantity and not resting:
                        compared += 1
                        assert outcome.cost >= at_arrival(order, drawn, Delays()).cost - 1e-9
    assert compared > 100


def test_the_same_seed_gives_the_same_outcomes() -> None:
    flow = [make_order(SEED, DARK_RICH, index) for index in range(15)]
    for router in routers():
        first, second = (run_router(router, flow, Delays(), NO_OUTFLOWS, warm_up=5) for _ in range(2))
        assert first == second and len(first) == 10, router.name


def test_a_router_knows_nothing_of_venues_before_its_own_children_came_back() -> None:
    seen: list[Market] = []

    def spy(request: Request, market: Market) -> Decision:
        seen.append(market)
        return Decision(legs=(leg("XNYS", request.quantity, "100.00"), leg("DRKA", 100, "101.00")))

    flow = [
        (market_order(300, TimeInForce.IOC), episode({"XNYS": side(Level(100_00, 200, 50))}))
        for _ in range(3)
    ]
    run_router(Router("spy", spy, True), flow, NOW, NO_OUTFLOWS, warm_up=0)
    assert {stats.orders for stats in seen[0].stats.values()} == {0}
    assert seen[2].stats["XNYS"].orders == 2
    assert seen[2].stats["XNYS"].hidden_ppm > 0 and seen[2].stats["XNAS"].orders == 0
    assert seen[0].beliefs["DRKA"] != seen[2].beliefs["DRKA"]


def test_an_order_that_finds_nothing_ends_after_the_cores_bound_and_an_ioc_order_after_one_route() -> None:
    def nothing(_request: Request, _market: Market) -> Decision:
        return Decision(reason="NO_LIQUIDITY")

    world = dataclasses.replace(episode({}), horizon_us=2**40)
    for tif, routes in ((TimeInForce.DAY, FRUITLESS_ROUTES_MAX), (TimeInForce.IOC, 1)):
        session = Session(
            Router("nothing", nothing, True), market_order(100, tif), world, NOW, Memory(CALM), NO_OUTFLOWS
        )
        outcome = session.run()
        assert outcome.routes == routes and outcome.filled == 0
        assert outcome.cost > 0.0, "not filling is never free"


def test_what_is_left_is_routed_again_with_what_was_visited() -> None:
    requests: list[Request] = []

    def one_venue(request: Request, _market: Market) -> Decision:
        requests.append(request)
        name = "XNYS" if len(requests) == 1 else "XNAS"
        return Decision(legs=(leg(name, request.quantity, "100.00"),))

    book = side(Level(100_00, 200, 0))
    world = episode({"XNYS": book, "XNAS": book})
    delays = dataclasses.replace(NOW, stale_us=5_000)
    memory = Memory(CALM)
    outcome = Session(
        Router("one", one_venue, True), market_order(300), world, delays, memory, NO_OUTFLOWS
    ).run()
    assert outcome.filled == 300 and [request.quantity for request in requests] == [300, 100]
    (visit,) = requests[1].visits
    assert (visit.venue_id, visit.sent, visit.filled, visit.in_book) == ("XNYS", 300, 200, False)


def test_outflows_are_learned_from_public_quotes() -> None:
    episodes = (make_episode(SEED, CALM, 900_000 + number, 2_000_000) for number in range(3))
    outflows = watch_quotes(episodes, 1_000_000)
    for buy in (True, False):
        samples = outflows.near(buy=buy)
        drawn = [sample for found in samples.values() for sample in found]
        assert set(samples) == {venue.venue_id for venue in CALM.lit}
        assert min(drawn) >= 0 and max(drawn) > 0


def test_an_interval_is_seeded_and_covers_the_mean_as_often_as_it_says() -> None:
    chance = np.random.default_rng(SEED)
    covered, trials = 0, 200
    weights = statistics.resamples(80, SEED, count=500)
    ones = np.ones(80)
    for _ in range(trials):
        interval = statistics.ratio(chance.normal(1.0, 2.0, 80), ones, weights)
        covered += interval.low <= 1.0 <= interval.high
    assert 0.88 * trials <= covered <= 0.99 * trials, f"seed {SEED}: {covered} of {trials}"
    assert np.array_equal(weights, statistics.resamples(80, SEED, count=500))


def test_the_oracle_captures_everything_and_the_naive_router_nothing() -> None:
    naive, oracle = np.array([3.0, 5.0, 4.0]), np.array([1.0, 2.0, 2.0])
    weights = statistics.resamples(3, SEED)
    assert statistics.captured(naive, oracle, oracle, weights) == (1.0, 1.0, 1.0)
    assert statistics.captured(naive, naive, oracle, weights) == (0.0, 0.0, 0.0)
    half = statistics.captured(naive, (naive + oracle) / 2, oracle, weights)
    assert all(math.isclose(value, 0.5) for value in half)


def test_the_command_prints_its_seed_and_writes_figures_and_plots(tmp_path: Path) -> None:
    figures = tmp_path / "lab.json"
    arguments = ["--seed", "3", "--orders", "50", "--regime", "wide", "--no-delays"]
    result = CliRunner().invoke(sor_lab, [*arguments, "--out", str(tmp_path), "--json", str(figures)])
    assert result.exit_code == 0, result.output
    assert "seed 3" in result.output
    found = json.loads(figures.read_text())
    assert found["seed"] == 3
    assert set(found["regimes"][0]["figures"]["all"]) == {router.name for router in routers()} | {"oracle"}
    for name in ("captured.png", "captured.svg", "cost.png", "cost.svg"):
        assert (tmp_path / name).stat().st_size > 10_000


def test_progress_says_which_step_of_how_many_and_what_is_left() -> None:
    said: list[str] = []
    now_s = iter((0.0, 10.0, 40.0))
    steps = Steps(3, said.append, lambda: next(now_s))
    for name in ("a", "b", "c"):
        steps(name)
    assert said == ["1 of 3: a", "2 of 3, about 20 s left: b", "3 of 3, about 20 s left: c"]


def test_a_regime_and_a_sweep_take_as_many_steps_as_they_say() -> None:
    said: list[str] = []
    run_regime(SEED, CALM, 50, Delays(), said.append)
    assert len(said) == REGIME_STEPS
    said.clear()
    run_sweep(SEED, CALM, 50, said.append)
    assert len(said) == SWEEP_STEPS


def test_an_unknown_regime_is_refused_with_the_known_ones() -> None:
    result = CliRunner().invoke(sor_lab, ["--regime", "mars"])
    assert result.exit_code == 2
    assert "expected of calm, wide, volatile, fragmented, fees, dark, found mars" in result.output


def test_the_bench_times_every_decision_once() -> None:
    ticks = iter(range(0, 10**9, 1_000))
    timing = measure(StrategyName.SWEEP, decisions=100, stopwatch=lambda: next(ticks))
    assert (timing.decisions, timing.p50_us, timing.p99_us) == (100, 1.0, 1.0)
    assert timing.within
    assert price_of(12_345) == Decimal("123.45")
