"""The orders of the load: 70 % limit, 30 % market, over the demo's accounts and symbols, seeded."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from oms_platform.messages import Quote
from oms_platform.schema.demo_data import HEDGE_FUNDS, INSTITUTIONS, INSTRUMENTS, RETAIL

LIMIT_SHARE: Final = 0.7
# Of the limit orders, how many are priced to wait in a book.
PASSIVE_SHARE: Final = 0.15
_TICK: Final = Decimal("0.01")
_THROUGH: Final = Decimal("0.0010")
_AWAY: Final = Decimal("0.0010")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedOrder:
    """One order to send. marketable: priced to trade at once, so its time to fill tells of the platform."""

    client_order_id: str
    body: dict[str, Any]
    marketable: bool


class OrderMix:
    """Makes orders around the live quote. The same seed and quotes make the same orders."""

    def __init__(self, seed: int, run: str, quote: Callable[[str], Quote | None]) -> None:
        self._random = random.Random(seed)  # noqa: S311
        self._run = run
        self._quote = quote
        self._count = 0

    def next_order(self) -> PlannedOrder:
        """Return the next order."""
        draw = self._random
        self._count += 1
        account = draw.choice((*INSTITUTIONS, *HEDGE_FUNDS, *RETAIL))
        symbol, _, reference = draw.choice(INSTRUMENTS)
        side = draw.choice(("BUY", "SELL"))
        body: dict[str, Any] = {
            "clientOrderId": f"{self._run}-{self._count}",
            "accountId": account,
            "symbol": symbol,
            "side": side,
            "quantity": draw.randint(1, 10) * (10 if account in RETAIL else 50),
            "orderType": "MARKET",
            "timeInForce": "DAY",
        }
        limit, passive = draw.random() < LIMIT_SHARE, draw.random() < PASSIVE_SHARE
        if limit:
            body |= {
                "orderType": "LIMIT",
                "limitPrice": str(self._price(symbol, side, passive, Decimal(reference))),
            }
        return PlannedOrder(
            client_order_id=body["clientOrderId"], body=body, marketable=not (limit and passive)
        )

    def _price(self, symbol: str, side: str, passive: bool, reference: Decimal) -> Decimal:
        quote = self._quote(symbol)
        bid = (quote.national_best_bid if quote is not None else None) or reference
        offer = (quote.national_best_offer if quote is not None else None) or reference
        if passive:
            price = bid * (1 - _AWAY) if side == "BUY" else offer * (1 + _AWAY)
        else:
            price = offer * (1 + _THROUGH) if side == "BUY" else bid * (1 - _THROUGH)
        return (price / _TICK).to_integral_value() * _TICK
