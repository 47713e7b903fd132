"""The scorekeeper as a process and its storage, against a real Postgres, Kafka and a gRPC quote stream."""

import asyncio
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from oms_platform import messages
from oms_platform.clock import from_microseconds, microseconds, utc_now
from oms_platform.ids import uuid7
from oms_platform.kafka.ports import Batch
from oms_platform.kafka.publisher import Publisher
from oms_platform.kafka.settings import KafkaSettings
from oms_platform.kafka.topics import ensure_topics
from oms_platform.messages import CancelReject, ExecutionReport, RouteAnswer
from oms_platform.order_ids import child_cl_ord_id, route_id
from oms_platform.postgres import Connection, connect
from oms_platform.vocabulary import (
    ChildTerms,
    ExecType,
    Message,
    OrderType,
    RoutePlaced,
    Side,
    TimeInForce,
)
from oms_platform.wire import Topic, encode
from oms_tools.laptop.parts import wait_until
from proto.gen.oms.v1 import (
    GetBookRequest,
    MarketDataServiceBase,
    Quote,
    QuoteBatch,
    SubscribeQuotesRequest,
    VenueQuote,
)
from sor_engine.adapters.postgres_reference import OVERDUE, read_closures
from sor_engine.domain.censored import Censored
from sor_engine.domain.scorecard import Aggression, Scorecard, stats_of, whole
from sor_engine.scorekeeper.adapters.postgres_scorecards import PostgresScorecards
from sor_engine.scorekeeper.bootstrap import make_partitions
from sor_engine.scorekeeper.domain.child_watch import ChildWatch, VenueRecord
from sor_engine.scorekeeper.domain.touches import Touches
from sor_engine.scorekeeper.entrypoints.main_loop import Chore, ScorekeeperLoop
from sor_engine.scorekeeper.entrypoints.quote_intake import QuoteIntake
from sor_engine.scorekeeper.handlers import note_message
from tests.integration.quote_service import served
from tests.patience import EVENTUALLY_S
from tests.ports import free_port

ACCOUNT = "ACC-INST-001"
LIMIT = Decimal("227.42")
ANSWERS = (ExecType.NEW, ExecType.ORDER_STATUS)


def until(condition: Callable[[], bool], what: str) -> None:
    wait_until(condition, what, EVENTUALLY_S)


# ---- messages


class ChildOrder:
    """A child at XNYS to buy 100 AAPL at the offer, and what is said of it."""

    def __init__(self, venue_id: str = "XNYS", quantity: int = 100) -> None:
        self.order_id = uuid7()
        self.cl_ord_id = child_cl_ord_id(self.order_id, 1, 1)
        self.venue_id, self.quantity = venue_id, quantity
        self.placed_at = utc_now()

    def terms(self) -> ChildTerms:
        return ChildTerms(
            order_id=self.order_id,
            cl_ord_id=self.cl_ord_id,
            attempt=1,
            leg=1,
            account_id=ACCOUNT,
            venue_id=self.venue_id,
            symbol="AAPL",
            side=Side.BUY,
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.IOC,
            quantity=self.quantity,
            limit_price_micros=227_420_000,
        )

    def placed(self) -> RouteAnswer:
        return RouteAnswer(
            route_id=route_id(self.order_id, 1),
            order_id=self.order_id,
            account_id=ACCOUNT,
            placed=RoutePlaced(attempt=1, placed_at=self.placed_at, children=(self.terms(),)),
        )

    def report(self, exec_type: ExecType, **changes: object) -> ExecutionReport:
        at = self.placed_at + timedelta(milliseconds=4)
        base = ExecutionReport(
            order_id=self.order_id,
            account_id=ACCOUNT,
            cl_ord_id=self.cl_ord_id,
            venue_id=self.venue_id,
            exec_id=f"{exec_type.name}-{self.cl_ord_id}",
            exec_type=exec_type,
            symbol="AAPL",
            side=Side.BUY,
            order_qty=self.quantity,
            transact_time=at,
            received_at=at + timedelta(milliseconds=2),
        )
        return msgspec.structs.replace(base, **changes)

    def filled(self) -> ExecutionReport:
        return self.report(
            ExecType.TRADE, last_qty=self.quantity, last_px_micros=227_410_000, cum_qty=self.quantity
        )

    def store(self, dsn: str, status: str, cum_qty: int = 0) -> None:
        """Keep the child as the adapter does."""
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO child_orders (order_id, cl_ord_id, attempt, leg, venue_id, quantity, terms,"
                " continues, status, cum_qty, leaves_qty, created_at, updated_at)"
                " VALUES (%s, %s, 1, 1, %s, %s, %s, false, %s, %s, %s, %s, %s)",
                (
                    self.order_id,
                    self.cl_ord_id,
                    self.venue_id,
                    self.quantity,
                    encode(self.terms()).decode(),
                    status,
                    cum_qty,
                    self.quantity - cum_qty,
                    self.placed_at,
                    self.placed_at,
                ),
            )


