"""Does Kafka have our topics and their replicas, and has everybody read what is theirs?"""

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from oms_platform.errors import OperationalError
from oms_platform.kafka.settings import KafkaSettings, client_config
from oms_platform.kafka.topics import INCARNATION_TOPIC, read_incarnation, topic_names
from oms_platform.postgres import Connection, load_offsets
from oms_platform.wire import Topic
from oms_tools.doctor.check import ANSWER_S_MAX, Check, limited, named
from oms_tools.laptop.memory_kafka.broker import CLUSTER_PREFIX

LAG_RECORDS_MAX: Final = 5_000
MIN_INSYNC: Final = "min.insync.replicas"
# Who must have read what.
READERS: Final[Mapping[str, tuple[Topic, ...]]] = {
    "oms-core": (Topic.INBOUND, Topic.FILLS),
    "sor-engine": (Topic.VALIDATED,),
    "execution-adapter": (Topic.ROUTED,),
    "sor-scorekeeper": (Topic.FILLS,),
}


def check_topics(kafka: KafkaSettings) -> Check:
    """Look whether every topic is there with its partitions."""
    try:
        client = AdminClient(client_config(kafka) | {"log_level": 0})
        topics = client.list_topics(timeout=ANSWER_S_MAX).topics
    except KafkaException as error:
        return Check(name="topics", well=False, detail=f"no answer from {kafka.bootstrap}: {error}")
    counts = {name: len(topics[name].partitions) if name in topics else 0 for name in topic_names()}
    wrong = {name: count for name, count in counts.items() if count != kafka.partitions}
    found = f"found {wrong}" if wrong else f"{len(counts)} topics have them"
    return Check(name="topics", well=not wrong, detail=f"expected {kafka.partitions} partitions, {found}")


def check_replication(kafka: KafkaSettings) -> Iterator[Check]:
    """Look whether topics have the replicas that are asked for, and whether those are in sync."""
    try:
        client = AdminClient(client_config(kafka) | {"log_level": 0})
        listed = client.list_topics(timeout=ANSWER_S_MAX)
        if (listed.cluster_id or "").startswith(CLUSTER_PREFIX):
            return
        partitions = {
            f"{name}/{number}": partition
            for name in topic_names()
            for number, partition in listed.topics[name].partitions.items()
        }
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in topic_names()]
        configs = {
            resource.name: future.result(ANSWER_S_MAX)
            for resource, future in client.describe_configs(resources).items()
        }
    except KafkaException as error:
        yield Check(name="replication", well=False, detail=str(error))
        return
    few = sorted(name for name, found in partitions.items() if len(found.replicas) < kafka.replication)
    least = min(len(found.replicas) for found in partitions.values())
    yield Check(
        name="replication",
        well=not few,
        detail=f"at least {least} replicas, must be at least {kafka.replication}{named(few)}",
    )
    low = sorted(name for name, found in configs.items() if int(found[MIN_INSYNC].value) < kafka.min_insync)
    least = min(int(found[MIN_INSYNC].value) for found in configs.values())
    yield Check(
        name="in-sync replicas asked for",
        well=not low,
        detail=f"{MIN_INSYNC} at least {least}, must be at least {kafka.min_insync}{named(low)}",
    )
    behind = sorted(name for name, found in partitions.items() if len(found.isrs) < len(found.replicas))
    yield Check(
        name="replicas in sync",
        well=not behind,
        detail=f"{len(partitions) - len(behind)} of {len(partitions)} partitions have all{named(behind)}",
    )


def check_readers(connection: Connection, kafka: KafkaSettings) -> Iterator[Check]:
    """Look at what every reader has left, and at dead letters."""
    consumer = Consumer(client_config(kafka) | {"group.id": "oms-doctor", "log_level": 0})
    try:
        with closing(consumer):
            ends = {
                (topic, number): consumer.get_watermark_offsets(TopicPartition(topic, number), ANSWER_S_MAX)
                for topic in topic_names()
                for number in range(kafka.partitions)
            }
        if ends[INCARNATION_TOPIC, 0][1] == 0:
            yield Check(name="lag", well=None, detail="not looked at: no service has used this broker yet")
            return
        incarnation = read_incarnation(kafka)
    except (KafkaException, OperationalError) as error:
        yield Check(name="lag", well=False, detail=str(error))
        return
    for group, read in READERS.items():
        yield _check_lag(connection, incarnation, group, read, ends)
    dead = sum(high - low for (topic, _), (low, high) in ends.items() if topic.endswith(".dlq"))
    yield Check(name="dead letters", well=not dead, detail=f"{dead} kept in *.dlq")


def _check_lag(
    connection: Connection,
    incarnation: str,
    group: str,
    topics: tuple[Topic, ...],
    ends: Mapping[tuple[str, int], tuple[int, int]],
) -> Check:
    places = [place for place in ends if place[0] in {topic.value for topic in topics}]
    stored = load_offsets(connection, group, incarnation, places)
    behind = 0
    for place in places:
        low, high = ends[place]
        behind += max(0, high - stored.get(place, low))
    return limited(f"lag {group}", behind, LAG_RECORDS_MAX, "records")
