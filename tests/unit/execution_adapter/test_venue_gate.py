"""Limits of venues at the last gate: each rule below, at and above; what counts, and what is told."""

from typing import Any

import msgspec
import pytest

from execution_adapter.domain.gate import WireGate
from oms_platform.kill_switches import NO_NAME, FixedKills, Kills, Owner
from oms_platform.risk_rules import RULES_AT_VENUES, RuleRow, read_row
from oms_platform.scopes import Scope
from oms_platform.venue_limits import VenueLimits
from oms_platform.vocabulary import ChildTerms, ExecType
from tests.unit.execution_adapter.orders import LIMIT, NOW, child, plan
from tests.unit.execution_adapter.test_handlers import Scene as Hands

XNYS = Scope(venue="XNYS")


def row(rule: str, scope: Scope = XNYS, mode: str | None = None, **parameters: Any) -> RuleRow:
    return read_row(rule, scope, mode=mode, severity=None, on_missing=None, parameters=parameters)


def kills(*rows: RuleRow) -> FixedKills:
    return FixedKills(
        Kills(
            houses={"ACC": ("F", "D")}, sectors={"AAPL": "TECH"}, limits=VenueLimits(rows) if rows else None
        )
    )


def gate(*rows: RuleRow) -> WireGate:
    made = WireGate()
    made.kills = kills(*rows)
    return made


BOUNDS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], str]] = {
    # rule: (parameters, a child that is at the bound, one that is beyond it, what is said)
    "TRADER_NOT_PERMITTED": ({"permitted": False}, {"venue_id": "XNAS"}, {}, "permitted=no"),
    "INSTRUMENT_RESTRICTED": (
        {"restricted": "EVERYTHING"}, {"venue_id": "XNAS"}, {}, "restricted=EVERYTHING",
    ),
    "ORDER_QTY_EXCEEDS_MAX": (
        {"quantity_max": 100}, {"quantity": 100}, {"quantity": 101}, "found=101, limit=100",
    ),
    "ORDER_NOTIONAL_EXCEEDS_MAX": (
        {"notional_max": "1001"}, {}, {"limit_price_micros": LIMIT + 1},
        "notional=1001.0001, limit=1001.00",
    ),
}  # fmt: skip
COUNTED = {
    "OPEN_ORDERS_EXCEEDED": {"open_max": 2},
    "ORDER_RATE_EXCEEDED": {"orders_max": 2, "window_s": 10},
    "MESSAGE_RATE_EXCEEDED": {"messages_max": 2, "window_s": 10},
}


def test_every_rule_that_may_be_set_for_a_venue_is_held_to_here() -> None:
    assert set(BOUNDS) | set(COUNTED) == set(RULES_AT_VENUES)


@pytest.mark.parametrize("rule", BOUNDS)
def test_a_child_is_held_to_a_limit_of_its_venue_and_no_other_one(rule: str) -> None:
    parameters, within, beyond, said = BOUNDS[rule]
    one = gate(row(rule, **parameters))
    assert one.refuses(child(**within), 0.0) == ""
    assert one.refuses(child(**beyond), 0.0) == f"GATE_VENUE_LIMIT: {rule}: {said}, scope=venue=XNYS"
    assert one.refuses(child(**{**beyond, "venue_id": "XNAS"}), 0.0) == ""
    assert gate(row(rule, mode="OFF", **parameters)).refuses(child(**beyond), 0.0) == ""
    assert gate(row(rule, Scope(venue="XNYS", account="B"), **parameters)).refuses(child(**beyond), 0.0) == ""
    # Another price of what is there already is held to the same.
    assert one.refuses(child(**beyond), 0.0, moves=True).startswith("GATE_VENUE_LIMIT")


