"""An OIDC issuer for one laptop: personas without passwords, loopback only, not to be reached from elsewhere.

Its key is made at the first start and kept in the data folder, readable by its owner only.
"""

import argparse
import ipaddress
import json
import os
import signal
import sys
import threading
import time
import urllib.parse
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import structlog
from joserfc import jwt
from joserfc.jwk import ECKey

from oms_platform.health import LIVE_PATHS, METRICS_PATHS, READY_PATHS
from oms_platform.schema.demo_data import HEDGE_FUNDS, INSTITUTIONS, RETAIL
from oms_platform.telemetry.logs import configure_logging
from oms_platform.telemetry.metrics import metrics_page

AUDIENCE: Final = "oms-api"
ALGORITHM: Final = "ES256"
LIFETIME_S: Final = 3_600
KEY_FILE: Final = "dev-issuer-key.json"
GRANTS: Final = ("password", "client_credentials")
_FORM_BYTES_MAX: Final = 8_192
_ALL: Final = ("*",)

# persona: accounts, roles
PERSONAS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "trader1": (INSTITUTIONS + HEDGE_FUNDS, ("trader",)),
    "trader2": (RETAIL, ("trader",)),
    "desk": (_ALL, ("trader",)),
    "risk1": (_ALL, ("risk",)),
    "admin1": (_ALL, ("admin",)),
    "viewer1": (_ALL, ("viewer",)),
}
log = structlog.get_logger()


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
    accounts, roles = PERSONAS[user]
    key = load_key(data_dir)
    now = int(time.time())
    claims = {
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": user,
        "preferred_username": user,
        "iat": now,
        "nbf": now,
        "exp": now + lifetime_s,
        "oms_accounts": list(accounts),
        "realm_access": {"roles": list(roles)},
    }
    return jwt.encode({"alg": ALGORITHM, "kid": key.kid}, claims, key)


def discovery(issuer: str) -> dict[str, object]:
    """Return the discovery document (OpenID Connect Discovery 1.0, section 3)."""
    return {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/jwks",
        "token_endpoint": f"{issuer}/token",
        "grant_types_supported": list(GRANTS),
        "response_types_supported": ["token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
    }


def answer_token(data_dir: Path, issuer: str, form: Mapping[str, str]) -> tuple[int, dict[str, object]]:
    """Answer a token request (RFC 6749, sections 4.3, 4.4 and 5). Returns the status and the body."""
    grant = form.get("grant_type")
    user = form.get("username") or form.get("client_id") or ""
    if grant not in GRANTS:
        return 400, _error("unsupported_grant_type", f"expected one of {', '.join(GRANTS)}, was {grant}")
    if user not in PERSONAS:
        return 400, _error("invalid_grant", f"expected one of {', '.join(PERSONAS)}, was {user[:40]}")
    token = issue_token(data_dir, user, issuer)
    return 200, {"access_token": token, "token_type": "Bearer", "expires_in": LIFETIME_S}


def _error(code: str, description: str) -> dict[str, object]:
    return {"error": code, "error_description": description}


def make_server(data_dir: Path, port: int, host: str = "127.0.0.1") -> ThreadingHTTPServer:
    """Build the issuer's HTTP server. Raises ValueError for an address that others could reach."""
    if not ipaddress.ip_address(host).is_loopback:
        raise ValueError(f"the dev issuer asks for no password: expected a loopback address, was {host}")
    public_key = load_key(data_dir).as_dict(private=False)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/.well-known/openid-configuration":
                self._answer(200, discovery(self._issuer))
            elif self.path == "/jwks":
                self._answer(200, {"keys": [public_key]})
            elif self.path in (*LIVE_PATHS, *READY_PATHS):
                self._answer(200, {"status": "UP", "problems": {}})
            elif self.path in METRICS_PATHS:
                self._send(200, *metrics_page(self.headers.get("Accept", "")))
            else:
                self._answer(404, _error("not_found", "no such page"))

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "0")
            if self.path != "/token":
                self._answer(404, _error("not_found", "no such page"))
            elif not length.isdigit() or int(length) > _FORM_BYTES_MAX:
                self._answer(
                    400, _error("invalid_request", f"expected a form of at most {_FORM_BYTES_MAX} bytes")
                )
            else:
                text = self.rfile.read(int(length)).decode(errors="replace")
                self._answer(*answer_token(data_dir, self._issuer, dict(urllib.parse.parse_qsl(text))))

        @property
        def _issuer(self) -> str:
            return f"http://{host}:{server.server_port}"

        def _answer(self, status: int, body: Mapping[str, object]) -> None:
            self._send(status, json.dumps(body).encode(), "application/json")

        def _send(self, status: int, content: bytes, content_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Cache-Control", "no-store")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_args: Any) -> None:
            """Leave requests out of the log: a token would be in it."""

    server = ThreadingHTTPServer((host, port), Handler)
    return server


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
        issuer=f"http://{options.host}:{server.server_port}",
        warning="for one laptop only: gives a token to whoever names a persona",
        personas=list(PERSONAS),
    )
    server.serve_forever()
    server.server_close()


if __name__ == "__main__":
    main()
