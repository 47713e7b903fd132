"""REST beside the hot route: reads, cancels, health, metrics, the contract at /schema, a blotter at /."""

import base64
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from litestar import Litestar, Response, delete, get, post, route
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.types import ControllerRouterHandler

from oms_api.domain.principal import Principal, Right
from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode, invalid
from oms_api.domain.terms import shown
from oms_api.entrypoints.admission import Caller, enter, respond
from oms_api.entrypoints.answers import Answer, cancel_requested, encode, ok
from oms_api.entrypoints.http_door import BODY_BYTES_MAX, ORDERS_PATH, answer_order, log
from oms_api.entrypoints.request_trace import RequestTrace
from oms_api.entrypoints.rest_exceptions import exception_routes
from oms_api.entrypoints.rest_reconciliations import reconciliation_routes
from oms_api.entrypoints.rest_routing import routing_routes
from oms_api.entrypoints.rest_switches import switch_routes
from oms_api.handlers import (
    handle_cancel_order,
    handle_get_order,
    handle_get_positions,
    unavailable,
)
from oms_api.ports import OrderFilter, Ports
from oms_api.routing_handlers import handle_get_routes
from oms_platform.clock import Clock
from oms_platform.health import LIVE_PATHS, METRICS_PATHS, READY_PATHS, Health
from oms_platform.messages import CancelOrder, SubmitOrder
from oms_platform.telemetry.metrics import metrics_page
from oms_platform.vocabulary import OrderStatus, Side

LIST_LIMIT_DEFAULT: Final = 50
LIST_LIMIT_MAX: Final = 200
# Litestar adds the charset.
METRICS_MEDIA_TYPE: Final = "text/plain; version=0.0.4"
STATUSES: Final = tuple(status.name for status in OrderStatus)
SIDES: Final = tuple(side.name for side in Side)
_FILTERS: Final = ("accountId", "symbol", "status", "side", "clientOrderId", "from", "to", "limit", "cursor")


def read_filter(query: Mapping[str, str], principal: Principal) -> OrderFilter | Refusal:
    """Check the parameters of a list. Accounts that the caller does not see match nothing."""
    problems = [
        FieldProblem(field=shown(name).strip('"'), message="is not a filter")
        for name in query
        if name not in _FILTERS
    ]
    limit = _limit(query.get("limit"), problems)
    created_from = _time(query, "from", problems)
    created_to = _time(query, "to", problems)
    before = _cursor(query.get("cursor"), problems)
    for name, allowed in (("status", STATUSES), ("side", SIDES)):
        value = query.get(name)
        if value is not None and value not in allowed:
            problems.append(
                FieldProblem(field=name, message=f"must be one of {', '.join(allowed)}, was {shown(value)}")
            )
    if any("\0" in value for value in query.values()):
        problems.append(FieldProblem(field="", message="a parameter must not contain a NUL character"))
    if problems:
        return invalid(*problems)
    account_id = query.get("accountId")
    accounts = None if principal.sees_every_account else principal.accounts
    if account_id is not None:
        accounts = frozenset((account_id,)) if principal.sees(account_id) else frozenset()
    return OrderFilter(
        limit=limit,
        accounts=accounts,
        symbol=query.get("symbol"),
        status=query.get("status"),
        side=query.get("side"),
        client_order_id=query.get("clientOrderId"),
        created_from=created_from,
        created_to=created_to,
        before=before,
    )


def _limit(text: str | None, problems: list[FieldProblem]) -> int:
    if text is None:
        return LIST_LIMIT_DEFAULT
    if text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= LIST_LIMIT_MAX:
        return int(text)
    problems.append(
        FieldProblem(
            field="limit", message=f"must be a whole number from 1 to {LIST_LIMIT_MAX}, was {shown(text)}"
        )
    )
    return 0


