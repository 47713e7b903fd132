"""The rows of risk rules, as they are stored and read."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from psycopg.types.json import Jsonb

from oms_platform.postgres import Connection
from oms_platform.risk_rules import SPEC_OF, RuleRow, outside, read_row
from oms_platform.scopes import Scope, scope_of

_CHANGES: Final = (
    "SELECT change_id, rule, scope, removed, mode, severity, on_missing, parameters FROM risk_rules"
    " WHERE change_id > %s AND NOT scope ? 'venue' ORDER BY change_id"
)
_IN_FORCE: Final = (
    "SELECT change_id, rule, scope, removed, mode, severity, on_missing, parameters FROM risk_rules_in_force"
)
_OF_ORDERS: Final = f"{_IN_FORCE} WHERE NOT scope ? 'venue' ORDER BY change_id"
_OF_VENUES: Final = f"{_IN_FORCE} WHERE scope ? 'venue' ORDER BY change_id"
INSERT: Final = (
    "INSERT INTO risk_rules"
    " (rule, scope, removed, mode, severity, on_missing, parameters, changed_by, reason)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING change_id, changed_at"
)


class RuleChange(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a rule, or that there is none any more, and its place among all changes."""

    change_id: int
    row: RuleRow
    removed: bool = False


def read_rule_changes(connection: Connection, after: int | None) -> list[RuleChange]:
    """Return the changes of what orders are held to, after one, the oldest first; after None, what holds now.

    Rows that name a venue are not among them. Raises ValueError for a row that no rule of this edition can
    read.
    """
    found = connection.execute(_OF_ORDERS) if after is None else connection.execute(_CHANGES, [after])
    return [_change(*row) for row in found]


def read_venue_rules(connection: Connection) -> list[RuleRow]:
    """Return what holds at venues now. Raises ValueError for a row that no rule of this edition can read."""
    return [_change(*row).row for row in connection.execute(_OF_VENUES)]


def _change(
    change_id: int,
    rule: str,
    scope: dict[str, str],
    removed: bool,
    mode: str | None,
    severity: str | None,
    on_missing: str | None,
    parameters: dict[str, object],
) -> RuleChange:
    if removed:
        return RuleChange(change_id=change_id, row=RuleRow(rule=rule, scope=scope_of(scope)), removed=True)
    row = read_row(
        rule, scope_of(scope), mode=mode, severity=severity, on_missing=on_missing, parameters=parameters
    )
    return RuleChange(change_id=change_id, row=row)


def names_of(scope: Scope) -> dict[str, str]:
    """Return a scope as it is stored: names by kind."""
    return {kind.value: scope.name(kind) for kind in scope.kinds}


def insert_values(row: RuleRow, *, by: str, reason: str, removed: bool = False) -> tuple[Any, ...]:
    """Return the values of INSERT for a change."""
    return (
        row.rule,
        Jsonb(names_of(row.scope)),
        removed,
        None if row.mode is None else row.mode.value,
        None if row.severity is None else row.severity.value,
        None if row.on_missing is None else row.on_missing.value,
        Jsonb(outside(SPEC_OF[row.rule], row.parameters)),
        by,
        reason,
    )


def store_rules(connection: Connection, rows: Iterable[RuleRow], *, by: str, reason: str) -> int:
    """Set rows; one that says what holds already changes nothing. Returns how many changed something."""
    held = _held(connection)
    return _insert(connection, [row for row in rows if held.get((row.rule, row.scope)) != row], by, reason)


def add_rules(connection: Connection, rows: Iterable[RuleRow], *, by: str, reason: str) -> int:
    """Set the rows of rules and scopes that nobody has ever set. Returns how many that were."""
    ever = {
        (rule, scope_of(scope))
        for rule, scope in connection.execute("SELECT DISTINCT rule, scope FROM risk_rules").fetchall()
    }
    return _insert(connection, [row for row in rows if (row.rule, row.scope) not in ever], by, reason)


def _held(connection: Connection) -> dict[tuple[str, Scope], RuleRow]:
    rows = [change.row for change in read_rule_changes(connection, None)] + read_venue_rules(connection)
    return {(row.rule, row.scope): row for row in rows}


def _insert(connection: Connection, rows: list[RuleRow], by: str, reason: str) -> int:
    with connection.cursor() as cursor:
        cursor.executemany(INSERT, [insert_values(row, by=by, reason=reason) for row in rows])
    return len(rows)
