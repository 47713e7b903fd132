"""Execution exceptions as rows of Postgres: what core and adapter store in their own transactions."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from oms_platform.exceptions import ExceptionKind, ExecutionException, storable
from oms_platform.postgres import ArrayStatement, Cursor
from oms_platform.prices import dollars_of

_INSERT: Final = ArrayStatement.insert(
    "execution_exceptions",
    (
        ("exception_id", "uuid"),
        ("identity", "text"),
        ("kind", "text"),
        ("raised_by", "text"),
        ("venue_id", "text"),
        ("order_id", "uuid"),
        ("account_id", "text"),
        ("cl_ord_id", "text"),
        ("exec_id", "text"),
        ("symbol", "text"),
        ("side", "text"),
        ("last_qty", "bigint"),
        ("last_px", "numeric"),
        ("detail", "text"),
        ("raw", "bytea"),
        ("raised_at", "timestamptz"),
    ),
    "ON CONFLICT (identity) DO NOTHING",
)
# A booking that was refused leaves the exception open, with why.
_CLOSE_BOOKINGS: Final = ArrayStatement(
    (("exception_id", "uuid"), ("refused", "text"), ("closed_at", "timestamptz")),
    "UPDATE execution_exceptions kept SET"
    " status = CASE WHEN row.refused = '' THEN 'BOOKED' ELSE 'OPEN' END,"
    " closed_at = CASE WHEN row.refused = '' THEN row.closed_at END,"
    " closed_by = CASE WHEN row.refused = '' THEN kept.closed_by END,"
    " reason = CASE WHEN row.refused = '' THEN kept.reason ELSE 'not booked: ' || row.refused END"
    " FROM {rows} WHERE kept.exception_id = row.exception_id AND kept.status = 'BOOKING'",
)
_SETTLE: Final = ArrayStatement(
    (("cl_ord_id", "text"), ("kind", "text"), ("closed_at", "timestamptz")),
    "UPDATE execution_exceptions kept SET status = 'SETTLED', closed_at = row.closed_at,"
    " closed_by = kept.raised_by, reason = 'explained by what the venue sent later'"
    " FROM {rows} WHERE kept.cl_ord_id = row.cl_ord_id AND kept.kind = row.kind AND kept.status = 'OPEN'",
)
# numeric(18,6) holds less than 10**12 dollars, which are 10**18 micros.
_PRICE_BITS: Final = 59


def insert_exceptions(cursor: Cursor, raised: Iterable[ExecutionException]) -> None:
    """Store exceptions in the caller's transaction; one whose identity is stored already changes nothing."""
    _INSERT.execute(cursor, [_row(exception) for exception in raised])


def close_bookings(cursor: Cursor, bookings: Mapping[UUID, str], now: datetime) -> None:
    """Close the exceptions that were booked, in the caller's transaction.

    bookings: of each, why it was not booked; empty if it was.
    """
    _CLOSE_BOOKINGS.execute(
        cursor, [(exception_id, storable(refused), now) for exception_id, refused in bookings.items()]
    )


def settle_exceptions(cursor: Cursor, settled: Iterable[tuple[str, ExceptionKind]], now: datetime) -> None:
    """Close the open exceptions of a kind about a child, in the caller's transaction."""
    _SETTLE.execute(cursor, [(storable(cl_ord_id), kind.name, now) for cl_ord_id, kind in settled])


def _row(exception: ExecutionException) -> tuple[object, ...]:
    price = _fits(exception.last_px_micros, _PRICE_BITS)
    account_id = exception.account_id
    return (
        exception.exception_id,
        exception.identity,
        exception.kind.name,
        exception.raised_by,
        storable(exception.venue_id),
        exception.order_id,
        None if account_id is None else storable(account_id),
        storable(exception.cl_ord_id),
        storable(exception.exec_id),
        storable(exception.symbol),
        storable(exception.side),
        _fits(exception.last_qty, 63),
        None if price is None else dollars_of(price),
        storable(exception.detail),
        exception.raw,
        exception.raised_at,
    )


def _fits(number: int | None, bits: int) -> int | None:
    return number if number is not None and abs(number) < 1 << bits else None
