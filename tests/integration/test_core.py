"""The core on real Postgres and Kafka: one effect a message, offsets with it, a restart that goes on."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from oms_core.adapters.postgres_store import GROUP, PostgresOrderStore
from oms_core.bootstrap import publish_left_over
from oms_core.domain.desk import Desk
from oms_core.domain.risk import TouchPrices
from oms_core.entrypoints.consumer import CoreLoop
from oms_core.handlers import Core
from oms_platform import ids, outbox
from oms_platform import messages as wire
from oms_platform.clock import utc_now
from oms_platform.kafka.consumers import BatchConsumer, Record, TailReader
from oms_platform.kafka.publisher import Publisher
from oms_platform.kafka.settings import KafkaSettings
from oms_platform.kafka.topics import ensure_topics, read_incarnation
from oms_platform.postgres import load_offsets
from oms_platform.wire import Topic
from oms_platform.worker import StopFlag
from tests.ingest import store_order, submit_order

WAIT_S = 15.0


class FixedQuoteBoard:
    """Every symbol at 99.99 / 100.01."""

    def touch(self, symbol: str) -> TouchPrices:
        return TouchPrices(bid=Decimal("99.99"), offer=Decimal("100.01"))


@contextmanager
def running_core(kafka: KafkaSettings, dsn: str) -> Iterator[CoreLoop]:
    """Run a core's start-up path and loop in a thread until the block ends."""
    with ExitStack() as stack:
        connection = stack.enter_context(closing(psycopg.connect(dsn, autocommit=True)))
        ensure_topics(kafka)
        incarnation = read_incarnation(kafka)
        outbox.reopen_for_incarnation(connection, "core", incarnation, utc_now())
        store = PostgresOrderStore(connection, incarnation)
        publisher = Publisher(kafka)
        publish_left_over(store, connection, publisher)
        core = Core(desk=Desk(), store=store, quotes=FixedQuoteBoard(), started_at=utc_now())

        def on_assigned(partitions: set[int]) -> None:
            core.desk = store.load_desk(partitions)

        consumer = BatchConsumer(
            kafka,
            group=GROUP,
            topics=(Topic.INBOUND, Topic.FILLS),
            incarnation=incarnation,
            load_offsets=lambda name, places: load_offsets(connection, GROUP, name, places),
            on_assigned=on_assigned,
        )
        stack.callback(consumer.close)
        loop = CoreLoop(
            core=core, store=store, consumer=consumer, publisher=publisher, clock=utc_now, day_ends=None
        )
        loop.schedule_stored_retries()
        stop = StopFlag()
        thread = threading.Thread(target=loop.run, args=(stop,))
        thread.start()
        try:
            yield loop
        finally:
            stop.set()
            thread.join(10)


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait until the condition is truthy and return it."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    pytest.fail(f"{what} did not happen within {WAIT_S} s")


class Desk1:
    """Sends messages as the api and the adapter do, and reads what the core stored."""

    def __init__(self, kafka: KafkaSettings, dsn: str) -> None:
        self.publisher = Publisher(kafka)
        self.db = psycopg.connect(dsn, autocommit=True)

    def send(self, topic: Topic, key: str, message: wire.Message) -> None:
        self.publisher.send(topic.value, key, message, event_id=ids.uuid7())
        self.publisher.flush()

    def submit(self, **changes: object) -> wire.SubmitOrder:
        order = submit_order(**changes)
        store_order(self.db, order)
        self.send(Topic.INBOUND, order.account_id, order)
        return order

    def place(self, order: wire.SubmitOrder, attempt: int = 1) -> str:
        until(lambda: self.row(order)[0] != "NEW", "the order taken by the core")
        child = ids.child_cl_ord_id(order.order_id, attempt, 1)
        leg = wire.PlacedLeg(
            cl_ord_id=child,
            venue_id="XNYS",
            quantity=order.quantity,
            limit_price=Decimal(100),
            time_in_force=order.time_in_force,
        )
        placed = wire.RoutePlaced(
            route_id=ids.route_id(order.order_id, attempt),
            order_id=order.order_id,
            account_id=order.account_id,
            attempt=attempt,
            legs=(leg,),
            placed_at=utc_now(),
        )
        self.send(Topic.FILLS, order.account_id, placed)
        return child

    def report(self, order: wire.SubmitOrder, exec_id: str, kind: wire.ExecType, quantity: int = 0) -> None:
        report = wire.ExecutionReport(
            order_id=order.order_id, account_id=order.account_id,
            cl_ord_id=ids.child_cl_ord_id(order.order_id, 1, 1), venue_id="XNYS", exec_id=exec_id,
            exec_type=kind, symbol=order.symbol, side=order.side,
            order_qty=order.quantity, last_qty=quantity, last_px=Decimal(100) if quantity else None,
            transact_time=utc_now(), received_at=utc_now(),
        )  # fmt: skip
        self.send(Topic.FILLS, order.account_id, report)

    def row(self, order: wire.SubmitOrder) -> tuple[str, int, int]:
        found = self.db.execute(
            "SELECT status, cum_qty, leaves_qty FROM orders WHERE order_id = %s", [order.order_id]
        ).fetchone()
        assert found is not None
        return found

    def until_row(self, order: wire.SubmitOrder, *expected: object) -> None:
        until(lambda: self.row(order) == expected, f"order at {expected}, is {self.row(order)}")

    def one(self, query: str, *values: object) -> Any:
        found = self.db.execute(query, values).fetchone()
        assert found is not None
        return found[0]


