"""What an order's first route stood on, in the router's own eyes, for whoever sets another router against it.

The law of this file: the book as it was kept, of venues that the order might have been sent to, less what our
own orders had just been sent to take.
"""

from collections.abc import Iterable, Sequence

from oms_platform.clock import microseconds
from oms_platform.messages import Quote, VenueQuote
from oms_platform.order_types import AUCTIONS
from oms_platform.sides import is_buy
from oms_platform.vocabulary import OrderType
from sor_engine.domain.board import Level, consumed, first_of, levels
from sor_engine.domain.market import Venue
from sor_engine.domain.quality_evidence import FirstRoute
from sor_engine.ports import FrozenInputs, ReferenceContent


def had_data(inputs: FrozenInputs) -> bool:
    """Return whether a decision stood on a quote of a symbol that trades: else no router sends anything."""
    is_fresh = inputs.quote_age_us <= inputs.quote_age_us_max
    return is_fresh and inputs.tick_micros is not None and not inputs.not_traded and not inputs.killed


def first_route(inputs: FrozenInputs, quote: Quote, content: ReferenceContent) -> FirstRoute:
    """Return what was displayed to an order's first route."""
    terms = inputs.request.terms
    limit = terms.limit_price_micros if terms.order_type is OrderType.LIMIT else None
    books = {shown.venue_id: shown for shown in quote.venues}
    return FirstRoute(
        attempt=inputs.request.attempt,
        quantity=inputs.request.quantity,
        limit=limit,
        may_take=not terms.post_only and terms.time_in_force not in AUCTIONS,
        displayed={
            venue.venue_id: _displayed(books[venue.venue_id], inputs, limit)
            for venue in _open_to(inputs, content)
            if venue.venue_id in books and not _is_silent(books[venue.venue_id], quote, inputs)
        },
    )


def _open_to(inputs: FrozenInputs, content: ReferenceContent) -> Iterable[Venue]:
    """Yield the lit venues that the order might have been sent to."""
    for venue in content.venues:
        bound = inputs.bounds.get(venue.venue_id)
        barred = venue.venue_id in inputs.routing.avoid or venue.venue_id in inputs.stopped
        is_open = venue.lit and venue.active and venue.venue_id not in content.closed
        if is_open and not barred and venue.remove_fee is not None and (bound is None or not bound.barred):
            yield venue


def _displayed(shown: VenueQuote, inputs: FrozenInputs, limit: int | None) -> Sequence[Level]:
    if is_buy(inputs.request.terms.side):
        side = levels(shown.ask_prices, shown.ask_sizes, descending=False)
    else:
        side = levels(shown.bid_prices, shown.bid_sizes, descending=True)
    side = consumed(side, inputs.taken.get(shown.venue_id, 0))
    bound = inputs.bounds.get(shown.venue_id)
    most = None if bound is None else bound.shares_at(limit)
    return side if most is None else first_of(side, most)


def _is_silent(shown: VenueQuote, quote: Quote, inputs: FrozenInputs) -> bool:
    """Return whether a venue's feed had been silent for too long, while the quote itself was fresh."""
    if shown.heard_at is None:
        return False
    silent_us = microseconds(quote.quoted_at) - microseconds(shown.heard_at)
    return silent_us > 0 and inputs.quote_age_us + silent_us > inputs.quote_age_us_max
