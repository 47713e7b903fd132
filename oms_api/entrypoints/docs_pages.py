"""Pages for who builds on the API, without a network: the contract to read and try, and every problem."""

import html
import importlib.util
import mimetypes
from pathlib import Path
from typing import Final

from litestar import Response, route
from litestar.handlers import HTTPRouteHandler

from oms_api.domain.refusal import Refusal, RefusalCode
from oms_api.entrypoints.answers import PROBLEMS_PAGE, STATUS_OF
from oms_api.entrypoints.operation import Caller, respond

DOCS_PAGE: Final = "/docs"
ASSETS: Final = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")
# What the page may do: run what this server gives it, ask this server, and nothing else.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_DOCS: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>OMS order gateway: the API</title>
<link rel="icon" href="/docs/favicon-32x32.png"><link rel="stylesheet" href="/docs/swagger-ui.css"></head>
<body><div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body></html>
"""
_START: Final = """SwaggerUIBundle({url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true,
  persistAuthorization: false, validatorUrl: null, tryItOutEnabled: true});
"""
MEANING: Final = {
    RefusalCode.INVALID_REQUEST: (
        "The request is not what the contract says. Every wrong field is in `fields`. Nothing was stored:"
        " mend it and send it again, under the same clientOrderId if it is an order."
    ),
    RefusalCode.UNAUTHENTICATED: "There is no bearer token, or it is not good any more. Get a new one.",
    RefusalCode.FORBIDDEN: "The token does not give the right that this takes; the detail names the right.",
    RefusalCode.NOT_FOUND: "There is no such thing, or the caller's accounts do not include its account.",
    RefusalCode.METHOD_NOT_ALLOWED: "The page does not take that method; the Allow header says which.",
    RefusalCode.DUPLICATE_ORDER_ID: (
        "The clientOrderId of that account and channel is an order with other content, which stands."
    ),
    RefusalCode.DUPLICATE_REQUEST_ID: (
        "The request's own id (Idempotency-Key) is that of another order or request of that account and"
        " channel, which stands."
    ),
    RefusalCode.ORDER_CLOSED: "The order is closed; `orderStatus` says how. It cannot be changed.",
    RefusalCode.CONFLICT: "What is asked contradicts the state that it would change; `orderStatus` names it.",
    RefusalCode.KILLED: (
        "A kill switch stops what was asked for; the message names it, its scope and why. Cancels are taken."
        " It may be asked again once the switch is released."
    ),
    RefusalCode.PRECONDITION_FAILED: (
        "What was to be changed is not the version that If-Match names; nothing was changed. Read it again:"
        " the answer's ETag is what If-Match takes."
    ),
    RefusalCode.RATE_LIMITED: (
        "The caller sends more than its rate allows. Retry-After says when the next request is taken."
    ),
    RefusalCode.UNAVAILABLE: (
        "A part that this needs is away. If it was an order, send it again under the same clientOrderId: one"
        " that was stored is answered as it was, and is never doubled."
    ),
}


def problems_page() -> str:
    """Return the page that the `type` of every problem points into."""
    rows = "".join(
        f'<section id="{code.value}"><h2>{code.value} <small>HTTP {STATUS_OF[code]}</small></h2>'
        f"<p>{html.escape(MEANING[code])}</p></section>"
        for code in RefusalCode
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Problems</title>'
        f"</head><body><h1>Problems</h1>{rows}</body></html>"
    )


def docs_routes() -> list[HTTPRouteHandler]:
    """Return the routes. They need no token: they say nothing that is anybody's."""
    files = {name: (_swagger_ui() / name).read_bytes() for name in ASSETS}
    files["start.js"] = _START.encode()
    problems = problems_page().encode()

    @_page(DOCS_PAGE)
    async def docs() -> Response[bytes]:
        return _answer(_DOCS.encode(), "text/html")

    @_page(PROBLEMS_PAGE)
    async def of_problems() -> Response[bytes]:
        return _answer(problems, "text/html")

    @_page(f"{DOCS_PAGE}/{{name:str}}")
    async def asset(request: Caller) -> Response[bytes]:
        name = str(request.path_params["name"])
        if name not in files:
            return respond(Refusal(code=RefusalCode.NOT_FOUND, message="no such page"))
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return _answer(files[name], kind)

    return [docs, of_problems, asset]


def _swagger_ui() -> Path:
    """Return where Swagger UI's files are, without importing what comes with them."""
    found = importlib.util.find_spec("swagger_ui")
    if found is None or not found.submodule_search_locations:
        raise RuntimeError("expected the package swagger-ui-py, found none")
    return Path(found.submodule_search_locations[0]) / "static"


def _page(path: str) -> route:
    return route(path, http_method=["GET", "HEAD"], status_code=200, include_in_schema=False)


def _answer(body: bytes, media_type: str) -> Response[bytes]:
    return Response(body, media_type=media_type, headers={"content-security-policy": POLICY})
