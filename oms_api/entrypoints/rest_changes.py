"""REST about requests that change orders: of one order by its id, of many by a filter."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final

import msgspec

from oms_api.change_handlers import Asked, handle_change, handle_change_many, handle_preview_change
from oms_api.domain.order_requests import KEY_FIELD, RULES, RequestKind
from oms_api.domain.principal import Right
from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode, invalid
from oms_api.domain.terms import QUANTITY_MAX
from oms_api.entrypoints.answers import (
    Answer,
    CancelBody,
    RequestedBody,
    RequestedManyBody,
    cancel_requested,
    etag_of,
    names_version,
    requested,
    requested_many,
)
from oms_api.entrypoints.http_door import ORDERS_PATH
from oms_api.entrypoints.operation import AnyOperation, Call, NoQuery, Operation
from oms_api.entrypoints.request_fields import one_of
from oms_api.entrypoints.request_trace import RequestTrace
from oms_api.entrypoints.rest_orders import (
    ORDER_PATH,
    TAG,
    TIMES_IN_FORCE,
    AlgoRequest,
    ExpireDate,
    ExpireTime,
    PegRequest,
    Price,
)
from oms_api.entrypoints.selections import SelectionQuery, selection_of
from oms_api.ports import MESSAGES, OrderView, Ports, RiskView, View
from oms_platform.clock import Clock

STATE_REFUSALS: Final = (
    RefusalCode.ORDER_CLOSED,
    RefusalCode.CONFLICT,
    RefusalCode.DUPLICATE_REQUEST_ID,
)


class ReplaceRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What an order asks for from here on; what is left out, or null, stays. Something has to be given.

    quantity: in all, with what is done; below that it becomes that. limit_price: of a LIMIT or STOP_LIMIT
    order. stop_price: of a STOP or STOP_LIMIT order that still waits for it. expire_date, expire_time: of an
    order that is GTD, or becomes it; DAY, GTC and GTD may become each other. display_qty: the shares that are
    shown at once of a LIMIT order that rests, 0 for all. algo: whole, of the strategy that the order has;
    what is left of it is planned anew. peg: whole, of a PEGGED order.
    """

    quantity: Annotated[int, msgspec.Meta(ge=1, le=QUANTITY_MAX)] | None = None
    limit_price: Price | None = None
    stop_price: Price | None = None
    time_in_force: Annotated[str, one_of(TIMES_IN_FORCE, "TimeInForce")] | None = None
    expire_date: ExpireDate | None = None
    expire_time: ExpireTime | None = None
    display_qty: Annotated[int, msgspec.Meta(ge=0, le=QUANTITY_MAX)] | None = None
    algo: AlgoRequest | None = None
    peg: PegRequest | None = None


class ReplacePreviewView(View, frozen=True):
    """The risk verdict of a replace that is not sent."""

    risk: RiskView
    sent: bool = False


EXAMPLE: Final = {"quantity": 200, "limitPrice": "230.50"}


def _key_of(call: Call[NoQuery] | Call[SelectionQuery]) -> str | Refusal:
    """Return the request's own id, empty for none; a refusal when there are several, or it is none."""
    given = call.request.headers.getall("idempotency-key", [])
    if len(given) > 1 or (given and not (given[0] and given[0].isascii())):
        message = "must be there once, in ASCII and not empty, or not at all"
        return invalid(FieldProblem(field=KEY_FIELD, message=message))
    return str(given[0]) if given else ""


def _as_read(call: Call[NoQuery]) -> Callable[[OrderView], bool]:
    return lambda order: call.if_match is None or names_version(call.if_match, etag_of(order.sequence))


