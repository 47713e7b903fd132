"""What the chaos door of a laptop's stack is asked, and what it says: what is broken on purpose, what holds.

The gateway passes this on and adds nothing; only a gateway that is told of such a door has the operations.
"""

import enum
from datetime import datetime
from typing import Annotated, Final

import msgspec

# An outage is long enough to be seen and short enough to be waited for.
SECONDS_MIN: Final = 1
SECONDS_MAX: Final = 60
_Time = Annotated[datetime, msgspec.Meta(tz=True)]


class ChaosKind(str, enum.Enum):
    """What is done.

    KILL: a process is ended with -9, and started again when the time is over. CUT: a venue drops its FIX
    session and takes no log-on until then. UNKIND: a venue misbehaves, one message in so many, until then.
    """

    KILL = "KILL"
    CUT = "CUT"
    UNKIND = "UNKIND"


class ChaosPhase(str, enum.Enum):
    """Where it stands.

    ON: it is in effect. RECOVERING: its time is over, and its target is not back yet. DONE: it is back.
    LATE: it should have been back long ago.
    """

    ON = "ON"
    RECOVERING = "RECOVERING"
    DONE = "DONE"
    LATE = "LATE"


class ChaosState(str, enum.Enum):
    """What is known of an invariant.

    HOLDS: nothing breaks it. IN_FLIGHT: what breaks it is young, and may be on its way. BROKEN: something has
    broken it for longer than anything takes. UNKNOWN: nobody could look.
    """

    HOLDS = "HOLDS"
    IN_FLIGHT = "IN_FLIGHT"
    BROKEN = "BROKEN"
    UNKNOWN = "UNKNOWN"


def _one_of(names: type[enum.Enum]) -> msgspec.Meta:
    """Return what makes a text one of these names, in requests and in the contract."""
    return msgspec.Meta(title=names.__name__, extra_json_schema={"enum": [one.value for one in names]})


_Kind = Annotated[str, _one_of(ChaosKind)]
_Phase = Annotated[str, _one_of(ChaosPhase)]
_State = Annotated[str, _one_of(ChaosState)]


class ChaosRequest(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What to break, for how long. target: a process or a venue; fault: of UNKIND only, as offered."""

    kind: _Kind
    target: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    seconds: Annotated[int, msgspec.Meta(ge=SECONDS_MIN, le=SECONDS_MAX)]
    fault: Annotated[str, msgspec.Meta(max_length=40)] = ""


class _Said(msgspec.Struct, frozen=True, rename="camel", kw_only=True, gc=False):
    """Base of what the door says."""


class ChaosOffer(_Said, frozen=True):
    """Something that can be named. does: what comes of it, in a sentence."""

    name: str
    does: str


class ChaosAction(_Said, frozen=True):
    """Something that was done. by: who asked for it. does: what comes of it meanwhile, in a sentence.

    over_at: when its target was back, null before. Counted since it began, until it was over: acked orders,
    and of these now `closed`, `working` (open, and taken or denied by core) and `waiting` (without an
    outcome).
    """

    kind: _Kind
    target: str
    fault: str
    by: str
    does: str
    started_at: _Time
    ends_at: _Time
    over_at: _Time | None
    phase: _Phase
    acked: int
    closed: int
    working: int
    waiting: int


class ChaosInvariant(_Said, frozen=True):
    """An invariant in words, and what the last look found. sentences: what is wrong, the first few.

    in_flight, broken: orders, children or positions that are wrong, young and old ones. examined: what was
    looked at. looked_at: null before the first look.
    """

    invariant: str
    state: _State
    in_flight: int
    broken: int
    examined: int
    sentences: list[str]
    looked_at: _Time | None


class Chaos(_Said, frozen=True):
    """What can be broken, what is and was, newest first, and whether every invariant holds.

    at: by the door's clock. recent_ms, whole_ms: what the last look at recent orders and at everything took.
    whole_every_s: after how long everything is looked at again. problem: why nobody could look, else empty.
    """

    at: _Time
    processes: list[ChaosOffer]
    venues: list[ChaosOffer]
    faults: list[ChaosOffer]
    actions: list[ChaosAction]
    invariants: list[ChaosInvariant]
    recent_ms: int
    whole_ms: int
    whole_every_s: int
    problem: str
