"""Puts the market data simulator together: instruments, quote maker, board, gRPC, Kafka, health."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Sequence
from typing import Final

import structlog
import uvloop
from grpclib.server import Server
from prometheus_client import Counter, Histogram

from oms_platform.clock import Clock, utc_now
from oms_platform.errors import OperationalError
from oms_platform.health import Health
from oms_platform.telemetry.grpc_trace import trace_calls
from oms_platform.telemetry.tracing import Tracer
from oms_platform.worker import StopFlag, calm_garbage_collector
from simulators.instruments import Instrument, require_instruments
from simulators.market_data.adapters.kafka_quotes import KafkaQuotes
from simulators.market_data.config import Settings
from simulators.market_data.entrypoints.grpc_service import MarketDataService
from simulators.market_data.quote_board import QuoteBoard
from simulators.market_data.quote_maker import QuoteMaker
from simulators.market_data.wire import EncodedQuoteCodec, encode_quote

# A simulator that fell behind by more does not catch up: it goes on from now.
BEHIND_INTERVALS_MAX: Final = 2
# Quotes that are made at a time: some milliseconds of work.
BURST_MAX: Final = 32

log = structlog.get_logger()
updates_total = Counter("oms_marketdata_updates_total", "Quotes made")
encode_seconds = Histogram(
    "oms_marketdata_encode_seconds",
    "Time to encode one quote for gRPC",
    buckets=(0.00001, 0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.005),
)


class QuoteClock:
    """When the next quotes are due: every symbol once an interval, so many at a time that few wake-ups do.

    burst: how many are made at a time.
    """

    def __init__(self, *, interval_s: float, symbols: int, now_s: float) -> None:
        self.burst = min(symbols, BURST_MAX)
        self._step_s = interval_s * self.burst / symbols
        self._behind_s_max = interval_s * BEHIND_INTERVALS_MAX
        self._due_s = now_s

    def wait_s(self, now_s: float) -> float:
        """Return the seconds until the next quotes are due; 0 when they are."""
        if now_s - self._due_s > self._behind_s_max:
            self._due_s = now_s
        return max(0.0, self._due_s - now_s)

    def done(self) -> None:
        """They were made."""
        self._due_s += self._step_s


async def make_quotes(
    maker: QuoteMaker,
    board: QuoteBoard,
    pace: QuoteClock,
    kafka: KafkaQuotes | None,
    clock: Clock = utc_now,
) -> None:
    """Make quotes at their pace for ever."""
    while True:
        await asyncio.sleep(pace.wait_s(time.monotonic()))
        if pace.wait_s(time.monotonic()) > 0:
            continue
        now = clock()
        for _ in range(pace.burst):
            quote = maker.next_quote(now)
            started_s = time.perf_counter()
            encoded = encode_quote(quote)
            encode_seconds.observe(time.perf_counter() - started_s)
            board.post(quote, encoded)
            if kafka is not None:
                kafka.publish(quote)
        updates_total.inc(pace.burst)
        pace.done()


async def serve(
    settings: Settings, instruments: Sequence[Instrument], health: Health, tracer: Tracer
) -> None:
    """Quote and answer until SIGTERM or SIGINT. Raises OperationalError when the port cannot be had."""
    interval_s = settings.interval_ms / 1000
    maker = QuoteMaker(instruments, seed=settings.seed, interval_s=interval_s, day_s=settings.day_s)
    board = QuoteBoard()
    for _ in instruments:
        first = maker.next_quote(utc_now())
        board.post(first, encode_quote(first))
    pace = QuoteClock(interval_s=interval_s, symbols=len(instruments), now_s=time.monotonic())
    kafka = _kafka(settings)
    server = Server([MarketDataService(board)], codec=EncodedQuoteCodec())
    trace_calls(server, "MarketDataService", tracer)
    try:
        await server.start(settings.host, settings.grpc_port)
    except OSError as error:
        raise OperationalError(f"gRPC port {settings.grpc_port}: {error}") from error
    quoting = asyncio.create_task(make_quotes(maker, board, pace, kafka))
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    health.add("quotes", lambda: "quoting has stopped" if quoting.done() else None)
    calm_garbage_collector()
    health.set_started(True)
    log.info("market_data_started", symbols=len(instruments), seed=settings.seed, port=settings.grpc_port)
    waiting = asyncio.create_task(stopped.wait())
    await asyncio.wait([quoting, waiting], return_when=asyncio.FIRST_COMPLETED)
    health.set_started(False)
    server.close()
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(server.wait_closed(), timeout=2)
    if kafka is not None:
        kafka.stop()
    waiting.cancel()
    if quoting.done():
        quoting.result()
    quoting.cancel()


def _kafka(settings: Settings) -> KafkaQuotes | None:
    if not settings.kafka_bootstrap:
        return None
    kafka = KafkaQuotes(settings.kafka(), every=settings.kafka_every)
    kafka.start()
    return kafka


def run(settings: Settings, tracer: Tracer, health: Health, stop: StopFlag) -> None:
    """Start, and serve until a stop is asked for. Raises OperationalError when something outside is away."""
    # The event loop takes the signals while it runs, and leaves them unhandled when it ends with an error.
    stop.on_signals()
    health.set_started(False)
    instruments = require_instruments(settings.postgres_dsn, "market-data-simulator")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings, instruments, health, tracer))
    stop.set()
