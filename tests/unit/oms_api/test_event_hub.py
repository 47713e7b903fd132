"""What a client gets of an event is what core published, to the byte, and several in a frame."""

import asyncio
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from oms_api.entrypoints import event_hub
from oms_api.entrypoints.event_hub import EventHub, HubClient
from oms_api.entrypoints.event_tail import read_event
from oms_api.ports import AccountSnapshot, EncodedEvent, UnavailableError
from oms_platform.ids import uuid7
from oms_platform.kafka.consumers import EncodedRecord
from oms_platform.messages import OrderEvent
from oms_platform.vocabulary import OrderStatus, Side, TradeApplied
from oms_platform.wire import encode

NOW = datetime(2026, 1, 5, 14, 30, 0, 5, tzinfo=UTC)


def event(sequence: int, account_id: str = "A") -> OrderEvent:
    return OrderEvent(
        event_id=uuid7(),
        order_id=uuid7(),
        account_id=account_id,
        client_order_id="c-é-\u2028",
        sequence=2,
        stream_sequence=sequence,
        type="TradeApplied",
        status=OrderStatus.FILLED,
        symbol="AAPL",
        side=Side.BUY,
        quantity=100,
        cum_qty=100,
        avg_px=Decimal("187.200000"),
        last_qty=100,
        last_px=Decimal("187.200000"),
        venue_id="XNAS",
        occurred_at=NOW,
        trade_applied=TradeApplied(
            venue_id="XNAS",
            exec_id="E1",
            cl_ord_id="c",
            last_qty=100,
            last_px_micros=187_200_000,
            transact_time=NOW,
            received_at=NOW,
        ),
    )


def read(payload: bytes) -> EncodedEvent:
    found = read_event(EncodedRecord("OrderEvent", payload, "trace"))
    assert found is not None
    return found


def test_of_an_event_its_place_is_read_and_its_text_kept() -> None:
    made = event(7)
    payload = encode(made)
    found = read(payload)
    assert (found.event.account_id, found.event.stream_sequence) == ("A", 7)
    assert (found.event.order_id, found.event.type) == (str(made.order_id), "TradeApplied")
    assert (found.event.occurred_at, found.trace) == (NOW, "trace")
    assert found.text.encode() == payload


@pytest.mark.parametrize(
    "payload",
    [b"", b"{", b"[]", b'{"accountId":"A"}', b"\xff\xfe", encode(event(1))[:-1], encode(event(1)) + b"}"],
)
def test_what_is_no_event_is_left_out(payload: bytes) -> None:
    assert read_event(EncodedRecord("OrderEvent", payload, "")) is None


def test_a_text_that_is_no_unicode_is_left_out() -> None:
    assert read_event(EncodedRecord("OrderEvent", encode(event(1)).replace(b"AAPL", b"\xff\xff"), "")) is None


def frames(client: HubClient) -> list[Any]:
    found = []
    while (frame := client.next_frame()) is not None:
        found.append(frame)
    return found


def test_events_that_wait_go_out_in_one_frame_and_answers_between_them_keep_their_place() -> None:
    client = HubClient()
    for item in ("1", "2"):
        client.push_event(item)
    client.push('{"type":"pong"}')
    client.push_event("3")
    assert frames(client) == [
        '{"type":"events","events":[1,2]}',
        '{"type":"pong"}',
        '{"type":"events","events":[3]}',
    ]


def test_a_frame_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_hub, "EVENTS_PER_FRAME_MAX", 3)
    client = HubClient()
    for number in range(7):
        client.push_event(str(number))
    sizes = [len(json.loads(frame)["events"]) for frame in frames(client)]
    assert sizes == [3, 3, 1]


def test_a_client_that_does_not_read_is_given_up_and_its_queue_does_not_grow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_hub, "CLIENT_QUEUE_MAX", 5)

    async def scenario() -> None:
        client = HubClient()
        for number in range(50):
            client.push_event(str(number))
        await client.wait_until_given_up()
        await client.wait_for_room()
        (frame,) = frames(client)
        assert json.loads(frame)["events"] == [0, 1, 2, 3, 4]

    asyncio.run(scenario())


class Store:
    """The store of record, and whether it answers."""

    def __init__(self) -> None:
        self.events: list[tuple[int, str]] = []
        self.away = False
        self.name = "e1"
        self.pages = 0

    async def stream_heads(self, accounts: list[str]) -> dict[str, int]:
        if self.away:
            raise UnavailableError("away")
        return dict.fromkeys(accounts, max((number for number, _ in self.events), default=0))

    async def events_after(self, _account: str, sequence: int, rows_max: int) -> list[tuple[int, str]]:
        self.pages += 1
        return [row for row in self.events if row[0] > sequence][:rows_max]

    async def epoch(self) -> str:
        return self.name

    async def snapshot(self, _account: str, _rows_max: int) -> AccountSnapshot:
        return AccountSnapshot(max((number for number, _ in self.events), default=0), self.name, [])


