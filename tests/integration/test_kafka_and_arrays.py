"""Array statements on real Postgres; consumers, tails and dead letters on a broker."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka import Message as KafkaMessage

from oms_platform import postgres
from oms_platform.clock import utc_now
from oms_platform.ids import uuid7
from oms_platform.kafka.connection import KafkaDataLostError, KafkaUnavailableError
from oms_platform.kafka.consumers import GATHER_MAX_S, BatchConsumer, EncodedRecord, Gather, TailReader, take
from oms_platform.kafka.ports import Record
from oms_platform.kafka.publisher import Publisher, dead_letters_total
from oms_platform.kafka.settings import KafkaSettings, client_config
from oms_platform.kafka.topics import (
    WrongTopicsError,
    dead_letter_topic,
    ensure_topics,
    murmur2_partition,
    read_incarnation,
)
from oms_platform.messages import CancelOrder
from oms_platform.postgres import ArrayStatement, Connection, load_offsets, one_round_trip, save_offsets
from oms_platform.wire import Topic
from oms_tools.laptop.parts import memory_kafka_part
from tests.conftest import running
from tests.patience import EVENTUALLY_S
from tests.ports import free_port


@pytest.fixture
def db(dsn: str) -> Iterator[Connection]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


def read(settings: KafkaSettings, topic: str, count: int) -> list[KafkaMessage]:
    """Read `count` records of a topic from its beginning."""
    consumer = Consumer({"bootstrap.servers": settings.bootstrap, "group.id": "t", "log_level": 0})
    consumer.assign([TopicPartition(topic, number, 0) for number in range(settings.partitions)])
    found: list[KafkaMessage] = []
    deadline = time.monotonic() + EVENTUALLY_S
    while len(found) < count and time.monotonic() < deadline:
        found += [item for item in take(consumer, count, 0.2, 0) if item.error() is None]
    consumer.close()
    assert len(found) == count
    return found


# ---- Postgres


def test_an_array_statement_stores_many_rows_of_every_type_in_one_statement(db: Connection) -> None:
    db.execute("CREATE TABLE kept (id uuid PRIMARY KEY, price numeric(18,6), at timestamptz, note text)")
    columns = (("id", "uuid"), ("price", "numeric"), ("at", "timestamptz"), ("note", "text"))
    insert = ArrayStatement.insert("kept", columns, "ON CONFLICT (id) DO NOTHING")
    rows = [(uuid7(), Decimal("1.000001") * n, utc_now(), None if n % 2 else "ü;--") for n in range(1, 501)]
    with db.transaction(), db.cursor() as cursor:
        insert.execute(cursor, [])
        insert.execute(cursor, rows)
        assert cursor.rowcount == len(rows)
        insert.execute(cursor, [*rows[:1], (uuid7(), Decimal(1), utc_now(), "one more")])
        assert cursor.rowcount == 1
    found = db.execute("SELECT * FROM kept WHERE note IS DISTINCT FROM 'one more' ORDER BY id").fetchall()
    assert found == rows


AWKWARD = [
    "",
    "NULL",
    "null",
    " ",
    '"',
    "\\",
    '\\"',
    "{",
    "a,b}",
    "line\nfeed",
    "tab\t",
    "Zürich ☂",
    "'--",
    "%s",
    None,
]


def test_texts_bytes_and_json_come_back_from_an_array_as_they_were(db: Connection) -> None:
    db.execute(
        "CREATE TABLE odd (n int, t text, raw bytea, doc jsonb, big bigint, price numeric, flag boolean)"
    )
    columns = (
        ("n", "int"),
        ("t", "text"),
        ("raw", "bytea"),
        ("doc", "jsonb"),
        ("big", "bigint"),
        ("price", "numeric"),
        ("flag", "boolean"),
    )
    insert = ArrayStatement.insert("odd", columns)
    rows = [
        (
            number,
            text,
            None if text is None else text.encode() + bytes(range(256)),
            None if text is None else json.dumps({"text": text}),
            number - 2**63,
            None if text is None else Decimal(number).scaleb(-6),
            None if text is None else number % 2 == 0,
        )
        for number, text in enumerate(AWKWARD)
    ]
    with db.transaction(), db.cursor() as cursor:
        insert.execute(cursor, rows)
    found = db.execute("SELECT * FROM odd ORDER BY n").fetchall()
    assert found == [(*row[:3], row[3] and json.loads(row[3]), *row[4:]) for row in rows]


def test_an_array_statement_refuses_a_row_that_is_too_short(db: Connection) -> None:
    insert = ArrayStatement.insert("kept", (("a", "int"), ("b", "int")))
    with db.cursor() as cursor, pytest.raises(ValueError, match="zip"):
        insert.execute(cursor, [(1, 2), (3,)])


def test_statements_of_one_round_trip_are_stored_together_or_not_at_all(db: Connection) -> None:
    db.execute("CREATE TABLE pair (n int PRIMARY KEY)")
    with one_round_trip(db) as cursor:
        cursor.execute("INSERT INTO pair VALUES (1)")
        cursor.execute("INSERT INTO pair VALUES (2)")
    with pytest.raises(psycopg.IntegrityError), one_round_trip(db) as cursor:
        cursor.execute("INSERT INTO pair VALUES (3)")
        cursor.execute("INSERT INTO pair VALUES (1)")
    with pytest.raises(RuntimeError), one_round_trip(db) as cursor:
        cursor.execute("INSERT INTO pair VALUES (4)")
        raise RuntimeError("what was to be stored cannot be made")
    assert db.execute("SELECT n FROM pair ORDER BY n").fetchall() == [(1,), (2,)]


def test_offsets_only_move_forward_and_count_for_their_incarnation_alone(db: Connection) -> None:
    places = {("orders.inbound", 0): 5, ("orders.inbound", 1): 7}
    for offsets in (places, {("orders.inbound", 0): 3}):
        with db.transaction(), db.cursor() as cursor:
            save_offsets(cursor, "core", "first", offsets, utc_now())
    assert load_offsets(db, "core", "first", [*places, ("orders.inbound", 2)]) == places
    assert load_offsets(db, "core", "first", [("orders.inbound", 1)]) == {("orders.inbound", 1): 7}
    assert load_offsets(db, "core", "second", list(places)) == {}
    assert load_offsets(db, "sor", "first", list(places)) == {}


def test_a_database_that_is_away_is_an_operational_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "CONNECT_TRIES", 2)
    monkeypatch.setattr(postgres, "_CONNECT_BACKOFF_S", 0.01)
    with pytest.raises(postgres.PostgresUnavailableError, match=r"[Rr]efused"):
        postgres.connect(f"postgresql://postgres@127.0.0.1:{free_port()}/oms", "test")


def test_a_connection_carries_its_applications_name(dsn: str) -> None:
    with postgres.connect(dsn, "oms-test") as connection:
        assert connection.execute("SHOW application_name").fetchone() == ("oms-test",)
        assert connection.autocommit


# ---- Kafka


def cancel(account: str = "ACC-1") -> CancelOrder:
    return CancelOrder(request_id=uuid7(), order_id=uuid7(), account_id=account, received_at=utc_now())


def batch_consumer(settings: KafkaSettings, incarnation: str, **offsets: int) -> BatchConsumer:
    return BatchConsumer(
        settings,
        group="g",
        topics=[Topic.INBOUND],
        incarnation=incarnation,
        load_offsets=lambda _name, places: dict.fromkeys(places, offsets["start"]) if offsets else {},
    )


def test_what_is_published_keeps_its_bytes_its_id_and_its_order(memory_kafka: KafkaSettings) -> None:
    ensure_topics(memory_kafka)
    publisher = Publisher(memory_kafka)
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    sent = [(f"key-{number}", uuid7(), b'{"n": %d}' % number) for number in range(3)]
    for key, event_id, payload in sent:
        publisher.send_encoded(Topic.EVENTS.value, key, "OrderEvent", payload, event_id=event_id, trace=trace)
    publisher.flush()
    found = sorted(read(memory_kafka, Topic.EVENTS.value, 3), key=lambda item: item.value() or b"")
    for item, (key, event_id, payload) in zip(found, sent, strict=True):
        assert (item.key(), item.value()) == (key.encode(), payload)
        assert dict(item.headers() or []) == {
            "type": b"OrderEvent",
            "v": b"2",
            "id": str(event_id).encode(),
            "traceparent": trace.encode(),
        }
    counts = publisher.next_offsets(Topic.EVENTS.value)
    assert sum(counts.values()) == 3
    assert set(counts) == {murmur2_partition(key.encode(), memory_kafka.partitions) for key, _, _ in sent}
    assert publisher.next_offsets(Topic.FILLS.value) == {}


def test_a_publisher_tells_whoever_asked_of_each_record_that_the_broker_did_not_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("oms_platform.kafka.publisher.DELIVERY_TIMEOUT_MS", 300)
    failed: list[KafkaError] = []
    publisher = Publisher(KafkaSettings(bootstrap=f"127.0.0.1:{free_port()}"), on_failed=failed.append)
    for _ in range(3):
        publisher.send(Topic.INBOUND.value, "k", cancel(), event_id=uuid7())
    assert publisher.drain(EVENTUALLY_S) == 0
    assert len(failed) == 3
    publisher.flush()  # nothing of it is left to complain of


def test_a_tail_gives_records_as_they_came_without_those_of_the_first_edition(
    memory_kafka: KafkaSettings,
) -> None:
    ensure_topics(memory_kafka)
    tail = TailReader(memory_kafka, Topic.INBOUND)
    producer = Producer(client_config(memory_kafka))
    for version, payload in ((b"1", b"old"), (b"2", b"{"), (b"2", b"\xff")):
        headers: list[tuple[str, str | bytes | None]] = [("type", "CancelOrder"), ("v", version)]
        producer.produce(Topic.INBOUND.value, payload, b"k", headers=headers)
    producer.flush()
    found: list[EncodedRecord] = []
    deadline = time.monotonic() + EVENTUALLY_S
    while len(found) < 2 and time.monotonic() < deadline:
        found += tail.poll_encoded(0.2)
    tail.close()
    assert found == [EncodedRecord("CancelOrder", b"{", ""), EncodedRecord("CancelOrder", b"\xff", "")]


def test_a_tail_reads_what_comes_after_it_and_passes_over_what_it_cannot_read(
    memory_kafka: KafkaSettings,
) -> None:
    ensure_topics(memory_kafka)
    publisher = Publisher(memory_kafka)
    old, new = cancel(), [cancel(f"ACC-{n}") for n in range(8)]
    publisher.send(Topic.INBOUND.value, "k", old, event_id=old.request_id)
    publisher.flush()
    tail = TailReader(memory_kafka, Topic.INBOUND)
    publisher.send_encoded(Topic.INBOUND.value, "k", "CancelOrder", b"{", event_id=uuid7())
    for message in new:
        publisher.send(Topic.INBOUND.value, message.account_id, message, event_id=message.request_id)
    publisher.flush()
    found: list[object] = []
    deadline = time.monotonic() + EVENTUALLY_S
    while len(found) < len(new) and time.monotonic() < deadline:
        found += [record.message for record in tail.poll(0.2)]
    assert sorted(map(str, found)) == sorted(map(str, new))
    assert tail.poll(0.1) == []
    tail.close()


def test_a_dead_letter_keeps_the_record_whole_and_says_why_and_whence(memory_kafka: KafkaSettings) -> None:
    ensure_topics(memory_kafka)
    publisher = Publisher(memory_kafka)
    good = cancel()
    publisher.send_encoded(
        Topic.INBOUND.value, "ACC-1", "CancelOrder", b'{"orderId": 1}', event_id=uuid7(), trace="00-aa"
    )
    publisher.send(Topic.INBOUND.value, "ACC-1", good, event_id=good.request_id)
    publisher.flush()
    consumer = batch_consumer(memory_kafka, read_incarnation(memory_kafka))
    records: list[Record] = []
    unreadable: list[tuple[KafkaMessage, str]] = []
    while len(records) < 1:
        batch = consumer.poll(timeout_s=1)
        records += batch.records
        unreadable += batch.unreadable
    consumer.close()
    assert [record.message for record in records] == [good]
    ((raw, reason),) = unreadable
    assert reason.startswith("CancelOrder: ")
    before = dead_letters_total.labels(Topic.INBOUND.value)._value.get()
    publisher.send_dead_letter(raw, reason)
    publisher.flush()
    (letter,) = read(memory_kafka, dead_letter_topic(Topic.INBOUND.value), 1)
    assert (letter.key(), letter.value()) == (b"ACC-1", b'{"orderId": 1}')
    headers = dict(letter.headers() or [])
    assert headers == dict(raw.headers() or []) | {
        "reason": reason.encode(),
        "offset": f"{raw.partition()}/{raw.offset()}".encode(),
    }
    assert headers["traceparent"] == b"00-aa"
    assert dead_letters_total.labels(Topic.INBOUND.value)._value.get() == before + 1


def test_lag_and_ends_are_counted_by_partition(memory_kafka: KafkaSettings) -> None:
    ensure_topics(memory_kafka)
    publisher = Publisher(memory_kafka)
    for _ in range(3):
        publisher.send(Topic.INBOUND.value, "ACC-1", cancel(), event_id=uuid7())
    publisher.flush()
    consumer = batch_consumer(memory_kafka, read_incarnation(memory_kafka))
    place = (Topic.INBOUND.value, murmur2_partition(b"ACC-1", 4))
    read = 0
    while read < 3:
        read += len(consumer.poll(timeout_s=1).records)
    assert consumer.ends()[place] == 3
    assert sum(consumer.lag().values()) == 0
    consumer.close()


def test_an_offset_beyond_the_brokers_end_means_that_its_data_was_lost(memory_kafka: KafkaSettings) -> None:
    ensure_topics(memory_kafka)
    consumer = batch_consumer(memory_kafka, read_incarnation(memory_kafka), start=1_000)
    deadline = time.monotonic() + EVENTUALLY_S
    with pytest.raises(KafkaDataLostError):
        while time.monotonic() < deadline:
            consumer.poll(timeout_s=0.5)
    consumer.close()


def test_a_broker_that_is_away_is_an_operational_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("topics", "consumers"):
        monkeypatch.setattr(f"oms_platform.kafka.{module}.CONNECT_TIMEOUT_S", 0.3)
    monkeypatch.setattr("oms_platform.kafka.publisher.DELIVERY_TIMEOUT_MS", 300)
    settings = KafkaSettings(bootstrap=f"127.0.0.1:{free_port()}")
    for attempt in (ensure_topics, read_incarnation, lambda found: TailReader(found, Topic.EVENTS)):
        with pytest.raises(KafkaUnavailableError, match=settings.bootstrap):
            attempt(settings)
    publisher = Publisher(settings)
    publisher.send(Topic.INBOUND.value, "k", cancel(), event_id=uuid7())
    with pytest.raises(KafkaUnavailableError, match="records still queued"):
        publisher.flush()


def test_a_topic_with_another_number_of_partitions_is_refused(memory_kafka: KafkaSettings) -> None:
    ensure_topics(memory_kafka)
    expected = r"OMS_KAFKA_PARTITIONS is 2, so every topic must have 2 partitions; found 4 in"
    with pytest.raises(WrongTopicsError, match=expected):
        ensure_topics(replace(memory_kafka, partitions=2))


def test_what_the_first_edition_published_is_passed_over(memory_kafka: KafkaSettings) -> None:
    ensure_topics(memory_kafka)
    old = Producer({"bootstrap.servers": memory_kafka.bootstrap, "log_level": 0})
    old.produce(Topic.INBOUND.value, b"{}", b"ACC-1", headers={"type": b"SubmitOrder", "v": b"1"})
    old.flush()
    publisher = Publisher(memory_kafka)
    new = cancel()
    publisher.send(Topic.INBOUND.value, "ACC-1", new, event_id=new.request_id)
    publisher.flush()
    consumer = batch_consumer(memory_kafka, read_incarnation(memory_kafka))
    found: list[object] = []
    deadline = time.monotonic() + EVENTUALLY_S
    while not found and time.monotonic() < deadline:
        batch = consumer.poll(timeout_s=1)
        assert batch.unreadable == []
        found += [record.message for record in batch.records]
    assert found == [new]
    consumer.close()


def test_a_consumer_whose_loss_others_make_good_goes_on_with_what_there_is(
    memory_kafka: KafkaSettings,
) -> None:
    ensure_topics(memory_kafka)
    incarnation = read_incarnation(memory_kafka)
    publisher = Publisher(memory_kafka)
    publisher.send(Topic.INBOUND.value, "ACC-1", cancel(), event_id=uuid7())
    publisher.flush()
    consumer = BatchConsumer(
        memory_kafka,
        group="g",
        topics=[Topic.INBOUND],
        incarnation=incarnation,
        load_offsets=lambda _name, places: dict.fromkeys(places, 1_000),
        vital=False,
    )
    deadline = time.monotonic() + EVENTUALLY_S
    while not consumer.poll(timeout_s=0.5).records:
        assert time.monotonic() < deadline
    assert read_incarnation(memory_kafka) == incarnation
    consumer.close()


def test_a_batch_is_gathered_longer_the_more_comes() -> None:
    gather = Gather()
    gather.note(1, 1_000.0)
    assert gather.wait_s < 0.003
    for number in range(50):
        gather.note(10, 1_000.0 + number * 0.01)
    assert gather.wait_s == GATHER_MAX_S
    gather.note(1, 1_060.0)
    assert gather.wait_s < 0.003


def test_an_empty_broker_in_the_place_of_the_old_one_is_another_incarnation(tmp_path: Path) -> None:
    @contextmanager
    def broker(name: str) -> Iterator[KafkaSettings]:
        port = free_port()
        with running(memory_kafka_part(port), tmp_path / f"{name}.log"):
            settings = KafkaSettings(bootstrap=f"127.0.0.1:{port}")
            ensure_topics(settings)
            yield settings

    with ExitStack() as stack:
        first, second = stack.enter_context(broker("one")), stack.enter_context(broker("two"))
        consumer = batch_consumer(second, read_incarnation(first))
        publisher = Publisher(second)
        publisher.send(Topic.INBOUND.value, "k", cancel(), event_id=uuid7())
        publisher.flush()
        consumer._disconnected = True  # as after a broker that was away
        with pytest.raises(KafkaDataLostError, match="started with incarnation"):
            for _ in range(20):
                consumer.poll(timeout_s=1)
        consumer.close()
