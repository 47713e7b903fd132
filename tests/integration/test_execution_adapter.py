"""The adapter as a process, against a real Postgres, Kafka and QuickFIX acceptor, killed where it hurts."""

import os
import random
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from confluent_kafka import Consumer, TopicPartition

from oms_platform.clock import utc_now
from oms_platform.ids import uuid7
from oms_platform.kafka.consumers import BatchConsumer
from oms_platform.kafka.publisher import Publisher
from oms_platform.kafka.settings import KafkaSettings
from oms_platform.kafka.topics import dead_letter_topic, ensure_topics, read_incarnation
from oms_platform.messages import CancelChildren, ExecutionReport, RouteAnswer, RoutePlan, SubmitOrder
from oms_platform.order_ids import child_cl_ord_id, route_id
from oms_platform.vocabulary import (
    ChildTerms,
    ExecType,
    Message,
    OrderTerms,
    OrderType,
    Side,
    TimeInForce,
)
from oms_platform.wire import Topic
from oms_tools.laptop.parts import memory_kafka_part, wait_until
from tests.conftest import running
from tests.ingest import store_order
from tests.integration.fix_venue import Venue
from tests.patience import EVENTUALLY_S
from tests.ports import free_port

ACCOUNT = "ACC-INST-001"


def until(condition: Callable[[], bool], what: str) -> None:
    wait_until(condition, what, EVENTUALLY_S)


class Stage:
    """The parts around the adapter, and the adapter itself as a process that can be killed."""

    def __init__(self, folder: Path, dsn: str, kafka: KafkaSettings, stack: ExitStack) -> None:
        self.folder, self.dsn, self.kafka, self._stack = folder, dsn, kafka, stack
        self.fix_port, self.health_port = free_port(), free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._starts = 0
        self._placed: set[UUID] = set()
        self.use(kafka)
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("DELETE FROM fee_schedules WHERE venue_id <> 'XNYS'")
            connection.execute("UPDATE instruments SET listing_venue = 'XNYS'")
            connection.execute("DELETE FROM venues WHERE venue_id <> 'XNYS'")
        stack.callback(self.kill)

    def use(self, kafka: KafkaSettings) -> None:
        """Take this broker, from its first record on."""
        self.kafka = kafka
        ensure_topics(kafka)
        self.incarnation = read_incarnation(kafka)
        self.publisher = Publisher(kafka)
        self.fills: list[Message] = []
        self.acks: list[Message] = []
        self._fills = BatchConsumer(
            kafka,
            group="test",
            topics=[Topic.FILLS, Topic.ACKS],
            incarnation=self.incarnation,
            load_offsets=lambda _name, _places: {},
        )
        self._stack.callback(self._fills.close)

    def venue(self) -> Venue:
        """Open the venue, with what it remembers of the FIX session."""
        venue = Venue(self.folder / "venue", self.fix_port).start()
        self._stack.callback(venue.stop)
        return venue

    def start(self) -> None:
        """Start the adapter."""
        self._starts += 1
        environment = os.environ | {
            "OMS_POSTGRES_DSN": self.dsn,
            "OMS_KAFKA_BOOTSTRAP": self.kafka.bootstrap,
            "OMS_ADAPTER_HEALTH_PORT": str(self.health_port),
            "OMS_ADAPTER_FIX_HOST": "127.0.0.1",
            "OMS_ADAPTER_FIX_PORT": str(self.fix_port),
            "OMS_ADAPTER_STATUS_TIMEOUT_S": "1.0",
            "OMS_ADAPTER_CHECKPOINT_S": "0.2",
        }
        log = self._stack.enter_context((self.folder / f"adapter-{self._starts}.log").open("wb"))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "execution_adapter"], env=environment, stdout=log, stderr=log
        )

    def kill(self, how: int = signal.SIGKILL) -> None:
        """End the adapter."""
        if self.process is not None:
            self.process.send_signal(how)
            code = self.process.wait(20)
            self.process = None
            if how == signal.SIGTERM:
                assert code == 0

    def publish(self, *messages: Message) -> None:
        """Put messages on orders.routed; what a plan is of, a client has placed."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            for message in messages:
                if isinstance(message, RoutePlan) and message.order_id not in self._placed:
                    self._placed.add(message.order_id)
                    client = SubmitOrder(
                        order_id=message.order_id, received_at=utc_now(), terms=message.terms
                    )
                    store_order(connection, client)
        for message in messages:
            self.publisher.send(Topic.ROUTED.value, str(message.order_id), message, event_id=uuid7())
        self.publisher.flush()

    def read_fills(self) -> list[Message]:
        """Return everything on executions.fills so far."""
        batch = self._fills.poll(timeout_s=0.05)
        for record in batch.records:
            (self.fills if record.topic == Topic.FILLS.value else self.acks).append(record.message)
        return self.fills

    def fills_of(self, order_id: object) -> list[str]:
        """Return the kinds of the messages to core about one order, in their order."""
        return [kind_of(message) for message in self.read_fills() if message.order_id == order_id]

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """Ask the database."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            return connection.execute(query, values).fetchall()

    def children(self) -> list[tuple[object, ...]]:
        return self.rows("SELECT cl_ord_id, status, cum_qty, leaves_qty FROM child_orders ORDER BY cl_ord_id")

    def ready(self) -> bool:
        """Whether the adapter says that it is ready."""
        return self.readiness()[0] == 200

    def readiness(self) -> tuple[int, str]:
        """Return the status and the text of the adapter's readiness, 0 while nobody answers."""
        address = f"http://127.0.0.1:{self.health_port}/health/ready"
        try:
            with urllib.request.urlopen(address, timeout=1) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""


