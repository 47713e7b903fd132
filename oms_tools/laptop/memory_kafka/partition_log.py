"""One partition: record batches as they came, under the offsets that this broker gave them.

A batch is not decoded: its header says how many records it has and who sent it, and only its first offset,
which its checksum leaves out, is written (Kafka's message format 2).
"""

import struct
from bisect import bisect_right
from collections import OrderedDict, deque
from typing import Final, NamedTuple, Protocol

# What a partition keeps at most, unless it is told otherwise.
BYTES_MAX: Final = 64 * 1024 * 1024
PRODUCERS_MAX: Final = 1_000
# As many batches of one producer can be on their way (max.in.flight of an idempotent one).
BATCHES_REMEMBERED: Final = 5
_SEQUENCES: Final = 2**31
_HEAD: Final = struct.Struct(">qiibIhiqqqhii")
_MAGIC: Final = 2
_LENGTH_AT: Final = 12


class OutOfOrderError(ValueError):
    """A producer's batch does not follow on its last one."""


class MalformedBatchError(ValueError):
    """What came is no record batch of format 2."""


class Waiter(Protocol):
    """Who is told when something comes."""

    def end(self) -> None:
        """Something has come."""


class _Sent(NamedTuple):
    """A batch of a producer that was taken: its first sequence number and the offset that it got."""

    sequence: int
    offset: int


class PartitionLog:
    """The batches of one partition, the oldest of which give way when they are too many bytes."""

    def __init__(self, bytes_max: int = BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._offsets: deque[int] = deque()
        self._batches: deque[bytes] = deque()
        self._bytes = 0
        self.start = self.end = 0
        # Fetches that wait for the next record.
        self.waiting: set[Waiter] = set()
        # By producer: its epoch, the sequence number that is next, and its last batches.
        self._producers: OrderedDict[int, tuple[int, int, deque[_Sent]]] = OrderedDict()

    def append(self, records: bytes) -> int:
        """Keep batches. Returns the offset of the first record; that of before if they came already.

        Raises MalformedBatchError or OutOfOrderError.
        """
        offset = self.end
        first = None
        at = 0
        while at < len(records):
            batch, at = _split(records, at)
            taken = self._append_one(batch)
            first = taken if first is None else first
        return offset if first is None else first

    def _append_one(self, batch: bytes) -> int:
        head = _HEAD.unpack_from(batch)
        count, producer, epoch, sequence = head[6] + 1, head[9], head[10], head[11]
        if producer >= 0 and (known := self._known(producer, epoch, sequence, count)) is not None:
            return known
        offset = self.end
        self._offsets.append(offset)
        self._batches.append(offset.to_bytes(8, "big") + batch[8:])
        self.end += count
        self._bytes += len(batch)
        while self._bytes > self._bytes_max and len(self._batches) > 1:
            self._offsets.popleft()
            self._bytes -= len(self._batches.popleft())
            self.start = self._offsets[0]
        return offset

    def _known(self, producer: int, epoch: int, sequence: int, count: int) -> int | None:
        """Return the offset of a batch that came before; else note that it came."""
        was_epoch, following, sent = self._producers.get(producer, (-1, sequence, deque()))
        if epoch != was_epoch:
            following, sent = sequence, deque(maxlen=BATCHES_REMEMBERED)
        for one in sent:
            if one.sequence == sequence:
                return one.offset
        if sequence != following:
            raise OutOfOrderError(f"producer {producer}: sequence {sequence} came for {following}")
        sent.append(_Sent(sequence, self.end))
        self._producers[producer] = (epoch, (sequence + count) % _SEQUENCES, sent)
        self._producers.move_to_end(producer)
        if len(self._producers) > PRODUCERS_MAX:
            self._producers.popitem(last=False)
        return None

    def read(self, offset: int, bytes_max: int) -> bytes:
        """Return the batches from the one on that has `offset`: so many bytes, one batch at least."""
        if offset >= self.end:
            return b""
        place = bisect_right(self._offsets, offset) - 1
        found: list[bytes] = []
        size = 0
        while place < len(self._batches) and (not found or size + len(self._batches[place]) <= bytes_max):
            found.append(self._batches[place])
            size += len(found[-1])
            place += 1
        return b"".join(found)


def _split(records: bytes, at: int) -> tuple[bytes, int]:
    """Return the batch that begins here, and where the next one does."""
    if len(records) - at < _HEAD.size:
        raise MalformedBatchError(f"{len(records) - at} bytes are no record batch")
    head = _HEAD.unpack_from(records, at)
    end = at + _LENGTH_AT + head[1]
    if head[3] != _MAGIC or end > len(records) or end - at < _HEAD.size:
        raise MalformedBatchError(f"format {head[3]}, {head[1]} bytes")
    return records[at:end], end
