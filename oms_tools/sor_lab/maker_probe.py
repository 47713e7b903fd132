"""Does the world pick off who rests? What a maker keeps of the half spread.

The law of this file: it measures the world alone, with small orders that rest at the touch of every venue and
know nothing. No router takes part.
"""

from typing import Final, NamedTuple

from oms_platform.vocabulary import TimeInForce
from oms_tools.sor_lab.exchange import Delays, Exchange, price_of
from oms_tools.sor_lab.regimes import Regime
from oms_tools.sor_lab.world import Episode, make_episode
from sor_engine.domain.market import micros
from sor_engine.domain.plan import Leg

MARKOUT_US: Final = 1_000_000
HOLD_MS: Final = 1_000
SHARES: Final = 100
_HORIZON_US: Final = 3_000_000
_NOW: Final = Delays(latency_factor=0.0, stale_us=0, internal_us=0)


class MakerSpread(NamedTuple):
    """In ticks a share: what a fill earned against the mid before it, and against the mid a second later.

    filled: the share of resting orders that was filled within a second.
    """

    filled: float
    effective: float
    realized: float

    @property
    def kept(self) -> float:
        """The realized part of the effective half spread."""
        return self.realized / self.effective


def maker_spread(seed: int, regime: Regime, episodes: int) -> MakerSpread:
    """Rest at every venue that is at the national best, in episodes that no order of the flow meets."""
    sent = filled = 0
    effective = realized = 0.0
    for index in range(episodes):
        episode = make_episode(seed, regime, index, _HORIZON_US)
        buy = index % 2 == 0
        sign = 1 if buy else -1
        for venue_id, price in _touches(episode, buy=buy):
            exchange = Exchange(episode, _NOW, buy=buy)
            (result,) = exchange.send(
                [Leg(venue_id, SHARES, micros(price_of(price)), TimeInForce.DAY, HOLD_MS)], 0
            )
            sent += SHARES
            filled += result.filled
            for fill in result.fills:
                before = exchange.mid2(fill.at_us - 1) - fill.price2
                after = exchange.mid2(fill.at_us + MARKOUT_US) - fill.price2
                effective += fill.quantity * sign * before / 2
                realized += fill.quantity * sign * after / 2
    return MakerSpread(filled / sent, effective / filled, realized / filled)


def _touches(episode: Episode, *, buy: bool) -> list[tuple[str, int]]:
    tops = {
        venue.venue_id: episode.sides[venue.venue_id, not buy].at(0).levels[0].price
        for venue in episode.regime.lit
    }
    best = max(tops.values()) if buy else min(tops.values())
    return [(venue_id, price) for venue_id, price in tops.items() if price == best]
