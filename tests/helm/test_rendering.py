"""Every values file renders, is what the Kubernetes API takes, and hangs together."""

import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from tests.helm.chart import (
    CHART,
    PLACES,
    RELEASE,
    WORKLOADS,
    Manifest,
    containers,
    find,
    named,
    of_kind,
    pod_labels,
    pod_spec,
    read,
    rendered,
    run_helm,
    selects,
    template,
    values_file,
)
from tests.helm.kubernetes_schemas import VERSIONS, problems

pytestmark = pytest.mark.timeout(900)  # the first test may have to build helm
OPERATOR_KINDS = ("ServiceMonitor", "PrometheusRule")
every_place = pytest.mark.parametrize("place", PLACES)
DNS_LABEL = re.compile(r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
LABEL_VALUE = re.compile(r"^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$")


@every_place
def test_helm_lint_finds_nothing_even_when_strict(place: str) -> None:
    result = run_helm(
        "lint", "--strict", str(CHART), "--values", str(values_file(place)), "--namespace", PLACES[place]
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "WARNING" not in result.stdout and "ERROR" not in result.stdout


@pytest.mark.parametrize("version", VERSIONS)
@every_place
def test_kubernetes_would_take_every_manifest(place: str, version: str) -> None:
    own = [item for item in rendered(place) if item["kind"] not in OPERATOR_KINDS]
    assert len(own) > 40
    assert [problem for item in own for problem in problems(item, version)] == []


def test_a_field_that_kubernetes_does_not_know_would_be_found() -> None:
    deployment = find(rendered("dev"), "Deployment", "oms-api")
    wrong = deployment | {"spec": deployment["spec"] | {"replica": 2}}
    assert any("replica" in problem for problem in problems(wrong, VERSIONS[0]))


@every_place
def test_every_object_is_in_the_places_namespace_and_there_once(place: str) -> None:
    manifests = rendered(place)
    assert {item["metadata"]["namespace"] for item in manifests} == {PLACES[place]}
    assert [name for name, count in Counter(map(named, manifests)).items() if count > 1] == []


@every_place
def test_names_and_labels_are_such_as_the_api_takes(place: str) -> None:
    for item in rendered(place):
        assert DNS_LABEL.match(item["metadata"]["name"]), named(item)
        for value in item["metadata"]["labels"].values():
            assert LABEL_VALUE.match(value), named(item)
    for workload in of_kind(rendered(place), *WORKLOADS):
        for container in containers(workload):
            for port in container.get("ports", []):
                assert re.match(r"^[a-z0-9-]{1,15}$", port["name"]), named(workload)


@every_place
def test_a_selector_takes_its_own_pods_and_no_others(place: str) -> None:
    workloads = of_kind(rendered(place), "Deployment", "StatefulSet")
    for item in workloads:
        taken = [
            other
            for other in workloads
            if selects(item["spec"]["selector"]["matchLabels"], pod_labels(other))
        ]
        assert taken == [item], named(item)


@every_place
def test_a_service_leads_to_ports_that_its_pods_have(place: str) -> None:
    workloads = of_kind(rendered(place), "Deployment", "StatefulSet")
    for service in of_kind(rendered(place), "Service"):
        (target,) = [item for item in workloads if selects(service["spec"]["selector"], pod_labels(item))]
        ports = {port["name"] for container in containers(target) for port in container["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports, named(service)


@every_place
def test_a_probe_asks_a_port_that_its_container_has(place: str) -> None:
    for workload in of_kind(rendered(place), "Deployment", "StatefulSet"):
        for container in containers(workload):
            ports = {port["name"] for port in container["ports"]}
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                asked = container[probe].get("httpGet") or container[probe].get("tcpSocket")
                assert asked is None or asked["port"] in ports, named(workload)


@every_place
def test_every_volume_is_mounted_and_every_mount_has_a_volume(place: str) -> None:
    for workload in of_kind(rendered(place), *WORKLOADS):
        claims = workload["spec"].get("volumeClaimTemplates", [])
        there = {claim["metadata"]["name"] for claim in claims} | {
            volume["name"] for volume in pod_spec(workload).get("volumes", [])
        }
        mounted = {
            mount["name"] for container in containers(workload) for mount in container.get("volumeMounts", [])
        }
        assert there == mounted, named(workload)


def _referred(workload: Manifest) -> set[str]:
    """Return the names of what a workload's pods need to be there, as kind/name."""
    spec = pod_spec(workload)
    names = {f"ServiceAccount/{spec['serviceAccountName']}"} if "serviceAccountName" in spec else set()
    names |= {f"ConfigMap/{v['configMap']['name']}" for v in spec.get("volumes", []) if "configMap" in v}
    for container in containers(workload):
        names |= {f"ConfigMap/{source['configMapRef']['name']}" for source in container.get("envFrom", [])}
        for variable in container.get("env", []):
            if "valueFrom" in variable:
                names.add(f"Secret/{variable['valueFrom']['secretKeyRef']['name']}")
    return names


@every_place
def test_what_a_pod_refers_to_is_in_the_release_or_is_the_secret_that_was_named(place: str) -> None:
    there = set(map(named, rendered(place)))
    outside = set() if place == "dev" else {"Secret/oms-sor-secrets"}
    for workload in of_kind(rendered(place), *WORKLOADS):
        assert _referred(workload) - there <= outside, named(workload)


def test_the_charts_own_secret_has_every_key_that_is_read() -> None:
    manifests = rendered("dev")
    keys = find(manifests, "Secret", "oms-secrets")["stringData"].keys()
    read = {
        variable["valueFrom"]["secretKeyRef"]["key"]
        for workload in of_kind(manifests, *WORKLOADS)
        for container in containers(workload)
        for variable in container.get("env", [])
        if "valueFrom" in variable
    }
    assert read == keys


@pytest.mark.parametrize("place", ("staging", "prod"))
def test_the_operators_resources_scrape_ports_that_services_have(place: str) -> None:
    manifests = rendered(place)
    monitor = find(manifests, "ServiceMonitor", RELEASE)
    assert monitor["apiVersion"] == "monitoring.coreos.com/v1"
    taken = [
        service
        for service in of_kind(manifests, "Service")
        if selects(monitor["spec"]["selector"]["matchLabels"], service["metadata"]["labels"])
    ]
    asked = {endpoint["port"] for endpoint in monitor["spec"]["endpoints"]}
    for service in taken:
        assert asked & {port["name"] for port in service["spec"]["ports"]}, named(service)
    for rule in of_kind(manifests, "PrometheusRule"):
        groups = rule["spec"]["groups"]
        assert groups and all(group["name"] and group["rules"] for group in groups), named(rule)
        for group in groups:
            for entry in group["rules"]:
                assert entry["expr"] and ("alert" in entry) != ("record" in entry), named(rule)


def notes(place: str, folder: Path, *more: str) -> str:
    """Return what an install prints, rendered as a manifest: helm shows it with a cluster only."""
    chart = folder / "oms-sor"
    shutil.copytree(CHART, chart)
    templates = chart / "templates"
    text = (templates / "NOTES.txt").read_text()
    (templates / "_notes.tpl").write_text(f'{{{{ define "notes" }}}}{text}{{{{ end }}}}')
    (templates / "notes.yaml").write_text('kind: Notes\ntext: {{ include "notes" . | quote }}\n')
    result = run_helm(
        "template", RELEASE, str(chart), "--namespace", PLACES[place], "--values", str(values_file(place)),
        "--show-only", "templates/notes.yaml", *more,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    (item,) = read(result.stdout)
    return str(item["text"])


@every_place
def test_the_notes_say_what_to_do_next(place: str, tmp_path: Path) -> None:
    said = notes(place, tmp_path)
    assert f"helm -n {PLACES[place]} test {RELEASE}" in said
    assert ("port-forward" in said) == (place == "dev")
    assert ("in_oms submit" in said) == (place == "dev")
    assert ("Put in the reference data" in said) == (place == "prod")
    assert "one each, always" in said
    names = {item["metadata"]["name"] for item in rendered(place)}
    assert set(re.findall(r"(?:svc|deploy|secret)[/ ](oms-[a-z-]+)", said)) <= names


def test_without_a_registry_the_notes_say_which_images_to_bring_and_where(tmp_path: Path) -> None:
    said = notes("dev", tmp_path / "without")
    built = re.findall(r"^FROM runtime AS (\S+)$", (CHART.parents[1] / "Dockerfile").read_text(), re.M)
    used = {
        image.split(":")[0]
        for workload in of_kind(rendered("dev"), *WORKLOADS)
        for container in containers(workload)
        if (image := container["image"]).split(":")[0] in built
    }
    assert len(used) == 6
    for image in used:
        assert image in said
    assert "--set image.registry=REGISTRY" in said
    given = notes("dev", tmp_path / "given", "--set", "image.registry=registry.example.com/trading")
    assert "image.registry" not in given


CHOICES: list[tuple[str, dict[str, object]]] = [
    ("dev", {"secrets.existingSecret": "mine"}),
    ("dev", {"networkPolicy.enabled": False}),
    ("dev", {"fullnameOverride": "trading"}),
    ("dev", {"kafka.inChart": False, "kafka.bootstrap": "kafka.example.com:9094", "jobs.seed": False}),
    ("dev", {"jobs.migrate": False, "jobs.seed": False, "postgres.storage.className": "fast"}),
    ("staging", {"postgres.inChart": True, "redis.inChart": True}),
    ("prod", {"networkPolicy.outside": [], "networkPolicy.clients": [], "networkPolicy.monitoring": []}),
    ("prod", {"networkPolicy.moreEgress": [{"ports": [{"port": 4317}]}], "caBundle.configMap": "company-ca"}),
    (
        "prod",
        {"image.registry": "registry.example.com/trading", "image.tag": "1.2.3", "ingress.grpc.host": ""},
    ),
    ("prod", {"ingress.http.annotations": None, "ingress.className": "", "ingress.http.tlsSecret": ""}),
    (
        "prod",
        {
            "image.pullSecrets": ["login"],
            "defaults.nodeSelector": {"pool": "trading"},
            "defaults.tolerations": [{"key": "pool", "operator": "Exists"}],
            "defaults.affinity": {"podAntiAffinity": {}},
            "defaults.podAnnotations": {"team": "trading"},
            "defaults.priorityClassName": "high",
            "jobs.nodeSelector": {"pool": "jobs"},
            "services.executionAdapter.storage.className": "fast",
            "services.api.serviceAccountAnnotations": {"role": "gateway"},
            "services.core.autoscaling.enabled": False,
        },
    ),
    ("prod", {"fixClients.enabled": True, "fixClients.compId": "BROKER", "fixClients.tls.secret": "fix-tls"}),
]


@pytest.mark.parametrize(("place", "changes"), CHOICES, ids=[", ".join(changes) for _, changes in CHOICES])
def test_every_choice_that_values_offer_renders_what_kubernetes_would_take(
    place: str, changes: dict[str, object]
) -> None:
    result = template(place, changes=changes)
    assert result.returncode == 0, result.stderr
    own = [item for item in read(result.stdout) if item["kind"] not in OPERATOR_KINDS]
    assert [problem for item in own for problem in problems(item, VERSIONS[0])] == []
    assert [problem for item in own for problem in problems(item, VERSIONS[-1])] == []


def test_an_image_is_pulled_by_its_digest_where_one_is_given() -> None:
    digest = f"sha256:{'0a' * 32}"
    result = template("prod", changes={"image.digests": {"sor-engine": digest}})
    assert result.returncode == 0, result.stderr
    images = {
        container["image"]
        for workload in of_kind(tuple(read(result.stdout)), *WORKLOADS)
        for container in containers(workload)
    }
    (pinned,) = [image for image in images if "sor-engine" in image]
    assert re.fullmatch(rf"(?:.*/)?sor-engine:[^/@]+@{digest}", pinned)
    assert not any("@" in image for image in images - {pinned})
    for wrong in ({"sor-engine": "sha256:0a"}, {"sor_engine": digest}):
        assert template("prod", changes={"image.digests": wrong}).returncode != 0, wrong
