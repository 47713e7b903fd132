"""What a venue says, through its session: a record as a message, a fault of the session as its effect."""

from datetime import datetime, timedelta
from typing import Final

from oms_platform.fix.session import FixSession, State
from simulators.broker.entrypoints.fix_text import message_of
from simulators.broker.ports import SentMessages
from simulators.broker.protocol import FaultKind, FaultSown, OrderAccepted, Saying

_NO_ERROR: Final = timedelta(0)
# The clock of a venue whose clock is off.
_CLOCK_ERROR: Final = timedelta(minutes=-3)
# How many of its messages a session forgets whose store was restored from a copy.
_FORGOTTEN: Final = 3


def resend_asked(session: FixSession[SentMessages]) -> None:
    """Send again what the counterparty has asked for since the last call."""
    for begin, end in session.asked_again:
        session.resend(begin, end, session.store.read(begin, end))
    session.asked_again.clear()


def say(
    session: FixSession[SentMessages],
    saying: Saying,
    now: datetime,
    now_s: float,
    *,
    possible_resend: bool = False,
) -> None:
    """Let a session say it, or keep it for the next logon; of an order that was taken it says nothing."""
    record, dress, _ = saying
    if isinstance(record, FaultSown):
        _break_session(session, record.kind)
    elif dress is FaultKind.GAP_FILLED:
        session.gap_fill(now, now_s)
    elif not isinstance(record, OrderAccepted):
        msg_type, body = message_of(record, possible_resend=possible_resend, dress=dress)
        error = _CLOCK_ERROR if dress is FaultKind.CLOCK_OFF else _NO_ERROR
        session.send(msg_type, body, now, now_s, clock_error=error)


def _break_session(session: FixSession[SentMessages], kind: FaultKind) -> None:
    """Do what a fault of the session does; the others have no part in it."""
    if kind is FaultKind.SESSION_RESET:
        session.resets_next = True
    elif kind is FaultKind.SEQUENCE_LOW:
        session.store.forget_newest(_FORGOTTEN)
    elif kind is not FaultKind.DROP:
        return
    session.ends = session.state is not State.AWAY
