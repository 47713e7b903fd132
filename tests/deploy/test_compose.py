"""compose.yaml as a user runs it: from nothing to healthy, an order to its fill, a restart of each container.

The project's images are built by the real Dockerfile. What a registry would give are stand-ins, unless
OMS_TEST_IMAGES=registry.
"""

import json
import os
import re
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from oms_platform.cli.client import ApiClient
from oms_platform.laptop.parts import free_port
from tests.deploy.engine import Compose, docker_engine, run
from tests.deploy.standins import build_standins

ROOT = Path(__file__).parents[2]
PROJECT = "oms-deploy-test"
SECRETS = {
    "OMS_POSTGRES_PASSWORD": "database-of-a-test",
    "OMS_REDIS_PASSWORD": "cache-of-a-test",
    "OMS_KEYCLOAK_ADMIN_PASSWORD": "admin-of-a-test",
    "OMS_PERSONA_PASSWORD": "persona-of-a-test",
    "OMS_GRAFANA_PASSWORD": "dashboards-of-a-test",
}
OURS = ("oms-api", "oms-core", "sor-engine", "execution-adapter", "market-data", "broker")
# The last to be restarted are those that everything stands on.
RESTARTED = (
    "oms-api", "oms-relay", "oms-core", "sor-engine", "scorekeeper", "execution-adapter", "market-data",
    "broker", "redis", "keycloak", "kafka", "postgres",
)  # fmt: skip
MEMORY_MAX = 8 * 2**30
HEALTHY_TIMEOUT_S = 420.0
FILLED_TIMEOUT_S = 60.0
SCRAPED_TIMEOUT_S = 60.0
POLL_S = 0.5
# Our 8 services, the judge and Keycloak.
SCRAPED = 10
BUILD_TOOLS = ("cc", "gcc", "c++", "g++", "make", "ld", "as")

pytestmark = pytest.mark.timeout(1_800)


@pytest.fixture(scope="module")
def images() -> Iterator[dict[str, str]]:
    """The variables that name the images which no registry gives here, with an engine that has them."""
    with docker_engine():
        yield {} if os.environ.get("OMS_TEST_IMAGES") == "registry" else build_standins()


@pytest.fixture(scope="module")
def port() -> int:
    """The one port that is published."""
    return free_port()


@pytest.fixture(scope="module")
def compose(images: dict[str, str], port: int) -> Iterator[Compose]:
    """The project, built and healthy; taken down with its volumes at the end."""
    variables = images | SECRETS | {"OMS_PUBLISH": f"127.0.0.1:{port}"}
    project = Compose(ROOT / "compose.yaml", variables, PROJECT)
    project("build", timeout_s=1_500)
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


def place_and_fill(client: ApiClient) -> dict[str, Any]:
    """Send an order and wait until it is filled. Returns the order."""
    body = {
        "clientOrderId": f"deploy-{time.time_ns()}",
        "accountId": "ACC-INST-001",
        "symbol": "AAPL",
        "side": "BUY",
        "orderType": "MARKET",
        "quantity": 300,
        "timeInForce": "DAY",
    }
    order_id = client.post("/api/v1/orders", body)["orderId"]
    deadline = time.monotonic() + FILLED_TIMEOUT_S
    order: dict[str, Any] = {}
    while time.monotonic() < deadline:
        order = client.get(f"/api/v1/orders/{order_id}")
        if order["status"] == "FILLED":
            return order
        time.sleep(0.1)
    pytest.fail(f"the order is {order}, expected FILLED: {client.get(f'/api/v1/orders/{order_id}/events')}")


def containers(compose: Compose) -> dict[str, dict[str, Any]]:
    """Return what Docker says of each running service's container."""
    found = {}
    for line in compose("ps", "--format", "json").splitlines():
        container = json.loads(line)
        found[container["Service"]] = json.loads(run(["docker", "inspect", container["ID"]]))[0]
    return found


def await_healthy(compose: Compose) -> None:
    """Wait until every service's container is healthy."""
    deadline = time.monotonic() + HEALTHY_TIMEOUT_S
    sick: dict[str, str] = {}
    while time.monotonic() < deadline:
        states = {name: found["State"] for name, found in containers(compose).items()}
        health = {name: states[name]["Health"]["Status"] if name in states else "gone" for name in RESTARTED}
        sick = {name: status for name, status in health.items() if status != "healthy"}
        if not sick:
            return
        time.sleep(POLL_S)
    pytest.fail(f"expected all to be healthy, found {sick}\n{compose('logs', '--tail', '40', *sick)}")


def test_everything_is_healthy_and_one_port_is_published(compose: Compose, port: int) -> None:
    running = containers(compose)
    assert set(running) == {*RESTARTED}
    assert {name: found["State"]["Health"]["Status"] for name, found in running.items()} == dict.fromkeys(
        RESTARTED, "healthy"
    )
    bindings = [
        binding["HostPort"]
        for found in running.values()
        for ports in (found["HostConfig"]["PortBindings"] or {}).values()
        for binding in ports
    ]
    assert bindings == [str(port)]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5) as answer:
        assert json.load(answer) == {"status": "UP", "problems": {}}


