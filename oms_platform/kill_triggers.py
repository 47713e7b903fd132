"""What sets kill switches by themselves: facts are counted over a window, and what is beyond it is asked for.

The law of this file: what was counted before a switch was released counts no more, so that releasing is
enough to go on. A trigger that has gone off says so once in its window, however long the facts go on. Times
are seconds of one clock that only goes forward.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

import structlog

from oms_platform.kill_switches import Asked, Kills, Trigger, TriggerKind, TriggerMode
from oms_platform.scopes import Scope
from oms_platform.telemetry import kill_metrics as metrics

log: Final = structlog.get_logger()


class _Counted:
    """The facts of one trigger: how many in each second, the oldest first."""

    __slots__ = ("seconds",)

    def __init__(self) -> None:
        self.seconds: deque[tuple[int, int]] = deque()

    def add(self, second: int) -> None:
        count = self.seconds.pop()[1] if self.seconds and self.seconds[-1][0] == second else 0
        self.seconds.append((second, count + 1))

    def within(self, now_s: float, window_s: int) -> int:
        while self.seconds and self.seconds[0][0] <= now_s - window_s:
            self.seconds.popleft()
        return sum(count for _, count in self.seconds)


class TriggerWatch:
    """Counts the facts of some kinds, for the triggers that there are. One thread only."""

    def __init__(self, *kinds: TriggerKind) -> None:
        self._kinds = frozenset(kind.name for kind in kinds)
        self._seen: tuple[Trigger, ...] = ()
        self._triggers: tuple[Trigger, ...] = ()
        self._counted: dict[Trigger, _Counted] = {}
        # Until when each says nothing more.
        self._quiet_until_s: dict[Trigger, float] = {}

    @property
    def counts(self) -> bool:
        """Whether there is anything to be counted for."""
        return bool(self._triggers)

    def follow(self, kills: Kills) -> None:
        """Count for these triggers from now on; one that is another than it was begins at nothing."""
        if kills.triggers is self._seen:
            return
        self._seen = kills.triggers
        self._triggers = tuple(one for one in kills.triggers if one.kind in self._kinds)
        self._counted = {one: self._counted.get(one) or _Counted() for one in self._triggers}
        self._quiet_until_s = {
            one: until_s for one, until_s in self._quiet_until_s.items() if one in self._counted
        }

    def note(self, kind: TriggerKind, thing: Scope, now_s: float) -> None:
        """A fact has happened to a thing, given by the names that are known of it."""
        for trigger in self._triggers:
            if trigger.kind == kind.name and trigger.scope.covers(thing):
                self._counted[trigger].add(int(now_s))

    def look(self, now_s: float, ask: Callable[[Asked], None]) -> None:
        """Ask for the switches of the triggers whose facts have reached their thresholds."""
        for trigger in self._triggers:
            found = self._counted[trigger].within(now_s, trigger.window_s)
            if found >= trigger.threshold:
                what = TriggerKind[trigger.kind].value
                said = f"{found} {what} of {trigger.window_s} s, threshold {trigger.threshold}"
                self.reached(trigger, said, now_s, ask)

    def of_kind(self, kind: TriggerKind) -> tuple[Trigger, ...]:
        """Return the triggers of a kind."""
        return tuple(trigger for trigger in self._triggers if trigger.kind == kind.name)

    def reached(self, trigger: Trigger, figures: str, now_s: float, ask: Callable[[Asked], None]) -> None:
        """A trigger's threshold is reached: ask for its switch, or say that it would be."""
        if trigger.is_set or self._quiet_until_s.get(trigger, now_s) > now_s:
            return
        self._quiet_until_s[trigger] = now_s + trigger.window_s
        metrics.triggers_total.labels(trigger.kind, trigger.mode).inc()
        log.warning(
            "kill_trigger", kind=trigger.kind, mode=trigger.mode, scope=str(trigger.scope), figures=figures
        )
        if trigger.mode == TriggerMode.ON.name:
            ask(Asked(trigger=trigger, scope=trigger.scope, figures=figures))
