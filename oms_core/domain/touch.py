"""What the market is, as far as core looks at it."""

from datetime import datetime

from msgspec import Struct


class TouchPrices(Struct, frozen=True, kw_only=True, gc=False):
    """The national best bid and offer in micros; None where a side is missing or too old to stand for now.

    sequence, quoted_at: the quote's place among its symbol's, and its time. last_micros: of the newest trade,
    volume: all shares that were traded; None where the feed has not told.
    """

    bid_micros: int | None = None
    offer_micros: int | None = None
    sequence: int = 0
    quoted_at: datetime | None = None
    last_micros: int | None = None
    volume: int | None = None


def mark_of(touch: TouchPrices) -> int | None:
    """Return what a share is worth now, in micros: the middle of bid and offer, else of the last trade."""
    if touch.bid_micros is not None and touch.offer_micros is not None:
        return (touch.bid_micros + touch.offer_micros) // 2
    return touch.last_micros
