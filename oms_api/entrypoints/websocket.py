"""The WebSocket at /api/v1/stream: a client names its accounts and gets each one's events in order.

Events come several in a frame, each as core published it. `from` and `streamSequence` are the last sequence
that a client has; what comes is what follows it. A client that was cut off subscribes again with the last
streamSequence it saw, and misses nothing.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
import structlog
from litestar import WebSocket, websocket
from litestar.exceptions import WebSocketException
from litestar.handlers import WebsocketRouteHandler

from oms_api.domain.principal import Principal, Right
from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode, invalid
from oms_api.domain.terms import shown
from oms_api.entrypoints.answers import encode, refusal_body
from oms_api.entrypoints.event_hub import EventHub, HubClient, slow_total
from oms_api.entrypoints.http_door import bearer_token
from oms_api.handlers import admit, unavailable
from oms_api.ports import Ports, UnavailableError
from oms_platform.clock import Clock

STREAM_PATH: Final = "/api/v1/stream"
HEARTBEAT_S: Final = 15.0
AUTH_WAIT_S: Final = 10.0
CLOSE_S_MAX: Final = 2.0
ACCOUNTS_MAX: Final = 1_000
MESSAGE_CHARACTERS_MAX: Final = 65_536
CLOSE_NORMAL: Final = 1000
CLOSE_REFUSED: Final = 1008
CLOSE_RESTART: Final = 1012
CLOSE_TRY_AGAIN: Final = 1013

Socket = WebSocket[Any, Any, Any]
log = structlog.get_logger()


class _Heartbeat(msgspec.Struct, tag="heartbeat", tag_field="type"):
    timestamp: datetime


class _ClosedError(Exception):
    """The client is gone, or is to be closed with a code and a reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


def read_subscription(message: Mapping[str, object]) -> tuple[list[str], dict[str, int]] | Refusal:
    """Check a subscribe message. Returns its accounts, and the sequences to catch up from."""
    problems: list[FieldProblem] = []
    accounts = message.get("accounts")
    since = message.get("from")
    if not isinstance(accounts, list) or not accounts or not all(isinstance(name, str) for name in accounts):
        problems.append(
            FieldProblem(field="accounts", message=f"must be a list of accounts, was {shown(accounts)}")
        )
        accounts = []
    if len(accounts) > ACCOUNTS_MAX:
        problems.append(FieldProblem(field="accounts", message=f"must be at most {ACCOUNTS_MAX}"))
    if since is None:
        since = {}
    if not isinstance(since, dict):
        problems.append(
            FieldProblem(
                field="from", message=f"must be an object of account to sequence, was {shown(since)}"
            )
        )
        since = {}
    for account, sequence in since.items():
        if type(sequence) is not int or not 0 <= sequence < 2**31:
            problems.append(
                FieldProblem(
                    field=f"from.{account}", message=f"must be a sequence of 0 or more, was {shown(sequence)}"
                )
            )
        elif account not in accounts:
            problems.append(FieldProblem(field=f"from.{account}", message="is not among the accounts"))
    if problems:
        return invalid(*problems)
    return list(dict.fromkeys(accounts)), since


