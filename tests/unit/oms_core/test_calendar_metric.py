"""The gauge that says how far calendars are loaded."""

from datetime import UTC, date, datetime, timedelta

from oms_core import metrics
from oms_core.domain.desk import Desk
from oms_core.domain.risk import InstrumentTerms
from oms_platform.trading_calendar import Calendar, Hours, Session

OPENS = datetime(2026, 11, 27, 14, 30, tzinfo=UTC)


def test_the_gauge_says_when_the_last_session_closes_of_calendars_that_are_used_and_close() -> None:
    session = Session(session_date=date(2026, 11, 27), opens_at=OPENS, closes_at=OPENS + timedelta(hours=3))
    calendars = (
        Calendar(calendar_id="ONE", sessions=(session,)),
        Calendar(calendar_id="EMPTY"),
        Calendar(calendar_id="UNUSED"),
        Calendar(calendar_id="EVER", continuous_from=timedelta(0)),
    )
    desk = Desk(
        hours=Hours(calendars),
        instruments={
            name: InstrumentTerms(symbol=name, active=True, calendar_id=name)
            for name in ("ONE", "EMPTY", "EVER")
        },
    )
    metrics.count_desk(desk)
    found = {
        sample.labels["calendar"]: sample.value
        for metric in metrics.calendar_end.collect()
        for sample in metric.samples
        if sample.labels["calendar"] in {calendar.calendar_id for calendar in calendars}
    }
    assert found == {"ONE": session.closes_at.timestamp(), "EMPTY": 0}
