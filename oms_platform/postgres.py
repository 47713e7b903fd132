"""Postgres: connections, statements over arrays of rows, consumer offsets inside the caller's transaction."""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import psycopg
import structlog
from psycopg.pq import TransactionStatus
from psycopg.types.numeric import NumericLoader

from oms_platform.certificates import explain, postgres_address
from oms_platform.errors import OperationalError, without_secrets
from oms_platform.prices import plain
from oms_platform.worker import StopFlag

Connection = psycopg.Connection[Any]
Cursor = psycopg.Cursor[Any]
CONNECT_TIMEOUT_S: Final = 5
CONNECT_TRIES: Final = 3
_CONNECT_BACKOFF_S: Final = 0.5
STANDBY_LOOK_S: Final = 0.5

log = structlog.get_logger()


class PostgresUnavailableError(OperationalError):
    """Postgres cannot be reached."""

    dependency = "postgres"


def connect(dsn: str, application: str) -> Connection:
    """Open an autocommit connection, trying a few times. Raises PostgresUnavailableError."""
    said = ""
    for attempt in range(CONNECT_TRIES):
        try:
            return psycopg.connect(
                dsn,
                autocommit=True,
                application_name=application,
                connect_timeout=CONNECT_TIMEOUT_S,
                # The batch statements are planned once: a plan of its own for each array would cost more
                # than running it.
                # What a service changes by itself is its own doing in the audit.
                options=f"-c plan_cache_mode=force_generic_plan -c oms.actor={application}",
            )
        except psycopg.OperationalError as error:
            said, last = unreachable_because(error, dsn), error
            log.warning("postgres_unreachable", attempt=attempt + 1, error=said)
            time.sleep(_CONNECT_BACKOFF_S)
    raise PostgresUnavailableError(said) from last


class _PlainNumericLoader(NumericLoader):
    """Reads a numeric in the form in which every door writes it."""

    def load(self, data: Any) -> Decimal:
        """Return the number."""
        return plain(super().load(data))


async def read_plain_decimals(connection: psycopg.AsyncConnection[Any]) -> None:
    """Have a connection read every numeric in the form in which every door writes it."""
    connection.adapters.register_loader("numeric", _PlainNumericLoader)


def unreachable_because(error: psycopg.OperationalError, dsn: str) -> str:
    """Return why no connection came about, in one line and without the password."""
    host, port, authority = postgres_address(dsn)
    said = explain(" ".join(str(error).split()), host, port, authority, postgres=True)
    return without_secrets(said)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


# How a value of a Postgres type is written inside an array literal.
_ELEMENT: Final[Mapping[str, Callable[[Any], str]]] = {
    "uuid": lambda value: f"{value.int:032x}",
    "int": str,
    "bigint": str,
    "numeric": str,
    "boolean": str,
    "timestamptz": datetime.isoformat,
    "date": str,
    "text": _quoted,
    "json": _quoted,
    "jsonb": _quoted,
    "bytea": lambda value: f'"\\\\x{value.hex()}"',
}


def array_literal(kind: str, values: Iterable[Any]) -> str:
    """Write values as the text of a Postgres array, `{1,2,NULL}`: several times faster than psycopg does."""
    element = _ELEMENT[kind]
    return "{" + ",".join(["NULL" if value is None else element(value) for value in values]) + "}"


class ArrayStatement:
    """One SQL statement over many rows: each column is sent as an array and read back with `unnest`.

    `columns` are (name, Postgres type) pairs; the statement's text refers to the rows as `row`, with those
    names. pruned: the partition key of the table that is joined, the rows' first column: only the partitions
    between the least and the greatest of them are locked and looked at.
    """

    def __init__(self, columns: Sequence[tuple[str, str]], statement: str, *, pruned: str = "") -> None:
        names = ", ".join(name for name, _ in columns)
        arrays = ", ".join(f"%s::{kind}[]" for _, kind in columns)
        self._kinds = [kind for _, kind in columns]
        self._pruned = bool(pruned)
        span = f" AND {pruned} BETWEEN %s AND %s" if pruned else ""
        self.text = statement.replace("{rows}", f"unnest({arrays}) AS row({names})") + span

    @classmethod
    def insert(cls, table: str, columns: Sequence[tuple[str, str]], suffix: str = "") -> "ArrayStatement":
        """Build `INSERT INTO table (columns) SELECT … FROM unnest(…)` with an ending such as ON CONFLICT."""
        names = ", ".join(name for name, _ in columns)
        return cls(columns, f"INSERT INTO {table} ({names}) SELECT {names} FROM {{rows}} {suffix}")

    def parameters(self, rows: Sequence[Sequence[Any]]) -> list[Any]:
        """Turn rows, tuples in the order of the columns, into the parameters of `text`."""
        columns = list(zip(*rows, strict=True))
        arrays = [array_literal(kind, column) for kind, column in zip(self._kinds, columns, strict=True)]
        return [*arrays, min(columns[0]), max(columns[0])] if self._pruned else arrays

    def execute(self, cursor: Cursor, rows: Sequence[Sequence[Any]]) -> None:
        """Run the statement over `rows`; nothing happens without rows."""
        if rows:
            cursor.execute(self.text, self.parameters(rows))


@contextlib.contextmanager
def one_round_trip(connection: Connection) -> Iterator[Cursor]:
    """Run the statements of the block as one transaction, sent and answered at once.

    psycopg's own transaction inside a pipeline waits for the server four times. The connection must be in
    autocommit mode; after any error nothing of the block is stored.
    """
    try:
        with connection.pipeline(), connection.cursor() as cursor:
            cursor.execute("BEGIN")
            yield cursor
            cursor.execute("COMMIT")
    except BaseException:
        if not connection.closed and connection.info.transaction_status is not TransactionStatus.IDLE:
            with contextlib.suppress(psycopg.Error):
                connection.execute("ROLLBACK")
        raise


def act_as(connection: psycopg.Connection[Any], actor: str, reason: str = "") -> None:
    """Say who changes things over this connection from now on, and why, for the audit."""
    connection.execute(
        "SELECT set_config('oms.actor', %s, false), set_config('oms.reason', %s, false)", (actor, reason)
    )


def reference_versions(connection: Connection) -> dict[str, int]:
    """Return the version of each subject of reference data: it has changed when its version has."""
    return dict(connection.execute("SELECT subject, version FROM reference_versions").fetchall())


def load_offsets(
    connection: Connection, group: str, incarnation: str, places: Sequence[tuple[str, int]]
) -> dict[tuple[str, int], int]:
    """Return the stored next offset of each (topic, partition) of `places` that has one."""
    found = connection.execute(
        "SELECT topic, partition, next_offset FROM consumer_offsets"
        " WHERE consumer_group = %s AND incarnation = %s",
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
    "INSERT INTO consumer_offsets AS kept"
    " (incarnation, consumer_group, topic, partition, next_offset, updated_at)"
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


def wait_for_turn(connection: Connection, lock: int, stop: StopFlag, on_waiting: Callable[[], None]) -> bool:
    """Wait for an advisory lock that the connection then holds: of several processes one is active.

    on_waiting: called once, when somebody else has it. Returns False when a stop was asked for.
    """
    waiting = False
    while not stop:
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", (lock,)).fetchone()
        if row is not None and row[0]:
            return True
        if not waiting:
            waiting = True
            on_waiting()
        stop.wait(STANDBY_LOOK_S)
    return False
