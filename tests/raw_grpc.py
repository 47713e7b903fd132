"""A gRPC client that may send anything: frames by hand, over h2."""

import asyncio
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from urllib.parse import unquote

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import ProtocolError

from tests.patience import EVENTUALLY_S

Header = tuple[str, str]


def framed(message: bytes, *, flag: int = 0, length: int | None = None) -> bytes:
    """Return a message as gRPC puts it into DATA frames, or one whose head says something else."""
    return struct.pack(">BI", flag, len(message) if length is None else length) + message


class RawAnswer:
    """What came back on one stream."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.data = b""
        self.reset = False
        self.ended = asyncio.Event()

    @property
    def status(self) -> int | None:
        """The grpc-status, None if there was none."""
        text = self.headers.get("grpc-status")
        return None if text is None else int(text)

    @property
    def message(self) -> str:
        """The grpc-message."""
        return unquote(self.headers.get("grpc-message", ""))

    @property
    def messages(self) -> list[bytes]:
        """The messages that came whole."""
        found, at = [], 0
        while at + 5 <= len(self.data):
            length = int.from_bytes(self.data[at + 1 : at + 5])
            found.append(self.data[at + 5 : at + 5 + length])
            at += 5 + length
        return found


class RawClient:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.http2 = H2Connection(H2Configuration(client_side=True, validate_outbound_headers=False))
        self.closed = asyncio.Event()
        self.goodbye: int | None = None
        self.answers: dict[int, RawAnswer] = {}
        self.reading = asyncio.Event()
        self.reading.set()
        self.writer = writer
        self._reader = reader
        self._room = asyncio.Event()

    def flush(self) -> None:
        """Write what h2 wants to say."""
        self.writer.write(self.http2.data_to_send())

    def ask(self, path: str, *extra: Header, without: Sequence[str] = (), end: bool = False) -> int:
        """Begin a call. Returns its stream."""
        headers = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "localhost"),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            *extra,
        ]
        stream = self.http2.get_next_available_stream_id()
        self.http2.send_headers(stream, [item for item in headers if item[0] not in without], end_stream=end)
        self.answers[stream] = RawAnswer()
        self.flush()
        return stream

    async def say(self, stream: int, data: bytes, *, end: bool = True) -> int:
        """Send data as far as the windows let it, until the stream ends. Returns how much went out."""
        at = 0
        with suppress(ProtocolError, ConnectionError):
            while at < len(data) and not self.answers[stream].ended.is_set() and not self.closed.is_set():
                size = min(
                    self.http2.local_flow_control_window(stream),
                    self.http2.max_outbound_frame_size,
                    len(data) - at,
                )
                if size > 0:
                    self.http2.send_data(stream, data[at : at + size])
                    self.flush()
                    await self.writer.drain()
                    at += size
                else:
                    self._room.clear()
                    await self._room.wait()
            if end and not self.answers[stream].ended.is_set():
                self.http2.end_stream(stream)
                self.flush()
        return at

    async def answer(self, stream: int) -> RawAnswer:
        """Wait for a call's end."""
        found = self.answers[stream]
        await asyncio.wait_for(found.ended.wait(), EVENTUALLY_S)
        return found

    async def call(self, path: str, data: bytes, *extra: Header) -> RawAnswer:
        """Do a call."""
        stream = self.ask(path, *extra)
        await self.say(stream, data)
        return await self.answer(stream)

    async def read(self) -> None:
        """Take what comes until the connection ends."""
        try:
            while True:
                await self.reading.wait()
                data = await self._reader.read(65_536)
                if not data:
                    break
                for event in self.http2.receive_data(data):
                    self._take(event)
                self.flush()
        except (ConnectionError, ProtocolError):
            pass
        finally:
            self.closed.set()
            self._room.set()
            for found in self.answers.values():
                found.ended.set()

    def _take(self, event: object) -> None:
        self._room.set()
        if isinstance(event, ConnectionTerminated):
            self.goodbye = int(event.error_code or 0)
        elif isinstance(event, ResponseReceived | TrailersReceived):
            pairs = [(_text(name), _text(value)) for name, value in event.headers or []]
            self.answers[event.stream_id or 0].headers |= dict(pairs)
        elif isinstance(event, DataReceived):
            self.answers[event.stream_id or 0].data += event.data or b""
            self.http2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
        elif isinstance(event, StreamEnded | StreamReset):
            found = self.answers[event.stream_id or 0]
            found.reset = found.reset or isinstance(event, StreamReset)
            found.ended.set()


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


@asynccontextmanager
async def raw_client(port: int) -> AsyncIterator[RawClient]:
    """Connect, and close at the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    client = RawClient(reader, writer)
    client.http2.initiate_connection()
    client.flush()
    task = asyncio.create_task(client.read())
    try:
        yield client
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
