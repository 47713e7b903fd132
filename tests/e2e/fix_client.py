"""A client of the FIX door on QuickFIX, which checks every message by its dictionary and its number."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import quickfix as fix

from oms_tools.laptop.parts import wait_until
from tests.patience import EVENTUALLY_S
from tests.unit.simulators.fix44_dictionary import QUICKFIX_XML

SOH = "\x01"
Fields = dict[str, str]


class FixClient(fix.Application):
    """An initiator with one session, which logs on again by itself as often as it has to."""

    def __init__(self, port: int, folder: Path, comp_id: str, username: str, password: str) -> None:
        super().__init__()
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._credentials = username, password
        self._session_id = fix.SessionID("FIX.4.4", comp_id, "OMS")
        self.is_on = False
        self.received: list[Fields] = []
        text = (
            "[DEFAULT]\nConnectionType=initiator\nSocketConnectHost=127.0.0.1\n"
            f"SocketConnectPort={port}\nSocketNodelay=Y\nBeginString=FIX.4.4\nNonStopSession=Y\n"
            "ResetOnLogon=N\nUseDataDictionary=Y\nTimestampPrecision=6\n"
            f"DataDictionary={QUICKFIX_XML}\nFileStorePath={folder / 'fix'}\n"
            f"HeartBtInt=30\nReconnectInterval=1\nLogonTimeout=5\n"
            f"[SESSION]\nSenderCompID={comp_id}\nTargetCompID=OMS\n"
        )
        (folder / "client.cfg").write_text(text)
        self._settings = fix.SessionSettings(str(folder / "client.cfg"))
        self._store = fix.FileStoreFactory(self._settings)
        self._initiator: Any = fix.SocketInitiator(self, self._store, self._settings)

    def start(self) -> None:
        """Log on."""
        self._initiator.start()
        self.wait_for_logon()

    def wait_for_logon(self) -> None:
        """Wait until the session is on."""
        wait_until(lambda: self.is_on, "the client's logon")

    def stop(self) -> None:
        """Log out, and let go of QuickFIX's objects: it knows its sessions by name in the whole process."""
        if self._initiator is not None:
            self._initiator.stop()
            self._initiator = None

    def send(self, msg_type: str, body: str) -> None:
        """Send a message whose body is written with | between its fields."""
        stamp = f"{datetime.now(UTC):%Y%m%d-%H:%M:%S.%f}"
        text = f"8=FIX.4.4|9=0|35={msg_type}|{body}|60={stamp}|10=000|".replace("|", SOH)
        fix.Session.sendToTarget(fix.Message(text, False), self._session_id)

    def order(
        self, cl_ord_id: str, quantity: int, price: str = "", *, side: str = "1", tif: str = "0"
    ) -> None:
        """Send 35=D; without a price a market order."""
        kind = f"40=2|44={price}" if price else "40=1"
        self.send("D", f"11={cl_ord_id}|1=ACC-INST-001|55=AAPL|54={side}|38={quantity}|{kind}|59={tif}")

    def reports(self, cl_ord_id: str) -> list[Fields]:
        """Return what came about a ClOrdID, also as the original one of a cancel."""
        with self._lock:
            return [one for one in self.received if cl_ord_id in (one.get("11"), one.get("41"))]

    def wait_for(self, cl_ord_id: str, wanted: Callable[[Fields], bool]) -> Fields:
        """Wait for a report about a ClOrdID that is wanted, and return it."""
        wait_until(lambda: any(map(wanted, self.reports(cl_ord_id))), f"report of {cl_ord_id}", EVENTUALLY_S)
        return next(filter(wanted, self.reports(cl_ord_id)))

    def onCreate(self, session_id: Any) -> None:
        """Nothing to do."""

    def onLogon(self, session_id: Any) -> None:
        """Note it."""
        self.is_on = True

    def onLogout(self, session_id: Any) -> None:
        """Note it."""
        self.is_on = False

    def toAdmin(self, message: Any, session_id: Any) -> None:
        """Put the credentials into the Logon."""
        kind = fix.MsgType()
        message.getHeader().getField(kind)
        if kind.getValue() == "A":
            for tag, value in zip((553, 554), self._credentials, strict=True):
                message.setField(fix.StringField(tag, value))

    def fromAdmin(self, message: Any, session_id: Any) -> None:
        """Keep session-level rejects."""
        if f"{SOH}35=3{SOH}" in message.toString():
            self._keep(message.toString())

    def toApp(self, message: Any, session_id: Any) -> None:
        """Nothing to add."""

    def fromApp(self, message: Any, session_id: Any) -> None:
        """Keep what came."""
        self._keep(message.toString())

    def _keep(self, text: str) -> None:
        fields = dict(part.split("=", 1) for part in text.split(SOH) if "=" in part)
        with self._lock:
            self.received.append(fields)
