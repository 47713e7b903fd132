"""CopyStore on Postgres, with a connection of its own, so that no order waits for a copy."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from oms_core.ports import StoredExecution
from oms_platform.postgres import ArrayStatement, Connection, connect, one_round_trip

STATEMENT_TIMEOUT_MS: Final = 5_000
_BEHIND: Final = (
    "SELECT s.account_id, s.head FROM account_streams s LEFT JOIN drop_copy_places p USING (account_id)"
    " WHERE s.account_id = ANY(%s) AND s.head > coalesce(p.sequence, 0)"
)
_PLACES: Final = "SELECT account_id, sequence FROM drop_copy_places WHERE account_id = ANY(%s)"
_EXECUTIONS: Final = """
SELECT e.account_id, e.stream_sequence, e.payload->>'eventId', e.payload::text
FROM unnest(%s::text[], %s::int[]) AS place(account_id, sequence)
CROSS JOIN LATERAL (
    SELECT account_id, stream_sequence, payload FROM order_events
    WHERE account_id = place.account_id AND stream_sequence > place.sequence
      AND type IN ('TradeApplied', 'TradeCorrected')
    ORDER BY stream_sequence LIMIT %s) e
ORDER BY e.account_id, e.stream_sequence
"""
_KEEP: Final = ArrayStatement.insert(
    "drop_copy_places",
    (("account_id", "text"), ("sequence", "int")),
    "ON CONFLICT (account_id) DO UPDATE SET copied_at = now(),"
    " sequence = greatest(drop_copy_places.sequence, EXCLUDED.sequence)",
)


class PostgresCopyStore:
    """The executions of order_events, and drop_copy_places."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._known: Connection | None = None

    @property
    def _connection(self) -> Connection:
        if self._known is None:
            self._known = connect(self._dsn, "oms-core-copies")
            self._known.execute(f"SET statement_timeout = {STATEMENT_TIMEOUT_MS}")
        return self._known

    def close(self) -> None:
        """Close the connection; it is opened again when it is needed."""
        if self._known is not None:
            self._known.close()
            self._known = None

    def behind(self, accounts: Sequence[str]) -> Mapping[str, int]:
        """Return the accounts with events beyond what is copied, and where their streams end."""
        return dict(self._connection.execute(_BEHIND, (list(accounts),)).fetchall())

    def places(self, accounts: Sequence[str]) -> Mapping[str, int]:
        """Return up to which sequence accounts are copied, 0 for nothing."""
        found = dict(self._connection.execute(_PLACES, (list(accounts),)).fetchall())
        return {account_id: found.get(account_id, 0) for account_id in accounts}

    def executions(self, places: Mapping[str, int], rows_max: int) -> Sequence[StoredExecution]:
        """Return what follows these places, by account and sequence, so many rows of each at most."""
        values = (list(places), list(places.values()), rows_max)
        return [
            StoredExecution(account_id, sequence, UUID(event_id), payload.encode())
            for account_id, sequence, event_id, payload in self._connection.execute(_EXECUTIONS, values)
        ]

    def keep(self, places: Mapping[str, int]) -> None:
        """Store how far accounts are copied; it never goes back."""
        with one_round_trip(self._connection) as cursor:
            _KEEP.execute(cursor, list(places.items()))
