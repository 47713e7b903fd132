"""What the judge says of an order's children, one event after the other: a filled one may be open again."""

import json
from typing import Any

import pytest

from oms_tools.verify.histories import check_children
from oms_tools.verify.report import Finding

QUANTITY = 100
Event = tuple[str, dict[str, Any]]


def restated(quantity: int) -> Event:
    return "ChildRestated", {"childRestated": {"clOrdId": "1-1", "quantity": quantity}}


def traded(shares: int) -> Event:
    return "TradeApplied", {"tradeApplied": {"clOrdId": "1-1", "lastQty": shares}}


def closed(outcome: str) -> Event:
    return "ChildClosed", {"childClosed": {"clOrdId": "1-1", "outcome": f"EXEC_TYPE_{outcome}"}}


def busted(shares: int) -> Event:
    return "TradeCorrected", {"tradeCorrected": {"clOrdId": "1-1", "wasQty": shares}}


def asked(quantity: int) -> Event:
    return "RouteRequested", {"routeRequested": {"quantity": quantity}}


def said_of(*events: Event) -> list[str]:
    sent = {"children": [{"clOrdId": "1-1", "quantity": QUANTITY}]}
    history = [asked(QUANTITY), ("RoutePlaced", {"routePlaced": sent}), *events]
    finding = Finding(invariant="children")
    rows = [
        (None, QUANTITY, number, event, json.dumps(body | {"quantity": QUANTITY}))
        for number, (event, body) in enumerate(history, 1)
    ]
    check_children(finding, "O1", rows, overfilled=False)
    return finding.violations


@pytest.mark.parametrize("ends", [(restated(60), traded(60)), (traded(60), closed("TRADE"))])
@pytest.mark.parametrize("quantity", [61, 100])
def test_a_filled_child_is_open_again_with_what_a_replace_in_flight_gave_it(
    ends: tuple[Event, ...], quantity: int
) -> None:
    left = QUANTITY - quantity
    assert said_of(*ends, restated(quantity), asked(left), traded(quantity - 60)) == []
    (wrong,) = said_of(*ends, restated(quantity), asked(left + 1))
    assert f"asks for {left + 1}: {QUANTITY + 1} of {QUANTITY}" in wrong


@pytest.mark.parametrize("ends", [(closed("CANCELED"),), (closed("TRADE"), busted(60))])
def test_no_other_end_is_undone_by_a_replace(ends: tuple[Event, ...]) -> None:
    (wrong,) = said_of(traded(60), *ends, restated(100))
    assert "after event 5" in wrong or "after event 6" in wrong
    assert "1-1, which had ended unfilled, has 100 shares again" in wrong
