"""What is stored, read for the doors: single orders by key, lists by keyset, streams by their sequence."""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final
from uuid import UUID

import msgspec
import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from oms_api.adapters.desk_pool import EXECUTION_COLUMNS
from oms_api.domain.algo_terms import algo_view
from oms_api.domain.peg_terms import peg_view
from oms_api.ports import (
    AccountSnapshot,
    ChildView,
    EventView,
    ExecutionView,
    HeldPosition,
    KnownNames,
    OrderFilter,
    OrderView,
    StoredRoute,
    UnavailableError,
)
from oms_platform.clock import utc_now
from oms_platform.deadline import AsyncConnection, deadline
from oms_platform.ids import uuid7_floor
from oms_platform.market_rows import (
    ASSIGNMENTS,
    AUCTION_RULES,
    CALENDARS,
    ROUND_LOTS,
    RULES,
    SESSIONS,
    SESSIONS_KEPT,
    calendars_of,
    rules_of,
)
from oms_platform.messages import SubmitOrder
from oms_platform.order_ids import route_id
from oms_platform.postgres import PostgresUnavailableError, read_plain_decimals, unreachable_because
from oms_platform.prices import dollars_of, plain
from oms_platform.schema.migrate import check_revision
from oms_platform.vocabulary import Algo, ChildTerms, OrderCapacity, OrderStatus, Peg

POOL_MAX: Final = 8
POOL_WAIT_S: Final = 2.0
CONNECT_TIMEOUT_S: Final = 3
READ_TIMEOUT_S: Final = 5.0
RETRY_WITHIN_S: Final = 0.5
_RECEIVED: Final = "OrderReceived"
_AVG_PX_STEP: Final = Decimal("0.000001")
# A UUIDv7 is made some moments around the instant that created_at holds.
_ID_SKEW: Final = timedelta(seconds=5)

# What a replace cannot change is shown from the request's terms, whole; all else from the order's row.
_ORDERS: Final = (
    "SELECT r.payload::text, o.status, o.closed, o.cum_qty, o.leaves_qty, o.filled_notional, o.text,"
    " o.sequence, o.created_at, o.updated_at, o.cum_qty + o.excess_qty, o.quantity, o.limit_price,"
    " o.stop_price, o.time_in_force, o.expire_at, o.algo::text, o.display_quantity, o.peg::text FROM orders o"
    " JOIN order_requests r ON r.request_id = o.order_id"
)
_LIVE_AT: Final = (
    "EXISTS (SELECT FROM child_orders c WHERE c.order_id = o.order_id AND c.leaves_qty > 0"
    " AND c.venue_id = ANY(%s))"
)
# Who placed an order stands in its request alone, and so in an index of requests: a page begins there.
_PLACED_BY: Final = "r.kind = 'NEW' AND r.principal = %s"
# A database that was restored is another cluster, goes on in another timeline, or has other tables.
_EPOCH: Final = (
    "(SELECT md5(concat_ws(' ', system_identifier, left(pg_walfile_name(pg_current_wal_insert_lsn()), 8),"
    " 'account_streams'::regclass::oid)) FROM pg_control_system())"
)
_submit_decoder: Final = msgspec.json.Decoder(SubmitOrder)
_algo_decoder: Final = msgspec.json.Decoder(Algo)
_peg_decoder: Final = msgspec.json.Decoder(Peg)
_child_decoder: Final = msgspec.json.Decoder(ChildTerms)


class _EventHead(msgspec.Struct, rename="camel", gc=False):
    event_id: UUID
    status: OrderStatus


_head_decoder: Final = msgspec.json.Decoder(_EventHead)


def _order_view(row: Sequence[Any]) -> OrderView:
    payload, status, closed, cum_qty, leaves_qty, filled_notional, text, sequence = row[:8]
    created_at, updated_at, executed_qty, quantity, limit_price, stop_price, time_in_force = row[8:15]
    expire_at, algo, display, peg = row[15:]
    order = _submit_decoder.decode(payload)
    terms = order.terms
    return OrderView(
        order_id=order.order_id,
        account_id=terms.account_id,
        channel=terms.channel,
        client_order_id=terms.client_order_id,
        symbol=terms.symbol,
        side=terms.side.name,
        order_type=terms.order_type.name,
        time_in_force=time_in_force,
        expire_at=expire_at,
        quantity=quantity,
        limit_price=limit_price,
        stop_price=stop_price,
        status=status,
        closed=closed,
        cum_qty=cum_qty,
        leaves_qty=leaves_qty,
        filled_notional=filled_notional,
        text=text,
        sequence=sequence,
        created_at=created_at,
        updated_at=updated_at,
        # Of all shares that were executed, also of those beyond the order's quantity.
        avg_px=plain((filled_notional / executed_qty).quantize(_AVG_PX_STEP, ROUND_HALF_EVEN))
        if cum_qty
        else None,
        min_quantity=terms.min_quantity or None,
        routing=None if terms.routing is None else msgspec.to_builtins(terms.routing),
        algo=algo_view(terms.algo if algo is None else _algo_decoder.decode(algo)),
        peg=peg_view(terms.peg if peg is None else _peg_decoder.decode(peg)),
        basket_id=terms.basket_id or None,
        principal=terms.principal,
        capacity=(terms.capacity or OrderCapacity.AGENCY).name,
        # Of an order that was not replaced, its row says nothing.
        display_qty=(terms.display_quantity if display is None else display) or None,
        post_only=terms.post_only,
        locate_id=terms.locate_id or None,
        tags={tag.name: tag.text for tag in terms.tags} or None,
    )


