"""Retention drops whole weeks that are old enough and nothing needed; the export brings every route."""

import json
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from click.testing import CliRunner
from structlog.testing import capture_logs

from oms_platform.clock import utc_now
from oms_platform.ids import uuid7_floor
from oms_platform.order_ids import route_id
from oms_platform.postgres import Connection, connect
from oms_platform.schema.migrate import ensure_partitions
from oms_platform.settings import SettingsError
from oms_tools.routing_audit.audit import export_routes_command, retention
from oms_tools.routing_audit.route_export import export_routes
from sor_engine.scorekeeper.adapters import postgres_retention
from sor_engine.scorekeeper.adapters.postgres_audit import anchor_audit, forget_audit
from sor_engine.scorekeeper.adapters.postgres_retention import (
    DAYS_MIN,
    apply_retention,
    drop,
    expired,
    partitions_of,
)
from sor_engine.scorekeeper.bootstrap import require_days
from sor_engine.scorekeeper.config import Settings

# A Monday; every week from twenty weeks before it on has its partitions.
MONDAY = datetime(2027, 3, 1, tzinfo=UTC)
TABLES = ("route_audit", "route_books", "route_references", "quote_tape", "fix_client_messages")


@pytest.fixture
def db(dsn: str) -> Iterator[Connection]:
    with connect(dsn, "test") as connection:
        for weeks in range(20, -1, -4):
            ensure_partitions(connection, MONDAY - timedelta(weeks=weeks))
        yield connection


def test_changes_are_kept_for_their_days_and_the_log_is_anchored(db: Connection) -> None:
    with pytest.raises(ValueError, match="days must be at least 30, was 29"):
        forget_audit(db, 29, DAYS_MIN, utc_now())
    assert forget_audit(db, 30, DAYS_MIN, utc_now() + timedelta(days=29)) == 0
    known = db.execute("SELECT count(*) FROM audit_log").fetchone()
    assert forget_audit(db, 30, DAYS_MIN, utc_now() + timedelta(days=31)) == known[0] > 0
    db.execute("INSERT INTO account_streams VALUES ('ACC-INST-001', 7, %s)", [bytes(32)])
    with capture_logs() as logs:
        anchor_audit(db)
        anchor_audit(db)
    assert [one["event"] for one in logs] == ["audit_anchored"] * 2
    assert logs[0]["sequence"] == logs[1]["sequence"] and len(logs[0]["chain"]) == 64
    row = db.execute("SELECT after FROM audit_log WHERE operation = 'ANCHOR'").fetchall()
    assert row == [({"ACC-INST-001": [7, "00" * 32]},)]


@pytest.mark.parametrize("field", ["retention_days", "audit_retention_days"])
def test_nothing_is_kept_for_less_than_thirty_days(field: str) -> None:
    settings = Settings(
        postgres_dsn="", scorekeeper_health_port=0, market_data_host="", market_data_port=0,
        kafka_bootstrap="", **{field: 29},
    )  # fmt: skip
    with pytest.raises(SettingsError, match=f"OMS_SOR_{field.upper()} must be at least 30, was 29"):
        require_days(settings)


def starts(connection: Connection, table: str) -> list[datetime]:
    """Return the starts of a table's partitions in the weeks of this test."""
    parts = partitions_of(connection, table)
    return [part.start for part in parts if MONDAY - timedelta(weeks=21) <= part.start <= MONDAY]


def born(at: datetime, number: int = 0) -> UUID:
    """Return an id of a time."""
    return UUID(int=uuid7_floor(at).int + number)


