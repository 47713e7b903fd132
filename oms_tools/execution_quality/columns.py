"""What a line of the report shows, the same in the terminal and on the page.

The law of this file: a figure that nothing is known of is a dash, never 0.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from sor_engine.domain.market import MICROS
from sor_engine.domain.quality_report import (
    EFFECTIVE,
    FEES,
    FILLED_COST,
    IMPROVEMENT,
    MARKOUTS,
    REALIZED,
    SAVED,
    SAVED_BEST_QUOTE,
    SAVED_BEST_QUOTE_ALL_IN,
    SAVED_LISTING,
    SAVED_LISTING_ALL_IN,
    SHORTFALL,
    SHORTFALL_PARTS,
    UNFILLED_COST,
    Cut,
    Figure,
    OrderClass,
    Routed,
    Sum,
    Tally,
    share_ppm,
)

ABSENT: Final = "–"


class Column(NamedTuple):
    """A column: its heading, its text for a line, whether it is a number.

    wide: left out of a table that has to fit 120 columns.
    """

    title: str
    text: Callable[[Tally], str]
    number: bool = True
    wide: bool = False


def count(value: int) -> str:
    """Return a count as people read it."""
    return f"{value:,}"


def money(value: Decimal | None) -> str:
    """Return dollars and cents."""
    return ABSENT if value is None else f"{value:z,.2f}"


def price(value: Decimal | None) -> str:
    """Return a price to four digits."""
    return ABSENT if value is None else f"{value:z,.4f}"


def percent(ppm: int | None) -> str:
    """Return millionths as a percentage."""
    return ABSENT if ppm is None else f"{Decimal(ppm * 100) / MICROS:.1f}%"


def bps(found: Sum) -> str:
    """Return a sum in basis points of its notional; an asterisk says that it is of a part of the shares."""
    value = found.bps
    if value is None:
        return ABSENT
    return f"{value:z.2f}{'*' if found.missing else ''}"


def side(tally: Tally) -> str:
    """Return an order's side, nothing for other lines."""
    return "" if tally.order is None else tally.order.side


def interval(found: Sum) -> str:
    """Return half the width of a figure's 95 % interval in basis points."""
    ends = found.interval_bps
    return ABSENT if ends is None else f"{(ends[1] - ends[0]) / 2:.2f}"


def _bps(title: str, figure: Figure, *, wide: bool = False) -> Column:
    return Column(title, lambda tally: bps(tally.sums[figure]), wide=wide)


_FIGURES: Final = (
    _bps("eff. spread", EFFECTIVE),
    _bps("real. 5s", REALIZED[0], wide=True),
    _bps("real. 60s", REALIZED[1], wide=True),
    _bps("price impr.", IMPROVEMENT),
    _bps("fees", FEES),
    _bps("mk 1s", MARKOUTS[0], wide=True),
    _bps("mk 10s", MARKOUTS[1]),
    _bps("mk 60s", MARKOUTS[2], wide=True),
    _bps("vs best", SAVED_BEST_QUOTE, wide=True),
    _bps("vs best net", SAVED_BEST_QUOTE_ALL_IN, wide=True),
    _bps("vs list", SAVED_LISTING, wide=True),
    _bps("vs list net", SAVED_LISTING_ALL_IN, wide=True),
)
_ENDS: Final = (
    Column("unfilled $", lambda tally: money(tally.sums[UNFILLED_COST].dollars), wide=True),
    Column("shortfall $", lambda tally: money(tally.sums[SHORTFALL].dollars)),
    _bps("shortfall", SHORTFALL),
)
_VENUE: Final = (
    Column("venue", lambda tally: tally.name, number=False),
    Column("orders", lambda tally: count(tally.orders)),
    Column("sent", lambda tally: count(tally.wanted)),
    Column("filled", lambda tally: count(tally.filled)),
    Column("fill", lambda tally: percent(tally.fill_rate_ppm)),
    *_FIGURES,
    _bps("cost", FILLED_COST),
    Column("±", lambda tally: interval(tally.sums[FILLED_COST])),
    Column("cost $", lambda tally: money(_cost(tally).dollars)),
)
_OF_ORDERS: Final = (
    Column("orders", lambda tally: count(tally.orders)),
    Column("shares", lambda tally: count(tally.wanted)),
    Column("filled", lambda tally: count(tally.filled)),
    Column("fill", lambda tally: percent(tally.fill_rate_ppm)),
    *_FIGURES,
    *_ENDS,
    Column("±", lambda tally: interval(tally.sums[SHORTFALL])),
)
_ORDER: Final = (
    Column("order", lambda tally: tally.name, number=False),
    Column("symbol", lambda tally: "" if tally.order is None else tally.order.symbol, number=False),
    Column("side", side, number=False),
    Column("strategy", lambda tally: "" if tally.order is None else tally.order.strategy, number=False),
    Column("shares", lambda tally: count(tally.wanted)),
    Column("filled", lambda tally: count(tally.filled)),
    Column("arrival", lambda tally: price(tally.arrival_mid), wide=True),
    # Over orders of several symbols a mean price says nothing.
    Column("avg px", lambda tally: "" if tally.order is None else price(tally.avg_px)),
    *_ENDS,
    *_FIGURES,
)
COLUMNS: Final[dict[str, tuple[Column, ...]]] = {"order": _ORDER, "venue": _VENUE} | {
    cut.value: (Column(cut.value, lambda tally: tally.name, number=False), *_OF_ORDERS)
    for cut in (Cut.STRATEGY, Cut.SYMBOL, Cut.SIDE, Cut.ACCOUNT)
}


