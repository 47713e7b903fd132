"""What a loop needs of the streams that it reads and writes: Kafka has it, and so has a simulation.

The law of this file: no carrier's types. A raw record is opaque: it is only handed back, as a dead letter.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from oms_platform.vocabulary import Message

# (topic, partition) to the offset after what was read or written there.
Offsets = Mapping[tuple[str, int], int]


class ReadRecord(Protocol):
    """One decoded record, with its order's trace."""

    @property
    def message(self) -> Message: ...
    @property
    def trace(self) -> str: ...


class ReadBatch(Protocol):
    """Decoded records in the order of their partitions, the unreadable ones, the offsets after them all.

    raw: the records as they came, in the order of `records`. unreadable: such a record, and why.
    """

    @property
    def records(self) -> Sequence[ReadRecord]: ...
    @property
    def raw(self) -> Sequence[Any]: ...
    @property
    def unreadable(self) -> Sequence[tuple[Any, str]]: ...
    @property
    def next_offsets(self) -> Offsets: ...


class BatchSource(Protocol):
    """A topic being read."""

    def poll(self, *, timeout_s: float) -> ReadBatch:
        """Wait up to `timeout_s` for a first record, then take what is there."""


class Sink(Protocol):
    """Topics being written. What is sent is there only after `flush`."""

    def send(self, topic: str, key: str, message: Message, *, event_id: UUID, trace: str = "") -> None:
        """Queue a message, in order."""

    def send_encoded(
        self, topic: str, key: str, type_name: str, payload: bytes, *, event_id: UUID, trace: str = ""
    ) -> None:
        """Queue a message that is encoded already, in order."""

    def send_dead_letter(self, record: Any, reason: str) -> None:
        """Queue a record's bytes to its dead-letter topic, with the reason."""

    def poll(self) -> None:
        """Serve delivery reports without waiting."""

    def flush(self) -> None:
        """Wait until everything queued is there. Raises OperationalError when it is not."""

    def next_offsets(self, topic: str) -> Mapping[int, int]:
        """Return, by partition, the offset after the last record of `topic` that is there."""
