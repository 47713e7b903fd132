"""Requests into Postgres by group commit: whatever waits goes into one durable statement, is published, and
answered.

An order's key, its row and its request are stored together or not at all, and so are a request about an order
and its key; one request about many orders is stored by one commit. Orders of which all are to be stored or
none have a transaction of their own, which is given up when one of their keys is taken. What is published
after the commit is what was stored, to the byte; what does not arrive, the core takes from the log.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec
import psycopg
import structlog
from prometheus_client import Counter, Gauge

from oms_api.adapters.key_lookup import FIND_KEYS, orders_found, outcome_of_repeat
from oms_api.domain.idempotency import Key, KeyConflict, StoredOrder, key_of
from oms_api.domain.refusal import FieldProblem
from oms_api.ports import (
    KINDS,
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
from oms_platform.messages import BookTrade, SubmitOrder
from oms_platform.order_rows import COLUMNS, STORE, new_order_row
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


class _Changes(msgspec.Struct, frozen=True, gc=False):
    """Requests about orders that are stored by one commit."""

    requests: tuple[NewChange, ...]


class _Orders(msgspec.Struct, frozen=True, gc=False):
    """Orders of which all are stored or none."""

    requests: tuple[NewOrder, ...]


_Item = NewOrder | _Changes | _Orders
# Of changes, the outcome is which of them were stored; of all or none, whether they were.
_Outcome = Outcome | frozenset[UUID] | bool
_Waiting = tuple[_Item, "asyncio.Future[_Outcome]"]

log = structlog.get_logger()
_COMMIT: Final = transaction_seconds.labels("group_commit")
batch_requests = BatchHistogram(
    "oms_api_commit_batch_requests", "Requests in one group commit", (), BATCH_BUCKETS
)
queue_depth = Gauge("oms_api_commit_queue_depth", "Requests that wait for the next group commit")
duplicates_total = Counter("oms_api_duplicate_orders_total", "Orders whose idempotency key was stored before")
commit_failures_total = Counter("oms_api_commit_failures_total", "Group commits that failed", ["error"])

_FIND_REQUESTS: Final = "SELECT request_id FROM order_requests WHERE request_id = ANY(%s)"


_KINDS: Final[Mapping[type, str]] = {message: kind.value for message, kind in KINDS.items()} | {
    BookTrade: "BOOK"
}


def _row(request: Request) -> tuple[Any, ...]:
    trace = traceparent_of(request.trace)
    match request:
        case NewOrder(message=order):
            return new_order_row(order, request.payload, trace)
        case NewChange(message=change, key=key):
            _, channel, request_key = (None, None, None) if key is None else key
            request_columns = (
                _KINDS[type(change)],
                change.request_id,
                change.order_id,
                change.account_id,
                change.principal,
                request.payload.decode(),
                trace,
                change.received_at,
                channel,
                request_key,
            )
            return (*request_columns, *(None,) * (len(COLUMNS) - len(request_columns)))


def _requests_of(item: _Item) -> Sequence[Request]:
    return (item,) if isinstance(item, NewOrder) else item.requests


def _keys_of(item: _Item) -> frozenset[Key]:
    if isinstance(item, NewOrder):
        return frozenset((key_of(item.message.terms),))
    if isinstance(item, _Orders):
        return frozenset(key_of(order.message.terms) for order in item.requests)
    return frozenset(change.key for change in item.requests if change.key is not None)


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
        # Requests in them.
        self._requests_waiting = 0
        self._awake = asyncio.Event()
        self._connected = False
        self._problem = "not connected yet"

    def problem(self) -> str | None:
        """Return why orders cannot be stored now, or None."""
        return None if self._connected else self._problem

    async def submit(self, order: NewOrder) -> Outcome:
        """Store an order once; see OrderIntake."""
        outcome = await self._enqueue(order)
        if isinstance(outcome, frozenset | bool):
            raise TypeError(f"expected an order's outcome, found {outcome!r}")
        return outcome

    async def submit_all(self, orders: Sequence[NewOrder]) -> bool | RowRefused:
        """Store orders, all of them or none; see OrderIntake."""
        if not orders:
            return True
        outcome = await self._enqueue(_Orders(tuple(orders)))
        if not isinstance(outcome, bool | RowRefused):
            raise TypeError(f"expected whether all were stored, found {outcome!r}")
        return outcome

    async def change(self, change: NewChange) -> bool:
        """Store a request about an order; see OrderIntake."""
        return change.message.request_id in await self.change_all((change,))

    async def change_all(self, changes: Sequence[NewChange]) -> frozenset[UUID]:
        """Store the requests of one request about many orders; see OrderIntake."""
        if not changes:
            return frozenset()
        outcome = await self._enqueue(_Changes(tuple(changes)))
        if not isinstance(outcome, frozenset):
            raise TypeError(f"expected a change's outcome, found {outcome!r}")
        return outcome

    def _enqueue(self, item: _Item) -> "asyncio.Future[_Outcome]":
        if not self._connected:
            raise UnavailableError("Postgres is away: nothing was stored")
        # Changes have as much room again.
        queue_max = 2 * self._queue_max if isinstance(item, _Changes) else self._queue_max
        if self._requests_waiting >= queue_max:
            raise IntakeFullError(f"{queue_max} requests wait already: nothing was stored")
        done: asyncio.Future[_Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        self._requests_waiting += len(_requests_of(item))
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
                self._fail(self._take(self._requests_waiting), "Postgres is away: nothing was stored")
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
            if early_s > 0 and self._requests_waiting < BATCH_MAX:
                await asyncio.sleep(early_s)
            batch = self._take(BATCH_MAX)
            queue_depth.set(self._requests_waiting)
            if not batch:
                continue
            batch_requests.observe(sum(len(_requests_of(item)) for item, _ in batch))
            started, began_us = time.perf_counter(), now_us()
            try:
                await self._commit_all(connection, batch)
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
            self._tracer.span(request.trace, COMMIT_SPAN, began_us, ended_us, kind=Kind.CLIENT)
            for item, _ in batch
            for request in _requests_of(item)
            if is_traced(request.trace)
        ]
        self._tracer.write_batch("group commit batch", began_us, ended_us, len(batch), spans)

    def _take(self, count: int) -> list[_Waiting]:
        """Take so many requests of what waits, or more, as far as those of the last belong together.

        Without what nobody waits for any more: its client has gone or has given up.
        """
        taken: list[_Waiting] = []
        while count > 0 and self._waiting:
            waiting = self._waiting.popleft()
            size = len(_requests_of(waiting[0]))
            self._requests_waiting -= size
            if not waiting[1].cancelled():
                taken.append(waiting)
                count -= size
        return taken

    @staticmethod
    def _fail(batch: list[_Waiting], reason: str) -> None:
        for _, done in batch:
            if not done.done():
                done.set_exception(UnavailableError(reason))

    async def _commit_all(self, connection: AsyncConnection, batch: list[_Waiting]) -> None:
        """Store what was taken: by one commit, but for orders of which all are stored or none."""
        together = [waiting for waiting in batch if not isinstance(waiting[0], _Orders)]
        if together:
            await self._commit(connection, together)
        for item, done in batch:
            if isinstance(item, _Orders):
                await self._commit_orders(connection, item, done)

    async def _commit_orders(
        self, connection: AsyncConnection, item: _Orders, done: "asyncio.Future[_Outcome]"
    ) -> None:
        """Store orders, unless a key of theirs is taken or the database refuses one of them."""
        stored = False
        try:
            with deadline(connection, self._commit_timeout_s):
                async with connection.transaction():
                    rows = STORE.parameters([_row(order) for order in item.requests])
                    counted = await (await connection.execute(STORE.text, rows)).fetchone()
                    stored = counted is not None and counted[0] == len(item.requests)
                    if not stored:
                        raise psycopg.Rollback
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            self._refuse((item, done), error)
            return
        if stored:
            self._line.publish(item.requests)
        if not done.done():
            done.set_result(stored)

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
            order_id=str(_requests_of(item)[0].message.order_id),
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
        if outcome is None or isinstance(item, _Changes):
            done.set_exception(UnavailableError("the order store cannot take this now: nothing was stored"))
        else:
            done.set_result(outcome)

    async def _store(self, connection: AsyncConnection, batch: list[_Waiting]) -> None:
        # What came first under a key; what came after it in the same batch is answered as a repeat.
        first_of_key: dict[Key, _Item] = {}
        requests: list[Request] = []
        ask = False
        for item, _ in batch:
            keys = _keys_of(item)
            blocked = [first for key in keys if (first := first_of_key.get(key)) is not None]
            if not blocked:
                first_of_key |= dict.fromkeys(keys, item)
                requests += _requests_of(item)
            # Of what an order's key stands for if not for an order of this batch, only the store knows.
            ask = ask or any(type(first) is not type(item) for first in blocked)
        found = _Found({}, None)
        with deadline(connection, self._commit_timeout_s):
            rows = STORE.parameters([_row(request) for request in requests])
            cursor = await connection.execute(STORE.text, rows)
            counted = await cursor.fetchone()
            if ask or counted is None or counted[0] < len(first_of_key):
                found = await _find(connection, batch, requests)
        self._line.publish([request for request in requests if _is_fresh(request, found)])
        for item, done in batch:
            if not done.done():
                done.set_result(_outcome(item, found, first_of_key))


class _Found(msgspec.Struct, frozen=True, gc=False):
    """What the store holds under a batch's keys: orders, and which requests are in the log.

    logged None: all that were sent.
    """

    orders: Mapping[Key, SubmitOrder]
    logged: Collection[UUID] | None


async def _find(connection: AsyncConnection, batch: list[_Waiting], requests: Sequence[Request]) -> _Found:
    """Look up what was there under a batch's keys."""
    keys = list({key_of(item.message.terms) for item, _ in batch if isinstance(item, NewOrder)})
    orders: Mapping[Key, SubmitOrder] = {}
    keyed = [
        request.message.request_id
        for request in requests
        if isinstance(request, NewChange) and request.key is not None
    ]
    async with connection.transaction():
        await connection.execute("SET LOCAL enable_nestloop = on")
        if keys:
            cursor = await connection.execute(FIND_KEYS.text, FIND_KEYS.parameters(keys))
            orders = orders_found(await cursor.fetchall())
        cursor = await connection.execute(_FIND_REQUESTS, (keyed,))
        return _Found(orders, {request_id for (request_id,) in await cursor.fetchall()})


