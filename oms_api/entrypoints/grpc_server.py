"""The gRPC server: grpclib on the gateway's own loop, with a bound on what a client may hold.

The law of this file: whoever says nothing, too much, or reads nothing is let go. How long a message will be
is looked at before any of it is read, and it is read only for a caller who was let in. A call ends with its
deadline, or with its client. What a client does wrong is answered and counted, and leaves no line in the log.
"""

import asyncio
import contextlib
import logging
import re
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import structlog
from google.protobuf.message_factory import GetMessageClass
from grpclib.config import Configuration
from grpclib.const import Cardinality, Handler, Status
from grpclib.encoding.proto import ProtoCodec, ProtoStatusDetailsCodec
from grpclib.exceptions import GRPCError
from grpclib.protocol import H2Protocol
from grpclib.server import Handler as CallTasks
from grpclib.server import Server
from grpclib.stream import StreamIterator
from h2.errors import ErrorCodes
from h2.events import AlternativeServiceAvailable, StreamReset, UnknownFrameReceived
from h2.exceptions import ProtocolError
from prometheus_client import Counter, Gauge

from oms_api.domain.refusal import Refusal, RefusalCode
from oms_api.entrypoints.grpc_refusals import refused
from oms_api.entrypoints.grpc_wire import MalformedMessageError, read_message
from oms_api.entrypoints.http_door import BODY_BYTES_MAX, requests_total
from oms_api.handlers import unavailable
from oms_api.ports import UnavailableError

BACKLOG: Final = 1_024
CONNECTIONS_MAX: Final = 1_024
MESSAGE_BYTES_MAX: Final = BODY_BYTES_MAX
# Of a message that is read without a token: the name of a service, or of a part of the contract.
OPEN_MESSAGE_BYTES_MAX: Final = 1_024
HEAD_BYTES_MAX: Final = 98_304
# What a connection, and a call, may have sent that was not read: HTTP/2's smallest window.
WINDOW_BYTES: Final = 65_535
# From a connection's first moment, or the end of its last call, to its next one, before anybody was let in.
HEAD_S_MAX: Final = 10.0
# A connection on which nobody was let in is kept no longer, as of those who watch health without a token.
OPEN_S_MAX: Final = 300.0
IDLE_S_MAX: Final = 600.0
MESSAGE_S_MAX: Final = 10.0
SEND_S_MAX: Final = 60.0
UNREAD_S_MAX: Final = 60.0
CLOSE_S_MAX: Final = 2.0
# Calls that a client takes back on one connection, within so many seconds.
RESETS_MAX: Final = 1_000
RESETS_S: Final = 10.0
_PREFIX_BYTES: Final = 5
_TIMEOUT: Final = re.compile(r"([0-9]{1,8})([HMSmun])")
_UNITS_S: Final = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
_PSEUDO: Final = (":method", ":path")

Serve = Callable[["Call"], Awaitable[None]]
log = structlog.get_logger()
connections_gauge = Gauge("oms_api_grpc_connections", "gRPC connections that are open")
let_go_total = Counter("oms_api_grpc_let_go_total", "gRPC connections that were closed from here", ["reason"])


class Incoming:
    """What a call has sent and nobody has read: no more than its window, which is given back as it is read.

    It stands where grpclib has its Buffer. timeout: what the client asks for as grpc-timeout, empty for none.
    """

    def __init__(self, connection: "Connection", ack: Callable[[int], None], timeout: str) -> None:
        self.connection = connection
        self.timeout = timeout
        self._ack = ack
        self._held = bytearray()
        self._unacked = 0
        self._ended = False
        self._changed = asyncio.Event()

    def add(self, data: bytes, ack_size: int) -> None:
        """Take what has come."""
        self._held += data
        self._unacked += ack_size
        self._changed.set()

    def eof(self) -> None:
        """Note that nothing more will come."""
        self._ended = True
        self._changed.set()

    def unacked_size(self) -> int:
        """Take the part of the window that was not given back."""
        size, self._unacked = self._unacked, 0
        return size

    async def peek(self, size: int) -> bytes:
        """Wait for so many bytes and leave them; fewer when the call has ended before."""
        while len(self._held) < size and not self._ended:
            self._changed.clear()
            await self._changed.wait()
        return bytes(self._held[:size])

    async def read(self, size: int) -> bytes:
        """Read so many bytes; fewer when the call has ended before."""
        while len(self._held) < size and not self._ended:
            self._ack(self.unacked_size())
            self._changed.clear()
            await self._changed.wait()
        data = bytes(self._held[:size])
        del self._held[:size]
        self._ack(self.unacked_size())
        return data


