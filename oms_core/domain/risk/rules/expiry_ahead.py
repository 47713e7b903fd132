"""What is good till a time must not be over."""

from oms_core.domain.order_times import time_text
from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Found, fails, holds
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Require of an order that is good till a time that it is not over."""
    expire_at = context.terms.expire_at
    if expire_at is None:
        return None
    until, now = time_text(expire_at), time_text(context.now)
    if context.now < expire_at:
        return holds(until, f"after {now}")
    return fails(until, f"after {now}", expire_at=until, now=now)
