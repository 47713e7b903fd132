"""What there is to trade, for whom and where, in Postgres: read, and changed under the lock of its row."""

from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal
from typing import Any, Final

from psycopg import AsyncConnection

from oms_api.adapters.desk_pool import DeskPool
from oms_api.domain.reference_changes import AccountStanding, InstrumentStanding
from oms_api.domain.refusal import Refusal
from oms_api.ports import (
    AccountChange,
    AccountView,
    InstrumentChange,
    InstrumentView,
    NewAccount,
    NewInstrument,
    VenueView,
)
from oms_platform.clock import Clock
from oms_platform.market_rows import ASSIGNMENTS, ROUND_LOTS, RULES, rules_of
from oms_platform.market_rules import rules_date
from oms_platform.prices import dollars_of, micros_of, plain

# Runs a statement with its values, and returns its rows.
Run = Callable[[str, Any], Awaitable[list[tuple[Any, ...]]]]
_ACCOUNT: Final = "account_id, name, kind, status, firm_id, desk_id, version, changed_by, reason, changed_at"
_ACCOUNTS: Final = f"SELECT {_ACCOUNT} FROM accounts ORDER BY account_id"
_OPEN: Final = f"""
INSERT INTO accounts (account_id, name, kind, firm_id, desk_id) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING RETURNING {_ACCOUNT}
"""
# Locked first, and looked at then: an order that was stored before counts.
_LOCK_ACCOUNT: Final = "SELECT FROM accounts WHERE account_id = %s FOR UPDATE"
_STANDING: Final = """
SELECT account_id, status, version, changed_at,
       (SELECT count(*) FROM orders o WHERE o.account_id = a.account_id AND NOT o.closed),
       (SELECT count(*) FROM positions p WHERE p.account_id = a.account_id AND p.quantity <> 0)
FROM accounts a WHERE account_id = %s
"""
_CHANGE_ACCOUNT: Final = f"""
UPDATE accounts SET name = coalesce(%(name)s, name), status = coalesce(%(status)s, status),
    firm_id = coalesce(%(firm)s, firm_id), desk_id = coalesce(%(desk)s, desk_id), version = version + 1
WHERE account_id = %(account)s RETURNING {_ACCOUNT}
"""
_INSTRUMENTS: Final = """
SELECT i.symbol, i.name, i.status, i.reference_price, i.calendar_id, h.reason, i.sector, i.listing_venue,
       i.version, i.changed_by, i.reason, i.changed_at
FROM instruments i LEFT JOIN halts h ON h.symbol = i.symbol AND h.lifted_at IS NULL
WHERE %(symbol)s::text IS NULL OR i.symbol = %(symbol)s ORDER BY i.symbol
"""
_LIST: Final = """
INSERT INTO instruments (symbol, name, reference_price, calendar_id, sector, listing_venue, average_volume,
                         sigma_bps)
VALUES (%(symbol)s, %(name)s, %(price)s, %(calendar)s, %(sector)s, %(venue)s, %(volume)s, %(sigma)s)
ON CONFLICT DO NOTHING RETURNING symbol
"""
_LOCK_INSTRUMENT: Final = "SELECT version FROM instruments WHERE symbol = %s FOR UPDATE"
_OPEN_PRICES: Final = """
SELECT price FROM orders, LATERAL (VALUES (limit_price), (stop_price)) prices (price)
WHERE symbol = %s AND NOT closed AND price IS NOT NULL ORDER BY price
"""
_CHANGE_INSTRUMENT: Final = """
UPDATE instruments SET name = coalesce(%(name)s, name), status = coalesce(%(status)s, status),
    sector = coalesce(%(sector)s, sector), listing_venue = coalesce(%(venue)s, listing_venue),
    version = version + 1
WHERE symbol = %(symbol)s
"""
# A row of a day is all that holds from it on: what is not given is that of the row before it.
_OWN_RULES: Final = """
INSERT INTO instrument_rules (symbol, effective_from, tick_size, round_lot)
SELECT %(symbol)s, %(today)s, coalesce(%(tick)s, was.tick_size), coalesce(%(lot)s, was.round_lot)
FROM (VALUES (1)) one LEFT JOIN LATERAL (
    SELECT tick_size, round_lot FROM instrument_rules
    WHERE symbol = %(symbol)s AND effective_from <= %(today)s ORDER BY effective_from DESC LIMIT 1
) was ON true
ON CONFLICT (symbol, effective_from) DO UPDATE
    SET tick_size = EXCLUDED.tick_size, round_lot = EXCLUDED.round_lot
"""
_VENUES: Final = """
SELECT v.venue_id, v.name, v.kind, v.status, v.latency_us, v.lot_size, v.min_quantity,
       f.add_fee, f.remove_fee, coalesce(c.closed_reason, ''), c.closed_until,
       s.up, coalesce(s.reason, ''), s.changed_at
FROM venues v
LEFT JOIN LATERAL (
    SELECT add_fee, remove_fee FROM fee_schedules
    WHERE venue_id = v.venue_id AND effective_from <= current_date ORDER BY effective_from DESC LIMIT 1
) f ON true
LEFT JOIN venue_scorecards c USING (venue_id)
LEFT JOIN fix_sessions s USING (venue_id)
ORDER BY v.venue_id
"""


