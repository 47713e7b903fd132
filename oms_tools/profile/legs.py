"""The three legs of a profile: a stack without orders, a load that is counted, a load that is sampled."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil
import psycopg

from oms_tools.bench.load import Load
from oms_tools.bench.processes import ProcessWatch
from oms_tools.bench.run import OWN
from oms_tools.profile.attribution import Samples, switches_by_process
from oms_tools.profile.samplers import Samplers, python_pids
from oms_tools.profile.statements import (
    APPLICATION,
    Activity,
    ActivityLooks,
    StatementCounts,
    backend_names,
    count_statements,
    statement_figures,
)
from oms_tools.profile.threads import ThreadUse, look_at_threads, used_since

_LOOPBACK: Final = "lo"
Pids = Callable[[], Mapping[str, int | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """What processes and threads used in `seconds` without an order."""

    seconds: float
    processes: Mapping[str, Mapping[str, float]]
    threads: Sequence[ThreadUse]


def watch_still(all_pids: Pids, seconds: float) -> Still:
    """Watch a stack to which nothing is sent."""

    def pids() -> Mapping[str, int | None]:
        return {name: pid for name, pid in all_pids().items() if name != OWN}

    processes = ProcessWatch(pids)
    before, began = look_at_threads(pids()), time.monotonic()
    processes.look()
    time.sleep(seconds)
    processes.look()
    took_s, threads = time.monotonic() - began, used_since(before, look_at_threads(pids()))
    switches = switches_by_process(threads)
    return Still(
        seconds=took_s,
        processes={
            name: {
                "cpu_percent": round(used.cpu_ms_per_order / took_s / 10, 3),
                "switches_a_second": round(switches.get(name, 0) / took_s, 1),
            }
            # Figures are numbers an order: of one order they are the whole.
            for name, used in processes.figures(1).items()
        },
        threads=threads,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What is counted at a moment. packets, sent_bytes: of the loopback, of the whole machine."""

    threads: Sequence[ThreadUse]
    backends: Mapping[int, str]
    statements: Mapping[str, StatementCounts] | None
    packets: int
    sent_bytes: int


def count(pids: Pids, dsn: str) -> Counts:
    """Count now."""
    with psycopg.connect(dsn, autocommit=True, application_name=APPLICATION) as connection:
        backends, statements = backend_names(connection), count_statements(connection)
    carried = psutil.net_io_counters(pernic=True).get(_LOOPBACK)
    return Counts(
        threads=look_at_threads(pids()),
        backends=backends,
        statements=statements,
        packets=carried.packets_sent if carried is not None else 0,
        sent_bytes=carried.bytes_sent if carried is not None else 0,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Two counts, and what is between them."""

    first: Counts
    last: Counts

    @property
    def threads(self) -> list[ThreadUse]:
        """What each thread used."""
        return used_since(self.first.threads, self.last.threads)

    @property
    def backends(self) -> Mapping[int, str]:
        """The names of Postgres' processes by their system ids, those that have ended too."""
        return {**self.first.backends, **self.last.backends}

    def statements(self, orders: int) -> list[dict[str, Any]] | None:
        """Return the statements that took the most time; None when the server does not count them."""
        before, after = self.first.statements, self.last.statements
        return None if before is None or after is None else statement_figures(before, after, orders)

    def loopback(self, orders: int) -> dict[str, float] | None:
        """Return packets and bytes an order; None where the system does not count them."""
        if self.last.packets == 0:
            return None
        return {
            "packets": round((self.last.packets - self.first.packets) / max(1, orders), 2),
            "bytes": round((self.last.sent_bytes - self.first.sent_bytes) / max(1, orders), 1),
        }


class CountedLoad:
    """Counts when a load's first order is about to leave, and when its flow is still."""

    def __init__(self, pids: Pids, dsn: str) -> None:
        self._pids = pids
        self._dsn = dsn
        self._counts: list[Counts] = []

    def on_start(self) -> None:
        """Count what was before."""
        self._counts.append(count(self._pids, self._dsn))

    def on_second(self, load: Load) -> None:
        """Leave the load alone."""

    def on_end(self) -> None:
        """Count what is since."""
        self._counts.append(count(self._pids, self._dsn))

    def collect(self) -> Counted:
        """Return what was counted of a load that has ended."""
        return Counted(first=self._counts[0], last=self._counts[-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """What a load's samples are. cpu_s: of each thread. missing: Python's processes without samples."""

    samples: Samples
    cpu_s: Mapping[int, float]
    missing: Sequence[str]
    activity: Activity


class SampledLoad:
    """Has py-spy and looks at Postgres' backends begin with a load's first order."""

    def __init__(self, pids: Pids, dsn: str, folder: Path, seconds: float) -> None:
        self._pids = pids
        self._python = python_pids(pids())
        self._seconds = seconds
        self._samplers = Samplers(folder)
        self._looks = ActivityLooks(dsn)
        self._threads: Sequence[ThreadUse] = ()
        self._activity = Activity(looks=0, found=Counter())

    def on_start(self) -> None:
        """Begin to sample."""
        self._threads = look_at_threads(self._pids())
        self._samplers.start(self._python, self._seconds)
        self._looks.start()

    def on_second(self, load: Load) -> None:
        """Leave the load alone."""

    def on_end(self) -> None:
        """End the looks; py-spy ends by itself."""
        self._activity = self._looks.stop()
        self._threads = used_since(self._threads, look_at_threads(self._pids()))

    def collect(self) -> Sampled:
        """Return what was found in a load that has ended."""
        samples = self._samplers.collect()
        return Sampled(
            samples=samples,
            cpu_s={use.tid: use.cpu_s for use in self._threads},
            missing=sorted(set(self._python) - set(samples)),
            activity=self._activity,
        )

    def close(self) -> None:
        """End what still runs."""
        self._samplers.stop()
        self._looks.stop()
