"""A load's HTTP/1.1 client: connections that stay open, one request at a time on each, answers by callback.

Written out because a general client costs as much an order as the gateway that it measures. It knows what an
answer of our own API looks like: a status line, headers with a content length, a body.
"""

import asyncio
import re
import time
from collections import deque
from collections.abc import Callable
from typing import Final, cast

NO_ANSWER: Final = 0
_END_OF_HEAD: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_STATUS: Final = slice(9, 12)

# Called with the status, the head and the body; status 0: no answer came, and the body says why.
OnAnswer = Callable[[int, bytes, bytes], None]


class _Connection(asyncio.Protocol):
    """One connection and the request that waits on it."""

    def __init__(self, pool: "HttpPool") -> None:
        self._pool = pool
        self._transport: asyncio.Transport | None = None
        self._on_answer: OnAnswer | None = None
        self._received = b""
        self.since_s = 0.0

    @property
    def busy(self) -> bool:
        """Whether an answer is waited for."""
        return self._on_answer is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Join the pool, and take a request that waits."""
        # Of TCP it is one; uvloop's is no subclass.
        self._transport = cast(asyncio.Transport, transport)
        self._pool.join(self)

    def send(self, request: bytes, on_answer: OnAnswer) -> None:
        """Write a request; one for a connection that ends is told so when it has ended."""
        if self._transport is None:
            raise RuntimeError("expected an open connection")
        self._on_answer = on_answer
        self.since_s = time.monotonic()
        if not self._transport.is_closing():
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Take a part of an answer, and hand it on when it is whole. Who speaks unasked is let go."""
        if self._on_answer is None:
            self.abort()
            return
        data = self._received + data if self._received else data
        end = data.find(_END_OF_HEAD)
        length = _LENGTH.search(data, 0, end + 2) if end >= 0 else None
        if end >= 0 and length is None:
            self.abort()
            return
        if length is None or len(data) < end + 4 + int(length[1]):
            self._received = data
            return
        self._received = b""
        on_answer, self._on_answer = self._on_answer, None
        self._pool.release(self)
        on_answer(int(data[_STATUS]), data[:end], data[end + 4 :])

    def abort(self) -> None:
        """Close at once; a request that waits gets no answer."""
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        """Tell the request that waits."""
        on_answer, self._on_answer = self._on_answer, None
        self._pool.forget(self)
        if on_answer is not None:
            on_answer(NO_ANSWER, b"", f"the connection ended: {error or 'closed'}".encode())


class HttpPool:
    """Up to `connections_max` connections to one address; what finds none free waits its turn."""

    def __init__(self, host: str, port: int, connections_max: int, timeout_s: float) -> None:
        self._host, self._port = host, port
        self._connections_max = connections_max
        self._timeout_s = timeout_s
        self._open: set[_Connection] = set()
        self._idle: list[_Connection] = []
        self._waiting: deque[tuple[bytes, OnAnswer]] = deque()
        self._connecting: set[asyncio.Task[None]] = set()
        self.waiting_max = 0

    def send(self, request: bytes, on_answer: OnAnswer) -> None:
        """Send a whole request: head and body."""
        if self._idle:
            self._idle.pop().send(request, on_answer)
            return
        self._waiting.append((request, on_answer))
        if len(self._connecting) < len(self._waiting) and (
            len(self._open) + len(self._connecting) < self._connections_max
        ):
            task = asyncio.get_running_loop().create_task(self._connect())
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)
        elif not self._connecting:
            self.waiting_max = max(self.waiting_max, len(self._waiting))

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout_s):
                await loop.create_connection(lambda: _Connection(self), self._host, self._port)
        except (OSError, TimeoutError) as error:
            if self._waiting:
                self._waiting.popleft()[1](NO_ANSWER, b"", f"no connection: {error}".encode())

    def join(self, connection: _Connection) -> None:
        """Take a connection that is open; from here until it has ended it is one to choose."""
        self._open.add(connection)
        self.release(connection)

    def release(self, connection: _Connection) -> None:
        """Give a free connection the next request, or keep it."""
        if self._waiting:
            connection.send(*self._waiting.popleft())
        else:
            self._idle.append(connection)

    def forget(self, connection: _Connection) -> None:
        """Drop a connection that has ended."""
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    def end_overdue(self) -> None:
        """Close connections whose answer is overdue; to be called now and then."""
        before_s = time.monotonic() - self._timeout_s
        for connection in [one for one in self._open if one.busy and one.since_s < before_s]:
            connection.abort()
        # With every connection gone, nobody would open one for those who wait.
        if self._waiting and not self._open and not self._connecting:
            self.send(*self._waiting.popleft())

    async def close(self) -> None:
        """Close everything."""
        for task in list(self._connecting):
            task.cancel()
        await asyncio.gather(*self._connecting, return_exceptions=True)
        for connection in list(self._open):
            connection.abort()


def request_head(method: str, path: str, host: str, headers: dict[str, str]) -> bytes:
    """Return a request's head up to where its content length, or the empty line, follows."""
    lines = [f"{method} {path} HTTP/1.1", f"host: {host}", *(f"{name}: {headers[name]}" for name in headers)]
    return ("\r\n".join(lines) + "\r\n").encode()
