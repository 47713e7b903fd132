"""When a session is to be logged on, in a zone of its own, and when its numbers begin at 1 again.

The law of this file: times are the zone's wall clock, whatever it does in spring and autumn: an hour that
does not exist begins when it would have, one that comes twice counts the first time.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

DAYS: Final = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_TIME: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?")
# A session day may be a week away.
_DAYS_AHEAD: Final = 8


class Schedule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The hours of a session. days: those on which it starts; end: at or before start, on the day after.

    zone: an IANA name. start, end, reset_at: HH:MM or HH:MM:SS, wall clock of the zone. reset_at: from then
    on each day the next logon begins both sides' numbers at 1 (141=Y); empty: they go on from day to day.
    """

    zone: str
    start: str
    end: str
    days: tuple[str, ...] = DAYS[:5]
    reset_at: str = ""

    def __post_init__(self) -> None:
        """Check every field. Raises ValueError that says what was expected and what was found."""
        try:
            ZoneInfo(self.zone)
        except (ValueError, LookupError, OSError):
            raise ValueError(
                f"zone: expected an IANA zone, such as America/New_York, found {self.zone!r}"
            ) from None
        for name, value in (("start", self.start), ("end", self.end), ("reset_at", self.reset_at)):
            if _TIME.fullmatch(value) is None and (value or name != "reset_at"):
                raise ValueError(f"{name}: expected a time HH:MM or HH:MM:SS, found {value!r}")
        wrong = sorted({*self.days} - {*DAYS})
        if wrong or not self.days or len({*self.days}) < len(self.days):
            raise ValueError(f"days: expected some of {', '.join(DAYS)}, each once, found {list(self.days)}")

    def started_at(self, now: datetime) -> datetime | None:
        """Return when the session that runs at `now` started (UTC), None when none runs."""
        return next((start for start, end in self._sessions(now, -1, 1) if start <= now < end), None)

    def ends_at(self, now: datetime) -> datetime | None:
        """Return when the session that runs at `now` ends (UTC), None when none runs."""
        return next((end for start, end in self._sessions(now, -1, 1) if start <= now < end), None)

    def starts_at(self, now: datetime) -> datetime:
        """Return when the next session after `now` starts (UTC)."""
        return next(start for start, _ in self._sessions(now, -1, _DAYS_AHEAD) if start > now)

    def reset_due(self, began_at: datetime, now: datetime) -> bool:
        """Say whether numbers that began at `began_at` are to begin again."""
        if not self.reset_at:
            return False
        zone = ZoneInfo(self.zone)
        today = now.astimezone(zone).date()
        newest = max(
            at
            for day in (today - timedelta(days=1), today)
            if (at := _instant(day, self.reset_at, zone)) <= now
        )
        return began_at < newest

    def shown_start(self, now: datetime) -> str:
        """Write when the next session starts as people of its zone would."""
        return f"{self.starts_at(now).astimezone(ZoneInfo(self.zone)):%Y-%m-%d %H:%M:%S} {self.zone}"

    def _sessions(self, now: datetime, first: int, last: int) -> Iterator[tuple[datetime, datetime]]:
        """Yield (start, end), UTC, of the sessions that start on the days from `first` to `last` from now."""
        zone = ZoneInfo(self.zone)
        today = now.astimezone(zone).date()
        overnight = time.fromisoformat(self.end) <= time.fromisoformat(self.start)
        for offset in range(first, last + 1):
            day = today + timedelta(days=offset)
            if DAYS[day.weekday()] in self.days:
                end = _instant(day + timedelta(days=1 if overnight else 0), self.end, zone)
                yield _instant(day, self.start, zone), end


def _instant(day: date, wall: str, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.fromisoformat(wall), zone).astimezone(UTC)
