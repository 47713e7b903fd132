"""`oms watch` against a stream that stands in: it shows events, and ends with a sentence whatever comes."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from click.testing import CliRunner, Result
from websockets.sync.server import ServerConnection, serve

from oms_tools.cli import event_watch
from oms_tools.cli.client import ApiClient, ApiError
from oms_tools.cli.event_watch import HEADING, event_lines, events_of
from oms_tools.cli.main import cli
from tests.ports import free_port

ORDER_ID = "01900000-0000-7000-8000-0000deadbeef"
EVENT = {
    "eventId": "e",
    "orderId": ORDER_ID,
    "accountId": "ACC-INST-001",
    "clientOrderId": "c",
    "sequence": 2,
    "streamSequence": 7,
    "type": "OrderAccepted",
    "status": "ORDER_STATUS_PARTIALLY_FILLED",
    "symbol": "GOOGL",
    "side": "SIDE_SELL",
    "quantity": 10_000,
    "cumQty": 9_900,
    "occurredAt": "2026-03-02T15:00:00.123456Z",
    "orderAccepted": {"reservedPriceMicros": 1_227_090_000},
}
TRADE = EVENT | {"type": "TradeApplied", "lastQty": 4000, "lastPx": "227.123400", "venueId": "XNYS"}
REFUSAL = {
    "type": "error",
    "error": {
        "code": "INVALID_REQUEST",
        "message": "the request is not valid",
        "fields": [{"field": "accounts", "message": 'unknown account "FOO"'}],
    },
}
CLOSED = (1008, "a bearer token is required")


@contextmanager
def stream(talk: Callable[[ServerConnection], None], **options: Any) -> Iterator[ApiClient]:
    """Serve a stream that talks as told."""
    port = free_port()
    with serve(talk, "127.0.0.1", port, **options) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield ApiClient(f"http://127.0.0.1:{port}", "a-token")
        server.shutdown()
        thread.join()


def saying(*messages: Any, close: tuple[int, str] | None = None) -> Callable[[ServerConnection], None]:
    """Return what takes a subscription, says messages, and closes or waits for the client to go."""

    def talk(socket: ServerConnection) -> None:
        assert json.loads(socket.recv()) == {"type": "subscribe", "accounts": ["FOO"]}
        for message in messages:
            socket.send(message if isinstance(message, str) else json.dumps(message))
        if close is not None:
            socket.close(*close)
        else:
            for _ in socket:
                pass

    return talk


def watched(talk: Callable[[ServerConnection], None], monkeypatch: pytest.MonkeyPatch, *words: str) -> Result:
    with stream(talk) as client:
        monkeypatch.setattr("oms_tools.cli.client.ApiClient.of_stack", lambda _data, _user: client)
        return CliRunner().invoke(cli, ["watch", "--account", "FOO", *words], env={"COLUMNS": "80"})


@pytest.mark.parametrize(
    ("messages", "close", "said"),
    [
        ([REFUSAL], None, 'the request is not valid: accounts: unknown account "FOO"'),
        ([REFUSAL], CLOSED, 'the request is not valid: accounts: unknown account "FOO"'),
        (
            [{"type": "error", "error": {"code": "FORBIDDEN", "message": "no right to read"}}],
            CLOSED,
            "no right to read",
        ),
        ([{"type": "error"}], None, "the stream says: None"),
        ([{"type": "error", "error": "gone"}], None, "the stream says: gone"),
        ([], CLOSED, "the stream ended: a bearer token is required (1008)"),
        ([], (1000, ""), "the stream ended: no reason given (1000)"),
        (
            [{"type": "subscribed"}],
            (1012, "this gateway stops"),
            "the stream ended: this gateway stops (1012)",
        ),
        (["{"], None, "the stream sent what is no JSON"),
    ],
)
def test_a_watch_that_is_refused_or_ends_says_why_in_one_line(
    messages: list[Any], close: tuple[int, str] | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = watched(saying(*messages, close=close), monkeypatch)
    assert result.exit_code == 1
    assert isinstance(result.exception, ApiError)
    assert str(result.exception) == said
    assert result.output == ""


def test_a_stream_that_says_nothing_ends_the_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_watch, "SILENCE_S_MAX", 0.1)
    result = watched(saying(), monkeypatch)
    assert str(result.exception) == "the stream has been silent for 0.1 s"


def test_a_stream_that_cannot_be_opened_ends_the_watch() -> None:
    with pytest.raises(ApiError, match="no stream at ws://127"):
        next(events_of(ApiClient(f"http://127.0.0.1:{free_port()}", "t"), ["FOO"]))
    with (
        stream(saying(), process_request=lambda socket, _request: socket.respond(401, "no token")) as client,
        pytest.raises(ApiError, match=r"the stream at ws://.* was refused with HTTP 401"),
    ):
        next(events_of(client, ["FOO"]))


def test_kinds_of_message_that_are_not_known_are_let_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = [
        {"type": "snapshot", "orders": []},
        {"type": "heartbeat"},
        {"type": "pong"},
        [1],
        "null",
        {},
        {"type": None},
    ]
    events = {"type": "events", "events": [EVENT, {"type": "OfTomorrow", "streamSequence": 8}]}
    result = watched(saying(*odd, events, {"type": "events"}, close=(1012, "stop")), monkeypatch)
    lines = result.output.splitlines()
    assert lines[0] == HEADING
    assert lines[-1].endswith("OfTomorrow")
    assert "{" not in result.output


def test_json_is_every_event_as_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    result = watched(
        saying({"type": "events", "events": [EVENT, TRADE]}, close=(1012, "stop")), monkeypatch, "--json"
    )
    assert [json.loads(line) for line in result.output.splitlines()] == [EVENT, TRADE]


def test_an_event_is_an_aligned_line_of_80_columns() -> None:
    assert len(HEADING) <= 80
    (accepted,) = event_lines(EVENT, 80)
    assert accepted == "15:00:00 deadbeef SELL    9900/10000 GOOGL PARTIALLY_FILLED   1227.09 accepted"
    (trade,) = event_lines(TRADE, 80)
    assert trade.split()[-2:] == ["4000", "XNYS"] and "227.1234" in trade
    for name in ("side", "status", "price"):
        assert HEADING.index(name) < len(accepted)


WORDS = " ".join(f"word{number}" for number in range(40))


@pytest.mark.parametrize(
    "changed",
    [
        {"type": "OrderDenied", "orderDenied": {"denial": f"ORDER_QTY_EXCEEDS_MAX: {WORDS}"}, "lastQty": 0},
        {"type": "OrderCanceled", "orderCanceled": {"reason": WORDS}},
        {"type": "ChildClosed", "childClosed": {"text": WORDS}},
        {"type": "CancelRejected", "text": WORDS},
        {
            "type": "RoutePlaced",
            "routePlaced": {
                "children": [
                    {"quantity": 100_000, "venueId": f"VENUE{n}", "limitPriceMicros": 227_000_000 + n}
                    for n in range(9)
                ]
            },
        },
    ],
)
def test_what_an_event_says_in_words_is_folded_and_loses_none(changed: dict[str, Any]) -> None:
    lines = event_lines(EVENT | {"orderAccepted": None} | changed, 80)
    assert len(lines) > 1 and max(len(line) for line in lines) <= 80
    told = " ".join(line.strip() for line in lines)
    assert WORDS in told or all(f"100000 to VENUE{number}" in told for number in range(9))
