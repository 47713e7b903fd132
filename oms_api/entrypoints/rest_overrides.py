"""REST about overrides: a second person's leave for one order that risk denied, used once."""

from datetime import timedelta
from typing import Annotated, Final
from uuid import UUID

import msgspec

from oms_api.domain.principal import Right
from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode, invalid, shown
from oms_api.entrypoints.operation import AnyOperation, Call, NoQuery, Operation
from oms_api.entrypoints.request_fields import one_of
from oms_api.entrypoints.rest_exceptions import Reason
from oms_api.entrypoints.rest_orders import Text
from oms_api.ports import (
    Denied,
    Instant,
    NamedOrder,
    NewOverride,
    OverrideFilter,
    OverrideView,
    Ports,
    View,
)
from oms_platform.clock import Clock
from oms_platform.ids import uuid7
from oms_platform.overrides import DENIED_WITHIN, MINUTES_DEFAULT, MINUTES_MAX, denials_of
from oms_platform.risk_rules import RULE_SPECS
from oms_platform.vocabulary import RiskCheck

PATH: Final = "/api/v1/risk/overrides"
TAG: Final = "Overrides"
LIMIT_DEFAULT: Final = 50
LIMIT_MAX: Final = 500
RULES_MAX: Final = len(RULE_SPECS)
RuleName = Annotated[str, one_of([spec.name for spec in RULE_SPECS], "RiskRule")]


class OverridesQuery(msgspec.Struct, rename="camel", kw_only=True):
    """Which leave, the newest first."""

    account_id: Text | None = None
    order_id: UUID | None = None
    all: Annotated[bool, msgspec.Meta(description="Also what was used, revoked, or has expired.")] = False
    before: Annotated[Instant | None, msgspec.Meta(description="Granted before then.")] = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT


class OverrideRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """Which denied order may pass, by its id, or by its client's own and its account, and why.

    Of an order that is live it is the replace that was denied last. rules: of those that denied, which are
    let pass; all of them if left out. expires_minutes: until when the order may be sent again.
    """

    order_id: UUID | None = None
    account_id: Text | None = None
    client_order_id: Text | None = None
    rules: Annotated[list[RuleName], msgspec.Meta(max_length=RULES_MAX)] | None = None
    expires_minutes: Annotated[int, msgspec.Meta(ge=1, le=MINUTES_MAX)] = MINUTES_DEFAULT
    reason: Reason


class RevocationQuery(msgspec.Struct, rename="camel", kw_only=True):
    """Of which denied order leave is taken back, and why."""

    order_id: UUID
    reason: Reason


class Overrides(View, frozen=True):
    """Leave that was given, the newest first."""

    overrides: list[OverrideView]


