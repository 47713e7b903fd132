"""Execution exceptions in Postgres, as a person sees and closes them."""

from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from oms_api.ports import ExceptionFilter, ExceptionView, UnavailableError
from oms_platform.clock import Clock

POOL_WAIT_S: Final = 2.0
_COLUMNS: Final = (
    "exception_id, kind, status, venue_id, order_id, account_id, cl_ord_id, exec_id, symbol, side, last_qty,"
    " last_px, detail, raw, raised_by, raised_at, closed_at, closed_by, reason"
)
_RAW: Final = 13


class PostgresExceptionDesk:
    """The ExceptionDesk on `execution_exceptions`."""

    def __init__(self, dsn: str, clock: Clock) -> None:
        self._clock = clock
        self._pool = AsyncConnectionPool(
            dsn,
            min_size=0,
            max_size=2,
            open=False,
            timeout=POOL_WAIT_S,
            kwargs={"autocommit": True, "application_name": "oms-api-exceptions", "connect_timeout": 3},
        )

    async def open(self) -> None:
        """Get ready to connect."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close()

    async def _run(self, statement: str, values: Any) -> list[tuple[Any, ...]]:
        try:
            async with self._pool.connection() as connection:
                cursor = await connection.execute(statement, values)
                return await cursor.fetchall()
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, OSError) as error:
            raise UnavailableError(f"Postgres is away: {str(error).strip()}") from error

    async def exceptions(self, wanted: ExceptionFilter) -> list[ExceptionView]:
        """Return the exceptions of a filter, newest first."""
        conditions: list[str] = []
        values: list[Any] = []
        for condition, value in (
            ("account_id = ANY(%s)", None if wanted.accounts is None else sorted(wanted.accounts)),
            ("status = %s", wanted.status),
            ("venue_id = %s", wanted.venue_id),
            ("kind = %s", wanted.kind),
            ("order_id = %s", wanted.order_id),
            ("raised_at < %s", wanted.before),
        ):
            if value is not None:
                conditions.append(condition)
                values.append(value)
        where = " AND ".join(conditions) or "true"
        rows = await self._run(
            f"SELECT {_COLUMNS} FROM execution_exceptions WHERE {where}"
            " ORDER BY raised_at DESC, exception_id LIMIT %s",
            [*values, wanted.limit],
        )
        return [_view(row) for row in rows]

    async def exception(self, exception_id: UUID) -> ExceptionView | None:
        """Return an exception, or None."""
        rows = await self._run(
            f"SELECT {_COLUMNS} FROM execution_exceptions WHERE exception_id = %s", (exception_id,)
        )
        return _view(rows[0]) if rows else None

    async def ignore(self, exception_id: UUID, by: str, reason: str) -> ExceptionView | None:
        """Close an open exception without any effect. None when it is not open."""
        rows = await self._run(
            "UPDATE execution_exceptions SET status = 'IGNORED', closed_at = %s, closed_by = %s, reason = %s"
            f" WHERE exception_id = %s AND status = 'OPEN' RETURNING {_COLUMNS}",
            (self._clock(), by, reason, exception_id),
        )
        return _view(rows[0]) if rows else None

    async def raw(self, exception_id: UUID) -> bytes:
        """Return the message that an exception is about, as it came."""
        rows = await self._run(
            "SELECT raw FROM execution_exceptions WHERE exception_id = %s", (exception_id,)
        )
        return bytes(rows[0][0]) if rows else b""

    async def claim(self, exception_id: UUID, by: str, reason: str, account_id: str) -> ExceptionView | None:
        """Note that an open exception is to be booked, and to which account. None when it is not open."""
        rows = await self._run(
            "UPDATE execution_exceptions SET status = 'BOOKING', closed_by = %s, reason = %s, account_id = %s"
            " WHERE exception_id = %s AND (status = 'OPEN' OR (status = 'BOOKING' AND account_id = %s))"
            f" RETURNING {_COLUMNS}",
            (by, reason, account_id, exception_id, account_id),
        )
        return _view(rows[0]) if rows else None


def _view(row: tuple[Any, ...]) -> ExceptionView:
    values = list(row)
    values[_RAW] = bytes(row[_RAW]).decode("latin-1").replace("\x01", "|")
    return ExceptionView(*values)
