"""The client's stream against a server that drops, doubles, reorders, restarts, refuses, is restored."""

import asyncio
import base64
import itertools
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from oms_client import (
    ApiError,
    AsyncClient,
    Client,
    ForbiddenError,
    InvalidRequestError,
    NoAnswerError,
    OrderEvent,
    Position,
    RefusedError,
    Resync,
    Snapshot,
    StreamEndedError,
    UnauthenticatedError,
    UnreadableAnswerError,
    stream_session,
)
from oms_client import streams as client_streams
from oms_client.stream_session import ACCOUNTS_A_MESSAGE_MAX, StreamSession
from tests.ports import free_port
from tests.stand_in_stream import StandInStream, any_mischief, event, stand_in_stream

SEEDS = range(12)
EVENTS = 30


def sync_items(
    url: str, enough: Callable[[list[Any]], bool], token: Any = "t", **given: Any
) -> tuple[list[Any], Position]:
    """Iterate until there is enough. Returns the items, and where the stream then is."""
    found: list[Any] = []
    accounts = given.pop("accounts", ["A", "B"])
    with Client(url, token) as client, client.stream(accounts, **given) as stream:
        for item in stream:
            found.append(item)
            if enough(found):
                break
        return found, stream.position


def async_items(
    url: str, enough: Callable[[list[Any]], bool], token: Any = "t", **given: Any
) -> tuple[list[Any], Position]:
    """Iterate until there is enough. Returns the items, and where the stream then is."""

    async def run() -> tuple[list[Any], Position]:
        found: list[Any] = []
        accounts = given.pop("accounts", ["A", "B"])
        async with AsyncClient(url, token) as client, client.stream(accounts, **given) as stream:
            async for item in stream:
                found.append(item)
                if enough(found):
                    break
            return found, stream.position

    return asyncio.run(asyncio.wait_for(run(), 30))


@pytest.fixture(autouse=True)
def _waits_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_session, "backoff_s", lambda _tries, _longest_s: 0.001)


both = pytest.mark.parametrize("items", [sync_items, async_items], ids=["sync", "async"])


def sequences(found: list[Any], account: str) -> list[int]:
    """Return the sequences of an account's events, in the order in which they came."""
    return [one.stream_sequence for one in found if isinstance(one, OrderEvent) and one.account_id == account]


def logs(**lengths: int) -> dict[str, list[Any]]:
    """Return logs of accounts."""
    return {name: [event(name, number + 1) for number in range(length)] for name, length in lengths.items()}


def events_of(count: int) -> Callable[[list[Any]], bool]:
    """Return whether so many events have come."""
    return lambda found: sum(isinstance(one, OrderEvent) for one in found) >= count


@both
@pytest.mark.parametrize("seed", SEEDS)
def test_every_event_comes_once_and_in_order_whatever_the_connections_do(items: Any, seed: int) -> None:
    chance = random.Random(seed)
    served = StandInStream(logs(A=EVENTS, B=EVENTS), heads={"A": 3})
    served.mischief = [any_mischief(chance) for _ in range(chance.randrange(1, 9))]
    with stand_in_stream(served):
        found, position = items(served.url, events_of(2 * EVENTS - 3), snapshot=chance.random() < 0.5)
    assert sequences(found, "A") == list(range(4, EVENTS + 1)), seed
    assert sequences(found, "B") == list(range(1, EVENTS + 1)), seed
    assert position == Position(epoch="e1", sequences={"A": EVENTS, "B": EVENTS})


@both
def test_a_stream_begins_with_snapshots_and_goes_on_from_where_another_was(items: Any) -> None:
    served = StandInStream(logs(A=5, B=5), heads={"A": 2, "B": 5})
    with stand_in_stream(served):
        found, _ = items(served.url, events_of(1))
        assert [(one.account_id, one.stream_sequence) for one in found[:2] if isinstance(one, Snapshot)] == [
            ("A", 2),
            ("B", 5),
        ]
        resume = Position(epoch="e1", sequences={"A": 3})
        found, _ = items(served.url, events_of(2), resume=resume)
        assert sequences(found, "A") == [4, 5]
        assert [one.account_id for one in found if isinstance(one, Snapshot)] in ([], ["B"])
    assert served.said[1][0] == {"type": "subscribe", "accounts": ["A"], "from": {"A": 3}, "epoch": "e1"}
    assert served.said[1][1] == {"type": "subscribe", "accounts": ["B"], "snapshot": True}


