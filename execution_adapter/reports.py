"""What core and the scorekeeper are told of a venue's reports, and what is traced of them."""

from datetime import datetime
from typing import Final

from execution_adapter.domain.child import ChildState, Report, Status
from execution_adapter.domain.live_child import LiveChild
from execution_adapter.ports import Outlet
from oms_platform.clock import microseconds
from oms_platform.exceptions import EXECUTIONS
from oms_platform.messages import CancelReject, ExecutionReport
from oms_platform.telemetry.order_trace import Hop, is_traced, passed
from oms_platform.telemetry.spans import Kind as SpanKind
from oms_platform.telemetry.tracing import FAILED, VENUE_SPAN, Tracer
from oms_platform.vocabulary import ChildTerms, ExecType

REPORT_SPAN: Final = "ExecutionReport"
_LOCAL_EXEC_IDS: Final = {ExecType.CANCELED: "NS", ExecType.REJECTED: "BR"}
RESTATEMENTS: Final = frozenset((ExecType.RESTATED, ExecType.REPLACED))
_ENDS: Final = frozenset((ExecType.CANCELED, ExecType.REJECTED, ExecType.EXPIRED, ExecType.DONE_FOR_DAY))


class ReportOutlet:
    """The reports' way out: what a report makes of a child, as messages to core."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet

    def publish(
        self,
        report: Report,
        child: ChildTerms,
        state: ChildState,
        ended: ExecType | None,
        before: ChildState,
        now: datetime,
        trace: str,
    ) -> None:
        """Say what a report means: its execution, a new quantity, the child's end, or that it was heard.

        state, before: the child after it and before it. ended: how the child is over, by this report.
        """
        told = False
        if report.exec_type in EXECUTIONS:
            self._send(report, report.exec_type, child, state, now, trace)
            told = True
        if ended is not None:
            self._send(report, ended, child, state, now, trace)
            told = True
        elif report.exec_type in RESTATEMENTS and _changed(child, state, before):
            self._send(report, ExecType.RESTATED, child, state, now, trace)
            told = True
        if not told and report.exec_type not in _ENDS:
            self._send(report, _heard(report), child, state, now, trace)

    def _send(
        self, report: Report, kind: ExecType, child: ChildTerms, state: ChildState, now: datetime, trace: str
    ) -> None:
        over = kind not in EXECUTIONS
        message = ExecutionReport(
            order_id=child.order_id,
            account_id=child.account_id,
            cl_ord_id=child.cl_ord_id,
            venue_id=child.venue_id,
            exec_id=report.exec_id,
            exec_type=kind,
            symbol=child.symbol,
            side=child.side,
            order_qty=state.cum_qty + state.leaves_qty if kind is ExecType.RESTATED else child.quantity,
            transact_time=report.transact_time,
            received_at=now,
            venue_order_id=report.venue_order_id,
            last_qty=0 if over else report.last_qty,
            last_px_micros=None if over else report.last_px_micros,
            cum_qty=state.cum_qty,
            leaves_qty=state.leaves_qty,
            text=report.text,
            exec_ref_id=report.exec_ref_id,
            price_micros=(state.price_of(child.limit_price_micros) if kind is ExecType.RESTATED else None),
            trade_date=report.trade_date,
            last_liquidity=0 if over else report.last_liquidity,
            unresolved_qty=max(0, state.missing_qty)
            if over and state.status is not Status.PENDING_NEW
            else 0,
        )
        self._outlet.send(child.account_id, message, trace)

    def publish_cancel_reject(
        self,
        child: ChildTerms,
        cl_ord_id: str,
        reason: int,
        text: str,
        at: datetime,
        trace: str,
        *,
        replaces: bool = False,
    ) -> None:
        """Say that a venue keeps a child, or, `replaces`, does not change it."""
        message = CancelReject(
            order_id=child.order_id,
            account_id=child.account_id,
            cl_ord_id=cl_ord_id,
            orig_cl_ord_id=child.cl_ord_id,
            venue_id=child.venue_id,
            transact_time=at,
            cxl_rej_reason=reason,
            text=text,
            replace=replaces,
        )
        self._outlet.send(child.account_id, message, trace)


def _changed(child: ChildTerms, state: ChildState, before: ChildState) -> bool:
    """Return whether a child's open shares are others than before, or the price that they have."""
    sent = child.limit_price_micros
    moved = state.leaves_qty > 0 and state.price_of(sent) != before.price_of(sent)
    return moved or state.leaves_qty != before.leaves_qty


def _heard(report: Report) -> ExecType:
    """Return the kind of a report that changes nothing of the parent."""
    return (
        ExecType.ORDER_STATUS
        if report.exec_type in (*RESTATEMENTS, ExecType.CALCULATED)
        else report.exec_type
    )


def local_report(child: ChildTerms, exec_type: ExecType, text: str, now: datetime) -> Report:
    """Make the report of a child that we close ourselves; its ExecID comes out the same every time."""
    return Report(
        venue_id=child.venue_id,
        cl_ord_id=child.cl_ord_id,
        exec_id=f"{_LOCAL_EXEC_IDS[exec_type]}-{child.cl_ord_id}",
        exec_type=exec_type,
        transact_time=now,
        text=text,
    )


class ReportTraces:
    """The traces that reports go on with."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def reported(self, report: Report, live: LiveChild, before: ChildState, now: datetime) -> str:
        """Return the trace that a report goes to core with; one of a rejection is traced from here on."""
        if live.first_sent_at is None:
            return live.trace
        now_us, sent_us = microseconds(now), microseconds(live.first_sent_at)
        trace = passed(live.trace, self._tracer.hop(Hop.VENUE, sent_us, now_us))
        if report.exec_type is ExecType.REJECTED:
            text = f"rejected by {live.child.venue_id}: {report.text}"
            trace = self._tracer.promote(trace, FAILED, live.child.order_id, text)
        if is_traced(trace):
            first = before.status is Status.PENDING_NEW
            self._write(report, live, trace, sent_us, now_us, first=first)
            live.trace = trace
        return trace

    def _write(
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
