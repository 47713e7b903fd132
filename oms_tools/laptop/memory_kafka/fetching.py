"""Fetches: answered at once, or when something comes."""

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple

from oms_tools.laptop.memory_kafka import wire
from oms_tools.laptop.memory_kafka.partition_log import PartitionLog
from oms_tools.laptop.memory_kafka.wire import Reader

Write = Callable[[bytes], None]
_NO_ERROR: Final = wire.int16(0)
_OFFSET_OUT_OF_RANGE: Final = wire.int16(1)
_UNKNOWN_PARTITION: Final = wire.int16(3)
_NO_TRANSACTIONS: Final = wire.int32(-1)


class _Place(NamedTuple):
    """A partition in a fetch: from where on, and how much at most."""

    partition: int
    log: PartitionLog | None
    offset: int
    bytes_max: int


class Fetch:
    """One Fetch request (version 4). `logs` finds a partition."""

    def __init__(self, request: Reader, log_of: Callable[[str, int], PartitionLog | None]) -> None:
        request.int32()
        self._wait_s = request.int32() / 1000
        request.int32()
        self._bytes_max = request.int32()
        request.int8()

        def topic() -> tuple[str, list[_Place]]:
            name = request.string()
            return name, request.array(lambda: place(name))

        def place(name: str) -> _Place:
            number = request.int32()
            return _Place(number, log_of(name, number), request.int64(), request.int32())

        self._topics = request.array(topic)
        self._logs = [one.log for _, places in self._topics for one in places if one.log is not None]
        self._timer: asyncio.TimerHandle | None = None
        self._write: Write | None = None

    @property
    def is_due(self) -> bool:
        """Whether there is something to say now."""
        return self._wait_s <= 0 or any(
            place.log is None or not place.log.start <= place.offset or place.log.end != place.offset
            for _, places in self._topics
            for place in places
        )

    def wait(self, write: Write) -> None:
        """Give the answer to `write` when a record comes, or the time is over."""
        self._write = write
        for log in self._logs:
            log.waiting.add(self)
        self._timer = asyncio.get_running_loop().call_later(self._wait_s, self.end)

    def end(self) -> None:
        """Answer now."""
        write = self._write
        if write is not None:
            self.drop()
            write(self.answer())

    def drop(self) -> None:
        """Nobody waits for the answer any more."""
        self._write = None
        if self._timer is not None:
            self._timer.cancel()
        for log in self._logs:
            log.waiting.discard(self)

    def answer(self) -> bytes:
        """Return the response."""
        left = self._bytes_max
        topics: list[bytes] = []
        for name, places in self._topics:
            partitions: list[bytes] = []
            for place in places:
                content, left = self._content(place, left)
                partitions.append(content)
            topics.append(wire.string(name) + wire.array(partitions))
        return wire.int32(0) + wire.array(topics)

    @staticmethod
    def _content(place: _Place, left: int) -> tuple[bytes, int]:
        error, end, records = _NO_ERROR, 0, b""
        if place.log is None:
            error = _UNKNOWN_PARTITION
        else:
            end = place.log.end
            if not place.log.start <= place.offset <= end:
                error = _OFFSET_OUT_OF_RANGE
            elif left > 0:
                records = place.log.read(place.offset, min(place.bytes_max, left))
        head = wire.int32(place.partition) + error + wire.int64(end) * 2
        return head + _NO_TRANSACTIONS + wire.data(records), left - len(records)
