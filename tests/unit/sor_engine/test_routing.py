"""What the router does in markets that a trader would name."""

from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms_platform.messages import VenueQuote
from oms_platform.vocabulary import ExecInst, TimeInForce
from sor_engine.domain.market import DarkBelief, VenueStats, Visit, dollars
from sor_engine.domain.profile import InvalidProfileError, read_profile
from sor_engine.domain.strategies.draft import DISPLAYS_NOTHING, NOT_NEEDED, shown_parts
from tests.unit.sor_engine.market import WEIGHTS, legs, order, profile, quote, reasons, route, venue


def test_a_better_price_wins_over_everything_else() -> None:
    decision = route(order("10.10"), [quote("ARCX", "10.00", "10.03"), quote("BATS", "10.00", "10.02")])
    # A taking leg reaches a tick beyond the worst price taken, and never rests.
    assert legs(decision) == [("BATS", 100, "10.03", "IOC")]
    assert reasons(decision)["ARCX"] == NOT_NEEDED
    assert reasons(decision)["BATS"].startswith("best score 0.")
    assert reasons(decision)["BATS"].endswith("takes 100 of 300 displayed")
    assert reasons(decision)["XNYS"] == "no quote"


def test_at_the_same_price_the_lower_fee_wins() -> None:
    venues = [venue("ARCX", fee="0.0030"), venue("BATS", fee="0.0010")]
    decision = route(
        order("10.10"), [quote("ARCX", "10.00", "10.02"), quote("BATS", "10.00", "10.02")], venues
    )
    assert legs(decision)[0][0] == "BATS"


def test_a_large_order_takes_everything_displayed_and_its_rest_joins_a_taking_leg() -> None:
    quotes = [quote("ARCX", "10.00", "10.02"), quote("BATS", "10.00", "10.02", size=40)]
    decision = route(order("10.02", quantity=500), quotes)
    assert legs(decision) == [("ARCX", 460, "10.02", "DAY"), ("BATS", 40, "10.02", "IOC")]
    assert "takes 100 of 100 displayed; 360 rests at 10.02" in reasons(decision)["ARCX"]


def test_an_order_away_from_the_market_rests_at_the_best_lit_venue() -> None:
    decision = route(order("9.50"), [quote("ARCX", "10.00", "10.02"), quote("BATS", "10.00", "10.02")])
    assert legs(decision) == [("ARCX", 100, "9.50", "DAY")]
    assert reasons(decision)["BATS"] == "displays nothing at or inside the limit 9.50; what rests is at ARCX"
    # ARCX displays nothing there either: what is waited for nowhere is not said to be.
    ioc = route(order("9.50", time_in_force=TimeInForce.IOC), [quote("ARCX", "10.00", "10.02")])
    assert reasons(ioc)["ARCX"] == "displays nothing at or inside the limit 9.50"


def test_an_immediate_order_takes_what_is_displayed_and_no_more() -> None:
    decision = route(order("10.02", 500, TimeInForce.IOC), [quote("ARCX", "10.00", "10.02")])
    assert legs(decision) == [("ARCX", 100, "10.02", "IOC")]
    away = route(order("9.50", 500, TimeInForce.IOC), [quote("ARCX", "10.00", "10.02")])
    assert away.legs == ()
    assert away.reason == "NOT_MARKETABLE: limit=9.50, best=10.02"


def test_fill_or_kill_goes_whole_to_one_venue_or_nowhere() -> None:
    quotes = [quote("ARCX", "10.00", "10.04", size=100), quote("BATS", "10.00", "10.03", size=400)]
    # It goes as far as the client's limit, and no further than what another venue displays.
    assert legs(route(order("10.05", 350, TimeInForce.FOK), quotes)) == [("BATS", 350, "10.04", "FOK")]
    better = [quote("ARCX", "10.00", "10.02", size=100), quote("BATS", "10.00", "10.03", size=400)]
    none = route(order("10.05", 350, TimeInForce.FOK), better)
    assert none.legs == ()
    assert none.reason == "FOK_UNFILLABLE: quantity=350, largest_displayed=200"
    needs = "fill-or-kill needs 350 at one venue"
    assert reasons(none)["ARCX"] == f"displays 200 within others' quotes, and {needs}"


def test_a_market_order_becomes_a_limit_some_ticks_beyond_what_it_takes() -> None:
    thin = [quote("ARCX", "10.00", "10.02", levels=2)]
    for ticks, buys, sells in ((0, "10.03", "9.99"), (1, "10.04", "9.98"), (3, "10.06", "9.96")):
        used = profile(aggression_ticks=ticks)
        assert legs(route(order(None, 200), thin, used=used)) == [("ARCX", 200, buys, "IOC")]
        assert legs(route(order(None, 200, buy=False), thin, used=used)) == [("ARCX", 200, sells, "IOC")]


def test_what_a_leg_reaches_beyond_ends_at_the_next_price_that_is_left() -> None:
    used = profile(aggression_ticks=50)
    quotes = [quote("ARCX", "10.00", "10.02", levels=1), quote("BATS", "9.90", "10.06", levels=1)]
    assert legs(route(order("10.50"), quotes, used=used)) == [("ARCX", 100, "10.06", "IOC")]
    # What is left at the price that is taken is the next price.
    assert legs(route(order("10.50", 60), quotes, used=used)) == [("ARCX", 60, "10.02", "IOC")]
    assert legs(route(order("9.50", buy=False), quotes, used=used)) == [("ARCX", 100, "9.90", "IOC")]


