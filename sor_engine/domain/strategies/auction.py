"""Orders for an auction: whole, at the venue that holds it, or not at all.

The law of this file: no quote is needed, for before an opening nobody quotes, and none is taken or waited
for; what the order's own venue cannot have, no other venue gets. Without a limit of its own the order leaves
with the collar's: for an opening around the reference price, for a close around the middle of the market;
where that is not known, around the other.
"""

from oms_platform.order_types import AUCTION_NAMES
from sor_engine.domain.board import Board, describe
from sor_engine.domain.market import Venue, price_text
from sor_engine.domain.plan import Account, Decision, Leg, VenueOutcome

# A venue that is away, or a price that is not there yet, may be there before the auction's cut-off.
_CLOSED = "AUCTION_VENUE_CLOSED"
_NO_PRICE = "NO_REFERENCE_PRICE"
_MAY_COME = (_CLOSED, _NO_PRICE)
STAGE = "auction"


def auction(board: Board) -> Decision:
    """Place all of an order at its listing venue, to wait there for the auction."""
    request, limit = board.request, board.limit
    venue = next((one for one in board.market.venues if one.venue_id == request.listing_venue), None)
    reason = _why_not_at(board, venue) or _why_no_price(board)
    if venue is None or limit is None or reason:
        return _nothing(board, reason)
    name = AUCTION_NAMES[request.time_in_force]
    kind = "the collar's limit" if request.limit_micros is None else "its limit"
    words = f"waits for the {name} auction, {request.quantity} at {kind} {price_text(limit)}"
    return Decision(
        legs=(Leg(venue.venue_id, request.quantity, limit, request.time_in_force),),
        strategy=board.profile.strategy.value,
        stage=STAGE,
        account=lambda: _account(board, words, f"{words}, at {venue.venue_id}", chosen=venue.venue_id),
    )


def _why_not_at(board: Board, venue: Venue | None) -> str:
    """Return why the venue that holds the auction cannot have the order, empty when it can."""
    request = board.request
    if venue is None:
        listed = request.listing_venue or "none"
        return f"NO_AUCTION_VENUE: symbol={request.symbol}, listing_venue={listed}"
    name, closed = venue.venue_id, board.market.closed.get(venue.venue_id)
    if not venue.active:
        return f"NO_AUCTION_VENUE: venue={name}, inactive"
    if not venue.auction_orders:
        return f"NO_AUCTION_VENUE: venue={name}, takes no orders for auctions"
    if name in request.avoid:
        return f"NO_AUCTION_VENUE: venue={name}, avoided by instruction"
    if request.quantity % venue.lot_size or request.quantity < venue.min_quantity:
        sizes = f"lot_size={venue.lot_size}, min_quantity={venue.min_quantity}"
        return f"NO_AUCTION_VENUE: venue={name}, quantity={request.quantity}, {sizes}"
    if (bound := request.bounds.get(name)) is not None:
        # A person may lift a limit before the auction's cut-off.
        most = bound.shares_at(board.limit)
        if bound.barred:
            return f"{_CLOSED}: venue={name}, {bound.barred}"
        if most is not None and request.quantity > most:
            return f"{_CLOSED}: venue={name}, quantity={request.quantity}, {bound.words}"
    return f"{_CLOSED}: venue={name}, {closed}" if closed else ""


def _why_no_price(board: Board) -> str:
    """Return why there is no limit to leave with, empty when there is one."""
    limit, request = board.limit, board.request
    if limit is None:
        return f"{_NO_PRICE}: symbol={request.symbol}"
    if limit > 0:
        return ""
    asked = "none" if request.limit_micros is None else price_text(request.limit_micros)
    return f"PRICE_BELOW_TICK: limit={asked}, tick={price_text(board.ticks.at(limit))}"


def _nothing(board: Board, reason: str) -> Decision:
    return Decision(
        reason=reason,
        strategy=board.profile.strategy.value,
        stage=STAGE,
        no_data=reason.startswith(_MAY_COME),
        account=lambda: _account(board, reason, f"nothing placed, {reason}"),
    )


def _account(board: Board, words: str, summary: str, chosen: str = "") -> Account:
    """Return every venue's outcome: the one that holds the auction, then the others."""
    request = board.request
    outcomes = [
        VenueOutcome(one.venue_id, words, one.venue_id == chosen, allocated=request.quantity)
        if one.venue_id == chosen
        else VenueOutcome(one.venue_id, words)
        if one.venue_id == request.listing_venue
        else VenueOutcome(one.venue_id, f"does not hold the auction of {request.symbol}")
        for one in board.market.venues
    ]
    outcomes.sort(key=lambda one: one.venue_id != request.listing_venue)
    return Account(tuple(outcomes), f"{describe(request)}: {summary}.")
