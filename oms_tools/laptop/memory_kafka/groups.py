"""Groups of consumers, by Kafka's classic protocol: who is there, and which of them has which partition.

The members decide who gets what; the broker only sees that all of them have answered, one generation after
the other. It keeps no offsets: the platform's are in Postgres.
"""

import asyncio
import uuid
from collections.abc import Callable
from typing import Final

from oms_tools.laptop.memory_kafka import wire
from oms_tools.laptop.memory_kafka.wire import Reader

Write = Callable[[bytes], None]
# So long a first member is waited for others.
FIRST_JOIN_S: Final = 0.05
_NO_OFFSET: Final = -1
_ILLEGAL_GENERATION: Final = 22
_UNKNOWN_MEMBER: Final = 25
_REBALANCING: Final = 27
_NO_THROTTLE: Final = wire.int32(0)


class _Waiting:
    """A request of a member that is answered when the others have said theirs."""

    def __init__(self, group: "_Group", member: str) -> None:
        self.group, self.member = group, member
        self._write: Write | None = None

    def wait(self, write: Write) -> None:
        """Give the answer to `write` when there is one."""
        self._write = write
        self.group.look()

    def end(self) -> None:
        """It cannot be hurried."""

    def drop(self) -> None:
        """Nobody waits for the answer any more."""
        self._write = None

    def answer(self, response: bytes) -> None:
        """Give the answer."""
        write, self._write = self._write, None
        if write is not None:
            write(response)


class Joining(_Waiting):
    """A JoinGroup request."""


class Syncing(_Waiting):
    """A SyncGroup request."""


class _Member:
    def __init__(self) -> None:
        self.protocols: list[tuple[str, bytes]] = []
        self.session_s = 0.0
        self.rebalance_s = 0.0
        self.joining: Joining | None = None
        self.syncing: Syncing | None = None
        self.expiry: asyncio.TimerHandle | None = None


