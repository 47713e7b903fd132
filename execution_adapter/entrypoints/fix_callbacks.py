"""QuickFIX's callbacks: read the message, enqueue it, nothing else. No exception leaves them."""

import time
from typing import Final

import quickfix as fix
import structlog

from execution_adapter import metrics
from execution_adapter.entrypoints.inbox import Inbox
from execution_adapter.ports import FixMessage, SessionDown, SessionUp
from oms_platform.errors import OperationalError
from oms_platform.foreign_threads import ForeignThreads

log = structlog.get_logger()
_MSG_TYPE = 35
_POSS_DUP = 43
_REJECT = "3"
_RESEND_REQUEST = "2"
_STATUS_REQUEST = "H"
_LOGON = "A"
# After so long without a try, and so many intervals at which QuickFIX tries again, a session is given up.
LEFT_AFTER_S_MIN: Final = 20.0
LEFT_AFTER_TRIES: Final = 5


class SessionsLeftError(OperationalError):
    """Sessions that nobody tries to log on any more; they are made anew by the start-up path."""

    dependency = "fix"


class VenueCallbacks(fix.Application):
    """Puts what venues send into the inbox, in the order of their sequence numbers.

    A callback that has returned has enqueued: QuickFIX moves its expected sequence on only afterwards, so
    every message below that number is in the inbox or already taken from it.
    """

    def __init__(self, inbox: Inbox, left_after_s: float = LEFT_AFTER_S_MIN) -> None:
        super().__init__()
        self._left_after_s = left_after_s
        self._inbox = inbox
        self._threads = ForeignThreads()
        # When each venue's session last showed that QuickFIX tends it, and which are logged on.
        self._tended_s: dict[str, float] = {}
        self._up: set[str] = set()

    def require_tended(self) -> None:
        """Raise SessionsLeftError when QuickFIX has given up a session while the venues' door is open.

        Seen with QuickFIX 1.16 after one in a few losses of a venue under traffic. It keeps connections by
        the number of their socket; that a number is used again while the old connection is being given up
        would explain it. A session that tries and is refused is not meant.
        """
        if not self._up:
            return
        long_ago_s = time.monotonic() - self._left_after_s
        left = sorted(
            venue
            for venue, tended_s in list(self._tended_s.items())
            if tended_s < long_ago_s and venue not in self._up
        )
        if left:
            raise SessionsLeftError(f"no logon was tried for {self._left_after_s:.0f} s: {', '.join(left)}")

    def _tend(self, session_id: fix.SessionID) -> str:
        venue_id: str = session_id.getTargetCompID().getString()
        self._tended_s[venue_id] = time.monotonic()
        return venue_id

    def onCreate(self, session_id: fix.SessionID) -> None:  # noqa: N802
        """Count from here: sessions are made at start."""
        self._tend(session_id)

    def onLogon(self, session_id: fix.SessionID) -> None:  # noqa: N802
        """Tell that a venue is there."""
        venue_id = self._tend(session_id)
        self._up.add(venue_id)
        self._inbox.put_now(SessionUp(venue_id))

    def onLogout(self, session_id: fix.SessionID) -> None:  # noqa: N802
        """Tell that a venue is gone."""
        venue_id = self._tend(session_id)
        self._up.discard(venue_id)
        self._inbox.put_now(SessionDown(venue_id))

    def toAdmin(self, message: fix.Message, session_id: fix.SessionID) -> None:  # noqa: N802
        """Count the resends that we ask for; QuickFIX keeps the session."""
        msg_type = message.getHeader().getField(_MSG_TYPE)
        if msg_type == _LOGON:
            self._tend(session_id)
        elif msg_type == _RESEND_REQUEST:
            metrics.resend_requests_total.labels(session_id.getTargetCompID().getString(), "us").inc()

    def toApp(self, message: fix.Message, session_id: fix.SessionID) -> None:  # noqa: N802
        """Keep an old 35=H from being resent: its answer would be taken for that of a newer one."""
        header = message.getHeader()
        if header.isSetField(_POSS_DUP) and header.getField(_MSG_TYPE) == _STATUS_REQUEST:
            raise fix.DoNotSend

    def fromAdmin(self, message: fix.Message, session_id: fix.SessionID) -> None:  # noqa: N802
        """Enqueue a session-level reject, it may be about an order; count the resends asked of us."""
        msg_type = message.getHeader().getField(_MSG_TYPE)
        if msg_type == _REJECT:
            self._enqueue(message)
        elif msg_type == _RESEND_REQUEST:
            metrics.resend_requests_total.labels(session_id.getTargetCompID().getString(), "venue").inc()

    def fromApp(self, message: fix.Message, session_id: fix.SessionID) -> None:  # noqa: N802
        """Enqueue an application message."""
        self._threads.keep()
        self._enqueue(message)

    def _enqueue(self, message: fix.Message) -> None:
        try:
            self._inbox.put(FixMessage(message.toString()))
        except UnicodeDecodeError as error:
            metrics.unhandled_total.labels("not_text").inc()
            log.warning("fix_message_unreadable", error=str(error))