class PostgresCatalog:
    """The Catalog on the desk's connections."""

    def __init__(self, pool: DeskPool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def accounts(self) -> list[AccountView]:
        """Return every account, by id."""
        return [AccountView(*row) for row in await self._pool.run(_ACCOUNTS)]

    async def open_account(self, new: NewAccount, *, by: str, reason: str) -> AccountView | None:
        """Open an account, which is active from now on. None when there is one of this id."""
        values = (new.account_id, new.name, new.kind, new.firm, new.desk)
        rows = await self._pool.run(_OPEN, values, by=by, reason=reason)
        return AccountView(*rows[0]) if rows else None

    async def change_account(
        self,
        account_id: str,
        change: AccountChange,
        problem: Callable[[AccountStanding], Refusal | None],
        *,
        by: str,
        reason: str,
    ) -> AccountView | Refusal | None:
        """Change an account unless `problem` says why not. None when there is no such account."""
        async with self._pool.transaction(by=by, reason=reason) as connection:
            await connection.execute(_LOCK_ACCOUNT, (account_id,))
            found = await (await connection.execute(_STANDING, (account_id,))).fetchone()
            if found is None:
                return None
            name, status, version, since, orders, positions = found
            standing = AccountStanding(
                account_id=name,
                status=status,
                version=version,
                since=since,
                open_orders=orders,
                positions=positions,
            )
            if (refusal := problem(standing)) is not None:
                return refusal
            values = {
                "account": account_id,
                "name": change.name,
                "status": change.status,
                "firm": change.firm,
                "desk": change.desk,
            }
            (row,) = await (await connection.execute(_CHANGE_ACCOUNT, values)).fetchall()
            return AccountView(*row)

    async def instruments(self) -> list[InstrumentView]:
        """Return every instrument, by symbol."""
        return await self._instruments(self._pool.run)

    async def _instruments(self, run: Run, symbol: str | None = None) -> list[InstrumentView]:
        rules = rules_of(*[await run(query, ()) for query in (RULES, ROUND_LOTS, ASSIGNMENTS)])
        today = rules.on(rules_date(self._clock()))
        views = []
        for name, title, status, price, *more in await run(_INSTRUMENTS, {"symbol": symbol}):
            micros = micros_of(price)
            tick_size = plain(dollars_of(today.ticks_of(name).at(micros)))
            lot_size = today.round_lot_of(name, micros)
            views.append(InstrumentView(name, title, status, tick_size, lot_size, price, *more))
        return views

    async def add_instrument(
        self, new: NewInstrument, today: date, *, by: str, reason: str
    ) -> InstrumentView | None:
        """List an instrument, which is active from now on. None when there is one of this symbol."""
        async with self._pool.transaction(by=by, reason=reason) as connection:
            run = _rows_of(connection)
            values = {
                "symbol": new.symbol,
                "name": new.name,
                "price": new.reference_price,
                "calendar": new.calendar_id,
                "sector": new.sector,
                "venue": new.listing_venue,
                "volume": new.average_volume,
                "sigma": new.sigma_bps,
            }
            if not await run(_LIST, values):
                return None
            await _keep_rules(run, new.symbol, today, new.tick_size, new.lot_size)
            return (await self._instruments(run, new.symbol))[0]

    async def change_instrument(
        self,
        symbol: str,
        change: InstrumentChange,
        today: date,
        problem: Callable[[InstrumentStanding], Refusal | None],
        *,
        by: str,
        reason: str,
    ) -> InstrumentView | Refusal | None:
        """Change an instrument unless `problem` says why not. None when there is no such instrument."""
        async with self._pool.transaction(by=by, reason=reason) as connection:
            run = _rows_of(connection)
            locked = await run(_LOCK_INSTRUMENT, (symbol,))
            if not locked:
                return None
            prices = [micros_of(price) for (price,) in await run(_OPEN_PRICES, (symbol,))]
            standing = InstrumentStanding(symbol=symbol, version=locked[0][0], open_prices=prices)
            if (refusal := problem(standing)) is not None:
                return refusal
            values = {
                "symbol": symbol,
                "name": change.name,
                "status": change.status,
                "sector": change.sector,
                "venue": change.listing_venue,
            }
            await run(_CHANGE_INSTRUMENT, values)
            await _keep_rules(run, symbol, today, change.tick_size, change.lot_size)
            return (await self._instruments(run, symbol))[0]

    async def venues(self) -> list[VenueView]:
        """Return every venue, by id."""
        return [VenueView(*row) for row in await self._pool.run(_VENUES)]


async def _keep_rules(run: Run, symbol: str, today: date, tick: Decimal | None, lot: int | None) -> None:
    """Store what an instrument has of its own from today on, if it is given any."""
    if tick is not None or lot is not None:
        await run(_OWN_RULES, {"symbol": symbol, "today": today, "tick": tick, "lot": lot})


def _rows_of(connection: AsyncConnection[Any]) -> Run:
    async def run(statement: str, values: Any = ()) -> list[tuple[Any, ...]]:
        cursor = await connection.execute(statement, values)
        return await cursor.fetchall() if cursor.description else []

    return run