class Call(StreamIterator):
    """A call as a service sees it: its messages in bounds, as grpclib's Stream gives them."""

    def __init__(self, stream: Any, kind: Any, bytes_max: int) -> None:
        self.metadata = stream.metadata
        self._stream = stream
        self._incoming: Incoming = stream._stream.buffer
        self._kind = kind
        self._bytes_max = bytes_max

    async def begun(self) -> bool:
        """Wait until a message begins, without reading it. Returns False when there is none.

        Raises GRPCError: RESOURCE_EXHAUSTED for one that is too long, UNIMPLEMENTED for a compressed one,
        INVALID_ARGUMENT for one that ends at once, DEADLINE_EXCEEDED for one that does not come.
        """
        prefix = await self._in_time(self._incoming.peek(_PREFIX_BYTES))
        if not prefix:
            return False
        if len(prefix) < _PREFIX_BYTES:
            raise _malformed(f"a message begins with {_PREFIX_BYTES} bytes, {len(prefix)} came")
        length = int.from_bytes(prefix[1:])
        if prefix[0] == 1:
            refusal = Refusal(code=RefusalCode.INVALID_REQUEST, message="messages must not be compressed")
            raise refused(refusal, Status.UNIMPLEMENTED)
        if prefix[0]:
            raise _malformed(f"a message's first byte must be 0, was {prefix[0]}")
        if length > self._bytes_max:
            refusal = Refusal(
                code=RefusalCode.INVALID_REQUEST,
                message=f"a message must be at most {self._bytes_max} bytes, was {length}",
            )
            raise refused(refusal, Status.RESOURCE_EXHAUSTED)
        return True

    def let_in(self) -> None:
        """Note that the caller has shown who it is: its connection may stay."""
        self._incoming.connection.let_in()

    async def recv_message(self) -> Any:
        """Read the next message, None when there is none. Raises GRPCError, as `begun` does."""
        if not await self.begun():
            return None
        prefix = await self._incoming.read(_PREFIX_BYTES)
        length = int.from_bytes(prefix[1:])
        data = await self._in_time(self._incoming.read(length))
        if len(data) < length:
            raise _malformed(f"the message must have {length} bytes, {len(data)} came")
        try:
            return read_message(data, self._kind)
        except MalformedMessageError as error:
            raise _malformed(f"this is no {self._kind.__name__}: {error}") from error

    async def request(self) -> Any:
        """Read the one message of a call that has one."""
        message = await self.recv_message()
        if message is None:
            raise _malformed("a message is required")
        return message

    async def send_message(self, message: Any) -> None:
        """Send a message. A client that does not read it loses its connection."""
        try:
            async with asyncio.timeout(SEND_S_MAX):
                await self._stream.send_message(message)
        except TimeoutError:
            self._incoming.connection.let_go("slow", ErrorCodes.ENHANCE_YOUR_CALM)
            raise _silent("the client did not read") from None

    async def send_trailing_metadata(self, *, status: Status) -> None:
        """End the call with a status."""
        await self._stream.send_trailing_metadata(status=status)

    async def _in_time(self, work: Awaitable[bytes]) -> bytes:
        try:
            async with asyncio.timeout(MESSAGE_S_MAX):
                return await work
        except TimeoutError:
            raise _silent(f"no whole message came within {MESSAGE_S_MAX:g} s") from None


def _malformed(message: str) -> GRPCError:
    return refused(Refusal(code=RefusalCode.INVALID_REQUEST, message=message))


def _silent(message: str) -> GRPCError:
    return GRPCError(Status.DEADLINE_EXCEEDED, message)


class Bounded:
    """A service behind the bounds: what it raises ends the call with a status, and is counted."""

    def __init__(self, service: Any, bytes_max: int = MESSAGE_BYTES_MAX) -> None:
        self._service = service
        self._bytes_max = bytes_max

    def __mapping__(self) -> dict[str, Handler]:
        """Return the service's methods as grpclib calls them."""
        return {
            path: handler._replace(func=partial(self._call, f"grpc {path.rpartition('/')[2]}", handler))
            for path, handler in self._service.__mapping__().items()
        }

    async def _call(self, route: str, handler: Any, stream: Any) -> None:
        status = Status.CANCELLED
        try:
            await _serve(route, handler, Call(stream, handler.request_type, self._bytes_max), stream)
            status = Status.OK
        except GRPCError as error:
            status = error.status
            raise
        finally:
            requests_total.labels(route, status.name).inc()


