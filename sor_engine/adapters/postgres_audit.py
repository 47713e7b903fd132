"""The audit of routes: how long it is kept, and how it leaves.

Kept whole weeks at a time: a partition goes when all that it holds is old enough. What a kept route was
decided on stays with it. A partition is that of its order's birth, so one of old orders may hold young
routes: it stays while it does.
"""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
import psycopg
import structlog
from psycopg import sql

from oms_platform.ids import route_id, uuid7_floor, uuid7_time
from oms_platform.postgres import Connection

DAYS_MIN: Final = 30
ROUTES: Final = "route_audit"
# What routes were decided on. Its rows are at most a day older than the routes that use them; a week is left.
INPUTS: Final = ("route_books", "route_references")
INPUTS_MARGIN: Final = timedelta(days=7)
TAPE: Final = "quote_tape"
LOCK_TIMEOUT_MS: Final = 200
LOCK_TRIES: Final = 10
_LOCK_PAUSE_S: Final = 0.2
_ROWS_A_FETCH: Final = 200
# An order is born before its routes are decided, but by another clock.
CLOCKS_APART: Final = timedelta(minutes=1)
_BOUNDS: Final = re.compile(r"FROM \('([^']+)'\) TO \('([^']+)'\)")
_PARTITIONS: Final = """
SELECT part.relname, pg_get_expr(part.relpartbound, part.oid)
FROM pg_inherits JOIN pg_class part ON part.oid = inhrelid
WHERE inhparent = to_regclass(%s) ORDER BY 1
"""
_ROUTES: Final = """
SELECT order_id, attempt, account_id, received_at, decided_at, quote_wait_us, decision_us, digest, inputs,
       plan, book_id, reference_id
FROM route_audit
WHERE decided_at >= %(since)s AND decided_at < %(until)s AND order_id < %(newest)s
ORDER BY order_id, attempt
"""
# Fetched for a batch of routes at a time: a join would have the server go through every book of every week.
_BOOKS: Final = "SELECT book_id, quote FROM route_books WHERE book_id = ANY(%s)"
_REFERENCES: Final = "SELECT reference_id, content FROM route_references WHERE reference_id = ANY(%s)"
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """One partition of a table, and the time that it holds: from `start` on, below `end`."""

    table: str
    name: str
    start: datetime
    end: datetime


def partitions_of(connection: Connection, table: str) -> list[Partition]:
    """Return a table's partitions by their start. Raises ValueError on a bound that is not one of ours."""
    found = []
    for name, bound in connection.execute(_PARTITIONS, (table,)).fetchall():
        match = _BOUNDS.search(bound)
        if match is None:
            raise ValueError(f"partition {name} must have a bound FROM … TO …, found {bound!r}")
        start, end = _bound_time(match[1]), _bound_time(match[2])
        found.append(Partition(table=table, name=name, start=start, end=end))
    return sorted(found, key=lambda part: part.start)


def _bound_time(text: str) -> datetime:
    try:
        return uuid7_time(UUID(text))
    except ValueError:
        return datetime.fromisoformat(text).astimezone(UTC)


def expired(connection: Connection, days: int, now: datetime) -> list[Partition]:
    """Return the partitions that retention drops, routes before what they were decided on.

    A route is kept for `days` from its decision on. Raises ValueError for fewer days than `DAYS_MIN`.
    """
    if days < DAYS_MIN:
        raise ValueError(f"days must be at least {DAYS_MIN}, was {days}")
    cutoff = now - timedelta(days=days)
    routes = partitions_of(connection, ROUTES)
    gone = [part for part in routes if part.end <= cutoff and not _has_younger(connection, part, cutoff)]
    kept = [part.start for part in routes if part not in gone]
    # The oldest route that stays is as old as its partition may be, and its inputs are older still.
    needed = min([cutoff, *kept]) - INPUTS_MARGIN
    for table in INPUTS:
        gone += [part for part in partitions_of(connection, table) if part.end <= needed]
    return gone + [part for part in partitions_of(connection, TAPE) if part.end <= cutoff]


def _has_younger(connection: Connection, part: Partition, cutoff: datetime) -> bool:
    row = connection.execute(
        sql.SQL("SELECT EXISTS (SELECT 1 FROM {} WHERE decided_at > %s)").format(sql.Identifier(part.name)),
        (cutoff,),
    ).fetchone()
    return bool(row and row[0])


def drop(connection: Connection, part: Partition) -> None:
    """Drop a partition. It waits for the table only moments at a time, so that no order waits for it.

    Raises psycopg.errors.LockNotAvailable when the table could not be had within `LOCK_TRIES`.
    """
    for attempt in range(1, LOCK_TRIES + 1):
        try:
            with connection.transaction():
                connection.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")
                connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(part.name)))
            return
        except psycopg.errors.LockNotAvailable:
            if attempt == LOCK_TRIES:
                raise
            time.sleep(_LOCK_PAUSE_S)


def apply_retention(connection: Connection, days: int, now: datetime) -> list[Partition]:
    """Drop what is older than `days`. Returns the partitions that went."""
    gone = expired(connection, days, now)
    for part in gone:
        drop(connection, part)
        log.info("partition_dropped", table=part.table, partition=part.name, end=part.end.isoformat())
    return gone


def export_routes(connection: Connection, since: datetime, until: datetime) -> Iterator[bytes]:
    """Yield the routes decided from `since` on and before `until`, a JSON line each, by order and attempt.

    inputs, plan, book and reference are as they were stored; book is null where nobody quoted. digest is in
    hex. A cursor on the server holds the rest: memory does not grow with the number of routes.
    """
    with connection.transaction(), connection.cursor(name="export_routes") as cursor:
        cursor.execute(_ROUTES, {"since": since, "until": until, "newest": uuid7_floor(until + CLOCKS_APART)})
        while rows := cursor.fetchmany(_ROWS_A_FETCH):
            books = _fetch(connection, _BOOKS, {row[-2] for row in rows})
            references = _fetch(connection, _REFERENCES, {row[-1] for row in rows})
            for *route, book_id, reference_id in rows:
                yield _line(route, books.get(book_id), references.get(reference_id))


def _fetch(connection: Connection, statement: str, ids: set[UUID | None]) -> dict[UUID | None, bytes]:
    wanted = [key for key in ids if key is not None]
    return dict(connection.execute(statement, (wanted,)).fetchall()) if wanted else {}


def _line(route: Sequence[Any], book: bytes | None, reference: bytes | None) -> bytes:
    (
        order_id,
        attempt,
        account_id,
        received_at,
        decided_at,
        quote_wait_us,
        decision_us,
        digest,
        inputs,
        plan,
    ) = route
    line = {
        "order_id": order_id,
        "attempt": attempt,
        "route_id": route_id(order_id, attempt),
        "account_id": account_id,
        "received_at": received_at,
        "decided_at": decided_at,
        "quote_wait_us": quote_wait_us,
        "decision_us": decision_us,
        "digest": bytes(digest).hex(),
        "inputs": _raw(inputs),
        "plan": _raw(plan),
        "book": _raw(book),
        "reference": _raw(reference),
    }
    return msgspec.json.encode(line) + b"\n"


def _raw(payload: bytes | None) -> msgspec.Raw | None:
    """Return stored JSON as it is; a line break in it can only stand between its parts."""
    return None if payload is None else msgspec.Raw(bytes(payload).replace(b"\n", b" "))
