"""A profile of the laptop stack: without orders, then a load that is counted, then one that is sampled.

Sampling costs CPU, which falls on what is sampled: so what an order costs is taken from the load that nothing
samples, and the other gives no more than shares.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from oms_tools.bench.figures import per_order
from oms_tools.bench.load import Load, Schedule
from oms_tools.bench.run import OWN, Bench
from oms_tools.profile.attribution import Cost, Samples, attribute, switches_by_process, wake_ups
from oms_tools.profile.legs import Counted, CountedLoad, Sampled, SampledLoad, Still, watch_still

SAMPLED_SHARE: Final = 0.5
SAMPLED_S_MIN: Final = 10.0
# Of the bench's figures of the load that was counted.
KEPT: Final = (
    "acked", "lost", "duplicates", "rate_achieved", "ack_ms", "filled_ms", "seed", "database", "kafka",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a stack is profiled: at `rate` orders a second for `seconds`, after `idle_s` without any."""

    rate: float
    seconds: float
    idle_s: float

    @property
    def sampled_s(self) -> float:
        """How long the load takes that is sampled."""
        return max(SAMPLED_S_MIN, self.seconds * SAMPLED_SHARE)


def take_profile(bench: Bench, dsn: str, plan: Plan, say: Callable[[str], None]) -> dict[str, Any]:
    """Profile a stack. say: shows what is done now. Returns its figures."""
    say(f"no orders for {plan.idle_s:g} s")
    still = watch_still(bench.pids, plan.idle_s)
    schedule, counted = Schedule(rate=plan.rate, seconds=plan.seconds), CountedLoad(bench.pids, dsn)
    figures = bench.measure(schedule, _progress(say, "counted", schedule), counted)
    schedule = Schedule(rate=plan.rate, seconds=plan.sampled_s)
    with TemporaryDirectory(prefix="oms-profile-") as folder:
        load = SampledLoad(bench.pids, dsn, Path(folder), plan.sampled_s)
        try:
            bench.run(schedule, _progress(say, "sampled", schedule), load)
            sampled = load.collect()
        finally:
            load.close()
    return profile_figures(plan, figures, still, counted.collect(), sampled)


def _progress(say: Callable[[str], None], what: str, schedule: Schedule) -> Callable[[Load], None]:
    leg = f"{what}: {schedule.rate:g}/s for {schedule.seconds:g} s"
    return lambda load: say(f"{leg}: acked {load.acked_count:,}  filled {load.filled_count:,}")


def profile_figures(
    plan: Plan, load: Mapping[str, Any], still: Still, counted: Counted, sampled: Sampled
) -> dict[str, Any]:
    """Return a profile's figures. load: the bench's own of the load that was counted."""
    orders = load["acked"]
    threads, activity = counted.threads, sampled.activity
    names = thread_names(sampled.samples, counted.backends)
    cpu_ms = load["cpu_ms_per_order"]
    costs = attribute(threads, sampled.samples, sampled.cpu_s, cpu_ms, names, orders)
    switches = per_order(switches_by_process(threads), orders)
    return {name: load[name] for name in KEPT} | {
        "rate": plan.rate,
        "seconds": plan.seconds,
        "idle_seconds": round(still.seconds, 1),
        "sampled_seconds": plan.sampled_s,
        "idle": still.processes,
        "wake_ups": [asdict(found) for found in wake_ups(still.threads, names, still.seconds)],
        "cost": {name: cost_figures(cost, switches.get(name, 0.0)) for name, cost in costs.items()},
        "cpu_ms_without_bench": round(sum(ms for name, ms in cpu_ms.items() if name != OWN), 4),
        "not_sampled": sampled.missing,
        "statements": counted.statements(orders),
        "activity": {
            "looks": activity.looks,
            "found": activity.found.total(),
            "statements": activity.figures(),
        },
        "loopback": counted.loopback(orders),
    }


def thread_names(samples: Samples, backends: Mapping[int, str]) -> dict[int, str]:
    """Return what Python and Postgres call their threads and processes, by the system's id."""
    names = dict(backends)
    for threads in samples.values():
        names |= {tid: thread.name for tid, thread in threads.items() if thread.name}
    return names


def cost_figures(cost: Cost, switches: float) -> dict[str, Any]:
    """Return one process's cost, in CPU-ms and context switches an order."""
    return {
        "cpu_ms": cost.cpu_ms,
        "switches": switches,
        "python_ms": round(sum(cost.lines.values()), 4),
        "libraries_ms": round(sum(cost.libraries.values()), 4),
        "unattributed_ms": round(cost.unattributed, 4),
        "lines": {line: round(ms, 4) for line, ms in cost.lines.items()},
        "libraries": {label: round(ms, 4) for label, ms in cost.libraries.items()},
        "other_share": round(cost.other_share, 3),
        "samples": cost.samples,
    }
