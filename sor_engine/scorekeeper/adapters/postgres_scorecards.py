"""Scorecards, closures and the quote tape in Postgres, and what the scorekeeper asks of the adapter's tables.

Scorecards and the offsets of the messages that they stand on are stored in one transaction: after a crash the
messages since then come again, onto the scorecards as they were.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb

from oms_platform.clock import from_microseconds, microseconds
from oms_platform.order_ids import order_id_of_child
from oms_platform.order_types import AUCTIONS, BOOKED
from oms_platform.postgres import ArrayStatement, Connection, save_offsets
from sor_engine.domain.censored import Censored
from sor_engine.domain.scorecard import HALF_LIFE_S, Scorecard
from sor_engine.scorekeeper.domain.child_watch import Child, VenueRecord
from sor_engine.scorekeeper.domain.closures import Gate
from sor_engine.scorekeeper.domain.touches import QuoteChange

GROUP: Final = "sor-scorekeeper"
_UPSERT: Final = """
INSERT INTO venue_scorecards (venue_id, state, closed_reason, closed_until, updated_at)
VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (venue_id) DO UPDATE SET state = EXCLUDED.state, closed_reason = EXCLUDED.closed_reason,
    closed_until = EXCLUDED.closed_until, updated_at = EXCLUDED.updated_at
"""
_TAPE: Final = ArrayStatement.insert(
    "quote_tape",
    (("symbol", "text"), ("quoted_at", "timestamptz"), ("bid", "numeric"), ("offer", "numeric")),
    "ON CONFLICT DO NOTHING",
)
_OPEN: Final = """
SELECT cl_ord_id, venue_id, quantity, (terms ->> 'limitPriceMicros')::bigint,
       terms ->> 'timeInForce' = ANY(%s), created_at,
       status, cum_qty, acked_at,
       coalesce(terms ->> 'execInst' = 'EXEC_INST_PARTICIPATE_DONT_INITIATE', false),
       terms ->> 'timeInForce' = ANY(%s)
FROM child_orders WHERE leaves_qty > 0 ORDER BY order_id, leg
"""
_CLOSED_OF_OPEN: Final = """
SELECT cl_ord_id FROM open_orders JOIN child_orders kept USING (order_id) WHERE kept.leaves_qty = 0
"""
_UNANSWERED: Final = ArrayStatement(
    (("order_id", "uuid"), ("cl_ord_id", "text")),
    "SELECT kept.cl_ord_id FROM {rows} JOIN child_orders kept ON kept.order_id = row.order_id"
    " AND kept.cl_ord_id = row.cl_ord_id WHERE kept.status = 'PENDING_NEW' AND kept.leaves_qty > 0",
)


class PostgresScorecards:
    """The scorekeeper's storage. `load` and `save` keep VenueRecords whole."""

    def __init__(self, connection: Connection, incarnation: str, half_life_s: int = HALF_LIFE_S) -> None:
        self._connection = connection
        self._incarnation = incarnation
        self._half_life_s = half_life_s

    def load(self) -> dict[str, VenueRecord]:
        """Return the record of every venue that has one."""
        found = self._connection.execute("SELECT venue_id, state FROM venue_scorecards").fetchall()
        return {venue_id: _record(venue_id, state, self._half_life_s) for venue_id, state in found}

    def dark_venues(self) -> frozenset[str]:
        """Return the venues that display nothing."""
        found = self._connection.execute("SELECT venue_id FROM venues WHERE kind = 'DARK'").fetchall()
        return frozenset(venue_id for (venue_id,) in found)

    def sessions(self) -> dict[str, tuple[bool, int]]:
        """Return, by venue, whether its session is up and since when, in microseconds since the epoch."""
        found = self._connection.execute("SELECT venue_id, up, changed_at FROM fix_sessions").fetchall()
        return {venue_id: (up, microseconds(changed_at)) for venue_id, up, changed_at in found}

    def open_children(self) -> dict[str, Child]:
        """Return every child that has quantity left, by ClOrdID, oldest first."""
        return {
            cl_ord_id: Child(
                venue_id=venue_id,
                quantity=quantity,
                limit=limit,
                rests=rests,
                placed_us=microseconds(created_at),
                stored_cum_qty=cum_qty,
                answered=status != "PENDING_NEW",
                ack_us=0 if acked_at is None else microseconds(acked_at),
                cum_qty=cum_qty,
                post_only=post_only,
                crosses=crosses,
            )
            for (
                cl_ord_id,
                venue_id,
                quantity,
                limit,
                rests,
                created_at,
                status,
                cum_qty,
                acked_at,
                post_only,
                crosses,
            ) in self._connection.execute(
                _OPEN, ([one.value for one in BOOKED], [one.value for one in AUCTIONS])
            ).fetchall()
        }

    def closed_of_open_orders(self) -> list[str]:
        """Return the closed children of orders that are open: a new broker is told of them once more."""
        return [cl_ord_id for (cl_ord_id,) in self._connection.execute(_CLOSED_OF_OPEN).fetchall()]

    def unanswered(self, cl_ord_ids: Sequence[str]) -> frozenset[str]:
        """Return which of these children no venue has answered, as the adapter has stored it."""
        rows: list[tuple[UUID, str]] = []
        for cl_ord_id in cl_ord_ids:
            rows.append((order_id_of_child(cl_ord_id), cl_ord_id))
        if not rows:
            return frozenset()
        with self._connection.cursor() as cursor:
            _UNANSWERED.execute(cursor, rows)
            return frozenset(cl_ord_id for (cl_ord_id,) in cursor.fetchall())

    def save(
        self,
        records: Iterable[VenueRecord],
        tape: Sequence[QuoteChange],
        next_offsets: Mapping[tuple[str, int], int],
        now: datetime,
    ) -> None:
        """Store records, quotes and offsets in one transaction.

        Raises psycopg.errors.CheckViolation when the tape has no partition for a quote; nothing is stored.
        """
        rows = [(row.symbol, row.quoted_at, row.bid, row.offer) for row in tape]
        with self._connection.pipeline(), self._connection.transaction(), self._connection.cursor() as cursor:
            for record in records:
                until_us = record.gate.closed_until_us
                cursor.execute(
                    _UPSERT,
                    (
                        record.venue_id,
                        Jsonb(_state(record)),
                        record.gate.closed_reason,
                        None if until_us is None else from_microseconds(until_us),
                        now,
                    ),
                )
            _TAPE.execute(cursor, rows)
            save_offsets(cursor, GROUP, self._incarnation, next_offsets, now)


def _state(record: VenueRecord) -> dict[str, Any]:
    # The scorecard's own parts stand at the top: `Scorecard.from_state` reads the whole of it.
    state: dict[str, Any] = {**record.card.to_state(), "gate": record.gate.to_state()}
    if isinstance(record.pool, Censored):
        state["dark"] = record.pool.to_state()
    return state


def _record(venue_id: str, state: Mapping[str, Any], half_life_s: int) -> VenueRecord:
    pool = state.get("dark")
    return VenueRecord(
        venue_id=venue_id,
        card=Scorecard.from_state(state, half_life_s),
        gate=Gate.from_state(state.get("gate", {})),
        pool=None if pool is None else Censored.from_state(pool),
    )
