"""Who is compared: the production strategies, and naive routers.

The law of this file: a strategy is `decide` with a profile and nothing else. A naive router sees the same
displayed books, fees and lots, and gives legs as simply as its name says.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Final, NamedTuple

from oms_platform.vocabulary import TimeInForce
from oms_tools.sor_lab.world import draws
from sor_engine.domain.market import Market, Request, Venue, dollars, micros
from sor_engine.domain.plan import Decision, Leg
from sor_engine.domain.profile import Profile, StrategyName, read_profile
from sor_engine.domain.routing import decide

Route = Callable[[Request, Market], Decision]
# The lab's one profile for every strategy: the demo's weights, every other setting its default.
WEIGHTS: Final = {"price": "0.5", "liquidity": "0.25", "fill_rate": "0.15", "cost": "0.1"}
COLLAR: Final = Decimal("0.01")
# The naive router that everything is measured against.
REFERENCE: Final = "best quote"
STRATEGIES: Final = tuple(strategy.value for strategy in StrategyName)
MARKETABLE: Final = ("best", "sweep", "split")
NAIVE: Final = (REFERENCE, "touch only", "fixed", "pro rata", "random")
ORACLE: Final = "oracle"


class Router(NamedTuple):
    """A way to route. naive: it has no rule of its own for what is left but to route it again."""

    name: str
    route: Route
    naive: bool


def profile_of(strategy: str) -> Profile:
    """Return the lab's profile of a strategy."""
    return read_profile("lab", 1, {"strategy": strategy, "weights": WEIGHTS})


def routers() -> tuple[Router, ...]:
    """Return every router, strategies first."""
    found = [Router(name, partial(decide, profile=profile_of(name)), naive=False) for name in STRATEGIES]
    naive: Mapping[str, Route] = {
        REFERENCE: _best_quote,
        "touch only": _touch_only,
        "fixed": _fixed,
        "pro rata": _pro_rata,
        "random": _random,
    }
    return (*found, *(Router(name, naive[name], naive=True) for name in NAIVE))


def _lit(market: Market) -> list[Venue]:
    return [venue for venue in market.venues if venue.lit]


def _far(request: Request, market: Market, venue: Venue) -> tuple[tuple[Decimal, ...], tuple[int, ...]]:
    book = (market.book or {})[venue.venue_id]
    return (book.ask_prices, book.ask_sizes) if request.buy else (book.bid_prices, book.bid_sizes)


def _limit(request: Request, market: Market) -> Decimal:
    """Return the order's limit, or for a market order one percent beyond the best displayed price."""
    if request.limit_micros is not None:
        return dollars(request.limit_micros)
    tops = [prices[0] for venue in _lit(market) if (prices := _far(request, market, venue)[0])]
    touch = min(tops) if request.buy else max(tops)
    tick = dollars(request.tick_micros)
    reach = touch * COLLAR // tick * tick
    return touch + reach if request.buy else touch - reach


def _plan(request: Request, shares: Mapping[str, int], limit: Decimal) -> Decision:
    force = TimeInForce.IOC if request.limit_micros is None else request.time_in_force
    legs = tuple(
        Leg(venue_id, quantity, micros(limit), force) for venue_id, quantity in shares.items() if quantity
    )
    return Decision(legs=legs, reason="" if legs else "NO_LIQUIDITY")


def _at_best(request: Request, market: Market) -> Venue | None:
    """Return the venue with the best displayed price, whatever its fee and size; among equals by lot."""
    quoted = [(prices[0], venue) for venue in _lit(market) if (prices := _far(request, market, venue)[0])]
    if not quoted:
        return None
    touch = (min if request.buy else max)([price for price, _ in quoted])
    return draws("tie", request.seed).choice([venue for price, venue in quoted if price == touch])


def _best_quote(request: Request, market: Market) -> Decision:
    """Send all of it to the venue with the best displayed price."""
    venue = _at_best(request, market)
    if venue is None:
        return _plan(request, {}, Decimal(0))
    return _plan(request, {venue.venue_id: request.quantity}, _limit(request, market))


def _touch_only(request: Request, market: Market) -> Decision:
    """Do the same, but pay no more than that best price; what is left is routed again."""
    venue = _at_best(request, market)
    if venue is None:
        return _plan(request, {}, Decimal(0))
    touch, limit = _far(request, market, venue)[0][0], _limit(request, market)
    price = min(touch, limit) if request.buy else max(touch, limit)
    plan = _plan(request, {venue.venue_id: request.quantity}, price)
    return replace(plan, legs=tuple(leg._replace(time_in_force=TimeInForce.IOC) for leg in plan.legs))


def _fixed(request: Request, market: Market) -> Decision:
    """Send all of it to the first venue of the list."""
    if not any(_far(request, market, venue)[0] for venue in _lit(market)):
        return _plan(request, {}, Decimal(0))
    return _plan(request, {_lit(market)[0].venue_id: request.quantity}, _limit(request, market))


def _random(request: Request, market: Market) -> Decision:
    """Send all of it to a venue by lot."""
    if not any(_far(request, market, venue)[0] for venue in _lit(market)):
        return _plan(request, {}, Decimal(0))
    venue = draws("venue", request.seed, len(request.visits)).choice(_lit(market))
    return _plan(request, {venue.venue_id: request.quantity}, _limit(request, market))


def _pro_rata(request: Request, market: Market) -> Decision:
    """Spread it over the venues in proportion to all that they display within the limit."""
    if not any(_far(request, market, venue)[0] for venue in _lit(market)):
        return _plan(request, {}, Decimal(0))
    limit = _limit(request, market)
    shown = {
        venue.venue_id: sum(
            [
                size
                for price, size in zip(*_far(request, market, venue), strict=True)
                if (price <= limit if request.buy else price >= limit)
            ]
        )
        for venue in _lit(market)
    }
    total = sum(shown.values())
    if not total:
        return _plan(request, {}, limit)
    shares = {venue_id: request.quantity * size // total for venue_id, size in shown.items()}
    by_size = sorted(shown, key=lambda venue_id: (-shown[venue_id], venue_id))
    for venue_id in by_size[: request.quantity - sum(shares.values())]:
        shares[venue_id] += 1
    return _plan(request, shares, limit)
