"""REST beside the hot route: the operations, their contract at /schema, whether the gateway is up.

What readiness stands on, and metrics, are on the health port: nobody outside reads them.
"""

from collections.abc import Sequence
from typing import Final

from litestar import Litestar, Response, route
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.handlers import HTTPRouteHandler

from oms_api.domain.refusal import Refusal, RefusalCode
from oms_api.entrypoints.answers import JSON, Answer, encode
from oms_api.entrypoints.docs_pages import docs_routes
from oms_api.entrypoints.http_door import log
from oms_api.entrypoints.openapi import document
from oms_api.entrypoints.operation import AnyOperation, Caller, allowed_methods, respond, routes_of
from oms_api.entrypoints.rest_accounts import account_operations
from oms_api.entrypoints.rest_batch import BATCH_BYTES_MAX, batch_operations
from oms_api.entrypoints.rest_changes import change_operations
from oms_api.entrypoints.rest_chaos import chaos_operations
from oms_api.entrypoints.rest_exceptions import exception_operations
from oms_api.entrypoints.rest_fix_sessions import fix_session_operations
from oms_api.entrypoints.rest_instruments import instrument_operations
from oms_api.entrypoints.rest_limits import limit_operations
from oms_api.entrypoints.rest_locates import locate_operations
from oms_api.entrypoints.rest_market import market_operations
from oms_api.entrypoints.rest_orders import order_operations
from oms_api.entrypoints.rest_overrides import override_operations
from oms_api.entrypoints.rest_positions import position_operations
from oms_api.entrypoints.rest_post_trade import post_trade_operations
from oms_api.entrypoints.rest_quality import quality_operations
from oms_api.entrypoints.rest_reconciliations import reconciliation_operations
from oms_api.entrypoints.rest_records import record_operations
from oms_api.entrypoints.rest_reference import reference_operations
from oms_api.entrypoints.rest_routing import routing_operations
from oms_api.entrypoints.rest_sessions import session_operations
from oms_api.entrypoints.rest_switches import switch_operations
from oms_api.handlers import unavailable
from oms_api.ports import ChaosDoor, Ports
from oms_platform.clock import Clock
from oms_platform.health import LIVE_PATHS, READY_PATHS, Health

SCHEMA_PATHS: Final = ("/schema", "/schema/openapi.json", "/openapi.json")


def operations(ports: Ports, clock: Clock) -> list[AnyOperation]:
    """Return every operation of the API, in the order of the contract; a stack's chaos door adds its own."""
    return [
        *order_operations(ports, clock),
        *change_operations(ports, clock),
        *batch_operations(ports, clock),
        *routing_operations(ports, clock),
        *reference_operations(ports),
        *account_operations(ports, clock),
        *instrument_operations(ports, clock),
        *position_operations(ports, clock),
        *exception_operations(ports, clock),
        *switch_operations(ports),
        *limit_operations(ports),
        *override_operations(ports, clock),
        *locate_operations(ports, clock),
        *post_trade_operations(ports),
        *market_operations(ports, clock),
        *session_operations(ports, clock),
        *reconciliation_operations(ports),
        *fix_session_operations(ports),
        *record_operations(ports, clock),
        *quality_operations(ports, clock),
    ]


def build_rest(ports: Ports, clock: Clock, health: Health, chaos: ChaosDoor | None = None) -> Litestar:
    """Build the Litestar application. chaos: of a stack that has such a door."""
    served = operations(ports, clock)
    if chaos is not None:
        served += chaos_operations(chaos)

    def refuse(request: Caller, error: HTTPException) -> Response[bytes]:
        return respond(_framework_refusal(served, request.url.path, error))

    return Litestar(
        [*routes_of(ports, served), *docs_routes(), *_open_routes(health, encode(document(served)))],
        openapi_config=None,
        exception_handlers={Exception: _failed, HTTPException: refuse},
        request_max_body_size=BATCH_BYTES_MAX,
        logging_config=None,
        debug=False,
    )


def _open_routes(health: Health, contract: bytes) -> list[HTTPRouteHandler]:
    @_page(LIVE_PATHS)
    async def live() -> Response[bytes]:
        return Response(b'{"status":"UP"}', media_type=JSON)

    @_page(READY_PATHS)
    async def ready() -> Response[bytes]:
        is_ready, body = health.report()
        said = encode({"status": body["status"]})
        return Response(said, status_code=200 if is_ready else 503, media_type=JSON)

    @_page(SCHEMA_PATHS)
    async def schema() -> Response[bytes]:
        return Response(contract, media_type=JSON)

    return [live, ready, schema]


def _page(paths: Sequence[str]) -> route:
    return route(list(paths), http_method=["GET", "HEAD"], status_code=200, include_in_schema=False)


def _framework_refusal(served: Sequence[AnyOperation], path: str, error: HTTPException) -> Answer | Refusal:
    if isinstance(error, NotFoundException):
        return Refusal(code=RefusalCode.NOT_FOUND, message="no such page")
    if isinstance(error, MethodNotAllowedException):
        return Refusal(
            code=RefusalCode.METHOD_NOT_ALLOWED,
            message="this page does not take that method",
            allow=tuple(allowed_methods(served, path) or ("GET", "HEAD", "OPTIONS")),
        )
    if error.status_code < 500:
        return Refusal(code=RefusalCode.INVALID_REQUEST, message=error.detail)
    return unavailable("the service cannot do this now")


def _failed(request: Caller, error: Exception) -> Response[bytes]:
    log.error("request_failed", route=f"{request.method} {request.url.path}", exc_info=error)
    return respond(unavailable("an unexpected error"))
