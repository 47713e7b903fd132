"""FIX messages as bytes, made and taken apart without any library: a test may write what no library would.

The law of this file: what was received is kept as it came, fields in their order, and nothing is repaired.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

SOH: Final = b"\x01"
BEGIN_STRING: Final = b"FIX.4.4"
_TRAILER_BYTES: Final = len(b"10=000\x01")

# What a field's value may be given as.
Value = bytes | str | int
Fields = list[tuple[int, Value]]


def as_bytes(value: Value) -> bytes:
    """Return a field's value as it goes on the wire."""
    if isinstance(value, bytes):
        return value
    return str(value).encode()


def join(fields: Iterable[tuple[int, Value]]) -> bytes:
    """Write fields, each with its separator."""
    return b"".join(b"%d=%s\x01" % (tag, as_bytes(value)) for tag, value in fields)


def timestamp(at: datetime | None = None) -> bytes:
    """Write a UTCTimestamp with milliseconds; now when none is given."""
    at = at or datetime.now(UTC)
    return f"{at:%Y%m%d-%H:%M:%S}.{at.microsecond // 1000:03d}".encode()


def frame(content: bytes, *, begin_string: bytes = BEGIN_STRING, checksum: int | None = None) -> bytes:
    """Put BeginString, BodyLength and CheckSum around a message's content. checksum: a wrong one."""
    head = b"8=%s\x019=%d\x01" % (begin_string, len(content)) + content
    total = sum(head) % 256 if checksum is None else checksum
    return head + b"10=%03d\x01" % total


@dataclass(frozen=True, slots=True)
class Message:
    """A message that was received: its bytes, and its fields in their order."""

    raw: bytes
    fields: tuple[tuple[int, bytes], ...]

    def get(self, tag: int) -> bytes | None:
        """Return the first value of a field, None where it is not there."""
        return next((value for found, value in self.fields if found == tag), None)

    def text(self, tag: int) -> str:
        """Return the first value of a field as text, empty where it is not there."""
        return (self.get(tag) or b"").decode("latin-1")

    def number(self, tag: int) -> int:
        """Return the first value of a field as a number, 0 where it is not there."""
        return int(self.get(tag) or b"0")

    @property
    def msg_type(self) -> str:
        """MsgType (35)."""
        return self.text(35)

    @property
    def seq(self) -> int:
        """MsgSeqNum (34)."""
        return self.number(34)

    @property
    def poss_dup(self) -> bool:
        """Whether it is sent again (PossDupFlag, 43)."""
        return self.get(43) == b"Y"

    @property
    def shown(self) -> str:
        """The message as a person reads it."""
        return self.raw.replace(SOH, b"|").decode("latin-1")


def read_message(raw: bytes) -> Message:
    """Take a message apart. What the platform sends has no data fields, so every SOH ends a field.

    What has no tag is found under tag -1.
    """
    fields = []
    for part in raw.split(SOH)[:-1]:
        tag, _, value = part.partition(b"=")
        fields.append((int(tag), value) if tag.isdigit() else (-1, part))
    return Message(raw, tuple(fields))


def cut(received: bytes) -> tuple[list[Message], bytes]:
    """Cut what was received into whole messages and what is left. Raises ValueError for what is no FIX."""
    messages = []
    while received:
        if not b"8=FIX".startswith(received[:5]):
            raise ValueError(f"expected BeginString, found {received[:40]!r}")
        length_at = received.find(b"\x019=")
        ends = received.find(SOH, length_at + 1)
        if length_at < 0 or ends < 0:
            break
        body_length = int(received[length_at + 3 : ends])
        whole = ends + 1 + body_length + _TRAILER_BYTES
        if len(received) < whole:
            break
        messages.append(read_message(received[:whole]))
        received = received[whole:]
    return messages, received
