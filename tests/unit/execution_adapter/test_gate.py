"""The last gate: each bound below, at and above; switches, halts, the market; lies of router and core."""

from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from execution_adapter.domain.gate import (
    Closes,
    Instrument,
    Parent,
    Touch,
    WireGate,
    WireLimits,
    problem_of,
    problem_of_parent,
    problem_of_price_change,
)
from oms_platform.ids import uuid7
from oms_platform.kill_switches import NO_NAME, FixedKills, Kills, KillSwitch, Owner, Stage
from oms_platform.market_rules import Ticks
from oms_platform.messages import RoutePlan
from oms_platform.order_ids import child_cl_ord_id
from oms_platform.scopes import EVERYTHING, Scope
from oms_platform.vocabulary import (
    ChildTerms,
    ExecInst,
    ExecType,
    OrderCapacity,
    OrderType,
    Side,
    TimeInForce,
)
from tests.unit.execution_adapter.orders import LIMIT, NOW, cancel_of, child, parent_of, plan
from tests.unit.execution_adapter.test_handlers import NotedVenues
from tests.unit.execution_adapter.test_handlers import Scene as Hands
from tests.unit.execution_adapter.test_main_loop import Scene, report_of

BID, OFFER, REFERENCE = 10_000_000, 10_020_000, 9_000_000
# Every price is on the grid, so that a bound is met to the micro.
KNOWN = {
    "AAPL": Instrument(
        active=True, reference_micros=REFERENCE, ticks=Ticks(tick_micros=1, sub_dollar_micros=1)
    )
}


def gate(touch: Touch | None = None, **limits: int) -> WireGate:
    made = WireGate(WireLimits(**limits), lambda _symbol: touch or Touch(BID, OFFER))
    made.instruments = KNOWN
    return made


def code(problem: str) -> str:
    return problem.partition(":")[0]


def switch(scope: Scope, stage: Stage = Stage.BLOCK) -> KillSwitch:
    return KillSwitch(switch_id=uuid7(), scope=scope, reason="drill", stage=stage)


def kills_of(*switches: KillSwitch) -> Kills:
    """Return switches with the names of the account and the symbol of these tests' children."""
    return Kills(switches=switches, houses={"ACC": ("F", "D")}, sectors={"AAPL": "TECH"})


# ---- one child


@pytest.mark.parametrize(
    ("limits", "changes", "expected"),
    [
        ({"quantity_max": 100}, {"quantity": 100}, ""),
        ({"quantity_max": 100}, {"quantity": 101}, "GATE_SIZE"),
        ({"notional_max_micros": 100 * LIMIT}, {}, ""),
        ({"notional_max_micros": 100 * LIMIT - 1}, {}, "GATE_NOTIONAL"),
        # Through the market by the collar, and by a micro more; resting far away is nobody's harm.
        ({"collar_bps": 100}, {"side": Side.BUY, "limit_price_micros": 10_120_200}, ""),
        ({"collar_bps": 100}, {"side": Side.BUY, "limit_price_micros": 10_120_201}, "GATE_COLLAR"),
        ({"collar_bps": 100}, {"side": Side.BUY, "limit_price_micros": 1}, ""),
        ({"collar_bps": 100}, {"side": Side.SELL, "limit_price_micros": 9_900_000}, ""),
        ({"collar_bps": 100}, {"side": Side.SELL, "limit_price_micros": 9_899_999}, "GATE_COLLAR"),
        ({"collar_bps": 100}, {"side": Side.SELL, "limit_price_micros": 10**15}, ""),
        ({}, {"side": Side.BUY, "limit_price_micros": 10**15, "quantity": 10**9}, ""),
    ],
)
def test_a_child_is_held_to_each_bound(
    limits: dict[str, int], changes: dict[str, Any], expected: str
) -> None:
    assert code(gate(**limits).refuses(child(**changes), 0.0)) == expected


