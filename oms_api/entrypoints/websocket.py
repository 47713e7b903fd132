"""The WebSocket at /api/v1/stream: a client names channels, and sends orders.

Of accounts' orders and executions it gets each event in order, several in a frame, each as core published it.
`from` and `streamSequence` are the last sequence that a client has; what comes is what follows it. A client
that was cut off subscribes again with the last streamSequence it saw, and misses nothing. Of positions,
quotes and alerts it is told how they stand (state_channels.py). What is said both ways: stream_requests.py,
stream_messages.py, docs/asyncapi.yaml.

The law of this file: a WebSocket ends with its token, and what a client asks for is bounded by what it takes.
It is closed when its token has expired or counts no more, when it says more than MESSAGES_PER_S for long,
when it takes nothing for SEND_S_MAX, and when more waits for it than event_hub.py keeps. Orders and cancels
are counted against their own rates, as everywhere; so many are worked on at once, and more are not read.
What was read is done and answered, or its client is gone and asks again under the same clientOrderId.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any, Final, NoReturn, assert_never

import structlog
from litestar import WebSocket, websocket
from litestar.exceptions import WebSocketException
from litestar.handlers import WebsocketRouteHandler
from prometheus_client import Counter

from oms_api.domain.principal import Principal, Right
from oms_api.domain.refusal import Refusal, RefusalCode
from oms_api.entrypoints import stream_messages
from oms_api.entrypoints.event_hub import TOO_SLOW, EventHub, HubClient, slow_total
from oms_api.entrypoints.http_door import bearer_token
from oms_api.entrypoints.state_channels import StateChannels
from oms_api.entrypoints.stream_orders import answer_order
from oms_api.entrypoints.stream_requests import (
    OF_ACCOUNTS,
    OF_EVENTS,
    Auth,
    Cancel,
    Change,
    ChangeMany,
    Message,
    OrderMessage,
    Ping,
    Place,
    PlaceMany,
    StreamChannel,
    Subscribe,
    Unsubscribe,
    ahead_of_stream,
    read_message,
    unknown_names,
)
from oms_api.handlers import admit, unavailable
from oms_api.ports import Ports, UnavailableError
from oms_platform.clock import Clock

STREAM_PATH: Final = "/api/v1/stream"
HEARTBEAT_S: Final = 15.0
AUTH_WAIT_S: Final = 10.0
# A token that does not count any more, because its issuer has taken its key back, is noticed so late.
RECHECK_S: Final = 5.0
SEND_S_MAX: Final = 20.0
CLOSE_S_MAX: Final = 2.0
MESSAGES_PER_S: Final = 20
MESSAGES_BURST: Final = 100
ORDERS_AT_ONCE_MAX: Final = 100
ORDERS_SETTLE_S_MAX: Final = 2.0
CLOSE_NORMAL: Final = 1000
CLOSE_REFUSED: Final = 1008
CLOSE_RESTART: Final = 1012
CLOSE_TRY_AGAIN: Final = 1013
# What a close frame has room for, RFC 6455, section 5.5.
REASON_BYTES_MAX: Final = 123
EXPIRED: Final = "the token has expired: connect again with a new one"

Socket = WebSocket[Any, Any, Any]
log = structlog.get_logger()
flooding_total = Counter(
    "oms_api_websocket_flooding_total", "WebSockets closed because they sent too many messages"
)


class _ClosedError(Exception):
    """The client is gone, or is to be closed with a code and a reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class _Pace:
    """How many messages a client may still send: MESSAGES_BURST, and MESSAGES_PER_S more each second."""

    def __init__(self) -> None:
        self._left = float(MESSAGES_BURST)
        self._at = asyncio.get_running_loop().time()

    def take(self) -> bool:
        """Count a message. Returns whether it was within the bound."""
        now = asyncio.get_running_loop().time()
        self._left = min(MESSAGES_BURST, self._left + (now - self._at) * MESSAGES_PER_S) - 1
        self._at = now
        return self._left >= 0


