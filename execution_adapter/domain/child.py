"""A child order and how a venue's report moves it.

The law of this file: a venue's word about its order counts, however it contradicts what it said before.
CumQty is held against the trades that it reported, on every report: `missing_qty` is what it counts beyond.
A child that is over stays over until its venue says that shares are open again (a bust), and a late trade
counts. What is said again changes nothing: `in_seq` says up to where the child has heard its venue, and
`executions` which of them it has counted, under whatever number they come.
"""

import enum
from datetime import datetime
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from oms_platform.exceptions import EXECUTIONS
from oms_platform.vocabulary import ExecType, TimeInForce

# Shares that a message and a column hold. No order is near it; what venues say may be.
SHARES_MAX: Final = 2**31 - 1
# Of a child that trades more often the oldest executions are forgotten: one that is said again under a new
# number counts again here and shows as a difference; core, which forgets none, drops it.
EXECUTIONS_MAX: Final = 256


class Status(enum.Enum):
    """State of a child at its venue, FIX tag 39. UNRESOLVED: its venue does not say."""

    PENDING_NEW = "PENDING_NEW"
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    DONE_FOR_DAY = "DONE_FOR_DAY"
    SUSPENDED = "SUSPENDED"
    STOPPED = "STOPPED"
    UNRESOLVED = "UNRESOLVED"


class OrdStatus(enum.Enum):
    """FIX tag 39 as venues send it."""

    NEW = "0"
    PARTIALLY_FILLED = "1"
    FILLED = "2"
    DONE_FOR_DAY = "3"
    CANCELED = "4"
    REPLACED = "5"
    PENDING_CANCEL = "6"
    STOPPED = "7"
    REJECTED = "8"
    SUSPENDED = "9"
    PENDING_NEW = "A"
    CALCULATED = "B"
    EXPIRED = "C"
    ACCEPTED_FOR_BIDDING = "D"
    PENDING_REPLACE = "E"


CLOSED: Final = frozenset((Status.FILLED, Status.CANCELED, Status.REJECTED, Status.EXPIRED))
UNANSWERED: Final = frozenset((Status.PENDING_NEW, Status.UNRESOLVED))
# How a venue's order is over, by OrdStatus: what core hears, and the child's state.
_ENDS: Final = {
    OrdStatus.FILLED: (ExecType.CALCULATED, Status.FILLED),
    OrdStatus.CANCELED: (ExecType.CANCELED, Status.CANCELED),
    OrdStatus.REJECTED: (ExecType.REJECTED, Status.REJECTED),
    OrdStatus.EXPIRED: (ExecType.EXPIRED, Status.EXPIRED),
}
_ENDS_OF_DAY: Final = frozenset((OrdStatus.DONE_FOR_DAY, OrdStatus.CALCULATED))
_CLOSING: Final = {
    ExecType.CANCELED: OrdStatus.CANCELED,
    ExecType.REJECTED: OrdStatus.REJECTED,
    ExecType.EXPIRED: OrdStatus.EXPIRED,
    ExecType.DONE_FOR_DAY: OrdStatus.DONE_FOR_DAY,
    ExecType.CALCULATED: OrdStatus.CALCULATED,
}
_HELD: Final = {ExecType.SUSPENDED: Status.SUSPENDED, ExecType.STOPPED: Status.STOPPED}


class Execution(NamedTuple):
    """A trade as it was reported, or what a correction left of one; a bust left nothing.

    corrects: the ExecID of the trade that a bust or a correction is about, empty for a trade.
    """

    exec_id: str
    last_qty: int
    last_px_micros: int | None = None
    corrects: str = ""


class Replaces(NamedTuple):
    """What 35=G made of a child's ClOrdID and price. Ids are as its venue has them, empty for none.

    named: its id since the last replace that its venue took; empty as it was sent. pending: the id of a 35=G
    that has no answer. pending_qty: the OrderQty that a replace asks for; 0 for none, and without `pending`
    one that waits for its turn. pending_price: the price in micros that it asks for, 0 for the one that it
    has. price_micros: since the last change that its venue told, 0 as it was sent.
    """

    named: str = ""
    pending: str = ""
    pending_qty: int = 0
    pending_price: int = 0
    price_micros: int = 0

    @property
    def settled(self) -> "Replaces":
        """As it is without the replace that is pending."""
        return Replaces(named=self.named, price_micros=self.price_micros)


UNREPLACED: Final = Replaces()


