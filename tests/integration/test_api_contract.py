"""The contract of the REST API, held against the gateway that serves it."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from oms_tools.laptop.parts import wait_until
from proto.gen.oms.v1 import GetBookRequest, MarketDataServiceBase, Quote, VenueQuote
from tests.integration.api_rig import Gateway, call, gateway_alone
from tests.integration.quote_service import served
from tests.patience import EVENTUALLY_S
from tests.tenants import SHARED, Names, operations


class _OneQuote(MarketDataServiceBase):
    """Quotes AAPL at two venues and DIS, of which its feed tells no trades, at none."""

    async def get_book(self, get_book_request: GetBookRequest) -> Quote:
        if get_book_request.symbol == "DIS":
            return Quote(symbol="DIS", sequence=1, quoted_at=datetime.now(UTC))
        if get_book_request.symbol != "AAPL":
            raise GRPCError(Status.NOT_FOUND, "no quote")
        return Quote(
            symbol="AAPL",
            sequence=7,
            national_best_bid="229.99",
            national_best_offer="230.01",
            venues=[
                VenueQuote("XNYS", ["229.99", "229.98"], [100, 200], ["230.01"], [300]),
                VenueQuote("XNAS", ["229.99"], [50], ["230.02"], [400]),
            ],
            quoted_at=datetime.now(UTC),
            last_price="230.005000",
            last_size=100,
            volume=5_000_000_000,
        )


# What every name in a path stands for, where a test does not say otherwise.
PARTS: Final[dict[str, object]] = {**SHARED, **asdict(Names(accountId="A"))}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, postgres_port: int, redis_port: int) -> Iterator[Gateway]:
    with served(_OneQuote()) as quotes_port:
        quotes = {"OMS_API_MARKET_DATA_PORT": str(quotes_port)}
        with gateway_alone(tmp_path_factory.mktemp("api"), postgres_port, redis_port, **quotes) as made:
            yield made


@pytest.fixture(scope="module")
def contract(api: Gateway) -> dict[str, Any]:
    found: dict[str, Any] = call(api.http_port, "GET", "/openapi.json").json
    return found


# They ask for something about what the path and the query name.
WITHOUT_BODY = {"ordersMoved", "suspendOrder", "resumeOrder", "suspendOrders", "resumeOrders"}


def test_every_operation_says_what_it_takes_what_it_answers_and_who_may_ask(contract: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(contract)]
    assert len(names) == len(set(names)) >= 28
    for method, path, operation in operations(contract):
        where = f"{method} {path}"
        statuses = set(operation["responses"])
        assert {"400", "401", "403", "429", "503"} <= statuses, where
        assert ("404" in statuses) >= ("{" in path), where
        if method in ("POST", "PUT", "PATCH") and operation["operationId"] not in WITHOUT_BODY:
            assert operation["requestBody"]["content"]["application/json"]["schema"], where
        for status, answer in operation["responses"].items():
            kind = "application/json" if status < "300" else "application/problem+json"
            assert status in ("304", "308") or answer["content"][kind]["schema"], (where, status)
    assert contract["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert contract["security"] == [{"bearer": []}]


def test_every_example_of_the_contract_is_taken(api: Gateway, contract: dict[str, Any]) -> None:
    placed = api.place().json["orderId"]
    taken = 0
    for method, path, operation in operations(contract):
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
        if body is None:
            continue
        if "clientOrderId" in body:
            body = body | {"clientOrderId": uuid.uuid4().hex}
        if operation["operationId"] == "loadPositions":
            # The account of the example has orders by now.
            body = body | {"replace": True}
        if operation["operationId"] in ("splitSymbol", "renameSymbol"):
            api.call("POST", "/api/v1/halts", {"symbol": body["symbol"], "reason": "an action"}, "admin1")
        known = path.format(**PARTS | {"orderId": placed, "accountId": "ACC-INST-001"})
        # Leave of a second person is not an administrator's to give.
        user = "risk1" if operation["operationId"] == "grantOverride" else "admin1"
        reply = api.call(method, known, body, user=user)
        # What it is about may not be there, or the router is not: but the body was read.
        assert reply.status in (200, 201, 202, 404, 503), (method, path, reply.body)
        taken += 1
    assert taken >= 8


def let_everything_trade(api: Gateway) -> None:
    """Release what an example has stopped: the doors take no orders of it."""
    for switch in api.call("GET", "/api/v1/kill-switches", user="admin1").json["killSwitches"]:
        path = f"/api/v1/kill-switches/{switch['switchId']}/release"
        assert api.call("POST", path, {"reason": "an example"}, user="admin1").status == 200
    wait_until(lambda: api.place().status == 201, "the doors take orders again", EVENTUALLY_S)


def test_a_path_names_the_methods_that_it_takes(api: Gateway, contract: dict[str, Any]) -> None:
    for path, methods in contract["paths"].items():
        known = path.format(**PARTS)
        allowed = (
            {method.upper() for method in methods} | {"OPTIONS"} | ({"HEAD"} if "get" in methods else set())
        )
        # A method that no operation has.
        refused = api.call("TRACE", known, {})
        assert (refused.status, set(refused.headers["allow"].split(", "))) == (405, allowed), path
        options = api.call("OPTIONS", known)
        assert (options.status, set(options.headers["allow"].split(", "))) == (204, allowed), path


def test_the_docs_page_and_all_that_it_loads_come_from_the_gateway(api: Gateway) -> None:
    page = call(api.http_port, "GET", "/docs")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert b"http" not in page.body.replace(b"<html", b"")
    for name in ("swagger-ui.css", "swagger-ui-bundle.js", "start.js", "favicon-32x32.png"):
        assert f"/docs/{name}".encode() in page.body
        assert call(api.http_port, "GET", f"/docs/{name}").status == 200
    assert call(api.http_port, "GET", "/docs/..%2fconfig.py").status == 404


def test_a_problem_is_one_by_rfc_9457_and_its_type_is_a_page(api: Gateway) -> None:
    reply = api.call("GET", "/api/v1/orders?limit=0&x=1")
    assert reply.headers["content-type"] == "application/problem+json"
    problem = reply.json
    assert (problem["status"], problem["code"], problem["title"]) == (
        400,
        "INVALID_REQUEST",
        "Invalid request",
    )
    assert {field["field"] for field in problem["fields"]} == {"limit", "x"}
    assert problem["error"]["code"] == problem["code"]
    page, _, anchor = problem["type"].partition("#")
    assert f'id="{anchor}"'.encode() in call(api.http_port, "GET", page).body


def test_only_ones_own_is_listed(api: Gateway) -> None:
    assert api.call("GET", "/api/v1/me", user="trader2").json["accounts"] != ["*"]
    own = {one["accountId"] for one in api.call("GET", "/api/v1/accounts", user="trader2").json["accounts"]}
    assert own == set(api.call("GET", "/api/v1/me", user="trader2").json["accounts"])
    assert api.call("GET", "/api/v1/accounts/ACC-INST-001", user="trader2").status == 404
    assert json.loads(api.call("GET", "/api/v1/me", user="admin1").body)["accounts"] == ["*"]


def test_quotes_and_books_are_told_as_they_stand(api: Gateway) -> None:
    (quote,) = api.call("GET", "/api/v1/quotes?symbol=AAPL,MSFT").json["quotes"]
    assert (quote["bid"], quote["bidSize"], quote["ask"], quote["askSize"]) == ("229.99", 150, "230.01", 300)
    assert (quote["lastPrice"], quote["lastSize"], quote["volume"]) == ("230.005", 100, 5_000_000_000)
    (untold,) = api.call("GET", "/api/v1/quotes?symbol=DIS").json["quotes"]
    assert (untold["lastPrice"], untold["lastSize"], untold["volume"]) == (None, None, None)
    book = api.call("GET", "/api/v1/quotes/AAPL/book").json
    assert [level["size"] for level in book["venues"][0]["bids"]] == [100, 200]
    assert api.call("GET", "/api/v1/quotes/MSFT/book").status == 404
    refused = api.call("GET", "/api/v1/quotes?symbol=AAPL,NOPE")
    assert (refused.status, refused.json["fields"]) == (
        400, [{"field": "symbol", "message": 'unknown symbol "NOPE"'}],
    )  # fmt: skip


def test_a_list_takes_several_values_and_pages_to_its_end(api: Gateway) -> None:
    let_everything_trade(api)
    placed = {api.place().json["orderId"] for _ in range(5)}
    seen: list[str] = []
    cursor = ""
    while True:
        page = api.call("GET", f"/api/v1/orders?limit=2&status=NEW&status=FILLED&open=true{cursor}").json
        seen += [order["orderId"] for order in page["orders"]]
        if page["nextCursor"] is None:
            break
        cursor = f"&cursor={page['nextCursor']}"
    assert placed <= set(seen)
    assert len(seen) == len(set(seen))
    assert api.call("GET", "/api/v1/orders?open=false").json["orders"] == []