async def _serve(route: str, handler: Any, call: Call, stream: Any) -> None:
    """Do a call until its deadline. Raises GRPCError, and nothing else but that the call was taken back."""
    timeout_s = timeout_of(stream._stream.buffer.timeout)
    if timeout_s is not None and timeout_s <= 0:
        raise _silent("the call came after its deadline")
    try:
        async with asyncio.timeout(timeout_s) as deadline:
            await handler.func(call)
    except UnavailableError as error:
        raise refused(unavailable(error.what)) from error
    except (GRPCError, ProtocolError) as error:
        if isinstance(error, GRPCError):
            raise
        # The client took the call back while it was answered.
        raise GRPCError(Status.CANCELLED, "the call was taken back") from error
    except TimeoutError as error:
        if deadline.expired():
            raise _silent("the call's deadline is over") from None
        raise _failed(route) from error
    except Exception as error:
        raise _failed(route) from error


def _failed(route: str) -> GRPCError:
    log.error("request_failed", route=route, exc_info=True)
    return refused(unavailable("an unexpected error"))


def timeout_of(text: str) -> float | None:
    """Return the seconds of a grpc-timeout, None for none. Raises GRPCError for what is not one."""
    if not text:
        return None
    found = _TIMEOUT.fullmatch(text)
    if found is None:
        raise _malformed("grpc-timeout must be 1 to 8 digits and one of H, M, S, m, u, n")
    return int(found[1]) * _UNITS_S[found[2]]


class _Calls(CallTasks):
    """The calls of one connection, each in a task."""

    connection: "Connection"

    def accept(self, stream: Any, headers: Sequence[tuple[str, str]], release_stream: Any) -> None:
        """Begin a call, or take back one whose head is not one."""
        given = dict(headers)
        if any(name not in given for name in _PSEUDO):
            stream.reset_nowait(ErrorCodes.PROTOCOL_ERROR)
            release_stream()
            return
        timeout = given.get("grpc-timeout", "")
        ack = partial(stream.connection.ack, stream.id)
        stream.buffer = Incoming(self.connection, ack, timeout)
        self.connection.asked()
        # Deadlines are kept here, and no binary metadata is read: grpclib answers for neither if it is wrong.
        kept = [
            (name, value) for name, value in headers if name != "grpc-timeout" and not name.endswith("-bin")
        ]
        super().accept(stream, kept, partial(self._release, release_stream))

    def cancel(self, stream: Any) -> None:
        """Take a call back, once."""
        if stream in self._tasks:
            super().cancel(stream)

    def _release(self, release_stream: Callable[[], None]) -> None:
        release_stream()
        self.connection.answered()


