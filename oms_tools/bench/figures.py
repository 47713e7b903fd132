"""Percentiles, and the CPU that processes used."""

import math
from collections.abc import Mapping, Sequence

import psutil


def percentiles(values: Sequence[float]) -> dict[str, float | None]:
    """Return p50, p99 and max by nearest rank, rounded to a thousandth; None each without values."""
    if not values:
        return {"p50": None, "p99": None, "max": None}
    ordered = sorted(values)

    def rank(share: float) -> float:
        return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 3)

    return {"p50": rank(0.50), "p99": rank(0.99), "max": round(ordered[-1], 3)}


def cpu_seconds(pids: Mapping[str, int | None]) -> dict[str, float]:
    """Return the CPU seconds that each process and its descendants used until now; 0 for one that is gone."""
    used = {}
    for name, pid in pids.items():
        used[name] = 0.0
        if pid is None:
            continue
        try:
            process = psutil.Process(pid)
            family = [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            continue
        for member in family:
            try:
                times = member.cpu_times()
            except psutil.NoSuchProcess:
                continue
            used[name] += times.user + times.system + times.children_user + times.children_system
    return used
