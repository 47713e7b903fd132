"""What was displayed a moment ago: the last quotes of each symbol, looked up by the time they were quoted at.

The law of this file: a lookup answers with the last quote at or before a time, or with nothing when that one
is too old or not kept any more; it never looks ahead. Prices are micros, times microseconds since the epoch;
memory is bounded.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from sor_engine.domain.market import DisplayedBook, micros

QUOTES_MAX: Final = 1_024
BOOKS_MAX: Final = 64
# A quote older than this says nothing of now.
AGE_US_MAX: Final = 10_000_000

Books = Mapping[str, DisplayedBook]


class Touch(NamedTuple):
    """The national best bid and offer in micros; None on a side that nobody quotes."""

    bid: int | None
    offer: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteChange:
    """A row of the quote tape: a symbol's national best bid and offer in dollars, from a moment on."""

    symbol: str
    quoted_at: datetime
    bid: Decimal | None
    offer: Decimal | None


@dataclass(slots=True)
class _History:
    at_us: list[int] = field(default_factory=list)
    touches: list[Touch] = field(default_factory=list)
    books: list[Books | None] = field(default_factory=list)


class Touches:
    """The last quotes of every symbol."""

    def __init__(self) -> None:
        self._histories: dict[str, _History] = {}

    def observe(self, symbol: str, at_us: int, touch: Touch, books: Books) -> bool:
        """Keep a quote. Returns whether the touch differs from the one before.

        A quote older than the last is passed over.
        """
        history = self._histories.get(symbol)
        if history is None:
            history = self._histories[symbol] = _History()
        times = history.at_us
        if times and at_us < times[-1]:
            return False
        changed = not times or history.touches[-1] != touch
        times.append(at_us)
        history.touches.append(touch)
        history.books.append(books)
        if len(times) > BOOKS_MAX:
            history.books[-BOOKS_MAX - 1] = None
        if len(times) > 2 * QUOTES_MAX:
            for kept in (history.at_us, history.touches, history.books):
                del kept[:QUOTES_MAX]
        return changed

    def touch(self, symbol: str, at_us: int) -> Touch | None:
        """Return the touch as of a time."""
        history = self._histories.get(symbol)
        if history is None:
            return None
        index = _index(history.at_us, at_us)
        return None if index is None else history.touches[index]

    def twice_mid(self, symbol: str, at_us: int) -> int | None:
        """Return bid plus offer as of a time, in micros; None while a side is missing."""
        touch = self.touch(symbol, at_us)
        if touch is None or touch.bid is None or touch.offer is None:
            return None
        return touch.bid + touch.offer

    def reach(self, symbol: str, at_us: int, venue_id: str, buy: bool, limit: int) -> int | None:
        """Return the shares that a venue displayed within a limit as of a time; None when that is not known.

        A plan stands on a book that is older by its way to the venue: if that of the time shows nothing
        within the limit, the one before it counts.
        """
        history = self._histories.get(symbol)
        if history is None:
            return None
        index = _index(history.at_us, at_us)
        if index is None:
            return None
        books = history.books[index]
        if books is None:
            return None
        size = _within(books.get(venue_id), buy, limit)
        before = history.books[index - 1] if index else None
        return size if size or before is None else _within(before.get(venue_id), buy, limit)


def _index(times: list[int], at_us: int) -> int | None:
    index = bisect_right(times, at_us) - 1
    return None if index < 0 or at_us - times[index] > AGE_US_MAX else index


def _within(book: DisplayedBook | None, buy: bool, limit: int) -> int:
    if book is None:
        return 0
    size = 0
    if buy:
        for price, shares in zip(book.ask_prices, book.ask_sizes, strict=False):
            if micros(price) > limit:
                break
            size += shares
    else:
        for price, shares in zip(book.bid_prices, book.bid_sizes, strict=False):
            if micros(price) < limit:
                break
            size += shares
    return size
