"""The broker's door: frames of Kafka's protocol on TCP, each answered in its turn.

A fetch that finds nothing waits until something comes, its time is over, or its client asks for more.
"""

import asyncio
import struct
from typing import Final, cast

import structlog

from oms_tools.laptop.memory_kafka import wire
from oms_tools.laptop.memory_kafka.broker import Broker, Pending
from oms_tools.laptop.memory_kafka.wire import Reader

FRAME_BYTES_MAX: Final = 100 * 1024 * 1024
_LENGTH: Final = struct.Struct(">i")
log = structlog.get_logger()


class Connection(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._transport: asyncio.Transport | None = None
        self._data = bytearray()
        self._pending: Pending | None = None
        self._correlation = b""
        self._serving = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, _error: Exception | None) -> None:
        """Forget what it waits for."""
        self._transport = None
        if self._pending is not None:
            self._pending.drop()

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        self._data += data
        self._serve()

    def _serve(self) -> None:
        """Answer what has come, up to a request that has to wait."""
        if self._serving:
            return
        self._serving = True
        try:
            while self._transport is not None and self._has_frame():
                if self._pending is not None:
                    self._pending.end()
                if self._pending is not None:
                    break
                self._answer(self._next_frame())
        except (ValueError, IndexError, struct.error) as error:
            log.warning("request_not_understood", error=str(error))
            if self._transport is not None:
                self._transport.close()
        finally:
            self._serving = False

    def _has_frame(self) -> bool:
        if len(self._data) < _LENGTH.size:
            return False
        length: int = _LENGTH.unpack_from(self._data)[0]
        if not 0 < length <= FRAME_BYTES_MAX:
            raise ValueError(f"a frame of {length} bytes")
        return len(self._data) >= _LENGTH.size + length

    def _next_frame(self) -> bytes:
        (length,) = _LENGTH.unpack_from(self._data)
        frame = bytes(self._data[_LENGTH.size : _LENGTH.size + length])
        del self._data[: _LENGTH.size + length]
        return frame

    def _answer(self, frame: bytes) -> None:
        request = Reader(frame)
        api, version = request.int16(), request.int16()
        self._correlation = wire.int32(request.int32())
        request.string()
        found = self._broker.answer(api, version, request)
        if isinstance(found, bytes):
            self._write(found)
        elif found is not None:
            self._pending = found
            found.wait(self._write_late)

    def _write_late(self, response: bytes) -> None:
        self._pending = None
        self._write(response)
        self._serve()

    def _write(self, response: bytes) -> None:
        if self._transport is not None:
            length = _LENGTH.pack(len(self._correlation) + len(response))
            self._transport.write(length + self._correlation + response)
