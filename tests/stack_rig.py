"""A whole stack for tests: started by the `oms` command, used through its public doors, killed at will."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from oms_tools.cli.client import ApiClient
from oms_tools.laptop.layout import PORTS, Layout, read_state
from oms_tools.laptop.parts import postgres_dsn, wait_until
from tests.ports import free_ports

START_TIMEOUT_S = 180.0
FLOWS_S_MAX = 60.0


def free_base_port() -> int:
    """Return a base port above which every port of a stack is free."""
    return free_ports(len(PORTS))


@dataclass(frozen=True, slots=True, kw_only=True)
class StackRig:
    """One stack in one folder."""

    layout: Layout
    kafka: str
    # What the stack's processes get beside their own settings.
    environment: Mapping[str, str] = field(default_factory=dict)
    # HOST:PORT of FIX venues of the test's own, empty for the broker simulator.
    venues: str = ""
    # With the door through which the page breaks things on purpose.
    chaos: bool = False

    def oms(self, *arguments: str, timeout_s: float = START_TIMEOUT_S) -> subprocess.CompletedProcess[str]:
        """Run an `oms` command on this stack."""
        return subprocess.run(
            self.command(*arguments),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            env=os.environ | self.environment,
        )

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of an `oms` command on this stack."""
        return [sys.executable, "-m", "oms_tools.cli.main", *arguments, "--data", str(self.layout.data)]

    def up(self) -> None:
        """Start the stack and wait until it is ready."""
        place = ("--port", str(self.layout.base_port), "--kafka", self.kafka, "--venues", self.venues)
        result = self.oms("up", "--detach", *place, *(["--chaos"] if self.chaos else []))
        if result.returncode:
            raise RuntimeError(f"oms up failed:\n{result.stdout}\n{result.stderr}\n{self.log_ends()}")

    def down(self) -> None:
        """Stop the stack."""
        self.oms("down")

    def log_ends(self) -> str:
        """Return the last lines of every log."""
        ends = []
        for log in sorted(self.layout.logs.glob("*.log")):
            ends.append(f"--- {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-8:]))
        return "\n".join(ends)

    def client(self, user: str = "desk") -> ApiClient:
        """Return a REST client that acts as a demo persona."""
        return ApiClient.of_stack(self.layout.data, user)

    def programs(self) -> dict[str, dict[str, Any]]:
        """Return what the supervisor says of every process."""
        state = read_state(self.layout.data)
        if state is None:
            raise RuntimeError("the stack does not run")
        programs: dict[str, dict[str, Any]] = state["programs"]
        return programs

    def program(self, name: str) -> dict[str, Any]:
        """Return what the supervisor says of one process."""
        return self.programs()[name]

    def kill(self, name: str) -> int:
        """End one process with -9. Returns its pid."""
        pid = int(self.program(name)["pid"])
        os.kill(pid, signal.SIGKILL)
        return pid

    def await_ready_again(self, name: str, killed_pid: int, timeout_s: float = 60.0) -> None:
        """Wait until the supervisor has a process back."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            program = self.program(name)
            if program["ready"] and program["pid"] not in (None, killed_pid):
                return
            time.sleep(0.1)
        raise RuntimeError(f"{name} was not ready again within {timeout_s} s\n{self.log_ends()}")

    def start_bench(self, rate: float, seconds: float, *more: str) -> "BenchRun":
        """Start a load in the background. more: options of `oms bench`."""
        return BenchRun(self, rate, seconds, more)

    def orders_stored(self) -> int:
        """Return how many orders there are."""
        dsn = postgres_dsn(self.layout.port("postgres"))
        with contextlib.closing(psycopg.connect(dsn, autocommit=True)) as connection:
            row = connection.execute("SELECT count(*) FROM order_keys").fetchone()
            return int(row[0]) if row else 0

    def verify(self, settle_s: float = 90.0) -> dict[str, Any]:
        """Hold every invariant. Returns the judge's report."""
        result = self.oms("verify", "--json", "--settle", str(settle_s))
        if not result.stdout.startswith("{"):
            raise RuntimeError(f"oms verify ended with {result.returncode}: {result.stdout}{result.stderr}")
        report: dict[str, Any] = json.loads(result.stdout)
        return report

    def wipe_kafka(self) -> None:
        """Stop everything at once, delete what Kafka holds, and start again."""
        state = read_state(self.layout.data)
        if state is None:
            raise RuntimeError("the stack does not run")
        self.down()
        shutil.rmtree(self.layout.data / "kafka", ignore_errors=True)
        self.up()


# How long a load may take to see its last orders end.
AFTER_LOAD_S_MAX = 300.0


class BenchRun:
    """A load in the background: its figures and what it says go to files in the stack's folder."""

    def __init__(self, rig: StackRig, rate: float, seconds: float, more: Sequence[str]) -> None:
        self._rig, self._rate, self._seconds = rig, rate, seconds
        self._report = rig.layout.data / "bench.json"
        self._log = rig.layout.data / "bench.log"
        self._report.unlink(missing_ok=True)
        self._stored_before = rig.orders_stored()
        options = ("--rate", str(rate), "--seconds", str(seconds), "--json", str(self._report), *more)
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(rig.command("bench", *options), stdout=log, stderr=log)

    def await_part(self, share: float) -> None:
        """Wait until so great a part of the orders is stored. Raises PartFailedError."""
        wanted = self._stored_before + self._rate * self._seconds * share
        wait_until(
            lambda: self.process.poll() is not None or self._rig.orders_stored() >= wanted,
            f"{share:.0%} of the load",
            FLOWS_S_MAX + self._seconds,
        )

    def figures(self) -> dict[str, Any]:
        """Wait for the end. Returns the figures. Raises RuntimeError with what the load said."""
        self.process.wait(self._seconds + AFTER_LOAD_S_MAX)
        if not self._report.exists():
            raise RuntimeError(
                f"the load ended with {self.process.returncode}: {self._log.read_text()[-4000:]}"
            )
        found: dict[str, Any] = json.loads(self._report.read_text())
        return found

    def stop(self) -> None:
        """End it before its time."""
        self.process.terminate()
        self.process.wait()


def broken(report: dict[str, Any]) -> list[str]:
    """Return the violations of a judge's report."""
    return [sentence for finding in report["findings"] for sentence in finding["violations"]]
