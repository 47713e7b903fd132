"""Every message that Kafka carries, in the proto3 JSON mapping.

Generated from proto/oms/v1/messages.proto by `make proto`, never edited.
"""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from oms_platform.vocabulary import (
    AlgoHeld,
    AlgoPlanned,
    Booking,
    BookingRejected,
    CancelRejected,
    CancelRequested,
    ChildCancelRejected,
    ChildClosed,
    ChildRestated,
    ChildTerms,
    ExecType,
    Int32,
    Int64,
    Message,
    OrderAccepted,
    OrderCanceled,
    OrderChange,
    OrderDenied,
    OrderExpired,
    OrderReplaced,
    OrderResumed,
    OrderStatus,
    OrderSuspended,
    OrderTerms,
    PegPriced,
    ReplaceRejected,
    ReplaceRequested,
    ResumeRejected,
    RouteDeferred,
    RouteHeld,
    RoutePlaced,
    RouteRequested,
    SharesReleased,
    Side,
    StopTriggered,
    SuspendRejected,
    TradeApplied,
    TradeCorrected,
    VenueVisit,
)


class SubmitOrder(Message, frozen=True, kw_only=True):
    """request_id of a new order is its order_id.

    booking: the order is a record of a trade that a venue made without one of ours; it is filled by it at
    once, and neither checked nor routed.
    """

    order_id: UUID
    received_at: datetime
    terms: OrderTerms
    booking: Booking | None = None


class CancelOrder(Message, frozen=True, kw_only=True):
    """channel: the door it came through, if its caller named one.

    cl_ord_id: the request's own id, a ClOrdID or an idempotency key, where its caller gave one. selected_by:
    the filter of a request about many orders, else empty.
    """

    request_id: UUID
    order_id: UUID
    account_id: str
    principal: str = ""
    received_at: datetime
    channel: str = ""
    cl_ord_id: str = ""
    selected_by: str = ""


class ReplaceOrder(Message, frozen=True, kw_only=True):
    """Change what an order asks for, from there on.

    What `change` does not give stays. cl_ord_id: as of a CancelOrder.
    """

    request_id: UUID
    order_id: UUID
    account_id: str
    principal: str = ""
    received_at: datetime
    channel: str = ""
    cl_ord_id: str = ""
    change: OrderChange


class SuspendOrder(Message, frozen=True, kw_only=True):
    """Take an order out of the market, to go on with it later.

    cl_ord_id, selected_by: as of a CancelOrder.
    """

    request_id: UUID
    order_id: UUID
    account_id: str
    principal: str = ""
    received_at: datetime
    channel: str = ""
    cl_ord_id: str = ""
    selected_by: str = ""


class ResumeOrder(Message, frozen=True, kw_only=True):
    """Go on with a suspended order.

    cl_ord_id, selected_by: as of a CancelOrder.
    """

    request_id: UUID
    order_id: UUID
    account_id: str
    principal: str = ""
    received_at: datetime
    channel: str = ""
    cl_ord_id: str = ""
    selected_by: str = ""


class BookTrade(Message, frozen=True, kw_only=True):
    """Book a trade on an order."""

    request_id: UUID
    order_id: UUID
    account_id: str
    principal: str = ""
    received_at: datetime
    channel: str = ""
    booking: Booking


class RouteRequest(Message, frozen=True, kw_only=True):
    """One attempt to place `quantity` shares of an order that passed risk.

    display_quantity: of an order that shows a part of itself, how many more shares its live children let it
    show, below 0 for none.
    """

    route_id: UUID
    order_id: UUID
    attempt: Int32
    quantity: Int32
    requested_at: datetime
    visits: tuple[VenueVisit, ...] = ()
    terms: OrderTerms
    display_quantity: Int32 = 0


class RoutePlan(Message, frozen=True, kw_only=True):
    """What an order's route attempt sends, and no more: why stands in the audit.

    terms: the order's, for the last check before the wire. No children: nothing can be placed now, and reason
    says why; no_data, there was no market to decide on. continues: what the children leave is meant to be
    routed again at once.
    """

    route_id: UUID
    order_id: UUID
    attempt: Int32
    quantity: Int32
    reason: str = ""
    received_at: datetime
    decided_at: datetime
    continues: bool = False
    terms: OrderTerms
    children: tuple[ChildTerms, ...] = ()
    no_data: bool = False


