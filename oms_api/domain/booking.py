"""What a person says of an execution exception: a reason, and the trade as it really was."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import msgspec

from oms_api.domain.decimals import price_problem, read_decimal
from oms_api.domain.refusal import FieldProblem, shown
from oms_api.domain.terms import read_quantity
from oms_platform.prices import micros_of
from oms_platform.vocabulary import Side

REASON_MAX: Final = 500
_FIELDS: Final = ("reason", "lastQty", "lastPx", "accountId", "symbol", "side")
_SIDES: Final = {side.name: side for side in Side}


class Reported(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the exception itself says of the trade, as far as it does. last_px: dollars."""

    last_qty: int | None
    last_px: Decimal | None
    account_id: str | None
    symbol: str
    side: str


class BookedTrade(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The trade that is to be booked, and why."""

    reason: str
    last_qty: int
    last_px_micros: int
    account_id: str
    symbol: str
    side: Side


def read_reason(content: Mapping[str, object]) -> str | FieldProblem:
    """Check the reason of a person's word on an exception."""
    reason = content.get("reason")
    if not isinstance(reason, str) or not 0 < len(reason.strip()) <= REASON_MAX or "\0" in reason:
        return FieldProblem(field="reason", message=f"must be a text of 1 to {REASON_MAX} characters")
    return reason.strip()


def read_booking(content: Mapping[str, object], reported: Reported) -> BookedTrade | tuple[FieldProblem, ...]:
    """Check a booking. What it leaves out is as the exception says it; every problem is found."""
    problems = [
        FieldProblem(field=shown(name).strip('"'), message="is not a field of a booking")
        for name in content
        if name not in _FIELDS
    ]
    reason = read_reason(content)
    if isinstance(reason, FieldProblem):
        problems.append(reason)
    last_qty = read_quantity(content.get("lastQty", reported.last_qty), "lastQty", problems)
    last_px = read_decimal(content.get("lastPx", reported.last_px))
    problem = "must be a decimal number of dollars" if last_px is None else price_problem(last_px, None)
    if problem:
        problems.append(FieldProblem(field="lastPx", message=problem))
    texts: dict[str, str] = {}
    for field, default in (
        ("accountId", reported.account_id),
        ("symbol", reported.symbol),
        ("side", reported.side),
    ):
        value = content.get(field, default)
        if isinstance(value, str) and value:
            texts[field] = value
        else:
            problems.append(FieldProblem(field=field, message="is required: the exception does not say it"))
    side = _SIDES.get(texts.get("side", "BUY"))
    if side is None:
        allowed = ", ".join(_SIDES)
        problems.append(
            FieldProblem(field="side", message=f"must be one of {allowed}, was {shown(texts['side'])}")
        )
    if problems or side is None or last_px is None or isinstance(reason, FieldProblem):
        return tuple(problems)
    return BookedTrade(
        reason=reason,
        last_qty=last_qty,
        last_px_micros=micros_of(last_px),
        account_id=texts["accountId"],
        symbol=texts["symbol"],
        side=side,
    )
