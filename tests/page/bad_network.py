"""A network between a page and its gateway that can be made to behave badly, on loopback.

It passes HTTP on as it comes, and WebSocket messages one by one. What it is told to do takes effect at
once, from any thread: connections end with a reset, fall silent with both ends open or with one end gone,
what goes one way is late by a chance delay, a message of events is lost or comes after the one behind it.
"""

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from tests.patience import EVENTUALLY_S
from tests.ports import free_ports

HEAD_END: Final = b"\r\n\r\n"
STREAM: Final = b"GET /api/v1/stream"
EVENTS: Final = b'{"type":"events"'
CHUNK: Final = 65_536

# What goes one way: requests and their answers, what the page says on the stream and what it is told there.
Way = Literal["request", "answer", "said", "told"]
Bend = Literal["", "lose", "swap"]


class Lane:
    """One direction of one connection: what comes is passed on in its order, nothing before it is due."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.is_open = asyncio.Event()
        self.is_open.set()
        self._parts: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        self._due = 0.0

    def put(self, part: bytes, delay_s: float) -> None:
        """Take a part; an empty one closes the lane."""
        self._due = max(self._due, asyncio.get_running_loop().time() + delay_s)
        self._parts.put_nowait((self._due, part))

    async def run(self) -> None:
        """Pass parts on until the lane is closed."""
        loop = asyncio.get_running_loop()
        while True:
            due, part = await self._parts.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            await self.is_open.wait()
            if not part:
                self.writer.close()
                return
            self.writer.write(part)
            await self.writer.drain()


@dataclass(eq=False, slots=True)
class Link:
    """A connection of the page and the one to the gateway that it is passed on to."""

    up: Lane
    down: Lane
    is_stream: bool = False
    # One end is gone, and the other is not told.
    is_half: bool = False
    begun: asyncio.Event = field(default_factory=asyncio.Event)


class BadNetwork:
    """The network. Everything about chance comes from its seed."""

    def __init__(self, gateway_port: int, seed: int) -> None:
        self.port = free_ports(1)
        self._gateway_port = gateway_port
        self._chance = random.Random(seed)
        self._delays: dict[Way, tuple[float, float]] = {}
        self._links: set[Link] = set()
        self._refuses = False
        self._bend: Bend = ""
        self._held = b""
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bad network", daemon=True)

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.port}/"

    def __enter__(self) -> "BadNetwork":
        """Listen. Raises RuntimeError when that takes too long."""
        self._thread.start()
        if not self._started.wait(EVENTUALLY_S):
            raise RuntimeError(f"nothing listened on {self.port} within {EVENTUALLY_S:.0f} s")
        return self

    def __exit__(self, *_: object) -> None:
        """End every connection."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    # ---- what it is told to do

    def delay(self, *ways: Way, least_s: float, most_s: float) -> None:
        """Pass on what goes these ways later, each part by a time between the two."""
        self._now(lambda: self._delays.update(dict.fromkeys(ways, (least_s, most_s))))

    def mend(self) -> None:
        """Behave well from now on: what was held goes on, what was late stays in its order."""
        self._now(self._mend)

    def reset(self) -> None:
        """End every connection with a reset."""
        self._now(self._reset_all)

    def refuse(self) -> None:
        """End every connection, and every new one, until it is mended."""

        def refuse() -> None:
            self._refuses = True
            self._reset_all()

        self._now(refuse)

    def silence(self) -> None:
        """Let nothing through on the connections that there are, with both ends open, until it is mended."""

        def silence() -> None:
            for link in self._links:
                link.up.is_open.clear()
                link.down.is_open.clear()

        self._now(silence)

    def halve(self) -> None:
        """End the gateway's side of every connection, and tell the page's side nothing."""

        def halve() -> None:
            for link in self._links:
                link.is_half = True
                _reset(link.up.writer)

        self._now(halve)

    def bend(self, how: Bend) -> None:
        """Lose the next message of events, or pass it on after the one behind it."""

        def bend() -> None:
            self._bend = how

        self._now(bend)

    # ---- how it does it

    def _now(self, work: Callable[[], None]) -> None:
        async def run() -> None:
            work()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", self.port))
        self._started.set()
        self._loop.run_forever()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    def _mend(self) -> None:
        self._delays.clear()
        self._refuses = False
        self._bend, self._held = "", b""
        for link in self._links:
            link.up.is_open.set()
            link.down.is_open.set()

    def _reset_all(self) -> None:
        for link in self._links:
            _reset(link.up.writer)
            _reset(link.down.writer)

    def _late_s(self, way: Way) -> float:
        return self._chance.uniform(*self._delays[way]) if way in self._delays else 0.0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            _reset(writer)
            return
        gateway_reader, gateway_writer = await asyncio.open_connection("127.0.0.1", self._gateway_port)
        link = Link(up=Lane(gateway_writer), down=Lane(writer))
        self._links.add(link)
        ways: list[Coroutine[Any, Any, None]] = [
            self._upwards(link, reader),
            self._downwards(link, gateway_reader),
            link.up.run(),
            link.down.run(),
        ]
        # Ended with the network itself it is at an end like any other.
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*ways, return_exceptions=True)
        self._links.discard(link)

    async def _upwards(self, link: Link, reader: asyncio.StreamReader) -> None:
        try:
            head = await reader.readuntil(HEAD_END)
            link.is_stream = head.startswith(STREAM)
            if link.is_stream:
                # Messages that are packed by what came before them cannot be lost or swapped one by one.
                head = b"\r\n".join(
                    line for line in head.split(b"\r\n") if not line.lower().startswith(b"sec-websocket-ext")
                )
            link.begun.set()
            way: Way = "said" if link.is_stream else "request"
            link.up.put(head, self._late_s(way))
            while part := await reader.read(CHUNK):
                link.up.put(part, self._late_s(way))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            link.begun.set()
            link.up.put(b"", 0.0)

    async def _downwards(self, link: Link, reader: asyncio.StreamReader) -> None:
        await link.begun.wait()
        try:
            if link.is_stream:
                link.down.put(await reader.readuntil(HEAD_END), self._late_s("told"))
                while True:
                    self._tell(link, *await _message(reader))
            while part := await reader.read(CHUNK):
                link.down.put(part, self._late_s("answer"))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            if not link.is_half:
                link.down.put(b"", 0.0)

    def _tell(self, link: Link, whole: bytes, text: bytes) -> None:
        if self._bend and text.startswith(EVENTS):
            if self._bend == "swap" and not self._held:
                self._held = whole
                return
            how, self._bend = self._bend, ""
            if how == "lose":
                return
            whole, self._held = whole + self._held, b""
        link.down.put(whole, self._late_s("told"))


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Read a frame of the gateway's (RFC 6455, 5.2: not masked). Returns it whole, and what it carries."""
    head = await reader.readexactly(2)
    length = head[1] & 0x7F
    if length >= 126:
        more = await reader.readexactly(2 if length == 126 else 8)
        head, length = head + more, int.from_bytes(more)
    carried = await reader.readexactly(length)
    return head + carried, carried


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with a reset, not with a farewell."""
    connection: socket.socket | None = writer.get_extra_info("socket")
    if connection is not None and connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
