"""Requests into Postgres by group commit: whatever waits goes into one durable statement, is published, and
answered.

An order's key, its row and its request are stored together or not at all. What is published after the commit
is what was stored, to the byte; what does not arrive, the core takes from the log.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

import psycopg
import structlog
from prometheus_client import Counter, Gauge

from oms_api.adapters.key_lookup import FIND_KEYS, orders_found, outcome_of_repeat
from oms_api.domain.idempotency import Key, KeyConflict, StoredOrder, key_of
from oms_api.domain.refusal import FieldProblem
from oms_api.ports import (
    IntakeFullError,
    NewChange,
    NewOrder,
    Request,
    RequestLine,
    RowRefused,
    UnavailableError,
)
from oms_platform.deadline import AsyncConnection, deadline
from oms_platform.errors import without_secrets
from oms_platform.kafka.consumers import Gather
from oms_platform.messages import BookTrade, CancelOrder, SubmitOrder
from oms_platform.postgres import ArrayStatement
from oms_platform.prices import dollars_of
from oms_platform.telemetry.metrics import BATCH_BUCKETS, BatchHistogram, transaction_seconds
from oms_platform.telemetry.order_trace import is_traced, now_us, traceparent_of
from oms_platform.telemetry.spans import Kind
from oms_platform.telemetry.tracing import Tracer

BATCH_MAX: Final = 500
CONNECT_TIMEOUT_S: Final = 3
BACKOFF_S: Final = 0.25
IDLE_LOOK_S: Final = 1.0
COMMIT_SPAN: Final = "group commit"

Outcome = StoredOrder | KeyConflict | RowRefused
_Waiting = tuple[Request, "asyncio.Future[Outcome | None]"]

log = structlog.get_logger()
_COMMIT: Final = transaction_seconds.labels("group_commit")
batch_requests = BatchHistogram(
    "oms_api_commit_batch_requests", "Requests in one group commit", (), BATCH_BUCKETS
)
queue_depth = Gauge("oms_api_commit_queue_depth", "Requests that wait for the next group commit")
duplicates_total = Counter("oms_api_duplicate_orders_total", "Orders whose idempotency key was stored before")
commit_failures_total = Counter("oms_api_commit_failures_total", "Group commits that failed", ["error"])

# Of a change, the columns that only an order has are empty.
_COLUMNS: Final = (
    ("kind", "text"),
    ("request_id", "uuid"),
    ("order_id", "uuid"),
    ("account_id", "text"),
    ("principal", "text"),
    ("payload", "json"),
    ("traceparent", "text"),
    ("received_at", "timestamptz"),
    ("channel", "text"),
    ("client_order_id", "text"),
    ("symbol", "text"),
    ("side", "text"),
    ("order_type", "text"),
    ("time_in_force", "text"),
    ("quantity", "int"),
    ("limit_price", "numeric"),
)
# One statement is one transaction and one round trip. Keys go in by their order, so that two gateways cannot
# deadlock; a key that is there already keeps its order out of the other tables.
_STORE: Final = ArrayStatement(
    _COLUMNS,
    """WITH row AS MATERIALIZED (SELECT * FROM {rows}),
    fresh AS (
        INSERT INTO order_keys (account_id, channel, client_order_id, order_id)
        SELECT account_id, channel, client_order_id, order_id FROM row WHERE kind = 'NEW'
        ORDER BY account_id, channel, client_order_id
        ON CONFLICT DO NOTHING RETURNING order_id),
    kept AS (
        INSERT INTO orders (order_id, account_id, channel, client_order_id, symbol, side, order_type,
                            time_in_force, quantity, limit_price, status, leaves_qty, created_at, updated_at)
        SELECT order_id, account_id, channel, client_order_id, symbol, side, order_type, time_in_force,
               quantity, limit_price, 'NEW', quantity, received_at, received_at
        FROM row JOIN fresh USING (order_id) WHERE kind = 'NEW'),
    logged AS (
        INSERT INTO order_requests (request_id, kind, order_id, account_id, principal, payload, traceparent,
                                    received_at)
        SELECT request_id, kind, order_id, account_id, principal, payload, traceparent, received_at
        FROM row LEFT JOIN fresh USING (order_id) WHERE kind <> 'NEW' OR fresh.order_id IS NOT NULL)
    SELECT count(*) FROM fresh""",
)


_KINDS: Final = {CancelOrder: "CANCEL", BookTrade: "BOOK"}


def _row(request: Request) -> tuple[Any, ...]:
    payload, trace = request.payload.decode(), traceparent_of(request.trace)
    match request:
        case NewOrder(message=order):
            terms, price = order.terms, order.terms.limit_price_micros
            return (
                "NEW",
                order.order_id,
                order.order_id,
                terms.account_id,
                terms.principal,
                payload,
                trace,
                order.received_at,
                terms.channel,
                terms.client_order_id,
                terms.symbol,
                terms.side.name,
                terms.order_type.name,
                terms.time_in_force.name,
                terms.quantity,
                None if price is None else dollars_of(price),
            )
        case NewChange(message=change):
            request_columns = (
                _KINDS[type(change)],
                change.request_id,
                change.order_id,
                change.account_id,
                change.principal,
                payload,
                trace,
                change.received_at,
            )
            return (*request_columns, *(None,) * (len(_COLUMNS) - len(request_columns)))


class GroupCommit:
    """The OrderIntake on Postgres. `run` is its background task; the others wait for its commits."""

    def __init__(
        self,
        dsn: str,
        line: RequestLine,
        *,
        queue_max: int,
        commit_timeout_s: float,
        tracer: Tracer | None = None,
    ) -> None:
        self._dsn = dsn
        self._line = line
        self._gather = Gather()
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
            raise TypeError("expected an order's outcome, found a change's")
        return outcome

    async def change(self, change: NewChange) -> None:
        """Store a request about an order; see OrderIntake."""
        await self._enqueue(change)

    def _enqueue(self, item: Request) -> "asyncio.Future[Outcome | None]":
        if not self._connected:
            raise UnavailableError("Postgres is away: nothing was stored")
        # Changes have as much room again.
        queue_max = self._queue_max if isinstance(item, NewOrder) else 2 * self._queue_max
        if len(self._waiting) >= queue_max:
            raise IntakeFullError(f"{queue_max} requests wait already: nothing was stored")
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
            # Commits begin at least so far apart, unless a full batch waits: a lone request is not delayed,
            # and under load each commit carries more of them.
            early_s = started + self._gather.wait_s - time.perf_counter()
            if early_s > 0 and len(self._waiting) < BATCH_MAX:
                await asyncio.sleep(early_s)
            batch = self._take(BATCH_MAX)
            queue_depth.set(len(self._waiting))
            if not batch:
                continue
            batch_requests.observe(len(batch))
            started, began_us = time.perf_counter(), now_us()
            try:
                await self._commit(connection, batch)
            except BaseException:
                self._fail(
                    batch, "Postgres did not confirm the commit: send the request again to learn its outcome"
                )
                raise
            ended = time.perf_counter()
            self._gather.note(len(batch), ended)
            _COMMIT.observe(ended - started)
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
        """Take what waits, without what nobody waits for any more: its client has gone or has given up."""
        taken = [self._waiting.popleft() for _ in range(min(count, len(self._waiting)))]
        return [waiting for waiting in taken if not waiting[1].cancelled()]

    @staticmethod
    def _fail(batch: list[_Waiting], reason: str) -> None:
        for _, done in batch:
            if not done.done():
                done.set_exception(UnavailableError(reason))

    async def _commit(self, connection: AsyncConnection, batch: list[_Waiting]) -> None:
        """Store a batch. What the database refuses of it is found by halving, so that few commits find it."""
        try:
            await self._store(connection, batch)
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            if len(batch) == 1:
                self._refuse(batch[0], error)
                return
            log.warning("commit_halved", requests=len(batch), error=str(error).strip())
            half = len(batch) // 2
            await self._commit(connection, batch[:half])
            await self._commit(connection, batch[half:])

    @staticmethod
    def _refuse(waiting: _Waiting, error: psycopg.DataError | psycopg.IntegrityError) -> None:
        item, done = waiting
        constraint = error.diag.constraint_name or ""
        log.warning(
            "row_refused",
            order_id=str(item.message.order_id),
            constraint=constraint,
            error=str(error).strip(),
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
        if outcome is None or isinstance(item, NewChange):
            done.set_exception(UnavailableError("the order store cannot take this now: nothing was stored"))
        else:
            done.set_result(outcome)

    async def _store(self, connection: AsyncConnection, batch: list[_Waiting]) -> None:
        first_of_key: dict[Key, NewOrder] = {}
        requests: list[Request] = []
        for item, _ in batch:
            if (
                isinstance(item, NewChange)
                or first_of_key.setdefault(key_of(item.message.terms), item) is item
            ):
                requests.append(item)
        stored: Mapping[Key, SubmitOrder] = {}
        with deadline(connection, self._commit_timeout_s):
            rows = _STORE.parameters([_row(item) for item in requests])
            cursor = await connection.execute(_STORE.text, rows)
            counted = await cursor.fetchone()
            if counted is None or counted[0] < len(first_of_key):
                async with connection.transaction():
                    await connection.execute("SET LOCAL enable_nestloop = on")
                    cursor = await connection.execute(
                        FIND_KEYS.text, FIND_KEYS.parameters(list(first_of_key))
                    )
                    stored = orders_found(await cursor.fetchall())
        self._line.publish([item for item in requests if _is_fresh(item, stored)])
        for item, done in batch:
            if done.done():
                continue
            if isinstance(item, NewChange):
                done.set_result(None)
                continue
            key = key_of(item.message.terms)
            done.set_result(_outcome(item, stored.get(key) or first_of_key[key].message))


def _is_fresh(item: Request, stored: Mapping[Key, SubmitOrder]) -> bool:
    """Whether a request was stored just now, and its key was not there before."""
    if isinstance(item, NewChange):
        return True
    found = stored.get(key_of(item.message.terms))
    return found is None or found.order_id == item.message.order_id


def _outcome(order: NewOrder, stored: SubmitOrder) -> StoredOrder | KeyConflict:
    if stored.order_id == order.message.order_id:
        return StoredOrder(order_id=stored.order_id, created_at=stored.received_at, created=True)
    duplicates_total.inc()
    return outcome_of_repeat(stored, order.message.terms)
