"""The laptop's issuer: personas only, loopback only, a key that is kept and kept private."""

import json
import stat
import threading
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from oms_tools.laptop.dev_issuer import KEY_FILE, PERSONAS, issue_token, load_key, make_server


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


def test_tokens_are_found_and_verified_by_discovery(tmp_path: Path) -> None:
    server = make_server(tmp_path, 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    issuer = f"http://127.0.0.1:{server.server_port}"

    def get(path: str, form: dict[str, str] | None = None) -> tuple[int, Any]:
        data = None if form is None else urllib.parse.urlencode(form).encode()
        try:
            with urllib.request.urlopen(f"{issuer}{path}", data, timeout=5) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    try:
        document = get("/.well-known/openid-configuration")[1]
        assert document["issuer"] == issuer
        keys = KeySet.import_key_set(get(urllib.parse.urlparse(document["jwks_uri"]).path)[1])
        assert "d" not in get("/jwks")[1]["keys"][0]
        for user, (accounts, roles) in PERSONAS.items():
            status, answer = get("/token", {"grant_type": "password", "username": user})
            claims = jwt.decode(answer["access_token"], keys, algorithms=["ES256"]).claims
            assert (status, claims["sub"], claims["aud"]) == (200, user, "oms-api")
            assert (claims["oms_accounts"], claims["realm_access"]["roles"]) == (list(accounts), list(roles))
        assert get("/token", {"grant_type": "client_credentials", "client_id": "desk"})[0] == 200
        assert get("/token", {"grant_type": "password", "username": "mallory"})[1]["error"] == "invalid_grant"
        assert get("/token", {"grant_type": "code"})[1]["error"] == "unsupported_grant_type"
        assert get("/token", {"grant_type": "x" * 9000})[0] == 400
        assert get("/health/ready")[0] == 200
        assert get("/nope")[0] == 404
        assert get("/nope", {})[0] == 404
    finally:
        server.shutdown()
        server.server_close()
