"""The wire form of quotes, the board and its subscriptions, and the pace of the market."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from oms_platform.messages import Quote
from proto.gen.oms.v1 import GetQuoteRequest
from proto.gen.oms.v1 import Quote as WireQuote
from simulators.market_data.bootstrap import QuoteClock
from simulators.market_data.quote_board import QuoteBoard, Subscription
from simulators.market_data.quote_maker import best_levels
from simulators.market_data.wire import EncodedQuoteCodec, encode_quote
from tests.unit.oms_platform.generated_quotes import quote_from_wire
from tests.unit.simulators.test_quote_maker import make_quotes

AT = datetime(2026, 3, 2, 15, 0, 0, 123456, tzinfo=UTC)


def test_hand_written_encoding_is_byte_for_byte_the_generated_one() -> None:
    for quote in make_quotes(60, at=AT):
        for form in (quote, best_levels(quote)):
            encoded = encode_quote(form)
            wire = WireQuote().parse(encoded)
            assert quote_from_wire(wire) == form
            assert bytes(wire) == encoded


def test_quote_without_prices_or_of_the_epoch_is_encoded_too() -> None:
    for at in (datetime(1970, 1, 1, tzinfo=UTC), AT - timedelta(microseconds=123456)):
        bare = Quote(symbol="NEW", sequence=1, quoted_at=at)
        assert quote_from_wire(WireQuote().parse(encode_quote(bare))) == bare


def test_codec_sends_bytes_as_they_are_and_reads_requests() -> None:
    codec = EncodedQuoteCodec()
    assert codec.encode(b"ready", WireQuote) == b"ready"
    request = GetQuoteRequest(symbol="AAPL")
    assert codec.decode(codec.encode(request, GetQuoteRequest), GetQuoteRequest) == request


def post(board: QuoteBoard, quote: Quote) -> bytes:
    encoded = encode_quote(quote)
    board.post(quote, encoded)
    return encoded


def test_subscription_begins_with_a_snapshot_and_goes_on_with_updates() -> None:
    async def scenario() -> None:
        first, second, third = make_quotes(3)
        board = QuoteBoard()
        snapshot = [post(board, first), post(board, second)]
        with Subscription(board, []) as subscription:
            assert list(await subscription.take()) == snapshot
            update = post(board, third)
            assert list(await subscription.take()) == [update]
        post(board, first)
        assert not subscription._waiting

    asyncio.run(scenario())


def test_slow_subscriber_gets_only_the_newest_quote_of_each_symbol() -> None:
    async def scenario() -> None:
        quotes = make_quotes(15 * 40)
        board = QuoteBoard()
        with Subscription(board, []) as subscription:
            encoded = [post(board, quote) for quote in quotes]
            assert list(await subscription.take()) == encoded[-15:]

    asyncio.run(scenario())


def test_subscription_to_some_symbols_hears_of_no_other() -> None:
    async def scenario() -> None:
        quotes = make_quotes(30)
        board = QuoteBoard()
        with Subscription(board, ["MSFT", "BAC"]) as subscription:
            for quote in quotes:
                post(board, quote)
            heard = [WireQuote().parse(encoded).symbol for encoded in await subscription.take()]
        assert sorted(heard) == ["BAC", "MSFT"]
        assert len(board) == 15
        assert board.quote("XXXX") is None

    asyncio.run(scenario())


@pytest.mark.parametrize(("symbols", "burst", "due"), [(5, 5, [0, 0.25, 0.5]), (160, 32, [0, 0.05, 0.1])])
def test_bursts_are_spread_evenly_over_the_interval(symbols: int, burst: int, due: list[float]) -> None:
    pace = QuoteClock(interval_s=0.25, symbols=symbols, now_s=100.0)
    found = []
    now_s = 100.0
    for _ in range(3):
        now_s += pace.wait_s(now_s)
        found.append(round(now_s - 100, 6))
        pace.done()
    assert (pace.burst, found) == (burst, due)


def test_market_that_fell_far_behind_goes_on_from_now() -> None:
    pace = QuoteClock(interval_s=0.25, symbols=5, now_s=100.0)
    assert pace.wait_s(160.0) == 0
    pace.done()
    assert round(pace.wait_s(160.0), 6) == 0.25
