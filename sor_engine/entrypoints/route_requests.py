"""The loop: a batch of route requests in, stored and published plans out.

A plan is stored before it is published, and a batch's offsets are stored only after its plans are flushed:
they ride in the next batch's transaction, or in one of their own when there is nothing to do. A crash in
between repeats the batch, and a repeated request is answered with the plan that was stored.
"""

import time
from collections.abc import Callable, Mapping
from typing import Final
from uuid import UUID

import structlog
from confluent_kafka import Message as KafkaMessage

from oms_platform.clock import microseconds
from oms_platform.kafka.consumers import Batch, BatchConsumer
from oms_platform.kafka.publisher import Publisher
from oms_platform.messages import RoutePlan, RouteRequest
from oms_platform.telemetry.metrics import timed_transaction
from oms_platform.telemetry.order_trace import Hop, is_traced, now_us, passed
from oms_platform.telemetry.spans import Kind, Span
from oms_platform.telemetry.tracing import DEAD_LETTER_SPAN, FAILED, SLOW, SOR_SPAN, Tracer
from oms_platform.wire import Topic, encode
from oms_platform.worker import StopFlag
from sor_engine import metrics
from sor_engine.handlers import InvalidRequestError, QuoteBudget, RoutingContext, plan_route
from sor_engine.ports import (
    PlannedRoute,
    Reference,
    ReferenceSource,
    ReferenceUnavailableError,
    RouteStore,
    UnstorableRouteError,
)

log = structlog.get_logger()
Offsets = Mapping[tuple[str, int], int]
_NO_OFFSETS: Final[Offsets] = {}
QUOTE_SPAN: Final = "quote"
DECISION_SPAN: Final = "decide"


class RouteRequestLoop:
    """Reads `orders.validated`, decides, stores, publishes to `orders.routed`."""

    def __init__(
        self,
        *,
        consumer: BatchConsumer,
        publisher: Publisher,
        store: RouteStore,
        references: ReferenceSource,
        context: RoutingContext,
        refresh_s: float,
        gather_s: float,
        on_reference: Callable[[Reference], None] = lambda _reference: None,
        monotonic_s: Callable[[], float] = time.monotonic,
        tracer: Tracer | None = None,
    ) -> None:
        self._consumer = consumer
        self._publisher = publisher
        self._store = store
        self._references = references
        self._context = context
        self._refresh_s = refresh_s
        self._gather_s = gather_s
        self._on_reference = on_reference
        self._monotonic_s = monotonic_s
        self._tracer = tracer or Tracer()
        self._reference: Reference = references.load()
        on_reference(self._reference)
        self._refreshed_s = monotonic_s()
        # The offsets after a batch whose plans were handed to the producer but are not yet stored.
        self._published: Offsets = _NO_OFFSETS

    @property
    def reference(self) -> Reference:
        """What decisions stand on now."""
        return self._reference

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
        started = time.perf_counter()
        self._work(batch, now_us())
        metrics.batch_seconds.observe(time.perf_counter() - started)
        # A small batch costs nearly as much as a large one: a moment's wait lets the next one gather.
        time.sleep(self._gather_s)

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
        routes: dict[tuple[UUID, int], PlannedRoute] = {}
        raws: dict[tuple[UUID, int], KafkaMessage] = {}
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
                decided = plan_route(request, self._reference, self._context, budget, record.trace)
            except InvalidRequestError as error:
                self._publisher.send_dead_letter(raw, str(error))
                self._tracer.fail(record.trace, DEAD_LETTER_SPAN, request.order_id, str(error))
                continue
            routes[key] = PlannedRoute(decided=decided, payload=encode(decided.plan), trace=record.trace)
            raws[key] = raw
        stored_before = self._store_all(routes, raws)
        traces = self._traces_of(routes, taken_us)
        self._publish(routes, stored_before, traces)
        self._write_spans(routes, traces, taken_us)
        self._published = {**self._published, **batch.next_offsets}
        log.info("routes_decided", requests=len(batch.records), plans=len(routes))

    def _store_all(
        self, routes: dict[tuple[UUID, int], PlannedRoute], raws: Mapping[tuple[UUID, int], KafkaMessage]
    ) -> Mapping[tuple[UUID, int], bytes]:
        """Store the plans with the offsets of the batch before; dead-letter what is refused."""
        # The earlier batch's plans are with the broker before its offsets are stored.
        self._publisher.flush()
        earlier, self._published = self._published, _NO_OFFSETS
        now = self._context.clock()
        try:
            with timed_transaction("sor_store"):
                return self._store.store(list(routes.values()), earlier, now)
        except UnstorableRouteError:
            for key, reason in self._store.unstorable(list(routes.values())).items():
                del routes[key]
                self._publisher.send_dead_letter(raws[key], reason)
            return self._store.store(list(routes.values()), earlier, now)

    def _traces_of(
        self, routes: Mapping[tuple[UUID, int], PlannedRoute], taken_us: int
    ) -> Mapping[tuple[UUID, int], str]:
        """Return the trace that each plan goes on with; one without legs is traced from here on."""
        at_us = now_us()
        hop = self._tracer.hop(Hop.SOR, taken_us, at_us)
        traces: dict[tuple[UUID, int], str] = {}
        for key, route in routes.items():
            plan, trace = route.decided.plan, route.trace
            if not plan.legs:
                trace = self._tracer.promote(trace, FAILED, plan.order_id, plan.reason)
            elif self._tracer.is_due(trace, at_us):
                trace = self._tracer.promote(trace, SLOW, plan.order_id)
            traces[key] = passed(trace, hop)
        return traces

    def _write_spans(
        self,
        routes: Mapping[tuple[UUID, int], PlannedRoute],
        traces: Mapping[tuple[UUID, int], str],
        taken_us: int,
    ) -> None:
        spans: list[Span] = []
        done_us = now_us()
        for key, trace in traces.items():
            if is_traced(trace):
                spans += _spans_of(self._tracer, routes[key].decided.plan, trace, taken_us, done_us)
        self._tracer.write_batch("sor batch", taken_us, done_us, len(routes), spans)

    def _publish(
        self,
        routes: Mapping[tuple[UUID, int], PlannedRoute],
        stored_before: Mapping[tuple[UUID, int], bytes],
        traces: Mapping[tuple[UUID, int], str],
    ) -> None:
        for key, route in routes.items():
            earlier = stored_before.get(key)
            if earlier is not None:
                metrics.repeated_total.inc()
            self._publisher.send_encoded(
                Topic.ROUTED.value,
                str(route.decided.plan.order_id),
                RoutePlan.__name__,
                route.payload if earlier is None else earlier,
                event_id=route.decided.plan.route_id,
                trace=traces[key],
            )
        self._publisher.poll()


def _spans_of(tracer: Tracer, plan: RoutePlan, trace: str, taken_us: int, done_us: int) -> list[Span]:
    """Return the spans of one decision: the whole, waiting for its quote, and deciding."""
    explanation = plan.explanation
    began_us = microseconds(plan.received_at)
    quoted_us = began_us + explanation.quote_wait_us
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
                "legs": len(plan.legs),
                "venues": "+".join(leg.venue_id for leg in plan.legs),
            },
            error="" if plan.legs else plan.reason,
        ),
        tracer.span(trace, QUOTE_SPAN, began_us, quoted_us, attributes={"symbol": plan.symbol}),
        tracer.span(
            trace,
            DECISION_SPAN,
            quoted_us,
            quoted_us + explanation.decision_us,
            attributes={"strategy": explanation.strategy},
        ),
    ]
