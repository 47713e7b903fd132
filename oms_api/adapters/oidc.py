"""Bearer tokens checked against the issuer's keys, found by OIDC discovery (OpenID Connect Discovery 1.0).

A token counts when its signature, type, issuer, audience and times hold (RFC 7519, section 4.1; RFC 9068),
and as long as its issuer publishes its key. Only RS256 and ES256 are taken, so a token cannot choose a weaker
check for itself. Whatever else a stranger sends for a token is refused, in one of a few sentences. Roles and
accounts are read where issuers put them (docs/log-in.md), as a list or a text; anything else says nothing.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp
import msgspec
import structlog
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from prometheus_client import Counter

from oms_api.domain.principal import Principal, rights_of
from oms_api.ports import UnavailableError

ALGORITHMS: Final = ["RS256", "ES256"]
CACHED_TOKENS_MAX: Final = 10_000
TOKEN_LENGTH_MAX: Final = 8_192
# A key that its issuer takes back counts no longer than that.
KEYS_REFRESH_S: Final = 60.0
# Whoever names a key that is not known has the keys fetched, but all together at most so often.
REFETCH_S_MIN: Final = 1.0
CLOCK_LEEWAY_S: Final = 5
DOCUMENT_BYTES_MAX: Final = 262_144
KEYS_MAX: Final = 100
# The end of the year 9999, the last that a time can be in.
SECONDS_MAX: Final = 253_402_300_799
NO_KEYS: Final = "tokens cannot be verified yet: the issuer's keys are not known"
_FETCH_TIMEOUT_S: Final = 5.0
_RETRY_S: Final = 1.0
# What a JWT may call itself in its header (RFC 9068, section 2.1). Keycloak tells its access tokens from its
# ID, refresh and logout tokens by a claim of the same name.
_HEADER_TYPES: Final = ("jwt", "at+jwt", "application/at+jwt")
_ACCESS_TYPE: Final = "Bearer"

# Which accounts: the second is read of tokens without the first.
ACCOUNT_CLAIMS: Final = ("oms_accounts", "accounts")

UNREADABLE: Final = "expected a signed JWT as the bearer token"
OTHER_TYPE: Final = "expected an access token, found a token of another type"
UNKNOWN_KEY: Final = "the token is signed with a key that its issuer does not publish"
WRONG_SIGNATURE: Final = "the token's signature is wrong"
EXPIRED: Final = "the token has expired"
NOT_YET: Final = "the token is not valid yet"

log = structlog.get_logger()
auth_failures_total = Counter("oms_api_auth_failures_total", "Tokens that were refused", ["reason"])


class OidcAuthenticator:
    """The Authenticator on an OIDC issuer. `run` keeps its keys.

    internal_url: where the issuer's documents are read when that is not where its name leads, as inside a
    container network; tokens and documents name the issuer all the same.
    """

    def __init__(
        self,
        issuer: str,
        audience: str,
        *,
        internal_url: str = "",
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer.rstrip("/")
        self._documents_url = internal_url.rstrip("/") or self._issuer
        self._audience = audience
        self._now = now
        self._monotonic = monotonic
        self._keys: KeySet | None = None
        self._key_names: frozenset[str] = frozenset()
        self._reason = ""
        self._fetched = False
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
            await asyncio.sleep(KEYS_REFRESH_S if await self._renew_keys() else _RETRY_S)

    async def _renew_keys(self) -> bool:
        """Fetch the keys, unless somebody just did. Returns whether the last fetch brought any."""
        async with self._fetching:
            if self._monotonic() - self._fetched_at >= REFETCH_S_MIN:
                self._fetched = await self._fetch()
            return self._fetched

    async def _fetch(self) -> bool:
        try:
            timeout = aiohttp.ClientTimeout(total=_FETCH_TIMEOUT_S)
            async with aiohttp.ClientSession(timeout=timeout) as session:
                found = await _get_json(session, f"{self._documents_url}/.well-known/openid-configuration")
                if str(found.get("issuer", "")).rstrip("/") != self._issuer:
                    raise ValueError(f"expected issuer {self._issuer}, found {found.get('issuer')}")
                self._take_keys(_read_keys(await _get_json(session, str(found.get("jwks_uri")))))
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            self._reason = str(error) or type(error).__name__
            log.warning("issuer_keys_not_fetched", issuer=self._issuer, error=self._reason)
            return False
        finally:
            self._fetched_at = self._monotonic()
        return True

    def _take_keys(self, keys: KeySet) -> None:
        """Replace the keys. When one is gone, whoever was verified is verified again."""
        names = frozenset(f"{key.kid} {key.thumbprint()}" for key in keys.keys)
        if withdrawn := self._key_names - names:
            self._verified.clear()
            log.info("issuer_keys_withdrawn", issuer=self._issuer, keys=len(withdrawn))
        self._keys, self._key_names = keys, names

    def cached(self, token: str) -> Principal | None:
        """Return the caller of a token that was verified before and is still good."""
        kept = self._verified.get(token)
        if kept is None or kept[1] <= self._now():
            return None
        return kept[0]

    async def authenticate(self, token: str) -> Principal | str:
        """Return the caller, or why the token is refused. Raises UnavailableError before keys are known."""
        if self._keys is None:
            raise UnavailableError(NO_KEYS, self.problem())
        if len(token) > TOKEN_LENGTH_MAX:
            return self._refused("length", f"expected a token of at most {TOKEN_LENGTH_MAX} characters")
        found = self._decode(token)
        if found is UNKNOWN_KEY:
            await self._renew_keys()
            found = self._decode(token)
        if isinstance(found, str):
            return self._refused("signature", found)
        expires = _seconds(found.claims.get("exp"))
        problem = self._token_problem(found, expires)
        if problem is not None or expires is None:
            return self._refused("claims", problem or EXPIRED)
        principal = _principal(found.claims, self._audience, expires)
        self._keep(token, principal, expires)
        return principal

    def _decode(self, token: str) -> jwt.Token | str:
        if self._keys is None:
            raise UnavailableError(NO_KEYS, self.problem())
        try:
            return jwt.decode(token, self._keys, algorithms=ALGORITHMS)
        except InvalidKeyIdError:
            return UNKNOWN_KEY
        except BadSignatureError:
            return WRONG_SIGNATURE
        except Exception:
            # Whatever the parser makes of what a stranger calls a token.
            return UNREADABLE

    def _token_problem(self, token: jwt.Token, expires: float | None) -> str | None:
        claims, now = token.claims, self._now()
        header_type = token.header.get("typ", _HEADER_TYPES[0])
        if not isinstance(header_type, str) or header_type.lower() not in _HEADER_TYPES:
            return OTHER_TYPE
        if claims.get("typ", _ACCESS_TYPE) != _ACCESS_TYPE:
            return OTHER_TYPE
        audience, not_before = claims.get("aud"), _seconds(claims.get("nbf", 0))
        if str(claims.get("iss", "")).rstrip("/") != self._issuer:
            return f"expected a token of issuer {self._issuer}"
        if self._audience != audience and not (isinstance(audience, list) and self._audience in audience):
            return f"expected a token for audience {self._audience}"
        if expires is None or expires <= now:
            return EXPIRED
        if not_before is None or not_before > now + CLOCK_LEEWAY_S:
            return NOT_YET
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


def _seconds(value: object) -> float | None:
    """Return a NumericDate (RFC 7519, section 2) in seconds since 1970; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= SECONDS_MAX:
        return None
    return float(value)