# ---- the process and the parts around it


class QuoteService(MarketDataServiceBase):
    """Streams AAPL at 227.40 to 227.42; the bid rises by a cent whenever it is told to."""

    def __init__(self) -> None:
        self.bid = Decimal("227.40")
        self.sent: set[Decimal] = set()

    async def get_book(self, get_book_request: GetBookRequest) -> Quote:
        return self._quote(0)

    async def stream_quotes(
        self, subscribe_quotes_request: SubscribeQuotesRequest
    ) -> AsyncIterator[QuoteBatch]:
        sequence = 0
        while True:
            sequence += 1
            self.sent.add(self.bid)
            yield QuoteBatch(quotes=[self._quote(sequence)])
            await asyncio.sleep(0.05)

    def _quote(self, sequence: int) -> Quote:
        return Quote(
            symbol="AAPL",
            sequence=sequence,
            national_best_bid=str(self.bid),
            national_best_offer=str(LIMIT),
            quoted_at=utc_now(),
            venues=[
                VenueQuote(
                    venue_id="XNYS",
                    bid_prices=[str(self.bid)],
                    bid_sizes=[100],
                    ask_prices=[str(LIMIT)],
                    ask_sizes=[100],
                )
            ],
        )


@pytest.fixture
def market_data() -> Iterator[tuple[QuoteService, int]]:
    """A running quote service and its port."""
    service = QuoteService()
    with served(service) as port:
        yield service, port


