"""`oms locates`: where shares can be borrowed, and what short sales have drawn of it."""

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from oms_client import answers
from oms_tools.cli.client import ApiClient, ApiError, read
from oms_tools.cli.locate_file import read_locates
from oms_tools.cli.options import data_option, json_option, persona_option
from oms_tools.cli.tables import aligned, counted, folded, say
from oms_tools.cli.times import DAY

console = Console()
risk_option = persona_option("risk1")
day_option: Final = click.option("--day", type=DAY, help="Of the session; default: today in New York.")
_LINE: Final = re.compile(r"((?:locates|easyToBorrow)\[\d+\])\.?")


@click.group()
def locates() -> None:
    """Look at locates and the easy-to-borrow list of a day, and load them."""


@locates.command("list")
@data_option
@risk_option
@day_option
@click.option("--account", help="Of this account.")
@click.option("--symbol", help="Of this symbol.")
@json_option
def list_locates(
    data: Path, user: str, day: datetime | None, account: str | None, symbol: str | None, as_json: bool
) -> None:
    """List a day's locates with the shares that orders have drawn, and the symbols that need none."""
    answer = ApiClient.of_stack(data.resolve(), user).locates(
        day=None if day is None else day.date(),
        account=account,
        symbol=None if symbol is None else symbol.upper(),
    )
    _tell(answer, as_json)


@locates.command("load")
@data_option
@risk_option
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@day_option
@click.option("--reason", required=True, help="Why; it is kept with your name.")
@json_option
def load(data: Path, user: str, file: Path, day: datetime | None, reason: str, as_json: bool) -> None:
    """Load a day's locates and its easy-to-borrow list: every line of FILE, or nothing.

    CSV with the columns kind, symbol, account, reference, broker, quantity. A line of kind LOCATE has all of
    them, one of kind EASY a symbol alone; those of kind EASY are the whole list of the day.
    """
    found = read_locates(file)
    client = ApiClient.of_stack(data.resolve(), user)
    try:
        answer = client.load_locates(
            found.locates, found.easy, day=None if day is None else day.date(), reason=reason
        )
    except ApiError as error:
        told = [(_LINE.match(one.field), one) for one in error.fields]
        if not any(match for match, _ in told):
            raise
        said = [
            f"{found.places[match[1]]}: {f'{one.field[match.end() :]} {one.message}'.lstrip()}"
            if match
            else str(one)
            for match, one in told
        ]
        raise click.ClickException("\n".join(["nothing was loaded:", *said])) from error
    _tell(answer, as_json)


def _tell(answer: object, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    found = read(answer, answers.Locates)
    rows = [
        [one.symbol, one.account_id, one.reference, one.broker]
        + [f"{shares:,}" for shares in (one.quantity, one.drawn, one.left)]
        for one in found.locates
    ]
    titles = ("symbol", "account", "reference", "broker", "shares>", "drawn>", "left>")
    say(console, *aligned(titles, rows), f"{counted(len(rows), 'locate')} for {found.day}")
    easy = found.easy_to_borrow
    if easy is None:
        say(console, f"no easy-to-borrow list for {found.day}")
        return
    said = f"easy to borrow, {easy.entered_by}: {', '.join(easy.symbols) or 'nothing'}"
    say(console, *folded(said, console.width))
