"""Kill switches that close positions: by what orders, of how many shares, when, and what they wait for."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from oms_core.domain.flatten import (
    EMPTY_ROUND_FIRST,
    PATIENCE,
    ROUND_SHARES_MAX,
    SETTLE,
    Close,
    Closing,
    Flattened,
    Look,
    PositionState,
    Rest,
    TakeBack,
    next_step,
)
from oms_core.domain.order import Order
from oms_core.domain.order_times import MAY_NOT, MAY_ROUTE, Standing
from oms_core.domain.risk import InstrumentTerms
from oms_core.domain.touch import TouchPrices
from oms_core.domain.transitions import Lifecycle
from oms_core.ports import Opening
from oms_platform.errors import BrokenInvariantError
from oms_platform.ids import uuid7
from oms_platform.kill_switches import Kills, KillSwitch, Stage
from oms_platform.messages import SubmitOrder
from oms_platform.scopes import EVERYTHING, Scope
from oms_platform.trading_calendar import EVER_OPEN
from oms_platform.vocabulary import (
    CancelCause,
    ExecType,
    OrderChange,
    OrderTerms,
    OrderType,
    Side,
    TimeInForce,
)
from oms_platform.wire import Topic
from tests.unit.oms_core.orders import NOW
from tests.unit.oms_core.scene import ACCOUNT, BID, OFFER, OTHER, Scene, limits

FOUND_AT = NOW - timedelta(minutes=5)
QUOTED = TouchPrices(bid_micros=BID, offer_micros=OFFER)


def switch(scope: Scope = EVERYTHING, stage: Stage = Stage.FLATTEN) -> KillSwitch:
    return KillSwitch(switch_id=uuid7(), scope=scope, reason="drill", stage=stage)


def kill(scene: Scene, *switches: KillSwitch, **changes: Any) -> None:
    """Set these switches and no others, and let the core see them."""
    houses = {ACCOUNT: ("F", "D"), OTHER: ("F", "E")}
    scene.kills.kills = replace(Kills(switches=switches, houses=houses, sectors={"AAPL": "TECH"}), **changes)
    scene.step()


def hold(scene: Scene, quantity: int = 300, side: Side = Side.BUY) -> UUID:
    """Let the account hold shares of a filled order, below 0 of one that sold."""
    order_id = scene.order(side=side, quantity=quantity)
    scene.place(order_id, ("XNYS", quantity))
    scene.fill(order_id, quantity, side=side, order_qty=quantity)
    return order_id


def settle(scene: Scene) -> None:
    """Let every service go by a switch that was set."""
    scene.step()
    scene.step(SETTLE.total_seconds())
    scene.step()


def closings(scene: Scene) -> list[Closing]:
    return list(scene.store.closings.values())


def only(scene: Scene) -> Closing:
    (one,) = closings(scene)
    return one


def row(scene: Scene, one: KillSwitch) -> Flattened:
    return scene.store.positions_closed[one.switch_id, ACCOUNT, "AAPL"]


def held(scene: Scene) -> int:
    return scene.store.positions[ACCOUNT, "AAPL"].quantity


def work(scene: Scene, one: Closing, *, traded: int, ends: bool = False) -> None:
    """Place a closing order at a venue, which trades some of it; somebody may cancel the rest."""
    attempt = scene.state(one.order_id).attempt
    scene.place(one.order_id, ("XNYS", scene.state(one.order_id).route_quantity))
    more: dict[str, Any] = {"side": one.side, "order_qty": one.quantity, "attempt": attempt}
    if traded:
        scene.fill(one.order_id, traded, **more)
    if ends:
        scene.cancel(one.order_id)
        scene.report(one.order_id, ExecType.CANCELED, **more)


# ---- one position, decided


def closing_order(side: Side = Side.SELL, quantity: int = 100, **changes: Any) -> Order:
    terms = OrderTerms(
        account_id=ACCOUNT, channel="K", client_order_id="k", symbol="AAPL", side=side, quantity=quantity,
        order_type=OrderType.MARKET, time_in_force=TimeInForce.DAY, closes_for=uuid7(),
    )  # fmt: skip
    return Order(order_id=uuid7(), terms=terms, lifecycle=Lifecycle.LIVE, released_qty=quantity, **changes)


def look(held_qty: int, **changes: Any) -> Look:
    values: dict[str, Any] = {
        "now": NOW, "held": held_qty, "found_at": FOUND_AT, "standing": MAY_ROUTE, "touch": QUOTED,
    }  # fmt: skip
    return Look(**values | changes)


@pytest.mark.parametrize(
    ("held_qty", "changes", "expected"),
    [
        (0, {}, Rest(PositionState.FLAT)),
        (300, {}, Close(Side.SELL, 300)),
        (-300, {}, Close(Side.BUY, 300)),
        (1, {}, Close(Side.SELL, 1)),
        (ROUND_SHARES_MAX + 1, {}, Close(Side.SELL, ROUND_SHARES_MAX)),
        # What other open orders may trade the same way is not traded twice; the other way it does no harm.
        (300, {"others": 100, "others_open": 100}, Close(Side.SELL, 200)),
        (300, {"others": 0, "others_open": 100}, Close(Side.SELL, 300)),
        (-300, {"others": 299, "others_open": 299}, Close(Side.BUY, 1)),
        (300, {"found_at": NOW - SETTLE}, Close(Side.SELL, 300)),
        (300, {"not_before": NOW}, Close(Side.SELL, 300)),
    ],
)
def test_a_position_is_closed_by_no_more_than_is_held_and_the_other_way(
    held_qty: int, changes: dict[str, Any], expected: object
) -> None:
    assert next_step(look(held_qty, **changes)) == expected


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            {"found_at": NOW - SETTLE + timedelta(milliseconds=1)},
            "every service is to go by the switch first",
        ),
        (
            {"found_at": NOW - PATIENCE + timedelta(milliseconds=1), "others_open": 1},
            "orders of the account and symbol are not over yet",
        ),
        (
            {"others": 300, "others_open": 300},
            "orders of the account and symbol that are not over may close all of it",
        ),
        ({"others": 500, "others_open": 500}, "may close all of it"),
        ({"not_before": NOW + timedelta(seconds=1), "last_round": "it was refused"}, "it was refused"),
        ({"standing": MAY_NOT}, "the symbol is halted, or not traded"),
        ({"standing": Standing(False, "waits for the open at noon")}, "waits for the open at noon"),
        ({"touch": TouchPrices(offer_micros=OFFER)}, "nobody knows a fresh bid to sell at"),
    ],
)
def test_what_a_position_waits_for_is_said(changes: dict[str, Any], why: str) -> None:
    step = next_step(look(300, **changes))
    assert isinstance(step, Rest) and step.state is PositionState.WAITS and why in step.why


@pytest.mark.parametrize(
    ("held_qty", "order", "others", "taken_back"),
    [
        (100, closing_order(), 0, False),
        (130, closing_order(), 0, False),
        (99, closing_order(), 0, True),
        (100, closing_order(), 1, True),
        (0, closing_order(), 0, True),
        (-100, closing_order(), 0, True),
        (-100, closing_order(Side.BUY), 0, False),
        (60, closing_order(executed_qty=40), 0, False),
        (59, closing_order(executed_qty=40), 0, True),
    ],
)
def test_an_order_that_has_become_too_much_is_taken_back(
    held_qty: int, order: Order, others: int, taken_back: bool
) -> None:
    step = next_step(look(held_qty, closing=order, others=others))
    assert isinstance(step, TakeBack) is taken_back
    assert taken_back or step == Rest(PositionState.CLOSING)


# ---- in core


@pytest.mark.parametrize(
    "scope",
    [
        EVERYTHING,
        *(
            Scope(**{kind: name})
            for kind, name in (
                ("firm", "F"), ("desk", "D"), ("sector", "TECH"), ("symbol", "AAPL"), ("account", ACCOUNT),
            )
        ),
        Scope(account=ACCOUNT, symbol="AAPL"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
def test_a_position_of_the_scope_is_closed_by_one_market_order_of_cores_own_until_it_is_flat(
    scope: Scope, side: Side
) -> None:
    scene, one = Scene(), switch(scope)
    hold(scene, side=side)
    asked = len(scene.route_requests())
    kill(scene, one)
    assert closings(scene) == []
    settle(scene)
    closing = only(scene)
    terms = scene.state(closing.order_id).terms
    assert (terms.order_type, terms.quantity, terms.closes_for) == (OrderType.MARKET, 300, one.switch_id)
    assert terms.side is (Side.SELL if side is Side.BUY else Side.BUY)
    (request,) = scene.route_requests()[asked:]
    assert (request.order_id, request.quantity, request.terms) == (closing.order_id, 300, terms)
    for _ in range(5):
        scene.step(1)
    assert len(closings(scene)) == 1
    work(scene, closing, traded=300)
    scene.step(1)
    assert (held(scene), row(scene, one).state) == (0, PositionState.FLAT)
    assert scene.quantities(closing.order_id) == ("FILLED", 300, 0)
    for _ in range(5):
        scene.step(30)
    assert len(closings(scene)) == 1


@pytest.mark.parametrize(
    "scope", [Scope(account=OTHER), Scope(desk="E"), Scope(symbol="MSFT"), Scope(account=ACCOUNT, desk="E")]
)
def test_a_position_of_another_scope_is_left_alone(scope: Scope) -> None:
    scene = Scene()
    hold(scene)
    kill(scene, switch(scope))
    for _ in range(5):
        scene.step(10)
    assert closings(scene) == [] and scene.store.positions_closed == {}


@pytest.mark.parametrize("stage", [Stage.BLOCK, Stage.CANCEL])
def test_a_switch_of_an_earlier_stage_closes_nothing_until_it_is_raised(stage: Stage) -> None:
    scene, one = Scene(), switch(stage=stage)
    hold(scene)
    kill(scene, one)
    for _ in range(5):
        scene.step(10)
    assert closings(scene) == []
    kill(scene, replace(one, stage=Stage.FLATTEN))
    settle(scene)
    assert only(scene).quantity == 300


def test_where_a_name_is_not_known_what_is_new_is_stopped_and_nothing_is_sold_on_a_guess() -> None:
    scene = Scene()
    hold(scene)
    kill(scene, switch(Scope(firm="F")), houses={}, sectors={})
    for _ in range(5):
        scene.step(10)
    assert scene.quantities(scene.order())[0] == "REJECTED"
    assert closings(scene) == []


def test_while_nobody_knows_what_is_stopped_nothing_is_closed() -> None:
    scene, one = Scene(), switch()
    hold(scene)
    kill(scene, one, unread="kill switches were looked at 2.4 s ago")
    for _ in range(5):
        scene.step(10)
    assert closings(scene) == []
    kill(scene, one)
    settle(scene)
    assert len(closings(scene)) == 1


def test_what_is_open_is_canceled_and_waited_for_before_anything_is_closed() -> None:
    scene, one = Scene(), switch()
    hold(scene)
    working = scene.order(side=Side.BUY)
    scene.place(working, ("XNYS", 300))
    kill(scene, one)
    settle(scene)
    assert scene.quantities(working)[0] == "PENDING_CANCEL"
    assert closings(scene) == []
    assert row(scene, one).why == "orders of the account and symbol are not over yet"
    # It fills a little on its way out.
    scene.fill(working, 40)
    scene.report(working, ExecType.CANCELED)
    scene.step(1)
    assert only(scene).quantity == 340


@pytest.mark.parametrize(("side", "closes"), [(Side.SELL, 180), (Side.BUY, 300)])
def test_what_never_answers_is_waited_for_so_long_and_then_left_room_for(side: Side, closes: int) -> None:
    scene, one = Scene(), switch()
    hold(scene)
    silent = scene.order(side=side, quantity=120)
    scene.place(silent, ("XNYS", 120))
    kill(scene, one)
    settle(scene)
    scene.step(PATIENCE.total_seconds() - 2)
    assert closings(scene) == []
    scene.step(2)
    scene.step()
    assert only(scene).quantity == closes
    work(scene, only(scene), traded=closes)
    # It was executed after all: what that leaves is closed, too.
    scene.fill(silent, 120, side=side, order_qty=120)
    scene.step(1)
    scene.step(1)
    left = 0 if side is Side.SELL else 120
    assert held(scene) == left
    assert [one.quantity for one in closings(scene)][1:] == ([left] if left else [])


def test_a_late_fill_of_a_canceled_order_takes_back_what_has_become_too_much_and_the_rest_is_closed() -> None:
    scene, one = Scene(), switch()
    hold(scene)
    sold = scene.order(side=Side.SELL, quantity=100)
    scene.place(sold, ("XNYS", 100))
    kill(scene, one)
    scene.report(sold, ExecType.CANCELED, side=Side.SELL, order_qty=100)
    settle(scene)
    first = only(scene)
    scene.place(first.order_id, ("XNAS", 300))
    # The venue had executed it before it canceled it, and says so late.
    scene.fill(sold, 60, side=Side.SELL, order_qty=100)
    assert held(scene) == 240
    scene.step(1)
    taken = scene.state(first.order_id)
    assert taken.status.name == "PENDING_CANCEL" and taken.cancel is not None
    assert taken.cancel.cause is CancelCause.KILL
    assert taken.cancel.reason.startswith(f"TAKEN_BACK: switch={one.switch_id}")
    scene.report(first.order_id, ExecType.CANCELED, side=Side.SELL, venue_id="XNAS")
    for _ in range(3):
        scene.step(1)
    assert [found.quantity for found in closings(scene)] == [300, 240]
    work(scene, closings(scene)[1], traded=240)
    scene.step(1)
    assert (held(scene), row(scene, one).rounds) == (0, 2)


def test_a_bust_takes_back_what_would_open_and_what_is_held_then_is_closed_the_other_way() -> None:
    scene, one = Scene(), switch()
    order_id = scene.order()
    scene.place(order_id, ("XNYS", 300))
    scene.fill(order_id, 300, exec_id="E1")
    kill(scene, one)
    settle(scene)
    first = only(scene)
    work(scene, first, traded=100)
    assert held(scene) == 200
    scene.bust(order_id, "E1")
    assert held(scene) == -100
    scene.step(1)
    assert scene.quantities(first.order_id)[0] == "PENDING_CANCEL"
    scene.report(first.order_id, ExecType.CANCELED, side=Side.SELL)
    # What the bust has brought back is canceled by the switch, and not worked.
    for _ in range(3):
        scene.step(1)
    assert scene.quantities(order_id)[0] == "CANCELED"
    second = closings(scene)[1]
    assert (second.side, second.quantity) == (Side.BUY, 100)
    work(scene, second, traded=100)
    scene.step(1)
    assert held(scene) == 0


def test_a_position_that_somebody_loads_meanwhile_is_closed_as_it_is_then() -> None:
    scene, one = Scene(), switch()
    hold(scene)
    kill(scene, one)
    settle(scene)
    first = only(scene)
    scene.place(first.order_id, ("XNYS", 300))
    opening = Opening(action_id=uuid7(), account_id=ACCOUNT, symbol="AAPL", quantity=50, cost_micros=50 * BID)
    scene.store.take_action(opening)
    scene.step(1)
    scene.step(1)
    assert held(scene) == 50
    assert scene.quantities(first.order_id)[0] == "PENDING_CANCEL"
    scene.report(first.order_id, ExecType.CANCELED, side=Side.SELL)
    for _ in range(3):
        scene.step(1)
    assert [found.quantity for found in closings(scene)] == [300, 50]


def test_what_venues_trade_in_parts_or_refuse_is_closed_in_rounds_with_growing_pauses() -> None:
    scene, one = Scene(), switch()
    hold(scene)
    kill(scene, one)
    settle(scene)
    work(scene, only(scene), traded=100, ends=True)
    for _ in range(2):
        scene.step(0.3)
    assert [found.quantity for found in closings(scene)] == [300, 200]
    pauses = []
    for number in range(3):
        last = closings(scene)[-1]
        work(scene, last, traded=0, ends=True)
        assert scene.state(last.order_id).closed
        began, count = scene.now, len(closings(scene))
        while len(closings(scene)) == count:
            scene.step(0.1)
        pauses.append((scene.now - began).total_seconds())
        assert row(scene, one).rounds == 3 + number
    expected = [EMPTY_ROUND_FIRST.total_seconds() * times for times in (1, 2, 4)]
    # It is looked at every quarter of a second.
    assert all(wait <= pause <= wait + 0.7 for wait, pause in zip(expected, pauses, strict=True)), pauses


def test_one_order_is_out_at_a_time_whatever_number_of_switches_cover_a_position() -> None:
    scene, first, second = Scene(), switch(), switch(Scope(account=ACCOUNT))
    hold(scene)
    kill(scene, first, second)
    settle(scene)
    assert only(scene).switch_id == first.switch_id
    assert row(scene, second).why == f"switch {first.switch_id} closes it"
    # The first is released: its order is canceled, and the second goes on.
    scene.place(only(scene).order_id, ("XNYS", 300))
    kill(scene, second)
    released = scene.state(only(scene).order_id)
    assert released.status.name == "PENDING_CANCEL" and released.cancel is not None
    assert released.cancel.reason.startswith(f"RELEASED: switch={first.switch_id}")
    for _ in range(3):
        scene.step(1)
    assert len(closings(scene)) == 1
    scene.report(released.order_id, ExecType.CANCELED, side=Side.SELL)
    for _ in range(3):
        scene.step(1)
    assert [found.switch_id for found in closings(scene)] == [first.switch_id, second.switch_id]


def test_a_switch_that_only_blocks_or_cancels_does_not_stop_what_closes_and_does_when_that_is_released() -> (
    None
):
    scene, first = Scene(), switch()
    hold(scene)
    others = switch(Scope(account=ACCOUNT), Stage.CANCEL), switch(Scope(symbol="AAPL"), Stage.BLOCK)
    kill(scene, *others, first)
    settle(scene)
    work(scene, only(scene), traded=300)
    scene.step(1)
    assert held(scene) == 0


def test_an_order_that_closes_for_a_switch_that_was_released_while_core_was_away_is_canceled() -> None:
    scene, one = Scene(), switch()
    hold(scene)
    kill(scene, one)
    settle(scene)
    scene.place(only(scene).order_id, ("XNYS", 300))
    scene.kills.kills = Kills()
    scene.start()
    scene.step()
    scene.step()
    assert scene.quantities(only(scene).order_id)[0] == "PENDING_CANCEL"
    scene.report(only(scene).order_id, ExecType.CANCELED, side=Side.SELL)
    for _ in range(3):
        scene.step(10)
    assert len(closings(scene)) == 1 and held(scene) == 300


def test_a_core_that_begins_anew_in_the_middle_goes_on_with_what_is_out_and_counts_its_rounds_on() -> None:
    scene, one = Scene(), switch()
    hold(scene)
    kill(scene, one)
    settle(scene)
    first = only(scene)
    scene.start()
    for _ in range(3):
        scene.step(1)
    assert closings(scene) == [first]
    work(scene, first, traded=100)
    scene.cancel(first.order_id)
    scene.report(first.order_id, ExecType.CANCELED, side=Side.SELL)
    scene.start()
    for _ in range(3):
        scene.step(1)
    second = closings(scene)[1]
    assert (second.quantity, second.round, row(scene, one).found_qty) == (200, 2, 300)
    assert row(scene, one).order_id == second.order_id


def test_a_batch_that_the_database_refuses_closes_nothing_and_the_next_core_does_so_once() -> None:
    refused: list[str | None] = ["no"]
    scene = Scene(refuses=lambda unit: refused[0] if unit.originated else None)
    hold(scene)
    kill(scene, switch())
    with pytest.raises(BrokenInvariantError):
        settle(scene)
    assert closings(scene) == [] and held(scene) == 300
    refused[0] = None
    scene.start()
    for _ in range(3):
        scene.step(1)
    assert only(scene).quantity == 300


def test_limits_that_deny_what_opens_do_not_deny_what_closes() -> None:
    scene = Scene(limits(buying_power=10**15))
    hold(scene)
    scene.store.set_rules(limits(quantity_max=1, notional_max=1, buying_power=0))
    kill(scene, switch())
    settle(scene)
    assert only(scene).quantity == 300


def test_a_halted_symbol_waits_and_goes_on_when_it_trades_again() -> None:
    scene, one = Scene(), switch()
    hold(scene)
    trading = InstrumentTerms(
        symbol="AAPL", active=True, calendar_id=EVER_OPEN.calendar_id, reference_micros=BID,
        listing_venue="XNYS",
    )  # fmt: skip
    scene.store.set_instrument(replace(trading, halt="news"))
    kill(scene, one)
    settle(scene)
    assert closings(scene) == []
    assert row(scene, one).why == "the symbol is halted, or not traded"
    scene.store.set_instrument(trading)
    for _ in range(3):
        scene.step(1)
    assert only(scene).quantity == 300


def test_without_a_fresh_bid_nothing_is_sold_until_there_is_one() -> None:
    scene, one = Scene(), switch()
    hold(scene)
    scene.quotes.quote = TouchPrices(offer_micros=OFFER)
    kill(scene, one)
    settle(scene)
    assert closings(scene) == []
    assert row(scene, one).why == "nobody knows a fresh bid to sell at"
    scene.quotes.quote = QUOTED
    for _ in range(3):
        scene.step(1)
    assert only(scene).quantity == 300


def test_a_closing_order_is_not_replaced_or_suspended_and_its_cancel_brings_the_next_round() -> None:
    scene = Scene()
    hold(scene)
    kill(scene, switch())
    settle(scene)
    first = only(scene)
    for change in (OrderChange(quantity=3_000), OrderChange(quantity=100)):
        scene.replace(first.order_id, change)
    scene.suspend(first.order_id)
    kinds = scene.event_types(first.order_id)
    assert kinds.count("ReplaceRejected") == 2 and kinds.count("SuspendRejected") == 1
    assert scene.state(first.order_id).terms.quantity == 300
    work(scene, first, traded=0, ends=True)
    for _ in range(3):
        scene.step(1)
    assert [found.quantity for found in closings(scene)] == [300, 300]


def test_what_says_that_it_closes_and_was_not_decided_here_is_not_taken() -> None:
    scene, one = Scene(), switch()
    kill(scene, one)
    order_id = uuid7()
    terms = replace(closing_order().terms, closes_for=one.switch_id)
    forged = SubmitOrder(order_id=order_id, received_at=scene.now, terms=terms)
    scene.store.take_request(forged)
    scene.send(Topic.INBOUND, forged)
    assert scene.event_types(order_id) == [] and scene.route_requests() == []
    assert len(scene.dead_letters()) == 1
