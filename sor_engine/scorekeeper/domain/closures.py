"""Which venues take nothing now, and how they come back: one state machine a venue, its table in this file.

The law of this file: `TABLE` is the whole machine; an event without a row changes nothing. Times are
microseconds since the epoch and are handed in. A session that is down closes the venue by itself, beside the
table: the adapter, which holds the session, is the one who knows. docs/scorecards.md shows this table.
"""

import enum
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

SECOND_US: Final = 1_000_000
WAIT_S_MIN: Final = 5
WAIT_S_MAX: Final = 300
REJECTS_MIN: Final = 5
LAST_CHILDREN: Final = 20
WINDOW_US: Final = 60 * SECOND_US
# So many children accepted in a row, and the next wait is the shortest again.
ACCEPTED_IN_A_ROW: Final = 10
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class State(enum.Enum):
    """Where a venue stands. On trial it is open, and the next failure closes it for twice as long."""

    OPEN = "OPEN"
    SILENT = "SILENT"
    SILENT_TRIAL = "SILENT_TRIAL"
    REJECTING = "REJECTING"
    REJECTING_TRIAL = "REJECTING_TRIAL"


class Event(enum.Enum):
    """What moves a venue.

    UNANSWERED: a child went unanswered too long. ANSWERED: the venue said anything, or logged on. REJECTS:
    too many of its last children were rejected. ACCEPTED, REJECTED: its word on a child placed on trial.
    WAIT_OVER: the wait of a closure is over.
    """

    UNANSWERED = "UNANSWERED"
    ANSWERED = "ANSWERED"
    REJECTS = "REJECTS"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    WAIT_OVER = "WAIT_OVER"


TABLE: Final[Mapping[tuple[State, Event], State]] = {
    (State.OPEN, Event.UNANSWERED): State.SILENT,
    (State.OPEN, Event.REJECTS): State.REJECTING,
    (State.SILENT, Event.ANSWERED): State.OPEN,
    (State.SILENT, Event.WAIT_OVER): State.SILENT_TRIAL,
    (State.SILENT_TRIAL, Event.ANSWERED): State.OPEN,
    (State.SILENT_TRIAL, Event.UNANSWERED): State.SILENT,
    (State.REJECTING, Event.WAIT_OVER): State.REJECTING_TRIAL,
    (State.REJECTING_TRIAL, Event.ACCEPTED): State.OPEN,
    (State.REJECTING_TRIAL, Event.REJECTED): State.REJECTING,
    (State.REJECTING_TRIAL, Event.UNANSWERED): State.SILENT,
}
_CLOSED: Final = frozenset((State.SILENT, State.REJECTING))


