"""Puts the adapter together, and is the one place that knows the order of its start.

Waiting plans first, then the sessions, so that core hears of a route before it hears of its reports; and
the inbound sequences are set back to what is durable before any session connects.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager

import structlog

from execution_adapter import metrics
from execution_adapter.adapters.connections import SecretStore, VenueConnector
from execution_adapter.adapters.fix_sessions import FixSessions
from execution_adapter.adapters.postgres_children import (
    GROUP,
    PostgresChildStore,
    read_venues,
    sessions_lock,
)
from execution_adapter.adapters.postgres_sessions import PostgresSessionStore
from execution_adapter.config import Settings
from execution_adapter.domain.gate import Touch, WireGate, WireLimits
from execution_adapter.domain.ledger import Ledger
from execution_adapter.domain.session_settings import SessionSettings
from execution_adapter.domain.wire_ids import WireIds
from execution_adapter.entrypoints.inbox import Inbox
from execution_adapter.entrypoints.main_loop import AdapterLoop, Pace, ReportsOutlet
from execution_adapter.entrypoints.own_names import OwnNames
from execution_adapter.entrypoints.routed_reader import RoutedReader
from execution_adapter.entrypoints.session_commands import SessionCommands
from execution_adapter.entrypoints.start_up import republish_to_new_kafka, resume_sessions, unsettled_messages
from execution_adapter.handlers import ChildOrderManager
from execution_adapter.ports import NEVER, SessionDown, StoredSession, VenueSession
from oms_platform.clock import utc_now
from oms_platform.errors import OperationalError
from oms_platform.health import Health, serve_health
from oms_platform.kafka.consumers import BatchConsumer
from oms_platform.kafka.publisher import Publisher
from oms_platform.kafka.settings import KafkaSettings
from oms_platform.kafka.topics import ensure_topics, read_incarnation
from oms_platform.kill_feed import KillFeed
from oms_platform.market_data import QuoteFeed
from oms_platform.messages import Quote
from oms_platform.postgres import Connection, connect, load_offsets, wait_for_turn
from oms_platform.prices import MICROS, micros_of
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
        kills = stack.enter_context(_kills(settings, health))
        ensure_topics(kafka)
        incarnation = read_incarnation(kafka)
        venue_ids = read_venues(connection)
        if not venue_ids:
            raise NoVenuesError("expected venues in the table venues, found none")
        metrics.know_venues(venue_ids)
        session_store = PostgresSessionStore(connection)
        defaults = {venue_id: own_settings(settings, venue_id) for venue_id in venue_ids}
        starts = start_sessions(session_store.sessions(), defaults)
        wire_ids = wire_ids_of(starts, session_store)
        store = PostgresChildStore(connection, incarnation, wire_ids)
        inbox = Inbox(settings.inbox_max)
        publisher = Publisher(kafka)
        outlet = ReportsOutlet(publisher)
        sessions = FixSessions(
            starts,
            inbox,
            connector=VenueConnector(SecretStore(settings.secrets_folder)),
            wire_ids=wire_ids,
            reconnect_s=settings.reconnect_s,
            clock=utc_now,
        )
        stack.callback(sessions.stop)
        stack.callback(inbox.close)
        ledger = Ledger(incarnation, resume_sessions(sessions, store, incarnation))
        gate = WireGate(_limits(settings), stack.enter_context(_touches(settings)), kills)
        manager = ChildOrderManager(
            sessions, outlet, ledger, settings.status_timeout_s, tracer, gate, settings.reconcile_s
        )
        take_over(manager, store, starts)
        _note_starting(store, session_store, starts)
        commands = SessionCommands(
            session_store, sessions, wire_ids, defaults, manager.use_settings, manager.compare
        )
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
            names=OwnNames(wire_ids, session_store.children_with),
            run_commands=commands.run,
        )
        loop.look()
        republish_to_new_kafka(store, manager, incarnation, utc_now())
        consumer = stack.enter_context(closing(_consumer(kafka, connection, incarnation)))
        _catch_up(loop, consumer, connection, incarnation)
        loop.read_again(unsettled_messages(store, venue_ids, incarnation))
        reader = RoutedReader(consumer, inbox)
        stack.callback(reader.stop)
        stack.callback(inbox.close)
        loop.reserve_numbers()
        # Who was logged out while no adapter ran is not logged on first.
        commands.run(utc_now(), time.monotonic())
        sessions.start()
        reader.start()
        _watch(health, connection, manager, venue_ids)
        calm_garbage_collector()
        health.set_started(True)
        loop.run(stop)


def _catch_up(loop: AdapterLoop, consumer: BatchConsumer, connection: Connection, incarnation: str) -> None:
    ends = consumer.ends()
    loop.catch_up(consumer, ends, load_offsets(connection, GROUP, incarnation, list(ends)))


def _note_starting(
    store: PostgresChildStore, sessions: PostgresSessionStore, starts: Mapping[str, VenueSession]
) -> None:
    down = {venue_id: SessionDown(venue_id, "the adapter starts") for venue_id in starts}
    store.write_sessions(down, utc_now())
    sessions.note_in_use({venue_id: start.settings for venue_id, start in starts.items()})


def _watch(health: Health, connection: Connection, manager: ChildOrderManager, venue_ids: list[str]) -> None:
    health.add("postgres", lambda: "connection lost" if connection.broken else None)
    health.add("fix", lambda: sessions_problem(venue_ids, manager.venues_up, manager.venues_out))


def sessions_problem(venue_ids: list[str], up: frozenset[str], out: frozenset[str]) -> str | None:
    """Return why the sessions are not as they should be: none is up though one is to be; None if they are."""
    return None if up or out.issuperset(venue_ids) else "no venue logged on"


def own_settings(settings: Settings, venue_id: str) -> SessionSettings:
    """Return the settings of a venue that has none of its own."""
    return SessionSettings(
        host=settings.fix_host,
        port=settings.fix_port,
        sender_comp_id=settings.fix_sender,
        target_comp_id=venue_id,
        heartbeat_s=settings.heartbeat_s,
    )


def start_sessions(
    stored: Mapping[str, StoredSession], defaults: Mapping[str, SessionSettings]
) -> dict[str, VenueSession]:
    """Return how each venue's session starts. One whose settings cannot be used stays out and says why."""
    starts: dict[str, VenueSession] = {}
    for venue_id, own in defaults.items():
        found = stored[venue_id]
        starts[venue_id] = VenueSession(
            settings=found.settings or own,
            held_out=found.problem or found.held_out,
            numbers_began_at=found.numbers_began_at or NEVER,
        )
    return starts


