"""Where `oms` gets its tokens: the one place that speaks OAuth 2.0 and OpenID Connect, by Authlib.

The law of this file: OMS_TOKEN counts before all else; then the demo persona that --user names; then the
program that OMS_CLIENT_ID names; then who has logged in at the issuer; then the command's own demo persona.
What is kept of a log-in is in the user's data folder, one file that only its owner reads, under a lock while
a refresh token is used, since each may be good only once. What goes wrong is an ApiError of one line.
"""

import fcntl
import os
import secrets
import socket
import ssl
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec
from click.core import ParameterSource

from oms_tools.cli.client import ISSUER_VARIABLE, PASSWORD_VARIABLE, TIMEOUT_S, URL_VARIABLE, ApiError
from oms_tools.laptop.layout import ISSUER_AUDIENCE, running_layout

if TYPE_CHECKING:
    from authlib.integrations.requests_client import OAuth2Session

TokenSource = Callable[[], str]

TOKEN_VARIABLE: Final = "OMS_TOKEN"  # noqa: S105  (a name)
CLIENT_ID_VARIABLE: Final = "OMS_CLIENT_ID"
CLIENT_SECRET_VARIABLE: Final = "OMS_CLIENT_SECRET"  # noqa: S105  (a name)
CLIENT_SCOPE_VARIABLE: Final = "OMS_CLIENT_SCOPE"
DEFAULT_CLIENT_ID: Final = "oms-cli"
DEFAULT_SCOPE: Final = "openid"
# A token is renewed so long before its end.
LEEWAY_S: Final = 60.0
LOG_IN_S_MAX: Final = 600.0
_DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
# RFC 8628, sections 3.2 and 3.5.
_INTERVAL_S: Final = 5.0
_SLOWER_S: Final = 5.0
_DOCUMENT_PATH: Final = "/.well-known/openid-configuration"


