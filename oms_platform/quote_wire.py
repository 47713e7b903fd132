"""A Quote read from protobuf's binary form, straight into the message that the platform uses.

Written out by hand because the generated decoder takes more than ten times as long, on every quote that the
core and the router take in; a test holds the two together. Field numbers are those of
proto/oms/v1/messages.proto. A field that is not known here is passed over; bytes that end too early, or a
price that is no number, are an error.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from grpclib.encoding.base import CodecBase

from oms_platform.messages import Quote, VenueQuote
from oms_platform.wire import UnreadableMessageError
from proto.gen.oms.v1 import QuoteBatch

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_VARINT_BITS_MAX: Final = 63
_PRICES_KEPT_MAX: Final = 65_536
_NAMES_KEPT_MAX: Final = 4_096


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """Return a varint as a signed 64-bit number, and the position after it."""
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            value &= 0xFFFF_FFFF_FFFF_FFFF
            return (value - (1 << 64) if value >> 63 else value), position
        shift += 7
        if shift > _VARINT_BITS_MAX:
            raise ValueError("expected a varint of at most 10 bytes, found a longer one")


def _int32(value: int) -> int:
    value &= 0xFFFF_FFFF
    return value - (1 << 32) if value >> 31 else value


def _field(data: bytes, position: int) -> tuple[int, Any, int]:
    """Return a field's tag, its value (an int, or bytes), and the position after it."""
    tag = data[position]
    if tag < 0x80:
        position += 1
    else:
        tag, position = _varint(data, position)
    kind = tag & 7
    if kind == _LENGTH:
        length = data[position]
        if length < 0x80:
            position += 1
        else:
            length, position = _varint(data, position)
    elif kind == _VARINT:
        value, position = _varint(data, position)
        return tag, value, position
    elif kind == _FIXED64:
        length = 8
    elif kind == _FIXED32:
        length = 4
    else:
        raise ValueError(f"expected wire type 0, 1, 2 or 5, found {kind}")
    end = position + length
    if not position <= end <= len(data):
        raise ValueError(f"expected {length} bytes at {position}, the message has {len(data)}")
    return tag, data[position:end], end


@lru_cache(maxsize=_NAMES_KEPT_MAX)
def _text(payload: bytes) -> str:
    return payload.decode()


@lru_cache(maxsize=_PRICES_KEPT_MAX)
def _price(payload: bytes) -> Decimal:
    return Decimal(payload.decode())


def _packed(payload: bytes, sizes: list[int]) -> None:
    position = 0
    while position < len(payload):
        value, position = _varint(payload, position)
        sizes.append(_int32(value))


def _venue(data: bytes) -> VenueQuote:
    venue_id = ""
    heard_at: datetime | None = None
    bid_prices: list[Decimal] = []
    bid_sizes: list[int] = []
    ask_prices: list[Decimal] = []
    ask_sizes: list[int] = []
    position = 0
    while position < len(data):
        tag, value, position = _field(data, position)
        if tag == 2 << 3 | _LENGTH:
            bid_prices.append(_price(value))
        elif tag == 4 << 3 | _LENGTH:
            ask_prices.append(_price(value))
        elif tag == 3 << 3 | _LENGTH:
            _packed(value, bid_sizes)
        elif tag == 5 << 3 | _LENGTH:
            _packed(value, ask_sizes)
        elif tag == 1 << 3 | _LENGTH:
            venue_id = _text(value)
        elif tag == 3 << 3 | _VARINT:
            bid_sizes.append(_int32(value))
        elif tag == 5 << 3 | _VARINT:
            ask_sizes.append(_int32(value))
        elif tag == 6 << 3 | _LENGTH:
            heard_at = _timestamp(value)
    return VenueQuote(
        venue_id=venue_id,
        bid_prices=tuple(bid_prices),
        bid_sizes=tuple(bid_sizes),
        ask_prices=tuple(ask_prices),
        ask_sizes=tuple(ask_sizes),
        heard_at=heard_at,
    )


def _timestamp(data: bytes) -> datetime:
    seconds = nanos = position = 0
    while position < len(data):
        tag, value, position = _field(data, position)
        if tag == 1 << 3 | _VARINT:
            seconds = value
        elif tag == 2 << 3 | _VARINT:
            nanos = _int32(value)
    return _EPOCH + timedelta(seconds=seconds, microseconds=nanos // 1000)


def _quote(data: bytes, depth: bool) -> Quote:
    symbol, sequence, quoted_at = "", 0, _EPOCH
    bid: Decimal | None = None
    offer: Decimal | None = None
    last: Decimal | None = None
    size = 0
    volume: int | None = None
    venues: list[VenueQuote] = []
    position = 0
    while position < len(data):
        tag, value, position = _field(data, position)
        if tag == 5 << 3 | _LENGTH:
            if depth:
                venues.append(_venue(value))
        elif tag == 1 << 3 | _LENGTH:
            symbol = _text(value)
        elif tag == 2 << 3 | _VARINT:
            sequence = _int32(value)
        elif tag == 3 << 3 | _LENGTH:
            bid = _price(value)
        elif tag == 4 << 3 | _LENGTH:
            offer = _price(value)
        elif tag == 6 << 3 | _LENGTH:
            quoted_at = _timestamp(value)
        elif tag == 7 << 3 | _LENGTH:
            last = _price(value)
        elif tag == 8 << 3 | _VARINT:
            size = _int32(value)
        elif tag == 9 << 3 | _VARINT:
            volume = value
    return Quote(
        symbol=symbol,
        sequence=sequence,
        quoted_at=quoted_at,
        national_best_bid=bid,
        national_best_offer=offer,
        venues=tuple(venues),
        last_price=last,
        last_size=size,
        volume=volume,
    )


def decode_quote(data: bytes, *, depth: bool = True) -> Quote:
    """Return the protobuf message `oms.v1.Quote`, without its venues where depth is False.

    Raises UnreadableMessageError saying what was wrong.
    """
    try:
        return _quote(data, depth)
    except IndexError as error:
        raise UnreadableMessageError("Quote: the bytes end within a field") from error
    except (ValueError, ArithmeticError) as error:
        raise UnreadableMessageError(f"Quote: {error!r}") from error


def split_batch(data: bytes) -> list[tuple[str, bytes]]:
    """Return the quotes of the protobuf message `oms.v1.QuoteBatch` as they came, each with its symbol.

    Raises UnreadableMessageError.
    """
    found: list[tuple[str, bytes]] = []
    position = 0
    try:
        while position < len(data):
            tag, value, position = _field(data, position)
            if tag == 1 << 3 | _LENGTH:
                found.append((_symbol(value), value))
    except (IndexError, ValueError) as error:
        raise UnreadableMessageError(f"QuoteBatch: {error!r}") from error
    return found


def _symbol(quote: bytes) -> str:
    position = 0
    while position < len(quote):
        tag, value, position = _field(quote, position)
        if tag == 1 << 3 | _LENGTH:
            return _text(value)
    return ""


class QuoteCodec(CodecBase):
    """A client's codec of MarketDataService: requests by the generated code, answers by what is here.

    A Quote is decoded; a QuoteBatch is taken apart by `split_batch`.
    """

    __content_subtype__ = "proto"

    def encode(self, message: Any, message_type: Any) -> bytes:
        """Return the request's bytes."""
        return bytes(message)

    def decode(self, data: bytes, message_type: Any) -> Quote | list[tuple[str, bytes]]:
        """Return the answer."""
        return split_batch(data) if message_type is QuoteBatch else decode_quote(data)
