"""What the router does in markets that a trader would name."""

from decimal import Decimal

import pytest

from oms_platform.messages import VenueQuote
from sor_engine.domain.routing import (
    DARK_REASON,
    NOT_NEEDED,
    Decision,
    InvalidProfileError,
    Profile,
    Request,
    Tif,
    Venue,
    decide,
)

PROFILE = Profile(
    name="default",
    version=1,
    price=Decimal("0.5"),
    liquidity=Decimal("0.25"),
    fill_rate=Decimal("0.15"),
    cost=Decimal("0.1"),
)


def venue(name: str, *, lit: bool = True, active: bool = True, fee: str = "0.0030") -> Venue:
    return Venue(
        venue_id=name,
        lit=lit,
        active=active,
        latency_us=500,
        add_fee=Decimal("-0.0020"),
        remove_fee=Decimal(fee),
    )


def quote(name: str, bid: str | None, ask: str | None, size: int = 100, levels: int = 3) -> VenueQuote:
    steps = [Decimal("0.01") * step for step in range(levels)]
    return VenueQuote(
        venue_id=name,
        bid_prices=() if bid is None else tuple(Decimal(bid) - step for step in steps),
        bid_sizes=() if bid is None else (size,) * levels,
        ask_prices=() if ask is None else tuple(Decimal(ask) + step for step in steps),
        ask_sizes=() if ask is None else (size,) * levels,
    )


def order(limit: str | None, quantity: int = 100, tif: Tif = Tif.DAY, *, buy: bool = True) -> Request:
    price = None if limit is None else Decimal(limit)
    return Request(
        symbol="AAPL", buy=buy, quantity=quantity, tif=tif, limit_price=price, tick=Decimal("0.01")
    )


def route(
    request: Request, quotes: list[VenueQuote] | None, venues: list[Venue] | None = None, age_us: int = 1000
) -> Decision:
    book = None if quotes is None else {shown.venue_id: shown for shown in quotes}
    considered = venues or [venue(name) for name in ("ARCX", "BATS", "XNYS")]
    return decide(request, book, considered, PROFILE, quote_age_us=age_us, quote_age_us_max=2_000_000)


def reasons(decision: Decision) -> dict[str, str]:
    return {outcome.venue_id: outcome.reason for outcome in decision.venues}


def legs(decision: Decision) -> list[tuple[str, int, str, str]]:
    return [(leg.venue_id, leg.quantity, f"{leg.limit_price:.2f}", leg.tif.name) for leg in decision.legs]


def test_a_better_price_wins_over_everything_else() -> None:
    decision = route(order("10.10"), [quote("ARCX", "10.00", "10.03"), quote("BATS", "10.00", "10.02")])
    assert legs(decision) == [("BATS", 100, "10.10", "DAY")]
    assert reasons(decision)["ARCX"] == NOT_NEEDED
    assert reasons(decision)["BATS"].startswith("best score 0.")
    assert reasons(decision)["BATS"].endswith("took 100 of 300 displayed")
    assert reasons(decision)["XNYS"] == "no quote"


def test_at_the_same_price_the_lower_fee_wins() -> None:
    venues = [venue("ARCX", fee="0.0030"), venue("BATS", fee="0.0010")]
    decision = route(
        order("10.10"), [quote("ARCX", "10.00", "10.02"), quote("BATS", "10.00", "10.02")], venues
    )
    assert legs(decision)[0][0] == "BATS"


def test_a_large_order_is_split_in_score_order_and_its_rest_joins_the_best_leg() -> None:
    quotes = [quote("ARCX", "10.00", "10.02"), quote("BATS", "10.00", "10.02", size=40)]
    decision = route(order("10.02", quantity=500), quotes)
    assert legs(decision) == [("ARCX", 460, "10.02", "DAY"), ("BATS", 40, "10.02", "DAY")]
    assert "took 100 of 100 displayed; 360 rests here" in reasons(decision)["ARCX"]
    assert "360 to rest" in decision.summary


def test_an_order_away_from_the_market_rests_at_the_best_lit_venue() -> None:
    decision = route(order("9.50"), [quote("ARCX", "10.00", "10.02"), quote("BATS", "10.00", "10.02")])
    assert legs(decision) == [("ARCX", 100, "9.50", "DAY")]
    assert reasons(decision)["BATS"] == "displays nothing at or inside the limit 9.50"