def _time(query: Mapping[str, str], name: str, problems: list[FieldProblem]) -> datetime | None:
    text = query.get(name)
    if text is None:
        return None
    try:
        # A "+" of an offset that was not percent-encoded has become a space.
        value = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        value = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        if 1970 < value.year < 9000:
            return value
    except (ValueError, OverflowError):
        pass
    problems.append(
        FieldProblem(
            field=name, message=f"must be an ISO 8601 time such as 2026-01-31T14:30:00Z, was {shown(text)}"
        )
    )
    return None


def cursor_of(order_id: UUID) -> str:
    """Return the cursor of the page after an order."""
    return base64.urlsafe_b64encode(order_id.bytes).rstrip(b"=").decode()


def _cursor(text: str | None, problems: list[FieldProblem]) -> UUID | None:
    if text is None:
        return None
    try:
        return UUID(bytes=base64.urlsafe_b64decode(f"{text}=="))
    except ValueError:
        problems.append(
            FieldProblem(field="cursor", message=f"must be a nextCursor of this list, was {shown(text)}")
        )
        return None


def build_rest(ports: Ports, clock: Clock, health: Health) -> Litestar:
    """Build the Litestar application."""
    routes: list[ControllerRouterHandler] = [
        *_order_routes(ports, clock),
        *_detail_routes(ports),
        *routing_routes(ports, clock),
        *exception_routes(ports, clock),
        *switch_routes(ports),
        *reconciliation_routes(ports),
        *_open_routes(health),
    ]
    return Litestar(
        routes,
        openapi_config=OpenAPIConfig(
            title="OMS order gateway",
            version="1",
            path="/schema",
            render_plugins=[JsonRenderPlugin(path="/")],
        ),
        exception_handlers={Exception: _failed, HTTPException: _framework_refusal},
        request_max_body_size=BODY_BYTES_MAX,
        logging_config=None,
        debug=False,
    )


def _order_routes(ports: Ports, clock: Clock) -> list[ControllerRouterHandler]:
    @post(ORDERS_PATH, summary="Place an order", status_code=201)
    async def place(request: Caller) -> Response[bytes]:
        headers = dict(request.scope["headers"])
        traced = RequestTrace(ports.tracer, headers.get(b"traceparent"), SubmitOrder.__name__)
        return respond(await answer_order(ports, clock, headers, request.receive, traced))  # type: ignore[arg-type]

    @post("/api/orders", summary="Moved to /api/v1/orders", status_code=308)
    async def moved(request: Caller) -> Response[bytes]:
        async def serve(_principal: Principal) -> Answer:
            return Answer(status=308, body=b"", headers=(("location", ORDERS_PATH),))

        return await enter(ports, request, Right.READ, serve)

    @get(ORDERS_PATH, summary="List orders, newest first")
    async def list_orders(request: Caller) -> Response[bytes]:
        async def serve(principal: Principal) -> Answer | Refusal:
            wanted = read_filter(dict(request.query_params), principal)
            if isinstance(wanted, Refusal):
                return wanted
            found = await ports.reader.orders(wanted)
            more = len(found) == wanted.limit
            return ok({"orders": found, "nextCursor": cursor_of(found[-1].order_id) if more else None})

        return await enter(ports, request, Right.READ, serve)

    @get(f"{ORDERS_PATH}/{{order_id:str}}", summary="Get an order")
    async def get_order(request: Caller, order_id: str) -> Response[bytes]:
        async def serve(principal: Principal) -> Answer | Refusal:
            found = await handle_get_order(ports, principal, order_id)
            return found if isinstance(found, Refusal) else ok(found)

        return await enter(ports, request, Right.READ, serve)

    @delete(f"{ORDERS_PATH}/{{order_id:str}}", summary="Ask for an order to be canceled", status_code=202)
    async def cancel(request: Caller, order_id: str) -> Response[bytes]:
        async def serve(principal: Principal) -> Answer | Refusal:
            given = request.headers.get("traceparent", "").encode("latin-1", "replace")
            traced = RequestTrace(ports.tracer, given, CancelOrder.__name__)
            result = await traced.over(
                f"DELETE {ORDERS_PATH}/{{order_id}}",
                handle_cancel_order(
                    ports,
                    clock,
                    principal,
                    order_id,
                    channel=request.headers.get("x-oms-channel", ""),
                    trace=traced.trace,
                ),
            )
            return result if isinstance(result, Refusal) else cancel_requested(result)

        return await enter(ports, request, Right.CANCEL, serve)

    return [place, moved, list_orders, get_order, cancel]


