"""The core's loop: take a batch, handle each message, one transaction, publish; queries in between."""

import heapq
import queue
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from oms_core import metrics
from oms_core.entrypoints.batch_traces import BatchTraces
from oms_core.handlers import UNHANDLEABLE, Core, handle, handle_retry, handle_session_end, unanswered
from oms_core.ports import OrderStore, UnitOfWork
from oms_platform.clock import Clock
from oms_platform.ids import uuid7
from oms_platform.kafka.consumers import Batch, BatchConsumer
from oms_platform.kafka.publisher import Publisher
from oms_platform.outbox import publish
from oms_platform.telemetry.metrics import timed_transaction
from oms_platform.telemetry.order_trace import now_us
from oms_platform.telemetry.tracing import DEAD_LETTER_SPAN, Tracer
from oms_platform.wire import Topic, encode, order_of
from oms_platform.worker import StopFlag

SWEEP_S: Final = 5.0
PARTITIONS_S: Final = 3600.0
IDLE_POLL_S: Final = 0.02
RETRIES_PER_BATCH_MAX: Final = 500

log = structlog.get_logger()

Query = Callable[[Core], None]


class CoreLoop:
    """One core's loop over its consumer. `queries` are answered between batches, by the owning thread."""

    def __init__(
        self,
        *,
        core: Core,
        store: OrderStore,
        consumer: BatchConsumer,
        publisher: Publisher,
        clock: Clock,
        day_ends: timedelta | None,
        tracer: Tracer | None = None,
    ) -> None:
        self._core = core
        self._store = store
        self._consumer = consumer
        self._publisher = publisher
        self._clock = clock
        self._tracer = tracer or Tracer()
        self._day_ends = day_ends
        self.queries: queue.SimpleQueue[Query] = queue.SimpleQueue()
        self._retries: list[tuple[datetime, UUID]] = []
        self._published: list[UUID] = []
        self._next_sweep = 0.0
        self._next_partitions = 0.0

    def schedule_stored_retries(self) -> None:
        """Take up the waits of the orders that were rebuilt."""
        self._retries = [
            (order.retry_at, order_id)
            for order_id, order in self._core.desk.orders.items()
            if order.retry_at is not None
        ]
        heapq.heapify(self._retries)

    def run(self, stop: StopFlag) -> None:
        """Work until a stop is asked for."""
        while not stop:
            batch = self._consumer.poll(timeout_s=IDLE_POLL_S)
            started, taken_us = time.perf_counter(), now_us()
            unit = UnitOfWork(now=self._clock())
            self._handle(batch, unit)
            self._run_timers(unit)
            if not unit.empty or batch.next_offsets or self._published:
                self._commit_and_publish(unit, batch, taken_us)
                if batch.records:
                    metrics.batch_seconds.observe(time.perf_counter() - started)
            self._answer_queries()

    def _handle(self, batch: Batch, unit: UnitOfWork) -> None:
        for item, reason in batch.unreadable:
            self._publisher.send_dead_letter(item, reason)
        for record, item in zip(batch.records, batch.raw, strict=True):
            try:
                handle(self._core, unit, record.message, record.trace)
            except UNHANDLEABLE as error:
                reason = f"{type(error).__name__}: {error}"
                self._publisher.send_dead_letter(item, reason)
                self._tracer.fail(record.trace, DEAD_LETTER_SPAN, order_of(record.message), reason)
                batch.unreadable.append((item, str(error)))

    def _commit_and_publish(self, unit: UnitOfWork, batch: Batch, taken_us: int) -> None:
        if batch.unreadable:
            self._publisher.flush()  # a dead letter must be in Kafka before its offset is passed
        with timed_transaction("core_commit"):
            self._store.commit(unit, self._core.desk, batch.next_offsets, self._published)
        traces = BatchTraces(self._tracer, self._core, unit, batch.records, taken_us)
        publish(self._publisher, unit.outbox, traces.onward)
        for event in unit.events:
            message = event.message
            self._publisher.send_encoded(
                Topic.EVENTS.value,
                str(message.order_id),
                "OrderEvent",
                encode(message),
                event_id=message.event_id,
                trace=traces.to_clients(event),
            )
        self._publisher.flush()
        metrics.count_batch(unit, batch.records, self._clock(), traces.trace_of)
        traces.write()
        self._published = [row.outbox_id for row in unit.outbox]
        for order_id, order in unit.orders.items():
            if order.retry_at is not None:
                heapq.heappush(self._retries, (order.retry_at, order_id))
        if unit.events:
            log.info(
                "batch_committed",
                records=len(batch.records),
                events=len(unit.events),
                orders=len(unit.orders),
            )

    def _run_timers(self, unit: UnitOfWork) -> None:
        for _ in range(RETRIES_PER_BATCH_MAX):
            if not self._retries or self._retries[0][0] > unit.now:
                break
            _, order_id = heapq.heappop(self._retries)
            handle_retry(self._core, unit, order_id)
        if time.monotonic() >= self._next_sweep:
            self._next_sweep = time.monotonic() + SWEEP_S
            self._sweep(unit)

    def _sweep(self, unit: UnitOfWork) -> None:
        self._store.load_reference(self._core.desk)
        if time.monotonic() >= self._next_partitions:
            self._next_partitions = time.monotonic() + PARTITIONS_S
            self._store.ensure_partitions(unit.now)
        if self._day_ends is not None:
            handle_session_end(self._core, unit, _last_day_end(unit.now, self._day_ends))
        late = unanswered(self._core, unit.now)
        for topic, key, message in late:
            self._publisher.send(topic, key, message, event_id=uuid7())
        if late:
            log.warning("requests_sent_again", count=len(late))
            self._publisher.flush()
        metrics.count_desk(self._core.desk)

    def _answer_queries(self) -> None:
        while not self.queries.empty():
            self.queries.get()(self._core)


def _last_day_end(now: datetime, day_ends: timedelta) -> datetime:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    today = midnight + day_ends
    return today if today <= now else today - timedelta(days=1)