def test_a_market_order_does_not_walk_through_its_collar() -> None:
    thin = VenueQuote(
        venue_id="ARCX",
        bid_prices=(Decimal("9.99"),),
        bid_sizes=(100,),
        ask_prices=(Decimal("10.00"), Decimal("10.09"), Decimal("10.10")),
        ask_sizes=(100, 100, 100),
    )
    # One hundredth beyond the middle, which is 9.995.
    decision = route(order(None, 300), [thin])
    assert legs(decision) == [("ARCX", 200, "10.09", "IOC")]
    assert "100 not placed, no more fits" in decision.account().summary


@pytest.mark.parametrize("reference", [None, "10.00"])
@pytest.mark.parametrize("buy", [True, False])
def test_a_stub_quote_does_not_say_how_far_a_market_order_may_go(buy: bool, reference: str | None) -> None:
    known = None if reference is None else 10_000_000
    stub = quote("ARCX", "10.00", "199999.99") if buy else quote("ARCX", "0.01", "10.00", levels=1)
    asked = order(None, buy=buy, reference_micros=known)
    assert route(asked, [stub]).legs == ()
    alone = quote("ARCX", None, "199999.99") if buy else quote("ARCX", "0.01", None, levels=1)
    assert route(asked, [alone]).legs == ()
    fair = quote("ARCX", None, "10.02") if buy else quote("ARCX", "9.98", None)
    found = route(asked, [fair])
    assert len(found.legs) == (0 if reference is None else 1)
    if reference is None:
        assert "no reference price" in reasons(found)["ARCX"]


def test_a_symbol_that_nobody_quotes_is_not_routed() -> None:
    decision = route(order("10.00"), None, age_us=2**31 - 1)
    assert (decision.legs, decision.reason) == ((), "NO_QUOTE: symbol=AAPL")
    assert set(reasons(decision).values()) == {"no quote"}


def test_a_stale_book_is_not_routed_on_and_its_age_is_told() -> None:
    decision = route(order("10.10"), [quote("ARCX", "10.00", "10.02")], age_us=5_240_000)
    assert (decision.legs, decision.reason) == ((), "STALE_QUOTE: age_ms=5240, age_ms_max=2000")
    assert reasons(decision)["ARCX"] == "quote 5.2 s old"


def test_inactive_and_dark_venues_are_passed_over_with_their_reason() -> None:
    venues = [venue("ARCX"), venue("BATS", active=False), venue("DARK", lit=False)]
    quotes = [quote(name, "10.00", "10.02") for name in ("ARCX", "BATS", "DARK")]
    decision = route(order("10.02"), quotes, venues)
    assert [leg.venue_id for leg in decision.legs] == ["ARCX"]
    assert reasons(decision)["BATS"] == "inactive"
    assert reasons(decision)["DARK"] == DISPLAYS_NOTHING


def test_when_no_venue_can_be_used_it_says_so() -> None:
    decision = route(order("10.02"), [quote("BATS", "10.00", "10.02")], [venue("BATS", active=False)])
    assert decision.reason == "NO_VENUE: symbol=AAPL, considered=1"


def test_a_one_sided_book_takes_a_resting_order_and_refuses_a_market_order() -> None:
    quotes = [quote("ARCX", "10.00", None)]
    assert legs(route(order("10.01"), quotes)) == [("ARCX", 100, "10.01", "DAY")]
    market = route(order(None), quotes)
    assert (market.legs, market.reason) == ((), "NO_LIQUIDITY: limit=none, best=none")
    assert reasons(market)["ARCX"] == "displays no offers"


def test_locked_and_crossed_books_are_routed_on_like_any_other() -> None:
    locked = [quote("ARCX", "10.02", "10.02"), quote("BATS", "10.05", "10.06")]
    decision = route(order("10.02"), locked)
    assert legs(decision) == [("ARCX", 100, "10.02", "IOC")]
    assert (
        sum(term.contribution for term in decision.account().venues[0].terms)
        == decision.account().venues[0].score
    )


def test_zero_prices_and_sizes_are_no_liquidity() -> None:
    empty = VenueQuote(
        venue_id="ARCX",
        ask_prices=(Decimal(0), Decimal("10.02")),
        ask_sizes=(100, 0),
        bid_prices=(),
        bid_sizes=(),
    )
    assert route(order(None), [empty]).reason.startswith("NO_LIQUIDITY")


def test_a_limit_below_one_tick_is_not_placed() -> None:
    decision = route(order("0.004"), [quote("ARCX", "10.00", "10.02")])
    assert decision.reason == "PRICE_BELOW_TICK: limit=0.004, tick=0.01"


def test_a_limit_off_the_tick_is_rounded_towards_the_order() -> None:
    quotes = [quote("ARCX", "10.00", "10.02")]
    assert legs(route(order("10.026"), quotes))[0][2] == "10.02"
    assert legs(route(order("9.994", buy=False), quotes))[0][2] == "10.00"
    assert legs(route(order("9.506"), quotes))[0][2] == "9.50"


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"weights": {"price": 2}}, "weights.price must be 0 to 1"),
        ({"weights": {"price": "-0.1"}}, "weights.price must be 0 to 1"),
        ({"weights": {"price": "NaN"}}, "weights.price must be 0 to 1"),
        ({"weights": {"price": 0, "cost": "0"}}, "weights must not all be 0"),
        ({}, "weights must not all be 0"),
        ({"weights": WEIGHTS, "strategy": "guess"}, "strategy must be one of best, sweep"),
        ({"weights": WEIGHTS, "aggression_ticks": 101}, "aggression_ticks must be a whole number from 0 to"),
        ({"weights": WEIGHTS, "aggression_bps": 2.5}, "aggression_bps must be a whole number"),
        ({"weights": WEIGHTS, "colour": 1}, "colour is not a setting"),
        ({"weights": WEIGHTS, "staged": {"then": "staged"}}, "staged.then must be one of best, sweep, split"),
        ({"weights": WEIGHTS, "staged": 5}, "staged must be an object"),
        ({"weights": WEIGHTS, "passive": {"horizon_ms": 1.5}}, "passive.horizon_ms must be a whole number"),
        ({"weights": WEIGHTS, "dark": {"rounds": True}}, "dark.rounds must be a whole number"),
    ],
)
def test_a_profile_that_cannot_be_used_names_every_wrong_setting(
    settings: dict[str, object], problem: str
) -> None:
    with pytest.raises(InvalidProfileError) as raised:
        read_profile("p", 1, settings)
    assert any(found.startswith(problem) for found in raised.value.problems), raised.value.problems


