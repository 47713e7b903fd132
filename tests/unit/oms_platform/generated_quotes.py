"""Quotes through the generated protobuf code: what the hand-written encoder and decoder are held to."""

from decimal import Decimal

from oms_platform.messages import Quote, VenueQuote
from proto.gen.oms.v1 import Quote as WireQuote
from proto.gen.oms.v1 import VenueQuote as WireVenueQuote


def quote_from_wire(wire: WireQuote) -> Quote:
    """Turn the generated class into the platform's message."""
    return Quote(
        symbol=wire.symbol,
        sequence=wire.sequence,
        quoted_at=wire.quoted_at,
        national_best_bid=_price(wire.national_best_bid),
        national_best_offer=_price(wire.national_best_offer),
        venues=tuple(
            VenueQuote(
                venue_id=venue.venue_id,
                bid_prices=tuple(map(Decimal, venue.bid_prices)),
                bid_sizes=tuple(venue.bid_sizes),
                ask_prices=tuple(map(Decimal, venue.ask_prices)),
                ask_sizes=tuple(venue.ask_sizes),
                heard_at=venue.heard_at,
            )
            for venue in wire.venues
        ),
        last_price=_price(wire.last_price),
        last_size=wire.last_size,
        volume=wire.volume,
    )


def _price(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def quote_to_wire(quote: Quote) -> WireQuote:
    """Turn the platform's message into the generated class."""
    return WireQuote(
        symbol=quote.symbol,
        sequence=quote.sequence,
        quoted_at=quote.quoted_at,
        national_best_bid=_text(quote.national_best_bid),
        national_best_offer=_text(quote.national_best_offer),
        venues=[
            WireVenueQuote(
                venue_id=venue.venue_id,
                bid_prices=[f"{price:f}" for price in venue.bid_prices],
                bid_sizes=list(venue.bid_sizes),
                ask_prices=[f"{price:f}" for price in venue.ask_prices],
                ask_sizes=list(venue.ask_sizes),
                heard_at=venue.heard_at,
            )
            for venue in quote.venues
        ],
        last_price=_text(quote.last_price),
        last_size=quote.last_size,
        volume=quote.volume,
    )


def _text(price: Decimal | None) -> str | None:
    return None if price is None else f"{price:f}"
