"""The cheapest way to take displayed shares, found by trying every way: what *sweep* is held against.

The law of this file: it is written from the rule, not from the strategy, and shares no code with it. Prices
and fees are whole micros, quantities whole shares.

The rule. Of all plans in which every venue gets 0 or a multiple of its lot that is at least its minimum,
takes its own best levels first, and nothing beyond its displayed size or the limit, choose among those that
trade nothing through: first the most shares, then the least money, fees included. A plan trades through when
it takes a share worse than some price although at that price or better, at one venue, the smallest lawful
addition is displayed and untaken, and the order has room for it once what reaches beyond that price is given
up. What is given up is lawful quantities as well: a lot is as good as its worst share. It trades through as
well when it takes a share worse than the quote that a venue displays first and not all of that quote's
shares, as far as the venue has them in lawful quantities: a sweep owes a protected quote its full size.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple


class SmallVenue(NamedTuple):
    """What a venue displays, best level first: (price in micros, shares). fee: micros a share to take."""

    levels: tuple[tuple[int, int], ...]
    fee: int
    lot: int = 1
    minimum: int = 1


class Best(NamedTuple):
    """The best plan's shares and micros; a sale's proceeds are negative. plans: how many were lawful."""

    filled: int
    cost: int
    plans: int


def brute_force(wanted: int, venues: Sequence[SmallVenue], *, buy: bool, limit: int | None = None) -> Best:
    """Return the best of all lawful plans for up to `wanted` shares within a limit in micros."""
    sign = 1 if buy else -1
    shelves = [_shelf(venue, sign, limit) for venue in venues]
    best, plans = (0, 0), 0
    for plan in _plans(wanted, venues, shelves):
        if _trades_through(wanted, plan, venues, shelves):
            continue
        plans += 1
        cost = sum(
            sum(shelf[:quantity]) + quantity * venue.fee
            for quantity, venue, shelf in zip(plan, venues, shelves, strict=True)
        )
        best = min(best, (-sum(plan), cost))
    return Best(-best[0], best[1], plans)


def _shelf(venue: SmallVenue, sign: int, limit: int | None) -> list[int]:
    """Return the price of every single share that may be taken, best first; signed, so that lower is
    better."""
    return [
        sign * price
        for price, size in venue.levels
        for _ in range(size)
        if limit is None or sign * price <= sign * limit
    ]


def _plans(
    wanted: int, venues: Sequence[SmallVenue], shelves: Sequence[list[int]]
) -> Iterator[tuple[int, ...]]:
    if not venues:
        yield ()
        return
    venue, most = venues[0], min(wanted, len(shelves[0]))
    for quantity in range(most + 1):
        if quantity and (quantity % venue.lot or quantity < venue.minimum):
            continue
        for rest in _plans(wanted - quantity, venues[1:], shelves[1:]):
            yield (quantity, *rest)


def _trades_through(
    wanted: int, plan: Sequence[int], venues: Sequence[SmallVenue], shelves: Sequence[list[int]]
) -> bool:
    taken = [shelf[quantity - 1] for quantity, shelf in zip(plan, shelves, strict=True) if quantity]
    if not taken:
        return False
    worst = max(taken)
    for quantity, venue, shelf in zip(plan, venues, shelves, strict=True):
        first = next((price for n, price in enumerate(shelf, 1) if _lawful(n, venue) == n), None)
        owed = sum(1 for price in shelf if first is not None and price <= first)
        if first is not None and first < worst and quantity < _lawful(owed, venue):
            return True
    for price in {price for shelf in shelves for price in shelf if price < worst}:
        within = [sum(1 for other in shelf if other <= price) for shelf in shelves]
        keeps = sum(
            _lawful(min(quantity, shown), venue)
            for quantity, shown, venue in zip(plan, within, venues, strict=True)
        )
        for quantity, shown, venue in zip(plan, within, venues, strict=True):
            more = range(quantity + 1, shown + 1)
            addition = next((total - quantity for total in more if _lawful(total, venue) == total), None)
            if addition is not None and keeps + addition <= wanted:
                return True
    return False


def _lawful(quantity: int, venue: SmallVenue) -> int:
    """Return the most shares up to `quantity` that the venue would have as one order."""
    return max((some for some in range(0, quantity + 1, venue.lot) if some >= venue.minimum), default=0)
