"""The platform's own promises, on the real parts."""

import enum
import re
import uuid
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from oms_platform.clock import utc_now
from oms_platform.errors import ConfigurationError
from oms_platform.ids import uuid7
from oms_platform.kafka.connection import KafkaDataLostError
from oms_platform.kafka.consumers import BatchConsumer
from oms_platform.kafka.publisher import Publisher
from oms_platform.kafka.settings import KafkaSettings
from oms_platform.kafka.topics import ensure_topics, murmur2_partition, read_incarnation
from oms_platform.messages import CancelOrder
from oms_platform.postgres import load_offsets, reference_versions, save_offsets
from oms_platform.schema.migrate import (
    PARTITIONED,
    PARTITIONED_BY_TIME,
    WEEKS_AHEAD,
    SchemaTooNewError,
    SchemaTooOldError,
    ensure_partitions,
    expected_revision,
    found_revision,
    migrate,
    require_revision,
    upgrade,
)
from oms_platform.vocabulary import OrderStatus, OrderType, Side, TimeInForce
from oms_platform.wire import Topic
from oms_tools.cli.main import cli
from oms_tools.laptop.parts import memory_kafka_part
from tests.conftest import running
from tests.ports import free_port


def test_migrating_twice_changes_nothing_and_leaves_the_expected_revision(dsn: str) -> None:
    migrate(dsn, utc_now())
    with psycopg.connect(dsn, autocommit=True) as connection:
        assert found_revision(connection) == expected_revision()


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("side", Side),
        ("order_type", OrderType),
        ("time_in_force", TimeInForce),
        ("status", OrderStatus),
    ],
)
def test_the_checks_of_the_orders_take_every_word_of_their_vocabulary(
    dsn: str, column: str, words: type[enum.Enum]
) -> None:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s",
            (f"orders_{column}_check",),
        ).fetchone()
    assert row is not None
    assert set(re.findall(r"'(\w+)'", row[0])) == {word.name for word in words}


