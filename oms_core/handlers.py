"""One function for each thing that may happen: look up the order, let the domain decide, stage what changed.

A handler raises before it changes anything, so a message that cannot be handled leaves the desk as it was. A
report of an execution is never only refused: what is not applied is an exception that a person sees.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, assert_never, cast
from uuid import UUID

import structlog
from msgspec.structs import replace

from oms_core import metrics
from oms_core.domain import algos
from oms_core.domain.changes import changed_terms, problem_of_change
from oms_core.domain.charging import charge_correction, charge_trade, reshaped_since
from oms_core.domain.days import cash_of
from oms_core.domain.desk import AsIf, Desk
from oms_core.domain.executions import Effects
from oms_core.domain.flatten import (
    Close,
    Closing,
    Flattened,
    FlattenWatch,
    Look,
    PositionState,
    Rest,
    TakeBack,
    closing_side,
    found,
    next_step,
    stands,
)
from oms_core.domain.kills import is_to_be_canceled, stopping, waits, why_canceled
from oms_core.domain.machine import UnknownChildError, evolve, first_route
from oms_core.domain.order import (
    FIELD_OF,
    Command,
    Event,
    Fact,
    FollowQuote,
    Order,
    RequestCancel,
    RequestReplace,
    RequestResume,
    RequestSuspend,
    RetryRoute,
    TriggerStop,
    WorkAlgo,
)
from oms_core.domain.order_times import MAY_NOT, Standing
from oms_core.domain.positions import Position, after_merge, after_opening, after_split, cash_moved
from oms_core.domain.risk import NO_AGE_LIMIT, RULES, Verdict, check_risk
from oms_core.domain.risk.overridden import overridden, used_of
from oms_core.domain.touch import TouchPrices, mark_of
from oms_core.domain.transitions import IllegalTransitionError, Lifecycle, Pending
from oms_core.ports import (
    KIND_OF_REQUEST,
    Opening,
    OrderStore,
    Originated,
    Outgoing,
    PositionAction,
    PositionChange,
    QuoteBoard,
    Rename,
    RiskTaken,
    Split,
    StoredEvent,
    UnitOfWork,
)
from oms_core.reports import (
    Refused,
    beyond,
    booked_trade,
    exception_of,
    fact_of,
    of_before_action,
)
from oms_platform import ids
from oms_platform.audit_chain import request_digest
from oms_platform.clock import microseconds
from oms_platform.errors import BrokenInvariantError
from oms_platform.exceptions import BOOKING_CHANNEL, EXECUTIONS, ExceptionKind
from oms_platform.kill_switches import CLOSING_CHANNEL, FixedKills, KillBoard
from oms_platform.messages import (
    BookTrade,
    CancelChildren,
    CancelOrder,
    CancelReject,
    ExecutionReport,
    OrderEvent,
    ReplaceChild,
    ReplaceOrder,
    ResumeOrder,
    RouteAnswer,
    RouteRequest,
    SubmitOrder,
    SuspendOrder,
)
from oms_platform.order_ids import closing_cl_ord_id, peg_id, recall_id, route_id
from oms_platform.overrides import Override
from oms_platform.prices import dollars_of
from oms_platform.telemetry.order_trace import now_us, traced_id, traceparent_of
from oms_platform.vocabulary import (
    AuctionTimes,
    Booking,
    BookingRejected,
    CancelCause,
    CancelRequested,
    ChildCancelRejected,
    ChildClosed,
    ChildRestated,
    Message,
    OrderAccepted,
    OrderChange,
    OrderDenied,
    OrderReplaced,
    OrderSuspended,
    OrderTerms,
    OrderType,
    ReplaceRequested,
    RiskOutcome,
    TimeInForce,
    TradeApplied,
    TradeCorrected,
)
from oms_platform.wire import Topic, encode, order_of

# FIX CxlRejReason 3: the venue is at it already, so this is no answer yet.
ALREADY_PENDING: Final = 3
YOUNG: Final = timedelta(seconds=10)
log = structlog.get_logger()


# What an event is, is asked by its very type: isinstance costs several times as much, and is asked for each.
_TRADES: Final = frozenset((TradeApplied, TradeCorrected))
# Events that carry the venue that they are of.
_OF_A_VENUE: Final = frozenset((TradeApplied, TradeCorrected, ChildRestated, ChildClosed))


class UnknownOrderError(Exception):
    """A message names an order that was never stored."""


UNHANDLEABLE: Final = (
    IllegalTransitionError,
    UnknownChildError,
    UnknownOrderError,
)


@dataclass(slots=True, kw_only=True)
class Core:
    """What the handlers work with. market_order_age_max: see docs/operations.md, stale orders.

    day_orders_wait: whether DAY orders are taken while their market is closed, to wait for it.
    new_id, stopwatch_ns: of what is born here, and of how long a verdict takes. kills: what is stopped.
    """

    desk: Desk
    store: OrderStore
    quotes: QuoteBoard
    market_order_age_max: timedelta = NO_AGE_LIMIT
    day_orders_wait: bool = False
    new_id: Callable[[], UUID] = ids.uuid7
    stopwatch_ns: Callable[[], int] = time.perf_counter_ns
    marks: "Marks" = field(init=False)
    kills: KillBoard = field(default_factory=FixedKills)
    # The trace of each live order that came in this life, for what happens to it without a message.
    traces: dict[UUID, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Look up marks where quotes are."""
        self.marks = Marks(self.quotes)


