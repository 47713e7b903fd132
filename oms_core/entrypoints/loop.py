"""The core's loop: take a batch, handle each message, one transaction, publish; queries in between.

`step` sleeps nowhere and reads no clock of its own: all that it needs from outside is a port.
"""

import heapq
import queue
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid5

import structlog

from oms_core import metrics
from oms_core.domain.alerts import DEFAULT_LEVELS, Alert, Levels
from oms_core.domain.algo_watch import AlgoWatch
from oms_core.domain.days import LossWatch
from oms_core.domain.denials import DenialCode
from oms_core.domain.desk import Desk
from oms_core.domain.flatten import FlattenWatch
from oms_core.domain.kills import KillWatch, why_canceled
from oms_core.domain.limit_watch import LimitWatch
from oms_core.domain.order_times import Turns
from oms_core.domain.peg_watch import PEG_INTERVAL, PEG_MOVES_PER_S, MoveAllowance, PegWatch
from oms_core.domain.risk import RULES
from oms_core.domain.stops import StopWatch
from oms_core.entrypoints.alert_messages import message_of
from oms_core.entrypoints.batch_traces import BatchTraces
from oms_core.entrypoints.execution_copies import EXECUTIONS, ExecutionCopies
from oms_core.entrypoints.republication import Republication, Ring
from oms_core.handlers import (
    UNHANDLEABLE,
    Core,
    account_of,
    handle,
    handle_action,
    handle_algo,
    handle_flatten,
    handle_kill,
    handle_quote,
    handle_retry,
    handle_session_end,
    handle_trigger,
    handle_turn,
    load_orders,
    look_at_day,
    note_request,
    orders_of_session,
    orders_of_symbols,
    orders_to_load,
    refuse_execution,
)
from oms_core.ports import OrderStore, Outgoing, StoredEvent, StoredExecution, UnitOfWork, UnstorableError
from oms_platform.clock import Clock
from oms_platform.errors import BrokenInvariantError
from oms_platform.kafka.ports import Batch, Record, RecordSink, RecordSource
from oms_platform.kill_switches import TriggerKind, owner_of
from oms_platform.kill_triggers import TriggerWatch
from oms_platform.market_rules import rules_date
from oms_platform.messages import SubmitOrder
from oms_platform.order_types import StopTrigger
from oms_platform.prices import MICROS
from oms_platform.telemetry.metrics import timed_transaction
from oms_platform.telemetry.order_trace import now_us
from oms_platform.telemetry.tracing import DEAD_LETTER_SPAN, Tracer
from oms_platform.vocabulary import Message
from oms_platform.wire import Topic, order_of
from oms_platform.worker import StopFlag

SWEEP_EVERY: Final = timedelta(seconds=5)
# So soon a limit that a person sets holds, and a halt.
REFERENCE_EVERY: Final = timedelta(milliseconds=250)
# How often some accounts' days are looked at, one account after the other.
DAYS_EVERY: Final = timedelta(seconds=1)
DAYS_PER_LOOK_MAX: Final = 500
PARTITIONS_EVERY: Final = timedelta(hours=1)
LAP_EVERY: Final = timedelta(milliseconds=500)
IDLE_POLL_S: Final = 0.05
# While stops or pegged orders look at quotes, it is so often.
QUOTES_POLL_S: Final = 0.004
RETRIES_PER_BATCH_MAX: Final = 500
ALGOS_PER_BATCH_MAX: Final = 500
# Of each symbol.
TRIGGERS_PER_BATCH_MAX: Final = 500
PEGS_PER_BATCH_MAX: Final = 50
SESSION_END_PER_BATCH_MAX: Final = 200
# Orders that a kill switch takes out of the market.
KILLED_PER_BATCH_MAX: Final = 200
# Orders whose own time has come.
TURNS_PER_BATCH_MAX: Final = 200
# Alerts that were cleared so lately are published again when a core starts, as the open ones are.
CLEARED_SAID_AGAIN: Final = timedelta(days=1)
# A request is looked for in the log when it has had no outcome for so long.
REQUEST_AWAITED: Final = timedelta(seconds=2)
REQUESTS_PER_SWEEP_MAX: Final = 500

log = structlog.get_logger()

