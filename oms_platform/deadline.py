"""Deadlines on Postgres connections that hold even when the server has stopped answering.

A cancel request would have to be answered by the same server; shutting the socket down needs nobody.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from typing import Any

import psycopg

AsyncConnection = psycopg.AsyncConnection[Any]


def cut(connection: AsyncConnection) -> None:
    """End a connection from outside: whoever waits on it gets psycopg.OperationalError."""
    with (
        contextlib.suppress(OSError, psycopg.Error),
        socket.socket(fileno=os.dup(connection.fileno())) as line,
    ):
        line.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def deadline(connection: AsyncConnection, seconds: float) -> Iterator[None]:
    """Cut the connection when the block takes longer."""
    timer = asyncio.get_running_loop().call_later(seconds, cut, connection)
    try:
        yield
    finally:
        timer.cancel()