STATS = VenueStats(take_fill_ppm=990_000, rest_fill_ppm=500_000, hidden_ppm=0, latency_us=500, orders=500)


def test_best_uses_one_venue_and_does_not_trade_through_the_others() -> None:
    quotes = [quote("ARCX", "10.00", "10.02", size=500), quote("BATS", "10.00", "10.03", size=900)]
    decision = route(order("10.10", quantity=2000), quotes, used=profile("best"))
    # BATS displays 10.03: ARCX may be taken up to there, and no further.
    assert legs(decision) == [("ARCX", 2000, "10.03", "IOC")]
    assert reasons(decision)["BATS"] == "displays no better than 10.03, the best is 10.02"
    assert decision.account().expected.quantity == 1000


def test_best_prefers_the_venue_that_really_fills() -> None:
    quotes = [quote("ARCX", "10.00", "10.02"), quote("BATS", "10.00", "10.02")]
    poor = replace(STATS, take_fill_ppm=300_000)
    decision = route(order("10.02"), quotes, used=profile("best"), stats={"ARCX": poor, "BATS": STATS})
    assert legs(decision)[0][0] == "BATS"
    few = {"ARCX": replace(poor, orders=3), "BATS": replace(STATS, take_fill_ppm=800_000)}
    # Three orders are no measurement: ARCX counts with the prior of 0.9.
    assert legs(route(order("10.02"), quotes, used=profile("best"), stats=few))[0][0] == "ARCX"


def test_split_shares_each_price_in_proportion_to_the_scores() -> None:
    quotes = [quote("ARCX", "10.00", "10.02", size=900), quote("BATS", "10.00", "10.02", size=900)]
    decision = route(order("10.02", quantity=1000), quotes, used=profile("split"))
    assert sorted((leg.venue_id, leg.quantity) for leg in decision.legs) == [("ARCX", 500), ("BATS", 500)]
    small = [quote("ARCX", "10.00", "10.02", size=900), quote("BATS", "10.00", "10.02", size=100)]
    taken = {
        leg.venue_id: leg.quantity for leg in route(order("10.02", 800), small, used=profile("split")).legs
    }
    assert taken == {"ARCX": 700, "BATS": 100}


def test_what_rests_goes_where_adding_pays_most() -> None:
    venues = [venue("ARCX", add="-0.0010"), venue("BATS", add="-0.0025")]
    quotes = [quote("ARCX", "10.00", "10.02"), quote("BATS", "10.00", "10.02")]
    assert legs(route(order("9.90"), quotes, venues)) == [("BATS", 100, "9.90", "DAY")]


def test_what_rests_goes_where_a_share_costs_least_not_where_it_is_paid_most() -> None:
    venues = [venue("ARCX", add="-0.0030"), venue("BATS", add="-0.0010")]
    quotes = [quote("ARCX", "10.00", "10.02"), quote("BATS", "10.00", "10.02")]
    few, many = replace(STATS, rest_fill_ppm=200_000), replace(STATS, rest_fill_ppm=900_000)
    # Who is not filled crosses the spread of two cents and pays three mils: a rebate is not worth that.
    known = {"ARCX": few, "BATS": many}
    assert legs(route(order("10.00"), quotes, venues, stats=known)) == [("BATS", 100, "10.00", "DAY")]
    known = {"ARCX": many, "BATS": few}
    assert legs(route(order("10.00"), quotes, venues, stats=known)) == [("ARCX", 100, "10.00", "DAY")]
    # A hundredth of a cent of rebate is worth what it says while fills are alike.
    known = {"ARCX": many, "BATS": replace(STATS, rest_fill_ppm=900_001)}
    assert legs(route(order("10.00"), quotes, venues, stats=known)) == [("ARCX", 100, "10.00", "DAY")]


def test_of_queues_that_cost_the_same_the_shorter_is_joined() -> None:
    quotes = [quote("ARCX", "10.00", "10.02", size=900), quote("BATS", "10.00", "10.02", size=200)]
    assert legs(route(order("10.00"), quotes)) == [("BATS", 100, "10.00", "DAY")]


def test_a_fee_counts_once_in_a_score() -> None:
    venues = [venue("ARCX", fee="0.0030"), venue("BATS", fee="-0.0010")]
    quotes = [quote("ARCX", "10.00", "10.02"), quote("BATS", "10.00", "10.02")]
    found = {one.venue_id: one for one in route(order("10.02"), quotes, venues).account().venues}
    terms = {name: {term.name: term.value for term in one.terms} for name, one in found.items()}
    differs = {name for name in terms["ARCX"] if terms["ARCX"][name] != terms["BATS"].get(name)}
    assert differs == {"cost"}


