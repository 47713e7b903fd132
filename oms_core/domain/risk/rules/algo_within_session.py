"""An algo is worked within one session."""

from oms_core.domain.order_times import time_text
from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Found, fails, holds
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Require that an algo's time is not over, and lies within one session."""
    wanted = context.algo_time
    if wanted is None:
        return None
    begins, ends = time_text(wanted.begins_at), time_text(wanted.ends_at)
    until = "closed" if wanted.until is None else time_text(wanted.until)
    if wanted.until is not None and wanted.begins_at < wanted.ends_at <= wanted.until:
        return holds(f"{begins} to {ends}", until)
    return fails(f"{begins} to {ends}", until, begins=begins, ends=ends, session_ends=until)