class Marks(dict[str, int | None]):
    """What shares are worth now, looked up once for all that is asked at one time."""

    __slots__ = ("_at", "_quotes")

    def __init__(self, quotes: QuoteBoard) -> None:
        super().__init__()
        self._quotes = quotes
        self._at: datetime | None = None

    def at(self, now: datetime) -> Callable[[str], int | None]:
        """Return the mark of any symbol at a time."""
        if now != self._at:
            self._at = now
            self.clear()
        return self.__getitem__

    def __missing__(self, symbol: str) -> int | None:
        """Look a mark up that was not asked for yet."""
        found = self[symbol] = mark_of(self._quotes.touch(symbol))
        return found


def account_of(message: Message) -> str:
    """Return the account whose order a message is about."""
    account_id: str = getattr(message.terms if type(message) is SubmitOrder else message, "account_id", "")
    return account_id


def handle(core: Core, unit: UnitOfWork, message: Message, trace: str) -> None:
    """Handle one message. Raises one of UNHANDLEABLE when it contradicts what is stored."""
    match message:
        # What comes most often first: a class that does not fit costs more than one that does.
        case ExecutionReport():
            handle_execution_report(core, unit, message, trace)
        case SubmitOrder():
            handle_submit_order(core, unit, message, trace)
        case RouteAnswer():
            _record(core, unit, _known(core, message.order_id), message.placed, trace)
        case CancelOrder():
            handle_cancel_order(core, unit, message, trace)
        case ReplaceOrder():
            handle_replace_order(core, unit, message, trace)
        case SuspendOrder() | ResumeOrder():
            handle_suspend_or_resume(core, unit, message, trace)
        case BookTrade():
            handle_book_trade(core, unit, message, trace)
        case CancelReject():
            handle_cancel_reject(core, unit, message, trace)
        case _:
            raise UnknownOrderError(f"a core does nothing about a {type(message).__name__}")


def note_request(unit: UnitOfWork, message: Message, payload: bytes) -> None:
    """Note the digest of a request, which its outcome is stored with. payload: its bytes as it came."""
    kind = KIND_OF_REQUEST.get(type(message))
    if kind is not None:
        request_id: UUID = getattr(message, "order_id" if isinstance(message, SubmitOrder) else "request_id")
        unit.requests[request_id] = request_digest(kind, payload)


def orders_to_load(
    core: Core, messages: Iterable[Message], now: datetime, *, suspicious: bool = False
) -> set[UUID]:
    """Return the orders of a batch that the desk does not hold and that may be stored.

    A new order that is young is nearly always new: that it was taken before shows when its event is refused,
    and then, `suspicious`, the store is asked. An older one may have been published again, after Kafka lost
    its data for one, and then many are.
    """
    return {
        order_id
        for message in messages
        if (suspicious or not isinstance(message, SubmitOrder) or now - message.received_at > YOUNG)
        and core.desk.order(order_id := order_of(message)) is None
    }


def load_orders(core: Core, order_ids: Iterable[UUID]) -> None:
    """Take orders that the desk does not hold from the store."""
    wanted = list(order_ids)
    if not wanted:
        return
    for loaded in core.store.load_orders(wanted).values():
        core.desk.load(loaded.order, loaded.effects)


def verdict_now(
    core: Core,
    terms: OrderTerms,
    now: datetime,
    age: timedelta = timedelta(0),
    of: Order | None = None,
    trader: str | None = None,
    *,
    is_slice: bool = False,
) -> Verdict:
    """Return the verdict that an order would get now.

    age: since it was asked for. of: the order that is to become it. trader: who asks, None for who asked for
    the order. is_slice: the terms are of what is released of it and not done.
    """
    touch = core.quotes.touch(terms.symbol)
    age_max, wait = core.market_order_age_max, core.day_orders_wait
    context = core.desk.risk_context(
        terms,
        touch,
        now,
        age=age,
        age_max=age_max,
        of=of,
        is_slice=is_slice,
        day_orders_wait=wait,
        mark=core.marks.at(now),
        stopped_by=stopping(core.kills.known(), terms, of),
    )
    verdict = check_risk(context, core.desk.rules, RULES)
    for broken in verdict.broken:
        log.error("risk_rule_failed", rule=broken, account=terms.account_id, symbol=terms.symbol)
        metrics.rules_failed_total.labels(broken.partition(":")[0]).inc()
    if verdict.denial is None or is_slice:
        return verdict
    granted = [
        one
        for one in core.desk.overrides_of(terms.account_id)
        if one.is_for(
            terms, terms.principal if trader is None else trader, None if of is None else of.order_id, now
        )
    ]
    return overridden(verdict, granted, context.figures.price_micros or 0)


def _use(core: Core, unit: UnitOfWork, used: Override, account_id: str, request_id: UUID) -> None:
    """Note that an order has passed by a leave, in the transaction that stores the order's acceptance."""
    core.desk.use_override(account_id, used)
    unit.overrides[used.override_id] = request_id
    log.info("override_used", override=str(used.override_id), request=str(request_id), by=used.granted_by)