def kind_of(message: Message) -> str:
    return message.exec_type.name if isinstance(message, ExecutionReport) else type(message).__name__


def plan(legs: int = 1, quantity: int = 100, reason: str = "", min_quantity: int = 0) -> RoutePlan:
    order_id = uuid7()
    terms = OrderTerms(
        account_id=ACCOUNT,
        channel="REST",
        client_order_id=str(order_id),
        symbol="AAPL",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        quantity=quantity * max(1, legs),
        limit_price_micros=187_250_000,
        min_quantity=min_quantity,
    )
    return RoutePlan(
        route_id=route_id(order_id, 1),
        order_id=order_id,
        attempt=1,
        quantity=terms.quantity,
        received_at=utc_now(),
        decided_at=utc_now(),
        terms=terms,
        children=tuple(
            ChildTerms(
                order_id=order_id,
                cl_ord_id=child_cl_ord_id(order_id, 1, number),
                attempt=1,
                leg=number,
                account_id=ACCOUNT,
                venue_id="XNYS",
                symbol="AAPL",
                side=Side.BUY,
                order_type=OrderType.LIMIT,
                time_in_force=TimeInForce.DAY,
                quantity=quantity,
                limit_price_micros=187_250_000,
                min_quantity=min_quantity,
            )
            for number in range(1, legs + 1)
        ),
        reason=reason,
    )


def cancel_of(order: RoutePlan) -> CancelChildren:
    return CancelChildren(
        request_id=uuid7(),
        order_id=order.order_id,
        account_id=ACCOUNT,
        requested_at=utc_now(),
        through_attempt=order.attempt,
    )


@pytest.fixture
def stage(tmp_path: Path, dsn: str, memory_kafka: KafkaSettings, cleanup: ExitStack) -> Iterator[Stage]:
    yield Stage(tmp_path, dsn, memory_kafka, cleanup)


