"""OrderService over gRPC: the same handlers as REST, the token in the `authorization` metadata.

A caller is let in before its message is read, as REST lets it in before the body.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from oms_api.domain.principal import Principal, Right
from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode, invalid, no_such_order
from oms_api.domain.terms import shown
from oms_api.entrypoints.event_hub import EventHub
from oms_api.entrypoints.grpc_messages import Contract, order_values
from oms_api.entrypoints.grpc_refusals import refused
from oms_api.entrypoints.grpc_server import Call, methods
from oms_api.entrypoints.grpc_stream import OrderStream
from oms_api.entrypoints.http_door import CHANNEL_DEFAULT, bearer_token
from oms_api.entrypoints.paging import LIMIT_DEFAULT, LIMIT_MAX
from oms_api.entrypoints.request_trace import RequestTrace
from oms_api.handlers import (
    admit,
    admit_to_place,
    handle_cancel_order,
    handle_get_order,
    handle_place_order,
)
from oms_api.ports import OrderFilter, OrderView, Ports
from oms_platform.clock import Clock
from oms_platform.messages import CancelOrder, SubmitOrder
from oms_platform.vocabulary import OrderStatus, Side

SERVICE: Final = "oms.v1.OrderService"
YEAR_MIN: Final = 1971
YEAR_MAX: Final = 8999
# A UUID in its canonical text; what is longer is no id of ours.
ID_CHARACTERS_MAX: Final = 36
_UNSPECIFIED: Final = "UNSPECIFIED"
_STATUSES: Final = tuple(status.name for status in OrderStatus)
_SIDES: Final = tuple(side.name for side in Side)

CallerT = TypeVar("CallerT")
DoneT = TypeVar("DoneT")
Admit = Callable[[Ports, str | None], Awaitable[CallerT | Refusal]]


def _names(message: Any, field: str) -> list[str]:
    """Return the names of an enum field's values; of UNSPECIFIED none, of an unknown one its number."""
    kind = message.DESCRIPTOR.fields_by_name[field].enum_type
    prefix = kind.values_by_number[0].name.removesuffix(_UNSPECIFIED)
    given = getattr(message, field)
    names = []
    for number in [given] if isinstance(given, int) else given:
        known = kind.values_by_number.get(number)
        names.append(str(number) if known is None else known.name.removeprefix(prefix))
    return [name for name in names if name != _UNSPECIFIED] if isinstance(given, int) else names


def _name(message: Any, field: str) -> str | None:
    return next(iter(_names(message, field)), None)


def _optional(message: Any, field: str) -> Any:
    """Return a field that may be left out, None if it is."""
    return getattr(message, field) if message.HasField(field) else None


def _content(request: Any) -> dict[str, object]:
    """Turn a PlaceOrderRequest into what a REST client would have sent; what is unset is left out."""
    content: dict[str, object] = {
        "clientOrderId": request.client_order_id or None,
        "accountId": request.account_id or None,
        "symbol": request.symbol or None,
        "side": _name(request, "side"),
        "orderType": _name(request, "order_type"),
        "quantity": request.quantity,
        "minQuantity": request.min_quantity or None,
        "limitPrice": _optional(request, "limit_price"),
        "timeInForce": _name(request, "time_in_force"),
        "routing": _routing(request.routing),
    }
    return {name: value for name, value in content.items() if value is not None}


def _routing(given: Any) -> dict[str, object] | None:
    routing = {"profile": given.profile, "avoid": list(given.avoid), "prefer": list(given.prefer)}
    return {name: value for name, value in routing.items() if value} or None


def _time(request: Any, field: str, problems: list[FieldProblem]) -> datetime | None:
    """Check a time that may be left out."""
    given = _optional(request, field)
    if given is None:
        return None
    time: datetime = given.ToDatetime(tzinfo=UTC)
    if YEAR_MIN <= time.year <= YEAR_MAX:
        return time
    message = f"must be a time of the years {YEAR_MIN} to {YEAR_MAX}, was {time.isoformat()}"
    problems.append(FieldProblem(field=field, message=message))
    return None


def read_list(request: Any, principal: Principal) -> OrderFilter | Refusal:
    """Check a ListOrdersRequest. Accounts that the caller does not see match nothing."""
    problems: list[FieldProblem] = []
    statuses, side = _names(request, "statuses"), _name(request, "side")
    for name, values, allowed in (
        ("statuses", statuses, _STATUSES),
        ("side", [side] if side else [], _SIDES),
    ):
        wrong = [value for value in values if value not in allowed]
        if wrong:
            message = f"must be of {', '.join(allowed)}, was {shown(wrong[0])}"
            problems.append(FieldProblem(field=name, message=message))
    for name in ("account_id", "symbol", "client_order_id"):
        if "\0" in getattr(request, name):
            problems.append(FieldProblem(field=name, message="must not contain a NUL character"))
    created_from = _time(request, "created_from", problems)
    created_to = _time(request, "created_to", problems)
    if not 0 <= request.limit <= LIMIT_MAX:
        message = f"must be a whole number from 1 to {LIMIT_MAX}, was {request.limit}"
        problems.append(FieldProblem(field="limit", message=message))
    after = _page_of(request.page_token)
    if request.page_token and after is None:
        message = f"must be a next_page_token of this list, was {shown(request.page_token)}"
        problems.append(FieldProblem(field="page_token", message=message))
    if problems:
        return invalid(*problems)
    accounts = principal.visible
    if request.account_id:
        accounts = frozenset((request.account_id,)) if principal.sees(request.account_id) else frozenset()
    return OrderFilter(
        limit=request.limit or LIMIT_DEFAULT,
        accounts=accounts,
        symbols=frozenset((request.symbol,)) if request.symbol else None,
        statuses=frozenset(statuses) or None,
        side=side,
        client_order_id=request.client_order_id or None,
        created_from=created_from,
        created_to=created_to,
        after=after,
    )


