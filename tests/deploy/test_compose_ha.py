"""compose.ha.yaml merged over compose.yaml: orders are filled while any one of what is doubled is away."""

import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from oms_tools.cli.client import ApiClient
from tests.deploy.engine import Compose, run
from tests.deploy.stack import (
    DEFAULT_PROFILE,
    POLL_S,
    ROOT,
    SECRETS,
    assert_no_invariant_is_broken,
    await_filled,
    await_healthy,
    client_of,
    command_line,
    containers,
    place,
    place_and_fill,
    running_stack,
)
from tests.ports import free_port

PROJECT = "oms-deploy-test-ha"
BROKERS = ("kafka", "kafka-2", "kafka-3")
REPLICAS = ("postgres-replica", "redis-replica")
ALL = (*DEFAULT_PROFILE, "kafka-2", "kafka-3", *REPLICAS)
PARTITIONS = 4
# A replica looks for its primary again and again; Redis' own time limit for that is a minute.
FOLLOWING_TIMEOUT_S = 90.0

pytestmark = pytest.mark.timeout(1_800)


@pytest.fixture(scope="module")
def port() -> int:
    """The one port that is published."""
    return free_port()


@pytest.fixture(scope="module")
def compose(images: dict[str, str], port: int) -> Iterator[Compose]:
    """Both files, up."""
    published = {
        "OMS_PUBLISH": f"127.0.0.1:{port}",
        "OMS_PUBLISH_GRPC": f"127.0.0.1:{free_port()}",
        "OMS_KEYCLOAK_PORT": str(free_port()),
    }
    variables = images | SECRETS | published
    with running_stack(variables, PROJECT, [ROOT / "compose.ha.yaml"]) as project:
        yield project


@pytest.fixture(scope="module")
def client(compose: Compose, port: int) -> ApiClient:
    """The published port, as a trader."""
    return client_of(compose, port, "trader1")


def ask_postgres(compose: Compose, service: str, query: str) -> str:
    """Return what a server says."""
    words = ["psql", "--host=127.0.0.1", "--username=oms", "--tuples-only", "--no-align"]
    environment = ["--env", f"PGPASSWORD={SECRETS['OMS_POSTGRES_PASSWORD']}"]
    return compose("exec", "-T", *environment, service, *words, "--command", query).strip()


def orders_seen(compose: Compose, service: str) -> int:
    """Return how many rows of orders a server has read for its clients."""
    return int(
        ask_postgres(
            compose,
            service,
            "select coalesce(sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)), 0)"
            " from pg_stat_user_tables where relname like 'orders%'",
        )
    )


def test_everything_is_healthy_and_nobody_is_root(compose: Compose) -> None:
    running = containers(compose)
    assert set(running) == set(ALL)
    for name, found in running.items():
        assert found["State"]["Health"]["Status"] == "healthy", name
        assert found["Config"]["User"] not in ("", "0", "root"), name
        assert found["HostConfig"]["CapDrop"] == ["ALL"], name
        assert found["HostConfig"]["Memory"] > 0, name


def test_every_topic_is_on_three_brokers_two_of_which_must_have_a_record(compose: Compose) -> None:
    program = (
        "from confluent_kafka.admin import *; a = AdminClient({'bootstrap.servers': 'kafka:9092'});"
        "t = a.list_topics(timeout=10).topics;"
        "r = [ConfigResource(ConfigResource.Type.TOPIC, n) for n in t];"
        "s = {k.name: f.result()['min.insync.replicas'].value for k, f in a.describe_configs(r).items()};"
        "print([(n, sorted({len(p.replicas) for p in x.partitions.values()}), s[n]) for n, x in t.items()])"
    )
    said = run(["docker", "exec", containers(compose)["oms-core"]["Id"], "python", "-c", program])
    topics: list[tuple[str, list[int], str]] = eval(said, {"__builtins__": {}})
    assert len(topics) >= 10
    assert [topic for topic in topics if topic[1:] != ([3], "2")] == []


