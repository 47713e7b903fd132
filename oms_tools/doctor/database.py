"""Does Postgres have our schema, the partitions to come, and what the services should have written lately?"""

import time
from datetime import datetime, timedelta
from typing import Final

import psycopg

from oms_platform.errors import without_secrets
from oms_platform.postgres import Connection
from oms_platform.schema.migrate import (
    PARTITIONED,
    PARTITIONED_BY_TIME,
    WEEK,
    expected_revision,
    found_revision,
    monday_of,
    partition_name,
)
from oms_tools.doctor.check import ANSWER_S_MAX, Check, limited

CLOCK_SKEW_S_MAX: Final = 0.25
UNANSWERED_S_MAX: Final = 10.0
QUOTE_AGE_S_MAX: Final = 30.0
REPLICA_LAG_S_MAX: Final = 5.0
REPLICA_LOOK_S: Final = 0.05
PARTITIONS_AHEAD: Final = 2 * WEEK
_HAS_REPLAYED: Final = "SELECT NOT pg_is_in_recovery() OR pg_last_wal_replay_lsn() >= %s::pg_lsn"


def check_schema(connection: Connection) -> Check:
    """Look at the schema's revision."""
    found, expected = found_revision(connection), expected_revision()
    return Check(name="schema", well=found == expected, detail=f"expected {expected}, found {found}")


def check_clock(connection: Connection) -> Check:
    """Compare our clock with Postgres': the truth is between the question and the answer."""
    asked = time.time()
    row = connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
    answered = time.time()
    theirs = float(str(row[0])) if row is not None else 0.0
    skew_s = max(asked - theirs, theirs - answered, 0.0)
    return limited("clock", skew_s, CLOCK_SKEW_S_MAX, "s from Postgres'")


def check_partitions(connection: Connection, now: datetime) -> Check:
    """Look whether every growing table has its partition two weeks from now."""
    monday = monday_of(now + PARTITIONS_AHEAD)
    tables = (*PARTITIONED, *PARTITIONED_BY_TIME)
    missing = []
    for table in tables:
        row = connection.execute("SELECT to_regclass(%s)", (partition_name(table, monday),)).fetchone()
        if row is None or row[0] is None:
            missing.append(table)
    detail = f"week of {monday:%Y-%m-%d}: {len(tables) - len(missing)} of {len(tables)} tables"
    if missing:
        detail += f", missing {', '.join(missing)}"
    return Check(name="partitions ahead", well=not missing, detail=detail)


def check_replica(connection: Connection, read_dsn: str) -> Check:
    """Look how long the read replica takes to have what the primary has now."""
    try:
        with psycopg.connect(read_dsn, autocommit=True, connect_timeout=int(ANSWER_S_MAX)) as replica:
            row = connection.execute("SELECT pg_current_wal_lsn()::text").fetchone()
            written = str(row[0]) if row is not None else ""
            started = time.monotonic()
            while time.monotonic() - started <= REPLICA_LAG_S_MAX:
                if replica.execute(_HAS_REPLAYED, (written,)).fetchone() == (True,):
                    lag_s = time.monotonic() - started
                    return limited("read replica", lag_s, REPLICA_LAG_S_MAX, "s behind")
                time.sleep(REPLICA_LOOK_S)
    except psycopg.OperationalError as error:
        return Check(name="read replica", well=False, detail=without_secrets(str(error).strip()))
    detail = f"more than {REPLICA_LAG_S_MAX:g} s behind"
    return Check(name="read replica", well=False, detail=detail)


def check_unanswered(connection: Connection) -> Check:
    """Look how long the oldest new order has waited for the core."""
    row = connection.execute(
        "SELECT count(*), coalesce(extract(epoch FROM now() - min(r.received_at)), 0)::float8"
        " FROM orders o JOIN order_requests r ON r.request_id = o.order_id"
        " WHERE NOT o.closed AND o.sequence = 1"
    ).fetchone()
    count, age_s = row if row is not None else (0, 0.0)
    return limited("requests", float(str(age_s)), UNANSWERED_S_MAX, "s old", f"{count} waiting, the oldest")


def check_sessions(connection: Connection) -> Check:
    """Look whether every venue's FIX session is up, but those that are down on purpose."""
    rows = connection.execute(
        "SELECT venue_id, coalesce(up, false), changed_at, coalesce(on_purpose, false)"
        " FROM venues LEFT JOIN fix_sessions USING (venue_id) ORDER BY venue_id"
    ).fetchall()
    out = [venue_id for venue_id, up, _, on_purpose in rows if on_purpose and not up]
    down = [
        f"{venue_id} since {at or 'ever'}" for venue_id, up, at, _ in rows if not up and venue_id not in out
    ]
    detail = f"{len(rows) - len(down) - len(out)} of {len(rows)} up"
    detail += f"; out on purpose: {', '.join(out)}" if out else ""
    detail += f"; down: {', '.join(down)}" if down else ""
    return Check(name="FIX sessions", well=bool(rows) and not down, detail=detail)


def check_quotes(connection: Connection, now: datetime) -> Check:
    """Look how old the newest quote of the tape is."""
    row = connection.execute(
        "SELECT extract(epoch FROM now() - max(quoted_at))::float8 FROM quote_tape WHERE quoted_at > %s",
        (now - timedelta(hours=1),),
    ).fetchone()
    if row is None or row[0] is None:
        return Check(name="quotes", well=False, detail="none on the tape in the last hour")
    return limited("quotes", float(str(row[0])), QUOTE_AGE_S_MAX, "s old", "the newest is")
