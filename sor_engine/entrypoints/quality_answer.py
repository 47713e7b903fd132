"""Execution quality as it is answered: a row for each line and figure, each with how much it stands on.

The law of this file: what is not known is null, never 0; nothing is rounded away that the report knows; an
amount has the one form of every door.
"""

from datetime import datetime
from decimal import Decimal

import msgspec

from oms_platform.prices import plain
from sor_engine.domain.market import MICROS
from sor_engine.domain.quality_report import FIGURES, Cut, Figure, Report, Tally
from sor_engine.ports import QualityScope


class QualityRow(msgspec.Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """A figure of a line. name, orders to avg_px: the line's; of single orders symbol, side, strategy too.

    gain: whether more of it is better for us. bps: of the notional, share-weighted, with its 95 % interval
    over `orders_known` orders. shares: it is known of; missing_shares: it is not; short_shares: those of them
    that a naive router would not have found displayed. Amounts are dollars.
    """

    name: str
    symbol: str | None
    side: str | None
    strategy: str | None
    orders: int
    shares_wanted: int
    shares_filled: int
    fills: int
    fill_rate: Decimal | None
    notional: Decimal
    arrival_mid: Decimal | None
    avg_px: Decimal | None
    figure: str
    gain: bool
    bps: Decimal | None
    bps_low: Decimal | None
    bps_high: Decimal | None
    orders_known: int
    dollars: Decimal | None
    per_share: Decimal | None
    shares: int
    missing_shares: int
    short_shares: int


class QualityAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """A report of so many orders. refused: those that risk refused. lines_left_out: over the limit."""

    cut: str
    since: datetime = msgspec.field(name="from")
    until: datetime = msgspec.field(name="to")
    orders: int
    refused: int
    lines_left_out: int
    rows: list[QualityRow]


def quality_answer(
    report: Report, refused: int, scope: QualityScope, cut: Cut, lines_max: int
) -> QualityAnswer:
    """Return a report as it is answered: its first lines, of single orders the last, and then the total."""
    lines = report.lines(cut)
    whole = report.total.orders if cut is Cut.ORDER else len(lines)
    shown = lines[:lines_max]
    return QualityAnswer(
        cut=cut.value,
        since=scope.since,
        until=scope.until,
        orders=report.total.orders,
        refused=refused,
        lines_left_out=whole - len(shown),
        rows=[_row(tally, figure) for tally in (*shown, report.total) for figure in FIGURES],
    )


def _row(tally: Tally, figure: Figure) -> QualityRow:
    order, found, ppm = tally.order, tally.sums[figure], tally.fill_rate_ppm
    low, high = found.interval_bps or (None, None)
    return QualityRow(
        name=tally.name,
        symbol=None if order is None else order.symbol,
        side=None if order is None else order.side,
        strategy=None if order is None else order.strategy,
        orders=tally.orders,
        shares_wanted=tally.wanted,
        shares_filled=tally.filled,
        fills=tally.fills,
        fill_rate=None if ppm is None else plain(Decimal(ppm).scaleb(-6)),
        notional=plain(Decimal(tally.notional) / (2 * MICROS)),
        arrival_mid=_plain(tally.arrival_mid),
        # Over orders of several symbols a mean price says nothing.
        avg_px=None if order is None else _plain(tally.avg_px),
        figure=figure.name,
        gain=figure.gain,
        bps=_plain(found.bps),
        bps_low=_plain(low),
        bps_high=_plain(high),
        orders_known=found.orders,
        dollars=_plain(found.dollars),
        per_share=_plain(found.per_share),
        shares=found.shares,
        missing_shares=found.missing,
        short_shares=found.short,
    )


def _plain(value: Decimal | None) -> Decimal | None:
    """Return an amount in the form in which every door writes it."""
    return None if value is None else plain(value)
