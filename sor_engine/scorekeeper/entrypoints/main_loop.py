"""The scorekeeper's loop: what becomes of our children in, scorecards, closures and the quote tape out.

What was counted and how far the messages were read is stored in one transaction, at most once a second.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import psycopg
import structlog

from oms_platform.clock import Clock, microseconds
from oms_platform.kafka.consumers import BATCH_MAX, BatchConsumer
from oms_platform.kafka.ports import Batch, Record
from oms_platform.messages import RouteAnswer
from oms_platform.telemetry.metrics import timed_transaction
from oms_platform.wire import Topic
from oms_platform.worker import StopFlag
from sor_engine.scorekeeper import metrics
from sor_engine.scorekeeper.domain.child_watch import ChildWatch
from sor_engine.scorekeeper.entrypoints.quote_intake import QuoteIntake
from sor_engine.scorekeeper.handlers import note_message
from sor_engine.scorekeeper.ports import ScoreStore

SAVE_S: Final = 1.0
LOOK_S: Final = 5.0

log = structlog.get_logger()


@dataclass(slots=True)
class Chore:
    """Something to do every so often, first after a while. A failure is logged and tried again sooner."""

    name: str
    run: Callable[[datetime], None]
    every_s: float
    first_s: float
    retry_s: float = 3_600.0
    due_s: float = 0.0


class ScorekeeperLoop:
    """Reads `executions.fills`, `executions.acks` and quotes; stores once a second what changed.

    The two topics come in no order between them: of one batch, placements count first, acknowledgements next.
    One that comes after its child's first fill is no answer any more.
    """

    def __init__(
        self,
        *,
        consumer: BatchConsumer,
        store: ScoreStore,
        watch: ChildWatch,
        quotes: QuoteIntake,
        clock: Clock,
        silent_ms: int,
        gather_s: float,
        make_partitions: Callable[[datetime], None],
        chores: Sequence[Chore] = (),
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._consumer = consumer
        self._store = store
        self._watch = watch
        self._quotes = quotes
        self._clock = clock
        self._silent_us = silent_ms * 1_000
        self._gather_s = gather_s
        self._make_partitions = make_partitions
        self._chores = chores
        self._monotonic_s = monotonic_s
        self._offsets: dict[tuple[str, int], int] = {}
        self._closed: dict[str, str] = {}
        self._saved_s = self._looked_s = float("-inf")
        for chore in chores:
            chore.due_s = monotonic_s() + chore.first_s

    def run(self, stop: StopFlag) -> None:
        """Work until a stop is asked for; what was counted is then stored."""
        while not stop:
            if self.step() < BATCH_MAX:
                # A small batch costs nearly as much as a large one, and nobody waits for a scorecard.
                stop.wait(self._gather_s)
        self.save(self._clock())

    def step(self, timeout_s: float = 0.05) -> int:
        """Take one batch, and once a second look at the time. Returns how many records there were."""
        batch = self._consumer.poll(timeout_s=timeout_s)
        self._quotes.drain(self._clock())
        self._work(batch)
        if self._monotonic_s() - self._saved_s >= SAVE_S:
            self._saved_s = self._monotonic_s()
            now = self._clock()
            self.look(now)
            self.save(now)
            self._do_chores(now)
        return len(batch.records)

    def _work(self, batch: Batch) -> None:
        if not batch.next_offsets:
            return
        # The core, which reads the same topic, brings what cannot be read to the dead letters.
        failed = len(batch.unreadable)
        for record in sorted(batch.records, key=_turn):
            try:
                note_message(self._watch, record.message)
            except (ArithmeticError, ValueError):
                failed += 1
        if failed:
            metrics.unreadable_total.inc(failed)
        metrics.messages_total.inc(len(batch.records))
        self._offsets.update(batch.next_offsets)

    def look(self, now: datetime) -> None:
        """Look at sessions, silences, waits and markouts that are due."""
        now_us = microseconds(now)
        for venue_id, (up, changed_us) in self._store.sessions().items():
            self._watch.record_of(venue_id).gate.note_session(up, changed_us)
        self._look_for_silence(now_us)
        self._watch.tick(now_us)
        self._tell_closures()
        if self._monotonic_s() - self._looked_s >= LOOK_S:
            self._looked_s = self._monotonic_s()
            self._watch.set_dark(self._store.dark_venues())
            metrics.open_children.set(len(self._watch.open))
            self._tell_venues()

    def _tell_venues(self) -> None:
        for venue_id, record in self._watch.records.items():
            metrics.venue_closed.labels(venue_id).set(bool(record.gate.closed_reason))
            total = record.card.total
            if total.sent:
                metrics.fill_ratio.labels(venue_id).set(total.filled / total.sent)

    def _look_for_silence(self, now_us: int) -> None:
        """Close who is silent, but only on what the adapter has stored: an answer may be on its way to us."""
        suspects = self._watch.suspects(now_us, self._silent_us)
        if not suspects:
            return
        certain = self._store.unanswered([name for names in suspects.values() for name in names])
        for venue_id, names in suspects.items():
            for cl_ord_id in names:
                if cl_ord_id in certain:
                    self._watch.note_unanswered(venue_id, cl_ord_id, now_us)
                    break
                self._watch.note_answered_elsewhere(venue_id, cl_ord_id)

    def _tell_closures(self) -> None:
        for venue_id, record in self._watch.records.items():
            reason = record.gate.closed_reason
            before = self._closed.get(venue_id, "")
            if reason == before:
                continue
            self._closed[venue_id] = reason
            if reason:
                metrics.closures_total.labels(venue_id, reason.partition(":")[0]).inc()
                log.warning("venue_closed", venue=venue_id, reason=reason)
            else:
                log.info("venue_open", venue=venue_id, was=before)

    def save(self, now: datetime) -> None:
        """Store what changed, and how far the messages were read."""
        changed = [
            record for record in self._watch.records.values() if record.card.touched or record.gate.touched
        ]
        tape = list(self._quotes.changes)
        if not changed and not tape and not self._offsets:
            return
        try:
            with timed_transaction("scorekeeper_save"):
                self._store.save(changed, tape, self._offsets, now)
        except psycopg.errors.CheckViolation:
            self._make_partitions(now)
            self._store.save(changed, tape, self._offsets, now)
        for record in changed:
            record.card.touched = record.gate.touched = False
        for _ in tape:
            self._quotes.changes.popleft()
        self._offsets = {}
        metrics.saves_total.inc()
        metrics.tape_rows_total.inc(len(tape))

    def _do_chores(self, now: datetime) -> None:
        for chore in self._chores:
            if self._monotonic_s() < chore.due_s:
                continue
            try:
                chore.run(now)
                chore.due_s = self._monotonic_s() + chore.every_s
            except psycopg.Error as error:
                # A lost connection shows at the next save; a lock that was not to be had is no reason to end.
                log.warning("chore_failed", chore=chore.name, error=str(error).strip())
                chore.due_s = self._monotonic_s() + min(chore.retry_s, chore.every_s)


def _turn(record: Record) -> int:
    if isinstance(record.message, RouteAnswer):
        return 0
    return 1 if record.topic == Topic.ACKS.value else 2
