"""Orders are for a market that trades, or wait for it."""

from oms_core.domain.order_times import time_text
from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Found, fails, holds
from oms_core.domain.risk.verdict import Limits


def check(context: RiskContext, limits: Limits) -> Found:
    """Require that the instrument's market trades, and of a DAY order that it is still its day."""
    phase, instrument = context.phase, context.instrument
    if phase is None or instrument is None:
        return None
    symbol, calendar = instrument.symbol, instrument.calendar_id
    if (phase.open or context.waits) and context.is_of_ended_day:
        closed = time_text(phase.last_close)
        return fails(closed, "its day", symbol=symbol, calendar=calendar, day_ended=closed)
    if phase.open:
        return holds("open", "open, or it waits" if context.waits else "open")
    if context.waits:
        return holds("closed", "open, or it waits")
    return fails("closed", "open", symbol=symbol, calendar=calendar, next_open=time_text(phase.until))
