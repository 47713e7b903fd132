"""What a venue said that could not be applied as it is, kept until a person has booked or ignored it.

The same message raises an exception of a kind once, however often it is sent again: its identity is what the
message says, without what a repetition changes. An exception can always be stored: what Postgres would not
take in a text is replaced, a number that no column holds is left to `raw`.
"""

import enum
import hashlib
import json
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import msgspec

from oms_platform.vocabulary import ExecType, Message


class ExceptionKind(enum.Enum):
    """Why a message could not be applied as it is. The values are the sentences of the docs' table."""

    UNREADABLE = "A report that lacks a field without which it says nothing, or has one that cannot be read."
    UNSUPPORTED_EXEC_TYPE = "A report of an ExecType that says nothing that an order could take."
    UNKNOWN_ORDER = "A report of an order that was never sent to its venue, or that nobody knows."
    CONTRADICTS_CHILD = "A report that names another symbol, side, account or venue than its order has."
    BAD_QUANTITY = "A report of a quantity that its order cannot have."
    BAD_PRICE = "A trade without a price above 0."
    OVERFILL = "A trade beyond what its order had left: the shares are in the position."
    CUM_QTY_DIFFERS = "A venue's CumQty is not the sum of the trades that it reported."
    REPEATED_EXEC_ID = "An execution whose identity was used before, with other content."
    UNKNOWN_TRADE = "A bust or a correction of a trade that was never reported."
    REFUSED_BY_SESSION = "A report of a venue that our FIX session has refused."
    GARBLED = "Bytes that are no FIX message."
    UNRESOLVED = "An order that its venue does not answer for."
    VENUE_REFUSED = "A venue has refused a message that nobody knows to have been sent."


# What moves a position: a trade, what takes it back, and what corrects it.
EXECUTIONS: Final = frozenset((ExecType.TRADE, ExecType.TRADE_CANCEL, ExecType.TRADE_CORRECT))
# The channel of the orders that are records of booked trades; no client may name it.
BOOKING_CHANNEL: Final = "BOOKING"
# An exception of these kinds is of a trade that is not in any position. The others are closed without effect.
BOOKABLE: Final = frozenset(ExceptionKind) - {
    ExceptionKind.OVERFILL,
    ExceptionKind.UNKNOWN_TRADE,
    ExceptionKind.VENUE_REFUSED,
}


class ExecutionException(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of execution_exceptions as it is raised. raised_by: the service. last_px_micros: of a trade.

    raw: the FIX message, or the message between services that it is about, as it came.
    """

    exception_id: UUID
    identity: str
    kind: ExceptionKind
    raised_by: str
    venue_id: str
    order_id: UUID | None = None
    account_id: str | None = None
    cl_ord_id: str = ""
    exec_id: str = ""
    symbol: str = ""
    side: str = ""
    last_qty: int | None = None
    last_px_micros: int | None = None
    detail: str
    raw: bytes
    raised_at: datetime


_SOH: Final = b"\x01"
# Tags of the standard header. BodyLength, PossDupFlag, SendingTime, PossResend and OrigSendingTime are what a
# repetition changes.
_HEADER: Final = frozenset(
    str(tag).encode()
    for tag in (
        *(8, 9, 34, 35, 43, 49, 50, 52, 56, 57, 90, 91, 97, 115, 116, 122, 128, 129, 142, 143, 144, 145),
        *(212, 213, 347, 369, 370, 627, 628, 629, 630),
    )
)
_REPETITION: Final = frozenset((b"9", b"43", b"52", b"97", b"122"))
_MSG_SEQ_NUM, _EXEC_ID, _CHECKSUM = b"34", b"17", b"10="


def fix_content(raw: bytes) -> bytes:
    """Return what a FIX message says, the same for each repetition of it.

    A report with an ExecID that is sent again as new (FIX PossResend) has another MsgSeqNum; what has no
    ExecID is told apart by it.
    """
    fields = raw.removesuffix(_SOH).split(_SOH)
    if len(fields) > 1 and fields[-1].startswith(_CHECKSUM):
        fields.pop()
    body = next(
        (number for number, field in enumerate(fields) if field.partition(b"=")[0] not in _HEADER),
        len(fields),
    )
    named = any(field.partition(b"=")[0] == _EXEC_ID for field in fields[body:])
    left_out = _REPETITION | {_MSG_SEQ_NUM} if named else _REPETITION
    header = [field for field in fields[:body] if field.partition(b"=")[0] not in left_out]
    return _SOH.join(header + fields[body:])


def message_content(message: Message) -> bytes:
    """Return what a message between services says, the same though it was received another time."""
    said = msgspec.to_builtins(message)
    said.pop("receivedAt", None)
    return json.dumps([type(message).__name__, said], sort_keys=True).encode()


class ExecutionNames(msgspec.Struct, frozen=True, gc=False):
    """What of a message names an execution beside its ExecID. Empty, and None, where it says nothing."""

    venue_order_id: str = ""
    trade_date: str = ""
    transact_time: datetime | None = None


def execution_names(raw: bytes) -> ExecutionNames:
    """Read what names an execution out of an exception's `raw`, as the reports that come later have it."""
    if raw.startswith(b"{"):
        try:
            return _names_decoder.decode(raw).names
        except msgspec.MsgspecError:
            return ExecutionNames()
    found: dict[bytes, str] = {}
    for field in raw.split(_SOH):
        tag, _, value = field.partition(b"=")
        found.setdefault(tag, storable(value.decode("utf-8", "replace")))
    at = _fix_time(found.get(_TRANSACT_TIME, ""))
    date = found.get(_TRADE_DATE, "") or ("" if at is None else f"{at:%Y%m%d}")
    return ExecutionNames(found.get(_ORDER_ID, ""), date, at)


class _NamedReport(msgspec.Struct, frozen=True, rename="camel"):
    """The part of an ExecutionReport's JSON that names an execution."""

    venue_order_id: str = ""
    trade_date: str = ""
    transact_time: datetime | None = None

    @property
    def names(self) -> ExecutionNames:
        return ExecutionNames(self.venue_order_id, self.trade_date, self.transact_time)


_names_decoder: Final = msgspec.json.Decoder(_NamedReport)
_ORDER_ID, _TRADE_DATE, _TRANSACT_TIME = b"37", b"75", b"60"


def _fix_time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text[:17], "%Y%m%d-%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def exception_identity(kind: ExceptionKind, venue_id: str, content: bytes) -> str:
    """Return what names an exception, of a venue and of the content that it is about."""
    digest = hashlib.blake2b(content, digest_size=16).hexdigest()
    return f"{kind.name}:{storable(venue_id)}:{digest}"


def storable(text: str) -> str:
    """Replace what Postgres does not take in a text: NUL, and surrogates."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
