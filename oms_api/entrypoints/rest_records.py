"""REST over many orders: what was executed, and who asked for what."""

import struct
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

import msgspec

from oms_api.domain.order_requests import RequestKind
from oms_api.domain.principal import Principal, Right
from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode, invalid
from oms_api.entrypoints.csv_answers import Table
from oms_api.entrypoints.operation import AnyOperation, Call, Operation
from oms_api.entrypoints.paging import LIMIT_DEFAULT, Cursor, Limit, cursor_of, read_cursor
from oms_api.entrypoints.request_fields import one_of
from oms_api.entrypoints.rest_orders import SideName, Text, visible_accounts
from oms_api.ports import (
    ChangeFilter,
    ChangeView,
    ExecutionFilter,
    ExecutionView,
    Instant,
    Ports,
    RequestFilter,
    RequestView,
    View,
)
from oms_platform.clock import Clock, microseconds

TAG: Final = "Executions and audit"
SORTS: Final = ("-recordedAt", "recordedAt")
KINDS: Final = ("NEW", *(kind.value for kind in RequestKind), "BOOK")
REQUESTS_WITHIN: Final = timedelta(days=1)
REQUESTS_WITHIN_MAX: Final = timedelta(days=31)
# When it was recorded in microseconds, its order, its place among the order's events.
_KEY: Final = struct.Struct(">q16si")
_SEQUENCE: Final = struct.Struct(">q")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class ExecutionsQuery(msgspec.Struct, rename="camel", kw_only=True):
    """Which executions. `from` and `to`: of recordedAt."""

    account_id: list[Text] | None = None
    symbol: list[Text] | None = None
    venue_id: list[Text] | None = None
    side: SideName | None = None
    recorded_from: Annotated[Instant | None, msgspec.Meta(description="Recorded then or later.")] = (
        msgspec.field(name="from", default=None)
    )
    recorded_to: Annotated[Instant | None, msgspec.Meta(description="Recorded before then.")] = msgspec.field(
        name="to", default=None
    )
    sort: Annotated[str, one_of(SORTS, "ExecutionSort")] = SORTS[0]
    limit: Limit = LIMIT_DEFAULT
    cursor: Cursor | None = None


class ExecutionPage(View, frozen=True):
    """A page of executions. next_cursor: of the page after it; null on the last."""

    executions: list[ExecutionView]
    next_cursor: str | None


class RequestsQuery(msgspec.Struct, rename="camel", kw_only=True):
    """Which requests, newest first. `from` and `to`: of receivedAt, at most 31 days apart."""

    account_id: list[Text] | None = None
    principal: list[Text] | None = None
    kind: list[Annotated[str, one_of(KINDS, "RequestKind")]] | None = None
    order_id: UUID | None = None
    received_from: Annotated[
        Instant | None, msgspec.Meta(description="Received then or later; a day before `to` if left out.")
    ] = msgspec.field(name="from", default=None)
    received_to: Annotated[
        Instant | None, msgspec.Meta(description="Received before then; now if left out.")
    ] = msgspec.field(name="to", default=None)
    limit: Limit = LIMIT_DEFAULT
    cursor: Cursor | None = None


class RequestPage(View, frozen=True):
    """A page of requests. next_cursor: of the page after it; null on the last."""

    requests: list[RequestView]
    next_cursor: str | None


class ChangesQuery(msgspec.Struct, rename="camel", kw_only=True):
    """Which changes, newest first."""

    table: list[Text] | None = None
    actor: list[Text] | None = None
    key: Annotated[
        Text | None,
        msgspec.Meta(description="One of the values that name the row: an account, a symbol, an id."),
    ] = None
    made_from: Annotated[Instant | None, msgspec.Meta(description="Made then or later.")] = msgspec.field(
        name="from", default=None
    )
    made_to: Annotated[Instant | None, msgspec.Meta(description="Made before then.")] = msgspec.field(
        name="to", default=None
    )
    limit: Limit = LIMIT_DEFAULT
    cursor: Cursor | None = None


class ChangePage(View, frozen=True):
    """A page of changes. next_cursor: of the page after it; null on the last."""

    changes: list[ChangeView]
    next_cursor: str | None


def change_filter(query: ChangesQuery, principal: Principal) -> ChangeFilter | Refusal:
    """Return which changes to read: who does not see every account sees those of its accounts' own rows."""
    key = read_cursor(query.cursor, _SEQUENCE.size)
    if isinstance(key, Refusal):
        return key
    return ChangeFilter(
        limit=query.limit,
        accounts=principal.visible,
        tables=None if query.table is None else frozenset(query.table),
        actors=None if query.actor is None else frozenset(query.actor),
        key=query.key,
        made_from=query.made_from,
        made_to=query.made_to,
        after=None if key is None else _SEQUENCE.unpack(key)[0],
    )


