"""`oms limits`: the rules of pre-trade risk, what is set of them, what holds for an order, and changes."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from rich.console import Console

from oms_platform.risk_rules import (
    RULE_SPECS,
    SPEC_OF,
    Mode,
    OnMissing,
    RuleSpec,
    Severity,
    Unit,
    UnreadableRuleError,
    shown_value,
)
from oms_tools.cli.amounts import large
from oms_tools.cli.client import ApiClient, ApiError
from oms_tools.cli.limit_file import KINDS, read_file, read_parameters
from oms_tools.cli.options import always_json_option, data_option, json_option, persona_option
from oms_tools.cli.tables import aligned, counted, folded, say

console = Console()
risk_option = persona_option("risk1")
reason_option: Final = click.option("--reason", required=True, help="Why; it is kept with your name.")
version_option: Final = click.option(
    "--version", type=click.IntRange(min=0), help="Of the row that it replaces, 0 for none: no other one is."
)
_LINE: Final = re.compile(r"limits\[(\d+)\]\.?")
_MODES: Final = {Mode.OFF.value: "off", Mode.SHADOW.value: "watches"}
_SEVERITIES: Final = {
    Severity.HARD.value: "denies",
    Severity.SOFT.value: "warns",
    Severity.OVERRIDE.value: "override",
}
F = TypeVar("F", bound=Callable[..., Any])


def scope_options(function: F) -> F:
    """Add an option for each kind of name that a scope may give."""
    for kind in reversed(KINDS):
        function = click.option(f"--{kind}", help=f"Of this {kind}.")(function)
    return function


def _choice(kind: Any) -> click.Choice[str]:
    return click.Choice([one.value for one in kind], case_sensitive=False)


@click.group()
def limits() -> None:
    """Look at the rules of pre-trade risk, and set their limits, by scope."""


@limits.command("rules")
@json_option
def rules(as_json: bool) -> None:
    """List the rules by precedence, with what can be set of each."""
    if as_json:
        click.echo(json.dumps([_catalogue(spec) for spec in RULE_SPECS], indent=1))
        return
    for spec in RULE_SPECS:
        how = "  a fact" if spec.facts else "  required" if spec.required else ""
        say(console, f"{spec.name}{how}", *folded(spec.meaning, console.width, 2))
        for one in spec.parameters:
            given = ", ".join(one.choices) if one.unit is Unit.CHOICE else one.unit.value
            default = (
                "" if one.default is None else f"; {large(shown_value(one.unit, one.default))} if not set"
            )
            say(console, *folded(f"{one.name} ({given}): {one.meaning}{default}", console.width))
        if spec.at_venue is not None:
            say(console, *folded(f"--venue: {spec.at_venue.meaning}", console.width))


def _catalogue(spec: RuleSpec) -> dict[str, object]:
    return {
        "name": spec.name,
        "meaning": spec.meaning,
        "controls": list(spec.controls),
        "facts": spec.facts,
        "required": spec.required,
        "parameters": [one.name for one in spec.parameters],
        "atVenue": None if spec.at_venue is None else spec.at_venue.meaning,
    }


@limits.command("list")
@data_option
@risk_option
@click.option("--rule", help="Of this rule.")
@scope_options
@json_option
def list_limits(data: Path, user: str, rule: str | None, as_json: bool, **names: str | None) -> None:
    """List what is set, the newest first: of a rule, of scopes that have these names."""
    found = list(ApiClient.of_stack(data.resolve(), user).limits(rule=rule, most=None, **names))
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    _tell(found, _said)
    say(console, counted(len(found), "limit"))


@limits.command("history")
@data_option
@risk_option
@click.option("--rule", help="Of this rule.")
@click.option("--most", type=click.IntRange(min=1), default=50, show_default=True, help="How many at most.")
@scope_options
@json_option
def history(data: Path, user: str, rule: str | None, most: int, as_json: bool, **names: str | None) -> None:
    """Tell who changed what, and why, the newest first."""
    found = list(ApiClient.of_stack(data.resolve(), user).limit_changes(rule=rule, most=most, **names))
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    _tell(found, lambda one: "removed" if one["removed"] else _said(one))
    say(console, counted(len(found), "change"))


def _tell(rows: list[dict[str, Any]], said: Callable[[dict[str, Any]], str]) -> None:
    for one in rows:
        say(console, f"{one['version']}  {one['rule']}  {_scope(one['scope'])}: {said(one)}")
        who = f"{one['changedAt'][:19]}Z by {one['changedBy']}: {one['reason']}"
        say(console, *folded(who, console.width))


@limits.command("show")
@data_option
@risk_option
@click.option("--account", help="Whose order it would be; with its firm and desk.")
@click.option("--symbol", help="What it would be for; with its sector.")
@click.option("--trader", help="Who would send it.")
@click.option("--strategy", help="Of which strategy it would be.")
@click.option("--venue", help="What holds for orders that are sent to this venue.")
@json_option
def show(
    data: Path,
    user: str,
    account: str | None,
    symbol: str | None,
    trader: str | None,
    strategy: str | None,
    venue: str | None,
    as_json: bool,
) -> None:
    """Show what holds for an order, of every rule that can be set, and which scope says so."""
    client = ApiClient.of_stack(data.resolve(), user)
    answer = client.effective_limits(
        account=account, symbol=symbol, trader=trader, strategy=strategy, venue=venue
    )
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    say(console, *effective_lines(answer))


def effective_lines(answer: Mapping[str, Any]) -> list[str]:
    """Return the table of what holds: a line a parameter, the rule and its scope on the first."""
    rows: list[tuple[str, ...]] = []
    facts = 0
    for one in answer["limits"]:
        spec = SPEC_OF.get(one["rule"])
        if spec is not None and spec.facts:
            facts += 1
            continue
        held = [*_parameters(one["rule"], one["parameters"]), *_unset(one, spec)]
        scope = str(one["scope"]).split(", ")
        lines = max(len(held), len(scope))
        for place in range(lines):
            rows.append(
                (
                    one["rule"] if place == 0 else "",
                    _effect(one) if place == 0 else "",
                    held[place] if place < len(held) else "",
                    scope[place] if place < len(scope) else "",
                )
            )
    of = ", ".join(f"{kind}={name}" for kind, name in answer["names"].items()) or "any order"
    others = (
        "No other rule is set for a venue; what holds for the order is shown without --venue"
        if "venue" in answer["names"]
        else f"{facts} more rules state facts, which nobody sets: oms limits rules"
    )
    return [f"For {of}:", *aligned(("rule", "effect", "limit", "set for"), rows), others]


def _unset(one: Mapping[str, Any], spec: RuleSpec | None) -> list[str]:
    """Return the parameters that nobody has set: there is no limit, or orders are denied for lack of one."""
    names = [] if spec is None else [each.name for each in spec.parameters]
    return [
        f"{name} {'IS NOT SET' if name in one['lacks'] else 'no limit'}"
        for name in names
        if name not in one["parameters"]
    ]


def _effect(one: Mapping[str, Any]) -> str:
    """Return what becomes of an order that fails."""
    mode, severity = str(one["mode"]), str(one["severity"])
    return _SEVERITIES.get(severity, severity) if mode == Mode.ON.value else _MODES.get(mode, mode)


def _parameters(rule: str, parameters: Mapping[str, Any]) -> list[str]:
    spec = SPEC_OF.get(rule)
    shown = []
    for name, value in parameters.items():
        known = None if spec is None else spec.parameter(name)
        text = "yes" if value is True else "no" if value is False else large(str(value))
        shown.append(f"{name} {'$' if known is not None and known.unit is Unit.DOLLARS else ''}{text}")
    return shown


def _said(one: Mapping[str, Any]) -> str:
    said = [
        *_parameters(one["rule"], one["parameters"]),
        *(f"{field} {one[field]}" for field in ("mode", "severity", "onMissing") if one[field]),
    ]
    return ", ".join(said)


def _scope(names: Mapping[str, str]) -> str:
    return ", ".join(f"{kind}={name}" for kind, name in names.items()) or "everything"


@limits.command("set")
@data_option
@risk_option
@always_json_option
@click.argument("rule")
@click.argument("parameters", nargs=-1, metavar="[NAME=VALUE]...")
@scope_options
@click.option("--mode", type=_choice(Mode), help="OFF: not asked. SHADOW: asked, and only noted.")
@click.option("--severity", type=_choice(Severity), help="What becomes of an order that fails.")
@click.option("--on-missing", type=_choice(OnMissing), help="What it says without what it looks at.")
@version_option
@reason_option
def set_limit(
    data: Path,
    user: str,
    rule: str,
    parameters: tuple[str, ...],
    mode: str | None,
    severity: str | None,
    on_missing: str | None,
    version: int | None,
    reason: str,
    **names: str | None,
) -> None:
    """Set a rule for a scope, the whole row: what it does not say comes from wider scopes."""
    try:
        given = read_parameters(rule, parameters)
    except UnreadableRuleError as error:
        raise click.UsageError(str(error)) from None
    answer = ApiClient.of_stack(data.resolve(), user).set_limit(
        rule,
        limit_scope={kind: name for kind, name in names.items() if name is not None},
        mode=mode,
        severity=severity,
        on_missing=on_missing,
        parameters=given,
        version=version,
        reason=reason,
    )
    click.echo(json.dumps(answer, indent=1))


@limits.command("remove")
@data_option
@risk_option
@always_json_option
@click.argument("rule")
@scope_options
@version_option
@reason_option
def remove(data: Path, user: str, rule: str, version: int | None, reason: str, **names: str | None) -> None:
    """Remove what is set of a rule for the scope of just these names: wider scopes hold again."""
    client = ApiClient.of_stack(data.resolve(), user)
    answer = client.remove_limit(rule, reason=reason, version=version, **names)
    click.echo(json.dumps(answer, indent=1))


@limits.command("load")
@data_option
@risk_option
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@reason_option
@json_option
def load(data: Path, user: str, file: Path, reason: str, as_json: bool) -> None:
    """Set every row of FILE, or none of them.

    JSON: a list of rows, as `oms limits list --json` prints it. CSV: the columns rule, firm, desk, account,
    trader, strategy, sector, symbol, venue, mode, severity, onMissing, and parameters as
    NAME=VALUE;NAME=VALUE.
    """
    lines = read_file(file)
    client = ApiClient.of_stack(data.resolve(), user)
    try:
        answer = client.load_limits([row for _, row in lines], reason=reason)
    except ApiError as error:
        told = [(_LINE.match(one.field), one) for one in error.fields]
        if not any(match for match, _ in told):
            raise
        said = [
            f"{lines[int(match[1])][0]}: {one.field[match.end() :]} {one.message}" if match else str(one)
            for match, one in told
        ]
        raise click.ClickException("\n".join(["nothing was set:", *said])) from error
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    say(console, f"{counted(len(answer['limits']), 'limit')} set")
