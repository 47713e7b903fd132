"""The gRPC server: what a client may hold of it, and that it answers with a status whatever it is sent."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import uvloop
from grpclib.const import Cardinality, Handler, Status
from grpclib.health.v1.health_pb2 import HealthCheckRequest
from h2.errors import ErrorCodes
from structlog.testing import capture_logs

from oms_api.entrypoints import grpc_server
from oms_api.entrypoints.grpc_server import Bounded, Call, GrpcServer, timeout_of
from tests.ports import free_port
from tests.raw_grpc import RawClient, framed, raw_client

HOST = "127.0.0.1"
ECHO = "/t.Service/Echo"
OPEN = "/t.Service/Open"
WAIT = "/t.Service/Wait"
FAIL = "/t.Service/Fail"
PUSH = "/t.Service/Push"


class Service:
    """Echo: reads a message of a caller that is let in. Wait: for ever. Push: more than anybody reads."""

    def __init__(self) -> None:
        self.ended: list[str] = []
        self.waiting = asyncio.Event()

    def __mapping__(self) -> dict[str, Handler]:
        served = {ECHO: self._echo, OPEN: self._open, WAIT: self._wait, FAIL: self._fail, PUSH: self._push}
        kinds = (HealthCheckRequest, HealthCheckRequest)
        return {path: Handler(func, Cardinality.UNARY_STREAM, *kinds) for path, func in served.items()}

    async def _echo(self, call: Call) -> None:
        await call.begun()
        call.let_in()
        await self._open(call)

    async def _open(self, call: Call) -> None:
        await call.request()
        await call.send_message(HealthCheckRequest(service="y"))

    async def _wait(self, call: Call) -> None:
        self.waiting.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.append("wait")

    async def _fail(self, _call: Call) -> None:
        raise RuntimeError("broken")

    async def _push(self, call: Call) -> None:
        call.let_in()
        while True:
            await call.send_message(HealthCheckRequest(service="x" * 50_000))
            await asyncio.sleep(0)


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[int, Service]]:
    """Serve; the values are the port and the service."""
    port, service = free_port(), Service()
    server = GrpcServer([Bounded(service)])
    await server.start(HOST, port)
    try:
        yield port, service
    finally:
        server.close()
        await asyncio.wait_for(server.wait_closed(), 10)


def on_loop(work: Coroutine[Any, Any, None]) -> None:
    """Run on the loop that the gateway has."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


def let_go(reason: str) -> float:
    """Return how many connections were closed for a reason."""
    return float(grpc_server.let_go_total.labels(reason)._value.get())


def open_connections() -> float:
    return float(next(iter(grpc_server.connections_gauge.collect())).samples[0].value)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def closed(reader: asyncio.StreamReader) -> None:
    """Read until the other side has closed."""
    with suppress(ConnectionError):
        while await asyncio.wait_for(reader.read(65_536), 10):
            pass


GOOD = framed(HealthCheckRequest(service="x").SerializeToString())


def run(scenario: Callable[[RawClient, Service], Any]) -> None:
    async def all_of_it() -> None:
        async with serving() as (port, service), raw_client(port) as client:
            await scenario(client, service)

    on_loop(all_of_it())


@pytest.mark.parametrize("said", [b"", b"PRI * HTTP/2.0\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"])
def test_a_client_that_does_not_say_what_it_wants_is_let_go(
    said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grpc_server, "HEAD_S_MAX", 0.2)
    before = let_go("silent")

    async def scenario() -> None:
        async with serving() as (port, _):
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(said)
            await closed(reader)
            writer.close()
            await until(lambda: open_connections() == 0)

    on_loop(scenario())
    assert let_go("silent") == before + 1


def test_pings_do_not_keep_a_connection_on_which_nobody_was_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grpc_server, "HEAD_S_MAX", 0.3)

    async def scenario(client: RawClient, _service: Service) -> None:
        async with asyncio.timeout(10):
            while not client.closed.is_set():
                client.http2.ping(b"12345678")
                client.flush()
                await asyncio.sleep(0.02)

    run(scenario)


def test_a_caller_who_was_let_in_may_be_idle_and_others_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grpc_server, "HEAD_S_MAX", 0.2)

    async def scenario(client: RawClient, _service: Service) -> None:
        assert (await client.call(ECHO, GOOD)).status == 0
        await asyncio.sleep(0.5)
        assert (await client.call(ECHO, GOOD)).status == 0

    run(scenario)

    async def stranger(client: RawClient, _service: Service) -> None:
        assert (await client.call(OPEN, GOOD)).status == 0
        await asyncio.wait_for(client.closed.wait(), 10)
        assert client.goodbye == ErrorCodes.NO_ERROR

    run(stranger)


def test_an_open_call_keeps_a_stranger_for_a_time_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grpc_server, "HEAD_S_MAX", 0.1)
    monkeypatch.setattr(grpc_server, "OPEN_S_MAX", 0.5)

    async def scenario(client: RawClient, service: Service) -> None:
        client.ask(WAIT)
        await service.waiting.wait()
        await asyncio.wait_for(client.closed.wait(), 10)
        await until(lambda: service.ended == ["wait"])

    run(scenario)


