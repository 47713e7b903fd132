"""From what became of our children to the scorecards and closures of their venues.

The law of this file: every message may come twice and late. A child counts once, when it ends; a trade
counts once by (venue, ExecID), within a bounded window; an answer counts once a child. What a child was about
is judged on the book as of its placing. Knows no clock and no I/O: times are handed in, in microseconds since
the epoch.
"""

import enum
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from sor_engine.domain.scorecard import (
    CLOCK_OFF_US_MAX,
    HALF_LIFE_S,
    HORIZONS_S,
    TAKE_WINDOW_US,
    Aggression,
    Scorecard,
)
from sor_engine.scorekeeper.domain.closures import Gate
from sor_engine.scorekeeper.domain.touches import Touches

OPEN_MAX: Final = 200_000
CLOSED_MAX: Final = 200_000
TRADES_MAX: Final = 200_000
MARKOUTS_MAX: Final = 200_000
SUSPECTS_MAX: Final = 20
# Quotes get so long to come in before a markout is read.
MARKOUT_GRACE_US: Final = 1_000_000
# A longer latency counts as this.
LATENCY_US_MAX: Final = 1_000_000
_HORIZONS_US: Final = tuple(horizon * 1_000_000 for horizon in HORIZONS_S)


class Kind(enum.Enum):
    """What a report says, as far as it matters here. ANSWER: the venue has the child, or anything else."""

    ANSWER = "ANSWER"
    TRADE = "TRADE"
    REJECTED = "REJECTED"
    ENDED = "ENDED"


class Pool(Protocol):
    """What is learned of a dark venue's size."""

    def observe(self, sent: int, filled: int) -> None:
        """Note that of `sent` shares `filled` were filled."""


@dataclass(slots=True)
class VenueRecord:
    """All that is kept of one venue. pool: of a dark one."""

    venue_id: str
    dark: bool = False
    card: Scorecard = field(default_factory=Scorecard)
    gate: Gate = field(default_factory=Gate)
    pool: Pool | None = None


@dataclass(slots=True)
class Child:
    """An open child. limit in micros; rests: whether its time in force lets it. ack_us: the venue's time.

    stored_cum_qty: what was filled when it was loaded from storage: trades up to there are not new.
    how, displayed, touch: what its placing looked like, once its symbol and side are known. post_only: its
    venue is to reject it where it would take, so that such a word says nothing of the venue. crosses: it is
    for an auction, so that what it trades says nothing of taking what is displayed, or of resting.
    """

    venue_id: str
    quantity: int
    limit: int
    rests: bool
    placed_us: int
    stored_cum_qty: int = 0
    answered: bool = False
    ack_us: int = 0
    how: Aggression | None = None
    displayed: int = 0
    touch: int | None = None
    cum_qty: int = 0
    taken: int = 0
    post_only: bool = False
    crosses: bool = False


class Report(NamedTuple):
    """A report of a venue. price: micros of the last fill. transact_us: the venue's clock, received_us: ours.

    A venue's clock that is too far from ours is not believed.
    """

    venue_id: str
    cl_ord_id: str
    exec_id: str
    kind: Kind
    symbol: str
    buy: bool
    transact_us: int
    received_us: int
    last_qty: int = 0
    price: int = 0
    cum_qty: int = 0
    leaves_qty: int = 0

    @property
    def at_us(self) -> int:
        """When it happened, by the venue's clock if that can be believed."""
        off_us = self.transact_us - self.received_us
        return self.transact_us if -CLOCK_OFF_US_MAX <= off_us <= CLOCK_OFF_US_MAX else self.received_us


class _Fill(NamedTuple):
    at_us: int
    record: VenueRecord
    symbol: str
    buy: bool
    price: int
    shares: int


class _Recent:
    """The last so many keys."""

    def __init__(self, keys_max: int) -> None:
        self._keys: dict[Hashable, None] = {}
        self._keys_max = keys_max

    def __contains__(self, key: Hashable) -> bool:
        return key in self._keys

    def add(self, key: Hashable) -> bool:
        """Add a key. Returns whether it is new."""
        keys = self._keys
        if key in keys:
            return False
        keys[key] = None
        if len(keys) > self._keys_max:
            del keys[next(iter(keys))]
        return True


