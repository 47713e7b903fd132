"""The loop: a batch of route requests in, stored and published plans out.

A plan is stored before it is published, and a batch's offsets are stored only after its plans are flushed:
they ride in the next batch's transaction, or in one of their own when there is nothing to do. A crash in
between repeats the batch, and a repeated request is answered with the plan that was stored. A request that no
plan can be made or stored for is answered too: without children, and with the reason.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

import structlog

from oms_platform.clock import microseconds
from oms_platform.kafka.ports import Batch, RecordSink, RecordSource
from oms_platform.messages import RoutePlan, RouteRequest
from oms_platform.telemetry.metrics import timed_transaction
from oms_platform.telemetry.order_trace import Hop, is_traced, passed
from oms_platform.telemetry.spans import Kind, Span
from oms_platform.telemetry.tracing import DEAD_LETTER_SPAN, FAILED, SLOW, SOR_SPAN, Tracer
from oms_platform.wire import Topic, encode
from oms_platform.worker import StopFlag
from sor_engine import metrics
from sor_engine.handlers import InvalidRequestError, QuoteBudget, RoutingContext, plan_route, refused_plan
from sor_engine.ports import (
    Decided,
    PlannedRoute,
    Reference,
    ReferenceSource,
    ReferenceUnavailableError,
    RouteStore,
    UnstorableRouteError,
)

log = structlog.get_logger()
Key = tuple[UUID, int]
Offsets = Mapping[tuple[str, int], int]
_NO_OFFSETS: Final[Offsets] = {}
QUOTE_SPAN: Final = "quote"
DECISION_SPAN: Final = "decide"
INVALID_REQUEST: Final = "INVALID_REQUEST"
UNSTORABLE_ROUTE: Final = "UNSTORABLE_ROUTE"
NANOSECONDS: Final = 1_000_000_000
_TOPIC: Final = Topic.ROUTED.value


class RouteRequestLoop:
    """Reads `orders.validated`, decides, stores, publishes to `orders.routed`.

    Steps over ports: the only clocks are the context's and `monotonic_s`, and nothing here waits but `poll`.
    """

    def __init__(
        self,
        *,
        consumer: RecordSource,
        publisher: RecordSink,
        store: RouteStore,
        references: ReferenceSource,
        context: RoutingContext,
        refresh_s: float,
        monotonic_s: Callable[[], float],
        on_reference: Callable[[Reference], None] = lambda _reference: None,
        tracer: Tracer | None = None,
    ) -> None:
        self._consumer = consumer
        self._publisher = publisher
        self._store = store
        self._references = references
        self._context = context
        self._refresh_s = refresh_s
        self._on_reference = on_reference
        self._monotonic_s = monotonic_s
        self._tracer = tracer or Tracer()
        self._reference: Reference = references.load()
        on_reference(self._reference)
        self._refreshed_s = monotonic_s()
        # The offsets after a batch whose plans were handed to the producer but are not yet stored.
        self._published: Offsets = _NO_OFFSETS

    def run(self, stop: StopFlag) -> None:
        """Work until a stop is asked for; what was published is then flushed and its offsets stored."""
        while not stop:
            self.step()
        self.settle()

    def step(self, timeout_s: float = 0.05) -> None:
        """Take one batch and work on it, or settle when there is none."""
        self._refresh()
        batch = self._consumer.poll(timeout_s=timeout_s)
        if not batch.next_offsets:
            self.settle()
            return
        started_ns = self._context.stopwatch()
        self._work(batch, self._now_us())
        metrics.batch_seconds.observe((self._context.stopwatch() - started_ns) / NANOSECONDS)

    def _now_us(self) -> int:
        return microseconds(self._context.clock())

    def settle(self) -> None:
        """Flush, and store the offsets of what was published."""
        if self._published:
            self._publisher.flush()
            self._store.store((), self._published, self._context.clock())
            self._published = _NO_OFFSETS

    def _refresh(self) -> None:
        if self._monotonic_s() - self._refreshed_s < self._refresh_s:
            return
        self._refreshed_s = self._monotonic_s()
        try:
            self._reference = self._references.load()
        except ReferenceUnavailableError as error:
            metrics.reference_failures_total.inc()
            log.warning("reference_kept", error=str(error))
        else:
            self._on_reference(self._reference)

    def _work(self, batch: Batch, taken_us: int) -> None:
        for raw, reason in batch.unreadable:
            self._publisher.send_dead_letter(raw, reason)
        routes: dict[Key, PlannedRoute] = {}
        raws: dict[Key, Any] = {}
        refused: list[tuple[RoutePlan, str]] = []
        budget = QuoteBudget()
        for record, raw in zip(batch.records, batch.raw, strict=True):
            request = record.message
            if not isinstance(request, RouteRequest):
                expected = f"expected a RouteRequest, found {type(request).__name__}"
                self._publisher.send_dead_letter(raw, expected)
                continue
            key = (request.order_id, request.attempt)
            if key in routes:
                continue
            try:
                routes[key] = plan_route(request, self._reference, self._context, budget, record.trace)
                raws[key] = raw
            except InvalidRequestError as error:
                self._tracer.fail(record.trace, DEAD_LETTER_SPAN, request.order_id, str(error))
                refused.append((self._refuse(request, raw, INVALID_REQUEST, str(error)), record.trace))
        requests = {key: route.decided.inputs.request for key, route in routes.items()}
        stored_before, problems = self._store_all(routes)
        for key, problem in problems.items():
            route = routes.pop(key)
            refused.append((self._refuse(requests[key], raws[key], UNSTORABLE_ROUTE, problem), route.trace))
        traces = self._traces_of(routes, taken_us)
        self._publish(routes, stored_before, traces)
        for plan, trace in refused:
            self._send(plan, encode(plan), trace)
        self._publisher.poll()
        self._write_spans(routes, traces, taken_us)
        self._published = {**self._published, **batch.next_offsets}
        log.info("routes_decided", requests=len(batch.records), plans=len(routes))

    def _refuse(self, request: RouteRequest, raw: Any, code: str, problem: str) -> RoutePlan:
        """Dead-letter a request. Returns its answer: core would otherwise ask for ever."""
        self._publisher.send_dead_letter(raw, problem)
        metrics.unplaced.inc()
        metrics.unplaced_because(code).inc()
        return refused_plan(request, f"{code}: {problem}", self._context.clock())

    def _store_all(self, routes: Mapping[Key, PlannedRoute]) -> tuple[Mapping[Key, bytes], Mapping[Key, str]]:
        """Store the plans with the offsets of the batch before.

        Returns the plans that were there before, and why others cannot be stored.
        """
        # The earlier batch's plans are with the broker before its offsets are stored.
        self._publisher.flush()
        earlier, self._published = self._published, _NO_OFFSETS
        now = self._context.clock()
        try:
            with timed_transaction("sor_store"):
                return self._store.store(list(routes.values()), earlier, now), {}
        except UnstorableRouteError:
            problems = self._store.unstorable(list(routes.values()))
            if not problems:
                raise
            storable = [route for key, route in routes.items() if key not in problems]
            return self._store.store(storable, earlier, now), problems

    def _traces_of(self, routes: Mapping[Key, PlannedRoute], taken_us: int) -> Mapping[Key, str]:
        """Return the trace that each plan goes on with; one without legs is traced from here on."""
        at_us = self._now_us()
        hop = self._tracer.hop(Hop.SOR, taken_us, at_us)
        traces: dict[Key, str] = {}
        for key, route in routes.items():
            plan, trace = route.decided.plan, route.trace
            if not plan.children:
                trace = self._tracer.promote(trace, FAILED, plan.order_id, plan.reason)
            elif self._tracer.is_due(trace, at_us):
                trace = self._tracer.promote(trace, SLOW, plan.order_id)
            traces[key] = passed(trace, hop)
        return traces

    def _write_spans(
        self,
        routes: Mapping[Key, PlannedRoute],
        traces: Mapping[Key, str],
        taken_us: int,
    ) -> None:
        spans: list[Span] = []
        done_us = self._now_us()
        for key, trace in traces.items():
            if is_traced(trace):
                spans += _spans_of(self._tracer, routes[key].decided, trace, taken_us, done_us)
        self._tracer.write_batch("sor batch", taken_us, done_us, len(routes), spans)

    def _publish(
        self,
        routes: Mapping[Key, PlannedRoute],
        stored_before: Mapping[Key, bytes],
        traces: Mapping[Key, str],
    ) -> None:
        for key, route in routes.items():
            earlier = stored_before.get(key)
            if earlier is not None:
                metrics.repeated_total.inc()
            payload = route.payload if earlier is None else earlier
            self._send(route.decided.plan, payload, traces[key])

    def _send(self, plan: RoutePlan, payload: bytes, trace: str) -> None:
        self._publisher.send_encoded(
            _TOPIC, str(plan.order_id), RoutePlan.__name__, payload, event_id=plan.route_id, trace=trace
        )


def _spans_of(tracer: Tracer, decided: Decided, trace: str, taken_us: int, done_us: int) -> list[Span]:
    """Return the spans of one decision: the whole, waiting for its quote, and deciding."""
    plan = decided.plan
    began_us = microseconds(plan.received_at)
    quoted_us = began_us + decided.quote_wait_us
    return [
        tracer.span(
            trace,
            SOR_SPAN,
            taken_us,
            done_us,
            kind=Kind.CONSUMER,
            attributes={
                "order_id": str(plan.order_id),
                "attempt": plan.attempt,
                "legs": len(plan.children),
                "venues": "+".join(child.venue_id for child in plan.children),
            },
            error="" if plan.children else plan.reason,
        ),
        tracer.span(trace, QUOTE_SPAN, began_us, quoted_us, attributes={"symbol": plan.terms.symbol}),
        tracer.span(
            trace,
            DECISION_SPAN,
            quoted_us,
            quoted_us + decided.decision_us,
            attributes={"profile": decided.inputs.routing.profile},
        ),
    ]
