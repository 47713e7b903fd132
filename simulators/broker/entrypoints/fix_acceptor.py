"""The FIX door: one QuickFIX acceptor with a session for each venue.

Its callbacks read and enqueue, nothing else.
"""

import sys
import threading
import time
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import quickfix as fix
import structlog
from prometheus_client import Counter, Gauge

from oms_platform.errors import OperationalError
from oms_platform.foreign_threads import ForeignThreads
from simulators.broker.config import COUNTERPARTY
from simulators.broker.entrypoints.fix_text import (
    UnreadableFixError,
    business_reject_text,
    cancel_rejected_text,
    report_text,
    split_fields,
)
from simulators.broker.entrypoints.inbox import Inbox
from simulators.broker.protocol import CancelRejected, Record, Report

_APPLICATION_NOT_AVAILABLE: Final = 4
LOGOUT_S_MAX: Final = 3.0
LOGOUT_LOOK_S: Final = 0.02
log = structlog.get_logger()
sessions_gauge = Gauge("oms_broker_sessions_logged_on", "FIX sessions that are logged on")
overflow_total = Counter("oms_broker_inbox_overflow_total", "FIX messages refused because too many waited")


def settings_text(*, port: int, host: str, data: Path, venues: Sequence[str]) -> str:
    """Return QuickFIX's settings.

    The sessions never end and never reset, so that nothing is forgotten at midnight.
    """
    lines = [
        "[DEFAULT]",
        "ConnectionType=acceptor",
        f"SocketAcceptPort={port}",
        "SocketReuseAddress=Y",
        "SocketNodelay=Y",
        "BeginString=FIX.4.4",
        f"TargetCompID={COUNTERPARTY}",
        "NonStopSession=Y",
        "ResetOnLogon=N",
        "ResetOnLogout=N",
        "ResetOnDisconnect=N",
        "UseDataDictionary=Y",
        f"DataDictionary={Path(sys.prefix) / 'share' / 'quickfix' / 'FIX44.xml'}",
        "TimestampPrecision=6",
        "CheckLatency=N",
        f"FileStorePath={data / 'fix'}",
    ]
    if _is_loopback(host):
        # QuickFIX listens on every interface; sessions then take nobody from outside.
        lines.append(f"AllowedRemoteAddresses={host}")
    for venue_id in venues:
        lines += ["[SESSION]", f"SenderCompID={venue_id}"]
    return "\n".join([*lines, ""])


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class VenueApplication(fix.Application):
    """QuickFIX's callbacks. An exception must not leave one: C++ would end the process without a word."""

    def __init__(self, inbox: Inbox) -> None:
        super().__init__()
        self._inbox = inbox
        self._threads = ForeignThreads()
        self._logged_on: set[str] = set()
        self._lock = threading.Lock()

    def onCreate(self, session_id: Any) -> None:  # noqa: N802
        """Nothing to do."""

    def onLogon(self, session_id: Any) -> None:  # noqa: N802
        """Count the session."""
        with self._lock:
            self._logged_on.add(session_id.toString())
            sessions_gauge.set(len(self._logged_on))
        log.info("fix_logon", session=session_id.toString())

    def onLogout(self, session_id: Any) -> None:  # noqa: N802
        """Count the session no more."""
        with self._lock:
            self._logged_on.discard(session_id.toString())
            sessions_gauge.set(len(self._logged_on))
        log.info("fix_logout", session=session_id.toString())

    def toAdmin(self, message: Any, session_id: Any) -> None:  # noqa: N802
        """Nothing to add."""

    def fromAdmin(self, message: Any, session_id: Any) -> None:  # noqa: N802
        """Nothing to read."""

    def toApp(self, message: Any, session_id: Any) -> None:  # noqa: N802
        """Nothing to add."""

    def fromApp(self, message: Any, session_id: Any) -> None:  # noqa: N802
        """Enqueue the message; refuse it when too many wait."""
        self._threads.keep()
        try:
            text = message.toString()
            if not self._inbox.put_fix(text):
                overflow_total.inc()
                _refuse_overflow(text, session_id)
        except Exception:
            log.error("fix_callback_failed", exc_info=True)


