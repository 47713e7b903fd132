"""Orders that are good till a time or wait for a session: what time makes of them."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from oms_core.domain.changes import changed_terms, problem_of_change
from oms_core.domain.order import RequestReplace
from oms_core.entrypoints.loop import TURNS_PER_BATCH_MAX
from oms_platform.ids import uuid7
from oms_platform.trading_calendar import Calendar, Session
from oms_platform.vocabulary import ExecType, OrderChange, OrderType, TimeInForce
from tests.unit.oms_core.orders import PRICE, Machine, new_order
from tests.unit.oms_core.scene import Scene

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
OPENS = datetime(2026, 11, 2, 14, 30, tzinfo=UTC)
CLOSES = OPENS + timedelta(hours=6, minutes=30)
DAYS = Calendar(
    calendar_id="DAYS",
    sessions=tuple(
        Session(session_date=date(2026, 11, 2 + day), opens_at=OPENS + shift, closes_at=CLOSES + shift)
        for day in range(3)
        for shift in (timedelta(days=day),)
    ),
)
FOLLOWING = DAYS.sessions[1]
GTC, GTD, DAY, IOC = TimeInForce.GTC, TimeInForce.GTD, TimeInForce.DAY, TimeInForce.IOC


def scene_at(now: datetime) -> Scene:
    return Scene(calendar=DAYS, now=now)


def expired(scene: Scene, order_id: UUID) -> tuple[tuple[str, int, int], str]:
    return scene.quantities(order_id), scene.state(order_id).text


# ---- good till a time


def test_an_order_ends_at_its_time_after_its_children_and_not_before() -> None:
    scene = scene_at(OPENS + MINUTE)
    until = scene.now + MINUTE
    order_id = scene.order(time_in_force=GTD, expire_at=until)
    scene.place(order_id, ("XNYS", 300))
    scene.now = until - SECOND
    scene.step()
    assert scene.quantities(order_id)[0] == "ACKNOWLEDGED"
    scene.step(1)
    assert scene.quantities(order_id) == ("PENDING_CANCEL", 0, 300)
    scene.fill(order_id, 100)
    scene.report(order_id, ExecType.CANCELED)
    assert expired(scene, order_id) == (("EXPIRED", 100, 0), "it was good till 2026-11-02T14:32:00Z")


def test_an_order_that_is_routed_at_its_time_asks_for_no_further_route() -> None:
    scene = scene_at(OPENS + MINUTE)
    order_id = scene.order(time_in_force=GTD, expire_at=scene.now + MINUTE)
    scene.place(order_id, ("XNYS", 300))
    scene.now += MINUTE
    # The report is in the batch before the timers.
    scene.report(order_id, ExecType.CANCELED)
    assert len(scene.route_requests()) == 1
    assert expired(scene, order_id)[0] == ("EXPIRED", 0, 0)


def test_a_time_that_passed_while_core_was_down_ends_the_order_at_start() -> None:
    scene = scene_at(OPENS + MINUTE)
    order_id = scene.order(time_in_force=GTD, expire_at=CLOSES)
    scene.place(order_id, ("XNYS", 300))
    scene.now = FOLLOWING.opens_at + MINUTE
    scene.start()
    scene.step()
    assert scene.quantities(order_id)[0] == "PENDING_CANCEL"
    scene.start()
    scene.report(order_id, ExecType.CANCELED)
    assert scene.quantities(order_id) == ("EXPIRED", 0, 0)


def closing_at(close: datetime, days: Calendar = DAYS) -> Calendar:
    """Return the calendar with another close of its first day."""
    first = replace(days.sessions[0], closes_at=close, early_close=close < CLOSES)
    return replace(days, sessions=(first, *days.sessions[1:]))


EARLY = CLOSES - timedelta(hours=3)
ENDS_EARLY = "it was good till 2026-11-02T21:00:00Z, and its market does not open again before"


@pytest.mark.parametrize("told", [EARLY - 60 * MINUTE, EARLY - SECOND, EARLY + MINUTE])
@pytest.mark.parametrize("begins_again", [False, True])
def test_a_close_that_comes_earlier_ends_what_was_good_till_the_old_one(
    told: datetime, begins_again: bool
) -> None:
    """told: when the calendar says so. begins_again: core was down then."""
    scene = scene_at(OPENS + MINUTE)
    today = scene.order(time_in_force=GTD, expire_at=CLOSES)
    tomorrow = scene.order(time_in_force=GTD, expire_at=FOLLOWING.closes_at)
    before = scene.order(time_in_force=GTD, expire_at=EARLY - 2 * 60 * MINUTE)
    for order_id in (today, tomorrow, before):
        scene.place(order_id, ("XNYS", 300))
    scene.now = told
    scene.store.set_calendars([closing_at(EARLY)])
    if begins_again:
        scene.start()
    scene.step(6)
    scene.step()
    if told < EARLY - MINUTE:
        assert scene.quantities(today)[0] == "ACKNOWLEDGED"
    scene.now = max(scene.now, EARLY)
    scene.step()
    scene.step()
    assert scene.quantities(today)[0] == "PENDING_CANCEL"
    scene.report(today, ExecType.CANCELED)
    assert expired(scene, today) == (("EXPIRED", 0, 0), ENDS_EARLY)
    assert scene.quantities(tomorrow)[0] == "ACKNOWLEDGED"
    scene.report(before, ExecType.CANCELED)
    assert expired(scene, before) == (("EXPIRED", 0, 0), "it was good till 2026-11-02T16:00:00Z")


def test_a_day_that_has_no_session_any_more_ends_its_orders_with_the_one_before() -> None:
    scene = scene_at(OPENS + MINUTE)
    order_id = scene.order(time_in_force=GTD, expire_at=FOLLOWING.closes_at)
    scene.store.set_calendars([replace(DAYS, sessions=(DAYS.sessions[0], DAYS.sessions[2]))])
    scene.now = CLOSES - SECOND
    scene.step()
    scene.step()
    assert not scene.state(order_id).closed
    scene.place(order_id, ("XNYS", 300))
    scene.step(1)
    assert scene.quantities(order_id)[0] == "PENDING_CANCEL"


def test_a_close_that_comes_later_leaves_an_order_its_time() -> None:
    scene = scene_at(OPENS + MINUTE)
    order_id = scene.order(time_in_force=GTD, expire_at=CLOSES)
    scene.store.set_calendars([closing_at(CLOSES + 60 * MINUTE)])
    scene.now = CLOSES - SECOND
    scene.step()
    scene.step()
    assert "CancelRequested" not in scene.event_types(order_id)
    scene.step(1)
    assert "CancelRequested" in scene.event_types(order_id)


def test_an_early_close_that_is_taken_back_leaves_an_order_its_time() -> None:
    scene = scene_at(OPENS + MINUTE)
    order_id = scene.order(time_in_force=GTD, expire_at=CLOSES)
    for close in (EARLY, CLOSES):
        scene.store.set_calendars([closing_at(close)])
        scene.step(6)
    scene.now = EARLY
    scene.step()
    scene.step()
    assert "CancelRequested" not in scene.event_types(order_id)


def test_a_time_between_two_sessions_ends_an_order_with_the_close_that_it_was_taken_before() -> None:
    scene = scene_at(CLOSES - MINUTE)
    night = CLOSES + 60 * MINUTE
    before = scene.order(time_in_force=GTD, expire_at=night)
    scene.now = CLOSES
    behind = scene.order(time_in_force=GTD, expire_at=night)
    scene.step(1)
    assert "CancelRequested" in scene.event_types(before)
    assert scene.quantities(behind)[0] == "ACKNOWLEDGED"
    scene.now = night
    scene.step()
    assert expired(scene, behind) == (("EXPIRED", 0, 0), "it was good till 2026-11-02T22:00:00Z")


def test_many_orders_end_in_slices() -> None:
    scene = scene_at(OPENS + MINUTE)
    until = scene.now + MINUTE
    orders = [scene.order(time_in_force=GTD, expire_at=until, quantity=1) for _ in range(450)]
    scene.now = until
    counts = []
    for _ in range(4):
        scene.step()
        counts.append(sum(scene.quantities(one)[0] == "PENDING_CANCEL" for one in orders))
    assert counts == [TURNS_PER_BATCH_MAX, 2 * TURNS_PER_BATCH_MAX, 450, 450]


def test_an_order_whose_time_is_over_when_it_comes_is_denied_by_name() -> None:
    scene = scene_at(OPENS + MINUTE)
    order_id = scene.order(time_in_force=GTD, expire_at=scene.now)
    assert expired(scene, order_id) == (
        ("REJECTED", 0, 0),
        "EXPIRY_PASSED: expire_at=2026-11-02T14:31:00Z, now=2026-11-02T14:31:00Z",
    )


def test_a_bust_after_its_time_brings_an_order_back_only_to_end_it() -> None:
    scene = scene_at(OPENS + MINUTE)
    order_id = scene.order(time_in_force=GTD, expire_at=scene.now + MINUTE)
    scene.place(order_id, ("XNYS", 300))
    scene.fill(order_id, 300, exec_id="E1")
    scene.now += 2 * MINUTE
    scene.step()
    scene.bust(order_id, "E1")
    scene.step()
    assert scene.quantities(order_id) == ("EXPIRED", 0, 0)
    assert len(scene.route_requests()) == 1


def test_an_expiry_is_replaced_and_the_old_time_ends_nothing() -> None:
    scene = scene_at(OPENS + MINUTE)
    order_id = scene.order(time_in_force=GTD, expire_at=scene.now + MINUTE)
    scene.replace(order_id, OrderChange(expire_at=scene.now + 3 * MINUTE))
    scene.place(order_id)
    scene.now += MINUTE
    scene.step()
    scene.step()
    assert scene.quantities(order_id)[0] == "ACKNOWLEDGED"
    scene.start()
    scene.now += 2 * MINUTE
    scene.step()
    scene.step()
    assert "CancelRequested" in scene.event_types(order_id)


def test_an_order_that_becomes_one_whose_time_is_over_is_not_routed_and_ends() -> None:
    scene = scene_at(OPENS + MINUTE)
    order_id = scene.order(time_in_force=GTD, expire_at=CLOSES)
    scene.place(order_id, ("XNYS", 300))
    scene.replace(order_id, OrderChange(limit_price_micros=PRICE - 10_000, expire_at=scene.now + MINUTE))
    # Its venue answers after the time that the order is to have from then on.
    scene.now += 2 * MINUTE
    scene.report(order_id, ExecType.CANCELED)
    scene.step()
    assert len(scene.route_requests()) == 1
    assert expired(scene, order_id) == (("EXPIRED", 0, 0), "it was good till 2026-11-02T14:32:00Z")


def test_an_order_that_is_good_for_longer_at_its_old_time_is_routed_on() -> None:
    scene = scene_at(OPENS + MINUTE)
    order_id = scene.order(time_in_force=GTD, expire_at=scene.now + MINUTE)
    scene.place(order_id, ("XNYS", 300))
    scene.replace(order_id, OrderChange(limit_price_micros=PRICE - 10_000, time_in_force=GTC))
    # The answer is in the batch before the timers, at the very time.
    scene.now += MINUTE
    scene.report(order_id, ExecType.CANCELED)
    scene.step()
    assert [one.attempt for one in scene.route_requests()] == [1, 2]
    assert scene.quantities(order_id) == ("ACKNOWLEDGED", 0, 300)


def test_a_stop_that_waits_and_a_suspended_order_end_at_their_time() -> None:
    scene = scene_at(OPENS + MINUTE)
    until = scene.now + MINUTE
    waits = scene.order(
        time_in_force=GTD, expire_at=until, order_type=OrderType.STOP, stop_price_micros=PRICE * 2
    )
    suspended = scene.order(time_in_force=GTD, expire_at=until)
    scene.place(suspended, ("XNYS", 300))
    scene.suspend(suspended)
    scene.report(suspended, ExecType.CANCELED)
    assert scene.quantities(suspended)[0] == "SUSPENDED"
    scene.now = until
    scene.step()
    for order_id in (waits, suspended):
        assert expired(scene, order_id) == (("EXPIRED", 0, 0), "it was good till 2026-11-02T14:32:00Z")


def test_a_venue_that_gives_a_gtd_order_back_at_night_leaves_it_waiting_and_it_says_so_again() -> None:
    scene = scene_at(CLOSES - MINUTE)
    order_id = scene.order(time_in_force=GTD, expire_at=FOLLOWING.closes_at)
    scene.place(order_id, ("XNYS", 200), ("XNAS", 100))
    scene.now = CLOSES + MINUTE
    texts = []
    for leg in (1, 2):
        scene.report(order_id, ExecType.CANCELED, leg, text="done for the day")
        texts.append(scene.state(order_id).text)
    assert texts == ["waits for the open at 2026-11-03T14:30:00Z"] * 2


def test_a_replace_whose_time_comes_while_it_is_pending_is_rejected_and_the_order_ends() -> None:
    scene = scene_at(OPENS + MINUTE)
    order_id = scene.order(time_in_force=GTD, expire_at=scene.now + MINUTE)
    scene.place(order_id, ("XNYS", 300))
    scene.replace(order_id, OrderChange(limit_price_micros=PRICE - 10_000, expire_at=scene.now + 3 * MINUTE))
    assert scene.quantities(order_id)[0] == "PENDING_REPLACE"
    scene.now += MINUTE
    scene.step()
    assert "ReplaceRejected" in scene.event_types(order_id)
    scene.report(order_id, ExecType.CANCELED)
    assert scene.quantities(order_id) == ("EXPIRED", 0, 0)


@pytest.mark.parametrize(
    ("force", "change", "stays"),
    [
        (GTD, OrderChange(expire_at=CLOSES), True),
        (GTD, OrderChange(time_in_force=GTC), True),
        (GTC, OrderChange(time_in_force=GTD, expire_at=CLOSES), True),
        (GTD, OrderChange(time_in_force=DAY), False),
        (DAY, OrderChange(time_in_force=GTD, expire_at=CLOSES), False),
        (GTD, OrderChange(quantity=200, expire_at=CLOSES), False),
    ],
)
def test_what_a_venue_has_stays_where_it_is_told_nothing_else(
    force: TimeInForce, change: OrderChange, stays: bool
) -> None:
    """Until when an order is good is core's alone: venues have GTC of it, and its place in their books."""
    scene = scene_at(OPENS + MINUTE)
    order_id = scene.order(time_in_force=force)
    scene.place(order_id, ("XNYS", 300))
    scene.replace(order_id, change)
    assert scene.quantities(order_id)[0] == ("ACKNOWLEDGED" if stays else "PENDING_REPLACE")
    assert ("OrderReplaced" in scene.event_types(order_id)) is stays
    assert len(scene.route_requests()) == 1


