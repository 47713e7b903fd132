"""The stream over WebSockets, for threads: what StreamSession decides, done."""

import atexit
import contextlib
import ssl
import threading
import time
import weakref
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any, Final, Self

from oms_client.errors import (
    ApiError,
    NoAnswerError,
    RateLimitedError,
    RefusedError,
    UnauthenticatedError,
    UnavailableError,
)
from oms_client.stream_session import SILENCE_S_MAX, Position, StreamItem, StreamSession
from oms_client.tokens import Tokens

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

OPEN_S_MAX: Final = 15.0
CLOSE_S_MAX: Final = 2.0
FRAME_BYTES_MAX: Final = 16 * 2**20
_NEVER: Final = float("inf")
# One that nobody closed is closed while threads still run: later its connection would wait for ever.
_open: "weakref.WeakSet[Stream]" = weakref.WeakSet()


@atexit.register
def close_all() -> None:
    """Close every stream of this process."""
    for stream in list(_open):
        stream.close()


class Timing:
    """Until when the server has to say something, and when the token is to be renewed."""

    def __init__(self, renews_in_s: float | None) -> None:
        self.heard()
        self.renew_in(renews_in_s)

    def heard(self) -> None:
        """Note that something came."""
        self._silent_at = time.monotonic() + SILENCE_S_MAX

    def renew_in(self, seconds: float | None) -> None:
        """Note when the next token is due."""
        self._renew_at = _NEVER if seconds is None else time.monotonic() + seconds

    @property
    def wait_s(self) -> float:
        """For how long to wait for a message."""
        return max(0.0, min(self._silent_at, self._renew_at) - time.monotonic())

    @property
    def renew_is_due(self) -> bool:
        """Whether the token is to be renewed. Raises NoAnswerError when the server was silent too long."""
        now = time.monotonic()
        if now >= self._silent_at:
            raise NoAnswerError(f"the stream has been silent for {SILENCE_S_MAX:g} s", sent=True)
        return now >= self._renew_at


def options(token: str, ssl_context: ssl.SSLContext | None, url: str) -> dict[str, Any]:
    return {
        "additional_headers": {"Authorization": f"Bearer {token}"},
        "open_timeout": OPEN_S_MAX,
        "close_timeout": CLOSE_S_MAX,
        "max_size": FRAME_BYTES_MAX,
    } | ({"ssl": ssl_context} if ssl_context is not None and url.startswith("wss:") else {})


def failure(error: Exception, url: str, session: StreamSession) -> ApiError:
    """Return what went wrong with a connection."""
    from websockets.exceptions import ConnectionClosed, InvalidStatus, InvalidURI  # noqa: PLC0415

    match error:
        case ApiError():
            return error
        case ConnectionClosed():
            said = error.rcvd
            return session.error_of_close(*(None, "") if said is None else (said.code, said.reason))
        case InvalidStatus():
            status = error.response.status_code
            kind: type[ApiError] = UnavailableError if status >= 500 else RefusedError
            kind = {401: UnauthenticatedError, 429: RateLimitedError}.get(status, kind)
            return kind(f"the stream at {url} was refused with HTTP {status}", status=status)
        case InvalidURI():
            return ApiError(f"no stream at {url}: {error}")
        case _:
            return NoAnswerError(f"no stream at {url}: {error or type(error).__name__}", sent=False)


class Stream:
    """Order events as they happen, each once and in order; it connects again by itself. Ends with `close`.

    Iterating raises an ApiError when the stream is over for good. `close` may be called by any thread.
    """

    def __init__(
        self, url: str, tokens: Tokens, session: StreamSession, ssl_context: ssl.SSLContext | None
    ) -> None:
        self._url = url
        self._tokens = tokens
        self._session = session
        self._ssl_context = ssl_context
        self._closed = threading.Event()
        self._socket: ClientConnection | None = None
        self._items = self._run()
        _open.add(self)

    @property
    def position(self) -> Position:
        """Where the stream is: of what was iterated over, the last. A later stream may resume from it."""
        return self._session.position

    def __iter__(self) -> Self:
        """Return itself."""
        return self

    def __next__(self) -> StreamItem:
        """Return the next item, waiting for it."""
        return next(self._items)

    def __enter__(self) -> Self:
        """Return the stream, to be closed at the end of the block."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """End the stream: whoever iterates comes to its end."""
        self._closed.set()
        if (socket := self._socket) is not None:
            socket.close()
        # Not while another thread waits for the next item: it comes to the end by itself.
        with contextlib.suppress(ValueError):
            self._items.close()

    def _run(self) -> Generator[StreamItem, None, None]:
        from websockets.exceptions import WebSocketException  # noqa: PLC0415
        from websockets.sync.client import connect  # noqa: PLC0415

        while not self._closed.is_set():
            token = ""
            try:
                token = self._tokens.current()
                with connect(self._url, **options(token, self._ssl_context, self._url)) as socket:
                    self._socket = socket
                    yield from self._talk(socket)
            except (ApiError, WebSocketException, OSError) as error:
                if self._closed.is_set():
                    return
                self._closed.wait(self._pause_s(failure(error, self._url, self._session), token))

    def _talk(self, socket: "ClientConnection") -> Iterator[StreamItem]:
        for message in self._session.opening():
            socket.send(message, text=True)
        timing = Timing(self._tokens.renews_in_s())
        while not self._closed.is_set():
            text = None
            with contextlib.suppress(TimeoutError):
                text = socket.recv(timeout=timing.wait_s)
            if text is not None:
                timing.heard()
                yield from self._session.received(text)
                while self._session.outbox:
                    socket.send(self._session.outbox.pop(0), text=True)
            if timing.renew_is_due:
                with contextlib.suppress(UnavailableError):
                    socket.send(self._session.authentication(self._tokens.current()), text=True)
                timing.renew_in(self._tokens.renews_in_s())

    def _pause_s(self, error: ApiError, token: str) -> float:
        """Return after how long to connect again. Raises the error when the stream is over."""
        if not isinstance(error, UnauthenticatedError):
            return self._session.ended(error)
        try:
            renewed = self._tokens.renew(token)
        except UnavailableError as away:
            return self._session.ended(away)
        return self._session.refused_token(error, renewed)
