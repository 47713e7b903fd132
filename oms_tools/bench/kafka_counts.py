"""How many messages each topic has taken, by its watermarks."""

from collections.abc import Mapping
from typing import Final

from confluent_kafka import Consumer, TopicPartition

from oms_platform.kafka.settings import KafkaSettings, client_config

TIMEOUT_S: Final = 10.0


def count_messages(settings: KafkaSettings) -> dict[str, int]:
    """Return the sum of each topic's high watermarks."""
    consumer = Consumer(client_config(settings) | {"group.id": "oms-bench", "enable.auto.commit": False})
    try:
        topics = consumer.list_topics(timeout=TIMEOUT_S).topics
        return {
            name: sum(
                consumer.get_watermark_offsets(TopicPartition(name, partition), timeout=TIMEOUT_S)[1]
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
