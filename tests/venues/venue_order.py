"""An order as its venue has it: what it executed there is the truth that the platform's books are held to."""

import itertools
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from tests.venues.fix_bytes import Fields, Message, Value, timestamp

# OrdStatus (39) and ExecType (150), as far as a test writes them often.
NEW, PARTIAL, FILLED, CANCELED, REPLACED, REJECTED = "0", "1", "2", "4", "5", "8"
TRADE, TRADE_CORRECT, TRADE_CANCEL, STATUS, RESTATED = "F", "G", "H", "I", "D"
_numbers: Final = itertools.count(1)


@dataclass(slots=True)
class Trade:
    """An execution of the venue's."""

    exec_id: str
    qty: int
    px: Decimal


@dataclass(slots=True)
class VenueOrder:
    """An order that came by 35=D. trades: by ExecID, those that were taken back are not there.

    restated_qty: what the venue has made of its OrderQty, 0 for nothing. named: its ClOrdID since it was
    replaced, empty before.
    """

    new: Message
    venue_order_id: str
    trades: dict[str, Trade] = field(default_factory=dict)
    closed_as: str = ""
    restated_qty: int = 0
    named: str = ""
    cum: int = 0
    notional: Decimal = Decimal(0)

    @classmethod
    def of(cls, new: Message) -> "VenueOrder":
        """Take an order in."""
        return cls(new, f"V{next(_numbers)}")

    @property
    def cl_ord_id(self) -> str:
        """ClOrdID (11) of the 35=D."""
        return self.new.text(11)

    @property
    def name(self) -> str:
        """ClOrdID (11) by which it is known now."""
        return self.named or self.cl_ord_id

    @property
    def asked_qty(self) -> int:
        """OrderQty (38) of the 35=D."""
        return self.new.number(38)

    @property
    def order_qty(self) -> int:
        """OrderQty (38) as it stands."""
        return self.restated_qty or self.asked_qty

    @property
    def price(self) -> str:
        """Price (44), as it was asked for."""
        return self.new.text(44)

    @property
    def leaves(self) -> int:
        """Shares open."""
        return 0 if self.closed_as else max(0, self.order_qty - self.cum)

    @property
    def average(self) -> Decimal:
        """AvgPx (6)."""
        return self.notional / self.cum if self.cum else Decimal(0)

    @property
    def ord_status(self) -> str:
        """OrdStatus (39) by what was executed and how it ended."""
        if self.closed_as:
            return self.closed_as
        if self.cum >= self.order_qty:
            return FILLED
        return PARTIAL if self.cum else NEW

    def execute(self, exec_id: str, qty: int, px: Decimal) -> None:
        """Execute so much; an ExecID that is there is of this size and price from now on."""
        self.take_back(exec_id)
        self.trades[exec_id] = Trade(exec_id, qty, px)
        self.cum += qty
        self.notional += qty * px

    def take_back(self, exec_id: str) -> None:
        """Take a trade back, if there is one."""
        trade = self.trades.pop(exec_id, None)
        if trade is not None:
            self.cum -= trade.qty
            self.notional -= trade.qty * trade.px

    # ---- what the venue says of it; each returns the body of a message, to be changed or sent

    def report(self, exec_type: str, **more: Value) -> Fields:
        """Write the body of a 35=8 as it stands. more: further fields by tag, "t103" for 103."""
        fields: Fields = [
            (37, self.venue_order_id),
            (11, self.name),
            (17, f"{'S' if exec_type == STATUS else 'E'}-{next(_numbers)}"),
            (150, exec_type),
            (39, self.ord_status),
            (55, self.new.text(55)),
            (54, self.new.text(54)),
            (38, self.order_qty),
            (151, self.leaves),
            (14, self.cum),
            (6, str(self.average)),
            (60, timestamp()),
        ]
        return changed(fields, **more)

    def ack(self) -> Fields:
        """150=0."""
        return self.report(NEW)

    def fill(self, qty: int, px: str | None = None, *, exec_id: str = "", **more: Value) -> Fields:
        """150=F: execute so much, at the order's own price unless another is given."""
        exec_id = exec_id or f"T{next(_numbers)}"
        self.execute(exec_id, qty, Decimal(px or self.price))
        base = self.report(TRADE, t17=exec_id, t32=qty, t31=px or self.price)
        return changed(base, **more)

    def bust(self, exec_id: str, **more: Value) -> Fields:
        """150=H: take a trade back; the shares are open again unless the order is closed."""
        self.take_back(exec_id)
        return changed(self.report(TRADE_CANCEL, t19=exec_id), **more)

    def correct(self, exec_id: str, qty: int, px: str, **more: Value) -> Fields:
        """150=G: a trade was of another size or price."""
        self.execute(exec_id, qty, Decimal(px))
        return changed(self.report(TRADE_CORRECT, t19=exec_id, t32=qty, t31=px), **more)

    def restate(self, order_qty: int, **more: Value) -> Fields:
        """150=D: the order is of another quantity from now on."""
        self.restated_qty = order_qty
        return changed(self.report(RESTATED), **more)

    def cancel(self, request: Message | None = None, **more: Value) -> Fields:
        """150=4: close it, by a request or without one."""
        self.closed_as = CANCELED
        return changed(self.report(CANCELED, **_ids(request)), **more)

    def replace(self, request: Message, **more: Value) -> Fields:
        """150=5: do what a 35=G asks for; of a quantity below what is done, that is left."""
        self.restated_qty, self.named = max(request.number(38), self.cum), request.text(11)
        return changed(self.report(REPLACED, **_ids(request)), **more)

    def reject(self, **more: Value) -> Fields:
        """150=8: refuse it."""
        self.closed_as = REJECTED
        return changed(self.report(REJECTED, t103=0), **more)

    def refuse_cancel(self, request: Message, reason: int, **more: Value) -> Fields:
        """35=9: keep it, or leave it as it is."""
        fields: Fields = [
            (37, self.venue_order_id),
            *[(int(tag[1:]), value) for tag, value in _ids(request).items()],
            (39, self.ord_status),
            (434, 2 if request.msg_type == "G" else 1),
            (102, reason),
        ]
        return changed(fields, **more)

    def status(self, question: Message | None = None, **more: Value) -> Fields:
        """150=I: what is true, with OrdStatusReqID (790) echoed."""
        echo = question.get(790) if question is not None else None
        return changed(self.report(STATUS, **({} if echo is None else {"t790": echo})), **more)


def unknown_status(question: Message) -> Fields:
    """Write the body of a status answer for an order that never came."""
    fields: Fields = [
        (37, "NONE"),
        (11, question.text(11)),
        (17, f"S-{next(_numbers)}"),
        (150, STATUS),
        (39, REJECTED),
        (103, 5),
        (55, question.text(55)),
        (54, question.text(54)),
        (38, 0),
        (151, 0),
        (14, 0),
        (6, 0),
        (58, "unknown order"),
    ]
    echo = question.get(790)
    return fields if echo is None else [*fields, (790, echo)]


def changed(fields: Fields, **values: Value) -> Fields:
    """Return fields with other values ("t31" for 31): in their place, or at the end where there was none."""
    wanted = {int(name[1:]): value for name, value in values.items()}
    result = [(tag, wanted.pop(tag, value)) for tag, value in fields]
    return [*result, *wanted.items()]


def without(fields: Fields, *tags: int) -> Fields:
    """Return fields without some."""
    return [(tag, value) for tag, value in fields if tag not in tags]


def _ids(request: Message | None) -> dict[str, Value]:
    return {} if request is None else {"t11": request.text(11), "t41": request.text(41)}
