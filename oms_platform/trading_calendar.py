"""When a market trades: its sessions as data, and what a time is within them. Pure; times are UTC.

A session is from its opening on and up to its close, without it. A calendar that is not continuous is open in
the sessions that are known and at no other time: what nobody has loaded is closed.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from oms_platform.vocabulary import AuctionTimes, TimeInForce

_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5


class Session(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One day's trading. session_date: in the calendar's zone. early_close: it is shorter than others."""

    session_date: date
    opens_at: datetime
    closes_at: datetime
    early_close: bool = False


class AuctionRule(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """When orders for a market's auction are sent and taken, in sessions from a date on.

    lead: venue orders leave from so long before it on. cutoff: and are taken up to so long before it.
    """

    effective_from: date
    lead: timedelta
    cutoff: timedelta


class AuctionChance(NamedTuple):
    """The auction that an order of now would be for; None: it comes too late, or there is none.

    missed: the auction that it came too late for. following: the one after it. None for not known.
    """

    auction: AuctionTimes | None = None
    missed: AuctionTimes | None = None
    following: AuctionTimes | None = None


class Phase(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a calendar says of a time: whether it trades, until when that holds, and the last close before.

    until None: nobody knows. last_close None: none is known.
    """

    open: bool
    until: datetime | None = None
    last_close: datetime | None = None


class Calendar(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A market's sessions, the earliest first; or one that never closes.

    continuous_from: the time of the zone's day at which a market that never closes begins its next session.
    openings, closings: the rules of its auctions, the earliest first; a market without them has none.
    settlement_days: after how many sessions the cash of a trade settles.
    """

    calendar_id: str
    zone: str = "UTC"
    continuous_from: timedelta | None = None
    sessions: tuple[Session, ...] = ()
    openings: tuple[AuctionRule, ...] = ()
    closings: tuple[AuctionRule, ...] = ()
    settlement_days: int = 1

    def auction_chance(self, force: TimeInForce, now: datetime) -> AuctionChance:
        """Return which auction an OPG or CLO order of now is for: that of this session, or of the next one.

        What comes after a session's cut-off is not for the next session until that one has ended.
        """
        place = bisect_right(self.sessions, now, key=_close)
        coming = [self._auction(force, session) for session in self.sessions[place : place + 2]]
        first, following = (*coming, None, None)[:2]
        if first is None or now < first.taken_until:
            return AuctionChance(first)
        return AuctionChance(None, first, following)

    def has_auction(self, force: TimeInForce) -> bool:
        """Whether the market has auctions of this kind."""
        return self.continuous_from is None and bool(self._auction_rules(force))

    def _auction_rules(self, force: TimeInForce) -> tuple[AuctionRule, ...]:
        return self.openings if force is TimeInForce.OPG else self.closings

    def _auction(self, force: TimeInForce, session: Session) -> AuctionTimes | None:
        found = [one for one in self._auction_rules(force) if one.effective_from <= session.session_date]
        if not found:
            return None
        at = session.opens_at if force is TimeInForce.OPG else session.closes_at
        return AuctionTimes(at=at, sent_from=at - found[-1].lead, taken_until=at - found[-1].cutoff)

    def phase(self, now: datetime) -> Phase:
        """Return what the calendar says of a time."""
        if self.continuous_from is not None:
            session = self._continuous(now)
            return Phase(open=True, until=session.closes_at, last_close=session.opens_at)
        place = bisect_right(self.sessions, now, key=_opening)
        begun, coming = self.sessions[:place][-2:], self.sessions[place : place + 1]
        if begun and now < begun[-1].closes_at:
            before = begun[-2].closes_at if len(begun) > 1 else None
            return Phase(open=True, until=begun[-1].closes_at, last_close=before)
        return Phase(
            open=False,
            until=coming[0].opens_at if coming else None,
            last_close=begun[-1].closes_at if begun else None,
        )

    def session_at(self, at: datetime) -> Session | None:
        """Return the session that a time is in; None between two, and of a market that never closes."""
        place = bisect_right(self.sessions, at, key=_opening)
        found = self.sessions[place - 1] if place else None
        return found if found is not None and at < found.closes_at else None

    def trades_until(self, at: datetime) -> datetime:
        """Return when an order that is good until `at` can trade for the last time: then, or at the close
        after which the market does not open again before it. Of a day that is not known: `at`.
        """
        place = bisect_left(self.sessions, at, key=_opening)
        last = self.last_known
        if self.continuous_from is not None or not place or last is None:
            return at
        is_known = at.astimezone(ZoneInfo(self.zone)).date() <= last.session_date
        return min(at, self.sessions[place - 1].closes_at) if is_known else at

    def from_day(self, day: date) -> Session | None:
        """Return the session of a day, or else the first one after it; None when none is known."""
        if self.continuous_from is not None:
            return self._of_day(day)
        return next((one for one in self.sessions if one.session_date >= day), None)

    def settles_on(self, day: date) -> date:
        """Return the date on which the cash of a trade of a day settles.

        By the sessions after that day; where too few are known, or the day is before all that are, and in a
        market that never closes, by the days from Monday to Friday.
        """
        place = bisect_right(self.sessions, day, key=_date)
        after = self.sessions[place : place + self.settlement_days]
        if not self.settlement_days:
            return day
        if self.continuous_from is None and place and len(after) == self.settlement_days:
            return after[-1].session_date
        left = self.settlement_days
        while left:
            day += _DAY
            left -= day.weekday() < _SATURDAY
        return day

    @property
    def last_known(self) -> Session | None:
        """The last session that is known; None of a market that never closes, and of one without sessions."""
        return self.sessions[-1] if self.sessions else None

    def between(self, first: date, last: date) -> tuple[Session, ...]:
        """Return the sessions of the days from `first` to `last`."""
        if self.continuous_from is None:
            return tuple(one for one in self.sessions if first <= one.session_date <= last)
        days = range((last - first).days + 1)
        return tuple(self._of_day(first + day * _DAY) for day in days)

    def _continuous(self, now: datetime) -> Session:
        local = now.astimezone(ZoneInfo(self.zone)).replace(tzinfo=None)
        day = (local - (self.continuous_from or timedelta(0))).date()
        # Where the clock is put back or on, a wall's time is not always what it seems.
        near = (self._of_day(day + shift * _DAY) for shift in (0, -1, 1))
        return next(one for one in near if one.opens_at <= now < one.closes_at)

    def _of_day(self, day: date) -> Session:
        return Session(session_date=day, opens_at=self._turn(day), closes_at=self._turn(day + _DAY))

    def _turn(self, day: date) -> datetime:
        wall = datetime.combine(day, time(0)) + (self.continuous_from or timedelta(0))
        return wall.replace(tzinfo=ZoneInfo(self.zone)).astimezone(UTC)


def _opening(session: Session) -> datetime:
    return session.opens_at


def _close(session: Session) -> datetime:
    return session.closes_at


def _date(session: Session) -> date:
    return session.session_date


# Days whose settlement is remembered: trades of one day ask for it each time.
_SETTLEMENTS_MAX: Final = 1_000


class Hours:
    """The phases of several calendars, each asked for again only when its time is over."""

    def __init__(self, calendars: Iterable[Calendar] = ()) -> None:
        self._calendars = {calendar.calendar_id: calendar for calendar in calendars}
        self._phases: dict[str, Phase] = {}
        self._settlements: dict[tuple[str, date], date] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The calendars' ids."""
        return tuple(self._calendars)

    def last_close_known(self, calendar_id: str) -> datetime | None:
        """Return when the last session that is known closes; None for a market that never closes, or none."""
        sessions = self._calendars[calendar_id].sessions
        return sessions[-1].closes_at if sessions else None

    def is_continuous(self, calendar_id: str) -> bool:
        """Whether a market never closes."""
        return self._calendars[calendar_id].continuous_from is not None

    def session_at(self, calendar_id: str, at: datetime) -> Session | None:
        """Return the session of a calendar that a time is in; None between two, and where it never closes."""
        return self._calendars[calendar_id].session_at(at)

    def trades_until(self, calendar_id: str, at: datetime) -> datetime:
        """Return when an order that is good until `at` can trade for the last time (`Calendar`)."""
        return self._calendars[calendar_id].trades_until(at)

    def settles_on(self, calendar_id: str, day: date) -> date:
        """Return the date on which the cash of a trade of a day settles (`Calendar`)."""
        found = self._settlements.get((calendar_id, day))
        if found is None:
            if len(self._settlements) >= _SETTLEMENTS_MAX:
                self._settlements.clear()
            found = self._settlements[calendar_id, day] = self._calendars[calendar_id].settles_on(day)
        return found

    def auction_chance(self, calendar_id: str, force: TimeInForce, now: datetime) -> AuctionChance:
        """Return which auction of a market an OPG or CLO order of now is for."""
        return self._calendars[calendar_id].auction_chance(force, now)

    def phase(self, calendar_id: str, now: datetime) -> Phase:
        """Return what a calendar says of a time that is not before the last one asked for."""
        known = self._phases.get(calendar_id)
        if known is None or known.until is None or now >= known.until:
            known = self._phases[calendar_id] = self._calendars[calendar_id].phase(now)
        return known


# Of worlds without a database: simulations and fakes.
EVER_OPEN: Final = Calendar(
    calendar_id="EVER_OPEN",
    sessions=(
        Session(
            session_date=date(1970, 1, 1),
            opens_at=datetime(1970, 1, 1, tzinfo=UTC),
            closes_at=datetime(9999, 1, 1, tzinfo=UTC),
        ),
    ),
)