def _request_view(order_id: UUID, received_at: datetime, payload: str) -> EventView:
    return EventView(
        sequence=1,
        event_id=order_id,
        stream_sequence=None,
        event_type=_RECEIVED,
        status=OrderStatus.NEW.name,
        occurred_at=received_at,
        payload=msgspec.Raw(payload.encode()),
    )


def _event_view(
    sequence: int, stream_sequence: int, event_type: str, occurred_at: datetime, payload: str
) -> EventView:
    head = _head_decoder.decode(payload)
    return EventView(
        sequence=sequence,
        event_id=head.event_id,
        stream_sequence=stream_sequence,
        event_type=event_type,
        status=head.status.name,
        occurred_at=occurred_at,
        payload=msgspec.Raw(payload.encode()),
    )


def _listed(names: frozenset[str] | None) -> list[str] | None:
    return None if names is None else sorted(names)


def _child_view(row: Sequence[Any]) -> ChildView:
    text, status, cum_qty, leaves_qty, venue_order_id, created_at, acked_at, updated_at = row
    terms = _child_decoder.decode(text)
    return ChildView(
        attempt=terms.attempt,
        leg=terms.leg,
        cl_ord_id=terms.cl_ord_id,
        venue_id=terms.venue_id,
        venue_order_id=venue_order_id,
        quantity=terms.quantity,
        min_quantity=terms.min_quantity or None,
        limit_price=plain(dollars_of(terms.limit_price_micros)),
        time_in_force=terms.time_in_force.name,
        status=status,
        cum_qty=cum_qty,
        leaves_qty=leaves_qty,
        created_at=created_at,
        acked_at=acked_at,
        updated_at=updated_at,
    )


async def require_schema(dsn: str) -> None:
    """Raise PostgresUnavailableError, SchemaTooOldError or SchemaTooNewError unless the schema is ours."""
    try:
        connection = await psycopg.AsyncConnection.connect(
            dsn, autocommit=True, application_name="oms-api-schema", connect_timeout=CONNECT_TIMEOUT_S
        )
        async with connection:
            cursor = await connection.execute("SELECT to_regclass('alembic_version') IS NOT NULL")
            found = "none"
            if await cursor.fetchone() == (True,):
                cursor = await connection.execute("SELECT version_num FROM alembic_version")
                row = await cursor.fetchone()
                found = row[0] if row else found
    except psycopg.OperationalError as error:
        reason = await asyncio.to_thread(unreachable_because, error, dsn)
        raise PostgresUnavailableError(reason) from error
    check_revision(found)


