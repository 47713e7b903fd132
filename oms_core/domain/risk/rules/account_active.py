"""An account that is suspended or closed cannot trade."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Found, is_so
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Require an active account."""
    if context.account is None:
        return None
    account_id = context.terms.account_id
    return is_so(context.account.active, account_id, "active", account=account_id)
