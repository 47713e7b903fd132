"""The one shape of every HTTP answer, and the HTTP status of every refusal."""

from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from oms_api.domain.refusal import Refusal, RefusalCode
from oms_api.handlers import CancelRequested, Placed

# Set by the door for the request that the current task works on.
request_id: ContextVar[str] = ContextVar("request_id", default="")

STATUS_OF: Final = {
    RefusalCode.INVALID_REQUEST: 400,
    RefusalCode.UNAUTHENTICATED: 401,
    RefusalCode.FORBIDDEN: 403,
    RefusalCode.NOT_FOUND: 404,
    RefusalCode.METHOD_NOT_ALLOWED: 405,
    RefusalCode.DUPLICATE_ORDER_ID: 409,
    RefusalCode.ORDER_CLOSED: 409,
    RefusalCode.CONFLICT: 409,
    RefusalCode.RATE_LIMITED: 429,
    RefusalCode.UNAVAILABLE: 503,
}
encode: Final = msgspec.json.Encoder(decimal_format="string", uuid_format="canonical").encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer: status, JSON body, and headers beside content type and length."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


class _PlacedBody(msgspec.Struct, rename="camel", gc=False):
    order_id: UUID
    client_order_id: str
    status: str
    created: bool
    message: str
    timestamp: datetime


class _CancelBody(msgspec.Struct, rename="camel", gc=False):
    order_id: UUID
    request_id: UUID
    status: str
    message: str


class _FieldBody(msgspec.Struct):
    field: str
    message: str


class _ErrorBody(msgspec.Struct, omit_defaults=True):
    code: str
    message: str
    fields: list[_FieldBody]
    status: str = ""


class _Refused(msgspec.Struct, rename="camel"):
    error: _ErrorBody
    request_id: str


def ok(body: object, status: int = 200) -> Answer:
    """Build the answer of a read."""
    return Answer(status=status, body=encode(body))


def placed(answer: Placed) -> Answer:
    """Build the answer to a placed order: 201 for a new one, 200 for one that was there."""
    body = _PlacedBody(
        answer.order_id, answer.client_order_id, "NEW", answer.created, "order received", answer.accepted_at
    )
    return Answer(
        status=201 if answer.created else 200,
        body=encode(body),
        headers=(("location", f"/api/v1/orders/{answer.order_id}"),),
    )


def cancel_requested(answer: CancelRequested) -> Answer:
    """Build the answer to a cancel request."""
    return Answer(
        status=202,
        body=encode(_CancelBody(answer.order_id, answer.request_id, answer.status, "cancel requested")),
    )


def refused(refusal: Refusal) -> Answer:
    """Build the answer to a request that was refused."""
    headers: list[tuple[str, str]] = []
    if refusal.retry_after_s:
        headers.append(("retry-after", str(refusal.retry_after_s)))
    if refusal.code is RefusalCode.UNAUTHENTICATED:
        headers.append(("www-authenticate", 'Bearer realm="oms", error="invalid_token"'))
    return Answer(
        status=STATUS_OF[refusal.code],
        body=encode(refusal_body(refusal, request_id.get())),
        headers=tuple(headers),
    )


def refusal_body(refusal: Refusal, of_request: str) -> object:
    """Build the error shape that every door answers with."""
    fields = [_FieldBody(problem.field, problem.message) for problem in refusal.fields]
    return _Refused(_ErrorBody(refusal.code.value, refusal.message, fields, refusal.status), of_request)
