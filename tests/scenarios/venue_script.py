"""Plays FIX 4.4 order-state vectors against the venue engine, in the notation of its appendix D.

A step is what reaches the venue, an expectation what it reports of the order under test:

    D(X) 10000 [DAY|GTC|IOC|FOK] [@price] [sell] [again]   NewOrderSingle, with PossResend
    F(Y,X) · G(Y,X) 12000 [@price] · H(X)          cancel, cancel/replace, status request
    trade 2000                                     somebody takes so much from the resting order
    show 2000 [@price]                             the venue's other side displays so much
    decide · end day                               the pending request is decided; DAY orders are done

Reports read `ET/OS(ClOrdID,OrigClOrdID) OrderQty/CumQty/LeavesQty +LastQty`, cancel rejects
`Rej(Y,X) OS reason`.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from simulators.broker.engine import Behaviour, VenueEngine
from simulators.broker.market import Market
from simulators.broker.prices import micros_of
from simulators.broker.protocol import (
    AskStatus,
    CancelOrder,
    CancelRejected,
    Command,
    Decide,
    EndDay,
    ExecType,
    NewOrder,
    OrdStatus,
    OrdType,
    Record,
    ReplaceOrder,
    Report,
    Requote,
    Side,
    TimeInForce,
)

NOW: Final = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
SYMBOL: Final = "AAPL"
PRICE: Final = "100.00"
_EXEC_TYPES: Final = {
    ExecType.NEW: "N",
    ExecType.TRADE: "T",
    ExecType.DONE_FOR_DAY: "DFD",
    ExecType.CANCELED: "C",
    ExecType.REPLACED: "R",
    ExecType.PENDING_CANCEL: "PC",
    ExecType.PENDING_REPLACE: "PR",
    ExecType.REJECTED: "Rejected",
    ExecType.ORDER_STATUS: "I",
}
_STATUSES: Final = {
    OrdStatus.NEW: "N",
    OrdStatus.PARTIALLY_FILLED: "PF",
    OrdStatus.FILLED: "F",
    OrdStatus.DONE_FOR_DAY: "DFD",
    OrdStatus.CANCELED: "C",
    OrdStatus.PENDING_CANCEL: "PC",
    OrdStatus.PENDING_REPLACE: "PR",
    OrdStatus.REJECTED: "Rejected",
}
_REQUEST: Final = re.compile(r"([DFGH])\((\w+)(?:,(\w+))?\)\s*(.*)")

Step = tuple[str, Sequence[str]]


def describe(record: Record) -> str:
    """Write a record in the specification's notation."""
    if isinstance(record, CancelRejected):
        return (
            f"Rej({record.cl_ord_id},{record.orig_cl_ord_id}) {_STATUSES[record.ord_status]} {record.reason}"
        )
    assert isinstance(record, Report)
    ids = ",".join(filter(None, (record.cl_ord_id, record.orig_cl_ord_id)))
    head = f"{_EXEC_TYPES[record.exec_type]}/{_STATUSES[record.ord_status]}({ids})"
    quantities = f"{record.order_qty}/{record.cum_qty}/{record.leaves_qty}"
    return f"{head} {quantities}" + (f" +{record.last_qty}" if record.last_qty else "")


def venue(**behaviour: object) -> VenueEngine:
    """Make a lit venue that acts only on what it is told."""
    settings = Behaviour(**{"touch_fill": 0.0, **behaviour})  # type: ignore[arg-type]
    return VenueEngine("XNYS", {SYMBOL: Decimal("0.01")}, seed=7, behaviour=settings)


class Script:
    """Plays steps against one venue and keeps what it reports of everything but the other parties' orders."""

    def __init__(self, engine: VenueEngine) -> None:
        self.engine = engine
        self.records: list[Record] = []
        self._others = 0
        self._last = "X"
        self._side = Side.BUY

    def play(self, steps: Sequence[Step]) -> None:
        """Play steps; each must bring about exactly what is expected."""
        for step, expected in steps:
            found = [describe(record) for record in self.tell(step)]
            assert found == list(expected), f"after {step!r}"

    def tell(self, step: str) -> list[Record]:
        """Play one step and return the records about the order under test."""
        records = [
            record
            for record in self.engine.handle(self._command(step), NOW)
            if isinstance(record, Report | CancelRejected) and not record.cl_ord_id.startswith("other")
        ]
        self.records += records
        return records

    def _command(self, step: str) -> Command:
        if step == "end day":
            return EndDay()
        if step == "decide":
            return Decide(cl_ord_id=self._last)
        if (request := _REQUEST.fullmatch(step)) is not None:
            return self._request(*request.groups(default=""))
        verb, quantity, *rest = step.split()
        price = rest[0].removeprefix("@") if rest else PRICE
        if verb == "show":
            level = ((micros_of(price) or 0, int(quantity)),)
            buying = self._side is Side.BUY
            return Requote(
                market=Market(symbol=SYMBOL, asks=level) if buying else Market(symbol=SYMBOL, bids=level)
            )
        assert verb == "trade", step
        self._others += 1
        return NewOrder(
            cl_ord_id=f"other{self._others}",
            symbol=SYMBOL,
            side=Side.SELL if self._side is Side.BUY else Side.BUY,
            order_qty=int(quantity),
            ord_type=OrdType.LIMIT,
            price=price,
            time_in_force=TimeInForce.IOC,
        )

    def _request(self, kind: str, cl_ord_id: str, orig: str, rest: str) -> Command:
        words = rest.split()
        price = next((word[1:] for word in words if word.startswith("@")), PRICE)
        if "sell" in words:
            self._side = Side.SELL
        quantity = int(words[0]) if words else None
        if kind == "H":
            return AskStatus(cl_ord_id=cl_ord_id, symbol=SYMBOL, side=self._side)
        if kind == "F":
            self._last = orig
            return CancelOrder(cl_ord_id=cl_ord_id, orig_cl_ord_id=orig, symbol=SYMBOL, side=self._side)
        if kind == "G":
            self._last = orig
            return ReplaceOrder(
                cl_ord_id=cl_ord_id,
                orig_cl_ord_id=orig,
                symbol=SYMBOL,
                side=self._side,
                order_qty=quantity,
                price=price,
            )
        times = [TimeInForce[word] for word in words if word in TimeInForce.__members__]
        return NewOrder(
            cl_ord_id=cl_ord_id,
            symbol=SYMBOL,
            side=self._side,
            order_qty=quantity,
            ord_type=OrdType.LIMIT,
            price=price,
            time_in_force=times[0] if times else TimeInForce.DAY,
            possible_resend="again" in words,
        )
