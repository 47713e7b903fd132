"""The gateway's doors on a real Postgres, Redis, Kafka and issuer."""

import asyncio
import json
import re
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from typing import Any

import aiohttp
import psycopg
import pytest
from betterproto import which_one_of
from grpclib.client import Channel
from grpclib.const import Status
from grpclib.exceptions import GRPCError
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from oms_platform.clock import utc_now
from oms_platform.health import METRICS_PATHS
from oms_platform.ids import uuid7
from oms_platform.kafka.consumers import TailReader
from oms_platform.kafka.publisher import Publisher
from oms_platform.kafka.settings import KafkaSettings
from oms_platform.messages import CancelOrder, OrderEvent, SubmitOrder
from oms_platform.order_ids import route_id
from oms_platform.vocabulary import ChildTerms, OrderType, Side, TimeInForce
from oms_platform.wire import Topic, decode, encode
from oms_tools.laptop.dev_grants import load_key
from oms_tools.laptop.parts import memory_kafka_part, postgres_dsn
from proto.gen.oms.v1 import (
    CancelOrderRequest,
    CancelOrdersRequest,
    GetOrderRequest,
    OrderSelection,
    OrderServiceStub,
    PlaceOrderRequest,
    PlaceOrdersRequest,
    ReplaceOrderRequest,
    ResumeOrderRequest,
    SuspendOrderRequest,
)
from proto.gen.oms.v1 import OrderStatus as WireStatus
from proto.gen.oms.v1 import OrderType as WireType
from proto.gen.oms.v1 import Side as WireSide
from tests.conftest import running
from tests.ingest import store_trade
from tests.integration.api_rig import Gateway, call, event, gateway, store_events, terms, wait_for
from tests.ports import free_port


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaSettings]:
    folder = tmp_path_factory.mktemp("api-kafka")
    port = free_port()
    with running(memory_kafka_part(port), folder / "kafka.log"):
        yield KafkaSettings(bootstrap=f"127.0.0.1:{port}")


@pytest.fixture(scope="module")
def api(
    tmp_path_factory: pytest.TempPathFactory, postgres_port: int, redis_port: int, kafka: KafkaSettings
) -> Iterator[Gateway]:
    name = f"api_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres_dsn(postgres_port, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template_oms STRATEGY file_copy")
        folder = tmp_path_factory.mktemp("api")
        with gateway(folder, postgres_dsn(postgres_port, name), kafka.bootstrap, redis_port) as made:
            yield made
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def rows(api: Gateway, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(api.dsn, autocommit=True) as connection:
        return connection.execute(statement, values).fetchall()


def stored_orders(api: Gateway) -> int:
    return int(rows(api, "SELECT count(*) FROM orders")[0][0])


# ---- placing


def test_a_placed_order_is_answered_with_201_stored_with_key_and_request_and_published(
    api: Gateway, kafka: KafkaSettings
) -> None:
    inbound = TailReader(kafka, Topic.INBOUND)
    trace_id = uuid.uuid4().hex
    headers = {
        "X_Request_Id": "req-1",
        "X_OMS_Channel": "WEB",
        "Traceparent": f"00-{trace_id}-00f067aa0ba902b7-00",
    }
    reply = api.place(clientOrderId="happy", minQuantity=40, headers=headers)
    assert reply.status == 201
    assert reply.headers["x-request-id"] == "req-1"
    body = reply.json
    assert body | {"orderId": "", "timestamp": ""} == {
        "orderId": "",
        "clientOrderId": "happy",
        "status": "NEW",
        "created": True,
        "message": "order received",
        "timestamp": "",
    }
    order_id = body["orderId"]
    assert reply.headers["location"] == f"/api/v1/orders/{order_id}"
    assert rows(
        api,
        "SELECT account_id, channel, client_order_id, symbol, side, order_type, time_in_force, quantity,"
        " limit_price, status, leaves_qty, sequence FROM orders JOIN order_keys"
        " USING (order_id, account_id, channel, client_order_id) WHERE order_id = %s",
        order_id,
    ) == [
        ("ACC-INST-001", "WEB", "happy", "AAPL", "BUY", "LIMIT", "DAY", 100, Decimal("187.21"), "NEW", 100, 1)
    ]
    ((kind, request_id, account, principal, payload, trace),) = rows(
        api,
        "SELECT kind, request_id::text, account_id, principal, payload::text, traceparent FROM order_requests"
        " WHERE order_id = %s",
        order_id,
    )
    assert (kind, request_id, account, principal) == ("NEW", order_id, "ACC-INST-001", "trader1")
    assert (len(trace), trace[3:35]) == (55, trace_id)
    stored = decode("SubmitOrder", payload.encode())
    assert isinstance(stored, SubmitOrder)
    assert (stored.terms.limit_price_micros, stored.terms.min_quantity) == (187_210_000, 40)
    (record,) = wait_for(lambda: inbound.poll_encoded(0.1), "a record")
    inbound.close()
    assert (record.type_name, record.payload.decode()) == ("SubmitOrder", payload)
    assert record.trace[:53] == trace[:53]


def test_ingest_stores_three_rows_an_order(api: Gateway) -> None:
    order_id = api.place().json["orderId"]
    tables = ("order_keys", "orders", "order_requests", "order_events")
    counted = [
        rows(api, f"SELECT count(*) FROM {table} WHERE order_id = %s", order_id)[0][0] for table in tables
    ]
    assert counted == [1, 1, 1, 0]


def test_a_price_as_a_json_number_is_kept_exactly(api: Gateway) -> None:
    body = json.dumps(terms(limitPrice=...))[:-1].encode() + b', "limitPrice": 1234567890.21}'
    reply = api.call("POST", "/api/v1/orders", body)
    assert reply.status == 201
    found = rows(api, "SELECT limit_price FROM orders WHERE order_id = %s", reply.json["orderId"])
    assert found == [(Decimal("1234567890.21"),)]


def test_a_market_order_needs_no_price_and_time_in_force_defaults_to_day(api: Gateway) -> None:
    reply = api.place(orderType="MARKET", limitPrice=None, timeInForce=..., stopPrice=None)
    assert reply.status == 201
    order = api.call("GET", f"/api/v1/orders/{reply.json['orderId']}").json
    assert (order["limitPrice"], order["timeInForce"], order["channel"]) == (None, "DAY", "API")


def test_the_same_order_again_is_answered_200_with_the_first_answer(api: Gateway) -> None:
    content = terms(limitPrice="187.20")
    first = api.call("POST", "/api/v1/orders", content)
    again = api.call("POST", "/api/v1/orders", content | {"limitPrice": 187.2})
    assert (first.status, again.status) == (201, 200)
    assert again.json == first.json | {"created": False}


def test_the_same_id_with_other_content_is_409_and_another_channel_is_another_order(api: Gateway) -> None:
    content = terms()
    first = api.call("POST", "/api/v1/orders", content)
    other = api.call("POST", "/api/v1/orders", content | {"quantity": 101})
    assert (first.status, other.status) == (201, 409)
    assert other.json["error"]["code"] == "DUPLICATE_ORDER_ID"
    assert first.json["orderId"] in other.json["error"]["message"]
    assert api.call("POST", "/api/v1/orders", content, X_OMS_Channel="OTHER").status == 201


def test_a_list_with_one_wrong_order_stores_none_of_it_and_mended_it_is_stored_once(api: Gateway) -> None:
    orders = [terms(), terms(symbol="NOPE"), terms(quantity=0)]
    before = stored_orders(api)
    ask = {"orders": orders, "allOrNothing": True}
    reply = api.call("POST", "/api/v1/orders/batch", ask)
    assert (reply.status, reply.headers["content-type"]) == (400, "application/problem+json")
    assert [one["field"] for one in reply.json["fields"]] == ["orders[1].symbol", "orders[2].quantity"]
    orders[1]["symbol"], orders[2]["quantity"] = "MSFT", 1
    checked = api.call("POST", "/api/v1/orders/batch", ask | {"checkOnly": True}).json["orders"]
    assert checked == [{"status": 201, "placed": None, "problem": None, "risk": None}] * 3
    assert stored_orders(api) == before
    first, again = (api.call("POST", "/api/v1/orders/batch", ask).json["orders"] for _ in range(2))
    assert [line["status"] for line in (*first, *again)] == [201] * 3 + [200] * 3
    assert [line["placed"] | {"created": False} for line in first] == [line["placed"] for line in again]
    assert stored_orders(api) == before + 3
    other = api.call("POST", "/api/v1/orders/batch", ask | {"orders": [terms(), orders[0] | {"quantity": 7}]})
    assert (other.status, other.json["code"]) == (409, "DUPLICATE_ORDER_ID")
    assert [one["field"] for one in other.json["fields"]] == ["orders[1].clientOrderId"]
    assert stored_orders(api) == before + 3


def test_of_twenty_concurrent_posts_of_one_order_exactly_one_creates_it(api: Gateway) -> None:
    content = terms()
    with ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(lambda _: api.call("POST", "/api/v1/orders", content), range(20)))
    assert sorted(reply.status for reply in replies) == [200] * 19 + [201]
    assert len({reply.json["orderId"] for reply in replies}) == 1
    found = rows(api, "SELECT order_id FROM orders WHERE client_order_id = %s", content["clientOrderId"])
    assert len(found) == 1


