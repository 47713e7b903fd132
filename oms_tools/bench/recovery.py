"""When all was back to normal after a load: said by a trickle of probe orders."""

from collections.abc import Sequence
from typing import Any, Final

from oms_tools.bench.figures import percentiles
from oms_tools.bench.load import Sent

# A probe is normal when it is acknowledged and filled within these; so many in a row are back to normal.
ACK_MS_NORMAL: Final = 50.0
FILLED_MS_NORMAL: Final = 250.0
NORMAL_IN_A_ROW: Final = 10


def _is_normal(probe: Sent) -> bool:
    if probe.acked is None or probe.filled is None:
        return False
    return (probe.acked - probe.intended) * 1000 <= ACK_MS_NORMAL and (
        probe.filled - probe.intended
    ) * 1000 <= FILLED_MS_NORMAL


def normal_after_s(probes: Sequence[Sent], load_ended: float) -> float | None:
    """Return how long after the load's end the first of enough normal probes in a row left; None: never."""
    in_a_row = 0
    for position, probe in enumerate(probes):
        in_a_row = in_a_row + 1 if _is_normal(probe) else 0
        if in_a_row == NORMAL_IN_A_ROW:
            first = probes[position - NORMAL_IN_A_ROW + 1]
            return round(max(0.0, first.intended - load_ended), 2)
    return None


def recovery_figures(probes: Sequence[Sent], load_ended: float) -> dict[str, Any]:
    """Return the probes' times and when they were back to normal."""
    return {
        "probes": len(probes),
        "acked": sum(probe.acked is not None for probe in probes),
        "ack_ms": percentiles([(p.acked - p.intended) * 1000 for p in probes if p.acked is not None]),
        "filled_ms": percentiles([(p.filled - p.intended) * 1000 for p in probes if p.filled is not None]),
        "normal_after_s": normal_after_s(probes, load_ended),
        "normal_means": f"{NORMAL_IN_A_ROW} in a row acked within {ACK_MS_NORMAL:g} ms and filled within"
        f" {FILLED_MS_NORMAL:g} ms",
    }
