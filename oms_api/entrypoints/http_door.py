"""The outermost ASGI layer: request ids, metrics, and the hot route, which does not go through the framework.

Placing an order costs a third of what it would inside Litestar; everything else goes on to it.
"""

import json
import re
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec
import structlog
from prometheus_client import Counter

from oms_api.domain.principal import Right
from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode, invalid, shown
from oms_api.entrypoints.answers import Answer, placed, refused, request_id, with_rate
from oms_api.entrypoints.request_trace import RequestTrace
from oms_api.entrypoints.slashes import with_names_whole
from oms_api.handlers import Placed, admit_to_place, handle_place_order, rate_standing, unavailable
from oms_api.ports import Ports, UnavailableError
from oms_platform.clock import Clock
from oms_platform.messages import SubmitOrder
from oms_platform.telemetry.metrics import hop
from oms_platform.telemetry.order_trace import trace_id_of

ORDERS_PATH: Final = "/api/v1/orders"
PLACE_ROUTE: Final = f"POST {ORDERS_PATH}"
BODY_BYTES_MAX: Final = 65_536
CHANNEL_DEFAULT: Final = "API"
_TWO_CALLERS: Final = invalid(FieldProblem(field="Authorization", message="must be there only once"))
_NO_HOST: Final = invalid(FieldProblem(field="Host", message="must be there, and only once"))
_REQUEST_ID: Final = re.compile(r"[!-~]{1,128}")

# Of every answer: what it says is the caller's alone, and is what its content type says. A page's file says
# itself how long it may be kept.
SAFETY: Final = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = dict[bytes, bytes]

log = structlog.get_logger()
requests_total = Counter("oms_api_requests_total", "Requests", ["route", "status"])
_placed_total: Final = {status: requests_total.labels(PLACE_ROUTE, status) for status in (201, 503)}
_ACK: Final = hop("ack")
# JSON numbers with a fraction or exponent become exact decimals; their text never becomes a float.
_decoder: Final = msgspec.json.Decoder(float_hook=Decimal)
_CHARSET: Final = re.compile(rb"""(?:^|;)\s*charset\s*=\s*"?([^\s;"]*)""", re.IGNORECASE)


_KINDS: Final = {list: "a list", str: "a string", bool: "true or false", type(None): "null"}


def bearer_token(authorization: bytes | None) -> str | None:
    """Return the token of an Authorization header, or None."""
    if authorization is None or authorization[:7].lower() != b"bearer ":
        return None
    return authorization[7:].strip().decode("latin-1")


def decode_content(body: bytes, content_type: bytes | None) -> dict[str, object] | Refusal:
    """Decode a JSON object. Returns a refusal that says what was found instead."""
    media_type, _, parameters = (content_type or b"").partition(b";")
    if media_type.strip().lower() != b"application/json":
        found = media_type.strip().decode("latin-1")[:60] or "none"
        return invalid(FieldProblem(field="Content-Type", message=f"must be application/json, was {found}"))
    if parameters and (charset := _CHARSET.search(parameters)) and charset[1].lower() != b"utf-8":
        found = charset[1].decode("latin-1")[:60]
        return invalid(FieldProblem(field="Content-Type", message=f"charset must be utf-8, was {found}"))
    return decode_object(body, "the body")


def decode_object(body: bytes, noun: str) -> dict[str, object] | Refusal:
    """Decode a JSON object without a name that is there twice. Numbers are exact. noun: what it is called."""
    try:
        content = _decoder.decode(body)
    except msgspec.MsgspecError as error:
        return Refusal(code=RefusalCode.INVALID_REQUEST, message=f"{noun} is not JSON: {str(error)[:200]}")
    except (ArithmeticError, RecursionError, ValueError):
        message = f"{noun} is not JSON: a number or text in it cannot be read, or it is nested too deeply"
        return Refusal(code=RefusalCode.INVALID_REQUEST, message=message)
    if not isinstance(content, dict):
        found = _KINDS.get(type(content), "a number")
        return Refusal(
            code=RefusalCode.INVALID_REQUEST, message=f"expected {noun} to be a JSON object, was {found}"
        )
    # Every name and text has two quotes; one more is in a text, or belongs to a name that came twice.
    if body.count(b'"') != 2 * _names_and_texts(content) and (name := _twice(body)) is not None:
        return invalid(FieldProblem(field=shown(name).strip('"'), message="is given more than once"))
    return content


def _names_and_texts(value: object) -> int:
    if type(value) is str:
        return 1
    if type(value) is dict:
        return len(value) + sum(map(_names_and_texts, value.values()))
    return sum(map(_names_and_texts, value)) if type(value) is list else 0


def _twice(body: bytes) -> str | None:
    """Return a name that an object of a JSON text has twice, or None."""
    found: list[str] = []

    def look(pairs: list[tuple[str, object]]) -> None:
        names = [name for name, _ in pairs]
        found.extend(name for name in names if names.count(name) > 1)

    json.loads(body, object_pairs_hook=look, parse_float=str, parse_int=str)
    return found[0] if found else None


def head_problem(headers: Sequence[tuple[bytes, bytes]], http_version: str) -> Refusal | None:
    """Return why a request is refused for its head, None for a good one.

    Two Authorization headers: which one counts is anybody's guess. A body in a coding that is not undone here
    (RFC 9110, section 8.4) is not what it says. HTTP/1.1 names its host, once (RFC 9112, section 3.2).
    """
    callers = hosts = 0
    for name, value in headers:
        if name == b"authorization":
            callers += 1
        elif name == b"host":
            hosts += 1
        elif name == b"content-encoding" and value.strip().lower() != b"identity":
            found = value.decode("latin-1")[:60]
            return invalid(FieldProblem(field="Content-Encoding", message=f"must be identity, was {found}"))
    if callers > 1:
        return _TWO_CALLERS
    return None if hosts == 1 or http_version == "1.0" else _NO_HOST


