"""REST about execution exceptions: what venues said that could not be applied, and a person's word on it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from litestar import Response, get, post
from litestar.types import ControllerRouterHandler

from oms_api.domain.principal import Principal, Right
from oms_api.domain.refusal import FieldProblem, Refusal, invalid
from oms_api.domain.terms import shown
from oms_api.entrypoints.admission import Caller, enter
from oms_api.entrypoints.answers import Answer, ok
from oms_api.entrypoints.rest_routing import Content, enter_with_content
from oms_api.exception_handlers import (
    handle_book_exception,
    handle_get_exception,
    handle_ignore_exception,
)
from oms_api.ports import ExceptionFilter, Ports
from oms_platform.clock import Clock
from oms_platform.exceptions import ExceptionKind

PATH: Final = "/api/v1/exceptions"
LIMIT_DEFAULT: Final = 50
LIMIT_MAX: Final = 500
_STATUSES: Final = ("OPEN", "BOOKING", "BOOKED", "IGNORED", "SETTLED")
_KINDS: Final = tuple(kind.name for kind in ExceptionKind)
_FILTERS: Final = ("status", "venueId", "kind", "orderId", "before", "limit")


def read_filter(query: Mapping[str, str], principal: Principal) -> ExceptionFilter | Refusal:
    """Check the parameters of a list."""
    problems = [
        FieldProblem(field=shown(name).strip('"'), message="is not a filter")
        for name in query
        if name not in _FILTERS
    ]
    for name, allowed in (("status", _STATUSES), ("kind", _KINDS)):
        value = query.get(name)
        if value is not None and value not in allowed:
            problems.append(
                FieldProblem(field=name, message=f"must be one of {', '.join(allowed)}, was {shown(value)}")
            )
    limit = query.get("limit", str(LIMIT_DEFAULT))
    if not (limit.isascii() and limit.isdigit() and len(limit) < 6 and 1 <= int(limit) <= LIMIT_MAX):
        problems.append(FieldProblem(field="limit", message=f"must be a whole number from 1 to {LIMIT_MAX}"))
    order_id, before = query.get("orderId"), query.get("before")
    order = _uuid(order_id) if order_id is not None else None
    at = read_time(before) if before is not None else None
    if order_id is not None and order is None:
        problems.append(
            FieldProblem(field="orderId", message=f"must be an order's id, was {shown(order_id)}")
        )
    if before is not None and at is None:
        problems.append(FieldProblem(field="before", message="must be an ISO 8601 time, as raisedAt"))
    if "\0" in query.get("venueId", ""):
        problems.append(FieldProblem(field="venueId", message="must not contain a NUL character"))
    if problems:
        return invalid(*problems)
    return ExceptionFilter(
        limit=int(limit),
        accounts=None if principal.sees_every_account else principal.accounts,
        status=query.get("status"),
        venue_id=query.get("venueId"),
        kind=query.get("kind"),
        order_id=order,
        before=at,
    )


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def read_time(text: str) -> datetime | None:
    """Read an ISO 8601 time, UTC where it names no zone; None if it is none."""
    try:
        value = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value


def exception_routes(ports: Ports, clock: Clock) -> list[ControllerRouterHandler]:
    """Build the routes. Who sees an account sees its exceptions; those of no account, who sees every one."""

    @get(PATH, summary="Execution exceptions, newest first")
    async def exceptions(request: Caller) -> Response[bytes]:
        async def serve(principal: Principal) -> Answer | Refusal:
            wanted = read_filter(dict(request.query_params), principal)
            if isinstance(wanted, Refusal):
                return wanted
            return ok({"exceptions": await ports.exceptions.exceptions(wanted)})

        return await enter(ports, request, Right.READ, serve)

    @get(f"{PATH}/{{exception_id:str}}", summary="One execution exception, with the message as it came")
    async def exception(request: Caller, exception_id: str) -> Response[bytes]:
        async def serve(principal: Principal) -> Answer | Refusal:
            found = await handle_get_exception(ports, principal, exception_id)
            return found if isinstance(found, Refusal) else ok(found)

        return await enter(ports, request, Right.READ, serve)

    @post(f"{PATH}/{{exception_id:str}}/ignore", summary="Close an exception without effect", status_code=200)
    async def ignore(request: Caller, exception_id: str) -> Response[bytes]:
        async def serve(principal: Principal, content: Content) -> object:
            return await handle_ignore_exception(ports, principal, exception_id, content)

        return await enter_with_content(ports, request, Right.TRADE, serve)

    @post(f"{PATH}/{{exception_id:str}}/book", summary="Book the trade of an exception", status_code=202)
    async def book(request: Caller, exception_id: str) -> Response[bytes]:
        async def serve(principal: Principal, content: Content) -> object:
            return await handle_book_exception(ports, clock, principal, exception_id, content)

        return await enter_with_content(ports, request, Right.TRADE, serve, status=202)

    return [exceptions, exception, ignore, book]
