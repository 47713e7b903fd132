"""How many messages each topic has taken, by its watermarks."""

import time
from collections.abc import Mapping
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from oms_platform.kafka.settings import KafkaSettings, client_config

TIMEOUT_S: Final = 5.0
# A load may be there to see what a broker's restart does, and end while it is away.
AWAY_S_MAX: Final = 90.0


def count_messages(settings: KafkaSettings, timeout_s: float = TIMEOUT_S) -> dict[str, int]:
    """Return the sum of each topic's high watermarks.

    timeout_s: of one try. Raises KafkaException when the broker stays away for 90 s.
    """
    deadline = time.monotonic() + AWAY_S_MAX
    while True:
        try:
            return _count(settings, timeout_s)
        except KafkaException:
            if time.monotonic() >= deadline:
                raise


def _count(settings: KafkaSettings, timeout_s: float) -> dict[str, int]:
    consumer = Consumer(client_config(settings) | {"group.id": "oms-bench", "enable.auto.commit": False})
    try:
        topics = consumer.list_topics(timeout=timeout_s).topics
        return {
            name: sum(
                consumer.get_watermark_offsets(TopicPartition(name, partition), timeout=timeout_s)[1]
                for partition in topic.partitions
            )
            for name, topic in topics.items()
        }
    finally:
        consumer.close()


def messages_since(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """Return the messages of each topic that took any. A broker that lost all counts from 0."""
    taken = {
        name: count - before.get(name, 0) if count >= before.get(name, 0) else count
        for name, count in after.items()
    }
    return {name: count for name, count in sorted(taken.items()) if count}
