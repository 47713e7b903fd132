"""What a committed batch means for its orders' traces: which go on as traced, and which spans there are.

An order is traced from here on when it was denied, expired, could not be canceled, or has spent too long.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from oms_core.handlers import Core
from oms_core.ports import Outgoing, StoredEvent, UnitOfWork
from oms_platform.kafka.ports import Record
from oms_platform.messages import ExecutionReport
from oms_platform.telemetry.order_trace import Hop, is_traced, now_us, passed
from oms_platform.telemetry.spans import Kind, Span
from oms_platform.telemetry.tracing import CORE_SPAN, FAILED, FILLS_SPAN, SLOW, Tracer
from oms_platform.vocabulary import CancelRejected, ExecType, OrderDenied, OrderExpired
from oms_platform.wire import Topic, order_of

RISK_SPAN: Final = "risk"
_FAILURES: Final = {event.__name__ for event in (OrderDenied, OrderExpired, CancelRejected)}


class BatchTraces:
    """Made between a batch's commit and its publication; `write` after that."""

    def __init__(
        self, tracer: Tracer, core: Core, unit: UnitOfWork, records: Sequence[Record], taken_us: int
    ) -> None:
        self._tracer = tracer
        self._unit = unit
        self._records = records
        self._taken_us = taken_us
        committed_us = now_us()
        self._inbound_hop = tracer.hop(Hop.CORE, taken_us, committed_us)
        self._fills_hop = tracer.hop(Hop.FILLS, taken_us, committed_us)
        self._filled: set[UUID] = set()
        self._late: dict[UUID, str] = {}
        self._reasons: dict[UUID, str] = {}
        self._find_late(committed_us)
        for order_id, trace in self._late.items():
            if order_id in core.traces:
                core.traces[order_id] = trace

    def _find_late(self, at_us: int) -> None:
        for record in self._records:
            order_id = order_of(record.message)
            if record.topic == Topic.FILLS.value:
                self._filled.add(order_id)
            if self._tracer.is_due(record.trace, at_us):
                self._promote(order_id, record.trace, SLOW, "")
        for event in self._unit.events:
            message = event.message
            if message.type in _FAILURES:
                self._reasons[message.order_id] = message.text
                self._promote(message.order_id, event.trace, FAILED, message.text)

    def _promote(self, order_id: UUID, trace: str, reason: str, text: str) -> None:
        promoted = self._tracer.promote(trace, reason, order_id, text)
        if is_traced(promoted):
            self._late[order_id] = promoted

    def onward(self, outgoing: Outgoing) -> str:
        """Return the trace that a message to the router or the adapter goes on with."""
        order_id = outgoing.order_id
        if order_id in self._late:
            return self._late[order_id]
        return passed(outgoing.trace, self._fills_hop if order_id in self._filled else self._inbound_hop)

    def to_clients(self, event: StoredEvent) -> str:
        """Return the trace that an event goes to clients with: its past too where an order may end."""
        if self._late and event.message.order_id in self._late:
            return self._late[event.message.order_id]
        if is_traced(event.trace):
            return event.trace
        return passed(event.trace, self._fills_hop) if event.message.last_qty else ""

    def trace_of(self, record: Record) -> str:
        """Return a record's trace, traced if its order was found to be due."""
        return self._late.get(order_of(record.message), record.trace) if self._late else record.trace

    def write(self) -> None:
        """Write the spans of the records whose orders are traced."""
        traced = [record for record in self._records if is_traced(self.trace_of(record))]
        if not traced:
            return
        done_us = now_us()
        spans: list[Span] = []
        for record in traced:
            spans += self._spans_of(record, done_us)
        self._tracer.write_batch("core batch", self._taken_us, done_us, len(self._records), spans)

    def _spans_of(self, record: Record, done_us: int) -> list[Span]:
        message, trace = record.message, self.trace_of(record)
        order_id = order_of(message)
        inbound = record.topic == Topic.INBOUND.value
        attributes: dict[str, str | int] = {"order_id": str(order_id), "message": type(message).__name__}
        error = self._reasons.get(order_id, "")
        if isinstance(message, ExecutionReport):
            attributes |= {"venue": message.venue_id, "exec_type": message.exec_type.name}
            error = error if message.exec_type is ExecType.REJECTED else ""
        spans = [
            self._tracer.span(
                trace,
                CORE_SPAN if inbound else FILLS_SPAN,
                self._taken_us,
                done_us,
                kind=Kind.CONSUMER,
                attributes=attributes,
                error=error,
            )
        ]
        risk = self._unit.risks.get(order_id)
        if inbound and risk is not None:
            ended_us = risk.began_us + risk.took_us
            spans.append(
                self._tracer.span(
                    trace,
                    RISK_SPAN,
                    risk.began_us,
                    ended_us,
                    attributes={"verdict": "denied" if risk.denial else "accepted"},
                    error=risk.denial,
                )
            )
        return spans
