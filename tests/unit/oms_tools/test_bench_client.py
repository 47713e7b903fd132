"""The load's HTTP client and WebSocket reader, by servers that answer in pieces, late, or not at all."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from oms_tools.bench.event_stream import EventStream, StreamEvent, client_frame, read_frame, split_frames
from oms_tools.bench.http_client import NO_ANSWER, HttpPool, _Connection, request_head
from tests.ports import free_port

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
REQUEST = request_head("GET", "/", "here", {"a": "b"}) + b"\r\n"
EVENT = (
    '{"accountId":"A","streamSequence":%d,"orderId":"o","clientOrderId":"c","sequence":2,'
    '"type":"OrderAccepted","status":"ORDER_STATUS_ACKNOWLEDGED","occurredAt":"2026-03-02T15:00:00.5Z"}'
)


def answers(
    serve: Serve, requests: int, connections_max: int = 8, timeout_s: float = 5
) -> list[tuple[int, bytes]]:
    """Return the status and body of each answer, in the order they came."""

    async def ask() -> list[tuple[int, bytes]]:
        port = free_port()
        server = await asyncio.start_server(serve, "127.0.0.1", port)
        pool = HttpPool("127.0.0.1", port, connections_max, timeout_s)
        got: list[tuple[int, bytes]] = []
        done = asyncio.Event()

        def take(status: int, head: bytes, body: bytes) -> None:
            got.append((status, body))
            if len(got) == requests:
                done.set()

        for _ in range(requests):
            pool.send(REQUEST, take)
        async with asyncio.timeout(20):
            while not done.is_set():
                pool.end_overdue()
                await asyncio.sleep(0.01)
        await pool.close()
        server.close()
        return got

    return asyncio.run(ask())


class _Ending(asyncio.Transport):
    """A connection whose end its protocol has not been told of, as uvloop's are for a moment."""

    def is_closing(self) -> bool:
        return True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        raise RuntimeError("the handler is closed")


class _Silent(asyncio.Transport):
    """A connection that takes what is written."""

    def is_closing(self) -> bool:
        return False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        pass

    def abort(self) -> None:
        pass


def test_a_request_on_a_connection_that_ends_meanwhile_is_told_that_it_has_no_answer() -> None:
    got: list[int] = []
    pool = HttpPool("127.0.0.1", 1, 1, 1.0)
    connection = _Connection(pool)
    connection.connection_made(_Ending())
    pool.send(REQUEST, lambda status, _head, _body: got.append(status))
    assert got == []
    connection.connection_lost(None)
    assert got == [NO_ANSWER]


class _EndsAtOnce(asyncio.SelectorEventLoop):
    """A loop whose connections end before whoever asked for one goes on."""

    async def create_connection(self, make: Any, *_address: Any, **_options: Any) -> Any:
        protocol = make()
        protocol.connection_made(_Silent())
        protocol.connection_lost(None)
        return _Silent(), protocol


def told(ask: Callable[[HttpPool, Callable[[int, bytes, bytes], None]], int]) -> list[int]:
    """Return the statuses that as many requests as `ask` says it sent are told, where no connection lasts."""

    async def run() -> list[int]:
        got: list[int] = []
        pool = HttpPool("127.0.0.1", 1, 1, 1.0)
        requests = ask(pool, lambda status, _head, _body: got.append(status))
        async with asyncio.timeout(5):
            while len(got) < requests:
                pool.end_overdue()
                await asyncio.sleep(0.01)
        return got

    with asyncio.Runner(loop_factory=_EndsAtOnce) as runner:
        return runner.run(run())


def test_a_request_for_a_connection_that_ended_before_it_was_taken_is_told_that_it_has_no_answer() -> None:
    def ask(pool: HttpPool, take: Callable[[int, bytes, bytes], None]) -> int:
        for _ in range(2):
            pool.send(REQUEST, take)
        return 2

    assert told(ask) == [NO_ANSWER] * 2


def test_a_connection_that_was_told_off_unasked_is_not_used_again() -> None:
    # What a server says to a client that has been silent for too long.
    told_off = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"

    def ask(pool: HttpPool, take: Callable[[int, bytes, bytes], None]) -> int:
        connection = _Connection(pool)
        connection.connection_made(_Silent())
        connection.data_received(told_off)
        connection.connection_lost(None)
        pool.send(REQUEST, take)
        return 1

    assert told(ask) == [NO_ANSWER]


def test_a_requests_head_has_its_lines() -> None:
    assert REQUEST == b"GET / HTTP/1.1\r\nhost: here\r\na: b\r\n\r\n"


