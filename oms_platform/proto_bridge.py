"""Between the Structs that Kafka carries and the generated protobuf classes that gRPC carries.

Both have the proto3 JSON mapping, and the contract test holds them together; so JSON is the bridge. It is
slow, and nothing on an order's way goes over it.
"""

from typing import Any, TypeVar

import msgspec

from oms_platform.messages import Message, encode

ProtoT = TypeVar("ProtoT")
StructT = TypeVar("StructT", bound=Message)


def to_proto(struct: Message, kind: type[ProtoT]) -> ProtoT:
    """Return a Struct as the generated class of the same message."""
    message: Any = kind()
    result: ProtoT = message.from_json(encode(struct))
    return result


def from_proto(message: Any, kind: type[StructT]) -> StructT:
    """Return a generated message as the Struct of the same message. Raises msgspec.ValidationError."""
    return msgspec.json.decode(message.to_json().encode(), type=kind, strict=False)
