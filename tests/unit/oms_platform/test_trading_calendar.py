"""What a calendar says of a time: at each edge of a session, over holidays, and where the clock changes."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import structs

from oms_platform.trading_calendar import EVER_OPEN, Calendar, Hours, Phase, Session


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def session(day: str, opens: str, closes: str, *, early: bool = False) -> Session:
    return Session(
        session_date=date.fromisoformat(day),
        opens_at=at(f"{day}T{opens}"),
        closes_at=at(f"{day}T{closes}"),
        early_close=early,
    )


WEEK = Calendar(
    calendar_id="XNYS",
    zone="America/New_York",
    sessions=(
        session("2026-11-25", "14:30", "21:00"),
        session("2026-11-27", "14:30", "18:00", early=True),
        session("2026-11-30", "14:30", "21:00"),
    ),
)


@pytest.mark.parametrize(
    ("now", "is_open", "until", "last_close"),
    [
        ("2026-11-25T14:29:59", False, "2026-11-25T14:30", None),
        ("2026-11-25T14:30:00", True, "2026-11-25T21:00", None),
        ("2026-11-25T20:59:59", True, "2026-11-25T21:00", None),
        ("2026-11-25T21:00:00", False, "2026-11-27T14:30", "2026-11-25T21:00"),
        # Thanksgiving, and the half day after it.
        ("2026-11-26T16:00:00", False, "2026-11-27T14:30", "2026-11-25T21:00"),
        ("2026-11-27T17:59:59", True, "2026-11-27T18:00", "2026-11-25T21:00"),
        ("2026-11-27T18:00:00", False, "2026-11-30T14:30", "2026-11-27T18:00"),
        ("2026-11-30T21:00:00", False, None, "2026-11-30T21:00"),
    ],
)
def test_a_session_is_from_its_opening_up_to_its_close(
    now: str, is_open: bool, until: str | None, last_close: str | None
) -> None:
    expected = Phase(
        open=is_open,
        until=None if until is None else at(until),
        last_close=None if last_close is None else at(last_close),
    )
    assert WEEK.phase(at(now)) == expected


def test_what_nobody_has_loaded_is_closed() -> None:
    assert Calendar(calendar_id="XLON").phase(at("2026-11-25T12:00")) == Phase(open=False)


@pytest.mark.parametrize(
    ("good_till", "last"),
    [
        # Before what is known, at an opening, in a session, at its close, and behind it.
        ("2026-11-24T20:00", "2026-11-24T20:00"),
        ("2026-11-25T14:30", "2026-11-25T14:30"),
        ("2026-11-25T16:00", "2026-11-25T16:00"),
        ("2026-11-25T21:00", "2026-11-25T21:00"),
        ("2026-11-25T21:00:01", "2026-11-25T21:00"),
        # A day without a session, the usual close of one that closes early, the opening after it.
        ("2026-11-26T21:00", "2026-11-25T21:00"),
        ("2026-11-27T21:00", "2026-11-27T18:00"),
        ("2026-11-30T14:30", "2026-11-27T18:00"),
        # The evening of the last day that is known, in New York, and a day that is not.
        ("2026-12-01T04:59", "2026-11-30T21:00"),
        ("2026-12-01T05:00", "2026-12-01T05:00"),
    ],
)
def test_what_is_good_till_a_time_trades_until_then_or_until_the_close_before_it(
    good_till: str, last: str
) -> None:
    assert WEEK.trades_until(at(good_till)) == at(last)
    assert Hours((WEEK,)).trades_until("XNYS", at(good_till)) == at(last)
    for calendar in (EVER_OPEN, Calendar(calendar_id="SIM", continuous_from=timedelta(0))):
        assert calendar.trades_until(at(good_till)) == at(good_till)


@given(st.integers(0, 6 * 24 * 3600).map(lambda shift: at("2026-11-25T14:31") + timedelta(seconds=shift)))
def test_nothing_trades_between_that_close_and_the_time(good_till: datetime) -> None:
    last = WEEK.trades_until(good_till)
    assert last <= good_till
    assert last == good_till or not WEEK.phase(last).open
    until = WEEK.phase(last).until
    assert last == good_till or until is None or until >= good_till


def test_sessions_between_two_days() -> None:
    found = WEEK.between(date(2026, 11, 26), date(2026, 11, 27))
    assert [(one.session_date, one.early_close) for one in found] == [(date(2026, 11, 27), True)]


ZONES = st.sampled_from(("UTC", "America/New_York", "Europe/London", "Australia/Lord_Howe", "Asia/Kathmandu"))
TIMES = st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1)).map(lambda one: one.replace(tzinfo=UTC))
# The hours in which clocks are put on and back.
CHANGES = st.tuples(
    st.sampled_from(("2026-03-08T06:00", "2026-11-01T05:00", "2026-03-29T00:00", "2026-10-25T00:00")),
    st.integers(-7200, 14400),
).map(lambda one: at(one[0]) + timedelta(seconds=one[1]))


@given(ZONES, st.integers(0, 24 * 3600 - 1), TIMES | CHANGES)
# A day that turns at 02:30 where that time is left out, and at 01:30 where it comes twice.
@example("America/New_York", 9_000, at("2026-03-08T07:10"))
@example("America/New_York", 5_400, at("2026-11-01T06:10"))
def test_a_market_that_never_closes_is_open_at_every_time_and_its_days_follow_each_other(
    zone: str, turns_s: int, now: datetime
) -> None:
    market = Calendar(calendar_id="SIM", zone=zone, continuous_from=timedelta(seconds=turns_s))
    phase = market.phase(now)
    assert phase.open and phase.last_close is not None and phase.until is not None
    assert phase.last_close <= now < phase.until
    assert timedelta(hours=22) <= phase.until - phase.last_close <= timedelta(hours=26)
    assert market.phase(phase.until).last_close == phase.until
    assert market.phase(phase.until - timedelta(microseconds=1)).until == phase.until


def test_a_phase_is_asked_for_again_when_its_time_is_over() -> None:
    hours = Hours((WEEK, EVER_OPEN))
    assert hours.names == ("XNYS", "EVER_OPEN")
    assert [
        hours.phase("XNYS", at(now)).open
        for now in ("2026-11-25T14:00", "2026-11-25T14:29", "2026-11-25T14:30", "2026-11-25T21:00")
    ] == [False, False, True, False]
    assert hours.phase("EVER_OPEN", at("2026-11-26T03:00")).open


@pytest.mark.parametrize(
    ("day", "days", "settles_on"),
    [
        ("2026-11-25", 0, "2026-11-25"),
        # Thanksgiving has no session.
        ("2026-11-25", 1, "2026-11-27"),
        ("2026-11-26", 1, "2026-11-27"),
        ("2026-11-25", 2, "2026-11-30"),
        # Of the week after it nothing is known: from Monday to Friday.
        ("2026-11-27", 2, "2026-12-01"),
        ("2026-11-30", 1, "2026-12-01"),
        ("2026-12-04", 1, "2026-12-07"),
        # Before the first session that is known.
        ("2026-11-20", 2, "2026-11-24"),
    ],
)
def test_cash_settles_so_many_sessions_after_its_trade(day: str, days: int, settles_on: str) -> None:
    calendar = structs.replace(WEEK, settlement_days=days)
    assert calendar.settles_on(date.fromisoformat(day)) == date.fromisoformat(settles_on)


def test_a_market_that_never_closes_settles_from_monday_to_friday() -> None:
    around = Calendar(calendar_id="SIM", continuous_from=timedelta(0), settlement_days=2)
    for calendar in (around, structs.replace(EVER_OPEN, settlement_days=2)):
        assert calendar.settles_on(date(2026, 11, 27)) == date(2026, 12, 1)
