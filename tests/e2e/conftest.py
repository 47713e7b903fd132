"""One running stack for all end-to-end suites."""

import os
from collections.abc import Iterator

import pytest

from oms_tools.laptop.layout import Layout
from oms_tools.laptop.parts import wait_until
from tests.conftest import KAFKA_VARIABLE, database_folder
from tests.patience import EVENTUALLY_S
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


@pytest.fixture(scope="module", autouse=True)
def cleared(rig: StackRig) -> None:
    """Nothing that another suite left is open when one begins: a selection of orders takes its own alone.

    Which suite comes before which depends on how many workers there are, and how fast.
    """
    desk = rig.client()

    def nothing_open() -> bool:
        if not list(desk.orders(is_open=True, most=1)):
            return True
        desk.cancel_all(older_than=0)
        return False

    wait_until(nothing_open, "the end of what other suites left open", EVENTUALLY_S)
