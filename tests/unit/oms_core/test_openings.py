"""What somebody says that accounts hold: a core takes it while it runs, once, and fills go on from there."""

from typing import Any

from oms_core.domain.positions import Position
from oms_core.ports import Opening
from oms_platform import ids
from oms_platform.vocabulary import Side
from tests.unit.oms_core.orders import PRICE
from tests.unit.oms_core.scene import ACCOUNT, Scene, limits


def opening(quantity: int, cost: int, **more: Any) -> Opening:
    values = {"action_id": ids.uuid7(), "account_id": ACCOUNT, "symbol": "AAPL"} | more
    return Opening(quantity=quantity, cost_micros=cost, **values)


def position(scene: Scene) -> Position:
    return scene.store.positions[ACCOUNT, "AAPL"]


def traded(scene: Scene, side: Side, quantity: int, exec_id: str) -> Any:
    order_id = scene.order(side=side, quantity=quantity)
    scene.place(order_id, ("XNYS", quantity))
    scene.fill(order_id, quantity, exec_id=exec_id, side=side)
    return order_id


def test_a_core_takes_an_opening_while_it_runs_and_fills_close_it() -> None:
    scene = Scene()
    scene.store.open_position(opening(100, 100 * 90_000_000))
    scene.step(1)
    assert position(scene) == Position(quantity=100, cost_micros=9_000_000_000, opened_micros=9_000_000_000)
    traded(scene, Side.SELL, 40, "E1")
    assert (position(scene).quantity, position(scene).realized_pnl_micros) == (60, 400_000_000)
    assert position(scene).net_cash_micros == 40 * PRICE


def test_it_is_taken_once_however_often_a_core_begins_anew() -> None:
    scene = Scene()
    one = opening(100, 9_000_000_000)
    scene.store.open_position(one)
    scene.step(1)
    traded(scene, Side.SELL, 40, "E1")
    scene.start()
    scene.step(1)
    assert position(scene).quantity == 60
    assert scene.store.changes[one.action_id].stream_sequence == 0
    scene.store.open_position(other := opening(-5, -600_000_000))
    scene.step(1)
    assert scene.store.changes[other.action_id].stream_sequence == scene.core.desk.stream_sequences[ACCOUNT]
    assert (position(scene).quantity, position(scene).cost_micros) == (-5, -600_000_000)
    assert position(scene).realized_pnl_micros == 400_000_000


def test_what_waits_is_taken_by_the_core_that_begins() -> None:
    scene = Scene()
    scene.core.desk.openings = scene.core.desk.openings_taken = "none"
    scene.store.open_position(opening(100, 9_000_000_000))
    scene.start()
    scene.step()
    assert position(scene).quantity == 100


def test_others_accounts_are_left_to_their_core() -> None:
    scene = Scene()
    scene.core.desk.owned = frozenset()
    scene.store.open_position(opening(100, 9_000_000_000))
    scene.step(1)
    assert scene.store.positions == {}


def test_what_is_opened_uses_buying_power_and_may_be_sold() -> None:
    scene = Scene(limits=limits(buying_power=10_000_000_000))
    scene.store.open_position(opening(100, 9_000_000_000))
    scene.step(1)
    denied, taken = scene.order(quantity=20), scene.order(quantity=10, client_order_id="another")
    assert scene.state(denied).text.startswith("BUYING_POWER_EXCEEDED")
    assert scene.quantities(taken) == ("ACKNOWLEDGED", 0, 10)
