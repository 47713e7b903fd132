"""An account that nobody has set up cannot trade."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Found, is_so
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Require a known account."""
    account_id = context.terms.account_id
    return is_so(context.account is not None, account_id, "known", account=account_id)
