"""What is stored, read for the doors: single orders by key, lists by keyset, streams by their sequence."""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final
from uuid import UUID

import msgspec
import psycopg
import structlog
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from oms_api.ports import (
    ChildView,
    EventView,
    ExecutionView,
    KnownNames,
    OrderFilter,
    OrderView,
    PositionView,
    RouteView,
    UnavailableError,
)
from oms_platform.deadline import AsyncConnection, deadline
from oms_platform.ids import uuid7_floor
from oms_platform.messages import OrderEvent
from oms_platform.postgres import PostgresUnavailableError, unreachable_because
from oms_platform.schema.migrate import check_revision
from oms_platform.wire import UnreadableMessageError, decode

POOL_MAX: Final = 8
POOL_WAIT_S: Final = 2.0
CONNECT_TIMEOUT_S: Final = 3
READ_TIMEOUT_S: Final = 5.0
RETRY_WITHIN_S: Final = 0.5
_AVG_PX_STEP: Final = Decimal("0.000001")
# A UUIDv7 is made some moments around the instant that created_at holds.
_ID_SKEW: Final = timedelta(seconds=5)

_ORDER_COLUMNS: Final = (
    "order_id, account_id, channel, client_order_id, symbol, side, order_type, time_in_force,"
    " quantity, limit_price, status, closed, cum_qty, leaves_qty, filled_notional, text, sequence,"
    " created_at, updated_at"
)
log = structlog.get_logger()


