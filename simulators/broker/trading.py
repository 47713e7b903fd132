"""A symbol's trading phase at a venue, and the limits up and down that end in a pause.

After the plan of the national market system to address extraordinary volatility: nothing trades outside a
band around the reference. When a side of the national best stands at the band, or the other side's, for
`limit_s`, trading pauses for `pause_s` and comes back by a cross, around whose price the next band lies. The
reference follows the middle of the market when that has moved by a hundredth. Pure: the time is handed in.
"""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from simulators.broker.market import Market
from simulators.broker.protocol import TradingPhase

# In which orders trade as they come.
CONTINUOUS: Final = frozenset({TradingPhase.OPEN, TradingPhase.LIMIT})
# In which a venue may refuse orders; before the opening it takes them.
STOPPED: Final = frozenset({TradingPhase.PAUSED, TradingPhase.HALTED, TradingPhase.CLOSED})
_REFERENCE_MOVE: Final = 100
_BASIS_POINTS: Final = 10_000


class Limits(NamedTuple):
    """The band's half width in hundredths of a percent of the reference, 0 for no band, and its times."""

    band_bps: int = 0
    limit_s: float = 15.0
    pause_s: float = 300.0


NO_LIMITS: Final = Limits()


class SymbolTrading:
    """One symbol's phase. since: when it began."""

    def __init__(self, limits: Limits, tick_micros: int) -> None:
        self._limits = limits
        self._tick_micros = tick_micros
        self.phase = TradingPhase.OPEN
        self.since: datetime | None = None
        self.reference_micros: int | None = None
        self._middle: int | None = None

    @property
    def is_continuous(self) -> bool:
        """Whether orders trade as they come."""
        return self.phase in CONTINUOUS

    @property
    def band(self) -> tuple[int, int] | None:
        """The lowest and the highest price at which the symbol trades, whole ticks; None for any."""
        reference = self.reference_micros
        if not self._limits.band_bps or reference is None:
            return None
        width = reference * self._limits.band_bps // _BASIS_POINTS
        tick = self._tick_micros
        return -(-(reference - width) // tick) * tick, (reference + width) // tick * tick

    def enter(self, phase: TradingPhase, now: datetime) -> None:
        """Begin a phase."""
        self.phase, self.since = phase, now

    def crossed_at(self, price_micros: int | None) -> None:
        """Take the price of a cross for the reference, the middle of the market where nothing traded."""
        self.reference_micros = self._middle if price_micros is None else price_micros

    def follow(self, market: Market, now: datetime) -> None:
        """Move the reference with the market, and enter or leave the limit state."""
        bid, offer = market.national_best_bid, market.national_best_offer
        if bid is None or offer is None:
            return
        middle = self._middle = (bid + offer) // 2
        if not self._limits.band_bps or not self.is_continuous:
            return
        if self.reference_micros is None:
            self.reference_micros = middle
        is_at_limit = self._is_at_limit(bid, offer)
        if is_at_limit != (self.phase is TradingPhase.LIMIT):
            self.enter(TradingPhase.LIMIT if is_at_limit else TradingPhase.OPEN, now)
        moved = abs(middle - self.reference_micros)
        if not is_at_limit and moved * _REFERENCE_MOVE >= self.reference_micros:
            self.reference_micros = middle

    def next_phase(self, now: datetime) -> TradingPhase | None:
        """Return the phase that is to begin because the present one has lasted its time, None for none."""
        if self.since is None:
            return None
        lasted = now - self.since
        if self.phase is TradingPhase.LIMIT and lasted >= timedelta(seconds=self._limits.limit_s):
            return TradingPhase.PAUSED
        if self.phase is TradingPhase.PAUSED and lasted >= timedelta(seconds=self._limits.pause_s):
            return TradingPhase.OPEN
        return None

    def _is_at_limit(self, bid: int, offer: int) -> bool:
        band = self.band
        return band is not None and (bid >= band[1] or offer <= band[0])
