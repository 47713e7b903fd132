"""What is said on the WebSocket, both ways, is what docs/asyncapi.yaml says: frames of a run, one by one."""

import asyncio
import json
import re
import typing
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest
import yaml

from oms_api.domain.refusal import RefusalCode
from oms_api.entrypoints import event_hub, http_server, state_channels, stream_requests, websocket
from oms_api.ports import AlertView, ExecutionView, OrderView, QuoteView, StreamedPosition
from oms_platform.ids import uuid7
from oms_platform.messages import OrderEvent
from oms_platform.vocabulary import OrderStatus, Side
from oms_platform.wire import encode
from tests.unit.oms_api.stream_rig import Client, Door, serving
from tests.unit.oms_api.test_event_hub import event, read
from tests.unit.oms_api.test_handlers import view
from tests.unit.oms_api.test_stream_channels import ORDER, alert, position, quote

PAGE = Path(__file__).parents[2] / "docs" / "asyncapi.yaml"
DOCUMENT: dict[str, Any] = yaml.safe_load(PAGE.read_text())
SCHEMAS = DOCUMENT["components"]["schemas"]
OF_CLIENTS, OF_SERVER = (
    {item["$ref"].rsplit("/", 1)[1] for item in DOCUMENT["operations"][name]["messages"]}
    for name in ("ask", "tell")
)


def check(frame: dict[str, Any], names: set[str]) -> None:
    """Hold a frame to the schema of its type, which has to be one of some."""
    assert frame["type"] in names
    schema = {"$ref": f"#/components/schemas/{frame['type']}"} | DOCUMENT
    jsonschema_rs.validate(schema, frame, validate_formats=True)


def references(value: object) -> list[str]:
    """Return every reference of the document."""
    if isinstance(value, dict):
        own = [value["$ref"]] if "$ref" in value else []
        return [*own, *(found for item in value.values() for found in references(item))]
    if isinstance(value, list):
        return [found for item in value for found in references(item)]
    return []


def test_every_reference_leads_somewhere_and_every_message_has_a_channel_a_schema_and_a_direction() -> None:
    for reference in references(DOCUMENT):
        place: Any = DOCUMENT
        for name in reference.removeprefix("#/").split("/"):
            place = place[name]
        assert place
    messages = set(DOCUMENT["components"]["messages"])
    assert set(DOCUMENT["channels"]["stream"]["messages"]) == messages == OF_CLIENTS | OF_SERVER
    assert not OF_CLIENTS & OF_SERVER
    for name in SCHEMAS:
        jsonschema_rs.meta.validate(SCHEMAS[name])
    assert set(stream_requests.TYPES) == OF_CLIENTS


class Recorded(Client):
    """A client whose frames are noted, both ways."""

    def __init__(self, client: Client) -> None:
        super().__init__(client.socket)
        self.said: list[dict[str, Any]] = []

    async def say(self, kind: str, **fields: Any) -> None:
        self.said.append({"type": kind} | fields)
        await super().say(kind, **fields)


def test_every_frame_of_a_run_is_what_the_document_says_and_every_message_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(websocket, "HEARTBEAT_S", 0.1)
    for name in ("POSITIONS_EVERY_S", "QUOTES_EVERY_S", "ALERTS_EVERY_S"):
        monkeypatch.setattr(state_channels, name, 0.01)
    said: list[dict[str, Any]] = []
    got: list[dict[str, Any]] = []

    async def talk(client: Recorded, door: Door) -> None:
        door.tokens.give("t", "A", "B", role="trader")
        door.tokens.give("less", "B")
        door.store.orders = [
            view(),
            view(limit_price=None, stop_price=None, routing={"profile": "staged"}, cum_qty=1, leaves_qty=0),
        ]
        door.store.events = [(number, encode(event(number)).decode()) for number in (1, 2, 3)]
        await client.ask("auth", token="t")
        await client.ask("subscribe", accounts=["A"], epoch="e1", **{"from": {"A": 1}})
        await client.next()
        await client.ask("subscribe", accounts=["A", "B"], snapshot=True)
        await client.next()
        await client.next()
        door.hub.on_events([read(encode(event(4)))])
        await client.next()
        await client.ask("subscribe", accounts=["A"], epoch="e0")
        await client.ask("subscribe", accounts=["Z"])
        await client.ask("ping")
        door.desk.held = {"a": position("A", "S", 1)}
        untraded = {"last_price": None, "last_size": None, "volume": None}
        door.desk.quoted = {"S": msgspec.structs.replace(quote("S", 1), **untraded)}
        door.desk.attention = [alert("x", "A"), alert("k", None, "KILL_SWITCH")]
        every = ["orders", "executions", "positions", "quotes", "alerts"]
        await client.ask("subscribe", accounts=["A"], symbols=["S"], channels=every, snapshot=True)
        for _ in range(4):
            await client.next()
        door.desk.held, door.desk.quoted, door.desk.attention = (
            {"a": position("A", "S", 2)}, {"S": quote("S", 2)}, [],
        )  # fmt: skip
        door.states.on_events([read(encode(event(1)))])
        while {"positions", "quotes", "alerts"} - {frame["type"] for frame in client.got[-3:]}:
            await client.next()
        await client.ask("unsubscribe", channels=["quotes", "alerts"], symbols=["S"])
        await client.ask("place", id="1", order=ORDER)
        await client.ask("place", id="2", order={})
        door.reference.order_view = view()
        await client.ask("cancel", id="3", orderId=str(uuid7()))
        await client.ask("placeOrders", id="4", orders=[ORDER, {}])
        await client.ask("placeOrders", id="4", orders=[ORDER, {}], allOrNothing=True)
        await client.ask("placeOrders", id="4", orders=[ORDER], allOrNothing=True, checkOnly=True)
        for kind, more in (("replace", {"replace": {"quantity": 9}}), ("suspend", {"key": "k"})):
            await client.ask(kind, id="5", orderId=str(uuid7()), **more)
        await client.ask("resume", id="6", orderId=str(uuid7()))
        for kind in ("cancelOrders", "suspendOrders", "resumeOrders"):
            await client.ask(kind, id="7", selection={"symbol": ["S"], "orderId": [str(uuid7())]})
        await client.ask("auth", token="less")
        await client.next()
        await client.ask("auth", token="bad")
        await client.ask("unsubscribe", accounts=["B"])
        await client.next()

    async def scenario() -> None:
        async with serving() as door, door.client(None) as plain:
            client = Recorded(plain)
            await talk(client, door)
            said.extend(client.said)
            got.extend(client.got)
            for text in ("{", "[]", "{}", '{"type":"unsubscribe","accounts":[7]}'):
                await client.socket.send_str(text)
                got.append(await client.next())

    asyncio.run(scenario())
    for frame in said:
        check(frame, OF_CLIENTS)
    for frame in got:
        check(frame, OF_SERVER)
    assert {frame["type"] for frame in said} == OF_CLIENTS
    assert {frame["type"] for frame in got} == OF_SERVER