def open_day(core: Core, unit: UnitOfWork, account_id: str) -> None:
    """Let an account's day begin, where it has not, before anything of the day is held to it."""
    days = core.desk.days
    if days.trade_date is not None and days.of(account_id) is None:
        look_at_day(core, unit, account_id)


def look_at_day(core: Core, unit: UnitOfWork, account_id: str) -> None:
    """See what an account has won or lost today, and stage what is to be stored of it.

    Who has lost the account stores nothing of it.
    """
    day = core.desk.look_at_day(account_id, unit.now, core.marks.at(unit.now))
    if day is not None:
        unit.days[account_id] = day
        unit.streams.setdefault(account_id, core.desk.stream_sequences[account_id])


def verdict_of_change(core: Core, order_id: UUID, change: OrderChange, now: datetime) -> Verdict | None:
    """Return the verdict that an order's replace would get now, None where no such order is open."""
    order = core.desk.order(order_id)
    if order is None:
        return None
    return verdict_now(core, changed_terms(order.terms, change), now, of=order)


def verdicts_of_basket(core: Core, orders: Iterable[OrderTerms], now: datetime) -> list[Verdict]:
    """Return the verdicts that new orders would get if they came now, one after the other.

    Each is held to what those before it would hold; nothing of that is left when it returns.
    """
    verdicts: list[Verdict] = []
    as_if = AsIf(core.desk, now)
    try:
        for terms in orders:
            as_if.ask(terms.account_id)
            verdict = verdict_now(core, terms, now)
            verdicts.append(verdict)
            if verdict.denial is None:
                order = Order(
                    order_id=core.new_id(),
                    terms=terms,
                    lifecycle=Lifecycle.LIVE,
                    reserved_price_micros=verdict.reserved_price_micros,
                )
                as_if.take(order, verdict.override)
    finally:
        as_if.undo()
    return verdicts


def handle_submit_order(core: Core, unit: UnitOfWork, message: SubmitOrder, trace: str) -> None:
    """Check risk and take or deny the order. An order that was seen before is left alone."""
    order = core.desk.order(message.order_id)
    if order is None or order.lifecycle is Lifecycle.NEW:
        core.traces[message.order_id] = traceparent_of(trace)
        core.desk.note_message(message.terms.account_id, unit.now)
        order = Order(order_id=message.order_id, terms=message.terms)
        if message.booking is not None:
            _book(core, unit, order, message.order_id, message.booking, trace)
            return
        _decide_risk(core, unit, order, message.received_at, trace)


def _decide_risk(core: Core, unit: UnitOfWork, order: Order, received_at: datetime, trace: str) -> Order:
    if order.terms.channel == BOOKING_CHANNEL:
        raise UnknownOrderError(f"the trade of order {order.order_id} is not booked yet")
    if order.terms.closes_for is not None:
        raise UnknownOrderError(f"order {order.order_id} closes a position, and core did not decide it")
    open_day(core, unit, order.terms.account_id)
    started_ns = core.stopwatch_ns()
    verdict = verdict_now(core, order.terms, unit.now, max(timedelta(0), unit.now - received_at))
    risk_us = (core.stopwatch_ns() - started_ns) // 1000
    metrics.risk_hop.observe(risk_us / 1_000_000, traced_id(trace))
    unit.risks[order.order_id] = RiskTaken(
        began_us=now_us() - risk_us, took_us=risk_us, denial=verdict.denial or ""
    )
    if verdict.denial is not None:
        denied = OrderDenied(
            denial=verdict.denial, checks=verdict.kept, risk_us=risk_us, overridable=verdict.overridable
        )
        return _record(core, unit, order, denied, trace)
    auction = core.desk.auction_of(order.terms, unit.now)
    may_route = _standing(core, order, auction, unit.now).may_route
    accepted = OrderAccepted(
        reserved_price_micros=verdict.reserved_price_micros,
        checks=verdict.kept,
        risk_us=risk_us,
        route=first_route(order, unit.now, may_route=may_route),
        auction=auction,
        override=used_of(verdict),
    )
    after = _record(core, unit, order, accepted, trace)
    if verdict.override is not None:
        _use(core, unit, verdict.override, order.terms.account_id, order.order_id)
    return after


def handle_cancel_order(core: Core, unit: UnitOfWork, message: CancelOrder, trace: str) -> None:
    """Take the order out of the market, or say that it is too late; a request has one outcome."""
    order = _asked_about(core, unit, message, trace)
    if order is not None:
        wish = RequestCancel(request_id=message.request_id, cause=CancelCause.CLIENT)
        _record(core, unit, order, wish, trace)


def handle_replace_order(core: Core, unit: UnitOfWork, message: ReplaceOrder, trace: str) -> None:
    """Hold what the order is to become to risk and begin to change it, or say why not."""
    order = _asked_about(core, unit, message, trace)
    if order is None:
        return
    terms = changed_terms(order.terms, message.change)
    problem = problem_of_change(order.terms, terms, triggered=order.triggered is not None)
    verdict = None
    if problem is None:
        open_day(core, unit, terms.account_id)
        age = max(timedelta(0), unit.now - message.received_at)
        verdict = verdict_now(core, terms, unit.now, age, order, message.principal)
        problem = verdict.denial
    wish = RequestReplace(
        request_id=message.request_id,
        terms=terms,
        problem=problem,
        checks=() if verdict is None else verdict.kept,
        reserved_price_micros=0 if verdict is None else verdict.reserved_price_micros,
        overridable=verdict is not None and verdict.overridable,
        override=None if verdict is None else used_of(verdict),
    )
    first = len(unit.events)
    _record(core, unit, order, wish, trace)
    taken = any(event.message.replace_requested is not None for event in unit.events[first:])
    if taken and verdict is not None and verdict.override is not None:
        _use(core, unit, verdict.override, order.terms.account_id, message.request_id)


