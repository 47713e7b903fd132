"""The first version of the chart, packed and kept, and what Kubernetes lets nobody change afterwards.

`python -m tests.helm.first_version` packs the chart as it is now: only while its first version is not out.
"""

import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml

from tests.helm.chart import CHART, PLACES, RELEASE, Manifest, named, of_kind, read, run_helm

FIRST = Path(__file__).with_name("oms-sor-0.1.0.tgz")
# Services that only the first version has; their values are taken out before an upgrade (docs/helm.md).
GONE = ("relay",)
# By kind, the fields of its spec that the API server refuses to change.
IMMUTABLE: Mapping[str, tuple[str, ...]] = {
    "Deployment": ("selector",),
    "StatefulSet": ("selector", "serviceName", "podManagementPolicy", "volumeClaimTemplates"),
    "Service": ("clusterIP",),
    "Job": ("selector", "template", "completions"),
}


@contextmanager
def unpacked_first() -> Iterator[Path]:
    """Unpack the first version until the block ends. Yields its folder."""
    with tempfile.TemporaryDirectory() as folder, tarfile.open(FIRST) as packed:
        packed.extractall(folder, filter="data")
        yield Path(folder) / "oms-sor"


def first_rendered(place: str) -> list[Manifest]:
    """Render the first version with its own values of a place, as an install."""
    with unpacked_first() as first:
        return _rendered(place, first, first / f"values-{place}.yaml")


def upgraded_with_first_values(place: str) -> list[Manifest]:
    """Render the chart as it is now as an upgrade, with the first version's values without what is GONE."""
    with unpacked_first() as first:
        values = first / f"values-{place}.yaml"
        kept = yaml.safe_load(values.read_text())
        for name in GONE:
            kept.get("services", {}).pop(name, None)
        values.write_text(yaml.safe_dump(kept))
        return _rendered(place, CHART, values, "--is-upgrade")


def _rendered(place: str, chart: Path, values: Path, *more: str) -> list[Manifest]:
    arguments = ("--namespace", PLACES[place], "--values", str(values), *more)
    result = run_helm("template", RELEASE, str(chart), *arguments)
    assert result.returncode == 0, result.stderr
    return list(read(result.stdout))


def is_hook(item: Manifest) -> bool:
    """Return whether an object is made anew each time rather than changed."""
    return "helm.sh/hook" in item["metadata"].get("annotations", {})


def refused_changes(old: Sequence[Manifest], new: Sequence[Manifest]) -> list[str]:
    """Return every change from old to new that an API server refuses, or that would leave a volume behind."""
    kept = {named(item): item for item in new if not is_hook(item)}
    refused: list[str] = []
    for item in old:
        if is_hook(item) or item["kind"] not in IMMUTABLE:
            continue
        after = kept.get(named(item))
        if after is None:
            if item["kind"] == "StatefulSet":
                refused.append(f"{named(item)} is gone, and its volume with it")
            continue
        refused += [
            f"{named(item)}: {field}"
            for field in IMMUTABLE[item["kind"]]
            if item["spec"].get(field) != after["spec"].get(field)
        ]
    return refused


def workload_names(manifests: Sequence[Manifest]) -> set[str]:
    """Return the names of what runs all the time."""
    return set(map(named, of_kind(manifests, "Deployment", "StatefulSet")))


def main() -> None:
    """Pack the chart, without the copies of what is changed elsewhere."""
    with tarfile.open(FIRST, "w:gz") as packed:
        for path in sorted(CHART.rglob("*")):
            inside = path.relative_to(CHART)
            if path.is_file() and inside.parts[:2] not in (("files", "prometheus"), ("files", "grafana")):
                packed.add(path, Path("oms-sor") / inside)
    sys.stdout.write(f"{FIRST.name}: {FIRST.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
