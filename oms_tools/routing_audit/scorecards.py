"""`oms scorecards`: what our own fills say of each venue, and which venues are closed."""

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from oms_tools.cli.client import ApiClient
from oms_tools.cli.options import data_option, json_option, user_option

console = Console()
UNMEASURED = "–"
LEGEND = (
    "take, rest, dark: shares filled of those sent to take, to wait and to the dark; reject: of orders;"
    " hidden: shares beyond the displayed ones",
    "ack ms: until the venue acknowledges; fill s: until a resting order's first fill",
    "impr. bp: price improvement; 1s, 10s, 60s bp: the mid so long after a fill against its price;"
    " basis points, above 0 good for us; –: not measured yet",
)
FIGURES = (
    "orders",
    "take",
    "rest",
    "dark",
    "reject",
    "hidden",
    "ack ms",
    "fill s",
    "impr. bp",
    "1s bp",
    "10s bp",
    "60s bp",
)


@click.command()
@data_option
@user_option
@json_option
def scorecards(data: Path, user: str, as_json: bool) -> None:
    """Show every venue's scorecard: fills, latency, rejects, price improvement, markouts, closures."""
    answer = ApiClient.of_stack(data.resolve(), user).scorecards()
    if as_json:
        click.echo(json.dumps(answer, indent=1))
    else:
        print_scorecards(answer["venues"], console)


def print_scorecards(venues: list[dict[str, Any]], to: Console) -> None:
    """Print a line a venue; what was not measured is a dash.

    Shown are fill rates, the reject rate, hidden shares to displayed ones, the time to the acknowledgement
    and to a resting order's first fill, and price improvement and markouts in basis points, above 0 good for
    us.
    """
    table = Table(box=None, pad_edge=False)
    # A narrow terminal breaks a line rather than the figures in it.
    table.add_column("venue", no_wrap=True, min_width=max([5, *(len(venue["venueId"]) for venue in venues)]))
    table.add_column("state", no_wrap=True, min_width=9)
    for name in FIGURES:
        table.add_column(name, justify="right", no_wrap=True, min_width=max(6, len(name)))
    for venue in venues:
        card = venue["scorecard"]
        markouts = card.get("markouts", {})
        state = f"[red]{venue['closedReason'].partition(':')[0]}[/]" if venue["closedReason"] else "open"
        table.add_row(
            venue["venueId"],
            state,
            str(card["orders"]),
            *(_percent(card.get(way, {}).get("fillPpm")) for way in ("take", "rest", "dark")),
            _percent(card.get("rejectPpm")),
            _percent(card.get("hidden", {}).get("beyondPpm")),
            _per(card.get("latency", {}).get("meanUs"), 1_000, 2),
            _per(card.get("timeToFill", {}).get("meanUs"), 1_000_000, 1),
            _per(card.get("priceImprovement", {}).get("cbps"), 100, 2),
            *(_per(markouts.get(after, {}).get("cbps"), 100, 2) for after in ("1s", "10s", "60s")),
        )
    to.print(table, crop=False)
    for text in LEGEND:
        to.print(text, style="dim", highlight=False)
    for venue in venues:
        if venue["closedReason"]:
            until = f", tried again at {venue['closedUntil']}" if venue["closedUntil"] else ""
            to.print(
                f"{venue['venueId']} {venue['closedReason']}{until}",
                style="yellow",
                highlight=False,
                markup=False,
                soft_wrap=True,
            )


def _percent(ppm: int | None) -> str:
    return UNMEASURED if ppm is None else f"{ppm / 10_000:.1f}%"


def _per(value: int | None, unit: int, digits: int) -> str:
    return UNMEASURED if value is None else f"{value / unit:.{digits}f}"
