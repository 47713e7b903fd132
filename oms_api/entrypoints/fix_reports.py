"""What is said to FIX clients: order events and orders as 35=8, refusals as 35=8, 35=9 and 35=j.

One table says which event is which ExecType (150); OrdStatus (39) is the order's, by FIX 4.4's precedence.
What an event says of children and routes is the house's own business and is not reported.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Final, NamedTuple
from uuid import UUID

from oms_api.domain.peg_terms import read_peg
from oms_api.domain.refusal import Refusal, RefusalCode
from oms_api.ports import OrderView
from oms_platform.fix.session import Fields, utc_timestamp
from oms_platform.fix.wire import SOH
from oms_platform.messages import OrderEvent
from oms_platform.prices import dollars_of
from oms_platform.sides import CODES
from oms_platform.vocabulary import (
    OrderCapacity,
    OrderStatus,
    OrderTerms,
    OrderType,
    Peg,
    PegType,
    TimeInForce,
    TradeCorrected,
)

TEXT_LENGTH_MAX: Final = 400
NO_ORDER: Final = "NONE"
ORD_TYPES: Final = {
    "1": OrderType.MARKET,
    "2": OrderType.LIMIT,
    "3": OrderType.STOP,
    "4": OrderType.STOP_LIMIT,
    "P": OrderType.PEGGED,
}
TIMES_IN_FORCE: Final = {
    "0": TimeInForce.DAY,
    "1": TimeInForce.GTC,
    "2": TimeInForce.OPG,
    "3": TimeInForce.IOC,
    "4": TimeInForce.FOK,
    "6": TimeInForce.GTD,
    "7": TimeInForce.CLO,
}
_SIDE_CODES: Final = {side.name: code for side, code in CODES.items()}
CAPACITIES: Final = {
    "A": OrderCapacity.AGENCY,
    "P": OrderCapacity.PRINCIPAL,
    "R": OrderCapacity.RISKLESS_PRINCIPAL,
}
# ExecInst (18), of which these are read: participate, don't initiate, and what a pegged order follows.
POST_ONLY: Final = "6"
PEG_TYPES: Final = {"R": PegType.PRIMARY.name, "M": PegType.MIDPOINT.name, "P": PegType.MARKET.name}
_PEG_CODES: Final = {name: code for code, name in PEG_TYPES.items()}
_CAPACITY_CODES: Final = {capacity.name: code for code, capacity in CAPACITIES.items()}
_ORD_TYPE_CODES: Final = {kind.name: code for code, kind in ORD_TYPES.items()}
_TIME_IN_FORCE_CODES: Final = {kind.name: code for code, kind in TIMES_IN_FORCE.items()}
ORD_STATUS_CODES: Final = {
    OrderStatus.NEW: "A",
    OrderStatus.ACKNOWLEDGED: "0",
    OrderStatus.PARTIALLY_FILLED: "1",
    OrderStatus.FILLED: "2",
    OrderStatus.CANCELED: "4",
    OrderStatus.PENDING_CANCEL: "6",
    OrderStatus.REJECTED: "8",
    OrderStatus.EXPIRED: "C",
    OrderStatus.PENDING_REPLACE: "E",
    OrderStatus.SUSPENDED: "9",
}
REJECTED: Final = "8"
STATUS: Final = "I"
PENDING_NEW: Final = "A"
# ExecType (150) of each event that is reported; a TradeCorrected that leaves no shares is a bust.
EXEC_TYPES: Final[Mapping[str, str]] = {
    "OrderAccepted": "0",
    "OrderDenied": REJECTED,
    "TradeApplied": "F",
    "TradeCorrected": "G",
    "CancelRequested": "6",
    "OrderCanceled": "4",
    "OrderExpired": "C",
    "ReplaceRequested": "E",
    "OrderReplaced": "5",
    "OrderSuspended": "9",
    "OrderResumed": "D",
}
_BUST: Final = "H"
# The events that are a 35=9.
CANCEL_REJECTED: Final = "CancelRejected"
REPLACE_REJECTED: Final = "ReplaceRejected"
# ExecRestatementReason (378) of an order that goes on after it was suspended: other.
_RESTATED: Final = {"OrderResumed": "99"}
# OrdRejReason (103).
UNKNOWN_SYMBOL, CLOSED, EXCEEDS_LIMIT, UNKNOWN_ORDER, DUPLICATE, UNSUPPORTED, BAD_QUANTITY = (
    1,
    2,
    3,
    5,
    6,
    11,
    13,
)
TOO_LATE_TO_ENTER: Final = 4
UNKNOWN_ACCOUNT, OTHER = 15, 99
_REASON_OF_FIELD: Final = {
    "symbol": UNKNOWN_SYMBOL,
    "accountId": UNKNOWN_ACCOUNT,
    "quantity": BAD_QUANTITY,
    "minQuantity": BAD_QUANTITY,
    "side": UNSUPPORTED,
    "orderType": UNSUPPORTED,
    "timeInForce": UNSUPPORTED,
    "expireDate": UNSUPPORTED,
    "expireTime": UNSUPPORTED,
    "capacity": UNSUPPORTED,
    "displayQty": BAD_QUANTITY,
    "postOnly": UNSUPPORTED,
    "peg": UNSUPPORTED,
    "peg.type": UNSUPPORTED,
    "peg.offset": UNSUPPORTED,
}
_REASON_OF_DENIAL: Final = {
    "ACCOUNT_UNKNOWN": UNKNOWN_ACCOUNT,
    "INSTRUMENT_UNKNOWN": UNKNOWN_SYMBOL,
    "MARKET_CLOSED": CLOSED,
    "EXPIRY_PASSED": TOO_LATE_TO_ENTER,
    "AUCTION_MISSED": TOO_LATE_TO_ENTER,
    "NO_AUCTION": UNSUPPORTED,
    "ORDER_QTY_EXCEEDS_MAX": EXCEEDS_LIMIT,
    "ORDER_NOTIONAL_EXCEEDS_MAX": EXCEEDS_LIMIT,
    "ORDER_EXCEEDS_VOLUME": EXCEEDS_LIMIT,
    "PRICE_OUTSIDE_COLLAR": EXCEEDS_LIMIT,
    "PRICE_OUTSIDE_BANDS": EXCEEDS_LIMIT,
    "BUYING_POWER_EXCEEDED": EXCEEDS_LIMIT,
    "FIRM_CREDIT_EXCEEDED": EXCEEDS_LIMIT,
    "GROSS_EXPOSURE_EXCEEDED": EXCEEDS_LIMIT,
    "NET_EXPOSURE_EXCEEDED": EXCEEDS_LIMIT,
    "SYMBOL_EXPOSURE_EXCEEDED": EXCEEDS_LIMIT,
    "SECTOR_EXPOSURE_EXCEEDED": EXCEEDS_LIMIT,
    "ORDER_RATE_EXCEEDED": EXCEEDS_LIMIT,
    "MESSAGE_RATE_EXCEEDED": EXCEEDS_LIMIT,
    "OPEN_ORDERS_EXCEEDED": EXCEEDS_LIMIT,
    "DUPLICATE_ORDER": DUPLICATE,
    "QUANTITY_OFF_LOT": BAD_QUANTITY,
}
# CxlRejReason (102).
TOO_LATE, CANCEL_UNKNOWN_ORDER, BROKER_OPTION, CANCEL_PENDING, CANCEL_DUPLICATE, CANCEL_OTHER = (
    0, 1, 2, 3, 6, 99,
)  # fmt: skip
REASON_OF_CODE: Final = {
    RefusalCode.ORDER_CLOSED: TOO_LATE,
    RefusalCode.CONFLICT: CANCEL_PENDING,
    RefusalCode.KILLED: BROKER_OPTION,
    RefusalCode.DUPLICATE_REQUEST_ID: CANCEL_DUPLICATE,
}
OF_CANCEL, OF_REPLACE = "1", "2"
Values = Iterable[tuple[int, object]]


class Message(NamedTuple):
    """A message to send: its type, and its fields, each with SOH."""

    msg_type: str
    body: str


def body_of(values: Values) -> str:
    """Write fields; those without a value are left out, and no text ends its field."""
    return "".join(
        f"{tag}={str(value).replace(SOH, ' ')}{SOH}" for tag, value in values if value not in (None, "")
    )


def words_of(refusal: Refusal) -> str:
    """Say a refusal as REST does, in one line: `CODE: field=what is wrong, …`, or `CODE: message`."""
    wrong = ", ".join(f"{problem.field}={problem.message}" for problem in refusal.fields)
    return _cut(f"{refusal.code.value}: {wrong or refusal.message}")


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_LENGTH_MAX else f"{text[:TEXT_LENGTH_MAX]}..."


def reject_reason(refusal: Refusal) -> int:
    """Return OrdRejReason (103) of a refusal."""
    if refusal.code is RefusalCode.DUPLICATE_ORDER_ID:
        return DUPLICATE
    named = (_REASON_OF_FIELD.get(problem.field) for problem in refusal.fields)
    return next((reason for reason in named if reason is not None), OTHER)


# ---- 35=8 of what an order is


def _ordered(terms: OrderTerms) -> Values:
    price, stop = terms.limit_price_micros, terms.stop_price_micros
    return (
        (1, terms.account_id),
        (55, terms.symbol),
        (54, _SIDE_CODES[terms.side.name]),
        (38, terms.quantity),
        (40, _ORD_TYPE_CODES[terms.order_type.name]),
        (44, None if price is None else _dollars(dollars_of(price))),
        (99, None if stop is None else _dollars(dollars_of(stop))),
        (59, _TIME_IN_FORCE_CODES[terms.time_in_force.name]),
        (126, None if terms.expire_at is None else utc_timestamp(terms.expire_at)),
        (110, terms.min_quantity or None),
        (111, terms.display_quantity or None),
        (18, _exec_inst(terms.post_only, terms.peg)),
        (211, _offset(terms.peg)),
        (528, None if terms.capacity is None else _CAPACITY_CODES[terms.capacity.name]),
    )


def _exec_inst(post_only: bool, peg: Peg | None) -> str | None:
    """Return ExecInst (18), None for none."""
    codes = ([POST_ONLY] if post_only else []) + ([] if peg is None else [_PEG_CODES[peg.peg_type.name]])
    return " ".join(codes) or None


def _offset(peg: Peg | None) -> str | None:
    return None if peg is None or not peg.offset_micros else _dollars(dollars_of(peg.offset_micros))


def _dollars(amount: Decimal | None) -> str:
    return "0" if amount is None else f"{amount.normalize():f}"


def pending_new(order_id: UUID, terms: OrderTerms, exec_id: str, at: datetime) -> Message:
    """Acknowledge an order that is durable: PendingNew, before risk has seen it."""
    values = (
        (37, order_id), (11, terms.client_order_id), (17, exec_id), (150, PENDING_NEW), (39, PENDING_NEW),
        *_ordered(terms), (151, terms.quantity), (14, 0), (6, 0), (60, utc_timestamp(at)),
    )  # fmt: skip
    return Message("8", body_of(values))


class Named(NamedTuple):
    """What a report calls an order: ClOrdID (11), and OrigClOrdID (41) where the first is a request's."""

    cl_ord_id: str
    orig_cl_ord_id: str = ""


