"""How much to take from each of several displayed books: the most shares, then the least money.

The law of this file: no trade-through. A plan takes a price only while no whole block that would still fit is
left at a better price elsewhere; a block is a venue's lot or, where nothing is taken there yet, its minimum
size. And it takes a price only if every venue's protected quote that is better is taken in full (SEC Rule
600(b): so much an intermarket sweep owes them): what a venue displays first, in orders that it takes.

With one lot size (and minimums no larger) taking the best price first and at one price the lowest fee is
exact. Mixed lots and larger minimums make it a knapsack: small ones are searched through, larger ones are
taken greedily, best price first.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

SEARCH_PLANS_MAX: Final = 2_500
Level = tuple[int, int]
Plan = tuple[int, ...]


def protected_quote(levels: Sequence[Level], lot: int, minimum: int) -> Level | None:
    """Return the best price of a displayed side, and the shares there that orders of the venue may take.

    levels: (price in micros, shares), best first. What is less than a lot or the minimum counts with the next
    level; None when all of it is less.
    """
    shown = 0
    for price, size in levels:
        shown += size
        whole = shown - shown % lot
        if whole and whole >= minimum:
            return price, whole
    return None


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
    plans = _plans(wanted, offers)
    if plans is None:
        return _by_block(wanted, offers, buy=buy)
    return _search(wanted, offers, plans, buy=buy)


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


def _lawful(quantity: int, offer: Offer) -> int:
    """Return the most of `quantity` that the venue takes as one order."""
    whole = quantity - quantity % offer.lot
    return whole if whole >= offer.minimum else 0


def _plans(wanted: int, offers: Sequence[Offer]) -> list[tuple[Plan, int]] | None:
    """Return every plan within the quantity with its shares; None for more than can be searched in time."""
    plans: list[tuple[Plan, int]] = [((), 0)]
    for offer in offers:
        longer: list[tuple[Plan, int]] = []
        for plan, taken in plans:
            most = min(wanted - taken, offer.displayed)
            longer.append(((*plan, 0), taken))
            longer += [((*plan, more), taken + more) for more in range(offer.block, most + 1, offer.lot)]
            if len(longer) > SEARCH_PLANS_MAX:
                return None
        plans = longer
    return plans


def _search(wanted: int, offers: Sequence[Offer], plans: list[tuple[Plan, int]], *, buy: bool) -> list[int]:
    """Return the first plan, by most shares and least money, that trades nothing through."""
    costs = [
        {quantity: cost_of(quantity, offer, buy=buy) for quantity in {plan[place] for plan, _ in plans}}
        for place, offer in enumerate(offers)
    ]
    ranked = sorted(
        [
            (-taken, sum([cost[quantity] for cost, quantity in zip(costs, plan, strict=True)]), -number)
            for number, (plan, taken) in enumerate(plans)
        ]
    )
    for _, _, number in ranked:
        plan = plans[-number][0]
        if not trades_through(wanted, offers, plan, buy=buy):
            return list(plan)
    return [0] * len(offers)


def trades_through(wanted: int, offers: Sequence[Offer], plan: Sequence[int], *, buy: bool) -> bool:
    """Return whether a plan takes a price although a block, or a protected quote, is left at a better one.

    What reaches beyond that price is given up in quantities that the venue takes: a lot is as good as its
    worst share.
    """
    sign = 1 if buy else -1
    worst = _worst(offers, plan, sign)
    if worst is None:
        return False
    for own, offer in zip(plan, offers, strict=True):
        best = protected_quote(offer.levels, offer.lot, offer.minimum)
        if best is not None and sign * best[0] < worst and own < best[1]:
            return True
    for bound in {sign * price for offer in offers for price, _ in offer.levels if sign * price < worst}:
        displayed = [sum([size for price, size in offer.levels if sign * price <= bound]) for offer in offers]
        within = sum(
            [
                _lawful(min(own, shown), offer)
                for own, shown, offer in zip(plan, displayed, offers, strict=True)
            ]
        )
        for own, shown, offer in zip(plan, displayed, offers, strict=True):
            block = offer.lot if own else offer.block
            if own + block <= shown and within + block <= wanted:
                return True
    return False


def _worst(offers: Sequence[Offer], plan: Sequence[int], sign: int) -> int | None:
    """Return the worst price that a plan takes, signed so that less is better; None when it takes nothing."""
    worst: int | None = None
    for quantity, offer in zip(plan, offers, strict=True):
        left = quantity
        for price, size in offer.levels:
            if left <= 0:
                break
            left -= size
            worst = sign * price if worst is None else max(worst, sign * price)
    return worst


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
