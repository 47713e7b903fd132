"""Runs programs, waits until each is ready, starts what ends by itself again, with a backoff that doubles."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from oms_tools.laptop.layout import python_environment
from oms_tools.laptop.parts import PartFailedError

BACKOFF_S_MIN: Final = 0.2
BACKOFF_S_MAX: Final = 10.0
STABLE_AFTER_S: Final = 30.0
READY_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 15.0
# Files of a program are for its user alone.
PRIVATE_UMASK: Final = 0o077
POLL_S: Final = 0.05
_PR_SET_PDEATHSIG: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to run. environment is asked at every start."""

    name: str
    command: Sequence[str]
    ready: Callable[[], bool]
    environment: Callable[[], Mapping[str, str]] = dict
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM


@dataclass(slots=True, kw_only=True)
class _Running:
    program: Program
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    backoff_s: float = BACKOFF_S_MIN
    restart_at: float | None = None
    restarts: int = 0
    last_exit: int | None = None
    ready: bool = False


def _die_with_parent(number: int) -> Callable[[], None]:
    """Return what makes a child get signal `number` when this process dies, also by -9 (Linux)."""

    def ask() -> None:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)

    return ask


def _none_is_down(_name: str) -> bool:
    return False


@dataclass(slots=True, kw_only=True)
class Supervisor:
    """Owns the processes. `on_change` is called whenever one starts, ends or becomes ready.

    is_down: whether a program is to be down now, on purpose: it is killed, and started again later.
    """

    logs: Path
    on_change: Callable[["Supervisor"], None]
    is_down: Callable[[str], bool] = _none_is_down
    programs: dict[str, _Running] = field(default_factory=dict)
    stopping: bool = False

    def start(self, programs: Sequence[Program], stop_asked: Callable[[], bool]) -> None:
        """Start programs together and wait until all are ready. Raises PartFailedError naming who is not."""
        for program in programs:
            self.programs[program.name] = _Running(program=program)
            self._launch(self.programs[program.name])
        deadline = time.monotonic() + READY_TIMEOUT_S
        waiting = [self.programs[program.name] for program in programs]
        while waiting and not stop_asked():
            self.tend()
            waiting = [running for running in waiting if not running.ready]
            if time.monotonic() > deadline:
                names = ", ".join(running.program.name for running in waiting)
                raise PartFailedError(f"not ready within {READY_TIMEOUT_S:.0f} s: {names}; see {self.logs}")
            time.sleep(POLL_S)

    def tend(self) -> None:
        """Look after every program once: notice ends, start again what is due, notice readiness."""
        for running in list(self.programs.values()):
            self._tend_one(running)

    def _tend_one(self, running: _Running) -> None:
        now = time.monotonic()
        is_down = self.is_down(running.program.name)
        if running.process is not None and running.process.poll() is not None:
            self._note_exit(running, now)
        elif running.process is not None and is_down:
            running.process.kill()
            return
        if running.restart_at is not None and now >= running.restart_at and not is_down:
            running.restarts += 1
            self._launch(running)
        if running.process is not None and not running.ready and running.program.ready():
            running.ready = True
            self.on_change(self)

    def _note_exit(self, running: _Running, now: float) -> None:
        running.last_exit = None if running.process is None else running.process.returncode
        if now - running.started_at > STABLE_AFTER_S:
            running.backoff_s = BACKOFF_S_MIN
        running.process, running.ready = None, False
        running.restart_at = now + running.backoff_s
        running.backoff_s = min(running.backoff_s * 2, BACKOFF_S_MAX)
        self.on_change(self)

    def _launch(self, running: _Running) -> None:
        program = running.program
        running.restart_at = None
        running.ready = False
        environment = os.environ | python_environment() | dict(program.environment())
        with (self.logs / f"{program.name}.log").open("ab") as log:
            running.process = subprocess.Popen(
                list(program.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                user=program.user,
                umask=PRIVATE_UMASK,
                preexec_fn=_die_with_parent(program.stop_signal),  # noqa: PLW1509  (this process has one thread)
                start_new_session=True,
            )
        running.started_at = time.monotonic()
        self.on_change(self)

    def stop(self) -> None:
        """Stop everything, the last started first."""
        self.stopping = True
        for running in reversed(list(self.programs.values())):
            running.restart_at = None
            self._stop([running])
            self.on_change(self)

    def _stop(self, many: Sequence[_Running]) -> None:
        for running in many:
            if running.process is not None:
                with contextlib.suppress(ProcessLookupError):
                    running.process.send_signal(running.program.stop_signal)
        deadline = time.monotonic() + STOP_TIMEOUT_S
        for running in many:
            if running.process is None:
                continue
            try:
                running.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                running.process.kill()
                running.process.wait()
            running.process, running.ready = None, False
