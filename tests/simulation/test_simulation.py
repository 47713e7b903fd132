"""The whole system under seeds: nothing that must hold breaks, and a seed gives the same run each time."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from oms_platform.vocabulary import AlgoStrategy, CancelCause
from oms_tools.simulation.command import run_seed, simulate
from oms_tools.simulation.faults import EXCEPTED, FALSE, RATES
from oms_tools.simulation.scheduler import RESTING_PEGS, Simulation
from oms_tools.simulation.world import FAULTS, KINDS, LOSING
from simulators.broker.protocol import FaultKind
from tests.simulation.planted import PLANTED

SEEDS = range(1, 25)
ORDERS = 120


@pytest.mark.parametrize("seed", SEEDS)
def test_no_invariant_breaks_while_everything_goes_wrong(seed: int) -> None:
    result = run_seed(seed, ORDERS)
    assert result.violation is None, result.violation
    assert sum(result.outcomes.values()) == ORDERS + len(RESTING_PEGS)
    assert result.outcomes["open"] == 0


# What brings about the faults that were found in this edition (docs/simulation.md), in short runs.
@pytest.mark.parametrize(
    "faults",
    [
        ("crash", "torn", "wipe"),
        ("wipe", "crash", "jump"),
        ("rebalance", "stall", "crash"),
        ("gateway", "jump", "stall"),
    ],
    ids="+".join,
)
def test_what_once_broke_something_breaks_nothing(faults: tuple[str, ...]) -> None:
    for seed in range(1, 5):
        assert run_seed(seed, 60, faults).violation is None


def test_without_faults_every_request_is_said_once() -> None:
    result = run_seed(1, 200, ())
    assert result.violation is None
    assert result.requests_said == result.requests_needed > 200


def test_a_backlog_is_not_added_to() -> None:
    lossless = tuple(fault for fault in FAULTS if fault not in LOSING)
    for seed in range(1, 4):
        result = run_seed(seed, ORDERS, lossless)
        assert result.violation is None, result.violation
        assert result.requests_said <= 1.1 * result.requests_needed


def test_every_fault_of_an_unkind_venue_is_sown_and_counted() -> None:
    sown: Counter[str] = Counter()
    for seed in range(1, 13):
        result = run_seed(seed, 300, ("unkind", "disconnect"))
        assert result.violation is None, result.violation
        sown += result.faults
        if set(KINDS) <= set(sown):
            return
    pytest.fail(f"never sown: {sorted(set(KINDS) - set(sown))}")


@pytest.mark.parametrize("kind", ["SESSION_RESET", "BUST", "REPEATED_EXEC_ID", "STATUS_REFUSED"])
def test_one_fault_of_an_unkind_venue_can_be_had_alone(kind: str) -> None:
    found: Counter[str] = Counter()
    for seed in range(1, 7):
        result = run_seed(seed, 60, (kind, "crash", "disconnect"))
        assert result.violation is None, result.violation
        found += result.faults
    assert set(KINDS) & set(found) == {kind}


# What becomes of an order that is worked over time: its events, and who ended it.
WORKED = {
    "AlgoPlanned", "SharesReleased", "TradeApplied", "OrderReplaced", "OrderSuspended", "OrderResumed",
    CancelCause.CLIENT.name, CancelCause.ALGO_END.name,
}  # fmt: skip


def test_every_strategy_is_drawn_and_replaced_suspended_resumed_canceled_and_ended_by_its_time() -> None:
    missing = {(strategy, what) for strategy in AlgoStrategy for what in WORKED}
    for seed in range(1, 21):
        run = Simulation(seed, 200, ("jump",))
        assert run.run().violation is None
        store = run.system.order_store
        for order in store.orders.values():
            if order.terms.algo is not None:
                events = store.events[order.order_id]
                causes = {one.cancel_requested.cause.name for one in events if one.cancel_requested}
                found = causes | {one.type for one in events}
                missing -= {(order.terms.algo.strategy, what) for what in found}
        if not missing:
            return
    pytest.fail(f"never drawn: {missing}")


def test_every_kind_of_fault_has_a_rate_and_what_is_false_an_exception() -> None:
    assert set(RATES) == set(FaultKind)
    assert set(EXCEPTED) - set(FALSE) == {FaultKind.OVERFILL}


def test_a_seed_gives_the_same_run_in_another_process() -> None:
    first = run_seed(11, ORDERS)
    assert first.violation is None
    assert run_seed(11, ORDERS).digest == first.digest
    assert run_seed(12, ORDERS).digest != first.digest
    other = subprocess.run(
        [
            sys.executable,
            "-c",
            f"from oms_tools.simulation.command import run_seed;print(run_seed(11, {ORDERS}).digest)",
        ],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout.strip() == first.digest


def test_the_command_prints_what_went_wrong_and_writes_the_figures(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    arguments = ["--seed", "3", "--seeds", "2", "--orders", "30", "--json", str(figures)]
    ran = CliRunner().invoke(simulate, arguments)
    assert ran.exit_code == 0, ran.output
    assert "invariants broken: 0" in ran.output
    written = json.loads(figures.read_text())
    assert (written["orders"], written["violations"]) == (60, [])
    assert set(written["sown"]) == set(KINDS)
    assert all(kind in ran.output for kind in KINDS)


def test_a_broken_invariant_is_printed_with_the_command_that_shows_it_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    planted = next(one for one in PLANTED if one.plant.__name__ == "memory_is_trusted_for_old_orders")
    planted.plant(monkeypatch)
    trace = tmp_path / "trace"
    ran = CliRunner().invoke(simulate, ["--seed", "1", "--orders", "150", "--trace", str(trace)])
    assert ran.exit_code == 1
    assert "again: oms simulate --seed 1 --orders 150 --faults all" in ran.output
    assert "CancelOrder" in trace.read_text()


def test_an_unknown_fault_is_refused_by_name() -> None:
    ran = CliRunner().invoke(simulate, ["--faults", "crash,rain"])
    assert ran.exit_code == 2
    assert "found rain" in ran.output
