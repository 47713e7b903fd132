"""Puts sor-answers together: what answers questions about routing, in a process that no order waits for.

The law of this file: while nobody asks, nothing is done but one look at the reference a second; what is asked
has its budget, and less of the machine than what routes.
"""

import os
import time
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Final

import structlog

from oms_platform.clock import utc_now
from oms_platform.grpc_door import GrpcDoor
from oms_platform.health import Health, serve_health
from oms_platform.kill_feed import KillFeed
from oms_platform.kill_switches import LimitsAlone
from oms_platform.postgres import connect
from oms_platform.schema.migrate import require_revision
from oms_platform.settings import load_settings
from oms_platform.telemetry.logs import configure_logging
from oms_platform.worker import StopFlag, calm_garbage_collector, run_worker
from sor_engine.adapters.asked_quotes import AskedQuotes
from sor_engine.adapters.postgres_decisions import PostgresSorReader
from sor_engine.adapters.postgres_quality import PostgresQualityReader
from sor_engine.adapters.postgres_reference import PostgresReference
from sor_engine.config import AnswerSettings
from sor_engine.entrypoints.grpc import SorService
from sor_engine.entrypoints.question_budget import QuestionBudget
from sor_engine.handlers import QUALITY_S_MAX, RoutingContext
from sor_engine.ports import ReferenceUnavailableError

NAME: Final = "sor-answers"
# So much lower than what routes: where both want the same core, this one gets about a tenth of it.
NICE: Final = 10

log = structlog.get_logger()


def answer() -> None:
    """Read the settings and run until SIGTERM."""
    settings = load_settings(AnswerSettings, "OMS_SOR_")
    configure_logging(NAME, settings.log_level)
    give_way()
    stop = StopFlag()
    stop.on_signals()
    serve(settings, stop)


def give_way() -> None:
    """Let what routes go first: this process, and its session if it leads one.

    Where Linux shares out processors by session (autogroup), a process's own priority counts within it alone.
    """
    os.nice(NICE)
    if os.getsid(0) == os.getpid():
        with suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(NICE))


def serve(settings: AnswerSettings, stop: StopFlag) -> None:
    """Answer until `stop` is set."""
    health = Health()
    server = serve_health(health, settings.answers_health_port, settings.host)
    quotes = AskedQuotes(settings.market_data_host, settings.market_data_port)
    quotes.start()
    try:
        run_worker(NAME, lambda flag: _run(settings, quotes, health, flag), stop, health)
    finally:
        quotes.stop()
        server.shutdown()
        server.server_close()


def _run(settings: AnswerSettings, quotes: AskedQuotes, health: Health, stop: StopFlag) -> None:
    """Go through the start-up path and keep the reference new; every operational error leads back to here."""
    try:
        with ExitStack() as stack:
            connection = stack.enter_context(closing(connect(settings.postgres_dsn, NAME)))
            require_revision(connection)
            references = PostgresReference(connection, settings.profile, utc_now)
            reference = references.load()
            # No thread of its own: it looks as the reference is looked at.
            limits = KillFeed(settings.postgres_dsn, NAME, counts=True, limits=True)
            stack.callback(limits.stop)
            limits.look()
            context = RoutingContext(
                quotes=quotes,
                clock=utc_now,
                stopwatch=time.perf_counter_ns,
                quote_age_ms_max=settings.quote_age_ms_max,
                quote_timeout_ms=settings.quote_timeout_ms,
                kills=LimitsAlone(limits),
            )
            budget = QuestionBudget(settings.questions_at_once, settings.questions_waiting_max)
            stack.callback(budget.close)
            reader = stack.enter_context(
                closing(PostgresSorReader(settings.postgres_dsn, settings.questions_at_once))
            )
            quality = PostgresQualityReader(settings.postgres_dsn, QUALITY_S_MAX)
            door = GrpcDoor(
                [SorService(lambda: reference, context, reader, quality, budget)],
                settings.host,
                settings.answers_grpc_port,
            )
            door.start()
            stack.callback(door.stop)
            health.add("postgres", lambda: "connection lost" if connection.broken else None)
            calm_garbage_collector()
            health.set_started(True)
            while not stop.wait(settings.reference_refresh_s):
                try:
                    reference = references.load()
                    limits.look()
                except ReferenceUnavailableError as error:
                    log.warning("reference_kept", error=str(error))
            # Whoever asks learns it at once, and not when what is being answered is done.
            health.set_started(False)
    finally:
        health.set_started(False)
