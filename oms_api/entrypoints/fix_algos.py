"""How a FIX client says that its order is worked over time: TargetStrategy (847) and what belongs to it.

TargetStrategy 1 is VWAP, 2 (participate) POV, 3 (minimize market impact) implementation shortfall and 1000,
of the numbers that FIX 4.4 leaves to two parties, TWAP. TargetStrategyParameters (848) has the rest, by
REST's names: `endAt=2026-11-02T20:00:00Z;urgency=3`. ParticipationRate (849) is a part of 1: 0.1 is a tenth.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from oms_platform.fix.session import Fields

STRATEGY_TAG, PARAMETERS_TAG, PARTICIPATION_TAG = "847", "848", "849"
STRATEGIES: Final[Mapping[str, str]] = {"1": "VWAP", "2": "POV", "3": "IS", "1000": "TWAP"}
# Beside those that FIX 4.4 lists.
OWN_VALUES: Final = ((STRATEGY_TAG, "1000"),)
_WHOLE: Final = re.compile(r"[0-9]{1,18}")
_RATE: Final = re.compile(r"[0-9]{0,9}(?:\.[0-9]{0,9})?")
_BASIS_POINTS: Final = 10_000


def read_algo(fields: Fields) -> dict[str, object] | None:
    """Return the algo that a REST client would have sent; what has no meaning goes on, and is refused."""
    given = [tag in fields for tag in (STRATEGY_TAG, PARAMETERS_TAG, PARTICIPATION_TAG)]
    if not any(given):
        return None
    algo: dict[str, object] = {}
    for part in fields.get(PARAMETERS_TAG, "").split(";"):
        name, _, value = part.strip().partition("=")
        if name:
            algo[name] = int(value) if _WHOLE.fullmatch(value) else value
    code = fields.get(STRATEGY_TAG)
    if code is not None:
        algo["strategy"] = STRATEGIES.get(code, code)
    rate = fields.get(PARTICIPATION_TAG)
    if rate is not None:
        algo["participationBps"] = _basis_points(rate)
    return algo


def _basis_points(text: str) -> object:
    """Return a part of 1 in basis points; what is no such number of them stays text."""
    if not _RATE.fullmatch(text) or text in ("", "."):
        return text
    points = Decimal(text) * _BASIS_POINTS
    return int(points) if points == points.to_integral_value() else text
