"""`oms fix settings`, `logout`, `logon`, `resend`, `reset`: what the adapter is asked for, and its answer.

Every one is a row of fix_commands, with who asked and why; the adapter notes what came of it.
"""

import getpass
import json
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import UUID

import click
import msgspec
import psycopg
from psycopg.types.json import Jsonb
from rich.console import Console

from execution_adapter.domain.session_settings import read_settings
from oms_platform.ids import uuid7
from oms_platform.postgres import act_as
from oms_tools.cli.dsn import dsn_option, dsn_or_stack
from oms_tools.cli.options import always_json_option, data_option
from oms_tools.laptop.layout import StackError

console = Console()
# The adapter answers within ten seconds of finding a command, which it looks for every second.
ANSWER_S_MAX: Final = 20.0
LOOK_S: Final = 0.1
# What is not worth doing any more when nobody waits for it.
_OF_THE_MOMENT: Final = frozenset(("RESEND", "RESET", "RECONCILE"))
_STORE: Final = """
INSERT INTO venue_sessions AS kept (venue_id, settings, changed_at, changed_by, reason)
VALUES (%s, %s, now(), %s, %s)
ON CONFLICT (venue_id) DO UPDATE SET settings = EXCLUDED.settings, version = kept.version + 1,
    changed_at = EXCLUDED.changed_at, changed_by = EXCLUDED.changed_by, reason = EXCLUDED.reason
"""
_SHOWN: Final = """
SELECT coalesce(v.settings, s.in_use), v.version, v.changed_at, v.changed_by, v.reason
FROM venues LEFT JOIN venue_sessions v USING (venue_id) LEFT JOIN fix_sessions s USING (venue_id)
WHERE venue_id = %s
"""
F = TypeVar("F", bound=Callable[..., Any])


def _asked(required: bool = True) -> Callable[[F], F]:
    """Add what is kept with every command: why, and by whom."""

    def add(function: F) -> F:
        # A default, None too, would be what a required one that is left out is taken for.
        why = click.option("--reason", required=required, help="Why. It is kept with who asked.")
        by = click.option("--by", default=getpass.getuser, show_default="you", help="Who asks.")
        return why(by(data_option(dsn_option(function))))

    return add


def _connected(dsn: str | None, data: Path) -> closing[psycopg.Connection[Any]]:
    return closing(psycopg.connect(dsn_or_stack(dsn, data), autocommit=True))


def _require_venue(connection: psycopg.Connection[Any], venue_id: str) -> None:
    known = [row[0] for row in connection.execute("SELECT venue_id FROM venues ORDER BY venue_id")]
    if venue_id not in known:
        raise StackError(f"expected one of the venues {', '.join(known)}, found {venue_id!r}")


def _ask(
    connection: psycopg.Connection[Any],
    venue_id: str,
    kind: str,
    by: str,
    reason: str,
    arguments: Mapping[str, Any] | None = None,
) -> UUID:
    if not reason.strip():
        raise StackError("expected a reason that says something, found an empty one")
    command_id = uuid7()
    act_as(connection, by, reason)
    connection.execute(
        "INSERT INTO fix_commands (command_id, venue_id, kind, arguments, requested_by, reason, requested_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, now())",
        [command_id, venue_id, kind, Jsonb(arguments or {}), by, reason],
    )
    return command_id


def _answer(connection: psycopg.Connection[Any], venue_id: str, command_id: UUID, kind: str) -> None:
    """Wait for what comes of a command, and print it; end with 1 when it could not be done."""
    deadline_s = time.monotonic() + ANSWER_S_MAX
    while True:
        row = connection.execute(
            "SELECT outcome FROM fix_commands WHERE command_id = %s AND done_at IS NOT NULL", [command_id]
        ).fetchone()
        if row is not None:
            console.print(f"{venue_id}: {row[0]}", highlight=False, markup=False, soft_wrap=True)
            if row[0].startswith("not"):
                sys.exit(1)
            return
        if time.monotonic() > deadline_s:
            _give_up(connection, venue_id, command_id, kind)
        time.sleep(LOOK_S)


def _give_up(connection: psycopg.Connection[Any], venue_id: str, command_id: UUID, kind: str) -> None:
    text = f"{venue_id}: no adapter has answered within {ANSWER_S_MAX:g} s"
    if kind in _OF_THE_MOMENT:
        connection.execute(
            "UPDATE fix_commands SET done_at = now(), outcome = 'withdrawn: no adapter answered'"
            " WHERE command_id = %s AND done_at IS NULL",
            [command_id],
        )
        raise StackError(f"{text}; it will not be done")
    raise StackError(f"{text}; the next one that starts will do it")


