"""Two tenants at every door: what is another's looks like what is not there, and is in no answer."""

import asyncio
import json
import uuid
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any, Final

import aiohttp
import psycopg
import pytest
from google.protobuf.descriptor import ServiceDescriptor
from grpclib.client import Channel
from grpclib.reflection.v1.reflection_grpc import ServerReflectionStub
from grpclib.reflection.v1.reflection_pb2 import ServerReflectionRequest

from oms_api.entrypoints.stream_requests import OF_ACCOUNTS, TYPES, StreamChannel
from proto.structs import compiled
from tests.integration.api_rig import Gateway, call, event, gateway_alone, store_events
from tests.raw_grpc import RawAnswer, framed, raw_client
from tests.tenants import (
    CHANNELS_WITHOUT_ACCOUNTS,
    GRPC,
    GRPC_OPEN,
    SHARED,
    STREAM_TYPES,
    Names,
    grpc_questions,
    operations,
    rest_questions,
    stream_questions,
)

OWNER, OTHER = "trader1", "trader2"
ACCOUNT: Final = "ACC-INST-001"
OTHERS_ACCOUNT: Final = "ACC-RET-001"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, postgres_port: int, redis_port: int) -> Iterator[Gateway]:
    with gateway_alone(tmp_path_factory.mktemp("tenants"), postgres_port, redis_port) as made:
        yield made


