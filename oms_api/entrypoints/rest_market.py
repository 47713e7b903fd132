"""REST about the market: when it trades, and what is halted."""

from datetime import date, datetime, timedelta
from typing import Annotated, Final

import msgspec

from oms_api.domain.principal import Principal, Right
from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode, invalid, shown
from oms_api.entrypoints.operation import AnyOperation, Call, NoQuery, Operation
from oms_api.entrypoints.rest_exceptions import Reason, ReasonRequest
from oms_api.ports import HaltView, Instant, Ports, View
from oms_platform.clock import Clock
from oms_platform.trading_calendar import Calendar

TAG: Final = "The market"
CALENDARS: Final = "/api/v1/calendars"
HALTS: Final = "/api/v1/halts"
ROWS_MAX: Final = 500
DAYS_MAX: Final = 1_000
DAYS: Final = timedelta(days=14)
Day = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d{2}-\d{2}$", examples=["2026-11-27"])]


class SessionsQuery(msgspec.Struct, rename="camel", kw_only=True):
    """Which days' sessions, in the calendar's zone."""

    first: Annotated[Day | None, msgspec.Meta(description="The first day; today without it.")] = None
    last: Annotated[Day | None, msgspec.Meta(description="The last day; two weeks later without it.")] = None


class HaltsQuery(msgspec.Struct, rename="camel", kw_only=True):
    """Which halts, newest first."""

    all: Annotated[bool, msgspec.Meta(description="Also those that were lifted.")] = False


class HaltRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What to halt, and why."""

    symbol: Annotated[str, msgspec.Meta(pattern=r"^[^\u0000]+$")]
    reason: Reason


class CalendarView(View, frozen=True):
    """A market's hours. until: when it closes, or opens next; null when no session is known.

    is_continuous: it never closes; its day ends all the same.
    """

    calendar_id: str
    zone: str
    is_continuous: bool
    is_open: bool
    until: Instant | None
    last_close: Instant | None


class SessionView(View, frozen=True):
    """A day's trading, from opens_at on and up to closes_at."""

    session_date: date
    opens_at: Instant
    closes_at: Instant
    early_close: bool


class Calendars(View, frozen=True):
    """Every calendar, by id."""

    calendars: list[CalendarView]


class CalendarSessions(View, frozen=True):
    """A calendar and its sessions, the earliest first."""

    calendar: CalendarView
    sessions: list[SessionView]


class Halts(View, frozen=True):
    """Halts, newest first."""

    halts: list[HaltView]


def market_operations(ports: Ports, clock: Clock) -> list[AnyOperation]:
    """Return the operations. Who may stop trading, of every account, halts and lifts."""
    return [*_of_hours(ports, clock), *_of_halts(ports)]


def _of_hours(ports: Ports, clock: Clock) -> list[AnyOperation]:
    async def calendars(_call: Call[NoQuery]) -> Calendars:
        now = clock()
        return Calendars([_view(one, now) for one in await ports.market.calendars()])

    async def sessions(call: Call[SessionsQuery]) -> CalendarSessions | Refusal:
        name, now = call.path["calendarId"], clock()
        days = _days(call.query, now)
        if isinstance(days, Refusal):
            return days
        found = [one for one in await ports.market.calendars(days[0]) if one.calendar_id == name]
        if not found:
            return Refusal(code=RefusalCode.NOT_FOUND, message=f"no calendar {shown(name)}")
        views = [
            SessionView(one.session_date, one.opens_at, one.closes_at, one.early_close)
            for one in found[0].between(*days)
        ]
        return CalendarSessions(_view(found[0], now), views)

    return [
        Operation(
            method="GET", path=CALENDARS, name="listCalendars", tag=TAG, right=Right.READ, serve=calendars,
            summary="When markets trade", answers={200: Calendars},
        ),
        Operation(
            method="GET", path=f"{CALENDARS}/{{calendarId}}", name="getCalendar", tag=TAG, right=Right.READ,
            serve=sessions, summary="A calendar's sessions", query=SessionsQuery,
            answers={200: CalendarSessions},
        ),
    ]  # fmt: skip


