"""What is owed is said again only when it is certain that the first saying was lost.

A *lap* follows what was said around the ring: when the router has read all route requests that there were at
its start, the adapter all plans and cancels that there were then, and this core all answers that there were
then, whatever was asked for before the lap and is still unanswered has no answer on its way. Only that is
published again, so a backlog, however long, is never added to; and not more of it at once than
`records_per_step_max`, so that what is said again never crowds out what is new.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

import structlog

from oms_core.domain.desk import Said
from oms_core.handlers import Core, outgoing_of
from oms_core.ports import Outgoing
from oms_platform.wire import Topic

RESEND_AFTER: Final = timedelta(seconds=15)
RESEND_AFTER_MAX: Final = timedelta(minutes=10)
RECORDS_PER_STEP_MAX: Final = 200
ROUTER_GROUP: Final = "sor-engine"
ADAPTER_GROUP: Final = "execution-adapter"
# Who has to have read what, one after the other.
_STAGES: Final = ((Topic.VALIDATED, ROUTER_GROUP), (Topic.ROUTED, ADAPTER_GROUP), (Topic.FILLS, ""))

log = structlog.get_logger()


class Ring(Protocol):
    """How far the topics reach and how far their readers are, by partition."""

    def ends(self, topic: Topic) -> Mapping[int, int]:
        """Return the next offset that each partition of a topic will give."""

    def read_up_to(self, topic: Topic, group: str) -> Mapping[int, int]:
        """Return the next offset that a group will read; an empty group is this core itself.

        Only partitions that the group reads are named.
        """


@dataclass(slots=True, kw_only=True)
class Lap:
    """One lap around the ring: `stage` says who is being waited for, `ends` how far it has to read."""

    began_at: datetime
    stage: int = 0
    ends: Mapping[int, int] = field(default_factory=dict)

    def go_on(self, ring: Ring) -> bool:
        """Look how far the readers are. Returns whether the lap is done."""
        while self.stage < len(_STAGES):
            topic, group = _STAGES[self.stage]
            if not self.ends:
                self.ends = ring.ends(topic)
            read = ring.read_up_to(topic, group)
            own = not group
            behind = [
                partition
                for partition, end in self.ends.items()
                if (partition in read or not own) and read.get(partition, 0) < end
            ]
            if behind:
                return False
            self.stage, self.ends = self.stage + 1, {}
        return True


class Republication:
    """Finds what is owed for too long, waits for a lap, and gives out what to publish again."""

    def __init__(self, core: Core, ring: Ring) -> None:
        self._core = core
        self._ring = ring
        self._lap: Lap | None = None
        self._again: Iterator[UUID] | None = None

    def begin_anew(self) -> None:
        """Forget the lap: the desk is another one."""
        self._lap = self._again = None

    def step(self, now: datetime) -> list[Outgoing]:
        """Return what is to be published again now, if anything."""
        if self._again is not None:
            return self._next(now)
        if self._lap is None:
            if not self._is_overdue(now):
                return []
            self._lap = Lap(began_at=now)
        if not self._lap.go_on(self._ring):
            return []
        began_at, self._lap = self._lap.began_at, None
        late = [order_id for order_id, said in self._core.desk.owed.items() if _is_late(said, began_at)]
        if not late:
            return []
        log.warning("requests_published_again", count=len(late))
        self._again = iter(late)
        return self._next(now)

    def _is_overdue(self, now: datetime) -> bool:
        """Whether anything is late; what was said the longest ago stands first."""
        return any(_is_late(said, now) for said in list(self._core.desk.owed.values())[:RECORDS_PER_STEP_MAX])

    def _next(self, now: datetime) -> list[Outgoing]:
        found: list[Outgoing] = []
        desk = self._core.desk
        for order_id in self._again or ():
            said, order = desk.owed.get(order_id), desk.order(order_id)
            if said is None or order is None:
                continue
            outgoing = outgoing_of(order, now, self._core.traces.get(order_id, ""))
            if outgoing is None:
                continue
            found.append(outgoing)
            said.times += 1 if said.at is not None else 0
            said.at = now
            desk.owed.move_to_end(order_id)
            if len(found) == RECORDS_PER_STEP_MAX:
                return found
        self._again = None
        return found


def _is_late(said: Said, at: datetime) -> bool:
    if said.at is None:
        return True
    patience: timedelta = RESEND_AFTER * 2 ** min(said.times - 1, 10)
    return at - said.at >= min(patience, RESEND_AFTER_MAX)
