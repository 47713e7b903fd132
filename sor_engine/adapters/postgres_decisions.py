"""Stored decisions, with everything that they stood on, and scorecards, read back from Postgres."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from psycopg_pool import ConnectionPool

from oms_platform.ids import uuid7_floor
from oms_platform.messages import Quote, RoutePlan
from oms_platform.postgres import Connection
from oms_platform.wire import UnreadableMessageError, decode
from sor_engine.domain.scorecard import Scorecard, scorecard_view
from sor_engine.ports import (
    Decided,
    FrozenInputs,
    InputsNotKeptError,
    KeptRoute,
    ReferenceContent,
    VenueScorecard,
)

_DECIDED: Final = """
SELECT plan, digest, inputs, book_id, quote, content, quote_wait_us, decision_us FROM route_audit
LEFT JOIN route_books USING (book_id) LEFT JOIN route_references USING (reference_id)
"""
# What nobody waits for any more holds no connection for longer.
STATEMENT_MS_MAX: Final = 5_000
_inputs_decoder: Final = msgspec.json.Decoder(FrozenInputs)
_content_decoder: Final = msgspec.json.Decoder(ReferenceContent)


class PostgresSorReader:
    """SorReader on the audit tables and `venue_scorecards`, with connections of its own for other threads."""

    def __init__(self, dsn: str, connections_max: int = 2) -> None:
        self._pool = ConnectionPool(
            dsn,
            min_size=0,
            max_size=connections_max,
            open=True,
            timeout=5,
            kwargs={
                "autocommit": True,
                "application_name": "sor-answers-reader",
                "options": f"-c statement_timeout={STATEMENT_MS_MAX}",
            },
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
        return None if row is None else read_decided(row)

    def routes(self, order_id: UUID) -> list[KeptRoute]:
        """Return every route of an order, by attempt."""
        with self._pool.connection() as connection:
            rows = connection.execute(
                f"{_DECIDED} WHERE order_id = %s ORDER BY attempt", (order_id,)
            ).fetchall()
        return [_kept(row) for row in rows]

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
    """Return every decision of a time, by order and attempt, those whose reference is gone left out."""
    with connection.transaction(), connection.cursor(name="decisions") as cursor:
        cursor.execute(
            f"{_DECIDED} WHERE order_id >= %s AND order_id < %s AND decided_at >= %s AND decided_at < %s"
            " AND content IS NOT NULL ORDER BY order_id, attempt",
            (uuid7_floor(since - ORDER_AGE_MAX), uuid7_floor(until), since, until),
        )
        for row in cursor:
            yield read_decided(row)


# A route may be decided so long after its order was born.
ORDER_AGE_MAX: Final = timedelta(days=7)


def read_decided(row: tuple[Any, ...]) -> Decided:
    """Read a stored decision. Raises InputsNotKeptError for one whose book or reference is no more there."""
    plan, digest, inputs, book_id, quote, content, quote_wait_us, decision_us = row
    read_plan = decode_plan(plan)
    if content is None or (book_id is not None and quote is None):
        raise InputsNotKeptError(
            f"what route {read_plan.route_id} was decided on is no more there, it cannot be decided again"
        )
    return Decided(
        plan=read_plan,
        inputs=_inputs_decoder.decode(inputs),
        quote=None if quote is None else decode_quote_json(quote),
        content=_content_decoder.decode(content),
        digest=bytes(digest),
        quote_wait_us=quote_wait_us,
        decision_us=decision_us,
    )


def _kept(row: tuple[Any, ...]) -> KeptRoute:
    try:
        decided: Decided | None = read_decided(row)
    except InputsNotKeptError:
        decided = None
    return KeptRoute(plan=decode_plan(row[0]), digest=bytes(row[1]), decided=decided)


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
