"""A gRPC server in a thread of its own, beside a synchronous loop."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

from grpclib.server import Server


class GrpcDoor:
    """Serves grpclib services until it is stopped."""

    def __init__(self, services: Sequence[Any], host: str, port: int) -> None:
        self._services = services
        self._host, self._port = host, port
        self._loop = asyncio.new_event_loop()
        self._stopped = asyncio.Event()
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="grpc", daemon=True)

    def start(self) -> None:
        """Listen; returns when the port is open. Raises OSError when it is taken."""
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Close the port and end the thread."""
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(timeout=5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        server = Server(list(self._services))
        try:
            await server.start(self._host, self._port)
        except OSError as error:
            self._failure = error
            self._started.set()
            return
        self._started.set()
        await self._stopped.wait()
        server.close()
        await server.wait_closed()
