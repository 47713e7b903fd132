"""What goes into a venue (commands) and what comes out (records), which the journal keeps and FIX carries.

Times are UTC, prices text in dollars. FIX's own codes stay at the edge, in `entrypoints.fix_text`.
"""

import enum
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from simulators.broker.market import Market

NO_ORDER_ID: Final = "NONE"


class Side(str, enum.Enum):
    """FIX tag 54, as far as the venue trades it."""

    BUY = "BUY"
    SELL = "SELL"
    SELL_SHORT = "SELL_SHORT"
    SELL_SHORT_EXEMPT = "SELL_SHORT_EXEMPT"

    @property
    def is_buy(self) -> bool:
        """Whether it buys: the others sell."""
        return self is Side.BUY


class OrdType(str, enum.Enum):
    """FIX tag 40, as far as the venue trades it."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    PEGGED = "PEGGED"


class TimeInForce(str, enum.Enum):
    """FIX tag 59, as far as the venue trades it."""

    DAY = "DAY"
    GTC = "GTC"
    OPG = "OPG"
    IOC = "IOC"
    FOK = "FOK"
    CLO = "CLO"


class TradingPhase(str, enum.Enum):
    """What a venue does in a symbol. In OPEN alone orders trade as they come, in LIMIT within the band.

    PAUSED ends by itself after a while, the others when somebody ends them.
    """

    PRE_OPEN = "PRE_OPEN"
    OPEN = "OPEN"
    LIMIT = "LIMIT"
    PAUSED = "PAUSED"
    HALTED = "HALTED"
    CLOSED = "CLOSED"


class ExecType(str, enum.Enum):
    """FIX tag 150."""

    NEW = "NEW"
    TRADE = "TRADE"
    DONE_FOR_DAY = "DONE_FOR_DAY"
    CANCELED = "CANCELED"
    REPLACED = "REPLACED"
    PENDING_CANCEL = "PENDING_CANCEL"
    STOPPED = "STOPPED"
    REJECTED = "REJECTED"
    SUSPENDED = "SUSPENDED"
    CALCULATED = "CALCULATED"
    RESTATED = "RESTATED"
    PENDING_REPLACE = "PENDING_REPLACE"
    TRADE_CORRECT = "TRADE_CORRECT"
    TRADE_CANCEL = "TRADE_CANCEL"
    ORDER_STATUS = "ORDER_STATUS"


class OrdStatus(str, enum.Enum):
    """FIX tag 39."""

    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    DONE_FOR_DAY = "DONE_FOR_DAY"
    CANCELED = "CANCELED"
    PENDING_CANCEL = "PENDING_CANCEL"
    STOPPED = "STOPPED"
    REJECTED = "REJECTED"
    SUSPENDED = "SUSPENDED"
    CALCULATED = "CALCULATED"
    PENDING_REPLACE = "PENDING_REPLACE"


class OrdRejReason(enum.IntEnum):
    """FIX tag 103."""

    BROKER_OPTION = 0
    UNKNOWN_SYMBOL = 1
    EXCHANGE_CLOSED = 2
    TOO_LATE_TO_ENTER = 4
    UNKNOWN_ORDER = 5
    DUPLICATE_ORDER = 6
    UNSUPPORTED_CHARACTERISTIC = 11
    INCORRECT_QUANTITY = 13
    OTHER = 99


class CxlRejReason(enum.IntEnum):
    """FIX tag 102."""

    TOO_LATE = 0
    UNKNOWN_ORDER = 1
    BROKER_OPTION = 2
    ALREADY_PENDING = 3
    DUPLICATE_CL_ORD_ID = 6
    OTHER = 99


class RequestKind(str, enum.Enum):
    """FIX tag 434: what a cancel reject answers."""

    CANCEL = "CANCEL"
    REPLACE = "REPLACE"


class Command(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Base of what a venue is told."""


