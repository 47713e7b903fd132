"""Messages out: queued one by one, flushed once a batch."""

import time
import uuid
from collections.abc import Callable
from typing import Final

import structlog
from confluent_kafka import KafkaError, Producer
from confluent_kafka import Message as KafkaMessage
from prometheus_client import Counter

from oms_platform.kafka.connection import KafkaUnavailableError
from oms_platform.kafka.settings import KafkaSettings, client_config
from oms_platform.kafka.topics import dead_letter_topic
from oms_platform.telemetry import metrics
from oms_platform.telemetry.order_trace import HOPS_HEADER, TRACEPARENT_LENGTH, trace_id_of, trace_of_headers
from oms_platform.vocabulary import Message
from oms_platform.wire import SCHEMA_VERSION, Topic, encode

DELIVERY_TIMEOUT_MS: Final = 30_000
_QUEUED_MESSAGES_MAX: Final = 200_000

log = structlog.get_logger()
dead_letters_total = Counter("oms_dead_letters_total", "Records sent to a dead-letter topic", ["topic"])
for _topic in Topic:
    dead_letters_total.labels(_topic.value)


class Publisher:
    """An idempotent producer. `send` queues, `flush` returns when the broker has everything or raises.

    on_failed: told of each record that the broker did not take, in place of `flush`.
    """

    def __init__(
        self, settings: KafkaSettings, on_failed: Callable[[KafkaError], None] | None = None
    ) -> None:
        self._on_failed = on_failed
        self._producer = Producer(
            client_config(settings)
            | {
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": 1,
                "partitioner": "murmur2_random",
                "delivery.timeout.ms": DELIVERY_TIMEOUT_MS,
                "queue.buffering.max.messages": _QUEUED_MESSAGES_MAX,
            }
        )
        self._failed: KafkaError | None = None
        self._next_offsets: dict[tuple[str, int], int] = {}

    def send(self, topic: str, key: str, message: Message, *, event_id: uuid.UUID, trace: str = "") -> None:
        """Queue one message. Raises KafkaUnavailableError when the queue is full."""
        self.send_encoded(topic, key, type(message).__name__, encode(message), event_id=event_id, trace=trace)

    def send_encoded(
        self,
        topic: str,
        key: str,
        type_name: str,
        payload: bytes,
        *,
        event_id: uuid.UUID,
        trace: str = "",
    ) -> None:
        """Queue one message that is encoded already, as the request log and core keep them."""
        headers: list[tuple[str, str | bytes | None]] = [
            ("type", type_name),
            ("v", str(SCHEMA_VERSION)),
            ("id", str(event_id)),
        ]
        if trace:
            headers.append(("traceparent", trace[:TRACEPARENT_LENGTH]))
            if len(trace) > TRACEPARENT_LENGTH:
                headers.append((HOPS_HEADER, trace[TRACEPARENT_LENGTH:]))
        self._produce(topic, key.encode(), payload, headers)

    def send_dead_letter(self, record: KafkaMessage, reason: str) -> None:
        """Queue a record's bytes to its dead-letter topic, its own headers kept and the reason added."""
        topic = record.topic() or ""
        headers = [
            *(record.headers() or []),
            ("reason", reason),
            ("offset", f"{record.partition()}/{record.offset()}"),
        ]
        dead_letters_total.labels(topic).inc()
        log.warning(
            "dead_letter",
            topic=topic,
            partition=record.partition(),
            offset=record.offset(),
            reason=reason,
            trace_id=trace_id_of(trace_of_headers(dict(record.headers() or []))),
        )
        self._produce(dead_letter_topic(topic), record.key(), record.value(), headers)

    def _produce(
        self,
        topic: str,
        key: bytes | None,
        payload: bytes | None,
        headers: list[tuple[str, str | bytes | None]],
    ) -> None:
        try:
            self._producer.produce(topic, payload, key, headers=headers, on_delivery=self._on_delivery)
        except BufferError as error:
            raise KafkaUnavailableError("the producer's queue is full") from error

    def _on_delivery(self, error: KafkaError | None, record: KafkaMessage) -> None:
        if error is not None:
            if self._on_failed is None:
                self._failed = error
            else:
                self._on_failed(error)
            return
        place = (record.topic() or "", record.partition() or 0)
        self._next_offsets[place] = max(self._next_offsets.get(place, 0), (record.offset() or 0) + 1)

    def __len__(self) -> int:
        """Return how many records are queued or under way."""
        return len(self._producer)

    def poll(self) -> None:
        """Serve delivery reports without waiting."""
        self._producer.poll(0)

    def drain(self, timeout_s: float) -> int:
        """Wait up to `timeout_s` for the broker to have everything. Returns how many records it has not."""
        left: int = self._producer.flush(timeout_s)
        return left

    def flush(self) -> None:
        """Wait until the broker has everything queued. Raises KafkaUnavailableError if it has not."""
        queued, started = len(self._producer), time.perf_counter()
        left = self._producer.flush(DELIVERY_TIMEOUT_MS / 1000 + 1)
        if queued:
            metrics.kafka_flush_seconds.observe(time.perf_counter() - started)
        if self._failed is not None or left:
            metrics.kafka_failures_total.inc()
            failed, self._failed = self._failed, None
            raise KafkaUnavailableError(f"{left} records still queued, last error {failed}")

    def next_offsets(self, topic: str) -> dict[int, int]:
        """Return, by partition, the offset after the last record of `topic` that this publisher delivered."""
        return {
            partition: offset for (name, partition), offset in self._next_offsets.items() if name == topic
        }
