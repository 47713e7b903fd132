"""A client's session on its connection: nothing is on the wire before it is stored, it holds up nobody."""

import asyncio
import socket
from datetime import UTC, datetime
from typing import Any

import pytest

from oms_api.domain.client_numbers import ClientNumbers, NumbersChange, StoredNumbers
from oms_api.entrypoints import fix_client
from oms_api.entrypoints.event_hub import EventHub
from oms_api.entrypoints.fix_client import ClientSession, Line
from oms_api.entrypoints.fix_events import EventReports
from oms_api.entrypoints.fix_orders import FixRequests
from oms_api.ports import FixClient, SessionLostError
from oms_platform.fix.clients import ClientSettings
from oms_platform.fix.dictionary import read_dictionary
from oms_platform.fix.session import FixSession
from oms_platform.fix.wire import FrameReader, split_fields
from tests.raw_fix import sealed, stamp

NOW = datetime.now(UTC)
CLIENT = FixClient(
    settings=ClientSettings(comp_id="FUND", username="x", accounts=("A",)),
    password_hash="", enabled=True, version="1",
)  # fmt: skip


def now() -> datetime:
    """Return the time that messages are stamped with: they may come minutes after this module was read."""
    return datetime.now(UTC)


class Clients:
    """A FixClients that stores, or has lost the session."""

    def __init__(self, *, lost: bool) -> None:
        self._lost = lost
        self.saved: list[NumbersChange] = []

    async def save(self, change: NumbersChange) -> None:
        if self._lost:
            raise SessionLostError("another gateway has it")
        self.saved.append(change)


class Streams:
    """An event store without an event."""

    async def stream_heads(self, accounts: list[str]) -> dict[str, int]:
        return dict.fromkeys(accounts, 5)

    async def events_after(self, *_: Any) -> list[tuple[int, str]]:
        return []


def message(kind: str, body: str = "", seq: int = 1) -> Any:
    head = f"35={kind}|34={seq}|49=FUND|52={stamp()}|56=OMS|{body}".replace("|", "\x01")
    (frame,) = FrameReader().feed(sealed(b"8=FIX.4.4\x01", head.encode()))
    return frame


async def connected() -> tuple[Line, socket.socket]:
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    return Line(reader, writer), theirs


def logged_on(clients: Clients) -> ClientSession:
    stored = StoredNumbers(numbers=1, next_in=1, next_out=1, began_at=NOW, streams={})
    session = FixSession("OMS", "FUND", ClientNumbers("FUND", stored, NOW), read_dictionary())
    logon = split_fields(message("A", "98=0|108=30|").raw.decode())
    assert session.log_on(read_dictionary().read(logon), now(), 0.0)
    orders: Any = None
    reports = EventReports(CLIENT, orders)
    ports: Any = None
    return ClientSession(
        CLIENT, session, FixRequests(ports, orders, CLIENT, now, reports.note_placed), reports,
        clients=clients, hub=EventHub(Streams(), None),  # type: ignore[arg-type]
        clock=now, monotonic_s=lambda: 0.0,
    )  # fmt: skip


def test_session_that_is_lost_says_nothing_any_more() -> None:
    async def scenario() -> bytes:
        line, theirs = await connected()
        await logged_on(Clients(lost=True)).run(line, [])
        await line.close()
        theirs.settimeout(5)
        return theirs.recv(1 << 16)

    assert asyncio.run(scenario()) == b""


def test_what_comes_with_the_logon_is_answered_and_each_number_is_stored_before_it_is_sent() -> None:
    clients = Clients(lost=False)

    async def scenario() -> bytes:
        line, theirs = await connected()
        await logged_on(clients).run(line, [message("1", "112=there|", 2), message("5", "", 3)])
        await line.close()
        theirs.settimeout(5)
        return theirs.recv(1 << 16)

    said = asyncio.run(scenario())
    kinds = [dict(split_fields(frame.raw.decode()))["35"] for frame in FrameReader().feed(said)]
    assert kinds == ["A", "0", "5"]
    assert (clients.saved[-1].now.next_in, clients.saved[-1].now.next_out) == (4, 4)
    # A new account begins where its stream is.
    assert clients.saved[0].now.streams == {"A": 5}


def test_client_that_does_not_read_is_waited_for_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fix_client, "UNREAD_S_MAX", 0.1)

    async def scenario() -> tuple[bool, bool]:
        line, theirs = await connected()
        little = await line.write(b"x" * 1000)
        much = await line.write(b"x" * (8 << 20))
        await line.close()
        theirs.close()
        return little, much

    assert asyncio.run(scenario()) == (True, False)
