"""The .proto files as protobuf itself sees them: dynamic message classes, all fields, what is reserved."""

from collections.abc import Iterator
from functools import cache

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.message import Message

from proto.structs import ROOT, compiled

PUBLISHED = ROOT / "proto" / "published.txt"


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    return compiled()


def message_class(name: str) -> type[Message]:
    """Return protobuf's own class of `oms.v1.<name>`."""
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"oms.v1.{name}"))


def _files() -> Iterator[tuple[FileDescriptor, descriptor_pb2.FileDescriptorProto]]:
    for path in sorted((ROOT / "proto" / "oms" / "v1").glob("*.proto")):
        file = _pool().FindFileByName(f"oms/v1/{path.name}")
        copy = descriptor_pb2.FileDescriptorProto()
        file.CopyToProto(copy)
        yield file, copy


def fields() -> list[str]:
    """Return a line for every field and enum value, with what a reader of old records relies on."""
    lines = []
    for _, file in _files():
        for message in file.message_type:
            for field in message.field:
                kind = field.type_name or descriptor_pb2.FieldDescriptorProto.Type.Name(field.type)
                label = descriptor_pb2.FieldDescriptorProto.Label.Name(field.label)
                lines.append(f"{message.name}.{field.name} = {field.number} {label} {kind}")
        for enum in file.enum_type:
            lines += [f"{enum.name}.{value.name} = {value.number}" for value in enum.value]
    return sorted(lines)


def messages() -> set[str]:
    """Return the names of all messages."""
    return {message.name for _, file in _files() for message in file.message_type}


def is_reserved(message_name: str, field_name: str, number: int) -> bool:
    """Return whether a field that is gone cannot come back as another one, by its number or its name."""
    for _, file in _files():
        for message in file.message_type:
            if message.name == message_name:
                numbers = any(span.start <= number < span.end for span in message.reserved_range)
                return numbers and field_name in message.reserved_name
    return False
