"""What dark venues have, learned from censored fills, and how to spread an order over them.

Ganchev, Kearns, Nevmyvaka and Wortman Vaughan, "Censored Exploration and the Dark Pool Problem" (UAI 2009): a
pool that filled everything that it was sent has shown only that at least so much was there. The tail
P(at least s units) is the product of Kaplan and Meier over the levels below s, and each next unit goes to the
venue where one more unit is most likely.

The law of this file: counts are whole numbers. A level that was seen little counts with a small chance of
ending, so that sizes beyond what was tried are tried.
"""

import heapq
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sor_engine.domain.market import PPM, DarkBelief

UNIT: Final = 100
LEVELS_MAX: Final = 200
# One observation counts so much, so that halving forgets it gradually.
_ONE: Final = 1_024
# When the observations count for more than this many, all are halved.
OBSERVATIONS_MAX: Final = 2_000
# Before anything is seen, a level ends the pool's size with this chance, with the weight of two observations.
_PRIOR_END_PPM: Final = 200_000
_PRIOR_WEIGHT: Final = 2 * _ONE
# An order is spread in at most so many steps.
STEPS_MAX: Final = 200


class Censored:
    """One dark venue's observations, by size in units.

    ended[k]: times that exactly k units were there. reached[k]: times that k units were filled and no more
    were asked for.
    """

    def __init__(self, unit: int = UNIT) -> None:
        self.unit = unit
        self._ended: list[int] = []
        self._reached: list[int] = []
        self._total = 0
        self._belief: DarkBelief | None = None

    def observe(self, sent: int, filled: int) -> None:
        """Count an order of `sent` shares of which `filled` were filled."""
        if sent <= 0:
            return
        level = min(filled // self.unit, LEVELS_MAX)
        while len(self._ended) <= level:
            self._ended.append(0)
            self._reached.append(0)
        (self._reached if filled >= sent else self._ended)[level] += _ONE
        self._total += _ONE
        self._belief = None
        if self._total > OBSERVATIONS_MAX * _ONE:
            self.halve()

    def halve(self) -> None:
        """Let everything that was observed count half."""
        self._ended = [count // 2 for count in self._ended]
        self._reached = [count // 2 for count in self._reached]
        self._total = sum(self._ended) + sum(self._reached)
        self._belief = None

    def belief(self) -> DarkBelief:
        """Return what the observations say, one level further than anything was seen."""
        if self._belief is None:
            self._belief = DarkBelief(unit=self.unit, tail_ppm=self._tail())
        return self._belief

    def _tail(self) -> tuple[int, ...]:
        # At level k are all that reached it: they ended at k or above, or were censored above k.
        at_level = sum(self._ended) + sum(self._reached)
        tail: list[int] = []
        survival = PPM
        for ended, reached in zip((*self._ended, 0), (*self._reached, 0), strict=True):
            at_level -= reached
            total = at_level + _PRIOR_WEIGHT
            over = ended * PPM + _PRIOR_WEIGHT * _PRIOR_END_PPM
            survival = survival * (total * PPM - over) // (total * PPM)
            tail.append(survival)
            at_level -= ended
        return tuple(tail)

    def to_state(self) -> dict[str, Any]:
        """Return everything that is kept, as JSON values."""
        return {"unit": self.unit, "ended": list(self._ended), "reached": list(self._reached)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Censored":
        """Take observations back from `to_state`."""
        kept = cls(int(state.get("unit", UNIT)))
        kept._ended = [int(count) for count in state.get("ended", ())]
        kept._reached = [int(count) for count in state.get("reached", ())]
        kept._total = sum(kept._ended) + sum(kept._reached)
        return kept


def chance_ppm(belief: DarkBelief, shares: int) -> int:
    """Return the chance of `shares` or more; beyond what was seen each further unit is half as likely."""
    level = -(-shares // belief.unit) - 1
    tail = belief.tail_ppm
    if level < len(tail):
        return tail[max(0, level)]
    beyond = level - len(tail) + 1
    return (tail[-1] if tail else PPM) >> min(beyond, 63)


Pool = tuple[str, DarkBelief, int, int]


def allocate(quantity: int, pools: Sequence[Pool], seed: int) -> dict[str, int]:
    """Spread shares greedily: each next step goes where it is most likely to be filled.

    pools: (venue_id, belief, lot size, minimum size). Among equals the seed says who comes first. Returns
    shares by venue; what fits no lot or minimum is in none.
    """
    shares = {venue_id: 0 for venue_id, _, _, _ in pools}
    waiting: list[tuple[int, int, int]] = []
    count = len(pools)
    left = quantity
    for place in range(count):
        _offer(waiting, pools, shares, place, left, (place + seed) % count)
    while waiting and left:
        _, order, place = heapq.heappop(waiting)
        venue_id, belief, lot, minimum = pools[place]
        step = _step(belief, lot, minimum, shares[venue_id], left, quantity)
        if not step:
            continue
        shares[venue_id] += step
        left -= step
        _offer(waiting, pools, shares, place, left, order)
    return {venue_id: size for venue_id, size in shares.items() if size}


def _step(belief: DarkBelief, lot: int, minimum: int, held: int, left: int, quantity: int) -> int:
    """Return the next shares for a pool: a unit or more, in its lot, the first at least its minimum; or 0."""
    wanted = max(belief.unit, quantity // STEPS_MAX)
    if held + wanted < minimum:
        wanted = minimum - held
    rounded = -(-(held + wanted) // lot) * lot - held
    if rounded <= left:
        return rounded
    least = left - (held + left) % lot
    return least if least > 0 and held + least >= minimum else 0


def _offer(
    waiting: list[tuple[int, int, int]],
    pools: Sequence[Pool],
    shares: dict[str, int],
    place: int,
    left: int,
    order: int,
) -> None:
    venue_id, belief, lot, minimum = pools[place]
    step = _step(belief, lot, minimum, shares[venue_id], left, left)
    if step:
        heapq.heappush(waiting, (-chance_ppm(belief, shares[venue_id] + step), order, place))
