"""Stored requests to orders.inbound, from memory, without waiting for the broker.

They are in the request log already. What the broker does not take from here is counted and left to the core,
which takes from the log what has had no outcome.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from confluent_kafka import KafkaError, KafkaException
from prometheus_client import Counter

from oms_api.ports import NewOrder, Request
from oms_platform.clock import microseconds
from oms_platform.kafka.connection import KafkaUnavailableError
from oms_platform.kafka.publisher import Publisher
from oms_platform.kafka.settings import KafkaSettings
from oms_platform.telemetry.order_trace import Hop, is_traced, now_us, passed
from oms_platform.telemetry.spans import Kind
from oms_platform.telemetry.tracing import PUBLISH_SPAN, Tracer
from oms_platform.wire import Topic

SERVE_S: Final = 0.1
DRAIN_S_MAX: Final = 2.0

log = structlog.get_logger()
published_total = Counter("oms_api_requests_published_total", "Stored requests that were given to Kafka")
unpublished_total = Counter(
    "oms_api_requests_unpublished_total",
    "Stored requests that Kafka did not take; core finds them in the log",
)

OnPublished = Callable[[Sequence[Request]], None]


class InboundPublisher:
    """The RequestLine on an idempotent producer. Used in one event loop.

    on_published: told of the requests whose outcome is awaited from now on, taken by the broker or not.
    """

    def __init__(
        self, settings: KafkaSettings, on_published: OnPublished, tracer: Tracer | None = None
    ) -> None:
        self._settings = settings
        self._on_published = on_published
        self._tracer = tracer or Tracer()
        self._publisher = Publisher(settings, on_failed=self._on_failed)
        self._broken = False
        self._timer: asyncio.TimerHandle | None = None

    def publish(self, requests: Sequence[Request]) -> None:
        """Queue requests for the broker, in their order."""
        if self._broken:
            self._broken, self._publisher = False, Publisher(self._settings, on_failed=self._on_failed)
        at_us = now_us()
        for request in requests:
            self._send(request, at_us)
        self._write_spans(requests, at_us)
        self._on_published(requests)
        self._serve()

    def _send(self, request: Request, at_us: int) -> None:
        message = request.message
        if isinstance(request, NewOrder):
            event_id, account_id, hop = request.message.order_id, request.message.terms.account_id, Hop.SUBMIT
        else:
            event_id, account_id, hop = request.message.request_id, request.message.account_id, Hop.CANCEL
        trace = passed(request.trace, self._tracer.hop(hop, microseconds(message.received_at), at_us))
        try:
            self._publisher.send_encoded(
                Topic.INBOUND.value,
                account_id,
                type(message).__name__,
                request.payload,
                event_id=event_id,
                trace=trace,
            )
            published_total.inc()
        except KafkaUnavailableError:
            unpublished_total.inc()
        except KafkaException as error:
            self._on_failed(error.args[0])

    def _on_failed(self, error: KafkaError) -> None:
        unpublished_total.inc()
        if error.fatal() and not self._broken:
            # Such a producer takes nothing any more: another one is made for what follows.
            self._broken = True
            log.warning("inbound_publisher_broken", error=str(error))

    def _serve(self) -> None:
        """Serve delivery reports now, and while any is awaited."""
        self._publisher.poll()
        if self._timer is None and len(self._publisher):
            self._timer = asyncio.get_running_loop().call_later(SERVE_S, self._serve_later)

    def _serve_later(self) -> None:
        self._timer = None
        self._serve()

    def _write_spans(self, requests: Sequence[Request], at_us: int) -> None:
        done_us = now_us()
        spans = [
            self._tracer.span(
                request.trace,
                PUBLISH_SPAN,
                at_us,
                done_us,
                kind=Kind.PRODUCER,
                attributes={
                    "order_id": str(request.message.order_id),
                    "message": type(request.message).__name__,
                },
            )
            for request in requests
            if is_traced(request.trace)
        ]
        self._tracer.write(*spans)

    def close(self) -> None:
        """Give the broker a moment to take what is queued."""
        left = self._publisher.drain(DRAIN_S_MAX)
        if left:
            log.warning("requests_left_to_the_log", count=left)
