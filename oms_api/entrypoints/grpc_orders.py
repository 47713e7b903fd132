"""OrderService over gRPC: the same handlers as REST, the token in the `authorization` metadata."""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, Final, TypeVar

import structlog
from grpclib.const import Status
from grpclib.events import RecvRequest, listen
from grpclib.exceptions import GRPCError
from grpclib.server import Server

from oms_api.domain.principal import Principal, Right
from oms_api.domain.refusal import Refusal, RefusalCode
from oms_api.entrypoints.http_door import CHANNEL_DEFAULT, bearer_token, requests_total
from oms_api.entrypoints.request_trace import RequestTrace
from oms_api.handlers import (
    Placer,
    admit,
    admit_to_place,
    handle_cancel_order,
    handle_get_order,
    handle_place_order,
    unavailable,
)
from oms_api.ports import OrderView, Ports, UnavailableError
from oms_platform.clock import Clock
from proto.gen.oms.v1 import (
    CancelOrderRequest,
    CancelOrderResponse,
    GetOrderRequest,
    Order,
    OrderServiceBase,
    OrderStatus,
    OrderType,
    PlaceOrderRequest,
    PlaceOrderResponse,
    ReplaceOrderRequest,
    ReplaceOrderResponse,
    Side,
    TimeInForce,
)

STATUS_OF: Final = {
    RefusalCode.INVALID_REQUEST: Status.INVALID_ARGUMENT,
    RefusalCode.UNAUTHENTICATED: Status.UNAUTHENTICATED,
    RefusalCode.FORBIDDEN: Status.PERMISSION_DENIED,
    RefusalCode.NOT_FOUND: Status.NOT_FOUND,
    RefusalCode.METHOD_NOT_ALLOWED: Status.UNIMPLEMENTED,
    RefusalCode.DUPLICATE_ORDER_ID: Status.ALREADY_EXISTS,
    RefusalCode.ORDER_CLOSED: Status.FAILED_PRECONDITION,
    RefusalCode.CONFLICT: Status.FAILED_PRECONDITION,
    RefusalCode.RATE_LIMITED: Status.RESOURCE_EXHAUSTED,
    RefusalCode.UNAVAILABLE: Status.UNAVAILABLE,
}
CallerT = TypeVar("CallerT")
_metadata: ContextVar[dict[str, str]] = ContextVar("grpc_metadata")
log = structlog.get_logger()


def _name(member: Any) -> str | None:
    """Return an enum member's name; None for UNSPECIFIED, and the number of one that is unknown."""
    if not member:
        return None
    return getattr(member, "name", None) or str(int(member))


def _content(request: PlaceOrderRequest) -> dict[str, object]:
    """Turn the request into what a REST client would have sent; what is unset is left out."""
    content: dict[str, object] = {
        "clientOrderId": request.client_order_id,
        "accountId": request.account_id,
        "symbol": request.symbol,
        "side": _name(request.side),
        "orderType": _name(request.order_type),
        "quantity": request.quantity,
        "minQuantity": request.min_quantity or None,
        "limitPrice": request.limit_price,
        "timeInForce": _name(request.time_in_force),
        "routing": _routing(request),
    }
    return {name: value for name, value in content.items() if value is not None and value != ""}


def _routing(request: PlaceOrderRequest) -> dict[str, object] | None:
    given = request.routing
    routing = {"profile": given.profile, "avoid": list(given.avoid), "prefer": list(given.prefer)}
    return {name: value for name, value in routing.items() if value} or None


def _order(view: OrderView) -> Order:
    return Order(
        order_id=str(view.order_id),
        account_id=view.account_id,
        channel=view.channel,
        client_order_id=view.client_order_id,
        symbol=view.symbol,
        side=Side[view.side],
        order_type=OrderType[view.order_type],
        quantity=view.quantity,
        limit_price=None if view.limit_price is None else str(view.limit_price),
        time_in_force=TimeInForce[view.time_in_force],
        status=OrderStatus[view.status],
        cum_qty=view.cum_qty,
        leaves_qty=view.leaves_qty,
        avg_px=None if view.avg_px is None else str(view.avg_px),
        text=view.text,
        created_at=view.created_at,
        updated_at=view.updated_at,
        min_quantity=view.min_quantity or 0,
    )