def _cost(tally: Tally) -> Sum:
    """Return what a venue's line cost: its fills, or the mark of what none filled."""
    return tally.sums[FILLED_COST] if tally.fills else tally.sums[UNFILLED_COST]


# Each naive router: what it does, and what was saved against it by price and with fees.
_NAIVE: Final = (
    ("the best quote", SAVED_BEST_QUOTE, SAVED_BEST_QUOTE_ALL_IN),
    ("the listing venue", SAVED_LISTING, SAVED_LISTING_ALL_IN),
)


def against_naive(tally: Tally) -> list[str]:
    """Say what was saved against each naive router, of how many orders, and what it is not set against.

    Nothing of a line that nothing was filled of.
    """
    if not tally.fills:
        return []
    return [
        text
        for place, by_price, all_in in _NAIVE
        for text in (
            f"against all to {place}: {_saved(tally.sums[by_price])} bps saved by price,"
            f" {_saved(tally.sums[all_in])} with fees; {count(tally.sums[by_price].orders)} orders",
            *_left_out(tally.sums[by_price]),
        )
    ]


def _left_out(found: Sum) -> list[str]:
    if not found.missing:
        return []
    return [
        f"  left out: {count(found.short)} shares of which too little was displayed there,"
        f" {count(found.missing - found.short)} of which nothing is to compare"
    ]


def _saved(found: Sum) -> str:
    half = interval(found)
    return bps(found).rstrip("*") + ("" if half == ABSENT else f" ± {half}")


def missing(tally: Tally) -> list[str]:
    """Say of which figures a part is not known, and of how many shares."""
    return [
        f"{figure.title}: {count(found.missing)} of {count(found.missing + found.shares)} shares"
        for figure, found in tally.sums.items()
        if found.missing and figure not in (*SHORTFALL_PARTS, *SAVED)
    ]


ROUTED_TITLES: Final = (
    "venue",
    "orders",
    "of all",
    *(one.value for one in OrderClass),
    *(f"{one.value}: {unit}" for one in OrderClass for unit in ("$", "¢/100")),
)


def routed_lines(lines: Sequence[Routed]) -> Iterable[list[str]]:
    """Yield the Rule 606 table: orders, their share of all and of each class, receipts net of payments."""
    shares = [share_ppm([line.orders[one] for line in lines]) for one in OrderClass]
    of_all = share_ppm([sum(line.orders.values()) for line in lines])
    for place, line in enumerate(lines):
        yield [
            line.venue_id,
            count(sum(line.orders.values())),
            percent(of_all[place]),
            *[percent(one[place]) for one in shares],
            *[
                text
                for one in OrderClass
                for text in (money(line.received(one)), price(line.received_per_hundred(one)))
            ],
        ]
