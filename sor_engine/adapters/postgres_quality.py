"""The raw rows that execution quality is computed from, read from Postgres.

The law of this file: one snapshot. Everything is read in one read-only transaction, so that a report of a
running stack agrees with itself, and in batches of orders, so that a long time needs no more memory.
Nothing that was computed elsewhere is read, save the name of the strategy.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec
import psycopg

from oms_platform.clock import from_microseconds, microseconds
from oms_platform.ids import uuid7_floor
from oms_platform.messages import Quote
from oms_platform.order_types import BOOKED
from oms_platform.postgres import ArrayStatement, Connection, connect
from oms_platform.wire import UnreadableMessageError, decode
from sor_engine.domain.market import micros
from sor_engine.domain.profile import InvalidProfileError, read_profile
from sor_engine.domain.quality import moments
from sor_engine.domain.quality_evidence import (
    SILENCE_US,
    UNKNOWN,
    Child,
    Evidence,
    Fees,
    Fill,
    FirstRoute,
    Moment,
    Order,
    Quoted,
    Tape,
)
from sor_engine.first_route import first_route, had_data
from sor_engine.ports import FrozenInputs, QualityScope, ReferenceContent

# An order's id and its created_at are of one clock, but its id is drawn a little earlier.
_ID_MARGIN: Final = timedelta(minutes=1)
# A mark may stand on a quote so old: that of yesterday's close.
QUOTE_AGE_MAX: Final = timedelta(days=1)
_MOMENTS_A_QUERY: Final = 20_000
ORDERS_A_BATCH: Final = 1_000
# Markouts of the last fills look so far beyond the report's end.
_MARKS_LATER: Final = timedelta(minutes=2)
_EPOCH_DAY: Final = date(1970, 1, 1)
_IN_SCOPE: Final = """
WHERE order_id >= %(oldest)s AND order_id < %(newest)s AND created_at >= %(since)s AND created_at < %(until)s
  AND (%(accounts)s::text[] IS NULL OR account_id = ANY(%(accounts)s))
  AND (%(symbols)s::text[] IS NULL OR symbol = ANY(%(symbols)s))
  AND (%(side)s::text IS NULL OR side = %(side)s)
"""
# An order that risk refused was never to be traded.
_CHOSEN: Final = f"""
SELECT order_id FROM orders
{_IN_SCOPE} AND status <> 'REJECTED'
ORDER BY order_id
"""
# Orders of one batch: the bounds keep a statement to the partitions that hold them.
_THESE: Final = "order_id BETWEEN %(first)s AND %(last)s AND order_id = ANY(%(orders)s)"
_ORDERS: Final = f"""
SELECT order_id, symbol, side, quantity, limit_price, time_in_force = 'FOK', created_at,
       CASE WHEN closed AND updated_at <= %(until)s THEN updated_at END,
       coalesce(json_array_length(payload -> 'terms' -> 'routing' -> 'prefer'), 0) = 1, account_id,
       (SELECT listing_venue FROM instruments kept WHERE kept.symbol = orders.symbol)
FROM orders LEFT JOIN (
    SELECT request_id AS order_id, payload FROM order_requests
    WHERE request_id BETWEEN %(first)s AND %(last)s AND request_id = ANY(%(orders)s)
) asked USING (order_id)
WHERE {_THESE} ORDER BY order_id
"""
_CHILDREN: Final = f"""
SELECT cl_ord_id, order_id, venue_id, quantity, (terms ->> 'limitPriceMicros')::bigint, created_at,
       terms ->> 'timeInForce' = ANY(%(booked)s), acked_at, attempt
