"""What the doors do about routing:

preview, what-if, scorecards, and the preferences and profiles behind decisions.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final
from uuid import UUID

import msgspec

from oms_api.domain.principal import Principal
from oms_api.domain.refusal import (
    FieldProblem,
    Refusal,
    RefusalCode,
    changed_meanwhile,
    invalid,
    no_such_account,
    shown,
)
from oms_api.domain.terms import read_routing
from oms_api.handlers import handle_get_order, known_to, read_order_terms
from oms_api.ports import (
    AccountRouting,
    Explained,
    OrderReader,
    Ports,
    ProfileView,
    RiskView,
    Router,
    RouteView,
    RoutingRefusedError,
    StoredRoute,
    UnavailableError,
    View,
    WhatIf,
    plan_with_explanation,
)
from oms_platform.clock import Clock
from oms_platform.ids import uuid7
from oms_platform.messages import RouteRequest
from oms_platform.order_ids import route_id
from oms_platform.order_types import worked_terms
from oms_platform.vocabulary import OrderTerms

_PROFILE_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_PREVIEW_ID: Final = "preview"
_DEFAULT_PROFILE: Final = "default"


class PreviewView(View, frozen=True):
    """What an order that is not sent would meet: the plan with its explanation, and the risk verdict."""

    plan: msgspec.Raw
    risk: RiskView
    sent: bool = False


async def handle_preview_route(
    ports: Ports, clock: Clock, principal: Principal, content: Mapping[str, object]
) -> PreviewView | Refusal:
    """Return the plan and the risk verdict of an order that is not sent.

    Its clientOrderId may be left out.
    """
    terms = await read_order_terms(ports, principal, "API", {"clientOrderId": _PREVIEW_ID, **content})
    if isinstance(terms, Refusal):
        return terms
    try:
        plan = await ports.router.preview(_route_request(terms, clock))
    except RoutingRefusedError as error:
        return _refused(error)
    return PreviewView(plan=plan, risk=await ports.risk.verdict(terms))


def _route_request(terms: OrderTerms, clock: Clock) -> RouteRequest:
    order_id = uuid7()
    return RouteRequest(
        route_id=route_id(order_id, 1),
        order_id=order_id,
        attempt=1,
        quantity=terms.quantity,
        requested_at=clock(),
        # The router knows the quote that gives a pegged order its price.
        terms=terms if terms.peg is not None else worked_terms(terms),
    )


async def handle_get_routes(reader: OrderReader, router: Router, order_id: UUID) -> list[RouteView]:
    """Return an order's routing decisions with what became of them, explained if the router can be asked."""
    stored = await reader.routes(order_id)
    explained: Mapping[int, Explained] = {}
    problem = ""
    if stored:
        try:
            explained = await router.explain(order_id)
        except UnavailableError as error:
            problem = error.what
        except RoutingRefusedError as error:
            problem = str(error)
    return [_route_view(route, explained.get(route.attempt), problem) for route in stored]


def _route_view(route: StoredRoute, explained: Explained | None, problem: str) -> RouteView:
    explanation = None if explained is None else explained.explanation
    if explanation is None and not problem:
        problem = "its inputs are no longer kept"
    return RouteView(
        attempt=route.attempt,
        route_id=route.route_id,
        decided_at=route.decided_at,
        plan=plan_with_explanation(route.plan, explanation),
        proven=None if explained is None or explanation is None else explained.proven,
        explanation_problem=problem,
        children=route.children,
    )


def _refused(error: RoutingRefusedError) -> Refusal:
    code = RefusalCode.NOT_FOUND if error.missing else RefusalCode.INVALID_REQUEST
    return Refusal(code=code, message=str(error))


async def handle_what_if(
    ports: Ports, principal: Principal, order_id: str, attempt: int, changes: Mapping[str, object]
) -> dict[str, msgspec.Raw] | Refusal:
    """Decide a stored route again. changes: fields of a WhatIf."""
    found = await handle_get_order(ports, principal, order_id)
    if isinstance(found, Refusal):
        return found
    question = WhatIf(order_id=found.order_id, attempt=attempt, **changes)  # type: ignore[arg-type]
    try:
        return await ports.router.what_if(question)
    except RoutingRefusedError as error:
        return _refused(error)


async def handle_route_inputs(
    ports: Ports, principal: Principal, order_id: str, attempt: int
) -> dict[str, msgspec.Raw] | Refusal:
    """Return what a stored decision stood on: the request, the frozen book, the reference."""
    found = await handle_get_order(ports, principal, order_id)
    if isinstance(found, Refusal):
        return found
    try:
        return await ports.router.inputs(found.order_id, attempt)
    except RoutingRefusedError as error:
        return _refused(error)


