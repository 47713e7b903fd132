"""One script of a trading day on days of every kind: around both changes of the clock, a half day, a holiday.

The sessions are those of the New York Stock Exchange as `oms calendar load XNYS` reads them.
"""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from oms_core.domain.denials import DenialCode
from oms_platform.trading_calendar import AuctionRule, Calendar
from oms_platform.vocabulary import ExecType, TimeInForce
from oms_tools.cli.exchange_sessions import exchange_calendar
from tests.unit.oms_core.scene import Scene

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
SINCE = date(2007, 8, 20)
OPENING = AuctionRule(effective_from=SINCE, lead=60 * MINUTE, cutoff=2 * MINUTE)
CLOSING = AuctionRule(effective_from=SINCE, lead=60 * MINUTE, cutoff=10 * MINUTE)
XNYS = replace(
    exchange_calendar("XNYS", date(2026, 1, 2), date(2026, 12, 31)), openings=(OPENING,), closings=(CLOSING,)
)
# A day of trading, when it opens and closes by UTC, and when the next one opens.
DAYS = [
    # The last session of winter time and the first of summer time, with a week-end between.
    ("2026-03-06", "14:30", "21:00", "2026-03-09T13:30"),
    ("2026-03-09", "13:30", "20:00", "2026-03-10T13:30"),
    # And back.
    ("2026-10-30", "13:30", "20:00", "2026-11-02T14:30"),
    ("2026-11-02", "14:30", "21:00", "2026-11-03T14:30"),
    # The day before Thanksgiving, and the half day after it.
    ("2026-11-25", "14:30", "21:00", "2026-11-27T14:30"),
    ("2026-11-27", "14:30", "18:00", "2026-11-30T14:30"),
    ("2026-12-24", "14:30", "18:00", "2026-12-28T14:30"),
]
# Days without a session: holidays, and days of a week-end on which the clock changes.
CLOSED = [
    ("2026-11-26", "2026-11-27T14:30"),
    ("2026-07-03", "2026-07-06T13:30"),
    ("2026-12-25", "2026-12-28T14:30"),
    ("2026-03-08", "2026-03-09T13:30"),
    ("2026-11-01", "2026-11-02T14:30"),
]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def market(now: datetime, calendar: Calendar = XNYS) -> Scene:
    return Scene(calendar=calendar, now=now)


def denial(scene: Scene, time_in_force: TimeInForce = TimeInForce.DAY) -> str:
    return scene.state(scene.order(time_in_force=time_in_force)).text


def routed(scene: Scene, *orders: UUID) -> list[int]:
    """Return how many routes were asked for of each order."""
    asked = [request.order_id for request in scene.route_requests()]
    return [asked.count(order_id) for order_id in orders]


def text_of(at_time: datetime) -> str:
    return at_time.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(("day", "opens", "closes", "next_open"), DAYS)
