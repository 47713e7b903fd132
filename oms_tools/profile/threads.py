"""What each thread of the stack has used: CPU and context switches, by the kernel's own counts.

Postgres has a process for each client: each of its processes is one thread here, named by its client.
"""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

_SWITCHES: Final = ("voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:")


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadUse:
    """One thread until a moment, or between two. pid, tid: the system's; name: the kernel's, often no more
    than its program's."""

    process: str
    pid: int
    tid: int
    name: str
    cpu_s: float
    switches: int

    @property
    def is_main(self) -> bool:
        """Whether it is its process's first thread."""
        return self.pid == self.tid


def look_at_threads(pids: Mapping[str, int | None]) -> list[ThreadUse]:
    """Return every thread of these processes and their descendants. What has just ended is left out."""
    found: list[ThreadUse] = []
    for name, pid in pids.items():
        for member in () if pid is None else _family(pid):
            with contextlib.suppress(psutil.Error):
                found += _threads_of(name, member)
    return found


def _family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _threads_of(process: str, member: psutil.Process) -> Iterable[ThreadUse]:
    for thread in member.threads():
        name, switches = _said_by_kernel(member.pid, thread.id)
        yield ThreadUse(
            process=process,
            pid=member.pid,
            tid=thread.id,
            name=name,
            cpu_s=thread.user_time + thread.system_time,
            switches=switches,
        )


def _said_by_kernel(pid: int, tid: int) -> tuple[str, int]:
    """Return a thread's name and context switches; where there is no /proc, "" and 0."""
    folder = Path("/proc") / str(pid) / "task" / str(tid)
    try:
        name = (folder / "comm").read_text().strip()
        lines = (folder / "status").read_text().splitlines()
    except OSError:
        return "", 0
    return name, sum(int(line.split()[1]) for line in lines if line.startswith(_SWITCHES))


def used_since(before: Iterable[ThreadUse], after: Iterable[ThreadUse]) -> list[ThreadUse]:
    """Return what each thread that is there now used since. A new thread used all that it has."""
    earlier = {(use.pid, use.tid): use for use in before}
    since = []
    for use in after:
        first = earlier.get((use.pid, use.tid))
        since.append(
            ThreadUse(
                process=use.process,
                pid=use.pid,
                tid=use.tid,
                name=use.name,
                cpu_s=use.cpu_s - (first.cpu_s if first else 0.0),
                switches=use.switches - (first.switches if first else 0),
            )
        )
    return since
