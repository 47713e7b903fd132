"""How the gateway leaves: what came before is answered, what comes now is refused, streams get a code.

Health and metrics are answered to the end: a load balancer has to learn that it is over.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog
from grpclib.events import RecvRequest, listen
from grpclib.server import Server

from oms_api.entrypoints.answers import refused
from oms_api.entrypoints.grpc_open import HEALTH_PREFIX
from oms_api.entrypoints.grpc_refusals import refused as grpc_refused
from oms_api.entrypoints.http_door import AsgiApp, Receive, Scope, Send, send_answer
from oms_api.handlers import unavailable
from oms_platform.health import LIVE_PATHS, READY_PATHS

SETTLE_S_MAX: Final = 10.0
_ALWAYS: Final = frozenset((*LIVE_PATHS, *READY_PATHS))
_STOPPING: Final = "this gateway stops: send the request again"

log = structlog.get_logger()


class Drain:
    """Counts the requests that are being answered, and refuses new ones from `begin` on."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def begin(self) -> None:
        """Refuse what comes from now on."""
        self.begun.set()

    async def settle(self) -> None:
        """Wait until everything that came before is answered, for SETTLE_S_MAX at most."""
        try:
            async with asyncio.timeout(SETTLE_S_MAX):
                await self._idle.wait()
        except TimeoutError:
            log.warning("requests_unanswered", count=self._in_flight, waited_s=SETTLE_S_MAX)

    def _enter(self) -> None:
        self._in_flight += 1
        self._idle.clear()

    def _leave(self) -> None:
        self._in_flight -= 1
        if not self._in_flight:
            self._idle.set()

    def http(self, app: AsgiApp) -> AsgiApp:
        """Return the application behind this."""

        async def door(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or scope["path"] in _ALWAYS:
                await app(scope, receive, send)
            elif self.begun.is_set():
                await send_answer(send, refused(unavailable(_STOPPING)), b"")
            else:
                self._enter()
                try:
                    await app(scope, receive, send)
                finally:
                    self._leave()

        return door

    def grpc(self, server: Server) -> None:
        """Put the calls of a gRPC server behind this."""

        async def on_request(event: RecvRequest) -> None:
            if not event.method_name.startswith(HEALTH_PREFIX):
                event.method_func = self._counted(event.method_func)

        listen(server, RecvRequest, on_request)

    def _counted(self, call: Callable[[Any], Awaitable[None]]) -> Any:
        async def counted(stream: Any) -> None:
            if self.begun.is_set():
                raise grpc_refused(unavailable(_STOPPING))
            self._enter()
            try:
                await call(stream)
            finally:
                self._leave()

        return counted
