"""What the adapter tells core again when Kafka is another one than before."""

from execution_adapter.adapters.memory_children import InMemoryChildStore
from execution_adapter.domain.resumption import Checkpoint
from execution_adapter.entrypoints.start_up import republish_to_new_kafka
from execution_adapter.ports import Writes
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