class NewOrder(Command, frozen=True, kw_only=True, gc=False):
    """35=D. side, ord_type and time_in_force are None when the venue does not trade what was asked for.

    min_qty: MinQty (110), the fewest shares that may trade of it at once, 0 for any. max_floor: MaxFloor
    (111), how many shares are shown of it, None for all, below 0 for what is no quantity. is_pegged: to the
    middle of the market (ExecInst 18=M). is_sweep: an intermarket sweep (18=f). is_post_only: it takes
    nothing (18=6). account: tag 1.
    possible_resend: the sender says that it may have sent it before.
    """

    cl_ord_id: str
    symbol: str
    side: Side | None
    order_qty: int | None
    ord_type: OrdType | None
    price: str = ""
    time_in_force: TimeInForce | None = TimeInForce.DAY
    min_qty: int | None = 0
    max_floor: int | None = None
    is_pegged: bool = False
    is_sweep: bool = False
    is_post_only: bool = False
    account: str = ""
    possible_resend: bool = False


class CancelOrder(Command, frozen=True, kw_only=True, gc=False):
    """35=F."""

    cl_ord_id: str
    orig_cl_ord_id: str
    symbol: str
    side: Side | None


class ReplaceOrder(Command, frozen=True, kw_only=True, gc=False):
    """35=G. order_qty is the new total, what is done included."""

    cl_ord_id: str
    orig_cl_ord_id: str
    symbol: str
    side: Side | None
    order_qty: int | None
    price: str = ""


class AskStatus(Command, frozen=True, kw_only=True, gc=False):
    """35=H. ord_status_req_id: tag 790, echoed in the answer."""

    cl_ord_id: str
    ord_status_req_id: str = ""
    symbol: str = ""
    side: Side | None = None


class Requote(Command, frozen=True, kw_only=True, gc=False):
    """A new quote of one symbol."""

    market: Market


class SetTrading(Command, frozen=True, kw_only=True, gc=False):
    """The venue opens, halts, pauses, resumes or closes a symbol, or all ("")."""

    phase: TradingPhase
    symbol: str = ""


class Decide(Command, frozen=True, kw_only=True, gc=False):
    """The venue makes up its mind on the request that is pending for an order."""

    cl_ord_id: str


class BeginDay(Command, frozen=True, kw_only=True, gc=False):
    """The next trading day begins for the orders that are to come back."""


class Disconnected(Command, frozen=True, kw_only=True, gc=False):
    """The counterparty's connection is gone."""


class EndDay(Command, frozen=True, kw_only=True, gc=False):
    """The trading day is over for DAY orders."""


class OrderAccepted(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag_field="record", tag="order"
):
    """An order was taken into the venue. Kept in the journal; FIX says it by the report that follows."""

    venue_id: str
    order_id: str
    cl_ord_id: str
    symbol: str
    side: Side
    order_qty: int
    ord_type: OrdType
    time_in_force: TimeInForce
    transact_time: datetime
    price: str = ""
    min_qty: int = 0
    max_floor: int | None = None
    is_pegged: bool = False
    account: str = ""


class Report(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag_field="record", tag="report"
):
    """35=8.

    exec_ref_id: the trade that a bust or a correction is about (19). A bust has no last_qty, a correction the
    right one. exec_restatement_reason: tag 378. last_liquidity: of a trade, 1 added, 2 removed, 4 in a cross
    (851). fee: of a trade, in dollars, below 0 for what the venue gives; of a bust, the trade's fee the other
    way; "" where the venue says none.
    """

    venue_id: str
    exec_id: str
    order_id: str
    cl_ord_id: str
    exec_type: ExecType
    ord_status: OrdStatus
    symbol: str
    side: Side | None
    order_qty: int
    cum_qty: int
    leaves_qty: int
    last_qty: int
    avg_px: str
    transact_time: datetime
    orig_cl_ord_id: str = ""
    last_px: str = ""
    price: str = ""
    ord_type: OrdType | None = None
    time_in_force: TimeInForce | None = None
    ord_rej_reason: int | None = None
    ord_status_req_id: str = ""
    text: str = ""
    exec_ref_id: str = ""
    exec_restatement_reason: int | None = None
    last_liquidity: int | None = None
    fee: str = ""
    max_floor: int | None = None
    is_pegged: bool = False
    account: str = ""