def execution_filter(query: ExecutionsQuery, principal: Principal) -> ExecutionFilter | Refusal:
    """Return which executions to read. Accounts that the caller does not see match nothing."""
    key = read_cursor(query.cursor, _KEY.size)
    if isinstance(key, Refusal):
        return key
    after = None
    if key is not None:
        at_us, order_id, sequence = _KEY.unpack(key)
        try:
            after = (_EPOCH + timedelta(microseconds=at_us), UUID(bytes=order_id), sequence)
        except OverflowError:
            return invalid(FieldProblem(field="cursor", message="must be a nextCursor of this list"))
    return ExecutionFilter(
        limit=query.limit,
        accounts=visible_accounts(query.account_id, principal),
        symbols=None if query.symbol is None else frozenset(query.symbol),
        venues=None if query.venue_id is None else frozenset(query.venue_id),
        side=query.side,
        recorded_from=query.recorded_from,
        recorded_to=query.recorded_to,
        oldest_first=query.sort == SORTS[1],
        after=after,
    )


def _execution_cursor(last: ExecutionView) -> str:
    return cursor_of(_KEY.pack(microseconds(last.recorded_at), last.order_id.bytes, last.sequence))


def request_filter(query: RequestsQuery, principal: Principal, now: datetime) -> RequestFilter | Refusal:
    """Return which requests to read. Accounts that the caller does not see match nothing."""
    key = read_cursor(query.cursor, 16)
    if isinstance(key, Refusal):
        return key
    until = query.received_to or now
    since = query.received_from or until - REQUESTS_WITHIN
    if until - since > REQUESTS_WITHIN_MAX:
        problem = f"must be at most {REQUESTS_WITHIN_MAX.days} days before `to`"
        return invalid(FieldProblem(field="from", message=problem))
    return RequestFilter(
        limit=query.limit,
        received_from=since,
        received_to=until,
        accounts=visible_accounts(query.account_id, principal),
        principals=None if query.principal is None else frozenset(query.principal),
        kinds=None if query.kind is None else frozenset(query.kind),
        order_id=query.order_id,
        after=None if key is None else UUID(bytes=key),
    )


def record_operations(ports: Ports, clock: Clock) -> list[AnyOperation]:
    """Return the operations: executions for who may read, the logs for who audits or administers."""

    async def executions(call: Call[ExecutionsQuery]) -> ExecutionPage | Refusal:
        wanted = execution_filter(call.query, call.principal)
        if isinstance(wanted, Refusal):
            return wanted
        found = await ports.records.executions(replace(wanted, limit=wanted.limit + 1))
        page = found[: wanted.limit]
        return ExecutionPage(page, _execution_cursor(page[-1]) if len(found) > len(page) else None)

    async def requests(call: Call[RequestsQuery]) -> RequestPage | Refusal:
        wanted = request_filter(call.query, call.principal, clock())
        if isinstance(wanted, Refusal):
            return wanted
        found = await ports.records.requests(replace(wanted, limit=wanted.limit + 1))
        page = found[: wanted.limit]
        more = len(found) > len(page)
        return RequestPage(page, cursor_of(page[-1].request_id.bytes) if more else None)

    async def changes(call: Call[ChangesQuery]) -> ChangePage | Refusal:
        wanted = change_filter(call.query, call.principal)
        if isinstance(wanted, Refusal):
            return wanted
        found = await ports.records.changes(replace(wanted, limit=wanted.limit + 1))
        page = found[: wanted.limit]
        more = len(found) > len(page)
        return ChangePage(page, cursor_of(_SEQUENCE.pack(page[-1].sequence)) if more else None)

    return [
        Operation(
            method="GET", path="/api/v1/executions", name="listExecutions", tag=TAG, right=Right.READ,
            serve=executions, summary="Executions of all orders, newest first", query=ExecutionsQuery,
            answers={200: ExecutionPage}, table=Table("executions", ExecutionView),
        ),
        Operation(
            method="GET", path="/api/v1/requests", name="listRequests", tag=TAG, right=Right.ADMIN,
            serve=requests, summary="Who asked for what: the log of requests, newest first",
            query=RequestsQuery, answers={200: RequestPage}, table=Table("requests", RequestView),
            refusals=[RefusalCode.INVALID_REQUEST],
        ),
        Operation(
            method="GET", path="/api/v1/audit", name="listChanges", tag=TAG, right=Right.AUDIT,
            serve=changes, summary="Who changed which limit, setting, halt or switch, newest first",
            query=ChangesQuery, answers={200: ChangePage}, table=Table("changes", ChangeView),
            refusals=[RefusalCode.INVALID_REQUEST],
        ),
    ]  # fmt: skip