def override_operations(ports: Ports, clock: Clock) -> list[AnyOperation]:
    """Return the operations: of an account that the caller sees; leave by somebody who asked for nothing."""

    async def grant(call: Call[NoQuery]) -> OverrideView | Refusal:
        asked, now = call.body(OverrideRequest), clock()
        order_id = await _order(ports, asked, call.principal.visible)
        if isinstance(order_id, Refusal):
            return order_id
        denied = await ports.overrides.denied(order_id)
        if denied is None:
            return invalid(_problem("must be of an order, or a replace, that risk denied", str(order_id)))
        if call.principal.subject in denied.asked_by:
            asker = shown(call.principal.subject)
            return invalid(_problem("must be of an order that somebody else asked for", asker))
        if now - denied.denied_at > DENIED_WITHIN:
            hours = int(DENIED_WITHIN.total_seconds()) // 3600
            return invalid(
                _problem(f"must have been denied within {hours} hours", denied.denied_at.isoformat())
            )
        checks = _let_pass(asked, denied)
        if isinstance(checks, FieldProblem):
            return invalid(checks)
        override = NewOverride(
            override_id=uuid7(),
            denied=denied,
            checks=checks,
            by=call.principal.subject,
            reason=asked.reason.strip(),
            granted_at=now,
            expires_at=now + timedelta(minutes=asked.expires_minutes),
        )
        found = await ports.overrides.grant(override)
        if found is None:
            message = "leave was given for this denial already: revoke it first, if it is not used"
            return Refusal(code=RefusalCode.CONFLICT, message=message, status="GRANTED")
        return found

    async def overrides(call: Call[OverridesQuery]) -> Overrides:
        query, now = call.query, clock()
        wanted = OverrideFilter(
            limit=query.limit,
            accounts=call.principal.visible,
            account_id=query.account_id,
            order_id=query.order_id,
            open_at=None if query.all else now,
            before=query.before,
        )
        return Overrides(await ports.overrides.overrides(wanted, now))

    async def revoke(call: Call[RevocationQuery]) -> Overrides | Refusal:
        query = call.query
        order_id = await ports.overrides.order_id(
            NamedOrder(
                order_id=query.order_id,
                account_id=None,
                client_order_id=None,
                accounts=call.principal.visible,
            )
        )
        found: list[OverrideView] = []
        if order_id is not None:
            found = await ports.overrides.revoke(
                order_id, by=call.principal.subject, reason=query.reason.strip(), now=clock()
            )
        if not found:
            message = f"no leave of order {query.order_id} that is not used"
            return Refusal(code=RefusalCode.NOT_FOUND, message=message)
        return Overrides(found)

    return [
        Operation(
            method="GET", path=PATH, name="listOverrides", tag=TAG, right=Right.READ, serve=overrides,
            summary="Leave for denied orders, the newest first", query=OverridesQuery,
            answers={200: Overrides},
        ),
        Operation(
            method="POST", path=PATH, name="grantOverride", tag=TAG, right=Right.OVERRIDE, serve=grant,
            summary="Let an order pass once that risk denied: its trader sends it again",
            body=OverrideRequest, noun="an override", answers={201: OverrideView},
            refusals=[RefusalCode.NOT_FOUND, RefusalCode.CONFLICT],
            example={
                "accountId": "ACC-INST-001", "clientOrderId": "block-7", "expiresMinutes": 30,
                "reason": "agreed with the client by telephone",
            },
        ),
        Operation(
            method="DELETE", path=PATH, name="revokeOverride", tag=TAG, right=Right.OVERRIDE, serve=revoke,
            summary="Take back leave of an order that is not used", query=RevocationQuery,
            answers={200: Overrides}, refusals=[RefusalCode.NOT_FOUND],
        ),
    ]  # fmt: skip


def _problem(expected: str, found: str) -> FieldProblem:
    return FieldProblem(field="orderId", message=f"{expected}, was {found}")


async def _order(ports: Ports, asked: OverrideRequest, accounts: frozenset[str] | None) -> UUID | Refusal:
    """Return the order that is meant, or that none is; of others' nobody learns that there are any."""
    if asked.order_id is None and asked.client_order_id is None:
        return invalid(FieldProblem(field="orderId", message="must be given, or clientOrderId and accountId"))
    if asked.order_id is None and asked.account_id is None:
        message = "must be given with clientOrderId, which is an account's own"
        return invalid(FieldProblem(field="accountId", message=message))
    found = await ports.overrides.order_id(
        NamedOrder(
            order_id=asked.order_id,
            account_id=asked.account_id,
            client_order_id=asked.client_order_id,
            accounts=accounts,
        )
    )
    if found is None:
        named = asked.order_id or asked.client_order_id
        return Refusal(code=RefusalCode.NOT_FOUND, message=f"no order {shown(str(named))}")
    return found


def _let_pass(asked: OverrideRequest, denied: Denied) -> tuple[RiskCheck, ...] | FieldProblem:
    """Return the rules that are let pass, or what is wrong with them."""
    denials = denials_of(denied.checks)
    names = ", ".join(one.rule for one in denials)
    if not denied.overridable:
        message = f"must all leave it to a second person (severity OVERRIDE), was denied by {names}"
        return FieldProblem(field="rules", message=message)
    if asked.rules is None:
        return denials
    if not asked.rules:
        return FieldProblem(field="rules", message=f"must name one of {names}, was nothing")
    for place, rule in enumerate(asked.rules):
        if rule not in {one.rule for one in denials}:
            return FieldProblem(field=f"rules[{place}]", message=f"must be one of {names}, was {rule}")
    return tuple(one for one in denials if one.rule in asked.rules)
