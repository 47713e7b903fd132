"""What the gRPC port answers without a token: whether the gateway is ready, and the contract it speaks."""

from importlib import resources
from typing import Any, Final

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from grpclib.health.check import ServiceCheck
from grpclib.health.service import OVERALL
from grpclib.health.service import Health as HealthService
from grpclib.health.v1 import health_pb2
from grpclib.reflection.service import ServerReflection

from oms_platform.health import Health

HEALTH_PREFIX: Final = "/grpc.health."
# Whoever watches learns that late of a change.
LOOK_S: Final = 1.0


def contract() -> DescriptorPool:
    """Return the published .proto files, as `make proto` compiled them."""
    raw = resources.files("proto.gen").joinpath("descriptors.binpb").read_bytes()
    pool = DescriptorPool()
    for file in FileDescriptorSet.FromString(raw).file:
        pool.Add(file)
    pool.AddSerializedFile(health_pb2.DESCRIPTOR.serialized_pb)
    return pool


def open_services(orders: Any, health: Health) -> list[Any]:
    """Return grpc.health.v1, which says of the orders' service what readiness says, and reflection."""

    async def ready() -> bool:
        return health.report()[0]

    check = ServiceCheck(ready, check_ttl=LOOK_S)
    service = HealthService({OVERALL: [check], orders: [check]})
    return [service, *ServerReflection.extend([orders, service], pool=contract())[2:]]
