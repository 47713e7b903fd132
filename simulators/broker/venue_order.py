"""An order as a venue holds it, and what makes a request one that the venue does not take. Pure."""

from typing import Final, NamedTuple

import msgspec

from simulators.broker.book_order import BookOrder
from simulators.broker.fees import ADDED
from simulators.broker.prices import micros_of, price_text
from simulators.broker.protocol import CancelOrder, OrdStatus, OrdType, ReplaceOrder, Side, TimeInForce

ORDER_QTY_MAX: Final = 100_000_000
RESTS: Final = frozenset({TimeInForce.DAY, TimeInForce.GTC})
# Orders with a price of their own, which may wait.
PRICED: Final = frozenset({OrdType.LIMIT, OrdType.PEGGED})


class Trade(NamedTuple):
    """An execution of one order. liquidity: LastLiquidityInd (851)."""

    quantity: int
    price_micros: int
    liquidity: int = ADDED


class VenueOrder(BookOrder, kw_only=True, gc=False):
    """An order as the venue holds it.

    end: the status that closed it other than by filling. trades: what was executed and not busted, by its
    ExecID. asleep: why it does not trade for now (done for the day, suspended), None when it may.
    """

    order_id: str
    cl_ord_id: str
    symbol: str
    order_qty: int
    ord_type: OrdType | None
    time_in_force: TimeInForce | None
    price: str
    side: Side | None
    account: str = ""
    ids: tuple[str, ...] = ()
    acknowledged: bool = False
    cum_qty: int = 0
    notional_micros: int = 0
    end: OrdStatus | None = None
    pending: CancelOrder | ReplaceOrder | None = None
    trades: dict[str, Trade] = msgspec.field(default_factory=dict)
    asleep: OrdStatus | None = None

    @property
    def leaves_qty(self) -> int:
        """What is still to trade."""
        return 0 if self.end is not None else max(0, self.order_qty - self.cum_qty)

    @property
    def is_live(self) -> bool:
        """Whether it can still trade."""
        return self.end is None and self.cum_qty < self.order_qty

    @property
    def status(self) -> OrdStatus:
        """OrdStatus by FIX's precedence."""
        if self.pending is not None:
            canceling = isinstance(self.pending, CancelOrder)
            return OrdStatus.PENDING_CANCEL if canceling else OrdStatus.PENDING_REPLACE
        if self.end is OrdStatus.DONE_FOR_DAY:
            return OrdStatus.DONE_FOR_DAY
        if self.cum_qty >= self.order_qty > 0:
            return OrdStatus.FILLED
        if self.end is not None:
            return self.end
        if self.asleep is not None:
            return self.asleep
        return OrdStatus.PARTIALLY_FILLED if self.cum_qty else OrdStatus.NEW

    @property
    def rests(self) -> bool:
        """Whether what is left of it waits in the book."""
        if self.auction is not None:
            return True
        return self.ord_type in PRICED and self.time_in_force in RESTS

    def execute(self, exec_id: str, trade: Trade) -> None:
        """Add a trade to what was done. The book has taken it off `working_qty` already."""
        self.trades[exec_id] = trade
        self.cum_qty += trade.quantity
        self.notional_micros += trade.quantity * trade.price_micros

    def change_trade(self, exec_id: str, now: Trade | None) -> None:
        """Put another trade in a trade's place, or none: a correction, or a bust."""
        before = self.trades.pop(exec_id)
        self.cum_qty -= before.quantity
        self.notional_micros -= before.quantity * before.price_micros
        if now is not None:
            self.execute(exec_id, now)
        self.working_qty = max(0, self.order_qty - self.cum_qty)


def too_late(command: CancelOrder | ReplaceOrder, order: VenueOrder) -> bool:
    """Say whether an order is past such a request. A filled one may still be made larger (FIX C.1.c)."""
    if order.end is not None:
        return True
    if isinstance(command, CancelOrder) or order.time_in_force not in RESTS or order.ord_type not in PRICED:
        return not order.is_live
    return not order.is_live and (command.order_qty or 0) <= order.cum_qty


def wrong_quantity(quantity: int | None) -> str | None:
    if quantity is not None and 0 < quantity <= ORDER_QTY_MAX:
        return None
    return f"order_qty must be a whole number of shares from 1 to {ORDER_QTY_MAX}"


def wrong_minimum(minimum: int | None, quantity: int | None) -> str | None:
    if minimum is not None and 0 <= minimum <= (quantity or 0):
        return None
    return f"min_qty must be a whole number of shares from 0 to order_qty, was {minimum}"


def wrong_price(price: str, tick_micros: int) -> str | None:
    micros = micros_of(price)
    if micros is None:
        return f"price must be a number above 0, was {price!r}"
    if micros % tick_micros:
        return f"price must be a multiple of {price_text(tick_micros)}, was {price}"
    return None


def wrong_display(max_floor: int | None, min_qty: int | None, quantity: int | None) -> str | None:
    if max_floor is None:
        return None
    if not 0 <= max_floor <= (quantity or 0):
        return f"max_floor must be a whole number of shares from 0 to order_qty, was {max_floor}"
    return "min_qty and a part that is shown exclude each other" if max_floor and min_qty else None
