"""The one place where the core is put together. Start-up and recovery after a crash are the same path.

Read the schema's and the broker's state, reopen the outbox if Kafka is new, rebuild the desk from the events,
publish what the last life may not have published, and only then take new messages.
"""

import contextlib
import time
from collections.abc import Iterator
from typing import Final

import msgspec
import structlog

from oms_core.adapters.postgres_store import GROUP, PostgresOrderStore
from oms_core.adapters.quote_board import StreamedQuoteBoard
from oms_core.config import Settings, day_ends
from oms_core.domain.desk import Desk
from oms_core.entrypoints.consumer import CoreLoop
from oms_core.entrypoints.grpc import RiskService
from oms_core.handlers import Core
from oms_platform import outbox
from oms_platform.clock import utc_now
from oms_platform.grpc_door import GrpcDoor
from oms_platform.health import Health, serve_health
from oms_platform.kafka.consumers import BatchConsumer
from oms_platform.kafka.publisher import Publisher
from oms_platform.kafka.topics import ensure_topics, read_incarnation
from oms_platform.market_data import QuoteFeed
from oms_platform.messages import OrderEvent
from oms_platform.postgres import Connection, connect, load_offsets
from oms_platform.schema.migrate import require_revision
from oms_platform.telemetry.tracing import CORE, Tracer, start_tracing
from oms_platform.wire import Topic
from oms_platform.worker import StopFlag, run_worker

QUOTES_AWAITED_S: Final = 15.0
OUTBOX_BATCH_MAX: Final = 1000
log = structlog.get_logger()


def publish_left_over(store: PostgresOrderStore, connection: Connection, publisher: Publisher) -> None:
    """Publish what the last life stored and may not have published."""
    for payload in store.last_batch_events():
        event = msgspec.json.decode(payload, type=OrderEvent)
        publisher.send(Topic.EVENTS.value, str(event.order_id), event, event_id=event.event_id)
    while rows := outbox.read_unpublished(connection, "core", OUTBOX_BATCH_MAX):
        outbox.publish(publisher, rows)
        publisher.flush()
        with connection.transaction(), connection.cursor() as cursor:
            outbox.mark_published(cursor, [row.outbox_id for row in rows], utc_now())
        log.info("outbox_left_over_published", rows=len(rows))
    publisher.flush()


@contextlib.contextmanager
def quote_feed(settings: Settings) -> Iterator[QuoteFeed]:
    """Run the quote stream, and wait a while for its first quotes."""
    feed = QuoteFeed(settings.market_data_host, settings.market_data_port)
    feed.start()
    try:
        yield feed
    finally:
        feed.stop()


def _await_quotes(feed: QuoteFeed, symbols: list[str], stop: StopFlag) -> None:
    deadline = time.monotonic() + QUOTES_AWAITED_S
    while not stop and time.monotonic() < deadline:
        if all(feed.quote(symbol) is not None for symbol in symbols):
            return
        stop.wait(0.05)
    log.warning("starting_without_all_quotes", missing=[s for s in symbols if feed.quote(s) is None])


def run(settings: Settings, health: Health, stop: StopFlag, tracer: Tracer | None = None) -> None:
    """Start the core and work until a stop is asked for."""
    health.set_started(False)
    kafka = settings.kafka(settings.kafka_assignment)
    with contextlib.ExitStack() as stack:
        connection = stack.enter_context(contextlib.closing(connect(settings.postgres_dsn, "oms-core")))
        require_revision(connection)
        ensure_topics(kafka)
        incarnation = read_incarnation(kafka)
        reopened = outbox.reopen_for_incarnation(connection, "core", incarnation, utc_now())
        if reopened:
            log.warning("kafka_is_new", incarnation=incarnation, outbox_rows_reopened=reopened)
        store = PostgresOrderStore(connection, incarnation)
        publisher = Publisher(kafka)
        publish_left_over(store, connection, publisher)
        feed = stack.enter_context(quote_feed(settings))
        health.add("quotes", feed.problem)
        core = Core(desk=Desk(), store=store, quotes=StreamedQuoteBoard(feed), started_at=utc_now())

        loop: CoreLoop | None = None

        def on_assigned(partitions: set[int]) -> None:
            core.desk = store.load_desk(partitions)
            core.started_at = utc_now()
            core.traces = {}
            if loop is not None:
                # In a group, partitions come with the first poll and again whenever a member comes or goes.
                loop.schedule_stored_retries()
            log.info("desk_rebuilt", partitions=sorted(partitions), live_orders=len(core.desk.orders))

        consumer = BatchConsumer(
            kafka,
            group=GROUP,
            topics=(Topic.INBOUND, Topic.FILLS),
            incarnation=incarnation,
            load_offsets=lambda name, places: load_offsets(connection, GROUP, name, places),
            on_assigned=on_assigned,
        )
        stack.callback(consumer.close)
        loop = CoreLoop(
            core=core,
            store=store,
            consumer=consumer,
            publisher=publisher,
            clock=utc_now,
            day_ends=day_ends(settings.day_ends_utc),
            tracer=tracer,
        )
        loop.schedule_stored_retries()
        door = GrpcDoor([RiskService(loop)], settings.host, settings.grpc_port)
        door.start()
        stack.callback(door.stop)
        store.load_reference(core.desk)
        _await_quotes(feed, list(core.desk.instruments), stop)
        health.set_started(True)
        log.info("core_started", incarnation=incarnation)
        loop.run(stop)
        health.set_started(False)


def start(settings: Settings) -> None:
    """Run the core's process until SIGTERM."""
    stop = StopFlag()
    stop.on_signals()
    health = Health()
    server = serve_health(health, settings.health_port, settings.host)
    tracer = start_tracing(CORE)
    run_worker(CORE, lambda flag: run(settings, health, flag, tracer), stop, health)
    server.shutdown()
