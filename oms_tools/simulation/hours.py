"""When a simulation's market trades: always, to the end of a day and on, or in sessions with auctions."""

import random
from datetime import date, datetime, timedelta
from typing import Final

from oms_platform.trading_calendar import EVER_OPEN, AuctionRule, Calendar, Session
from oms_tools.simulation.clock import START
from simulators.broker.protocol import TradingPhase

# Who holds the auctions.
LISTING_VENUES: Final = {"AAPL": "XNYS", "MSFT": "ARCX"}
_DAY: Final = timedelta(days=1)
_SECOND: Final = timedelta(seconds=1)
# So long before an auction orders for it leave, and up to so long before it they are taken.
_LEAD: Final = timedelta(seconds=2)
_CUTOFFS: Final = (timedelta(0), timedelta(milliseconds=300))
# A venue begins to take orders for its next opening so long after a close.
_NIGHT: Final = timedelta(milliseconds=100)
_SESSIONS_MAX: Final = 4


def calendar_of(draws: random.Random) -> Calendar:
    """Draw a market's hours. In the end it is open, and stays so."""
    kind = draws.random()
    if kind < 0.3:
        return EVER_OPEN
    if kind < 0.6:
        return Calendar(calendar_id="SIM", continuous_from=timedelta(hours=15, seconds=draws.randint(2, 30)))
    at, day = START + draws.choice((-1, 1, 2)) * _SECOND, date(2026, 1, 1)
    sessions = []
    for _ in range(draws.randint(1, _SESSIONS_MAX)):
        closes_at = at + draws.randint(3, 9) * _SECOND
        sessions.append(Session(session_date=day, opens_at=at, closes_at=closes_at))
        at, day = closes_at + draws.randint(1, 4) * _SECOND, day + _DAY
    last = EVER_OPEN.sessions[0].closes_at
    sessions.append(Session(session_date=day, opens_at=at, closes_at=last))
    rules = [
        (AuctionRule(effective_from=date(2026, 1, 1), lead=_LEAD, cutoff=draws.choice(_CUTOFFS)),)
        for _ in range(2)
    ]
    return Calendar(calendar_id="SIM", sessions=tuple(sessions), openings=rules[0], closings=rules[1])


def phase_of(calendar: Calendar, now: datetime) -> TradingPhase:
    """Return what a venue of this market does at a time."""
    phase = calendar.phase(now)
    if phase.open:
        return TradingPhase.OPEN
    closed_at = phase.last_close
    return TradingPhase.CLOSED if closed_at and now < closed_at + _NIGHT else TradingPhase.PRE_OPEN