@pytest.fixture
def desk(memory_kafka: KafkaSettings, dsn: str) -> Iterator[Desk1]:
    ensure_topics(memory_kafka)
    desk = Desk1(memory_kafka, dsn)
    yield desk
    desk.db.close()


def test_an_order_is_accepted_routed_and_filled_with_position_reservation_and_events(
    memory_kafka: KafkaSettings, dsn: str, desk: Desk1
) -> None:
    tail = TailReader(memory_kafka, Topic.EVENTS)
    with running_core(memory_kafka, dsn):
        order = desk.submit()
        desk.until_row(order, "ACKNOWLEDGED", 0, 100)
        assert desk.one("SELECT quantity FROM reservations WHERE order_id = %s", order.order_id) == 100
        assert desk.one("SELECT count(*) FROM outbox WHERE writer = 'core' AND type = 'RouteRequest'") == 1
        desk.place(order)
        desk.report(order, "E1", wire.ExecType.TRADE, 40)
        desk.until_row(order, "PARTIALLY_FILLED", 40, 60)
        desk.report(order, "E2", wire.ExecType.TRADE, 60)
        desk.until_row(order, "FILLED", 100, 0)
    assert desk.one("SELECT count(*) FROM reservations") == 0
    position = desk.db.execute("SELECT quantity, cost, net_cash FROM positions").fetchall()
    assert position == [(100, Decimal(10_000), Decimal(-10_000))]
    records: list[Record] = []
    until(lambda: records.extend(tail.poll(0.2)) or len(records) >= 5, "five events")
    seen = [record.message for record in records if isinstance(record.message, wire.OrderEvent)]
    assert [event.type for event in seen] == [
        "OrderAccepted", "RouteRequested", "RoutePlaced", "TradeApplied", "TradeApplied",
    ]  # fmt: skip
    assert [event.stream_sequence for event in seen] == [1, 2, 3, 4, 5]


def test_every_message_twice_has_one_effect(memory_kafka: KafkaSettings, dsn: str, desk: Desk1) -> None:
    with running_core(memory_kafka, dsn):
        order = submit_order()
        store_order(desk.db, order)
        for _ in range(2):
            desk.send(Topic.INBOUND, order.account_id, order)
        for _ in range(2):
            desk.place(order)
        for _ in range(2):
            desk.report(order, "E1", wire.ExecType.TRADE, 100)
        desk.until_row(order, "FILLED", 100, 0)
        after = desk.submit()
        desk.until_row(after, "ACKNOWLEDGED", 0, 100)
    assert desk.one("SELECT count(*) FROM executions") == 1
    assert desk.one("SELECT count(*) FROM order_events WHERE order_id = %s", order.order_id) == 5


def test_a_denied_order_is_rejected_with_rule_value_and_limit(
    memory_kafka: KafkaSettings, dsn: str, desk: Desk1
) -> None:
    with running_core(memory_kafka, dsn):
        order = desk.submit(account_id="ACC-RET-001", quantity=10_001)
        desk.until_row(order, "REJECTED", 0, 0)
    text = desk.one("SELECT text FROM orders WHERE order_id = %s", order.order_id)
    assert text == "ORDER_QTY_EXCEEDS_MAX: quantity=10001, limit=10000"
    assert desk.one("SELECT count(*) FROM outbox WHERE writer = 'core'") == 0


def test_a_cancel_asks_the_adapter_and_ends_with_the_childs_report(
    memory_kafka: KafkaSettings, dsn: str, desk: Desk1
) -> None:
    with running_core(memory_kafka, dsn):
        order = desk.submit()
        desk.place(order)
        cancel = wire.CancelOrder(
            request_id=ids.uuid7(),
            order_id=order.order_id,
            account_id=order.account_id,
            received_at=utc_now(),
        )
        desk.send(Topic.INBOUND, order.account_id, cancel)
        desk.until_row(order, "PENDING_CANCEL", 0, 100)
        assert desk.one("SELECT count(*) FROM outbox WHERE type = 'CancelChildren'") == 1
        desk.report(order, "E1", wire.ExecType.CANCELED)
        desk.until_row(order, "CANCELED", 0, 0)


