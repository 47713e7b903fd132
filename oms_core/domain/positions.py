"""A position at average cost: open quantity, its cost, what closing realized, cash that fills moved, fees."""

from msgspec import Struct
from msgspec.structs import replace

from oms_platform.prices import average_micros
from oms_platform.sides import opposite, sign
from oms_platform.vocabulary import Side, TradeApplied, TradeCorrected


class Position(Struct, frozen=True, kw_only=True, gc=False):
    """Signed shares; signed micros. net_cash is minus the sum of each fill's signed quantity times price.

    fees: what fills were charged, which is in neither net_cash nor realized_pnl. opened: the cost that was
    brought in from elsewhere. Of every position net_cash + cost = realized_pnl + opened.
    """

    quantity: int = 0
    cost_micros: int = 0
    realized_pnl_micros: int = 0
    net_cash_micros: int = 0
    fees_micros: int = 0
    opened_micros: int = 0


def after_fill(
    position: Position, side: Side, last_qty: int, last_px_micros: int, fee_micros: int = 0
) -> Position:
    """Return the position after a fill, which was charged a fee.

    What it closes takes its share of the cost with it, rounded half to even, and realizes the difference to
    what it was traded at; what it opens adds its price.
    """
    signed = sign(side) * last_qty
    closing = min(last_qty, abs(position.quantity)) if position.quantity * signed < 0 else 0
    released = average_micros(position.cost_micros * closing, abs(position.quantity)) if closing else 0
    opening = last_qty - closing
    return Position(
        quantity=position.quantity + signed,
        cost_micros=position.cost_micros - released + sign(side) * opening * last_px_micros,
        realized_pnl_micros=position.realized_pnl_micros - sign(side) * closing * last_px_micros - released,
        net_cash_micros=position.net_cash_micros - signed * last_px_micros,
        fees_micros=position.fees_micros + fee_micros,
        opened_micros=position.opened_micros,
    )


def after_correction(position: Position, side: Side, correction: TradeCorrected) -> Position:
    """Return the position after a venue corrected a trade of `side`, or took it back.

    It is as if the trade were traded back at its own price and what it was corrected to were traded then.
    What the trade was charged is given back, and what it is charged now is taken.
    """
    without = after_fill(
        position, opposite(side), correction.was_qty, correction.was_px_micros, -correction.was_fee_micros
    )
    return after_fill(without, side, correction.last_qty, correction.last_px_micros, correction.fee_micros)


def after_opening(position: Position, quantity: int, cost_micros: int) -> Position:
    """Return the position when somebody says what is held, and at what cost in all: below 0 for a short one.

    What was realized, and the cash that fills moved, are what they were.
    """
    return replace(
        position,
        quantity=quantity,
        cost_micros=cost_micros,
        opened_micros=position.opened_micros + cost_micros - position.cost_micros,
    )


def after_split(position: Position, numerator: int, denominator: int, price_micros: int) -> Position:
    """Return the position when numerator shares are held for every denominator.

    What would be a part of a share is paid out at a price: it takes its part of the cost with it and realizes
    the difference, both rounded half to even to the micro. The cost of the rest is what it was.
    """
    held = abs(position.quantity) * numerator
    whole, parts = divmod(held, denominator)
    way = 1 if position.quantity > 0 else -1
    paid = way * average_micros(parts * price_micros, denominator)
    released = average_micros(position.cost_micros * parts, held) if parts else 0
    return replace(
        position,
        quantity=way * whole,
        cost_micros=position.cost_micros - released,
        realized_pnl_micros=position.realized_pnl_micros + paid - released,
        net_cash_micros=position.net_cash_micros + paid,
    )


def after_merge(position: Position, moved: Position) -> Position:
    """Return the position when one that was held under another symbol is held with it.

    All that either has adds up. Where one is long and the other short they close each other: each part that
    closes takes its share of its cost with it, rounded half to even, and the difference is realized.
    """
    closing = 0
    if position.quantity * moved.quantity < 0:
        closing = min(abs(position.quantity), abs(moved.quantity))
    released = sum(
        average_micros(one.cost_micros * closing, abs(one.quantity)) if closing else 0
        for one in (position, moved)
    )
    return Position(
        quantity=position.quantity + moved.quantity,
        cost_micros=position.cost_micros + moved.cost_micros - released,
        realized_pnl_micros=position.realized_pnl_micros + moved.realized_pnl_micros - released,
        net_cash_micros=position.net_cash_micros + moved.net_cash_micros,
        fees_micros=position.fees_micros + moved.fees_micros,
        opened_micros=position.opened_micros + moved.opened_micros,
    )


def cash_moved(side: Side, event: TradeApplied | TradeCorrected) -> int:
    """Return the micros that an execution brings its account, less its fee; below 0 for what it takes."""
    moved = -sign(side) * event.last_qty * event.last_px_micros - event.fee_micros
    if isinstance(event, TradeCorrected):
        moved += sign(side) * event.was_qty * event.was_px_micros + event.was_fee_micros
    return moved
