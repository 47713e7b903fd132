"""An upgrade from the chart's first version changes nothing that a cluster refuses to change."""

import copy
import re
import shutil
from pathlib import Path

import pytest

from tests.helm.chart import (
    CHART,
    PLACES,
    RELEASE,
    Manifest,
    find,
    named,
    of_kind,
    pod_labels,
    read,
    rendered,
    run_helm,
    selects,
    values_file,
)
from tests.helm.first_version import (
    GONE,
    first_rendered,
    is_hook,
    refused_changes,
    upgraded_with_first_values,
    workload_names,
)

pytestmark = pytest.mark.timeout(900)
every_place = pytest.mark.parametrize("place", PLACES)


@every_place
def test_an_upgrade_from_the_first_version_is_one_that_a_cluster_takes(place: str) -> None:
    first = first_rendered(place)
    # What was in the adapter's volume is not needed any more (docs/helm.md).
    expected = ["StatefulSet/oms-execution-adapter is gone, and its volume with it"]
    assert refused_changes(first, upgraded_with_first_values(place)) == expected
    assert refused_changes(first, rendered(place, "--is-upgrade")) == expected


@every_place
def test_an_upgrade_leaves_out_no_service_and_names_none_anew(place: str) -> None:
    left_out = workload_names(first_rendered(place)) - workload_names(rendered(place, "--is-upgrade"))
    # The adapter has no disk any more, and with it no StatefulSet: its sessions are in the database.
    anew = {"StatefulSet/oms-execution-adapter"}
    assert left_out == {f"Deployment/oms-{name}" for name in GONE} | anew


def test_values_for_a_service_that_is_gone_are_refused_by_its_name(tmp_path: Path) -> None:
    for name in GONE:
        values = tmp_path / f"{name}.yaml"
        values.write_text(f"services: {{{name}: {{settings: {{}}}}}}\n")
        arguments = ("-f", str(values_file("prod")), "-f", str(values), "--is-upgrade")
        result = run_helm("template", RELEASE, str(CHART), "-n", PLACES["prod"], *arguments)
        assert result.returncode != 0
        assert f"'{name}' not allowed" in result.stderr


@every_place
def test_pods_of_the_first_version_are_found_by_the_selectors_of_this_one(place: str) -> None:
    first = {named(item): item for item in of_kind(first_rendered(place), "Deployment", "StatefulSet")}
    for item in of_kind(rendered(place, "--is-upgrade"), "Deployment", "StatefulSet"):
        if named(item) in first:
            assert selects(item["spec"]["selector"]["matchLabels"], pod_labels(first[named(item)]))


@every_place
def test_an_upgrade_changes_no_job_in_place(place: str) -> None:
    assert all(is_hook(job) for job in of_kind(rendered(place, "--is-upgrade"), "Job"))


@every_place
def test_a_selector_holds_no_version(place: str) -> None:
    version = re.search(r"^version: (\S+)", (CHART / "Chart.yaml").read_text(), re.M)
    assert version is not None
    for item in of_kind(rendered(place), "Deployment", "StatefulSet"):
        assert version[1] not in str(item["spec"]["selector"]), named(item)
        assert version[1] not in str(item["spec"].get("volumeClaimTemplates", "")), named(item)


def test_a_new_version_of_the_chart_alone_starts_no_pod_anew(tmp_path: Path) -> None:
    chart = tmp_path / "oms-sor"
    shutil.copytree(CHART, chart)
    text = (chart / "Chart.yaml").read_text()
    (chart / "Chart.yaml").write_text(re.sub(r"^version: .*", "version: 0.99.0", text, flags=re.M))
    result = run_helm("template", RELEASE, str(chart), "-n", PLACES["prod"], "-f", str(values_file("prod")))
    assert result.returncode == 0, result.stderr
    later = list(read(result.stdout))
    for item in of_kind(rendered("prod"), "Deployment", "StatefulSet"):
        again = find(later, item["kind"], item["metadata"]["name"])
        assert again["spec"] == item["spec"], named(item)
        assert again["metadata"]["labels"] != item["metadata"]["labels"], named(item)


def _changed(kind: str, name: str, **spec: object) -> list[Manifest]:
    manifests = copy.deepcopy(list(rendered("dev")))
    find(manifests, kind, name)["spec"].update(spec)
    return manifests


@pytest.mark.parametrize(
    ("kind", "name", "field", "value"),
    [
        ("Deployment", "oms-core", "selector", {"matchLabels": {"app": "core"}}),
        ("StatefulSet", "oms-broker", "serviceName", "other"),
        ("StatefulSet", "oms-broker", "volumeClaimTemplates", []),
        ("Service", "oms-broker", "clusterIP", "10.0.0.7"),
    ],
)
def test_a_change_that_a_cluster_refuses_would_be_found(
    kind: str, name: str, field: str, value: object
) -> None:
    assert refused_changes(rendered("dev"), _changed(kind, name, **{field: value})) == [
        f"{kind}/{name}: {field}"
    ]


def test_a_store_that_an_upgrade_would_drop_would_be_found() -> None:
    without = [item for item in rendered("dev") if named(item) != "StatefulSet/oms-postgres"]
    assert refused_changes(rendered("dev"), without) == [
        "StatefulSet/oms-postgres is gone, and its volume with it"
    ]
