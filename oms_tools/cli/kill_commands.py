"""`oms kill`: stop what leaves for venues, by scope, and let it trade again."""

import json
from pathlib import Path

import click
from rich.console import Console

from oms_client.operations import Scope
from oms_tools.cli.client import ApiClient
from oms_tools.cli.options import always_json_option, data_option, json_option, persona_option

console = Console()
admin_option = persona_option("admin1")


@click.group()
def kill() -> None:
    """Stop orders of the firm, a venue, an account or a symbol at the last gate; cancels still go out."""


@kill.command("set")
@data_option
@admin_option
@always_json_option
@click.option("--venue", help="Stop this venue.")
@click.option("--account", help="Stop this account.")
@click.option("--symbol", help="Stop this symbol.")
@click.option("--firm", is_flag=True, help="Stop everything.")
@click.option("--cancel", "cancels", is_flag=True, help="Cancel what is open of it, too.")
@click.option("--reason", required=True, help="Why; it is kept with your name.")
def set_switch(
    data: Path,
    user: str,
    venue: str | None,
    account: str | None,
    symbol: str | None,
    firm: bool,
    cancels: bool,
    reason: str,
) -> None:
    """Stop a scope."""
    named: list[tuple[Scope, str | None]] = [("VENUE", venue), ("ACCOUNT", account), ("SYMBOL", symbol)]
    scopes = [(scope, name) for scope, name in named if name is not None]
    if firm:
        scopes.append(("FIRM", ""))
    if len(scopes) != 1:
        raise click.UsageError("expected one of --firm, --venue, --account and --symbol")
    ((scope, name),) = scopes
    client = ApiClient.of_stack(data.resolve(), user)
    answer = client.set_kill_switch(scope, name or None, reason=reason, cancels=cancels)
    click.echo(json.dumps(answer, indent=1))


@kill.command("release")
@data_option
@admin_option
@always_json_option
@click.argument("switch_id")
@click.option("--reason", required=True, help="Why; it is kept with your name.")
def release_switch(data: Path, user: str, switch_id: str, reason: str) -> None:
    """Let a scope trade again."""
    answer = ApiClient.of_stack(data.resolve(), user).release_kill_switch(switch_id, reason=reason)
    click.echo(json.dumps(answer, indent=1))


@kill.command("list")
@data_option
@admin_option
@click.option("--all", "every", is_flag=True, help="Those that were released, too.")
@json_option
def list_switches(data: Path, user: str, every: bool, as_json: bool) -> None:
    """List what is stopped."""
    answer = ApiClient.of_stack(data.resolve(), user).kill_switches(released=True if every else None)
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    found = answer["killSwitches"]
    for one in found:
        released = f"  released {one['releasedAt'][:19]}Z by {one['releasedBy']}" if one["releasedAt"] else ""
        cancels = "  with cancels" if one["cancels"] else ""
        console.print(
            f"{one['switchId']}  {one['setAt'][:19]}Z  {one['scope']} {one['name']}{cancels}"
            f"  by {one['setBy']}: {one['reason']}{released}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
    console.print(f"{len(found)} kill switches", highlight=False)
