"""From counts and samples to CPU-ms an order: each thread's CPU is shared out by its own samples."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from oms_tools.profile.lines_of_work import OTHER
from oms_tools.profile.samplers import RATE_HZ
from oms_tools.profile.samples import ThreadSamples
from oms_tools.profile.threads import ThreadUse

MAIN: Final = "main"
UNNAMED: Final = "unnamed"
SWITCHES_A_SECOND_MIN: Final = 0.5

Samples = Mapping[str, Mapping[int, ThreadSamples]]


@dataclass(slots=True)
class Cost:
    """One process's CPU-ms an order. lines: of threads that run Python; libraries: of all others, by name."""

    cpu_ms: float = 0.0
    lines: dict[str, float] = field(default_factory=dict)
    libraries: dict[str, float] = field(default_factory=dict)
    samples: int = 0

    @property
    def unattributed(self) -> float:
        """What no thread accounts for: of threads and children that have ended; never below 0."""
        return max(0.0, self.cpu_ms - sum(self.lines.values()) - sum(self.libraries.values()))

    @property
    def other_share(self) -> float:
        """The share of the Python threads' CPU that no rule knows."""
        python = sum(self.lines.values())
        return self.lines.get(OTHER, 0.0) / python if python else 0.0


def thread_label(use: ThreadUse, names: Mapping[int, str], programs: Mapping[int, str]) -> str:
    """Return what to call a thread.

    names: better names than the kernel's, by its id. programs: each process's own name, by its id, which a
    thread has that nobody has named. Numbers at a name's end are left out: `rdk:broker1`, `rdk:broker-1`.
    """
    if use.tid in names:
        return names[use.tid]
    if use.is_main:
        return MAIN
    if use.name in {"", programs.get(use.pid)}:
        return UNNAMED
    return re.sub(r"[-\d]+$", "", use.name)


def program_names(uses: Iterable[ThreadUse]) -> dict[int, str]:
    """Return the name of each process's first thread."""
    return {use.pid: use.name for use in uses if use.is_main}


def attribute(
    uses: Sequence[ThreadUse],
    samples: Samples,
    sampled_cpu_s: Mapping[int, float],
    cpu_ms: Mapping[str, float],
    names: Mapping[int, str],
    orders: int,
) -> dict[str, Cost]:
    """Return each process's cost by line of work.

    uses: what each thread used during the load. samples: of another leg of load, by process and thread;
    sampled_cpu_s: what each thread used in that leg. cpu_ms: each process's CPU-ms an order.
    """
    programs = program_names(uses)
    costs = {name: Cost(cpu_ms=value) for name, value in cpu_ms.items()}
    lines: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    libraries: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for use in uses:
        used_ms = use.cpu_s * 1000 / max(1, orders)
        sampled = samples.get(use.process, {}).get(use.tid)
        if sampled is None:
            libraries[use.process][thread_label(use, names, programs)] += used_ms
            continue
        shares = sampled.shares(sampled_cpu_s.get(use.tid, 0.0) * RATE_HZ)
        for line, share in shares.items():
            lines[use.process][line] += used_ms * share
    for name, cost in costs.items():
        cost.lines = dict(lines[name])
        by_ms = sorted(libraries[name].items(), key=lambda found: -found[1])
        cost.libraries = {label: ms for label, ms in by_ms if ms > 0}
        cost.samples = sum(thread.total for thread in samples.get(name, {}).values())
    return costs


def switches_by_process(uses: Iterable[ThreadUse]) -> dict[str, int]:
    """Return the context switches of each process, all its threads together."""
    switches: Counter[str] = Counter()
    for use in uses:
        switches[use.process] += use.switches
    return dict(switches)


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeUps:
    """How often threads of one name ran while there was no order, and their CPU in percent of one core."""

    process: str
    thread: str
    switches_a_second: float
    cpu_percent: float


def wake_ups(uses: Sequence[ThreadUse], names: Mapping[int, str], seconds: float) -> list[WakeUps]:
    """Return what woke up in `seconds`, the most often first, if it was every other second or more often."""
    programs = program_names(uses)
    switches: Counter[tuple[str, str]] = Counter()
    cpu_s: defaultdict[tuple[str, str], float] = defaultdict(float)
    for use in uses:
        key = use.process, thread_label(use, names, programs)
        switches[key] += use.switches
        cpu_s[key] += use.cpu_s
    return [
        WakeUps(
            process=process,
            thread=thread,
            switches_a_second=round(count / seconds, 1),
            cpu_percent=round(cpu_s[process, thread] / seconds * 100, 2),
        )
        for (process, thread), count in switches.most_common()
        if count / seconds >= SWITCHES_A_SECOND_MIN
    ]
