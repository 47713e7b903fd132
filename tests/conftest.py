"""Real parts for tests: one Postgres and Redis a session, a fresh database and in-memory Kafka a test."""

import os
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from oms_platform.clock import utc_now
from oms_platform.kafka.settings import KafkaSettings
from oms_platform.schema.demo_data import seed
from oms_platform.schema.migrate import migrate
from oms_tools.laptop.apache_kafka import apache_kafka_part
from oms_tools.laptop.parts import (
    Part,
    ensure_database,
    memory_kafka_part,
    postgres_dsn,
    postgres_part,
    redis_part,
    wait_until,
)
from tests.ports import free_port

KAFKA_VARIABLE = "OMS_TEST_KAFKA"

# How long an example takes says what else the machine does, not whether the property holds: the first one
# that draws text builds Hypothesis' tables of Unicode, seconds on a busy machine.
settings.register_profile("oms", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("oms")


def pytest_report_header() -> str:
    """Say which Kafka the tests run on."""
    return f"kafka: {os.environ.get(KAFKA_VARIABLE, 'memory')}"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A suite that was asked for and skipped is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@contextmanager
def running(part: Part, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a part until the block ends."""
    with log.open("wb") as output:
        process = subprocess.Popen(part.command, user=part.user, stdout=output, stderr=output)
    try:
        wait_until(part.ready, part.name)
        yield process
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def database_folder() -> Iterator[Path]:
    """A folder that a Postgres of another user may enter, also while other pytest sessions run.

    Each session of root's closes pytest's own temporary folder to all others when it starts.
    """
    with tempfile.TemporaryDirectory(prefix="oms-test-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def postgres_port() -> Iterator[int]:
    """The port of a running Postgres with a migrated and seeded template database."""
    port = free_port()
    with database_folder() as folder, running(postgres_part(folder / "data", port), folder / "postgres.log"):
        ensure_database(port, "template_oms")
        dsn = postgres_dsn(port, "template_oms")
        migrate(dsn, utc_now())
        seed(dsn)
        yield port


@pytest.fixture
def make_database(postgres_port: int) -> Iterator[Callable[[], str]]:
    """A function that makes a fresh, migrated and seeded database and returns its address."""
    made: list[str] = []

    def make() -> str:
        name = f"oms_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(postgres_dsn(postgres_port, "postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template_oms STRATEGY file_copy")
        made.append(name)
        return postgres_dsn(postgres_port, name)

    yield make
    with psycopg.connect(postgres_dsn(postgres_port, "postgres"), autocommit=True) as connection:
        for name in made:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def dsn(make_database: Callable[[], str]) -> str:
    """The address of a fresh, migrated and seeded database."""
    return make_database()


@pytest.fixture(scope="session")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a running Redis."""
    folder = tmp_path_factory.mktemp("redis")
    port = free_port()
    with running(redis_part(folder, port), folder / "redis.log"):
        yield port


@pytest.fixture
def memory_kafka(tmp_path: Path) -> Iterator[KafkaSettings]:
    """A fresh broker: in memory, or with OMS_TEST_KAFKA=apache a real Apache Kafka."""
    if os.environ.get(KAFKA_VARIABLE) == "apache":
        port = free_port()
        part = apache_kafka_part(tmp_path / "kafka", port, free_port())
        with running(part, tmp_path / "kafka.log"):
            yield KafkaSettings(bootstrap=f"127.0.0.1:{port}", fetch_wait_ms=100)
        return
    port = free_port()
    with running(memory_kafka_part(port), tmp_path / "kafka.log"):
        yield KafkaSettings(bootstrap=f"127.0.0.1:{port}")


@pytest.fixture
def cleanup() -> Iterator[ExitStack]:
    """A stack of what to undo when the test ends, last first."""
    with ExitStack() as stack:
        yield stack
