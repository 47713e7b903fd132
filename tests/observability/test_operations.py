"""What docs/operations.md tells operators to run, run."""

import subprocess
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import Producer

from oms_platform.ids import uuid7
from oms_platform.kafka.publisher import Publisher
from oms_platform.kafka.settings import KafkaSettings
from oms_platform.kafka.topics import dead_letter_topic, ensure_topics, read_incarnation
from oms_platform.messages import CancelOrder
from oms_platform.schema.migrate import require_revision
from oms_platform.wire import Topic
from oms_tools.doctor.check import Check, Deployment
from oms_tools.doctor.examination import examine
from oms_tools.laptop import parts
from tests.observability.tools import ROOT
from tests.ports import free_port

CONVERSION = ROOT / "deploy" / "postgres" / "ids-to-uuid.sql"
_LEGACY = """
CREATE TABLE orders (id varchar(36) PRIMARY KEY DEFAULT gen_random_uuid()::text, symbol text);
CREATE TABLE order_events (id text PRIMARY KEY, order_id text NOT NULL REFERENCES orders ON DELETE CASCADE);
CREATE INDEX events_of_order ON order_events (order_id);
CREATE TABLE executions (id text PRIMARY KEY, order_id text REFERENCES orders);
"""


def postgres_program(name: str) -> str:
    return str(parts._postgres_bin() / name)


@pytest.fixture
def empty(postgres_port: int) -> Iterator[str]:
    """The address of an empty database."""
    name = f"empty_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(parts.postgres_dsn(postgres_port, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield parts.postgres_dsn(postgres_port, name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def legacy(empty: str) -> str:
    """The address of a database that keeps its identifiers as text, with 50 orders."""
    with psycopg.connect(empty) as connection:
        connection.execute(_LEGACY)
        for _ in range(50):
            order_id = str(uuid.uuid4())
            connection.execute("INSERT INTO orders VALUES (%s, 'AAPL')", (order_id,))
            connection.execute("INSERT INTO order_events VALUES (%s, %s)", (str(uuid.uuid4()), order_id))
            connection.execute("INSERT INTO executions VALUES (%s, %s)", (str(uuid.uuid4()), order_id))
    return empty


