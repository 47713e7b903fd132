"""REST about what is looked at after the trade: alerts of limits, and what surveillance found."""

from datetime import date
from typing import Annotated, Final

import msgspec

from oms_api.domain.booking import REASON_MAX
from oms_api.domain.principal import Principal, Right
from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode, invalid, shown
from oms_api.domain.terms import read_id
from oms_api.entrypoints.operation import AnyOperation, Call, NoQuery, Operation
from oms_api.entrypoints.request_fields import one_of
from oms_api.entrypoints.rest_market import Day
from oms_api.entrypoints.rest_orders import Text
from oms_api.ports import (
    AlertFilter,
    FindingFilter,
    FindingView,
    Instant,
    Ports,
    RiskAlertView,
    SurveillanceReportView,
    View,
)
from oms_platform.risk_rules import RULE_SPECS
from oms_platform.surveillance_patterns import PATTERNS

ALERTS: Final = "/api/v1/risk/alerts"
SURVEILLANCE: Final = "/api/v1/surveillance"
TAG: Final = "Post-trade"
STATES: Final = ("OPEN", "ACKNOWLEDGED", "CLEARED")
LEVELS: Final = ("WARNING", "BREACH")
RULES: Final = (*(spec.name for spec in RULE_SPECS if spec.watched is not None), "INPUT_MISSING")
FINDING_STATES: Final = ("OPEN", "REVIEWED")
LIMIT_DEFAULT: Final = 100
LIMIT_MAX: Final = 1_000
TIMES_MAX: Final = 2**31 - 1
Note = Annotated[
    str, msgspec.Meta(min_length=1, max_length=REASON_MAX, pattern=r"^[^\u0000]*[^\s\u0000][^\u0000]*$")
]


class RiskAlertsQuery(msgspec.Struct, rename="camel", kw_only=True):
    """Which alerts, newest first."""

    state: Annotated[str, one_of(STATES, "RiskAlertState")] | None = None
    account_id: Text | None = None
    rule: Annotated[str, one_of(RULES, "WatchedRule")] | None = None
    level: Annotated[str, one_of(LEVELS, "RiskAlertLevel")] | None = None
    before: Annotated[Instant | None, msgspec.Meta(description="First seen before then.")] = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT


class AcknowledgeRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What was found out, or is done. timesRaised: as the alert was seen; it is refused if it is another."""

    note: Note
    times_raised: Annotated[int, msgspec.Meta(ge=1, le=TIMES_MAX)] | msgspec.UnsetType = msgspec.UNSET


class RiskAlerts(View, frozen=True):
    """Alerts, newest first."""

    alerts: list[RiskAlertView]


class ReportsQuery(msgspec.Struct, rename="camel", kw_only=True):
    """Which reports, the newest first."""

    day: Day | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT


class FindingsQuery(ReportsQuery, rename="camel", kw_only=True):
    """Which findings, the latest day first; of the same orders, what the newest report says."""

    pattern: Annotated[str, one_of(tuple(PATTERNS), "SurveillancePattern")] | None = None
    state: Annotated[str, one_of(FINDING_STATES, "FindingState")] | None = None


class ReviewRequest(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What a person found of it."""

    note: Note


class SurveillanceReports(View, frozen=True):
    """Reports, the newest first."""

    reports: list[SurveillanceReportView]


class Findings(View, frozen=True):
    """Findings, the latest day first."""

    findings: list[FindingView]


def read_day(text: str | None) -> date | Refusal | None:
    """Return the day of a query, or why it is none."""
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        return invalid(FieldProblem(field="day", message=f"must be a day, as 2026-03-02, was {shown(text)}"))


def read_note(content: object) -> str | FieldProblem:
    """Return the note of a request, or what is wrong with it."""
    note = content.get("note") if isinstance(content, dict) else None
    if not isinstance(note, str) or not note.strip() or "\0" in note or len(note) > REASON_MAX:
        return FieldProblem(field="note", message=f"must be a text of 1 to {REASON_MAX}, was {shown(note)}")
    return note