def test_one_key_with_two_contents_at_once_gives_one_order_and_conflicts(api: Gateway) -> None:
    content = terms()
    with ThreadPoolExecutor(20) as pool:
        replies = list(
            pool.map(
                lambda n: api.call("POST", "/api/v1/orders", content | {"quantity": 1 + n % 2}), range(20)
            )
        )
    statuses = [reply.status for reply in replies]
    assert statuses.count(201) == 1
    assert set(statuses) <= {200, 201, 409}
    assert statuses.count(409) == 10


@pytest.mark.parametrize("refused_ones", [{13}, {1, 20}, {7, 8, 9}, set(range(1, 21))])
def test_rows_that_the_store_refuses_do_not_fail_the_others_of_their_commit(
    api: Gateway, refused_ones: set[int]
) -> None:
    unlucky = ", ".join(str(quantity) for quantity in refused_ones)
    with psycopg.connect(api.dsn, autocommit=True) as connection:
        connection.execute(
            f"ALTER TABLE orders ADD CONSTRAINT not_these CHECK (quantity NOT IN ({unlucky})) NOT VALID"
        )
        try:
            with ThreadPoolExecutor(20) as pool:
                replies = list(pool.map(lambda n: api.place(quantity=n), range(1, 21)))
        finally:
            connection.execute("ALTER TABLE orders DROP CONSTRAINT not_these")
    assert [reply.status for reply in replies] == [400 if n in refused_ones else 201 for n in range(1, 21)]
    for reply in replies:
        assert reply.status == 201 or "not_these" in reply.body.decode()
    whole = rows(
        api,
        "SELECT count(*), count(o.order_id), count(r.request_id) FROM order_keys k"
        " LEFT JOIN orders o USING (order_id) LEFT JOIN order_requests r ON r.request_id = k.order_id",
    )
    assert len({*whole[0]}) == 1


def test_the_old_path_redirects_with_308(api: Gateway) -> None:
    reply = api.call("POST", "/api/orders", terms())
    assert (reply.status, reply.headers["location"]) == (308, "/api/v1/orders")