class LogIn(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A log-in as it is kept. expires_at: of the access token, in seconds since 1970."""

    client_id: str
    access_token: str
    expires_at: float
    refresh_token: str = ""
    id_token: str = ""


def token_source(data: Path, user: str) -> TokenSource:
    """Return what gives a token, renewed when it is near its end, to act with at the deployment.

    The deployment is the one that OMS_URL names, or the stack that runs in `data`. Raises ApiError, and
    StackError when there is neither.
    """
    if token := os.environ.get(TOKEN_VARIABLE):
        return lambda: token
    issuer = issuer_of(data)
    if not _persona_was_given():
        if client_id := os.environ.get(CLIENT_ID_VARIABLE):
            secret = os.environ.get(CLIENT_SECRET_VARIABLE)
            if not secret:
                raise ApiError(f"{CLIENT_ID_VARIABLE} is set, so {CLIENT_SECRET_VARIABLE} is required")
            asked = {"grant_type": "client_credentials"}
            if scope := os.environ.get(CLIENT_SCOPE_VARIABLE):
                asked["scope"] = scope
            return _renewed(lambda: _grant(issuer, client_id, secret, **asked))
        if _is_logged_in(issuer):
            return lambda: logged_in_token(issuer)
    password = os.environ.get(PASSWORD_VARIABLE, "") if os.environ.get(URL_VARIABLE) else ""
    return _renewed(lambda: _persona(issuer, user, password))


def issuer_of(data: Path) -> str:
    """Return the issuer of the deployment that OMS_URL names, or of the stack that runs in `data`.

    Raises ApiError, and StackError when there is neither.
    """
    if not os.environ.get(URL_VARIABLE):
        return running_layout(data)[0].issuer_url
    if issuer := os.environ.get(ISSUER_VARIABLE):
        return issuer.rstrip("/")
    raise ApiError(f"{URL_VARIABLE} is set, so {ISSUER_VARIABLE} is required: the issuer's address")


def fetch_token(issuer: str, user: str, password: str = "") -> str:
    """Return an access token of a demo persona (RFC 6749, section 4.3). Raises ApiError."""
    return _persona(issuer, user, password).access_token


def _persona(issuer: str, user: str, password: str) -> LogIn:
    try:
        return _grant(issuer, ISSUER_AUDIENCE, "", grant_type="password", username=user, password=password)
    except ApiError as error:
        if error.code != "invalid_grant":
            raise
        sentence = (
            f"no user {user} at this issuer, or a wrong password; a demo's are trader1, trader2, desk, risk1,"
            " admin1 and viewer1"
        )
        raise ApiError(sentence, error.code, error.status) from error


def _persona_was_given() -> bool:
    """Return whether --user was typed, or there is no command that could have it."""
    context = click.get_current_context(silent=True)
    return context is None or context.get_parameter_source("user") is not ParameterSource.DEFAULT


def _renewed(get: Callable[[], LogIn]) -> TokenSource:
    """Return a source that asks again when what it was given is near its end."""
    kept: list[LogIn] = []

    def token() -> str:
        if not kept or kept[0].expires_at <= time.time() + LEEWAY_S:
            kept[:] = [get()]
        return kept[0].access_token

    return token


# ---- what is kept


def store_path() -> Path:
    """Return the file of the log-ins, in the user's data folder (XDG Base Directory Specification).

    Raises ApiError for a user without a folder, as in a container.
    """
    try:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    except RuntimeError as error:
        raise ApiError("there is no home folder to keep a log-in in: XDG_DATA_HOME names one") from error
    return base / "oms-sor" / "log-ins.json"


def read_log_ins() -> dict[str, LogIn]:
    """Return the log-ins that are kept, by issuer. Raises ApiError for a file that is none of ours."""
    path = store_path()
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, LogIn])
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return {}
    except (OSError, msgspec.MsgspecError) as error:
        raise ApiError(f"the log-ins in {path} cannot be read: {error}") from error


def _is_logged_in(issuer: str) -> bool:
    """Return whether somebody has logged in; nobody where nothing can be kept."""
    try:
        store_path()
    except ApiError:
        return False
    return issuer in read_log_ins()


@contextmanager
def _changed_log_ins() -> Iterator[dict[str, LogIn]]:
    """Give the log-ins to be changed, and keep them then: one process at a time. Raises ApiError."""
    path = store_path()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            found = read_log_ins()
            yield found
            partial = path.with_suffix(".partial")
            partial.unlink(missing_ok=True)
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode(found))
            partial.rename(path)
    except OSError as error:
        raise ApiError(f"a log-in cannot be kept in {path}: {error.strerror or error}") from error


def logged_in_token(issuer: str) -> str:
    """Return the access token of who is logged in, renewed when it is near its end. Raises ApiError."""
    again = f"the log-in at {issuer} has ended: `oms login`"
    kept = read_log_ins().get(issuer)
    if kept is not None and kept.expires_at > time.time() + LEEWAY_S:
        return kept.access_token
    with _changed_log_ins() as log_ins:
        kept = log_ins.get(issuer)
        if kept is None:
            raise ApiError(again)
        if kept.expires_at > time.time() + LEEWAY_S:
            return kept.access_token
        try:
            log_ins[issuer] = _refreshed(issuer, kept)
        except ApiError as error:
            if error.code != "invalid_grant":
                raise
            del log_ins[issuer]
        renewed = log_ins.get(issuer)
    if renewed is None:
        raise ApiError(again)
    return renewed.access_token


def _refreshed(issuer: str, kept: LogIn) -> LogIn:
    if not kept.refresh_token:
        raise ApiError("the issuer gave no refresh token", "invalid_grant")
    with _told(issuer), _session(kept.client_id) as session:
        endpoint = _endpoint(_documented(session, issuer), "token_endpoint")
        return _read_token(kept.client_id, session.refresh_token(endpoint, kept.refresh_token), kept)


def forget(issuer: str) -> bool:
    """Log out: tell the issuer, and forget. Returns whether anybody was logged in. Raises ApiError.

    A log-in that the issuer could not be told of is forgotten all the same.
    """
    with _changed_log_ins() as log_ins:
        kept = log_ins.pop(issuer, None)
    if kept is None:
        return False
    with _told(issuer), _session(kept.client_id) as session:
        document = _documented(session, issuer)
        if endpoint := document.get("revocation_endpoint"):
            token, hint = kept.refresh_token, "refresh_token"
            answer = session.revoke_token(
                endpoint, token or kept.access_token, hint if token else "access_token"
            )
        elif endpoint := document.get("end_session_endpoint"):
            asked = {"id_token_hint": kept.id_token, "client_id": kept.client_id}
            answer = session.get(endpoint, params=asked, withhold_token=True)
        else:
            return True
        answer.raise_for_status()
    return True


# ---- log-in of a person


def log_in(
    issuer: str,
    client_id: str,
    show: Callable[[str], None],
    *,
    scope: str = DEFAULT_SCOPE,
    browser: bool = False,
) -> None:
    """Log a person in and keep it. show: is given what the person has to do, in lines. Raises ApiError.

    By device code (RFC 8628) where the issuer has it, unless `browser`; else by authorization code with PKCE
    and a redirect to this machine (RFC 8252).
    """
    with _changed_log_ins():
        # Found out before a person is asked for anything: whether it can be kept.
        pass
    with _told(issuer), _session(client_id, scope=scope) as session:
        document = _documented(session, issuer)
        if (found := str(document.get("issuer")).rstrip("/")) != issuer:
            raise ApiError(f"expected the documents of issuer {issuer}, found those of {found}")
        by_device = "device_authorization_endpoint" in document and not browser
        token = (_by_device if by_device else _by_browser)(session, document, show)
        made = _read_token(client_id, token)
    with _changed_log_ins() as log_ins:
        log_ins[issuer] = made


def _by_device(session: "OAuth2Session", document: dict[str, Any], show: Callable[[str], None]) -> Any:
    from authlib.integrations.base_client import OAuthError  # noqa: PLC0415
    from authlib.oauth2.rfc7636 import create_s256_code_challenge  # noqa: PLC0415

    verifier = secrets.token_urlsafe(48)
    asked = {
        "client_id": session.client_id,
        "scope": session.scope,
        # An issuer that asks every client for PKCE may ask for it here too; others read past it.
        "code_challenge": create_s256_code_challenge(verifier),
        "code_challenge_method": "S256",
    }
    endpoint = _endpoint(document, "device_authorization_endpoint")
    found = session.post(endpoint, data=asked, withhold_token=True).json()
    if "device_code" not in found:
        raise OAuthError(found.get("error"), found.get("error_description"))
    show(f"Open {found.get('verification_uri_complete') or found['verification_uri']}")
    show(f"and confirm the code {found['user_code']}")
    interval = float(found.get("interval") or _INTERVAL_S)
    deadline = time.monotonic() + min(float(found.get("expires_in") or LOG_IN_S_MAX), LOG_IN_S_MAX)
    while time.monotonic() < deadline:
        try:
            return session.fetch_token(
                _endpoint(document, "token_endpoint"), grant_type=_DEVICE_GRANT,
                device_code=found["device_code"], code_verifier=verifier,
            )  # fmt: skip
        except OAuthError as error:
            if error.error == "slow_down":
                interval += _SLOWER_S
            elif error.error != "authorization_pending":
                raise
        time.sleep(interval)
    raise ApiError("nobody confirmed the code in time")


def _by_browser(session: "OAuth2Session", document: dict[str, Any], show: Callable[[str], None]) -> Any:
    import webbrowser  # noqa: PLC0415

    verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
    with _Redirect() as redirect:
        address, state = session.create_authorization_url(
            _endpoint(document, "authorization_endpoint"), redirect_uri=redirect.address, nonce=nonce,
            code_verifier=verifier,
        )  # fmt: skip
        show("Log in in the browser; if none opens, open")
        show(address)
        webbrowser.open(address)
        answer = redirect.wait(state)
    if answer.get("iss", document["issuer"]) != document["issuer"]:
        raise ApiError(f"the answer came from another issuer: {answer['iss']}")
    if "code" not in answer:
        raise ApiError(f"the issuer refused: {answer.get('error_description') or answer.get('error')}")
    return session.fetch_token(
        _endpoint(document, "token_endpoint"), grant_type="authorization_code", code=answer["code"],
        redirect_uri=redirect.address, code_verifier=verifier,
    )  # fmt: skip


class _Redirect(HTTPServer):
    """Where a browser is sent back to: a page of this process, on loopback."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _RedirectPage)
        self.address = f"http://127.0.0.1:{self.server_port}/"
        self.answers: list[dict[str, str]] = []

    def wait(self, state: str) -> dict[str, str]:
        """Return the answer to the request of this state. Raises ApiError when none comes in time."""
        deadline = time.monotonic() + LOG_IN_S_MAX
        while (left := deadline - time.monotonic()) > 0:
            self.timeout = left
            self.handle_request()
            for answer in self.answers:
                if secrets.compare_digest(answer.get("state", "").encode(), state.encode()):
                    return answer
            self.answers.clear()
        raise ApiError("nobody logged in in time")


class _RedirectPage(BaseHTTPRequestHandler):
    # A connection on which nothing is asked holds the log-in up no longer.
    timeout = 5.0
    server: _Redirect

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        self.server.answers.append(dict(urllib.parse.parse_qsl(query)) if path == "/" else {})
        body = b"This page can be closed; the command goes on in its terminal.\n"
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        """Leave requests out of the terminal: a code would be in it."""


# ---- OAuth 2.0


@contextmanager
def _session(client_id: str, secret: str = "", scope: str = "") -> Iterator["OAuth2Session"]:
    """Give a session. scope: what is asked for; a refresh names none, it goes on with what was."""
    # Imported here: most commands have a token already, and this takes longer than they do.
    from authlib.integrations.requests_client import OAuth2Session  # noqa: PLC0415

    with OAuth2Session(
        client_id,
        secret or None,
        scope=scope or None,
        code_challenge_method="S256",
        default_timeout=TIMEOUT_S,
    ) as session:
        # What this machine trusts, not a list of certificates that came with a library.
        session.verify = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile or True
        yield session


def _grant(issuer: str, client_id: str, secret: str, **fields: str) -> LogIn:
    with _told(issuer), _session(client_id, secret) as session:
        endpoint = _endpoint(_documented(session, issuer), "token_endpoint")
        return _read_token(client_id, session.fetch_token(endpoint, **fields))


def _documented(session: "OAuth2Session", issuer: str) -> dict[str, Any]:
    answer = session.get(f"{issuer}{_DOCUMENT_PATH}", withhold_token=True)
    answer.raise_for_status()
    found = answer.json()
    return found if isinstance(found, dict) else {}


def _endpoint(document: dict[str, Any], name: str) -> str:
    found = document.get(name)
    if not isinstance(found, str):
        raise ApiError(f"expected a {name} from the issuer, found none")
    return found


def _read_token(client_id: str, found: Any, before: LogIn | None = None) -> LogIn:
    """Read a token answer. before: what stays as it was where the answer is silent."""
    token, expires_in = found.get("access_token"), found.get("expires_in")
    if not isinstance(token, str):
        raise ApiError("expected an access_token from the issuer, found none")
    lifetime = float(expires_in) if isinstance(expires_in, int | float | str) else LEEWAY_S
    return LogIn(
        client_id=client_id,
        access_token=token,
        expires_at=time.time() + lifetime,
        refresh_token=str(found.get("refresh_token") or (before.refresh_token if before else "")),
        id_token=str(found.get("id_token") or (before.id_token if before else "")),
    )


@contextmanager
def _told(issuer: str) -> Iterator[None]:
    """Say in one line what an issuer refused, or why it did not answer."""
    try:
        yield
    except ApiError:
        raise
    except OSError as error:
        answer = getattr(error, "response", None)
        if answer is not None:
            raise ApiError(f"{issuer}: HTTP {answer.status_code}", status=answer.status_code) from error
        raise ApiError(f"no answer from {issuer}: {_reason(error)}") from error
    except ValueError as error:
        raise ApiError(f"expected JSON of an issuer from {issuer}: {error}") from error
    except Exception as error:
        # Authlib is imported late; without it, nothing of its kind was raised.
        oauth = sys.modules.get("authlib.common.errors")
        if oauth is None or not isinstance(error, oauth.AuthlibBaseError):
            raise
        raise ApiError(
            f"{issuer}: {error.description or error.error or 'refused'}", error.error or "", 400
        ) from error


def _reason(error: BaseException) -> str:
    """Return what the system says of a connection, below what the libraries make of it."""
    below: BaseException | None = error
    while below is not None:
        if isinstance(below, socket.gaierror | ConnectionError | ssl.SSLError) and below.strerror:
            return below.strerror
        below = below.__cause__ or below.__context__
    return f"none within {TIMEOUT_S:g} s" if "Timeout" in type(error).__name__ else type(error).__name__
