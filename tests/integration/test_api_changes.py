"""Requests that change orders over REST at a real gateway: their headers, their repeats, what they store."""

import http.client
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.integration.api_rig import Gateway, Reply, gateway_alone, terms

CHANGES = (("PATCH", "", {"quantity": 7}), ("POST", "/suspend", None))


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, postgres_port: int, redis_port: int) -> Iterator[Gateway]:
    with gateway_alone(tmp_path_factory.mktemp("changes"), postgres_port, redis_port) as made:
        yield made


def stored(api: Gateway, order_id: str) -> list[tuple[Any, ...]]:
    """Return the requests about an order that are in the log, the oldest first."""
    with psycopg.connect(api.dsn) as connection:
        return connection.execute(
            "SELECT kind, payload->>'clOrdId', payload->>'channel' FROM order_requests"
            " WHERE order_id = %s AND kind <> 'NEW' ORDER BY request_id",
            (order_id,),
        ).fetchall()


def placed(api: Gateway, **changes: Any) -> str:
    order_id: str = api.place(**changes).json["orderId"]
    return order_id


@pytest.mark.parametrize(("method", "more", "body"), CHANGES)
def test_a_request_is_taken_of_the_version_that_is_named_once_under_its_id(
    api: Gateway, method: str, more: str, body: Any
) -> None:
    order_id = placed(api)
    path = f"/api/v1/orders/{order_id}"
    etag = api.call("GET", path).headers["etag"]
    key = uuid.uuid4().hex
    for wrong in ('"99"', '""', "", etag.strip('"')):
        assert api.call(method, path + more, body, If_Match=wrong, Idempotency_Key=key).status == 412, wrong
    assert stored(api, order_id) == []
    first = api.call(method, path + more, body, If_Match=etag, Idempotency_Key=key)
    assert (first.status, first.json["created"], first.json["orderId"]) == (202, True, order_id)
    again = api.call(method, path + more, body, If_Match='"99"', Idempotency_Key=key)
    assert (again.status, again.json) == (202, first.json | {"created": False})
    assert api.call(method, path + more, body).json["created"]
    kind = "REPLACE" if method == "PATCH" else "SUSPEND"
    assert stored(api, order_id) == [(kind, key, "API"), (kind, None, None)]


@pytest.mark.parametrize("key", ["", "x" * 65, "a\tb", "\xe9", " "])
def test_an_idempotency_key_that_is_none_is_refused_and_nothing_is_stored(api: Gateway, key: str) -> None:
    order_id = placed(api)
    for method, more, body in CHANGES:
        reply = api.call(method, f"/api/v1/orders/{order_id}{more}", body, Idempotency_Key=key)
        assert (reply.status, list(reply.fields)) == (400, ["Idempotency-Key"]), (method, key)
    assert stored(api, order_id) == []


def test_two_idempotency_keys_are_none(api: Gateway) -> None:
    order_id = placed(api)
    connection = http.client.HTTPConnection("127.0.0.1", api.http_port, timeout=20)
    connection.putrequest("POST", f"/api/v1/orders/{order_id}/suspend")
    connection.putheader("Authorization", f"Bearer {api.token()}")
    for key in ("a", "b"):
        connection.putheader("Idempotency-Key", key)
    connection.endheaders()
    assert connection.getresponse().status == 400
    connection.close()
    assert stored(api, order_id) == []


def test_an_id_is_one_things_of_an_account_and_channel_whatever_it_is(api: Gateway) -> None:
    own, other = placed(api, clientOrderId="taken-1"), placed(api)

    def change(order_id: str, key: str, quantity: int = 7, **headers: str) -> Reply:
        path = f"/api/v1/orders/{order_id}"
        return api.call("PATCH", path, {"quantity": quantity}, Idempotency_Key=key, **headers)

    conflicts = [change(other, "taken-1"), change(own, "taken-1")]
    assert change(own, "k-1").status == 202
    conflicts += [change(other, "k-1"), change(own, "k-1", 8)]
    conflicts.append(api.call("POST", f"/api/v1/orders/{own}/suspend", Idempotency_Key="k-1"))
    conflicts.append(api.call("DELETE", "/api/v1/orders?symbol=AAPL", Idempotency_Key="k-1"))
    assert {(one.status, one.json["code"]) for one in conflicts} == {(409, "DUPLICATE_REQUEST_ID")}
    as_order = api.call("POST", "/api/v1/orders", terms(clientOrderId="k-1"))
    assert (as_order.status, as_order.json["code"]) == (409, "DUPLICATE_ORDER_ID")
    assert change(own, "k-1", X_OMS_Channel="DESK").status == 202
    assert len(stored(api, own)) == 2 and stored(api, other) == []


def test_what_selects_nothing_or_wrongly_is_refused(api: Gateway) -> None:
    for query, field in (
        ("", "accountId"), ("?after=" + str(uuid.uuid4()), "accountId"), ("?olderThan=-1", "olderThan"),
        ("?side=UP", "side"), ("?orderId=x", "orderId"), ("?x=1", "x"),
    ):  # fmt: skip
        reply = api.call("DELETE", f"/api/v1/orders{query}")
        assert (reply.status, list(reply.fields)) == (400, [field]), query


def test_who_may_not_trade_suspends_and_does_not_resume(api: Gateway) -> None:
    order_id = placed(api)
    risk = {"Authorization": "Bearer " + api.token_of("r", "risk", ["ACC-INST-001"])}
    viewer = {"Authorization": "Bearer " + api.token_of("v", "read-only", ["ACC-INST-001"])}
    path = f"/api/v1/orders/{order_id}"
    for headers, statuses in ((risk, (403, 202, 403, 202)), (viewer, (403, 403, 403, 403))):
        found = (
            api.call("PATCH", path, {"quantity": 7}, user=None, **headers).status,
            api.call("POST", f"{path}/suspend", user=None, **headers).status,
            api.call("POST", f"{path}/resume", user=None, **headers).status,
            api.call("DELETE", f"/api/v1/orders?orderId={uuid.uuid4()}", user=None, **headers).status,
        )
        assert found == statuses
