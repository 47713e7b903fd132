"""Kafka in this process: topics as lists, for tests of loops and for the simulation.

What matters of the real one is kept: keys decide partitions, a partition keeps its order, what was queued and
not flushed may be lost with the process, and records travel as bytes.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from oms_platform.kafka.ports import Batch, Record
from oms_platform.kafka.topics import dead_letter_topic, murmur2_partition
from oms_platform.vocabulary import Message
from oms_platform.wire import TOPIC_MESSAGES, Topic, UnreadableMessageError, decode, encode

BATCH_MAX = 500
_CARRIED = {topic.value: messages for topic, messages in TOPIC_MESSAGES.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One record as it is kept. reason: of a dead letter."""

    topic: str
    key: str
    type_name: str
    payload: bytes
    event_id: UUID | None
    trace: str = ""
    reason: str = ""


class MemoryBroker:
    """Topics and their partitions. `partitions` is the same for every topic."""

    def __init__(self, partitions: int = 1) -> None:
        self.partitions = partitions
        self.logs: defaultdict[tuple[str, int], list[Written]] = defaultdict(list)

    def write(self, record: Written) -> None:
        """Append a record to the partition of its key."""
        place = (record.topic, murmur2_partition(record.key.encode(), self.partitions))
        self.logs[place].append(record)

    def ends(self, topic: Topic) -> dict[int, int]:
        """Return the next offset that each partition will give."""
        return {number: len(self.logs[topic.value, number]) for number in range(self.partitions)}

    def records(self, topic: Topic) -> list[Written]:
        """Return all records of a topic."""
        return [record for number in range(self.partitions) for record in self.logs[topic.value, number]]

    def dead_letters(self) -> list[Written]:
        """Return every dead letter."""
        return [r for (name, _), log in self.logs.items() if name.endswith(".dlq") for r in log]

    def wipe(self) -> None:
        """Lose everything, as a broker does whose disk is gone."""
        self.logs.clear()


class MemorySource:
    """RecordSource on a MemoryBroker. offsets: where it begins, by (topic, partition)."""

    def __init__(
        self,
        broker: MemoryBroker,
        topics: Iterable[Topic],
        offsets: Mapping[tuple[str, int], int],
        owned: Iterable[int] | None = None,
    ) -> None:
        self._broker = broker
        numbers = range(broker.partitions) if owned is None else list(owned)
        self._next = {
            (topic.value, number): offsets.get((topic.value, number), 0)
            for topic in topics
            for number in numbers
        }

    def poll(self, *, timeout_s: float = 0, records_max: int = BATCH_MAX) -> Batch:
        """Return what is there, without waiting."""
        batch = Batch(records=[], unreadable=[], next_offsets={}, raw=[])
        for (topic, number), at in self._next.items():
            for offset, written in enumerate(
                self._broker.logs[topic, number][at : at + records_max], start=at
            ):
                self._add(batch, topic, number, offset, written)
        self._next.update(batch.next_offsets)
        return batch

    @staticmethod
    def _add(batch: Batch, topic: str, number: int, offset: int, written: Written) -> None:
        batch.next_offsets[topic, number] = offset + 1
        try:
            message = decode(written.type_name, written.payload)
            if type(message) not in _CARRIED[topic]:
                raise UnreadableMessageError(f"{topic} carries no {written.type_name}")
        except UnreadableMessageError as error:
            batch.unreadable.append((written, str(error)))
            return
        batch.records.append(
            Record(
                topic=topic,
                partition=number,
                offset=offset,
                message=message,
                trace=written.trace,
                payload=written.payload,
            )
        )
        batch.raw.append(written)

    def lag(self) -> dict[tuple[str, int], int]:
        """Return how many records of each owned place are not read."""
        return {place: len(self._broker.logs[place]) - at for place, at in self._next.items()}

    def topic_ends(self, topic: Topic) -> dict[int, int]:
        """Return the next offset that each partition of a topic will give."""
        return self._broker.ends(topic)

    def reached(self, topic: Topic) -> dict[int, int]:
        """Return the next offset of each owned partition of a topic."""
        return {number: at for (name, number), at in self._next.items() if name == topic.value}


class MemorySink:
    """RecordSink on a MemoryBroker. on_flush: may raise, or change what is delivered."""

    def __init__(
        self,
        broker: MemoryBroker,
        on_flush: Callable[[list[Written]], list[Written]] = lambda queued: queued,
    ) -> None:
        self._broker = broker
        self._on_flush = on_flush
        self._queued: deque[Written] = deque()
        self._next_offsets: dict[tuple[str, int], int] = {}

    def send(self, topic: str, key: str, message: Message, *, event_id: UUID, trace: str = "") -> None:
        """Queue one message."""
        self.send_encoded(topic, key, type(message).__name__, encode(message), event_id=event_id, trace=trace)

    def send_encoded(
        self, topic: str, key: str, type_name: str, payload: bytes, *, event_id: UUID, trace: str = ""
    ) -> None:
        """Queue one message that is encoded already."""
        self._queued.append(
            Written(
                topic=topic, key=key, type_name=type_name, payload=payload, event_id=event_id, trace=trace
            )
        )

    def send_dead_letter(self, record: Written, reason: str) -> None:
        """Queue what came to its dead-letter topic."""
        self._queued.append(
            Written(
                topic=dead_letter_topic(record.topic),
                key=record.key,
                type_name=record.type_name,
                payload=record.payload,
                event_id=record.event_id,
                reason=reason,
            )
        )

    def poll(self) -> None:
        """Do nothing: nothing is delivered before `flush`."""

    def flush(self) -> None:
        """Deliver what is queued."""
        queued, self._queued = list(self._queued), deque()
        for record in self._on_flush(queued):
            self._broker.write(record)
            number = murmur2_partition(record.key.encode(), self._broker.partitions)
            self._next_offsets[record.topic, number] = len(self._broker.logs[record.topic, number])

    def next_offsets(self, topic: str) -> dict[int, int]:
        """Return, by partition, the offset after the last record of `topic` that was delivered from here."""
        return {number: offset for (name, number), offset in self._next_offsets.items() if name == topic}
