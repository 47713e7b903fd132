"""`oms login` and where commands get their tokens, against the laptop's issuer as it is."""

import base64
import json
import os
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from oms_tools.cli import log_in
from oms_tools.cli.client import ApiError
from oms_tools.cli.main import cli
from oms_tools.laptop.dev_issuer import DevIssuer, make_server
from tests.ports import free_port
from tests.stand_in_api import StandIn, stand_in

ME = {"subject": "x", "rights": ["read"], "accounts": ["*"]}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[DevIssuer]:
    made = make_server(tmp_path / "issuer", 0)
    threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def api() -> Iterator[StandIn]:
    with stand_in({"GET /api/v1/me": ME}) as made:
        yield made


@pytest.fixture(autouse=True)
def environment(
    server: DevIssuer, api: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> pytest.MonkeyPatch:
    """A user's folder of their own, and a deployment with this issuer."""
    for name in ("OMS_TOKEN", "OMS_CLIENT_ID", "OMS_CLIENT_SECRET", "OMS_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setenv("OMS_URL", api.url)
    monkeypatch.setenv("OMS_ISSUER", server.issuer)
    return monkeypatch


def oms(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


def subject(token: str) -> str:
    """Return whom a token speaks for."""
    part = token.split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["sub"])


def actor(*words: str) -> str:
    """Return whom `oms token` acts as."""
    found = oms("token", *words)
    assert found.exit_code == 0, found.exception
    return subject(found.output.strip())


def post(address: str, **form: str) -> Any:
    return urllib.request.urlopen(address, urllib.parse.urlencode(form).encode(), timeout=5)


def approve(server: DevIssuer, persona: str) -> list[str]:
    """Log in by device code while somebody picks a persona. Returns what was shown."""
    shown: list[str] = []

    def show(line: str) -> None:
        shown.append(line)
        if line.startswith("and confirm"):
            post(f"{server.issuer}/device", user_code=line.split()[-1], persona=persona)

    log_in.log_in(server.issuer, "oms-cli", show)
    return shown


def kept(server: DevIssuer) -> log_in.LogIn:
    return log_in.read_log_ins()[server.issuer]


def age(server: DevIssuer, **changes: Any) -> None:
    """Let the access token that is kept be at its end, and change what else is named."""
    with log_in._changed_log_ins() as log_ins:
        log_ins[server.issuer] = msgspec.structs.replace(kept(server), expires_at=time.time(), **changes)


def test_whoever_logs_in_by_device_code_is_who_later_commands_act_as(server: DevIssuer) -> None:
    assert actor() == "trader1"
    shown = approve(server, "risk1")
    assert shown[0].startswith(f"Open {server.issuer}/device?user_code=")
    assert actor() == "risk1"
    assert actor("--user", "desk") == "desk"
    assert actor("--user", "trader1") == "trader1"


def test_a_log_in_by_browser_comes_back_to_a_page_of_the_command(
    server: DevIssuer, environment: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def browse(address: str) -> bool:
        """Do what a person does in a browser, and before that what a stranger may try."""
        opened.append(address)
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query))

        def act() -> None:
            urllib.request.urlopen(f"{asked['redirect_uri']}?code=forged&state=guessed", timeout=5).close()
            urllib.request.urlopen(f"{asked['redirect_uri']}favicon.ico", timeout=5).close()
            post(f"{server.issuer}/authorize", **asked, persona="viewer1").close()

        threading.Thread(target=act, daemon=True).start()
        return True

    environment.setattr("webbrowser.open", browse)
    found = oms("login", "--browser")
    assert (found.exit_code, found.output.splitlines()[1]) == (0, opened[0])
    assert "code_challenge_method=S256" in opened[0] and "redirect_uri=http%3A%2F%2F127.0.0.1%3A" in opened[0]
    assert (actor(), kept(server).client_id) == ("viewer1", "oms-cli")


def test_what_is_kept_is_its_owners_alone(server: DevIssuer) -> None:
    os.umask(0)
    try:
        approve(server, "trader2")
        age(server)
        actor()
    finally:
        os.umask(0o022)
    path = log_in.store_path()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert sorted(found.name for found in path.parent.iterdir()) == ["log-ins.json", "log-ins.lock"]


def test_a_token_near_its_end_is_renewed_once_however_many_commands_ask(
    server: DevIssuer, environment: pytest.MonkeyPatch
) -> None:
    approve(server, "trader2")
    first = kept(server)
    age(server)
    refreshed: list[dict[str, str]] = []
    answer = server.grants.answer_token

    def counted(form: Any) -> Any:
        refreshed.append(dict(form))
        return answer(form)

    environment.setattr(server.grants, "answer_token", counted)
    tokens: list[str] = []
    threads = [
        threading.Thread(target=lambda: tokens.append(log_in.logged_in_token(server.issuer)))
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(tokens) == 5 and len(set(tokens)) == 1
    assert [form["refresh_token"] for form in refreshed] == [first.refresh_token]
    assert kept(server).refresh_token != "" and actor() == "trader2"


def test_a_log_in_that_has_ended_says_what_to_do_and_is_forgotten(server: DevIssuer) -> None:
    approve(server, "trader2")
    age(server, refresh_token="x.y.z")
    ended = oms("token")
    assert str(ended.exception) == f"the log-in at {server.issuer} has ended: `oms login`"
    assert log_in.read_log_ins() == {}


def test_an_issuer_that_is_away_ends_no_log_in(server: DevIssuer, environment: pytest.MonkeyPatch) -> None:
    approve(server, "trader2")
    away = f"http://127.0.0.1:{free_port()}"
    with log_in._changed_log_ins() as log_ins:
        log_ins[away] = msgspec.structs.replace(kept(server), expires_at=0.0)
    environment.setenv("OMS_ISSUER", away)
    found = oms("token")
    assert str(found.exception) == f"no answer from {away}: Connection refused"
    assert away in log_in.read_log_ins()


def test_a_log_out_ends_the_log_in_at_the_issuer_too(server: DevIssuer) -> None:
    approve(server, "trader2")
    held = kept(server)
    assert oms("logout").output == f"logged out at {server.issuer}\n"
    assert oms("logout").output == f"nobody was logged in at {server.issuer}\n"
    assert actor() == "trader1"
    form = {"grant_type": "refresh_token", "client_id": "oms-cli", "refresh_token": held.refresh_token}
    assert server.grants.answer_token(form)[1]["error"] == "invalid_grant"


def test_whoami_tells_what_the_gateway_says(api: StandIn) -> None:
    assert oms("whoami").output == "x may read\naccounts: *\n"
    assert json.loads(oms("whoami", "--json").output) == ME


def test_a_token_of_the_environment_then_a_named_persona_then_a_program_then_a_log_in(
    server: DevIssuer, environment: pytest.MonkeyPatch
) -> None:
    approve(server, "risk1")
    environment.setenv("OMS_CLIENT_ID", "trader2")
    assert "OMS_CLIENT_SECRET is required" in str(oms("token").exception)
    environment.setenv("OMS_CLIENT_SECRET", "any")
    assert actor() == "trader2"
    assert actor("--user", "viewer1") == "viewer1"
    environment.setenv("OMS_TOKEN", "given")
    assert oms("token", "--user", "viewer1").output == "given\n"


def test_an_issuer_is_asked_for_the_scope_that_is_named_and_at_a_refresh_for_none(
    server: DevIssuer, environment: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, str]] = []
    grants = server.grants
    for name in ("start_device", "answer_token"):
        real = getattr(grants, name)
        environment.setattr(grants, name, lambda form, real=real: asked.append(dict(form)) or real(form))

    def show(line: str) -> None:
        if line.startswith("and confirm"):
            grants.approve_device(line.split()[-1], "desk")

    log_in.log_in(server.issuer, "oms-cli", show, scope="openid api://oms/all")
    age(server)
    assert actor() == "desk"
    environment.setenv("OMS_CLIENT_ID", "trader2")
    environment.setenv("OMS_CLIENT_SECRET", "any")
    environment.setenv("OMS_CLIENT_SCOPE", "api://oms/.default")
    assert actor() == "trader2"
    environment.delenv("OMS_CLIENT_SCOPE")
    assert actor() == "trader2"
    first, *_, refresh, with_scope, without = asked
    assert (first["scope"], refresh["grant_type"]) == ("openid api://oms/all", "refresh_token")
    assert "scope" not in refresh and "scope" not in without
    assert with_scope["scope"] == "api://oms/.default"


def test_a_source_asks_again_only_near_the_end_of_what_it_has(
    server: DevIssuer, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = log_in.token_source(tmp_path, "trader2")
    first = source()
    assert source() == first
    environment.setattr(log_in, "LEEWAY_S", 7_200.0)
    asked = []
    environment.setattr(
        server.grants, "answer_token", lambda form: asked.append(form) or (400, {"error": "invalid_grant"})
    )
    with pytest.raises(ApiError, match="no user trader2 at this issuer"):
        source()
    assert len(asked) == 1


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"http://a": 1}', b'{"http://a": {"client_id": "c"}}', b"\xff"]
)
def test_a_file_of_log_ins_that_cannot_be_read_is_one_line(content: bytes) -> None:
    path = log_in.store_path()
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    for words in (("token",), ("logout",)):
        problem = oms(*words).exception
        assert isinstance(problem, ApiError) and "cannot be read" in str(problem) and "\n" not in str(problem)
    assert path.read_bytes() == content


