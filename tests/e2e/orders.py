"""Orders through the REST door, and waiting for what becomes of them."""

import time
from decimal import Decimal
from typing import Any

import pytest

from oms_tools.cli.client import ApiClient
from tests.patience import EVENTUALLY_S


def place(client: ApiClient, **changes: Any) -> dict[str, Any]:
    """Send an order and return the answer."""
    body = {
        "clientOrderId": f"e2e-{time.time_ns()}",
        "accountId": "ACC-INST-001",
        "symbol": "MSFT",
        "side": "BUY",
        "orderType": "MARKET",
        "quantity": 200,
        "timeInForce": "DAY",
    }
    answer: dict[str, Any] = client.post("/api/v1/orders", body | changes)
    return answer


def until_status(client: ApiClient, order_id: str, *statuses: str) -> dict[str, Any]:
    """Wait until an order has one of these statuses."""
    deadline = time.monotonic() + EVENTUALLY_S
    while time.monotonic() < deadline:
        order: dict[str, Any] = client.get(f"/api/v1/orders/{order_id}")
        if order["status"] in statuses:
            return order
        time.sleep(0.05)
    pytest.fail(
        f"order is {order['status']}, expected {statuses}: {client.get(f'/api/v1/orders/{order_id}/events')}"
    )


def far_below(client: ApiClient, **changes: Any) -> str:
    """Return a limit price that waits in a book: two percent under what was paid last."""
    paid = until_status(client, place(client, **changes)["orderId"], "FILLED")["avgPx"]
    return str((Decimal(paid) * Decimal("0.98")).quantize(Decimal("0.01")))