def test_venues_to_avoid_are_not_used_and_preferred_ones_go_first() -> None:
    quotes = [quote("ARCX", "10.00", "10.02", size=900), quote("BATS", "10.00", "10.02", size=900)]
    avoided = route(order("10.02", avoid=frozenset({"ARCX"})), quotes)
    assert [leg.venue_id for leg in avoided.legs] == ["BATS"]
    assert reasons(avoided)["ARCX"] == "avoided by instruction"
    dear = [venue("ARCX", fee="0.0010"), venue("BATS", fee="0.0010")]
    preferred = route(order("10.02", prefer=frozenset({"BATS"})), quotes, dear)
    assert [leg.venue_id for leg in preferred.legs] == ["BATS"]
    terms = {term.name: term for term in preferred.account().venues[0].terms}
    assert terms["preference"].contribution == 1
    assert preferred.account().venues[0].score == sum(
        term.contribution for term in preferred.account().venues[0].terms
    )


AHEAD = [quote("ARCX", "10.00", "10.02", levels=1), quote("BATS", "10.01", "10.03", size=500)]


@pytest.mark.parametrize("strategy", ["best", "sweep", "split", "staged", "passive", "dark"])
@pytest.mark.parametrize("how", ["avoided", "inactive", "unknown", "no fees"])
def test_a_better_quote_is_not_traded_through_because_its_venue_may_not_be_used(
    strategy: str, how: str
) -> None:
    venues = {"ARCX": venue("ARCX"), "BATS": venue("BATS")}
    avoid = frozenset({"ARCX"}) if how == "avoided" else frozenset()
    if how == "inactive":
        venues["ARCX"] = venue("ARCX", active=False)
    if how == "no fees":
        venues["ARCX"] = replace(venue("ARCX"), add_fee=None, remove_fee=None)
    if how == "unknown":
        del venues["ARCX"]
    used = profile(strategy)
    for force in (TimeInForce.IOC, TimeInForce.FOK):
        none = route(order("10.10", 300, force, avoid=avoid), AHEAD, [*venues.values()], used)
        assert none.legs == ()
    ioc = route(order("10.10", 300, TimeInForce.IOC, avoid=avoid), AHEAD, [*venues.values()], used)
    assert ioc.reason == "PROTECTED_QUOTE: limit=10.10, protected=10.02"
    assert reasons(ioc)["BATS"] == "displays nothing at or inside the protected quote 10.02"
    # What may rest does so a tick short of that quote, for a while: at it, it would lock the market.
    rests = route(order("10.10", 300, avoid=avoid), AHEAD, [*venues.values()], used)
    assert legs(rests) == [("BATS", 300, "10.01", "DAY")]
    assert [leg.hold_ms for leg in rests.legs] == [1_000]


@pytest.mark.parametrize("strategy", ["best", "sweep", "split", "staged"])
def test_where_the_market_protects_no_quotes_who_avoids_a_venue_goes_past_it(strategy: str) -> None:
    asked = order("10.10", 300, TimeInForce.IOC, avoid=frozenset({"ARCX"}))
    used = profile(strategy)
    assert route(asked, AHEAD, used=used).legs == ()
    past = route(asked, AHEAD, used=used, order_protection=False)
    assert [(leg.venue_id, leg.quantity) for leg in past.legs] == [("BATS", 300)]


@pytest.mark.parametrize("strategy", ["sweep", "split"])
def test_a_venue_that_cannot_be_reached_is_passed_by(strategy: str) -> None:
    refused = Visit(venue_id="ARCX", children=1, sent=100, filled=0, rejected=1)
    for more in ({"closed": {"ARCX": "DOWN: since=now"}}, {}):
        visits = () if more else (refused,)
        asked = order("10.10", 300, TimeInForce.IOC, visits=visits)
        decision = route(asked, AHEAD, used=profile(strategy), **more)
        assert legs(decision) == [("BATS", 300, "10.03", "IOC")]
        # The venue is told not to look for the better quote, which it would find.
        assert [leg.exec_inst for leg in decision.legs] == [ExecInst.INTERMARKET_SWEEP]


@pytest.mark.parametrize("strategy", ["sweep", "split"])
def test_what_goes_past_a_quote_is_a_sweep_that_takes_all_of_it(strategy: str) -> None:
    decision = route(order("10.03", 250), AHEAD, used=profile(strategy))
    # 100 at 10.02 and 150 at 10.03: the second goes past the first one's quote, the first past nobody's.
    assert {leg.venue_id: (leg.quantity, leg.exec_inst) for leg in decision.legs} == {
        "ARCX": (100, None),
        "BATS": (150, ExecInst.INTERMARKET_SWEEP),
    }
    assert "150 at BATS limit 10.03 IOC sweep" in decision.account().summary
    inside = route(order("10.02", 60), AHEAD, used=profile(strategy))
    assert [leg.exec_inst for leg in inside.legs] == [None]


@pytest.mark.parametrize("strategy", ["sweep", "split"])
def test_what_a_lot_leaves_of_a_protected_quote_ends_the_plan_there(strategy: str) -> None:
    venues = [venue("ARCX", lot_size=100), venue("BATS")]
    quotes = [quote("ARCX", "10.00", "10.02", size=200, levels=1), quote("BATS", "10.01", "10.03", size=500)]
    decision = route(order("10.10", 130, TimeInForce.IOC), quotes, venues, profile(strategy))
    # The other 30 would go past the 100 that are left at 10.02.
    assert legs(decision) == [("ARCX", 100, "10.02", "IOC")]
    whole = route(order("10.10", 230, TimeInForce.IOC), quotes, venues, profile(strategy))
    assert sorted(legs(whole)) == [("ARCX", 200, "10.03", "IOC"), ("BATS", 30, "10.03", "IOC")]


