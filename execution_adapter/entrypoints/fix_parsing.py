"""FIX messages as they came, read into what the handlers know.

The law of this file: a message is read by its fields, and either all that matters of it is understood or it
is an exception that says what is not. A field that matters and comes twice with different values is not
chosen between. Texts are made fit to be stored and shown; the bytes are kept elsewhere.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from execution_adapter.domain.child import (
    SHARES_MAX,
    CancelRefusal,
    Inbound,
    MessageRefusal,
    OrdStatus,
    Report,
)
from execution_adapter.domain.fix.wire import Field, id_of, text_of
from execution_adapter.domain.wire_ids import child_of
from oms_platform.exceptions import ExceptionKind
from oms_platform.prices import dollars_of, micros_of
from oms_platform.vocabulary import ExecType

_EXEC_TYPES: Final = {
    b"0": ExecType.NEW,
    # FIX 4.2 calls a trade by what it leaves.
    b"1": ExecType.TRADE,
    b"2": ExecType.TRADE,
    b"3": ExecType.DONE_FOR_DAY,
    b"4": ExecType.CANCELED,
    b"5": ExecType.REPLACED,
    b"6": ExecType.PENDING_CANCEL,
    b"7": ExecType.STOPPED,
    b"8": ExecType.REJECTED,
    b"9": ExecType.SUSPENDED,
    b"A": ExecType.PENDING_NEW,
    b"B": ExecType.CALCULATED,
    b"C": ExecType.EXPIRED,
    b"D": ExecType.RESTATED,
    b"E": ExecType.PENDING_REPLACE,
    b"F": ExecType.TRADE,
    b"G": ExecType.TRADE_CORRECT,
    b"H": ExecType.TRADE_CANCEL,
    b"I": ExecType.ORDER_STATUS,
}
# FIX 4.2 ExecTransType.
_TRANSACTIONS: Final = {
    b"1": ExecType.TRADE_CANCEL,
    b"2": ExecType.TRADE_CORRECT,
    b"3": ExecType.ORDER_STATUS,
}
_STATUSES: Final = {status.value.encode(): status for status in OrdStatus}
# LastLiquidityInd (851): added, removed, routed out, auction. What is another says nothing.
_LIQUIDITY: Final = {b"1": 1, b"2": 2, b"3": 3, b"4": 4}
_UNKNOWN_ORDER: Final = b"5"
_DUPLICATE_ORDER: Final = b"6"
# CxlRejResponseTo (434).
_REPLACE_REQUEST: Final = b"2"
# What must not be in a message twice with two values, group or not.
_SINGLE: Final = frozenset((6, 11, 14, 17, 19, 20, 31, 32, 34, 35, 37, 38, 39, 41, 49, 54, 55, 75, 150, 151))
# More digits than any order, price or counter has.
_DIGITS_MAX: Final = 40
_NUMBER: Final = re.compile(rb"[+-]?\d{1,40}(\.\d{0,40})?|[+-]?\.\d{1,40}")
_TIME: Final = re.compile(rb"(\d{4})(\d\d)(\d\d)-(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,18}))?)?Z?")
PRICE_MICROS_MAX: Final = 10**17
# Fewer digits are fewer shares than SHARES_MAX.
_SHARES_DIGITS: Final = len(str(SHARES_MAX))


class UnreadableReportError(ValueError):
    """A message that says something that we do not understand. kind: of the exception that it becomes."""

    def __init__(self, kind: ExceptionKind, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


def parse(fields: Sequence[Field] | None, venue_id: str, received_at: datetime) -> Inbound | None:
    """Read a message; None for a type that says nothing of orders. Raises UnreadableReportError.

    venue_id: of the session that it came on.
    """
    if fields is None:
        raise UnreadableReportError(ExceptionKind.UNREADABLE, "a piece of it is no field")
    values = dict(reversed(fields))
    msg_type = values.get(35)
    if msg_type == b"8":
        _require_single(fields, values)
        return _report(values, venue_id, received_at)
    if msg_type == b"9":
        _require_single(fields, values)
        return _cancel_refusal(values, venue_id, received_at)
    if msg_type in (b"3", b"j"):
        return MessageRefusal(
            venue_id=venue_id,
            msg_type=text_of(msg_type),
            ref_seq=_counter(values.get(45)),
            ref_msg_type=text_of(values.get(372, b"")),
            ref_id=text_of(values.get(379, b"")),
            text=text_of(values.get(58, b"")),
            reason=_counter(values.get(380) or values.get(373), absent=-1),
        )
    return None


def _require_single(fields: Sequence[Field], values: Mapping[int, bytes]) -> None:
    if len(values) == len(fields):
        return
    for tag, value in fields:
        if tag in _SINGLE and values[tag] != value:
            found = f"{text_of(values[tag])} and {text_of(value)}"
            raise UnreadableReportError(ExceptionKind.UNREADABLE, f"tag {tag} comes twice, as {found}")


def _report(values: Mapping[int, bytes], venue_id: str, received_at: datetime) -> Report:
    kind = _kind(values)
    text = text_of(values.get(58, b""))
    last_qty, price, last_liquidity = 0, None, 0
    if kind in (ExecType.TRADE, ExecType.TRADE_CORRECT):
        last_qty = _shares_of_trade(values)
        price, text = _price_of_trade(values, text)
        last_liquidity = _LIQUIDITY.get(values.get(851, b""), 0)
    told = values.get(39, b"")
    status = _STATUSES.get(told)
    reason = values.get(103)
    if kind is ExecType.REJECTED and status is not OrdStatus.REJECTED and told:
        # A request was refused and the order is as it says (FIX 4.4 Appendix D, F.1.b).
        kind = ExecType.ORDER_STATUS
    unknown = (
        kind is ExecType.ORDER_STATUS
        and status is OrdStatus.REJECTED
        and (reason == _UNKNOWN_ORDER or values.get(37) == b"NONE")
    )
    at = timestamp(values.get(60)) or timestamp(values.get(52)) or received_at
    cl_ord_id, orig_cl_ord_id = id_of(values.get(11, b"")), id_of(values.get(41, b""))
    return Report(
        venue_id=venue_id,
        cl_ord_id=child_of(orig_cl_ord_id or cl_ord_id),
        named=cl_ord_id if kind is ExecType.REPLACED and orig_cl_ord_id else "",
        exec_id=id_of(values.get(17, b"")),
        exec_type=kind,
        transact_time=at,
        ord_status=status,
        venue_order_id=id_of(values.get(37, b"")),
        last_qty=last_qty,
        last_px_micros=price,
        cum_qty=_shares(values, 14),
        leaves_qty=_shares(values, 151),
        order_qty=_shares(values, 38),
        price_micros=_price(values),
        symbol=text_of(values.get(55, b"")),
        symbol_suffix=text_of(values.get(65, b"")),
        side=text_of(values.get(54, b"")),
        account=text_of(values.get(1, b"")),
        exec_ref_id=id_of(values.get(19, b"")),
        trade_date=_trade_date(values.get(75), at),
        text=text,
        poss_dup=values.get(43) == b"Y",
        poss_resend=values.get(97) == b"Y",
        unknown=unknown,
        duplicate=reason == _DUPLICATE_ORDER and kind in (ExecType.REJECTED, ExecType.ORDER_STATUS),
        ask_id=text_of(values.get(790, b"")),
        msg_seq=_counter(values.get(34)),
        last_liquidity=last_liquidity,
    )


def _kind(values: Mapping[int, bytes]) -> ExecType:
    told = values.get(150)
    kind = _EXEC_TYPES.get(told) if told else None
    kind = _TRANSACTIONS.get(values.get(20, b"0"), kind)
    if kind is None:
        raise UnreadableReportError(
            ExceptionKind.UNSUPPORTED_EXEC_TYPE if told else ExceptionKind.UNREADABLE,
            f"expected an ExecType (150) that is known, found {text_of(told or b'') or 'none'}",
        )
    if not values.get(17) and kind in (ExecType.TRADE, ExecType.TRADE_CORRECT, ExecType.TRADE_CANCEL):
        raise UnreadableReportError(ExceptionKind.UNREADABLE, "an execution has no ExecID (17)")
    if not values.get(19) and kind in (ExecType.TRADE_CORRECT, ExecType.TRADE_CANCEL):
        raise UnreadableReportError(
            ExceptionKind.UNKNOWN_TRADE, "a bust or correction names no trade (ExecRefID, 19)"
        )
    return kind


def _shares_of_trade(values: Mapping[int, bytes]) -> int:
    last_qty = _shares(values, 32)
    if not last_qty:
        found = text_of(values.get(32, b"")) or "none"
        raise UnreadableReportError(
            ExceptionKind.BAD_QUANTITY, f"LastQty (32) of a trade must be whole shares above 0, was {found}"
        )
    return last_qty


def _price_of_trade(values: Mapping[int, bytes], text: str) -> tuple[int, str]:
    """Return LastPx in micros, and the text with what was rounded off, once and here."""
    said = values.get(31, b"")
    number = _number(said)
    micros = None if number is None else micros_of(number)
    if number is None or micros is None or not 0 < micros <= PRICE_MICROS_MAX:
        raise UnreadableReportError(
            ExceptionKind.BAD_PRICE,
            f"LastPx (31) of a trade must be a price above 0, was {text_of(said) or 'none'}",
        )
    if dollars_of(micros) != number:
        text = f"{text} LastPx={text_of(said)}".strip()
    return micros, text


def _price(values: Mapping[int, bytes]) -> int | None:
    """Return an order's price in micros; None where none is told that an order could have."""
    number = _number(values.get(44, b""))
    micros = None if number is None else micros_of(number)
    return micros if micros is not None and 0 < micros <= PRICE_MICROS_MAX else None


