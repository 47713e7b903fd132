"""Auctions as rows: which rule counts in which session, and which auction an order of a time is for."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from oms_platform.market_rows import calendars_of
from oms_platform.trading_calendar import AuctionChance, AuctionRule, Calendar
from oms_platform.vocabulary import AuctionTimes, TimeInForce

OPG, CLO = TimeInForce.OPG, TimeInForce.CLO
MONDAY, SECOND = date(2026, 11, 2), timedelta(seconds=1)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


# Monday, a half day on Tuesday, and Wednesday, from which on another rule of the close counts.
SESSIONS = [
    ("XNYS", date(2026, 11, 2), at(2, 14, 30), at(2, 21), False),
    ("XNYS", date(2026, 11, 3), at(3, 14, 30), at(3, 18), True),
    ("XNYS", date(2026, 11, 4), at(4, 14, 30), at(4, 21), False),
]
RULES = [
    ("XNYS", "OPENING", MONDAY, 3600, 120),
    ("XNYS", "CLOSING", MONDAY, 3600, 600),
    ("XNYS", "CLOSING", date(2026, 11, 4), 1800, 300),
]
XNYS, SIM = calendars_of([("XNYS", "America/New_York", None, 1), ("SIM", "UTC", time(0), 1)], SESSIONS, RULES)


def closing(day: int, hour: int, lead_s: int, cutoff_s: int) -> AuctionTimes:
    close = at(day, hour)
    return AuctionTimes(at=close, sent_from=close - lead_s * SECOND, taken_until=close - cutoff_s * SECOND)


MONDAYS, TUESDAYS, WEDNESDAYS = (
    closing(2, 21, 3600, 600), closing(3, 18, 3600, 600), closing(4, 21, 1800, 300)
)  # fmt: skip


def test_rows_are_rules_of_their_calendar_and_their_auction() -> None:
    assert XNYS.openings == (
        AuctionRule(effective_from=MONDAY, lead=timedelta(hours=1), cutoff=timedelta(minutes=2)),
    )
    assert [one.effective_from for one in XNYS.closings] == [MONDAY, date(2026, 11, 4)]
    assert (SIM.openings, SIM.closings) == ((), ())


@pytest.mark.parametrize(
    ("now", "chance"),
    [
        (at(1, 0), AuctionChance(MONDAYS)),
        (at(2, 20, 50) - SECOND, AuctionChance(MONDAYS)),
        (at(2, 20, 50), AuctionChance(None, MONDAYS, TUESDAYS)),
        (at(2, 21) - SECOND, AuctionChance(None, MONDAYS, TUESDAYS)),
        (at(2, 21), AuctionChance(TUESDAYS)),
        (at(3, 17, 50), AuctionChance(None, TUESDAYS, WEDNESDAYS)),
        (at(3, 18), AuctionChance(WEDNESDAYS)),
        (at(4, 20, 55) - SECOND, AuctionChance(WEDNESDAYS)),
        (at(4, 20, 55), AuctionChance(None, WEDNESDAYS, None)),
        (at(4, 21), AuctionChance()),
    ],
)
def test_an_order_is_for_the_auction_of_its_session_or_too_late_for_it(
    now: datetime, chance: AuctionChance
) -> None:
    assert XNYS.auction_chance(CLO, now) == chance


def test_the_opening_is_missed_until_its_session_has_ended() -> None:
    opens, following = at(2, 14, 30), at(3, 14, 30)
    for now in (opens - timedelta(minutes=2), opens, at(2, 21) - SECOND):
        chance = XNYS.auction_chance(OPG, now)
        assert chance.auction is None and chance.missed is not None and chance.following is not None
        assert (chance.missed.at, chance.following.at) == (opens, following)
    for now in (opens - timedelta(minutes=2) - SECOND, at(2, 21)):
        chance = XNYS.auction_chance(OPG, now)
        assert chance.auction is not None
        assert chance.auction.at == (opens if now < opens else following)


def test_a_session_before_the_first_rule_has_no_auction() -> None:
    late = AuctionRule(effective_from=date(2026, 11, 3), lead=timedelta(hours=1), cutoff=timedelta(0))
    calendar = Calendar(calendar_id="XNYS", sessions=XNYS.sessions, openings=(late,))
    assert calendar.auction_chance(OPG, at(2, 0)) == AuctionChance()
    auction = calendar.auction_chance(OPG, at(2, 22)).auction
    assert auction is not None and auction.taken_until == auction.at == at(3, 14, 30)


@pytest.mark.parametrize("force", [OPG, CLO])
def test_a_market_that_never_closes_or_has_no_rules_has_no_auctions(force: TimeInForce) -> None:
    assert XNYS.has_auction(force)
    rules = (AuctionRule(effective_from=MONDAY, lead=timedelta(hours=1), cutoff=timedelta(0)),)
    continuous = Calendar(calendar_id="SIM", continuous_from=timedelta(0), openings=rules, closings=rules)
    for calendar in (SIM, continuous, Calendar(calendar_id="XNYS", sessions=XNYS.sessions)):
        assert not calendar.has_auction(force)
        assert calendar.auction_chance(force, at(2, 0)) == AuctionChance()
