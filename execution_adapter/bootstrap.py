"""Puts the adapter together, and is the one place that knows the order of its start.

Waiting plans first, then the sessions, so that core hears of a route before it hears of its reports; and
the inbound sequences are set back to what is durable before any session connects.
"""

import time
from contextlib import ExitStack, closing

import structlog

from execution_adapter import metrics
from execution_adapter.adapters.fix_sessions import FixSessions, VenueAddress
from execution_adapter.adapters.postgres_children import (
    GROUP,
    PostgresChildStore,
    read_venues,
    sessions_lock,
)
from execution_adapter.config import Settings
from execution_adapter.domain.dialects.fix44 import BEGIN_STRING
from execution_adapter.domain.fix.session import SessionTerms
from execution_adapter.domain.ledger import Ledger
from execution_adapter.entrypoints.inbox import Inbox
from execution_adapter.entrypoints.main_loop import AdapterLoop, Pace, ReportsOutlet
from execution_adapter.entrypoints.routed_reader import RoutedReader
from execution_adapter.entrypoints.start_up import republish_to_new_kafka, resume_sessions, unsettled_messages
from execution_adapter.handlers import ChildOrderManager
from oms_platform.clock import utc_now
from oms_platform.errors import OperationalError
from oms_platform.health import Health, serve_health
from oms_platform.kafka.consumers import BatchConsumer
from oms_platform.kafka.publisher import Publisher
from oms_platform.kafka.settings import KafkaSettings
from oms_platform.kafka.topics import ensure_topics, read_incarnation
from oms_platform.postgres import Connection, connect, load_offsets, wait_for_turn
from oms_platform.schema.migrate import require_revision
from oms_platform.settings import load_settings
from oms_platform.telemetry.logs import configure_logging
from oms_platform.telemetry.tracing import ADAPTER, Tracer, start_tracing
from oms_platform.wire import Topic
from oms_platform.worker import StopFlag, calm_garbage_collector, end_process, run_worker

log = structlog.get_logger()


class NoVenuesError(OperationalError):
    """There are no venues to connect to yet."""

    dependency = "venues"


def main() -> None:
    """Read the settings and run until SIGTERM."""
    settings = load_settings(Settings, "OMS_ADAPTER_")
    configure_logging(ADAPTER, settings.log_level)
    tracer = start_tracing(ADAPTER)
    stop = StopFlag()
    stop.on_signals()
    serve(settings, stop, tracer)
    end_process()


def serve(settings: Settings, stop: StopFlag, tracer: Tracer) -> None:
    """Run the adapter until `stop` is set."""
    health = Health()
    server = serve_health(health, settings.health_port, settings.host)
    try:
        run_worker(ADAPTER, lambda flag: _run(settings, health, flag, tracer), stop, health)
    finally:
        server.shutdown()
        server.server_close()


def _run(settings: Settings, health: Health, stop: StopFlag, tracer: Tracer) -> None:
    """Go through the start-up path and loop; every operational error leads back to here."""
    # One process owns every session, so it reads every partition whatever the other services do.
    kafka = settings.kafka()
    with ExitStack() as stack:
        stack.callback(health.set_started, False)
        connection = stack.enter_context(closing(connect(settings.postgres_dsn, "execution-adapter")))
        require_revision(connection)
        if not wait_for_turn(
            connection,
            sessions_lock(settings.fix_sender),
            stop,
            lambda: _stand_by(health, settings.fix_sender),
        ):
            return
        # Again: it may have been migrated during the wait.
        require_revision(connection)
        health.note_awaited("startup", "still starting")
        ensure_topics(kafka)
        incarnation = read_incarnation(kafka)
        store = PostgresChildStore(connection, incarnation)
        venue_ids = read_venues(connection)
        if not venue_ids:
            raise NoVenuesError("expected venues in the table venues, found none")
        metrics.know_venues(venue_ids)
        inbox = Inbox(settings.inbox_max)
        publisher = Publisher(kafka)
        outlet = ReportsOutlet(publisher)
        sessions = FixSessions(
            {venue_id: _link(settings, venue_id) for venue_id in venue_ids},
            inbox,
            reconnect_s=settings.reconnect_s,
            clock=utc_now,
        )
        stack.callback(sessions.stop)
        stack.callback(inbox.close)
        kept = resume_sessions(sessions, store, incarnation)
        ledger = Ledger(incarnation, kept)
        manager = ChildOrderManager(sessions, outlet, ledger, settings.status_timeout_s, tracer)
        live = store.live()
        applied = store.known_executions([(item.child.order_id, item.child.cl_ord_id) for item in live])
        manager.load(live, applied)
        store.write_sessions(dict.fromkeys(venue_ids, (False, "the adapter starts")), utc_now())
        loop = AdapterLoop(
            arrivals=inbox,
            store=store,
            venues=sessions,
            venue_ids=venue_ids,
            manager=manager,
            ledger=ledger,
            publisher=publisher,
            outlet=outlet,
            clock=utc_now,
            monotonic_s=time.monotonic,
            pace=Pace(
                flush_s=settings.flush_ms_max / 1000,
                checkpoint_s=settings.checkpoint_s,
            ),
            tracer=tracer,
        )
        republish_to_new_kafka(store, manager, incarnation, utc_now())
        consumer = stack.enter_context(closing(_consumer(kafka, connection, incarnation)))
        ends = consumer.ends()
        loop.catch_up(consumer, ends, load_offsets(connection, GROUP, incarnation, list(ends)))
        loop.read_again(unsettled_messages(store, venue_ids, incarnation))
        reader = RoutedReader(consumer, inbox)
        stack.callback(reader.stop)
        stack.callback(inbox.close)
        loop.reserve_numbers()
        sessions.start()
        reader.start()
        health.add("postgres", lambda: "connection lost" if connection.broken else None)
        health.add("fix", lambda: None if manager.venues_up else "no venue logged on")
        calm_garbage_collector()
        health.set_started(True)
        loop.run(stop)


def _link(settings: Settings, venue_id: str) -> tuple[VenueAddress, SessionTerms]:
    """Return where a venue's session is, and who logs on to whom."""
    terms = SessionTerms(
        begin_string=BEGIN_STRING,
        sender=settings.fix_sender,
        target=venue_id,
        heartbeat_s=settings.heartbeat_s,
    )
    return VenueAddress(host=settings.fix_host, port=settings.fix_port), terms


def _consumer(kafka: KafkaSettings, connection: Connection, incarnation: str) -> BatchConsumer:
    return BatchConsumer(
        kafka,
        group=GROUP,
        topics=[Topic.ROUTED],
        incarnation=incarnation,
        load_offsets=lambda name, places: load_offsets(connection, GROUP, name, places),
    )


def _stand_by(health: Health, sender: str) -> None:
    """Another adapter owns the sessions: this one waits for its end, and says so."""
    log.info("adapter_standby", sender=sender)
    health.note_awaited("sessions", f"standing by: another adapter owns the FIX sessions of {sender}")
