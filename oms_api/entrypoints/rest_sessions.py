"""REST about days of a calendar that are other than was loaded: closed early, closed, or one more."""

from datetime import date, datetime, time
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import msgspec

from oms_api.domain.principal import Right
from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode, invalid, shown
from oms_api.domain.session_changes import SessionTimes, removal_problem, session_problem
from oms_api.entrypoints.operation import AnyOperation, Call, NoQuery, Operation
from oms_api.entrypoints.rest_accounts import TAG, of_everybody
from oms_api.entrypoints.rest_exceptions import Reason
from oms_api.entrypoints.rest_market import CALENDARS, SessionView
from oms_api.entrypoints.rest_post_trade import read_day
from oms_api.ports import Ports
from oms_platform.clock import Clock
from oms_platform.trading_calendar import Calendar, Session

PATH: Final = f"{CALENDARS}/{{calendarId}}/sessions/{{day}}"
Wall = Annotated[str, msgspec.Meta(pattern=r"^(?:[01][0-9]|2[0-3]):[0-5][0-9]$", examples=["09:30"])]
_WHAT: Final = "to change when everybody trades"


class SessionRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """When a day's session is, by the clock of the calendar's zone, and why.

    opens, closes: as they are if left out; of a day that has none yet both are given. earlyClose: whether it
    closes earlier than usual.
    """

    opens: Wall | None = None
    closes: Wall | None = None
    early_close: bool = False
    reason: Reason


class SessionRemovalQuery(msgspec.Struct, rename="camel", kw_only=True):
    """Why the day is closed."""

    reason: Reason


def session_operations(ports: Ports, clock: Clock) -> list[AnyOperation]:
    """Return the operations. When a market trades is everybody's, and so takes a token of every account."""

    async def found(call: Call[NoQuery] | Call[SessionRemovalQuery]) -> tuple[Calendar, date] | Refusal:
        refusal = of_everybody(call.principal, _WHAT)
        if refusal is not None:
            return refusal
        name, day = call.path["calendarId"], read_day(call.path["day"])
        if isinstance(day, Refusal) or day is None:
            return invalid(FieldProblem(field="day", message="must be a day such as 2026-11-27"))
        known = [one for one in await ports.market.calendars(day) if one.calendar_id == name]
        if not known:
            return Refusal(code=RefusalCode.NOT_FOUND, message=f"no calendar {shown(name)}")
        if known[0].continuous_from is not None:
            message = f"calendar {name} never closes, and has no sessions"
            return Refusal(code=RefusalCode.CONFLICT, message=message)
        return known[0], day

    async def put(call: Call[NoQuery]) -> SessionView | Refusal:
        asked, place = call.body(SessionRequest), await found(call)
        if isinstance(place, Refusal):
            return place
        calendar, day = place
        was = _session_of(calendar, day)
        opens = _at(asked.opens, day, calendar, None if was is None else was.opens_at)
        closes = _at(asked.closes, day, calendar, None if was is None else was.closes_at)
        missing = [name for name, at in (("opens", opens), ("closes", closes)) if at is None]
        if opens is None or closes is None:
            message = f"is required: {day} has no session yet"
            return invalid(*(FieldProblem(field=name, message=message) for name in missing))
        wanted = Session(session_date=day, opens_at=opens, closes_at=closes, early_close=asked.early_close)
        refusal = session_problem(_times(was), SessionTimes(opens, closes), clock())
        if refusal is not None:
            return refusal
        by, reason = call.principal.subject, asked.reason.strip()
        if not await ports.market.set_session(calendar.calendar_id, was, wanted, by=by, reason=reason):
            return _changed_meanwhile(calendar, day)
        await ports.reference.reload()
        return _view(wanted)

    async def remove(call: Call[SessionRemovalQuery]) -> SessionView | Refusal:
        place = await found(call)
        if isinstance(place, Refusal):
            return place
        calendar, day = place
        was = _session_of(calendar, day)
        if was is None:
            message = f"calendar {calendar.calendar_id} has no session on {day}"
            return Refusal(code=RefusalCode.NOT_FOUND, message=message)
        refusal = removal_problem(SessionTimes(was.opens_at, was.closes_at), clock())
        if refusal is not None:
            return refusal
        by, reason = call.principal.subject, call.query.reason.strip()
        if not await ports.market.set_session(calendar.calendar_id, was, None, by=by, reason=reason):
            return _changed_meanwhile(calendar, day)
        await ports.reference.reload()
        return _view(was)

    return [
        Operation(
            method="PUT", path=PATH, name="setSession", tag=TAG, right=Right.ADMIN, serve=put,
            summary="Set when a market trades on a day: an early close, or a day that was not loaded",
            body=SessionRequest, noun="a session", answers={200: SessionView},
            refusals=[RefusalCode.CONFLICT],
            example={"opens": "09:30", "closes": "13:00", "earlyClose": True, "reason": "a holiday's eve"},
        ),
        Operation(
            method="DELETE", path=PATH, name="removeSession", tag=TAG, right=Right.ADMIN, serve=remove,
            summary="Close a market for a day", query=SessionRemovalQuery, answers={200: SessionView},
            refusals=[RefusalCode.CONFLICT],
        ),
    ]  # fmt: skip


def _session_of(calendar: Calendar, day: date) -> Session | None:
    return next(iter(calendar.between(day, day)), None)


def _times(session: Session | None) -> SessionTimes | None:
    return None if session is None else SessionTimes(session.opens_at, session.closes_at)


def _at(wall: str | None, day: date, calendar: Calendar, otherwise: datetime | None) -> datetime | None:
    """Return a time of a day by the clock of the calendar's zone."""
    if wall is None:
        return otherwise
    local = datetime.combine(day, time.fromisoformat(wall), ZoneInfo(calendar.zone))
    return local.astimezone(ZoneInfo("UTC"))


def _view(session: Session) -> SessionView:
    return SessionView(session.session_date, session.opens_at, session.closes_at, session.early_close)


def _changed_meanwhile(calendar: Calendar, day: date) -> Refusal:
    message = f"somebody has changed {day} of calendar {calendar.calendar_id} meanwhile: read it again"
    return Refusal(code=RefusalCode.CONFLICT, message=message)
