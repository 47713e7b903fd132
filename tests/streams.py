"""Streams for tests of a loop: a source gives what it is fed, a sink writes down what it is given."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from oms_platform.vocabulary import Message
from oms_platform.wire import decode


@dataclass(frozen=True)
class FedRecord:
    """A record as it was fed; it is its own raw form."""

    topic: str
    message: Message
    trace: str = ""


@dataclass(frozen=True)
class FedBatch:
    """A batch as it was fed."""

    records: list[FedRecord] = field(default_factory=list)
    unreadable: list[tuple[Any, str]] = field(default_factory=list)
    next_offsets: Mapping[tuple[str, int], int] = field(default_factory=dict)

    @property
    def raw(self) -> list[FedRecord]:
        return self.records


class FedSource:
    """Gives one batch a poll, with offsets that count the records of its one partition."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._batches: list[FedBatch] = []
        self.offset = 0

    def batch(self, *messages: Message, unreadable: int = 0) -> FedBatch:
        """Make the next batch."""
        self.offset += len(messages) + unreadable
        return FedBatch(
            records=[FedRecord(self._topic, message) for message in messages],
            unreadable=[("raw", "unreadable")] * unreadable,
            next_offsets={(self._topic, 0): self.offset},
        )

    def feed(self, *messages: Message, unreadable: int = 0) -> None:
        """Have the next poll give these."""
        self._batches.append(self.batch(*messages, unreadable=unreadable))

    def poll(self, *, timeout_s: float) -> FedBatch:
        """Return the next batch."""
        return self._batches.pop(0) if self._batches else FedBatch()


class NotedSink:
    """Writes down what is sent; `flushes` holds how many messages there were at each flush."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, Message]] = []
        self.dead: list[tuple[Any, str]] = []
        self.flushes: list[int] = []

    def send(self, topic: str, key: str, message: Message, *, event_id: UUID, trace: str = "") -> None:
        self.sent.append((topic, key, message))

    def send_encoded(
        self, topic: str, key: str, type_name: str, payload: bytes, *, event_id: UUID, trace: str = ""
    ) -> None:
        self.sent.append((topic, key, decode(type_name, payload)))

    def send_dead_letter(self, record: Any, reason: str) -> None:
        self.dead.append((record, reason))

    def poll(self) -> None: ...

    def flush(self) -> None:
        self.flushes.append(len(self.sent))

    def next_offsets(self, topic: str) -> Mapping[int, int]:
        count = sum(1 for name, _, _ in self.sent[: self.flushes[-1] if self.flushes else 0] if name == topic)
        return {0: count} if count else {}

    def of(self, topic: str) -> list[Message]:
        """Return the messages of one topic."""
        return [message for name, _, message in self.sent if name == topic]
