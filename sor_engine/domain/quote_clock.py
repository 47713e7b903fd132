"""What the clock of market data says, told by our own.

The law of this file: no time of one clock is compared with a time of another. A quote says when it was made
by its source's clock; how far that is from ours is what quotes took to come, at the least: the clocks'
difference and the quickest way. Times are whole microseconds.
"""

from typing import Final

# The least of the last stretch and of the present one counts: a clock that was set is known after two.
STRETCH_US: Final = 300_000_000


class QuoteClock:
    """The least lag of quotes behind their source's clock, over the last one to two stretches."""

    def __init__(self, stretch_us: int = STRETCH_US) -> None:
        self._stretch_us = stretch_us
        self._began_us: int | None = None
        self._before_us: int | None = None
        self._now_us = 0

    def note(self, quoted_us: int, arrived_us: int) -> int:
        """Take in a quote: when it was made, by its source's clock, and when it came, by ours.

        Returns what to add to a time of the source's clock to have it by ours, too much by the quickest way.
        """
        lag_us, began_us = arrived_us - quoted_us, self._began_us
        if began_us is None:
            self._began_us, self._now_us = arrived_us, lag_us
        elif not 0 <= arrived_us - began_us < self._stretch_us:
            self._began_us, self._before_us, self._now_us = arrived_us, self._now_us, lag_us
        self._now_us = min(self._now_us, lag_us)
        return self.offset_us

    @property
    def offset_us(self) -> int:
        """What to add to a time of the source's clock to have it by ours, as far as that is known."""
        return self._now_us if self._before_us is None else min(self._now_us, self._before_us)
