"""An order for an auction needs one that still takes orders."""

from oms_core.domain.denials import DenialCode
from oms_core.domain.order_times import time_text
from oms_core.domain.risk.context import RiskContext
from oms_core.domain.risk.finding import Found, fails, holds
from oms_core.domain.risk.verdict import Limits
from oms_platform.order_types import AUCTION_NAMES


def check(context: RiskContext, limits: Limits) -> Found:
    """Require of an order for an auction that there is one, and that orders for it are still taken."""
    chance, instrument = context.auction, context.instrument
    if chance is None or instrument is None:
        return None
    symbol, missed = instrument.symbol, chance.missed
    name = AUCTION_NAMES[context.terms.time_in_force]
    if chance.auction is not None:
        return holds(time_text(context.now), f"before {time_text(chance.auction.taken_until)}")
    if missed is None:
        venue, calendar = instrument.listing_venue or "none", instrument.calendar_id
        details = {"symbol": symbol, "auction": name, "listing_venue": venue, "calendar": calendar}
        return fails("none", f"a known {name} auction", DenialCode.NO_AUCTION, **details)
    until = time_text(missed.taken_until)
    following = time_text(None if chance.following is None else chance.following.at)
    return fails(
        time_text(context.now),
        f"before {until}",
        symbol=symbol,
        auction=name,
        taken_until=until,
        next_auction=following,
    )
