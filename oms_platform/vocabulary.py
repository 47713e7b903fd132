"""The vocabulary: what every service, message and table calls by the same name.

Generated from proto/oms/v1/types.proto by `make proto`, never edited.
"""

import enum
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

# Whole numbers that fit their column and their protobuf type: others are refused when a message is read.
Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel", gc=False):
    """Base of every message and of what they carry: immutable, proto3 JSON names, defaults left out."""


class Side(str, enum.Enum):
    """FIX tag 54.

    SELL_SHORT (5): of shares that are borrowed. SELL_SHORT_EXEMPT (6): such a sale that Rule 201 of
    Regulation SHO does not hold to a price above the national best bid.
    """

    BUY = "SIDE_BUY"
    SELL = "SIDE_SELL"
    SELL_SHORT = "SIDE_SELL_SHORT"
    SELL_SHORT_EXEMPT = "SIDE_SELL_SHORT_EXEMPT"


class OrderCapacity(str, enum.Enum):
    """FIX tag 528, for whom we trade: a client (A), ourselves (P), or ourselves to fill a client's order that
    we hold (R)."""

    AGENCY = "ORDER_CAPACITY_AGENCY"
    PRINCIPAL = "ORDER_CAPACITY_PRINCIPAL"
    RISKLESS_PRINCIPAL = "ORDER_CAPACITY_RISKLESS_PRINCIPAL"


class OrderType(str, enum.Enum):
    """FIX tag 40."""

    MARKET = "ORDER_TYPE_MARKET"
    LIMIT = "ORDER_TYPE_LIMIT"
    STOP = "ORDER_TYPE_STOP"
    STOP_LIMIT = "ORDER_TYPE_STOP_LIMIT"
    PEGGED = "ORDER_TYPE_PEGGED"


class TimeInForce(str, enum.Enum):
    """FIX tag 59.

    OPG (2), CLO (7): in its listing market's opening or closing auction, and nowhere else.
    """

    DAY = "TIME_IN_FORCE_DAY"
    GTC = "TIME_IN_FORCE_GTC"
    IOC = "TIME_IN_FORCE_IOC"
    FOK = "TIME_IN_FORCE_FOK"
    GTD = "TIME_IN_FORCE_GTD"
    OPG = "TIME_IN_FORCE_OPG"
    CLO = "TIME_IN_FORCE_CLO"


class ExecInst(str, enum.Enum):
    """FIX tag 18, what a venue order says of itself beyond its limit.

    INTERMARKET_SWEEP (f): every protected quote that its limit goes past is taken at the same time, and the
    venue need not look for it. MIDPOINT_PEG (M): its price is the middle of the national best, never beyond
    its limit. PARTICIPATE_DONT_INITIATE (6): post-only, it takes nothing that is displayed, and the venue
    refuses it where it would.
    """

    INTERMARKET_SWEEP = "EXEC_INST_INTERMARKET_SWEEP"
    MIDPOINT_PEG = "EXEC_INST_MIDPOINT_PEG"
    PARTICIPATE_DONT_INITIATE = "EXEC_INST_PARTICIPATE_DONT_INITIATE"


class OrderStatus(str, enum.Enum):
    """The state of a parent order.

    NEW: stored and acked to the client, FIX OrdStatus PendingNew. ACKNOWLEDGED: risk passed, FIX New. The
    rest are the FIX states of the same name.
    """

    NEW = "ORDER_STATUS_NEW"
    ACKNOWLEDGED = "ORDER_STATUS_ACKNOWLEDGED"
    PARTIALLY_FILLED = "ORDER_STATUS_PARTIALLY_FILLED"
    FILLED = "ORDER_STATUS_FILLED"
    CANCELED = "ORDER_STATUS_CANCELED"
    REJECTED = "ORDER_STATUS_REJECTED"
    EXPIRED = "ORDER_STATUS_EXPIRED"
    PENDING_CANCEL = "ORDER_STATUS_PENDING_CANCEL"
    PENDING_REPLACE = "ORDER_STATUS_PENDING_REPLACE"
    SUSPENDED = "ORDER_STATUS_SUSPENDED"


