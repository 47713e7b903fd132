"""The door: HTTP on loopback for this stack's gateway, which alone knows its password.

GET  /chaos            how everything stands
POST /chaos            {"request": {…}, "by": "admin1"}: begin something; 202, or 400 and 409 with why not
GET  /health/ready     whether it answers
"""

import hmac
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import msgspec
import structlog

from oms_api.domain.chaos import Chaos, ChaosAction, ChaosRequest
from oms_platform.health import READY_PATHS
from oms_tools.chaos.conductor import NotDoneError

LOOPBACK: Final = "127.0.0.1"
PATH: Final = "/chaos"
_BODY_BYTES_MAX: Final = 4_096
log = structlog.get_logger()


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a POST."""

    request: ChaosRequest
    by: str


def serve_door(
    port: int, password: str, look: Callable[[], Chaos], begin: Callable[[ChaosRequest, str], ChaosAction]
) -> ThreadingHTTPServer:
    """Return a server on `port` of loopback; `serve_forever` answers. Raises OSError."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path in READY_PATHS:
                self._answer(200, {"status": "UP", "problems": {}})
            elif self._may():
                self._do(lambda: (200, look()))

        def do_POST(self) -> None:
            if not self._may():
                return
            length = min(int(self.headers.get("Content-Length") or 0), _BODY_BYTES_MAX)
            body = self.rfile.read(max(0, length))

            def begun() -> tuple[int, object]:
                asked = msgspec.json.decode(body, type=Asked)
                return 202, begin(asked.request, asked.by)

            self._do(begun)

        def _may(self) -> bool:
            given = self.headers.get("Authorization", "").removeprefix("Bearer ")
            if not hmac.compare_digest(given.encode(), password.encode()):
                self._answer(403, {"message": "this door is for the gateway of its stack"})
                return False
            if self.path != PATH:
                self._answer(404, {"message": "no such page"})
                return False
            return True

        def _do(self, work: Callable[[], tuple[int, object]]) -> None:
            try:
                self._answer(*work())
            except NotDoneError as error:
                self._answer(400 if error.field else 409, {"message": str(error), "field": error.field})
            except msgspec.MsgspecError as error:
                self._answer(400, {"message": str(error), "field": ""})
            except Exception as error:
                log.warning("chaos_not_done", error=str(error), exc_info=True)
                self._answer(503, {"message": f"what is to be broken does not answer: {error}"})

        def _answer(self, status: int, content: object) -> None:
            body = msgspec.json.encode(content)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: Any) -> None:
            """Leave requests out of the log."""

    return ThreadingHTTPServer((LOOPBACK, port), Handler)
