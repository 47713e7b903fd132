"""Figures of a comparison, with intervals that are paired by order.

The law of this file: routers met the same orders, so an interval resamples orders, never routers, and its
chance is seeded. Costs are weighted by notional: the sum of dollars over the sum of notional.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

RESAMPLES: Final = 2_000
CONFIDENCE: Final = 0.95
Floats = NDArray[np.float64]


class Interval(NamedTuple):
    """A figure and its 95 percent bootstrap interval."""

    value: float
    low: float
    high: float

    @property
    def above_zero(self) -> bool:
        """Whether the whole interval is above zero."""
        return self.low > 0.0

    @property
    def below_zero(self) -> bool:
        """Whether the whole interval is below zero."""
        return self.high < 0.0


def resamples(orders: int, seed: int, count: int = RESAMPLES) -> Floats:
    """Return how often each resample draws each order: (count, orders)."""
    chance = np.random.default_rng([seed, orders, count])
    return chance.multinomial(orders, np.full(orders, 1.0 / orders), size=count).astype(np.float64)


def ratio(top: Floats, bottom: Floats, weights: Floats) -> Interval:
    """Return sum(top) / sum(bottom) with its percentile interval over the resamples."""
    value = float(top.sum() / bottom.sum()) if bottom.sum() else float("nan")
    tops, bottoms = weights @ top, weights @ bottom
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = tops / bottoms
    drawn = drawn[np.isfinite(drawn)]
    if not drawn.size:
        return Interval(value, float("nan"), float("nan"))
    edge = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(drawn, [edge, 100 - edge])
    return Interval(value, float(low), float(high))


def cost_bps(cost: Floats, notional: Floats, weights: Floats) -> Interval:
    """Return a cost in basis points of the notional at the arrival mid."""
    return ratio(10_000 * cost, notional, weights)


def captured(naive: Floats, strategy: Floats, oracle: Floats, weights: Floats) -> Interval:
    """Return the part of the oracle's gain over the naive router that a strategy captured."""
    return ratio(naive - strategy, naive - oracle, weights)


def column(values: Sequence[float]) -> Floats:
    """Return values as an array."""
    return np.asarray(values, dtype=np.float64)
