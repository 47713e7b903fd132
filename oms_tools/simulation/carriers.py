"""Kafka as it may go wrong: what was queued is lost, comes later, comes twice, or comes in part.

The law of this file: nothing happens here that an idempotent producer and a log cannot do. What one producer
sent to a partition keeps its order there; what others send comes in between.
"""

import random
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Final

from oms_platform.kafka.connection import KafkaUnavailableError
from oms_platform.kafka.memory import BATCH_MAX, MemoryBroker, MemorySink, MemorySource, Written
from oms_platform.kafka.ports import Batch
from oms_platform.kafka.topics import murmur2_partition
from oms_platform.wire import Topic

# How many records a poll may bring at most, drawn anew each time: alone, a few, all that is there.
_WIDTHS: Final = (1, 3, 20, BATCH_MAX, BATCH_MAX)


class SimulatedCrashError(BaseException):
    """The process ends here. No handler of a service may catch it."""


class Hazard:
    """A crash that waits for its component: at which of the next crossings of its ports it comes."""

    def __init__(self) -> None:
        self._crossings_left: int | None = None

    def arm(self, crossings: int) -> None:
        """Let the component end at the n-th crossing of a port from now."""
        self._crossings_left = crossings

    def disarm(self) -> None:
        """Let nothing happen."""
        self._crossings_left = None

    def cross(self, port: str) -> None:
        """Go through a port. Raises SimulatedCrashError at the armed crossing."""
        if self._crossings_left is None:
            return
        self._crossings_left -= 1
        if self._crossings_left <= 0:
            self._crossings_left = None
            raise SimulatedCrashError(port)


@lru_cache(maxsize=1 << 17)
def partition_of(key: str, partitions: int) -> int:
    """Return a key's partition, as the producers draw it."""
    return murmur2_partition(key.encode(), partitions)


class SimulatedBroker(MemoryBroker):
    """Topics that are watched.

    doubles: the chance that a record is appended twice. incarnation: how many brokers there were, this one
    included.
    """

    def __init__(
        self, partitions: int, draws: random.Random, watch: Callable[[Written], None], doubles: float = 0.0
    ) -> None:
        super().__init__(partitions)
        self._draws = draws
        self._watch = watch
        self.doubles = doubles
        self.doubled = 0
        self.incarnation = 1
        # What a producer that was given up had queued: it may still come, in its order.
        self.late: deque[deque[Written]] = deque()

    def append(self, record: Written) -> tuple[tuple[str, int], int]:
        """Append a record, now and then twice. Returns its place and the offset after it."""
        place = (record.topic, partition_of(record.key, self.partitions))
        log = self.logs[place]
        log.append(record)
        self._watch(record)
        if self.doubles and self._draws.random() < self.doubles:
            self.doubled += 1
            log.append(record)
        return place, len(log)

    def write(self, record: Written) -> None:
        """Append a record to the partition of its key."""
        self.append(record)

    def deliver_late(self) -> None:
        """Append a part of what an earlier producer had queued."""
        if self.late:
            queued = self.late[0]
            for _ in range(self._draws.randint(1, len(queued))):
                self.append(queued.popleft())
            if not queued:
                self.late.popleft()

    def wipe(self) -> None:
        """Lose everything, what is on its way too: the next incarnation begins."""
        super().wipe()
        self.late.clear()
        self.incarnation += 1

    @property
    def size(self) -> int:
        """How many records there are."""
        return sum(len(log) for log in self.logs.values())


class SimulatedSource(MemorySource):
    """A consumer. A poll brings a part of what is there; `assign` sets what it reads from where on."""

    def __init__(
        self,
        broker: SimulatedBroker,
        topics: Iterable[Topic],
        offsets: Mapping[tuple[str, int], int],
        draws: random.Random,
        hazard: Hazard,
        owned: Iterable[int] | None = None,
    ) -> None:
        self._topics = tuple(topics)
        super().__init__(broker, self._topics, offsets, owned)
        self._draws = draws
        self._hazard = hazard
        self.quiet = False

    def assign(self, owned: Iterable[int], offsets: Mapping[tuple[str, int], int]) -> None:
        """Read these partitions from the stored offsets on."""
        self._next = {
            (topic.value, number): offsets.get((topic.value, number), 0)
            for topic in self._topics
            for number in owned
        }

    def poll(self, *, timeout_s: float = 0, records_max: int = BATCH_MAX) -> Batch:
        """Return a part of what is there, without waiting."""
        self._hazard.cross("poll")
        if not self.waits:
            return Batch(records=[], unreadable=[], next_offsets={}, raw=[])
        width = records_max if self.quiet else self._draws.choice(_WIDTHS)
        return super().poll(records_max=width)

    @property
    def waits(self) -> bool:
        """Whether there is something to read."""
        logs = self._broker.logs
        return any(len(logs[place]) > at for place, at in self._next.items())


class SimulatedSink(MemorySink):
    """A producer of one life of a component; `abandon` ends it with the component."""

    def __init__(
        self,
        broker: SimulatedBroker,
        draws: random.Random,
        hazard: Hazard,
        counts: Counter[str],
    ) -> None:
        super().__init__(broker)
        self._broker: SimulatedBroker = broker
        self._draws = draws
        self._hazard = hazard
        self._counts = counts
        self.fails_next = False

    def poll(self) -> None:
        """Let the producer's own thread deliver a part."""
        if self._queued and self._draws.random() < 0.5:
            self._deliver(self._draws.randint(0, len(self._queued)))

    def flush(self) -> None:
        """Deliver what is queued. Raises KafkaUnavailableError after a part of it when it was told to."""
        self._hazard.cross("flush")
        if self.fails_next and self._queued:
            self.fails_next = False
            self._counts["flush"] += 1
            self._deliver(self._draws.randint(0, len(self._queued)))
            raise KafkaUnavailableError("the broker did not take everything in time")
        self._deliver(len(self._queued))
        self._hazard.cross("flushed")

    def deliver_queued(self) -> None:
        """Let the producer's own thread deliver everything."""
        self._deliver(len(self._queued))

    def abandon(self) -> None:
        """End the producer: a part of what is queued is delivered now, a part later, the rest is lost."""
        if not self._queued:
            return
        self._deliver(self._draws.randint(0, len(self._queued)))
        kept = self._draws.randint(0, len(self._queued))
        lost = len(self._queued) - kept
        if kept and self._draws.random() < 0.5:
            self._broker.late.append(deque(list(self._queued)[:kept]))
            self._counts["delay"] += kept
        else:
            lost = len(self._queued)
        self._counts["drop"] += lost
        self._queued.clear()

    def _deliver(self, count: int) -> None:
        for _ in range(count):
            place, end = self._broker.append(self._queued.popleft())
            self._next_offsets[place] = end

    @property
    def waits(self) -> bool:
        """Whether something is queued."""
        return bool(self._queued)