# ---- bad input


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"minQuantity": 0}, "minQuantity", "must be a whole number of shares above 0, was 0"),
        ({"minQuantity": 101}, "minQuantity", "must be at most the quantity 100, was 101"),
        ({"extra": 1}, "extra", "is not a field of an order"),
        ({"clientOrderId": ...}, "clientOrderId", "is required"),
        ({"clientOrderId": 7}, "clientOrderId", "must be a text, was 7"),
        ({"clientOrderId": "x" * 65}, "clientOrderId", "must be 1 to 64 printable characters"),
        ({"clientOrderId": "a\u0000b"}, "clientOrderId", "must be 1 to 64 printable characters"),
        ({"accountId": "ACC-INST-001\u0000"}, "accountId", "unknown account 'ACC-INST-001\\x00'"),
        ({"symbol": "AAPL\u0000"}, "symbol", "unknown symbol 'AAPL\\x00'"),
        ({"accountId": "ACC-NONE"}, "accountId", 'unknown account "ACC-NONE"'),
        ({"accountId": "ACC-RET-001"}, "accountId", 'unknown account "ACC-RET-001"'),
        ({"symbol": "NOPE"}, "symbol", 'unknown symbol "NOPE"'),
        ({"side": "HOLD"}, "side", 'must be one of BUY, SELL, SELL_SHORT, SELL_SHORT_EXEMPT, was "HOLD"'),
        ({"side": None}, "side", "is required"),
        (
            {"orderType": "PEG"},
            "orderType",
            'must be one of MARKET, LIMIT, STOP, STOP_LIMIT, PEGGED, was "PEG"',
        ),
        (
            {"timeInForce": "CLS"},
            "timeInForce",
            'must be one of DAY, GTC, IOC, FOK, GTD, OPG, CLO, was "CLS"',
        ),
        (
            {"timeInForce": "OPG"},
            "timeInForce",
            "must be of a market that has the opening auction, was OPG of calendar SIM, which never closes",
        ),
        ({"timeInForce": "GTD"}, "expireDate", "is required for a GTD order that has no expireTime"),
        ({"quantity": -5}, "quantity", "must be a whole number of shares above 0, was -5"),
        ({"quantity": 0}, "quantity", "must be a whole number of shares above 0, was 0"),
        ({"quantity": 1.5}, "quantity", "must be a whole number of shares above 0, was 1.5"),
        ({"quantity": "100"}, "quantity", 'must be a whole number of shares above 0, was "100"'),
        ({"quantity": True}, "quantity", "must be a whole number of shares above 0, was true"),
        ({"quantity": 2**31}, "quantity", "must be at most 2147483647 shares, was 2147483648"),
        ({"quantity": 10**100}, "quantity", "must be at most 2147483647 shares"),
        ({"limitPrice": ...}, "limitPrice", "is required for a LIMIT order"),
        ({"orderType": "MARKET"}, "limitPrice", "must be left out of a MARKET order"),
        (
            {"limitPrice": 187.215},
            "limitPrice",
            "must be a multiple of the tick size 0.01, nearest are 187.21 and 187.22, was 187.215",
        ),
        ({"limitPrice": "0"}, "limitPrice", "must be above 0"),
        ({"limitPrice": -1}, "limitPrice", "must be above 0"),
        ({"limitPrice": 10**12}, "limitPrice", "must be below 1000000000000"),
        ({"limitPrice": "1.0000000"}, "limitPrice", "must have at most 6 decimal places"),
        ({"limitPrice": "NaN"}, "limitPrice", "must be a decimal number of dollars"),
        ({"limitPrice": "Infinity"}, "limitPrice", "must be a decimal number of dollars"),
        ({"limitPrice": "12,5"}, "limitPrice", "must be a decimal number of dollars"),
        ({"limitPrice": []}, "limitPrice", "must be a decimal number of dollars, was a list"),
        ({"stopPrice": 100}, "stopPrice", "must be left out of a LIMIT order, was 100"),
        ({"orderType": "STOP", "limitPrice": ...}, "stopPrice", "is required for a STOP order"),
        (
            {"orderType": "STOP_LIMIT", "limitPrice": ..., "stopPrice": 100},
            "limitPrice",
            "is required for a STOP_LIMIT order",
        ),
        (
            {"orderType": "STOP", "limitPrice": ..., "stopPrice": 100, "timeInForce": "IOC"},
            "timeInForce",
            "must be one of DAY, GTC, GTD of a STOP order, was IOC",
        ),
    ],
)
def test_a_wrong_field_is_named_in_a_400(
    api: Gateway, changes: dict[str, Any], field: str, message: str
) -> None:
    before = stored_orders(api)
    reply = api.place(**changes)
    assert reply.status == 400
    assert reply.json["error"]["code"] == "INVALID_REQUEST"
    assert reply.json["requestId"] == reply.headers["x-request-id"]
    assert list(reply.fields) == [field]
    assert message in reply.fields[field]
    assert stored_orders(api) == before


def test_every_wrong_field_is_reported_at_once(api: Gateway) -> None:
    reply = api.place(
        side="HOLD", quantity=-5, symbol="NOPE", accountId=..., more=1, headers={"X_OMS_Channel": "a b"}
    )
    assert set(reply.fields) == {"side", "quantity", "symbol", "accountId", "more", "X-OMS-Channel"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff\xfe",
        b'{"limitPrice": NaN}',
        b'{"limitPrice": 1E-99999999999999999999}',
        b"[" * 60_000,
        b'{"quantity": 1' + b"0" * 50_000 + b"}",
        b"x" * 65_537,
        b"x" * 1_000_000,
    ],
)
def test_a_body_that_is_no_json_object_or_too_long_is_400(api: Gateway, body: bytes) -> None:
    reply = api.call("POST", "/api/v1/orders", body)
    assert reply.status == 400
    assert reply.json["error"]["code"] == "INVALID_REQUEST"


def test_a_long_chunked_body_is_400(api: Gateway) -> None:
    async def post() -> int:
        async def parts() -> Any:
            for _ in range(20):
                yield b" " * 10_000

        headers = {"Authorization": f"Bearer {api.token()}", "Content-Type": "application/json"}
        url = f"http://127.0.0.1:{api.http_port}/api/v1/orders"
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, data=parts(), headers=headers) as answer,
        ):
            return answer.status

    assert asyncio.run(post()) == 400


def test_another_content_type_is_400(api: Gateway) -> None:
    reply = api.call("POST", "/api/v1/orders", terms(), Content_Type="text/plain")
    assert (reply.status, list(reply.fields)) == (400, ["Content-Type"])
    assert (
        api.call("POST", "/api/v1/orders", terms(), Content_Type="application/json; charset=utf-8").status
        == 201
    )


@pytest.mark.parametrize("text", ["\\ud800", "\\udfff\\ud800", "\\u0000", "a\\u0007"])
@pytest.mark.parametrize(
    "field", ["clientOrderId", "accountId", "symbol", "side", "orderType", "timeInForce"]
)
def test_a_text_that_cannot_be_stored_is_400_and_the_gateway_goes_on(
    api: Gateway, field: str, text: str
) -> None:
    body = json.dumps(terms(**{field: "TEXT"})).replace("TEXT", text).encode()
    assert api.call("POST", "/api/v1/orders", body).status == 400
    assert api.ready()


@pytest.mark.parametrize("channel", ["a b", "é", "x" * 33, ""])
def test_a_channel_that_cannot_be_stored_is_400(api: Gateway, channel: str) -> None:
    reply = api.place(headers={"X_OMS_Channel": channel})
    assert (reply.status, list(reply.fields)) == (400, ["X-OMS-Channel"])


@pytest.mark.parametrize("subject", ["a\0b", "x" * 300, "a\nb"])
def test_a_caller_whose_name_cannot_be_stored_is_400(api: Gateway, subject: str) -> None:
    token = forged(api, load_key(api.issuer_data), sub=subject)
    for method, body in (("POST", terms()), ("GET", None)):
        reply = api.call(method, "/api/v1/orders", body, None, Authorization=f"Bearer {token}")
        assert (reply.status, list(reply.fields)) == (400, ["principal"])


