"""What the gRPC port answers without a token: whether the gateway is ready, and the contract it speaks."""

from typing import Any, Final

from grpclib.health.check import ServiceCheck
from grpclib.health.service import OVERALL
from grpclib.health.service import Health as HealthService
from grpclib.health.v1 import health_pb2
from grpclib.reflection.service import ServerReflection

from oms_api.entrypoints.grpc_messages import Contract
from oms_platform.health import Health

HEALTH_PREFIX: Final = "/grpc.health."
# Whoever watches learns that late of a change.
LOOK_S: Final = 1.0


def open_services(orders: Any, health: Health, contract: Contract) -> list[Any]:
    """Return grpc.health.v1, which says of the orders' service what readiness says, and reflection."""

    async def ready() -> bool:
        return health.report()[0]

    contract.pool.AddSerializedFile(health_pb2.DESCRIPTOR.serialized_pb)
    check = ServiceCheck(ready, check_ttl=LOOK_S)
    service = HealthService({OVERALL: [check], orders: [check]})
    return [service, *ServerReflection.extend([orders, service], pool=contract.pool)[2:]]
