"""Strategies on displayed books: *best*, *sweep* and *split*.

The law of this file: what rests never rests while something that it could take is displayed, and no better
displayed quote is traded through, whosever it is: it is taken first, or at the same time, or nothing beyond
it is taken. What rests, rests where a share costs least: the fee or rebate if it is filled, the way to the
other side if it is not.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from oms_platform.vocabulary import TimeInForce
from sor_engine.domain.board import Board, Candidate
from sor_engine.domain.market import PPM, price_text
from sor_engine.domain.plan import Decision
from sor_engine.domain.profile import StrategyName
from sor_engine.domain.strategies.draft import NOT_NEEDED, Draft
from sor_engine.domain.sweeping import Offer, allocate

POST_ONLY: Final = "post-only"


def take_sweep(board: Board, wanted: int) -> int:
    """Take up to `wanted` over all displayed levels: best price first, at one price the lowest fee.

    Returns how many shares that is. A venue that is preferred goes first among equals.
    """
    return _lawfully(board, partial(_swept, board, wanted))


def _lawfully(board: Board, take: Callable[[], int]) -> int:
    """Take again, less far, as long as a protected quote is left in part while something worse is taken."""
    while True:
        taken = take()
        through = board.traded_through()
        if through is None:
            return taken
        board.restrict(through)


def _swept(board: Board, wanted: int) -> int:
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
    return _lawfully(board, partial(_shared, board, wanted))


def _shared(board: Board, wanted: int) -> int:
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
    request = board.request
    prices = board.prices()
    at_touch = [c for c in board.ranked if prices and c.left_at(prices[0]) and c.in_lots(request.quantity)]
    if not at_touch or board.reach is None:
        return _placed(board, request.quantity, _rest_at_one, "best")
    chosen, touch = at_touch[0], prices[0]
    cap = board.cap_of(chosen, board.reach)
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
    cap = board.on_grid(cap)
    shown = f"takes up to {quantity}, {chosen.marketable} displayed at or inside {price_text(cap)}"
    draft.add(chosen, quantity, cap, TimeInForce.IOC, shown)
    return draft.decision()


def whole(board: Board) -> Decision:
    """Fill or kill: the best-scored venue that displays all of it within others' quotes, or none."""
    quantity = board.request.quantity
    for candidate in board.ranked:
        candidate.keep_within(board.cap_of(candidate, board.reach or 0), buy=board.request.buy)
    able = next(
        (c for c in board.ranked if c.marketable >= quantity and c.in_lots(quantity) == quantity), None
    )
    for candidate in board.ranked:
        if candidate.marketable >= quantity:
            fits = candidate.in_lots(quantity) == quantity
            candidate.reason = NOT_NEEDED if fits else "its lot or minimum size does not allow it"
        elif candidate.marketable:
            candidate.reason = (
                f"displays {candidate.marketable} within others' quotes,"
                f" and fill-or-kill needs {quantity} at one venue"
            )
    if able is None:
        largest = max([candidate.marketable for candidate in board.ranked], default=0)
        return board.nothing(f"FOK_UNFILLABLE: quantity={quantity}, largest_displayed={largest}")
    able.take(quantity)
    draft = Draft(board, "fill or kill")
    # The venue's own book is walked, as far as that needs or as the client and others' quotes allow.
    limit = able.worst
    if board.request.limit_micros is not None:
        limit = board.on_grid(board.cap_of(able, board.reach or able.worst))
    draft.add(
        able,
        quantity,
        limit,
        TimeInForce.FOK,
        f"takes {quantity} of {able.marketable} displayed",
    )
    return draft.decision()


def pegged(board: Board) -> Decision:
    """Work an order at the price that it follows: take what is within that, rest the others there.

    Whatever a profile would try before is at other prices.
    """
    return split(board) if board.profile.strategy is StrategyName.SPLIT else sweep(board)


