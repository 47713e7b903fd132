"""`oms routing`: the profiles by which orders are routed: shown, changed and retired, each with a reason."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console

from oms_client import answers
from oms_tools.cli.client import ApiClient, read
from oms_tools.cli.options import data_option, json_option, persona_option
from oms_tools.cli.tables import aligned, counted, folded, say

console = Console()
admin_option = persona_option("admin1")
reason_option: Final = click.option("--reason", required=True, help="Why; it is kept with your name.")


@click.group()
def routing() -> None:
    """Show by what orders are routed, change a routing profile or retire it, and say who did and why."""


@routing.command("list")
@data_option
@admin_option
@json_option
def list_profiles(data: Path, user: str, as_json: bool) -> None:
    """Show the profiles that are in use."""
    answer = ApiClient.of_stack(data.resolve(), user).profiles()
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    found = read(answer, answers.Profiles).profiles
    rows = [[one.profile, str(one.version), one.created_by, said(one.settings)] for one in found]
    say(console, *aligned(("profile", "version>", "by", "settings"), rows), counted(len(rows), "profile"))


@routing.command("history")
@data_option
@admin_option
@click.argument("name")
@json_option
def history(data: Path, user: str, name: str, as_json: bool) -> None:
    """Show a profile's versions, the newest first, with who added and who retired each, and why."""
    answer = ApiClient.of_stack(data.resolve(), user).profile_versions(name)
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    for one in read(answer, answers.ProfileVersions).versions:
        added = f"{one.created_at:%Y-%m-%d %H:%M:%S} UTC  {one.created_by}  {one.reason}"
        lines = [f"version {one.version}  {added}", said(one.settings)]
        if one.retired_at is not None:
            lines.append(
                f"retired {one.retired_at:%Y-%m-%d %H:%M:%S} UTC  {one.retired_by}  {one.retired_reason}"
            )
        say(console, *(folded_line for line in lines for folded_line in folded(line, console.width)))


@routing.command("change")
@data_option
@admin_option
@click.argument("name")
@click.option("--strategy", help="best, sweep, split, staged, passive, dark or urgency.")
@click.option("--weight", "weights", multiple=True, help="TERM=WEIGHT, such as price=0.6; several times.")
@click.option(
    "--set", "others", multiple=True, help="SETTING=VALUE, such as staged.dark_ms=300; several times."
)
@reason_option
@click.option("--version", type=click.IntRange(min=0), help="As it was read: another one is not changed.")
@click.option("--new", is_flag=True, help="Add a profile of a name that none has.")
@json_option
def change(
    data: Path,
    user: str,
    name: str,
    strategy: str | None,
    weights: tuple[str, ...],
    others: tuple[str, ...],
    reason: str,
    version: int | None,
    new: bool,
    as_json: bool,
) -> None:
    """Add a version of a profile, used within a second: what is left out stays as it is.

    A profile that is not there yet is added with --new, and takes its weights; nobody else's change is undone
    unseen.
    """
    client = ApiClient.of_stack(data.resolve(), user)
    there = read(client.profiles(), answers.Profiles).profiles
    known = [one for one in there if one.profile == name]
    if not known and not new:
        names = ", ".join(one.profile for one in there) or "none"
        raise click.UsageError(f"expected one of the profiles {names}, found {name!r}; --new adds one")
    settings = changed(known[0].settings if known else {}, strategy, weights, others)
    if version is None and known:
        version = known[0].version
    answer = client.add_profile(name, settings, reason=reason, version=version)
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    say(console, *folded(f"{name}  version {answer['version']}  {said(settings)}", console.width))


@routing.command("retire")
@data_option
@admin_option
@click.argument("name")
@reason_option
@click.option("--version", type=click.IntRange(min=1), help="As it was read: another one is not retired.")
@json_option
def retire(data: Path, user: str, name: str, reason: str, version: int | None, as_json: bool) -> None:
    """Use a profile no more; orders and accounts that name it are not routed until it is there again."""
    answer = ApiClient.of_stack(data.resolve(), user).retire_profile(name, reason=reason, version=version)
    say(console, f"{name} is retired.") if not as_json else click.echo(json.dumps(answer, indent=1))


def changed(
    settings: Mapping[str, Any], strategy: str | None, weights: tuple[str, ...], others: tuple[str, ...]
) -> dict[str, Any]:
    """Return settings with what is given changed. Raises click.BadParameter for what is no NAME=VALUE."""
    result: dict[str, Any] = dict(settings)
    if strategy is not None:
        result["strategy"] = strategy
    for given in weights:
        term, weight = _pair(given, "--weight")
        result["weights"] = {**result.get("weights", {}), term: weight}
    for given in others:
        path, value = _pair(given, "--set")
        part, _, name = path.rpartition(".")
        # A number stays the text that it is for the router to read; whole ones are told as such.
        entered = int(value) if value.lstrip("-").isdigit() else value
        if part:
            result[part] = {**result.get(part, {}), name: entered}
        else:
            result[name] = entered
    return result


def _pair(given: str, option: str) -> tuple[str, str]:
    name, sign, value = given.partition("=")
    if not sign or not name or not value:
        raise click.BadParameter(f"{option} must be NAME=VALUE, was {given!r}")
    return name.strip(), value.strip()


def said(settings: Mapping[str, Any]) -> str:
    """Say settings as names and values, those of a part after its name in brackets."""
    return ", ".join(
        f"{name} ({said(value)})" if isinstance(value, Mapping) else f"{name} {value}"
        for name, value in settings.items()
    )
