"""A load balancer before several gateways: a connection goes to the next one that is ready."""

import asyncio
import contextlib
import itertools
import threading
from collections.abc import Callable, Sequence

from oms_tools.laptop.stack import http_ready
from tests.patience import EVENTUALLY_S
from tests.ports import free_port

LOOK_S = 0.25
CHUNK_BYTES = 65_536


class Balancer:
    """Listens on a port of its own and hands connections on, in turn; ends both sides when one ends."""

    def __init__(self, gateways: Callable[[], Sequence[int]]) -> None:
        self.port = free_port()
        self._gateways = gateways
        self._ready: Sequence[int] = gateways()
        self._turns = itertools.count()
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="balancer", daemon=True)

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen. Raises RuntimeError when that takes too long."""
        self._thread.start()
        if not self._started.wait(EVENTUALLY_S):
            raise RuntimeError(f"the load balancer did not listen on {self.port} within {EVENTUALLY_S:.0f} s")

    def stop(self) -> None:
        """End every connection."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", self.port))
        looking = self._loop.create_task(self._look())
        self._started.set()
        self._loop.run_forever()
        tasks = [looking, *asyncio.all_tasks(self._loop)]
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _look(self) -> None:
        while True:
            ports = self._gateways()
            probes = [http_ready(f"http://127.0.0.1:{port}/health/ready") for port in ports]
            found = await asyncio.gather(*(asyncio.to_thread(probe) for probe in probes))
            self._ready = [port for port, ready in zip(ports, found, strict=True) if ready] or ports
            await asyncio.sleep(LOOK_S)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = next(self._turns)
        ready = self._ready
        for place in range(len(ready)):
            port = ready[(first + place) % len(ready)]
            try:
                inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                continue
            ways = [self._carry(reader, inner_writer), self._carry(inner_reader, writer)]
            tasks = [asyncio.create_task(way) for way in ways]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            inner_writer.transport.abort()
            break
        writer.transport.abort()

    @staticmethod
    async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                writer.write(data)
                await writer.drain()
