"""The HTTP server: what a client may hold of it, and that it lets everybody go who is silent or too long."""

import asyncio
import contextlib
import gc
from asyncio import selector_events
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from oms_api.entrypoints import http_server
from oms_api.entrypoints.http_door import Receive, Scope, Send, read_body
from oms_api.entrypoints.http_server import HttpServer
from tests.ports import free_port

HOST = "127.0.0.1"
Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request with the length of its body, a message with itself."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (event := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": event["text"]})
        return
    body = await read_body(receive, None)
    answer = str(-1 if body is None else len(body)).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": answer})


@asynccontextmanager
async def serving() -> AsyncIterator[int]:
    """Serve the application; the value is its port."""
    port = free_port()
    server = HttpServer(application, HOST, port)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield port
    finally:
        server.stop()
        await asyncio.wait_for(task, 10)


async def status_of(reader: asyncio.StreamReader) -> bytes:
    """Return the status of what the server says before it closes, empty when it says nothing."""
    said = await asyncio.wait_for(reader.read(), 5)
    return said[9:12]


async def asked_again(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Return the status of one more request's answer, of a connection that stays open."""
    writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    async with asyncio.timeout(5):
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"transfer-encoding: chunked" in head.lower()
        await reader.readuntil(b"0\r\n\r\n")
    return head[9:12]


def let_go(reason: str) -> float:
    """Return how many connections were closed for a reason."""
    return float(http_server.let_go_total.labels(reason)._value.get())


def test_requests_of_one_connection_are_answered_in_their_order() -> None:
    async def run() -> None:
        async with serving() as port:
            reader, writer = await asyncio.open_connection(HOST, port)
            for length in (0, 5):
                writer.write(
                    b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % length + b"x" * length
                )
            writer.write(
                b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 7\r\n\r\n1234567"
            )
            said = await asyncio.wait_for(reader.read(), 5)
            assert said.count(b"HTTP/1.1 200 OK") == 3
            assert said.index(b"\r\n0\r\n") < said.index(b"\r\n5\r\n") < said.index(b"\r\n7\r\n")
            writer.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    "said", [b"", b"POST / HTTP/1.1\r\nhost: x\r\n", b"GET / HTTP/1.1\r\nhost: x\r\n\r\nGET / HTT"]
)
def test_a_client_that_does_not_say_what_it_wants_is_let_go(
    said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_server, "HEAD_S_MAX", 0.2)

    async def run() -> None:
        async with serving() as port:
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(said)
            answer = await asyncio.wait_for(reader.read(), 5)
            assert answer.rpartition(b"HTTP/1.1 ")[2].startswith(b"408")
            writer.close()

    asyncio.run(run())


def test_a_head_that_drips_is_held_to_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "HEAD_S_MAX", 0.3)
    before = let_go("silent")

    async def run() -> None:
        async with serving() as port:
            reader, writer = await asyncio.open_connection(HOST, port)
            drip = asyncio.create_task(dripped(writer))
            # It closes on what it has not read: what it said may be lost on the way.
            with contextlib.suppress(ConnectionResetError):
                assert await status_of(reader) == b"408"
            drip.cancel()

    async def dripped(writer: asyncio.StreamWriter) -> None:
        for byte in b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 1_000:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.01)

    asyncio.run(run())
    assert let_go("silent") == before + 1


def test_a_connection_that_waits_for_its_next_request_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "HEAD_S_MAX", 0.1)

    async def run() -> None:
        async with serving() as port, aiohttp.ClientSession() as session:
            for _ in range(2):
                async with session.post(f"http://{HOST}:{port}/", data=b"12") as answer:
                    assert await answer.text() == "2"
                await asyncio.sleep(0.3)
            assert session.connector is not None
            assert len(session.connector._conns) == 1  # type: ignore[attr-defined]

    asyncio.run(run())


def test_a_body_may_take_longer_than_a_head(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "HEAD_S_MAX", 0.1)

    async def run() -> None:
        async with serving() as port:
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 4\r\n\r\n")
            for _ in range(4):
                await asyncio.sleep(0.1)
                writer.write(b"x")
            assert await status_of(reader) == b"200"
            writer.close()

    asyncio.run(run())


@pytest.mark.parametrize("head", [b"GET /" + b"a" * 5_000_000, b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 500_000])
def test_a_head_without_an_end_is_not_read_to_it(head: bytes) -> None:
    before = let_go("long")

    async def run() -> None:
        async with serving() as port:
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(head)
            with contextlib.suppress(ConnectionResetError):
                assert await status_of(reader) == b"431"
            writer.close()

    asyncio.run(run())
    assert let_go("long") == before + 1


