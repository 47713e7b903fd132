"""Quotes to Kafka, as far as Kafka takes them: a broker that is away costs the quotes of that time."""

import threading
from typing import Final

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer
from prometheus_client import Counter

from oms_platform.ids import uuid7
from oms_platform.kafka.connection import KafkaUnavailableError
from oms_platform.kafka.settings import KafkaSettings, client_config
from oms_platform.kafka.topics import WrongTopicsError, ensure_topics
from oms_platform.messages import Quote
from oms_platform.wire import SCHEMA_VERSION, Topic, encode

_QUEUED_MAX: Final = 1_000
_EXPIRY_MS: Final = 2_000
_RETRY_S: Final = 2.0
log = structlog.get_logger()
published_total = Counter("oms_marketdata_kafka_published_total", "Quotes that Kafka took")
dropped_total = Counter("oms_marketdata_kafka_dropped_total", "Quotes that did not reach Kafka")


class KafkaQuotes:
    """Publishes each n-th quote of a symbol. Nothing here waits, and nothing raises because Kafka is away."""

    def __init__(self, settings: KafkaSettings, *, every: int) -> None:
        self._settings = settings
        self._every = every
        self._topics_ready = False
        self._stopped = threading.Event()
        # Not the services' idempotent publisher: a lost quote is no loss, a fatal error would be.
        self._producer = Producer(
            client_config(settings)
            | {
                "log_level": 0,
                "acks": 1,
                "linger.ms": 5,
                "partitioner": "murmur2_random",
                "message.timeout.ms": _EXPIRY_MS,
                "queue.buffering.max.messages": _QUEUED_MAX,
                "reconnect.backoff.max.ms": 1_000,
            }
        )

    def start(self) -> None:
        """Make the topics in the background, so that no quote makes one with a wrong number of partitions."""
        threading.Thread(target=self._make_topics, name="kafka-topics", daemon=True).start()

    def _make_topics(self) -> None:
        while not self._stopped.is_set():
            try:
                ensure_topics(self._settings)
            except KafkaUnavailableError as error:
                log.warning("kafka_unreachable", error=str(error))
                self._stopped.wait(_RETRY_S)
            except WrongTopicsError as error:
                log.error("kafka_topics_wrong", error=str(error))
                return
            else:
                self._topics_ready = True
                return

    def publish(self, quote: Quote) -> None:
        """Queue the quote if it is its turn; drop and count it if that is not possible."""
        if quote.sequence % self._every:
            return
        if not self._topics_ready:
            dropped_total.inc()
            return
        try:
            self._producer.produce(
                Topic.QUOTES.value,
                encode(quote),
                quote.symbol.encode(),
                headers=[("type", "Quote"), ("v", str(SCHEMA_VERSION)), ("id", str(uuid7()))],
                on_delivery=self._on_delivery,
            )
            self._producer.poll(0)
        except (BufferError, KafkaException):
            dropped_total.inc()

    @staticmethod
    def _on_delivery(error: KafkaError | None, _record: Message) -> None:
        (published_total if error is None else dropped_total).inc()

    def stop(self) -> None:
        """Give what is queued a moment to leave."""
        self._stopped.set()
        self._producer.flush(1.0)