async def _to_read(ports: Ports, token: str | None) -> Principal | Refusal:
    return await admit(ports, token, Right.READ)


async def _to_cancel(ports: Ports, token: str | None) -> Principal | Refusal:
    return await admit(ports, token, Right.CANCEL)


class OrderService(OrderServiceBase):
    """The service; each method admits the caller and passes on to the handler."""

    def __init__(self, ports: Ports, clock: Clock) -> None:
        self._ports = ports
        self._clock = clock

    async def place_order(self, request: PlaceOrderRequest) -> PlaceOrderResponse:
        """Place an order."""

        async def serve(placer: Placer) -> Any:
            traced = self._trace("SubmitOrder")
            work = handle_place_order(
                self._ports,
                self._clock,
                placer,
                channel=request.channel or CHANNEL_DEFAULT,
                content=_content(request),
                trace=traced.trace,
            )
            return await traced.over("grpc PlaceOrder", work)

        placed = await self._enter("PlaceOrder", admit_to_place, serve)
        return PlaceOrderResponse(
            order_id=str(placed.order_id),
            client_order_id=placed.client_order_id,
            status=OrderStatus.NEW,
            created=placed.created,
            message="order received",
            timestamp=placed.accepted_at,
        )

    async def get_order(self, request: GetOrderRequest) -> Order:
        """Get an order."""

        async def serve(principal: Principal) -> Any:
            return await handle_get_order(self._ports, principal, request.order_id)

        return _order(await self._enter("GetOrder", _to_read, serve))

    async def cancel_order(self, request: CancelOrderRequest) -> CancelOrderResponse:
        """Ask for an order to be canceled."""

        async def serve(principal: Principal) -> Any:
            traced = self._trace("CancelOrder")
            work = handle_cancel_order(
                self._ports, self._clock, principal, request.order_id, channel="", trace=traced.trace
            )
            return await traced.over("grpc CancelOrder", work)

        result = await self._enter("CancelOrder", _to_cancel, serve)
        return CancelOrderResponse(
            order_id=str(result.order_id), request_id=str(result.request_id), message="cancel requested"
        )

    async def replace_order(self, request: ReplaceOrderRequest) -> ReplaceOrderResponse:
        """Refuse: replacing is not offered yet."""
        raise GRPCError(
            Status.UNIMPLEMENTED, "replacing an order is not offered yet: cancel it and place a new one"
        )

    def _trace(self, name: str) -> RequestTrace:
        given = _metadata.get({}).get("traceparent", "").encode("latin-1", "replace")
        return RequestTrace(self._ports.tracer, given, name)

    async def _enter(
        self,
        method: str,
        admit_caller: Callable[[Ports, str | None], Awaitable[CallerT | Refusal]],
        serve: Callable[[CallerT], Awaitable[Any]],
    ) -> Any:
        try:
            token = bearer_token(_metadata.get({}).get("authorization", "").encode("latin-1", "replace"))
            admitted = await admit_caller(self._ports, token)
            result = admitted if isinstance(admitted, Refusal) else await serve(admitted)
        except UnavailableError as error:
            result = unavailable(str(error))
        except Exception:
            log.error("request_failed", route=f"grpc {method}", exc_info=True)
            result = unavailable("an unexpected error")
        status = STATUS_OF[result.code] if isinstance(result, Refusal) else Status.OK
        requests_total.labels(f"grpc {method}", status.name).inc()
        if isinstance(result, Refusal):
            raise GRPCError(status, _message(result))
        return result


def _message(refusal: Refusal) -> str:
    problems = "; ".join(f"{problem.field}: {problem.message}" for problem in refusal.fields)
    return problems or refusal.message


def build_grpc(ports: Ports, clock: Clock) -> Server:
    """Build the gRPC server."""
    server = Server([OrderService(ports, clock)])

    async def keep_metadata(event: RecvRequest) -> None:
        _metadata.set({name: value for name, value in event.metadata.items() if isinstance(value, str)})

    listen(server, RecvRequest, keep_metadata)
    return server
