"""The chart rendered, once for each set of values, and looked at as plain objects."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.helm.tools import ROOT, helm

CHART = ROOT / "helm" / "oms-sor"
RELEASE = "oms"
# values file: its namespace
PLACES = {"dev": "oms-dev", "staging": "oms-staging", "prod": "oms-prod"}
WORKLOADS = ("Deployment", "StatefulSet", "Job", "Pod")
Manifest = dict[str, Any]


def run_helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run helm. Returns what came of it."""
    return subprocess.run([helm(), *arguments], capture_output=True, text=True, check=False)


def template(
    place: str | None, *, changes: Mapping[str, object] | None = None, more: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Render the chart with a place's values (None: the defaults) and changes, by dotted name."""
    arguments = ["template", RELEASE, str(CHART), "--namespace", PLACES.get(place or "", "elsewhere")]
    if place is not None:
        arguments += ["--values", str(CHART / f"values-{place}.yaml")]
    for name, value in (changes or {}).items():
        arguments += ["--set-json", f"{name}={json.dumps(value)}"]
    return run_helm(*arguments, *more)


@cache
def rendered(place: str, *more: str) -> tuple[Manifest, ...]:
    """Return everything that a place's values render, hooks included. The objects are not to be changed."""
    result = template(place, more=more)
    assert result.returncode == 0, result.stderr
    return tuple(read(result.stdout))


def read(text: str) -> Iterator[Manifest]:
    """Read a stream of YAML documents; what came empty is left out."""
    return (item for item in yaml.load_all(text, Loader=yaml.CSafeLoader) if item)


def named(item: Manifest) -> str:
    """Return how a test calls an object."""
    return f"{item['kind']}/{item['metadata']['name']}"


def of_kind(manifests: Sequence[Manifest], *kinds: str) -> list[Manifest]:
    """Return the objects of these kinds."""
    return [item for item in manifests if item["kind"] in kinds]


def find(manifests: Sequence[Manifest], kind: str, name: str) -> Manifest:
    """Return one object. Fails when there is not exactly one."""
    found = [item for item in of_kind(manifests, kind) if item["metadata"]["name"] == name]
    assert len(found) == 1, f"expected one {kind} {name}, found {len(found)}"
    return found[0]


def pod_spec(workload: Manifest) -> Manifest:
    """Return the pod of a workload."""
    spec: Manifest = workload["spec"]
    return spec if workload["kind"] == "Pod" else spec["template"]["spec"]


def containers(workload: Manifest) -> list[Manifest]:
    """Return every container of a workload, those that run first included."""
    spec = pod_spec(workload)
    return [*spec.get("initContainers", []), *spec["containers"]]


def component(item: Manifest) -> str:
    """Return which part of the platform an object belongs to."""
    return str(item["metadata"]["labels"]["app.kubernetes.io/component"])


def selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Return whether a selector takes something with these labels."""
    return selector.items() <= labels.items()


def pod_labels(workload: Manifest) -> Mapping[str, str]:
    """Return the labels that a workload's pods have."""
    holder = workload if workload["kind"] == "Pod" else workload["spec"]["template"]
    labels: Mapping[str, str] = holder["metadata"]["labels"]
    return labels


def values_file(place: str) -> Path:
    """Return a place's values."""
    return CHART / f"values-{place}.yaml"
