"""The HTTP server: uvicorn on the gateway's own loop, with a bound on what a client may hold.

The law of this file: whoever says nothing, or too much before it has said what it wants, is let go. A request
and its answer never leave the loop's thread, and an answer leaves in one piece.
"""

import asyncio
import contextlib
import logging
import sys
from collections import deque
from collections.abc import Callable, Generator
from functools import partial
from typing import Any, ClassVar, Final, cast

import uvicorn
from httptools import HttpParserUpgrade
from prometheus_client import Counter, Gauge
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

from oms_api.entrypoints.http_door import AsgiApp

BACKLOG: Final = 1_024
CONNECTIONS_MAX: Final = 8_192
# Of them, those that have never had a whole request: what they do at once (come, run out of time, go) is done
# in one turn of the loop, while every order waits.
SILENT_MAX: Final = 1_024
# From a connection's first moment, or the first byte of a request, to the end of the request's head.
HEAD_S_MAX: Final = 10.0
# From the first part of a body that is not whole to its end.
BODY_S_MAX: Final = 10.0
HEAD_BYTES_MAX: Final = 65_536
# From the making of one WebSocket to that of the next, when several come at once: each costs part of a
# millisecond, and what else the gateway has to do goes in between.
UPGRADE_EVERY_S: Final = 0.002
KEEP_ALIVE_S: Final = 75
STOP_S_MAX: Final = 5
# What a client may say at once, in one frame or in fragments; a longer message ends its WebSocket with 1009.
MESSAGE_BYTES_MAX: Final = 65_536
FRAGMENTS_MAX: Final = 1_024
CLOSE_S_MAX: Final = 2.0
PING_S: Final = 30.0
PONG_S_MAX: Final = 60.0

connections_gauge = Gauge("oms_api_http_connections", "HTTP connections and WebSockets that are open")
let_go_total = Counter("oms_api_http_let_go_total", "Connections that were closed from here", ["reason"])


