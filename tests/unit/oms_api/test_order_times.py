"""Until when an order is good, as the doors read it, and what they refuse before it is stored."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec import structs

from oms_api.domain.order_requests import read_change
from oms_api.domain.order_times import expiry_problem, read_expiry
from oms_api.domain.refusal import FieldProblem, Refusal
from oms_api.domain.terms import Known, read_terms
from oms_api.entrypoints import fix_reports, grpc_orders
from oms_api.entrypoints.grpc_messages import Contract
from oms_api.handlers import Placed
from oms_platform.market_rules import Ticks
from oms_platform.order_types import forces_after
from oms_platform.trading_calendar import AuctionRule, Calendar, Session
from oms_platform.vocabulary import AlgoStrategy, OrderChange, OrderTerms, TimeInForce
from tests.unit.oms_api.test_changes import state
from tests.unit.oms_api.test_handlers import FIRST, Fake, place

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
        ({"timeInForce": "GTD"}, "expireDate", "is required for a GTD order that has no expireTime"),
        (
            {"timeInForce": "GTD", "expireDate": "2026-11-27", "expireTime": "2026-11-27T17:00:00Z"},
            "expireTime",
            'must be left out beside expireDate, was "2026-11-27T17:00:00Z"',
        ),
        (
            {"timeInForce": "DAY", "expireDate": "2026-11-27"},
            "expireDate",
            'must be left out of an order that is DAY, was "2026-11-27"',
        ),
        (
            {"timeInForce": "IOC", "expireTime": 5},
            "expireTime",
            "must be left out of an order that is IOC, was 5",
        ),
        (
            {"timeInForce": "GTD", "expireDate": "27.11.2026"},
            "expireDate",
            'must be a date, like 2026-11-30, was "27.11.2026"',
        ),
        (
            {"timeInForce": "GTD", "expireDate": 20261127},
            "expireDate",
            "must be a date, like 2026-11-30, was 20261127",
        ),
        (
            {"timeInForce": "GTD", "expireTime": "2026-11-27T17:00:00"},
            "expireTime",
            'must be a time with its zone, like 2026-11-30T20:30:00Z, was "2026-11-27T17:00:00"',
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


AUCTIONS = [("OPG", "opening"), ("CLO", "closing")]
RULE = AuctionRule(effective_from=NOW.date(), lead=timedelta(hours=1), cutoff=timedelta(minutes=2))
WITH_AUCTIONS = Calendar(
    calendar_id="XNYS",
    zone="America/New_York",
    sessions=CALENDAR.sessions,
    openings=(RULE,),
    closings=(RULE,),
)
NEVER_CLOSES = Calendar(calendar_id="SIM", continuous_from=timedelta(0), openings=(RULE,), closings=(RULE,))


def read_at(calendar: Calendar, **content: Any) -> OrderTerms | dict[str, str]:
    known = structs.replace(KNOWN, calendar_of=lambda _symbol: calendar)
    found = read_terms(GOOD | content, channel="API", principal="p", known=known)
    return found if isinstance(found, OrderTerms) else {one.field: one.message for one in found}


@pytest.mark.parametrize(("force", "name"), AUCTIONS)
def test_an_order_for_an_auction_is_taken_where_its_market_has_one(force: str, name: str) -> None:
    for kind in ({}, {"orderType": "MARKET", "limitPrice": None}):
        terms = read_at(WITH_AUCTIONS, timeInForce=force, **kind)
        assert isinstance(terms, OrderTerms) and terms.time_in_force is TimeInForce[force]
    for calendar, why in ((NEVER_CLOSES, "which never closes"), (CALENDAR, "which has no rules for it")):
        assert read_at(calendar, timeInForce=force) == {
            "timeInForce": f"must be of a market that has the {name} auction, was {force} of calendar"
            f" {calendar.calendar_id}, {why}"
        }
    # Whether it comes in time is core's to say: content is only what it asks for.
    assert isinstance(read_at(WITH_AUCTIONS, timeInForce="DAY"), OrderTerms)


@pytest.mark.parametrize(("force", "_name"), AUCTIONS)
@pytest.mark.parametrize(
    ("content", "field", "message"),
    [
        (
            {"orderType": "STOP", "stopPrice": "9", "limitPrice": None},
            "timeInForce",
            "must be one of DAY, GTC, GTD of a STOP order, was {}",
        ),
        (
            {"orderType": "STOP_LIMIT", "stopPrice": "9"},
            "timeInForce",
            "must be one of DAY, GTC, GTD of a STOP_LIMIT order, was {}",
        ),
        ({"quantity": 9, "displayQty": 2}, "displayQty", "must be left out of an order that is {}, was 2"),
        ({"postOnly": True}, "postOnly", "must be left out of an order that is {}, was true"),
        ({"minQuantity": 1}, "minQuantity", "must be left out of an order that is {}, was 1"),
        (
            {"algo": {"strategy": "TWAP", "endAt": "2026-11-30T15:00:00Z"}},
            "timeInForce",
            "must be DAY or GTC of an order with an algo, was {}",
        ),
        (
            {"expireDate": "2026-11-27"},
            "expireDate",
            'must be left out of an order that is {}, was "2026-11-27"',
        ),
    ],
)
def test_what_no_auction_knows_is_refused_by_field(
    force: str, _name: str, content: dict[str, Any], field: str, message: str
) -> None:
    assert read_at(WITH_AUCTIONS, timeInForce=force, **content) == {field: message.format(force)}


@pytest.mark.parametrize(("force", "_name"), AUCTIONS)
def test_a_replace_makes_no_other_order_one_for_an_auction_and_none_of_one_for_it(
    force: str, _name: str
) -> None:
    assert forces_after(TimeInForce[force]) == (TimeInForce[force],)
    for other in TimeInForce:
        assert (TimeInForce[force] in forces_after(other)) is (other is TimeInForce[force])


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
    found = expiry_problem(until, {"expireTime": "as it was given"}, CALENDAR, NOW)
    assert (None if found is None else found.message) == message


@pytest.mark.parametrize("calendar", [CALENDAR, Calendar(calendar_id="SIM", continuous_from=timedelta(0))])
def test_a_date_that_is_past_is_told_as_it_was_given_and_not_as_its_close(calendar: Calendar) -> None:
    day = "2026-11-24"
    at, problems = read_expiry({"expireDate": day}, TimeInForce.GTD, calendar, required=True)
    assert at is not None and not problems
    found = expiry_problem(at, {"expireDate": day}, calendar, NOW)
    assert found == FieldProblem(
        field="expireDate",
        message="must be a session that ends after now, 2026-11-25T15:00:00Z, was 2026-11-24",
    )


def test_a_replace_may_leave_the_expiry_as_it_is() -> None:
    assert read_expiry({}, TimeInForce.GTD, CALENDAR, required=False) == (None, [])


def change(force: TimeInForce, content: dict[str, Any], **changes: Any) -> Any:
    found = read_change(content, state("ACKNOWLEDGED", time_in_force=force, **changes), None, CALENDAR, NOW)
    return found if isinstance(found, OrderChange) else [(one.field, one.message) for one in found]


TO_THE_27TH = datetime(2026, 11, 27, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("force", "content", "expected"),
    [
        (TimeInForce.GTD, {"expireDate": "2026-11-27"}, OrderChange(expire_at=TO_THE_27TH)),
        (
            TimeInForce.DAY,
            {"timeInForce": "GTD", "expireDate": "2026-11-27"},
            OrderChange(time_in_force=TimeInForce.GTD, expire_at=TO_THE_27TH),
        ),
        (TimeInForce.GTD, {"timeInForce": "GTC"}, OrderChange(time_in_force=TimeInForce.GTC)),
        (TimeInForce.GTD, {"timeInForce": "GTD"}, OrderChange(time_in_force=TimeInForce.GTD)),
        (TimeInForce.GTD, {"quantity": 5}, OrderChange(quantity=5)),
        (
            TimeInForce.GTC,
            {"timeInForce": "GTD"},
            [("expireDate", "is required for a GTD order that has no expireTime")],
        ),
        (
            TimeInForce.GTC,
            {"expireDate": "2026-11-27"},
            [("expireDate", 'must be left out of an order that is GTC, was "2026-11-27"')],
        ),
        (
            TimeInForce.GTD,
            {"expireTime": "2026-11-25T14:00:00Z"},
            [("expireTime", "must be after now, 2026-11-25T15:00:00Z, was 2026-11-25T14:00:00Z")],
        ),
        # Its session is over, and is still known.
        (
            TimeInForce.GTD,
            {"expireDate": "2026-11-24"},
            [("expireDate", "must be a session that ends after now, 2026-11-25T15:00:00Z, was 2026-11-24")],
        ),
        (
            TimeInForce.GTD,
            {"expireDate": "2026-11-26"},
            [("expireDate", "2026-11-26 is no session of calendar XNYS: the next one is 2026-11-27")],
        ),
        (
            TimeInForce.IOC,
            {"timeInForce": "GTD", "expireDate": "2026-11-27"},
            [("timeInForce", 'must be one of IOC, was "GTD"')],
        ),
    ],
)
def test_a_replace_of_its_time_is_read_or_refused_by_field(
    force: TimeInForce, content: dict[str, Any], expected: Any
) -> None:
    assert change(force, content) == expected


def test_an_algo_says_itself_when_it_ends_and_is_not_good_till_another_time() -> None:
    algo = {"strategy": "TWAP", "endAt": "2026-11-25T16:00:00Z"}
    problem = "must be DAY or GTC of an order with an algo, was GTD"
    assert read(timeInForce="GTD", expireDate="2026-11-27", algo=algo) == {"timeInForce": problem}
    assert change(
        TimeInForce.DAY,
        {"timeInForce": "GTD", "expireDate": "2026-11-27"},
        algo_strategy=AlgoStrategy.TWAP,
    ) == [("timeInForce", 'must be one of DAY, GTC, was "GTD"')]


def test_an_order_that_rests_till_a_time_shows_a_part_and_takes_nothing_as_any_that_rests() -> None:
    terms = read(timeInForce="GTD", expireDate="2026-11-27", quantity=300, displayQty=100, postOnly=True)
    assert isinstance(terms, OrderTerms)
    assert (terms.display_quantity, terms.post_only) == (100, True)


def test_a_late_order_is_refused_and_a_repeat_of_one_that_was_in_time_gets_its_first_answer() -> None:
    fake = Fake()
    given = {"timeInForce": "GTD", "expireTime": "2020-01-01T00:00:00Z"}
    refusal = place(fake, **given)
    assert isinstance(refusal, Refusal)
    assert [one.field for one in refusal.fields] == ["expireTime"]
    assert refusal.fields[0].message.startswith("must be after now, ")
    assert fake.orders == []
    fake.stored = FIRST
    placed = place(fake, **given)
    assert isinstance(placed, Placed) and not placed.created


def test_grpc_says_until_when_in_the_words_of_rest() -> None:
    until = Contract().kind("PlaceOrderRequest")(time_in_force=5, expire_date="2026-11-27")
    assert grpc_orders._content(until)["expireDate"] == "2026-11-27"
    later = Contract().kind("ReplaceOrderRequest")(time_in_force=5)
    later.expire_time.FromDatetime(datetime(2026, 11, 27, 17))
    content = grpc_orders._replace_content(later)
    assert change(TimeInForce.DAY, content) == OrderChange(
        time_in_force=TimeInForce.GTD, expire_at=datetime(2026, 11, 27, 17, tzinfo=UTC)
    )
    later.expire_time.seconds = 2**62
    ((field, message),) = change(TimeInForce.DAY, grpc_orders._replace_content(later))
    assert field == "expireTime" and message.startswith("must be a time with its zone")


def test_a_report_over_fix_says_until_when() -> None:
    terms = read(timeInForce="GTD", expireTime="2026-11-27T17:00:00Z")
    assert isinstance(terms, OrderTerms)
    values = dict(fix_reports._ordered(terms))
    assert (values[59], values[126]) == ("6", "20261127-17:00:00.000000")
