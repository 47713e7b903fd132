"""Alerts of limits: raised once, raised again when it gets worse, cleared when it is over, never invented."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms_core.config import Settings
from oms_core.domain.alerts import (
    BREACH,
    DEFAULT_LEVELS,
    INPUT_MISSING,
    STORED_EVERY,
    WARNING,
    Alert,
    AlertBook,
    Levels,
    Owner,
    read_value,
)
from oms_core.domain.risk.standing import Look, Standing
from oms_core.entrypoints.alert_messages import message_of
from oms_platform.risk_rules import Unit, shown_value
from oms_platform.scopes import Scope
from tests.unit.oms_core.orders import NOW

RULE, ACCOUNT, BOUND = "GROSS_EXPOSURE_EXCEEDED", Owner("ACC-1"), 1_000
SCOPE = Scope(account="ACC-1")


def book(alerts: Sequence[Alert] = (), home: int = 0) -> AlertBook:
    numbers = count(1 + len(alerts))
    return AlertBook(alerts, home=home, new_id=lambda: UUID(int=next(numbers)))


def seen(value: int, bound: int = BOUND, scope: Scope = SCOPE) -> Look:
    return Look([Standing(RULE, scope, value, bound, Unit.COUNT, "account=ACC-1")], [], set(), [])


NOTHING = Look([], [], set(), [])


# What a value does, and what an alert says of it each time: its level, share and how often it was raised.
WALKS = {
    "it stays within": ([500, 799], [None, None]),
    "it comes near": ([800], [(WARNING, 80, 1)]),
    "it wobbles about a share": ([800, 790, 805, 751, 800], [(WARNING, 80, 1)] * 5),
    "it leaves the margin": ([800, 749, 800], [(WARNING, 80, 1), None, (WARNING, 80, 1)]),
    "it gets worse": ([810, 900, 1_001], [(WARNING, 80, 1), (WARNING, 90, 2), (BREACH, 100, 3)]),
    "at the limit is no breach": ([1_000, 1_001], [(WARNING, 90, 1), (BREACH, 100, 2)]),
    "a breach wobbles": ([1_001, 990, 1_001, 951], [(BREACH, 100, 1)] * 4),
    "a breach is over": (
        [1_001, 940, 840, 700],
        [(BREACH, 100, 1), (WARNING, 90, 1), (WARNING, 80, 1), None],
    ),
    "it is raised again": ([1_001, 940, 1_001], [(BREACH, 100, 1), (WARNING, 90, 1), (BREACH, 100, 2)]),
}


@pytest.mark.parametrize("name", WALKS)
def test_an_alert_follows_its_value_by_levels_with_a_margin(name: str) -> None:
    values, expected = WALKS[name]
    kept = book()
    for value, wanted in zip(values, expected, strict=True):
        kept.take(ACCOUNT, seen(value), (), NOW)
        found = [(one.level, one.share_pct, one.times_raised) for one in kept.open]
        assert found == ([] if wanted is None else [wanted])


@pytest.mark.parametrize(("value", "bound", "share"), [(0, 0, 0), (1, 0, 100), (-5, 0, 0), (-5, 10, 0)])
def test_a_limit_of_nothing_is_passed_by_anything(value: int, bound: int, share: int) -> None:
    assert DEFAULT_LEVELS.reached(value, bound) == share


@given(st.lists(st.integers(-100, 1_500), max_size=40), st.lists(st.integers(50, 99), max_size=3))
def test_levels_never_jump_within_the_margin_and_a_breach_is_always_told(
    values: list[int], warns: list[int]
) -> None:
    levels = Levels(shares=(*sorted(set(warns)), 100), margin=5)
    numbers = count(1)
    kept = AlertBook((), levels, new_id=lambda: UUID(int=next(numbers)))
    raised = 0
    for value in values:
        before = {one.alert_id: one for one in kept.open}
        changed = kept.take(ACCOUNT, seen(value), (), NOW)
        assert len(kept.open) <= 1
        for one in kept.open:
            was = before.get(one.alert_id)
            raised += was is None
            # It stands at a share whose margin the value has not left.
            assert 100 * value >= (one.share_pct - 5) * BOUND
            assert one.worst >= one.value  # type: ignore[operator]
            if was is not None and one.times_raised > was.times_raised:
                assert one.share_pct > was.share_pct and one in changed
        assert (value > BOUND) <= any(one.level == BREACH for one in kept.open)
        cleared = [one for one in changed if one.cleared_at is not None]
        assert len(before) + len(kept.open) == 0 or len(cleared) <= 1
        assert all(100 * value < one.share_pct * BOUND for one in cleared)
    assert raised == next(numbers) - 1


def test_what_moves_within_its_share_is_stored_seldom_and_the_worst_at_once() -> None:
    kept = book()
    assert len(kept.take(ACCOUNT, seen(810), (), NOW)) == 1
    assert kept.take(ACCOUNT, seen(812), (), NOW) == []
    [worse] = kept.take(ACCOUNT, seen(830), (), NOW)
    assert (worse.version, worse.worst) == (2, 830)
    assert kept.take(ACCOUNT, seen(829), (), NOW + STORED_EVERY - timedelta(seconds=1)) == []
    [later] = kept.take(ACCOUNT, seen(828), (), NOW + STORED_EVERY)
    assert (later.version, later.value, later.worst) == (3, 828, 830)


def test_an_alert_is_cleared_when_there_is_no_limit_any_more_and_says_why() -> None:
    kept = book()
    kept.take(ACCOUNT, seen(1_200), (), NOW)
    [cleared] = kept.take(ACCOUNT, NOTHING, (), NOW + timedelta(seconds=1))
    assert cleared.cleared_at == NOW + timedelta(seconds=1)
    assert "no limit is set" in cleared.why_cleared and kept.open == []
    kept.take(ACCOUNT, seen(1_200), (), NOW)
    [within] = kept.take(ACCOUNT, seen(100), (), NOW)
    assert "within" in within.why_cleared and within.value == 100


def test_what_could_not_be_told_leaves_its_alert_and_is_one_of_its_own() -> None:
    kept = book()
    kept.take(ACCOUNT, seen(1_200), (), NOW)
    unknown = Look([], ["AAPL"], {RULE}, [])
    [missing] = kept.take(ACCOUNT, unknown, ["AAPL"], NOW)
    assert (missing.rule, missing.value, missing.level) == (INPUT_MISSING, "mark of AAPL", WARNING)
    assert {one.rule for one in kept.open} == {RULE, INPUT_MISSING}
    assert kept.take(ACCOUNT, unknown, ["AAPL"], NOW) == []
    [known] = kept.take(ACCOUNT, seen(1_200), (), NOW)
    assert known.rule == INPUT_MISSING and known.cleared_at == NOW
    assert [one.rule for one in kept.open] == [RULE]


def test_a_book_that_is_loaded_again_raises_nothing_anew() -> None:
    first = book()
    stored = first.take(ACCOUNT, seen(1_200), (), NOW)
    again = book(stored)
    assert again.take(ACCOUNT, seen(1_200), (), NOW + timedelta(hours=1)) == []
    [cleared] = again.take(ACCOUNT, seen(10), (), NOW + timedelta(hours=2))
    assert (cleared.alert_id, cleared.version) == (stored[0].alert_id, 2)


def test_of_a_firms_alerts_that_two_cores_had_one_stays() -> None:
    firm = Scope(firm="F")
    found = [*book(home=3).take(Owner("", 3), seen(1_200, scope=firm), (), NOW)]
    numbers = count(7)
    other = AlertBook((), home=9, new_id=lambda: UUID(int=next(numbers)))
    found += other.take(Owner("", 9), seen(1_100, scope=firm), (), NOW)
    merged = book(found, home=3)
    [dropped] = merged.drop_doubled(NOW)
    assert (dropped.partition, dropped.cleared_at) == (9, NOW)
    assert merged.drop_doubled(NOW) == []
    assert merged.take(merged.firms, seen(1_200, scope=firm), (), NOW) == []


@given(st.integers(-(10**18), 10**18), st.sampled_from([Unit.DOLLARS, Unit.COUNT, Unit.BASIS_POINTS]))
def test_a_value_is_read_as_it_was_shown(value: int, unit: Unit) -> None:
    assert read_value(unit, shown_value(unit, value)) == value


def test_an_alert_is_published_as_people_read_it() -> None:
    [alert] = book().take(ACCOUNT, seen(1_200), (), NOW)
    message = message_of(alert)
    assert (message.level, message.value, message.bound, message.headroom) == (BREACH, "1200", "1000", "-200")
    assert (message.scope, message.cleared_at) == ("account=ACC-1", None)


def test_levels_are_read_from_settings_and_what_is_no_level_is_refused_by_name() -> None:
    assert Levels(shares=core().alert_shares, margin=core().alert_margin_pct) == DEFAULT_LEVELS
    assert core(alert_warn_pcts="").alert_shares == (100,)
    assert core(alert_warn_pcts="75, 95").alert_shares == (75, 95, 100)
    for wrong in ("90,80", "80,80", "100", "49", "a"):
        with pytest.raises(ValueError, match="OMS_CORE_ALERT_WARN_PCTS"):
            core(alert_warn_pcts=wrong)
    with pytest.raises(ValueError, match="OMS_CORE_ALERT_MARGIN_PCT must be 0 to 49 points, was 50"):
        core(alert_margin_pct=50)


def core(**given: Any) -> Settings:
    return Settings(postgres_dsn="", health_port=1, grpc_port=1, kafka_bootstrap="x", **given)
