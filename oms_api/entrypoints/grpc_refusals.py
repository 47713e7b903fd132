"""The gRPC status of every refusal, and what a program reads of it: google.rpc's error details.

What a client said comes back in them only as far as `shown` shows it, so that trailers stay short.
"""

import re
from typing import Final

from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from oms_api.domain.refusal import Refusal, RefusalCode

# Who the reasons are of: what google.rpc.ErrorInfo calls the domain.
DOMAIN: Final = "oms.v1"
MESSAGE_CHARACTERS_MAX: Final = 500
# So many wrong fields are named: clients take trailers of 8 KiB.
VIOLATIONS_MAX: Final = 20
STATUS_OF: Final = {
    RefusalCode.INVALID_REQUEST: Status.INVALID_ARGUMENT,
    RefusalCode.UNAUTHENTICATED: Status.UNAUTHENTICATED,
    RefusalCode.FORBIDDEN: Status.PERMISSION_DENIED,
    RefusalCode.NOT_FOUND: Status.NOT_FOUND,
    RefusalCode.METHOD_NOT_ALLOWED: Status.UNIMPLEMENTED,
    RefusalCode.DUPLICATE_ORDER_ID: Status.ALREADY_EXISTS,
    RefusalCode.DUPLICATE_REQUEST_ID: Status.ALREADY_EXISTS,
    RefusalCode.ORDER_CLOSED: Status.FAILED_PRECONDITION,
    RefusalCode.CONFLICT: Status.FAILED_PRECONDITION,
    RefusalCode.KILLED: Status.FAILED_PRECONDITION,
    RefusalCode.PRECONDITION_FAILED: Status.FAILED_PRECONDITION,
    RefusalCode.RATE_LIMITED: Status.RESOURCE_EXHAUSTED,
    RefusalCode.UNAVAILABLE: Status.UNAVAILABLE,
}
# What no field of a message is called after.
_NAMES: Final = {"X-OMS-Channel": "channel", "Idempotency-Key": "client_order_id"}


def field_name(name: str) -> str:
    """Return a field's name as the .proto has it: `limit_price` for REST's `limitPrice`."""
    return _NAMES.get(name) or re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def refused(refusal: Refusal, status: Status | None = None) -> GRPCError:
    """Build the error that ends a call: a text with every wrong field, and the same for programs.

    status: where the refusal's code alone does not say it.
    """
    fields = [(field_name(problem.field), problem.message) for problem in refusal.fields]
    details: list[object] = [
        ErrorInfo(
            reason=refusal.code.value,
            domain=DOMAIN,
            metadata={"order_status": refusal.status} if refusal.status else {},
        )
    ]
    more = len(fields) - VIOLATIONS_MAX
    if more > 0:
        fields = [*fields[:VIOLATIONS_MAX], ("", f"and {more} more")]
    if fields:
        violations = [BadRequest.FieldViolation(field=name, description=text) for name, text in fields]
        details.append(BadRequest(field_violations=violations))
    if refusal.retry_after_s:
        details.append(RetryInfo(retry_delay=Duration(seconds=refusal.retry_after_s)))
    message = "; ".join(f"{name}: {text}".removeprefix(": ") for name, text in fields) or refusal.message
    if len(message) > MESSAGE_CHARACTERS_MAX:
        message = f"{message[:MESSAGE_CHARACTERS_MAX]}…"
    # A header's value must not end with a space: HTTP/2 clients close the connection over it.
    return GRPCError(STATUS_OF[refusal.code] if status is None else status, message.strip(), details)