@pytest.mark.parametrize("strategy", ["best", "sweep", "split", "passive"])
def test_a_venue_whose_feed_is_silent_has_no_quote_while_the_others_go_on(strategy: str) -> None:
    silent = {"ARCX": 2_400_000}
    decision = route(order("10.10", 300), AHEAD, used=profile(strategy), silent_us=silent, age_us=1_000)
    # Nor is what it displayed protected: it may have gone long ago.
    assert {leg.venue_id for leg in decision.legs} == {"BATS"}
    assert [leg.exec_inst for leg in decision.legs] == [None]
    assert reasons(decision)["ARCX"] == "quote 2.4 s old"
    lately = route(order("10.10", 300), AHEAD, used=profile(strategy), silent_us={"ARCX": 1_900_000})
    assert "ARCX" in {leg.venue_id for leg in lately.legs}


def test_the_middle_is_that_of_everybodys_quotes() -> None:
    quotes = [quote("ARCX", "10.04", "10.10"), quote("BATS", "10.00", "10.10")]
    decision = route(order("10.10", avoid=frozenset({"ARCX"})), quotes)
    # The bid of the avoided venue counts: the middle is 10.07, not 10.05.
    assert decision.account().expected.cost == 100 * (Decimal("10.10") - Decimal("10.07")) + Decimal("0.3")


def test_when_every_venue_is_avoided_nothing_is_placed_and_it_says_so() -> None:
    quotes = [quote("ARCX", "10.00", "10.02")]
    decision = route(order("10.02", avoid=frozenset({"ARCX"})), quotes, [venue("ARCX")])
    assert (decision.legs, decision.reason) == ((), "NO_VENUE: symbol=AAPL, considered=1")


def test_a_closed_venue_is_left_out_with_the_reason_of_its_closure() -> None:
    quotes = [quote("ARCX", "10.00", "10.02"), quote("BATS", "10.00", "10.03")]
    closed = {"ARCX": "REJECTING: rejects=6, of=8, retry_in_s=5"}
    decision = route(order("10.10"), quotes, closed=closed)
    assert [leg.venue_id for leg in decision.legs] == ["BATS"]
    assert reasons(decision)["ARCX"] == closed["ARCX"]


@pytest.mark.parametrize("fee", ["5", "-0.5", "NaN", "Infinity"])
def test_a_venue_with_implausible_fees_is_left_out(fee: str) -> None:
    venues = [venue("ARCX", fee=fee), venue("BATS")]
    quotes = [quote("ARCX", "10.00", "10.02"), quote("BATS", "10.00", "10.02")]
    decision = route(order("10.02"), quotes, venues)
    assert [leg.venue_id for leg in decision.legs] == ["BATS"]
    assert reasons(decision)["ARCX"] == f"its remove fee of {fee} a share is beyond 0.030000"


@pytest.mark.parametrize("strategy", ["best", "sweep", "split", "staged", "passive", "dark"])
def test_a_venue_without_a_fee_schedule_is_left_out_not_free(strategy: str) -> None:
    unknown = {"add_fee": None, "remove_fee": None}
    venues = [
        replace(venue("ARCX"), **unknown),
        venue("BATS"),
        replace(venue("DARK", lit=False), **unknown),
    ]
    quotes = [quote("ARCX", "10.00", "10.02"), quote("BATS", "10.00", "10.02")]
    outflows = dict.fromkeys(("ARCX", "BATS"), (150, 0, 400))
    for asked in (order("10.02"), order("9.90"), order(None)):
        decision = route(asked, quotes, venues, profile(strategy), outflows=outflows)
        assert {leg.venue_id for leg in decision.legs} == {"BATS"}
        assert reasons(decision)["ARCX"] == reasons(decision)["DARK"] == "no fee schedule"


def test_a_venue_that_rejected_the_order_is_left_out_while_there_is_another() -> None:
    quotes = [quote("ARCX", "10.00", "10.02"), quote("BATS", "10.00", "10.02")]
    visits = (Visit(venue_id="ARCX", children=1, sent=100, filled=0, rejected=1),)
    decision = route(order("10.02", visits=visits), quotes)
    assert [leg.venue_id for leg in decision.legs] == ["BATS"]
    assert reasons(decision)["ARCX"] == "rejected this order before"
    alone = route(order("10.02", visits=visits), quotes, [venue("ARCX")])
    assert [leg.venue_id for leg in alone.legs] == ["ARCX"]


def test_what_the_order_took_is_gone_from_a_book_that_is_older() -> None:
    quotes = [quote("ARCX", "10.00", "10.02"), quote("BATS", "10.00", "10.03")]
    seen = Visit(venue_id="ARCX", children=1, sent=300, filled=80, in_book=False)
    decision = route(order("10.10", visits=(seen,)), quotes)
    assert [leg.venue_id for leg in decision.legs] == ["BATS"]
    newer = route(order("10.10", visits=(msgspec.structs.replace(seen, in_book=True),)), quotes)
    assert [leg.venue_id for leg in newer.legs] == ["ARCX"]


def test_what_our_other_orders_took_is_gone_too() -> None:
    quotes = [quote("ARCX", "10.00", "10.02"), quote("BATS", "10.00", "10.03")]
    decision = route(order("10.10", quantity=150), quotes, taken={"ARCX": 60})
    # 40 are left at 10.02, then both display 100 at 10.03.
    assert sum(leg.quantity for leg in decision.legs) == 150
    assert decision.account().expected.notional == 40 * Decimal("10.02") + 110 * Decimal("10.03")


