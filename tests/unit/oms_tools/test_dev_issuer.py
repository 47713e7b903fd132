"""The laptop's issuer: personas only, this machine only, a private key, codes that are good once."""

import base64
import hashlib
import http.client
import json
import re
import stat
import threading
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from oms_tools.laptop.dev_grants import (
    CODE_S,
    DEVICE_GRANT,
    DEVICE_S,
    KEY_FILE,
    PERSONAS,
    REMEMBERED_MAX,
    ROLE_IN_WORDS,
    SESSION_S,
    Grants,
    in_words,
    issue_token,
    load_key,
    loopback_address,
)
from oms_tools.laptop.dev_issuer import DevIssuer, make_server

BACK = "http://127.0.0.1:4711/"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
ASKED = {
    "response_type": "code",
    "client_id": "oms-web",
    "redirect_uri": BACK,
    "state": "s <&> 1",
    "nonce": "n-1",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


class Client:
    """Asks the issuer as a program or a browser does. `now` moves its clock."""

    def __init__(self, server: DevIssuer) -> None:
        self.server = server
        self.issuer = server.issuer

    def ask(
        self, method: str, path: str, form: dict[str, str] | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.server_port, timeout=5)
        body = None if form is None else urllib.parse.urlencode(form)
        try:
            connection.request(
                method, path, body, {name.replace("_", "-"): text for name, text in headers.items()}
            )
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def json(self, path: str, form: dict[str, str] | None = None) -> tuple[int, Any]:
        status, _, content = self.ask("GET" if form is None else "POST", path, form)
        return status, json.loads(content)

    def claims(self, token: str) -> dict[str, Any]:
        keys = KeySet.import_key_set(self.json("/jwks")[1])
        return jwt.decode(token, keys, algorithms=["ES256"]).claims


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    server = make_server(tmp_path, 0)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield Client(server)
    server.shutdown()
    server.server_close()


def picked(client: Client, persona: str = "trader1", **changes: str) -> dict[str, str]:
    """Pick a persona as a browser does. Returns the answer in the address that it is sent back to."""
    page = client.ask("GET", f"/authorize?{urllib.parse.urlencode(ASKED | changes)}")
    assert page[0] == 200 and f'value="{persona}"' in page[2].decode()
    status, headers, _ = client.ask(
        "POST", "/authorize", ASKED | changes | {"persona": persona}, Origin=client.issuer
    )
    assert status == 303 and headers["Location"].startswith(BACK + "?")
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(headers["Location"]).query))


def redeemed(code: str) -> dict[str, str]:
    """Return the form that redeems a code."""
    return {
        "grant_type": "authorization_code",
        "code": code,
        "client_id": "oms-web",
        "redirect_uri": BACK,
        "code_verifier": VERIFIER,
    }


def test_the_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first = load_key(tmp_path / "issuer")
    assert load_key(tmp_path / "issuer").thumbprint() == first.thumbprint()
    path = tmp_path / "issuer" / KEY_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [found.name for found in path.parent.iterdir()] == [KEY_FILE]


