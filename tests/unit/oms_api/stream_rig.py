"""The WebSocket's door on a real server, with the store, the tokens and the reference data in memory."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import aiohttp
from litestar import Litestar

from oms_api.domain.marks import Mark
from oms_api.domain.principal import Principal, rights_of
from oms_api.entrypoints.event_hub import EventHub
from oms_api.entrypoints.http_door import HttpDoor
from oms_api.entrypoints.http_server import HttpServer
from oms_api.entrypoints.state_channels import StateChannels
from oms_api.entrypoints.websocket import STREAM_PATH, build_websocket
from oms_api.ports import (
    AccountSnapshot,
    AlertView,
    ExecutionView,
    HeldPosition,
    OrderView,
    Ports,
    QuoteView,
)
from oms_platform.clock import utc_now
from oms_platform.kill_switches import FixedKills
from tests.ports import free_port
from tests.unit.oms_api.test_handlers import Fake, FakeReader

WAIT_S_MAX = 10.0


class Broker:
    """Kafka, which brings nothing: events come from the store or are handed to the hub."""

    available = True


@dataclass
class Store:
    """Every account has the same stream. rows: how many were read of it."""

    events: list[tuple[int, str]] = field(default_factory=list)
    orders: list[OrderView] = field(default_factory=list)
    executed: list[ExecutionView] = field(default_factory=list)
    name: str = "e1"
    rows: int = 0

    @property
    def head(self) -> int:
        return max((number for number, _ in self.events), default=0)

    async def stream_heads(self, accounts: list[str]) -> dict[str, int]:
        await asyncio.sleep(0)
        return dict.fromkeys(accounts, self.head)

    async def events_after(self, _account: str, sequence: int, rows_max: int) -> list[tuple[int, str]]:
        await asyncio.sleep(0.001)
        found = [row for row in self.events if row[0] > sequence][:rows_max]
        self.rows += len(found)
        return found

    async def epoch(self) -> str:
        return self.name

    async def snapshot(self, _account: str, rows_max: int) -> AccountSnapshot:
        found = AccountSnapshot(self.head, self.name, self.orders[:rows_max])
        await asyncio.sleep(0.001)
        return found

    async def executions_until(
        self, _account: str, stream_sequence: int, rows_max: int
    ) -> list[ExecutionView]:
        return [one for one in self.executed if one.sequence <= stream_sequence][-rows_max:]


class Desk:
    """DeskState, MarketData and LiveQuotes in memory. following: whether quotes are kept live."""

    def __init__(self) -> None:
        self.held: dict[str, HeldPosition] = {}
        self.marked: dict[str, Mark] = {}
        self.attention: list[AlertView] = []
        self.quoted: dict[str, QuoteView] = {}
        self.live, self.following, self.asked = True, False, 0

    async def positions(self, accounts: Sequence[str]) -> list[HeldPosition]:
        self.asked += 1
        return [one for one in self.held.values() if one.account_id in accounts]

    async def marks(self, symbols: Iterable[str]) -> Mapping[str, Mark]:
        return {symbol: self.marked.get(symbol, Mark()) for symbol in symbols}

    async def alerts(self) -> list[AlertView]:
        return list(self.attention)

    async def quotes(self, symbols: Sequence[str]) -> list[QuoteView]:
        return [self.quoted[symbol] for symbol in symbols if symbol in self.quoted]

    def newest(self, symbol: str) -> QuoteView | None:
        return self.quoted.get(symbol)

    async def follow(self) -> None:
        self.following = True
        try:
            await asyncio.Event().wait()
        finally:
            self.following = False


class Tokens:
    """The Authenticator: a token is a name, and counts as long as it is here."""

    def __init__(self) -> None:
        self.callers: dict[str, Principal] = {}

    def give(self, token: str, *accounts: str, lifetime_s: float = 600.0, role: str = "viewer") -> datetime:
        """Let a token count for some accounts. Returns until when."""
        expires_at = datetime.fromtimestamp(time.time() + lifetime_s, UTC)
        self.callers[token] = Principal(
            subject=token, rights=rights_of([role]), accounts=frozenset(accounts), expires_at=expires_at
        )
        return expires_at

    def cached(self, token: str) -> Principal | None:
        caller = self.callers.get(token)
        return caller if caller is not None and caller.expires_at > utc_now() else None

    async def authenticate(self, token: str) -> Principal | str:
        return self.cached(token) or "this token does not count"


class Reference(Fake):
    """Accounts A to D are there. asked: how often the store was read for one."""

    def __init__(self) -> None:
        super().__init__()
        self.accounts = {"A", "B", "C", "D"}
        self.asked = 0

    async def refresh(self) -> None:
        self.asked += 1


@dataclass
class Door:
    """A gateway of WebSockets that serves."""

    port: int
    store: Store
    tokens: Tokens
    reference: Reference
    hub: EventHub
    desk: Desk
    states: StateChannels

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}{STREAM_PATH}"

    @asynccontextmanager
    async def client(self, token: str | None = "t") -> "AsyncIterator[Client]":
        """Connect, with a token in the header if there is one."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(self.url, headers=headers, max_msg_size=0) as socket,
        ):
            yield Client(socket)


class Client:
    """A WebSocket client that notes what it got."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.got: list[dict[str, Any]] = []

    async def say(self, kind: str, **fields: Any) -> None:
        await self.socket.send_json({"type": kind} | fields)

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(WAIT_S_MAX):
            frame = cast(dict[str, Any], await self.socket.receive_json())
        self.got.append(frame)
        return frame

    async def ask(self, kind: str, **fields: Any) -> dict[str, Any]:
        await self.say(kind, **fields)
        return await self.next()

    async def closed(self) -> tuple[int | None, str]:
        """Read on until it is closed. Returns the code and the reason."""
        async with asyncio.timeout(WAIT_S_MAX):
            while (message := await self.socket.receive()).type is aiohttp.WSMsgType.TEXT:
                self.got.append(message.json())
        reason = message.extra if message.type is aiohttp.WSMsgType.CLOSE else ""
        return self.socket.close_code, reason or ""


@asynccontextmanager
async def serving(clock_ahead: timedelta = timedelta()) -> AsyncIterator[Door]:
    """Serve the WebSocket's door. clock_ahead: by so much its clock is ahead of ours."""
    store, tokens, reference = Store(), Tokens(), Reference()
    tokens.give("t", "A", "B")
    every: Any = reference
    reader: Any = FakeReader(reference)
    own = ("authenticator", "reader", "request_keys", "kills", "tracer", "question_places")
    ports = Ports(
        **{name: every for name in Ports.__dataclass_fields__ if name not in own},
        authenticator=tokens,
        reader=reader,
        request_keys=reference.log,
        kills=FixedKills(),
    )
    hub, desk = EventHub(store, Broker()), Desk()
    states = StateChannels(desk, cast(Any, desk), desk, desk)
    app = Litestar(
        [build_websocket(ports, lambda: utc_now() + clock_ahead, hub, states)],
        openapi_config=None,
        logging_config=None,
    )
    port = free_port()
    server = HttpServer(HttpDoor(ports, utc_now, cast(Any, app)), "127.0.0.1", port)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield Door(port, store, tokens, reference, hub, desk, states)
    finally:
        states.close()
        server.stop()
        await asyncio.wait_for(task, WAIT_S_MAX)
