"""One routing decision: which venues get how much of an order, at what price, and why.

The law of this file: the same inputs give the same decision, and no market is too strange for one: a book
that is missing, stale, one-sided, locked or crossed has its defined outcome.
"""

from collections.abc import Callable, Mapping
from typing import Final

from oms_platform.order_types import AUCTIONS
from oms_platform.vocabulary import PegType, TimeInForce
from sor_engine.domain.board import Board
from sor_engine.domain.market import Market, Request, price_text
from sor_engine.domain.plan import Decision
from sor_engine.domain.profile import Profile, StrategyName
from sor_engine.domain.scoring import score
from sor_engine.domain.strategies.auction import auction
from sor_engine.domain.strategies.dark import at_midpoint, dark, staged
from sor_engine.domain.strategies.lit import best, pegged, posted, split, sweep, whole
from sor_engine.domain.strategies.passive import passive
from sor_engine.domain.strategies.urgency import urgency

Strategy = Callable[[Board], Decision]
STRATEGIES: Final[Mapping[StrategyName, Strategy]] = {
    StrategyName.BEST: best,
    StrategyName.SWEEP: sweep,
    StrategyName.SPLIT: split,
    StrategyName.STAGED: staged,
    StrategyName.PASSIVE: passive,
    StrategyName.DARK: dark,
    StrategyName.URGENCY: urgency,
}


def decide(request: Request, market: Market, profile: Profile) -> Decision:
    """Decide where an order goes, by the profile's strategy. Every venue gets a reason."""
    fresh = market.book is not None and market.quote_age_us <= market.quote_age_us_max
    board = Board(request, market, profile, fresh=fresh)
    if request.time_in_force in AUCTIONS:
        return auction(board)
    if market.book is None:
        return board.nothing(f"NO_QUOTE: symbol={request.symbol}", no_data=True)
    if not fresh:
        age_ms, age_ms_max = market.quote_age_us // 1000, market.quote_age_us_max // 1000
        return board.nothing(f"STALE_QUOTE: age_ms={age_ms}, age_ms_max={age_ms_max}", no_data=True)
    if not board.ranked:
        return board.nothing(f"NO_VENUE: symbol={request.symbol}, considered={len(market.venues)}")
    if board.limit is not None and board.limit <= 0:
        limit = "none" if request.limit_micros is None else price_text(request.limit_micros)
        return board.nothing(
            f"PRICE_BELOW_TICK: limit={limit}, tick={price_text(board.ticks.at(board.limit))}"
        )
    score(board)
    if request.peg is PegType.MIDPOINT:
        return at_midpoint(board)
    if request.post_only:
        return posted(board)
    if request.time_in_force is TimeInForce.FOK:
        return whole(board)
    return STRATEGIES[profile.strategy](board) if request.peg is None else pegged(board)