class Session:
    """One client's connection: what it sends is read in one task, what it gets is written in another."""

    def __init__(
        self, ports: Ports, clock: Clock, hub: EventHub, states: StateChannels, socket: Socket
    ) -> None:
        self._ports = ports
        self._clock = clock
        self._hub = hub
        self._states = states
        self._orders: set[asyncio.Task[None]] = set()
        self._order_room = asyncio.Semaphore(ORDERS_AT_ONCE_MAX)
        self._socket = socket
        self._client = HubClient()
        self._pace = _Pace()
        self._principal = Principal(subject="", rights=frozenset(), accounts=frozenset())
        self._token = ""
        self._renewed = asyncio.Event()

    async def run(self) -> None:
        """Serve the client until it goes, or must be closed."""
        await self._socket.accept()
        self._hub.socket_opened(self._client)
        try:
            await self._serve()
        finally:
            self._hub.socket_closed(self._client)

    async def _serve(self) -> None:
        tasks: list[asyncio.Task[None]] = []
        closing: _ClosedError | None = None
        try:
            await self._authenticate()
            works = (self._write(), self._read(), self._watch(), self._leave(), self._end_with_token())
            tasks = [asyncio.create_task(work) for work in works]
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except _ClosedError as error:
            closing = error
        finally:
            self._drop_all()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            # A subscription that was on its way may have come after the others ended.
            self._drop_all()
            if closing is not None and closing.code != CLOSE_NORMAL:
                await self._close(closing)

    def _drop_all(self) -> None:
        self._hub.unsubscribe_all(self._client)
        self._states.drop_all(self._client)

    async def _close(self, closing: _ClosedError) -> None:
        log.info("websocket_closed", code=closing.code, reason=closing.reason)
        reason = closing.reason.encode()[:REASON_BYTES_MAX].decode(errors="ignore")
        with contextlib.suppress(TimeoutError, WebSocketException, RuntimeError, OSError):
            async with asyncio.timeout(CLOSE_S_MAX):
                await self._socket.close(code=closing.code, reason=reason)

    async def _receive(self) -> Message | Refusal:
        event: Mapping[str, Any] = await self._socket.receive()
        if event["type"] != "websocket.receive":
            raise _ClosedError(CLOSE_NORMAL, "the client is gone")
        message = read_message(event.get("text") or event.get("bytes") or "")
        if not isinstance(message, OrderMessage) and not self._pace.take():
            flooding_total.inc()
            raise _ClosedError(
                CLOSE_REFUSED, f"more than {MESSAGES_PER_S} messages a second, or {MESSAGES_BURST} at once"
            )
        return message

    # ---- the token

    async def _authenticate(self) -> None:
        token = bearer_token(self._socket.headers.get("authorization", "").encode("latin-1", "replace"))
        token = token or self._socket.query_params.get("access_token")
        asked = token is None
        if token is None:
            try:
                async with asyncio.timeout(AUTH_WAIT_S):
                    message = await self._receive()
            except TimeoutError:
                raise _ClosedError(CLOSE_REFUSED, f"no token within {AUTH_WAIT_S:.0f} s") from None
            if isinstance(message, Refusal):
                await self._send(stream_messages.error(message))
                raise _ClosedError(CLOSE_REFUSED, message.message)
            token = message.token if isinstance(message, Auth) else None
        admitted = await self._admit(token)
        if isinstance(admitted, Refusal):
            await self._send(stream_messages.error(admitted))
            again = admitted.code in (RefusalCode.UNAVAILABLE, RefusalCode.RATE_LIMITED)
            raise _ClosedError(CLOSE_TRY_AGAIN if again else CLOSE_REFUSED, admitted.message)
        self._let_in(admitted, token or "")
        if asked:
            self._client.push(stream_messages.authenticated(admitted.expires_at))

    async def _authenticate_again(self, message: Auth) -> None:
        """Go on with another token; while it is none that counts, with the one that there is."""
        admitted = await self._admit(message.token)
        if isinstance(admitted, Refusal):
            self._client.push(stream_messages.error(admitted))
            return
        self._let_in(admitted, message.token)
        self._renewed.set()
        self._client.push(stream_messages.authenticated(admitted.expires_at))
        hidden = [account for account in self._accounts() if not admitted.sees(account)]
        if hidden:
            self._drop(Unsubscribe(OF_ACCOUNTS, hidden, []))

    def _let_in(self, principal: Principal, token: str) -> None:
        self._principal = self._client.principal = principal
        self._token = token

    def _accounts(self) -> list[str]:
        """Return the accounts that the client listens to, or is about to."""
        return list(dict.fromkeys((*self._client.accounts, *self._states.accounts_of(self._client))))

    async def _admit(self, token: str | None) -> Principal | Refusal:
        try:
            return await admit(self._ports, token, Right.READ)
        except UnavailableError as error:
            return unavailable(error.what)

    async def _end_with_token(self) -> None:
        """Close the client when its token has expired, or its issuer has taken back the token's key."""
        while True:
            self._renewed.clear()
            if (left_s := self._token_left_s()) <= 0:
                await self._expire()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left_s, RECHECK_S)):
                    await self._renewed.wait()
            if self._token_left_s() > 0 and self._ports.authenticator.cached(self._token) is None:
                token = self._token
                with contextlib.suppress(UnavailableError):
                    found = await self._ports.authenticator.authenticate(token)
                    if isinstance(found, str) and token == self._token:
                        raise _ClosedError(CLOSE_REFUSED, found)

    def _token_left_s(self) -> float:
        """Return for how long the token counts: 0 or less when it has expired."""
        return (self._principal.expires_at - self._clock()).total_seconds()

    async def _expire(self) -> NoReturn:
        """Close the client whose token has expired: it is told nothing more but what became of its orders."""
        self._drop_all()
        await self._settle_orders()
        raise _ClosedError(CLOSE_REFUSED, EXPIRED)

    async def _settle_orders(self) -> None:
        """Wait, within a bound, until the orders that are worked on are answered and the answers are sent."""
        if not self._orders:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ORDERS_SETTLE_S_MAX):
                await asyncio.wait(self._orders)
                while self._client.waits and not self._client.given_up:
                    await asyncio.sleep(0.01)

    # ---- what it gets

    async def _write(self) -> None:
        client = self._client
        while True:
            await client.wait_for_messages(HEARTBEAT_S)
            if (frame := client.next_frame()) is None:
                await self._send(stream_messages.heartbeat(self._clock()))
            while frame is not None:
                await self._send(frame)
                frame = client.next_frame()

    async def _send(self, text: str) -> None:
        try:
            async with asyncio.timeout(SEND_S_MAX):
                await self._socket.send_text(text)
        except TimeoutError:
            slow_total.inc()
            raise _ClosedError(CLOSE_TRY_AGAIN, TOO_SLOW) from None
        except (WebSocketException, RuntimeError, OSError) as error:
            raise _ClosedError(CLOSE_NORMAL, "the client is gone") from error

    async def _watch(self) -> None:
        """Give up a client whose queue is full, even while the writer waits for its socket."""
        reason = await self._client.wait_until_given_up()
        if reason == TOO_SLOW:
            slow_total.inc()
        raise _ClosedError(CLOSE_TRY_AGAIN, reason)

    async def _leave(self) -> None:
        """Let the client go when the gateway stops: another one has what follows."""
        await self._hub.stopping.wait()
        await self._settle_orders()
        raise _ClosedError(
            CLOSE_RESTART, "this gateway stops: connect again, subscribe from the last streamSequence"
        )

    # ---- what it asks for

    async def _read(self) -> None:
        while True:
            message = await self._receive()
            if not isinstance(message, Auth) and self._token_left_s() <= 0:
                await self._expire()
            if self._hub.stopping.is_set():
                # Nothing new is begun; what had begun is answered.
                continue
            match message:
                case Refusal():
                    self._client.push(stream_messages.error(message))
                case Auth():
                    await self._authenticate_again(message)
                case Subscribe():
                    await self._subscribe(message)
                case Unsubscribe():
                    self._drop(message)
                case Place() | PlaceMany() | Cancel() | Change() | ChangeMany():
                    await self._begin_order(message)
                case Ping():
                    self._client.push(stream_messages.PONG)
                case _:
                    assert_never(message)

    async def _begin_order(self, message: OrderMessage) -> None:
        """Work on what is asked about orders beside others; wait first while too many are worked on."""
        await self._order_room.acquire()
        task = asyncio.create_task(self._answer_order(message, self._token))
        self._orders.add(task)
        task.add_done_callback(self._orders.discard)

    async def _answer_order(self, message: OrderMessage, token: str) -> None:
        try:
            self._client.push(await answer_order(self._ports, self._clock, token, message))
        finally:
            self._order_room.release()

    def _drop(self, message: Unsubscribe) -> None:
        """Tell the client no more of what it names, as far as it listens to that, and say so."""
        client, channels = self._client, message.channels
        accounts, symbols = set(message.accounts), set(message.symbols)
        dropped = [account for account in self._accounts() if account in accounts]
        for account in dropped:
            left = client.wanted.get(account, frozenset()) - channels
            if account in client.wanted and not left:
                self._hub.unsubscribe(client, account)
            elif account in client.wanted:
                client.wanted[account] = left
        if StreamChannel.POSITIONS in channels:
            self._states.drop_positions(client, dropped)
        if StreamChannel.QUOTES in channels:
            self._states.drop_quotes(client, symbols)
        if StreamChannel.ALERTS in channels:
            self._states.drop_alerts(client)
        client.push(stream_messages.unsubscribed(channels, dropped, sorted(symbols)))

    async def _subscribe(self, message: Subscribe) -> None:
        refusal = await self._unknown(message)
        if refusal is not None:
            self._client.push(stream_messages.error(refusal))
            return
        reserved: list[str] = []
        try:
            epoch = await self._hub.epoch()
            if message.epoch not in ("", epoch):
                self._client.push(stream_messages.resync(message.accounts, epoch))
                return
            starts: dict[str, int] = {}
            for account in message.accounts if message.channels & OF_EVENTS else ():
                head = await self._hub.reserve(account)
                reserved.append(account)
                starts[account] = message.since.get(account, head)
                if starts[account] > head:
                    self._client.push(stream_messages.error(ahead_of_stream(account, head)))
                    return
            self._begin(message, starts, epoch)
            reserved.clear()
            await self._watch_states(message)
        except UnavailableError as error:
            raise _ClosedError(CLOSE_TRY_AGAIN, error.what) from error
        finally:
            for account in reserved:
                self._hub.cancel_reservation(account)

    def _begin(self, message: Subscribe, starts: Mapping[str, int], epoch: str) -> None:
        for account in starts:
            self._hub.unsubscribe(self._client, account)
        told = {} if message.snapshot else starts
        self._client.push(
            stream_messages.subscribed(message.channels, message.accounts, message.symbols, told, epoch)
        )
        wanted = message.channels & OF_EVENTS
        for account, after in starts.items():
            self._hub.subscribe(self._client, account, None if message.snapshot else after, wanted)

    async def _watch_states(self, message: Subscribe) -> None:
        if StreamChannel.POSITIONS in message.channels:
            await self._states.watch_positions(self._client, message.accounts)
        if StreamChannel.QUOTES in message.channels:
            await self._states.watch_quotes(self._client, message.symbols)
        if StreamChannel.ALERTS in message.channels:
            await self._states.watch_alerts(self._client)

    async def _unknown(self, message: Subscribe) -> Refusal | None:
        """Return what is wrong with names: one of others and one that is not there cost the same."""
        principal, reference = self._principal, self._ports.reference

        def unseen() -> tuple[list[str], list[str]]:
            return [
                account
                for account in message.accounts
                if not (principal.sees(account) and reference.account_exists(account))
            ], [symbol for symbol in message.symbols if reference.ticks(symbol) is None]

        if any(unseen()):
            with contextlib.suppress(UnavailableError):
                await reference.refresh()
        accounts, symbols = unseen()
        return unknown_names(accounts, symbols) if accounts or symbols else None


def build_websocket(
    ports: Ports, clock: Clock, hub: EventHub, states: StateChannels
) -> WebsocketRouteHandler:
    """Build the WebSocket's route."""

    @websocket(STREAM_PATH)
    async def stream(socket: Socket) -> None:
        await Session(ports, clock, hub, states, socket).run()

    return stream