def handle_suspend_or_resume(
    core: Core, unit: UnitOfWork, message: SuspendOrder | ResumeOrder, trace: str
) -> None:
    """Take the order out of the market for a while, or go on with it, or say why not."""
    order = _asked_about(core, unit, message, trace)
    if order is not None:
        wish = RequestSuspend if isinstance(message, SuspendOrder) else RequestResume
        _record(core, unit, order, wish(request_id=message.request_id), trace)


def _asked_about(
    core: Core,
    unit: UnitOfWork,
    message: CancelOrder | ReplaceOrder | SuspendOrder | ResumeOrder | BookTrade,
    trace: str,
) -> Order | None:
    """Return the order that a request is about, None when the request has had its effect."""
    order = _known(core, message.order_id)
    if core.desk.effects_of(order.order_id).has(message.request_id):
        return None
    core.desk.note_message(order.terms.account_id, unit.now)
    if isinstance(message, CancelOrder | ReplaceOrder):
        core.desk.note_cancel(order.terms.account_id, unit.now)
    if order.lifecycle is Lifecycle.NEW:
        # The request overtook its order's own message, which will be a duplicate when it comes.
        order = _decide_risk(core, unit, order, ids.uuid7_time(order.order_id), trace)
    return order


def handle_book_trade(core: Core, unit: UnitOfWork, message: BookTrade, trace: str) -> None:
    """Book a trade that a person vouches for, or say why not; a request has one outcome."""
    order = _asked_about(core, unit, message, trace)
    if order is not None:
        _book(core, unit, order, message.request_id, message.booking, trace)


def _book(core: Core, unit: UnitOfWork, order: Order, request_id: UUID, booking: Booking, trace: str) -> None:
    fact = booked_trade(order, core.desk.effects_of(order.order_id), request_id, booking, unit.now)
    if isinstance(fact, TradeApplied):
        fact = charge_trade(core.desk, order, fact)
    _record(core, unit, order, fact, trace)
    unit.bookings[booking.exception_id] = fact.reason if isinstance(fact, BookingRejected) else ""


def handle_execution_report(core: Core, unit: UnitOfWork, message: ExecutionReport, trace: str) -> None:
    """Apply what a venue did to a child, or keep what cannot be applied for a person."""
    order = core.desk.order(message.order_id)
    if order is None:
        # It was over for long, and forgotten since the batch began.
        load_orders(core, [message.order_id])
        order = core.desk.order(message.order_id)
    effects = Effects() if order is None else core.desk.effects_of(order.order_id)
    fact = fact_of(order, effects, message)
    if isinstance(fact, Refused):
        raise_exception(core, unit, message, fact)
    elif fact is not None:
        known = order or _known(core, message.order_id)
        if isinstance(fact, TradeApplied):
            fact = charge_trade(core.desk, known, fact)
        elif isinstance(fact, TradeCorrected):
            if (reshaped := reshaped_since(core.desk, known, effects, fact)) is not None:
                raise_exception(core, unit, message, of_before_action(fact, reshaped))
                return
            fact = charge_correction(core.desk, known, effects, fact)
        after = _record(core, unit, known, fact, trace)
        if (more := beyond(after, fact)) is not None:
            raise_exception(core, unit, message, more)


def raise_exception(core: Core, unit: UnitOfWork, report: ExecutionReport, refused: Refused) -> None:
    """Keep a report for a person, in the batch's transaction."""
    unit.exceptions.append(exception_of(report, refused, core.new_id(), unit.now))


def refuse_execution(core: Core, unit: UnitOfWork, message: Message, reason: str) -> bool:
    """Keep a report of an execution for a person, whatever made it fail. Returns whether it is one."""
    if not isinstance(message, ExecutionReport) or message.exec_type not in EXECUTIONS:
        return False
    raise_exception(core, unit, message, Refused(ExceptionKind.UNREADABLE, reason))
    return True


def handle_cancel_reject(core: Core, unit: UnitOfWork, message: CancelReject, trace: str) -> None:
    """Note that a venue keeps one of the order's children; the cancel goes on for the others."""
    if message.cxl_rej_reason == ALREADY_PENDING and not message.replace:
        return
    rejected = ChildCancelRejected(
        cl_ord_id=message.orig_cl_ord_id,
        venue_id=message.venue_id,
        reason=f"{message.venue_id}: {message.cxl_rej_reason} {message.text}".strip(),
        replace=message.replace,
    )
    _record(core, unit, _known(core, message.order_id), rejected, trace)


