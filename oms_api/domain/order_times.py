"""Until when an order is good, as a client states it: a session's date or a time; and if that is to come.

The law of this file: what a client stated is one thing, whether its time has passed by now another. Only the
first is content, so that a repeat of an order gets its first answer also when its time is over.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final

from oms_api.domain.refusal import FieldProblem, shown
from oms_platform.order_types import AUCTION_NAMES, AUCTIONS
from oms_platform.trading_calendar import Calendar, Session
from oms_platform.vocabulary import TimeInForce

# An order may be good for so long at most.
AHEAD_MAX: Final = timedelta(days=3_660)
EXPIRY_FIELDS: Final = ("expireDate", "expireTime")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)


def read_expiry(
    content: Mapping[str, object], force: TimeInForce | None, calendar: Calendar | None, *, required: bool
) -> tuple[datetime | None, list[FieldProblem]]:
    """Check the two fields that say until when an order is good. Returns that, None for not given.

    force: the order's time in force, None where that is wrong. calendar: its instrument's, None where that is
    not known. required: of a GTD order it has to be given.
    """
    given = {name: content[name] for name in EXPIRY_FIELDS if content.get(name) is not None}
    if force is not TimeInForce.GTD:
        if not given or force is None:
            return None, []
        field = next(iter(given))
        message = f"must be left out of an order that is {force.name}, was {shown(given[field])}"
        return None, [_problem(field, message)]
    if not given:
        message = "is required for a GTD order that has no expireTime"
        return None, [_problem("expireDate", message)] if required else []
    if len(given) > 1:
        message = f"must be left out beside expireDate, was {shown(given['expireTime'])}"
        return None, [_problem("expireTime", message)]
    if "expireTime" in given:
        at = read_time(given["expireTime"])
        said = shown(given["expireTime"])
        problem = f"must be a time with its zone, like 2026-11-30T20:30:00Z, was {said}"
        return (at, []) if at is not None else (None, [_problem("expireTime", problem)])
    day = read_date(given["expireDate"])
    if day is None:
        message = f"must be a date, like 2026-11-30, was {shown(given['expireDate'])}"
        return None, [_problem("expireDate", message)]
    if calendar is None:
        return None, []
    session = _session_of(day, calendar)
    if isinstance(session, str):
        return None, [_problem("expireDate", session)]
    return session.closes_at, []


def _problem(field: str, message: str) -> FieldProblem:
    return FieldProblem(field=field, message=message)


def read_date(value: object) -> date | None:
    """Read YYYY-MM-DD; None if it is no date."""
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def read_time(value: object) -> datetime | None:
    """Read a time with its zone, to the microsecond, as UTC; None if it is none."""
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _session_of(day: date, calendar: Calendar) -> Session | str:
    """Return a day's session, or why it has none that an order could end with."""
    last = calendar.last_known
    first = calendar.sessions[0].session_date if calendar.sessions else day
    if day < first:
        return f"{day} is past: sessions of calendar {calendar.calendar_id} are kept from {first} on"
    try:
        session = calendar.from_day(day)
    except OverflowError:
        session = None
    if session is None:
        known = "no session is" if last is None else f"the last session that is known is {last.session_date}"
        return f"{day} is beyond what is known of calendar {calendar.calendar_id}: {known}"
    if session.session_date != day:
        return (
            f"{day} is no session of calendar {calendar.calendar_id}: the next one is {session.session_date}"
        )
    return session


def _given_field(content: Mapping[str, object]) -> str:
    """Return by which field a client says until when an order is good."""
    return "expireDate" if content.get("expireDate") is not None else "expireTime"


def expiry_problem(
    expire_at: datetime, content: Mapping[str, object], calendar: Calendar, now: datetime
) -> FieldProblem | None:
    """Return what is wrong with a time until which an order is to be good, or None.

    content: as its client said it. A date is told as that, and not as the close that it means.
    """
    field = _given_field(content)
    is_date = field == "expireDate"
    said = str(content[field]) if is_date else _text(expire_at)
    if expire_at <= now:
        wanted = "a session that ends after now" if is_date else "after now"
        return _problem(field, f"must be {wanted}, {_text(now)}, was {said}")
    last = calendar.last_known
    bound = now + AHEAD_MAX if calendar.continuous_from is not None else last.closes_at if last else now
    if expire_at > bound:
        message = f"must be up to {_text(bound)}, as far as calendar {calendar.calendar_id} is known"
        return _problem(field, f"{message}, was {said}")
    return None


def auction_problem(force: TimeInForce, calendar: Calendar) -> FieldProblem | None:
    """Return why a market has no auction that an order is for, None where it has or the order is for none."""
    if force not in AUCTIONS or calendar.has_auction(force):
        return None
    why = "never closes" if calendar.continuous_from is not None else "has no rules for it"
    market = f"calendar {calendar.calendar_id}, which {why}"
    message = f"must be of a market that has the {AUCTION_NAMES[force]} auction, was {force.name} of {market}"
    return _problem("timeInForce", message)


def _text(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
