"""A core as a member of a consumer group, as on a cluster: partitions come after its start, not with it."""

import threading
from datetime import timedelta
from typing import Any

import pytest

from oms_core import bootstrap
from oms_core.config import Settings
from oms_core.domain import machine
from oms_core.entrypoints.loop import CoreLoop
from oms_platform.health import Health
from oms_platform.kafka.settings import KafkaSettings
from oms_platform.vocabulary import ExecType
from oms_platform.wire import Topic
from oms_platform.worker import StopFlag
from tests.integration.test_core import Desk1, desk, running_core, until
from tests.ports import free_port

__all__ = ["desk"]


def test_an_order_that_waits_for_its_next_route_is_driven_on_by_the_core_that_gets_its_partition(
    memory_kafka: KafkaSettings, dsn: str, desk: Desk1, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Long enough that the first core stops before the wait is over; a member's join takes longer.
    monkeypatch.setattr(machine, "RETRY_DELAY_FIRST", timedelta(seconds=2))
    with running_core(memory_kafka, dsn):
        order = desk.submit()
        desk.place(order)
        desk.report(order, "E1", ExecType.CANCELED)
        deferred = "SELECT count(*) FROM order_events WHERE order_id = %s AND type = 'RouteDeferred'"
        until(lambda: desk.one(deferred, order.order_id), "a wait for the next route")
    assert len(desk.published(Topic.VALIDATED)) == 1

    monkeypatch.setattr(bootstrap, "QUOTES_AWAITED_S", 0.0)
    settings = Settings(
        postgres_dsn=dsn,
        kafka_bootstrap=memory_kafka.bootstrap,
        kafka_assignment="group",
        health_port=free_port(),
        grpc_port=free_port(),
        market_data_port=free_port(),
    )
    stop = StopFlag()
    core = threading.Thread(target=bootstrap.run, args=(settings, Health(), stop))
    core.start()
    try:
        until(lambda: len(desk.published(Topic.VALIDATED)) == 2, "another route asked for")
    finally:
        stop.set()
        core.join(15)


def test_a_core_joins_its_group_when_it_has_its_quotes_and_not_before(
    memory_kafka: KafkaSettings, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    stop = StopFlag()
    build_loop = bootstrap.build_loop

    def join(*arguments: Any, **more: Any) -> CoreLoop:
        order.append("group joined")
        stop.set()
        return build_loop(*arguments, **more)

    monkeypatch.setattr(bootstrap, "build_loop", join)
    monkeypatch.setattr(bootstrap, "_await_quotes", lambda *_: order.append("quotes awaited"))
    settings = Settings(
        postgres_dsn=dsn,
        kafka_bootstrap=memory_kafka.bootstrap,
        kafka_assignment="group",
        health_port=free_port(),
        grpc_port=free_port(),
        market_data_port=free_port(),
    )
    bootstrap.run(settings, Health(), stop)
    assert order == ["quotes awaited", "group joined"]