def store_route(
    connection: Connection,
    at: datetime,
    *,
    number: int = 0,
    decided_at: datetime | None = None,
    kept: bool = True,
    plan: bytes = b'{"quantity":1}',
) -> UUID:
    """Keep a route of an order born `at`. kept: with its book and its reference, of a day before."""
    order_id, before = born(at, number), born(at - timedelta(days=1), number)
    if kept:
        connection.execute(
            "INSERT INTO route_books VALUES (%s, 'AAPL', %s, %s)", (before, at, b'{"symbol":"AAPL"}')
        )
        connection.execute(
            "INSERT INTO route_references VALUES (%s, %s, %s)", (before, b'{"venues":\n[1]}', at)
        )
    connection.execute(
        "INSERT INTO route_audit VALUES (%s, 1, 'ACC-INST-001', %s, %s, %s, %s, %s, %s, %s, 7, 9)",
        (
            order_id,
            plan,
            b"\x0a\x0b",
            b'{"quantity":100}',
            before if kept else None,
            before,
            at,
            decided_at or at,
        ),
    )
    return order_id


def test_partitions_say_which_time_they_hold(db: Connection) -> None:
    for table in TABLES:
        for part in partitions_of(db, table):
            assert part.end - part.start == timedelta(days=7)
            assert part.start.weekday() == 0
            assert part.name == f"{table}_{part.start:%Y%m%d}"


def test_a_partition_goes_when_it_ended_thirty_days_ago_and_not_before(db: Connection) -> None:
    end = MONDAY - timedelta(weeks=8)
    for table in ("route_audit", "quote_tape"):
        for days, goes in ((29, False), (30, True)):
            gone = {part.end for part in expired(db, 30, end + timedelta(days=days)) if part.table == table}
            assert (end in gone) is goes


def test_what_a_kept_route_was_decided_on_is_kept(db: Connection) -> None:
    # The oldest route that may stay: born as its week began, decided on what is a day older.
    kept_week = MONDAY - timedelta(weeks=8)
    route = store_route(db, kept_week)
    now = kept_week + timedelta(days=7) + timedelta(days=30) - timedelta(hours=1)
    gone = apply_retention(db, 30, now)
    assert {part.table for part in gone} == set(TABLES)
    assert starts(db, "route_audit")[0] == kept_week
    for table in ("route_books", "route_references"):
        assert starts(db, table)[0] == kept_week - timedelta(weeks=1)
    (line,) = export_routes(db, kept_week, now)
    exported = json.loads(line)
    assert exported["order_id"] == str(route)
    assert (exported["book"], exported["reference"]) == ({"symbol": "AAPL"}, {"venues": [1]})


def test_a_young_route_of_an_old_order_keeps_its_week_and_its_inputs(db: Connection) -> None:
    old_week, now = MONDAY - timedelta(weeks=18), MONDAY
    store_route(db, old_week + timedelta(days=1), decided_at=now - timedelta(days=3))
    apply_retention(db, 30, now)
    assert starts(db, "route_audit")[:2] == [old_week, MONDAY - timedelta(weeks=5)]
    assert starts(db, "route_books")[0] <= old_week - timedelta(weeks=1)


def test_fewer_than_thirty_days_are_refused(db: Connection, dsn: str) -> None:
    with pytest.raises(ValueError, match="days must be at least 30, was 29"):
        expired(db, 29, MONDAY)
    result = CliRunner().invoke(retention, ["--dsn", dsn, "--days", "29"])
    assert result.exit_code == 2


