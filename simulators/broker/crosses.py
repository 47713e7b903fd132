"""A cross: all that is there trades at one price, that at which the most shares trade.

Of several such prices it is that which leaves the fewest shares of its limit untraded on one side, then the
nearest to the reference, then the lowest. Who is served first: no limit, better limit, displayed, came first.
Pure.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from simulators.broker.book_order import BookOrder


class Interest(NamedTuple):
    """What one would trade in a cross. limit_micros: None for any. order: None for simulated liquidity."""

    is_buy: bool
    limit_micros: int | None
    quantity: int
    order: BookOrder | None = None


class Cross(NamedTuple):
    """A cross's price in millionths, its shares, and what of them is whose, both sides."""

    price_micros: int
    quantity: int
    shares: tuple[tuple[Interest, int], ...]


class _Side:
    """The shares of one side by limit."""

    def __init__(self, interests: Sequence[Interest], *, is_buy: bool) -> None:
        mine = [one for one in interests if one.is_buy == is_buy and one.quantity > 0]
        limited = sorted((one.limit_micros, one.quantity) for one in mine if one.limit_micros is not None)
        self._is_buy = is_buy
        self._any_price = sum(one.quantity for one in mine if one.limit_micros is None)
        self.limits = [limit for limit, _ in limited]
        self._sums = [0, *accumulate(quantity for _, quantity in limited)]

    def at(self, price_micros: int) -> int:
        """Return how many shares would trade at a price."""
        if self._is_buy:
            below = self._sums[bisect_left(self.limits, price_micros)]
            return self._any_price + self._sums[-1] - below
        return self._any_price + self._sums[bisect_right(self.limits, price_micros)]


def cross(interests: Sequence[Interest], *, reference_micros: int | None, tick_micros: int) -> Cross | None:
    """Return the cross of what is there, None when nothing trades."""
    buys, sells = _Side(interests, is_buy=True), _Side(interests, is_buy=False)
    best: tuple[int, int, int, int] | None = None
    for price in _candidates({*buys.limits, *sells.limits}, reference_micros, tick_micros):
        wanted, offered = buys.at(price), sells.at(price)
        distance = 0 if reference_micros is None else abs(price - reference_micros)
        rank = (-min(wanted, offered), abs(wanted - offered), distance, price)
        if best is None or rank < best:
            best = rank
    if best is None or not best[0]:
        return None
    quantity, price = -best[0], best[3]
    shares = [
        share for is_buy in (True, False) for share in _served(interests, price, quantity, is_buy=is_buy)
    ]
    return Cross(price, quantity, tuple(shares))


def _candidates(limits: set[int], reference_micros: int | None, tick_micros: int) -> list[int]:
    """Return the prices of which one is the best: between two limits nothing changes from tick to tick.

    So the limits, the ticks beside them and those beside the reference are all that there is to look at.
    """
    prices = {limit + step for limit in limits for step in (-tick_micros, 0, tick_micros)}
    if reference_micros is not None:
        below = reference_micros // tick_micros * tick_micros
        prices |= {below, below + tick_micros}
    return sorted(price for price in prices if price > 0)


def _served(
    interests: Sequence[Interest], price: int, quantity: int, *, is_buy: bool
) -> list[tuple[Interest, int]]:
    """Share the cross's shares out on one side, first come first served at one limit."""
    eligible = [
        one
        for one in interests
        if one.is_buy == is_buy
        and (one.limit_micros is None or (one.limit_micros >= price if is_buy else one.limit_micros <= price))
    ]
    shares = []
    for one in sorted(eligible, key=_priority):
        served = min(quantity, one.quantity)
        if not served:
            continue
        shares.append((one, served))
        quantity -= served
    return shares


def _priority(one: Interest) -> tuple[bool, int, bool, int]:
    limit = 0 if one.limit_micros is None else one.limit_micros
    order = one.order
    return (
        one.limit_micros is not None,
        -limit if one.is_buy else limit,
        order is not None and not order.is_displayed,
        -1 if order is None else order.arrival,
    )
