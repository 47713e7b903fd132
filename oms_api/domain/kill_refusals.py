"""What the doors refuse because of a kill switch: new orders, and changes that put more into the market.

The law of this file: a cancel is never refused here, and neither is what only makes an order smaller.
"""

from oms_api.domain.order_requests import OrderState, RequestKind
from oms_api.domain.refusal import Refusal, RefusalCode
from oms_platform.kill_switches import Kills, KillSwitch
from oms_platform.scopes import Scope
from oms_platform.vocabulary import OrderChange, OrderTerms

RETRY_AFTER_S = 1


def refusal_of_order(kills: Kills, terms: OrderTerms) -> Refusal | None:
    """Return why a new order is not taken, None if it is."""
    return _refusal(kills, kills.order_stop(terms))


def refusal_of_change(
    kills: Kills, kind: RequestKind, order: OrderState, thing: Scope, change: OrderChange | None
) -> Refusal | None:
    """Return why a change of an order is not taken, None if it is. thing: the order by its names."""
    if kind not in (RequestKind.REPLACE, RequestKind.RESUME) or only_smaller(order, change):
        return None
    return _refusal(kills, kills.stop_of(thing))


def only_smaller(order: OrderState, change: OrderChange | None) -> bool:
    """Return whether a change leaves an order fewer shares and is nothing else."""
    if change is None or change.quantity is None:
        return False
    return change == OrderChange(quantity=change.quantity) and change.quantity < order.quantity


def _refusal(kills: Kills, switch: KillSwitch | None) -> Refusal | None:
    if kills.unread:
        return Refusal(
            code=RefusalCode.UNAVAILABLE,
            message=f"nothing new is taken: {kills.unread}",
            retry_after_s=RETRY_AFTER_S,
        )
    if switch is None:
        return None
    return Refusal(code=RefusalCode.KILLED, message=f"stopped by a kill switch: {switch}", status="KILLED")