class ExecType(str, enum.Enum):
    """FIX tag 150."""

    NEW = "EXEC_TYPE_NEW"
    TRADE = "EXEC_TYPE_TRADE"
    CANCELED = "EXEC_TYPE_CANCELED"
    REJECTED = "EXEC_TYPE_REJECTED"
    EXPIRED = "EXEC_TYPE_EXPIRED"
    PENDING_NEW = "EXEC_TYPE_PENDING_NEW"
    PENDING_CANCEL = "EXEC_TYPE_PENDING_CANCEL"
    DONE_FOR_DAY = "EXEC_TYPE_DONE_FOR_DAY"
    ORDER_STATUS = "EXEC_TYPE_ORDER_STATUS"
    REPLACED = "EXEC_TYPE_REPLACED"
    SUSPENDED = "EXEC_TYPE_SUSPENDED"
    PENDING_REPLACE = "EXEC_TYPE_PENDING_REPLACE"
    STOPPED = "EXEC_TYPE_STOPPED"
    CALCULATED = "EXEC_TYPE_CALCULATED"
    RESTATED = "EXEC_TYPE_RESTATED"
    TRADE_CORRECT = "EXEC_TYPE_TRADE_CORRECT"
    TRADE_CANCEL = "EXEC_TYPE_TRADE_CANCEL"


class PegType(str, enum.Enum):
    """What the price of a pegged order follows, FIX tag 18.

    PRIMARY (R): the best price of its own side of the market. MIDPOINT (M): the middle. MARKET (P): the best
    price of the other side.
    """

    PRIMARY = "PEG_TYPE_PRIMARY"
    MIDPOINT = "PEG_TYPE_MIDPOINT"
    MARKET = "PEG_TYPE_MARKET"


class CancelCause(str, enum.Enum):
    """Why an order is being taken out of the market.

    ALGO_END: its algo's time is over. KILL: a kill switch cancels it.
    """

    CLIENT = "CANCEL_CAUSE_CLIENT"
    SESSION_END = "CANCEL_CAUSE_SESSION_END"
    EXPIRY = "CANCEL_CAUSE_EXPIRY"
    ALGO_END = "CANCEL_CAUSE_ALGO_END"
    KILL = "CANCEL_CAUSE_KILL"


class AlgoStrategy(str, enum.Enum):
    """How an order's shares are released over time.

    TWAP: evenly. VWAP: as a market's volume is over its day. POV: as the market trades, a part of its volume.
    IS: implementation shortfall, the sooner the more urgent.
    """

    TWAP = "ALGO_STRATEGY_TWAP"
    VWAP = "ALGO_STRATEGY_VWAP"
    POV = "ALGO_STRATEGY_POV"
    IS = "ALGO_STRATEGY_IS"


class RiskOutcome(str, enum.Enum):
    """What came of a risk rule.

    PASSED: the order is within it. WARNED: it is not, and was only warned about. SHADOWED: it is not, and the
    rule only watches. OVERRIDDEN: it is not, and a second person let it pass. DENIED: it is not.
    """

    PASSED = "RISK_OUTCOME_PASSED"
    WARNED = "RISK_OUTCOME_WARNED"
    SHADOWED = "RISK_OUTCOME_SHADOWED"
    OVERRIDDEN = "RISK_OUTCOME_OVERRIDDEN"
    DENIED = "RISK_OUTCOME_DENIED"


class Routing(Message, frozen=True, kw_only=True):
    """How an order wants to be routed.

    Empty: as its account does, or else by the default profile.
    """

    profile: str = ""
    avoid: tuple[str, ...] = ()
    prefer: tuple[str, ...] = ()


class Tag(Message, frozen=True, kw_only=True):
    """A word of the client's own about an order, kept with it."""

    name: str
    text: str


