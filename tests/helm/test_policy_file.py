"""deploy/policy is what a cluster can load: chart and Compose files keep it."""

import copy
import json
import subprocess
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.deploy.test_files import FILES, services_of, with_defaults
from tests.helm.chart import PLACES, WORKLOADS, Manifest, named, of_kind, pod_spec, rendered
from tests.helm.tools import ROOT, opa

pytestmark = pytest.mark.timeout(900)
_WORKLOADS = (
    "[v.msg | some m in input;"
    ' some v in data.oms.workloads.violation with input as {"review": {"object": m}}]'
)
_COMPOSE = "[v.msg | some v in data.oms.compose.violation]"


def violations(query: str, value: object) -> list[str]:
    """Return what the policy finds in an input."""
    policy = str(ROOT / "deploy" / "policy")
    result = subprocess.run(
        [opa(), "eval", "--format", "raw", "--strict", "--data", policy, "--stdin-input", query],
        input=json.dumps(value),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr + result.stdout
    found: list[str] = json.loads(result.stdout)
    return found


def workloads(place: str) -> list[Manifest]:
    return of_kind(rendered(place), *WORKLOADS)


def composed(file: str) -> dict[str, Any]:
    """Return a Compose file over compose.yaml, with the defaults of its variables."""
    whole = services_of("compose.yaml")
    text = json.dumps({name: whole.get(name, {}) | each for name, each in services_of(file).items()})
    found: dict[str, Any] = {"services": json.loads(with_defaults(text))}
    return found


@pytest.mark.parametrize("place", PLACES)
def test_the_chart_keeps_the_policy(place: str) -> None:
    assert len(workloads(place)) > 5
    assert violations(_WORKLOADS, workloads(place)) == []


@pytest.mark.parametrize("file", FILES)
def test_the_compose_files_keep_the_policy(file: str) -> None:
    assert violations(_COMPOSE, composed(file)) == []


def _container(change: Callable[[dict[str, Any]], object]) -> Callable[[Manifest], object]:
    return lambda workload: change(pod_spec(workload)["containers"][0])


BREAKING: dict[str, Callable[[Manifest], object]] = {
    "runAsNonRoot": lambda one: pod_spec(one)["securityContext"].pop("runAsNonRoot"),
    "seccompProfile": lambda one: pod_spec(one)["securityContext"].pop("seccompProfile"),
    "hostPID": lambda one: pod_spec(one).update(hostPID=True),
    "hostPath": lambda one: pod_spec(one)["volumes"].append({"name": "x", "hostPath": {"path": "/"}}),
    "automountServiceAccountToken": lambda one: pod_spec(one).pop("automountServiceAccountToken"),
    "user 0": _container(lambda one: one["securityContext"].update(runAsUser=0)),
    "escalation": _container(lambda one: one["securityContext"].pop("allowPrivilegeEscalation")),
    "privileged": _container(lambda one: one["securityContext"].update(privileged=True)),
    "capability": _container(lambda one: one["securityContext"]["capabilities"].update(add=["NET_RAW"])),
    "read-only": _container(lambda one: one["securityContext"].pop("readOnlyRootFilesystem")),
    "limits of memory": _container(lambda one: one["resources"]["limits"].pop("memory")),
    ":latest": _container(lambda one: one.update(image="x/oms-core:latest")),
    "image x/oms-core must": _container(lambda one: one.update(image="x/oms-core")),
    "oms-core:17": _container(lambda one: one.update(image="localhost:5000/oms-core:17")),
}


def test_whatever_breaks_a_rule_is_found() -> None:
    (whole,) = [one for one in workloads("prod") if named(one) == "Deployment/oms-core"]
    broken: Sequence[Manifest] = [copy.deepcopy(whole) for _ in BREAKING]
    for one, (rule, change) in zip(broken, BREAKING.items(), strict=True):
        change(one)
        (said,) = violations(_WORKLOADS, [one])
        assert rule in said


def test_whatever_breaks_a_rule_of_compose_is_found() -> None:
    good = composed("compose.yaml")
    for rule, change in {
        "privileged": {"privileged": True},
        "drop every": {"cap_drop": []},
        "add no": {"cap_add": ["SYS_ADMIN"]},
        "gain": {"security_opt": []},
        "root": {"user": "0:0"},
        "network_mode": {"network_mode": "host"},
        "memory": {"mem_limit": ""},
        "loopback": {"ports": ["0.0.0.0:5432:5432"]},
        "socket": {"volumes": ["/var/run/docker.sock:/x"]},
        "image": {"image": "postgres:17"},
    }.items():
        service = good["services"]["postgres"] | change
        assert [rule in said for said in violations(_COMPOSE, {"services": {"postgres": service}})] == [
            True
        ], rule