class CancelRejected(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    gc=False,
    tag_field="record",
    tag="cancel_reject",
):
    """35=9."""

    venue_id: str
    order_id: str
    cl_ord_id: str
    orig_cl_ord_id: str
    ord_status: OrdStatus
    answers: RequestKind
    reason: int
    text: str
    transact_time: datetime


class FaultKind(str, enum.Enum):
    """What an unkind venue does. The first group dresses a true message up, the second adds a false one.

    The third is true and unwelcome, the fourth is how requests are answered, the last the session's.
    """

    LATIN1_TEXT = "LATIN1_TEXT"
    NUL_TEXT = "NUL_TEXT"
    DATA_WITH_SEPARATOR = "DATA_WITH_SEPARATOR"
    USER_TAGS = "USER_TAGS"
    EMPTY_TAG = "EMPTY_TAG"
    FIX42_STYLE = "FIX42_STYLE"
    CLOCK_OFF = "CLOCK_OFF"
    GAP_FILLED = "GAP_FILLED"

    PRICE_ZERO = "PRICE_ZERO"
    WITHOUT_LAST_PX = "WITHOUT_LAST_PX"
    WITHOUT_CL_ORD_ID = "WITHOUT_CL_ORD_ID"
    UNKNOWN_CL_ORD_ID = "UNKNOWN_CL_ORD_ID"
    OTHER_SIDE = "OTHER_SIDE"
    REPEATED_EXEC_ID = "REPEATED_EXEC_ID"
    DUPLICATE_REJECT = "DUPLICATE_REJECT"
    STOPPED = "STOPPED"
    CALCULATED = "CALCULATED"

    BUST = "BUST"
    CORRECTION = "CORRECTION"
    RESTATEMENT = "RESTATEMENT"
    UNSOLICITED_CANCEL = "UNSOLICITED_CANCEL"
    CANCEL_CROSSED = "CANCEL_CROSSED"
    OVERFILL = "OVERFILL"
    DAY_END = "DAY_END"
    SUSPENSION = "SUSPENSION"

    STATUS_REFUSED = "STATUS_REFUSED"
    STATUS_UNANSWERED = "STATUS_UNANSWERED"
    CANCEL_PENDING_ALREADY = "CANCEL_PENDING_ALREADY"
    CANCEL_UNKNOWN_ORDER = "CANCEL_UNKNOWN_ORDER"
    THROTTLED = "THROTTLED"

    DROP = "DROP"
    SESSION_RESET = "SESSION_RESET"
    SEQUENCE_LOW = "SEQUENCE_LOW"
    CANCEL_ON_DISCONNECT = "CANCEL_ON_DISCONNECT"


class FaultSown(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag_field="record", tag="fault"
):
    """A fault was sown. cl_ord_id and exec_id: of the message that shows it, as far as there is one."""

    venue_id: str
    kind: FaultKind
    transact_time: datetime
    cl_ord_id: str = ""
    exec_id: str = ""


class RequestRefused(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """35=j to a request. Sent, and not kept. reason: tag 380."""

    venue_id: str
    msg_type: str
    cl_ord_id: str
    reason: int
    text: str


# What an engine brings about, and what the journal keeps.
Record = OrderAccepted | Report | CancelRejected
Kept = Record | FaultSown


class Saying(NamedTuple):
    """A record, and how it leaves: dressed up by a fault or plainly, and whether it is the venue's truth."""

    record: Kept | RequestRefused
    dress: FaultKind | None = None
    is_true: bool = True


def is_kept(record: Record) -> bool:
    """Say whether a record is an event of its own: an answer about the state is sent, but not kept."""
    if not isinstance(record, Report):
        return True
    return record.exec_type is not ExecType.ORDER_STATUS and not is_duplicate_reject(record)


def is_duplicate_reject(record: Report) -> bool:
    """Say whether a report refuses an order whose ClOrdID is known: it says nothing new of the first."""
    return record.exec_type is ExecType.REJECTED and record.ord_rej_reason == OrdRejReason.DUPLICATE_ORDER
