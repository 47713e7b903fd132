"""The platform in containers, for the tests: brought up, asked, taken down."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from oms_tools.cli.client import ApiClient
from tests.deploy.engine import Compose, run

ROOT = Path(__file__).parents[2]
SECRETS = {
    "OMS_POSTGRES_PASSWORD": "database-of-a-test",
    "OMS_REDIS_PASSWORD": "cache-of-a-test",
    "OMS_KEYCLOAK_ADMIN_PASSWORD": "admin-of-a-test",
    "OMS_CLIENT_SECRET": "program-of-a-test",
    "OMS_PERSONA_PASSWORD": "persona-of-a-test",
    "OMS_GRAFANA_PASSWORD": "dashboards-of-a-test",
}
DEFAULT_PROFILE = (
    "oms-api", "oms-core", "sor-engine", "scorekeeper", "sor-answers", "execution-adapter", "market-data",
    "broker", "redis", "keycloak", "kafka", "postgres",
)  # fmt: skip
HEALTHY_TIMEOUT_S = 420.0
FILLED_TIMEOUT_S = 60.0
POLL_S = 0.5


@contextmanager
def running_stack(
    variables: Mapping[str, str], project_name: str, also: Sequence[Path] = ()
) -> Iterator[Compose]:
    """The project, built and healthy; taken down with its volumes at the end."""
    project = Compose(ROOT / "compose.yaml", variables, project_name, also)
    project("--profile", "tools", "build", timeout_s=1_500)
    project("--profile", "*", "down", "--volumes", "--remove-orphans")
    try:
        project("up", "--detach", "--wait", "--wait-timeout", str(int(HEALTHY_TIMEOUT_S)))
        yield project
    except AssertionError as error:
        raise AssertionError(f"{error}\n{project('logs', '--tail', '40', check=False)}") from error
    finally:
        project("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "20")


def command_line(compose: Compose, *words: str) -> str:
    """Run the command line inside, as docs/compose.md says."""
    return compose("run", "--rm", "-T", "--no-deps", "oms", *words)


def client_of(compose: Compose, port: int, user: str) -> ApiClient:
    """Return a client on the published port with a token that Keycloak gave inside."""
    return ApiClient(f"http://127.0.0.1:{port}", command_line(compose, "token", "--user", user).strip())


def place(client: ApiClient) -> str:
    """Send an order that will be filled. Returns its id."""
    body = {
        "clientOrderId": f"deploy-{time.time_ns()}",
        "accountId": "ACC-INST-001",
        "symbol": "AAPL",
        "side": "BUY",
        "orderType": "MARKET",
        "quantity": 300,
        "timeInForce": "DAY",
    }
    return str(client.post("/api/v1/orders", body)["orderId"])


def await_filled(client: ApiClient, order_id: str) -> dict[str, Any]:
    """Wait until an order is filled. Returns the order."""
    deadline = time.monotonic() + FILLED_TIMEOUT_S
    order: dict[str, Any] = {}
    while time.monotonic() < deadline:
        order = client.get(f"/api/v1/orders/{order_id}")
        if order["status"] == "FILLED":
            return order
        time.sleep(0.1)
    pytest.fail(f"the order is {order}, expected FILLED: {client.get(f'/api/v1/orders/{order_id}/events')}")


def place_and_fill(client: ApiClient) -> dict[str, Any]:
    """Send an order and wait until it is filled. Returns the order."""
    return await_filled(client, place(client))


def containers(compose: Compose) -> dict[str, dict[str, Any]]:
    """Return what Docker says of each running service's container."""
    found = {}
    for line in compose("ps", "--format", "json").splitlines():
        container = json.loads(line)
        found[container["Service"]] = json.loads(run(["docker", "inspect", container["ID"]]))[0]
    return found


def await_healthy(compose: Compose, services: Iterable[str] = DEFAULT_PROFILE) -> None:
    """Wait until every one of these services' containers is healthy."""
    deadline = time.monotonic() + HEALTHY_TIMEOUT_S
    sick: dict[str, str] = {}
    while time.monotonic() < deadline:
        states = {name: found["State"] for name, found in containers(compose).items()}
        health = {name: states[name]["Health"]["Status"] if name in states else "gone" for name in services}
        sick = {name: status for name, status in health.items() if status != "healthy"}
        if not sick:
            return
        time.sleep(POLL_S)
    pytest.fail(f"expected all to be healthy, found {sick}\n{compose('logs', '--tail', '40', *sick)}")


def assert_no_invariant_is_broken(compose: Compose) -> None:
    """Run `oms verify` inside and read what it says."""
    report = command_line(compose, "verify", "--settle", "60")
    assert "BROKEN" not in report
    assert "left out" not in report
    assert report.count("holds") >= 10
