"""Correlated price paths: one market factor and each symbol's own noise, wilder at the open and the close.

Deterministic: the seed fixes every price. No clock is read; time is the number of steps taken.
"""

import math
import random
from collections.abc import Sequence
from typing import Final

from simulators.market_data.profiles import SymbolProfile

TRADING_SECONDS_A_YEAR: Final = 252 * 23_400
# A price drawn this far from its reference, as a log return, is pulled back by half in about a trading day.
_PULL_A_SECOND: Final = math.log(2) / 23_400
_LOG_RETURN_MAX: Final = 0.5
_SHAPE_FLOOR: Final = 0.75


def day_shape(fraction: float) -> float:
    """Return the U of a trading day, 1 on average: 1.5 at the open and the close, 0.75 at noon."""
    distance = 2 * fraction - 1
    return _SHAPE_FLOOR + 3 * (1 - _SHAPE_FLOOR) * distance * distance


class PricePaths:
    """The log returns of all symbols since the start, advanced one symbol at a time in turn."""

    def __init__(
        self, profiles: Sequence[SymbolProfile], *, seed: int, interval_s: float, day_s: float
    ) -> None:
        self._profiles = profiles
        self._random = random.Random(f"{seed}/prices")  # noqa: S311  (a simulation, not a secret)
        self._interval_s = interval_s
        self._step_s = interval_s / len(profiles)
        self._day_s = day_s
        self._steps = 0
        self._factor = 0.0
        self._factor_seen = [0.0] * len(profiles)
        self._log_returns = [0.0] * len(profiles)

    @property
    def day_fraction(self) -> float:
        """How much of the current trading day is over, from 0 to 1."""
        return self._steps * self._step_s % self._day_s / self._day_s

    def advance(self) -> tuple[int, float]:
        """Move time on by one step. Returns the index of the symbol whose turn it is, and its log return."""
        index = self._steps % len(self._profiles)
        shape = day_shape(self.day_fraction)
        self._factor += shape * math.sqrt(self._step_s) * self._random.gauss(0, 1)
        self._steps += 1
        profile = self._profiles[index]
        common = self._factor - self._factor_seen[index]
        self._factor_seen[index] = self._factor
        own = shape * math.sqrt(self._interval_s) * self._random.gauss(0, 1)
        mixed = profile.correlation * common + math.sqrt(1 - profile.correlation**2) * own
        kept = self._log_returns[index] * (1 - _PULL_A_SECOND * self._interval_s)
        moved = kept + profile.volatility / math.sqrt(TRADING_SECONDS_A_YEAR) * mixed
        self._log_returns[index] = max(-_LOG_RETURN_MAX, min(_LOG_RETURN_MAX, moved))
        return index, self._log_returns[index]
