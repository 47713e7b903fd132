"""Forgetting in whole numbers: a count halves every half-life, in 32 equal steps, the same on every machine.

The law of this file: integers only. Counts are kept times `ONE`, so that what flooring takes stays far
below one observation. Time is cut into steps from the epoch on, so that the same observations at the same
times come to the same counts, however often they were stored in between.
"""

from math import isqrt
from typing import Final

# One observation of now, as a count is kept.
ONE: Final = 1 << 20
STEPS_PER_HALF_LIFE: Final = 32
_PRECISION_BITS: Final = 64
# What is older than this counts for nothing: 2 ** -32 of an observation.
_HALF_LIVES_MAX: Final = 32


def _step_factors() -> tuple[int, ...]:
    """Return 2 ** (-n / 32) for n below 32, times 2 ** 64: five square roots of two make its 32nd root."""
    unit = 1 << _PRECISION_BITS
    root = 2 * unit
    for _ in range(STEPS_PER_HALF_LIFE.bit_length() - 1):
        root = isqrt(root * unit)
    factors = [unit]
    for _ in range(STEPS_PER_HALF_LIFE - 1):
        factors.append(factors[-1] * unit // root)
    return tuple(factors)


_FACTORS: Final = _step_factors()


def decayed(value: int, steps: int) -> int:
    """Return a count after so many steps, rounded towards zero."""
    if not value or steps <= 0:
        return value
    half_lives, rest = divmod(steps, STEPS_PER_HALF_LIFE)
    if half_lives > _HALF_LIVES_MAX:
        return 0
    shift = _PRECISION_BITS + half_lives
    factor = _FACTORS[rest]
    return value * factor >> shift if value > 0 else -(-value * factor >> shift)


def step_length_us(half_life_s: int) -> int:
    """Return the microseconds of one step. Raises ValueError unless the half-life is at least a second."""
    if half_life_s < 1:
        raise ValueError(f"half-life must be at least 1 s, was {half_life_s}")
    return half_life_s * 1_000_000 // STEPS_PER_HALF_LIFE