@pytest.mark.parametrize("rule", ["ORDER_RATE_EXCEEDED", "MESSAGE_RATE_EXCEEDED"])
def test_so_many_leave_for_a_venue_within_a_window_of_each_account(rule: str) -> None:
    one = gate(row(rule, **COUNTED[rule]))
    assert [one.refuses(child(), at_s) for at_s in (100.0, 105.0)] == ["", ""]
    assert one.refuses(child(), 109.9).startswith(f"GATE_VENUE_LIMIT: {rule}: found=3, limit=2")
    assert one.refuses(child(account_id="ACC-2"), 109.9) == ""
    assert one.refuses(child(venue_id="XNAS"), 109.9) == ""
    # The first has left the window; what was refused never was in it.
    assert one.refuses(child(), 110.0) == ""
    assert one.refuses(child(), 110.1) != ""


def test_new_prices_count_among_messages_and_not_among_orders() -> None:
    orders, messages = (gate(row(rule, **COUNTED[rule])) for rule in list(COUNTED)[1:])
    for _ in range(5):
        assert orders.refuses(child(), 0.0, moves=True) == ""
    assert orders.refuses(child(), 0.0) == ""
    assert [messages.refuses(child(), 0.0, moves=True)[:16] for _ in range(3)] == ["", "", "GATE_VENUE_LIMIT"]


def test_what_is_watched_is_told_and_stops_nothing() -> None:
    told: list[tuple[ChildTerms, str]] = []
    one = gate(row("ORDER_QTY_EXCEEDS_MAX", mode="SHADOW", quantity_max=99))
    one.venues.on_watched = lambda of, found: told.append((of, found))
    sent = child()
    assert one.refuses(sent, 0.0) == ""
    assert told == [(sent, "ORDER_QTY_EXCEEDS_MAX: found=100, limit=99, scope=venue=XNYS")]


def test_a_limit_of_a_person_stops_what_nobody_knows_to_be_another_persons() -> None:
    sent = child()
    one = gate(row("TRADER_NOT_PERMITTED", Scope(venue="XNYS", trader="ada"), permitted=False))
    assert one.refuses(sent, 0.0).startswith("GATE_VENUE_LIMIT: ")
    one.owners = {sent.order_id: Owner("ben", NO_NAME)}
    assert one.refuses(sent, 0.0) == ""
    one.owners = {sent.order_id: Owner("ada", NO_NAME)}
    assert "scope=venue=XNYS, trader=ada" in one.refuses(sent, 0.0)


# ---- what the hands do about it


def test_an_account_has_no_more_orders_at_a_venue_than_it_may_and_goes_on_when_one_is_over() -> None:
    scene = Hands()
    scene.up()
    scene.manager._gate.kills = kills(row("OPEN_ORDERS_EXCEEDED", open_max=2))
    plans = [plan() for _ in range(3)]
    (one,) = scene.place(plans[0])
    scene.place(plans[1])
    scene.place(plans[2])
    assert scene.venues.types() == "DD"
    told: str = scene.outlet.messages[-1].text  # type: ignore[attr-defined]
    assert told == "GATE_VENUE_LIMIT: OPEN_ORDERS_EXCEEDED: found=3, limit=2, scope=venue=XNYS"
    # Another account's are counted by themselves.
    scene.place(msgspec.structs.replace(plan(), children=(child(account_id="ACC-2"),)))
    assert scene.venues.types() == "DDD"
    scene.hear(one, ExecType.CANCELED)
    scene.place(plan())
    assert scene.venues.types() == "DDDD"


def test_a_child_beyond_a_limit_is_over_at_once_and_leaves_when_the_limit_is_gone() -> None:
    scene = Hands()
    scene.up()
    scene.manager._gate.kills = kills(row("TRADER_NOT_PERMITTED", permitted=False))
    scene.place(plan())
    assert scene.venues.types() == ""
    assert scene.outlet.kinds() == ["RouteAnswer", "CANCELED"]
    scene.manager._gate.kills = kills()
    scene.manager.handle_kills(NOW, 0.0)
    scene.place(plan())
    assert scene.venues.types() == "D"
