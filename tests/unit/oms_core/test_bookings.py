"""A trade that a person books: one effect, on its order or on a record of its own; never beside a report."""

from typing import Any
from uuid import UUID

import pytest

from oms_platform import ids, order_ids
from oms_platform.exceptions import BOOKING_CHANNEL
from oms_platform.messages import BookTrade, SubmitOrder
from oms_platform.vocabulary import Booking, ExecType, OrderTerms, OrderType, Side, TimeInForce
from oms_platform.wire import Topic
from tests.unit.oms_core.orders import PRICE
from tests.unit.oms_core.scene import ACCOUNT, Scene


@pytest.fixture
def scene() -> Scene:
    return Scene()


def booking(scene: Scene, **changes: Any) -> Booking:
    values: dict[str, Any] = {
        "exception_id": ids.uuid7(),
        "venue_id": "XNYS",
        "exec_id": "E1",
        "last_qty": 100,
        "last_px_micros": PRICE,
        "transact_time": scene.now,
        "reason": "by the venue's statement",
    }
    return Booking(**(values | changes))


def book(scene: Scene, order_id: UUID, booked: Booking, request_id: UUID | None = None) -> BookTrade:
    request = BookTrade(
        request_id=request_id or ids.uuid7(),
        order_id=order_id,
        account_id=ACCOUNT,
        principal="desk",
        received_at=scene.now,
        booking=booked,
    )
    scene.store.take_request(request)
    scene.send(Topic.INBOUND, request)
    return request


def record_of(scene: Scene, booked: Booking) -> SubmitOrder:
    order_id = ids.uuid7()
    terms = OrderTerms(
        account_id=ACCOUNT,
        channel=BOOKING_CHANNEL,
        client_order_id=str(booked.exception_id),
        symbol="AAPL",
        side=Side.SELL,
        order_type=OrderType.MARKET,
        quantity=booked.last_qty,
        time_in_force=TimeInForce.DAY,
        principal="desk",
    )
    return SubmitOrder(order_id=order_id, received_at=scene.now, terms=terms, booking=booked)


def working(scene: Scene) -> tuple[UUID, str]:
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    return order_id, order_ids.child_cl_ord_id(order_id, 1, 1)


def outcomes(scene: Scene, order_id: UUID, request_id: UUID) -> list[str]:
    return [event.type for event in scene.store.events[order_id] if event.request_id == request_id]


def test_a_booked_trade_is_a_fill_of_its_child_and_closes_its_exception(scene: Scene) -> None:
    order_id, child = working(scene)
    booked = booking(scene, cl_ord_id=child)
    request = book(scene, order_id, booked)
    assert scene.quantities(order_id) == ("PARTIALLY_FILLED", 100, 200)
    assert scene.store.positions[ACCOUNT, "AAPL"].quantity == 100
    assert scene.state(order_id).children[child].executed_qty == 100
    assert scene.store.bookings == {booked.exception_id: ""}
    assert outcomes(scene, order_id, request.request_id) == ["TradeApplied"]


def test_a_booking_that_comes_twice_has_one_effect_also_in_the_next_life(scene: Scene) -> None:
    order_id, child = working(scene)
    request = book(scene, order_id, booking(scene, cl_ord_id=child))
    scene.send(Topic.INBOUND, request)
    scene.start()
    scene.send(Topic.INBOUND, request)
    assert scene.quantities(order_id) == ("PARTIALLY_FILLED", 100, 200)
    assert outcomes(scene, order_id, request.request_id) == ["TradeApplied"]


def test_two_persons_who_book_the_same_trade_book_it_once(scene: Scene) -> None:
    order_id, child = working(scene)
    first, second = booking(scene, cl_ord_id=child), booking(scene, cl_ord_id=child)
    book(scene, order_id, first)
    again = book(scene, order_id, second)
    assert scene.quantities(order_id) == ("PARTIALLY_FILLED", 100, 200)
    assert outcomes(scene, order_id, again.request_id) == ["BookingRejected"]
    assert scene.store.bookings[first.exception_id] == ""
    assert "is in already" in scene.store.bookings[second.exception_id]


