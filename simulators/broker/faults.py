"""How unkind a venue is: a chance for each fault, and the faults that were asked for once.

A seed fixes every draw, so the same plan and the same messages give the same faults. A plan may end by
itself.
"""

import random
from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from simulators.broker.protocol import FaultKind

ONCE_MAX: Final = 10_000
# The session's faults and the true events need no message to come by.
BY_THEMSELVES: Final = frozenset(
    {
        FaultKind.BUST,
        FaultKind.CORRECTION,
        FaultKind.RESTATEMENT,
        FaultKind.UNSOLICITED_CANCEL,
        FaultKind.DAY_END,
        FaultKind.SUSPENSION,
        FaultKind.DROP,
        FaultKind.SESSION_RESET,
        FaultKind.SEQUENCE_LOW,
    }
)


class FaultPlan:
    """One venue's faults. `ask` may be called from any thread, the rest from the venue's.

    ends_at: from when on nothing is sown by chance any more; None for never.
    """

    def __init__(
        self,
        venue_id: str,
        seed: int = 0,
        rates: Mapping[FaultKind, float] | None = None,
        ends_at: datetime | None = None,
    ) -> None:
        wrong = {kind.value: rate for kind, rate in (rates or {}).items() if not 0 <= rate <= 1}
        if wrong:
            raise ValueError(f"a rate must be from 0 to 1, was {wrong}")
        self.seed = seed
        self.ends_at = ends_at if rates else None
        self.rates = {kind: rate for kind, rate in (rates or {}).items() if rate}
        self._draws = random.Random(f"{seed}/{venue_id}/faults")  # noqa: S311  (a simulation, not a secret)
        self._asked: deque[FaultKind] = deque(maxlen=ONCE_MAX)

    @property
    def is_kind(self) -> bool:
        """Whether nothing is to be sown."""
        return not self.rates and not self._asked

    @property
    def asked(self) -> tuple[FaultKind, ...]:
        """What was asked for and not sown yet."""
        return tuple(self._asked)

    def end_if_over(self, now: datetime) -> None:
        """Sow nothing by chance any more when the plan's time is over."""
        if self.ends_at is not None and now >= self.ends_at:
            self.rates, self.ends_at = {}, None

    def ask(self, kind: FaultKind, count: int = 1) -> None:
        """Sow a fault at its next occasions, whatever its rate."""
        self._asked.extend([kind] * count)

    def draw(self, kind: FaultKind) -> bool:
        """Say whether a fault is to be sown now: there is an occasion."""
        if kind in self._asked:
            self._asked.remove(kind)
            return True
        rate = self.rates.get(kind, 0.0)
        return rate > 0 and self._draws.random() < rate

    def is_asked(self, kind: FaultKind) -> bool:
        """Say whether a fault was asked for, and count it as sown."""
        if kind not in self._asked:
            return False
        self._asked.remove(kind)
        return True

    def choose(self, low: int, high: int) -> int:
        """Draw a number from `low` to `high`."""
        return self._draws.randint(low, high)
