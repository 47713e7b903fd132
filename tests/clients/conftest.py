"""One running stack for the generated clients."""

from collections.abc import Iterator

import pytest

from oms_tools.laptop.layout import Layout
from tests.conftest import database_folder
from tests.stack_rig import StackRig, free_base_port


@pytest.fixture(scope="package")
def rig() -> Iterator[StackRig]:
    """A running stack."""
    with database_folder() as folder:
        rig = StackRig(layout=Layout(data=folder, base_port=free_base_port()), kafka="memory")
        rig.up()
        yield rig
        rig.down()
