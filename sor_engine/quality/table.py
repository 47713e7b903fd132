"""Execution quality in the terminal."""

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from sor_engine.domain.quality import Report, Tally
from sor_engine.quality.columns import COLUMNS, count, missing

# A terminal shows the orders that came last; the CSV has all of them.
LINES_MAX: Final = 40


def lines_by(report: Report, by: str) -> Sequence[Tally]:
    """Return the lines of a report: by order, venue or strategy."""
    return {"order": report.orders, "venue": report.venues, "strategy": report.strategies}[by]


def print_report(report: Report, by: str, to: Console) -> None:
    """Print a line for each order, venue or strategy, and what is not known."""
    columns = COLUMNS[by]
    lines = lines_by(report, by)
    table = Table(box=None, pad_edge=False)
    for column in columns:
        # A narrow terminal breaks a line rather than the figures in it.
        table.add_column(column.title, justify="right" if column.number else "left", no_wrap=True)
    for tally in lines[-LINES_MAX:]:
        table.add_row(*[column.text(tally) for column in columns])
    if by != "venue" and len(lines) > 1:
        table.add_section()
        table.add_row(*[column.text(report.total) for column in columns], style="bold")
    # Wide enough for every figure: a terminal wraps what does not fit.
    to.print(table, crop=False, width=max(to.width, _width(report, by)), soft_wrap=True)
    if len(lines) > LINES_MAX:
        to.print(f"the last {LINES_MAX} of {count(len(lines))}; --csv writes all", style="dim")
    to.print(
        "spreads, price improvement, fees, markouts (mk) and shortfall in bps, share-weighted", style="dim"
    )
    unknown = missing(report.total)
    if unknown:
        to.print("* not known, and left out:", style="yellow")
        for text in unknown:
            to.print(f"  {text}", style="yellow", highlight=False, soft_wrap=True)


def _width(report: Report, by: str) -> int:
    columns = COLUMNS[by]
    lines = [*lines_by(report, by)[-LINES_MAX:], report.total]
    widest = [max([len(column.title), *[len(column.text(tally)) for tally in lines]]) for column in columns]
    return sum(widest) + len(columns)
