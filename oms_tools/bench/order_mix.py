"""The orders of the load: 70 % limit, 30 % market, over the demo's accounts and symbols, seeded.

A part of them may be of every other kind.
"""

import random
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, Final

import msgspec

from oms_platform.clock import Clock, utc_now
from oms_platform.messages import Quote
from oms_platform.schema.demo_data import HEDGE_FUNDS, INSTITUTIONS, INSTRUMENTS, RETAIL
from oms_tools.bench.order_kinds import KINDS

LIMIT_SHARE: Final = 0.7
# Of the limit orders, how many are priced to wait in a book.
PASSIVE_SHARE: Final = 0.15
# After its acknowledgement, when an order that waits is canceled or replaced.
CHANGE_AFTER_S: Final = (0.2, 1.0)
PROBE_QUANTITY: Final = 10
ACCOUNTS: Final = (*INSTITUTIONS, *HEDGE_FUNDS, *RETAIL)
_SIDES: Final = ("BUY", "SELL")
_TICK: Final = Decimal("0.01")
_THROUGH: Final = Decimal("0.0010")
_AWAY: Final = Decimal("0.0010")
_SHARES: Final = ("cancels", "replaces", "waits", "kinds")


class MixSpecError(ValueError):
    """A mix cannot be read, or asks for what is not there; the message says what was found."""


class MixSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of orders that wait in a book.

    cancels, replaces: the shares of them that are canceled, and that are replaced: half of these by a price
    that trades at once, the others by more or fewer shares. waits: of the limit orders, how many wait. kinds:
    of all orders, how many are of another kind than a plain limit or market order (`order_kinds`).
    """

    cancels: float = 0.0
    replaces: float = 0.0
    waits: float = PASSIVE_SHARE
    kinds: float = 0.0


def read_mix(text: str) -> MixSpec:
    """Read `cancels=0.1,replaces=0.1`, or a share alone, which is that of cancels. Raises MixSpecError."""
    shares: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = part.rpartition("=")
        name = name.strip() if equals else "cancels"
        if name not in _SHARES:
            raise MixSpecError(f"expected one of {', '.join(_SHARES)} with a share, found {part!r}")
        if name in shares:
            raise MixSpecError(f"{name} is given twice")
        shares[name] = _share(name, value)
    if not shares:
        raise MixSpecError("expected a mix such as cancels=0.1, found nothing")
    spec = MixSpec(**shares)
    if spec.cancels + spec.replaces > 1:
        raise MixSpecError(
            f"cancels and replaces are 1 at most together, were {spec.cancels + spec.replaces:g}"
        )
    return spec


def _share(name: str, text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise MixSpecError(f"{name} must be a share from 0 to 1, was {text.strip()!r}")
    return share


class PlannedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One order to send. marketable: priced to trade at once, so its time to fill tells of the platform.

    cancel_after_s, replace_after_s: it is to be canceled, or replaced, so long after its acknowledgement, if
    it is still open.
    """

    client_order_id: str
    body: dict[str, Any]
    marketable: bool
    cancel_after_s: float | None = None
    replace_after_s: float | None = None


