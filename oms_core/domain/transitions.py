"""The order's state machine as two tables: what an event makes of the lifecycle, and of the pending request.

What is not in a table is illegal: `next_lifecycle` and `next_pending` raise and nothing changes. The diagrams
in docs/order-states.md are drawn from here.
"""

import enum
from collections.abc import Mapping
from typing import Final


class Lifecycle(enum.Enum):
    """Where an order is in its life. Everything but NEW and LIVE is terminal in the sense of FIX."""

    NEW = "NEW"
    LIVE = "LIVE"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"

    # Enum's own is Python code, and this is asked for a dozen times an order.
    __hash__ = object.__hash__


class Pending(enum.Enum):
    """The request that an order's venues have not answered yet."""

    NONE = "NONE"
    CANCEL = "CANCEL"
    REPLACE = "REPLACE"


_NEW, _LIVE = Lifecycle.NEW, Lifecycle.LIVE
_FILLED, _CANCELED = Lifecycle.FILLED, Lifecycle.CANCELED
_REJECTED, _EXPIRED = Lifecycle.REJECTED, Lifecycle.EXPIRED
_NONE, _CANCEL, _REPLACE = Pending.NONE, Pending.CANCEL, Pending.REPLACE

CLOSED: Final = frozenset({_FILLED, _CANCELED, _REJECTED, _EXPIRED})

# (state, event) -> (state after it, state after it when CumQty is OrderQty)
LIFECYCLE: Final[Mapping[tuple[Lifecycle, str], tuple[Lifecycle, Lifecycle]]] = {
    (_NEW, "OrderAccepted"): (_LIVE, _LIVE),
    (_NEW, "OrderDenied"): (_REJECTED, _REJECTED),
    # An order that is the record of a trade that a person booked.
    (_NEW, "TradeApplied"): (_LIVE, _FILLED),
    (_LIVE, "RouteRequested"): (_LIVE, _LIVE),
    (_LIVE, "RoutePlaced"): (_LIVE, _LIVE),
    (_LIVE, "RouteDeferred"): (_LIVE, _LIVE),
    (_LIVE, "RouteHeld"): (_LIVE, _LIVE),
    (_LIVE, "TradeApplied"): (_LIVE, _FILLED),
    (_LIVE, "TradeCorrected"): (_LIVE, _FILLED),
    (_LIVE, "ChildRestated"): (_LIVE, _LIVE),
    (_LIVE, "ChildClosed"): (_LIVE, _LIVE),
    (_LIVE, "CancelRequested"): (_LIVE, _LIVE),
    (_LIVE, "ChildCancelRejected"): (_LIVE, _LIVE),
    (_LIVE, "CancelRejected"): (_LIVE, _LIVE),
    (_LIVE, "BookingRejected"): (_LIVE, _LIVE),
    (_LIVE, "ReplaceRequested"): (_LIVE, _LIVE),
    (_LIVE, "OrderReplaced"): (_LIVE, _FILLED),
    (_LIVE, "ReplaceRejected"): (_LIVE, _LIVE),
    (_LIVE, "StopTriggered"): (_LIVE, _LIVE),
    (_LIVE, "PegPriced"): (_LIVE, _LIVE),
    (_LIVE, "AlgoPlanned"): (_LIVE, _LIVE),
    (_LIVE, "SharesReleased"): (_LIVE, _LIVE),
    (_LIVE, "AlgoHeld"): (_LIVE, _LIVE),
    (_LIVE, "OrderSuspended"): (_LIVE, _LIVE),
    (_LIVE, "SuspendRejected"): (_LIVE, _LIVE),
    (_LIVE, "OrderResumed"): (_LIVE, _LIVE),
    (_LIVE, "ResumeRejected"): (_LIVE, _LIVE),
    (_LIVE, "OrderCanceled"): (_CANCELED, _CANCELED),
    (_LIVE, "OrderExpired"): (_EXPIRED, _EXPIRED),
    # Terminal states: what was under way still counts, the state stays.
    (_FILLED, "RoutePlaced"): (_FILLED, _FILLED),
    (_FILLED, "TradeApplied"): (_FILLED, _FILLED),
    # FIX 4.4 Appendix D, I: a bust brings a filled order back; one that is canceled or expired stays so.
    (_FILLED, "TradeCorrected"): (_LIVE, _FILLED),
    (_FILLED, "ChildRestated"): (_FILLED, _FILLED),
    (_FILLED, "ChildClosed"): (_FILLED, _FILLED),
    (_FILLED, "ChildCancelRejected"): (_FILLED, _FILLED),
    (_FILLED, "CancelRejected"): (_FILLED, _FILLED),
    (_FILLED, "BookingRejected"): (_FILLED, _FILLED),
    # FIX 4.4 Appendix D, C.1.c: a replace to a larger quantity brings a filled order back.
    (_FILLED, "ReplaceRequested"): (_FILLED, _FILLED),
    (_FILLED, "OrderReplaced"): (_LIVE, _FILLED),
    (_FILLED, "ReplaceRejected"): (_FILLED, _FILLED),
    (_FILLED, "SuspendRejected"): (_FILLED, _FILLED),
    (_FILLED, "ResumeRejected"): (_FILLED, _FILLED),
    (_CANCELED, "TradeApplied"): (_CANCELED, _CANCELED),
    (_CANCELED, "TradeCorrected"): (_CANCELED, _CANCELED),
    (_CANCELED, "ChildRestated"): (_CANCELED, _CANCELED),
    (_CANCELED, "ChildClosed"): (_CANCELED, _CANCELED),
    (_CANCELED, "CancelRejected"): (_CANCELED, _CANCELED),
    (_CANCELED, "BookingRejected"): (_CANCELED, _CANCELED),
    (_CANCELED, "ReplaceRejected"): (_CANCELED, _CANCELED),
    (_CANCELED, "SuspendRejected"): (_CANCELED, _CANCELED),
    (_CANCELED, "ResumeRejected"): (_CANCELED, _CANCELED),
    (_EXPIRED, "TradeApplied"): (_EXPIRED, _EXPIRED),
    (_EXPIRED, "TradeCorrected"): (_EXPIRED, _EXPIRED),
    (_EXPIRED, "ChildRestated"): (_EXPIRED, _EXPIRED),
    (_EXPIRED, "ChildClosed"): (_EXPIRED, _EXPIRED),
    (_EXPIRED, "CancelRejected"): (_EXPIRED, _EXPIRED),
    (_EXPIRED, "BookingRejected"): (_EXPIRED, _EXPIRED),
    (_EXPIRED, "ReplaceRejected"): (_EXPIRED, _EXPIRED),
    (_EXPIRED, "SuspendRejected"): (_EXPIRED, _EXPIRED),
    (_EXPIRED, "ResumeRejected"): (_EXPIRED, _EXPIRED),
    (_REJECTED, "CancelRejected"): (_REJECTED, _REJECTED),
    (_REJECTED, "BookingRejected"): (_REJECTED, _REJECTED),
    (_REJECTED, "ReplaceRejected"): (_REJECTED, _REJECTED),
    (_REJECTED, "SuspendRejected"): (_REJECTED, _REJECTED),
    (_REJECTED, "ResumeRejected"): (_REJECTED, _REJECTED),
}

