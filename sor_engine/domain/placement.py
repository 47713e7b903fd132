"""How much to take now and how much to rest in which queue, at the least expected cost.

Cont and Kukanov, "Optimal order placement in limit order markets" (arXiv 1210.1625). M shares cross the
spread, L_k rest behind Q_k shares in queue k, of which xi_k leave within the horizon, and of ours fill_k =
min(L_k, max(0, xi_k - Q_k)) are filled. With A = M + sum_k fill_k one outcome costs

    (h + f) M - sum_k (h + r_k) fill_k + theta (M + sum_k L_k + max(0, S - A))
        + lambda_u max(0, S - A) + lambda_o max(0, A - S):

impact is paid on what is sent, and again on what is not filled and has to be sent later.

The law of this file: M + sum_k L_k = S. The paper lets the limit orders together exceed S and pays lambda_o
for what is filled too much; an order of ours may never have more at its venues than it has left, so nothing
can be. Then lambda_o and the impact of what is sent drop out of the choice, a share that is missed costs
lambda_u + theta, the cost is a sum over the queues of convex functions, and giving each next lot to the
queue where it is worth most is exact. Costs are whole micros,
sizes whole lots.

A queue where a fill costs more than none (h + r + lambda_u + theta <= 0) is not used: it could only be hoped
that nothing happens there, and the cost would no longer be convex.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Micros a share: h, half the spread; f, the fee to take; lambda_u, a share not filled; theta, impact."""

    half_spread: int
    take_fee: int
    underfill: int
    impact: int = 0

    @property
    def missed(self) -> int:
        """What a share costs that is not filled: the penalty, and the impact of sending it again."""
        return self.underfill + self.impact


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """One venue's queue: rebate in micros a share, shares ahead, samples of the shares that leave it."""

    rebate: int
    ahead: int
    outflows: tuple[int, ...]


class Placement(NamedTuple):
    """Shares to take now, shares to rest in each queue, and the mean cost in micros, rounded down."""

    market: int
    limits: tuple[int, ...]
    expected_cost_micros: int


class _Piece(NamedTuple):
    """Lots of a queue that are worth the same: the sum over the samples, in micros a lot."""

    worth: int
    place: int
    lots: int


def place(target: int, lot: int, costs: Costs, queues: Sequence[Queue]) -> Placement:
    """Return the placement of `target` shares, in lots, that costs least on the mean of the samples.

    Every queue must have samples, and as many as the others. A target that is no multiple of the lot leaves
    the odd shares out. Lots that are worth the same are shared evenly, earlier queues first. Raises
    ValueError.
    """
    counts = {len(queue.outflows) for queue in queues}
    if queues and (len(counts) != 1 or 0 in counts):
        raise ValueError(f"every queue must have the same samples, found {sorted(counts)}")
    samples = counts.pop() if queues else 1
    left = target // lot
    limits = [0] * len(queues)
    crossing = (costs.missed - costs.half_spread - costs.take_fee) * lot * samples
    pieces = [
        piece
        for number, queue in enumerate(queues)
        for piece in _pieces(number, queue, left, lot, costs)
        if piece.worth > crossing
    ]
    pieces.sort(key=lambda piece: (-piece.worth, piece.place))
    for _, equals in groupby(pieces, key=lambda piece: piece.worth):
        if not left:
            break
        left -= _share(left, list(equals), limits, lot)
    market = left * lot
    return Placement(market, tuple(limits), _cost(market, limits, costs, queues, samples) // samples)


def _pieces(number: int, queue: Queue, lots: int, lot: int, costs: Costs) -> Iterator[_Piece]:
    """Cut a queue into pieces of equal worth: a share is worth its gain in every sample that reaches it."""
    gain = costs.half_spread + queue.rebate + costs.missed
    if gain <= 0:
        return
    reach = sorted([max(0, outflow - queue.ahead) for outflow in queue.outflows])
    sums = [0, *accumulate(reach)]

    def filled(size: int) -> int:
        # In all samples: those that reach less than the size give what they reach, the others the size.
        fewer = bisect_left(reach, size)
        return sums[fewer] + (len(reach) - fewer) * size

    # The worth of a lot changes only where a sample ends: within that lot, and after it.
    at = before = 0
    for end in sorted({min(bound // lot, lots) for bound in reach}):
        for up_to in (end, min(end + 1, lots)):
            if up_to > at:
                after = filled(up_to * lot)
                yield _Piece(gain * (after - before) // (up_to - at), number, up_to - at)
                at, before = up_to, after
    if at < lots:
        yield _Piece(0, number, lots - at)


def _share(left: int, equals: list[_Piece], limits: list[int], lot: int) -> int:
    """Give up to `left` lots to pieces of equal worth, evenly. Returns how many were given."""
    room: dict[int, int] = {}
    for piece in equals:
        room[piece.place] = room.get(piece.place, 0) + piece.lots
    given = 0
    while left > given and room:
        even, odd = divmod(left - given, len(room))
        for turn, place_ in enumerate(list(room)):
            more = min(room[place_], even + (turn < odd))
            limits[place_] += more * lot
            given += more
            room[place_] -= more
            if not room[place_]:
                del room[place_]
    return given


def _cost(market: int, limits: Sequence[int], costs: Costs, queues: Sequence[Queue], samples: int) -> int:
    """Return the sum of the samples' costs in micros."""
    filled = [
        sum([min(limit, max(0, outflow - queue.ahead)) for outflow in queue.outflows])
        for limit, queue in zip(limits, queues, strict=True)
    ]
    earned = sum(
        [(costs.half_spread + queue.rebate) * shares for queue, shares in zip(queues, filled, strict=True)]
    )
    missed = sum(limits) * samples - sum(filled)
    sent = (costs.half_spread + costs.take_fee) * market + costs.impact * (market + sum(limits))
    return sent * samples - earned + costs.missed * missed