class PostgresReader:
    """The OrderReader and EventStore on a small pool of connections."""

    def __init__(self, dsn: str) -> None:
        self._pool = AsyncConnectionPool(
            dsn,
            min_size=1,
            max_size=POOL_MAX,
            open=False,
            timeout=POOL_WAIT_S,
            configure=read_plain_decimals,
            kwargs={"autocommit": True, "application_name": "oms-api-reader", "connect_timeout": 3},
            reconnect_timeout=2.0,
        )

    async def open(self) -> None:
        """Start to connect in the background."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close()

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        async with self._pool.connection() as connection:
            with deadline(connection, READ_TIMEOUT_S):
                yield connection

    async def read(self, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Run a statement that changes nothing and return its rows. Raises UnavailableError."""
        started = time.monotonic()
        for dead in range(POOL_MAX + 1):
            try:
                async with self._connection() as connection:
                    cursor = await connection.execute(statement, values)
                    return await cursor.fetchall()
            except (psycopg.OperationalError, psycopg.InterfaceError, OSError) as error:
                # Any connection of the pool may have died while it was idle, which shows at once.
                late = time.monotonic() - started > RETRY_WITHIN_S
                if late or dead == POOL_MAX or isinstance(error, PoolTimeout):
                    raise UnavailableError("Postgres is away", str(error).strip()) from error
        raise UnavailableError("Postgres is away")

    async def written_position(self) -> int:
        """Return, of a primary, how far its log is written, in bytes."""
        return int((await self.read("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')", ()))[0][0])

    async def replayed_position(self) -> int:
        """Return how far a replica has replayed the log, in bytes; of a primary, what it wrote."""
        rows = await self.read(
            "SELECT pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()"
            " ELSE pg_current_wal_lsn() END, '0/0')",
            (),
        )
        return int(rows[0][0])

    async def order(self, order_id: UUID, visible: frozenset[str] | None) -> OrderView | None:
        """Return an order of the visible accounts, or None."""
        of_visible = "" if visible is None else " AND o.account_id = ANY(%s)"
        values = (order_id,) if visible is None else (order_id, sorted(visible))
        rows = await self.read(f"{_ORDERS} WHERE o.order_id = %s{of_visible}", values)
        return _order_view(rows[0]) if rows else None

    async def orders(self, wanted: OrderFilter) -> list[OrderView]:
        """Return the orders of a filter."""
        conditions: list[str] = []
        values: list[Any] = []
        key = "o.order_id" if wanted.principal is None else "r.request_id"
        for condition, value in (
            ("o.account_id = ANY(%s)", _listed(wanted.accounts)),
            ("o.symbol = ANY(%s)", _listed(wanted.symbols)),
            ("o.status = ANY(%s)", _listed(wanted.statuses)),
            ("o.closed = %s", wanted.closed),
            ("o.side = %s", wanted.side),
            ("o.order_id = ANY(%s)", None if wanted.order_ids is None else list(wanted.order_ids)),
            ("o.client_order_id = ANY(%s)", _listed(wanted.client_order_ids)),
            (_LIVE_AT, _listed(wanted.venues)),
            ("o.basket_id = %s", wanted.basket),
            ("o.channel = %s", wanted.channel),
            (_PLACED_BY, wanted.principal),
            ("o.created_at >= %s", wanted.created_from),
            ("o.created_at < %s", wanted.created_to),
            (f"{key} >= %s", wanted.created_from and uuid7_floor(wanted.created_from - _ID_SKEW)),
            (f"{key} < %s", wanted.created_to and uuid7_floor(wanted.created_to + _ID_SKEW)),
            (f"{key} {'>' if wanted.oldest_first else '<'} %s", wanted.after),
        ):
            if value is not None:
                conditions.append(condition)
                values.append(value)
        where = " AND ".join(conditions) or "true"
        direction = "ASC" if wanted.oldest_first else "DESC"
        rows = await self.read(
            f"{_ORDERS} WHERE {where} ORDER BY {key} {direction} LIMIT %s", [*values, wanted.limit]
        )
        return [_order_view(row) for row in rows]

    async def events(self, order_id: UUID) -> list[EventView]:
        """Return an order's audit trail, oldest first."""
        requests = await self.read(
            "SELECT received_at, payload::text FROM order_requests WHERE request_id = %s", (order_id,)
        )
        events = await self.read(
            "SELECT sequence, stream_sequence, type, occurred_at, payload::text"
            " FROM order_events WHERE order_id = %s ORDER BY sequence",
            (order_id,),
        )
        return [*(_request_view(order_id, *row) for row in requests), *(_event_view(*row) for row in events)]

    async def executions(self, order_id: UUID) -> list[ExecutionView]:
        """Return an order's fills, oldest first."""
        rows = await self.read(
            f"SELECT {EXECUTION_COLUMNS} FROM executions WHERE order_id = %s"
            " ORDER BY transact_time, venue_id, exec_id",
            (order_id,),
        )
        return [ExecutionView(*row) for row in rows]

    async def routes(self, order_id: UUID) -> list[StoredRoute]:
        """Return an order's routing decisions, first attempt first."""
        plans = await self.read(
            "SELECT attempt, decided_at, plan FROM route_audit WHERE order_id = %s ORDER BY attempt",
            (order_id,),
        )
        rows = await self.read(
            "SELECT attempt, terms::text, status, cum_qty, leaves_qty, venue_order_id, created_at, acked_at,"
            " updated_at FROM child_orders WHERE order_id = %s ORDER BY attempt, leg",
            (order_id,),
        )
        children: dict[int, list[ChildView]] = defaultdict(list)
        for attempt, *row in rows:
            children[attempt].append(_child_view(row))
        return [
            StoredRoute(
                attempt=attempt,
                route_id=route_id(order_id, attempt),
                decided_at=decided_at,
                plan=bytes(plan),
                children=children[attempt],
            )
            for attempt, decided_at, plan in plans
        ]

    async def positions(self, account_id: str) -> list[HeldPosition]:
        """Return an account's positions by symbol."""
        rows = await self.read(
            "SELECT symbol, quantity, cost, realized_pnl, net_cash, updated_at, fees, opened FROM positions"
            " WHERE account_id = %s ORDER BY symbol",
            (account_id,),
        )
        return [HeldPosition(*row) for row in rows]

    async def reference(self) -> KnownNames:
        """Return what requests may name."""
        accounts = await self.read("SELECT account_id FROM accounts", ())
        symbols = await self.read("SELECT symbol, calendar_id FROM instruments", ())
        calendars = calendars_of(
            await self.read(CALENDARS, ()),
            await self.read(SESSIONS, (utc_now() - SESSIONS_KEPT,)),
            await self.read(AUCTION_RULES, ()),
        )
        rules = [await self.read(query, ()) for query in (RULES, ROUND_LOTS, ASSIGNMENTS)]
        profiles = await self.read("SELECT DISTINCT profile FROM routing_profiles WHERE active", ())
        venues = await self.read("SELECT venue_id FROM venues", ())
        return KnownNames(
            accounts=frozenset(row[0] for row in accounts),
            symbols=dict(symbols),
            calendars={one.calendar_id: one for one in calendars},
            rules=rules_of(*rules),
            profiles=frozenset(row[0] for row in profiles),
            venues=frozenset(row[0] for row in venues),
        )

    async def core_addresses(self) -> dict[int, str]:
        """Return the address of the core that owns each partition, as host:port."""
        return dict(await self.read("SELECT partition, address FROM core_owners", ()))

    async def stream_heads(self, accounts: list[str]) -> dict[str, int]:
        """Return the last stream sequence of each account, 0 for one without events."""
        rows = await self.read(
            "SELECT account_id, head FROM account_streams WHERE account_id = ANY(%s)", (accounts,)
        )
        return dict.fromkeys(accounts, 0) | dict(rows)

    async def epoch(self) -> str:
        """Return which database this is: another one after it was restored, or a replica took over."""
        return str((await self.read(f"SELECT {_EPOCH}", ()))[0][0])

    async def snapshot(self, account_id: str, rows_max: int) -> AccountSnapshot:
        """Return the account's open orders, oldest first, and where its stream is, by one consistent read."""
        rows = await self.read(
            f"SELECT {_EPOCH}, coalesce((SELECT head FROM account_streams WHERE account_id = %s), 0), found.*"
            f" FROM (SELECT) AS always LEFT JOIN ({_ORDERS} WHERE o.account_id = %s AND NOT o.closed"
            " ORDER BY o.order_id LIMIT %s) AS found ON true",
            (account_id, account_id, rows_max),
        )
        epoch, head = rows[0][:2]
        orders = [_order_view(row[2:]) for row in rows if row[2] is not None]
        return AccountSnapshot(head, epoch, sorted(orders, key=lambda order: order.order_id))

    async def executions_until(
        self, account_id: str, stream_sequence: int, rows_max: int
    ) -> list[ExecutionView]:
        """Return the account's newest executions up to a sequence of its stream, the oldest of them first."""
        rows = await self.read(
            f"SELECT {EXECUTION_COLUMNS} FROM executions WHERE account_id = %s AND stream_sequence <= %s"
            " ORDER BY recorded_at DESC, order_id DESC, sequence DESC LIMIT %s",
            (account_id, stream_sequence, rows_max),
        )
        return [ExecutionView(*row) for row in reversed(rows)]

    async def events_after(self, account_id: str, sequence: int, rows_max: int) -> list[tuple[int, str]]:
        """Return the account's next events, in order, each as it was published."""
        rows = await self.read(
            "SELECT stream_sequence, payload::text FROM order_events"
            " WHERE account_id = %s AND stream_sequence > %s ORDER BY stream_sequence LIMIT %s",
            (account_id, sequence, rows_max),
        )
        return [(number, text) for number, text in rows]

    async def answered(self, order_ids: Iterable[str], outcomes: Iterable[str]) -> set[str]:
        """Return which of the orders have one of these events, or were accepted without a route."""
        rows = await self.read(
            "SELECT DISTINCT order_id::text FROM order_events"
            " WHERE order_id = ANY(%s::uuid[]) AND (type = ANY(%s)"
            " OR type = 'OrderAccepted' AND payload->'orderAccepted'->>'route' IS NULL)",
            (list(order_ids), list(outcomes)),
        )
        return {order_id for (order_id,) in rows}
