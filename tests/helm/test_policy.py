"""What rendered manifests must keep: who they run as, what they may use, whom they answer, what they tell."""

import re
from collections.abc import Mapping

import pytest

from oms_platform.health import LIVE_PATHS, METRICS_PATHS, READY_PATHS
from tests.helm.chart import (
    PLACES,
    WORKLOADS,
    Manifest,
    component,
    containers,
    find,
    named,
    of_kind,
    pod_labels,
    pod_spec,
    read,
    rendered,
    selects,
    template,
)

pytestmark = pytest.mark.timeout(900)
every_place = pytest.mark.parametrize("place", PLACES)
SERVICES = ("api", "core", "sor-engine", "scorekeeper", "sor-answers", "execution-adapter")
SIMULATORS = ("market-data", "broker")
# Not the core and the router: one that joins or leaves makes the others of its group load what it had.
SCALING = ("api",)
# Keycloak builds itself for its options when it starts; it is in the chart for trying out only.
WRITES_TO_ITS_ROOT = {"dev": {"keycloak"}, "staging": set(), "prod": set()}
SECRET_LIKE = re.compile(r"password|secret|token|dsn|redis_url", re.IGNORECASE)


def services_of(place: str) -> tuple[str, ...]:
    """Return the components of this project that a place runs."""
    return SERVICES if place == "prod" else (*SERVICES, *SIMULATORS)


def workload_of(place: str, name: str) -> Manifest:
    """Return a component's Deployment or StatefulSet."""
    (found,) = [
        item for item in of_kind(rendered(place), "Deployment", "StatefulSet") if component(item) == name
    ]
    return found


@every_place
def test_no_pod_runs_as_root_or_may_gain_rights(place: str) -> None:
    for workload in of_kind(rendered(place), *WORKLOADS):
        spec = pod_spec(workload)
        security = spec["securityContext"]
        assert security["runAsNonRoot"] is True and security["runAsUser"] > 0, named(workload)
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, named(workload)
        assert not any(spec.get(name) for name in ("hostNetwork", "hostPID", "hostIPC")), named(workload)
        assert not any("hostPath" in volume for volume in spec.get("volumes", [])), named(workload)
        for container in containers(workload):
            own = container["securityContext"]
            assert own["allowPrivilegeEscalation"] is False and not own.get("privileged"), named(workload)
            assert own["capabilities"] == {"drop": ["ALL"]}, named(workload)
            assert own["runAsNonRoot"] is True, named(workload)


@every_place
def test_root_file_systems_are_read_only_but_for_what_is_named_here(place: str) -> None:
    writing = {
        component(workload)
        for workload in of_kind(rendered(place), *WORKLOADS)
        if not all(c["securityContext"]["readOnlyRootFilesystem"] for c in containers(workload))
    }
    assert writing == WRITES_TO_ITS_ROOT[place]


@every_place
def test_no_pod_holds_a_key_of_the_clusters_api_or_hears_of_services_by_variables(place: str) -> None:
    for workload in of_kind(rendered(place), *WORKLOADS):
        assert pod_spec(workload)["automountServiceAccountToken"] is False, named(workload)
        assert pod_spec(workload)["enableServiceLinks"] is False, named(workload)


@every_place
def test_every_container_says_what_it_needs_and_what_it_may_take(place: str) -> None:
    for workload in of_kind(rendered(place), *WORKLOADS):
        for container in containers(workload):
            for amount in ("requests", "limits"):
                assert container["resources"][amount].keys() == {"cpu", "memory"}, named(workload)


@pytest.mark.parametrize("place", ("staging", "prod"))
def test_a_service_asks_for_half_a_core_and_takes_at_most_two(place: str) -> None:
    for name in services_of(place):
        (container,) = containers(workload_of(place, name))
        if name == "sor-answers":
            # What no order waits for has less of a node than what they wait for.
            assert container["resources"]["requests"]["cpu"] == "100m"
            continue
        assert container["resources"] == {
            "requests": {"cpu": "500m", "memory": "512Mi"},
            "limits": {"cpu": "2000m", "memory": "2Gi"},
        }, name


