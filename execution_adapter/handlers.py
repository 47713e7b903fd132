"""What the adapter does about plans, cancels, reports and sessions: plain functions over the live children.

A child that is closed without a report of its venue (an order that never left, one that the venue could not
read) is published first and stored only after that is flushed: no venue would report it again. A crash in
between finds the child unacknowledged, and asks.
"""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from execution_adapter import metrics
from execution_adapter.domain.child import (
    CLOSED,
    CancelRefusal,
    ChildState,
    Inbound,
    MessageRefusal,
    Report,
    Status,
    apply_report,
    new_state,
)
from execution_adapter.domain.gate import problem_of
from execution_adapter.domain.ledger import Ledger
from execution_adapter.domain.live_child import LiveChild
from execution_adapter.ports import Outlet, StoredChild, Venues
from oms_platform.clock import microseconds
from oms_platform.ids import uuid7_time
from oms_platform.messages import (
    CancelChildren,
    CancelReject,
    ExecutionReport,
    RouteAnswer,
    RoutePlan,
)
from oms_platform.order_ids import cancel_cl_ord_id, child_cl_ord_id, route_id
from oms_platform.telemetry.order_trace import Hop, is_traced, passed, traced_id
from oms_platform.telemetry.spans import Kind as SpanKind
from oms_platform.telemetry.tracing import FAILED, VENUE_SPAN, Tracer
from oms_platform.vocabulary import ChildTerms, ExecType, RoutePlaced

