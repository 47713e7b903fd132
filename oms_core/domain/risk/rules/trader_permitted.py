"""Who may trade what, where: permissions by trader, desk, account, sector and symbol."""

from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Found, fails, holds
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Require that whoever asks is permitted to trade this here."""
    terms = context.terms
    if limits["permitted"] is True:
        return holds(terms.principal, "permitted")
    return fails(
        terms.principal,
        "permitted",
        trader=terms.principal,
        account=terms.account_id,
        symbol=terms.symbol,
    )
