"""What there is to trade, for whom and where, from Postgres."""

from typing import Final

from oms_api.adapters.desk_pool import DeskPool
from oms_api.ports import AccountView, InstrumentView, VenueView
from oms_platform.clock import Clock
from oms_platform.market_rows import ASSIGNMENTS, ROUND_LOTS, RULES, rules_of
from oms_platform.market_rules import rules_date
from oms_platform.prices import dollars_of, micros_of, plain

_ACCOUNTS: Final = "SELECT account_id, name, kind, status FROM accounts ORDER BY account_id"
_INSTRUMENTS: Final = (
    "SELECT i.symbol, i.name, i.status, i.reference_price, i.calendar_id, h.reason FROM instruments i"
    " LEFT JOIN halts h ON h.symbol = i.symbol AND h.lifted_at IS NULL ORDER BY i.symbol"
)
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

    async def instruments(self) -> list[InstrumentView]:
        """Return every instrument, by symbol."""
        rules = rules_of(*[await self._pool.run(query) for query in (RULES, ROUND_LOTS, ASSIGNMENTS)])
        today = rules.on(rules_date(self._clock()))
        views = []
        for symbol, name, status, price, calendar_id, halt in await self._pool.run(_INSTRUMENTS):
            micros = micros_of(price)
            tick_size = plain(dollars_of(today.ticks_of(symbol).at(micros)))
            lot_size = today.round_lot_of(symbol, micros)
            views.append(InstrumentView(symbol, name, status, tick_size, lot_size, price, calendar_id, halt))
        return views

    async def venues(self) -> list[VenueView]:
        """Return every venue, by id."""
        return [VenueView(*row) for row in await self._pool.run(_VENUES)]
