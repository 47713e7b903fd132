"""Protobuf as a client sends it, read without a guess: what is not the message, whole, is refused.

Protobuf leaves out a value of another type than its field's, takes the last of two, and reads a number of 33
bits as its lower 32. So every byte is looked at before it reads them.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp

_VARINT: Final = 0
_FIXED_64: Final = 1
_LENGTH: Final = 2
_FIXED_32: Final = 5
_WIDTHS: Final = {_FIXED_32: 4, _FIXED_64: 8}
_WIRE_TYPES: Final[Mapping[int, int]] = {
    FieldDescriptor.TYPE_STRING: _LENGTH,
    FieldDescriptor.TYPE_BYTES: _LENGTH,
    FieldDescriptor.TYPE_MESSAGE: _LENGTH,
    FieldDescriptor.TYPE_DOUBLE: _FIXED_64,
    FieldDescriptor.TYPE_FIXED64: _FIXED_64,
    FieldDescriptor.TYPE_SFIXED64: _FIXED_64,
    FieldDescriptor.TYPE_FLOAT: _FIXED_32,
    FieldDescriptor.TYPE_FIXED32: _FIXED_32,
    FieldDescriptor.TYPE_SFIXED32: _FIXED_32,
}
_TYPE_NAMES: Final = {
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_ENUM: "enum",
    FieldDescriptor.TYPE_UINT32: "uint32",
    FieldDescriptor.TYPE_SINT32: "sint32",
    FieldDescriptor.TYPE_BOOL: "bool",
}
_TIMESTAMP: Final = Timestamp.DESCRIPTOR.full_name
_NEGATIVE_32_MIN: Final = 2**64 - 2**31
_SECONDS_MIN: Final = int(datetime(1, 1, 1, tzinfo=UTC).timestamp())
_SECONDS_MAX: Final = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())
_NANOS_MAX: Final = 10**9 - 1


class MalformedMessageError(ValueError):
    """Bytes that are not the message they are said to be; the text says where and why."""


class _Field(NamedTuple):
    """A field of a message. held: the descriptor of the message that it holds, if it holds one."""

    name: str
    type: int
    wire_type: int
    repeated: bool
    held: Any


@lru_cache
def _fields(descriptor: Any) -> dict[int, _Field]:
    return {
        field.number: _Field(
            name=field.name,
            type=field.type,
            wire_type=_WIRE_TYPES.get(field.type, _VARINT),
            repeated=field.is_repeated,
            held=field.message_type,
        )
        for field in descriptor.fields
    }


def read_message(data: bytes, kind: Any) -> Any:
    """Read a message of one of protobuf's classes. Raises MalformedMessageError.

    Refused are a message that ends early, text that is not UTF-8, a value of another type or beyond its type,
    a field that the message does not have, and a single field that is given twice.
    """
    _check(data, 0, len(data), kind.DESCRIPTOR, "")
    try:
        return kind.FromString(data)
    except DecodeError as error:
        raise MalformedMessageError("protobuf cannot read it") from error


def _check(data: bytes, at: int, end: int, descriptor: Any, path: str) -> None:
    fields = _fields(descriptor)
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
    if descriptor.full_name == _TIMESTAMP:
        _check_time(data[began:end], path.rstrip("."))


def _check_value(data: bytes, at: int, end: int, field: _Field, wire_type: int, name: str) -> int:
    """Check a field's value and return where it ends."""
    packed = field.repeated and wire_type == _LENGTH
    if wire_type != field.wire_type and not packed:
        raise MalformedMessageError(f"{name} must be of wire type {field.wire_type}, was {wire_type}")
    if wire_type == _VARINT:
        value, at = _varint(data, at, end, name)
        _check_number(value, field.type, name)
        return at
    if wire_type == _LENGTH:
        length, at = _varint(data, at, end, name)
    else:
        length = _WIDTHS[wire_type]
    if length > end - at:
        raise MalformedMessageError(f"{name} must have {length} bytes, {end - at} are there")
    if wire_type != field.wire_type:
        _check_packed(data, at, at + length, field, name)
    elif field.held is not None:
        _check(data, at, at + length, field.held, f"{name}.")
    elif field.type == FieldDescriptor.TYPE_STRING:
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


def _check_number(value: int, kind: int, name: str) -> None:
    match kind:
        case FieldDescriptor.TYPE_INT32 | FieldDescriptor.TYPE_ENUM:
            fits = value < 2**31 or value >= _NEGATIVE_32_MIN
        case FieldDescriptor.TYPE_UINT32 | FieldDescriptor.TYPE_SINT32:
            fits = value < 2**32
        case FieldDescriptor.TYPE_BOOL:
            fits = value < 2
        case _:
            return
    if not fits:
        raise MalformedMessageError(f"{name} must fit {_TYPE_NAMES[kind]}")


def _check_time(data: bytes, name: str) -> None:
    time = Timestamp.FromString(data)
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
