"""What answers say beside their body: who may read them, what the caller's rate leaves, and lists as CSV."""

import csv
import io
import re
from pathlib import Path

import pytest

from oms_platform.kafka.settings import KafkaSettings
from tests.integration.api_rig import Gateway, Reply, call, gateway
from tests.ports import free_port

DESK = "https://desk.example.com"
ORDERS = "/api/v1/orders"
FOREIGN = ("null", "https://evil.example.com", "https://desk.example.com.evil.example")


def answers(api: Gateway, origin: str) -> dict[str, Reply]:
    """Return an answer of each kind to a page of an origin."""
    return {
        "placed": api.place(headers={"Origin": origin}),
        "refused order": api.place(headers={"Origin": origin}, quantity=0),
        "order without a token": api.place(None, headers={"Origin": origin}),
        "list": api.call("GET", ORDERS, Origin=origin),
        "list as CSV": api.call("GET", ORDERS, Origin=origin, Accept="text/csv"),
        "unknown page": api.call("GET", "/nothing", Origin=origin),
        "no token": api.call("GET", ORDERS, user=None, Origin=origin),
        "health": call(api.http_port, "GET", "/health/live", None, {"Origin": origin}),
        "contract": call(api.http_port, "GET", "/openapi.json", None, {"Origin": origin}),
    }


def preflight(api: Gateway, path: str, method: str, origin: str) -> Reply:
    """Ask as a browser does before a request."""
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    return call(api.http_port, "OPTIONS", path, None, asked)


def of_cors(reply: Reply) -> set[str]:
    """Return the names of an answer's CORS headers."""
    return {name for name in reply.headers if name.startswith("access-control")}


def test_pages_of_allowed_origins_read_every_answer_and_others_none(
    tmp_path: Path, dsn: str, redis_port: int, memory_kafka: KafkaSettings
) -> None:
    origins = f"{DESK},http://localhost:3000"
    with gateway(tmp_path, dsn, memory_kafka.bootstrap, redis_port, OMS_API_CORS_ORIGINS=origins) as api:
        for what, reply in answers(api, DESK).items():
            assert reply.headers["access-control-allow-origin"] == DESK, what
            assert "ratelimit" in reply.headers["access-control-expose-headers"], what
            assert "access-control-allow-credentials" not in reply.headers, what
            assert reply.headers["vary"].endswith("origin"), what
        for origin in FOREIGN:
            for what, reply in answers(api, origin).items():
                assert (of_cors(reply), reply.headers["vary"][-6:]) == (set(), "origin"), what
        for path, method in ((ORDERS, "POST"), (ORDERS, "GET"), (f"{ORDERS}/x", "DELETE")):
            allowed = preflight(api, path, method, DESK)
            assert (allowed.status, allowed.headers["access-control-allow-origin"]) == (204, DESK)
            assert method in allowed.headers["access-control-allow-methods"].split(", ")
            for origin in FOREIGN:
                assert of_cors(preflight(api, path, method, origin)) == set()


def test_without_allowed_origins_no_answer_says_anything_of_them(
    tmp_path: Path, dsn: str, redis_port: int, memory_kafka: KafkaSettings
) -> None:
    with gateway(tmp_path, dsn, memory_kafka.bootstrap, redis_port) as api:
        found = answers(api, DESK) | {"preflight": preflight(api, ORDERS, "POST", DESK)}
        for what, reply in found.items():
            assert (of_cors(reply), "origin" in reply.headers.get("vary", "")) == (set(), False), what


def left(reply: Reply, policy: str = "rate") -> int:
    """Return what an answer says is left of a bucket."""
    assert reply.headers["ratelimit-policy"] == f'"{policy}";q=5;w=5'
    found = re.fullmatch(rf'"{policy}";r=([0-9]+);t=([0-9]+)', reply.headers["ratelimit"])
    assert found is not None, reply.headers["ratelimit"]
    assert int(found[1]) + int(found[2]) == 5
    return int(found[1])


