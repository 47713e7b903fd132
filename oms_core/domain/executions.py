"""What has had its effect on an order: executions by what names them at their venue, requests by their id.

An execution is what (venue, trade date, venue's order id, ExecID) names. The same one again with the same
content is a repeat; with other content it contradicts the first. A trade stands as its last correction says.
"""

from datetime import datetime, timedelta
from sys import intern
from typing import Final

import msgspec

from oms_core.domain.order import Event
from oms_platform.vocabulary import (
    BookingRejected,
    CancelRejected,
    CancelRequested,
    ChildClosed,
    ChildRestated,
    OrderAccepted,
    OrderResumed,
    OrderSuspended,
    ReplaceRejected,
    ReplaceRequested,
    ResumeRejected,
    RoutePlaced,
    RouteRequested,
    SuspendRejected,
    TradeApplied,
    TradeCorrected,
)

# (venue, trade date, venue's order id, ExecID)
ExecutionId = tuple[str, str, str, str]
# What venues say in place of an ExecID where there is none.
NO_EXEC_ID: Final = frozenset(("", "0"))
# A venue's clock that is further from ours says nothing about the day of a trade.
CLOCK_TRUSTED: Final = timedelta(days=366)


class Charged(msgspec.Struct, frozen=True, gc=False):
    """What a trade is charged, and by what, and when it was made. settles_on: of its cash."""

    fee_micros: int
    settles_on: str
    last_liquidity: int
    traded_at: datetime


class Execution(msgspec.Struct, frozen=True, gc=False):
    """A trade or a correction as it was reported. corrects: the trade that a correction is about."""

    cl_ord_id: str
    last_qty: int
    last_px_micros: int
    corrects: ExecutionId | None = None
    charged: Charged | None = None

    def says(self, other: "Execution") -> bool:
        """Whether a venue says the same in both, whatever was charged."""
        return (self.cl_ord_id, self.last_qty, self.last_px_micros, self.corrects) == (
            other.cl_ord_id,
            other.last_qty,
            other.last_px_micros,
            other.corrects,
        )


class AmbiguousTradeError(Exception):
    """A bust or a correction fits several trades."""


def execution_id(report: TradeApplied | TradeCorrected) -> ExecutionId:
    """Return what names an execution within its order."""
    return report.venue_id, report.trade_date, report.venue_order_id, report.exec_id


def trade_of(correction: TradeCorrected) -> ExecutionId:
    """Return the trade that a correction is about."""
    return (
        correction.venue_id,
        correction.ref_trade_date,
        correction.ref_venue_order_id,
        correction.exec_ref_id,
    )


def change_of(report: ChildClosed | ChildRestated) -> object | None:
    """Return what names a report that changes a child and trades nothing, None if it has no name."""
    if report.exec_id in NO_EXEC_ID:
        return None
    says = report.outcome.value if isinstance(report, ChildClosed) else report.quantity
    return says, report.cl_ord_id, report.venue_id, report.trade_date, report.venue_order_id, report.exec_id


def _charged(event: TradeApplied) -> Charged | None:
    if not event.settles_on:
        return None
    at = traded_at(event.transact_time, event.received_at)
    return Charged(event.fee_micros, intern(event.settles_on), event.last_liquidity, at)


def traded_at(transact_time: datetime, received_at: datetime) -> datetime:
    """Return when a trade was made: when its venue says, or, where that cannot be, when it came in."""
    return transact_time if abs(transact_time - received_at) <= CLOCK_TRUSTED else received_at


class Effects:
    """Of one order. It is filled by its events in their order, so a restart makes the same of them."""

    __slots__ = ("_corrected", "_executions", "_others")

    def __init__(self) -> None:
        self._executions: dict[ExecutionId, Execution] = {}
        self._others: set[object] = set()
        # What a trade stands at, once it was corrected: shares, price and fee.
        self._corrected: dict[ExecutionId, tuple[int, int, int]] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Effects) and (self._executions, self._others, self._corrected) == (
            other._executions,
            other._others,
            other._corrected,
        )

    __hash__ = None  # type: ignore[assignment]

    def note(self, event: Event) -> None:
        """Note what an event had an effect of."""
        match event:
            case TradeApplied():
                self._executions[execution_id(event)] = Execution(
                    event.cl_ord_id, event.last_qty, event.last_px_micros, None, _charged(event)
                )
                if event.request_id is not None:
                    self._others.add(event.request_id)
            case OrderAccepted() | RoutePlaced() | RouteRequested():
                # What most others are: looked for first, since a class that does not fit costs the most.
                pass
            case TradeCorrected():
                trade = trade_of(event)
                self._executions[execution_id(event)] = Execution(
                    event.cl_ord_id, event.last_qty, event.last_px_micros, trade
                )
                if self._corrected is None:
                    self._corrected = {}
                self._corrected[trade] = event.last_qty, event.last_px_micros, event.fee_micros
            case (
                CancelRequested()
                | CancelRejected()
                | ReplaceRequested()
                | ReplaceRejected()
                | OrderSuspended()
                | SuspendRejected()
                | OrderResumed()
                | ResumeRejected()
                | BookingRejected()
            ):
                self._others.add(event.request_id)
            case ChildClosed() | ChildRestated():
                if (change := change_of(event)) is not None:
                    self._others.add(change)
            case _:
                pass

    def has(self, what: object) -> bool:
        """Return whether a request, or a change of a child, has had its effect."""
        return what in self._others

    def reported(self, execution: ExecutionId) -> Execution | None:
        """Return an execution as it was reported first."""
        return self._executions.get(execution)

    def standing(self, trade: ExecutionId) -> tuple[int, int]:
        """Return the shares and the price that a trade stands at."""
        if self._corrected is not None and trade in self._corrected:
            return self._corrected[trade][:2]
        reported = self._executions[trade]
        return reported.last_qty, reported.last_px_micros

    def charged(self, trade: ExecutionId) -> Charged | None:
        """Return what a trade stands charged; None for one of before fees were charged."""
        first = self._executions[trade].charged
        if first is None or self._corrected is None or trade not in self._corrected:
            return first
        return msgspec.structs.replace(first, fee_micros=self._corrected[trade][2])

    def find_trade(self, reference: ExecutionId, cl_ord_id: str) -> ExecutionId | None:
        """Return the trade that a bust or a correction is about, None if it was never reported.

        A later correction may name the trade or the correction before it; it may come another day, and under
        another id of the venue's order. Raises AmbiguousTradeError when it could be about several trades.
        """
        venue_id, trade_date, venue_order_id, exec_id = reference
        named = [key for key in self._executions if key[0] == venue_id and key[3] == exec_id]
        exact = [key for key in named if key[1] == trade_date and key[2] == venue_order_id]
        of_child = [key for key in named if self._executions[key].cl_ord_id == cl_ord_id]
        of_venue_order = [key for key in of_child if key[2] == venue_order_id]
        for fitting in (exact, of_venue_order, of_child):
            found = {self._executions[key].corrects or key for key in fitting}
            if len(found) > 1:
                raise AmbiguousTradeError(f"{exec_id} names {len(found)} trades of {venue_id}")
            if found:
                return found.pop()
        return None
