"""Between the Structs that Kafka carries and the generated classes of the same messages that gRPC carries.

Field by field: the contract test holds both together, and round-trips every message over this bridge. It is
slow, and nothing on an order's way goes over it. betterproto's own JSON is no way across: it drops the prefix
of an enum's names, which the proto3 mapping keeps.
"""

import enum
import types
import typing
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, TypeVar
from uuid import UUID

import betterproto
import msgspec

from oms_platform.vocabulary import Message

ProtoT = TypeVar("ProtoT")
StructT = TypeVar("StructT", bound=Message)
# What betterproto gives for a timestamp that was not set.
_UNSET_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)


class UnreadableProtoError(ValueError):
    """A generated message does not make the Struct; the text names the field and what was found."""


def to_proto(struct: Message, kind: type[ProtoT]) -> ProtoT:
    """Return a Struct as the generated class of the same message."""
    classes: dict[str, Any] = kind()._betterproto.cls_by_field  # type: ignore[attr-defined]
    values = {
        name: _to_value(value, classes.get(name))
        for name in struct.__struct_fields__
        if (value := getattr(struct, name)) is not None
    }
    return kind(**values)


def _to_value(value: Any, cls: Any) -> Any:
    if isinstance(value, enum.Enum):
        return cls[value.name]
    if isinstance(value, Message):
        return to_proto(value, cls)
    if isinstance(value, tuple):
        return [_to_value(item, cls) for item in value]
    return str(value) if isinstance(value, Decimal | UUID) else value


def from_proto(message: Any, kind: type[StructT]) -> StructT:
    """Return a generated message as the Struct of the same message. Raises UnreadableProtoError."""
    values = {}
    for name, wanted, optional, required in _fields(kind):
        found = getattr(message, name)
        if not required and found == "":
            continue
        try:
            value = _from_value(found, wanted, optional=optional)
        except (ValueError, KeyError, ArithmeticError, TypeError) as error:
            raise UnreadableProtoError(f"{name}: {error}") from error
        values[name] = value
    return kind(**values)


@lru_cache
def _fields(kind: type[Message]) -> tuple[tuple[str, Any, bool, bool], ...]:
    """Return each field's name, its type without None, whether None is allowed, whether it is required."""
    found = []
    for field in msgspec.structs.fields(kind):
        arguments = typing.get_args(field.type)
        union = typing.get_origin(field.type) in (types.UnionType, typing.Union)
        wanted = next(item for item in arguments if item is not types.NoneType) if union else field.type
        found.append((field.name, wanted, union, field.required))
    return tuple(found)


def _from_value(value: Any, wanted: Any, *, optional: bool) -> Any:
    if typing.get_origin(wanted) is tuple:
        item_type = typing.get_args(wanted)[0]
        return tuple(_from_value(item, item_type, optional=False) for item in value)
    if isinstance(wanted, type) and issubclass(wanted, Message):
        unset = optional and not betterproto.serialized_on_wire(value)
        return None if unset else from_proto(value, wanted)
    if value is None or (optional and value == _UNSET_TIME):
        if not optional:
            raise ValueError("expected a value, found none")
        return None
    if isinstance(wanted, type) and issubclass(wanted, enum.Enum):
        return wanted[value.name]
    if wanted is Decimal or wanted is UUID:
        return wanted(value)
    return value
