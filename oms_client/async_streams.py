"""The stream over WebSockets, for asyncio: what StreamSession decides, done."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING, Self

from oms_client.async_tokens import AsyncTokens
from oms_client.errors import ApiError, UnauthenticatedError, UnavailableError
from oms_client.stream_session import Position, StreamItem, StreamSession
from oms_client.streams import Timing, failure, options

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection as AsyncConnection


class AsyncStream:
    """Order events as they happen, each once and in order; it connects again by itself. Ends with `close`.

    Iterating raises an ApiError when the stream is over for good.
    """

    def __init__(
        self, url: str, tokens: AsyncTokens, session: StreamSession, ssl_context: ssl.SSLContext | None
    ) -> None:
        self._url = url
        self._tokens = tokens
        self._session = session
        self._ssl_context = ssl_context
        self._closed = asyncio.Event()
        self._socket: AsyncConnection | None = None
        self._items = self._run()

    @property
    def position(self) -> Position:
        """Where the stream is: of what was iterated over, the last. A later stream may resume from it."""
        return self._session.position

    def __aiter__(self) -> Self:
        """Return itself."""
        return self

    async def __anext__(self) -> StreamItem:
        """Return the next item, waiting for it."""
        return await anext(self._items)

    async def __aenter__(self) -> Self:
        """Return the stream, to be closed at the end of the block."""
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Close it."""
        await self.close()

    async def close(self) -> None:
        """End the stream: whoever iterates comes to its end."""
        self._closed.set()
        if (socket := self._socket) is not None:
            await socket.close()
        # Not while another task waits for the next item: it comes to the end by itself.
        with contextlib.suppress(RuntimeError):
            await self._items.aclose()

    async def _run(self) -> AsyncGenerator[StreamItem, None]:
        from websockets.asyncio.client import connect  # noqa: PLC0415
        from websockets.exceptions import WebSocketException  # noqa: PLC0415

        while not self._closed.is_set():
            token = ""
            try:
                token = await self._tokens.current()
                async with connect(self._url, **options(token, self._ssl_context, self._url)) as socket:
                    self._socket = socket
                    async for item in self._talk(socket):
                        yield item
            except (ApiError, WebSocketException, OSError) as error:
                if self._closed.is_set():
                    return
                pause_s = await self._pause_s(failure(error, self._url, self._session), token)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        await self._closed.wait()

    async def _talk(self, socket: "AsyncConnection") -> AsyncIterator[StreamItem]:
        for message in self._session.opening():
            await socket.send(message, text=True)
        timing = Timing(self._tokens.renews_in_s())
        while not self._closed.is_set():
            text = None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timing.wait_s):
                    text = await socket.recv()
            if text is not None:
                timing.heard()
                for item in self._session.received(text):
                    yield item
                while self._session.outbox:
                    await socket.send(self._session.outbox.pop(0), text=True)
            if timing.renew_is_due:
                with contextlib.suppress(UnavailableError):
                    await socket.send(self._session.authentication(await self._tokens.current()), text=True)
                timing.renew_in(self._tokens.renews_in_s())

    async def _pause_s(self, error: ApiError, token: str) -> float:
        """Return after how long to connect again. Raises the error when the stream is over."""
        if not isinstance(error, UnauthenticatedError):
            return self._session.ended(error)
        try:
            renewed = await self._tokens.renew(token)
        except UnavailableError as away:
            return self._session.ended(away)
        return self._session.refused_token(error, renewed)
