"""What a venue sent that cannot be applied, as the exception that a person sees."""

import re
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from execution_adapter.domain.child import SHARES_MAX, Report
from execution_adapter.domain.fix.wire import first_value, id_of, text_of
from oms_platform.exceptions import ExceptionKind, ExecutionException, exception_identity, fix_content
from oms_platform.fix.symbols import is_same_symbol
from oms_platform.prices import MICROS
from oms_platform.sides import CODES
from oms_platform.vocabulary import ChildTerms

RAISED_BY = "execution-adapter"
_SIDE_NAMES = {code.encode(): side.name for side, code in CODES.items()}
_PLAIN_NUMBER = re.compile(rb"[0-9]{1,15}(\.[0-9]{0,12})?")
_MICROS_MAX = 10**18 - 1


def raised(
    kind: ExceptionKind,
    detail: str,
    *,
    venue_id: str,
    raw: bytes,
    at: datetime,
    child: ChildTerms | None = None,
    report: Report | None = None,
    subject: str = "",
) -> ExecutionException:
    """Make an exception of a message. subject: what tells it from others when it is of no message's making.

    Its id follows from its identity, so the same message raises the same one after a crash.
    """
    content = subject.encode() if subject else fix_content(raw)
    identity = exception_identity(kind, venue_id, content)
    side = _SIDE_NAMES.get(first_value(raw, 54) or b"", "")
    return ExecutionException(
        exception_id=UUID(identity.rpartition(":")[2]),
        identity=identity,
        kind=kind,
        raised_by=RAISED_BY,
        venue_id=venue_id,
        order_id=None if child is None else child.order_id,
        account_id=None if child is None else child.account_id,
        cl_ord_id=child.cl_ord_id if child is not None else report.cl_ord_id if report is not None else "",
        exec_id=id_of(first_value(raw, 17) or b"") if report is None else report.exec_id,
        symbol=text_of(first_value(raw, 55) or b"") if child is None else child.symbol,
        side=side if child is None else child.side.name,
        last_qty=_number(raw, 32, 1, SHARES_MAX),
        last_px_micros=_number(raw, 31, MICROS, _MICROS_MAX),
        detail=detail,
        raw=raw,
        raised_at=at,
    )


def _number(raw: bytes, tag: int, unit: int, most: int) -> int | None:
    """Read how many units a message names, as far as it can be read: what cannot is in the raw message."""
    value = first_value(raw, tag) or b""
    if _PLAIN_NUMBER.fullmatch(value) is None:
        return None
    units = Decimal(value.decode()) * unit
    return int(units) if units == int(units) and 0 < units <= most else None


def contradiction(child: ChildTerms, report: Report) -> str:
    """Return how a report contradicts its child, empty when it does not.

    The account is the client's: it is not sent, and a venue that names one names its own.
    """
    expected_side = CODES[child.side]
    if report.venue_id != child.venue_id:
        return f"it came from {report.venue_id}, the order is at {child.venue_id}"
    if report.symbol and not is_same_symbol(child.symbol, report.symbol, report.symbol_suffix):
        found = f"{report.symbol} {report.symbol_suffix}".rstrip()
        return f"Symbol (55) is {found}, the order's is {child.symbol}"
    if report.side and report.side != expected_side:
        return f"Side (54) is {report.side}, the order's is {expected_side}"
    return ""
