"""Start the broker and stay until SIGTERM.

Arguments: the port on this machine, how many partitions a topic has, how many megabytes a partition keeps.
"""

import asyncio
import signal
import sys
from typing import Final

import uvloop

from oms_platform.kafka.topics import topic_names
from oms_tools.laptop.memory_kafka.broker import Broker
from oms_tools.laptop.memory_kafka.server import Connection

HOST: Final = "127.0.0.1"
_MEGABYTE: Final = 1024 * 1024


async def serve(port: int, partitions: int, bytes_max: int) -> None:
    """Serve until the process is to end."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    for end in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(end, over.set)
    broker = Broker((HOST, port), topic_names(), partitions, bytes_max)
    await loop.create_server(lambda: Connection(broker), HOST, port)
    await over.wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) * _MEGABYTE))
