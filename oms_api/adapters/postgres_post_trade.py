"""Alerts of limits and findings of surveillance in Postgres, as a person sees and answers them."""

from collections.abc import Iterable
from datetime import date
from typing import Any, Final
from uuid import UUID

from oms_api.adapters.desk_pool import DeskPool
from oms_api.ports import (
    AlertFilter,
    FindingFilter,
    FindingView,
    RiskAlertView,
    SurveillanceReportView,
)
from oms_platform.clock import Clock
from oms_platform.ids import uuid7

_ALERTS: Final = """
SELECT * FROM (
    SELECT a.alert_id, a.account_id, a.scope, a.rule, a.level,
           CASE WHEN a.cleared_at IS NOT NULL THEN 'CLEARED' WHEN k.by IS NOT NULL THEN 'ACKNOWLEDGED'
                ELSE 'OPEN' END AS state,
           a.share_pct, a.value, a.bound, a.headroom, a.worst, a.unit, a.set_for, a.times_raised,
           a.first_seen, a.last_seen, a.cleared_at, a.why_cleared, k.by, k.note, k.at
    FROM risk_alerts a LEFT JOIN risk_alert_acks k USING (alert_id, times_raised)
) alert
"""
_ACKNOWLEDGE: Final = (
    "INSERT INTO risk_alert_acks (alert_id, times_raised, by, note, at)"
    " SELECT alert_id, times_raised, %s, %s, %s FROM risk_alerts"
    " WHERE alert_id = %s AND times_raised = %s AND cleared_at IS NULL"
    " ON CONFLICT DO NOTHING RETURNING alert_id"
)
_REPORTS: Final = """
SELECT report_id, day, patterns, parameters, orders, executions, digest,
       (SELECT count(*) FROM surveillance_findings f WHERE f.report_id = r.report_id), run_by, run_at
FROM surveillance_reports r WHERE (%s::date IS NULL OR day = %s) ORDER BY run_at DESC, report_id LIMIT %s
"""
# Of one identity, what the newest report says.
_FINDINGS: Final = """
SELECT * FROM (
    SELECT DISTINCT ON (f.identity) f.finding_id, f.report_id, r.day, f.identity, f.pattern,
           CASE WHEN w.by IS NULL THEN 'OPEN' ELSE 'REVIEWED' END AS state, f.firm_id, f.accounts, f.symbol,
           f.orders, f.began_at, f.ended_at, f.figures, f.why, w.by, w.note, w.at
    FROM surveillance_findings f JOIN surveillance_reports r USING (report_id)
    LEFT JOIN LATERAL (SELECT by, note, at FROM surveillance_reviews v WHERE v.identity = f.identity
                       ORDER BY at DESC, review_id DESC LIMIT 1) w ON true
    {where} ORDER BY f.identity, r.run_at DESC
) finding
"""
_REVIEW: Final = (
    "INSERT INTO surveillance_reviews (review_id, identity, by, note, at) VALUES (%s, %s, %s, %s, %s)"
)


def _where(conditions: Iterable[tuple[str, Any]]) -> tuple[str, list[Any]]:
    """Return the WHERE of those conditions that have a value, and the values."""
    given = [(condition, value) for condition, value in conditions if value is not None]
    text = " AND ".join(condition for condition, _ in given)
    return (f"WHERE {text}" if text else ""), [value for _, value in given]


def _names(accounts: frozenset[str] | None) -> list[str] | None:
    return None if accounts is None else sorted(accounts)


class PostgresAlertDesk:
    """The AlertDesk on `risk_alerts`, which core writes, and `risk_alert_acks`."""

    def __init__(self, pool: DeskPool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def alerts(self, wanted: AlertFilter) -> list[RiskAlertView]:
        """Return the alerts of a filter, newest first."""
        where, values = _where(
            (
                ("account_id = ANY(%s)", _names(wanted.accounts)),
                ("account_id = %s", wanted.account_id),
                ("state = %s", wanted.state),
                ("rule = %s", wanted.rule),
                ("level = %s", wanted.level),
                ("first_seen < %s", wanted.before),
            )
        )
        statement = f"{_ALERTS} {where} ORDER BY first_seen DESC, alert_id LIMIT %s"
        return [RiskAlertView(*row) for row in await self._pool.run(statement, [*values, wanted.limit])]

    async def alert(self, alert_id: UUID, accounts: frozenset[str] | None) -> RiskAlertView | None:
        """Return an alert that accounts may see, or None."""
        where, values = _where((("alert_id = %s", alert_id), ("account_id = ANY(%s)", _names(accounts))))
        rows = await self._pool.run(f"{_ALERTS} {where}", values)
        return RiskAlertView(*rows[0]) if rows else None

    async def acknowledge(self, alert_id: UUID, times_raised: int, by: str, note: str) -> bool:
        """Note that a person has seen an open alert as it was raised the so-manieth time, and once only."""
        values = (by, note, self._clock(), alert_id, times_raised)
        return bool(await self._pool.run(_ACKNOWLEDGE, values, by=by, reason=note))


class PostgresSurveillanceDesk:
    """The SurveillanceDesk on what `oms surveillance run` stores, and `surveillance_reviews`."""

    def __init__(self, pool: DeskPool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def reports(self, day: date | None, rows_max: int) -> list[SurveillanceReportView]:
        """Return the reports, the newest first."""
        rows = await self._pool.run(_REPORTS, (day, day, rows_max))
        return [SurveillanceReportView(*row) for row in rows]

    async def findings(self, wanted: FindingFilter) -> list[FindingView]:
        """Return the findings of a filter, the latest day first."""
        inner, values = _where((("r.day = %s", wanted.day), ("f.pattern = %s", wanted.pattern)))
        outer, more = _where(
            (("accounts <@ %s::text[]", _names(wanted.accounts)), ("state = %s", wanted.state))
        )
        statement = (
            f"{_FINDINGS.format(where=inner)} {outer} ORDER BY day DESC, began_at DESC, finding_id LIMIT %s"
        )
        rows = await self._pool.run(statement, [*values, *more, wanted.limit])
        return [FindingView(*row) for row in rows]

    async def finding(self, finding_id: UUID, accounts: frozenset[str] | None) -> FindingView | None:
        """Return a finding all of whose accounts may be seen, or None."""
        inner, values = _where((("f.finding_id = %s", finding_id),))
        outer, more = _where((("accounts <@ %s::text[]", _names(accounts)),))
        rows = await self._pool.run(f"{_FINDINGS.format(where=inner)} {outer}", [*values, *more])
        return FindingView(*rows[0]) if rows else None

    async def review(self, finding: FindingView, by: str, note: str) -> None:
        """Note a person's word on a finding."""
        values = (uuid7(), finding.identity, by, note, self._clock())
        await self._pool.run(_REVIEW, values, by=by, reason=note)
