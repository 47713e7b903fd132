"""What the judge's looks say of each invariant: it holds, something is on its way, or it is broken.

The law of this file: orders live on while the judge looks, so what it finds wrong may be on its way. It is
broken when it was found by more than one look, for longer than anything takes, the time not counted in which
something is broken on purpose. What was broken stays so until a look no longer finds it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from oms_api.domain.chaos import ChaosInvariant, ChaosState
from oms_tools.verify.report import Report

SETTLE: Final = timedelta(seconds=15)
LOOKS_MIN: Final = 2
SENTENCES_MAX: Final = 3
# A line of the page, and the judge's invariants that it stands for, by how they begin.
LINES: Final = {
    "Every order that was acked is there once and has its outcome": (
        "every order exists once",
        "every acked request has one outcome",
        "when all is quiet, what an order has open",
    ),
    "No child is sent twice, or beyond its order": (
        "sum over children",
        "no child without parent",
        "every new order sent over FIX",
        "at every instant: no more is sent",
    ),
    "Filled shares are what executions say, each applied once": (
        "net fills",
        "live: CumQty",
        "an execution (venue",
        "every execution that came over FIX",
    ),
    "Positions and cash are what executions make of them": (
        "position = sum",
        "a position's cost",
        "cash by settlement",
    ),
    "The venues' own books agree: nothing is open there that is closed here": (
        "the venue's own journal",
    ),
}  # fmt: skip
THE_REST: Final = "All else that the judge holds: paths, prices, routes, streams, the audit's chain"


def line_of(invariant: str) -> str:
    """Return the line that an invariant of the judge stands in."""
    for line, beginnings in LINES.items():
        if invariant.startswith(beginnings):
            return line
    return THE_REST


@dataclass(slots=True)
class _Wrong:
    """Something wrong: since when it was found, by how many looks, and that it was told as broken."""

    sentence: str
    since: datetime
    looks: int = 1
    is_told: bool = False

    def is_old(self, now: datetime, calm_since: datetime | None) -> bool:
        """Return whether it is broken."""
        since = self.since if calm_since is None else max(self.since, calm_since)
        self.is_told = self.is_told or (self.looks >= LOOKS_MIN and now - since >= SETTLE)
        return self.is_told


@dataclass(slots=True)
class Watch:
    """What one kind of look found last, by invariant of the judge."""

    looked_at: datetime | None = None
    examined: dict[str, int] = field(default_factory=dict)
    wrong: dict[tuple[str, str], _Wrong] = field(default_factory=dict)

    def take(self, report: Report, now: datetime) -> None:
        """Take what a look found: what it no longer finds is gone."""
        found: dict[tuple[str, str], _Wrong] = {}
        for finding in report.findings:
            for subject, sentence in finding.broken.items():
                name = finding.invariant, subject
                before = self.wrong.get(name)
                found[name] = _Wrong(sentence, now)
                if before is not None:
                    found[name] = _Wrong(sentence, before.since, before.looks + 1, before.is_told)
        self.wrong = found
        self.examined = {finding.invariant: finding.examined for finding in report.findings}
        self.looked_at = now


def told(watches: Iterable[Watch], now: datetime, calm_since: datetime | None) -> list[ChaosInvariant]:
    """Return a line for each group of invariants. calm_since: since when nothing is broken on purpose."""
    watches = list(watches)
    return [_line(name, watches, now, calm_since) for name in (*LINES, THE_REST)]


def _line(name: str, watches: list[Watch], now: datetime, calm_since: datetime | None) -> ChaosInvariant:
    old: dict[str, str] = {}
    young: set[str] = set()
    looks = [watch for watch in watches if any(line_of(invariant) == name for invariant in watch.examined)]
    for watch in looks:
        for (invariant, subject), wrong in watch.wrong.items():
            if line_of(invariant) != name:
                continue
            if wrong.is_old(now, calm_since):
                old[subject] = f"{subject}: {wrong.sentence}"
            else:
                young.add(subject)
    examined = (count for watch in looks for one, count in watch.examined.items() if line_of(one) == name)
    state = ChaosState.BROKEN if old else ChaosState.IN_FLIGHT if young else ChaosState.HOLDS
    return ChaosInvariant(
        invariant=name,
        state=(state if looks else ChaosState.UNKNOWN).value,
        in_flight=len(young - old.keys()),
        broken=len(old),
        examined=max(examined, default=0),
        sentences=[old[subject] for subject in sorted(old)][:SENTENCES_MAX],
        looked_at=max((watch.looked_at for watch in looks if watch.looked_at is not None), default=None),
    )
