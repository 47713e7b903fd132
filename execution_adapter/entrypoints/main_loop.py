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
from typing import Any, Final
from uuid import UUID

import structlog
from msgspec.structs import replace

from execution_adapter import metrics
from execution_adapter.domain.child import CancelRefusal, Inbound, MessageRefusal, Report
from execution_adapter.domain.fix.wire import first_value, text_of
from execution_adapter.domain.gate import Parent, problem_of_parent
from execution_adapter.domain.ledger import Ledger, Offsets
from execution_adapter.domain.live_child import Executions, LiveChild
from execution_adapter.domain.wire_ids import child_of
from execution_adapter.entrypoints.fix_parsing import UnreadableReportError, parse
from execution_adapter.entrypoints.own_names import OwnNames
from execution_adapter.handlers import ChildOrderManager, by_route, plan_problem
from execution_adapter.ports import (
    Arrivals,
    ChildStore,
    FixMessage,
    FixRefused,
    Item,
    JournalLine,
    OutNumbers,
    ReaderFailed,
    ResendWanted,
    Routed,
    SessionDown,
    SessionUp,
    StoredChild,
    UnstorableChildError,
    Venues,
    Writes,
)
from oms_platform.clock import Clock, microseconds
from oms_platform.exceptions import ExceptionKind
from oms_platform.ids import uuid7
from oms_platform.kafka.ports import Batch, RecordSink, RecordSource
from oms_platform.messages import CancelChildren, ExecutionReport, RouteAnswer, RoutePlan
from oms_platform.order_ids import order_id_of_child
from oms_platform.telemetry.metrics import timed_transaction
from oms_platform.telemetry.order_trace import Hop, is_traced, passed
from oms_platform.telemetry.spans import Kind
from oms_platform.telemetry.tracing import ADAPTER_SPAN, DEAD_LETTER_SPAN, SLOW, Tracer
from oms_platform.vocabulary import ExecType, Message
from oms_platform.wire import Topic, order_of
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


