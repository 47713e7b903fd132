"""Plans, what they stood on, and offsets in Postgres.

A book is stored once for all routes that are decided on it, a reference once for all until it changes, and
both again after a day, so that neither is much older than the routes that need it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
import psycopg

from oms_platform.ids import uuid7, uuid7_time
from oms_platform.postgres import ArrayStatement, Connection, Cursor, one_round_trip, save_offsets
from oms_platform.wire import encode
from sor_engine.ports import PlannedRoute, ReferenceContent, UnstorableRouteError

GROUP: Final = "sor-engine"
# Plan and inputs travel as the text that they are: as bytea each byte would be two characters of hex.
_COLUMNS: Final = (
    ("order_id", "uuid", "order_id"),
    ("attempt", "int", "attempt"),
    ("account_id", "text", "account_id"),
    ("plan", "text", "convert_to(plan, 'UTF8')"),
    ("digest", "bytea", "digest"),
    ("inputs", "text", "convert_to(inputs, 'UTF8')"),
    ("book_id", "uuid", "book_id"),
    ("reference_id", "uuid", "reference_id"),
    ("received_at", "timestamptz", "received_at"),
    ("decided_at", "timestamptz", "decided_at"),
    ("quote_wait_us", "int", "quote_wait_us"),
    ("decision_us", "int", "decision_us"),
)
_INSERT: Final = ArrayStatement(
    [(name, kind) for name, kind, _ in _COLUMNS],
    f"INSERT INTO route_audit ({', '.join([name for name, _, _ in _COLUMNS])})"
    f" SELECT {', '.join([stored for _, _, stored in _COLUMNS])} FROM {{rows}}"
    " ON CONFLICT DO NOTHING RETURNING order_id, attempt",
)
_SELECT: Final = ArrayStatement(
    (("order_id", "uuid"), ("attempt", "int")),
    "SELECT kept.order_id, kept.attempt, kept.plan FROM {rows}"
    " JOIN route_audit kept ON kept.order_id = row.order_id AND kept.attempt = row.attempt",
)
_INSERT_BOOKS: Final = ArrayStatement.insert(
    "route_books",
    (("book_id", "uuid"), ("symbol", "text"), ("quoted_at", "timestamptz"), ("quote", "bytea")),
    "ON CONFLICT DO NOTHING",
)
_INSERT_REFERENCE: Final = (
    "INSERT INTO route_references (reference_id, content, created_at) VALUES (%s, %s, %s)"
    " ON CONFLICT DO NOTHING"
)
_NO_REFERENCE: Final = UUID(int=0)
KEPT_MAX: Final = timedelta(days=1)
_content_encoder: Final = msgspec.json.Encoder(decimal_format="string", uuid_format="canonical")


class PostgresRouteStore:
    """RouteStore on the table `route_audit`."""

    def __init__(self, connection: Connection, incarnation: str) -> None:
        self._connection = connection
        self._incarnation = incarnation
        # What is committed: a symbol's newest book, and the newest reference.
        self._books: dict[str, tuple[datetime, UUID]] = {}
        self._reference: _StoredReference | None = None

    def store(
        self, routes: Sequence[PlannedRoute], next_offsets: Mapping[tuple[str, int], int], now: datetime
    ) -> Mapping[tuple[UUID, int], bytes]:
        """Store new plans and the offsets in one transaction, and return the plans that were there before."""
        if not routes and not next_offsets:
            return {}
        inserted = self._connection.cursor()
        kept = self._keep(routes, now)
        try:
            with one_round_trip(self._connection) as cursor:
                self._insert(cursor, kept)
                _INSERT.execute(inserted, [_row(route, kept) for route in routes])
                save_offsets(cursor, GROUP, self._incarnation, next_offsets, now)
        except (psycopg.IntegrityError, psycopg.DataError) as error:
            raise UnstorableRouteError(str(error).strip()) from error
        self._books.update(kept.books)
        self._reference = kept.reference or self._reference
        new = {(order_id, attempt) for order_id, attempt in inserted.fetchall()} if routes else set()
        old = [key for route in routes if (key := _key(route)) not in new]
        return self._read(old)

    def _keep(self, routes: Sequence[PlannedRoute], now: datetime) -> "_Kept":
        """Give every book and reference of a batch its id: the stored one, or a new one to be stored."""
        kept = _Kept(reference=self._reference)
        for route in routes:
            quote, content = route.decided.quote, route.decided.content
            if quote is not None:
                found = kept.books.get(quote.symbol) or self._books.get(quote.symbol)
                if found is None or found[0] != quote.quoted_at or now - uuid7_time(found[1]) > KEPT_MAX:
                    found = (quote.quoted_at, uuid7())
                    kept.new_books.append((found[1], quote.symbol, quote.quoted_at, encode(quote)))
                kept.books[quote.symbol] = found
                kept.book_of[_key(route)] = found[1]
            kept.reference = self._keep_reference(kept, content, now)
            kept.reference_of[_key(route)] = kept.reference.reference_id
        return kept

    @staticmethod
    def _keep_reference(kept: "_Kept", content: ReferenceContent, now: datetime) -> "_StoredReference":
        known = kept.reference
        young = known is not None and now - uuid7_time(known.reference_id) <= KEPT_MAX
        if known is not None and young and known.content is content:
            return known
        payload = _content_encoder.encode(content)
        if known is not None and young and known.payload == payload:
            return _StoredReference(known.reference_id, content, payload)
        fresh = _StoredReference(uuid7(), content, payload)
        kept.new_references.append((fresh.reference_id, payload, now))
        return fresh

    @staticmethod
    def _insert(cursor: Cursor, kept: "_Kept") -> None:
        _INSERT_BOOKS.execute(cursor, kept.new_books)
        for row in kept.new_references:
            cursor.execute(_INSERT_REFERENCE, row)

    def _read(self, keys: Sequence[tuple[UUID, int]]) -> dict[tuple[UUID, int], bytes]:
        if not keys:
            return {}
        with self._connection.cursor() as cursor:
            _SELECT.execute(cursor, keys)
            return {(order_id, attempt): bytes(plan) for order_id, attempt, plan in cursor.fetchall()}

    def unstorable(self, routes: Sequence[PlannedRoute]) -> Mapping[tuple[UUID, int], str]:
        """Try each plan by itself, keeping nothing, and return those that are refused."""
        refused: dict[tuple[UUID, int], str] = {}
        nothing_kept = _Kept(reference=None)
        for route in routes:
            try:
                with self._connection.transaction(force_rollback=True), self._connection.cursor() as cursor:
                    _INSERT.execute(cursor, [_row(route, nothing_kept)])
            except (psycopg.IntegrityError, psycopg.DataError) as error:
                refused[_key(route)] = str(error).strip()
        return refused


@dataclass(frozen=True, slots=True)
class _StoredReference:
    reference_id: UUID
    content: ReferenceContent
    payload: bytes


@dataclass(slots=True)
class _Kept:
    """What a batch's routes point to, and what of it is new."""

    reference: _StoredReference | None
    books: dict[str, tuple[datetime, UUID]] = field(default_factory=dict)
    new_books: list[tuple[UUID, str, datetime, bytes]] = field(default_factory=list)
    new_references: list[tuple[UUID, bytes, datetime]] = field(default_factory=list)
    book_of: dict[tuple[UUID, int], UUID] = field(default_factory=dict)
    reference_of: dict[tuple[UUID, int], UUID] = field(default_factory=dict)


def _key(route: PlannedRoute) -> tuple[UUID, int]:
    return route.decided.plan.order_id, route.decided.plan.attempt


def _row(route: PlannedRoute, kept: _Kept) -> tuple[object, ...]:
    decided = route.decided
    plan = decided.plan
    key = plan.order_id, plan.attempt
    return (
        plan.order_id,
        plan.attempt,
        plan.terms.account_id,
        route.payload.decode(),
        decided.digest,
        route.inputs.decode(),
        kept.book_of.get(key),
        kept.reference_of.get(key, _NO_REFERENCE),
        plan.received_at,
        plan.decided_at,
        decided.quote_wait_us,
        decided.decision_us,
    )
