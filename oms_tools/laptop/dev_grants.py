"""What the laptop's issuer grants to its personas, who have no passwords: tokens, and codes that bring them.

The law of this file: a code is good once, for a short time, and for nobody but the program that asked for it
(RFC 7636, RFC 8628). The gateway takes access tokens alone; ID and refresh tokens say of themselves what they
are. The key is kept in the data folder, readable by its owner only; all else is in memory, bounded, and
forgotten at a restart: a refresh token outlives one, and so does one that was signed out.
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import SplitResult, urlencode, urlsplit

import structlog
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from oms_platform.schema.demo_data import FIRM, HEDGE_FUNDS, INSTITUTIONS, RETAIL

AUDIENCE: Final = "oms-api"
ALGORITHM: Final = "ES256"
LIFETIME_S: Final = 3_600
SESSION_S: Final = 43_200
CODE_S: Final = 60
DEVICE_S: Final = 600
DEVICE_INTERVAL_S: Final = 1
REMEMBERED_MAX: Final = 1_000
KEY_FILE: Final = "dev-issuer-key.json"
DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
GRANTS: Final = ("password", "client_credentials", "authorization_code", "refresh_token", DEVICE_GRANT)
# RFC 8628, section 6.1: letters that make no words and are not mistaken for each other.
_USER_CODE_LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ"
# RFC 7636, section 4.2: the length of a SHA-256 in base64url.
_CHALLENGE_LENGTH: Final = 43
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_ALL: Final = ("*",)
_REFRESH: Final = "Refresh"

# persona: accounts, roles
PERSONAS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "trader1": (INSTITUTIONS + HEDGE_FUNDS, ("trader",)),
    "trader2": (RETAIL, ("trader",)),
    "desk": (_ALL, ("desk-head",)),
    "risk1": (_ALL, ("risk",)),
    "admin1": (_ALL, ("admin",)),
    "viewer1": (_ALL, ("read-only",)),
}
_GROUPS: Final = {"institutions": INSTITUTIONS, "hedge funds": HEDGE_FUNDS, "retail": RETAIL}
# What each role lets a persona do, for people who choose one; the whole of it is in docs/log-in.md.
ROLE_IN_WORDS: Final[Mapping[str, str]] = {
    "trader": "sends, changes and cancels orders",
    "desk-head": "trades, stops trading, lets denied orders pass",
    "risk": "sets limits, stops trading and lets it go on, cancels; sends no orders",
    "admin": "trades, and changes what is everybody's",
    "read-only": "looks on, changes nothing",
}
T = TypeVar("T")
Answer = tuple[int, dict[str, object]]
log = structlog.get_logger()


def in_words(persona: str) -> str:
    """Say what a persona may do, and for which accounts. Raises KeyError for a name that is none."""
    accounts, roles = PERSONAS[persona]
    of = [group for group, named in _GROUPS.items() if set(named) <= set(accounts)]
    whose = "every account" if "*" in accounts else f"{len(accounts)} accounts of {' and '.join(of)}"
    return f"{'; '.join([ROLE_IN_WORDS[role] for role in roles])} – {whose}"


def load_key(data_dir: Path) -> ECKey:
    """Return the issuer's key pair, made in `data_dir` if it is not there yet."""
    path = data_dir / KEY_FILE
    data_dir.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        key = ECKey.generate_key("P-256", {"use": "sig", "alg": ALGORITHM}, private=True, auto_kid=True)
        partial = path.with_suffix(f".{os.getpid()}.partial")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(key.as_dict(private=True), file)
        try:
            # A link, unlike a rename, leaves the key of whoever was first.
            os.link(partial, path)
        except FileExistsError:
            log.info("dev_issuer_key_found", path=str(path))
        finally:
            partial.unlink()
    return ECKey.import_key(json.loads(path.read_text()))


def issue_token(data_dir: Path, user: str, issuer: str, lifetime_s: int = LIFETIME_S) -> str:
    """Sign an access token for a persona. Raises KeyError for a name that is none."""
    return _signed(load_key(data_dir), issuer, user, lifetime_s, int(time.time()), _access_claims(user))


def _access_claims(user: str) -> dict[str, object]:
    accounts, roles = PERSONAS[user]
    return {
        "aud": AUDIENCE,
        "oms_accounts": list(accounts),
        "oms_firm": FIRM,
        "realm_access": {"roles": list(roles)},
    }