def test_an_immediate_order_takes_what_is_displayed_and_no_more() -> None:
    decision = route(order("10.02", 500, Tif.IOC), [quote("ARCX", "10.00", "10.02")])
    assert legs(decision) == [("ARCX", 100, "10.02", "IOC")]
    away = route(order("9.50", 500, Tif.IOC), [quote("ARCX", "10.00", "10.02")])
    assert away.legs == ()
    assert away.reason == "NOT_MARKETABLE: limit=9.50, best=10.02"


def test_fill_or_kill_goes_whole_to_one_venue_or_nowhere() -> None:
    quotes = [quote("ARCX", "10.00", "10.02", size=100), quote("BATS", "10.00", "10.03", size=400)]
    assert legs(route(order("10.05", 350, Tif.FOK), quotes)) == [("BATS", 350, "10.05", "FOK")]
    none = route(order("10.02", 350, Tif.FOK), quotes)
    assert none.legs == ()
    assert none.reason == "FOK_UNFILLABLE: quantity=350, largest_displayed=100"
    assert reasons(none)["ARCX"] == "displays 100, and fill-or-kill needs 350 at one venue"


def test_a_market_order_becomes_an_aggressive_limit_rounded_away_from_us() -> None:
    quotes = [quote("ARCX", "10.00", "10.02")]
    # Worst level taken 10.03; ten basis points more are 10.04003, which rounds up.
    assert legs(route(order(None, 150), quotes)) == [("ARCX", 150, "10.05", "IOC")]
    # Worst level taken 9.99; ten basis points less are 9.98001, which rounds down.
    assert legs(route(order(None, 150, buy=False), quotes)) == [("ARCX", 150, "9.98", "IOC")]


def test_a_market_order_does_not_walk_through_its_collar() -> None:
    thin = VenueQuote(
        venue_id="ARCX",
        bid_prices=(Decimal("9.99"),),
        bid_sizes=(100,),
        ask_prices=(Decimal("10.00"), Decimal("10.10"), Decimal("10.11")),
        ask_sizes=(100, 100, 100),
    )
    decision = route(order(None, 300), [thin])
    assert legs(decision) == [("ARCX", 200, "10.10", "IOC")]
    assert "100 not placed" in decision.summary


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
    assert reasons(decision)["DARK"] == DARK_REASON


def test_when_no_venue_can_be_used_it_says_so() -> None:
    decision = route(order("10.02"), [quote("BATS", "10.00", "10.02")], [venue("BATS", active=False)])
    assert decision.reason == "NO_VENUE: symbol=AAPL, quoted=0"


def test_a_one_sided_book_takes_a_resting_order_and_refuses_a_market_order() -> None:
    quotes = [quote("ARCX", "10.00", None)]
    assert legs(route(order("10.01"), quotes)) == [("ARCX", 100, "10.01", "DAY")]
    market = route(order(None), quotes)
    assert (market.legs, market.reason) == ((), "NO_LIQUIDITY: limit=none, best=none")
    assert reasons(market)["ARCX"] == "displays no offers"


def test_locked_and_crossed_books_are_routed_on_like_any_other() -> None:
    locked = [quote("ARCX", "10.02", "10.02"), quote("BATS", "10.05", "10.06")]
    decision = route(order("10.02"), locked)
    assert legs(decision) == [("ARCX", 100, "10.02", "DAY")]
    assert sum(term.contribution for term in decision.venues[0].terms) == decision.venues[0].score


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


def test_a_profile_with_an_impossible_weight_or_reach_is_refused() -> None:
    with pytest.raises(InvalidProfileError, match="weight price"):
        Profile(
            name="p", version=1, price=Decimal(2), liquidity=Decimal(0), fill_rate=Decimal(0), cost=Decimal(0)
        )
    with pytest.raises(InvalidProfileError, match="aggression_bps"):
        Profile(
            name="p",
            version=1,
            price=Decimal(1),
            liquidity=Decimal(0),
            fill_rate=Decimal(0),
            cost=Decimal(0),
            aggression_bps=200,
        )
