"""REST about limits: the rules of pre-trade risk, what is set of them by scope, who changed it and why."""

import struct
from collections.abc import Sequence
from typing import Annotated, Final, assert_never

import msgspec

from oms_api.domain.limit_requests import may_change, read_limit, read_scope, scope_field
from oms_api.domain.principal import Principal, Right
from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode, changed_meanwhile, invalid, shown
from oms_api.entrypoints.csv_answers import Table
from oms_api.entrypoints.operation import AnyOperation, Call, NoQuery, Operation
from oms_api.entrypoints.paging import LIMIT_DEFAULT, Cursor, Limit, cursor_of, read_cursor
from oms_api.entrypoints.request_fields import PROBLEMS_MAX, one_of
from oms_api.entrypoints.rest_exceptions import Reason
from oms_api.ports import (
    Contradicting,
    LimitChange,
    LimitChangeView,
    LimitFilter,
    LimitView,
    NotChanged,
    NothingSet,
    OtherVersion,
    Ports,
    UnknownNames,
    View,
)
from oms_platform.risk_book import Setting
from oms_platform.risk_rules import (
    RULE_SPECS,
    Mode,
    OnMissing,
    Parameter,
    RuleRow,
    RuleSpec,
    Severity,
    Unit,
    outside,
    shown_value,
)
from oms_platform.scopes import KINDS, NAME_MAX, Scope

RULES: Final = "/api/v1/risk/rules"
PATH: Final = "/api/v1/risk/limits"
TAG: Final = "Limits"
ROWS_MAX: Final = 1_000
VERSION_MAX: Final = 2**63 - 1
LOAD_BYTES_MAX: Final = 512 * 1024
RULE_NAMES: Final = tuple(spec.name for spec in RULE_SPECS)
_KEY: Final = struct.Struct(">Q")
RuleName = Annotated[str, one_of(RULE_NAMES, "RiskRule")]
ModeName = Annotated[str, one_of([one.value for one in Mode], "RiskMode")]
SeverityName = Annotated[str, one_of([one.value for one in Severity], "RiskSeverity")]
OnMissingName = Annotated[str, one_of([one.value for one in OnMissing], "RiskOnMissing")]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_MAX, pattern=r"^[^\u0000]+$")]
Version = Annotated[
    Annotated[int, msgspec.Meta(ge=0, le=VERSION_MAX)] | None,
    msgspec.Meta(description="The one that is replaced, 0 for none: no other one is."),
]
ScopeNames = Annotated[
    dict[str, str],
    msgspec.Meta(
        description="Names by firm, desk, account, trader, strategy, sector, symbol, venue."
        " What names a venue is held to by each order that is sent there."
    ),
]


class LimitsQuery(msgspec.Struct, rename="camel", kw_only=True):
    """Which rows or changes: of this rule, of scopes that have these names. Newest first."""

    rule: RuleName | None = None
    firm: Name | None = None
    desk: Name | None = None
    account: Name | None = None
    trader: Name | None = None
    strategy: Name | None = None
    sector: Name | None = None
    symbol: Name | None = None
    venue: Name | None = None
    limit: Limit = LIMIT_DEFAULT
    cursor: Cursor | None = None


class EffectiveQuery(msgspec.Struct, rename="camel", kw_only=True):
    """What an order would be of; firm, desk and sector are the account's and the symbol's.

    venue: what holds for what is sent there, of the rules that may be set for a venue.
    """

    account: Name | None = None
    symbol: Name | None = None
    trader: Name | None = None
    strategy: Name | None = None
    venue: Name | None = None


class RemovalQuery(msgspec.Struct, rename="camel", kw_only=True):
    """Which row to remove: of this rule, of the scope of just these names."""

    rule: RuleName
    reason: Reason
    version: Version = None
    firm: Name | None = None
    desk: Name | None = None
    account: Name | None = None
    trader: Name | None = None
    strategy: Name | None = None
    sector: Name | None = None
    symbol: Name | None = None
    venue: Name | None = None