log = structlog.get_logger()
# FIX CxlRejReason, tag 102.
UNKNOWN_ORDER: Final = 1
ALREADY_PENDING: Final = 3
OTHER_REASON: Final = 99
UNSENT_TEXT: Final = "canceled before it was sent"
REPORT_SPAN: Final = "ExecutionReport"
UNREAD_TEXT: Final = "the venue could not read the order"
_PLACED: Final = metrics.routes_total.labels("placed")
_LOCAL_EXEC_IDS: Final = {ExecType.CANCELED: "NS", ExecType.REJECTED: "BR"}
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
    ) -> None:
        self._tracer = tracer or Tracer()
        self._venues = venues
        self._outlet = outlet
        self._ledger = ledger
        self._status_timeout_s = status_timeout_s
        self._live: dict[str, LiveChild] = {}
        self._by_order: dict[UUID, dict[str, LiveChild]] = {}
        self._unacked: dict[str, LiveChild] = {}
        self._logons: dict[str, int] = {}
        self._up: set[str] = set()
        # (when, ClOrdID) of the children whose time ends by itself, the next first.
        self._holds: list[tuple[float, str]] = []

    def load(self, stored: Iterable[StoredChild]) -> None:
        """Take over the children that an earlier run left live. What it sent of them is not known.

        A held child's time counts as over.
        """
        for item in stored:
            over = item.canceled_by is not None or item.child.hold_ms > 0
            live = LiveChild(item.child, item.state, maybe_at_venue=True, canceling=over)
            live.cancel_request = item.canceled_by
            self._add(live)

    def get(self, child_id: str) -> LiveChild | None:
        """Return a live child."""
        return self._live.get(child_id)

    @property
    def venues_up(self) -> frozenset[str]:
        """The venues whose session is logged on."""
        return frozenset(self._up)

    def count(self) -> None:
        """Set the gauges."""
        metrics.live_children.set(len(self._live))
        metrics.pending_children.set(len(self._unacked))

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
            if child.venue_id in self._up:
                self._send(live, now, now_s)
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
        if state.status is Status.CANCELED:
            self._publish_report(_local_report(child, ExecType.CANCELED, UNSENT_TEXT, now), child, now, "")
        elif state.status is Status.REJECTED:
            self._publish_report(_local_report(child, ExecType.REJECTED, UNREAD_TEXT, now), child, now, "")

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

    def handle_inbound(self, inbound: Inbound, live: LiveChild, now: datetime, now_s: float) -> None:
        """Work on a message about a child."""
        if isinstance(inbound, Report):
            self._handle_report(inbound, live, now, now_s)
        elif isinstance(inbound, CancelRefusal):
            self._handle_cancel_refusal(inbound, live, now, now_s)
        else:
            self._handle_message_refusal(inbound, live, now)

    def _handle_report(self, report: Report, live: LiveChild, now: datetime, now_s: float) -> None:
        child = live.child
        metrics.reports_of(child.venue_id, report.exec_type.name).inc()
        if report.poss_dup:
            metrics.of_venue(child.venue_id).resent.inc()
        if report.unknown:
            self._handle_unknown(report, live, now, now_s)
            return
        before = live.state
        live.state = apply_report(before, child.quantity, report)
        self._publish_report(report, child, now, self._trace_report(report, live, before, now))
        if live.state is before:
            return
        self._ledger.reported(child, live.state)
        if live.state.cum_qty > before.cum_qty:
            metrics.of_venue(child.venue_id).filled_shares.inc(live.state.cum_qty - before.cum_qty)
        if before.status is Status.PENDING_NEW and live.sent_on_logon and not live.asked_after_send:
            metrics.venue_ack.observe(now_s - live.last_try_s, traced_id(live.trace))
        if live.state.status in CLOSED:
            self._drop(child)
        elif before.status is Status.PENDING_NEW:
            self._unacked.pop(child.cl_ord_id, None)
            logon = self._logons.get(child.venue_id, 0)
            if live.canceling and live.canceled_on_logon != logon and child.venue_id in self._up:
                self._cancel(live, now, now_s)

    def _trace_report(self, report: Report, live: LiveChild, before: ChildState, now: datetime) -> str:
        """Return the trace that a report goes to core with; one of a rejection is traced from here on."""
        if live.first_sent_at is None:
            return live.trace
        now_us, sent_us = microseconds(now), microseconds(live.first_sent_at)
        trace = passed(live.trace, self._tracer.hop(Hop.VENUE, sent_us, now_us))
        if report.exec_type is ExecType.REJECTED:
            text = f"rejected by {live.child.venue_id}: {report.text}"
            trace = self._tracer.promote(trace, FAILED, live.child.order_id, text)
        if is_traced(trace):
            self._write_report(
                report, live, trace, sent_us, now_us, first=before.status is Status.PENDING_NEW
            )
            live.trace = trace
        return trace

    def _write_report(
        self, report: Report, live: LiveChild, trace: str, sent_us: int, now_us: int, *, first: bool
    ) -> None:
        child = live.child
        attributes: dict[str, str | int] = {
            "order_id": str(child.order_id),
            "cl_ord_id": child.cl_ord_id,
            "venue": child.venue_id,
            "exec_type": report.exec_type.name,
        }
        error = report.text or "rejected" if report.exec_type is ExecType.REJECTED else ""
        # A child that is traced from this report on has its order's span among the hops that were written.
        if first and is_traced(live.trace):
            self._tracer.write(
                self._tracer.span(
                    trace,
                    VENUE_SPAN,
                    sent_us,
                    now_us,
                    kind=SpanKind.CLIENT,
                    attributes=attributes,
                    error=error,
                )
            )
        at_us = microseconds(report.transact_time)
        span = self._tracer.span(
            trace,
            REPORT_SPAN,
            max(at_us, sent_us),
            now_us,
            kind=SpanKind.CONSUMER,
            attributes=attributes,
            error=error,
        )
        self._tracer.write(span)

    def _handle_unknown(self, answer: Report, live: LiveChild, now: datetime, now_s: float) -> None:
        """The venue says that it never saw a child: send it now, or close it if it was canceled meanwhile."""
        child = live.child
        if child.cl_ord_id not in self._live or child.venue_id not in self._up:
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
        else:
            self._send(live, now, now_s)

    def _handle_cancel_refusal(
        self, refusal: CancelRefusal, live: LiveChild, now: datetime, now_s: float
    ) -> None:
        child = live.child
        metrics.rejects_total.labels(child.venue_id, "9").inc()
        if refusal.reason == UNKNOWN_ORDER and live.unacked and child.cl_ord_id in self._live:
            # Not an answer for core: whether the child exists is open, and the next 35=H decides it.
            live.canceled_on_logon = 0
            if child.venue_id in self._up:
                self._ask(live, now_s)
            return
        if refusal.reason == ALREADY_PENDING:
            # Not an answer either: an earlier cancel is under way, and its outcome is the answer.
            return
        live.canceled_on_logon = 0
        self._publish_cancel_reject(
            child, refusal.cl_ord_id, refusal.reason, refusal.text, refusal.transact_time, live.trace
        )

    def _handle_message_refusal(self, refusal: MessageRefusal, live: LiveChild, now: datetime) -> None:
        child = live.child
        if refusal.ref_msg_type == "D" and live.unacked:
            log.warning(
                "order_refused_unread", cl_ord_id=child.cl_ord_id, venue=child.venue_id, text=refusal.text
            )
            self._close(live, ExecType.REJECTED, refusal.text or UNREAD_TEXT, now)
        elif refusal.ref_msg_type == "F":
            self._publish_cancel_reject(child, refusal.ref_id, OTHER_REASON, refusal.text, now, live.trace)
        else:
            metrics.unhandled_total.labels("refused_message").inc()
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

    def handle_logon(self, venue_id: str, now: datetime, now_s: float) -> None:
        """A venue is there: ask about what may have reached it, send what has not, cancel what is to go."""
        self._logons[venue_id] = self._logons.get(venue_id, 0) + 1
        self._up.add(venue_id)
        metrics.session_up.labels(venue_id).set(1)
        metrics.logons_total.labels(venue_id).inc()
        here = [live for live in self._live.values() if live.child.venue_id == venue_id]
        log.info("venue_up", venue=venue_id, live=len(here), unacked=sum(live.unacked for live in here))
        for live in here:
            if not live.maybe_at_venue:
                self._send(live, now, now_s)
            elif live.unacked:
                self._ask(live, now_s)
            elif live.canceling:
                self._cancel(live, now, now_s)

    def handle_logout(self, venue_id: str) -> None:
        """A venue is gone."""
        if venue_id in self._up:
            log.warning("venue_down", venue=venue_id)
            metrics.logouts_total.labels(venue_id).inc()
        self._up.discard(venue_id)
        metrics.session_up.labels(venue_id).set(0)

    def ask_overdue(self, now_s: float) -> None:
        """Ask about every child that no venue has answered for in time."""
        for live in list(self._unacked.values()):
            late = now_s - live.last_try_s > self._status_timeout_s
            if late and live.maybe_at_venue and live.child.venue_id in self._up:
                self._ask(live, now_s)

    # ---- hands

    def _is_ambiguous(self, live: LiveChild) -> bool:
        """Whether an earlier run or logon may or may not have brought it to the venue: a 35=H decides."""
        return live.unacked and live.sent_on_logon != self._logons[live.child.venue_id]

    def _send(self, live: LiveChild, now: datetime, now_s: float) -> None:
        venue_id = live.child.venue_id
        live.note_sent(self._logons[venue_id], now, now_s)
        self._venues.send_order(live.child, now)
        counts = metrics.of_venue(venue_id)
        counts.orders_sent.inc()
        counts.sent_shares.inc(live.child.quantity)

    def _ask(self, live: LiveChild, now_s: float) -> None:
        venue_id = live.child.venue_id
        ask_id = f"{live.child.cl_ord_id}-H{self._venues.next_out_seq(venue_id)}"
        live.note_asked(ask_id, self._logons[venue_id], now_s)
        self._venues.ask_status(live.child, ask_id)
        metrics.status_requests_total.labels(venue_id).inc()

    def _cancel(self, live: LiveChild, now: datetime, now_s: float) -> None:
        venue_id = live.child.venue_id
        live.canceled_on_logon = self._logons[venue_id]
        live.last_try_s = now_s
        # The session's outbound sequence is kept on disk and only rises, so no cancel's id comes twice.
        cl_ord_id = cancel_cl_ord_id(live.child.cl_ord_id, self._venues.next_out_seq(venue_id))
        self._venues.send_cancel(live.child, cl_ord_id, now)
        metrics.cancels_sent_total.labels(venue_id).inc()

    def _close_unsent(self, live: LiveChild, now: datetime) -> None:
        self._close(live, ExecType.CANCELED, UNSENT_TEXT, now)

    def _close(self, live: LiveChild, exec_type: ExecType, text: str, now: datetime) -> None:
        """Close a child ourselves: the venue has no report of it to resend."""
        child = live.child
        report = _local_report(child, exec_type, text, now)
        live.state = apply_report(live.state, child.quantity, report)
        self._publish_report(report, child, now, live.trace)
        self._ledger.closed(child, live.state)
        self._drop(child)

    def _publish_report(self, report: Report, child: ChildTerms, now: datetime, trace: str) -> None:
        message = ExecutionReport(
            order_id=child.order_id,
            account_id=child.account_id,
            cl_ord_id=child.cl_ord_id,
            venue_id=child.venue_id,
            exec_id=report.exec_id,
            exec_type=report.exec_type,
            symbol=child.symbol,
            side=child.side,
            order_qty=child.quantity,
            transact_time=report.transact_time,
            received_at=now,
            venue_order_id=report.venue_order_id,
            last_qty=report.last_qty,
            last_px_micros=report.last_px_micros,
            cum_qty=report.cum_qty,
            leaves_qty=report.leaves_qty,
            text=report.text,
        )
        self._outlet.send(child.account_id, message, trace)

    def _publish_cancel_reject(
        self, child: ChildTerms, cl_ord_id: str, reason: int, text: str, at: datetime, trace: str
    ) -> None:
        message = CancelReject(
            order_id=child.order_id,
            account_id=child.account_id,
            cl_ord_id=cl_ord_id,
            orig_cl_ord_id=child.cl_ord_id,
            venue_id=child.venue_id,
            transact_time=at,
            cxl_rej_reason=reason,
            text=text,
        )
        self._outlet.send(child.account_id, message, trace)

    def _add(self, live: LiveChild) -> None:
        cl_ord_id = live.child.cl_ord_id
        self._live[cl_ord_id] = live
        self._by_order.setdefault(live.child.order_id, {})[cl_ord_id] = live
        if live.unacked:
            self._unacked[cl_ord_id] = live

    def _drop(self, child: ChildTerms) -> None:
        self._live.pop(child.cl_ord_id, None)
        self._unacked.pop(child.cl_ord_id, None)
        siblings = self._by_order.get(child.order_id)
        if siblings is not None:
            siblings.pop(child.cl_ord_id, None)
            if not siblings:
                del self._by_order[child.order_id]


def _local_report(child: ChildTerms, exec_type: ExecType, text: str, now: datetime) -> Report:
    """Make the report of a child that we close ourselves; its ExecID comes out the same every time."""
    return Report(
        venue_id=child.venue_id,
        cl_ord_id=child.cl_ord_id,
        exec_id=f"{_LOCAL_EXEC_IDS[exec_type]}-{child.cl_ord_id}",
        exec_type=exec_type,
        transact_time=now,
        text=text,
    )


def by_route(stored: Iterable[StoredChild]) -> Mapping[tuple[UUID, int], list[StoredChild]]:
    """Group children by (order_id, attempt), keeping their order."""
    routes: dict[tuple[UUID, int], list[StoredChild]] = {}
    for item in stored:
        routes.setdefault((item.child.order_id, item.child.attempt), []).append(item)
    return routes
