"""Orders into Postgres by group commit: whatever waits goes into one durable statement and is answered then.

An order, its idempotency key, its audit event and its outbox row are stored together or not at all.
"""

import asyncio
import contextlib
import time
from collections import deque
from typing import Any, Final

import msgspec
import psycopg
import structlog
from prometheus_client import Counter, Gauge

from oms_api.domain.refusal import FieldProblem
from oms_api.domain.terms import NO_ROUTING, RoutingTerms
from oms_api.ports import KeyConflict, NewCancel, NewOrder, RowRefused, StoredOrder, UnavailableError
from oms_platform.deadline import AsyncConnection, deadline
from oms_platform.errors import without_secrets
from oms_platform.outbox import INSERT_OUTBOX, NOTIFY_CHANNEL, OutboxRow
from oms_platform.postgres import ArrayStatement
from oms_platform.telemetry.metrics import BATCH_BUCKETS, BatchHistogram, transaction_seconds
from oms_platform.telemetry.order_trace import is_traced, now_us
from oms_platform.telemetry.spans import Kind
from oms_platform.telemetry.tracing import Tracer
from oms_platform.wire import Topic

BATCH_MAX: Final = 500
# Commits begin at least so far apart, unless a full batch waits: a lone request is not delayed, and under
# load each commit carries more orders.
COMMIT_INTERVAL_S: Final = 0.004
CONNECT_TIMEOUT_S: Final = 3
BACKOFF_S: Final = 0.25
IDLE_LOOK_S: Final = 1.0
COMMIT_SPAN: Final = "group commit"
_RECEIVED: Final = "OrderReceived"

Outcome = StoredOrder | KeyConflict | RowRefused
_Waiting = tuple[NewOrder | NewCancel, "asyncio.Future[Outcome | None]"]

log = structlog.get_logger()
batch_requests = BatchHistogram(
    "oms_api_commit_batch_requests", "Requests in one group commit", (), BATCH_BUCKETS
)
queue_depth = Gauge("oms_api_commit_queue_depth", "Requests that wait for the next group commit")
duplicates_total = Counter("oms_api_duplicate_orders_total", "Orders whose idempotency key was stored before")
commit_failures_total = Counter("oms_api_commit_failures_total", "Group commits that failed", ["error"])

_COLUMNS: Final = (
    ("order_id", "uuid"),
    ("event_id", "uuid"),
    ("outbox_id", "uuid"),
    ("account_id", "text"),
    ("channel", "text"),
    ("client_order_id", "text"),
    ("content_hash", "bytea"),
    ("principal", "text"),
    ("symbol", "text"),
    ("side", "text"),
    ("order_type", "text"),
    ("time_in_force", "text"),
    ("quantity", "int"),
    ("limit_price", "numeric"),
    ("routing", "jsonb"),
    ("received_at", "timestamptz"),
    ("payload", "bytea"),
    ("traceparent", "text"),
)
# One statement is one transaction and one round trip. Keys go in by their order, so that two gateways cannot
# deadlock; a key that is there already keeps its order out of the other tables.
_INSERT_ORDERS: Final = ArrayStatement(
    _COLUMNS,
    f"""WITH row AS MATERIALIZED (SELECT * FROM {{rows}}),
    fresh AS (
        INSERT INTO order_keys (account_id, channel, client_order_id, order_id, content_hash)
        SELECT account_id, channel, client_order_id, order_id, content_hash FROM row
        ORDER BY account_id, channel, client_order_id
        ON CONFLICT DO NOTHING RETURNING order_id),
    kept AS (
        INSERT INTO orders (order_id, account_id, channel, client_order_id, principal, symbol, side,
                            order_type, time_in_force, quantity, limit_price, routing, status, leaves_qty,
                            created_at, updated_at)
        SELECT order_id, account_id, channel, client_order_id, principal, symbol, side, order_type,
               time_in_force, quantity, limit_price, routing, 'NEW', quantity, received_at, received_at
        FROM row JOIN fresh USING (order_id)),
    noted AS (
        INSERT INTO order_events (order_id, sequence, event_id, account_id, type, status, payload,
                                  occurred_at)
        SELECT order_id, 1, event_id, account_id, '{_RECEIVED}', 'NEW', convert_from(payload, 'UTF8')::jsonb,
               received_at
        FROM row JOIN fresh USING (order_id)),
    sent AS (
        INSERT INTO outbox (outbox_id, writer, order_id, topic, key, type, payload, traceparent, created_at)
        SELECT outbox_id, 'api', order_id, '{Topic.INBOUND.value}', account_id, 'SubmitOrder', payload,
               traceparent, received_at
        FROM row JOIN fresh USING (order_id))
    SELECT count(*), pg_notify('{NOTIFY_CHANNEL}', '') FROM fresh""",
)
_FIND_KEYS: Final = ArrayStatement(
    (("account_id", "text"), ("channel", "text"), ("client_order_id", "text")),
    "SELECT k.account_id, k.channel, k.client_order_id, k.order_id, k.content_hash, o.created_at"
    " FROM {rows} JOIN order_keys k USING (account_id, channel, client_order_id)"
    " JOIN orders o USING (order_id)",
)


