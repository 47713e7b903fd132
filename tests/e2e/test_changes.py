"""Orders that are replaced, suspended, resumed and canceled through a whole stack, by every door."""

import json
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from oms_client.errors import ConflictError, InvalidRequestError
from oms_tools.cli.client import ApiClient
from oms_tools.laptop.parts import wait_until
from oms_tools.laptop.stack import DEMO_FIX_CLIENT, DEMO_FIX_PASSWORD
from tests.e2e.fix_client import FixClient
from tests.e2e.orders import far_below, place, until_status
from tests.patience import EVENTUALLY_S
from tests.stack_rig import StackRig, broken

# Each test trades a symbol of its own, so that none takes another's orders.


@pytest.fixture
def desk(rig: StackRig) -> ApiClient:
    return rig.client("trader1")


def resting(desk: ApiClient, symbol: str, price: str, quantity: int = 100) -> str:
    """Place an order that waits in a book. Returns its id once it is there."""
    order_id: str = place(desk, symbol=symbol, orderType="LIMIT", limitPrice=price, quantity=quantity)[
        "orderId"
    ]
    wait_until(lambda: bool(live(desk, order_id)), "a child in a book", EVENTUALLY_S)
    return order_id


def live(desk: ApiClient, order_id: str) -> list[dict[str, Any]]:
    """Return the children of an order that live."""
    routes = desk.order_routes(order_id)["routes"]
    return [child for route in routes for child in route["children"] if child["leavesQty"] > 0]


def outcome(desk: ApiClient, order_id: str, request_id: str) -> str:
    """Wait for the event that ends a request, and return its type."""
    found: list[str] = []

    def ended() -> bool:
        for event in desk.order_events(order_id)["events"]:
            kind = event["eventType"]
            body = event["payload"].get(kind[:1].lower() + kind[1:], {})
            if kind != "ReplaceRequested" and body.get("requestId") == request_id:
                found.append(kind)
        return bool(found)

    wait_until(ended, "the outcome of a request", EVENTUALLY_S)
    return found[0]


