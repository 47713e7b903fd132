"""Begins what is to be broken, one thing at a time, and follows it until its target is back.

The law of this file: nothing has to be mended by it. A supervisor starts what was killed, a venue becomes
kind and takes log-ons, each by its own clock, also when this process has died meanwhile.
"""

import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol

from msgspec.structs import replace

from oms_api.domain.chaos import ChaosAction, ChaosKind, ChaosPhase, ChaosRequest
from oms_tools.chaos.offers import CUT_DOES, FAULTS, PROCESSES

ACTIONS_MAX: Final = 10
# A process that is not back so long after its outage is late; so is a session.
LATE_S: Final = 60.0
# Until its orders' ends no longer come of it: then they are counted no more.
COUNTED_S: Final = 30.0
COUNTED_S_MAX: Final = 300.0
# The gateway has answered before it is killed.
LEAD_S: Final = 0.4


class NotDoneError(Exception):
    """Nothing was broken. field: what was wrong of the request; empty when it is not the time for it."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class Counts(NamedTuple):
    """Orders that were acked in a time, and how they stand now."""

    acked: int
    closed: int
    working: int
    waiting: int


class Ground(Protocol):
    """What is broken, and how it is."""

    def processes(self) -> dict[str, int | None]:
        """Return the pid of each process of the stack that is ready, None of one that is not."""
        ...

    def venues(self) -> dict[str, bool]:
        """Return whether each venue's session is up; none where venues run elsewhere."""
        ...

    def kill(self, process: str, from_: datetime, until: datetime) -> None:
        """Keep a process down for a time."""
        ...

    def cut(self, venue: str, seconds: int) -> None:
        """Break a venue's session off for a time."""
        ...

    def be_unkind(self, venue: str, fault: str, seconds: int) -> None:
        """Let a venue misbehave for a time."""
        ...

    def count(self, since: datetime, until: datetime) -> Counts:
        """Count the orders that were acked in a time."""
        ...


class Conductor:
    """What was broken, newest first. May be called from any thread."""

    def __init__(
        self, ground: Ground, now: Callable[[], datetime], note: Callable[[ChaosAction], None]
    ) -> None:
        self._ground, self._now, self._note = ground, now, note
        self._lock = threading.Lock()
        self._actions: deque[ChaosAction] = deque(maxlen=ACTIONS_MAX)
        self._killed_pid: int | None = None

    @property
    def actions(self) -> list[ChaosAction]:
        """What was broken, newest first."""
        with self._lock:
            return list(self._actions)

    def calm_since(self, now: datetime) -> datetime | None:
        """Return since when nothing is broken on purpose; `now` while something is, None if never."""
        with self._lock:
            newest = self._actions[0] if self._actions else None
        if newest is None:
            return None
        return now if newest.over_at is None else newest.over_at

    def begin(self, request: ChaosRequest, by: str) -> ChaosAction:
        """Begin what is asked for. Raises NotDoneError."""
        with self._lock:
            now = self._now()
            self._require_calm(now)
            does, pid = self._check(request)
            starts_at = now + timedelta(seconds=LEAD_S) if request.kind == ChaosKind.KILL else now
            action = ChaosAction(
                kind=request.kind, target=request.target, fault=request.fault, by=by, does=does,
                started_at=starts_at, ends_at=starts_at + timedelta(seconds=request.seconds), over_at=None,
                phase=ChaosPhase.ON.value, acked=0, closed=0, working=0, waiting=0,
            )  # fmt: skip
            self._note(action)
            match ChaosKind(request.kind):
                case ChaosKind.KILL:
                    self._ground.kill(request.target, action.started_at, action.ends_at)
                case ChaosKind.CUT:
                    self._ground.cut(request.target, request.seconds)
                case ChaosKind.UNKIND:
                    self._ground.be_unkind(request.target, request.fault, request.seconds)
            self._killed_pid = pid
            self._actions.appendleft(action)
            return action

    def _require_calm(self, now: datetime) -> None:
        newest = self._actions[0] if self._actions else None
        if newest is not None and newest.phase in (ChaosPhase.ON, ChaosPhase.RECOVERING):
            left = max(0, round((newest.ends_at - now).total_seconds()))
            back = f"for {left} more seconds" if left else "and is not back yet"
            raise NotDoneError(f"{newest.target} is broken on purpose {back}: one thing at a time")

    def _check(self, request: ChaosRequest) -> tuple[str, int | None]:
        """Return what comes of a request, and the pid of what it kills. Raises NotDoneError."""
        target = request.target
        if request.fault and request.kind != ChaosKind.UNKIND:
            raise NotDoneError("is of UNKIND only", "fault")
        if request.kind == ChaosKind.KILL:
            processes = self._ground.processes()
            if target not in PROCESSES or target not in processes:
                named = ", ".join(name for name in PROCESSES if name in processes)
                raise NotDoneError(f"must be one of {named}", "target")
            if processes[target] is None:
                raise NotDoneError(f"{target} is down already")
            return PROCESSES[target], processes[target]
        venues = self._ground.venues()
        if target not in venues:
            raise NotDoneError(
                f"must be one of {', '.join(venues) or 'no venue: they run elsewhere'}", "target"
            )
        if request.kind == ChaosKind.CUT:
            if not venues[target]:
                raise NotDoneError(f"the session of {target} is down already")
            return CUT_DOES, None
        if request.fault not in FAULTS:
            raise NotDoneError(f"must be one of {', '.join(FAULTS)}", "fault")
        return FAULTS[request.fault].does, None

    def follow(self) -> None:
        """See how the newest stands, and what became of its orders."""
        newest = self.actions[0] if self.actions else None
        if newest is None:
            return
        now = self._now()
        changed = self._followed(newest, now)
        with self._lock:
            if self._actions[0] is newest:
                self._actions[0] = changed

    def _followed(self, action: ChaosAction, now: datetime) -> ChaosAction:
        if action.over_at is None and now >= action.ends_at:
            if self._is_back(action):
                action = replace(action, phase=ChaosPhase.DONE.value, over_at=now)
            elif (now - action.ends_at).total_seconds() > LATE_S:
                action = replace(action, phase=ChaosPhase.LATE.value)
            else:
                action = replace(action, phase=ChaosPhase.RECOVERING.value)
        over_s = 0.0 if action.over_at is None else (now - action.over_at).total_seconds()
        if over_s > (COUNTED_S_MAX if action.waiting else COUNTED_S):
            return action
        until = max(action.started_at, action.over_at or now)
        return replace(action, **self._ground.count(action.started_at, until)._asdict())

    def _is_back(self, action: ChaosAction) -> bool:
        match ChaosKind(action.kind):
            case ChaosKind.KILL:
                return self._ground.processes().get(action.target) not in (None, self._killed_pid)
            case ChaosKind.CUT:
                return self._ground.venues().get(action.target, False)
            case ChaosKind.UNKIND:
                return True
