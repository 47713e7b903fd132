"""Orders that are worked over time, through a whole stack: what is released when, and what a venue gets."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from oms_client.errors import InvalidRequestError
from tests.hostile.floor import Floor, Placed
from tests.venues.fix_bytes import Message
from tests.venues.raw_session import RawSession
from tests.venues.venue_order import VenueOrder

# What each strategy has to have beside its end.
NEEDS: dict[str, dict[str, Any]] = {
    "TWAP": {}, "VWAP": {}, "POV": {"participationBps": 10_000}, "IS": {"urgency": 3},
}  # fmt: skip


def until(seconds: float) -> str:
    """Write the time so many seconds from now."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def work(floor: Floor, strategy: str, seconds: float, quantity: int = 600, **algo: Any) -> Placed:
    """Place an order that is worked over so many seconds at XNYS, where it rests."""
    wanted = {"strategy": strategy, "endAt": until(seconds), "seed": 7} | NEEDS[strategy] | algo
    return floor.place("XNYS", quantity=quantity, algo=wanted)


def progress(floor: Floor, placed: Placed) -> dict[str, Any]:
    """Return the order's plan against what was done. No more may have left than was released."""
    left = sum(floor.sizes_at("XNYS", placed))
    found: dict[str, Any] = floor.client.get(f"/api/v1/orders/{placed.order_id}/algo")
    assert left <= max(found["releasedQty"], found["baseQty"]) <= placed.quantity, found
    return found


def told(floor: Floor, placed: Placed, event_type: str) -> list[dict[str, Any]]:
    """Return what the order's events of one type say."""
    field = event_type[0].lower() + event_type[1:]
    return [e["payload"][field] for e in floor.events(placed) if e["eventType"] == event_type]


def open_children(floor: Floor, placed: Placed) -> Iterator[VenueOrder]:
    """Yield the children that XNYS has open."""
    return (one for one in floor.await_children(placed, "XNYS") if one.leaves)


def trade_all(floor: Floor) -> None:
    """Let XNYS trade every new order at once."""
    venue = floor["XNYS"]

    def trade(session: RawSession, message: Message) -> None:
        order = VenueOrder.of(message)
        session.send("8", order.ack())
        session.send("8", order.fill(order.asked_qty))
        venue.orders[order.cl_ord_id] = order
        session.wake()

    venue.answers["D"] = trade


BAD: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"strategy": "SNIPER"}, {}, "algo.strategy"),
    ({"strategy": None}, {}, "algo.strategy"),
    ({"endAt": None}, {}, "algo.endAt"),
    ({"endAt": "2026-11-27T20:00:00"}, {}, "algo.endAt"),
    ({"startAt": "soon"}, {}, "algo.startAt"),
    ({"startAt": "2999-01-01T00:00:00Z"}, {}, "algo.endAt"),
    ({"urgency": 3}, {}, "algo.urgency"),
    ({"strategy": "VWAP", "urgency": 3}, {}, "algo.urgency"),
    ({"strategy": "POV"}, {}, "algo.participationBps"),
    ({"strategy": "POV", "participationBps": 10_001}, {}, "algo.participationBps"),
    ({"strategy": "POV", "participationBps": 10, "urgency": 3}, {}, "algo.urgency"),
    ({"strategy": "IS"}, {}, "algo.urgency"),
    ({"strategy": "IS", "urgency": 11}, {}, "algo.urgency"),
    ({"slices": 0}, {}, "algo.slices"),
    ({"slices": 201}, {}, "algo.slices"),
    ({"seed": -1}, {}, "algo.seed"),
    ({"speed": 1}, {}, "algo.speed"),
    ({}, {"orderType": "STOP", "stopPrice": "400.00", "limitPrice": None}, "orderType"),
    ({}, {"orderType": "STOP_LIMIT", "stopPrice": "400.00"}, "orderType"),
    ({}, {"timeInForce": "IOC"}, "timeInForce"),
    ({}, {"timeInForce": "FOK"}, "timeInForce"),
    ({}, {"timeInForce": "GTD", "expireTime": "2999-01-01T00:00:00Z"}, "timeInForce"),
    ({}, {"minQuantity": 100}, "minQuantity"),
    ({}, {"postOnly": True}, "postOnly"),
]


def test_what_does_not_go_together_is_refused_by_field_and_nothing_is_stored(floor: Floor) -> None:
    stored = floor.rig.orders_stored()
    for algo, terms, field in BAD:
        body = {
            "clientOrderId": f"bad-{time.time_ns()}", "accountId": "ACC-INST-001", "symbol": "MSFT",
            "side": "BUY", "quantity": 600, "timeInForce": "DAY",
            "orderType": "LIMIT", "limitPrice": "400.00",
            "algo": {"strategy": "TWAP", "endAt": until(60)} | algo,
        } | terms  # fmt: skip
        with pytest.raises(InvalidRequestError) as refused:
            floor.client.post("/api/v1/orders", body)
        assert [one.field for one in refused.value.fields] == [field], (algo, terms)
        assert all(one.message for one in refused.value.fields)
    assert floor.rig.orders_stored() == stored


