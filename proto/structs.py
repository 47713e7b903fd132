"""Write the msgspec Structs of proto/oms/v1: `python -m proto.structs`, a part of `make proto`.

types.proto becomes oms_platform/vocabulary.py, messages.proto becomes oms_platform/messages.py. The .proto
files are the only field list; options.proto says what protobuf's types do not (required, UUID, decimal).
"""

import re
import sys
import tempfile
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Final

from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, FileDescriptor
from grpc_tools import protoc

ROOT: Final = Path(__file__).parents[1]
VOCABULARY: Final = "types"
MESSAGES: Final = "messages"
OUTPUTS: Final = {
    VOCABULARY: ROOT / "oms_platform" / "vocabulary.py",
    MESSAGES: ROOT / "oms_platform" / "messages.py",
}
_PACKAGE: Final = "oms.v1"
_LINE_LENGTH: Final = 110
_SCALARS: Final = {
    FieldDescriptor.TYPE_STRING: ("str", '""'),
    FieldDescriptor.TYPE_INT32: ("Int32", "0"),
    FieldDescriptor.TYPE_INT64: ("Int64", "0"),
    FieldDescriptor.TYPE_BOOL: ("bool", "False"),
}
_VOCABULARY_HEAD: Final = '''"""{title}

Generated from proto/oms/v1/types.proto by `make proto`, never edited.
"""

import enum
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

# Whole numbers that fit their column and their protobuf type: others are refused when a message is read.
Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel", gc=False):
    """Base of every message and of what they carry: immutable, proto3 JSON names, defaults left out."""
'''
_MESSAGES_HEAD: Final = '''"""{title}

Generated from proto/oms/v1/messages.proto by `make proto`, never edited.
"""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from oms_platform.vocabulary import {imported}
'''


