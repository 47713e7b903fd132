"""Postgres: connections, statements over arrays of rows, and consumer offsets inside the caller's transaction."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import psycopg
import structlog

from oms_platform.errors import OperationalError

Connection = psycopg.Connection[Any]
Cursor = psycopg.Cursor[Any]
CONNECT_TIMEOUT_S: Final = 5
CONNECT_TRIES: Final = 20
_CONNECT_BACKOFF_S: Final = 0.5

log = structlog.get_logger()


class PostgresUnavailableError(OperationalError):
    """Postgres cannot be reached."""


def connect(dsn: str, application: str) -> Connection:
    """Open an autocommit connection, retrying for about ten seconds. Raises PostgresUnavailableError."""
    for attempt in range(CONNECT_TRIES):
        try:
            return psycopg.connect(
                dsn, autocommit=True, application_name=application, connect_timeout=CONNECT_TIMEOUT_S
            )
        except psycopg.OperationalError as error:
            log.warning("postgres_unreachable", attempt=attempt + 1, error=str(error).strip())
            last = error
            time.sleep(_CONNECT_BACKOFF_S)
    raise PostgresUnavailableError(str(last)) from last


class ArrayStatement:
    """One SQL statement over many rows: each column is sent as an array and read back with `unnest`.

    `columns` are (name, Postgres type) pairs; the statement's text refers to the rows as `row`, with those names.
    """

    def __init__(self, columns: Sequence[tuple[str, str]], statement: str) -> None:
        names = ", ".join(name for name, _ in columns)
        arrays = ", ".join(f"%s::{kind}[]" for _, kind in columns)
        self._width = len(columns)
        self._text = statement.replace("{rows}", f"unnest({arrays}) AS row({names})")

    @classmethod
    def insert(cls, table: str, columns: Sequence[tuple[str, str]], suffix: str = "") -> "ArrayStatement":
        """Build `INSERT INTO table (columns) SELECT … FROM unnest(…)` with an ending such as ON CONFLICT."""
        names = ", ".join(name for name, _ in columns)
        return cls(columns, f"INSERT INTO {table} ({names}) SELECT {names} FROM {{rows}} {suffix}")  # noqa: S608

    def execute(self, cursor: Cursor, rows: Sequence[Sequence[Any]]) -> None:
        """Run the statement over `rows`, tuples in the order of the columns; nothing happens without rows."""
        if rows:
            cursor.execute(self._text, [list(column) for column in zip(*rows, strict=True)])

    @property
    def text(self) -> str:
        """The statement, for an asynchronous cursor."""
        return self._text

    @staticmethod
    def columns_of(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
        """Turn rows into the statement's parameters."""
        return [list(column) for column in zip(*rows, strict=True)]


def load_offsets(
    connection: Connection, group: str, incarnation: str, places: Sequence[tuple[str, int]]
) -> dict[tuple[str, int], int]:
    """Return the stored next offset of each (topic, partition) of `places` that has one."""
    found = connection.execute(
        "SELECT topic, partition, next_offset FROM consumer_offsets WHERE consumer_group = %s AND incarnation = %s",
        (group, incarnation),
    ).fetchall()
    wanted = set(places)
    return {(topic, number): offset for topic, number, offset in found if (topic, number) in wanted}


_SAVE_OFFSETS: Final = ArrayStatement(
    (
        ("incarnation", "text"),
        ("consumer_group", "text"),
        ("topic", "text"),
        ("partition", "int"),
        ("next_offset", "bigint"),
        ("updated_at", "timestamptz"),
    ),
    "INSERT INTO consumer_offsets AS kept (incarnation, consumer_group, topic, partition, next_offset, updated_at)"
    " SELECT incarnation, consumer_group, topic, partition, next_offset, updated_at FROM {rows}"
    " ON CONFLICT (incarnation, consumer_group, topic, partition) DO UPDATE"
    " SET next_offset = EXCLUDED.next_offset, updated_at = EXCLUDED.updated_at"
    " WHERE kept.next_offset < EXCLUDED.next_offset",
)


def save_offsets(
    cursor: Cursor, group: str, incarnation: str, next_offsets: Mapping[tuple[str, int], int], now: datetime
) -> None:
    """Store the offsets after a batch, in the batch's transaction."""
    rows = [
        (incarnation, group, topic, number, offset, now) for (topic, number), offset in next_offsets.items()
    ]
    _SAVE_OFFSETS.execute(cursor, rows)
