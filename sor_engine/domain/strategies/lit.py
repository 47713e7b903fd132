"""Strategies on displayed books: *best*, *sweep* and *split*.

The law of this file: what rests never rests while something that it could take is displayed, and no better
displayed quote is traded through: it is taken first, or at the same time.
"""

from collections.abc import Callable, Sequence
from functools import partial

from oms_platform.vocabulary import TimeInForce
from sor_engine.domain.board import Board, Candidate
from sor_engine.domain.market import price_text
from sor_engine.domain.plan import Decision
from sor_engine.domain.strategies.draft import NOT_NEEDED, Draft
from sor_engine.domain.sweeping import Offer, allocate


def take_sweep(board: Board, wanted: int) -> int:
    """Take up to `wanted` over all displayed levels: best price first, at one price the lowest fee.

    Returns how many shares that is. A venue that is preferred goes first among equals.
    """
    prefer = board.request.prefer
    order = sorted(board.ranked, key=lambda c: c.venue.venue_id not in prefer)
    offers = [
        Offer(
            tuple(candidate.within),
            candidate.remove_fee,
            candidate.venue.lot_size,
            candidate.minimum,
        )
        for candidate in order
    ]
    taken = 0
    for candidate, quantity in zip(order, allocate(wanted, offers, buy=board.request.buy), strict=True):
        taken += candidate.take(quantity)
    return taken


def sweep(board: Board) -> Decision:
    """Take everything that is displayed at once, the cheapest way; what is left of a resting order rests."""
    left = board.request.quantity - take_sweep(board, board.request.quantity)
    return _placed(board, left, _rest_at_one, "sweep")


def take_split(board: Board, wanted: int) -> int:
    """Take up to `wanted` price by price, at each price in proportion to the venues' scores."""
    left = wanted
    for price in board.prices():
        shown = [candidate for candidate in board.ranked if candidate.left_at(price)]
        left -= _share(left, shown, partial(_left_at, price), Candidate.take)
        if not left:
            break
    return wanted - left


def split(board: Board) -> Decision:
    """Take price by price in proportion to the scores; what is left of a resting order rests likewise."""
    left = board.request.quantity - take_split(board, board.request.quantity)
    return _placed(board, left, _rest_by_score, "split")


def best(board: Board) -> Decision:
    """Use one venue at a time: the best-scored of those that display the best price.

    What that venue does not fill at a price that nobody betters is routed again.
    """
    request, touch = board.request, board.touch
    if touch is None or board.limit is None or not board.inside(touch, board.limit):
        return _placed(board, request.quantity, _rest_at_one, "best")
    at_touch = [c for c in board.ranked if c.left_at(touch) and c.in_lots(request.quantity)]
    if not at_touch:
        return _placed(board, request.quantity, _rest_at_one, "best")
    chosen = at_touch[0]
    others = [c.far[0][0] for c in board.ranked if c is not chosen and c.far]
    cap = board.limit
    if others:
        protected = min(others) if request.buy else max(others)
        cap = protected if board.better(protected, cap) else cap
    for candidate in board.ranked:
        if candidate is not chosen and candidate.marketable:
            shown = price_text(candidate.far[0][0])
            candidate.reason = (
                "a better-scored venue displays the same price"
                if candidate.left_at(touch)
                else f"displays no better than {shown}, the best is {price_text(touch)}"
            )
    chosen.keep_within(cap, buy=request.buy)
    quantity = chosen.in_lots(request.quantity)
    chosen.take(quantity)
    draft = Draft(board, "best")
    shown = f"takes up to {quantity}, {chosen.marketable} displayed at or inside {price_text(cap)}"
    draft.add(chosen, quantity, cap, TimeInForce.IOC, shown)
    return draft.decision()