def test_fewer_shares_and_another_time_keep_the_place_in_the_book() -> None:
    machine = Machine(new_order(tif=GTD)).accept().place([("XNYS", 300)])
    terms = changed_terms(machine.order.terms, OrderChange(quantity=200, expire_at=CLOSES))
    machine.do(RequestReplace(request_id=uuid7(), terms=terms, problem=None, reserved_price_micros=PRICE))
    assert machine.order.made_smaller == ("1-1", 200)


@pytest.mark.parametrize(
    ("force", "change", "problem"),
    [
        (GTD, OrderChange(time_in_force=GTC), None),
        (GTD, OrderChange(time_in_force=DAY), None),
        (GTC, OrderChange(time_in_force=GTD, expire_at=CLOSES), None),
        (DAY, OrderChange(time_in_force=GTD, expire_at=CLOSES), None),
        (GTD, OrderChange(expire_at=CLOSES), None),
        (
            GTC,
            OrderChange(time_in_force=GTD),
            "expireTime: a GTD order has one, no other order, was None of GTD",
        ),
        (
            DAY,
            OrderChange(expire_at=CLOSES),
            f"expireTime: a GTD order has one, no other order, was {CLOSES} of DAY",
        ),
        (DAY, OrderChange(time_in_force=IOC), "timeInForce: DAY does not become IOC"),
        (IOC, OrderChange(time_in_force=GTD, expire_at=CLOSES), "timeInForce: IOC does not become GTD"),
    ],
)
def test_what_a_replace_may_make_of_a_time_in_force(
    force: TimeInForce, change: OrderChange, problem: str | None
) -> None:
    before = new_order(tif=force).terms
    after = changed_terms(before, change)
    assert problem_of_change(before, after) == problem
    if problem is None:
        assert (after.expire_at is not None) is (after.time_in_force is GTD)


