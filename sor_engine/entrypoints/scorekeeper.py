"""The scorekeeper's loop: what becomes of our children in, scorecards, closures and the quote tape out.

What was counted and how far the messages were read is stored in one transaction, at most once a second. The
door only translates: messages and quotes become the domain's plain numbers here and nowhere else.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, Protocol

import psycopg
import structlog
from prometheus_client import Counter, Gauge

from oms_platform.clock import Clock
from oms_platform.kafka import BATCH_MAX, Batch, BatchConsumer, Record
from oms_platform.messages import CancelReject, ExecutionReport, Quote, RouteAnswer
from oms_platform.metrics import transaction
from oms_platform.vocabulary import ExecType, Message, Side, TimeInForce
from oms_platform.wire import Topic
from oms_platform.worker import StopFlag
from sor_engine.domain.child_watch import Child, ChildWatch, Kind, Report, VenueRecord
from sor_engine.domain.market import micros
from sor_engine.domain.touches import QuoteChange, Touch, Touches

SAVE_S: Final = 1.0
LOOK_S: Final = 5.0
QUOTES_WAITING_MAX: Final = 100_000
TAPE_ROWS_MAX: Final = 100_000
QUIET_S_MAX: Final = 10.0
# Quotes of outside this time are not of a running market, and the tape has no partition for them.
TAPE_PAST: Final = timedelta(days=1)
TAPE_AHEAD: Final = timedelta(hours=1)
_PRICE_MAX: Final = Decimal(10**11)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_US: Final = 86_400_000_000
_RESTS: Final = frozenset((TimeInForce.DAY, TimeInForce.GTC))
_KINDS: Final = {
    ExecType.TRADE: Kind.TRADE,
    ExecType.REJECTED: Kind.REJECTED,
    ExecType.CANCELED: Kind.ENDED,
    ExecType.EXPIRED: Kind.ENDED,
    ExecType.DONE_FOR_DAY: Kind.ENDED,
}
# The ExecID of the adapter's own word on a child that never left, before its ClOrdID.
_UNSENT: Final = "NS-"

log = structlog.get_logger()
messages_total = Counter("oms_sor_scorekeeper_messages_total", "Messages read")
unreadable_total = Counter(
    "oms_sor_scorekeeper_unreadable_total", "Messages passed over: they cannot be read"
)
saves_total = Counter(
    "oms_sor_scorekeeper_saves_total", "Transactions that stored scorecards, quotes or offsets"
)
tape_rows_total = Counter("oms_sor_scorekeeper_tape_rows_total", "Changes of a best bid or offer stored")
tape_refused_total = Counter("oms_sor_scorekeeper_tape_refused_total", "Quotes that the tape does not take")
closures_total = Counter(
    "oms_sor_scorekeeper_closures_total", "Times a venue was closed", ["venue", "reason"]
)
open_children = Gauge("oms_sor_scorekeeper_open_children", "Children that are watched")
fill_ratio = Gauge(
    "oms_sor_scorekeeper_venue_fill_ratio",
    "Shares filled over shares sent, by the scorecard's fading memory",
    ["venue"],
)
venue_closed = Gauge("oms_sor_scorekeeper_venue_closed", "1 while nothing is routed to the venue", ["venue"])


def us_of(at: datetime) -> int:
    """Return a time as microseconds since the epoch."""
    since = at - _EPOCH
    return since.days * _DAY_US + since.seconds * 1_000_000 + since.microseconds


def note_message(watch: ChildWatch, message: Message) -> None:
    """Give a message of `executions.fills` or `executions.acks` to the watch."""
    if isinstance(message, ExecutionReport):
        if message.exec_type is ExecType.CANCELED and message.exec_id == f"{_UNSENT}{message.cl_ord_id}":
            watch.note_unsent(message.cl_ord_id)
            return
        watch.note_report(
            Report(
                message.venue_id,
                message.cl_ord_id,
                message.exec_id,
                _KINDS.get(message.exec_type, Kind.ANSWER),
                message.symbol,
                message.side is Side.BUY,
                us_of(message.transact_time),
                us_of(message.received_at),
                message.last_qty,
                message.last_px_micros or 0,
                message.cum_qty,
                message.leaves_qty,
            )
        )
    elif isinstance(message, RouteAnswer):
        placed_us = us_of(message.placed.placed_at)
        for child in message.placed.children:
            watch.note_placed(
                child.cl_ord_id,
                Child(
                    venue_id=child.venue_id,
                    quantity=child.quantity,
                    limit=child.limit_price_micros,
                    rests=child.time_in_force in _RESTS,
                    placed_us=placed_us,
                ),
            )
    elif isinstance(message, CancelReject):
        watch.note_said(message.venue_id, us_of(message.transact_time))


def _turn(record: Record) -> int:
    if isinstance(record.message, RouteAnswer):
        return 0
    return 1 if record.topic == Topic.ACKS.value else 2


# ---- quotes


class QuoteIntake:
    """Takes quotes in from the feed's thread, and works on them in the loop's. It outlives a restart."""

    def __init__(self, touches: Touches, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self.touches = touches
        self.changes: deque[QuoteChange] = deque(maxlen=TAPE_ROWS_MAX)
        self._waiting: deque[Quote] = deque(maxlen=QUOTES_WAITING_MAX)
        self._monotonic_s = monotonic_s
        self._last_s = float("-inf")

    def note(self, quote: Quote) -> None:
        """Take a quote in; any thread."""
        self._waiting.append(quote)
        self._last_s = self._monotonic_s()

    def check(self) -> str | None:
        """Return None while quotes flow, or for how long they have not."""
        quiet_s = self._monotonic_s() - self._last_s
        if quiet_s <= QUIET_S_MAX:
            return None
        return "no quote yet" if quiet_s == float("inf") else f"no quote for {quiet_s:.1f} s"

    def drain(self, now: datetime) -> None:
        """Work on what waits."""
        waiting = self._waiting
        while waiting:
            quote = waiting.popleft()
            if not now - TAPE_PAST < quote.quoted_at < now + TAPE_AHEAD:
                tape_refused_total.inc()
                continue
            bid, offer = _price(quote.national_best_bid), _price(quote.national_best_offer)
            touch = Touch(None if bid is None else micros(bid), None if offer is None else micros(offer))
            books = {venue.venue_id: venue for venue in quote.venues}
            if self.touches.observe(quote.symbol, us_of(quote.quoted_at), touch, books):
                self.changes.append(
                    QuoteChange(symbol=quote.symbol, quoted_at=quote.quoted_at, bid=bid, offer=offer)
                )


def _price(price: Decimal | None) -> Decimal | None:
    """Return a price that is one: a nonsense quote is none at all."""
    return price if price is not None and price.is_finite() and 0 < price < _PRICE_MAX else None


# ---- the loop


class ScoreStore(Protocol):
    """Where scorecards, closures, the tape and the offsets are kept, and what the adapter has stored."""

    def sessions(self) -> Mapping[str, tuple[bool, int]]:
        """Return, by venue, whether its session is up, and since when in microseconds since the epoch."""

    def dark_venues(self) -> frozenset[str]:
        """Return the venues that display nothing."""

    def unanswered(self, cl_ord_ids: Sequence[str]) -> frozenset[str]:
        """Return which of these children no venue has answered."""

    def save(
        self,
        records: Iterable[VenueRecord],
        tape: Sequence[QuoteChange],
        next_offsets: Mapping[tuple[str, int], int],
        now: datetime,
    ) -> None:
        """Store all in one transaction. Raises psycopg.errors.CheckViolation without a tape partition."""


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
            unreadable_total.inc(failed)
        messages_total.inc(len(batch.records))
        self._offsets.update(batch.next_offsets)

    def look(self, now: datetime) -> None:
        """Look at sessions, silences, waits and markouts that are due."""
        now_us = us_of(now)
        for venue_id, (up, changed_us) in self._store.sessions().items():
            self._watch.record_of(venue_id).gate.note_session(up, changed_us)
        self._look_for_silence(now_us)
        self._watch.tick(now_us)
        self._tell_closures()
        if self._monotonic_s() - self._looked_s >= LOOK_S:
            self._looked_s = self._monotonic_s()
            self._watch.set_dark(self._store.dark_venues())
            open_children.set(len(self._watch.open))
            self._tell_venues()

    def _tell_venues(self) -> None:
        for venue_id, record in self._watch.records.items():
            venue_closed.labels(venue_id).set(bool(record.gate.closed_reason))
            total = record.card.total
            if total.sent:
                fill_ratio.labels(venue_id).set(total.filled / total.sent)

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
                closures_total.labels(venue_id, reason.partition(":")[0]).inc()
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
            with transaction("scorekeeper_save"):
                self._store.save(changed, tape, self._offsets, now)
        except psycopg.errors.CheckViolation:
            self._make_partitions(now)
            self._store.save(changed, tape, self._offsets, now)
        for record in changed:
            record.card.touched = record.gate.touched = False
        for _ in tape:
            self._quotes.changes.popleft()
        self._offsets = {}
        saves_total.inc()
        tape_rows_total.inc(len(tape))

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
