"""QuickFIX's callbacks: read the message, enqueue it, nothing else. No exception leaves them."""

import quickfix as fix
import structlog

from execution_adapter import metrics
from execution_adapter.entrypoints.inbox import FixMessage, Inbox, SessionDown, SessionUp

log = structlog.get_logger()
_MSG_TYPE = 35
_POSS_DUP = 43
_REJECT = "3"
_RESEND_REQUEST = "2"
_STATUS_REQUEST = "H"


class VenueCallbacks(fix.Application):
    """Puts what venues send into the inbox, in the order of their sequence numbers.

    A callback that has returned has enqueued: QuickFIX moves its expected sequence on only afterwards, so
    every message below that number is in the inbox or already taken from it.
    """

    def __init__(self, inbox: Inbox) -> None:
        super().__init__()
        self._inbox = inbox

    def onCreate(self, session_id: fix.SessionID) -> None:  # noqa: N802
        """Do nothing: sessions are made at start."""

    def onLogon(self, session_id: fix.SessionID) -> None:  # noqa: N802
        """Tell that a venue is there."""
        self._inbox.put_now(SessionUp(session_id.getTargetCompID().getString()))

    def onLogout(self, session_id: fix.SessionID) -> None:  # noqa: N802
        """Tell that a venue is gone."""
        self._inbox.put_now(SessionDown(session_id.getTargetCompID().getString()))

    def toAdmin(self, message: fix.Message, session_id: fix.SessionID) -> None:  # noqa: N802
        """Count the resends that we ask for; QuickFIX keeps the session."""
        if message.getHeader().getField(_MSG_TYPE) == _RESEND_REQUEST:
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
        self._enqueue(message)

    def _enqueue(self, message: fix.Message) -> None:
        try:
            self._inbox.put(FixMessage(message.toString()))
        except UnicodeDecodeError as error:
            metrics.unhandled_total.labels("not_text").inc()
            log.warning("fix_message_unreadable", error=str(error))