def test_lots_and_minimum_sizes_bind() -> None:
    venues = [venue("ARCX", lot_size=100), venue("BATS", min_quantity=50, fee="0.0010")]
    quotes = [quote("ARCX", "10.00", "10.02", size=500), quote("BATS", "10.00", "10.02", size=500)]
    decision = route(order("10.02", quantity=130, time_in_force=TimeInForce.IOC), quotes, venues)
    assert {leg.venue_id: leg.quantity for leg in decision.legs} == {"BATS": 130}
    odd = route(order("10.02", quantity=30, time_in_force=TimeInForce.IOC), quotes, venues)
    assert odd.reason == "LOT_TOO_SMALL: quantity=30, lot_and_minimum=BATS 1/50, ARCX 100/1"


DARK_VENUES = [venue("ARCX"), venue("DARK", lit=False, fee="0.0010", add="0.0010")]
LIT_QUOTES = [quote("ARCX", "10.00", "10.02", size=500)]


def test_staged_waits_in_the_dark_first_then_takes_what_is_displayed() -> None:
    used = profile("staged", staged={"dark_ms": 300})
    first = route(order(None, quantity=400), LIT_QUOTES, DARK_VENUES, used)
    assert [(leg.venue_id, leg.quantity, leg.hold_ms) for leg in first.legs] == [("DARK", 400, 300)]
    assert first.legs[0].limit_micros == 10_020_000
    assert first.continues
    visits = (Visit(venue_id="DARK", children=1, sent=400, filled=150),)
    then = route(order(None, quantity=250, visits=visits), LIT_QUOTES, DARK_VENUES, used)
    assert [(leg.venue_id, leg.quantity, leg.time_in_force) for leg in then.legs] == [
        ("ARCX", 250, TimeInForce.IOC)
    ]
    assert not then.continues
    assert reasons(then)["DARK"] == "1 of 1 dark rounds done"


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (order("10.02", time_in_force=TimeInForce.IOC), "IOC does not wait in the dark"),
        (order("10.00"), "the midpoint 10.01 is beyond the limit 10.00"),
    ],
)
def test_staged_goes_straight_to_the_lit_when_the_dark_makes_no_sense(request_: object, why: str) -> None:
    decision = route(request_, LIT_QUOTES, DARK_VENUES, profile("staged"))  # type: ignore[arg-type]
    assert [leg.venue_id for leg in decision.legs] == ["ARCX"]
    assert reasons(decision)["DARK"] == why


@pytest.mark.parametrize("strategy", ["staged", "dark"])
@pytest.mark.parametrize(
    ("buy", "bid", "ask", "middle"),
    [
        (True, "10.00", "10.03", "10.01"),
        (False, "10.00", "10.03", "10.02"),
        (True, "10.00", "10.02", "10.01"),
        (False, "10.02", "10.02", "10.02"),
    ],
)
def test_an_order_in_the_dark_is_pegged_or_goes_no_further_than_the_middle(
    strategy: str, buy: bool, bid: str, ask: str, middle: str
) -> None:
    quotes = [quote("ARCX", bid, ask, size=500)]
    asked = order(None, quantity=400, buy=buy, min_quantity=70)
    pegs = route(asked, quotes, DARK_VENUES, profile(strategy))
    (leg,) = pegs.legs
    assert (leg.venue_id, leg.exec_inst, leg.min_quantity) == ("DARK", ExecInst.MIDPOINT_PEG, 70)
    assert dollars(leg.limit_micros) == Decimal(ask if buy else bid)
    plain = [DARK_VENUES[0], replace(DARK_VENUES[1], midpoint_orders=False)]
    (leg,) = route(asked, quotes, plain, profile(strategy)).legs
    assert (leg.venue_id, leg.exec_inst, dollars(leg.limit_micros)) == ("DARK", None, Decimal(middle))


@pytest.mark.parametrize("buy", [True, False])
def test_a_crossed_book_has_no_middle_to_wait_at(buy: bool) -> None:
    quotes = [quote("ARCX", "10.02", "10.00", size=500)]
    decision = route(order(None, buy=buy), quotes, DARK_VENUES, profile("staged"))
    assert [leg.venue_id for leg in decision.legs] == ["ARCX"]
    assert reasons(decision)["DARK"] == "no midpoint: the book is crossed"


def test_dark_spreads_by_what_is_believed_of_each_pool() -> None:
    pools = [venue("ARCX"), venue("POOL1", lit=False), venue("POOL2", lit=False)]
    rich = DarkBelief(unit=100, tail_ppm=(900_000, 800_000, 700_000, 600_000))
    poor = DarkBelief(unit=100, tail_ppm=(100_000, 50_000))
    decision = route(
        order(None, quantity=400), LIT_QUOTES, pools, profile("dark"), beliefs={"POOL1": poor, "POOL2": rich}
    )
    assert {leg.venue_id: leg.quantity for leg in decision.legs} == {"POOL2": 400}
    assert reasons(decision)["POOL1"] == "the other dark venues are more likely to have the size"


def test_passive_rests_in_a_queue_that_moves_and_crosses_what_is_left() -> None:
    used = profile("passive", passive={"horizon_ms": 2000, "underfill_cbps": 50})
    outflows = {"ARCX": tuple([5_000] * 50)}
    first = route(order("10.05", quantity=300), LIT_QUOTES, [venue("ARCX")], used, outflows=outflows)
    held = [leg for leg in first.legs if leg.hold_ms]
    assert [(leg.venue_id, leg.limit_micros, leg.hold_ms) for leg in held] == [("ARCX", 10_000_000, 2000)]
    assert sum(leg.quantity for leg in first.legs) == 300
    visits = (Visit(venue_id="ARCX", children=1, sent=300, filled=100),)
    then = route(
        order("10.05", quantity=200, visits=visits), LIT_QUOTES, [venue("ARCX")], used, outflows=outflows
    )
    assert [leg.time_in_force for leg in then.legs] == [TimeInForce.IOC]
    assert "its queues were tried before" in then.account().summary


