"""One stack for a module's tests; a test that has made it ill does not pass that on to the next one."""

import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from oms_tools.laptop.layout import PORTS
from tests.conftest import KAFKA_VARIABLE, database_folder
from tests.ports import free_ports

pytest.register_assert_rewrite("tests.hostile.floor")

from tests.hostile.floor import Floor, start_floor, stop_floor  # noqa: E402  (what it asserts is shown)

# Questions are asked soon, and a venue is not taken for closed because a test leaves it silent.
ENVIRONMENT = {
    "OMS_ADAPTER_STATUS_TIMEOUT_S": "0.1",
    "OMS_ADAPTER_CHECKPOINT_S": "0.2",
    "OMS_SOR_SILENT_MS": "600000",
}


class Floors:
    """The floor that the tests of a module share, and a fresh one when it is ill."""

    def __init__(self) -> None:
        self._floor: Floor | None = None
        self._parts = ExitStack()

    def well(self) -> Floor:
        """Return a floor on which everything stands well, its venues polite until a test says otherwise."""
        if self._floor is None or not self._floor.can_begin():
            self.stop()
            first = free_ports(len(PORTS) + 1)
            folder = self._parts.enter_context(database_folder())
            kafka = os.environ.get(KAFKA_VARIABLE, "memory")
            secrets = folder / "secrets"
            secrets.mkdir(parents=True, exist_ok=True)
            environment = ENVIRONMENT | {"OMS_ADAPTER_SECRETS_DIR": str(secrets)}
            self._floor = start_floor(folder, first, first + len(PORTS), kafka, environment)
            self._parts.callback(stop_floor, self._floor)
            self._floor.begin()
        return self._floor

    def stop(self) -> None:
        """Stop what runs."""
        self._parts.close()
        self._floor = None


@pytest.fixture(scope="module")
def floors() -> Iterator[Floors]:
    """The floors of a module."""
    floors = Floors()
    yield floors
    floors.stop()


@pytest.fixture
def floor(floors: Floors) -> Floor:
    """A floor that stands well, its venues polite until the test says otherwise."""
    return floors.well()
