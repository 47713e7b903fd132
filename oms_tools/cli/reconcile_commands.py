"""`oms reconcile`: what venues say of open orders and of a day's trades, beside what we hold."""

import json
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import click
import psycopg
from rich.console import Console

from oms_tools.cli.client import ApiClient
from oms_tools.cli.dsn import dsn_option, dsn_or_stack
from oms_tools.cli.options import data_option, json_option, persona_option
from oms_tools.cli.session_commands import run_comparison
from oms_tools.cli.times import DAY
from oms_tools.verify.venue_day import UnreadableFileError, VenueDay, venue_day

console = Console()


@click.group()
def reconcile() -> None:
    """Compare what we hold with what venues say."""


@reconcile.command("list")
@data_option
@persona_option("desk")
@click.option("--venue", help="Only of this venue.")
@click.option("--all", "every", is_flag=True, help="Those without a break, too.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 500))
@json_option
def list_runs(data: Path, user: str, venue: str | None, every: bool, limit: int, as_json: bool) -> None:
    """List the comparisons of open orders that found a break, the newest first."""
    client = ApiClient.of_stack(data.resolve(), user)
    answer = client.reconciliations(venue=venue, broken=not every, limit=limit)
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    found = answer["reconciliations"]
    for run in found:
        _say(
            f"{run['endedAt'][:19]}Z  {run['venueId']:8} {run['occasion']:8} asked {run['asked']}"
            f"  agreed {run['agreed']}  over {run['over']}  breaks {len(run['breaks'])}"
        )
        for one in run["breaks"]:
            settled = "settled" if one["settled"] else "OPEN"
            _say(f"  {settled:7} {one['clOrdId']}  ours: {one['ours']}  theirs: {one['theirs']}")
    _say(f"{len(found)} comparisons" + ("" if every else " with a break; --all shows those without, too"))


@reconcile.command("report")
@data_option
@dsn_option
@click.option("--date", "day", type=DAY, help="The trade date; today in UTC.")
@click.option("--venue", "venues", multiple=True, help="Only this venue; may be given several times.")
@click.option("--theirs", type=click.File("r"), help="The venue's own trades as CSV; with one --venue.")
@json_option
def report(
    data: Path,
    dsn: str | None,
    day: datetime | None,
    venues: tuple[str, ...],
    theirs: TextIO | None,
    as_json: bool,
) -> None:
    """Report a day's trades by venue: ours, theirs and each difference. Exits with 1 if there is any.

    Theirs are what the venue sent over FIX, or a file with the columns execId, symbol, side, lastQty, lastPx.
    """
    if theirs is not None and len(venues) != 1:
        raise click.UsageError("--theirs is the file of one --venue")
    trade_date = (day or datetime.now(UTC)).date()
    with closing(psycopg.connect(dsn_or_stack(dsn, data), autocommit=True)) as connection:
        known = [row[0] for row in connection.execute("SELECT venue_id FROM venues ORDER BY venue_id")]
        if unknown := sorted(set(venues) - set(known)):
            raise click.UsageError(f"expected venues of {', '.join(known)}, found {', '.join(unknown)}")
        try:
            days = [venue_day(connection, name, trade_date, theirs) for name in venues or known]
        except UnreadableFileError as error:
            raise click.UsageError(str(error)) from error
    if as_json:
        click.echo(json.dumps([one.as_json() for one in days], indent=1))
    else:
        for one in days:
            _print_day(one)
    sys.exit(1 if any(one.differences for one in days) else 0)


reconcile.add_command(run_comparison)


def _print_day(day: VenueDay) -> None:
    sums: dict[str, Any] = day.as_json()
    ours, theirs = sums["ours"], sums["theirs"]
    _say(
        f"{day.venue_id:8} {day.day}  ours {ours['trades']} trades, {ours['shares']} shares,"
        f" {ours['notional']}  theirs {theirs['trades']}, {theirs['shares']}, {theirs['notional']}"
        f"  differences {len(sums['differences'])}"
    )
    for name, (held, said) in day.differences.items():
        _say(f"  {name}  ours: {held or 'none'}  theirs: {said or 'none'}")


def _say(line: str) -> None:
    console.print(line, highlight=False, markup=False, soft_wrap=True)
