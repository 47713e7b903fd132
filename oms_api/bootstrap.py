"""Put the gateway together, and run it."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, Final

import structlog
import uvloop
from litestar import Litestar

from oms_api.adapters.backlog import OutcomeBacklog
from oms_api.adapters.chaos_door import HttpChaosDoor
from oms_api.adapters.desk_pool import DeskPool
from oms_api.adapters.group_commit import GroupCommit
from oms_api.adapters.inbound_publisher import InboundPublisher
from oms_api.adapters.kafka_probe import KafkaProbe
from oms_api.adapters.key_lookup import KeyLookup
from oms_api.adapters.live_marks import LiveMarks
from oms_api.adapters.market_data import GrpcLiveQuotes, GrpcMarketData
from oms_api.adapters.oidc import OidcAuthenticator
from oms_api.adapters.pending_cancels import PendingCancels
from oms_api.adapters.postgres_books import PostgresAccountBooks
from oms_api.adapters.postgres_catalog import PostgresCatalog
from oms_api.adapters.postgres_desk_state import PostgresDeskState
from oms_api.adapters.postgres_exceptions import PostgresExceptionDesk
from oms_api.adapters.postgres_fix_clients import PostgresFixClients
from oms_api.adapters.postgres_fix_orders import PostgresFixOrders
from oms_api.adapters.postgres_fix_sessions import PostgresFixSessions
from oms_api.adapters.postgres_limits import PostgresLimitDesk
from oms_api.adapters.postgres_locates import PostgresLocateDesk
from oms_api.adapters.postgres_market import PostgresMarketDesk
from oms_api.adapters.postgres_overrides import PostgresOverrideDesk
from oms_api.adapters.postgres_post_trade import PostgresAlertDesk, PostgresSurveillanceDesk
from oms_api.adapters.postgres_reader import PostgresReader, require_schema
from oms_api.adapters.postgres_reconciliations import PostgresReconciliations
from oms_api.adapters.postgres_records import PostgresRecords
from oms_api.adapters.postgres_routing import PostgresRoutingAdmin
from oms_api.adapters.postgres_switches import PostgresSwitchDesk
from oms_api.adapters.reference_cache import ReferenceCache
from oms_api.adapters.replica_reader import ReplicaReader
from oms_api.adapters.request_lookup import RequestLookup
from oms_api.adapters.sor_router import CoreRisk, SorRouter
from oms_api.adapters.token_bucket import RedisTokenBucket
from oms_api.config import PREFIX, ApiSettings
from oms_api.domain.marks import MarkBook
from oms_api.entrypoints.cross_origin import CrossOrigin
from oms_api.entrypoints.desk_page import page_routes
from oms_api.entrypoints.drain import Drain
from oms_api.entrypoints.event_hub import EventHub
from oms_api.entrypoints.event_tail import EventTail
from oms_api.entrypoints.fix_door import FixDoor, tls_context
from oms_api.entrypoints.grpc_messages import Contract
from oms_api.entrypoints.grpc_open import open_services
from oms_api.entrypoints.grpc_orders import OrderService
from oms_api.entrypoints.grpc_server import BACKLOG, OPEN_MESSAGE_BYTES_MAX, Bounded, GrpcServer
from oms_api.entrypoints.http_door import HttpDoor
from oms_api.entrypoints.http_server import HttpServer
from oms_api.entrypoints.loop_lag import watch_loop
from oms_api.entrypoints.rest import build_rest
from oms_api.entrypoints.state_channels import StateChannels
from oms_api.entrypoints.websocket import build_websocket
from oms_api.ports import EncodedEvent, Ports
from oms_platform.clock import utc_now
from oms_platform.errors import ConfigurationError, OperationalError
from oms_platform.health import Health, serve_health
from oms_platform.kill_feed import KillFeed
from oms_platform.settings import load_settings
from oms_platform.telemetry.logs import configure_logging
from oms_platform.telemetry.tracing import API, Tracer, start_tracing
from oms_platform.worker import EXIT_BROKEN, calm_garbage_collector, end_misconfigured, reason_of

SCHEMA_LOOK_S: Final = 1.0
STOP_S_MAX: Final = 5.0
# What a request makes is freed by reference counts. Looking for cycles every 700 objects, through all that
# was loaded at start, took a quarter of the time.
GC_THRESHOLDS: Final = (50_000, 20, 100)

log = structlog.get_logger()


def serve() -> None:
    """Serve REST, WebSocket and gRPC until SIGTERM."""
    settings = load_settings(ApiSettings, PREFIX)
    configure_logging(API, settings.log_level)
    tracer = start_tracing(API)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(Gateway(settings, tracer).run())


class Gateway:
    """Every part of the gateway, in one event loop."""

    def __init__(self, settings: ApiSettings, tracer: Tracer) -> None:
        self._settings = settings
        self._tracer = tracer
        self._health = Health()
        self._tasks: list[asyncio.Task[None]] = []

    def _build(self) -> None:
        settings, health = self._settings, self._health
        loop = asyncio.get_running_loop()
        kafka = settings.kafka()
        self._reader = PostgresReader(settings.postgres_dsn)
        self._backlog = OutcomeBacklog(
            self._reader,
            shed_age_s=settings.shed_age_s,
            on_awaiting=lambda awaiting: self._want_events("backlog", awaiting),
        )
        self._line = InboundPublisher(kafka, self._backlog.on_published, self._tracer)
        self._intake = GroupCommit(
            settings.postgres_dsn,
            self._line,
            queue_max=settings.queue_max,
            commit_timeout_s=settings.commit_timeout_ms / 1000,
            tracer=self._tracer,
        )
        self._replica = None
        if settings.read_dsn:
            self._replica = ReplicaReader(
                self._reader, PostgresReader(settings.read_dsn), settings.read_lag_ms_max / 1000
            )
        self._limiter, self._cancel_limiter = (
            RedisTokenBucket(
                settings.redis_url, name=name, rate_per_s=settings.rate_per_s, burst=settings.rate_burst
            )
            for name in ("rate", "cancel-rate")
        )
        self._question_limiter = RedisTokenBucket(
            settings.redis_url,
            name="question-rate",
            rate_per_s=settings.question_rate_per_s,
            burst=settings.question_rate_burst,
        )
        self._authenticator = OidcAuthenticator(
            settings.oidc_issuer, settings.oidc_audience, internal_url=settings.oidc_internal_url
        )
        self._probe = KafkaProbe(kafka, on_recovered=self._reopen_tail, on_wrong=end_misconfigured)
        self._hub = EventHub(self._reader, self._probe, self._tracer)

        def on_events(events: list[EncodedEvent]) -> None:
            loop.call_soon_threadsafe(self._on_events, events)

        self._tail = EventTail(
            kafka, on_opened=lambda: _call(loop, self._hub.on_tail_opened), on_events=on_events
        )
        self._events_wanted: set[str] = set()
        self._hub.on_listening = lambda listening: self._want_events("hub", listening)
        self._router = SorRouter(settings.sor_host, settings.sor_port)
        self._risk = CoreRisk(
            settings.core_host,
            settings.core_port,
            partitions=kafka.partitions,
            owners=self._reader.core_addresses,
        )
        self._market_data = GrpcMarketData(settings.market_data_host, settings.market_data_port)
        self._desk_pool = DeskPool(settings.postgres_dsn)
        marks = MarkBook(
            age_max=timedelta(seconds=settings.mark_age_s_max), off_bps_max=settings.mark_off_bps_max
        )
        self._marks = LiveMarks(self._desk_pool, self._market_data, marks, utc_now)
        member = f"{settings.host}:{settings.http_port}"
        self._kills = KillFeed(settings.postgres_dsn, API, member, age_s_max=settings.kills_age_s_max)
        self._reference = ReferenceCache(self._reader.reference, utc_now, self._kills.versions)
        ports = Ports(
            intake=self._intake,
            cancels=PendingCancels(self._intake.change, self._reader.read),
            keys=KeyLookup(self._reader.read),
            request_keys=RequestLookup(self._reader.read),
            backlog=self._backlog,
            reader=self._reader if self._replica is None else self._replica,
            reference=self._reference,
            limiter=self._limiter,
            cancel_limiter=self._cancel_limiter,
            question_limiter=self._question_limiter,
            authenticator=self._authenticator,
            router=self._router,
            risk=self._risk,
            routing_admin=PostgresRoutingAdmin(self._desk_pool, utc_now),
            exceptions=PostgresExceptionDesk(self._desk_pool, utc_now),
            switches=PostgresSwitchDesk(self._desk_pool, utc_now),
            kills=self._kills,
            limits=PostgresLimitDesk(self._desk_pool),
            overrides=PostgresOverrideDesk(self._desk_pool),
            locates=PostgresLocateDesk(self._desk_pool),
            books=PostgresAccountBooks(self._desk_pool),
            marks=self._marks,
            market=PostgresMarketDesk(self._desk_pool, utc_now),
            reconciliations=PostgresReconciliations(self._desk_pool),
            alerts=PostgresAlertDesk(self._desk_pool, utc_now),
            surveillance=PostgresSurveillanceDesk(self._desk_pool, utc_now),
            catalog=PostgresCatalog(self._desk_pool, utc_now),
            records=PostgresRecords(self._desk_pool),
            fix_sessions=PostgresFixSessions(self._desk_pool, utc_now),
            market_data=self._market_data,
            tracer=self._tracer,
        )
        rest = self._rest(ports)
        self._states = StateChannels(
            PostgresDeskState(self._desk_pool),
            self._market_data,
            self._marks,
            GrpcLiveQuotes(settings.market_data_host, settings.market_data_port),
        )
        rest.register(build_websocket(ports, utc_now, self._hub, self._states))
        self._door = HttpDoor(ports, utc_now, rest)  # type: ignore[arg-type]
        contract = Contract()
        orders = OrderService(ports, utc_now, self._hub, contract)
        beside = open_services(orders, health, contract)
        self._grpc = GrpcServer(
            [Bounded(orders), *(Bounded(service, OPEN_MESSAGE_BYTES_MAX) for service in beside)]
        )
        self._fix_clients = PostgresFixClients(settings.postgres_dsn)
        self._fix = FixDoor(
            ports,
            self._fix_clients,
            PostgresFixOrders(self._reader.read),
            self._hub,
            utc_now,
            comp_id=settings.fix_comp_id,
        )
        self._fix_clients.on_lost = self._fix.on_lost
        self._drain = Drain()
        self._drain.grpc(self._grpc)
        self._hub.stopping = self._drain.begun
        health.add("postgres", self._intake.problem)
        health.add("kafka", self._probe.problem)
        health.add("oidc", self._authenticator.problem)
        health.add("reference", self._reference.problem)
        health.add("kills", self._kills.problem)

    def _rest(self, ports: Ports) -> Litestar:
        """Build REST and the page, with what only a laptop's stack has where it has that."""
        settings, chaos = self._settings, None
        if settings.chaos_url:
            chaos = HttpChaosDoor(settings.chaos_url, settings.chaos_password)
        rest = build_rest(ports, utc_now, self._health, chaos)
        login = settings.oidc_issuer, settings.page_client_id, settings.page_scope
        for page in page_routes(*login, is_demo=chaos is not None):
            rest.register(page)
        return rest

    def _reopen_tail(self) -> None:
        self._tail.reopen()

    def _want_events(self, who: str, wanted: bool) -> None:
        """Read orders.events while anybody needs it."""
        if wanted:
            self._events_wanted.add(who)
        else:
            self._events_wanted.discard(who)
        self._tail.set_wanted(bool(self._events_wanted))

    def _on_events(self, events: list[EncodedEvent]) -> None:
        self._backlog.on_events(events)
        self._hub.on_events(events)
        self._states.on_events(events)

    async def run(self) -> None:
        """Start everything, serve until SIGTERM, and stop in the reverse order."""
        self._build()
        settings = self._settings
        door = self._drain.http(self._door)
        if settings.allowed_origins:
            door = CrossOrigin(door, settings.allowed_origins)
        server = HttpServer(door, settings.host, settings.http_port)
        health_server = serve_health(self._health, settings.health_port, settings.host)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._begin_to_stop, server)
        await self._reader.open()
        await self._desk_pool.open()
        if self._replica is not None:
            await self._replica.open()
            self._start("replica", self._replica.run())
        self._probe.start()
        self._tail.start()
        for name, work in (
            ("keys", self._authenticator.run()),
            ("schema", self._begin_with_schema()),
            ("loop-lag", watch_loop()),
        ):
            self._start(name, work)
        await self._grpc.start(settings.host, settings.grpc_port, backlog=BACKLOG)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        log.info("gateway_listening", http_port=settings.http_port, grpc_port=settings.grpc_port)
        await server.serve()
        await self._stop()
        health_server.shutdown()

    def _start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(_ended)
        self._tasks.append(task)

    async def _begin_with_schema(self) -> None:
        """Begin to take orders once the schema is there: a gateway on another one must not take any."""
        while True:
            try:
                await require_schema(self._settings.postgres_dsn)
                break
            except OperationalError as error:
                reason = reason_of(error)
                log.warning("schema_not_ready", dependency=error.dependency, problem=reason)
                self._health.note_awaited(error.dependency, reason)
            await asyncio.sleep(SCHEMA_LOOK_S)
        self._kills.start_soon()
        self._start("intake", self._intake.run())
        self._start("reference", self._reference.run())
        self._start("backstop", self._hub.run_backstop())
        self._start("backlog", self._backlog.run())
        if self._settings.fix_port:
            await self._open_fix()
        calm_garbage_collector()
        self._health.set_started(True)

    async def _open_fix(self) -> None:
        settings = self._settings
        try:
            tls = tls_context(settings.fix_certificate, settings.fix_key, settings.fix_client_ca)
        except OSError as error:
            raise ConfigurationError(f"the FIX port's certificate, key or client CA: {error}") from error
        await self._fix.start(settings.host, settings.fix_port, tls)
        self._start("fix", self._fix.run())
        log.info("fix_listening", port=settings.fix_port, tls=tls is not None)

    def _begin_to_stop(self, server: HttpServer) -> None:
        if not self._drain.begun.is_set():
            log.info("gateway_stopping")
            self._health.add("stop", lambda: "stopping")
            self._drain.begin()
            self._leaving = asyncio.create_task(self._leave(server))

    async def _leave(self, server: HttpServer) -> None:
        """Stop to listen once everything is answered and every stream has had its code."""
        await asyncio.gather(self._drain.settle(), self._fix.close())
        await self._hub.wait_until_all_closed()
        server.stop()

    async def _stop(self) -> None:
        self._health.set_started(False)
        self._probe.stop()
        self._grpc.close()
        self._states.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(self._line.close)
        await asyncio.to_thread(self._tail.stop)
        await asyncio.to_thread(self._kills.stop)
        await self._limiter.close()
        await self._cancel_limiter.close()
        await self._question_limiter.close()
        self._router.close()
        self._risk.close()
        self._market_data.close()
        await self._fix_clients.close()
        async with asyncio.timeout(STOP_S_MAX):
            await self._reader.close()
            if self._replica is not None:
                await self._replica.close()
            await self._desk_pool.close()
        log.info("gateway_stopped")


def _call(loop: asyncio.AbstractEventLoop, function: Any) -> None:
    loop.call_soon_threadsafe(function)


def _ended(task: asyncio.Task[None]) -> None:
    """Stop the process when a background task fails: half a gateway must not look whole."""
    error = None if task.cancelled() else task.exception()
    if error is None:
        return
    if isinstance(error, ConfigurationError):
        end_misconfigured(error)
    log.critical("background_task_failed", task=task.get_name(), exc_info=error)
    sys.stdout.flush()
    os._exit(EXIT_BROKEN)