class Algo(Message, frozen=True, kw_only=True):
    """An order that is worked over time.

    start_at: not there, from when the order came. participation_bps: the most that may be released of what
    the market has traded since it was begun, in hundredths of a percent, 0 for any; of POV it is what
    releases. urgency: of IS, 1 to 10. slices: in how many parts, 0 for as many as its time asks for. seed:
    what the parts' sizes and times are drawn from; not there, from the order's id.
    """

    strategy: AlgoStrategy
    start_at: datetime | None = None
    end_at: datetime
    participation_bps: Int32 = 0
    urgency: Int32 = 0
    slices: Int32 = 0
    seed: Int64 | None = None


class Peg(Message, frozen=True, kw_only=True):
    """What the price of a pegged order is: what it follows, and by how much beside it, FIX PegOffsetValue
    (211), below 0 for lower."""

    peg_type: PegType
    offset_micros: Int64 = 0


class OrderTerms(Message, frozen=True, kw_only=True):
    """What a client asked for, whole: every message that needs a part of it carries all of it.

    min_quantity: FIX MinQty (110), the fewest shares that a venue may trade of it at once, 0 for any.
    limit_price_micros: of LIMIT and STOP_LIMIT orders only. stop_price_micros: FIX StopPx (99), of STOP and
    STOP_LIMIT orders only. expire_at: FIX ExpireTime (126), of GTD orders only; of one that was given a date
    (432), the close of that day's session. capacity: not there, it is agency and no venue is told. tags: by
    name, no name twice; no venue is told. locate_id: of the shares that a short sale borrows.
    display_quantity: FIX MaxFloor (111), the shares that are shown at once where it rests, 0 for all.
    post_only: it takes nothing that is displayed. basket_id: the list of orders that it was sent with (FIX
    ListID, 66), empty for none. closes_for: the kill switch for which core closes a position by it; no
    client's order has it.
    """

    account_id: str
    channel: str
    client_order_id: str
    principal: str = ""
    symbol: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Int32
    limit_price_micros: Int64 | None = None
    min_quantity: Int32 = 0
    routing: Routing | None = None
    stop_price_micros: Int64 | None = None
    expire_at: datetime | None = None
    capacity: OrderCapacity | None = None
    tags: tuple[Tag, ...] = ()
    locate_id: str = ""
    display_quantity: Int32 = 0
    post_only: bool = False
    peg: Peg | None = None
    algo: Algo | None = None
    basket_id: str = ""
    closes_for: UUID | None = None


class OrderChange(Message, frozen=True, kw_only=True):
    """What a replace changes of an order's terms.

    UNSPECIFIED, or not there: it stays as it is. display_quantity 0: all of it is shown.
    """

    quantity: Int32 | None = None
    limit_price_micros: Int64 | None = None
    time_in_force: TimeInForce | None = None
    stop_price_micros: Int64 | None = None
    expire_at: datetime | None = None
    display_quantity: Int32 | None = None
    peg: Peg | None = None
    algo: Algo | None = None


class ChildTerms(Message, frozen=True, kw_only=True):
    """What is asked of one venue, whole: a line of a route plan, a venue order, and what it is rendered from.

    cl_ord_id derives from order_id, attempt and leg. hold_ms above 0: what is left of it after so long is
    canceled. capacity, locate_id: the order's. display_quantity: its part of what the order shows, 0 for all
    of it.
    """

    order_id: UUID
    cl_ord_id: str
    attempt: Int32
    leg: Int32
    account_id: str
    venue_id: str
    symbol: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Int32
    limit_price_micros: Int64
    min_quantity: Int32 = 0
    hold_ms: Int32 = 0
    exec_inst: ExecInst | None = None
    capacity: OrderCapacity | None = None
    locate_id: str = ""
    display_quantity: Int32 = 0


class VenueVisit(Message, frozen=True, kw_only=True):
    """What came of an order's earlier children at one venue.

    rejected: how many of them the venue refused.
    """

    venue_id: str
    children: Int32
    sent: Int32
    filled: Int32 = 0
    rejected: Int32 = 0
    last_at: datetime


