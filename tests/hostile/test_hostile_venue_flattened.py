"""A kill switch that closes positions, on a whole stack whose venues trade in parts, refuse, and let go.

What is sold is counted at the venues: never more than was held.
"""

import itertools
from typing import Any
from uuid import UUID

import pytest

from oms_client.errors import ConflictError
from tests.hostile.floor import VENUE_IDS, Floor, Placed
from tests.hostile.test_hostile_venue_stopped import PATH, in_effect, release, shown
from tests.venues.fix_bytes import Message
from tests.venues.raw_session import RawSession
from tests.venues.venue_order import VenueOrder

CLOSED_S = 60.0


class Sellers:
    """What the venues do about what closes a position, each child another thing; and what they executed.

    turns: of parts of a child that trade, 0 for a reject; what is left of it is canceled by the venue.
    """

    def __init__(self, floor: Floor, placed: Placed, *turns: float) -> None:
        self._floor, self._placed = floor, placed
        self._turns = itertools.cycle(turns)
        self.children: list[VenueOrder] = []
        for venue_id in VENUE_IDS:
            floor[venue_id].answers["D"] = self._answer(venue_id)

    def _answer(self, venue_id: str) -> Any:
        venue = self._floor[venue_id]

        def answer(session: RawSession, message: Message) -> None:
            order = VenueOrder.of(message)
            venue.orders[order.cl_ord_id] = order
            self.children.append(order)
            part = int(order.asked_qty * next(self._turns))
            if not part:
                session.send("8", order.reject(t58="not now"))
                return
            session.send("8", order.ack())
            session.send("8", order.fill(part))
            if order.leaves:
                session.send("8", order.cancel())

        return answer

    @property
    def sold(self) -> int:
        """Shares that the venues have executed."""
        return sum(child.cum for child in self.children)

    def end(self) -> None:
        """Let the venues be as ever."""
        for venue_id in VENUE_IDS:
            self._floor[venue_id].answers.clear()


def bought(floor: Floor, quantity: int) -> Placed:
    """Buy shares at one venue."""
    placed, child = floor.rest("XNYS", quantity=quantity)
    floor["XNYS"].session.send("8", child.fill(quantity))
    floor.until(placed, "FILLED")
    return placed


def flatten(floor: Floor, placed: Placed) -> str:
    """Have a switch close the position of an order's account and symbol."""
    scope = {"accountId": placed.account, "symbol": placed.symbol}
    preview = floor.client.post(f"{PATH}/preview", scope)
    held = floor.position(placed.account, placed.symbol)
    assert [(one["quantity"], one["side"]) for one in preview["positions"]] == [(held, "SELL")]
    found = floor.client.post(PATH, scope | {"stage": "FLATTEN", "reason": "drill"})
    switch_id = str(found["switchId"])
    in_effect(floor, switch_id)
    return switch_id


def closing_orders(floor: Floor, switch_id: str) -> list[tuple[str, int, int]]:
    """Return (order, quantity, held) of a switch's orders, round by round."""
    with floor.connection() as connection:
        rows = connection.execute(
            "SELECT order_id::text, quantity, held FROM kill_switch_closings WHERE switch_id = %s"
            " ORDER BY round",
            (switch_id,),
        ).fetchall()
    return [(str(row[0]), int(row[1]), int(row[2])) for row in rows]


def event_types(floor: Floor, order_id: str) -> list[str]:
    found = floor.client.get(f"/api/v1/orders/{order_id}/events")["events"]
    return [str(event["eventType"]) for event in found]


def until_flat(floor: Floor, placed: Placed, switch_id: str) -> dict[str, Any]:
    def flat() -> dict[str, Any] | None:
        now = shown(floor, switch_id)
        done = now["positionsFound"] == now["positionsFlat"] == 1
        return now if done and now["positions"][0]["state"] == "FLAT" else None

    found: dict[str, Any] = floor.until_true(flat, f"end of {shown(floor, switch_id)['positions']}", CLOSED_S)
    assert floor.position(placed.account, placed.symbol) == 0
    return found


def test_a_position_is_closed_by_what_venues_trade_over_kill_9_of_core_and_of_the_adapter(
    floor: Floor,
) -> None:
    placed = bought(floor, 1_000)
    before = floor.position(placed.account, placed.symbol)
    assert before >= 1_000
    venues = Sellers(floor, placed, 0.3, 0, 0.5, 1.0)
    switch_id = flatten(floor, placed)
    for name in ("oms-core", "execution-adapter"):
        sold = venues.sold
        floor.until_true(lambda sold=sold: venues.sold > sold, "next trade", CLOSED_S)
        floor.rig.await_ready_again(name, floor.rig.kill(name))
        assert venues.sold <= before
    found = until_flat(floor, placed, switch_id)
    assert venues.sold == before
    orders = closing_orders(floor, switch_id)
    assert all(quantity <= held for _, quantity, held in orders)
    assert found["positions"][0]["rounds"] == len(orders)
    for order_id, _, _ in orders:
        order = floor.client.get(f"/api/v1/orders/{order_id}")
        assert (order["channel"], order["side"], order["orderType"]) == ("KILL-SWITCH", "SELL", "MARKET")
    venues.end()
    release(floor, switch_id)
    floor.is_judged_clean()