def _signed(key: ECKey, issuer: str, user: str, lifetime_s: int, now: int, more: dict[str, object]) -> str:
    claims = {"iss": issuer, "sub": user, "preferred_username": user, "iat": now, "nbf": now}
    return jwt.encode({"alg": ALGORITHM, "kid": key.kid}, claims | {"exp": now + lifetime_s} | more, key)


def loopback_address(text: str) -> SplitResult | None:
    """Return an address of this machine, as RFC 8252, section 7.3 has it; None for every other."""
    try:
        parts = urlsplit(text)
        named = parts.hostname in _LOOPBACK and parts.port != 0 and parts.username is None
    except ValueError:
        return None
    return parts if named and parts.scheme == "http" and not parts.fragment else None


def error_answer(code: str, description: str) -> Answer:
    """Return a refusal (RFC 6749, section 5.2)."""
    return 400, {"error": code, "error_description": description}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Code:
    user: str
    client_id: str
    redirect_uri: str
    challenge: str
    nonce: str
    expires: float


@dataclass(slots=True, kw_only=True)
class _Device:
    """user: the persona that somebody has picked for it, empty until then."""

    user_code: str
    client_id: str
    expires: float
    user: str = ""


class Grants:
    """The issuer's grants. now: seconds since 1970."""

    def __init__(self, data_dir: Path, issuer: str, now: Callable[[], float] = time.time) -> None:
        self._key = load_key(data_dir)
        self._issuer = issuer
        self._now = now
        self._lock = threading.Lock()
        self._codes: dict[str, _Code] = {}
        self._devices: dict[str, _Device] = {}
        self._ended: dict[str, float] = {}

    @property
    def public_key(self) -> dict[str, Any]:
        """The key that tokens are verified with."""
        return self._key.as_dict(private=False)

    # ---- authorization code (RFC 6749, section 4.1), with PKCE for everybody

    def authorization_problem(self, asked: Mapping[str, str]) -> str | None:
        """Return the error code of an authorization request, None for a good one."""
        if asked.get("response_type") != "code":
            return "unsupported_response_type"
        challenge = asked.get("code_challenge", "")
        if asked.get("code_challenge_method") != "S256" or len(challenge) != _CHALLENGE_LENGTH:
            return "invalid_request"
        # There is no session at this issuer that a page could go on with unseen.
        return "login_required" if asked.get("prompt") == "none" else None

    def authorize(self, asked: Mapping[str, str], user: str) -> str:
        """Return where to send a person who has picked a persona for a good request."""
        code = secrets.token_urlsafe(24)
        made = _Code(
            user=user,
            client_id=asked.get("client_id", ""),
            redirect_uri=asked.get("redirect_uri", ""),
            challenge=asked.get("code_challenge", ""),
            nonce=asked.get("nonce", ""),
            expires=self._now() + CODE_S,
        )
        with self._lock:
            _remember(self._codes, code, made)
        return self.redirect(asked, code=code)

    def redirect(self, asked: Mapping[str, str], **answer: str) -> str:
        """Return the address that carries an answer back (RFC 9207 for the issuer in it)."""
        fields = answer | {"iss": self._issuer} | ({"state": asked["state"]} if asked.get("state") else {})
        address = asked.get("redirect_uri", "")
        return f"{address}{'&' if '?' in address else '?'}{urlencode(fields)}"

    # ---- device code (RFC 8628)

    def start_device(self, form: Mapping[str, str]) -> Answer:
        """Answer a device authorization request."""
        letters = "".join(secrets.choice(_USER_CODE_LETTERS) for _ in range(8))
        user_code, device_code = f"{letters[:4]}-{letters[4:]}", secrets.token_urlsafe(24)
        made = _Device(
            user_code=user_code, client_id=form.get("client_id", ""), expires=self._now() + DEVICE_S
        )
        with self._lock:
            _remember(self._devices, device_code, made)
        page = f"{self._issuer}/device"
        return 200, {
            "device_code": device_code,
            "user_code": user_code,
            "verification_uri": page,
            "verification_uri_complete": f"{page}?{urlencode({'user_code': user_code})}",
            "expires_in": DEVICE_S,
            "interval": DEVICE_INTERVAL_S,
        }

    def approve_device(self, user_code: str, user: str) -> bool:
        """Let the device that shows a code act as a persona. Returns whether there is such a device."""
        wanted = user_code.strip().upper()
        with self._lock:
            for device in self._devices.values():
                if device.user_code == wanted and not device.user and device.expires > self._now():
                    device.user = user
                    return True
        return False

    # ---- tokens (RFC 6749, sections 4.1.3, 4.3, 4.4, 5 and 6)

    def answer_token(self, form: Mapping[str, str]) -> Answer:
        """Answer a token request. Returns the status and the body."""
        match form.get("grant_type"):
            case "password" | "client_credentials":
                user = form.get("username") or form.get("client_id") or ""
                if user not in PERSONAS:
                    return error_answer(
                        "invalid_grant", f"expected one of {', '.join(PERSONAS)}, was {user[:40]}"
                    )
                return 200, self._access(user)
            case "authorization_code":
                return self._redeem_code(form)
            case "refresh_token":
                return self._refresh(form)
            case grant if grant == DEVICE_GRANT:
                return self._poll_device(form)
            case grant:
                shown = str(grant)[:80]
                return error_answer(
                    "unsupported_grant_type", f"expected one of {', '.join(GRANTS)}, was {shown}"
                )

    def _redeem_code(self, form: Mapping[str, str]) -> Answer:
        with self._lock:
            code = self._codes.pop(form.get("code", ""), None)
        if code is None or code.expires <= self._now():
            return error_answer("invalid_grant", "expected a code that was given a moment ago and not used")
        if (code.client_id, code.redirect_uri) != (form.get("client_id"), form.get("redirect_uri")):
            return error_answer(
                "invalid_grant", "the code was given to another client or for another address"
            )
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        proven = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if not hmac.compare_digest(proven, code.challenge.encode("ascii", "replace").decode()):
            return error_answer("invalid_grant", "the code's verifier is wrong")
        return 200, self._session(code.user, code.client_id, secrets.token_urlsafe(12), code.nonce)

    def _poll_device(self, form: Mapping[str, str]) -> Answer:
        name = form.get("device_code", "")
        with self._lock:
            device = self._devices.get(name)
            if device is None or device.client_id != form.get("client_id", ""):
                return error_answer("invalid_grant", "no such device code")
            if device.expires <= self._now():
                return error_answer("expired_token", "the device code has expired")
            if not device.user:
                return error_answer("authorization_pending", "nobody has picked a persona for it yet")
            del self._devices[name]
        return 200, self._session(device.user, device.client_id, secrets.token_urlsafe(12))

    def _refresh(self, form: Mapping[str, str]) -> Answer:
        claims = self._own_claims(form.get("refresh_token", ""))
        if claims is None or claims.get("typ") != _REFRESH or claims.get("azp") != form.get("client_id"):
            return error_answer("invalid_grant", "expected a refresh token of this issuer and this client")
        if claims["sid"] in self._ended or claims["exp"] <= self._now() or claims["sub"] not in PERSONAS:
            return error_answer("invalid_grant", "the log-in has ended")
        return 200, self._session(claims["sub"], claims["azp"], claims["sid"])

    def end(self, token: str) -> None:
        """End the log-in of a refresh or ID token (RFC 7009; OpenID Connect RP-Initiated Logout 1.0)."""
        claims = self._own_claims(token)
        if claims is not None and isinstance(claims.get("sid"), str):
            with self._lock:
                _remember(self._ended, claims["sid"], self._now())

    def _own_claims(self, token: str) -> dict[str, Any] | None:
        try:
            claims = jwt.decode(token, self._key, algorithms=[ALGORITHM]).claims
        except (JoseError, ValueError, binascii.Error):
            return None
        return claims if claims.get("iss") == self._issuer else None

    def _access(self, user: str) -> dict[str, object]:
        token = self._sign(user, LIFETIME_S, _access_claims(user))
        return {"access_token": token, "token_type": "Bearer", "expires_in": LIFETIME_S}

    def _session(self, user: str, client_id: str, sid: str, nonce: str = "") -> dict[str, object]:
        refresh: dict[str, object] = {"aud": self._issuer, "azp": client_id, "sid": sid, "typ": _REFRESH}
        identity: dict[str, object] = {"aud": client_id, "sid": sid, "typ": "ID", "oms_firm": FIRM}
        if nonce:
            identity["nonce"] = nonce
        return self._access(user) | {
            "refresh_token": self._sign(user, SESSION_S, refresh),
            "id_token": self._sign(user, LIFETIME_S, identity),
            "scope": "openid",
        }

    def _sign(self, user: str, lifetime_s: int, claims: dict[str, object]) -> str:
        return _signed(self._key, self._issuer, user, lifetime_s, int(self._now()), claims)


def _remember(kept: dict[str, T], name: str, value: T) -> None:
    """Keep a value, and of all the newest only."""
    while len(kept) >= REMEMBERED_MAX:
        del kept[next(iter(kept))]
    kept[name] = value