class Broker:
    available = True


def test_what_comes_live_and_what_is_caught_up_are_the_same_bytes() -> None:
    payloads = {number: encode(event(number)) for number in range(1, 6)}

    async def scenario() -> None:
        store = Store()
        store.events = [(number, payloads[number].decode()) for number in (1, 2, 3)]
        hub, client = EventHub(store, Broker()), HubClient()
        assert await hub.reserve("A") == 3
        await hub.subscribe(client, "A", 1)
        hub.on_events([read(payloads[5]), read(payloads[4]), read(payloads[4])])
        (frame,) = frames(client)
        assert frame.encode() == (
            b'{"type":"events","events":[' + b",".join(payloads[number] for number in (2, 3, 4, 5)) + b"]}"
        )
        assert [UUID(body["eventId"]).version for body in json.loads(frame)["events"]] == [7] * 4

    asyncio.run(scenario())


def stored(count: int) -> list[tuple[int, str]]:
    return [(number, str(number)) for number in range(1, count + 1)]


def test_a_subscription_that_is_asked_for_again_takes_the_place_of_the_one_that_is_read() -> None:
    async def scenario() -> None:
        store = Store()
        store.events = stored(3_000)
        hub, client = EventHub(store, Broker()), HubClient()
        for _ in range(1_000):
            await hub.reserve("A")
            task = hub.subscribe(client, "A", 0)
        await asyncio.sleep(0.05)
        # Nobody reads: what is read is what there is room for, once.
        assert store.pages <= 3
        assert not task.done()
        hub.unsubscribe_all(client)
        await asyncio.gather(task, return_exceptions=True)
        pages = store.pages
        await asyncio.sleep(0.05)
        assert (store.pages, hub._channels) == (pages, {})

    asyncio.run(scenario())


def test_who_listens_no_more_is_read_nothing_for_and_keeps_no_stream_open() -> None:
    async def scenario() -> None:
        store = Store()
        store.events = stored(3_000)
        hub, client = EventHub(store, Broker()), HubClient()
        listening: list[bool] = []
        hub.on_listening = listening.append
        await hub.reserve("A")
        hub.subscribe(client, "A", 0)
        # It has not begun yet.
        hub.unsubscribe(client, "A")
        await asyncio.sleep(0.01)
        assert (store.pages, client.accounts, hub._channels, listening) == (0, [], {}, [True, False])

    asyncio.run(scenario())


def test_a_client_that_reads_is_sent_everything_once_while_another_one_reads_nothing() -> None:
    async def scenario() -> None:
        store = Store()
        hub, quick, slow = EventHub(store, Broker()), HubClient(), HubClient()
        for client in (quick, slow):
            await hub.reserve("A")
            await hub.subscribe(client, "A", 0)
        got: list[Any] = []
        for number in range(1, event_hub.CLIENT_QUEUE_MAX + 502):
            hub.on_events([read(encode(event(number)))])
            if not number % 500:
                got += [
                    item["streamSequence"] for text in frames(quick) for item in json.loads(text)["events"]
                ]
        got += [item["streamSequence"] for text in frames(quick) for item in json.loads(text)["events"]]
        assert got == list(range(1, event_hub.CLIENT_QUEUE_MAX + 502))
        assert (quick.given_up, await slow.wait_until_given_up()) == ("", event_hub.TOO_SLOW)

    asyncio.run(scenario())


def test_large_messages_that_wait_leave_no_room_for_more() -> None:
    async def scenario() -> None:
        client = HubClient()
        client.push("x" * (event_hub.CATCH_UP_CHARACTERS + 1))
        room = asyncio.create_task(client.wait_for_room())
        await asyncio.sleep(0.01)
        assert not room.done()
        assert client.next_frame() is not None
        await asyncio.wait_for(room, 1)

    asyncio.run(scenario())


def test_when_the_database_is_another_one_every_client_is_let_go_and_streams_begin_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_hub, "EPOCH_S_MAX", 0.0)

    async def scenario() -> None:
        store = Store()
        store.events = stored(9)
        hub, client = EventHub(store, Broker()), HubClient()
        hub.socket_opened(client)
        assert await hub.epoch() == "e1"
        assert await hub.reserve("A") == 9
        await hub.subscribe(client, "A", 9)
        store.events, store.name = stored(4), "e2"
        assert await hub.epoch() == "e2"
        assert await client.wait_until_given_up() == event_hub.OTHER_EPOCH
        # Also while the first client is not gone yet.
        assert await hub.reserve("A") == 4

    asyncio.run(scenario())
