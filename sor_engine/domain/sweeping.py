"""How much to take from each of several displayed books: the most shares, then the least money.

The law of this file: no trade-through. A plan takes a price only while no whole block that would still fit is
left at a better price elsewhere; a block is a venue's lot or, where nothing is taken there yet, its minimum
size.

With one lot size (and minimums no larger) taking the best price first and at one price the lowest fee is
exact. Mixed lots and larger minimums make it a knapsack: small ones are searched through, larger ones are
taken greedily, best price first.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

SEARCH_PLANS_MAX: Final = 20_000
Level = tuple[int, int]


class Offer(NamedTuple):
    """What one venue displays within the limit.

    levels: (price in micros, shares), best first. fee: micros.
    """

    levels: tuple[Level, ...]
    fee: int
    lot: int = 1
    minimum: int = 1

    @property
    def block(self) -> int:
        """The smallest order that the venue takes."""
        return max(self.lot, -(-self.minimum // self.lot) * self.lot)

    @property
    def displayed(self) -> int:
        """All shares within the limit."""
        return sum([size for _, size in self.levels])


def allocate(wanted: int, offers: Sequence[Offer], *, buy: bool) -> list[int]:
    """Return how many shares to take from each offer. Earlier offers go first where all else is equal."""
    lots = {offer.lot for offer in offers}
    if all(offer.block == offer.lot for offer in offers) and len(lots) <= 1:
        return _by_price(wanted, offers, buy=buy, lot=lots.pop() if lots else 1)
    choices = [list(_choices(wanted, offer)) for offer in offers]
    plans = 1
    for choice in choices:
        plans *= len(choice)
    if plans <= SEARCH_PLANS_MAX:
        return _search(wanted, offers, choices, buy=buy)
    return _by_block(wanted, offers, buy=buy)


def cost_of(quantity: int, offer: Offer, *, buy: bool) -> int:
    """Return the micros that taking `quantity` costs, fees included; proceeds of a sale are negative."""
    cost, left = quantity * offer.fee, quantity
    for price, size in offer.levels:
        taken = min(left, size)
        cost += taken * price if buy else -taken * price
        left -= taken
        if not left:
            break
    return cost


def _by_price(wanted: int, offers: Sequence[Offer], *, buy: bool, lot: int) -> list[int]:
    """Take whole lots by the worst price in each, then by what they cost."""
    result = [0] * len(offers)
    if lot == 1:
        pieces = [
            (price if buy else -price, offer.fee, place, size)
            for place, offer in enumerate(offers)
            for price, size in offer.levels
        ]
    else:
        pieces = [piece for place, offer in enumerate(offers) for piece in _lots(place, offer, lot, buy=buy)]
    pieces.sort()
    left = wanted - wanted % lot
    for _, _, place, size in pieces:
        taken = min(left, size)
        result[place] += taken
        left -= taken
        if not left:
            break
    return result


def _lots(place: int, offer: Offer, lot: int, *, buy: bool) -> Iterator[tuple[int, int, int, int]]:
    """Cut a book into lots: (worst price in order of quality, cost, place, shares)."""
    sign = 1 if buy else -1
    filled = cost = 0
    for price, size in offer.levels:
        left = size
        if filled:
            taken = min(left, lot - filled)
            filled, cost, left = filled + taken, cost + taken * price, left - taken
            if filled < lot:
                continue
            yield sign * price, sign * cost + lot * offer.fee, place, lot
            filled = cost = 0
        whole = left - left % lot
        if whole:
            # Every lot of the level costs the same; one piece holds them all.
            yield sign * price, sign * lot * price + lot * offer.fee, place, whole
        filled, cost = left - whole, (left - whole) * price


def _choices(wanted: int, offer: Offer) -> range | list[int]:
    most = min(wanted, offer.displayed)
    return [0, *range(offer.block, most + 1, offer.lot)]


def _search(wanted: int, offers: Sequence[Offer], choices: list[list[int]], *, buy: bool) -> list[int]:
    best: tuple[int, int, int] | None = None
    result = [0] * len(offers)
    for number, plan in enumerate(itertools.product(*choices)):
        filled = sum(plan)
        if filled > wanted or (best is not None and -filled > best[0]):
            continue
        cost = sum([cost_of(taken, offer, buy=buy) for taken, offer in zip(plan, offers, strict=True)])
        rank = (-filled, cost, -number)
        if (best is None or rank < best) and not trades_through(wanted, offers, plan, buy=buy):
            best, result = rank, list(plan)
    return result


def trades_through(wanted: int, offers: Sequence[Offer], plan: Sequence[int], *, buy: bool) -> bool:
    """Return whether a plan takes a price although a block that fits is left at a better one."""
    sign = 1 if buy else -1
    taken: dict[int, int] = {}
    for quantity, offer in zip(plan, offers, strict=True):
        left = quantity
        for price, size in offer.levels:
            part = min(left, size)
            if part:
                taken[sign * price] = taken.get(sign * price, 0) + part
            left -= part
    if not taken:
        return False
    worst = max(taken)
    for bound in {sign * price for offer in offers for price, _ in offer.levels if sign * price < worst}:
        within = sum([shares for price, shares in taken.items() if price <= bound])
        for quantity, offer in zip(plan, offers, strict=True):
            block = offer.lot if quantity else offer.block
            displayed = sum([size for price, size in offer.levels if sign * price <= bound])
            if quantity + block <= displayed and within + block <= wanted:
                return True
    return False


def _by_block(wanted: int, offers: Sequence[Offer], *, buy: bool) -> list[int]:
    """Take blocks greedily: best price first, at one price the lowest fee."""
    result = [0] * len(offers)
    order = sorted(range(len(offers)), key=lambda place: offers[place].fee)
    left = wanted
    for bound in sorted({price for offer in offers for price, _ in offer.levels}, reverse=not buy):
        for place in order:
            offer = offers[place]
            displayed = sum(
                [size for price, size in offer.levels if (price <= bound if buy else price >= bound)]
            )
            more = min(displayed - result[place], left)
            more -= more % offer.lot
            if more and result[place] + more >= offer.minimum:
                result[place] += more
                left -= more
    return result
