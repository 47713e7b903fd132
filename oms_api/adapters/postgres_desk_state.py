"""How things stand, for who listens to them: positions, and what a person should look at."""

from collections.abc import Sequence
from typing import Final

from oms_api.adapters.desk_pool import DeskPool
from oms_api.ports import AlertView, HeldPosition

_POSITIONS: Final = (
    "SELECT symbol, quantity, cost, realized_pnl, net_cash, updated_at, fees, opened, account_id"
    " FROM positions WHERE account_id = ANY(%s) ORDER BY account_id, symbol"
)
ALERTS_MAX: Final = 1_000
# A session that is down on purpose, or outside its schedule, is none.
_ALERTS: Final = """
SELECT exception_id::text, 'EXECUTION_EXCEPTION', true, account_id, venue_id, nullif(symbol, ''), raised_at,
       kind || ': ' || detail
FROM execution_exceptions WHERE status IN ('OPEN', 'BOOKING')
UNION ALL
SELECT switch_id::text, 'KILL_SWITCH', true, scope->>'account', scope->>'venue', scope->>'symbol', set_at,
       coalesce((SELECT string_agg(key || ' ' || value, ', ' ORDER BY key) FROM jsonb_each_text(scope)),
                'everything') || ' is stopped (' || stage || '): ' || reason
FROM kill_switches WHERE released_at IS NULL
UNION ALL
SELECT alert_id::text, 'RISK_LIMIT', true, account_id, NULL, scope->>'symbol', first_seen,
       level || ': ' || rule || ', ' || value
       || CASE unit WHEN 'text' THEN ' is not known' ELSE ' of ' || bound || ' ' || unit END
       || coalesce(' for firm ' || CASE WHEN account_id IS NULL THEN scope->>'firm' END, '')
       || coalesce(', sector ' || CASE WHEN NOT scope ? 'symbol' THEN scope->>'sector' END, '')
       || coalesce(', acknowledged by ' || k.by, '')
FROM risk_alerts LEFT JOIN risk_alert_acks k USING (alert_id, times_raised) WHERE cleared_at IS NULL
UNION ALL
SELECT 'session ' || venue_id, 'SESSION_DOWN', true, NULL, venue_id, NULL, changed_at, reason
FROM fix_sessions WHERE NOT up AND NOT on_purpose
UNION ALL
SELECT 'closure ' || venue_id, 'VENUE_CLOSED', true, NULL, venue_id, NULL, updated_at, closed_reason
FROM venue_scorecards WHERE closed_reason <> ''
ORDER BY 7 DESC LIMIT %s
"""


class PostgresDeskState:
    """The DeskState on the desk's connections."""

    def __init__(self, pool: DeskPool) -> None:
        self._pool = pool

    async def positions(self, accounts: Sequence[str]) -> list[HeldPosition]:
        """Return every position of some accounts."""
        rows = await self._pool.run(_POSITIONS, (list(accounts),))
        return [HeldPosition(*row) for row in rows]

    async def alerts(self) -> list[AlertView]:
        """Return what a person should look at now."""
        return [AlertView(*row) for row in await self._pool.run(_ALERTS, (ALERTS_MAX,))]
