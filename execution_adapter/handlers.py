"""What the adapter does about plans, cancels, reports and sessions: plain functions over the live children.

A child that is closed without a report of its venue (an order that never left, one that the venue could not
read) is published first and stored only after that is flushed: no venue would report it again. A crash in
between finds the child unacknowledged, and asks.
"""

import heapq
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from msgspec.structs import replace

from execution_adapter import metrics
from execution_adapter.domain.child import (
    CLOSED,
    CancelRefusal,
    Inbound,
    MessageRefusal,
    OrdStatus,
    Report,
    Status,
    apply_report,
    is_news,
    is_replay,
    new_state,
)
from execution_adapter.domain.exceptions import contradiction, raised
from execution_adapter.domain.gate import WireGate, problem_of
from execution_adapter.domain.ledger import Ledger
from execution_adapter.domain.live_child import Executions, LiveChild
from execution_adapter.domain.reconciliation import Occasion, Reconciler
from execution_adapter.domain.session_settings import SessionSettings
from execution_adapter.domain.throttle import Admission, Lane, Turn
from execution_adapter.ports import Outlet, Stops, StoredChild, Venues
from execution_adapter.reports import RESTATEMENTS, ReportOutlet, ReportTraces, local_report
from oms_platform.exceptions import ExceptionKind
from oms_platform.ids import uuid7, uuid7_time
from oms_platform.messages import CancelChildren, RouteAnswer, RoutePlan
from oms_platform.order_ids import cancel_cl_ord_id, child_cl_ord_id, route_id
from oms_platform.telemetry.order_trace import traced_id
from oms_platform.telemetry.tracing import Tracer
from oms_platform.vocabulary import ChildTerms, ExecType, RoutePlaced
from oms_platform.wire import encode

log = structlog.get_logger()
# FIX CxlRejReason, tag 102.
UNKNOWN_ORDER: Final = 1
ALREADY_PENDING: Final = 3
OTHER_REASON: Final = 99
UNSENT_TEXT: Final = "canceled before it was sent"
LOST_TEXT: Final = "it never reached its venue"
GONE_TEXT: Final = "its venue knows it no more"
DOWN_TEXT: Final = "its venue's session is down"
FULL_TEXT: Final = "too many orders wait for its venue"
UNREAD_TEXT: Final = "the venue could not read the order"
_EXECUTIONS: Final = frozenset((ExecType.TRADE, ExecType.TRADE_CANCEL, ExecType.TRADE_CORRECT))
# What says how many shares are open again.
_REOPENING: Final = RESTATEMENTS | {ExecType.TRADE_CANCEL, ExecType.TRADE_CORRECT}
_PLACED: Final = metrics.routes_total.labels("placed")
# How a venue says that it takes no message of a type: BusinessRejectReason 3, SessionRejectReason 11.
_UNSUPPORTED: Final = frozenset((("j", 3), ("3", 11)))
_OVER: Final = frozenset(
    (
        OrdStatus.FILLED,
        OrdStatus.CANCELED,
        OrdStatus.REJECTED,
        OrdStatus.EXPIRED,
        OrdStatus.DONE_FOR_DAY,
        OrdStatus.CALCULATED,
    )
)
# Questions about a child, each after twice as long as the one before, until a person has to look at it.
TRIES_MAX: Final = 5
# A child whose venue has not been there yet in this run waits so long for it.
UNSENT_S_MAX: Final = 5.0
# Questions that nobody waits for, a second.
ASKS_A_TIME: Final = 200
CLOSED_REMEMBERED_MAX: Final = 10_000
_NONE: Final[Mapping[str, Executions]] = {}
# A held child that is still live so long after its cancel was sent is canceled again.
HOLD_RETRY_S: Final = 1.0


def plan_problem(plan: RoutePlan) -> str:
    """Return why nothing of a plan may be sent, empty when it may."""
    if plan.attempt <= 0:
        return f"GATE_ATTEMPT: attempt={plan.attempt}"
    return problem_of(
        plan.order_id,
        plan.attempt,
        plan.quantity,
        plan.terms,
        plan.children,
        lambda leg: child_cl_ord_id(plan.order_id, plan.attempt, leg),
    )


