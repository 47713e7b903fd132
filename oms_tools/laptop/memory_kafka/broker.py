"""What the broker answers: topics and partitions, records in and out, and the groups of consumers.

One version of each request is spoken, without tagged fields; librdkafka knows them all.
"""

import itertools
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from oms_tools.laptop.memory_kafka import wire
from oms_tools.laptop.memory_kafka.fetching import Fetch
from oms_tools.laptop.memory_kafka.groups import Groups, Joining, Syncing
from oms_tools.laptop.memory_kafka.partition_log import (
    BYTES_MAX,
    MalformedBatchError,
    OutOfOrderError,
    PartitionLog,
)
from oms_tools.laptop.memory_kafka.wire import Reader

NODE: Final = 1
# How a cluster of this broker's names itself.
CLUSTER_PREFIX: Final = "memory-"
_UNKNOWN_PARTITION: Final = 3
_CORRUPT_MESSAGE: Final = 2
_OUT_OF_ORDER: Final = 45
_UNSUPPORTED_VERSION: Final = 35
_TOPIC_EXISTS: Final = 36
_EARLIEST: Final = -2
_NO_OFFSET: Final = -1
_API_VERSIONS: Final = 18
_API_VERSIONS_MAX: Final = 3

# A request that is not answered at once.
Pending = Fetch | Joining | Syncing
Answer = bytes | Pending | None


