"""FIX 4.4 fields in, commands out; records in, FIX text out. The one place that knows orders' tags."""

from collections.abc import Callable, Mapping
from typing import Final

from oms_platform.fix.session import utc_timestamp
from oms_platform.fix.wire import BEGIN_STRING, SOH
from simulators.broker.protocol import (
    AskStatus,
    CancelOrder,
    CancelRejected,
    Command,
    ExecType,
    FaultKind,
    NewOrder,
    OrdStatus,
    OrdType,
    ReplaceOrder,
    Report,
    RequestKind,
    RequestRefused,
    Side,
    TimeInForce,
)

_QUANTITY_DIGITS_MAX: Final = 18
_SIDES: Final = {"1": Side.BUY, "2": Side.SELL, "5": Side.SELL_SHORT, "6": Side.SELL_SHORT_EXEMPT}
_SIDE_CODES: Final = {side: code for code, side in _SIDES.items()}
_ORD_TYPES: Final = {"1": OrdType.MARKET, "2": OrdType.LIMIT, "P": OrdType.PEGGED}
_ORD_TYPE_CODES: Final = {kind: code for code, kind in _ORD_TYPES.items()}
_TIMES_IN_FORCE: Final = {
    "0": TimeInForce.DAY,
    "1": TimeInForce.GTC,
    "2": TimeInForce.OPG,
    "3": TimeInForce.IOC,
    "4": TimeInForce.FOK,
    "7": TimeInForce.CLO,
}
_TIME_IN_FORCE_CODES: Final = {kind: code for code, kind in _TIMES_IN_FORCE.items()}
_EXEC_TYPE_CODES: Final = {
    ExecType.NEW: "0",
    ExecType.DONE_FOR_DAY: "3",
    ExecType.CANCELED: "4",
    ExecType.REPLACED: "5",
    ExecType.PENDING_CANCEL: "6",
    ExecType.STOPPED: "7",
    ExecType.REJECTED: "8",
    ExecType.SUSPENDED: "9",
    ExecType.CALCULATED: "B",
    ExecType.RESTATED: "D",
    ExecType.PENDING_REPLACE: "E",
    ExecType.TRADE: "F",
    ExecType.TRADE_CORRECT: "G",
    ExecType.TRADE_CANCEL: "H",
    ExecType.ORDER_STATUS: "I",
}
_ORD_STATUS_CODES: Final = {
    OrdStatus.NEW: "0",
    OrdStatus.PARTIALLY_FILLED: "1",
    OrdStatus.FILLED: "2",
    OrdStatus.DONE_FOR_DAY: "3",
    OrdStatus.CANCELED: "4",
    OrdStatus.PENDING_CANCEL: "6",
    OrdStatus.STOPPED: "7",
    OrdStatus.REJECTED: "8",
    OrdStatus.SUSPENDED: "9",
    OrdStatus.CALCULATED: "B",
    OrdStatus.PENDING_REPLACE: "E",
}
_RESPONSE_TO_CODES: Final = {RequestKind.CANCEL: "1", RequestKind.REPLACE: "2"}
# ExecInst (18): pegged to the middle of the market.
_MIDPOINT_PEG: Final = "M"
# And: an intermarket sweep order; one that participates and does not initiate.
_SWEEP: Final = "f"
_POST_ONLY: Final = "6"
# FIX 4.4 as it was published has no sweeps; venues take them in it and before it.
VENUE_VALUES: Final = (("18", _SWEEP),)
_FEE_CURRENCY: Final = "USD"
# MiscFeeType (139).
_EXCHANGE_FEES: Final = "4"
# A side that the venue does not trade is reported as undisclosed.
_SIDE_UNDISCLOSED: Final = "7"


class UnreadableFixError(ValueError):
    """The message is none that this venue takes.

    ref_seq_num and ref_msg_type name it; reason is FIX tag 380.
    """

    def __init__(self, text: str, *, fields: Mapping[str, str], reason: int) -> None:
        super().__init__(text)
        self.ref_seq_num = fields.get("34", "0")
        self.ref_msg_type = fields.get("35", "")
        self.reason = reason


def read_command(fields: Mapping[str, str]) -> Command:
    """Return what a message asks. Raises UnreadableFixError."""
    read = _READERS.get(fields.get("35", ""))
    if read is None:
        raise UnreadableFixError("Unsupported Message Type", fields=fields, reason=3)
    try:
        return read(fields)
    except KeyError as missing:
        text = f"expected tag {missing.args[0]}"
        raise UnreadableFixError(text, fields=fields, reason=5) from missing


