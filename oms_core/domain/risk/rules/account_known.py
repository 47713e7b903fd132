"""An account that nobody has set up cannot trade."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Found, fails, holds
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Require a known account."""
    account_id = context.terms.account_id
    if context.account is not None:
        return holds(account_id, "known")
    return fails(account_id, "known", account=account_id)