def test_an_unknown_page_and_a_wrong_method_have_the_same_error_shape(api: Gateway) -> None:
    for method, path, status in (("GET", "/nope", 404), ("PUT", "/api/v1/orders", 405)):
        reply = api.call(method, path)
        assert (reply.status, reply.json["error"]["fields"]) == (status, [])
        assert reply.json["requestId"] == reply.headers["x-request-id"]


# ---- who may


def forged(api: Gateway, key: Any, algorithm: str = "ES256", **changes: Any) -> str:
    now = int(time.time())
    claims = {
        "iss": api.issuer,
        "aud": "oms-api",
        "sub": "trader1",
        "exp": now + 60,
        "oms_accounts": ["*"],
        "realm_access": {"roles": ["trader"]},
    }
    claims = {name: value for name, value in (claims | changes).items() if value is not ...}
    return jwt.encode(
        {"alg": algorithm, "kid": load_key(api.issuer_data).kid}, claims, key, algorithms=[algorithm]
    )


def test_a_token_that_is_missing_or_does_not_hold_is_401(api: Gateway) -> None:
    own = load_key(api.issuer_data)
    now = int(time.time())
    good = api.token()
    tokens = {
        "missing": "",
        "rubbish": "Bearer rubbish",
        "basic": "Basic dTpw",
        "altered": f"Bearer {good[:-6]}AAAAAA",
        "other key": f"Bearer {forged(api, ECKey.generate_key('P-256'))}",
        "symmetric": f"Bearer {forged(api, OctKey.import_key('x' * 32), 'HS256')}",
        "other issuer": f"Bearer {forged(api, own, iss='http://elsewhere')}",
        "other audience": f"Bearer {forged(api, own, aud='other')}",
        "expired": f"Bearer {forged(api, own, exp=now - 60)}",
        "no expiry": f"Bearer {forged(api, own, exp=...)}",
        "not yet": f"Bearer {forged(api, own, nbf=now + 600)}",
        "no subject": f"Bearer {forged(api, own, sub=...)}",
        "too long": f"Bearer {'x' * 9000}",
    }
    for name, text in tokens.items():
        for method, path, body in (
            ("POST", "/api/v1/orders", terms()),
            ("GET", "/api/v1/orders", None),
            ("POST", "/api/orders", None),
            ("GET", f"/api/v1/orders/{uuid7()}", None),
            ("DELETE", f"/api/v1/orders/{uuid7()}", None),
            ("GET", f"/api/v1/orders/{uuid7()}/events", None),
            ("GET", f"/api/v1/orders/{uuid7()}/executions", None),
            ("GET", f"/api/v1/orders/{uuid7()}/routes", None),
            ("GET", "/api/v1/accounts/ACC-INST-001/positions", None),
        ):
            reply = api.call(method, path, body, None, **({"Authorization": text} if text else {}))
            assert (name, reply.status) == (name, 401)
            assert reply.headers["www-authenticate"].startswith("Bearer")
            assert reply.json["error"]["code"] == "UNAUTHENTICATED"
    accepted = api.call(
        "GET", "/api/v1/orders", None, None, Authorization=f"Bearer {forged(api, own, aud=['a', 'oms-api'])}"
    )
    assert accepted.status == 200


def test_a_token_of_an_unknown_key_is_401(api: Gateway) -> None:
    key = ECKey.generate_key("P-256", auto_kid=True)
    now = int(time.time())
    token = jwt.encode({"alg": "ES256", "kid": key.kid}, {"iss": api.issuer, "exp": now + 60}, key)
    for _ in range(3):
        assert api.call("GET", "/api/v1/orders", None, None, Authorization=f"Bearer {token}").status == 401


def test_a_viewer_may_read_and_risk_may_cancel_but_neither_may_trade(api: Gateway) -> None:
    order_id = api.place().json["orderId"]
    assert api.place(user="viewer1").status == 403
    assert api.call("DELETE", f"/api/v1/orders/{order_id}", user="viewer1").status == 403
    assert api.place(user="risk1").status == 403
    assert api.call("DELETE", f"/api/v1/orders/{order_id}", user="risk1").status == 202
    assert api.call("GET", f"/api/v1/orders/{order_id}", user="risk1").status == 200
    assert api.place(user="admin1").status == 201


def test_an_order_of_a_foreign_account_looks_like_one_that_does_not_exist(api: Gateway) -> None:
    order_id = api.place(user="trader2", accountId="ACC-RET-002").json["orderId"]
    for suffix, method in (
        ("", "GET"),
        ("", "DELETE"),
        ("/events", "GET"),
        ("/executions", "GET"),
        ("/routes", "GET"),
    ):
        foreign = api.call(method, f"/api/v1/orders/{order_id}{suffix}", X_Request_Id="r")
        absent = str(uuid7())
        missing = api.call(method, f"/api/v1/orders/{absent}{suffix}", X_Request_Id="r")
        assert (foreign.status, missing.status) == (404, 404)
        assert foreign.body.replace(order_id.encode(), absent.encode()) == missing.body
    assert api.call("GET", "/api/v1/orders/not-a-uuid").status == 404
    foreign = api.call("GET", "/api/v1/accounts/ACC-RET-002/positions", X_Request_Id="r")
    missing = api.call("GET", "/api/v1/accounts/ACC-RET-999/positions", X_Request_Id="r")
    assert (foreign.status, missing.status) == (404, 404)
    assert foreign.body.replace(b"-002", b"-999") == missing.body
    listed = api.call("GET", "/api/v1/orders?accountId=ACC-RET-002").json
    assert listed == {"orders": [], "nextCursor": None}


# ---- reading


def test_lists_are_filtered_and_paged_newest_first_without_gap_or_repeat(api: Gateway) -> None:
    placed = [
        api.place("trader2", accountId="ACC-RET-005", symbol="DIS", side="SELL").json["orderId"]
        for _ in range(7)
    ]
    found: list[str] = []
    path = "/api/v1/orders?accountId=ACC-RET-005&symbol=DIS&side=SELL&status=NEW&limit=3"
    cursor = ""
    for _ in range(4):
        page = api.call("GET", f"{path}{cursor}", user="trader2").json
        found += [order["orderId"] for order in page["orders"]]
        if page["nextCursor"] is None:
            break
        cursor = f"&cursor={page['nextCursor']}"
    assert found == placed[::-1]


