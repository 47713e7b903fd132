"""What the lab set out to show, answered regime by regime from the figures.

The law of this file: a claim holds in a regime only if its paired 95 percent interval excludes zero; where it
does not, the answer says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from oms_tools.sor_lab.experiment import RegimeResult
from oms_tools.sor_lab.routers import MARKETABLE, REFERENCE
from oms_tools.sor_lab.statistics import Interval

REGIMES_MIN: Final = 3
MUST_BEAT_NAIVE: Final = ("best", "split", "staged")
# Not asked for, but whoever reads the claims should see the naive routers that are harder to beat.
STRONGER_NAIVE: Final = ("pro rata", "touch only")
# What picks by an order's own terms.
BY_URGENCY: Final = "urgency"
_BEST, _OTHERS = "sweep", tuple(name for name in MARKETABLE if name != "sweep")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A claim over regimes. won, unsure, lost: regimes where the interval is above, holds, or is below
    zero."""

    text: str
    won: tuple[str, ...]
    unsure: tuple[str, ...]
    lost: tuple[str, ...]
    holds: bool


def claims(results: Sequence[RegimeResult], flow: str = "all") -> list[Claim]:
    """Return every claim with where it holds."""
    found = [_against(results, flow, name, REFERENCE, REGIMES_MIN) for name in MUST_BEAT_NAIVE]
    found += [_against(results, flow, _BEST, REFERENCE, REGIMES_MIN)]
    found += [_against(results, flow, _BEST, other, 0) for other in _OTHERS]
    for other in STRONGER_NAIVE:
        named = (_BEST, *MUST_BEAT_NAIVE, BY_URGENCY)
        found += [_against(results, flow, name, other, REGIMES_MIN) for name in named]
    return found


def most_captured(results: Sequence[RegimeResult], flow: str = "all") -> dict[str, str]:
    """Return for each regime the marketable strategy that captured the most of the oracle's gain."""
    best = {}
    for result in results:
        figures = result.figures[flow]
        best[result.regime] = max(MARKETABLE, key=lambda name: figures[name].captured.value)
    return best


def _against(results: Sequence[RegimeResult], flow: str, router: str, other: str, regimes_min: int) -> Claim:
    intervals: list[tuple[str, Interval]] = [
        (result.regime, result.figures[flow][router].beats[other]) for result in results
    ]
    won = tuple(name for name, interval in intervals if interval.above_zero)
    lost = tuple(name for name, interval in intervals if interval.below_zero)
    needed = min(regimes_min, len(results))
    return Claim(
        text=f"{router} is cheaper than {other}",
        won=won,
        unsure=tuple(name for name, _ in intervals if name not in won and name not in lost),
        lost=lost,
        holds=not lost if not needed else len(won) >= needed,
    )