def _refuse_overflow(text: str, session_id: Any) -> None:
    fields = split_fields(text)
    answer = business_reject_text(
        ref_seq_num=fields.get("34", "0"),
        ref_msg_type=fields.get("35", ""),
        reason=_APPLICATION_NOT_AVAILABLE,
        text="too many messages wait",
    )
    fix.Session.sendToTarget(fix.Message(answer, False), session_id)


# Acceptors that were left as they are: their destructors must not run before the process has ended.
_LEFT: Final[list[Any]] = []


class FixAcceptor:
    """Owns QuickFIX's objects for as long as the process listens. Sending is thread-safe."""

    def __init__(self, *, port: int, host: str, data: Path, venues: Sequence[str], inbox: Inbox) -> None:
        data.mkdir(parents=True, exist_ok=True)
        config = data / "acceptor.cfg"
        config.write_text(settings_text(port=port, host=host, data=data, venues=venues))
        self._port = port
        self._application = VenueApplication(inbox)
        try:
            self._settings = fix.SessionSettings(str(config))
            self._store = fix.FileStoreFactory(self._settings)
            self._acceptor: Any = fix.SocketAcceptor(self._application, self._store, self._settings)
        except fix.ConfigError as error:
            raise ValueError(f"{config}: {error}") from error
        self._sessions = {venue_id: fix.SessionID("FIX.4.4", venue_id, COUNTERPARTY) for venue_id in venues}
        self._listening = False

    def start(self) -> None:
        """Listen. Raises OperationalError when the port cannot be had."""
        try:
            self._acceptor.start()
        except (fix.RuntimeError, fix.ConfigError) as error:
            raise OperationalError(f"FIX port {self._port}: {error}") from error
        self._listening = True

    @property
    def is_listening(self) -> bool:
        """Whether the door is open."""
        return self._listening

    def send(self, record: Record, *, possible_resend: bool) -> None:
        """Hand a report to its venue's session, which keeps it if nobody is logged on."""
        if isinstance(record, Report):
            self._send(record.venue_id, report_text(record, possible_resend=possible_resend))
        elif isinstance(record, CancelRejected):
            self._send(record.venue_id, cancel_rejected_text(record, possible_resend=possible_resend))

    def refuse(self, venue_id: str, error: UnreadableFixError) -> None:
        """Answer a message that the venue does not take."""
        text = business_reject_text(
            ref_seq_num=error.ref_seq_num,
            ref_msg_type=error.ref_msg_type,
            reason=error.reason,
            text=str(error),
        )
        self._send(venue_id, text)

    def _send(self, venue_id: str, text: str) -> None:
        fix.Session.sendToTarget(fix.Message(text, False), self._sessions[venue_id])

    def leave(self) -> None:
        """Log the sessions out, for a process that ends now: `stop` then does nothing more.

        QuickFIX 1.16's own stop ends in a segmentation fault about once in a hundred times, within C++ and
        after the logouts. What it would still do, the end of the process does.
        """
        if not self._listening:
            return
        self._listening = False
        sessions = [fix.Session.lookupSession(session_id) for session_id in self._sessions.values()]
        for session in sessions:
            session.logout()
        deadline_s = time.monotonic() + LOGOUT_S_MAX
        while any(session.isLoggedOn() for session in sessions) and time.monotonic() < deadline_s:
            time.sleep(LOGOUT_LOOK_S)
        _LEFT.append(self._acceptor)

    def stop(self) -> None:
        """Log the sessions out, stop listening, and let go of QuickFIX's objects.

        It knows its sessions by name in the whole process: the next acceptor must not find the last one's.
        """
        if self._listening:
            self._listening = False
            self._acceptor.stop()
        self._acceptor = None