def test_an_order_that_became_one_for_the_day_is_of_the_day_on_which_it_did() -> None:
    scene = scene_at(OPENS + MINUTE)
    order_id = scene.order(time_in_force=GTC)
    scene.place(order_id)
    scene.now = FOLLOWING.opens_at + MINUTE
    scene.step()
    scene.replace(order_id, OrderChange(time_in_force=DAY))
    scene.place(order_id)
    # Yesterday's close has nothing to do with it, also when core comes back.
    scene.start()
    for _ in range(3):
        scene.step(5)
    assert scene.quantities(order_id)[0] == "ACKNOWLEDGED"
    scene.now = FOLLOWING.closes_at
    for _ in range(3):
        scene.step(5)
    assert "CancelRequested" in scene.event_types(order_id)


# ---- what waits for a session


def test_what_waits_for_the_open_goes_on_with_it_in_slices_also_after_a_restart() -> None:
    scene = scene_at(OPENS - timedelta(hours=3))
    orders = [scene.order(time_in_force=GTC, quantity=1) for _ in range(1_200)]
    scene.start()
    for _ in range(5):
        scene.step(60)
    assert scene.route_requests() == []
    scene.now = OPENS
    counts = []
    for _ in range(5):
        scene.step()
        counts.append(len(scene.route_requests()))
    assert counts == [0, 500, 1_000, 1_200, 1_200]
    assert {one.order_id for one in scene.route_requests()} == {*orders}