def handle_retry(core: Core, unit: UnitOfWork, order_id: UUID) -> None:
    """Ask for the next route of an order whose wait is over."""
    order = core.desk.orders.get(order_id)
    if order is not None:
        _record(core, unit, order, RetryRoute(), core.traces.get(order_id, ""))


def handle_trigger(core: Core, unit: UnitOfWork, order_id: UUID, trigger: TriggerStop) -> None:
    """Begin to work a stop order whose price the market has reached."""
    order = core.desk.orders.get(order_id)
    if order is not None:
        _record(core, unit, order, trigger, core.traces.get(order_id, ""))


def handle_quote(core: Core, unit: UnitOfWork, order_id: UUID, touch: TouchPrices) -> Order | None:
    """Let a pegged order follow a quote, or begin to be worked by it. Returns the order after it."""
    order = core.desk.orders.get(order_id)
    if order is None or order.terms.peg is None:
        return None
    cause = _quote_followed(core, order, touch)
    return _record(core, unit, order, cause, core.traces.get(order_id, ""))


def handle_algo(core: Core, unit: UnitOfWork, order_id: UUID) -> Order | None:
    """Release what is due of an algo order, or end it when its time is over. Returns the order after it."""
    order = core.desk.orders.get(order_id)
    if order is None:
        return None
    symbol, trace = order.terms.symbol, core.traces.get(order_id, "")
    if algos.is_over(order, unit.now):
        wish = RequestCancel(request_id=core.new_id(), cause=CancelCause.ALGO_END)
        return _record(core, unit, order, wish, trace)
    work = WorkAlgo(
        volume=core.quotes.touch(symbol).volume,
        session=core.desk.session_at(symbol, unit.now),
        denied=_slice_denied(core, unit, order),
    )
    return _record(core, unit, order, work, trace)


def _slice_denied(core: Core, unit: UnitOfWork, order: Order) -> str:
    """Return why what is due of an algo order may not be released now, empty if it may.

    It is held to the rules of size, price, exposure and loss, as an order of what is released then and not
    done; what was asked for as a whole was held to all rules when it was taken, and what a second person let
    it pass then it passes here, too.
    """
    due = algos.slice_due(order, unit.now)
    if not due:
        return ""
    terms = replace(order.terms, quantity=max(0, order.released_qty - order.executed_qty) + due)
    open_day(core, unit, terms.account_id)
    verdict = verdict_now(core, terms, unit.now, of=order, is_slice=True)
    denied = [one for one in verdict.results if one.outcome is RiskOutcome.DENIED]
    specs = [one.setting.spec for one in denied]
    return next(
        (
            one.denial
            for one, spec in zip(denied, specs, strict=True)
            if spec.of_slices and spec.name not in order.overridden
        ),
        "",
    )


def orders_of_session(core: Core, ended: Mapping[str, datetime], among: Iterable[UUID]) -> list[UUID]:
    """Return the DAY orders that were born before their session's end and are still in the market.

    ended: by calendar, when its last session ended.
    """
    instruments = core.desk.instruments
    return [
        order_id
        for order_id in among
        if (order := core.desk.orders.get(order_id)) is not None
        and order.terms.time_in_force is TimeInForce.DAY
        and order.cancel is None
        and (instrument := instruments.get(order.terms.symbol)) is not None
        and (ended_at := ended.get(instrument.calendar_id)) is not None
        and (order.day_from or ids.uuid7_time(order_id)) < ended_at
    ]


def orders_of_symbols(core: Core, symbols: Collection[str]) -> list[UUID]:
    """Return the live orders of symbols."""
    return [order_id for order_id, order in core.desk.orders.items() if order.terms.symbol in symbols]


def handle_session_end(core: Core, unit: UnitOfWork, order_ids: Sequence[UUID]) -> None:
    """Take DAY orders of a session that has ended out of the market."""
    for order_id in order_ids:
        order = core.desk.orders.get(order_id)
        if order is not None and order.pending is not Pending.CANCEL and order.lifecycle is Lifecycle.LIVE:
            wish = RequestCancel(request_id=core.new_id(), cause=CancelCause.SESSION_END)
            _record(core, unit, order, wish, core.traces.get(order_id, ""))


def handle_kill(core: Core, unit: UnitOfWork, order_ids: Sequence[UUID]) -> None:
    """Take orders that a kill switch cancels out of the market."""
    kills = core.kills.known()
    for order_id in order_ids:
        order = core.desk.orders.get(order_id)
        reason = None if order is None else why_canceled(kills, order.terms)
        if order is not None and reason is not None and is_to_be_canceled(order):
            wish = RequestCancel(request_id=core.new_id(), cause=CancelCause.KILL, reason=reason)
            _record(core, unit, order, wish, core.traces.get(order_id, ""))


# ---- positions that kill switches close


