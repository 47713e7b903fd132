"""From a decision to the plan that is stored and published, its digest, and what a route card shows of it."""

from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Final

import msgspec

from oms_platform.clock import microseconds
from oms_platform.messages import (
    Quote,
    RouteExplanation,
    RoutePlan,
    RouteRequest,
    ScoreTerm,
    VenueConsidered,
    VenueQuote,
)
from oms_platform.order_ids import child_cl_ord_id
from oms_platform.vocabulary import ChildTerms, OrderType
from oms_platform.wire import encode
from sor_engine.domain.plan import Decision, VenueOutcome
from sor_engine.domain.profile import Profile
from sor_engine.ports import FrozenInputs

INT32_MAX: Final = 2**31 - 1
# The version of the rules by which `decide` decides: a change of what it decides changes this name.
RULES: Final = b"routing rules 3"
DIGEST_BYTES: Final = 16
_NO_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)
_encoder: Final = msgspec.json.Encoder()
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
    account = decision.account()
    expected = account.expected
    books = {} if quote is None else {shown.venue_id: shown for shown in quote.venues}
    return RouteExplanation(
        book_at=None if quote is None else quote.quoted_at,
        profile=inputs.routing.profile,
        profile_version=0 if profile is None else profile.version,
        venues=tuple(
            [
                _considered(
                    outcome, inputs, books.get(outcome.venue_id), None if quote is None else quote.quoted_at
                )
                for outcome in account.venues
            ]
        ),
        summary=account.summary,
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


def _considered(
    outcome: VenueOutcome, inputs: FrozenInputs, shown: VenueQuote | None, quoted_at: datetime | None
) -> VenueConsidered:
    book = shown or _NO_BOOK
    silent_us = 0
    if book.heard_at is not None and quoted_at is not None:
        silent_us = max(0, microseconds(quoted_at) - microseconds(book.heard_at))
    return VenueConsidered(
        venue_id=outcome.venue_id,
        reason=outcome.reason,
        chosen=outcome.chosen,
        bid_price=_first(book.bid_prices),
        bid_size=book.bid_sizes[0] if book.bid_sizes else 0,
        ask_price=_first(book.ask_prices),
        ask_size=book.ask_sizes[0] if book.ask_sizes else 0,
        marketable_size=min(outcome.marketable_size, INT32_MAX),
        quote_age_us=0 if book is _NO_BOOK else min(inputs.quote_age_us + silent_us, INT32_MAX),
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
    decision: Decision, request: RouteRequest, *, received_at: datetime, decided_at: datetime
) -> RoutePlan:
    """Return the plan of a decision. Child ids derive from (order, attempt, leg): a replay makes the same."""
    terms, order_id, attempt = request.terms, request.order_id, request.attempt
    return RoutePlan(
        route_id=request.route_id,
        order_id=order_id,
        attempt=attempt,
        quantity=request.quantity,
        reason=decision.reason,
        received_at=received_at,
        decided_at=decided_at,
        continues=decision.continues,
        no_data=decision.no_data,
        terms=terms,
        children=tuple(
            [
                ChildTerms(
                    order_id=order_id,
                    cl_ord_id=child_cl_ord_id(order_id, attempt, number),
                    attempt=attempt,
                    leg=number,
                    account_id=terms.account_id,
                    venue_id=leg.venue_id,
                    symbol=terms.symbol,
                    side=terms.side,
                    order_type=OrderType.LIMIT,
                    time_in_force=leg.time_in_force,
                    quantity=leg.quantity,
                    limit_price_micros=leg.limit_micros,
                    min_quantity=leg.min_quantity,
                    hold_ms=leg.hold_ms,
                    exec_inst=leg.exec_inst,
                    capacity=terms.capacity,
                    locate_id=terms.locate_id,
                    display_quantity=leg.display_quantity,
                )
                for number, leg in enumerate(decision.legs, start=1)
            ]
        ),
    )


def digest_of(plan: RoutePlan, decision: Decision, inputs: bytes) -> bytes:
    """Return what proves a decision: 16 bytes over what was decided, on which inputs, by which rules.

    Everything of the plan but its times, and what each venue was found to be worth: two decisions with the
    same digest explain themselves alike. inputs: FrozenInputs as they are stored.
    """
    timeless = msgspec.structs.replace(plan, received_at=_NO_TIME, decided_at=_NO_TIME)
    found = blake2b(RULES, digest_size=DIGEST_BYTES)
    found.update(encode(timeless))
    found.update(_encoder.encode((decision.strategy, decision.stage, decision.scores, decision.takes)))
    found.update(inputs)
    return found.digest()