def test_of_too_many_connections_the_one_goes_that_had_no_request_for_longest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_server, "CONNECTIONS_MAX", 3)

    async def run() -> None:
        async with serving() as port, aiohttp.ClientSession() as session:
            url = f"http://{HOST}:{port}/"
            pairs: list[Pair] = [await asyncio.open_connection(HOST, port) for _ in range(2)]
            # Whoever asks keeps its connection, however many come after it that say nothing.
            for _ in range(8):
                async with session.get(url) as answer:
                    assert answer.status == 200
                pairs.append(await asyncio.open_connection(HOST, port))
            assert [await status_of(reader) for reader, _ in pairs[:8]] == [b"503"] * 8
            for _, writer in pairs:
                writer.close()

    asyncio.run(run())


def test_of_too_many_that_never_asked_the_first_goes_and_nobody_who_did(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_server, "SILENT_MAX", 3)

    async def run() -> None:
        async with serving() as port, aiohttp.ClientSession() as session:
            url = f"http://{HOST}:{port}/"
            asked: list[Pair] = [await asyncio.open_connection(HOST, port) for _ in range(3)]
            for reader, writer in asked:
                assert await asked_again(reader, writer) == b"200"
            silent: list[Pair] = [await asyncio.open_connection(HOST, port) for _ in range(6)]
            assert [await status_of(reader) for reader, _ in silent[:3]] == [b"503"] * 3
            async with session.get(url) as answer:
                assert answer.status == 200
            # The one that was just made was silent for a moment, too.
            assert await status_of(silent[3][0]) == b"503"
            for reader, writer in asked + silent[4:]:
                assert await asked_again(reader, writer) == b"200"
            for _, writer in asked + silent:
                writer.close()

    asyncio.run(run())


def test_a_body_that_does_not_end_in_time_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "BODY_S_MAX", 0.3)

    async def run() -> None:
        async with serving() as port:
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 300\r\n\r\n{")
            for _ in range(2):
                await asyncio.sleep(0.1)
                writer.write(b" ")
            assert await status_of(reader) == b"408"
            writer.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    "garbage", [b"\x00\x01\x02\x03\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00"]
)
def test_what_is_no_http_is_answered_with_400(garbage: bytes) -> None:
    async def run() -> None:
        async with serving() as port:
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(garbage)
            assert await status_of(reader) == b"400"
            writer.close()

    asyncio.run(run())


def test_a_message_beyond_the_bound_closes_its_websocket() -> None:
    async def run() -> None:
        async with (
            serving() as port,
            aiohttp.ClientSession() as session,
            session.ws_connect(f"ws://{HOST}:{port}/") as socket,
        ):
            await socket.send_str("hello")
            assert (await socket.receive()).data == "hello"
            await socket.send_str("x" * (http_server.MESSAGE_BYTES_MAX + 1))
            await asyncio.wait_for(socket.receive(), 5)
            assert socket.close_code == 1009

    asyncio.run(run())


def test_an_answer_leaves_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []
    write = selector_events._SelectorSocketTransport.write  # type: ignore[attr-defined]

    def noted(transport: object, data: bytes) -> None:
        written.append(bytes(data))
        write(transport, data)

    monkeypatch.setattr(selector_events._SelectorSocketTransport, "write", noted)  # type: ignore[attr-defined]

    async def run() -> None:
        async with serving() as port:
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 3\r\n\r\n123")
            said = await asyncio.wait_for(reader.read(), 5)
            assert written[1:] == [said]
            assert said.endswith(b"\r\n\r\n1\r\n3\r\n0\r\n\r\n")
            writer.close()

    asyncio.run(run())


def test_websockets_that_come_at_once_are_made_one_after_the_other_and_requests_go_in_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_server, "UPGRADE_EVERY_S", 0.05)

    async def run() -> None:
        async with serving() as port:
            asked = await asyncio.open_connection(HOST, port)
            sockets = [await asyncio.open_connection(HOST, port) for _ in range(6)]
            began = asyncio.get_running_loop().time()
            for _, writer in sockets:
                writer.write(UPGRADE + frame(b"hello"))
            made = [asyncio.create_task(reader.readuntil(b"hello")) for reader, _ in sockets]
            answered = 0
            while not made[-1].done():
                answered += await asked_again(*asked) == b"200"
            assert [b"101" in await said for said in made] == [True] * 6
            assert asyncio.get_running_loop().time() - began >= 0.25
            assert answered > 10
            for _, writer in (asked, *sockets):
                writer.close()

    asyncio.run(run())


