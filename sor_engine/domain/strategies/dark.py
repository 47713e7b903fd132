"""Strategies that try dark venues first: *staged* and *dark*.

The law of this file: shares are in one place at a time. What a dark stage holds is canceled after its
time and only then routed on; an order that may not wait goes straight to the displayed books.
"""

from collections.abc import Sequence
from typing import Final

from oms_platform.vocabulary import ExecInst
from sor_engine.domain.board import Board, Candidate
from sor_engine.domain.censored import UNIT, allocate
from sor_engine.domain.market import DarkBelief, price_text
from sor_engine.domain.plan import Decision
from sor_engine.domain.profile import StrategyName
from sor_engine.domain.strategies.draft import Draft
from sor_engine.domain.strategies.lit import best, split, sweep

LIT: Final = {StrategyName.BEST: best, StrategyName.SWEEP: sweep, StrategyName.SPLIT: split}
MIDPOINT: Final = "midpoint"
# What is believed of a dark venue that we never tried: half a chance for the first unit, less for each
# further.
UNKNOWN_POOL: Final = DarkBelief(unit=UNIT, tail_ppm=(500_000, 400_000, 300_000, 200_000, 100_000))


def staged(board: Board) -> Decision:
    """Rest in the dark at the midpoint for a bounded time, then take what is displayed, then rest."""
    terms = board.profile.staged
    return _dark_then(board, terms.dark_ms, terms.dark_rounds, terms.then, "dark stage")


def dark(board: Board) -> Decision:
    """Spread over dark venues by what censored fills teach of them, in several rounds, then go to the lit."""
    terms = board.profile.dark
    return _dark_then(board, terms.hold_ms, terms.rounds, terms.then, "dark round")


def at_midpoint(board: Board) -> Decision:
    """Rest at the middle, as long as the order stands, at the venues whose orders follow it themselves.

    Nothing of it is displayed: it would move the middle, and follow itself.
    """
    for candidate in board.dark:
        if not candidate.venue.midpoint_orders:
            candidate.no_rest = "it takes no orders at the midpoint"
    why = _why_no_dark(board, 0, 1)
    shares = {} if why else _allocated(board, board.request.quantity)
    if not any(shares.values()):
        return board.nothing(f"NO_MIDPOINT: {why or 'no dark venue takes the size'}", MIDPOINT)
    return _held(board, shares, 0, MIDPOINT)


def _dark_then(board: Board, hold_ms: int, rounds: int, then: StrategyName, stage: str) -> Decision:
    done = max([candidate.visit.children for candidate in board.dark], default=0)
    why = _why_no_dark(board, done, rounds)
    if not why:
        shares = _allocated(board, board.request.quantity)
        if any(shares.values()):
            return _held(board, shares, hold_ms, f"{stage} {done + 1} of {rounds}")
        why = "no dark venue takes the size"
    for candidate in board.dark:
        candidate.reason = why
    return LIT[then](board)


def _why_no_dark(board: Board, done: int, rounds: int) -> str:
    request, mid2 = board.request, board.mid2
    if not board.dark:
        return "no dark venue"
    if not board.may_wait:
        return f"{request.time_in_force.name} does not wait in the dark"
    if done >= rounds:
        return f"{done} of {rounds} dark rounds done"
    if mid2 is None or board.limit is None or board.touch is None or board.near_touch is None:
        return "no midpoint: one side is not displayed"
    if board.better(board.touch, board.near_touch):
        return "no midpoint: the book is crossed"
    if not board.inside(mid2, 2 * board.limit):
        return f"the midpoint {price_text(mid2 // 2)} is beyond the limit {price_text(board.limit)}"
    return ""


def _allocated(board: Board, quantity: int) -> dict[str, int]:
    prefer = board.request.prefer
    preferred = [candidate for candidate in board.dark if candidate.venue.venue_id in prefer]
    pools: Sequence[Candidate] = [one for one in preferred or board.dark if not one.no_rest]
    beliefs = board.market.beliefs
    shares = allocate(
        quantity,
        [
            (
                candidate.venue.venue_id,
                beliefs.get(candidate.venue.venue_id, UNKNOWN_POOL),
                candidate.venue.lot_size,
                candidate.minimum,
            )
            for candidate in pools
        ],
        board.request.seed,
    )
    # What a limit of a venue does not let it have is left for the next round.
    return {one.venue.venue_id: one.in_lots(shares.get(one.venue.venue_id, 0)) for one in pools}


def _held(board: Board, shares: dict[str, int], hold_ms: int, stage: str) -> Decision:
    """Hold shares in the dark: pegged to the middle with the far touch for a limit, never beyond the order's.

    A venue that does not know such orders gets a limit at the middle, on the grid: it could trade as far as
    that says.
    """
    touch, limit = board.touch or 0, board.limit or 0
    cap = limit if board.better(limit, touch) else touch
    middle = board.on_grid((board.mid2 or 0) // 2 if board.request.buy else -(-(board.mid2 or 0) // 2))
    draft = Draft(board, stage, continues=hold_ms > 0)
    for candidate in board.dark:
        quantity = shares.get(candidate.venue.venue_id, 0)
        if quantity:
            held = f"held {hold_ms} ms" if hold_ms else "rests"
            words = f"{quantity} {held} at the midpoint or better"
            pegs = candidate.venue.midpoint_orders
            draft.add(
                candidate,
                quantity,
                board.on_grid(cap) if pegs else middle,
                board.request.time_in_force,
                words,
                hold_ms=hold_ms,
                exec_inst=ExecInst.MIDPOINT_PEG if pegs else None,
            )
        else:
            candidate.reason = candidate.no_rest or "the other dark venues are more likely to have the size"
    for candidate in board.ranked:
        candidate.reason = (
            "displayed venues come after the dark stage" if hold_ms else "what is displayed moves the middle"
        )
    return draft.decision()
