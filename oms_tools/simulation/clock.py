"""The time of a simulation, and the ids that are born in it: both follow from the seed and the steps."""

import random
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from oms_platform.clock import microseconds

START: Final = datetime(2026, 1, 15, 15, 0, tzinfo=UTC)
_US: Final = 1_000_000


class SimulatedClock:
    """Wall and monotonic time, which stand still until somebody moves them on."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._elapsed_us = 0
        self._now = start

    def now(self) -> datetime:
        """Return the wall time in UTC."""
        return self._now

    def monotonic_s(self) -> float:
        """Return the seconds since the start."""
        return self._elapsed_us / _US

    def monotonic_ns(self) -> int:
        """Return the nanoseconds since the start."""
        return self._elapsed_us * 1_000

    def advance(self, seconds: float) -> None:
        """Let time pass, a microsecond at least."""
        self._elapsed_us += max(1, int(seconds * _US))
        self._now = self._start + timedelta(microseconds=self._elapsed_us)


class SeededIds:
    """UUIDv7s of the simulated time, each greater than the one before."""

    def __init__(self, clock: SimulatedClock, draws: random.Random) -> None:
        self._clock = clock
        self._draws = draws
        self._last = 0

    def __call__(self) -> UUID:
        """Make one."""
        at_ms = microseconds(self._clock.now()) // 1_000
        made = at_ms << 80 | 0x7 << 76 | 0b10 << 62 | self._draws.getrandbits(48)
        # The twelve bits between version and variant count within a millisecond.
        if made >> 80 <= self._last >> 80:
            made = (self._last >> 64) + 1 << 64 | made & 0xFFFF_FFFF_FFFF_FFFF
        self._last = made
        return UUID(int=made)