async def acknowledge(
    ports: Ports, principal: Principal, alert_id: str, content: dict[str, object]
) -> RiskAlertView | Refusal:
    """Note that a person has seen an alert; one that was raised again since then is refused."""
    note, times = read_note(content), content.get("timesRaised")
    if isinstance(note, FieldProblem):
        return invalid(note)
    if times is not None and (type(times) is not int or not 1 <= times <= TIMES_MAX):
        message = f"must be 1 to {TIMES_MAX}, was {shown(times)}"
        return invalid(FieldProblem(field="timesRaised", message=message))
    known = read_id(alert_id)
    found = None if known is None else await ports.alerts.alert(known, principal.visible)
    if found is None:
        return Refusal(code=RefusalCode.NOT_FOUND, message=f"no alert {shown(alert_id)}")
    wanted = times if isinstance(times, int) else found.times_raised
    if await ports.alerts.acknowledge(found.alert_id, wanted, principal.subject, note):
        return await ports.alerts.alert(found.alert_id, principal.visible) or found
    now = await ports.alerts.alert(found.alert_id, principal.visible) or found
    if now.times_raised != wanted and now.state == "OPEN":
        why = f"it was raised {now.times_raised} times by now, {wanted} was given"
    else:
        why = f"it is {now.state}" + (f" by {now.acknowledged_by}" if now.acknowledged_by else "")
    return Refusal(code=RefusalCode.CONFLICT, message=f"not acknowledged: {why}", status=now.state)


async def review(
    ports: Ports, principal: Principal, finding_id: str, content: dict[str, object]
) -> FindingView | Refusal:
    """Note what a person found of a finding."""
    note = read_note(content)
    if isinstance(note, FieldProblem):
        return invalid(note)
    known = read_id(finding_id)
    found = None if known is None else await ports.surveillance.finding(known, principal.visible)
    if found is None:
        return Refusal(code=RefusalCode.NOT_FOUND, message=f"no finding {shown(finding_id)}")
    await ports.surveillance.review(found, principal.subject, note)
    return await ports.surveillance.finding(found.finding_id, principal.visible) or found


def post_trade_operations(ports: Ports) -> list[AnyOperation]:
    """Return the operations. Who sees an account sees its alerts; a firm's, who sees every account.

    A finding is seen by who sees all of its accounts.
    """

    async def alerts(call: Call[RiskAlertsQuery]) -> RiskAlerts:
        query = call.query
        wanted = AlertFilter(
            limit=query.limit,
            accounts=call.principal.visible,
            account_id=query.account_id,
            state=query.state,
            rule=query.rule,
            level=query.level,
            before=query.before,
        )
        return RiskAlerts(await ports.alerts.alerts(wanted))

    async def seen(call: Call[NoQuery]) -> object:
        return await acknowledge(ports, call.principal, call.path["alertId"], dict(call.content))

    async def reports(call: Call[ReportsQuery]) -> SurveillanceReports | Refusal:
        day = read_day(call.query.day)
        if isinstance(day, Refusal):
            return day
        return SurveillanceReports(await ports.surveillance.reports(day, call.query.limit))

    async def findings(call: Call[FindingsQuery]) -> Findings | Refusal:
        query, day = call.query, read_day(call.query.day)
        if isinstance(day, Refusal):
            return day
        wanted = FindingFilter(
            limit=query.limit,
            accounts=call.principal.visible,
            day=day,
            pattern=query.pattern,
            state=query.state,
        )
        return Findings(await ports.surveillance.findings(wanted))

    async def reviewed(call: Call[NoQuery]) -> object:
        return await review(ports, call.principal, call.path["findingId"], dict(call.content))

    return [
        Operation(
            method="GET", path=ALERTS, name="listRiskAlerts", tag=TAG, right=Right.READ, serve=alerts,
            summary="Limits that positions, open orders or marks have brought near or beyond, newest first",
            query=RiskAlertsQuery, answers={200: RiskAlerts},
        ),
        Operation(
            method="POST", path=f"{ALERTS}/{{alertId}}/acknowledge", name="acknowledgeRiskAlert", tag=TAG,
            right=Right.LIMITS, serve=seen, summary="Say that an alert was seen, and what is done about it",
            body=AcknowledgeRequest, noun="a note", example={"note": "the desk reduces by noon"},
            answers={200: RiskAlertView}, refusals=[RefusalCode.CONFLICT],
        ),
        Operation(
            method="GET", path=SURVEILLANCE, name="listFindings", tag=TAG, right=Right.AUDIT, serve=findings,
            summary="What surveillance found, the latest day first", query=FindingsQuery,
            answers={200: Findings},
        ),
        Operation(
            method="GET", path=f"{SURVEILLANCE}/reports", name="listSurveillanceReports", tag=TAG,
            right=Right.AUDIT, serve=reports, summary="Runs of surveillance, the newest first",
            query=ReportsQuery, answers={200: SurveillanceReports},
        ),
        Operation(
            method="POST", path=f"{SURVEILLANCE}/{{findingId}}/review", name="reviewFinding", tag=TAG,
            right=Right.AUDIT, serve=reviewed, summary="Say what a person found of a finding",
            body=ReviewRequest, noun="a note", example={"note": "two clients, no common owner"},
            answers={200: FindingView},
        ),
    ]  # fmt: skip