FROM child_orders WHERE {_THESE} AND created_at < %(until)s
ORDER BY order_id, attempt, leg
"""
_FILLS: Final = f"""
SELECT order_id, venue_id, exec_id, cl_ord_id, last_qty, last_px, transact_time, received_at FROM executions
WHERE {_THESE} AND received_at < %(until)s
ORDER BY order_id, transact_time, venue_id, exec_id
"""
_REFUSED: Final = f"SELECT count(*) FROM orders {_IN_SCOPE} AND status = 'REJECTED'"
_COUNTED: Final = f"""
SELECT count(*) FROM (SELECT 1 FROM orders {_IN_SCOPE} AND status <> 'REJECTED' LIMIT %(most)s) chosen
"""
_ROUTES: Final = """
SELECT order_id, inputs, book_id, reference_id FROM route_audit
WHERE order_id BETWEEN %s AND %s AND order_id = ANY(%s) ORDER BY order_id, attempt
"""
_CONTENTS: Final = "SELECT reference_id, content FROM route_references WHERE reference_id = ANY(%s)"
_BOOKS: Final = "SELECT book_id, quote FROM route_books WHERE book_id BETWEEN %s AND %s AND book_id = ANY(%s)"
_inputs_decoder: Final = msgspec.json.Decoder(FrozenInputs)
_content_decoder: Final = msgspec.json.Decoder(ReferenceContent)
_FEES: Final = "SELECT venue_id, effective_from, add_fee, remove_fee FROM fee_schedules"
_AS_OF: Final = ArrayStatement(
    (("symbol", "text"), ("at", "timestamptz")),
    "SELECT row.symbol, row.at, tape.bid, tape.offer FROM {rows} CROSS JOIN LATERAL ("
    " SELECT bid, offer FROM quote_tape kept WHERE kept.symbol = row.symbol AND kept.quoted_at <= row.at"
    f" AND kept.quoted_at > row.at - interval '{QUOTE_AGE_MAX.days} day'"
    " ORDER BY kept.quoted_at DESC LIMIT 1) tape",
)
# The window's own ends stand for rows: what was silent across them is silent up to them.
_SILENCES: Final = """
SELECT before, quoted_at FROM (
    SELECT quoted_at, lag(quoted_at) OVER (ORDER BY quoted_at) AS before FROM (
        SELECT quoted_at FROM quote_tape WHERE quoted_at >= %(first)s AND quoted_at <= %(last)s
        UNION ALL VALUES (%(first)s), (%(last)s)
    ) seen
) rows WHERE quoted_at - before > %(silence)s
"""
_TAPE_END: Final = "SELECT max(quoted_at) FROM quote_tape WHERE quoted_at >= %(first)s"


class PostgresQuality:
    """What a report stands on: a scope's orders, as of its end."""

    def __init__(self, connection: Connection, scope: QualityScope) -> None:
        self._connection = connection
        self._until = scope.until
        self._bounds: dict[str, Any] = {
            "since": scope.since,
            "until": scope.until,
            "oldest": uuid7_floor(scope.since - _ID_MARGIN),
            "newest": uuid7_floor(scope.until + _ID_MARGIN),
            "accounts": None if scope.accounts is None else sorted(scope.accounts),
            "symbols": None if scope.symbols is None else sorted(scope.symbols),
            "side": scope.side,
        }

    def orders(self, most: int) -> int:
        """Return how many orders there are, no more than `most`."""
        row = self._connection.execute(_COUNTED, {**self._bounds, "most": most}).fetchone()
        return 0 if row is None else int(row[0])

    def batches(self) -> Iterator[tuple[Evidence, Tape]]:
        """Yield the evidence of so many orders at a time, with the quotes that it asks for."""
        with self._connection.transaction():
            self._connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            fees = [_fees(row) for row in self._connection.execute(_FEES).fetchall()]
            silences, end_us = self._written()
            with self._connection.cursor(name="tca_orders") as cursor:
                cursor.execute(_CHOSEN, self._bounds)
                while ids := [order_id for (order_id,) in cursor.fetchmany(ORDERS_A_BATCH)]:
                    evidence = self._evidence(ids, fees)
                    yield evidence, Tape(self._as_of(sorted(moments(evidence))), silences, end_us)

    def refused(self) -> int:
        """Return how many orders of the time risk refused, which are in no batch."""
        row = self._connection.execute(_REFUSED, self._bounds).fetchone()
        return 0 if row is None else int(row[0])

    def _evidence(self, ids: list[UUID], fees: list[Fees]) -> Evidence:
        these = {
            "orders": ids,
            "first": ids[0],
            "last": ids[-1],
            "until": self._until,
            "booked": [one.value for one in BOOKED],
        }

        def rows(statement: str) -> list[tuple[Any, ...]]:
            return self._connection.execute(statement, these).fetchall()

        strategies, first_routes = _first_routes(self._connection, ids)
        return Evidence(
            orders=[_order(row, strategies) for row in rows(_ORDERS)],
            children=[_child(row) for row in rows(_CHILDREN)],
            fills=[_fill(row) for row in rows(_FILLS)],
            fees=fees,
            end_us=microseconds(self._until),
            first_routes=first_routes,
        )

    def _written(self) -> tuple[list[tuple[int, int]], int]:
        """Return when the tape was silent, and when its last row is of."""
        bounds = {
            "first": self._bounds["since"] - 2 * timedelta(microseconds=SILENCE_US),
            "last": self._until + _MARKS_LATER,
            "silence": timedelta(microseconds=SILENCE_US),
        }
        silences = [
            (microseconds(before), microseconds(after))
            for before, after in self._connection.execute(_SILENCES, bounds).fetchall()
        ]
        row = self._connection.execute(_TAPE_END, bounds).fetchone()
        return silences, 0 if row is None or row[0] is None else microseconds(row[0])

    def _as_of(self, ordered: list[Moment]) -> dict[Moment, Quoted | None]:
        found: dict[Moment, Quoted | None] = {}
        with self._connection.cursor() as cursor:
            for start in range(0, len(ordered), _MOMENTS_A_QUERY):
                part = ordered[start : start + _MOMENTS_A_QUERY]
                _AS_OF.execute(cursor, [(symbol, from_microseconds(at_us)) for symbol, at_us in part])
                for symbol, at, bid, offer in cursor.fetchall():
                    found[symbol, microseconds(at)] = Quoted(_micros(bid), _micros(offer))
        return found