@every_place
def test_every_service_has_its_own_account_settings_address_budget_and_policy(place: str) -> None:
    for kind in ("ServiceAccount", "ConfigMap", "Service", "PodDisruptionBudget", "NetworkPolicy"):
        there = {component(item) for item in of_kind(rendered(place), kind)}
        assert set(services_of(place)) <= there, kind


@every_place
def test_every_service_is_probed_on_its_health_pages(place: str) -> None:
    for name in services_of(place):
        (container,) = containers(workload_of(place, name))
        port = "http" if name == "api" else "health"
        pages = {
            "startupProbe": "/health/live", "livenessProbe": "/health/live", "readinessProbe": "/health/ready"
        }  # fmt: skip
        for probe, path in pages.items():
            assert container[probe]["httpGet"] == {"path": path, "port": port}, name


@every_place
def test_every_service_has_time_to_drain(place: str) -> None:
    for name in services_of(place):
        spec = pod_spec(workload_of(place, name))
        (container,) = spec["containers"]
        # Kafka's last flush may take 31 s; the gateway goes on answering before it stops.
        waits = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        assert (waits > 0) == (name == "api"), name
        assert spec["terminationGracePeriodSeconds"] >= waits + 35, name


@pytest.mark.parametrize("place", ("staging", "prod"))
def test_what_can_run_more_than_once_scales_at_70_percent_cpu(place: str) -> None:
    scalers = of_kind(rendered(place), "HorizontalPodAutoscaler")
    assert sorted(map(component, scalers)) == sorted(SCALING)
    for scaler in scalers:
        (metric,) = scaler["spec"]["metrics"]
        assert metric["resource"]["name"] == "cpu"
        assert metric["resource"]["target"] == {"type": "Utilization", "averageUtilization": 70}
        target = find(rendered(place), scaler["spec"]["scaleTargetRef"]["kind"], scaler["metadata"]["name"])
        assert "replicas" not in target["spec"], "an upgrade would set back what the autoscaler chose"


@every_place
def test_consumers_of_partitions_share_them_as_a_group_and_are_no_more_than_there_are(place: str) -> None:
    for name in ("core", "sor-engine"):
        settings = find(rendered(place), "ConfigMap", f"oms-{name}")["data"]
        assert settings["OMS_KAFKA_ASSIGNMENT"] == "group"
    for scaler in of_kind(rendered(place), "HorizontalPodAutoscaler"):
        if component(scaler) != "api":
            assert scaler["spec"]["maxReplicas"] <= 4


@every_place
def test_there_is_never_a_second_adapter_or_scorekeeper(place: str) -> None:
    for name in ("execution-adapter", "scorekeeper"):
        spec = workload_of(place, name)["spec"]
        assert spec["replicas"] == 1 and spec["strategy"] == {"type": "Recreate"}


@every_place
def test_a_budget_lets_a_node_drain(place: str) -> None:
    for budget in of_kind(rendered(place), "PodDisruptionBudget"):
        assert budget["spec"]["maxUnavailable"] == 1 and "minAvailable" not in budget["spec"]
        assert selects(
            budget["spec"]["selector"]["matchLabels"], pod_labels(workload_of(place, component(budget)))
        )


@every_place
def test_every_pod_is_under_a_network_policy_for_both_ways(place: str) -> None:
    policies = of_kind(rendered(place), "NetworkPolicy")
    for workload in of_kind(rendered(place), *WORKLOADS):
        if component(workload) == "test":
            continue
        over = [
            policy
            for policy in policies
            if selects(policy["spec"]["podSelector"]["matchLabels"], pod_labels(workload))
        ]
        assert len(over) == 1 and over[0]["spec"]["policyTypes"] == ["Ingress", "Egress"], named(workload)


def _callers(place: str, name: str, port: int) -> set[str]:
    """Return the components that a component's policy lets in on a port."""
    policy = find(rendered(place), "NetworkPolicy", f"oms-{name}")
    return {
        peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
        for rule in policy["spec"].get("ingress", [])
        if port in [entry["port"] for entry in rule["ports"]]
        for peer in rule["from"] or []
        if "podSelector" in peer
    }


