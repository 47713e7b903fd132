"""Copies of a filled order: as many as were asked for, in past weeks, and nothing that the judge minds."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from oms_platform.clock import utc_now
from oms_platform.ids import uuid7, uuid7_time
from oms_platform.order_ids import child_cl_ord_id, route_id
from oms_tools.bench.preload import PreloadError, await_settled, copy_times, read_pattern, write_copies
from oms_tools.verify.carriers import check_venue
from oms_tools.verify.database import check_database
from oms_tools.verify.histories import check_histories
from oms_tools.verify.report import Finding

Connection = psycopg.Connection[tuple[Any, ...]]
ACCOUNT = "ACC-INST-001"


def store_filled(connection: Connection, journal: Path) -> UUID:
    """Store an order that bought 10 at one venue, as the services do, and the venue's lines about it."""
    order_id, now, book_id = uuid7(), utc_now(), uuid7()
    route, child = route_id(order_id, 1), child_cl_ord_id(order_id, 1, 1)
    connection.execute("INSERT INTO order_keys VALUES (%s, 'API', 'first', %s, '\\x01')", [ACCOUNT, order_id])
    connection.execute(
        "INSERT INTO orders VALUES (%s, %s, 'API', 'first', 'desk', 'AAPL', 'BUY', 'MARKET', 'DAY', 10, NULL,"
        " 'FILLED', true, 10, 0, 2275, '', 5, %s, %s)",
        [order_id, ACCOUNT, now, now],
    )
    leg = {"cl_ord_id": child, "venue_id": "XNYS", "quantity": 10}
    fill = {"cl_ord_id": child, "venue_id": "XNYS", "exec_id": "XNYS-7", "last_qty": 10, "last_px": "227.5"}
    events = [
        ("OrderReceived", "NEW", {}),
        ("OrderAccepted", "ACKNOWLEDGED", {"note": "a\ttab and a \\ backslash"}),
        ("RouteRequested", "ACKNOWLEDGED", {"route_id": str(route)}),
        ("RoutePlaced", "ACKNOWLEDGED", {"legs": [leg]}),
        ("TradeApplied", "FILLED", fill),
    ]
    for place, (kind, status, data) in enumerate(events):
        connection.execute(
            "INSERT INTO order_events VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                order_id,
                place + 1,
                uuid7(),
                ACCOUNT,
                place or None,
                kind,
                status,
                json.dumps({"data": data}),
                now,
            ],
        )
    payload = json.dumps({"orderId": str(order_id), "clientOrderId": "first"}).encode() + b"\x00\xff\\"
    connection.execute(
        "INSERT INTO outbox VALUES (%s, 'api', %s, 'orders.inbound', %s, 'SubmitOrder', %s, '', %s, %s)",
        [uuid7(), order_id, ACCOUNT, payload, now, now],
    )
    connection.execute("INSERT INTO route_books VALUES (%s, 'AAPL', %s, '{}')", [book_id, now])
    connection.execute(
        "INSERT INTO route_audit VALUES (%s, 1, %s, %s, %s, %s, %s, '{}', %s, NULL)",
        [order_id, route, ACCOUNT, json.dumps({"routeId": str(route)}).encode(), now, now, book_id],
    )
    connection.execute(
        "INSERT INTO child_orders VALUES (%s, %s, %s, 1, 1, %s, 'XNYS', 'XNYS-O3', 'AAPL', 'BUY', 10, 228,"
        " 'IOC', 'FILLED', 10, 0, %s, %s, %s)",
        [order_id, child, route, ACCOUNT, now, now, now],
    )
    connection.execute(
        "INSERT INTO executions VALUES (%s, 'XNYS', 'XNYS-7', %s, %s, 'AAPL', 'BUY', 10, 227.5, %s, %s, %s)",
        [order_id, ACCOUNT, child, now, now, now],
    )
    connection.execute("INSERT INTO positions VALUES (%s, 'AAPL', 10, 2275, 0, -2275, %s)", [ACCOUNT, now])
    lines = [
        {"record": "order", "cl_ord_id": child, "order_qty": 10},
        {"record": "report", "cl_ord_id": child, "leaves_qty": 0}
        | {"exec_id": "XNYS-7", "last_qty": 10, "last_px": "227.5"},
    ]
    journal.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
    return order_id


