"""What a client's wish about an order becomes, and how one that is pending ends. All of it is pure.

A replace takes back the children that stand in its way, all of them, and becomes the order's terms when none
is left; where none does, at once. A suspended order is worked no more, and its children are taken back, until
it is resumed. A cancel is pending until every live child has answered.
"""

from datetime import datetime
from typing import assert_never

from msgspec.structs import replace

from oms_core.domain.changes import CLOSES
from oms_core.domain.order import (
    Event,
    Order,
    RequestCancel,
    RequestReplace,
    RequestResume,
    RequestSuspend,
    Wish,
)
from oms_core.domain.transitions import Lifecycle, Pending
from oms_platform.order_types import at_venues
from oms_platform.vocabulary import (
    CancelRejected,
    CancelRequested,
    OrderReplaced,
    OrderResumed,
    OrderSuspended,
    OrderTerms,
    ReplaceRejected,
    ReplaceRequested,
    ResumeRejected,
    SuspendRejected,
)


def begun(order: Order, wish: Wish, now: datetime) -> Event:
    """Return what a wish becomes at once: a request that was taken, or that is rejected and why."""
    match wish:
        case RequestCancel():
            return _request_cancel(order, wish, now)
        case RequestReplace():
            return _request_replace(order, wish, now)
        case RequestSuspend():
            return _request_suspend(order, wish, now)
        case RequestResume():
            return _request_resume(order, wish, now)
        case _:
            assert_never(wish)


def _request_cancel(order: Order, wish: RequestCancel, now: datetime) -> Event:
    if order.closed:
        return CancelRejected(
            request_id=wish.request_id, reason=f"too late, the order is {order.lifecycle.value}"
        )
    if order.pending is Pending.CANCEL:
        return CancelRejected(request_id=wish.request_id, reason="a cancel is pending already")
    return CancelRequested(request_id=wish.request_id, cause=wish.cause, requested_at=now, reason=wish.reason)


def _request_replace(order: Order, wish: RequestReplace, now: datetime) -> Event:
    # FIX 4.4 Appendix D, C.1.c: more shares bring a filled order back.
    grows = order.lifecycle is Lifecycle.FILLED and wish.terms.quantity > order.executed_qty
    too_late = (None if grows else _too_late(order)) or _under_way(order)
    reason = too_late or wish.problem
    if reason is not None:
        denied = too_late is None and bool(wish.checks)
        return ReplaceRejected(
            request_id=wish.request_id,
            reason=reason,
            checks=wish.checks,
            terms=wish.terms if denied else None,
            overridable=denied and wish.overridable,
        )
    return ReplaceRequested(
        request_id=wish.request_id,
        terms=wish.terms,
        reserved_price_micros=wish.reserved_price_micros,
        checks=wish.checks,
        requested_at=now,
        override=wish.override,
    )


def _request_suspend(order: Order, wish: RequestSuspend, now: datetime) -> Event:
    again = None if order.suspended is None else "the order is suspended already"
    closes = None if order.terms.closes_for is None else CLOSES
    reason = _too_late(order) or _canceling(order) or again or closes
    if reason is not None:
        return SuspendRejected(request_id=wish.request_id, reason=reason)
    return OrderSuspended(request_id=wish.request_id, suspended_at=now)


def _request_resume(order: Order, wish: RequestResume, now: datetime) -> Event:
    idle = "the order is not suspended" if order.suspended is None else None
    reason = _too_late(order) or _canceling(order) or idle
    if reason is not None:
        return ResumeRejected(request_id=wish.request_id, reason=reason)
    return OrderResumed(request_id=wish.request_id, resumed_at=now)


def _too_late(order: Order) -> str | None:
    return f"too late, the order is {order.lifecycle.value}" if order.closed else None


def _canceling(order: Order) -> str | None:
    if order.pending is Pending.CANCEL:
        return "a cancel is pending"
    return None if order.cancel is None else "a cancel was taken, and venues keep what is left"


def _under_way(order: Order) -> str | None:
    return _canceling(order) or ("a replace is pending already" if order.replacing is not None else None)


# ---- how a pending request ends


def cancels_end(order: Order, cancel: CancelRequested) -> Event | None:
    """Return how a pending cancel ends, None while a child or a route has not answered."""
    if order.closed:
        reason = f"too late, the order is {order.lifecycle.value}"
        return CancelRejected(request_id=cancel.request_id, reason=reason)
    if order.idle or not order.is_kept:
        return None
    return CancelRejected(request_id=cancel.request_id, reason=_kept(order))


def _kept(order: Order) -> str:
    live = [child for child in order.children.values() if child.live]
    kept = ", ".join(f"{child.leaves_qty} at {child.venue_id}" for child in live)
    return f"venues keep {kept}: {order.text}".rstrip(": ")


def replaces_end(order: Order, wanted: ReplaceRequested) -> Event | None:
    """Return how a pending replace ends, None while a child or a route has not answered."""
    if order.closed and wanted.terms.quantity <= order.executed_qty:
        return ReplaceRejected(
            request_id=wanted.request_id, reason=f"too late, the order is {order.lifecycle.value}"
        )
    if order.closed or not _stands_in_the_way(order, wanted.terms):
        # FIX 4.4 Appendix D, C.3.c: the quantity is never below what is done.
        quantity = max(wanted.terms.quantity, order.executed_qty)
        return OrderReplaced(
            request_id=wanted.request_id,
            terms=replace(wanted.terms, quantity=quantity),
            reserved_price_micros=wanted.reserved_price_micros,
        )
    return ReplaceRejected(request_id=wanted.request_id, reason=_kept(order)) if order.is_kept else None


def _stands_in_the_way(order: Order, terms: OrderTerms) -> bool:
    """Whether venues have, or may get, what an order of these terms would not have there."""
    if order.idle:
        return False
    # What venues have of an algo stays, however the rest is to be released.
    same = replace(terms, quantity=order.terms.quantity, algo=order.terms.algo)
    # What comes to an order that shows a part of itself could not be shown beside what is shown already.
    grows_unseen = bool(terms.display_quantity) and terms.quantity > order.terms.quantity
    return grows_unseen or order.committed_qty > terms.quantity or at_venues(same) != at_venues(order.terms)
