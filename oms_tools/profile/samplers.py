"""py-spy at work on every Python process of a stack: it reads their stacks without stopping them."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import psutil

from oms_tools.laptop.layout import StackError
from oms_tools.profile.samples import ThreadSamples, read_samples

RATE_HZ: Final = 100
# How long py-spy may take to begin and to write, beside the time that it samples for.
SLACK_S: Final = 30.0
# Where the Linux kernel says who may read another process: 0 is everybody of the same user.
PTRACE_SCOPE: Final = Path("/proc/sys/kernel/yama/ptrace_scope")


def py_spy() -> str:
    """Return where py-spy is. Raises StackError when it is not installed."""
    found = Path(sys.executable).with_name("py-spy")
    if not found.exists():
        raise StackError("py-spy is not installed beside this Python; `make profile` brings it")
    return str(found)


def may_sample() -> bool:
    """Return whether the kernel lets this user read the stacks of processes that it did not start itself."""
    if os.geteuid() == 0:
        return True
    return not PTRACE_SCOPE.exists() or PTRACE_SCOPE.read_text().strip() == "0"


def python_pids(pids: Mapping[str, int | None]) -> dict[str, int]:
    """Return the processes that run Python."""
    return {name: pid for name, pid in pids.items() if pid is not None and _is_python(pid)}


def _is_python(pid: int) -> bool:
    try:
        return Path(psutil.Process(pid).exe()).name.startswith("python")
    except psutil.Error:
        return False


class Samplers:
    """One py-spy for each process, all at the same time. Their files go to a folder of the caller's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, pids: Mapping[str, int], seconds: float) -> None:
        """Sample these processes for so long, their threads on a CPU only."""
        for name, pid in pids.items():
            command = [
                py_spy(), "record", "--nonblocking", "--threads", "--format", "raw",
                "--rate", str(RATE_HZ), "--duration", str(max(1, round(seconds))),
                "--output", str(self._output(name)), "--pid", str(pid),
            ]  # fmt: skip
            self._running[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )

    def collect(self, timeout_s: float = SLACK_S) -> dict[str, dict[int, ThreadSamples]]:
        """Wait for the ends. Returns the samples of each process that could be sampled, by thread."""
        found = {}
        for name, sampler in self._running.items():
            # It writes when it ends, and nothing when it could not sample.
            with contextlib.suppress(subprocess.TimeoutExpired):
                sampler.wait(timeout_s)
            if self._output(name).exists():
                found[name] = read_samples(self._output(name).read_text())
        self.stop()
        return found

    def stop(self) -> None:
        """End those that still run."""
        for sampler in self._running.values():
            if sampler.poll() is None:
                sampler.kill()
                sampler.wait()
        self._running.clear()

    def _output(self, name: str) -> Path:
        return self._folder / f"{name}.samples"