# ---- profiles and accounts' preferences


async def handle_add_profile(
    ports: Ports,
    principal: Principal,
    name: str,
    settings: dict[str, object],
    as_read: Callable[[int], bool] | None,
    *,
    reason: str,
) -> int | Refusal:
    """Store a new version of a routing profile, which the router uses within a second.

    as_read: whether a version is the one that the caller has read; None where it does not matter. Returns the
    new version's number.
    """
    if not _PROFILE_NAME.fullmatch(name):
        return invalid(
            FieldProblem(
                field="profile", message="must be 1 to 32 of a-z, 0-9, _ and -, beginning with a letter"
            )
        )
    problems = await ports.router.profile_problems(name, settings)
    if problems:
        return invalid(*[_profile_problem(problem) for problem in problems])
    expected = None if as_read is None else await _newest_version(ports, name)
    if as_read is not None and expected is not None and not as_read(expected):
        return changed_meanwhile(f"routing profile {name}")
    version = await ports.routing_admin.add_profile(
        name, settings, by=principal.subject, reason=reason, expected=expected
    )
    if version is None:
        return changed_meanwhile(f"routing profile {name}")
    await ports.reference.reload()
    return version


async def _newest_version(ports: Ports, name: str) -> int:
    """Return the number of a profile's newest version, retired or not; 0 of one that never was."""
    return next((one.version for one in await ports.routing_admin.profile_versions(name)), 0)


def _profile_problem(problem: str) -> FieldProblem:
    field, _, message = problem.partition(" ")
    return FieldProblem(field=field, message=message)


async def handle_retire_profile(
    ports: Ports,
    principal: Principal,
    name: str,
    as_read: Callable[[int], bool] | None,
    *,
    reason: str,
) -> Refusal | None:
    """Make a profile inactive. Orders and accounts that still name it wait, with that reason.

    as_read: whether a version is the one that the caller has read; None where it does not matter.
    """
    if name == _DEFAULT_PROFILE:
        return invalid(FieldProblem(field="profile", message="the default profile cannot be retired"))
    if all(one.profile != name for one in await handle_get_profiles(ports)):
        return no_such_profile(name)
    expected = None if as_read is None else await _newest_version(ports, name)
    if as_read is not None and expected is not None and not as_read(expected):
        return changed_meanwhile(f"routing profile {name}")
    by = principal.subject
    if not await ports.routing_admin.retire_profile(name, by=by, reason=reason, expected=expected):
        return changed_meanwhile(f"routing profile {name}")
    await ports.reference.reload()
    return None


def no_such_profile(name: str) -> Refusal:
    """Return the refusal of a profile that is not in use."""
    return Refusal(code=RefusalCode.NOT_FOUND, message=f"no active routing profile {shown(name)}")


async def handle_profile_versions(ports: Ports, name: str) -> list[ProfileView] | Refusal:
    """Return a profile's newest versions, the newest first, with who added and who retired each, and why."""
    versions = await ports.routing_admin.profile_versions(name)
    if not versions:
        return Refusal(code=RefusalCode.NOT_FOUND, message=f"there never was a routing profile {shown(name)}")
    return versions


async def handle_get_profiles(ports: Ports) -> list[ProfileView]:
    """Return the newest active version of every routing profile."""
    return await ports.routing_admin.profiles()


async def handle_get_account_routing(
    ports: Ports, principal: Principal, account_id: str
) -> AccountRouting | Refusal:
    """Return the routing preferences of an account that the caller sees."""
    if not principal.sees(account_id):
        return no_such_account(account_id)
    return await ports.routing_admin.account_routing(account_id)


async def handle_set_account_routing(
    ports: Ports,
    principal: Principal,
    account_id: str,
    content: Mapping[str, object],
    as_read: Callable[[AccountRouting], bool] | None,
) -> AccountRouting | Refusal:
    """Replace an account's routing preferences; an order's own go before them.

    as_read: whether preferences are those that the caller has read; None where it does not matter.
    """
    known = known_to(ports.reference, principal)
    await ports.reference.refresh()
    if not known.account_exists(account_id):
        return no_such_account(account_id)
    problems: list[FieldProblem] = []
    routing = read_routing(content, known, problems)
    if problems:
        return invalid(*problems)
    expected = None if as_read is None else await ports.routing_admin.account_routing(account_id)
    if as_read is not None and expected is not None and not as_read(expected):
        return changed_meanwhile(f"the routing of account {account_id}")
    stored = await ports.routing_admin.set_account_routing(
        account_id, routing, principal.subject, expected=expected
    )
    return stored or changed_meanwhile(f"the routing of account {account_id}")