def test_an_unknown_persona_gets_no_token(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        issue_token(tmp_path, "mallory", "http://issuer")


def test_the_issuer_does_not_listen_where_others_could_reach_it(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected a loopback address"):
        make_server(tmp_path, 0, "0.0.0.0")


def test_tokens_are_found_and_verified_by_discovery(client: Client) -> None:
    document = client.json("/.well-known/openid-configuration")[1]
    assert document["issuer"] == client.issuer
    assert urllib.parse.urlsplit(document["jwks_uri"]).path == "/jwks"
    assert "d" not in client.json("/jwks")[1]["keys"][0]
    for user, (accounts, roles) in PERSONAS.items():
        status, answer = client.json("/token", {"grant_type": "password", "username": user})
        claims = client.claims(answer["access_token"])
        assert (status, claims["sub"], claims["aud"]) == (200, user, "oms-api")
        assert (claims["oms_accounts"], claims["realm_access"]["roles"]) == (list(accounts), list(roles))
    assert client.json("/token", {"grant_type": "client_credentials", "client_id": "desk"})[0] == 200
    basic = base64.b64encode(b"desk:anything").decode()
    status, _, content = client.ask(
        "POST", "/token", {"grant_type": "client_credentials"}, Authorization=f"Basic {basic}"
    )
    assert (status, client.claims(json.loads(content)["access_token"])["sub"]) == (200, "desk")
    for form, error in (
        ({"grant_type": "password", "username": "mallory"}, "invalid_grant"),
        ({"grant_type": "code"}, "unsupported_grant_type"),
        ({"grant_type": "x" * 20_000}, "invalid_request"),
        ({}, "unsupported_grant_type"),
    ):
        status, answer = client.json("/token", form)
        assert (status, answer["error"]) == (400, error)
    assert client.json("/health/ready")[0] == 200
    assert client.json("/nope")[0] == client.json("/nope", {})[0] == 404


def test_a_parameter_that_comes_twice_is_refused(client: Client) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", client.server.server_port, timeout=5)
    connection.request("POST", "/token", "grant_type=password&username=viewer1&username=admin1")
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["error"]) == (400, "invalid_request")
    connection.close()


@pytest.mark.parametrize("path", ["/token", "/jwks", "/authorize", "/device", "/metrics"])
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example:{port}", "127.0.0.1:1", ""]
)
def test_a_name_that_leads_here_from_a_strangers_page_is_refused(
    client: Client, path: str, host: str
) -> None:
    named = host.format(port=client.server.server_port)
    form = {"grant_type": "password", "username": "admin1"}
    for method in ("GET", "POST"):
        status, _, content = client.ask(method, path, form if method == "POST" else None, Host=named)
        assert status == 403 and b"access_token" not in content


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://127.0.0.1.evil.example", "null", "file://"]
)
def test_a_strangers_page_gets_no_token_and_reads_no_answer(client: Client, origin: str) -> None:
    form = {"grant_type": "password", "username": "admin1"}
    status, headers, content = client.ask("POST", "/token", form, Origin=origin)
    assert status == 403 and b"access_token" not in content
    assert "Access-Control-Allow-Origin" not in headers
    page = "http://localhost:8080"
    status, headers, content = client.ask("POST", "/token", form, Origin=page)
    assert (status, headers["Access-Control-Allow-Origin"], headers["Vary"]) == (200, page, "Origin")


def test_a_code_brings_tokens_once_and_each_says_what_it_is(client: Client) -> None:
    answer = picked(client, "viewer1")
    assert (answer["state"], answer["iss"]) == (ASKED["state"], client.issuer)
    status, tokens = client.json("/token", redeemed(answer["code"]))
    assert status == 200
    identity = client.claims(tokens["id_token"])
    assert (identity["sub"], identity["aud"], identity["nonce"], identity["typ"]) == (
        "viewer1",
        "oms-web",
        "n-1",
        "ID",
    )
    assert client.claims(tokens["access_token"])["sub"] == "viewer1"
    assert client.claims(tokens["refresh_token"])["typ"] == "Refresh"
    assert client.json("/token", redeemed(answer["code"]))[1]["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "w" * 43},
        {"code_verifier": ""},
        {"code_verifier": "é"},
        {"client_id": "other"},
        {"redirect_uri": BACK + "x"},
        {"code": "guess"},
    ],
)
def test_a_code_is_of_no_use_to_who_did_not_ask_for_it(client: Client, changes: dict[str, str]) -> None:
    form = redeemed(picked(client)["code"]) | changes
    assert client.json("/token", form)[1]["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
    ],
)
def test_a_request_without_a_proof_is_sent_back_without_a_code(
    client: Client, changes: dict[str, str], error: str
) -> None:
    status, headers, _ = client.ask("POST", "/authorize", ASKED | changes | {"persona": "admin1"})
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(headers["Location"]).query))
    assert (status, query["error"], query["state"], "code" in query) == (303, error, ASKED["state"], False)