class Booking(Message, frozen=True, kw_only=True):
    """A trade that a person books, where a venue's report of it could not be applied: what the exception is
    closed with.

    cl_ord_id: of the child that it is of, empty for none. exec_id, venue_order_id, trade_date: what names it
    at its venue.
    """

    exception_id: UUID
    cl_ord_id: str = ""
    venue_id: str
    exec_id: str
    venue_order_id: str = ""
    trade_date: str = ""
    last_qty: Int32
    last_px_micros: Int64
    transact_time: datetime
    reason: str


class RiskCheck(Message, frozen=True, kw_only=True):
    """One risk rule's outcome: the value that was found and the bound it was held to.

    headroom: how far within it, empty where that has no sense; scope: where the bound was set, `default` for
    nowhere; overridden_by: who let it pass, of an OVERRIDDEN one.
    """

    rule: str
    value: str
    bound: str
    passed: bool = False
    headroom: str = ""
    outcome: RiskOutcome | None = None
    scope: str = ""
    overridden_by: str = ""


class OverrideUsed(Message, frozen=True, kw_only=True):
    """The leave of a second person by which an order passed that risk would have denied.

    It was good for this one.
    """

    override_id: UUID
    granted_by: str
    reason: str


class RouteRequested(Message, frozen=True, kw_only=True):
    """A route for `quantity` shares was asked for."""

    route_id: UUID
    attempt: Int32
    quantity: Int32
    requested_at: datetime


class AuctionTimes(Message, frozen=True, kw_only=True):
    """The auction that an OPG or CLO order is for.

    at: when it is. sent_from: venue orders for it leave from then on. taken_until: orders for it are taken,
    and leave, up to then, without it.
    """

    at: datetime
    sent_from: datetime
    taken_until: datetime


class OrderAccepted(Message, frozen=True, kw_only=True):
    """Risk passed, and the first route was asked for, unless the order waits: for its stop price, its session
    or its auction.

    reserved_price_micros: what a share holds of the buying power. risk_us: time of the verdict. auction: of
    an OPG or CLO order. override: by which it passed.
    """

    reserved_price_micros: Int64
    checks: tuple[RiskCheck, ...] = ()
    risk_us: Int32 = 0
    route: RouteRequested | None = None
    auction: AuctionTimes | None = None
    override: OverrideUsed | None = None


class RouteHeld(Message, frozen=True, kw_only=True):
    """What is left of the order is not routed for now, because of the time: `reason` says what it waits
    for."""

    reason: str


class StopTriggered(Message, frozen=True, kw_only=True):
    """The market has reached a stop price, and the order is worked from here on, as a market or a limit
    order.

    price_micros: the national best offer (to buy) or bid (to sell) that did it, or of_trade the last trade;
    bid and offer: the quote that it is of, quote_sequence and quoted_at its place in the symbol's quotes and
    its time.
    """

    price_micros: Int64
    bid_micros: Int64 | None = None
    offer_micros: Int64 | None = None
    quote_sequence: Int32 = 0
    quoted_at: datetime | None = None
    triggered_at: datetime
    of_trade: bool = False


class PegPriced(Message, frozen=True, kw_only=True):
    """A pegged order's price is `price_micros` from here on, of a quote with these two sides; quote_sequence
    and quoted_at: its place in the symbol's quotes and its time.

    What venues have of the order at another price is to get this one.
    """

    price_micros: Int64
    bid_micros: Int64 | None = None
    offer_micros: Int64 | None = None
    quote_sequence: Int32 = 0
    quoted_at: datetime | None = None
    priced_at: datetime


class AlgoSlice(Message, frozen=True, kw_only=True):
    """One part of an algo's plan: from due_at on, `quantity` shares in all may be worked."""

    due_at: datetime
    quantity: Int32 = 0


class AlgoPlanned(Message, frozen=True, kw_only=True):
    """How an algo's shares are released from planned_at on: `slices` by their time, the last with the order's
    quantity.

    A later plan takes the place of an earlier one, and leaves what was done or at work by then, `base_qty`.
    volume: of the symbol, all that its market has traded of it; not there while it is not known.
    """

    planned_at: datetime
    base_qty: Int32 = 0
    slices: tuple[AlgoSlice, ...] = ()
    volume: Int64 | None = None


