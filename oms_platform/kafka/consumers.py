"""Batches of decoded records in: from offsets that the caller keeps, or from a topic's end on."""

import contextlib
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as KafkaMessage

from oms_platform.kafka.connection import CONNECT_TIMEOUT_S, KafkaDataLostError, KafkaUnavailableError
from oms_platform.kafka.ports import Batch, Record
from oms_platform.kafka.settings import KafkaSettings, client_config
from oms_platform.kafka.topics import INCARNATION_TOPIC, begin_incarnation, read_incarnation
from oms_platform.telemetry import metrics
from oms_platform.telemetry.order_trace import trace_of_headers
from oms_platform.wire import TOPIC_MESSAGES, Topic, UnreadableMessageError, decode

SESSION_TIMEOUT_MS: Final = 10_000
# A member learns by a heartbeat's answer that the group is shared anew. Until the last one has, nobody reads
# the partitions of a member that has left; librdkafka's own 3 s are long for orders.
HEARTBEAT_MS: Final = 1_000
INCARNATION_CHECK_S: Final = 5.0
LAG_LOOK_S: Final = 2.0
INCARNATION_TIMEOUT_S: Final = 1.0
BATCH_MAX: Final = 500
IDLE_POLL_S: Final = 0.2
# A batch is gathered for so long after its first record; see Gather.
GATHER_MIN_S: Final = 0.001
GATHER_MAX_S: Final = 0.015
GATHER_FULL_RATE: Final = 400.0
GATHER_MEMORY_S: Final = 0.25
# What the first edition published: what is still owed of it follows from Postgres.
_FIRST_EDITION: Final = b"1"
_CARRIED: Final = {topic.value: messages for topic, messages in TOPIC_MESSAGES.items()}

log = structlog.get_logger()

OffsetLoader = Callable[[str, list[tuple[str, int]]], Mapping[tuple[str, int], int]]


class Gather:
    """How long a batch is gathered after its first record: more the more there is to do.

    A lone record waits GATHER_MIN_S; from GATHER_FULL_RATE records a second on it is GATHER_MAX_S, so that a
    loaded stage pays for a transaction and a flush once for many.
    """

    def __init__(self) -> None:
        self._rate = 0.0
        self._at = 0.0

    def note(self, count: int, now_s: float) -> None:
        """Count a batch of so many records that ended now."""
        elapsed_s = max(now_s - self._at, 0.001)
        weight = min(1.0, elapsed_s / GATHER_MEMORY_S)
        self._rate += (count / elapsed_s - self._rate) * weight
        self._at = now_s

    @property
    def wait_s(self) -> float:
        """How long the next batch is gathered."""
        share = min(1.0, self._rate / GATHER_FULL_RATE)
        return GATHER_MIN_S + (GATHER_MAX_S - GATHER_MIN_S) * share


def take(consumer: Consumer, records_max: int, timeout_s: float, gather_s: float) -> list[KafkaMessage]:
    """Wait up to `timeout_s` for a first record, then up to `gather_s` for `records_max` in all."""
    first = consumer.poll(timeout_s)
    return [] if first is None else [first, *consumer.consume(records_max - 1, gather_s)]


def decode_records(taken: Iterable[KafkaMessage], on_error: Callable[[KafkaError], None]) -> Batch:
    """Decode what was taken; an error that stands in for a record goes to `on_error`."""
    records: list[Record] = []
    unreadable: list[tuple[KafkaMessage, str]] = []
    next_offsets: dict[tuple[str, int], int] = {}
    raw: list[KafkaMessage] = []
    for item in taken:
        error = item.error()
        if error is not None:
            on_error(error)
            continue
        topic, partition, offset = item.topic() or "", item.partition() or 0, item.offset() or 0
        next_offsets[topic, partition] = offset + 1
        headers = dict(item.headers() or [])
        if headers.get("v") == _FIRST_EDITION:
            metrics.kafka_passed_over_total.labels(topic).inc()
            continue
        payload = item.value() or b""
        try:
            message = decode((headers.get("type") or b"").decode(errors="replace"), payload)
        except UnreadableMessageError as failure:
            unreadable.append((item, str(failure)))
            continue
        if type(message) not in _CARRIED[topic]:
            unreadable.append((item, f"{topic} carries no {type(message).__name__}"))
            continue
        trace = trace_of_headers(headers)
        records.append(
            Record(
                topic=topic,
                partition=partition,
                offset=offset,
                message=message,
                trace=trace,
                payload=payload,
            )
        )
        raw.append(item)
    return Batch(records=records, unreadable=unreadable, next_offsets=next_offsets, raw=raw)


