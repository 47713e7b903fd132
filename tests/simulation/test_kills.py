"""Kill switches drawn at any time among every other fault: what must hold does, and breaking it is found."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from execution_adapter.domain.gate import WireGate
from oms_core.domain.flatten import Look
from oms_core.handlers import _look_at_position
from oms_platform.kill_switches import KillSwitch, Owner
from oms_platform.vocabulary import ChildTerms
from oms_tools.simulation.command import run_seed
from oms_tools.simulation.kills import FLATTEN, KILL, KILLED, UNREAD
from oms_tools.simulation.rules import CLOSES
from oms_tools.simulation.world import FAULTS

EVERY = (*FAULTS, KILL)
HAPPENED = ("kill set", "kill raised", "kill released", "kills unread")


def test_whatever_is_stopped_and_whenever_nothing_that_must_hold_breaks() -> None:
    happened: Counter[str] = Counter()
    for seed in range(1, 13):
        result = run_seed(seed, 120, EVERY)
        assert result.violation is None, result.violation
        assert result.outcomes["open"] == 0
        happened += result.faults
    assert all(happened[what] for what in HAPPENED), happened


def found(*seeds: int, orders: int = 120) -> set[str]:
    """Return the rules that runs of some seeds break. Which seed finds a fault changes with the code."""
    results = [run_seed(seed, orders, EVERY) for seed in seeds]
    return {result.violation.rule for result in results if result.violation is not None}


def test_a_gate_that_does_not_ask_for_the_switches_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WireGate, "_killed", lambda _gate, _child, _kills: "")
    assert found(2, 7, 57) == {KILLED, UNREAD}


def test_a_gate_that_takes_what_it_does_not_know_for_another_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stranger = Owner("nobody", "nothing")

    def is_stopped(gate: WireGate, child: ChildTerms, switch: KillSwitch) -> bool:
        kills = gate.kills.known()
        return switch.stops(kills.thing(child.account_id, child.symbol, stranger, child.venue_id))

    monkeypatch.setattr(WireGate, "is_stopped", is_stopped)
    assert KILLED in found(83, orders=400)


def test_a_core_that_cancels_without_a_reason_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oms_core.domain.kills.reason_of", lambda _switch: "")
    assert "an order that a kill switch ends says by which" in found(*range(1, 13))


FLATTENING = (*EVERY, FLATTEN)


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what is closed be closed within a run: its time is half a minute, all in all."""
    for name, milliseconds in (
        ("SETTLE", 50), ("PATIENCE", 300), ("LOOK_EVERY", 20), ("NEXT_ROUND", 50), ("EMPTY_ROUND_FIRST", 50),
    ):  # fmt: skip
        monkeypatch.setattr(f"oms_core.domain.flatten.{name}", timedelta(milliseconds=milliseconds))


@pytest.mark.usefixtures("soon")
def test_what_is_flattened_never_opens_whatever_goes_wrong_and_ends_flat_when_nothing_does() -> None:
    happened: Counter[str] = Counter()
    for seed in range(1, 13):
        result = run_seed(seed, 300, FLATTENING)
        assert result.violation is None, result.violation
        assert result.outcomes["open"] == 0
        happened += result.faults
    assert happened["kill flattens"] > 24 and happened["kill closes"] > 60, happened


@pytest.mark.usefixtures("soon")
def test_a_core_that_closes_what_others_may_close_too_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def alone(*given: Any) -> Look:
        return replace(_look_at_position(*given), others=0, others_open=0)

    monkeypatch.setattr("oms_core.handlers._look_at_position", alone)
    results = [run_seed(seed, 300, FLATTENING) for seed in (1, 2, 4, 10)]
    assert CLOSES in {one.violation.rule for one in results if one.violation is not None}