class _OneWrite:
    """A transport that an answer's head and body go out of together, if they come in one turn of the loop.

    uvicorn writes them apart, and uvloop sends what is written at once: two packets, and two wake-ups of the
    client.
    """

    __slots__ = ("_held", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._held = b""

    def write(self, data: bytes) -> None:
        """Write what was held with what comes, or hold it until the loop's next turn."""
        if self._held:
            data, self._held = self._held + data, b""
            self._transport.write(data)
        elif data:
            self._held = data
            self._loop.call_soon(self._flush)

    def is_closing(self) -> bool:
        """Return whether the connection ends."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Write what is held and close."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held)


class _Turns:
    """Does what comes one at a time, the first at once and each other after a pause."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self._pausing = False

    def take(self, loop: asyncio.AbstractEventLoop, do: Callable[[], None]) -> None:
        """Do it when its turn comes, be it now."""
        self._waiting.append(do)
        if not self._pausing:
            self._next(loop)

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        self._pausing = bool(self._waiting)
        if self._pausing:
            loop.call_later(UPGRADE_EVERY_S, self._next, loop)
            self._waiting.popleft()()


class _Connection(HttpToolsProtocol):
    """A connection that has to say what it wants in time and in bounds.

    idle: the connections of its server that have no whole head, the one that had none for longest first.
    silent: those of them that never had one, the oldest first. upgrades: of WebSockets that are to be made.
    """

    idle: "ClassVar[dict[_Connection, None]]"
    silent: "ClassVar[dict[_Connection, None]]"
    upgrades: ClassVar[_Turns]
    _data = b""
    _head_bytes = 0
    _in_body = False
    _until: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection; when there are too many, the one goes that has had no request for longest."""
        super().connection_made(transport)
        self._await_head()
        self.idle[self] = self.silent[self] = None
        if len(self.silent) > SILENT_MAX:
            next(iter(self.silent))._let_go("full", b"503 Service Unavailable")
        elif len(self.connections) > CONNECTIONS_MAX:
            next(iter(self.idle))._let_go("full", b"503 Service Unavailable")

    def data_received(self, data: bytes) -> None:
        """Read what came, unless a request's head is longer than any of ours."""
        if self.transport.is_closing():
            return
        self._head_bytes += len(data)
        self._data = data
        super().data_received(data)
        self._data = b""
        if self._in_body:
            if self._until is None:
                self._until = self.loop.call_later(BODY_S_MAX, self._let_go, "slow", b"408 Request Timeout")
        elif self._until is not None and self._head_bytes > HEAD_BYTES_MAX:
            self._let_go("long", b"431 Request Header Fields Too Large")

    def handle_websocket_upgrade(self) -> None:
        """Go on as a WebSocket when its turn comes; until then the client is not read."""
        upgrade = sys.exception()
        rest = self._data[upgrade.args[0] :] if isinstance(upgrade, HttpParserUpgrade) else b""
        self.transport.pause_reading()
        self.upgrades.take(self.loop, partial(self._upgrade, rest))

    def _upgrade(self, rest: bytes) -> None:
        """Become a WebSocket, with what the client has said already, without waiting for its answer."""
        if self.transport.is_closing():
            return
        self.transport.resume_reading()
        super().handle_websocket_upgrade()
        if rest:
            cast(asyncio.Protocol, self.transport.get_protocol()).data_received(rest)

    def on_message_begin(self) -> None:
        """Wait for the rest of a request's head."""
        super().on_message_begin()
        if self._until is None:
            self._await_head()

    def on_headers_complete(self) -> None:
        """Note that the client has said what it wants."""
        self._wait_no_more()
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before:
            self._in_body = True
            self.cycle.transport = cast(asyncio.Transport, _OneWrite(self.transport, self.loop))

    def on_message_complete(self) -> None:
        """Note that the request is whole."""
        if self._in_body:
            self._in_body = False
            self._stop_clock()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Note that the connection has no request any more."""
        self.idle[self] = None
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        self._wait_no_more()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._head_bytes = 0
        self._until = self.loop.call_later(HEAD_S_MAX, self._let_go, "silent", b"408 Request Timeout")

    def _wait_no_more(self) -> None:
        self.idle.pop(self, None)
        self.silent.pop(self, None)
        self._stop_clock()

    def _stop_clock(self) -> None:
        if self._until is not None:
            self._until.cancel()
            self._until = None

    def _let_go(self, reason: str, status: bytes) -> None:
        self._wait_no_more()
        if not self.transport.is_closing():
            let_go_total.labels(reason).inc()
            self.transport.write(b"HTTP/1.1 %b\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % status)
            self.transport.close()


class _WebSocket(WebSocketsSansIOProtocol):
    """A WebSocket that holds one message of its client at most, and is gone soon after its end."""

    _failed = False
    _last_moment: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Read what came, unless it is the rest of what could not be taken."""
        if not self._failed:
            super().data_received(data)

    def handle_cont(self, event: Frame) -> None:
        """Take another fragment: also empty ones are kept until their message is whole."""
        if self._failed:
            return
        if len(self.frames) < FRAGMENTS_MAX:
            super().handle_cont(event)
        else:
            self.conn.fail(CloseCode.MESSAGE_TOO_BIG, f"more than {FRAGMENTS_MAX} fragments")
            self.handle_parser_exception()

    def handle_ping(self) -> None:
        """Answer a ping, unless the client takes no answers (RFC 6455, section 5.5.3)."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def handle_parser_exception(self) -> None:
        """Close with a code; what else the client has on its way is taken, or it would not read the code."""
        if self._failed:
            return
        self._failed = True
        self.frames = []
        if self.close_timer is not None:
            self.close_timer.cancel()
        if self.conn.close_sent is None:
            self.transport.close()
            return
        code, reason = self.conn.close_sent.code, self.conn.close_sent.reason
        let_go_total.labels("long" if code == CloseCode.MESSAGE_TOO_BIG else "broken").inc()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.close_timer = self.loop.call_later(CLOSE_S_MAX, self.transport.close)
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    async def run_asgi(self) -> None:
        """Serve the client; whoever takes nothing of what was said last is let go without it."""
        await super().run_asgi()
        if not self.disconnected:
            self._last_moment = self.loop.call_later(self.close_timeout + CLOSE_S_MAX, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        if self._last_moment is not None:
            self._last_moment.cancel()
        super().connection_lost(exc)


class HttpServer(uvicorn.Server):
    """Serves an application until `stop`, in the loop that runs. The process keeps its own signals."""

    def __init__(self, app: AsgiApp, host: str, port: int) -> None:
        # What clients do wrong is counted, not logged by every connection.
        logging.getLogger("uvicorn").setLevel(logging.ERROR)
        super().__init__(
            uvicorn.Config(
                cast(Any, app),
                host=host,
                port=port,
                loop="none",
                http=type(
                    "_ServersConnection", (_Connection,), {"idle": {}, "silent": {}, "upgrades": _Turns()}
                ),
                ws=_WebSocket,
                ws_max_size=MESSAGE_BYTES_MAX,
                ws_ping_interval=PING_S,
                ws_ping_timeout=PONG_S_MAX,
                ws_per_message_deflate=False,
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                backlog=BACKLOG,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=STOP_S_MAX,
            )
        )
        connections_gauge.set_function(lambda: len(self.server_state.connections))

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave signals to the process."""
        yield

    def stop(self) -> None:
        """Listen no more, and close what is open."""
        self.should_exit = True