def handle_flatten(core: Core, unit: UnitOfWork, watch: FlattenWatch, account_id: str, symbol: str) -> None:
    """Do what is next about a position that kill switches close, and note how it stands for each of them.

    The first switch that covers it closes it; the others say so.
    """
    switches = core.kills.known().flattening(account_id, symbol)
    held = core.desk.position(account_id, symbol).quantity
    rows: list[Flattened] = []
    for switch in switches:
        row = watch.row(switch.switch_id, account_id, symbol)
        if row is None and held:
            row = found(switch.switch_id, account_id, symbol, held, unit.now)
        if row is not None:
            rows.append(row)
    if not rows:
        return
    closing = watch.closing(core.desk, account_id, symbol, unit.now)
    look = _look_at_position(core, unit, watch, rows[0], closing)
    after = _step_of(core, unit, watch, look, rows[0])
    elsewhere = f"switch {after.switch_id} closes it"
    others = [
        stands(row, Rest(after.state, elsewhere if after.state is not PositionState.FLAT else ""))
        for row in rows[1:]
    ]
    for row in (after, *others):
        if watch.keep(row):
            unit.flattened[row.key] = row
            unit.streams.setdefault(account_id, core.desk.stream_sequences[account_id])


def _look_at_position(
    core: Core, unit: UnitOfWork, watch: FlattenWatch, row: Flattened, closing: Order | None
) -> Look:
    account_id, symbol = row.account_id, row.symbol
    state = core.desk.states[account_id].symbol(symbol)
    held, out = state.position.quantity, 0 if closing is None else closing.leaves_qty
    same_way = state.side(closing_side(held)).quantity
    if closing is not None and closing.terms.side is closing_side(held):
        same_way -= out
    not_before, last_round = watch.pause(account_id, symbol)
    return Look(
        now=unit.now,
        held=held,
        found_at=row.found_at,
        standing=core.desk.standing(symbol, unit.now),
        touch=core.quotes.touch(symbol),
        closing=closing,
        others_open=state.buys.quantity + state.sells.quantity - out,
        others=same_way,
        not_before=not_before,
        last_round=last_round,
    )


def _step_of(core: Core, unit: UnitOfWork, watch: FlattenWatch, look: Look, row: Flattened) -> Flattened:
    """Take the next step about a position, and return how it stands then."""
    step = next_step(look)
    match step:
        case Rest():
            return stands(row, step)
        case TakeBack():
            if look.closing is not None:
                reason = f"TAKEN_BACK: switch={look.closing.terms.closes_for}, {step.why}"
                wish = RequestCancel(request_id=core.new_id(), cause=CancelCause.KILL, reason=reason)
                _record(core, unit, look.closing, wish, "")
            return stands(row, Rest(PositionState.CLOSING, f"its order is taken back: {step.why}"))
        case Close():
            return _close(core, unit, watch, look, row, step)
        case _:
            assert_never(step)


def _close(
    core: Core, unit: UnitOfWork, watch: FlattenWatch, look: Look, row: Flattened, step: Close
) -> Flattened:
    """Make an order that closes a position, and accept it, unless what is so of its symbol denies it.

    Limits deny what opens, and are not asked.
    """
    desk, account_id, symbol, round_ = core.desk, row.account_id, row.symbol, row.rounds + 1
    terms = OrderTerms(
        account_id=account_id,
        channel=CLOSING_CHANNEL,
        client_order_id=closing_cl_ord_id(row.switch_id, symbol, round_),
        principal=f"{CLOSING_CHANNEL}:{row.switch_id}",
        symbol=symbol,
        side=step.side,
        order_type=OrderType.MARKET,
        time_in_force=TimeInForce.DAY,
        quantity=step.quantity,
        closes_for=row.switch_id,
    )
    verdict = verdict_now(core, terms, unit.now)
    for result in verdict.results:
        spec = result.setting.spec
        if result.outcome is RiskOutcome.DENIED and spec.facts and spec.of_closings:
            return stands(row, Rest(PositionState.WAITS, result.denial))
    message = SubmitOrder(order_id=core.new_id(), received_at=unit.now, terms=terms)
    payload = encode(message)
    closing = Closing(
        order_id=message.order_id,
        switch_id=row.switch_id,
        account_id=account_id,
        symbol=symbol,
        round=round_,
        side=step.side,
        quantity=step.quantity,
        held=look.held,
        others=look.others,
        stream_sequence=desk.stream_sequences[account_id],
    )
    unit.originated.append(Originated(message=message, payload=payload, closing=closing))
    note_request(unit, message, payload)
    order = Order(order_id=message.order_id, terms=terms)
    accepted = OrderAccepted(
        reserved_price_micros=verdict.reserved_price_micros,
        route=first_route(order, unit.now, may_route=True),
    )
    order = _record(core, unit, order, accepted, "")
    watch.note(order)
    log.warning(
        "position_closing", switch=str(row.switch_id), account=account_id, symbol=symbol,
        side=step.side.name, quantity=step.quantity, held=look.held, round=round_,
        order_id=str(order.order_id),
    )  # fmt: skip
    return replace(row, state=PositionState.CLOSING, why="", rounds=round_, order_id=order.order_id)


def handle_turn(core: Core, unit: UnitOfWork, order_id: UUID) -> None:
    """End an order whose own time is over, or go on with one that had to wait until now."""
    order = core.desk.orders.get(order_id)
    if order is not None:
        over = core.desk.is_over(order, unit.now)
        wish = RequestCancel(request_id=core.new_id(), cause=CancelCause.EXPIRY) if over else RetryRoute()
        _record(core, unit, order, wish, core.traces.get(order_id, ""))


def _worth(position: Position, mark: int | None) -> int:
    """Return what a position has brought and is worth, at its cost where it has no mark."""
    held = position.cost_micros if mark is None else position.quantity * mark
    return cash_of(position) + held


