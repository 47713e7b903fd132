"""A child order and how a venue's report moves it.

The law of this file: reports may come twice and old ones again after newer ones. CumQty never goes down, a
closed child stays closed, and a late fill still counts. LeavesQty is OrderQty - CumQty while open, 0 when
closed.
"""

import enum
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID


class Status(enum.Enum):
    """State of a child at its venue."""

    PENDING_NEW = "PENDING_NEW"
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


class Kind(enum.Enum):
    """What a report tells; FIX tag 150."""

    NEW = "0"
    TRADE = "F"
    CANCELED = "4"
    REJECTED = "8"
    EXPIRED = "C"
    PENDING_NEW = "A"
    PENDING_CANCEL = "6"
    DONE_FOR_DAY = "3"
    ORDER_STATUS = "I"


CLOSED: Final = frozenset((Status.FILLED, Status.CANCELED, Status.REJECTED, Status.EXPIRED))
_CLOSING: Final = {
    Kind.CANCELED: Status.CANCELED,
    Kind.REJECTED: Status.REJECTED,
    Kind.EXPIRED: Status.EXPIRED,
    Kind.DONE_FOR_DAY: Status.EXPIRED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """What was asked of a venue; it never changes. side, time_in_force: names, not FIX values.

    hold_ms above 0: what is left of it after so long is taken back.
    """

    order_id: UUID
    cl_ord_id: str
    route_id: UUID
    attempt: int
    leg: int
    account_id: str
    venue_id: str
    symbol: str
    side: str
    quantity: int
    limit_price: Decimal
    time_in_force: str
    hold_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildState:
    """How far a child is. acked_at: the venue's TransactTime of its New report."""

    status: Status
    cum_qty: int
    leaves_qty: int
    venue_order_id: str = ""
    acked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A 35=8 as it came. unknown: a status answer that says that the venue never saw the order.

    ask_id: the OrdStatusReqID (tag 790) of the question it answers, empty when the venue does not echo it.
    """

    venue_id: str
    cl_ord_id: str
    exec_id: str
    kind: Kind
    transact_time: datetime
    venue_order_id: str = ""
    last_qty: int = 0
    last_px: Decimal | None = None
    cum_qty: int = 0
    leaves_qty: int = 0
    text: str = ""
    poss_dup: bool = False
    unknown: bool = False
    ask_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRefusal:
    """A 35=9. cl_ord_id: the cancel's; child_id: the child's."""

    venue_id: str
    cl_ord_id: str
    child_id: str
    reason: int
    text: str
    transact_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRefusal:
    """A 35=3 or 35=j: the venue would not read, or not take, a message of ours."""

    venue_id: str
    msg_type: str
    ref_seq: int
    ref_msg_type: str
    ref_id: str
    text: str


Inbound = Report | CancelRefusal | MessageRefusal


def new_state(quantity: int) -> ChildState:
    """Return the state of a child whose intent is stored and that no venue has answered for."""
    return ChildState(status=Status.PENDING_NEW, cum_qty=0, leaves_qty=quantity)


def apply_report(state: ChildState, quantity: int, report: Report) -> ChildState:
    """Return the child's state after a report."""
    kind = report.kind
    cum_qty = max(state.cum_qty, min(report.cum_qty, quantity))
    if state.status in CLOSED:
        return state if cum_qty == state.cum_qty else replace(state, cum_qty=cum_qty)
    if kind is Kind.TRADE:
        return replace(
            state,
            status=Status.FILLED if cum_qty == quantity else Status.PARTIALLY_FILLED,
            cum_qty=cum_qty,
            leaves_qty=quantity - cum_qty,
        )
    closing = _CLOSING.get(kind)
    if closing is not None:
        venue_order_id = state.venue_order_id or report.venue_order_id
        return replace(state, status=closing, cum_qty=cum_qty, leaves_qty=0, venue_order_id=venue_order_id)
    pending = state.status is Status.PENDING_NEW
    if kind is Kind.NEW and state.acked_at is None:
        return replace(
            state,
            status=Status.NEW if pending else state.status,
            venue_order_id=report.venue_order_id,
            acked_at=report.transact_time,
        )
    if kind is Kind.ORDER_STATUS and pending and not report.unknown:
        # The venue has it; what it did with it comes in its own reports, which FIX delivers.
        return replace(state, status=Status.NEW, venue_order_id=report.venue_order_id)
    return state
