"""The market as one decision sees it: venues in the running, those passed over and why, touch, limit, mid.

The law of this file: a venue is either a candidate or has a reason. Whether an order may be sent to a venue
and whether its quote is protected are two questions: a quote that is displayed counts in the touch and the
mid, and is not traded through, whoever may not be used. Only a venue that cannot be reached, because it is
closed or refused this order, is passed by (SEC Rule 611(b)(1)). Prices are whole micros.
"""

import functools
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from oms_platform.order_types import BOOKED
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
from sor_engine.domain.sweeping import protected_quote

# A fee or rebate beyond ten times what SEC Rule 610(c) ever let a venue ask (30 mils) is taken for a mistake.
FEE_MAX: Final = Decimal("0.030000")
# At one price the lowest fee goes first: what a venue without fees costs must not be guessed.
NO_FEE_SCHEDULE: Final = "no fee schedule"
KNOWN_FEES_MAX: Final = 1_000
# Displayed books, each with its levels: those of a few hundred symbols' latest quotes.
KNOWN_SIDES_MAX: Final = 2_000
# A score's term is kept in steps of 1/10,000.
VALUE_STEPS: Final = 10_000
VALUE_STEP: Final = MICRO * 100
NO_VISIT: Final = Visit(venue_id="", children=0, sent=0, filled=0)
Level = tuple[int, int]
_known_sides: Final[dict[int, tuple[DisplayedBook, list[Level], list[Level]]]] = {}


class Standing(NamedTuple):
    """What a venue displays that is not in the running.

    passed_by: it cannot be reached, so that nothing is owed.
    """

    venue_id: str
    far: list[Level]
    near: list[Level]
    lot_size: int
    minimum: int
    passed_by: bool