@pytest.mark.parametrize(
    "address",
    [
        "", "https://evil.example/", "http://evil.example/", "//evil.example", "http://127.0.0.1@evil.example/",
        "http://127.0.0.1.evil.example/", "javascript:alert(1)", "http://127.0.0.1:99999/", "http://[", "http://127.0.0.1/#x",
    ],
)  # fmt: skip
def test_no_code_and_no_sign_out_leads_to_another_machine(client: Client, address: str) -> None:
    assert loopback_address(address) is None
    for method in ("GET", "POST"):
        form = ASKED | {"redirect_uri": address, "persona": "admin1"}
        query = f"?{urllib.parse.urlencode(form)}" if method == "GET" else ""
        status, headers, _ = client.ask(method, f"/authorize{query}", form if method == "POST" else None)
        assert status == 400 and "Location" not in headers
    status, headers, _ = client.ask(
        "GET", f"/logout?{urllib.parse.urlencode({'post_logout_redirect_uri': address})}"
    )
    assert status == 200 and "Location" not in headers


def test_what_a_request_says_is_text_on_the_page_and_no_more(client: Client) -> None:
    harm = '"><script>alert(1)</script>'
    for path in (
        f"/authorize?{urllib.parse.urlencode(ASKED | {'client_id': harm, 'state': harm})}",
        f"/device?{urllib.parse.urlencode({'user_code': harm})}",
    ):
        _, headers, content = client.ask("GET", path)
        assert b"<script" not in content
        policy = headers["Content-Security-Policy"]
        assert (
            "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "script" not in policy
        )
        style = re.search(r"<style>(.*?)</style>", content.decode())
        assert style is not None
        assert base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode() in policy


def test_who_may_be_picked_is_told_with_what_they_may_do(client: Client) -> None:
    _, _, body = client.ask("GET", "/.well-known/openid-configuration")
    told = {one["name"]: one["may"] for one in json.loads(body)["oms_personas"]}
    assert told == {persona: in_words(persona) for persona in PERSONAS}
    assert told["trader2"] == "sends, changes and cancels orders – 5 accounts of retail"
    assert told["trader1"].endswith(" – 5 accounts of institutions and hedge funds")
    assert told["viewer1"] == "looks on, changes nothing – every account"
    assert set(ROLE_IN_WORDS) == {role for _, roles in PERSONAS.values() for role in roles}


def test_a_persona_that_was_picked_on_a_page_of_this_machine_is_not_asked_again(client: Client) -> None:
    query = urllib.parse.urlencode(ASKED | {"login_hint": "trader2"})
    status, headers, _ = client.ask("GET", f"/authorize?{query}", **{"Sec-Fetch-Site": "same-site"})
    assert status == 303
    back = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(headers["Location"]).query))
    form = {"grant_type": "authorization_code", "code": back["code"], "redirect_uri": BACK,
            "client_id": "oms-web", "code_verifier": VERIFIER}  # fmt: skip
    status, _, body = client.ask("POST", "/token", form)
    assert status == 200
    tokens = json.loads(body)
    for name in ("access_token", "id_token"):
        part = tokens[name].split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        assert (claims["sub"], claims["oms_firm"]) == ("trader2", "DEMO")


@pytest.mark.parametrize(
    ("hint", "site"), [("nobody", "same-site"), ("", "same-site"), ("admin1", "cross-site")]
)
def test_a_hint_that_names_nobody_or_is_a_strangers_asks_who_it_is(
    client: Client, hint: str, site: str
) -> None:
    query = urllib.parse.urlencode(ASKED | {"login_hint": hint})
    status, headers, body = client.ask("GET", f"/authorize?{query}", **{"Sec-Fetch-Site": site})
    assert (status, headers.get("Location")) == (200, None)
    assert b"Who are you?" in body


