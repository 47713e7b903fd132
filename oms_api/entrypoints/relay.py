"""The outbox relay: publishes what the gateway stored, in the order it was stored, at least once.

One relay is active at a time, by an advisory lock on the connection that it works with; another one waits.
A row is marked after Kafka has it: a relay that dies in between publishes it again, and its effect is once.
"""

import time
from typing import Final

import structlog
from prometheus_client import Counter, Gauge

from oms_api.config import RelaySettings
from oms_platform.clock import microseconds, utc_now
from oms_platform.health import Health
from oms_platform.kafka.connection import KafkaDataLostError
from oms_platform.kafka.publisher import Publisher
from oms_platform.kafka.topics import ensure_topics, read_incarnation
from oms_platform.messages import SubmitOrder
from oms_platform.outbox import (
    NOTIFY_CHANNEL,
    OutboxRow,
    mark_published,
    publish,
    read_unpublished,
    reopen_for_incarnation,
)
from oms_platform.postgres import Connection, connect, wait_for_turn
from oms_platform.schema.migrate import require_revision
from oms_platform.telemetry.metrics import BATCH_BUCKETS, BatchHistogram, hop, timed_transaction
from oms_platform.telemetry.order_trace import Hop, is_traced, now_us, passed, traced_id
from oms_platform.telemetry.spans import Kind
from oms_platform.telemetry.tracing import OUTBOX_SPAN, Tracer
from oms_platform.worker import StopFlag

WRITER: Final = "api"
# Core publishes its own rows; the relay only measures them.
WRITERS: Final = (WRITER, "core")
LOCK: Final = 7_304_002
ROWS_MAX: Final = 500
POLL_S: Final = 0.1
# Batches begin at least so far apart: under load this halves the cost of a row, for some milliseconds.
BATCH_INTERVAL_S: Final = 0.008
INCARNATION_LOOK_S: Final = 3.0
DEPTH_LOOK_S: Final = 2.0

log = structlog.get_logger()
published_total = Counter("oms_relay_published_total", "Outbox rows published")
depth_gauge = Gauge("oms_relay_outbox_rows", "Outbox rows not marked as published", ["writer"])
age_gauge = Gauge(
    "oms_relay_outbox_age_seconds", "Age of the oldest outbox row not marked as published", ["writer"]
)
active_gauge = Gauge("oms_relay_active", "Whether this relay holds the lock")
batch_rows = BatchHistogram("oms_relay_batch_rows", "Outbox rows published at once", (), BATCH_BUCKETS)
_OUTBOX_HOP: Final = hop("api_to_outbox")


class Relay:
    """The relay's work, from its start-up path on. `run` returns when a stop is asked for."""

    def __init__(self, settings: RelaySettings, health: Health, tracer: Tracer | None = None) -> None:
        self._dsn = settings.postgres_dsn
        self._kafka = settings.kafka()
        self._health = health
        self._tracer = tracer or Tracer()
        self._incarnation = ""
        self._looked_at = 0.0
        self._measured_at = 0.0

    def run(self, stop: StopFlag) -> None:
        """Start up and relay until a stop is asked for. Raises OperationalError and its like."""
        self._health.set_started(False)
        active_gauge.set(0)
        with connect(self._dsn, "oms-api-relay") as connection:
            # A lost mark only publishes a row again, so marks need not wait for the disk.
            connection.execute("SET synchronous_commit = off")
            require_revision(connection)
            if not wait_for_turn(connection, LOCK, stop, self._stand_by):
                return
            # Again: it may have been migrated during the wait.
            require_revision(connection)
            ensure_topics(self._kafka)
            self._incarnation = read_incarnation(self._kafka)
            self._looked_at = time.monotonic()
            reopened = reopen_for_incarnation(connection, WRITER, self._incarnation, utc_now())
            log.info("relay_started", incarnation=self._incarnation, reopened=reopened)
            connection.execute(f"LISTEN {NOTIFY_CHANNEL}")
            publisher = Publisher(self._kafka)
            active_gauge.set(1)
            self._health.set_started(True)
            while not stop:
                began = time.monotonic()
                if 0 < self._turn(connection, publisher) < ROWS_MAX:
                    stop.wait(max(0.0, began + BATCH_INTERVAL_S - time.monotonic()))

    def _stand_by(self) -> None:
        """Standing by is what a second relay is for."""
        log.info("relay_standby")
        self._health.set_started(True)

    def _turn(self, connection: Connection, publisher: Publisher) -> int:
        """Publish one batch, or wait for one. Returns how many rows were published."""
        self._look_at_kafka()
        self._measure(connection)
        with timed_transaction("outbox_read"):
            rows = read_unpublished(connection, WRITER, ROWS_MAX)
        if not rows:
            for _ in connection.notifies(timeout=POLL_S, stop_after=1):
                pass
            return 0
        taken_us = now_us()
        publish(publisher, rows, lambda row: passed(row.trace, self._hop(row, taken_us)))
        publisher.flush()
        now = utc_now()
        with timed_transaction("outbox_mark"), connection.cursor() as cursor:
            mark_published(cursor, [row.outbox_id for row in rows], now)
        published_total.inc(len(rows))
        batch_rows.observe(len(rows))
        for row in rows:
            _OUTBOX_HOP.observe((now - row.created_at).total_seconds(), traced_id(row.trace))
        self._write_spans(rows, taken_us)
        return len(rows)

    def _hop(self, row: OutboxRow, at_us: int) -> str:
        hop = Hop.SUBMIT if row.type == SubmitOrder.__name__ else Hop.CANCEL
        return self._tracer.hop(hop, microseconds(row.created_at), at_us)

    def _write_spans(self, rows: list[OutboxRow], taken_us: int) -> None:
        done_us = now_us()
        spans = [
            self._tracer.span(
                row.trace,
                OUTBOX_SPAN,
                microseconds(row.created_at),
                done_us,
                kind=Kind.PRODUCER,
                attributes={"order_id": str(row.order_id), "message": row.type},
            )
            for row in rows
            if is_traced(row.trace)
        ]
        self._tracer.write_batch("relay batch", taken_us, done_us, len(rows), spans)

    def _look_at_kafka(self) -> None:
        now = time.monotonic()
        if now - self._looked_at < INCARNATION_LOOK_S:
            return
        found = read_incarnation(self._kafka)
        self._looked_at = now
        if found != self._incarnation:
            raise KafkaDataLostError(f"started with incarnation {self._incarnation}, found {found}")

    def _measure(self, connection: Connection) -> None:
        now = time.monotonic()
        if now - self._measured_at < DEPTH_LOOK_S:
            return
        self._measured_at = now
        found = connection.execute(
            "SELECT writer, count(*), extract(epoch FROM now() - min(created_at))::float8 FROM outbox"
            " WHERE published_at IS NULL GROUP BY writer"
        ).fetchall()
        waiting = {writer: (rows, max(0.0, age_s)) for writer, rows, age_s in found}
        for writer in WRITERS:
            rows, age_s = waiting.get(writer, (0, 0.0))
            depth_gauge.labels(writer).set(rows)
            age_gauge.labels(writer).set(age_s)
