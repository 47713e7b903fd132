"""The knee: the highest rate that the platform holds, found by short legs of load."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from oms_tools.bench.figures import last_part, percentiles, slope
from oms_tools.bench.load import Load

STEP: Final = 1.4
STEP_DOWN: Final = 2.0
NARROW_ENOUGH: Final = 0.05
LEGS_MAX: Final = 16
RATE_MIN: Final = 1.0
ACKED_SHARE_MIN: Final = 0.97
# An answer may come so long after the leg's end and still count.
ACK_GRACE_S: Final = 1.0
# The backlog may grow by this share of the rate each second; more is not noise.
GROWTH_SHARE_MAX: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One leg's figures. why: what was not held, empty when all was."""

    rate: float
    acked_rate: float
    ack_ms_p99: float | None
    filled_ms_p99: float | None
    backlog_growth: float
    cpu_ms_per_order: float
    why: str

    @property
    def held(self) -> bool:
        """Whether the platform kept up."""
        return not self.why


def judge_leg(load: Load, rate: float, filled_ms_max: float, cpu_ms_per_order: float) -> Leg:
    """Return a leg's figures with what speaks against the rate."""
    ended = load.started + load.seconds
    acked = [(s.intended, s.acked) for s in load.orders if s.acked is not None]
    acked_rate = sum(at <= ended + ACK_GRACE_S for _, at in acked) / load.seconds
    filled = [(s.filled - s.intended) * 1000 for s in load.orders if s.marketable and s.filled is not None]
    filled_p99 = percentiles(filled)["p99"]
    during = [(at, float(count)) for at, count in load.backlog if at <= load.seconds]
    growth = slope(last_part(during, load.seconds))
    reasons = []
    if acked_rate < ACKED_SHARE_MIN * rate:
        reasons.append("too few acked")
    if filled_p99 is None or filled_p99 > filled_ms_max:
        reasons.append("nothing filled" if filled_p99 is None else "filled too late")
    if growth > GROWTH_SHARE_MAX * rate:
        reasons.append("backlog grows")
    return Leg(
        rate=rate,
        acked_rate=round(acked_rate, 1),
        ack_ms_p99=percentiles([(at - intended) * 1000 for intended, at in acked])["p99"],
        filled_ms_p99=filled_p99,
        backlog_growth=round(growth, 1),
        cpu_ms_per_order=cpu_ms_per_order,
        why=", ".join(reasons),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Knee:
    """The highest rate held, and every leg in the order of its run. rate None: not even the lowest."""

    rate: float | None
    legs: tuple[Leg, ...]


def search_knee(run_leg: Callable[[float], Leg], first_rate: float) -> Knee:
    """Raise the rate until it is not held, or lower it until it is; then halve what lies between.

    Ends when that is narrow enough, or after LEGS_MAX legs.
    """
    legs: list[Leg] = []
    held: float | None = None
    failed: float | None = None
    rate = first_rate
    while len(legs) < LEGS_MAX:
        leg = run_leg(rate)
        legs.append(leg)
        if leg.held:
            held = rate
        else:
            failed = rate
        following = _next_rate(held, failed)
        if following is None:
            break
        rate = following
    return Knee(rate=held, legs=tuple(legs))


def _next_rate(held: float | None, failed: float | None) -> float | None:
    """Return the next rate to try, None when the knee is known well enough."""
    if failed is None:
        return None if held is None else float(max(held + 1, round(held * STEP)))
    if held is None:
        lower = failed / STEP_DOWN
        return lower if lower >= RATE_MIN else None
    if failed - held <= max(NARROW_ENOUGH * failed, RATE_MIN):
        return None
    return float(round((held + failed) / 2))
