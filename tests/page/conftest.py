"""One running stack and one browser for all pages; a fresh page a test, with nothing to complain about."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from oms_tools.laptop.layout import Layout
from tests.conftest import KAFKA_VARIABLE, database_folder
from tests.page.desk import ANSWER_MS_MAX, Desk, browser
from tests.stack_rig import StackRig, free_base_port


@pytest.fixture(scope="package")
def rig() -> Iterator[StackRig]:
    """A running stack."""
    with database_folder() as folder:
        layout = Layout(data=folder, base_port=free_base_port())
        rig = StackRig(layout=layout, kafka=os.environ.get(KAFKA_VARIABLE, "memory"))
        rig.up()
        yield rig
        rig.down()


@pytest.fixture(scope="package")
def chrome() -> Iterator[Browser]:
    """A browser."""
    expect.set_options(timeout=ANSWER_MS_MAX)
    with browser() as running:
        yield running


@pytest.fixture
def desk(rig: StackRig, chrome: Browser, request: pytest.FixtureRequest) -> Iterator[Desk]:
    """A page, 1280 wide, of a browser that knows nothing yet.

    It has refused nothing and thrown nothing when the test ends. What the test itself cuts off may be
    missed by the network; a test that provokes a refusal clears `complaints`.
    """
    context = chrome.new_context(viewport={"width": 1280, "height": 800})
    desk = Desk(context.new_page(), rig)
    yield desk
    desk.picture(request.node.name[:80])
    context.close()
    missed = ("Failed to load resource", "WebSocket connection")
    assert [one for one in desk.complaints if not one.startswith(missed)] == []