@pytest.mark.parametrize("service", BROKERS)
def test_an_order_is_filled_while_a_broker_is_away(compose: Compose, client: ApiClient, service: str) -> None:
    compose("stop", service)
    try:
        for _ in range(PARTITIONS):
            place_and_fill(client)
    finally:
        compose("start", service)
    await_healthy(compose, ALL)
    place_and_fill(client)


def test_an_order_is_filled_after_a_broker_was_killed(compose: Compose, client: ApiClient) -> None:
    compose("kill", "--signal", "KILL", "kafka-2")
    try:
        place_and_fill(client)
    finally:
        compose("start", "kafka-2")
    await_healthy(compose, ALL)
    place_and_fill(client)


def test_orders_taken_while_two_brokers_are_away_are_filled_when_they_are_back(
    compose: Compose, client: ApiClient
) -> None:
    compose("stop", "kafka-2", "kafka-3")
    try:
        order_ids = [place(client) for _ in range(PARTITIONS)]
        assert {client.get(f"/api/v1/orders/{order_id}")["status"] for order_id in order_ids} == {"NEW"}
    finally:
        compose("start", "kafka-2", "kafka-3")
    for order_id in order_ids:
        await_filled(client, order_id)
    await_healthy(compose, ALL)


def test_queries_are_answered_by_the_replica_and_writes_go_to_the_primary(
    compose: Compose, client: ApiClient, port: int
) -> None:
    place_and_fill(client)
    assert ask_postgres(compose, "postgres-replica", "select pg_is_in_recovery()") == "t"
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        assert "oms_api_replica_used 1.0" in answer.read().decode().splitlines()
    connections = "select count(*) from pg_stat_activity where usename = 'oms' and client_addr <> '127.0.0.1'"
    assert int(ask_postgres(compose, "postgres-replica", connections)) > 0
    before = orders_seen(compose, "postgres-replica")
    for _ in range(20):
        assert client.get("/api/v1/orders")
    # A server's counts of what it has done are written a little later.
    deadline_s = 30
    for _ in range(deadline_s):
        if orders_seen(compose, "postgres-replica") > before:
            return
        ask_postgres(compose, "postgres-replica", "select pg_sleep(1)")
    pytest.fail(f"the replica read no order within {deadline_s} s after {before}")


@pytest.mark.parametrize("service", [*REPLICAS, "redis"])
def test_orders_are_filled_and_listed_while_a_replica_or_redis_is_away(
    compose: Compose, client: ApiClient, service: str
) -> None:
    compose("stop", service)
    try:
        order_id = place_and_fill(client)["orderId"]
        listed: Any = client.get("/api/v1/orders")
        assert order_id in str(listed)
    finally:
        compose("start", service)
    await_healthy(compose, ALL)
    place_and_fill(client)


def test_the_replica_that_missed_too_much_is_cloned_again(compose: Compose, client: ApiClient) -> None:
    compose("stop", "postgres-replica")
    ask_postgres(compose, "postgres", "select pg_drop_replication_slot('oms_replica')")
    order_id = place_and_fill(client)["orderId"]
    compose("start", "postgres-replica")
    await_healthy(compose, ALL)
    assert "cloning again" in compose("logs", "postgres-replica")
    query = f"select status from orders where order_id = '{order_id}'"
    assert ask_postgres(compose, "postgres-replica", query) == "FILLED"


def test_the_redis_replica_can_be_made_the_primary_by_hand(compose: Compose) -> None:
    def said(*words: str) -> str:
        return compose("exec", "-T", "redis-replica", "redis-cli", *words)

    deadline = time.monotonic() + FOLLOWING_TIMEOUT_S
    while "master_link_status:up" not in (state := said("info", "replication")):
        assert time.monotonic() < deadline, state
        time.sleep(POLL_S)
    assert "role:slave" in state
    assert said("replicaof", "no", "one").strip() == "OK"
    assert "role:master" in said("info", "replication")


def test_the_doctor_finds_nothing_broken(compose: Compose) -> None:
    # It ends with another code than 0 when something is not well.
    assert "topics" in command_line(compose, "doctor")


def test_no_invariant_is_broken_at_the_end(compose: Compose) -> None:
    assert_no_invariant_is_broken(compose)