@pytest.mark.parametrize(
    ("touch", "market"),
    [
        (Touch(BID, OFFER), OFFER),
        (Touch(None, OFFER), OFFER),
        (Touch(BID, None), BID),
        (Touch(), REFERENCE),
    ],
)
def test_the_market_is_the_far_side_or_the_near_one_or_the_reference_price(touch: Touch, market: int) -> None:
    one, bound = gate(touch, collar_bps=1_000), market + market // 10
    assert one.refuses(child(side=Side.BUY, limit_price_micros=bound), 0.0) == ""
    assert code(one.refuses(child(side=Side.BUY, limit_price_micros=bound + 1), 0.0)) == "GATE_COLLAR"


def test_without_any_price_nothing_leaves() -> None:
    one = gate(Touch(), collar_bps=1_000)
    one.instruments = {"AAPL": Instrument(active=True, reference_micros=None)}
    assert code(one.refuses(child(), 0.0)) == "GATE_COLLAR"


def test_nothing_leaves_for_a_symbol_that_is_halted_or_that_nobody_knows() -> None:
    one = gate()
    one.instruments = {"AAPL": Instrument(active=False, reference_micros=REFERENCE)}
    assert code(one.refuses(child(), 0.0)) == "GATE_HALTED"
    assert code(gate().refuses(child(symbol="NONE"), 0.0)) == "GATE_HALTED"
    one.instruments = {"AAPL": Instrument(active=True, reference_micros=REFERENCE, halt="news is pending")}
    assert one.refuses(child(), 0.0) == "GATE_HALTED: symbol=AAPL, reason=news is pending"


@pytest.mark.parametrize(
    ("price", "refused"),
    [
        (10_020_000, ""),
        (10_020_100, "GATE_TICK: micros=10020100, tick=10000"),
        (1_000_000, ""),
        (999_900, ""),
        (999_950, "GATE_TICK: micros=999950, tick=100"),
        (731_250_000_000, ""),
    ],
)
def test_a_price_off_the_tick_of_the_day_does_not_leave(price: int, refused: str) -> None:
    one = gate()
    one.instruments = {"AAPL": Instrument(active=True, reference_micros=REFERENCE)}
    assert one.refuses(child(limit_price_micros=price), 0.0) == refused


def test_a_session_gets_so_many_orders_a_second_and_another_one_as_many() -> None:
    one = gate(orders_per_s=3)
    found = [code(one.refuses(child(quantity=1 + n), 7.0 + n / 10)) for n in range(5)]
    assert found == ["", "", "", "GATE_RATE", "GATE_RATE"]
    assert one.refuses(child(venue_id="XNAS"), 7.9) == ""
    assert one.refuses(child(), 8.0) == ""


def test_the_same_order_again_and_again_is_stopped_and_another_one_is_not() -> None:
    one = gate(repeats_per_s=2)
    assert [code(one.refuses(child(), 7.0)) for _ in range(4)] == ["", "", "GATE_REPEATED", "GATE_REPEATED"]
    assert one.refuses(child(quantity=99), 7.0) == ""
    assert one.refuses(child(), 8.0) == ""


OWNER = Owner("trader1", "momentum")