@pytest.mark.parametrize("pieces", [1, 2, 3])
def test_what_a_client_says_before_its_websocket_is_answered_is_heard(pieces: int) -> None:
    request = (
        b"GET / HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
        b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    said = request + bytes([0x81, 0x85, 0, 0, 0, 0]) + b"hello"

    async def run() -> None:
        async with serving() as port:
            reader, writer = await asyncio.open_connection(HOST, port)
            for piece in range(pieces):
                writer.write(said[piece * len(said) // pieces : (piece + 1) * len(said) // pieces])
                await asyncio.sleep(0.05)
            await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            assert await asyncio.wait_for(reader.readexactly(7), 5) == b"\x81\x05hello"
            writer.close()

    asyncio.run(run())


UPGRADE = (
    b"GET / HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
_MAX = http_server.MESSAGE_BYTES_MAX


def frame(payload: bytes, opcode: int = 1, *, final: bool = True, length: int | None = None) -> bytes:
    """Return a frame as a client sends it. length: what it says that it has, more than it brings."""
    size = len(payload) if length is None else length
    return bytes([opcode | 0x80 * final, 0xFF]) + size.to_bytes(8, "big") + bytes(4) + payload


@asynccontextmanager
async def upgraded() -> AsyncIterator[Pair]:
    """Connect and become a WebSocket."""
    async with serving() as port:
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(UPGRADE)
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        yield reader, writer
        writer.close()


async def close_code(reader: asyncio.StreamReader) -> int:
    """Return the code of the close frame that comes next."""
    assert (await asyncio.wait_for(reader.readexactly(1), 5))[0] == 0x88
    (length,) = await reader.readexactly(1)
    return int.from_bytes((await reader.readexactly(length))[:2], "big")


@pytest.mark.parametrize(
    "said",
    [
        [frame(b"x" * (_MAX + 1))],
        [frame(b"", length=_MAX + 1)],
        [frame(b"x" * 1_000_000, length=15 * 2**20)],
        [frame(b"x" * 15 * 2**20)],
        [frame(b"x" * _MAX, final=False), frame(b"x", 0)],
        [frame(b"x" * 1_000, final=False), *[frame(b"x" * 1_000, 0, final=False)] * 70],
        [frame(b"x" * _MAX, final=False), frame(b"", 0, final=False, length=2**62)],
        [frame(b"", final=False), *[frame(b"", 0, final=False)] * 100_000],
        [frame(b"x", final=False), *[frame(b"x", 0, final=False)] * 2_000],
    ],
    ids=["frame", "head", "unfinished", "large", "two", "seventy", "endless", "empty", "single bytes"],
)
def test_a_message_beyond_the_bound_is_not_kept_and_ends_with_1009(said: list[bytes]) -> None:
    before = let_go("long")

    async def run() -> None:
        async with upgraded() as (reader, writer):
            with contextlib.suppress(ConnectionError):
                for part in said:
                    writer.write(part)
                    await writer.drain()
            assert await close_code(reader) == 1009

    asyncio.run(run())
    assert let_go("long") == before + 1


def test_a_message_of_the_bound_is_taken_whole_and_in_fragments() -> None:
    async def run() -> None:
        async with upgraded() as (reader, writer):
            half = b"x" * (_MAX // 2)
            for said in ([frame(half * 2)], [frame(half, final=False), frame(half, 0)]):
                for part in said:
                    writer.write(part)
                head = await asyncio.wait_for(reader.readexactly(10), 5)
                assert int.from_bytes(head[2:], "big") == _MAX
                assert await reader.readexactly(_MAX) == half * 2

    asyncio.run(run())


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (frame(b"\xff\xfe"), 1007),
        (b"\x81\x01x", 1002),
        (frame(b"x", 3), 1002),
        (frame(b"x", 0), 1002),
        (frame(b"x", final=False) + frame(b"x"), 1002),
        (frame(b"x" * 126, 9), 1002),
    ],
    ids=["no text", "no mask", "opcode", "loose fragment", "message in a message", "long ping"],
)
def test_what_is_no_websocket_is_closed_with_its_code(said: bytes, code: int) -> None:
    async def run() -> None:
        async with upgraded() as (reader, writer):
            writer.write(said)
            assert await close_code(reader) == code
            assert await asyncio.wait_for(reader.read(), 5) == b""

    asyncio.run(run())


def test_pings_that_nobody_reads_the_answers_of_are_not_kept() -> None:
    async def run() -> None:
        async with serving() as port:
            reader, writer = await asyncio.open_connection(HOST, port, limit=1_024)
            writer.write(UPGRADE)
            await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            pings = frame(b"x" * 125, 9) * 1_000
            for _ in range(200):
                writer.write(pings)
                await writer.drain()
            sizes = [
                found.transport.get_write_buffer_size()
                for found in gc.get_objects()
                if type(found) is http_server._WebSocket
            ]
            assert sizes
            assert max(sizes) < 1_000_000
            writer.transport.abort()

    asyncio.run(run())
