"""Routing through the public doors: strategies, preferences, preview, what-if, profiles, scores, replay."""

import json
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from oms_tools.cli.client import ApiClient, ApiError
from tests.e2e.orders import place, until_status
from tests.patience import EVENTUALLY_S
from tests.stack_rig import StackRig

TERMS = ("price", "liquidity", "fill_rate", "latency", "cost")
CLOSED = ("FILLED", "CANCELED")


def plans(client: ApiClient, order_id: str) -> list[dict[str, Any]]:
    """Return an order's plans, first attempt first."""
    return [route["plan"] for route in client.get(f"/api/v1/orders/{order_id}/routes")["routes"]]


def filled(client: ApiClient) -> str:
    """Return the id of an order that was filled."""
    order_id = str(place(client)["orderId"])
    until_status(client, order_id, "FILLED")
    return order_id


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + EVENTUALLY_S
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come within {EVENTUALLY_S} s"
        time.sleep(0.1)


@pytest.mark.parametrize("profile", ["best", "default", "split", "staged", "dark", "passive", "urgency"])
def test_every_strategy_fills_a_market_order_and_says_what_it_did(rig: StackRig, profile: str) -> None:
    client = rig.client("trader1")
    order_id = place(client, quantity=700, routing={"profile": profile})["orderId"]
    assert until_status(client, order_id, *CLOSED)["status"] == "FILLED"
    for plan in plans(client, order_id):
        card = plan["explanation"]
        assert (card["profile"], card["profileVersion"]) == (profile, 1)
        assert card["strategy"] == ("sweep" if profile == "default" else profile)
        assert card["seed"]
        assert all(venue["reason"] for venue in card["venues"])
        assert sum(child["quantity"] for child in plan.get("children", [])) <= plan["quantity"]
        parts = [venue for venue in card["venues"] if venue.get("expectedQuantity")]
        assert sum(venue["expectedQuantity"] for venue in parts) == card.get("expectedQuantity", 0)
        assert sum(Decimal(venue["expectedFee"]) for venue in parts) == Decimal(card.get("expectedFee", 0))


def test_a_staged_order_waits_in_the_dark_and_goes_on_at_once(rig: StackRig) -> None:
    client = rig.client("trader1")
    order_id = place(client, symbol="DIS", quantity=40_000, routing={"profile": "staged"})["orderId"]
    until_status(client, order_id, *CLOSED)
    first, *later = plans(client, order_id)
    assert [(child["venueId"], child["holdMs"]) for child in first["children"]] == [("DARK", 300)]
    assert first["continues"]
    # Forty thousand shares are never all hidden there: what is left goes to the displayed books.
    assert {child["venueId"] for plan in later for child in plan.get("children", [])} - {"DARK"}
    events = client.get(f"/api/v1/orders/{order_id}/events")["events"]
    kinds = [event["eventType"] for event in events]
    assert "ChildClosed" in kinds
    after = kinds[kinds.index("ChildClosed") + 1]
    assert after == "RouteRequested", kinds


def test_venues_to_avoid_are_not_used(rig: StackRig) -> None:
    client = rig.client("trader1")
    order_id = place(client, quantity=5_000, routing={"avoid": ["EDGX", "BATS"]})["orderId"]
    until_status(client, order_id, *CLOSED)
    for plan in plans(client, order_id):
        assert not {child["venueId"] for child in plan.get("children", [])} & {"EDGX", "BATS"}
        reasons = {venue["venueId"]: venue["reason"] for venue in plan["explanation"]["venues"]}
        assert reasons["EDGX"] == reasons["BATS"] == "avoided by instruction"


def test_preferences_that_name_nothing_known_are_refused_by_field(rig: StackRig) -> None:
    client = rig.client("trader1")
    with pytest.raises(ApiError, match=r"routing\.profile: unknown routing profile"):
        place(client, routing={"profile": "nowhere"})
    with pytest.raises(ApiError, match=r"routing\.avoid: unknown venue"):
        place(client, routing={"avoid": ["XXXX"]})


def order_body(**changes: Any) -> dict[str, Any]:
    body = {
        "accountId": "ACC-INST-001",
        "symbol": "MSFT",
        "side": "BUY",
        "orderType": "MARKET",
        "quantity": 300,
    }
    return body | changes