def test_lists_filter_by_time_and_client_order_id(api: Gateway) -> None:
    first = api.place(symbol="HD", clientOrderId="by-name")
    time.sleep(0.01)
    second = api.place(symbol="HD")
    cut = second.json["timestamp"]

    def listed(query: str) -> list[str]:
        return [
            order["orderId"] for order in api.call("GET", f"/api/v1/orders?symbol=HD&{query}").json["orders"]
        ]

    assert listed(f"from={cut}") == [second.json["orderId"]]
    assert listed(f"to={cut}") == [first.json["orderId"]]
    assert listed("clientOrderId=by-name") == [first.json["orderId"]]


def test_orders_are_listed_by_who_placed_them_and_no_foreign_account_is_shown(api: Gateway) -> None:
    mine = [api.place(symbol="V", side="SELL").json["orderId"] for _ in range(3)]
    heads = api.place("desk", symbol="V", side="SELL").json["orderId"]
    foreign = api.place("desk", accountId="ACC-RET-003", symbol="V", side="SELL").json["orderId"]
    cut = api.place(symbol="V", side="SELL").json["timestamp"]

    def listed(query: str, user: str = "trader1") -> list[str]:
        found = api.call("GET", f"/api/v1/orders?symbol=V&{query}", user=user).json["orders"]
        return [order["orderId"] for order in found]

    assert listed(f"principal=trader1&to={cut}") == mine[::-1]
    assert listed(f"principal=trader1&to={cut}&sort=createdAt") == mine
    assert listed("principal=desk") == [heads]
    assert listed("principal=desk", "desk") == [foreign, heads]
    assert listed("principal=desk&accountId=ACC-RET-003") == []
    assert listed("principal=nobody") == listed("principal=DESK") == []
    for order, last in (("createdAt", mine), ("-createdAt", mine[::-1])):
        path = f"/api/v1/orders?symbol=V&principal=trader1&to={cut}&sort={order}&limit=2"
        page = api.call("GET", path).json
        rest = api.call("GET", f"{path}&cursor={page['nextCursor']}").json
        assert [one["orderId"] for one in (*page["orders"], *rest["orders"])] == last


def test_a_cancel_is_not_the_order_of_who_asked_for_it(api: Gateway) -> None:
    order_id = api.place(symbol="BAC").json["orderId"]
    assert api.call("DELETE", f"/api/v1/orders/{order_id}", user="desk").status == 202

    def placed_by(principal: str) -> list[str]:
        found = api.call("GET", f"/api/v1/orders?symbol=BAC&principal={principal}").json["orders"]
        return [order["orderId"] for order in found]

    assert (placed_by("trader1"), placed_by("desk")) == ([order_id], [])


def test_wrong_filters_are_named(api: Gateway) -> None:
    reply = api.call("GET", "/api/v1/orders?limit=201&status=OPEN&side=X&from=yesterday&cursor=zz&colour=red")
    assert reply.status == 400
    assert set(reply.fields) == {"limit", "status", "side", "from", "cursor", "colour"}


def test_an_orders_story_is_read_back(api: Gateway) -> None:
    routing = {"profile": "default", "avoid": ["XNYS"]}
    order_id = api.place(minQuantity=50, routing=routing).json["orderId"]
    now = utc_now()
    with psycopg.connect(api.dsn, autocommit=True) as connection:
        store_trade(
            connection,
            uuid.UUID(order_id),
            account_id="ACC-INST-001",
            venue_id="XNAS",
            exec_id="E1",
            cl_ord_id="c-1",
            symbol="AAPL",
            side="BUY",
            quantity=30,
            price=Decimal("187.2"),
            at=now,
            sequence=9,
        )
        connection.execute(
            "INSERT INTO route_audit VALUES (%s, 1, 'ACC-INST-001', %s, '', '', NULL, %s, %s, %s, 0, 0)",
            (order_id, b'{"routeId":"r","children":[]}', uuid7(), now, now),
        )
        child = ChildTerms(
            order_id=uuid.UUID(order_id),
            cl_ord_id="c-1",
            attempt=1,
            leg=1,
            account_id="ACC-INST-001",
            venue_id="XNAS",
            symbol="AAPL",
            side=Side.BUY,
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.IOC,
            quantity=30,
            limit_price_micros=187_210_000,
            min_quantity=10,
        )
        connection.execute(
            "INSERT INTO child_orders (order_id, cl_ord_id, attempt, leg, venue_id, quantity, terms,"
            " continues, status, leaves_qty, created_at, updated_at)"
            " VALUES (%s, 'c-1', 1, 1, 'XNAS', 30, %s, false, 'NEW', 30, %s, %s)",
            (order_id, encode(child).decode(), now, now),
        )
        connection.execute(
            "UPDATE orders SET cum_qty = 30, leaves_qty = 70, filled_notional = 5616,"
            " status = 'PARTIALLY_FILLED'"
            " WHERE order_id = %s",
            (order_id,),
        )
        connection.execute(
            "INSERT INTO positions VALUES ('ACC-INST-001', 'AAPL', 30, 5616, 0, -5616, %s)", (now,)
        )
    accepted = event("ACC-INST-001", 1, order_id=uuid.UUID(order_id))
    store_events(api, accepted)
    order = api.call("GET", f"/api/v1/orders/{order_id}").json
    assert (order["status"], order["cumQty"], order["avgPx"]) == ("PARTIALLY_FILLED", 30, "187.2")
    assert (order["minQuantity"], order["principal"]) == (50, "trader1")
    assert order["routing"] == {"profile": "default", "avoid": ["XNYS"]}
    first, second, _ = api.call("GET", f"/api/v1/orders/{order_id}/events").json["events"]
    assert (first["sequence"], first["eventType"], first["status"]) == (1, "OrderReceived", "NEW")
    assert (first["eventId"], first["streamSequence"]) == (order_id, None)
    assert first["payload"]["terms"]["symbol"] == "AAPL"
    assert (second["sequence"], second["eventType"], second["status"]) == (2, "OrderAccepted", "ACKNOWLEDGED")
    assert (second["eventId"], second["streamSequence"]) == (str(accepted.event_id), 1)
    assert second["payload"] == json.loads(encode(accepted))
    (execution,) = api.call("GET", f"/api/v1/orders/{order_id}/executions").json["executions"]
    assert (execution["venueId"], execution["lastQty"], execution["lastPx"]) == ("XNAS", 30, "187.2")
    (route,) = api.call("GET", f"/api/v1/orders/{order_id}/routes").json["routes"]
    # No router runs here.
    assert route["plan"] == {"routeId": "r", "children": [], "explanation": None}
    assert route["routeId"] == str(route_id(uuid.UUID(order_id), 1))
    assert (route["proven"], "sor-answers is away" in route["explanationProblem"]) == (None, True)
    (found,) = route["children"]
    assert (found["clOrdId"], found["limitPrice"], found["timeInForce"]) == ("c-1", "187.21", "IOC")
    assert (found["minQuantity"], found["venueId"], found["leg"]) == (10, "XNAS", 1)
    (position,) = api.call("GET", "/api/v1/accounts/ACC-INST-001/positions").json["positions"]
    assert (position["symbol"], position["quantity"], position["netCash"]) == ("AAPL", 30, "-5616")