def posted(board: Board) -> Decision:
    """Post-only: rest all of it, short of everything that is displayed, and take nothing."""
    rest = _rest_by_score if board.profile.strategy is StrategyName.SPLIT else _rest_at_one
    quantity = board.request.quantity
    for candidate in board.ranked:
        # It is there not to be taken.
        candidate.within, candidate.marketable = [], 0
    if rest(board, quantity) == quantity:
        for candidate in board.ranked:
            candidate.reason = candidate.no_rest or "its lot or minimum size does not allow it"
        return board.nothing(f"MAY_NOT_REST: quantity={quantity}", POST_ONLY)
    for candidate in board.ranked:
        if not candidate.rests:
            candidate.reason = candidate.no_rest or "a post-only order rests elsewhere"
    draft = Draft(board, POST_ONLY)
    draft.add_takes(rest_tif=board.request.time_in_force)
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
    may_rest = "" if board.immediate else "rests"
    for candidate in board.ranked:
        if not candidate.marketable:
            candidate.reason = (may_rest and candidate.no_rest) or board.why_nothing_displayed()
    if may_rest and board.ranked and all(candidate.no_rest for candidate in board.ranked):
        return board.nothing(f"MAY_NOT_REST: quantity={request.quantity}", stage)
    shown = "none" if touch is None else price_text(touch)
    limit = "none" if request.limit_micros is None else price_text(request.limit_micros)
    if any(candidate.marketable for candidate in board.ranked) or (
        not board.immediate and any(not c.in_lots(request.quantity) for c in board.ranked)
    ):
        lots = ", ".join(f"{c.venue.venue_id} {c.venue.lot_size}/{c.minimum}" for c in board.ranked)
        most = "".join(f", most={c.venue.venue_id} {c.most}" for c in board.ranked if c.most is not None)
        reason = f"LOT_TOO_SMALL: quantity={request.quantity}, lot_and_minimum={lots}{most}"
        return board.nothing(reason, stage)
    if touch is not None and board.reach != board.limit:
        protected = "none" if board.reach is None else price_text(board.reach)
        return board.nothing(f"PROTECTED_QUOTE: limit={limit}, protected={protected}", stage)
    code = "NO_LIQUIDITY" if request.limit_micros is None or touch is None else "NOT_MARKETABLE"
    return board.nothing(f"{code}: limit={limit}, best={shown}", stage)


def _rest_at_one(board: Board, left: int) -> int:
    """Rest where a share costs least among venues that take the size. Returns what is still left."""
    joins = board.rest_limit() == board.limit
    able = [candidate for candidate in board.ranked if candidate.room_to_rest(left, joins=joins)]
    if not able or board.rest_limit() <= 0:
        return left
    prefer, price = board.request.prefer, board.rest_limit()

    def costs(candidate: Candidate) -> tuple[bool, int, int, int, str]:
        ahead = sum([size for at, size in candidate.near if at == price])
        cost = _rest_cost(board, candidate)
        return candidate.venue.venue_id not in prefer, cost, ahead, -candidate.score, candidate.venue.venue_id

    chosen = min(able, key=costs)
    chosen.rests = chosen.room_to_rest(left, joins=joins)
    return left - chosen.rests


def _rest_cost(board: Board, candidate: Candidate) -> int:
    """Return what a share that rests at a venue is expected to cost, in millionths of a micro.

    Filled, it pays the fee to add, or earns the rebate; otherwise it crosses the spread later and pays the
    least fee to take, as in *passive*. The chance of either is measured, or the profile's prior.
    """
    stats = board.stats(candidate.venue.venue_id)
    filled = board.profile.fill_rate_ppm if stats is None else stats.rest_fill_ppm
    missed = max(board.tick, board.spread) + min([other.remove_fee for other in board.ranked])
    return filled * candidate.add_fee + (PPM - filled) * max(0, missed)


def _rest_by_score(board: Board, left: int) -> int:
    """Rest in proportion to the scores over the best-scored venues. Returns what is still left."""

    joins = board.rest_limit() == board.limit
    if board.rest_limit() <= 0:
        return left

    def rest(candidate: Candidate, quantity: int) -> int:
        fits = candidate.room_to_rest(candidate.rests + quantity, joins=joins) - candidate.rests
        candidate.rests += max(0, fits)
        return max(0, fits)

    able = [candidate for candidate in board.ranked if not candidate.no_rest]
    few = able[: min(board.profile.split_venues_max, board.places_max)]
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
