"""REST about comparisons with venues: what both said the same of, and where they did not."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from litestar import Response, get
from litestar.types import ControllerRouterHandler

from oms_api.domain.principal import Principal, Right
from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode, invalid
from oms_api.domain.terms import shown
from oms_api.entrypoints.admission import Caller, enter
from oms_api.entrypoints.answers import Answer, ok
from oms_api.entrypoints.rest_exceptions import read_time
from oms_api.ports import Ports

PATH: Final = "/api/v1/reconciliations"
LIMIT_DEFAULT: Final = 50
LIMIT_MAX: Final = 500
_FILTERS: Final = ("venueId", "broken", "before", "limit")
_LAST: Final = datetime.max.replace(tzinfo=UTC)


def _problems(query: Mapping[str, str]) -> list[FieldProblem]:
    problems = [
        FieldProblem(field=shown(name).strip('"'), message="is not a filter")
        for name in query
        if name not in _FILTERS
    ]
    limit = query.get("limit", "1")
    if not (limit.isascii() and limit.isdigit() and len(limit) < 6 and 1 <= int(limit) <= LIMIT_MAX):
        problems.append(FieldProblem(field="limit", message=f"must be a whole number from 1 to {LIMIT_MAX}"))
    if query.get("broken", "false") not in ("true", "false"):
        problems.append(FieldProblem(field="broken", message="must be true or false"))
    if "before" in query and read_time(query["before"]) is None:
        problems.append(FieldProblem(field="before", message="must be an ISO 8601 time, as endedAt"))
    if "\0" in query.get("venueId", ""):
        problems.append(FieldProblem(field="venueId", message="must not contain a NUL character"))
    return problems


def reconciliation_routes(ports: Ports) -> list[ControllerRouterHandler]:
    """Build the route. A venue's orders are of every account, so who sees every account sees it."""

    @get(PATH, summary="Comparisons of open orders with their venues, newest first, with their breaks")
    async def reconciliations(request: Caller) -> Response[bytes]:
        async def serve(principal: Principal) -> Answer | Refusal:
            if not principal.sees_every_account:
                return Refusal(
                    code=RefusalCode.FORBIDDEN, message="the token does not give the right to every account"
                )
            query = dict(request.query_params)
            if problems := _problems(query):
                return invalid(*problems)
            found = await ports.reconciliations.reconciliations(
                venue_id=query.get("venueId"),
                broken=query.get("broken") == "true",
                before=(read_time(query["before"]) if "before" in query else None) or _LAST,
                rows_max=int(query.get("limit", LIMIT_DEFAULT)),
            )
            return ok({"reconciliations": found})

        return await enter(ports, request, Right.READ, serve)

    return [reconciliations]
