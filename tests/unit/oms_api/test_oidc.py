"""Keys are fetched when they are needed, and not more often than that."""

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc import jwt
from joserfc.jwk import ECKey

from oms_api.adapters import oidc
from oms_api.adapters.oidc import ACCOUNT_CLAIMS, OidcAuthenticator, role_claims
from oms_api.domain.principal import RIGHTS_OF_ROLE, Principal, Right
from oms_api.ports import UnavailableError

ISSUER = "http://issuer"


class Issuer:
    """Serves discovery and whatever keys it has, and counts how often the keys are fetched."""

    def __init__(self) -> None:
        self.keys = [new_key()]
        self.fetched = 0
        self.document: dict[str, Any] | None = None
        self.name = ISSUER

    async def get_json(self, _session: object, url: str) -> dict[str, Any]:
        if url.endswith("/.well-known/openid-configuration"):
            return {"issuer": self.name, "jwks_uri": f"{ISSUER}/jwks"}
        self.fetched += 1
        if self.document is not None:
            return self.document
        return {"keys": [key.as_dict(private=False) for key in self.keys]}


class Time:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def new_key() -> ECKey:
    return ECKey.generate_key("P-256", auto_kid=True)


def token(key: ECKey, header: dict[str, Any] | None = None, **changes: Any) -> str:
    claims = {
        "iss": ISSUER,
        "aud": "oms-api",
        "sub": "s",
        "exp": 2_000,
        "oms_accounts": ["A", 7],
        "realm_access": {"roles": ["trader", None]},
    }
    content = {name: value for name, value in (claims | changes).items() if value is not ...}
    return jwt.encode({"alg": "ES256", "kid": key.kid} | (header or {}), content, key, default_type=None)


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Issuer:
    made = Issuer()
    monkeypatch.setattr(oidc, "_get_json", made.get_json)
    return made


async def started(clock: Time, internal_url: str = "") -> OidcAuthenticator:
    made = OidcAuthenticator(ISSUER, "oms-api", internal_url=internal_url, now=clock, monotonic=clock)
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
            subject="s",
            rights=frozenset((Right.READ, Right.TRADE, Right.CANCEL)),
            accounts=frozenset(("A",)),
            expires_at=datetime.fromtimestamp(2_000, UTC),
        )
        assert authenticator.cached(text) is caller
        clock.now_s = 2_000.0
        assert authenticator.cached(text) is None
        assert await authenticator.authenticate(text) == "the token has expired"

    asyncio.run(scenario())


