"""What needs a Docker engine, and minutes, is collected by `make deploy-test` only."""

import os
from collections.abc import Iterator

import pytest

from tests.deploy.engine import docker_engine
from tests.deploy.standins import build_standins

collect_ignore = [] if os.environ.get("OMS_TEST_DEPLOY") else ["test_compose.py", "test_compose_ha.py"]


@pytest.fixture(scope="session")
def images() -> Iterator[dict[str, str]]:
    """The variables that name the images which no registry gives here, with an engine that has them."""
    with docker_engine():
        yield {} if os.environ.get("OMS_TEST_IMAGES") == "registry" else build_standins()