def test_a_plan_becomes_an_order_and_its_reports_follow_its_placing(stage: Stage) -> None:
    venue = stage.venue()
    stage.start()
    order = plan(legs=2, min_quantity=40)
    stage.publish(order)
    until(lambda: stage.fills_of(order.order_id) == ["RouteAnswer", "TRADE", "TRADE"], "two trades")
    until(lambda: len(stage.read_fills()) == 3 and len(stage.acks) == 2, "two acknowledgements")
    assert [kind_of(message) for message in stage.acks] == ["NEW", "NEW"]
    of_order = [message for message in stage.fills if message.order_id == order.order_id]
    placed = of_order[0]
    reports = [message for message in of_order if isinstance(message, ExecutionReport)]
    assert isinstance(placed, RouteAnswer)
    assert [child.cl_ord_id for child in placed.placed.children] == [
        child.cl_ord_id for child in order.children
    ]
    trade = next(report for report in reports if kind_of(report) == "TRADE")
    assert isinstance(trade, ExecutionReport)
    assert (trade.last_qty, trade.last_px_micros, trade.cum_qty, trade.leaves_qty) == (
        100,
        187_250_000,
        100,
        0,
    )
    assert (trade.symbol, trade.side, trade.order_qty, trade.account_id) == ("AAPL", Side.BUY, 100, ACCOUNT)
    sent = venue.messages("D")
    assert [(order["38"], order["40"], order["44"], order["54"], order["59"]) for order in sent] == [
        ("100", "2", "187.25", "1", "0")
    ] * 2
    assert {order["110"] for order in sent} == {"40"}
    assert len(sent[0]["60"]) == len("20260102-03:04:05.000006")
    until(lambda: all(row[1] == "FILLED" for row in stage.children()), "children filled")
    assert [row[2:] for row in stage.children()] == [(100, 0), (100, 0)]
    (acked, _), *_ = stage.rows("SELECT acked_at, venue_order_id FROM child_orders")
    assert acked == datetime(2026, 1, 2, 3, 4, 5, 6, UTC)
    until(stage.ready, "readiness")
    stage.kill(signal.SIGTERM)
    ((in_seq,),) = stage.rows("SELECT in_seq FROM fix_checkpoints ORDER BY recorded_at DESC LIMIT 1")
    assert isinstance(in_seq, int)
    assert in_seq >= 5


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_session_goes_on_after_any_end_and_no_number_comes_twice(stage: Stage, how: signal.Signals) -> None:
    venue = stage.venue()
    for _ in range(3):
        stage.start()
        order = plan()
        stage.publish(order)
        until(lambda wanted=order.order_id: "TRADE" in stage.fills_of(wanted), "the trade")  # type: ignore[misc]
        until(stage.ready, "readiness")
        stage.kill(how)
    numbers = [int(message["34"]) for message in venue.messages("D")]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == 3


def test_a_replayed_plan_is_answered_again_and_sent_once(stage: Stage) -> None:
    venue = stage.venue()
    stage.start()
    order = plan()
    stage.publish(order)
    until(lambda: "TRADE" in stage.fills_of(order.order_id), "the trade")
    stage.publish(order)
    until(lambda: stage.fills_of(order.order_id).count("RouteAnswer") == 2, "the second RouteAnswer")
    marker = plan()
    stage.publish(marker)
    until(lambda: "TRADE" in stage.fills_of(marker.order_id), "the marker's trade")
    assert len(venue.messages("D")) == 2
    first, second = [m for m in stage.fills if isinstance(m, RouteAnswer) and m.order_id == order.order_id]
    assert first.placed.children == second.placed.children


def test_a_plan_without_legs_passes_its_reason_on(stage: Stage) -> None:
    stage.venue()
    stage.start()
    order = plan(legs=0, reason="NO_QUOTE: symbol=AAPL")
    stage.publish(order)
    until(lambda: stage.fills_of(order.order_id) == ["RouteAnswer"], "RouteAnswer")
    placed = stage.fills[0]
    assert isinstance(placed, RouteAnswer)
    assert (placed.placed.children, placed.placed.reason) == ((), "NO_QUOTE: symbol=AAPL")
    assert not placed.placed.refused


