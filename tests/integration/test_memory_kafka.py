"""The in-memory broker's process, as Kafka's clients and those who do not speak their language meet it."""

import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from oms_tools.laptop.parts import memory_kafka_part, wait_until
from tests.conftest import running
from tests.ports import free_port

TOPIC = "orders.events"
API_VERSIONS, FETCH = 18, 1


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[str]:
    """The address of a broker with one partition a topic."""
    port = free_port()
    with running(memory_kafka_part(port, partitions=1), tmp_path / "kafka.log"):
        yield f"127.0.0.1:{port}"


def consumer_of(address: str, wait_ms: int = 5_000) -> Consumer:
    settings = {"bootstrap.servers": address, "group.id": "g", "enable.auto.commit": False}
    return Consumer(settings | {"fetch.wait.max.ms": wait_ms, "auto.offset.reset": "error"})


def send(address: str, *values: bytes) -> None:
    producer = Producer({"bootstrap.servers": address, "enable.idempotence": True})
    for value in values:
        producer.produce(TOPIC, value)
    assert producer.flush(10) == 0


def connect(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=10)


def framed(api: int, version: int, correlation: int, body: bytes = b"") -> bytes:
    head = struct.pack(">hhih", api, version, correlation, -1)
    return struct.pack(">i", len(head + body)) + head + body


def answer_of(found: socket.socket) -> tuple[int, bytes]:
    """Return the correlation id and what follows of the next response; -1 when the connection is closed."""
    with found.makefile("rb", buffering=0) as stream:
        length = stream.read(4)
        if not length:
            return -1, b""
        (left,) = struct.unpack(">i", length)
        data = b""
        while len(data) < left:
            data += stream.read(left - len(data))
    return struct.unpack(">i", data[:4])[0], data[4:]


def fetch_body(wait_ms: int) -> bytes:
    name = struct.pack(">h", len(TOPIC)) + TOPIC.encode()
    one = struct.pack(">i", 1)
    limits = struct.pack(">iiiib", -1, wait_ms, 1, 1_000_000, 0)
    return limits + one + name + one + struct.pack(">iqi", 0, 0, 1_000_000)


def test_a_record_comes_to_who_waits_for_it_at_once(broker: str) -> None:
    consumer = consumer_of(broker)
    consumer.assign([TopicPartition(TOPIC, 0, 0)])
    assert consumer.poll(0.5) is None
    took_s: list[float] = []

    def wait() -> None:
        begun_s = time.monotonic()
        record = consumer.poll(10)
        assert record is not None
        assert record.value() == b"one"
        took_s.append(time.monotonic() - begun_s)

    waiting = threading.Thread(target=wait)
    waiting.start()
    send(broker, b"one")
    waiting.join()
    # The fetch would wait for 5 s.
    assert took_s[0] < 4
    consumer.close()


def test_offsets_below_and_beyond_what_is_kept_are_errors(tmp_path: Path) -> None:
    port = free_port()
    address = f"127.0.0.1:{port}"
    with running(memory_kafka_part(port, partitions=1, megabytes=1), tmp_path / "kafka.log"):
        for _ in range(4):
            send(address, b"x" * 500_000)
        consumer = consumer_of(address)
        assert consumer.get_watermark_offsets(TopicPartition(TOPIC, 0), timeout=10) == (2, 4)
        for offset in (1, 99):
            consumer.assign([TopicPartition(TOPIC, 0, offset)])
            found = consumer.poll(10)
            assert found is not None
            assert found.error() is not None
        consumer.close()


def test_topics_are_made_on_request_and_only_once(broker: str) -> None:
    admin = AdminClient({"bootstrap.servers": broker})
    for error in (None, "TOPIC_ALREADY_EXISTS"):
        (made,) = admin.create_topics([NewTopic("more", 3, 1, config={"retention.ms": "1"})]).values()
        if error is None:
            made.result(10)
        else:
            with pytest.raises(KafkaException, match=error):
                made.result(10)
    assert len(admin.list_topics(timeout=10).topics["more"].partitions) == 3


def test_who_asks_for_something_else_gets_the_answer_to_his_fetch_first(broker: str) -> None:
    with connect(broker) as found:
        found.sendall(framed(FETCH, 4, 1, fetch_body(60_000)))
        found.sendall(framed(API_VERSIONS, 0, 2))
        assert [answer_of(found)[0] for _ in range(2)] == [1, 2]


def test_a_fetch_that_finds_nothing_is_answered_when_its_time_is_over(broker: str) -> None:
    with connect(broker) as found:
        begun_s = time.monotonic()
        found.sendall(framed(FETCH, 4, 7, fetch_body(300)))
        assert answer_of(found)[0] == 7
        assert time.monotonic() - begun_s >= 0.29


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        struct.pack(">i", -5),
        struct.pack(">i", 0),
        framed(99, 0, 1),
        framed(FETCH, 11, 1, fetch_body(10)),
        framed(FETCH, 4, 1, fetch_body(10)[:-3]),
        framed(FETCH, 4, 1, struct.pack(">iiiib", -1, 10, 1, 10, 0) + struct.pack(">i", 2**31 - 1)),
        framed(0, 3, 1, struct.pack(">hhii", -1, 1, 10, 1) + struct.pack(">h", 20_000)),
    ],
    ids=["http", "below 0", "empty", "api", "version", "cut off", "array", "string"],
)
def test_what_cannot_be_understood_ends_its_connection_and_nothing_else(broker: str, data: bytes) -> None:
    with connect(broker) as found:
        found.sendall(data)
        assert answer_of(found)[0] == -1
    send(broker, b"still there")


def test_versions_are_told_in_each_version_of_the_question(broker: str) -> None:
    with connect(broker) as found:
        for version in (0, 1, 2, 3):
            found.sendall(framed(API_VERSIONS, version, version))
            correlation, content = answer_of(found)
            assert (correlation, content[:2]) == (version, b"\0\0")
        found.sendall(framed(API_VERSIONS, 9, 9))
        assert answer_of(found)[1][:2] == struct.pack(">h", 35)


def test_it_ends_when_it_is_asked_to_and_is_ready_only_when_somebody_listens() -> None:
    part = memory_kafka_part(free_port(), partitions=1)
    assert not part.ready()
    process = subprocess.Popen(part.command)
    try:
        wait_until(part.ready, "the broker")
    finally:
        process.terminate()
        assert process.wait(10) == 0
    assert not part.ready()
