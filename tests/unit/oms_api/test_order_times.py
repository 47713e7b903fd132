"""Until when an order is good, as the doors read it, and what they refuse before it is stored."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from oms_api.domain.order_times import expiry_problem, read_expiry
from oms_api.domain.terms import Known, read_terms
from oms_platform.market_rules import Ticks
from oms_platform.trading_calendar import Calendar, Session
from oms_platform.vocabulary import OrderTerms, TimeInForce

_NEW_YORK = ZoneInfo("America/New_York")


def session(day: int, closes: int = 16) -> Session:
    date = datetime(2026, 11, day, tzinfo=_NEW_YORK)
    return Session(
        session_date=date.date(),
        opens_at=(date + timedelta(hours=9, minutes=30)).astimezone(UTC),
        closes_at=(date + timedelta(hours=closes)).astimezone(UTC),
        early_close=closes != 16,
    )


# Thanksgiving week: the 26th is a holiday, the 27th a half day.
CALENDAR = Calendar(
    calendar_id="XNYS",
    zone="America/New_York",
    sessions=(session(24), session(25), session(27, closes=13), session(30)),
)
NOW = datetime(2026, 11, 25, 15, tzinfo=UTC)
KNOWN = Known(
    ticks_of=lambda _symbol: Ticks(),
    round_lot_of=lambda _symbol, _price: 100,
    account_exists=lambda _account: True,
    profile_exists=lambda _profile: True,
    venue_exists=lambda _venue: True,
    calendar_of=lambda _symbol: CALENDAR,
)
GOOD = {
    "clientOrderId": "c", "accountId": "A", "symbol": "S", "side": "BUY", "orderType": "LIMIT",
    "quantity": 1, "limitPrice": "10",
}  # fmt: skip


def read(**content: Any) -> OrderTerms | dict[str, str]:
    found = read_terms(GOOD | content, channel="API", principal="p", known=KNOWN)
    return found if isinstance(found, OrderTerms) else {one.field: one.message for one in found}


@pytest.mark.parametrize(
    ("content", "until"),
    [
        ({"expireDate": "2026-11-25"}, datetime(2026, 11, 25, 21, tzinfo=UTC)),
        # With its half day, not at the hour of other days.
        ({"expireDate": "2026-11-27"}, datetime(2026, 11, 27, 18, tzinfo=UTC)),
        ({"expireTime": "2026-11-27T12:00:00-05:00"}, datetime(2026, 11, 27, 17, tzinfo=UTC)),
        ({"expireTime": "2026-11-27T17:00:00.25Z"}, datetime(2026, 11, 27, 17, 0, 0, 250_000, tzinfo=UTC)),
    ],
)
def test_an_order_good_till_a_date_ends_with_that_session_and_one_till_a_time_then(
    content: dict[str, str], until: datetime
) -> None:
    terms = read(timeInForce="GTD", **content)
    assert isinstance(terms, OrderTerms) and terms.expire_at == until


@pytest.mark.parametrize(
    ("content", "field", "message"),
    [
        ({"timeInForce": "GTD"}, "expireDate", "or expireTime is required for a GTD order"),
        (
            {"timeInForce": "GTD", "expireDate": "2026-11-27", "expireTime": "2026-11-27T17:00:00Z"},
            "expireTime",
            "must be left out beside expireDate: exactly one is given",
        ),
        ({"timeInForce": "DAY", "expireDate": "2026-11-27"}, "expireDate", "must be left out of a DAY order"),
        ({"timeInForce": "IOC", "expireTime": "x"}, "expireTime", "must be left out of a IOC order"),
        ({"timeInForce": "GTD", "expireDate": "27.11.2026"}, "expireDate", "must be a date, like 2026-11-30"),
        ({"timeInForce": "GTD", "expireDate": 20261127}, "expireDate", "must be a date, like 2026-11-30"),
        (
            {"timeInForce": "GTD", "expireTime": "2026-11-27T17:00:00"},
            "expireTime",
            "must be a time with its zone, like 2026-11-30T20:30:00Z",
        ),
        # A holiday, and a weekend.
        (
            {"timeInForce": "GTD", "expireDate": "2026-11-26"},
            "expireDate",
            "2026-11-26 is no session of calendar XNYS: the next one is 2026-11-27",
        ),
        (
            {"timeInForce": "GTD", "expireDate": "2026-11-28"},
            "expireDate",
            "2026-11-28 is no session of calendar XNYS: the next one is 2026-11-30",
        ),
        (
            {"timeInForce": "GTD", "expireDate": "2026-12-01"},
            "expireDate",
            "2026-12-01 is beyond what is known of calendar XNYS:"
            " the last session that is known is 2026-11-30",
        ),
    ],
)
def test_what_no_order_is_good_till_is_refused_by_field(
    content: dict[str, Any], field: str, message: str
) -> None:
    assert read(**content) == {field: message}


@pytest.mark.parametrize("force", ["OPG", "CLO"])
def test_no_door_takes_an_order_for_an_auction(force: str) -> None:
    found = read(timeInForce=force)
    assert isinstance(found, dict) and list(found) == ["timeInForce"]


@pytest.mark.parametrize(
    ("until", "message"),
    [
        (NOW, "must be after now, 2026-11-25T15:00:00Z, was 2026-11-25T15:00:00Z"),
        (NOW - timedelta(days=1), "must be after now, 2026-11-25T15:00:00Z, was 2026-11-24T15:00:00Z"),
        (NOW + timedelta(seconds=1), None),
        (CALENDAR.sessions[-1].closes_at, None),
        (
            CALENDAR.sessions[-1].closes_at + timedelta(seconds=1),
            "must be up to 2026-11-30T21:00:00Z, as far as calendar XNYS is known, was 2026-11-30T21:00:01Z",
        ),
    ],
)
def test_a_time_that_is_past_or_beyond_what_is_known_is_refused(until: datetime, message: str | None) -> None:
    found = expiry_problem(until, "expireTime", CALENDAR, NOW)
    assert (None if found is None else found.message) == message


def test_a_replace_may_leave_the_expiry_as_it_is() -> None:
    assert read_expiry({}, TimeInForce.GTD, CALENDAR, required=False) == (None, [])