def whole(board: Board) -> Decision:
    """Fill or kill: the best-scored venue that displays all of it, or none."""
    quantity = board.request.quantity
    able = next(
        (c for c in board.ranked if c.marketable >= quantity and c.in_lots(quantity) == quantity), None
    )
    for candidate in board.ranked:
        if candidate.marketable >= quantity:
            fits = candidate.in_lots(quantity) == quantity
            candidate.reason = NOT_NEEDED if fits else "its lot or minimum size does not allow it"
        elif candidate.marketable:
            candidate.reason = (
                f"displays {candidate.marketable}, and fill-or-kill needs {quantity} at one venue"
            )
    if able is None:
        largest = max([candidate.marketable for candidate in board.ranked], default=0)
        return board.nothing(f"FOK_UNFILLABLE: quantity={quantity}, largest_displayed={largest}")
    able.take(quantity)
    draft = Draft(board, "fill or kill")
    # The venue's own book is walked: the leg's limit reaches as far as that needs.
    limit = board.limit if board.request.limit_micros is not None else able.worst
    draft.add(
        able,
        quantity,
        limit or able.worst,
        TimeInForce.FOK,
        f"takes {quantity} of {able.marketable} displayed",
    )
    return draft.decision()


def _left_at(price: int, candidate: Candidate) -> int:
    return candidate.left_at(price)


Rest = Callable[[Board, int], int]


def _placed(board: Board, left: int, rest: Rest, stage: str) -> Decision:
    """Close a plan whose takes are set; give what is left to `rest` if the order may rest."""
    if left and not board.immediate:
        left = rest(board, left)
    if left == board.request.quantity:
        return nothing_to_take(board, stage)
    draft = Draft(board, stage)
    draft.add_takes(rest_tif=board.request.time_in_force)
    return draft.decision()


def nothing_to_take(board: Board, stage: str) -> Decision:
    """Return the decision of an order that finds nothing within its limit and may not rest."""
    request, touch = board.request, board.touch
    for candidate in board.ranked:
        if not candidate.marketable:
            candidate.reason = board.why_nothing_displayed()
    shown = "none" if touch is None else price_text(touch)
    limit = "none" if request.limit_micros is None else price_text(request.limit_micros)
    if any(candidate.marketable for candidate in board.ranked) or (
        not board.immediate and any(not c.in_lots(request.quantity) for c in board.ranked)
    ):
        lots = ", ".join(f"{c.venue.venue_id} {c.venue.lot_size}/{c.minimum}" for c in board.ranked)
        return board.nothing(f"LOT_TOO_SMALL: quantity={request.quantity}, lot_and_minimum={lots}", stage)
    code = "NO_LIQUIDITY" if request.limit_micros is None or touch is None else "NOT_MARKETABLE"
    return board.nothing(f"{code}: limit={limit}, best={shown}", stage)


def _rest_at_one(board: Board, left: int) -> int:
    """Rest at the venue that pays most for it among those that take the size. Returns what is still left."""
    able = [candidate for candidate in board.ranked if candidate.in_lots(candidate.takes + left)]
    if not able:
        return left
    prefer = board.request.prefer
    chosen = min(able, key=lambda c: (c.venue.venue_id not in prefer, c.add_fee, -c.score, c.venue.venue_id))
    chosen.rests = chosen.in_lots(chosen.takes + left) - chosen.takes
    return left - chosen.rests


def _rest_by_score(board: Board, left: int) -> int:
    """Rest in proportion to the scores over the best-scored venues. Returns what is still left."""

    def rest(candidate: Candidate, quantity: int) -> int:
        candidate.rests += quantity
        return quantity

    few = board.ranked[: board.profile.split_venues_max]
    return left - _share(left, few, lambda _candidate: left, rest)


def _share(
    wanted: int,
    candidates: Sequence[Candidate],
    room: Callable[[Candidate], int],
    give: Callable[[Candidate, int], int],
) -> int:
    """Give `wanted` shares to venues in proportion to their scores, in lots, each at most its room.

    The best-scored take what rounding leaves. Returns how much was given.
    """
    weight = sum([candidate.score for candidate in candidates]) or len(candidates)
    even = not any(candidate.score for candidate in candidates)
    given = 0
    for candidate in candidates:
        part = wanted * (1 if even else candidate.score) // weight if weight else 0
        given += _give(candidate, min(part, room(candidate)), give)
    for candidate in candidates:
        if given == wanted:
            break
        given += _give(candidate, min(wanted - given, room(candidate)), give)
    return given


def _give(candidate: Candidate, quantity: int, give: Callable[[Candidate, int], int]) -> int:
    held = candidate.takes + candidate.rests
    fits = candidate.in_lots(held + quantity) - held
    return give(candidate, fits) if fits > 0 else 0
