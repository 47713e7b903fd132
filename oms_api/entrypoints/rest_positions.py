"""REST about what accounts have: positions at their marks, profit and loss, cash, what is held at a start."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Final
from uuid import UUID

import msgspec

from oms_api.domain.decimals import MONEY_BOUND, money_problem, price_problem
from oms_api.domain.principal import Principal, Right
from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode, invalid, shown
from oms_api.entrypoints.csv_answers import Table
from oms_api.entrypoints.operation import AnyOperation, Call, NoQuery, Operation
from oms_api.entrypoints.request_fields import PROBLEMS_MAX, one_of
from oms_api.entrypoints.rest_exceptions import Reason
from oms_api.entrypoints.rest_orders import Price, Text
from oms_api.ports import (
    CashEntryView,
    LoadedView,
    NewEntry,
    NewRename,
    NewSplit,
    NotRenamed,
    NotSplit,
    NotTakenView,
    OpeningLine,
    OtherEntry,
    PnlView,
    Ports,
    PositionView,
    RenameView,
    SplitView,
    TooLittleCash,
    View,
)
from oms_api.position_handlers import account_seen, handle_get_pnl, handle_get_positions
from oms_platform.clock import Clock
from oms_platform.ids import uuid7
from oms_platform.market_rules import rules_date
from oms_platform.prices import micros_of

TAG: Final = "Positions and cash"
ACCOUNT: Final = "/api/v1/accounts/{accountId}"
LINES_MAX: Final = 1_000
LOAD_BYTES_MAX: Final = 512 * 1024
SHARES_MAX: Final = 10**9
RATIO_MAX: Final = 1_000
ENTRIES_MAX: Final = 1_000
# Cores look for what is to be taken four times a second.
TAKEN_WAIT_S: Final = 2.0
TAKEN_LOOK_S: Final = 0.1
_WITHDRAWAL: Final = "WITHDRAWAL"
# Dollars, exact to the micro, below 0 or not.
Money = Annotated[
    Decimal,
    msgspec.Meta(
        extra_json_schema={
            "format": "decimal",
            "pattern": r"^-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,6})?$",
            "exclusiveMinimum": -MONEY_BOUND,
            "exclusiveMaximum": MONEY_BOUND,
        }
    ),
]
Shares = Annotated[int, msgspec.Meta(ge=-SHARES_MAX, le=SHARES_MAX)]


class EntriesQuery(msgspec.Struct, rename="camel", kw_only=True):
    """How many entries, the newest first."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=ENTRIES_MAX)] = 100


class CashRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What to move, and why. amount: dollars above 0. entryId: under which it is done once."""

    kind: Annotated[str, one_of(["DEPOSIT", _WITHDRAWAL], "CashEntryKind")]
    amount: Price
    reason: Reason
    entry_id: UUID | msgspec.UnsetType = msgspec.UNSET


class PositionLine(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What an account holds of a symbol: shares, below 0 sold short; cost: in all, of the same sign."""

    account_id: Text
    symbol: Text
    quantity: Shares
    cost: Money


