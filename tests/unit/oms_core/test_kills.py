"""Kill switches in core: what is denied, what waits and goes on, what is canceled, and what is noted."""

from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from oms_platform.ids import uuid7
from oms_platform.kill_switches import Kills, KillSwitch, Stage, Trigger
from oms_platform.order_ids import child_cl_ord_id
from oms_platform.scopes import EVERYTHING, Scope
from oms_platform.vocabulary import (
    CancelCause,
    ExecType,
    OrderChange,
    Tag,
)
from tests.unit.oms_core.scene import ACCOUNT, Scene

OTHER = Scope(account="ACC-RET-001")
WITHIN = [
    EVERYTHING,
    *(
        Scope(**{kind: name})
        for kind, name in (
            ("firm", "F"), ("desk", "D"), ("sector", "TECH"), ("symbol", "AAPL"), ("account", ACCOUNT),
            ("trader", "trader1"), ("strategy", "momentum"),
        )
    ),
    Scope(account=ACCOUNT, symbol="AAPL"),
]  # fmt: skip
WITHOUT = [
    OTHER,
    *(Scope(**{kind: "another"}) for kind in ("firm", "desk", "sector", "symbol", "trader", "strategy")),
    # What is stopped at one venue lives on at the others.
    Scope(venue="XNYS"),
    Scope(account=ACCOUNT, symbol="another"),
]
TAGGED = {"tags": (Tag(name="strategy", text="momentum"),)}


def switch(scope: Scope, stage: Stage = Stage.BLOCK) -> KillSwitch:
    return KillSwitch(switch_id=uuid7(), scope=scope, reason="drill", stage=stage)


def kill(scene: Scene, *switches: KillSwitch, **changes: Any) -> None:
    """Set these switches and no others, and let the core see them."""
    known = Kills(switches=switches, houses={ACCOUNT: ("F", "D")}, sectors={"AAPL": "TECH"})
    scene.kills.kills = replace(known, **changes)
    scene.step()
    scene.step(1)


@pytest.mark.parametrize("scope", WITHIN)
@pytest.mark.parametrize("stage", list(Stage))
def test_a_new_order_of_a_scope_that_is_stopped_is_denied_and_told_by_what(
    scope: Scope, stage: Stage
) -> None:
    scene, one = Scene(), switch(scope, stage)
    kill(scene, one)
    order_id = scene.order(**TAGGED)
    assert scene.quantities(order_id)[0] == "REJECTED"
    assert scene.state(order_id).text == f"KILLED: switch={one.switch_id}, scope={scope}, reason=drill"
    assert scene.route_requests() == []


@pytest.mark.parametrize("scope", WITHOUT)
@pytest.mark.parametrize("stage", list(Stage))
def test_an_order_of_another_scope_goes_its_way(scope: Scope, stage: Stage) -> None:
    scene = Scene()
    before = scene.order(**TAGGED)
    kill(scene, switch(scope, stage))
    after = scene.order(**TAGGED)
    assert [one.order_id for one in scene.route_requests()] == [before, after]
    assert scene.quantities(before)[0] == "ACKNOWLEDGED"


def test_an_order_without_a_strategy_is_of_none() -> None:
    scene = Scene()
    kill(scene, switch(Scope(strategy="momentum")))
    scene.order()
    assert len(scene.route_requests()) == 1


@pytest.mark.parametrize("kind", ["firm", "desk", "sector"])
def test_a_name_that_reference_data_does_not_have_is_stopped_by_a_switch_that_gives_one(kind: str) -> None:
    scene = Scene()
    kill(scene, switch(Scope(**{kind: "any"})), houses={}, sectors={})
    assert scene.quantities(scene.order())[0] == "REJECTED"


def test_what_is_blocked_waits_and_goes_on_when_it_is_released() -> None:
    scene = Scene()
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    kill(scene, switch(Scope(account=ACCOUNT)))
    scene.fill(order_id, 100)
    scene.report(order_id, ExecType.CANCELED)
    for _ in range(5):
        scene.step(10)
    assert scene.quantities(order_id) == ("PARTIALLY_FILLED", 100, 200)
    assert len(scene.route_requests()) == 1
    kill(scene)
    assert [(one.order_id, one.quantity) for one in scene.route_requests()[1:]] == [(order_id, 200)]


def test_while_nobody_knows_what_is_stopped_nothing_is_denied_and_everything_waits() -> None:
    scene = Scene()
    kill(scene, unread="kill switches were looked at 2.4 s ago, limit_s=2")
    order_id = scene.order()
    for _ in range(5):
        scene.step(10)
    assert (scene.quantities(order_id)[0], scene.route_requests()) == ("ACKNOWLEDGED", [])
    # Whoever wants out gets out.
    out = scene.order()
    scene.cancel(out)
    assert scene.quantities(out)[0] == "CANCELED"
    kill(scene)
    assert [one.order_id for one in scene.route_requests()] == [order_id]


