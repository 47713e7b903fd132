"""Alerts as the topic alerts.risk carries them."""

from oms_core.domain.alerts import Alert
from oms_platform.messages import RiskAlert


def message_of(alert: Alert) -> RiskAlert:
    """Return an alert as it is published."""
    return RiskAlert(
        alert_id=alert.alert_id,
        version=alert.version,
        rule=alert.rule,
        scope=str(alert.scope),
        account_id=alert.account_id,
        level=alert.level,
        share_pct=alert.share_pct,
        value=alert.shown(alert.value),
        bound=alert.shown(alert.bound),
        headroom=alert.headroom,
        worst=alert.shown(alert.worst),
        unit=alert.unit.value,
        set_for=alert.set_for,
        times_raised=alert.times_raised,
        first_seen=alert.first_seen,
        last_seen=alert.last_seen,
        cleared_at=alert.cleared_at,
        why_cleared=alert.why_cleared,
    )
