"""The quote feed against a real gRPC server: it comes back by itself, and asks when its quote is too old."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from grpclib import GRPCError
from grpclib.const import Status
from grpclib.exceptions import StreamTerminatedError
from grpclib.server import Server

from oms_platform import market_data
from oms_platform.market_data import QuoteFeed
from oms_platform.messages import Quote
from oms_tools.laptop.parts import wait_until
from proto.gen.oms.v1 import GetBookRequest, MarketDataServiceBase, SubscribeQuotesRequest
from simulators.market_data.entrypoints import grpc_service
from simulators.market_data.quote_board import QuoteBoard
from simulators.market_data.wire import EncodedQuoteCodec, encode_batch, encode_quote
from tests.ports import free_port

AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


def quote(symbol: str, sequence: int) -> Quote:
    return Quote(symbol=symbol, sequence=sequence, quoted_at=AT, national_best_bid=Decimal("99.99"))


class Quotes(MarketDataServiceBase):
    """Streams what `stream` holds and then is silent; answers questions about AAPL with sequence 99."""

    def __init__(self, stream: list[bytes]) -> None:
        self.stream = stream
        self.asked: list[str] = []

    async def get_book(self, get_book_request: GetBookRequest) -> bytes:
        self.asked.append(get_book_request.symbol)
        if get_book_request.symbol == "SLOW":
            await asyncio.sleep(60)
        if get_book_request.symbol != "AAPL":
            raise GRPCError(Status.NOT_FOUND, "expected a quoted symbol")
        return encode_quote(quote("AAPL", 99))

    async def stream_quotes(self, subscribe_quotes_request: SubscribeQuotesRequest) -> AsyncIterator[bytes]:
        for encoded in self.stream:
            yield encode_batch([encoded])
        await asyncio.sleep(60)


@contextlib.contextmanager
def serving(service: Quotes, port: int) -> Iterator[None]:
    """Run the service in a thread until the block ends."""
    loop = asyncio.new_event_loop()
    started, stopped = threading.Event(), asyncio.Event()

    async def serve() -> None:
        server = Server([service], codec=EncodedQuoteCodec())
        await server.start("127.0.0.1", port)
        started.set()
        await stopped.wait()
        server.close()
        await server.wait_closed()
        # What the kernel does for a process that ends: its connections go with it.
        for transport in list(loop._transports.values()):  # type: ignore[attr-defined]
            transport.abort()
        await asyncio.sleep(0)

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert started.wait(10)
        yield
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join(10)
        loop.close()


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(market_data, "RECONNECT_S", 0.05)
    return free_port()


@pytest.fixture
def feed(port: int) -> Iterator[QuoteFeed]:
    made = QuoteFeed("127.0.0.1", port)
    made.start()
    yield made
    made.stop()
    assert not made._thread.is_alive()


def sequence(feed: QuoteFeed, symbol: str = "AAPL") -> int | None:
    found = feed.quote(symbol)
    return None if found is None else found.sequence


def test_before_the_first_quote_there_is_none_and_its_age_is_without_end(feed: QuoteFeed) -> None:
    assert feed.quote("AAPL") is None
    assert feed.age_s("AAPL") == float("inf")
    assert feed.fresh_quote("AAPL", age_ms_max=100, timeout_ms=100) is None


def test_the_newest_quote_of_each_symbol_is_kept_and_handed_on(port: int) -> None:
    heard: list[tuple[str, int]] = []
    own = QuoteFeed("127.0.0.1", port, on_quote=lambda found: heard.append((found.symbol, found.sequence)))
    stream = [encode_quote(quote("AAPL", 1)), encode_quote(quote("V", 1)), encode_quote(quote("AAPL", 2))]
    with serving(Quotes(stream), port):
        own.start()
        wait_until(lambda: len(heard) == 3, "three quotes")
        own.stop()
    assert heard == [("AAPL", 1), ("V", 1), ("AAPL", 2)]
    assert (sequence(own), sequence(own, "V")) == (2, 1)
    # A stream begins with how each symbol stands: only what comes of it then is a change.
    assert (own.is_change("AAPL"), own.is_change("V"), own.is_change("MSFT")) == (True, False, False)
    assert own.age_s("V") < 10


class Live(MarketDataServiceBase):
    """Streams one quote and then what `says` says, every few milliseconds."""

    def __init__(self) -> None:
        self.says: bytes | None = b""

    async def stream_quotes(self, subscribe_quotes_request: SubscribeQuotesRequest) -> AsyncIterator[bytes]:
        yield encode_batch([encode_quote(quote("AAPL", 1))])
        while True:
            if self.says is not None:
                yield self.says
            await asyncio.sleep(0.005)


def test_a_quote_stands_as_long_as_its_stream_says_anything(feed: QuoteFeed, port: int) -> None:
    assert feed.silent_s("AAPL") == float("inf")
    service = Live()
    with serving(service, port):
        wait_until(lambda: sequence(feed) == 1, "the quote")
        wait_until(lambda: feed.age_s("AAPL") > 0.3, "the quote to be old")
        # An empty batch, and one of another symbol: each says that there is nothing new of this one.
        assert feed.silent_s("AAPL") < feed.age_s("AAPL") / 2
        service.says = encode_batch([encode_quote(quote("V", 1))])
        wait_until(lambda: sequence(feed, "V") == 1, "the other symbol")
        assert feed.silent_s("AAPL") < feed.age_s("AAPL") / 2
        service.says = None
        wait_until(lambda: feed.silent_s("AAPL") > 0.2, "silence")
    # What another stream says, vouches for nothing that it has not said again.
    own = Quotes([encode_quote(quote("V", 2))])
    with serving(own, port):
        wait_until(lambda: sequence(feed, "V") == 2, "the next stream")
        assert feed.silent_s("AAPL") == pytest.approx(feed.age_s("AAPL"), abs=0.05)


def test_the_service_says_that_there_is_nothing_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grpc_service, "HEARTBEAT_S", 0.01)

    async def batches() -> list[bytes]:
        board = QuoteBoard()
        board.post(quote("AAPL", 1), b"one")
        stream = grpc_service.MarketDataService(board).stream_quotes(SubscribeQuotesRequest())
        async with asyncio.timeout(5):
            found = [await anext(stream) for _ in range(3)]
            board.post(quote("AAPL", 2), b"two")
            return [*found, await anext(stream)]

    assert asyncio.run(batches()) == [encode_batch([b"one"]), b"", b"", encode_batch([b"two"])]


def test_the_feed_waits_for_a_service_that_starts_later_and_comes_back_after_a_restart(
    feed: QuoteFeed, port: int
) -> None:
    with serving(Quotes([encode_quote(quote("AAPL", 1))]), port):
        wait_until(lambda: sequence(feed) == 1, "the first life's quote")
    assert sequence(feed) == 1
    with serving(Quotes([encode_quote(quote("AAPL", 2))]), port):
        wait_until(lambda: sequence(feed) == 2, "the second life's quote")


def test_a_feed_stops_also_when_its_cancellation_meets_a_lost_connection(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = threading.Event()

    class LosesItsConnection:
        """What grpclib does with a task that is cancelled while it loses the connection."""

        def __init__(self, _channel: object) -> None: ...

        async def stream_quotes(self, _request: SubscribeQuotesRequest) -> AsyncIterator[list[object]]:
            waiting.set()
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                raise StreamTerminatedError("Connection lost") from None
            yield []

    monkeypatch.setattr(market_data, "MarketDataServiceStub", LosesItsConnection)
    own = QuoteFeed("127.0.0.1", port)
    own.start()
    assert waiting.wait(10)
    own.stop()
    own.stop()
    assert not own._thread.is_alive()


def test_a_feed_that_was_never_started_can_be_stopped(port: int) -> None:
    QuoteFeed("127.0.0.1", port).stop()


def test_a_quote_that_cannot_be_read_does_not_end_the_feed(feed: QuoteFeed, port: int) -> None:
    service = Quotes([encode_quote(quote("AAPL", 1)), b"\x0a\x7f"])
    with serving(service, port):
        wait_until(lambda: sequence(feed) == 1, "the quote before the unreadable one")
        service.stream = [encode_quote(quote("AAPL", 3))]
        wait_until(lambda: sequence(feed) == 3, "a quote after it")


def test_who_begins_to_listen_hears_what_comes_from_then_on(feed: QuoteFeed, port: int) -> None:
    heard: list[int] = []
    with serving(Quotes([encode_quote(quote("AAPL", 1))]), port):
        wait_until(lambda: sequence(feed) == 1, "the first quote")
        feed.listen(lambda found: heard.append(found.sequence))
    with serving(Quotes([encode_quote(quote("AAPL", 2))]), port):
        wait_until(lambda: heard == [2], "the second quote")
        feed.listen(None)
    with serving(Quotes([encode_quote(quote("AAPL", 3))]), port):
        wait_until(lambda: sequence(feed) == 3, "the third quote")
    assert heard == [2]


def test_a_quote_whose_content_cannot_be_read_is_none_and_the_others_stay(feed: QuoteFeed, port: int) -> None:
    unreadable = encode_quote(quote("AAPL", 2)) + b"\x1a\x03abc"
    with serving(Quotes([encode_quote(quote("V", 1)), encode_quote(quote("AAPL", 1)), unreadable]), port):
        wait_until(lambda: sequence(feed) is None and feed.age_s("AAPL") < 60, "the unreadable quote")
    assert sequence(feed, "V") == 1


def test_a_fresh_quote_is_asked_for_only_when_the_kept_one_is_too_old(feed: QuoteFeed, port: int) -> None:
    service = Quotes([encode_quote(quote("AAPL", 1))])
    with serving(service, port):
        wait_until(lambda: sequence(feed) == 1, "the streamed quote")
        young = feed.fresh_quote("AAPL", age_ms_max=60_000, timeout_ms=5_000)
        assert (young is not None and young.sequence, service.asked) == (1, [])
        fresh = feed.fresh_quote("AAPL", age_ms_max=-1, timeout_ms=5_000)
        assert (fresh is not None and fresh.sequence, service.asked) == (99, ["AAPL"])
        assert sequence(feed) == 99


def test_without_an_answer_in_time_the_last_known_quote_is_given(feed: QuoteFeed, port: int) -> None:
    with serving(Quotes([encode_quote(quote("SLOW", 7))]), port):
        wait_until(lambda: sequence(feed, "SLOW") == 7, "the streamed quote")
        late = feed.fresh_quote("SLOW", age_ms_max=-1, timeout_ms=50)
        assert late is not None and late.sequence == 7
        assert feed.fresh_quote("XXXX", age_ms_max=100, timeout_ms=5_000) is None
