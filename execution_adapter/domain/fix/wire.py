"""FIX messages as bytes: cut out of a stream, read into fields, written.

The law of this file: a field's value is whatever stands between its `=` and the SOH that ends it, or, of a
data field, as many bytes as the length field before it says. Nothing is decoded, replaced or put in another
order. What cannot be cut that way is garbled (FIX 4.4, volume 2, "valid FIX message") and is handed on whole.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

SOH: Final = b"\x01"
# A longer message, or a stream without one, is garbled.
MESSAGE_BYTES_MAX: Final = 1 << 20
# The data fields of FIX 4.0 to 5.0 SP2, by the field right before that gives their length in bytes.
DATA_OF_LENGTH: Final = {
    90: 91,
    93: 89,
    95: 96,
    212: 213,
    348: 349,
    350: 351,
    352: 353,
    354: 355,
    356: 357,
    358: 359,
    360: 361,
    362: 363,
    364: 365,
    445: 446,
    618: 619,
    621: 622,
    1184: 1185,
    1277: 1278,
    1280: 1281,
    1282: 1283,
    1397: 1398,
    1401: 1402,
    1404: 1405,
    1468: 1469,
    1525: 1527,
    1578: 1579,
    1620: 1621,
    1664: 1665,
    1678: 1697,
    1733: 1734,
}
# What is shown, stored and sent on of a text, and of an id that is kept as it is.
TEXT_BYTES_MAX: Final = 1_000
ID_BYTES_MAX: Final = 200
_START: Final = re.compile(rb"8=FIX[^\x01=]{1,16}\x019=(\d{1,9})\x01")
_BEGIN: Final = b"8=FIX"
_TRAILER: Final = re.compile(rb"\x0110=[^\x01]*\x01")
_TRAILER_BYTES: Final = 7
_PLAIN_FIELD: Final = re.compile(rb"([0-9]{1,9})=([^\x01]*)\x01")
# Bytes between messages that say nothing.
_PADDING: Final = b"\x00\x01\r\n "

Field = tuple[int, bytes]


class MalformedError(ValueError):
    """A message that has a piece which is no field; says which."""


class Frame:
    """A message as it was cut out of a stream. problem: why it is garbled, empty when it is not."""

    __slots__ = ("problem", "raw")

    def __init__(self, raw: bytes, problem: str = "") -> None:
        self.raw = raw
        self.problem = problem


class Framer:
    """Cuts messages out of the bytes of one connection."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take bytes, and yield every message that they complete, garbled ones too."""
        buffer = self._buffer + data if self._buffer else data
        at = 0
        while True:
            frame, at = _next_frame(buffer, at)
            if frame is None:
                break
            yield frame
        self._buffer = buffer[at:]
        if len(self._buffer) > MESSAGE_BYTES_MAX:
            whole, self._buffer = self._buffer, b""
            yield Frame(whole, f"no end within {MESSAGE_BYTES_MAX} bytes")


def _next_frame(buffer: bytes, at: int) -> tuple[Frame | None, int]:
    """Return the next message and where what follows begins, or None and from where more is needed."""
    begin = buffer.find(_BEGIN, at)
    if begin < 0:
        # What may be the first bytes of a message is kept.
        kept = next((n for n in range(len(_BEGIN) - 1, 0, -1) if buffer.endswith(_BEGIN[:n], at)), 0)
        end = len(buffer) - kept
        return (_noise(buffer[at:end]), end) if end > at else (None, at)
    if begin > at and buffer[at:begin].strip(_PADDING):
        return _noise(buffer[at:begin]), begin
    head = _START.match(buffer, begin)
    if head is None:
        return _unframed(buffer, begin, "BeginString and BodyLength must come first")
    end = head.end() + int(head[1])
    if int(head[1]) > MESSAGE_BYTES_MAX:
        return _unframed(buffer, begin, f"BodyLength {head[1].decode()} is beyond {MESSAGE_BYTES_MAX}")
    if len(buffer) < end + _TRAILER_BYTES:
        # A length that lies must not hold up what came after it.
        if buffer.find(SOH + _BEGIN, begin) < 0:
            return None, begin
        return _unframed(buffer, begin, f"BodyLength {head[1].decode()} goes beyond the message")
    trailer = buffer[end : end + _TRAILER_BYTES]
    if buffer[end - 1 : end] != SOH or not (trailer.startswith(b"10=") and trailer.endswith(SOH)):
        return _unframed(buffer, begin, f"BodyLength {head[1].decode()} is not where the CheckSum stands")
    raw = buffer[begin : end + _TRAILER_BYTES]
    expected = b"%03d" % (sum(buffer[begin:end]) & 0xFF)
    problem = "" if trailer[3:6] == expected else f"CheckSum {trailer[3:6]!r} must be {expected!r}"
    return Frame(raw, problem), end + _TRAILER_BYTES