def test_passive_without_watched_queues_says_so_and_takes() -> None:
    decision = route(order("10.05"), LIT_QUOTES, [venue("ARCX")], profile("passive"))
    assert [leg.time_in_force for leg in decision.legs] == [TimeInForce.IOC]
    assert "no queue has been watched long enough" in decision.account().summary


def test_the_expected_sums_reconcile_with_the_venues_to_the_digit() -> None:
    venues = [venue("ARCX", fee="0.0030"), venue("BATS", fee="-0.0007")]
    quotes = [quote("ARCX", "10.00", "10.02", size=70), quote("BATS", "10.00", "10.03", size=90)]
    decision = route(order("10.10", quantity=150), quotes, venues)
    expected = decision.account().expected
    assert expected.quantity == sum(outcome.expected_quantity for outcome in decision.account().venues) == 150
    assert expected.notional == sum(outcome.expected_notional for outcome in decision.account().venues)
    assert expected.fee == sum(outcome.expected_fee for outcome in decision.account().venues)
    # 70 at 10.02 and 80 at 10.03 against a mid of 10.01, and the fees.
    assert expected.cost == 70 * Decimal("0.01") + 80 * Decimal("0.02") + expected.fee


def test_no_venue_gets_less_than_the_orders_minimum() -> None:
    quotes = [quote("ARCX", "10.00", "10.02", size=60, levels=1), quote("BATS", "10.00", "10.02", 300, 1)]
    decision = route(order("10.02", 400, TimeInForce.IOC, min_quantity=100), quotes)
    assert legs(decision) == [("BATS", 300, "10.02", "IOC")]
    assert [leg.min_quantity for leg in decision.legs] == [100]
    thin = [quote("ARCX", "10.00", "10.02", size=60, levels=1)]
    none = route(order("10.02", 400, TimeInForce.IOC, min_quantity=100), thin)
    assert none.legs == ()
    assert none.reason.startswith("LOT_TOO_SMALL")


def test_what_is_left_below_the_minimum_goes_whole() -> None:
    quotes = [quote("ARCX", "10.00", "10.02", size=500, levels=1)]
    decision = route(order("10.02", 40, min_quantity=100), quotes)
    assert [(leg.quantity, leg.min_quantity) for leg in decision.legs] == [(40, 40)]


@pytest.mark.parametrize("strategy", ["best", "sweep", "split", "staged", "passive", "dark"])
def test_every_strategy_keeps_the_minimum(strategy: str) -> None:
    quotes = [quote(name, "10.00", "10.02", size=90) for name in ("ARCX", "BATS", "XNYS")]
    venues = [venue("ARCX"), venue("BATS"), venue("XNYS"), venue("DARK", lit=False)]
    outflows = dict.fromkeys(("ARCX", "BATS", "XNYS"), (150, 0, 400))
    decision = route(
        order("10.05", 500, min_quantity=200), quotes, venues, profile(strategy), outflows=outflows
    )
    assert decision.legs
    assert all(leg.quantity >= 200 == leg.min_quantity for leg in decision.legs)


def test_only_a_missing_or_an_old_quote_is_no_data() -> None:
    assert route(order("10.00"), None, age_us=2**31 - 1).no_data
    assert route(order("10.10"), [quote("ARCX", "10.00", "10.02")], age_us=5_240_000).no_data
    assert not route(order(None), [quote("ARCX", "10.00", None)]).no_data
    assert not route(order("10.02"), [], [venue("ARCX", active=False)]).no_data
    assert not route(order("10.10"), [quote("ARCX", "10.00", "10.02")]).no_data


# ---- ticks on either side of a dollar


@pytest.mark.parametrize("buy", [True, False])
@pytest.mark.parametrize("limit", [None, "0.99995", "1.0049", "0.9851"])
@pytest.mark.parametrize("touch", ["0.9998", "0.9999", "1.0000", "1.0100"])
def test_what_is_sent_is_on_the_grid_of_its_price_on_either_side_of_a_dollar(
    touch: str, limit: str | None, buy: bool
) -> None:
    for collar_bps in (10, 100, 500):
        request = order(limit, 100, buy=buy, sub_dollar_tick_micros=100)
        used = profile(market_collar_bps=collar_bps, aggression_bps=7)
        decision = route(request, [quote("XNYS", touch, touch)], used=used)
        for leg in decision.legs:
            tick = 10_000 if leg.limit_micros >= 1_000_000 else 100
            assert leg.limit_micros % tick == 0


def test_the_cost_of_a_venue_is_measured_by_the_cap_on_access_fees_of_the_day() -> None:
    def cost(cap: int) -> Decimal:
        quotes = [quote("XNYS", "10.00", "10.01")]
        found = route(order("10.01"), quotes, [venue("XNYS", fee="0.0005")], access_fee_cap_micros=cap)
        (outcome,) = found.account().venues
        return next(term.value for term in outcome.terms if term.name == "cost")

    assert cost(3_000) == Decimal("0.4167")
    assert cost(1_000) == Decimal("0.25")


