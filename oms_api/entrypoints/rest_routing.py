"""REST about routing: preview, what-if, inputs, scorecards, profiles, accounts' preferences."""

from decimal import Decimal
from typing import Annotated, Any, Final

import msgspec

from oms_api.domain.principal import Right
from oms_api.domain.refusal import Refusal, RefusalCode, invalid
from oms_api.entrypoints.answers import etag_of, names_version
from oms_api.entrypoints.operation import AnyOperation, Call, NoQuery, Operation
from oms_api.entrypoints.request_fields import attempt_of, read_content
from oms_api.entrypoints.rest_accounts import as_read, of_everybody
from oms_api.entrypoints.rest_exceptions import Reason
from oms_api.entrypoints.rest_orders import EXAMPLE, ORDER_PATH, Names, PreviewRequest, RoutingRequest, Text
from oms_api.ports import AccountRouting, Ports, ProfileView, ScorecardView, View
from oms_api.routing_handlers import (
    PreviewView,
    handle_add_profile,
    handle_get_account_routing,
    handle_get_profiles,
    handle_preview_route,
    handle_profile_versions,
    handle_retire_profile,
    handle_route_inputs,
    handle_set_account_routing,
    handle_what_if,
    no_such_profile,
)
from oms_platform.clock import Clock, microseconds

TAG: Final = "Routing"
_OF_EVERYBODY: Final = "to change by what everybody is routed"
_ROUTE_PATH: Final = f"{ORDER_PATH}/routes/{{attempt}}"
_PROFILES_PATH: Final = "/api/v1/routing/profiles"
_ACCOUNT_PATH: Final = "/api/v1/accounts/{accountId}/routing"
# Dollars a share, or a weight: decimal text or a JSON number.
Amount = Annotated[
    Decimal,
    msgspec.Meta(
        extra_json_schema={
            "format": "decimal",
            "pattern": r"^-?(?:0|[1-9][0-9]{0,5})(?:\.[0-9]{1,9})?$",
            "exclusiveMinimum": -(10**6),
            "exclusiveMaximum": 10**6,
        }
    ),
]


