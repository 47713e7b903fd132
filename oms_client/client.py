"""The clients for threads: `Client`, and `JsonClient` for who wants JSON as it came.

Their methods are those of `Operations`; what is here is how a call is sent. The law of this file: whatever a
server does, a call ends within its policy's deadline with an answer or an ApiError.
"""

import ssl
import time
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, Self, TypeVar

import httpx

from oms_client.calls import Call, JsonSender, SyncSender
from oms_client.door import DEFAULT, LOST, Door, Parts, received
from oms_client.errors import NoAnswerError
from oms_client.exchange import Exchange, Policy, Received
from oms_client.operations import Operations
from oms_client.stream_session import RECONNECT_S_MAX, Position, StreamSession
from oms_client.streams import Stream
from oms_client.tokens import Tokens, TokenSource

T = TypeVar("T")


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
        self._door = Door(url, policy, ssl_context)
        self._tokens = Tokens(token if callable(token) else lambda: token)
        self._http = httpx.Client(**self._door.options)
        self._streams: weakref.WeakSet[Stream] = weakref.WeakSet()

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
        """Close its connections and its streams."""
        for stream in list(self._streams):
            stream.close()
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
        stream = Stream(self._door.stream_url, self._tokens, session, self._door.ssl_context)
        self._streams.add(stream)
        return stream

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
                parts = Parts(timeout_s)
                for part in found.iter_bytes():
                    parts.add(part)
                return received(found, parts.parts)
        except LOST as error:
            return self._door.lost(error, timeout_s)


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