class _ReadMeter:
    """What one consumer measures: batch sizes, transit, and how far it is behind. Costs one look a batch."""

    def __init__(self, group: str) -> None:
        self._group = group
        self._next: dict[tuple[str, int], int] = {}
        self._next_look = 0.0
        self._batches = metrics.kafka_batch_records.labels(group)

    def begin_at(self, offsets: dict[tuple[str, int], int]) -> None:
        """Take over an assignment: the offsets that will be read next, below 0 for the oldest kept."""
        self.forget()
        self._next = offsets

    def note(self, taken: list[KafkaMessage], next_offsets: Mapping[tuple[str, int], int]) -> None:
        """Count a batch; the transit is its oldest record's of each topic."""
        if not next_offsets:
            return
        self._next.update(next_offsets)
        self._batches.observe(len(taken))
        oldest: dict[str, int] = {}
        for item in taken:
            topic = item.topic() or ""
            if topic not in oldest and item.error() is None:
                oldest[topic] = item.timestamp()[1]
        for topic, produced_ms in oldest.items():
            series = metrics.kafka_transit_seconds.labels(self._group, topic)
            series.observe(time.time() - produced_ms / 1000)

    def lag(self, consumer: Consumer) -> dict[tuple[str, int], int]:
        """Return the records not read yet, by what the broker said last; no request is made."""
        behind = {}
        for (topic, partition), at in self._next.items():
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), cached=True)
            behind[topic, partition] = max(0, high - (at if at >= 0 else max(0, low)))
        return behind

    def reached(self, topic: str) -> dict[int, int]:
        """Return the next offset of each partition of a topic."""
        return {partition: max(0, at) for (name, partition), at in self._next.items() if name == topic}

    def look(self, consumer: Consumer) -> None:
        """Set the gauges, every LAG_LOOK_S."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + LAG_LOOK_S
        for (topic, partition), behind in self.lag(consumer).items():
            metrics.kafka_lag_records.labels(self._group, topic, str(partition)).set(behind)

    def forget(self) -> None:
        """Take what is owned no more out of the metrics: another instance tells it from now on."""
        for topic, partition in self._next:
            with contextlib.suppress(KeyError):
                metrics.kafka_lag_records.remove(self._group, topic, str(partition))
        self._next = {}


class BatchConsumer:
    """Reads topics from offsets that the caller keeps.

    `load_offsets(incarnation, places)` gives the next offset of each (topic, partition) that has one; the
    others start at 0. `on_assigned(partitions)` is called, before the first record, with the partition
    numbers that are now owned; `on_revoked()` when they are owned no more, before another member has them.
    vital: what this consumer does not get to read, nobody else makes good, so a broker that has dropped it is
    a new incarnation; another consumer goes on with the oldest that there is.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        *,
        group: str,
        topics: Iterable[Topic],
        incarnation: str,
        load_offsets: OffsetLoader,
        on_assigned: Callable[[set[int]], None] | None = None,
        on_revoked: Callable[[], None] | None = None,
        vital: bool = True,
    ) -> None:
        self._settings = settings
        self._on_revoked = on_revoked
        self._vital = vital
        self._gather = Gather()
        self._incarnation = incarnation
        self._load_offsets = load_offsets
        self._on_assigned = on_assigned
        self._topics = [topic.value for topic in topics]
        self._disconnected = False
        # How often what is owned has changed.
        self._changes = 0
        self._meter = _ReadMeter(group)
        self._names_seen = 0
        self._next_check = time.monotonic() + INCARNATION_CHECK_S
        self._consumer = Consumer(
            client_config(settings)
            | {
                "group.id": group,
                "enable.auto.commit": False,
                "auto.offset.reset": "error" if vital else "earliest",
                "partition.assignment.strategy": "range",
                # How long a killed member's partitions wait; librdkafka's own 45 s is long for orders.
                "session.timeout.ms": SESSION_TIMEOUT_MS,
                "heartbeat.interval.ms": HEARTBEAT_MS,
                "fetch.wait.max.ms": settings.fetch_wait_ms,
                "fetch.error.backoff.ms": 50,
                "reconnect.backoff.max.ms": 500,
                "error_cb": self._on_error,
            }
        )
        if settings.assignment == "group":
            self._consumer.subscribe(
                self._topics, on_assign=self._assign, on_revoke=self._revoke, on_lost=self._revoke
            )
        else:
            places = [
                TopicPartition(topic, number)
                for topic in self._topics
                for number in range(settings.partitions)
            ]
            self._assign(self._consumer, places)

    def _assign(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        self._changes += 1
        stored = self._load_offsets(self._incarnation, [(place.topic, place.partition) for place in places])
        if self._on_assigned is not None:
            self._on_assigned({place.partition for place in places})
        for place in places:
            place.offset = stored.get((place.topic, place.partition), OFFSET_BEGINNING)
        self._meter.begin_at({(place.topic, place.partition): place.offset for place in places})
        consumer.assign(places)

    def _revoke(self, consumer: Consumer, _places: list[TopicPartition]) -> None:
        """Let go before anybody else is given it."""
        self._changes += 1
        if self._on_revoked is not None:
            self._on_revoked()
        self._meter.forget()
        consumer.unassign()

    def _on_error(self, error: KafkaError) -> None:
        if error.code() in (KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT):
            self._disconnected = True

    def poll(self, *, records_max: int = BATCH_MAX, timeout_s: float = IDLE_POLL_S) -> Batch:
        """Wait up to `timeout_s` for a first record, and gather. Raises KafkaDataLostError."""
        taken = self._take(records_max, timeout_s)
        if taken:
            self._gather.note(len(taken), time.monotonic())
        if time.monotonic() >= self._next_check or (self._disconnected and taken):
            self._check_incarnation()
        batch = decode_records(taken, self._raise_if_lost)
        self._meter.note(taken, batch.next_offsets)
        self._meter.look(self._consumer)
        return batch

    def _take(self, records_max: int, timeout_s: float) -> list[KafkaMessage]:
        """Take a batch; leave its first record out if partitions have come or gone while it was gathered.

        Whoever has the record's partition now reads it again from the stored offset, this member too.
        """
        first = self._consumer.poll(timeout_s)
        if first is None:
            return []
        changes = self._changes
        rest = self._consumer.consume(records_max - 1, self._gather.wait_s)
        return [first, *rest] if self._changes == changes else rest

    def _check_incarnation(self) -> None:
        """Raise KafkaDataLostError if the broker has another name by now; one request if it has not."""
        self._next_check = time.monotonic() + INCARNATION_CHECK_S
        try:
            named = TopicPartition(INCARNATION_TOPIC, 0)
            names = self._consumer.get_watermark_offsets(named, timeout=INCARNATION_TIMEOUT_S)[1]
        except KafkaException:
            self._disconnected = True
            return
        if names == self._names_seen and not self._disconnected:
            return
        found = read_incarnation(self._settings)
        if found != self._incarnation:
            raise KafkaDataLostError(f"started with incarnation {self._incarnation}, found {found}")
        self._names_seen, self._disconnected = names, False

    def _raise_if_lost(self, error: KafkaError) -> None:
        lost = (
            KafkaError._AUTO_OFFSET_RESET,
            KafkaError.OFFSET_OUT_OF_RANGE,
            KafkaError.UNKNOWN_TOPIC_OR_PART,
        )
        if error.code() in lost:
            if read_incarnation(self._settings) == self._incarnation:
                # The broker dropped what was not read yet: everybody drives live orders on from Postgres.
                begin_incarnation(self._settings)
            raise KafkaDataLostError(str(error))
        self._disconnected = True
        log.warning("kafka_consumer_error", error=str(error))

    def ends(self) -> dict[tuple[str, int], int]:
        """Ask the broker for the end of each owned partition. Raises KafkaUnavailableError."""
        try:
            return {
                (place.topic, place.partition): self._consumer.get_watermark_offsets(
                    place, CONNECT_TIMEOUT_S
                )[1]
                for place in self._consumer.assignment()
            }
        except KafkaException as error:
            raise KafkaUnavailableError(f"{self._settings.bootstrap}: {error}") from error

    def topic_ends(self, topic: Topic) -> dict[int, int]:
        """Ask the broker how far a topic reaches, read here or not. Raises KafkaUnavailableError."""
        try:
            return {
                number: self._consumer.get_watermark_offsets(
                    TopicPartition(topic.value, number), CONNECT_TIMEOUT_S
                )[1]
                for number in range(self._settings.partitions)
            }
        except KafkaException as error:
            raise KafkaUnavailableError(f"{self._settings.bootstrap}: {error}") from error

    def lag(self) -> dict[tuple[str, int], int]:
        """Return, by (topic, partition), how many records are behind the last one read."""
        return self._meter.lag(self._consumer)

    def reached(self, topic: Topic) -> dict[int, int]:
        """Return the next offset of each owned partition of a topic."""
        return self._meter.reached(topic.value)

    def close(self) -> None:
        """Leave the group and close the connections."""
        self._consumer.close()
        self._meter.forget()


class EncodedRecord(NamedTuple):
    """A record's message as it came, by the type that its header names, and its order's trace."""

    type_name: str
    payload: bytes
    trace: str


class TailReader:
    """Reads every partition of one topic from its end on, outside any group: what a fan-out replica needs.

    name: what its metrics call it where others have a group.
    """

    def __init__(self, settings: KafkaSettings, topic: Topic, name: str = "tail") -> None:
        self._meter = _ReadMeter(name)
        self._gather = Gather()
        self._consumer = Consumer(
            client_config(settings)
            | {
                "group.id": f"tail-{uuid.uuid4()}",
                "enable.auto.commit": False,
                "auto.offset.reset": "latest",
                "fetch.wait.max.ms": settings.fetch_wait_ms,
                "reconnect.backoff.max.ms": 500,
            }
        )
        try:
            ends = [
                TopicPartition(topic.value, number, self._end(topic.value, number))
                for number in range(settings.partitions)
            ]
        except KafkaException as error:
            raise KafkaUnavailableError(f"{settings.bootstrap}: {error}") from error
        self._meter.begin_at({(place.topic, place.partition): place.offset for place in ends})
        self._consumer.assign(ends)

    def _end(self, topic: str, partition: int) -> int:
        end: int = self._consumer.get_watermark_offsets(
            TopicPartition(topic, partition), timeout=CONNECT_TIMEOUT_S
        )[1]
        return end

    def poll_encoded(self, timeout_s: float) -> list[EncodedRecord]:
        """Return the next records as they came, those of the first edition left out."""
        taken = take(self._consumer, BATCH_MAX, timeout_s, self._gather.wait_s)
        found: list[EncodedRecord] = []
        reached: dict[tuple[str, int], int] = {}
        for item in taken:
            if item.error() is not None:
                continue
            reached[item.topic() or "", item.partition() or 0] = (item.offset() or 0) + 1
            headers = dict(item.headers() or [])
            if headers.get("v") == _FIRST_EDITION:
                metrics.kafka_passed_over_total.labels(item.topic() or "").inc()
                continue
            type_name = (headers.get("type") or b"").decode(errors="replace")
            found.append(EncodedRecord(type_name, item.value() or b"", trace_of_headers(headers)))
        if taken:
            self._gather.note(len(taken), time.monotonic())
        self._meter.note(taken, reached)
        self._meter.look(self._consumer)
        return found

    def poll(self, timeout_s: float = IDLE_POLL_S) -> list[Record]:
        """Return the next records; what cannot be read is left out."""
        taken = take(self._consumer, BATCH_MAX, timeout_s, 0)
        batch = decode_records(taken, lambda _error: None)
        for item, reason in batch.unreadable:
            log.warning("unreadable_event", topic=item.topic(), reason=reason)
        self._meter.note(taken, batch.next_offsets)
        self._meter.look(self._consumer)
        return batch.records

    def close(self) -> None:
        """Close the connections."""
        self._consumer.close()
        self._meter.forget()
