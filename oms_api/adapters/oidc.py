"""Bearer tokens checked against the issuer's keys, found by OIDC discovery (OpenID Connect Discovery 1.0).

A token counts when its signature, issuer, audience and times hold (RFC 7519, section 4.1). Only RS256 and
ES256 are taken, so a token cannot choose a weaker check for itself.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import aiohttp
import structlog
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from prometheus_client import Counter

from oms_api.domain.principal import Principal, rights_of
from oms_api.ports import UnavailableError

ALGORITHMS: Final = ["RS256", "ES256"]
CACHED_TOKENS_MAX: Final = 10_000
TOKEN_LENGTH_MAX: Final = 8_192
KEYS_REFRESH_S: Final = 600.0
UNKNOWN_KEY_REFETCH_S: Final = 10.0
CLOCK_LEEWAY_S: Final = 5
_FETCH_TIMEOUT_S: Final = 5.0
_RETRY_S: Final = 1.0

log = structlog.get_logger()
auth_failures_total = Counter("oms_api_auth_failures_total", "Tokens that were refused", ["reason"])


class OidcAuthenticator:
    """The Authenticator on an OIDC issuer. `run` keeps its keys."""

    def __init__(
        self,
        issuer: str,
        audience: str,
        *,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer.rstrip("/")
        self._audience = audience
        self._now = now
        self._monotonic = monotonic
        self._keys: KeySet | None = None
        self._reason = ""
        self._fetched_at = float("-inf")
        self._fetching = asyncio.Lock()
        self._verified: dict[str, tuple[Principal, float]] = {}

    def problem(self) -> str | None:
        """Return why tokens cannot be verified, or None."""
        if self._keys is not None:
            return None
        return f"the keys of {self._issuer} were not fetched{f': {self._reason}' if self._reason else ' yet'}"

    async def run(self) -> None:
        """Fetch the issuer's keys, and again from time to time, until cancelled."""
        while True:
            await asyncio.sleep(KEYS_REFRESH_S if await self._fetch() else _RETRY_S)

    async def _fetch(self) -> bool:
        try:
            timeout = aiohttp.ClientTimeout(total=_FETCH_TIMEOUT_S)
            async with aiohttp.ClientSession(timeout=timeout) as session:
                found = await _get_json(session, f"{self._issuer}/.well-known/openid-configuration")
                if str(found.get("issuer", "")).rstrip("/") != self._issuer:
                    raise ValueError(f"expected issuer {self._issuer}, found {found.get('issuer')}")
                keys: Any = await _get_json(session, str(found.get("jwks_uri")))
            self._keys = KeySet.import_key_set(keys)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, KeyError, JoseError) as error:
            self._reason = str(error) or type(error).__name__
            log.warning("issuer_keys_not_fetched", issuer=self._issuer, error=self._reason)
            return False
        finally:
            self._fetched_at = self._monotonic()
        return True

    def cached(self, token: str) -> Principal | None:
        """Return the caller of a token that was verified before and is still good."""
        kept = self._verified.get(token)
        if kept is None or kept[1] <= self._now():
            return None
        return kept[0]

    async def authenticate(self, token: str) -> Principal | str:
        """Return the caller, or why the token is refused. Raises UnavailableError before keys are known."""
        if self._keys is None:
            raise UnavailableError(self.problem() or "")
        if len(token) > TOKEN_LENGTH_MAX:
            return self._refused("length", f"the token is longer than {TOKEN_LENGTH_MAX} characters")
        try:
            claims = await self._claims(token)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            return self._refused("signature", f"the token cannot be verified: {type(error).__name__}")
        problem = self._claims_problem(claims)
        if problem is not None:
            return self._refused("claims", problem)
        principal = _principal(claims)
        self._keep(token, principal, float(claims["exp"]))
        return principal

    async def _claims(self, token: str) -> Mapping[str, Any]:
        try:
            return self._decode(token)
        except InvalidKeyIdError:
            known = self._keys
            async with self._fetching:
                if self._keys is known:
                    if self._monotonic() - self._fetched_at < UNKNOWN_KEY_REFETCH_S:
                        raise
                    await self._fetch()
            return self._decode(token)

    def _decode(self, token: str) -> Mapping[str, Any]:
        if self._keys is None:
            raise UnavailableError(self.problem() or "")
        return jwt.decode(token, self._keys, algorithms=ALGORITHMS).claims

    def _claims_problem(self, claims: Mapping[str, Any]) -> str | None:
        now = self._now()
        audience, expires, not_before = claims.get("aud"), claims.get("exp"), claims.get("nbf", 0)
        if str(claims.get("iss", "")).rstrip("/") != self._issuer:
            return f"expected a token of issuer {self._issuer}"
        if self._audience != audience and not (isinstance(audience, list) and self._audience in audience):
            return f"expected a token for audience {self._audience}"
        if not isinstance(expires, int | float) or not expires > now:
            return "the token has expired"
        if not isinstance(not_before, int | float) or not_before > now + CLOCK_LEEWAY_S:
            return "the token is not valid yet"
        if not isinstance(claims.get("sub"), str) or not claims["sub"]:
            return "expected the token to name a subject"
        return None

    @staticmethod
    def _refused(reason: str, message: str) -> str:
        auth_failures_total.labels(reason).inc()
        return message

    def _keep(self, token: str, principal: Principal, expires_at: float) -> None:
        if len(self._verified) >= CACHED_TOKENS_MAX:
            now = self._now()
            self._verified = {text: kept for text, kept in self._verified.items() if kept[1] > now}
            while len(self._verified) >= CACHED_TOKENS_MAX:
                del self._verified[next(iter(self._verified))]
        self._verified[token] = (principal, expires_at)


def _principal(claims: Mapping[str, Any]) -> Principal:
    access = claims.get("realm_access")
    roles = access.get("roles") if isinstance(access, dict) else None
    accounts = claims.get("oms_accounts")
    return Principal(
        subject=claims["sub"],
        rights=rights_of(
            [role for role in roles if isinstance(role, str)] if isinstance(roles, list) else []
        ),
        accounts=frozenset(name for name in accounts if isinstance(name, str) and name.isprintable())
        if isinstance(accounts, list)
        else frozenset(),
    )


async def _get_json(session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    async with session.get(url) as answer:
        answer.raise_for_status()
        found = await answer.json(content_type=None)
    if not isinstance(found, dict):
        raise ValueError(f"expected a JSON object at {url}")
    return found
