"""Where the router sends orders for an auction."""

from typing import Any

import pytest

from oms_platform.vocabulary import TimeInForce
from sor_engine.domain.plan import Decision
from sor_engine.domain.profile import StrategyName
from tests.unit.sor_engine.market import legs, order, profile, quote, reasons, route, venue

VENUES = [venue("ARCX"), venue("XNAS", auction_orders=True), venue("XNYS", auction_orders=True)]
AUCTIONS = [TimeInForce.OPG, TimeInForce.CLO]


def auction(
    force: TimeInForce, limit: str | None = "10.10", quantity: int = 100, **more: Any
) -> dict[str, Any]:
    return {"request": order(limit, quantity, force, listing_venue="XNYS", **more)}


def nothing(decision: Decision) -> tuple[str, bool]:
    assert decision.legs == ()
    return decision.reason, decision.no_data


@pytest.mark.parametrize("force", AUCTIONS)
@pytest.mark.parametrize("strategy", list(StrategyName))
def test_it_goes_whole_to_the_listing_venue_whoever_quotes_what(
    force: TimeInForce, strategy: StrategyName
) -> None:
    books = (None, [], [quote("ARCX", "9.99", "10.00", size=500)])
    for quotes in books:
        for age_us in (1000, 60_000_000):
            used = profile(strategy.value)
            decision = route(**auction(force), quotes=quotes, venues=VENUES, used=used, age_us=age_us)
            assert legs(decision) == [("XNYS", 100, "10.10", force.name)]
            assert not decision.takes
    name = "opening" if force is TimeInForce.OPG else "closing"
    words = f"waits for the {name} auction, 100 at its limit 10.10"
    assert reasons(decision) == {
        "XNYS": words,
        "ARCX": "does not hold the auction of AAPL",
        "XNAS": "does not hold the auction of AAPL",
    }
    assert decision.account().summary == f"Buy 100 AAPL limit 10.10 {force.name}: {words}, at XNYS."


@pytest.mark.parametrize("force", AUCTIONS)
@pytest.mark.parametrize("buy", [True, False])
def test_without_a_limit_it_leaves_at_the_collar(force: TimeInForce, buy: bool) -> None:
    stub = [quote("ARCX", "15.00", "25.00")]
    asked = auction(force, None, buy=buy, reference_micros=10_000_000)
    around_reference, around_middle = ("10.10", "20.20") if buy else ("9.90", "19.80")
    unquoted = route(**asked, quotes=None, venues=VENUES)
    assert legs(unquoted) == [("XNYS", 100, around_reference, force.name)]
    quoted = route(**asked, quotes=stub, venues=VENUES)
    # An opening's quotes say nothing; a close's do.
    expected = around_reference if force is TimeInForce.OPG else around_middle
    assert legs(quoted) == [("XNYS", 100, expected, force.name)]
    asked = auction(force, None, buy=buy)
    assert legs(route(**asked, quotes=stub, venues=VENUES)) == [("XNYS", 100, around_middle, force.name)]
    assert nothing(route(**asked, quotes=None, venues=VENUES)) == ("NO_REFERENCE_PRICE: symbol=AAPL", True)


@pytest.mark.parametrize("force", AUCTIONS)
@pytest.mark.parametrize(
    ("venues", "more", "reason"),
    [
        ([venue("ARCX", auction_orders=True)], {}, "symbol=AAPL, listing_venue=XNYS"),
        ([venue("XNYS", auction_orders=True, active=False)], {}, "venue=XNYS, inactive"),
        ([venue("XNYS")], {}, "venue=XNYS, takes no orders for auctions"),
        (VENUES, {"avoid": frozenset(("XNYS",))}, "venue=XNYS, avoided by instruction"),
        (
            [venue("XNYS", auction_orders=True, lot_size=200)],
            {},
            "venue=XNYS, quantity=100, lot_size=200, min_quantity=1",
        ),
        (
            [venue("XNYS", auction_orders=True, min_quantity=101)],
            {},
            "venue=XNYS, quantity=100, lot_size=1, min_quantity=101",
        ),
    ],
)
def test_what_its_venue_cannot_have_nobody_gets(
    force: TimeInForce, venues: list[Any], more: dict[str, Any], reason: str
) -> None:
    decision = route(**auction(force, **more), quotes=[quote("ARCX", "9.99", "10.00")], venues=venues)
    assert nothing(decision) == (f"NO_AUCTION_VENUE: {reason}", False)
    assert decision.account().summary.endswith(f"nothing placed, {decision.reason}.")


def test_a_venue_that_is_away_may_come_back() -> None:
    decision = route(
        **auction(TimeInForce.OPG), quotes=None, venues=VENUES, closed={"XNYS": "DOWN: since=09:00"}
    )
    assert nothing(decision) == ("AUCTION_VENUE_CLOSED: venue=XNYS, DOWN: since=09:00", True)


def test_where_nobody_is_known_to_hold_the_auction_nothing_is_placed() -> None:
    decision = route(order("10.10", 100, TimeInForce.OPG), None, VENUES)
    assert nothing(decision) == ("NO_AUCTION_VENUE: symbol=AAPL, listing_venue=none", False)


def test_a_limit_below_the_grid_is_none() -> None:
    decision = route(**auction(TimeInForce.CLO, "0.001"), quotes=None, venues=VENUES)
    assert nothing(decision) == ("PRICE_BELOW_TICK: limit=0.001, tick=0.01", False)