class LimitLine(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What is to hold of a rule for a scope. What is left out, or null, comes from wider scopes.

    parameters: as the catalogue of rules has them; dollars as decimal text or whole numbers.
    """

    rule: RuleName
    scope: ScopeNames = {}
    mode: ModeName | None = None
    severity: SeverityName | None = None
    on_missing: OnMissingName | None = None
    parameters: dict[str, object] = {}


class LimitRequest(LimitLine, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """A row of a rule, whole, and why. version: the one that it replaces, 0 for none; any if left out."""

    reason: Reason
    version: Version = None


class LimitsRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """Rows that are set together, or none of them, and why."""

    limits: Annotated[list[LimitLine], msgspec.Meta(min_length=1, max_length=ROWS_MAX)]
    reason: Reason


class ParameterView(View, frozen=True, kw_only=True):
    """A parameter of a rule, from least to most, or one of choices. default: null for no limit."""

    name: str
    unit: str
    meaning: str
    least: str | None
    most: str | None
    choices: list[str]
    default: str | None


class RuleView(View, frozen=True, kw_only=True):
    """A rule of pre-trade risk. facts: it says what is so, and nothing of it can be set.

    required: without its parameters orders are denied. controls: what of SEC Rule 15c3-5, and of other
    rules, it is for. at_venue: what it is of an order that is sent to a venue; null where a scope must not
    name one.
    """

    name: str
    meaning: str
    controls: list[str]
    facts: bool
    required: bool
    on_missing: str
    parameters: list[ParameterView]
    at_venue: str | None


class RiskRules(View, frozen=True):
    """Every rule, by precedence: of those that deny an order its client is told the first."""

    rules: list[RuleView]


class LimitPage(View, frozen=True):
    """A page of what is set. next_cursor: of the page after it; null on the last."""

    limits: list[LimitView]
    next_cursor: str | None


class LimitHistory(View, frozen=True):
    """A page of changes, the newest first. next_cursor: of the page after it; null on the last."""

    changes: list[LimitChangeView]
    next_cursor: str | None


class EffectiveLimit(View, frozen=True, kw_only=True):
    """What holds of a rule for an order. scope: the closest that says something of it, or `default`.

    lacks: required parameters that nobody has set, without which the order is denied.
    """

    rule: str
    mode: str
    severity: str
    on_missing: str
    parameters: dict[str, object]
    scope: str
    lacks: list[str]


class EffectiveLimits(View, frozen=True):
    """What holds for an order of these names, by precedence of the rules."""

    names: dict[str, str]
    limits: list[EffectiveLimit]


class LimitsSet(View, frozen=True):
    """What holds of each row that was set."""

    limits: list[LimitView]


def limit_operations(ports: Ports) -> list[AnyOperation]:
    """Return the operations. Who may read sees what is set but for foreign accounts' own rows."""
    return [*_of_readers(ports), *_of_changes(ports)]


def _of_readers(ports: Ports) -> list[AnyOperation]:
    async def rules(_call: Call[NoQuery]) -> RiskRules:
        return RiskRules([_rule_view(spec) for spec in RULE_SPECS])

    async def limits(call: Call[LimitsQuery]) -> LimitPage | Refusal:
        wanted = _filter(call.query, call.principal)
        if isinstance(wanted, Refusal):
            return wanted
        found = await ports.limits.limits(wanted)
        page = found[: call.query.limit]
        return LimitPage(page, _cursor(page) if len(found) > len(page) else None)

    async def history(call: Call[LimitsQuery]) -> LimitHistory | Refusal:
        wanted = _filter(call.query, call.principal)
        if isinstance(wanted, Refusal):
            return wanted
        found = await ports.limits.history(wanted)
        page = found[: call.query.limit]
        return LimitHistory(page, _cursor(page) if len(found) > len(page) else None)

    async def effective(call: Call[EffectiveQuery]) -> EffectiveLimits | Refusal:
        account = call.query.account
        if account is not None and not call.principal.sees(account):
            return invalid(_unknown("account", account, "account"))
        names = _scope_of(call.query)
        thing = names if isinstance(names, FieldProblem) else await ports.limits.thing(names)
        if isinstance(thing, UnknownNames):
            return invalid(*(_unknown(kind, name, kind) for kind, name in thing.names))
        if isinstance(thing, FieldProblem):
            return invalid(thing)
        book = await ports.limits.book(thing)
        named = {kind.value: thing.name(kind) for kind in thing.kinds}
        settings = [one for one in book.settings(thing) if one.spec.at_venue or not thing.venue]
        return EffectiveLimits(named, [_effective(setting) for setting in settings])

    return [
        Operation(
            method="GET", path=RULES, name="listRiskRules", tag=TAG, right=Right.READ, serve=rules,
            summary="The rules of pre-trade risk, by precedence", answers={200: RiskRules},
        ),
        Operation(
            method="GET", path=PATH, name="listLimits", tag=TAG, right=Right.READ, serve=limits,
            summary="What is set of the rules, newest first", query=LimitsQuery, answers={200: LimitPage},
            table=Table("limits", LimitView),
        ),
        Operation(
            method="GET", path=f"{PATH}/effective", name="getEffectiveLimits", tag=TAG, right=Right.READ,
            serve=effective, summary="What holds for an order, of every rule, and where it is set",
            query=EffectiveQuery, answers={200: EffectiveLimits}, table=Table("limits", EffectiveLimit),
        ),
        Operation(
            method="GET", path=f"{PATH}/history", name="listLimitChanges", tag=TAG, right=Right.READ,
            serve=history, summary="Who changed what of the rules, and why, newest first", query=LimitsQuery,
            answers={200: LimitHistory}, table=Table("changes", LimitChangeView),
        ),
    ]  # fmt: skip


def _of_changes(ports: Ports) -> list[AnyOperation]:
    async def change(
        principal: Principal, changes: Sequence[LimitChange], reason: str
    ) -> list[LimitView] | NotChanged | Refusal:
        if not all(may_change(one.row.scope, principal.visible) for one in changes):
            message = "the token lets limits of its own accounts be changed only"
            return Refusal(code=RefusalCode.FORBIDDEN, message=message)
        return await ports.limits.change(changes, by=principal.subject, reason=reason.strip())

    async def put(call: Call[NoQuery]) -> LimitView | Refusal:
        asked = call.body(LimitRequest)
        row = _row(asked)
        if isinstance(row, FieldProblem):
            return invalid(row)
        found = await change(call.principal, [LimitChange(row=row, expected=asked.version)], asked.reason)
        return found[0] if isinstance(found, list) else _refused(found)

    async def load(call: Call[NoQuery]) -> LimitsSet | Refusal:
        asked = call.body(LimitsRequest)
        if not asked.limits:
            return invalid(FieldProblem(field="limits", message="must be at least one"))
        changes, problems = _changes(asked.limits)
        if problems:
            return invalid(*problems)
        found = await change(call.principal, changes, asked.reason)
        if isinstance(found, list):
            return LimitsSet(found)
        return found if isinstance(found, Refusal) else _refused(found, f"limits[{found.index}].")

    async def remove(call: Call[RemovalQuery]) -> LimitView | Refusal:
        query = call.query
        scope = _scope_of(query)
        if isinstance(scope, FieldProblem):
            return invalid(scope)
        row = RuleRow(rule=query.rule, scope=scope)
        removal = LimitChange(row=row, removed=True, expected=query.version)
        found = await change(call.principal, [removal], query.reason)
        return found[0] if isinstance(found, list) else _refused(found)

    return [
        Operation(
            method="PUT", path=PATH, name="setLimit", tag=TAG, right=Right.LIMITS, serve=put,
            summary="Set a rule for a scope: a whole row, in effect within a second", body=LimitRequest,
            noun="a limit", answers={200: LimitView}, refusals=[RefusalCode.PRECONDITION_FAILED],
            example={
                "rule": "ORDER_QTY_EXCEEDS_MAX", "scope": {"account": "ACC-INST-001"},
                "parameters": {"quantity_max": 5000}, "reason": "smaller orders until the review",
            },
        ),
        Operation(
            method="POST", path=f"{PATH}/load", name="loadLimits", tag=TAG, right=Right.LIMITS, serve=load,
            summary="Set many rows together, or none of them", body=LimitsRequest, noun="a load of limits",
            answers={200: LimitsSet}, body_bytes_max=LOAD_BYTES_MAX,
            example={
                "limits": [{"rule": "OPEN_ORDERS_EXCEEDED", "parameters": {"open_max": 5000}}],
                "reason": "the limits of the new year",
            },
        ),
        Operation(
            method="DELETE", path=PATH, name="removeLimit", tag=TAG, right=Right.LIMITS, serve=remove,
            summary="Remove what is set of a rule for a scope: what wider scopes say holds again",
            query=RemovalQuery, answers={200: LimitView},
            refusals=[RefusalCode.NOT_FOUND, RefusalCode.PRECONDITION_FAILED],
        ),
    ]  # fmt: skip


def _row(asked: LimitLine) -> RuleRow | FieldProblem:
    return read_limit(
        asked.rule,
        asked.scope,
        mode=asked.mode,
        severity=asked.severity,
        on_missing=asked.on_missing,
        parameters=asked.parameters,
    )


def _changes(lines: Sequence[LimitLine]) -> tuple[list[LimitChange], list[FieldProblem]]:
    """Return the changes of a load, and what is wrong with which line."""
    changes: list[LimitChange] = []
    problems: list[FieldProblem] = []
    seen: dict[tuple[str, Scope], int] = {}
    for index, line in enumerate(lines):
        row = _row(line)
        at = f"limits[{index}]"
        if isinstance(row, FieldProblem):
            problems.append(FieldProblem(field=f"{at}.{row.field}", message=row.message))
            continue
        first = seen.setdefault((row.rule, row.scope), index)
        if first != index:
            message = f"must not be of the same rule as limits[{first}]"
            problems.append(FieldProblem(field=f"{at}.scope", message=message))
        changes.append(LimitChange(row=row))
    return changes, problems[:PROBLEMS_MAX]


def _refused(found: NotChanged | Refusal, at: str = "") -> Refusal:
    """Return the refusal of what was not changed. at: what stands before its fields."""
    match found:
        case Refusal():
            return found
        case UnknownNames():
            return invalid(*(_unknown(kind, name, f"{at}{scope_field(kind)}") for kind, name in found.names))
        case OtherVersion():
            return changed_meanwhile("what is set")
        case NothingSet():
            return Refusal(code=RefusalCode.NOT_FOUND, message="nothing is set of the rule for this scope")
        case Contradicting():
            return invalid(FieldProblem(field=f"{at}{found.field}", message=found.message))
        case _:
            assert_never(found)


def _unknown(kind: str, name: str, field: str) -> FieldProblem:
    return FieldProblem(field=field, message=f"must be a known {kind}, was {shown(name)}")


def _scope_of(query: LimitsQuery | EffectiveQuery | RemovalQuery) -> Scope | FieldProblem:
    given = {kind.value: getattr(query, kind.value, None) for kind in KINDS}
    return read_scope({kind: name for kind, name in given.items() if name is not None})


def _filter(query: LimitsQuery, principal: Principal) -> LimitFilter | Refusal:
    """Return which rows to read, and one more, which says that there are more."""
    key = read_cursor(query.cursor, _KEY.size)
    scope = _scope_of(query)
    if isinstance(key, Refusal):
        return key
    if isinstance(scope, FieldProblem):
        return invalid(scope)
    before = None if key is None else min(_KEY.unpack(key)[0], VERSION_MAX)
    return LimitFilter(
        limit=query.limit + 1, rule=query.rule or "", scope=scope, accounts=principal.visible, before=before
    )


def _cursor(page: Sequence[LimitView]) -> str:
    return cursor_of(_KEY.pack(page[-1].version))


def _rule_view(spec: RuleSpec) -> RuleView:
    return RuleView(
        name=spec.name,
        meaning=spec.meaning,
        controls=list(spec.controls),
        facts=spec.facts,
        required=spec.required,
        on_missing=spec.on_missing.value,
        parameters=[_parameter_view(one) for one in spec.parameters],
        at_venue=None if spec.at_venue is None else spec.at_venue.meaning,
    )


def _parameter_view(one: Parameter) -> ParameterView:
    counted = one.unit not in (Unit.YES_NO, Unit.CHOICE, Unit.TEXT)
    return ParameterView(
        name=one.name,
        unit=one.unit.value,
        meaning=one.meaning,
        least=shown_value(one.unit, one.least) if counted else None,
        most=shown_value(one.unit, one.most) if counted else None,
        choices=list(one.choices),
        default=None if one.default is None else shown_value(one.unit, one.default),
    )


def _effective(setting: Setting) -> EffectiveLimit:
    return EffectiveLimit(
        rule=setting.spec.name,
        mode=setting.mode.value,
        severity=setting.severity.value,
        on_missing=setting.on_missing.value,
        parameters=dict(outside(setting.spec, setting.values)),
        scope=setting.source,
        lacks=list(setting.lacks),
    )