# ---- canceling


def test_a_cancel_is_stored_published_and_answered_again_while_it_is_pending(
    api: Gateway, kafka: KafkaSettings
) -> None:
    order_id = api.place().json["orderId"]
    inbound = TailReader(kafka, Topic.INBOUND)
    first = api.call("DELETE", f"/api/v1/orders/{order_id}", X_OMS_Channel="DESK")
    again = api.call("DELETE", f"/api/v1/orders/{order_id}")
    assert (first.status, again.status) == (202, 202)
    assert (first.json["orderId"], first.json["status"]) == (order_id, "NEW")
    found = rows(
        api,
        "SELECT kind, account_id, principal, request_id::text, payload::text FROM order_requests"
        " WHERE order_id = %s ORDER BY request_id",
        order_id,
    )
    who = ("ACC-INST-001", "trader1")
    assert [row[:3] for row in found] == [("NEW", *who), ("CANCEL", *who)]
    assert found[1][3] == first.json["requestId"] == again.json["requestId"]
    canceled = decode("CancelOrder", found[1][4].encode())
    assert isinstance(canceled, CancelOrder)
    assert (canceled.channel, canceled.principal, str(canceled.order_id)) == ("DESK", "trader1", order_id)
    published: list[tuple[str, str]] = []

    def one() -> bool:
        # The order's own message may come after the reader began.
        published.extend(
            (item.type_name, item.payload.decode())
            for item in inbound.poll_encoded(0.1)
            if item.type_name == "CancelOrder"
        )
        return len(published) == 1

    wait_for(one, "the cancel")
    inbound.close()
    assert published == [("CancelOrder", row[4]) for row in found[1:]]


def test_a_cancel_through_a_channel_that_cannot_be_stored_is_400(api: Gateway) -> None:
    order_id = api.place().json["orderId"]
    reply = api.call("DELETE", f"/api/v1/orders/{order_id}", X_OMS_Channel="a b")
    assert (reply.status, list(reply.fields)) == (400, ["X-OMS-Channel"])


def test_a_closed_order_cannot_be_canceled(api: Gateway) -> None:
    order_id = api.place().json["orderId"]
    rows(
        api,
        "UPDATE orders SET status = 'CANCELED', closed = true, leaves_qty = 0"
        " WHERE order_id = %s RETURNING 1",
        order_id,
    )
    reply = api.call("DELETE", f"/api/v1/orders/{order_id}")
    assert reply.status == 409
    assert (reply.json["error"]["code"], reply.json["error"]["status"]) == ("ORDER_CLOSED", "CANCELED")


# ---- open pages


def test_health_contract_and_pages_need_no_token(api: Gateway) -> None:
    for path in ("/health/live", "/health/ready", "/actuator/health", "/schema", "/", "/desk/desk.js"):
        assert (path, call(api.http_port, "GET", path).status) == (path, 200)
    assert call(api.http_port, "GET", "/health/ready").json == {"status": "UP"}


def test_metrics_and_what_readiness_stands_on_are_on_the_health_port_alone(api: Gateway) -> None:
    for path in (*METRICS_PATHS, *(f"{path}/" for path in METRICS_PATHS)):
        assert (
            call(api.http_port, "GET", path, headers={"Authorization": f"Bearer {api.token()}"}).status == 404
        )
    for path in METRICS_PATHS:
        assert call(api.health_port, "GET", path).status == 200
    assert call(api.health_port, "GET", "/health/ready").json == {"status": "UP", "problems": {}}
    assert call(api.health_port, "GET", "/api/v1/orders").status == 404
    api.place()
    assert api.metric('oms_api_requests_total{route="POST /api/v1/orders",status="201"}') > 0
    assert "/api/v1/orders/{orderId}" in call(api.http_port, "GET", "/schema").json["paths"]


def test_the_desk_page_comes_with_a_policy_and_one_content_type(api: Gateway) -> None:
    for method in ("GET", "HEAD"):
        headers = call(api.http_port, method, "/").headers
        assert headers["content-type"] == "text/html; charset=utf-8"
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        assert "unsafe" not in headers["content-security-policy"]


def test_the_pages_files_are_kept_by_what_they_hold_and_packed(api: Gateway) -> None:
    page = call(api.http_port, "GET", "/").body.decode()
    (address,) = re.findall(r'src="(/desk/desk\.js\?v=[0-9a-f]{16})"', page)
    named = call(api.http_port, "GET", address, headers={"Accept-Encoding": "gzip"})
    assert named.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert named.headers["content-encoding"] == "gzip"
    plain = call(api.http_port, "GET", "/desk/desk.js")
    assert plain.headers["cache-control"] == "no-cache"
    again = call(api.http_port, "GET", "/desk/desk.js", headers={"If-None-Match": plain.headers["etag"]})
    assert again.status == 304
    assert call(api.http_port, "GET", "/desk/../config.py").status == 404
    assert call(api.http_port, "GET", "/desk/index.html").status == 404


# ---- gRPC