def judged(connection: Connection, folder: Path) -> list[Finding]:
    findings = [*check_database(connection), *check_histories(connection), check_venue(connection, folder)]
    assert {finding.invariant: finding.violations for finding in findings if finding.broken} == {}
    return findings


def count(connection: Connection, table: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert row is not None
    return int(row[0])


def test_copies_fill_every_table_of_orders_in_past_weeks_and_the_judge_is_content(
    dsn: str, tmp_path: Path
) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        order_id = store_filled(connection, tmp_path / "journal.jsonl")
        judged(connection, tmp_path)
        await_settled(connection, order_id)
        pattern = read_pattern(connection, order_id, tmp_path / "journal.jsonl")
        now, seen = utc_now(), list[int]()
        written = write_copies(
            connection, pattern, 2_501, now, journal=tmp_path / "preload.jsonl", on_batch=seen.append
        )
        assert (written, seen) == (2_502, [1_000, 2_000, 2_502])
        for table in ("orders", "order_keys", "outbox", "route_audit", "child_orders", "executions"):
            assert count(connection, table) == 2_503, table
        assert count(connection, "order_events") == 2_503 * 5
        assert (count(connection, "route_books"), count(connection, "positions")) == (1, 1)
        findings = judged(connection, tmp_path)
        assert (
            min(finding.examined for finding in findings[:6] if "reference" not in finding.invariant) > 2_500
        )
        monday = datetime(now.year, now.month, now.day, tzinfo=UTC) - timedelta(days=now.weekday())
        for born, created in connection.execute(
            "SELECT order_id, created_at FROM orders WHERE order_id <> %s", [order_id]
        ):
            assert uuid7_time(born) < monday
            assert abs(created - uuid7_time(born)) < timedelta(seconds=1)


def test_own_ids_are_new_wherever_they_stand_and_all_else_is_as_it_was(dsn: str, tmp_path: Path) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        order_id = store_filled(connection, tmp_path / "journal.jsonl")
        write_copies(connection, read_pattern(connection, order_id), 2, utc_now())
        rows = connection.execute(
            "SELECT o.order_id, o.client_order_id, o.side, b.payload, r.plan, r.route_id, r.book_id,"
            " c.cl_ord_id, x.exec_id, x.side, e.payload->'data', a.payload->'data'->>'note',"
            " k.client_order_id"
            " FROM orders o JOIN outbox b USING (order_id) JOIN route_audit r USING (order_id)"
            " JOIN child_orders c USING (order_id) JOIN executions x USING (order_id, cl_ord_id)"
            " JOIN order_events e ON e.order_id = o.order_id AND e.sequence = 5"
            " JOIN order_events a ON a.order_id = o.order_id AND a.sequence = 2"
            " JOIN order_keys k ON k.order_id = o.order_id"
        ).fetchall()
        books = {row[6] for row in rows}
    assert len(rows) == 3
    assert sorted(row[2] for row in rows) == ["BUY", "BUY", "SELL"]
    for born, name, side, payload, plan, route, _, child, execution, fill_side, fill, note, key in rows:
        sent, rest = bytes(payload)[:-3], bytes(payload)[-3:]
        assert json.loads(sent) == {"orderId": str(born), "clientOrderId": name}
        assert rest == b"\x00\xff\\"
        assert json.loads(bytes(plan)) == {"routeId": str(route)}
        assert child == f"{born.hex}-1-1" == fill["cl_ord_id"]
        assert (fill["exec_id"], fill_side, note, key) == (execution, side, "a\ttab and a \\ backslash", name)
    for column in (0, 1, 5, 8):
        assert len({row[column] for row in rows}) == 3
    assert len(books) == 1


def test_without_a_past_weeks_partitions_or_without_the_order_there_is_nothing_to_copy(
    dsn: str, tmp_path: Path
) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        with pytest.raises(PreloadError, match=r"expected order .* found none"):
            read_pattern(connection, uuid7())
        with pytest.raises(PreloadError, match="expected partitions of a past week"):
            copy_times(connection, utc_now() - timedelta(days=28))
