"""Kill switches at the router: what is not placed, which venue is left out, and the reasons that say so."""

from dataclasses import replace

import pytest

from oms_platform.ids import uuid7
from oms_platform.kill_switches import FixedKills, Kills, KillSwitch, Stage
from oms_platform.scopes import EVERYTHING, Scope
from sor_engine.handlers import QuoteBudget, decide_again, is_proven, plan_route, preview_route
from sor_engine.ports import PlannedRoute
from tests.unit.sor_engine.test_handlers import QUOTE, REFERENCE, FixedQuotes, context, explained, request

HOUSES, SECTORS = {"ACC-1": ("F", "D")}, {"AAPL": "TECH"}


def planned(*switches: KillSwitch, unread: str = "") -> PlannedRoute:
    kills = FixedKills(Kills(switches=switches, houses=HOUSES, sectors=SECTORS, unread=unread))
    made = replace(context(FixedQuotes(QUOTE, 0.0)), kills=kills)
    return plan_route(request(), REFERENCE, made, QuoteBudget())


def switch(scope: Scope, stage: Stage = Stage.BLOCK) -> KillSwitch:
    return KillSwitch(switch_id=uuid7(), scope=scope, reason="drill", stage=stage)


@pytest.mark.parametrize("stage", list(Stage))
@pytest.mark.parametrize(
    "scope",
    [
        EVERYTHING,
        Scope(firm="F"),
        Scope(desk="D"),
        Scope(sector="TECH"),
        Scope(account="ACC-1"),
        Scope(symbol="AAPL"),
    ],
)
def test_nothing_is_placed_of_what_is_stopped_and_the_reason_names_the_switch(
    scope: Scope, stage: Stage
) -> None:
    one = switch(scope, stage)
    route = planned(one)
    plan = route.decided.plan
    assert (plan.children, plan.no_data) == ((), True)
    assert plan.reason == f"KILLED: switch={one.switch_id}, scope={scope}, reason=drill"
    assert {venue.reason for venue in explained(route).venues} == {plan.reason}
    assert is_proven(route.decided, decide_again(route.decided))


@pytest.mark.parametrize("kind", ["firm", "desk", "sector", "account", "symbol", "trader", "strategy"])
def test_what_another_scope_stops_is_placed(kind: str) -> None:
    assert planned(switch(Scope(**{kind: "another"}))).decided.plan.children


@pytest.mark.parametrize(("scope", "stopped"), [
    (Scope(venue="ARCX"), True), (Scope(venue="ARCX", account="ACC-1"), True),
    (Scope(venue="ARCX", account="another"), False), (Scope(venue="NONE"), False),
])  # fmt: skip
def test_a_venue_that_is_stopped_is_left_out_with_the_switch_as_its_reason(
    scope: Scope, stopped: bool
) -> None:
    one = switch(scope)
    route = planned(one)
    reasons = {venue.venue_id: venue.reason for venue in explained(route).venues}
    if stopped:
        assert reasons["ARCX"] == f"KILLED: {one}"
        assert all(child.venue_id != "ARCX" for child in route.decided.plan.children)
    else:
        assert [child.venue_id for child in route.decided.plan.children] == ["ARCX"]
    assert is_proven(route.decided, decide_again(route.decided))


def test_while_nobody_knows_what_is_stopped_nothing_is_placed() -> None:
    plan = planned(unread="kill switches were looked at 2.4 s ago, limit_s=2").decided.plan
    assert (plan.children, plan.no_data) == ((), True)
    assert plan.reason == "KILL_UNREAD: kill switches were looked at 2.4 s ago, limit_s=2"


def test_a_preview_shows_what_would_be_without_a_switch() -> None:
    plan, _ = preview_route(request(), REFERENCE, context(FixedQuotes(QUOTE, 0.0)))
    assert plan.children
