"""What is looked at after the trade: alerts of limits, and what surveillance found."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from oms_api.ports.orders import Instant, View


class RiskAlertView(View, frozen=True):
    """A limit that is near or passed. account_id: null for a firm's. share_pct: of the bound, reached.

    value, bound, headroom, worst: as text, in the unit. set_for: the scope that the bound is from.
    times_raised: how often it was raised, each time at a higher share; acknowledged_by, note and
    acknowledged_at are of the last time. last_seen: when it was seen to be another last.
    """

    alert_id: UUID
    account_id: str | None
    scope: dict[str, str]
    rule: str
    level: str
    state: str
    share_pct: int
    value: str
    bound: str
    headroom: str
    worst: str
    unit: str
    set_for: str
    times_raised: int
    first_seen: Instant
    last_seen: Instant
    cleared_at: Instant | None
    why_cleared: str
    acknowledged_by: str | None
    note: str | None
    acknowledged_at: Instant | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFilter:
    """Which alerts, newest first. accounts None: of every account, and of firms."""

    limit: int
    accounts: frozenset[str] | None = None
    account_id: str | None = None
    state: str | None = None
    rule: str | None = None
    level: str | None = None
    before: datetime | None = None


class AlertDesk(Protocol):
    """Reads alerts of limits, and notes who has seen them. Raises UnavailableError."""

    async def alerts(self, wanted: AlertFilter) -> list[RiskAlertView]:
        """Return the alerts of a filter, newest first."""
        ...

    async def alert(self, alert_id: UUID, accounts: frozenset[str] | None) -> RiskAlertView | None:
        """Return an alert that accounts may see, or None."""
        ...

    async def acknowledge(self, alert_id: UUID, times_raised: int, by: str, note: str) -> bool:
        """Note that a person has seen an open alert as it was raised the so-manieth time, and once only.

        Returns whether it was so, and nobody had noted it before.
        """
        ...


class SurveillanceReportView(View, frozen=True):
    """A run of surveillance over a day. parameters: by pattern, what it was held to.

    orders, executions: how many were looked at. digest: of all that was looked at. findings: how many.
    """

    report_id: UUID
    day: date
    patterns: list[str]
    parameters: dict[str, dict[str, int]]
    orders: int
    executions: int
    digest: str
    findings: int
    run_by: str
    run_at: Instant


class FindingView(View, frozen=True):
    """Orders that look like a pattern. figures: numbers by name. why: in words.

    identity: the same for the same orders in a later run. reviewed_by, note, reviewed_at: the last word.
    """

    finding_id: UUID
    report_id: UUID
    day: date
    identity: str
    pattern: str
    state: str
    firm: str
    accounts: list[str]
    symbol: str
    orders: list[UUID]
    began_at: Instant
    ended_at: Instant
    figures: dict[str, int]
    why: str
    reviewed_by: str | None
    note: str | None
    reviewed_at: Instant | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingFilter:
    """Which findings: of the newest report that has them. accounts None: of every account."""

    limit: int
    accounts: frozenset[str] | None = None
    day: date | None = None
    pattern: str | None = None
    state: str | None = None


class SurveillanceDesk(Protocol):
    """Reads what surveillance found, and notes a person's word on it. Raises UnavailableError."""

    async def reports(self, day: date | None, rows_max: int) -> list[SurveillanceReportView]:
        """Return the reports, the newest first."""
        ...

    async def findings(self, wanted: FindingFilter) -> list[FindingView]:
        """Return the findings of a filter, the latest day first."""
        ...

    async def finding(self, finding_id: UUID, accounts: frozenset[str] | None) -> FindingView | None:
        """Return a finding all of whose accounts may be seen, or None."""
        ...

    async def review(self, finding: FindingView, by: str, note: str) -> None:
        """Note a person's word on a finding; of the last one is what it says."""
        ...
