"""Health and metrics over HTTP for services without a web layer, in the one shape that all answer with."""

import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import msgspec

from oms_platform.errors import ConfigurationError
from oms_platform.telemetry.metrics import metrics_page
from oms_platform.telemetry.metrics import ready as ready_gauge

LIVE_PATHS: Final = ("/health/live",)
READY_PATHS: Final = ("/health/ready", "/actuator/health")
METRICS_PATHS: Final = ("/metrics", "/actuator/prometheus")

# Returns None when fine, or what is wrong.
Check = Callable[[], str | None]


class Health:
    """A service's readiness: each named check is fine or says what is wrong."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}
        self._started = False
        self._awaited = ("startup", "still starting")
        ready_gauge.set_function(lambda: float(self.report()[0]))

    def add(self, name: str, check: Check) -> None:
        """Add a readiness check, or replace the one of that name."""
        self._checks[name] = check

    def set_started(self, started: bool) -> None:
        """Say whether the service has finished its start-up path."""
        self._started = started
        if started:
            self._awaited = ("startup", "still starting")

    def note_awaited(self, dependency: str, reason: str) -> None:
        """Note what the start-up path waits for: the service is not ready until it is through."""
        self._started = False
        self._awaited = (dependency, reason)

    def report(self) -> tuple[bool, Mapping[str, object]]:
        """Return whether the service is ready, and the answer's body."""
        problems = {
            name: problem for name, check in list(self._checks.items()) if (problem := check()) is not None
        }
        if not self._started:
            dependency, reason = self._awaited
            problems[dependency] = reason
        return not problems, {"status": "DOWN" if problems else "UP", "problems": problems}


def serve_health(health: Health, port: int, host: str = "127.0.0.1") -> ThreadingHTTPServer:
    """Answer health and metrics on `port` from a daemon thread. Returns the server; `shutdown()` ends it.

    Raises ConfigurationError when the port cannot be had.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path in LIVE_PATHS:
                self._answer(200, b'{"status":"UP"}', "application/json")
            elif self.path in READY_PATHS:
                ready, body = health.report()
                self._answer(200 if ready else 503, msgspec.json.encode(body), "application/json")
            elif self.path in METRICS_PATHS:
                self._answer(200, *metrics_page(self.headers.get("Accept", "")))
            else:
                self._answer(
                    404, b'{"error":{"code":"NOT_FOUND","message":"no such page"}}', "application/json"
                )

        def _answer(self, status: int, body: bytes, content_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: Any) -> None:
            """Leave requests out of the log."""

    try:
        server = ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        raise ConfigurationError(f"health port {port} on {host}: {error}") from error
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server
