"""Put the gateway and the relay together, and run them."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Coroutine
from typing import Any, Final

import structlog
import uvloop
from granian.constants import Interfaces
from granian.server.embed import Server

from oms_api.adapters.group_commit import GroupCommit
from oms_api.adapters.kafka_probe import KafkaProbe
from oms_api.adapters.oidc import OidcAuthenticator
from oms_api.adapters.postgres_reader import PostgresReader
from oms_api.adapters.postgres_routing import PostgresRoutingAdmin
from oms_api.adapters.reference_cache import ReferenceCache
from oms_api.adapters.sor_router import CoreRisk, SorRouter
from oms_api.adapters.token_bucket import RedisTokenBucket
from oms_api.config import PREFIX, ApiSettings, RelaySettings
from oms_api.entrypoints.event_hub import EventHub
from oms_api.entrypoints.event_tail import EventTail
from oms_api.entrypoints.grpc_orders import build_grpc
from oms_api.entrypoints.http_door import HttpDoor
from oms_api.entrypoints.loop_lag import watch_loop
from oms_api.entrypoints.relay import Relay
from oms_api.entrypoints.rest import build_rest
from oms_api.entrypoints.websocket import build_websocket
from oms_api.ports import Ports, UnavailableError
from oms_platform.clock import utc_now
from oms_platform.health import Health, serve_health
from oms_platform.kafka import KafkaSettings
from oms_platform.messages import OrderEvent
from oms_platform.settings import load_settings
from oms_platform.telemetry import configure_logging
from oms_platform.worker import EXIT_BROKEN, StopFlag, run_worker

HTTP_BACKLOG: Final = 1_024
HTTP_CONNECTIONS_MAX: Final = 8_192
SCHEMA_LOOK_S: Final = 1.0
STOP_S_MAX: Final = 5.0
# What a request makes is freed by reference counts. Looking for cycles every 700 objects, through all that
# was loaded at start, took a quarter of the time.
GC_THRESHOLDS: Final = (50_000, 20, 100)

log = structlog.get_logger()


def serve() -> None:
    """Serve REST, WebSocket and gRPC until SIGTERM."""
    settings = load_settings(ApiSettings, PREFIX)
    configure_logging("oms-api", settings.log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(Gateway(settings).run())


def relay() -> None:
    """Run the outbox relay until SIGTERM."""
    settings = load_settings(RelaySettings, PREFIX)
    configure_logging("oms-api-relay", settings.log_level)
    health = Health()
    serve_health(health, settings.relay_health_port, settings.host)
    stop = StopFlag()
    stop.on_signals()
    run_worker("oms-api-relay", Relay(settings, health).run, stop)


class Gateway:
    """Every part of the gateway, in one event loop."""

    def __init__(self, settings: ApiSettings) -> None:
        self._settings = settings
        self._health = Health()
        self._tasks: list[asyncio.Task[None]] = []

    def _build(self) -> None:
        settings, health = self._settings, self._health
        loop = asyncio.get_running_loop()
        kafka = KafkaSettings(bootstrap=settings.kafka_bootstrap, fetch_wait_ms=settings.kafka_fetch_wait_ms)
        self._intake = GroupCommit(
            settings.postgres_dsn,
            queue_max=settings.queue_max,
            commit_timeout_s=settings.commit_timeout_ms / 1000,
        )
        self._reader = PostgresReader(settings.postgres_dsn)
        self._reference = ReferenceCache(self._reader.reference)
        self._limiter = RedisTokenBucket(
            settings.redis_url, rate_per_s=settings.rate_per_s, burst=settings.rate_burst
        )
        self._authenticator = OidcAuthenticator(settings.oidc_issuer, settings.oidc_audience)
        self._probe = KafkaProbe(kafka, on_recovered=self._reopen_tail)
        self._hub = EventHub(self._reader, self._probe)

        def on_events(events: list[OrderEvent]) -> None:
            loop.call_soon_threadsafe(self._hub.on_events, events)

        self._tail = EventTail(
            kafka, on_opened=lambda: _call(loop, self._hub.on_tail_opened), on_events=on_events
        )
        self._hub.on_listening = self._tail.set_wanted
        self._router = SorRouter(settings.sor_host, settings.sor_port)
        self._risk = CoreRisk(settings.core_host, settings.core_port)
        self._routing_admin = PostgresRoutingAdmin(settings.postgres_dsn, utc_now)
        ports = Ports(
            intake=self._intake,
            reader=self._reader,
            reference=self._reference,
            limiter=self._limiter,
            authenticator=self._authenticator,
            broker=self._probe,
            router=self._router,
            risk=self._risk,
            routing_admin=self._routing_admin,
        )
        rest = build_rest(ports, utc_now, health)
        rest.register(build_websocket(ports, utc_now, self._hub))
        self._door = HttpDoor(ports, utc_now, rest)  # type: ignore[arg-type]
        self._grpc = build_grpc(ports, utc_now)
        health.add("postgres", self._intake.problem)
        health.add("kafka", self._probe.problem)
        health.add("oidc", self._authenticator.problem)
        health.add("reference", self._reference.problem)

    def _reopen_tail(self) -> None:
        self._tail.reopen()

    async def run(self) -> None:
        """Start everything, serve until SIGTERM, and stop in the reverse order."""
        self._build()
        settings = self._settings
        server = Server(
            self._door,
            settings.host,
            settings.http_port,
            interface=Interfaces.ASGINL,
            backlog=HTTP_BACKLOG,
            backpressure=HTTP_CONNECTIONS_MAX,
            log_enabled=False,
        )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, server.stop)
        await self._reader.open()
        await self._routing_admin.open()
        self._probe.start()
        self._tail.start()
        for name, work in (
            ("intake", self._intake.run()),
            ("reference", self._reference.run()),
            ("keys", self._authenticator.run()),
            ("backstop", self._hub.run_backstop()),
            ("schema", self._check_schema()),
            ("loop-lag", watch_loop()),
        ):
            self._start(name, work)
        await self._grpc.start(settings.host, settings.grpc_port)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        log.info("gateway_listening", http_port=settings.http_port, grpc_port=settings.grpc_port)
        await server.serve()
        await self._stop()

    def _start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(_ended)
        self._tasks.append(task)

    async def _check_schema(self) -> None:
        while True:
            try:
                problem = await self._reader.schema_problem()
            except UnavailableError as error:
                problem = str(error)
            if problem is None:
                self._health.set_started(True)
                return
            log.warning("schema_not_ready", problem=problem)
            await asyncio.sleep(SCHEMA_LOOK_S)

    async def _stop(self) -> None:
        self._health.set_started(False)
        self._probe.stop()
        self._grpc.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(self._tail.stop)
        await self._limiter.close()
        self._router.close()
        self._risk.close()
        async with asyncio.timeout(STOP_S_MAX):
            await self._reader.close()
            await self._routing_admin.close()
        log.info("gateway_stopped")


def _call(loop: asyncio.AbstractEventLoop, function: Any) -> None:
    loop.call_soon_threadsafe(function)


def _ended(task: asyncio.Task[None]) -> None:
    """Stop the process when a background task fails: half a gateway must not look whole."""
    if task.cancelled() or task.exception() is None:
        return
    log.critical("background_task_failed", task=task.get_name(), exc_info=task.exception())
    sys.stdout.flush()
    os._exit(EXIT_BROKEN)