def test_doors_without_a_token_open_for_those_who_need_them_only() -> None:
    for place in PLACES:
        assert _callers(place, "core", 9090) == {"api"}
        assert _callers(place, "sor-answers", 9090) == {"api"}
        assert _callers(place, "sor-engine", 9090) == set()
    followers = {*SERVICES, "broker"}
    assert _callers("dev", "market-data", 9090) == followers
    assert _callers("dev", "broker", 9878) == {"execution-adapter"}
    assert _callers("dev", "redis", 6379) == {"api"}
    assert _callers("dev", "postgres", 5432) == {*SERVICES, *SIMULATORS, "migrate", "seed"}
    assert _callers("dev", "kafka", 9092) == {*SERVICES, "market-data"} - {"sor-answers"}


@pytest.mark.parametrize("place", ("staging", "prod"))
def test_clients_reach_the_gateways_doors_and_prometheus_its_health_port(place: str) -> None:
    policy = find(rendered(place), "NetworkPolicy", "oms-api")
    reached: dict[str, set[int]] = {}
    for rule in policy["spec"]["ingress"]:
        for peer in rule["from"]:
            if "namespaceSelector" in peer:
                name = peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
                reached.setdefault(name, set()).update(entry["port"] for entry in rule["ports"])
    assert reached == {"ingress-nginx": {8080, 9090}, "monitoring": {8090}}


def _egress(place: str, name: str) -> set[int]:
    policy = find(rendered(place), "NetworkPolicy", f"oms-{name}")
    return {entry["port"] for rule in policy["spec"]["egress"] for entry in rule["ports"]} - {53}


def test_a_service_goes_out_to_what_it_uses_only() -> None:
    assert _egress("prod", "api") == {5432, 9092, 6379, 443, 9090}
    assert _egress("prod", "execution-adapter") == {5432, 9090, 9092, 9878}
    assert _egress("dev", "postgres") == set()


# Values that name a Secret of files, the one service that gets it, and the settings that lead to its files.
SECRET_FILES = [
    ({"fix.sessionSecrets": "some-secret"}, "execution-adapter", {"OMS_ADAPTER_SECRETS_DIR": ""}),
    (
        {
            "fixClients.enabled": True,
            "fixClients.tls": {"secret": "some-secret", "clientCertificates": True},
        },
        "api",
        {
            "OMS_API_FIX_CERTIFICATE": "/tls.crt",
            "OMS_API_FIX_KEY": "/tls.key",
            "OMS_API_FIX_CLIENT_CA": "/ca.crt",
        },
    ),
]


@pytest.mark.parametrize(("changes", "owner", "files"), SECRET_FILES, ids=["venues", "clients"])
def test_a_secret_of_files_is_mounted_into_its_service_alone_and_read_from_there(
    changes: dict[str, object], owner: str, files: dict[str, str]
) -> None:
    result = template("prod", changes=changes)
    assert result.returncode == 0, result.stderr
    manifests = list(read(result.stdout))
    for name in SERVICES:
        spec = pod_spec(find(manifests, "Deployment", f"oms-{name}"))
        found = [one for one in spec["volumes"] if one.get("secret", {}).get("secretName") == "some-secret"]
        assert len(found) == (name == owner), name
    (container,) = containers(find(manifests, "Deployment", f"oms-{owner}"))
    (mount,) = [one for one in container["volumeMounts"] if one["name"] == "secrets"]
    assert mount["readOnly"]
    settings = find(manifests, "ConfigMap", f"oms-{owner}")["data"]
    assert {name: settings[name] for name in files} == {
        name: mount["mountPath"] + path for name, path in files.items()
    }


@pytest.mark.parametrize("place", ("staging", "prod"))
def test_nothing_secret_stands_in_the_open(place: str) -> None:
    assert of_kind(rendered(place), "Secret") == []
    for item in of_kind(rendered(place), "ConfigMap"):
        assert not [name for name in item["data"] if SECRET_LIKE.search(name)], named(item)
    _assert_no_open_variables(place)