class Connection(H2Protocol):
    """A connection that has to say what it wants, and to read its answers, in time and in bounds."""

    def __init__(self, server: "GrpcServer", calls: _Calls, config: Configuration, http2: Any) -> None:
        super().__init__(calls, config, http2)
        calls.connection = self
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._quiet_bytes = 0
        self._resets = 0
        self._resets_until = 0.0
        self._let_in = False
        self._idle: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._stranger: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Take a connection; of too many the oldest goes on which nobody was let in, or else this one."""
        super().connection_made(transport)
        self._transport = transport
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            given = transport.get_extra_info("socket")
            given.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(UNREAD_S_MAX * 1000))
        for event in (UnknownFrameReceived, AlternativeServiceAvailable):
            self.processor.processors[event] = _ignore
        self._idle = self._loop.call_later(HEAD_S_MAX, self.let_go, "silent")
        self._stranger = self._loop.call_later(OPEN_S_MAX, self.let_go, "silent")
        self._server.opened(self)

    def data_received(self, data: bytes) -> None:
        """Read what came, unless it is no HTTP/2, or more than any of our heads without saying anything."""
        if self._transport.is_closing():
            return
        try:
            events = self.connection.feed(data)
            self._quiet_bytes = 0 if events else self._quiet_bytes + len(data)
            self.connection.flush()
            for event in events:
                self.processor.process(event)
                self._count_resets(event)
        except ProtocolError:
            self.let_go("malformed", None)
            return
        except Exception as error:
            log.warning("grpc_connection_failed", error=f"{type(error).__name__}: {error}")
            self.let_go("malformed", ErrorCodes.INTERNAL_ERROR)
            return
        if self._quiet_bytes > HEAD_BYTES_MAX:
            self.let_go("long", ErrorCodes.ENHANCE_YOUR_CALM)
        elif not self._transport.is_closing():
            self.connection.flush()

    def _count_resets(self, event: Any) -> None:
        if not isinstance(event, StreamReset):
            return
        now_s = self._loop.time()
        if now_s > self._resets_until:
            self._resets, self._resets_until = 0, now_s + RESETS_S
        self._resets += 1
        if self._resets > RESETS_MAX:
            self.let_go("resets", ErrorCodes.ENHANCE_YOUR_CALM)

    def asked(self) -> None:
        """Note that a call has begun."""
        _cancel(self._idle)

    def answered(self) -> None:
        """Note that a call has ended: if it was the last one, the next has to come in time."""
        if not self.processor.streams and not self._transport.is_closing():
            _cancel(self._idle)
            wait_s, reason = (IDLE_S_MAX, "idle") if self._let_in else (HEAD_S_MAX, "silent")
            self._idle = self._loop.call_later(wait_s, self.let_go, reason)

    def let_in(self) -> None:
        """Note that a caller on it has shown who it is."""
        if not self._let_in:
            self._let_in = True
            _cancel(self._stranger)
            self._server.let_in(self)

    def pause_writing(self) -> None:
        """Read nothing from a client that reads nothing, and wait for it for a time only."""
        super().pause_writing()
        if self._transport.is_closing():
            return
        self._transport.pause_reading()
        self._unread = self._loop.call_later(UNREAD_S_MAX, self.let_go, "slow")

    def resume_writing(self) -> None:
        """Go on with a client that has read."""
        super().resume_writing()
        _cancel(self._unread)
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget a connection; its calls end."""
        self._forget()
        super().connection_lost(exc)

    def let_go(self, reason: str, code: ErrorCodes | None = ErrorCodes.NO_ERROR) -> None:
        """Close the connection and end its calls. code: of a last frame, None when it was said already."""
        if self._transport.is_closing():
            return
        let_go_total.labels(reason).inc()
        self._forget()
        with contextlib.suppress(ProtocolError):
            if code is not None:
                self.connection._connection.close_connection(error_code=code)
        self.connection.flush()
        self.processor.close(f"let go: {reason}")
        if reason == "slow":
            self._transport.abort()
        else:
            self._loop.call_later(CLOSE_S_MAX, self._transport.abort)

    def _forget(self) -> None:
        for timer in (self._idle, self._unread, self._stranger):
            _cancel(timer)
        self._server.closed(self)


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


def _ignore(_event: Any) -> None:
    """Leave a frame of an extension unread, as HTTP/2 demands."""


class _OneLine(logging.Handler):
    """What grpclib says, as a line of ours."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log a record without its stack."""
        error = record.exc_info[1] if record.exc_info else None
        log.warning("grpclib", message=record.getMessage(), error="" if error is None else repr(error)[:200])


class GrpcServer(Server):
    """Serves services, each of them `Bounded`, with a bound on its connections."""

    def __init__(self, services: Sequence[Bounded]) -> None:
        said = logging.getLogger("grpclib")
        said.handlers, said.propagate = [_OneLine()], False
        super().__init__(
            list(services),
            codec=ProtoCodec(),
            status_details_codec=ProtoStatusDetailsCodec(),
            config=Configuration(
                http2_connection_window_size=WINDOW_BYTES, http2_stream_window_size=WINDOW_BYTES
            ),
        )
        self._connections: set[Connection] = set()
        self._strangers: dict[Connection, None] = {}
        connections_gauge.set_function(lambda: len(self._connections))

    def _protocol_factory(self) -> Connection:
        self.__gc_step__()
        calls = _Calls(self._mapping, self._codec, self._status_details_codec, self.__dispatch__)
        self._handlers.add(calls)
        return Connection(self, calls, self._config, self._h2_config)

    def opened(self, connection: Connection) -> None:
        """Count a connection in, and make room for it."""
        self._connections.add(connection)
        self._strangers[connection] = None
        if len(self._connections) > CONNECTIONS_MAX:
            next(iter(self._strangers)).let_go("full", ErrorCodes.ENHANCE_YOUR_CALM)

    def let_in(self, connection: Connection) -> None:
        """Keep a connection before those on which nobody was let in."""
        self._strangers.pop(connection, None)

    def closed(self, connection: Connection) -> None:
        """Count a connection out."""
        self._connections.discard(connection)
        self._strangers.pop(connection, None)


def methods(service: Any, serve: Mapping[str, Serve]) -> dict[str, Handler]:
    """Return the methods of a service's descriptor, each with what serves it. Raises KeyError without one."""
    return {
        f"/{service.full_name}/{method.name}": Handler(
            serve[method.name],
            Cardinality.UNARY_STREAM if method.server_streaming else Cardinality.UNARY_UNARY,
            GetMessageClass(method.input_type),
            GetMessageClass(method.output_type),
        )
        for method in service.methods
    }
