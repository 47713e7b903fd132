"""A REST API and its issuer that answer what a test tells them, on a real socket."""

import json
import threading
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from oms_tools.cli.client import ISSUER_VARIABLE, URL_VARIABLE

Query = dict[str, list[str]]
# A body, (status, body), (status, body, headers), CUT, or what makes one of a request's query and body.
Answer = Any
# The connection is closed after the request was read.
CUT = object()
NO_PAGE = (404, {"error": {"code": "NOT_FOUND", "message": "no such page"}})


@dataclass
class StandIn:
    """answers: by "METHOD /path". asked: every request, with its query and body. headers: of each."""

    answers: dict[str, Answer]
    url: str = ""
    asked: list[tuple[str, Query, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def environment(self) -> Mapping[str, str]:
        """What lets `oms` speak to it."""
        return {URL_VARIABLE: self.url, ISSUER_VARIABLE: self.url, "COLUMNS": "80"}

    def queries(self, place: str) -> list[Query]:
        """Return the queries of requests to a place."""
        return [query for asked, query, _ in self.asked if asked == place]


@contextmanager
def stand_in(answers: dict[str, Answer]) -> Iterator[StandIn]:
    """Serve answers until the block ends."""
    found = StandIn(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def do_PUT(self) -> None:
            self._serve()

        def do_PATCH(self) -> None:
            self._serve()

        def do_DELETE(self) -> None:
            self._serve()

        def _serve(self) -> None:
            parts = urllib.parse.urlsplit(self.path)
            text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if parts.path == "/.well-known/openid-configuration":
                self._send(200, {"token_endpoint": f"{found.url}/token"})
                return
            if parts.path == "/token":
                self._send(200, {"access_token": "a-token"})
                return
            place = f"{self.command} {parts.path}"
            query = urllib.parse.parse_qs(parts.query)
            is_form = "form" in self.headers.get("Content-Type", "")
            body = urllib.parse.parse_qs(text.decode()) if is_form else json.loads(text or b"null")
            found.asked.append((place, query, body))
            found.headers.append(dict(self.headers))
            answer = found.answers.get(place, NO_PAGE)
            if callable(answer):
                answer = answer(query, body)
            if answer is CUT:
                self.close_connection = True
                return
            self._send(*(answer if isinstance(answer, tuple) else (200, answer)))

        def _send(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_args: Any) -> None:
            """Leave requests out of the test's output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
