"""What one core owns in memory, as its single writer: live orders, positions, reservations, streams.

It is rebuilt from Postgres on start and changed only by `apply_event`, so memory and the database take the
same steps.
"""

from collections import OrderedDict, defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final
from uuid import UUID

from oms_core.domain.machine import apply
from oms_core.domain.order import Event, Lifecycle, Order, Terms, TradeApplied
from oms_core.domain.positions import Position, after_fill
from oms_core.domain.risk import AccountLimits, InstrumentTerms, RiskContext, TouchPrices

CLOSED_REMEMBERED_MAX: Final = 100_000


@dataclass(slots=True, kw_only=True)
class Exposure:
    """An account's dollars in positions (gross cost) and in open orders (reservations)."""

    gross_cost: Decimal = Decimal(0)
    reserved: Decimal = Decimal(0)


@dataclass(slots=True, kw_only=True)
class Desk:
    """Orders by id, positions by account and symbol, exposure and stream sequence by account."""

    accounts: dict[str, AccountLimits] = field(default_factory=dict)
    instruments: dict[str, InstrumentTerms] = field(default_factory=dict)
    orders: dict[UUID, Order] = field(default_factory=dict)
    closed: OrderedDict[UUID, Order] = field(default_factory=OrderedDict)
    positions: dict[tuple[str, str], Position] = field(default_factory=dict)
    exposures: defaultdict[str, Exposure] = field(default_factory=lambda: defaultdict(Exposure))
    stream_sequences: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def order(self, order_id: UUID) -> Order | None:
        """Return an order that is live or closed not long ago."""
        return self.orders.get(order_id) or self.closed.get(order_id)

    def keep(self, order: Order) -> None:
        """Take an order as it is, and count its reservation."""
        previous = self.orders.get(order.terms.order_id)
        change = reserved_notional(order) - (
            reserved_notional(previous) if previous is not None else Decimal(0)
        )
        if change:
            self.exposures[order.terms.account_id].reserved += change
        if not order.closed:
            self.orders[order.terms.order_id] = order
            return
        self.orders.pop(order.terms.order_id, None)
        self.closed[order.terms.order_id] = order
        if len(self.closed) > CLOSED_REMEMBERED_MAX:
            self.closed.popitem(last=False)

    def keep_position(self, account_id: str, symbol: str, position: Position) -> None:
        """Take a position as it is, and count its gross cost."""
        previous = self.positions.get((account_id, symbol))
        self.exposures[account_id].gross_cost += abs(position.cost) - (abs(previous.cost) if previous else 0)
        self.positions[account_id, symbol] = position

    def apply_event(self, order: Order, event: Event) -> Order:
        """Apply an event to an order and, for a trade, to its account's position. Returns the new order."""
        after = apply(order, event)
        if isinstance(event, TradeApplied):
            terms = order.terms
            position = self.position(terms.account_id, terms.symbol)
            self.keep_position(
                terms.account_id,
                terms.symbol,
                after_fill(position, terms.side, event.last_qty, event.last_px),
            )
        self.keep(after)
        return after

    def position(self, account_id: str, symbol: str) -> Position:
        """Return an account's position in a symbol, flat if it never had one."""
        return self.positions.get((account_id, symbol), Position())

    def risk_context(self, terms: Terms, touch: TouchPrices) -> RiskContext:
        """Gather what the rules look at."""
        exposure = self.exposures[terms.account_id]
        return RiskContext(
            terms=terms,
            account=self.accounts.get(terms.account_id),
            instrument=self.instruments.get(terms.symbol),
            touch=touch,
            position=self.position(terms.account_id, terms.symbol),
            gross_cost=exposure.gross_cost,
            reserved=exposure.reserved,
        )


def reserved_notional(order: Order) -> Decimal:
    """Return the dollars that an order holds of its buying power: what is open, at the reserved price."""
    return order.leaves_qty * order.reserved_price if order.lifecycle is Lifecycle.LIVE else Decimal(0)
