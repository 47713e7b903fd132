"""REST about routing: preview, what-if, inputs, scorecards, profiles, accounts' preferences."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Response, delete, get, post, put
from litestar.types import ControllerRouterHandler

from oms_api.domain.principal import Principal, Right
from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode, invalid
from oms_api.entrypoints.admission import Caller, enter
from oms_api.entrypoints.answers import Answer, ok
from oms_api.entrypoints.http_door import BODY_BYTES_MAX, ORDERS_PATH, decode_content, read_body
from oms_api.ports import Ports
from oms_api.routing_handlers import (
    handle_add_profile,
    handle_get_account_routing,
    handle_get_profiles,
    handle_preview_route,
    handle_retire_profile,
    handle_route_inputs,
    handle_set_account_routing,
    handle_what_if,
)
from oms_platform.clock import Clock
from oms_platform.vocabulary import Routing

Content = dict[str, object]
ServeContent = Callable[[Principal, Content], Awaitable[object | Refusal]]
ATTEMPT_MAX = 1_000_000


def _answer(result: object | Refusal, status: int = 200) -> Answer | Refusal:
    return result if isinstance(result, Refusal) else ok(result, status)


async def enter_with_content(
    ports: Ports, request: Caller, right: Right, serve: ServeContent, status: int = 200
) -> Response[bytes]:
    """Admit the caller, read the JSON object that it sends, and serve it."""

    async def read_and_serve(principal: Principal) -> Answer | Refusal:
        headers = dict(request.scope["headers"])
        receive: Any = request.receive
        body = await read_body(receive, headers.get(b"content-length"))
        if body is None:
            return Refusal(
                code=RefusalCode.INVALID_REQUEST, message=f"the body must be at most {BODY_BYTES_MAX} bytes"
            )
        content = decode_content(body, headers.get(b"content-type"))
        if isinstance(content, Refusal):
            return content
        return _answer(await serve(principal, content), status)

    return await enter(ports, request, right, read_and_serve)


def _attempt(text: str) -> int | Refusal:
    if text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= ATTEMPT_MAX:
        return int(text[:9])
    return invalid(FieldProblem(field="attempt", message="must be a whole number above 0"))


def _preferences(routing: Routing) -> dict[str, object]:
    """Return preferences whole, with what is empty."""
    return {"profile": routing.profile, "avoid": routing.avoid, "prefer": routing.prefer}


def routing_routes(ports: Ports, clock: Clock) -> list[ControllerRouterHandler]:
    """Build the routes."""
    return [*_decision_routes(ports, clock), *_admin_routes(ports)]


def _decision_routes(ports: Ports, clock: Clock) -> list[ControllerRouterHandler]:
    @post("/api/v1/routes/preview", summary="The plan and risk verdict of an order that is not sent")
    async def preview(request: Caller) -> Response[bytes]:
        async def serve(principal: Principal, content: Content) -> object:
            return await handle_preview_route(ports, clock, principal, content)

        return await enter_with_content(ports, request, Right.READ, serve)

    @post(
        f"{ORDERS_PATH}/{{order_id:str}}/routes/{{attempt:str}}/whatif",
        summary="A stored decision again, with other weights, fees, venues or another profile",
    )
    async def what_if(request: Caller, order_id: str, attempt: str) -> Response[bytes]:
        async def serve(principal: Principal, content: Content) -> object:
            number = _attempt(attempt)
            if isinstance(number, Refusal):
                return number
            return await handle_what_if(ports, principal, order_id, number, content)

        return await enter_with_content(ports, request, Right.READ, serve)

    @get(
        f"{ORDERS_PATH}/{{order_id:str}}/routes/{{attempt:str}}/inputs",
        summary="The frozen book and reference that a decision stood on",
    )
    async def inputs(request: Caller, order_id: str, attempt: str) -> Response[bytes]:
        async def serve(principal: Principal) -> Answer | Refusal:
            number = _attempt(attempt)
            if isinstance(number, Refusal):
                return number
            return _answer(await handle_route_inputs(ports, principal, order_id, number))

        return await enter(ports, request, Right.READ, serve)

    @get("/api/v1/venues/scorecards", summary="What our own fills say of each venue")
    async def scorecards(request: Caller) -> Response[bytes]:
        async def serve(_principal: Principal) -> Answer | Refusal:
            return ok({"venues": await ports.router.scorecards()})

        return await enter(ports, request, Right.READ, serve)

    return [preview, what_if, inputs, scorecards]


def _admin_routes(ports: Ports) -> list[ControllerRouterHandler]:
    @get("/api/v1/routing/profiles", summary="Routing profiles, the newest active version of each")
    async def profiles(request: Caller) -> Response[bytes]:
        async def serve(_principal: Principal) -> Answer | Refusal:
            return ok({"profiles": await handle_get_profiles(ports)})

        return await enter(ports, request, Right.READ, serve)

    @post(
        "/api/v1/routing/profiles/{name:str}", summary="Add a version of a routing profile", status_code=201
    )
    async def add_profile(request: Caller, name: str) -> Response[bytes]:
        async def serve(principal: Principal, content: Content) -> object:
            return await handle_add_profile(ports, principal, name, content)

        return await enter_with_content(ports, request, Right.ADMIN, serve, 201)

    @delete("/api/v1/routing/profiles/{name:str}", summary="Retire a routing profile", status_code=200)
    async def retire(request: Caller, name: str) -> Response[bytes]:
        async def serve(_principal: Principal) -> Answer | Refusal:
            return _answer(await handle_retire_profile(ports, name) or {"profile": name, "active": False})

        return await enter(ports, request, Right.ADMIN, serve)

    @get("/api/v1/accounts/{account_id:str}/routing", summary="How an account wants to be routed")
    async def account_routing(request: Caller, account_id: str) -> Response[bytes]:
        async def serve(principal: Principal) -> Answer | Refusal:
            found = await handle_get_account_routing(ports, principal, account_id)
            return _answer(found if isinstance(found, Refusal) else _preferences(found))

        return await enter(ports, request, Right.READ, serve)

    @put("/api/v1/accounts/{account_id:str}/routing", summary="Replace an account's routing preferences")
    async def set_account_routing(request: Caller, account_id: str) -> Response[bytes]:
        async def serve(principal: Principal, content: Content) -> object:
            found = await handle_set_account_routing(ports, principal, account_id, content)
            return found if isinstance(found, Refusal) else _preferences(found)

        return await enter_with_content(ports, request, Right.ADMIN, serve)

    return [profiles, add_profile, retire, account_routing, set_account_routing]
