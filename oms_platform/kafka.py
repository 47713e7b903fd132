"""Kafka: batches of decoded records in, one flush a batch out, offsets kept by the caller in Postgres.

A broker that lost data is a new *incarnation*: the last record of `oms.incarnation` names it, and stored
offsets count only under the incarnation that they were stored for.
"""

import contextlib
import os
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka import Message as KafkaMessage
from confluent_kafka.admin import AdminClient, NewTopic
from prometheus_client import Counter

from oms_platform import metrics
from oms_platform.certificates import explain, kafka_address
from oms_platform.errors import ConfigurationError, OperationalError
from oms_platform.order_trace import HOPS_HEADER, TRACEPARENT_LENGTH, read_trace, trace_id_of
from oms_platform.settings import load_settings
from oms_platform.vocabulary import Message
from oms_platform.wire import (
    SCHEMA_VERSION,
    TOPIC_MESSAGES,
    Topic,
    UnreadableMessageError,
    decode,
    encode,
)

INCARNATION_TOPIC: Final = "oms.incarnation"
PARTITIONS: Final = 4
DELIVERY_TIMEOUT_MS: Final = 30_000
CONNECT_TIMEOUT_S: Final = 10.0
SESSION_TIMEOUT_MS: Final = 10_000
INCARNATION_CHECK_S: Final = 5.0
LAG_LOOK_S: Final = 2.0
INCARNATION_TIMEOUT_S: Final = 1.0
BATCH_MAX: Final = 500
IDLE_POLL_S: Final = 0.05
_QUEUED_MESSAGES_MAX: Final = 200_000
_CARRIED: Final = {topic.value: messages for topic, messages in TOPIC_MESSAGES.items()}

log = structlog.get_logger()
dead_letters_total = Counter("oms_dead_letters_total", "Records sent to a dead-letter topic", ["topic"])
for _topic in Topic:
    dead_letters_total.labels(_topic.value)

OffsetLoader = Callable[[str, list[tuple[str, int]]], Mapping[tuple[str, int], int]]


class KafkaUnavailableError(OperationalError):
    """The broker cannot be reached, or did not take a record in time."""

    dependency = "kafka"


class KafkaDataLostError(OperationalError):
    """The broker is not the incarnation that was started with; the start-up path drives live orders on."""

    dependency = "kafka"


class WrongTopicsError(ConfigurationError):
    """A topic has another number of partitions than keys were spread over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSettings:
    """Where the broker is and how to speak to it.

    assignment: "all" (one instance reads every partition) or "group". security: Kafka's security.protocol.
    ca: a file with the authority of the broker's certificate, the system's when empty. replication,
    min_insync: of the topics that are made.
    """

    bootstrap: str
    assignment: str = "all"
    fetch_wait_ms: int = 5
    security: str = "PLAINTEXT"
    sasl_mechanism: str = "SCRAM-SHA-512"
    user: str = ""
    password: str = field(default="", repr=False)
    ca: str = ""
    replication: int = 1
    min_insync: int = 1


SECURITY_PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
SASL_MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaFields:
    """The part of a service's settings that is about Kafka: `OMS_KAFKA_…`, as in KafkaSettings."""

    kafka_bootstrap: str
    kafka_fetch_wait_ms: int = 5
    kafka_security: str = "PLAINTEXT"
    kafka_sasl_mechanism: str = "SCRAM-SHA-512"
    kafka_user: str = ""
    kafka_password: str = field(default="", repr=False)
    kafka_ca: str = ""
    kafka_replication: int = 1
    kafka_min_insync: int = 1

    def __post_init__(self) -> None:
        """Raise ValueError for values that contradict each other."""
        for name, value, known in (
            ("OMS_KAFKA_SECURITY", self.kafka_security, SECURITY_PROTOCOLS),
            ("OMS_KAFKA_SASL_MECHANISM", self.kafka_sasl_mechanism, SASL_MECHANISMS),
        ):
            if value not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, was {value!r}")
        if self.kafka_security.startswith("SASL") and not (self.kafka_user and self.kafka_password):
            raise ValueError(f"OMS_KAFKA_USER and OMS_KAFKA_PASSWORD are required with {self.kafka_security}")
        if self.kafka_ca and not Path(self.kafka_ca).is_file():
            raise ValueError(f"OMS_KAFKA_CA must name a file, was {self.kafka_ca!r}")
        if not 1 <= self.kafka_min_insync <= self.kafka_replication:
            raise ValueError(
                f"OMS_KAFKA_MIN_INSYNC must be from 1 to OMS_KAFKA_REPLICATION ({self.kafka_replication}),"
                f" was {self.kafka_min_insync}"
            )

    def kafka(self, assignment: str = "all") -> KafkaSettings:
        """Return what a client needs."""
        return KafkaSettings(
            bootstrap=self.kafka_bootstrap,
            assignment=assignment,
            fetch_wait_ms=self.kafka_fetch_wait_ms,
            security=self.kafka_security,
            sasl_mechanism=self.kafka_sasl_mechanism,
            user=self.kafka_user,
            password=self.kafka_password,
            ca=self.kafka_ca,
            replication=self.kafka_replication,
            min_insync=self.kafka_min_insync,
        )