def test_even_to_try_out_passwords_are_in_secrets_and_made_anew() -> None:
    _assert_no_open_variables("dev")
    again = rendered("dev", "--set", "logLevel=DEBUG")
    first, second = (find(m, "Secret", "oms-secrets")["stringData"] for m in (rendered("dev"), again))
    assert all(first[name] != second[name] and len(first[name]) >= 32 for name in first)


def _assert_no_open_variables(place: str) -> None:
    for workload in of_kind(rendered(place), *WORKLOADS):
        for container in containers(workload):
            for variable in container.get("env", []):
                assert "value" not in variable or not SECRET_LIKE.search(variable["name"]), named(workload)
            written = " ".join([*container.get("command", []), *container.get("args", [])])
            assert not re.search(r"://[^/\s]*:[^/\s]*@", written), named(workload)


@every_place
def test_the_schema_comes_before_what_stands_on_it(place: str) -> None:
    job = find(rendered(place), "Job", "oms-migrate")
    assert containers(job)[0]["command"] == ["oms", "migrate"]
    annotations = job["metadata"].get("annotations", {})
    if place == "dev":
        # There is no database before the first install: the Job runs beside it, and services wait.
        assert "helm.sh/hook" not in annotations
        upgrade = find(rendered(place, "--is-upgrade"), "Job", "oms-migrate")
        assert upgrade["metadata"]["annotations"]["helm.sh/hook"] == "pre-upgrade"
    else:
        assert annotations["helm.sh/hook"] == "pre-install,pre-upgrade"


def test_a_hook_before_the_install_needs_nothing_that_comes_with_it() -> None:
    for place in ("staging", "prod"):
        there = {named(item) for item in rendered(place)}
        for job in of_kind(rendered(place), "Job"):
            assert "serviceAccountName" not in pod_spec(job)
            for container in containers(job):
                for variable in container["env"]:
                    assert f"Secret/{variable['valueFrom']['secretKeyRef']['name']}" not in there


@pytest.mark.parametrize("place", ("staging", "prod"))
def test_websockets_and_grpc_come_through_the_ingress(place: str) -> None:
    http, grpc = (find(rendered(place), "Ingress", f"oms-api-{door}") for door in ("http", "grpc"))
    for ingress, door in ((http, "http"), (grpc, "grpc")):
        (rule,) = ingress["spec"]["rules"]
        assert rule["http"]["paths"][0]["backend"]["service"] == {"name": "oms-api", "port": {"name": door}}
        assert ingress["spec"]["tls"][0]["hosts"] == [rule["host"]]
    assert http["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-read-timeout"] == "3600"
    assert grpc["metadata"]["annotations"]["nginx.ingress.kubernetes.io/backend-protocol"] == "GRPC"


# What the gateway serves to whoever asks, and a client of the API has no use for.
INSIDE_ONLY = (
    *LIVE_PATHS,
    *READY_PATHS,
    *METRICS_PATHS,
    "/metrics/x",
    "/schema",
    "/schema/openapi.json",
    "/health",
)


def _lets_in(path: Mapping[str, str], asked: str) -> bool:
    """Return whether an Ingress path takes a request; Prefix matches whole elements."""
    elements, wanted = asked.split("/")[1:], [each for each in path["path"].split("/") if each]
    return asked == path["path"] if path["pathType"] == "Exact" else elements[: len(wanted)] == wanted


@pytest.mark.parametrize("place", ("staging", "prod"))
def test_only_what_clients_use_comes_through_the_ingress(place: str) -> None:
    (rule,) = find(rendered(place), "Ingress", "oms-api-http")["spec"]["rules"]
    paths = rule["http"]["paths"]
    for asked in (
        "/",
        "/api/v1/orders",
        "/api/v1/stream",
        "/docs",
        "/docs/problems",
        "/desk/desk.js",
        "/openapi.json",
        "/page-settings.json",
    ):
        assert any(_lets_in(path, asked) for path in paths), asked
    for asked in INSIDE_ONLY:
        assert not any(_lets_in(path, asked) for path in paths), asked
    assert {path["backend"]["service"]["port"]["name"] for path in paths} == {"http"}
