"""The newest quote of each symbol, kept as bytes: only those that price an order are decoded."""

import asyncio
from typing import Any, Final

from grpclib.client import Channel
from grpclib.encoding.base import CodecBase
from grpclib.exceptions import GRPCError, StreamTerminatedError

from oms_platform.messages import Quote
from oms_platform.quote_wire import decode_quote
from proto.gen.oms.v1 import MarketDataServiceStub, SubscribeQuotesRequest

RECONNECT_S: Final = 0.5
_SYMBOL_TAG: Final = 0x0A
_SHORT: Final = 0x80
_LOST: Final = (OSError, GRPCError, StreamTerminatedError)


class _BytesCodec(CodecBase):
    """Requests by the generated code, answers as they came."""

    __content_subtype__ = "proto"

    def encode(self, message: Any, message_type: Any) -> bytes:
        """Return the request's bytes."""
        return bytes(message)

    def decode(self, data: bytes, message_type: Any) -> bytes:
        """Return the answer's bytes."""
        return data


def symbol_of(data: bytes) -> str:
    """Return the symbol of an encoded quote: its first field, unless an encoder had another order."""
    if len(data) > 2 and data[0] == _SYMBOL_TAG and data[1] < _SHORT:
        return data[2 : 2 + data[1]].decode()
    return decode_quote(data).symbol


class NewestQuotes:
    """Follows the stream of quotes in the loop that it is run in."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._bytes: dict[str, bytes] = {}
        self._decoded: dict[str, tuple[bytes, Quote]] = {}

    async def follow(self) -> None:
        """Follow until cancelled."""
        while True:
            channel = Channel(self._host, self._port, codec=_BytesCodec())
            try:
                async for data in MarketDataServiceStub(channel).subscribe_quotes(SubscribeQuotesRequest()):
                    self.keep(data)
            except _LOST:
                pass
            finally:
                channel.close()
            await asyncio.sleep(RECONNECT_S)

    def keep(self, data: bytes) -> None:
        """Keep an encoded quote in the place of its symbol's last."""
        self._bytes[symbol_of(data)] = data

    def quote(self, symbol: str) -> Quote | None:
        """Return the newest quote of a symbol, or None before the first."""
        data = self._bytes.get(symbol)
        if data is None:
            return None
        known = self._decoded.get(symbol)
        if known is None or known[0] is not data:
            known = self._decoded[symbol] = (data, decode_quote(data))
        return known[1]