def test_a_message_that_does_not_come_ends_its_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grpc_server, "MESSAGE_S_MAX", 0.2)

    async def scenario(client: RawClient, _service: Service) -> None:
        for said in (b"", GOOD[:3], GOOD[:-1]):
            stream = client.ask(ECHO)
            await client.say(stream, said, end=False)
            assert (await client.answer(stream)).status == Status.DEADLINE_EXCEEDED.value

    run(scenario)


@pytest.mark.parametrize("path", [ECHO, OPEN])
def test_a_message_beyond_the_bound_is_refused_by_its_head(path: str) -> None:
    async def scenario(client: RawClient, _service: Service) -> None:
        bound = grpc_server.MESSAGE_BYTES_MAX
        for length in (bound + 1, 2**27, 2**32 - 1):
            answer = await client.call(path, framed(b"", length=length))
            assert answer.status == Status.RESOURCE_EXHAUSTED.value
            assert answer.message == f"a message must be at most {bound} bytes, was {length}"
        whole = HealthCheckRequest(service="x" * (bound - 4)).SerializeToString()
        assert len(whole) == bound
        assert (await client.call(path, framed(whole))).status == 0

    run(scenario)


def test_of_a_long_message_no_more_is_taken_than_its_window() -> None:
    async def scenario(client: RawClient, _service: Service) -> None:
        stream = client.ask(ECHO)
        sent = await client.say(stream, framed(bytes(2**24)))
        assert (await client.answer(stream)).status == Status.RESOURCE_EXHAUSTED.value
        assert sent <= grpc_server.WINDOW_BYTES
        assert (await client.call(ECHO, GOOD)).status == 0

    run(scenario)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"", Status.INVALID_ARGUMENT),
        (b"\0\0", Status.INVALID_ARGUMENT),
        (framed(b"ab", length=3), Status.INVALID_ARGUMENT),
        (framed(b"\xff" * 5), Status.INVALID_ARGUMENT),
        (framed(b"\x0a\x02\xc3\x28"), Status.INVALID_ARGUMENT),
        (framed(b"ab", flag=1), Status.UNIMPLEMENTED),
        (framed(b"ab", flag=2), Status.INVALID_ARGUMENT),
    ],
)
def test_what_is_no_message_is_answered_with_a_status_and_leaves_no_line(data: bytes, status: Status) -> None:
    async def scenario(client: RawClient, _service: Service) -> None:
        assert (await client.call(ECHO, data)).status == status.value
        assert (await client.call(ECHO, GOOD)).status == 0

    with capture_logs() as said:
        run(scenario)
    assert said == []


@pytest.mark.parametrize(
    ("text", "timeout_s"),
    [("", None), ("1S", 1.0), ("0n", 0.0), ("250m", 0.25), ("99999999H", 359999996400.0)],
)
def test_a_timeout_is_read(text: str, timeout_s: float | None) -> None:
    assert timeout_of(text) == timeout_s


@pytest.mark.parametrize("text", ["1", "S", "-1S", "1.5S", "123456789S", "1s", "9" * 5000 + "S"])
def test_what_is_no_timeout_is_an_invalid_argument(text: str) -> None:
    async def scenario(client: RawClient, _service: Service) -> None:
        answer = await client.call(ECHO, GOOD, ("grpc-timeout", text))
        assert answer.status == Status.INVALID_ARGUMENT.value

    run(scenario)


@pytest.mark.parametrize("timeout", ["0S", "0n", "1n", "1u", "50m"])
def test_work_ends_with_its_deadline(timeout: str) -> None:
    async def scenario(client: RawClient, service: Service) -> None:
        answer = await client.call(WAIT, GOOD, ("grpc-timeout", timeout))
        assert answer.status == Status.DEADLINE_EXCEEDED.value
        assert service.ended == (["wait"] if service.waiting.is_set() else [])

    with capture_logs() as said:
        run(scenario)
    assert said == []


def test_work_ends_with_its_client() -> None:
    async def scenario(client: RawClient, service: Service) -> None:
        stream = client.ask(WAIT)
        await service.waiting.wait()
        client.http2.reset_stream(stream, ErrorCodes.CANCEL)
        client.flush()
        await until(lambda: service.ended == ["wait"])
        service.waiting.clear()
        client.ask(WAIT)
        await service.waiting.wait()
        client.writer.close()
        await until(lambda: service.ended == ["wait", "wait"])

    with capture_logs() as said:
        run(scenario)
    assert said == []


def test_what_a_service_raises_is_unavailable_and_one_line() -> None:
    async def scenario(client: RawClient, _service: Service) -> None:
        assert (await client.call(FAIL, GOOD)).status == Status.UNAVAILABLE.value

    with capture_logs() as said:
        run(scenario)
    assert [line["event"] for line in said] == ["request_failed"]