def event_report(event: OrderEvent, terms: OrderTerms, named: Named, *, copy: bool = False) -> Message | None:
    """Return an event's 35=8, None for one that is not reported. terms: the order's, after the event.

    copy: it goes to a drop copy, and says so (CopyMsgIndicator 797).
    """
    exec_type = EXEC_TYPES.get(event.type)
    if exec_type is None:
        return None
    trade = event.trade_applied or event.trade_corrected
    corrected = event.trade_corrected
    if corrected is not None and not corrected.last_qty:
        exec_type = _BUST
    denial = "" if event.order_denied is None else event.order_denied.denial
    at = event.occurred_at if trade is None else trade.transact_time
    values = (
        (37, event.order_id), (11, named.cl_ord_id), (41, named.orig_cl_ord_id),
        (17, exec_id_of(event)), (19, None if corrected is None else _corrected_id(corrected)),
        (150, exec_type), (378, _RESTATED.get(event.type)), (39, ORD_STATUS_CODES[event.status]),
        *_ordered(terms), (32, event.last_qty or None),
        (31, _dollars(event.last_px) if event.last_qty else None),
        (30, event.venue_id if trade is not None else None),
        (151, event.leaves_qty), (14, event.cum_qty), (6, _dollars(event.avg_px)),
        (103, _REASON_OF_DENIAL.get(denial.partition(":")[0], OTHER) if denial else None),
        (58, _cut(event.text)), (60, utc_timestamp(at)), (797, "Y" if copy else None),
    )  # fmt: skip
    return Message("8", body_of(values))


