"""What `make integration` runs on a real Kafka, and `make test` does not: what a broker's answer decides."""

import os
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.conftest import KAFKA_VARIABLE
from tests.integration.api_rig import Gateway, gateway_alone
from tests.integration.rows import Rows

ON_APACHE = os.environ.get(KAFKA_VARIABLE) == "apache"
ONLY_ON_APACHE = ("test_group_leave.py", "test_kafka_security.py", "test_keycloak.py", "test_two_cores.py")
# Doors that publish and read as test_stream.py, test_core.py and tests/e2e do on the real one; so does every
# suite of the gateway's but one.
WITH_ANY_BROKER = (
    "test_fix_client_commands.py", "test_fix_commands.py", "test_fix_door.py", "test_read_replica.py",
    "test_reconciliations.py",
)  # fmt: skip
OF_THE_GATEWAY, WITHOUT_ITS_BROKER = "test_api_", "test_api_faults.py"
collect_ignore = [] if ON_APACHE else list(ONLY_ON_APACHE)


def is_decided_by_a_broker(item: pytest.Item) -> bool:
    """Say whether a test is of a suite that a real Kafka can answer otherwise than one in memory."""
    suite = item.path.name
    if suite in ONLY_ON_APACHE:
        return True
    if suite in WITH_ANY_BROKER or "memory_kafka" not in getattr(item, "fixturenames", ()):
        return False
    return suite == WITHOUT_ITS_BROKER or not suite.startswith(OF_THE_GATEWAY)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark them; all tests of the whole stack are marked too."""
    for item in items:
        room = item.path.parent.name
        if room == "e2e" or (room == "integration" and is_decided_by_a_broker(item)):
            item.add_marker("broker")


@pytest.fixture(scope="module")
def gateway_of_suite(
    tmp_path_factory: pytest.TempPathFactory, postgres_port: int, redis_port: int
) -> Iterator[tuple[Gateway, Rows]]:
    """One gateway of all tests of a suite, and the rows that it began with."""
    folder = tmp_path_factory.mktemp("gateway")
    with gateway_alone(folder, postgres_port, redis_port) as made:
        yield made, Rows(made.dsn)


@pytest.fixture
def clean_gateway(gateway_of_suite: tuple[Gateway, Rows]) -> Iterator[Gateway]:
    """The suite's gateway, on rows as they are at its start: a gateway a test takes seconds of a processor.

    For suites of what a gateway reads and writes, not of what it remembers.
    """
    made, rows = gateway_of_suite
    yield made
    rows.put_back()


@pytest.fixture
def db(dsn: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection of its own to the test's database."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection
