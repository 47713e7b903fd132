"""Protobuf as a client sends it, read without a guess: what is not the message, whole, is refused.

betterproto reads a cut message as a shorter one, a value of another wire type as its field's, and a number of
33 bits as its lower 32. So every byte is looked at before it reads them.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeVar

import betterproto
from betterproto.lib.google.protobuf import Timestamp

MessageT = TypeVar("MessageT")
_WIRE_TYPES: Final[Mapping[str, int]] = {
    **dict.fromkeys(betterproto.WIRE_VARINT_TYPES, betterproto.WIRE_VARINT),
    **dict.fromkeys(betterproto.WIRE_FIXED_32_TYPES, betterproto.WIRE_FIXED_32),
    **dict.fromkeys(betterproto.WIRE_FIXED_64_TYPES, betterproto.WIRE_FIXED_64),
    **dict.fromkeys(betterproto.WIRE_LEN_DELIM_TYPES, betterproto.WIRE_LEN_DELIM),
}
_WIDTHS: Final = {betterproto.WIRE_FIXED_32: 4, betterproto.WIRE_FIXED_64: 8}
_NEGATIVE_32_MIN: Final = 2**64 - 2**31
_SECONDS_MIN: Final = int(datetime(1, 1, 1, tzinfo=UTC).timestamp())
_SECONDS_MAX: Final = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())
_NANOS_MAX: Final = 10**9 - 1


class MalformedMessageError(ValueError):
    """Bytes that are not the message they are said to be; the text says where and why."""


class _Field(NamedTuple):
    """A field of a message. kind: of the message that it holds, if it holds one."""

    name: str
    proto_type: str
    wire_type: int
    repeated: bool
    kind: Any


@lru_cache
def _fields(kind: Any) -> dict[int, _Field]:
    meta = kind()._betterproto
    found = {}
    for number, name in meta.field_name_by_number.items():
        proto_type = meta.meta_by_field_name[name].proto_type
        held = meta.cls_by_field[name] if proto_type == betterproto.TYPE_MESSAGE else None
        found[number] = _Field(
            name=name,
            proto_type=proto_type,
            wire_type=_WIRE_TYPES[proto_type],
            repeated=meta.default_gen[name] is list,
            kind=Timestamp if held is datetime else held,
        )
    return found


def read_message(data: bytes, kind: type[MessageT]) -> MessageT:
    """Read a message of a generated class. Raises MalformedMessageError.

    Refused are a message that ends early, text that is not UTF-8, a value of another type or beyond its type,
    a field that the message does not have, and a single field that is given twice.
    """
    _check(data, 0, len(data), kind, "")
    message: MessageT = kind().parse(data)  # type: ignore[attr-defined]
    return message


def _check(data: bytes, at: int, end: int, kind: Any, path: str) -> None:
    fields = _fields(kind)
    seen: set[int] = set()
    began = at
    while at < end:
        key, at = _varint(data, at, end, path or "the message")
        number, wire_type = key >> 3, key & 7
        field = fields.get(number)
        if field is None:
            where = f"{path.rstrip('.')} has" if path else "there is"
            raise MalformedMessageError(f"{where} no field {number}")
        name = f"{path}{field.name}"
        if number in seen and not field.repeated:
            raise MalformedMessageError(f"{name} is given more than once")
        seen.add(number)
        at = _check_value(data, at, end, field, wire_type, name)
    if kind is Timestamp:
        _check_time(bytes(data[began:end]), path.rstrip("."))


def _check_value(data: bytes, at: int, end: int, field: _Field, wire_type: int, name: str) -> int:
    """Check a field's value and return where it ends."""
    packed = field.repeated and field.proto_type in betterproto.PACKED_TYPES
    if wire_type != field.wire_type and not (packed and wire_type == betterproto.WIRE_LEN_DELIM):
        raise MalformedMessageError(f"{name} must be of wire type {field.wire_type}, was {wire_type}")
    if wire_type == betterproto.WIRE_VARINT:
        value, at = _varint(data, at, end, name)
        _check_number(value, field.proto_type, name)
        return at
    if wire_type == betterproto.WIRE_LEN_DELIM:
        length, at = _varint(data, at, end, name)
    else:
        length = _WIDTHS[wire_type]
    if length > end - at:
        raise MalformedMessageError(f"{name} must have {length} bytes, {end - at} are there")
    if wire_type != field.wire_type:
        _check_packed(data, at, at + length, field, name)
    elif field.kind is not None:
        _check(data, at, at + length, field.kind, f"{name}.")
    elif field.proto_type == betterproto.TYPE_STRING:
        _check_text(data[at : at + length], name)
    return at + length


def _check_packed(data: bytes, at: int, end: int, field: _Field, name: str) -> None:
    while at < end:
        at = _check_value(data, at, end, field._replace(repeated=False), field.wire_type, name)


def _check_text(text: bytes, name: str) -> None:
    try:
        text.decode()
    except UnicodeDecodeError as error:
        raise MalformedMessageError(f"{name} must be UTF-8, byte {error.start} is not") from error


def _check_number(value: int, proto_type: str, name: str) -> None:
    fits = {
        betterproto.TYPE_INT32: value < 2**31 or value >= _NEGATIVE_32_MIN,
        betterproto.TYPE_ENUM: value < 2**31 or value >= _NEGATIVE_32_MIN,
        betterproto.TYPE_UINT32: value < 2**32,
        betterproto.TYPE_SINT32: value < 2**32,
        betterproto.TYPE_BOOL: value < 2,
    }
    if not fits.get(proto_type, True):
        raise MalformedMessageError(f"{name} must fit {proto_type}")


def _check_time(data: bytes, name: str) -> None:
    time = Timestamp().parse(data)
    if not (_SECONDS_MIN <= time.seconds <= _SECONDS_MAX and 0 <= time.nanos <= _NANOS_MAX):
        raise MalformedMessageError(f"{name} must be a time of the years 1 to 9999")


def _varint(data: bytes, at: int, end: int, name: str) -> tuple[int, int]:
    """Return a varint and where it ends."""
    value = shift = 0
    while at < end:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            if value >= 2**64:
                break
            return value, at
        if shift == 70:
            break
    else:
        raise MalformedMessageError(f"{name} ends within a number")
    raise MalformedMessageError(f"{name} has a number of more than 64 bits")