def test_a_new_key_is_fetched_when_a_token_names_it_but_not_more_than_once_a_second(
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
        clock.now_s += 1
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


@pytest.mark.parametrize(
    ("claims", "rights"),
    [
        ({"roles": ["desk-head"]}, "cancel override read stop trade"),
        ({"roles": "risk"}, "audit cancel flatten limits override read release stop"),
        ({"roles": "read-only, nothing-known"}, "read"),
        ({"roles": "read-only risk"}, "audit cancel flatten limits override read release stop"),
        (
            {"realm_access": {"roles": "admin"}},
            "admin audit cancel chaos flatten limits read release stop trade",
        ),
        ({"resource_access": {"oms-api": {"roles": ["trader"]}}}, "cancel read trade"),
        (
            {"roles": ["viewer"], "resource_access": {"oms-api": {"roles": ["risk"]}}},
            "audit cancel flatten limits override read release stop",
        ),
        # Roles at another audience, and what is neither list nor text.
        ({"resource_access": {"other": {"roles": ["admin"]}}}, ""),
        ({"resource_access": ["oms-api"], "realm_access": 7, "roles": {"admin": True}}, ""),
        ({"roles": [["admin"], {"admin": 1}, 1, None]}, ""),
        ({"roles": "Admin ADMIN administrator adminread-only"}, ""),
        ({"roles": ["admin trader"]}, ""),
        ({}, ""),
    ],
)
def test_roles_are_read_where_issuers_put_them_and_an_unknown_word_gives_nothing(
    issuer: Issuer, claims: dict[str, Any], rights: str
) -> None:
    found = caller_of(issuer, **({"realm_access": ...} | claims))
    assert " ".join(sorted(right.value for right in found.rights)) == rights


@pytest.mark.parametrize(
    ("claims", "accounts"),
    [
        ({"accounts": ["A", "B", 7, None, "C\n"]}, {"A", "B"}),
        ({"accounts": "A,B  C"}, {"A", "B", "C"}),
        ({"oms_accounts": "*"}, {"*"}),
        # A token that has the first claim is not widened by the second.
        ({"oms_accounts": ["A"], "accounts": "*"}, {"A"}),
        ({"oms_accounts": [], "accounts": "*"}, set()),
        ({"oms_accounts": {"A": 1}}, set()),
        ({"accounts": True}, set()),
        ({}, set()),
    ],
)
def test_accounts_are_a_list_or_a_text_and_anything_else_is_none(
    issuer: Issuer, claims: dict[str, Any], accounts: set[str]
) -> None:
    assert caller_of(issuer, **({"oms_accounts": ...} | claims)).accounts == accounts


def test_the_page_about_log_in_has_each_role_and_its_rights() -> None:
    page = (Path(__file__).parents[3] / "docs" / "log-in.md").read_text()
    rows = dict(re.findall(r"^\| `([a-z-]+)` \|[^|]*\| ([a-z, ]+) \|$", page, re.MULTILINE))
    assert rows == {
        role: ", ".join(right.value for right in Right if right in rights)
        for role, rights in RIGHTS_OF_ROLE.items()
    }
    for place in role_claims("AUDIENCE"):
        assert f"`{'.'.join(place)}`" in page
    for claim in ACCOUNT_CLAIMS:
        assert f"`{claim}`" in page


def test_documents_are_read_inside_and_name_the_issuer_that_tokens_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    issuer, asked = Issuer(), []

    async def get_json(session: object, url: str) -> dict[str, Any]:
        asked.append(url)
        return await issuer.get_json(session, url)

    monkeypatch.setattr(oidc, "_get_json", get_json)

    async def scenario() -> None:
        clock = Time()
        authenticator = await started(clock, internal_url="http://inside:8080/realms/oms/")
        assert asked[0] == "http://inside:8080/realms/oms/.well-known/openid-configuration"
        assert isinstance(await authenticator.authenticate(token(issuer.keys[0])), Principal)
        issuer.name = "http://inside:8080/realms/oms"
        assert (await started(clock, internal_url=issuer.name)).problem() is not None

    asyncio.run(scenario())


def caller_of(issuer: Issuer, **claims: Any) -> Principal:
    """Return whom a fresh gateway takes the bearer of a token for."""

    async def scenario() -> Principal:
        found = await (await started(Time())).authenticate(token(issuer.keys[0], **claims))
        assert isinstance(found, Principal)
        return found

    return asyncio.run(scenario())


def refusal_of(issuer: Issuer, text: str) -> str:
    """Return why a fresh gateway refuses a token; empty when it does not."""

    async def scenario() -> str:
        found = await (await started(Time())).authenticate(text)
        return found if isinstance(found, str) else ""

    return asyncio.run(scenario())


@pytest.mark.parametrize("typ", [..., "JWT", "jwt", "at+jwt", "application/at+jwt"])
@pytest.mark.parametrize("claim", [..., "Bearer"])
def test_an_access_token_is_taken_whatever_way_it_says_so(issuer: Issuer, typ: Any, claim: Any) -> None:
    header = {} if typ is ... else {"typ": typ}
    assert refusal_of(issuer, token(issuer.keys[0], header, typ=claim)) == ""


@pytest.mark.parametrize(
    ("header", "claim"),
    [
        *(({}, claim) for claim in ("ID", "Refresh", "Logout", "Offline", "bearer", "", None, 7, ["Bearer"])),
        *(({"typ": typ}, ...) for typ in ("garbage", "logout+jwt", "dpop+jwt", "secevent+jwt", "")),
    ],
)
def test_a_token_of_another_type_is_refused(issuer: Issuer, header: dict[str, Any], claim: Any) -> None:
    assert refusal_of(issuer, token(issuer.keys[0], header, typ=claim)) == oidc.OTHER_TYPE


def signed(key: ECKey, payload: str, header: str = "") -> str:
    """Sign a payload that no encoder would write."""
    head = header or json.dumps({"alg": "ES256", "kid": key.kid})
    parts = [base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in (head, payload)]
    signature = key.get_op_key("sign").sign(".".join(parts).encode(), ec.ECDSA(hashes.SHA256()))
    numbers = b"".join(number.to_bytes(32, "big") for number in decode_dss_signature(signature))
    return ".".join((*parts, base64.urlsafe_b64encode(numbers).rstrip(b"=").decode()))


@pytest.mark.parametrize("name", ["exp", "nbf"])
@pytest.mark.parametrize(
    "value",
    [
        "Infinity",
        "-Infinity",
        "NaN",
        "1" * 400,
        "1e400",
        "253402300800",
        "-1",
        '"2000"',
        "null",
        "true",
        "[]",
        "{}",
    ],
)
def test_a_time_that_is_none_is_a_refusal_and_never_an_error(issuer: Issuer, name: str, value: str) -> None:
    claims = {"iss": ISSUER, "aud": "oms-api", "sub": "s", "exp": 2_000} | {name: "@"}
    text = signed(issuer.keys[0], json.dumps(claims).replace('"@"', value))
    assert refusal_of(issuer, text) == (oidc.EXPIRED if name == "exp" else oidc.NOT_YET)


def test_what_is_signed_here_is_taken(issuer: Issuer) -> None:
    claims = {"iss": ISSUER, "aud": "oms-api", "sub": "s", "exp": 2_000}
    assert refusal_of(issuer, signed(issuer.keys[0], json.dumps(claims))) == ""


def test_a_refusal_is_one_of_a_few_sentences_and_names_nothing_of_the_code(issuer: Issuer) -> None:
    good = token(issuer.keys[0])
    header, payload, signature = good.split(".")
    deep = base64.urlsafe_b64encode(b"[" * 5_000).rstrip(b"=").decode()
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    own = issuer.keys[0]
    hostile = [
        "", ".", "..", "...", "rubbish", "a.b.c", "é.ü.ß", "\0", f"{header}.{payload}",
        f"{header}.{payload}.",
        f"{none}.{payload}.", f"{deep}.{payload}.{signature}", f"{header}.{deep}.{signature}",
        f"{good}.{good}",
        signed(own, "[]"), signed(own, "7"), signed(own, "{"),
        signed(own, "[" * 4_000), signed(own, json.dumps({"exp": 1}), "[]"),
        signed(own, "{}", json.dumps({"alg": "ES256", "kid": [1]})),
        signed(own, "{}", json.dumps({"alg": ["ES256"], "kid": own.kid})),
        signed(own, "{}", json.dumps({"alg": "ES256", "kid": own.kid, "crit": ["x"]})),
        token(new_key()), token(own, exp=1), token(own, exp=...),
        token(own, nbf=1_999), token(own, iss="x"), token(own, iss=[]),
        token(own, aud="x"), token(own, aud={"oms-api": 1}), token(own, sub=""),
        token(own, sub=[]), "x" * 9_000, f"{header}.{payload}.{'A' * 86}",
    ]  # fmt: skip
    sentences = {
        oidc.UNREADABLE,
        oidc.OTHER_TYPE,
        oidc.UNKNOWN_KEY,
        oidc.WRONG_SIGNATURE,
        oidc.EXPIRED,
        oidc.NOT_YET,
        f"expected a token of issuer {ISSUER}",
        "expected a token for audience oms-api",
        "expected the token to name a subject",
        "expected a token of at most 8192 characters",
    }
    for text in hostile:
        assert refusal_of(issuer, text) in sentences, text[:80]
    assert refusal_of(issuer, f"{header}.{payload}.{'A' * 86}") == oidc.WRONG_SIGNATURE
    assert refusal_of(issuer, token(new_key())) == oidc.UNKNOWN_KEY


def test_whoever_was_verified_by_a_key_that_is_taken_back_is_out(issuer: Issuer) -> None:
    async def scenario() -> None:
        clock = Time()
        issuer.keys.append(new_key())
        authenticator = await started(clock)
        first, second = (token(key) for key in issuer.keys)
        for text in (first, second):
            assert isinstance(await authenticator.authenticate(text), Principal)
        del issuer.keys[0]
        clock.now_s += 1
        # Somebody names a key that nobody knows: the keys are fetched again.
        await authenticator.authenticate(token(new_key()))
        assert authenticator.cached(first) is None
        assert await authenticator.authenticate(first) == oidc.UNKNOWN_KEY
        assert isinstance(await authenticator.authenticate(second), Principal)
        assert authenticator.cached(second) is not None

    asyncio.run(scenario())


def test_a_key_that_goes_on_under_its_name_with_other_numbers_is_another_key(issuer: Issuer) -> None:
    async def scenario() -> None:
        clock = Time()
        authenticator = await started(clock)
        text = token(issuer.keys[0])
        assert isinstance(await authenticator.authenticate(text), Principal)
        issuer.keys = [ECKey.generate_key("P-256", {"kid": str(issuer.keys[0].kid)})]
        clock.now_s += 1
        await authenticator.authenticate(token(new_key()))
        assert authenticator.cached(text) is None
        assert await authenticator.authenticate(text) == oidc.WRONG_SIGNATURE

    asyncio.run(scenario())


def test_a_flood_of_unknown_keys_delays_a_new_one_by_a_second_at_most(issuer: Issuer) -> None:
    async def scenario() -> None:
        clock = Time()
        authenticator = await started(clock)
        fetched = issuer.fetched
        flood = [token(new_key()) for _ in range(20)]
        for tenth in range(100):
            clock.now_s += 0.1
            for text in flood:
                assert isinstance(await authenticator.authenticate(text), str)
            if tenth == 50:
                issuer.keys.append(new_key())
                rotated_at = clock.now_s
            if tenth >= 50 and isinstance(await authenticator.authenticate(token(issuer.keys[1])), Principal):
                break
        assert clock.now_s - rotated_at <= 1.1
        assert issuer.fetched - fetched <= 7

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"keys": None},
        {"keys": {}},
        {"keys": []},
        {"keys": [7]},
        {"keys": [{}]},
        {"keys": [{"kty": "EC"}]},
        {"keys": [{"kty": ["EC"]}]},
        {"keys": [new_key().as_dict(private=False) for _ in range(oidc.KEYS_MAX + 1)]},
    ],
)
def test_a_key_set_that_is_none_leaves_the_keys_as_they_are(issuer: Issuer, document: Any) -> None:
    async def scenario() -> None:
        clock = Time()
        authenticator = await started(clock)
        good = token(issuer.keys[0])
        issuer.document = document
        clock.now_s += 1
        assert await authenticator.authenticate(token(new_key())) == oidc.UNKNOWN_KEY
        assert isinstance(await authenticator.authenticate(good), Principal)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[" * 100_000, b"[]", b'"x"', b"\xff", b" " * (oidc.DOCUMENT_BYTES_MAX + 1) + b"{}"]
)
def test_a_document_that_is_no_object_or_too_long_is_not_read(body: bytes) -> None:
    class Answer:
        """An HTTP answer in pieces."""

        async def __aenter__(self) -> "Answer":
            return self

        async def __aexit__(self, *_error: object) -> None:
            return None

        def raise_for_status(self) -> None:
            return None

        @property
        def content(self) -> "Answer":
            return self

        async def iter_any(self) -> AsyncIterator[bytes]:
            for start in range(0, len(body), 65_536):
                yield body[start : start + 65_536]

    class Session:
        """Answers whatever is asked for."""

        def get(self, _url: str) -> Answer:
            return Answer()

    session: Any = Session()
    with pytest.raises(ValueError, match="expected"):
        asyncio.run(oidc._get_json(session, "http://issuer/jwks"))
