"""A child order and how a venue's report moves it.

The law of this file: reports may come twice and old ones again after newer ones. CumQty never goes down, a
closed child stays closed, and a late fill still counts. LeavesQty is OrderQty - CumQty while open, 0 when
closed.
"""

import enum
from datetime import datetime
from typing import Final

import msgspec
from msgspec.structs import replace

from oms_platform.vocabulary import ExecType


class Status(enum.Enum):
    """State of a child at its venue, FIX tag 39."""

    PENDING_NEW = "PENDING_NEW"
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


CLOSED: Final = frozenset((Status.FILLED, Status.CANCELED, Status.REJECTED, Status.EXPIRED))
_CLOSING: Final = {
    ExecType.CANCELED: Status.CANCELED,
    ExecType.REJECTED: Status.REJECTED,
    ExecType.EXPIRED: Status.EXPIRED,
    ExecType.DONE_FOR_DAY: Status.EXPIRED,
}


class ChildState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How far a child is. acked_at: the venue's TransactTime of its New report."""

    status: Status
    cum_qty: int
    leaves_qty: int
    venue_order_id: str = ""
    acked_at: datetime | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A 35=8 as it came. unknown: a status answer that says that the venue never saw the order.

    ask_id: the OrdStatusReqID (tag 790) of the question it answers, empty when the venue does not echo it.
    """

    venue_id: str
    cl_ord_id: str
    exec_id: str
    exec_type: ExecType
    transact_time: datetime
    venue_order_id: str = ""
    last_qty: int = 0
    last_px_micros: int | None = None
    cum_qty: int = 0
    leaves_qty: int = 0
    text: str = ""
    poss_dup: bool = False
    unknown: bool = False
    ask_id: str = ""


class CancelRefusal(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A 35=9. cl_ord_id: the cancel's; child_id: the child's."""

    venue_id: str
    cl_ord_id: str
    child_id: str
    reason: int
    text: str
    transact_time: datetime


class MessageRefusal(msgspec.Struct, frozen=True, kw_only=True, gc=False):
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
    kind = report.exec_type
    cum_qty = max(state.cum_qty, min(report.cum_qty, quantity))
    if state.status in CLOSED:
        return state if cum_qty == state.cum_qty else replace(state, cum_qty=cum_qty)
    if kind is ExecType.TRADE:
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
    if kind is ExecType.NEW and state.acked_at is None:
        return replace(
            state,
            status=Status.NEW if pending else state.status,
            venue_order_id=report.venue_order_id,
            acked_at=report.transact_time,
        )
    if kind is ExecType.ORDER_STATUS and pending and not report.unknown:
        # The venue has it; what it did with it comes in its own reports, which FIX delivers.
        return replace(state, status=Status.NEW, venue_order_id=report.venue_order_id)
    return state