class CancelChildren(Message, frozen=True, kw_only=True):
    """Cancel every live child of the attempts up to `through_attempt`, and refuse a plan of one of them that
    comes later."""

    request_id: UUID
    order_id: UUID
    account_id: str
    requested_at: datetime
    through_attempt: Int32


class ReplaceChild(Message, frozen=True, kw_only=True):
    """Change one live child where it is (35=G): its OrderQty is to be `quantity`, what is executed included,
    and its price limit_price_micros, where that is there.

    One that cannot be is answered by a CancelReject with `replace`.
    """

    request_id: UUID
    order_id: UUID
    account_id: str
    cl_ord_id: str
    quantity: Int32
    requested_at: datetime
    limit_price_micros: Int64 | None = None


class RouteAnswer(Message, frozen=True, kw_only=True):
    """The adapter's answer to a route plan."""

    route_id: UUID
    order_id: UUID
    account_id: str
    placed: RoutePlaced


class ExecutionReport(Message, frozen=True, kw_only=True):
    """FIX 35=8 of a child order.

    order_qty, price_micros: the child's at its venue, the price of a RESTATED only. exec_ref_id: the trade
    that a TRADE_CANCEL or a TRADE_CORRECT is about. unresolved_qty: see ChildClosed. last_liquidity: of a
    trade, FIX 851, 0 where the venue does not say.
    """

    order_id: UUID
    account_id: str
    cl_ord_id: str
    venue_id: str
    venue_order_id: str = ""
    exec_id: str
    exec_type: ExecType
    symbol: str
    side: Side
    order_qty: Int32
    last_qty: Int32 = 0
    cum_qty: Int32 = 0
    leaves_qty: Int32 = 0
    text: str = ""
    transact_time: datetime
    received_at: datetime
    last_px_micros: Int64 | None = None
    exec_ref_id: str = ""
    trade_date: str = ""
    unresolved_qty: Int32 = 0
    price_micros: Int64 | None = None
    last_liquidity: Int32 = 0


class CancelReject(Message, frozen=True, kw_only=True):
    """FIX 35=9: the venue would not cancel a child, or, `replace`, not change it."""

    order_id: UUID
    account_id: str
    cl_ord_id: str
    orig_cl_ord_id: str
    venue_id: str
    cxl_rej_reason: Int32 = 0
    text: str = ""
    transact_time: datetime
    replace: bool = False


class OrderEvent(Message, frozen=True, kw_only=True):
    """One state change of a parent order, and the change that made it, in the field of the change's name.

    These bytes are stored, published and sent to clients as they are. stream_sequence counts the account's
    changes from 1 without a gap. request_id: of the request that this is the outcome of.
    """

    event_id: UUID
    order_id: UUID
    account_id: str
    client_order_id: str
    sequence: Int32
    stream_sequence: Int32
    type: str
    status: OrderStatus
    symbol: str
    side: Side
    quantity: Int32
    cum_qty: Int32 = 0
    leaves_qty: Int32 = 0
    avg_px: Decimal | None = None
    last_qty: Int32 = 0
    last_px: Decimal | None = None
    venue_id: str = ""
    text: str = ""
    occurred_at: datetime
    request_id: UUID | None = None
    order_accepted: OrderAccepted | None = None
    order_denied: OrderDenied | None = None
    route_requested: RouteRequested | None = None
    route_placed: RoutePlaced | None = None
    route_deferred: RouteDeferred | None = None
    trade_applied: TradeApplied | None = None
    child_closed: ChildClosed | None = None
    cancel_requested: CancelRequested | None = None
    child_cancel_rejected: ChildCancelRejected | None = None
    cancel_rejected: CancelRejected | None = None
    order_canceled: OrderCanceled | None = None
    order_expired: OrderExpired | None = None
    trade_corrected: TradeCorrected | None = None
    child_restated: ChildRestated | None = None
    booking_rejected: BookingRejected | None = None
    replace_requested: ReplaceRequested | None = None
    order_replaced: OrderReplaced | None = None
    replace_rejected: ReplaceRejected | None = None
    order_suspended: OrderSuspended | None = None
    suspend_rejected: SuspendRejected | None = None
    order_resumed: OrderResumed | None = None
    resume_rejected: ResumeRejected | None = None
    stop_triggered: StopTriggered | None = None
    route_held: RouteHeld | None = None
    peg_priced: PegPriced | None = None
    algo_planned: AlgoPlanned | None = None
    shares_released: SharesReleased | None = None
    algo_held: AlgoHeld | None = None


