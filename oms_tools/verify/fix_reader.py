"""A FIX message by its fields, read by the judge alone: the services' readers are among what it judges.

A data field is as long as the field before it says, whatever bytes it holds.
"""

import hashlib
from collections.abc import Iterator
from typing import Final

_SOH: Final = b"\x01"
_ID_BYTES_MAX: Final = 200
# Tags of lengths, each with the tag of the data that follows it (FIX 4.2 to 4.4).
_DATA_OF: Final = {
    90: 91, 93: 89, 95: 96, 212: 213, 348: 349, 350: 351, 352: 353, 354: 355, 356: 357, 358: 359, 360: 361,
    362: 363, 364: 365, 445: 446, 618: 619, 621: 622,
}  # fmt: skip


def read_fields(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield each field's tag and value. What has no tag is passed over."""
    at, data_tag, length = 0, 0, 0
    while at < len(raw):
        equals = raw.find(b"=", at)
        if equals < 0:
            return
        tag = _number(raw[at:equals])
        begin, end = equals + 1, raw.find(_SOH, equals)
        if data_tag and tag == data_tag and raw[begin + length : begin + length + 1] in (_SOH, b""):
            end = begin + length
        if end < 0:
            end = len(raw)
        value = raw[begin:end]
        if tag is not None:
            yield tag, value
        data_tag = _DATA_OF.get(tag or 0, 0)
        length = _number(value) or 0
        at = end + 1


def first_values(raw: bytes) -> dict[int, bytes]:
    """Return the first value of each tag: what stands in repeating groups comes after what they are about."""
    found: dict[int, bytes] = {}
    for tag, value in read_fields(raw):
        found.setdefault(tag, value)
    return found


def id_text(value: bytes) -> str:
    """Return an id as the services show it: what is not printable ASCII is U+FFFD and its two hex digits.

    Of one with more than 200 bytes the first 100 are shown, byte FF, and a BLAKE2b digest (16 bytes) of all.
    """
    if len(value) > _ID_BYTES_MAX:
        value = value[:100] + b"\xff" + hashlib.blake2b(value, digest_size=16).hexdigest().encode()
    return "".join([chr(byte) if 32 <= byte < 127 else f"\ufffd{byte:02x}" for byte in value])


def _number(digits: bytes) -> int | None:
    return int(digits) if digits.isdigit() and len(digits) < 10 else None