def test_a_preview_shows_plan_cost_and_risk_and_sends_nothing(rig: StackRig) -> None:
    client = rig.client("trader1")
    before = client.get("/api/v1/orders", limit="1")["orders"]
    answer = client.post("/api/v1/routes/preview", order_body(routing={"profile": "split"}))
    assert answer["sent"] is False
    assert answer["risk"]["accepted"]
    assert answer["risk"]["checks"]
    plan = answer["plan"]
    assert sum(child["quantity"] for child in plan["children"]) == 300
    assert Decimal(plan["explanation"]["expectedCost"]) > Decimal(plan["explanation"]["expectedFee"])
    denied = client.post("/api/v1/routes/preview", order_body(quantity=100_000_000))
    assert not denied["risk"]["accepted"]
    assert denied["risk"]["denial"].startswith("ORDER_QTY_EXCEEDS_MAX: ")
    assert client.get("/api/v1/orders", limit="1")["orders"] == before


def test_a_preview_for_a_foreign_account_or_with_wrong_fields_is_refused(rig: StackRig) -> None:
    client = rig.client("trader1")
    with pytest.raises(ApiError, match="accountId: unknown account"):
        client.post("/api/v1/routes/preview", order_body(accountId="ACC-RET-001"))
    with pytest.raises(ApiError, match="quantity: must be a whole number"):
        client.post("/api/v1/routes/preview", order_body(quantity=0))


def test_a_stored_decision_is_reproduced_and_changed(rig: StackRig) -> None:
    client = rig.client("trader1")
    order_id = place(client, quantity=900)["orderId"]
    until_status(client, order_id, *CLOSED)
    path = f"/api/v1/orders/{order_id}/routes/1/whatif"
    used = {child["venueId"] for child in plans(client, order_id)[0]["children"]}
    answer = client.post(path, {"without": sorted(used), "weights": {"price": 0.9}})
    assert answer["stored"] == plans(client, order_id)[0]
    assert answer["again"]["children"] == answer["stored"]["children"]
    assert answer["again"]["explanation"]["venues"] == answer["stored"]["explanation"]["venues"]
    assert not {child["venueId"] for child in answer["changed"].get("children", [])} & used
    fees = {venue: {"add": "-0.0010", "remove": "0.0100"} for venue in used}
    dear = client.post(path, {"fees": fees})["changed"]["explanation"]
    assert {Decimal(v["feePerShare"]) for v in dear["venues"] if v["venueId"] in used} == {Decimal("0.01")}
    inputs = client.get(f"/api/v1/orders/{order_id}/routes/1/inputs")
    assert len(inputs["book"]["venues"]) == 6
    assert {venue["venue_id"] for venue in inputs["reference"]["venues"]} >= used


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"weights": {"price": -1}}, "weights.price must be 0 to 1"),
        (
            {"weights": dict.fromkeys(TERMS, 0)},
            "not all be 0",
        ),
        ({"without": ["XXXX"]}, "found XXXX"),
        ({"profile": "nowhere"}, "no usable routing profile"),
        ({"strategy": "guess"}, "strategy must be one of"),
        ({"fees": {"XNYS": {"add": "x", "remove": 1}}}, "fees.XNYS.add: must be a decimal number"),
        ({"colour": 1}, "colour: is not a field of a what-if"),
        ({"without": "XNYS"}, "without: must be a list"),
    ],
)
def test_a_what_if_that_makes_no_sense_is_refused(rig: StackRig, body: dict[str, Any], problem: str) -> None:
    client = rig.client("trader1")
    order_id = filled(client)
    with pytest.raises(ApiError, match=problem):
        client.post(f"/api/v1/orders/{order_id}/routes/1/whatif", body)


def test_a_what_if_of_nothing_stored_is_not_found(rig: StackRig) -> None:
    client = rig.client("trader1")
    order_id = filled(client)
    with pytest.raises(ApiError, match="has no route attempt 99"):
        client.post(f"/api/v1/orders/{order_id}/routes/99/whatif", {})
    with pytest.raises(ApiError, match="no order"):
        client.post("/api/v1/orders/01900000-0000-7000-8000-000000000001/routes/1/whatif", {})


def test_an_admin_adds_a_profile_gives_it_to_an_account_and_retires_it(rig: StackRig) -> None:
    admin, trader = rig.client("admin1"), rig.client("trader1")
    settings = {"strategy": "best", "weights": {"price": 0.6, "cost": "0.4"}, "reason": "a test"}
    with pytest.raises(ApiError, match="no right to admin"):
        trader.post("/api/v1/routing/profiles/mine", settings)
    with pytest.raises(ApiError, match=r"weights.price: must be 0 to 1"):
        admin.post("/api/v1/routing/profiles/mine", {"weights": {"price": "much"}, "reason": "a test"})
    first = admin.post("/api/v1/routing/profiles/mine", settings)["version"]
    assert admin.post("/api/v1/routing/profiles/mine", settings)["version"] == first + 1
    preferences = {"profile": "mine", "avoid": ["XNYS"], "prefer": []}
    stored = admin.put("/api/v1/accounts/ACC-INST-003/routing", preferences)
    assert {name: stored[name] for name in preferences} == preferences
    assert trader.get("/api/v1/accounts/ACC-INST-003/routing") == stored

    def explanation() -> dict[str, Any]:
        body = order_body(accountId="ACC-INST-003")
        card: dict[str, Any] = trader.post("/api/v1/routes/preview", body)["plan"]["explanation"]
        return card

    until(lambda: explanation().get("profileVersion") == first + 1, "the new version in decisions")
    assert explanation()["profile"] == "mine"
    assert admin.retire_profile("mine", reason="a test") == {"profile": "mine", "active": False}
    until(lambda: explanation()["summary"].startswith("Nothing placed, UNKNOWN_PROFILE"), "the retirement")
    admin.put("/api/v1/accounts/ACC-INST-003/routing", {})
    until(lambda: explanation()["profile"] == "default", "the default profile")
    with pytest.raises(ApiError, match="the default profile cannot be retired"):
        admin.retire_profile("default", reason="a test")