def take_over(
    manager: ChildOrderManager, store: PostgresChildStore, starts: Mapping[str, VenueSession]
) -> None:
    """Give the manager what venues can, and the children that an earlier run left live."""
    for venue_id, start in starts.items():
        manager.use_settings(venue_id, start.settings)
    manager.load(store.live())


def wire_ids_of(starts: Mapping[str, VenueSession], store: PostgresSessionStore) -> WireIds:
    """Return the venues' ids; a live child keeps its own where that is, or may become, another than ours."""
    wire_ids = WireIds()
    for venue_id, start in starts.items():
        for cl_ord_id, wire_id in store.wire_ids(venue_id).items():
            if start.settings.cl_ord_ids is not None or wire_id != cl_ord_id:
                wire_ids.pin(venue_id, cl_ord_id, wire_id)
        wire_ids.set_rule(venue_id, start.settings.cl_ord_ids)
    return wire_ids


def _limits(settings: Settings) -> WireLimits:
    return WireLimits(
        quantity_max=settings.gate_quantity_max,
        notional_max_micros=settings.gate_notional_max * MICROS,
        collar_bps=settings.gate_collar_bps,
        orders_per_s=settings.gate_orders_per_s,
        repeats_per_s=settings.gate_repeats_per_s,
    )


@contextmanager
def _kills(settings: Settings, health: Health) -> Iterator[KillFeed]:
    """Follow the kill switches; they are known before anything else is done."""
    age_s_max = settings.kills_age_s_max
    feed = KillFeed(settings.postgres_dsn, ADAPTER, counts=True, limits=True, age_s_max=age_s_max)
    try:
        feed.start()
        health.add("kills", feed.problem)
        yield feed
    finally:
        feed.stop()


@contextmanager
def _touches(settings: Settings) -> Iterator[Callable[[str], Touch]]:
    """Follow the market, if there is somebody to follow: the newest touch of a symbol, however old."""
    if not settings.market_data_port:
        yield lambda _symbol: Touch()
        return
    feed = QuoteFeed(settings.market_data_host, settings.market_data_port)
    feed.start()
    try:
        yield lambda symbol: touch_of(feed.quote(symbol))
    finally:
        feed.stop()


def touch_of(quote: Quote | None) -> Touch:
    """Return the touch of a quote."""
    if quote is None:
        return Touch()
    bid, offer = quote.national_best_bid, quote.national_best_offer
    return Touch(None if bid is None else micros_of(bid), None if offer is None else micros_of(offer))


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
