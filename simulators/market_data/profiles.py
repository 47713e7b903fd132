"""How symbols and venues behave, as data."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolProfile:
    """volatility: of a year's log return. correlation: with the market's factor. liquidity: 1 is usual."""

    volatility: float
    correlation: float
    liquidity: float

    @property
    def spread_ticks(self) -> int:
        """The usual width of the national best bid and offer, 1 to 4 ticks: the wilder, the wider."""
        return 1 + sum(self.volatility >= bound for bound in (0.24, 0.32, 0.45))


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueProfile:
    """tightness: how likely a side is at the national best. size: multiplies what is displayed."""

    venue_id: str
    tightness: float
    size: float
    lit: bool = True


DEFAULT_SYMBOL: Final = SymbolProfile(volatility=0.30, correlation=0.55, liquidity=1.0)
SYMBOLS: Final = {
    "AAPL": SymbolProfile(volatility=0.27, correlation=0.75, liquidity=1.4),
    "MSFT": SymbolProfile(volatility=0.23, correlation=0.78, liquidity=1.1),
    "GOOGL": SymbolProfile(volatility=0.29, correlation=0.70, liquidity=1.2),
    "AMZN": SymbolProfile(volatility=0.31, correlation=0.70, liquidity=1.2),
    "NVDA": SymbolProfile(volatility=0.52, correlation=0.68, liquidity=1.6),
    "META": SymbolProfile(volatility=0.36, correlation=0.66, liquidity=0.8),
    "TSLA": SymbolProfile(volatility=0.60, correlation=0.52, liquidity=1.3),
    "JPM": SymbolProfile(volatility=0.22, correlation=0.64, liquidity=1.0),
    "V": SymbolProfile(volatility=0.20, correlation=0.66, liquidity=0.9),
    "JNJ": SymbolProfile(volatility=0.16, correlation=0.38, liquidity=1.0),
    "WMT": SymbolProfile(volatility=0.19, correlation=0.42, liquidity=1.2),
    "PG": SymbolProfile(volatility=0.17, correlation=0.40, liquidity=1.0),
    "HD": SymbolProfile(volatility=0.24, correlation=0.58, liquidity=0.8),
    "BAC": SymbolProfile(volatility=0.26, correlation=0.62, liquidity=2.0),
    "DIS": SymbolProfile(volatility=0.28, correlation=0.58, liquidity=1.1),
}
VENUES: Final = (
    VenueProfile(venue_id="XNYS", tightness=0.62, size=1.3),
    VenueProfile(venue_id="XNAS", tightness=0.70, size=1.4),
    VenueProfile(venue_id="ARCX", tightness=0.58, size=1.0),
    VenueProfile(venue_id="BATS", tightness=0.52, size=0.9),
    VenueProfile(venue_id="EDGX", tightness=0.45, size=0.8),
    VenueProfile(venue_id="DARK", tightness=0.0, size=0.0, lit=False),
)
