"""What the adapter tells core again when Kafka is another one than before."""

from execution_adapter.adapters.memory_children import InMemoryChildStore
from execution_adapter.bootstrap import own_settings, sessions_problem, start_sessions
from execution_adapter.config import Settings as AdapterSettings
from execution_adapter.domain.resumption import Checkpoint
from execution_adapter.entrypoints.start_up import republish_to_new_kafka
from execution_adapter.ports import StoredSession, Writes
from oms_platform.messages import RoutePlan
from tests.unit.execution_adapter.orders import NOW, plan
from tests.unit.execution_adapter.test_handlers import Scene


def stored(made: RoutePlan) -> InMemoryChildStore:
    store = InMemoryChildStore()
    store.write(Writes(children=[(child, False) for child in made.children]), NOW)
    return store


def checkpoint(incarnation: str) -> Checkpoint:
    return Checkpoint(venue_id="XNYS", in_seq=1, incarnation=incarnation, offsets={}, recorded_at=NOW)


def test_routes_are_published_again_though_no_checkpoint_was_written_before_kafka_was_lost() -> None:
    scene, made = Scene(), plan(2)
    republish_to_new_kafka(stored(made), scene.manager, "second", NOW)
    assert scene.outlet.kinds() == ["RouteAnswer"]


def test_routes_are_published_again_to_an_incarnation_that_has_no_checkpoint() -> None:
    scene, store = Scene(), stored(plan())
    store.write_checkpoints([checkpoint("first")], {}, NOW)
    republish_to_new_kafka(store, scene.manager, "second", NOW)
    assert scene.outlet.kinds() == ["RouteAnswer"]


def test_nothing_is_published_again_to_an_incarnation_that_has_a_checkpoint() -> None:
    scene, store = Scene(), stored(plan())
    store.write_checkpoints([checkpoint("first")], {}, NOW)
    republish_to_new_kafka(store, scene.manager, "first", NOW)
    assert scene.outlet.kinds() == []


def test_the_adapter_is_ready_while_a_venue_is_up_or_all_are_out_on_purpose() -> None:
    both, none, one = frozenset(("A", "B")), frozenset[str](), frozenset("A")
    assert sessions_problem(["A", "B"], one, none) is None
    assert sessions_problem(["A", "B"], none, both) is None
    assert sessions_problem(["A", "B"], none, one) == "no venue logged on"
    assert sessions_problem(["A", "B"], none, none) == "no venue logged on"


def test_settings_that_cannot_be_used_keep_their_session_out_and_no_other() -> None:
    settings = AdapterSettings(
        postgres_dsn="", health_port=0, fix_host="127.0.0.1", fix_port=1, kafka_bootstrap="memory"
    )
    defaults = {venue_id: own_settings(settings, venue_id) for venue_id in ("A", "B")}
    stored = {
        "A": StoredSession(settings=None, problem="its settings ...", held_out="", numbers_began_at=None),
        "B": StoredSession(settings=None, problem="", held_out="logged out", numbers_began_at=None),
    }
    starts = start_sessions(stored, defaults)
    assert [starts[name].held_out for name in ("A", "B")] == ["its settings ...", "logged out"]
    assert starts["B"].settings.target_comp_id == "B"
