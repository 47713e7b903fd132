"""Batches of plans and requests: read, held to clients' orders and to earlier cancels, worked on, traced.

The law of this file: every record of a batch counts in its place. What nothing can be done about is a dead
letter, and a plan is answered nevertheless. A plan that its order does not allow is not stored; that it was
refused is, for core asks for another then, and the plan may come again when its order would allow it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import structlog

from execution_adapter import metrics
from execution_adapter.domain.gate import Parent, problem_of_parent, problem_of_price_change
from execution_adapter.domain.ledger import Ledger
from execution_adapter.entrypoints.kill_watch import KillWatch
from execution_adapter.handlers import ChildOrderManager, by_route, plan_problem
from execution_adapter.ports import ChildStore, JournalLine, RefusedPlan, StoredChild, Writes
from oms_platform.kafka.ports import Batch, RecordSink
from oms_platform.messages import CancelChildren, ReplaceChild, RoutePlan
from oms_platform.telemetry.order_trace import Hop, is_traced, passed
from oms_platform.telemetry.spans import Kind
from oms_platform.telemetry.tracing import ADAPTER_SPAN, DEAD_LETTER_SPAN, SLOW, Tracer
from oms_platform.wire import order_of

log = structlog.get_logger()
REFUSED_BEFORE: Final = "REFUSED_BEFORE"


@dataclass(slots=True)
class Step:
    """A record of `orders.routed` in its place. refused: a cancel of its attempt came before it in the batch.

    problem: why nothing of a plan may be stored or sent. repeated: its plan stands earlier in the batch, or
    was stored before.
    """

    message: RoutePlan | CancelChildren | ReplaceChild
    raw: Any
    trace: str
    refused: bool = False
    repeated: bool = False
    problem: str = ""


class PlanBatches:
    """Works on what the SOR and core ask for. venue_ids: the venues that there are. One thread only."""

    def __init__(
        self,
        store: ChildStore,
        manager: ChildOrderManager,
        ledger: Ledger,
        publisher: RecordSink,
        tracer: Tracer,
        venue_ids: frozenset[str],
        kills: KillWatch,
    ) -> None:
        self._kills = kills
        self._store, self._manager, self._ledger = store, manager, ledger
        self._publisher, self._tracer, self._venue_ids = publisher, tracer, venue_ids

    # ---- read

    def read(self, batch: Batch) -> list[Step]:
        """Return the plans and cancels of a batch; what is none is a dead letter."""
        for raw, reason in batch.unreadable:
            self._publisher.send_dead_letter(raw, reason)
        steps: list[Step] = []
        for record, raw in zip(batch.records, batch.raw, strict=True):
            message = record.message
            if isinstance(message, RoutePlan):
                step = Step(message, raw, record.trace)
                self._refuse(step, plan_problem(message))
                steps.append(step)
            elif isinstance(message, CancelChildren | ReplaceChild):
                steps.append(Step(message, raw, record.trace))
            else:
                problem = (
                    f"expected a RoutePlan, CancelChildren or ReplaceChild, found {type(message).__name__}"
                )
                self._publisher.send_dead_letter(raw, problem)
                self._tracer.fail(record.trace, DEAD_LETTER_SPAN, order_of(message), problem)
        return steps

    def _refuse(self, step: Step, problem: str) -> None:
        """Dead-letter a message that nothing can be done about; a plan is answered nevertheless."""
        if problem:
            step.problem = problem
            self._publisher.send_dead_letter(step.raw, problem)
            self._tracer.fail(step.trace, DEAD_LETTER_SPAN, step.message.order_id, problem)

    # ---- stored

    def hold_to_parents(self, steps: Sequence[Step]) -> None:
        """Decide what may be stored of a batch's plans: by their orders, and by the cancels before them."""
        held = [step.message.order_id for step in steps if _is_held_to_parent(step.message)]
        parents = self._store.parents(held) if held else {}
        self._kills.learn(held)
        self._manager.note_closings(
            {order_id: one.closes.switch_id for order_id, one in parents.items() if one.closes is not None}
        )
        canceled = {order_id: parent.canceled_through for order_id, parent in parents.items()}
        refused = {order_id: parent.refused_through for order_id, parent in parents.items()}
        # ClOrdIDs of each order's children with the shares that they have executed, or may.
        committed: dict[UUID, dict[str, int]] = {}
        for step in steps:
            message = step.message
            if isinstance(message, CancelChildren):
                if not step.problem:
                    through = max(canceled.get(message.order_id, 0), message.through_attempt)
                    canceled[message.order_id] = through
                continue
            if isinstance(message, ReplaceChild):
                if message.limit_price_micros is not None:
                    parent, price = parents.get(message.order_id), message.limit_price_micros
                    step.problem = _refused(problem_of_price_change(parent, price), message)
                continue
            order_id, parent = message.order_id, parents.get(message.order_id)
            of_order = committed.setdefault(order_id, self._committed(parent))
            step.refused = message.attempt <= canceled.get(order_id, 0)
            step.repeated = any(child.cl_ord_id in of_order for child in message.children)
            if step.refused or step.repeated or step.problem or not message.children:
                continue
            if message.attempt <= refused.get(order_id, 0):
                step.problem = f"{REFUSED_BEFORE}: attempt={message.attempt}"
                continue
            problem = problem_of_parent(parent, message.terms, message.children, sum(of_order.values()))
            if problem:
                step.problem, refused[order_id] = _refused(problem, message), message.attempt
            else:
                self._manager.note_counted(order_id)
                of_order |= {child.cl_ord_id: child.quantity for child in message.children}

    def _committed(self, parent: Parent | None) -> dict[str, int]:
        """Return what an order's children have executed or may, as far as we know by now."""
        found: dict[str, int] = {}
        for cl_ord_id, shares in () if parent is None else parent.committed.items():
            newest = self._ledger.newest(cl_ord_id)
            found[cl_ord_id] = shares if newest is None else newest.cum_qty + newest.leaves_qty
        return found

    def writes(self, steps: Sequence[Step], journal: Sequence[JournalLine]) -> Writes:
        """Return what is to be stored of a batch, with what else goes into its transaction."""
        writes = Writes(journal=journal)
        for step in steps:
            message = step.message
            if isinstance(message, CancelChildren):
                if not step.problem:
                    writes.cancels.append(message)
            elif isinstance(message, RoutePlan) and not (
                step.refused or step.repeated or not message.children
            ):
                problem = step.problem or self._unknown_venues(message)
                if problem:
                    writes.refused.append(RefusedPlan(message.order_id, message.attempt, problem))
                else:
                    writes.children += [(child, message.continues) for child in message.children]
        return writes

    def refuse_unstorable(self, steps: Sequence[Step], refused: Mapping[str | UUID, str]) -> None:
        """Dead-letter the messages that the database refuses. refused: why, by ClOrdID or request_id."""
        for step in steps:
            problem = next((refused[key] for key in _keys(step.message) if key in refused), None)
            if problem is not None and not step.problem:
                self._refuse(step, f"UNSTORABLE: {problem}")

    def _unknown_venues(self, plan: RoutePlan) -> str:
        missing = sorted({child.venue_id for child in plan.children} - self._venue_ids)
        return f"UNKNOWN_VENUE: venues={'+'.join(missing)}" if missing else ""

    # ---- worked on

    def note_cancels(self, steps: Sequence[Step]) -> None:
        """The cancels are taken: whatever venues say in this batch sends none of their children any more."""
        for step in steps:
            if isinstance(step.message, CancelChildren) and not step.problem:
                self._manager.note_cancel(step.message)

    def finish(self, steps: Sequence[Step], new: frozenset[str], now: datetime, now_s: float) -> None:
        """Tell core what was stored, and send it. new: ClOrdIDs of the children that were stored just now."""
        stored_before = self._stored_before(steps, new)
        for step in steps:
            message = step.message
            if isinstance(message, CancelChildren):
                if not step.problem:
                    self._manager.handle_cancel(message, now, now_s)
                continue
            if isinstance(message, ReplaceChild):
                if step.problem:
                    self._manager.refuse_replace(message, step.problem, now)
                else:
                    self._manager.handle_replace(message, now, now_s)
                continue
            stored = stored_before.get((message.order_id, message.attempt))
            if self._is_new(step, new):
                self._manager.handle_placed(message, now, now_s, step.trace)
            elif stored is not None:
                self._manager.handle_placed_before(message, stored, now, step.trace)
            elif step.refused:
                self._manager.handle_unplaced(message, now, step.trace, reason="canceled", refused=True)
            else:
                reason = step.problem or self._unknown_venues(message) or message.reason
                self._manager.handle_unplaced(message, now, step.trace, reason=reason)

    @staticmethod
    def _is_new(step: Step, new: frozenset[str]) -> bool:
        plan = step.message
        return (
            isinstance(plan, RoutePlan)
            and bool(plan.children)
            and not (step.refused or step.repeated or step.problem)
            and plan.children[0].cl_ord_id in new
        )

    def _stored_before(
        self, steps: Sequence[Step], new: frozenset[str]
    ) -> Mapping[tuple[UUID, int], list[StoredChild]]:
        """Look up the plans with children of which nothing was new: they were stored before, or refused."""
        routes = [
            (step.message.order_id, step.message.attempt)
            for step in steps
            if isinstance(step.message, RoutePlan) and step.message.children and not self._is_new(step, new)
        ]
        return by_route(self._store.of_routes(routes)) if routes else {}

    # ---- traced

    def trace(self, steps: Sequence[Step], taken_us: int, at_us: int) -> None:
        """Add this hop to what each message goes on with; an order that is late by now is traced."""
        hop = self._tracer.hop(Hop.ADAPTER, taken_us, at_us)
        for step in steps:
            if self._tracer.is_due(step.trace, at_us):
                step.trace = self._tracer.promote(step.trace, SLOW, step.message.order_id)
            step.trace = passed(step.trace, hop)

    def write_spans(self, steps: Sequence[Step], taken_us: int, done_us: int) -> None:
        """Write the spans of the messages that are traced, and one of the batch."""
        spans = [
            self._tracer.span(
                step.trace,
                ADAPTER_SPAN,
                taken_us,
                done_us,
                kind=Kind.CONSUMER,
                attributes={
                    "order_id": str(step.message.order_id),
                    "message": type(step.message).__name__,
                    "children": len(step.message.children) if isinstance(step.message, RoutePlan) else 0,
                },
            )
            for step in steps
            if is_traced(step.trace)
        ]
        self._tracer.write_batch("adapter batch", taken_us, done_us, len(steps), spans)


def _is_held_to_parent(message: RoutePlan | CancelChildren | ReplaceChild) -> bool:
    if isinstance(message, ReplaceChild):
        return message.limit_price_micros is not None
    return isinstance(message, RoutePlan)


def _refused(problem: str, message: RoutePlan | ReplaceChild) -> str:
    """Count and tell that a message does not pass, and return why not; empty when it does."""
    if problem:
        metrics.gate_refusals_total.labels(problem.partition(":")[0]).inc()
        log.warning("plan_refused", order_id=str(message.order_id), problem=problem)
    return problem


def _keys(message: RoutePlan | CancelChildren | ReplaceChild) -> list[str | UUID]:
    if not isinstance(message, RoutePlan):
        return [message.request_id]
    return [child.cl_ord_id for child in message.children]