def test_answers_that_come_in_pieces_are_whole_and_connections_are_used_again() -> None:
    opened = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        while await reader.readuntil(b"\r\n\r\n"):
            for piece in (b"HTTP/1.1 201 Created\r\nContent-Le", b"ngth: 5\r\nx: y\r\n\r\nhe", b"llo"):
                writer.write(piece)
                await asyncio.sleep(0.002)

    assert answers(serve, 40, connections_max=4) == [(201, b"hello")] * 40
    assert opened <= 4


def test_a_connection_that_ends_or_is_silent_or_not_there_is_no_answer() -> None:
    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def stay_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def say_no_length(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")

    for serve in (close, say_no_length):
        assert [status for status, _ in answers(serve, 3)] == [NO_ANSWER] * 3
    assert [status for status, _ in answers(stay_silent, 3, timeout_s=0.2)] == [NO_ANSWER] * 3

    async def ask_nobody() -> bytes:
        said = asyncio.get_running_loop().create_future()
        HttpPool("127.0.0.1", free_port(), 2, 5).send(REQUEST, lambda *answer: said.set_result(answer[2]))
        return bytes(await said)

    assert asyncio.run(ask_nobody()).startswith(b"no connection: ")


def test_a_frame_lists_events_or_is_something_else() -> None:
    several = f'{{"type":"events","events":[{EVENT % 4},{EVENT % 5}]}}'
    kind, events = read_frame(several.encode())
    assert (kind, [event.stream_sequence for event in events]) == ("events", [4, 5])
    for text in ('{"type":"subscribed","streamSequence":{"A":3}}', '{"type":"heartbeat","timestamp":"x"}'):
        assert read_frame(text.encode())[1] == ()
    with pytest.raises(ValueError, match="streamSequence"):
        read_frame(several.replace('"streamSequence":4', '"streamSequence":"x"').encode())


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536])
def test_frames_of_every_length_are_split_wherever_the_bytes_are_cut(size: int) -> None:
    payload = bytes(size)
    if size < 126:
        head = bytes((0x81, size))
    elif size < 65_536:
        head = b"\x81\x7e" + size.to_bytes(2, "big")
    else:
        head = b"\x81\x7f" + size.to_bytes(8, "big")
    data = b"\x89\x00" + head + payload
    for cut in {0, 1, 2, 3, 4, 5, len(data) // 2, len(data) - 1, len(data)}:
        first, taken = split_frames(data[:cut])
        second, rest = split_frames(data[taken:])
        found = [(opcode, final, bytes(part)) for opcode, final, part in (*first, *second)]
        assert found == [(9, True, b""), (1, True, payload)]
        assert taken + rest == len(data)


def test_a_clients_frame_is_masked() -> None:
    for size in (3, 200):
        frame = client_frame(1, b"x" * size)
        assert frame[1] & 0x80
        start = 2 if size < 126 else 4
        mask, masked = frame[start : start + 4], frame[start + 4 :]
        assert bytes(byte ^ mask[place % 4] for place, byte in enumerate(masked)) == b"x" * size


def test_a_stream_subscribes_hears_events_answers_pings_and_comes_back_after_a_break() -> None:
    subscriptions: list[object] = []
    heard: list[StreamEvent] = []

    async def stream(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=False, compress=False)
        await socket.prepare(request)
        assert request.headers["authorization"] == "Bearer token"
        subscriptions.append(await socket.receive_json())
        await socket.send_str('{"type":"subscribed","streamSequence":{"A":0}}')
        for number in range(50):
            event = EVENT % (len(subscriptions) * 100 + number)
            await socket.send_str(f'{{"type":"events","events":[{event}]}}')
        await socket.ping(b"there?")
        pong = await socket.receive()
        assert (pong.type, pong.data) == (aiohttp.WSMsgType.PONG, b"there?")
        if len(subscriptions) == 1:
            await socket.close()
        else:
            await socket.receive()
        return socket

    async def follow() -> EventStream:
        port = free_port()
        app = web.Application()
        app.router.add_get("/api/v1/stream", stream)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        ear = EventStream("127.0.0.1", port, "token", lambda: {"from": len(heard)}, heard.extend)
        task = asyncio.create_task(ear.follow())
        async with asyncio.timeout(20):
            await ear.subscribed.wait()
            while len(heard) < 100:
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await runner.cleanup()
        return ear

    assert asyncio.run(follow()).reconnects == 1
    assert subscriptions == [{"from": 0}, {"from": 50}]
    assert [event.stream_sequence for event in heard] == [*range(100, 150), *range(200, 250)]
