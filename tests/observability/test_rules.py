"""Alert rules, their runbooks and the metrics page, held to each other and to the code."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from oms_platform.telemetry.metrics import HOPS
from tests.observability.metrics_page import PACKAGES, defined_in
from tests.observability.tools import DASHBOARDS, ROOT, RULES, panels, program, selectors

ALERT_TESTS = ROOT / "tests" / "observability" / "alerts.test.yaml"
RUNBOOKS = ROOT / "docs" / "runbooks"
_ALERT = re.compile(r"- alert: (\w+)")
# What Prometheus and prometheus_client bring themselves.
_FOREIGN = ("up", "process_", "python_")
_SUFFIXES = re.compile(r"_(bucket|count|sum)$")


def alerts() -> list[str]:
    return [name for path in RULES for name in _ALERT.findall(path.read_text())]


def promtool(*arguments: str) -> None:
    result = subprocess.run([program("promtool"), *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_rules_pass_promtools_lint() -> None:
    promtool("check", "rules", "--lint-fatal", *map(str, RULES))


def test_scrape_configuration_passes_promtool() -> None:
    promtool("check", "config", "--syntax-only", str(ROOT / "deploy" / "compose" / "prometheus.yaml"))


def test_alerts_fire_when_they_should_and_only_then() -> None:
    promtool("test", "rules", str(ALERT_TESTS))


def test_every_alert_has_a_case_in_which_it_fires() -> None:
    tested = set(re.findall(r'alertname="(\w+)"', ALERT_TESTS.read_text()))
    assert tested == set(alerts())


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    pages = {path.stem for path in RUNBOOKS.glob("Oms*.md")}
    assert pages == set(alerts())


def test_every_alert_links_to_its_page_under_the_one_base_that_is_set() -> None:
    rules = [
        rule
        for path in RULES
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]
    assert [rule["alert"] for rule in rules] == alerts()
    for rule in rules:
        page = f"{rule['alert']}.md"
        assert rule["annotations"]["runbook_url"] == f"{{{{ $externalLabels.runbooks }}}}/{page}"
        assert (RUNBOOKS / page).is_file()
        assert "runbook" not in rule["annotations"], "one way to the page"


def test_the_base_of_the_runbooks_is_a_label_that_no_alert_carries_on() -> None:
    config = yaml.safe_load((ROOT / "deploy" / "compose" / "prometheus.yaml").read_text())
    assert config["global"]["external_labels"] == {"runbooks": "${OMS_RUNBOOKS_URL}"}
    assert config["alerting"]["alert_relabel_configs"] == [{"action": "labeldrop", "regex": "runbooks"}]
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    environment = services["prometheus"]["environment"]
    assert re.fullmatch(r"\$\{OMS_RUNBOOKS_URL:-http://\S+[^/]\}", environment["OMS_RUNBOOKS_URL"])
    # Grafana gives out the pages there, unless they are elsewhere.
    assert "./docs/runbooks:/usr/share/grafana/public/runbooks:ro" in services["grafana"]["volumes"]
    assert environment["OMS_RUNBOOKS_URL"].endswith(":3000/public/runbooks}")


def test_a_firing_alert_has_the_whole_address_of_its_page(tmp_path: Path) -> None:
    case = {
        "rule_files": [str(path) for path in RULES],
        "evaluation_interval": "15s",
        "tests": [
            {
                "interval": "15s",
                "external_labels": {"runbooks": "https://wiki.example.com/oms"},
                "input_series": [{"series": 'up{job="oms-core", instance="a"}', "values": "0x100"}],
                "alert_rule_test": [
                    {
                        "eval_time": "5m",
                        "alertname": "OmsTargetDown",
                        "exp_alerts": [
                            {
                                "exp_labels": {"job": "oms-core", "instance": "a", "severity": "page"},
                                "exp_annotations": {
                                    "summary": "oms-core does not answer",
                                    "description": "No metrics from a.",
                                    "runbook_url": "https://wiki.example.com/oms/OmsTargetDown.md",
                                },
                            }
                        ],
                    }
                ],
            }
        ],
    }
    (tmp_path / "case.yaml").write_text(yaml.safe_dump(case))
    promtool("test", "rules", str(tmp_path / "case.yaml"))


def test_every_runbook_says_what_it_means_what_to_look_at_and_what_to_do() -> None:
    for page in RUNBOOKS.glob("Oms*.md"):
        headings = re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE)
        assert headings == ["Meaning", "Look", "Do"], page.name


def test_budgets_stand_on_the_targets_of_their_hops() -> None:
    found = set(
        re.findall(r'hop="(\w+)", le="([\d.]+)"', (RULES[1] if len(RULES) > 1 else RULES[0]).read_text())
    )
    assert found == {
        (name, repr(float(HOPS[name].p99_s))) for name in ("ack", "order_to_venue", "venue_to_core")
    }


def test_every_metric_that_deploy_names_is_defined_in_the_code() -> None:
    defined = {metric.name for package in PACKAGES for metric in defined_in(package)}
    named = {name for _, query in panels() for name in selectors(query)}
    named |= {name for path in RULES for name in selectors(path.read_text())}
    bare = {_SUFFIXES.sub("", name.partition("{")[0]) for name in named}
    ours = {name for name in bare if not name.startswith((*_FOREIGN, "oms:"))}
    assert ours - defined == set()


def test_names_and_units_follow_prometheus() -> None:
    for package in PACKAGES:
        for metric in defined_in(package):
            assert re.fullmatch(r"oms_[a-z0-9_]+", metric.name), metric
            assert metric.name.endswith("_total") == (metric.kind == "counter"), metric
            assert not re.search(r"_(ms|us|millis|minutes|kb|mb)(_|$)", metric.name), metric


def test_no_label_takes_what_a_client_chooses() -> None:
    for package in PACKAGES:
        for metric in defined_in(package):
            assert not {"account", "symbol", "order_id", "client", "principal"} & set(metric.labels), metric


def test_dashboards_are_whole_and_their_names_are_their_files() -> None:
    for path in DASHBOARDS:
        board = json.loads(path.read_text())
        assert board["uid"] == path.stem
        numbers = [panel["id"] for panel in board["panels"]]
        assert len(set(numbers)) == len(numbers)
        places = [
            (panel["gridPos"]["x"] + panel["gridPos"]["w"], panel["datasource"]["uid"])
            for panel in board["panels"]
        ]
        assert all(right <= 24 and source == "${datasource}" for right, source in places)


def boards() -> dict[str, dict[str, Any]]:
    """Return every dashboard by its name."""
    return {path.stem: json.loads(path.read_text()) for path in DASHBOARDS}


@pytest.mark.parametrize("name", [path.stem for path in DASHBOARDS])
def test_every_panel_says_what_it_shows(name: str) -> None:
    found = boards()[name]["panels"]
    titles = [panel["title"] for panel in found]
    assert len(set(titles)) == len(titles)
    for panel in found:
        assert panel["description"].endswith("."), panel["title"]
        assert panel["title"][0].isupper() and panel["title"] not in HOPS, panel["title"]


@pytest.mark.parametrize("name", [path.stem for path in DASHBOARDS])
def test_a_figure_that_is_looked_at_first_says_by_its_color_whether_it_is_well(name: str) -> None:
    for panel in boards()[name]["panels"]:
        steps = panel["fieldConfig"]["defaults"].get("thresholds", {"steps": []})["steps"]
        limits = [step["value"] for step in steps]
        assert steps or panel["type"] == "timeseries", panel["title"]
        assert limits == sorted(limits, key=lambda limit: float("-inf") if limit is None else limit)
        assert limits[:1] in ([], [None]), panel["title"]


def test_every_alert_is_linked_from_a_panel_and_every_link_leads_to_a_page() -> None:
    linked = set()
    for board in boards().values():
        (base,) = [each for each in board["templating"]["list"] if each["name"] == "runbooks"]
        assert (base["type"], base["query"]) == ("constant", "/public/runbooks")
        for panel in board["panels"]:
            for link in panel.get("links", []):
                assert link["url"] == f"${{runbooks}}/{link['title']}.md"
                assert (RUNBOOKS / f"{link['title']}.md").is_file()
                linked.add(link["title"])
    assert linked == set(alerts())


def test_the_desk_sees_money_fills_and_refusals_by_reason() -> None:
    asked = " ".join(query for place, query in panels() if place.startswith("oms-desk: "))
    for metric in (
        "oms_core_gross_cost_dollars", "oms_core_reserved_dollars", "oms_adapter_filled_shares_total",
        "oms_adapter_sent_shares_total", "sum by (code) (increase(oms_core_denials_total",
        "oms_adapter_rejects_total", "oms_adapter_gate_refusals_total",
    ):  # fmt: skip
        assert metric in asked
