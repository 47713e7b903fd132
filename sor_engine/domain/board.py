"""The market as one decision sees it: venues in the running, those passed over and why, touch, limit, mid.

The law of this file: a venue is either a candidate or has a reason. Prices are whole micros.
"""

import functools
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from oms_platform.vocabulary import TimeInForce
from sor_engine.domain.market import (
    AGE_UNKNOWN_US,
    BPS,
    MICRO,
    MICROS,
    PPM,
    DisplayedBook,
    Market,
    Request,
    Venue,
    VenueStats,
    Visit,
    dollars,
    micros,
    price_text,
)
from sor_engine.domain.plan import Account, Decision, Term, VenueOutcome
from sor_engine.domain.profile import Profile

# A fee or rebate beyond ten times what SEC Rule 610(c) ever let a venue ask (30 mils) is taken for a mistake.
FEE_MAX: Final = Decimal("0.030000")
KNOWN_FEES_MAX: Final = 1_000
# Displayed books, each with its levels: those of a few hundred symbols' latest quotes.
KNOWN_SIDES_MAX: Final = 2_000
# A score's term is kept in steps of 1/10,000.
VALUE_STEPS: Final = 10_000
VALUE_STEP: Final = MICRO * 100
NO_VISIT: Final = Visit(venue_id="", children=0, sent=0, filled=0)
Level = tuple[int, int]
_known_sides: Final[dict[int, tuple[DisplayedBook, list[Level], list[Level]]]] = {}


class Candidate:
    """A venue in the running while its decision is being made. Levels are (price, size), best first.

    far: what an incoming order would meet; near: what rests on the order's own side. within: the far levels
    at or inside the limit. takes, rests: shares that the plan gives it so far; notional: micros of what it
    takes. minimum: the smallest leg that the venue, or the order, allows there. terms: (name, value in
    1/10,000, weight, contribution) of the score. shown: what was marketable as it was scored.
    """

    __slots__ = (
        "add_fee",
        "all_in",
        "allocated",
        "far",
        "fee",
        "hidden",
        "marketable",
        "minimum",
        "near",
        "next_level",
        "notional",
        "reason",
        "remove_fee",
        "rests",
        "score",
        "shown",
        "taken_here",
        "takes",
        "terms",
        "venue",
        "visit",
        "within",
        "worst",
    )

    def __init__(
        self, venue: Venue, far: list[Level], near: list[Level], visit: Visit, order_minimum: int = 0
    ) -> None:
        self.venue = venue
        self.visit = visit
        self.add_fee, self.remove_fee = _fees(venue.add_fee, venue.remove_fee)
        self.minimum = max(venue.min_quantity, order_minimum)
        self.far = far
        self.near = near
        self.within: list[Level] = []
        self.reason = ""
        self.terms: tuple[tuple[str, int, int, int], ...] = ()
        self.all_in: int | None = None
        self.marketable = self.shown = self.hidden = self.fee = self.score = self.allocated = 0
        self.takes = self.rests = self.worst = self.notional = self.next_level = self.taken_here = 0

    def keep_within(self, limit: int, *, buy: bool) -> None:
        """Note which levels are at or inside the limit."""
        if buy:
            self.within = [level for level in self.far if level[0] <= limit]
        else:
            self.within = [level for level in self.far if level[0] >= limit]
        self.marketable = sum([size for _, size in self.within])

    def take(self, wanted: int) -> int:
        """Take up to `wanted` shares from where earlier takes ended. Returns how many that is."""
        taken = 0
        while taken < wanted and self.next_level < len(self.within):
            price, size = self.within[self.next_level]
            quantity = min(wanted - taken, size - self.taken_here)
            taken += quantity
            self.worst = price
            self.notional += quantity * price
            self.taken_here += quantity
            if self.taken_here == size:
                self.next_level, self.taken_here = self.next_level + 1, 0
        self.takes += taken
        return taken

    def left_at(self, price: int) -> int:
        """Return how many shares are left at this price, if it is the next one, else 0."""
        if self.next_level < len(self.within) and self.within[self.next_level][0] == price:
            return self.within[self.next_level][1] - self.taken_here
        return 0

    def in_lots(self, quantity: int) -> int:
        """Return the most of `quantity` that this venue's lot and the minimum size allow."""
        whole = quantity - quantity % self.venue.lot_size
        return whole if whole >= self.minimum else 0

    def outcome(self, *, placed: bool) -> VenueOutcome:
        """Return what is shown of this venue, in dollars. placed: the decision has legs."""
        found = VenueOutcome(self.venue.venue_id, self.reason, self.allocated > 0, allocated=self.allocated)
        if self.terms:
            found.score = dollars(self.score)
            found.fee_per_share = dollars(self.fee)
            found.all_in_price = None if self.all_in is None else dollars(self.all_in)
            found.marketable_size = self.shown
            found.hidden_size = self.hidden
            found.terms = tuple(
                [
                    Term(name, value * VALUE_STEP, dollars(weight), dollars(part))
                    for name, value, weight, part in self.terms
                ]
            )
        if placed:
            found.expected_quantity = self.takes
            found.expected_notional = dollars(self.notional)
            found.expected_fee = dollars(self.takes * self.remove_fee)
        return found


