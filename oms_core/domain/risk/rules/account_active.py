"""An account that is suspended or closed cannot trade."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Found, fails, holds
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Require an active account."""
    if context.account is None:
        return None
    account_id = context.terms.account_id
    if context.account.active:
        return holds(account_id, "active")
    return fails(account_id, "active", account=account_id)
