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
from oms_platform.order_ids import child_cl_ord_id
from oms_tools.bench.preload import ACCOUNT as PRELOAD_ACCOUNT
from oms_tools.bench.preload import PreloadError, await_settled, copy_times, read_pattern, write_copies
from oms_tools.verify.carriers import check_venue
from oms_tools.verify.database import check_database
from oms_tools.verify.histories import check_histories
from oms_tools.verify.report import Finding

Connection = psycopg.Connection[tuple[Any, ...]]
ACCOUNT = "ACC-INST-001"


def store_filled(connection: Connection, journal: Path) -> UUID:
    """Store an order that bought 10 at one venue, as the services do, and the venue's lines about it."""
    order_id, now, book_id, reference_id, route_id = uuid7(), utc_now(), uuid7(), uuid7(), uuid7()
    child = child_cl_ord_id(order_id, 1, 1)
    connection.execute("INSERT INTO order_keys VALUES (%s, 'API', 'first', %s)", [ACCOUNT, order_id])
    connection.execute(
        "INSERT INTO orders VALUES (%s, %s, 'API', 'first', 'AAPL', 'BUY', 'MARKET', 'DAY', 10, NULL,"
        " 'FILLED', true, 10, 0, 2275, '', 4, %s, %s)",
        [order_id, ACCOUNT, now, now],
    )
    terms = {"accountId": ACCOUNT, "clientOrderId": "first", "symbol": "AAPL", "side": "SIDE_BUY"}
    terms |= {"quantity": 10}
    request = {"orderId": str(order_id), "terms": terms}
    connection.execute(
        "INSERT INTO order_requests VALUES (%s, 'NEW', %s, %s, 'desk', %s, '', %s)",
        [order_id, order_id, ACCOUNT, _json(request), now],
    )
    leg = {"orderId": str(order_id), "clOrdId": child, "venueId": "XNYS", "side": "SIDE_BUY", "quantity": 10}
    leg["limitPriceMicros"] = 227500000
    fill = {"venueId": "XNYS", "execId": "XNYS-7", "clOrdId": child, "lastQty": 10, "lastPxMicros": 227500000}
    accepted = {"route": {"routeId": str(route_id), "quantity": 10}, "note": "a\ttab and a \\ backslash"}
    events: list[tuple[str, str, UUID | None, dict[str, Any]]] = [
        ("OrderAccepted", "ACKNOWLEDGED", order_id, {"orderAccepted": accepted}),
        ("RoutePlaced", "ACKNOWLEDGED", None, {"routePlaced": {"attempt": 1, "children": [leg]}}),
        ("TradeApplied", "FILLED", None, {"lastQty": 10, "lastPx": "227.5", "tradeApplied": fill}),
    ]
    for place, (kind, status, request_id, body) in enumerate(events):
        payload = {
            "eventId": str(uuid7()),
            "orderId": str(order_id),
            "accountId": ACCOUNT,
            "sequence": place + 2,
            "streamSequence": place + 1,
            "status": f"ORDER_STATUS_{status}",
            "quantity": 10,
            "symbol": "AAPL",
            "side": "SIDE_BUY",
        }
        connection.execute(
            "INSERT INTO order_events VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            [order_id, place + 2, ACCOUNT, place + 1, kind, request_id, _json(payload | body), now],
        )
    connection.execute("INSERT INTO account_streams VALUES (%s, 3)", [ACCOUNT])
    # They are of before the audit.
    connection.execute(
        "INSERT INTO audit_begins (stream, sequence, chain, reason) VALUES (%s, 3, %s, 'the audit began')",
        [f"account:{ACCOUNT}", bytes(32)],
    )
    connection.execute("INSERT INTO route_books VALUES (%s, 'AAPL', %s, '{}')", [book_id, now])
    connection.execute("INSERT INTO route_references VALUES (%s, '{}', %s)", [reference_id, now])
    plan = _json({"routeId": str(route_id), "children": [leg]}).encode() + b"\x00\xff\\"
    connection.execute(
        "INSERT INTO route_audit VALUES (%s, 1, %s, %s, '\\x01', '{}', %s, %s, %s, %s, 0, 0)",
        [order_id, ACCOUNT, plan, book_id, reference_id, now, now],
    )
    connection.execute(
        "INSERT INTO child_orders VALUES (%s, %s, 1, 1, 'XNYS', 10, %s, false, 'FILLED', 10, 0, 'XNYS-O3',"
        " %s, %s, %s)",
        [order_id, child, _json(leg | {"accountId": ACCOUNT}), now, now, now],
    )
    connection.execute("INSERT INTO positions VALUES (%s, 'AAPL', 10, 2275, 0, -2275, %s)", [ACCOUNT, now])
    lines = [
        {"record": "order", "cl_ord_id": child, "side": "BUY", "order_qty": 10},
        {"record": "report", "cl_ord_id": child, "side": "BUY", "leaves_qty": 0}
        | {"exec_id": "XNYS-7", "last_qty": 10, "last_px": "227.5"},
    ]
    journal.write_text("".join(f"{_json(line)}\n" for line in lines))
    return order_id