@pytest.mark.parametrize(
    ("scope", "stops"),
    [
        (EVERYTHING, True),
        *((Scope(**{kind: name}), True) for kind, name in (
            ("firm", "F"), ("venue", "XNYS"), ("sector", "TECH"), ("desk", "D"), ("strategy", "momentum"),
            ("symbol", "AAPL"), ("trader", "trader1"), ("account", "ACC"),
        )),
        *((Scope(**{kind: "other"}), False) for kind in (
            "firm", "venue", "sector", "desk", "strategy", "symbol", "trader", "account",
        )),
        (Scope(account="ACC", venue="XNYS"), True),
        (Scope(account="ACC", venue="XNAS"), False),
        (Scope(account="other", venue="XNYS"), False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("stage", list(Stage))
def test_a_switch_of_any_kind_of_name_stops_its_scope_and_nothing_else(
    scope: Scope, stops: bool, stage: Stage
) -> None:
    one, sent = gate(), child()
    one.kills, one.owners = FixedKills(kills_of(switch(scope, stage))), {sent.order_id: OWNER}
    assert (code(one.refuses(sent, 0.0)) == "GATE_KILLED") is stops


@pytest.mark.parametrize("kind", ["firm", "desk", "sector", "trader", "strategy"])
def test_a_name_that_nobody_knows_is_stopped_by_a_switch_that_gives_one(kind: str) -> None:
    one = gate()
    one.kills = FixedKills(Kills(switches=(switch(Scope(**{kind: "any"})),)))
    assert code(one.refuses(child(), 0.0)) == "GATE_KILLED"


def test_an_order_that_has_no_strategy_is_of_none() -> None:
    one, sent = gate(), child()
    one.kills = FixedKills(kills_of(switch(Scope(strategy="momentum"))))
    one.owners = {sent.order_id: Owner("trader1", NO_NAME)}
    assert one.refuses(sent, 0.0) == ""


def test_nothing_leaves_while_nobody_knows_what_is_stopped() -> None:
    one = gate()
    one.kills = FixedKills(Kills(unread="kill switches were looked at 2.4 s ago, limit_s=2"))
    assert one.refuses(child(), 0.0) == (
        "GATE_KILL_UNREAD: kill switches were looked at 2.4 s ago, limit_s=2"
    )


# ---- what the hands do about it


def killed(scene: Hands, *switches: KillSwitch) -> list[tuple[object, str]]:
    """Set these switches and no others. Returns what each new one found live."""
    scene.manager._gate.kills = FixedKills(kills_of(*switches))
    held = scene.manager.handle_kills(NOW, 0.0)
    return [(switch_id, cl_ord_id) for switch_id, _, cl_ord_id in held.covered]


def test_a_child_that_must_not_leave_is_over_at_once_and_core_is_told_why() -> None:
    scene = Hands()
    scene.up()
    killed(scene, switch(Scope(venue="XNYS")))
    scene.place(plan())
    assert scene.venues.types() == ""
    assert scene.outlet.kinds() == ["RouteAnswer", "CANCELED"]
    told: str = scene.outlet.messages[-1].text  # type: ignore[attr-defined]
    assert told.startswith("GATE_KILLED: switch=") and "scope=venue=XNYS, reason=drill" in told
    killed(scene)
    scene.place(plan())
    assert scene.venues.types() == "D"


def test_what_waits_for_its_venue_is_held_to_the_gate_when_it_is_sent() -> None:
    scene = Hands()
    scene.place(plan())
    killed(scene, switch(EVERYTHING))
    scene.up()
    assert (scene.venues.types(), scene.outlet.kinds()) == ("", ["RouteAnswer", "CANCELED"])


def test_a_switch_that_cancels_takes_back_what_is_open_of_its_scope_once() -> None:
    scene = Hands()
    scene.up()
    stopped, other = plan(), plan()
    (one,) = scene.place(stopped)
    (two,) = scene.place(msgspec.structs.replace(other, children=(child(account_id="ACC-2"),)))
    for placed in (one, two):
        scene.hear(placed, ExecType.NEW)
    kill = switch(Scope(account="ACC"), Stage.CANCEL)
    assert killed(scene, kill) == [(kill.switch_id, one.cl_ord_id)]
    assert killed(scene, kill) == []
    assert scene.venues.types() == "DDF"
    assert scene.manager.killed == 1
    scene.hear(one, ExecType.CANCELED)
    assert scene.manager.killed == 0
    # The cancels of clients go out whatever is stopped.
    scene.manager.handle_cancel(cancel_of(msgspec.structs.replace(other, order_id=two.order_id)), NOW, 0.0)
    assert scene.venues.types() == "DDFF"


def test_a_switch_that_blocks_cancels_nothing_until_it_is_raised() -> None:
    scene = Hands()
    scene.up()
    (one,) = scene.place(plan())
    scene.hear(one, ExecType.NEW)
    kill = switch(Scope(desk="D"))
    assert killed(scene, kill) == [(kill.switch_id, one.cl_ord_id)]
    assert scene.venues.types() == "D"
    assert killed(scene, msgspec.structs.replace(kill, stage=Stage.CANCEL)) == []
    assert scene.venues.types() == "DF"


def test_an_account_that_comes_to_a_desk_that_is_stopped_is_stopped_with_it() -> None:
    scene = Hands()
    scene.up()
    (one,) = scene.place(plan())
    scene.hear(one, ExecType.NEW)
    kill = switch(Scope(desk="D-2"), Stage.CANCEL)
    killed(scene, kill)
    assert scene.venues.types() == "D"
    moved = msgspec.structs.replace(kills_of(kill), houses={"ACC": ("F", "D-2")})
    scene.manager._gate.kills = FixedKills(moved)
    scene.manager.handle_kills(NOW, 0.0)
    assert scene.venues.types() == "DF"


# ---- a router and a core that lie


def test_a_plan_of_an_order_that_no_client_placed_is_refused() -> None:
    order = plan()
    assert code(problem_of_parent(None, order.terms, order.children, 0)) == "GATE_ORDER"


@pytest.mark.parametrize(
    "changes",
    [
        {"account_id": "ACC-2"},
        {"symbol": "MSFT"},
        {"side": Side.BUY},
        {"limit_price_micros": LIMIT - 1},
        {"limit_price_micros": None, "order_type": OrderType.MARKET},
    ],
)
def test_a_plan_with_other_terms_than_the_clients_is_refused(changes: dict[str, Any]) -> None:
    order = plan()
    told = msgspec.structs.replace(order.terms, **changes)
    assert code(problem_of_parent(parent_of(order), told, order.children, 0)) == "GATE_ORDER"


@pytest.mark.parametrize(
    ("limit", "told", "refused"),
    [
        (None, LIMIT, ""),
        (None, None, "GATE_ORDER"),
        (LIMIT, LIMIT, ""),
        # It sells: at its limit or above.
        (LIMIT, LIMIT + 1, ""),
        (LIMIT, LIMIT - 1, "GATE_ORDER"),
    ],
)
def test_a_pegged_order_is_worked_at_any_price_within_its_limit(
    limit: int | None, told: int | None, refused: str
) -> None:
    order = plan()
    parent = msgspec.structs.replace(parent_of(order), pegged=True, limit_price_micros=limit)
    terms = msgspec.structs.replace(order.terms, limit_price_micros=told)
    assert code(problem_of_parent(parent, terms, order.children, 0)) == refused


@pytest.mark.parametrize(
    ("changes", "price", "refused"),
    [
        ({}, LIMIT, ""),
        ({}, LIMIT + 10_000, ""),
        ({}, LIMIT - 10_000, "GATE_LIMIT"),
        ({"limit_price_micros": None}, LIMIT - 10_000, ""),
        ({"pegged": False}, LIMIT, "GATE_ORDER"),
        ({"closed": True}, LIMIT, "GATE_CLOSED"),
    ],
)
def test_only_a_pegged_orders_child_gets_another_price_and_none_beyond_its_limit(
    changes: dict[str, Any], price: int, refused: str
) -> None:
    parent = msgspec.structs.replace(parent_of(plan()), **({"pegged": True} | changes))
    assert code(problem_of_price_change(parent, price)) == refused
    assert code(problem_of_price_change(None, price)) == "GATE_ORDER"


_POSTS = {"exec_inst": ExecInst.PARTICIPATE_DONT_INITIATE}
_RESTS = {"time_in_force": TimeInForce.DAY}


@pytest.mark.parametrize(
    ("asked", "said", "refused"),
    [
        # Post-only: said of every child, which rests, and of no other order's.
        ({"post_only": True}, _POSTS | _RESTS, ""),
        ({"post_only": True}, _RESTS, "GATE_POST_ONLY"),
        ({"post_only": True}, {"exec_inst": ExecInst.INTERMARKET_SWEEP} | _RESTS, "GATE_POST_ONLY"),
        ({"post_only": True}, _POSTS | {"time_in_force": TimeInForce.IOC}, "GATE_POST_ONLY"),
        ({}, _POSTS | _RESTS, "GATE_POST_ONLY"),
        # An auction: its order's children are for it, and no other order's is.
        *[
            ({"time_in_force": asked}, {"time_in_force": said}, "" if asked is said else "GATE_AUCTION")
            for asked in TimeInForce
            for said in TimeInForce
            if TimeInForce.OPG in (asked, said) or TimeInForce.CLO in (asked, said)
        ],
        # Display: below, at and above; what does not rest, or not in sight, shows nothing.
        ({"display_quantity": 50}, _RESTS | {"display_quantity": 49}, ""),
        ({"display_quantity": 50}, _RESTS | {"display_quantity": 50}, ""),
        ({"display_quantity": 50}, _RESTS | {"display_quantity": 51}, "GATE_DISPLAY"),
        ({"display_quantity": 50}, _RESTS, "GATE_DISPLAY"),
        ({"display_quantity": 50}, _RESTS | {"quantity": 50}, ""),
        ({"display_quantity": 50}, {"time_in_force": TimeInForce.IOC}, ""),
        ({"display_quantity": 50}, _RESTS | {"exec_inst": ExecInst.MIDPOINT_PEG}, ""),
        ({}, _RESTS | {"display_quantity": 101}, "GATE_DISPLAY"),
        ({}, _RESTS | {"display_quantity": -1}, "GATE_DISPLAY"),
        # What a child says of its client and its locate is what its order says.
        ({"capacity": OrderCapacity.AGENCY}, {"capacity": OrderCapacity.AGENCY}, ""),
        ({"capacity": OrderCapacity.AGENCY}, {}, "GATE_TERMS"),
        ({}, {"capacity": OrderCapacity.PRINCIPAL}, "GATE_TERMS"),
        ({"locate_id": "L"}, {"locate_id": "L"}, ""),
        ({"locate_id": "L"}, {"locate_id": "M"}, "GATE_TERMS"),
    ],
)
def test_a_child_keeps_to_its_orders_instructions(
    asked: dict[str, Any], said: dict[str, Any], refused: str
) -> None:
    order = plan()
    terms = msgspec.structs.replace(order.terms, **asked)
    problem = problem_of(
        order.order_id,
        order.attempt,
        100,
        terms,
        (child(order.order_id, **said),),
        partial(child_cl_ord_id, order.order_id, order.attempt),
    )
    assert code(problem) == refused


def test_a_plan_may_place_what_its_order_has_left_and_no_share_more() -> None:
    order = plan(legs=2)
    parent = parent_of(order)
    assert problem_of_parent(parent, order.terms, order.children, 800) == ""
    assert code(problem_of_parent(parent, order.terms, order.children, 801)) == "GATE_COMMITTED"
    over = msgspec.structs.replace(parent, closed=True)
    assert code(problem_of_parent(over, order.terms, order.children, 0)) == "GATE_CLOSED"


_QUANTITIES = st.sampled_from([1, 100, 400, 600, 1_000, 5_000])
# Mostly one lie at a time: a plan with several would be refused for the first of them.
LIES = st.one_of(
    st.fixed_dictionaries({}, optional={"quantity": _QUANTITIES}),
    st.fixed_dictionaries({"quantity": _QUANTITIES}),
    st.fixed_dictionaries({"limit_price_micros": st.sampled_from([1, LIMIT - 1, LIMIT, LIMIT + 1, 10**12])}),
    st.fixed_dictionaries({"symbol": st.sampled_from(["AAPL", "MSFT"])}),
    st.fixed_dictionaries({"side": st.sampled_from(list(Side))}),
    st.fixed_dictionaries({"account_id": st.sampled_from(["ACC", "ACC-2"])}),
)
# What a router that lies says of the order, and of each child; and whether core lies with it.
LYING_PLANS = st.tuples(
    st.integers(1, 4), LIES, st.lists(LIES, min_size=1, max_size=2), st.sampled_from([False, False, True])
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(LYING_PLANS, st.sampled_from(["fill", "cancel", "close"])), max_size=12))
def test_whatever_a_router_and_a_core_say_no_more_leaves_than_a_client_asked_for(
    happenings: list[Any],
) -> None:
    scene, order = Scene(), plan()
    truth = scene.parents[order.order_id] = parent_of(order)
    scene.up()
    sent = follow(scene.venues)
    done: dict[str, int] = {}
    for happening in happenings:
        if isinstance(happening, tuple):
            scene.routed(lying_plan(order, *happening))
        elif happening == "cancel":
            scene.routed(cancel_of(order, through=2))
        elif open_ones := [one for one in sent if one.cl_ord_id not in done]:
            one = open_ones[0]
            done[one.cl_ord_id] = one.quantity if happening == "fill" else 0
            scene.said(one, "2" if happening == "fill" else "4", one.quantity if happening == "fill" else 0)
        held_to(truth, sent, done)


def follow(venues: NotedVenues) -> list[ChildTerms]:
    """Keep what leaves for venues."""
    sent: list[ChildTerms] = []
    note = venues.send_order

    def send_order(one: ChildTerms, at: Any) -> bool:
        sent.append(one)
        return note(one, at)

    venues.send_order = send_order  # type: ignore[method-assign]
    return sent


def lying_plan(
    order: RoutePlan, attempt: int, lie: dict[str, Any], children: list[dict[str, Any]], core_lies: bool
) -> RoutePlan:
    terms = msgspec.structs.replace(order.terms, **lie) if core_lies else order.terms
    # A router that believes core asks its children for the same.
    told = {name: value for name, value in lie.items() if name != "quantity"} if core_lies else {}
    made = tuple(
        msgspec.structs.replace(
            child(order.order_id, attempt=attempt, leg=leg, **(told | one)),
            cl_ord_id=child_cl_ord_id(order.order_id, attempt, leg),
        )
        for leg, one in enumerate(children, 1)
    )
    return msgspec.structs.replace(
        plan(order_id=order.order_id, attempt=attempt),
        terms=terms,
        quantity=5_000,
        children=made,
    )


def held_to(truth: Parent, sent: list[ChildTerms], done: dict[str, int]) -> None:
    """Hold what left to what a client asked for."""
    assert len({one.cl_ord_id for one in sent}) == len(sent)
    for one in sent:
        assert (one.account_id, one.symbol, one.side) == (truth.account_id, truth.symbol, truth.side)
        assert truth.limit_price_micros is not None
        assert one.limit_price_micros >= truth.limit_price_micros  # it sells
    assert sum(done.get(one.cl_ord_id, one.quantity) for one in sent) <= truth.quantity


# ---- what closes a position for a kill switch


def closing_parent(side: Side = Side.SELL, quantity: int = 100, **closes: int) -> Parent:
    values = {"held_then": 100, "held": 100, "applied_qty": 0} | closes
    return Parent(
        account_id="ACC", symbol="AAPL", side=side, quantity=quantity, limit_price_micros=None,
        closes=Closes(switch_id=uuid7(), **values),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("parent", "committed", "placed", "expected"),
    [
        (closing_parent(), 0, 100, ""),
        (closing_parent(), 60, 40, ""),
        # As much as was held then, and no more; the other way, and no other.
        (closing_parent(held_then=99), 0, 1, "GATE_FLATTEN"),
        (closing_parent(held_then=-100, held=-100), 0, 1, "GATE_FLATTEN"),
        (closing_parent(Side.BUY), 0, 1, "GATE_FLATTEN"),
        (closing_parent(Side.BUY, held_then=-100, held=-100), 0, 100, ""),
        # As much as is held now, with what is out: what is executed and in the position counts once.
        (closing_parent(held=40, applied_qty=60), 60, 40, ""),
        (closing_parent(held=39, applied_qty=60), 60, 40, "GATE_FLATTEN"),
        (closing_parent(held=40, applied_qty=0), 60, 1, "GATE_FLATTEN"),
        (closing_parent(held=0), 0, 1, "GATE_FLATTEN"),
        (closing_parent(held=-5), 0, 1, "GATE_FLATTEN"),
        (closing_parent(Side.BUY, held_then=-100, held=-40), 0, 41, "GATE_FLATTEN"),
        (closing_parent(held_then=300, held=300), 0, 101, "GATE_COMMITTED"),
    ],
)
def test_an_order_of_a_switch_only_closes_what_is_held(
    parent: Parent, committed: int, placed: int, expected: str
) -> None:
    terms = plan().terms
    terms = msgspec.structs.replace(
        terms, account_id="ACC", symbol="AAPL", side=parent.side, limit_price_micros=None
    )
    children = [child(side=parent.side, quantity=placed)]
    assert code(problem_of_parent(parent, terms, children, committed)) == expected


@pytest.mark.parametrize(
    ("own", "others", "expected"),
    [
        (Stage.FLATTEN, (), ""),
        (Stage.FLATTEN, ((EVERYTHING, Stage.BLOCK), (Scope(symbol="AAPL"), Stage.CANCEL)), ""),
        (Stage.FLATTEN, ((Scope(venue="XNYS"), Stage.BLOCK),), "GATE_KILLED"),
        (Stage.FLATTEN, ((Scope(venue="XNYS", account="ACC"), Stage.BLOCK),), "GATE_KILLED"),
        (Stage.FLATTEN, ((Scope(venue="ANOTHER"), Stage.BLOCK),), ""),
        # Its own switch is not set, or not to close: nothing of it leaves, whatever else there is.
        (Stage.CANCEL, (), "GATE_FLATTEN"),
        (None, (), "GATE_FLATTEN"),
        (None, ((EVERYTHING, Stage.FLATTEN),), "GATE_FLATTEN"),
    ],
)
def test_what_closes_passes_every_switch_but_a_venues_while_its_own_is_set(
    own: Stage | None, others: tuple[tuple[Scope, Stage], ...], expected: str
) -> None:
    one, held = gate(), child(side=Side.SELL, venue_id="XNYS")
    mine = switch(Scope(account="ACC"), Stage.FLATTEN if own is None else own)
    set_now = [switch(*other) for other in others] + ([] if own is None else [mine])
    one.kills = FixedKills(kills_of(*set_now))
    one.closings[held.order_id] = mine.switch_id
    assert code(one.refuses(held, 0.0)) == expected
    # Of a client the same child is stopped by whatever there is.
    another = child(side=Side.SELL, venue_id="XNYS")
    assert (code(one.refuses(another, 0.0)) == "") is not any(
        other.stops(kills_of().thing("ACC", "AAPL", Owner(NO_NAME, NO_NAME), "XNYS")) for other in set_now
    )


def test_the_next_adapter_leaves_alone_what_closes_for_a_switch_and_was_live_before() -> None:
    scene = Scene()
    scene.up()
    placed = plan()
    one = switch(Scope(account=placed.terms.account_id), Stage.FLATTEN)
    closes = Closes(switch_id=one.switch_id, held_then=10**6, held=10**6, applied_qty=0)
    known = scene.store._parent_of
    scene.store._parent_of = lambda order_id: (
        None if (found := known(order_id)) is None else msgspec.structs.replace(found, closes=closes)
    )
    scene.manager._gate.kills = FixedKills(Kills(switches=(one,)))
    scene.loop.step()
    scene.routed(placed)
    assert scene.venues.types() == "D"
    scene.arrivals.items.append(report_of(placed.children[0], "0", 0, 2))
    for _ in range(3):
        scene.now_s += 1
        scene.loop.step()
    after = scene.restarted()
    after.manager._gate.kills = FixedKills(Kills(switches=(one,)))
    after.loop.step()
    after.up()
    assert "F" not in after.venues.types()
    # Released: another switch that cancels takes it.
    another = switch(Scope(account=placed.terms.account_id), Stage.CANCEL)
    after.manager._gate.kills = FixedKills(Kills(switches=(another,)))
    after.loop.step()
    assert "F" in after.venues.types()