def _key(order: NewOrder) -> tuple[str, str, str]:
    terms = order.terms
    return terms.account_id, terms.channel, terms.client_order_id


def routing_json(routing: RoutingTerms) -> str:
    """Return wishes as they are stored: what is empty is left out."""
    wishes = {"profile": routing.profile, "avoid": routing.avoid, "prefer": routing.prefer}
    return msgspec.json.encode({name: wish for name, wish in wishes.items() if wish}).decode()


def _row(order: NewOrder) -> tuple[Any, ...]:
    terms = order.terms
    return (
        order.order_id,
        order.event_id,
        order.outbox_id,
        terms.account_id,
        terms.channel,
        terms.client_order_id,
        order.content_hash,
        order.principal,
        terms.symbol,
        terms.side,
        terms.order_type,
        terms.time_in_force,
        terms.quantity,
        terms.limit_price,
        "{}" if terms.routing is NO_ROUTING else routing_json(terms.routing),
        order.received_at,
        order.payload,
        order.trace,
    )


class GroupCommit:
    """The OrderIntake on Postgres. `run` is its background task; the others wait for its commits."""

    def __init__(
        self, dsn: str, *, queue_max: int, commit_timeout_s: float, tracer: Tracer | None = None
    ) -> None:
        self._dsn = dsn
        self._tracer = tracer or Tracer()
        self._queue_max = queue_max
        self._commit_timeout_s = commit_timeout_s
        self._waiting: deque[_Waiting] = deque()
        self._awake = asyncio.Event()
        self._connected = False
        self._problem = "not connected yet"

    def problem(self) -> str | None:
        """Return why orders cannot be stored now, or None."""
        return None if self._connected else self._problem

    async def submit(self, order: NewOrder) -> Outcome:
        """Store an order once; see OrderIntake."""
        outcome = await self._enqueue(order)
        if outcome is None:
            raise TypeError("expected an order's outcome, found a cancel's")
        return outcome

    async def cancel(self, cancel: NewCancel) -> None:
        """Store a cancel request; see OrderIntake."""
        await self._enqueue(cancel)

    def _enqueue(self, item: NewOrder | NewCancel) -> "asyncio.Future[Outcome | None]":
        if not self._connected:
            raise UnavailableError("Postgres is away: nothing was stored")
        if len(self._waiting) >= self._queue_max:
            raise UnavailableError(f"{self._queue_max} requests wait already: nothing was stored")
        done: asyncio.Future[Outcome | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        self._awake.set()
        return done

    async def run(self) -> None:
        """Keep a connection and commit what waits, until cancelled."""
        while True:
            try:
                connection = await psycopg.AsyncConnection.connect(
                    self._dsn,
                    autocommit=True,
                    application_name="oms-api-intake",
                    connect_timeout=CONNECT_TIMEOUT_S,
                )
                try:
                    # The joins of the insert are over up to 500 rows whose number the planner does not know.
                    await connection.execute("SET enable_nestloop = off")
                    self._connected = True
                    log.info("intake_connected")
                    await self._serve(connection)
                finally:
                    self._connected = False
                    with contextlib.suppress(psycopg.Error):
                        await connection.close()
            except (psycopg.Error, OSError) as error:
                reason = without_secrets(str(error).strip())
                self._problem = f"Postgres is away: {reason}"
                log.warning("intake_reconnecting", error=reason, waiting=len(self._waiting))
                commit_failures_total.labels(type(error).__name__).inc()
            finally:
                self._fail(self._take(len(self._waiting)), "Postgres is away: nothing was stored")
            await asyncio.sleep(BACKOFF_S)

    async def _serve(self, connection: AsyncConnection) -> None:
        started = 0.0
        while True:
            if not self._waiting:
                self._awake.clear()
                try:
                    async with asyncio.timeout(IDLE_LOOK_S):
                        await self._awake.wait()
                except TimeoutError:
                    with deadline(connection, self._commit_timeout_s):
                        await connection.execute("SELECT 1")
                    continue
            early_s = started + COMMIT_INTERVAL_S - time.perf_counter()
            if early_s > 0 and len(self._waiting) < BATCH_MAX:
                await asyncio.sleep(early_s)
            batch = self._take(BATCH_MAX)
            queue_depth.set(len(self._waiting))
            batch_requests.observe(len(batch))
            started, began_us = time.perf_counter(), now_us()
            try:
                await self._commit(connection, batch)
            except BaseException:
                self._fail(
                    batch, "Postgres did not confirm the commit: send the request again to learn its outcome"
                )
                raise
            transaction_seconds.labels("group_commit").observe(time.perf_counter() - started)
            self._write_spans(batch, began_us)

    def _write_spans(self, batch: list[_Waiting], began_us: int) -> None:
        ended_us = now_us()
        spans = [
            self._tracer.span(item.trace, COMMIT_SPAN, began_us, ended_us, kind=Kind.CLIENT)
            for item, _ in batch
            if is_traced(item.trace)
        ]
        self._tracer.write_batch("group commit batch", began_us, ended_us, len(batch), spans)

    def _take(self, count: int) -> list[_Waiting]:
        return [self._waiting.popleft() for _ in range(min(count, len(self._waiting)))]

    @staticmethod
    def _fail(batch: list[_Waiting], reason: str) -> None:
        for _, done in batch:
            if not done.done():
                done.set_exception(UnavailableError(reason))

    async def _commit(self, connection: AsyncConnection, batch: list[_Waiting]) -> None:
        try:
            await self._store(connection, batch)
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            if len(batch) > 1:
                log.warning("commit_retried_singly", requests=len(batch), error=str(error).strip())
                for item in batch:
                    await self._commit(connection, [item])
                return
            self._refuse(batch[0], error)

    @staticmethod
    def _refuse(waiting: _Waiting, error: psycopg.DataError | psycopg.IntegrityError) -> None:
        item, done = waiting
        constraint = error.diag.constraint_name or ""
        log.warning(
            "row_refused", order_id=str(item.order_id), constraint=constraint, error=str(error).strip()
        )
        commit_failures_total.labels(type(error).__name__).inc()
        if isinstance(error, psycopg.errors.CheckViolation) and not constraint:
            outcome: RowRefused | None = None  # no partition for the row's time: not the client's fault
        elif isinstance(error, psycopg.errors.ForeignKeyViolation):
            outcome = RowRefused(problem=FieldProblem(field="accountId", message="unknown account"))
        else:
            outcome = RowRefused(
                problem=FieldProblem(field="", message=f"the order store refused it: {constraint}")
            )
        if done.done():
            return
        if outcome is None or isinstance(item, NewCancel):
            done.set_exception(UnavailableError("the order store cannot take this now: nothing was stored"))
        else:
            done.set_result(outcome)

    async def _store(self, connection: AsyncConnection, batch: list[_Waiting]) -> None:
        orders = [(item, done) for item, done in batch if isinstance(item, NewOrder)]
        cancels = [(item, done) for item, done in batch if isinstance(item, NewCancel)]
        with deadline(connection, self._commit_timeout_s):
            if orders:
                await self._store_orders(connection, orders)
            if cancels:
                await self._store_cancels(connection, [item for item, _ in cancels])
        for _, done in cancels:
            if not done.done():
                done.set_result(None)

    async def _store_orders(
        self, connection: AsyncConnection, batch: list[tuple[NewOrder, "asyncio.Future[Outcome | None]"]]
    ) -> None:
        first_of_key: dict[tuple[str, str, str], NewOrder] = {}
        for order, _ in batch:
            first_of_key.setdefault(_key(order), order)
        firsts = list(first_of_key.values())
        rows = _INSERT_ORDERS.parameters([_row(order) for order in firsts])
        cursor = await connection.execute(_INSERT_ORDERS.text, rows)
        counted = await cursor.fetchone()
        stored: dict[tuple[str, str, str], tuple[Any, ...]] = {}
        if counted is None or counted[0] < len(firsts):
            stored = await self._find_keys(connection, list(first_of_key))
        for order, done in batch:
            if not done.done():
                done.set_result(self._outcome(order, first_of_key[_key(order)], stored.get(_key(order))))

    @staticmethod
    async def _find_keys(
        connection: AsyncConnection, keys: list[tuple[str, str, str]]
    ) -> dict[tuple[str, str, str], tuple[Any, ...]]:
        async with connection.transaction():
            await connection.execute("SET LOCAL enable_nestloop = on")
            cursor = await connection.execute(_FIND_KEYS.text, _FIND_KEYS.parameters(keys))
            return {row[:3]: row[3:] for row in await cursor.fetchall()}

    @staticmethod
    def _outcome(order: NewOrder, first: NewOrder, stored: tuple[Any, ...] | None) -> Outcome:
        order_id, digest, created_at = stored or (first.order_id, first.content_hash, first.received_at)
        if order_id == order.order_id:
            return StoredOrder(order_id=order_id, created_at=created_at, created=True)
        duplicates_total.inc()
        if digest != order.content_hash:
            return KeyConflict(order_id=order_id)
        return StoredOrder(order_id=order_id, created_at=created_at, created=False)

    @staticmethod
    async def _store_cancels(connection: AsyncConnection, cancels: list[NewCancel]) -> None:
        rows = [
            OutboxRow(
                outbox_id=cancel.outbox_id,
                writer="api",
                order_id=cancel.order_id,
                topic=Topic.INBOUND.value,
                key=cancel.account_id,
                type="CancelOrder",
                payload=cancel.payload,
                trace=cancel.trace,
                created_at=cancel.received_at,
            ).values()
            for cancel in cancels
        ]
        async with connection.pipeline(), connection.transaction():
            await connection.execute(INSERT_OUTBOX.text, INSERT_OUTBOX.parameters(rows))
            await connection.execute(f"NOTIFY {NOTIFY_CHANNEL}")