def handle_action(core: Core, unit: UnitOfWork, action: PositionAction) -> None:
    """Take what somebody says of an account's position; from here on fills change that.

    An opening is refused where anything has happened in the account since it was looked at: whoever said what
    is held did not know of it.
    """
    account_id, symbol = action.account_id, action.symbol
    head = core.desk.stream_sequences[account_id]
    unit.streams.setdefault(account_id, head)
    if isinstance(action, Opening) and action.after not in (None, head):
        why = f"event {head} of the account came after the load was checked at {action.after}"
        unit.refusals[action.action_id] = account_id, why
        log.warning("opening_refused", action=str(action.action_id), account=account_id, why=why)
        return
    before = core.desk.position(account_id, symbol)
    match action:
        case Opening():
            after = after_opening(before, action.quantity, action.cost_micros)
            # What is brought in is worth what it is, and nobody has won or lost it today.
            mark = core.marks.at(unit.now)(symbol)
            brought = _worth(after, mark) - _worth(before, mark)
            day = core.desk.days.move_opening(account_id, brought)
            if day is not None:
                unit.days[account_id] = day
        case Split():
            after = after_split(before, action.numerator, action.denominator, action.price_micros)
            core.desk.reshaped[account_id, symbol] = unit.now
        case Rename():
            after = Position()
            core.desk.reshaped[account_id, symbol] = unit.now
            into = core.desk.position(account_id, action.new_symbol)
            _change(core, unit, action, action.new_symbol, after_merge(into, before))
        case _:
            assert_never(action)
    _change(core, unit, action, symbol, after)


def _change(core: Core, unit: UnitOfWork, action: PositionAction, symbol: str, after: Position) -> None:
    """Let a position be what an action makes of it."""
    account_id = action.account_id
    before = core.desk.position(account_id, symbol)
    core.desk.keep_position(account_id, symbol, after)
    unit.positions.add((account_id, symbol))
    unit.changes.append(
        PositionChange(
            action_id=action.action_id,
            account_id=account_id,
            symbol=symbol,
            stream_sequence=core.desk.stream_sequences[account_id],
            before=before,
            after=after,
        )
    )


def _known(core: Core, order_id: UUID) -> Order:
    order = core.desk.order(order_id)
    if order is None:
        raise UnknownOrderError(f"no order {order_id} is stored")
    return order


def _record(core: Core, unit: UnitOfWork, order: Order, cause: Fact | Command, trace: str) -> Order:
    """Let the domain decide, take what happens and stage it. Returns the order after it."""
    before, quote, may_follow = order, None, True
    if order.terms.peg is not None:
        quote = _quote_followed(core, order)
        may_follow = _standing(core, order, order.auction, unit.now).may_route

    def standing() -> Standing:
        if (too_many := core.desk.too_many_children(before)) is not None:
            return Standing(False, too_many)
        auction = cause.auction if isinstance(cause, OrderAccepted) else before.auction
        return _standing(core, before, auction, unit.now)

    steps = evolve(order, cause, unit.now, standing=standing, may_follow=may_follow, quote=quote)
    if not steps:
        return order
    unit.shown.setdefault(order.order_id, order.shown)
    was_closed = order.closed
    newly_owed = core.desk.take(steps, unit.now)
    if (drawn := core.desk.draw(steps[-1][1], order)) is not None:
        unit.draws[drawn[0]] += drawn[1]
    for event, after in steps:
        _stage(core, unit, after, event, trace)
        order = after
    unit.orders[order.order_id] = order
    if was_closed and not order.closed:
        unit.reopened.append(order.order_id)
    if newly_owed:
        unit.outgoing += outgoing_of(order, unit.now, trace)
    if order.closed:
        core.traces.pop(order.order_id, None)
    return order


def _standing(core: Core, order: Order, auction: AuctionTimes | None, now: datetime) -> Standing:
    """Return whether a route of an order may be asked for now. auction: that it is for, None for none."""
    if waits(core.kills.known(), order.terms):
        return MAY_NOT
    return core.desk.order_standing(order, auction, now)


def _quote_followed(core: Core, order: Order, touch: TouchPrices | None = None) -> FollowQuote:
    """Return the quote that a pegged order follows. touch None: that of now."""
    symbol = order.terms.symbol
    return FollowQuote(touch=touch or core.quotes.touch(symbol), ticks=core.desk.ticks_of(symbol))