def _run(
    dsn: str | None,
    data: Path,
    venue: str,
    kind: str,
    by: str,
    reason: str,
    arguments: Mapping[str, Any] | None = None,
) -> None:
    with _connected(dsn, data) as connection:
        _require_venue(connection, venue)
        _answer(connection, venue, _ask(connection, venue, kind, by, reason, arguments), kind)


@click.command("logout")
@click.argument("venue")
@_asked()
def logout(data: Path, dsn: str | None, venue: str, by: str, reason: str) -> None:
    """Log a venue's session out. It stays out, over a restart too, until `oms fix logon`."""
    _run(dsn, data, venue, "LOGOUT", by, reason)


@click.command("logon")
@click.argument("venue")
@_asked()
def logon(data: Path, dsn: str | None, venue: str, by: str, reason: str) -> None:
    """Log on a venue's session that was logged out."""
    _run(dsn, data, venue, "LOGON", by, reason)


@click.command("reset")
@click.argument("venue")
@_asked()
def reset(data: Path, dsn: str | None, venue: str, by: str, reason: str) -> None:
    """Begin a session's numbers at 1 on both sides (141=Y). Every open child is asked for.

    What the venue has sent and we have not received, nobody sends then: ask for it before (`oms fix resend`).
    """
    _run(dsn, data, venue, "RESET", by, reason)


@click.command("resend")
@click.argument("venue")
@click.option("--from", "begin", required=True, type=click.IntRange(1), help="The first MsgSeqNum.")
@click.option("--to", "end", default=0, type=click.IntRange(0), help="The last one; default: all.")
@_asked()
def resend(data: Path, dsn: str | None, venue: str, begin: int, end: int, by: str, reason: str) -> None:
    """Ask a venue to send messages again (35=2). What was applied before changes nothing."""
    if end and end < begin:
        raise StackError(f"expected --to to be at least {begin}, found {end}")
    _run(dsn, data, venue, "RESEND", by, reason, {"from": begin, "to": end})


@click.command("settings")
@click.argument("venue")
@click.option(
    "--set", "path", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="JSON to store."
)
@click.option("--clear", is_flag=True, help="Go back to the adapter's own settings.")
@always_json_option
@_asked(required=False)
def settings(
    data: Path, dsn: str | None, venue: str, path: Path | None, clear: bool, by: str, reason: str | None
) -> None:
    """Show the settings of a venue's session as JSON, or store others, which are then used at once."""
    with _connected(dsn, data) as connection:
        _require_venue(connection, venue)
        if path is None and not clear:
            _show(connection, venue)
            return
        if reason is None or (path is not None and clear):
            raise StackError("expected --reason, and one of --set and --clear")
        try:
            stored = None if path is None else msgspec.to_builtins(read_settings(path.read_bytes()))
        except ValueError as error:
            raise StackError(f"{path}: {error}") from error
        act_as(connection, by, reason)
        with connection.transaction():
            if stored is None:
                connection.execute("DELETE FROM venue_sessions WHERE venue_id = %s", [venue])
            else:
                connection.execute(_STORE, [venue, Jsonb(stored), by, reason])
            command_id = _ask(connection, venue, "SETTINGS", by, reason, stored)
        _answer(connection, venue, command_id, "SETTINGS")


def _show(connection: psycopg.Connection[Any], venue: str) -> None:
    row = connection.execute(_SHOWN, [venue]).fetchone()
    found, version, changed_at, changed_by, reason = row or (None,) * 5
    if found is None:
        raise StackError(f"{venue} has no settings of its own, and no adapter has used any for it yet")
    click.echo(json.dumps(found, indent=1, ensure_ascii=False))
    if version is None:
        text = "the adapter's own settings"
    else:
        text = f"version {version}, {changed_at:%Y-%m-%d %H:%M:%S}Z by {changed_by}: {reason}"
    click.echo(text, err=True)


@click.command("run")
@click.argument("venue")
@_asked()
def run_comparison(data: Path, dsn: str | None, venue: str, by: str, reason: str) -> None:
    """Ask a venue how each of its open orders is (35=H); `oms reconcile list` shows what it said."""
    _run(dsn, data, venue, "RECONCILE", by, reason)


COMMANDS: Final = (settings, logout, logon, resend, reset)
