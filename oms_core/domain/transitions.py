"""The order's state machine as one table: which event may come in which state, and where it may lead.

What is not in the table is illegal: `next_lifecycle` raises and nothing changes. The diagram in
docs/order-states.md is drawn from here.
"""

from collections.abc import Mapping
from typing import Final

from oms_core.domain.order import Lifecycle

_NEW, _LIVE = Lifecycle.NEW, Lifecycle.LIVE
_FILLED, _CANCELED = Lifecycle.FILLED, Lifecycle.CANCELED
_REJECTED, _EXPIRED = Lifecycle.REJECTED, Lifecycle.EXPIRED

TRANSITIONS: Final[Mapping[tuple[Lifecycle, str], tuple[Lifecycle, ...]]] = {
    (_NEW, "OrderAccepted"): (_LIVE,),
    (_NEW, "OrderDenied"): (_REJECTED,),
    (_LIVE, "RouteRequested"): (_LIVE,),
    (_LIVE, "RoutePlaced"): (_LIVE,),
    (_LIVE, "RouteDeferred"): (_LIVE,),
    (_LIVE, "TradeApplied"): (_LIVE, _FILLED),
    (_LIVE, "ChildClosed"): (_LIVE,),
    (_LIVE, "CancelRequested"): (_LIVE,),
    (_LIVE, "CancelRejected"): (_LIVE,),
    (_LIVE, "OrderCanceled"): (_CANCELED,),
    (_LIVE, "OrderExpired"): (_EXPIRED,),
    # Terminal states: reports that were under way still count, the state stays.
    (_FILLED, "CancelRejected"): (_FILLED,),
    (_CANCELED, "TradeApplied"): (_CANCELED,),
    (_CANCELED, "ChildClosed"): (_CANCELED,),
    (_CANCELED, "CancelRejected"): (_CANCELED,),
    (_EXPIRED, "TradeApplied"): (_EXPIRED,),
    (_EXPIRED, "ChildClosed"): (_EXPIRED,),
    (_EXPIRED, "CancelRejected"): (_EXPIRED,),
    (_REJECTED, "CancelRejected"): (_REJECTED,),
}


class IllegalTransitionError(Exception):
    """An event came in a state that does not take it."""


def next_lifecycle(lifecycle: Lifecycle, event_type: str, *, filled: bool) -> Lifecycle:
    """Return where an event leads. filled: whether CumQty has reached OrderQty with it."""
    targets = TRANSITIONS.get((lifecycle, event_type))
    if targets is None:
        raise IllegalTransitionError(f"{event_type} cannot happen to an order that is {lifecycle.value}")
    return targets[-1] if filled else targets[0]
