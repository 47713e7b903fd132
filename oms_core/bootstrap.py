"""The one place where the core is put together. Start-up and recovery after a crash are the same path.

Read the schema's and the broker's state, rebuild the desk from requests and events, and go on: what the last
life may not have published follows from the orders, and is published again when nothing of it is under way.
"""

import contextlib
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Final

import structlog

from oms_core.adapters.postgres_copies import PostgresCopyStore
from oms_core.adapters.postgres_store import GROUP, PostgresOrderStore
from oms_core.adapters.quote_board import StreamedQuoteBoard
from oms_core.config import Settings
from oms_core.domain.alerts import DEFAULT_LEVELS, Levels
from oms_core.domain.desk import Desk
from oms_core.domain.peg_watch import PEG_INTERVAL, PEG_MOVES_PER_S
from oms_core.entrypoints.execution_copies import ExecutionCopies
from oms_core.entrypoints.grpc import RiskService
from oms_core.entrypoints.loop import CoreLoop
from oms_core.handlers import Core
from oms_platform.clock import utc_now
from oms_platform.grpc_door import GrpcDoor
from oms_platform.health import Health, serve_health
from oms_platform.kafka.consumers import BatchConsumer, OffsetLoader
from oms_platform.kafka.publisher import Publisher
from oms_platform.kafka.settings import KafkaSettings
from oms_platform.kafka.topics import ensure_topics, read_incarnation
from oms_platform.kill_feed import KillFeed
from oms_platform.market_data import QuoteFeed
from oms_platform.order_types import StopTrigger
from oms_platform.postgres import connect, load_offsets
from oms_platform.schema.migrate import require_revision
from oms_platform.telemetry.tracing import CORE, Tracer, start_tracing
from oms_platform.wire import Topic
from oms_platform.worker import StopFlag, calm_garbage_collector, run_worker

QUOTES_AWAITED_S: Final = 15.0
log = structlog.get_logger()


class KafkaRing:
    """Ring on the broker's watermarks, this consumer's place, and the offsets that other groups stored."""

    def __init__(self, store: PostgresOrderStore, consumer: BatchConsumer) -> None:
        self._store = store
        self._consumer = consumer

    def ends(self, topic: Topic) -> Mapping[int, int]:
        """Return the next offset that each partition of a topic will give."""
        return self._consumer.topic_ends(topic)

    def read_up_to(self, topic: Topic, group: str) -> Mapping[int, int]:
        """Return the next offset that a group will read; an empty group is this core itself."""
        return self._store.read_up_to(group, topic) if group else self._consumer.reached(topic)


@contextlib.contextmanager
def quote_feed(settings: Settings) -> Iterator[QuoteFeed]:
    """Run the quote stream, and wait a while for its first quotes."""
    feed = QuoteFeed(settings.market_data_host, settings.market_data_port, depth=False)
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
        address = settings.advertised or f"{settings.host}:{settings.grpc_port}"
        age_s_max = settings.kills_age_s_max
        kills = KillFeed(settings.postgres_dsn, CORE, address, counts=True, age_s_max=age_s_max)
        stack.callback(kills.stop)
        kills.start()
        health.add("kills", kills.problem)
        ensure_topics(kafka)
        incarnation = read_incarnation(kafka)
        store = PostgresOrderStore(connection, incarnation, kafka.partitions)
        publisher = Publisher(kafka)
        feed = stack.enter_context(quote_feed(settings))
        health.add("quotes", feed.problem)
        core = Core(
            desk=Desk(),
            store=store,
            quotes=StreamedQuoteBoard(feed, settings.quote_age_s_max),
            market_order_age_max=timedelta(seconds=settings.market_order_age_s_max),
            day_orders_wait=settings.day_orders_wait,
            kills=kills,
        )
        store.load_reference(core.desk)
        # Before this core joins the group: its partitions would wait with it.
        _await_quotes(feed, list(core.desk.instruments), stop)
        loop = build_loop(
            core,
            store,
            publisher,
            kafka,
            load_offsets=lambda name, places: load_offsets(connection, GROUP, name, places),
            incarnation=incarnation,
            address=address,
            tracer=tracer,
            stack=stack,
            stop_trigger=StopTrigger(settings.stop_trigger),
            peg_interval=timedelta(milliseconds=settings.peg_interval_ms),
            peg_moves_per_s=settings.peg_moves_per_s,
            alert_levels=Levels(shares=settings.alert_shares, margin=settings.alert_margin_pct),
            copies=_copies(settings, kafka, stack),
        )
        door = GrpcDoor([RiskService(loop)], settings.host, settings.grpc_port)
        door.start()
        stack.callback(door.stop)
        calm_garbage_collector()
        health.set_started(True)
        log.info("core_started", incarnation=incarnation)
        loop.run(stop)
        health.set_started(False)


def _copies(settings: Settings, kafka: KafkaSettings, stack: contextlib.ExitStack) -> ExecutionCopies | None:
    """Begin to copy executions, unless that is turned off."""
    if not settings.drop_copy:
        return None
    copies = ExecutionCopies(PostgresCopyStore(settings.postgres_dsn), Publisher(kafka))
    stack.callback(copies.stop)
    copies.start()
    return copies


def build_loop(
    core: Core,
    store: PostgresOrderStore,
    publisher: Publisher,
    kafka: KafkaSettings,
    *,
    load_offsets: OffsetLoader,
    incarnation: str,
    address: str = "",
    tracer: Tracer | None,
    stack: contextlib.ExitStack,
    stop_trigger: StopTrigger = StopTrigger.QUOTE,
    peg_interval: timedelta = PEG_INTERVAL,
    peg_moves_per_s: int = PEG_MOVES_PER_S,
    alert_levels: Levels = DEFAULT_LEVELS,
    copies: ExecutionCopies | None = None,
) -> CoreLoop:
    """Put the loop and its consumer together: each needs the other, as partitions come with a poll."""
    loop: CoreLoop | None = None
    early: list[set[int]] = []

    def on_assigned(partitions: set[int]) -> None:
        if loop is None:
            early.append(partitions)
        else:
            loop.take_partitions(partitions)

    def on_revoked() -> None:
        if loop is not None:
            loop.drop_partitions()

    consumer = BatchConsumer(
        kafka,
        group=GROUP,
        topics=(Topic.INBOUND, Topic.FILLS),
        incarnation=incarnation,
        load_offsets=load_offsets,
        on_assigned=on_assigned,
        on_revoked=on_revoked,
    )
    stack.callback(consumer.close)
    loop = CoreLoop(
        core=core,
        store=store,
        consumer=consumer,
        publisher=publisher,
        ring=KafkaRing(store, consumer),
        clock=utc_now,
        address=address,
        tracer=tracer,
        stop_trigger=stop_trigger,
        peg_interval=peg_interval,
        peg_moves_per_s=peg_moves_per_s,
        alert_levels=alert_levels,
        copies=copies,
    )
    for partitions in early:
        loop.take_partitions(partitions)
    return loop


def start(settings: Settings) -> None:
    """Run the core's process until SIGTERM."""
    stop = StopFlag()
    stop.on_signals()
    health = Health()
    server = serve_health(health, settings.health_port, settings.host)
    tracer = start_tracing(CORE)
    run_worker(CORE, lambda flag: run(settings, health, flag, tracer), stop, health)
    server.shutdown()