def test_a_release_in_the_middle_takes_back_what_is_out_and_nobody_changes_what_closes(floor: Floor) -> None:
    placed = bought(floor, 200)
    held = floor.position(placed.account, placed.symbol)
    # What the venues get rests there: nobody trades it.
    switch_id = flatten(floor, placed)
    (order_id, quantity, _) = floor.until_true(
        lambda: (closing_orders(floor, switch_id) or [None])[0], "order that closes"
    )
    assert quantity == held
    parent = UUID(order_id).hex
    floor.until_true(
        lambda: [order for one in VENUE_IDS for order in floor[one].orders_of(parent)], "35=D of it"
    )
    with pytest.raises(ConflictError) as refused:
        floor.client.replace(order_id, quantity=10 * held)
    assert refused.value.code == "KILLED"
    floor.client.replace(order_id, quantity=1)
    floor.client.suspend(order_id)
    for kind in ("ReplaceRejected", "SuspendRejected"):
        floor.until_true(lambda kind=kind: kind in event_types(floor, order_id), kind)
    release(floor, switch_id)
    floor.until_true(
        lambda: floor.client.get(f"/api/v1/orders/{order_id}")["status"] == "CANCELED", "end of the order"
    )
    text = floor.client.get(f"/api/v1/orders/{order_id}")["text"]
    assert f"RELEASED: switch={switch_id}" in text
    assert floor.position(placed.account, placed.symbol) == held
    (position,) = shown(floor, switch_id)["positions"]
    assert (position["state"], position["held"]) == ("RELEASED", held)


def test_orders_of_clients_are_refused_meanwhile_and_no_client_may_take_the_channel(floor: Floor) -> None:
    placed = bought(floor, 100)
    venues = Sellers(floor, placed, 1.0)
    switch_id = flatten(floor, placed)
    try:
        with pytest.raises(ConflictError) as refused:
            floor.place("XNYS", symbol=placed.symbol, accountId=placed.account)
        assert refused.value.code == "KILLED"
        until_flat(floor, placed, switch_id)
    finally:
        release(floor, switch_id)
        venues.end()
    floor.goes_on(at="XNYS")


def asked_to_sell(floor: Floor, switch_id: str) -> int:
    """Return the shares that a switch's orders have sold at the venues, or may still."""
    found = 0
    for order_id, _, _ in closing_orders(floor, switch_id):
        parent = UUID(order_id).hex
        children = [child for name in VENUE_IDS for child in floor[name].orders_of(parent)]
        found += sum(child.cum + child.leaves for child in children)
    return found


def test_what_silent_venues_may_have_sold_is_shown_as_outstanding_and_never_sold_twice(floor: Floor) -> None:
    placed = bought(floor, 300)
    held = floor.position(placed.account, placed.symbol)
    waiting: list[tuple[RawSession, VenueOrder]] = []

    def keep(venue_id: str) -> Any:
        def answer(session: RawSession, message: Message) -> None:
            order = VenueOrder.of(message)
            floor[venue_id].orders[order.cl_ord_id] = order
            waiting.append((session, order))

        return answer

    for venue_id in VENUE_IDS:
        floor[venue_id].answers |= {"D": keep(venue_id), "H": lambda _s, _m: None, "F": lambda _s, _m: None}
    switch_id = flatten(floor, placed)
    floor.until_true(
        lambda: asked_to_sell(floor, switch_id) == held, "the whole position asked for", CLOSED_S
    )
    # Longer than the adapter waits for an answer, than the switch waits between rounds, and a core's life.
    for _ in range(2):
        floor.rig.await_ready_again("oms-core", floor.rig.kill("oms-core"))
        now = shown(floor, switch_id)
        (position,) = now["positions"]
        assert (position["held"], position["state"], position["rounds"]) == (held, "CLOSING", 1), position
        assert now["positionsFlat"] == 0
        # What is outstanding of it: the order, and the shares that venues have not answered for.
        assert (position["orderId"], position["openQty"]) == (closing_orders(floor, switch_id)[0][0], held)
        assert len(closing_orders(floor, switch_id)) == 1
        assert asked_to_sell(floor, switch_id) == held
    for session, order in waiting:
        session.send("8", order.ack())
        session.send("8", order.fill(order.asked_qty))
    until_flat(floor, placed, switch_id)
    assert asked_to_sell(floor, switch_id) == held
    for venue_id in VENUE_IDS:
        floor[venue_id].answers.clear()
    release(floor, switch_id)
    floor.is_judged_clean()


def test_while_its_market_is_closed_a_position_waits_and_is_closed_at_the_open(floor: Floor) -> None:
    placed = bought(floor, 100)
    held = floor.position(placed.account, placed.symbol)
    with floor.connection() as connection:
        connection.execute("INSERT INTO calendars (calendar_id, zone) VALUES ('SHUT', 'UTC')")
        connection.execute(
            "INSERT INTO calendar_sessions (calendar_id, session_date, opens_at, closes_at) VALUES"
            " ('SHUT', current_date + 1, now() + interval '20 hours', now() + interval '21 hours')"
        )
        (calendar,) = connection.execute(
            "SELECT calendar_id FROM instruments WHERE symbol = %s", (placed.symbol,)
        ).fetchone() or pytest.fail("the symbol is gone")
        move = "UPDATE instruments SET calendar_id = %s WHERE symbol = %s"
        connection.execute(move, ("SHUT", placed.symbol))
        venues = Sellers(floor, placed, 1.0)
        switch_id = flatten(floor, placed)

        def waits() -> dict[str, Any] | None:
            (position,) = shown(floor, switch_id)["positions"] or [{"why": ""}]
            return position if position["why"].startswith("waits for the open at") else None

        position = floor.until_true(waits, f"that it waits: {shown(floor, switch_id)['positions']}", CLOSED_S)
        assert (position["held"], position["state"], position["rounds"]) == (held, "WAITS", 0), position
        floor.rig.await_ready_again("oms-core", floor.rig.kill("oms-core"))
        assert closing_orders(floor, switch_id) == [] and venues.sold == 0
        connection.execute(move, (calendar, placed.symbol))
    until_flat(floor, placed, switch_id)
    assert venues.sold == held
    venues.end()
    release(floor, switch_id)
    floor.is_judged_clean()