def _stage(core: Core, unit: UnitOfWork, order: Order, event: Event, trace: str) -> None:
    terms = order.terms
    heads = core.desk.stream_sequences
    unit.streams.setdefault(terms.account_id, heads[terms.account_id])
    heads[terms.account_id] += 1
    kind = type(event)
    trade = cast("TradeApplied | TradeCorrected", event) if kind in _TRADES else None
    avg_px = order.avg_px_micros
    change: dict[str, Any] = {FIELD_OF[kind.__name__]: event}
    message = OrderEvent(
        event_id=core.new_id(),
        order_id=order.order_id,
        account_id=terms.account_id,
        client_order_id=terms.client_order_id,
        sequence=order.sequence,
        stream_sequence=heads[terms.account_id],
        type=kind.__name__,
        status=order.status,
        symbol=terms.symbol,
        side=terms.side,
        quantity=terms.quantity,
        occurred_at=unit.now,
        cum_qty=order.cum_qty,
        leaves_qty=order.leaves_qty,
        avg_px=None if avg_px is None else dollars_of(avg_px),
        last_qty=trade.last_qty if trade is not None else 0,
        last_px=dollars_of(trade.last_px_micros) if trade is not None and trade.last_qty else None,
        venue_id=getattr(event, "venue_id", "") if kind in _OF_A_VENUE else "",
        text=order.text,
        request_id=_request_of(order, event),
        **change,
    )
    if kind is OrderReplaced:
        unit.replaced.add(order.order_id)
    unit.events.append(StoredEvent(message=message, payload=encode(message), trace=trace))
    if trade is not None:
        unit.positions.add((terms.account_id, terms.symbol))
        if trade.settles_on:
            unit.cash[terms.account_id, trade.settles_on] += cash_moved(terms.side, trade)


def _request_of(order: Order, event: Event) -> UUID | None:
    """Return the request that an event is an outcome of, which it names unless that is the order's own."""
    kind = type(event)
    if kind is OrderAccepted or kind is OrderDenied:
        return order.order_id
    request_id: UUID | None = getattr(event, "request_id", None)
    return request_id


# ---- what is asked of others


def outgoing_of(order: Order, now: datetime, trace: str) -> list[Outgoing]:
    """Return the messages for what an order waits for: they follow from its state, the same every time."""
    if order.taken_back_by is not None or order.is_recalled:
        cancel = _outgoing_cancel(order, now, trace)
        return [] if cancel is None else [cancel]
    found = [_outgoing_price(order, name, now, trace) for name in order.moved_to_peg]
    if order.route_quantity and order.cancel is None:
        found.append(_outgoing_route(order, now, trace))
    return found


def all_outgoing_of(order: Order, now: datetime, trace: str) -> list[Outgoing]:
    """Return the messages for everything that an order waits for, when nobody knows what was published.

    A route that was asked for before the order was canceled, or its children taken back, is asked for again
    too: its answer, that the plan came too late, is what is waited for.
    """
    found = outgoing_of(order, now, trace)
    if not found or not order.route_quantity or any(one.topic is Topic.VALIDATED for one in found):
        return found
    return [*found, _outgoing_route(order, now, trace)]


def _outgoing_route(order: Order, now: datetime, trace: str) -> Outgoing:
    request = _route_request(order, now)
    return _outgoing(order, Topic.VALIDATED, order.terms.symbol, request.route_id, request, trace)


def _outgoing_cancel(order: Order, now: datetime, trace: str) -> Outgoing | None:
    if order.idle:
        return None
    request = order.taken_back_by
    if request is None and not order.is_recalled:
        return None
    if request is not None and (smaller := order.made_smaller) is not None:
        return _outgoing_replace(order, request.request_id, *smaller, now, trace)
    request_id = request.request_id if request is not None else recall_id(order.order_id, order.attempt)
    cancel = CancelChildren(
        request_id=request_id,
        order_id=order.order_id,
        account_id=order.terms.account_id,
        requested_at=now if request is None else _asked_at(request),
        through_attempt=order.attempt,
    )
    return _outgoing(order, Topic.ROUTED, str(order.order_id), request_id, cancel, trace)


def _outgoing_price(order: Order, cl_ord_id: str, now: datetime, trace: str) -> Outgoing:
    """Return the message that moves a child of a pegged order to the order's price."""
    pegged = order.pegged
    if pegged is None:
        raise BrokenInvariantError(f"order {order.order_id} has no price to move a child to")
    request_id = peg_id(order.order_id, microseconds(pegged.priced_at))
    quantity, price = order.children[cl_ord_id].quantity, pegged.price_micros
    return _outgoing_replace(order, request_id, cl_ord_id, quantity, now, trace, price)


def _outgoing_replace(
    order: Order,
    request_id: UUID,
    cl_ord_id: str,
    quantity: int,
    now: datetime,
    trace: str,
    price_micros: int | None = None,
) -> Outgoing:
    message = ReplaceChild(
        request_id=request_id,
        order_id=order.order_id,
        account_id=order.terms.account_id,
        cl_ord_id=cl_ord_id,
        quantity=quantity,
        requested_at=now,
        limit_price_micros=price_micros,
    )
    return _outgoing(order, Topic.ROUTED, str(order.order_id), request_id, message, trace)


def _asked_at(request: CancelRequested | ReplaceRequested | OrderSuspended) -> datetime:
    return request.suspended_at if isinstance(request, OrderSuspended) else request.requested_at


def _outgoing(order: Order, topic: Topic, key: str, event_id: UUID, message: Message, trace: str) -> Outgoing:
    return Outgoing(
        topic=topic, key=key, order_id=order.order_id, event_id=event_id, message=message, trace=trace
    )


def _route_request(order: Order, now: datetime) -> RouteRequest:
    return RouteRequest(
        route_id=route_id(order.order_id, order.attempt),
        order_id=order.order_id,
        attempt=order.attempt,
        quantity=order.route_quantity,
        requested_at=order.routed_at or now,
        visits=tuple(order.visits.values()),
        terms=order.worked_terms,
        display_quantity=order.display_left,
    )
