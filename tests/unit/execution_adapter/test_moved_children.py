"""35=G with another price: a child of a pegged order follows it, or core is told why it does not."""

from typing import Any

import msgspec
import pytest

from execution_adapter.domain.child import OrdStatus, Replaces
from execution_adapter.domain.session_settings import SessionSettings, Throttle
from oms_platform.ids import uuid7
from oms_platform.kill_switches import FixedKills, Kills, KillSwitch
from oms_platform.messages import ExecutionReport
from oms_platform.scopes import Scope as SymbolScope
from oms_platform.vocabulary import ExecInst, ExecType
from tests.unit.execution_adapter.orders import LIMIT, NOW, plan
from tests.unit.execution_adapter.test_replaces import Scene

UP = LIMIT + 10_000
ALL = 100


@pytest.fixture
def scene() -> Scene:
    return Scene()


def move(scene: Scene, price: int = UP, quantity: int = ALL) -> None:
    scene.replace(quantity, price=price)


def done(scene: Scene, price: int | None = UP, quantity: int = ALL, **fields: Any) -> None:
    named = scene.venues.sent[-1][1]
    given = {"cum_qty": 0, "leaves_qty": quantity} | fields
    scene.says(ExecType.REPLACED, named=named, order_qty=quantity, price_micros=price, **given)


def restated(scene: Scene) -> list[tuple[int, int | None]]:
    return [
        (one.order_qty, one.price_micros)
        for one in scene.outlet.messages
        if isinstance(one, ExecutionReport) and one.exec_type is ExecType.RESTATED
    ]


@pytest.mark.parametrize("told", [UP, None])
def test_a_child_gets_another_price_where_it_is_and_keeps_it_in_what_is_asked_later(
    scene: Scene, told: int | None
) -> None:
    move(scene)
    named = scene.venues.sent[-1][1]
    assert scene.state.replaces == Replaces("", named, ALL, UP)
    done(scene, told)
    assert (restated(scene), scene.state.replaces) == ([(ALL, UP)], Replaces(named, price_micros=UP))
    scene.replace(60)
    assert scene.venues.asked == [(ALL, UP), (60, UP)]
    done(scene, None, 60)
    assert restated(scene)[-1] == (60, UP)
    move(scene, UP + 10_000, 60)
    assert scene.venues.asked[-1] == (60, UP + 10_000)


def test_the_same_move_again_sends_nothing_another_one_waits_its_turn_and_none_is_no_move(
    scene: Scene,
) -> None:
    move(scene)
    move(scene)
    assert (scene.venues.types(), scene.told()) == ("DG", [])
    move(scene, UP + 10_000)
    assert scene.told()[-1].text == "it is being made 100 shares"
    done(scene)
    move(scene)
    assert "100 shares, where 0 are done and 100 open" in scene.told()[-1].text
    assert scene.venues.types() == "DG"


def test_a_part_that_was_filled_is_in_the_quantity(scene: Scene) -> None:
    scene.hear(scene.child, ExecType.TRADE, cum_qty=30)
    move(scene)
    done(scene, cum_qty=30, leaves_qty=70)
    assert (scene.state.cum_qty, scene.state.leaves_qty, restated(scene)) == (30, 70, [(ALL, UP)])


def test_a_refused_move_leaves_the_price_as_it_was(scene: Scene) -> None:
    move(scene)
    done(scene)
    move(scene, UP + 10_000)
    scene.refuses()
    assert scene.told()[-1].replace
    assert scene.state.replaces == Replaces(scene.venues.sent[1][1], price_micros=UP)


@pytest.mark.parametrize(("price", "moved"), [(UP, True), (LIMIT, False), (None, False)])
def test_what_became_of_a_move_whose_answer_is_lost_is_asked(
    scene: Scene, price: int | None, moved: bool
) -> None:
    move(scene)
    scene.down()
    scene.up()
    scene.manager.ask_overdue(NOW, scene.now_s)
    status = {"ord_status": OrdStatus.NEW, "order_qty": ALL, "cum_qty": 0, "ask_id": scene.ask_id()}
    scene.says(ExecType.ORDER_STATUS, price_micros=price, **status)
    assert (restated(scene), [one.text for one in scene.told()]) == (
        ([(ALL, UP)], []) if moved else ([], ["its venue has it as it was"])
    )


def test_a_price_that_its_venue_changes_of_itself_is_told(scene: Scene) -> None:
    scene.says(ExecType.RESTATED, order_qty=ALL, leaves_qty=ALL, price_micros=LIMIT)
    assert restated(scene) == []
    scene.says(ExecType.RESTATED, order_qty=ALL, leaves_qty=ALL, price_micros=UP)
    assert restated(scene) == [(ALL, UP)]


def test_what_a_child_at_the_middle_has_for_a_price_is_no_bound(scene: Scene) -> None:
    live = scene.manager.get(scene.child.cl_ord_id)
    assert live is not None
    live.child = msgspec.structs.replace(live.child, exec_inst=ExecInst.MIDPOINT_PEG)
    move(scene)
    done(scene, LIMIT + 5_000)
    assert restated(scene) == [(ALL, UP)]


def stop(scene: Scene) -> None:
    """Stop AAPL by a kill switch."""
    switch = KillSwitch(switch_id=uuid7(), scope=SymbolScope(symbol="AAPL"), reason="stop")
    scene.manager._gate.kills = FixedKills(Kills(switches=(switch,)))


def test_a_move_passes_the_gate_as_an_order_does(scene: Scene) -> None:
    stop(scene)
    move(scene)
    assert scene.venues.types() == "D"
    (told,) = scene.told()
    assert told.text.startswith("GATE_KILLED")
    assert scene.state.replaces == Replaces()
    # Fewer shares are less in the market, whatever is stopped.
    scene.replace(60)
    assert scene.venues.types() == "DG"


def test_a_move_that_waited_for_its_turn_is_held_to_the_gate_of_then(scene: Scene) -> None:
    settings = SessionSettings(
        host="h",
        port=1,
        sender_comp_id="A",
        target_comp_id="B",
        throttle=Throttle(messages_per_second=1, queue_max=5),
    )
    scene.manager.use_settings("XNYS", settings)
    scene.place(plan())
    move(scene)
    assert scene.venues.types() == "DD"
    scene.manager.send_waiting(NOW, 2.0)
    assert scene.venues.asked == [(ALL, UP)]
    done(scene)
    move(scene, UP + 10_000)
    stop(scene)
    scene.manager.send_waiting(NOW, 4.0)
    (told,) = scene.told()
    assert told.text.startswith("GATE_KILLED")
    assert len(scene.venues.asked) == 1
