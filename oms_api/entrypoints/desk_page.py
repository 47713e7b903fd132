"""The desk at /: the files that `make desk` has built, and what the page is told about log-in.

The law of this module: a browser runs the scripts and styles that this gateway serves, and no other; it asks
this gateway and, where people log in, the issuer's own origin, and nobody else. The page itself is fetched
anew each time, its files are kept by browsers under the hash of what they hold.
"""

import gzip
import hashlib
import mimetypes
import secrets
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from litestar import Response, route
from litestar.handlers import HTTPRouteHandler

from oms_api.domain.refusal import Refusal, RefusalCode
from oms_api.entrypoints.answers import JSON, encode
from oms_api.entrypoints.operation import Caller, respond

FOLDER: Final = Path(__file__).parent / "desk"
PAGE: Final = "index.html"
FILES: Final = ("desk.js", "desk.css", "icon.svg", "licences.txt")
NONCE_BYTES: Final = 16
_NONCE: Final = "{{nonce}}"
# A file that is asked for by its hash is the same for ever.
_FOR_EVER: Final = "public, max-age=31536000, immutable"


class Asset(NamedTuple):
    """A file of the page: as it is, and compressed. name: the hash of what it holds."""

    body: bytes
    packed: bytes
    name: str
    media_type: str


def policy_of(nonce: str, issuer: str = "") -> str:
    """Return the page's Content-Security-Policy: its own scripts and styles, this server to ask.

    nonce: of the one style element that the grid makes of itself. issuer: where the page logs people in,
    empty for nowhere. Trusted Types: text never becomes markup, whatever a name or a reason holds.
    """
    place = urlsplit(issuer)
    asked = f"'self' {place.scheme}://{place.netloc}" if issuer else "'self'"
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self';"
        f" connect-src {asked}; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
        " require-trusted-types-for 'script'; trusted-types 'none'"
    )


def assets() -> dict[str, Asset]:
    """Read the page's files. Raises OSError when one is missing: `make desk` builds them."""
    found = {}
    for name in FILES:
        body = (FOLDER / name).read_bytes()
        digest = hashlib.sha256(body).hexdigest()[:16]
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        found[name] = Asset(body, gzip.compress(body, mtime=0), digest, kind)
    return found


def page_of(source: str, files: dict[str, Asset]) -> str:
    """Return the page with each file named by its hash; the nonce is put in for each answer."""
    for name, one in files.items():
        source = source.replace(f"{{{{{name}}}}}", one.name)
    return source


def page_routes(issuer: str, client_id: str, scope: str, *, is_demo: bool = False) -> list[HTTPRouteHandler]:
    """Return the routes of the page, its files and its settings. They need no token: nothing is anybody's.

    client_id: as which client of the issuer the page logs people in, empty for not at all. is_demo: this is a
    demo's stack, so that the page has its guide and its chaos panel.
    """
    files = assets()
    page = page_of((FOLDER / PAGE).read_text(), files)
    settings: dict[str, object] = {}
    if client_id:
        settings |= {"issuer": issuer.rstrip("/"), "clientId": client_id, "scope": scope}
    if is_demo:
        settings["demo"] = True
    asked = issuer if client_id else ""

    @_route("/")
    async def desk() -> Response[bytes]:
        nonce = secrets.token_urlsafe(NONCE_BYTES)
        headers = {
            "content-security-policy": policy_of(nonce, asked),
            "referrer-policy": "no-referrer",
            "cross-origin-opener-policy": "same-origin",
        }
        return Response(page.replace(_NONCE, nonce).encode(), media_type="text/html", headers=headers)

    @_route("/desk/{name:str}")
    async def asset(request: Caller) -> Response[bytes]:
        one = files.get(str(request.path_params["name"]))
        if one is None:
            return respond(Refusal(code=RefusalCode.NOT_FOUND, message="no such page"))
        is_named = request.query_params.get("v") == one.name
        headers = {
            "etag": f'"{one.name}"',
            "cache-control": _FOR_EVER if is_named else "no-cache",
            "vary": "accept-encoding",
        }
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(b"", status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(
                one.packed, media_type=one.media_type, headers=headers | {"content-encoding": "gzip"}
            )
        return Response(one.body, media_type=one.media_type, headers=headers)

    @_route("/page-settings.json")
    async def page_settings() -> Response[bytes]:
        return Response(encode(settings), media_type=JSON)

    return [desk, asset, page_settings]


def _route(path: str) -> route:
    return route(path, http_method=["GET", "HEAD"], status_code=200, include_in_schema=False)
