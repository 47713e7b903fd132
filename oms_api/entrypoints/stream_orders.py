"""Orders and requests about orders on the WebSocket: the same checks, keys, rates and answers as REST has."""

from typing import Final, assert_never

import structlog

from oms_api.batch_handlers import Answered, handle_place_batch, read_batch
from oms_api.change_handlers import (
    Asked,
    Requested,
    RequestedOfMany,
    handle_change,
    handle_change_many,
)
from oms_api.domain.order_requests import RULES, RequestKind
from oms_api.domain.principal import Right
from oms_api.domain.refusal import Refusal
from oms_api.entrypoints import stream_messages
from oms_api.entrypoints.answers import cancel_body, placed_body, requested_body, requested_many_body
from oms_api.entrypoints.http_door import requests_total
from oms_api.entrypoints.request_trace import RequestTrace
from oms_api.entrypoints.rest_batch import BatchBody, batch_line
from oms_api.entrypoints.stream_requests import Cancel, Change, ChangeMany, OrderMessage, Place, PlaceMany
from oms_api.handlers import Placed, admit, admit_to_place, handle_place_order, unavailable
from oms_api.ports import MESSAGES, Ports, UnavailableError
from oms_platform.clock import Clock
from oms_platform.messages import SubmitOrder

PLACE_ROUTE: Final = "WS place"
log = structlog.get_logger()
Result = Placed | list[Answered] | Requested | RequestedOfMany | Refusal


async def answer_order(ports: Ports, clock: Clock, token: str, message: OrderMessage) -> str:
    """Do what a client asks about orders. Returns the message that answers it."""
    route = _route(message)
    try:
        result = await _do(ports, clock, token, message, route)
    except UnavailableError as error:
        result = unavailable(error.what)
    except Exception:
        log.error("request_failed", route=route, exc_info=True)
        result = unavailable("an unexpected error: the outcome is not known, send it again")
    requests_total.labels(route, result.code.value if isinstance(result, Refusal) else "OK").inc()
    return _answer(message.request_id, result)


def _route(message: OrderMessage) -> str:
    match message:
        case Place():
            return PLACE_ROUTE
        case PlaceMany():
            return "WS placeOrders"
        case Cancel():
            return "WS cancel"
        case Change(kind=kind):
            return f"WS {kind.value.lower()}"
        case ChangeMany(kind=kind):
            return f"WS {kind.value.lower()}Orders"
        case _:
            assert_never(message)


def _answer(request_id: str, result: Result) -> str:
    match result:
        case Placed():
            return stream_messages.placed(request_id, placed_body(result))
        case list():
            return stream_messages.placed_many(request_id, BatchBody([*map(batch_line, result)]))
        case Requested(kind=RequestKind.CANCEL):
            return stream_messages.cancel_requested(request_id, cancel_body(result))
        case Requested():
            return stream_messages.requested(request_id, result.kind, requested_body(result))
        case RequestedOfMany():
            return stream_messages.requested_many(request_id, result.kind, requested_many_body(result))
        case Refusal():
            return stream_messages.refused(request_id, result)
        case _:
            assert_never(result)


async def _do(ports: Ports, clock: Clock, token: str, message: OrderMessage, route: str) -> Result:
    match message:
        case Place():
            traced = RequestTrace(ports.tracer, None, SubmitOrder.__name__)
            return await traced.over(route, _place(ports, clock, token, message, traced.trace))
        case PlaceMany():
            traced = RequestTrace(ports.tracer, None, SubmitOrder.__name__)
            return await traced.over(route, _place_many(ports, clock, token, message, traced.trace))
        case Cancel():
            of_one = Asked(
                kind=RequestKind.CANCEL,
                order_id=str(message.order_id),
                content={},
                channel=message.channel or None,
            )
            return await _change(ports, clock, token, of_one, route)
        case Change():
            return await _change(ports, clock, token, _asked(message), route)
        case ChangeMany():
            traced = RequestTrace(ports.tracer, None, MESSAGES[message.kind].__name__)
            return await traced.over(route, _change_many(ports, clock, token, message, traced.trace))
        case _:
            assert_never(message)


async def _place(ports: Ports, clock: Clock, token: str, message: Place, trace: str) -> Placed | Refusal:
    placer = await admit_to_place(ports, token)
    if isinstance(placer, Refusal):
        return placer
    return await handle_place_order(
        ports, clock, placer, channel=message.channel, content=message.content, trace=trace
    )


async def _place_many(
    ports: Ports, clock: Clock, token: str, message: PlaceMany, trace: str
) -> list[Answered] | Refusal:
    principal = await admit(ports, token, Right.TRADE)
    if isinstance(principal, Refusal):
        return principal
    batch = read_batch(message.content)
    if isinstance(batch, Refusal):
        return batch
    return await handle_place_batch(ports, clock, principal, batch, channel=message.channel, trace=trace)


def _asked(message: Change) -> Asked:
    return Asked(
        kind=message.kind,
        order_id=str(message.order_id),
        content=message.content,
        channel=message.channel or None,
        request_key=message.key,
        as_read=lambda order: message.sequence is None or order.sequence == message.sequence,
    )


async def _change(ports: Ports, clock: Clock, token: str, asked: Asked, route: str) -> Requested | Refusal:
    async def work(trace: str) -> Requested | Refusal:
        principal = await admit(ports, token, RULES[asked.kind].right)
        if isinstance(principal, Refusal):
            return principal
        return await handle_change(ports, clock, principal, asked, trace=trace)

    traced = RequestTrace(ports.tracer, None, MESSAGES[asked.kind].__name__)
    return await traced.over(route, work(traced.trace))


async def _change_many(
    ports: Ports, clock: Clock, token: str, message: ChangeMany, trace: str
) -> RequestedOfMany | Refusal:
    principal = await admit(ports, token, RULES[message.kind].right)
    if isinstance(principal, Refusal):
        return principal
    return await handle_change_many(
        ports,
        clock,
        principal,
        message.kind,
        message.selection,
        channel=message.channel or None,
        request_key=message.key,
        trace=trace,
    )
