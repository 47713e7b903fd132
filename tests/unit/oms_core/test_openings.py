"""What somebody says that accounts hold: a core takes it while it runs, once, and fills go on from there."""

from datetime import timedelta
from typing import Any

from oms_core.domain.positions import Position
from oms_core.ports import Opening, Rename, Split
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
    scene.store.take_action(opening(100, 100 * 90_000_000))
    scene.step(1)
    assert position(scene) == Position(quantity=100, cost_micros=9_000_000_000, opened_micros=9_000_000_000)
    traded(scene, Side.SELL, 40, "E1")
    assert (position(scene).quantity, position(scene).realized_pnl_micros) == (60, 400_000_000)
    assert position(scene).net_cash_micros == 40 * PRICE


def test_it_is_taken_once_however_often_a_core_begins_anew() -> None:
    scene = Scene()
    one = opening(100, 9_000_000_000)
    scene.store.take_action(one)
    scene.step(1)
    traded(scene, Side.SELL, 40, "E1")
    scene.start()
    scene.step(1)
    assert position(scene).quantity == 60
    assert scene.store.changes[one.action_id].stream_sequence == 0
    scene.store.take_action(other := opening(-5, -600_000_000))
    scene.step(1)
    assert scene.store.changes[other.action_id].stream_sequence == scene.core.desk.stream_sequences[ACCOUNT]
    assert (position(scene).quantity, position(scene).cost_micros) == (-5, -600_000_000)
    assert position(scene).realized_pnl_micros == 400_000_000


def test_what_is_brought_in_during_the_day_is_neither_won_nor_lost_today() -> None:
    scene = Scene()
    traded(scene, Side.BUY, 100, "E1")
    scene.step(1)
    before = scene.core.desk.days.of(ACCOUNT)
    assert before is not None
    scene.store.take_action(opening(900, 900 * 20_000_000))
    scene.step(1)
    scene.step(1)
    after = scene.core.desk.days.of(ACCOUNT)
    assert after is not None
    assert (after.pnl_micros, after.peak_micros) == (before.pnl_micros, before.peak_micros)
    assert scene.store.days[ACCOUNT, after.trade_date].opening_micros == after.opening_micros


def test_what_waits_is_taken_by_the_core_that_begins() -> None:
    scene = Scene()
    scene.core.desk.actions = scene.core.desk.actions_taken = "none"
    scene.store.take_action(opening(100, 9_000_000_000))
    scene.start()
    scene.step()
    assert position(scene).quantity == 100


def test_others_accounts_are_left_to_their_core() -> None:
    scene = Scene()
    scene.core.desk.owned = frozenset()
    scene.store.take_action(opening(100, 9_000_000_000))
    scene.step(1)
    assert scene.store.positions == {}


def test_what_is_opened_uses_buying_power_and_may_be_sold() -> None:
    scene = Scene(limits=limits(buying_power=10_000_000_000))
    scene.store.take_action(opening(100, 9_000_000_000))
    scene.step(1)
    denied, taken = scene.order(quantity=20), scene.order(quantity=10, client_order_id="another")
    assert scene.state(denied).text.startswith("BUYING_POWER_EXCEEDED")
    assert scene.quantities(taken) == ("ACKNOWLEDGED", 0, 10)


def split(numerator: int, denominator: int, price: int = 0) -> Split:
    return Split(
        action_id=ids.uuid7(), account_id=ACCOUNT, symbol="AAPL", numerator=numerator,
        denominator=denominator, price_micros=price,
    )  # fmt: skip


def test_a_split_multiplies_shares_keeps_their_cost_and_pays_out_parts_of_one() -> None:
    for held, after, paid in ((15, 22, 33_333_334), (-15, -22, -33_333_334), (4, 6, 0), (0, 0, 0)):
        scene = Scene()
        scene.store.take_action(opening(held, held * PRICE))
        scene.store.take_action(split(3, 2, 66_666_667))
        scene.step(1)
        found = position(scene)
        released = (1 if held > 0 else -1) * 33_333_333 if paid else 0
        assert (found.quantity, found.net_cash_micros) == (after, paid)
        # Half of a share had a 45th of the cost: 100 / 3 dollars.
        assert found.cost_micros == held * PRICE - released
        assert found.realized_pnl_micros == paid - released


def test_a_trade_of_before_a_split_is_not_traded_back_and_one_of_after_it_is() -> None:
    scene = Scene()
    before = traded(scene, Side.BUY, 100, "E1")
    scene.now += timedelta(seconds=1)
    scene.store.take_action(split(2, 1))
    scene.step(1)
    scene.now += timedelta(seconds=1)
    after = traded(scene, Side.BUY, 10, "E2")
    for _ in range(2):
        scene.bust(before, "E1")
        assert (scene.exceptions(), position(scene).quantity) == (["UNKNOWN_TRADE"], 210)
        assert scene.state(before).cum_qty == 100
        scene.store.exceptions.clear()
        # So it is by the core that begins anew.
        scene.start()
    scene.bust(after, "E2")
    assert (scene.exceptions(), position(scene).quantity) == ([], 200)


