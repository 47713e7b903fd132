"""Answers of the API as JSON, whole, for tests to change."""

from typing import Any

ORDER_ID = "01900000-0000-7000-8000-0000deadbeef"
TIME = "2026-03-02T15:00:00.123456Z"
PLACED: dict[str, Any] = {
    "orderId": ORDER_ID,
    "clientOrderId": "c-1",
    "status": "NEW",
    "created": True,
    "message": "order received",
    "timestamp": TIME,
}
ORDER: dict[str, Any] = {
    "orderId": ORDER_ID,
    "accountId": "ACC-INST-001",
    "channel": "API",
    "clientOrderId": "c-1",
    "symbol": "AAPL",
    "side": "BUY",
    "orderType": "MARKET",
    "timeInForce": "DAY",
    "quantity": 100,
    "limitPrice": None,
    "stopPrice": None,
    "expireAt": None,
    "status": "FILLED",
    "closed": True,
    "cumQty": 100,
    "leavesQty": 0,
    "filledNotional": "22742.000000",
    "text": "",
    "sequence": 5,
    "createdAt": TIME,
    "updatedAt": TIME,
    "avgPx": "227.420000",
    "minQuantity": None,
    "algo": None,
    "peg": None,
    "basketId": None,
    "routing": None,
    "principal": "trader1",
    "capacity": "AGENCY",
    "displayQty": None,
    "postOnly": False,
    "locateId": None,
    "tags": None,
}
