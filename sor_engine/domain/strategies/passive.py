"""*passive*: Cont and Kukanov's placement between taking now and resting in several queues (arXiv 1210.1625).

The law of this file: what rests is canceled after the horizon, and what is left then crosses: the model's
underfill penalty is the price of that crossing.
"""

from dataclasses import replace
from typing import Final

from oms_platform.vocabulary import TimeInForce
from sor_engine.domain.board import Board, Candidate
from sor_engine.domain.market import BPS, price_text
from sor_engine.domain.placement import Costs, Queue, place
from sor_engine.domain.plan import Account, Decision
from sor_engine.domain.strategies.dark import LIT
from sor_engine.domain.strategies.draft import Draft, take_limit
from sor_engine.domain.strategies.lit import take_sweep

_CBPS: Final = 100


def passive(board: Board) -> Decision:
    """Split between taking now and resting in several queues at the near touch, at the least cost."""
    why, queues = _queues(board)
    if why:
        decision = LIT[board.profile.passive.then](board)
        return _named(decision, f"not passive: {why}", f"Not passive: {why}.")
    return _placed(board, queues)


def _named(decision: Decision, stage: str, note: str = "") -> Decision:
    """Return another strategy's decision with why it was that one's turn."""

    def account() -> Account:
        found = decision.account()
        return found._replace(summary=f"{found.summary} {note}" if note else found.summary)

    return replace(decision, stage=f"{decision.stage} ({stage})", account=account)


def _queues(board: Board) -> tuple[str, list[Candidate]]:
    """Return why the order is not placed passively, or the venues whose queue it may join."""
    request, near = board.request, board.near_touch
    if not board.may_wait:
        return f"{request.time_in_force.name} does not wait in a queue", []
    if any(candidate.visit.children for candidate in board.ranked):
        return "its queues were tried before", []
    if near is None or board.limit is None or board.touch is None:
        return "one side is not displayed", []
    if not board.better(near, board.touch):
        return "the book is locked or crossed", []
    if board.reach is None or not board.inside(board.touch, board.reach):
        return "the limit is not marketable, there is nothing to choose", []
    joinable = [
        candidate
        for candidate in board.ranked
        if candidate.near
        and candidate.near[0][0] == near
        and board.market.outflows.get(candidate.venue.venue_id)
        and candidate.in_lots(request.quantity)
        and not candidate.no_rest
    ][: board.places_max]
    return ("" if joinable else "no queue has been watched long enough"), joinable


def _placed(board: Board, joinable: list[Candidate]) -> Decision:
    request, terms = board.request, board.profile.passive
    near, mid2 = board.near_touch or 0, board.mid2 or 0
    costs = _costs(board, mid2)
    lot = max(candidate.venue.lot_size for candidate in board.ranked)
    placement = place(
        request.quantity,
        lot,
        costs,
        [
            Queue(
                rebate=-candidate.add_fee,
                ahead=candidate.near[0][1],
                outflows=board.market.outflows[candidate.venue.venue_id][-terms.samples_max :],
            )
            for candidate in joinable
        ],
    )
    taken = take_sweep(board, placement.market)
    draft = Draft(board, "passive", continues=True)
    reach = take_limit(board)
    for candidate in board.ranked:
        if candidate.takes:
            words = f"takes {candidate.takes} of {candidate.marketable} displayed"
            draft.add(candidate, candidate.takes, reach, TimeInForce.IOC, words)
    for candidate, wanted in zip(joinable, placement.limits, strict=True):
        quantity = candidate.room_to_rest(wanted, joins=False)
        if quantity:
            candidate.rests = quantity
            words = f"{quantity} joins {candidate.near[0][1]} at {price_text(near)} for {terms.horizon_ms} ms"
            draft.add(candidate, quantity, near, request.time_in_force, words, hold_ms=terms.horizon_ms)
    if not taken and not any(candidate.rests for candidate in joinable):
        decision = LIT[terms.then](board)
        return _named(decision, "not passive: the best placement fits no lot")
    draft.notes.append(
        f"Expected {price_text(abs(placement.expected_cost_micros))} dollars"
        f" {'of cost' if placement.expected_cost_micros >= 0 else 'of gain'} against the mid"
    )
    return draft.decision()


def _costs(board: Board, mid2: int) -> Costs:
    """Return the model's prices in micros a share.

    What is not filled in time pays half the spread and the fee.
    """
    terms = board.profile.passive
    half = board.spread // 2
    fee = min([c.remove_fee for c in board.ranked if c.far and c.far[0][0] == board.touch], default=0)
    unit = mid2 // 2
    return Costs(
        half_spread=half,
        take_fee=fee,
        underfill=max(0, half + fee) + unit * terms.underfill_cbps // (BPS * _CBPS),
        impact=unit * terms.impact_cbps // (BPS * _CBPS),
    )