def _is_fresh(request: Request, found: _Found) -> bool:
    """Whether a request was stored just now, and its key was not there before."""
    if isinstance(request, NewOrder):
        stored = found.orders.get(key_of(request.message.terms))
        return stored is None or stored.order_id == request.message.order_id
    return request.key is None or found.logged is None or request.message.request_id in found.logged


def _outcome(item: _Item, found: _Found, first_of_key: Mapping[Key, _Item]) -> Outcome | frozenset[UUID]:
    if isinstance(item, NewOrder):
        return _outcome_of_order(item, found, first_of_key)
    if isinstance(item, _Orders):
        raise TypeError("expected what is stored with others, found orders of which all are or none")
    blocked = any(first_of_key[key] is not item for key in _keys_of(item))
    stored = () if blocked else item.requests
    return frozenset(change.message.request_id for change in stored if _is_fresh(change, found))


def _outcome_of_order(order: NewOrder, found: _Found, first_of_key: Mapping[Key, _Item]) -> Outcome:
    key = key_of(order.message.terms)
    stored, first = found.orders.get(key), first_of_key[key]
    if stored is None and isinstance(first, NewOrder):
        stored = first.message
    if stored is None:
        raise TypeError(f"expected what is stored under {key}, found nothing")
    if stored.order_id == order.message.order_id:
        return StoredOrder(order_id=stored.order_id, created_at=stored.received_at, created=True)
    duplicates_total.inc()
    return outcome_of_repeat(stored, order.message.terms)
