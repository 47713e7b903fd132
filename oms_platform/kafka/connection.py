"""What goes wrong between a client and the broker."""

from typing import Final

from confluent_kafka import KafkaError

from oms_platform.certificates import explain, kafka_address
from oms_platform.errors import OperationalError
from oms_platform.kafka.settings import KafkaSettings

CONNECT_TIMEOUT_S: Final = 10.0


class KafkaUnavailableError(OperationalError):
    """The broker cannot be reached, or did not take a record in time."""

    dependency = "kafka"


class KafkaDataLostError(OperationalError):
    """The broker is not the incarnation that was started with; the start-up path drives live orders on."""

    dependency = "kafka"


class ConnectionErrors:
    """Keeps a client's last error of its connection: a request that timed out does not tell why."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._text = ""

    def __call__(self, error: KafkaError) -> None:
        """Note an error; that all brokers are down is what is known already."""
        if error.code() != KafkaError._ALL_BROKERS_DOWN:
            self._text = error.str()

    def explained(self, error: object) -> str:
        """Return an error with the reason behind it."""
        text = explain(self._text, *kafka_address(self._settings.bootstrap), self._settings.ca)
        return f"{error} ({text})" if text else str(error)