@both
def test_another_epoch_is_a_resync_and_a_new_beginning(items: Any) -> None:
    served = StandInStream(logs(A=9, B=0), heads={"A": 6})
    served.mischief = [lambda events: (events[:2], 1013)]

    def restored(found: list[Any]) -> bool:
        if len(sequences(found, "A")) == 2 and served.epoch == "e1":
            served.epoch, served.heads = "e2", {"A": 1}
            served.logs = logs(A=3, B=0)
        return any(isinstance(one, Resync) for one in found) and len(sequences(found, "A")) == 4

    with stand_in_stream(served):
        found, position = items(served.url, restored)
    resync = next(one for one in found if isinstance(one, Resync))
    assert (resync.accounts, resync.epoch) == (["A", "B"], "e2")
    after = found[found.index(resync) + 1 :]
    assert [one.stream_sequence for one in after if isinstance(one, Snapshot) and one.account_id == "A"] == [
        1
    ]
    assert sequences(found, "A") == [7, 8, 2, 3]
    assert position.epoch == "e2"


@both
@pytest.mark.parametrize("refusal", [1001, 1011, 1012, 1013, 429, 500, 503])
def test_an_end_for_now_is_followed_by_another_connection(items: Any, refusal: int) -> None:
    served = StandInStream(logs(A=1, B=0), refusals=[refusal, refusal])
    with stand_in_stream(served):
        found, _ = items(served.url, events_of(1))
    assert sequences(found, "A") == [1]
    assert len(served.tokens) == 3


ENDS = [
    (1000, StreamEndedError, r"the stream ended: as the test says \(1000\)"),
    (1002, StreamEndedError, r"the stream ended: as the test says \(1002\)"),
    (1009, StreamEndedError, r"the stream ended: as the test says \(1009\)"),
    (1008, UnauthenticatedError, r"the stream ended: as the test says \(1008\)"),
    (401, UnauthenticatedError, r"the stream at ws://.* was refused with HTTP 401"),
    (403, RefusedError, r"the stream at ws://.* was refused with HTTP 403"),
    (404, RefusedError, r"the stream at ws://.* was refused with HTTP 404"),
]


@both
@pytest.mark.parametrize(("refusal", "kind", "said"), ENDS)
def test_an_end_for_good_is_an_error(items: Any, refusal: int, kind: type[ApiError], said: str) -> None:
    served = StandInStream(logs(A=1, B=0), refusals=[refusal] * 9)
    with stand_in_stream(served), pytest.raises(kind, match=said):
        items(served.url, events_of(1))
    assert len(served.tokens) == 1


@both
@pytest.mark.parametrize("refusal", [1008, 401])
def test_a_token_that_is_refused_is_renewed_and_the_stream_goes_on(items: Any, refusal: int) -> None:
    tokens = (f"token-{number}" for number in itertools.count())
    served = StandInStream(logs(A=4, B=0), mischief=[lambda events: (events[:2], 1012)])
    with stand_in_stream(served):

        def refusing(found: list[Any]) -> bool:
            if len(sequences(found, "A")) == 2 and len(served.tokens) == 1:
                served.refusals = [refusal]
            return events_of(4)(found)

        found, _ = items(served.url, refusing, token=lambda: next(tokens))
        assert sequences(found, "A") == [1, 2, 3, 4]
        assert served.tokens == ["token-0", "token-0", "token-1"]
        # Tokens that are all refused end it.
        served.refusals = [refusal] * 9
        with pytest.raises(UnauthenticatedError):
            items(served.url, events_of(1), token=lambda: next(tokens))
        assert len(served.tokens) == 6


def jwt(seconds: float) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": time.time() + seconds, "n": seconds}).encode())
    return f"e30.{claims.decode().rstrip('=')}.c2ln"


