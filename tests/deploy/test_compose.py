"""compose.yaml as a user runs it: from nothing to healthy, an order to its fill, a restart of each container.

The project's images are built by the real Dockerfile. What a registry would give are stand-ins, unless
OMS_TEST_IMAGES=registry.
"""

import json
import re
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
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
    await_healthy,
    client_of,
    command_line,
    containers,
    place_and_fill,
    running_stack,
)
from tests.ports import free_port

PROJECT = "oms-deploy-test"
OURS = ("oms-api", "oms-core", "sor-engine", "execution-adapter", "market-data", "broker")
# All of the profile but Grafana and Alertmanager, of which there is no stand-in.
OBSERVING = ("prometheus", "judge", "jaeger", "opensearch", "log-keeper", "otel-collector")
MEMORY_MAX = 8 * 2**30
SEEN_TIMEOUT_S = 60.0
# Our 8 services, the judge, Keycloak, the collector and Jaeger.
SCRAPED = 12
BUILD_TOOLS = ("cc", "gcc", "c++", "g++", "make", "ld", "as")

pytestmark = pytest.mark.timeout(1_800)


@pytest.fixture(scope="module")
def port() -> int:
    """The port of REST and WebSocket."""
    return free_port()


@pytest.fixture(scope="module")
def grpc_port() -> int:
    """The port of gRPC."""
    return free_port()


@pytest.fixture(scope="module")
def keycloak_port() -> int:
    """The port of Keycloak, inside and outside."""
    return free_port()


@pytest.fixture(scope="module")
def compose(images: dict[str, str], port: int, grpc_port: int, keycloak_port: int) -> Iterator[Compose]:
    """The default profile, up; its services send every order's trace to a collector, which is there later."""
    variables = {
        "OMS_PUBLISH": f"127.0.0.1:{port}",
        "OMS_PUBLISH_GRPC": f"127.0.0.1:{grpc_port}",
        "OMS_KEYCLOAK_PORT": str(keycloak_port),
        "OMS_PUBLISH_JAEGER": f"127.0.0.1:{free_port()}",
        "OMS_TRACE_ENDPOINT": "http://otel-collector:4318",
        "OMS_TRACE_RATIO": "1",
        "OMS_DOCKER_FOLDER": run(["docker", "info", "--format", "{{.DockerRootDir}}"]).strip(),
    }
    with running_stack(images | SECRETS | variables, PROJECT) as project:
        yield project


def test_everything_is_healthy_and_the_doors_of_clients_are_published_on_loopback(
    compose: Compose, port: int, grpc_port: int, keycloak_port: int
) -> None:
    running = containers(compose)
    assert set(running) == {*DEFAULT_PROFILE}
    assert {name: found["State"]["Health"]["Status"] for name, found in running.items()} == dict.fromkeys(
        DEFAULT_PROFILE, "healthy"
    )
    bindings = [
        f"{binding['HostIp']}:{binding['HostPort']}"
        for found in running.values()
        for ports in (found["HostConfig"]["PortBindings"] or {}).values()
        for binding in ports
    ]
    assert set(bindings) == {f"127.0.0.1:{each}" for each in (port, grpc_port, keycloak_port)}
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
    text = (ROOT / "compose.yaml").read_text() + (ROOT / "compose.ha.yaml").read_text()
    names = set(re.findall(r"\$\{(OMS_IMAGE_[A-Z_]+)", text))
    own = {name: f"elsewhere/{name.removeprefix('OMS_IMAGE_').lower()}:1" for name in names}
    elsewhere = Compose(ROOT / "compose.yaml", SECRETS | own, PROJECT, [ROOT / "compose.ha.yaml"])
    found = json.loads(elsewhere("--profile", "*", "config", "--format", "json"))
    for name, service in found["services"].items():
        assert service["image"].startswith("elsewhere/"), name
        assert service.get("build", {}).get("args", {}).get("BASE", "elsewhere/base:1") == "elsewhere/base:1"


def test_an_order_of_a_persona_of_keycloak_is_filled(compose: Compose, port: int) -> None:
    order = place_and_fill(client_of(compose, port, "trader1"))
    assert order["cumQty"] == 300


def test_a_program_on_this_machine_gets_a_token_of_its_own_and_its_order_is_filled(
    compose: Compose, port: int, keycloak_port: int
) -> None:
    # By the address: this machine may not know names under localhost.
    url = f"http://127.0.0.1:{keycloak_port}/realms/oms/protocol/openid-connect/token"
    secret = SECRETS["OMS_CLIENT_SECRET"]
    form = {"grant_type": "client_credentials", "client_id": "oms-program", "client_secret": secret}
    with urllib.request.urlopen(url, urllib.parse.urlencode(form).encode(), timeout=10) as answer:
        token = json.load(answer)["access_token"]
    assert place_and_fill(ApiClient(f"http://127.0.0.1:{port}", token))["cumQty"] == 300


def test_the_doctor_inside_finds_every_service_ready(compose: Compose) -> None:
    said = json.loads(command_line(compose, "doctor", "--json"))
    assert "ready oms-core" in json.dumps(said)


def test_a_report_with_plots_stays_in_its_volume(compose: Compose) -> None:
    command_line(compose, "tca", "--html", "tca.html")
    page = compose("run", "--rm", "-T", "--no-deps", "--entrypoint", "cat", "oms", "tca.html")
    assert "<svg" in page or "data:image" in page


