"""Children, cancels and checkpoints in memory: what Postgres promises, for a simulation."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from msgspec import structs

from execution_adapter.domain.child import new_state
from execution_adapter.domain.gate import Parent
from execution_adapter.domain.ledger import Offsets, Settled
from execution_adapter.domain.reconciliation import EndedRun
from execution_adapter.domain.resumption import Checkpoint, CoreOffsets, passed_by_core
from execution_adapter.ports import (
    HeldTo,
    JournalLine,
    OutNumbers,
    SessionDown,
    SessionUp,
    Stops,
    StoredChild,
    UnstorableChildError,
    Writes,
)
from oms_platform.exceptions import ExecutionException
from oms_platform.kill_switches import Owner, Stage
from oms_platform.messages import CancelChildren
from oms_platform.vocabulary import ChildTerms


class InMemoryChildStore:
    """ChildStore. open_orders, core: what the adapter reads of core's tables; None: every order is open.

    parent_of: the order that a client placed, without its children. owner_of: who asked for it. refuses: says
    why a child is not taken, None for one that is.
    """

    def __init__(
        self,
        *,
        open_orders: Callable[[], frozenset[UUID]] | None = None,
        core: Callable[[], CoreOffsets] = dict,
        parent_of: Callable[[UUID], Parent | None] = lambda _order_id: None,
        refuses: Callable[[ChildTerms], str | None] = lambda _child: None,
        owner_of: Callable[[UUID], Owner | None] = lambda _order_id: None,
    ) -> None:
        self._owner_of = owner_of
        self.covered: dict[tuple[UUID, UUID, str], datetime] = {}
        self.effects: dict[tuple[UUID, Stage], datetime] = {}
        self._open_orders = open_orders
        self._core = core
        self._parent_of = parent_of
        self._refuses = refuses
        self._children: dict[tuple[UUID, str], StoredChild] = {}
        self._names: dict[UUID, list[str]] = {}
        self.stops: Stops | None = None
        self._cancels: dict[UUID, dict[UUID, CancelChildren]] = {}
        self.refused: dict[tuple[UUID, int], str] = {}
        self._checkpoints: dict[tuple[str, datetime], Checkpoint] = {}
        self.offsets: dict[tuple[str, int], int] = {}
        self.sessions: dict[str, bool] = {}
        self.journal: list[JournalLine] = []
        # When each line of it was stored.
        self._journaled_at: list[datetime] = []
        self.exceptions: dict[str, ExecutionException] = {}
        self.settled: set[Settled] = set()
        self.runs: list[EndedRun] = []
        self._out: dict[str, OutNumbers] = {}

    def parents(self, order_ids: Sequence[UUID]) -> Mapping[UUID, Parent]:
        """Return the orders that clients placed, of these, with what became of their children."""
        found: dict[UUID, Parent] = {}
        for order_id in order_ids:
            parent = self._parent_of(order_id)
            if parent is None:
                continue
            states = {name: self._children[order_id, name].state for name in self._names.get(order_id, ())}
            found[order_id] = structs.replace(
                parent,
                canceled_through=max(
                    (one.through_attempt for one in self._cancels.get(order_id, {}).values()), default=0
                ),
                refused_through=max(
                    (attempt for refused_id, attempt in self.refused if refused_id == order_id), default=0
                ),
                committed={name: state.cum_qty + state.leaves_qty for name, state in states.items()},
            )
        return found

    def owners(self, order_ids: Sequence[UUID]) -> Mapping[UUID, Owner]:
        """Return who asked for each of these orders, and by what strategy, as far as that is known."""
        found = {order_id: self._owner_of(order_id) for order_id in order_ids}
        return {order_id: owner for order_id, owner in found.items() if owner is not None}

    def closings(self, order_ids: Sequence[UUID]) -> Mapping[UUID, UUID]:
        """Return, by order, the switch for which it closes a position, of those of these that close one."""
        parents = {order_id: self._parent_of(order_id) for order_id in order_ids}
        return {
            order_id: parent.closes.switch_id
            for order_id, parent in parents.items()
            if parent is not None and parent.closes is not None
        }

    def note_kills(self, held: HeldTo, now: datetime) -> None:
        """Say that the adapter goes by switches, and what they found live; what was said stays as it is."""
        for one in held.covered:
            self.covered.setdefault(one, now)
        for switch in held.switches:
            self.effects.setdefault((switch.switch_id, switch.stage), now)

    def write(self, writes: Writes, now: datetime) -> frozenset[str]:
        """Store a batch, all or nothing. A child of a canceled attempt is not stored."""
        refused = self.unstorable(writes, now)
        if refused:
            raise UnstorableChildError("; ".join(refused.values()))
        new: set[str] = set()
        for child, continues in writes.children:
            key = (child.order_id, child.cl_ord_id)
            if key not in self._children and self._canceled_by(child) is None:
                new.add(child.cl_ord_id)
                state = new_state(child.quantity)
                self._children[key] = StoredChild(child=child, state=state, continues=continues)
                self._names.setdefault(child.order_id, []).append(child.cl_ord_id)
        for cancel in writes.cancels:
            requests = self._cancels.setdefault(cancel.order_id, {})
            known = requests.get(cancel.request_id)
            if known is None or known.through_attempt < cancel.through_attempt:
                requests[cancel.request_id] = cancel
        for plan in writes.refused:
            self.refused.setdefault((plan.order_id, plan.attempt), plan.reason)
        for child, state in writes.states.values():
            key = (child.order_id, child.cl_ord_id)
            if key in self._children:
                self._children[key] = replace(self._children[key], state=state)
        self.journal += writes.journal
        self._journaled_at += [now] * len(writes.journal)
        for exception in writes.exceptions:
            self.exceptions.setdefault(exception.identity, exception)
        self.settled.update(writes.settled)
        self.runs += writes.runs
        self._save_offsets(writes.offsets)
        return frozenset(new)

    def _save_offsets(self, offsets: Offsets) -> None:
        for place, offset in offsets.items():
            self.offsets[place] = max(self.offsets.get(place, 0), offset)

    def _canceled_by(self, child: ChildTerms) -> UUID | None:
        found = [
            cancel
            for cancel in self._cancels.get(child.order_id, {}).values()
            if cancel.through_attempt >= child.attempt
        ]
        return max(found, key=lambda cancel: cancel.requested_at).request_id if found else None

    def unstorable(self, writes: Writes, now: datetime) -> Mapping[str | UUID, str]:
        """Return, by ClOrdID, why a child is refused, for those that are."""
        found = {child.cl_ord_id: self._refuses(child) for child, _ in writes.children}
        return {name: problem for name, problem in found.items() if problem is not None}

    def _read(self, wanted: Callable[[StoredChild], bool]) -> list[StoredChild]:
        found = [
            replace(stored, canceled_by=self._canceled_by(stored.child))
            for stored in self._children.values()
            if wanted(stored)
        ]
        return sorted(found, key=lambda one: (one.child.order_id, one.child.attempt, one.child.leg))

    def find(self, places: Sequence[tuple[UUID, str]]) -> list[StoredChild]:
        """Return the children of these (order_id, ClOrdID) that exist."""
        keys = set(places)
        return self._read(lambda stored: (stored.child.order_id, stored.child.cl_ord_id) in keys)

    def of_routes(self, routes: Sequence[tuple[UUID, int]]) -> list[StoredChild]:
        """Return the children of these (order_id, attempt), by leg."""
        keys = set(routes)
        return self._read(lambda stored: (stored.child.order_id, stored.child.attempt) in keys)

    def live(self) -> list[StoredChild]:
        """Return every child that has quantity left, oldest first."""
        return self._read(lambda stored: stored.state.leaves_qty > 0)

    def of_open_orders(self) -> list[StoredChild]:
        """Return every child whose parent order is not closed, by route."""
        if self._open_orders is None:
            return self._read(lambda _stored: True)
        orders = self._open_orders()
        return self._read(lambda stored: stored.child.order_id in orders)

    def checkpoints(self) -> list[Checkpoint]:
        """Return every checkpoint kept."""
        return list(self._checkpoints.values())

    def write_sessions(self, sessions: Mapping[str, SessionUp | SessionDown], now: datetime) -> None:
        """Store which venues' sessions are up, and why one is not."""
        self.sessions.update({venue_id: isinstance(one, SessionUp) for venue_id, one in sessions.items()})

    def begin_numbers(self, venue_id: str, at: datetime) -> None:
        """Note that a venue's numbers began again: its checkpoints pass none, its children heard none."""
        for place, stored in self._children.items():
            if stored.child.venue_id == venue_id and stored.state.in_seq:
                self._children[place] = replace(stored, state=structs.replace(stored.state, in_seq=0))
        for key, checkpoint in self._checkpoints.items():
            if key[0] == venue_id:
                self._checkpoints[key] = replace(checkpoint, in_seq=0)

    def journaled(self, since: Mapping[str, datetime | None]) -> Iterable[JournalLine]:
        """Return what came from these venues and was stored from a time on, in its order."""
        oldest = min((at for at in since.values() if at is not None), default=None)
        if None in since.values():
            oldest = None
        begin = 0 if oldest is None else bisect_left(self._journaled_at, oldest)
        return [
            line
            for line, at in zip(self.journal[begin:], self._journaled_at[begin:], strict=True)
            if line.inbound
            and line.venue_id in since
            and ((from_then := since[line.venue_id]) is None or at >= from_then)
        ]

    def out_numbers(self) -> Mapping[str, OutNumbers]:
        """Return, by venue, from where on no outbound number was ever used; no venue without any."""
        return dict(self._out)

    def reserve_out(self, numbers: Mapping[str, OutNumbers]) -> None:
        """Note, by venue, from where on no outbound number will have been used when this process ends."""
        self._out.update(numbers)

    def core_offsets(self) -> CoreOffsets:
        """Return how far core has read the fills, by (incarnation, partition)."""
        return self._core()

    def write_checkpoints(self, checkpoints: Sequence[Checkpoint], offsets: Offsets, now: datetime) -> None:
        """Store checkpoints and offsets; drop checkpoints that nothing can need."""
        for checkpoint in checkpoints:
            self._checkpoints.setdefault((checkpoint.venue_id, checkpoint.recorded_at), checkpoint)
        self._save_offsets(offsets)
        if not checkpoints:
            return
        core = self._core()
        for venue_id, recorded_at in list(self._checkpoints):
            if any(
                newer.venue_id == venue_id and newer.recorded_at > recorded_at and passed_by_core(newer, core)
                for newer in list(self._checkpoints.values())
            ):
                del self._checkpoints[venue_id, recorded_at]

    def look(self) -> Stops | None:
        """Return what a test has stopped since the last look. Nobody else can have these sessions."""
        stops, self.stops = self.stops, None
        return stops
