"""The WebSocket's door: it ends with its token, does nothing for who has gone, and says what was wrong."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from datetime import datetime

import aiohttp
import pytest

from oms_api.entrypoints import websocket
from oms_api.entrypoints.event_hub import EventHub
from oms_platform.clock import utc_now
from oms_platform.wire import encode
from tests.unit.oms_api.stream_rig import WAIT_S_MAX, Client, Door, serving
from tests.unit.oms_api.test_event_hub import event, read
from tests.unit.oms_api.test_handlers import view


def run(scenario: Callable[[Door], Awaitable[None]]) -> None:
    async def serve() -> None:
        async with serving() as door:
            await scenario(door)

    asyncio.run(serve())


def bring(hub: EventHub, account: str, *sequences: int) -> None:
    """Bring events as Kafka does."""
    hub.on_events([read(encode(event(number, account))) for number in sequences])


async def sequences(client: Client, last: int) -> list[int]:
    """Read events up to a sequence."""
    found: list[int] = []
    while not found or found[-1] < last:
        frame = await client.next()
        found += [item["streamSequence"] for item in frame.get("events", ())]
    return found


# ---- the token


def test_a_websocket_is_closed_when_its_token_expires() -> None:
    async def scenario(door: Door) -> None:
        expires_at = door.tokens.give("short", "A", lifetime_s=0.3)
        async with door.client("short") as client:
            await client.ask("subscribe", accounts=["A"])
            assert await client.closed() == (1008, websocket.EXPIRED)
            assert utc_now() >= expires_at

    run(scenario)


def test_another_token_before_keeps_it_open_beyond_the_first_ones_end() -> None:
    async def scenario(door: Door) -> None:
        door.tokens.give("short", "A", lifetime_s=0.4)
        longer = door.tokens.give("longer", "A", lifetime_s=1.2)
        async with door.client("short") as client:
            await client.ask("subscribe", accounts=["A"])
            answer = await client.ask("auth", token="longer")
            assert answer["type"] == "authenticated"
            assert datetime.fromisoformat(answer["expiresAt"]) == longer
            await asyncio.sleep(0.6)
            bring(door.hub, "A", 1)
            assert await sequences(client, 1) == [1]
            assert await client.closed() == (1008, websocket.EXPIRED)
            assert utc_now() >= longer

    run(scenario)


def test_a_shorter_token_ends_it_earlier() -> None:
    async def scenario(door: Door) -> None:
        async with door.client() as client:
            door.tokens.give("short", "A", lifetime_s=0.3)
            assert (await client.ask("auth", token="short"))["type"] == "authenticated"
            assert await client.closed() == (1008, websocket.EXPIRED)

    run(scenario)


def test_what_another_token_may_not_see_is_unsubscribed_and_said() -> None:
    async def scenario(door: Door) -> None:
        async with door.client() as client:
            await client.ask("subscribe", accounts=["A", "B"])
            door.tokens.give("less", "B", "C")
            await client.say("auth", token="less")
            assert [(await client.next())["type"] for _ in range(2)] == ["authenticated", "unsubscribed"]
            assert client.got[-1] == {
                "type": "unsubscribed",
                "accounts": ["A"],
                "channels": ["executions", "orders", "positions"],
                "symbols": [],
            }
            bring(door.hub, "A", 1)
            bring(door.hub, "B", 1)
            assert [item["accountId"] for item in (await client.next())["events"]] == ["B"]
            assert (await client.ask("subscribe", accounts=["A"]))["type"] == "error"
            assert (await client.ask("subscribe", accounts=["C"]))["type"] == "subscribed"

    run(scenario)


def test_what_is_still_being_read_for_the_first_token_is_not_sent_after_another_one() -> None:
    async def scenario(door: Door) -> None:
        door.store.events = [(number, json.dumps({"streamSequence": number})) for number in range(1, 20_001)]
        door.tokens.give("less", "B")
        async with door.client() as client:
            await client.say("subscribe", accounts=["A"], **{"from": {"A": 0}})
            await client.say("auth", token="less")
            while client.got[-1:] != [
                {
                    "type": "unsubscribed",
                    "accounts": ["A"],
                    "channels": ["executions", "orders", "positions"],
                    "symbols": [],
                }
            ]:
                await client.next()
            assert sum(len(frame.get("events", ())) for frame in client.got) < 20_000
            assert await client.ask("ping") == {"type": "pong"}

    run(scenario)


@pytest.mark.parametrize("bad", ["unknown", "", None, 7, ["t"]])
def test_a_bad_token_is_refused_and_the_one_before_goes_on_to_count(bad: object) -> None:
    async def scenario(door: Door) -> None:
        async with door.client() as client:
            await client.ask("subscribe", accounts=["A"])
            assert (await client.ask("auth", token=bad))["type"] == "error"
            bring(door.hub, "A", 1)
            assert await sequences(client, 1) == [1]

    run(scenario)


def test_a_subscribe_after_the_token_has_expired_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(_session: websocket.Session) -> None:
        await asyncio.Event().wait()

    # Also if the watch over the token is late.
    monkeypatch.setattr(websocket.Session, "_end_with_token", never)

    async def scenario(door: Door) -> None:
        door.store.events = [(1, "{}")]
        door.tokens.give("short", "A", lifetime_s=0.2)
        async with door.client("short") as client:
            await asyncio.sleep(0.3)
            await client.say("subscribe", accounts=["A"], **{"from": {"A": 0}})
            assert await client.closed() == (1008, websocket.EXPIRED)
            assert client.got == []

    run(scenario)


def test_a_token_whose_key_is_taken_back_ends_its_websocket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "RECHECK_S", 0.05)

    async def scenario(door: Door) -> None:
        async with door.client() as client, door.client() as other:
            door.tokens.give("u", "A")
            await other.ask("auth", token="u")
            del door.tokens.callers["t"]
            assert await client.closed() == (1008, "this token does not count")
            assert await other.ask("ping") == {"type": "pong"}

    run(scenario)


def test_a_client_that_does_not_say_who_it_is_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "AUTH_WAIT_S", 0.2)

    async def scenario(door: Door) -> None:
        async with door.client(None) as silent, door.client(None) as slow:
            # A message that never ends is none.
            await slow.socket._writer.send_frame(b'{"type":"auth"', aiohttp.WSMsgType.TEXT)  # type: ignore[attr-defined]
            assert await silent.closed() == (1008, "no token within 0 s")

    run(scenario)


@pytest.mark.parametrize(
    ("first", "said"),
    [
        ("{", "the message is not JSON"),
        ("[]", "expected the message to be a JSON object, was a list"),
        ('{"type":"subscribe","accounts":["A"]}', "a bearer token is required"),
        ('{"type":"ping"}', "a bearer token is required"),
        ('{"type":"auth","token":"x"}', "this token does not count"),
    ],
)
def test_what_is_said_before_a_token_is_refused_in_words(first: str, said: str) -> None:
    async def scenario(door: Door) -> None:
        async with door.client(None) as client:
            await client.socket.send_str(first)
            code, reason = await client.closed()
            assert (code, reason[: len(said)]) == (1008, said)
            assert client.got[0]["error"]["message"].startswith(said)

    run(scenario)


def test_a_token_in_a_message_is_answered() -> None:
    async def scenario(door: Door) -> None:
        async with door.client(None) as client:
            answer = await client.ask("auth", token="t")
            assert (answer["type"], set(answer)) == ("authenticated", {"type", "expiresAt"})
            assert (await client.ask("subscribe", accounts=["A"]))["type"] == "subscribed"

    run(scenario)


@pytest.mark.parametrize("tokens", [("t", "t"), ("t", "bad"), ("bad", "t")])
def test_two_authorization_headers_are_refused_with_400(tokens: tuple[str, str]) -> None:
    async def scenario(door: Door) -> None:
        for upgrade in (b"upgrade: websocket\r\nconnection: Upgrade\r\n", b"connection: close\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
            head = b"GET /api/v1/stream HTTP/1.1\r\nhost: x\r\nsec-websocket-version: 13\r\n"
            head += b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + upgrade
            head += b"".join(b"Authorization: Bearer %b\r\nx: y\r\n" % token.encode() for token in tokens)
            writer.write(head + b"\r\n")
            said = await asyncio.wait_for(reader.read(), WAIT_S_MAX)
            assert said.startswith(b"HTTP/1.1 400")
            assert b"must be there only once" in said
            writer.close()

    run(scenario)


# ---- what is asked for


@pytest.mark.parametrize("messages", [1, 90, 1_000])
def test_what_a_gone_client_asked_for_is_not_done(messages: int) -> None:
    before = websocket.flooding_total._value.get()

    async def scenario(door: Door) -> None:
        door.store.events = [(number, json.dumps({"n": "x" * 300})) for number in range(1, 5_001)]
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port, limit=1_024)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(
            b"GET /api/v1/stream?access_token=t HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\n"
            b"connection: Upgrade\r\nsec-websocket-version: 13\r\n"
            b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        message = json.dumps({"type": "subscribe", "accounts": ["A"], "from": {"A": 0}}).encode()
        for _ in range(messages):
            writer.write(bytes([0x81, 0x80 | len(message), 0, 0, 0, 0]) + message)
        async with asyncio.timeout(WAIT_S_MAX):
            while not door.store.rows and websocket.flooding_total._value.get() == before:
                await asyncio.sleep(0.01)
        writer.transport.abort()
        del reader
        async with asyncio.timeout(WAIT_S_MAX):
            while door.hub._opened:
                await asyncio.sleep(0.01)
        # What there was room for, once, not every time that it was asked for; nothing after it has gone.
        assert door.store.rows <= 5_000
        rows = door.store.rows
        await asyncio.sleep(0.2)
        assert (door.store.rows, door.hub._channels) == (rows, {})

    run(scenario)


def test_the_messages_of_a_client_are_bounded_and_counted() -> None:
    before = websocket.flooding_total._value.get()

    async def scenario(door: Door) -> None:
        async with door.client() as client, door.client() as calm:
            for _ in range(websocket.MESSAGES_BURST):
                await client.say("ping")
            for _ in range(websocket.MESSAGES_BURST):
                assert await client.next() == {"type": "pong"}
            with contextlib.suppress(ConnectionError):
                for _ in range(websocket.MESSAGES_BURST):
                    await client.say("ping")
            code, reason = await client.closed()
            assert (code, reason) == (1008, "more than 20 messages a second, or 100 at once")
            assert await calm.ask("ping") == {"type": "pong"}

    run(scenario)
    assert websocket.flooding_total._value.get() == before + 1


def test_a_client_that_takes_nothing_is_let_go_though_little_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(websocket, "SEND_S_MAX", 0.3)

    async def scenario(door: Door) -> None:
        door.store.events = [(number, json.dumps({"n": "x" * 5_000})) for number in range(1, 5_001)]
        async with door.client() as client:
            client.socket._response.connection.transport.pause_reading()  # type: ignore[union-attr]
            await client.say("subscribe", accounts=["A"], **{"from": {"A": 0}})
            async with asyncio.timeout(WAIT_S_MAX):
                while door.hub._opened:
                    await asyncio.sleep(0.05)
            assert door.store.rows < 5_000
            client.socket._response.connection.transport.abort()  # type: ignore[union-attr]

    run(scenario)


def test_a_foreign_account_costs_the_same_as_one_that_is_not_there() -> None:
    async def scenario(door: Door) -> None:
        async with door.client() as client:
            await client.ask("subscribe", accounts=["A"])
            assert door.reference.asked == 0
            answers = []
            for account in ("C", "Z"):
                answers.append(await client.ask("subscribe", accounts=[account]))
            assert door.reference.asked == 2
            assert answers[0] == json.loads(json.dumps(answers[1]).replace("Z", "C"))

    run(scenario)


def test_unsubscribe_names_what_it_ended_and_nothing_else() -> None:
    async def scenario(door: Door) -> None:
        async with door.client() as client:
            await client.ask("subscribe", accounts=["A", "B"])
            answer = await client.ask("unsubscribe", accounts=["C", "B", "nonsense"])
            assert answer == {
                "type": "unsubscribed",
                "accounts": ["B"],
                "channels": ["executions", "orders", "positions"],
                "symbols": [],
            }
            answer = await client.ask("unsubscribe", accounts=["B"])
            assert answer == {
                "type": "unsubscribed",
                "accounts": [],
                "channels": ["executions", "orders", "positions"],
                "symbols": [],
            }
            answer = await client.ask("unsubscribe", accounts=[[[[]]]])
            assert answer["error"]["fields"][0]["field"] == "accounts"
            bring(door.hub, "B", 1)
            bring(door.hub, "A", 1)
            assert await sequences(client, 1) == [1]

    run(scenario)


@pytest.mark.parametrize("text", ["{", "[]", '"x"', '{"type":"\\ud800"}', "7", '{"type":[]}', "{}"])
def test_a_wrong_message_is_answered_and_the_stream_goes_on(text: str) -> None:
    async def scenario(door: Door) -> None:
        async with door.client() as client:
            await client.ask("subscribe", accounts=["A"])
            await client.socket.send_str(text)
            answer = await client.next()
            assert (answer["type"], answer["error"]["code"]) == ("error", "INVALID_REQUEST")
            bring(door.hub, "A", 1)
            assert await sequences(client, 1) == [1]

    run(scenario)


# ---- snapshots


def test_a_snapshot_is_followed_by_what_came_after_it_and_by_nothing_else() -> None:
    async def scenario(door: Door) -> None:
        stop = asyncio.Event()

        async def trade() -> None:
            number = 0
            while not stop.is_set():
                number += 1
                item = event(number)
                door.store.events.append((number, encode(item).decode()))
                await asyncio.sleep(0)
                door.hub.on_events([read(encode(item))])
                await asyncio.sleep(0.0005)

        trading = asyncio.create_task(trade())
        for _ in range(15):
            async with door.client() as client:
                answer = await client.ask("subscribe", accounts=["A"], snapshot=True)
                assert answer == {
                    "type": "subscribed",
                    "channels": ["orders"],
                    "symbols": [],
                    "accounts": ["A"],
                    "streamSequence": {},
                    "epoch": "e1",
                }
                snapshot = await client.next()
                assert (snapshot["type"], snapshot["accountId"], snapshot["epoch"]) == ("snapshot", "A", "e1")
                first = snapshot["streamSequence"] + 1
                assert await sequences(client, first + 20) == list(
                    range(first, client.got[-1]["events"][-1]["streamSequence"] + 1)
                )
        stop.set()
        await trading

    run(scenario)


def test_a_client_of_another_database_is_told_to_begin_anew() -> None:
    async def scenario(door: Door) -> None:
        door.store.events = [(1, "{}"), (2, "{}")]
        async with door.client() as client:
            answer = await client.ask("subscribe", accounts=["A"], epoch="e0", **{"from": {"A": 900}})
            assert answer == {"type": "resync", "accounts": ["A"], "epoch": "e1"}
            bring(door.hub, "A", 3)
            answer = await client.ask("subscribe", accounts=["A"], epoch="e1", **{"from": {"A": 2}})
            assert (answer["type"], answer["epoch"]) == ("subscribed", "e1")

    run(scenario)


def test_an_account_with_more_open_orders_than_fit_is_said_and_not_subscribed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("oms_api.entrypoints.event_hub.SNAPSHOT_ORDERS_MAX", 0)

    async def scenario(door: Door) -> None:
        door.store.orders = [view()]
        async with door.client() as client:
            await client.ask("subscribe", accounts=["A"], snapshot=True)
            assert "open orders" in (await client.next())["error"]["message"]
            assert await client.next() == {
                "type": "unsubscribed",
                "accounts": ["A"],
                "channels": ["orders"],
                "symbols": [],
            }
            bring(door.hub, "A", 1)
            assert await client.ask("ping") == {"type": "pong"}

    run(scenario)
