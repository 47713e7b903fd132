"""Start the broker, write `host:port` to a file, and stay until SIGTERM.

Arguments: the file, how many partitions a topic has, and how many megabytes a partition keeps. An earlier
broker's address stays in the file until this one's is there: whoever reads it meanwhile must find one.
"""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Final

import uvloop

from oms_platform.kafka.topics import topic_names
from oms_tools.laptop.memory_kafka.broker import Broker
from oms_tools.laptop.memory_kafka.server import Connection

HOST: Final = "127.0.0.1"
_MEGABYTE: Final = 1024 * 1024


async def serve(address_file: Path, partitions: int, bytes_max: int) -> None:
    """Serve until the process is to end."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    for end in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(end, over.set)
    brokers: list[Broker] = []
    server = await loop.create_server(lambda: Connection(brokers[0]), HOST, 0, start_serving=False)
    address = server.sockets[0].getsockname()
    brokers.append(Broker(address, topic_names(), partitions, bytes_max))
    await server.start_serving()
    partial = address_file.with_suffix(".partial")
    partial.write_text(f"{address[0]}:{address[1]}")
    partial.rename(address_file)
    await over.wait()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) * _MEGABYTE))
