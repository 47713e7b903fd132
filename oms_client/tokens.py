"""Where bearer tokens come from, and when another one is asked for.

The law of this file: a source is a callable without arguments that gives a token. It is asked at the first
request, when the token that it gave expires within RENEW_BEFORE_S, and when the gateway refused that token;
otherwise its token is kept. A source that then gives the same token again has no other.
"""

import base64
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import msgspec

from oms_client.errors import ApiError, NoAnswerError, error_of_answer

RENEW_BEFORE_S: Final = 30.0
TOKEN_TIMEOUT_S: Final = 15.0
TokenSource = Callable[[], str]


class ClientCredentials:
    """A source of tokens for machines: the client credentials grant (RFC 6749, section 4.4).

    issuer: its address, whose discovery page names the token endpoint; or token_endpoint itself. The secret
    goes in the Authorization header (section 2.3.1).
    """

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        *,
        issuer: str = "",
        token_endpoint: str = "",
        scope: str = "",
    ) -> None:
        if bool(issuer) == bool(token_endpoint):
            raise ValueError("expected either an issuer or a token_endpoint")
        self._client = (client_id, client_secret)
        self._issuer = issuer.rstrip("/")
        self._endpoint = token_endpoint
        self._scope = scope

    def __call__(self) -> str:
        """Fetch a token. Raises ApiError."""
        if not self._endpoint:
            page = f"{self._issuer}/.well-known/openid-configuration"
            self._endpoint = text_of(fetch_json("GET", page), "token_endpoint", page)
        form = {"grant_type": "client_credentials"} | ({"scope": self._scope} if self._scope else {})
        answer = fetch_json("POST", self._endpoint, form, self._client)
        return text_of(answer, "access_token", self._endpoint)


def fetch_json(
    method: str, url: str, form: dict[str, str] | None = None, basic: tuple[str, str] | None = None
) -> Any:
    """Ask an issuer, with a form and a client's id and secret if given. Returns its JSON. Raises ApiError."""
    # Imported here: most clients bring a token.
    import httpx  # noqa: PLC0415

    try:
        found = httpx.request(method, url, data=form, auth=basic, timeout=TOKEN_TIMEOUT_S)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise ApiError(f"expected an address such as http://HOST:PORT, found {url}") from error
    except httpx.HTTPError as error:
        raise NoAnswerError(f"no answer from {url}: {error or type(error).__name__}", sent=True) from error
    if not found.is_success:
        raise error_of_answer(found.status_code, found.content)
    try:
        return msgspec.json.decode(found.content)
    except (msgspec.DecodeError, RecursionError):
        return None


def text_of(answer: Any, name: str, url: str) -> str:
    """Return a text of an issuer's answer. Raises ApiError when there is none."""
    found = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(found, str):
        raise ApiError(f"expected a {name} from {url}, found none")
    return found


def expires_at(token: str) -> float | None:
    """Return when a JWT expires, in seconds since 1970; None of a token that does not say it."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = msgspec.json.decode(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return None
    found = claims.get("exp") if isinstance(claims, dict) else None
    return float(found) if isinstance(found, int | float) else None


class KeptToken:
    """The token that a source gave last."""

    def __init__(self) -> None:
        self._token = ""
        self._renew_at: float | None = None

    def fresh(self) -> str:
        """Return the token that is kept, empty when there is none or it is about to expire."""
        if self._renew_at is not None and time.time() >= self._renew_at:
            return ""
        return self._token

    def keep(self, token: str) -> str:
        """Keep a token."""
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise ApiError("expected a token, found none or one that no header can carry")
        ends_at = expires_at(token)
        self._token = token
        self._renew_at = None if ends_at is None else max(time.time() + 1.0, ends_at - RENEW_BEFORE_S)
        return token

    def renews_in_s(self) -> float | None:
        """Return in how many seconds another token is due; None when nothing says so."""
        return None if self._renew_at is None else max(0.0, self._renew_at - time.time())


class Tokens(KeptToken):
    """A source's token, for threads."""

    def __init__(self, source: TokenSource) -> None:
        super().__init__()
        self._source = source
        self._lock = threading.Lock()

    def current(self) -> str:
        """Return a token that counts, as far as is known."""
        return self.fresh() or self._ask("")

    def renew(self, refused: str) -> bool:
        """Ask for another token than one that was refused. Returns whether there is one."""
        return self._ask(refused) != refused

    def _ask(self, refused: str) -> str:
        with self._lock:
            # Another thread may have asked meanwhile.
            kept = self.fresh()
            return kept if kept not in ("", refused) else self.keep(self._source())
