"""When the market trades and what is halted, in Postgres. A halt is set once and lifted once, and stays."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import psycopg

from oms_api.adapters.desk_pool import DeskPool
from oms_api.ports import HaltView
from oms_platform.clock import Clock
from oms_platform.ids import uuid7
from oms_platform.market_rows import AUCTION_RULES, CALENDARS, SESSIONS, SESSIONS_KEPT, calendars_of
from oms_platform.trading_calendar import Calendar, Session

_COLUMNS: Final = "symbol, reason, set_by, set_at, lifted_by, lift_reason, lifted_at"
_HALTS: Final = (
    f"SELECT {_COLUMNS} FROM halts WHERE %s OR lifted_at IS NULL ORDER BY set_at DESC, halt_id LIMIT %s"
)
_AS_IT_WAS: Final = (
    " WHERE calendar_id = %(calendar)s AND session_date = %(day)s AND opens_at = %(opens)s"
    " AND closes_at = %(closes)s AND early_close = %(early)s"
)
_CHANGE_SESSION: Final = (
    "UPDATE calendar_sessions SET opens_at = %(to_opens)s, closes_at = %(to_closes)s,"
    f" early_close = %(to_early)s{_AS_IT_WAS}"
)
_REMOVE_SESSION: Final = f"DELETE FROM calendar_sessions{_AS_IT_WAS}"
_ADD_SESSION: Final = (
    "INSERT INTO calendar_sessions (calendar_id, session_date, opens_at, closes_at, early_close)"
    " VALUES (%(calendar)s, %(day)s, %(opens)s, %(closes)s, %(early)s) ON CONFLICT DO NOTHING"
)
# No zone is further from UTC.
_ZONE_MAX: Final = timedelta(days=1)


class PostgresMarketDesk:
    """The MarketDesk on `calendars`, `calendar_sessions` and `halts`."""

    def __init__(self, pool: DeskPool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def calendars(self, first: date | None = None) -> tuple[Calendar, ...]:
        """Return every calendar, with its sessions from `first` on, or from the last days on."""
        kept = self._clock() - SESSIONS_KEPT
        since = kept if first is None else min(kept, datetime.combine(first, time(0), UTC) - _ZONE_MAX)
        return calendars_of(
            await self._pool.run(CALENDARS),
            await self._pool.run(SESSIONS, (since,)),
            await self._pool.run(AUCTION_RULES),
        )

    async def set_session(
        self, calendar_id: str, was: Session | None, wanted: Session | None, *, by: str, reason: str
    ) -> bool:
        """Make a day's session another one; None for none. Returns whether it was still as `was` says."""
        async with self._pool.transaction(by=by, reason=reason) as connection:
            if was is not None and wanted is not None:
                cursor = await connection.execute(
                    _CHANGE_SESSION, {"calendar": calendar_id, **_row_of(was), **_row_of(wanted, "to_")}
                )
            elif wanted is not None:
                cursor = await connection.execute(_ADD_SESSION, {"calendar": calendar_id, **_row_of(wanted)})
            elif was is not None:
                cursor = await connection.execute(_REMOVE_SESSION, {"calendar": calendar_id, **_row_of(was)})
            else:
                return True
            return cursor.rowcount == 1

    async def halts(self, *, lifted: bool, rows_max: int) -> list[HaltView]:
        """Return the halts that are set, and those that were lifted if wanted, the newest first."""
        return [HaltView(*row) for row in await self._pool.run(_HALTS, (lifted, rows_max))]

    async def halt(self, symbol: str, by: str, reason: str) -> HaltView | None:
        """Halt a symbol. None when it is halted already."""
        try:
            rows = await self._pool.run(
                "INSERT INTO halts (halt_id, symbol, reason, set_by, set_at) VALUES (%s, %s, %s, %s, %s)"
                f" RETURNING {_COLUMNS}",
                (uuid7(), symbol, reason, by, self._clock()),
                by=by,
                reason=reason,
            )
        except psycopg.errors.UniqueViolation:
            return None
        return HaltView(*rows[0])

    async def lift(self, symbol: str, by: str, reason: str) -> HaltView | None:
        """Let a symbol trade again. None when it is not halted."""
        rows = await self._pool.run(
            "UPDATE halts SET lifted_by = %s, lift_reason = %s, lifted_at = %s"
            f" WHERE symbol = %s AND lifted_at IS NULL RETURNING {_COLUMNS}",
            (by, reason, self._clock(), symbol),
            by=by,
            reason=reason,
        )
        return HaltView(*rows[0]) if rows else None


def _row_of(session: Session, prefix: str = "") -> dict[str, object]:
    return {
        f"{prefix}day": session.session_date,
        f"{prefix}opens": session.opens_at,
        f"{prefix}closes": session.closes_at,
        f"{prefix}early": session.early_close,
    }
