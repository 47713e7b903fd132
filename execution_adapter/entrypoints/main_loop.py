"""The loop of the adapter: what is in the inbox, worked on as one batch.

A batch is one transaction (children, cancels, states, and the offsets of batches that are wholly done),
then the answers to core, then orders to venues. Every little while what was published is flushed; only then
do offsets, and the states that nobody would resend, count as done. About once a second a checkpoint says,
for each venue, up to which inbound sequence everything is durable; that is where a session is taken up
after a crash.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final
from uuid import UUID

import structlog

from execution_adapter import metrics
from execution_adapter.domain.ledger import Ledger, Offsets
from execution_adapter.entrypoints.kill_watch import KillWatch
from execution_adapter.entrypoints.own_names import OwnNames
from execution_adapter.entrypoints.plan_batches import PlanBatches, Step
from execution_adapter.entrypoints.venue_messages import VenueMessages, journal_of
from execution_adapter.handlers import ChildOrderManager
from execution_adapter.ports import (
    Arrivals,
    ChildStore,
    FixMessage,
    Item,
    JournalLine,
    NumbersBegan,
    OutNumbers,
    Routed,
    UnstorableChildError,
    Venues,
    Writes,
)
from oms_platform.clock import Clock, microseconds
from oms_platform.ids import uuid7
from oms_platform.kafka.ports import RecordSink, RecordSource
from oms_platform.messages import ExecutionReport, RouteAnswer
from oms_platform.telemetry.metrics import timed_transaction
from oms_platform.telemetry.tracing import Tracer
from oms_platform.vocabulary import ExecType, Message
from oms_platform.wire import Topic
from oms_platform.worker import StopFlag

log = structlog.get_logger()
IDLE_S: Final = 0.05
OVERDUE_EVERY_S: Final = 1.0
CATCH_UP_S_MAX: Final = 30.0
# Messages of the journal that are worked on as one batch at the start.
READ_AGAIN_MAX: Final = 1_000
# Outbound numbers are noted as used before they are, so many at a time, when fewer than that are left.
OUT_SEQS_RESERVED: Final = 20_000
OUT_SEQS_LEFT_MIN: Final = 10_000
# What a session may say between its last order and its end: heartbeats, the Logout.
OUT_SEQS_OF_THE_END: Final = 100
_NOTHING: Final[frozenset[str]] = frozenset()
# Reports that change nothing of the parent: core need not know, the scorekeeper measures them.
_ACKNOWLEDGING: Final = frozenset(
    (
        ExecType.NEW,
        ExecType.PENDING_NEW,
        ExecType.PENDING_CANCEL,
        ExecType.PENDING_REPLACE,
        ExecType.ORDER_STATUS,
        ExecType.SUSPENDED,
        ExecType.STOPPED,
    )
)
_FILLS: Final = Topic.FILLS.value
_ACKS: Final = Topic.ACKS.value


class ReportsOutlet:
    """Outlet to `executions.fills`, and to `executions.acks` for what changes nothing of the parent.

    Both are keyed by account. dirty: something for core waits for a flush.
    """

    def __init__(self, publisher: RecordSink, new_id: Callable[[], UUID] = uuid7) -> None:
        self._publisher = publisher
        self._new_id = new_id
        self.dirty = False

    def send(self, account_id: str, message: Message, trace: str) -> None:
        """Queue a message, in order."""
        if isinstance(message, ExecutionReport) and message.exec_type in _ACKNOWLEDGING:
            self._publisher.send(_ACKS, account_id, message, event_id=self._new_id(), trace=trace)
            return
        event_id = message.route_id if isinstance(message, RouteAnswer) else self._new_id()
        self._publisher.send(_FILLS, account_id, message, event_id=event_id, trace=trace)
        self.dirty = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often what is done, in seconds."""

    flush_s: float
    checkpoint_s: float


