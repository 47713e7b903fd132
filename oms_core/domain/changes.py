"""What a replace makes of an order's terms, and what it may not make of them."""

from datetime import datetime
from typing import Final

from msgspec.structs import replace

from oms_platform.order_types import (
    BOUNDED,
    LIMITED,
    STOPS,
    force_problem,
    forces_after,
    instructions_of,
    problem_of_algo,
    unfit,
)
from oms_platform.vocabulary import Algo, OrderChange, OrderTerms, TimeInForce

# Of an order by which a kill switch closes a position.
CLOSES: Final = "it closes a position for a kill switch, and can only be canceled"


def changed_terms(terms: OrderTerms, change: OrderChange) -> OrderTerms:
    """Return the terms with what `change` gives in place of what they had."""
    limit, force, stop = change.limit_price_micros, change.time_in_force, change.stop_price_micros
    display = change.display_quantity
    return replace(
        terms,
        quantity=terms.quantity if change.quantity is None else change.quantity,
        limit_price_micros=terms.limit_price_micros if limit is None else limit,
        stop_price_micros=terms.stop_price_micros if stop is None else stop,
        time_in_force=terms.time_in_force if force is None else force,
        expire_at=_expiry(terms, force, change.expire_at),
        display_quantity=terms.display_quantity if display is None else display,
        algo=terms.algo if change.algo is None else change.algo,
        peg=terms.peg if change.peg is None else change.peg,
    )


def _expiry(terms: OrderTerms, force: TimeInForce | None, expire_at: datetime | None) -> datetime | None:
    """Return until when a changed order is good: as it was, but for one that is GTD no more."""
    if expire_at is not None:
        return expire_at
    return terms.expire_at if force in (None, TimeInForce.GTD) else None


def problem_of_change(before: OrderTerms, after: OrderTerms, *, triggered: bool = False) -> str | None:
    """Return why an order of the terms `before` cannot become one of `after`, None if it can.

    triggered: whether its stop price has been reached.
    """
    if after == before:
        return "nothing would change"
    if before.closes_for is not None:
        return CLOSES
    if after.quantity < 1:
        return f"quantity: expected 1 or more, was {after.quantity}"
    if after.quantity < after.min_quantity:
        return f"quantity: expected the minimum of {after.min_quantity} or more, was {after.quantity}"
    for name, price, kinds in (
        ("limitPrice", after.limit_price_micros, LIMITED | BOUNDED),
        ("stopPrice", after.stop_price_micros, STOPS),
    ):
        if price is not None and after.order_type not in kinds:
            return f"{name}: a {after.order_type.name} order has none"
        if price is not None and price <= 0:
            return f"{name}: expected a price above 0, was {price} micros"
    if triggered and after.stop_price_micros != before.stop_price_micros:
        return "stopPrice: the market has reached it already"
    if (problem := _problem_of_force(before, after) or _problem_of_algo(before.algo, after.algo)) is not None:
        return problem
    if after.display_quantity < 0:
        return f"displayQty: expected 0 or more, was {after.display_quantity}"
    # What a round lot is has been said at the door, by the rules of its day.
    for one in unfit(instructions_of(after)):
        return f"{one.field}: expected {one.expected}, was {one.found}"
    wrong = problem_of_algo(after)
    return None if wrong is None else f"{wrong[0]}: {wrong[1]}"


def _problem_of_force(before: OrderTerms, after: OrderTerms) -> str | None:
    force = after.time_in_force
    if force not in forces_after(before.time_in_force, has_algo=before.algo is not None):
        return f"timeInForce: {before.time_in_force.name} does not become {force.name}"
    field, problem = force_problem(after.order_type, force)
    if problem:
        return f"{field}: {problem}"
    if (force is TimeInForce.GTD) is (after.expire_at is None):
        return f"expireTime: a GTD order has one, no other order, was {after.expire_at} of {force.name}"
    return None


def _problem_of_algo(before: Algo | None, after: Algo | None) -> str | None:
    if after == before:
        return None
    if before is None or after is None:
        return "algo: an order that is not worked over time does not become one that is"
    if before.strategy is not after.strategy:
        return f"algo.strategy: {before.strategy.name} does not become {after.strategy.name}"
    return None
