"""The row of a client's FIX session: what operators and the laptop's demo write, and the gateway reads."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from oms_platform.fix.clients import ClientSettings
from oms_platform.postgres import act_as

COLUMNS: Final = "comp_id, kind, accounts, rights, username, schedule, firm"
_ADD: Final = (
    f"INSERT INTO fix_clients ({COLUMNS}, password_hash, changed_at, changed_by)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, now(), %s) ON CONFLICT DO NOTHING"
)
_CHANGED: Final = "version = version + 1, changed_at = now(), changed_by = %s WHERE comp_id = %s"
_SET: Final = f"UPDATE fix_clients SET ({COLUMNS}) = (%s, %s, %s, %s, %s, %s, %s), {_CHANGED}"
_KNOWN_FIRM: Final = "SELECT FROM accounts WHERE firm_id = %s LIMIT 1"
_UNKNOWN: Final = "SELECT name FROM unnest(%s::text[]) name EXCEPT SELECT account_id FROM accounts"
Connection = psycopg.Connection[Any]


def _values(settings: ClientSettings) -> list[Any]:
    schedule = None if settings.schedule is None else Jsonb(msgspec.to_builtins(settings.schedule))
    return [
        settings.comp_id,
        settings.kind,
        list(settings.accounts),
        list(settings.rights),
        settings.username,
        schedule,
        settings.firm or None,
    ]


def unknown_accounts(connection: Connection, settings: ClientSettings) -> list[str]:
    """Return the accounts that there are not."""
    return [name for (name,) in connection.execute(_UNKNOWN, (list(settings.accounts),))]


def is_known_firm(connection: Connection, settings: ClientSettings) -> bool:
    """Return whether the firm that is named, if any is, has accounts."""
    return not settings.firm or connection.execute(_KNOWN_FIRM, (settings.firm,)).rowcount == 1


def add_client(connection: Connection, settings: ClientSettings, password_hash: str, by: str) -> bool:
    """Store a client. Returns whether it is new; one that is there is left as it is."""
    act_as(connection, by)
    return connection.execute(_ADD, [*_values(settings), password_hash, by]).rowcount == 1


def set_client(connection: Connection, settings: ClientSettings, by: str) -> bool:
    """Replace a client's settings. Returns whether it is there."""
    act_as(connection, by)
    return connection.execute(_SET, [*_values(settings), by, settings.comp_id]).rowcount == 1


def set_password(connection: Connection, comp_id: str, password_hash: str, by: str) -> bool:
    """Replace a client's password. Returns whether it is there."""
    statement = f"UPDATE fix_clients SET password_hash = %s, {_CHANGED}"
    act_as(connection, by)
    return connection.execute(statement, (password_hash, by, comp_id)).rowcount == 1


def set_enabled(connection: Connection, comp_id: str, enabled: bool, by: str) -> bool:
    """Let a client log on, or not. Returns whether it is there."""
    statement = f"UPDATE fix_clients SET enabled = %s, {_CHANGED}"
    act_as(connection, by)
    return connection.execute(statement, (enabled, by, comp_id)).rowcount == 1


def read_client(connection: Connection, comp_id: str) -> ClientSettings | None:
    """Return a client's settings, None if there is none."""
    row = connection.execute(f"SELECT {COLUMNS} FROM fix_clients WHERE comp_id = %s", (comp_id,)).fetchone()
    return None if row is None else settings_of(row)


def settings_of(row: Sequence[Any]) -> ClientSettings:
    """Return the settings of a row of COLUMNS."""
    found = dict(zip(COLUMNS.split(", "), row, strict=True))
    return msgspec.convert(found | {"firm": found["firm"] or ""}, ClientSettings)