def test_the_report_of_a_trade_that_was_booked_has_no_second_effect(scene: Scene) -> None:
    order_id, child = working(scene)
    book(scene, order_id, booking(scene, cl_ord_id=child))
    scene.fill(order_id, 100, exec_id="E1")
    assert (scene.quantities(order_id), scene.exceptions()) == (("PARTIALLY_FILLED", 100, 200), [])
    scene.fill(order_id, 90, exec_id="E1")
    assert scene.quantities(order_id) == ("PARTIALLY_FILLED", 100, 200)
    assert scene.exceptions() == ["REPEATED_EXEC_ID"]


def test_a_trade_that_was_reported_is_not_booked_as_well(scene: Scene) -> None:
    order_id, child = working(scene)
    scene.fill(order_id, 100, exec_id="E1")
    request = book(scene, order_id, booking(scene, cl_ord_id=child, last_qty=50))
    assert scene.quantities(order_id) == ("PARTIALLY_FILLED", 100, 200)
    assert outcomes(scene, order_id, request.request_id) == ["BookingRejected"]


def test_a_venue_may_bust_what_was_booked(scene: Scene) -> None:
    order_id, child = working(scene)
    book(scene, order_id, booking(scene, cl_ord_id=child))
    scene.bust(order_id, "E1", leaves_qty=300)
    assert scene.quantities(order_id) == ("ACKNOWLEDGED", 0, 300)
    assert scene.store.positions[ACCOUNT, "AAPL"].quantity == 0


def test_a_trade_of_no_child_counts_for_the_order_also_when_it_is_over(scene: Scene) -> None:
    order_id, _ = working(scene)
    scene.cancel(order_id)
    scene.report(order_id, ExecType.CANCELED)
    book(scene, order_id, booking(scene, cl_ord_id="nobody-knows-it"))
    assert scene.quantities(order_id) == ("CANCELED", 100, 0)
    scene.start()
    book(scene, order_id, booking(scene, exec_id="E2"))
    assert scene.quantities(order_id) == ("CANCELED", 200, 0)


def test_what_a_venue_would_not_say_is_released_by_the_booking(scene: Scene) -> None:
    order_id, child = working(scene)
    scene.report(order_id, ExecType.CALCULATED, unresolved_qty=300)
    book(scene, order_id, booking(scene, cl_ord_id=child, last_qty=300))
    assert scene.quantities(order_id) == ("FILLED", 300, 0)
    assert scene.state(order_id).unresolved_qty == 0


@pytest.mark.parametrize("changes", [{"last_qty": 0}, {"last_px_micros": 0}, {"last_qty": -5}])
def test_a_booking_without_shares_or_price_is_rejected(scene: Scene, changes: dict[str, Any]) -> None:
    order_id, child = working(scene)
    request = book(scene, order_id, booking(scene, cl_ord_id=child, **changes))
    assert outcomes(scene, order_id, request.request_id) == ["BookingRejected"]
    assert scene.quantities(order_id) == ("ACKNOWLEDGED", 0, 300)


def test_nothing_is_booked_on_an_order_that_was_denied(scene: Scene) -> None:
    order_id = scene.order(quantity=10**8)
    assert scene.quantities(order_id)[0] == "REJECTED"
    request = book(scene, order_id, booking(scene))
    assert outcomes(scene, order_id, request.request_id) == ["BookingRejected"]


def test_the_record_of_a_trade_without_an_order_is_filled_and_neither_checked_nor_routed(
    scene: Scene,
) -> None:
    booked = booking(scene, last_qty=70)
    record = record_of(scene, booked)
    scene.store.take_request(record)
    for _ in range(2):
        scene.send(Topic.INBOUND, record)
        scene.start()
    assert scene.event_types(record.order_id) == ["TradeApplied"]
    assert scene.quantities(record.order_id) == ("FILLED", 70, 0)
    assert scene.store.positions[ACCOUNT, "AAPL"].quantity == -70
    assert (scene.route_requests(), scene.store.bookings) == ([], {booked.exception_id: ""})


def test_a_cancel_that_overtakes_the_record_of_a_trade_does_not_route_it(scene: Scene) -> None:
    record = record_of(scene, booking(scene))
    scene.store.take_request(record)
    request_id = scene.cancel(record.order_id)
    scene.send(Topic.INBOUND, record)
    assert scene.event_types(record.order_id) == ["TradeApplied"]
    for _ in range(3):
        scene.step(6)
    assert outcomes(scene, record.order_id, request_id) == ["CancelRejected"]
    assert scene.route_requests() == []
