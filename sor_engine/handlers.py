"""From a route request to a route plan: live book and reference data in, explained decision out."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from oms_platform.clock import Clock
from oms_platform.ids import child_cl_ord_id
from oms_platform.messages import (
    OrderType,
    Quote,
    RouteExplanation,
    RouteLeg,
    RoutePlan,
    RouteRequest,
    ScoreTerm,
    Side,
    TimeInForce,
    VenueConsidered,
    VenueQuote,
)
from sor_engine import metrics
from sor_engine.domain.routing import Decision, Request, Tif, VenueOutcome, decide
from sor_engine.ports import Quotes, Reference

# A monotonic count of nanoseconds.
Stopwatch = Callable[[], int]

INT32_MAX: Final = 2**31 - 1
# The most that one batch may spend on asking for quotes, however many symbols are stale.
QUOTE_WAIT_MS_MAX: Final = 400
_TIFS: Final = {
    TimeInForce.DAY: Tif.DAY,
    TimeInForce.GTC: Tif.GTC,
    TimeInForce.IOC: Tif.IOC,
    TimeInForce.FOK: Tif.FOK,
}
_TIME_IN_FORCE: Final = {tif: name for name, tif in _TIFS.items()}
_NO_BOOK: Final = VenueQuote(venue_id="")


class InvalidRequestError(ValueError):
    """A route request that no decision can be made for; its text says what was expected and found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What decisions are made with. `stopwatch` counts nanoseconds."""

    quotes: Quotes
    clock: Clock
    stopwatch: Stopwatch
    quote_age_ms_max: int
    quote_timeout_ms: int


class QuoteBudget:
    """What is left of the time that a batch may wait for quotes."""

    def __init__(self, wait_ms_max: int = QUOTE_WAIT_MS_MAX) -> None:
        self._left_us = wait_ms_max * 1000

    def timeout_ms(self, wanted_ms: int) -> int:
        """Return the timeout for the next question, 0 for: do not ask."""
        return min(wanted_ms, self._left_us // 1000)

    def spend(self, waited_us: int) -> None:
        """Take what was waited off the budget."""
        self._left_us = max(0, self._left_us - waited_us)


def plan_route(request: RouteRequest, reference: Reference, desk: Desk, budget: QuoteBudget) -> RoutePlan:
    """Decide one route request on the live book. Raises InvalidRequestError."""
    _check(request)
    received_at = desk.clock()
    started_ns = desk.stopwatch()
    quote = _quote(request.symbol, desk, budget)
    quoted_ns = desk.stopwatch()
    age_us = _age_us(desk.quotes.age_s(request.symbol))
    wait_us = (quoted_ns - started_ns) // 1000
    decision = _decide(request, quote, age_us, reference, desk)
    decision_us = (desk.stopwatch() - quoted_ns) // 1000
    _count(decision, age_us, wait_us, decision_us)
    return _to_plan(
        request,
        decision,
        RouteExplanation(
            book_at=None if quote is None else quote.quoted_at,
            profile=reference.profile.name,
            profile_version=reference.profile.version,
            venues=_to_venues(decision.venues, quote, age_us),
            summary=decision.summary,
            national_best_bid=None if quote is None else quote.national_best_bid,
            national_best_offer=None if quote is None else quote.national_best_offer,
            quote_wait_us=min(wait_us, INT32_MAX),
            decision_us=min(decision_us, INT32_MAX),
        ),
        received_at=received_at,
        clock=desk.clock,
    )


def _check(request: RouteRequest) -> None:
    if request.quantity <= 0:
        raise InvalidRequestError(
            f"quantity must be a whole number of shares above 0, was {request.quantity}"
        )
    if request.attempt <= 0:
        raise InvalidRequestError(f"attempt must be above 0, was {request.attempt}")
    limit = request.limit_price
    if request.order_type is OrderType.LIMIT and (limit is None or not limit > 0):
        raise InvalidRequestError(f"a limit order needs a limit price above 0, was {limit}")


def _quote(symbol: str, desk: Desk, budget: QuoteBudget) -> Quote | None:
    timeout_ms = budget.timeout_ms(desk.quote_timeout_ms)
    if desk.quotes.age_s(symbol) * 1000 <= desk.quote_age_ms_max or timeout_ms == 0:
        return desk.quotes.quote(symbol)
    started_ns = desk.stopwatch()
    quote = desk.quotes.fresh_quote(symbol, age_ms_max=desk.quote_age_ms_max, timeout_ms=timeout_ms)
    budget.spend((desk.stopwatch() - started_ns) // 1000)
    return quote


def _age_us(age_s: float) -> int:
    return INT32_MAX if age_s > INT32_MAX / 1_000_000 else int(age_s * 1_000_000)


def _decide(
    request: RouteRequest, quote: Quote | None, age_us: int, reference: Reference, desk: Desk
) -> Decision:
    tick = reference.ticks.get(request.symbol)
    if tick is None:
        reason = f"UNKNOWN_SYMBOL: symbol={request.symbol}"
        outcomes = tuple(VenueOutcome(venue.venue_id, reason) for venue in reference.venues)
        return Decision((), reason, outcomes, f"Nothing placed, {reason}.")
    return decide(
        Request(
            symbol=request.symbol,
            buy=request.side is Side.BUY,
            quantity=request.quantity,
            tif=_TIFS[request.time_in_force],
            limit_price=request.limit_price if request.order_type is OrderType.LIMIT else None,
            tick=tick,
        ),
        None if quote is None else {venue.venue_id: venue for venue in quote.venues},
        reference.venues,
        reference.profile,
        quote_age_us=age_us,
        quote_age_us_max=desk.quote_age_ms_max * 1000,
    )


def _to_venues(
    outcomes: tuple[VenueOutcome, ...], quote: Quote | None, age_us: int
) -> tuple[VenueConsidered, ...]:
    books = {} if quote is None else {venue.venue_id: venue for venue in quote.venues}
    considered = []
    for outcome in outcomes:
        book = books.get(outcome.venue_id, _NO_BOOK)
        considered.append(
            VenueConsidered(
                venue_id=outcome.venue_id,
                reason=outcome.reason,
                chosen=outcome.chosen,
                bid_price=_first(book.bid_prices),
                bid_size=book.bid_sizes[0] if book.bid_sizes else 0,
                ask_price=_first(book.ask_prices),
                ask_size=book.ask_sizes[0] if book.ask_sizes else 0,
                marketable_size=min(outcome.marketable_size, INT32_MAX),
                quote_age_us=age_us if outcome.venue_id in books else 0,
                fee_per_share=outcome.fee_per_share,
                all_in_price=outcome.all_in_price,
                terms=tuple(
                    [
                        ScoreTerm(name=name, value=value, weight=weight, contribution=contribution)
                        for name, value, weight, contribution in outcome.terms
                    ]
                ),
                score=outcome.score,
                allocated=outcome.allocated,
            )
        )
    return tuple(considered)


def _first(prices: tuple[Decimal, ...]) -> Decimal | None:
    return prices[0] if prices else None


def _to_plan(
    request: RouteRequest,
    decision: Decision,
    explanation: RouteExplanation,
    *,
    received_at: datetime,
    clock: Clock,
) -> RoutePlan:
    legs = tuple(
        [
            RouteLeg(
                leg=number,
                cl_ord_id=child_cl_ord_id(request.order_id, request.attempt, number),
                venue_id=leg.venue_id,
                quantity=leg.quantity,
                limit_price=leg.limit_price,
                time_in_force=_TIME_IN_FORCE[leg.tif],
            )
            for number, leg in enumerate(decision.legs, start=1)
        ]
    )
    return RoutePlan(
        route_id=request.route_id,
        order_id=request.order_id,
        account_id=request.account_id,
        attempt=request.attempt,
        symbol=request.symbol,
        side=request.side,
        quantity=request.quantity,
        explanation=explanation,
        received_at=received_at,
        decided_at=clock(),
        legs=legs,
        reason=decision.reason,
    )


def _count(decision: Decision, age_us: int, wait_us: int, decision_us: int) -> None:
    metrics.decision_seconds.observe(decision_us / 1_000_000)
    metrics.quote_age_seconds.observe(age_us / 1_000_000)
    if wait_us > 1000:
        metrics.quote_wait_seconds.observe(wait_us / 1_000_000)
    if not decision.legs:
        metrics.decisions_total.labels("unplaced").inc()
        metrics.unplaced_total.labels(decision.reason.partition(":")[0]).inc()
        return
    metrics.decisions_total.labels("placed").inc()
    metrics.best_score.observe(float(decision.venues[0].score))
    for leg in decision.legs:
        metrics.legs_total.labels(leg.venue_id).inc()