class _Group:
    """One group. Members join until all have, then the leader tells everybody's partitions."""

    def __init__(self) -> None:
        self.members: dict[str, _Member] = {}
        self.generation = 0
        self.assignments: dict[str, bytes] | None = None
        self.rebalancing = False
        self._deadline: asyncio.TimerHandle | None = None

    def begin(self, wait_s: float) -> None:
        """Have all members join again."""
        self.rebalancing, self.assignments = True, None
        for member in self.members.values():
            self._end_sync(member, _REBALANCING, b"")
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = asyncio.get_running_loop().call_later(wait_s, self._over)

    def _over(self) -> None:
        """Go on without those that have not joined."""
        for name in [name for name, member in self.members.items() if member.joining is None]:
            self.remove(name)
        self.complete()

    def look(self) -> None:
        """Go on if everybody has answered."""
        if self.rebalancing:
            if self.generation and self.members and all(one.joining for one in self.members.values()):
                self.complete()
        elif self.assignments is not None:
            for name, member in self.members.items():
                self._end_sync(member, 0, self.assignments.get(name, b""))

    def complete(self) -> None:
        """Begin a generation of those that have joined."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self.rebalancing = False
        if not self.members:
            return
        self.generation += 1
        leader = next(iter(self.members))
        protocol = self.members[leader].protocols[0][0]
        everybody = [
            wire.string(name) + wire.data(dict(member.protocols).get(protocol, b""))
            for name, member in self.members.items()
        ]
        for name, member in self.members.items():
            joining, member.joining = member.joining, None
            if joining is not None:
                joining.answer(
                    _NO_THROTTLE
                    + wire.int16(0)
                    + wire.int32(self.generation)
                    + wire.string(protocol)
                    + wire.string(leader)
                    + wire.string(name)
                    + wire.array(everybody if name == leader else ())
                )

    @staticmethod
    def _end_sync(member: _Member, error: int, assignment: bytes) -> None:
        syncing, member.syncing = member.syncing, None
        if syncing is not None:
            syncing.answer(_NO_THROTTLE + wire.int16(error) + wire.data(assignment))

    def keep(self, name: str) -> None:
        """A member was heard of: its session goes on."""
        member = self.members[name]
        if member.expiry is not None:
            member.expiry.cancel()
        member.expiry = asyncio.get_running_loop().call_later(member.session_s, self._expire, name)

    def _expire(self, name: str) -> None:
        member = self.members.get(name)
        if member is None or member.joining is not None:
            return
        self.remove(name)
        if self.members:
            self.begin(self.rebalance_s)
            self.look()

    def remove(self, name: str) -> None:
        """A member is there no more."""
        member = self.members.pop(name)
        if member.expiry is not None:
            member.expiry.cancel()

    @property
    def rebalance_s(self) -> float:
        """How long members are waited for."""
        return max(member.rebalance_s for member in self.members.values())

    def problem(self, generation: int, member: str) -> int:
        """Return the error code of a request of a generation, 0 for none."""
        if member not in self.members:
            return _UNKNOWN_MEMBER
        if generation != self.generation:
            return _ILLEGAL_GENERATION
        return _REBALANCING if self.rebalancing else 0


class Groups:
    """Every group by its name."""

    def __init__(self) -> None:
        self._groups: dict[str, _Group] = {}

    def join(self, request: Reader) -> Joining:
        """JoinGroup, version 2."""
        group = self._groups.setdefault(request.string(), _Group())
        session_s, rebalance_s = request.int32() / 1000, request.int32() / 1000
        name = request.string() or f"member-{uuid.uuid4()}"
        request.string()
        is_first = not group.members
        member = group.members.setdefault(name, _Member())
        member.session_s, member.rebalance_s = session_s, rebalance_s
        member.protocols = request.array(lambda: (request.string(), request.data()))
        joining = member.joining = Joining(group, name)
        group.keep(name)
        if is_first:
            group.generation = 0
            group.begin(FIRST_JOIN_S)
        elif not group.rebalancing:
            group.begin(group.rebalance_s)
        return joining

    def sync(self, request: Reader) -> bytes | Syncing:
        """SyncGroup, version 1."""
        group = self._groups.setdefault(request.string(), _Group())
        generation, name = request.int32(), request.string()
        assignments = dict(request.array(lambda: (request.string(), request.data())))
        if problem := group.problem(generation, name):
            return _NO_THROTTLE + wire.int16(problem) + wire.data(b"")
        group.keep(name)
        if assignments:
            group.assignments = assignments
        syncing = group.members[name].syncing = Syncing(group, name)
        return syncing

    def heartbeat(self, request: Reader) -> bytes:
        """Heartbeat, version 1."""
        group = self._groups.setdefault(request.string(), _Group())
        generation, name = request.int32(), request.string()
        problem = group.problem(generation, name)
        if problem in (0, _REBALANCING):
            group.keep(name)
        return _NO_THROTTLE + wire.int16(problem)

    def leave(self, request: Reader) -> bytes:
        """LeaveGroup, version 1."""
        group = self._groups.setdefault(request.string(), _Group())
        name = request.string()
        if name not in group.members:
            return _NO_THROTTLE + wire.int16(_UNKNOWN_MEMBER)
        group.remove(name)
        if group.members:
            group.begin(group.rebalance_s)
            group.look()
        return _NO_THROTTLE + wire.int16(0)

    @staticmethod
    def committed(request: Reader) -> bytes:
        """OffsetFetch, version 1: no offset is kept here."""
        request.string()

        def topic() -> bytes:
            return wire.string(request.string()) + wire.array(request.array(partition))

        def partition() -> bytes:
            return wire.int32(request.int32()) + wire.int64(_NO_OFFSET) + wire.string("") + wire.int16(0)

        return wire.array(request.array(topic))

    @staticmethod
    def commit(_request: Reader) -> bytes:
        """OffsetCommit, version 2: refused. Raises ValueError."""
        raise ValueError("this broker keeps no offsets")
