"""FIX as bytes: messages cut out of a stream, however it is cut up and whatever stands between them."""

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from execution_adapter.domain.fix import wire
from execution_adapter.domain.fix.wire import (
    DATA_OF_LENGTH,
    MESSAGE_BYTES_MAX,
    Framer,
    MalformedError,
    first_value,
    id_of,
    read_fields,
    text_of,
    write_message,
)

VALUES = st.binary(max_size=12).map(lambda value: value.replace(b"\x01", b""))
TAGS = st.integers(11, 9_999).filter(
    lambda tag: tag not in DATA_OF_LENGTH and tag not in DATA_OF_LENGTH.values()
)


def message(*fields: tuple[int, bytes], msg_type: str = "8") -> bytes:
    body = b"".join(b"%d=%s\x01" % field for field in fields)
    return write_message("FIX.4.4", [(35, msg_type), (34, "7")], body)


@given(st.lists(st.tuples(TAGS, VALUES), max_size=8))
def test_fields_come_in_their_order_with_their_bytes(fields: list[tuple[int, bytes]]) -> None:
    found = read_fields(message(*fields))
    assert found[4:-1] == fields
    assert [tag for tag, _ in found[:4]] == [8, 9, 35, 34]
    assert found[-1][0] == 10


@given(st.sampled_from(sorted(DATA_OF_LENGTH)), st.binary(max_size=40))
@example(354, b"a\x0132=1")
@example(95, b"8=FIX.4.4\x019=5\x01")
def test_a_data_field_is_as_long_as_its_length_says_whatever_it_holds(length_tag: int, data: bytes) -> None:
    raw = message((length_tag, b"%d" % len(data)), (DATA_OF_LENGTH[length_tag], data), (32, b"100"))
    fields = read_fields(raw)
    assert (DATA_OF_LENGTH[length_tag], data) in fields
    assert [value for tag, value in fields if tag == 32] == [b"100"]


@pytest.mark.parametrize("length", [b"2", b"50", b"9999999"])
def test_a_data_length_that_is_wrong_makes_the_message_malformed(length: bytes) -> None:
    with pytest.raises(MalformedError, match="355"):
        read_fields(message((354, length), (355, b"abc"), (32, b"1")))


@pytest.mark.parametrize(
    "piece", [b"garbage\x01", b"=1\x01", b"-5=1\x01", b"\xff1=2\x01", b"1234567890=1\x01"]
)
def test_a_piece_without_a_tag_is_malformed(piece: bytes) -> None:
    with pytest.raises(MalformedError):
        read_fields(write_message("FIX.4.4", [(35, "8")], b"11=a\x01" + piece + b"32=1\x01"))


@given(
    st.lists(st.lists(st.tuples(TAGS, VALUES), max_size=4), min_size=1, max_size=5),
    st.lists(st.integers(1, 400), max_size=12),
)
def test_messages_are_found_however_the_stream_is_cut(
    bodies: list[list[tuple[int, bytes]]], cuts: list[int]
) -> None:
    sent = [message(*fields) for fields in bodies]
    stream = b"".join(sent)
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    framer, found = Framer(), []
    for start, end in itertools.pairwise(places):
        found += list(framer.feed(stream[start:end]))
    assert [(frame.raw, frame.problem) for frame in found] == [(raw, "") for raw in sent]


@given(st.binary(max_size=60), st.integers(0, 30), st.integers(0, 255))
@example(b"8=FIX.4.4\x01", 0, 0)
@example(b"8=FIX.4.4\x019=99999\x0135=8\x01", 0, 0)
def test_whatever_comes_before_a_message_it_is_found(noise: bytes, at: int, byte: int) -> None:
    good, broken = message((11, b"good")), bytearray(message((11, b"bad")))
    broken[at % len(broken)] = byte
    framer = Framer()
    # A second good one: the first may be taken for a part of what the noise began.
    found = list(framer.feed(noise + bytes(broken) + good + good))
    assert [frame.raw for frame in found if not frame.problem][-1:] == [good]


@given(st.binary(max_size=300))
def test_no_bytes_stop_the_framer(data: bytes) -> None:
    framer = Framer()
    list(framer.feed(data))
    list(framer.feed(data))


def test_a_stream_without_end_is_given_up() -> None:
    framer = Framer()
    found = list(framer.feed(b"8=FIX.4.4\x019=999\x01" + b"1" * (MESSAGE_BYTES_MAX + 1)))
    assert [frame.problem for frame in found] != []


def test_a_wrong_checksum_is_a_garbled_message_and_the_next_one_is_read() -> None:
    wrong = message((11, b"a"))[:-4] + b"999\x01"
    found = list(Framer().feed(wrong + message((11, b"b"))))
    assert [bool(frame.problem) for frame in found] == [True, False]


@given(st.binary(max_size=30))
def test_any_bytes_become_a_text_that_can_be_stored_and_shown(value: bytes) -> None:
    text = text_of(value)
    assert text.isprintable()
    text.encode()


def test_text_is_utf8_or_else_latin1() -> None:
    assert text_of("Ausführung".encode()) == text_of("Ausführung".encode("latin-1")) == "Ausführung"
    assert text_of(b"a\x00b") == "a\ufffdb"


@given(st.binary(min_size=1, max_size=500), st.binary(min_size=1, max_size=500))
@example(b"x" * 300, b"x" * 299 + b"y")
@example(b"\xfc", b"\xc3\xbc")
def test_two_ids_are_never_shown_as_one_and_stay_short(one: bytes, other: bytes) -> None:
    assert (id_of(one) == id_of(other)) == (one == other)
    assert len(id_of(one)) <= 3 * 200


def test_a_text_of_a_megabyte_is_cut() -> None:
    assert len(text_of(b"\xfc" * MESSAGE_BYTES_MAX)) < 1_100


def test_a_value_is_found_in_a_garbled_message() -> None:
    assert first_value(b"8=FIX.4.4\x01garbage\x0134=12\x01134=9\x01", 34) == b"12"
    assert first_value(b"134=9\x01", 34) is None


PIECES = st.sampled_from(
    (
        *(b"8=FIX.4.4\x01", b"35=8\x01", b"58=a=b\x01", b"58=\x01", b"10=000\x01", b"95=3\x01", b"95=x\x01"),
        *(b"96=a\x01b\x01", b"=\x01", b"x1=2\x01", b"1234567890=1\x01", b"\xff=1\x01", b"+1=2\x01"),
        *(b"\x01", b"58", b"12="),
    )
)


@given(st.lists(st.one_of(PIECES, st.binary(max_size=4)), max_size=8).map(b"".join))
def test_the_quick_reading_of_plain_fields_says_what_the_reading_byte_by_byte_says(raw: bytes) -> None:
    try:
        expected: object = wire._read_one_by_one(raw)
    except MalformedError as error:
        expected = str(error)
    try:
        found: object = read_fields(raw)
    except MalformedError as error:
        found = str(error)
    assert found == expected