def test_a_cancel_that_overtakes_its_plan_refuses_it_also_after_a_restart(stage: Stage) -> None:
    venue = stage.venue()
    stage.start()
    order, marker = plan(), plan()
    stage.publish(cancel_of(order), order)
    until(lambda: stage.fills_of(order.order_id) == ["RouteAnswer"], "RouteAnswer")
    until(stage.ready, "readiness")
    stage.kill()
    stage.start()
    stage.publish(order, marker)
    until(lambda: "TRADE" in stage.fills_of(marker.order_id), "the marker's trade")
    until(lambda: len(stage.fills_of(order.order_id)) >= 2, "the second answer")
    answers = [m for m in stage.fills if isinstance(m, RouteAnswer) and m.order_id == order.order_id]
    assert all(answer.placed.refused and answer.placed.children == () for answer in answers)
    assert set(venue.orders) == {marker.children[0].cl_ord_id}
    assert len(stage.children()) == 1


def test_a_cancel_reaches_every_live_child(stage: Stage) -> None:
    venue = stage.venue()
    venue.fills = False
    stage.start()
    order = plan(legs=3)
    until(stage.ready, "readiness")
    stage.publish(order, cancel_of(order))
    until(lambda: stage.fills_of(order.order_id).count("CANCELED") == 3, "three cancels")
    assert {cancel["41"] for cancel in venue.messages("F")} == {child.cl_ord_id for child in order.children}
    reports = [m for m in stage.fills if isinstance(m, ExecutionReport) and m.exec_type is ExecType.CANCELED]
    assert {report.cl_ord_id for report in reports} == {child.cl_ord_id for child in order.children}
    until(lambda: {row[1] for row in stage.children()} == {"CANCELED"}, "children canceled")


def test_killed_before_the_venue_was_there_it_sends_nothing_and_says_that_the_order_is_over(
    stage: Stage,
) -> None:
    stage.start()
    order = plan()
    stage.publish(order)
    until(lambda: stage.fills_of(order.order_id)[:1] == ["RouteAnswer"], "RouteAnswer")
    stage.kill()
    stage.start()
    venue = stage.venue()
    until(lambda: "CANCELED" in stage.fills_of(order.order_id), "the end of what was never sent")
    marker = plan()
    stage.publish(marker)
    until(lambda: "TRADE" in stage.fills_of(marker.order_id), "the marker's trade")
    assert set(venue.orders) == {marker.children[0].cl_ord_id}


def test_killed_after_sending_it_asks_and_does_not_send_again(stage: Stage) -> None:
    venue = stage.venue()
    venue.answers = False
    stage.start()
    order = plan()
    stage.publish(order)
    until(lambda: len(venue.messages("D")) == 1, "the order at the venue")
    stage.kill()
    stage.start()
    until(lambda: len(venue.messages("H")) >= 1, "the question")
    venue.answers = True
    venue.acknowledge(venue.messages("D")[0])
    venue.fill(venue.messages("D")[0])
    until(lambda: "TRADE" in stage.fills_of(order.order_id), "the trade")
    assert [len(sent) for sent in venue.orders.values()] == [1]
    until(lambda: stage.children()[0][1] == "FILLED", "the child filled")


def test_an_order_canceled_while_the_venue_is_away_is_never_sent(stage: Stage) -> None:
    stage.start()
    order, marker = plan(), plan()
    stage.publish(order)
    until(lambda: stage.fills_of(order.order_id) == ["RouteAnswer"], "RouteAnswer")
    stage.kill()
    stage.start()
    stage.publish(cancel_of(order), marker)
    venue = stage.venue()
    until(lambda: "TRADE" in stage.fills_of(marker.order_id), "the marker's trade")
    until(lambda: stage.fills_of(order.order_id)[-1] == "CANCELED", "the cancel")
    assert set(venue.orders) == {marker.children[0].cl_ord_id}
    canceled = [row for row in stage.children() if row[1] == "CANCELED"]
    until(lambda: len([row for row in stage.children() if row[1] == "CANCELED"]) == 1, f"canceled {canceled}")


