"""What risk would say of what is not sent is what it says when it is sent, and it holds nothing."""

from copy import deepcopy
from datetime import timedelta
from typing import Any

import hypothesis.strategies as st
from hypothesis import given
from msgspec.structs import replace

from oms_core.domain.account import AccountState, SymbolState
from oms_core.handlers import verdict_of_change, verdicts_of_basket
from oms_platform.ids import uuid7
from oms_platform.overrides import denials_of
from oms_platform.risk_rules import RuleRow, Severity
from oms_platform.vocabulary import OrderChange, OrderTerms, OrderType, Side, TimeInForce
from tests.unit.oms_core.orders import PRICE
from tests.unit.oms_core.scene import ACCOUNT, OTHER, Scene, limits, rule
from tests.unit.oms_core.test_overrides import leave

# Each of these is met by some of the baskets below.
HELD_TO: tuple[RuleRow, ...] = (
    *limits(buying_power=900 * PRICE),
    rule("OPEN_ORDERS_EXCEEDED", open_max=4),
    rule("ORDER_RATE_EXCEEDED", orders_max=5, window_s=10),
    rule("MESSAGE_RATE_EXCEEDED", messages_max=7, window_s=10),
    rule("DUPLICATE_ORDER", repeats_max=2, window_s=10),
    rule("FIRM_CREDIT_EXCEEDED", credit=1_200 * PRICE),
)
LINES = st.lists(
    st.builds(
        dict,
        account_id=st.sampled_from((ACCOUNT, OTHER)),
        side=st.sampled_from((Side.BUY, Side.SELL)),
        quantity=st.sampled_from((100, 200, 300)),
        limit_price_micros=st.sampled_from((PRICE, PRICE - 1_000_000)),
    ),
    max_size=12,
)


def terms_of(**changes: Any) -> OrderTerms:
    """Return the terms of an order for 300 AAPL at 100."""
    values: dict[str, Any] = {
        "account_id": ACCOUNT, "channel": "TEST", "client_order_id": str(uuid7()), "principal": "trader1",
        "symbol": "AAPL", "side": Side.BUY, "order_type": OrderType.LIMIT, "time_in_force": TimeInForce.DAY,
        "quantity": 300, "limit_price_micros": PRICE,
    }  # fmt: skip
    return OrderTerms(**(values | changes))


def used(scene: Scene) -> tuple[dict[str, AccountState], dict[str, int]]:
    """Return what the desk counts, without symbols of which it counts nothing."""
    states = deepcopy(dict(scene.core.desk.states))
    for state in states.values():
        state.symbols = {symbol: one for symbol, one in state.symbols.items() if one != SymbolState()}
    in_use = {account: state for account, state in states.items() if state != AccountState()}
    return in_use, {firm: micros for firm, micros in scene.core.desk.firms.items() if micros}


@given(open_already=LINES, basket=LINES)
def test_a_basket_that_is_not_sent_gets_the_verdicts_that_it_gets_when_it_is_and_holds_nothing(
    open_already: list[dict[str, Any]], basket: list[dict[str, Any]]
) -> None:
    scene = Scene(HELD_TO)
    for line in open_already[:3]:
        scene.order(**line)
    before = used(scene)
    verdicts = verdicts_of_basket(scene.core, [terms_of(**line) for line in basket], scene.now)
    assert used(scene) == before
    sent = [scene.state(scene.order(**line)) for line in basket]
    assert [one.denial or "" for one in verdicts] == [one.text for one in sent]


def test_a_replace_that_is_not_sent_gets_the_verdict_that_it_gets_when_it_is() -> None:
    scene = Scene(limits(buying_power=400 * PRICE))
    order_id = scene.order()
    before = used(scene)
    more, most = OrderChange(quantity=401), OrderChange(quantity=400)
    denied = verdict_of_change(scene.core, order_id, more, scene.now)
    assert denied is not None
    assert (denied.denial or "").startswith("BUYING_POWER_EXCEEDED: order=40100.00")
    passed = verdict_of_change(scene.core, order_id, most, scene.now)
    assert passed is not None
    assert passed.denial is None
    assert used(scene) == before
    assert verdict_of_change(scene.core, uuid7(), most, scene.now) is None
    scene.replace(order_id, more)
    assert scene.event_types(order_id)[-1] == "ReplaceRejected"
    scene.replace(order_id, most)
    assert scene.state(order_id).terms.quantity == 400


def test_leave_of_a_second_person_lets_one_order_of_a_basket_pass_and_is_not_used_by_a_check() -> None:
    scene = Scene(
        (*limits(), replace(rule("ORDER_QTY_EXCEEDS_MAX", quantity_max=100), severity=Severity.OVERRIDE))
    )
    wanted = terms_of()
    (denied,) = verdicts_of_basket(scene.core, [wanted], scene.now)
    assert denied.overridable
    granted = leave(wanted, denials_of(denied.checks), expires_at=scene.now + timedelta(minutes=15))
    scene.core.desk.overrides[ACCOUNT] = (granted,)
    first, second = verdicts_of_basket(scene.core, [wanted, wanted], scene.now)
    assert (first.denial, first.override) == (None, granted)
    assert (second.denial, second.override) == (denied.denial, None)
    assert scene.core.desk.overrides == {ACCOUNT: (granted,)}
