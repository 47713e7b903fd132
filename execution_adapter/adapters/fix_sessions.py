"""The FIX 4.4 sessions: a QuickFIX initiator with one session a venue, and the messages that go out on them.

A message handed to a session is in its file store before it is on the wire, so a venue that missed it gets
it by resend, in its place: the order of what we send is the order in which a venue sees it, whatever fails
in between.
"""

import sys
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import quickfix as fix

from execution_adapter.domain.dialects.fix44 import (
    BEGIN_STRING,
    SOH,
    new_order_single,
    order_cancel_request,
    order_status_request,
    utc_timestamp,
)
from execution_adapter.ports import SentMessage
from oms_platform.vocabulary import ChildTerms

_TAIL_BYTES: Final = 1 << 20


# How long a venue may take to answer a logout.
LOGOUT_S_MAX: Final = 3.0
LOGOUT_LOOK_S: Final = 0.02
# Initiators that were left as they are: their destructors must not run before the process has ended.
_LEFT: Final[list[Any]] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class FixSettings:
    """How to reach the venues. log: a folder for FIX logs, None for none."""

    host: str
    port: int
    store: Path
    sender: str
    heartbeat_s: int
    reconnect_s: int
    log: Path | None = None


def data_dictionary() -> Path:
    """Return the FIX 4.4 dictionary that the QuickFIX package installs."""
    return Path(sys.prefix) / "share" / "quickfix" / "FIX44.xml"


def _configuration(settings: FixSettings, venues: list[str]) -> str:
    lines = [
        "[DEFAULT]",
        "ConnectionType=initiator",
        f"BeginString={BEGIN_STRING}",
        f"SenderCompID={settings.sender}",
        f"SocketConnectHost={settings.host}",
        f"SocketConnectPort={settings.port}",
        "SocketNodelay=Y",
        f"HeartBtInt={settings.heartbeat_s}",
        f"ReconnectInterval={settings.reconnect_s}",
        # A session that began its numbers again every day could not resend what came before.
        "NonStopSession=Y",
        "StartTime=00:00:00",
        "EndTime=00:00:00",
        "ResetOnLogon=N",
        "ResetOnLogout=N",
        "ResetOnDisconnect=N",
        "PersistMessages=Y",
        "TimestampPrecision=6",
        "UseDataDictionary=Y",
        f"DataDictionary={data_dictionary()}",
        f"FileStorePath={settings.store}",
    ]
    if settings.log is not None:
        lines.append(f"FileLogPath={settings.log}")
    for venue in venues:
        lines += ["[SESSION]", f"TargetCompID={venue}"]
    return "\n".join(lines) + "\n"


class FixSessions:
    """Venues on QuickFIX. Make it, set the inbound sequences, then `start`; `stop` ends it for good."""

    def __init__(self, settings: FixSettings, venues: list[str], application: fix.Application) -> None:
        settings.store.mkdir(parents=True, exist_ok=True)
        self._settings = settings
        self._started = False
        self._stamp: tuple[datetime | None, str] = (None, "")
        # QuickFIX keeps only references: everything here must live as long as the initiator.
        self._application = application
        self._session_settings = fix.SessionSettings()
        self._session_settings.setFromString(_configuration(settings, venues))
        self._store_factory = fix.FileStoreFactory(self._session_settings)
        self._log_factory = None
        if settings.log is not None:
            settings.log.mkdir(parents=True, exist_ok=True)
            self._log_factory = fix.FileLogFactory(self._session_settings)
        self._initiator = fix.SocketInitiator(
            application, self._store_factory, self._session_settings, self._log_factory
        )
        self._ids = {venue: fix.SessionID(BEGIN_STRING, settings.sender, venue) for venue in venues}
        self._sessions = {venue: fix.Session.lookupSession(self._ids[venue]) for venue in venues}

    @property
    def venues(self) -> list[str]:
        """The venues that have a session."""
        return list(self._ids)

    def resume_from(self, venue_id: str, next_in_seq: int) -> None:
        """Set the inbound sequence that the session asks for next. Only before `start`."""
        self._sessions[venue_id].setNextTargetMsgSeqNum(next_in_seq)

    def start(self) -> None:
        """Connect, and stay connected, from a thread of QuickFIX's own."""
        self._started = True
        self._initiator.start()

    def leave(self) -> None:
        """Log the sessions out, for a process that ends now: nothing is freed, and `stop` is not needed.

        QuickFIX 1.16's own stop ends in a segmentation fault now and then, within C++ and after the
        logouts. What it would still do, the end of the process does.
        """
        if not self._started:
            return
        for session in self._sessions.values():
            session.logout()
        deadline_s = time.monotonic() + LOGOUT_S_MAX
        while time.monotonic() < deadline_s and any(
            session.isLoggedOn() for session in self._sessions.values()
        ):
            time.sleep(LOGOUT_LOOK_S)
        _LEFT.append(self._initiator)

    def stop(self) -> None:
        """Log out, disconnect and free the sessions, so that they can be made anew."""
        self._initiator.stop()
        self._sessions.clear()
        del self._initiator

    def send_order(self, child: ChildTerms, at: datetime) -> None:
        """Send 35=D."""
        self._send(child.venue_id, "D", new_order_single(child, self._written(at)))

    def send_cancel(self, child: ChildTerms, cl_ord_id: str, at: datetime) -> None:
        """Send 35=F."""
        self._send(child.venue_id, "F", order_cancel_request(child, cl_ord_id, self._written(at)))

    def ask_status(self, child: ChildTerms, ask_id: str) -> None:
        """Send 35=H."""
        self._send(child.venue_id, "H", order_status_request(child, ask_id))

    def _written(self, at: datetime) -> str:
        """Write a UTCTimestamp. A batch has one time, so the last one is kept."""
        if at is not self._stamp[0]:
            self._stamp = (at, utc_timestamp(at))
        return self._stamp[1]

    def _send(self, venue_id: str, msg_type: str, body: str) -> None:
        # Parsing one string costs a fifth of setting the fields one by one; QuickFIX fills in the header.
        message = fix.Message(f"8={BEGIN_STRING}{SOH}9=0{SOH}35={msg_type}{SOH}{body}10=000{SOH}", False)
        fix.Session.sendToTarget(message, self._ids[venue_id])

    def next_out_seq(self, venue_id: str) -> int:
        """Return the next outbound sequence number."""
        number: int = self._sessions[venue_id].getExpectedSenderNum()
        return number

    def expected_in_seq(self, venue_id: str) -> int:
        """Return the next inbound sequence number."""
        number: int = self._sessions[venue_id].getExpectedTargetNum()
        return number

    def sent_message(self, venue_id: str, seq: int) -> SentMessage | None:
        """Find one of the newest messages in the file store, without touching QuickFIX's handles."""
        base = self._settings.store / f"{BEGIN_STRING}-{self._settings.sender}-{venue_id}"
        try:
            with base.with_name(base.name + ".header").open("rb") as header:
                header.seek(max(0, header.seek(0, 2) - _TAIL_BYTES))
                index = header.read().split()
            place = next(
                (entry.split(b",") for entry in reversed(index) if entry.startswith(b"%d," % seq)), None
            )
            if place is None:
                return None
            with base.with_name(base.name + ".body").open("rb") as body:
                body.seek(int(place[1]))
                raw = body.read(int(place[2])).decode()
        except OSError:
            return None
        fields = dict(part.split("=", 1) for part in raw.split(SOH)[:-1])
        return SentMessage(msg_type=fields.get("35", ""), cl_ord_id=fields.get("11", ""))
