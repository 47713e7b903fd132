"""Whatever is changed, removed, forged or put out of order behind the triggers is found, and named."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from oms_core.handlers import note_request
from oms_core.ports import AccountLostError, UnstorableError
from oms_platform import ids
from oms_platform.clock import utc_now
from oms_platform.schema.audited import AUDITED, CHAINED, LEFT_OUT, SECRET
from oms_platform.schema.migrate import migrate, upgrade
from oms_tools.audit.anchors import make_anchor
from oms_tools.audit.verification import verify_database, verify_snapshot
from oms_tools.cli.audit_commands import audit
from oms_tools.laptop.parts import ensure_database, postgres_dsn
from tests.integration.audit_rig import ACCOUNT, OTHER, Books, books_of, tampered, tamperings

SOUNDS_SECRET = re.compile(
    r"pass|secret|hash|digest|token|credential|private|salt|api_?key|cert|signature|pin(_|$)"
)
# Columns that only sound so.
NO_SECRET = {("surveillance_reports", "digest")}


@pytest.fixture
def books(dsn: str) -> Iterator[Books]:
    with books_of(dsn) as made:
        made.fill_pages()
        yield made


def test_a_history_that_nobody_touched_is_whole(books: Books) -> None:
    found = verify_database(books.connection)
    assert found.faults == []
    assert (found.events > 6, found.requests, found.changes > 80) == (True, 4, True)
    assert (found.anchors, found.unchained, found.uncovered) == (1, 0, 0)


def test_whatever_is_done_to_a_row_is_found_and_named(books: Books) -> None:
    missed, tried = [], 0
    for name, statement, tables in list(tamperings(books.connection)):
        tried += 1
        try:
            with tampered(books.connection, statement):
                faults = verify_snapshot(books.connection).faults
        except psycopg.errors.UniqueViolation:
            continue  # The database has no room for such a row.
        if not faults or faults[0].table not in tables:
            missed.append((name, [str(fault) for fault in faults]))
    assert missed == [], missed
    assert tried > 200


def test_sql_links_events_and_changes_as_core_and_the_tools_do(books: Books) -> None:
    for table, function, order in (
        ("order_events", "order_event_link", "account_id, stream_sequence"),
        ("audit_log", "audit_link", "sequence"),
    ):
        part = "PARTITION BY account_id" if table == "order_events" else ""
        found = books.connection.execute(
            f"SELECT count(*), count(*) FILTER (WHERE chain = {function}(coalesce(was, %s), r)) FROM ("  # type: ignore[call-overload]
            f"SELECT r.chain, r, lag(chain) OVER ({part} ORDER BY {order}) AS was FROM {table} r) x",
            [bytes(32)],
        ).fetchone()
        assert found[0] == found[1] > 0


def test_every_table_is_audited_or_chained_or_has_its_reason(books: Books) -> None:
    tables = {
        name
        for (name,) in books.connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind IN ('r', 'p') AND NOT relispartition"
        )
    }
    assert not AUDITED.keys() & CHAINED.keys() | AUDITED.keys() & LEFT_OUT.keys()
    assert {*AUDITED, *CHAINED, *LEFT_OUT} == tables
    triggers = books.connection.execute(
        "SELECT tgrelid::regclass::text, (SELECT array_agg(a.attname::text ORDER BY ordinality) FROM"
        " unnest(string_to_array(encode(tgargs, 'escape'), '\\000')) WITH ORDINALITY k(name, ordinality)"
        " JOIN pg_attribute a ON a.attrelid = tgrelid AND a.attname = k.name)"
        " FROM pg_trigger WHERE tgname = 'audited'"
    )
    assert {table: tuple(key) for table, key in triggers} == dict(AUDITED)


def test_rows_are_only_ever_added(books: Books) -> None:
    for table, column in (("order_events", "type"), ("order_requests", "kind"), ("audit_log", "actor")):
        parts = books.connection.execute(
            "SELECT relid::regclass::text FROM pg_partition_tree(%s) UNION SELECT %s", [table, table]
        )
        statements = [f"UPDATE {table} SET {column} = 'x'", f"DELETE FROM {table}"]
        for statement in (*statements, *(f"TRUNCATE {name}" for (name,) in parts.fetchall())):
            with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="only ever added to"):
                books.connection.execute(statement)  # type: ignore[call-overload]


def test_no_audited_table_is_emptied_at_once_nor_changed_without_its_trigger(books: Books) -> None:
    for table in AUDITED:
        with pytest.raises(psycopg.Error, match=r"only ever added to|foreign key"):
            books.connection.execute(f"TRUNCATE {table}")  # type: ignore[call-overload]
        with books.connection.transaction(force_rollback=True):
            books.connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER audited")  # type: ignore[call-overload]
            assert [fault.table for fault in verify_snapshot(books.connection).faults] == [table]


def test_a_change_has_its_actor_and_no_secret(books: Books) -> None:
    with books.connection.transaction():
        books.connection.execute("SELECT set_config('oms.actor', 'risk1', true)")
        books.connection.execute("SELECT set_config('oms.reason', 'limits of today', true)")
        books.connection.execute("UPDATE fix_clients SET password_hash = 'another'")
        books.connection.execute("UPDATE accounts SET name = name")
    rows = books.connection.execute(
        "SELECT actor, reason, table_name, before::text || after::text FROM audit_log WHERE reason <> ''"
    ).fetchall()
    assert [row[:3] for row in rows] == [("risk1", "limits of today", "fix_clients")]
    assert "another" not in rows[0][3] and "scrypt" not in rows[0][3] and "sha256:" in rows[0][3]


def test_no_column_that_sounds_like_a_secret_is_in_the_log_or_told(books: Books) -> None:
    found = books.connection.execute(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
        " AND table_name = ANY(%s)",
        [list(AUDITED)],
    ).fetchall()
    assert {table for table, _ in found} == set(AUDITED)
    sounding = {(table, column) for table, column in found if SOUNDS_SECRET.search(column)}
    assert {column for table, column in sounding - NO_SECRET} == SECRET
    assert sounding >= NO_SECRET, "what is no column any more is not in the list"
    # None names a row, which is told whole, and of each the log itself has a hash.
    assert not SECRET & {column for key in AUDITED.values() for column in key}
    for column in SECRET:
        (kept,) = books.connection.execute(
            "SELECT audit_image(jsonb_build_object(%s::text, 'so secret'))::text", [column]
        ).fetchone() or ("",)
        assert "sha256:" in kept and "so secret" not in kept


def test_times_are_told_alike_whatever_the_zone_of_who_changes_them(books: Books) -> None:
    books.connection.execute("SET timezone = 'Asia/Tokyo'")
    books.connection.execute("UPDATE halts SET set_at = set_at + interval '1 hour'")
    books.connection.execute("SET bytea_output = 'escape'")
    books.connection.execute("UPDATE execution_exceptions SET raw = '\\x0001'")
    books.connection.execute("RESET ALL")
    assert verify_database(books.connection).faults == []


# What somebody does who rewrites heads too, so that nothing inside the database contradicts it.
REWRITTEN = {
    "truncate a stream": (
        f"WITH gone AS (DELETE FROM order_events WHERE account_id = '{ACCOUNT}' AND stream_sequence > 3)"
        " UPDATE account_streams s SET head = 3, chain = e.chain FROM order_events e"
        f" WHERE s.account_id = '{ACCOUNT}' AND e.account_id = s.account_id AND e.stream_sequence = 3",
        "order_events",
    ),
    "truncate the log": (
        "WITH gone AS (DELETE FROM audit_log WHERE sequence > (SELECT sequence - 1 FROM audit_head))"
        " UPDATE audit_head h SET sequence = a.sequence, chain = a.chain FROM audit_log a"
        " WHERE a.sequence = h.sequence - 1",
        "audit_log",
    ),
    "rewrite the log's last row": (
        "WITH was AS (SELECT a.* FROM audit_log a, audit_head h WHERE a.sequence = h.sequence - 1),"
        " forged AS (SELECT a.sequence, audit_link(was.chain, ROW(a.sequence, a.at, 'nobody', a.reason,"
        " a.table_name, a.operation, a.key, a.before, a.after, a.chain)::audit_log) AS chain"
        " FROM audit_log a, audit_head h, was WHERE a.sequence = h.sequence),"
        " written AS (UPDATE audit_log a SET actor = 'nobody', chain = f.chain FROM forged f"
        " WHERE a.sequence = f.sequence) UPDATE audit_head SET chain = f.chain FROM forged f",
        "audit_log",
    ),
}


def test_an_anchor_finds_a_tail_that_was_cut_or_rewritten_with_its_head(books: Books) -> None:
    anchor = make_anchor(books.connection)
    assert verify_database(books.connection, anchor=anchor).faults == []
    for name, (statement, table) in REWRITTEN.items():
        with tampered(books.connection, statement):
            faults = verify_snapshot(books.connection, anchor=anchor).faults
            assert faults and faults[0].table == table, name
            if table == "audit_log":
                assert verify_snapshot(books.connection).faults == [], name


def test_a_request_that_core_got_otherwise_than_it_is_stored_is_found(books: Books) -> None:
    order = books.ask()
    unit = books.unit(order)
    note_request(unit, order, b"what came was another")
    books.store.commit(unit, books.core.desk, {})
    faults = verify_database(books.connection).faults
    assert [(fault.table, fault.key) for fault in faults] == [("order_requests", str(order.order_id))]


def test_a_chain_begins_behind_what_a_database_has_that_is_brought_to_this_schema(postgres_port: int) -> None:
    name = f"older_{ids.uuid7().hex[-12:]}"
    ensure_database(postgres_port, name)
    dsn = postgres_dsn(postgres_port, name)
    upgrade(dsn, "0020")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("INSERT INTO accounts VALUES ('ACC-INST-001', 'x', 'RETAIL')")
        connection.execute("INSERT INTO account_streams VALUES ('ACC-INST-001', 7)")
    migrate(dsn, utc_now())
    with psycopg.connect(dsn, autocommit=True) as connection:
        found = connection.execute("SELECT sequence FROM audit_begins WHERE stream = 'account:ACC-INST-001'")
        assert found.fetchall() == [(7,)]
        assert verify_database(connection).faults == []
        told = connection.execute("SELECT actor, operation FROM audit_log WHERE table_name = 'accounts'")
        assert told.fetchall() == [("oms-migrate", "BEGIN"), ("oms-migrate", "COLUMNS")]


def test_a_batch_that_is_refused_or_lost_leaves_the_chain_whole(books: Books) -> None:
    first, second = books.ask(), books.ask()
    lost = books.unit(first)
    assert lost.events
    books.begin()  # killed before the commit: the desk is rebuilt, the request comes again
    books.do(first)
    refused = books.unit(second)
    with pytest.raises(UnstorableError, match="out of range"):
        books.store.commit(refused, books.core.desk, {("orders.inbound", 0): 2**70})
    books.begin()
    books.do(second)
    books.begin()  # killed after the commit, before it was published
    books.do(second, first)
    faults = verify_database(books.connection, account=ACCOUNT).faults
    assert faults == []


def test_a_core_that_has_lost_an_account_links_nothing_to_it(books: Books, dsn: str) -> None:
    mine, other = books.ask(), books.ask()
    late = books.unit(mine)
    with psycopg.connect(dsn, autocommit=True) as connection:
        Books(connection).do(other)
    with pytest.raises(AccountLostError, match="moved its stream on"):
        books.store.commit(late, books.core.desk, {})
    books.begin()
    books.do(mine)
    assert verify_database(books.connection).faults == []


def test_who_changes_a_row_waits_for_nobody_who_changes_another_until_he_commits(
    books: Books, dsn: str
) -> None:
    with psycopg.connect(dsn) as one, psycopg.connect(dsn) as other:
        for connection in (one, other):
            connection.execute("SET statement_timeout = '2s'")
        one.execute("UPDATE execution_exceptions SET detail = 'x'")
        other.execute("UPDATE fix_clients SET enabled = false")
        other.commit()
        one.commit()
    assert verify_database(books.connection).faults == []


def test_a_request_that_core_took_from_the_log_is_covered_by_its_outcome(books: Books) -> None:
    order = books.ask()
    wish = books.cancel(order)
    assert verify_database(books.connection).uncovered == 2
    unit = books.unit(wish)  # it has overtaken its order, whose bytes did not come
    assert order.order_id not in unit.requests
    books.store.commit(unit, books.core.desk, {})
    found = verify_database(books.connection)
    assert (found.faults, found.uncovered, found.requests) == ([], 0, 6)


def test_events_from_before_the_audit_are_counted_and_the_chain_begins_behind_them(books: Books) -> None:
    with books.connection.transaction():
        books.connection.execute("SET LOCAL session_replication_role = replica")
        books.connection.execute("UPDATE order_events SET chain = NULL, request_digest = NULL")
        books.connection.execute("UPDATE account_streams SET chain = NULL")
        books.connection.execute("DELETE FROM audit_log WHERE operation = 'ANCHOR'")
    books.connection.execute(
        "INSERT INTO audit_begins (stream, sequence, chain, reason)"
        " SELECT 'account:' || account_id, head, %s, 'the audit began' FROM account_streams",
        [bytes(32)],
    )
    books.begin()
    order = books.ask()
    books.do(order)
    found = verify_database(books.connection, account=ACCOUNT)
    assert (found.faults, found.uncovered) == ([], 0)
    assert found.unchained > 0 and found.events > 0 and found.requests == 1
    found = verify_database(books.connection, account=OTHER)
    assert (found.faults, found.unchained, found.events) == ([], 1, 0)


def test_what_is_forgotten_leaves_the_log_whole_and_every_row_in_it(books: Books) -> None:
    before = verify_database(books.connection).changes
    books.connection.execute("SELECT forget_audit(now() + interval '1 minute')")
    found = verify_database(books.connection)
    assert found.faults == [] and 0 < found.changes < before
    books.connection.execute("UPDATE accounts SET name = 'x' WHERE account_id = %s", [ACCOUNT])
    books.connection.execute("SELECT forget_audit(now() - interval '30 days')")
    found = verify_database(books.connection)
    assert found.faults == []
    with tampered(
        books.connection, "DELETE FROM audit_log WHERE sequence = (SELECT min(sequence) FROM audit_log)"
    ):
        assert verify_snapshot(books.connection).faults[0].table == "audit_log"


def test_a_new_column_is_told_and_a_value_that_changed_with_it_is_found(books: Books) -> None:
    books.connection.execute("ALTER TABLE venues ADD COLUMN colour text NOT NULL DEFAULT 'red'")
    books.connection.execute("SELECT audit_columns()")
    assert verify_database(books.connection).faults == []
    with books.connection.transaction():
        books.connection.execute("SET LOCAL session_replication_role = replica")
        books.connection.execute("ALTER TABLE venues ADD COLUMN size int NOT NULL DEFAULT 1")
        books.connection.execute("UPDATE venues SET colour = 'blue' WHERE venue_id = 'XNYS'")
    books.connection.execute("SELECT audit_columns()")
    assert [fault.table for fault in verify_database(books.connection).faults] == ["audit_log"]


def test_commands_say_what_is_wrong_and_an_export_is_held_to_its_chains_without_a_database(
    books: Books, dsn: str, tmp_path: Path
) -> None:
    run = CliRunner()
    out, kept = tmp_path / "audit.jsonl", tmp_path / "anchors"
    assert run.invoke(audit, ["anchor", "--dsn", dsn, "--out", str(kept)]).exit_code == 0
    clean = run.invoke(audit, ["verify", "--dsn", dsn, "--anchor", str(kept), "--json"])
    assert (clean.exit_code, json.loads(clean.output)["clean"]) == (0, True)
    since = (utc_now() - timedelta(days=1)).isoformat()
    made = run.invoke(audit, ["export", "--dsn", dsn, "--from", since, "--out", str(out)])
    assert made.exit_code == 0, made.output
    whole = run.invoke(audit, ["verify", "--file", str(out), "--json"])
    assert whole.exit_code == 0, whole.output
    lines = out.read_bytes().splitlines(keepends=True)
    for number, line in enumerate(lines[:-1]):
        content = json.loads(line)
        for name in content.keys() - {"row"}:
            if isinstance(content[name], str) and name not in ("account_id", "stream"):
                changed = json.dumps(content | {name: content[name][:-1] + "0 1"[content[name][-1:] == "0"]})
                wrong = [*lines[:number], changed.encode() + b"\n", *lines[number + 1 :]]
                out.write_bytes(b"".join(wrong))
                assert run.invoke(audit, ["verify", "--file", str(out)]).exit_code == 1, (number, name)
        out.write_bytes(b"".join(lines[:number] + lines[number + 1 :]))
        assert run.invoke(audit, ["verify", "--file", str(out)]).exit_code == 1, number
    books.connection.execute("SET session_replication_role = replica")
    books.connection.execute("UPDATE accounts SET desk_id = 'other' WHERE account_id = %s", [ACCOUNT])
    told = run.invoke(audit, ["verify", "--dsn", dsn])
    assert told.exit_code == 1
    assert f'accounts {{"account_id": "{ACCOUNT}"}}: changed' in told.output
    assert "desk_id" in told.output