def _quantity(text: str) -> int | None:
    """Read a FIX quantity; None when it is not whole."""
    whole, _, fraction = text.partition(".")
    digits = whole.isascii() and whole.isdigit() and len(whole) <= _QUANTITY_DIGITS_MAX
    return int(whole) if digits and not fraction.strip("0") else None


def _is_said(fields: Mapping[str, str]) -> bool:
    """Say whether the sender says that it may have sent this before (PossResend, PossDupFlag)."""
    return fields.get("97") == "Y" or fields.get("43") == "Y"


def _max_floor(fields: Mapping[str, str]) -> int | None:
    """Read MaxFloor (111): None when it is not there, -1 when it is no quantity."""
    if "111" not in fields:
        return None
    shown = _quantity(fields["111"])
    return -1 if shown is None else shown


def _new_order(fields: Mapping[str, str]) -> NewOrder:
    return NewOrder(
        cl_ord_id=fields["11"],
        symbol=fields["55"],
        side=_SIDES.get(fields["54"]),
        order_qty=_quantity(fields["38"]),
        ord_type=_ORD_TYPES.get(fields["40"]),
        price=fields.get("44", ""),
        time_in_force=_TIMES_IN_FORCE.get(fields.get("59", "0")),
        min_qty=_quantity(fields.get("110", "0")),
        max_floor=_max_floor(fields),
        is_pegged=_MIDPOINT_PEG in fields.get("18", "").split(" "),
        is_sweep=_SWEEP in fields.get("18", "").split(" "),
        is_post_only=_POST_ONLY in fields.get("18", "").split(" "),
        account=fields.get("1", ""),
        possible_resend=_is_said(fields),
    )


def _cancel(fields: Mapping[str, str]) -> CancelOrder:
    return CancelOrder(
        cl_ord_id=fields["11"],
        orig_cl_ord_id=fields["41"],
        symbol=fields["55"],
        side=_SIDES.get(fields["54"]),
    )


def _replace(fields: Mapping[str, str]) -> ReplaceOrder:
    return ReplaceOrder(
        cl_ord_id=fields["11"],
        orig_cl_ord_id=fields["41"],
        symbol=fields["55"],
        side=_SIDES.get(fields["54"]),
        order_qty=_quantity(fields["38"]),
        price=fields.get("44", ""),
    )


def _ask(fields: Mapping[str, str]) -> AskStatus:
    return AskStatus(
        cl_ord_id=fields["11"],
        ord_status_req_id=fields.get("790", ""),
        symbol=fields["55"],
        side=_SIDES.get(fields["54"]),
    )


_READERS: Final[dict[str, Callable[[Mapping[str, str]], Command]]] = {
    "D": _new_order,
    "F": _cancel,
    "G": _replace,
    "H": _ask,
}


_COMMAND_TYPES: Final[dict[type[Command], str]] = {
    NewOrder: "D",
    CancelOrder: "F",
    ReplaceOrder: "G",
    AskStatus: "H",
}


def command_type(command: Command) -> str:
    """Return the type of the message that a command came by, "" for what no message asks."""
    return _COMMAND_TYPES.get(type(command), "")


def _assemble(msg_type: str, body: str) -> str:
    """Put a message together without a session's header; length and checksum are left open."""
    return f"8={BEGIN_STRING}{SOH}9=0{SOH}35={msg_type}{SOH}{body}10=000{SOH}"


def _body(fields: list[str], *, possible_resend: bool = False) -> str:
    head = f"97=Y{SOH}" if possible_resend else ""
    return f"{head}{SOH.join(fields)}{SOH}"


def message_of(
    record: Report | CancelRejected | RequestRefused,
    *,
    possible_resend: bool = False,
    dress: FaultKind | None = None,
) -> tuple[str, str]:
    """Return the type of a record's message and its fields, each with SOH. dress: a fault that it shows."""
    if isinstance(record, RequestRefused):
        return "j", business_reject_body(
            ref_seq_num="0",
            ref_msg_type=record.msg_type,
            reason=record.reason,
            text=record.text,
            ref_id=record.cl_ord_id,
        )
    if isinstance(record, Report):
        msg_type, fields = "8", report_fields(record)
    else:
        msg_type, fields = "9", cancel_rejected_fields(record)
    if dress is not None:
        fields = dressed(fields, dress)
    return msg_type, _body(fields, possible_resend=possible_resend)


