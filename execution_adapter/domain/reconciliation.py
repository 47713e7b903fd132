"""Comparing what we hold of a venue's open orders with what the venue says, one order at a time.

The law of this file: every order that a run asks about ends in it exactly once: both say the same, or the
order was over before the answer, or it is a break, with both words and whether the venue's settled it.
"""

import enum
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import msgspec

from execution_adapter.domain.child import CLOSED, ChildState, OrdStatus, Report
from oms_platform.vocabulary import ChildTerms

_OVER = frozenset(
    (OrdStatus.FILLED, OrdStatus.CANCELED, OrdStatus.REJECTED, OrdStatus.EXPIRED, OrdStatus.CALCULATED)
)


class Occasion(enum.Enum):
    """Why a run was begun."""

    LOGON = "LOGON"
    SCHEDULE = "SCHEDULE"
    REQUEST = "REQUEST"


class Break(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An order of which we and its venue did not say the same. settled: the venue's word was taken."""

    cl_ord_id: str
    order_id: UUID
    ours: str
    theirs: str
    settled: bool


class EndedRun(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A comparison with one venue. over: orders that ended before the venue answered."""

    run_id: UUID
    venue_id: str
    occasion: Occasion
    began_at: datetime
    ended_at: datetime
    asked: int
    agreed: int
    over: int
    breaks: tuple[Break, ...]


class _Run:
    """A comparison under way."""

    def __init__(
        self, run_id: UUID, venue_id: str, occasion: Occasion, children: Iterable[ChildTerms], now: datetime
    ) -> None:
        self.run_id, self.venue_id, self.occasion, self.began_at = run_id, venue_id, occasion, now
        self.pending = {child.cl_ord_id: child.order_id for child in children}
        self.asked = len(self.pending)
        self.agreed = self.over = 0
        self.breaks: list[Break] = []


class Reconciler:
    """The runs under way, one a venue at most. One thread only."""

    def __init__(self) -> None:
        self._runs: dict[str, _Run] = {}
        self._ended: list[EndedRun] = []

    def begin(
        self, run_id: UUID, venue_id: str, occasion: Occasion, children: Iterable[ChildTerms], now: datetime
    ) -> None:
        """Begin a run over these orders. One that is under way ends where it is."""
        self.interrupt(venue_id, "a new run began", now)
        self._runs[venue_id] = _Run(run_id, venue_id, occasion, children, now)
        self._end_if_done(venue_id, now)

    def take_ended(self) -> list[EndedRun]:
        """Return the runs that have ended since the last call."""
        ended, self._ended = self._ended, []
        return ended

    def answered(
        self, child: ChildTerms, before: ChildState, after: ChildState, answer: Report, now: datetime
    ) -> None:
        """A venue has said how an order is. before, after: what we held of it."""
        run = self._pending_in(child)
        if run is None:
            return
        del run.pending[child.cl_ord_id]
        if agrees(before, answer):
            run.agreed += 1
        else:
            settled = (not answer.unknown and not after.missing_qty) or after.status in CLOSED
            run.breaks.append(_broken(child, before, _told(answer), settled=settled))
        self._end_if_done(child.venue_id, now)

    def closed(self, child: ChildTerms, now: datetime) -> None:
        """An order is over, whatever its venue would have answered."""
        run = self._pending_in(child)
        if run is not None:
            del run.pending[child.cl_ord_id]
            run.over += 1
            self._end_if_done(child.venue_id, now)

    def unanswered(self, child: ChildTerms, state: ChildState, why: str, now: datetime) -> None:
        """A venue was asked often enough."""
        run = self._pending_in(child)
        if run is not None:
            del run.pending[child.cl_ord_id]
            run.breaks.append(_broken(child, state, f"no answer: {why}", settled=False))
            self._end_if_done(child.venue_id, now)

    def interrupt(self, venue_id: str, why: str, now: datetime) -> None:
        """What is not answered by now will not be."""
        run = self._runs.get(venue_id)
        if run is None:
            return
        for cl_ord_id, order_id in run.pending.items():
            run.breaks.append(
                Break(
                    cl_ord_id=cl_ord_id, order_id=order_id, ours="", theirs=f"no answer: {why}", settled=False
                )
            )
        run.pending = {}
        self._end_if_done(venue_id, now)

    def _pending_in(self, child: ChildTerms) -> _Run | None:
        run = self._runs.get(child.venue_id)
        return run if run is not None and child.cl_ord_id in run.pending else None

    def _end_if_done(self, venue_id: str, now: datetime) -> None:
        run = self._runs[venue_id]
        if run.pending:
            return
        del self._runs[venue_id]
        self._ended.append(
            EndedRun(
                run_id=run.run_id,
                venue_id=venue_id,
                occasion=run.occasion,
                began_at=run.began_at,
                ended_at=now,
                asked=run.asked,
                agreed=run.agreed,
                over=run.over,
                breaks=tuple(run.breaks),
            )
        )


def agrees(ours: ChildState, theirs: Report) -> bool:
    """Return whether a venue's word on an order is what we hold of it: shares done, shares open, and its end.

    What the venue does not say is not held against it.
    """
    if theirs.unknown:
        return False
    if theirs.cum_qty is not None and theirs.cum_qty != ours.cum_qty - ours.missing_qty:
        return False
    if (theirs.ord_status in _OVER) != (ours.status in CLOSED):
        return False
    return theirs.leaves_qty is None or theirs.leaves_qty == ours.leaves_qty


def _broken(child: ChildTerms, ours: ChildState, theirs: str, *, settled: bool) -> Break:
    said = f"{ours.status.name} cum {ours.cum_qty - ours.missing_qty} leaves {ours.leaves_qty}"
    return Break(
        cl_ord_id=child.cl_ord_id, order_id=child.order_id, ours=said, theirs=theirs, settled=settled
    )


def _told(answer: Report) -> str:
    if answer.unknown:
        return "unknown order"
    status = "" if answer.ord_status is None else answer.ord_status.name
    return f"{status} cum {answer.cum_qty} leaves {answer.leaves_qty}".strip()
