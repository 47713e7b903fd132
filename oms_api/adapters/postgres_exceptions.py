"""Execution exceptions in Postgres, as a person sees and closes them."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from oms_api.adapters.desk_pool import DeskPool
from oms_api.ports import ExceptionFilter, ExceptionView
from oms_platform.clock import Clock

_COLUMNS: Final = (
    "exception_id, kind, status, venue_id, order_id, account_id, cl_ord_id, exec_id, symbol, side, last_qty,"
    " last_px, detail, raw, raised_by, raised_at, closed_at, closed_by, reason"
)
_RAW: Final = 13
# So long a claim may take until its request is stored, or was not.
CLAIM_HELD: Final = timedelta(minutes=1)
_CLAIM: Final = (
    "UPDATE execution_exceptions x SET status = 'BOOKING', closed_by = %s, reason = %s, account_id = %s,"
    " booking_at = %s WHERE exception_id = %s AND (status = 'OPEN' OR (status = 'BOOKING' AND booking_at < %s"
    " AND NOT EXISTS (SELECT FROM order_requests r WHERE r.received_at > x.booking_at - interval '1 minute'"
    " AND r.payload->'booking'->>'exceptionId' = x.exception_id::text)))"
)


class PostgresExceptionDesk:
    """The ExceptionDesk on `execution_exceptions`."""

    def __init__(self, pool: DeskPool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

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
        rows = await self._pool.run(
            f"SELECT {_COLUMNS} FROM execution_exceptions WHERE {where}"
            " ORDER BY raised_at DESC, exception_id LIMIT %s",
            [*values, wanted.limit],
        )
        return [_view(row) for row in rows]

    async def exception(self, exception_id: UUID) -> ExceptionView | None:
        """Return an exception, or None."""
        rows = await self._pool.run(
            f"SELECT {_COLUMNS} FROM execution_exceptions WHERE exception_id = %s", (exception_id,)
        )
        return _view(rows[0]) if rows else None

    async def ignore(self, exception_id: UUID, by: str, reason: str) -> ExceptionView | None:
        """Close an open exception without any effect. None when it is not open."""
        rows = await self._pool.run(
            "UPDATE execution_exceptions SET status = 'IGNORED', closed_at = %s, closed_by = %s, reason = %s"
            f" WHERE exception_id = %s AND status = 'OPEN' RETURNING {_COLUMNS}",
            (self._clock(), by, reason, exception_id),
            by=by,
            reason=reason,
        )
        return _view(rows[0]) if rows else None

    async def raw(self, exception_id: UUID) -> bytes:
        """Return the message that an exception is about, as it came."""
        rows = await self._pool.run(
            "SELECT raw FROM execution_exceptions WHERE exception_id = %s", (exception_id,)
        )
        return bytes(rows[0][0]) if rows else b""

    async def claim(self, exception_id: UUID, by: str, reason: str, account_id: str) -> ExceptionView | None:
        """Note that an exception is to be booked, and to which account. None when it is not open.

        One claim makes one request. A claim whose request was never stored holds nobody up for long.
        """
        now = self._clock()
        rows = await self._pool.run(
            f"{_CLAIM} RETURNING {_COLUMNS}",
            (by, reason, account_id, now, exception_id, now - CLAIM_HELD),
            by=by,
            reason=reason,
        )
        return _view(rows[0]) if rows else None


def _view(row: tuple[Any, ...]) -> ExceptionView:
    values = list(row)
    values[_RAW] = bytes(row[_RAW]).decode("latin-1").replace("\x01", "|")
    return ExceptionView(*values)
