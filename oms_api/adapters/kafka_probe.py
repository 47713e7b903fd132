"""Looks once a second whether Kafka answers, in a thread of its own, so that no request waits to find out."""

import threading
from collections.abc import Callable
from typing import Final

import structlog
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from prometheus_client import Gauge

from oms_platform.kafka import KafkaSettings, KafkaUnavailableError, ensure_topics

LOOK_S: Final = 1.0
ANSWER_S_MAX: Final = 1.0

log = structlog.get_logger()
kafka_up = Gauge("oms_api_kafka_up", "Whether the last look found Kafka")


class KafkaProbe:
    """The BrokerState on the broker's metadata."""

    def __init__(self, settings: KafkaSettings, on_recovered: Callable[[], None]) -> None:
        self._settings = settings
        self._on_recovered = on_recovered
        self._available = False
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kafka-probe", daemon=True)

    @property
    def available(self) -> bool:
        """Whether the last look found the broker."""
        return self._available

    def problem(self) -> str | None:
        """Return that Kafka is away, or None."""
        return None if self._available else "Kafka is away"

    def start(self) -> None:
        """Start to look."""
        self._thread.start()

    def stop(self) -> None:
        """Stop looking."""
        self._stopped.set()

    def _run(self) -> None:
        client = AdminClient(
            {
                "bootstrap.servers": self._settings.bootstrap,
                "log_level": 0,
                "reconnect.backoff.max.ms": 500,
                "socket.timeout.ms": int(ANSWER_S_MAX * 1000),
            }
        )
        while not self._stopped.is_set():
            self._look(client)
            self._stopped.wait(LOOK_S)

    def _look(self, client: AdminClient) -> None:
        try:
            client.list_topics(timeout=ANSWER_S_MAX)
            if not self._available:
                ensure_topics(self._settings)
                log.info("kafka_available", bootstrap=self._settings.bootstrap)
                self._available = True
                self._on_recovered()
        except (KafkaException, KafkaUnavailableError, ValueError) as error:
            if self._available:
                log.warning("kafka_unavailable", bootstrap=self._settings.bootstrap, error=str(error))
            self._available = False
        kafka_up.set(self._available)
