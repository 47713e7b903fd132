"""A position at average cost: open quantity, its cost, what closing realized, the cash that fills moved."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from oms_core.domain.order import Side

_DIGITS: Final = Decimal("0.000001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Signed shares; signed dollars. net_cash is minus the sum of each fill's signed quantity times price."""

    quantity: int = 0
    cost: Decimal = Decimal(0)
    realized_pnl: Decimal = Decimal(0)
    net_cash: Decimal = Decimal(0)


def after_fill(position: Position, side: Side, last_qty: int, last_px: Decimal) -> Position:
    """Return the position after a fill. net_cash + cost = realized_pnl holds before and after."""
    signed = side.value * last_qty
    cash = position.net_cash - signed * last_px
    closing = min(last_qty, abs(position.quantity)) if position.quantity * signed < 0 else 0
    released = (position.cost * closing / abs(position.quantity)).quantize(_DIGITS) if closing else Decimal(0)
    opening = last_qty - closing
    cost = position.cost - released + side.value * opening * last_px
    return Position(
        quantity=position.quantity + signed,
        cost=cost,
        realized_pnl=cash + cost,
        net_cash=cash,
    )