def exec_id_of(event: OrderEvent) -> str:
    """Return an event's ExecID (17): a trade's follows from what names it at its venue."""
    trade = event.trade_applied
    if trade is None:
        return event.event_id.hex
    return _trade_id(trade.venue_id, trade.trade_date, trade.venue_order_id, trade.exec_id)


def _corrected_id(trade: TradeCorrected) -> str:
    return _trade_id(trade.venue_id, trade.ref_trade_date, trade.ref_venue_order_id, trade.exec_ref_id)


def _trade_id(*names: str) -> str:
    return blake2b("\0".join(names).encode(), digest_size=12).hexdigest()


def status_report(order: OrderView, cl_ord_id: str, more: Values = ()) -> Message:
    """Say how an order stands: ExecType Order Status. cl_ord_id: of the request that is answered."""
    return Message("8", body_of((*_standing(order, cl_ord_id), (17, "0"), (150, STATUS), *more)))


def duplicate(order: OrderView, cl_ord_id: str, exec_id: str, text: str) -> Message:
    """Refuse an order whose ClOrdID another one has, with how that one stands (FIX 4.4, appendix D, F.1)."""
    more = ((17, exec_id), (150, REJECTED), (103, DUPLICATE), (58, text))
    return Message("8", body_of((*_standing(order, cl_ord_id), *more)))


