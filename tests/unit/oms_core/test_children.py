"""How many venue orders an order may have, before a route of it is asked for."""

from uuid import UUID

import pytest

from oms_core.domain.touch import TouchPrices
from oms_core.domain.transitions import Lifecycle
from oms_platform.risk_rules import Mode, RuleRow, Severity
from oms_platform.scopes import EVERYTHING
from oms_platform.vocabulary import ExecType, OrderChange, OrderType, Peg, PegType
from tests.unit.oms_core.orders import PRICE
from tests.unit.oms_core.scene import LIMITS, Scene, rule

BOUND = rule("CHILDREN_EXCEEDED", children_max=10)
TOLD = "CHILDREN_EXCEEDED: children=10, limit=10"


def sent(scene: Scene, children: int) -> UUID:
    """Return an order that has had so many venue orders, each of which traded a share and was canceled."""
    order_id = scene.order(quantity=1_000)
    for attempt in range(1, children + 1):
        scene.place(order_id, ("XNYS", 100))
        scene.fill(order_id, 1, attempt=attempt, order_qty=100)
        scene.report(order_id, ExecType.CANCELED, attempt=attempt, order_qty=100)
        scene.step(11)
    return order_id


def test_no_route_is_asked_for_beyond_it_and_the_order_says_why_until_the_limit_is_raised() -> None:
    scene = Scene(limits=(*LIMITS, BOUND))
    order_id = sent(scene, 9)
    assert scene.state(order_id).route_quantity > 0
    order_id = sent(scene, 10)
    order = scene.state(order_id)
    assert (order.lifecycle, order.route_quantity, order.text) == (Lifecycle.LIVE, 0, TOLD)
    told = scene.event_types(order_id)
    scene.step(600)
    assert scene.event_types(order_id) == told
    scene.store.set_rules((*LIMITS, rule("CHILDREN_EXCEEDED", children_max=11)))
    scene.step(1)
    assert scene.state(order_id).route_quantity > 0
    scene.cancel(order_id)


def test_an_order_that_waits_for_it_is_canceled_on_request_and_its_replace_may_be_denied() -> None:
    scene = Scene(limits=(*LIMITS, BOUND))
    order_id = sent(scene, 10)
    scene.replace(order_id, OrderChange(quantity=900))
    assert scene.state(order_id).terms.quantity == 900
    scene.cancel(order_id)
    assert scene.state(order_id).closed


@pytest.mark.parametrize("more", [{"mode": Mode.OFF}, {"mode": Mode.SHADOW}, {"severity": Severity.SOFT}])
def test_a_rule_that_does_not_deny_stops_no_route(more: dict[str, Mode | Severity]) -> None:
    row = RuleRow(rule="CHILDREN_EXCEEDED", scope=EVERYTHING, parameters={"children_max": 10}, **more)  # type: ignore[arg-type]
    scene = Scene(limits=(*LIMITS, row))
    assert scene.state(sent(scene, 10)).route_quantity > 0


def test_a_core_that_begins_anew_still_waits_and_goes_on_when_the_limit_is_raised() -> None:
    scene = Scene(limits=(*LIMITS, BOUND))
    order_id = sent(scene, 10)
    scene.start()
    scene.step(5)
    assert (scene.state(order_id).route_quantity, scene.state(order_id).text) == (0, TOLD)
    scene.store.set_rules(LIMITS)
    scene.step(1)
    assert scene.state(order_id).route_quantity > 0


def test_what_venues_have_of_a_pegged_order_still_follows_the_market() -> None:
    scene = Scene(limits=(*LIMITS, BOUND))
    peg = Peg(peg_type=PegType.PRIMARY)
    order_id = scene.order(quantity=1_000, order_type=OrderType.PEGGED, peg=peg, limit_price_micros=None)
    scene.place(order_id, *[("XNYS", 90)] * 10)
    scene.report(order_id, ExecType.CANCELED, order_qty=90)
    before = scene.state(order_id)
    assert (len(before.children), before.route_quantity, before.text) == (10, 0, TOLD)
    scene.quotes.quote = TouchPrices(
        bid_micros=PRICE - 50_000, offer_micros=PRICE, sequence=7, quoted_at=scene.now
    )
    scene.step(1)
    after = scene.state(order_id)
    assert before.pegged is not None and after.pegged is not None
    assert after.pegged.price_micros == PRICE - 50_000 != before.pegged.price_micros
    assert after.route_quantity == 0
