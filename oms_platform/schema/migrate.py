"""Bring a database to this version's schema, and keep its time partitions ahead of the clock."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import create_engine, text

from oms_platform.errors import ConfigurationError, OperationalError
from oms_platform.ids import uuid7_floor

PARTITIONED: Final = (
    "orders",
    "order_requests",
    "order_events",
    "route_audit",
    "child_orders",
    "child_cancels",
    "refused_plans",
    "fix_journal",
    "route_books",
    "route_references",
    "fix_client_messages",
)
# Partitioned by a time of their own.
PARTITIONED_BY_TIME: Final = ("quote_tape",)
# Tables whose rows are updated while they are young leave room on their pages for it.
_WITH_ROOM: Final = ("orders", "child_orders")
WEEK: Final = timedelta(days=7)
WEEKS_AHEAD: Final = 4
# Rows of these are only ever added.
_ONLY_ADDED: Final = ("order_requests", "order_events")
_MIGRATION_LOCK: Final = 7_304_001
# A migration may change an audited table's rows and then the table: the log does not wait for its end.
_AUDIT_AT_ONCE: Final = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_constraint WHERE conname = 'audited') THEN
        SET CONSTRAINTS audited IMMEDIATE;
    END IF;
END $$
"""
_AUDIT_COLUMNS: Final = """
DO $$ BEGIN
    IF to_regproc('audit_columns') IS NOT NULL THEN
        PERFORM audit_columns();
    END IF;
END $$
"""


class SchemaTooOldError(OperationalError):
    """The database waits for `oms migrate`."""

    dependency = "schema"


class SchemaTooNewError(ConfigurationError):
    """The database has been migrated by a version that this one does not know."""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config


def sqlalchemy_url(dsn: str) -> str:
    """Return the SQLAlchemy address (psycopg 3) of a `postgresql://` address."""
    return dsn.replace("postgresql://", "postgresql+psycopg://", 1)


def expected_revision() -> str:
    """Return the schema revision that this code was written for."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise RuntimeError("expected a migration in oms_platform/schema/versions, found none")
    return head


def found_revision(connection: psycopg.Connection[tuple[object, ...]]) -> str:
    """Return the schema revision of the database, or "none" for an empty one."""
    with connection.transaction():
        row = connection.execute("SELECT to_regclass('alembic_version')").fetchone()
        if row is None or row[0] is None:
            return "none"
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else "none"


def require_revision(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Raise SchemaTooOldError or SchemaTooNewError unless the database has this version's schema."""
    check_revision(found_revision(connection))


def check_revision(found: str) -> None:
    """Raise SchemaTooOldError, which a migration mends, or SchemaTooNewError, which another version does."""
    expected = expected_revision()
    if found == expected:
        return
    older = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if found == "none" or found in older:
        raise SchemaTooOldError(f"schema revision must be {expected}, was {found}; run `oms migrate`")
    raise SchemaTooNewError(
        f"schema revision must be {expected}, was {found}, which this version does not know: run the version"
        " that it belongs to, or restore a backup"
    )


def migrate(dsn: str, now: datetime) -> None:
    """Run every missing migration and make the coming weeks' partitions. Two at the same time are safe.

    Raises ConfigurationError, changing nothing, for a database that this edition cannot go on with.
    """
    with psycopg.connect(dsn, autocommit=True) as lock:
        lock.execute("SELECT pg_advisory_lock(%s)", (_MIGRATION_LOCK,))
        upgrade(dsn, "head")
        ensure_partitions(lock, now)


def upgrade(dsn: str, revision: str) -> None:
    """Run the migrations up to a revision in one transaction: all of them, or none."""
    engine = create_engine(sqlalchemy_url(dsn), connect_args={"options": "-c oms.actor=oms-migrate"})
    try:
        with engine.begin() as connection:
            connection.execute(text(_AUDIT_AT_ONCE))
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
            connection.execute(text(_AUDIT_COLUMNS))
    finally:
        engine.dispose()


def monday_of(at: datetime) -> datetime:
    """Return the start of a time's week, where its partitions start."""
    return datetime(at.year, at.month, at.day, tzinfo=UTC) - timedelta(days=at.weekday())


def partition_name(table: str, monday: datetime) -> str:
    """Return the name of a table's partition for the week that starts then."""
    return f"{table}_{monday:%Y%m%d}"


def ensure_partitions(connection: psycopg.Connection[tuple[object, ...]], now: datetime) -> list[str]:
    """Make the weekly partitions from last week to four weeks ahead. Returns the names of the new ones."""
    monday = monday_of(now)
    made: list[str] = []
    for table in (*PARTITIONED, *PARTITIONED_BY_TIME):
        for week in range(-1, WEEKS_AHEAD + 1):
            start = monday + week * WEEK
            name = partition_name(table, start)
            row = connection.execute("SELECT to_regclass(%s)", (name,)).fetchone()
            if row is not None and row[0] is not None:
                continue
            connection.execute(
                sql.SQL(
                    "CREATE TABLE IF NOT EXISTS {} PARTITION OF {} FOR VALUES FROM ({}) TO ({}){}"
                ).format(
                    sql.Identifier(name),
                    sql.Identifier(table),
                    sql.Literal(_bound(table, start)),
                    sql.Literal(_bound(table, start + WEEK)),
                    sql.SQL(" WITH (fillfactor = 70)" if table in _WITH_ROOM else ""),
                )
            )
            if table in _ONLY_ADDED:
                _refuse_truncate(connection, name)
            made.append(name)
    return made


def _refuse_truncate(connection: psycopg.Connection[tuple[object, ...]], partition: str) -> None:
    """Guard a new partition as its table is; a partition does not inherit it."""
    connection.execute(
        sql.SQL(
            "CREATE OR REPLACE TRIGGER not_truncated BEFORE TRUNCATE ON {}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        ).format(sql.Identifier(partition))
    )


def _bound(table: str, at: datetime) -> str:
    """Return the bound of a table's partition at a time: in its UUIDv7 key, or the time itself."""
    return at.isoformat() if table in PARTITIONED_BY_TIME else str(uuid7_floor(at))
