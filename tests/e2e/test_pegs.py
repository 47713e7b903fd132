"""Pegged orders on a whole stack whose market moves: they follow it where they are, also over a restart."""

import re
import time
from decimal import Decimal
from typing import Any

import pytest

from oms_tools.cli.client import ApiClient, ApiError
from oms_tools.laptop.parts import wait_until
from tests.e2e.orders import place, until_status
from tests.patience import EVENTUALLY_S
from tests.stack_rig import StackRig

MOVES_S = 20.0


def events(rig: StackRig, order_id: str) -> list[tuple[str, dict[str, Any]]]:
    """Return an order's events: type and content."""
    found = rig.client("trader1").get(f"/api/v1/orders/{order_id}/events")["events"]
    return [
        (one["eventType"], one["payload"].get(one["eventType"][:1].lower() + one["eventType"][1:], {}))
        for one in found
    ]


def of_type(rig: StackRig, order_id: str, kind: str) -> list[dict[str, Any]]:
    return [content for event, content in events(rig, order_id) if event == kind]


def follows(rig: StackRig, order_id: str, moves: int) -> None:
    """Wait until venues have moved an order so often."""
    wait_until(lambda: len(of_type(rig, order_id, "ChildRestated")) >= moves, f"{moves} moves", MOVES_S)


def test_a_primary_peg_stays_behind_the_market_where_it_is_and_goes_on_after_a_crash(rig: StackRig) -> None:
    client = rig.client("trader1")
    peg = {"type": "PRIMARY", "offset": "-1"}
    order_id = place(client, orderType="PEGGED", peg=peg, quantity=500)["orderId"]
    follows(rig, order_id, 3)
    rig.await_ready_again("oms-core", rig.kill("oms-core"))
    before = len(of_type(rig, order_id, "ChildRestated"))
    follows(rig, order_id, before + 2)
    further = {"type": "PRIMARY", "offset": "-2"}
    limit = str(Decimal(of_type(rig, order_id, "PegPriced")[-1]["priceMicros"]).scaleb(-6) + 5)
    client.request("PATCH", f"/api/v1/orders/{order_id}", body={"peg": further, "limitPrice": limit})
    wait_until(lambda: bool(of_type(rig, order_id, "OrderReplaced")), "the replace", MOVES_S)
    order = client.get(f"/api/v1/orders/{order_id}")
    assert (order["peg"], Decimal(order["limitPrice"])) == (further, Decimal(limit))
    wait_until(lambda: len(of_type(rig, order_id, "RoutePlaced")) == 2, "another route", MOVES_S)
    client.delete(f"/api/v1/orders/{order_id}")
    order = until_status(client, order_id, "CANCELED")
    assert (order["peg"], order["orderType"], order["cumQty"]) == (further, "PEGGED", 0)
    routes = of_type(rig, order_id, "RoutePlaced")
    # One order at one venue all the time, at the price of each quote, until it was replaced.
    first, second = ([child["limitPriceMicros"] for child in route.get("children", ())] for route in routes)
    assert (len(first), len(second)) == (1, 1)
    priced = of_type(rig, order_id, "PegPriced")
    below = [one["bidMicros"] - one["priceMicros"] for one in priced]
    assert set(below) == {1_000_000, 2_000_000} and below == sorted(below)
    moved = [one["limitPriceMicros"] for one in of_type(rig, order_id, "ChildRestated")]
    assert moved == [one["priceMicros"] for one in priced][1 : len(moved) + 1]


def test_a_midpoint_peg_rests_in_the_dark_and_a_market_peg_trades_with_what_it_meets(rig: StackRig) -> None:
    client = rig.client("trader1")
    middle = place(client, orderType="PEGGED", peg={"type": "MIDPOINT"}, quantity=200)["orderId"]
    meets = place(client, orderType="PEGGED", peg={"type": "MARKET"}, quantity=200)["orderId"]
    until_status(client, meets, "FILLED")
    wait_until(lambda: of_type(rig, middle, "RoutePlaced")[-1:] != [], "a route", MOVES_S)
    children = [child for route in of_type(rig, middle, "RoutePlaced") for child in route.get("children", ())]
    assert {(child["venueId"], child["execInst"]) for child in children} == {
        ("DARK", "EXEC_INST_MIDPOINT_PEG")
    }
    # It trades when somebody meets it at the middle.
    until_status(client, middle, "FILLED")


def test_what_a_peg_may_not_be_is_refused_by_field_and_a_preview_shows_its_price(rig: StackRig) -> None:
    client = rig.client("trader1")
    body = {"accountId": "ACC-INST-001", "symbol": "MSFT", "side": "BUY", "quantity": 100}
    for terms, field in (
        ({"orderType": "PEGGED"}, "peg"),
        ({"orderType": "LIMIT", "limitPrice": "1", "peg": {"type": "PRIMARY"}}, "peg"),
        ({"orderType": "PEGGED", "peg": {"type": "PRIMARY", "offset": "0.01"}}, "peg.offset"),
        ({"orderType": "PEGGED", "peg": {"type": "MIDPOINT", "offset": "-0.01"}}, "peg.offset"),
        ({"orderType": "PEGGED", "peg": {"type": "MARKET"}, "postOnly": True}, "postOnly"),
        ({"orderType": "PEGGED", "peg": {"type": "MARKET"}, "timeInForce": "IOC"}, "timeInForce"),
        ({"orderType": "PEGGED", "peg": {"type": "MARKET"}, "stopPrice": "1"}, "stopPrice"),
        ({"orderType": "PEGGED", "peg": {"type": "LAST"}}, "peg.type"),
        ({"orderType": "PEGGED", "peg": {"type": "MARKET", "offset": "x"}}, "peg.offset"),
        ({"orderType": "PEGGED", "peg": {"type": "MARKET", "by": 1}}, "peg.by"),
    ):
        with pytest.raises(ApiError, match="400") as refused:
            client.post("/api/v1/routes/preview", body | terms)
        assert re.findall(r"fields? (?:is|are) wrong.*?: ([\w.]+):", str(refused.value)) == [field], terms
    found = _preview_once_quoted(client, body | {"orderType": "PEGGED", "peg": {"type": "MARKET"}})
    assert sum(child["quantity"] for child in found["plan"]["children"]) == 100


def _preview_once_quoted(client: ApiClient, body: dict[str, Any]) -> dict[str, Any]:
    """Return a preview. On a busy machine a quote may be too old for a moment, which is refused."""
    deadline = time.monotonic() + EVENTUALLY_S
    while True:
        try:
            found: dict[str, Any] = client.post("/api/v1/routes/preview", body)
            return found
        except ApiError as refused:
            if "no quote of" not in str(refused) or time.monotonic() > deadline:
                raise
        time.sleep(0.05)
