"""REST about kill switches: what a person has stopped, and may let trade again."""

from typing import Annotated, Final
from uuid import UUID

import msgspec

from oms_api.domain.principal import Principal, Right
from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode, invalid, shown
from oms_api.domain.terms import read_id
from oms_api.entrypoints.operation import AnyOperation, Call, NoQuery, Operation
from oms_api.entrypoints.request_fields import one_of
from oms_api.entrypoints.rest_exceptions import Reason, ReasonRequest
from oms_api.ports import Ports, SwitchView, View

PATH: Final = "/api/v1/kill-switches"
TAG: Final = "Kill switches"
ROWS_MAX: Final = 500
SCOPES: Final = ("FIRM", "VENUE", "ACCOUNT", "SYMBOL")


class SwitchesQuery(msgspec.Struct, rename="camel", kw_only=True):
    """Which switches, newest first."""

    all: Annotated[bool, msgspec.Meta(description="Also those that were released.")] = False


class SwitchRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What to stop, and why. name: of the venue, account or symbol; left out for the firm.

    cancels: open orders of it are canceled too.
    """

    scope: Annotated[str, one_of(SCOPES, "SwitchScope")]
    name: Annotated[str, msgspec.Meta(pattern=r"^[^\u0000]*$")] = ""
    cancels: bool = False
    reason: Reason


class Switches(View, frozen=True):
    """Kill switches, newest first."""

    kill_switches: list[SwitchView]


def _may_stop(principal: Principal, scope: str) -> bool:
    return principal.sees_every_account or scope == "ACCOUNT"


def _only_own_accounts() -> Refusal:
    return Refusal(code=RefusalCode.FORBIDDEN, message="the token lets its own accounts be stopped only")


async def _is_ones_own(ports: Ports, principal: Principal, switch_id: UUID) -> bool:
    """Return whether a caller may release a switch: of others' it learns nothing."""
    if principal.sees_every_account:
        return True
    found = await ports.switches.switches(released=False, accounts=principal.visible, rows_max=ROWS_MAX)
    return any(one.switch_id == switch_id and one.scope == "ACCOUNT" for one in found)


def _name_problem(ports: Ports, scope: str, name: str, *, hidden: bool) -> FieldProblem | None:
    if scope == "FIRM":
        return FieldProblem(field="name", message="must be left out for the firm") if name else None
    known = ports.reference
    exists = {
        "VENUE": known.venue_exists(name),
        "ACCOUNT": not hidden and known.account_exists(name),
        "SYMBOL": known.ticks(name) is not None,
    }
    if exists[scope]:
        return None
    return FieldProblem(field="name", message=f"must be a known {scope.lower()}, was {shown(name)}")


def switch_operations(ports: Ports) -> list[AnyOperation]:
    """Return the operations. Who may read sees every switch but those of foreign accounts.

    Who may stop trading sets and releases them; one who does not see every account stops accounts of its
    own, and nothing that is others' too.
    """

    async def switches(call: Call[SwitchesQuery]) -> Switches:
        return Switches(
            await ports.switches.switches(
                released=call.query.all,
                accounts=call.principal.visible,
                rows_max=ROWS_MAX,
            )
        )

    async def stop(call: Call[NoQuery]) -> SwitchView | Refusal:
        content = call.content
        scope, name = str(content["scope"]), str(content.get("name", ""))
        if not _may_stop(call.principal, scope):
            return _only_own_accounts()
        hidden = scope == "ACCOUNT" and not call.principal.sees(name)
        if (problem := _name_problem(ports, scope, name, hidden=hidden)) is not None:
            return invalid(problem)
        found = await ports.switches.set(
            scope,
            name,
            cancels=content.get("cancels") is True,
            by=call.principal.subject,
            reason=str(content["reason"]).strip(),
        )
        if found is None:
            return Refusal(code=RefusalCode.CONFLICT, message="the scope is stopped already", status="SET")
        return found

    async def release(call: Call[NoQuery]) -> SwitchView | Refusal:
        given = call.path["switchId"]
        switch_id, reason = read_id(given), str(call.content["reason"]).strip()
        found = None
        if switch_id is not None and await _is_ones_own(ports, call.principal, switch_id):
            found = await ports.switches.release(switch_id, call.principal.subject, reason)
        if found is None:
            return Refusal(code=RefusalCode.NOT_FOUND, message=f"no kill switch {shown(given)} is set")
        return found

    return [
        Operation(
            method="GET", path=PATH, name="listKillSwitches", tag=TAG, right=Right.READ, serve=switches,
            summary="Kill switches, newest first", query=SwitchesQuery, answers={200: Switches},
        ),
        Operation(
            method="POST", path=PATH, name="setKillSwitch", tag=TAG, right=Right.STOP, serve=stop,
            summary="Stop a scope: no order of it leaves for a venue", body=SwitchRequest,
            noun="a kill switch", example={"scope": "SYMBOL", "name": "AAPL", "reason": "news is pending"},
            answers={201: SwitchView}, refusals=[RefusalCode.CONFLICT],
        ),
        Operation(
            method="POST", path=f"{PATH}/{{switchId}}/release", name="releaseKillSwitch", tag=TAG,
            right=Right.STOP, serve=release, summary="Let a scope trade again", body=ReasonRequest,
            noun="a reason", example={"reason": "the news is out"}, answers={200: SwitchView},
        ),
    ]  # fmt: skip
