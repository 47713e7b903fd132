"""Market regimes as data: six worlds in which routers are compared.

The law of this file: numbers come from what is published of US equity markets, and a router's result never
changes them. Sources: fees from the public price lists of maker-taker, inverted and flat-fee exchanges (30
mils is the cap of SEC Rule 610(c)); touch sizes and where queue events fall from the zero-intelligence
literature (Cont, Stoikov and Talreja 2010; Huang, Lehalle and Rosenbaum 2015); few removals being trades
from the cancel-to-trade ratios of the SEC's MIDAS; hidden orders from Hautsch and Huang 2012; quotes that
fade behind the first fill of a sweep from van Kervel 2015; dark sizes that are zero most of the time, with a
power-law tail, from Ganchev, Kearns, Nevmyvaka and Wortman Vaughan 2010. Trades are informed: a wider spread
comes with larger moves (Wyart, Bouchaud and others 2008), and a share that rests at the touch keeps, a
second after its fill, less than half of the half spread, as the realized spreads of SEC Rule 605 say;
`maker_probe` measures that.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class LitVenue:
    """A displayed venue. size: multiplies what it shows; at_best: the chance that a side is at the best
    price.

    latency_us: one way, before the lab's factor. Fees in dollars a share; a rebate is negative.
    """

    venue_id: str
    latency_us: int
    add_fee: Decimal
    remove_fee: Decimal
    size: float = 1.0
    at_best: float = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class DarkVenue:
    """A midpoint pool. presence: the chance that something is there; size: the least of it in shares.

    tail: the exponent of the power law of sizes. arrivals_per_s: contra orders that come while one rests.
    """

    venue_id: str
    latency_us: int
    fee: Decimal
    presence: float
    size: int
    tail: float
    arrivals_per_s: float
    lot_size: int = 1
    min_quantity: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """One kind of market. Ticks are cents; sizes shares; rates a second.

    prices: of the symbols, in dollars. spread_ticks: what the spread reverts to, never above
    spread_ticks_max. moves_per_s: of the national best prices, move_ticks: mean size of a move. lag_us: mean
    time until a venue follows them. touch_size: median at the touch of a venue of size 1; depth: multiplies
    it level by level; gap: the chance that the next level is a further tick away. events_per_s: changes of a
    queue; trade_share: of the removals at the touch. hidden: the chance that a level hides more than it
    shows, hidden_size: the mean of that, of the displayed. fade: the chance that a venue's makers pull
    quotes behind our first fill elsewhere, fade_depth: how much of them, fade_us: mean reaction time.
    toxic_trades: trades at a queue before the price moves through it. dark_lean: how much likelier dark
    contra interest is before the price moves against us.
    """

    name: str
    title: str
    lit: tuple[LitVenue, ...]
    dark: tuple[DarkVenue, ...]
    prices: tuple[int, ...] = (42, 96, 210)
    spread_ticks: int = 1
    spread_ticks_max: int = 2
    moves_per_s: float = 0.5
    move_ticks: float = 1.0
    lag_us: int = 800
    touch_size: int = 400
    depth: tuple[float, ...] = (1.0, 1.5, 1.8, 1.8, 1.8)
    gap: float = 0.1
    events_per_s: float = 15.0
    trade_share: float = 0.08
    offset_changes_per_s: float = 1.0
    hidden: float = 0.15
    hidden_size: float = 0.8
    fade: float = 0.2
    fade_depth: float = 0.6
    fade_us: int = 700
    toxic_trades: float = 1.5
    dark_lean: float = 0.3


LEVELS: Final = 5
_MAKER_TAKER: Final = (
    LitVenue(
        venue_id="XNYS",
        latency_us=350,
        add_fee=Decimal("-0.0018"),
        remove_fee=Decimal("0.0030"),
        size=1.3,
        at_best=0.75,
    ),
    LitVenue(
        venue_id="XNAS",
        latency_us=250,
        add_fee=Decimal("-0.0025"),
        remove_fee=Decimal("0.0030"),
        size=1.4,
        at_best=0.80,
    ),
    LitVenue(
        venue_id="EDGX",
        latency_us=220,
        add_fee=Decimal("-0.0020"),
        remove_fee=Decimal("0.0029"),
        size=0.9,
        at_best=0.65,
    ),
)
_FLAT: Final = LitVenue(
    venue_id="IEXG",
    latency_us=600,
    add_fee=Decimal("0.0000"),
    remove_fee=Decimal("0.0009"),
    size=0.7,
    at_best=0.55,
)
_INVERTED: Final = LitVenue(
    venue_id="BATY",
    latency_us=220,
    add_fee=Decimal("0.0019"),
    remove_fee=Decimal("-0.0010"),
    size=0.5,
    at_best=0.50,
)
_USUAL: Final = (*_MAKER_TAKER, _FLAT, _INVERTED)
_POOL: Final = DarkVenue(
    venue_id="DRKA",
    latency_us=400,
    fee=Decimal("0.0010"),
    presence=0.20,
    size=100,
    tail=1.4,
    arrivals_per_s=0.5,
)
_BLOCK_POOL: Final = DarkVenue(
    venue_id="DRKB",
    latency_us=500,
    fee=Decimal("0.0008"),
    presence=0.08,
    size=300,
    tail=1.1,
    arrivals_per_s=0.2,
    lot_size=100,
    min_quantity=100,
)
_BUSY_POOL: Final = DarkVenue(
    venue_id="DRKC",
    latency_us=300,
    fee=Decimal("0.0012"),
    presence=0.45,
    size=150,
    tail=1.3,
    arrivals_per_s=1.5,
)

CALM: Final = Regime(
    name="calm",
    title="calm and tight",
    lit=_USUAL,
    dark=(_POOL, _BLOCK_POOL),
    touch_size=500,
)
WIDE: Final = Regime(
    name="wide",
    title="wide and thin",
    lit=_USUAL,
    dark=(_POOL, _BLOCK_POOL),
    prices=(35, 120, 480),
    spread_ticks=5,
    spread_ticks_max=9,
    move_ticks=3.0,
    touch_size=120,
    depth=(1.0, 1.1, 1.2, 1.2, 1.2),
    gap=0.55,
    events_per_s=8.0,
    hidden=0.30,
    hidden_size=1.5,
    offset_changes_per_s=2.0,
)
VOLATILE: Final = Regime(
    name="volatile",
    title="volatile",
    lit=_USUAL,
    dark=(_POOL, _BLOCK_POOL),
    spread_ticks=2,
    spread_ticks_max=5,
    moves_per_s=6.0,
    move_ticks=1.5,
    lag_us=1_500,
    touch_size=250,
    gap=0.25,
    events_per_s=45.0,
    offset_changes_per_s=4.0,
    fade=0.45,
    fade_depth=0.8,
    fade_us=400,
    toxic_trades=1.0,
    dark_lean=0.6,
)
FRAGMENTED: Final = Regime(
    name="fragmented",
    title="fragmented depth",
    lit=tuple(
        LitVenue(
            venue_id=venue.venue_id,
            latency_us=venue.latency_us,
            add_fee=venue.add_fee,
            remove_fee=venue.remove_fee,
            size=1.0,
            at_best=0.6,
        )
        for venue in _USUAL
    ),
    dark=(_POOL, _BLOCK_POOL),
    touch_size=200,
    depth=(1.0, 1.0, 1.0, 1.0, 1.0),
    gap=0.4,
    spread_ticks_max=3,
)
FEES: Final = Regime(
    name="fees",
    title="fee-dominated",
    lit=(
        *_MAKER_TAKER[:2],
        _FLAT,
        _INVERTED,
        LitVenue(
            venue_id="XBOS",
            latency_us=300,
            add_fee=Decimal("0.0020"),
            remove_fee=Decimal("-0.0014"),
            size=0.6,
            at_best=0.55,
        ),
    ),
    dark=(_POOL,),
    prices=(9, 14, 22),
    moves_per_s=0.2,
    touch_size=900,
    gap=0.02,
    events_per_s=12.0,
)
DARK_RICH: Final = Regime(
    name="dark",
    title="rich in dark liquidity",
    lit=_USUAL,
    dark=(_POOL, _BLOCK_POOL, _BUSY_POOL),
    spread_ticks=2,
    spread_ticks_max=4,
    move_ticks=1.5,
    touch_size=250,
    gap=0.2,
)
REGIMES: Final = (CALM, WIDE, VOLATILE, FRAGMENTED, FEES, DARK_RICH)
