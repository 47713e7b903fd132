"""`oms halt`, `oms unhalt`: a symbol whose orders are denied and routed no further, and its trading again."""

import json
from pathlib import Path

import click
from rich.console import Console

from oms_tools.cli.client import ApiClient
from oms_tools.cli.options import data_option, json_option, persona_option

console = Console()
admin_option = persona_option("admin1")


@click.command("halt")
@data_option
@admin_option
@click.argument("symbol", required=False)
@click.option("--reason", help="Why; it is kept with your name.")
@click.option("--all", "every", is_flag=True, help="Without SYMBOL: those that were lifted, too.")
@json_option
def halt(data: Path, user: str, symbol: str | None, reason: str | None, every: bool, as_json: bool) -> None:
    """Halt SYMBOL: its new orders are denied, nothing of it leaves for a venue, cancels go on.

    Without SYMBOL: list what is halted.
    """
    client = ApiClient.of_stack(data.resolve(), user)
    if symbol is not None:
        if not reason:
            raise click.UsageError("expected --reason with a symbol, found none")
        click.echo(json.dumps(client.set_halt(symbol, reason=reason), indent=1))
        return
    answer = client.halts(lifted=True if every else None)
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    for one in answer["halts"]:
        lifted = f"  lifted {one['liftedAt'][:19]}Z by {one['liftedBy']}" if one["liftedAt"] else ""
        console.print(
            f"{one['symbol']}  {one['setAt'][:19]}Z  by {one['setBy']}: {one['reason']}{lifted}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
    console.print(f"{len(answer['halts'])} halts", highlight=False)


@click.command("unhalt")
@data_option
@admin_option
@click.argument("symbol")
@click.option("--reason", required=True, help="Why; it is kept with your name.")
@json_option
def unhalt(data: Path, user: str, symbol: str, reason: str, as_json: bool) -> None:
    """Let SYMBOL trade again; what is left of its orders goes on within seconds."""
    answer = ApiClient.of_stack(data.resolve(), user).lift_halt(symbol, reason=reason)
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    console.print(f"{answer['symbol']} trades again", highlight=False, markup=False)