def test_what_waits_says_so_once_and_says_another_time_when_that_changes() -> None:
    scene = scene_at(OPENS - timedelta(hours=3))
    order_id = scene.order(time_in_force=GTC)
    for _ in range(3):
        scene.start()
        scene.step(60)
    assert scene.event_types(order_id) == ["OrderAccepted", "RouteHeld"]
    scene.replace(order_id, OrderChange(quantity=200))
    assert scene.event_types(order_id)[2:] == ["ReplaceRequested", "OrderReplaced", "RouteHeld"]
    assert scene.state(order_id).text == "waits for the open at 2026-11-02T14:30:00Z"


def test_day_orders_wait_for_their_session_where_core_is_told_to() -> None:
    scene = scene_at(OPENS - timedelta(hours=3))
    scene.day_orders_wait = True
    scene.start()
    order_id = scene.order()
    assert expired(scene, order_id) == (
        ("ACKNOWLEDGED", 0, 300),
        "waits for the open at 2026-11-02T14:30:00Z",
    )
    for force in (IOC, TimeInForce.FOK):
        assert scene.state(scene.order(time_in_force=force)).text.startswith("MARKET_CLOSED")
    scene.now = OPENS
    scene.step()
    scene.step()
    assert [one.order_id for one in scene.route_requests()] == [order_id]
    scene.place(order_id)
    scene.now = CLOSES
    for _ in range(3):
        scene.step(5)
    assert scene.quantities(order_id)[0] == "EXPIRED"


def test_a_day_order_for_the_day_that_has_ended_does_not_wait_for_the_next() -> None:
    scene = scene_at(CLOSES - SECOND)
    scene.day_orders_wait = True
    scene.start()
    order_id = scene.order(publish=False)
    scene.now = CLOSES + MINUTE
    scene.publish(order_id)
    assert scene.state(order_id).text == (
        "MARKET_CLOSED: symbol=AAPL, calendar=DAYS, day_ended=2026-11-02T21:00:00Z"
    )


def test_an_order_at_the_market_that_waits_is_valued_by_the_reference_price_where_nobody_quotes() -> None:
    scene = scene_at(OPENS - timedelta(hours=3))
    scene.quotes.quote = type(scene.quotes.quote)()
    waits = scene.order(order_type=OrderType.MARKET, time_in_force=GTC)
    assert scene.quantities(waits)[0] == "ACKNOWLEDGED"
    assert scene.state(waits).reserved_price_micros == 100_000_000
    scene.now = OPENS + MINUTE
    now = scene.order(order_type=OrderType.MARKET)
    assert scene.state(now).text.startswith("NO_REFERENCE_PRICE")
