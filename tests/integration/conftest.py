"""What `make integration` runs: what a real Kafka can answer otherwise than one in memory, and Keycloak.

What needs no broker, or any, has been shown by `make test`.
"""

import os

import pytest

from tests.conftest import KAFKA_VARIABLE

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


def is_asked_again(suite: str) -> bool:
    """Say whether a suite that uses a broker is run on the real one too."""
    if suite in WITH_ANY_BROKER:
        return False
    return suite == WITHOUT_ITS_BROKER or not suite.startswith(OF_THE_GATEWAY)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what a real Kafka cannot answer otherwise."""
    if not ON_APACHE:
        return
    kept, left_out = [], []
    for item in items:
        here = item.path.parent.name == "integration"
        uses_broker = "memory_kafka" in getattr(item, "fixturenames", ())
        again = uses_broker and is_asked_again(item.path.name)
        (kept if not here or again or item.path.name in ONLY_ON_APACHE else left_out).append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = kept