def test_nobody_is_root_nothing_of_ours_is_writable_and_memory_fits_a_laptop(compose: Compose) -> None:
    running = containers(compose)
    for name, found in running.items():
        user = found["Config"]["User"]
        assert user not in ("", "0", "root"), name
        assert found["HostConfig"]["CapDrop"] == ["ALL"], name
        assert found["HostConfig"]["Memory"] > 0, name
    assert sum(found["HostConfig"]["Memory"] for found in running.values()) <= MEMORY_MAX
    for name in OURS:
        assert running[name]["HostConfig"]["ReadonlyRootfs"], name
        refused = subprocess.run(
            ["docker", "exec", running[name]["Id"], "python", "-c", "open('/opt/oms-sor/x', 'w')"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Read-only file system" in refused.stderr, name


def test_our_images_have_labels_and_a_health_check_and_no_build_tool(compose: Compose) -> None:
    running = containers(compose)
    look = f"import shutil; print([tool for tool in {BUILD_TOOLS} if shutil.which(tool)])"
    for name in OURS:
        image = json.loads(run(["docker", "image", "inspect", running[name]["Image"]]))[0]["Config"]
        assert image["Labels"]["org.opencontainers.image.title"], name
        assert image["Healthcheck"]["Test"][0] == "CMD", name
        assert run(["docker", "exec", running[name]["Id"], "python", "-c", look]).strip() == "[]", name


def test_the_command_line_is_in_every_image(compose: Compose) -> None:
    running = containers(compose)
    for name in OURS:
        assert "verify" in run(["docker", "exec", running[name]["Id"], "oms", "--help"]), name


def test_a_missing_secret_is_named_before_anything_starts(compose: Compose, images: dict[str, str]) -> None:
    without = {name: value for name, value in SECRETS.items() if name != "OMS_REDIS_PASSWORD"}
    refusing = Compose(ROOT / "compose.yaml", images | without | {"OMS_REDIS_PASSWORD": ""}, PROJECT)
    with pytest.raises(AssertionError, match=r"OMS_REDIS_PASSWORD.*\.env\.example"):
        refusing("config", "--quiet")


def test_every_image_can_be_replaced(compose: Compose, images: dict[str, str]) -> None:
    names = set(re.findall(r"OMS_IMAGE_[A-Z]+", (ROOT / "compose.yaml").read_text()))
    own = {name: f"elsewhere/{name.removeprefix('OMS_IMAGE_').lower()}:1" for name in names}
    elsewhere = Compose(ROOT / "compose.yaml", SECRETS | own, PROJECT)
    found = json.loads(elsewhere("--profile", "*", "config", "--format", "json"))
    for name, service in found["services"].items():
        assert service["image"].startswith("elsewhere/"), name
        assert service.get("build", {}).get("args", {}).get("BASE", "elsewhere/base:1") == "elsewhere/base:1"


def test_an_order_of_a_persona_of_keycloak_is_filled(compose: Compose, port: int) -> None:
    order = place_and_fill(client_of(compose, port, "trader1"))
    assert order["cumQty"] == 300


def test_an_account_of_others_does_not_exist_for_a_persona(compose: Compose, port: int) -> None:
    client = client_of(compose, port, "trader2")
    with pytest.raises(Exception, match="HTTP 40"):
        client.get("/api/v1/accounts/ACC-INST-001/positions")


@pytest.mark.parametrize("service", RESTARTED)
def test_a_restarted_container_is_healthy_again_and_orders_are_filled(
    compose: Compose, port: int, service: str
) -> None:
    compose("restart", "--no-deps", service)
    await_healthy(compose)
    place_and_fill(client_of(compose, port, "trader1"))


def ask_prometheus(compose: Compose, path: str) -> Any:
    """Return the data of an answer of Prometheus, asked inside."""
    answer = compose(
        "exec", "-T", "prometheus", "wget", "-q", "-O", "-", f"http://127.0.0.1:9090/api/v1/{path}"
    )
    return json.loads(answer)["data"]


def test_prometheus_of_the_observability_profile_scrapes_everything_and_knows_the_rules(
    compose: Compose,
) -> None:
    compose("--profile", "observability", "up", "--detach", "--wait", "--no-recreate", "prometheus", "judge")
    deadline = time.monotonic() + SCRAPED_TIMEOUT_S
    jobs: dict[str, str] = {}
    while time.monotonic() < deadline:
        jobs = {
            found["metric"]["job"]: found["value"][1]
            for found in ask_prometheus(compose, "query?query=up")["result"]
        }
        if len(jobs) == SCRAPED and set(jobs.values()) == {"1"}:
            break
        time.sleep(POLL_S)
    assert len(jobs) == SCRAPED
    assert set(jobs.values()) == {"1"}, jobs
    assert {"oms-alerts.rules.yaml", "oms-recording.rules.yaml"} <= {
        Path(group["file"]).name for group in ask_prometheus(compose, "rules")["groups"]
    }


def test_no_invariant_is_broken_at_the_end(compose: Compose) -> None:
    report = command_line(compose, "verify", "--settle", "60")
    assert "BROKEN" not in report
    assert "left out" not in report
    assert report.count("holds") >= 10
