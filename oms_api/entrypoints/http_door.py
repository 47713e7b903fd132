"""The outermost ASGI layer: request ids, metrics, and the hot route, which does not go through the framework.

Placing an order costs a third of what it would inside Litestar; everything else goes on to it.
"""

import re
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from decimal import Decimal
from typing import Any, Final

import msgspec
import structlog
from prometheus_client import Counter

from oms_api.domain.principal import Right
from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode, invalid
from oms_api.entrypoints.answers import Answer, placed, refused, request_id
from oms_api.handlers import admit, handle_place_order, unavailable
from oms_api.ports import Ports, UnavailableError
from oms_platform.clock import Clock
from oms_platform.metrics import hop
from oms_platform.telemetry import new_traceparent

ORDERS_PATH: Final = "/api/v1/orders"
BODY_BYTES_MAX: Final = 65_536
CHANNEL_DEFAULT: Final = "API"
_REQUEST_ID: Final = re.compile(r"[!-~]{1,128}")
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_JSON: Final = (b"content-type", b"application/json")

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = dict[bytes, bytes]

log = structlog.get_logger()
requests_total = Counter("oms_api_requests_total", "Requests", ["route", "status"])
for _status in (201, 503):
    requests_total.labels("POST /api/v1/orders", _status)
_ACK: Final = hop("ack")
# JSON numbers with a fraction or exponent become exact decimals; their text never becomes a float.
_decoder: Final = msgspec.json.Decoder(float_hook=Decimal)


def bearer_token(authorization: bytes | None) -> str | None:
    """Return the token of an Authorization header, or None."""
    if authorization is None or authorization[:7].lower() != b"bearer ":
        return None
    return authorization[7:].strip().decode("latin-1")


def trace_of(traceparent: bytes | None) -> str:
    """Return the caller's W3C traceparent, or a new one when there is none that can be read."""
    text = (traceparent or b"").decode("latin-1")
    return text if _TRACEPARENT.fullmatch(text) else new_traceparent()


def decode_content(body: bytes, content_type: bytes | None) -> dict[str, object] | Refusal:
    """Decode a JSON object. Returns a refusal that says what was found instead."""
    media_type = (content_type or b"").split(b";", 1)[0].strip().lower()
    if media_type != b"application/json":
        found = media_type.decode("latin-1")[:60] or "none"
        return invalid(FieldProblem(field="Content-Type", message=f"must be application/json, was {found}"))
    try:
        content = _decoder.decode(body)
    except (msgspec.MsgspecError, ArithmeticError, RecursionError, ValueError) as error:
        return Refusal(code=RefusalCode.INVALID_REQUEST, message=f"the body is not JSON: {str(error)[:200]}")
    if not isinstance(content, dict):
        return Refusal(code=RefusalCode.INVALID_REQUEST, message="expected the body to be a JSON object")
    return content


async def read_body(receive: Receive, content_length: bytes | None) -> bytes | None:
    """Return the whole body, or None when it is longer than is allowed."""
    if content_length is not None and content_length.isdigit() and int(content_length[:9]) > BODY_BYTES_MAX:
        return None
    event = await receive()
    body: bytes = event.get("body", b"")
    while event.get("more_body", False) and len(body) <= BODY_BYTES_MAX:
        event = await receive()
        body += event.get("body", b"")
    return body if len(body) <= BODY_BYTES_MAX else None


async def place_order(ports: Ports, clock: Clock, headers: Headers, receive: Receive) -> Answer:
    """Do `POST /api/v1/orders`."""
    try:
        principal = await admit(ports, bearer_token(headers.get(b"authorization")), Right.TRADE)
        if isinstance(principal, Refusal):
            return refused(principal)
        body = await read_body(receive, headers.get(b"content-length"))
        if body is None:
            return refused(
                Refusal(
                    code=RefusalCode.INVALID_REQUEST,
                    message=f"the body must be at most {BODY_BYTES_MAX} bytes",
                )
            )
        content = decode_content(body, headers.get(b"content-type"))
        if isinstance(content, Refusal):
            return refused(content)
        result = await handle_place_order(
            ports,
            clock,
            principal,
            channel=headers.get(b"x-oms-channel", CHANNEL_DEFAULT.encode()).decode("latin-1"),
            content=content,
            traceparent=trace_of(headers.get(b"traceparent")),
        )
    except UnavailableError as error:
        return refused(unavailable(str(error)))
    return refused(result) if isinstance(result, Refusal) else placed(result)


async def send_answer(send: Send, answer: Answer, of_request: bytes) -> None:
    """Send a whole answer."""
    headers = [
        _JSON,
        (b"content-length", str(len(answer.body)).encode()),
        (b"x-request-id", of_request),
        *((name.encode(), value.encode("latin-1", "replace")) for name, value in answer.headers),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


class HttpDoor:
    """The ASGI application that the server runs."""

    def __init__(self, ports: Ports, clock: Clock, framework: AsgiApp) -> None:
        self._ports = ports
        self._clock = clock
        self._framework = framework

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._framework(scope, receive, send)
            return
        started = time.perf_counter()
        headers: Headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"").decode("latin-1")
        name = given if _REQUEST_ID.fullmatch(given) else str(uuid.uuid4())
        request_id.set(name)
        structlog.contextvars.bind_contextvars(request_id=name)
        if scope["method"] == "POST" and scope["path"] == ORDERS_PATH:
            answer = await self._place(headers, receive)
            await send_answer(send, answer, name.encode())
            requests_total.labels("POST /api/v1/orders", answer.status).inc()
            _ACK.observe(time.perf_counter() - started)
        else:
            await self._pass_on(scope, receive, send, name.encode())

    async def _place(self, headers: Headers, receive: Receive) -> Answer:
        try:
            return await place_order(self._ports, self._clock, headers, receive)
        except Exception:
            log.error("request_failed", route="POST /api/v1/orders", exc_info=True)
            return refused(
                unavailable("an unexpected error: the order's outcome is not known, send it again")
            )

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send, of_request: bytes) -> None:
        status = 0

        async def send_with_id(event: Event) -> None:
            nonlocal status
            if event["type"] == "http.response.start":
                status = event["status"]
                event["headers"] = [*event.get("headers", ()), (b"x-request-id", of_request)]
            await send(event)

        await self._framework(scope, receive, send_with_id)
        template = scope.get("path_template")
        requests_total.labels(f"{scope['method']} {template}" if template else "unknown", status).inc()
