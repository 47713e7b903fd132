"""The last check before the wire: what a plan asks of venues is what its order allows.

The law of this file: nothing that the router computed is believed. The bounds are the order's own terms.
"""

from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

from oms_platform.vocabulary import ChildTerms, OrderTerms, OrderType, Side

_SOH: Final = "\x01"


def problem_of(
    order_id: UUID,
    attempt: int,
    quantity: int,
    terms: OrderTerms,
    children: Sequence[ChildTerms],
    cl_ord_id_of: Callable[[int], str],
) -> str:
    """Return why these children must not be sent, as CODE: key=value; empty when they may.

    quantity: what the attempt may place. cl_ord_id_of: the ClOrdID that a leg must have.
    """
    if not terms.symbol or _SOH in terms.symbol:
        return f"GATE_SYMBOL: symbol={terms.symbol!r}"
    placed = sum([child.quantity for child in children])
    bound = min(quantity, terms.quantity)
    if placed > bound:
        return f"GATE_QUANTITY: children={placed}, allowed={bound}"
    seen: set[str] = set()
    for child in children:
        problem = _problem_of_child(child, order_id, attempt, terms)
        if problem:
            return problem
        expected = cl_ord_id_of(child.leg)
        if child.cl_ord_id != expected or expected in seen:
            return f"GATE_ID: cl_ord_id={child.cl_ord_id}, expected={expected} once"
        seen.add(expected)
    return ""


def _problem_of_child(child: ChildTerms, order_id: UUID, attempt: int, terms: OrderTerms) -> str:
    leg = child.leg
    for name, found, expected in (
        ("order_id", child.order_id, order_id),
        ("attempt", child.attempt, attempt),
        ("account_id", child.account_id, terms.account_id),
        ("symbol", child.symbol, terms.symbol),
        ("side", child.side, terms.side),
    ):
        if found != expected:
            return f"GATE_TERMS: leg={leg}, {name}={_text(found)}, expected={_text(expected)}"
    if leg <= 0 or child.quantity <= 0 or child.hold_ms < 0:
        return f"GATE_LEG: leg={leg}, quantity={child.quantity}, hold_ms={child.hold_ms}"
    if not 0 <= child.min_quantity <= child.quantity:
        return f"GATE_MINIMUM: leg={leg}, min_quantity={child.min_quantity}, quantity={child.quantity}"
    return _problem_of_price(child, terms)


def _problem_of_price(child: ChildTerms, terms: OrderTerms) -> str:
    leg, price = child.leg, child.limit_price_micros
    if child.order_type is not OrderType.LIMIT or price <= 0:
        return f"GATE_PRICE: leg={leg}, order_type={child.order_type.name}, micros={price}"
    if terms.order_type is OrderType.LIMIT:
        limit = terms.limit_price_micros
        if limit is None or (price > limit if terms.side is Side.BUY else price < limit):
            return f"GATE_LIMIT: leg={leg}, micros={price}, limit={limit}"
    return ""


def _text(value: object) -> str:
    return value.name if isinstance(value, Side) else str(value)
