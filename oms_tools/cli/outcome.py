"""What became of an order: when `oms submit --wait` has its answer, in a line, and as an exit code."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from oms_platform.order_types import BOOKED
from oms_tools.cli.amounts import price
from oms_tools.cli.client import ApiClient, ApiError
from oms_tools.cli.reasons import in_words

DONE: Final = 0
REFUSED: Final = 1
WORKING: Final = 2
LOOK_S: Final = 0.05
LOOK_S_MAX: Final = 0.5
_RESTING_TIMES: Final = tuple(one.name for one in BOOKED)


class Outcome(NamedTuple):
    """How an order stands. order: as REST answers it."""

    exit_code: int
    line: str
    order: dict[str, Any]


def closed_outcome(order: dict[str, Any]) -> Outcome | None:
    """Return what became of an order that is over, None of one that is not.

    DONE when any share was filled, REFUSED when none was.
    """
    if not order["closed"]:
        return None
    what = f"{order['side']} {order['quantity']:,} {order['symbol']}"
    status, text = order["status"], str(order.get("text") or "")
    why = f": {in_words(text)}" if text else ""
    if status == "FILLED":
        return Outcome(DONE, f"FILLED  {what} at {price(order.get('avgPx'))}", order)
    if order["cumQty"]:
        done = f"{order['cumQty']:,} filled at {price(order.get('avgPx'))}"
        return Outcome(DONE, f"{status}  {what}, {done}, the rest is over{why}", order)
    return Outcome(REFUSED, f"{status}  {what}, nothing filled{why}", order)


def may_rest(order: dict[str, Any]) -> bool:
    """Return whether an order asks to wait at its limit for the market."""
    return order.get("limitPrice") is not None and order["timeInForce"] in _RESTING_TIMES


def resting_outcome(order: dict[str, Any], routes: Sequence[dict[str, Any]]) -> Outcome | None:
    """Return that an order rests: all that is open of it waits at venues which have acknowledged it."""
    live = [child for route in routes for child in route["children"] if child["leavesQty"]]
    resting = [child for child in live if child["ackedAt"] and child["timeInForce"] in _RESTING_TIMES]
    shares = sum(child["leavesQty"] for child in resting)
    if not resting or len(resting) < len(live) or shares < order["leavesQty"]:
        return None
    where = ", ".join(
        f"{child['leavesQty']:,} at {price(child['limitPrice'])} with {child['venueId']}" for child in resting
    )
    done = f", {order['cumQty']:,} filled at {price(order.get('avgPx'))}" if order["cumQty"] else ""
    what = f"{order['side']} {order['quantity']:,} {order['symbol']}"
    return Outcome(DONE, f"RESTING  {what}{done}: {where}", order)


def await_outcome(
    client: ApiClient,
    order_id: str,
    wait_s: float,
    now_s: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> Outcome:
    """Look at an order until it is over or rests, or the wait is.

    The order was taken: an API that does not answer meanwhile is asked again, and never means that it failed.
    """
    ends_at = now_s() + wait_s
    look_s = LOOK_S
    while True:
        found = _looked(client, order_id, wait_s)
        if found.exit_code != WORKING or now_s() >= ends_at:
            return found
        pause(min(look_s, max(0.0, ends_at - now_s())))
        look_s = min(look_s * 1.5, LOOK_S_MAX)


def _looked(client: ApiClient, order_id: str, wait_s: float) -> Outcome:
    """Return how an order is now."""
    order: dict[str, Any] = {"orderId": order_id}
    try:
        order = client.order(order_id)
        found = closed_outcome(order)
        if found is None and may_rest(order) and order["status"] != "NEW":
            found = resting_outcome(order, client.order_routes(order_id)["routes"])
    except ApiError as error:
        return Outcome(WORKING, f"UNKNOWN  the order was taken, and after {wait_s:g} s: {error}", order)
    if found is not None:
        return found
    what = f"{order['side']} {order['quantity']:,} {order['symbol']}"
    line = f"{order['status']}  {what}, {order['cumQty']:,} filled, still working after {wait_s:g} s"
    return Outcome(WORKING, line, order)
