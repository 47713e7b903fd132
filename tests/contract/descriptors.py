"""The .proto files as protobuf itself sees them: descriptors, dynamic message classes, all fields."""

import tempfile
from functools import cache
from importlib import resources
from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message
from grpc_tools import protoc

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "proto" / "published.txt"


@cache
def descriptor_set() -> descriptor_pb2.FileDescriptorSet:
    """Compile proto/oms/v1 and return its descriptors, imports included."""
    files = [str(path) for path in sorted((ROOT / "proto" / "oms" / "v1").glob("*.proto"))]
    include = str(resources.files("grpc_tools") / "_proto")
    with tempfile.NamedTemporaryFile() as output:
        arguments = ["protoc", f"-I{ROOT / 'proto'}", f"-I{include}", f"--descriptor_set_out={output.name}"]
        if protoc.main([*arguments, "--include_imports", *files]):
            raise RuntimeError("protoc refused proto/oms/v1; its message is above")
        return descriptor_pb2.FileDescriptorSet.FromString(Path(output.name).read_bytes())


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_set().file:
        pool.Add(file)
    return pool


def message_class(name: str) -> type[Message]:
    """Return protobuf's own class of `oms.v1.<name>`."""
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"oms.v1.{name}"))


def fields() -> list[str]:
    """Return a line for every field and enum value, with what a reader of old records relies on."""
    lines = []
    for file in descriptor_set().file:
        if file.package != "oms.v1":
            continue
        for message in file.message_type:
            for field in message.field:
                kind = field.type_name or descriptor_pb2.FieldDescriptorProto.Type.Name(field.type)
                label = descriptor_pb2.FieldDescriptorProto.Label.Name(field.label)
                lines.append(f"{message.name}.{field.name} = {field.number} {label} {kind}")
        for enum in file.enum_type:
            lines += [f"{enum.name}.{value.name} = {value.number}" for value in enum.value]
    return sorted(lines)
