"""OrderService over gRPC: the same handlers as REST, the token in the `authorization` metadata.

A caller is let in before its message is read, as REST lets it in before the body.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from oms_api.batch_handlers import Answered, Checked, handle_place_batch, read_batch
from oms_api.change_handlers import Asked, Line, handle_change, handle_change_many
from oms_api.domain.order_requests import OLDER_THAN_S_MAX, RULES, RequestKind, Selection
from oms_api.domain.principal import Principal, Right
from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode, invalid, no_such_order, shown
from oms_api.domain.terms import read_id
from oms_api.entrypoints.event_hub import EventHub
from oms_api.entrypoints.grpc_messages import Contract, order_values, pnl_values, risk_values
from oms_api.entrypoints.grpc_refusals import field_name, refused
from oms_api.entrypoints.grpc_server import Call, methods
from oms_api.entrypoints.grpc_stream import OrderStream
from oms_api.entrypoints.http_door import CHANNEL_DEFAULT, bearer_token
from oms_api.entrypoints.paging import LIMIT_DEFAULT, LIMIT_MAX
from oms_api.entrypoints.request_trace import RequestTrace
from oms_api.handlers import Placed, admit, admit_to_place, handle_get_order, handle_place_order
from oms_api.ports import MESSAGES, OrderFilter, OrderView, Ports
from oms_api.position_handlers import handle_get_pnl
from oms_platform.clock import Clock
from oms_platform.messages import SubmitOrder
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
        "stopPrice": _optional(request, "stop_price"),
        "timeInForce": _name(request, "time_in_force"),
        **_expiry(request),
        "routing": _routing(request.routing),
        "capacity": _name(request, "capacity"),
        "tags": {tag.name: tag.text for tag in request.tags} or None,
        "locateId": request.locate_id or None,
        "displayQty": request.display_qty or None,
        "postOnly": request.post_only or None,
        "algo": _algo(request),
        "peg": _peg(request),
        "basketId": request.basket_id or None,
    }
    return {name: value for name, value in content.items() if value is not None}


def _expiry(request: Any) -> dict[str, object]:
    """Return until when an order is to be good, as REST writes it; a time that is none goes on as a text."""
    time = _optional(request, "expire_time")
    try:
        text = None if time is None else time.ToDatetime(tzinfo=UTC).isoformat()
    except (ValueError, OverflowError):
        text = str(time)
    return {"expireDate": _optional(request, "expire_date"), "expireTime": text}


def _routing(given: Any) -> dict[str, object] | None:
    routing = {"profile": given.profile, "avoid": list(given.avoid), "prefer": list(given.prefer)}
    return {name: value for name, value in routing.items() if value} or None


def _algo(request: Any) -> dict[str, object] | None:
    if not request.HasField("algo"):
        return None
    given = request.algo
    content: dict[str, object | None] = {
        "strategy": _name(given, "strategy"),
        "startAt": _time_text(given, "start_at"),
        "endAt": _time_text(given, "end_at"),
        "participationBps": given.participation_bps or None,
        "urgency": given.urgency or None,
        "slices": given.slices or None,
        "seed": _optional(given, "seed"),
    }
    return {name: value for name, value in content.items() if value is not None}


def _peg(request: Any) -> dict[str, object] | None:
    if not request.HasField("peg"):
        return None
    content = {"type": _name(request.peg, "type"), "offset": _optional(request.peg, "offset")}
    return {name: value for name, value in content.items() if value is not None}


def _time_text(message: Any, field: str) -> str | None:
    """Return a time as REST writes it, None if it is left out."""
    if not message.HasField(field):
        return None
    at: datetime = getattr(message, field).ToDatetime(tzinfo=UTC)
    return at.isoformat()


def _replace_content(request: Any) -> dict[str, object]:
    """Turn a ReplaceOrderRequest into what a REST client would have sent; what is unset is left out."""
    content: dict[str, object] = {
        "quantity": request.quantity or None,
        "limitPrice": _optional(request, "limit_price"),
        "stopPrice": _optional(request, "stop_price"),
        "timeInForce": _name(request, "time_in_force"),
        **_expiry(request),
        "displayQty": _optional(request, "display_qty"),
        "algo": _algo(request),
        "peg": _peg(request),
    }
    return {name: value for name, value in content.items() if value is not None}


def read_selection(given: Any) -> Selection | Refusal:
    """Check an OrderSelection. Accounts that the caller does not see match nothing."""
    problems: list[FieldProblem] = []
    side = _name(given, "side")
    if side is not None and side not in _SIDES:
        message = f"must be of {', '.join(_SIDES)}, was {shown(side)}"
        problems.append(FieldProblem(field="side", message=message))
    for name in ("account_ids", "symbols", "venue_ids", "client_order_ids"):
        if any("\0" in value for value in getattr(given, name)):
            problems.append(FieldProblem(field=name, message="must not contain a NUL character"))
    if "\0" in given.basket_id:
        problems.append(FieldProblem(field="basket_id", message="must not contain a NUL character"))
    order_ids = [read_id(text) for text in given.order_ids]
    if None in order_ids:
        message = f"must be order ids, was {shown(given.order_ids[order_ids.index(None)])}"
        problems.append(FieldProblem(field="order_ids", message=message))
    after = read_id(given.after)
    if given.after and after is None:
        message = f"must be an order id, was {shown(given.after)}"
        problems.append(FieldProblem(field="after", message=message))
    older_than_s = _optional(given, "older_than_s")
    if older_than_s is not None and not 0 <= older_than_s <= OLDER_THAN_S_MAX:
        message = f"must be a whole number from 0 to {OLDER_THAN_S_MAX}, was {older_than_s}"
        problems.append(FieldProblem(field="older_than_s", message=message))
    if problems:
        return invalid(*problems)
    return Selection(
        accounts=frozenset(given.account_ids) or None,
        symbols=frozenset(given.symbols) or None,
        side=side,
        venues=frozenset(given.venue_ids) or None,
        basket=given.basket_id or None,
        older_than_s=older_than_s,
        order_ids=tuple(dict.fromkeys(one for one in order_ids if one is not None)),
        client_order_ids=tuple(dict.fromkeys(given.client_order_ids)),
        after=after,
    )


def _placed_values(placed: Placed) -> dict[str, Any]:
    return {
        "order_id": str(placed.order_id),
        "client_order_id": placed.client_order_id,
        "status": OrderStatus.NEW.value,
        "created": placed.created,
        "message": "order received",
        "timestamp": placed.accepted_at,
    }


def _refused_values(refusal: Refusal) -> dict[str, Any]:
    return {
        "code": refusal.code.value,
        "message": refusal.message,
        "fields": [
            {"field": field_name(problem.field), "message": problem.message} for problem in refusal.fields
        ],
        "order_status": OrderStatus[refusal.status].value if refusal.status else 0,
    }


def _answered_values(answered: Answered) -> dict[str, Any]:
    """Return what a PlacedOrder is made from: nothing of one that was checked only, and would be placed."""
    if isinstance(answered, Refusal):
        return {"refused": _refused_values(answered)}
    if isinstance(answered, Checked):
        return {} if answered.risk is None else {"risk": risk_values(answered.risk)}
    return {"placed": _placed_values(answered)}


def _line_values(line: Line) -> dict[str, Any]:
    """Return what a ChangedOrder is made from."""
    order_id = "" if line.order_id is None else str(line.order_id)
    if isinstance(line.outcome, Refusal):
        named = {"client_order_id": line.client_order_id}
        return {"order_id": order_id, "refused": _refused_values(line.outcome), **named}
    status = OrderStatus[line.outcome.status].value
    return {"order_id": order_id, "request_id": str(line.outcome.request_id), "status": status}


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
    for name in ("account_id", "symbol", "client_order_id", "basket_id", "principal"):
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
        client_order_ids=frozenset((request.client_order_id,)) if request.client_order_id else None,
        basket=request.basket_id or None,
        principal=request.principal or None,
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


def _to_change(kind: RequestKind) -> Admit[Principal]:
    async def admitted(ports: Ports, token: str | None) -> Principal | Refusal:
        return await admit(ports, token, RULES[kind].right)

    return admitted


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
                "SuspendOrder": self._suspend_order,
                "ResumeOrder": self._resume_order,
                "PlaceOrders": self._place_orders,
                "CancelOrders": self._cancel_orders,
                "SuspendOrders": self._suspend_orders,
                "ResumeOrders": self._resume_orders,
                "ListOrders": self._list_orders,
                "StreamOrders": self._stream_orders,
                "GetPnl": self._get_pnl,
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
        await call.send_message(self._kind("PlaceOrderResponse")(**_placed_values(placed)))

    async def _get_order(self, call: Call) -> None:
        principal, request = await self._enter(call, _to_read)
        order_id = _done(_order_id(request.order_id))
        found = _done(await handle_get_order(self._ports, principal, order_id))
        await call.send_message(self._kind("Order")(**order_values(found)))

    async def _get_pnl(self, call: Call) -> None:
        principal, request = await self._enter(call, _to_read)
        account_id = request.account_id
        found = _done(await handle_get_pnl(self._ports, principal, account_id, self._clock()))
        await call.send_message(self._kind("AccountPnl")(**pnl_values(found)))

    async def _cancel_order(self, call: Call) -> None:
        await self._change(call, RequestKind.CANCEL)

    async def _replace_order(self, call: Call) -> None:
        await self._change(call, RequestKind.REPLACE)

    async def _suspend_order(self, call: Call) -> None:
        await self._change(call, RequestKind.SUSPEND)

    async def _resume_order(self, call: Call) -> None:
        await self._change(call, RequestKind.RESUME)

    async def _change(self, call: Call, kind: RequestKind) -> None:
        """Ask for a change of one order."""
        name = f"{kind.value.title()}Order"
        principal, request = await self._enter(call, _to_change(kind))
        order_id = _done(_order_id(request.order_id))
        sequence = None if kind is RequestKind.CANCEL else _optional(request, "sequence")
        asked = Asked(
            kind=kind,
            order_id=order_id,
            content=_replace_content(request) if kind is RequestKind.REPLACE else {},
            channel=request.channel or None,
            request_key="" if kind is RequestKind.CANCEL else request.client_order_id,
            as_read=lambda order: sequence is None or order.sequence == sequence,
        )
        traced = self._trace(call, name)
        work = handle_change(self._ports, self._clock, principal, asked, trace=traced.trace)
        done = _done(await traced.over(f"grpc {name}", work))
        created = {} if kind is RequestKind.CANCEL else {"created": done.created}
        await call.send_message(
            self._kind(f"{name}Response")(
                order_id=str(done.order_id),
                request_id=str(done.request_id),
                message=done.will,
                status=OrderStatus[done.status].value,
                **created,
            )
        )

    async def _cancel_orders(self, call: Call) -> None:
        await self._change_many(call, RequestKind.CANCEL)

    async def _suspend_orders(self, call: Call) -> None:
        await self._change_many(call, RequestKind.SUSPEND)

    async def _resume_orders(self, call: Call) -> None:
        await self._change_many(call, RequestKind.RESUME)

    async def _change_many(self, call: Call, kind: RequestKind) -> None:
        """Ask for a change of many orders."""
        name = f"{kind.value.title()}Orders"
        principal, request = await self._enter(call, _to_change(kind))
        traced = self._trace(call, MESSAGES[kind].__name__)
        work = handle_change_many(
            self._ports,
            self._clock,
            principal,
            kind,
            _done(read_selection(request.selection)),
            channel=request.channel or None,
            request_key=request.client_order_id,
            trace=traced.trace,
        )
        done = _done(await traced.over(f"grpc {name}", work))
        await call.send_message(
            self._kind(f"{name}Response")(
                orders=[_line_values(line) for line in done.lines], more=done.more, created=done.created
            )
        )

    async def _place_orders(self, call: Call) -> None:
        principal, request = await self._enter(call, _to_trade)
        orders = [_content(order) for order in request.orders]
        flags = {"allOrNothing": request.all_or_nothing, "checkOnly": request.check_only}
        batch = _done(read_batch({"orders": orders, **flags}))
        channels = {order.channel or CHANNEL_DEFAULT for order in request.orders}
        if len(channels) > 1:
            message = f"must be the same of every order of a batch, was {', '.join(sorted(channels))[:80]}"
            raise refused(invalid(FieldProblem(field="channel", message=message)))
        traced = self._trace(call, SubmitOrder.__name__)
        work = handle_place_batch(
            self._ports, self._clock, principal, batch, channel=channels.pop(), trace=traced.trace
        )
        results = _done(await traced.over("grpc PlaceOrders", work))
        await call.send_message(
            self._kind("PlaceOrdersResponse")(orders=[_answered_values(result) for result in results])
        )

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
