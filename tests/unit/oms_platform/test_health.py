"""Health over HTTP: alive at once, ready when started and every check is fine, problems by name."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.client import HTTPResponse

import pytest

from oms_platform.health import Health, serve_health

Get = Callable[[str], tuple[int, str]]


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
def get(health: Health) -> Iterator[Get]:
    server = serve_health(health, 0)

    def ask(path: str) -> tuple[int, str]:
        try:
            answer: HTTPResponse = urllib.request.urlopen(
                f"http://127.0.0.1:{server.server_port}{path}", timeout=5
            )
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        with answer:
            return answer.status, answer.read().decode()

    yield ask
    server.shutdown()
    server.server_close()


def test_a_service_is_alive_before_it_is_ready(get: Get) -> None:
    assert get("/health/live") == (200, '{"status":"UP"}')
    status, body = get("/health/ready")
    assert status == 503
    assert json.loads(body) == {"status": "DOWN", "problems": {"startup": "still starting"}}


def test_it_is_ready_when_started_and_every_check_is_fine(health: Health, get: Get) -> None:
    health.add("postgres", lambda: None)
    health.set_started(True)
    for path in ("/health/ready", "/actuator/health"):
        assert get(path) == (200, '{"status":"UP","problems":{}}')


def test_each_problem_is_named_and_goes_when_it_is_solved(health: Health, get: Get) -> None:
    problem: str | None = "away for 3 s"
    health.set_started(True)
    health.add("kafka", lambda: problem)
    health.add("postgres", lambda: None)
    status, body = get("/health/ready")
    assert (status, json.loads(body)["problems"]) == (503, {"kafka": "away for 3 s"})
    problem = None
    assert get("/health/ready")[0] == 200
    health.add("kafka", lambda: "replaced")
    assert json.loads(get("/health/ready")[1])["problems"] == {"kafka": "replaced"}


def test_metrics_are_in_the_format_of_prometheus_under_both_names(get: Get) -> None:
    for path in ("/metrics", "/actuator/prometheus"):
        status, body = get(path)
        assert status == 200
        assert "# TYPE oms_worker_restarts_total counter" in body or "# TYPE python_info gauge" in body


def test_any_other_page_is_not_found(get: Get) -> None:
    status, body = get("/etc/passwd")
    assert (status, json.loads(body)["error"]["code"]) == (404, "NOT_FOUND")
