"""The laptop stack: its programs, their order and their settings. `python -m` runs its supervisor."""

import os
import secrets
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, Final

import click
import psycopg

from oms_platform.clock import utc_now
from oms_platform.fix.clients import ClientSettings, hash_password
from oms_platform.fix_client_rows import add_client, read_client
from oms_platform.schema.demo_data import seed
from oms_platform.schema.migrate import migrate
from oms_tools.laptop.apache_kafka import apache_kafka_part
from oms_tools.laptop.layout import (
    ISSUER_AUDIENCE,
    MEMORY_PARTITIONS,
    PAGE_CLIENT_ID,
    PORTS,
    Layout,
    StackError,
    read_state,
    stack_kafka,
    venue_address,
    write_state,
)
from oms_tools.laptop.outages import Outages
from oms_tools.laptop.parts import (
    Part,
    PartFailedError,
    ensure_database,
    memory_kafka_part,
    postgres_dsn,
    postgres_part,
    redis_part,
)
from oms_tools.laptop.supervisor import POLL_S, Program, Supervisor

_PROBE_TIMEOUT_S: Final = 1.0
CHAOS_PASSWORD: Final = "OMS_API_CHAOS_PASSWORD"  # noqa: S105  (its name)
CHAOS_PASSWORD_BYTES: Final = 32
# The laptop's FIX client, with a password that everybody knows: no other profile has it.
DEMO_FIX_CLIENT: Final = ClientSettings(
    comp_id="DEMO", username="demo", accounts=("ACC-INST-001", "ACC-INST-002")
)
DEMO_FIX_PASSWORD: Final = "demo-password"  # noqa: S105


def http_ready(url: str) -> Callable[[], bool]:
    """Return a probe of a readiness page."""

    def ready() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=_PROBE_TIMEOUT_S) as answer:  # noqa: S310  (loopback)
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    return ready