def until(desk: ApiClient, order_id: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Wait until something holds of an order, and return it."""
    wait_until(lambda: holds(desk.order(order_id)), "what is expected of an order", EVENTUALLY_S)
    found: dict[str, Any] = desk.order(order_id)
    return found


def test_an_order_is_replaced_both_ways_of_the_version_that_was_read_and_fills_at_its_new_price(
    desk: ApiClient,
) -> None:
    low = far_below(desk, symbol="GOOGL")
    order_id = resting(desk, "GOOGL", low)
    more = desk.replace(order_id, quantity=250)
    assert (more["status"], more["created"]) == ("ACKNOWLEDGED", True)
    assert outcome(desk, order_id, more["requestId"]) == "OrderReplaced"
    after = until(desk, order_id, lambda one: one["quantity"] == 250 and one["status"] == "ACKNOWLEDGED")
    assert (after["leavesQty"], after["limitPrice"]) == (250, low.rstrip("0").rstrip("."))
    less = desk.replace(order_id, quantity=60, time_in_force="GTC", version=after["sequence"])
    assert outcome(desk, order_id, less["requestId"]) == "OrderReplaced"
    with pytest.raises(ConflictError) as stale:
        desk.replace(order_id, quantity=70, version=after["sequence"])
    assert stale.value.code == "PRECONDITION_FAILED"
    shrunk = until(desk, order_id, lambda one: one["quantity"] == 60)
    assert (shrunk["leavesQty"], shrunk["timeInForce"]) == (60, "GTC")
    high = str((Decimal(low) * Decimal("1.04")).quantize(Decimal("0.01")))
    desk.replace(order_id, limit_price=high)
    filled = until_status(desk, order_id, "FILLED")
    assert (filled["cumQty"], filled["quantity"]) == (60, 60)
    with pytest.raises(ConflictError) as over:
        desk.replace(order_id, quantity=60)
    assert (over.value.code, over.value.order_status) == ("ORDER_CLOSED", "FILLED")
    again = desk.replace(order_id, quantity=90)
    assert outcome(desk, order_id, again["requestId"]) == "OrderReplaced"
    assert until_status(desk, order_id, "FILLED")["orderId"] == order_id
    until(desk, order_id, lambda one: one["cumQty"] == 90)


def test_a_suspended_order_has_nothing_in_the_market_and_goes_on_when_it_is_resumed(desk: ApiClient) -> None:
    low = far_below(desk, symbol="NVDA")
    order_id = resting(desk, "NVDA", low)
    key = uuid.uuid4().hex
    asked = desk.suspend(order_id, request_id=key)
    assert outcome(desk, order_id, asked["requestId"]) == "OrderSuspended"
    wait_until(lambda: not live(desk, order_id), "the children's end", EVENTUALLY_S)
    again = desk.suspend(order_id, request_id=key)
    assert (again["requestId"], again["created"]) == (asked["requestId"], False)
    with pytest.raises(ConflictError) as twice:
        desk.suspend(order_id)
    assert (twice.value.code, twice.value.order_status) == ("CONFLICT", "SUSPENDED")
    replaced = desk.replace(order_id, quantity=40)
    assert outcome(desk, order_id, replaced["requestId"]) == "OrderReplaced"
    assert until(desk, order_id, lambda one: one["quantity"] == 40)["status"] == "SUSPENDED"
    assert not live(desk, order_id)
    resumed = desk.resume(order_id)
    assert outcome(desk, order_id, resumed["requestId"]) == "OrderResumed"
    wait_until(lambda: bool(live(desk, order_id)), "a child in a book again", EVENTUALLY_S)
    with pytest.raises(ConflictError):
        desk.resume(order_id)
    desk.cancel(order_id)
    assert until_status(desk, order_id, "CANCELED")["leavesQty"] == 0


def test_many_are_suspended_and_canceled_by_what_they_are_and_a_repeat_means_the_same_ones(
    rig: StackRig, desk: ApiClient
) -> None:
    low = far_below(desk, symbol="TSLA")
    resting_ones = [resting(desk, "TSLA", low, 10) for _ in range(3)]
    venue = live(desk, resting_ones[0])[0]["venueId"]
    assert desk.suspend_all(symbol="TSLA", older_than=86_400)["orders"] == []
    suspended = desk.suspend_all(symbol="TSLA", account="ACC-INST-001", venue=venue)
    named = {line["orderId"] for line in suspended["orders"]}
    assert named <= set(resting_ones) and resting_ones[0] in named
    for order_id in named:
        until_status(desk, order_id, "SUSPENDED")
    told = rig.oms("resume-all", "--symbol", "TSLA", "--json")
    assert told.returncode == 0, told.stderr
    assert {line["orderId"] for line in json.loads(told.stdout)["orders"]} == named
    key = uuid.uuid4().hex
    first = desk.cancel_all(symbol="TSLA", request_id=key)
    assert {line["orderId"] for line in first["orders"]} == set(resting_ones)
    later = resting(desk, "TSLA", low, 10)
    again = desk.cancel_all(symbol="TSLA", request_id=key)
    assert not again["created"]
    asked = {line["orderId"]: line["request"]["requestId"] for line in first["orders"]}
    assert asked == {line["orderId"]: line["request"]["requestId"] for line in again["orders"]}
    for order_id in resting_ones:
        assert until_status(desk, order_id, "CANCELED")["cumQty"] == 0
    assert not desk.order(later)["closed"]
    by_name = desk.cancel_all(client_order_ids=[desk.order(later)["clientOrderId"], "nobodys"])
    assert [line["error"] and line["error"]["code"] for line in by_name["orders"]] == [None, "NOT_FOUND"]
    until_status(desk, later, "CANCELED")


def test_a_batch_is_placed_line_by_line(desk: ApiClient) -> None:
    good = {"account": "ACC-INST-001", "symbol": "AMZN", "side": "BUY", "quantity": 10}
    answer = desk.place_all([good, good | {"quantity": 0}, good | {"symbol": "NOPE"}])
    assert [line["status"] for line in answer["orders"]] == [201, 400, 400]
    until_status(desk, answer["orders"][0]["placed"]["orderId"], "FILLED")
    with pytest.raises(InvalidRequestError) as refused:
        desk.place_all([good, good | {"quantity": 0}], all_or_nothing=True)
    assert [problem.field for problem in refused.value.fields] == ["orders[1].quantity"]


@pytest.fixture
def client(rig: StackRig, tmp_path: Path) -> Iterator[FixClient]:
    names = DEMO_FIX_CLIENT.comp_id, DEMO_FIX_CLIENT.username
    made = FixClient(rig.layout.port("api_fix"), tmp_path, *names, DEMO_FIX_PASSWORD)
    made.start()
    yield made
    made.stop()


def test_a_fix_client_replaces_its_order_twice_and_cancels_it_by_the_last_clordid(client: FixClient) -> None:
    client.order("change-1", 100, "150.00")
    client.wait_for("change-1", lambda one: one["150"] == "0")
    asked = "1=ACC-INST-001|55=AAPL|54=1|40=2"
    client.send("G", f"11=change-2|41=change-1|{asked}|38=200|44=150.00|59=0")
    done = client.wait_for("change-2", lambda one: one["150"] == "5")
    assert (done["11"], done["41"], done["38"], done["151"], done["14"]) == (
        "change-2", "change-1", "200", "200", "0",
    )  # fmt: skip
    client.send("G", f"11=change-3|41=change-2|{asked}|38=50|44=151.00|59=0")
    last = client.wait_for("change-3", lambda one: one["150"] == "5")
    assert (last["41"], last["38"], last["44"]) == ("change-2", "50", "151")
    client.send("F", "11=change-4|41=change-3|55=AAPL|54=1|38=50")
    canceled = client.wait_for("change-4", lambda one: one["150"] == "4")
    assert (canceled["41"], canceled["39"], canceled["151"]) == ("change-3", "4", "0")
    client.send("G", f"11=change-5|41=change-3|{asked}|38=60|44=151.00|59=0")
    late = client.wait_for("change-5", lambda one: one["35"] == "9")
    assert (late["434"], late["102"], late["39"]) == ("2", "0", "4")
    assert not [one for one in client.received if one["35"] in "3j"]


def test_every_invariant_holds_of_what_was_asked_here(rig: StackRig) -> None:
    assert broken(rig.verify()) == []
