"""The blotter at /blotter, one file.

The law of this module: a browser runs what that file holds, and no more; it asks this gateway and, where
people log in, the issuer's own origin, and nobody else.
"""

import base64
import hashlib
import re
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from litestar import Response, route
from litestar.handlers import HTTPRouteHandler

_SOURCE: Final = Path(__file__).parent / "blotter.html"


def policy_of(page: bytes, issuer: str = "") -> str:
    """Return a page's Content-Security-Policy: its own scripts and styles by hash, this server to ask.

    issuer: where the page logs people in, empty for nowhere. A hash is of the bytes between an element's tags
    (CSP level 3, section 2.3.1).
    """

    def hashes(element: bytes) -> str:
        found = re.findall(rb"<%b>(.*?)</%b>" % (element, element), page, re.DOTALL)
        return " ".join(
            f"'sha256-{base64.b64encode(hashlib.sha256(text).digest()).decode()}'" for text in found
        )

    place = urlsplit(issuer)
    asked = f"'self' {place.scheme}://{place.netloc}" if issuer else "'self'"
    return (
        f"default-src 'none'; script-src {hashes(b'script')}; style-src {hashes(b'style')}; img-src data:;"
        f" connect-src {asked}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def blotter_routes(issuer: str) -> list[HTTPRouteHandler]:
    """Return the route of the page, which needs no token. issuer: where people log in, empty for nowhere."""
    page = _SOURCE.read_bytes()
    headers = {
        "content-security-policy": policy_of(page, issuer),
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-cache",
    }

    @route("/blotter", http_method=["GET", "HEAD"], status_code=200, include_in_schema=False)
    async def blotter() -> Response[bytes]:
        return Response(page, media_type="text/html", headers=headers)

    return [blotter]