def test_grpc_places_gets_and_cancels_through_the_same_handlers(api: Gateway) -> None:
    async def scenario() -> None:
        channel = Channel("127.0.0.1", api.grpc_port)
        stub = OrderServiceStub(channel, metadata={"authorization": f"Bearer {api.token()}"})
        request = PlaceOrderRequest(
            client_order_id=uuid.uuid4().hex,
            account_id="ACC-INST-001",
            symbol="MSFT",
            side=WireSide.SELL,
            order_type=WireType.LIMIT,
            quantity=10,
            limit_price="418.20",
            min_quantity=5,
        )
        try:
            first = await stub.place_order(request)
            again = await stub.place_order(request)
            assert (first.created, again.created, first.status) == (True, False, WireStatus.NEW)
            assert (first.order_id, first.timestamp) == (again.order_id, again.timestamp)
            order = await stub.get_order(GetOrderRequest(order_id=first.order_id))
            assert (order.symbol, order.side, order.limit_price) == ("MSFT", WireSide.SELL, "418.2")
            assert order.min_quantity == 5
            canceled = await stub.cancel_order(CancelOrderRequest(order_id=first.order_id))
            assert canceled.order_id == first.order_id
            request.quantity = 11
            await refused(stub.place_order(request), Status.ALREADY_EXISTS)
            bad = PlaceOrderRequest(client_order_id="x", account_id="ACC-INST-001", symbol="MSFT")
            message = await refused(stub.place_order(bad), Status.INVALID_ARGUMENT)
            assert "side: is required" in message
            assert "quantity: must be a whole number of shares above 0, was 0" in message
            await refused(stub.get_order(GetOrderRequest(order_id=str(uuid7()))), Status.NOT_FOUND)
            empty = ReplaceOrderRequest(order_id=first.order_id)
            assert "at least one of" in await refused(stub.replace_order(empty), Status.INVALID_ARGUMENT)
            change = ReplaceOrderRequest(order_id=first.order_id, client_order_id="r", quantity=20)
            replaced = await stub.replace_order(change)
            assert (await stub.replace_order(change)).request_id == replaced.request_id
            change.quantity = 21
            await refused(stub.replace_order(change), Status.ALREADY_EXISTS)
            change.client_order_id, change.sequence = "r2", 9
            await refused(stub.replace_order(change), Status.FAILED_PRECONDITION)
            suspended = await stub.suspend_order(SuspendOrderRequest(order_id=first.order_id))
            assert suspended.created and suspended.order_id == first.order_id
            await refused(
                stub.resume_order(ResumeOrderRequest(order_id=first.order_id)), Status.FAILED_PRECONDITION
            )
            another = replace(request, client_order_id=f"g-{uuid.uuid4().hex}")
            batch = await stub.place_orders(
                PlaceOrdersRequest(orders=[another, PlaceOrderRequest(client_order_id="x")])
            )
            assert batch.orders[0].placed.order_id and batch.orders[1].refused.code == "INVALID_REQUEST"
            whole = PlaceOrdersRequest(orders=[another, replace(another, quantity=0)], all_or_nothing=True)
            message = await refused(stub.place_orders(whole), Status.INVALID_ARGUMENT)
            assert "orders[1].quantity: must be" in message
            whole.orders = [replace(another, quantity=12)]
            await refused(stub.place_orders(whole), Status.ALREADY_EXISTS)
            whole.orders, whole.check_only = [replace(another, client_order_id="checked")], True
            (checked,) = (await stub.place_orders(whole)).orders
            assert which_one_of(checked, "outcome") == ("", None)
            whole.check_only = False
            (placed,) = (await stub.place_orders(whole)).orders
            assert placed.placed.created
            named = OrderSelection(order_ids=[first.order_id, str(uuid7())])
            many = await stub.cancel_orders(CancelOrdersRequest(selection=named, client_order_id="all"))
            again_many = await stub.cancel_orders(CancelOrdersRequest(selection=named, client_order_id="all"))
            assert (many.created, again_many.created, many.more) == (True, False, False)
            assert many.orders[0].request_id == again_many.orders[0].request_id
            assert many.orders[1].refused.code == "NOT_FOUND"
            nothing = CancelOrdersRequest(selection=OrderSelection())
            await refused(stub.cancel_orders(nothing), Status.INVALID_ARGUMENT)
            nobody = OrderServiceStub(channel)
            await refused(nobody.get_order(GetOrderRequest(order_id=first.order_id)), Status.UNAUTHENTICATED)
            viewer = OrderServiceStub(channel, metadata={"authorization": f"Bearer {api.token('viewer1')}"})
            await refused(viewer.place_order(request), Status.PERMISSION_DENIED)
        finally:
            channel.close()

    asyncio.run(scenario())


async def refused(call_: Any, status: Status) -> str:
    with pytest.raises(GRPCError) as caught:
        await call_
    assert caught.value.status is status
    return str(caught.value.message)


# ---- streaming


def send(kafka: KafkaSettings, *events: OrderEvent) -> None:
    publisher = Publisher(kafka)
    for item in events:
        publisher.send(Topic.EVENTS.value, str(item.order_id), item, event_id=item.event_id)
    publisher.flush()