def _standing(order: OrderView, cl_ord_id: str) -> Values:
    peg = read_peg(order.peg, [])
    return (
        (37, order.order_id), (11, cl_ord_id), (39, ORD_STATUS_CODES[OrderStatus[order.status]]),
        (1, order.account_id), (55, order.symbol), (54, _SIDE_CODES[order.side]), (38, order.quantity),
        (40, _ORD_TYPE_CODES[order.order_type]),
        (44, None if order.limit_price is None else _dollars(order.limit_price)),
        (99, None if order.stop_price is None else _dollars(order.stop_price)),
        (59, _TIME_IN_FORCE_CODES[order.time_in_force]),
        (126, None if order.expire_at is None else utc_timestamp(order.expire_at)),
        (151, order.leaves_qty), (14, order.cum_qty), (6, _dollars(order.avg_px)),
        (110, order.min_quantity), (111, order.display_qty),
        (18, _exec_inst(order.post_only, peg)), (211, _offset(peg)), (528, _CAPACITY_CODES[order.capacity]),
        (60, utc_timestamp(order.updated_at)),
    )  # fmt: skip


# ---- refusals


def order_rejected(fields: Fields, refusal: Refusal, exec_id: str, at: datetime) -> Message:
    """Refuse a 35=D, of which nothing was stored, in its own words."""
    values = (
        (37, NO_ORDER), (11, fields["11"]), (17, exec_id), (150, REJECTED), (39, REJECTED),
        (1, fields.get("1")), (55, fields["55"]), (54, fields["54"]), (38, fields.get("38")),
        (151, 0), (14, 0), (6, 0), (103, reject_reason(refusal)), (58, words_of(refusal)),
        (60, utc_timestamp(at)),
    )  # fmt: skip
    return Message("8", body_of(values))


def status_unknown(fields: Fields, text: str, more: Values, at: datetime) -> Message:
    """Answer a question about an order that does not exist for the client (FIX 4.4, appendix D, G)."""
    values = (
        (37, NO_ORDER), (11, fields.get("11")), (17, "0"), (150, STATUS), (39, REJECTED),
        (55, fields.get("55", NO_ORDER)), (54, fields.get("54", "7")), (151, 0), (14, 0), (6, 0),
        (103, UNKNOWN_ORDER), (58, text), *more, (60, utc_timestamp(at)),
    )  # fmt: skip
    return Message("8", body_of(values))


def cancel_rejected(
    fields: Fields, order: OrderView | None, reason: int, text: str, at: datetime, answers: str = OF_CANCEL
) -> Message:
    """Refuse a 35=F, or a 35=G. order: None when there is none for the client."""
    values = (
        (37, NO_ORDER if order is None else order.order_id), (11, fields["11"]), (41, fields["41"]),
        (39, REJECTED if order is None else ORD_STATUS_CODES[OrderStatus[order.status]]),
        (1, None if order is None else order.account_id), (434, answers), (102, reason), (58, _cut(text)),
        (60, utc_timestamp(at)),
    )  # fmt: skip
    return Message("9", body_of(values))


def change_ended(event: OrderEvent, terms: OrderTerms, named: Named) -> Message:
    """Say that a cancel, or a replace, changed nothing. named: the request, and the order."""
    rejected = event.cancel_rejected or event.replace_rejected
    answers = OF_CANCEL if event.replace_rejected is None else OF_REPLACE
    closed = not event.leaves_qty
    values = (
        (37, event.order_id), (11, named.cl_ord_id), (41, named.orig_cl_ord_id), (1, terms.account_id),
        (39, ORD_STATUS_CODES[event.status]), (434, answers), (102, TOO_LATE if closed else CANCEL_OTHER),
        (58, _cut("" if rejected is None else rejected.reason)), (60, utc_timestamp(event.occurred_at)),
    )  # fmt: skip
    return Message("9", body_of(values))


def business_reject(fields: Fields, reason: int, text: str) -> Message:
    """Refuse a message that is not taken at all. reason: BusinessRejectReason (380)."""
    values = ((45, fields["34"]), (58, text), (372, fields["35"]), (379, fields.get("11")), (380, reason))
    return Message("j", body_of(values))
