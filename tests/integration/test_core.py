"""The core on real Postgres and Kafka: one effect a message, offsets with it, a restart that goes on."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from oms_core.adapters.postgres_store import GROUP, PostgresOrderStore
from oms_core.bootstrap import build_loop
from oms_core.domain.desk import Desk
from oms_core.domain.touch import TouchPrices
from oms_core.entrypoints.loop import CoreLoop
from oms_core.entrypoints.republication import ADAPTER_GROUP, ROUTER_GROUP
from oms_core.handlers import Core, handle
from oms_core.ports import AccountLostError, UnitOfWork
from oms_platform import ids, order_ids
from oms_platform.clock import utc_now
from oms_platform.kafka.consumers import TailReader
from oms_platform.kafka.ports import Record
from oms_platform.kafka.publisher import Publisher
from oms_platform.kafka.settings import KafkaSettings
from oms_platform.kafka.topics import begin_incarnation, ensure_topics, read_incarnation
from oms_platform.messages import (
    CancelOrder,
    ExecutionReport,
    OrderEvent,
    RouteAnswer,
    SubmitOrder,
)
from oms_platform.postgres import load_offsets
from oms_platform.vocabulary import ChildTerms, ExecType, Message, OrderType, RoutePlaced, TimeInForce
from oms_platform.wire import Topic, decode
from oms_platform.worker import StopFlag
from tests.ingest import PRICE, store_change, store_order, submit_order
from tests.patience import EVENTUALLY_S


class FixedQuoteBoard:
    """Every symbol at 99.99 / 100.01."""

    def touch(self, symbol: str) -> TouchPrices:
        return TouchPrices(bid_micros=99_990_000, offer_micros=100_010_000)


@contextmanager
def running_core(kafka: KafkaSettings, dsn: str) -> Iterator[CoreLoop]:
    """Run a core's start-up path and loop in a thread until the block ends."""
    with ExitStack() as stack:
        connection = stack.enter_context(closing(psycopg.connect(dsn, autocommit=True)))
        ensure_topics(kafka)
        incarnation = read_incarnation(kafka)
        store = PostgresOrderStore(connection, incarnation, kafka.partitions)
        loop = build_loop(
            Core(desk=Desk(), store=store, quotes=FixedQuoteBoard()),
            store,
            Publisher(kafka),
            kafka,
            load_offsets=lambda name, places: load_offsets(connection, GROUP, name, places),
            incarnation=incarnation,
            tracer=None,
            stack=stack,
        )
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
    deadline = time.monotonic() + EVENTUALLY_S
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    pytest.fail(f"{what} did not happen within {EVENTUALLY_S} s")


