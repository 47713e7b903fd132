"""What the chart puts into a pod's environment is what the service reads; its ports are those it opens."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from execution_adapter.config import Settings as AdapterSettings
from oms_api.config import ApiSettings
from oms_core.config import Settings as CoreSettings
from oms_platform.kafka.settings import PARTITIONS
from oms_platform.settings import load_settings
from simulators.broker.config import Settings as BrokerSettings
from simulators.market_data.config import Settings as MarketDataSettings
from sor_engine.config import AnswerSettings
from sor_engine.config import Settings as SorSettings
from sor_engine.scorekeeper.config import Settings as ScorekeeperSettings
from tests.helm.chart import CHART, PLACES, Manifest, containers, find, named, read, rendered, template
from tests.helm.test_policy import services_of, workload_of

pytestmark = pytest.mark.timeout(900)
# component: its settings, their prefix, and which setting each of its ports is.
READERS: dict[str, tuple[type[Any], str, dict[str, str]]] = {
    "api": (ApiSettings, "OMS_API_", {"http": "http_port", "grpc": "grpc_port", "health": "health_port"}),
    "core": (CoreSettings, "OMS_CORE_", {"health": "health_port", "grpc": "grpc_port"}),
    "sor-engine": (SorSettings, "OMS_SOR_", {"health": "health_port"}),
    "sor-answers": (
        AnswerSettings, "OMS_SOR_", {"health": "answers_health_port", "grpc": "answers_grpc_port"}
    ),
    "scorekeeper": (ScorekeeperSettings, "OMS_SOR_", {"health": "scorekeeper_health_port"}),
    "execution-adapter": (AdapterSettings, "OMS_ADAPTER_", {"health": "health_port"}),
    "market-data": (
        MarketDataSettings, "OMS_MARKETDATA_SIM_", {"health": "health_port", "grpc": "grpc_port"}
    ),
    "broker": (BrokerSettings, "OMS_BROKER_SIM_", {"health": "health_port", "fix": "fix_port"}),
}  # fmt: skip
SCHEMES = {
    "OMS_POSTGRES_DSN": "postgresql://",
    "OMS_API_READ_DSN": "postgresql://",
    "OMS_REDIS_URL": "redis://",
}
SECURED = {
    "kafka.security": {"protocol": "SASL_SSL", "mechanism": "SCRAM-SHA-256", "user": "oms", "password": ""},
    "kafka.replication": 3,
    "kafka.minInsync": 2,
    "kafka.partitions": 12,
    "caBundle.configMap": "company-ca",
    "oidc.caFromBundle": True,
    "postgres.readReplica": {"enabled": True, "dsn": "", "lagMsMax": 2000},
    "tracing": {"endpoint": "http://collector.monitoring:4318", "ratio": 0.5, "slowMs": 100, "peers": []},
}


def environment(place: str, container: Manifest) -> dict[str, str]:
    """Return a container's variables as Kubernetes sets them; a secret's value has its key as the host."""
    return variables_of(rendered(place), container)


def variables_of(manifests: Sequence[Manifest], container: Manifest) -> dict[str, str]:
    """Return a container's variables, its secrets' values made up from their keys."""
    variables: dict[str, str] = {}
    for source in container["envFrom"]:
        variables |= find(manifests, "ConfigMap", source["configMapRef"]["name"])["data"]
    keys = {variable["name"]: variable["valueFrom"]["secretKeyRef"]["key"] for variable in container["env"]}
    return variables | {name: SCHEMES.get(name, "") + key for name, key in keys.items()}


@pytest.mark.parametrize("place", PLACES)
def test_a_service_reads_its_settings_and_opens_the_ports_that_its_pod_names(place: str) -> None:
    for name in services_of(place):
        cls, prefix, ports = READERS[name]
        (container,) = containers(workload_of(place, name))
        settings = load_settings(cls, prefix, environment(place, container))
        assert settings.host == "0.0.0.0", name
        assert settings.postgres_dsn == "postgresql://postgres-dsn", name
        opened = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert opened == {port: getattr(settings, field) for port, field in ports.items()}, name


@pytest.mark.parametrize("place", PLACES)
def test_whom_a_service_calls_is_a_service_of_the_release_on_a_port_that_it_has(place: str) -> None:
    api = _settings(place, "api")
    called = [(api.core_host, api.core_port), (api.sor_host, api.sor_port)]
    if place != "prod":
        core, adapter = _settings(place, "core"), _settings(place, "execution-adapter")
        called += [(core.market_data_host, core.market_data_port), (adapter.fix_host, adapter.fix_port)]
    for host, port in called:
        service = find(rendered(place), "Service", host)
        assert port in [entry["port"] for entry in service["spec"]["ports"]], named(service)


def test_outside_addresses_reach_the_services_that_use_them() -> None:
    assert _settings("prod", "core").market_data_host == "quotes.prod.example.com"
    assert _settings("prod", "scorekeeper").market_data_host == "quotes.prod.example.com"
    assert _settings("prod", "execution-adapter").fix_host == "fix-gateway.prod.example.com"
    assert _settings("prod", "api").oidc_issuer == "https://login.example.com/realms/oms"
    assert _settings("prod", "core").kafka_bootstrap.count(",") == 2


def test_the_simulated_venue_keeps_its_journal_on_its_volume() -> None:
    workload = workload_of("staging", "broker")
    (claim,) = workload["spec"]["volumeClaimTemplates"]
    folder = str(_settings("staging", "broker").data)
    assert {"name": claim["metadata"]["name"], "mountPath": folder} in containers(workload)[0]["volumeMounts"]


def test_the_issuer_in_the_chart_is_the_one_that_tokens_name() -> None:
    (keycloak,) = containers(workload_of("dev", "keycloak"))
    hostname = next(entry["value"] for entry in keycloak["env"] if entry["name"] == "KC_HOSTNAME")
    assert _settings("dev", "api").oidc_issuer == f"{hostname}/realms/oms"
    # Browsers do not reach it, so the page has nowhere to log people in.
    assert _settings("dev", "api").page_client_id == ""


@pytest.mark.parametrize(
    ("place", "changes", "expected"),
    [
        (
            "dev",
            {"keycloak.publicUrl": "http://localhost:8180"},
            ("http://localhost:8180/realms/oms", "http://oms-sor-keycloak:8080/realms/oms", "oms-web"),
        ),
        (
            "prod",
            {"oidc.internalUrl": "http://id.internal/realms/oms", "oidc.pageClientId": "desk-page"},
            ("https://login.example.com/realms/oms", "http://id.internal/realms/oms", "desk-page"),
        ),
    ],
)
def test_the_gateway_reads_an_issuer_inside_that_tokens_and_browsers_name_outside(
    place: str, changes: dict[str, str], expected: tuple[str, str, str]
) -> None:
    result = template(place, changes=changes)
    assert result.returncode == 0, result.stderr
    manifests = tuple(read(result.stdout))
    as_ever = workload_of(place, "api")
    (container,) = containers(find(manifests, as_ever["kind"], as_ever["metadata"]["name"]))
    settings = load_settings(ApiSettings, "OMS_API_", variables_of(manifests, container))
    found = (settings.oidc_issuer, settings.oidc_internal_url, settings.page_client_id)
    assert found[0] == expected[0] and found[2] == expected[2]
    assert found[1].endswith(expected[1].removeprefix("http://oms-sor"))


def _holds_kafkas_security(cls: type[Any], prefix: str, variables: dict[str, str], tmp_path: Path) -> None:
    assert variables["OMS_KAFKA_CA"] == "/etc/oms/ca/ca.crt"
    # What is read is there in the pod; here another file stands for it.
    (tmp_path / "ca.crt").touch()
    kafka = load_settings(cls, prefix, variables | {"OMS_KAFKA_CA": str(tmp_path / "ca.crt")}).kafka()
    assert (kafka.security, kafka.sasl_mechanism, kafka.user) == ("SASL_SSL", "SCRAM-SHA-256", "oms")
    assert kafka.password == "kafka-password"
    assert (kafka.replication, kafka.min_insync, kafka.partitions) == (3, 2, 12)


def test_security_replica_and_tracing_reach_every_service_that_uses_them(tmp_path: Path) -> None:
    result = template("prod", changes=SECURED)
    assert result.returncode == 0, result.stderr
    manifests = tuple(read(result.stdout))
    for name in services_of("prod"):
        cls, prefix, _ = READERS[name]
        as_ever = workload_of("prod", name)
        workload = find(manifests, as_ever["kind"], as_ever["metadata"]["name"])
        (container,) = containers(workload)
        variables = variables_of(manifests, container)
        assert "/etc/oms/ca" in [mount["mountPath"] for mount in container["volumeMounts"]]
        if name != "sor-answers":
            _holds_kafkas_security(cls, prefix, variables, tmp_path)
        assert variables["OMS_TRACE_ENDPOINT"] == "http://collector.monitoring:4318"
        assert (variables["OMS_TRACE_RATIO"], variables["OMS_TRACE_SLOW_MS"]) == ("0.5", "100")
        policy = find(manifests, "NetworkPolicy", as_ever["metadata"]["name"])
        ports = [port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]]
        assert 4318 in ports
        if name == "api":
            assert variables["OMS_API_READ_DSN"] == "postgresql://postgres-read-dsn"
            assert variables["OMS_API_READ_LAG_MS_MAX"] == "2000"
            assert variables["SSL_CERT_FILE"] == "/etc/oms/ca/ca.crt"
        else:
            assert "OMS_API_READ_DSN" not in variables


def test_the_number_of_partitions_is_the_services_own_unless_it_is_set() -> None:
    as_it_comes = yaml.safe_load((CHART / "values.yaml").read_text())
    assert as_it_comes["kafka"]["partitions"] == PARTITIONS


def _settings(place: str, name: str) -> Any:
    cls, prefix, _ = READERS[name]
    (container,) = containers(workload_of(place, name))
    return load_settings(cls, prefix, environment(place, container))
