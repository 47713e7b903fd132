"""Where the API is, how a call becomes a request of httpx, and how its answer is read."""

import ssl
import time
from collections.abc import Sequence
from typing import Any, Final, TypeVar

import httpx
import msgspec

from oms_client.calls import Call, decoded
from oms_client.errors import ApiError, NoAnswerError, UnreadableAnswerError, one_line
from oms_client.exchange import Policy, Received

T = TypeVar("T")
ANSWER_BYTES_MAX: Final = 64 * 2**20
STREAM_PATH: Final = "/api/v1/stream"
DEFAULT: Final = Policy()
# Nothing of the request has left.
_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
# What may come instead of an answer.
LOST: Final = (httpx.TransportError, httpx.DecodingError, TimeoutError)


class Door:
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
        """Return a call as httpx takes it. The path goes out as it was made, dots and percent signs too.

        Raises ApiError when something in it cannot be sent.
        """
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", **call.headers}
        content = None
        try:
            if call.body is not None:
                headers["Content-Type"] = "application/json"
                content = msgspec.json.encode(call.body)
            target = (self._prefix + call.target).encode("ascii")
            sent = {name: value.encode("ascii") for name, value in headers.items()}
        except UnicodeEncodeError as error:
            raise ApiError(f"expected text that can be sent, found {error.object!r}") from error
        return {
            "method": call.method,
            "url": self.place + "/",
            "headers": sent,
            "content": content,
            "extensions": {"target": target},
        }

    def lost(self, error: Exception, timeout_s: float) -> NoAnswerError:
        """Return the error of a connection that could not be made, or ended before the answer did.

        Raises ApiError when it is the request that is no HTTP.
        """
        if isinstance(error, httpx.LocalProtocolError):
            raise ApiError(f"expected a request that can be sent: {error}") from error
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


def received(found: httpx.Response, parts: Sequence[bytes]) -> Received:
    return Received(
        status=found.status_code,
        body=b"".join(parts),
        retry_after=found.headers.get("retry-after", "").strip(),
    )


class Parts:
    """What has come of an answer, within bounds of time and size."""

    def __init__(self, timeout_s: float) -> None:
        self.parts: list[bytes] = []
        self._left = ANSWER_BYTES_MAX
        self._ends_at = time.monotonic() + timeout_s

    def add(self, part: bytes) -> None:
        """Take the next part. Raises TimeoutError, UnreadableAnswerError."""
        self.parts.append(part)
        self._left -= len(part)
        if self._left < 0:
            raise UnreadableAnswerError(f"expected at most {ANSWER_BYTES_MAX:,} bytes, found more")
        if time.monotonic() > self._ends_at:
            raise TimeoutError
