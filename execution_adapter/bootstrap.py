"""Puts the adapter together, and is the one place that knows the order of its start.

Waiting plans first, then the sessions, so that core hears of a route before it hears of its reports; and
the inbound sequences are set back to what is durable before any session connects.
"""

import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

import structlog

from execution_adapter import metrics
from execution_adapter.adapters.fix_sessions import FixSessions, FixSettings
from execution_adapter.adapters.postgres_children import (
    GROUP,
    PostgresChildStore,
    read_venues,
    sessions_lock,
)
from execution_adapter.config import Settings
from execution_adapter.domain.ledger import Ledger
from execution_adapter.domain.resumption import offsets_to_keep, resume_from
from execution_adapter.entrypoints.fix_callbacks import LEFT_AFTER_S_MIN, LEFT_AFTER_TRIES, VenueCallbacks
from execution_adapter.entrypoints.inbox import Inbox
from execution_adapter.entrypoints.main_loop import AdapterLoop, Pace, ReportsOutlet
from execution_adapter.entrypoints.routed_reader import RoutedReader
from execution_adapter.handlers import ChildOrderManager, by_route
from execution_adapter.ports import ChildStore
from oms_platform.clock import utc_now
from oms_platform.disk import RoomWatch
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
# QuickFIX's thread must wait for the interpreter lock for every message; the default of 5 ms would be its
# latency.
SWITCH_INTERVAL_S: Final = 0.0005


class NoVenuesError(OperationalError):
    """There are no venues to connect to yet."""

    dependency = "venues"


def main() -> None:
    """Read the settings and run until SIGTERM."""
    settings = load_settings(Settings, "OMS_ADAPTER_")
    configure_logging(ADAPTER, settings.log_level)
    tracer = start_tracing(ADAPTER)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
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
        # QuickFIX goes on with a store that it cannot write, and what it has sent is then lost to a resend.
        room = RoomWatch(settings.fix_store)
        room.require_room()
        inbox = Inbox(settings.inbox_max)
        publisher = Publisher(kafka)
        outlet = ReportsOutlet(publisher)
        callbacks = VenueCallbacks(inbox, max(LEFT_AFTER_S_MIN, LEFT_AFTER_TRIES * settings.reconnect_s))
        sessions = FixSessions(_fix_settings(settings), venue_ids, callbacks)
        # After a stop that was asked for the process ends, and QuickFIX's own stop is not needed.
        stack.callback(lambda: sessions.leave() if stop else sessions.stop())
        stack.callback(inbox.close)
        kept = _resume(sessions, store, incarnation)
        ledger = Ledger(incarnation, kept)
        manager = ChildOrderManager(sessions, outlet, ledger, settings.status_timeout_s, tracer)
        manager.load(store.live())
        store.write_sessions(dict.fromkeys(venue_ids, False), utc_now())
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
        if _is_new(store, incarnation):
            _republish(store, manager)
        consumer = stack.enter_context(closing(_consumer(kafka, connection, incarnation)))
        ends = consumer.ends()
        loop.catch_up(consumer, ends, load_offsets(connection, GROUP, incarnation, list(ends)))

        def before_poll() -> None:
            room.require_room()
            callbacks.require_tended()

        reader = RoutedReader(consumer, inbox, before_poll)
        stack.callback(reader.stop)
        stack.callback(inbox.close)
        sessions.start()
        reader.start()
        health.add("postgres", lambda: "connection lost" if connection.broken else None)
        health.add("fix", lambda: None if manager.venues_up else "no venue logged on")
        calm_garbage_collector()
        health.set_started(True)
        loop.run(stop)


def _fix_settings(settings: Settings) -> FixSettings:
    return FixSettings(
        host=settings.fix_host,
        port=settings.fix_port,
        store=settings.fix_store,
        sender=settings.fix_sender,
        heartbeat_s=settings.heartbeat_s,
        reconnect_s=settings.reconnect_s,
        log=Path(settings.fix_log) if settings.fix_log else None,
    )


def _consumer(kafka: KafkaSettings, connection: Connection, incarnation: str) -> BatchConsumer:
    return BatchConsumer(
        kafka,
        group=GROUP,
        topics=[Topic.ROUTED],
        incarnation=incarnation,
        load_offsets=lambda name, places: load_offsets(connection, GROUP, name, places),
    )


def _resume(sessions: FixSessions, store: ChildStore, incarnation: str) -> dict[str, dict[int, int]]:
    """Set each session's inbound sequence back to what is durable. Returns the offsets to keep covering."""
    checkpoints, core = store.checkpoints(), store.core_offsets()
    kept: dict[str, dict[int, int]] = {}
    for venue_id in sessions.venues:
        own = [checkpoint for checkpoint in checkpoints if checkpoint.venue_id == venue_id]
        expected = sessions.expected_in_seq(venue_id)
        next_seq, chosen = resume_from(own, incarnation, core, expected)
        if next_seq != expected:
            sessions.resume_from(venue_id, next_seq)
        kept[venue_id] = offsets_to_keep(chosen, incarnation)
        log.info("session_resumes", venue=venue_id, next_in_seq=next_seq, store_expected=expected)
    return kept


def _is_new(store: ChildStore, incarnation: str) -> bool:
    checkpoints = store.checkpoints()
    return bool(checkpoints) and all(checkpoint.incarnation != incarnation for checkpoint in checkpoints)


def _republish(store: ChildStore, manager: ChildOrderManager) -> None:
    """Kafka has lost its data: tell core again of open orders' routes, and of what we closed ourselves."""
    now = utc_now()
    stored = store.of_open_orders()
    for children in by_route(stored).values():
        manager.republish_route(children, now)
    for child in stored:
        manager.republish_local_close(child, now)
    log.warning("routes_republished", children=len(stored))


def _stand_by(health: Health, sender: str) -> None:
    """Another adapter owns the sessions: this one waits for its end, and says so."""
    log.info("adapter_standby", sender=sender)
    health.note_awaited("sessions", f"standing by: another adapter owns the FIX sessions of {sender}")
