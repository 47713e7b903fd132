"""From a route request to a route plan: live book and reference data in, explained decision out.

The law of this file: `decide_on` is the only way from inputs to a decision, live, previewed or again; so that
what the audit kept gives the same decision at any time.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec

from oms_platform.clock import Clock
from oms_platform.messages import Quote, RoutePlan, RouteRequest
from oms_platform.telemetry.order_trace import traced_id
from oms_platform.vocabulary import OrderType, Routing, Side
from sor_engine import metrics
from sor_engine.domain.market import Market, Request, Venue, Visit
from sor_engine.domain.plan import Decision, VenueOutcome
from sor_engine.domain.profile import InvalidProfileError, Profile, StrategyName, read_profile
from sor_engine.domain.routing import decide
from sor_engine.explanation import INT32_MAX, TIFS, explain, seed_of, to_plan
from sor_engine.ports import Decided, FrozenInputs, Quotes, Reference, ReferenceContent, StoredProfile

# A monotonic count of nanoseconds.
Stopwatch = Callable[[], int]

# The most that one batch may spend on asking for quotes, however many symbols are stale.
QUOTE_WAIT_MS_MAX: Final = 400
# So long after a decision a venue has the order, and its next quote shows what is left.
TAKEN_SEEN_AFTER: Final = timedelta(milliseconds=20)
# Decisions of one symbol and side that are remembered, should quotes stand still.
TAKEN_KEPT_MAX: Final = 1_000
_NO_ROUTING: Final = Routing()


class InvalidRequestError(ValueError):
    """A route request that no decision can be made for; its text says what was expected and found."""


class TakenShares:
    """Displayed shares that our orders were sent to take and that no quote can show as gone yet.

    The router's loop adds; a preview may ask from another thread meanwhile, so asking changes nothing.
    """

    def __init__(self) -> None:
        self._taken: dict[tuple[str, bool], deque[tuple[datetime, dict[str, int]]]] = {}

    def of(self, quote: Quote | None, *, buy: bool) -> dict[str, int]:
        """Return what was taken from the far side of a symbol's books since this quote, by venue."""
        entries = None if quote is None else self._taken.get((quote.symbol, buy))
        if quote is None or not entries:
            return {}
        total: dict[str, int] = {}
        for taken_at, taken in tuple(entries):
            if taken_at + TAKEN_SEEN_AFTER < quote.quoted_at:
                continue
            for venue_id, shares in taken.items():
                total[venue_id] = total.get(venue_id, 0) + shares
        return total

    def add(self, quote: Quote | None, decision: Decision, now: datetime, *, buy: bool) -> None:
        """Count what a decision takes."""
        taken = {
            outcome.venue_id: outcome.expected_quantity
            for outcome in decision.venues
            if outcome.expected_quantity
        }
        if quote is not None and taken:
            entries = self._taken.setdefault((quote.symbol, buy), deque(maxlen=TAKEN_KEPT_MAX))
            while entries and entries[0][0] + TAKEN_SEEN_AFTER < quote.quoted_at:
                entries.popleft()
            entries.append((now, taken))


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingContext:
    """What decisions are made with. `stopwatch` counts nanoseconds."""

    quotes: Quotes
    clock: Clock
    stopwatch: Stopwatch
    quote_age_ms_max: int
    quote_timeout_ms: int
    taken: TakenShares = field(default_factory=TakenShares)


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


def plan_route(
    request: RouteRequest, reference: Reference, context: RoutingContext, budget: QuoteBudget, trace: str = ""
) -> Decided:
    """Decide one route request on the live book. Raises InvalidRequestError."""
    decided = _plan(request, reference, context, budget, live=True, trace=trace)
    _count(request, decided, traced_id(trace))
    return decided


def preview_route(request: RouteRequest, reference: Reference, context: RoutingContext) -> Decided:
    """Decide a request that will not be sent; nothing is remembered of it. Raises InvalidRequestError."""
    return _plan(request, reference, context, QuoteBudget(), live=False)


def _plan(
    request: RouteRequest,
    reference: Reference,
    context: RoutingContext,
    budget: QuoteBudget,
    *,
    live: bool,
    trace: str = "",
) -> Decided:
    _check(request)
    received_at = context.clock()
    started_ns = context.stopwatch()
    quote = _quote(request.symbol, context, budget, trace)
    quoted_ns = context.stopwatch()
    inputs, profile, problem = _inputs(request, quote, reference, context)
    decision = decide_on(inputs, quote, reference.content, profile, problem)
    if live:
        context.taken.add(quote, decision, received_at, buy=request.side is Side.BUY)
    explanation = explain(
        decision,
        inputs,
        quote,
        profile,
        quote_wait_us=(quoted_ns - started_ns) // 1000,
        decision_us=(context.stopwatch() - quoted_ns) // 1000,
    )
    plan = to_plan(decision, explanation, inputs, received_at=received_at, decided_at=context.clock())
    return Decided(plan=plan, inputs=inputs, quote=quote, content=reference.content)


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