def test_an_account_of_others_does_not_exist_for_a_persona(compose: Compose, port: int) -> None:
    client = client_of(compose, port, "trader2")
    with pytest.raises(Exception, match="HTTP 40"):
        client.get("/api/v1/accounts/ACC-INST-001/positions")


@pytest.mark.parametrize("service", DEFAULT_PROFILE)
def test_a_restarted_container_is_healthy_again_and_orders_are_filled(
    compose: Compose, port: int, service: str
) -> None:
    compose("restart", "--no-deps", service)
    await_healthy(compose)
    place_and_fill(client_of(compose, port, "trader1"))


@pytest.fixture(scope="module")
def observed(compose: Compose) -> Compose:
    """The observability profile, up beside the default one."""
    compose("--profile", "observability", "up", "--detach", "--wait", "--no-recreate", *OBSERVING)
    return compose


def ask(compose: Compose, url: str) -> Any:
    """Return what a page says that is asked inside, in JSON."""
    program = f"import urllib.request; print(urllib.request.urlopen({url!r}, timeout=10).read().decode())"
    return json.loads(compose("exec", "-T", "oms-api", "python", "-IS", "-c", program))


def ask_prometheus(compose: Compose, path: str) -> Any:
    """Return the data of an answer of Prometheus."""
    return ask(compose, f"http://prometheus:9090/api/v1/{path}")["data"]


def await_seen(what: str, look: Callable[[], Any]) -> Any:
    """Wait until `look` finds something, and return it."""
    deadline = time.monotonic() + SEEN_TIMEOUT_S
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(POLL_S)
    pytest.fail(f"expected {what} within {SEEN_TIMEOUT_S} s")


def logs_with(compose: Compose, query: str) -> list[dict[str, Any]]:
    """Return the log lines that OpenSearch finds for a query."""
    words = urllib.parse.urlencode({"q": query, "size": 100, "ignore_unavailable": "true"})
    found = ask(compose, f"http://opensearch:9200/oms-logs-*/_search?{words}")
    return [hit["_source"] for hit in found["hits"]["hits"]]


def test_prometheus_of_the_observability_profile_scrapes_everything_and_knows_the_rules(
    observed: Compose,
) -> None:
    def all_up() -> bool:
        found = ask_prometheus(observed, "query?query=up")["result"]
        return len(found) == SCRAPED and {each["value"][1] for each in found} == {"1"}

    await_seen(f"{SCRAPED} jobs that are up", all_up)
    assert {"oms-alerts.rules.yaml", "oms-recording.rules.yaml"} <= {
        Path(group["file"]).name for group in ask_prometheus(observed, "rules")["groups"]
    }


def test_the_collector_says_that_it_is_healthy(observed: Compose) -> None:
    assert ask(observed, "http://otel-collector:13133/")["status"] == "Server available"


def test_lines_of_services_and_of_others_are_found_by_container_and_severity(observed: Compose) -> None:
    ours = await_seen("lines of oms-core", lambda: logs_with(observed, "resource.container:oms\\-core"))
    assert {line["resource"]["service.name"] for line in ours} == {"oms-core"}
    # librdkafka's own lines are no JSON, and begin so.
    events = [line for line in ours if not line["body"].startswith("%")]
    assert {line["severity"]["text"] for line in events} <= {"debug", "info", "warning", "error", "critical"}
    assert all(line["severity"]["number"] > 0 for line in events)
    assert "core_started" in {line["body"] for line in events}
    plain = await_seen("lines of postgres", lambda: logs_with(observed, "resource.container:postgres"))
    assert any("ready to accept connections" in line["body"] for line in plain)


def test_the_lines_of_what_carries_lines_are_not_carried(observed: Compose) -> None:
    await_seen("any line", lambda: logs_with(observed, "resource.container:oms\\-api"))
    assert logs_with(observed, "resource.container:(otel\\-collector OR opensearch)") == []


def test_an_orders_log_line_leads_to_its_trace_with_every_service(observed: Compose, port: int) -> None:
    order_id = place_and_fill(client_of(observed, port, "trader1"))["orderId"]
    query = f'attributes.order_id:"{order_id}" AND traceId:?*'
    line = await_seen(f"a line of order {order_id} with a trace", lambda: logs_with(observed, query))[0]
    assert line["resource"]["service.name"] == "oms-api"
    passed = {"oms-api", "oms-core", "sor", "adapter"}

    def whole_trace() -> list[Any]:
        found = ask(observed, f"http://jaeger:16686/api/traces?service=oms-api&traceID={line['traceId']}")[
            "data"
        ]
        return [
            trace
            for trace in found
            if passed <= {process["serviceName"] for process in trace["processes"].values()}
        ]

    (trace,) = await_seen(f"trace {line['traceId']} with {passed}", whole_trace)
    tags = [(tag["key"], tag["value"]) for span in trace["spans"] for tag in span["tags"]]
    assert ("order_id", order_id) in tags


def test_prometheus_keeps_exemplars_that_name_a_trace(observed: Compose) -> None:
    names = urllib.parse.quote('{__name__=~"oms_.+_bucket"}')
    end_s = int(time.time())
    path = f"query_exemplars?query={names}&start={end_s - 3_600}&end={end_s + 3_600}"
    series = await_seen("an exemplar", lambda: ask_prometheus(observed, path))
    assert len(series[0]["exemplars"][0]["labels"]["trace_id"]) == 32


def test_no_invariant_is_broken_at_the_end(compose: Compose) -> None:
    assert_no_invariant_is_broken(compose)