def test_the_command_says_what_would_go_and_drops_it_when_told_to(
    db: Connection, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oms_tools.routing_audit.audit.utc_now", lambda: MONDAY)
    before = starts(db, "quote_tape")
    dry = CliRunner().invoke(retention, ["--dsn", dsn, "--dry-run"], catch_exceptions=False)
    assert f"quote_tape_{before[0]:%Y%m%d}" in dry.output
    assert "would go" in dry.output
    assert starts(db, "quote_tape") == before
    done = CliRunner().invoke(retention, ["--dsn", dsn], catch_exceptions=False)
    assert "partitions dropped" in done.output
    assert starts(db, "quote_tape")[0] == MONDAY - timedelta(weeks=5)
    again = CliRunner().invoke(retention, ["--dsn", dsn], catch_exceptions=False)
    assert again.output == "nothing is older than 30 days\n"


def test_a_table_that_is_in_use_is_not_waited_for_long(
    db: Connection, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_retention, "LOCK_TRIES", 2)
    monkeypatch.setattr(postgres_retention, "LOCK_TIMEOUT_MS", 20)
    part = partitions_of(db, "route_audit")[0]
    with connect(dsn, "reader") as reader, reader.transaction():
        reader.execute("SELECT count(*) FROM route_audit")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            drop(db, part)
    drop(db, part)
    assert part not in partitions_of(db, "route_audit")


def test_the_export_brings_the_routes_of_a_time_in_order(db: Connection, dsn: str, tmp_path: Path) -> None:
    first = MONDAY - timedelta(days=20)
    ids = [str(store_route(db, first + timedelta(days=day), number=day)) for day in range(10)]
    late = store_route(db, first, number=99, decided_at=first + timedelta(days=5), kept=False)
    out = tmp_path / "routes.jsonl"
    since, until = first + timedelta(days=2), first + timedelta(days=6)
    result = CliRunner().invoke(
        export_routes_command,
        ["--dsn", dsn, "--since", f"{since:%Y-%m-%d}", "--until", until.isoformat(), "--out", str(out)],
        catch_exceptions=False,
    )
    assert result.output == f"5 routes in {out}\n"
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["order_id"] for line in lines] == [str(late), *ids[2:6]]
    assert set(lines[0]) == {
        "order_id",
        "attempt",
        "route_id",
        "account_id",
        "received_at",
        "decided_at",
        "quote_wait_us",
        "decision_us",
        "digest",
        "inputs",
        "plan",
        "book",
        "reference",
    }
    assert [lines[0][name] for name in ("book", "reference")] == [None, None]
    assert lines[0]["route_id"] == str(route_id(late, 1))
    assert [lines[1][name] for name in ("inputs", "digest", "quote_wait_us", "decision_us")] == [
        {"quantity": 100},
        "0a0b",
        7,
        9,
    ]
    assert datetime.fromisoformat(lines[1]["decided_at"]) == since
    assert list(tmp_path.iterdir()) == [out]


def test_a_span_that_ends_before_it_begins_is_refused(dsn: str, tmp_path: Path) -> None:
    words = ["--dsn", dsn, "--since", "2027-03-02", "--until", "2027-03-01", "--out", str(tmp_path / "x")]
    result = CliRunner().invoke(export_routes_command, words)
    assert result.exit_code == 2
    assert "--since must be before --until" in result.output
    assert list(tmp_path.iterdir()) == []


def test_memory_does_not_grow_with_the_number_of_routes(db: Connection) -> None:
    at = MONDAY - timedelta(days=3)
    plan = json.dumps({"padding": "x" * 20_000}).encode()

    def peak_bytes(routes: int) -> int:
        db.execute("TRUNCATE route_audit")
        with (
            db.cursor() as cursor,
            cursor.copy(
                "COPY route_audit (order_id, attempt, account_id, plan, digest, inputs, reference_id,"
                " received_at, decided_at, quote_wait_us, decision_us) FROM STDIN"
            ) as copy,
        ):
            times = ["timestamptz", "timestamptz"]
            copy.set_types(
                ["uuid", "int4", "text", "bytea", "bytea", "bytea", "uuid", *times, "int4", "int4"]
            )
            for number in range(routes):
                order_id = born(at, number)
                copy.write_row((order_id, 1, "ACC-INST-001", plan, b"", b"{}", order_id, at, at, 0, 0))
        tracemalloc.start()
        try:
            assert sum(1 for _ in export_routes(db, at, at + timedelta(days=1))) == routes
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few, many = peak_bytes(400), peak_bytes(4_000)
    assert many < 1.2 * few
