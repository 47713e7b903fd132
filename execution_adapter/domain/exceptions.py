"""What a venue sent that cannot be applied, as the exception that a person sees."""

from datetime import datetime
from uuid import UUID

from execution_adapter.domain.child import Report
from execution_adapter.domain.fix.wire import first_value, id_of
from oms_platform.exceptions import ExceptionKind, ExecutionException, exception_identity, fix_content
from oms_platform.vocabulary import ChildTerms, Side

RAISED_BY = "execution-adapter"
_SIDES = {Side.BUY: "1", Side.SELL: "2"}


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
    exec_id = first_value(raw, 17) or b"" if report is None else b""
    identity = exception_identity(kind, venue_id, content)
    trade = report if report is not None and report.last_qty else None
    return ExecutionException(
        exception_id=UUID(identity.rpartition(":")[2]),
        identity=identity,
        kind=kind,
        raised_by=RAISED_BY,
        venue_id=venue_id,
        order_id=None if child is None else child.order_id,
        account_id=None if child is None else child.account_id,
        cl_ord_id=child.cl_ord_id if child is not None else report.cl_ord_id if report is not None else "",
        exec_id=id_of(exec_id) if report is None else report.exec_id,
        symbol=child.symbol if child is not None else report.symbol if report is not None else "",
        side=child.side.name if child is not None else "",
        last_qty=None if trade is None else trade.last_qty,
        last_px_micros=None if trade is None else trade.last_px_micros,
        detail=detail,
        raw=raw,
        raised_at=at,
    )


def contradiction(child: ChildTerms, report: Report) -> str:
    """Return how a report contradicts its child, empty when it does not.

    The account is the client's: it is not sent, and a venue that names one names its own.
    """
    expected_side = _SIDES[child.side]
    if report.venue_id != child.venue_id:
        return f"it came from {report.venue_id}, the order is at {child.venue_id}"
    if report.symbol and report.symbol != child.symbol:
        return f"Symbol (55) is {report.symbol}, the order's is {child.symbol}"
    if report.side and report.side != expected_side:
        return f"Side (54) is {report.side}, the order's is {expected_side}"
    return ""