def test_where_nothing_can_be_kept_a_log_in_says_so_first_and_other_commands_go_on(
    server: DevIssuer, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def nowhere() -> Path:
        raise RuntimeError("no home")

    (tmp_path / "file").write_text("")
    shown: list[str] = []
    for place in (str(tmp_path / "file"), None):
        if place is None:
            environment.delenv("XDG_DATA_HOME")
            environment.setattr(Path, "home", nowhere)
        else:
            environment.setenv("XDG_DATA_HOME", place)
        with pytest.raises(ApiError, match=r"cannot be kept in|no home folder"):
            log_in.log_in(server.issuer, "oms-cli", shown.append)
        assert actor() == "trader1"
    assert shown == []


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n<p>",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b'HTTP/1.1 200 OK\r\nContent-Length: 28\r\n\r\n{"issuer": "http://other/x"}',
        b"HTTP/1.1 503 Oops\r\nContent-Length: 4\r\n\r\nnull",
        b"HTTP/1.1 302 Go\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_whatever_answers_for_an_issuer_is_an_error_of_one_line(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for _ in range(2):
                connection, _address = listener.accept()
                with connection:
                    connection.recv(65_536)
                    connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        issuer = f"http://127.0.0.1:{listener.getsockname()[1]}"
        for attempt in (lambda: log_in.fetch_token(issuer, "a"), lambda: log_in.log_in(issuer, "c", print)):
            with pytest.raises(ApiError) as found:
                attempt()
            assert str(found.value) and "\n" not in str(found.value)


def test_a_command_that_has_a_token_waits_for_no_oauth_library() -> None:
    script = (
        "import os, sys, pathlib; os.environ['OMS_TOKEN'] = 't'; from oms_tools.cli import log_in;"
        " log_in.token_source(pathlib.Path('.'), 'u')(); log_in.read_log_ins();"
        " sys.exit(' '.join(set(sys.modules) & {'authlib', 'requests', 'joserfc', 'webbrowser'}) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
