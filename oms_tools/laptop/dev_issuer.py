"""An OIDC issuer for one laptop: personas without passwords, loopback only, not to be reached from elsewhere.

Neither by a browser: a request that names another host than this machine (DNS rebinding), or that a page of
another host makes, is refused, and no page of another host reads an answer.
"""

import argparse
import base64
import binascii
import hashlib
import html
import ipaddress
import json
import signal
import sys
import threading
import urllib.parse
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import structlog

from oms_platform.health import LIVE_PATHS, METRICS_PATHS, READY_PATHS
from oms_platform.telemetry.logs import configure_logging
from oms_platform.telemetry.metrics import metrics_page
from oms_tools.laptop.dev_grants import (
    ALGORITHM,
    GRANTS,
    PERSONAS,
    Grants,
    error_answer,
    in_words,
    loopback_address,
)

_FORM_BYTES_MAX: Final = 16_384
# What is kept of an authorization request while a persona is picked (OpenID Connect Core, section 3.1.2.1).
_AUTHORIZATION_FIELDS: Final = (
    "response_type", "client_id", "redirect_uri", "state", "nonce", "code_challenge", "code_challenge_method",
)  # fmt: skip
_STYLE: Final = "body{font:16px/1.5 system-ui,sans-serif;max-width:36em;margin:3em auto;padding:0 1em}\
button,input{font:inherit;padding:.4em .8em;margin:.2em 0}small{color:GrayText}"
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
log = structlog.get_logger()


def discovery(issuer: str) -> dict[str, object]:
    """Return the discovery document (OpenID Connect Discovery 1.0, section 3; RFC 8414)."""
    return {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/jwks",
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "device_authorization_endpoint": f"{issuer}/device_authorization",
        "revocation_endpoint": f"{issuer}/revoke",
        "end_session_endpoint": f"{issuer}/logout",
        "grant_types_supported": list(GRANTS),
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
        "scopes_supported": ["openid"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "authorization_response_iss_parameter_supported": True,
        # Of no standard: who may be picked without a password, for a page that offers them (login_hint).
        "oms_personas": [{"name": persona, "may": in_words(persona)} for persona in PERSONAS],
    }


def _page(title: str, body: str) -> bytes:
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f"<h1>{title}</h1>{body}</html>"
    ).encode()


def _persona_form(action: str, kept: Mapping[str, str], before: str = "") -> str:
    """Return a form with a button for each persona; kept: what it sends beside."""
    hidden = "".join(
        f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
        for name, value in kept.items()
    )
    buttons = "".join(
        f'<p><button name="persona" value="{user}">{user}</button>'
        f" <small>{html.escape(in_words(user))}</small></p>"
        for user in PERSONAS
    )
    return f'<form method="post" action="{action}">{hidden}{before}{buttons}</form>'


