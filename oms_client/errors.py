"""What can go wrong with a request, as one exception a kind.

The law of this file: an error is one line that a person can read, and says whether the request may have had
an effect. A refusal (4xx) had none. Without an answer, or with 5xx, it may have had one.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

SHOWN_CHARACTERS_MAX: Final = 300


class FieldProblem(NamedTuple):
    """What is wrong with one field of a request; field: its name, empty for the request as a whole."""

    field: str
    message: str


class ApiError(RuntimeError):
    """Base of all errors of this package, said in one line.

    code: the API's, of the list at /docs/problems, if any. status: of HTTP, 0 without an answer. fields: what
    is wrong by field. order_status: of the order that it is about, if told. request_id: as it is in the
    gateway's logs.
    """

    def __init__(
        self,
        message: str,
        code: str = "",
        status: int = 0,
        *,
        fields: Sequence[FieldProblem] = (),
        order_status: str = "",
        request_id: str = "",
    ) -> None:
        super().__init__(" ".join(message.split()))
        self.code = code
        self.status = status
        self.fields = tuple(fields)
        self.order_status = order_status
        self.request_id = request_id

    @property
    def refused(self) -> bool:
        """Whether the request had no effect for sure."""
        return 400 <= self.status < 500


class RefusedError(ApiError):
    """The request was refused (4xx); nothing was done."""


class InvalidRequestError(RefusedError):
    """Something in the request is wrong (400); `fields` names each."""


class UnauthenticatedError(RefusedError):
    """No token, or one that does not count (401), and the source of tokens has no other."""


class ForbiddenError(RefusedError):
    """The token does not give the right to this (403)."""


class NotFoundError(RefusedError):
    """It is not there, or another's (404)."""


class ConflictError(RefusedError):
    """It is not as the request expects (409), or another version than the one to be changed (412).

    DUPLICATE_ORDER_ID: the clientOrderId is of an order with other content. DUPLICATE_REQUEST_ID: the
    request's own id is of another one. ORDER_CLOSED: what is to be changed is over, CONFLICT: it is in a
    state that forbids it; `order_status` says which.
    """


class RateLimitedError(RefusedError):
    """Too many requests (429). retry_after_s: seconds until one may pass."""

    retry_after_s: float = 0.0


class UnavailableError(ApiError):
    """The gateway cannot answer now (5xx). Whether the request had an effect is not known.

    retry_after_s: seconds after which it may be asked again, 0 where it did not say.
    """

    retry_after_s: float = 0.0


class NoAnswerError(UnavailableError):
    """Nobody answered, or not in time, or the connection was cut. sent: whether it may have arrived."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class UnreadableAnswerError(ApiError):
    """What came is not what this client reads."""


class StreamEndedError(ApiError):
    """The stream ended for good. close_code: of the WebSocket, RFC 6455, section 7.4."""

    def __init__(self, message: str, *, close_code: int) -> None:
        super().__init__(message)
        self.close_code = close_code


_KINDS: Final[Mapping[int, type[ApiError]]] = {
    400: InvalidRequestError,
    401: UnauthenticatedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    412: ConflictError,
    429: RateLimitedError,
}
_STATUS_OF_CODE: Final[Mapping[str, int]] = {
    "INVALID_REQUEST": 400,
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "CONFLICT": 409,
    "KILLED": 409,
    "DUPLICATE_ORDER_ID": 409,
    "DUPLICATE_REQUEST_ID": 409,
    "ORDER_CLOSED": 409,
    "PRECONDITION_FAILED": 412,
    "RATE_LIMITED": 429,
    "UNAVAILABLE": 503,
}


def error_of_answer(status: int, body: bytes, retry_after: str = "") -> ApiError:
    """Return the error that an answer other than 2xx is.

    The answer is the API's (RFC 9457, or the older `error` object), an OAuth 2.0 issuer's (RFC 6749, section
    5.2), or anything.
    """
    kind = _kind_of(status)
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        answer = None
    found = _read(kind, answer, status)
    if found is None:
        found = kind(f"HTTP {status}: {one_line(body.decode(errors='replace'))}", status=status)
    if isinstance(found, RateLimitedError | UnavailableError) and retry_after.isdecimal():
        found.retry_after_s = float(retry_after[:9])
    return found


def error_of_stream(problem: object) -> ApiError:
    """Return the error that an `error` message of the stream tells."""
    if not isinstance(problem, Mapping):
        return RefusedError(f"the stream says: {problem}")
    code = str(problem.get("code") or "")
    return _made(_kind_of(_STATUS_OF_CODE.get(code, 400)), problem, "", status=0, code=code)


def _kind_of(status: int) -> type[ApiError]:
    if status >= 500:
        return UnavailableError
    return _KINDS.get(status, RefusedError if status >= 400 else ApiError)


def _read(kind: type[ApiError], answer: object, status: int) -> ApiError | None:
    if not isinstance(answer, Mapping):
        return None
    suffix = f" (HTTP {status})"
    if isinstance(answer.get("detail"), str) and isinstance(answer.get("code"), str):
        return _made(kind, {"message": answer["detail"], **answer}, suffix, status, answer["code"])
    problem = answer.get("error")
    if isinstance(problem, Mapping):
        return _made(kind, problem, suffix, status, str(problem.get("code") or ""))
    if isinstance(problem, str):
        return kind(f"{answer.get('error_description') or problem}{suffix}", problem, status)
    return None


def _made(kind: type[ApiError], problem: Mapping[str, Any], suffix: str, status: int, code: str) -> ApiError:
    """Return the API's error with its fields in its line."""
    told = problem.get("fields")
    fields = [
        FieldProblem(str(one.get("field") or ""), str(one.get("message") or ""))
        for one in (told if isinstance(told, list) else [])
        if isinstance(one, Mapping)
    ]
    line = f"{problem.get('message', problem)}{suffix}"
    if fields:
        line += ": " + "; ".join(f"{one.field}: {one.message}".removeprefix(": ") for one in fields)
    return kind(
        line,
        code,
        status,
        fields=fields,
        order_status=str(problem.get("orderStatus") or problem.get("status") or "")
        if not isinstance(problem.get("status"), int)
        else str(problem.get("orderStatus") or ""),
        request_id=str(problem.get("requestId") or ""),
    )


def one_line(text: str) -> str:
    """Return the beginning of a text that somebody else sent, in one line."""
    return " ".join(text.split())[:SHOWN_CHARACTERS_MAX]