def convert(dsn: str) -> subprocess.CompletedProcess[str]:
    command = [
        postgres_program("psql"),
        "--quiet",
        "--set",
        "ON_ERROR_STOP=1",
        "--file",
        str(CONVERSION),
        dsn,
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def types(connection: psycopg.Connection[tuple[object, ...]]) -> set[object]:
    rows = connection.execute(
        "SELECT data_type FROM information_schema.columns"
        " WHERE table_schema = 'public' AND column_name IN ('id', 'order_id')"
    ).fetchall()
    return {row[0] for row in rows}


def test_text_identifiers_become_uuids_with_their_keys_and_indexes(legacy: str) -> None:
    result = convert(legacy)
    assert result.returncode == 0, result.stderr
    with psycopg.connect(legacy) as connection:
        assert types(connection) == {"uuid"}
        joined = connection.execute(
            "SELECT count(*) FROM orders o JOIN order_events e ON e.order_id = o.id"
            " JOIN executions x ON x.order_id = o.id"
        ).fetchone()
        assert joined == (50,)
        keys = connection.execute("SELECT count(*) FROM pg_constraint WHERE contype = 'f'").fetchone()
        assert keys == (2,)
        index = connection.execute(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = 'events_of_order'::regclass"
        )
        assert index.fetchone() == (True,)
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            connection.execute("INSERT INTO executions VALUES (%s, %s)", (uuid.uuid4(), uuid.uuid4()))


def test_one_identifier_that_is_no_uuid_leaves_everything_as_it_was(legacy: str) -> None:
    with psycopg.connect(legacy) as connection:
        connection.execute("INSERT INTO orders VALUES ('ORD-17', 'AAPL')")
        connection.execute("INSERT INTO executions VALUES (%s, 'ORD-17')", (str(uuid.uuid4()),))
    result = convert(legacy)
    assert result.returncode != 0
    assert "orders.id must hold UUIDs, 1 rows do not, such as ORD-17" in result.stderr
    with psycopg.connect(legacy) as connection:
        assert "uuid" not in types(connection)
        assert connection.execute("SELECT count(*) FROM pg_constraint WHERE contype = 'f'").fetchone() == (2,)


def test_a_database_comes_back_from_its_dump(dsn: str, empty: str, tmp_path: Path) -> None:
    dump = tmp_path / "oms.dump"
    with psycopg.connect(dsn) as connection:
        connection.execute("UPDATE accounts SET status = 'SUSPENDED' WHERE account_id = 'ACC-INST-001'")
    dumped = [postgres_program("pg_dump"), "--format=custom", f"--file={dump}", dsn]
    subprocess.run(dumped, check=True)
    restore = [postgres_program("pg_restore"), "--exit-on-error", "--single-transaction", f"--dbname={empty}"]
    subprocess.run([*restore, str(dump)], check=True)
    with psycopg.connect(empty) as connection:
        found = connection.execute("SELECT status FROM accounts WHERE account_id = 'ACC-INST-001'").fetchone()
        require_revision(connection)
    assert found == ("SUSPENDED",)


# ---- oms doctor


def checks_of(dsn: str, kafka: str, **endpoints: str) -> dict[str, Check]:
    found = examine(Deployment(dsn=dsn, kafka=KafkaSettings(bootstrap=kafka), endpoints=endpoints))
    return {check.name: check for check in found}


def make_well(dsn: str) -> None:
    now = datetime.now(UTC)
    with psycopg.connect(dsn) as connection:
        connection.execute("INSERT INTO fix_sessions SELECT venue_id, true, %s FROM venues", (now,))
        connection.execute("INSERT INTO quote_tape VALUES ('AAPL', %s, 187, 188)", (now,))


def test_the_doctor_finds_what_is_well(dsn: str, memory_kafka: KafkaSettings) -> None:
    ensure_topics(memory_kafka)
    make_well(dsn)
    found = checks_of(dsn, memory_kafka.bootstrap)
    assert {name for name, check in found.items() if check.well is False} == set()
    assert {name for name, check in found.items() if check.well is None} == {"processes", "disk", "lag"}
    read_incarnation(memory_kafka)
    assert checks_of(dsn, memory_kafka.bootstrap)["lag oms-core"].well is True


def test_a_session_that_is_out_on_purpose_is_no_illness(dsn: str, memory_kafka: KafkaSettings) -> None:
    make_well(dsn)
    with psycopg.connect(dsn) as connection:
        connection.execute("UPDATE fix_sessions SET up = false, on_purpose = true WHERE venue_id = 'XNYS'")
    found = checks_of(dsn, memory_kafka.bootstrap)["FIX sessions"]
    assert (found.well, found.detail) == (True, "5 of 6 up; out on purpose: XNYS")


@pytest.mark.parametrize(
    ("harm", "name", "says"),
    [
        ("UPDATE alembic_version SET version_num = '0001'", "schema", "found 0001"),
        ("UPDATE fix_sessions SET up = false WHERE venue_id = 'XNYS'", "FIX sessions", "down: XNYS since"),
        ("DELETE FROM fix_sessions WHERE venue_id = 'DARK'", "FIX sessions", "down: DARK since ever"),
        ("DELETE FROM quote_tape", "quotes", "none on the tape"),
        (
            "WITH waiting AS (INSERT INTO order_requests (request_id, kind, order_id, account_id, principal,"
            " payload, received_at) VALUES (%(id)s, 'NEW', %(id)s, 'A', 'p', '{}',"
            " now() - interval '1 minute') RETURNING order_id)"
            " INSERT INTO orders (order_id, account_id, channel, client_order_id, symbol, side, order_type,"
            " time_in_force, quantity, status, leaves_qty, created_at, updated_at)"
            " SELECT order_id, 'A', 'API', 'c', 'S', 'BUY', 'MARKET', 'DAY', 1, 'NEW', 1, now(), now()"
            " FROM waiting",
            "requests",
            "1 waiting",
        ),
    ],
)
def test_the_doctor_names_what_is_ill_in_postgres(
    dsn: str, memory_kafka: KafkaSettings, harm: str, name: str, says: str
) -> None:
    ensure_topics(memory_kafka)
    make_well(dsn)
    with psycopg.connect(dsn) as connection:
        connection.execute(harm, {"id": uuid7()})
    found = checks_of(dsn, memory_kafka.bootstrap)
    assert {ill for ill, check in found.items() if check.well is False} == {name}
    assert says in found[name].detail


def test_the_doctor_misses_topics_that_no_service_has_made(dsn: str) -> None:
    make_well(dsn)
    broker = Producer({"test.mock.num.brokers": 1, "log_level": 0})
    (address,) = [f"{found.host}:{found.port}" for found in broker.list_topics(timeout=10).brokers.values()]
    found = checks_of(dsn, address)
    assert {name for name, check in found.items() if check.well is False} == {"topics"}
    assert "expected 4 partitions, found {'oms.incarnation': 0" in found["topics"].detail


def test_the_doctor_misses_a_partition_of_the_weeks_ahead(dsn: str, memory_kafka: KafkaSettings) -> None:
    ensure_topics(memory_kafka)
    make_well(dsn)
    at = datetime.now(UTC) + timedelta(weeks=2)
    monday = at - timedelta(days=at.weekday())
    with psycopg.connect(dsn) as connection:
        connection.execute(f"DROP TABLE quote_tape_{monday:%Y%m%d}")
    found = checks_of(dsn, memory_kafka.bootstrap)["partitions ahead"]
    assert found.well is False
    assert "missing quote_tape" in found.detail


def test_the_doctor_counts_what_nobody_has_read_and_what_was_put_aside(
    dsn: str, memory_kafka: KafkaSettings
) -> None:
    ensure_topics(memory_kafka)
    read_incarnation(memory_kafka)
    make_well(dsn)
    publisher = Publisher(memory_kafka)
    message = CancelOrder(
        request_id=uuid7(), order_id=uuid7(), account_id="ACC-INST-001", received_at=datetime.now(UTC)
    )
    for _ in range(6_000):
        publisher.send(Topic.INBOUND.value, "ACC-INST-001", message, event_id=uuid7())
    publisher.send(dead_letter_topic(Topic.ROUTED.value), "k", message, event_id=uuid7())
    publisher.flush()
    found = checks_of(dsn, memory_kafka.bootstrap)
    assert {name for name, check in found.items() if check.well is False} == {"lag oms-core", "dead letters"}
    assert "1 kept" in found["dead letters"].detail


def test_the_doctor_says_which_part_does_not_answer(dsn: str, memory_kafka: KafkaSettings) -> None:
    ensure_topics(memory_kafka)
    make_well(dsn)
    nobody = f"127.0.0.1:{free_port()}"
    assert checks_of(dsn, nobody)["topics"].well is False
    found = checks_of(dsn, memory_kafka.bootstrap, **{"oms-core": f"http://{nobody}"})
    assert found["ready oms-core"].well is False
    assert "no answer" in found["ready oms-core"].detail
    away = checks_of(f"postgresql://postgres@{nobody}/oms", memory_kafka.bootstrap)
    assert away["postgres"].well is False


def test_the_doctor_of_an_empty_database_asks_for_the_schema(empty: str) -> None:
    found = checks_of(empty, "127.0.0.1:1")
    assert {name for name, check in found.items() if check.well is False} == {"schema", "topics"}
    assert "found none" in found["schema"].detail