@both
def test_a_token_is_renewed_on_the_open_stream_before_it_expires(items: Any) -> None:
    given: list[str] = []

    def source() -> str:
        given.append(jwt(600 if given else 1))
        return given[-1]

    heard = threading.Event()
    served = StandInStream(logs(A=1, B=0))
    plain_talk = served.talk

    def talk(socket: Any) -> None:
        send = socket.send

        def sent(text: str) -> None:
            send(text)
            if "authenticated" in text:
                heard.set()
                send(json.dumps({"type": "events", "events": [event("A", 2)]}))

        socket.send = sent
        plain_talk(socket)

    served.talk = talk  # type: ignore[method-assign]
    with stand_in_stream(served):
        found, _ = items(served.url, events_of(2), token=source)
    assert sequences(found, "A") == [1, 2]
    assert heard.is_set() and len(served.tokens) == 1
    assert served.said[0][-1] == {"type": "auth", "token": given[1]}


def said_by(message: Any) -> StandInStream:
    """Return a stream whose first word is this."""
    served = StandInStream(logs(A=1, B=0))

    def talk(socket: Any) -> None:
        socket.send(message if isinstance(message, str) else json.dumps(message))
        for _ in socket:
            pass

    served.talk = talk  # type: ignore[method-assign]
    return served


def refusal(code: str) -> dict[str, Any]:
    fields = [{"field": "accounts", "message": "unknown account"}]
    return {"type": "error", "error": {"code": code, "message": "not so", "fields": fields}}


WORDS = [
    ("{", UnreadableAnswerError, "the stream sent what is no JSON"),
    ({"type": "events", "events": [{"type": "X"}]}, UnreadableAnswerError, "not what this client reads"),
    ({"type": "snapshot"}, UnreadableAnswerError, "not what this client reads"),
    (refusal("INVALID_REQUEST"), InvalidRequestError, "not so: accounts: unknown account"),
    (refusal("FORBIDDEN"), ForbiddenError, "not so: accounts: unknown account"),
    ({"type": "error"}, RefusedError, "the stream says: None"),
    ({"type": "error", "error": "gone"}, RefusedError, "the stream says: gone"),
    ({"type": "unsubscribed", "accounts": ["A"]}, ForbiddenError, "the token no longer sees A"),
]


@both
@pytest.mark.parametrize(("message", "kind", "said"), WORDS)
def test_a_refusal_and_nonsense_end_the_stream_in_one_line(
    items: Any, message: Any, kind: type[ApiError], said: str
) -> None:
    with stand_in_stream(said_by(message)) as served, pytest.raises(kind, match=said) as found:
        items(served.url, events_of(1))
    assert "\n" not in str(found.value)


@both
def test_kinds_of_message_and_accounts_that_are_not_known_are_let_pass(items: Any) -> None:
    served = StandInStream(logs(A=2, B=0))
    plain_talk = served.talk

    def talk(socket: Any) -> None:
        for odd in ([1], None, {}, {"type": "of tomorrow"}, {"type": "heartbeat"}, {"type": "pong"}):
            socket.send(json.dumps(odd))
        socket.send(json.dumps({"type": "events", "events": [event("C", 1), event("A", 2)]}))
        plain_talk(socket)

    served.talk = talk  # type: ignore[method-assign]
    with stand_in_stream(served):
        found, _ = items(served.url, events_of(2))
    assert [one for one in found if not isinstance(one, Snapshot)] == [
        one for one in found if isinstance(one, OrderEvent) and one.account_id == "A"
    ]
    assert sequences(found, "A") == [1, 2]


@both
def test_what_comes_again_is_let_pass_on_the_same_connection(items: Any) -> None:
    served = StandInStream(
        logs(A=3, B=0), mischief=[lambda events: ([events[0], *events[:2], *events], None)]
    )
    plain_talk = served.talk

    def talk(socket: Any) -> None:
        send = socket.send

        def sent(text: str) -> None:
            send(text)
            if '"snapshot"' in text:
                send(text.replace('"streamSequence": 0', '"streamSequence": 2'))

        socket.send = sent
        plain_talk(socket)

    served.talk = talk  # type: ignore[method-assign]
    with stand_in_stream(served):
        found, _ = items(served.url, events_of(3))
    assert sequences(found, "A") == [1, 2, 3]
    assert sum(isinstance(one, Snapshot) for one in found) == 2
    assert len(served.tokens) == 1


@both
def test_a_stream_that_says_nothing_is_connected_again(items: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_streams, "SILENCE_S_MAX", 0.1)
    served = StandInStream(logs(A=1, B=0))
    plain_talk, silent = served.talk, iter([True])

    def talk(socket: Any) -> None:
        if next(silent, False):
            for _ in socket:
                pass
        plain_talk(socket)

    served.talk = talk  # type: ignore[method-assign]
    with stand_in_stream(served):
        found, _ = items(served.url, events_of(1))
    assert sequences(found, "A") == [1]
    assert len(served.tokens) == 2