class _Handler(BaseHTTPRequestHandler):
    """One request. The server has what is common to all."""

    server: "DevIssuer"

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        asked = dict(urllib.parse.parse_qsl(query))
        if problem := self._stranger():
            self._answer(403, problem)
        elif path == "/.well-known/openid-configuration":
            self._answer(200, discovery(self.server.issuer))
        elif path == "/jwks":
            self._answer(200, {"keys": [self.server.grants.public_key]})
        elif path == "/authorize":
            self._pick(asked)
        elif path == "/device":
            self._ask_device(asked.get("user_code", ""))
        elif path == "/logout":
            self._log_out(asked)
        elif path in (*LIVE_PATHS, *READY_PATHS):
            self._answer(200, {"status": "UP", "problems": {}})
        elif path in METRICS_PATHS:
            self._send(200, *metrics_page(self.headers.get("Accept", "")))
        else:
            self._answer(404, {"error": "not_found"})

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if problem := self._stranger():
            self._answer(403, problem)
            return
        if not length.isdigit() or int(length) > _FORM_BYTES_MAX:
            self._answer(*error_answer("invalid_request", f"expected at most {_FORM_BYTES_MAX} bytes"))
            return
        text = self.rfile.read(int(length)).decode(errors="replace")
        fields = urllib.parse.parse_qsl(text)
        form = self._client() | dict(fields)
        if len(dict(fields)) != len(fields):
            # RFC 6749, section 3.2.
            self._answer(*error_answer("invalid_request", "expected each parameter once"))
            return
        grants = self.server.grants
        match self.path:
            case "/token":
                self._answer(*grants.answer_token(form))
            case "/device_authorization":
                self._answer(*grants.start_device(form))
            case "/revoke":
                grants.end(form.get("token", ""))
                self._answer(200, {})
            case "/authorize":
                self._pick(form)
            case "/device":
                self._approve_device(form)
            case _:
                self._answer(404, {"error": "not_found"})

    def _stranger(self) -> dict[str, object] | None:
        """Return why a request does not come from this machine's own programs, None if it may."""
        host, origin = self.headers.get("Host", ""), self.headers.get("Origin")
        place = loopback_address(f"http://{host}")
        if place is None or place.port != self.server.server_port:
            return {"error": "invalid_request", "error_description": "expected this machine's name as Host"}
        if origin is not None and loopback_address(origin) is None:
            return {"error": "access_denied", "error_description": "expected a page of this machine"}
        return None

    def _client(self) -> dict[str, str]:
        """Return the client of a Basic authorization (RFC 6749, section 2.3.1); any secret will do."""
        scheme, _, value = self.headers.get("Authorization", "").partition(" ")
        try:
            name = base64.b64decode(value).decode().partition(":")[0] if scheme.lower() == "basic" else ""
        except (binascii.Error, UnicodeDecodeError):
            name = ""
        return {"client_id": urllib.parse.unquote_plus(name)} if name else {}

    def _pick(self, asked: Mapping[str, str]) -> None:
        """Show the personas, or send a person who has picked one back to where the request came from."""
        place = loopback_address(asked.get("redirect_uri", ""))
        if place is None or not asked.get("client_id"):
            self._show(
                400, "Not a request", "<p>Expected a client_id and a redirect_uri on this machine.</p>"
            )
            return
        grants, persona = self.server.grants, asked.get("persona", "")
        if problem := grants.authorization_problem(asked):
            self._redirect(grants.redirect(asked, error=problem))
        elif self.command == "POST" and persona in PERSONAS:
            self._redirect(grants.authorize(asked, persona))
        elif asked.get("login_hint") in PERSONAS and self.headers.get("Sec-Fetch-Site") != "cross-site":
            # OpenID Connect Core, section 3.1.2.1: whom somebody has picked on this machine's page already.
            # Of a browser that another site sends here, the person is asked.
            self._redirect(grants.authorize(asked, asked["login_hint"]))
        else:
            kept = {name: asked[name] for name in _AUTHORIZATION_FIELDS if name in asked}
            form = _persona_form("/authorize", kept)
            body = f"<p>{html.escape(asked['client_id'][:80])} asks who you are.</p>{form}"
            self._show(200, "Who are you?", body, f"{place.scheme}://{place.netloc}")

    def _ask_device(self, user_code: str) -> None:
        field = (
            '<p><label>The code that the program shows: <input name="user_code" autocomplete="off"'
            f' value="{html.escape(user_code[:20])}"></label></p>'
        )
        self._show(200, "Who are you?", _persona_form("/device", {}, field))

    def _approve_device(self, form: Mapping[str, str]) -> None:
        persona = form.get("persona", "")
        if persona in PERSONAS and self.server.grants.approve_device(form.get("user_code", ""), persona):
            self._show(200, "Done", f"<p>The program now acts as {persona}. This page can be closed.</p>")
        else:
            self._show(400, "No such code", "<p>It has expired, was used, or is mistyped.</p>")

    def _log_out(self, asked: Mapping[str, str]) -> None:
        self.server.grants.end(asked.get("id_token_hint", ""))
        back = asked.get("post_logout_redirect_uri", "")
        if loopback_address(back) is None:
            self._show(200, "Signed out", "<p>This page can be closed.</p>")
        else:
            self._redirect(
                back + (f"?{urllib.parse.urlencode({'state': asked['state']})}" if asked.get("state") else "")
            )

    def _redirect(self, address: str) -> None:
        self._send(303, b"", "text/plain", {"Location": address})

    def _show(self, status: int, title: str, body: str, sends_to: str = "") -> None:
        # A browser holds the redirect that answers a form to form-action too.
        policy = (
            f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self' {sends_to};"
            " base-uri 'none'; frame-ancestors 'none'"
        )
        # Not no-referrer: with that a browser's form says Origin: null.
        headers = {"Content-Security-Policy": policy, "Referrer-Policy": "same-origin"}
        self._send(status, _page(title, body), "text/html; charset=utf-8", headers)

    def _answer(self, status: int, body: Mapping[str, object]) -> None:
        self._send(status, json.dumps(body).encode(), "application/json")

    def _send(
        self, status: int, content: bytes, content_type: str, more: Mapping[str, str] | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Vary", "Origin")
        origin = self.headers.get("Origin", "")
        if loopback_address(origin) is not None:
            self.send_header("Access-Control-Allow-Origin", origin)
        for name, value in (more or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_args: Any) -> None:
        """Leave requests out of the log: a token would be in it."""


class DevIssuer(ThreadingHTTPServer):
    """The issuer's HTTP server."""

    def __init__(self, data_dir: Path, host: str, port: int) -> None:
        super().__init__((host, port), _Handler)
        self.issuer = f"http://{host}:{self.server_port}"
        self.grants = Grants(data_dir, self.issuer)


def make_server(data_dir: Path, port: int, host: str = "127.0.0.1") -> DevIssuer:
    """Build the issuer's HTTP server. Raises ValueError for an address that others could reach."""
    if not ipaddress.ip_address(host).is_loopback:
        raise ValueError(f"the dev issuer asks for no password: expected a loopback address, was {host}")
    return DevIssuer(data_dir, host, port)


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m oms_tools.laptop.dev_issuer", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the issuer's key")
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    options = parser.parse_args()
    configure_logging("dev-issuer")
    try:
        server = make_server(options.data, options.port, options.host)
    except (OSError, ValueError) as error:
        sys.exit(f"dev issuer: {error}")
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    log.warning(
        "dev_issuer_listening",
        issuer=server.issuer,
        warning="for one laptop only: gives a token to whoever names a persona",
        personas=list(PERSONAS),
    )
    server.serve_forever()
    server.server_close()


if __name__ == "__main__":
    main()