def test_each_strategy_works_a_slice_and_is_canceled_and_a_late_fill_counts(floor: Floor) -> None:
    orders = {strategy: work(floor, strategy, 20, slices=20) for strategy in NEEDS}
    for strategy, placed in orders.items():
        child = floor.await_children(placed, "XNYS")[0]
        found = progress(floor, placed)
        assert (found["algo"]["strategy"], found["held"]) == (strategy, "")
        assert 0 < child.asked_qty < 600 or strategy == "POV", (strategy, child.asked_qty)
        assert found["slices"][-1]["plannedQty"] == 600
        floor["XNYS"].session.send("8", child.fill(10))
        floor.until(placed, "PARTIALLY_FILLED")
        floor.cancel(placed)
    for placed in orders.values():
        floor.until(placed, "CANCELED")
        late = floor.await_children(placed, "XNYS")[0]
        floor["XNYS"].session.send("8", late.fill(7))
        order = floor.until_books(placed, floor.await_children(placed, "XNYS"), "CANCELED")
        assert (order["cumQty"], order["leavesQty"]) == (17, 0)


def test_a_replace_plans_anew_what_is_left_and_its_end_comes_sooner(floor: Floor) -> None:
    placed = work(floor, "TWAP", 30, slices=30)
    first = floor.await_children(placed, "XNYS")[0]
    floor["XNYS"].session.send("8", first.fill(first.asked_qty))
    floor.until(placed, "PARTIALLY_FILLED")
    trade_all(floor)
    change = {"quantity": 300, "algo": {"strategy": "TWAP", "endAt": until(2), "slices": 3}}
    floor.client.request("PATCH", f"/api/v1/orders/{placed.order_id}", body=change)
    order = floor.until(placed, "FILLED")
    assert (order["quantity"], order["cumQty"], order["algo"]["slices"]) == (300, 300, 3)
    before, after = told(floor, placed, "AlgoPlanned")
    assert (before["slices"][-1]["quantity"], after["slices"][-1]["quantity"]) == (600, 300)
    assert after["baseQty"] == sum(floor.sizes_at("XNYS", placed)[:1])
    assert sum(floor.sizes_at("XNYS", placed)) == 300


def test_a_suspended_algo_releases_nothing_and_all_that_is_due_when_it_is_resumed(floor: Floor) -> None:
    placed = work(floor, "TWAP", 4, slices=8)
    floor.await_children(placed, "XNYS")
    floor.client.post(f"/api/v1/orders/{placed.order_id}/suspend", {})
    floor.until(placed, "SUSPENDED")
    floor.until_true(lambda: not list(open_children(floor, placed)), "taken back child")
    before = told(floor, placed, "SharesReleased")
    due = before[-1]["slice"] + 2
    floor.until_true(
        lambda: progress(floor, placed)["slices"][due - 1]["doneQty"] is not None, f"slice {due} due"
    )
    assert told(floor, placed, "SharesReleased") == before
    trade_all(floor)
    floor.client.post(f"/api/v1/orders/{placed.order_id}/resume", {})
    order = floor.until(placed, "FILLED")
    late = told(floor, placed, "SharesReleased")[len(before)]
    assert late["slice"] >= due
    assert order["cumQty"] == 600 == sum(one.cum for one in floor.await_children(placed, "XNYS"))


def test_children_leave_slice_by_slice_and_a_core_that_is_killed_goes_on_with_the_same_plan(
    floor: Floor,
) -> None:
    trade_all(floor)
    placed = work(floor, "TWAP", 6, slices=6)
    floor.until(placed, "PARTIALLY_FILLED")
    plan = progress(floor, placed)["slices"]
    killed = floor.rig.kill("oms-core")
    while not floor.order(placed)["closed"]:
        found = progress(floor, placed)
        assert [one["plannedQty"] for one in found["slices"]] == [one["plannedQty"] for one in plan]
        due = [one["plannedQty"] for one in found["slices"] if one["doneQty"] is not None]
        assert found["releasedQty"] <= max(due, default=0)
    floor.rig.await_ready_again("oms-core", killed)
    floor.begin()
    (planned,) = told(floor, placed, "AlgoPlanned")
    released = told(floor, placed, "SharesReleased")
    planned_of = {number: one["quantity"] for number, one in enumerate(planned["slices"], 1)}
    assert [one["quantity"] for one in released] == [planned_of[one["slice"]] for one in released]
    assert all(a["slice"] < b["slice"] for a, b in pairwise(released))
    sizes = [b["quantity"] - a["quantity"] for a, b in pairwise([{"quantity": 0}, *released])]
    assert floor.sizes_at("XNYS", placed) == sizes and sum(sizes) == 600
    end = progress(floor, placed)
    assert (end["status"], end["releasedQty"], end["cumQty"]) == ("FILLED", 600, 600)
    assert end["slices"][-1]["doneQty"] == 600
    floor.until_books(placed, floor.await_children(placed, "XNYS"), "FILLED")
    floor.is_judged_clean()
