"""How much a venue takes, and what waits for its turn there.

The law of this file: no more than so many messages leave within any second; cancels leave before replaces,
those before orders, orders before questions, and within a kind they leave in the order in which they came.
What waits, waits once. An order that finds the queue full is told so; a cancel, a replace or a question never
is: a child has one of each.
"""

import enum
from collections import OrderedDict, deque
from typing import Final

from execution_adapter.domain.session_settings import Throttle

WINDOW_S: Final = 1
_MS_A_S: Final = 1_000


class Turn(enum.Enum):
    """What is sent, the most urgent first. CANCEL_QUESTION: a question whose answer a cancel waits for."""

    CANCEL = "CANCEL"
    REPLACE = "REPLACE"
    CANCEL_QUESTION = "CANCEL_QUESTION"
    ORDER = "ORDER"
    QUESTION = "QUESTION"


class Admission(enum.Enum):
    """Whether a message may leave: now, when its turn comes, or not at all."""

    NOW = "NOW"
    WAITS = "WAITS"
    FULL = "FULL"


class Lane:
    """The way to one throttled venue. Times are seconds of one clock that never goes back."""

    def __init__(self, terms: Throttle) -> None:
        self.terms = terms
        self._waiting: dict[Turn, OrderedDict[str, None]] = {turn: OrderedDict() for turn in Turn}
        self._left_at_s: deque[float] = deque(maxlen=terms.messages_per_second)
        self._silent_until_s: float = 0

    def __len__(self) -> int:
        """How many messages wait."""
        return sum(len(waiting) for waiting in self._waiting.values())

    def admit(self, turn: Turn, cl_ord_id: str, now_s: float) -> Admission:
        """Let a message about a child leave now, which counts as sent, or let it wait."""
        if not len(self) and self._has_room(now_s):
            self._left_at_s.append(now_s)
            return Admission.NOW
        waiting = self._waiting[turn]
        if turn is Turn.ORDER and cl_ord_id not in waiting and self.is_full:
            return Admission.FULL
        waiting.setdefault(cl_ord_id)
        return Admission.WAITS

    @property
    def is_full(self) -> bool:
        """Whether no other order may wait."""
        return len(self._waiting[Turn.ORDER]) >= self.terms.queue_max

    def waits(self, cl_ord_id: str) -> bool:
        """Say whether anything about a child waits."""
        return any(cl_ord_id in waiting for waiting in self._waiting.values())

    def next(self, now_s: float) -> tuple[Turn, str] | None:
        """Take what may leave now out of the queue, None when nothing may. `note_sent` says that it did."""
        if not self._has_room(now_s):
            return None
        for turn, waiting in self._waiting.items():
            if waiting:
                return turn, waiting.popitem(last=False)[0]
        return None

    def note_sent(self, now_s: float) -> None:
        """What `next` returned has left."""
        self._left_at_s.append(now_s)

    def is_complaint(self, text: str) -> bool:
        """Say whether the text of a refusal means that the venue was sent too much."""
        said = text.casefold()
        return any(part.casefold() in said for part in self.terms.reject_texts)

    def back_off(self, now_s: float) -> None:
        """Send nothing for a while."""
        self._silent_until_s = now_s + self.terms.backoff_ms / _MS_A_S

    def _has_room(self, now_s: float) -> bool:
        if now_s < self._silent_until_s:
            return False
        return len(self._left_at_s) < self.terms.messages_per_second or now_s - self._left_at_s[0] >= WINDOW_S