@pytest.mark.parametrize("with_redis", [True, False])
def test_every_answer_beside_an_orders_own_says_what_the_rate_leaves(
    tmp_path: Path, dsn: str, redis_port: int, memory_kafka: KafkaSettings, with_redis: bool
) -> None:
    redis = redis_port if with_redis else free_port()
    user = "admin1" if with_redis else "desk"
    with gateway(
        tmp_path, dsn, memory_kafka.bootstrap, redis, OMS_API_RATE_PER_S="1", OMS_API_RATE_BURST="5"
    ) as api:
        for path, status in ((ORDERS, 200), (f"{ORDERS}?x=1", 400), (f"{ORDERS}/x", 404)):
            reply = api.call("GET", path, user=user)
            assert reply.status == status
            assert 1 <= left(reply) <= 4
        placed = api.place(user)
        assert (placed.status, "ratelimit" in placed.headers) == (201, False)
        replies = [api.call("GET", ORDERS, user=user) for _ in range(8)]
        assert next(left(reply) for reply in replies if reply.status == 429) == 0
        over = [reply for _ in range(3) if (reply := api.place(user)).status == 429]
        assert next(left(reply) for reply in over) == 0
        canceled = api.call("DELETE", f"{ORDERS}/{placed.json['orderId']}", user=user)
        assert (canceled.status, left(canceled, "cancel-rate")) == (202, 4)
        assert left(api.call("GET", "/api/v1/kill-switches", user="viewer1")) >= 1
        nobody = api.call("GET", ORDERS, user=None)
        assert (nobody.status, "ratelimit" in nobody.headers) == (401, False)


def test_a_list_is_csv_for_who_prefers_it_and_its_link_leads_to_the_next_page(
    tmp_path: Path, dsn: str, redis_port: int, memory_kafka: KafkaSettings
) -> None:
    with gateway(tmp_path, dsn, memory_kafka.bootstrap, redis_port) as api:
        ids = ["=1+1", "-2", "@a", 'b,"c"', "d"]
        placed = {api.place(clientOrderId=name, routing={"avoid": ["EDGX"]}).json["orderId"] for name in ids}
        seen: list[dict[str, str]] = []
        path = f"{ORDERS}?limit=2&status=NEW&side=BUY"
        while True:
            reply = api.call("GET", path, Accept="text/csv, application/json;q=0.5")
            assert (reply.status, reply.headers["content-type"]) == (200, "text/csv; charset=utf-8")
            assert reply.headers["vary"] == "accept"
            seen += csv.DictReader(io.StringIO(reply.body.decode(), newline=""))
            found = re.fullmatch(r'<(/.*)>; rel="next"', reply.headers.get("link", ""))
            if found is None:
                break
            path = found[1]
        assert sorted(row["orderId"] for row in seen) == sorted(placed)
        assert {row["clientOrderId"] for row in seen} == {"'=1+1", "-2", "'@a", 'b,"c"', "d"}
        as_json = api.call("GET", ORDERS)
        assert as_json.headers["content-type"] == "application/json"
        assert list(seen[0]) == list(as_json.json["orders"][0])
        assert {(row["limitPrice"], row["routing"], row["avgPx"]) for row in seen} == {
            ("187.21", '{"avoid":["EDGX"]}', "")
        }
        executions = api.call("GET", f"{ORDERS}/{placed.pop()}/executions", Accept="text/csv")
        assert executions.body.startswith(b"orderId,sequence,accountId,venueId,execId,clOrdId,")
        positions = api.call("GET", "/api/v1/accounts/ACC-INST-001/positions", Accept="text/csv")
        assert positions.body.startswith(b"symbol,quantity,cost,")
        refused = api.call("GET", f"{ORDERS}?x=1", Accept="text/csv")
        assert (refused.status, refused.headers["content-type"]) == (400, "application/problem+json")