class PostgresQualityReader:
    """QualityReader with a connection for each question: they are rare, and one that waits costs memory.

    seconds_max: after which what is being read is given up.
    """

    def __init__(self, dsn: str, seconds_max: float) -> None:
        self._dsn = dsn
        self._seconds_max = seconds_max

    @contextmanager
    def evidence(self, scope: QualityScope) -> Iterator[PostgresQuality]:
        """Open what a report of a scope stands on."""
        with closing(connect(self._dsn, "sor-answers-quality")) as connection:
            given_up = threading.Timer(self._seconds_max, connection.cancel_safe)
            given_up.start()
            try:
                yield PostgresQuality(connection, scope)
            except psycopg.errors.QueryCanceled as error:
                raise TimeoutError from error
            finally:
                given_up.cancel()


def _micros(price: Decimal | None) -> int | None:
    return None if price is None else micros(price)


def _order(row: tuple[Any, ...], strategies: Mapping[UUID, str]) -> Order:
    order_id, symbol, side, quantity, limit, all_or_none, created_at, ended_at, *others = row
    directed, account_id, listing_venue = others
    return Order(
        order_id=str(order_id),
        symbol=symbol,
        side=side,
        quantity=quantity,
        limit=_micros(limit),
        created_us=microseconds(created_at),
        ended_us=None if ended_at is None else microseconds(ended_at),
        strategy=strategies.get(order_id, UNKNOWN),
        account_id=account_id,
        directed=directed,
        all_or_none=all_or_none,
        listing_venue=listing_venue or "",
    )


def _child(row: tuple[Any, ...]) -> Child:
    cl_ord_id, order_id, venue_id, quantity, limit, created_at, rests, acked_at, attempt = row
    return Child(
        cl_ord_id=cl_ord_id,
        order_id=str(order_id),
        venue_id=venue_id,
        quantity=quantity,
        limit=limit,
        created_us=microseconds(created_at),
        rests=rests,
        acked_us=None if acked_at is None else microseconds(acked_at),
        attempt=attempt,
    )


def _fill(row: tuple[Any, ...]) -> Fill:
    order_id, venue_id, exec_id, cl_ord_id, quantity, price, transact_time, received_at = row
    return Fill(
        order_id=str(order_id),
        venue_id=venue_id,
        exec_id=exec_id,
        cl_ord_id=cl_ord_id,
        quantity=quantity,
        price=micros(price),
        transact_us=microseconds(transact_time),
        received_us=microseconds(received_at),
    )


def _fees(row: tuple[Any, ...]) -> Fees:
    venue_id, effective_from, add_fee, remove_fee = row
    return Fees(
        venue_id=venue_id,
        from_day=(effective_from - _EPOCH_DAY).days,
        add_fee=micros(add_fee),
        remove_fee=micros(remove_fee),
    )


def _first_routes(
    connection: Connection, order_ids: Sequence[UUID]
) -> tuple[dict[UUID, str], dict[str, FirstRoute]]:
    """Return, by order, the strategy of its first route that used a profile, and its first route on a quote.

    Where what that one stood on is no more kept, there is none: a later one does not stand in for it.
    order_ids: ascending.
    """
    if not order_ids:
        return {}, {}
    rows = connection.execute(_ROUTES, (order_ids[0], order_ids[-1], list(order_ids))).fetchall()
    kept = connection.execute(_CONTENTS, (list({row[3] for row in rows}),)).fetchall()
    contents = {key: _content_decoder.decode(bytes(content)) for key, content in kept}
    named = {key: _strategies(content) for key, content in contents.items()}
    strategies: dict[UUID, str] = {}
    first: dict[UUID, tuple[FrozenInputs, UUID, UUID]] = {}
    for order_id, stored, book_id, reference_id in rows:
        if order_id in strategies and order_id in first:
            continue
        inputs = _inputs_decoder.decode(stored)
        strategy = named.get(reference_id, {}).get(inputs.routing.profile)
        if strategy is not None:
            strategies.setdefault(order_id, strategy)
        if book_id is not None and had_data(inputs):
            first.setdefault(order_id, (inputs, book_id, reference_id))
    books = _books(connection, sorted({book_id for _, book_id, _ in first.values()}))
    return strategies, {
        str(order_id): first_route(inputs, books[book_id], contents[reference_id])
        for order_id, (inputs, book_id, reference_id) in first.items()
        if book_id in books and reference_id in contents
    }


def _books(connection: Connection, book_ids: Sequence[UUID]) -> dict[UUID, Quote]:
    """Return the books that are kept. book_ids: ascending."""
    if not book_ids:
        return {}
    rows = connection.execute(_BOOKS, (book_ids[0], book_ids[-1], list(book_ids))).fetchall()
    return {book_id: _book(payload) for book_id, payload in rows}


def _book(payload: bytes) -> Quote:
    quote = decode(Quote.__name__, bytes(payload))
    if not isinstance(quote, Quote):
        raise UnreadableMessageError(f"expected a Quote, found {type(quote).__name__}")
    return quote


def _strategies(content: ReferenceContent) -> dict[str, str]:
    """Return the strategy of each profile that decisions could use."""
    found: dict[str, str] = {}
    for name, kept in content.profiles.items():
        # A profile of then may be none by the rules of now.
        with suppress(InvalidProfileError):
            found[name] = read_profile(name, kept.version, kept.settings).strategy.value
    return found
