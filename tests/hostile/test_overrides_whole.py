"""A second person's leave through a whole stack: denied, granted by another, sent again, and only once."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from oms_tools.cli.client import ApiClient, ApiError
from tests.hostile.floor import _REFERENCE as REFERENCE
from tests.hostile.floor import VENUE_IDS, Floor, Placed

OVERRIDES = "/api/v1/risk/overrides"
RULE, ACCOUNT, SYMBOL = "ORDER_QTY_EXCEEDS_MAX", "ACC-INST-001", "MSFT"
DENIED = f"{RULE}: quantity=200, limit=100, override=possible"


def send(floor: Floor, client: ApiClient | None = None, quantity: int = 200) -> Placed:
    """Send one and the same order under a name of its own: to buy far from the market."""
    price = (REFERENCE[SYMBOL] * Decimal("0.98")).quantize(Decimal("0.01"))
    body: dict[str, Any] = {
        "clientOrderId": f"again-{uuid.uuid4().hex}", "accountId": ACCOUNT, "symbol": SYMBOL, "side": "BUY",
        "orderType": "LIMIT", "limitPrice": str(price), "quantity": quantity, "timeInForce": "DAY",
        "routing": {"avoid": [venue for venue in VENUE_IDS if venue != "XNYS"]},
    }  # fmt: skip
    return Placed(
        order_id=(client or floor.client).post("/api/v1/orders", body)["orderId"], account=ACCOUNT,
        symbol=SYMBOL, side="BUY", price=str(price), quantity=quantity, before=0, cash_before=Decimal(0),
    )  # fmt: skip


def denied(floor: Floor, client: ApiClient | None = None) -> Placed:
    """Return an order that was denied."""
    placed = send(floor, client)
    assert floor.until(placed, "REJECTED")["text"] == DENIED
    return placed


def refused(client: ApiClient, body: dict[str, Any]) -> tuple[int, str]:
    """Return how leave is refused: by what status, of which field."""
    with pytest.raises(ApiError) as error:
        client.post(OVERRIDES, {"reason": "drill"} | body)
    return error.value.status, next((one.field for one in error.value.fields), "")


def test_what_another_person_granted_passes_once_and_whoever_asked_may_not_grant_it(floor: Floor) -> None:
    data = floor.rig.layout.data
    risk, desk, viewer = (ApiClient.of_stack(data, user) for user in ("risk1", "desk", "viewer1"))
    scope = {"account": ACCOUNT, "symbol": SYMBOL}
    row = {"rule": RULE, "scope": scope, "severity": "OVERRIDE", "parameters": {"quantity_max": 100}}
    risk.request("PUT", "/api/v1/risk/limits", body=row | {"reason": "drill"})
    time.sleep(1)
    first = denied(floor)
    named = {"orderId": first.order_id}
    # Out of role, of nothing that was denied, of other rules.
    assert refused(floor.client, named)[0] == 403
    assert refused(viewer, named)[0] == 403
    assert refused(risk, named | {"rules": ["SELF_CROSS"]}) == (400, "rules[0]")
    small = send(floor, quantity=100)
    assert refused(risk, {"orderId": small.order_id}) == (400, "orderId")
    # The same person, though the role would do.
    assert refused(desk, {"orderId": denied(floor, desk).order_id}) == (400, "orderId")

    granted = risk.post(OVERRIDES, named | {"reason": "agreed by telephone"})
    assert (granted["status"], granted["trader"], granted["grantedBy"]) == ("OPEN", "admin1", "risk1")
    assert refused(desk, named)[0] == 409
    time.sleep(1)
    with ThreadPoolExecutor(2) as both:
        sent = list(both.map(lambda _: send(floor), range(2)))
    statuses = {floor.until(one, "REJECTED", "ACKNOWLEDGED")["status"]: one for one in sent}
    assert set(statuses) == {"REJECTED", "ACKNOWLEDGED"}
    passed = statuses["ACKNOWLEDGED"]
    floor.await_children(passed, "XNYS")
    accepted = floor.until_event(passed, "OrderAccepted")["payload"]["orderAccepted"]
    assert accepted["override"] == {
        "overrideId": granted["overrideId"], "grantedBy": "risk1", "reason": "agreed by telephone",
    }  # fmt: skip
    (found,) = risk.request("GET", f"{OVERRIDES}?orderId={first.order_id}&all=true")["overrides"]
    assert (found["status"], found["usedBy"]) == ("USED", passed.order_id)
    told = floor.rig.oms("explain", passed.order_id).stdout
    assert "overridden by risk1" in told, told
    denied(floor)
    assert floor.rig.oms("override", "revoke", first.order_id, "--reason", "late").returncode != 0
    for placed in (small, passed):
        floor.cancel(placed)
        floor.until(placed, "CANCELED")
