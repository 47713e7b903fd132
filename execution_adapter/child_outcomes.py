"""What becomes of a child without a report of its venue: it is closed here, or left to a person.

A child that is closed without a report of its venue (an order that never left, one that the venue could not
read) is published first and stored only after that is flushed: no venue would report it again. A crash in
between finds the child unacknowledged, and asks.
"""

from datetime import datetime
from typing import Final

import structlog
from msgspec.structs import replace

from execution_adapter import metrics
from execution_adapter.domain.child import CLOSED, Report, Status, apply_report
from execution_adapter.domain.exceptions import raised
from execution_adapter.domain.ledger import Ledger
from execution_adapter.domain.live_child import LiveChild
from execution_adapter.domain.live_children import LiveChildren
from execution_adapter.domain.reconciliation import Reconciler
from execution_adapter.domain.venue_states import VenueStates
from execution_adapter.reports import ReportOutlet, local_report
from oms_platform.exceptions import ExceptionKind
from oms_platform.vocabulary import ChildTerms, ExecType
from oms_platform.wire import encode

log = structlog.get_logger()
# FIX CxlRejReason, tag 102.
OTHER_REASON: Final = 99
UNSENT_TEXT: Final = "canceled before it was sent"
LOST_TEXT: Final = "it never reached its venue"
GONE_TEXT: Final = "its venue knows it no more"
DOWN_TEXT: Final = "its venue's session is down"
FULL_TEXT: Final = "too many orders wait for its venue"
UNREAD_TEXT: Final = "the venue could not read the order"


class ChildOutcomes:
    """The ends that are ours to tell core, and the exceptions that a person is to look at."""

    def __init__(
        self,
        children: LiveChildren,
        states: VenueStates,
        reports: ReportOutlet,
        ledger: Ledger,
        reconciler: Reconciler,
    ) -> None:
        self._children, self._states = children, states
        self._reports, self._ledger, self._reconciler = reports, ledger, reconciler

    # ---- closed here

    def close_unsent(self, live: LiveChild, now: datetime, text: str = UNSENT_TEXT) -> None:
        """Close a child that its venue has not, and will not get."""
        self.close(live, ExecType.CANCELED, text, now)

    def close(self, live: LiveChild, exec_type: ExecType, text: str, now: datetime) -> None:
        """Close a child ourselves: the venue has no report of it to resend."""
        child, before = live.child, live.state
        report = local_report(child, exec_type, text, now)
        applied = apply_report(before, child.quantity, child.time_in_force, report)
        live.state = applied.state
        self._reports.publish(report, child, live.state, applied.ended, before, now, live.trace)
        self._ledger.closed(child, live.state)
        self.note_answered(live)
        self._reconciler.closed(child, now)
        self._children.drop(live)

    def note_answered(self, live: LiveChild) -> None:
        """Settle what a person was shown of a child, once its venue has answered what it was asked."""
        if live.given_up and not live.unresolved and (live.state.status in CLOSED or not live.canceling):
            live.given_up = False
            self._ledger.settled(live.child.cl_ord_id, ExceptionKind.UNRESOLVED)

    def keep_unchanged(
        self, live: LiveChild, text: str, now: datetime, reason: int = OTHER_REASON, cl_ord_id: str = ""
    ) -> None:
        """Tell core that a child is not changed where it is. reason: CxlRejReason (102).

        cl_ord_id: of the 35=G, empty when none was sent.
        """
        child = live.child
        live.state = replace(live.state, replaces=live.state.replaces.settled)
        self._ledger.reported(child, live.state, answers=False)
        self._reports.publish_cancel_reject(
            child, cl_ord_id or child.cl_ord_id, reason, text, now, live.trace, replaces=True
        )

    # ---- left to a person

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

    def except_child(self, live: LiveChild, detail: str, subject: str, raw: bytes, now: datetime) -> None:
        """Leave a child of which its venue does not say how it is to a person. subject: what makes it one."""
        self.except_message(
            ExceptionKind.UNRESOLVED,
            detail,
            venue_id=live.child.venue_id,
            raw=raw,
            now=now,
            child=live.child,
            subject=f"{live.child.cl_ord_id} {subject}",
        )

    def show_difference(
        self, live: LiveChild, raw: bytes, now: datetime, report: Report | None = None
    ) -> None:
        """Show a person that a venue's CumQty is not what its trades come to."""
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
        if not live.unacked and not self._states.owes_answer(live):
            self._children.stop_waiting(live)

    def give_up(self, live: LiveChild, why: str, raw: bytes, now: datetime) -> None:
        """Leave a child that its venue does not answer for to a person."""
        child = live.child
        self._children.stop_waiting(live)
        self._reconciler.unanswered(child, live.state, why, now)
        if live.state.missing_qty != live.missing_shown:
            self.show_difference(live, raw, now)
        if not self._children.is_live(child.cl_ord_id) or live.unresolved:
            return
        what = "its cancel" if live.canceling else "the question how it is"
        if live.state.replace_is_out:
            what = "its replace"
        if live.unacked:
            what = "the order"
            live.state = replace(live.state, status=Status.UNRESOLVED)
            self._ledger.reported(child, live.state)
        live.given_up = True
        self.except_child(live, f"{what} has no answer: {why}", f"{live.cancel_request}", raw, now)