Query = Callable[[Core], None]
# What came, as it came, and why nothing can be done about it.
Letter = tuple[Any, str]


class CoreLoop:
    """One core's loop over its consumer. `queries` are answered between batches, by the owning thread."""

    def __init__(
        self,
        *,
        core: Core,
        store: OrderStore,
        consumer: RecordSource,
        publisher: RecordSink,
        ring: Ring,
        clock: Clock,
        address: str = "",
        tracer: Tracer | None = None,
        stop_trigger: StopTrigger = StopTrigger.QUOTE,
        peg_interval: timedelta = PEG_INTERVAL,
        peg_moves_per_s: int = PEG_MOVES_PER_S,
        alert_levels: Levels = DEFAULT_LEVELS,
        copies: ExecutionCopies | None = None,
    ) -> None:
        self._core = core
        self._store = store
        self._consumer = consumer
        self._publisher = publisher
        self._clock = clock
        self._tracer = tracer or Tracer()
        self._address = address
        self._republication = Republication(core, ring)
        self._partitions: set[int] = set()
        self.queries: queue.SimpleQueue[Query] = queue.SimpleQueue()
        self._retries: list[tuple[datetime, UUID]] = []
        self._stop_trigger = stop_trigger
        self._stops = StopWatch()
        self._turns = Turns()
        self._algos = AlgoWatch((), clock())
        self._peg_interval = peg_interval
        self._moves = MoveAllowance(peg_moves_per_s, clock())
        self._pegs = PegWatch((), clock(), peg_interval)
        self._alert_levels = alert_levels
        self._copies = copies
        self._limits = self._limit_watch()
        self._ending: list[UUID] = []
        self._kills = KillWatch()
        self._killing: list[UUID] = []
        self._flattening = FlattenWatch()
        self._triggers = TriggerWatch(TriggerKind.MESSAGE_RATE, TriggerKind.LOSS)
        self._losses = LossWatch()
        self._to_look_at: list[str] = []
        # When each calendar's last session ended, and which symbols could not be routed at the last
        # look, and which of them whatever the hour.
        self._ended: dict[str, datetime] = {}
        self._held: frozenset[str] = frozenset()
        self._stopped: frozenset[str] = frozenset()
        # Requests received before it have had their outcome.
        self._requests_settled: datetime | None = None
        start = clock()
        self._next_sweep = self._next_partitions = self._next_lap = self._next_reference = start
        self._next_days = start

    # ---- what is owned

    def take_partitions(self, partitions: set[int]) -> None:
        """Rebuild the desk of these partitions' accounts: on start, and whenever a member comes or goes."""
        self._partitions = partitions
        self._core.desk = self._store.load_desk(partitions)
        self._core.traces = {}
        self._begin_anew()
        if self._address:
            self._store.announce(partitions, self._address, self._clock())
        for event in self._store.stream_ends(self._core.desk.owned):
            # It may not have been published: who follows the stream sees by it whether something is missing.
            self._publisher.send(Topic.EVENTS.value, str(event.order_id), event, event_id=event.event_id)
        for alert in self._alerts_since(self._clock() - CLEARED_SAID_AGAIN):
            self._publish_alert(alert)
        if self._copies is not None:
            self._copies.take(self._core.desk.owned)
        log.info("desk_rebuilt", partitions=sorted(partitions), live_orders=len(self._core.desk.orders))

    def drop_partitions(self) -> None:
        """Let go of the desk and of every timer: another core may write these accounts from now on."""
        self._partitions = set()
        self._core.desk = Desk()
        self._core.traces = {}
        self._begin_anew()
        if self._copies is not None:
            self._copies.take(())
        log.info("desk_dropped")

    def _begin_anew(self) -> None:
        self._republication.begin_anew()
        self._ending, self._ended = [], {}
        self._kills, self._killing = KillWatch(), []
        self._to_look_at = []
        self._held = self._stopped = frozenset()
        self._requests_settled = None
        self._next_sweep = self._next_lap = self._next_reference = self._clock()
        if self._partitions:
            self._begin_days(self._next_sweep)
        # An order without a time waits for its market, and may have to wait no longer.
        self._retries = [
            (order.retry_at or self._next_sweep, order_id)
            for order_id, order in self._core.desk.orders.items()
            if order.retry_at is not None or (order.unrouted_qty and not order.route_quantity)
        ]
        heapq.heapify(self._retries)
        orders = self._core.desk.orders.values()
        self._flattening = FlattenWatch(orders)
        self._turns = Turns(orders, self._core.desk.turns_of)
        self._stops = StopWatch(orders, self._stop_trigger)
        self._algos = AlgoWatch(orders, self._next_sweep)
        self._pegs = PegWatch(orders, self._next_sweep, self._peg_interval)
        self._limits = self._limit_watch()

    def _limit_watch(self) -> LimitWatch:
        now = self._clock()
        return LimitWatch(
            [alert for alert in self._alerts_since(now) if alert.cleared_at is None],
            now,
            min(self._partitions, default=0),
            self._alert_levels,
            new_id=self._core.new_id,
        )

    def _alerts_since(self, since: datetime) -> Sequence[Alert]:
        """Return this core's alerts that are open, or were cleared since a time."""
        if not self._partitions:
            return ()
        return self._store.load_alerts(self._core.desk.owned, self._partitions, since)

    # ---- the loop

    def now(self) -> datetime:
        """Return the loop's time."""
        return self._clock()

    def run(self, stop: StopFlag) -> None:
        """Work until a stop is asked for."""
        while not stop:
            self.step(QUOTES_POLL_S if self._stops or self._pegs else IDLE_POLL_S)

    def step(self, timeout_s: float = IDLE_POLL_S) -> None:
        """Take one batch and what is due by time, and store and publish what comes of it."""
        batch = self._consumer.poll(timeout_s=timeout_s)
        taken_us = now_us()
        unit = UnitOfWork(now=self._clock())
        letters = list(batch.unreadable)
        try:
            self._load_reference(unit.now, at_once=self._names_new(batch))
            self._take_actions(unit)
            letters += self._handle(batch, unit)
            self._run_timers(unit)
            if not unit.empty or batch.next_offsets:
                self._commit_and_publish(unit, batch, taken_us, letters)
        except UnstorableError as error:
            self._handle_singly(batch, str(error))
        self._say_again(unit.now)
        self._answer_queries()

    def _handle(self, batch: Batch, unit: UnitOfWork, *, suspicious: bool = False) -> list[Letter]:
        """Handle a batch's messages. Returns the dead letters that that made."""
        messages = [record.message for record in batch.records]
        load_orders(self._core, orders_to_load(self._core, messages, unit.now, suspicious=suspicious))
        letters: list[Letter] = []
        heads = self._core.desk.stream_sequences
        for record, item in zip(batch.records, batch.raw, strict=True):
            # Also of what changes nothing: only who owns the account can tell that it changes nothing.
            account_id = account_of(record.message)
            unit.streams.setdefault(account_id, heads[account_id])
            if record.topic == Topic.INBOUND.value:
                note_request(unit, record.message, record.payload)
                if self._triggers.counts:
                    self._count_request(record.message, unit.now)
            try:
                handle(self._core, unit, record.message, record.trace)
            except UNHANDLEABLE as error:
                reason = f"{type(error).__name__}: {error}"
                if not refuse_execution(self._core, unit, record.message, reason):
                    letters.append(self._letter(record, item, reason))
        return letters

    def _take_actions(self, unit: UnitOfWork) -> None:
        """Take the actions on positions that were not taken yet."""
        desk = self._core.desk
        if desk.actions == desk.actions_taken:
            return
        for action in self._store.waiting_actions(desk.owned):
            handle_action(self._core, unit, action)
        desk.actions_taken = desk.actions

    def _letter(self, record: Record, item: object, reason: str) -> Letter:
        self._tracer.fail(record.trace, DEAD_LETTER_SPAN, order_of(record.message), reason)
        return item, reason

    def _handle_singly(self, batch: Batch, reason: str) -> None:
        """Find what of a batch the database refuses, and go on without it: no record stops the others.

        The desk has taken steps that were not stored, so it is rebuilt before each try.
        """
        log.warning("batch_refused", records=len(batch.records), reason=reason)
        if not batch.records:
            raise BrokenInvariantError(f"what is due by time cannot be stored: {reason}")
        self._restore()
        for record, item in zip(batch.records, batch.raw, strict=True):
            single = Batch(
                records=[record],
                raw=[item],
                unreadable=[],
                next_offsets={(record.topic, record.partition): record.offset + 1},
            )
            unit = UnitOfWork(now=self._clock())
            try:
                letters = self._handle(single, unit, suspicious=True)
                self._commit_and_publish(unit, single, now_us(), letters)
            except UnstorableError as error:
                self._restore()
                reason = f"the database refuses what comes of it: {error}"
                unit = UnitOfWork(now=self._clock())
                kept = refuse_execution(self._core, unit, record.message, reason)
                letters = [] if kept else [self._letter(record, item, reason)]
                self._commit_and_publish(unit, single, now_us(), letters)
        rest = Batch(records=[], raw=[], unreadable=[], next_offsets=batch.next_offsets)
        self._commit_and_publish(UnitOfWork(now=self._clock()), rest, now_us(), list(batch.unreadable))

    def _restore(self) -> None:
        traces = self._core.traces
        self._core.desk = self._store.load_desk(self._partitions)
        self._core.traces = traces
        self._begin_anew()

    def _commit_and_publish(
        self, unit: UnitOfWork, batch: Batch, taken_us: int, letters: Sequence[Letter]
    ) -> None:
        if letters:
            self._bury(unit, letters)
        with timed_transaction("core_commit"):
            self._store.commit(unit, self._core.desk, batch.next_offsets)
        traces = BatchTraces(self._tracer, self._core, unit, batch.records, taken_us)
        for outgoing in unit.outgoing:
            self._publish(outgoing, traces.onward(outgoing))
        for event in unit.events:
            self._publisher.send_encoded(
                Topic.EVENTS.value,
                str(event.message.order_id),
                "OrderEvent",
                event.payload,
                event_id=event.message.event_id,
                trace=traces.to_clients(event),
            )
        self._tell_others(unit)
        self._publisher.flush()
        now = self._clock()
        metrics.count_alerts(unit.alerts, self._limits.book.open)
        metrics.count_batch(unit, batch.records, now, traces.trace_of)
        metrics.batch_seconds.observe((now_us() - taken_us) / 1_000_000)
        traces.write()
        for order_id, order in unit.orders.items():
            if order.retry_at is not None:
                heapq.heappush(self._retries, (order.retry_at, order_id))
            if order.is_stop:
                self._stops.note(order)
            if order.has_turns or order_id in self._turns:
                self._turns.note(order)
            if order.terms.algo is not None:
                self._algos.note(order, now)
            if order.terms.peg is not None:
                self._pegs.note(order, now)
        for exception in unit.exceptions:
            log.warning(
                "execution_exception",
                kind=exception.kind.name,
                order_id=str(exception.order_id),
                venue=exception.venue_id,
                exec_id=exception.exec_id,
                detail=exception.detail,
            )
        if unit.events:
            log.info(
                "batch_committed",
                records=len(batch.records),
                events=len(unit.events),
                orders=len(unit.orders),
            )

    def _bury(self, unit: UnitOfWork, letters: Sequence[Letter]) -> None:
        """Publish dead letters, unless another core has the account: only its owner can tell what is dead."""
        self._store.require_streams(unit.streams)
        for item, reason in letters:
            self._publisher.send_dead_letter(item, reason)
        self._publisher.flush()  # a dead letter must be in Kafka before its offset is passed

    def _publish(self, outgoing: Outgoing, trace: str) -> None:
        self._publisher.send(
            outgoing.topic.value, outgoing.key, outgoing.message, event_id=outgoing.event_id, trace=trace
        )

    def _tell_others(self, unit: UnitOfWork) -> None:
        """Publish the alerts of a batch, and hand over its executions to be copied."""
        for alert in unit.alerts:
            self._publish_alert(alert)
        if self._copies is not None and unit.positions:
            self._copies.note(_execution(one) for one in unit.events if one.message.type in EXECUTIONS)

    def _publish_alert(self, alert: Alert) -> None:
        event_id = uuid5(alert.alert_id, str(alert.version))
        self._publisher.send(Topic.ALERTS.value, str(alert.alert_id), message_of(alert), event_id=event_id)

    # ---- what is due by time

    def _run_timers(self, unit: UnitOfWork) -> None:
        for _ in range(RETRIES_PER_BATCH_MAX):
            if not self._retries or self._retries[0][0] > unit.now:
                break
            _, order_id = heapq.heappop(self._retries)
            handle_retry(self._core, unit, order_id)
        for order_id in self._turns.due(unit.now, TURNS_PER_BATCH_MAX):
            handle_turn(self._core, unit, order_id)
        self._follow_kills(unit)
        self._flatten(unit)
        self._trigger_stops(unit)
        self._follow_quotes(unit)
        self._work_algos(unit)
        self._watch_limits(unit)
        if unit.reopened:
            # A bust has brought them back, perhaps after their day.
            self._ending += orders_of_session(self._core, self._ended, unit.reopened)
            self._hold_reopened(unit.reopened)
        if self._ending:
            ending, self._ending = (
                self._ending[:SESSION_END_PER_BATCH_MAX],
                self._ending[SESSION_END_PER_BATCH_MAX:],
            )
            handle_session_end(self._core, unit, ending)
        if unit.now >= self._next_days and self._partitions:
            self._next_days = unit.now + DAYS_EVERY
            self._look_at_days(unit)
        if unit.now >= self._next_sweep and self._partitions:
            self._sweep(unit)
            self._next_sweep = self._after_sweep(unit.now)

    def _count_request(self, message: Message, now: datetime) -> None:
        """Count a client's request for the triggers that watch their rate."""
        terms = message.terms if isinstance(message, SubmitOrder) else None
        if terms is None and (order := self._core.desk.order(order_of(message))) is not None:
            terms = order.terms
        if terms is not None:
            kills = self._core.kills.known()
            thing = kills.thing(terms.account_id, terms.symbol, owner_of(terms))
            self._triggers.note(TriggerKind.MESSAGE_RATE, thing, now.timestamp())

    def _follow_kills(self, unit: UnitOfWork) -> None:
        """Hold live orders to the kill switches that were set, raised or released."""
        kills = self._core.kills.known()
        self._triggers.follow(kills)
        self._triggers.look(unit.now.timestamp(), self._core.kills.ask)
        if self._kills.changed(kills):
            found = self._kills.take(kills, self._core.desk.orders.values())
            if found.switches:
                self._store.note_kills(found.switches, found.covered, self._address, unit.now)
            self._killing += found.to_cancel
            for order_id in found.to_release:
                heapq.heappush(self._retries, (unit.now, order_id))
                self._pegs.look_again(order_id, unit.now)
        if self._killing:
            now, self._killing = (
                self._killing[:KILLED_PER_BATCH_MAX],
                self._killing[KILLED_PER_BATCH_MAX:],
            )
            handle_kill(self._core, unit, now)

    def _hold_reopened(self, order_ids: Iterable[UUID]) -> None:
        """Hold orders that a bust has brought back to the switches that are set."""
        kills = self._core.kills.known()
        for order_id in order_ids:
            order = self._core.desk.orders.get(order_id)
            if order is None:
                continue
            self._flattening.note(order)
            if why_canceled(kills, order.terms) is not None:
                self._killing.append(order_id)

    def _flatten(self, unit: UnitOfWork) -> None:
        """Close some of the positions that switches close, as far as that can be done now."""
        kills, desk, watch = self._core.kills.known(), self._core.desk, self._flattening
        if kills.unread or not kills.flattens or not self._partitions:
            return
        if unknown := watch.unknown(kills):
            watch.load(unknown, self._store.flattened(unknown, desk.owned))
        for account_id in watch.due(kills, desk, unit.now):
            for symbol in watch.symbols(account_id, desk.states[account_id].quantities):
                handle_flatten(self._core, unit, watch, account_id, symbol)

    def _trigger_stops(self, unit: UnitOfWork) -> None:
        """Trigger the stops that the newest quotes have reached; a symbol without a fresh quote has none."""
        for symbol in self._stops.symbols:
            touch = self._core.quotes.touch(symbol)
            for order_id, trigger in self._stops.triggered(symbol, touch, TRIGGERS_PER_BATCH_MAX):
                handle_trigger(self._core, unit, order_id, trigger)

    def _follow_quotes(self, unit: UnitOfWork) -> None:
        """Let the pegged orders follow that the newest quotes move."""
        left = self._moves.left(unit.now, PEGS_PER_BATCH_MAX)
        if left <= 0:
            return
        for order_id, touch in self._pegs.due(unit.now, self._core.quotes.touch, PEGS_PER_BATCH_MAX):
            before = self._core.desk.orders.get(order_id)
            order = handle_quote(self._core, unit, order_id, touch)
            if order is not None:
                self._pegs.note(order, unit.now)
            if order is not before:
                self._moves.spend(1)
                left -= 1
            if left <= 0:
                return

    def _work_algos(self, unit: UnitOfWork) -> None:
        """Look at the algo orders whose time has come."""
        for order_id in list(self._algos.due(unit.now, ALGOS_PER_BATCH_MAX)):
            order = handle_algo(self._core, unit, order_id)
            if order is not None:
                self._algos.note(order, unit.now)

    def _watch_limits(self, unit: UnitOfWork) -> None:
        """Look at some of the accounts, how they stand against limits that move without an order."""
        if not self._partitions or not self._limits.is_due(unit.now):
            return
        desk, heads = self._core.desk, self._core.desk.stream_sequences
        with metrics.limit_look_seconds.time():
            seen = self._limits.slice(desk, self._core.marks.at(unit.now), RULES, unit.now)
        for broken in seen.broken:
            log.error("risk_rule_failed", rule=broken)
            metrics.rules_failed_total.labels(broken.partition(":")[0]).inc()
        for alert in seen.changed:
            if alert.account_id:
                unit.streams.setdefault(alert.account_id, heads[alert.account_id])
        unit.alerts += seen.changed

    def _sweep(self, unit: UnitOfWork) -> None:
        if unit.now >= self._next_partitions:
            self._next_partitions = unit.now + PARTITIONS_EVERY
            self._store.ensure_partitions(unit.now)
        self._end_sessions(unit.now)
        self._release_held(unit.now)
        self._take_unanswered_requests(unit)
        metrics.count_desk(self._core.desk)

    def _names_new(self, batch: Batch) -> bool:
        """Whether an order is of an account or a symbol that is newer than what was read last."""
        accounts, instruments = self._core.desk.accounts, self._core.desk.instruments
        return any(
            isinstance(message := record.message, SubmitOrder)
            and (message.terms.account_id not in accounts or message.terms.symbol not in instruments)
            for record in batch.records
        )

    def _load_reference(self, now: datetime, *, at_once: bool = False) -> None:
        """Read what people may have changed, before a batch; by another calendar, orders may end at another
        time.

        at_once: whenever it was read last.
        """
        if not self._partitions or (now < self._next_reference and not at_once):
            return
        self._next_reference = now + REFERENCE_EVERY
        desk = self._core.desk
        before, rules = (desk.hours, desk.instruments), (desk.rules, desk.rules.version)
        self._store.load_reference(desk)
        self._begin_days(now)
        if rules != (desk.rules, desk.rules.version):
            # A limit may let go on what had too many children.
            for order_id, order in desk.orders.items():
                if order.waits_for.startswith(DenialCode.CHILDREN_EXCEEDED.name):
                    heapq.heappush(self._retries, (now, order_id))
        if any(
            known is not found for known, found in zip(before, (desk.hours, desk.instruments), strict=True)
        ):
            self._turns = Turns(desk.orders.values(), desk.turns_of)
            # Also what is halted for less time than passes between two sweeps has been seen halted.
            self._release_held(now)

    def _begin_days(self, now: datetime) -> None:
        """Say what day it is; how accounts' days have begun is read once of each."""
        desk, today = self._core.desk, rules_date(now)
        if desk.days.trade_date != today:
            desk.days.begin(today)
            self._store.load_days(desk, today, now)

    def _look_at_days(self, unit: UnitOfWork) -> None:
        """See what some accounts have won or lost today, one after the other, and hold it to the triggers."""
        desk = self._core.desk
        if not self._to_look_at:
            self._to_look_at = list(desk.states)
        looked, self._to_look_at = self._to_look_at[:DAYS_PER_LOOK_MAX], self._to_look_at[DAYS_PER_LOOK_MAX:]
        for account_id in looked:
            if account_id in desk.owned:
                look_at_day(self._core, unit, account_id)
        desk.days.recount(desk.firm_of)
        self._hold_losses(unit.now)

    def _hold_losses(self, now: datetime) -> None:
        """Ask for the kill switches of what has lost as much as a trigger says."""
        desk, today = self._core.desk, self._core.desk.days.trade_date
        if today is None:
            return
        for trigger in self._triggers.of_kind(TriggerKind.LOSS):
            covered = [one for one in desk.owned if trigger.scope.covers(desk.house_of(one))]
            released = None if trigger.released_at is None else rules_date(trigger.released_at)
            lost = self._losses.lost(trigger, desk.days.sum_of(covered), today, released)
            # Of what several cores have accounts of, each holds its part, as of a firm's credit.
            parts, of = (1, 1) if trigger.scope.account else desk.share
            threshold = trigger.threshold * MICROS * parts // of
            if lost >= threshold:
                said = f"lost {lost // MICROS} dollars of the day, threshold {threshold // MICROS}"
                self._triggers.reached(trigger, said, now.timestamp(), self._core.kills.ask)

    def _after_sweep(self, now: datetime) -> datetime:
        """Return when to sweep next: after a while, or when a market opens or closes, if that is sooner."""
        hours = self._core.desk.hours
        turns = [hours.phase(name, now).until for name in hours.names]
        return min([now + SWEEP_EVERY, *[until for until in turns if until is not None and until > now]])

    def _end_sessions(self, now: datetime) -> None:
        """Find the DAY orders of sessions that have ended; slices of them are taken out from here on."""
        hours = self._core.desk.hours
        closes = {name: hours.phase(name, now).last_close for name in hours.names}
        ended = {name: close for name, close in closes.items() if close is not None}
        if ended != self._ended and not self._ending:
            changed = {name: close for name, close in ended.items() if self._ended.get(name) != close}
            self._ended = ended
            self._ending = orders_of_session(self._core, changed, self._core.desk.orders)

    def _release_held(self, now: datetime) -> None:
        """Let the orders of symbols go on whose market has opened, or whose halt is over."""
        desk = self._core.desk
        held = frozenset(symbol for symbol in desk.instruments if not desk.may_route(symbol, now))
        stopped = frozenset(symbol for symbol in held if not desk.is_traded(symbol))
        # What is for an auction goes on after a halt while its market is closed.
        released = (self._held - held) | (self._stopped - stopped)
        self._held, self._stopped = held, stopped
        for order_id in orders_of_symbols(self._core, released) if released else ():
            heapq.heappush(self._retries, (now, order_id))
            self._pegs.look_again(order_id, now)

    def _take_unanswered_requests(self, unit: UnitOfWork) -> None:
        """Take requests out of the log that Kafka has not brought; not while it still may, for a backlog."""
        if any(behind for (topic, _), behind in self._consumer.lag().items() if topic == Topic.INBOUND.value):
            return
        before = unit.now - REQUEST_AWAITED
        found = self._store.unanswered_requests(
            self._core.desk.owned, self._requests_settled, before, REQUESTS_PER_SWEEP_MAX
        )
        load_orders(self._core, orders_to_load(self._core, [request for request, _ in found], unit.now))
        for request, trace in found:
            try:
                handle(self._core, unit, request, trace)
            except UNHANDLEABLE as error:
                log.error("request_unanswerable", request=repr(request), error=str(error))
        if found:
            log.warning("requests_taken_from_log", count=len(found))
        if len(found) < REQUESTS_PER_SWEEP_MAX:
            self._requests_settled = before

    def _say_again(self, now: datetime) -> None:
        if now < self._next_lap or not self._core.desk.owed:
            return
        again = self._republication.step(now)
        if not again:
            self._next_lap = now + LAP_EVERY
            return
        for outgoing in again:
            self._publish(outgoing, outgoing.trace)
        metrics.republished_total.inc(len(again))
        self._publisher.flush()

    def _answer_queries(self) -> None:
        while not self.queries.empty():
            self.queries.get()(self._core)


def _execution(event: StoredEvent) -> StoredExecution:
    message = event.message
    return StoredExecution(message.account_id, message.stream_sequence, message.event_id, event.payload)
