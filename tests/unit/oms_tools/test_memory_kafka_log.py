"""A partition of the in-memory broker: offsets, what a producer sends twice, and what gives way."""

import struct

import pytest

from oms_tools.laptop.memory_kafka.partition_log import (
    BATCHES_REMEMBERED,
    MalformedBatchError,
    OutOfOrderError,
    PartitionLog,
)

HEAD = struct.Struct(">qiibIhiqqqhii")


def batch(
    count: int = 1, *, producer: int = -1, sequence: int = -1, epoch: int = 0, body: bytes = b"r"
) -> bytes:
    """Return a record batch of format 2 whose records are `body`."""
    length = HEAD.size - 12 + len(body)
    head = HEAD.pack(0, length, 0, 2, 7, 0, count - 1, 1, 2, producer, epoch, sequence, count)
    return head + body


def offsets_of(records: bytes) -> list[int]:
    found = []
    while records:
        offset, length = struct.unpack_from(">qi", records)
        found.append(offset)
        records = records[12 + length :]
    return found


def test_batches_get_the_offsets_of_their_records_and_are_read_from_any_of_them() -> None:
    log = PartitionLog()
    assert [log.append(batch(count)) for count in (1, 3, 2)] == [0, 1, 4]
    assert (log.start, log.end) == (0, 6)
    assert offsets_of(log.read(0, 10_000)) == [0, 1, 4]
    assert offsets_of(log.read(2, 10_000)) == [1, 4]
    assert offsets_of(log.read(0, 1)) == [0]
    assert log.read(6, 10_000) == b""
    assert log.read(4, 10_000)[8:] == batch(2)[8:]


def test_several_batches_may_come_at_once() -> None:
    log = PartitionLog()
    assert log.append(batch(2) + batch(1)) == 0
    assert offsets_of(log.read(0, 10_000)) == [0, 2]


def test_what_a_producer_sends_again_is_kept_once_and_gets_its_first_offset() -> None:
    log = PartitionLog()
    for number in range(BATCHES_REMEMBERED + 2):
        log.append(batch(2, producer=9, sequence=2 * number))
    assert log.append(batch(2, producer=9, sequence=6)) == 6
    assert log.end == 2 * (BATCHES_REMEMBERED + 2)
    with pytest.raises(OutOfOrderError):
        log.append(batch(2, producer=9, sequence=99))
    with pytest.raises(OutOfOrderError):
        log.append(batch(2, producer=9, sequence=0))
    assert log.append(batch(1, producer=9, sequence=0, epoch=1)) == log.end - 1


def test_sequence_numbers_begin_again_after_the_last_one() -> None:
    log = PartitionLog()
    log.append(batch(2, producer=9, sequence=2**31 - 2))
    assert log.append(batch(1, producer=9, sequence=0)) == 2


def test_the_oldest_batches_give_way_and_one_is_always_kept() -> None:
    log = PartitionLog(bytes_max=3 * len(batch()))
    for _ in range(5):
        log.append(batch())
    assert (log.start, log.end) == (2, 5)
    log.append(batch(body=b"x" * 1_000))
    assert (log.start, log.end) == (5, 6)


@pytest.mark.parametrize(
    "records",
    [b"x", batch()[:-1], batch()[:16] + b"\x01" + batch()[17:], struct.pack(">qi", 0, 3) + bytes(60)],
    ids=["short", "cut off", "format 1", "no room for a head"],
)
def test_what_is_no_record_batch_is_refused(records: bytes) -> None:
    log = PartitionLog()
    with pytest.raises(MalformedBatchError):
        log.append(records)
    assert log.end == 0