class ChildWatch:
    """The open children of every venue, and what their ends are worth."""

    def __init__(
        self,
        touches: Touches,
        records: Mapping[str, VenueRecord],
        make_pool: Callable[[], Pool | None],
        half_life_s: int = HALF_LIFE_S,
    ) -> None:
        self.records = dict(records)
        self._touches = touches
        self._make_pool = make_pool
        self._half_life_s = half_life_s
        self.open: dict[str, Child] = {}
        self._unanswered: dict[str, dict[str, Child]] = {}
        self._closed = _Recent(CLOSED_MAX)
        self._trades = _Recent(TRADES_MAX)
        self._markouts: tuple[deque[_Fill], ...] = tuple(deque(maxlen=MARKOUTS_MAX) for _ in HORIZONS_S)

    def record_of(self, venue_id: str) -> VenueRecord:
        """Return a venue's record, a new one if it has none."""
        record = self.records.get(venue_id)
        if record is None:
            record = VenueRecord(venue_id=venue_id, card=Scorecard(half_life_s=self._half_life_s))
            self.records[venue_id] = record
        return record

    def set_dark(self, dark: Iterable[str]) -> None:
        """Say which venues are dark."""
        for venue_id in dark:
            record = self.record_of(venue_id)
            record.dark = True
            if record.pool is None:
                record.pool = self._make_pool()

    # ---- children

    def restore(self, cl_ord_id: str, child: Child) -> None:
        """Take over an open child from storage."""
        self._add(cl_ord_id, child)

    def forget_closed(self, cl_ord_ids: Iterable[str]) -> None:
        """Take these children for counted: nothing that is said of them again counts."""
        for cl_ord_id in cl_ord_ids:
            self._closed.add(cl_ord_id)

    def note_placed(self, cl_ord_id: str, child: Child) -> None:
        """A child was placed; said again, it is passed over."""
        if cl_ord_id not in self.open and cl_ord_id not in self._closed:
            self._add(cl_ord_id, child)

    def _add(self, cl_ord_id: str, child: Child) -> None:
        self.open[cl_ord_id] = child
        if not child.answered:
            self._unanswered.setdefault(child.venue_id, {})[cl_ord_id] = child
        if len(self.open) > OPEN_MAX:
            self._drop(next(iter(self.open)))

    def _drop(self, cl_ord_id: str) -> None:
        child = self.open.pop(cl_ord_id, None)
        if child is not None and not child.answered:
            self._unanswered.get(child.venue_id, {}).pop(cl_ord_id, None)
        self._closed.add(cl_ord_id)

    # ---- reports

    def note_unsent(self, cl_ord_id: str) -> None:
        """A child was closed before it was sent: it says nothing of its venue."""
        self._drop(cl_ord_id)

    def note_said(self, venue_id: str, at_us: int) -> None:
        """A venue said something that is no report of a child."""
        self.record_of(venue_id).gate.note_answer(at_us)

    def note_report(self, report: Report) -> None:
        """Count a venue's report."""
        record = self.records.get(report.venue_id) or self.record_of(report.venue_id)
        record.gate.note_answer(report.received_us)
        cl_ord_id = report.cl_ord_id
        child = self.open.get(cl_ord_id)
        if child is None:
            return
        kind = report.kind
        if kind is Kind.TRADE and not self._trades.add((report.venue_id, report.exec_id)):
            return
        if not child.answered:
            self._answer(record, child, report)
        if kind is Kind.TRADE:
            self._trade(record, child, report)
            if report.leaves_qty > 0 and child.cum_qty < child.quantity:
                return
        elif kind is Kind.ANSWER:
            return
        elif kind is Kind.REJECTED and child.post_only:
            self._drop(cl_ord_id)
            return
        elif kind is Kind.REJECTED:
            record.gate.note_rejected(report.received_us, child.placed_us)
        self._end(record, child, report)
        self._drop(cl_ord_id)

    def _answer(self, record: VenueRecord, child: Child, report: Report) -> None:
        """The first word on a child: now its symbol and side are known, and what it was about."""
        child.answered = True
        child.ack_us = report.at_us
        self._unanswered.get(child.venue_id, {}).pop(report.cl_ord_id, None)
        self._judge(record, child, report)
        if report.kind is Kind.REJECTED:
            return
        gate = record.gate
        gate.note_accepted(report.received_us, child.placed_us)
        waited_us = report.received_us - child.placed_us
        # A child that waited for the logon says nothing of how fast the venue answers, and one stall must not
        # stand for half an hour: silences are the gate's matter.
        if waited_us >= 0 and gate.up and child.placed_us >= gate.session_at_us:
            record.card.note_answer(report.received_us, min(waited_us, LATENCY_US_MAX))

    def _judge(self, record: VenueRecord, child: Child, report: Report) -> None:
        if child.crosses:
            return
        touch = self._touches.touch(report.symbol, child.placed_us)
        if touch is not None:
            child.touch = touch.offer if report.buy else touch.bid
        if record.dark:
            child.how = Aggression.DARK
            return
        displayed = self._touches.reach(
            report.symbol, child.placed_us, child.venue_id, report.buy, child.limit
        )
        if displayed is None:
            # What cannot rest takes, whatever was displayed; of the others nothing can be said.
            child.how = None if child.rests else Aggression.TAKE
            return
        child.displayed = displayed
        child.how = Aggression.TAKE if displayed or not child.rests else Aggression.REST

    def _trade(self, record: VenueRecord, child: Child, report: Report) -> None:
        cum_qty, shares, price = report.cum_qty, report.last_qty, report.price
        child.cum_qty = max(child.cum_qty, cum_qty)
        if cum_qty <= child.stored_cum_qty:
            return
        at_us, how = report.at_us, child.how
        if how is Aggression.TAKE:
            if at_us - child.ack_us <= TAKE_WINDOW_US:
                child.taken += shares
        elif how is Aggression.REST and cum_qty == shares:
            record.card.note_first_fill(report.received_us, max(0, at_us - child.ack_us))
        if child.touch is not None and how is not Aggression.REST and how is not None:
            gain = child.touch - price if report.buy else price - child.touch
            record.card.note_improvement(report.received_us, gain, price, shares)
        fill = _Fill(at_us, record, report.symbol, report.buy, price, shares)
        for waiting in self._markouts:
            waiting.append(fill)

    def _end(self, record: VenueRecord, child: Child, report: Report) -> None:
        at_us, how, quantity = report.received_us, child.how, child.quantity
        cum_qty = max(child.cum_qty, min(report.cum_qty, quantity))
        if report.kind is Kind.REJECTED:
            record.card.note_end(at_us, how, quantity, cum_qty, rejected=True)
            return
        sent, filled = quantity, cum_qty
        if how is Aggression.TAKE:
            filled = min(child.taken, quantity)
            if 0 < child.displayed < quantity:
                # What was displayed tells of taking; what came beyond it tells of what is hidden.
                record.card.note_beyond(at_us, max(0, filled - child.displayed), child.displayed)
                sent = child.displayed
                filled = min(filled, sent)
        elif how is Aggression.DARK and record.pool is not None:
            record.pool.observe(quantity, cum_qty)
        record.card.note_end(at_us, how, quantity, cum_qty, sent=sent, filled=filled)

    # ---- time

    def suspects(self, now_us: int, silent_us: int) -> dict[str, list[str]]:
        """Return, by venue, the oldest children that seem unanswered for longer than `silent_us`.

        Those whose silence can close nothing any more are let go.
        """
        found: dict[str, list[str]] = {}
        for venue_id, waiting in self._unanswered.items():
            gate = self.record_of(venue_id).gate
            if not gate.up:
                continue
            passed = []
            for cl_ord_id, child in waiting.items():
                since_us = gate.silent_since_us(child.placed_us)
                if since_us is None:
                    passed.append(cl_ord_id)
                elif now_us - since_us > silent_us:
                    found.setdefault(venue_id, []).append(cl_ord_id)
                    if len(found[venue_id]) == SUSPECTS_MAX:
                        break
                else:
                    break
            for cl_ord_id in passed:
                del waiting[cl_ord_id]
        return found

    def note_unanswered(self, venue_id: str, cl_ord_id: str, now_us: int) -> None:
        """It is certain that a venue has not answered a child for longer than it may."""
        child = self.open.get(cl_ord_id)
        if child is not None and not child.answered:
            waited_ms = (now_us - child.placed_us) // 1_000
            self.record_of(venue_id).gate.note_unanswered(now_us, cl_ord_id, waited_ms)

    def note_answered_elsewhere(self, venue_id: str, cl_ord_id: str) -> None:
        """Storage knows of an answer that has not come here yet: the child's silence is none."""
        self._unanswered.get(venue_id, {}).pop(cl_ord_id, None)

    def tick(self, now_us: int) -> None:
        """Let the time pass: markouts that are due, closures whose wait is over, what is to be forgotten."""
        for number, (horizon_us, waiting) in enumerate(zip(_HORIZONS_US, self._markouts, strict=True)):
            while waiting and waiting[0].at_us + horizon_us + MARKOUT_GRACE_US <= now_us:
                self._mark(number, waiting.popleft(), horizon_us)
        for record in self.records.values():
            record.gate.tick(now_us)
            record.card.age_to(now_us)

    def _mark(self, number: int, fill: _Fill, horizon_us: int) -> None:
        due_us = fill.at_us + horizon_us
        twice_mid = self._touches.twice_mid(fill.symbol, due_us)
        if twice_mid is None:
            return
        twice_gain = twice_mid - 2 * fill.price if fill.buy else 2 * fill.price - twice_mid
        gain = twice_gain // 2 if twice_gain > 0 else -(-twice_gain // 2)
        fill.record.card.note_markout(due_us, number, gain, fill.price, fill.shares)