class Stage:
    """The parts around the scorekeeper, and scorekeepers as processes."""

    def __init__(self, folder: Path, dsn: str, kafka: KafkaSettings, port: int, stack: ExitStack) -> None:
        self.folder, self.dsn, self.kafka, self._stack = folder, dsn, kafka, stack
        self._market_data_port = port
        self._starts = 0
        ensure_topics(kafka)
        self.publisher = Publisher(kafka)

    def start(self) -> tuple[subprocess.Popen[bytes], int]:
        """Start a scorekeeper. Returns it and its health port."""
        self._starts += 1
        port = free_port()
        environment = os.environ | {
            "OMS_POSTGRES_DSN": self.dsn,
            "OMS_KAFKA_BOOTSTRAP": self.kafka.bootstrap,
            "OMS_MARKET_DATA_HOST": "127.0.0.1",
            "OMS_MARKET_DATA_PORT": str(self._market_data_port),
            "OMS_SOR_SCOREKEEPER_HEALTH_PORT": str(port),
            "OMS_SOR_SILENT_MS": "300",
        }
        log = self._stack.enter_context((self.folder / f"scorekeeper-{self._starts}.log").open("wb"))
        process = subprocess.Popen(
            [sys.executable, "-m", "sor_engine", "scorekeeper"],
            env=environment,
            stdout=log,
            stderr=log,
        )
        self._stack.callback(end, process, signal.SIGKILL)
        until(lambda: ready(port), "the scorekeeper")
        return process, port

    def publish(self, *said: Message) -> None:
        """Put messages where the adapter does."""
        for message in said:
            answers = isinstance(message, ExecutionReport) and message.exec_type in ANSWERS
            topic = Topic.ACKS if answers else Topic.FILLS
            self.publisher.send(topic.value, ACCOUNT, message, event_id=uuid7())
        self.publisher.flush()

    def ask(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the database."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            return connection.execute(statement, values).fetchall()

    def tell(self, statement: str, *values: object) -> None:
        """Change the database."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(statement, values)

    def record(self, venue_id: str = "XNYS") -> VenueRecord:
        """Return a venue's stored record, an empty one if there is none."""
        with connect(self.dsn, "test") as connection:
            found = PostgresScorecards(connection, "").load()
        return found.get(venue_id, VenueRecord(venue_id=venue_id))

    def orders(self) -> int:
        """Return how many children the stored scorecard of XNYS counts."""
        return whole(self.record().card.total.children)

    def closed(self) -> str:
        """Return why XNYS is closed, as it is stored."""
        found = self.ask("SELECT closed_reason FROM venue_scorecards WHERE venue_id = 'XNYS'")
        return found[0][0] if found else ""


def taken(card: Scorecard) -> tuple[int, int]:
    """Return the children that took, and the shares filled of one, to tens: a decay moves neither so far."""
    cell = card.of(Aggression.TAKE)
    return whole(cell.children), round(cell.filled / cell.children, -1)


def end(process: subprocess.Popen[bytes], how: int) -> int:
    """End a scorekeeper. Returns its exit code."""
    process.send_signal(how)
    return process.wait(20)


def ready(port: int) -> bool:
    """Whether a scorekeeper says that it is ready."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=1) as answer:
            return answer.status == 200
    except OSError:
        return False


def metric(port: int, name: str) -> float:
    """Return a metric of a scorekeeper."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith(f"{name} "):
                return float(line.rpartition(" ")[2])
    raise AssertionError(f"no metric {name}")


@pytest.fixture
def stage(
    tmp_path: Path,
    dsn: str,
    memory_kafka: KafkaSettings,
    market_data: tuple[QuoteService, int],
    cleanup: ExitStack,
) -> Stage:
    return Stage(tmp_path, dsn, memory_kafka, market_data[1], cleanup)


def test_fills_become_a_scorecard_once_whatever_is_killed_or_said_twice(
    stage: Stage, market_data: tuple[QuoteService, int]
) -> None:
    process, _ = stage.start()
    child = ChildOrder()
    said = [child.placed(), child.report(ExecType.NEW), child.filled()]
    stage.publish(*said, *said)
    until(lambda: stage.orders() == 1, "the first child's scorecard")
    card = stage.record().card
    assert taken(card) == (1, 100)
    assert card.latency.total // card.latency.count == 6_000
    assert card.improvement.gain // card.improvement.shares == 10_000
    # Killed, and told of another child meanwhile; the first one's report comes again.
    end(process, signal.SIGKILL)
    other = ChildOrder()
    stage.publish(other.placed(), other.report(ExecType.NEW), other.report(ExecType.CANCELED), said[-1])
    process, _ = stage.start()
    until(lambda: stage.orders() == 2, "the second child's scorecard")
    card = stage.record().card
    assert taken(card) == (2, 50)
    assert card.improvement.count <= card.total.children // 2
    # The tape has a row a change, not a row a quote.
    market_data[0].bid += Decimal("0.01")
    until(lambda: stage.ask("SELECT 1 FROM quote_tape WHERE bid = 227.41") != [], "the new bid")
    rows = stage.ask("SELECT bid, offer FROM quote_tape WHERE symbol = 'AAPL' ORDER BY quoted_at")
    # A scorekeeper that starts says first what it finds.
    assert rows == [(Decimal("227.40"), LIMIT)] * 2 + [(Decimal("227.41"), LIMIT)]
    assert end(process, signal.SIGTERM) == 0


def test_venues_close_and_come_back_as_the_table_says(stage: Stage) -> None:
    stage.start()
    stage.tell("INSERT INTO fix_sessions VALUES ('XNYS', false, now())")
    until(lambda: stage.closed().startswith("DOWN: since="), "the session's end")
    stage.tell("UPDATE fix_sessions SET up = true, changed_at = now()")
    until(lambda: stage.closed() == "", "the logon")
    # The adapter stored one child as answered, the other as not: only the second is a silence.
    answered, silent = ChildOrder(), ChildOrder()
    answered.store(stage.dsn, "NEW")
    stage.publish(answered.placed())
    silent.store(stage.dsn, "PENDING_NEW")
    stage.publish(silent.placed())
    until(lambda: stage.closed() != "", "the silence")
    assert stage.closed().startswith(f"SILENT: child={silent.cl_ord_id}, waited_ms=")
    stage.publish(silent.report(ExecType.NEW, received_at=utc_now()))
    until(lambda: stage.closed() == "", "the answer")
    rejected = [ChildOrder() for _ in range(6)]
    for child in rejected:
        stage.publish(child.placed(), child.report(ExecType.REJECTED, received_at=utc_now()))
    until(lambda: stage.closed() != "", "the rejects")
    assert stage.closed().startswith("REJECTING: rejects=")
    ((wait,),) = stage.ask("SELECT extract(epoch FROM closed_until - updated_at)::int FROM venue_scorecards")
    assert 0 <= wait <= 10


def test_a_second_scorekeeper_waits_and_takes_over(stage: Stage) -> None:
    first, first_port = stage.start()
    second, second_port = stage.start()
    until(lambda: metric(first_port, "oms_sor_scorekeeper_active") == 1, "the first to be active")
    assert metric(second_port, "oms_sor_scorekeeper_active") == 0
    assert end(first, signal.SIGTERM) == 0
    until(lambda: metric(second_port, "oms_sor_scorekeeper_active") == 1, "the second to be active")
    child = ChildOrder()
    stage.publish(child.placed(), child.filled())
    until(lambda: stage.orders() == 1, "the child's scorecard")
    assert end(second, signal.SIGTERM) == 0


# ---- storage and loop


@pytest.fixture
def db(dsn: str) -> Iterator[Connection]:
    with connect(dsn, "test") as connection:
        yield connection


class NoConsumer:
    """A broker that has the batches it is given, then nothing."""

    def __init__(self, *batches: Batch) -> None:
        self.batches = list(batches)

    def poll(self, *, timeout_s: float) -> Batch:
        empty = Batch(records=[], unreadable=[], next_offsets={}, raw=[])
        return self.batches.pop(0) if self.batches else empty

    def lag(self) -> dict[tuple[str, int], int]:
        return {("executions.fills", 0): 0}


def quiet_loop(db: Connection, watch: ChildWatch, intake: QuoteIntake, **changes: Any) -> ScorekeeperLoop:
    values: dict[str, Any] = {
        "consumer": NoConsumer(),
        "store": PostgresScorecards(db, "one"),
        "watch": watch,
        "quotes": intake,
        "clock": utc_now,
        "silent_ms": 3000,
        "gather_s": 0.0,
        "make_partitions": lambda now: make_partitions(db, now),
    }
    return ScorekeeperLoop(**(values | changes))


def quote(bid: str | None, at: Any = None, symbol: str = "AAPL") -> messages.Quote:
    return messages.Quote(
        symbol=symbol,
        sequence=1,
        quoted_at=at or utc_now(),
        national_best_bid=None if bid is None else Decimal(bid),
        national_best_offer=Decimal("10.02"),
    )


def test_records_come_back_from_storage_as_they_were_and_others_read_them(db: Connection) -> None:
    now = utc_now()
    watch = ChildWatch(Touches(), {}, Censored)
    watch.set_dark(store_dark := PostgresScorecards(db, "one").dark_venues())
    (dark,) = store_dark
    for _ in range(5):
        child = ChildOrder(dark, 300)
        for message in (child.placed(), child.report(ExecType.CANCELED, cum_qty=100)):
            note_message(watch, message)
    child = ChildOrder()
    for message in (child.placed(), child.report(ExecType.NEW), child.filled()):
        note_message(watch, message)
    store = PostgresScorecards(db, "one")
    store.save(watch.records.values(), [], {("executions.fills", 2): 7}, now)
    back = store.load()
    for venue_id, record in watch.records.items():
        assert back[venue_id].card.to_state() == record.card.to_state()
        assert back[venue_id].gate.to_state() == record.gate.to_state()
    states = dict(db.execute("SELECT venue_id, state FROM venue_scorecards").fetchall())
    assert stats_of(Scorecard.from_state(states["XNYS"]), 700).orders == 1
    assert Censored.from_state(states[dark]["dark"]).belief() == watch.records[dark].pool.belief()
    assert "dark" not in states["XNYS"]
    offsets = db.execute("SELECT consumer_group, partition, next_offset FROM consumer_offsets").fetchall()
    assert offsets == [("sor-scorekeeper", 2, 7)]


def test_closures_are_read_with_the_sessions_and_not_long_after_their_wait(db: Connection) -> None:
    now = utc_now()
    watch = ChildWatch(Touches(), {}, Censored)
    for venue_id in ("XNYS", "XNAS"):
        watch.record_of(venue_id).gate.note_unanswered(microseconds(now), "c-1", 4_000)
    PostgresScorecards(db, "one").save(watch.records.values(), [], {}, now)
    assert read_closures(db, now) == dict.fromkeys(
        ("XNYS", "XNAS"), "SILENT: child=c-1, waited_ms=4000, retry_in_s=5"
    )
    db.execute(
        "INSERT INTO fix_sessions VALUES ('XNYS', false, '2026-03-02T15:00:00Z'), ('BATS', true, now())"
    )
    assert read_closures(db, now)["XNYS"] == "DOWN: since=2026-03-02T15:00:00.000+00:00"
    later = now + timedelta(seconds=6) + OVERDUE
    assert set(read_closures(db, later)) == {"XNYS"}


def test_open_children_and_silences_are_what_the_adapter_has_stored(db: Connection, dsn: str) -> None:
    pending, partly, done = ChildOrder(), ChildOrder(), ChildOrder()
    pending.store(dsn, "PENDING_NEW")
    partly.store(dsn, "PARTIALLY_FILLED", 40)
    done.store(dsn, "FILLED", 100)
    store = PostgresScorecards(db, "one")
    children = store.open_children()
    assert set(children) == {pending.cl_ord_id, partly.cl_ord_id}
    taken = children[partly.cl_ord_id]
    assert (taken.answered, taken.stored_cum_qty, taken.limit) == (True, 40, 227_420_000)
    assert from_microseconds(taken.placed_us) == partly.placed_at
    every = [child.cl_ord_id for child in (pending, partly, done)]
    assert store.unanswered(every) == {pending.cl_ord_id}
    assert store.unanswered([]) == frozenset()


def test_the_tape_takes_changes_and_refuses_impossible_prices(db: Connection) -> None:
    intake = QuoteIntake(Touches())
    loop = quiet_loop(db, ChildWatch(intake.touches, {}, Censored), intake)
    now = utc_now()
    quotes = [
        quote("10.00", now - timedelta(seconds=5)),
        quote("10.00", now - timedelta(seconds=4)),
        quote("NaN", now - timedelta(seconds=3)),
        quote("-1", now - timedelta(seconds=2)),
        quote("1e30", now - timedelta(seconds=1), "MSFT"),
        quote("10.01", now - timedelta(days=400), "MSFT"),
        quote("10.01", now + timedelta(days=400), "MSFT"),
        quote("10.01", now),
    ]
    for item in quotes:
        intake.note(item)
    loop.step()
    rows = db.execute("SELECT symbol, bid FROM quote_tape ORDER BY quoted_at").fetchall()
    assert rows == [
        ("AAPL", Decimal("10.00")),
        ("AAPL", None),
        ("MSFT", None),
        ("AAPL", Decimal("10.01")),
    ]
    assert list(intake.changes) == []


def test_a_missing_partition_of_the_tape_is_made(db: Connection) -> None:
    for (name,) in db.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'quote_tape'::regclass"
    ).fetchall():
        db.execute(f"DROP TABLE {name}")
    intake = QuoteIntake(Touches())
    loop = quiet_loop(db, ChildWatch(intake.touches, {}, Censored), intake)
    intake.note(quote("10.00"))
    loop.step()
    assert db.execute("SELECT count(*) FROM quote_tape").fetchone() == (1,)


