"""What a share is worth now, for profit and loss: by quotes where they can be, and said where they cannot.

The law of this file: a quote that is missing, crossed, old or absurd makes no mark of its own, and none is
ever 0 for want of one. The last good mark stands, and is told to be stale; before the first, the reference
price does; without that there is none, and nothing is made of it. Prices are micros.
"""

from datetime import datetime, timedelta
from enum import Enum
from typing import Final

import msgspec

BPS: Final = 10_000


class MarkSource(Enum):
    """Where a mark is from: a quote of now, the last good one, the instrument's reference price, nowhere."""

    QUOTE = "QUOTE"
    STALE = "STALE"
    REFERENCE = "REFERENCE"
    NONE = "NONE"


class Mark(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a share is worth, in micros, None for not known. at: of its quote. reason: why it is no QUOTE."""

    micros: int | None = None
    source: MarkSource = MarkSource.NONE
    at: datetime | None = None
    reason: str = ""

    @property
    def stale(self) -> bool:
        """Whether it is of no quote of now."""
        return self.source is not MarkSource.QUOTE


class Quoted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A national best bid and offer in micros, None for a side that nobody quotes."""

    bid_micros: int | None
    offer_micros: int | None
    quoted_at: datetime


def middle_of(bid_micros: int, offer_micros: int) -> int:
    """Return the middle of a bid and an offer, half a micro rounded down."""
    return (bid_micros + offer_micros) // 2


class MarkBook:
    """The last good mark of each symbol. off_bps_max: how far from the reference price a mark may be.

    age_max: how old a quote of now may be.
    """

    def __init__(self, *, age_max: timedelta, off_bps_max: int) -> None:
        self._age_max = age_max
        self._off_bps_max = off_bps_max
        self._good: dict[str, tuple[int, datetime]] = {}

    def mark(self, symbol: str, quoted: Quoted | None, reference_micros: int | None, now: datetime) -> Mark:
        """Return what a share is worth, and remember it where it is of a good quote."""
        reason = "missing" if quoted is None else self._problem(quoted, reference_micros)
        if quoted is not None and not reason:
            self._remember(symbol, quoted)
        good = self._good.get(symbol)
        if good is not None:
            micros, at = good
            if not reason and now - at <= self._age_max:
                return Mark(micros=micros, source=MarkSource.QUOTE, at=at)
            return Mark(micros=micros, source=MarkSource.STALE, at=at, reason=reason or "old")
        if reference_micros is not None and reference_micros > 0:
            return Mark(micros=reference_micros, source=MarkSource.REFERENCE, reason=reason)
        return Mark(reason=reason)

    def _remember(self, symbol: str, quoted: Quoted) -> None:
        known = self._good.get(symbol)
        if quoted.bid_micros is None or quoted.offer_micros is None:
            return
        if known is None or quoted.quoted_at >= known[1]:
            self._good[symbol] = middle_of(quoted.bid_micros, quoted.offer_micros), quoted.quoted_at

    def _problem(self, quoted: Quoted, reference_micros: int | None) -> str:
        bid, offer = quoted.bid_micros, quoted.offer_micros
        if bid is None or offer is None or bid <= 0 or offer <= 0:
            return "missing"
        if bid > offer:
            return "crossed"
        off = 0 if not reference_micros else abs(middle_of(bid, offer) - reference_micros)
        if reference_micros and off * BPS > reference_micros * self._off_bps_max:
            return "absurd"
        return ""
