"""A market order means the market of when it was asked for."""

from oms_core.domain.risk.context import NO_AGE_LIMIT, RiskContext
from oms_core.domain.risk.finding import Found, fails, holds
from oms_core.domain.risk.verdict import Limits
from oms_platform.vocabulary import OrderType


def check(context: RiskContext, limits: Limits) -> Found:
    """Hold a market order to the age at which its client still means the market of now."""
    if context.terms.order_type is not OrderType.MARKET or context.age_max == NO_AGE_LIMIT:
        return None
    age_s, bound_s = f"{context.age.total_seconds():g}", f"{context.age_max.total_seconds():g}"
    if context.age <= context.age_max:
        return holds(age_s, bound_s)
    return fails(age_s, bound_s, age_s=age_s, limit_s=bound_s)
