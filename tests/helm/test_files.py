"""What the chart carries along: copies that equal their originals, and the question that `helm test` asks."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.helm.chart import CHART, containers, find, of_kind, rendered
from tests.helm.chart_files import FILES, copies, found

RUNBOOKS_OF_EXAMPLE = "https://runbooks.example.com/oms-sor"

pytestmark = pytest.mark.timeout(900)


def test_the_charts_copies_equal_their_originals() -> None:
    wanted, there = copies(), found()
    wrong = sorted(
        str(path.relative_to(FILES))
        for path in wanted.keys() | there.keys()
        if wanted.get(path) != there.get(path)
    )
    assert wrong == [], "make them anew: python -m tests.helm.chart_files"


def test_every_rule_file_and_dashboard_is_rendered_where_it_is_asked_for() -> None:
    manifests = rendered("prod")
    rules = {item["metadata"]["name"] for item in of_kind(manifests, "PrometheusRule")}
    assert rules == {f"oms-{_stem(path)}" for path in (FILES / "prometheus").glob("*.rules.yaml")}
    boards = [
        item for item in of_kind(manifests, "ConfigMap") if "grafana_dashboard" in item["metadata"]["labels"]
    ]
    written = {name: text for board in boards for name, text in board["data"].items()}
    base = f'"{RUNBOOKS_OF_EXAMPLE}"'
    assert written == {
        p.name: p.read_text().rstrip("\n").replace('"/public/runbooks"', base)
        for p in (FILES / "grafana").glob("*.json")
    }
    assert of_kind(rendered("dev"), "PrometheusRule", "ServiceMonitor") == []


def test_every_rendered_alert_links_to_its_page_where_the_values_say_that_pages_are() -> None:
    rules = [
        rule
        for item in of_kind(rendered("prod"), "PrometheusRule")
        for group in item["spec"]["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]
    assert rules
    for rule in rules:
        assert rule["annotations"]["runbook_url"] == f"{RUNBOOKS_OF_EXAMPLE}/{rule['alert']}.md"


def test_the_job_that_rules_look_for_is_the_one_that_is_scraped_under_any_releases_name() -> None:
    monitor = find(rendered("prod"), "ServiceMonitor", "oms")
    for endpoint in monitor["spec"]["endpoints"]:
        (named,) = [entry for entry in endpoint["relabelings"] if entry.get("targetLabel") == "job"]
        assert named["replacement"] == "oms-$1"
    for rule in of_kind(rendered("prod"), "PrometheusRule"):
        for pattern in re.findall(r'job=~"([^"]*)"', str(rule["spec"])):
            assert re.fullmatch(pattern, "oms-core"), rule["metadata"]["name"]


def _stem(path: Path) -> str:
    return path.name.removesuffix(".rules.yaml")


@contextmanager
def _answering(pages: dict[str, int]) -> Iterator[str]:
    """Answer every page with its status until the block ends. Yields the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(pages.get(self.path, 404))
            self.end_headers()
            self.wfile.write(b'{"status":"as asked"}')

        def log_message(self, *_args: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def _ask(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", (CHART / "files" / "ready.py").read_text(), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


READY = {"/health/ready": 200, "/api/v1/orders": 401}


def test_helm_test_is_content_when_all_are_ready_and_the_gateway_wants_a_token() -> None:
    with _answering(READY) as gateway, _answering({"/health/ready": 200}) as core:
        result = _ask("0", gateway, core)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count("fine: ") == 3


def test_helm_test_names_who_is_not_ready() -> None:
    with _answering(READY) as gateway, _answering({"/health/ready": 503}) as core:
        result = _ask("0", gateway, core, "http://127.0.0.1:1")
    assert result.returncode == 1
    assert f"wrong: {core}/health/ready 503" in result.stdout
    assert "wrong: http://127.0.0.1:1/health/ready 0" in result.stdout


def test_helm_test_finds_a_gateway_that_asks_for_no_token() -> None:
    with _answering({"/health/ready": 200, "/api/v1/orders": 200}) as gateway:
        result = _ask("0", gateway)
    assert result.returncode == 1 and "wrong" in result.stdout


def test_helm_test_asks_every_service_that_is_there() -> None:
    for place, services in (("prod", 6), ("dev", 8)):
        pod = find(rendered(place), "Pod", "oms-test")
        (container,) = containers(pod)
        assert container["args"][2] == "http://oms-api:8080"
        asked = {url.removeprefix("http://").split(":")[0] for url in container["args"][2:]}
        assert len(asked) == services
        assert asked <= {service["metadata"]["name"] for service in of_kind(rendered(place), "Service")}
