"""The one shape of every HTTP answer, and the HTTP status of every refusal."""

import re
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

import msgspec

from oms_api.change_handlers import Line, Requested, RequestedOfMany
from oms_api.domain.order_requests import RULES
from oms_api.domain.refusal import Refusal, RefusalCode
from oms_api.handlers import Placed
from oms_api.ports import Instant, RateStanding

# Set by the door for the request that the current task works on.
request_id: ContextVar[str] = ContextVar("request_id", default="")

STATUS_OF: Final = {
    RefusalCode.INVALID_REQUEST: 400,
    RefusalCode.UNAUTHENTICATED: 401,
    RefusalCode.FORBIDDEN: 403,
    RefusalCode.NOT_FOUND: 404,
    RefusalCode.METHOD_NOT_ALLOWED: 405,
    RefusalCode.DUPLICATE_ORDER_ID: 409,
    RefusalCode.DUPLICATE_REQUEST_ID: 409,
    RefusalCode.ORDER_CLOSED: 409,
    RefusalCode.CONFLICT: 409,
    RefusalCode.KILLED: 409,
    RefusalCode.PRECONDITION_FAILED: 412,
    RefusalCode.RATE_LIMITED: 429,
    RefusalCode.UNAVAILABLE: 503,
}
JSON: Final = "application/json"
_ETAG: Final = re.compile(r'(W/)?("[^"]*")')
PROBLEM_JSON: Final = "application/problem+json"
PROBLEMS_PAGE: Final = "/docs/problems"
encode: Final = msgspec.json.Encoder(decimal_format="string", uuid_format="canonical").encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer: status, body, and headers beside content type and length."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    media_type: str = JSON


class PlacedBody(msgspec.Struct, rename="camel", gc=False):
    """An order that is stored. created: false when it was there before, by its clientOrderId."""

    order_id: UUID
    client_order_id: str
    status: str
    created: bool
    message: str
    timestamp: Instant


class CancelBody(msgspec.Struct, rename="camel", gc=False):
    """A cancel request that is stored. request_id: of the event that will be its outcome."""

    order_id: UUID
    request_id: UUID
    status: str
    message: str


class RequestedBody(msgspec.Struct, rename="camel", gc=False):
    """A request about an order that is stored. request_id: of the event that will be its outcome.

    status: the order's as it was read. created: false when it was stored before, by its own id. message: what
    it will do.
    """

    order_id: UUID
    request_id: UUID
    status: str
    created: bool
    message: str


class WrongField(msgspec.Struct):
    """What is wrong with one field of a request."""

    field: str
    message: str


class ErrorBody(msgspec.Struct, omit_defaults=True):
    code: str
    message: str
    fields: list[WrongField]
    status: str = ""


class RequestedLine(msgspec.Struct, rename="camel", gc=False):
    """What came of one order of many: `request`, or in `error` why there is none.

    order_id: null of a client_order_id that was named and is of no order there.
    """

    order_id: UUID | None
    client_order_id: str
    request: RequestedBody | None
    error: ErrorBody | None


class RequestedManyBody(msgspec.Struct, rename="camel", gc=False):
    """What came of a request about many orders. more: there are more such; ask again, after the last.

    created: false when it was stored before, by its own id: then these are the orders of that time.
    """

    orders: list[RequestedLine]
    more: bool
    created: bool