class ChildState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How far a child is. cum_qty: as its venue last said. acked_at: TransactTime of the venue's New report.

    missing_qty: shares that cum_qty counts and of which no trade was reported; below 0, the other way round.
    in_seq: the MsgSeqNum of the last report that was heard. executions: the last that were counted, at most
    EXECUTIONS_MAX, in the order in which they came. replaces: what 35=G made of it.
    """

    status: Status
    cum_qty: int
    leaves_qty: int
    venue_order_id: str = ""
    acked_at: datetime | None = None
    missing_qty: int = 0
    in_seq: int = 0
    executions: tuple[Execution, ...] = ()
    replaces: Replaces = UNREPLACED

    @property
    def replace_is_out(self) -> bool:
        """Whether a 35=G was sent that its venue has not answered."""
        return bool(self.replaces.pending)

    def price_of(self, sent_micros: int) -> int:
        """Return the child's price at its venue. sent_micros: as it was sent."""
        return self.replaces.price_micros or sent_micros

    @property
    def traded_qty(self) -> int:
        """Shares of the trades that were reported, as far as they stand."""
        return self.cum_qty - self.missing_qty

    def execution(self, exec_id: str) -> Execution | None:
        """Return an execution that was counted."""
        return next((one for one in self.executions if one.exec_id == exec_id), None)


