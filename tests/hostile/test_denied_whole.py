"""What a rule of risk denies is in no FIX log: an order a rule through a whole stack, refused or denied.

Each order is of a strategy that is called like its rule, so that each limit holds for one order.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest

from oms_client.errors import ApiError
from oms_platform.risk_rules import SPEC_OF
from tests.hostile.floor import _REFERENCE as REFERENCE
from tests.hostile.floor import VENUE_IDS, Floor

ORDERS, SYMBOL = "/api/v1/orders", "MSFT"
NEAR: Final = {"limitPrice": str(REFERENCE[SYMBOL])}
BELOW: Final = str((REFERENCE[SYMBOL] * Decimal("0.98")).quantize(Decimal("0.01")))
SHORT: Final = {"side": "SELL_SHORT", "locateId": "L-1"}
# Rules that take a clock of the market, a setting, a dead feed or a history, and where a denial of theirs is.
ELSEWHERE: Final = {
    "NO_REFERENCE_PRICE": "tests/unit/oms_core/test_handlers.py",
    "MARKET_CLOSED": "tests/e2e/test_auctions.py",
    "ORDER_STALE": "tests/unit/oms_core/test_handlers.py",
    "DAILY_LOSS_EXCEEDED": "tests/unit/oms_core/test_days.py",
    "DRAWDOWN_EXCEEDED": "tests/unit/oms_core/test_rules.py",
    "CANCEL_TO_FILL_EXCEEDED": "tests/unit/oms_core/test_cancel_to_fill.py",
    "CHILDREN_EXCEEDED": "tests/unit/oms_core/test_children.py",
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """What the rule is set to, and the order that it denies. refused: the door does not even take it.

    first: an order before it that is taken.
    """

    limits: Mapping[str, object] = field(default_factory=dict)
    order: Mapping[str, object] = field(default_factory=dict)
    first: Mapping[str, object] | None = None
    refused: bool = False


CASES: Final[Mapping[str, Case]] = {
    "ACCOUNT_UNKNOWN": Case(order={"accountId": "ACC-NOBODY"}, refused=True),
    "ACCOUNT_NOT_ACTIVE": Case(order={"accountId": "ACC-RET-005"}),
    "INSTRUMENT_UNKNOWN": Case(order={"symbol": "NONESUCH"}, refused=True),
    "INSTRUMENT_NOT_ACTIVE": Case(order={"symbol": "F", "limitPrice": "10.00"}),
    "KILLED": Case(refused=True),
    "TRADER_NOT_PERMITTED": Case(limits={"permitted": False}),
    "INSTRUMENT_RESTRICTED": Case(limits={"restricted": "EVERYTHING"}),
    "INSTRUMENT_HALTED": Case(order={"symbol": "DIS", "limitPrice": "90.00"}),
    "EXPIRY_PASSED": Case(order={"timeInForce": "GTD", "expireTime": "2020-01-02T00:00:00Z"}, refused=True),
    "AUCTION_MISSED": Case(order={"timeInForce": "CLO"}, refused=True),
    "ALGO_OUTSIDE_SESSION": Case(
        order={"algo": {"strategy": "TWAP", "endTime": "2020-01-02T00:00:00Z"}}, refused=True
    ),
    "PRICE_OFF_TICK": Case(order={"limitPrice": "100.0001"}, refused=True),
    "QUANTITY_OFF_LOT": Case(limits={"lot": 7}),
    "PRICE_OUTSIDE_COLLAR": Case(limits={"collar_bps": 1}, order={"limitPrice": "9999.00"}),
    "PRICE_OUTSIDE_BANDS": Case(order={"symbol": "WMT", "limitPrice": "3.00"}),
    "ORDER_QTY_EXCEEDS_MAX": Case(limits={"quantity_max": 99}),
    "ORDER_NOTIONAL_EXCEEDS_MAX": Case(limits={"notional_max": 1}),
    "ORDER_EXCEEDS_VOLUME": Case(limits={"volume_bps": 1}, order={"quantity": 2001}),
    "SHORT_SALE_UNMARKED": Case(limits={"marked": True}, order={"side": "SELL", "accountId": "ACC-HF-002"}),
    "LOCATE_MISSING": Case(
        limits={"easy_to_borrow": False}, order={"side": "SELL_SHORT"}, first={"side": "SELL_SHORT"}
    ),
    "LOCATE_EXCEEDED": Case(limits={"counted": True}, order={**SHORT, "timeInForce": "DAY", "quantity": 301}),
    "SHORT_SALE_RESTRICTED": Case(limits={"in_force": True}, order={**SHORT, "limitPrice": BELOW}),
    "BUYING_POWER_EXCEEDED": Case(limits={"buying_power": 1}),
    "FIRM_CREDIT_EXCEEDED": Case(limits={"credit": 1}),
    "GROSS_EXPOSURE_EXCEEDED": Case(limits={"gross_max": 1}),
    "NET_EXPOSURE_EXCEEDED": Case(limits={"net_max": 1}),
    "SYMBOL_EXPOSURE_EXCEEDED": Case(limits={"symbol_max": 1}),
    "SECTOR_EXPOSURE_EXCEEDED": Case(limits={"sector_max": 1}),
    "SELF_CROSS": Case(limits={"prevented": True}, order={**SHORT, **NEAR}, first=NEAR),
    "DUPLICATE_ORDER": Case(limits={"repeats_max": 1, "window_s": 60}, first={}),
    "ORDER_RATE_EXCEEDED": Case(limits={"orders_max": 1, "window_s": 60}, first={"quantity": 99}),
    "MESSAGE_RATE_EXCEEDED": Case(limits={"messages_max": 1, "window_s": 60}, first={"quantity": 99}),
    "OPEN_ORDERS_EXCEEDED": Case(limits={"open_max": 1}, first={"quantity": 99}),
}
# Accounts in turn, so that what one has open is not in the way of another's rule.
ACCOUNTS: Final = ("ACC-INST-001", "ACC-INST-002", "ACC-INST-003", "ACC-HF-001")


def test_every_rule_has_an_order_here_or_is_shown_elsewhere() -> None:
    assert CASES.keys() | ELSEWHERE.keys() == SPEC_OF.keys()
    assert not CASES.keys() & ELSEWHERE.keys()
    for rule, file in ELSEWHERE.items():
        assert rule in (Path(__file__).parents[2] / file).read_text()


def test_an_order_that_a_rule_denies_reaches_no_venue(floor: Floor) -> None:
    _set_up(floor)
    denied = {rule: _send(floor, rule, case, place) for place, (rule, case) in enumerate(CASES.items())}
    wrong = {}
    for rule, order_id in denied.items():
        if order_id is None:
            continue
        found = floor.until_true(
            lambda order_id=order_id: _decision(floor, order_id), f"the end of {rule}'s order"
        )
        told = found["payload"].get("orderDenied", {}).get("denial", found["eventType"])
        if told.partition(":")[0] != rule:
            wrong[rule] = told
    assert not wrong, wrong
    assert {rule for rule, order_id in denied.items() if order_id is None} == {
        rule for rule, case in CASES.items() if case.refused
    }
    # One that is let through after all of them has left, and so would have all before it.
    last = floor.place("XNYS")
    floor.await_children(last, "XNYS")
    parents = [UUID(order_id).hex for order_id in denied.values() if order_id is not None]
    assert not [parent for parent in parents for venue in VENUE_IDS if floor[venue].orders_of(parent)]
    raws: list[bytes] = floor.until_true(
        lambda: _messages_with(floor, UUID(last.order_id).hex), "the last order's messages in the FIX log"
    )
    assert not [parent for parent in parents if any(parent.encode() in raw for raw in raws)]


def _set_up(floor: Floor) -> None:
    with floor.connection() as connection:
        connection.execute("UPDATE accounts SET status = 'SUSPENDED' WHERE account_id = 'ACC-RET-005'")
        connection.execute("UPDATE instruments SET status = 'INACTIVE' WHERE symbol = 'F'")
        connection.execute("UPDATE instruments SET lower_band = 1, upper_band = 2 WHERE symbol = 'WMT'")
    floor.client.post("/api/v1/halts", {"symbol": "DIS", "reason": "test"})
    floor.client.post("/api/v1/kill-switches", {"strategy": "KILLED", "stage": "BLOCK", "reason": "test"})
    limits = [
        {
            "rule": rule,
            "scope": {"strategy": rule},
            "mode": "ON",
            "severity": "HARD",
            "parameters": case.limits,
        }
        for rule, case in CASES.items()
        if case.limits
    ]
    limits.append(
        {"rule": "LOCATE_MISSING", "scope": {"strategy": "before"}, "parameters": {"easy_to_borrow": True}}
    )
    floor.client.post("/api/v1/risk/limits/load", {"limits": limits, "reason": "test"})
    lent = {"symbol": SYMBOL, "reference": "L-1", "broker": "Prime", "quantity": 300}
    locates = [lent | {"accountId": account} for account in ACCOUNTS]
    floor.client.post("/api/v1/locates/load", {"locates": locates, "reason": "test"})
    # Every service looks within a second.
    time.sleep(1.5)


def _send(floor: Floor, rule: str, case: Case, place: int) -> str | None:
    """Send a rule's order. Returns its id, None where the door does not take it."""
    body: dict[str, Any] = {
        "accountId": ACCOUNTS[place % len(ACCOUNTS)], "symbol": SYMBOL, "side": "BUY", "orderType": "LIMIT",
        "quantity": 100, "limitPrice": str(REFERENCE[SYMBOL] - 5), "timeInForce": "GTC",
    }  # fmt: skip
    if case.first is not None:
        before = {"clientOrderId": f"first-{rule}", "tags": {"strategy": "before"}}
        taken = floor.client.post(ORDERS, body | before | case.first)["orderId"]
        decided = floor.until_true(
            lambda: _decision(floor, taken), f"a decision on the order before {rule}'s"
        )
        assert decided["eventType"] == "OrderAccepted", decided
    own = {"clientOrderId": f"denied-{rule}", "tags": {"strategy": rule}}
    try:
        return str(floor.client.post(ORDERS, body | own | case.order)["orderId"])
    except ApiError as refusal:
        assert 400 <= refusal.status < 500, (rule, refusal)
        return None


def _decision(floor: Floor, order_id: str) -> dict[str, Any] | None:
    """Return the event by which risk decided on an order, None before."""
    events: list[dict[str, Any]] = floor.client.get(f"{ORDERS}/{order_id}/events")["events"]
    return next((one for one in events if one["eventType"] in ("OrderDenied", "OrderAccepted")), None)


def _messages_with(floor: Floor, text: str) -> list[bytes] | None:
    """Return the whole FIX log, None while no message in it has the text: it is written after the sending."""
    with floor.connection() as connection:
        raws = [bytes(raw) for (raw,) in connection.execute("SELECT raw FROM fix_messages").fetchall()]
    return raws if any(text.encode() in raw for raw in raws) else None


pytestmark = pytest.mark.timeout(120)
