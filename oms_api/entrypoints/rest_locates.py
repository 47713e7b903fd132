"""REST about where shares can be borrowed: a day's easy-to-borrow list, and locates with what is drawn."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Final

import msgspec

from oms_api.domain.principal import Principal, Right
from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode, invalid, shown
from oms_api.domain.terms import LOCATE_ID_LENGTH_MAX
from oms_api.entrypoints.csv_answers import Table
from oms_api.entrypoints.operation import AnyOperation, Call, NoQuery, Operation
from oms_api.entrypoints.request_fields import PROBLEMS_MAX
from oms_api.entrypoints.rest_exceptions import Reason
from oms_api.entrypoints.rest_market import Day
from oms_api.entrypoints.rest_orders import Text
from oms_api.entrypoints.rest_post_trade import read_day
from oms_api.ports import EasyView, LocateFilter, LocateLine, LocateView, Ports, View
from oms_platform.clock import Clock
from oms_platform.market_rules import rules_date

PATH: Final = "/api/v1/locates"
TAG: Final = "Locates"
LINES_MAX: Final = 1_000
SYMBOLS_MAX: Final = 10_000
LOAD_BYTES_MAX: Final = 512 * 1024
SHARES_MAX: Final = 10**9
# As an order names it, and it goes to venues: printable ASCII, no space at its ends.
Reference = Annotated[str, msgspec.Meta(max_length=LOCATE_ID_LENGTH_MAX, pattern=r"^[!-~](?:[ -~]*[!-~])?$")]
Broker = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[^\u0000]+$")]


class LocatesQuery(msgspec.Struct, rename="camel", kw_only=True):
    """Which locates. day: of today in New York if left out."""

    day: Day | None = None
    account_id: Text | None = None
    symbol: Text | None = None


class LocateRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """Shares that a lender has set aside for an account. reference: by which orders name it (locateId)."""

    account_id: Text
    symbol: Text
    reference: Reference
    broker: Broker
    quantity: Annotated[int, msgspec.Meta(ge=0, le=SHARES_MAX)]


class LocatesRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """Locates for the session of a day, and the symbols that need none in it; all of it or nothing, and why.

    day: of today in New York if left out. easyToBorrow: the whole list of the day; it stays if left out. A
    locate whose reference is known of the same day gets this quantity.
    """

    day: Day | None = None
    locates: Annotated[list[LocateRequest], msgspec.Meta(max_length=LINES_MAX)] = []
    easy_to_borrow: Annotated[list[Text], msgspec.Meta(max_length=SYMBOLS_MAX)] | None = None
    reason: Reason


class Locates(View, frozen=True, kw_only=True):
    """Locates of a day, by symbol and account, and its easy-to-borrow list, null where none is loaded."""

    day: date
    locates: list[LocateView]
    easy_to_borrow: EasyView | None


def locate_operations(ports: Ports, clock: Clock) -> list[AnyOperation]:
    """Return the operations. Who may set limits loads locates, and lists who sees every account."""

    async def locates(call: Call[LocatesQuery]) -> Locates | Refusal:
        query, day = call.query, read_day(call.query.day)
        if isinstance(day, Refusal):
            return day
        day = day or rules_date(clock())
        wanted = LocateFilter(
            day=day, accounts=call.principal.visible, account_id=query.account_id, symbol=query.symbol
        )
        return Locates(
            day=day,
            locates=await ports.locates.locates(wanted),
            easy_to_borrow=await ports.locates.easy(day),
        )

    async def load(call: Call[NoQuery]) -> Locates | Refusal:
        asked, now = call.body(LocatesRequest), clock()
        day = read_day(asked.day)
        if isinstance(day, Refusal):
            return day
        day = day or rules_date(now)
        if asked.easy_to_borrow is not None and not call.principal.sees_every_account:
            message = "the token sees some accounts only, and an easy-to-borrow list is of all"
            return Refusal(code=RefusalCode.FORBIDDEN, message=message)
        refusal = await _refused(ports, call.principal, asked, day, rules_date(now))
        if refusal is not None:
            return refusal
        lines = [_line(one) for one in asked.locates]
        other = await ports.locates.load(
            day, lines, asked.easy_to_borrow, now, by=call.principal.subject, reason=asked.reason.strip()
        )
        if other is not None:
            message = (
                f"must be of {day} and {shown(lines[other.index].broker)} as it was loaded first, was of"
                f" {other.valid_on} and {shown(other.broker)}"
            )
            return invalid(FieldProblem(field=f"locates[{other.index}].reference", message=message))
        named = {(line.account_id, line.symbol, line.reference) for line in lines}
        found = await ports.locates.locates(LocateFilter(day=day, accounts=call.principal.visible))
        return Locates(
            day=day,
            locates=[one for one in found if (one.account_id, one.symbol, one.reference) in named],
            easy_to_borrow=await ports.locates.easy(day),
        )

    return [
        Operation(
            method="GET", path=PATH, name="listLocates", tag=TAG, right=Right.READ, serve=locates,
            summary="A day's locates with what is drawn of them, and its easy-to-borrow list",
            query=LocatesQuery, answers={200: Locates}, table=Table("locates", LocateView),
        ),
        Operation(
            method="POST", path=f"{PATH}/load", name="loadLocates", tag=TAG, right=Right.LIMITS, serve=load,
            summary="Load a day's locates and its easy-to-borrow list, all of it or nothing",
            body=LocatesRequest, noun="a load of locates", answers={200: Locates},
            body_bytes_max=LOAD_BYTES_MAX,
            example={
                "locates": [
                    {"accountId": "ACC-INST-001", "symbol": "TSLA", "reference": "LOC-7741",
                     "broker": "Prime One", "quantity": 10_000}
                ],
                "easyToBorrow": ["AAPL", "MSFT"],
                "reason": "the prime broker's list of this morning",
            },
        ),
    ]  # fmt: skip


def _line(one: LocateRequest) -> LocateLine:
    return LocateLine(
        account_id=one.account_id,
        symbol=one.symbol,
        reference=one.reference,
        broker=one.broker,
        quantity=one.quantity,
    )


async def _refused(
    ports: Ports, principal: Principal, asked: LocatesRequest, day: date, today: date
) -> Refusal | None:
    """Return everything that is wrong with a load, None for nothing."""
    if not asked.locates and asked.easy_to_borrow is None:
        return invalid(FieldProblem(field="locates", message="must have a line, or easyToBorrow be given"))
    if day < today:
        return invalid(FieldProblem(field="day", message=f"must be {today} or later, was {day}"))
    problems = _problems(ports, principal, asked.locates, asked.easy_to_borrow or ())
    if problems:
        # One may be known since a moment ago.
        await ports.reference.refresh()
        problems = _problems(ports, principal, asked.locates, asked.easy_to_borrow or ())
    return invalid(*problems[:PROBLEMS_MAX]) if problems else None


def _problems(
    ports: Ports, principal: Principal, lines: Sequence[LocateRequest], easy: Sequence[str]
) -> list[FieldProblem]:
    problems: list[FieldProblem] = []
    seen: dict[tuple[str, str, str], int] = {}
    for index, line in enumerate(lines):
        at = f"locates[{index}]"
        first = seen.setdefault((line.account_id, line.symbol, line.reference), index)
        if first != index:
            message = f"must not be of the same account and symbol as locates[{first}]"
            problems.append(FieldProblem(field=f"{at}.reference", message=message))
        if not (principal.sees(line.account_id) and ports.reference.account_exists(line.account_id)):
            message = f"must be a known account, was {shown(line.account_id)}"
            problems.append(FieldProblem(field=f"{at}.accountId", message=message))
        if ports.reference.ticks(line.symbol) is None:
            message = f"must be a known symbol, was {shown(line.symbol)}"
            problems.append(FieldProblem(field=f"{at}.symbol", message=message))
    for index, symbol in enumerate(easy):
        if ports.reference.ticks(symbol) is None:
            message = f"must be a known symbol, was {shown(symbol)}"
            problems.append(FieldProblem(field=f"easyToBorrow[{index}]", message=message))
    return problems