def seed_fix_client(dsn: str) -> None:
    """Store the laptop's FIX client if it is not there."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        if read_client(connection, DEMO_FIX_CLIENT.comp_id) is None:
            add_client(connection, DEMO_FIX_CLIENT, hash_password(DEMO_FIX_PASSWORD), "oms up")


def _from_part(part: Part) -> Program:
    return Program(
        name=part.name,
        command=part.command,
        ready=part.ready,
        user=part.user,
        stop_signal=part.stop_signal,
    )


class Stack:
    """Builds the programs of one layout. kafka: "memory", "apache" or a broker's address.

    venues: HOST:PORT of FIX venues that run elsewhere, empty for the broker simulator. chaos: with the door
    through which the desk page breaks things on purpose; nobody but this stack's gateway knows its password.
    """

    def __init__(
        self, layout: Layout, kafka: str, log_level: str = "INFO", venues: str = "", *, chaos: bool = False
    ) -> None:
        self.layout = layout
        self.kafka = kafka
        self.venues = venues
        self.chaos = chaos
        self._log_level = log_level
        self._chaos_password = secrets.token_urlsafe(CHAOS_PASSWORD_BYTES)

    @property
    def ports_needed(self) -> list[str]:
        """The names of the ports that this stack listens on itself."""
        left_out = [] if self.kafka == "apache" else ["kafka_controller"]
        if self.kafka not in ("apache", "memory"):
            left_out.append("kafka")
        if self.venues:
            left_out += ["broker_fix", "broker_health"]
        if not self.chaos:
            left_out.append("chaos")
        return [name for name, _ in PORTS if name not in left_out]

    def infrastructure(self) -> list[Program]:
        """Return the databases, the broker and the issuer."""
        layout = self.layout
        programs = [
            _from_part(postgres_part(layout.data / "postgres", layout.port("postgres"))),
            _from_part(redis_part(layout.data / "redis", layout.port("redis"))),
            Program(
                name="dev-issuer",
                command=[
                    sys.executable, "-m", "oms_tools.laptop.dev_issuer",
                    "--port", str(layout.port("issuer")), "--data", str(layout.data / "issuer"),
                ],
                ready=http_ready(f"{layout.issuer_url}/health/ready"),
            ),
        ]  # fmt: skip
        if self.kafka == "memory":
            programs.append(_from_part(memory_kafka_part(layout.port("kafka"), MEMORY_PARTITIONS)))
        elif self.kafka == "apache":
            ports = layout.port("kafka"), layout.port("kafka_controller")
            programs.append(_from_part(apache_kafka_part(layout.data / "kafka", *ports)))
        return programs

    def simulators(self) -> list[Program]:
        """Return the simulators: market data, and the broker unless venues run elsewhere."""
        programs = [self._service("market-data", ["simulators.market_data"], "market_data_health")]
        if not self.venues:
            programs.append(self._service("broker", ["simulators.broker"], "broker_health"))
        return programs

    def services(self) -> list[Program]:
        """Return the services' processes."""
        return [
            self._service("oms-core", ["oms_core"], "core_health"),
            self._service("sor-engine", ["sor_engine"], "sor_health"),
            self._service("scorekeeper", ["sor_engine", "scorekeeper"], "scorekeeper_health"),
            self._service("sor-answers", ["sor_engine", "answer"], "answers_health"),
            self._service("execution-adapter", ["execution_adapter"], "adapter_health"),
            self._service("oms-api", ["oms_api"], "api_http"),
            *self._door_of_chaos(),
        ]

    def _door_of_chaos(self) -> list[Program]:
        """Return the process through which things are broken on purpose, of a stack that has it."""
        if not self.chaos:
            return []
        place = ["--data", str(self.layout.data), "--port", str(self.layout.base_port)]
        port = self.layout.port("chaos")
        return [
            Program(
                name="chaos",
                command=[sys.executable, "-m", "oms_tools.chaos", *place],
                ready=http_ready(f"http://127.0.0.1:{port}/health/ready"),
                environment=self.environment,
            )
        ]

    def _chaos_environment(self) -> Mapping[str, str]:
        if not self.chaos:
            return {}
        port = self.layout.port("chaos")
        return {"OMS_API_CHAOS_URL": f"http://127.0.0.1:{port}", CHAOS_PASSWORD: self._chaos_password}

    def _service(self, name: str, module: list[str], health_port: str) -> Program:
        return Program(
            name=name,
            command=[sys.executable, "-m", *module],
            ready=http_ready(f"http://127.0.0.1:{self.layout.port(health_port)}/health/ready"),
            environment=self.environment,
        )

    def environment(self) -> Mapping[str, str]:
        """Return every service's settings."""
        layout = self.layout
        kafka = stack_kafka(layout, self.kafka)
        venues_host, venues_port = venue_address(self.venues or f"127.0.0.1:{layout.port('broker_fix')}")
        ports = {
            "OMS_API_HTTP_PORT": "api_http",
            "OMS_API_GRPC_PORT": "api_grpc",
            "OMS_API_FIX_PORT": "api_fix",
            "OMS_API_HEALTH_PORT": "api_health",
            "OMS_CORE_HEALTH_PORT": "core_health",
            "OMS_CORE_GRPC_PORT": "core_grpc",
            "OMS_SOR_HEALTH_PORT": "sor_health",
            "OMS_SOR_ANSWERS_HEALTH_PORT": "answers_health",
            "OMS_SOR_ANSWERS_GRPC_PORT": "answers_grpc",
            "OMS_SOR_SCOREKEEPER_HEALTH_PORT": "scorekeeper_health",
            "OMS_API_SOR_PORT": "answers_grpc",
            "OMS_API_CORE_PORT": "core_grpc",
            "OMS_ADAPTER_HEALTH_PORT": "adapter_health",
            "OMS_MARKETDATA_SIM_GRPC_PORT": "market_data_grpc",
            "OMS_MARKETDATA_SIM_HEALTH_PORT": "market_data_health",
            "OMS_MARKET_DATA_PORT": "market_data_grpc",
            "OMS_BROKER_SIM_FIX_PORT": "broker_fix",
            "OMS_BROKER_SIM_HEALTH_PORT": "broker_health",
            "OMS_BROKER_SIM_CONTROL_PORT": "broker_control",
        }
        return {name: str(layout.port(port)) for name, port in ports.items()} | {
            "OMS_POSTGRES_DSN": postgres_dsn(layout.port("postgres")),
            "OMS_REDIS_URL": f"redis://127.0.0.1:{layout.port('redis')}/0",
            "OMS_KAFKA_BOOTSTRAP": kafka.bootstrap,
            "OMS_KAFKA_FETCH_WAIT_MS": str(kafka.fetch_wait_ms),
            "OMS_KAFKA_PARTITIONS": str(kafka.partitions),
            "OMS_MARKET_DATA_HOST": "127.0.0.1",
            "OMS_API_OIDC_ISSUER": layout.issuer_url,
            "OMS_API_OIDC_AUDIENCE": ISSUER_AUDIENCE,
            "OMS_API_PAGE_CLIENT_ID": PAGE_CLIENT_ID,
            "OMS_ADAPTER_FIX_HOST": venues_host,
            "OMS_ADAPTER_FIX_PORT": str(venues_port),
            "OMS_BROKER_SIM_DATA": str(layout.data / "broker"),
            "OMS_LOG_LEVEL": self._log_level,
            **self._chaos_environment(),
        }