class OrderMix:
    """Makes orders around the live quote. The same seed and quotes make the same orders, changed or not.

    Until when one is good or worked is counted from when it is made.
    """

    def __init__(
        self,
        seed: int,
        run: str,
        quote: Callable[[str], Quote | None],
        spec: MixSpec | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self._random = random.Random(seed)  # noqa: S311
        # A generator of its own: which orders are changed does not change the orders.
        self._changes = random.Random(seed + 1)  # noqa: S311
        self._spec = spec or MixSpec()
        # Another one: nor does it that some are of other kinds.
        self._kinds = random.Random(seed + 2)  # noqa: S311
        self._run = run
        self._quote = quote
        self._clock = clock
        self._count = 0
        self._probes = 0
        self._prices: dict[tuple[str, str, bool], tuple[Quote | None, str]] = {}

    def next_order(self) -> PlannedOrder:
        """Return the next order."""
        draw = self._random
        self._count += 1
        account = draw.choice(ACCOUNTS)
        symbol, _, reference = draw.choice(INSTRUMENTS)
        side = draw.choice(_SIDES)
        body: dict[str, Any] = {
            "clientOrderId": f"{self._run}-{self._count}",
            "accountId": account,
            "symbol": symbol,
            "side": side,
            "quantity": draw.randint(1, 10) * (10 if account in RETAIL else 50),
            "orderType": "MARKET",
            "timeInForce": "DAY",
        }
        limit, passive = draw.random() < LIMIT_SHARE, draw.random() < self._spec.waits
        if limit:
            body["orderType"] = "LIMIT"
            body["limitPrice"] = self._price(symbol, side, passive, reference)
        waits = limit and passive
        if self._kinds.random() < self._spec.kinds:
            body |= self._other(body, reference, self._clock())
            waits = True
        cancel_after_s = replace_after_s = None
        if waits:
            drawn, spec = self._changes.random(), self._spec
            if drawn < spec.cancels:
                cancel_after_s = self._changes.uniform(*CHANGE_AFTER_S)
            elif drawn < spec.cancels + spec.replaces:
                replace_after_s = self._changes.uniform(*CHANGE_AFTER_S)
        return PlannedOrder(
            client_order_id=body["clientOrderId"],
            body=body,
            marketable=not waits,
            cancel_after_s=cancel_after_s,
            replace_after_s=replace_after_s,
        )

    def change_of(self, order: PlannedOrder) -> dict[str, Any]:
        """Return what an order that waits is to become: its body of a PATCH."""
        body = order.body
        if self._changes.random() < 0.5 and body.get("limitPrice") is not None and not body.get("postOnly"):
            reference = next(price for symbol, _, price in INSTRUMENTS if symbol == body["symbol"])
            return {"limitPrice": self._price(body["symbol"], body["side"], False, reference)}
        more = self._changes.random() < 0.5
        return {"quantity": body["quantity"] * 2 if more else max(1, body["quantity"] // 2)}

    def _other(self, body: dict[str, Any], reference: str, now: datetime) -> dict[str, Any]:
        """Return what makes of an order one of another kind."""
        draw = self._kinds
        kind = draw.choice(list(KINDS))
        side = "SELL" if kind == "SHORT" else body["side"]
        made = KINDS[kind](draw, partial(self._price, body["symbol"], side, reference=reference), now)
        if made["orderType"] != "LIMIT" and "limitPrice" not in made:
            body.pop("limitPrice", None)
        return made

    def next_probe(self) -> PlannedOrder:
        """Return a small market order, whose times say how the platform is."""
        self._probes += 1
        name = f"{self._run}-probe-{self._probes}"
        body = {
            "clientOrderId": name,
            "accountId": ACCOUNTS[self._probes % len(ACCOUNTS)],
            "symbol": INSTRUMENTS[self._probes % len(INSTRUMENTS)][0],
            "side": _SIDES[self._probes % 2],
            "quantity": PROBE_QUANTITY,
            "orderType": "MARKET",
            "timeInForce": "DAY",
        }
        return PlannedOrder(client_order_id=name, body=body, marketable=True)

    def _price(self, symbol: str, side: str, passive: bool, reference: str) -> str:
        quote = self._quote(symbol)
        priced = self._prices.get((symbol, side, passive))
        if priced is None or priced[0] is not quote:
            priced = quote, str(_limit_price(quote, side, passive, Decimal(reference)))
            self._prices[symbol, side, passive] = priced
        return priced[1]


def _limit_price(quote: Quote | None, side: str, passive: bool, reference: Decimal) -> Decimal:
    bid = (quote.national_best_bid if quote is not None else None) or reference
    offer = (quote.national_best_offer if quote is not None else None) or reference
    if passive:
        price = bid * (1 - _AWAY) if side == "BUY" else offer * (1 + _AWAY)
    else:
        price = offer * (1 + _THROUGH) if side == "BUY" else bid * (1 - _THROUGH)
    return (price / _TICK).to_integral_value() * _TICK
