"""The load's ear: the order events of a WebSocket, read by the socketful rather than frame by frame."""

import asyncio
import base64
import contextlib
import os
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, cast

import msgspec

from oms_platform.vocabulary import OrderStatus
from oms_tools.bench.http_client import request_head

STREAM_PATH: Final = "/api/v1/stream"
QUIET_S_MAX: Final = 40.0
RECONNECT_S: Final = 0.25
_TEXT, _CLOSE, _PING, _PONG, _CONTINUATION = 1, 8, 9, 10, 0
_FINAL: Final = 0x80
_MASKED: Final = 0x80
_LENGTH_16, _LENGTH_64 = 126, 127


class StreamEvent(msgspec.Struct, rename="camel", gc=False):
    """What the load reads of an order's event."""

    client_order_id: str
    type: str
    status: OrderStatus
    account_id: str
    stream_sequence: int
    occurred_at: datetime


class _EventsFrame(msgspec.Struct, tag="events", tag_field="type", gc=False):
    """A frame that lists events."""

    events: tuple[StreamEvent, ...]


class _OtherFrame(msgspec.Struct, gc=False):
    """Any other message: subscribed, heartbeat, an error."""

    type: str


_decode: Final = msgspec.json.Decoder(_EventsFrame).decode
_decode_other: Final = msgspec.json.Decoder(_OtherFrame).decode


def read_frame(payload: bytes | memoryview) -> tuple[str, Sequence[StreamEvent]]:
    """Return a frame's type and the events that it lists.

    Raises msgspec.MsgspecError for events that cannot be read.
    """
    try:
        return "events", _decode(payload).events
    except msgspec.ValidationError:
        kind = _decode_other(payload).type
        if kind == "events":
            raise
        return kind, ()


def split_frames(data: bytes) -> tuple[list[tuple[int, bool, memoryview]], int]:
    """Return each whole WebSocket frame (RFC 6455, section 5.2) as opcode, whether final, and payload.

    Returns also how many bytes they took; a server's frames are not masked.
    """
    frames: list[tuple[int, bool, memoryview]] = []
    view, position, size = memoryview(data), 0, len(data)
    while position + 2 <= size:
        first, length, start = data[position], data[position + 1], position + 2
        if length == _LENGTH_16:
            length, start = int.from_bytes(data[start : start + 2], "big"), start + 2
        elif length == _LENGTH_64:
            length, start = int.from_bytes(data[start : start + 8], "big"), start + 8
        if start + length > size:
            break
        position = start + length
        frames.append((first & 0x0F, bool(first & _FINAL), view[start:position]))
    return frames, position


def client_frame(opcode: int, payload: bytes) -> bytes:
    """Return a final frame as a client sends it, masked (RFC 6455, section 5.3)."""
    mask = os.urandom(4)
    if len(payload) < _LENGTH_16:
        head = bytes((_FINAL | opcode, _MASKED | len(payload)))
    else:
        head = bytes((_FINAL | opcode, _MASKED | _LENGTH_16)) + len(payload).to_bytes(2, "big")
    return head + mask + bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


class _Socket(asyncio.Protocol):
    """One connection: the upgrade, then frames until it ends."""

    def __init__(self, head: bytes, greeting: Callable[[], bytes], on_frame: Callable[[memoryview], None]):
        self._head, self._greeting, self._on_frame = head, greeting, on_frame
        self._transport: asyncio.Transport | None = None
        self._upgraded = False
        self._received = b""
        self._parts = b""
        self.last_data_s = time.monotonic()
        self.ended = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        # Of TCP it is one; uvloop's is no subclass.
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._head)

    def data_received(self, data: bytes) -> None:
        """Hand on every whole frame."""
        self.last_data_s = time.monotonic()
        data = self._received + data if self._received else data
        if not self._upgraded:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._received = data
                return
            if data[9:12] != b"101":
                self.close()
                return
            self._upgraded = True
            data = data[end + 4 :]
            self._write(_TEXT, self._greeting())
        frames, taken = split_frames(data)
        self._received = data[taken:]
        for opcode, final, payload in frames:
            self._take(opcode, final, payload)

    def _take(self, opcode: int, final: bool, payload: memoryview) -> None:
        if opcode == _TEXT and final:
            self._on_frame(payload)
        elif opcode in (_TEXT, _CONTINUATION):
            self._parts += payload
            if final:
                whole, self._parts = memoryview(self._parts), b""
                self._on_frame(whole)
        elif opcode == _PING:
            self._write(_PONG, bytes(payload))
        elif opcode == _CLOSE:
            self.close()

    def _write(self, opcode: int, payload: bytes) -> None:
        if self._transport is not None:
            self._transport.write(client_frame(opcode, payload))

    def close(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        """Wake who follows."""
        self.ended.set()


class EventStream:
    """Follows accounts; after a break it subscribes again from the last sequences."""

    def __init__(
        self,
        host: str,
        port: int,
        token: str,
        subscribe: Callable[[], dict[str, object]],
        on_events: Callable[[Sequence[StreamEvent]], None],
    ) -> None:
        self._host, self._port = host, port
        self._subscribe = subscribe
        self._on_events = on_events
        self._head = request_head(
            "GET",
            STREAM_PATH,
            f"{host}:{port}",
            {
                "authorization": f"Bearer {token}",
                "upgrade": "websocket",
                "connection": "Upgrade",
                "sec-websocket-version": "13",
                "sec-websocket-key": base64.b64encode(os.urandom(16)).decode(),
            },
        )
        self.subscribed = asyncio.Event()
        self.reconnects = 0

    async def follow(self) -> None:
        """Follow until cancelled."""
        while True:
            with contextlib.suppress(OSError):
                await self._follow_once()
            self.reconnects += 1
            await asyncio.sleep(RECONNECT_S)

    async def _follow_once(self) -> None:
        _, socket = await asyncio.get_running_loop().create_connection(
            lambda: _Socket(
                self._head + b"\r\n", lambda: msgspec.json.encode(self._subscribe()), self._on_frame
            ),
            self._host,
            self._port,
        )
        try:
            while not socket.ended.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(QUIET_S_MAX / 4):
                        await socket.ended.wait()
                if time.monotonic() - socket.last_data_s > QUIET_S_MAX:
                    socket.close()
        finally:
            socket.close()

    def _on_frame(self, payload: memoryview) -> None:
        kind, events = read_frame(payload)
        if events:
            self._on_events(events)
        elif kind == "subscribed":
            self.subscribed.set()
