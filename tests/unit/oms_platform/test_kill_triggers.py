"""What sets switches by itself: thresholds, windows, releases, shadows, and whose facts count."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from oms_platform.ids import uuid7
from oms_platform.kill_switches import Asked, Kills, Stage, Trigger, TriggerKind
from oms_platform.kill_triggers import TriggerWatch
from oms_platform.scopes import EVERYTHING, Scope

RATE = TriggerKind.REJECT_RATE
AT_XNYS = Scope(venue="XNYS", account="A", symbol="S")


def trigger(**changes: Any) -> Trigger:
    fields: dict[str, Any] = {
        "trigger_id": uuid7(), "kind": RATE.name, "scope": Scope(venue="XNYS"), "threshold": 3,
        "window_s": 10, "stage": Stage.CANCEL, "mode": "ON",
    }  # fmt: skip
    return Trigger(**(fields | changes))


class Watch:
    """A watch of one trigger, and what it asked for."""

    def __init__(self, one: Trigger) -> None:
        self.watch, self.asked = TriggerWatch(RATE), list[Asked]()
        self.follow(one)

    def follow(self, *triggers: Trigger) -> None:
        self.watch.follow(Kills(triggers=triggers))

    def facts(self, at_s: float, count: int = 1, thing: Scope = AT_XNYS, kind: TriggerKind = RATE) -> int:
        for _ in range(count):
            self.watch.note(kind, thing, at_s)
        self.watch.look(at_s, self.asked.append)
        return len(self.asked)


def test_below_the_threshold_nothing_is_asked_for_and_at_it_the_switch_is_with_the_figures() -> None:
    watch = Watch(trigger())
    assert watch.facts(0.0, 2) == 0
    assert watch.facts(9.0) == 1
    (asked,) = watch.asked
    assert asked.scope == Scope(venue="XNYS")
    assert asked.figures == "3 rejects of venues within a window of 10 s, threshold 3"


def test_what_is_older_than_the_window_counts_no_more() -> None:
    watch = Watch(trigger())
    watch.facts(0.0, 2)
    assert watch.facts(10.0, 1) == 0
    assert watch.facts(11.0, 2) == 1


def test_the_same_facts_ask_once_in_a_window() -> None:
    watch = Watch(trigger())
    assert [watch.facts(second, 3) for second in (0.0, 5.0, 9.0)] == [1, 1, 1]
    assert watch.facts(10.5, 3) == 2


def test_facts_of_other_things_and_of_other_kinds_do_not_count() -> None:
    watch = Watch(trigger())
    assert watch.facts(0.0, 5, Scope(venue="XNAS")) == 0
    assert watch.facts(0.0, 5, kind=TriggerKind.EXCEPTIONS) == 0
    # What may be within is not counted as if it were.
    assert watch.facts(0.0, 5, Scope(account="A")) == 0
    everything = Watch(trigger(scope=EVERYTHING))
    assert everything.facts(0.0, 3, Scope(venue="XNAS")) == 1


@pytest.mark.parametrize(("changes", "asks"), [({"mode": "SHADOW"}, 0), ({"is_set": True}, 0), ({}, 1)])
def test_a_shadow_and_one_whose_switch_is_set_ask_for_nothing(changes: dict[str, Any], asks: int) -> None:
    assert Watch(trigger(**changes)).facts(0.0, 5) == asks


def test_what_was_before_a_release_does_not_set_the_switch_again() -> None:
    one = trigger()
    watch = Watch(one)
    watch.facts(0.0, 3)
    watch.follow(replace(one, is_set=True))
    assert watch.facts(1.0, 2) == 1
    released = replace(one, released_at=datetime(2026, 1, 2, tzinfo=UTC))
    watch.follow(released)
    assert watch.facts(2.0, 2) == 1
    assert watch.facts(3.0, 1) == 2


def test_a_trigger_of_a_kind_that_is_counted_elsewhere_is_none_of_ours() -> None:
    watch = Watch(trigger(kind=TriggerKind.MESSAGE_RATE.name))
    assert not watch.watch.counts
    assert watch.facts(0.0, 5, kind=TriggerKind.MESSAGE_RATE) == 0


@given(st.lists(st.integers(0, 30), max_size=40), st.integers(1, 5), st.integers(1, 10))
def test_it_asks_only_when_so_many_facts_were_within_its_window(
    seconds: list[int], threshold: int, window_s: int
) -> None:
    watch = Watch(trigger(threshold=threshold, window_s=window_s))
    facts = sorted(seconds)
    for index, second in enumerate(facts):
        before = len(watch.asked)
        if watch.facts(float(second)) > before:
            within = [one for one in facts[: index + 1] if one > second - window_s]
            assert len(within) >= threshold
