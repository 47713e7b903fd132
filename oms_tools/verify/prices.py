"""What an order's children may be priced at, by its own limit and by the quotes that a pegged one follows.

Written from the design, not from the core's or the router's code.
"""

from typing import Any

import msgspec

from oms_tools.verify.report import Finding

INVARIANT = (
    "no child is priced beyond its order's limit, and a pegged order is sent and moved at no better a price"
    " than its quote gives it"
)


def check_prices(finding: Finding, order_id: str, terms: dict[str, Any], history: list[Any]) -> None:
    """Walk an order's events with its terms as they were then.

    A route is of the price at which it was asked for: the quote may have moved on when its children are
    there.
    """
    priced: int | None = None
    asked_at: int | None = None
    for sequence, event, payload in history:
        body = msgspec.json.decode(payload)
        wrong = ""
        if event == "OrderReplaced":
            terms = body["orderReplaced"]["terms"]
        elif event == "PegPriced":
            priced = body["pegPriced"]["priceMicros"]
            wrong = _beyond(terms, priced, priced) or _beyond_quote(terms, body["pegPriced"])
        elif event == "RouteRequested":
            asked_at = priced
        elif event == "RoutePlaced":
            children = body["routePlaced"].get("children", ())
            prices = [child["limitPriceMicros"] for child in children]
            if prices and terms.get("peg") and asked_at is None:
                finding.violate(order_id, f"event {sequence}, {event}: before a quote gave it a price")
                return
            wrong = next(filter(None, (_beyond(terms, price, asked_at) for price in prices)), "")
        elif event == "ChildRestated" and terms.get("peg"):
            price = body["childRestated"].get("limitPriceMicros")
            wrong = "" if price is None else _beyond(terms, price)
        if wrong:
            finding.violate(order_id, f"event {sequence}, {event}: {wrong}")
            return


def _buys(terms: dict[str, Any]) -> bool:
    return bool(terms["side"] == "SIDE_BUY")


def _is_worse(terms: dict[str, Any], price: int, bound: int) -> bool:
    return price > bound if _buys(terms) else price < bound


def _beyond(terms: dict[str, Any], price: int, priced: int | None = None) -> str:
    limit = terms.get("limitPriceMicros")
    if limit is not None and _is_worse(terms, price, limit):
        return f"{price} micros, its limit is {limit}"
    if not terms.get("peg"):
        return ""
    if priced is None:
        return ""
    return f"{price} micros, its price is {priced}" if _is_worse(terms, price, priced) else ""


def _beyond_quote(terms: dict[str, Any], priced: dict[str, Any]) -> str:
    """Return how a price is better for the market than what is followed and its offset say."""
    peg, bid, offer = terms["peg"], priced.get("bidMicros"), priced.get("offerMicros")
    of_own_side = peg["pegType"] == "PEG_TYPE_PRIMARY"
    followed = bid if _buys(terms) is of_own_side else offer
    if followed is None or (bid is not None and offer is not None and bid > offer):
        return f"a price of a quote that gives none: bid {bid}, offer {offer}"
    wanted = followed + peg.get("offsetMicros", 0)
    price = priced["priceMicros"]
    return f"{price} micros, its quote gives {wanted}" if _is_worse(terms, price, wanted) else ""
