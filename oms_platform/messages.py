"""The Kafka messages as msgspec Structs, in the proto3 JSON mapping of proto/oms/v1.

The .proto files are the contract; tests/contract holds each Struct to its message field by field. Prices are
Decimal (strings on the wire), quantities whole shares, times UTC.
"""

import enum
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

import msgspec

SCHEMA_VERSION: Final = 1


class Side(str, enum.Enum):
    """FIX tag 54."""

    BUY = "SIDE_BUY"
    SELL = "SIDE_SELL"


class OrderType(str, enum.Enum):
    """FIX tag 40."""

    MARKET = "ORDER_TYPE_MARKET"
    LIMIT = "ORDER_TYPE_LIMIT"


class TimeInForce(str, enum.Enum):
    """FIX tag 59."""

    DAY = "TIME_IN_FORCE_DAY"
    GTC = "TIME_IN_FORCE_GTC"
    IOC = "TIME_IN_FORCE_IOC"
    FOK = "TIME_IN_FORCE_FOK"


class OrderStatus(str, enum.Enum):
    """State of a parent order; FIX OrdStatus, with NEW for PendingNew and ACKNOWLEDGED for New."""

    NEW = "ORDER_STATUS_NEW"
    ACKNOWLEDGED = "ORDER_STATUS_ACKNOWLEDGED"
    PARTIALLY_FILLED = "ORDER_STATUS_PARTIALLY_FILLED"
    FILLED = "ORDER_STATUS_FILLED"
    CANCELED = "ORDER_STATUS_CANCELED"
    REJECTED = "ORDER_STATUS_REJECTED"
    EXPIRED = "ORDER_STATUS_EXPIRED"
    PENDING_CANCEL = "ORDER_STATUS_PENDING_CANCEL"


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


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel", gc=False):
    """Base of every message: immutable, keyword-only, proto3 JSON field names, defaults left out."""


class Routing(Message, frozen=True):
    """How an order or account wants to be routed; empty: as the default profile says."""

    profile: str = ""
    avoid: tuple[str, ...] = ()
    prefer: tuple[str, ...] = ()


class SubmitOrder(Message, frozen=True):
    order_id: UUID
    account_id: str
    channel: str
    client_order_id: str
    symbol: str
    side: Side
    order_type: OrderType
    quantity: int
    time_in_force: TimeInForce
    received_at: datetime
    limit_price: Decimal | None = None
    principal: str = ""
    routing: Routing | None = None


class CancelOrder(Message, frozen=True):
    request_id: UUID
    order_id: UUID
    account_id: str
    received_at: datetime
    principal: str = ""


class VenueVisit(Message, frozen=True):
    """What came of an order's earlier children at one venue."""

    venue_id: str
    children: int
    sent: int
    last_at: datetime
    filled: int = 0
    rejected: int = 0


class RouteRequest(Message, frozen=True):
    route_id: UUID
    order_id: UUID
    account_id: str
    attempt: int
    symbol: str
    side: Side
    order_type: OrderType
    quantity: int
    time_in_force: TimeInForce
    requested_at: datetime
    limit_price: Decimal | None = None
    routing: Routing | None = None
    visits: tuple[VenueVisit, ...] = ()


class RouteLeg(Message, frozen=True):
    leg: int
    cl_ord_id: str
    venue_id: str
    quantity: int
    limit_price: Decimal
    time_in_force: TimeInForce
    hold_ms: int = 0


class ScoreTerm(Message, frozen=True):
    name: str
    value: Decimal
    weight: Decimal
    contribution: Decimal


class VenueConsidered(Message, frozen=True):
    venue_id: str
    reason: str
    chosen: bool = False
    bid_price: Decimal | None = None
    bid_size: int = 0
    ask_price: Decimal | None = None
    ask_size: int = 0
    marketable_size: int = 0
    quote_age_us: int = 0
    fee_per_share: Decimal = Decimal(0)
    all_in_price: Decimal | None = None
    terms: tuple[ScoreTerm, ...] = ()
    score: Decimal = Decimal(0)
    allocated: int = 0
    hidden_size: int = 0
    taken_before: int = 0
    expected_quantity: int = 0
    expected_notional: Decimal = Decimal(0)
    expected_fee: Decimal = Decimal(0)


class RouteExplanation(Message, frozen=True):
    book_at: datetime | None
    profile: str
    profile_version: int
    venues: tuple[VenueConsidered, ...]
    summary: str
    national_best_bid: Decimal | None = None
    national_best_offer: Decimal | None = None
    quote_wait_us: int = 0
    decision_us: int = 0
    strategy: str = ""
    stage: str = ""
    seed: str = ""
    expected_quantity: int = 0
    expected_notional: Decimal = Decimal(0)
    expected_fee: Decimal = Decimal(0)
    expected_cost: Decimal | None = None
    expected_cost_bps: Decimal | None = None


class RoutePlan(Message, frozen=True):
    route_id: UUID
    order_id: UUID
    account_id: str
    attempt: int
    symbol: str
    side: Side
    quantity: int
    explanation: RouteExplanation
    received_at: datetime
    decided_at: datetime
    legs: tuple[RouteLeg, ...] = ()
    reason: str = ""
    continues: bool = False


class CancelChildren(Message, frozen=True):
    request_id: UUID
    order_id: UUID
    account_id: str
    requested_at: datetime


class PlacedLeg(Message, frozen=True):
    cl_ord_id: str
    venue_id: str
    quantity: int
    limit_price: Decimal
    time_in_force: TimeInForce


class RoutePlaced(Message, frozen=True):
    route_id: UUID
    order_id: UUID
    account_id: str
    attempt: int
    placed_at: datetime
    legs: tuple[PlacedLeg, ...] = ()
    reason: str = ""
    refused: bool = False
    continues: bool = False


class ExecutionReport(Message, frozen=True):
    order_id: UUID
    account_id: str
    cl_ord_id: str
    venue_id: str
    exec_id: str
    exec_type: ExecType
    symbol: str
    side: Side
    order_qty: int
    transact_time: datetime
    received_at: datetime
    venue_order_id: str = ""
    last_qty: int = 0
    last_px: Decimal | None = None
    cum_qty: int = 0
    leaves_qty: int = 0
    text: str = ""


class CancelReject(Message, frozen=True):
    order_id: UUID
    account_id: str
    cl_ord_id: str
    orig_cl_ord_id: str
    venue_id: str
    transact_time: datetime
    cxl_rej_reason: int = 0
    text: str = ""


class OrderEvent(Message, frozen=True):
    event_id: UUID
    order_id: UUID
    account_id: str
    client_order_id: str
    sequence: int
    stream_sequence: int
    type: str
    status: OrderStatus
    symbol: str
    side: Side
    quantity: int
    occurred_at: datetime
    cum_qty: int = 0
    leaves_qty: int = 0
    avg_px: Decimal | None = None
    last_qty: int = 0
    last_px: Decimal | None = None
    venue_id: str = ""
    text: str = ""


class VenueQuote(Message, frozen=True):
    """One venue's displayed book, best level first; prices and sizes run in parallel."""

    venue_id: str
    bid_prices: tuple[Decimal, ...] = ()
    bid_sizes: tuple[int, ...] = ()
    ask_prices: tuple[Decimal, ...] = ()
    ask_sizes: tuple[int, ...] = ()


class Quote(Message, frozen=True):
    symbol: str
    sequence: int
    quoted_at: datetime
    national_best_bid: Decimal | None = None
    national_best_offer: Decimal | None = None
    venues: tuple[VenueQuote, ...] = ()


class Topic(str, enum.Enum):
    """The topics, each with the message types it may carry (`TOPIC_MESSAGES`)."""

    INBOUND = "orders.inbound"
    VALIDATED = "orders.validated"
    ROUTED = "orders.routed"
    FILLS = "executions.fills"
    EVENTS = "orders.events"
    QUOTES = "marketdata.quotes"


TOPIC_MESSAGES: Final[dict[Topic, tuple[type[Message], ...]]] = {
    Topic.INBOUND: (SubmitOrder, CancelOrder),
    Topic.VALIDATED: (RouteRequest,),
    Topic.ROUTED: (RoutePlan, CancelChildren),
    Topic.FILLS: (RoutePlaced, ExecutionReport, CancelReject),
    Topic.EVENTS: (OrderEvent,),
    Topic.QUOTES: (Quote,),
}

_NO_ORDER: Final = UUID(int=0)


def order_of(message: Message) -> UUID:
    """Return the order that a message is about; the nil UUID for one that is about none."""
    order_id: UUID = getattr(message, "order_id", _NO_ORDER)
    return order_id


_encoder = msgspec.json.Encoder(decimal_format="string", uuid_format="canonical")
encode: Final[Callable[[Message], bytes]] = _encoder.encode
_decoders = {
    message.__name__: msgspec.json.Decoder(message)
    for messages in TOPIC_MESSAGES.values()
    for message in messages
}


class UnreadableMessageError(ValueError):
    """The bytes are not a message of the type that the record's header names."""


def decode(type_name: str, payload: bytes) -> Message:
    """Decode `payload` as the message type `type_name`. Raises UnreadableMessageError with what was wrong."""
    decoder = _decoders.get(type_name)
    if decoder is None:
        raise UnreadableMessageError(f"expected a known message type in the header, found {type_name!r}")
    try:
        return decoder.decode(payload)
    except msgspec.MsgspecError as error:
        raise UnreadableMessageError(f"{type_name}: {error}") from error