def kafka_of_environment(bootstrap: str) -> KafkaSettings:
    """Return the settings of a command that is given an address: the rest is in `OMS_KAFKA_…`.

    Raises SettingsError.
    """
    fields = load_settings(KafkaFields, "OMS_", os.environ | {"OMS_KAFKA_BOOTSTRAP": bootstrap})
    return fields.kafka()


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One decoded record with its place, and its order's trace (oms_platform.tracing)."""

    topic: str
    partition: int
    offset: int
    message: Message
    trace: str


def murmur2_partition(key: bytes, partitions: int = PARTITIONS) -> int:
    """Return the partition that `murmur2_random`, the Java clients' partitioner, gives a key."""
    mask, multiplier = 0xFFFFFFFF, 0x5BD1E995
    length = len(key)
    value = (0x9747B28C ^ length) & mask
    for start in range(0, length - length % 4, 4):
        word = int.from_bytes(key[start : start + 4], "little") * multiplier & mask
        word = (word ^ word >> 24) * multiplier & mask
        value = value * multiplier & mask ^ word
    tail = key[length - length % 4 :]
    if tail:
        value = (value ^ int.from_bytes(tail, "little")) * multiplier & mask
    value = (value ^ value >> 13) * multiplier & mask
    value ^= value >> 15
    return (value & 0x7FFFFFFF) % partitions


class LastWord:
    """Keeps what a client says of its connection: a request that timed out does not tell why."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._text = ""

    def __call__(self, error: KafkaError) -> None:
        """Take the client's word; that all brokers are down is what is known already."""
        if error.code() != KafkaError._ALL_BROKERS_DOWN:
            self._text = error.str()

    def on(self, error: object) -> str:
        """Return an error with the reason behind it."""
        text = explain(self._text, *kafka_address(self._settings.bootstrap), self._settings.ca)
        return f"{error} ({text})" if text else str(error)


def client_config(settings: KafkaSettings) -> dict[str, Any]:
    """Return what every client of librdkafka is given: address, security, and no chatter."""
    config: dict[str, Any] = {
        "bootstrap.servers": settings.bootstrap,
        "log_level": 3,
        "socket.keepalive.enable": True,
    }
    if settings.security != "PLAINTEXT":
        config["security.protocol"] = settings.security
    if settings.ca:
        config["ssl.ca.location"] = settings.ca
    if settings.security.startswith("SASL"):
        config |= {
            "sasl.mechanism": settings.sasl_mechanism,
            "sasl.username": settings.user,
            "sasl.password": settings.password,
        }
    return config


def topic_names() -> list[str]:
    """Return every topic that there has to be: the incarnation's, the messages', the dead letters'."""
    return [INCARNATION_TOPIC, *(t.value for t in Topic), *(dead_letter_topic(t.value) for t in Topic)]


def ensure_topics(settings: KafkaSettings) -> None:
    """Make every topic with its partitions. Raises KafkaUnavailableError, or WrongTopicsError for a count."""
    names = topic_names()
    said = LastWord(settings)
    admin = AdminClient(client_config(settings) | {"error_cb": said})
    try:
        metadata = admin.list_topics(timeout=CONNECT_TIMEOUT_S)
        missing = [name for name in names if name not in metadata.topics]
        if (metadata.cluster_id or "").startswith("mockCluster"):
            # librdkafka's in-memory broker has no controller: a producer's metadata request makes a topic.
            producer = Producer(client_config(settings))
            for name in missing:
                producer.list_topics(name, timeout=CONNECT_TIMEOUT_S)
        elif missing:
            safe = {"min.insync.replicas": str(settings.min_insync)}
            durable = safe | {"retention.ms": "-1"}
            topics = [
                NewTopic(
                    name,
                    PARTITIONS,
                    settings.replication,
                    config=durable if name == INCARNATION_TOPIC else safe,
                )
                for name in missing
            ]
            for future in admin.create_topics(topics, operation_timeout=CONNECT_TIMEOUT_S).values():
                _await_created(future.result)
        _check_partitions(admin, names)
        if missing:
            _await_leaders(settings, missing)
    except KafkaException as error:
        admin.poll(0)
        raise KafkaUnavailableError(f"topics at {settings.bootstrap}: {said.on(error)}") from error


