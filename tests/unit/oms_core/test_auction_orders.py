"""Orders for the opening and the closing auction: when they are taken, sent, and what becomes of them."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from oms_core.domain.order_times import AUCTION_ANSWER_MAX
from oms_platform.trading_calendar import AuctionRule, Calendar, Session
from oms_platform.vocabulary import AuctionTimes, ExecType, OrderChange, OrderType, TimeInForce
from oms_platform.wire import Topic
from tests.unit.oms_core.orders import PRICE, Machine, names, new_order
from tests.unit.oms_core.scene import Scene

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
OPENS, CLOSES = datetime(2026, 11, 2, 14, 30, tzinfo=UTC), datetime(2026, 11, 2, 21, tzinfo=UTC)
LEAD = timedelta(hours=1)
OPENING = AuctionRule(effective_from=date(2026, 1, 1), lead=LEAD, cutoff=2 * MINUTE)
CLOSING = AuctionRule(effective_from=date(2026, 1, 1), lead=LEAD, cutoff=10 * MINUTE)
DAYS = Calendar(
    calendar_id="XNYS",
    sessions=(
        Session(session_date=date(2026, 11, 2), opens_at=OPENS, closes_at=CLOSES),
        Session(
            session_date=date(2026, 11, 3),
            opens_at=OPENS + timedelta(days=1),
            closes_at=CLOSES + timedelta(days=1) - timedelta(hours=3),
            early_close=True,
        ),
    ),
    openings=(OPENING,),
    closings=(CLOSING,),
)
OPG, CLO, DAY = TimeInForce.OPG, TimeInForce.CLO, TimeInForce.DAY
AUCTION_OF = {OPG: OPENS, CLO: CLOSES}
CUTOFF_OF = {OPG: OPENS - OPENING.cutoff, CLO: CLOSES - CLOSING.cutoff}
NAME_OF = {OPG: "opening", CLO: "closing"}


def scene_at(now: datetime, calendar: Calendar = DAYS) -> Scene:
    return Scene(calendar=calendar, now=now)


def sent(force: TimeInForce) -> tuple[Scene, UUID]:
    """Return an order of 300 shares that its venue has, within the lead time."""
    scene = scene_at(AUCTION_OF[force] - LEAD)
    order_id = scene.order(time_in_force=force)
    scene.place(order_id, ("XNYS", 300))
    return scene, order_id


def ended(scene: Scene, order_id: UUID) -> tuple[tuple[str, int, int], str]:
    return scene.quantities(order_id), scene.state(order_id).text


@pytest.mark.parametrize("force", [OPG, CLO])
@pytest.mark.parametrize("early", [timedelta(minutes=1), timedelta(hours=60)])
def test_an_order_for_an_auction_waits_for_its_lead_time_and_says_so(
    force: TimeInForce, early: timedelta
) -> None:
    at = AUCTION_OF[force]
    scene = scene_at(at - LEAD - early)
    order_id = scene.order(time_in_force=force)
    waits = f"waits for the {NAME_OF[force]} auction at {at:%Y-%m-%dT%H:%M:%SZ}"
    assert ended(scene, order_id) == (
        ("ACKNOWLEDGED", 0, 300),
        f"{waits}, is sent from {at - LEAD:%Y-%m-%dT%H:%M:%SZ} on",
    )
    scene.now = at - LEAD - timedelta(microseconds=1)
    scene.step()
    assert scene.route_requests() == []
    scene.now = at - LEAD
    scene.step()
    assert [one.order_id for one in scene.route_requests()] == [order_id]
    assert scene.state(order_id).text == ""


@pytest.mark.parametrize("force", [OPG, CLO])
def test_what_comes_in_the_lead_time_is_sent_at_once_whether_the_market_trades_or_not(
    force: TimeInForce,
) -> None:
    for now in (AUCTION_OF[force] - LEAD, CUTOFF_OF[force] - SECOND):
        scene = scene_at(now)
        assert [one.order_id for one in scene.route_requests()] == []
        order_id = scene.order(time_in_force=force, order_type=OrderType.MARKET)
        assert [one.order_id for one in scene.route_requests()] == [order_id]


@pytest.mark.parametrize(
    ("force", "following"), [(OPG, "2026-11-03T14:30:00Z"), (CLO, "2026-11-03T18:00:00Z")]
)
def test_after_the_cutoff_an_order_is_denied_with_it_and_the_next_auction(
    force: TimeInForce, following: str
) -> None:
    until = f"{CUTOFF_OF[force]:%Y-%m-%dT%H:%M:%SZ}"
    late = [CUTOFF_OF[force], AUCTION_OF[force] - SECOND] + ([OPENS, CLOSES - SECOND] if force is OPG else [])
    for now in late:
        scene = scene_at(now)
        assert ended(scene, scene.order(time_in_force=force)) == (
            ("REJECTED", 0, 0),
            f"AUCTION_MISSED: symbol=AAPL, auction={NAME_OF[force]}, taken_until={until},"
            f" next_auction={following}",
        )
        assert scene.route_requests() == []
    # With the session's close the next one's begins.
    scene = scene_at(CLOSES)
    order_id = scene.order(time_in_force=force)
    assert scene.quantities(order_id)[0] == "ACKNOWLEDGED"
    assert following in scene.state(order_id).text


def test_rules_count_from_their_date_and_an_early_close_is_one() -> None:
    later = AuctionRule(effective_from=date(2026, 11, 3), lead=5 * MINUTE, cutoff=MINUTE)
    calendar = Calendar(calendar_id="XNYS", sessions=DAYS.sessions, closings=(CLOSING, later))
    early_close = datetime(2026, 11, 3, 18, tzinfo=UTC)
    for now, close, lead, cutoff in (
        (CLOSES - 5 * LEAD, CLOSES, LEAD, 10 * MINUTE),
        (CLOSES, early_close, 5 * MINUTE, MINUTE),
    ):
        scene = scene_at(now, calendar)
        order_id = scene.order(time_in_force=CLO)
        expected = AuctionTimes(at=close, sent_from=close - lead, taken_until=close - cutoff)
        assert scene.state(order_id).auction == expected


def test_a_market_without_auctions_takes_no_order_for_one() -> None:
    never_closes = Calendar(
        calendar_id="SIM", continuous_from=timedelta(0), openings=(OPENING,), closings=(CLOSING,)
    )
    unruled = Calendar(calendar_id="XNYS", sessions=DAYS.sessions)
    unknown = Calendar(calendar_id="XNYS", openings=(OPENING,), closings=(CLOSING,))
    for calendar in (never_closes, unruled, unknown):
        for force in (OPG, CLO):
            scene = scene_at(OPENS - LEAD, calendar)
            assert scene.state(scene.order(time_in_force=force)).text == (
                f"NO_AUCTION: symbol=AAPL, auction={NAME_OF[force]}, listing_venue=XNYS,"
                f" calendar={calendar.calendar_id}"
            )


def test_where_nobody_holds_the_auction_no_order_for_it_is_taken() -> None:
    scene = scene_at(OPENS - LEAD)
    known = scene.core.desk.instruments["AAPL"]
    scene.core.desk.instruments = {"AAPL": replace(known, listing_venue="")}
    assert scene.state(scene.order(time_in_force=OPG)).text == (
        "NO_AUCTION: symbol=AAPL, auction=opening, listing_venue=none, calendar=XNYS"
    )


def test_an_order_at_the_market_is_valued_by_the_reference_price_before_anybody_quotes() -> None:
    scene = scene_at(OPENS - LEAD)
    scene.quotes.quote = type(scene.quotes.quote)()
    order_id = scene.order(order_type=OrderType.MARKET, time_in_force=OPG)
    assert scene.quantities(order_id)[0] == "ACKNOWLEDGED"
    assert scene.state(order_id).reserved_price_micros == PRICE


# ---- what venues do with it


@pytest.mark.parametrize("force", [OPG, CLO])
def test_what_the_cross_leaves_ends_and_is_never_routed_again(force: TimeInForce) -> None:
    scene, order_id = sent(force)
    scene.now = AUCTION_OF[force] + SECOND
    scene.fill(order_id, 100)
    scene.report(order_id, ExecType.CANCELED, text="not executed in the cross")
    assert ended(scene, order_id) == (
        ("EXPIRED", 100, 0),
        f"not executed in the {NAME_OF[force]} auction: not executed in the cross",
    )
    scene.step(60)
    assert len(scene.route_requests()) == 1


@pytest.mark.parametrize("force", [OPG, CLO])
def test_its_venue_has_so_long_to_say_what_the_cross_did(force: TimeInForce) -> None:
    scene, order_id = sent(force)
    for now in (CUTOFF_OF[force], AUCTION_OF[force], AUCTION_OF[force] + AUCTION_ANSWER_MAX - SECOND):
        scene.now = now
        scene.step()
        scene.step(0.5)
        assert scene.quantities(order_id)[0] == "ACKNOWLEDGED"
    scene.step(1)
    scene.step(1)
    assert scene.quantities(order_id)[0] == "PENDING_CANCEL"
    scene.report(order_id, ExecType.CANCELED)
    assert ended(scene, order_id) == (("EXPIRED", 0, 0), f"not executed in the {NAME_OF[force]} auction")


def test_a_fill_after_the_close_counts_while_day_orders_end() -> None:
    scene, closing = sent(CLO)
    day_order = scene.order()
    scene.place(day_order, ("XNYS", 300))
    scene.now = CLOSES
    scene.step(5)
    scene.step()
    assert scene.quantities(day_order)[0] == "PENDING_CANCEL"
    assert scene.quantities(closing)[0] == "ACKNOWLEDGED"
    scene.fill(closing, 300)
    assert scene.quantities(closing) == ("FILLED", 300, 0)


def test_a_venues_refusal_ends_it_with_the_venues_words() -> None:
    scene, order_id = sent(OPG)
    scene.report(order_id, ExecType.REJECTED, text="no cross for such an order")
    assert ended(scene, order_id) == (("EXPIRED", 0, 0), "no cross for such an order")
    assert len(scene.route_requests()) == 1


def test_a_child_that_is_gone_before_the_cutoff_is_sent_again_and_after_it_not() -> None:
    scene, order_id = sent(OPG)
    scene.report(order_id, ExecType.CANCELED, text="the session was lost")
    scene.step(0.05)
    assert [one.attempt for one in scene.route_requests()] == [1, 2]
    scene.place(order_id, ("XNYS", 300))
    scene.now = CUTOFF_OF[OPG]
    scene.report(order_id, ExecType.CANCELED, attempt=2, text="the session was lost")
    assert ended(scene, order_id) == (
        ("EXPIRED", 0, 0),
        "not executed in the opening auction: the session was lost",
    )


def test_a_venue_that_is_away_is_tried_until_the_cutoff_and_the_order_ends_with_the_reason() -> None:
    scene = scene_at(OPENS - LEAD)
    order_id = scene.order(time_in_force=OPG)
    asked = 0
    while scene.now < CUTOFF_OF[OPG] - 5 * SECOND:
        if len(scene.route_requests()) > asked:
            asked = len(scene.route_requests())
            scene.place(order_id, reason="AUCTION_VENUE_CLOSED: venue=XNYS, DOWN", no_data=True)
        scene.step(5)
    # The waits double up to ten seconds.
    assert 300 < asked < 360
    assert scene.quantities(order_id)[0] == "ACKNOWLEDGED"
    scene.now = CUTOFF_OF[OPG]
    scene.step()
    scene.step()
    quantities, text = ended(scene, order_id)
    assert quantities[0] in {"EXPIRED", "PENDING_CANCEL"}
    if quantities[0] == "PENDING_CANCEL":
        scene.place(order_id, reason="AUCTION_VENUE_CLOSED: venue=XNYS, DOWN", no_data=True)
        quantities, text = ended(scene, order_id)
    assert quantities == ("EXPIRED", 0, 0)
    assert text.startswith(
        "not sent to the opening auction at 2026-11-02T14:30:00Z, which took orders until"
        " 2026-11-02T14:28:00Z"
    )
    assert len(scene.route_requests()) in {asked, asked + 1}


def test_a_venue_that_takes_no_such_order_is_asked_a_bounded_number_of_times() -> None:
    scene = scene_at(OPENS - LEAD)
    order_id = scene.order(time_in_force=OPG)
    for _ in range(10):
        if scene.state(order_id).route_quantity:
            scene.place(order_id, reason="NO_AUCTION_VENUE: venue=XNYS, takes no orders for its auctions")
        scene.step(15)
    assert len(scene.route_requests()) == 6
    assert ended(scene, order_id) == (
        ("CANCELED", 0, 0),
        "ROUTES_EXHAUSTED: routes=6, last=NO_AUCTION_VENUE: venue=XNYS, takes no orders for its auctions",
    )


def test_a_route_that_is_not_answered_by_the_cutoff_is_called_back() -> None:
    scene = scene_at(CUTOFF_OF[CLO] - SECOND)
    order_id = scene.order(time_in_force=CLO)
    scene.step(1)
    scene.step()
    assert scene.quantities(order_id)[0] == "PENDING_CANCEL"
    scene.place(order_id, reason="canceled meanwhile")
    assert ended(scene, order_id) == (
        ("EXPIRED", 0, 0),
        "not sent to the closing auction at 2026-11-02T21:00:00Z, which took orders until"
        " 2026-11-02T20:50:00Z: canceled meanwhile",
    )


# ---- what clients ask, and what interrupts


@pytest.mark.parametrize("force", [OPG, CLO])
@pytest.mark.parametrize("late", [False, True])
def test_a_cancel_is_as_the_venue_answers_before_the_cutoff_and_after_it(
    force: TimeInForce, late: bool
) -> None:
    scene, order_id = sent(force)
    scene.now = CUTOFF_OF[force] + (SECOND if late else -SECOND)
    scene.cancel(order_id)
    assert scene.quantities(order_id)[0] == "PENDING_CANCEL"
    if late:
        scene.keep(order_id)
        assert ended(scene, order_id) == (("ACKNOWLEDGED", 0, 300), "XNYS: 0")
        scene.fill(order_id, 300)
        assert scene.quantities(order_id) == ("FILLED", 300, 0)
    else:
        scene.report(order_id, ExecType.CANCELED)
        assert scene.quantities(order_id) == ("CANCELED", 0, 0)


def test_a_cancel_of_what_waits_is_at_once() -> None:
    scene = scene_at(OPENS - 20 * LEAD)
    order_id = scene.order(time_in_force=OPG)
    scene.cancel(order_id)
    assert scene.quantities(order_id) == ("CANCELED", 0, 0)
    scene.now = OPENS
    scene.step()
    assert scene.route_requests() == []


def test_a_replace_before_the_cutoff_sends_it_anew_and_after_it_is_denied() -> None:
    scene, order_id = sent(CLO)
    scene.replace(order_id, OrderChange(limit_price_micros=PRICE - 10_000))
    scene.report(order_id, ExecType.CANCELED)
    assert [one.terms.limit_price_micros for one in scene.route_requests()] == [PRICE, PRICE - 10_000]
    scene.place(order_id, ("XNYS", 300))
    scene.now = CUTOFF_OF[CLO]
    for change in (OrderChange(limit_price_micros=PRICE), OrderChange(quantity=400)):
        request = scene.replace(order_id, change)
        rejected = next(event for event in scene.store.events[order_id] if event.request_id == request)
        assert rejected.replace_rejected is not None
        assert rejected.replace_rejected.reason == (
            "AUCTION_MISSED: symbol=AAPL, auction=closing, taken_until=2026-11-02T20:50:00Z,"
            " next_auction=2026-11-03T18:00:00Z"
        )
    assert scene.quantities(order_id) == ("ACKNOWLEDGED", 0, 300)


@pytest.mark.parametrize("taken", [False, True])
def test_a_smaller_order_after_the_cutoff_is_as_the_venue_answers_and_is_never_taken_back(
    taken: bool,
) -> None:
    scene, order_id = sent(CLO)
    scene.now = CUTOFF_OF[CLO] + SECOND
    scene.replace(order_id, OrderChange(quantity=200))
    assert scene.quantities(order_id)[0] == "PENDING_REPLACE"
    if taken:
        scene.report(order_id, ExecType.RESTATED, order_qty=200)
        assert scene.quantities(order_id) == ("ACKNOWLEDGED", 0, 200)
    else:
        scene.keep(order_id, replaces=True)
        assert scene.quantities(order_id) == ("ACKNOWLEDGED", 0, 300)
    asked = [type(one).__name__ for one in scene.published(Topic.ROUTED)]
    assert asked == ["ReplaceChild"]


def test_a_suspended_order_ends_with_its_cutoff_and_one_that_is_resumed_before_it_is_sent_again() -> None:
    for resumed in (False, True):
        scene, order_id = sent(OPG)
        scene.suspend(order_id)
        scene.report(order_id, ExecType.CANCELED)
        assert scene.quantities(order_id)[0] == "SUSPENDED"
        if resumed:
            scene.resume(order_id)
            assert [one.attempt for one in scene.route_requests()] == [1, 2]
        else:
            scene.now = CUTOFF_OF[OPG]
            scene.step()
            scene.step()
            assert ended(scene, order_id) == (("EXPIRED", 0, 0), "not executed in the opening auction")


def test_a_halt_holds_it_and_it_goes_on_after_it_while_the_market_is_closed() -> None:
    scene = scene_at(OPENS - LEAD - MINUTE)
    order_id = scene.order(time_in_force=OPG)
    known = scene.core.desk.instruments["AAPL"]
    scene.store.set_instrument(replace(known, halt="news"))
    scene.step(6)
    scene.now = OPENS - LEAD
    scene.step()
    scene.step(5)
    assert scene.route_requests() == []
    scene.store.set_instrument(known)
    scene.step(5)
    scene.step(5)
    assert [one.order_id for one in scene.route_requests()] == [order_id]


@pytest.mark.parametrize("at", [OPENS - LEAD - SECOND, OPENS - LEAD, CUTOFF_OF[OPG], OPENS + SECOND])
def test_a_core_that_dies_at_any_time_goes_on_with_what_was_for_the_auction(at: datetime) -> None:
    scene = scene_at(OPENS - LEAD - MINUTE)
    waits = scene.order(time_in_force=OPG)
    scene.now = at
    scene.start()
    scene.step()
    scene.step()
    auction = scene.state(waits).auction
    assert auction is not None
    assert auction.at == OPENS
    if at < OPENS - LEAD:
        assert scene.route_requests() == []
        assert scene.state(waits).text.startswith("waits for the opening auction")
    elif at < CUTOFF_OF[OPG]:
        assert [one.order_id for one in scene.route_requests()] == [waits]
    else:
        assert scene.route_requests() == []
        assert ended(scene, waits) == (
            ("EXPIRED", 0, 0),
            "not sent to the opening auction at 2026-11-02T14:30:00Z, which took orders until"
            " 2026-11-02T14:28:00Z",
        )


def test_a_core_that_dies_while_the_venue_has_it_changes_nothing() -> None:
    scene, order_id = sent(OPG)
    scene.now = CUTOFF_OF[OPG]
    scene.start()
    scene.step()
    scene.now = OPENS
    scene.start()
    scene.step()
    scene.fill(order_id, 300)
    assert scene.quantities(order_id) == ("FILLED", 300, 0)
    assert len(scene.route_requests()) == 1


def test_a_trade_that_is_taken_back_after_the_auction_ends_it_and_sends_nothing() -> None:
    auction = DAYS.auction_chance(OPG, OPENS - LEAD).auction
    machine = Machine(new_order(quantity=300, tif=OPG), now=OPENS - LEAD)
    machine.accept(auction).place([("XNYS", 300)])
    machine.now = OPENS + SECOND
    machine.trade(300, exec_id="T1")
    taken_back = machine.correct("T1")
    assert names(taken_back) == ["TradeCorrected", "OrderExpired"]