class ChildOrderManager:
    """The live children of every venue, and what is done about them. One thread only."""

    def __init__(
        self,
        venues: Venues,
        outlet: Outlet,
        ledger: Ledger,
        status_timeout_s: float,
        tracer: Tracer | None = None,
        gate: WireGate | None = None,
        reconcile_s: float = 0.0,
        new_id: Callable[[], UUID] = uuid7,
    ) -> None:
        self._gate = gate or WireGate()
        self._traces = ReportTraces(tracer or Tracer())
        self._venues = venues
        self._reports = ReportOutlet(outlet)
        self._outlet = outlet
        self._ledger = ledger
        self._status_timeout_s = status_timeout_s
        self._live: dict[str, LiveChild] = {}
        self._by_order: dict[UUID, dict[str, LiveChild]] = {}
        # Those that wait for a venue's answer: to a 35=D, a 35=F or a 35=H.
        self._waiting: dict[str, LiveChild] = {}
        # Those that were live in this run, the newest last: reports come in any order.
        self._closed: OrderedDict[str, LiveChild] = OrderedDict()
        self._logons: dict[str, int] = {}
        self._up: set[str] = set()
        # Venues that are down until somebody, or their schedule, lets them in again.
        self._stays_out: set[str] = set()
        # The ways to venues that take only so much a second.
        self._lanes: dict[str, Lane] = {}
        # Venues that cancel what is open when the connection is lost, and cannot be asked what they canceled.
        self._silent_on_cancels: set[str] = set()
        # Venues that have refused a 35=H, or never answer one.
        self._mute: set[str] = set()
        # (when, ClOrdID) of the children whose time ends by itself, the next first.
        self._holds: list[tuple[float, str]] = []
        # Who is to be asked about, a few at a time.
        self._to_ask: deque[str] = deque()
        self._reconcile_s, self._new_id = reconcile_s, new_id
        self._reconciler = Reconciler()
        # When each venue's orders were last compared with its own.
        self._compared_s: dict[str, float] = {}

    def load(self, stored: Iterable[StoredChild], executions: Mapping[str, Executions] = _NONE) -> None:
        """Take over the children that an earlier run left live. What it sent of them is not known.

        A held child's time counts as over. executions: those of each that core has applied.
        """
        for item in stored:
            over = item.canceled_by is not None or item.child.hold_ms > 0
            live = LiveChild(item.child, item.state, maybe_at_venue=True, canceling=over)
            live.cancel_request = item.canceled_by
            live.executions = dict(executions.get(item.child.cl_ord_id, {}))
            live.given_up = live.unresolved or over
            self._add(live)

    def use_settings(self, venue_id: str, settings: SessionSettings) -> None:
        """Go by what a venue takes and can."""
        self._lanes.pop(venue_id, None)
        if settings.throttle is not None:
            self._lanes[venue_id] = Lane(settings.throttle)
        can = settings.capabilities
        if can.order_status:
            self._mute.discard(venue_id)
        else:
            self._mute.add(venue_id)
        self._silent_on_cancels.discard(venue_id)
        if can.cancel_on_disconnect and not can.order_status:
            self._silent_on_cancels.add(venue_id)

    def get(self, child_id: str) -> LiveChild | None:
        """Return a child that is live, or was in this run."""
        return self._live.get(child_id) or self._closed.get(child_id)

    def remember(self, live: LiveChild, executions: Executions) -> None:
        """Take a child of an earlier run, that is over, among those that reports may come for."""
        live.executions = dict(executions)
        live.missing_shown = live.state.missing_qty
        self._closed[live.child.cl_ord_id] = live
        self._forget_oldest()

    def ask_soon(self, live: LiveChild) -> None:
        """Ask a child's venue how it is, when there is time."""
        self._to_ask.append(live.child.cl_ord_id)

    @property
    def venues_up(self) -> frozenset[str]:
        """The venues whose session is logged on."""
        return frozenset(self._up)

    @property
    def venues_out(self) -> frozenset[str]:
        """The venues whose session is down on purpose."""
        return frozenset(self._stays_out)

    @property
    def unanswered(self) -> int:
        """How many children wait for a venue's answer, those left aside that are a person's."""
        return sum(not live.unresolved for live in self._waiting.values())

    def count(self) -> None:
        """Set the gauges."""
        metrics.live_children.set(len(self._live))
        metrics.pending_children.set(sum(live.unacked for live in self._waiting.values()))

    # ---- plans and cancels

    def handle_placed(self, plan: RoutePlan, now: datetime, now_s: float, trace: str) -> None:
        """The children of a plan are stored: tell core, then send them to the venues that are there."""
        self._answer(plan, plan.children, now, trace, continues=plan.continues)
        _PLACED.inc()
        trace_id = traced_id(trace)
        metrics.sor_to_adapter.observe((now - plan.decided_at).total_seconds(), trace_id)
        if plan.attempt == 1:
            metrics.order_to_venue.observe((now - uuid7_time(plan.order_id)).total_seconds(), trace_id)
        for child in plan.children:
            live = LiveChild(child, new_state(child.quantity), maybe_at_venue=False, trace=trace)
            self._add(live)
            if child.venue_id in self._logons or child.venue_id in self._stays_out:
                # A venue that was there and is down gets nothing later: its shares go elsewhere at once.
                if not self._send(live, now, now_s):
                    continue
            else:
                live.last_try_s = now_s
            if child.hold_ms:
                heapq.heappush(self._holds, (now_s + child.hold_ms / 1000, child.cl_ord_id))

    def handle_placed_before(
        self, plan: RoutePlan, stored: Sequence[StoredChild], now: datetime, trace: str
    ) -> None:
        """A plan came again: tell core again what was stored, and send nothing."""
        children = tuple([item.child for item in stored])
        self._answer(plan, children, now, trace, continues=stored[0].continues)
        metrics.routes_total.labels("repeated").inc()

    def handle_unplaced(
        self, plan: RoutePlan, now: datetime, trace: str, *, reason: str, refused: bool = False
    ) -> None:
        """Nothing of a plan was stored: tell core why. refused: a cancel of its attempt came before it."""
        metrics.routes_total.labels("refused" if refused else "no_legs").inc()
        no_data = plan.no_data and not refused
        self._answer(plan, (), now, trace, reason=reason, refused=refused, no_data=no_data)

    def _answer(
        self,
        plan: RoutePlan,
        children: tuple[ChildTerms, ...],
        now: datetime,
        trace: str,
        *,
        continues: bool = False,
        reason: str = "",
        refused: bool = False,
        no_data: bool = False,
    ) -> None:
        account_id = plan.terms.account_id
        answer = RouteAnswer(
            route_id=plan.route_id,
            order_id=plan.order_id,
            account_id=account_id,
            placed=RoutePlaced(
                attempt=plan.attempt,
                reason=reason,
                refused=refused,
                placed_at=now,
                continues=continues,
                children=children,
                no_data=no_data,
            ),
        )
        self._outlet.send(account_id, answer, trace)

    def republish_route(self, stored: Sequence[StoredChild], now: datetime) -> None:
        """Tell core of a stored route once more: Kafka may have lost it."""
        first = stored[0].child
        answer = RouteAnswer(
            route_id=route_id(first.order_id, first.attempt),
            order_id=first.order_id,
            account_id=first.account_id,
            placed=RoutePlaced(
                attempt=first.attempt,
                placed_at=now,
                continues=stored[0].continues,
                children=tuple([item.child for item in stored]),
            ),
        )
        self._outlet.send(first.account_id, answer, "")

    def republish_local_close(self, stored: StoredChild, now: datetime) -> None:
        """Tell core once more of a child that we closed ourselves: no venue has a report of it to resend."""
        child, state = stored.child, stored.state
        if state.acked_at is not None or state.cum_qty or state.venue_order_id:
            return
        texts = {
            Status.CANCELED: (ExecType.CANCELED, UNSENT_TEXT),
            Status.REJECTED: (ExecType.REJECTED, UNREAD_TEXT),
        }
        if state.status in texts:
            exec_type, text = texts[state.status]
            report = local_report(child, exec_type, text, now)
            self._reports.publish(report, child, state, exec_type, state, now, "")

    def note_cancel(self, cancel: CancelChildren) -> None:
        """A cancel is stored: none of the children that it ends is sent from now on."""
        for live in self._by_order.get(cancel.order_id, {}).values():
            if live.child.attempt <= cancel.through_attempt:
                live.canceling = True

    def handle_cancel(self, cancel: CancelChildren, now: datetime, now_s: float) -> None:
        """A cancel is stored: cancel the order's live children of the attempts that it ends.

        The same request again sends nothing for a child that a venue is canceling by it.
        """
        for live in list(self._by_order.get(cancel.order_id, {}).values()):
            if live.child.attempt > cancel.through_attempt:
                continue
            again = live.cancel_request == cancel.request_id
            live.cancel_request = cancel.request_id
            if not (again and live.canceled_on_logon == self._logons.get(live.child.venue_id, 0)):
                self._end(live, now, now_s)

    def _end(self, live: LiveChild, now: datetime, now_s: float) -> None:
        """Take a child out of the market: close it here if it never left, cancel it if the venue has it.

        One that may or may not be at the venue is asked about first.
        """
        live.canceling = True
        if not live.maybe_at_venue:
            self._close_unsent(live, now)
        elif live.child.venue_id in self._up and not self._is_ambiguous(live):
            self._cancel(live, now, now_s)

    def handle_stops(self, stops: Stops, now: datetime, now_s: float) -> None:
        """Send nothing any more that is stopped, and cancel what a person wants canceled."""
        halted = sorted(name for name, instrument in stops.instruments.items() if not instrument.active)
        if halted:
            log.warning("halted", symbols=halted)
        known = {switch.switch_id for switch in self._gate.switches}
        self._gate.switches, self._gate.instruments = stops.switches, stops.instruments
        for switch in stops.switches:
            if switch.switch_id in known:
                continue
            log.warning("killed", scope=switch.scope.name, name=switch.name, reason=switch.reason)
            for live in list(self._live.values()) if switch.cancels else ():
                if switch.stops(live.child):
                    self._end(live, now, now_s)

    def next_hold_s(self) -> float | None:
        """Return when the next held child's time is over; None while none is held."""
        return self._holds[0][0] if self._holds else None

    def expire_holds(self, now: datetime, now_s: float) -> None:
        """Cancel the children whose time is over, and try again those that the venue keeps."""
        while self._holds and self._holds[0][0] <= now_s:
            _, cl_ord_id = heapq.heappop(self._holds)
            live = self._live.get(cl_ord_id)
            if live is not None:
                self._end(live, now, now_s)
                if cl_ord_id in self._live:
                    heapq.heappush(self._holds, (now_s + HOLD_RETRY_S, cl_ord_id))

    # ---- what venues send

    def handle_inbound(
        self, inbound: Inbound, live: LiveChild, raw: bytes, now: datetime, now_s: float
    ) -> None:
        """Work on a message about a child. raw: as it was on the wire."""
        if live.child.venue_id in self._lanes and self._is_complaint(inbound, live, now_s):
            return
        if isinstance(inbound, Report):
            self._handle_report(inbound, live, raw, now, now_s)
        elif isinstance(inbound, CancelRefusal):
            self._handle_cancel_refusal(inbound, live, now, now_s)
        else:
            self._handle_message_refusal(inbound, live, raw, now, now_s)

    def except_message(
        self,
        kind: ExceptionKind,
        detail: str,
        *,
        venue_id: str,
        raw: bytes,
        now: datetime,
        child: ChildTerms | None = None,
        report: Report | None = None,
        subject: str = "",
    ) -> None:
        """Keep what cannot be applied for a person. Without a message it shows the order that it is about."""
        raw = raw or (b"" if child is None else encode(child))
        found = raised(
            kind, detail, venue_id=venue_id, raw=raw, at=now, child=child, report=report, subject=subject
        )
        metrics.exceptions_total.labels(venue_id, kind.name).inc()
        log.warning(
            "execution_exception", kind=kind.name, venue=venue_id, cl_ord_id=found.cl_ord_id, detail=detail
        )
        self._ledger.excepted(found)

    def _handle_report(
        self, report: Report, live: LiveChild, raw: bytes, now: datetime, now_s: float
    ) -> None:
        child = live.child
        metrics.reports_of(child.venue_id, report.exec_type.name).inc()
        if report.poss_dup:
            metrics.of_venue(child.venue_id).resent.inc()
        problem = contradiction(child, report) or self._repeats_otherwise(report, live)
        if problem:
            kind = ExceptionKind.CONTRADICTS_CHILD
            if report.exec_type is ExecType.TRADE and report.exec_id in live.executions:
                kind = ExceptionKind.REPEATED_EXEC_ID
            self.except_message(
                kind, problem, venue_id=report.venue_id, raw=raw, now=now, child=child, report=report
            )
            if kind is ExceptionKind.REPEATED_EXEC_ID and child.venue_id in self._up:
                self._ask(live, now_s)
            return
        if report.exec_type is ExecType.ORDER_STATUS and not report.poss_dup:
            self._mute.discard(child.venue_id)
        before = live.state
        if report.unknown:
            self._handle_unknown(report, live, raw, now, now_s)
            self._reconciler.answered(child, before, live.state, report, now)
            return
        counted = is_replay(live.state, report) or self._has_counted(report, live)
        stood_at = live.note_execution(report) if report.exec_type in _EXECUTIONS else None
        if counted:
            self._republish(report, live, now)
            return
        if report.duplicate and report.exec_type is ExecType.REJECTED and not live.unacked:
            # It was refused because the venue has it: how it is, the venue says when it is asked.
            self._ask(live, now_s)
            return
        self._apply(report, live, now, now_s, stood_at)
        self._watch_difference(report, live, raw, now, now_s)
        if report.exec_type is ExecType.ORDER_STATUS:
            self._reconciler.answered(child, before, live.state, report, now)
        elif live.state.status in CLOSED:
            self._reconciler.closed(child, now)

    def _apply(
        self, report: Report, live: LiveChild, now: datetime, now_s: float, stood_at: int | None
    ) -> None:
        child, before = live.child, live.state
        applied = apply_report(before, child.quantity, child.time_in_force, report, stood_at)
        after = live.state = applied.state
        trace = self._traces.reported(report, live, before, now)
        ended = applied.ended
        if ended is None and report.poss_dup and before.status in CLOSED and after.status in CLOSED:
            # An earlier run may have stored the end and not told core.
            ended = self._end_said(report, live)
        self._reports.publish(report, child, after, ended, before, now, trace)
        if replace(after, in_seq=before.in_seq) != before:
            self._ledger.reported(child, after)
        if report.exec_type is ExecType.TRADE:
            metrics.of_venue(child.venue_id).filled_shares.inc(report.last_qty)
        answered = before.status is Status.PENDING_NEW and after.status is not Status.PENDING_NEW
        if answered and live.sent_on_logon and not live.asked_after_send:
            metrics.venue_ack.observe(now_s - live.last_try_s, traced_id(live.trace))
        if after.status is not before.status or after.cum_qty != before.cum_qty:
            live.tries = 0
        self._note_answered(live)
        if after.status in CLOSED:
            self._drop(live)
            return
        if child.cl_ord_id not in self._live:
            log.warning("child_open_again", cl_ord_id=child.cl_ord_id, venue=child.venue_id)
            self._add(live)
        self._go_on_canceling(report, live, now, now_s)
        if not live.unacked and not self._cancel_is_out(live) and after.missing_qty == live.missing_shown:
            self._waiting.pop(child.cl_ord_id, None)

    def _note_answered(self, live: LiveChild) -> None:
        """Settle what a person was shown of a child, once its venue has answered what it was asked."""
        if live.given_up and not live.unresolved and (live.state.status in CLOSED or not live.canceling):
            live.given_up = False
            self._ledger.settled(live.child.cl_ord_id, ExceptionKind.UNRESOLVED)

    def _cancel_is_out(self, live: LiveChild) -> bool:
        return live.canceling and live.canceled_on_logon == self._logons.get(live.child.venue_id, 0)

    def _go_on_canceling(self, report: Report, live: LiveChild, now: datetime, now_s: float) -> None:
        """Send the cancel of a child that its venue is now known to have, or goes on working."""
        if not live.canceling or live.unacked or live.child.venue_id not in self._up:
            return
        told_again = (
            report.exec_type is ExecType.ORDER_STATUS and report.ord_status is not OrdStatus.PENDING_CANCEL
        )
        if told_again or not self._cancel_is_out(live):
            self._cancel(live, now, now_s)

    def _watch_difference(
        self, report: Report, live: LiveChild, raw: bytes, now: datetime, now_s: float
    ) -> None:
        """Hold the venue's CumQty against its trades: ask about a difference, and show what then remains."""
        state, child = live.state, live.child
        if state.missing_qty == live.missing_shown:
            return
        if not state.missing_qty:
            live.missing_shown = 0
            self._ledger.settled(child.cl_ord_id, ExceptionKind.CUM_QTY_DIFFERS)
            return
        if report.exec_type is not ExecType.ORDER_STATUS:
            self._waiting[child.cl_ord_id] = live
            self._ask(live, now_s)
            return
        self._show_difference(live, raw, now, report)

    def _show_difference(
        self, live: LiveChild, raw: bytes, now: datetime, report: Report | None = None
    ) -> None:
        state, child = live.state, live.child
        live.missing_shown = state.missing_qty
        traded = state.cum_qty - state.missing_qty
        self.except_message(
            ExceptionKind.CUM_QTY_DIFFERS,
            f"CumQty (14) is {state.cum_qty}, the trades that were reported come to {traded}",
            venue_id=child.venue_id,
            raw=raw,
            now=now,
            child=child,
            report=report,
            subject=f"{child.cl_ord_id} {state.cum_qty} {traded}",
        )
        if not live.unacked and not self._cancel_is_out(live):
            self._waiting.pop(child.cl_ord_id, None)

    @staticmethod
    def _has_counted(report: Report, live: LiveChild) -> bool:
        """Say whether the child's state has a report already that is no replay: its venue says it again.

        Not so an execution that core has and that is resent from beyond what the state had heard, unless the
        state has its shares: an earlier run had told core of it, and ended before it stored the state.
        """
        known = live.executions.get(report.exec_id) if report.exec_type in _EXECUTIONS else None
        if report.poss_resend and report.exec_type is not ExecType.ORDER_STATUS:
            return known is not None or not is_news(live.state, report)
        if known is None:
            return False
        traded = live.state.cum_qty - live.state.missing_qty
        has_shares = report.cum_qty is not None and report.cum_qty <= traded
        return known.heard or not report.poss_dup or (report.exec_type is ExecType.TRADE and has_shares)

    @staticmethod
    def _repeats_otherwise(report: Report, live: LiveChild) -> str:
        """Return how a trade differs from the one with its ExecID, empty when it does not."""
        known = live.executions.get(report.exec_id)
        if report.exec_type is not ExecType.TRADE or known is None:
            return ""
        first, found = (known.last_qty, known.last_px_micros), (report.last_qty, report.last_px_micros)
        if first == found:
            return ""
        was, now = (f"{shares} at {micros} micros" for shares, micros in (first, found))
        return f"ExecID {report.exec_id} was {was}, is {now}"

    @staticmethod
    def _end_said(report: Report, live: LiveChild) -> ExecType | None:
        """Return how a report by itself ends a child, None if it does not."""
        blank = replace(new_state(live.child.quantity), missing_qty=live.state.missing_qty)
        return apply_report(blank, live.child.quantity, live.child.time_in_force, report).ended

    def _republish(self, report: Report, live: LiveChild, now: datetime) -> None:
        """A report comes again that was applied: core may not have it, and applies it once."""
        blank = replace(new_state(live.child.quantity), missing_qty=live.state.missing_qty)
        applied = apply_report(blank, live.child.quantity, live.child.time_in_force, report)
        said, before = live.state, live.state
        if report.exec_type in _REOPENING:
            # As it was then: what changed the child since is republished after it.
            said, before = applied.state, blank
        # An end that a bust has undone since is none.
        ended = self._end_said(report, live) if live.state.status in CLOSED else None
        self._reports.publish(report, live.child, said, ended, before, now, live.trace)

    def _handle_unknown(
        self, answer: Report, live: LiveChild, raw: bytes, now: datetime, now_s: float
    ) -> None:
        """The venue says that it never saw a child: send it now, or close it if it was canceled meanwhile."""
        child = live.child
        if child.cl_ord_id not in self._live or child.venue_id not in self._up:
            return
        if not live.unacked and not answer.poss_dup and answer.ask_id in ("", live.ask_id):
            if live.canceling:
                # Nothing of it will be sent again, and there is nothing that a venue could cancel.
                self._close_unsent(live, now, GONE_TEXT)
                return
            # It had it, and whoever sends it again on such a word may double it.
            self._waiting.pop(child.cl_ord_id, None)
            live.given_up = True
            self.except_message(
                ExceptionKind.UNRESOLVED,
                "the venue says that it does not know the order, which it had acknowledged",
                venue_id=child.venue_id,
                raw=raw,
                now=now,
                child=child,
                subject=f"{child.cl_ord_id} unknown",
            )
            return
        if not live.proves_absent(answer, self._logons[child.venue_id]):
            return
        log.info(
            "child_unknown_at_venue",
            cl_ord_id=child.cl_ord_id,
            venue=child.venue_id,
            canceled=live.canceling,
        )
        if live.canceling:
            self._close_unsent(live, now)
        elif not live.first_sent_at:
            # Of an earlier run, which may have told core that it is over: its shares are routed anew.
            self._close_unsent(live, now, LOST_TEXT)
        else:
            self._send(live, now, now_s)

    def _handle_cancel_refusal(
        self, refusal: CancelRefusal, live: LiveChild, now: datetime, now_s: float
    ) -> None:
        child = live.child
        metrics.rejects_total.labels(child.venue_id, "9").inc()
        if child.cl_ord_id not in self._live:
            return
        if refusal.reason == ALREADY_PENDING:
            # No answer: an earlier cancel is under way, and its outcome is the answer.
            return
        if refusal.reason == UNKNOWN_ORDER:
            if child.venue_id in self._mute and live.unacked:
                # It was asked after the order, on a session that keeps their order: the venue has none.
                self._close_unsent(live, now)
                return
            if live.unacked or live.tries < TRIES_MAX:
                # No answer for core: the venue that has acknowledged it says how it is.
                live.canceled_on_logon = 0
                live.tries += 1
                if child.venue_id in self._up:
                    self._ask(live, now_s)
                return
        live.canceled_on_logon = 0
        self._reports.publish_cancel_reject(
            child, refusal.cl_ord_id, refusal.reason, refusal.text, refusal.transact_time, live.trace
        )
        if refusal.ord_status in _OVER and child.venue_id in self._up:
            self._ask(live, now_s)

    def _handle_message_refusal(
        self, refusal: MessageRefusal, live: LiveChild, raw: bytes, now: datetime, now_s: float
    ) -> None:
        child = live.child
        if refusal.ref_msg_type == "D" and live.unacked and child.cl_ord_id in self._live:
            log.warning(
                "order_refused_unread", cl_ord_id=child.cl_ord_id, venue=child.venue_id, text=refusal.text
            )
            self._close(live, ExecType.REJECTED, refusal.text or UNREAD_TEXT, now)
        elif refusal.ref_msg_type == "F":
            self._reports.publish_cancel_reject(
                child, refusal.ref_id, OTHER_REASON, refusal.text, now, live.trace
            )
        elif refusal.ref_msg_type == "H":
            if (refusal.msg_type, refusal.reason) in _UNSUPPORTED:
                self._mute.add(child.venue_id)
                log.warning("venue_without_status", venue=child.venue_id, text=refusal.text)
                self._give_up(live, f"the venue answers no 35=H: {refusal.text}", raw, now)
        else:
            log.warning(
                "message_refused", venue=child.venue_id, ref_msg_type=refusal.ref_msg_type, text=refusal.text
            )

    def resolve(self, refusal: MessageRefusal) -> MessageRefusal | None:
        """Find which message of ours a 35=3 or 35=j is about; None when that cannot be told."""
        metrics.rejects_total.labels(refusal.venue_id, refusal.msg_type).inc()
        if refusal.ref_id and refusal.ref_msg_type:
            return refusal
        sent = self._venues.sent_message(refusal.venue_id, refusal.ref_seq)
        if sent is None or not sent.cl_ord_id:
            return None
        return MessageRefusal(
            venue_id=refusal.venue_id,
            msg_type=refusal.msg_type,
            ref_seq=refusal.ref_seq,
            ref_msg_type=sent.msg_type,
            ref_id=sent.cl_ord_id,
            text=refusal.text,
        )

    # ---- sessions

    def handle_logon(self, venue_id: str, now: datetime, now_s: float, *, began_anew: bool = False) -> None:
        """A venue is there: ask about what it may have, send what it has not, cancel what is to go."""
        self._up.add(venue_id)
        self._stays_out.discard(venue_id)
        metrics.session_out.labels(venue_id).set(0)
        metrics.session_up.labels(venue_id).set(1)
        metrics.logons_total.labels(venue_id).inc()
        here = [live for live in self._live.values() if live.child.venue_id == venue_id]
        log.info("venue_up", venue=venue_id, live=len(here), unacked=sum(live.unacked for live in here))
        for live in here:
            live.tries = 0
        if began_anew:
            over = [live for live in self._closed.values() if live.child.venue_id == venue_id]
            for live in (*here, *over):
                live.state = replace(live.state, in_seq=0)
                if live.child.cl_ord_id in self._live or self._ledger.newest(live.child.cl_ord_id):
                    self._ledger.reported(live.child, live.state)
        self._go_on(venue_id, here, now, now_s)
        self.compare(venue_id, Occasion.LOGON, now, now_s)

    def compare(self, venue_id: str, occasion: Occasion, now: datetime, now_s: float) -> None:
        """Ask a venue how each of its open orders is, and note where it says something else than we hold."""
        self._compared_s[venue_id] = now_s
        asked = [
            live
            for live in self._live.values()
            if live.child.venue_id == venue_id and not live.unacked and not live.canceling
        ]
        if not asked:
            return
        self._reconciler.begin(self._new_id(), venue_id, occasion, [live.child for live in asked], now)
        if venue_id in self._mute:
            self._reconciler.interrupt(venue_id, "the venue answers no 35=H", now)
            if occasion is Occasion.LOGON and venue_id in self._silent_on_cancels:
                self._show_maybe_canceled(asked, now)
            return
        for live in asked:
            live.tries = 0
            self._to_ask.append(live.child.cl_ord_id)

    def _show_maybe_canceled(self, known: Sequence[LiveChild], now: datetime) -> None:
        """Leave to a person what a venue may have canceled meanwhile, and does not say."""
        for live in known:
            child = live.child
            self.except_message(
                ExceptionKind.UNRESOLVED,
                "the venue cancels on disconnect and answers no 35=H: the order may be over",
                venue_id=child.venue_id,
                raw=b"",
                now=now,
                child=child,
                subject=f"{child.cl_ord_id} after logon {now:%Y%m%d-%H:%M:%S.%f}",
            )

    def handle_resend_wanted(self, venue_id: str, now: datetime, now_s: float) -> None:
        """A venue missed messages of ours, and they are not sent again: find out which it has."""
        if venue_id in self._up:
            here = [live for live in self._live.values() if live.child.venue_id == venue_id]
            self._go_on(venue_id, here, now, now_s)
            for live in here:
                if not live.unacked and not live.canceling:
                    self.ask_soon(live)

    def _go_on(self, venue_id: str, here: Sequence[LiveChild], now: datetime, now_s: float) -> None:
        self._logons[venue_id] = self._logons.get(venue_id, 0) + 1
        for live in here:
            if not live.maybe_at_venue:
                if live.canceling:
                    self._close_unsent(live, now)
                else:
                    self._send(live, now, now_s)
            elif live.unacked:
                self._ask(live, now_s)
            elif live.canceling:
                self._cancel(live, now, now_s)

    def handle_logout(
        self, venue_id: str, now: datetime, reason: str = "", *, on_purpose: bool = False
    ) -> None:
        """A venue is gone. on_purpose: until somebody, or its schedule, lets it in again."""
        self._reconciler.interrupt(venue_id, "the session ended", now)
        metrics.session_out.labels(venue_id).set(on_purpose)
        if on_purpose:
            self._stays_out.add(venue_id)
        else:
            self._stays_out.discard(venue_id)
        if venue_id in self._up:
            log.warning("venue_down", venue=venue_id, reason=reason)
            metrics.logouts_total.labels(venue_id).inc()
        self._up.discard(venue_id)
        metrics.session_up.labels(venue_id).set(0)

    def ask_overdue(self, now: datetime, now_s: float) -> None:
        """Ask about every child that its venue has not answered for in time, each time after twice as long.

        After TRIES_MAX times it is a person's. A child whose venue has never been there goes elsewhere.
        """
        for live in list(self._waiting.values()):
            if live.child.venue_id not in self._up:
                known = live.child.venue_id in self._logons or live.child.venue_id in self._stays_out
                if not live.maybe_at_venue and (known or now_s - live.last_try_s > UNSENT_S_MAX):
                    self._close_unsent(live, now, DOWN_TEXT)
                continue
            if live.unresolved or not live.maybe_at_venue or self._waits_for_turn(live):
                continue
            if now_s - live.last_try_s <= self._status_timeout_s * 2.0**live.tries:
                continue
            live.tries += 1
            if live.tries > (1 if live.child.venue_id in self._mute else TRIES_MAX):
                self._give_up(live, f"no answer to {live.tries} questions", b"", now)
            else:
                self._ask(live, now_s)
        self._compare_in_time(now, now_s)
        for _ in range(min(len(self._to_ask), ASKS_A_TIME)):
            found = self._live.get(self._to_ask.popleft())
            if found is not None and found.child.venue_id in self._up and not found.unacked:
                self._waiting[found.child.cl_ord_id] = found
                self._ask(found, now_s)

    def _compare_in_time(self, now: datetime, now_s: float) -> None:
        """Compare with the venues whose time has come, and let what has ended be stored."""
        if self._reconcile_s:
            for venue_id in self._up:
                if now_s - self._compared_s[venue_id] >= self._reconcile_s:
                    self.compare(venue_id, Occasion.SCHEDULE, now, now_s)
        ended = self._reconciler.take_ended()
        for run in ended:
            log.info(
                "reconciled",
                venue=run.venue_id,
                occasion=run.occasion.name,
                asked=run.asked,
                agreed=run.agreed,
                over=run.over,
                settled=sum(one.settled for one in run.breaks),
                open=sum(not one.settled for one in run.breaks),
            )
            metrics.count_run(run)
        self._ledger.compared(ended)

    def _give_up(self, live: LiveChild, why: str, raw: bytes, now: datetime) -> None:
        """Leave a child that its venue does not answer for to a person."""
        child = live.child
        self._waiting.pop(child.cl_ord_id, None)
        self._reconciler.unanswered(child, live.state, why, now)
        if live.state.missing_qty != live.missing_shown:
            self._show_difference(live, raw, now)
        if child.cl_ord_id not in self._live or live.unresolved:
            return
        what = "its cancel" if live.canceling else "the question how it is"
        if live.unacked:
            what = "the order"
            live.state = replace(live.state, status=Status.UNRESOLVED)
            self._ledger.reported(child, live.state)
        live.given_up = True
        self.except_message(
            ExceptionKind.UNRESOLVED,
            f"{what} has no answer: {why}",
            venue_id=child.venue_id,
            raw=raw,
            now=now,
            child=child,
            subject=f"{child.cl_ord_id} {live.cancel_request}",
        )

    # ---- hands

    def _is_ambiguous(self, live: LiveChild) -> bool:
        """Whether an earlier run or logon may or may not have brought it to the venue: a 35=H decides."""
        if live.unresolved or live.child.venue_id in self._mute:
            return False
        return live.unacked and live.sent_on_logon != self._logons[live.child.venue_id]

    def send_waiting(self, now: datetime, now_s: float) -> None:
        """Send what had to wait until its venue takes more."""
        for lane in self._lanes.values():
            while (waiting := lane.next(now_s)) is not None:
                turn, cl_ord_id = waiting
                live = self._live.get(cl_ord_id)
                if live is None or live.child.venue_id not in self._up:
                    continue
                match turn:
                    case Turn.ORDER:
                        sent = not live.maybe_at_venue and self._send_now(live, now, now_s)
                    case Turn.CANCEL:
                        sent = self._cancel_now(live, now, now_s)
                    case _:
                        sent = self._ask_now(live, now_s)
                if sent:
                    lane.note_sent(now_s)

    def _admit(self, live: LiveChild, turn: Turn, now_s: float) -> Admission:
        """Ask whether a message may leave now."""
        venue_id = live.child.venue_id
        lane = self._lanes.get(venue_id)
        if lane is None or venue_id not in self._up:
            return Admission.NOW
        found = lane.admit(turn, live.child.cl_ord_id, now_s)
        if found is not Admission.NOW:
            metrics.throttled_total.labels(venue_id, found.name).inc()
        return found

    def _waits_for_turn(self, live: LiveChild) -> bool:
        lane = self._lanes.get(live.child.venue_id)
        return lane is not None and lane.waits(live.child.cl_ord_id)

    def _is_complaint(self, inbound: Inbound, live: LiveChild, now_s: float) -> bool:
        """Send a venue nothing for a while when it says that it gets too much. Returns whether that is all.

        A cancel or a question that it refused so is sent again; an order goes elsewhere.
        """
        lane, venue_id = self._lanes[live.child.venue_id], live.child.venue_id
        if isinstance(inbound, Report) and inbound.exec_type is not ExecType.REJECTED:
            return False
        if not lane.is_complaint(inbound.text):
            return False
        lane.back_off(now_s)
        metrics.throttled_total.labels(venue_id, "REFUSED").inc()
        log.warning("venue_throttles", venue=venue_id, text=inbound.text, backoff_ms=lane.terms.backoff_ms)
        if isinstance(inbound, CancelRefusal) or (
            isinstance(inbound, MessageRefusal) and inbound.ref_msg_type == "F"
        ):
            live.canceled_on_logon = 0
            lane.admit(Turn.CANCEL, live.child.cl_ord_id, now_s)
            return True
        if isinstance(inbound, MessageRefusal) and inbound.ref_msg_type == "H":
            lane.admit(Turn.QUESTION, live.child.cl_ord_id, now_s)
            return True
        return False

    def _send(self, live: LiveChild, now: datetime, now_s: float) -> bool:
        """Send a child that is certainly not at its venue, let it wait, or close it if neither can be.

        Returns whether it is still live.
        """
        admission = self._admit(live, Turn.ORDER, now_s)
        if admission is Admission.NOW:
            return self._send_now(live, now, now_s)
        # Its venue has it not, or nothing of it would be sent now.
        live.maybe_at_venue = False
        if admission is Admission.FULL:
            self._close_unsent(live, now, FULL_TEXT)
        return admission is Admission.WAITS

    def _send_now(self, live: LiveChild, now: datetime, now_s: float) -> bool:
        """Send a child past the gate, or close it. Returns whether it was sent."""
        venue_id = live.child.venue_id
        refusal = self._gate.refuses(live.child, now_s)
        if refusal:
            code = refusal.partition(":")[0]
            metrics.gate_refusals_total.labels(code).inc()
            log.warning("child_refused", cl_ord_id=live.child.cl_ord_id, venue=venue_id, problem=refusal)
        if refusal or not self._venues.send_order(live.child, now):
            self._close_unsent(live, now, refusal or DOWN_TEXT)
            return False
        live.note_sent(self._logons[venue_id], now, now_s)
        self._waiting[live.child.cl_ord_id] = live
        counts = metrics.of_venue(venue_id)
        counts.orders_sent.inc()
        counts.sent_shares.inc(live.child.quantity)
        return True

    def _ask(self, live: LiveChild, now_s: float) -> None:
        turn = Turn.CANCEL_QUESTION if live.canceling else Turn.QUESTION
        if self._admit(live, turn, now_s) is Admission.NOW:
            self._ask_now(live, now_s)

    def _ask_now(self, live: LiveChild, now_s: float) -> bool:
        venue_id = live.child.venue_id
        ask_id = f"{live.child.cl_ord_id}-H{self._venues.out_numbers(venue_id).unique}"
        if not self._venues.ask_status(live.child, ask_id):
            return False
        live.note_asked(ask_id, self._logons.get(venue_id, 0), now_s)
        metrics.status_requests_total.labels(venue_id).inc()
        return True

    def _cancel(self, live: LiveChild, now: datetime, now_s: float) -> None:
        if self._admit(live, Turn.CANCEL, now_s) is Admission.NOW:
            self._cancel_now(live, now, now_s)

    def _cancel_now(self, live: LiveChild, now: datetime, now_s: float) -> bool:
        venue_id = live.child.venue_id
        cl_ord_id = cancel_cl_ord_id(live.child.cl_ord_id, self._venues.out_numbers(venue_id).unique)
        if not self._venues.send_cancel(live.child, cl_ord_id, now):
            return False
        live.canceled_on_logon = self._logons[venue_id]
        live.last_try_s = now_s
        self._waiting[live.child.cl_ord_id] = live
        metrics.cancels_sent_total.labels(venue_id).inc()
        return True

    def _close_unsent(self, live: LiveChild, now: datetime, text: str = UNSENT_TEXT) -> None:
        self._close(live, ExecType.CANCELED, text, now)

    def _close(self, live: LiveChild, exec_type: ExecType, text: str, now: datetime) -> None:
        """Close a child ourselves: the venue has no report of it to resend."""
        child, before = live.child, live.state
        report = local_report(child, exec_type, text, now)
        applied = apply_report(before, child.quantity, child.time_in_force, report)
        live.state = applied.state
        self._reports.publish(report, child, live.state, applied.ended, before, now, live.trace)
        self._ledger.closed(child, live.state)
        self._note_answered(live)
        self._reconciler.closed(child, now)
        self._drop(live)

    def _add(self, live: LiveChild) -> None:
        cl_ord_id = live.child.cl_ord_id
        self._closed.pop(cl_ord_id, None)
        self._live[cl_ord_id] = live
        self._by_order.setdefault(live.child.order_id, {})[cl_ord_id] = live
        if live.unacked:
            self._waiting[cl_ord_id] = live

    def _drop(self, live: LiveChild) -> None:
        child = live.child
        self._live.pop(child.cl_ord_id, None)
        if live.state.missing_qty == live.missing_shown:
            self._waiting.pop(child.cl_ord_id, None)
        self._closed[child.cl_ord_id] = live
        self._closed.move_to_end(child.cl_ord_id)
        self._forget_oldest()
        siblings = self._by_order.get(child.order_id)
        if siblings is not None:
            siblings.pop(child.cl_ord_id, None)
            if not siblings:
                del self._by_order[child.order_id]

    def _forget_oldest(self) -> None:
        if len(self._closed) > CLOSED_REMEMBERED_MAX:
            self._closed.popitem(last=False)


def by_route(stored: Iterable[StoredChild]) -> Mapping[tuple[UUID, int], list[StoredChild]]:
    """Group children by (order_id, attempt), keeping their order."""
    routes: dict[tuple[UUID, int], list[StoredChild]] = {}
    for item in stored:
        routes.setdefault((item.child.order_id, item.child.attempt), []).append(item)
    return routes