def _one_of_everything(api: Gateway, user: str, account: str) -> Names:
    """Make what a tenant may own: an order with an event and an exception."""
    asked = Names(accountId=account)
    placed = api.place(user, clientOrderId=asked.clientOrderId, accountId=account).json["orderId"]
    names = replace(asked, orderId=placed)
    store_events(api, event(account, 1, order_id=uuid.UUID(placed), client_order_id=names.clientOrderId))
    with psycopg.connect(api.dsn, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO execution_exceptions (exception_id, identity, kind, raised_by, venue_id, order_id,"
            " account_id, symbol, side, detail, raw, raised_at)"
            " VALUES (%s, %s, 'UNKNOWN_ORDER', 'adapter', 'XNAS', %s, %s, 'AAPL', 'BUY', 'seen', '', now())",
            (names.exceptionId, account, placed, account),
        )
        connection.execute(
            "INSERT INTO risk_alerts (alert_id, rule, scope, account_id, level, share_pct, value, bound,"
            " headroom, worst, unit, set_for, times_raised, version, first_seen, last_seen) VALUES (%s,"
            " 'NET_EXPOSURE_EXCEEDED', jsonb_build_object('account', %s::text), %s, 'BREACH', 100, '2',"
            " '1', '-1', '2', 'dollars', '', 1, 1, now(), now())",
            (names.alertId, account, account),
        )
        connection.execute(
            "WITH report AS (INSERT INTO surveillance_reports VALUES (gen_random_uuid(), current_date,"
            " '{WASH}', '{}', 1, 1, '', 'risk1', now()) RETURNING report_id)"
            " INSERT INTO surveillance_findings SELECT %s, report_id, %s, 'WASH', 'FIRM', ARRAY[%s], 'AAPL',"
            " ARRAY[%s::uuid], now(), now(), '{}', 'so' FROM report",
            (names.findingId, names.findingId, account, placed),
        )
    return names


@pytest.fixture(scope="module")
def own(api: Gateway) -> Names:
    """What the other tenant owns."""
    return _one_of_everything(api, OTHER, OTHERS_ACCOUNT)


@pytest.fixture(scope="module")
def foreign(api: Gateway) -> Names:
    """What the owner owns, a stop and a limit of its account."""
    names = _one_of_everything(api, OWNER, ACCOUNT)
    stopped = api.call("POST", "/api/v1/kill-switches", {"accountId": ACCOUNT, "reason": "news"}, "admin1")
    assert stopped.status == 201, stopped.body
    limit = {"rule": "SELF_CROSS", "scope": {"account": ACCOUNT}, "mode": "OFF", "reason": "news"}
    assert api.call("PUT", "/api/v1/risk/limits", limit, "admin1").status == 200
    return names


@pytest.fixture(scope="module")
def contract(api: Gateway) -> dict[str, Any]:
    found: dict[str, Any] = call(api.http_port, "GET", "/openapi.json").json
    return found


def test_rest_answers_of_what_is_foreign_as_of_what_is_unknown(
    api: Gateway, contract: dict[str, Any], foreign: Names, own: Names
) -> None:
    questions = rest_questions(contract, own)
    for where, question in questions.items():
        unknown = Names()
        seen = []
        for names in (foreign, unknown):
            method, path, body = question(names)
            reply = api.call(method, path, body, OTHER, X_Request_Id="r")
            seen.append((reply.status, names.masked(reply.body)))
        assert seen[0] == seen[1], where
        # What sor-answers would answer, which is not there.
        away = (503,) if where.startswith("getExecutionQuality") else ()
        # Of many orders, what is foreign is not among them.
        many = (202,) if where.startswith(("cancelOrders", "suspendOrders", "resumeOrders")) else ()
        expected = (200, 403, *away, *many) if "query" in where else (400, 403, 404)
        assert seen[0][0] in expected, (where, seen[0])
    asked = {where.partition(" ")[0] for where in questions}
    assert {"placeOrder", "listOrders", "getOrder", "cancelOrder", "getPositions", "whatIf"} <= asked
    assert {"getRouteInputs", "getException", "listExecutions", "listRequests", "previewRoute"} <= asked


def test_no_answer_of_rest_names_what_is_another_tenants(
    api: Gateway, contract: dict[str, Any], foreign: Names, own: Names
) -> None:
    told: dict[str, list[str]] = {OTHER: [], OWNER: []}
    for method, path, operation in operations(contract):
        if method == "GET":
            for user, names in ((OTHER, own), (OWNER, foreign)):
                reply = api.call("GET", path.format(**SHARED | asdict(names)), user=user)
                if foreign.masked(reply.body) != reply.body:
                    told[user].append(operation["operationId"])
    assert told[OTHER] == []
    assert {
        *("listOrders", "getOrder", "listAccounts", "listExceptions", "listKillSwitches"),
        *("listLimits", "listLimitChanges"),
    } <= set(told[OWNER])


# ---- gRPC


async def _served(port: int) -> list[str]:
    """Return the services that a gateway says it serves."""
    channel = Channel("127.0.0.1", port)
    try:
        async with ServerReflectionStub(channel).ServerReflectionInfo.open() as stream:
            await stream.send_message(ServerReflectionRequest(list_services=""), end=True)
            answer = await stream.recv_message()
            assert answer is not None
            return [one.name for one in answer.list_services_response.service]
    finally:
        channel.close()


def _services(api: Gateway) -> list[ServiceDescriptor]:
    names = [name for name in asyncio.run(_served(api.grpc_port)) if not name.startswith(GRPC_OPEN)]
    assert names
    pool = compiled()
    return [pool.FindServiceByName(name) for name in names]


def _said(answer: RawAnswer, names: Names) -> tuple[object, ...]:
    """Return all that an answer says, up to the names that were asked for."""
    trailers = {name: value for name, value in answer.headers.items() if name != "date"}
    packed = trailers.pop("grpc-status-details-bin", "")
    details = b64decode(packed + "=" * (-len(packed) % 4))
    text = json.dumps(trailers, sort_keys=True).encode()
    return tuple(names.masked(one) for one in (text, details, *answer.messages))


def test_grpc_answers_of_what_is_foreign_as_of_what_is_unknown(api: Gateway, foreign: Names) -> None:
    async def scenario() -> None:
        token = ("authorization", f"Bearer {api.token(OTHER)}")
        async with raw_client(api.grpc_port) as client:
            for where, question in questions:
                path = "/" + where.partition(" ")[0]
                unknown = Names()
                said = [
                    _said(await client.call(path, framed(question(names)), token), names)
                    for names in (foreign, unknown)
                ]
                assert said[0] == said[1], where

    services = _services(api)
    served = {f"{service.full_name}/{method.name}" for service in services for method in service.methods}
    assert served == GRPC.keys()
    questions = [question for service in services for question in grpc_questions(service)]
    asyncio.run(scenario())


# ---- WebSocket


def test_every_channel_and_message_of_the_websocket_is_asked_or_has_its_reason() -> None:
    assert set(StreamChannel) == OF_ACCOUNTS | CHANNELS_WITHOUT_ACCOUNTS
    assert frozenset(TYPES) == STREAM_TYPES


async def _frames(socket: aiohttp.ClientWebSocketResponse, message: dict[str, Any], frames: int) -> list[str]:
    """Send a message and return the frames that come until there are so many and a ping is answered."""
    await socket.send_json(message)
    await socket.send_json({"type": "ping"})
    found: list[str] = []
    awaited = True
    async with asyncio.timeout(10):
        while awaited or len(found) < frames:
            text = await socket.receive_str()
            if json.loads(text) == {"type": "pong"}:
                awaited = False
            else:
                found.append(text)
    return found


def _stream(api: Gateway, user: str, *messages: dict[str, Any], frames: int = 1) -> list[list[str]]:
    """Return what comes back for each of some messages, at least so many frames, on one WebSocket."""

    async def run() -> list[list[str]]:
        headers = {"Authorization": f"Bearer {api.token(user)}"}
        url = f"ws://127.0.0.1:{api.http_port}/api/v1/stream"
        async with aiohttp.ClientSession() as session, session.ws_connect(url, headers=headers) as socket:
            return [await _frames(socket, message, frames) for message in messages]

    return asyncio.run(run())


@pytest.mark.parametrize("where", stream_questions())
def test_the_websocket_answers_of_what_is_foreign_as_of_what_is_unknown(
    api: Gateway, foreign: Names, where: str
) -> None:
    question, unknown = stream_questions()[where], Names()
    said = _stream(api, OTHER, question(foreign), question(unknown))
    masked = [
        [names.masked(text.encode()) for text in one]
        for names, one in zip((foreign, unknown), said, strict=True)
    ]
    assert masked[0] == masked[1]
    assert len(masked[0]) == 1


def test_alerts_tell_nobody_what_is_another_tenants(api: Gateway, foreign: Names) -> None:
    message = {"type": "subscribe", "channels": ["alerts"]}
    of_other, of_owner = ("".join(_stream(api, user, message, frames=2)[0]) for user in (OTHER, OWNER))
    assert foreign.masked(of_other.encode()) == of_other.encode()
    assert foreign.exceptionId in of_owner and foreign.alertId in of_owner
    assert f"account {ACCOUNT} is stopped" in of_owner


def test_quotes_are_everybodys_and_take_no_account(api: Gateway) -> None:
    (said,) = _stream(api, OTHER, {"type": "subscribe", "channels": ["quotes"], "accounts": [ACCOUNT]})[0]
    assert json.loads(said)["type"] == "error"
