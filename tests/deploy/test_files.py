"""What can be said of compose.yaml, the Dockerfile and the realm without an engine."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from oms_platform.health import Health, serve_health
from oms_tools.laptop.dev_grants import PERSONAS
from oms_tools.laptop.layout import ISSUER_AUDIENCE

ROOT = Path(__file__).parents[2]
OURS = (
    "oms-api", "oms-core", "sor-engine", "execution-adapter", "marketdata-simulator", "broker-simulator",
    "oms-tools",
)  # fmt: skip
MEMORY_MIB_MAX = 8 * 1024
UNITS_MIB = {"m": 1, "g": 1024}


FILES = ("compose.yaml", "compose.ha.yaml", "compose.dev.yaml")
INFRASTRUCTURE = {"postgres", "kafka", "redis", "keycloak"}
ISSUER = "http://keycloak.localhost:${OMS_KEYCLOAK_PORT:-8180}/realms/oms"
_VARIABLE = re.compile(r"\$\{\w+:-([^{}]*)\}")


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


def with_defaults(text: str) -> str:
    """Return a value of a Compose file as it is without an .env: with the defaults of its variables."""
    while (replaced := _VARIABLE.sub(r"\1", text)) != text:
        text = replaced
    return text


def published(services: dict[str, dict[str, Any]]) -> dict[str, list[str]]:
    """Return the ports that each service publishes."""
    return {
        name: [with_defaults(port) for port in service["ports"]]
        for name, service in services.items()
        if "ports" in service
    }


def test_the_default_profile_publishes_the_doors_of_clients_and_fits_a_laptop(
    services: dict[str, dict[str, Any]],
) -> None:
    default = {name: service for name, service in services.items() if "profiles" not in service}
    assert published(default) == {
        "oms-api": ["127.0.0.1:8080:8080", "127.0.0.1:8081:9090", "127.0.0.1:8082:9880"],
        "keycloak": ["127.0.0.1:8180:8180"],
    }
    assert sum(memory_mib(service) for service in default.values()) <= MEMORY_MIB_MAX


@pytest.mark.parametrize("file", FILES)
def test_what_is_published_is_on_loopback_and_can_be_reached(file: str) -> None:
    services = services_of(file)
    for name, ports in published(services).items():
        assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in ports), name
        assert "front" in services[name]["networks"], f"{name}: the inner network publishes nothing"


def test_containers_and_programs_on_this_machine_know_the_issuer_by_one_address(
    services: dict[str, dict[str, Any]],
) -> None:
    keycloak = services["keycloak"]
    environment = keycloak["environment"]
    (port,) = published({"keycloak": keycloak})["keycloak"]
    address, outside, inside = port.split(":")
    assert (address, outside) == ("127.0.0.1", inside)
    issuer = urlsplit(with_defaults(ISSUER))
    assert with_defaults(environment["KC_HOSTNAME"]) == f"{issuer.scheme}://{issuer.netloc}"
    assert with_defaults(environment["KC_HTTP_PORT"]) == inside == str(issuer.port)
    assert environment["KC_HOSTNAME_BACKCHANNEL_DYNAMIC"] == "true"
    assert keycloak["networks"]["back"]["aliases"] == [issuer.hostname]
    # RFC 6761, section 6.3: a name under localhost is this machine.
    assert str(issuer.hostname).endswith(".localhost")
    named = {
        f"{name} {variable}": value
        for name, service in services.items()
        for variable, value in service.get("environment", {}).items()
        if variable.endswith("ISSUER")
    }
    assert set(named) == {"oms-api OMS_API_OIDC_ISSUER", "oms OMS_ISSUER", "oms OMS_API_OIDC_ISSUER"}
    assert set(named.values()) == {f"${{OMS_OIDC_ISSUER:-{ISSUER}}}"}


def test_the_doctor_is_told_of_every_service_of_ours(services: dict[str, dict[str, Any]]) -> None:
    told = dict(each.split("=", 1) for each in services["oms"]["environment"]["OMS_ENDPOINTS"].split())
    ours = {
        name
        for name, service in services.items()
        if "profiles" not in service and any(f":-{image}:" in service["image"] for image in OURS)
    }
    assert set(told) == ours - {"migrate"}
    scraped = yaml.safe_load((ROOT / "deploy" / "compose" / "prometheus.yaml").read_text())["scrape_configs"]
    targets = {each["static_configs"][0]["targets"][0] for each in scraped}
    assert {address.removeprefix("http://") for address in told.values()} <= targets


def test_the_image_of_the_tools_has_what_reports_need_and_a_place_for_them(
    services: dict[str, dict[str, Any]],
) -> None:
    tools = services["oms"]
    assert (with_defaults(tools["image"]), tools["build"]["target"]) == ("oms-tools:0.1.0", "oms-tools")
    stage = (ROOT / "Dockerfile").read_text().partition("FROM runtime AS oms-tools\n")[2]
    folder = re.findall(r"^WORKDIR (\S+)$", stage, re.M)[-1]
    assert re.findall(r"^VOLUME (\S+)$", stage, re.M) == [folder]
    assert f"reports:{folder}" in tools["volumes"]
    assert f"install -d -o oms -g oms -m 0750 {folder}" in stage
    assert re.findall(r"^USER (\S+)$", stage, re.M)[-1] == "10001:10001"


def test_the_dockerfile_takes_requirements_and_reports_out_of_the_project(tmp_path: Path) -> None:
    (script,) = re.findall(
        r'^RUN python -c "(import tomllib.*?)"\n', (ROOT / "Dockerfile").read_text(), re.M | re.S
    )
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    program = script.replace("\\\n", "")
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
    assert (tmp_path / "reports.txt").read_text().split() == ["exchange-calendars", "matplotlib", "numpy"]
    assert "litestar" in (tmp_path / "requirements.txt").read_text()


def test_the_infrastructure_alone_is_met_on_loopback(services: dict[str, dict[str, Any]]) -> None:
    dev = services_of("compose.dev.yaml")
    without = {name for name, service in services.items() if "profiles" not in service} - INFRASTRUCTURE
    assert {name for name, service in dev.items() if service.get("profiles") == ["services"]} == without
    assert {*published(dev), "keycloak"} == INFRASTRUCTURE
    environment = dev["kafka"]["environment"]
    doors = dict(each.split("://", 1) for each in environment["KAFKA_LISTENERS"].split(","))
    met = dict(
        each.split("://", 1) for each in with_defaults(environment["KAFKA_ADVERTISED_LISTENERS"]).split(",")
    )
    (port,) = published(dev)["kafka"]
    assert port == f"{met['HOST']}{doors['HOST']}"
    assert (
        met["PLAINTEXT"] == services["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"].partition("://")[2]
    )
    assert set(doors) == {
        each.split(":")[0] for each in environment["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")
    }


def images() -> dict[str, str]:
    """Return every image that is pulled by default, with where it is named."""
    found = {
        f"{file} {name}": with_defaults(service["image"])
        for file in FILES
        for name, service in services_of(file).items()
        if "image" in service
    }
    base = re.findall(r"^ARG BASE=(\S+)$", (ROOT / "Dockerfile").read_text(), re.M)
    found |= {"Dockerfile": base[0]}
    values = (ROOT / "helm" / "oms-sor" / "values.yaml").read_text()
    return found | {f"helm {image}": image for image in re.findall(r"^  image: (\S+)$", values, re.M)}


def test_every_image_is_of_one_version() -> None:
    found = images()
    assert len(found) > len(OURS)
    for place, image in found.items():
        # PostgreSQL's versions have two numbers.
        numbers = 2 if image.startswith("postgres:") else 3
        assert re.search(r":v?\d+" + r"\.\d+" * (numbers - 1) + r"(-|$)", image), f"{place}: {image} moves"


def test_the_same_image_has_the_same_version_everywhere() -> None:
    versions: dict[str, set[str]] = {}
    for image in images().values():
        name, _, tag = image.rpartition(":")
        versions.setdefault(name, set()).add(tag)
    assert {name: tags for name, tags in versions.items() if len(tags) > 1} == {}


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
    used = re.findall(r"\$\{(OMS_\w*(?:PASSWORD|CLIENT_SECRET))([^}]*)\}", text)
    assert used
    assert {rest for _, rest in used} == {":?see .env.example"}
    assert (
        re.findall(r"^OMS_\w*(?:PASSWORD|CLIENT_SECRET)=.+$", (ROOT / ".env.example").read_text(), re.M) == []
    )


def test_a_new_environment_gives_every_secret_another_value() -> None:
    made = subprocess.run(
        ["sh", str(ROOT / "deploy" / "new-env.sh")], capture_output=True, text=True, check=True
    ).stdout
    secrets = re.findall(r"^OMS_\w*(?:PASSWORD|SECRET)=([0-9a-f]{32})$", made, re.M)
    asked = re.findall(r"^OMS_\w*=$", (ROOT / ".env.example").read_text(), re.M)
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
    (alerted,) = config["alerting"]["alertmanagers"]
    (target,) = alerted["static_configs"][0]["targets"]
    assert published(services)[target.split(":")[0]] == ["127.0.0.1:9093:9093"]
    assert {"otel-collector:8888", "jaeger:8888"} <= set(targets)


@pytest.fixture(scope="module")
def realm() -> dict[str, Any]:
    """The realm that Keycloak begins with."""
    found: dict[str, Any] = json.loads((ROOT / "deploy" / "keycloak" / "oms-realm.json").read_text())
    return found


def test_keycloaks_personas_are_those_of_the_dev_issuer(realm: dict[str, Any]) -> None:
    personas = [user for user in realm["users"] if "serviceAccountClientId" not in user]
    assert {
        user["username"]: (tuple(user["attributes"]["oms_accounts"]), tuple(user["realmRoles"]))
        for user in personas
    } == PERSONAS
    assert {user["credentials"][0]["value"] for user in personas} == {"${OMS_PERSONA_PASSWORD}"}


def test_there_is_a_client_for_a_password_a_program_a_browser_and_a_command_line_each_with_its_way_in(
    realm: dict[str, Any],
) -> None:
    ways = ("directAccessGrantsEnabled", "serviceAccountsEnabled", "standardFlowEnabled")
    device = "oauth2.device.authorization.grant.enabled"
    assert [one["clientId"] for one in realm["clients"] if one.get("attributes", {}).get(device)] == [
        "oms-cli"
    ]
    assert {
        client["clientId"]: [way for way in ways if client.get(way, False)] for client in realm["clients"]
    } == {
        ISSUER_AUDIENCE: ["directAccessGrantsEnabled"],
        "oms-program": ["serviceAccountsEnabled"],
        "oms-web": ["standardFlowEnabled"],
        "oms-cli": ["standardFlowEnabled"],
    }
    for client in realm["clients"]:
        # What a client does not have written out, Keycloak gives it: the standard flow.
        assert "standardFlowEnabled" in client, client["clientId"]
        mappers = {mapper["name"]: mapper["config"] for mapper in client["protocolMappers"]}
        assert mappers["audience"]["included.client.audience"] == ISSUER_AUDIENCE
        assert mappers["oms_accounts"]["claim.name"] == "oms_accounts"


def test_a_program_has_a_secret_of_its_own_and_accounts_and_a_browser_has_to_prove_its_code(
    realm: dict[str, Any], services: dict[str, dict[str, Any]]
) -> None:
    clients = {client["clientId"]: client for client in realm["clients"]}
    assert [name for name, client in clients.items() if not client["publicClient"]] == ["oms-program"]
    assert clients["oms-program"]["secret"] == "${OMS_CLIENT_SECRET}"
    assert (
        services["keycloak"]["environment"]["OMS_CLIENT_SECRET"] == "${OMS_CLIENT_SECRET:?see .env.example}"
    )
    (account,) = [user for user in realm["users"] if "serviceAccountClientId" in user]
    assert account["username"] == "service-account-oms-program"
    assert (account["realmRoles"], bool(account["attributes"]["oms_accounts"])) == (["trader"], True)
    assert "credentials" not in account
    origin = "${OMS_PAGE_ORIGIN}"
    assert (
        services["keycloak"]["environment"]["OMS_PAGE_ORIGIN"] == "${OMS_PAGE_ORIGIN:-http://localhost:8080}"
    )
    for name, more in (("oms-web", [f"{origin}/*"]), ("oms-cli", [])):
        assert clients[name]["attributes"]["pkce.code.challenge.method"] == "S256"
        own = [uri for uri in clients[name]["redirectUris"] if uri not in more]
        assert {urlsplit(uri).hostname for uri in own} == {"localhost", "127.0.0.1"}
    assert set(clients["oms-web"]["webOrigins"]) == {"http://localhost:8080", "http://127.0.0.1:8080", origin}
    assert services["oms-api"]["environment"]["OMS_API_PAGE_CLIENT_ID"] == "${OMS_PAGE_CLIENT_ID-oms-web}"


def test_the_page_about_compose_names_every_client_and_every_published_port(
    realm: dict[str, Any], services: dict[str, dict[str, Any]]
) -> None:
    page = (ROOT / "docs" / "compose.md").read_text()
    for client in realm["clients"]:
        assert f"`{client['clientId']}`" in page
    for name, ports in published(services).items():
        for port in ports:
            assert re.search(rf"\b{port.split(':')[1]}\b", page), f"{name} {port}"
    assert "oms doctor" in page and "compose.dev.yaml" in page


def test_every_receiver_of_alerts_that_is_named_is_there_and_no_secret_is_written_down() -> None:
    text = (ROOT / "deploy" / "compose" / "alertmanager.yaml").read_text()
    config = yaml.safe_load(text)
    named = {config["route"]["receiver"], *(route["receiver"] for route in config["route"]["routes"])}
    assert named == {receiver["name"] for receiver in config["receivers"]}
    assert not re.search(r"(password|api_url|token|_key): ", text)


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