def test_a_day_from_before_its_opening_to_the_opening_of_the_next(
    day: str, opens: str, closes: str, next_open: str
) -> None:
    opening, close = at(f"{day}T{opens}"), at(f"{day}T{closes}")
    scene = market(opening - SECOND)
    for force in (TimeInForce.DAY, TimeInForce.IOC, TimeInForce.FOK):
        assert denial(scene, force) == (
            f"MARKET_CLOSED: symbol=AAPL, calendar=XNYS, next_open={day}T{opens}:00Z"
        )
    # What may carry over waits for the open.
    early = scene.order(time_in_force=TimeInForce.GTC)
    till_close = scene.order(time_in_force=TimeInForce.GTD, expire_at=close)
    for order_id in (early, till_close):
        assert scene.quantities(order_id) == ("ACKNOWLEDGED", 0, 300)
        assert scene.state(order_id).text == f"waits for the open at {text_of(opening)}"
    scene.step(0)
    assert routed(scene, early, till_close) == [0, 0]

    scene.now = opening
    scene.step()
    scene.step()
    assert routed(scene, early, till_close) == [1, 1]
    assert scene.state(early).text == ""
    for order_id in (early, till_close):
        scene.place(order_id, ("XNYS", 300))
    day_order, gtc = scene.order(), scene.order(time_in_force=TimeInForce.GTC)
    for order_id in (day_order, gtc):
        scene.place(order_id, ("XNYS", 300))

    scene.now = close - SECOND
    scene.step()
    late = scene.order()
    scene.step()
    assert scene.quantities(day_order)[0] == scene.quantities(late)[0] == "ACKNOWLEDGED"

    # The session ends: DAY orders with it, GTC not. What a venue gives back of it is not routed now.
    scene.now = close
    assert denial(scene) == f"MARKET_CLOSED: symbol=AAPL, calendar=XNYS, next_open={next_open}:00Z"
    over_night = scene.order(time_in_force=TimeInForce.GTC)
    assert scene.state(over_night).text == f"waits for the open at {next_open}:00Z"
    scene.step()
    assert scene.quantities(till_close)[0] == "PENDING_CANCEL"
    scene.report(till_close, ExecType.CANCELED)
    assert scene.quantities(till_close) == ("EXPIRED", 0, 0)
    assert scene.state(till_close).text == f"it was good till {text_of(close)}"
    scene.step(5)
    scene.step()
    assert scene.quantities(day_order)[0] == scene.quantities(late)[0] == "PENDING_CANCEL"
    scene.report(day_order, ExecType.CANCELED)
    scene.place(late, refused=True)
    assert scene.quantities(day_order) == scene.quantities(late) == ("EXPIRED", 0, 0)
    asked = len(scene.route_requests())
    scene.report(gtc, ExecType.EXPIRED)
    assert scene.state(gtc).text == f"waits for the open at {next_open}:00Z"
    scene.now = at(next_open) - SECOND
    scene.step()
    scene.step()
    assert scene.quantities(gtc) == ("ACKNOWLEDGED", 0, 300)
    assert len(scene.route_requests()) == asked

    # It goes on with the next opening, and is good for a third session.
    scene.now = at(next_open)
    for _ in range(3):
        scene.step(1)
    assert [one.order_id for one in scene.route_requests()[asked:]] == [over_night, gtc]


@pytest.mark.parametrize(("day", "opens", "closes", "next_open"), DAYS)
def test_the_auctions_of_a_day_are_at_its_opening_and_its_close(
    day: str, opens: str, closes: str, next_open: str
) -> None:
    opening, close = at(f"{day}T{opens}"), at(f"{day}T{closes}")
    scene = market(opening - OPENING.lead - SECOND)
    early, at_close = scene.order(time_in_force=TimeInForce.OPG), scene.order(time_in_force=TimeInForce.CLO)
    for order_id, name, auction_at in ((early, "opening", opening), (at_close, "closing", close)):
        sent_from = text_of(auction_at - OPENING.lead)
        text = f"waits for the {name} auction at {text_of(auction_at)}, is sent from {sent_from} on"
        assert scene.state(order_id).text == text
    scene.step(1)
    assert routed(scene, early, at_close) == [1, 0]
    scene.place(early, ("XNYS", 300))

    scene.now = opening - OPENING.cutoff
    assert denial(scene, TimeInForce.OPG) == (
        f"AUCTION_MISSED: symbol=AAPL, auction=opening, taken_until={text_of(scene.now)},"
        f" next_auction={next_open}:00Z"
    )
    scene.now = opening + SECOND
    scene.fill(early, 100)
    scene.report(early, ExecType.CANCELED, text="not executed in the cross")
    assert scene.quantities(early) == ("EXPIRED", 100, 0)

    scene.now = close - CLOSING.lead
    scene.step()
    scene.step()
    assert routed(scene, early, at_close) == [1, 1]
    scene.place(at_close, ("XNYS", 300))
    scene.now = close - CLOSING.cutoff
    following = next(one.closes_at for one in XNYS.sessions if text_of(one.opens_at) == f"{next_open}:00Z")
    assert denial(scene, TimeInForce.CLO) == (
        f"AUCTION_MISSED: symbol=AAPL, auction=closing, taken_until={text_of(scene.now)},"
        f" next_auction={text_of(following)}"
    )
    # The cross prints a moment after the close, when DAY orders have ended.
    scene.now = close + SECOND
    scene.step()
    scene.step(5)
    assert scene.quantities(at_close) == ("ACKNOWLEDGED", 0, 300)
    scene.fill(at_close, 300)
    assert scene.quantities(at_close) == ("FILLED", 300, 0)
    # And what comes now is for the next day's.
    for force in (TimeInForce.OPG, TimeInForce.CLO):
        auction = scene.state(scene.order(time_in_force=force)).auction
        assert auction is not None
        assert auction.at == (at(next_open) if force is TimeInForce.OPG else following)