def _state_of(stack: Stack, phase: str, supervisor: Supervisor, pid: int) -> dict[str, Any]:
    programs = {
        name: {
            "pid": running.process.pid if running.process is not None else None,
            "ready": running.ready,
            "restarts": running.restarts,
            "last_exit": running.last_exit,
        }
        for name, running in supervisor.programs.items()
    }
    return {
        "pid": pid,
        "base_port": stack.layout.base_port,
        "kafka": stack.kafka,
        "venues": stack.venues,
        "chaos": stack.chaos,
        "phase": phase,
        "programs": programs,
    }


def run_stack(stack: Stack, pid: int) -> int:
    """Start the stack, tend it until SIGTERM or SIGINT, stop it. Returns the process's exit code."""
    layout = stack.layout
    asked = False
    phase = "starting"

    def ask_stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = True

    signal.signal(signal.SIGTERM, ask_stop)
    signal.signal(signal.SIGINT, ask_stop)

    def changed(supervisor: Supervisor) -> None:
        write_state(layout, _state_of(stack, phase, supervisor, pid))

    supervisor = Supervisor(logs=layout.logs, on_change=changed)
    layout.make_folders()
    if stack.chaos:
        layout.outage_file.unlink(missing_ok=True)
        supervisor.is_down = Outages(layout.outage_file).is_down
    try:
        supervisor.start(stack.infrastructure(), lambda: asked)
        if not asked:
            ensure_database(layout.port("postgres"))
            dsn = postgres_dsn(layout.port("postgres"))
            migrate(dsn, utc_now())
            seed(dsn)
            seed_fix_client(dsn)
        for programs in (stack.simulators, stack.services):
            if not asked:
                supervisor.start(programs(), lambda: asked)
        phase = "running"
        changed(supervisor)
        while not asked:
            supervisor.tend()
            time.sleep(POLL_S)
    except PartFailedError as error:
        phase = f"failed: {error}"
        changed(supervisor)
        return 1
    finally:
        if not phase.startswith("failed"):
            phase = "stopping"
        supervisor.stop()
        if not phase.startswith("failed"):
            layout.state_file.unlink(missing_ok=True)
    return 0


def check_can_start(stack: Stack) -> None:
    """Raise StackError if a stack runs in this folder already, or a port is taken."""
    if read_state(stack.layout.data) is not None:
        raise StackError(f"a stack runs in {stack.layout.data} already; stop it with `oms down`")
    taken = stack.layout.taken_ports(stack.ports_needed)
    if taken:
        raise StackError(f"ports are taken: {', '.join(taken)}; choose others with --port")


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True)
@click.option("--port", type=int, required=True)
@click.option("--kafka", required=True)
@click.option("--venues", default="")
@click.option("--chaos", is_flag=True)
def main(data: Path, port: int, kafka: str, venues: str, chaos: bool) -> None:
    """Supervise the laptop stack until SIGTERM."""
    layout = Layout(data=data, base_port=port)
    sys.exit(run_stack(Stack(layout, kafka, venues=venues, chaos=chaos), os.getpid()))


if __name__ == "__main__":
    main()
