"""Limits of venues: which rules may name one, what rows make together, and what a bound lets through."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms_platform.ids import uuid7
from oms_platform.kill_switches import NO_NAME, FixedKills, Kills, KillSwitch, LimitsAlone, Owner
from oms_platform.risk_book import RuleBook
from oms_platform.risk_rules import (
    RULE_SPECS,
    RULES_AT_VENUES,
    SPEC_OF,
    RuleRow,
    Unit,
    UnreadableRuleError,
    read_row,
)
from oms_platform.scopes import EVERYTHING, Scope, scope_of
from oms_platform.venue_limits import VenueBound, VenueLimits

XNYS = Scope(venue="XNYS")
OF_DESK = Scope(venue="XNYS", desk="D")
THING = Scope(
    firm="F", venue="XNYS", sector="TECH", desk="D", strategy="momentum", symbol="AAPL", trader="ada",
    account="A",
)  # fmt: skip
QUANTITY, NOTIONAL = "ORDER_QTY_EXCEEDS_MAX", "ORDER_NOTIONAL_EXCEEDS_MAX"
DOLLAR = 1_000_000


def row(rule: str, scope: Scope = XNYS, mode: str | None = None, **parameters: Any) -> RuleRow:
    return read_row(rule, scope, mode=mode, severity=None, on_missing=None, parameters=parameters)


def something(rule: str) -> dict[str, object]:
    """Return parameters that a row of a rule may set."""
    first = SPEC_OF[rule].parameters[0]
    given: object = first.choices[0] if first.choices else False if first.unit is Unit.YES_NO else first.least
    return {first.name: "1" if first.unit is Unit.DOLLARS else given}


@pytest.mark.parametrize("rule", [spec.name for spec in RULE_SPECS if not spec.facts])
def test_a_scope_names_a_venue_where_the_catalogue_says_what_that_means_and_nowhere_else(rule: str) -> None:
    if rule in RULES_AT_VENUES:
        assert row(rule, **something(rule)).scope == XNYS
        return
    with pytest.raises(UnreadableRuleError, match="checked before one is chosen") as refused:
        row(rule, mode="ON")
    assert refused.value.field == "scope"


def test_what_a_rule_needs_at_a_venue_is_one_of_its_parameters() -> None:
    assert set(RULES_AT_VENUES) == {
        "TRADER_NOT_PERMITTED", "INSTRUMENT_RESTRICTED", QUANTITY, NOTIONAL, "ORDER_RATE_EXCEEDED",
        "MESSAGE_RATE_EXCEEDED", "OPEN_ORDERS_EXCEEDED",
    }  # fmt: skip
    for rule in RULES_AT_VENUES:
        at_venue = SPEC_OF[rule].at_venue
        assert at_venue is not None
        parameter = SPEC_OF[rule].parameter(at_venue.needs)
        assert parameter is not None and set(at_venue.choices) <= set(parameter.choices)


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("severity", {"severity": "SOFT"}),
        ("severity", {"severity": "OVERRIDE"}),
        ("onMissing", {"on_missing": "PASS"}),
        ("parameters.restricted", {"parameters": {"restricted": "OPENING"}}),
    ],
)
def test_what_nobody_can_be_held_to_at_a_venue_is_refused_by_its_field(
    field: str, changes: dict[str, Any]
) -> None:
    given = {
        "mode": None, "severity": None, "on_missing": None, "parameters": {"restricted": "EVERYTHING"},
    } | changes  # fmt: skip
    read_row("INSTRUMENT_RESTRICTED", Scope(symbol="AAPL"), **given)
    with pytest.raises(UnreadableRuleError) as refused:
        read_row("INSTRUMENT_RESTRICTED", XNYS, **given)
    assert refused.value.field == field


# ---- what rows make together


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], None),
        ([row("TRADER_NOT_PERMITTED", permitted=True)], None),
        (
            [row("TRADER_NOT_PERMITTED", permitted=False)],
            VenueBound(barred="TRADER_NOT_PERMITTED: permitted=no, scope=venue=XNYS"),
        ),
        ([row("INSTRUMENT_RESTRICTED", restricted="NOTHING")], None),
        (
            [row("INSTRUMENT_RESTRICTED", restricted="EVERYTHING")],
            VenueBound(barred="INSTRUMENT_RESTRICTED: restricted=EVERYTHING, scope=venue=XNYS"),
        ),
        (
            [row(QUANTITY, quantity_max=300)],
            VenueBound(quantity_max=300, words="at most 300 shares an order there (venue=XNYS)"),
        ),
        (
            [row(NOTIONAL, notional_max="1000.50")],
            VenueBound(
                notional_max_micros=1_000_500_000, words="at most $1000.50 an order there (venue=XNYS)"
            ),
        ),
        # Of another venue, or of a name that the order has not.
        ([row("TRADER_NOT_PERMITTED", Scope(venue="XNAS"), permitted=False)], None),
        ([row("TRADER_NOT_PERMITTED", Scope(venue="XNYS", account="B"), permitted=False)], None),
        # The closer row wins, whichever came first.
        (
            [
                row("TRADER_NOT_PERMITTED", permitted=False),
                row("TRADER_NOT_PERMITTED", Scope(venue="XNYS", account="A"), permitted=True),
            ],
            None,
        ),
        # A row that says only a mode leaves the number to the wider one.
        (
            [row(QUANTITY, quantity_max=300), row(QUANTITY, OF_DESK, mode="OFF")],
            None,
        ),
        (
            [row(QUANTITY, quantity_max=300, mode="OFF"), row(QUANTITY, OF_DESK, mode="ON")],
            VenueBound(quantity_max=300, words="at most 300 shares an order there (venue=XNYS, desk=D)"),
        ),
        # What is only watched bounds nothing.
        ([row(QUANTITY, quantity_max=300, mode="SHADOW")], None),
        # What counts what leaves is the gate's.
        ([row("OPEN_ORDERS_EXCEEDED", open_max=1), row("ORDER_RATE_EXCEEDED", orders_max=1)], None),
        # A mode without a number: nothing is asked, and no default of an order's is in its place.
        ([row(QUANTITY, mode="ON")], None),
    ],
)  # fmt: skip
def test_rows_of_a_venue_make_one_bound(rows: list[RuleRow], expected: VenueBound | None) -> None:
    for order in permutations(rows):
        assert VenueLimits(order).bound(THING) == expected


@pytest.mark.parametrize("kind", ["firm", "desk", "account", "trader", "strategy", "sector", "symbol"])
def test_every_kind_of_name_goes_together_with_a_venue(kind: str) -> None:
    held = scope_of({"venue": "XNYS", kind: getattr(THING, kind)})
    other = scope_of({"venue": "XNYS", kind: "other"})
    assert VenueLimits([row("TRADER_NOT_PERMITTED", held, permitted=False)]).bound(THING) is not None
    assert VenueLimits([row("TRADER_NOT_PERMITTED", other, permitted=False)]).bound(THING) is None


def test_rows_of_a_venue_and_rows_of_none_take_nothing_from_each_other() -> None:
    own, wide = row(QUANTITY, Scope(account="A"), quantity_max=7), row(QUANTITY, quantity_max=300)
    order = Scope(account="A", symbol="AAPL")
    assert RuleBook([own]).value(QUANTITY, "quantity_max", order) == 7
    assert [one.values for one in VenueLimits([wide]).asked(THING)] == [{"quantity_max": 300}]
    # And what is a default of orders is none of venues.
    assert VenueLimits([row("ORDER_RATE_EXCEEDED", orders_max=3)]).asked(THING)[0].values == {
        "orders_max": 3,
        "window_s": 1,
    }
    assert [one.spec.name for one in VenueLimits([row(QUANTITY, mode="ON")]).asked(THING)] == []


@given(
    shares=st.integers(0, 1_000),
    dollars=st.integers(0, 10**6),
    price=st.none() | st.integers(1, 10**9),
)
def test_a_bound_lets_through_what_is_within_both_and_no_share_more(
    shares: int, dollars: int, price: int | None
) -> None:
    most = VenueBound(quantity_max=shares, notional_max_micros=dollars * DOLLAR).shares_at(price)
    if most is None:
        assert not shares and not dollars
        return
    within = [not shares or most <= shares, not dollars or most * (price or 0) <= dollars * DOLLAR]
    beyond = [
        shares and most + 1 > shares,
        dollars and (price is None or (most + 1) * price > dollars * DOLLAR),
    ]
    assert all(within) and any(beyond)


# ---- with the names that a board knows


def kills(*rows: RuleRow, **more: Any) -> Kills:
    return Kills(houses={"A": ("F", "D")}, sectors={"AAPL": "TECH"}, limits=VenueLimits(rows), **more)


def test_a_limit_that_names_a_person_or_a_strategy_asks_who_asked_for_orders() -> None:
    assert not kills(row(QUANTITY, quantity_max=1)).asks_for_owners
    for kind in ("trader", "strategy"):
        scope = scope_of({"venue": "XNYS", kind: "x"})
        assert kills(row(QUANTITY, scope, quantity_max=1)).asks_for_owners
    named = kills(row(QUANTITY, Scope(venue="XNYS", trader="ada"), quantity_max=1))
    assert named.limits is not None
    found = {
        trader: named.limits.bound(named.thing("A", "AAPL", Owner(trader, NO_NAME), "XNYS"))
        for trader in ("ada", NO_NAME)
    }
    assert found["ada"] is not None and found[NO_NAME] is None


def test_a_board_of_limits_alone_stops_nothing_and_keeps_them() -> None:
    switch = KillSwitch(switch_id=uuid7(), scope=EVERYTHING, reason="drill")
    board = FixedKills(kills(row(QUANTITY, quantity_max=1), switches=(switch,), unread="2.4 s ago"))
    seen = LimitsAlone(board).known()
    assert (seen.switches, seen.unread, seen.limits) == ((), "", board.kills.limits)
    assert seen.houses == board.kills.houses
