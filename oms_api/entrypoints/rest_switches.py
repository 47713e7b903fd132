"""REST about kill switches: what a person has stopped, and may let trade again."""

from typing import Final
from uuid import UUID

from litestar import Response, get, post
from litestar.types import ControllerRouterHandler

from oms_api.domain.booking import read_reason
from oms_api.domain.principal import Principal, Right
from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode, invalid
from oms_api.domain.terms import shown
from oms_api.entrypoints.admission import Caller, enter
from oms_api.entrypoints.answers import Answer, ok
from oms_api.entrypoints.rest_routing import Content, enter_with_content
from oms_api.ports import Ports

PATH: Final = "/api/v1/kill-switches"
ROWS_MAX: Final = 500
_FIELDS: Final = ("scope", "name", "cancels", "reason")
SCOPES: Final = ("FIRM", "VENUE", "ACCOUNT", "SYMBOL")


def _is_known(ports: Ports, scope: str, name: str) -> bool:
    known = ports.reference
    match scope:
        case "VENUE":
            return known.venue_exists(name)
        case "ACCOUNT":
            return known.account_exists(name)
        case _:
            return known.tick_size(name) is not None


def _problems(ports: Ports, content: Content) -> list[FieldProblem]:
    problems = [
        FieldProblem(field=shown(name).strip('"'), message="is not a field of a kill switch")
        for name in content
        if name not in _FIELDS
    ]
    scope, name = content.get("scope"), content.get("name", "")
    if scope not in SCOPES:
        message = f"must be one of {', '.join(SCOPES)}, was {shown(scope)}"
        problems.append(FieldProblem(field="scope", message=message))
    elif scope == "FIRM":
        if name != "":
            problems.append(FieldProblem(field="name", message="must be left out for the firm"))
    elif not isinstance(name, str) or not _is_known(ports, str(scope), name):
        message = f"must be a known {str(scope).lower()}, was {shown(name)}"
        problems.append(FieldProblem(field="name", message=message))
    if not isinstance(content.get("cancels", False), bool):
        problems.append(FieldProblem(field="cancels", message="must be true or false"))
    reason = read_reason(content)
    if isinstance(reason, FieldProblem):
        problems.append(reason)
    return problems


def switch_routes(ports: Ports) -> list[ControllerRouterHandler]:
    """Build the routes. Who may read sees every switch; who administers sets and releases them."""

    @get(PATH, summary="Kill switches, newest first; released ones with ?all=true")
    async def switches(request: Caller) -> Response[bytes]:
        async def serve(_principal: Principal) -> Answer | Refusal:
            query = dict(request.query_params)
            if unknown := [name for name in query if name != "all"]:
                return invalid(*[FieldProblem(field=name, message="is not a filter") for name in unknown])
            every = query.get("all") == "true"
            found = await ports.switches.switches(released=every, rows_max=ROWS_MAX)
            return ok({"killSwitches": found})

        return await enter(ports, request, Right.READ, serve)

    @post(PATH, summary="Stop a scope: no order of it leaves for a venue", status_code=201)
    async def stop(request: Caller) -> Response[bytes]:
        async def serve(principal: Principal, content: Content) -> object:
            problems = _problems(ports, content)
            reason = read_reason(content)
            if problems or isinstance(reason, FieldProblem):
                return invalid(*problems)
            found = await ports.switches.set(
                str(content["scope"]),
                str(content.get("name", "")),
                cancels=bool(content.get("cancels", False)),
                by=principal.subject,
                reason=reason,
            )
            if found is None:
                return Refusal(
                    code=RefusalCode.CONFLICT, message="the scope is stopped already", status="SET"
                )
            return found

        return await enter_with_content(ports, request, Right.ADMIN, serve, status=201)

    @post(f"{PATH}/{{switch_id:str}}/release", summary="Let a scope trade again", status_code=200)
    async def release(request: Caller, switch_id: str) -> Response[bytes]:
        async def serve(principal: Principal, content: Content) -> object:
            reason = read_reason(content)
            if isinstance(reason, FieldProblem):
                return invalid(reason)
            try:
                found = await ports.switches.release(UUID(switch_id), principal.subject, reason)
            except ValueError:
                found = None
            if found is None:
                message = f"no kill switch {shown(switch_id)} is set"
                return Refusal(code=RefusalCode.NOT_FOUND, message=message)
            return found

        return await enter_with_content(ports, request, Right.ADMIN, serve)

    return [switches, stop, release]
