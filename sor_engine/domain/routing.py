"""One routing decision: which venues get how much of an order, at what price, and why.

The law of this file: the same inputs give the same decision. Prices are integers of a millionth of a dollar
inside, so that every sum that the explanation prints reconciles to the last digit: contribution = weight *
value rounded to six digits, and score = the sum of the contributions, exactly.
"""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NamedTuple, Protocol

MICROS: Final = 1_000_000
_MICRO: Final = Decimal("0.000001")
# Terms have four digits: with weights of two, weight * value is exact in six.
_VALUE_STEPS: Final = 10_000
_VALUE_STEP: Final = Decimal("0.0001")
_BPS: Final = 10_000
# SEC Rule 610(c): 30 mils is the most that a venue may ask to access a quote. The cost term runs from that
# fee (0) to a rebate of the same size (1).
ACCESS_FEE_CAP_MICROS: Final = 3_000
# The price term spans the spread, so that a tick tells venues apart, and at most this much of the price.
PRICE_BAND_BPS_MAX: Final = 100
# A quote age at or above this is that of a symbol that was never quoted.
AGE_UNKNOWN_US: Final = 2**31 - 1
DARK_REASON: Final = "displays nothing; dark routing needs a staged profile"
NOT_NEEDED: Final = "not needed: filled at better prices or by better-scored venues"