class AdapterLoop:
    """Works on what has arrived until told to stop.

    Steps over ports: the only clocks are `clock` and `monotonic_s`, and nothing here waits but the arrivals.
    """

    def __init__(
        self,
        *,
        arrivals: Arrivals,
        store: ChildStore,
        venues: Venues,
        venue_ids: Sequence[str],
        manager: ChildOrderManager,
        ledger: Ledger,
        publisher: RecordSink,
        outlet: ReportsOutlet,
        clock: Clock,
        monotonic_s: Callable[[], float],
        pace: Pace,
        tracer: Tracer | None = None,
        names: OwnNames | None = None,
        run_commands: Callable[[datetime, float], None] = lambda _now, _now_s: None,
    ) -> None:
        self._run_commands = run_commands
        self._arrivals = arrivals
        self._store = store
        self._venues = venues
        self._venue_ids = frozenset(venue_ids)
        self._manager = manager
        self._kills = KillWatch(store, manager)
        self._plans = PlanBatches(
            store, manager, ledger, publisher, tracer or Tracer(), self._venue_ids, self._kills
        )
        self._messages = VenueMessages(store, venues, manager, ledger, names or OwnNames())
        self._ledger = ledger
        self._publisher = publisher
        self._outlet = outlet
        self._clock = clock
        self._pace = pace
        self._monotonic_s = monotonic_s
        self._reserved: dict[str, OutNumbers] = {}
        now_s = monotonic_s()
        self._flushed_s = self._checkpointed_s = self._asked_s = now_s

    def catch_up(self, consumer: RecordSource, ends: Offsets, reached: Offsets) -> None:
        """Work through the plans that are waiting before any session starts.

        Their answers may not have been published, and reports of their children must come after these.
        """
        at = dict(reached)
        deadline_s = self._monotonic_s() + CATCH_UP_S_MAX
        while any(at.get(place, 0) < end for place, end in ends.items()):
            if self._monotonic_s() > deadline_s:
                log.warning("catch_up_unfinished", at=str(at), ends=str(dict(ends)))
                return
            batch = consumer.poll(timeout_s=IDLE_S)
            if batch.next_offsets:
                self._work([Routed(batch)])
                at.update(batch.next_offsets)
        self._flush()

    def read_again(self, messages: Iterable[FixMessage | NumbersBegan]) -> None:
        """Work on what came before this process began and is in the journal, before any session starts."""
        waiting = iter(messages)
        while batch := tuple(islice(waiting, READ_AGAIN_MAX)):
            self._work(batch, journaled=True)
        self._flush()

    def run(self, stop: StopFlag) -> None:
        """Work until a stop is asked for, then leave a checkpoint of everything that came by then."""
        while not stop:
            self.step()
        self.checkpoint()
        # The logouts come after this.
        self._reserve(dict.fromkeys(self._venue_ids, OUT_SEQS_OF_THE_END))

    def step(self) -> None:
        """Work on what is in the inbox, and do what is due."""
        items = self._arrivals.take(self._wait_s())
        if items:
            self._work(items)
        now_s = self._monotonic_s()
        self._kills.look(self._clock(), now_s)
        self._manager.expire_holds(self._clock(), now_s)
        self._manager.send_waiting(self._clock(), now_s)
        if self._unsettled() and now_s - self._flushed_s >= self._pace.flush_s:
            self._settle()
        if now_s - self._asked_s >= OVERDUE_EVERY_S:
            self._asked_s = now_s
            self.look()
            self._run_commands(self._clock(), now_s)
            self._manager.ask_overdue(self._clock(), now_s)
            self._manager.count()
            self.reserve_numbers()
        self._venues.flush()
        if now_s - self._checkpointed_s >= self._pace.checkpoint_s:
            self.checkpoint()

    def look(self) -> None:
        """Take note of what must not be sent any more, or may be again."""
        stops = self._store.look()
        if stops is not None:
            self._manager.handle_stops(stops)
        self._kills.look(self._clock(), self._monotonic_s())

    def _wait_s(self) -> float:
        """Return how long the inbox may stay empty before something is due."""
        idle_s = self._pace.flush_s if self._unsettled() else IDLE_S
        hold_s = self._manager.next_hold_s()
        return idle_s if hold_s is None else max(0.0, min(idle_s, hold_s - self._monotonic_s()))

    def checkpoint(self) -> None:
        """Make everything that has come so far durable, and store how far that is."""
        # What is below these numbers is in the inbox already, or was taken from it.
        expected = {venue_id: self._venues.expected_in_seq(venue_id) for venue_id in self._venue_ids}
        items = self._arrivals.take(0)
        if items:
            self._work(items)
        self._ledger.take_acks()
        self._settle()
        now = self._clock()
        published = self._publisher.next_offsets(_FILLS)
        fresh = [
            checkpoint
            for venue_id, next_seq in expected.items()
            if (checkpoint := self._ledger.checkpoint(venue_id, next_seq, published, now)) is not None
        ]
        offsets = self._ledger.offsets
        if fresh or offsets:
            self._store.write_checkpoints(fresh, offsets, now)
            self._ledger.offsets_stored(offsets)
        for checkpoint in fresh:
            self._ledger.checkpoint_stored(checkpoint)
            metrics.in_seq.labels(checkpoint.venue_id).set(checkpoint.in_seq)
            out = self._venues.out_numbers(checkpoint.venue_id)
            metrics.out_seq.labels(checkpoint.venue_id).set(out.next_seq)
        self._checkpointed_s = self._monotonic_s()

    def reserve_numbers(self) -> None:
        """See that no outbound number can come a second time, whenever this process ends.

        Before the sessions start, and again long before what is noted is used up.
        """
        low: list[str] = []
        for venue_id in self._venue_ids:
            used, noted = self._venues.out_numbers(venue_id), self._reserved.get(venue_id, OutNumbers())
            left = noted.next_seq - used.next_seq
            if used.before != noted.before or left < OUT_SEQS_LEFT_MIN:
                low.append(venue_id)
        if low:
            self._reserve(dict.fromkeys(low, OUT_SEQS_RESERVED))

    def _reserve(self, more: Mapping[str, int]) -> None:
        """Note so many numbers beyond those used as used, by venue."""
        noted: dict[str, OutNumbers] = {}
        for venue_id, count in more.items():
            used = self._venues.out_numbers(venue_id)
            noted[venue_id] = OutNumbers(used.next_seq + count, used.before)
        self._store.reserve_out(noted)
        self._reserved |= noted

    def _unsettled(self) -> bool:
        return self._outlet.dirty or self._ledger.waits

    def _settle(self) -> None:
        """Flush, and store the states that are waiting: many reports of a child make one write."""
        self._flush()
        if self._ledger.has_states:
            self._write(Writes(journal=self._venues.take_sent()))

    def _flush(self) -> None:
        """Wait until what was published is with the broker."""
        self._publisher.flush()
        self._outlet.dirty = False
        self._flushed_s = self._monotonic_s()
        self._ledger.flushed()

    def _now_us(self) -> int:
        return microseconds(self._clock())

    def _work(self, items: Sequence[Item], *, journaled: bool = False) -> None:
        started_s, taken_us = self._monotonic_s(), self._now_us()
        batches = [item.batch for item in items if isinstance(item, Routed)]
        steps = [step for batch in batches for step in self._plans.read(batch)]
        journal = [*self._venues.take_sent(), *(() if journaled else journal_of(items))]
        self._messages.except_refused(items, self._clock())
        if not journaled:
            heard = {item.venue_id for item in items if isinstance(item, FixMessage) and not item.poss_dup}
            self._kills.heard(heard, started_s)
        # What venues sent is kept as it came before anything is decided about it.
        new = self._store_batch(steps, journal) if steps or journal else _NOTHING
        self._plans.note_cancels(steps)
        if self._messages.handle(items, self._clock(), self._monotonic_s()):
            self._checkpointed_s = 0.0
        if steps:
            self._plans.trace(steps, taken_us, self._now_us())
            self._plans.finish(steps, new, self._clock(), self._monotonic_s())
            self._plans.write_spans(steps, taken_us, self._now_us())
            log.info("batch", items=len(items), plans_and_cancels=len(steps))
        for batch in batches:
            self._ledger.handled(batch.next_offsets)
        self._venues.flush()
        self._publisher.poll()
        metrics.inbox_items.observe(len(items))
        metrics.batch_seconds.observe(self._monotonic_s() - started_s)

    def _store_batch(self, steps: Sequence[Step], journal: Sequence[JournalLine]) -> frozenset[str]:
        """Store what may be stored of a batch. Returns the ClOrdIDs of the children that were not there."""
        self._plans.hold_to_parents(steps)
        writes = self._plans.writes(steps, journal)
        try:
            return self._write(writes)
        except UnstorableChildError:
            refused = self._store.unstorable(writes, self._clock())
            if not refused:
                raise
            self._plans.refuse_unstorable(steps, refused)
            return self._write(self._plans.writes(steps, journal))

    def _write(self, writes: Writes) -> frozenset[str]:
        """Store a batch with what has become durable since the last one. Returns the new children."""
        storable = self._ledger.storable()
        writes.states, writes.offsets, writes.exceptions = storable[:3]
        writes.settled, writes.runs = storable.settled, storable.runs
        self._kills.excepted(writes.exceptions, self._monotonic_s())
        with timed_transaction("adapter_write"):
            new = self._store.write(writes, self._clock())
        self._ledger.stored()
        return new
