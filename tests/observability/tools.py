"""Prometheus for tests, and what deploy/ asks of it."""

import json
import re
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.patience import EVENTUALLY_S
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "deploy" / "prometheus").glob("*.rules.yaml"))
DASHBOARDS = sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json"))
_SELECTOR = re.compile(r"\b((?:oms_|oms:|process_|python_|up\b)[\w:]*)(\{[^}]*\})?")


def program(name: str) -> str:
    """Return where a program of Prometheus' package is; a test that needs it does not pass without."""
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"{name} is needed: apt-get install --no-install-recommends prometheus")
    return found


def selectors(expression: str) -> list[str]:
    """Return every metric that an expression names, with its matchers."""
    return [name + (matchers or "") for name, matchers in _SELECTOR.findall(expression)]


def panels() -> Iterator[tuple[str, str]]:
    """Yield each query of each dashboard, with where it stands."""
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                yield f"{path.stem}: {panel['title']}", target["expr"]


class Prometheus:
    """A running Prometheus."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    def get(self, path: str, **parameters: str) -> Any:
        """Return the data of an answer of its API."""
        url = f"{self._url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return json.load(answer)["data"]

    def values(self, expression: str) -> list[float]:
        """Evaluate an expression now."""
        found = self.get("query", query=expression)
        if found["resultType"] == "scalar":
            return [float(found["result"][1])]
        return [float(sample["value"][1]) for sample in found["result"]]

    def is_ready(self) -> bool:
        """Return whether it answers."""
        try:
            with urllib.request.urlopen(f"{self._url}/-/ready", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@contextmanager
def prometheus(folder: Path, targets: Mapping[str, str]) -> Iterator[Prometheus]:
    """Run a Prometheus with our rules that scrapes each job's target every second."""
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(path) for path in RULES],
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in targets.items()
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))
    port = free_port()
    command = [
        program("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--enable-feature=exemplar-storage",
    ]
    with (
        (folder / "prometheus.log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        try:
            running = Prometheus(port)
            deadline = time.monotonic() + EVENTUALLY_S
            while not running.is_ready():
                if process.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"Prometheus did not start:\n{(folder / 'prometheus.log').read_text()}")
                time.sleep(0.1)
            yield running
        finally:
            process.terminate()
