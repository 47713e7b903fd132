"""The gateway and `oms` with a real Keycloak: each way to log in, what a token gives, keys that change."""

import base64
import json
import threading
import time
import urllib.parse
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
import requests
from joserfc import jwt
from joserfc.jwk import RSAKey

from oms_api.adapters.oidc import REFETCH_S_MIN
from oms_api.domain.principal import RIGHTS_OF_ROLE
from oms_tools.cli import log_in
from oms_tools.cli.client import ApiError
from oms_tools.laptop.dev_grants import PERSONAS
from oms_tools.laptop.parts import memory_kafka_part, postgres_dsn
from tests.conftest import running
from tests.integration.api_rig import Gateway, Reply, gateway, wait_for
from tests.keycloak import ASK_S_MAX, CLIENT_SECRET, PAGE_ORIGIN, Keycloak, Person, keycloak
from tests.ports import free_port

BACK = "http://localhost:4711/"
RIGHTS_OF_RISK = sorted(right.value for right in RIGHTS_OF_ROLE["risk"])
# The first time, Maven brings the distribution: 160 MB.
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keycloak]:
    with keycloak(tmp_path_factory.mktemp("keycloak")) as made:
        yield made


@pytest.fixture(scope="module")
def api(
    tmp_path_factory: pytest.TempPathFactory, postgres_port: int, redis_port: int, issuer: Keycloak
) -> Iterator[Gateway]:
    """A gateway that takes Keycloak's tokens."""
    folder, port, name = tmp_path_factory.mktemp("api"), free_port(), f"api_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres_dsn(postgres_port, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template_oms STRATEGY file_copy")
        settings = {"OMS_API_OIDC_ISSUER": issuer.issuer, "OMS_API_PAGE_CLIENT_ID": "oms-web"}
        dsn, kafka = postgres_dsn(postgres_port, name), f"127.0.0.1:{port}"
        with (
            running(memory_kafka_part(port), folder / "kafka.log"),
            gateway(folder, dsn, kafka, redis_port, **settings) as made,
        ):
            yield made
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(autouse=True)
def _environment(
    api: Gateway, issuer: Keycloak, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> pytest.MonkeyPatch:
    """`oms` of a user who has a folder of their own."""
    for name in ("OMS_TOKEN", "OMS_CLIENT_ID", "OMS_CLIENT_SECRET", "OMS_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setenv("OMS_URL", f"http://127.0.0.1:{api.http_port}")
    monkeypatch.setenv("OMS_ISSUER", issuer.issuer)
    return monkeypatch


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def me(api: Gateway, token: str) -> Any:
    """Return what the gateway says of a token's bearer."""
    reply = api.call("GET", "/api/v1/me", user=None, **bearer(token))
    return reply.json if reply.status == 200 else reply.status


def place(api: Gateway, token: str, **changes: Any) -> Reply:
    return api.place(user=None, headers=bearer(token), **changes)


def age(issuer: Keycloak) -> None:
    """Let the access token that is kept be at its end."""
    with log_in._changed_log_ins() as log_ins:
        log_ins[issuer.issuer] = msgspec.structs.replace(log_ins[issuer.issuer], expires_at=0.0)


def test_a_person_logs_in_by_browser_goes_on_by_refresh_and_is_gone_after_the_log_out(
    api: Gateway, issuer: Keycloak, _environment: pytest.MonkeyPatch
) -> None:
    def browse(address: str) -> bool:
        threading.Thread(target=Person("trader1").go, args=(address,), daemon=True).start()
        return True

    _environment.setattr("webbrowser.open", browse)
    _environment.setattr(log_in, "LOG_IN_S_MAX", 30.0)
    log_in.log_in(issuer.issuer, "oms-cli", lambda _line: None, browser=True)
    first = log_in.logged_in_token(issuer.issuer)
    assert place(api, first).status == 201
    held = log_in.read_log_ins()[issuer.issuer]
    # What says who somebody is, or goes on with a log-in, opens no door.
    assert me(api, held.id_token) == me(api, held.refresh_token) == 401
    age(issuer)
    again = log_in.logged_in_token(issuer.issuer)
    assert again != first and me(api, again)["subject"] == me(api, first)["subject"]
    held = log_in.read_log_ins()[issuer.issuer]
    assert log_in.forget(issuer.issuer)
    answer = issuer.grant(grant_type="refresh_token", client_id="oms-cli", refresh_token=held.refresh_token)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_a_person_logs_in_by_device_code(api: Gateway, issuer: Keycloak) -> None:
    def show(line: str) -> None:
        if line.startswith("Open "):
            Person("desk").go(line.removeprefix("Open "))

    log_in.log_in(issuer.issuer, "oms-cli", show)
    found = me(api, log_in.logged_in_token(issuer.issuer))
    assert (found["rights"], found["accounts"]) == (["cancel", "override", "read", "stop", "trade"], ["*"])


def asked(**changes: str) -> dict[str, str]:
    """Return the page's request of a code, with its proof."""
    from authlib.oauth2.rfc7636 import create_s256_code_challenge

    return {
        "response_type": "code",
        "client_id": "oms-web",
        "redirect_uri": BACK,
        "scope": "openid",
        "state": "s",
        "nonce": "n",
        "code_challenge": create_s256_code_challenge("v" * 64),
        "code_challenge_method": "S256",
    } | changes


def returned(person: Person, issuer: Keycloak, request: dict[str, str]) -> dict[str, str]:
    """Return what Keycloak sends back to the page."""
    address = person.go(f"{issuer.endpoint('auth')}?{urllib.parse.urlencode(request)}", until=BACK)
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query))