def test_a_frame_with_a_field_that_the_document_does_not_have_is_found() -> None:
    for frame in (
        {"type": "pong", "x": 1},
        {"type": "subscribed", "accounts": [], "streamSequence": {}},
        {"type": "x"},
    ):
        with pytest.raises((jsonschema_rs.ValidationError, AssertionError)):
            check(frame, OF_SERVER)


def test_orders_and_events_have_the_fields_that_the_document_gives_them() -> None:
    order = {field.encode_name for field in msgspec.structs.fields(OrderView)}
    assert set(SCHEMAS["order"]["properties"]) == set(SCHEMAS["order"]["required"]) == order
    assert {status.name for status in OrderStatus} - set(
        SCHEMAS["order"]["properties"]["status"]["enum"]
    ) == {
        "FILLED",
        "CANCELED",
        "REJECTED",
        "EXPIRED",
    }
    fields = msgspec.structs.fields(OrderEvent)
    changes = {
        field.name for field in fields if typing.get_origin(field.type) is not None and "_" in field.name
    }
    known = {field.encode_name for field in fields}
    assert set(SCHEMAS["orderEvent"]["properties"]) <= known
    kinds = {re.sub("(?:^|_)(.)", lambda found: found[1].upper(), name) for name in changes}
    assert set(SCHEMAS["orderEvent"]["properties"]["type"]["enum"]) <= kinds
    assert json.loads(encode(event(1)))["side"] == f"SIDE_{Side.BUY.name}"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("execution", ExecutionView),
        ("position", StreamedPosition),
        ("quote", QuoteView),
        ("alert", AlertView),
    ],
)
def test_what_is_told_as_rest_tells_it_has_the_fields_that_the_document_gives_it(
    name: str, kind: type[msgspec.Struct]
) -> None:
    fields = {field.encode_name for field in msgspec.structs.fields(kind)}
    assert set(SCHEMAS[name]["properties"]) == set(SCHEMAS[name]["required"]) == fields


def test_the_documents_bounds_and_codes_are_those_of_the_door() -> None:
    text = DOCUMENT["info"]["description"].replace(",", "")
    for bound in (
        http_server.MESSAGE_BYTES_MAX,
        http_server.FRAGMENTS_MAX,
        websocket.MESSAGES_BURST,
        websocket.MESSAGES_PER_S,
        event_hub.CLIENT_QUEUE_MAX,
        round(websocket.SEND_S_MAX),
        round(websocket.AUTH_WAIT_S),
        round(http_server.PONG_S_MAX),
        websocket.ORDERS_AT_ONCE_MAX,
        event_hub.SNAPSHOT_EXECUTIONS_MAX,
        round(1 / state_channels.POSITIONS_EVERY_S),
        round(1 / state_channels.QUOTES_EVERY_S),
    ):
        assert re.search(rf"\b{bound}\b", text), bound
    for code in (
        1000,
        1002,
        1007,
        1009,
        1011,
        websocket.CLOSE_REFUSED,
        websocket.CLOSE_RESTART,
        websocket.CLOSE_TRY_AGAIN,
    ):
        assert re.search(rf"\b{code}\b", text), code
    assert SCHEMAS["symbols"]["maxItems"] == stream_requests.SYMBOLS_MAX
    assert set(SCHEMAS["channels"]["items"]["enum"]) == {one.value for one in stream_requests.StreamChannel}
    assert SCHEMAS["accounts"]["maxItems"] == stream_requests.ACCOUNTS_MAX
    assert SCHEMAS["snapshot"]["properties"]["orders"]["maxItems"] == event_hub.SNAPSHOT_ORDERS_MAX
    assert SCHEMAS["events"]["properties"]["events"]["maxItems"] == event_hub.EVENTS_PER_FRAME_MAX
    codes = SCHEMAS["refusal"]["properties"]["code"]["enum"]
    assert set(codes) <= {code.value for code in RefusalCode}