def _order_view(row: Sequence[Any]) -> OrderView:
    cum_qty, filled_notional = row[12], row[14]
    avg_px = (filled_notional / cum_qty).quantize(_AVG_PX_STEP, ROUND_HALF_EVEN) if cum_qty else None
    return OrderView(*row, avg_px)  # type: ignore[call-arg]  # the columns are the fields


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

    async def _read(self, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
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
                    raise UnavailableError(f"Postgres is away: {str(error).strip()}") from error
        raise UnavailableError("Postgres is away")

    async def written_position(self) -> int:
        """Return, of a primary, how far its log is written, in bytes."""
        return int((await self._read("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')", ()))[0][0])

    async def replayed_position(self) -> int:
        """Return how far a replica has replayed the log, in bytes; of a primary, what it wrote."""
        rows = await self._read(
            "SELECT pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()"
            " ELSE pg_current_wal_lsn() END, '0/0')",
            (),
        )
        return int(rows[0][0])

    async def order(self, order_id: UUID) -> OrderView | None:
        """Return an order, or None."""
        rows = await self._read(f"SELECT {_ORDER_COLUMNS} FROM orders WHERE order_id = %s", (order_id,))
        return _order_view(rows[0]) if rows else None

    async def orders(self, wanted: OrderFilter) -> list[OrderView]:
        """Return the orders of a filter, newest first."""
        conditions: list[str] = []
        values: list[Any] = []
        for condition, value in (
            ("account_id = ANY(%s)", None if wanted.accounts is None else sorted(wanted.accounts)),
            ("symbol = %s", wanted.symbol),
            ("status = %s", wanted.status),
            ("side = %s", wanted.side),
            ("client_order_id = %s", wanted.client_order_id),
            ("created_at >= %s", wanted.created_from),
            ("created_at < %s", wanted.created_to),
            ("order_id >= %s", wanted.created_from and uuid7_floor(wanted.created_from - _ID_SKEW)),
            ("order_id < %s", wanted.created_to and uuid7_floor(wanted.created_to + _ID_SKEW)),
            ("order_id < %s", wanted.before),
        ):
            if value is not None:
                conditions.append(condition)
                values.append(value)
        where = " AND ".join(conditions) or "true"
        rows = await self._read(
            f"SELECT {_ORDER_COLUMNS} FROM orders WHERE {where} ORDER BY order_id DESC LIMIT %s",
            [*values, wanted.limit],
        )
        return [_order_view(row) for row in rows]

    async def events(self, order_id: UUID) -> list[EventView]:
        """Return an order's audit trail, oldest first."""
        rows = await self._read(
            "SELECT sequence, event_id, stream_sequence, type, status, occurred_at, payload::text"
            " FROM order_events WHERE order_id = %s ORDER BY sequence",
            (order_id,),
        )
        return [EventView(*(*row[:6], msgspec.Raw(row[6].encode()))) for row in rows]

    async def executions(self, order_id: UUID) -> list[ExecutionView]:
        """Return an order's fills, oldest first."""
        rows = await self._read(
            "SELECT venue_id, exec_id, cl_ord_id, symbol, side, last_qty, last_px, transact_time, received_at"
            " FROM executions WHERE order_id = %s ORDER BY transact_time, venue_id, exec_id",
            (order_id,),
        )
        return [ExecutionView(*row) for row in rows]

    async def routes(self, order_id: UUID) -> list[RouteView]:
        """Return an order's routing decisions, first attempt first."""
        plans = await self._read(
            "SELECT attempt, route_id, decided_at, plan FROM route_audit"
            " WHERE order_id = %s ORDER BY attempt",
            (order_id,),
        )
        rows = await self._read(
            "SELECT attempt, leg, cl_ord_id, venue_id, venue_order_id, quantity, limit_price, time_in_force,"
            " status, cum_qty, leaves_qty, created_at, acked_at, updated_at FROM child_orders"
            " WHERE order_id = %s ORDER BY attempt, leg",
            (order_id,),
        )
        children: dict[int, list[ChildView]] = defaultdict(list)
        for row in rows:
            children[row[0]].append(ChildView(*row))
        return [
            RouteView(attempt, route_id, decided_at, msgspec.Raw(bytes(plan)), children[attempt])
            for attempt, route_id, decided_at, plan in plans
        ]

    async def positions(self, account_id: str) -> list[PositionView]:
        """Return an account's positions by symbol."""
        rows = await self._read(
            "SELECT symbol, quantity, cost, realized_pnl, net_cash, updated_at FROM positions"
            " WHERE account_id = %s ORDER BY symbol",
            (account_id,),
        )
        return [PositionView(*row) for row in rows]

    async def reference(self) -> KnownNames:
        """Return what requests may name."""
        accounts = await self._read("SELECT account_id FROM accounts", ())
        instruments = await self._read("SELECT symbol, tick_size FROM instruments", ())
        profiles = await self._read("SELECT DISTINCT profile FROM routing_profiles WHERE active", ())
        venues = await self._read("SELECT venue_id FROM venues", ())
        return KnownNames(
            accounts=frozenset(row[0] for row in accounts),
            tick_sizes=dict(instruments),
            profiles=frozenset(row[0] for row in profiles),
            venues=frozenset(row[0] for row in venues),
        )

    async def stream_heads(self, accounts: list[str]) -> dict[str, int]:
        """Return the last stream sequence of each account, 0 for one without events."""
        rows = await self._read(
            "SELECT account, (SELECT max(stream_sequence) FROM order_events WHERE account_id = account)"
            " FROM unnest(%s::text[]) AS account",
            (accounts,),
        )
        return {account: head or 0 for account, head in rows}

    async def events_after(
        self, account_id: str, sequence: int, rows_max: int
    ) -> list[tuple[int, OrderEvent | None]]:
        """Return the account's next events, in order; None for one that cannot be read."""
        rows = await self._read(
            "SELECT stream_sequence, (payload->'event')::text FROM order_events"
            " WHERE account_id = %s AND stream_sequence > %s ORDER BY stream_sequence LIMIT %s",
            (account_id, sequence, rows_max),
        )
        return [(number, _event(account_id, number, text)) for number, text in rows]


def _event(account_id: str, stream_sequence: int, text: str | None) -> OrderEvent | None:
    try:
        event = decode("OrderEvent", (text or "").encode())
    except UnreadableMessageError as error:
        log.error(
            "stored_event_unreadable",
            account_id=account_id,
            stream_sequence=stream_sequence,
            error=str(error),
        )
        return None
    return event if isinstance(event, OrderEvent) else None
