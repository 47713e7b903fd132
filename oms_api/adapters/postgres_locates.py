"""Locates and easy-to-borrow lists in Postgres. What orders have drawn is core's, and read here."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from oms_api.adapters.desk_pool import DeskPool
from oms_api.ports import EasyView, LocateFilter, LocateLine, LocateView, OtherDay

# One load after the other, so that each sees the references of those before it.
_LOCK: Final = "SELECT FROM reference_versions WHERE subject = 'locates' FOR UPDATE"
# The same again changes nothing, and who said it first stays.
_EASY: Final = """
INSERT INTO easy_to_borrow (trade_date, symbols, entered_by, reason, entered_at) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (trade_date) DO UPDATE SET symbols = EXCLUDED.symbols, entered_by = EXCLUDED.entered_by,
    reason = EXCLUDED.reason, entered_at = EXCLUDED.entered_at
WHERE easy_to_borrow.symbols <> EXCLUDED.symbols
"""
_KNOWN: Final = """
SELECT valid_on, broker FROM locates
WHERE account_id = %s AND symbol = %s AND reference = %s AND (valid_on <> %s OR broker <> %s)
"""
_LOCATE: Final = """
INSERT INTO locates
    (account_id, symbol, reference, broker, quantity, valid_on, entered_by, reason, entered_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (account_id, symbol, reference) DO UPDATE SET quantity = EXCLUDED.quantity,
    entered_by = EXCLUDED.entered_by, reason = EXCLUDED.reason, entered_at = EXCLUDED.entered_at
WHERE locates.quantity <> EXCLUDED.quantity
"""
_LOCATES: Final = """
SELECT l.account_id, l.symbol, l.reference, l.broker, l.quantity, coalesce(d.drawn, 0),
       greatest(l.quantity - coalesce(d.drawn, 0), 0), l.valid_on, l.entered_by, l.reason, l.entered_at
FROM locates l LEFT JOIN locate_draws d USING (account_id, symbol, reference)
WHERE l.valid_on = %(day)s AND (%(accounts)s::text[] IS NULL OR l.account_id = ANY(%(accounts)s))
    AND (%(account)s::text IS NULL OR l.account_id = %(account)s)
    AND (%(symbol)s::text IS NULL OR l.symbol = %(symbol)s)
ORDER BY l.symbol, l.account_id, l.reference
"""


class PostgresLocateDesk:
    """The LocateDesk on the desk's connections."""

    def __init__(self, pool: DeskPool) -> None:
        self._pool = pool

    async def load(
        self,
        day: date,
        lines: Sequence[LocateLine],
        easy: Sequence[str] | None,
        now: datetime,
        *,
        by: str,
        reason: str,
    ) -> OtherDay | None:
        """Load locates of a day and its easy-to-borrow list, all of it or nothing."""
        async with self._pool.transaction(by=by, reason=reason) as connection:
            await connection.execute(_LOCK)
            for index, line in enumerate(lines):
                names = (line.account_id, line.symbol, line.reference)
                cursor = await connection.execute(_KNOWN, (*names, day, line.broker))
                if (other := await cursor.fetchone()) is not None:
                    return OtherDay(index=index, valid_on=other[0], broker=other[1])
            if easy is not None:
                await connection.execute(_EASY, (day, sorted(set(easy)), by, reason, now))
            for line in lines:
                names = (line.account_id, line.symbol, line.reference)
                values = (*names, line.broker, line.quantity, day, by, reason, now)
                await connection.execute(_LOCATE, values)
        return None

    async def locates(self, wanted: LocateFilter) -> list[LocateView]:
        """Return locates of a day, by symbol and account."""
        values = {
            "day": wanted.day,
            "accounts": None if wanted.accounts is None else list(wanted.accounts),
            "account": wanted.account_id,
            "symbol": wanted.symbol,
        }
        fields = LocateView.__struct_fields__
        rows = await self._pool.run(_LOCATES, values)
        return [LocateView(**dict(zip(fields, row, strict=True))) for row in rows]

    async def easy(self, day: date) -> EasyView | None:
        """Return the easy-to-borrow list of a day, None where there is none."""
        rows = await self._pool.run(
            "SELECT symbols, entered_by, reason, entered_at FROM easy_to_borrow WHERE trade_date = %s", (day,)
        )
        if not rows:
            return None
        symbols, by, reason, at = rows[0]
        return EasyView(symbols=symbols, entered_by=by, reason=reason, entered_at=at)