class RiskAlert(Message, frozen=True, kw_only=True):
    """How an alert stands.

    scope: names by kind, as text; account_id: empty for a firm's. share_pct: of the bound, that was reached;
    bound, headroom and worst in the unit of value. set_for: the scope that the bound is from. times_raised:
    how often it was raised, each time at a higher share. cleared_at: not there while it is open.
    """

    alert_id: UUID
    version: Int32
    rule: str
    scope: str
    account_id: str = ""
    level: str
    share_pct: Int32
    value: str
    bound: str
    headroom: str = ""
    worst: str
    unit: str
    set_for: str = ""
    times_raised: Int32
    first_seen: datetime
    last_seen: datetime
    cleared_at: datetime | None = None
    why_cleared: str = ""


class ExecutionCopy(Message, frozen=True, kw_only=True):
    """An execution, a correction or a bust (its event).

    sequence: the event's place in its account's stream; previous_sequence: that of the account's execution
    before it, 0 for none, by which a reader sees that nothing is missing. poss_dup: it may have been sent
    before, with the same sequence.
    """

    account_id: str
    sequence: Int32
    previous_sequence: Int32 = 0
    poss_dup: bool = False
    event: OrderEvent


class VenueQuote(Message, frozen=True, kw_only=True):
    """One venue's displayed book, best level first.

    heard_at: when anything last came from the venue's feed; not there: it is as new as the quote.
    """

    venue_id: str
    bid_prices: tuple[Decimal, ...] = ()
    bid_sizes: tuple[Int32, ...] = ()
    ask_prices: tuple[Decimal, ...] = ()
    ask_sizes: tuple[Int32, ...] = ()
    heard_at: datetime | None = None


class Quote(Message, frozen=True, kw_only=True):
    """Every venue's displayed book of one symbol at one instant, and the national best bid and offer over the
    lit ones.

    last_price, last_size: of the newest trade of any venue, not there before the first; volume: shares that
    were traded of the symbol since the feed began.
    """

    symbol: str
    sequence: Int32
    national_best_bid: Decimal | None = None
    national_best_offer: Decimal | None = None
    venues: tuple[VenueQuote, ...] = ()
    quoted_at: datetime
    last_price: Decimal | None = None
    last_size: Int32 = 0
    volume: Int64 | None = None


class ScoreTerm(Message, frozen=True, kw_only=True):
    """One term of a venue's score: contribution = weight * value."""

    name: str
    value: Decimal
    weight: Decimal
    contribution: Decimal


class VenueConsidered(Message, frozen=True, kw_only=True):
    """A venue as the decision saw it, with its inputs, its score and the reason it was chosen or passed
    over."""

    venue_id: str
    chosen: bool = False
    reason: str
    bid_price: Decimal | None = None
    bid_size: Int32 = 0
    ask_price: Decimal | None = None
    ask_size: Int32 = 0
    marketable_size: Int32 = 0
    quote_age_us: Int32 = 0
    fee_per_share: Decimal = Decimal(0)
    all_in_price: Decimal | None = None
    terms: tuple[ScoreTerm, ...] = ()
    score: Decimal = Decimal(0)
    allocated: Int32 = 0
    hidden_size: Int32 = 0
    taken_before: Int32 = 0
    expected_quantity: Int32 = 0
    expected_notional: Decimal = Decimal(0)
    expected_fee: Decimal = Decimal(0)


class RouteExplanation(Message, frozen=True, kw_only=True):
    national_best_bid: Decimal | None = None
    national_best_offer: Decimal | None = None
    book_at: datetime | None = None
    profile: str
    profile_version: Int32
    venues: tuple[VenueConsidered, ...] = ()
    summary: str
    quote_wait_us: Int32 = 0
    decision_us: Int32 = 0
    strategy: str = ""
    stage: str = ""
    seed: str = ""
    expected_quantity: Int32 = 0
    expected_notional: Decimal = Decimal(0)
    expected_fee: Decimal = Decimal(0)
    expected_cost: Decimal | None = None
    expected_cost_bps: Decimal | None = None
