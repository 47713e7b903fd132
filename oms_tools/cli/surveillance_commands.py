"""`oms surveillance`: hold a day to patterns of abuse, and note what a person found of each finding."""

import getpass
import json
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import psycopg
from rich.console import Console

from oms_platform.clock import utc_now
from oms_platform.surveillance_patterns import PATTERNS
from oms_tools.cli.client import ApiClient
from oms_tools.cli.dsn import dsn_option, dsn_or_stack
from oms_tools.cli.options import always_json_option, data_option, json_option, persona_option
from oms_tools.cli.tables import counted, say
from oms_tools.cli.times import DAY
from oms_tools.laptop.layout import StackError
from oms_tools.surveillance.patterns import find
from oms_tools.surveillance.rows import read_day, store_report

console = Console()
risk_option = persona_option("risk1")
_PATTERN = click.Choice(list(PATTERNS), case_sensitive=False)


@click.group()
def surveillance() -> None:
    """Hold a day's orders and executions to patterns of abuse, and review what was found."""


@surveillance.command("patterns")
@json_option
def list_patterns(as_json: bool) -> None:
    """List the patterns, with their parameters and defaults."""
    if as_json:
        found = [{"pattern": one.name, "meaning": one.meaning, **one.values({})} for one in PATTERNS.values()]
        click.echo(json.dumps(found, indent=1))
        return
    for one in PATTERNS.values():
        say(console, f"{one.name}: {one.meaning}")
        for parameter in one.parameters:
            say(console, f"  {parameter.name} {parameter.default}: {parameter.meaning}")


@surveillance.command()
@data_option
@dsn_option
@json_option
@click.option("--date", "day", type=DAY, required=True, help="The day, in each market's own zone.")
@click.option("--pattern", "patterns", type=_PATTERN, multiple=True, help="Only this one; may be repeated.")
@click.option("--set", "settings", multiple=True, help="A parameter: WASH.window_s=30; may be repeated.")
@click.option("--by", default=getpass.getuser, show_default="you", help="Who runs it. It is kept.")
def run(
    data: Path,
    dsn: str | None,
    as_json: bool,
    day: datetime,
    patterns: tuple[str, ...],
    settings: tuple[str, ...],
    by: str,
) -> None:
    """Look at a day and store the report, whatever it found. A report is never changed."""
    names = [name for name in PATTERNS if not patterns or name in {one.upper() for one in patterns}]
    try:
        given = read_settings(settings, names)
        parameters = {name: PATTERNS[name].values(given.get(name, {})) for name in names}
    except ValueError as error:
        raise StackError(str(error)) from None
    with closing(psycopg.connect(dsn_or_stack(dsn, data), autocommit=True)) as connection:
        found = read_day(connection, day.date())
        hits = find(found, names, parameters)
        report_id = store_report(connection, found, hits, parameters, by=by, now=utc_now())
    if as_json:
        answer = {"report": str(report_id), "orders": len(found.orders), "executions": len(found.executions)}
        answer |= {"findings": [{"pattern": hit.pattern, "why": hit.why} for hit in hits]}
        click.echo(json.dumps(answer, indent=1))
        return
    for hit in hits:
        say(console, f"{hit.began_at:%H:%M:%S}Z  {hit.pattern}  {hit.why}")
    looked = f"{counted(len(found.orders), 'order')}, {counted(len(found.executions), 'execution')}"
    say(console, f"{counted(len(hits), 'finding')} in {looked}; report {report_id}")


def read_settings(settings: Sequence[str], names: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return parameters by pattern as they are given, PATTERN.NAME=NUMBER. Raises ValueError."""
    found: dict[str, dict[str, int]] = {}
    for text in settings:
        named, _, number = text.partition("=")
        pattern, _, name = named.partition(".")
        if pattern.upper() not in names:
            raise ValueError(f"--set must be of one of {', '.join(names)}, was {text!r}")
        if not number.removeprefix("-").isdigit():
            raise ValueError(f"--set must be PATTERN.NAME=NUMBER, was {text!r}")
        found.setdefault(pattern.upper(), {})[name] = int(number)
    return found


@surveillance.command("findings")
@data_option
@risk_option
@click.option("--date", "day", type=DAY, help="Only of this day.")
@click.option("--pattern", type=_PATTERN, help="Only of this pattern.")
@click.option("--all", "every", is_flag=True, help="Those that were reviewed, too.")
@json_option
def list_findings(
    data: Path, user: str, day: datetime | None, pattern: str | None, every: bool, as_json: bool
) -> None:
    """List findings, the latest day first: those that nobody has reviewed unless --all."""
    answer: Any = ApiClient.of_stack(data.resolve(), user).findings(
        day=None if day is None else day.date(),
        pattern=None if pattern is None else pattern.upper(),
        state=None if every else "OPEN",
    )
    if as_json:
        click.echo(json.dumps(answer, indent=1))
        return
    for one in answer["findings"]:
        said = f" ({one['reviewedBy']}: {one['note']})" if one["reviewedBy"] else ""
        say(console, f"{one['findingId']}  {one['day']}  {one['pattern']}  {one['why']}{said}")
    say(console, counted(len(answer["findings"]), "finding"))


@surveillance.command()
@data_option
@risk_option
@always_json_option
@click.argument("finding_id")
@click.option("--note", required=True, help="What you found of it; it is kept with your name.")
def review(data: Path, user: str, finding_id: str, note: str) -> None:
    """Say what a person found of a finding: a later run's finding of the same orders has it too."""
    answer = ApiClient.of_stack(data.resolve(), user).review_finding(finding_id, note=note)
    click.echo(json.dumps(answer, indent=1))