@dataclass(slots=True)
class Gate:
    """One venue's closure.

    since_us: when the state was entered; children placed before do not count on trial. until_us: when a
    closure's wait is over. wait_s: the next closure's wait. recent: (time, rejected) of the last children.
    up, session_at_us: the session, and when it last changed. Without a word of it the session counts as up.
    heard_us: when the venue last said anything; not kept, as a restart asks the stored children.
    """

    state: State = State.OPEN
    since_us: int = 0
    until_us: int = 0
    wait_s: int = WAIT_S_MIN
    accepted_in_a_row: int = 0
    reason: str = ""
    up: bool = True
    session_at_us: int = 0
    heard_us: int = 0
    touched: bool = False
    recent: deque[tuple[int, bool]] = field(default_factory=lambda: deque(maxlen=LAST_CHILDREN))

    # ---- what a venue says

    def note_answer(self, at_us: int) -> None:
        """The venue said anything at all."""
        self.heard_us = max(self.heard_us, at_us)
        if self.state is not State.OPEN:
            self._move(Event.ANSWERED, at_us)

    def note_accepted(self, at_us: int, placed_us: int) -> None:
        """The venue took a child."""
        self.recent.append((at_us, False))
        self.accepted_in_a_row += 1
        if self.accepted_in_a_row == ACCEPTED_IN_A_ROW and self.wait_s > WAIT_S_MIN:
            self.wait_s = WAIT_S_MIN
            self.touched = True
        if self.state is State.REJECTING_TRIAL and placed_us >= self.since_us:
            self._move(Event.ACCEPTED, at_us)

    def note_rejected(self, at_us: int, placed_us: int) -> None:
        """The venue rejected a child."""
        self.recent.append((at_us, True))
        self.accepted_in_a_row = 0
        if self.state is State.REJECTING_TRIAL and placed_us >= self.since_us:
            self._move(Event.REJECTED, at_us, "rejects=1, of=1")
        elif self.state is State.OPEN:
            within = [rejected for when, rejected in self.recent if when > at_us - WINDOW_US]
            rejects = sum(within)
            if rejects >= REJECTS_MIN and rejects * 2 >= len(within):
                self._move(Event.REJECTS, at_us, f"rejects={rejects}, of={len(within)}")

    # ---- what it does not say

    def silent_since_us(self, placed_us: int) -> int | None:
        """Return from when on a child's silence counts; None while it does not.

        It counts from the logon on and from whatever the venue said last, if that came later: a venue that
        answers anything is not silent. A closure counts for all that was placed before it ended.
        """
        if not self.up or self.state in _CLOSED or placed_us < self.since_us:
            return None
        return max(placed_us, self.session_at_us, self.heard_us)

    def note_unanswered(self, at_us: int, cl_ord_id: str, waited_ms: int) -> None:
        """A child went unanswered for longer than it may."""
        self.accepted_in_a_row = 0
        self._move(Event.UNANSWERED, at_us, f"child={cl_ord_id}, waited_ms={waited_ms}")

    # ---- session and clock

    def note_session(self, up: bool, changed_us: int) -> None:
        """The adapter's word on the venue's session."""
        if (up, changed_us) == (self.up, self.session_at_us):
            return
        back = up and not self.up
        self.up, self.session_at_us = up, changed_us
        self.touched = True
        if back:
            self.note_answer(changed_us)

    def tick(self, now_us: int) -> None:
        """Let the time pass: a closure whose wait is over goes on trial."""
        if self.state in _CLOSED and now_us >= self.until_us:
            self._move(Event.WAIT_OVER, now_us)

    def _move(self, event: Event, at_us: int, because: str = "") -> None:
        to = TABLE.get((self.state, event))
        if to is None:
            return
        self.state, self.since_us, self.touched = to, at_us, True
        if to in _CLOSED:
            self.reason = f"{to.value}: {because}, retry_in_s={self.wait_s}"
            self.until_us = at_us + self.wait_s * SECOND_US
            self.wait_s = min(self.wait_s * 2, WAIT_S_MAX)
            # What closed it must not close it again.
            self.recent.clear()
        else:
            self.reason, self.until_us = "", 0

    # ---- what others see

    @property
    def closed_reason(self) -> str:
        """Why the venue takes nothing now; empty while it is open. A session that is down comes first."""
        if not self.up:
            return f"DOWN: since={_time(self.session_at_us)}"
        return self.reason

    @property
    def closed_until_us(self) -> int | None:
        """When the venue is tried again; None while it is open, or while that depends on the venue alone."""
        return self.until_us if self.up and self.state in _CLOSED else None

    def to_state(self) -> dict[str, Any]:
        """Return everything that is kept, as JSON values."""
        return {
            "state": self.state.value,
            "since_us": self.since_us,
            "until_us": self.until_us,
            "wait_s": self.wait_s,
            "accepted_in_a_row": min(self.accepted_in_a_row, ACCEPTED_IN_A_ROW),
            "reason": self.reason,
            "up": self.up,
            "session_at_us": self.session_at_us,
            "recent": [[when, rejected] for when, rejected in self.recent],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Gate":
        """Take a gate back from `to_state`. An empty state is an open gate."""
        gate = cls()
        if state:
            gate.state = State(state["state"])
            gate.reason = str(state["reason"])
            gate.up = bool(state["up"])
            gate.since_us, gate.until_us = int(state["since_us"]), int(state["until_us"])
            gate.wait_s, gate.session_at_us = int(state["wait_s"]), int(state["session_at_us"])
            gate.accepted_in_a_row = int(state["accepted_in_a_row"])
            gate.recent.extend((int(when), bool(rejected)) for when, rejected in state["recent"])
        return gate


def _time(at_us: int) -> str:
    return (_EPOCH + timedelta(microseconds=at_us)).isoformat(timespec="milliseconds")


def table_as_markdown() -> str:
    """Return `TABLE` as the documentation shows it: a row a state, a column an event."""
    events = list(Event)
    lines = [
        "| in | " + " | ".join(event.value for event in events) + " |",
        "|---|" + "---|" * len(events),
    ]
    for state in State:
        moves = [TABLE.get((state, event)) for event in events]
        lines.append(f"| {state.value} | " + " | ".join(to.value if to else "–" for to in moves) + " |")
    return "\n".join(lines)
