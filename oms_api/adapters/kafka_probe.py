"""Looks once a second whether Kafka answers, in a thread of its own, so that no request waits to find out."""

import threading
from collections.abc import Callable
from typing import Final

import structlog
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from prometheus_client import Gauge

from oms_platform.kafka.connection import ConnectionErrors, KafkaUnavailableError
from oms_platform.kafka.settings import KafkaSettings, client_config
from oms_platform.kafka.topics import WrongTopicsError, ensure_topics

LOOK_S: Final = 1.0
ANSWER_S_MAX: Final = 1.0

log = structlog.get_logger()
kafka_up = Gauge("oms_api_kafka_up", "Whether the last look found Kafka")


class KafkaProbe:
    """The BrokerState on the broker's metadata.

    on_wrong: called, from the probe's thread, when topics have another number of partitions than ours.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        on_recovered: Callable[[], None],
        on_wrong: Callable[[WrongTopicsError], None],
    ) -> None:
        self._settings = settings
        self._on_recovered = on_recovered
        self._on_wrong = on_wrong
        self._reason = "not looked at yet"
        self._errors = ConnectionErrors(settings)
        self._available = False
        self._found = False
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kafka-probe", daemon=True)

    @property
    def available(self) -> bool:
        """Whether the last look found the broker."""
        return self._available

    def problem(self) -> str | None:
        """Return that Kafka was never found and why, or None.

        One that goes away later is no reason to be sent nothing: cancels are taken, and queries answered.
        """
        return None if self._found else f"Kafka is away: {self._reason}"

    def start(self) -> None:
        """Start to look."""
        self._thread.start()

    def stop(self) -> None:
        """Stop looking."""
        self._stopped.set()

    def _run(self) -> None:
        client = AdminClient(
            client_config(self._settings)
            | {
                "error_cb": self._errors,
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
                self._available = self._found = True
                self._on_recovered()
        except WrongTopicsError as error:
            self._available, self._reason = False, str(error)
            self._on_wrong(error)
        except (KafkaException, KafkaUnavailableError) as error:
            client.poll(0)
            reason = self._errors.explained(error)
            if self._available or reason != self._reason:
                log.warning("kafka_unavailable", bootstrap=self._settings.bootstrap, error=reason)
            self._available, self._reason = False, reason
        kafka_up.set(self._available)
