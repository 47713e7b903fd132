"""Puts the SOR together: live quotes, Kafka, Postgres, the loop. Who asks is answered by another process."""

import time
from contextlib import ExitStack, closing

from oms_platform.clock import utc_now
from oms_platform.health import Health, serve_health
from oms_platform.kafka.consumers import BatchConsumer
from oms_platform.kafka.publisher import Publisher
from oms_platform.kafka.topics import ensure_topics, read_incarnation
from oms_platform.kill_feed import KillFeed
from oms_platform.postgres import connect, load_offsets
from oms_platform.schema.migrate import require_revision
from oms_platform.settings import load_settings
from oms_platform.telemetry.logs import configure_logging
from oms_platform.telemetry.tracing import SOR, Tracer, start_tracing
from oms_platform.wire import Topic
from oms_platform.worker import StopFlag, calm_garbage_collector, run_worker
from sor_engine.adapters.live_quotes import LiveQuotes
from sor_engine.adapters.postgres_reference import PostgresReference
from sor_engine.adapters.postgres_routes import GROUP, PostgresRouteStore
from sor_engine.config import Settings
from sor_engine.entrypoints.route_requests import RouteRequestLoop
from sor_engine.handlers import RoutingContext
from sor_engine.ports import Reference


def route() -> None:
    """Read the settings and run until SIGTERM."""
    settings = load_settings(Settings, "OMS_SOR_")
    configure_logging(SOR, settings.log_level)
    tracer = start_tracing(SOR)
    stop = StopFlag()
    stop.on_signals()
    serve(settings, stop, tracer)


def serve(settings: Settings, stop: StopFlag, tracer: Tracer) -> None:
    """Run the SOR until `stop` is set."""
    health = Health()
    server = serve_health(health, settings.health_port, settings.host)
    quotes = LiveQuotes(settings.market_data_host, settings.market_data_port)
    health.add("quotes", quotes.problem)
    quotes.start()
    try:
        run_worker(SOR, lambda flag: _run(settings, quotes, health, flag, tracer), stop, health)
    finally:
        quotes.stop()
        server.shutdown()
        server.server_close()


def _run(settings: Settings, quotes: LiveQuotes, health: Health, stop: StopFlag, tracer: Tracer) -> None:
    """Go through the start-up path and loop; every operational error leads back to here."""
    kafka = settings.kafka(settings.kafka_assignment)
    try:
        with ExitStack() as stack:
            connection = stack.enter_context(closing(connect(settings.postgres_dsn, "sor-engine")))
            require_revision(connection)
            kills = KillFeed(settings.postgres_dsn, SOR, limits=True, age_s_max=settings.kills_age_s_max)
            stack.callback(kills.stop)
            kills.start()
            ensure_topics(kafka)
            incarnation = read_incarnation(kafka)

            def settle() -> None:
                loop.settle()

            consumer = stack.enter_context(
                closing(
                    BatchConsumer(
                        kafka,
                        group=GROUP,
                        topics=[Topic.VALIDATED],
                        incarnation=incarnation,
                        load_offsets=lambda name, places: load_offsets(connection, GROUP, name, places),
                        # Who takes the symbols over goes on where this one really was.
                        on_revoked=settle,
                    )
                )
            )
            context = RoutingContext(
                quotes=quotes,
                clock=utc_now,
                stopwatch=time.perf_counter_ns,
                quote_age_ms_max=settings.quote_age_ms_max,
                quote_timeout_ms=settings.quote_timeout_ms,
                kills=kills,
            )
            loop = RouteRequestLoop(
                consumer=consumer,
                publisher=Publisher(kafka),
                store=PostgresRouteStore(connection, incarnation),
                references=PostgresReference(connection, settings.profile, utc_now),
                context=context,
                refresh_s=settings.reference_refresh_s,
                monotonic_s=time.monotonic,
                on_reference=lambda reference: quotes.watch(_horizons_ms(reference)),
                tracer=tracer,
            )
            health.add("postgres", lambda: "connection lost" if connection.broken else None)
            health.add("kills", kills.problem)
            calm_garbage_collector()
            health.set_started(True)
            loop.run(stop)
    finally:
        health.set_started(False)


def _horizons_ms(reference: Reference) -> frozenset[int]:
    """Return the horizons over which the passive profiles want queues watched."""
    return frozenset(
        profile.passive.horizon_ms for profile in reference.profiles.values() if profile.watches_queues
    )
