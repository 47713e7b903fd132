"""What an execution is charged and when its cash settles, put into the fact before it has its effect."""

from datetime import date, datetime

from msgspec.structs import replace

from oms_core.domain.desk import Desk
from oms_core.domain.executions import Effects, trade_of, traded_at
from oms_core.domain.order import Order
from oms_platform.market_rules import rules_date
from oms_platform.vocabulary import TradeApplied, TradeCorrected


def charge_trade(desk: Desk, order: Order, trade: TradeApplied) -> TradeApplied:
    """Return a trade with its fee and the date on which its cash settles."""
    day = rules_date(traded_at(trade.transact_time, trade.received_at))
    fee = _fee(desk, order, trade.venue_id, trade.last_qty, trade.last_px_micros, trade.last_liquidity, day)
    settles_on = desk.settles_on(order.terms.symbol, day).isoformat()
    return replace(trade, fee_micros=fee, settles_on=settles_on)


def charge_correction(
    desk: Desk, order: Order, effects: Effects, correction: TradeCorrected
) -> TradeCorrected:
    """Return a correction with the fee that it gives back and the one that it takes.

    By the schedule of the trade's own day, and in the cash of that day. A trade of before fees were charged
    is charged nothing.
    """
    charged = effects.charged(trade_of(correction))
    if charged is None:
        return correction
    quantity, price = correction.last_qty, correction.last_px_micros
    liquidity, day = charged.last_liquidity, rules_date(charged.traded_at)
    return replace(
        correction,
        was_fee_micros=charged.fee_micros,
        fee_micros=_fee(desk, order, correction.venue_id, quantity, price, liquidity, day),
        settles_on=charged.settles_on,
    )


def reshaped_since(desk: Desk, order: Order, effects: Effects, correction: TradeCorrected) -> datetime | None:
    """Return when what a corrected trade was of was made into other shares after it; None where it was not.

    A share of then is another than one of now, so that the trade cannot be traded back.
    """
    reshaped = desk.reshaped.get((order.terms.account_id, order.terms.symbol))
    charged = effects.charged(trade_of(correction))
    if reshaped is not None and (charged is None or charged.traded_at <= reshaped):
        return reshaped
    return None


def _fee(
    desk: Desk, order: Order, venue_id: str, quantity: int, price: int, last_liquidity: int, day: date
) -> int:
    return desk.fees.fee(
        account_id=order.terms.account_id,
        venue_id=venue_id,
        side=order.terms.side,
        quantity=quantity,
        price_micros=price,
        last_liquidity=last_liquidity,
        day=day,
    )
