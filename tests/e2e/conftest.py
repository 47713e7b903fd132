"""One running stack for all end-to-end suites."""

import os
from collections.abc import Iterator

import pytest

from oms_tools.laptop.layout import Layout
from tests.conftest import KAFKA_VARIABLE, database_folder
from tests.stack_rig import StackRig, free_base_port


@pytest.fixture(scope="package")
def rig() -> Iterator[StackRig]:
    """A running stack, on the Kafka that the suite runs on."""
    with database_folder() as folder:
        layout = Layout(data=folder, base_port=free_base_port())
        rig = StackRig(layout=layout, kafka=os.environ.get(KAFKA_VARIABLE, "memory"))
        rig.up()
        yield rig
        rig.down()
