"""`oms audit`: hold the audit to its chains, take it along, and look at who changed what."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import click
import msgspec
import psycopg
from rich.console import Console

from oms_platform.clock import utc_now
from oms_platform.errors import ConfigurationError
from oms_tools.audit.anchors import make_anchor, read_anchor
from oms_tools.audit.export import export_lines, verify_file
from oms_tools.audit.verification import verify_database
from oms_tools.audit.walks import Findings
from oms_tools.cli.client import ApiClient
from oms_tools.cli.dsn import dsn_option, dsn_or_stack
from oms_tools.cli.options import always_json_option, data_option, json_option, persona_option
from oms_tools.cli.tables import counted
from oms_tools.cli.times import UTC_TIME
from oms_tools.laptop.layout import StackError

console = Console()
_FILE: Final = click.Path(path_type=Path, dir_okay=False, exists=True)
_OUT: Final = click.Path(path_type=Path, dir_okay=False)


@contextmanager
def _database(dsn: str | None, data: Path) -> Iterator[psycopg.Connection[Any]]:
    with closing(psycopg.connect(dsn_or_stack(dsn, data), autocommit=True)) as connection:
        yield connection


@click.group()
def audit() -> None:
    """Hold the audit to its chains, take it along, list who changed what."""


@audit.command("verify")
@data_option
@dsn_option
@json_option
@click.option("--since", type=UTC_TIME, help="Only events from then on, UTC.")
@click.option("--account", help="Only this account's events and requests, and not the log of changes.")
@click.option("--anchor", type=_FILE, help="What `oms audit anchor` printed, kept elsewhere since.")
@click.option("--file", type=_FILE, help="An export, without any database.")
def verify(
    data: Path,
    dsn: str | None,
    as_json: bool,
    since: datetime | None,
    account: str | None,
    anchor: Path | None,
    file: Path | None,
) -> None:
    """Look for rows that were changed, removed, forged or put out of order. Exits with 1 if there is one."""
    if account is not None and anchor is not None:
        raise click.UsageError("--anchor is about the whole log: expected no --account with it")
    if file is not None and (since, account, anchor) != (None, None, None):
        raise click.UsageError("expected --file without --since, --account and --anchor")
    try:
        if file is not None:
            findings = verify_file(file)
        else:
            kept = None if anchor is None else read_anchor(anchor)
            with _database(dsn, data) as connection:
                findings = verify_database(connection, since=since, account=account, anchor=kept)
    except ConfigurationError as error:
        raise StackError(str(error)) from None
    if as_json:
        click.echo(json.dumps(_as_json(findings), indent=1))
    else:
        _print(findings)
    sys.exit(1 if findings.faulty else 0)


def _as_json(findings: Findings) -> dict[str, Any]:
    answer: dict[str, Any] = msgspec.to_builtins(findings)
    return {"clean": not findings.faulty} | answer


def _print(findings: Findings) -> None:
    for fault in findings.faults:
        console.print(f"[red]BROKEN[/] {fault}", highlight=False, soft_wrap=True)
    if findings.faulty > len(findings.faults):
        console.print(f"… {findings.faulty:,} in all", highlight=False)
    looked = [
        counted(findings.events, "event"),
        counted(findings.requests, "request"),
        counted(findings.changes, "change"),
        counted(findings.anchors, "anchor"),
    ]
    console.print(f"{', '.join(looked)}: {findings.faulty:,} wrong", highlight=False)
    if findings.unchained:
        console.print(f"{findings.unchained:,} events are from before the audit", highlight=False)
    if findings.uncovered_since is not None:
        age_s = max(0.0, (utc_now() - findings.uncovered_since).total_seconds())
        console.print(
            f"{findings.uncovered:,} requests have no outcome yet, which would cover them; the oldest is"
            f" {age_s:,.0f} s old",
            highlight=False,
        )


@audit.command("anchor")
@data_option
@dsn_option
@always_json_option
@click.option("--out", type=_OUT, help="Append it to this file.")
def anchor_command(data: Path, dsn: str | None, out: Path | None) -> None:
    """Print what the chains' heads are now, to be kept where nobody of the database can write."""
    with _database(dsn, data) as connection:
        line = msgspec.json.encode(make_anchor(connection)).decode()
    click.echo(line)
    if out is not None:
        with out.open("a") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())


@audit.command("export")
@data_option
@dsn_option
@click.option("--from", "since", type=UTC_TIME, required=True, help="First event or change, UTC.")
@click.option("--to", "until", type=UTC_TIME, help="First that is left out; now without it.")
@click.option("--account", help="Only this account's events and requests, and not the log of changes.")
@click.option("--out", type=_OUT, required=True, help="The file to write, JSON lines.")
@json_option
def export(
    data: Path,
    dsn: str | None,
    since: datetime,
    until: datetime | None,
    account: str | None,
    out: Path,
    as_json: bool,
) -> None:
    """Write events, requests and changes of a time with their links; `oms audit verify --file` reads it."""
    until = utc_now() if until is None else until
    if since >= until:
        raise click.UsageError(f"--from must be before --to, found {since} and {until}")
    # The file appears when it is whole.
    partial = out.with_name(f"{out.name}.part")
    lines = 0
    with _database(dsn, data) as connection, partial.open("wb") as file:
        anchor = make_anchor(connection)
        for line in export_lines(connection, since, until, account, anchor):
            file.write(line)
            lines += 1
        file.flush()
        os.fsync(file.fileno())
    partial.replace(out)
    if as_json:
        answer = {"lines": lines - 1, "file": str(out), "anchor": msgspec.to_builtins(anchor)}
        click.echo(json.dumps(answer, indent=1))
        return
    console.print(f"{lines - 1:,} lines and the manifest in {out}", highlight=False, soft_wrap=True)
    console.print(f"anchor: row {anchor.sequence} has {anchor.chain}", highlight=False, soft_wrap=True)


@audit.command("list")
@data_option
@persona_option("risk1")
@json_option
@click.option("--table", "tables", multiple=True, help="Of this table; may be given more than once.")
@click.option("--actor", "actors", multiple=True, help="By this one; may be given more than once.")
@click.option("--key", help="About this row: an account, a symbol, an id that names it.")
@click.option("--since", type=UTC_TIME, help="Made then or later, UTC; a day ago without it.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many.")
def list_command(
    data: Path,
    user: str,
    as_json: bool,
    tables: tuple[str, ...],
    actors: tuple[str, ...],
    key: str | None,
    since: datetime | None,
    limit: int,
) -> None:
    """List who changed what of limits, settings, halts and switches, the newest first."""
    found = list(
        ApiClient.of_stack(data.resolve(), user).changes(
            table=tables or None,
            actor=actors or None,
            key=key,
            made_from=since or utc_now() - timedelta(days=1),
            most=limit,
        )
    )
    if as_json:
        click.echo(json.dumps({"changes": found}, indent=1))
        return
    for one in found:
        console.print(
            f"{one['sequence']}  {one['at'][:19]}Z  {one['actor']}  {one['operation']} {one['table']} "
            f"{json.dumps(one['key'])}  {_differences(one)}{_reason(one)}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
    console.print(counted(len(found), "change"), highlight=False)


def _differences(change: dict[str, Any]) -> str:
    before, after = change["before"] or {}, change["after"] or {}
    if not before or not after:
        return ""
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return ", ".join(f"{name}: {before.get(name)} → {after.get(name)}" for name in names)


def _reason(change: dict[str, Any]) -> str:
    return f"  ({change['reason']})" if change["reason"] else ""
