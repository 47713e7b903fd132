"""A kill switch stops what it is about, whoever asks."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Found, fails
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Require that no kill switch stops the order."""
    switch = context.stopped_by
    if switch is None:
        return None
    scope = str(switch.scope)
    return fails(scope, "not stopped", switch=switch.switch_id, scope=scope, reason=switch.reason)