def test_an_order_that_the_venue_cannot_read_is_rejected(stage: Stage) -> None:
    venue = stage.venue()
    venue.reject_next_order = lambda _order: True
    stage.start()
    refused_at_business_level = plan()
    stage.publish(refused_at_business_level)
    until(lambda: stage.fills_of(refused_at_business_level.order_id)[1:] == ["REJECTED"], "the rejection")
    until(lambda: stage.children()[0][1] == "REJECTED", "the child rejected")


def test_what_the_session_has_taken_but_kafka_has_not_is_resent(stage: Stage) -> None:
    venue = stage.venue()
    venue.answers = False
    stage.start()
    order, stuck = plan(), plan()
    stage.publish(order)
    until(lambda: len(venue.messages("D")) == 1, "the order at the venue")
    until(lambda: stage.fills_of(order.order_id) == ["RouteAnswer"], "RouteAnswer")
    with psycopg.connect(stage.dsn) as connection:
        # The loop waits for this lock with the next plan, so what comes meanwhile stays in its inbox.
        connection.execute("LOCK TABLE child_cancels IN ACCESS EXCLUSIVE MODE")
        stage.publish(stuck)
        until(lambda: waiting(stage) > 0, "the loop to wait")
        venue.acknowledge(venue.messages("D")[0])
        venue.fill(venue.messages("D")[0])
        venue.ask_whether_it_is_there()
        until(lambda: bool(venue.heartbeats), "an answer that comes after the reports were read")
        stage.kill()
    assert stage.fills_of(order.order_id) == ["RouteAnswer"]
    venue.answers = True
    stage.start()
    until(lambda: stage.fills_of(order.order_id)[-1:] == ["TRADE"], "the resent reports")
    # Whether the other one was stored when the lock ended is open: it is sent once, or it is over.
    until(lambda: stage.fills_of(stuck.order_id)[-1:] in (["TRADE"], ["CANCELED"]), "the other order's end")
    assert all(len(sent) == 1 for sent in venue.orders.values())


def waiting(stage: Stage) -> int:
    """Return how many of the adapter's statements wait for a lock."""
    found = stage.rows(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'execution-adapter'"
        " AND wait_event_type = 'Lock'"
    )
    return int(str(found[0][0]))


def test_when_kafka_loses_its_data_the_venue_resends_what_core_had_not_read(
    tmp_path: Path, dsn: str, cleanup: ExitStack
) -> None:
    with ExitStack() as first:
        kafka = memory_kafka_part(port := free_port())
        first.enter_context(running(kafka, tmp_path / "kafka-1.log"))
        stage = Stage(tmp_path, dsn, KafkaSettings(bootstrap=f"127.0.0.1:{port}"), cleanup)
        venue = stage.venue()
        stage.start()
        order = plan()
        stage.publish(order)
        until(lambda: "TRADE" in stage.fills_of(order.order_id), "the trade")
        until(lambda: bool(stage.rows("SELECT 1 FROM fix_checkpoints WHERE offsets <> '{}'")), "a checkpoint")
        stage.kill()
    cleanup.enter_context(running(kafka, tmp_path / "kafka-2.log"))
    stage.use(KafkaSettings(bootstrap=f"127.0.0.1:{port}"))
    stage.start()
    until(lambda: stage.fills_of(order.order_id)[-1:] == ["TRADE"], "the resent reports")
    assert [len(sent) for sent in venue.orders.values()] == [1]


def test_poison_goes_to_the_dead_letters_and_is_answered_and_the_rest_go_on(stage: Stage) -> None:
    venue = stage.venue()
    stage.start()
    wrong, right = plan(), plan()
    stage.publish(
        RoutePlan(**{name: getattr(wrong, name) for name in wrong.__struct_fields__} | {"attempt": 2})
    )
    stage.publisher.send_encoded(Topic.ROUTED.value, "x", "RoutePlan", b"{", event_id=uuid7())
    stage.publish(right)
    until(lambda: "TRADE" in stage.fills_of(right.order_id), "the trade")
    assert set(venue.orders) == {right.children[0].cl_ord_id}
    assert dead_letters(stage.kafka) == 2
    (answer,) = [m for m in stage.read_fills() if isinstance(m, RouteAnswer) and m.order_id == wrong.order_id]
    assert answer.placed.children == ()
    assert answer.placed.reason.startswith("GATE_TERMS: ")