def test_nothing_is_lost_when_a_save_fails(db: Connection, dsn: str) -> None:
    intake = QuoteIntake(Touches())
    watch = ChildWatch(intake.touches, {}, Censored)
    loop = quiet_loop(db, watch, intake)
    child = ChildOrder()
    for message in (child.placed(), child.filled()):
        note_message(watch, message)
    intake.note(quote("10.00"))
    intake.drain(utc_now())
    db.close()
    with pytest.raises(psycopg.OperationalError):
        loop.save(utc_now())
    assert watch.records["XNYS"].card.touched
    with connect(dsn, "test") as again:
        quiet_loop(again, watch, intake).save(utc_now())
        assert again.execute("SELECT count(*) FROM quote_tape").fetchone() == (1,)
        assert again.execute("SELECT count(*) FROM venue_scorecards").fetchone() == (1,)


def test_a_chore_that_fails_is_tried_again_and_stops_nothing(db: Connection) -> None:
    runs: list[str] = []

    def fail(_now: Any) -> None:
        runs.append("fail")
        db.execute("SELECT 1 / 0")

    chores = [
        Chore(name="fails", run=fail, every_s=100.0, first_s=0.0, retry_s=10.0),
        Chore(name="works", run=lambda _now: runs.append("work"), every_s=100.0, first_s=0.0),
    ]
    clock = [1_000.0]
    intake = QuoteIntake(Touches())
    watch = ChildWatch(intake.touches, {}, Censored)
    loop = quiet_loop(db, watch, intake, chores=chores, monotonic_s=lambda: clock[0])
    for now_s in (1_000.0, 1_005.0, 1_011.0, 1_099.0, 1_101.0):
        clock[0] = now_s
        loop.step()
    assert runs == ["fail", "work", "fail", "fail", "work"]