class Tif(enum.Enum):
    """Time in force, FIX tag 59."""

    DAY = "DAY"
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be placed. limit_price None: a market order. Quantity in shares, prices in dollars."""

    symbol: str
    buy: bool
    quantity: int
    tif: Tif
    limit_price: Decimal | None
    tick: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Venue:
    """A destination. Fees in dollars a share; a rebate is negative."""

    venue_id: str
    lit: bool
    active: bool
    latency_us: int
    add_fee: Decimal
    remove_fee: Decimal


class InvalidProfileError(ValueError):
    """A routing profile cannot be used; the message says what was expected and found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How venues are weighed and how far a market order may reach.

    Weights have at most six digits. `fill_rates` holds the share that a venue filled of what it
    displayed.
    """

    name: str
    version: int
    price: Decimal
    liquidity: Decimal
    fill_rate: Decimal
    cost: Decimal
    fill_rates: Mapping[str, Decimal] = field(default_factory=dict)
    fill_rate_prior: Decimal = Decimal("0.9")
    aggression_bps: int = 10
    market_collar_bps: int = 100

    def __post_init__(self) -> None:
        for name, weight in (
            ("price", self.price),
            ("liquidity", self.liquidity),
            ("fill_rate", self.fill_rate),
            ("cost", self.cost),
        ):
            if not (0 <= weight <= 1 and weight == weight.quantize(_MICRO)):
                raise InvalidProfileError(
                    f"weight {name} must be 0 to 1 with at most six digits, was {weight}"
                )
        if not 0 <= self.aggression_bps <= self.market_collar_bps < _BPS:
            raise InvalidProfileError(
                "expected 0 <= aggression_bps <= market_collar_bps < 10000,"
                f" found {self.aggression_bps} and {self.market_collar_bps}"
            )
        for venue_id, rate in (*self.fill_rates.items(), ("prior", self.fill_rate_prior)):
            if not 0 <= rate <= 1:
                raise InvalidProfileError(f"fill rate of {venue_id} must be 0 to 1, was {rate}")


class DisplayedBook(Protocol):
    """What one venue displays, best level first; prices and sizes run in parallel."""

    @property
    def bid_prices(self) -> tuple[Decimal, ...]: ...
    @property
    def bid_sizes(self) -> tuple[int, ...]: ...
    @property
    def ask_prices(self) -> tuple[Decimal, ...]: ...
    @property
    def ask_sizes(self) -> tuple[int, ...]: ...


class Term(NamedTuple):
    """One term of a score: contribution = weight * value."""

    name: str
    value: Decimal
    weight: Decimal
    contribution: Decimal


class Leg(NamedTuple):
    """One line of the plan; at most one a venue."""

    venue_id: str
    quantity: int
    limit_price: Decimal
    tif: Tif


@dataclass(slots=True)
class VenueOutcome:
    """A venue as the decision saw it, and the reason it was chosen or passed over."""

    venue_id: str
    reason: str
    chosen: bool = False
    marketable_size: int = 0
    fee_per_share: Decimal = Decimal(0)
    all_in_price: Decimal | None = None
    terms: tuple[Term, ...] = ()
    score: Decimal = Decimal(0)
    allocated: int = 0


class Decision(NamedTuple):
    """The plan and its explanation. No legs: `reason` is `CODE: key=value`."""

    legs: tuple[Leg, ...]
    reason: str
    venues: tuple[VenueOutcome, ...]
    summary: str


class _Candidate:
    """A lit, active, quoted venue while its decision is being made. Prices in micros, levels best first."""

    __slots__ = (
        "all_in",
        "far",
        "fee",
        "marketable",
        "next_level",
        "outcome",
        "rests",
        "score",
        "takes",
        "venue",
        "within",
        "worst",
    )

    def __init__(self, venue: Venue, far: list[tuple[int, int]]) -> None:
        self.venue = venue
        self.far = far
        self.within: list[tuple[int, int]] = []
        self.outcome = VenueOutcome(venue.venue_id, "")
        self.all_in: int | None = None
        self.marketable = self.fee = self.score = self.takes = self.rests = self.worst = self.next_level = 0

    def keep_within(self, limit: int, *, buy: bool) -> None:
        """Note which levels are at or inside the limit."""
        if buy:
            self.within = [level for level in self.far if level[0] <= limit]
        else:
            self.within = [level for level in self.far if level[0] >= limit]
        self.marketable = sum([size for _, size in self.within])

    def take(self, wanted: int) -> int:
        """Walk the levels until `wanted` is covered. Returns how much is displayed of it."""
        left = wanted
        for price, size in self.within:
            if left <= 0:
                break
            self.worst = price
            left -= size
        self.takes = min(wanted, self.marketable)
        return self.takes

    def take_at(self, price: int, wanted: int) -> int:
        """Take up to `wanted` of what is displayed at this price, the next one. Returns how much that is."""
        taken = 0
        for shown_at, size in self.within[self.next_level :]:
            if shown_at != price or taken == wanted:
                break
            taken += min(wanted - taken, size)
            self.next_level += 1
        if taken:
            self.worst = price
            self.takes += taken
        return taken

    def publish_inputs(self) -> None:
        """Write the inputs of the score into the outcome, in dollars."""
        outcome = self.outcome
        outcome.score = self.score * _MICRO
        outcome.fee_per_share = self.fee * _MICRO
        outcome.all_in_price = None if self.all_in is None else self.all_in * _MICRO
        outcome.marketable_size = self.marketable


def _micros(value: Decimal) -> int:
    return int(value * MICROS)


def _text(micros: int) -> str:
    """Return a price with at least two digits after the point, as traders write it."""
    whole, part = divmod(micros, MICROS)
    return f"{whole}.{f'{part:06d}'.rstrip('0').ljust(2, '0')}"


def _levels(prices: Sequence[Decimal], sizes: Sequence[int], *, buy: bool) -> list[tuple[int, int]]:
    """Return the levels of one side best first, leaving out prices and sizes that are not above 0."""
    pairs = zip(prices, sizes, strict=False)
    levels = [(micros, size) for price, size in pairs if size > 0 and (micros := _micros(price)) > 0]
    levels.sort(reverse=not buy)
    return levels


def decide(
    request: Request,
    book: Mapping[str, DisplayedBook] | None,
    venues: Sequence[Venue],
    profile: Profile,
    *,
    quote_age_us: int,
    quote_age_us_max: int,
) -> Decision:
    """Decide where an order goes. `book` is what each venue displays, None when nobody quotes the symbol.

    Returns a decision that gives every venue a reason. It never raises for a strange market: a book that is
    missing, stale, one-sided, locked or crossed has its defined outcome.
    """
    fresh = book is not None and quote_age_us <= quote_age_us_max
    board = _Board(request, profile, venues, book if fresh else None, quote_age_us)
    if book is None:
        return board.nothing(f"NO_QUOTE: symbol={request.symbol}")
    if not fresh:
        return board.nothing(
            f"STALE_QUOTE: age_ms={quote_age_us // 1000}, age_ms_max={quote_age_us_max // 1000}"
        )
    if not board.ranked:
        return board.nothing(f"NO_VENUE: symbol={request.symbol}, quoted=0")
    if board.limit is not None and board.limit <= 0:
        return board.nothing(f"PRICE_BELOW_TICK: limit={request.limit_price}, tick={request.tick}")
    _score(board)
    board.ranked.sort(key=lambda c: (-c.score, c.venue.latency_us, c.venue.venue_id))
    return _place_whole(board) if request.tif is Tif.FOK else _place_split(board)


class _Board:
    """The market as one decision sees it: venues in the running, venues passed over, touch and limit.

    touch: the best price displayed on the far side. limit: the worst price that may be taken, on the tick
    grid; None for a market order without a touch. Both in micros.
    """

    __slots__ = ("book", "limit", "passed", "profile", "ranked", "request", "tick", "touch")

    def __init__(
        self,
        request: Request,
        profile: Profile,
        venues: Sequence[Venue],
        book: Mapping[str, DisplayedBook] | None,
        quote_age_us: int,
    ) -> None:
        self.request = request
        self.profile = profile
        self.book = book or {}
        self.tick = _micros(request.tick)
        self.passed: list[VenueOutcome] = []
        self.ranked: list[_Candidate] = []
        for venue in venues:
            displayed = self.book.get(venue.venue_id)
            reason = _why_not(venue, displayed, quote_age_us if book is None else None)
            if reason or displayed is None:
                self.passed.append(VenueOutcome(venue.venue_id, reason))
                continue
            prices = displayed.ask_prices if request.buy else displayed.bid_prices
            sizes = displayed.ask_sizes if request.buy else displayed.bid_sizes
            self.ranked.append(_Candidate(venue, _levels(prices, sizes, buy=request.buy)))
        tops = [candidate.far[0][0] for candidate in self.ranked if candidate.far]
        self.touch = None if not tops else min(tops) if request.buy else max(tops)
        self.limit = self._limit()
        if self.limit is not None:
            for candidate in self.ranked:
                candidate.keep_within(self.limit, buy=request.buy)

    def _limit(self) -> int | None:
        tick = self.tick
        if self.request.limit_price is not None:
            wanted = _micros(self.request.limit_price)
            return wanted // tick * tick if self.request.buy else -(-wanted // tick) * tick
        if self.touch is None:
            return None
        collar_bps = self.profile.market_collar_bps
        if self.request.buy:
            return self.touch * (_BPS + collar_bps) // _BPS // tick * tick
        return -(-self.touch * (_BPS - collar_bps) // (_BPS * tick)) * tick

    def spread(self) -> int:
        """Return the spread; 0 when a side is missing or the book is locked or crossed."""
        near: list[int] = []
        for candidate in self.ranked:
            shown = self.book[candidate.venue.venue_id]
            side = shown.bid_prices if self.request.buy else shown.ask_prices
            if side and (price := _micros(side[0])) > 0:
                near.append(price)
        if self.touch is None or not near:
            return 0
        return max(0, self.touch - max(near) if self.request.buy else min(near) - self.touch)

    def outcomes(self) -> tuple[VenueOutcome, ...]:
        """Return every venue's outcome: ranked venues first, then those passed over."""
        return (*[candidate.outcome for candidate in self.ranked], *self.passed)

    def nothing(self, reason: str) -> Decision:
        """Return a decision without legs; a candidate that has no reason of its own gets the decision's."""
        for candidate in self.ranked:
            candidate.outcome.reason = candidate.outcome.reason or reason
        return Decision((), reason, self.outcomes(), f"{_describe(self.request)}: nothing placed, {reason}.")

    def why_nothing_displayed(self) -> str:
        """Return the reason of a venue that has nothing to take."""
        if self.limit is None:
            return f"displays no {'offers' if self.request.buy else 'bids'}"
        word = "limit" if self.request.limit_price is not None else "collar"
        return f"displays nothing at or inside the {word} {_text(self.limit)}"


