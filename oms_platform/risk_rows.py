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
    " WHERE change_id > %s ORDER BY change_id"
)
_IN_FORCE: Final = (
    "SELECT change_id, rule, scope, removed, mode, severity, on_missing, parameters FROM risk_rules_in_force"
    " ORDER BY change_id"
)
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
    """Return the changes after one, the oldest first; after None, only what holds now.

    Raises ValueError for a row that no rule of this edition can read.
    """
    found = connection.execute(_IN_FORCE) if after is None else connection.execute(_CHANGES, [after])
    return [_change(*row) for row in found]


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
    return {(change.row.rule, change.row.scope): change.row for change in read_rule_changes(connection, None)}


def _insert(connection: Connection, rows: list[RuleRow], by: str, reason: str) -> int:
    with connection.cursor() as cursor:
        cursor.executemany(INSERT, [insert_values(row, by=by, reason=reason) for row in rows])
    return len(rows)