def levels(prices: Sequence[Decimal], sizes: Sequence[int], *, descending: bool) -> list[Level]:
    """Return the levels of one side best first, leaving out prices and sizes that are not above 0."""
    pairs = zip(prices, sizes, strict=False)
    kept = [(price, size) for value, size in pairs if size > 0 and (price := micros(value)) > 0]
    kept.sort(reverse=descending)
    return kept


def _sides(shown: DisplayedBook) -> tuple[list[Level], list[Level]]:
    """Return (asks, bids) of what one venue displays; of the same book the same lists, for many orders."""
    known = _known_sides.get(id(shown))
    if known is not None and known[0] is shown:
        return known[1], known[2]
    asks = levels(shown.ask_prices, shown.ask_sizes, descending=False)
    bids = levels(shown.bid_prices, shown.bid_sizes, descending=True)
    if len(_known_sides) >= KNOWN_SIDES_MAX:
        _known_sides.clear()
    _known_sides[id(shown)] = shown, asks, bids
    return asks, bids


@functools.lru_cache(maxsize=KNOWN_FEES_MAX)
def _fees(add_fee: Decimal, remove_fee: Decimal) -> tuple[int, int]:
    """Return a plausible venue's fees (add, remove) in micros."""
    return micros(add_fee), micros(remove_fee)


def _implausible_fee(venue: Venue) -> str:
    """Return why a venue's fees cannot be meant, empty when they can. NaN is none either."""
    for name, fee in (("add", venue.add_fee), ("remove", venue.remove_fee)):
        if not (fee.is_finite() and -FEE_MAX <= fee <= FEE_MAX):
            return f"its {name} fee of {fee} a share is beyond {FEE_MAX:f}"
    return ""


def _consumed(side: list[Level], gone: int) -> list[Level]:
    """Return a side after `gone` shares were taken from its best end."""
    kept: list[Level] = []
    for price, size in side:
        taken = min(gone, size)
        gone -= taken
        if size > taken:
            kept.append((price, size - taken))
    return kept


