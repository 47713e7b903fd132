"""The client for asyncio: as client.py, with the same methods.

The law of this file: whatever a server does, a call ends within its policy's deadline with an answer or an
ApiError.
"""

import asyncio
import ssl
from collections.abc import Sequence
from typing import Any, Self, TypeVar

import httpx

from oms_client.async_streams import AsyncStream
from oms_client.async_tokens import AsyncTokens, AsyncTokenSource
from oms_client.calls import AsyncSender, Call
from oms_client.door import DEFAULT, LOST, Door, Parts, received
from oms_client.errors import NoAnswerError
from oms_client.exchange import Again, Exchange, Policy, Received
from oms_client.operations import Operations
from oms_client.stream_session import RECONNECT_S_MAX, Position, StreamSession

T = TypeVar("T")


class AsyncClient(Operations, AsyncSender):
    """A client of the API for asyncio. Its methods are those of Operations; answers are Structs."""

    def __init__(
        self,
        url: str,
        token: str | AsyncTokenSource,
        *,
        policy: Policy = DEFAULT,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """Make a client of the gateway at `url`; it connects when it is first used.

        token: a token, or a source of tokens (tokens.py).
        """
        self._door = Door(url, policy, ssl_context)
        self._tokens = AsyncTokens(token if callable(token) else lambda: token)
        self._http = httpx.AsyncClient(**self._door.options)

    @property
    def url(self) -> str:
        """The gateway's address."""
        return self._door.url

    async def __aenter__(self) -> Self:
        """Return the client, to be closed at the end of the block."""
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Close it."""
        await self.close()

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    def stream(
        self,
        accounts: Sequence[str],
        *,
        snapshot: bool = True,
        resume: Position | None = None,
        reconnect_s_max: float = RECONNECT_S_MAX,
    ) -> AsyncStream:
        """Iterate over accounts' order events as they happen, each once and in order (stream_session.py).

        snapshot: each account's open orders come first. resume: where an earlier stream was, to go on from
        there. reconnect_s_max: for how long it is tried to connect again.
        """
        session = StreamSession(accounts, snapshot=snapshot, resume=resume, reconnect_s_max=reconnect_s_max)
        return AsyncStream(self._door.stream_url, self._tokens, session, self._door.ssl_context)

    async def send(self, call: Call[T]) -> T:
        """Send a call. Returns its answer. Raises ApiError."""
        exchange = Exchange(call, self._door.policy)
        while True:
            token = await self._tokens.current()
            found = exchange.decide(await self._try(call, token, exchange.timeout_s))
            if isinstance(found, Received):
                return self._door.read(call, found, call.shape)
            await self._wait(found, token)

    async def _wait(self, again: Again, token: str) -> None:
        if again.renews and not await self._tokens.renew(token):
            raise again.because
        await asyncio.sleep(again.after_s)

    async def _try(self, call: Call[Any], token: str, timeout_s: float) -> Received | NoAnswerError:
        try:
            async with self._http.stream(**self._door.request(call, token), timeout=timeout_s) as found:
                parts = Parts(timeout_s)
                async for part in found.aiter_bytes():
                    parts.add(part)
                return received(found, parts.parts)
        except LOST as error:
            return self._door.lost(error, timeout_s)