def _quote(symbol: str, context: RoutingContext, budget: QuoteBudget, trace: str) -> Quote | None:
    timeout_ms = budget.timeout_ms(context.quote_timeout_ms)
    if context.quotes.age_s(symbol) * 1000 <= context.quote_age_ms_max or timeout_ms == 0:
        return context.quotes.quote(symbol)
    started_ns = context.stopwatch()
    quote = context.quotes.fresh_quote(
        symbol, age_ms_max=context.quote_age_ms_max, timeout_ms=timeout_ms, trace=trace
    )
    budget.spend((context.stopwatch() - started_ns) // 1000)
    return quote


def _age_us(age_s: float) -> int:
    return INT32_MAX if age_s > INT32_MAX / 1_000_000 else int(age_s * 1_000_000)


def effective_routing(preferences: Routing | None, account: Routing | None, default_profile: str) -> Routing:
    """Return what counts: the order's profile before the account's before the default; all avoids.

    The order's preferences replace the account's.
    """
    order, held = preferences or _NO_ROUTING, account or _NO_ROUTING
    return Routing(
        profile=order.profile or held.profile or default_profile,
        avoid=tuple(sorted({*order.avoid, *held.avoid})),
        prefer=order.prefer or held.prefer,
    )


def _inputs(
    request: RouteRequest, quote: Quote | None, reference: Reference, context: RoutingContext
) -> tuple[FrozenInputs, Profile | None, str]:
    """Freeze what the decision stands on. Returns it with the profile, or why no profile can be used."""
    account = reference.accounts.get(request.account_id)
    routing = effective_routing(request.routing, account, reference.default_profile)
    profile = reference.profiles.get(routing.profile)
    problem = ""
    if profile is None:
        found = reference.unusable.get(routing.profile)
        code = "UNKNOWN_PROFILE" if found is None else "INVALID_PROFILE"
        problem = f"{code}: profile={routing.profile}" + (f", problem={found}" if found else "")
    buy = request.side is Side.BUY
    outflows: dict[str, tuple[int, ...]] = {}
    if profile is not None and profile.strategy is StrategyName.PASSIVE:
        outflows = context.quotes.outflows(request.symbol, buy=buy, horizon_ms=profile.passive.horizon_ms)
    inputs = FrozenInputs(
        request=msgspec.structs.replace(request, routing=routing),
        tick=reference.ticks.get(request.symbol),
        quote_age_us=_age_us(context.quotes.age_s(request.symbol)),
        quote_age_us_max=context.quote_age_ms_max * 1000,
        taken=context.taken.of(quote, buy=buy),
        outflows=outflows,
    )
    return inputs, profile, problem


def decide_on(
    inputs: FrozenInputs,
    quote: Quote | None,
    content: ReferenceContent,
    profile: Profile | None,
    problem: str = "",
) -> Decision:
    """Return the decision that these inputs give.

    profile None: nothing is placed, for the reason `problem`.
    """
    request = inputs.request
    if inputs.tick is None:
        return _undecided(f"UNKNOWN_SYMBOL: symbol={request.symbol}", content.venues)
    if profile is None:
        return _undecided(problem, content.venues)
    return decide(
        _request_of(inputs, inputs.tick, quote),
        Market(
            venues=content.venues,
            book=None if quote is None else {venue.venue_id: venue for venue in quote.venues},
            quote_age_us=inputs.quote_age_us,
            quote_age_us_max=inputs.quote_age_us_max,
            stats=content.stats,
            closed=content.closed,
            outflows=inputs.outflows,
            beliefs=content.beliefs,
            taken=inputs.taken,
        ),
        profile,
    )


def _undecided(reason: str, venues: tuple[Venue, ...]) -> Decision:
    outcomes = tuple(VenueOutcome(venue.venue_id, reason) for venue in venues)
    return Decision((), reason, outcomes, f"Nothing placed, {reason}.")


def _request_of(inputs: FrozenInputs, tick: Decimal, quote: Quote | None) -> Request:
    request = inputs.request
    routing = request.routing or _NO_ROUTING
    return Request(
        symbol=request.symbol,
        buy=request.side is Side.BUY,
        quantity=request.quantity,
        tif=TIFS[request.time_in_force],
        limit_price=request.limit_price if request.order_type is OrderType.LIMIT else None,
        tick=tick,
        seed=seed_of(inputs),
        visits=tuple(
            [
                Visit(
                    venue_id=visit.venue_id,
                    children=visit.children,
                    sent=visit.sent,
                    filled=visit.filled,
                    rejected=visit.rejected,
                    in_book=quote is not None and quote.quoted_at > visit.last_at,
                )
                for visit in request.visits
            ]
        ),
        avoid=frozenset(routing.avoid),
        prefer=frozenset(routing.prefer),
    )


# ---- decisions again


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is changed about a stored decision. fees: venue to (add, remove) in dollars a share.

    profile: a name and the stored version to take in place of the used one. weights, strategy: in place of
    the profile's own.
    """

    profile: tuple[str, StoredProfile] | None = None
    weights: Mapping[str, Any] | None = None
    strategy: str = ""
    without: tuple[str, ...] = ()
    fees: Mapping[str, tuple[Decimal, Decimal]] = field(default_factory=dict)


NO_CHANGES: Final = Changes()


def decide_again(stored: Decided, changes: Changes = NO_CHANGES) -> RoutePlan:
    """Decide a stored decision again on what it stood on, with changes.

    Raises InvalidProfileError for weights or settings that make no profile, and InvalidRequestError for a
    venue that the decision did not know.
    """
    inputs, content = stored.inputs, stored.content
    known = {venue.venue_id for venue in content.venues}
    unknown = sorted({*changes.without, *changes.fees} - known)
    if unknown:
        raise InvalidRequestError(
            f"venues must be of the decision's {sorted(known)}, found {', '.join(unknown)}"
        )
    routing = inputs.request.routing or _NO_ROUTING
    name, kept = changes.profile or (routing.profile, content.profiles.get(routing.profile))
    profile, problem = None, stored.plan.reason
    if kept is not None:
        profile = read_profile(name, kept.version, _changed_settings(kept.settings, changes))
    avoid = tuple(sorted({*routing.avoid, *changes.without}))
    routing = Routing(profile=name, avoid=avoid, prefer=routing.prefer)
    inputs = msgspec.structs.replace(inputs, request=msgspec.structs.replace(inputs.request, routing=routing))
    content = msgspec.structs.replace(
        content, venues=tuple(_with_fees(venue, changes.fees) for venue in content.venues)
    )
    decision = decide_on(inputs, stored.quote, content, profile, problem)
    explanation = explain(decision, inputs, stored.quote, profile)
    plan = stored.plan
    return to_plan(decision, explanation, inputs, received_at=plan.received_at, decided_at=plan.decided_at)


def _changed_settings(settings: Mapping[str, Any], changes: Changes) -> dict[str, Any]:
    changed = dict(settings)
    if changes.weights is not None:
        changed["weights"] = {**settings.get("weights", {}), **changes.weights}
    if changes.strategy:
        changed["strategy"] = changes.strategy
    return changed


def _with_fees(venue: Venue, fees: Mapping[str, tuple[Decimal, Decimal]]) -> Venue:
    changed = fees.get(venue.venue_id)
    if changed is None:
        return venue
    return Venue(
        venue_id=venue.venue_id,
        lit=venue.lit,
        active=venue.active,
        latency_us=venue.latency_us,
        add_fee=changed[0],
        remove_fee=changed[1],
        lot_size=venue.lot_size,
        min_quantity=venue.min_quantity,
    )


def profile_problems(name: str, settings: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a profile's settings, nothing when they can be used."""
    try:
        read_profile(name, 1, settings)
    except InvalidProfileError as error:
        return list(error.problems)
    return []


def _count(request: RouteRequest, decided: Decided, trace_id: str) -> None:
    plan, explanation = decided.plan, decided.plan.explanation
    metrics.core_to_sor.observe((plan.received_at - request.requested_at).total_seconds(), trace_id)
    metrics.quote_wait.observe(explanation.quote_wait_us / 1_000_000, trace_id)
    metrics.decision.observe(explanation.decision_us / 1_000_000, trace_id)
    metrics.quote_age_seconds.observe(decided.inputs.quote_age_us / 1_000_000)
    for venue in explanation.venues:
        if venue.terms:
            metrics.venue_score.labels(venue.venue_id).observe(float(venue.score))
    if not plan.legs:
        metrics.unplaced.inc()
        metrics.unplaced_total.labels(plan.reason.partition(":")[0]).inc()
        return
    metrics.placed.inc()
    metrics.best_score.observe(float(explanation.venues[0].score))
    for leg in plan.legs:
        metrics.legs_to(leg.venue_id).inc()
