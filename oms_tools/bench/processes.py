"""What processes use: CPU, memory over time, context switches. A process counts with its descendants.

Memory is what a process has to itself and, once, what it shares with its children: Postgres' buffers are
mapped by every backend.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import psutil

from oms_tools.bench.figures import last_part, slope

SLOPE_S_MAX: Final = 300.0
# Memory counts as flat while it grows by no more than this share, or so many megabytes, over that time.
FLAT_SHARE: Final = 0.03
FLAT_MB: Final = 2.0
_MB: Final = 1024 * 1024


@dataclass(slots=True)
class _Used:
    """One name's process as it was last seen, and what it and those before it used since the first look."""

    pid: int | None = None
    members: list[psutil.Process] = field(default_factory=list)
    cpu_s_seen: float = 0.0
    switches_seen: int = 0
    cpu_s: float = 0.0
    switches: int = 0
    memory: list[tuple[float, float]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessFigures:
    """One process over a run. mb_a_minute, grew_mb: over its last half, at most its last five minutes."""

    cpu_ms_per_order: float
    switches_per_order: float
    mb_start: float
    mb_end: float
    mb_a_minute: float
    grew_mb: float

    @property
    def flat(self) -> bool:
        """Whether memory did not grow."""
        return self.grew_mb <= max(FLAT_MB, FLAT_SHARE * self.mb_end)


class ProcessWatch:
    """Looks at processes now and then. `pids` is asked each time: a process may have been started again."""

    def __init__(
        self, pids: Callable[[], Mapping[str, int | None]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pids = pids
        self._clock = clock
        self._used: dict[str, _Used] = {}

    def look(self) -> None:
        """Add what was used since the last look. What the first look finds was used before."""
        at, first, children = self._clock(), not self._used, _children()
        for name, pid in self._pids().items():
            used = self._used.setdefault(name, _Used())
            used.members = [] if pid is None else _family(pid, children)
            if not used.members:
                continue
            cpu_s, switches = _used_by(used.members)
            if first:
                used.pid, used.cpu_s_seen, used.switches_seen = pid, cpu_s, switches
            elif used.pid != pid:
                used.pid, used.cpu_s_seen, used.switches_seen = pid, 0.0, 0
            used.cpu_s += max(0.0, cpu_s - used.cpu_s_seen)
            used.switches += max(0, switches - used.switches_seen)
            used.cpu_s_seen, used.switches_seen = cpu_s, switches
            used.memory.append((at, _memory_mb(used.members)))

    def look_at_memory(self) -> None:
        """Note the memory of those that the last look found: a small part of a look's cost."""
        pids = self._pids()
        if any(pid is not None and self._used[name].pid != pid for name, pid in pids.items()):
            self.look()
            return
        at = self._clock()
        for name in pids:
            if self._used[name].members:
                self._used[name].memory.append((at, _memory_mb(self._used[name].members)))

    def figures(self, orders: int) -> dict[str, ProcessFigures]:
        """Return each process's figures; of one that was never found all are 0."""
        orders = max(1, orders)
        figures = {}
        for name, used in self._used.items():
            late = last_part(used.memory, SLOPE_S_MAX)
            mb_a_second = slope(late)
            figures[name] = ProcessFigures(
                cpu_ms_per_order=round(used.cpu_s * 1000 / orders, 4),
                switches_per_order=round(used.switches / orders, 3),
                mb_start=round(used.memory[0][1], 1) if used.memory else 0.0,
                mb_end=round(used.memory[-1][1], 1) if used.memory else 0.0,
                mb_a_minute=round(mb_a_second * 60, 2),
                grew_mb=round(mb_a_second * (late[-1][0] - late[0][0]), 2) if late else 0.0,
            )
        return figures


def _children() -> dict[int, list[psutil.Process]]:
    """Return every process by its parent."""
    children: dict[int, list[psutil.Process]] = {}
    for process in psutil.process_iter(["ppid"]):
        children.setdefault(process.info["ppid"], []).append(process)
    return children


def _family(pid: int, children: Mapping[int, list[psutil.Process]]) -> list[psutil.Process]:
    """Return a process and its descendants, itself first; nothing when it is gone."""
    try:
        members = [psutil.Process(pid)]
    except psutil.NoSuchProcess:
        return []
    for member in members:
        members += children.get(member.pid, [])
    return members


def _used_by(members: list[psutil.Process]) -> tuple[float, int]:
    """Return the CPU seconds and context switches of a family until now."""
    cpu_s, switches = 0.0, 0
    for member in members:
        try:
            times, switched = member.cpu_times(), member.num_ctx_switches()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        # Of children that have ended and were waited for; not every system says.
        ended_s = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
        cpu_s += times.user + times.system + ended_s
        switches += switched.voluntary + switched.involuntary
    return cpu_s, switches


def _memory_mb(members: list[psutil.Process]) -> float:
    memory = 0
    for place, member in enumerate(members):
        try:
            held = member.memory_info()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        memory += held.rss if place == 0 else held.rss - getattr(held, "shared", 0)
    return memory / _MB