def test_a_cancel_that_overtakes_its_order_takes_the_order_first(
    memory_kafka: KafkaSettings, dsn: str, desk: Desk1
) -> None:
    order = submit_order()
    store_order(desk.db, order)
    with running_core(memory_kafka, dsn):
        cancel = wire.CancelOrder(
            request_id=ids.uuid7(),
            order_id=order.order_id,
            account_id=order.account_id,
            received_at=utc_now(),
        )
        desk.send(Topic.INBOUND, order.account_id, cancel)
        desk.send(Topic.INBOUND, order.account_id, order)
        desk.until_row(order, "PENDING_CANCEL", 0, 100)
    assert desk.one("SELECT count(*) FROM order_events WHERE type = 'OrderAccepted'") == 1


def test_a_restarted_core_goes_on_where_the_last_one_was(
    memory_kafka: KafkaSettings, dsn: str, desk: Desk1
) -> None:
    with running_core(memory_kafka, dsn):
        order = desk.submit()
        desk.place(order)
        desk.report(order, "E1", wire.ExecType.TRADE, 40)
        desk.until_row(order, "PARTIALLY_FILLED", 40, 60)
    desk.report(order, "E1", wire.ExecType.TRADE, 40)
    desk.report(order, "E2", wire.ExecType.TRADE, 60)
    with running_core(memory_kafka, dsn) as loop:
        desk.until_row(order, "FILLED", 100, 0)
        exposure = loop._core.desk.exposures["ACC-INST-001"]
        assert (exposure.reserved, exposure.gross_cost) == (0, 10_000)


def test_a_late_fill_of_an_order_closed_in_an_earlier_life_still_counts(
    memory_kafka: KafkaSettings, dsn: str, desk: Desk1
) -> None:
    with running_core(memory_kafka, dsn):
        order = desk.submit(time_in_force=wire.TimeInForce.IOC)
        desk.place(order)
        desk.report(order, "E1", wire.ExecType.CANCELED)
        desk.until_row(order, "CANCELED", 0, 0)
    with running_core(memory_kafka, dsn):
        desk.report(order, "E2", wire.ExecType.TRADE, 10)
        desk.until_row(order, "CANCELED", 10, 0)


def test_after_kafka_lost_everything_live_orders_outbox_rows_are_published_again(
    memory_kafka: KafkaSettings, dsn: str, desk: Desk1
) -> None:
    with running_core(memory_kafka, dsn):
        order = desk.submit()
        desk.until_row(order, "ACKNOWLEDGED", 0, 100)
        until(
            lambda: desk.one("SELECT count(*) FROM outbox WHERE published_at IS NULL") == 0, "outbox marked"
        )
    reopened = outbox.reopen_for_incarnation(desk.db, "core", "another incarnation", utc_now())
    assert reopened == 1
    assert outbox.reopen_for_incarnation(desk.db, "core", "another incarnation", utc_now()) == 0


def test_poison_goes_to_the_dead_letter_topic_with_its_reason_and_the_rest_go_on(
    memory_kafka: KafkaSettings, dsn: str, desk: Desk1
) -> None:
    producer = Producer({"bootstrap.servers": memory_kafka.bootstrap, "partitioner": "murmur2_random"})
    producer.produce("orders.inbound", b"{not json", b"ACC-INST-001", headers={"type": b"SubmitOrder"})
    producer.flush()
    stranger = submit_order()
    with running_core(memory_kafka, dsn):
        desk.report(stranger, "E1", wire.ExecType.TRADE, 1)
        order = desk.submit()
        desk.until_row(order, "ACKNOWLEDGED", 0, 100)
        reasons = until(lambda: dead_letters(memory_kafka, 2), "two dead letters")
    assert sorted(reason.split(":")[0] for reason in reasons) == ["SubmitOrder", "UnknownOrderError"]


def dead_letters(kafka: KafkaSettings, count: int) -> list[str]:
    """Return the reasons in the dead-letter topics, once there are `count`."""

    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "t", "fetch.wait.max.ms": 5})
    topics = ("orders.inbound.dlq", "executions.fills.dlq")
    consumer.assign([TopicPartition(topic, number, 0) for topic in topics for number in range(4)])
    found = [
        dict(item.headers() or [])["reason"].decode()
        for item in consumer.consume(count, 2.0)
        if not item.error()
    ]
    consumer.close()
    return found if len(found) >= count else []
