"""Execution quality in the terminal."""

from collections.abc import Sequence
from typing import Final, Literal

from rich.console import Console
from rich.table import Table

from oms_tools.execution_quality.arithmetic import Report, Tally
from oms_tools.execution_quality.columns import COLUMNS, count, missing

# Of single orders a report keeps the last and the costliest; the CSV has all of them.
ORDERS_MAX: Final = 40
_GAP: Final = 2
_UNITS: Final = "without $: basis points of the notional, share-weighted; mk: markout, above 0 good for us"


def lines_by(report: Report, by: str) -> Sequence[Tally]:
    """Return the lines of a report: by order, venue or strategy."""
    return {"order": report.orders, "venue": report.venues, "strategy": report.strategies}[by]


def print_report(report: Report, by: str, to: Console) -> None:
    """Print a line for each order, venue or strategy, and what is not known."""
    columns = COLUMNS[by]
    lines = lines_by(report, by)
    shown = [*lines, report.total]
    widths = [max([len(one.title), *[len(one.text(tally)) for tally in shown]]) for one in columns]
    # A narrow terminal breaks a line rather than the figures in it.
    whole = sum(widths) + _GAP * (len(widths) - 1)
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), width=whole)
    for column, width in zip(columns, widths, strict=True):
        justify: Literal["left", "right"] = "right" if column.number else "left"
        table.add_column(column.title, justify=justify, width=width, no_wrap=True)
    for tally in lines:
        table.add_row(*[column.text(tally) for column in columns])
    if by != "venue" and len(lines) > 1:
        table.add_section()
        table.add_row(*[column.text(report.total) for column in columns], style="bold")
    to.print(table, crop=False)
    if by == "order" and len(lines) < report.total.orders:
        to.print(f"the last {len(lines)} of {count(report.total.orders)}; --csv writes all", style="dim")
    to.print(_UNITS, style="dim", soft_wrap=True)
    unknown = missing(report.total)
    if unknown:
        to.print("* not known, and left out:", style="yellow")
        for text in unknown:
            to.print(f"  {text}", style="yellow", highlight=False, soft_wrap=True)
