"""Where the laptop stack keeps things: its folder, its ports, and the state file that says what runs."""

import json
import os
import site
import socket
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil

if TYPE_CHECKING:
    from oms_platform.kafka.settings import KafkaSettings

DEFAULT_DATA: Final = Path(".oms")
DATA_VARIABLE: Final = "OMS_DATA"
DEFAULT_PORT: Final = 8080
PORT_MAX: Final = 65_535
STATE_NAME: Final = "stack.json"
OUTAGE_NAME: Final = "outage.json"
ISSUER_AUDIENCE: Final = "oms-api"
PAGE_CLIENT_ID: Final = "oms-web"
# One instance of each service reads everything, and in memory a topic's every partition costs requests.
MEMORY_PARTITIONS: Final = 1
MEMORY_FETCH_WAIT_MS: Final = 500
FETCH_WAIT_MS: Final = 100
# The folder of oms_tools and of the services.
_PACKAGES: Final = Path(__file__).resolve().parents[2]
# What is in the data folder: a folder for each program that keeps something.
FOLDERS: Final = ("logs", "postgres", "redis", "issuer", "broker", "kafka")
PRIVATE_MODE: Final = 0o700
# Each port's place above the base port, and what listens there.
PORTS: Final = (
    ("api_http", "oms-api REST and WebSocket"),
    ("api_grpc", "oms-api gRPC"),
    ("core_health", "oms-core health"),
    ("core_grpc", "oms-core gRPC"),
    ("sor_health", "sor-engine health"),
    ("adapter_health", "execution-adapter health"),
    ("market_data_grpc", "market data simulator gRPC"),
    ("market_data_health", "market data simulator health"),
    ("broker_fix", "broker simulator FIX"),
    ("broker_health", "broker simulator health"),
    ("issuer", "dev OIDC issuer"),
    ("postgres", "PostgreSQL"),
    ("redis", "Redis"),
    ("kafka", "Kafka"),
    ("kafka_controller", "Apache Kafka controller"),
    ("answers_grpc", "sor-answers gRPC"),
    ("scorekeeper_health", "scorekeeper health"),
    ("broker_control", "broker simulator control"),
    ("api_fix", "oms-api FIX"),
    ("answers_health", "sor-answers health"),
    ("api_health", "oms-api health"),
    ("chaos", "chaos door"),
)


class StackError(RuntimeError):
    """The stack cannot be started or reached; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One stack's folder and ports."""

    data: Path
    base_port: int

    def make_folders(self) -> None:
        """Make every program's folder, closed to others on this machine: orders and executions are there."""
        for name in FOLDERS:
            folder = self.data / name
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(PRIVATE_MODE)

    def port(self, name: str) -> int:
        """Return the port of a listener in PORTS."""
        for place, (known, _) in enumerate(PORTS):
            if known == name:
                return self.base_port + place
        raise KeyError(name)

    @property
    def logs(self) -> Path:
        """The folder of every process's log."""
        return self.data / "logs"

    @property
    def state_file(self) -> Path:
        """What the supervisor says of itself and its programs."""
        return self.data / STATE_NAME

    @property
    def outage_file(self) -> Path:
        """Which program is kept down on purpose."""
        return self.data / OUTAGE_NAME

    @property
    def api_url(self) -> str:
        """The address of the REST API."""
        return f"http://127.0.0.1:{self.port('api_http')}"

    @property
    def issuer_url(self) -> str:
        """The address of the dev issuer."""
        return f"http://127.0.0.1:{self.port('issuer')}"

    def taken_ports(self, names: list[str]) -> list[str]:
        """Return "port (what wants it)" for each of these ports that somebody listens on already."""
        titles = dict(PORTS)
        taken = []
        for name in names:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", self.port(name)))
                except OSError:
                    taken.append(f"{self.port(name)} ({titles[name]})")
        return taken


def python_environment() -> dict[str, str]:
    """Return the variables with which a Python program runs the packages of this process.

    Nothing is imported from the folder that a program is started in (CWE-427): a file there may have a
    library's name. A relative entry of PYTHONPATH is such a folder too. The packages' own folder is named
    where Python does not find it by itself: in an editable install.
    """
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    named = [entry for entry in given if Path(entry).is_absolute()]
    if str(_PACKAGES) not in (*named, *site.getsitepackages(), site.getusersitepackages()):
        named.insert(0, str(_PACKAGES))
    return {"PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join(named)}


def write_state(layout: Layout, state: dict[str, Any]) -> None:
    """Replace the state file in one step."""
    partial = layout.state_file.with_suffix(".partial")
    partial.write_text(json.dumps(state, indent=1))
    partial.rename(layout.state_file)


def last_state(data: Path) -> dict[str, Any]:
    """Return what the supervisor of `data` said last, also when it is gone; empty if it never did."""
    try:
        state: dict[str, Any] = json.loads((data / STATE_NAME).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return state


def read_state(data: Path) -> dict[str, Any] | None:
    """Return the state of the stack in `data`, None when none runs there."""
    state = last_state(data)
    return state if state and is_alive(int(state["pid"])) else None


def running_layout(data: Path) -> tuple[Layout, dict[str, Any]]:
    """Return the layout and state of the running stack. Raises StackError when none runs there."""
    state = read_state(data)
    if state is None:
        raise StackError(
            f"no stack runs in {data}: name the folder of one that does with --data or {DATA_VARIABLE},"
            f" or start one with `oms up --data {data}`"
        )
    return Layout(data=data, base_port=int(state["base_port"])), state


def is_alive(pid: int) -> bool:
    """Return whether a process exists and is not a zombie."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def venue_address(text: str) -> tuple[str, int]:
    """Read HOST:PORT of FIX venues. Raises ValueError."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) <= PORT_MAX:
        raise ValueError(f"venues must be HOST:PORT, was {text!r}")
    return host, int(port)


def stack_kafka(layout: Layout, kafka: str) -> "KafkaSettings":
    """Return how to speak to the broker of a running stack. kafka: "memory", "apache" or an address."""
    # Imported here: with settings come database drivers, for which most commands should not wait.
    from oms_platform.kafka.settings import KafkaSettings, kafka_of_environment  # noqa: PLC0415

    own = f"127.0.0.1:{layout.port('kafka')}"
    if kafka == "memory":
        return KafkaSettings(bootstrap=own, partitions=MEMORY_PARTITIONS, fetch_wait_ms=MEMORY_FETCH_WAIT_MS)
    address = own if kafka == "apache" else kafka
    return replace(kafka_of_environment(address), fetch_wait_ms=FETCH_WAIT_MS)
