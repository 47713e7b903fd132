"""The msgspec Structs and the .proto files say the same, field by field, in protobuf's own JSON."""

import json
import re
import types
import typing
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import msgspec
import pytest
from google.protobuf import json_format

from oms_platform.messages import RouteRequest
from oms_platform.proto_bridge import UnreadableProtoError, from_proto, to_proto
from oms_platform.vocabulary import Message
from oms_platform.wire import TOPIC_MESSAGES, UnreadableMessageError, decode, encode
from proto.gen.oms import v1
from tests.contract.descriptors import PUBLISHED, fields, is_reserved, message_class, messages

MESSAGES = [message for messages in TOPIC_MESSAGES.values() for message in messages]
SCALARS = {
    UUID: UUID("01900000-0000-7000-8000-000000000001"),
    str: "text",
    int: 7,
    bool: True,
    Decimal: Decimal("187.250000"),
    datetime: datetime(2026, 11, 2, 14, 30, 0, 123456, tzinfo=UTC),
}


def example(kind: Any) -> Any:
    """Return a value of a Struct's field type, with every field of nested Structs filled in."""
    origin = typing.get_origin(kind)
    if origin is typing.Annotated:
        return 7
    if origin in (typing.Union, types.UnionType):
        return example(next(option for option in typing.get_args(kind) if option is not type(None)))
    if origin is tuple:
        return (example(typing.get_args(kind)[0]),) * 2
    if isinstance(kind, type) and issubclass(kind, Message):
        hints = typing.get_type_hints(kind, include_extras=True)
        return kind(**{field.name: example(hints[field.name]) for field in msgspec.structs.fields(kind)})
    if isinstance(kind, type) and issubclass(kind, Enum):
        return list(kind)[-1]
    return SCALARS[kind]


@pytest.mark.parametrize("struct", MESSAGES, ids=lambda s: s.__name__)
def test_a_message_comes_back_the_same_from_protobufs_own_json(struct: type[Message]) -> None:
    message = example(struct)
    wire = json_format.Parse(encode(message), message_class(struct.__name__)())
    back = json_format.MessageToJson(wire).encode()
    # protobuf writes 64-bit integers as JSON strings, and reads ours, which are numbers.
    assert msgspec.json.decode(back, type=struct, strict=False) == message
    assert json_format.Parse(back, message_class(struct.__name__)()) == wire


@pytest.mark.parametrize("struct", MESSAGES, ids=lambda s: s.__name__)
def test_defaults_are_left_out_and_read_back(struct: type[Message]) -> None:
    hints = typing.get_type_hints(struct, include_extras=True)
    required = {f.name: example(hints[f.name]) for f in msgspec.structs.fields(struct) if f.required}
    message = struct(**required)
    assert set(json.loads(encode(message))) == {
        f.encode_name for f in msgspec.structs.fields(struct) if f.required
    }
    assert decode(struct.__name__, encode(message)) == message


@pytest.mark.parametrize("struct", MESSAGES, ids=lambda s: s.__name__)
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "defaults"])
def test_a_message_comes_back_the_same_over_grpcs_classes(struct: type[Message], whole: bool) -> None:
    hints = typing.get_type_hints(struct, include_extras=True)
    wanted = [field for field in msgspec.structs.fields(struct) if whole or field.required]
    message = struct(**{field.name: example(hints[field.name]) for field in wanted})
    kind = getattr(v1, struct.__name__)
    assert from_proto(kind().parse(bytes(to_proto(message, kind))), struct) == message


def test_a_generated_message_that_makes_no_struct_names_the_field() -> None:
    with pytest.raises(UnreadableProtoError, match="route_id"):
        from_proto(v1.RouteRequest(route_id="x"), RouteRequest)


def test_a_field_that_readers_do_not_know_yet_is_passed_over() -> None:
    message = example(MESSAGES[0])
    newer = json.loads(encode(message)) | {"addedLater": 1}
    assert decode(type(message).__name__, json.dumps(newer).encode()) == message


@pytest.mark.parametrize(
    ("name", "payload"), [("SubmitOrder", b"{"), ("SubmitOrder", b"{}"), ("Nonsense", b"{}")]
)
def test_what_cannot_be_read_says_what_was_wrong(name: str, payload: bytes) -> None:
    with pytest.raises(UnreadableMessageError, match=name):
        decode(name, payload)


# Messages that are gone were only ever parts of others, whose fields for them are reserved.
GONE = {"RouteLeg", "PlacedLeg"}


def test_what_was_published_is_as_it_was_or_reserved() -> None:
    for line in sorted(set(PUBLISHED.read_text().splitlines()) - set(fields())):
        named = re.match(r"(\w+)\.(\w+) = (\d+)", line)
        assert named is not None
        message, field, number = named[1], named[2], int(named[3])
        gone = message in GONE and message not in messages()
        assert gone or is_reserved(message, field, number), line


def test_every_field_is_on_the_published_list() -> None:
    missing = set(fields()) - set(PUBLISHED.read_text().splitlines())
    assert not missing, f"`make proto` adds these: {sorted(missing)}"