def _detail_routes(ports: Ports) -> list[ControllerRouterHandler]:
    reader = ports.reader

    async def detail(
        request: Caller, order_id: str, name: str, read: Callable[[UUID], Awaitable[object]]
    ) -> Response[bytes]:
        async def serve(principal: Principal) -> Answer | Refusal:
            found = await handle_get_order(ports, principal, order_id)
            if isinstance(found, Refusal):
                return found
            return ok({"orderId": found.order_id, name: await read(found.order_id)})

        return await enter(ports, request, Right.READ, serve)

    @get(f"{ORDERS_PATH}/{{order_id:str}}/events", summary="An order's audit trail")
    async def events(request: Caller, order_id: str) -> Response[bytes]:
        return await detail(request, order_id, "events", reader.events)

    @get(f"{ORDERS_PATH}/{{order_id:str}}/executions", summary="An order's fills")
    async def executions(request: Caller, order_id: str) -> Response[bytes]:
        return await detail(request, order_id, "executions", reader.executions)

    @get(f"{ORDERS_PATH}/{{order_id:str}}/routes", summary="An order's routing decisions, explained")
    async def routes(request: Caller, order_id: str) -> Response[bytes]:
        return await detail(
            request, order_id, "routes", lambda found: handle_get_routes(reader, ports.router, found)
        )

    @get("/api/v1/accounts/{account_id:str}/positions", summary="An account's positions")
    async def positions(request: Caller, account_id: str) -> Response[bytes]:
        async def serve(principal: Principal) -> Answer | Refusal:
            found = await handle_get_positions(ports, principal, account_id)
            return found if isinstance(found, Refusal) else ok({"accountId": account_id, "positions": found})

        return await enter(ports, request, Right.READ, serve)

    return [events, executions, routes, positions]


def _open_routes(health: Health) -> list[ControllerRouterHandler]:
    blotter = (Path(__file__).parent / "blotter.html").read_bytes()

    @get(list(LIVE_PATHS), summary="Whether the process runs")
    async def live() -> Response[bytes]:
        return Response(b'{"status":"UP"}', media_type="application/json")

    @get(list(READY_PATHS), summary="Whether the service can do its work")
    async def ready() -> Response[bytes]:
        is_ready, body = health.report()
        return Response(encode(body), status_code=200 if is_ready else 503, media_type="application/json")

    @get(list(METRICS_PATHS), summary="Metrics in Prometheus' text format")
    async def metrics(request: Caller) -> Response[bytes]:
        page, media_type = metrics_page(request.headers.get("accept", ""))
        return Response(page, media_type=media_type)

    @route("/", http_method=["GET"], include_in_schema=False)
    async def page() -> Response[bytes]:
        return Response(blotter, media_type="text/html; charset=utf-8")

    return [live, ready, metrics, page]


def _framework_refusal(_request: Caller, error: HTTPException) -> Response[bytes]:
    if isinstance(error, NotFoundException):
        return respond(Refusal(code=RefusalCode.NOT_FOUND, message="no such page"))
    if isinstance(error, MethodNotAllowedException):
        return respond(
            Refusal(code=RefusalCode.METHOD_NOT_ALLOWED, message="this page does not take that method")
        )
    if error.status_code < 500:
        return respond(Refusal(code=RefusalCode.INVALID_REQUEST, message=error.detail))
    return respond(unavailable("the service cannot do this now"))


def _failed(request: Caller, error: Exception) -> Response[bytes]:
    log.error("request_failed", route=f"{request.method} {request.url.path}", exc_info=error)
    return respond(unavailable("an unexpected error"))
