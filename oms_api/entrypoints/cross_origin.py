"""Cross-origin requests of browsers (the Fetch standard's CORS protocol), for the origins that settings name.

An origin is allowed or is not, by its exact text; credentials never are: a token is a header of the
page's own. This stands before everything else, so that no answer can be without it.
"""

from typing import Final

from oms_api.entrypoints.http_door import SAFETY, AsgiApp, Event, Receive, Scope, Send

MAX_AGE_S: Final = 600
_PREFLIGHT: Final = (
    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, PATCH, DELETE"),
    (
        b"access-control-allow-headers",
        b"authorization, content-type, idempotency-key, if-match, if-none-match, traceparent, x-oms-channel,"
        b" x-request-id",
    ),
    (b"access-control-max-age", str(MAX_AGE_S).encode()),
    (b"vary", b"access-control-request-method, access-control-request-headers"),
)
_EXPOSED: Final = (
    b"access-control-expose-headers",
    b"etag, link, location, ratelimit, ratelimit-policy, retry-after, www-authenticate, x-request-id",
)
_VARY: Final = (b"vary", b"origin")


class CrossOrigin:
    """The application behind it, for its own pages and for those of allowed origins."""

    def __init__(self, app: AsgiApp, origins: frozenset[str]) -> None:
        self._app = app
        self._origins = frozenset(origin.encode() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight of an allowed origin, or pass the request on and say who may read its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = [_VARY]
        given = [value for name, value in scope["headers"] if name == b"origin"]
        if len(given) == 1 and given[0] in self._origins:
            headers += [(b"access-control-allow-origin", given[0]), _EXPOSED]
            asked = any(name == b"access-control-request-method" for name, _ in scope["headers"])
            if asked and scope["method"] == "OPTIONS":
                start = {"status": 204, "headers": [*headers, *_PREFLIGHT, *SAFETY]}
                await send({"type": "http.response.start"} | start)
                await send({"type": "http.response.body", "body": b""})
                return

        async def send_with_origin(event: Event) -> None:
            if event["type"] == "http.response.start":
                event["headers"] = [*event.get("headers", ()), *headers]
            await send(event)

        await self._app(scope, receive, send_with_origin)
