"""Limits of venues at the router: who is left out, how much is sent, and the words that say so."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from oms_platform.ids import uuid7
from oms_platform.kill_switches import FixedKills, Kills, KillSwitch, LimitsAlone
from oms_platform.risk_rules import RuleRow, read_row
from oms_platform.scopes import EVERYTHING, Scope
from oms_platform.venue_limits import VenueBound, VenueLimits
from oms_platform.vocabulary import OrderType, Side, TimeInForce
from sor_engine.handlers import QuoteBudget, decide_again, is_proven, plan_route, preview_route
from sor_engine.ports import PlannedRoute
from tests.unit.sor_engine.market import legs, order, profile, quote, reasons, route, venue
from tests.unit.sor_engine.test_handlers import QUOTE, REFERENCE, FixedQuotes, context, explained, request

ARCX = Scope(venue="ARCX")
BARRED = "TRADER_NOT_PERMITTED: permitted=no, scope=venue=ARCX"


def row(rule: str, scope: Scope = ARCX, **parameters: Any) -> RuleRow:
    return read_row(rule, scope, mode=None, severity=None, on_missing=None, parameters=parameters)


def board(*rows: RuleRow, **more: Any) -> FixedKills:
    houses, sectors = {"ACC-1": ("F", "D")}, {"AAPL": "TECH"}
    return FixedKills(Kills(houses=houses, sectors=sectors, limits=VenueLimits(rows), **more))


def planned(*rows: RuleRow, **changes: Any) -> PlannedRoute:
    made = replace(context(FixedQuotes(QUOTE, 0.0)), kills=board(*rows))
    return plan_route(request(**changes), REFERENCE, made, QuoteBudget())


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (
            row("TRADER_NOT_PERMITTED", permitted=False),
            "TRADER_NOT_PERMITTED: permitted=no, scope=venue=ARCX",
        ),
        (
            row("INSTRUMENT_RESTRICTED", Scope(venue="ARCX", symbol="AAPL"), restricted="EVERYTHING"),
            "INSTRUMENT_RESTRICTED: restricted=EVERYTHING, scope=venue=ARCX, symbol=AAPL",
        ),
    ],
)
def test_a_venue_that_may_not_be_used_is_left_out_with_the_limit_as_its_reason(
    made: RuleRow, said: str
) -> None:
    route = planned(made)
    assert all(child.venue_id != "ARCX" for child in route.decided.plan.children)
    assert {one.venue_id: one.reason for one in explained(route).venues}["ARCX"] == said
    assert is_proven(route.decided, decide_again(route.decided))


@pytest.mark.parametrize("scope", [Scope(venue="NONE"), Scope(venue="ARCX", account="another")], ids=str)
def test_what_another_scope_bars_is_placed(scope: Scope) -> None:
    children = planned(row("TRADER_NOT_PERMITTED", scope, permitted=False)).decided.plan.children
    assert [one.venue_id for one in children] == ["ARCX"]


@pytest.mark.parametrize(
    ("made", "shares"),
    [
        (row("ORDER_QTY_EXCEEDS_MAX", quantity_max=40), 40),
        (row("ORDER_QTY_EXCEEDS_MAX", quantity_max=100), 100),
        # At its limit of 10.05: 40 shares and no dollar more.
        (row("ORDER_NOTIONAL_EXCEEDS_MAX", notional_max="402.00"), 40),
        (row("ORDER_NOTIONAL_EXCEEDS_MAX", notional_max="401.99"), 39),
        (row("ORDER_NOTIONAL_EXCEEDS_MAX", notional_max="10.04"), 0),
    ],
)
def test_a_leg_is_as_large_as_the_venues_limit_lets_it_and_the_card_says_whose_that_is(
    made: RuleRow, shares: int
) -> None:
    route = planned(made)
    assert sum(one.quantity for one in route.decided.plan.children) == shares
    reason = {one.venue_id: one.reason for one in explained(route).venues}["ARCX"]
    assert reason.endswith("an order there (venue=ARCX)")
    if not shares:
        assert route.decided.plan.reason == (
            "LOT_TOO_SMALL: quantity=100, lot_and_minimum=ARCX 1/1, most=ARCX 0"
        )
    assert is_proven(route.decided, decide_again(route.decided))


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
@pytest.mark.parametrize("order_type", [OrderType.LIMIT, OrderType.MARKET])
def test_no_child_is_worth_more_at_its_limit_than_the_venue_lets_it(
    side: Side, order_type: OrderType
) -> None:
    limit = 9_900_000 if side is Side.SELL else 10_050_000
    route = planned(
        row("ORDER_NOTIONAL_EXCEEDS_MAX", notional_max="500.00"),
        side=side,
        order_type=order_type,
        limit_price_micros=limit if order_type is OrderType.LIMIT else None,
    )
    children = route.decided.plan.children
    assert children
    assert all(0 < one.quantity * one.limit_price_micros <= 500_000_000 for one in children)


# ---- whose quotes stay protected

BOOK = [quote("ARCX", "9.99", "10.00"), quote("BATS", "9.98", "10.01")]
CUT = {"ARCX": VenueBound(quantity_max=40, words="at most 40 shares an order there (venue=ARCX)")}


@pytest.mark.parametrize("strategy", ["best", "sweep", "split"])
def test_what_a_limit_leaves_of_a_better_quote_is_not_traded_through(strategy: str) -> None:
    found = route(
        order("10.05", 200, TimeInForce.IOC, bounds=CUT), BOOK, [venue("ARCX"), venue("BATS")],
        profile(strategy),
    )  # fmt: skip
    assert legs(found) == [("ARCX", 40, "10.00", "IOC")]
    assert reasons(found)["ARCX"].endswith("; at most 40 shares an order there (venue=ARCX)")


def test_who_is_barred_from_a_venue_does_not_trade_through_it() -> None:
    barred = {"ARCX": VenueBound(barred=BARRED)}
    found = route(order("10.05", 200, TimeInForce.IOC, bounds=barred), BOOK, [venue("ARCX"), venue("BATS")])
    assert not legs(found)
    assert found.reason.startswith("PROTECTED_QUOTE")
    assert reasons(found)["ARCX"] == barred["ARCX"].barred


def test_fill_or_kill_goes_whole_where_a_limit_lets_it_or_nowhere() -> None:
    venues = [venue("ARCX"), venue("BATS")]
    books = [quote("ARCX", "9.99", "10.00"), quote("BATS", "9.99", "10.00")]
    one = route(order("10.00", 100, TimeInForce.FOK, bounds=CUT), books, venues)
    assert legs(one) == [("BATS", 100, "10.00", "FOK")]
    both = CUT | {"BATS": CUT["ARCX"]}
    assert not legs(route(order("10.00", 100, TimeInForce.FOK, bounds=both), books, venues))


def test_in_the_dark_no_more_is_held_at_a_venue_than_its_limit_lets() -> None:
    venues = [venue("ARCX"), venue("DARK", lit=False)]
    bounds = {"DARK": VenueBound(quantity_max=70, words="at most 70 shares an order there (venue=DARK)")}
    found = route(order("10.05", 500, bounds=bounds), BOOK[:1], venues, profile("staged"))
    assert [(name, shares) for name, shares, _, _ in legs(found)] == [("DARK", 70)]
    assert "500" in found.account().summary and "430 not placed yet" in found.account().summary


@pytest.mark.parametrize(
    ("bound", "goes"),
    [
        (VenueBound(quantity_max=100, words="at most 100"), True),
        (VenueBound(quantity_max=99, words="at most 99"), False),
        (VenueBound(notional_max_micros=1_000_000_000, words="at most $1000.00"), True),
        (VenueBound(notional_max_micros=999_999_999, words="at most $999.99"), False),
        (VenueBound(barred="TRADER_NOT_PERMITTED: permitted=no"), False),
    ],
)
def test_an_order_for_an_auction_goes_whole_within_the_limit_or_waits(bound: VenueBound, goes: bool) -> None:
    asked = order("10.00", 100, TimeInForce.CLO, listing_venue="ARCX", bounds={"ARCX": bound})
    found = route(asked, BOOK, [venue("ARCX", auction_orders=True), venue("BATS")])
    assert [shares for _, shares, _, _ in legs(found)] == ([100] if goes else [])
    if not goes:
        assert found.no_data
        assert found.reason.startswith("AUCTION_VENUE_CLOSED: venue=ARCX, ")
        assert (bound.words or bound.barred) in found.reason


# ---- before sending, and what was kept before there were limits


def test_a_preview_is_within_the_limits_of_venues_and_stopped_by_no_switch() -> None:
    switch = KillSwitch(switch_id=uuid7(), scope=EVERYTHING, reason="drill")
    limits = board(row("ORDER_QTY_EXCEEDS_MAX", quantity_max=40), switches=(switch,))
    made = replace(context(FixedQuotes(QUOTE, 0.0)), kills=LimitsAlone(limits))
    plan, why = preview_route(request(), REFERENCE, made)
    assert [one.quantity for one in plan.children] == [40]
    assert "at most 40 shares" in {one.venue_id: one.reason for one in why.venues}["ARCX"]


def test_inputs_without_limits_are_kept_as_they_were_before_there_were_any() -> None:
    made = context(FixedQuotes(QUOTE, 0.0))
    kept = plan_route(request(), REFERENCE, made, QuoteBudget())
    assert b"bounds" not in kept.inputs
    bound = planned(row("ORDER_QTY_EXCEEDS_MAX", quantity_max=40))
    assert msgspec.json.decode(bound.inputs)["bounds"]["ARCX"]["quantity_max"] == 40
