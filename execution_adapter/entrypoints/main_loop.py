"""The loop of the adapter: what is in the inbox, worked on as one batch.

A batch is one transaction (children, tombstones, states, and the offsets of batches that are wholly done),
then RoutePlaced to core, then orders to venues. Every little while what was published is flushed; only then
do offsets, and the states that nobody would resend, count as done. About once a second a checkpoint says,
for each venue, up to which inbound sequence everything is durable; that is where a session is taken up
after a crash.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

import structlog
from confluent_kafka import Message as KafkaMessage

from execution_adapter import metrics
from execution_adapter.domain.child import CancelRefusal, Child, Inbound, MessageRefusal, Report
from execution_adapter.domain.live_child import LiveChild
from execution_adapter.domain.resumption import Checkpoint
from execution_adapter.entrypoints.fix_parsing import UnreadableReportError, child_id, parse
from execution_adapter.entrypoints.inbox import FixMessage, Inbox, Item, ReaderFailed, SessionDown, SessionUp
from execution_adapter.handlers import Desk, InvalidPlanError, States, by_route, children_of
from execution_adapter.ports import (
    ChildStore,
    Offsets,
    StoredChild,
    UnstorableChildError,
    Venues,
    Writes,
    Written,
)
from oms_platform.clock import Clock
from oms_platform.ids import order_id_of_child, uuid7
from oms_platform.kafka.consumers import Batch, BatchConsumer
from oms_platform.kafka.publisher import Publisher
from oms_platform.messages import CancelChildren, RoutePlan
from oms_platform.telemetry.metrics import timed_transaction
from oms_platform.telemetry.order_trace import Hop, is_traced, now_us, passed
from oms_platform.telemetry.spans import Kind
from oms_platform.telemetry.tracing import ADAPTER_SPAN, DEAD_LETTER_SPAN, SLOW, Tracer
from oms_platform.vocabulary import Message, RoutePlaced
from oms_platform.wire import Topic, order_of
from oms_platform.worker import StopFlag

log = structlog.get_logger()
IDLE_S: Final = 0.05
OVERDUE_EVERY_S: Final = 1.0
CATCH_UP_S_MAX: Final = 30.0


class FillsOutlet:
    """Outlet to `executions.fills`, keyed by account."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self.dirty = False

    def send(self, account_id: str, message: Message, trace: str) -> None:
        """Queue a message, in order."""
        event_id = message.route_id if isinstance(message, RoutePlaced) else uuid7()
        self._publisher.send(Topic.FILLS.value, account_id, message, event_id=event_id, trace=trace)
        self.dirty = True