def _why_not(venue: Venue, displayed: DisplayedBook | None, age_us: int | None) -> str:
    if not venue.active:
        return "inactive"
    if not venue.lit:
        return DARK_REASON
    if displayed is not None:
        return ""
    if age_us is None or age_us >= AGE_UNKNOWN_US:
        return "no quote"
    return f"quote {age_us // MICROS}.{age_us // 100_000 % 10} s old"


def _clamped(numerator: int, denominator: int) -> int:
    """Return a ratio in steps of 1/10,000, held to 0..1 and rounded half up."""
    steps = (2 * numerator * _VALUE_STEPS + denominator) // (2 * denominator)
    return 0 if steps < 0 else _VALUE_STEPS if steps > _VALUE_STEPS else steps


def _score(board: _Board) -> None:
    """Give each candidate its terms and score.

    When anything can be taken, a venue is judged by its best displayed price and the fee to remove liquidity;
    when nothing can, by the limit at which the order would rest there and the fee to add.
    """
    request, profile, limit = board.request, board.profile, board.limit
    taking = any(candidate.marketable for candidate in board.ranked)
    reference = board.touch if taking or limit is None else limit
    band = max(board.tick, min(board.spread(), (reference or 0) * PRICE_BAND_BPS_MAX // _BPS))
    for candidate in board.ranked:
        candidate.fee = _micros(candidate.venue.remove_fee if taking else candidate.venue.add_fee)
        price = limit if not taking else candidate.far[0][0] if candidate.far else None
        if price is not None:
            candidate.all_in = price + candidate.fee if request.buy else price - candidate.fee
    known = [candidate.all_in for candidate in board.ranked if candidate.all_in is not None]
    best = (min(known) if request.buy else max(known)) if known else 0
    weights = (profile.price, profile.liquidity, profile.fill_rate, profile.cost)
    weights_micros = [_micros(weight) for weight in weights]
    for candidate in board.ranked:
        distance = band if candidate.all_in is None else abs(candidate.all_in - best)
        size = candidate.marketable if taking else sum([size for _, size in candidate.far])
        rate = profile.fill_rates.get(candidate.venue.venue_id, profile.fill_rate_prior)
        values = (
            _clamped(band - distance, band),
            _clamped(size, request.quantity),
            _clamped(_micros(rate), MICROS),
            _clamped(ACCESS_FEE_CAP_MICROS - candidate.fee, 2 * ACCESS_FEE_CAP_MICROS),
        )
        parts = [
            (weight * value + _VALUE_STEPS // 2) // _VALUE_STEPS
            for weight, value in zip(weights_micros, values, strict=True)
        ]
        candidate.score = sum(parts)
        candidate.outcome.terms = (
            Term("price", values[0] * _VALUE_STEP, weights[0], parts[0] * _MICRO),
            Term("liquidity", values[1] * _VALUE_STEP, weights[1], parts[1] * _MICRO),
            Term("fill_rate", values[2] * _VALUE_STEP, weights[2], parts[2] * _MICRO),
            Term("cost", values[3] * _VALUE_STEP, weights[3], parts[3] * _MICRO),
        )
        candidate.publish_inputs()


def _place_whole(board: _Board) -> Decision:
    """Fill or kill: the best-scored venue that displays all of it, or none."""
    quantity = board.request.quantity
    able = next((candidate for candidate in board.ranked if candidate.marketable >= quantity), None)
    for candidate in board.ranked:
        if candidate is able:
            candidate.take(quantity)
        elif candidate.marketable >= quantity:
            candidate.outcome.reason = NOT_NEEDED
        elif candidate.marketable:
            candidate.outcome.reason = (
                f"displays {candidate.marketable}, and fill-or-kill needs {quantity} at one venue"
            )
        else:
            candidate.outcome.reason = board.why_nothing_displayed()
    if able is None:
        largest = max([candidate.marketable for candidate in board.ranked])
        return board.nothing(f"FOK_UNFILLABLE: quantity={quantity}, largest_displayed={largest}")
    return _plan(board, Tif.FOK)


def _place_split(board: _Board) -> Decision:
    """Take what is displayed, price by price, and at each price best score first.

    No better displayed quote is traded through. What is left of a resting order rests at the best-scored
    venue.
    """
    request = board.request
    left = request.quantity
    prices = {price for candidate in board.ranked for price, _ in candidate.within}
    for price in sorted(prices, reverse=not request.buy):
        for candidate in board.ranked:
            left -= candidate.take_at(price, left)
        if left == 0:
            break
    for candidate in board.ranked:
        if not candidate.marketable:
            candidate.outcome.reason = board.why_nothing_displayed()
        elif not candidate.takes:
            candidate.outcome.reason = NOT_NEEDED
    immediate = request.limit_price is None or request.tif is Tif.IOC
    if left and not immediate:
        board.ranked[0].rests = left
    elif left == request.quantity:
        best = "none" if board.touch is None else _text(board.touch)
        limit = "none" if request.limit_price is None else str(request.limit_price)
        code = "NO_LIQUIDITY" if request.limit_price is None or board.touch is None else "NOT_MARKETABLE"
        return board.nothing(f"{code}: limit={limit}, best={best}")
    return _plan(board, Tif.IOC if immediate else request.tif)


def _leg_limit(board: _Board) -> int:
    """Return the legs' limit in micros: the order's own, or for a market order a little beyond what is taken.

    That reach is `aggression_bps` from the worst level taken, rounded to the tick away from us; it ends at
    the collar around the touch.
    """
    if board.limit is None:
        return 0
    if board.request.limit_price is not None:
        return board.limit
    tick, aggression_bps = board.tick, board.profile.aggression_bps
    taken = [candidate.worst for candidate in board.ranked if candidate.takes]
    if board.request.buy:
        return min(board.limit, -(-max(taken) * (_BPS + aggression_bps) // (_BPS * tick)) * tick)
    return max(board.limit, min(taken) * (_BPS - aggression_bps) // (_BPS * tick) * tick)


def _plan(board: _Board, tif: Tif) -> Decision:
    leg_limit = _leg_limit(board)
    price = leg_limit * _MICRO
    legs: list[Leg] = []
    parts: list[str] = []
    for rank, candidate in enumerate(board.ranked):
        quantity = candidate.takes + candidate.rests
        if not quantity:
            continue
        venue_id, outcome = candidate.venue.venue_id, candidate.outcome
        legs.append(Leg(venue_id, quantity, price, tif))
        outcome.chosen, outcome.allocated = True, quantity
        outcome.reason = _why_chosen(candidate, first=rank == 0)
        parts.append(
            f"{quantity} at {venue_id}" + (f" ({candidate.rests} to rest)" if candidate.rests else "")
        )
    left = board.request.quantity - sum([leg.quantity for leg in legs])
    rest = f", {left} not placed because no more is displayed" if left else ""
    summary = f"{_describe(board.request)}: {', '.join(parts)}, limit {_text(leg_limit)} {tif.value}{rest}."
    return Decision(tuple(legs), "", board.outcomes(), summary)


def _why_chosen(candidate: _Candidate, *, first: bool) -> str:
    words = [f"best score {candidate.outcome.score}"] if first else []
    if candidate.takes:
        words.append(f"took {candidate.takes} of {candidate.marketable} displayed")
    if candidate.rests:
        words.append(f"{candidate.rests} rests here")
    return "; ".join(words)


def _describe(request: Request) -> str:
    price = "market" if request.limit_price is None else f"limit {request.limit_price}"
    side = "Buy" if request.buy else "Sell"
    return f"{side} {request.quantity} {request.symbol} {price} {request.tif.value}"
