"""What the adapter knows and what of it is durable, from one to the next: known, published, flushed, stored.

The law of this file: offsets, and the closes that no venue would report again, are stored only after
everything published before was flushed; a state that came with a report may be stored at any time, as a crash
that loses it has the report resent. A newer state of a child is never overwritten by an older one.

An acknowledgement waits for the next checkpoint: most children trade or end before, and are written once.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from execution_adapter.domain.child import ChildState, Status
from execution_adapter.domain.reconciliation import EndedRun
from execution_adapter.domain.resumption import Checkpoint
from oms_platform.exceptions import ExceptionKind, ExecutionException
from oms_platform.vocabulary import ChildTerms

Offsets = Mapping[tuple[str, int], int]
States = Mapping[str, tuple[ChildTerms, ChildState]]


# By the ClOrdID of a child: exceptions of this kind about it are explained by what came later.
Settled = tuple[str, ExceptionKind]


class Storable(NamedTuple):
    """What the next transaction may store: children's states by ClOrdID, offsets, and exceptions.

    settled: closed after `exceptions` are stored. runs: comparisons with venues that have ended.
    """

    states: States
    offsets: Offsets
    exceptions: Sequence[ExecutionException]
    settled: Sequence[Settled]
    runs: Sequence[EndedRun]


class Ledger:
    """What is between a message and the database. One thread only."""

    def __init__(self, incarnation: str, kept_offsets: Mapping[str, Mapping[int, int]]) -> None:
        self._incarnation = incarnation
        # By venue: offsets of the fills topic that its checkpoints must cover besides what is published now.
        self._kept_offsets = kept_offsets
        self._handled: dict[tuple[str, int], int] = {}
        self._flushed: dict[tuple[str, int], int] = {}
        self._closes: dict[str, tuple[ChildTerms, ChildState]] = {}
        self._states: dict[str, tuple[ChildTerms, ChildState]] = {}
        self._acks: dict[str, tuple[ChildTerms, ChildState]] = {}
        self._exceptions: list[ExecutionException] = []
        self._settled: list[Settled] = []
        self._runs: list[EndedRun] = []
        self._taken: Storable | None = None
        self._checkpoints: dict[str, Checkpoint] = {}

    # ---- known and published

    def handled(self, offsets: Offsets) -> None:
        """Everything that is below these offsets was worked on, and what follows from it is published."""
        self._handled |= offsets

    def reported(self, child: ChildTerms, state: ChildState, *, answers: bool = True) -> None:
        """A venue's report gave a child this state. answers: it is the first that its venue says of it."""
        name = child.cl_ord_id
        if name in self._closes:
            self._closes[name] = (child, state)
        elif answers and state.status is Status.NEW and not state.cum_qty and name not in self._states:
            self._acks[name] = (child, state)
        else:
            self._acks.pop(name, None)
            self._states[name] = (child, state)

    def excepted(self, exception: ExecutionException) -> None:
        """A message could not be applied; no checkpoint passes it before a person can see it."""
        self._settled = [one for one in self._settled if one != (exception.cl_ord_id, exception.kind)]
        self._exceptions.append(exception)

    def settled(self, cl_ord_id: str, kind: ExceptionKind) -> None:
        """What exceptions of a kind say of a child is so no more: nobody has to look at them."""
        self._settled.append((cl_ord_id, kind))

    def compared(self, runs: Sequence[EndedRun]) -> None:
        """Comparisons with venues have ended."""
        self._runs += runs

    def take_acks(self) -> None:
        """Let the acknowledgements that wait be stored next: a checkpoint is about to pass them."""
        self._states |= self._acks
        self._acks = {}

    def closed(self, child: ChildTerms, state: ChildState) -> None:
        """A child was closed without a report of its venue, and that is published."""
        self._states.pop(child.cl_ord_id, None)
        self._acks.pop(child.cl_ord_id, None)
        self._closes[child.cl_ord_id] = (child, state)

    def newest(self, cl_ord_id: str) -> ChildState | None:
        """Return the newest state of a child that may not be stored yet."""
        found = self._closes.get(cl_ord_id) or self._states.get(cl_ord_id) or self._acks.get(cl_ord_id)
        return None if found is None else found[1]

    @property
    def waits(self) -> bool:
        """Whether anything waits for a flush or a transaction."""
        return bool(self._handled or self._closes or self.has_states)

    # ---- flushed

    def flushed(self) -> None:
        """What was published so far is with the broker."""
        self._flushed |= self._handled
        self._states |= self._closes
        self._handled, self._closes = {}, {}

    # ---- stored

    @property
    def has_states(self) -> bool:
        """Whether states or exceptions may be stored now."""
        return bool(self._states or self._exceptions or self._settled or self._runs)

    @property
    def offsets(self) -> Offsets:
        """The offsets that may be stored now."""
        return dict(self._flushed)

    def storable(self) -> Storable:
        """Return what may be stored now; `stored` is called once it is."""
        self._taken = Storable(
            dict(self._states),
            self.offsets,
            tuple(self._exceptions),
            tuple(self._settled),
            tuple(self._runs),
        )
        return self._taken

    def stored(self) -> None:
        """What `storable` returned last is in the database; what changed since is kept."""
        taken, self._taken = self._taken, None
        if taken is None:
            return
        self._exceptions = self._exceptions[len(taken.exceptions) :]
        self._settled = [one for one in self._settled if one not in taken.settled]
        self._runs = self._runs[len(taken.runs) :]
        self._states = {
            name: kept for name, kept in self._states.items() if taken.states.get(name) is not kept
        }
        self._flushed = {
            place: offset for place, offset in self._flushed.items() if taken.offsets.get(place) != offset
        }

    def offsets_stored(self, offsets: Offsets) -> None:
        """These offsets are in the database."""
        self._flushed = {
            place: offset for place, offset in self._flushed.items() if offsets.get(place) != offset
        }

    # ---- checkpoints

    def checkpoint(
        self, venue_id: str, next_in_seq: int, published: Mapping[int, int], now: datetime
    ) -> Checkpoint | None:
        """Return what a venue's checkpoint says now, None when it says nothing new.

        Only after a flush. next_in_seq: every message below it was worked on. published: next offset of the
        fills topic, by partition.
        """
        kept = self._kept_offsets.get(venue_id, {})
        found = Checkpoint(
            venue_id=venue_id,
            in_seq=max(0, next_in_seq - 1),
            incarnation=self._incarnation,
            offsets={
                partition: max(kept.get(partition, 0), published.get(partition, 0))
                for partition in kept.keys() | published.keys()
            },
            recorded_at=now,
        )
        before = self._checkpoints.get(venue_id)
        if before is not None and (before.in_seq, before.offsets) == (found.in_seq, found.offsets):
            return None
        return found

    def begin_numbers(self, venue_id: str) -> None:
        """A venue's numbers began again: what its checkpoints said means nothing any more."""
        self._checkpoints.pop(venue_id, None)

    def checkpoint_stored(self, checkpoint: Checkpoint) -> None:
        """A checkpoint is in the database."""
        self._checkpoints[checkpoint.venue_id] = checkpoint
