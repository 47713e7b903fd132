"""`oms fix-clients`: who may log on to the gateway over FIX, for which accounts, with which rights, when.

Every change is stored with who made it; a session that is logged on is logged out by it within seconds.
"""

import getpass
import json
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
import psycopg

from oms_platform import fix_client_rows
from oms_platform.fix.clients import DROP_COPY, ORDERS, RIGHTS, ClientSettings, hash_password
from oms_platform.fix.schedule import Schedule
from oms_tools.cli.dsn import dsn_option, dsn_or_stack
from oms_tools.cli.options import always_json_option, data_option, json_option
from oms_tools.cli.tables import aligned
from oms_tools.laptop.layout import StackError

_LIST = f"""
SELECT {fix_client_rows.COLUMNS}, enabled, changed_at, changed_by, next_in, next_out
FROM fix_clients LEFT JOIN fix_client_sessions USING (comp_id) ORDER BY comp_id
"""
F = TypeVar("F", bound=Callable[..., Any])
by_option = click.option(
    "--by", default=getpass.getuser, show_default="you", help="Who changes it. It is kept."
)


def _changes(function: F) -> F:
    """Add what every change takes."""
    return by_option(data_option(dsn_option(always_json_option(function))))


def _settings_options(function: F) -> F:
    """Add what makes a client's settings; what is left out of `set` stays."""
    options = (
        click.option("--account", "accounts", multiple=True, help="An account; may be given several times."),
        click.option("--rights", help=f"Of {', '.join(RIGHTS)}, by commas. Default: all; a drop copy reads."),
        click.option("--username", help="Username (553) of the Logon. Default: the CompID."),
        click.option(
            "--schedule",
            help='JSON: {"zone": "America/New_York", "start": "07:00", "end": "20:00"}; "" for none.',
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


def _connected(dsn: str | None, data: Path) -> closing[psycopg.Connection[Any]]:
    return closing(psycopg.connect(dsn_or_stack(dsn, data), autocommit=True))


def _schedule(text: str | None) -> Schedule | None:
    return msgspec.json.decode(text, type=Schedule) if text else None


def _rights(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(name.strip().upper() for name in text.split(","))


def _checked(connection: psycopg.Connection[Any], make: Callable[[], ClientSettings]) -> ClientSettings:
    """Return settings that can be used. Raises StackError that says what is wrong."""
    try:
        settings = make()
    except (ValueError, msgspec.MsgspecError) as error:
        raise StackError(str(error)) from None
    unknown = fix_client_rows.unknown_accounts(connection, settings)
    if unknown:
        raise StackError(f"accounts: expected known ones, found {', '.join(unknown)}")
    if not fix_client_rows.is_known_firm(connection, settings):
        raise StackError(f"firm: expected one that has accounts, found {settings.firm}")
    return settings


def _password() -> str:
    """Ask for a password, or read it from what is piped in; its hash is all that is kept."""
    given = (
        click.prompt("Password", hide_input=True, confirmation_prompt=True)
        if sys.stdin.isatty()
        else sys.stdin.readline().rstrip("\n")
    )
    try:
        return hash_password(given)
    except ValueError as error:
        raise StackError(f"{error}; type it at a terminal, or pipe it in as one line") from None


def _said(comp_id: str, done: bool) -> None:
    if not done:
        raise StackError(f"no FIX client {comp_id}: `oms fix-clients list` shows those there are")
    click.echo(json.dumps({"client": comp_id, "changed": True}))


@click.group("fix-clients")
def fix_clients() -> None:
    """Let clients send orders over FIX, or copy what becomes of orders: their sessions as data."""


@fix_clients.command()
@_changes
@_settings_options
@click.option("--drop-copy", is_flag=True, help="It gets what becomes of every order, and sends nothing.")
@click.option("--firm", default="", help="Of a drop copy: every account that the firm has at the time.")
@click.argument("comp_id")
def add(
    comp_id: str,
    accounts: tuple[str, ...],
    rights: str | None,
    username: str | None,
    schedule: str | None,
    drop_copy: bool,
    firm: str,
    by: str,
    dsn: str | None,
    data: Path,
) -> None:
    """Add the client with this CompID (its SenderCompID). Its password is asked for, or read from a pipe."""

    def settings() -> ClientSettings:
        return ClientSettings(
            comp_id=comp_id,
            username=username or comp_id,
            accounts=accounts,
            kind=DROP_COPY if drop_copy else ORDERS,
            rights=_rights(rights) or (("READ",) if drop_copy else RIGHTS),
            schedule=_schedule(schedule),
            firm=firm,
        )

    with _connected(dsn, data) as connection:
        checked = _checked(connection, settings)
        if not fix_client_rows.add_client(connection, checked, _password(), by):
            raise StackError(f"FIX client {comp_id} is there already: `oms fix-clients set` changes it")
    _said(comp_id, True)


@fix_clients.command("set")
@_changes
@_settings_options
@click.argument("comp_id")
def set_settings(
    comp_id: str,
    accounts: tuple[str, ...],
    rights: str | None,
    username: str | None,
    schedule: str | None,
    by: str,
    dsn: str | None,
    data: Path,
) -> None:
    """Change a client's settings: those that are given."""
    with _connected(dsn, data) as connection:
        now = fix_client_rows.read_client(connection, comp_id)
        if now is None:
            _said(comp_id, False)
            return
        known = now

        def settings() -> ClientSettings:
            return ClientSettings(
                comp_id=comp_id,
                username=username or known.username,
                accounts=accounts or known.accounts,
                kind=known.kind,
                rights=_rights(rights) or known.rights,
                schedule=known.schedule if schedule is None else _schedule(schedule),
                firm="" if accounts else known.firm,
            )

        _said(comp_id, fix_client_rows.set_client(connection, _checked(connection, settings), by))


@fix_clients.command()
@_changes
@click.argument("comp_id")
def password(comp_id: str, by: str, dsn: str | None, data: Path) -> None:
    """Change a client's password."""
    with _connected(dsn, data) as connection:
        _said(comp_id, fix_client_rows.set_password(connection, comp_id, _password(), by))


@fix_clients.command()
@_changes
@click.argument("comp_id")
def disable(comp_id: str, by: str, dsn: str | None, data: Path) -> None:
    """Log a client out and let it in no more."""
    with _connected(dsn, data) as connection:
        _said(comp_id, fix_client_rows.set_enabled(connection, comp_id, False, by))


@fix_clients.command()
@_changes
@click.argument("comp_id")
def enable(comp_id: str, by: str, dsn: str | None, data: Path) -> None:
    """Let a client in again."""
    with _connected(dsn, data) as connection:
        _said(comp_id, fix_client_rows.set_enabled(connection, comp_id, True, by))


@fix_clients.command("list")
@data_option
@dsn_option
@json_option
def list_clients(data: Path, dsn: str | None, as_json: bool) -> None:
    """List the clients, with the numbers that come next either way."""
    with _connected(dsn, data) as connection:
        rows = connection.execute(_LIST).fetchall()
    found = [
        {
            **msgspec.to_builtins(fix_client_rows.settings_of(row[:-5])),
            "enabled": row[-5],
            "changed_at": row[-4].isoformat(),
            "changed_by": row[-3],
            "next_in": row[-2],
            "next_out": row[-1],
        }
        for row in rows
    ]
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    titles = ("client", "kind", "in>", "out>", "accounts")
    cells = [
        (
            one["comp_id"] + ("" if one["enabled"] else " (disabled)"),
            one["kind"],
            str(one["next_in"] or "-"),
            str(one["next_out"] or "-"),
            f"firm {one['firm']}" if one["firm"] else ",".join(one["accounts"]),
        )
        for one in found
    ]
    for line in aligned(titles, cells):
        click.echo(line)
