"""The live market as one venue's book sees it: national best and displayed levels, best first."""

from dataclasses import dataclass

from oms_platform.messages import Quote
from simulators.broker.prices import micros_of_decimal

Level = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """Prices in millionths of a dollar; levels are (price, size)."""

    symbol: str
    national_best_bid: int | None = None
    national_best_offer: int | None = None
    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()


def markets_of(quote: Quote) -> dict[str, Market]:
    """Return, by venue, the market of a quote."""
    bid, offer = quote.national_best_bid, quote.national_best_offer
    best_bid = None if bid is None else micros_of_decimal(bid)
    best_offer = None if offer is None else micros_of_decimal(offer)
    return {
        venue.venue_id: Market(
            symbol=quote.symbol,
            national_best_bid=best_bid,
            national_best_offer=best_offer,
            bids=tuple(zip(map(micros_of_decimal, venue.bid_prices), venue.bid_sizes, strict=True)),
            asks=tuple(zip(map(micros_of_decimal, venue.ask_prices), venue.ask_sizes, strict=True)),
        )
        for venue in quote.venues
    }