def test_scorecards_fill_from_our_own_fills(rig: StackRig) -> None:
    client = rig.client("trader1")
    until_status(client, place(client, quantity=4_000)["orderId"], *CLOSED)

    def measured() -> bool:
        venues = client.get("/api/v1/venues/scorecards")["venues"]
        assert {venue["venueId"] for venue in venues} == {"XNYS", "XNAS", "ARCX", "BATS", "EDGX", "DARK"}
        return any(venue["scorecard"]["orders"] for venue in venues)

    until(measured, "a measured venue")


def test_a_days_routes_are_decided_again_from_the_audit_alone(rig: StackRig) -> None:
    answer = rig.oms("replay-routes", "--strategy", "split", "--json")
    assert answer.returncode == 0, answer.stderr
    figures = json.loads(answer.stdout)
    assert figures["before"]["decisions"] > 0
    # Every stored decision comes out of its own inputs again.
    assert figures["decidedTheSame"] == figures["before"]["decisions"]
    assert figures["after"]["sharesWanted"] == figures["before"]["sharesWanted"]
    wrong = rig.oms("replay-routes", "--weights", "{")
    assert "must be JSON" in wrong.stderr


def test_the_commands_show_previews_and_differences(rig: StackRig) -> None:
    shown = rig.oms("preview", "--symbol", "AAPL", "--side", "BUY", "--quantity", "500", "--profile", "best")
    assert "Not sent. Risk: accepted" in shown.stdout, shown.stderr
    client = rig.client("trader1")
    order_id = filled(client)
    told = rig.oms("whatif", order_id, "--weights", '{"price": 0.2, "cost": 0.8}')
    assert "The difference" in told.stdout or "No difference" in told.stdout, told.stderr
    none = rig.oms("whatif", order_id)
    assert "No difference" in none.stdout, none.stderr


def test_execution_quality_is_that_of_the_command_line_and_of_the_callers_accounts_alone(
    rig: StackRig,
) -> None:
    desk, trader = rig.client("desk"), rig.client("trader2")
    filled(rig.client("trader1"))
    order_id = place(trader, accountId="ACC-RET-001")["orderId"]
    until_status(trader, str(order_id), "FILLED")
    path = "/api/v1/execution-quality"
    own = trader.get(path, cut="account")["rows"]
    assert {row["name"] for row in own} - {"all"} <= {f"ACC-RET-00{number}" for number in range(1, 6)}
    assert "ACC-RET-001" in {row["name"] for row in own}
    assert trader.get(path, accountId="ACC-INST-001")["orders"] == 0
    # The quotes that trades are measured by are kept a moment after them.
    deadline, before = time.monotonic() + EVENTUALLY_S, None
    while True:
        whole = desk.get(path, cut="venue")
        known = not any(row["missingShares"] for row in whole["rows"])
        if (known and whole["rows"] == before) or time.monotonic() > deadline:
            break
        before = whole["rows"]
        time.sleep(0.5)
    told = json.loads(rig.oms("tca", "--by", "venue", "--until", whole["to"], "--json").stdout)
    of_rest = {(row["name"], row["figure"]): row for row in whole["rows"]}
    assert {line["venue"] for line in [*told["lines"], told["total"]]} == {name for name, _ in of_rest}
    for line in [*told["lines"], told["total"]]:
        for figure in ("effective_spread", "fees", "shortfall"):
            row = of_rest[line["venue"], figure]
            assert (row["shares"], row["missingShares"], row["ordersKnown"]) == (
                line[f"{figure}_shares"], line[f"{figure}_missing_shares"], line[f"{figure}_orders"]
            )  # fmt: skip
            bps = line[f"{figure}_bps"]
            assert (row["bps"] is None) == (bps is None)
            assert bps is None or Decimal(row["bps"]) == Decimal(bps)