@dataclass(slots=True)
class _Step:
    """A record of `orders.routed` in its place. refused: a cancel came before it in the batch."""

    message: RoutePlan | CancelChildren
    raw: KafkaMessage
    trace: str
    children: list[Child]
    refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often what is done, in seconds."""

    gather_s: float
    flush_s: float
    checkpoint_s: float


class AdapterLoop:
    """Works on the inbox until told to stop."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        store: ChildStore,
        venues: Venues,
        venue_ids: Sequence[str],
        desk: Desk,
        publisher: Publisher,
        outlet: FillsOutlet,
        incarnation: str,
        kept_offsets: Mapping[str, Mapping[int, int]],
        clock: Clock,
        pace: Pace,
        monotonic_s: Callable[[], float] = time.monotonic,
        tracer: Tracer | None = None,
    ) -> None:
        self._tracer = tracer or Tracer()
        self._inbox = inbox
        self._store = store
        self._venues = venues
        self._venue_ids = frozenset(venue_ids)
        self._desk = desk
        self._publisher = publisher
        self._outlet = outlet
        self._incarnation = incarnation
        self._kept_offsets = kept_offsets
        self._clock = clock
        self._pace = pace
        self._monotonic_s = monotonic_s
        self._handled: Offsets = {}
        self._durable: Offsets = {}
        # States that came with reports: a crash that loses them has the reports resent.
        self._states: States = {}
        # States of our own word: published, and flushed since.
        self._settled: States = {}
        self._checkpoints: dict[str, Checkpoint] = {}
        now_s = monotonic_s()
        self._flushed_s = self._checkpointed_s = self._asked_s = now_s

    def catch_up(self, consumer: BatchConsumer, ends: Offsets, reached: Offsets) -> None:
        """Work through the plans that are waiting before any session starts.

        They are those whose RoutePlaced may not have been published; reports of their children must come
        after it.
        """
        at = dict(reached)
        deadline_s = self._monotonic_s() + CATCH_UP_S_MAX
        while any(at.get(place, 0) < end for place, end in ends.items()):
            if self._monotonic_s() > deadline_s:
                log.warning("catch_up_unfinished", at=str(at), ends=str(dict(ends)))
                return
            batch = consumer.poll()
            if batch.next_offsets:
                self._work([batch])
                at.update(batch.next_offsets)
        self._flush()

    def run(self, stop: StopFlag) -> None:
        """Work until a stop is asked for, then leave a checkpoint of everything that came by then."""
        while not stop:
            self.step()
        self.checkpoint()

    def step(self) -> None:
        """Work on what is in the inbox, and do what is due."""
        items = self._inbox.take(self._wait_s())
        if items:
            self._work(items)
            # A small batch costs nearly as much as a large one: a moment's wait lets the next one gather.
            time.sleep(self._pace.gather_s)
        now_s = self._monotonic_s()
        self._desk.end_holds(self._clock(), now_s)
        if self._unsettled() and now_s - self._flushed_s >= self._pace.flush_s:
            self._settle()
        if now_s - self._asked_s >= OVERDUE_EVERY_S:
            self._asked_s = now_s
            self._desk.ask_overdue(now_s)
            self._desk.count()
        if now_s - self._checkpointed_s >= self._pace.checkpoint_s:
            self.checkpoint()

    def _wait_s(self) -> float:
        """Return how long the inbox may stay empty before something is due."""
        idle_s = self._pace.flush_s if self._unsettled() else IDLE_S
        hold_s = self._desk.next_hold_s()
        return idle_s if hold_s is None else max(0.0, min(idle_s, hold_s - self._monotonic_s()))

    def checkpoint(self) -> None:
        """Make everything that has come so far durable, and store how far that is."""
        # What is below these numbers is in the inbox already, or was taken from it.
        expected = {venue_id: self._venues.expected_in_seq(venue_id) for venue_id in self._venue_ids}
        items = self._inbox.take(0)
        if items:
            self._work(items)
        self._settle()
        now = self._clock()
        published = self._publisher.next_offsets(Topic.FILLS.value)
        fresh: list[Checkpoint] = []
        for venue_id, next_seq in expected.items():
            kept = self._kept_offsets.get(venue_id, {})
            checkpoint = Checkpoint(
                venue_id=venue_id,
                in_seq=max(0, next_seq - 1),
                incarnation=self._incarnation,
                offsets={
                    partition: max(kept.get(partition, 0), published.get(partition, 0))
                    for partition in kept.keys() | published.keys()
                },
                recorded_at=now,
            )
            if self._differs(checkpoint):
                fresh.append(checkpoint)
        if fresh or self._durable:
            self._store.write_checkpoints(fresh, self._durable, now)
        self._durable = {}
        for checkpoint in fresh:
            self._checkpoints[checkpoint.venue_id] = checkpoint
            metrics.in_seq.labels(checkpoint.venue_id).set(checkpoint.in_seq)
            metrics.out_seq.labels(checkpoint.venue_id).set(self._venues.next_out_seq(checkpoint.venue_id))
        self._checkpointed_s = self._monotonic_s()

    def _differs(self, checkpoint: Checkpoint) -> bool:
        before = self._checkpoints.get(checkpoint.venue_id)
        return before is None or replace(checkpoint, recorded_at=before.recorded_at) != before

    def _unsettled(self) -> bool:
        return bool(self._outlet.dirty or self._handled or self._states or self._desk.after_flush)

    def _settle(self) -> None:
        """Flush, and store the states that are waiting: many reports of a child make one write."""
        self._flush()
        if self._states or self._settled:
            self._write(Writes())

    def _flush(self) -> None:
        """Wait until what was published is with the broker; then it counts as done."""
        self._publisher.flush()
        self._outlet.dirty = False
        self._flushed_s = self._monotonic_s()
        self._durable = {**self._durable, **self._handled}
        self._handled = {}
        self._settled |= self._desk.after_flush
        self._desk.after_flush = {}

    def _work(self, items: Sequence[Item]) -> None:
        started, taken_us = time.perf_counter(), now_us()
        self._handle_sessions(items)
        batches = [item for item in items if isinstance(item, Batch)]
        steps = [step for batch in batches for step in self._read_batch(batch)]
        if steps:
            written = self._write_steps(steps)
            self._trace_steps(steps, taken_us)
            self._finish(steps, written)
            self._write_spans(steps, taken_us)
            log.info("batch", items=len(items), plans_and_cancels=len(steps))
        for batch in batches:
            self._handled = {**self._handled, **batch.next_offsets}
        self._publisher.poll()
        metrics.inbox_items.observe(len(items))
        metrics.batch_seconds.observe(time.perf_counter() - started)

    # ---- what comes from the venues

    def _handle_sessions(self, items: Sequence[Item]) -> None:
        now, now_s = self._clock(), self._monotonic_s()
        parsed = [self._parse(item) if isinstance(item, FixMessage) else None for item in items]
        known = self._find_children([inbound for inbound in parsed if inbound is not None])
        changed = {
            item.venue_id: isinstance(item, SessionUp)
            for item in items
            if isinstance(item, SessionUp | SessionDown)
        }
        if changed:
            self._store.write_sessions(changed, now)
        for item, inbound in zip(items, parsed, strict=True):
            if isinstance(item, ReaderFailed):
                raise item.error
            if isinstance(item, SessionUp):
                self._desk.handle_logon(item.venue_id, now, now_s)
            elif isinstance(item, SessionDown):
                self._desk.handle_logout(item.venue_id)
            elif inbound is not None:
                name = _child_of(inbound)
                live = self._desk.get(name) or known.get(name)
                if live is None:
                    metrics.unhandled_total.labels("unknown_child").inc()
                    log.warning("report_of_unknown_child", cl_ord_id=name, message=repr(inbound))
                    continue
                self._desk.handle_inbound(inbound, live, self._states, now, now_s)

    def _parse(self, item: FixMessage) -> Inbound | None:
        try:
            inbound = parse(item.raw, self._clock())
        except UnreadableReportError as error:
            metrics.unhandled_total.labels("unreadable").inc()
            log.warning("report_unreadable", error=str(error))
            return None
        if not isinstance(inbound, MessageRefusal):
            return inbound
        resolved = self._desk.resolve(inbound)
        if resolved is None:
            metrics.unhandled_total.labels("unknown_reference").inc()
            log.warning("refusal_of_unknown_message", refusal=repr(inbound))
        return resolved

    def _find_children(self, inbounds: Sequence[Inbound]) -> Mapping[str, LiveChild]:
        """Look up the children that are live no more; theirs are late and resent reports."""
        places: dict[str, UUID] = {}
        for inbound in inbounds:
            name = _child_of(inbound)
            if self._desk.get(name) is None and name not in places:
                try:
                    places[name] = order_id_of_child(name)
                except ValueError:
                    continue
        found: Sequence[StoredChild] = ()
        if places:
            found = self._store.find([(order_id, name) for name, order_id in places.items()])
        return {stored.child.cl_ord_id: self._recalled(stored) for stored in found}

    def _recalled(self, stored: StoredChild) -> LiveChild:
        """Return a closed child with its newest state, which may not be stored yet."""
        name = stored.child.cl_ord_id
        waiting = self._states.get(name) or self._desk.after_flush.get(name) or self._settled.get(name)
        state = stored.state if waiting is None else waiting[1]
        return LiveChild(stored.child, state, maybe_at_venue=True, tombstoned=stored.tombstoned)

    # ---- what comes from the SOR and core

    def _read_batch(self, batch: Batch) -> list[_Step]:
        for raw, reason in batch.unreadable:
            self._publisher.send_dead_letter(raw, reason)
        steps: list[_Step] = []
        for record, raw in zip(batch.records, batch.raw, strict=True):
            message = record.message
            try:
                if isinstance(message, RoutePlan):
                    steps.append(_Step(message, raw, record.trace, children_of(message)))
                elif isinstance(message, CancelChildren):
                    steps.append(_Step(message, raw, record.trace, []))
                else:
                    raise InvalidPlanError(
                        f"expected a RoutePlan or CancelChildren, found {type(message).__name__}"
                    )
            except InvalidPlanError as error:
                self._publisher.send_dead_letter(raw, str(error))
                self._tracer.fail(record.trace, DEAD_LETTER_SPAN, order_of(message), str(error))
        return steps

    def _plan_writes(self, steps: Sequence[_Step], writes: Writes) -> None:
        canceled: set[UUID] = set()
        for step in steps:
            if isinstance(step.message, CancelChildren):
                canceled.add(step.message.order_id)
                writes.cancels.append(step.message)
                continue
            writes.planned_orders.append(step.message.order_id)
            step.refused = step.message.order_id in canceled
            if not step.refused and not self._missing_venues(step):
                writes.children += step.children

    def _missing_venues(self, step: _Step) -> list[str]:
        return sorted({child.venue_id for child in step.children} - self._venue_ids)

    def _write_steps(self, steps: list[_Step]) -> Written:
        writes = Writes()
        self._plan_writes(steps, writes)
        try:
            return self._write(writes)
        except UnstorableChildError:
            refused = self._store.unstorable(writes, self._clock())
            if not refused:
                raise
            for step in list(steps):
                message = step.message
                keys = [message.request_id] if isinstance(message, CancelChildren) else _ids(step.children)
                problem = next((refused[key] for key in keys if key in refused), None)
                if problem is not None:
                    steps.remove(step)
                    self._publisher.send_dead_letter(step.raw, problem)
            again = Writes()
            self._plan_writes(steps, again)
            return self._write(again)

    def _write(self, writes: Writes) -> Written:
        """Store a batch with what has become durable since the last one."""
        writes.states = {**self._settled, **self._states}
        writes.offsets = self._durable
        with timed_transaction("adapter_write"):
            written = self._store.write(writes, self._clock())
        self._states, self._settled, self._durable = {}, {}, {}
        return written

    def _trace_steps(self, steps: Sequence[_Step], taken_us: int) -> None:
        """Add this hop to what each message goes on with; an order that is late by now is traced."""
        at_us = now_us()
        hop = self._tracer.hop(Hop.ADAPTER, taken_us, at_us)
        for step in steps:
            if self._tracer.is_due(step.trace, at_us):
                step.trace = self._tracer.promote(step.trace, SLOW, step.message.order_id)
            step.trace = passed(step.trace, hop)

    def _write_spans(self, steps: Sequence[_Step], taken_us: int) -> None:
        done_us = now_us()
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
                    "children": len(step.children),
                },
            )
            for step in steps
            if is_traced(step.trace)
        ]
        self._tracer.write_batch("adapter batch", taken_us, done_us, len(steps), spans)

    def _finish(self, steps: Sequence[_Step], written: Written) -> None:
        """Tell core what was stored, and send it."""
        now, now_s = self._clock(), self._monotonic_s()
        stored_before = self._stored_before(steps, written)
        for step in steps:
            message = step.message
            if isinstance(message, CancelChildren):
                self._desk.handle_cancel(message, now, now_s)
                continue
            stored = stored_before.get((message.order_id, message.attempt))
            if step.children and step.children[0].cl_ord_id in written.new and not step.refused:
                self._desk.handle_placed(message, step.children, now, now_s, step.trace)
            elif stored is not None:
                self._desk.handle_placed_before(message, stored, now, step.trace)
            elif step.refused or message.order_id in written.tombstoned:
                self._desk.handle_unplaced(message, now, step.trace, reason="canceled", refused=True)
            else:
                missing = self._missing_venues(step)
                reason = f"UNKNOWN_VENUE: venues={'+'.join(missing)}" if missing else message.reason
                self._desk.handle_unplaced(message, now, step.trace, reason=reason, refused=False)

    def _stored_before(
        self, steps: Sequence[_Step], written: Written
    ) -> Mapping[tuple[UUID, int], list[Child]]:
        """Look up the plans with legs of which nothing was new: they were stored before, or refused."""
        routes = [
            (step.message.order_id, step.message.attempt)
            for step in steps
            if isinstance(step.message, RoutePlan)
            and step.children
            and (step.refused or step.children[0].cl_ord_id not in written.new)
        ]
        return by_route(self._store.of_routes(routes)) if routes else {}


def _ids(children: Sequence[Child]) -> list[str | UUID]:
    return [child.cl_ord_id for child in children]


def _child_of(inbound: Inbound) -> str:
    if isinstance(inbound, Report):
        return inbound.cl_ord_id
    return inbound.child_id if isinstance(inbound, CancelRefusal) else child_id(inbound.ref_id)
