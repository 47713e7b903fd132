"""Keys are fetched when they are needed, and not more often than that."""

import asyncio
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from oms_api.adapters import oidc
from oms_api.adapters.oidc import OidcAuthenticator
from oms_api.domain.principal import Principal, Right
from oms_api.ports import UnavailableError

ISSUER = "http://issuer"


class Issuer:
    """Serves discovery and whatever keys it has, and counts how often the keys are fetched."""

    def __init__(self) -> None:
        self.keys = [new_key()]
        self.fetched = 0
        self.name = ISSUER

    async def get_json(self, _session: object, url: str) -> dict[str, Any]:
        if url.endswith("/.well-known/openid-configuration"):
            return {"issuer": self.name, "jwks_uri": f"{ISSUER}/jwks"}
        self.fetched += 1
        return {"keys": [key.as_dict(private=False) for key in self.keys]}


class Time:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def new_key() -> ECKey:
    return ECKey.generate_key("P-256", auto_kid=True)


def token(key: ECKey, **changes: Any) -> str:
    claims = {
        "iss": ISSUER,
        "aud": "oms-api",
        "sub": "s",
        "exp": 2_000,
        "oms_accounts": ["A", 7],
        "realm_access": {"roles": ["trader", None]},
    }
    return jwt.encode({"alg": "ES256", "kid": key.kid}, claims | changes, key)


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Issuer:
    made = Issuer()
    monkeypatch.setattr(oidc, "_get_json", made.get_json)
    return made


async def started(clock: Time) -> OidcAuthenticator:
    made = OidcAuthenticator(ISSUER, "oms-api", now=clock, monotonic=clock)
    running = asyncio.create_task(made.run())
    await asyncio.sleep(0)
    for _ in range(100):
        await asyncio.sleep(0.001)
        if made.problem() is None:
            break
    running.cancel()
    return made


def test_a_good_token_gives_its_caller_and_is_remembered_until_it_expires(issuer: Issuer) -> None:
    async def scenario() -> None:
        clock = Time()
        authenticator = await started(clock)
        text = token(issuer.keys[0])
        caller = await authenticator.authenticate(text)
        assert caller == Principal(
            subject="s", rights=frozenset((Right.READ, Right.TRADE)), accounts=frozenset(("A",))
        )
        assert authenticator.cached(text) is caller
        clock.now_s = 2_000.0
        assert authenticator.cached(text) is None
        assert await authenticator.authenticate(text) == "the token has expired"

    asyncio.run(scenario())


def test_a_new_key_is_fetched_when_a_token_names_it_but_not_more_than_once_in_ten_seconds(
    issuer: Issuer,
) -> None:
    async def scenario() -> None:
        clock = Time()
        authenticator = await started(clock)
        assert issuer.fetched == 1
        issuer.keys.append(new_key())
        text = token(issuer.keys[1])
        assert isinstance(await authenticator.authenticate(text), str)
        assert issuer.fetched == 1
        clock.now_s += 10
        found = await asyncio.gather(*(authenticator.authenticate(text) for _ in range(5)))
        assert all(isinstance(caller, Principal) for caller in found)
        assert issuer.fetched == 2
        unknown = token(new_key())
        for _ in range(5):
            assert isinstance(await authenticator.authenticate(unknown), str)
        assert issuer.fetched == 2

    asyncio.run(scenario())


def test_the_documents_of_another_issuer_are_not_taken(issuer: Issuer) -> None:
    async def scenario() -> None:
        issuer.name = "http://other"
        authenticator = await started(Time())
        assert authenticator.problem() is not None
        with pytest.raises(UnavailableError):
            await authenticator.authenticate(token(issuer.keys[0]))

    asyncio.run(scenario())


def test_what_is_remembered_is_bounded(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oidc, "CACHED_TOKENS_MAX", 3)

    async def scenario() -> None:
        authenticator = await started(Time())
        tokens = [token(issuer.keys[0], sub=f"s{number}") for number in range(5)]
        for text in tokens:
            await authenticator.authenticate(text)
        assert [authenticator.cached(text) is not None for text in tokens] == [False, False, True, True, True]

    asyncio.run(scenario())
