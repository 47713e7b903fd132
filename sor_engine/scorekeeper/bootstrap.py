"""Puts the scorekeeper together: quotes, Kafka, Postgres, the loop. One is active, by an advisory lock."""

import time
from contextlib import closing
from datetime import datetime
from typing import Final

import psycopg
import structlog

from oms_platform.clock import utc_now
from oms_platform.health import Health, serve_health
from oms_platform.kafka.consumers import BatchConsumer
from oms_platform.kafka.topics import ensure_topics, read_incarnation
from oms_platform.market_data import QuoteFeed
from oms_platform.postgres import Connection, connect, load_offsets, wait_for_turn
from oms_platform.schema.migrate import ensure_partitions, require_revision
from oms_platform.settings import SettingsError, load_settings
from oms_platform.telemetry.logs import configure_logging
from oms_platform.wire import Topic
from oms_platform.worker import StopFlag, calm_garbage_collector, run_worker
from sor_engine.domain.censored import Censored
from sor_engine.scorekeeper import metrics
from sor_engine.scorekeeper.adapters.postgres_audit import anchor_audit, forget_audit
from sor_engine.scorekeeper.adapters.postgres_retention import DAYS_MIN, apply_retention
from sor_engine.scorekeeper.adapters.postgres_scorecards import GROUP, PostgresScorecards
from sor_engine.scorekeeper.config import Settings
from sor_engine.scorekeeper.domain.child_watch import ChildWatch
from sor_engine.scorekeeper.domain.touches import Touches
from sor_engine.scorekeeper.entrypoints.main_loop import Chore, ScorekeeperLoop
from sor_engine.scorekeeper.entrypoints.quote_intake import QuoteIntake

LOCK: Final = 7_304_003
HOUR_S: Final = 3_600.0
DAY_S: Final = 24 * HOUR_S
# The core makes partitions too, as it starts and every hour: its turn comes first, so that they do not meet.
PARTITIONS_FIRST_S: Final = 600.0
RETENTION_FIRST_S: Final = 60.0
ANCHOR_FIRST_S: Final = 30.0

log = structlog.get_logger()


def scorekeeper() -> None:
    """Read the settings and run until SIGTERM. Raises SettingsError."""
    settings = load_settings(Settings, "OMS_SOR_")
    require_days(settings)
    configure_logging("sor-scorekeeper", settings.log_level)
    stop = StopFlag()
    stop.on_signals()
    serve(settings, stop)


def serve(settings: Settings, stop: StopFlag) -> None:
    """Run the scorekeeper until `stop` is set."""
    health = Health()
    server = serve_health(health, settings.scorekeeper_health_port, settings.host)
    intake = QuoteIntake(Touches())
    feed = QuoteFeed(settings.market_data_host, settings.market_data_port, intake.note)
    health.add("quotes", intake.check)
    feed.start()
    try:
        run_worker("sor-scorekeeper", lambda flag: _run(settings, intake, health, flag), stop, health)
    finally:
        feed.stop()
        server.shutdown()
        server.server_close()


def _run(settings: Settings, intake: QuoteIntake, health: Health, stop: StopFlag) -> None:
    """Go through the start-up path and loop; every operational error leads back to here."""
    kafka = settings.kafka()
    metrics.active.set(0)
    try:
        with closing(connect(settings.postgres_dsn, "sor-scorekeeper")) as connection:
            require_revision(connection)
            if not wait_for_turn(connection, LOCK, stop, lambda: _stand_by(health)):
                return
            # Again: it may have been migrated during the wait.
            require_revision(connection)
            ensure_topics(kafka)
            incarnation = read_incarnation(kafka)
            store = PostgresScorecards(connection, incarnation, settings.half_life_s)
            watch = _watch(store, intake, settings.half_life_s)
            has_read = False

            def stored_offsets(name: str, places: list[tuple[str, int]]) -> dict[tuple[str, int], int]:
                nonlocal has_read
                found = load_offsets(connection, GROUP, name, places)
                has_read = bool(found)
                return found

            consumer = BatchConsumer(
                kafka,
                group=GROUP,
                topics=[Topic.FILLS, Topic.ACKS],
                incarnation=incarnation,
                load_offsets=stored_offsets,
                # What it misses is a measurement: it never makes anybody start again.
                vital=False,
            )
            with closing(consumer):
                if not has_read:
                    # A broker that is new to us may be told once more of children that were counted.
                    watch.forget_closed(store.closed_of_open_orders())
                loop = ScorekeeperLoop(
                    consumer=consumer,
                    store=store,
                    watch=watch,
                    quotes=intake,
                    clock=utc_now,
                    silent_ms=settings.silent_ms,
                    gather_s=settings.gather_ms / 1_000,
                    make_partitions=lambda now: make_partitions(connection, now),
                    chores=_chores(connection, settings),
                )
                health.add("postgres", lambda: "connection lost" if connection.broken else None)
                metrics.active.set(1)
                calm_garbage_collector()
                health.set_started(True)
                log.info("scorekeeper_started", incarnation=incarnation, open_children=len(watch.open))
                loop.run(stop)
    finally:
        health.set_started(False)


def _watch(store: PostgresScorecards, intake: QuoteIntake, half_life_s: int) -> ChildWatch:
    """Load what was stored: the venues' records, and the children that are open."""
    watch = ChildWatch(intake.touches, store.load(), Censored, half_life_s)
    watch.set_dark(store.dark_venues())
    for cl_ord_id, child in store.open_children().items():
        watch.restore(cl_ord_id, child)
    return watch


def _stand_by(health: Health) -> None:
    """Standing by is what a second scorekeeper is for."""
    log.info("scorekeeper_standby")
    health.set_started(True)


def make_partitions(connection: Connection, now: datetime) -> None:
    """Make the coming weeks' partitions. That the core made the same one at the same time is no failure."""
    try:
        made = ensure_partitions(connection, now)
    except (
        psycopg.errors.DuplicateTable,
        psycopg.errors.UniqueViolation,
        psycopg.errors.InvalidObjectDefinition,
    ) as error:
        log.info("partitions_made_elsewhere", error=str(error).strip())
        return
    if made:
        log.info("partitions_made", partitions=made)


def require_days(settings: Settings) -> None:
    """Raise SettingsError when something would be kept for too short a time."""
    for name, days in (
        ("OMS_SOR_RETENTION_DAYS", settings.retention_days),
        ("OMS_SOR_AUDIT_RETENTION_DAYS", settings.audit_retention_days),
    ):
        if days < DAYS_MIN:
            raise SettingsError(f"{name} must be at least {DAYS_MIN}, was {days}")


def _chores(connection: Connection, settings: Settings) -> list[Chore]:
    def retain(now: datetime) -> None:
        started = time.monotonic()
        gone = apply_retention(connection, settings.retention_days, now)
        changes = forget_audit(connection, settings.audit_retention_days, DAYS_MIN, now)
        metrics.partitions_dropped_total.inc(len(gone))
        took_s = round(time.monotonic() - started, 3)
        log.info("retention_done", dropped=len(gone), changes_dropped=changes, took_s=took_s)

    return [
        Chore(
            name="partitions",
            run=lambda now: make_partitions(connection, now),
            every_s=HOUR_S,
            first_s=PARTITIONS_FIRST_S,
        ),
        Chore(name="retention", run=retain, every_s=DAY_S, first_s=RETENTION_FIRST_S),
        Chore(
            name="audit anchor",
            run=lambda _now: anchor_audit(connection),
            every_s=HOUR_S,
            first_s=ANCHOR_FIRST_S,
        ),
    ]