def change_operations(ports: Ports, clock: Clock) -> list[AnyOperation]:
    """Return the operations."""

    def trace_of(call: Call[NoQuery] | Call[SelectionQuery], kind: RequestKind) -> RequestTrace:
        given = call.request.headers.get("traceparent", "").encode("latin-1", "replace")
        return RequestTrace(ports.tracer, given, MESSAGES[kind].__name__)

    def change(kind: RequestKind, route: str) -> Callable[[Call[NoQuery]], Awaitable[Answer | Refusal]]:
        async def serve(call: Call[NoQuery]) -> Answer | Refusal:
            request_key = "" if kind is RequestKind.CANCEL else _key_of(call)
            if isinstance(request_key, Refusal):
                return request_key
            asked = Asked(
                kind=kind,
                order_id=call.path["orderId"],
                content=call.content,
                channel=call.request.headers.get("x-oms-channel"),
                request_key=request_key,
                as_read=_as_read(call),
            )
            traced = trace_of(call, kind)
            work = handle_change(ports, clock, call.principal, asked, trace=traced.trace)
            result = await traced.over(route, work)
            if isinstance(result, Refusal):
                return result
            return cancel_requested(result) if kind is RequestKind.CANCEL else requested(result)

        return serve

    def change_many(
        kind: RequestKind, route: str
    ) -> Callable[[Call[SelectionQuery]], Awaitable[Answer | Refusal]]:
        async def serve(call: Call[SelectionQuery]) -> Answer | Refusal:
            request_key = _key_of(call)
            if isinstance(request_key, Refusal):
                return request_key
            traced = trace_of(call, kind)
            work = handle_change_many(
                ports,
                clock,
                call.principal,
                kind,
                selection_of(call.query),
                channel=call.request.headers.get("x-oms-channel"),
                request_key=request_key,
                trace=traced.trace,
            )
            result = await traced.over(route, work)
            return result if isinstance(result, Refusal) else requested_many(result)

        return serve

    async def preview(call: Call[NoQuery]) -> object:
        found = await handle_preview_change(ports, clock, call.principal, call.path["orderId"], call.content)
        return found if isinstance(found, Refusal) else ReplacePreviewView(risk=found)

    def of_one(kind: RequestKind, method: str, path: str, name: str, summary: str) -> Operation[NoQuery]:
        return Operation(
            method=method, path=path, name=name, tag=TAG, right=RULES[kind].right, summary=summary,
            serve=change(kind, f"{method} {path}"), answers={202: RequestedBody}, refusals=STATE_REFUSALS,
            takes_if_match=True, takes_key=True, channeled=True,
        )  # fmt: skip

    def of_many(
        kind: RequestKind, method: str, path: str, name: str, summary: str
    ) -> Operation[SelectionQuery]:
        return Operation(
            method=method, path=path, name=name, tag=TAG, right=RULES[kind].right, summary=summary,
            serve=change_many(kind, f"{method} {path}"), query=SelectionQuery,
            answers={202: RequestedManyBody}, refusals=[RefusalCode.DUPLICATE_REQUEST_ID],
            takes_key=True, channeled=True,
        )  # fmt: skip

    return [
        Operation(
            method="DELETE", path=ORDER_PATH, name="cancelOrder", tag=TAG,
            right=RULES[RequestKind.CANCEL].right,
            serve=change(RequestKind.CANCEL, f"DELETE {ORDER_PATH}"),
            summary="Ask for an order to be canceled", answers={202: CancelBody},
            refusals=[RefusalCode.ORDER_CLOSED], takes_if_match=True, channeled=True,
        ),
        Operation(
            method="PATCH", path=ORDER_PATH, name="replaceOrder", tag=TAG,
            right=RULES[RequestKind.REPLACE].right, serve=change(RequestKind.REPLACE, f"PATCH {ORDER_PATH}"),
            summary="Ask for an order's quantity, prices, display or time in force to be changed",
            body=ReplaceRequest, noun="a replace", own_reader=True, example=EXAMPLE,
            answers={202: RequestedBody}, refusals=STATE_REFUSALS, takes_if_match=True, takes_key=True,
            channeled=True,
        ),
        Operation(
            method="POST", path=f"{ORDER_PATH}/replace/preview", name="previewReplace", tag=TAG,
            right=Right.READ, serve=preview,
            summary="The risk verdict of an order's replace that is not sent",
            body=ReplaceRequest, noun="a replace", own_reader=True, example=EXAMPLE,
            answers={200: ReplacePreviewView}, refusals=STATE_REFUSALS,
        ),
        of_one(
            RequestKind.SUSPEND, "POST", f"{ORDER_PATH}/suspend", "suspendOrder",
            "Ask for an order to be taken out of the market, to go on with it later",
        ),
        of_one(
            RequestKind.RESUME, "POST", f"{ORDER_PATH}/resume", "resumeOrder",
            "Ask for a suspended order to be worked again",
        ),
        of_many(
            RequestKind.CANCEL, "DELETE", ORDERS_PATH, "cancelOrders", "Ask for orders to be canceled"
        ),
        of_many(
            RequestKind.SUSPEND, "POST", f"{ORDERS_PATH}/suspend", "suspendOrders",
            "Ask for orders to be taken out of the market, to go on with them later",
        ),
        of_many(
            RequestKind.RESUME, "POST", f"{ORDERS_PATH}/resume", "resumeOrders",
            "Ask for suspended orders to be worked again",
        ),
    ]  # fmt: skip