def test_messages_of_every_kind_are_understood_and_the_unsent_left_out() -> None:
    watch = ChildWatch(Touches(), {}, Censored)
    unsent, unread, known = ChildOrder(), ChildOrder(), ChildOrder()
    for child in (unsent, unread, known):
        note_message(watch, child.placed())
    note_message(watch, unsent.report(ExecType.CANCELED, exec_id=f"NS-{unsent.cl_ord_id}"))
    note_message(watch, unread.report(ExecType.REJECTED, exec_id=f"BR-{unread.cl_ord_id}"))
    note_message(
        watch,
        CancelReject(
            order_id=known.order_id,
            account_id=ACCOUNT,
            cl_ord_id="x",
            orig_cl_ord_id=known.cl_ord_id,
            venue_id="BATS",
            transact_time=utc_now(),
        ),
    )
    note_message(watch, known.report(ExecType.ORDER_STATUS))
    record = watch.records["XNYS"]
    assert (whole(record.card.total.children), whole(record.card.total.rejected)) == (1, 1)
    assert watch.records["BATS"].gate.heard_us > 0
    assert list(watch.open) == [known.cl_ord_id]
    assert watch.open[known.cl_ord_id].answered


def test_times_keep_their_microseconds() -> None:
    at = utc_now()
    assert from_microseconds(microseconds(at)) == at