class Desk1:
    """Sends messages as the api and the adapter do, and reads what the core stored."""

    def __init__(self, kafka: KafkaSettings, dsn: str) -> None:
        self.publisher = Publisher(kafka)
        self.bootstrap = kafka.bootstrap
        self.db = psycopg.connect(dsn, autocommit=True)

    def send(self, topic: Topic, key: str, message: Message) -> None:
        self.publisher.send(topic.value, key, message, event_id=ids.uuid7())
        self.publisher.flush()

    def submit(self, **changes: object) -> SubmitOrder:
        order = submit_order(**changes)
        store_order(self.db, order)
        self.send(Topic.INBOUND, order.terms.account_id, order)
        return order

    def place(self, order: SubmitOrder, attempt: int = 1) -> str:
        until(lambda: self.row(order)[0] != "NEW", "the order taken by the core")
        terms = order.terms
        child = ChildTerms(
            order_id=order.order_id,
            cl_ord_id=order_ids.child_cl_ord_id(order.order_id, attempt, 1),
            attempt=attempt,
            leg=1,
            account_id=terms.account_id,
            venue_id="XNYS",
            symbol=terms.symbol,
            side=terms.side,
            order_type=OrderType.LIMIT,
            time_in_force=terms.time_in_force,
            quantity=terms.quantity,
            limit_price_micros=PRICE,
        )
        placed = RoutePlaced(attempt=attempt, children=(child,), placed_at=utc_now())
        answer = RouteAnswer(
            route_id=ids.uuid7(), order_id=order.order_id, account_id=terms.account_id, placed=placed
        )
        self.send(Topic.FILLS, terms.account_id, answer)
        return child.cl_ord_id

    def cancel(self, order: SubmitOrder) -> CancelOrder:
        cancel = CancelOrder(
            request_id=ids.uuid7(),
            order_id=order.order_id,
            account_id=order.terms.account_id,
            received_at=utc_now(),
        )
        store_change(self.db, cancel)
        self.send(Topic.INBOUND, cancel.account_id, cancel)
        return cancel

    def report(
        self, order: SubmitOrder, exec_id: str, kind: ExecType, quantity: int = 0, price: int = PRICE
    ) -> None:
        terms = order.terms
        report = ExecutionReport(
            order_id=order.order_id, account_id=terms.account_id,
            cl_ord_id=order_ids.child_cl_ord_id(order.order_id, 1, 1), venue_id="XNYS", exec_id=exec_id,
            exec_type=kind, symbol=terms.symbol, side=terms.side, order_qty=terms.quantity,
            last_qty=quantity, last_px_micros=price if quantity else None,
            transact_time=utc_now(), received_at=utc_now(),
        )  # fmt: skip
        self.send(Topic.FILLS, terms.account_id, report)

    def row(self, order: SubmitOrder) -> tuple[str, int, int]:
        found = self.db.execute(
            "SELECT status, cum_qty, leaves_qty FROM orders WHERE order_id = %s", [order.order_id]
        ).fetchone()
        assert found is not None
        return found

    def until_row(self, order: SubmitOrder, *expected: object) -> None:
        until(lambda: self.row(order) == expected, f"order at {expected}, is {self.row(order)}")

    def published(self, topic: Topic) -> list[Any]:
        """Return the messages that a topic holds."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "t", "fetch.wait.max.ms": 5})
        found: list[Any] = []
        for number in range(4):
            low, high = consumer.get_watermark_offsets(TopicPartition(topic.value, number), 5)
            if high > low:
                consumer.assign([TopicPartition(topic.value, number, low)])
                for item in consumer.consume(high - low, 5.0):
                    headers = dict(item.headers() or [])
                    found.append(decode(headers["type"].decode(), item.value() or b""))
        consumer.close()
        return found

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


def test_an_order_is_accepted_routed_and_filled_with_position_and_events(
    memory_kafka: KafkaSettings, dsn: str, desk: Desk1
) -> None:
    tail = TailReader(memory_kafka, Topic.EVENTS)
    with running_core(memory_kafka, dsn):
        order = desk.submit()
        desk.until_row(order, "ACKNOWLEDGED", 0, 100)
        assert len(requests := desk.published(Topic.VALIDATED)) == 1
        assert requests[0].terms == order.terms
        desk.place(order)
        desk.report(order, "E1", ExecType.TRADE, 40)
        desk.until_row(order, "PARTIALLY_FILLED", 40, 60)
        desk.report(order, "E2", ExecType.TRADE, 60)
        desk.until_row(order, "FILLED", 100, 0)
    position = desk.db.execute("SELECT quantity, cost, net_cash FROM positions").fetchall()
    assert position == [(100, Decimal(10_000), Decimal(-10_000))]
    records: list[Record] = []
    until(lambda: records.extend(tail.poll(0.2)) or len(records) >= 4, "four events")
    seen = [record.message for record in records if isinstance(record.message, OrderEvent)]
    assert [event.type for event in seen] == [
        "OrderAccepted", "RoutePlaced", "TradeApplied", "TradeApplied",
    ]  # fmt: skip
    assert [event.stream_sequence for event in seen] == [1, 2, 3, 4]


def test_every_message_twice_has_one_effect(memory_kafka: KafkaSettings, dsn: str, desk: Desk1) -> None:
    with running_core(memory_kafka, dsn):
        order = submit_order()
        store_order(desk.db, order)
        for _ in range(2):
            desk.send(Topic.INBOUND, order.terms.account_id, order)
        for _ in range(2):
            desk.place(order)
        for _ in range(2):
            desk.report(order, "E1", ExecType.TRADE, 100)
        desk.until_row(order, "FILLED", 100, 0)
        after = desk.submit()
        desk.until_row(after, "ACKNOWLEDGED", 0, 100)
    assert desk.one("SELECT count(*) FROM executions") == 1
    assert desk.one("SELECT count(*) FROM order_events WHERE order_id = %s", order.order_id) == 3


def test_a_denied_order_is_rejected_with_rule_value_and_limit(
    memory_kafka: KafkaSettings, dsn: str, desk: Desk1
) -> None:
    with running_core(memory_kafka, dsn):
        order = desk.submit(account_id="ACC-RET-001", quantity=10_001)
        desk.until_row(order, "REJECTED", 0, 0)
    text = desk.one("SELECT text FROM orders WHERE order_id = %s", order.order_id)
    assert text == "ORDER_QTY_EXCEEDS_MAX: quantity=10001, limit=10000"
    assert desk.published(Topic.VALIDATED) == []


def test_a_cancel_asks_the_adapter_and_ends_with_the_childs_report(
    memory_kafka: KafkaSettings, dsn: str, desk: Desk1
) -> None:
    with running_core(memory_kafka, dsn):
        order = desk.submit()
        desk.place(order)
        desk.cancel(order)
        desk.until_row(order, "PENDING_CANCEL", 0, 100)
        assert [type(message).__name__ for message in desk.published(Topic.ROUTED)] == ["CancelChildren"]
        desk.report(order, "E1", ExecType.CANCELED)
        desk.until_row(order, "CANCELED", 0, 0)


def test_a_cancel_that_overtakes_its_order_takes_the_order_first(
    memory_kafka: KafkaSettings, dsn: str, desk: Desk1
) -> None:
    order = submit_order()
    store_order(desk.db, order)
    with running_core(memory_kafka, dsn):
        desk.cancel(order)
        desk.send(Topic.INBOUND, order.terms.account_id, order)
        desk.until_row(order, "PENDING_CANCEL", 0, 100)
    assert desk.one("SELECT count(*) FROM order_events WHERE type = 'OrderAccepted'") == 1


def test_a_restarted_core_goes_on_where_the_last_one_was(
    memory_kafka: KafkaSettings, dsn: str, desk: Desk1
) -> None:
    with running_core(memory_kafka, dsn):
        order = desk.submit()
        desk.place(order)
        desk.report(order, "E1", ExecType.TRADE, 40)
        desk.until_row(order, "PARTIALLY_FILLED", 40, 60)
    desk.report(order, "E1", ExecType.TRADE, 40)
    desk.report(order, "E2", ExecType.TRADE, 60)
    with running_core(memory_kafka, dsn) as loop:
        desk.until_row(order, "FILLED", 100, 0)
        exposure = loop._core.desk.states["ACC-INST-001"]
        assert (exposure.reserved_micros, exposure.gross_cost_micros) == (0, 10_000_000_000)


def test_a_late_fill_of_an_order_closed_in_an_earlier_life_still_counts(
    memory_kafka: KafkaSettings, dsn: str, desk: Desk1
) -> None:
    with running_core(memory_kafka, dsn):
        order = desk.submit(time_in_force=TimeInForce.IOC)
        desk.place(order)
        desk.report(order, "E1", ExecType.CANCELED)
        desk.until_row(order, "CANCELED", 0, 0)
    with running_core(memory_kafka, dsn):
        desk.report(order, "E2", ExecType.TRADE, 10)
        desk.until_row(order, "CANCELED", 10, 0)


def test_after_kafka_lost_everything_what_is_owed_is_published_again(
    memory_kafka: KafkaSettings, dsn: str, desk: Desk1
) -> None:
    with running_core(memory_kafka, dsn):
        order = desk.submit()
        desk.until_row(order, "ACKNOWLEDGED", 0, 100)
    begin_incarnation(memory_kafka)
    incarnation = read_incarnation(memory_kafka)
    for group, topic in ((ROUTER_GROUP, Topic.VALIDATED), (ADAPTER_GROUP, Topic.ROUTED)):
        for number in range(4):
            # Router and adapter have read what there is, and have nothing to say to it.
            desk.db.execute(
                "INSERT INTO consumer_offsets VALUES (%s, %s, %s, %s, 9, now())",
                (incarnation, group, topic.value, number),
            )
    with running_core(memory_kafka, dsn):
        first, again = until(lambda: two(desk.published(Topic.VALIDATED)), "the route request again")
    assert first == again


def two(messages: list[Any]) -> list[Any]:
    """Return the messages once there are two."""
    return messages if len(messages) >= 2 else []


def test_a_price_that_its_column_cannot_hold_stops_nobody(
    memory_kafka: KafkaSettings, dsn: str, desk: Desk1
) -> None:
    with running_core(memory_kafka, dsn):
        order, other = desk.submit(quantity=1_000), desk.submit()
        for placed in (order, other):
            desk.place(placed)
        desk.report(order, "E1", ExecType.TRADE, 1_000, price=2**63 - 1)
        desk.report(other, "E2", ExecType.TRADE, 100)
        desk.until_row(other, "FILLED", 100, 0)
        desk.report(order, "E3", ExecType.TRADE, 1_000)
        desk.until_row(order, "FILLED", 1_000, 0)
    assert desk.one("SELECT concat(kind, ' ', last_qty) FROM execution_exceptions") == "UNREADABLE 1000"
    assert "numeric field overflow" in desk.one("SELECT detail FROM execution_exceptions")


def test_a_core_whose_account_another_one_writes_is_refused(
    memory_kafka: KafkaSettings, dsn: str, desk: Desk1
) -> None:
    with running_core(memory_kafka, dsn):
        order = desk.submit()
        desk.until_row(order, "ACKNOWLEDGED", 0, 100)
    with closing(psycopg.connect(dsn, autocommit=True)) as connection:
        store = PostgresOrderStore(connection, "an incarnation", 4)
        late, now = store.load_desk({0, 1, 2, 3}), store.load_desk({0, 1, 2, 3})
        for desk_of, expected in ((now, nullcontext()), (late, pytest.raises(AccountLostError))):
            core = Core(desk=desk_of, store=store, quotes=FixedQuoteBoard())
            unit = UnitOfWork(now=utc_now())
            handle(core, unit, replace_request(desk, order), "")
            with expected:
                store.commit(unit, core.desk, {})
    assert desk.one("SELECT head FROM account_streams") == 2


def replace_request(desk: Desk1, order: SubmitOrder) -> SubmitOrder:
    """Return another order of the same account, stored as ingest does."""
    another = submit_order(account_id=order.terms.account_id)
    store_order(desk.db, another)
    return another


def test_poison_goes_to_the_dead_letter_topic_with_its_reason_and_the_rest_go_on(
    memory_kafka: KafkaSettings, dsn: str, desk: Desk1
) -> None:
    producer = Producer({"bootstrap.servers": memory_kafka.bootstrap, "partitioner": "murmur2_random"})
    producer.produce("orders.inbound", b"{not json", b"ACC-INST-001", headers={"type": b"SubmitOrder"})
    producer.flush()
    stranger = submit_order()
    with running_core(memory_kafka, dsn):
        desk.report(stranger, "E1", ExecType.TRADE, 1)
        desk.report(stranger, "E2", ExecType.CANCELED, 0)
        order = desk.submit()
        desk.until_row(order, "ACKNOWLEDGED", 0, 100)
        reasons = until(lambda: dead_letters(memory_kafka, 2), "two dead letters")
    assert sorted(reason.split(":")[0] for reason in reasons) == ["SubmitOrder", "UnknownOrderError"]
    assert desk.one("SELECT kind FROM execution_exceptions") == "UNKNOWN_ORDER"


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
