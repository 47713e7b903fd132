"""Stored decisions, with everything that they stood on, and scorecards, read back from Postgres."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from psycopg_pool import ConnectionPool

from oms_platform.ids import uuid7_floor
from oms_platform.messages import Quote, RoutePlan
from oms_platform.postgres import Connection
from oms_platform.wire import UnreadableMessageError, decode
from sor_engine.domain.scorecard import Scorecard, scorecard_view
from sor_engine.ports import Decided, FrozenInputs, InputsNotKeptError, ReferenceContent, VenueScorecard

_DECIDED: Final = """
SELECT plan, inputs, quote, content FROM route_audit
LEFT JOIN route_books USING (book_id) LEFT JOIN route_references USING (reference_id)
"""
_inputs_decoder: Final = msgspec.json.Decoder(FrozenInputs)
_content_decoder: Final = msgspec.json.Decoder(ReferenceContent)


class PostgresSorReader:
    """SorReader on the audit tables and `venue_scorecards`, with connections of its own for other threads."""

    def __init__(self, dsn: str) -> None:
        self._pool = ConnectionPool(
            dsn,
            min_size=0,
            max_size=2,
            open=True,
            timeout=5,
            kwargs={"autocommit": True, "application_name": "sor-engine-reader"},
        )

    def close(self) -> None:
        """Give back the connections."""
        self._pool.close()

    def decided(self, order_id: UUID, attempt: int) -> Decided | None:
        """Return a stored decision; None when there is none. Raises InputsNotKeptError."""
        with self._pool.connection() as connection:
            row = connection.execute(
                f"{_DECIDED} WHERE order_id = %s AND attempt = %s", (order_id, attempt)
            ).fetchone()
        return None if row is None else read_decided(*row)

    def scorecards(self) -> list[VenueScorecard]:
        """Return every venue's scorecard, empty for one that was never used."""
        with self._pool.connection() as connection:
            rows = connection.execute(
                "SELECT venue_id, coalesce(closed_reason, ''), closed_until, updated_at, state"
                " FROM venues LEFT JOIN venue_scorecards USING (venue_id) ORDER BY venue_id"
            ).fetchall()
        return [
            VenueScorecard(
                venue_id=venue_id,
                closed_reason=reason,
                closed_until=until,
                updated_at=updated_at,
                scorecard=scorecard_view(Scorecard.from_state(state or {})),
            )
            for venue_id, reason, until, updated_at, state in rows
        ]


def decisions_between(connection: Connection, since: datetime, until: datetime) -> Iterator[Decided]:
    """Return every decision of a time, by order and attempt, those without inputs left out."""
    with connection.transaction(), connection.cursor(name="decisions") as cursor:
        cursor.execute(
            f"{_DECIDED} WHERE order_id >= %s AND order_id < %s AND decided_at >= %s AND decided_at < %s"
            " AND inputs IS NOT NULL ORDER BY order_id, attempt",
            (uuid7_floor(since - ORDER_AGE_MAX), uuid7_floor(until), since, until),
        )
        for row in cursor:
            yield read_decided(*row)


# A route may be decided so long after its order was born.
ORDER_AGE_MAX: Final = timedelta(days=7)


def read_decided(plan: bytes, inputs: bytes | None, quote: bytes | None, content: bytes | None) -> Decided:
    """Read a stored decision. Raises InputsNotKeptError for one of which only the plan was kept."""
    read_plan = decode_plan(plan)
    if inputs is None or content is None:
        raise InputsNotKeptError(
            f"route {read_plan.route_id} was stored without its inputs, it cannot be decided again"
        )
    return Decided(
        plan=read_plan,
        inputs=_inputs_decoder.decode(inputs),
        quote=None if quote is None else decode_quote_json(quote),
        content=_content_decoder.decode(content),
    )


def decode_plan(payload: bytes) -> RoutePlan:
    """Read a stored plan."""
    plan = decode(RoutePlan.__name__, bytes(payload))
    if not isinstance(plan, RoutePlan):
        raise UnreadableMessageError(f"expected a RoutePlan, found {type(plan).__name__}")
    return plan


def decode_quote_json(payload: bytes) -> Quote:
    """Read a stored book."""
    quote = decode(Quote.__name__, bytes(payload))
    if not isinstance(quote, Quote):
        raise UnreadableMessageError(f"expected a Quote, found {type(quote).__name__}")
    return quote