def _page_of(token: str) -> UUID | None:
    """Return the order that a page comes after, None if the token is not one."""
    if len(token) != 32 or not token.isascii() or not token.isalnum():
        return None
    try:
        return UUID(hex=token)
    except ValueError:
        return None


def _next_page(found: Sequence[OrderView], limit: int) -> str:
    return found[-1].order_id.hex if len(found) == limit else ""


async def _to_read(ports: Ports, token: str | None) -> Principal | Refusal:
    return await admit(ports, token, Right.READ)


async def _to_trade(ports: Ports, token: str | None) -> Principal | Refusal:
    return await admit(ports, token, Right.TRADE)


async def _to_cancel(ports: Ports, token: str | None) -> Principal | Refusal:
    return await admit(ports, token, Right.CANCEL)


def token_of(call: Call) -> str | Refusal | None:
    """Return the bearer token of a call, None for none; a refusal when it gives several."""
    given = call.metadata.getall("authorization", [])
    if len(given) > 1:
        message = "the authorization metadata is given more than once"
        return Refusal(code=RefusalCode.UNAUTHENTICATED, message=message)
    return bearer_token(given[0].encode("latin-1", "replace")) if given else None


def _done(result: DoneT | Refusal) -> DoneT:
    """Return what was done, or end the call with why it was not."""
    if isinstance(result, Refusal):
        raise refused(result)
    return result


class OrderService:
    """The service; each method lets the caller in and passes on to the handler."""

    def __init__(self, ports: Ports, clock: Clock, hub: EventHub, contract: Contract) -> None:
        self._ports = ports
        self._kind = contract.kind
        self._service = contract.pool.FindServiceByName(SERVICE)
        self._clock = clock
        self._hub = hub

    def __mapping__(self) -> dict[str, Any]:
        """Return the methods as grpclib looks for them."""
        return methods(
            self._service,
            {
                "PlaceOrder": self._place_order,
                "GetOrder": self._get_order,
                "CancelOrder": self._cancel_order,
                "ReplaceOrder": self._replace_order,
                "ListOrders": self._list_orders,
                "StreamOrders": self._stream_orders,
            },
        )

    async def _enter(self, call: Call, admit_caller: Admit[CallerT]) -> tuple[CallerT, Any]:
        """Let the caller in, then read its message. Raises GRPCError, and UnavailableError."""
        await call.begun()
        token = _done(token_of(call))
        admitted = _done(await admit_caller(self._ports, token))
        call.let_in()
        return admitted, await call.request()

    async def _place_order(self, call: Call) -> None:
        placer, request = await self._enter(call, admit_to_place)
        traced = self._trace(call, SubmitOrder.__name__)
        work = handle_place_order(
            self._ports,
            self._clock,
            placer,
            channel=request.channel or CHANNEL_DEFAULT,
            content=_content(request),
            trace=traced.trace,
        )
        placed = _done(await traced.over("grpc PlaceOrder", work))
        await call.send_message(
            self._kind("PlaceOrderResponse")(
                order_id=str(placed.order_id),
                client_order_id=placed.client_order_id,
                status=OrderStatus.NEW.value,
                created=placed.created,
                message="order received",
                timestamp=placed.accepted_at,
            )
        )

    async def _get_order(self, call: Call) -> None:
        principal, request = await self._enter(call, _to_read)
        order_id = _done(_order_id(request.order_id))
        found = _done(await handle_get_order(self._ports, principal, order_id))
        await call.send_message(self._kind("Order")(**order_values(found)))

    async def _cancel_order(self, call: Call) -> None:
        principal, request = await self._enter(call, _to_cancel)
        order_id = _done(_order_id(request.order_id))
        traced = self._trace(call, CancelOrder.__name__)
        work = handle_cancel_order(
            self._ports, self._clock, principal, order_id, channel=request.channel or None, trace=traced.trace
        )
        asked = _done(await traced.over("grpc CancelOrder", work))
        await call.send_message(
            self._kind("CancelOrderResponse")(
                order_id=str(asked.order_id),
                request_id=str(asked.request_id),
                message="cancel requested",
                status=OrderStatus[asked.status].value,
            )
        )

    async def _replace_order(self, call: Call) -> None:
        await self._enter(call, _to_trade)
        message = "replacing an order is not offered yet: cancel it and place a new one"
        raise refused(Refusal(code=RefusalCode.METHOD_NOT_ALLOWED, message=message))

    async def _list_orders(self, call: Call) -> None:
        principal, request = await self._enter(call, _to_read)
        wanted = _done(read_list(request, principal))
        found = await self._ports.reader.orders(wanted)
        await call.send_message(
            self._kind("ListOrdersResponse")(
                orders=[order_values(view) for view in found],
                next_page_token=_next_page(found, wanted.limit),
            )
        )

    async def _stream_orders(self, call: Call) -> None:
        principal, request = await self._enter(call, _to_read)
        kind, token = self._kind("StreamOrdersResponse"), _done(token_of(call)) or ""
        await OrderStream(self._ports, self._hub, call, kind, token).run(principal, request)

    def _trace(self, call: Call, name: str) -> RequestTrace:
        given = call.metadata.get("traceparent", "").encode("latin-1", "replace")
        return RequestTrace(self._ports.tracer, given, name)


def _order_id(text: str) -> str | Refusal:
    return text if len(text) <= ID_CHARACTERS_MAX else no_such_order(shown(text))
