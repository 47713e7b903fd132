"""REST about kill switches: what is stopped, how far, what came of it, who releases it; and triggers."""

from collections.abc import Callable, Mapping
from typing import Annotated, Final
from uuid import UUID

import msgspec

from oms_api.domain.marks import Mark
from oms_api.domain.principal import Principal, Right
from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode, invalid, shown
from oms_api.domain.terms import read_id
from oms_api.entrypoints.operation import AnyOperation, Call, NoQuery, Operation
from oms_api.entrypoints.request_fields import one_of
from oms_api.entrypoints.rest_exceptions import Reason, ReasonRequest
from oms_api.ports import (
    CoveredPositionView,
    HeldShares,
    Ports,
    SwitchDetail,
    SwitchView,
    TriggerView,
    UnavailableError,
    View,
)
from oms_platform.kill_switches import (
    POSITION_KINDS,
    STAGES,
    TRIGGERED_STAGES,
    Stage,
    TriggerKind,
    TriggerMode,
)
from oms_platform.prices import dollars_of, plain
from oms_platform.scopes import EVERYTHING, NAME_MAX, Scope, ScopeKind, scope_of
from oms_platform.vocabulary import Side

PATH: Final = "/api/v1/kill-switches"
TRIGGERS: Final = "/api/v1/kill-triggers"
TAG: Final = "Kill switches"
ROWS_MAX: Final = 500
THRESHOLD_MAX: Final = 10**12
WINDOW_S_MAX: Final = 86_400
RETRY_AFTER_S: Final = 1
# The fields of a request that name a scope, by kind.
FIELDS: Final[Mapping[ScopeKind, str]] = {
    kind: {ScopeKind.ACCOUNT: "accountId", ScopeKind.VENUE: "venueId"}.get(kind, kind.value)
    for kind in ScopeKind
}
NOT_SET: Final = (
    "not set: Postgres does not answer. While it is away nothing new is acknowledged, and the last gate lets"
    " nothing leave from {age_s:g} s after its last look on; ask again until it is taken"
)
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_MAX, pattern=r"^[^\u0000]+$")]
StageName = Annotated[str, one_of([stage.value for stage in STAGES], "KillStage")]
TriggeredStageName = Annotated[str, one_of([stage.value for stage in TRIGGERED_STAGES], "KillTriggerStage")]
# Why a switch that closes positions gives no name of a kind that a position has none of.
NOT_OF_POSITIONS: Final[Mapping[ScopeKind, str]] = {
    ScopeKind.TRADER: "several traders may have made one position, and nobody's part of it is known",
    ScopeKind.STRATEGY: "several strategies may have made one position, and no one's part of it is known",
    ScopeKind.VENUE: "a position is at no venue: what was bought at one is sold at any",
}


class SwitchesQuery(msgspec.Struct, rename="camel", kw_only=True):
    """Which switches, newest first."""

    all: Annotated[bool, msgspec.Meta(description="Also those that were released.")] = False


class ScopeRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What is meant: whatever has every name that is given. everything: true where none is."""

    firm: Name | msgspec.UnsetType = msgspec.UNSET
    desk: Name | msgspec.UnsetType = msgspec.UNSET
    account_id: Name | msgspec.UnsetType = msgspec.UNSET
    trader: Name | msgspec.UnsetType = msgspec.UNSET
    strategy: Name | msgspec.UnsetType = msgspec.UNSET
    sector: Name | msgspec.UnsetType = msgspec.UNSET
    symbol: Name | msgspec.UnsetType = msgspec.UNSET
    venue_id: Name | msgspec.UnsetType = msgspec.UNSET
    everything: bool = False


class PositionScopeRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """Which positions are meant: whatever has every name that is given. everything: true where none is."""

    firm: Name | msgspec.UnsetType = msgspec.UNSET
    desk: Name | msgspec.UnsetType = msgspec.UNSET
    account_id: Name | msgspec.UnsetType = msgspec.UNSET
    sector: Name | msgspec.UnsetType = msgspec.UNSET
    symbol: Name | msgspec.UnsetType = msgspec.UNSET
    everything: bool = False


class SwitchRequest(ScopeRequest, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What to stop, how far, and why.

    stage: BLOCK stops what is new; CANCEL cancels what is open, too; FLATTEN then closes positions.
    """

    stage: StageName = Stage.BLOCK.value
    reason: Reason


class RaiseRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """How far a switch is to go from now on, and why."""

    stage: StageName
    reason: Reason


class TriggerRequest(ScopeRequest, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What sets a switch of its scope by itself, and why. SHADOW: it only says that it would have."""

    kind: Annotated[str, one_of([kind.name for kind in TriggerKind], "KillTriggerKind")]
    threshold: Annotated[int, msgspec.Meta(ge=1, le=THRESHOLD_MAX)]
    window_s: Annotated[int, msgspec.Meta(ge=1, le=WINDOW_S_MAX)]
    stage: TriggeredStageName = Stage.BLOCK.value
    mode: Annotated[str, one_of([mode.name for mode in TriggerMode], "KillTriggerMode")]
    reason: Reason


class Switches(View, frozen=True):
    """Kill switches, newest first."""

    kill_switches: list[SwitchView]


class FlattenPreview(View, frozen=True, kw_only=True):
    """What a switch of a scope would close if it were set now: how many positions, and the first of them."""

    scope: dict[str, str]
    positions_covered: int
    positions: list[CoveredPositionView]


class Triggers(View, frozen=True):
    """What sets switches by itself."""

    kill_triggers: list[TriggerView]


async def read_scope(ports: Ports, principal: Principal, content: Mapping[str, object]) -> Scope | Refusal:
    """Return the scope that a request names, of names that are known. Raises UnavailableError."""
    given = {kind.value: str(content[field]) for kind, field in FIELDS.items() if field in content}
    everything = content.get("everything") is True
    if everything == bool(given):
        fields = ", ".join(sorted(FIELDS.values()))
        message = f"must be true where no name is given, and only there (names: {fields}), was {everything}"
        return invalid(FieldProblem(field="everything", message=message.replace("True", "true")))
    try:
        scope = scope_of(given)
    except ValueError as error:
        kind = ScopeKind(str(error).partition(" ")[0])
        return invalid(FieldProblem(field=FIELDS[kind], message=str(error).partition(" ")[2]))
    if not principal.sees_every_account and not scope.account:
        message = "the token lets its own accounts be stopped only"
        return Refusal(code=RefusalCode.FORBIDDEN, message=message)
    problems = _unknown(ports, principal, scope)
    if problems:
        await ports.reference.refresh()
        problems = _unknown(ports, principal, scope)
    return invalid(*problems) if problems else scope


def _unknown(ports: Ports, principal: Principal, scope: Scope) -> list[FieldProblem]:
    """Return a problem for each name that is of nothing. A trader or a strategy may come yet."""
    reference, kills = ports.reference, ports.kills.known()
    is_known: Mapping[ScopeKind, Callable[[str], bool]] = {
        ScopeKind.ACCOUNT: lambda name: principal.sees(name) and reference.account_exists(name),
        ScopeKind.VENUE: reference.venue_exists,
        ScopeKind.SYMBOL: lambda name: reference.ticks(name) is not None,
        ScopeKind.FIRM: lambda name: any(name == firm for firm, _ in kills.houses.values()),
        ScopeKind.DESK: lambda name: any(name == desk for _, desk in kills.houses.values()),
        ScopeKind.SECTOR: lambda name: name in kills.sectors.values(),
    }
    return [
        FieldProblem(
            field=FIELDS[kind], message=f"must be a known {kind.value}, was {shown(scope.name(kind))}"
        )
        for kind in scope.kinds
        if kind in is_known and not is_known[kind](scope.name(kind))
    ]


async def _found(ports: Ports, principal: Principal, switch_id: UUID | None) -> SwitchDetail | None:
    """Return a switch that a caller may see: of others' it learns nothing."""
    if switch_id is None:
        return None
    return await ports.switches.switch(switch_id, principal.visible, ROWS_MAX)


async def _ones_own(ports: Ports, principal: Principal, given: str) -> UUID | None:
    """Return a switch that a caller may raise or release: one of its own accounts, or any."""
    found = await _found(ports, principal, read_id(given))
    if found is None or not (principal.sees_every_account or "account" in found.kill_switch.scope):
        return None
    return found.kill_switch.switch_id


def _no_flattening(principal: Principal, scope: Scope, stage: Stage, field: str = "") -> Refusal | None:
    """Return why a scope may not be flattened, None where it may, or is not to be.

    field: that is told to be wrong about a scope; "" for the name's own.
    """
    if stage is not Stage.FLATTEN:
        return None
    for kind in scope.kinds:
        if kind not in POSITION_KINDS:
            message = f"must be left out for FLATTEN, was {shown(scope.name(kind))}: {NOT_OF_POSITIONS[kind]}"
            if field:
                message = f"must not be FLATTEN for a switch of a {kind.value}: {NOT_OF_POSITIONS[kind]}"
            return invalid(FieldProblem(field=field or FIELDS[kind], message=message))
    if Right.FLATTEN not in principal.rights:
        message = f"closing positions needs the right {Right.FLATTEN.value}, which the token does not give"
        return Refusal(code=RefusalCode.FORBIDDEN, message=message)
    return None


def _none_is_set(given: str) -> Refusal:
    return Refusal(code=RefusalCode.NOT_FOUND, message=f"no kill switch {shown(given)} is set")


def _of_switches(ports: Ports) -> list[AnyOperation]:
    async def switches(call: Call[SwitchesQuery]) -> Switches:
        return Switches(
            await ports.switches.switches(
                released=call.query.all, accounts=call.principal.visible, rows_max=ROWS_MAX
            )
        )

    async def switch(call: Call[NoQuery]) -> SwitchDetail | Refusal:
        given = call.path["switchId"]
        found = await _found(ports, call.principal, read_id(given))
        if found is None:
            return Refusal(code=RefusalCode.NOT_FOUND, message=f"no kill switch {shown(given)}")
        return found

    async def stop(call: Call[NoQuery]) -> SwitchView | Refusal:
        content = call.content
        try:
            scope = await read_scope(ports, call.principal, content)
            if isinstance(scope, Refusal):
                return scope
            stage, reason = Stage[str(content.get("stage", "BLOCK"))], str(content["reason"]).strip()
            refused = _no_flattening(call.principal, scope, stage)
            if refused is not None:
                return refused
            found = await ports.switches.set(scope, stage, by=call.principal.subject, reason=reason)
            if found is not None:
                return found
            there = await ports.switches.set_already(scope)
        except UnavailableError as error:
            return _not_set(error)
        stands = "" if there is None else f" by {there.switch_id} at stage {there.stage}: raise that"
        message = f"{scope} is stopped already{stands}"
        return Refusal(code=RefusalCode.CONFLICT, message=message, status="SET")

    async def raise_stage(call: Call[NoQuery]) -> SwitchView | Refusal:
        given, content = call.path["switchId"], call.content
        stage, reason = Stage[str(content["stage"])], str(content["reason"]).strip()
        switch_id = await _ones_own(ports, call.principal, given)
        known = await _found(ports, call.principal, switch_id)
        if switch_id is None or known is None:
            return _none_is_set(given)
        refused = _no_flattening(call.principal, scope_of(known.kill_switch.scope), stage, "stage")
        if refused is not None:
            return refused
        raised = await ports.switches.raise_to(switch_id, stage, by=call.principal.subject, reason=reason)
        if raised is not None:
            return raised
        found = await _found(ports, call.principal, switch_id)
        if found is None or found.kill_switch.released_at is not None:
            return _none_is_set(given)
        at = found.kill_switch.stage
        message = f"stage must be above {at}, where the switch is, was {stage.value}"
        return Refusal(code=RefusalCode.CONFLICT, message=message, status=at)

    async def preview(call: Call[NoQuery]) -> FlattenPreview | Refusal:
        scope = await read_scope(ports, call.principal, call.content)
        if isinstance(scope, Refusal):
            return scope
        wrong = _no_flattening(call.principal, scope, Stage.FLATTEN)
        return await _previewed(ports, scope) if wrong is None else wrong

    async def release(call: Call[NoQuery]) -> SwitchView | Refusal:
        given, reason = call.path["switchId"], str(call.content["reason"]).strip()
        switch_id = await _ones_own(ports, call.principal, given)
        found = None
        if switch_id is not None:
            found = await ports.switches.release(switch_id, call.principal.subject, reason)
        return _none_is_set(given) if found is None else found

    return [
        Operation(
            method="GET", path=PATH, name="listKillSwitches", tag=TAG, right=Right.READ, serve=switches,
            summary="Kill switches, newest first", query=SwitchesQuery, answers={200: Switches},
        ),
        Operation(
            method="GET", path=f"{PATH}/{{switchId}}", name="getKillSwitch", tag=TAG, right=Right.READ,
            serve=switch, answers={200: SwitchDetail},
            summary="A kill switch: who goes by it, what it found open, what of that is outstanding",
        ),
        Operation(
            method="POST", path=PATH, name="setKillSwitch", tag=TAG, right=Right.STOP, serve=stop,
            summary="Stop a scope: nothing new of it leaves for a venue", body=SwitchRequest,
            noun="a kill switch",
            example={"symbol": "AAPL", "stage": "CANCEL", "reason": "news is pending"},
            answers={201: SwitchView}, refusals=[RefusalCode.CONFLICT],
        ),
        Operation(
            method="POST", path=f"{PATH}/{{switchId}}/raise", name="raiseKillSwitch", tag=TAG,
            right=Right.STOP, serve=raise_stage, summary="Have a kill switch go further", body=RaiseRequest,
            noun="a raise", example={"stage": "CANCEL", "reason": "it goes on"}, answers={200: SwitchView},
            refusals=[RefusalCode.CONFLICT],
        ),
        Operation(
            method="POST", path=f"{PATH}/preview", name="previewFlatten", tag=TAG, right=Right.FLATTEN,
            serve=preview, summary="Positions that a kill switch of a scope would close",
            body=PositionScopeRequest, noun="a scope", example={"accountId": "ACC-INST-001"},
            answers={200: FlattenPreview},
        ),
        Operation(
            method="POST", path=f"{PATH}/{{switchId}}/release", name="releaseKillSwitch", tag=TAG,
            right=Right.RELEASE, serve=release, summary="Let a scope trade again", body=ReasonRequest,
            noun="a reason", example={"reason": "the news is out"}, answers={200: SwitchView},
        ),
    ]  # fmt: skip


async def _previewed(ports: Ports, scope: Scope) -> FlattenPreview:
    """Return the positions of a scope. Raises UnavailableError."""
    kills = ports.kills.known()
    covered = [
        one
        for one in await ports.switches.held(scope.account, scope.symbol)
        if scope.covers(kills.thing(one.account_id, one.symbol))
    ]
    listed = covered[:ROWS_MAX]
    marks = await ports.marks.marks({one.symbol for one in listed})
    return FlattenPreview(
        scope=msgspec.to_builtins(scope),
        positions_covered=len(covered),
        positions=[_covered(one, marks[one.symbol]) for one in listed],
    )


def _covered(one: HeldShares, mark: Mark) -> CoveredPositionView:
    price = None if mark.micros is None else plain(dollars_of(mark.micros))
    return CoveredPositionView(
        account_id=one.account_id,
        symbol=one.symbol,
        quantity=one.quantity,
        side=(Side.SELL if one.quantity > 0 else Side.BUY).name,
        mark=price,
        stale=mark.stale,
        value=None if price is None else plain(one.quantity * price),
    )


def _not_set(error: UnavailableError) -> Refusal:
    message = f"{NOT_SET.format(age_s=2)} ({error.what})"
    return Refusal(code=RefusalCode.UNAVAILABLE, message=message, retry_after_s=RETRY_AFTER_S)


def _of_triggers(ports: Ports) -> list[AnyOperation]:
    async def triggers(_call: Call[NoQuery]) -> Triggers:
        return Triggers(await ports.switches.triggers())

    async def put(call: Call[NoQuery]) -> TriggerView | Refusal:
        content = call.content
        scope = await read_scope(ports, call.principal, content)
        if isinstance(scope, Refusal):
            return scope
        kind = TriggerKind[str(content["kind"])]
        problem = _unfit(kind, scope)
        if problem is not None:
            return invalid(problem)
        return await ports.switches.put_trigger(
            kind,
            scope,
            threshold=int(str(content["threshold"])),
            window_s=int(str(content["windowS"])),
            stage=Stage[str(content.get("stage", "BLOCK"))],
            mode=TriggerMode[str(content["mode"])],
            by=call.principal.subject,
            reason=str(content["reason"]).strip(),
        )

    return [
        Operation(
            method="GET", path=TRIGGERS, name="listKillTriggers", tag=TAG, right=Right.READ, serve=triggers,
            summary="What sets kill switches by itself", answers={200: Triggers},
        ),
        Operation(
            method="PUT", path=TRIGGERS, name="putKillTrigger", tag=TAG, right=Right.ADMIN, serve=put,
            summary="Make a trigger of a kind and scope, or make the one that is there another",
            body=TriggerRequest, noun="a trigger", answers={200: TriggerView},
            example={
                "kind": "REJECT_RATE", "venueId": "XNYS", "threshold": 100, "windowS": 10, "mode": "SHADOW",
                "reason": "a first week of looking on",
            },
        ),
    ]  # fmt: skip


# The kinds of names that the facts which each kind of trigger counts have.
COUNTED_BY: Final[Mapping[TriggerKind, frozenset[ScopeKind]]] = {
    TriggerKind.REJECT_RATE: frozenset((ScopeKind.VENUE, ScopeKind.ACCOUNT, ScopeKind.SYMBOL)),
    TriggerKind.VENUE_SILENCE: frozenset((ScopeKind.VENUE,)),
    TriggerKind.EXCEPTIONS: frozenset((ScopeKind.VENUE, ScopeKind.ACCOUNT, ScopeKind.SYMBOL)),
    TriggerKind.MESSAGE_RATE: frozenset(ScopeKind) - {ScopeKind.VENUE},
    TriggerKind.LOSS: frozenset((ScopeKind.FIRM, ScopeKind.DESK, ScopeKind.ACCOUNT)),
}


def _unfit(kind: TriggerKind, scope: Scope) -> FieldProblem | None:
    """Return how a scope does not go together with what a trigger counts."""
    if kind is TriggerKind.VENUE_SILENCE and scope == EVERYTHING:
        return FieldProblem(
            field=FIELDS[ScopeKind.VENUE], message="must be given for VENUE_SILENCE, was nothing"
        )
    for name in scope.kinds:
        if name not in COUNTED_BY[kind]:
            counted = ", ".join(FIELDS[one] for one in ScopeKind if one in COUNTED_BY[kind])
            message = f"must be left out for {kind.name}, which is counted by {counted}"
            return FieldProblem(field=FIELDS[name], message=f"{message}, was {shown(scope.name(name))}")
    return None


def switch_operations(ports: Ports) -> list[AnyOperation]:
    """Return the operations. Who may read sees every switch but those of foreign accounts.

    Who may stop trading sets and raises switches, who may flatten has them close positions, and who may
    release lets trade again; one who does not see every account does so about accounts of its own, and
    nothing that is others' too.
    """
    return [*_of_switches(ports), *_of_triggers(ports)]
