"""Markets and orders for tests of routing, in a trader's words."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from oms_platform.messages import VenueQuote
from oms_platform.vocabulary import TimeInForce
from sor_engine.domain.market import DarkBelief, Market, Request, Venue, VenueStats, dollars, micros
from sor_engine.domain.plan import Decision
from sor_engine.domain.profile import Profile, read_profile
from sor_engine.domain.routing import decide

WEIGHTS = {"price": "0.5", "liquidity": "0.25", "fill_rate": "0.15", "cost": "0.1"}


def profile(strategy: str = "sweep", **settings: Any) -> Profile:
    return read_profile(
        "test", 1, {"strategy": strategy, "weights": WEIGHTS, "aggression_ticks": 1, **settings}
    )


def venue(name: str, *, lit: bool = True, fee: str = "0.0030", add: str = "-0.0020", **more: Any) -> Venue:
    fields = {"active": True, "latency_us": 500, **more}
    return Venue(venue_id=name, lit=lit, add_fee=Decimal(add), remove_fee=Decimal(fee), **fields)


def quote(name: str, bid: str | None, ask: str | None, size: int = 100, levels: int = 3) -> VenueQuote:
    steps = [Decimal("0.01") * step for step in range(levels)]
    return VenueQuote(
        venue_id=name,
        bid_prices=() if bid is None else tuple(Decimal(bid) - step for step in steps),
        bid_sizes=() if bid is None else (size,) * levels,
        ask_prices=() if ask is None else tuple(Decimal(ask) + step for step in steps),
        ask_sizes=() if ask is None else (size,) * levels,
    )


def order(
    limit: str | None,
    quantity: int = 100,
    time_in_force: TimeInForce = TimeInForce.DAY,
    *,
    buy: bool = True,
    **more: Any,
) -> Request:
    return Request(
        symbol="AAPL",
        buy=buy,
        quantity=quantity,
        time_in_force=time_in_force,
        limit_micros=None if limit is None else micros(Decimal(limit)),
        tick_micros=10_000,
        **more,
    )


def route(
    request: Request,
    quotes: Sequence[VenueQuote] | None,
    venues: Sequence[Venue] | None = None,
    used: Profile | None = None,
    *,
    age_us: int = 1000,
    stats: Mapping[str, VenueStats] | None = None,
    beliefs: Mapping[str, DarkBelief] | None = None,
    **more: Any,
) -> Decision:
    considered = venues or [venue(name) for name in ("ARCX", "BATS", "XNYS")]
    market = Market(
        venues=considered,
        book=None if quotes is None else {shown.venue_id: shown for shown in quotes},
        quote_age_us=age_us,
        quote_age_us_max=2_000_000,
        stats=stats or {},
        beliefs=beliefs or {},
        **more,
    )
    return decide(request, market, used or profile())


def reasons(decision: Decision) -> dict[str, str]:
    return {outcome.venue_id: outcome.reason for outcome in decision.account().venues}


def legs(decision: Decision) -> list[tuple[str, int, str, str]]:
    return [
        (leg.venue_id, leg.quantity, f"{dollars(leg.limit_micros):.2f}", leg.time_in_force.name)
        for leg in decision.legs
    ]