@dataclass(slots=True)
class _Step:
    """A record of `orders.routed` in its place. refused: a cancel of its attempt came before it in the batch.

    problem: why nothing of a plan may be stored or sent. repeated: its plan stands earlier in the batch, or
    was stored before.
    """

    message: RoutePlan | CancelChildren
    raw: Any
    trace: str
    refused: bool = False
    repeated: bool = False
    problem: str = ""


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
        self._tracer = tracer or Tracer()
        self._names = names or OwnNames()
        self._run_commands = run_commands
        self._arrivals = arrivals
        self._store = store
        self._venues = venues
        self._venue_ids = frozenset(venue_ids)
        self._manager = manager
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

    def read_again(self, messages: Iterable[FixMessage]) -> None:
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
            self._manager.handle_stops(stops, self._clock(), self._monotonic_s())

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
        steps = [step for batch in batches for step in self._read_batch(batch)]
        journal = [*self._venues.take_sent(), *(() if journaled else _journal_of(items))]
        for item in items:
            if isinstance(item, FixRefused):
                # In the transaction of its line of the journal: nobody reads it again.
                kind = ExceptionKind.GARBLED if item.garbled else ExceptionKind.REFUSED_BY_SESSION
                self._except(kind, item.reason, item, self._clock())
        # What venues sent is kept as it came before anything is decided about it.
        new = self._write_steps(steps, journal) if steps or journal else _NOTHING
        for step in steps:
            if isinstance(step.message, CancelChildren) and not step.problem:
                # It is taken: whatever venues say in this batch sends none of its children any more.
                self._manager.note_cancel(step.message)
        self._handle_venues(items)
        if steps:
            self._trace_steps(steps, taken_us)
            self._finish(steps, new)
            self._write_spans(steps, taken_us)
            log.info("batch", items=len(items), plans_and_cancels=len(steps))
        for batch in batches:
            self._ledger.handled(batch.next_offsets)
        self._venues.flush()
        self._publisher.poll()
        metrics.inbox_items.observe(len(items))
        metrics.batch_seconds.observe(self._monotonic_s() - started_s)

    # ---- what comes from the venues

    def _handle_venues(self, items: Sequence[Item]) -> None:
        now, now_s = self._clock(), self._monotonic_s()
        changed = {item.venue_id: item for item in items if isinstance(item, SessionUp | SessionDown)}
        if changed:
            self._store.write_sessions(changed, now)
        read = [self._read(item, now) if isinstance(item, FixMessage) else None for item in items]
        known = self._find_children([inbound for inbound in read if inbound is not None])
        for item, inbound in zip(items, read, strict=True):
            if isinstance(item, FixMessage):
                if inbound is not None:
                    self._handle_inbound(item, inbound, known, now, now_s)
            else:
                self._handle_session(item, now, now_s)

    def _handle_session(self, item: Item, now: datetime, now_s: float) -> None:
        if isinstance(item, ReaderFailed):
            raise item.error
        if isinstance(item, SessionUp):
            if item.began_anew:
                log.warning("fix_numbers_began_anew", venue=item.venue_id)
                self._store.begin_numbers(item.venue_id, now)
                self._ledger.begin_numbers(item.venue_id)
                self._checkpointed_s = 0.0
            self._manager.handle_logon(item.venue_id, now, now_s, began_anew=item.began_anew)
        elif isinstance(item, SessionDown):
            self._manager.handle_logout(item.venue_id, now, item.reason, on_purpose=item.on_purpose)
        elif isinstance(item, ResendWanted):
            self._manager.handle_resend_wanted(item.venue_id, now, now_s)

    def _except(self, kind: ExceptionKind, detail: str, item: FixMessage | FixRefused, now: datetime) -> None:
        """Keep a message for a person, and ask about the order that it may be of."""
        live = self._manager.get(self._names.child_named(item.venue_id, item.raw))
        child = None if live is None else live.child
        self._manager.except_message(kind, detail, venue_id=item.venue_id, raw=item.raw, now=now, child=child)
        if live is not None:
            self._manager.ask_soon(live)

    def _read(self, item: FixMessage, now: datetime) -> Inbound | None:
        """Read a message; None when it is of no order, or was kept for a person."""
        try:
            inbound = parse(item.fields, item.venue_id, item.at)
        except UnreadableReportError as error:
            self._except(error.kind, str(error), item, now)
            return None
        except (ValueError, ArithmeticError, LookupError) as error:
            # A fault of ours; the message is kept, and those behind it are worked on.
            log.exception("fix_message_unread", venue=item.venue_id)
            self._except(ExceptionKind.UNREADABLE, repr(error), item, now)
            return None
        if inbound is None:
            msg_type = text_of(first_value(item.raw, 35) or b"")
            log.warning("fix_message_of_no_order", venue=item.venue_id, msg_type=msg_type)
            self._venues.refuse_type(item.venue_id, item.msg_seq, msg_type)
            return None
        inbound = self._names.renamed(inbound)
        if isinstance(inbound, Report) and item.poss_dup and not inbound.poss_dup:
            return replace(inbound, poss_dup=True)
        if not isinstance(inbound, MessageRefusal):
            return inbound
        resolved = self._manager.resolve(inbound)
        if resolved is None:
            self._except(ExceptionKind.VENUE_REFUSED, f"35={inbound.msg_type}: {inbound.text}", item, now)
        return resolved

    def _handle_inbound(
        self,
        item: FixMessage,
        inbound: Inbound,
        known: Mapping[str, LiveChild],
        now: datetime,
        now_s: float,
    ) -> None:
        name = _child_of(inbound)
        # A child that was closed in this batch may have been forgotten by now.
        live = self._manager.get(name) or known.get(name) or self._find_children([inbound]).get(name)
        if live is None:
            report = inbound if isinstance(inbound, Report) else None
            self._manager.except_message(
                ExceptionKind.UNKNOWN_ORDER,
                f"no order {name or 'without ClOrdID'} was sent to {item.venue_id}",
                venue_id=item.venue_id,
                raw=item.raw,
                now=now,
                report=report,
            )
            return
        self._manager.handle_inbound(inbound, live, item.raw, now, now_s)

    def _find_children(self, inbounds: Sequence[Inbound]) -> Mapping[str, LiveChild]:
        """Look up the children that are remembered no more; theirs are late and resent reports."""
        places: dict[str, UUID] = {}
        for inbound in inbounds:
            name = _child_of(inbound)
            if name not in places and self._manager.get(name) is None:
                try:
                    places[name] = order_id_of_child(name)
                except ValueError:
                    continue
        if not places:
            return {}
        keys = [(order_id, name) for name, order_id in places.items()]
        stored = self._store.find(keys)
        executions = self._store.known_executions(keys) if stored else {}
        return {one.child.cl_ord_id: self._recalled(one, executions) for one in stored}

    def _recalled(self, stored: StoredChild, executions: Mapping[str, Executions]) -> LiveChild:
        """Return a closed child with its newest state, which may not be stored yet."""
        state = self._ledger.newest(stored.child.cl_ord_id) or stored.state
        live = LiveChild(stored.child, state, maybe_at_venue=True, canceling=stored.canceled_by is not None)
        self._manager.remember(live, executions.get(stored.child.cl_ord_id, {}))
        return live

    # ---- what comes from the SOR and core

    def _read_batch(self, batch: Batch) -> list[_Step]:
        for raw, reason in batch.unreadable:
            self._publisher.send_dead_letter(raw, reason)
        steps: list[_Step] = []
        for record, raw in zip(batch.records, batch.raw, strict=True):
            message = record.message
            if isinstance(message, RoutePlan):
                step = _Step(message, raw, record.trace)
                self._refuse(step, plan_problem(message))
                steps.append(step)
            elif isinstance(message, CancelChildren):
                steps.append(_Step(message, raw, record.trace))
            else:
                problem = f"expected a RoutePlan or CancelChildren, found {type(message).__name__}"
                self._publisher.send_dead_letter(raw, problem)
                self._tracer.fail(record.trace, DEAD_LETTER_SPAN, order_of(message), problem)
        return steps

    def _refuse(self, step: _Step, problem: str) -> None:
        """Dead-letter a message that nothing can be done about; a plan is answered nevertheless."""
        if problem:
            step.problem = problem
            self._publisher.send_dead_letter(step.raw, problem)
            self._tracer.fail(step.trace, DEAD_LETTER_SPAN, step.message.order_id, problem)

    def _hold_to_parents(self, steps: Sequence[_Step]) -> None:
        """Decide what may be stored of a batch's plans: by their orders, and by the cancels before them."""
        plans = [step.message for step in steps if isinstance(step.message, RoutePlan)]
        parents = self._store.parents([plan.order_id for plan in plans]) if plans else {}
        canceled = {order_id: parent.canceled_through for order_id, parent in parents.items()}
        # ClOrdIDs of each order's children with the shares that they have executed, or may.
        committed: dict[UUID, dict[str, int]] = {}
        for step in steps:
            message = step.message
            if isinstance(message, CancelChildren):
                if not step.problem:
                    through = max(canceled.get(message.order_id, 0), message.through_attempt)
                    canceled[message.order_id] = through
                continue
            order_id, parent = message.order_id, parents.get(message.order_id)
            of_order = committed.setdefault(order_id, self._committed(parent))
            step.refused = message.attempt <= canceled.get(order_id, 0)
            step.repeated = any(child.cl_ord_id in of_order for child in message.children)
            if step.refused or step.repeated or step.problem or not message.children:
                continue
            problem = problem_of_parent(parent, message.terms, message.children, sum(of_order.values()))
            if problem:
                step.problem = problem
                metrics.gate_refusals_total.labels(problem.partition(":")[0]).inc()
                log.warning("plan_refused", order_id=str(order_id), attempt=message.attempt, problem=problem)
            else:
                of_order |= {child.cl_ord_id: child.quantity for child in message.children}

    def _committed(self, parent: Parent | None) -> dict[str, int]:
        """Return what an order's children have executed or may, as far as we know by now."""
        found: dict[str, int] = {}
        for cl_ord_id, shares in () if parent is None else parent.committed.items():
            newest = self._ledger.newest(cl_ord_id)
            found[cl_ord_id] = shares if newest is None else newest.cum_qty + newest.leaves_qty
        return found

    def _plan_writes(self, steps: Sequence[_Step], writes: Writes) -> None:
        for step in steps:
            message = step.message
            if isinstance(message, CancelChildren):
                if not step.problem:
                    writes.cancels.append(message)
            elif not (step.refused or step.repeated or step.problem or self._missing_venues(message)):
                writes.children += [(child, message.continues) for child in message.children]

    def _missing_venues(self, plan: RoutePlan) -> list[str]:
        return sorted({child.venue_id for child in plan.children} - self._venue_ids)

    def _write_steps(self, steps: Sequence[_Step], journal: Sequence[JournalLine]) -> frozenset[str]:
        self._hold_to_parents(steps)
        writes = Writes(journal=journal)
        self._plan_writes(steps, writes)
        try:
            return self._write(writes)
        except UnstorableChildError:
            refused = self._store.unstorable(writes, self._clock())
            if not refused:
                raise
            for step in steps:
                problem = next((refused[key] for key in _keys(step.message) if key in refused), None)
                if problem is not None and not step.problem:
                    self._refuse(step, f"UNSTORABLE: {problem}")
            again = Writes(journal=journal)
            self._plan_writes(steps, again)
            return self._write(again)

    def _write(self, writes: Writes) -> frozenset[str]:
        """Store a batch with what has become durable since the last one. Returns the new children."""
        storable = self._ledger.storable()
        writes.states, writes.offsets, writes.exceptions = storable[:3]
        writes.settled, writes.runs = storable.settled, storable.runs
        with timed_transaction("adapter_write"):
            new = self._store.write(writes, self._clock())
        self._ledger.stored()
        return new

    def _trace_steps(self, steps: Sequence[_Step], taken_us: int) -> None:
        """Add this hop to what each message goes on with; an order that is late by now is traced."""
        at_us = self._now_us()
        hop = self._tracer.hop(Hop.ADAPTER, taken_us, at_us)
        for step in steps:
            if self._tracer.is_due(step.trace, at_us):
                step.trace = self._tracer.promote(step.trace, SLOW, step.message.order_id)
            step.trace = passed(step.trace, hop)

    def _write_spans(self, steps: Sequence[_Step], taken_us: int) -> None:
        done_us = self._now_us()
        spans = [
            self._tracer.span(
                step.trace,
                ADAPTER_SPAN,
                taken_us,
                done_us,
                kind=Kind.CONSUMER,
                attributes={
                    "order_id": str(step.message.order_id),
                    "message": type(step.message).__name__,
                    "children": len(step.message.children) if isinstance(step.message, RoutePlan) else 0,
                },
            )
            for step in steps
            if is_traced(step.trace)
        ]
        self._tracer.write_batch("adapter batch", taken_us, done_us, len(steps), spans)

    def _finish(self, steps: Sequence[_Step], new: frozenset[str]) -> None:
        """Tell core what was stored, and send it."""
        now, now_s = self._clock(), self._monotonic_s()
        stored_before = self._stored_before(steps, new)
        for step in steps:
            message = step.message
            if isinstance(message, CancelChildren):
                if not step.problem:
                    self._manager.handle_cancel(message, now, now_s)
                continue
            stored = stored_before.get((message.order_id, message.attempt))
            if self._is_new(step, new):
                self._manager.handle_placed(message, now, now_s, step.trace)
            elif stored is not None:
                self._manager.handle_placed_before(message, stored, now, step.trace)
            elif step.refused:
                self._manager.handle_unplaced(message, now, step.trace, reason="canceled", refused=True)
            else:
                missing = self._missing_venues(message)
                unknown = f"UNKNOWN_VENUE: venues={'+'.join(missing)}" if missing else ""
                reason = step.problem or unknown or message.reason
                self._manager.handle_unplaced(message, now, step.trace, reason=reason)

    @staticmethod
    def _is_new(step: _Step, new: frozenset[str]) -> bool:
        plan = step.message
        return (
            isinstance(plan, RoutePlan)
            and bool(plan.children)
            and not (step.refused or step.repeated or step.problem)
            and plan.children[0].cl_ord_id in new
        )

    def _stored_before(
        self, steps: Sequence[_Step], new: frozenset[str]
    ) -> Mapping[tuple[UUID, int], list[StoredChild]]:
        """Look up the plans with children of which nothing was new: they were stored before, or refused."""
        routes = [
            (step.message.order_id, step.message.attempt)
            for step in steps
            if isinstance(step.message, RoutePlan) and step.message.children and not self._is_new(step, new)
        ]
        return by_route(self._store.of_routes(routes)) if routes else {}


def _keys(message: RoutePlan | CancelChildren) -> list[str | UUID]:
    if isinstance(message, CancelChildren):
        return [message.request_id]
    return [child.cl_ord_id for child in message.children]


def _journal_of(items: Sequence[Item]) -> list[JournalLine]:
    return [
        JournalLine(
            venue_id=item.venue_id,
            inbound=True,
            msg_seq=item.msg_seq if isinstance(item, FixMessage) else 0,
            at=item.at,
            raw=item.raw,
        )
        for item in items
        if isinstance(item, FixMessage | FixRefused)
    ]


def _child_of(inbound: Inbound) -> str:
    if isinstance(inbound, Report):
        return inbound.cl_ord_id
    return inbound.child_id if isinstance(inbound, CancelRefusal) else child_of(inbound.ref_id)
