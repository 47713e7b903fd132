"""The clients: `Client` for threads, `AsyncClient` for asyncio, `JsonClient` for who wants JSON as it came.

Their methods are those of `Operations`; what is here is how a call is sent. The law of this file: whatever a
server does, a call ends within its policy's deadline with an answer or an ApiError.
"""

import asyncio
import ssl
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self, TypeVar

import httpx
import msgspec

from oms_client.calls import AsyncSender, Call, JsonSender, SyncSender, decoded
from oms_client.errors import ApiError, NoAnswerError, UnreadableAnswerError, one_line
from oms_client.exchange import Again, Exchange, Policy, Received
from oms_client.operations import Operations
from oms_client.stream_session import RECONNECT_S_MAX, Position, StreamSession
from oms_client.streams import AsyncStream, Stream
from oms_client.tokens import AsyncTokens, AsyncTokenSource, Tokens, TokenSource

T = TypeVar("T")
ANSWER_BYTES_MAX: Final = 64 * 2**20
STREAM_PATH: Final = "/api/v1/stream"
DEFAULT: Final = Policy()
# Nothing of the request has left.
_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class _Door:
    """Where the API is, and how requests to it are made."""

    def __init__(self, url: str, policy: Policy, ssl_context: ssl.SSLContext | None) -> None:
        try:
            parsed = httpx.URL(url)
        except (httpx.InvalidURL, TypeError):
            parsed = httpx.URL("")
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise ApiError(f"expected an address such as http://HOST:PORT, found {url}")
        self.url = url.rstrip("/")
        self.policy = policy
        self.ssl_context = ssl_context
        self.is_tls = parsed.scheme == "https"
        self.place = str(parsed.copy_with(raw_path=b"/")).rstrip("/")
        self._prefix = parsed.raw_path.decode("ascii").rstrip("/")

    @property
    def stream_url(self) -> str:
        """The address of the WebSocket."""
        return self.url.replace("http", "ws", 1) + STREAM_PATH

    @property
    def options(self) -> dict[str, Any]:
        """How httpx is to connect: TLS is trusted as usual, redirects are not followed."""
        return {"verify": self.ssl_context or self.is_tls, "follow_redirects": False}

    def request(self, call: Call[Any], token: str) -> dict[str, Any]:
        """Return a call as httpx takes it. The path goes out as it was made, dots and percent signs too."""
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", **call.headers}
        content = None
        if call.body is not None:
            headers["Content-Type"] = "application/json"
            content = msgspec.json.encode(call.body)
        return {
            "method": call.method,
            "url": self.place + "/",
            "headers": headers,
            "content": content,
            "extensions": {"target": (self._prefix + call.target).encode("ascii")},
        }

    def lost(self, error: Exception, timeout_s: float) -> NoAnswerError:
        """Return the error of a connection that could not be made, or ended before the answer did."""
        sent = not isinstance(error, _NOT_SENT)
        if isinstance(error, httpx.TimeoutException | TimeoutError):
            return NoAnswerError(f"no answer from {self.place} within {timeout_s:.3g} s", sent=sent)
        said = str(error).partition("] ")[2] if str(error).startswith("[Errno") else str(error)
        return NoAnswerError(f"no answer from {self.place}: {said or type(error).__name__}", sent=sent)

    def read(self, call: Call[Any], answer: Received, shape: type[T]) -> T:
        """Read an answer. Raises UnreadableAnswerError when it is not of the shape."""
        try:
            return decoded(answer.body, shape)
        except msgspec.ValidationError as error:
            raise UnreadableAnswerError(
                f"the API's answer is not what this client reads: {error}", status=answer.status
            ) from error
        except (msgspec.DecodeError, RecursionError) as error:
            raise UnreadableAnswerError(
                f"expected JSON from {self.place}{self._prefix}{call.path}, found"
                f" {one_line(answer.body.decode(errors='replace'))}"
            ) from error


def _received(found: httpx.Response, parts: Sequence[bytes]) -> Received:
    return Received(
        status=found.status_code,
        body=b"".join(parts),
        retry_after=found.headers.get("retry-after", "").strip(),
    )


class _TooLongError(Exception):
    """An answer has more bytes than are read."""