def test_a_database_with_orders_of_the_first_edition_is_refused_with_what_to_do(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
        upgrade(dsn, "0002")
        connection.execute("CREATE TABLE orders_kept PARTITION OF orders DEFAULT")
        order_id = uuid7()
        connection.execute(
            "INSERT INTO orders (order_id, account_id, channel, client_order_id, principal, symbol, side,"
            " order_type, time_in_force, quantity, status, leaves_qty, created_at, updated_at)"
            " VALUES (%s, 'A', 'REST', 'c', 'p', 'AAPL', 'BUY', 'MARKET', 'DAY', 1, 'NEW', 1, now(), now())",
            (order_id,),
        )
        said = r"holds 1 orders of the first edition.*a database of its own"
        with pytest.raises(ConfigurationError, match=said):
            migrate(dsn, utc_now())
        assert found_revision(connection) == "0002"
        assert connection.execute("SELECT count(*) FROM outbox").fetchone() == (0,)
        connection.execute("DELETE FROM orders")
        migrate(dsn, utc_now())
        assert found_revision(connection) == expected_revision()


def test_a_change_of_reference_data_moves_its_version(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        before = reference_versions(connection)
        connection.execute("UPDATE accounts SET status = 'SUSPENDED' WHERE account_id = 'ACC-INST-001'")
        connection.execute("UPDATE venues SET status = 'INACTIVE' WHERE venue_id = 'XNYS'")
        after = reference_versions(connection)
    changed = {subject for subject in after if after[subject] != before[subject]}
    assert changed == {"accounts", "routing"}


def test_the_migrate_command_stores_only_the_demo_data_that_is_missing(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DELETE FROM routing_profiles WHERE profile = 'dark'")
    for new in (1, 0):
        result = CliRunner().invoke(cli, ["migrate", "--dsn", dsn, "--demo-data"])
        assert result.exit_code == 0, result.output
        assert f"demo data: {new} new rows" in result.output


def test_a_broker_keeps_its_incarnation_and_the_next_one_has_another(memory_kafka: KafkaSettings) -> None:
    ensure_topics(memory_kafka)
    first = read_incarnation(memory_kafka)
    assert read_incarnation(memory_kafka) == first
    assert uuid.UUID(first)


def test_what_is_published_is_read_back_from_the_stored_offset(memory_kafka: KafkaSettings, dsn: str) -> None:
    ensure_topics(memory_kafka)
    incarnation = read_incarnation(memory_kafka)
    publisher = Publisher(memory_kafka)
    sent = [
        CancelOrder(request_id=uuid7(), order_id=uuid7(), account_id=f"ACC-{n}", received_at=utc_now())
        for n in range(20)
    ]
    for message in sent:
        publisher.send(Topic.INBOUND.value, message.account_id, message, event_id=message.request_id)
    publisher.flush()
    with psycopg.connect(dsn, autocommit=True) as connection:

        def consumer() -> BatchConsumer:
            return BatchConsumer(
                memory_kafka,
                group="g",
                topics=[Topic.INBOUND],
                incarnation=incarnation,
                load_offsets=lambda name, places: load_offsets(connection, "g", name, places),
            )

        first = consumer()
        found = []
        while len(found) < len(sent):
            batch = first.poll(timeout_s=1)
            found += batch.records
            with connection.transaction(), connection.cursor() as cursor:
                save_offsets(cursor, "g", incarnation, batch.next_offsets, utc_now())
        first.close()
        assert sorted(str(r.message.request_id) for r in found) == sorted(str(m.request_id) for m in sent)
        for record in found:
            assert record.partition == murmur2_partition(record.message.account_id.encode(), 4)
        second = consumer()
        assert second.poll(timeout_s=0.3).records == []
        second.close()


def test_a_broker_that_dropped_what_was_not_read_yet_gets_a_new_name_and_reading_goes_on(
    tmp_path: Path, cleanup: ExitStack
) -> None:
    # A broker that keeps little.
    port = free_port()
    cleanup.enter_context(running(memory_kafka_part(port, megabytes=5), tmp_path / "in-memory.log"))
    memory_kafka = KafkaSettings(bootstrap=f"127.0.0.1:{port}")
    ensure_topics(memory_kafka)
    incarnation = read_incarnation(memory_kafka)
    publisher = Publisher(memory_kafka)
    for _ in range(80):
        publisher.send_encoded("orders.routed", "one key", "X", b"x" * 200_000, event_id=uuid7())
        publisher.flush()
    place = ("orders.routed", murmur2_partition(b"one key", 4))

    def consumer(name: str, offsets: dict[tuple[str, int], int]) -> BatchConsumer:
        return BatchConsumer(
            memory_kafka, group="g", topics=[Topic.ROUTED], incarnation=name, load_offsets=lambda *_: offsets
        )

    behind = consumer(incarnation, {place: 1})
    with pytest.raises(KafkaDataLostError):
        for _ in range(20):
            behind.poll(timeout_s=0.5)
    behind.close()
    renamed = read_incarnation(memory_kafka)
    assert renamed != incarnation
    again = consumer(renamed, {})
    read = again.poll(timeout_s=5)
    assert read.unreadable
    again.close()


def test_a_schema_of_another_version_is_named_and_only_an_older_one_is_waited_for(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        require_revision(connection)
        for found, error, message in (
            ("0001", SchemaTooOldError, "was 0001; run `oms migrate`"),
            ("9999", SchemaTooNewError, "was 9999, which this version does not know"),
        ):
            connection.execute("UPDATE alembic_version SET version_num = %s", (found,))
            with pytest.raises(error, match=f"must be {expected_revision()}, {message}"):
                require_revision(connection)


def test_coming_weeks_get_their_partitions_once(dsn: str) -> None:
    later = utc_now() + timedelta(weeks=30)
    with psycopg.connect(dsn, autocommit=True) as connection:
        made = ensure_partitions(connection, later)
        assert len(made) == len((*PARTITIONED, *PARTITIONED_BY_TIME)) * (WEEKS_AHEAD + 2)
        assert ensure_partitions(connection, later) == []