class Fee(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What a venue takes, in dollars a share; below 0 what it pays."""

    add: Amount
    remove: Amount


class WhatIfRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What is to be changed of a stored decision. without: venues. fees: by venue."""

    profile: Text | None = None
    strategy: Text | None = None
    weights: dict[str, Amount] | None = None
    without: Names | None = None
    fees: dict[str, Fee] | None = None


class ProfileRequest(msgspec.Struct, rename="camel", kw_only=True):
    """A routing profile's settings, as docs/routing.md lists them, and why; the router checks them."""

    reason: Reason


class ProfileRetirementQuery(msgspec.Struct, rename="camel", kw_only=True):
    """Why a profile is used no more."""

    reason: Reason


class WhatIfAnswer(View, frozen=True, forbid_unknown_fields=False):
    """A decision as it was stored, decided again as it was, and with the changes. Each is a plan."""

    stored: dict[str, Any]
    again: dict[str, Any]
    changed: dict[str, Any]


class RouteInputs(View, frozen=True):
    """What a decision stood on: the request, the frozen book, the reference."""

    request: dict[str, Any]
    book: dict[str, Any]
    reference: dict[str, Any]


class Scorecards(View, frozen=True):
    """Every venue's scorecard."""

    venues: list[ScorecardView]


class Profiles(View, frozen=True):
    """The newest active version of every routing profile."""

    profiles: list[ProfileView]


class ProfileVersions(View, frozen=True):
    """The newest versions of a routing profile, at most 200, the newest first."""

    versions: list[ProfileView]


class ProfileAdded(View, frozen=True):
    """A version of a profile that is active from now on."""

    profile: str
    version: int


class ProfileRetired(View, frozen=True):
    """A profile that is used no more."""

    profile: str
    active: bool


class Preferences(View, frozen=True):
    """How an account wants to be routed; an order's own preferences go before. version: to be compared."""

    profile: str
    avoid: list[str]
    prefer: list[str]
    version: int


def _preferences(found: AccountRouting | Refusal) -> Preferences | Refusal:
    if isinstance(found, Refusal):
        return found
    routing = found.routing
    return Preferences(routing.profile, list(routing.avoid), list(routing.prefer), _version_of(found))


def _version_of(found: AccountRouting) -> int:
    return 0 if found.changed_at is None else microseconds(found.changed_at)


def _changes(asked: WhatIfRequest) -> dict[str, object]:
    """Return the fields of a WhatIf, amounts as the text of exact decimals."""
    weights, fees = asked.weights, asked.fees or {}
    return {
        "profile": asked.profile or "",
        "strategy": asked.strategy or "",
        "weights": None if weights is None else {name: f"{weight:f}" for name, weight in weights.items()},
        "without": tuple(asked.without or ()),
        "fees": tuple((venue, f"{fee.add:f}", f"{fee.remove:f}") for venue, fee in fees.items()),
    }


def routing_operations(ports: Ports, clock: Clock) -> list[AnyOperation]:
    """Return the operations."""
    return [*_decisions(ports, clock), *_profiles(ports), *_accounts(ports)]


def _decisions(ports: Ports, clock: Clock) -> list[AnyOperation]:
    async def preview(call: Call[NoQuery]) -> object:
        return await handle_preview_route(ports, clock, call.principal, call.content)

    async def what_if(call: Call[NoQuery]) -> object:
        attempt = attempt_of(call.path["attempt"])
        if isinstance(attempt, Refusal):
            return attempt
        changes = _changes(call.body(WhatIfRequest))
        return await handle_what_if(ports, call.principal, call.path["orderId"], attempt, changes)

    async def inputs(call: Call[NoQuery]) -> object:
        attempt = attempt_of(call.path["attempt"])
        if isinstance(attempt, Refusal):
            return attempt
        return await handle_route_inputs(ports, call.principal, call.path["orderId"], attempt)

    async def scorecards(_call: Call[NoQuery]) -> Scorecards:
        return Scorecards(await ports.router.scorecards())

    return [
        Operation(
            method="POST", path="/api/v1/routes/preview", name="previewRoute", tag=TAG, right=Right.READ,
            serve=preview, summary="The plan and risk verdict of an order that is not sent",
            body=PreviewRequest, noun="an order", own_reader=True, example=EXAMPLE,
            answers={200: PreviewView}, refusals=[RefusalCode.NOT_FOUND],
            question=True,
        ),
        Operation(
            method="POST", path=f"{_ROUTE_PATH}/whatif", name="whatIf", tag=TAG, right=Right.READ,
            serve=what_if, summary="A stored decision again, with other weights, fees, venues or profile",
            body=WhatIfRequest, noun="a what-if", example={"without": ["EDGX"]}, answers={200: WhatIfAnswer},
            question=True,
        ),
        Operation(
            method="GET", path=f"{_ROUTE_PATH}/inputs", name="getRouteInputs", tag=TAG, right=Right.READ,
            serve=inputs, summary="The frozen book and reference that a decision stood on",
            answers={200: RouteInputs}, question=True,
        ),
        Operation(
            method="GET", path="/api/v1/venues/scorecards", name="getScorecards", tag=TAG, right=Right.READ,
            serve=scorecards, summary="What our own fills say of each venue", answers={200: Scorecards},
            question=True,
        ),
    ]  # fmt: skip


def _profiles(ports: Ports) -> list[AnyOperation]:
    async def profiles(_call: Call[NoQuery]) -> Profiles:
        return Profiles(await handle_get_profiles(ports))

    async def profile(call: Call[NoQuery]) -> ProfileView | Refusal:
        name = call.path["name"]
        found = [one for one in await handle_get_profiles(ports) if one.profile == name]
        return found[0] if found else no_such_profile(name)

    async def versions(call: Call[NoQuery]) -> ProfileVersions | Refusal:
        found = await handle_profile_versions(ports, call.path["name"])
        return found if isinstance(found, Refusal) else ProfileVersions(found)

    async def add(call: Call[NoQuery]) -> ProfileAdded | Refusal:
        refusal = of_everybody(call.principal, _OF_EVERYBODY)
        if refusal is not None:
            return refusal
        given = {field: value for field, value in call.content.items() if field == "reason"}
        read, problems = read_content(ProfileRequest, given, "a profile")
        if read is None:
            return invalid(*problems)
        name, reason = call.path["name"], read.reason.strip()
        settings = {str(field): value for field, value in call.content.items() if field != "reason"}
        version = await handle_add_profile(
            ports, call.principal, name, settings, as_read(call), reason=reason
        )
        return version if isinstance(version, Refusal) else ProfileAdded(name, version)

    async def retire(call: Call[ProfileRetirementQuery]) -> ProfileRetired | Refusal:
        refusal = of_everybody(call.principal, _OF_EVERYBODY)
        if refusal is not None:
            return refusal
        name, reason = call.path["name"], call.query.reason.strip()
        refusal = await handle_retire_profile(ports, call.principal, name, as_read(call), reason=reason)
        return refusal or ProfileRetired(name, active=False)

    return [
        Operation(
            method="GET", path=_PROFILES_PATH, name="listProfiles", tag=TAG, right=Right.READ, serve=profiles,
            summary="Routing profiles, the newest active version of each", answers={200: Profiles},
        ),
        Operation(
            method="GET", path=f"{_PROFILES_PATH}/{{name}}", name="getProfile", tag=TAG, right=Right.READ,
            serve=profile, summary="The newest active version of a routing profile",
            answers={200: ProfileView}, version=lambda found: found.version,
        ),
        Operation(
            method="GET", path=f"{_PROFILES_PATH}/{{name}}/versions", name="listProfileVersions", tag=TAG,
            right=Right.READ, serve=versions, answers={200: ProfileVersions},
            summary="The versions of a routing profile, with who added and who retired each, and why",
        ),
        Operation(
            method="POST", path=f"{_PROFILES_PATH}/{{name}}", name="addProfile", tag=TAG, right=Right.ADMIN,
            serve=add, summary="Add a version of a routing profile, used within a second",
            body=ProfileRequest, noun="a profile", own_reader=True,
            example={
                "strategy": "sweep", "weights": {"price": "0.6", "cost": "0.4"}, "reason": "fees count more",
            },
            answers={201: ProfileAdded}, version=lambda added: added.version, takes_if_match=True,
            question=True,
        ),
        Operation(
            method="DELETE", path=f"{_PROFILES_PATH}/{{name}}", name="retireProfile", tag=TAG,
            right=Right.ADMIN, serve=retire, summary="Retire a routing profile", query=ProfileRetirementQuery,
            answers={200: ProfileRetired}, takes_if_match=True,
        ),
    ]  # fmt: skip


def _accounts(ports: Ports) -> list[AnyOperation]:
    async def routing(call: Call[NoQuery]) -> Preferences | Refusal:
        return _preferences(await handle_get_account_routing(ports, call.principal, call.path["accountId"]))

    async def set_routing(call: Call[NoQuery]) -> Preferences | Refusal:
        account_id, condition = call.path["accountId"], call.if_match
        stored = await handle_set_account_routing(
            ports,
            call.principal,
            account_id,
            call.content,
            None
            if condition is None
            else lambda found: names_version(condition, etag_of(_version_of(found))),
        )
        return _preferences(stored)

    return [
        Operation(
            method="GET", path=_ACCOUNT_PATH, name="getAccountRouting", tag=TAG, right=Right.READ,
            serve=routing, summary="How an account wants to be routed", answers={200: Preferences},
            version=lambda found: found.version,
        ),
        Operation(
            method="PUT", path=_ACCOUNT_PATH, name="setAccountRouting", tag=TAG, right=Right.ADMIN,
            serve=set_routing, summary="Replace an account's routing preferences", body=RoutingRequest,
            noun="routing", example={"profile": "default", "avoid": ["EDGX"]}, answers={200: Preferences},
            version=lambda found: found.version, takes_if_match=True,
        ),
    ]  # fmt: skip
