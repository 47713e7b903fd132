"""What can be said of compose.yaml, the Dockerfile and the realm without an engine."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from oms_platform.health import Health, serve_health
from oms_tools.laptop.dev_issuer import PERSONAS
from oms_tools.laptop.layout import ISSUER_AUDIENCE

ROOT = Path(__file__).parents[2]
OURS = ("oms-api", "oms-core", "sor-engine", "execution-adapter", "marketdata-simulator", "broker-simulator")
MEMORY_MIB_MAX = 8 * 1024
UNITS_MIB = {"m": 1, "g": 1024}


FILES = ("compose.yaml", "compose.ha.yaml")


def services_of(file: str) -> dict[str, dict[str, Any]]:
    """Return the services of a Compose file, as they are written."""
    found: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / file).read_text())["services"]
    return found


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    """Every service of compose.yaml."""
    return services_of("compose.yaml")


@pytest.fixture(scope="module")
def added(services: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What compose.ha.yaml adds."""
    return {name: each for name, each in services_of("compose.ha.yaml").items() if name not in services}


def memory_mib(service: dict[str, Any]) -> int:
    """Return a service's memory limit."""
    text = service["mem_limit"]
    return int(text[:-1]) * UNITS_MIB[text[-1]]


def test_the_default_profile_publishes_one_port_and_fits_a_laptop(
    services: dict[str, dict[str, Any]],
) -> None:
    default = {name: service for name, service in services.items() if "profiles" not in service}
    assert [name for name, service in default.items() for _ in service.get("ports", [])] == ["oms-api"]
    assert sum(memory_mib(service) for service in default.values()) <= MEMORY_MIB_MAX


def test_every_image_is_named_by_a_variable_and_every_variable_is_in_the_example(
    services: dict[str, dict[str, Any]], added: dict[str, dict[str, Any]]
) -> None:
    text = "".join((ROOT / file).read_text() for file in FILES)
    for name, service in (services | added).items():
        assert re.fullmatch(r"\$\{OMS_IMAGE_[A-Z_]+:-[^}]+\}", service["image"]), name
    example = set(re.findall(r"^#? ?(OMS_\w+)=", (ROOT / ".env.example").read_text(), re.M))
    assert set(re.findall(r"\$\{(OMS_\w+)", text)) - {"OMS_REVISION"} == example


def test_no_secret_has_a_default() -> None:
    text = "".join((ROOT / file).read_text() for file in FILES)
    used = re.findall(r"\$\{(OMS_\w*PASSWORD)([^}]*)\}", text)
    assert used
    assert {rest for _, rest in used} == {":?see .env.example"}
    assert re.findall(r"^OMS_\w*PASSWORD=.+$", (ROOT / ".env.example").read_text(), re.M) == []


def test_a_new_environment_gives_every_secret_another_value() -> None:
    made = subprocess.run(
        ["sh", str(ROOT / "deploy" / "new-env.sh")], capture_output=True, text=True, check=True
    ).stdout
    secrets = re.findall(r"^OMS_\w*PASSWORD=([0-9a-f]{32})$", made, re.M)
    asked = re.findall(r"^OMS_\w*PASSWORD=$", (ROOT / ".env.example").read_text(), re.M)
    assert len(set(secrets)) == len(asked) > 0


def test_our_services_have_no_root_no_capability_and_a_read_only_file_system(
    services: dict[str, dict[str, Any]], added: dict[str, dict[str, Any]]
) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert re.findall(r"^FROM runtime AS (\S+)$", dockerfile, re.M) == [*OURS]
    assert "USER 10001:10001" in dockerfile
    for name, service in (services | added).items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        if any(f":-{ours}:" in service["image"] for ours in OURS):
            assert service["read_only"] is True, name
            assert "user" not in service, name


