"""What venues say about a child: reports, refused cancels, and messages of ours that they could not take.

The law of this file: a report is applied, was applied before and is republished, or is left to a person.
Where a venue's word leaves a doubt, the venue is asked.
"""

from datetime import datetime
from typing import Final

import structlog
from msgspec.structs import replace

from execution_adapter import metrics
from execution_adapter.child_outcomes import GONE_TEXT, LOST_TEXT, OTHER_REASON, UNREAD_TEXT, ChildOutcomes
from execution_adapter.domain.child import (
    CLOSED,
    UNANSWERED,
    CancelRefusal,
    ChildState,
    Inbound,
    MessageRefusal,
    OrdStatus,
    Report,
    Status,
    apply_report,
    is_news,
    is_replay,
    new_state,
    reopens,
)
from execution_adapter.domain.exceptions import contradiction
from execution_adapter.domain.ledger import Ledger
from execution_adapter.domain.live_child import TRIES_MAX, LiveChild
from execution_adapter.domain.live_children import LiveChildren
from execution_adapter.domain.reconciliation import Reconciler
from execution_adapter.domain.venue_states import VenueStates
from execution_adapter.order_sending import OrderSender
from execution_adapter.reports import RESTATEMENTS, ReportOutlet, ReportTraces
from oms_platform.exceptions import EXECUTIONS, ExceptionKind
from oms_platform.telemetry.order_trace import traced_id
from oms_platform.vocabulary import ExecInst, ExecType

log = structlog.get_logger()
# FIX CxlRejReason, tag 102.
UNKNOWN_ORDER: Final = 1
ALREADY_PENDING: Final = 3
# What says how many shares are open again.
_REOPENING: Final = RESTATEMENTS | {ExecType.TRADE_CANCEL, ExecType.TRADE_CORRECT}
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


