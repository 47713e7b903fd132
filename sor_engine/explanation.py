"""From a decision to the plan that is stored and published, with the explanation that a route card shows."""

from datetime import datetime
from decimal import Decimal
from typing import Final

from oms_platform.ids import child_cl_ord_id
from oms_platform.messages import (
    Quote,
    RouteExplanation,
    RouteLeg,
    RoutePlan,
    ScoreTerm,
    VenueConsidered,
    VenueQuote,
)
from oms_platform.vocabulary import TimeInForce
from sor_engine.domain.market import Tif
from sor_engine.domain.plan import Decision, VenueOutcome
from sor_engine.domain.profile import Profile
from sor_engine.ports import FrozenInputs

INT32_MAX: Final = 2**31 - 1
TIFS: Final = {
    TimeInForce.DAY: Tif.DAY,
    TimeInForce.GTC: Tif.GTC,
    TimeInForce.IOC: Tif.IOC,
    TimeInForce.FOK: Tif.FOK,
}
_TIME_IN_FORCE: Final = {tif: name for name, tif in TIFS.items()}
_NO_BOOK: Final = VenueQuote(venue_id="")


def explain(
    decision: Decision,
    inputs: FrozenInputs,
    quote: Quote | None,
    profile: Profile | None,
    *,
    quote_wait_us: int = 0,
    decision_us: int = 0,
) -> RouteExplanation:
    """Return a decision's explanation. profile None: no profile could be used, and the reason says why."""
    expected = decision.expected
    return RouteExplanation(
        book_at=None if quote is None else quote.quoted_at,
        profile=inputs.request.routing.profile if inputs.request.routing else "",
        profile_version=0 if profile is None else profile.version,
        venues=tuple([_considered(outcome, inputs, quote) for outcome in decision.venues]),
        summary=decision.summary,
        national_best_bid=None if quote is None else quote.national_best_bid,
        national_best_offer=None if quote is None else quote.national_best_offer,
        quote_wait_us=min(quote_wait_us, INT32_MAX),
        decision_us=min(decision_us, INT32_MAX),
        strategy=decision.strategy,
        stage=decision.stage,
        seed=str(seed_of(inputs)),
        expected_quantity=expected.quantity,
        expected_notional=expected.notional,
        expected_fee=expected.fee,
        expected_cost=expected.cost,
        expected_cost_bps=expected.cost_bps,
    )


def seed_of(inputs: FrozenInputs) -> int:
    """Return what any choice by lot of this route is drawn from: 63 bits of its id."""
    return inputs.request.route_id.int & (2**63 - 1)


def _considered(outcome: VenueOutcome, inputs: FrozenInputs, quote: Quote | None) -> VenueConsidered:
    venues = () if quote is None else quote.venues
    book = next((shown for shown in venues if shown.venue_id == outcome.venue_id), _NO_BOOK)
    return VenueConsidered(
        venue_id=outcome.venue_id,
        reason=outcome.reason,
        chosen=outcome.chosen,
        bid_price=_first(book.bid_prices),
        bid_size=book.bid_sizes[0] if book.bid_sizes else 0,
        ask_price=_first(book.ask_prices),
        ask_size=book.ask_sizes[0] if book.ask_sizes else 0,
        marketable_size=min(outcome.marketable_size, INT32_MAX),
        quote_age_us=0 if book is _NO_BOOK else inputs.quote_age_us,
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
        hidden_size=min(outcome.hidden_size, INT32_MAX),
        taken_before=min(inputs.taken.get(outcome.venue_id, 0), INT32_MAX),
        expected_quantity=outcome.expected_quantity,
        expected_notional=outcome.expected_notional,
        expected_fee=outcome.expected_fee,
    )


def _first(prices: tuple[Decimal, ...]) -> Decimal | None:
    return prices[0] if prices else None


def to_plan(
    decision: Decision,
    explanation: RouteExplanation,
    inputs: FrozenInputs,
    *,
    received_at: datetime,
    decided_at: datetime,
) -> RoutePlan:
    """Return the plan of a decision. Child ids derive from (order, attempt, leg): a replay makes the same."""
    request = inputs.request
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
        decided_at=decided_at,
        legs=tuple(
            [
                RouteLeg(
                    leg=number,
                    cl_ord_id=child_cl_ord_id(request.order_id, request.attempt, number),
                    venue_id=leg.venue_id,
                    quantity=leg.quantity,
                    limit_price=leg.limit_price,
                    time_in_force=_TIME_IN_FORCE[leg.tif],
                    hold_ms=leg.hold_ms,
                )
                for number, leg in enumerate(decision.legs, start=1)
            ]
        ),
        reason=decision.reason,
        continues=decision.continues,
    )