@both
def test_a_stream_that_cannot_be_opened_is_given_up_after_its_time(items: Any) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(NoAnswerError, match="no stream at ws://127"):
        items(url, events_of(1), reconnect_s_max=0.3)


@both
def test_a_server_that_always_leaves_one_out_is_given_up_after_its_time(items: Any) -> None:
    served = StandInStream(logs(A=9, B=0))
    served.mischief = [lambda events: ([one for one in events if one["streamSequence"] != 3], None)] * 99_999
    found: list[Any] = []
    with (
        stand_in_stream(served),
        pytest.raises(NoAnswerError, match="the stream of A went from 2 to 4, expected 3"),
    ):
        items(served.url, lambda items: bool(found.extend(items[len(found) :])), reconnect_s_max=0.5)
    assert sequences(found, "A") == [1, 2]


def test_a_stream_is_ended_by_another_thread() -> None:
    served = StandInStream(logs(A=1, B=0))
    with stand_in_stream(served), Client(served.url, "t") as client:
        stream = client.stream(["A"])
        threading.Timer(0.2, stream.close).start()
        assert [type(one) for one in stream] == [Snapshot, OrderEvent]


def test_a_stream_is_ended_by_another_task() -> None:
    served = StandInStream(logs(A=1, B=0))

    async def run() -> list[type]:
        async with AsyncClient(served.url, "t") as client:
            stream = client.stream(["A"])

            async def collect() -> list[type]:
                return [type(one) async for one in stream]

            task = asyncio.create_task(collect())
            await asyncio.sleep(0.2)
            await stream.close()
            return await asyncio.wait_for(task, 5)

    with stand_in_stream(served):
        assert asyncio.run(run()) == [Snapshot, OrderEvent]


def test_an_event_has_the_words_of_rest_and_all_that_was_published() -> None:
    published = event(
        "A", 1, type="TradeApplied", status="ORDER_STATUS_FILLED", lastQty=100, lastPx="227.420000",
        tradeApplied={"execId": "x-1"}, ofTomorrow=7,
    )  # fmt: skip
    session = StreamSession(["A"], resume=Position(epoch="e1", sequences={"A": 0}))
    (found,) = session.received(json.dumps({"type": "events", "events": [published]}))
    assert isinstance(found, OrderEvent)
    assert (found.status, found.side, str(found.last_px)) == ("FILLED", "BUY", "227.420000")
    assert found.published == published
    assert found.body == {"execId": "x-1"}


def test_many_accounts_are_named_in_several_messages() -> None:
    accounts = [f"ACC-{number}" for number in range(ACCOUNTS_A_MESSAGE_MAX + 1)]
    known = Position(epoch="e1", sequences=dict.fromkeys(accounts, 5))
    for resume in (None, known):
        messages = [json.loads(text) for text in StreamSession(accounts, resume=resume).opening()]
        assert [len(message["accounts"]) for message in messages] == [ACCOUNTS_A_MESSAGE_MAX, 1]


@pytest.mark.parametrize("accounts", ["ACC-INST-001", []])
def test_accounts_that_are_none_are_said_so(accounts: Any) -> None:
    with pytest.raises(ValueError, match="expected a list of accounts"):
        StreamSession(accounts)


LEFT_OPEN = """
from oms_client import Client

def listen(client):
    for item in client.stream(["A"]):
        return

"""
PROGRAM_S_MAX = 10.0
WAYS = {
    "in a block": "with Client({url!r}, 't') as client:\n    listen(client)",
    "and the client, too": "listen(Client({url!r}, 't'))",
}


@pytest.mark.parametrize("way", WAYS)
def test_a_program_that_leaves_a_stream_open_ends_all_the_same(way: str) -> None:
    served = StandInStream({"A": [event("A", 1)]})
    with stand_in_stream(served):
        program = LEFT_OPEN + WAYS[way].format(url=served.url)
        ended = subprocess.run([sys.executable, "-c", program], timeout=PROGRAM_S_MAX, check=False)
    assert ended.returncode == 0