def _cancel_refusal(values: Mapping[int, bytes], venue_id: str, received_at: datetime) -> CancelRefusal:
    cl_ord_id = text_of(values.get(11, b""))
    return CancelRefusal(
        venue_id=venue_id,
        cl_ord_id=cl_ord_id,
        child_id=child_of(text_of(values.get(41, b"")) or cl_ord_id),
        reason=_counter(values.get(102), absent=99),
        text=text_of(values.get(58, b"")),
        transact_time=timestamp(values.get(60)) or received_at,
        ord_status=_STATUSES.get(values.get(39, b"")),
        replaces=values.get(434) == _REPLACE_REQUEST,
    )


def _number(value: bytes) -> Decimal | None:
    """Read a FIX float or int, None when it is none."""
    if _NUMBER.fullmatch(value) is None:
        return None
    try:
        return Decimal(value.decode())
    except InvalidOperation:
        return None


def _shares(values: Mapping[int, bytes], tag: int) -> int | None:
    """Read a quantity, None when it is not there. Raises UnreadableReportError unless it is whole shares."""
    value = values.get(tag)
    if not value:
        return None
    if len(value) < _SHARES_DIGITS and value.isdigit():
        return int(value)
    number = _number(value)
    if number is None or number != int(number) or not 0 <= number <= SHARES_MAX:
        raise UnreadableReportError(
            ExceptionKind.BAD_QUANTITY, f"tag {tag} must be whole shares from 0 on, was {text_of(value)}"
        )
    return int(number)


def _counter(value: bytes | None, absent: int = 0) -> int:
    return int(value) if value is not None and value.isdigit() and len(value) <= _DIGITS_MAX else absent


def timestamp(value: bytes | None) -> datetime | None:
    """Read a UTCTimestamp of any precision, down to the microsecond; None when it is none.

    A leap second counts as the last microsecond before it.
    """
    found = None if value is None else _TIME.fullmatch(value)
    if found is None:
        return None
    year, month, day, hour, minute = (int(part) for part in found.groups()[:5])
    second = int(found[6] or 0)
    micros = int((found[7] or b"0")[:6].ljust(6, b"0"))
    try:
        if second == 60:
            return datetime(year, month, day, hour, minute, 59, 999_999, UTC)
        return datetime(year, month, day, hour, minute, second, micros, UTC)
    except ValueError:
        return None


def _trade_date(value: bytes | None, at: datetime) -> str:
    if value is not None and len(value) == 8 and value.isdigit():
        return value.decode()
    return f"{at.year:04}{at.month:02}{at.day:02}"