def test_the_page_logs_in_with_a_proof_from_its_own_origin_and_signs_out(
    api: Gateway, issuer: Keycloak
) -> None:
    assert api.call("GET", "/page-settings.json", user=None).json == {
        "issuer": issuer.issuer,
        "clientId": "oms-web",
        "scope": "openid",
    }
    person = Person("risk1")
    code = returned(person, issuer, asked())["code"]
    form = {"grant_type": "authorization_code", "client_id": "oms-web", "redirect_uri": BACK, "code": code}
    form["code_verifier"] = "v" * 64
    answer = requests.post(
        issuer.endpoint("token"), data=form, headers={"Origin": PAGE_ORIGIN}, timeout=ASK_S_MAX
    )
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE_ORIGIN
    tokens = answer.json()
    assert me(api, tokens["access_token"])["rights"] == RIGHTS_OF_RISK
    assert issuer.grant(**form).json()["error"] == "invalid_grant"
    out = {"id_token_hint": tokens["id_token"], "client_id": "oms-web", "post_logout_redirect_uri": BACK}
    assert person.go(f"{issuer.endpoint('logout')}?{urllib.parse.urlencode(out)}", until=BACK) == BACK
    refresh = {
        "grant_type": "refresh_token",
        "client_id": "oms-web",
        "refresh_token": tokens["refresh_token"],
    }
    assert issuer.grant(**refresh).json()["error"] == "invalid_grant"


def test_a_page_elsewhere_and_a_code_without_its_proof_get_nothing(issuer: Keycloak) -> None:
    for changes in (
        {"redirect_uri": "http://evil.example/"},
        {"redirect_uri": "http://localhost.evil.example/"},
    ):
        query = urllib.parse.urlencode(asked(**changes))
        answer = requests.get(f"{issuer.endpoint('auth')}?{query}", allow_redirects=False, timeout=ASK_S_MAX)
        assert answer.status_code == 400
    assert returned(Person("trader1"), issuer, asked(code_challenge="", code_challenge_method=""))["error"]
    code = returned(Person("trader1"), issuer, asked())["code"]
    form = {"grant_type": "authorization_code", "client_id": "oms-web", "redirect_uri": BACK, "code": code}
    answer = requests.post(
        issuer.endpoint("token"), data=form | {"code_verifier": "w" * 64},
        headers={"Origin": "http://evil.example"}, timeout=ASK_S_MAX,
    )  # fmt: skip
    assert answer.json()["error"] == "invalid_grant" and "Access-Control-Allow-Origin" not in answer.headers
    with pytest.raises(PermissionError):
        Person("trader1", "a guess").go(
            f"{issuer.endpoint('auth')}?{urllib.parse.urlencode(asked())}", until=BACK
        )


@pytest.mark.parametrize("user", PERSONAS)
def test_each_persona_has_the_rights_and_accounts_of_its_claims(
    api: Gateway, issuer: Keycloak, user: str
) -> None:
    accounts, (role,) = PERSONAS[user]
    found = me(api, issuer.persona(user))
    assert found["rights"] == sorted(right.value for right in RIGHTS_OF_ROLE[role])
    assert found["accounts"] == sorted(accounts)


