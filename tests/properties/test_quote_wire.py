"""The hand-written quote decoder reads what the generated code reads, whatever the quote."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from oms_platform.messages import Quote, VenueQuote
from oms_platform.quote_wire import QuoteCodec, decode_quote, split_batch
from oms_platform.wire import UnreadableMessageError
from proto.gen.oms.v1 import GetBookRequest, QuoteBatch
from proto.gen.oms.v1 import Quote as WireQuote
from simulators.market_data.wire import encode_batch, encode_quote
from tests.unit.oms_platform.generated_quotes import quote_from_wire, quote_to_wire

PRICES = st.decimals(min_value=0, max_value=10**9, places=6) | st.integers(0, 10**12).map(Decimal)
# Always as many decimals, like ticks: the encoder may write 1 for 1.00, the same price in other bytes.
TICKS = st.integers(0, 10**12).map(lambda cents: Decimal(cents).scaleb(-2))
INT32 = st.integers(-(2**31), 2**31 - 1)
SIZES = st.integers(0, 2**31 - 1)
# From 1970 on, as the encoder writes them.
TIMES = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))


def venue_quotes(
    sizes: st.SearchStrategy[int], prices: st.SearchStrategy[Decimal]
) -> st.SearchStrategy[VenueQuote]:
    def many(values: st.SearchStrategy) -> st.SearchStrategy[tuple]:
        return st.lists(values, max_size=6).map(tuple)

    return st.builds(
        VenueQuote,
        venue_id=st.text(min_size=1, max_size=150),
        bid_prices=many(prices),
        bid_sizes=many(sizes),
        ask_prices=many(prices),
        ask_sizes=many(sizes),
        heard_at=st.none() | TIMES,
    )


def quotes(numbers: st.SearchStrategy[int], prices: st.SearchStrategy[Decimal]) -> st.SearchStrategy[Quote]:
    return st.builds(
        Quote,
        symbol=st.text(min_size=1, max_size=12),
        sequence=numbers,
        quoted_at=TIMES,
        national_best_bid=st.none() | prices,
        national_best_offer=st.none() | prices,
        venues=st.lists(venue_quotes(numbers, prices), max_size=4).map(tuple),
    )


@st.composite
def unknown_fields(draw: st.DrawFn) -> bytes:
    """A field of number 16 to 2047 (a tag of two bytes) in one of protobuf's four wire types."""
    number, kind = draw(st.integers(16, 2047)), draw(st.sampled_from((0, 1, 2, 5)))
    tag = number << 3 | kind
    payload = {
        0: bytes((0xFF, draw(st.integers(0, 127)))),
        1: bytes(8),
        2: b"\x03abc",
        5: b"\x01\x02\x03\x04",
    }[kind]
    return bytes((tag & 0x7F | 0x80, tag >> 7)) + payload


@given(quotes(INT32, PRICES))
def test_decoder_reads_the_same_values_as_the_generated_code(quote: Quote) -> None:
    data = bytes(quote_to_wire(quote))
    assert decode_quote(data) == quote == quote_from_wire(WireQuote().parse(data))
    assert decode_quote(data, depth=False) == replace(quote, venues=())


@given(quotes(SIZES, TICKS))
def test_encoder_decoder_and_generated_code_agree_byte_for_byte(quote: Quote) -> None:
    data = encode_quote(quote)
    assert data == bytes(quote_to_wire(quote))
    assert decode_quote(data) == quote
    assert encode_quote(decode_quote(data)) == data


@given(quotes(INT32, PRICES), unknown_fields(), unknown_fields())
def test_fields_that_are_not_known_yet_are_passed_over(quote: Quote, first: bytes, last: bytes) -> None:
    data = first + bytes(quote_to_wire(quote)) + last
    assert decode_quote(data) == quote
    venue = b"\x0a\x04XNYS" + first
    assert decode_quote(b"\x2a" + bytes((len(venue),)) + venue).venues == (VenueQuote(venue_id="XNYS"),)


@given(quotes(INT32, PRICES), st.data())
def test_bytes_cut_off_anywhere_are_an_error_or_a_shorter_quote_never_something_else(
    quote: Quote, data: st.DataObject
) -> None:
    encoded = bytes(quote_to_wire(quote))
    cut = encoded[: data.draw(st.integers(0, len(encoded)))]
    try:
        found = decode_quote(cut)
    except UnreadableMessageError:
        return
    # A cut between two fields leaves a readable quote of what came before it.
    assert found.symbol in ("", quote.symbol)
    assert found.venues == quote.venues[: len(found.venues)]


@given(st.binary(max_size=60))
def test_no_bytes_make_the_decoder_fail_with_any_other_error(data: bytes) -> None:
    try:
        decode_quote(data)
    except UnreadableMessageError as error:
        assert str(error).startswith("Quote: ")


def test_sizes_one_by_one_are_read_like_packed_ones() -> None:
    venue = b"\x0a\x01X\x18\x05\x18\xac\x02\x28\x07"
    (found,) = decode_quote(b"\x2a" + bytes((len(venue),)) + venue).venues
    assert (found.bid_sizes, found.ask_sizes) == ((5, 300), (7,))


def test_no_bytes_are_the_quote_of_all_defaults_as_protobuf_says() -> None:
    assert decode_quote(b"") == quote_from_wire(WireQuote().parse(b""))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x0a\x05AB", "expected 5 bytes"),
        (b"\x10\x80", "the bytes end within a field"),
        (b"\x10" + b"\x80" * 11, "at most 10 bytes"),
        (b"\x0b", "expected wire type"),
        (b"\x1a\x03abc", "ConversionSyntax"),
        (b"\x0a\x01\xff", "UnicodeDecodeError"),
    ],
)
def test_what_cannot_be_read_says_what_was_wrong(data: bytes, message: str) -> None:
    with pytest.raises(UnreadableMessageError, match=message):
        decode_quote(data)


def test_codec_writes_requests_as_the_generated_code_does() -> None:
    request = GetBookRequest(symbol="AAPL")
    quote = Quote(symbol="AAPL", sequence=3, quoted_at=datetime(2026, 3, 2, tzinfo=UTC))
    codec = QuoteCodec()
    assert codec.encode(request, GetBookRequest) == bytes(request)
    assert codec.decode(encode_quote(quote), WireQuote) == quote


@given(st.lists(st.tuples(st.text(max_size=8), st.integers(0, 2**31 - 1)), max_size=5))
def test_a_batch_is_taken_apart_into_the_quotes_that_were_put_in(made: list[tuple[str, int]]) -> None:
    quotes = [
        Quote(symbol=name, sequence=number, quoted_at=datetime(2026, 3, 2, tzinfo=UTC))
        for name, number in made
    ]
    batch = encode_batch(map(encode_quote, quotes))
    assert bytes(QuoteBatch().parse(batch)) == bytes(
        QuoteBatch(quotes=[WireQuote().parse(encode_quote(quote)) for quote in quotes])
    )
    found = QuoteCodec().decode(batch, QuoteBatch)
    assert isinstance(found, list)
    assert [(name, decode_quote(raw)) for name, raw in found] == [(quote.symbol, quote) for quote in quotes]


@pytest.mark.parametrize("data", [b"\x0a\x05abc", b"\x0b", b"\x0a\x02\x0a\x09", b"\x0a\x03\x0a\x01\xff"])
def test_a_batch_that_cannot_be_read_says_so(data: bytes) -> None:
    with pytest.raises(UnreadableMessageError, match="QuoteBatch"):
        split_batch(data)