class CashLine(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """An account's cash in dollars."""

    account_id: Text
    amount: Money


_OF_EVERY_ACCOUNT: Final = Refusal(
    code=RefusalCode.FORBIDDEN,
    message="the token sees some accounts only, and a corporate action is of all",
)


class LoadRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What accounts hold, all of it or nothing, and why.

    replace: also of accounts that have open orders, or have traded today.
    """

    positions: Annotated[list[PositionLine], msgspec.Meta(max_length=LINES_MAX)] = []
    cash: Annotated[list[CashLine], msgspec.Meta(max_length=LINES_MAX)] = []
    replace: bool = False
    reason: Reason


class SplitRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """numerator shares for every denominator, and why.

    price: at which a part of a share is paid out; left out: the reference price after the split. check: true
    for what it would do, of which nothing is done.
    """

    symbol: Text
    numerator: Annotated[int, msgspec.Meta(ge=1, le=RATIO_MAX)]
    denominator: Annotated[int, msgspec.Meta(ge=1, le=RATIO_MAX)]
    price: Price | msgspec.UnsetType = msgspec.UNSET
    check: bool = False
    reason: Reason


class RenameRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """A symbol, the one that what is held of it is to be held under, and why.

    check: true for what it would do, of which nothing is done.
    """

    symbol: Text
    new_symbol: Text
    check: bool = False
    reason: Reason


class Positions(View, frozen=True):
    """An account's positions, by symbol."""

    account_id: str
    positions: list[PositionView]


class CashEntries(View, frozen=True):
    """What moved an account's cash beside executions, the newest first."""

    entries: list[CashEntryView]


def position_operations(ports: Ports, clock: Clock) -> list[AnyOperation]:
    """Return the operations. Who may set limits moves cash, and says what accounts hold."""
    return [*_of_readers(ports, clock), *_of_changes(ports, clock)]


def _of_readers(ports: Ports, clock: Clock) -> list[AnyOperation]:
    async def positions(call: Call[NoQuery]) -> Positions | Refusal:
        account_id = call.path["accountId"]
        found = await handle_get_positions(ports, call.principal, account_id)
        return found if isinstance(found, Refusal) else Positions(account_id, found)

    async def pnl(call: Call[NoQuery]) -> PnlView | Refusal:
        return await handle_get_pnl(ports, call.principal, call.path["accountId"], clock())

    async def entries(call: Call[EntriesQuery]) -> CashEntries | Refusal:
        account_id = call.path["accountId"]
        refusal = await account_seen(ports, call.principal, account_id)
        if refusal is not None:
            return refusal
        return CashEntries(await ports.books.entries(account_id, call.query.limit))

    return [
        Operation(
            method="GET", path=f"{ACCOUNT}/positions", name="getPositions", tag=TAG, right=Right.READ,
            serve=positions, summary="An account's positions, at their marks", answers={200: Positions},
            table=Table("positions", PositionView),
        ),
        Operation(
            method="GET", path=f"{ACCOUNT}/pnl", name="getPnl", tag=TAG, right=Right.READ, serve=pnl,
            summary="An account's profit and loss and its cash, at the marks of now", answers={200: PnlView},
            table=Table("positions", PositionView),
        ),
        Operation(
            method="GET", path=f"{ACCOUNT}/cash-entries", name="listCashEntries", tag=TAG, right=Right.READ,
            serve=entries, summary="What moved an account's cash beside executions, newest first",
            query=EntriesQuery, answers={200: CashEntries}, table=Table("entries", CashEntryView),
        ),
    ]  # fmt: skip


def _of_changes(ports: Ports, clock: Clock) -> list[AnyOperation]:
    async def enter(call: Call[NoQuery]) -> CashEntryView | Refusal:
        asked, account_id, now = call.body(CashRequest), call.path["accountId"], clock()
        refusal = await account_seen(ports, call.principal, account_id)
        if refusal is not None:
            return refusal
        problem = money_problem(asked.amount, least=0)
        if problem:
            return invalid(FieldProblem(field="amount", message=f"{problem}, was {asked.amount:f}"))
        entry = NewEntry(
            entry_id=asked.entry_id if isinstance(asked.entry_id, UUID) else uuid7(),
            account_id=account_id,
            kind=asked.kind,
            amount=-asked.amount if asked.kind == _WITHDRAWAL else asked.amount,
            settles_on=rules_date(now),
        )
        by, reason = call.principal.subject, asked.reason.strip()
        found = await ports.books.enter(entry, entry.settles_on, now, by=by, reason=reason)
        if isinstance(found, TooLittleCash):
            message = f"must be at most the settled cash of {found.settled:f}, was {asked.amount:f}"
            return invalid(FieldProblem(field="amount", message=message))
        if isinstance(found, OtherEntry):
            message = f"entryId {entry.entry_id} is of another entry"
            return Refusal(code=RefusalCode.CONFLICT, message=message)
        return found

    async def load(call: Call[NoQuery]) -> LoadedView | Refusal:
        asked, now = call.body(LoadRequest), clock()
        found = await _lines(ports, call.principal, asked)
        if isinstance(found, Refusal):
            return found
        busy = await ports.books.load(
            found,
            rules_date(now),
            now,
            by=call.principal.subject,
            reason=asked.reason.strip(),
            replaces=asked.replace,
        )
        if not isinstance(busy, list):
            message = (
                f"must have no open orders and no trade of today unless replace is true, had"
                f" {busy.open_orders} and {busy.traded}"
            )
            return invalid(FieldProblem(field=f"{_place(asked, busy.index)}.accountId", message=message))
        refused = await _await_taken(ports, busy)
        return LoadedView(
            positions=len(asked.positions),
            cash=len(asked.cash),
            taken=refused == [],
            refused=refused or [],
        )

    async def rename(call: Call[NoQuery]) -> RenameView | Refusal:
        asked = call.body(RenameRequest)
        if not call.principal.sees_every_account:
            return _OF_EVERY_ACCOUNT
        problem = _rename_problem(ports, asked)
        if problem is not None:
            return invalid(problem)
        wanted = NewRename(symbol=asked.symbol, new_symbol=asked.new_symbol, check=asked.check)
        found = await ports.books.rename(
            wanted, clock(), by=call.principal.subject, reason=asked.reason.strip()
        )
        if isinstance(found, NotSplit):
            return invalid(FieldProblem(field="symbol", message=_not_split(asked.symbol, found)))
        if isinstance(found, NotRenamed):
            return invalid(FieldProblem(field="newSymbol", message=_not_renamed(asked, found)))
        view, actions = found
        if not view.done:
            return view
        return msgspec.structs.replace(view, taken=await _await_taken(ports, actions) is not None)

    async def split(call: Call[NoQuery]) -> SplitView | Refusal:
        asked = call.body(SplitRequest)
        if not call.principal.sees_every_account:
            return _OF_EVERY_ACCOUNT
        problem = _split_problem(ports, asked)
        if problem is not None:
            return invalid(problem)
        wanted = NewSplit(
            symbol=asked.symbol,
            numerator=asked.numerator,
            denominator=asked.denominator,
            price_micros=micros_of(asked.price) if isinstance(asked.price, Decimal) else None,
            check=asked.check,
        )
        found = await ports.books.split(
            wanted, clock(), by=call.principal.subject, reason=asked.reason.strip()
        )
        if isinstance(found, NotSplit):
            return invalid(FieldProblem(field="symbol", message=_not_split(asked.symbol, found)))
        view, actions = found
        if not view.done:
            return view
        return msgspec.structs.replace(view, taken=await _await_taken(ports, actions) is not None)

    return [
        Operation(
            method="POST", path="/api/v1/corporate-actions/split", name="splitSymbol", tag=TAG,
            right=Right.ADMIN, serve=split, summary="Split a halted symbol without open orders, or see what"
            " that would do", body=SplitRequest, noun="a split", answers={200: SplitView},
            example={"symbol": "DIS", "numerator": 3, "denominator": 2, "check": True,
                     "reason": "3 for 2 of 2 November"},
        ),
        Operation(
            method="POST", path="/api/v1/corporate-actions/rename", name="renameSymbol", tag=TAG,
            right=Right.ADMIN, serve=rename, summary="Hold what accounts have of a halted symbol without open"
            " orders under another symbol, or see what that would do", body=RenameRequest, noun="a rename",
            answers={200: RenameView},
            example={"symbol": "DIS", "newSymbol": "WMT", "check": True,
                     "reason": "new name from 2 November on"},
        ),
        Operation(
            method="POST", path=f"{ACCOUNT}/cash-entries", name="enterCash", tag=TAG, right=Right.LIMITS,
            serve=enter, summary="Deposit cash to an account, or withdraw what has settled of it",
            body=CashRequest, noun="a cash entry", answers={201: CashEntryView},
            refusals=[RefusalCode.CONFLICT],
            example={"kind": "DEPOSIT", "amount": "250000", "reason": "wire of 2 November"},
        ),
        Operation(
            method="POST", path="/api/v1/positions/load", name="loadPositions", tag=TAG, right=Right.LIMITS,
            serve=load, summary="Say what accounts hold at a start of day, all of it or nothing",
            body=LoadRequest, noun="a load of positions", answers={200: LoadedView},
            body_bytes_max=LOAD_BYTES_MAX,
            example={
                "positions": [
                    {"accountId": "ACC-INST-001", "symbol": "AAPL", "quantity": 100, "cost": "22700"}
                ],
                "cash": [{"accountId": "ACC-INST-001", "amount": "1000000"}],
                "reason": "the custodian's positions of last night",
            },
        ),
    ]  # fmt: skip


def _place(asked: LoadRequest, index: int) -> str:
    """Return what names a line: positions come before cash."""
    count = len(asked.positions)
    return f"positions[{index}]" if index < count else f"cash[{index - count}]"


async def _lines(ports: Ports, principal: Principal, asked: LoadRequest) -> list[OpeningLine] | Refusal:
    """Return the lines of a load, or everything that is wrong with them."""
    lines = [
        *(
            OpeningLine(account_id=one.account_id, symbol=one.symbol, quantity=one.quantity, amount=one.cost)
            for one in asked.positions
        ),
        *(OpeningLine(account_id=one.account_id, amount=one.amount) for one in asked.cash),
    ]
    if not lines:
        return invalid(FieldProblem(field="positions", message="must have a line, or cash must"))
    problems = _problems(ports, principal, asked, lines)
    if problems:
        # One may be known since a moment ago.
        await ports.reference.refresh()
        problems = _problems(ports, principal, asked, lines)
    return invalid(*problems[:PROBLEMS_MAX]) if problems else lines


def _problems(
    ports: Ports, principal: Principal, asked: LoadRequest, lines: Sequence[OpeningLine]
) -> list[FieldProblem]:
    problems: list[FieldProblem] = []
    seen: dict[tuple[str, str], int] = {}
    for index, line in enumerate(lines):
        at, field = _place(asked, index), "cost" if line.symbol else "amount"
        first = seen.setdefault((line.account_id, line.symbol), index)
        if first != index:
            message = f"must not be of the same account and symbol as {_place(asked, first)}"
            problems.append(FieldProblem(field=f"{at}.accountId", message=message))
        known = principal.sees(line.account_id) and ports.reference.account_exists(line.account_id)
        if not known:
            message = f"must be a known account, was {shown(line.account_id)}"
            problems.append(FieldProblem(field=f"{at}.accountId", message=message))
        if line.symbol and ports.reference.ticks(line.symbol) is None:
            message = f"must be a known symbol, was {shown(line.symbol)}"
            problems.append(FieldProblem(field=f"{at}.symbol", message=message))
        if problem := money_problem(line.amount) or (line.symbol and _cost_problem(line)):
            problems.append(FieldProblem(field=f"{at}.{field}", message=f"{problem}, was {line.amount:f}"))
    return problems


def _cost_problem(line: OpeningLine) -> str:
    """Return what is wrong with a cost beside its shares, empty for nothing."""
    if not line.quantity and line.amount:
        return "must be 0 of no shares"
    if line.amount * line.quantity < 0:
        return f"must have the sign of the {line.quantity} shares"
    return ""


def _split_problem(ports: Ports, asked: SplitRequest) -> FieldProblem | None:
    if ports.reference.ticks(asked.symbol) is None:
        return FieldProblem(field="symbol", message=f"must be a known symbol, was {shown(asked.symbol)}")
    if asked.numerator == asked.denominator:
        message = f"must be another than the denominator, was {asked.numerator}"
        return FieldProblem(field="numerator", message=message)
    if isinstance(asked.price, Decimal) and (problem := price_problem(asked.price, None)):
        return FieldProblem(field="price", message=f"{problem}, was {asked.price:f}")
    return None


def _rename_problem(ports: Ports, asked: RenameRequest) -> FieldProblem | None:
    for field, symbol in (("symbol", asked.symbol), ("newSymbol", asked.new_symbol)):
        if ports.reference.ticks(symbol) is None:
            return FieldProblem(field=field, message=f"must be a known symbol, was {shown(symbol)}")
    if asked.symbol == asked.new_symbol:
        return FieldProblem(field="newSymbol", message=f"must be another symbol, was {asked.symbol}")
    return None


def _not_renamed(asked: RenameRequest, found: NotRenamed) -> str:
    if found.holders:
        named = ", ".join(found.account_ids)
        return f"must be held by nobody who holds {asked.symbol}, was by {found.holders}: {named}"
    return f"must be ACTIVE, was {found.status}"


def _not_split(symbol: str, found: NotSplit) -> str:
    if not found.halted:
        return f"must be halted, was {symbol}, which trades"
    named = ", ".join(found.order_ids)
    return f"must have no open orders, had {found.open_orders}: {named}"


async def _await_taken(ports: Ports, actions: Sequence[UUID]) -> list[NotTakenView] | None:
    """Wait for cores to take actions. Returns what they have refused, None where some still wait."""
    loop = asyncio.get_running_loop()
    until = loop.time() + TAKEN_WAIT_S
    while (refused := await ports.books.taken(actions)) is None and loop.time() < until:
        await asyncio.sleep(TAKEN_LOOK_S)
    return refused