@pytest.mark.parametrize(("day", "next_open"), CLOSED)
def test_a_day_without_a_session_takes_no_order_and_ends_none(day: str, next_open: str) -> None:
    scene = market(at(f"{day}T15:00"))
    for time_in_force in (TimeInForce.DAY, TimeInForce.IOC, TimeInForce.FOK):
        assert denial(scene, time_in_force) == (
            f"MARKET_CLOSED: symbol=AAPL, calendar=XNYS, next_open={next_open}:00Z"
        )
    for time_in_force, text in (
        (TimeInForce.GTC, f"waits for the open at {next_open}:00Z"),
        (TimeInForce.GTD, f"waits for the open at {next_open}:00Z"),
    ):
        order_id = scene.order(time_in_force=time_in_force, expire_at=None)
        assert scene.quantities(order_id)[0] == "ACKNOWLEDGED"
        assert (scene.state(order_id).text, routed(scene, order_id)) == (text, [0])


def test_an_order_that_waited_over_its_close_is_denied_when_it_comes() -> None:
    scene = market(at("2026-11-24T20:59:59"))
    order_id = scene.order(publish=False)
    scene.now = at("2026-11-25T15:00:00")
    scene.publish(order_id)
    assert scene.state(order_id).text == (
        f"{DenialCode.MARKET_CLOSED.name}: symbol=AAPL, calendar=XNYS, day_ended=2026-11-24T21:00:00Z"
    )


def test_an_order_that_was_asked_for_before_the_opening_and_comes_after_it_is_of_that_day() -> None:
    scene = market(at("2026-11-25T14:29:59"))
    order_id = scene.order(publish=False)
    scene.now = at("2026-11-25T14:30:01")
    scene.publish(order_id)
    assert scene.quantities(order_id)[0] == "ACKNOWLEDGED"


def test_a_core_that_comes_back_over_night_ends_the_day_and_goes_on_in_the_morning() -> None:
    scene = market(at("2026-11-24T20:00:00"))
    day_order, gtc = scene.order(), scene.order(time_in_force=TimeInForce.GTC)
    for order_id in (day_order, gtc):
        scene.place(order_id, ("XNYS", 300))
    scene.now = at("2026-11-25T02:00:00")
    scene.start()
    scene.step()
    scene.step()
    assert scene.quantities(day_order)[0] == "PENDING_CANCEL"
    scene.report(gtc, ExecType.EXPIRED)
    asked = len(scene.route_requests())
    scene.start()
    scene.step()
    assert len(scene.route_requests()) == asked
    scene.now = at("2026-11-25T14:30:10")
    scene.start()
    for _ in range(3):
        scene.step(1)
    assert gtc in [one.order_id for one in scene.route_requests()[asked:]]


def test_a_market_that_never_closes_ends_its_day_and_takes_orders_at_once_again() -> None:
    simulated = Calendar(calendar_id="SIM", continuous_from=timedelta(0))
    scene = market(at("2026-11-28T23:59:00"), simulated)
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    scene.now = at("2026-11-29T00:00:01")
    assert denial(scene) == ""
    scene.step(5)
    scene.step()
    assert scene.quantities(order_id)[0] == "PENDING_CANCEL"


def test_the_end_of_a_day_is_worked_off_in_slices() -> None:
    scene = market(at("2026-11-25T20:00:00"))
    orders = [scene.order(quantity=1) for _ in range(450)]
    scene.now = at("2026-11-25T21:00:00")
    counts = []
    for _ in range(5):
        scene.step()
        counts.append(sum(scene.quantities(one)[0] == "PENDING_CANCEL" for one in orders))
    assert counts == [0, 200, 400, 450, 450]