def _noise(between: bytes) -> Frame | None:
    return Frame(between, "no FIX message") if between.strip(_PADDING) else None


def _unframed(buffer: bytes, begin: int, problem: str) -> tuple[Frame | None, int]:
    """Cut a message whose length cannot be believed at its CheckSum, or where the next one begins."""
    trailer = _TRAILER.search(buffer, begin)
    following = buffer.find(SOH + _BEGIN, begin)
    ends = [trailer.end()] if trailer is not None else []
    if following >= 0:
        ends.append(following + 1)
    if not ends:
        return (
            (None, begin)
            if len(buffer) - begin <= MESSAGE_BYTES_MAX
            else (
                Frame(buffer[begin:], problem),
                len(buffer),
            )
        )
    return Frame(buffer[begin : min(ends)], problem), min(ends)


def read_fields(raw: bytes) -> list[Field]:
    """Read a message into (tag, value) in the order of the wire.

    Raises MalformedError for a piece without a tag, or a data field whose length is wrong.
    """
    found = _PLAIN_FIELD.findall(raw)
    # What the pattern passes over is missed here, byte by byte.
    if sum([len(tag) + len(value) for tag, value in found]) + 2 * len(found) == len(raw):
        plain = [(int(tag), value) for tag, value in found]
        if DATA_OF_LENGTH.keys().isdisjoint([tag for tag, _ in plain]):
            return plain
    return _read_one_by_one(raw)


def _read_one_by_one(raw: bytes) -> list[Field]:
    """Read a message that has data fields, or a piece that is no field."""
    fields: list[Field] = []
    at, size = 0, len(raw)
    data_tag = length = -1
    while at < size:
        equals = raw.find(b"=", at)
        name = raw[at:equals] if equals >= 0 else raw[at:]
        if equals < 0 or not name.isdigit() or len(name) > 9:
            raise MalformedError(f"expected tag=value at byte {at}, found {raw[at : at + 20]!r}")
        tag = int(name)
        start = equals + 1
        if tag == data_tag:
            end = start + length
            if end >= size or raw[end : end + 1] != SOH:
                raise MalformedError(f"tag {tag} must have {length} bytes, as its length field says")
        else:
            end = raw.find(SOH, start)
            if end < 0:
                raise MalformedError(f"tag {tag} has no end")
        value = raw[start:end]
        fields.append((tag, value))
        data_tag = DATA_OF_LENGTH.get(tag, -1)
        if data_tag >= 0:
            if not value.isdigit() or len(value) > 9:
                data_tag = -1
            else:
                length = int(value)
        at = end + 1
    return fields


def first_value(raw: bytes, tag: int) -> bytes | None:
    """Find a field's value in a message that may be garbled; None when it is not there."""
    found = re.search(rb"(?:^|\x01)%d=([^\x01]*)" % tag, raw)
    return None if found is None else found[1]


def text_of(value: bytes) -> str:
    """Return bytes as text that may be shown, stored and sent on: what is no text is replaced.

    Bytes that are not UTF-8 are taken for Latin-1; control characters, NUL among them, are shown as �. A text
    that no message could carry on is cut.
    """
    if len(value) > TEXT_BYTES_MAX:
        value = value[:TEXT_BYTES_MAX] + b"..."
    if value.isascii():
        text = value.decode("ascii")
    else:
        try:
            text = value.decode("utf-8")
        except UnicodeDecodeError:
            text = value.decode("latin-1")
    return text if text.isprintable() else "".join([c if c.isprintable() else "\ufffd" for c in text])


def id_of(value: bytes) -> str:
    """Return an id as text, one for each id: what is not printable ASCII is U+FFFD and its hex.

    A long one ends in a digest of all of it.
    """
    if len(value) > ID_BYTES_MAX:
        digest = hashlib.blake2b(value, digest_size=16).hexdigest()
        value = value[: ID_BYTES_MAX // 2] + b"\xff" + digest.encode()
    if value.isascii() and (text := value.decode("ascii")).isprintable():
        return text
    return "".join([chr(byte) if 32 <= byte < 127 else f"\ufffd{byte:02x}" for byte in value])


def utc_timestamp(at: datetime) -> str:
    """Write a UTCTimestamp to the microsecond."""
    return f"{at:%Y%m%d-%H:%M:%S}.{at.microsecond:06d}"


def write_message(begin_string: str, head: Sequence[tuple[int, str]], body: bytes) -> bytes:
    """Write a message. head: MsgType and what follows it up to the body; body: fields with their SOH."""
    content = "".join([f"{tag}={value}\x01" for tag, value in head]).encode() + body
    return framed(begin_string.encode(), content)


def framed(begin_string: bytes, content: bytes) -> bytes:
    """Put BeginString, BodyLength and CheckSum around a message's content."""
    message = b"8=%s\x019=%d\x01%s" % (begin_string, len(content), content)
    return b"%s10=%03d\x01" % (message, sum(message) & 0xFF)