def test_the_page_about_compose_gives_the_memory_limits_that_are_set(
    services: dict[str, dict[str, Any]], added: dict[str, dict[str, Any]]
) -> None:
    stated: dict[str, int] = {}
    for line in (ROOT / "docs" / "compose.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) > 4 and re.match(r"\d", cells[3]):
            names = re.findall(r"`([\w-]+)`", cells[1])
            limits = [int(number) for number in re.findall(r"\d+", cells[3])]
            stated |= dict(zip(names, limits * len(names) if len(limits) == 1 else limits, strict=False))
    expected = {name: memory_mib(service) for name, service in (services | added).items()}
    assert stated == {name: limit for name, limit in expected.items() if name != "oms"}


def test_the_lines_of_all_but_the_collector_and_opensearch_are_carried(
    services: dict[str, dict[str, Any]], added: dict[str, dict[str, Any]]
) -> None:
    labels = "com.docker.compose.project,com.docker.compose.service"
    silent = {
        name
        for name, service in (services | added).items()
        if service["logging"]["options"].get("labels") != labels
    }
    assert silent == {"otel-collector", "opensearch"}
    assert {service["logging"]["driver"] for service in (services | added).values()} == {"json-file"}


def test_every_service_of_ours_is_told_of_all_brokers(services: dict[str, dict[str, Any]]) -> None:
    merged = services_of("compose.ha.yaml")
    named = {
        name for name, service in services.items() if "OMS_KAFKA_BOOTSTRAP" in service.get("environment", {})
    }
    bootstraps = {name: merged[name]["environment"]["OMS_KAFKA_BOOTSTRAP"] for name in named}
    assert set(bootstraps.values()) == {"kafka:9092,kafka-2:9092,kafka-3:9092"}


def test_prometheus_asks_only_services_that_are_there(services: dict[str, dict[str, Any]]) -> None:
    config = yaml.safe_load((ROOT / "deploy" / "compose" / "prometheus.yaml").read_text())
    targets = [each["static_configs"][0]["targets"][0] for each in config["scrape_configs"]]
    assert {target.split(":")[0] for target in targets} <= set(services)
    assert {"otel-collector:8888", "jaeger:8888"} <= set(targets)


def test_keycloaks_personas_are_those_of_the_dev_issuer() -> None:
    realm = json.loads((ROOT / "deploy" / "keycloak" / "oms-realm.json").read_text())
    assert {
        user["username"]: (tuple(user["attributes"]["oms_accounts"]), tuple(user["realmRoles"]))
        for user in realm["users"]
    } == PERSONAS
    assert {user["credentials"][0]["value"] for user in realm["users"]} == {"${OMS_PERSONA_PASSWORD}"}
    (client,) = realm["clients"]
    assert client["clientId"] == ISSUER_AUDIENCE
    audience = next(mapper for mapper in client["protocolMappers"] if mapper["name"] == "audience")
    assert audience["config"]["included.client.audience"] == ISSUER_AUDIENCE


@pytest.fixture
def page() -> Iterator[tuple[Health, int]]:
    """A service's health pages, and their port."""
    health = Health()
    server = serve_health(health, 0)
    yield health, server.server_port
    server.shutdown()
    server.server_close()


def ask(port: int) -> subprocess.CompletedProcess[str]:
    """Run the containers' health check."""
    return subprocess.run(
        [sys.executable, "-IS", str(ROOT / "deploy" / "ready.py")],
        env=os.environ | {"OMS_READY_PORT": str(port)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_health_check_says_what_the_readiness_page_says(page: tuple[Health, int]) -> None:
    health, port = page
    starting = ask(port)
    assert (starting.returncode, json.loads(starting.stdout)["problems"]) == (
        1,
        {"startup": "still starting"},
    )
    health.set_started(True)
    ready = ask(port)
    assert (ready.returncode, json.loads(ready.stdout)["status"]) == (0, "UP")


def test_the_health_check_of_a_service_that_is_away_names_the_port() -> None:
    away = ask(1)
    assert away.returncode == 1
    assert away.stderr.startswith("port 1: ")