def test_a_head_that_is_none_is_taken_back_and_the_connection_lives() -> None:
    async def scenario(client: RawClient, _service: Service) -> None:
        for missing in (":method", ":path"):
            assert (await client.answer(client.ask(ECHO, without=[missing]))).reset
        answer = await client.call(ECHO, GOOD, ("x-bin", "%%%"), ("authorization-bin", "a"))
        assert answer.status == 0

    with capture_logs() as said:
        run(scenario)
    assert said == []


def test_frames_of_extensions_are_left_unread() -> None:
    async def scenario(client: RawClient, _service: Service) -> None:
        client.writer.write(b"\0\0\x03\x2f\0\0\0\0\0abc" + b"\0\0\x05\x0a\0\0\0\0\0\0\x01a=b")
        assert (await client.call(ECHO, GOOD)).status == 0

    run(scenario)


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\nhost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\x04\x01\x05\0\0\0\x01\xff\xff\xff\xff",
    ],
)
def test_what_is_no_http2_is_let_go(garbage: bytes) -> None:
    before = let_go("malformed")

    async def scenario() -> None:
        async with serving() as (port, _):
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(garbage)
            await closed(reader)
            writer.close()

    with capture_logs() as said:
        on_loop(scenario())
    assert let_go("malformed") == before + 1
    assert said == []


@pytest.mark.parametrize(
    ("head", "more"),
    [
        (b"\0\x40\0\x01\0\0\0\0\x01" + b"\x0f" * 16_384, b"\0\x40\0\x09\0\0\0\0\x01" + b"\x0f" * 16_384),
        # h2 waits for the 16 MiB that this frame is said to have.
        (b"\xff" * 9, bytes(16_384)),
    ],
)
def test_a_head_without_an_end_is_not_read_to_it(head: bytes, more: bytes) -> None:
    before = let_go("long") + let_go("malformed")

    async def scenario(client: RawClient, _service: Service) -> None:
        with suppress(ConnectionError):
            client.writer.write(head)
            for _ in range(60):
                client.writer.write(more)
                await client.writer.drain()
        await asyncio.wait_for(client.closed.wait(), 10)

    run(scenario)
    assert let_go("long") + let_go("malformed") == before + 1


def test_of_too_many_connections_the_oldest_stranger_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grpc_server, "CONNECTIONS_MAX", 3)
    before = let_go("full")

    async def scenario(client: RawClient, _service: Service) -> None:
        port = client.writer.get_extra_info("peername")[1]
        assert (await client.call(ECHO, GOOD)).status == 0
        pairs = [await asyncio.open_connection(HOST, port) for _ in range(40)]
        await until(lambda: let_go("full") == before + 38)
        assert open_connections() == 3
        assert (await client.call(ECHO, GOOD)).status == 0
        await closed(pairs[0][0])
        async with raw_client(port) as other:
            assert (await other.call(ECHO, GOOD)).status == 0
        for _, writer in pairs:
            writer.close()

    run(scenario)


def test_a_connection_beyond_those_who_were_let_in_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grpc_server, "CONNECTIONS_MAX", 1)

    async def scenario(client: RawClient, _service: Service) -> None:
        assert (await client.call(ECHO, GOOD)).status == 0
        async with raw_client(client.writer.get_extra_info("peername")[1]) as other:
            await asyncio.wait_for(other.closed.wait(), 10)
            assert other.goodbye == ErrorCodes.ENHANCE_YOUR_CALM
        assert (await client.call(ECHO, GOOD)).status == 0

    run(scenario)


def test_a_connection_has_a_hundred_calls_at_once_and_no_more() -> None:
    async def scenario(client: RawClient, service: Service) -> None:
        client.http2.remote_settings[3] = 1_000
        client.http2.remote_settings.acknowledge()
        for _ in range(100):
            client.ask(WAIT)
        assert not client.closed.is_set()
        client.ask(WAIT)
        await asyncio.wait_for(client.closed.wait(), 10)
        await until(lambda: len(service.ended) <= 100 and open_connections() == 0)

    run(scenario)


def test_calls_that_are_taken_back_again_and_again_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grpc_server, "RESETS_MAX", 20)
    before = let_go("resets")

    async def scenario(client: RawClient, _service: Service) -> None:
        for _ in range(21):
            client.http2.reset_stream(client.ask(WAIT), ErrorCodes.CANCEL)
        client.flush()
        await asyncio.wait_for(client.closed.wait(), 10)

    run(scenario)
    assert let_go("resets") == before + 1


def test_a_client_that_reads_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grpc_server, "UNREAD_S_MAX", 0.3)
    before = let_go("slow")

    async def scenario(client: RawClient, _service: Service) -> None:
        client.http2.increment_flow_control_window(2**30)
        client.http2.update_settings({4: 2**30})
        client.flush()
        client.ask(PUSH)
        client.reading.clear()
        client.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await until(lambda: let_go("slow") == before + 1)
        client.reading.set()

    run(scenario)


def test_a_client_that_gives_no_window_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grpc_server, "SEND_S_MAX", 0.3)
    before = let_go("slow")

    async def scenario(client: RawClient, _service: Service) -> None:
        client.http2.update_settings({4: 0})
        client.flush()
        await client.call(ECHO, GOOD)
        await until(lambda: let_go("slow") == before + 1)

    run(scenario)
