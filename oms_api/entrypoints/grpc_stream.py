"""StreamOrders: an account's order events in order, as the WebSocket gives them, by the same hub.

`from_sequence` and `stream_sequence` are the last sequence that a client has. A client that was cut off asks
again with the last one it saw, and misses nothing.
"""

import asyncio
import contextlib
from typing import Any, Final

import msgspec
import structlog
from grpclib.const import Status
from prometheus_client import Counter, Gauge

from oms_api.domain.principal import Principal
from oms_api.domain.refusal import FieldProblem, Refusal, RefusalCode, invalid, shown
from oms_api.entrypoints.event_hub import EventHub, HubClient
from oms_api.entrypoints.grpc_messages import values_of
from oms_api.entrypoints.grpc_refusals import refused
from oms_api.entrypoints.grpc_server import Call
from oms_api.handlers import unavailable
from oms_api.ports import Ports, UnavailableError
from oms_platform.messages import OrderEvent

HEARTBEAT_S: Final = 15.0
TOKEN_LOOK_S: Final = 1.0
# Others get their turn between so many.
EVENTS_A_TURN: Final = 10

_decode: Final = msgspec.json.Decoder(OrderEvent).decode
log = structlog.get_logger()
streams_gauge = Gauge("oms_api_grpc_streams", "StreamOrders calls that are open")
slow_total = Counter("oms_api_grpc_slow_total", "StreamOrders calls ended because they read too slowly")


class OrderStream:
    """One StreamOrders call: it ends with its client, its token, this gateway, or as it reads too slowly."""

    def __init__(self, ports: Ports, hub: EventHub, call: Call, kind: Any, token: str) -> None:
        self._ports = ports
        self._hub = hub
        self._call = call
        self._kind = kind
        self._token = token
        self._client = HubClient()
        self._sent = 0

    async def run(self, principal: Principal, request: Any) -> None:
        """Serve a StreamOrdersRequest. Raises GRPCError with why it ended, and UnavailableError."""
        account_id = request.account_id
        since = request.from_sequence if request.HasField("from_sequence") else None
        await self._require_account(principal, account_id)
        self._sent = await self._begin(account_id, since)
        works = (self._follow(account_id), self._write(), self._leave(), self._expire())
        tasks = [asyncio.create_task(work) for work in works]
        streams_gauge.inc()
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            streams_gauge.dec()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._hub.unsubscribe_all(self._client)

    async def _require_account(self, principal: Principal, account_id: str) -> None:
        reference = self._ports.reference
        if principal.sees(account_id) and not reference.account_exists(account_id):
            with contextlib.suppress(UnavailableError):
                await reference.refresh()
        if not (principal.sees(account_id) and reference.account_exists(account_id)):
            message = f"unknown account {shown(account_id)}" if account_id else "is required"
            raise refused(invalid(FieldProblem(field="accountId", message=message)))

    async def _begin(self, account_id: str, since: int | None) -> int:
        """Reserve the account's stream and say where it begins. Returns the sequence that it follows."""
        head = await self._hub.reserve(account_id)
        try:
            start = head if since is None else since
            if not 0 <= start <= head:
                message = f"must be from 0 to {head}, where its stream is, was {start}"
                raise refused(invalid(FieldProblem(field="fromSequence", message=message)))
            await self._call.send_message(self._kind(stream_sequence=start))
        except BaseException:
            self._hub.cancel_reservation(account_id)
            raise
        return start

    async def _follow(self, account_id: str) -> None:
        """Catch up, go live, and give up a client whose queue is full, even while the writer waits for it."""
        await self._hub.subscribe(self._client, account_id, self._sent)
        await self._client.wait_until_given_up()
        slow_total.inc()
        message = "too slow: events were waiting; ask again from the last stream_sequence"
        raise refused(unavailable(message), Status.RESOURCE_EXHAUSTED)

    async def _write(self) -> None:
        client = self._client
        while True:
            await client.wait_for_messages(HEARTBEAT_S)
            events = client.next_events(EVENTS_A_TURN)
            if not events:
                await self._call.send_message(self._kind(stream_sequence=self._sent))
            for text in events:
                event = _decode(text)
                message = self._kind(stream_sequence=event.stream_sequence, event=values_of(event))
                await self._call.send_message(message)
                self._sent = event.stream_sequence
            await asyncio.sleep(0)

    async def _leave(self) -> None:
        """Let the client go when the gateway stops: another one has what follows."""
        await self._hub.stopping.wait()
        raise refused(unavailable("this gateway stops: ask again from the last stream_sequence"))

    async def _expire(self) -> None:
        """Let the client go when its token is not good any more."""
        authenticator = self._ports.authenticator
        while True:
            await asyncio.sleep(TOKEN_LOOK_S)
            if authenticator.cached(self._token) is not None:
                continue
            with contextlib.suppress(UnavailableError):
                verified = await authenticator.authenticate(self._token)
                if isinstance(verified, str):
                    raise refused(Refusal(code=RefusalCode.UNAUTHENTICATED, message=verified))
