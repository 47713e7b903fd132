"""The topics, who of their partitions has which key, and the broker's incarnation.

A broker that lost data is a new *incarnation*: the last record of `oms.incarnation` names it, and stored
offsets count only under the incarnation that they were stored for.
"""

import time
import uuid
from collections.abc import Callable
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from oms_platform.errors import ConfigurationError
from oms_platform.kafka.connection import CONNECT_TIMEOUT_S, ConnectionErrors, KafkaUnavailableError
from oms_platform.kafka.settings import KafkaSettings, client_config
from oms_platform.wire import Topic

INCARNATION_TOPIC: Final = "oms.incarnation"
INCARNATION_SETTLE_S: Final = 0.5
_DEAD_LETTERS: Final = ".dlq"


class WrongTopicsError(ConfigurationError):
    """A topic has another number of partitions than keys were spread over."""


def murmur2_partition(key: bytes, partitions: int) -> int:
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


def topic_names() -> list[str]:
    """Return every topic that there has to be: the incarnation's, the messages', the dead letters'."""
    return [INCARNATION_TOPIC, *(t.value for t in Topic), *(dead_letter_topic(t.value) for t in Topic)]


def dead_letter_topic(topic: str) -> str:
    """Return the topic for records of `topic` that cannot be decoded or handled."""
    return topic + _DEAD_LETTERS


def topic_of_dead_letters(name: str) -> str:
    """Return the topic whose dead letters are in the topic `name`."""
    return name.removesuffix(_DEAD_LETTERS)


def ensure_topics(settings: KafkaSettings) -> None:
    """Make every topic with its partitions. Raises KafkaUnavailableError, or WrongTopicsError for a count."""
    names = topic_names()
    errors = ConnectionErrors(settings)
    admin = AdminClient(client_config(settings) | {"error_cb": errors})
    try:
        metadata = admin.list_topics(timeout=CONNECT_TIMEOUT_S)
        missing = [name for name in names if name not in metadata.topics]
        if missing:
            safe = {"min.insync.replicas": str(settings.min_insync)}
            durable = safe | {"retention.ms": "-1"}
            topics = [
                NewTopic(
                    name,
                    settings.partitions,
                    settings.replication,
                    config=durable if name == INCARNATION_TOPIC else safe,
                )
                for name in missing
            ]
            for future in admin.create_topics(topics, operation_timeout=CONNECT_TIMEOUT_S).values():
                _await_created(future.result)
        _check_partitions(admin, names, settings.partitions)
        if missing:
            _await_leaders(settings, missing)
    except KafkaException as error:
        admin.poll(0)
        raise KafkaUnavailableError(f"topics at {settings.bootstrap}: {errors.explained(error)}") from error


def _await_created(result: Callable[[], object]) -> None:
    try:
        result()
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise


def _check_partitions(admin: AdminClient, names: list[str], expected: int) -> None:
    deadline = time.monotonic() + CONNECT_TIMEOUT_S
    while True:
        topics = admin.list_topics(timeout=CONNECT_TIMEOUT_S).topics
        counts = {name: len(topics[name].partitions) if name in topics else 0 for name in names}
        wrong = {name: count for name, count in counts.items() if count not in (0, expected)}
        if wrong:
            raise WrongTopicsError(
                f"OMS_KAFKA_PARTITIONS is {expected}, so every topic must have {expected} partitions; found"
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
        for place in [
            TopicPartition(name, number) for name in names for number in range(settings.partitions)
        ]:
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