class Broker:
    """Topics with `partitions` partitions each, made by name or when a producer asks for them.

    address: where clients find it. bytes_max: what a partition keeps.
    """

    def __init__(
        self, address: tuple[str, int], names: Iterable[str], partitions: int, bytes_max: int = BYTES_MAX
    ) -> None:
        self._address, self._partitions, self._bytes_max = address, partitions, bytes_max
        self._cluster = f"{CLUSTER_PREFIX}{uuid.uuid4()}"
        self._topics: dict[str, list[PartitionLog]] = {}
        self._producers = itertools.count(1)
        self._groups = Groups()
        for name in names:
            self._make(name, partitions)
        # By API key: the version that is spoken, and who answers.
        self._answers: Mapping[int, tuple[int, Callable[[Reader], Answer]]] = {
            0: (3, self._produce),
            1: (4, self._fetch),
            2: (1, self._list_offsets),
            3: (4, self._metadata),
            8: (2, self._groups.commit),
            9: (1, self._groups.committed),
            10: (1, self._find_coordinator),
            11: (2, self._groups.join),
            12: (1, self._groups.heartbeat),
            13: (1, self._groups.leave),
            14: (1, self._groups.sync),
            19: (4, self._create_topics),
            22: (0, self._init_producer),
        }

    def answer(self, api: int, version: int, request: Reader) -> Answer:
        """Return a response, or what will give one. Raises ValueError for what this broker does not speak."""
        if api == _API_VERSIONS:
            return self._api_versions(version)
        spoken, answer = self._answers.get(api, (-1, None))
        if answer is None or version != spoken:
            raise ValueError(f"API {api} in version {version} is not spoken here")
        return answer(request)

    def _make(self, name: str, partitions: int) -> list[PartitionLog]:
        return self._topics.setdefault(name, [PartitionLog(self._bytes_max) for _ in range(partitions)])

    def _log(self, name: str, partition: int) -> PartitionLog | None:
        logs = self._topics.get(name, ())
        return logs[partition] if 0 <= partition < len(logs) else None

    def _api_versions(self, version: int) -> bytes:
        keys = [(key, spoken, spoken) for key, (spoken, _) in self._answers.items()]
        keys.append((_API_VERSIONS, 0, _API_VERSIONS_MAX))
        written = [wire.int16(key) + wire.int16(low) + wire.int16(high) for key, low, high in keys]
        if version > _API_VERSIONS_MAX:
            # Told in version 0, so that the client asks again.
            return wire.int16(_UNSUPPORTED_VERSION) + wire.array(written)
        if version < _API_VERSIONS_MAX:
            return wire.int16(0) + wire.array(written) + (wire.int32(0) if version else b"")
        compact = bytes([len(written) + 1]) + b"".join(one + b"\0" for one in written)
        return wire.int16(0) + compact + wire.int32(0) + b"\0"

    def _metadata(self, request: Reader) -> bytes:
        count = request.int32()
        names = list(self._topics) if count < 0 else [request.string() for _ in range(count)]
        may_make = bool(request.int8())
        host, port = self._address
        node = wire.int32(NODE) + wire.string(host) + wire.int32(port) + wire.NULL_STRING
        return (
            wire.int32(0)
            + wire.array([node])
            + wire.string(self._cluster)
            + wire.int32(NODE)
            + wire.array([self._topic(name, may_make=may_make) for name in names])
        )

    def _topic(self, name: str, *, may_make: bool) -> bytes:
        logs = self._topics.get(name)
        if logs is None and may_make and name:
            logs = self._make(name, self._partitions)
        error = _UNKNOWN_PARTITION if logs is None else 0
        own = wire.array([wire.int32(NODE)])
        partitions = [
            wire.int16(0) + wire.int32(number) + wire.int32(NODE) + own + own
            for number in range(len(logs or ()))
        ]
        return wire.int16(error) + wire.string(name) + b"\0" + wire.array(partitions)

    def _create_topics(self, request: Reader) -> bytes:
        def topic() -> bytes:
            name, partitions = request.string(), request.int32()
            request.int16()
            request.array(lambda: (request.int32(), request.array(request.int32)))
            request.array(lambda: (request.string(), request.string()))
            error = _TOPIC_EXISTS if name in self._topics else 0
            self._make(name, partitions if partitions > 0 else self._partitions)
            return wire.string(name) + wire.int16(error) + wire.NULL_STRING

        return wire.int32(0) + wire.array(request.array(topic))

    def _produce(self, request: Reader) -> bytes | None:
        request.string()
        acks = request.int16()
        request.int32()

        def topic() -> bytes:
            name = request.string()
            return wire.string(name) + wire.array(request.array(lambda: self._append(name, request)))

        topics = request.array(topic)
        return wire.array(topics) + wire.int32(0) if acks else None

    def _append(self, name: str, request: Reader) -> bytes:
        partition, records = request.int32(), request.data()
        log = self._log(name, partition)
        error, offset = 0, _NO_OFFSET
        if log is None:
            error = _UNKNOWN_PARTITION
        else:
            try:
                offset = log.append(records)
            except MalformedBatchError:
                error = _CORRUPT_MESSAGE
            except OutOfOrderError:
                error = _OUT_OF_ORDER
            else:
                for fetch in list(log.waiting):
                    fetch.end()
        return wire.int32(partition) + wire.int16(error) + wire.int64(offset) + wire.int64(_NO_OFFSET)

    def _fetch(self, request: Reader) -> bytes | Fetch:
        fetch = Fetch(request, self._log)
        return fetch.answer() if fetch.is_due else fetch

    def _list_offsets(self, request: Reader) -> bytes:
        request.int32()

        def topic() -> bytes:
            name = request.string()
            return wire.string(name) + wire.array(request.array(lambda: partition(name)))

        def partition(name: str) -> bytes:
            number, at = request.int32(), request.int64()
            log = self._log(name, number)
            error = _UNKNOWN_PARTITION if log is None else 0
            offset = _NO_OFFSET if log is None else log.start if at == _EARLIEST else log.end
            return wire.int32(number) + wire.int16(error) + wire.int64(_NO_OFFSET) + wire.int64(offset)

        return wire.array(request.array(topic))

    def _find_coordinator(self, _request: Reader) -> bytes:
        host, port = self._address
        node = wire.int32(NODE) + wire.string(host) + wire.int32(port)
        return wire.int32(0) + wire.int16(0) + wire.NULL_STRING + node

    def _init_producer(self, _request: Reader) -> bytes:
        return wire.int32(0) + wire.int16(0) + wire.int64(next(self._producers)) + wire.int16(0)