def _await_created(result: Callable[[], object]) -> None:
    try:
        result()
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise


def _check_partitions(admin: AdminClient, names: list[str]) -> None:
    deadline = time.monotonic() + CONNECT_TIMEOUT_S
    while True:
        topics = admin.list_topics(timeout=CONNECT_TIMEOUT_S).topics
        counts = {name: len(topics[name].partitions) if name in topics else 0 for name in names}
        wrong = {name: count for name, count in counts.items() if count not in (0, PARTITIONS)}
        if wrong:
            raise WrongTopicsError(
                f"every topic must have {PARTITIONS} partitions, as keys were spread over so many; found"
                f" {', '.join(f'{count} in {name}' for name, count in sorted(wrong.items()))}"
            )
        if all(counts.values()):
            return
        if time.monotonic() > deadline:
            raise KafkaUnavailableError(f"topics not there after {CONNECT_TIMEOUT_S} s: {counts}")
        time.sleep(0.05)


def _await_leaders(settings: KafkaSettings, names: list[str]) -> None:
    """Wait until new partitions answer: metadata names a leader before the broker knows that it is one."""
    consumer = Consumer(client_config(settings) | {"group.id": "oms-topics"})
    deadline = time.monotonic() + CONNECT_TIMEOUT_S
    try:
        for place in [TopicPartition(name, number) for name in names for number in range(PARTITIONS)]:
            while True:
                try:
                    consumer.get_watermark_offsets(place, timeout=CONNECT_TIMEOUT_S)
                    break
                except KafkaException:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.05)
    finally:
        consumer.close()


INCARNATION_SETTLE_S: Final = 0.5


def read_incarnation(settings: KafkaSettings) -> str:
    """Return the name of the broker's incarnation, made if it has none. Raises KafkaUnavailableError."""
    consumer = Consumer(
        client_config(settings)
        | {"group.id": "oms-incarnation", "enable.auto.commit": False, "auto.offset.reset": "earliest"}
    )
    partition = TopicPartition(INCARNATION_TOPIC, 0)
    try:
        _, end = consumer.get_watermark_offsets(partition, timeout=CONNECT_TIMEOUT_S)
        if end == 0:
            begin_incarnation(settings)
            # Whoever started at the same moment has written one too: all wait, and take the last.
            time.sleep(INCARNATION_SETTLE_S)
            _, end = consumer.get_watermark_offsets(partition, timeout=CONNECT_TIMEOUT_S)
        consumer.assign([TopicPartition(INCARNATION_TOPIC, 0, end - 1)])
        record = consumer.poll(CONNECT_TIMEOUT_S)
        if record is None or record.error():
            raise KafkaUnavailableError(f"cannot read {INCARNATION_TOPIC} at {settings.bootstrap}")
        return (record.value() or b"").decode()
    except KafkaException as error:
        raise KafkaUnavailableError(f"{settings.bootstrap}: {error}") from error
    finally:
        consumer.close()


def begin_incarnation(settings: KafkaSettings) -> None:
    """Give the broker's incarnation a new name: whoever notices goes through its start-up path."""
    producer = Producer(client_config(settings) | {"acks": "all"})
    producer.produce(INCARNATION_TOPIC, value=str(uuid.uuid4()).encode(), partition=0)
    if producer.flush(CONNECT_TIMEOUT_S):
        raise KafkaUnavailableError(f"{settings.bootstrap} did not take a record in {CONNECT_TIMEOUT_S} s")


def _trace(headers: Mapping[str, bytes | None]) -> str:
    parent = headers.get("traceparent")
    return "" if parent is None else read_trace(parent + (headers.get(HOPS_HEADER) or b""))


def take_waiting(consumer: Consumer, records_max: int, timeout_s: float) -> list[KafkaMessage]:
    """Wait up to `timeout_s` for a first record, then take what is there, without waiting for more."""
    first = consumer.poll(timeout_s)
    return [] if first is None else [first, *consumer.consume(records_max - 1, 0)]


def dead_letter_topic(topic: str) -> str:
    """Return the topic for records of `topic` that cannot be decoded or handled."""
    return f"{topic}.dlq"


