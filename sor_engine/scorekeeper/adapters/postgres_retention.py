"""Retention: how long routes, what they were decided on, quotes, and messages to FIX clients are kept.

Kept whole weeks at a time: a partition goes when all that it holds is old enough. What a kept route was
decided on stays with it. A partition is that of its order's birth, so one of old orders may hold young
routes: it stays while it does.
"""

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import psycopg
import structlog
from psycopg import sql

from oms_platform.ids import uuid7_time
from oms_platform.postgres import Connection

DAYS_MIN: Final = 30
ROUTES: Final = "route_audit"
# What routes were decided on. Its rows are at most a day older than the routes that use them; a week is left.
INPUTS: Final = ("route_books", "route_references")
INPUTS_MARGIN: Final = timedelta(days=7)
# What stands by itself: quotes, and what clients' FIX sessions may ask for again.
BY_THEMSELVES: Final = ("quote_tape", "fix_client_messages")
LOCK_TIMEOUT_MS: Final = 200
LOCK_TRIES: Final = 10
_LOCK_PAUSE_S: Final = 0.2
_BOUNDS: Final = re.compile(r"FROM \('([^']+)'\) TO \('([^']+)'\)")
_PARTITIONS: Final = """
SELECT part.relname, pg_get_expr(part.relpartbound, part.oid)
FROM pg_inherits JOIN pg_class part ON part.oid = inhrelid
WHERE inhparent = to_regclass(%s) ORDER BY 1
"""
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
    for table in BY_THEMSELVES:
        gone += [part for part in partitions_of(connection, table) if part.end <= cutoff]
    return gone


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