def rename(new_symbol: str = "MSFT") -> Rename:
    return Rename(action_id=ids.uuid7(), account_id=ACCOUNT, symbol="AAPL", new_symbol=new_symbol)


def test_what_is_held_goes_by_another_symbol_with_its_cost_what_was_made_and_what_was_charged() -> None:
    scene = Scene()
    scene.store.take_action(opening(100, 9_000_000_000))
    scene.step(1)
    traded(scene, Side.SELL, 40, "E1")
    held = position(scene)
    assert held.realized_pnl_micros and held.net_cash_micros
    scene.store.take_action(one := rename())
    scene.step(1)
    for _ in range(2):
        assert position(scene) == Position()
        assert scene.store.positions[ACCOUNT, "MSFT"] == held
        assert scene.store.waiting_actions([ACCOUNT]) == []
        # It is done once, whoever begins anew.
        scene.start()
        scene.step(1)
    change = scene.store.changes[one.action_id]
    assert (change.symbol, change.before, change.after) == ("AAPL", held, Position())
    assert change.stream_sequence == scene.core.desk.stream_sequences[ACCOUNT]


def test_under_a_symbol_that_is_held_too_both_add_up_and_what_is_long_and_short_closes() -> None:
    for old, new, quantity, cost, realized in (
        ((60, 6_000), (40, 5_000), 100, 11_000, 0),
        ((-60, -6_000), (-40, -5_000), -100, -11_000, 0),
        # 40 short at 125 were bought back by 40 long at 100.
        ((60, 6_000), (-40, -5_000), 20, 2_000, 1_000),
        ((-60, -6_000), (40, 5_000), -20, -2_000, -1_000),
        ((40, 4_000), (-40, -5_000), 0, 0, 1_000),
        ((0, 0), (-40, -5_000), -40, -5_000, 0),
    ):
        scene = Scene()
        for symbol, (shares, dollars) in (("AAPL", old), ("MSFT", new)):
            scene.store.take_action(opening(shares, dollars * 1_000_000, symbol=symbol))
        scene.step(1)
        scene.store.take_action(rename())
        scene.step(1)
        found = scene.store.positions[ACCOUNT, "MSFT"]
        assert (found.quantity, found.cost_micros, found.realized_pnl_micros) == (
            quantity, cost * 1_000_000, realized * 1_000_000,
        )  # fmt: skip
        assert found.net_cash_micros + found.cost_micros == found.realized_pnl_micros + found.opened_micros
        assert position(scene) == Position()


def test_a_trade_of_before_a_rename_is_not_traded_back_and_one_of_the_new_symbol_is() -> None:
    scene = Scene()
    before = traded(scene, Side.BUY, 100, "E1")
    scene.now += timedelta(seconds=1)
    scene.store.take_action(rename())
    scene.step(1)
    scene.now += timedelta(seconds=1)
    for _ in range(2):
        scene.bust(before, "E1")
        assert (scene.exceptions(), position(scene).quantity) == (["UNKNOWN_TRADE"], 0)
        assert scene.store.positions[ACCOUNT, "MSFT"].quantity == 100
        assert scene.state(before).cum_qty == 100
        scene.store.exceptions.clear()
        # So it is by the core that begins anew.
        scene.start()


def test_an_opening_that_an_order_has_crossed_is_refused_and_the_fill_stays_in_the_position() -> None:
    scene = Scene()
    scene.step()
    one, other = opening(500, 500 * PRICE, after=0), opening(7, 7 * PRICE, symbol="MSFT", after=0)
    # The door found nothing open and no trade; core looks for actions four times a second.
    scene.store.take_action(one)
    scene.store.take_action(other)
    traded(scene, Side.BUY, 100, "E1")
    scene.step(1)
    assert position(scene).quantity == 100
    assert scene.store.changes == {}
    head = scene.core.desk.stream_sequences[ACCOUNT]
    why = f"event {head} of the account came after the load was checked at 0"
    assert scene.store.refusals == {one.action_id: why, other.action_id: why}
    # It is not asked again, by this life of the core or another.
    scene.start()
    scene.step(1)
    assert position(scene).quantity == 100


def test_an_opening_that_comes_before_the_order_that_crosses_it_is_taken_and_the_fill_adds_to_it() -> None:
    scene = Scene()
    order_id = scene.order(quantity=100, publish=False)
    for symbol in ("AAPL", "MSFT"):
        scene.store.take_action(opening(500, 500 * PRICE, symbol=symbol, after=0))
    scene.step(1)
    scene.publish(order_id)
    scene.place(order_id, ("XNYS", 100))
    scene.fill(order_id, 100)
    assert position(scene).quantity == 600
    assert scene.store.refusals == {}


def test_an_opening_that_replaces_whatever_happens_is_held_to_no_place() -> None:
    scene = Scene()
    scene.step()
    scene.store.take_action(opening(500, 500 * PRICE))
    traded(scene, Side.BUY, 100, "E1")
    scene.step(1)
    assert position(scene).quantity == 500
