"""ArrayStatement on a real database: every value comes back as it went in."""

import uuid
from datetime import UTC, datetime
from decimal import Decimal

import psycopg

from oms_platform.ids import uuid7
from oms_platform.postgres import ArrayStatement

COLUMNS = (
    ("a", "uuid"),
    ("b", "int"),
    ("c", "numeric"),
    ("d", "boolean"),
    ("e", "timestamptz"),
    ("f", "text"),
    ("g", "jsonb"),
    ("h", "bytea"),
    ("i", "bigint"),
)
AWKWARD = (
    "plain",
    "",
    'a "quoted" one',
    "back\\slash",
    "comma, {brace} 'quote'",
    "NULL",
    "null",
    "é – 漢\nline",
)


def test_awkward_values_and_nulls_come_back_unchanged(dsn: str) -> None:
    at = datetime(2026, 11, 2, 14, 30, 0, 123456, tzinfo=UTC)
    rows = [
        (
            uuid.uuid4(),
            n - 3,
            Decimal("-0.000001") * n,
            n % 2 == 0,
            at,
            text,
            f'{{"k": "\\"{n}\\\\"}}',
            text.encode(),
            n << 40,
        )
        for n, text in enumerate(AWKWARD)
    ]
    rows.append((None,) * len(COLUMNS))  # type: ignore[arg-type]
    statement = ArrayStatement(COLUMNS, "SELECT * FROM {rows}")
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        statement.execute(cursor, rows)
        found = cursor.fetchall()
    assert [(*row[:6], *row[7:]) for row in found] == [(*row[:6], *row[7:]) for row in rows]
    assert [row[6] and row[6]["k"] for row in found] == [*(f'"{n}\\' for n in range(len(AWKWARD))), None]


def test_nothing_is_sent_without_rows(dsn: str) -> None:
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        ArrayStatement(COLUMNS, "this is no SQL").execute(cursor, [])


def test_an_update_over_rows_of_one_week_looks_at_that_weeks_partition_alone(dsn: str) -> None:
    update = ArrayStatement(
        (("order_id", "uuid"), ("text", "text")),
        "UPDATE orders SET text = row.text FROM {rows} WHERE orders.order_id = row.order_id",
        pruned="orders.order_id",
    )
    with psycopg.connect(dsn, autocommit=True, options="-c plan_cache_mode=force_generic_plan") as connection:
        parameters = update.parameters([(uuid7(), "a"), (uuid7(), "b")])
        explain = f"EXPLAIN (COSTS OFF) {update.text}"
        plan = "\n".join(row[0] for row in connection.execute(explain, parameters, prepare=True).fetchall())
    assert plan.count("on orders_") + plan.count("on orders orders_") <= 3, plan
