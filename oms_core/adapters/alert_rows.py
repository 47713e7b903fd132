"""Alerts as rows of Postgres, stored in the transaction of the batch in which they change."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import msgspec

from oms_core.domain.alerts import Alert, read_value
from oms_platform.kill_feed import scope_in
from oms_platform.postgres import ArrayStatement, Connection, Cursor
from oms_platform.risk_rules import Unit

_COLUMNS: Final = (
    ("alert_id", "uuid"),
    ("rule", "text"),
    ("scope", "json"),
    ("account_id", "text"),
    ("partition", "int"),
    ("level", "text"),
    ("share_pct", "int"),
    ("value", "text"),
    ("bound", "text"),
    ("headroom", "text"),
    ("worst", "text"),
    ("unit", "text"),
    ("set_for", "text"),
    ("times_raised", "int"),
    ("version", "int"),
    ("first_seen", "timestamptz"),
    ("last_seen", "timestamptz"),
    ("cleared_at", "timestamptz"),
    ("why_cleared", "text"),
)
_NAMES: Final = ", ".join(name for name, _ in _COLUMNS)
_STAYS: Final = ("alert_id", "rule", "scope", "account_id", "partition", "unit", "first_seen")
# One whose rule and scope have an open alert already is left out: an alert stops no order.
_INSERT: Final = ArrayStatement.insert("risk_alerts", _COLUMNS, "ON CONFLICT DO NOTHING")
_UPDATE: Final = ArrayStatement(
    _COLUMNS,
    "UPDATE risk_alerts kept SET "
    + ", ".join(f"{name} = row.{name}" for name, _ in _COLUMNS if name not in _STAYS)
    + " FROM {rows} WHERE kept.alert_id = row.alert_id",
)
_LOAD: Final = (
    f"SELECT {_NAMES} FROM risk_alerts"
    " WHERE (cleared_at IS NULL OR last_seen > %s) AND (account_id = ANY(%s) OR partition = ANY(%s))"
    " ORDER BY first_seen, alert_id"
)


def store_alerts(cursor: Cursor, alerts: Iterable[Alert]) -> None:
    """Store alerts as they are now, in the caller's transaction."""
    # Of one that has changed twice in a batch, the last.
    rows = {alert.alert_id: alert for alert in alerts}.values()
    _INSERT.execute(cursor, [_row(alert) for alert in rows if alert.version == 1])
    _UPDATE.execute(cursor, [_row(alert) for alert in rows if alert.version > 1])


def load_alerts(
    connection: Connection, accounts: Iterable[str], partitions: Iterable[int], since: datetime
) -> list[Alert]:
    """Return the alerts of accounts and partitions that are open, or were cleared since a time."""
    found = connection.execute(_LOAD, (since, list(accounts), list(partitions)))
    return [_alert(dict(zip((name for name, _ in _COLUMNS), row, strict=True))) for row in found]


def _row(alert: Alert) -> tuple[object, ...]:
    return (
        alert.alert_id,
        alert.rule,
        msgspec.json.encode(alert.scope).decode(),
        alert.account_id or None,
        alert.partition,
        alert.level,
        alert.share_pct,
        alert.shown(alert.value),
        alert.shown(alert.bound),
        alert.headroom,
        alert.shown(alert.worst),
        alert.unit.value,
        alert.set_for,
        alert.times_raised,
        alert.version,
        alert.first_seen,
        alert.last_seen,
        alert.cleared_at,
        alert.why_cleared,
    )


def _alert(row: dict[str, Any]) -> Alert:
    unit = Unit(row["unit"])
    return Alert(
        alert_id=row["alert_id"],
        rule=row["rule"],
        scope=scope_in(row["scope"]),
        account_id=row["account_id"] or "",
        partition=row["partition"],
        share_pct=row["share_pct"],
        value=read_value(unit, row["value"]),
        bound=read_value(unit, row["bound"]),
        worst=read_value(unit, row["worst"]),
        unit=unit,
        set_for=row["set_for"],
        times_raised=row["times_raised"],
        version=row["version"],
        first_seen=row["first_seen"],
        last_seen=row["last_seen"],
        cleared_at=row["cleared_at"],
        why_cleared=row["why_cleared"],
    )