def dead_letters(kafka: KafkaSettings) -> int:
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "dead"})
    try:
        topic = dead_letter_topic(Topic.ROUTED.value)
        return sum(consumer.get_watermark_offsets(TopicPartition(topic, n), timeout=10)[1] for n in range(4))
    finally:
        consumer.close()


def test_killed_again_and_again_under_load_every_order_is_at_the_venue_once_or_over(stage: Stage) -> None:
    """What a killed adapter had stored and not sent is over: it never reached its venue."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    moments = random.Random(seed)
    venue = stage.venue()
    stage.start()
    plans = [plan() for _ in range(400)]

    def reported(kind: ExecType) -> set[str]:
        reports = [m for m in stage.read_fills() if isinstance(m, ExecutionReport)]
        return {report.cl_ord_id for report in reports if report.exec_type is kind}

    def over() -> set[str]:
        return reported(ExecType.CANCELED)

    for start in range(0, len(plans), 100):
        stage.publish(*plans[start : start + 100])
        arrived = start + moments.randrange(20, 80)
        until(lambda arrived=arrived: len({*venue.orders, *over()}) >= arrived, f"{arrived} orders")
        time.sleep(moments.random() * 0.05)
        stage.kill()
        stage.start()
    wanted = {order.children[0].cl_ord_id for order in plans}
    until(lambda: {*venue.orders, *over()} == wanted, "every order at the venue, or over")
    assert {len(sent) for sent in venue.orders.values()} == {1}
    assert not over() & set(venue.orders)
    assert len(venue.orders) > len(plans) // 2
    until(lambda: reported(ExecType.TRADE) == set(venue.orders), "every trade in Kafka")
    until(lambda: {row[1] for row in stage.children()} <= {"FILLED", "CANCELED"}, "every child over")
    for order in plans:
        assert stage.fills_of(order.order_id)[0] == "RouteAnswer"


def test_a_lost_database_connection_leads_back_through_the_start_and_on(stage: Stage) -> None:
    venue = stage.venue()
    stage.start()
    first, second = plan(), plan()
    stage.publish(first)
    until(lambda: "TRADE" in stage.fills_of(first.order_id), "the first trade")
    for _ in range(2):
        until(stage.ready, "readiness")
        stage.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'execution-adapter'"
        )
        until(lambda: not stage.ready(), "the loss to be noticed")
    stage.publish(second)
    until(lambda: "TRADE" in stage.fills_of(second.order_id), "the second trade")
    assert [len(sent) for sent in venue.orders.values()] == [1, 1]
    assert stage.process is not None
    assert stage.process.poll() is None
    until(stage.ready, "readiness")
    stage.kill(signal.SIGTERM)


def test_a_second_adapter_stands_by_and_takes_the_sessions_over_when_the_first_dies(stage: Stage) -> None:
    venue = stage.venue()
    venue.answers = False
    stage.start()
    first, second = plan(), plan()
    stage.publish(first)
    until(lambda: len(venue.messages("D")) == 1, "the first order at the venue")
    until(stage.ready, "readiness of the first")
    active = stage.process
    assert active is not None
    stage.health_port = free_port()
    stage.start()
    until(lambda: "standing by" in stage.readiness()[1], "the second to stand by")
    assert stage.readiness()[0] == 503
    active.kill()
    active.wait(20)
    venue.answers = True
    until(stage.ready, "the second to have taken over")
    stage.publish(second)
    until(lambda: "TRADE" in stage.fills_of(second.order_id), "the second order's trade")
    until(lambda: len(venue.messages("H")) >= 1, "the question about what the first had sent")
    venue.acknowledge(venue.messages("D")[0])
    venue.fill(venue.messages("D")[0])
    until(lambda: "TRADE" in stage.fills_of(first.order_id), "the first order's trade")
    assert [len(sent) for sent in venue.orders.values()] == [1, 1]