class Problem(msgspec.Struct, rename="camel"):
    """Why a request was not done, by RFC 9457. code: of a closed list, which `type` is the page of.

    order_status: of the order that it is about, else empty. error: the same as it was told before this shape.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    fields: list[WrongField]
    order_status: str
    request_id: str
    error: ErrorBody


def ok(body: object, status: int = 200) -> Answer:
    """Build the answer of a read."""
    return Answer(status=status, body=encode(body))


def etag_of(version: object) -> str:
    """Return the ETag of a version (RFC 9110, 8.8.3)."""
    return f'"{version}"'


def names_version(condition: str, etag: str, *, weakly: bool = False) -> bool:
    """Return whether an If-Match or If-None-Match names an ETag; `*` names every one.

    weakly: an ETag that is weak there counts too (RFC 9110, 8.8.3.2), as it does for If-None-Match.
    """
    named = _ETAG.findall(condition)
    return condition.strip() == "*" or any(one == etag and (weakly or not weak) for weak, one in named)


def placed_body(answer: Placed) -> PlacedBody:
    """Build what a placed order is answered with."""
    return PlacedBody(
        answer.order_id, answer.client_order_id, "NEW", answer.created, "order received", answer.accepted_at
    )


def placed(answer: Placed) -> Answer:
    """Build the answer to a placed order: 201 for a new one, 200 for one that was there."""
    return Answer(
        status=201 if answer.created else 200,
        body=encode(placed_body(answer)),
        headers=(("location", f"/api/v1/orders/{answer.order_id}"),),
    )


def cancel_body(answer: Requested) -> CancelBody:
    """Build what a cancel request is answered with."""
    return CancelBody(answer.order_id, answer.request_id, answer.status, RULES[answer.kind].said)


def cancel_requested(answer: Requested) -> Answer:
    """Build the answer to a cancel request."""
    return Answer(status=202, body=encode(cancel_body(answer)))


def requested_body(answer: Requested) -> RequestedBody:
    """Build what a request about an order is answered with."""
    return RequestedBody(answer.order_id, answer.request_id, answer.status, answer.created, answer.will)


def requested(answer: Requested) -> Answer:
    """Build the answer to a request about an order."""
    return Answer(status=202, body=encode(requested_body(answer)))


def requested_many_body(answer: RequestedOfMany) -> RequestedManyBody:
    """Build what a request about many orders is answered with."""
    return RequestedManyBody([_line(line) for line in answer.lines], answer.more, answer.created)


def requested_many(answer: RequestedOfMany) -> Answer:
    """Build the answer to a request about many orders."""
    return Answer(status=202, body=encode(requested_many_body(answer)))


def _line(line: Line) -> RequestedLine:
    return RequestedLine(
        line.order_id,
        line.client_order_id,
        None if isinstance(line.outcome, Refusal) else requested_body(line.outcome),
        error_body(line.outcome) if isinstance(line.outcome, Refusal) else None,
    )


def refused(refusal: Refusal) -> Answer:
    """Build the answer to a request that was refused."""
    headers: list[tuple[str, str]] = []
    if refusal.retry_after_s:
        headers.append(("retry-after", str(refusal.retry_after_s)))
    if refusal.allow:
        headers.append(("allow", ", ".join(refusal.allow)))
    if refusal.code is RefusalCode.UNAUTHENTICATED:
        headers.append(("www-authenticate", 'Bearer realm="oms", error="invalid_token"'))
    return Answer(
        status=STATUS_OF[refusal.code],
        body=encode(problem_body(refusal)),
        headers=tuple(headers),
        media_type=PROBLEM_JSON,
    )


def with_rate(answer: Answer, standing: RateStanding | None) -> Answer:
    """Return an answer that says what its caller may still ask for.

    By the two fields of draft-ietf-httpapi-ratelimit-headers from its version 8 on. RateLimit-Limit,
    RateLimit-Remaining and RateLimit-Reset of earlier ones are no longer in it, and do not name a bucket.
    """
    if standing is None:
        return answer
    policy = f'"{standing.policy}"'
    told = (
        ("ratelimit-policy", f"{policy};q={standing.quota};w={standing.window_s}"),
        ("ratelimit", f"{policy};r={standing.left};t={standing.full_in_s}"),
    )
    return replace(answer, headers=answer.headers + told)


def problem_body(refusal: Refusal) -> Problem:
    """Build what a refused request is answered with."""
    error = error_body(refusal)
    return Problem(
        type=f"{PROBLEMS_PAGE}#{error.code}",
        title=error.code.replace("_", " ").capitalize(),
        status=STATUS_OF[refusal.code],
        detail=error.message,
        code=error.code,
        fields=error.fields,
        order_status=error.status,
        request_id=request_id.get(),
        error=error,
    )


def error_body(refusal: Refusal) -> ErrorBody:
    """Build what a refusal says, as streams have it and as problems do beside their own names."""
    fields = [WrongField(problem.field, problem.message) for problem in refusal.fields]
    return ErrorBody(refusal.code.value, refusal.message, fields, refusal.status)
