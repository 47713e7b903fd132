"""An exchange's sessions, from the library that knows them, into the table that services read."""

from datetime import UTC, date, datetime

import exchange_calendars
import psycopg

from oms_platform.errors import ConfigurationError
from oms_platform.postgres import act_as
from oms_platform.trading_calendar import Calendar, Session

_UPSERT = (
    "INSERT INTO calendars (calendar_id, zone) VALUES (%s, %s)"
    " ON CONFLICT (calendar_id) DO UPDATE SET zone = EXCLUDED.zone, continuous_from = NULL"
)
_DROP_OTHERS = """
DELETE FROM calendar_sessions c WHERE calendar_id = %s AND session_date BETWEEN %s AND %s
AND NOT EXISTS (SELECT FROM unnest(%s::text[], %s::date[], %s::timestamptz[], %s::timestamptz[],
                                   %s::boolean[])
                AS loaded (calendar_id, session_date, opens_at, closes_at, early_close)
                WHERE (loaded.calendar_id, loaded.session_date, loaded.opens_at, loaded.closes_at,
                       loaded.early_close)
                    = (c.calendar_id, c.session_date, c.opens_at, c.closes_at, c.early_close))
"""


def exchange_calendar(name: str, first: date, last: date) -> Calendar:
    """Return an exchange's sessions from `first` to `last`, by its MIC. Raises ConfigurationError."""
    if name not in exchange_calendars.get_calendar_names(include_aliases=False):
        raise ConfigurationError(
            f"expected an exchange that exchange_calendars knows, by its MIC, was {name!r}"
        )
    try:
        known = exchange_calendars.get_calendar(name, start=first.isoformat(), end=last.isoformat())
    except (ValueError, exchange_calendars.errors.CalendarError) as error:
        raise ConfigurationError(f"{name} cannot be loaded from {first} to {last}: {error}") from error
    early = {day.date() for day in known.early_closes}
    return Calendar(
        calendar_id=name,
        zone=known.tz.key,
        sessions=tuple(
            Session(
                session_date=day.date(),
                opens_at=opens.to_pydatetime().astimezone(UTC),
                closes_at=closes.to_pydatetime().astimezone(UTC),
                early_close=day.date() in early,
            )
            for day, opens, closes in known.schedule[["open", "close"]].itertuples()
        ),
    )


def store_calendar(dsn: str, calendar: Calendar, first: date, last: date, by: str = "") -> None:
    """Replace a calendar's sessions from `first` to `last` by these, in one transaction. by: who does."""
    rows = [
        (calendar.calendar_id, one.session_date, one.opens_at, one.closes_at, one.early_close)
        for one in calendar.sessions
    ]
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        act_as(connection, by, "oms calendar load")
        cursor.execute(_UPSERT, (calendar.calendar_id, calendar.zone))
        # What is there already stays as it is: the audit is told of what changes.
        cursor.execute(_DROP_OTHERS, (calendar.calendar_id, first, last, *_columns(rows)))
        cursor.executemany(
            "INSERT INTO calendar_sessions VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING", rows
        )


def _columns(rows: list[tuple[str, date, datetime, datetime, bool]]) -> list[list[object]]:
    return [[row[place] for row in rows] for place in range(5)]
