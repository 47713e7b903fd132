"""The partition of a key is the one that every Kafka client gives it."""

import pytest

from oms_platform.kafka.topics import dead_letter_topic, murmur2_partition


# What librdkafka's murmur2_random partitioner chose among four partitions.
@pytest.mark.parametrize(
    ("key", "partition"),
    [
        (b"ACC-INST-001", 0),
        (b"ACC-HF-002", 1),
        (b"AAPL", 1),
        (b"V", 2),
        (b"ab", 2),
        (b"abc", 3),
        (b"01900000-0000-7000-8000-000000000001", 0),
        ("Zürich".encode(), 1),
        (bytes(range(256)), 2),
    ],
)
def test_a_key_goes_where_the_clients_own_partitioner_sends_it(key: bytes, partition: int) -> None:
    assert murmur2_partition(key, 4) == partition


# From the tests of Apache Kafka's own Utils.murmur2: key and hash.
@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_the_hash_is_the_java_clients_murmur2(key: bytes, value: int) -> None:
    for partitions in (1, 4, 7, 1000, 2**31 - 1):
        assert murmur2_partition(key, partitions) == (value & 0x7FFFFFFF) % partitions


def test_a_dead_letter_topic_is_named_after_its_topic() -> None:
    assert dead_letter_topic("orders.inbound") == "orders.inbound.dlq"
