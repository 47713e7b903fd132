"""`oms instrument`: list an instrument, take it off the list, change its tick, round lot or sector."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from rich.console import Console

from oms_client import answers
from oms_tools.cli.client import ApiClient, read
from oms_tools.cli.options import data_option, json_option, persona_option
from oms_tools.cli.tables import aligned, counted, folded, say

console = Console()
admin_option = persona_option("admin1")
reason_option: Final = click.option("--reason", required=True, help="Why; it is kept with your name.")
version_option: Final = click.option(
    "--version", type=click.IntRange(min=1), help="As it was read: another one is not changed."
)
F = TypeVar("F", bound=Callable[..., Any])


def what_options(function: F) -> F:
    """Add the options that say what an instrument is like."""
    for option in (
        click.option("--lot", "lot_size", type=click.IntRange(min=1), help="Shares of a round lot."),
        click.option("--tick", "tick_size", help="Dollars, from a dollar on; from today."),
        click.option("--listed-at", "listing_venue", help="The venue that holds its auctions."),
        click.option("--sector", help="By which limits may name it."),
    ):
        function = option(function)
    return function


@click.group()
def instrument() -> None:
    """List an instrument, take it off the list, change its tick, round lot or sector."""


@instrument.command("list")
@data_option
@admin_option
@json_option
def list_instruments(data: Path, user: str, as_json: bool) -> None:
    """Show what is traded."""
    answer = ApiClient.of_stack(data.resolve(), user).instruments()
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    found = read(answer, answers.Instruments).instruments
    rows = [
        [one.symbol, "HALTED" if one.halt_reason is not None else one.status, one.sector]
        + [f"{number:f}" for number in (one.reference_price, one.tick_size)]
        + [str(one.lot_size), one.calendar_id, one.name]
        for one in found
    ]
    titles = ("symbol", "status", "sector", "price>", "tick>", "lot>", "calendar", "name")
    say(console, *aligned(titles, rows), counted(len(rows), "instrument"))


@instrument.command("add")
@data_option
@admin_option
@click.argument("symbol")
@click.option("--name", required=True, help="What it is.")
@click.option("--price", "reference_price", required=True, help="Dollars, where nobody quotes it.")
@click.option("--calendar", required=True, help="By which it trades, such as XNYS.")
@click.option("--volume", "average_volume", type=click.IntRange(min=1), help="Shares of an average day.")
@click.option("--sigma", "sigma_bps", type=click.IntRange(min=1), help="A day's volatility, basis points.")
@what_options
@reason_option
@json_option
def add(data: Path, user: str, symbol: str, as_json: bool, **given: Any) -> None:
    """List an instrument, which trades within a second; it is quoted when market data quotes it."""
    _tell(ApiClient.of_stack(data.resolve(), user).add_instrument(symbol.upper(), **given), as_json)


@instrument.command("change")
@data_option
@admin_option
@click.argument("symbol")
@click.option("--name", help="What it is.")
@what_options
@reason_option
@version_option
@json_option
def change(data: Path, user: str, symbol: str, as_json: bool, **changes: Any) -> None:
    """Change what an instrument is like, from today on; what is left out stays as it is."""
    _tell(ApiClient.of_stack(data.resolve(), user).change_instrument(symbol.upper(), **changes), as_json)


def _of_status(name: str, status: str, said: str) -> None:
    @instrument.command(name, help=said)
    @data_option
    @admin_option
    @click.argument("symbol")
    @reason_option
    @version_option
    @json_option
    def command(data: Path, user: str, symbol: str, as_json: bool, **why: Any) -> None:
        client = ApiClient.of_stack(data.resolve(), user)
        _tell(client.change_instrument(symbol.upper(), status=status, **why), as_json)  # type: ignore[arg-type]


_of_status(
    "retire",
    "INACTIVE",
    "Take an instrument off the list: new orders are denied, nothing is routed; what venues have stays and"
    " can be canceled.",
)
_of_status("restore", "ACTIVE", "Let an instrument trade again.")


def _tell(answer: object, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    one = read(answer, answers.Instrument)
    grid = f"tick {one.tick_size:f}  lot {one.lot_size}"
    say(console, f"{one.symbol}  {one.status}  {one.name}  {one.sector}  {grid}  version {one.version}")
    if one.changed_by:
        say(console, *folded(f"{one.changed_by}: {one.reason}", console.width))