def test_a_role_of_the_client_counts_beside_those_of_the_realm(api: Gateway, issuer: Keycloak) -> None:
    user = issuer.admin("GET", "/users?username=viewer1&exact=true")[0]["id"]
    client = issuer.client("oms-api")["id"]
    for name in ("risk", "a-word-of-somebody-else"):
        issuer.admin("POST", f"/clients/{client}/roles", {"name": name})
        role = issuer.admin("GET", f"/clients/{client}/roles/{name}")
        issuer.admin("POST", f"/users/{user}/role-mappings/clients/{client}", [role])
    assert me(api, issuer.persona("viewer1"))["rights"] == RIGHTS_OF_RISK
    issuer.admin("DELETE", f"/clients/{client}/roles/risk")
    assert me(api, issuer.persona("viewer1"))["rights"] == ["read"]


def test_a_program_gets_a_token_by_its_secret_and_trades_on_its_own_accounts(
    api: Gateway, _environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _environment.setenv("OMS_CLIENT_ID", "oms-program")
    _environment.setenv("OMS_CLIENT_SECRET", CLIENT_SECRET)
    _environment.setattr(log_in, "_persona_was_given", lambda: False)
    source = log_in.token_source(tmp_path, "trader1")
    token = source()
    assert source() == token
    assert place(api, token).status == 201
    assert (
        place(api, token, accountId="ACC-RET-001").status
        == place(api, token, accountId="ACC-NONE").status
        != 201
    )
    _environment.setenv("OMS_CLIENT_SECRET", "a guess")
    with pytest.raises(ApiError, match="Invalid client"):
        log_in.token_source(tmp_path, "trader1")()


def test_a_token_that_has_expired_or_is_for_somebody_else_is_refused(api: Gateway, issuer: Keycloak) -> None:
    assert me(api, issuer.persona("trader1", client_id="admin-cli")) == 401
    client = issuer.client("oms-api")
    try:
        # Long enough to be used once on a machine that does much else.
        issuer.admin("PUT", f"/clients/{client['id']}", {"attributes": {"access.token.lifespan": "15"}})
        short = issuer.persona("trader1")
        assert me(api, short)["rights"] == ["cancel", "read", "trade"]
    finally:
        issuer.admin("PUT", f"/clients/{client['id']}", {"attributes": {"access.token.lifespan": ""}})
    wait_for(lambda: me(api, short) == 401, "the end of a token")
    assert api.place(user=None, headers=bearer(short)).json["error"]["message"] == "the token has expired"


def header(token: str) -> Any:
    part = token.split(".")[0]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


class Flow:
    """Places orders one after another, each with `token`. refused: when, and with what."""

    def __init__(self, api: Gateway, token: str) -> None:
        self.token = token
        self.placed = 0
        self.refused: list[tuple[float, int]] = []
        self._api = api
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.is_set():
            status = place(self._api, self.token).status
            if status == 201:
                self.placed += 1
            else:
                self.refused.append((time.monotonic(), status))

    def more(self, count: int = 20) -> None:
        """Wait until so many more orders were taken."""
        wanted = self.placed + count
        wait_for(lambda: self.placed >= wanted, f"{wanted} orders; refused: {self.refused}")

    def end(self) -> None:
        self._ended.set()
        self._thread.join(20)


def test_keys_change_while_orders_flow_and_a_key_that_is_taken_back_opens_no_door(
    api: Gateway, issuer: Keycloak
) -> None:
    old_component, old = issuer.signing_component(), issuer.persona("trader1")
    with_old, with_new = Flow(api, old), Flow(api, old)
    try:
        with_new.more()
        kid = issuer.new_key(priority=200)
        new = issuer.persona("trader1")
        assert header(new)["kid"] == kid != header(old)["kid"]
        rotated = time.monotonic()
        with_new.token = new
        with_new.more()
        with_old.more()
        # Not one is refused later than a key may be new to a gateway that has just asked for others.
        assert [at for at, _ in with_new.refused if at > rotated + REFETCH_S_MIN] == []
        assert with_old.refused == []
        with_old.end()
        issuer.admin("DELETE", f"/components/{old_component}")

        def taken_back() -> bool:
            # A name that nobody knows has the gateway ask for the keys ahead of its minute.
            me(api, jwt.encode({"alg": "RS256", "kid": uuid.uuid4().hex}, {"sub": "x"}, stranger))
            return me(api, old) == 401

        stranger = RSAKey.generate_key(2048)
        wait_for(taken_back, "the refusal of the key that was taken back", 15.0)
        with_new.more()
        assert [at for at, _ in with_new.refused if at > rotated + REFETCH_S_MIN] == []
        assert place(api, old).status == 401
    finally:
        with_old.end()
        with_new.end()