def test_a_switch_that_cancels_ends_open_orders_and_each_says_why() -> None:
    scene, one = Scene(), switch(Scope(sector="TECH"), Stage.CANCEL)
    working, waiting = scene.order(), scene.order()
    for order_id in (working, waiting):
        scene.place(order_id, ("XNYS", 300))
    scene.report(waiting, ExecType.EXPIRED)
    kill(scene, one)
    assert scene.quantities(waiting) == ("CANCELED", 0, 0)
    assert scene.quantities(working)[0] == "PENDING_CANCEL"
    canceled = scene.state(working).cancel
    assert canceled is not None and canceled.cause is CancelCause.KILL
    scene.report(working, ExecType.CANCELED)
    for order_id in (working, waiting):
        assert scene.quantities(order_id) == ("CANCELED", 0, 0)
        assert (
            scene.state(order_id).text == f"KILLED: switch={one.switch_id}, scope=sector=TECH, reason=drill"
        )
    assert set(scene.store.covered) == {
        (one.switch_id, working, ""),
        (one.switch_id, working, child_cl_ord_id(working, 1, 1)),
        (one.switch_id, waiting, ""),
    }


def test_a_switch_that_is_raised_cancels_then_and_what_it_covered_is_noted_once() -> None:
    scene, one = Scene(), switch(Scope(symbol="AAPL"))
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    kill(scene, one)
    assert scene.quantities(order_id)[0] == "ACKNOWLEDGED"
    kill(scene, replace(one, stage=Stage.CANCEL))
    assert scene.quantities(order_id)[0] == "PENDING_CANCEL"
    names = ["", child_cl_ord_id(order_id, 1, 1)]
    assert list(scene.store.covered) == [(one.switch_id, order_id, name) for name in names]
    assert [key[:2] for key in scene.store.effects] == [
        (one.switch_id, Stage.BLOCK),
        (one.switch_id, Stage.CANCEL),
    ]


def test_a_second_kill_while_one_is_under_way_changes_nothing_of_it() -> None:
    scene = Scene()
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    first, second = switch(Scope(symbol="AAPL"), Stage.CANCEL), switch(EVERYTHING, Stage.CANCEL)
    kill(scene, first)
    before = scene.state(order_id).cancel
    kill(scene, first, second)
    assert scene.state(order_id).cancel == before
    kill(scene, second)
    scene.report(order_id, ExecType.CANCELED)
    assert scene.quantities(order_id) == ("CANCELED", 0, 0)
    assert scene.quantities(scene.order())[0] == "REJECTED"


def test_a_core_that_starts_holds_to_the_switches_and_ends_what_the_last_one_did_not() -> None:
    scene = Scene()
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    one = switch(EVERYTHING, Stage.CANCEL)
    scene.kills.kills = Kills(switches=(one,))
    scene.start()
    scene.step()
    assert scene.quantities(order_id)[0] == "PENDING_CANCEL"
    assert scene.quantities(scene.order())[0] == "REJECTED"


def test_what_a_venue_keeps_is_not_canceled_again_and_again() -> None:
    scene = Scene()
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    kill(scene, switch(EVERYTHING, Stage.CANCEL))
    scene.keep(order_id)
    assert scene.event_types(order_id)[-1] == "CancelRejected"
    told = scene.event_types(order_id)
    for _ in range(5):
        scene.step(10)
    assert scene.event_types(order_id) == told


@pytest.mark.parametrize(
    ("change", "taken"),
    [
        (OrderChange(quantity=200), True),
        (OrderChange(quantity=400), False),
        (OrderChange(limit_price_micros=99_000_000), False),
        (OrderChange(quantity=200, limit_price_micros=99_000_000), False),
    ],
)
def test_an_order_may_be_made_smaller_and_nothing_else(change: OrderChange, taken: bool) -> None:
    scene = Scene()
    order_id: UUID = scene.order()
    kill(scene, switch(Scope(account=ACCOUNT)))
    scene.replace(order_id, change)
    terms = scene.state(order_id).terms
    asked = scene.state(order_id).replacing
    assert (terms.quantity == 200 or asked is not None) is taken


def test_requests_of_clients_set_a_switch_and_only_those_of_its_scope_count() -> None:
    scene = Scene()
    rate = Trigger(
        trigger_id=uuid7(), kind="MESSAGE_RATE", scope=Scope(trader="trader1"), threshold=3, window_s=10,
        stage=Stage.BLOCK, mode="ON",
    )  # fmt: skip
    scene.kills.kills = Kills(triggers=(rate,))
    scene.step()
    for _ in range(3):
        scene.order(principal="another")
    order_id = scene.order()
    scene.order()
    scene.step()
    assert scene.kills.asked == []
    scene.cancel(order_id)
    scene.step()
    (asked,) = scene.kills.asked
    assert asked.figures == "3 requests of clients within a window of 10 s, threshold 3"
