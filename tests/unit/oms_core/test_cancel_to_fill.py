"""What counts as a cancel and as a fill, and that a core that begins anew counts the same."""

import pytest

from oms_platform.vocabulary import OrderChange
from tests.unit.oms_core.scene import ACCOUNT, LIMITS, Scene, rule

RULES = (*LIMITS, rule("CANCEL_TO_FILL_EXCEEDED", ratio_max=2, free=2))


@pytest.mark.parametrize("begins_anew", [False, True])
def test_cancels_and_replaces_are_taken_and_new_orders_are_not_until_there_are_fills(
    begins_anew: bool,
) -> None:
    scene = Scene(limits=RULES)
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    for quantity in (299, 298, 297):
        scene.replace(order_id, OrderChange(quantity=quantity))
    if begins_anew:
        scene.start()
    denied = scene.order()
    assert scene.state(denied).text == "CANCEL_TO_FILL_EXCEEDED: cancels=3, fills=0, window_s=60, limit=2"
    scene.cancel(order_id)
    assert scene.state(order_id).cancel is not None
    for _ in range(2):
        scene.fill(order_id, 10)
    if begins_anew:
        scene.start()
    assert scene.core.desk.states[ACCOUNT].fills.within(scene.now, 60) == 2
    assert not scene.state(scene.order()).closed
    scene.cancel(order_id)
    assert scene.state(scene.order()).text.startswith("CANCEL_TO_FILL_EXCEEDED: cancels=5, fills=2")
    scene.step(60)
    assert not scene.state(scene.order()).closed
