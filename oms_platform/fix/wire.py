"""FIX on the wire: bytes into messages, messages into fields, fields into messages.

Every byte is one character of a text (Latin-1), so any byte is read, kept and written back exactly. A data
field is as long as the length field before it says, whatever it holds. Pure.
"""

import re
from typing import Final, NamedTuple

SOH: Final = "\x01"
BEGIN_STRING: Final = "FIX.4.4"
ENCODING: Final = "latin-1"
# A message that says it is longer is none: what follows its first field is looked at again.
BODY_LENGTH_MAX: Final = 1 << 20
_BODY_LENGTH_DIGITS_MAX: Final = 9
_CHECKSUM_BYTES: Final = len("10=000\x01")
_HEAD: Final = re.compile(rb"8=[^\x01]{1,32}\x019=([0-9]{1,9})\x01")
# A head of which not all has come yet: what may still become one.
_HEAD_PART: Final = re.compile(rb"8(=[^\x01]{0,32}(\x01(9(=[0-9]{0,9})?)?)?)?")
_CHECKSUM: Final = b"\x0110="
# Data fields by the field that gives their length (FIX 4.4, volume 6: LENGTH before data).
DATA_FIELDS: Final = {
    "90": "91",
    "93": "89",
    "95": "96",
    "212": "213",
    "348": "349",
    "350": "351",
    "352": "353",
    "354": "355",
    "356": "357",
    "358": "359",
    "360": "361",
    "362": "363",
    "364": "365",
    "445": "446",
    "618": "619",
    "621": "622",
}
_DATA_LENGTH: Final = re.compile(f"\x01(?:{'|'.join(DATA_FIELDS)})=")

Field = tuple[str, str]


class Frame(NamedTuple):
    """What came between two messages' ends. whole: its first fields, length and checksum are as FIX says."""

    raw: bytes
    whole: bool


class FrameReader:
    """Cuts a stream of bytes into messages. Bounded by the longest message that it takes."""

    def __init__(self, body_length_max: int = BODY_LENGTH_MAX) -> None:
        self._waiting = b""
        self._body_length_max = body_length_max

    def feed(self, data: bytes) -> list[Frame]:
        """Return the messages that are complete with `data`."""
        buffer = self._waiting + data if self._waiting else data
        frames: list[Frame] = []
        place = 0
        while (end := self._next(buffer, place, frames)) is not None:
            place = end
        self._waiting = buffer[place:]
        return frames

    def _next(self, buffer: bytes, place: int, frames: list[Frame]) -> int | None:
        """Take one message or some rubbish out. Returns where to go on, None when more bytes are needed."""
        start = buffer.find(b"8=", place)
        if start < 0:
            # What may be half of a beginning stays; the rest is no message's.
            last = max(place, len(buffer) - 1)
            return last if last > place else None
        head = _HEAD.match(buffer, start)
        if head is None:
            if _HEAD_PART.fullmatch(buffer, start) is not None:
                return None if start == place else start
            frames.append(Frame(buffer[place : start + 2], whole=False))
            return start + 2
        length = int(head[1])
        if length > self._body_length_max:
            frames.append(Frame(buffer[place : head.end()], whole=False))
            return head.end()
        body_end = head.end() + length
        found = buffer.find(_CHECKSUM, body_end - 1)
        end = buffer.find(b"\x01", found + len(_CHECKSUM)) if found >= 0 else -1
        if end < 0:
            if len(buffer) - body_end > self._body_length_max:
                frames.append(Frame(buffer[place : head.end()], whole=False))
                return head.end()
            return None
        raw = buffer[start : end + 1]
        whole = found == body_end - 1 and _is_whole(raw, head.end() - start)
        frames.append(Frame(raw, whole))
        return end + 1


def _is_whole(raw: bytes, body_start: int) -> bool:
    """Say whether the third field is the type and the checksum that of the bytes before it."""
    if not raw.startswith(b"35=", body_start):
        return False
    return raw[-_CHECKSUM_BYTES:] == checksum_field(raw[:-_CHECKSUM_BYTES])


def checksum_field(before: bytes) -> bytes:
    """Return CheckSum (10) of the bytes before it."""
    return b"10=%03d\x01" % (sum(before) & 255)


class MalformedFieldError(ValueError):
    """A part of a message is no field. tag: as far as it can be told, else ""."""

    def __init__(self, tag: str, text: str) -> None:
        super().__init__(text)
        self.tag = tag


def split_fields(text: str) -> list[Field]:
    """Return a message's fields, tag and value, in their order. Raises MalformedFieldError.

    A data field that is not as long as its length field says is malformed.
    """
    if _DATA_LENGTH.search(text) is None:
        fields = []
        for part in text.removesuffix(SOH).split(SOH):
            tag, separator, value = part.partition("=")
            if not separator:
                raise MalformedFieldError("", f"expected tag=value, found {part[:32]!r}")
            fields.append((tag, value))
        return fields
    return _split_with_data(text)


def _split_with_data(text: str) -> list[Field]:
    fields: list[Field] = []
    place = 0
    while place < len(text):
        equals = text.find("=", place)
        end = text.find(SOH, place)
        end = len(text) if end < 0 else end
        if not place <= equals < end:
            raise MalformedFieldError("", f"expected tag=value, found {text[place:end][:32]!r}")
        tag = text[place:equals]
        before = fields[-1] if fields else ("", "")
        if DATA_FIELDS.get(before[0]) == tag:
            end = _data_end(text, equals + 1, before)
        fields.append((tag, text[equals + 1 : end]))
        place = end + 1
    return fields


def _data_end(text: str, start: int, length: Field) -> int:
    """Return where a data field ends, by the field before it. Raises MalformedFieldError."""
    tag, digits = length
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _BODY_LENGTH_DIGITS_MAX):
        raise MalformedFieldError(tag, f"tag {tag} must be a length, was {digits[:32]!r}")
    end = start + int(digits)
    if text[end : end + 1] != SOH:
        raise MalformedFieldError(tag, f"tag {tag} says {digits} bytes, the field has others")
    return end


def assemble(body: str) -> bytes:
    """Return the message whose fields, from MsgType (35) on, are `body`: with length and checksum."""
    before = f"8={BEGIN_STRING}{SOH}9={len(body)}{SOH}{body}".encode(ENCODING, "replace")
    return before + checksum_field(before)