def _view(calendar: Calendar, now: datetime) -> CalendarView:
    phase = calendar.phase(now)
    is_continuous = calendar.continuous_from is not None
    return CalendarView(
        calendar.calendar_id, calendar.zone, is_continuous, phase.open, phase.until, phase.last_close
    )


def _days(query: SessionsQuery, now: datetime) -> tuple[date, date] | Refusal:
    problems = []
    found: dict[str, date] = {}
    for field, text in (("first", query.first), ("last", query.last)):
        try:
            if text is not None:
                found[field] = date.fromisoformat(text)
        except ValueError:
            problems.append(FieldProblem(field=field, message=f"must be a day, was {shown(text)}"))
    if problems:
        return invalid(*problems)
    first = found.get("first", now.date())
    last = found.get("last", min(first, date.max - DAYS) + DAYS)
    if not 0 <= (last - first).days <= DAYS_MAX or first.year == 1 or last.year == date.max.year:
        message = f"must be from 0 to {DAYS_MAX} days after {first}, was {last}"
        return invalid(FieldProblem(field="last", message=message))
    return first, last


def _of_halts(ports: Ports) -> list[AnyOperation]:
    async def halts(call: Call[HaltsQuery]) -> Halts:
        return Halts(await ports.market.halts(lifted=call.query.all, rows_max=ROWS_MAX))

    async def halt(call: Call[NoQuery]) -> HaltView | Refusal:
        if not call.principal.sees_every_account:
            return _of_others_too(call.principal)
        symbol, reason = str(call.content["symbol"]), str(call.content["reason"]).strip()
        if ports.reference.ticks(symbol) is None:
            await ports.reference.refresh()
        if ports.reference.ticks(symbol) is None:
            return invalid(FieldProblem(field="symbol", message=f"unknown symbol {shown(symbol)}"))
        found = await ports.market.halt(symbol, call.principal.subject, reason)
        if found is None:
            return Refusal(code=RefusalCode.CONFLICT, message=f"{symbol} is halted already", status="HALTED")
        return found

    async def lift(call: Call[NoQuery]) -> HaltView | Refusal:
        if not call.principal.sees_every_account:
            return _of_others_too(call.principal)
        symbol, reason = call.path["symbol"], str(call.content["reason"]).strip()
        found = await ports.market.lift(symbol, call.principal.subject, reason)
        if found is None:
            return Refusal(code=RefusalCode.NOT_FOUND, message=f"{shown(symbol)} is not halted")
        return found

    return [
        Operation(
            method="GET", path=HALTS, name="listHalts", tag=TAG, right=Right.READ, serve=halts,
            summary="What is halted, newest first", query=HaltsQuery, answers={200: Halts},
        ),
        Operation(
            method="POST", path=HALTS, name="setHalt", tag=TAG, right=Right.STOP, serve=halt,
            summary="Halt a symbol: new orders are denied, nothing is routed or sent; cancels go on",
            body=HaltRequest, noun="a halt", example={"symbol": "AAPL", "reason": "news is pending"},
            answers={201: HaltView}, refusals=[RefusalCode.CONFLICT],
        ),
        Operation(
            method="POST", path=f"{HALTS}/{{symbol}}/lift", name="liftHalt", tag=TAG, right=Right.STOP,
            serve=lift, summary="Let a symbol trade again", body=ReasonRequest, noun="a reason",
            example={"reason": "the news is out"}, answers={200: HaltView},
        ),
    ]  # fmt: skip


def _of_others_too(principal: Principal) -> Refusal:
    accounts = len(principal.accounts)
    message = f"a symbol is others' too: it takes a token of every account, was one of {accounts}"
    return Refusal(code=RefusalCode.FORBIDDEN, message=message)
