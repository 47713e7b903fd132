"""How stored routes leave, each with what it was decided on."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from oms_platform.ids import uuid7_floor
from oms_platform.order_ids import route_id
from oms_platform.postgres import Connection

_ROWS_A_FETCH: Final = 200
# An order is born before its routes are decided, but by another clock.
CLOCKS_APART: Final = timedelta(minutes=1)
_ROUTES: Final = """
SELECT order_id, attempt, account_id, received_at, decided_at, quote_wait_us, decision_us, digest, inputs,
       plan, book_id, reference_id
FROM route_audit
WHERE decided_at >= %(since)s AND decided_at < %(until)s AND order_id < %(newest)s
ORDER BY order_id, attempt
"""
# Fetched for a batch of routes at a time: a join would have the server go through every book of every week.
_BOOKS: Final = "SELECT book_id, quote FROM route_books WHERE book_id = ANY(%s)"
_REFERENCES: Final = "SELECT reference_id, content FROM route_references WHERE reference_id = ANY(%s)"


def export_routes(connection: Connection, since: datetime, until: datetime) -> Iterator[bytes]:
    """Yield the routes decided from `since` on and before `until`, a JSON line each, by order and attempt.

    inputs, plan, book and reference are as they were stored; book is null where nobody quoted. digest is in
    hex. A cursor on the server holds the rest: memory does not grow with the number of routes.
    """
    with connection.transaction(), connection.cursor(name="export_routes") as cursor:
        cursor.execute(_ROUTES, {"since": since, "until": until, "newest": uuid7_floor(until + CLOCKS_APART)})
        while rows := cursor.fetchmany(_ROWS_A_FETCH):
            books = _fetch(connection, _BOOKS, {row[-2] for row in rows})
            references = _fetch(connection, _REFERENCES, {row[-1] for row in rows})
            for *route, book_id, reference_id in rows:
                yield _line(route, books.get(book_id), references.get(reference_id))


def _fetch(connection: Connection, statement: str, ids: set[UUID | None]) -> dict[UUID | None, bytes]:
    wanted = [key for key in ids if key is not None]
    return dict(connection.execute(statement, (wanted,)).fetchall()) if wanted else {}


def _line(route: Sequence[Any], book: bytes | None, reference: bytes | None) -> bytes:
    order_id, attempt, account_id, received_at, decided_at, *measured, digest, inputs, plan = route
    quote_wait_us, decision_us = measured
    line = {
        "order_id": order_id,
        "attempt": attempt,
        "route_id": route_id(order_id, attempt),
        "account_id": account_id,
        "received_at": received_at,
        "decided_at": decided_at,
        "quote_wait_us": quote_wait_us,
        "decision_us": decision_us,
        "digest": bytes(digest).hex(),
        "inputs": _raw(inputs),
        "plan": _raw(plan),
        "book": _raw(book),
        "reference": _raw(reference),
    }
    return msgspec.json.encode(line) + b"\n"


def _raw(payload: bytes | None) -> msgspec.Raw | None:
    """Return stored JSON as it is; a line break in it can only stand between its parts."""
    return None if payload is None else msgspec.Raw(bytes(payload).replace(b"\n", b" "))
