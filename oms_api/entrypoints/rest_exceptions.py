"""REST about execution exceptions: what venues said that could not be applied, and a person's word on it."""

from typing import Annotated, Final
from uuid import UUID

import msgspec

from oms_api.domain.booking import REASON_MAX
from oms_api.domain.principal import Principal, Right
from oms_api.domain.refusal import RefusalCode
from oms_api.domain.terms import QUANTITY_MAX
from oms_api.entrypoints.operation import AnyOperation, Call, NoQuery, Operation
from oms_api.entrypoints.request_fields import one_of
from oms_api.entrypoints.rest_orders import Price, SideName, Text
from oms_api.exception_handlers import (
    BookingTaken,
    handle_book_exception,
    handle_get_exception,
    handle_ignore_exception,
)
from oms_api.ports import ExceptionFilter, ExceptionView, Instant, Ports, View
from oms_platform.clock import Clock
from oms_platform.exceptions import ExceptionKind

PATH: Final = "/api/v1/exceptions"
TAG: Final = "Execution exceptions"
STATUSES: Final = ("OPEN", "BOOKING", "BOOKED", "IGNORED", "SETTLED")
KINDS: Final = tuple(kind.name for kind in ExceptionKind)
LIMIT_DEFAULT: Final = 50
LIMIT_MAX: Final = 500
Reason = Annotated[
    str, msgspec.Meta(min_length=1, max_length=REASON_MAX, pattern=r"^[^\u0000]*[^\s\u0000][^\u0000]*$")
]


class ExceptionsQuery(msgspec.Struct, rename="camel", kw_only=True):
    """Which exceptions, newest first."""

    status: Annotated[str, one_of(STATUSES, "ExceptionStatus")] | None = None
    venue_id: Text | None = None
    kind: Annotated[str, one_of(KINDS, "ExceptionKind")] | None = None
    order_id: UUID | None = None
    before: Annotated[Instant | None, msgspec.Meta(description="Raised before then.")] = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT


class ReasonRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """Why."""

    reason: Reason


class BookingRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """The trade as it really was, and why it is booked. What is left out is as the exception says it."""

    reason: Reason
    last_qty: Annotated[int, msgspec.Meta(ge=1, le=QUANTITY_MAX)] | msgspec.UnsetType = msgspec.UNSET
    last_px: Price | msgspec.UnsetType = msgspec.UNSET
    account_id: Text | msgspec.UnsetType = msgspec.UNSET
    symbol: Text | msgspec.UnsetType = msgspec.UNSET
    side: SideName | msgspec.UnsetType = msgspec.UNSET


class Exceptions(View, frozen=True):
    """Exceptions, newest first."""

    exceptions: list[ExceptionView]


def exception_filter(query: ExceptionsQuery, principal: Principal) -> ExceptionFilter:
    """Return which exceptions to read: of the caller's accounts."""
    return ExceptionFilter(
        limit=query.limit,
        accounts=None if principal.sees_every_account else principal.accounts,
        status=query.status,
        venue_id=query.venue_id,
        kind=query.kind,
        order_id=query.order_id,
        before=query.before,
    )


def exception_operations(ports: Ports, clock: Clock) -> list[AnyOperation]:
    """Return the operations. Who sees an account sees its exceptions; of none, who sees every account."""

    async def exceptions(call: Call[ExceptionsQuery]) -> Exceptions:
        return Exceptions(await ports.exceptions.exceptions(exception_filter(call.query, call.principal)))

    async def exception(call: Call[NoQuery]) -> object:
        return await handle_get_exception(ports, call.principal, call.path["exceptionId"])

    async def ignore(call: Call[NoQuery]) -> object:
        return await handle_ignore_exception(ports, call.principal, call.path["exceptionId"], call.content)

    async def book(call: Call[NoQuery]) -> object:
        exception_id = call.path["exceptionId"]
        return await handle_book_exception(ports, clock, call.principal, exception_id, call.content)

    one = f"{PATH}/{{exceptionId}}"
    return [
        Operation(
            method="GET", path=PATH, name="listExceptions", tag=TAG, right=Right.READ, serve=exceptions,
            summary="Execution exceptions, newest first", query=ExceptionsQuery, answers={200: Exceptions},
        ),
        Operation(
            method="GET", path=one, name="getException", tag=TAG, right=Right.READ, serve=exception,
            summary="One execution exception, with the message as it came", answers={200: ExceptionView},
        ),
        Operation(
            method="POST", path=f"{one}/ignore", name="ignoreException", tag=TAG, right=Right.TRADE,
            serve=ignore, summary="Close an exception without effect", body=ReasonRequest, noun="a reason",
            example={"reason": "the venue took it back by telephone"}, answers={200: ExceptionView},
            refusals=[RefusalCode.CONFLICT],
        ),
        Operation(
            method="POST", path=f"{one}/book", name="bookException", tag=TAG, right=Right.TRADE, serve=book,
            summary="Book the trade of an exception", body=BookingRequest, noun="a booking",
            example={"reason": "confirmed by the venue", "lastQty": 100, "lastPx": "230.01"},
            answers={202: BookingTaken}, refusals=[RefusalCode.CONFLICT, RefusalCode.DUPLICATE_ORDER_ID],
        ),
    ]  # fmt: skip
