"""The weighted score of a venue.

The law of this file: contribution = weight * value rounded to six digits, and score = the sum of the
contributions, exactly, so that everything an explanation prints reconciles to the last digit.
"""

from typing import Final

from sor_engine.domain.board import VALUE_STEPS, Board, Candidate, hidden_size
from sor_engine.domain.market import BPS, MICROS, PPM
from sor_engine.domain.profile import TERMS

# The price term spans the spread, so that a tick tells venues apart, and at most this much of the price.
PRICE_BAND_BPS_MAX: Final = 100
# The latency term runs from an instant acknowledgement (1) to one after this long (0).
LATENCY_US_MAX: Final = 5_000
# A preference of the account or the order goes before every measured term.
PREFERENCE_WEIGHT: Final = MICROS


def _clamped(numerator: int, denominator: int) -> int:
    """Return a ratio in steps of 1/10,000, held to 0..1 and rounded half up."""
    steps = (2 * numerator * VALUE_STEPS + denominator) // (2 * denominator)
    return 0 if steps < 0 else VALUE_STEPS if steps > VALUE_STEPS else steps


def score(board: Board) -> None:
    """Give each lit venue its terms and score, and rank them.

    When anything can be taken, a venue is judged by its best displayed price and the fee to remove liquidity;
    when nothing can, by the limit at which the order would rest there and the fee to add. The fee counts in
    the term `cost` alone.
    """
    request, limit = board.request, board.limit
    taking = any(candidate.marketable for candidate in board.ranked)
    reference = board.touch if taking or limit is None else limit
    band = max(board.tick, min(board.spread, (reference or 0) * PRICE_BAND_BPS_MAX // BPS))
    prices: list[int | None] = []
    for candidate in board.ranked:
        candidate.fee = candidate.remove_fee if taking else candidate.add_fee
        price = limit if not taking else candidate.far[0][0] if candidate.far else None
        if price is not None:
            candidate.all_in = price + candidate.fee if request.buy else price - candidate.fee
        prices.append(price)
    known = [price for price in prices if price is not None]
    best = (min(known) if request.buy else max(known)) if known else 0
    for candidate, price in zip(board.ranked, prices, strict=True):
        distance = band if price is None else abs(price - best)
        _score_one(board, candidate, taking=taking, price=_clamped(band - distance, band))
    board.ranked.sort(key=lambda c: (-c.score, c.venue.latency_us, c.venue.venue_id))


def _score_one(board: Board, candidate: Candidate, *, taking: bool, price: int) -> None:
    request, profile, venue = board.request, board.profile, candidate.venue
    # The cost term runs from the highest fee that is allowed (0) to a rebate of the same size (1).
    cap = max(1, board.market.access_fee_cap_micros)
    stats = board.stats(venue.venue_id)
    displayed = candidate.marketable if taking else sum([size for _, size in candidate.far])
    candidate.hidden = hidden_size(displayed, stats)
    rate = profile.fill_rate_ppm
    if stats is not None:
        rate = stats.take_fill_ppm if taking else stats.rest_fill_ppm
    latency_us = venue.latency_us if stats is None else stats.latency_us
    values = [
        price,
        _clamped(displayed + candidate.hidden, request.quantity),
        _clamped(rate, PPM),
        _clamped(LATENCY_US_MAX - latency_us, LATENCY_US_MAX),
        _clamped(cap - candidate.fee, 2 * cap),
    ]
    weights = list(profile.weights.values())
    names: tuple[str, ...] = TERMS
    if request.prefer:
        names = (*TERMS, "preference")
        values.append(VALUE_STEPS if venue.venue_id in request.prefer else 0)
        weights.append(PREFERENCE_WEIGHT)
    parts = [
        (weight * value + VALUE_STEPS // 2) // VALUE_STEPS
        for weight, value in zip(weights, values, strict=True)
    ]
    candidate.score = sum(parts)
    candidate.terms = tuple(zip(names, values, weights, parts, strict=True))
    candidate.shown = candidate.marketable
