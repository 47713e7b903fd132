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
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from hypothesis import HealthCheck, settings

from oms_platform.clock import utc_now
from oms_platform.kafka.settings import KafkaSettings, client_config
from oms_platform.schema.demo_data import seed
from oms_platform.schema.migrate import migrate
from oms_tools.laptop.apache_kafka import apache_kafka_part
from oms_tools.laptop.parts import (
    PART_START_TIMEOUT_S,
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
# A JVM that starts beside other tests waits for a processor.
APACHE_START_S_MAX = 90.0

# How long an example takes says what else the machine does, not whether the property holds: the first one
# that draws text builds Hypothesis' tables of Unicode, seconds on a busy machine.
settings.register_profile("oms", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("oms")


# The files that take longest, so that none of them is left to run alone at the end.
LONGEST_FIRST = (
    "faults/test_bad_input.py", "properties/test_contract.py", "e2e/test_stack.py",
    "integration/test_keycloak.py", "integration/test_execution_adapter.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first: pytest-xdist gives files to whoever is free, in their order."""
    place = {name: number for number, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: place.get(f"{item.path.parent.name}/{item.path.name}", len(place)))


def pytest_report_header() -> str:
    """Say which Kafka the tests run on."""
    return f"kafka: {os.environ.get(KAFKA_VARIABLE, 'memory')}"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A suite that was asked for and skipped is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@contextmanager
def running(
    part: Part, log: Path, start_s_max: float = PART_START_TIMEOUT_S
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a part until the block ends."""
    with log.open("wb") as output:
        process = subprocess.Popen(part.command, user=part.user, stdout=output, stderr=output)
    try:
        wait_until(part.ready, part.name, start_s_max)
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


class ApacheKafka:
    """A real Apache Kafka that tests take one after another, each emptied of what the one before it left.

    It starts when it is first asked for, and anew when it cannot be emptied: a JVM a test would take longer
    than most tests.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._running = folder, ExitStack()
        self._started = 0
        self._settings: KafkaSettings | None = None

    def take(self) -> KafkaSettings:
        """Return how to reach a broker that holds nothing."""
        if self._settings is None or not _emptied(self._settings):
            self.stop()
            self._started += 1
            folder, port = self._folder / f"kafka-{self._started}", free_port()
            part = apache_kafka_part(folder, port, free_port())
            self._running.enter_context(running(part, folder / "kafka.log", APACHE_START_S_MAX))
            self._settings = KafkaSettings(bootstrap=f"127.0.0.1:{port}", fetch_wait_ms=100)
        return self._settings

    def stop(self) -> None:
        """End the broker, if there is one."""
        self._running.close()
        self._settings = None


def _emptied(settings: KafkaSettings) -> bool:
    """Delete every topic and every group. Returns whether all are gone: a killed member holds its group."""
    admin = AdminClient(client_config(settings) | {"log_level": 0})
    try:
        if topics := [name for name in admin.list_topics(timeout=5).topics if not name.startswith("__")]:
            for deleted in admin.delete_topics(topics, operation_timeout=5).values():
                deleted.result(timeout=10)
        if groups := [group.group_id for group in admin.list_consumer_groups().result(timeout=5).valid]:
            for deleted in admin.delete_consumer_groups(groups).values():
                deleted.result(timeout=5)
        return all(name.startswith("__") for name in admin.list_topics(timeout=5).topics)
    except (KafkaException, TimeoutError):
        return False


@pytest.fixture(scope="session")
def apache_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafka]:
    """The real Kafka of this worker."""
    kafka = ApacheKafka(tmp_path_factory.mktemp("apache-kafka"))
    yield kafka
    kafka.stop()


@pytest.fixture
def memory_kafka(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KafkaSettings]:
    """A broker that holds nothing: in memory, or with OMS_TEST_KAFKA=apache a real Apache Kafka."""
    if os.environ.get(KAFKA_VARIABLE) == "apache":
        yield request.getfixturevalue("apache_kafka").take()
        return
    port = free_port()
    with running(memory_kafka_part(port), tmp_path / "kafka.log"):
        yield KafkaSettings(bootstrap=f"127.0.0.1:{port}")


@pytest.fixture
def cleanup() -> Iterator[ExitStack]:
    """A stack of what to undo when the test ends, last first."""
    with ExitStack() as stack:
        yield stack
