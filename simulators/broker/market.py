"""The live market as one venue's book sees it: national best and displayed levels, best first."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from oms_platform.messages import Quote
from simulators.broker.prices import micros_of_decimal

Level = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """Prices in millionths of a dollar; levels are (price, size).

    away_bid, away_offer: the best that other venues display.
    """

    symbol: str
    national_best_bid: int | None = None
    national_best_offer: int | None = None
    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()
    away_bid: int | None = None
    away_offer: int | None = None


def markets_of(quote: Quote) -> dict[str, Market]:
    """Return, by venue, the market of a quote."""
    bid, offer = quote.national_best_bid, quote.national_best_offer
    best_bid = None if bid is None else micros_of_decimal(bid)
    best_offer = None if offer is None else micros_of_decimal(offer)
    bids = {venue.venue_id: venue.bid_prices[0] for venue in quote.venues if venue.bid_prices}
    offers = {venue.venue_id: venue.ask_prices[0] for venue in quote.venues if venue.ask_prices}
    return {
        venue.venue_id: Market(
            symbol=quote.symbol,
            national_best_bid=best_bid,
            national_best_offer=best_offer,
            bids=tuple(zip(map(micros_of_decimal, venue.bid_prices), venue.bid_sizes, strict=True)),
            asks=tuple(zip(map(micros_of_decimal, venue.ask_prices), venue.ask_sizes, strict=True)),
            away_bid=_best_away(bids, venue.venue_id, max),
            away_offer=_best_away(offers, venue.venue_id, min),
        )
        for venue in quote.venues
    }


def _best_away(
    prices: Mapping[str, Decimal], venue_id: str, best: Callable[[Iterable[Decimal]], Decimal]
) -> int | None:
    """Return the best of the prices that other venues display first, None for none."""
    away = [price for other, price in prices.items() if other != venue_id]
    return micros_of_decimal(best(away)) if away else None
