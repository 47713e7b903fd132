"""What the judge says of children's prices, one wrong event at a time."""

import json
from typing import Any

import pytest

from oms_tools.verify.prices import INVARIANT, check_prices
from oms_tools.verify.report import Finding

BUY: dict[str, Any] = {"side": "SIDE_BUY"}
SELL: dict[str, Any] = {"side": "SIDE_SELL_SHORT"}
LIMITED = BUY | {"limitPriceMicros": 1_000}
PRIMARY = {"peg": {"pegType": "PEG_TYPE_PRIMARY", "offsetMicros": -10}}
MARKET = {"peg": {"pegType": "PEG_TYPE_MARKET"}}
MIDPOINT = {"peg": {"pegType": "PEG_TYPE_MIDPOINT"}}


def priced(price: int, bid: int | None = 900, offer: int | None = 920) -> tuple[str, dict[str, Any]]:
    sides = {"bidMicros": bid, "offerMicros": offer}
    given = {name: side for name, side in sides.items() if side is not None}
    return "PegPriced", {"pegPriced": {"priceMicros": price} | given}


def placed(*prices: int) -> tuple[str, dict[str, Any]]:
    return "RoutePlaced", {"routePlaced": {"children": [{"limitPriceMicros": price} for price in prices]}}


def asked() -> tuple[str, dict[str, Any]]:
    return "RouteRequested", {}


def moved(price: int) -> tuple[str, dict[str, Any]]:
    return "ChildRestated", {"childRestated": {"limitPriceMicros": price}}


def replaced(terms: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return "OrderReplaced", {"orderReplaced": {"terms": terms}}


@pytest.mark.parametrize(
    ("terms", "events", "wrong"),
    [
        (LIMITED, [placed(999, 1_000)], ""),
        (LIMITED, [placed(999, 1_001)], "event 2, RoutePlaced: 1001 micros, its limit is 1000"),
        (SELL | {"limitPriceMicros": 1_000}, [placed(999)],
         "event 2, RoutePlaced: 999 micros, its limit is 1000"),
        (BUY, [placed(5_000)], ""),
        (LIMITED, [replaced(BUY | {"limitPriceMicros": 900}), placed(950)],
         "event 3, RoutePlaced: 950 micros, its limit is 900"),
        (LIMITED, [moved(5_000)], ""),
        (BUY | PRIMARY, [priced(890), asked(), placed(890), priced(885, bid=895), moved(885)], ""),
        (BUY | PRIMARY, [asked(), placed(890)], "event 3, RoutePlaced: before a quote gave it a price"),
        (BUY | PRIMARY, [priced(891)], "event 2, PegPriced: 891 micros, its quote gives 890"),
        (BUY | PRIMARY, [priced(890), asked(), priced(880), placed(890)], ""),
        (BUY | PRIMARY, [priced(890), asked(), placed(891)],
         "event 4, RoutePlaced: 891 micros, its price is 890"),
        (BUY | PRIMARY, [priced(890, bid=None)],
         "event 2, PegPriced: a price of a quote that gives none: bid None, offer 920"),
        (BUY | PRIMARY, [priced(890, bid=930)],
         "event 2, PegPriced: a price of a quote that gives none: bid 930, offer 920"),
        (SELL | MARKET, [priced(900), asked(), placed(900), moved(910)], ""),
        (SELL | MARKET, [priced(899)], "event 2, PegPriced: 899 micros, its quote gives 900"),
        (BUY | MARKET | {"limitPriceMicros": 910}, [priced(910), asked(), placed(910), moved(911)],
         "event 5, ChildRestated: 911 micros, its limit is 910"),
        (BUY | MIDPOINT | {"limitPriceMicros": 910}, [priced(910), asked(), placed(910)], ""),
        (BUY | MIDPOINT | {"limitPriceMicros": 990}, [priced(990)],
         "event 2, PegPriced: 990 micros, its quote gives 920"),
        (BUY | MIDPOINT, [priced(921)], "event 2, PegPriced: 921 micros, its quote gives 920"),
    ],
)  # fmt: skip
def test_a_price_that_its_order_does_not_allow_is_told(
    terms: dict[str, Any], events: list[tuple[str, dict[str, Any]]], wrong: str
) -> None:
    finding = Finding(invariant=INVARIANT)
    history = [(number, event, json.dumps(body)) for number, (event, body) in enumerate(events, 2)]
    check_prices(finding, "o", terms, history)
    assert finding.broken == ({"o": wrong} if wrong else {})