class ReportHandlers:
    """Work on what venues say about children. One thread only."""

    def __init__(
        self,
        children: LiveChildren,
        states: VenueStates,
        sender: OrderSender,
        outcomes: ChildOutcomes,
        reports: ReportOutlet,
        traces: ReportTraces,
        ledger: Ledger,
        reconciler: Reconciler,
    ) -> None:
        self._children, self._states, self._sender, self._outcomes = children, states, sender, outcomes
        self._reports, self._traces = reports, traces
        self._ledger, self._reconciler = ledger, reconciler

    def handle_inbound(
        self, inbound: Inbound, live: LiveChild, raw: bytes, now: datetime, now_s: float
    ) -> None:
        """Work on a message about a child. raw: as it was on the wire."""
        if self._sender.is_complaint(inbound, live, now_s):
            return
        if isinstance(inbound, Report):
            self._handle_report(inbound, live, raw, now, now_s)
        elif isinstance(inbound, CancelRefusal):
            if self._answers_replace(inbound, live):
                self._handle_replace_refusal(inbound, live, now, now_s)
            else:
                self._handle_cancel_refusal(inbound, live, now, now_s)
        else:
            self._handle_message_refusal(inbound, live, raw, now, now_s)

    # ---- reports

    def _handle_report(
        self, report: Report, live: LiveChild, raw: bytes, now: datetime, now_s: float
    ) -> None:
        child = live.child
        if child.exec_inst is ExecInst.MIDPOINT_PEG:
            # What it has at the middle is no bound.
            report = replace(report, price_micros=None)
        metrics.reports_of(child.venue_id, report.exec_type.name).inc()
        if report.poss_dup:
            metrics.of_venue(child.venue_id).resent.inc()
        if self._is_contradiction(report, live, raw, now, now_s):
            return
        if report.exec_type is ExecType.ORDER_STATUS and not report.poss_dup:
            self._states.answered_question(child.venue_id)
        before = live.state
        if report.unknown:
            self._handle_unknown(report, live, raw, now, now_s)
            self._reconciler.answered(child, before, live.state, report, now)
            return
        if is_replay(before, report) or self._has_counted(report, before):
            self._note_heard(report, live)
            if not self._is_outdated(report, live):
                self._republish(report, live, now)
            beyond = report.poss_resend and (report.cum_qty or 0) > live.state.cum_qty
            if beyond and self._states.is_up(child.venue_id):
                # It is from before a bust, or something between was not heard.
                self._sender.ask(live, now_s)
            return
        if report.duplicate and report.exec_type is ExecType.REJECTED and not live.unacked:
            # It was refused because the venue has it: how it is, the venue says when it is asked.
            self._sender.ask(live, now_s)
            return
        self._show_lost_replace(report, live, raw, now)
        self._apply(self._replace_told(report, live, now), live, now, now_s)
        self._watch_difference(report, live, raw, now, now_s)
        if report.exec_type is ExecType.ORDER_STATUS:
            self._reconciler.answered(child, before, live.state, report, now)
        elif live.state.status in CLOSED:
            self._reconciler.closed(child, now)

    def _is_contradiction(
        self, report: Report, live: LiveChild, raw: bytes, now: datetime, now_s: float
    ) -> bool:
        """Leave a report to a person that cannot be about the child, or about the trade with its ExecID."""
        child = live.child
        problem = contradiction(child, report) or self._repeats_otherwise(report, live)
        if not problem:
            return False
        kind = ExceptionKind.CONTRADICTS_CHILD
        if report.exec_type is ExecType.TRADE and live.state.execution(report.exec_id) is not None:
            kind = ExceptionKind.REPEATED_EXEC_ID
        self._outcomes.except_message(
            kind, problem, venue_id=report.venue_id, raw=raw, now=now, child=child, report=report
        )
        if kind is ExceptionKind.REPEATED_EXEC_ID and self._states.is_up(child.venue_id):
            self._sender.ask(live, now_s)
        return True

    def _show_lost_replace(self, report: Report, live: LiveChild, raw: bytes, now: datetime) -> None:
        """Show a person a 35=G that its venue says to have done of an order that was over without a fill.

        Nothing of that is taken: which of the two is true, the venue has to say.
        """
        state = live.state
        open_qty = report.leaves_qty or 0
        if report.exec_type is not ExecType.REPLACED or state.status not in CLOSED or not open_qty:
            return
        if reopens(state, report):
            return
        self._outcomes.except_message(
            ExceptionKind.BAD_QUANTITY,
            f"LeavesQty (151) of a replaced order is {open_qty}, the order is {state.status.name}",
            venue_id=report.venue_id,
            raw=raw,
            now=now,
            child=live.child,
            report=report,
        )

    @staticmethod
    def _repeats_otherwise(report: Report, live: LiveChild) -> str:
        """Return how a trade differs from the one with its ExecID, empty when it does not."""
        known = live.state.execution(report.exec_id)
        if report.exec_type is not ExecType.TRADE or known is None:
            return ""
        first, found = (known.last_qty, known.last_px_micros), (report.last_qty, report.last_px_micros)
        if first == found:
            return ""
        was, now = (f"{shares} at {micros} micros" for shares, micros in (first, found))
        return f"ExecID {report.exec_id} was {was}, is {now}"

    @staticmethod
    def _has_counted(report: Report, state: ChildState) -> bool:
        """Say whether a state has a report already that is no replay: its venue says it again."""
        if report.exec_type in EXECUTIONS:
            return state.execution(report.exec_id) is not None
        asked = report.exec_type is ExecType.ORDER_STATUS
        return report.poss_resend and not asked and not is_news(state, report)

    def _note_heard(self, report: Report, live: LiveChild) -> None:
        """Note up to where a child has heard its venue, also by a report that it has counted."""
        if report.msg_seq > live.state.in_seq:
            live.state = replace(live.state, in_seq=report.msg_seq)
            self._ledger.reported(live.child, live.state)

    @staticmethod
    def _is_outdated(report: Report, live: LiveChild) -> bool:
        """Say whether a venue says once more (97) what an order's quantity was, after it has moved on."""
        restates = report.exec_type in RESTATEMENTS
        return report.poss_resend and restates and not is_news(live.state, report)

    def _apply(self, report: Report, live: LiveChild, now: datetime, now_s: float) -> None:
        child, before = live.child, live.state
        applied = apply_report(before, child.quantity, child.time_in_force, report)
        after = live.state = applied.state
        if after.cum_qty + after.leaves_qty > before.cum_qty + before.leaves_qty:
            self._sender.note_more(child.order_id)
        trace = self._traces.reported(report, live, before, now)
        ended = applied.ended
        if ended is None and report.poss_dup and before.status in CLOSED and after.status in CLOSED:
            # An earlier run may have stored the end and not told core.
            ended = self._end_said(report, live)
        self._reports.publish(report, child, after, ended, before, now, trace)
        if replace(after, in_seq=before.in_seq) != before:
            self._ledger.reported(child, after, answers=before.status in UNANSWERED)
        if report.exec_type is ExecType.TRADE:
            metrics.of_venue(child.venue_id).filled_shares.inc(report.last_qty)
        answered = before.status is Status.PENDING_NEW and after.status is not Status.PENDING_NEW
        if answered and live.sent_on_logon and not live.asked_after_send:
            metrics.venue_ack.observe(now_s - live.last_try_s, traced_id(live.trace))
        if after.status is not before.status or after.cum_qty != before.cum_qty:
            live.tries = 0
        self._outcomes.note_answered(live)
        if after.status in CLOSED:
            self._children.drop(live)
            return
        if not self._children.is_live(child.cl_ord_id):
            log.warning("child_open_again", cl_ord_id=child.cl_ord_id, venue=child.venue_id)
            self._children.add(live)
        self._go_on_canceling(report, live, now, now_s)
        if (
            not live.unacked
            and not self._states.owes_answer(live)
            and after.missing_qty == live.missing_shown
        ):
            self._children.stop_waiting(live)

    def _replace_told(self, report: Report, live: LiveChild, now: datetime) -> Report:
        """Return an answer that tells that a 35=G was done as the report of that.

        Its own report may have been lost with the connection. That it was not done, core is told.
        """
        if report.exec_type is not ExecType.ORDER_STATUS or not live.settles_replace(report):
            return report
        replaces = live.state.replaces
        quantity = report.order_qty
        if quantity is None and report.cum_qty is not None and report.leaves_qty is not None:
            quantity = report.cum_qty + report.leaves_qty
        if report.ord_status in _OVER:
            return report
        same_price = replaces.pending_price in (0, report.price_micros)
        if (quantity == replaces.pending_qty and same_price) or replaces.pending == replaces.named:
            return replace(report, exec_type=ExecType.REPLACED, named=replaces.pending)
        self._outcomes.keep_unchanged(live, "its venue has it as it was", now, cl_ord_id=replaces.pending)
        return report

    def _go_on_canceling(self, report: Report, live: LiveChild, now: datetime, now_s: float) -> None:
        """Send the cancel of a child that its venue is now known to have, or goes on working."""
        if not live.canceling or live.unacked or not self._states.is_up(live.child.venue_id):
            return
        told_again = (
            report.exec_type is ExecType.ORDER_STATUS and report.ord_status is not OrdStatus.PENDING_CANCEL
        )
        if told_again or not self._states.cancel_is_out(live):
            self._sender.cancel(live, now, now_s)

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
        # What may have been sent before (97), while no answer is awaited, is of then.
        old = report.poss_dup or (report.poss_resend and not self._children.is_waiting(live))
        if report.exec_type is not ExecType.ORDER_STATUS or old:
            self._children.await_answer(live)
            self._sender.ask(live, now_s)
            return
        self._outcomes.show_difference(live, raw, now, report)

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
        if not self._children.is_live(child.cl_ord_id) or not self._states.is_up(child.venue_id):
            return
        if not live.unacked and not answer.poss_dup and answer.ask_id in ("", live.ask_id):
            self._handle_forgotten(live, raw, now, now_s)
            return
        if not live.proves_absent(answer, self._states.logon(child.venue_id)):
            return
        log.info(
            "child_unknown_at_venue",
            cl_ord_id=child.cl_ord_id,
            venue=child.venue_id,
            canceled=live.canceling,
        )
        if live.canceling:
            self._outcomes.close_unsent(live, now)
        elif not live.first_sent_at:
            # Of an earlier run, which may have told core that it is over: its shares are routed anew.
            self._outcomes.close_unsent(live, now, LOST_TEXT)
        else:
            self._sender.send(live, now, now_s)

    def _handle_forgotten(self, live: LiveChild, raw: bytes, now: datetime, now_s: float) -> None:
        """The venue knows a child no more that it had acknowledged."""
        replaces = live.state.replaces
        if live.state.replace_is_out and replaces.named != replaces.pending:
            # The 35=G that is out may have been done: it would have another ClOrdID then.
            live.state = replace(live.state, replaces=replaces._replace(named=replaces.pending))
            self._ledger.reported(live.child, live.state, answers=False)
            self._children.await_answer(live)
            self._sender.ask(live, now_s)
            return
        if live.canceling:
            # Nothing of it will be sent again, and there is nothing that a venue could cancel.
            self._outcomes.close_unsent(live, now, GONE_TEXT)
            return
        # It had it, and whoever sends it again on such a word may double it.
        self._children.stop_waiting(live)
        live.given_up = True
        self._outcomes.except_child(
            live,
            "the venue says that it does not know the order, which it had acknowledged",
            "unknown",
            raw,
            now,
        )

    # ---- refusals

    @staticmethod
    def _answers_replace(refusal: CancelRefusal, live: LiveChild) -> bool:
        """Say whether a 35=9 answers a 35=G.

        No cancel is sent while one is out, but to a venue that cannot be asked; that cancel is sent again.
        """
        return refusal.replaces or live.state.replace_is_out

    def _handle_replace_refusal(
        self, refusal: CancelRefusal, live: LiveChild, now: datetime, now_s: float
    ) -> None:
        """The venue does not change a child where it is; that is all that it says about it."""
        metrics.rejects_total.labels(live.child.venue_id, "9").inc()
        if not self._children.is_live(live.child.cl_ord_id) or not live.state.replace_is_out:
            return
        self._not_replaced(live, refusal.text, now, now_s, refusal.reason, refusal.cl_ord_id)
        if refusal.ord_status in _OVER or refusal.reason == UNKNOWN_ORDER:
            self._children.await_answer(live)
            self._sender.ask(live, now_s)

    def _not_replaced(
        self,
        live: LiveChild,
        text: str,
        now: datetime,
        now_s: float,
        reason: int = OTHER_REASON,
        cl_ord_id: str = "",
    ) -> None:
        self._outcomes.keep_unchanged(live, text, now, reason, cl_ord_id)
        if live.canceling and self._states.is_up(live.child.venue_id):
            self._sender.cancel(live, now, now_s)
        elif not live.unacked and live.state.missing_qty == live.missing_shown:
            self._children.stop_waiting(live)

    def _handle_cancel_refusal(
        self, refusal: CancelRefusal, live: LiveChild, now: datetime, now_s: float
    ) -> None:
        child = live.child
        metrics.rejects_total.labels(child.venue_id, "9").inc()
        if not self._children.is_live(child.cl_ord_id):
            return
        if refusal.reason == ALREADY_PENDING:
            # No answer: an earlier cancel is under way, and its outcome is the answer.
            return
        if refusal.reason == UNKNOWN_ORDER:
            if self._states.is_mute(child.venue_id) and live.unacked:
                # It was asked after the order, on a session that keeps their order: the venue has none.
                self._outcomes.close_unsent(live, now)
                return
            if live.unacked or live.tries < TRIES_MAX:
                # No answer for core: the venue that has acknowledged it says how it is.
                live.canceled_on_logon = 0
                live.tries += 1
                if self._states.is_up(child.venue_id):
                    self._sender.ask(live, now_s)
                return
        live.canceled_on_logon = 0
        self._reports.publish_cancel_reject(
            child, refusal.cl_ord_id, refusal.reason, refusal.text, refusal.transact_time, live.trace
        )
        if refusal.ord_status in _OVER and self._states.is_up(child.venue_id):
            self._sender.ask(live, now_s)

    def _handle_message_refusal(
        self, refusal: MessageRefusal, live: LiveChild, raw: bytes, now: datetime, now_s: float
    ) -> None:
        child = live.child
        unsupported = (refusal.msg_type, refusal.reason) in _UNSUPPORTED
        if refusal.ref_msg_type == "D" and live.unacked and self._children.is_live(child.cl_ord_id):
            log.warning(
                "order_refused_unread", cl_ord_id=child.cl_ord_id, venue=child.venue_id, text=refusal.text
            )
            self._outcomes.close(live, ExecType.REJECTED, refusal.text or UNREAD_TEXT, now)
        elif refusal.ref_msg_type == "F":
            self._reports.publish_cancel_reject(
                child, refusal.ref_id, OTHER_REASON, refusal.text, now, live.trace
            )
        elif refusal.ref_msg_type == "G":
            if unsupported:
                self._states.refused_replaces(child.venue_id)
                log.warning("venue_without_replace", venue=child.venue_id, text=refusal.text)
            if live.state.replace_is_out and self._children.is_live(child.cl_ord_id):
                self._not_replaced(live, refusal.text, now, now_s, cl_ord_id=refusal.ref_id)
        elif refusal.ref_msg_type == "H":
            if unsupported:
                self._states.refused_question(child.venue_id)
                log.warning("venue_without_status", venue=child.venue_id, text=refusal.text)
                self._outcomes.give_up(live, f"the venue refused the 35=H: {refusal.text}", raw, now)
        else:
            log.warning(
                "message_refused", venue=child.venue_id, ref_msg_type=refusal.ref_msg_type, text=refusal.text
            )