class Report(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A 35=8 as it came; what it did not carry is None or empty.

    cl_ord_id: the child's, also where a request's was reported. named: the order's new one at its venue, of a
    report that a replace was done. price_micros: the order's (44). order_qty, account, symbol, side: as the
    venue has them. exec_ref_id: the trade that a bust or a correction is about. unknown: a status answer that
    says that the venue never saw the order. ask_id: the OrdStatusReqID (790) of the question it answers.
    duplicate: a ClOrdID was refused that the venue had already (OrdRejReason 6). poss_dup: tag 43 is Y, or it
    is read from the journal. poss_resend: tag 97 is Y. last_liquidity: tag 851 of a trade, 0 for none.
    """

    venue_id: str
    cl_ord_id: str
    exec_id: str
    exec_type: ExecType
    transact_time: datetime
    named: str = ""
    ord_status: OrdStatus | None = None
    venue_order_id: str = ""
    last_qty: int = 0
    last_px_micros: int | None = None
    cum_qty: int | None = None
    leaves_qty: int | None = None
    order_qty: int | None = None
    symbol: str = ""
    symbol_suffix: str = ""
    side: str = ""
    account: str = ""
    exec_ref_id: str = ""
    trade_date: str = ""
    text: str = ""
    poss_dup: bool = False
    poss_resend: bool = False
    unknown: bool = False
    duplicate: bool = False
    ask_id: str = ""
    msg_seq: int = 0
    price_micros: int | None = None
    last_liquidity: int = 0


class CancelRefusal(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A 35=9. cl_ord_id: the request's; child_id: the child's. replaces: it answers a 35=G (434=2)."""

    venue_id: str
    cl_ord_id: str
    child_id: str
    reason: int
    text: str
    transact_time: datetime
    ord_status: OrdStatus | None = None
    replaces: bool = False


class MessageRefusal(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A 35=3 or 35=j: the venue would not read, or not take, a message of ours. reason: 380 or 373."""

    venue_id: str
    msg_type: str
    ref_seq: int
    ref_msg_type: str
    ref_id: str
    text: str
    reason: int = -1


Inbound = Report | CancelRefusal | MessageRefusal


class Applied(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a report makes of a child. ended: how core hears that it is over, None while it is not."""

    state: ChildState
    ended: ExecType | None = None


def new_state(quantity: int) -> ChildState:
    """Return the state of a child whose intent is stored and that no venue has answered for."""
    return ChildState(status=Status.PENDING_NEW, cum_qty=0, leaves_qty=quantity)


def is_replay(state: ChildState, report: Report) -> bool:
    """Say whether a report was applied before: it is resent from before what the child has heard."""
    return report.poss_dup and 0 < report.msg_seq <= state.in_seq


def is_news(state: ChildState, report: Report) -> bool:
    """Say whether a report that may have been sent before (97) can say what the child has not heard.

    For no execution: that is known by its ExecID.
    """
    if report.exec_type is ExecType.NEW:
        return state.status in UNANSWERED
    # Of a child that is over it may be older than a bust: its CumQty says nothing.
    return state.status not in CLOSED and (report.cum_qty is None or report.cum_qty >= state.cum_qty)


def reopens(state: ChildState, report: Report) -> bool:
    """Say whether a 35=G that was done is of a child that was filled before: it may be open again."""
    return report.exec_type is ExecType.REPLACED and state.status is Status.FILLED


def apply_report(
    state: ChildState,
    quantity: int,
    time_in_force: TimeInForce,
    report: Report,
) -> Applied:
    """Return the child after a report that is no replay and no repeated execution.

    quantity: of the child as it was sent.
    """
    applied = _applied(state, quantity, time_in_force, report)
    after = applied.state
    if after.status in CLOSED and after.replaces.pending_qty:
        # Nothing is left to be made smaller; a bust that opens it again finds no replace pending.
        after = replace(after, replaces=after.replaces.settled)
        return replace(applied, state=after)
    return applied


def _applied(state: ChildState, quantity: int, time_in_force: TimeInForce, report: Report) -> Applied:
    after = replace(state, in_seq=max(state.in_seq, report.msg_seq))
    if not after.venue_order_id and report.venue_order_id and not report.unknown:
        after = replace(after, venue_order_id=report.venue_order_id)
    kind = report.exec_type
    if kind is ExecType.TRADE:
        return _traded(_noted(after, report, ""), quantity, report)
    if kind in EXECUTIONS:
        trade = _trade_of(state, report)
        return _corrected(_noted(after, report, trade), quantity, report, _stood_at(state, trade))
    after = _counted(after, report)
    if kind in _CLOSING:
        return _over(after, _CLOSING[kind], time_in_force, report)
    if kind is ExecType.ORDER_STATUS:
        return _told(after, quantity, time_in_force, report)
    if kind in (ExecType.RESTATED, ExecType.REPLACED):
        return _restated(after, report)
    if state.status in CLOSED:
        return Applied(state=after)
    if kind in _HELD:
        return Applied(state=replace(after, status=_HELD[kind]))
    if kind is ExecType.NEW:
        acked_at = after.acked_at or report.transact_time
        status = _open_status(after) if after.status in UNANSWERED else after.status
        return Applied(state=replace(after, status=status, acked_at=acked_at))
    return Applied(state=after)


def _open_status(state: ChildState) -> Status:
    return Status.PARTIALLY_FILLED if state.cum_qty else Status.NEW


def _counted(state: ChildState, report: Report) -> ChildState:
    """Take the venue's CumQty: what it counts beyond the trades that it reported is missing.

    Only busts and corrections bring it down; what is resent and says less is of before.
    """
    if report.cum_qty is None or report.unknown or (report.poss_dup and report.cum_qty < state.cum_qty):
        return state
    missing_qty = state.missing_qty + report.cum_qty - state.cum_qty
    return replace(state, cum_qty=report.cum_qty, missing_qty=max(-SHARES_MAX, min(missing_qty, SHARES_MAX)))


def _noted(state: ChildState, report: Report, corrects: str) -> ChildState:
    """Note that an execution was counted."""
    one = Execution(report.exec_id, report.last_qty, report.last_px_micros, corrects)
    return replace(state, executions=(*state.executions[1 - EXECUTIONS_MAX :], one))


def _trade_of(state: ChildState, correction: Report) -> str:
    """Return the ExecID of the trade that a bust or a correction is about: it may name another correction."""
    about = state.execution(correction.exec_ref_id)
    return correction.exec_ref_id if about is None else about.corrects or about.exec_id


def _stood_at(state: ChildState, trade: str) -> int | None:
    """Return the shares of a trade after all that was said of it, None if nothing was."""
    said = [one.last_qty for one in state.executions if trade in (one.exec_id, one.corrects)]
    return said[-1] if said else None


def _traded(state: ChildState, quantity: int, report: Report) -> Applied:
    traded = state.traded_qty + report.last_qty
    cum_qty = min(max(0, traded), SHARES_MAX) if report.cum_qty is None else report.cum_qty
    if report.poss_dup or report.poss_resend:
        cum_qty = max(cum_qty, state.cum_qty)
    after = replace(state, cum_qty=cum_qty, missing_qty=max(-SHARES_MAX, cum_qty - traded))
    if state.status in CLOSED:
        return Applied(state=after)
    leaves_qty = max(0, state.leaves_qty - max(0, cum_qty - state.cum_qty))
    if report.ord_status in (OrdStatus.CANCELED, OrdStatus.EXPIRED, OrdStatus.REJECTED):
        # The last trade of an order that is over (FIX 4.4 Appendix D, "ExecType F with OrdStatus 4").
        ended, status = _ENDS[report.ord_status]
        return Applied(state=replace(after, status=status, leaves_qty=0), ended=ended)
    if leaves_qty and report.ord_status is not OrdStatus.FILLED:
        return Applied(state=replace(after, status=Status.PARTIALLY_FILLED, leaves_qty=leaves_qty))
    # Core finds the end of a child by its shares, unless some are missing or were restated.
    restated = leaves_qty > 0 or cum_qty < quantity
    done = ExecType.CALCULATED if after.missing_qty > 0 or restated else None
    return Applied(state=replace(after, status=Status.FILLED, leaves_qty=0), ended=done)


def _corrected(state: ChildState, quantity: int, report: Report, stood_at: int | None) -> Applied:
    """A trade was taken back or corrected. Whether shares are open again is the venue's word."""
    traded = state.traded_qty
    if stood_at is not None:
        traded += report.last_qty - stood_at
    elif report.cum_qty is not None:
        # An earlier run may have counted the trade, and core not have it yet: the venue says what is left.
        traded = min(traded, report.cum_qty)
    cum_qty = max(0, traded) if report.cum_qty is None else report.cum_qty
    missing_qty = max(-SHARES_MAX, min(cum_qty - traded, SHARES_MAX))
    after = replace(state, cum_qty=cum_qty, missing_qty=missing_qty)
    over = report.ord_status in _ENDS and report.ord_status is not OrdStatus.FILLED
    leaves_qty = report.leaves_qty
    if leaves_qty is None:
        leaves_qty = state.leaves_qty if state.status in CLOSED else max(0, quantity - cum_qty)
    if over or leaves_qty <= 0:
        closed = state.status if state.status in CLOSED and state.status is not Status.FILLED else None
        status = closed or (Status.FILLED if cum_qty >= quantity else Status.CANCELED)
        done = state.status in CLOSED and cum_qty >= quantity
        ended = None if done else ExecType.CANCELED
        return Applied(state=replace(after, status=status, leaves_qty=0), ended=ended)
    return Applied(state=replace(after, status=_open_status(after), leaves_qty=leaves_qty))


def _over(state: ChildState, how: OrdStatus, time_in_force: TimeInForce, report: Report) -> Applied:
    """The venue says that the order is over, for the day at least."""
    if state.status in CLOSED:
        return Applied(state=state)
    if how in _ENDS_OF_DAY:
        if time_in_force is TimeInForce.GTC:
            # It comes back the next day, and nobody else may work its shares until then.
            return Applied(state=replace(state, status=Status.DONE_FOR_DAY))
        how = OrdStatus.EXPIRED
    ended, status = _ENDS[how]
    return Applied(state=replace(state, status=status, leaves_qty=0), ended=ended)


def _told(state: ChildState, quantity: int, time_in_force: TimeInForce, report: Report) -> Applied:
    """How the order is, by the venue's answer."""
    if report.unknown:
        return Applied(state=state)
    told = report.ord_status
    if told is not None and (told in _ENDS or told in _ENDS_OF_DAY):
        return _over(state, told, time_in_force, report)
    if state.status in CLOSED:
        return Applied(state=state)
    if told is OrdStatus.PENDING_NEW:
        return Applied(state=state)
    if told in (OrdStatus.SUSPENDED, OrdStatus.STOPPED):
        return Applied(state=replace(state, status=Status[told.name]))
    leaves_qty = state.leaves_qty
    if report.cum_qty is not None:
        leaves_qty = max(0, min(leaves_qty, quantity - report.cum_qty))
    if not leaves_qty:
        return _over(state, OrdStatus.FILLED, time_in_force, report)
    return Applied(state=replace(state, status=_open_status(state), leaves_qty=leaves_qty))


def _restated(state: ChildState, report: Report) -> Applied:
    """The venue changed the order, of itself (FIX 378) or as it was asked to by 35=G.

    A 35=G that met a filled order may have made it larger (FIX 4.4 Appendix D, C.1.c): it is open again. No
    other end is undone by it.
    """
    told, replaces = report.price_micros, state.replaces
    if report.exec_type is ExecType.REPLACED:
        price = told or replaces.pending_price or replaces.price_micros
        state = replace(state, replaces=Replaces(named=report.named or replaces.named, price_micros=price))
    elif told:
        state = replace(state, replaces=replaces._replace(price_micros=told))
    leaves_qty = report.leaves_qty
    if leaves_qty is None:
        leaves_qty = state.leaves_qty
        if report.order_qty is not None:
            leaves_qty = max(0, report.order_qty - state.cum_qty)
    over = report.ord_status in (OrdStatus.CANCELED, OrdStatus.EXPIRED) or leaves_qty <= 0
    if state.status in CLOSED and (over or not reopens(state, report)):
        return Applied(state=state)
    if over:
        how = OrdStatus.EXPIRED if report.ord_status is OrdStatus.EXPIRED else OrdStatus.CANCELED
        ended, status = _ENDS[how]
        return Applied(state=replace(state, status=status, leaves_qty=0), ended=ended)
    return Applied(state=replace(state, status=_open_status(state), leaves_qty=leaves_qty))