class SharesReleased(Message, frozen=True, kw_only=True):
    """So many shares of an algo order may be worked, `quantity` in all with those done.

    slice: how many slices of its plan are due, the last of them at due_at. volume: all that the symbol's
    market has traded; counted_volume: how much of that was since the plan was made and seen.
    """

    quantity: Int32
    slice: Int32
    due_at: datetime
    released_at: datetime
    volume: Int64 | None = None
    counted_volume: Int64 = 0


class AlgoHeld(Message, frozen=True, kw_only=True):
    """Shares of an algo order are due and are not released: `reason` says why.

    It ends with the next SharesReleased.
    """

    reason: str = ""
    held_at: datetime


class OrderDenied(Message, frozen=True, kw_only=True):
    """Risk failed.

    denial: `CODE: key=value, key=value`. overridable: a second person may let the same order pass.
    """

    denial: str
    checks: tuple[RiskCheck, ...] = ()
    risk_us: Int32 = 0
    overridable: bool = False


class RoutePlaced(Message, frozen=True, kw_only=True):
    """The adapter stored these children; from here they are live.

    Without children, `reason` says why: refused, the order was canceled before its plan came; no_data, there
    was no market to decide on (no quote, or a halt). continues: what they leave is meant to be routed again
    at once.
    """

    attempt: Int32
    reason: str = ""
    refused: bool = False
    placed_at: datetime
    continues: bool = False
    children: tuple[ChildTerms, ...] = ()
    no_data: bool = False


class RouteDeferred(Message, frozen=True, kw_only=True):
    """The next route waits until `retry_at`."""

    retry_at: datetime
    reason: str = ""


class TradeApplied(Message, frozen=True, kw_only=True):
    """A venue's trade, FIX ExecType Trade: the one record of an execution, which the view `executions` shows.

    An execution is what (venue_id, trade_date, venue_order_id, exec_id) names. trade_date: FIX TradeDate (75)
    or else the UTC date of transact_time, YYYYMMDD. request_id: of the person's request that booked it, where
    no report could be applied; cl_ord_id is empty then if it is of no child. last_liquidity: FIX 851, 0 where
    the venue does not say. fee_micros: what it was charged, below 0 for a rebate; settles_on: the date on
    which its cash settles, YYYY-MM-DD, empty in trades that were stored before fees were charged.
    """

    venue_id: str
    exec_id: str
    cl_ord_id: str
    last_qty: Int32
    last_px_micros: Int64
    transact_time: datetime
    received_at: datetime
    venue_order_id: str = ""
    trade_date: str = ""
    request_id: UUID | None = None
    last_liquidity: Int32 = 0
    fee_micros: Int64 = 0
    settles_on: str = ""


class TradeCorrected(Message, frozen=True, kw_only=True):
    """A venue took a trade back (FIX ExecType Trade Cancel, last_qty 0) or corrected it (Trade Correct).

    exec_id: of this report; exec_ref_id: of the trade, which was was_qty at was_px_micros until now and is
    told apart by ref_trade_date and ref_venue_order_id. leaves_qty: what is open of the child at its venue
    after it. was_fee_micros: what the trade was charged until now, which is given back; fee_micros,
    settles_on: as of a TradeApplied.
    """

    venue_id: str
    exec_id: str
    exec_ref_id: str
    cl_ord_id: str
    was_qty: Int32
    was_px_micros: Int64
    last_qty: Int32 = 0
    last_px_micros: Int64 = 0
    leaves_qty: Int32 = 0
    transact_time: datetime
    received_at: datetime
    venue_order_id: str = ""
    trade_date: str = ""
    text: str = ""
    ref_trade_date: str = ""
    ref_venue_order_id: str = ""
    was_fee_micros: Int64 = 0
    fee_micros: Int64 = 0
    settles_on: str = ""