class Board:
    """What a strategy places an order on.

    ranked: lit venues in the running, after scoring best first. dark: dark venues in the running. touch: the
    best displayed price on the far side, near_touch on the order's own side. limit: the worst price that may
    be taken, on the tick grid; None for a market order without a touch. mid2: twice the mid, None without
    both sides.
    """

    __slots__ = (
        "book",
        "dark",
        "limit",
        "market",
        "minimum",
        "near_touch",
        "passed",
        "profile",
        "ranked",
        "request",
        "ticks",
        "touch",
    )

    def __init__(self, request: Request, market: Market, profile: Profile, *, fresh: bool) -> None:
        self.request, self.market, self.profile = request, market, profile
        self.book: Mapping[str, DisplayedBook] = (market.book or {}) if fresh else {}
        self.ticks = request.ticks
        # Never more than what is left of the order, which then goes whole.
        self.minimum = min(request.min_quantity, request.quantity)
        self.passed: list[tuple[str, str]] = []
        self.ranked: list[Candidate] = []
        self.dark: list[Candidate] = []
        rejected: list[tuple[Venue, Visit]] = []
        visits = {visit.venue_id: visit for visit in request.visits}
        for venue in market.venues:
            visit = visits.get(venue.venue_id, NO_VISIT)
            reason = self._why_not(venue, fresh=fresh)
            if reason:
                self.passed.append((venue.venue_id, reason))
            elif visit.rejected:
                rejected.append((venue, visit))
            else:
                self._enter(venue, visit)
        self._second_chance(rejected)
        tops = [candidate.far[0][0] for candidate in self.ranked if candidate.far]
        near = [candidate.near[0][0] for candidate in self.ranked if candidate.near]
        buy = request.buy
        self.touch = None if not tops else min(tops) if buy else max(tops)
        self.near_touch = None if not near else max(near) if buy else min(near)
        self.limit = self._limit()
        if self.limit is not None:
            for candidate in self.ranked:
                candidate.keep_within(self.limit, buy=buy)

    def _why_not(self, venue: Venue, *, fresh: bool) -> str:
        if not venue.active:
            return "inactive"
        if venue.venue_id in self.request.avoid:
            return "avoided by instruction"
        closed = self.market.closed.get(venue.venue_id)
        if closed:
            return closed
        implausible = _implausible_fee(venue)
        if implausible or not venue.lit or venue.venue_id in self.book:
            return implausible
        age_us = self.market.quote_age_us
        if fresh or age_us >= AGE_UNKNOWN_US:
            return "no quote"
        return f"quote {age_us // MICROS}.{age_us // 100_000 % 10} s old"

    def _enter(self, venue: Venue, visit: Visit) -> None:
        if not venue.lit:
            self.dark.append(Candidate(venue, [], [], visit, self.minimum))
            return
        shown, buy = self.book[venue.venue_id], self.request.buy
        asks, bids = _sides(shown)
        far, near = (asks, bids) if buy else (bids, asks)
        gone = self.market.taken.get(venue.venue_id, 0) if self.market.taken else 0
        if visit.sent and not visit.in_book:
            # The book is older than what this order took there, or tried to: that is gone either way. What it
            # tried to take of the displayed is in `taken`, unless that was forgotten.
            gone = max(gone or visit.sent, visit.filled)
        far = _consumed(far, gone) if gone else far
        self.ranked.append(Candidate(venue, far, near, visit, self.minimum))

    def _second_chance(self, rejected: list[tuple[Venue, Visit]]) -> None:
        """Leave out venues that rejected this order, unless nobody else is in the running."""
        nobody_else = not self.ranked
        for venue, visit in rejected:
            if nobody_else:
                self._enter(venue, visit)
            else:
                self.passed.append((venue.venue_id, "rejected this order before"))

    def _limit(self) -> int | None:
        ticks = self.ticks
        wanted = self.request.limit_micros
        if wanted is not None:
            return ticks.floor(wanted) if self.request.buy else ticks.ceiling(wanted)
        if self.touch is None:
            return None
        collar_bps = self.profile.market_collar_bps
        if self.request.buy:
            return ticks.floor(self.touch * (BPS + collar_bps) // BPS)
        return ticks.ceiling(-(-self.touch * (BPS - collar_bps) // BPS))

    @property
    def tick(self) -> int:
        """The tick at the price that the order meets, or at its limit."""
        price = self.limit if self.touch is None else self.touch
        return self.ticks.at(MICROS if price is None else price)

    @property
    def immediate(self) -> bool:
        """Whether the order may not rest: what is not taken now is not placed."""
        return self.request.limit_micros is None or not self.may_wait

    @property
    def may_wait(self) -> bool:
        """Whether the order's time in force lets it wait for a trade."""
        return self.request.time_in_force in (TimeInForce.DAY, TimeInForce.GTC)

    @property
    def mid2(self) -> int | None:
        """Twice the mid of the displayed touch in micros; None without both sides."""
        return None if self.touch is None or self.near_touch is None else self.touch + self.near_touch

    @property
    def spread(self) -> int:
        """The displayed spread; 0 when a side is missing or the book is locked or crossed."""
        if self.touch is None or self.near_touch is None:
            return 0
        return max(0, self.touch - self.near_touch if self.request.buy else self.near_touch - self.touch)

    def better(self, price: int, other: int) -> bool:
        """Return whether `price` is better to take at than `other`."""
        return price < other if self.request.buy else price > other

    def inside(self, price: int, limit: int) -> bool:
        """Return whether `price` is at or inside a limit."""
        return price <= limit if self.request.buy else price >= limit

    def prices(self) -> list[int]:
        """Return every price that may be taken, best first."""
        found = {price for candidate in self.ranked for price, _ in candidate.within}
        return sorted(found, reverse=not self.request.buy)

    def stats(self, venue_id: str) -> VenueStats | None:
        """Return a venue's measurements, None while they stand on too few orders."""
        found = self.market.stats.get(venue_id)
        return None if found is None or found.orders < self.profile.stats_orders_min else found

    def outcomes(self, *, placed: bool) -> tuple[VenueOutcome, ...]:
        """Return every venue's outcome: those in the running first, then those passed over."""
        running = [candidate.outcome(placed=placed) for candidate in (*self.ranked, *self.dark)]
        return (*running, *[VenueOutcome(venue_id, reason) for venue_id, reason in self.passed])

    def scores(self) -> tuple[tuple[str, int], ...]:
        """Return the score of each lit venue in the running, best first."""
        return tuple([(candidate.venue.venue_id, candidate.score) for candidate in self.ranked])

    def nothing(self, reason: str, stage: str = "", *, no_data: bool = False) -> Decision:
        """Return a decision without legs; a candidate that has no reason of its own gets the decision's."""

        def account() -> Account:
            for candidate in (*self.ranked, *self.dark):
                candidate.reason = candidate.reason or reason
            summary = f"{describe(self.request)}: nothing placed, {reason}."
            return Account(self.outcomes(placed=False), summary)

        return Decision(
            reason=reason,
            strategy=self.profile.strategy.value,
            stage=stage,
            no_data=no_data,
            takes={},
            scores=self.scores(),
            account=account,
        )

    def why_nothing_displayed(self) -> str:
        """Return the reason of a venue that has nothing to take."""
        if self.limit is None:
            return f"displays no {'offers' if self.request.buy else 'bids'}"
        word = "limit" if self.request.limit_micros is not None else "collar"
        return f"displays nothing at or inside the {word} {price_text(self.limit)}"


def describe(request: Request) -> str:
    """Return an order in a trader's words."""
    price = "market" if request.limit_micros is None else f"limit {price_text(request.limit_micros)}"
    side = "Buy" if request.buy else "Sell"
    return f"{side} {request.quantity} {request.symbol} {price} {request.time_in_force.name}"


def hidden_size(displayed: int, stats: VenueStats | None) -> int:
    """Return the shares expected beyond the displayed ones, from what our own fills found there."""
    return 0 if stats is None else displayed * stats.hidden_ppm // PPM
