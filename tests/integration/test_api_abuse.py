"""The gateway against who has no token, too few rights, or asks for what nobody offers."""

import asyncio
import json
import uuid
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import aiohttp
import pytest
from grpclib.const import Status

from oms_api.domain.principal import Right
from oms_api.entrypoints.rest import build_rest
from oms_api.entrypoints.rest import operations as served_operations
from oms_platform.clock import utc_now
from oms_platform.health import Health
from proto.structs import compiled
from tests.integration.api_rig import Gateway, Reply, call, gateway_alone, terms
from tests.raw_grpc import framed, raw_client
from tests.tenants import SHARED, Names, grpc_questions, operations

# Routes that are no operations of the API: what says that it is up, and what describes it.
OPEN = (
    "/health/live",
    "/health/ready",
    "/actuator/health",
    "/schema",
    "/schema/openapi.json",
    "/openapi.json",
)
NOT_THE_CLIENTS = ("principal", "orderId", "status", "createdAt", "admin")
_ports: Any = None


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, postgres_port: int, redis_port: int) -> Iterator[Gateway]:
    with gateway_alone(tmp_path_factory.mktemp("abuse"), postgres_port, redis_port) as made:
        yield made


@pytest.fixture(scope="module")
def asked(api: Gateway) -> list[tuple[str, str, dict[str, Any] | None]]:
    """Every operation's method, path and an example of its body."""
    contract = call(api.http_port, "GET", "/openapi.json").json
    found = []
    for method, path, operation in operations(contract):
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
        found.append((method, path.format(**SHARED | asdict(Names())), body))
    return found


def test_every_operation_asks_for_a_token_before_it_reads_anything(
    api: Gateway, asked: list[tuple[str, str, Any]]
) -> None:
    for method, path, body in asked:
        if path != "/api/orders":
            for content in (body, b"{", None):
                assert api.call(method, path, content, user=None).status == 401, (method, path)
            forged = api.call(method, path, body, user=None, Authorization="Bearer e30.e30.")
            assert forged.status == 401, (method, path)


def test_every_operation_refuses_who_has_not_its_right(api: Gateway) -> None:
    for operation in served_operations(_ports, _ports):
        if operation.right not in (Right.READ, None):
            path = operation.path.format(**SHARED | asdict(Names()))
            reply = api.call(operation.method, path, b"{}", user="viewer1")
            assert reply.status == 403, operation.name


def test_a_field_that_is_not_the_clients_to_set_is_refused_by_every_operation(
    api: Gateway, asked: list[tuple[str, str, Any]]
) -> None:
    refused = 0
    for method, path, body in asked:
        if body is None:
            continue
        for name in NOT_THE_CLIENTS:
            # Leave of a second person is not an administrator's to give.
            user = "risk1" if path == "/api/v1/risk/overrides" else "admin1"
            reply = api.call(method, path, body | {name: "admin1"}, user=user)
            # What it is about, or the router that judges it, may not be there: then nothing was set either.
            assert reply.status in (400, 404, 503), (method, path, name, reply.body)
            refused += reply.status == 400
    assert refused >= 5 * len(NOT_THE_CLIENTS)


def test_who_placed_an_order_is_who_the_token_names(api: Gateway) -> None:
    order_id = api.place(headers={"X_Principal": "admin1", "X_Forwarded_User": "admin1"}).json["orderId"]
    assert api.call("GET", f"/api/v1/orders/{order_id}").json["principal"] == "trader1"


def _kinds(api: Gateway, asked: list[tuple[str, str, Any]]) -> Iterator[tuple[str, Reply]]:
    for method, path, body in asked:
        yield f"{method} {path}", api.call(method, path, body)
    yield "no token", api.call("GET", "/api/v1/orders", user=None)
    yield "no page", api.call("GET", "/nothing")
    yield "no method", api.call("PATCH", "/api/v1/orders", {})
    yield "no JSON", api.call("POST", "/api/v1/orders", b"{")
    yield "bad head", api.call("POST", "/api/v1/orders", terms(), Content_Encoding="gzip")
    for path in OPEN:
        yield path, call(api.http_port, "GET", path)


def test_every_answer_is_kept_by_nobody_and_is_what_it_says_it_is(
    api: Gateway, asked: list[tuple[str, str, Any]]
) -> None:
    for what, reply in _kinds(api, asked):
        assert reply.headers.get("x-content-type-options") == "nosniff", what
        assert "no-store" in reply.headers.get("cache-control", ""), what
        assert "server" not in reply.headers, what
        assert reply.status < 500 or reply.status == 503, what


def test_every_route_that_is_served_is_in_the_contract_or_named_here(api: Gateway) -> None:
    app = build_rest(_ports, utc_now, Health())
    served = {route.path for route in app.routes}
    contract = set(call(api.http_port, "GET", "/openapi.json").json["paths"])
    left = {path for path in served if path.replace(":str", "") not in contract}
    assert {path for path in left if not path.startswith("/docs")} == set(OPEN)


def test_grpc_refuses_who_may_only_read(api: Gateway) -> None:
    async def scenario() -> None:
        token = ("authorization", f"Bearer {api.token('viewer1')}")
        async with raw_client(api.grpc_port) as client:
            for where, question in grpc_questions(compiled().FindServiceByName("oms.v1.OrderService")):
                method = where.partition(" ")[0]
                if method.rpartition("/")[2] in ("PlaceOrder", "CancelOrder", "ReplaceOrder"):
                    answer = await client.call(f"/{method}", framed(question(Names())), token)
                    assert answer.status == Status.PERMISSION_DENIED.value, method

    asyncio.run(scenario())


def test_the_websocket_refuses_who_may_only_read(api: Gateway) -> None:
    async def scenario() -> None:
        headers = {"Authorization": f"Bearer {api.token('viewer1')}"}
        url = f"ws://127.0.0.1:{api.http_port}/api/v1/stream"
        async with aiohttp.ClientSession() as session, session.ws_connect(url, headers=headers) as socket:
            for message in (
                {"type": "place", "id": "1", "order": terms()},
                {"type": "cancel", "id": "2", "orderId": str(uuid.uuid4())},
            ):
                await socket.send_json(message)
                async with asyncio.timeout(10):
                    said = json.loads(await socket.receive_str())
                assert (said["type"], said["error"]["code"]) == ("refused", "FORBIDDEN"), said

    asyncio.run(scenario())