class Candidate:
    """A venue in the running while its decision is being made. Levels are (price, size), best first.

    far: what an incoming order would meet; near: what rests on the order's own side. within: the far levels
    at or inside the limit. protected: the quote that the venue displays first, whatever the order's own
    minimum is. takes, rests: shares that the plan gives it so far; notional: micros of what it
    takes. minimum: the smallest leg that the venue, or the order, allows there. terms: (name, value in
    1/10,000, weight, contribution) of the score. shown: what was marketable as it was scored. no_rest: why
    the order cannot rest there, empty when it can. most: the shares that a limit of the venue lets one order
    there have, None for any; bound: that limit, in words.
    """

    __slots__ = (
        "add_fee",
        "all_in",
        "allocated",
        "bound",
        "far",
        "fee",
        "hidden",
        "marketable",
        "minimum",
        "most",
        "near",
        "next_level",
        "no_rest",
        "notional",
        "protected",
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
        self.protected = protected_quote(far, venue.lot_size, venue.min_quantity)
        self.within: list[Level] = []
        self.reason = self.no_rest = self.bound = ""
        self.most: int | None = None
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
        if self.most is not None and self.most < self.marketable:
            self.within = first_of(self.within, self.most)

    def falls_short(self, quantity: int) -> bool:
        """Return whether an order of so many shares cannot take what it owes the venue's protected quote."""
        if self.protected is None:
            return False
        owed = min(self.protected[1], quantity)
        return not self.in_lots(owed) or (self.most is not None and self.most < owed)

    def give_back(self) -> None:
        """Forget what was taken."""
        self.takes = self.worst = self.notional = self.next_level = self.taken_here = 0

    def next_price(self) -> int | None:
        """Return the best price of which something is left: of the first quote anything, then whole lots."""
        first = self.protected
        if first is None or self.takes < first[1]:
            return None if first is None else first[0]
        shown = 0
        for price, size in self.far:
            shown += size
            if shown - self.takes >= self.venue.lot_size:
                return price
        return None

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
        """Return the most of `quantity` that this venue's lot, the minimum size and its limit allow."""
        if self.most is not None:
            quantity = min(quantity, self.most)
        whole = quantity - quantity % self.venue.lot_size
        return whole if whole >= self.minimum else 0

    def room_to_rest(self, quantity: int, *, joins: bool) -> int:
        """Return how much of `quantity` may rest here. joins: in one order with what is taken.

        A limit of the venue is of all that is sent there at once.
        """
        if self.no_rest:
            return 0
        held = self.takes if joins or self.most is not None else 0
        return max(0, self.in_lots(held + quantity) - held)

    def outcome(self, *, placed: bool) -> VenueOutcome:
        """Return what is shown of this venue, in dollars. placed: the decision has legs."""
        reason = f"{self.reason}; {self.bound}" if self.bound else self.reason
        found = VenueOutcome(self.venue.venue_id, reason, self.allocated > 0, allocated=self.allocated)
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
def _fees(add_fee: Decimal | None, remove_fee: Decimal | None) -> tuple[int, int]:
    """Return a plausible venue's fees (add, remove) in micros."""
    if add_fee is None or remove_fee is None:
        raise ValueError("a venue without a fee schedule must not be in the running")
    return micros(add_fee), micros(remove_fee)


def _implausible_fee(venue: Venue) -> str:
    """Return why a venue's fees cannot be meant, empty when they can. NaN is none either."""
    for name, fee in (("add", venue.add_fee), ("remove", venue.remove_fee)):
        if fee is None:
            return NO_FEE_SCHEDULE
        if not (fee.is_finite() and -FEE_MAX <= fee <= FEE_MAX):
            return f"its {name} fee of {fee} a share is beyond {FEE_MAX:f}"
    return ""


def first_of(side: list[Level], most: int) -> list[Level]:
    """Return a side as far as its first `most` shares."""
    kept: list[Level] = []
    for price, size in side:
        if most <= 0:
            break
        kept.append((price, min(size, most)))
        most -= size
    return kept


def consumed(side: list[Level], gone: int) -> list[Level]:
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

    ranked: lit venues in the running, after scoring best first. dark: dark venues in the running. standing:
    lit venues that display something and are not in the running. touch: the best displayed price of anybody
    on the far side, near_touch on the order's own side. limit: the worst price that the order allows, on the
    tick grid; None for a market order of which nobody knows what it is worth. reach: the worst price that may
    be taken, which no protected quote is better than that this order cannot take. mid2: twice the mid, None
    without both sides.
    """

    __slots__ = (
        "_displayed_first",
        "_standing",
        "book",
        "dark",
        "limit",
        "market",
        "minimum",
        "near_touch",
        "passed",
        "profile",
        "ranked",
        "reach",
        "request",
        "standing",
        "ticks",
        "touch",
    )

    def __init__(self, request: Request, market: Market, profile: Profile, *, fresh: bool) -> None:
        self.request, self.market, self.profile = request, market, profile
        self.book: Mapping[str, DisplayedBook] = (market.book or {}) if fresh else {}
        if market.silent_us:
            # What a venue's feed says no more, may have changed: it is no quote.
            self.book = {name: shown for name, shown in self.book.items() if not self._is_silent(name)}
        self.ticks = request.ticks
        # Never more than what is left of the order, which then goes whole.
        self.minimum = min(request.min_quantity, request.quantity)
        self.passed: list[tuple[str, str]] = []
        self.ranked: list[Candidate] = []
        self.dark: list[Candidate] = []
        self.standing: list[Standing] = []
        # (price, venue) of what each displays first on the far side.
        self._displayed_first: list[tuple[int, str]] = []
        rejected: list[tuple[Venue, Visit]] = []
        visits = {visit.venue_id: visit for visit in request.visits}
        for venue in market.venues:
            visit = visits.get(venue.venue_id, NO_VISIT)
            reason = self._why_not(venue, fresh=fresh)
            if reason:
                self._pass_over(venue, visit, reason, passed_by=venue.venue_id in market.closed)
            elif visit.rejected:
                rejected.append((venue, visit))
            else:
                self._enter(venue, visit)
        self._second_chance(rejected)
        self._note_strangers(visits)
        self._standing = self._standing_quote() if market.order_protection else None
        buy = request.buy
        shown: tuple[Candidate | Standing, ...] = (*self.ranked, *self.standing)
        tops = [one.far[0][0] for one in shown if one.far]
        near = [one.near[0][0] for one in shown if one.near]
        self.touch = None if not tops else min(tops) if buy else max(tops)
        self.near_touch = None if not near else max(near) if buy else min(near)
        self.limit = self.reach = self._limit()
        if request.bounds:
            self._bind()
        if self.limit is not None:
            self.restrict(self._owed() or self.limit)

    def _why_not(self, venue: Venue, *, fresh: bool) -> str:
        if not venue.active:
            return "inactive"
        if venue.venue_id in self.request.avoid:
            return "avoided by instruction"
        stopped = self.request.stopped.get(venue.venue_id)
        if stopped:
            return stopped
        bound = self.request.bounds.get(venue.venue_id)
        if bound is not None and bound.barred:
            return bound.barred
        closed = self.market.closed.get(venue.venue_id)
        if closed:
            return closed
        implausible = _implausible_fee(venue)
        if implausible or not venue.lit or venue.venue_id in self.book:
            return implausible
        age_us = self.market.quote_age_us + self.market.silent_us.get(venue.venue_id, 0)
        if (fresh and not self._is_silent(venue.venue_id)) or age_us >= AGE_UNKNOWN_US:
            return "no quote"
        return f"quote {age_us // MICROS}.{age_us // 100_000 % 10} s old"

    def _bind(self) -> None:
        """Hold each venue in the running to what a limit lets one order there have."""
        for candidate in (*self.ranked, *self.dark):
            bound = self.request.bounds.get(candidate.venue.venue_id)
            if bound is not None:
                candidate.most, candidate.bound = bound.shares_at(self._dearest), bound.words

    @property
    def _dearest(self) -> int | None:
        """The highest limit that an order to a venue can have: its own, or above it what a sale rests at."""
        if self.limit is None or self.request.buy:
            return self.limit
        dearest = max(self.limit, self.touch or 0, self.near_touch or 0)
        return dearest + self.ticks.at(dearest)

    def _is_silent(self, venue_id: str) -> bool:
        """Say whether a venue's feed has been silent for too long, while the quote itself is fresh."""
        silent_us = self.market.silent_us.get(venue_id, 0)
        return bool(silent_us) and self.market.quote_age_us + silent_us > self.market.quote_age_us_max

    def _enter(self, venue: Venue, visit: Visit) -> None:
        far, near = self._shown(venue.venue_id, visit) if venue.lit else ([], [])
        candidate = Candidate(venue, far, near, visit, self.minimum)
        candidate.no_rest = self._why_no_rest(venue)
        (self.ranked if venue.lit else self.dark).append(candidate)

    def _why_no_rest(self, venue: Venue) -> str:
        """Return why the order cannot rest at a venue: it would show, or could take, what it must not."""
        if self.request.post_only and not venue.post_only_orders:
            return "takes no post-only orders"
        request = self.request
        if not request.display_quantity or (not venue.lit and venue.midpoint_orders):
            return ""
        if not venue.reserve_orders:
            return "takes no orders that show a part of themselves"
        return "" if self.places_max else "the order shows as much elsewhere as it may"

    @property
    def places_max(self) -> int:
        """In how many queues the order may rest: each of its parts shows a round lot."""
        request = self.request
        if not request.display_quantity:
            return len(self.ranked)
        return max(0, request.display_quantity // request.round_lot)

    def _pass_over(self, venue: Venue, visit: Visit, reason: str, *, passed_by: bool) -> None:
        """Leave a venue out of the running. What it displays stands."""
        self.passed.append((venue.venue_id, reason))
        if venue.lit and venue.venue_id in self.book:
            far, near = self._shown(venue.venue_id, visit)
            self.standing.append(
                Standing(venue.venue_id, far, near, venue.lot_size, venue.min_quantity, passed_by)
            )

    def _note_strangers(self, visits: Mapping[str, Visit]) -> None:
        """Note what venues display that the reference does not know: it is as protected as anybody's."""
        known = {venue.venue_id for venue in self.market.venues}
        for venue_id in self.book:
            if venue_id not in known:
                far, near = self._shown(venue_id, visits.get(venue_id, NO_VISIT))
                self.standing.append(Standing(venue_id, far, near, 1, 1, passed_by=False))

    def _shown(self, venue_id: str, visit: Visit) -> tuple[list[Level], list[Level]]:
        """Return what a venue displays on the far and on the near side, without what we have taken."""
        asks, bids = _sides(self.book[venue_id])
        far, near = (asks, bids) if self.request.buy else (bids, asks)
        if far:
            self._displayed_first.append((far[0][0], venue_id))
        if self.request.post_only:
            # What it must not take is there until a quote shows that it is gone.
            return far, near
        gone = self.market.taken.get(venue_id, 0) if self.market.taken else 0
        if visit.sent and not visit.in_book:
            # The book is older than what this order took there, or tried to: that is gone either way. What it
            # tried to take of the displayed is in `taken`, unless that was forgotten.
            gone = max(gone or visit.sent, visit.filled)
        return consumed(far, gone) if gone else far, near

    def _standing_quote(self) -> int | None:
        """Return the best protected quote of a venue that is not in the running."""
        return self._best(
            [
                first[0]
                for one in self.standing
                if not one.passed_by
                and (first := protected_quote(one.far, one.lot_size, one.minimum)) is not None
            ]
        )

    def _owed(self) -> int | None:
        """Return the best protected quote that this order cannot take as it owes it, None for none."""
        if not self.market.order_protection:
            return None
        quantity = self.request.quantity
        found = [] if self._standing is None else [self._standing]
        for candidate in self.ranked:
            if candidate.protected is not None and candidate.falls_short(quantity):
                found.append(candidate.protected[0])
        return self._best(found)

    def _best(self, prices: Sequence[int]) -> int | None:
        return None if not prices else min(prices) if self.request.buy else max(prices)

    def restrict(self, price: int) -> None:
        """Let nothing beyond a price be taken, and forget what was."""
        if self.reach is None or self.better(price, self.reach):
            self.reach = price
        for candidate in self.ranked:
            candidate.give_back()
            candidate.keep_within(self.reach, buy=self.request.buy)

    def traded_through(self) -> int | None:
        """Return the best protected quote that is left in part while something worse is taken."""
        taken = [candidate.worst for candidate in self.ranked if candidate.takes]
        if not taken:
            return None
        worst = max(taken) if self.request.buy else min(taken)
        return self._best(
            [
                first[0]
                for candidate in self.ranked
                if (first := candidate.protected) is not None
                and candidate.takes < first[1]
                and self.better(first[0], worst)
            ]
        )

    def next_price(self) -> int | None:
        """Return the best displayed price of which something is left after what is taken."""
        found = [price for c in self.ranked if (price := c.next_price()) is not None]
        return self._best(found if self._standing is None else [*found, self._standing])

    def others_quote(self, candidate: Candidate) -> int | None:
        """Return the best protected quote of anybody but this venue."""
        found = [
            first[0]
            for other in self.ranked
            if other is not candidate and (first := other.protected) is not None
        ]
        return self._best(found if self._standing is None else [*found, self._standing])

    def cap_of(self, candidate: Candidate, limit: int) -> int:
        """Return the worst price at which a venue may be taken alone: a limit, or another's quote."""
        quote = self.others_quote(candidate)
        return quote if quote is not None and self.better(quote, limit) else limit

    def on_grid(self, price: int) -> int:
        """Return the next price on the tick grid that reaches no further."""
        return price // self.tick * self.tick if self.request.buy else -(-price // self.tick) * self.tick

    def rest_limit(self) -> int:
        """Return the price to rest at: the limit, or a tick short of a protected quote that is left.

        An order that rests at such a quote's price would lock the market (SEC Rule 610(e)). One that is
        post-only rests short of everything that is displayed.
        """
        limit, bound = self.limit or 0, self.touch if self.request.post_only else self.next_price()
        if bound is None or not self.inside(bound, limit):
            return limit
        tick = self.tick
        short: int = (bound - 1) // tick * tick if self.request.buy else (bound // tick + 1) * tick
        return short

    def goes_past(self, venue_id: str, limit: int) -> bool:
        """Return whether a limit goes past what another venue displays first, taken by us or not."""
        for price, other in self._displayed_first:
            if (price < limit if self.request.buy else price > limit) and other != venue_id:
                return True
        return False

    def _second_chance(self, rejected: list[tuple[Venue, Visit]]) -> None:
        """Leave out venues that rejected this order, unless nobody else is in the running."""
        nobody_else = not self.ranked
        for venue, visit in rejected:
            if nobody_else:
                self._enter(venue, visit)
            else:
                self._pass_over(venue, visit, "rejected this order before", passed_by=True)

    def _limit(self) -> int | None:
        ticks = self.ticks
        wanted = self.request.limit_micros
        if wanted is not None:
            return ticks.floor(wanted) if self.request.buy else ticks.ceiling(wanted)
        # A quote far away from everybody's must not say how far an order may go.
        middles2 = [self.mid2]
        if (reference := self.request.reference_micros) is not None:
            # Before an opening, quotes are of nobody who wants to trade at them.
            middles2.insert(0 if self.request.time_in_force is TimeInForce.OPG else 1, 2 * reference)
        middle2 = next((one for one in middles2 if one is not None), None)
        if middle2 is None:
            return None
        collar_bps = self.profile.market_collar_bps
        if self.request.buy:
            return ticks.floor(middle2 * (BPS + collar_bps) // (2 * BPS))
        return ticks.ceiling(-(-middle2 * (BPS - collar_bps) // (2 * BPS)))

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
        return self.request.time_in_force in BOOKED

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
        if self.limit is None and self.touch is not None:
            return "there is no middle and no reference price to hold a market order to"
        if self.limit is None or self.reach is None:
            return f"displays no {'offers' if self.request.buy else 'bids'}"
        word = "limit" if self.request.limit_micros is not None else "collar"
        if self.reach != self.limit:
            word = "protected quote"
        return f"displays nothing at or inside the {word} {price_text(self.reach)}"


def describe(request: Request) -> str:
    """Return an order in a trader's words."""
    price = "market" if request.limit_micros is None else f"limit {price_text(request.limit_micros)}"
    side = "Buy" if request.buy else "Sell short" if request.short else "Sell"
    return f"{side} {request.quantity} {request.symbol} {price} {request.time_in_force.name}"


def hidden_size(displayed: int, stats: VenueStats | None) -> int:
    """Return the shares expected beyond the displayed ones, from what our own fills found there."""
    return 0 if stats is None else displayed * stats.hidden_ppm // PPM
