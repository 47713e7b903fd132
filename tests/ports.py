"""TCP ports for what tests start: of several test processes no two are given the same one."""

import fcntl
import os
import secrets
import socket
import tempfile
from pathlib import Path
from typing import Final

# Linux gives outgoing connections ports from 32768 on; one of those may be taken before a server binds it.
_PORTS: Final = range(20_000, 32_000)
_LOCKS: Final = Path(tempfile.gettempdir()) / f"oms-test-ports-{os.getuid()}"
# The locked files of the ports that this process has been given; they are let go when it ends.
_held: Final[dict[int, int]] = {}


def free_port() -> int:
    """Return a port that nobody listens on, and that nobody else is given while this process lives."""
    return free_ports(1)


def free_ports(count: int) -> int:
    """Return the first of so many such ports in a row."""
    while True:
        first = _PORTS.start + secrets.randbelow(len(_PORTS) - count + 1)
        if all(_take(port) for port in range(first, first + count)):
            return first


def _take(port: int) -> bool:
    if port in _held:
        return False
    _LOCKS.mkdir(exist_ok=True)
    lock = os.open(_LOCKS / str(port), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
    except OSError:
        os.close(lock)
        return False
    _held[port] = lock
    return True