def dressed(fields: list[str], kind: FaultKind) -> list[str]:
    """Return a message's fields as a fault has them. What is no fault of the text leaves them as they are."""
    match kind:
        case FaultKind.LATIN1_TEXT:
            return [*_without(fields, "58"), "58=Ausf\xfchrung \xdf\xff"]
        case FaultKind.NUL_TEXT:
            return [*_without(fields, "58"), "58=a\x00b"]
        case FaultKind.DATA_WITH_SEPARATOR:
            data = f"a{SOH}32=1{SOH}14=1{SOH}b"
            return [*fields, f"354={len(data)}", f"355={data}"]
        case FaultKind.USER_TAGS:
            return [*fields, "5001=X", "6001=Y", "20001=Z"]
        case FaultKind.EMPTY_TAG:
            return [*_without(fields, "58"), "58="]
        case FaultKind.FIX42_STYLE:
            filled = "39=2" in fields
            return ["20=0", *(f"150={2 - (not filled)}" if f == "150=F" else f for f in fields)]
        case FaultKind.WITHOUT_LAST_PX:
            return _without(fields, "31", "32")
        case FaultKind.WITHOUT_CL_ORD_ID:
            return _without(fields, "11")
        case _:
            return fields


def _without(fields: list[str], *tags: str) -> list[str]:
    return [field for field in fields if field.partition("=")[0] not in tags]


def report_text(report: Report, *, possible_resend: bool = False) -> str:
    """Return 35=8."""
    return _assemble("8", _body(report_fields(report), possible_resend=possible_resend))


def report_fields(report: Report) -> list[str]:
    """Return the fields of 35=8."""
    side = side_code(report.side)
    fields = [
        f"37={report.order_id}",
        f"11={report.cl_ord_id}",
        f"17={report.exec_id}",
        f"150={_EXEC_TYPE_CODES[report.exec_type]}",
        f"39={_ORD_STATUS_CODES[report.ord_status]}",
        f"55={report.symbol}",
        f"54={side}",
        f"38={report.order_qty}",
        f"151={report.leaves_qty}",
        f"14={report.cum_qty}",
        f"6={report.avg_px}",
        f"60={utc_timestamp(report.transact_time)}",
    ]
    if report.last_qty:
        fields += (f"32={report.last_qty}", f"31={report.last_px}", f"30={report.venue_id}")
    if report.fee:
        fields += ("136=1", f"137={report.fee}", f"138={_FEE_CURRENCY}", f"139={_EXCHANGE_FEES}")
    said = (
        (851, report.last_liquidity),
        (41, report.orig_cl_ord_id or None),
        (40, None if report.ord_type is None else _ORD_TYPE_CODES[report.ord_type]),
        (44, report.price or None),
        (59, None if report.time_in_force is None else _TIME_IN_FORCE_CODES[report.time_in_force]),
        (1, report.account or None),
        (111, report.max_floor),
        (18, _MIDPOINT_PEG if report.is_pegged else None),
        (103, report.ord_rej_reason),
        (790, report.ord_status_req_id or None),
        (19, report.exec_ref_id or None),
        (378, report.exec_restatement_reason),
        (58, report.text or None),
    )
    return fields + [f"{tag}={value}" for tag, value in said if value is not None]


def cancel_rejected_text(record: CancelRejected, *, possible_resend: bool = False) -> str:
    """Return 35=9."""
    return _assemble("9", _body(cancel_rejected_fields(record), possible_resend=possible_resend))


def cancel_rejected_fields(record: CancelRejected) -> list[str]:
    """Return the fields of 35=9."""
    return [
        f"37={record.order_id}",
        f"11={record.cl_ord_id}",
        f"41={record.orig_cl_ord_id}",
        f"39={_ORD_STATUS_CODES[record.ord_status]}",
        f"434={_RESPONSE_TO_CODES[record.answers]}",
        f"102={record.reason}",
        f"58={record.text}",
        f"60={utc_timestamp(record.transact_time)}",
    ]


def business_reject_body(
    *, ref_seq_num: str, ref_msg_type: str, reason: int, text: str, ref_id: str = ""
) -> str:
    """Return the fields of 35=j, the answer to what the venue cannot take. ref_id: tag 379, "" for none."""
    named = [f"379={ref_id}"] if ref_id else []
    return _body([f"45={ref_seq_num}", f"58={text}", f"372={ref_msg_type}", *named, f"380={reason}"])


def business_reject_text(*, ref_seq_num: str, ref_msg_type: str, reason: int, text: str) -> str:
    """Return 35=j."""
    body = business_reject_body(ref_seq_num=ref_seq_num, ref_msg_type=ref_msg_type, reason=reason, text=text)
    return _assemble("j", body)


def side_code(side: Side | None) -> str:
    """Return FIX Side (54); of what came without one, that it is not disclosed."""
    return _SIDE_UNDISCLOSED if side is None else _SIDE_CODES[side]
