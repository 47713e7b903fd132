"""What a service's loop needs of Kafka: records in, records out. Loops know these shapes and no client."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from oms_platform.vocabulary import Message
from oms_platform.wire import Topic


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One decoded record with its place, and its order's trace (oms_platform.telemetry.tracing).

    payload: the message as it came.
    """

    topic: str
    partition: int
    offset: int
    message: Message
    trace: str
    payload: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Decoded records in the order of their partitions, the unreadable ones, the offsets after them all.

    raw: what came, record by record; only a RecordSink knows what it is.
    """

    records: list[Record]
    unreadable: list[tuple[Any, str]]
    next_offsets: dict[tuple[str, int], int]
    raw: list[Any]


class RecordSource(Protocol):
    """Reads topics from offsets that the caller keeps."""

    def poll(self, *, timeout_s: float) -> Batch:
        """Wait for a first record, gather what comes with it, and return it. Raises KafkaDataLostError."""

    def lag(self) -> Mapping[tuple[str, int], int]:
        """Return, by (topic, partition), how many records are behind the last one read."""


class RecordSink(Protocol):
    """Publishes. What was queued is with the broker when `flush` returns."""

    def send(self, topic: str, key: str, message: Message, *, event_id: UUID, trace: str = "") -> None:
        """Queue one message. Raises KafkaUnavailableError when the queue is full."""

    def send_encoded(
        self, topic: str, key: str, type_name: str, payload: bytes, *, event_id: UUID, trace: str = ""
    ) -> None:
        """Queue one message that is encoded already."""

    def send_dead_letter(self, record: Any, reason: str) -> None:
        """Queue what came, as it came, to its dead-letter topic, with the reason."""

    def poll(self) -> None:
        """Serve delivery reports without waiting."""

    def flush(self) -> None:
        """Wait until the broker has everything queued. Raises KafkaUnavailableError if it has not."""

    def next_offsets(self, topic: str) -> Mapping[int, int]:
        """Return, by partition, the offset after the last record of `topic` that was delivered from here."""


class TopicEnds(Protocol):
    """Knows how far topics reach."""

    def topic_ends(self, topic: Topic) -> Mapping[int, int]:
        """Return the next offset that each partition of a topic will give."""