def _principal(claims: Mapping[str, Any], audience: str, expires: float) -> Principal:
    accounts = claims.get(ACCOUNT_CLAIMS[0], claims.get(ACCOUNT_CLAIMS[1]))
    return Principal(
        subject=claims["sub"],
        rights=rights_of(word for place in role_claims(audience) for word in _words(_claim(claims, place))),
        accounts=frozenset(name for name in _words(accounts) if name.isprintable()),
        expires_at=datetime.fromtimestamp(expires, UTC),
    )


def role_claims(audience: str) -> tuple[tuple[str, ...], ...]:
    """Return where roles are looked for, each place by the names that lead to it; all of them count."""
    return (("roles",), ("realm_access", "roles"), ("resource_access", audience, "roles"))


def _claim(claims: Mapping[str, Any], place: tuple[str, ...]) -> object:
    found: Any = claims
    for name in place:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _words(value: object) -> list[str]:
    """Return the texts of a claim that is a list, or one text with spaces or commas between them."""
    if isinstance(value, str):
        return value.replace(",", " ").split()
    return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []


def _read_keys(document: dict[str, Any]) -> KeySet:
    """Read a JWK set (RFC 7517, section 5). Raises ValueError."""
    keys: Any = document.get("keys")
    if not isinstance(keys, list) or not 1 <= len(keys) <= KEYS_MAX:
        found = f"{len(keys)} keys" if isinstance(keys, list) else type(keys).__name__
        raise ValueError(f"expected a list of 1 to {KEYS_MAX} keys, found {found}")
    try:
        return KeySet.import_key_set({"keys": keys})
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"expected a JWK set, found one that cannot be read: {error}") from error


async def _get_json(session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    content = b""
    async with session.get(url) as answer:
        answer.raise_for_status()
        async for part in answer.content.iter_any():
            content += part
            if len(content) > DOCUMENT_BYTES_MAX:
                raise ValueError(f"expected at most {DOCUMENT_BYTES_MAX} bytes at {url}")
    try:
        found = msgspec.json.decode(content)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"expected JSON at {url}: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"expected a JSON object at {url}")
    return found
