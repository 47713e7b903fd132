"""What a member of a group does with what it had taken when the group's work is shared anew."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from oms_platform.clock import utc_now
from oms_platform.ids import uuid7
from oms_platform.kafka import consumers
from oms_platform.kafka.consumers import BatchConsumer
from oms_platform.kafka.settings import KafkaSettings
from oms_platform.messages import CancelOrder
from oms_platform.wire import Topic, encode

TOPIC = Topic.INBOUND.value
CANCEL = encode(CancelOrder(request_id=uuid7(), order_id=uuid7(), account_id="A", received_at=utc_now()))


class Item:
    """A cancel as librdkafka gives it."""

    def __init__(self, partition: int, offset: int) -> None:
        self.partition = lambda: partition
        self.offset = lambda: offset
        self.topic = lambda: TOPIC
        self.error = lambda: None
        self.headers = lambda: [("type", b"CancelOrder")]
        self.value = lambda: CANCEL
        self.timestamp = lambda: (1, 0)


class Member:
    """A consumer that has a first record, and whose group may be shared anew while it gathers."""

    def __init__(self) -> None:
        self.while_gathering: Callable[[], None] = lambda: None
        self.rest: list[Item] = []
        self.on_assign: Any = None
        self.on_revoke: Any = None
        self.on_lost: Any = None

    def subscribe(self, _topics: list[str], **callbacks: Any) -> None:
        """Join the group."""
        for name, callback in callbacks.items():
            setattr(self, name, callback)

    def assign(self, _places: list[TopicPartition]) -> None:
        """Read these."""

    def unassign(self) -> None:
        """Read nothing."""

    def poll(self, _timeout_s: float) -> Item:
        """Give the first record."""
        return Item(0, 5)

    def consume(self, _count: int, _timeout_s: float) -> list[Item]:
        """Give what comes after it."""
        self.while_gathering()
        return self.rest

    def get_watermark_offsets(self, _place: TopicPartition, **_more: Any) -> tuple[int, int]:
        """How far a partition reaches."""
        return 0, 9


@pytest.fixture
def member(monkeypatch: pytest.MonkeyPatch) -> Member:
    """The member that a consumer under test stands on."""
    found = Member()
    monkeypatch.setattr(consumers, "Consumer", lambda _config: found)
    return found


def consumer_of(member: Member, stored: Mapping[tuple[str, int], int]) -> BatchConsumer:
    consumer = BatchConsumer(
        KafkaSettings(bootstrap="nowhere:1", assignment="group"),
        group="g",
        topics=[Topic.INBOUND],
        incarnation="i",
        load_offsets=lambda _incarnation, _places: stored,
    )
    member.on_assign(member, [TopicPartition(TOPIC, 0), TopicPartition(TOPIC, 1)])
    return consumer


def taken(consumer: BatchConsumer) -> list[tuple[int, int]]:
    return [(record.partition, record.offset) for record in consumer.poll().records]


def test_a_batch_is_its_first_record_and_what_is_gathered_after_it(member: Member) -> None:
    consumer = consumer_of(member, {(TOPIC, 0): 5})
    member.rest = [Item(0, 6)]
    assert taken(consumer) == [(0, 5), (0, 6)]


@pytest.mark.parametrize("how", ["on_revoke", "on_lost"])
def test_a_record_whose_partition_went_while_the_batch_was_gathered_is_left_to_who_has_it_now(
    member: Member, how: str
) -> None:
    consumer = consumer_of(member, {(TOPIC, 0): 5})
    places = [TopicPartition(TOPIC, 0), TopicPartition(TOPIC, 1)]

    def share_anew() -> None:
        getattr(member, how)(member, places)
        member.on_assign(member, [TopicPartition(TOPIC, 1)])
        member.rest = [Item(1, 3)]

    member.while_gathering = share_anew
    batch = consumer.poll()
    assert [(record.partition, record.offset) for record in batch.records] == [(1, 3)]
    assert batch.next_offsets == {(TOPIC, 1): 4}


def test_a_record_of_a_partition_that_comes_back_while_the_batch_is_gathered_is_taken_once(
    member: Member,
) -> None:
    consumer = consumer_of(member, {(TOPIC, 0): 5})

    def share_anew() -> None:
        member.on_revoke(member, [])
        member.on_assign(member, [TopicPartition(TOPIC, 0)])
        member.rest = [Item(0, 5), Item(0, 6)]

    member.while_gathering = share_anew
    assert taken(consumer) == [(0, 5), (0, 6)]
