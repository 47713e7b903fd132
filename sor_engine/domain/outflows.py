"""How fast queues move, seen in displayed sizes: trades are not published.

The law of this file: a window watches the price at which each venue's queue stood when it began. What is less
displayed there at the next quote has left the queue; when the other side has reached the price, everybody in
the queue was filled; a better price in front of it moves nothing.
"""

from collections import Counter, deque
from collections.abc import Mapping
from decimal import Decimal
from itertools import chain
from typing import Final

from sor_engine.domain.market import DisplayedBook

# The outflow of a queue whose price the other side has reached: more than any order.
THROUGH: Final = 1_000_000_000
Samples = dict[str, tuple[int, ...]]


class _Queue:
    """One venue's queue on one side within a window."""

    __slots__ = ("left", "outflow", "price")

    def __init__(self, price: Decimal, size: int) -> None:
        self.price = price
        self.left = size
        self.outflow = 0


class _Side:
    """One side's windows, in which every venue's queue is watched over the same time."""

    def __init__(self, samples_max: int, *, bids: bool) -> None:
        self._bids = bids
        self._windows: deque[dict[str, int]] = deque(maxlen=samples_max)
        self._queues: dict[str, _Queue] = {}
        self.samples: Samples = {}

    def _levels(self, book: DisplayedBook) -> tuple[tuple[Decimal, ...], tuple[int, ...]]:
        return (book.bid_prices, book.bid_sizes) if self._bids else (book.ask_prices, book.ask_sizes)

    def begin(self, book: Mapping[str, DisplayedBook]) -> None:
        self._queues = {}
        for venue_id, shown in book.items():
            prices, sizes = self._levels(shown)
            if prices and sizes and sizes[0] > 0:
                self._queues[venue_id] = _Queue(prices[0], sizes[0])

    def move(self, book: Mapping[str, DisplayedBook]) -> None:
        for venue_id, queue in self._queues.items():
            shown = book.get(venue_id)
            if shown is None or queue.outflow >= THROUGH:
                continue
            contra = shown.ask_prices if self._bids else shown.bid_prices
            price = queue.price
            if contra and (contra[0] <= price if self._bids else contra[0] >= price):
                queue.outflow = THROUGH
                continue
            size = self._size_at(shown, price)
            if size is not None:
                if size < queue.left:
                    queue.outflow += queue.left - size
                queue.left = size

    def _size_at(self, shown: DisplayedBook, price: Decimal) -> int | None:
        """Return what is displayed at a price, 0 when the book moved away, None when it is out of sight."""
        prices, sizes = self._levels(shown)
        for level, size in zip(prices, sizes, strict=False):
            if level == price:
                return size
            if level < price if self._bids else level > price:
                return 0
        return None if prices else 0

    def end(self) -> None:
        self._windows.append({venue_id: queue.outflow for venue_id, queue in self._queues.items()})
        # A venue that seldom stands here would leave the others without common windows.
        stood = Counter(chain.from_iterable(self._windows))
        windows = len(self._windows)
        venues = sorted([venue_id for venue_id, times in stood.items() if 2 * times >= windows])
        common = set(venues)
        complete = [window for window in self._windows if window.keys() >= common]
        self.samples = (
            {venue_id: tuple([window[venue_id] for window in complete]) for venue_id in venues}
            if complete
            else {}
        )


class QueueWatch:
    """Samples of the outflow of every venue's queue at the touch of one symbol, within a horizon.

    Windows follow each other without overlap; `samples_max` of them are kept.
    """

    def __init__(self, horizon_us: int, samples_max: int) -> None:
        self._horizon_us = horizon_us
        self._bids = _Side(samples_max, bids=True)
        self._asks = _Side(samples_max, bids=False)
        self._began_us: int | None = None

    def observe(self, quoted_at_us: int, book: Mapping[str, DisplayedBook]) -> None:
        """Take in the next quote. A gap of more than two horizons begins a new window without a sample."""
        began = self._began_us
        if began is not None and began <= quoted_at_us <= began + 2 * self._horizon_us:
            self._bids.move(book)
            self._asks.move(book)
            if quoted_at_us < began + self._horizon_us:
                return
            self._bids.end()
            self._asks.end()
        self._began_us = quoted_at_us
        self._bids.begin(book)
        self._asks.begin(book)

    def samples(self, buy: bool) -> Mapping[str, tuple[int, ...]]:
        """Return shares that left each venue's queue: of bids for a buy, of offers for a sell.

        Sample i of every venue is of the same window. A venue whose queue stood in fewer than half of the
        windows has none.
        """
        return (self._bids if buy else self._asks).samples