async def read_body(
    receive: Receive, content_length: bytes | None, bytes_max: int = BODY_BYTES_MAX
) -> bytes | None:
    """Return the whole body, or None when it is longer than is allowed or its client has gone."""
    if content_length is not None and content_length.isdigit() and int(content_length[:9]) > bytes_max:
        return None
    event = await receive()
    body: bytes = event.get("body", b"")
    while event.get("more_body", False) and len(body) <= bytes_max:
        event = await receive()
        body += event.get("body", b"")
    # What a client has said of a request when it goes is none, whatever it looks like.
    whole = event["type"] != "http.disconnect"
    return body if whole and len(body) <= bytes_max else None


async def place_order(
    ports: Ports, clock: Clock, headers: Headers, receive: Receive, trace: str
) -> Placed | Refusal:
    """Do `POST /api/v1/orders`."""
    try:
        placer = await admit_to_place(ports, bearer_token(headers.get(b"authorization")))
        if isinstance(placer, Refusal):
            return placer
        body = await read_body(receive, headers.get(b"content-length"))
        if body is None:
            return Refusal(
                code=RefusalCode.INVALID_REQUEST,
                message=f"the body must be at most {BODY_BYTES_MAX} bytes",
            )
        content = decode_content(body, headers.get(b"content-type"))
        if isinstance(content, Refusal):
            return content
        return await handle_place_order(
            ports,
            clock,
            placer,
            channel=headers.get(b"x-oms-channel", CHANNEL_DEFAULT.encode()).decode("latin-1"),
            content=content,
            trace=trace,
        )
    except UnavailableError as error:
        return unavailable(error.what)
    except Exception:
        log.error("request_failed", route=PLACE_ROUTE, exc_info=True)
        return unavailable("an unexpected error: the order's outcome is not known, send it again")


async def answer_order(
    ports: Ports, clock: Clock, headers: Headers, receive: Receive, request: RequestTrace
) -> Answer:
    """Do `POST /api/v1/orders`, and write its span if it is to be traced."""
    result = await place_order(ports, clock, headers, receive, request.trace)
    if isinstance(result, Refusal):
        request.end(PLACE_ROUTE, "", result)
        if result.code is not RefusalCode.RATE_LIMITED:
            return refused(result)
        token = bearer_token(headers.get(b"authorization"))
        return with_rate(refused(result), rate_standing(ports, token, Right.TRADE))
    request.end(PLACE_ROUTE, result.order_id, None)
    return placed(result)


async def send_answer(send: Send, answer: Answer, of_request: bytes, kind: str = "http.response") -> None:
    """Send a whole answer. kind: the ASGI message that it is, another one in place of a WebSocket."""
    headers = [
        (b"content-type", answer.media_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
        (b"x-request-id", of_request),
        *SAFETY,
        *((name.encode(), value.encode("latin-1", "replace")) for name, value in answer.headers),
    ]
    await send({"type": f"{kind}.start", "status": answer.status, "headers": headers})
    await send({"type": f"{kind}.body", "body": answer.body})


class HttpDoor:
    """The ASGI application that the server runs."""

    def __init__(self, ports: Ports, clock: Clock, framework: AsgiApp) -> None:
        self._ports = ports
        self._clock = clock
        self._framework = framework

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] not in ("http", "websocket"):
            await self._framework(scope, receive, send)
            return
        problem = head_problem(scope["headers"], scope.get("http_version", "1.1"))
        if scope["type"] == "websocket":
            if problem is not None:
                await send_answer(send, refused(problem), b"", "websocket.http.response")
                return
            await self._framework(scope, receive, send)
            return
        scope = with_names_whole(scope)
        started = time.perf_counter()
        headers: Headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"").decode("latin-1")
        name = given if _REQUEST_ID.fullmatch(given) else str(uuid.uuid4())
        request_id.set(name)
        if problem is not None:
            await send_answer(send, refused(problem), name.encode())
            requests_total.labels("unknown", 400).inc()
            return
        if scope["method"] == "POST" and scope["path"] == ORDERS_PATH:
            request = RequestTrace(self._ports.tracer, headers.get(b"traceparent"), SubmitOrder.__name__)
            structlog.contextvars.bind_contextvars(request_id=name, trace_id=trace_id_of(request.trace))
            answer = await answer_order(self._ports, self._clock, headers, receive, request)
            await send_answer(send, answer, name.encode())
            counted = _placed_total.get(answer.status)
            (counted or requests_total.labels(PLACE_ROUTE, answer.status)).inc()
            _ACK.observe(time.perf_counter() - started, request.exemplar)
        else:
            structlog.contextvars.bind_contextvars(request_id=name)
            await self._pass_on(scope, receive, send, name.encode())

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send, of_request: bytes) -> None:
        status = 0

        async def send_with_id(event: Event) -> None:
            nonlocal status
            if event["type"] == "http.response.start":
                status = event["status"]
                given = list(event.get("headers", ()))
                names = {name for name, _ in given}
                safety = [one for one in SAFETY if one[0] not in names]
                event["headers"] = [*given, (b"x-request-id", of_request), *safety]
            await send(event)

        await self._framework(scope, receive, send_with_id)
        template = scope.get("path_template")
        requests_total.labels(f"{scope['method']} {template}" if template else "unknown", status).inc()
