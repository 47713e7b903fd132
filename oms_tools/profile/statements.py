"""What Postgres did for whom: statements by its own counts where it keeps them, else by looking often.

The counts are the extension pg_stat_statements'. A server without it, as the embedded one, is asked many
times a second what its backends are at (pg_stat_activity): shares, no calls and no rows.
"""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from oms_platform.postgres import Connection

SHOWN_MAX: Final = 12
TEXT_MAX: Final = 110
LOOK_EVERY_S: Final = 0.02
APPLICATION: Final = "oms-profile"
_COUNTS: Final = """
    SELECT s.queryid::text, min(s.query), sum(s.calls)::bigint, sum(s.total_exec_time)::float8,
           sum(s.rows)::bigint, sum(s.shared_blks_hit + s.shared_blks_read)::bigint, sum(s.wal_bytes)::bigint
    FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
    WHERE d.datname = current_database() AND s.queryid IS NOT NULL
    GROUP BY 1
"""
_CLIENTS: Final = """
    SELECT pid, coalesce(nullif(application_name, ''), backend_type, 'backend') FROM pg_stat_activity
"""
_ACTIVITY: Final = """
    SELECT application_name, query, coalesce(wait_event_type || ' ' || wait_event, '')
    FROM pg_stat_activity
    WHERE state = 'active' AND backend_type = 'client backend' AND pid <> pg_backend_pid()
      AND wait_event IS DISTINCT FROM 'ClientRead'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementCounts:
    """One statement's counts until a moment, or between two. blocks: of 8 KB, found in memory or read."""

    text: str
    calls: int
    ms: float
    rows: int
    blocks: int
    wal_bytes: int

    def since(self, before: "StatementCounts | None") -> "StatementCounts":
        """Return what was counted since."""
        if before is None:
            return self
        return StatementCounts(
            text=self.text,
            calls=self.calls - before.calls,
            ms=self.ms - before.ms,
            rows=self.rows - before.rows,
            blocks=self.blocks - before.blocks,
            wal_bytes=self.wal_bytes - before.wal_bytes,
        )

    def figures(self, orders: int) -> dict[str, Any]:
        """Return them an order."""
        orders = max(1, orders)
        return {
            "statement": one_line(self.text),
            "calls": round(self.calls / orders, 4),
            "ms": round(self.ms / orders, 4),
            "rows": round(self.rows / orders, 3),
            "blocks": round(self.blocks / orders, 2),
            "wal_bytes": round(self.wal_bytes / orders, 1),
        }


def one_line(text: str) -> str:
    """Return a statement in one line, its end left out where it is long."""
    short = " ".join(text.split())
    return short if len(short) <= TEXT_MAX else f"{short[: TEXT_MAX - 1]}…"


def count_statements(connection: Connection) -> dict[str, StatementCounts] | None:
    """Return what the server has counted by statement, or None when it does not count."""
    row = connection.execute("SELECT to_regclass('pg_stat_statements') IS NOT NULL").fetchone()
    if row is None or not row[0]:
        return None
    try:
        rows = connection.execute(_COUNTS).fetchall()
    except psycopg.errors.ObjectNotInPrerequisiteState:
        return None
    return {
        query_id: StatementCounts(
            text=text, calls=calls, ms=ms, rows=count, blocks=blocks, wal_bytes=wal_bytes
        )
        for query_id, text, calls, ms, count, blocks, wal_bytes in rows
    }


def statement_figures(
    before: Mapping[str, StatementCounts], after: Mapping[str, StatementCounts], orders: int
) -> list[dict[str, Any]]:
    """Return the statements that took the most time between two counts, as numbers an order."""
    used = [counts.since(before.get(query_id)) for query_id, counts in after.items()]
    called = sorted((counts for counts in used if counts.calls > 0), key=lambda counts: -counts.ms)
    return [counts.figures(orders) for counts in called[:SHOWN_MAX]]


def backend_names(connection: Connection) -> dict[int, str]:
    """Return each of the server's processes by its system id: its client's name, or what it does itself."""
    return dict(connection.execute(_CLIENTS).fetchall())


@dataclass(slots=True)
class Activity:
    """How often a statement was found at work: (client, statement, what it waited for or "") -> finds."""

    looks: int
    found: Counter[tuple[str, str, str]]

    def figures(self) -> list[dict[str, Any]]:
        """Return the statements that were found the most often.

        Shares of all finds, in percent: `running`, and `waiting` with what for.
        """
        total = max(1, self.found.total())
        running: Counter[tuple[str, str]] = Counter()
        waits: dict[tuple[str, str], Counter[str]] = {}
        for (client, statement, wait), count in self.found.items():
            running[client, statement] += 0 if wait else count
            waits.setdefault((client, statement), Counter())[wait] += count if wait else 0
        by_finds = sorted(waits, key=lambda key: -running[key] - waits[key].total())
        return [
            {
                "client": key[0],
                "statement": key[1],
                "running": round(running[key] / total * 100, 1),
                "waiting": round(waits[key].total() / total * 100, 1),
                "waits_for": waits[key].most_common(1)[0][0] if waits[key].total() else "",
            }
            for key in by_finds[:SHOWN_MAX]
        ]


class ActivityLooks:
    """Looks in a thread and over a connection of its own. Its cost is one short statement a look."""

    def __init__(self, dsn: str, every_s: float = LOOK_EVERY_S) -> None:
        self._dsn = dsn
        self._every_s = every_s
        self._activity = Activity(looks=0, found=Counter())
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="activity", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> Activity:
        """End. Returns what was found; nothing when the server went away."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        return self._activity

    def _run(self) -> None:
        try:
            with psycopg.connect(self._dsn, autocommit=True, application_name=APPLICATION) as connection:
                while not self._stop.wait(self._every_s):
                    rows = connection.execute(_ACTIVITY).fetchall()
                    self._activity.looks += 1
                    self._activity.found.update((client, one_line(text), wait) for client, text, wait in rows)
        except psycopg.OperationalError:
            return
