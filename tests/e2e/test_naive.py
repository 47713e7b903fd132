"""What the router saved against naive ones, worked out anew from what the public API says of each order."""

import time
from decimal import Decimal
from typing import Any

import pytest

from oms_tools.cli.client import ApiClient, ApiError
from tests.e2e.orders import place, until_status
from tests.patience import EVENTUALLY_S
from tests.stack_rig import StackRig

PATH = "/api/v1/execution-quality"
ORDERS = [
    {"symbol": symbol, "side": side, "quantity": quantity, "routing": {"profile": profile}}
    for symbol, quantity in (("MSFT", 200), ("MSFT", 900), ("AAPL", 2_500), ("DIS", 60_000))
    for side in ("BUY", "SELL")
    for profile in ("default", "best", "split")
]
Levels = list[tuple[Decimal, int]]


def displayed(client: ApiClient, order_id: str, buy: bool) -> tuple[dict[str, Levels], list[dict[str, Any]]]:
    """Return what each venue that was open displayed to an order's first route, and the children of that."""
    inputs = client.get(f"/api/v1/orders/{order_id}/routes/1/inputs")
    plan = client.get(f"/api/v1/orders/{order_id}/routes")["routes"][0]["plan"]
    gone = {one["venueId"]: one.get("takenBefore", 0) for one in plan["explanation"]["venues"]}
    closed = inputs["reference"].get("closed", {})
    lit = {one["venue_id"] for one in inputs["reference"]["venues"] if one["lit"] and one["active"]} - set(
        closed
    )
    side = "ask" if buy else "bid"
    shown: dict[str, Levels] = {}
    for venue in inputs["book"]["venues"]:
        if venue["venueId"] not in lit:
            continue
        left: Levels = []
        taken = gone.get(venue["venueId"], 0)
        for price, size in zip(venue.get(f"{side}Prices", []), venue.get(f"{side}Sizes", []), strict=True):
            here = min(taken, size)
            taken -= here
            if size > here:
                left.append((Decimal(price), size - here))
        shown[venue["venueId"]] = left
    return shown, plan.get("children", [])


def saved_by_hand(client: ApiClient, order: dict[str, Any]) -> Decimal | None:
    """Return the dollars saved against the best quote, share by share; None where it displayed too little."""
    order_id, buy = str(order["orderId"]), order["side"] == "BUY"
    shown, children = displayed(client, order_id, buy)
    fills = client.get(f"/api/v1/orders/{order_id}/executions")["executions"]
    sign = 1 if buy else -1
    open_venues = [one for one in shown if shown[one]]
    if not open_venues:
        # Our other orders were taking all that was displayed.
        return None
    name = min(
        open_venues,
        key=lambda one: (sign * shown[one][0][0], -shown[one][0][1], one),
    )
    touch = shown[name][0][0]
    same = {
        one["clOrdId"]
        for one in children
        if one["venueId"] == name and sign * Decimal(one["limitPriceMicros"]) / 1_000_000 >= sign * touch
    }
    shares = [price for price, size in shown[name] for _ in range(size)]
    both = sum(fill["lastQty"] for fill in fills if fill["clOrdId"] in same)
    ours = [
        Decimal(fill["lastPx"])
        for fill in fills
        if fill["clOrdId"] not in same
        for _ in range(fill["lastQty"])
    ]
    its = shares[both : both + len(ours)]
    return None if len(its) < len(ours) else sign * (sum(its) - sum(ours))


def test_what_was_saved_is_what_the_public_records_of_each_order_give(rig: StackRig) -> None:
    client = rig.client("trader1")
    placed = [str(place(client, **order)["orderId"]) for order in ORDERS]
    orders = [until_status(client, order_id, "FILLED", "CANCELED") for order_id in placed]
    by_hand = {str(order["orderId"]): saved_by_hand(client, order) for order in orders if order["cumQty"]}
    # The quotes that trades are measured by, and the last fills, are there a moment later.
    deadline = time.monotonic() + EVENTUALLY_S
    while True:
        rows = client.get(PATH, cut="order", limit="200", accountId="ACC-INST-001")["rows"]
        found = {row["name"]: row for row in rows if row["figure"] == "saved_best_quote"}
        if by_hand.keys() <= found.keys() or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    for order_id, expected in by_hand.items():
        row = found[order_id]
        if expected is None:
            assert (row["dollars"], row["missingShares"]) == (None, row["shortShares"]), order_id
            assert row["shortShares"] == row["sharesFilled"]
        else:
            assert Decimal(row["dollars"]) == expected, order_id
            assert row["missingShares"] == 0
    # Some of each: so small that all was displayed at one venue, and so large that it was not.
    assert {expected is None for expected in by_hand.values()} == {True, False}


@pytest.mark.parametrize("cut", ["venue", "strategy", "symbol", "side", "account"])
def test_every_cut_has_the_figures_and_the_same_sum(rig: StackRig, cut: str) -> None:
    client = rig.client("trader1")
    until_status(client, str(place(client)["orderId"]), "FILLED")
    rows = client.get(PATH, cut=cut, limit="200")["rows"]
    for figure in ("saved_best_quote", "saved_listing_venue"):
        lines = [row for row in rows if row["figure"] == figure]
        *parts, total = lines
        assert total["name"] == "all" and total["gain"]
        for counted in ("shares", "missingShares", "shortShares"):
            assert sum(row[counted] for row in parts) == total[counted]
        assert total["shares"] + total["missingShares"] == total["sharesFilled"]
        known = [Decimal(row["dollars"]) for row in parts if row["dollars"] is not None]
        assert sum(known, Decimal(0)) == Decimal(total["dollars"] or 0)


@pytest.mark.parametrize("query", [{"cut": "router"}, {"from": "yesterday"}, {"limit": "0"}, {"side": "UP"}])
def test_what_cannot_be_asked_is_refused_in_words(rig: StackRig, query: dict[str, Any]) -> None:
    with pytest.raises(ApiError, match=next(iter(query))):
        rig.client("trader1").get(PATH, **query)
