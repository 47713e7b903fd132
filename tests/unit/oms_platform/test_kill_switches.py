"""What a switch stops, by every kind of name, known and not; how old what is known of switches may be."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms_platform import kill_feed
from oms_platform.errors import OperationalError
from oms_platform.ids import uuid7
from oms_platform.kill_feed import KillFeed, require_age
from oms_platform.kill_switches import NO_NAME, Kills, KillSwitch, Owner, Stage
from oms_platform.postgres import PostgresUnavailableError
from oms_platform.scopes import EVERYTHING, KINDS, Scope

NAMES = st.sampled_from(["", "a", "b"])
SCOPES = st.builds(Scope, **{kind.value: NAMES for kind in KINDS})


def switch(scope: Scope) -> KillSwitch:
    return KillSwitch(switch_id=uuid7(), scope=scope, reason="drill")


@given(SCOPES, SCOPES)
def test_a_switch_stops_what_it_covers_and_what_may_be_within_and_nothing_that_is_not(
    scope: Scope, thing: Scope
) -> None:
    known = all(thing.name(kind) for kind in scope.kinds)
    contradicts = any(thing.name(kind) not in ("", scope.name(kind)) for kind in scope.kinds)
    assert switch(scope).stops(thing) is not contradicts
    if known:
        assert switch(scope).stops(thing) is scope.covers(thing)


@given(SCOPES)
def test_what_certainly_has_no_name_of_a_kind_is_in_no_scope_that_gives_one(scope: Scope) -> None:
    thing = Scope(**{kind.value: NO_NAME for kind in KINDS})
    assert switch(scope).stops(thing) is (scope == EVERYTHING)


def test_an_order_that_is_at_no_venue_is_stopped_by_no_venues_switch() -> None:
    kills = Kills(switches=(switch(Scope(venue="XNYS")),))
    assert kills.stop_of(kills.thing("ACC", "AAPL", Owner("t", NO_NAME))) is None
    assert kills.stop_of(kills.thing("ACC", "AAPL", Owner("t", NO_NAME), "XNYS")) is not None


@pytest.mark.parametrize(
    ("age_s", "taken"), [(0.9, False), (1.0, True), (2.0, True), (10.0, True), (10.1, False)]
)
def test_an_age_that_is_no_bound_is_refused_by_its_setting(age_s: float, taken: bool) -> None:
    if taken:
        require_age("OMS_X_KILLS_AGE_S_MAX", age_s)
    else:
        with pytest.raises(ValueError, match=f"OMS_X_KILLS_AGE_S_MAX must be 1 to 10 seconds, was {age_s}"):
            require_age("OMS_X_KILLS_AGE_S_MAX", age_s)


# ---- the feed, on a database that comes and goes


class Rows:
    def __init__(self, rows: list[Any]) -> None:
        self._rows = rows

    def fetchall(self) -> list[Any]:
        return self._rows


class Database:
    """As much of a connection as the feed asks for. away: nothing answers."""

    def __init__(self) -> None:
        self.away, self.version = False, 1
        self.switches: list[tuple[Any, ...]] = []
        self.effects: list[list[str]] = []
        self.asked: list[tuple[Any, ...]] = []
        self.reads = 0

    def execute(self, statement: str, values: Any = ()) -> Rows:
        if self.away:
            raise PostgresUnavailableError("away")
        if statement.startswith("INSERT INTO kill_switch_effects"):
            self.effects.append([column[1:-1].strip('"') for column in values])
        elif statement.startswith("INSERT INTO kill_switches"):
            self.asked.append(values)
        elif "reference_versions" in statement:
            return Rows([("switches", self.version)])
        elif "FROM kill_switches" in statement and "kill_triggers" not in statement:
            self.reads += 1
            return Rows(self.switches)
        return Rows([])

    @contextmanager
    def cursor(self) -> "Iterator[Database]":
        yield self

    def close(self) -> None:
        pass

    def set(self, scope: dict[str, str], stage: Stage = Stage.BLOCK) -> Any:
        self.version += 1
        self.switches = [(uuid7(), scope, stage.value, "drill")]
        return self.switches[0][0]


class Scene:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s, self.database = 100.0, Database()
        monkeypatch.setattr(kill_feed, "connect", self._connect)
        self.feed = KillFeed("dsn", "test", "me", age_s_max=2.0, monotonic_s=lambda: self.now_s)

    def _connect(self, _dsn: str, _name: str) -> Any:
        if self.database.away:
            raise PostgresUnavailableError("away")
        return self.database


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(monkeypatch)


def test_before_the_first_look_nobody_may_go_by_what_is_known(scene: Scene) -> None:
    assert scene.feed.known().unread == "kill switches were looked at never, limit_s=2"
    assert scene.feed.problem() is not None
    scene.feed.look()
    assert (scene.feed.known().unread, scene.feed.problem()) == ("", None)


def test_a_feed_that_cannot_look_does_not_start(scene: Scene) -> None:
    scene.database.away = True
    with pytest.raises(OperationalError):
        scene.feed.start()


def test_what_is_known_counts_for_so_long_and_not_longer_and_still_says_what_it_was(scene: Scene) -> None:
    switch_id = scene.database.set({"symbol": "AAPL"})
    scene.feed.look()
    scene.database.away = True
    with pytest.raises(OperationalError):
        scene.feed.look()
    scene.now_s += 2.0
    assert scene.feed.known().unread == ""
    scene.now_s += 0.1
    kills = scene.feed.known()
    assert kills.unread == "kill switches were looked at 2.1 s ago, limit_s=2"
    assert [one.switch_id for one in kills.switches] == [switch_id]


def test_what_has_not_changed_is_not_read_again_and_is_the_same_thing(scene: Scene) -> None:
    scene.database.set({"symbol": "AAPL"})
    scene.feed.look()
    first = scene.feed.known()
    scene.feed.look()
    assert (scene.feed.known() is first, scene.database.reads) == (True, 1)
    scene.database.set({})
    scene.feed.look()
    assert [one.scope for one in scene.feed.known().switches] == [EVERYTHING]


def test_it_says_once_of_each_stage_that_it_goes_by_a_switch(scene: Scene) -> None:
    switch_id = scene.database.set({"desk": "D"})
    for _ in range(3):
        scene.feed.look()
    scene.database.switches = [(switch_id, {"desk": "D"}, Stage.CANCEL.value, "drill")]
    scene.database.version += 1
    for _ in range(3):
        scene.feed.look()
    said = [values[:4] for values in scene.database.effects]
    assert said == [[switch_id.hex, stage, "test", "me"] for stage in ("BLOCK", "CANCEL")]
