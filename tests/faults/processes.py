"""Every service as a real process that is given what a test says, and what it says of itself."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.api_rig import call
from tests.ports import free_port

STOP_S_MAX = 20.0


@dataclass(frozen=True)
class Service:
    """How a service is started. prefix: of its own settings. port: the variable of its health port."""

    arguments: tuple[str, ...]
    prefix: str
    port: str


SERVICES = {
    "oms-api": Service(("oms_api",), "OMS_API_", "OMS_API_HEALTH_PORT"),
    "oms-core": Service(("oms_core",), "OMS_CORE_", "OMS_CORE_HEALTH_PORT"),
    "sor": Service(("sor_engine",), "OMS_SOR_", "OMS_SOR_HEALTH_PORT"),
    "sor-scorekeeper": Service(("sor_engine", "scorekeeper"), "OMS_SOR_", "OMS_SOR_SCOREKEEPER_HEALTH_PORT"),
    "sor-answers": Service(("sor_engine", "answer"), "OMS_SOR_", "OMS_SOR_ANSWERS_HEALTH_PORT"),
    "adapter": Service(("execution_adapter",), "OMS_ADAPTER_", "OMS_ADAPTER_HEALTH_PORT"),
    "market-data-simulator": Service(
        ("simulators.market_data",), "OMS_MARKETDATA_SIM_", "OMS_MARKETDATA_SIM_HEALTH_PORT"
    ),
    "broker-simulator": Service(("simulators.broker",), "OMS_BROKER_SIM_", "OMS_BROKER_SIM_HEALTH_PORT"),
}
SIMULATORS = ("market-data-simulator", "broker-simulator")
REAL = tuple(name for name in SERVICES if name not in SIMULATORS)
# Those that stand on Kafka.
ON_KAFKA = tuple(name for name in REAL if name != "sor-answers")


def environment(folder: Path, dsn: str, kafka: str, redis_port: int = 1) -> dict[str, str]:
    """Return a whole set of settings of all services; where nobody listens it names port 1."""
    ports = {
        variable: str(free_port())
        for variable in (
            *(service.port for service in SERVICES.values()),
            "OMS_API_HTTP_PORT",
            "OMS_API_GRPC_PORT",
            "OMS_CORE_GRPC_PORT",
            "OMS_SOR_ANSWERS_GRPC_PORT",
            "OMS_BROKER_SIM_FIX_PORT",
            "OMS_MARKETDATA_SIM_GRPC_PORT",
        )
    }
    return ports | {
        "OMS_POSTGRES_DSN": dsn,
        "OMS_KAFKA_BOOTSTRAP": kafka,
        "OMS_REDIS_URL": f"redis://127.0.0.1:{redis_port}/0",
        "OMS_API_OIDC_ISSUER": "http://127.0.0.1:1",
        "OMS_API_SOR_PORT": ports["OMS_SOR_ANSWERS_GRPC_PORT"],
        "OMS_API_CORE_PORT": ports["OMS_CORE_GRPC_PORT"],
        "OMS_MARKET_DATA_HOST": "127.0.0.1",
        "OMS_MARKET_DATA_PORT": ports["OMS_MARKETDATA_SIM_GRPC_PORT"],
        "OMS_ADAPTER_FIX_HOST": "127.0.0.1",
        "OMS_ADAPTER_FIX_PORT": ports["OMS_BROKER_SIM_FIX_PORT"],
        "OMS_BROKER_SIM_DATA": str(folder / "broker"),
    }


@dataclass
class Running:
    """A service's process."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def problems(self) -> dict[str, str]:
        """Return what readiness names; "door" while nobody answers."""
        try:
            reply = call(self.port, "GET", "/health/ready")
        except OSError:
            return {"door": "closed"}
        found: dict[str, str] = reply.json["problems"]
        assert (reply.status == 200) == (not found), (reply.status, found)
        return found

    @property
    def ready(self) -> bool:
        return not self.problems()

    def metric(self, line: str) -> float:
        """Return the value of a metric; 0 when it is not there."""
        for found in call(self.port, "GET", "/metrics").body.decode().splitlines():
            if found.startswith(f"{line} "):
                return float(found.split()[1])
        return 0.0

    def events(self) -> list[dict[str, Any]]:
        """Return the lines of its log that are JSON."""
        found = []
        for line in self.log.read_text(errors="replace").splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                found.append(json.loads(line))
        return [event for event in found if isinstance(event, dict)]

    def said(self, event: str) -> dict[str, Any]:
        """Return the last line of the log with this event; empty when there is none."""
        return next((found for found in reversed(self.events()) if found.get("event") == event), {})

    def stop(self) -> int:
        """Ask it to stop. Returns its exit code."""
        self.process.terminate()
        return self.process.wait(STOP_S_MAX)


@contextlib.contextmanager
def service(name: str, settings: Mapping[str, str], folder: Path) -> Iterator[Running]:
    """Run one service until the block ends."""
    found = SERVICES[name]
    command = ["-m", *found.arguments]
    log = folder / f"{name}.log"
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("OMS_")}
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *command],
            env=inherited | dict(settings),
            stdout=output,
            stderr=output,
        )
    try:
        yield Running(process, int(settings.get(found.port) or 0), log)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_S_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
