"""A small venue for tests: a real QuickFIX acceptor that keeps what it was sent and answers as it is told."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import quickfix as fix

from tests.unit.simulators.fix44_dictionary import QUICKFIX_XML

SOH = "\x01"
POLL_S = 0.002
Fields = dict[str, str]


def fields_of(raw: str) -> Fields:
    """Return a message's fields by tag."""
    return dict(part.split("=", 1) for part in raw.split(SOH)[:-1])


class Venue(fix.Application):
    """One venue. `orders` holds every 35=D by ClOrdID, as often as it came.

    answers: whether it reports at all. fills: whether it fills each order after acknowledging it.
    """

    def __init__(self, folder: Path, port: int, venue_id: str = "XNYS") -> None:
        super().__init__()
        self.venue_id = venue_id
        self.answers = True
        self.fills = True
        self.received: list[Fields] = []
        self.orders: dict[str, list[Fields]] = {}
        self.reports = 0
        self.up = threading.Event()
        # What TestRequests were answered with.
        self.heartbeats: list[str] = []
        self.reject_next_order: Callable[[Fields], bool] = lambda _order: False
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, name=f"venue-{venue_id}", daemon=True)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "fix").mkdir(exist_ok=True)
        self._settings = fix.SessionSettings()
        self._settings.setFromString(
            "\n".join(
                [
                    "[DEFAULT]",
                    "ConnectionType=acceptor",
                    "BeginString=FIX.4.4",
                    f"SenderCompID={venue_id}",
                    "TargetCompID=OMS",
                    f"SocketAcceptPort={port}",
                    "SocketReuseAddress=Y",
                    "SocketNodelay=Y",
                    "NonStopSession=Y",
                    "StartTime=00:00:00",
                    "EndTime=00:00:00",
                    "HeartBtInt=10",
                    "TimestampPrecision=6",
                    "UseDataDictionary=Y",
                    f"DataDictionary={QUICKFIX_XML}",
                    f"FileStorePath={folder / 'fix'}",
                    "[SESSION]",
                    "",
                ]
            )
        )
        self._session = fix.SessionID("FIX.4.4", venue_id, "OMS")
        self._store = fix.FileStoreFactory(self._settings)
        self._acceptor = fix.SocketAcceptor(self, self._store, self._settings)

    def start(self) -> "Venue":
        """Listen, from a thread of our own.

        The acceptor's own thread and its stop() both close the listening socket, which can end the process.
        """
        self._thread.start()
        return self

    def _serve(self) -> None:
        while not self._stopping.wait(POLL_S):
            self._acceptor.poll()

    def stop(self) -> None:
        """Drop the connection and stop listening."""
        self._stopping.set()
        self._thread.join()
        self._acceptor.stop(True)
        del self._acceptor

    # ---- QuickFIX's callbacks

    def onCreate(self, session_id: fix.SessionID) -> None: ...

    def onLogon(self, session_id: fix.SessionID) -> None:
        self.up.set()

    def onLogout(self, session_id: fix.SessionID) -> None:
        self.up.clear()

    def toAdmin(self, message: fix.Message, session_id: fix.SessionID) -> None: ...

    def toApp(self, message: fix.Message, session_id: fix.SessionID) -> None: ...

    def fromAdmin(self, message: fix.Message, session_id: fix.SessionID) -> None:
        fields = fields_of(message.toString())
        if fields["35"] == "0" and "112" in fields:
            self.heartbeats.append(fields["112"])

    def fromApp(self, message: fix.Message, session_id: fix.SessionID) -> None:
        fields = fields_of(message.toString())
        with self._lock:
            self.received.append(fields)
        handle = {"D": self._on_order, "F": self._on_cancel, "H": self._on_status}[fields["35"]]
        handle(fields)

    def _on_order(self, order: Fields) -> None:
        with self._lock:
            self.orders.setdefault(order["11"], []).append(order)
        if not self.answers:
            return
        if self.reject_next_order(order):
            self._send(
                "j", {"45": order["34"], "372": "D", "379": order["11"], "380": "0", "58": "not today"}
            )
            return
        self.acknowledge(order)
        if self.fills:
            self.fill(order)

    def _on_cancel(self, cancel: Fields) -> None:
        if not self.answers:
            return
        order = self.orders.get(cancel["41"], [None])[-1]
        if order is None:
            unknown = {
                "11": cancel["11"],
                "41": cancel["41"],
                "37": "NONE",
                "39": "8",
                "434": "1",
                "102": "1",
            }
            self._send("9", unknown)
            return
        self.report(order, "4", "4", cum="0", leaves="0", more={"11": cancel["11"], "41": cancel["41"]})

    def _on_status(self, question: Fields) -> None:
        order = self.orders.get(question["11"], [None])[-1]
        echo = {"790": question["790"]} if "790" in question else {}
        if order is None:
            more = echo | {"37": "NONE", "103": "5", "58": "Unknown order"}
            self.report(question | {"38": "0"}, "I", "8", cum="0", leaves="0", more=more)
        else:
            self.report(order, "I", "0", cum="0", leaves=order["38"], more=echo)

    # ---- what it says

    def acknowledge(self, order: Fields) -> None:
        """Send New."""
        self.report(order, "0", "0", cum="0", leaves=order["38"])

    def fill(self, order: Fields) -> None:
        """Fill all of it."""
        more = {"32": order["38"], "31": order["44"], "6": order["44"]}
        self.report(order, "F", "2", cum=order["38"], leaves="0", more=more)

    def report(
        self, order: Fields, kind: str, status: str, *, cum: str, leaves: str, more: Fields | None = None
    ) -> None:
        """Send an execution report."""
        self.reports += 1
        name = "STATUS" if kind == "I" else "E"
        base = {
            "37": f"V-{order['11']}",
            "11": order["11"],
            "17": f"{name}-{self.reports}",
            "150": kind,
            "39": status,
            "55": order["55"],
            "54": order["54"],
            "38": order["38"],
            "151": leaves,
            "14": cum,
            "6": "0",
            "60": "20260102-03:04:05.000006",
        }
        self._send("8", base | (more or {}))

    def _send(self, msg_type: str, fields: dict[str, Any]) -> None:
        body = SOH.join(f"{tag}={value}" for tag, value in fields.items())
        message = fix.Message(f"8=FIX.4.4{SOH}9=0{SOH}35={msg_type}{SOH}{body}{SOH}10=000{SOH}", False)
        fix.Session.sendToTarget(message, self._session)

    def ask_whether_it_is_there(self) -> None:
        """Send a TestRequest: its answer comes after everything that was sent before has been read."""
        self._send("1", {"112": "there?"})

    def messages(self, msg_type: str) -> list[Fields]:
        """Return what came of one type."""
        with self._lock:
            return [fields for fields in self.received if fields["35"] == msg_type]
