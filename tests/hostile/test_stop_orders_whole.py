"""Stop orders through a whole stack: what waits, what triggers, and what a venue gets of it then."""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.hostile.floor import _REFERENCE as REFERENCE
from tests.hostile.floor import VENUE_IDS, Floor, Placed

ACCOUNT, SYMBOL = "ACC-INST-001", "MSFT"


def stop_order(floor: Floor, part: str, side: str, **terms: Any) -> Placed:
    """Place a stop order that XNYS alone may get. part: of the market's price, its stop price."""
    price = (REFERENCE[SYMBOL] * Decimal(part)).quantize(Decimal("0.01"))
    body: dict[str, Any] = {
        "clientOrderId": f"stop-{time.time_ns()}",
        "accountId": ACCOUNT, "symbol": SYMBOL, "side": side, "orderType": "STOP", "quantity": 100,
        "stopPrice": str(price), "timeInForce": "GTC",
        "routing": {"avoid": [venue for venue in VENUE_IDS if venue != "XNYS"]},
    } | terms  # fmt: skip
    order_id = floor.client.post("/api/v1/orders", body)["orderId"]
    return Placed(
        order_id=order_id, account=ACCOUNT, symbol=SYMBOL, side=side, price=str(price), quantity=100,
        before=0, cash_before=Decimal(0),
    )  # fmt: skip


@pytest.mark.parametrize(("part", "side"), [("0.98", "BUY"), ("1.02", "SELL")])
def test_a_stop_through_its_price_is_sent_at_once_and_the_audit_names_its_quote(
    floor: Floor, part: str, side: str
) -> None:
    placed = stop_order(floor, part, side)
    child = floor.await_children(placed, "XNYS")[0]
    assert (child.new.text(40), child.new.text(54)) == ("2", "1" if side == "BUY" else "2")
    trigger = floor.until_event(placed, "StopTriggered")["payload"]["stopTriggered"]
    quoted = trigger["offerMicros" if side == "BUY" else "bidMicros"]
    assert trigger["priceMicros"] == quoted
    assert trigger["quoteSequence"] > 0 and trigger["quotedAt"]
    floor["XNYS"].session.send("8", child.fill(100))
    assert floor.until(placed, "FILLED")["orderType"] == "STOP"


@pytest.mark.parametrize(("part", "side"), [("1.05", "BUY"), ("0.95", "SELL")])
def test_a_stop_that_waits_is_replaced_into_the_market_or_canceled_and_nothing_left_before(
    floor: Floor, part: str, side: str
) -> None:
    placed = stop_order(floor, part, side)
    floor.until(placed, "ACKNOWLEDGED")
    waits = stop_order(floor, part, side, quantity=200)
    floor.until(waits, "ACKNOWLEDGED")
    through = (REFERENCE[SYMBOL] * (2 - Decimal(part))).quantize(Decimal("0.01"))
    body = {"stopPrice": str(through)}
    floor.client.request("PATCH", f"/api/v1/orders/{placed.order_id}", body=body)
    child = floor.await_children(placed, "XNYS")[0]
    assert Decimal(floor.order(placed)["stopPrice"]) == through
    floor["XNYS"].session.send("8", child.fill(100))
    floor.until(placed, "FILLED")
    floor.cancel(waits)
    floor.until(waits, "CANCELED")
    assert floor.sizes_at("XNYS", waits) == []
    kinds = [event["eventType"] for event in floor.events(waits)]
    assert kinds == ["OrderReceived", "OrderAccepted", "CancelRequested", "OrderCanceled"]


def test_an_order_good_till_a_time_is_expired_then(floor: Floor) -> None:
    until = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    placed = stop_order(floor, "1.05", "BUY", timeInForce="GTD", expireTime=until)
    order = floor.until(placed, "EXPIRED")
    assert datetime.fromisoformat(order["expireAt"]) == datetime.fromisoformat(until)
    kinds = [event["eventType"] for event in floor.events(placed)]
    assert kinds == ["OrderReceived", "OrderAccepted", "CancelRequested", "OrderExpired"]


def test_a_stop_that_waits_is_no_order_that_core_is_behind_with(floor: Floor) -> None:
    waits = stop_order(floor, "1.05", "BUY")
    floor.until(waits, "ACKNOWLEDGED")
    # The gateway refuses new orders while one of core's is older than OMS_API_SHED_AGE_S, 2 s.
    time.sleep(3)
    other = stop_order(floor, "1.05", "BUY")
    for placed in (waits, other):
        floor.cancel(placed)
        floor.until(placed, "CANCELED")


def test_a_stop_limit_order_is_sent_with_its_limit(floor: Floor) -> None:
    limit = str((REFERENCE[SYMBOL] * Decimal("1.01")).quantize(Decimal("0.01")))
    placed = stop_order(floor, "0.99", "BUY", orderType="STOP_LIMIT", limitPrice=limit)
    child = floor.await_children(placed, "XNYS")[0]
    assert Decimal(child.price) <= Decimal(limit)
    floor["XNYS"].session.send("8", child.fill(100))
    floor.until(placed, "FILLED")
    floor.is_judged_clean()