class Listener:
    """A WebSocket client."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.waiting: list[Any] = []

    async def subscribe(self, *accounts: str, **since: int) -> Any:
        message: dict[str, Any] = {"type": "subscribe", "accounts": list(accounts)}
        if since:
            message["from"] = {name.replace("_", "-"): sequence for name, sequence in since.items()}
        await self.socket.send_json(message)
        return await self.next()

    async def next(self) -> Any:
        async with asyncio.timeout(10):
            return await self.socket.receive_json()

    async def event(self) -> Any:
        """Return the next event, of whatever frame."""
        while not self.waiting:
            frame = await self.next()
            assert frame.keys() == {"type", "events"}
            assert frame["type"] == "events"
            self.waiting = frame["events"]
        return self.waiting.pop(0)

    async def sequences(self, count: int) -> list[int]:
        return [(await self.event())["streamSequence"] for _ in range(count)]


def listen(api: Gateway, scenario: Any, user: str = "trader1") -> None:
    async def run() -> None:
        headers = {"Authorization": f"Bearer {api.token(user)}"}
        url = f"ws://127.0.0.1:{api.http_port}/api/v1/stream"
        async with aiohttp.ClientSession() as session, session.ws_connect(url, headers=headers) as socket:
            await scenario(Listener(socket))

    asyncio.run(run())


def test_events_come_live_from_kafka_in_stream_order(api: Gateway, kafka: KafkaSettings) -> None:
    account = "ACC-HF-001"

    async def scenario(listener: Listener) -> None:
        answer = await listener.subscribe(account)
        epoch = answer.pop("epoch")
        assert len(epoch) == 32
        assert answer == {
            "type": "subscribed",
            "channels": ["orders"],
            "accounts": [account],
            "symbols": [],
            "streamSequence": {account: 0},
        }
        events = [event(account, n) for n in range(1, 21)]
        await asyncio.to_thread(store_events, api, *events)
        await asyncio.to_thread(send, kafka, *reversed(events))
        assert await listener.event() == json.loads(encode(events[0]))
        assert await listener.sequences(19) == list(range(2, 21))

    listen(api, scenario)


def test_a_client_catches_up_from_its_last_sequence_and_then_goes_live(
    api: Gateway, kafka: KafkaSettings
) -> None:
    account = "ACC-HF-002"
    store_events(api, *(event(account, n) for n in range(1, 1201)))

    async def scenario(listener: Listener) -> None:
        answer = await listener.subscribe(account, ACC_HF_002=17)
        assert answer["streamSequence"] == {account: 17}
        assert await listener.sequences(1183) == list(range(18, 1201))
        live = event(account, 1201)
        await asyncio.to_thread(store_events, api, live)
        await asyncio.to_thread(send, kafka, live, live)
        following = event(account, 1202)
        await asyncio.to_thread(store_events, api, following)
        await asyncio.to_thread(send, kafka, following)
        assert await listener.sequences(2) == [1201, 1202]

    listen(api, scenario)


def test_a_gap_in_kafka_is_healed_from_postgres(api: Gateway, kafka: KafkaSettings) -> None:
    account = "ACC-INST-002"

    async def scenario(listener: Listener) -> None:
        await listener.subscribe(account)
        events = [event(account, n) for n in range(1, 6)]
        await asyncio.to_thread(store_events, api, *events)
        await asyncio.to_thread(send, kafka, events[0], events[3], events[4])
        assert await listener.sequences(5) == [1, 2, 3, 4, 5]

    listen(api, scenario)


def test_what_kafka_never_brings_is_found_by_the_backstop(api: Gateway) -> None:
    account = "ACC-INST-003"

    async def scenario(listener: Listener) -> None:
        await listener.subscribe(account)
        await asyncio.to_thread(store_events, api, *(event(account, n) for n in range(1, 4)))
        assert await listener.sequences(3) == [1, 2, 3]

    listen(api, scenario)


def test_two_clients_of_one_account_both_get_everything(api: Gateway) -> None:
    account = "ACC-RET-003"

    async def scenario(listener: Listener) -> None:
        await listener.subscribe(account)
        url = f"ws://127.0.0.1:{api.http_port}/api/v1/stream"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            await socket.send_json({"type": "auth", "token": api.token("trader2")})
            other = Listener(socket)
            assert (await other.next())["type"] == "authenticated"
            await other.subscribe(account)
            await asyncio.to_thread(store_events, api, event(account, 1), event(account, 2))
            assert await other.sequences(2) == [1, 2]
        assert await listener.sequences(2) == [1, 2]

    listen(api, scenario, "trader2")


def test_a_websocket_refuses_what_is_wrong_and_stays_open(api: Gateway) -> None:
    async def scenario(listener: Listener) -> None:
        await listener.socket.send_str("{")
        assert "is not JSON" in (await listener.next())["error"]["message"]
        for answer in (
            await listener.subscribe("ACC-RET-001"),
            await listener.subscribe("ACC-NONE"),
            await listener.subscribe(),
            await listener.subscribe("ACC-INST-001", ACC_INST_001=999_999),
            await listener.subscribe("ACC-INST-001", ACC_INST_001=-1),
        ):
            assert (answer["type"], answer["error"]["code"]) == ("error", "INVALID_REQUEST")
        await listener.socket.send_json({"type": "ping"})
        assert await listener.next() == {"type": "pong"}
        assert (await listener.subscribe("ACC-INST-001"))["type"] == "subscribed"
        await listener.socket.send_json({"type": "unsubscribe", "accounts": ["ACC-INST-001"]})
        assert (await listener.next())["type"] == "unsubscribed"

    listen(api, scenario)


@pytest.mark.parametrize("by", ["header", "query", "message"])
def test_a_websocket_with_a_bad_token_is_refused_and_closed(api: Gateway, by: str) -> None:
    async def scenario() -> None:
        url = f"ws://127.0.0.1:{api.http_port}/api/v1/stream"
        headers = {"Authorization": "Bearer rubbish"} if by == "header" else {}
        url += "?access_token=rubbish" if by == "query" else ""
        async with aiohttp.ClientSession() as session, session.ws_connect(url, headers=headers) as socket:
            if by == "message":
                await socket.send_json({"type": "auth", "token": "rubbish"})
            answer = await socket.receive_json()
            assert answer["error"]["code"] == "UNAUTHENTICATED"
            closed = await socket.receive()
            assert closed.type is aiohttp.WSMsgType.CLOSE
            assert socket.close_code == 1008

    asyncio.run(scenario())
    wait_for(lambda: api.metric("oms_api_websocket_clients") == 0, "no client left")


def test_a_client_that_does_not_read_is_closed_and_can_catch_up(api: Gateway) -> None:
    account = "ACC-RET-004"
    wide = "x" * 400

    async def scenario() -> None:
        url = f"ws://127.0.0.1:{api.http_port}/api/v1/stream?access_token={api.token('trader2')}"
        reader, writer = await asyncio.open_connection("127.0.0.1", api.http_port, limit=1024)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        path = url.split(str(api.http_port), 1)[1]
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        message = json.dumps({"type": "subscribe", "accounts": [account]}).encode()
        assert len(message) < 126
        writer.write(bytes([0x81, 0x80 | len(message), 0, 0, 0, 0]) + message)
        await asyncio.to_thread(wait_for, lambda: api.metric("oms_api_websocket_clients") >= 1, "a client")
        await asyncio.sleep(0.5)
        await asyncio.to_thread(store_many, api, account, 60_000, wide)
        await asyncio.to_thread(
            wait_for, lambda: api.metric("oms_api_websocket_slow_total") >= 1, "a client given up", 30
        )
        writer.close()
        del reader

    asyncio.run(scenario())
    wait_for(lambda: api.metric("oms_api_websocket_clients") == 0, "no client left")

    async def again(listener: Listener) -> None:
        await listener.subscribe(account, ACC_RET_004=59_990)
        assert await listener.sequences(10) == list(range(59_991, 60_001))

    listen(api, again, "trader2")


def store_many(api: Gateway, account: str, count: int, text: str) -> None:
    item = encode(event(account, 0)).decode()
    with psycopg.connect(api.dsn, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO order_events SELECT %s::uuid, n + 1, %s, n, 'OrderAccepted', NULL,"
            " (%s::jsonb || jsonb_build_object('streamSequence', n, 'text', %s::text))::json, now()"
            " FROM generate_series(1, %s) AS n",
            (uuid7(), account, item, text, count),
        )
        connection.execute("INSERT INTO account_streams VALUES (%s, %s)", (account, count))