class Publisher:
    """An idempotent producer. `send` queues, `flush` returns when the broker has everything or raises."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._producer = Producer(
            client_config(settings)
            | {
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": 1,
                "partitioner": "murmur2_random",
                "delivery.timeout.ms": DELIVERY_TIMEOUT_MS,
                "queue.buffering.max.messages": _QUEUED_MESSAGES_MAX,
            }
        )
        self._failed: KafkaError | None = None
        self._next_offsets: dict[tuple[str, int], int] = {}

    def send(self, topic: str, key: str, message: Message, *, event_id: uuid.UUID, trace: str = "") -> None:
        """Queue one message. Raises KafkaUnavailableError when the queue is full."""
        self.send_encoded(topic, key, type(message).__name__, encode(message), event_id=event_id, trace=trace)

    def send_encoded(
        self,
        topic: str,
        key: str,
        type_name: str,
        payload: bytes,
        *,
        event_id: uuid.UUID,
        trace: str = "",
    ) -> None:
        """Queue one message that is encoded already, as the outbox keeps them."""
        headers: list[tuple[str, str | bytes | None]] = [
            ("type", type_name),
            ("v", str(SCHEMA_VERSION)),
            ("id", str(event_id)),
        ]
        if trace:
            headers.append(("traceparent", trace[:TRACEPARENT_LENGTH]))
            if len(trace) > TRACEPARENT_LENGTH:
                headers.append((HOPS_HEADER, trace[TRACEPARENT_LENGTH:]))
        self._produce(topic, key.encode(), payload, headers)

    def send_dead_letter(self, record: KafkaMessage, reason: str) -> None:
        """Queue a record's bytes to its dead-letter topic, its own headers kept and the reason added."""
        topic = record.topic() or ""
        headers = [
            *(record.headers() or []),
            ("reason", reason),
            ("offset", f"{record.partition()}/{record.offset()}"),
        ]
        dead_letters_total.labels(topic).inc()
        log.warning(
            "dead_letter",
            topic=topic,
            partition=record.partition(),
            offset=record.offset(),
            reason=reason,
            trace_id=trace_id_of(_trace(dict(record.headers() or []))),
        )
        self._produce(dead_letter_topic(topic), record.key(), record.value(), headers)

    def _produce(
        self,
        topic: str,
        key: bytes | None,
        payload: bytes | None,
        headers: list[tuple[str, str | bytes | None]],
    ) -> None:
        try:
            self._producer.produce(topic, payload, key, headers=headers, on_delivery=self._on_delivery)
        except BufferError as error:
            raise KafkaUnavailableError("the producer's queue is full") from error

    def _on_delivery(self, error: KafkaError | None, record: KafkaMessage) -> None:
        if error is not None:
            self._failed = error
            return
        place = (record.topic() or "", record.partition() or 0)
        self._next_offsets[place] = max(self._next_offsets.get(place, 0), (record.offset() or 0) + 1)

    def poll(self) -> None:
        """Serve delivery reports without waiting."""
        self._producer.poll(0)

    def flush(self) -> None:
        """Wait until the broker has everything queued. Raises KafkaUnavailableError if it has not."""
        queued, started = len(self._producer), time.perf_counter()
        left = self._producer.flush(DELIVERY_TIMEOUT_MS / 1000 + 1)
        if queued:
            metrics.kafka_flush_seconds.observe(time.perf_counter() - started)
        if self._failed is not None or left:
            metrics.kafka_failures_total.inc()
            failed, self._failed = self._failed, None
            raise KafkaUnavailableError(f"{left} records still queued, last error {failed}")

    def next_offsets(self, topic: str) -> dict[int, int]:
        """Return, by partition, the offset after the last record of `topic` that this publisher delivered."""
        return {
            partition: offset for (name, partition), offset in self._next_offsets.items() if name == topic
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Decoded records in the order of their partitions, the unreadable ones, the offsets after them all."""

    records: list[Record]
    unreadable: list[tuple[KafkaMessage, str]]
    next_offsets: dict[tuple[str, int], int]
    raw: list[KafkaMessage]


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
    numbers that are now owned.
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
    ) -> None:
        self._settings = settings
        self._incarnation = incarnation
        self._load_offsets = load_offsets
        self._on_assigned = on_assigned
        self._topics = [topic.value for topic in topics]
        self._disconnected = False
        self._meter = _ReadMeter(group)
        self._names_seen = 0
        self._next_check = time.monotonic() + INCARNATION_CHECK_S
        self._consumer = Consumer(
            client_config(settings)
            | {
                "group.id": group,
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
                "partition.assignment.strategy": "range",
                # How long a killed member's partitions wait; librdkafka's own 45 s is long for orders.
                "session.timeout.ms": SESSION_TIMEOUT_MS,
                "fetch.wait.max.ms": settings.fetch_wait_ms,
                "fetch.error.backoff.ms": 50,
                "reconnect.backoff.max.ms": 500,
                "error_cb": self._on_error,
            }
        )
        if settings.assignment == "group":
            self._consumer.subscribe(self._topics, on_assign=self._assign)
        else:
            places = [TopicPartition(topic, number) for topic in self._topics for number in range(PARTITIONS)]
            self._assign(self._consumer, places)

    def _assign(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        stored = self._load_offsets(self._incarnation, [(place.topic, place.partition) for place in places])
        if self._on_assigned is not None:
            self._on_assigned({place.partition for place in places})
        for place in places:
            place.offset = stored.get((place.topic, place.partition), OFFSET_BEGINNING)
        self._meter.begin_at({(place.topic, place.partition): place.offset for place in places})
        consumer.assign(places)

    def _on_error(self, error: KafkaError) -> None:
        if error.code() in (KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT):
            self._disconnected = True

    def poll(self, *, records_max: int = BATCH_MAX, timeout_s: float = IDLE_POLL_S) -> Batch:
        """Wait up to `timeout_s` for a first record, then take what is there. Raises KafkaDataLostError."""
        taken = take_waiting(self._consumer, records_max, timeout_s)
        if time.monotonic() >= self._next_check or (self._disconnected and taken):
            self._check_incarnation()
        batch = self._decode(taken)
        self._meter.note(taken, batch.next_offsets)
        self._meter.look(self._consumer)
        return batch

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

    def _decode(self, taken: list[KafkaMessage]) -> Batch:
        records: list[Record] = []
        unreadable: list[tuple[KafkaMessage, str]] = []
        next_offsets: dict[tuple[str, int], int] = {}
        raw: list[KafkaMessage] = []
        for item in taken:
            error = item.error()
            if error is not None:
                self._raise_if_lost(error)
                continue
            topic, partition, offset = item.topic() or "", item.partition() or 0, item.offset() or 0
            next_offsets[topic, partition] = offset + 1
            headers = dict(item.headers() or [])
            try:
                message = decode((headers.get("type") or b"").decode(errors="replace"), item.value() or b"")
            except UnreadableMessageError as failure:
                unreadable.append((item, str(failure)))
                continue
            if type(message) not in _CARRIED[topic]:
                unreadable.append((item, f"{topic} carries no {type(message).__name__}"))
                continue
            records.append(
                Record(
                    topic=topic, partition=partition, offset=offset, message=message, trace=_trace(headers)
                )
            )
            raw.append(item)
        return Batch(records=records, unreadable=unreadable, next_offsets=next_offsets, raw=raw)

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

    def lag(self) -> dict[tuple[str, int], int]:
        """Return, by (topic, partition), how many records are behind the last one read."""
        return self._meter.lag(self._consumer)

    def close(self) -> None:
        """Leave the group and close the connections."""
        self._consumer.close()
        self._meter.forget()


class TailReader:
    """Reads every partition of one topic from its end on, outside any group: what a fan-out replica needs.

    name: what its metrics call it where others have a group.
    """

    def __init__(self, settings: KafkaSettings, topic: Topic, name: str = "tail") -> None:
        self._meter = _ReadMeter(name)
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
                for number in range(PARTITIONS)
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

    def poll(self, timeout_s: float = IDLE_POLL_S) -> list[Record]:
        """Return the next records; what cannot be read is left out."""
        taken = take_waiting(self._consumer, BATCH_MAX, timeout_s)
        records: list[Record] = []
        next_offsets: dict[tuple[str, int], int] = {}
        for item in taken:
            if item.error() is not None:
                continue
            topic, partition, offset = item.topic() or "", item.partition() or 0, item.offset() or 0
            next_offsets[topic, partition] = offset + 1
            headers = dict(item.headers() or [])
            try:
                message = decode((headers.get("type") or b"").decode(errors="replace"), item.value() or b"")
            except UnreadableMessageError as failure:
                log.warning("unreadable_event", topic=topic, reason=str(failure))
                continue
            records.append(
                Record(
                    topic=topic, partition=partition, offset=offset, message=message, trace=_trace(headers)
                )
            )
        self._meter.note(taken, next_offsets)
        self._meter.look(self._consumer)
        return records

    def close(self) -> None:
        """Close the connections."""
        self._consumer.close()
        self._meter.forget()