# (pending, event) -> (pending after it, the same when it is about another request than the pending one).
# An event that is in no row leaves the axis alone.
PENDING: Final[Mapping[tuple[Pending, str], tuple[Pending, Pending]]] = {
    (_NONE, "CancelRequested"): (_CANCEL, _CANCEL),
    (_NONE, "CancelRejected"): (_NONE, _NONE),
    (_NONE, "ReplaceRequested"): (_REPLACE, _REPLACE),
    (_NONE, "ReplaceRejected"): (_NONE, _NONE),
    (_CANCEL, "CancelRejected"): (_NONE, _CANCEL),
    (_CANCEL, "ReplaceRejected"): (_CANCEL, _CANCEL),
    (_CANCEL, "OrderCanceled"): (_NONE, _NONE),
    (_CANCEL, "OrderExpired"): (_NONE, _NONE),
    (_REPLACE, "CancelRequested"): (_CANCEL, _CANCEL),
    (_REPLACE, "CancelRejected"): (_REPLACE, _REPLACE),
    (_REPLACE, "OrderReplaced"): (_NONE, _NONE),
    (_REPLACE, "ReplaceRejected"): (_NONE, _REPLACE),
    (_REPLACE, "OrderCanceled"): (_NONE, _NONE),
    (_REPLACE, "OrderExpired"): (_NONE, _NONE),
}
_REQUESTS: Final = frozenset(event for _, event in PENDING if event not in ("OrderCanceled", "OrderExpired"))


class IllegalTransitionError(Exception):
    """An event came in a state that does not take it."""


def next_lifecycle(lifecycle: Lifecycle, event_type: str, *, filled: bool) -> Lifecycle:
    """Return where an event leads. filled: whether CumQty has reached OrderQty with it."""
    targets = LIFECYCLE.get((lifecycle, event_type))
    if targets is None:
        raise IllegalTransitionError(f"{event_type} cannot happen to an order that is {lifecycle.value}")
    return targets[1] if filled else targets[0]


def next_pending(pending: Pending, event_type: str, *, own: bool) -> Pending:
    """Return what is pending after an event. own: whether it is about the request that is pending."""
    targets = PENDING.get((pending, event_type))
    if targets is not None:
        return targets[0] if own else targets[1]
    if event_type in _REQUESTS:
        raise IllegalTransitionError(f"{event_type} cannot happen while {pending.value} is pending")
    return pending
