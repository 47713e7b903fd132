"""Every query of deploy/ on a real Prometheus that scrapes a running stack."""

import contextlib
import json
import math
import re
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from oms_tools.doctor.command import HEALTH_PORTS
from oms_tools.laptop.layout import Layout
from oms_tools.laptop.parts import postgres_dsn
from tests.conftest import database_folder
from tests.observability.tools import ROOT, Prometheus, panels, prometheus, selectors
from tests.patience import EVENTUALLY_S
from tests.ports import free_port
from tests.span_collector import SpanCollector
from tests.stack_rig import StackRig, free_base_port

RATE, FLOW_S = 30, 60
JUDGE = "oms-judge"


@pytest.fixture(scope="module")
def collector() -> Iterator[SpanCollector]:
    collector = SpanCollector()
    yield collector
    collector.close()


@pytest.fixture(scope="module")
def rig(collector: SpanCollector) -> Iterator[StackRig]:
    """A running stack with orders going through it and the judge watching it; every fifth order is traced."""
    with database_folder() as folder:
        rig = StackRig(
            layout=Layout(data=folder, base_port=free_base_port()),
            kafka="memory",
            environment={"OMS_TRACE_ENDPOINT": collector.endpoint, "OMS_TRACE_RATIO": "0.2"},
        )
        rig.up()
        with contextlib.closing(psycopg.connect(postgres_dsn(rig.layout.port("postgres")))) as connection:
            # No order is of it: a market that closes, as all but the demo's do, with sessions that run out.
            connection.execute("UPDATE instruments SET calendar_id = 'XNYS' WHERE symbol = 'PENY'")
            connection.commit()
        flow = rig.start_bench(RATE, FLOW_S)
        try:
            yield rig
        finally:
            flow.stop()
            rig.down()


@pytest.fixture(scope="module")
def watched(rig: StackRig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that scrapes every process of the stack, and the judge."""
    folder, judge_port = tmp_path_factory.mktemp("prometheus"), free_port()
    targets = {job(name): f"127.0.0.1:{rig.layout.port(port)}" for name, port in HEALTH_PORTS.items()}
    targets[JUDGE] = f"127.0.0.1:{judge_port}"
    options = ("verify", "--every", "5", "--settle", "10", "--metrics-port", str(judge_port))
    with subprocess.Popen(rig.command(*options), stdout=subprocess.DEVNULL) as judge:
        try:
            with prometheus(folder, targets) as running:
                yield running
        finally:
            judge.terminate()


def job(name: str) -> str:
    """Return a process's job in Prometheus; alerts look for jobs with oms- in their name"""
    return name if name.startswith("oms-") else f"oms-{name}"


def unanswered(
    running: Prometheus, questions: dict[str, str], timeout_s: float = EVENTUALLY_S
) -> dict[str, str]:
    """Ask until every question has an answer with a number in it. Returns those that got none."""
    left = dict(questions)
    deadline = time.monotonic() + timeout_s
    while left and time.monotonic() < deadline:
        left = {
            place: expression
            for place, expression in left.items()
            if not any(math.isfinite(value) for value in running.values(expression))
        }
        if left:
            time.sleep(1.0)
    return left


def rules_of(running: Prometheus, kind: str) -> list[dict[str, Any]]:
    """Return the rules that Prometheus has loaded."""
    return [rule for group in running.get("rules", type=kind)["groups"] for rule in group["rules"]]


def test_every_query_of_every_dashboard_gives_numbers(watched: Prometheus) -> None:
    questions = {f"{place} {number}": query for number, (place, query) in enumerate(panels())}
    assert len(questions) > 100
    assert unanswered(watched, questions) == {}


def test_every_rule_is_healthy_and_every_series_it_names_exists(watched: Prometheus) -> None:
    alerts, records = rules_of(watched, "alert"), rules_of(watched, "record")
    assert alerts and records
    named = {
        f"{rule['name']} {selector}": selector
        for rule in (*alerts, *records)
        for selector in selectors(rule["query"])
    }
    assert unanswered(watched, named) == {}
    assert unanswered(watched, {rule["name"]: rule["name"] for rule in records}) == {}
    ill = {
        rule["name"]: rule.get("lastError") for rule in rules_of(watched, "alert") if rule["health"] == "err"
    }
    assert ill == {}


def test_a_query_of_what_does_not_exist_is_found_out(watched: Prometheus) -> None:
    wrong = {"renamed": "rate(oms_core_orders_total[5m])", "a label": 'oms_adapter_fix_session_up{venue="?"}'}
    assert unanswered(watched, wrong, timeout_s=2.0) == wrong


def test_a_hop_that_leads_to_traces_leads_to_those_that_the_collector_has(
    watched: Prometheus, collector: SpanCollector
) -> None:
    query = next(
        query
        for place, query in panels()
        if place.startswith("oms-latency") and '_bucket{hop="ack"}' in query
    )
    found: set[str] = set()
    deadline = time.monotonic() + EVENTUALLY_S
    while not found and time.monotonic() < deadline:
        now = time.time()
        answer = watched.get("query_exemplars", query=query, start=str(now - 600), end=str(now))
        found = {each["labels"]["trace_id"] for series in answer for each in series["exemplars"]}
        time.sleep(0.5)
    assert found
    for trace_id in found:
        assert collector.of_trace(trace_id, "SubmitOrder"), trace_id


def test_a_stack_that_is_well_raises_no_page(watched: Prometheus) -> None:
    firing = watched.get("query", query='ALERTS{alertstate="firing", severity="page"}')["result"]
    assert [alert["metric"] for alert in firing] == []


def test_the_doctor_finds_a_running_stack_well(rig: StackRig) -> None:
    result = rig.oms("doctor", "--json")
    assert result.returncode == 0, result.stdout + result.stderr
    assert json.loads(result.stdout)["well"] is True


def test_compose_scrapes_every_process_under_these_jobs() -> None:
    text = (ROOT / "deploy" / "compose" / "prometheus.yaml").read_text()
    jobs = set(re.findall(r"job_name: (oms-[\w-]+)", text))
    assert jobs == {job(name) for name in HEALTH_PORTS} | {JUDGE}