def _json(message: dict[str, Any]) -> str:
    """Encode as the services do: without a space."""
    return json.dumps(message, separators=(",", ":"))


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
        for table in ("orders", "order_keys", "order_requests", "route_audit", "child_orders", "executions"):
            assert count(connection, table) == 2_503, table
        assert count(connection, "order_events") == 2_503 * 3
        assert (count(connection, "route_books"), count(connection, "route_references")) == (1, 1)
        heads = connection.execute("SELECT account_id, head FROM account_streams ORDER BY 1").fetchall()
        assert heads == [(ACCOUNT, 3), (PRELOAD_ACCOUNT, 2_502 * 3)]
        # Core copies none of them to those who keep books.
        copied = connection.execute("SELECT account_id, sequence FROM drop_copy_places").fetchall()
        assert copied == [(PRELOAD_ACCOUNT, 2_502 * 3)]
        findings = judged(connection, tmp_path)
        assert min(finding.examined for finding in findings[:7]) > 2_500
        monday = datetime(now.year, now.month, now.day, tzinfo=UTC) - timedelta(days=now.weekday())
        for born, created in connection.execute(
            "SELECT order_id, created_at FROM orders WHERE order_id <> %s", [order_id]
        ):
            assert uuid7_time(born) < monday
            assert abs(created - uuid7_time(born)) < timedelta(seconds=1)


def test_copies_again_go_on_with_their_accounts_stream_and_a_core_that_has_another_is_not_touched(
    dsn: str, tmp_path: Path
) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        order_id = store_filled(connection, tmp_path / "journal.jsonl")
        pattern = read_pattern(connection, order_id)
        for seconds in range(3):
            write_copies(connection, pattern, 2, utc_now() + timedelta(seconds=seconds))
        judged_database = [*check_database(connection), *check_histories(connection)]
        assert [finding.violations for finding in judged_database if finding.broken] == []
        places = connection.execute(
            "SELECT stream_sequence, (payload->>'streamSequence')::int FROM order_events"
            " WHERE account_id = %s ORDER BY 1",
            [PRELOAD_ACCOUNT],
        ).fetchall()
        assert places == [(number, number) for number in range(1, 19)]
        with connection.transaction():
            connection.execute("SELECT move_stream(%s, 3, 4)", [ACCOUNT])


def test_own_ids_account_and_side_are_the_copys_wherever_they_stand_and_all_else_is_as_it_was(
    dsn: str, tmp_path: Path
) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        order_id = store_filled(connection, tmp_path / "journal.jsonl")
        write_copies(connection, read_pattern(connection, order_id), 2, utc_now())
        rows = connection.execute(
            "SELECT o.order_id, o.account_id, o.client_order_id, o.side, q.request_id, q.payload, r.plan,"
            " r.book_id, c.cl_ord_id, c.terms, x.exec_id, x.side, a.request_id, a.payload, e.payload,"
            " k.client_order_id"
            " FROM orders o JOIN order_requests q USING (order_id) JOIN route_audit r USING (order_id)"
            " JOIN child_orders c USING (order_id) JOIN executions x USING (order_id, cl_ord_id)"
            " JOIN order_events a ON a.order_id = o.order_id AND a.sequence = 2"
            " JOIN order_events e ON e.order_id = o.order_id AND e.sequence = 4"
            " JOIN order_keys k ON k.order_id = o.order_id"
        ).fetchall()
        books = {row[7] for row in rows}
    assert len(rows) == 3
    assert sorted((row[1], row[3]) for row in rows) == [
        (ACCOUNT, "BUY"),
        (PRELOAD_ACCOUNT, "BUY"),
        (PRELOAD_ACCOUNT, "SELL"),
    ]
    routes, event_ids = set(), set()
    for row in rows:
        born, account, name, side, request_id, request, stored, _, child, terms, execution = row[:11]
        fill_side, answered, accepted, fill, key = row[11:]
        wire_side = f"SIDE_{side}"
        assert (request_id, answered, fill_side, key) == (born, born, side, name)
        own = {
            "accountId": account,
            "clientOrderId": name,
            "symbol": "AAPL",
            "side": wire_side,
            "quantity": 10,
        }
        assert request == {"orderId": str(born), "terms": own}
        plan, rest = json.loads(bytes(stored)[:-3]), bytes(stored)[-3:]
        assert rest == b"\x00\xff\\"
        assert plan["routeId"] == accepted["orderAccepted"]["route"]["routeId"]
        assert child == f"{born.hex}-1-1" == terms["clOrdId"] == plan["children"][0]["clOrdId"]
        assert (terms["accountId"], terms["side"]) == (account, wire_side)
        assert (fill["tradeApplied"]["execId"], fill["tradeApplied"]["clOrdId"]) == (execution, child)
        assert (fill["accountId"], fill["side"], fill["lastPx"]) == (account, wire_side, "227.5")
        assert accepted["orderAccepted"]["note"] == "a\ttab and a \\ backslash"
        routes.add(plan["routeId"])
        event_ids |= {accepted["eventId"], fill["eventId"]}
    for column in (0, 2, 8, 10):
        assert len({row[column] for row in rows}) == 3
    assert (len(books), len(routes), len(event_ids)) == (1, 3, 6)


def test_without_a_past_weeks_partitions_or_without_the_order_there_is_nothing_to_copy(
    dsn: str, tmp_path: Path
) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        with pytest.raises(PreloadError, match=r"expected order .* found none"):
            read_pattern(connection, uuid7())
        with pytest.raises(PreloadError, match="expected partitions of a past week"):
            copy_times(connection, utc_now() - timedelta(days=28))
