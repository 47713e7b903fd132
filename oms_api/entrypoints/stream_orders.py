"""Orders and cancels on the WebSocket: the same checks, keys, rates and answers as REST has."""

from typing import Final, assert_never

import structlog

from oms_api.domain.principal import Right
from oms_api.domain.refusal import Refusal
from oms_api.entrypoints import stream_messages
from oms_api.entrypoints.answers import cancel_body, placed_body
from oms_api.entrypoints.http_door import requests_total
from oms_api.entrypoints.request_trace import RequestTrace
from oms_api.entrypoints.stream_requests import Cancel, Place
from oms_api.handlers import (
    CancelRequested,
    Placed,
    admit,
    admit_to_place,
    handle_cancel_order,
    handle_place_order,
    unavailable,
)
from oms_api.ports import Ports, UnavailableError
from oms_platform.clock import Clock
from oms_platform.messages import CancelOrder, SubmitOrder

PLACE_ROUTE: Final = "WS place"
CANCEL_ROUTE: Final = "WS cancel"
log = structlog.get_logger()


async def answer_order(ports: Ports, clock: Clock, token: str, message: Place | Cancel) -> str:
    """Do what a client asks about an order. Returns the message that answers it."""
    route = PLACE_ROUTE if isinstance(message, Place) else CANCEL_ROUTE
    try:
        result = await _do(ports, clock, token, message)
    except UnavailableError as error:
        result = unavailable(error.what)
    except Exception:
        log.error("request_failed", route=route, exc_info=True)
        result = unavailable("an unexpected error: the outcome is not known, send it again")
    requests_total.labels(route, result.code.value if isinstance(result, Refusal) else "OK").inc()
    match result:
        case Placed():
            return stream_messages.placed(message.request_id, placed_body(result))
        case CancelRequested():
            return stream_messages.cancel_requested(message.request_id, cancel_body(result))
        case Refusal():
            return stream_messages.refused(message.request_id, result)
        case _:
            assert_never(result)


async def _do(
    ports: Ports, clock: Clock, token: str, message: Place | Cancel
) -> Placed | CancelRequested | Refusal:
    if isinstance(message, Place):
        traced = RequestTrace(ports.tracer, None, SubmitOrder.__name__)
        return await traced.over(PLACE_ROUTE, _place(ports, clock, token, message, traced.trace))
    traced = RequestTrace(ports.tracer, None, CancelOrder.__name__)
    return await traced.over(CANCEL_ROUTE, _cancel(ports, clock, token, message, traced.trace))


async def _place(ports: Ports, clock: Clock, token: str, message: Place, trace: str) -> Placed | Refusal:
    placer = await admit_to_place(ports, token)
    if isinstance(placer, Refusal):
        return placer
    return await handle_place_order(
        ports, clock, placer, channel=message.channel, content=message.content, trace=trace
    )


async def _cancel(
    ports: Ports, clock: Clock, token: str, message: Cancel, trace: str
) -> CancelRequested | Refusal:
    principal = await admit(ports, token, Right.CANCEL)
    if isinstance(principal, Refusal):
        return principal
    return await handle_cancel_order(
        ports, clock, principal, str(message.order_id), channel=message.channel or None, trace=trace
    )
