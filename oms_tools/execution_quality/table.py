"""Execution quality in the terminal."""

from collections.abc import Sequence
from typing import Final, Literal

from rich.console import Console
from rich.table import Table

from oms_tools.cli.order_ids import short_id
from oms_tools.execution_quality.columns import COLUMNS, Column, against_naive, count, missing
from sor_engine.domain.quality_report import Cut, Report

# Of single orders a report keeps the last and the costliest; the CSV has all of them.
ORDERS_MAX: Final = 40
_GAP: Final = 2
_UNITS: Final = "without $: basis points of the notional, share-weighted; mk: markout, above 0 good; ±: 95 %"


def columns_shown(by: str, wide: bool) -> Sequence[Column]:
    """Return the columns of a table: all, or those that fit 120, where an order is the end of its id."""
    if wide:
        return COLUMNS[by]
    shown = [column for column in COLUMNS[by] if not column.wide]
    if by == "order":
        shown[0] = shown[0]._replace(
            text=lambda tally: tally.name if tally.order is None else short_id(tally.name)
        )
    return shown


def print_report(report: Report, by: str, to: Console, wide: bool) -> None:
    """Print the lines by a cut, and what is not known. wide: every column."""
    columns = columns_shown(by, wide)
    lines = report.lines(Cut(by))
    shown = [*lines, report.total]
    # Where room is short, a heading of two words stands in two lines.
    headings = [one.title if wide else one.title.replace(" ", "\n") for one in columns]
    widths = [
        max([*[len(word) for word in heading.split("\n")], *[len(one.text(tally)) for tally in shown]])
        for one, heading in zip(columns, headings, strict=True)
    ]
    # A narrow terminal breaks a line rather than the figures in it.
    gap = _GAP if wide else 1
    whole = sum(widths) + gap * (len(widths) - 1)
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), width=whole)
    for column, heading, width in zip(columns, headings, widths, strict=True):
        justify: Literal["left", "right"] = "right" if column.number else "left"
        table.add_column(heading, justify=justify, width=width, no_wrap=True)
    for tally in lines:
        table.add_row(*[column.text(tally) for column in columns])
    if by != "venue" and len(lines) > 1:
        table.add_section()
        table.add_row(*[column.text(report.total) for column in columns], style="bold")
    to.print(table, crop=False)
    if by == "order" and len(lines) < report.total.orders:
        to.print(f"the last {len(lines)} of {count(report.total.orders)}; --csv writes all", style="dim")
    to.print(_UNITS, style="dim", soft_wrap=True)
    if len(columns) < len(COLUMNS[by]):
        left_out = [column.title for column in COLUMNS[by] if column.wide]
        to.print(f"--wide shows {', '.join(left_out)} too", style="dim", soft_wrap=True)
    for text in against_naive(report.total):
        to.print(text, highlight=False, soft_wrap=True)
    unknown = missing(report.total)
    if unknown:
        to.print("* not known, and left out:", style="yellow")
        for text in unknown:
            to.print(f"  {text}", style="yellow", highlight=False, soft_wrap=True)
