"""FIX messages as they came, read into what the handlers know."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from execution_adapter.domain.child import CancelRefusal, Inbound, MessageRefusal, Report
from execution_adapter.domain.dialects.fix44 import SOH
from oms_platform.prices import dollars_of, micros_of
from oms_platform.vocabulary import ExecType

_EXEC_TYPES: Final = {
    "0": ExecType.NEW,
    "3": ExecType.DONE_FOR_DAY,
    "4": ExecType.CANCELED,
    "6": ExecType.PENDING_CANCEL,
    "8": ExecType.REJECTED,
    "A": ExecType.PENDING_NEW,
    "C": ExecType.EXPIRED,
    "F": ExecType.TRADE,
    "I": ExecType.ORDER_STATUS,
}
_UNKNOWN_ORDER: Final = "5"
_REJECTED: Final = "8"


class UnreadableReportError(ValueError):
    """A FIX message that passed the dictionary but not us; its text says what was expected and found."""


def parse(raw: str, received_at: datetime) -> Inbound | None:
    """Read a FIX message; None for a type that nobody needs. Raises UnreadableReportError."""
    try:
        fields = dict([part.split("=", 1) for part in raw.split(SOH)[:-1]])
        msg_type = fields["35"]
        if msg_type == "8":
            return _report(fields)
        if msg_type == "9":
            return CancelRefusal(
                venue_id=fields["49"],
                cl_ord_id=fields["11"],
                child_id=child_id(fields.get("41") or fields["11"]),
                reason=int(fields.get("102", "99")),
                text=fields.get("58", ""),
                transact_time=timestamp(fields["60"]) if "60" in fields else received_at,
            )
        if msg_type in {"3", "j"}:
            return MessageRefusal(
                venue_id=fields["49"],
                msg_type=msg_type,
                ref_seq=int(fields.get("45", "0")),
                ref_msg_type=fields.get("372", ""),
                ref_id=fields.get("379", ""),
                text=fields.get("58", ""),
            )
    except (KeyError, ValueError, ArithmeticError) as error:
        raise UnreadableReportError(f"{type(error).__name__} {error}: {raw.replace(SOH, '|')}") from error
    return None


def _report(fields: Mapping[str, str]) -> Report:
    kind = _EXEC_TYPES.get(fields["150"])
    if kind is None:
        raise ValueError(f"expected an ExecType that is handled, found {fields['150']}")
    text, last_px = fields.get("58", ""), fields.get("31")
    price = None
    if last_px is not None and kind is ExecType.TRADE:
        price = micros_of(Decimal(last_px))
        if dollars_of(price) != Decimal(last_px):
            # Rounded here, once; what the venue said stays with the trade.
            text = f"{text} LastPx={last_px}".strip()
    unknown = (
        kind is ExecType.ORDER_STATUS
        and fields["39"] == _REJECTED
        and (fields.get("103") == _UNKNOWN_ORDER or fields.get("37") == "NONE")
    )
    return Report(
        venue_id=fields["49"],
        cl_ord_id=child_id(fields.get("41") or fields["11"]),
        exec_id=fields["17"],
        exec_type=kind,
        transact_time=timestamp(fields.get("60") or fields["52"]),
        venue_order_id=fields["37"],
        last_qty=shares(fields.get("32", "0")),
        last_px_micros=price,
        cum_qty=shares(fields["14"]),
        leaves_qty=shares(fields["151"]),
        text=text,
        poss_dup=fields.get("43") == "Y",
        unknown=unknown,
        ask_id=fields.get("790", ""),
    )


def child_id(cl_ord_id: str) -> str:
    """Return the child's ClOrdID of one that may be a cancel's."""
    return cl_ord_id.partition("-C")[0]


def shares(text: str) -> int:
    """Read a quantity. Raises ValueError unless it is a whole number of shares."""
    try:
        return int(text)
    except ValueError:
        value = Decimal(text)
        if value != int(value):
            raise ValueError(f"expected whole shares, found {text}") from None
        return int(value)


def timestamp(text: str) -> datetime:
    """Read a UTCTimestamp, up to microseconds."""
    fraction = text[18:24]
    return datetime(
        int(text[0:4]),
        int(text[4:6]),
        int(text[6:8]),
        int(text[9:11]),
        int(text[12:14]),
        int(text[15:17]),
        int(fraction.ljust(6, "0")) if fraction else 0,
        UTC,
    )