def compiled() -> descriptor_pool.DescriptorPool:
    """Compile proto/oms/v1 with its comments. Raises RuntimeError when protoc refuses it."""
    files = [str(path) for path in sorted((ROOT / "proto" / "oms" / "v1").glob("*.proto"))]
    include = str(resources.files("grpc_tools") / "_proto")
    with tempfile.NamedTemporaryFile() as output:
        arguments = ["protoc", f"-I{ROOT / 'proto'}", f"-I{include}", f"--descriptor_set_out={output.name}"]
        if protoc.main([*arguments, "--include_imports", "--include_source_info", *files]):
            raise RuntimeError("protoc refused proto/oms/v1; its message is above")
        found = descriptor_pb2.FileDescriptorSet.FromString(Path(output.name).read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in found.file:
        pool.Add(file)
        if file.package != _PACKAGE:
            continue
        _comments[file.name] = {
            tuple(place.path): place.leading_comments or place.trailing_comments
            for place in file.source_code_info.location
        }
        _options[file.name] = {
            (message.name, field.name): _flags(field)
            for message in file.message_type
            for field in message.field
        }
    return pool


_comments: Final[dict[str, dict[tuple[int, ...], str]]] = {}
_options: Final[dict[str, dict[tuple[str, str], frozenset[str]]]] = {}
_FLAGS: Final = {50001: "required", 50002: "uuid", 50003: "decimal"}


def _flags(field: descriptor_pb2.FieldDescriptorProto) -> frozenset[str]:
    """Return which extensions of options.proto a field sets: unknown to this pool, so read from the bytes."""
    raw = field.options.SerializeToString()
    found, place = set(), 0
    while place < len(raw):
        key, place = _varint(raw, place)
        value, place = _varint(raw, place)
        if value and key >> 3 in _FLAGS:
            found.add(_FLAGS[key >> 3])
    return frozenset(found)


def _varint(raw: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = raw[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place


def generated() -> dict[str, str]:
    """Return the text of each generated module, by the name of its .proto file."""
    pool = compiled()
    types, messages = (pool.FindFileByName(f"oms/v1/{name}.proto") for name in (VOCABULARY, MESSAGES))
    vocabulary = [*types.enum_types_by_name, *types.message_types_by_name]
    bodies = {
        VOCABULARY: "".join(_enums(types)) + "".join(_structs(types)),
        MESSAGES: "".join(_structs(messages)),
    }
    used = [name for name in (*vocabulary, "Int32", "Int64") if re.search(rf"\b{name}\b", bodies[MESSAGES])]
    imported = "(\n" + "".join(f"    {name},\n" for name in sorted({*used, "Message"})) + ")"
    return {
        VOCABULARY: _VOCABULARY_HEAD.format(title=_title(types)) + bodies[VOCABULARY],
        MESSAGES: _MESSAGES_HEAD.format(title=_title(messages), imported=imported) + bodies[MESSAGES],
    }


def _title(file: FileDescriptor) -> str:
    """Return the first sentence of a file's opening comment: the one before `syntax`."""
    comment = " ".join(_comments[file.name].get((12,), "").split())
    return re.split(r"\. |\n\n", comment)[0].rstrip(".") + "."


def _enums(file: FileDescriptor) -> Iterator[str]:
    for number, enum in enumerate(file.enum_types_by_name.values()):
        yield f"\n\nclass {enum.name}(str, enum.Enum):\n{_docstring(file, (5, number))}\n"
        for value in enum.values:
            if value.number:
                yield f'    {value.name.removeprefix(_prefix(enum))} = "{value.name}"\n'


def _prefix(enum: EnumDescriptor) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", enum.name).upper() + "_"


def _structs(file: FileDescriptor) -> Iterator[str]:
    """Write each message after those that it carries."""
    numbers = {name: number for number, name in enumerate(file.message_types_by_name)}
    for message in _in_order(file):
        text = f"\n\nclass {message.name}(Message, frozen=True, kw_only=True):\n"
        docstring = _docstring(file, (4, numbers[message.name]))
        fields = [_field(file, message, field) for field in message.fields]
        text += f"{docstring}\n" if docstring else ""
        yield text + "".join(f"    {field}\n" for field in fields)


def _in_order(file: FileDescriptor) -> list[Descriptor]:
    ordered: list[Descriptor] = []

    def take(message: Descriptor) -> None:
        if message in ordered or message.file.name != file.name:
            return
        for field in message.fields:
            if field.message_type is not None:
                take(field.message_type)
        ordered.append(message)

    for message in file.message_types_by_name.values():
        take(message)
    return ordered


def _docstring(file: FileDescriptor, path: tuple[int, ...]) -> str:
    text = " ".join(_comments[file.name].get(path, "").split()).replace('"', "`")
    if not text:
        return ""
    first, _, rest = text.partition(". ")
    first = first.rstrip(".") + "."
    if not rest:
        return _wrapped(f'"""{first}"""')
    return _wrapped(f'"""{first}') + "\n" + _wrapped(rest) + '    """\n'


def _wrapped(text: str) -> str:
    lines, line = [], "   "
    for word in text.split(" "):
        if len(line) + 1 + len(word.split("\n")[0]) > _LINE_LENGTH:
            lines.append(line)
            line = "   "
        line += f" {word}"
    return "\n".join([*lines, line]) + "\n"


def _field(file: FileDescriptor, message: Descriptor, field: FieldDescriptor) -> str:
    flags = _options[file.name][message.name, field.name]
    kind, default, must = _kind(field, flags)
    if field.is_repeated:
        return f"{field.name}: tuple[{kind}, ...] = ()"
    if "required" in flags or (must and not _is_optional(field)):
        return f"{field.name}: {kind}"
    if _is_optional(field) or field.message_type is not None:
        return f"{field.name}: {kind} | None = None"
    return f"{field.name}: {kind} = {default}"


def _is_optional(field: FieldDescriptor) -> bool:
    oneof = field.containing_oneof
    return oneof is not None and oneof.name.startswith("_")


def _kind(field: FieldDescriptor, flags: frozenset[str]) -> tuple[str, str, bool]:
    """Return a field's Python type, its default, and whether it must be there."""
    if field.enum_type is not None:
        return field.enum_type.name, "", True
    if field.message_type is not None:
        if field.message_type.full_name == "google.protobuf.Timestamp":
            return "datetime", "", True
        return field.message_type.name, "None", False
    if "uuid" in flags:
        return "UUID", "", True
    if "decimal" in flags:
        return "Decimal", "Decimal(0)", False
    return (*_SCALARS[field.type], False)


def main() -> int:
    """Write the modules; with --check only compare them. Returns 1 if a module is not what is generated."""
    stale = []
    for name, text in generated().items():
        if "--check" in sys.argv:
            stale += [str(OUTPUTS[name])] if OUTPUTS[name].read_text() != text else []
        else:
            OUTPUTS[name].write_text(text)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
