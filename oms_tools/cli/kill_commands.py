"""`oms kill`: stop what leaves for venues, by scope and stage, see what came of it, and release it."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar, get_args

import click
from rich.console import Console

from oms_client.operations import KillStage, KillTriggerMode, KillTriggerStage
from oms_tools.cli.client import ApiClient, ApiError
from oms_tools.cli.options import always_json_option, data_option, json_option, persona_option
from oms_tools.cli.tables import counted

console = Console()
admin_option = persona_option("admin1")
STAGES: Final = get_args(KillStage)
FLATTEN: Final = "FLATTEN"
TRIGGER_STAGES: Final = get_args(KillTriggerStage)
MODES: Final = get_args(KillTriggerMode)
KINDS: Final = ("REJECT_RATE", "VENUE_SILENCE", "EXCEPTIONS", "MESSAGE_RATE", "LOSS")
# A switch that the gateway could not store is asked for again, so often a second, until then.
AGAIN_S: Final = 0.5
AGAIN_S_MAX: Final = 60.0
# No answer, and the gateway's that it cannot store it.
NOT_STORED: Final = (0, 503)
F = TypeVar("F", bound=Callable[..., Any])
reason_option: Final = click.option("--reason", required=True, help="Why; it is kept with your name.")
stage_option: Final = click.option(
    "--stage", type=click.Choice(STAGES), default="BLOCK", show_default=True,
    help="BLOCK: nothing new leaves. CANCEL: what is open is canceled, too. FLATTEN: positions are closed.",
)  # fmt: skip
trigger_stage_option: Final = click.option(
    "--stage", type=click.Choice(TRIGGER_STAGES), default="BLOCK", show_default=True,
    help="BLOCK: nothing new leaves. CANCEL: what is open is canceled, too.",
)  # fmt: skip
yes_option: Final = click.option(
    "--yes", is_flag=True, help="Close positions without asking; what would be closed is shown all the same."
)
# What a position has no name of.
_NOT_OF_POSITIONS: Final = ("trader", "strategy", "venue")
_NAMES: Final = ("firm", "desk", "account", "trader", "strategy", "sector", "symbol", "venue")


def scope_options(command: F) -> F:
    """Add the options that name a scope."""
    for name in reversed(_NAMES):
        command = click.option(f"--{name}", help=f"Of this {name}.")(command)
    return click.option("--everything", is_flag=True, help="Everything; instead of any name.")(command)


def _scope(given: dict[str, Any]) -> dict[str, Any]:
    """Return the names that are given. Raises UsageError for none, and for names beside --everything."""
    names = {name: given[name] for name in _NAMES if given[name] is not None}
    if bool(names) == given["everything"]:
        options = ", ".join(f"--{name}" for name in _NAMES)
        raise click.UsageError(f"expected some of {options}, or --everything alone")
    return names | {"everything": given["everything"]}


def _confirm(client: ApiClient, names: dict[str, Any], *, yes: bool) -> None:
    """Show which positions would be closed, and have that confirmed by typing the scope. Raises Abort.

    What the gateway would refuse anyway is left to it to refuse.
    """
    if any(name in names for name in _NOT_OF_POSITIONS):
        return
    found = client.preview_flatten(**names)
    scope = ", ".join(f"{kind}={name}" for kind, name in found["scope"].items()) or "everything"
    for one in found["positions"]:
        mark = "no mark" if one["mark"] is None else f"mark {one['mark']}{' (stale)' if one['stale'] else ''}"
        value = "" if one["value"] is None else f", {one['value']} dollars"
        shares = abs(one["quantity"])
        click.echo(
            f"{one['accountId']}  {one['symbol']}  {one['side'].lower()} {shares:,}  {mark}{value}", err=True
        )
    covered = found["positionsCovered"]
    more = covered - len(found["positions"])
    said = f"{covered} positions{f', {more} of them not listed' if more else ''}"
    click.echo(f"FLATTEN of {scope}: {said} would be closed at the market.", err=True)
    if yes:
        return
    typed = click.prompt(f"Type {scope} to close them", err=True, default="", show_default=False)
    if typed.strip() != scope:
        click.echo("Nothing was set.", err=True)
        raise click.Abort


@click.group()
def kill() -> None:
    """Stop orders of any scope from the doors to the last gate; cancels still go out."""


@kill.command("set")
@data_option
@admin_option
@always_json_option
@scope_options
@stage_option
@reason_option
@click.option(
    "--wait", "wait_s", type=click.FloatRange(0, 600), default=AGAIN_S_MAX, show_default=True,
    help="Ask again for so many seconds while it cannot be stored.",
)  # fmt: skip
@yes_option
def set_switch(
    data: Path, user: str, stage: KillStage, reason: str, wait_s: float, yes: bool, **given: Any
) -> None:
    """Stop what has every name that is given. FLATTEN asks first, and shows what would be closed."""
    names = _scope(given)
    client = ApiClient.of_stack(data.resolve(), user)
    if stage == FLATTEN:
        _confirm(client, names, yes=yes)
    until_s = time.monotonic() + wait_s
    while True:
        try:
            answer = client.set_kill_switch(stage=stage, reason=reason, **names)
            break
        except ApiError as error:
            if error.status not in NOT_STORED or time.monotonic() >= until_s:
                raise
            click.echo(f"NOT SET YET: {error}", err=True)
            time.sleep(AGAIN_S)
    click.echo(json.dumps(answer, indent=1))


@kill.command("raise")
@data_option
@admin_option
@always_json_option
@click.argument("switch_id")
@click.option("--stage", type=click.Choice(STAGES), required=True, help="How far it is to go.")
@reason_option
@yes_option
def raise_switch(data: Path, user: str, switch_id: str, stage: KillStage, reason: str, yes: bool) -> None:
    """Have a switch go further. FLATTEN asks first, and shows what would be closed."""
    client = ApiClient.of_stack(data.resolve(), user)
    if stage == FLATTEN:
        scope = client.kill_switch(switch_id)["killSwitch"]["scope"]
        _confirm(client, scope | {"everything": not scope}, yes=yes)
    click.echo(json.dumps(client.raise_kill_switch(switch_id, stage=stage, reason=reason), indent=1))


@kill.command("release")
@data_option
@admin_option
@always_json_option
@click.argument("switch_id")
@reason_option
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
        _print(_line(one))
    _print(counted(len(found), "kill switch"))


@kill.command("show")
@data_option
@admin_option
@click.argument("switch_id")
@json_option
def show_switch(data: Path, user: str, switch_id: str, as_json: bool) -> None:
    """Show who goes by a switch, what it found open, and what of that is outstanding."""
    answer = ApiClient.of_stack(data.resolve(), user).kill_switch(switch_id)
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    _print(_line(answer["killSwitch"]))
    for one in answer["killSwitch"]["raised"]:
        _print(f"  raised to {one['stage']}  {one['at'][:19]}Z  by {one['by']}: {one['reason']}")
    for one in answer["inEffect"]:
        _print(
            f"  in effect  {one['since'][:23]}Z  {one['stage']}  {one['service']} {one['member']}".rstrip()
        )
    _print(f"  orders over {answer['ordersOver']} of {answer['ordersCovered']}")
    _print(f"  children over {answer['childrenOver']} of {answer['childrenCovered']}")
    for one in answer["outstanding"]:
        what = f"{one['clOrdId']} at {one['venueId']}" if one["clOrdId"] else f"order {one['orderId']}"
        what = f"{what}  {one['accountId']}  {one['openQty']} shares  since {one['since'][:19]}Z"
        _print(f"  outstanding  {what}: {one['why']}")
    if answer["positionsFound"]:
        _print(f"  positions flat {answer['positionsFlat']} of {answer['positionsFound']}")
    for one in answer["positions"]:
        _print(f"  position  {_position_line(one)}")


@kill.group("trigger")
def trigger() -> None:
    """What sets switches by itself."""


@trigger.command("set")
@data_option
@admin_option
@always_json_option
@click.argument("kind", type=click.Choice(KINDS))
@scope_options
@click.option("--threshold", type=click.IntRange(1), required=True, help="In the unit of the kind.")
@click.option("--window", type=click.IntRange(1, 86_400), default=10, show_default=True, help="Seconds.")
@click.option("--mode", type=click.Choice(MODES), default="SHADOW", show_default=True)
@trigger_stage_option
@reason_option
def set_trigger(
    data: Path,
    user: str,
    kind: str,
    threshold: int,
    window: int,
    mode: KillTriggerMode,
    stage: KillTriggerStage,
    reason: str,
    **given: Any,
) -> None:
    """Make a trigger of a kind and scope, or make the one that is there another."""
    names = _scope(given)
    client = ApiClient.of_stack(data.resolve(), user)
    answer = client.put_kill_trigger(
        kind=kind, threshold=threshold, window=window, mode=mode, stage=stage, reason=reason, **names
    )
    click.echo(json.dumps(answer, indent=1))


@trigger.command("list")
@data_option
@admin_option
@json_option
def list_triggers(data: Path, user: str, as_json: bool) -> None:
    """List the triggers."""
    answer = ApiClient.of_stack(data.resolve(), user).kill_triggers()
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    for one in answer["killTriggers"]:
        _print(
            f"{one['kind']}  {_names(one['scope'])}  {one['threshold']} in {one['windowS']} s"
            f"  {one['stage']}  {one['mode']}  by {one['changedBy']}: {one['reason']}"
        )
    _print(f"{len(answer['killTriggers'])} triggers")


def _position_line(one: dict[str, Any]) -> str:
    line = f"{one['accountId']}  {one['symbol']}  {one['state']}  held {one['held']} of {one['foundQty']}"
    if one["rounds"]:
        line += f"  round {one['rounds']}"
    if one["openQty"]:
        line += f"  order {one['orderId']} has {one['openQty']} open"
    return line + (f": {one['why']}" if one["why"] else "")


def _names(scope: dict[str, str]) -> str:
    return ", ".join(f"{kind} {name}" for kind, name in scope.items()) or "everything"


def _line(one: dict[str, Any]) -> str:
    released = f"  released {one['releasedAt'][:19]}Z by {one['releasedBy']}" if one["releasedAt"] else ""
    return (
        f"{one['switchId']}  {one['setAt'][:19]}Z  {_names(one['scope'])}  {one['stage']}"
        f"  by {one['setBy']}: {one['reason']}{released}"
    )


def _print(line: str) -> None:
    console.print(line, highlight=False, markup=False, soft_wrap=True)
