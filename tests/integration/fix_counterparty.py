"""The other end of the venues' FIX sessions, as plain as can be: sends text, keeps every report it gets."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import quickfix as fix

from oms_tools.laptop.parts import wait_until
from simulators.broker.config import VENUES
from tests.patience import EVENTUALLY_S
from tests.unit.simulators.fix44_dictionary import QUICKFIX_XML

SOH = "\x01"
Fields = dict[str, str]


class Counterparty(fix.Application):
    """An initiator with a session to each venue."""

    def __init__(self, port: int, folder: Path) -> None:
        super().__init__()
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._logged_on: set[str] = set()
        self.received: list[Fields] = []
        text = (
            "[DEFAULT]\nConnectionType=initiator\nSocketConnectHost=127.0.0.1\n"
            f"SocketConnectPort={port}\nSocketNodelay=Y\nBeginString=FIX.4.4\nSenderCompID=OMS\n"
            "NonStopSession=Y\nResetOnLogon=N\nUseDataDictionary=Y\nTimestampPrecision=6\n"
            f"DataDictionary={QUICKFIX_XML}\nFileStorePath={folder / 'fix'}\n"
            "HeartBtInt=30\nReconnectInterval=1\nLogonTimeout=5\n"
        )
        text += "".join(f"[SESSION]\nTargetCompID={venue_id}\n" for venue_id in VENUES)
        (folder / "initiator.cfg").write_text(text)
        self._settings = fix.SessionSettings(str(folder / "initiator.cfg"))
        self._store = fix.FileStoreFactory(self._settings)
        self._initiator: Any = fix.SocketInitiator(self, self._store, self._settings)

    def start(self) -> None:
        """Log on to every venue."""
        self._initiator.start()
        wait_until(lambda: len(self._logged_on) == len(VENUES), "logons")

    def wait_for_logout(self) -> None:
        """Wait until every session is gone."""
        wait_until(lambda: not self._logged_on, "logouts")

    def wait_for_logon(self) -> None:
        """Wait until every session is back."""
        wait_until(lambda: len(self._logged_on) == len(VENUES), "logons")

    def stop(self) -> None:
        """Log out, and let go of QuickFIX's objects: it knows its sessions by name in the whole process."""
        if self._initiator is not None:
            self._initiator.stop()
            self._initiator = None

    def send(self, msg_type: str, venue_id: str, body: str) -> None:
        """Send a message whose body is written with | between its fields."""
        stamp = f"{datetime.now(UTC):%Y%m%d-%H:%M:%S.%f}"
        stamped = f"{body}|60={stamp}" if msg_type in "DFG" else body
        text = f"8=FIX.4.4|9=0|35={msg_type}|{stamped}|10=000|".replace("|", SOH)
        fix.Session.sendToTarget(fix.Message(text, False), fix.SessionID("FIX.4.4", "OMS", venue_id))

    def send_order(
        self, venue_id: str, cl_ord_id: str, quantity: int, price: object, *, side: int = 1, tif: int = 0
    ) -> None:
        """Send 35=D."""
        body = f"11={cl_ord_id}|21=1|55=AAPL|54={side}|38={quantity}|40=2|44={price}|59={tif}"
        self.send("D", venue_id, body)

    def reports(self, cl_ord_id: str) -> list[Fields]:
        """Return what came about a ClOrdID."""
        with self._lock:
            return [fields for fields in self.received if fields.get("11") == cl_ord_id]

    def wait_for(self, cl_ord_id: str, wanted: Callable[[Fields], bool]) -> Fields:
        """Wait for a report about a ClOrdID that is wanted, and return it."""
        wait_until(lambda: any(map(wanted, self.reports(cl_ord_id))), f"report of {cl_ord_id}", EVENTUALLY_S)
        return next(filter(wanted, self.reports(cl_ord_id)))

    def onCreate(self, session_id: Any) -> None:
        """Nothing to do."""

    def onLogon(self, session_id: Any) -> None:
        """Count the session."""
        self._logged_on.add(session_id.toString())

    def onLogout(self, session_id: Any) -> None:
        """Count the session no more."""
        self._logged_on.discard(session_id.toString())

    def toAdmin(self, message: Any, session_id: Any) -> None:
        """Nothing to add."""

    def fromAdmin(self, message: Any, session_id: Any) -> None:
        """Keep session-level rejects."""
        text = message.toString()
        if f"{SOH}35=3{SOH}" in text:
            self._keep(text)

    def toApp(self, message: Any, session_id: Any) -> None:
        """Nothing to add."""

    def fromApp(self, message: Any, session_id: Any) -> None:
        """Keep what came."""
        self._keep(message.toString())

    def _keep(self, text: str) -> None:
        fields = dict(part.split("=", 1) for part in text.split(SOH) if "=" in part)
        with self._lock:
            self.received.append(fields)
