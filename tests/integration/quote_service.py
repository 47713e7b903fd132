"""A quote service for tests: any MarketDataService, served from a thread."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from grpclib.server import Server

from proto.gen.oms.v1 import MarketDataServiceBase
from tests.ports import free_port


@contextmanager
def served(service: MarketDataServiceBase) -> Iterator[int]:
    """Serve until the block ends. Gives the port."""
    port, loop = free_port(), asyncio.new_event_loop()
    started = threading.Event()

    async def open_door() -> Server:
        server = Server([service])
        await server.start("127.0.0.1", port)
        started.set()
        return server

    def serve() -> None:
        asyncio.set_event_loop(loop)
        server = loop.run_until_complete(open_door())
        loop.run_forever()
        server.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    assert started.wait(10)
    yield port
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