class ChildRestated(Message, frozen=True, kw_only=True):
    """A child's OrderQty at its venue is `quantity` from here on, and its price limit_price_micros where that
    is there: the venue changed it of itself (FIX ExecType Restated), or was asked to (Replaced).

    exec_id, venue_order_id, trade_date: of the report, which has its effect once; restated_at: its
    TransactTime, an older one says nothing new.
    """

    cl_ord_id: str
    venue_id: str
    quantity: Int32
    text: str = ""
    exec_id: str = ""
    venue_order_id: str = ""
    trade_date: str = ""
    restated_at: datetime | None = None
    limit_price_micros: Int64 | None = None


class ChildClosed(Message, frozen=True, kw_only=True):
    """A child left its venue's book: CANCELED, REJECTED or EXPIRED with shares unfilled, or TRADE, done by
    its venue's word.

    unresolved_qty: shares that the venue says are executed and of which no report came; they are never routed
    again, and a trade that is booked later takes them. exec_id, venue_order_id, trade_date: of the report,
    which has its effect once.
    """

    cl_ord_id: str
    venue_id: str
    outcome: ExecType
    text: str = ""
    closed_at: datetime
    unresolved_qty: Int32 = 0
    exec_id: str = ""
    venue_order_id: str = ""
    trade_date: str = ""


class CancelRequested(Message, frozen=True, kw_only=True):
    """The order is to leave the market.

    reason: in words, of a kill switch's cancel.
    """

    request_id: UUID
    cause: CancelCause
    requested_at: datetime
    reason: str = ""


class ChildCancelRejected(Message, frozen=True, kw_only=True):
    """A venue keeps a child that it was asked to cancel, FIX 35=9; the cancel goes on for the other children.

    replace: it was asked to make the child smaller where it is, and does not.
    """

    cl_ord_id: str
    venue_id: str
    reason: str = ""
    replace: bool = False


class CancelRejected(Message, frozen=True, kw_only=True):
    """A cancel's end that is not the order's: it came too late, or a venue keeps what `reason` names."""

    request_id: UUID
    reason: str = ""


class ReplaceRequested(Message, frozen=True, kw_only=True):
    """The order is to be changed into `terms`: children that stand in the way are taken back first.

    checks: risk's, of what it becomes. override: by which it passed.
    """

    request_id: UUID
    terms: OrderTerms
    reserved_price_micros: Int64
    checks: tuple[RiskCheck, ...] = ()
    requested_at: datetime
    override: OverrideUsed | None = None


class OrderReplaced(Message, frozen=True, kw_only=True):
    """The order is what `terms` say from here on, FIX ExecType Replaced.

    Its quantity is never below what is done.
    """

    request_id: UUID
    terms: OrderTerms
    reserved_price_micros: Int64


class ReplaceRejected(Message, frozen=True, kw_only=True):
    """A replace's end that changes nothing: refused at once, overtaken, or a venue keeps what stands in the
    way.

    terms: what it would have become, of one that risk denied. overridable: as of an OrderDenied.
    """

    request_id: UUID
    reason: str = ""
    checks: tuple[RiskCheck, ...] = ()
    terms: OrderTerms | None = None
    overridable: bool = False


class OrderSuspended(Message, frozen=True, kw_only=True):
    """Nothing of the order is sent any more, and its children are taken back."""

    request_id: UUID
    suspended_at: datetime


class SuspendRejected(Message, frozen=True, kw_only=True):
    """A suspend that changes nothing: `reason` says why."""

    request_id: UUID
    reason: str = ""


class OrderResumed(Message, frozen=True, kw_only=True):
    """The order is worked again."""

    request_id: UUID
    resumed_at: datetime


class ResumeRejected(Message, frozen=True, kw_only=True):
    """A resume that changes nothing: `reason` says why."""

    request_id: UUID
    reason: str = ""


class BookingRejected(Message, frozen=True, kw_only=True):
    """A trade that a person asked to book was not: `reason` says why."""

    request_id: UUID
    reason: str = ""


class OrderCanceled(Message, frozen=True, kw_only=True):
    """What was left is canceled."""

    reason: str = ""


class OrderExpired(Message, frozen=True, kw_only=True):
    """What was left expired, with its day or at a time of its own."""

    reason: str = ""
