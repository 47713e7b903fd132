"""Execution exceptions as rows of Postgres: what core and adapter store in their own transactions."""

from collections.abc import Iterable
from typing import Final

from oms_platform.exceptions import ExecutionException, storable
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
# numeric(18,6) holds less than 10**12 dollars, which are 10**18 micros.
_PRICE_BITS: Final = 59


def insert_exceptions(cursor: Cursor, raised: Iterable[ExecutionException]) -> None:
    """Store exceptions in the caller's transaction; one whose identity is stored already changes nothing."""
    _INSERT.execute(cursor, [_row(exception) for exception in raised])


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
