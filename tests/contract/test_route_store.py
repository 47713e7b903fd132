"""The stores of the router, in memory and in Postgres, keep the same promises."""

from collections.abc import Callable, Iterator
from contextlib import closing

import msgspec
import pytest

from oms_platform.ids import uuid7
from oms_platform.postgres import connect
from oms_platform.wire import Topic, encode
from sor_engine.adapters.memory_routes import InMemoryRouteStore
from sor_engine.adapters.postgres_decisions import PostgresSorReader
from sor_engine.adapters.postgres_routes import PostgresRouteStore
from sor_engine.handlers import explain_route
from sor_engine.ports import KeptRoute, PlannedRoute, RouteStore, UnstorableRouteError
from tests.unit.sor_engine.test_handlers import NOW, live, request

VALIDATED = (Topic.VALIDATED.value, 1)


class Kept:
    """A store, and how its routes are read back."""

    def __init__(self, store: RouteStore, read: Callable[..., list[KeptRoute]]) -> None:
        self.store, self.read = store, read


def without_order(route: PlannedRoute) -> str | None:
    return "no partition" if route.decided.plan.order_id.int == 0 else None


@pytest.fixture(params=["memory", "postgres"])
def kept(request: pytest.FixtureRequest) -> Iterator[Kept]:
    if request.param == "memory":
        memory = InMemoryRouteStore(without_order)
        yield Kept(memory, memory.routes)
        return
    dsn = request.getfixturevalue("dsn")
    with closing(connect(dsn, "contract")) as connection, closing(PostgresSorReader(dsn)) as reader:
        yield Kept(PostgresRouteStore(connection, "one"), reader.routes)


def test_a_route_is_stored_with_all_that_proves_it(kept: Kept) -> None:
    route = live(request(quantity=250))
    assert kept.store.store([route], {VALIDATED: 3}, NOW) == {}
    (found,) = kept.read(route.decided.plan.order_id)
    assert (found.plan, found.digest) == (route.decided.plan, route.decided.digest)
    explained = explain_route(found)
    assert explained.proven
    assert explained.explanation is not None
    assert explained.explanation.decision_us == route.decided.decision_us
    assert kept.read(uuid7()) == []


def test_the_first_plan_of_a_route_stands(kept: Kept) -> None:
    first = live(request())
    asked = msgspec.structs.replace(first.decided.inputs.request, quantity=7)
    kept.store.store([first], {}, NOW)
    assert kept.store.store([live(asked)], {}, NOW) == {
        (asked.order_id, asked.attempt): encode(first.decided.plan)
    }
    assert [route.plan for route in kept.read(asked.order_id)] == [first.decided.plan]


def test_a_batch_with_a_plan_that_is_refused_stores_nothing_and_the_plan_is_named(kept: Kept) -> None:
    good = live(request())
    bad = live(msgspec.structs.replace(request(), order_id=type(uuid7())(int=0)))
    with pytest.raises(UnstorableRouteError):
        kept.store.store([good, bad], {VALIDATED: 3}, NOW)
    assert kept.read(good.decided.plan.order_id) == []
    plan = bad.decided.plan
    assert list(kept.store.unstorable([good, bad])) == [(plan.order_id, plan.attempt)]
    assert kept.store.store([good], {VALIDATED: 3}, NOW) == {}