class Session:
    """One client's connection: what it sends is read in one task, what it gets is written in another."""

    def __init__(self, ports: Ports, clock: Clock, hub: EventHub, socket: Socket) -> None:
        self._ports = ports
        self._clock = clock
        self._hub = hub
        self._socket = socket
        self._client = HubClient()
        self._principal: Principal | None = None

    async def run(self) -> None:
        """Serve the client until it goes, or must be closed."""
        await self._socket.accept()
        self._hub.socket_opened()
        try:
            await self._serve()
        finally:
            self._hub.socket_closed()

    async def _serve(self) -> None:
        tasks: list[asyncio.Task[None]] = []
        closing: _ClosedError | None = None
        try:
            await self._authenticate()
            works = (self._write(), self._read(), self._watch(), self._leave())
            tasks = [asyncio.create_task(work) for work in works]
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except _ClosedError as error:
            closing = error
        finally:
            self._hub.unsubscribe_all(self._client)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if closing is not None and closing.code != CLOSE_NORMAL:
                await self._close(closing)

    async def _close(self, closing: _ClosedError) -> None:
        log.info("websocket_closed", code=closing.code, reason=closing.reason)
        with contextlib.suppress(TimeoutError, WebSocketException, RuntimeError, OSError):
            async with asyncio.timeout(CLOSE_S_MAX):
                await self._socket.close(code=closing.code, reason=closing.reason)

    async def _receive(self) -> dict[str, object]:
        event: Mapping[str, Any] = await self._socket.receive()
        if event["type"] != "websocket.receive":
            raise _ClosedError(CLOSE_NORMAL, "the client is gone")
        text = event.get("text") or event.get("bytes") or ""
        if len(text) > MESSAGE_CHARACTERS_MAX:
            raise _ClosedError(
                CLOSE_REFUSED, f"a message must be at most {MESSAGE_CHARACTERS_MAX} characters"
            )
        try:
            message = msgspec.json.decode(text)
        except (msgspec.MsgspecError, RecursionError, ValueError):
            message = None
        return message if isinstance(message, dict) else {"type": None}

    async def _authenticate(self) -> None:
        token = bearer_token(self._socket.headers.get("authorization", "").encode("latin-1", "replace"))
        token = token or self._socket.query_params.get("access_token")
        if token is None:
            try:
                async with asyncio.timeout(AUTH_WAIT_S):
                    message = await self._receive()
            except TimeoutError:
                raise _ClosedError(CLOSE_REFUSED, f"no token within {AUTH_WAIT_S:.0f} s") from None
            given = message.get("token")
            token = given if message.get("type") == "auth" and isinstance(given, str) else None
        try:
            admitted = await admit(self._ports, token, Right.READ)
        except UnavailableError as error:
            admitted = unavailable(str(error))
        if isinstance(admitted, Refusal):
            await self._socket.send_text(_refusal_text(admitted))
            again = admitted.code in (RefusalCode.UNAVAILABLE, RefusalCode.RATE_LIMITED)
            raise _ClosedError(CLOSE_TRY_AGAIN if again else CLOSE_REFUSED, admitted.message)
        self._principal = admitted

    async def _write(self) -> None:
        client = self._client
        while True:
            await client.wait_for_messages(HEARTBEAT_S)
            if (frame := client.next_frame()) is None:
                await self._send(encode(_Heartbeat(self._clock())).decode())
            while frame is not None:
                await self._send(frame)
                frame = client.next_frame()

    async def _watch(self) -> None:
        """Give up a client whose queue is full, even while the writer waits for its socket."""
        await self._client.wait_until_given_up()
        slow_total.inc()
        raise _ClosedError(
            CLOSE_TRY_AGAIN, "too slow: events were waiting; subscribe again from the last streamSequence"
        )

    async def _leave(self) -> None:
        """Let the client go when the gateway stops: another one has what follows."""
        await self._hub.stopping.wait()
        raise _ClosedError(
            CLOSE_RESTART, "this gateway stops: connect again, subscribe from the last streamSequence"
        )

    async def _send(self, text: str) -> None:
        try:
            await self._socket.send_text(text)
        except (WebSocketException, RuntimeError, OSError) as error:
            raise _ClosedError(CLOSE_NORMAL, "the client is gone") from error

    async def _read(self) -> None:
        while True:
            message = await self._receive()
            kind = message.get("type")
            if kind == "subscribe":
                await self._subscribe(message)
            elif kind == "unsubscribe":
                self._unsubscribe(message)
            elif kind == "ping":
                self._client.push('{"type":"pong"}')
            elif kind != "auth":
                problem = FieldProblem(
                    field="type", message=f"must be one of subscribe, unsubscribe, ping, was {shown(kind)}"
                )
                self._client.push(_refusal_text(invalid(problem)))

    async def _subscribe(self, message: Mapping[str, object]) -> None:
        wanted = read_subscription(message)
        if not isinstance(wanted, Refusal):
            wanted = await self._only_visible(*wanted)
        if isinstance(wanted, Refusal):
            self._client.push(_refusal_text(wanted))
            return
        accounts, since = wanted
        starts: dict[str, int] = {}
        joined: list[str] = []
        try:
            for account in accounts:
                self._hub.unsubscribe(self._client, account)
                head = await self._hub.reserve(account)
                joined.append(account)
                starts[account] = since.get(account, head)
                if starts[account] > head:
                    problem = FieldProblem(
                        field=f"from.{account}", message=f"must be at most {head}, where its stream is"
                    )
                    self._client.push(_refusal_text(invalid(problem)))
                    return
            self._client.push(
                encode({"type": "subscribed", "accounts": accounts, "streamSequence": starts}).decode()
            )
            while joined:
                account = joined.pop()
                await self._hub.subscribe(self._client, account, starts[account])
        except UnavailableError as error:
            raise _ClosedError(CLOSE_TRY_AGAIN, str(error)[:100]) from error
        finally:
            for account in joined:
                self._hub.cancel_reservation(account)

    async def _only_visible(
        self, accounts: list[str], since: dict[str, int]
    ) -> tuple[list[str], dict[str, int]] | Refusal:
        principal, reference = self._principal, self._ports.reference
        if principal is None:
            return Refusal(code=RefusalCode.UNAUTHENTICATED, message="a bearer token is required")
        if not all(reference.account_exists(account) for account in accounts):
            with contextlib.suppress(UnavailableError):
                await reference.refresh()
        problems = [
            FieldProblem(field="accounts", message=f"unknown account {shown(account)}")
            for account in accounts
            if not (principal.sees(account) and reference.account_exists(account))
        ]
        return invalid(*problems) if problems else (accounts, since)

    def _unsubscribe(self, message: Mapping[str, object]) -> None:
        accounts = message.get("accounts")
        for account in accounts if isinstance(accounts, list) else []:
            if isinstance(account, str):
                self._hub.unsubscribe(self._client, account)
        self._client.push(encode({"type": "unsubscribed", "accounts": accounts}).decode())


def _refusal_text(refusal: Refusal) -> str:
    body: dict[str, object] = msgspec.to_builtins(refusal_body(refusal, ""))
    return encode({"type": "error", "error": body["error"]}).decode()


def build_websocket(ports: Ports, clock: Clock, hub: EventHub) -> WebsocketRouteHandler:
    """Build the WebSocket's route."""

    @websocket(STREAM_PATH)
    async def stream(socket: Socket) -> None:
        await Session(ports, clock, hub, socket).run()

    return stream