@pytest.mark.parametrize("strategy", ["split", "sweep", "best"])
@pytest.mark.parametrize("buy", [True, False])
def test_a_post_only_order_rests_a_tick_behind_what_is_displayed_and_takes_nothing(
    strategy: str, buy: bool
) -> None:
    limit, behind = ("10.10", "10.01") if buy else ("9.90", "10.01")
    quotes = [quote("ARCX", "10.00", "10.02"), quote("BATS", "10.00", "10.03")]
    request = msgspec.structs.replace(order(limit), buy=buy, post_only=True)
    decision = route(request, quotes, used=profile(strategy))
    assert sum(leg.quantity for leg in decision.legs) == 100
    for leg in decision.legs:
        assert leg.exec_inst is ExecInst.PARTICIPATE_DONT_INITIATE
        assert (dollars(leg.limit_micros), leg.time_in_force) == (Decimal(behind), TimeInForce.DAY)
        assert leg.hold_ms


def test_a_venue_that_takes_no_post_only_orders_is_passed_over() -> None:
    quotes = [quote("ARCX", "10.00", "10.02"), quote("BATS", "10.00", "10.02")]
    venues = [venue("ARCX", post_only_orders=False), venue("BATS")]
    request = msgspec.structs.replace(order("9.99"), post_only=True)
    decision = route(request, quotes, venues)
    assert [leg.venue_id for leg in decision.legs] == ["BATS"]
    assert reasons(decision)["ARCX"] == "takes no post-only orders"


def test_what_rests_shows_no_more_than_the_order_shows() -> None:
    quotes = [quote("ARCX", "10.00", "10.02"), quote("BATS", "10.00", "10.02")]
    request = msgspec.structs.replace(order("9.99", quantity=1_000), display_quantity=300, round_lot=100)
    for strategy in ("best", "split", "sweep"):
        decision = route(request, quotes, used=profile(strategy))
        assert sum(leg.quantity for leg in decision.legs) == 1_000
        assert sum(leg.display_quantity or leg.quantity for leg in decision.legs) == 300


def test_a_venue_that_shows_all_of_every_order_gets_nothing_to_rest_of_one_that_shows_a_part() -> None:
    quotes = [quote("ARCX", "10.00", "10.02"), quote("BATS", "10.00", "10.02")]
    venues = [venue("ARCX", reserve_orders=False), venue("BATS")]
    request = msgspec.structs.replace(order("9.99", quantity=1_000), display_quantity=100, round_lot=100)
    assert [leg.venue_id for leg in route(request, quotes, venues).legs] == ["BATS"]


@pytest.mark.parametrize("buy", [True, False])
def test_a_post_only_order_rests_short_of_less_than_a_lot_and_of_venues_that_are_avoided(buy: bool) -> None:
    # Less than a lot is no protected quote, and an order that may take goes past it.
    venues = [venue("ARCX", lot_size=100), venue("BATS")]
    odd = quote("ARCX", "10.00", "10.02", size=40)
    limit, behind = ("10.10", "10.01") if buy else ("9.90", "10.01")
    request = msgspec.structs.replace(order(limit, 1_000), buy=buy, post_only=True)
    assert {leg.limit_micros for leg in route(request, [odd], venues).legs} == {10_010_000}
    avoided = msgspec.structs.replace(request, avoid=frozenset({"BATS"}))
    shown = [quote("ARCX", "9.90", "10.20"), quote("BATS", "10.00", "10.02")]
    found = route(avoided, shown)
    assert [(leg.venue_id, dollars(leg.limit_micros)) for leg in found.legs] == [("ARCX", Decimal(behind))]


def test_a_post_only_order_without_a_quote_beyond_its_limit_rests_at_the_limit_for_good() -> None:
    request = msgspec.structs.replace(order("10.01"), post_only=True)
    (leg,) = route(request, [quote("ARCX", "10.00", "10.02")]).legs
    assert (dollars(leg.limit_micros), leg.hold_ms, leg.time_in_force) == (
        Decimal("10.01"),
        0,
        TimeInForce.DAY,
    )


def test_where_no_venue_takes_post_only_orders_nothing_is_placed_and_each_says_so() -> None:
    venues = [venue("ARCX", post_only_orders=False), venue("BATS", post_only_orders=False)]
    quotes = [quote("ARCX", "10.00", "10.02"), quote("BATS", "10.00", "10.02")]
    found = route(msgspec.structs.replace(order("9.99"), post_only=True), quotes, venues)
    assert (found.legs, found.reason) == ((), "MAY_NOT_REST: quantity=100")
    assert set(reasons(found).values()) == {"takes no post-only orders"}


@given(
    st.integers(1, 2_000),
    st.lists(st.integers(1, 1_500), min_size=1, max_size=6),
    st.sampled_from([1, 10, 100]),
)
def test_what_is_shown_is_shared_out_whole_and_no_more_of_it(
    display: int, sizes: list[int], round_lot: int
) -> None:
    parts = shown_parts(display, sizes, round_lot)
    least = [min(size, round_lot) for size in sizes]
    assert all(low <= part <= size for low, part, size in zip(least, parts, sizes, strict=True))
    assert sum(parts) == max(sum(least), min(display, sum(sizes)))


@pytest.mark.parametrize("strategy", ["split", "sweep", "best", "passive"])
@pytest.mark.parametrize("left", [-1, 99])
def test_an_order_that_shows_as_much_as_it_may_takes_and_rests_nothing_more(strategy: str, left: int) -> None:
    request = msgspec.structs.replace(order("10.02", quantity=500), display_quantity=left, round_lot=100)
    taking = route(request, [quote("ARCX", "10.00", "10.02")], used=profile(strategy))
    assert [(leg.venue_id, leg.time_in_force) for leg in taking.legs] == [("ARCX", TimeInForce.IOC)]
    waiting = route(request, [quote("ARCX", "10.00", "10.05")], used=profile(strategy))
    assert (waiting.legs, waiting.reason) == ((), "MAY_NOT_REST: quantity=500")
    assert reasons(waiting)["ARCX"] == "the order shows as much elsewhere as it may"