class _Parts:
    """What has come of an answer, within bounds of time and size."""

    def __init__(self, timeout_s: float) -> None:
        self.parts: list[bytes] = []
        self._left = ANSWER_BYTES_MAX
        self._ends_at = time.monotonic() + timeout_s

    def add(self, part: bytes) -> None:
        """Take the next part. Raises TimeoutError, _TooLongError."""
        self.parts.append(part)
        self._left -= len(part)
        if self._left < 0:
            raise _TooLongError
        if time.monotonic() > self._ends_at:
            raise TimeoutError


class _BlockingClient:
    """What the clients for threads have in common."""

    def __init__(
        self,
        url: str,
        token: str | TokenSource,
        *,
        policy: Policy = DEFAULT,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """Make a client of the gateway at `url`; it connects when it is first used.

        token: a token, or a source of tokens (tokens.py).
        """
        self._door = _Door(url, policy, ssl_context)
        self._tokens = Tokens(token if callable(token) else lambda: token)
        self._http = httpx.Client(**self._door.options)

    @property
    def url(self) -> str:
        """The gateway's address."""
        return self._door.url

    def __enter__(self) -> Self:
        """Return the client, to be closed at the end of the block."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def stream(
        self,
        accounts: Sequence[str],
        *,
        snapshot: bool = True,
        resume: Position | None = None,
        reconnect_s_max: float = RECONNECT_S_MAX,
    ) -> Stream:
        """Iterate over accounts' order events as they happen, each once and in order (stream_session.py).

        snapshot: each account's open orders come first. resume: where an earlier stream was, to go on from
        there. reconnect_s_max: for how long it is tried to connect again.
        """
        session = StreamSession(accounts, snapshot=snapshot, resume=resume, reconnect_s_max=reconnect_s_max)
        return Stream(self._door.stream_url, self._tokens, session, self._door.ssl_context)

    def _answer(self, call: Call[Any]) -> Received:
        exchange = Exchange(call, self._door.policy)
        while True:
            token = self._tokens.current()
            found = exchange.decide(self._try(call, token, exchange.timeout_s))
            if isinstance(found, Received):
                return found
            if found.renews and not self._tokens.renew(token):
                raise found.because
            time.sleep(found.after_s)

    def _try(self, call: Call[Any], token: str, timeout_s: float) -> Received | NoAnswerError:
        try:
            with self._http.stream(**self._door.request(call, token), timeout=timeout_s) as found:
                parts = _Parts(timeout_s)
                for part in found.iter_bytes():
                    parts.add(part)
                return _received(found, parts.parts)
        except (httpx.TransportError, httpx.DecodingError, TimeoutError) as error:
            return self._door.lost(error, timeout_s)
        except _TooLongError:
            raise UnreadableAnswerError(f"expected at most {ANSWER_BYTES_MAX:,} bytes, found more") from None


class Client(Operations, _BlockingClient, SyncSender):
    """A client of the API for threads. Its methods are those of Operations; answers are Structs."""

    def send(self, call: Call[T]) -> T:
        """Send a call. Returns its answer. Raises ApiError."""
        return self._door.read(call, self._answer(call), call.shape)


class JsonClient(Operations, _BlockingClient, JsonSender):
    """A client as Client is, whose answers are JSON as it came: dicts, lists, text, numbers."""

    def send(self, call: Call[T]) -> Any:
        """Send a call. Returns its answer's JSON. Raises ApiError."""
        return self._door.read(call, self._answer(call), object)

    def request(
        self,
        method: str,
        path: str,
        *,
        query: tuple[tuple[str, str], ...] = (),
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Ask for a page of the API that has no method here. path: quoted. Only a GET is repeated."""
        call = Call(
            method=method,
            path=path,
            shape=object,
            query=query,
            body=body,
            headers=headers or {},
            repeatable=method == "GET",
        )
        return self.send(call)


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
        self._door = _Door(url, policy, ssl_context)
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
                parts = _Parts(timeout_s)
                async for part in found.aiter_bytes():
                    parts.add(part)
                return _received(found, parts.parts)
        except (httpx.TransportError, httpx.DecodingError, TimeoutError) as error:
            return self._door.lost(error, timeout_s)
        except _TooLongError:
            raise UnreadableAnswerError(f"expected at most {ANSWER_BYTES_MAX:,} bytes, found more") from None