def test_a_refresh_token_goes_on_until_its_log_in_is_ended_either_way(client: Client) -> None:
    for end in ("/revoke", "/logout"):
        tokens = client.json("/token", redeemed(picked(client)["code"]))[1]
        form = {
            "grant_type": "refresh_token",
            "client_id": "oms-web",
            "refresh_token": tokens["refresh_token"],
        }
        status, again = client.json("/token", form)
        assert (status, client.claims(again["access_token"])["sub"]) == (200, "trader1")
        for wrong in (
            {"client_id": "other"},
            {"refresh_token": tokens["access_token"]},
            {"refresh_token": "x.y.z"},
        ):
            assert client.json("/token", form | wrong)[1]["error"] == "invalid_grant"
        if end == "/revoke":
            assert client.json(end, {"token": tokens["refresh_token"]})[0] == 200
        else:
            asked = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": BACK, "state": "x"}
            status, headers, _ = client.ask("GET", f"{end}?{urllib.parse.urlencode(asked)}")
            assert (status, headers["Location"]) == (303, f"{BACK}?state=x")
        for held in (tokens, again):
            assert (
                client.json("/token", form | {"refresh_token": held["refresh_token"]})[1]["error"]
                == "invalid_grant"
            )


def test_a_device_waits_until_a_persona_is_picked_for_its_code(client: Client) -> None:
    device = client.json("/device_authorization", {"client_id": "oms-cli"})[1]
    form = {"grant_type": DEVICE_GRANT, "client_id": "oms-cli", "device_code": device["device_code"]}
    assert client.json("/token", form)[1]["error"] == "authorization_pending"
    path = device["verification_uri_complete"].removeprefix(client.issuer)
    assert device["user_code"] in client.ask("GET", path)[2].decode()
    assert client.ask("POST", "/device", {"user_code": "ZZZZ-ZZZZ", "persona": "risk1"})[0] == 400
    assert client.ask("POST", "/device", {"user_code": device["user_code"], "persona": "mallory"})[0] == 400
    approval = {"user_code": f" {device['user_code'].lower()} ", "persona": "risk1"}
    assert client.ask("POST", "/device", approval)[0] == 200
    assert client.ask("POST", "/device", approval)[0] == 400
    assert client.json("/token", form | {"client_id": "other"})[1]["error"] == "invalid_grant"
    status, tokens = client.json("/token", form)
    assert (status, client.claims(tokens["access_token"])["sub"]) == (200, "risk1")
    assert client.json("/token", form)[1]["error"] == "invalid_grant"


def test_what_is_old_counts_no_longer_and_what_is_remembered_is_bounded(tmp_path: Path) -> None:
    clock = [1_000.0]
    grants = Grants(tmp_path, "http://127.0.0.1:1", lambda: clock[0])
    code = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(grants.authorize(ASKED, "desk")).query))["code"]
    device = grants.start_device({"client_id": "oms-cli"})[1]
    clock[0] += CODE_S
    assert grants.answer_token(redeemed(code))[1]["error"] == "invalid_grant"
    clock[0] += DEVICE_S
    assert not grants.approve_device(str(device["user_code"]), "desk")
    poll = {"grant_type": DEVICE_GRANT, "client_id": "oms-cli", "device_code": str(device["device_code"])}
    assert grants.answer_token(poll)[1]["error"] == "expired_token"
    for _ in range(REMEMBERED_MAX):
        newest = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(grants.authorize(ASKED, "desk")).query))[
            "code"
        ]
        grants.start_device({})
    assert (len(grants._codes), len(grants._devices)) == (REMEMBERED_MAX, REMEMBERED_MAX)
    assert grants.answer_token(poll)[1]["error"] == "invalid_grant"
    status, tokens = grants.answer_token(redeemed(newest))
    refresh = {
        "grant_type": "refresh_token",
        "client_id": "oms-web",
        "refresh_token": str(tokens["refresh_token"]),
    }
    assert (status, grants.answer_token(refresh)[0]) == (200, 200)
    clock[0] += SESSION_S
    assert grants.answer_token(refresh)[1]["error"] == "invalid_grant"
