"""From a route request to a route plan: live book and reference data in, a decision out.

The law of this file: `decide_on` is the only way from inputs to a decision, live, previewed or again; so that
what the audit kept gives the same decision at any time. Why it was decided is never worked out for an order,
only for somebody who asks; the digest proves that it is what was decided then.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

from oms_platform.clock import Clock, microseconds
from oms_platform.kill_switches import FixedKills, KillBoard
from oms_platform.messages import Quote, RouteExplanation, RoutePlan, RouteRequest
from oms_platform.order_types import AUCTIONS, venue_force, worked_terms
from oms_platform.pegs import peg_price
from oms_platform.prices import micros_of
from oms_platform.sides import SHORTS, far, is_buy
from oms_platform.telemetry.order_trace import traced_id
from oms_platform.venue_limits import VenueBound
from oms_platform.vocabulary import OrderTerms, OrderType, Routing
from oms_platform.wire import encode
from sor_engine import metrics
from sor_engine.domain.market import MICROS, Market, Request, Venue, Visit
from sor_engine.domain.plan import Account, Decision, VenueOutcome
from sor_engine.domain.profile import InvalidProfileError, Profile, read_profile
from sor_engine.domain.quality import measure
from sor_engine.domain.quality_report import Cut, Gathered, Report
from sor_engine.domain.quote_clock import QuoteClock
from sor_engine.domain.routing import decide
from sor_engine.explanation import INT32_MAX, digest_of, explain, seed_of, to_plan
from sor_engine.ports import (
    Decided,
    FrozenInputs,
    KeptRoute,
    PlannedRoute,
    QualityReader,
    QualityScope,
    Quotes,
    Reference,
    ReferenceContent,
    StoredProfile,
)

# A monotonic count of nanoseconds.
Stopwatch = Callable[[], int]

# The most that one batch may spend on asking for quotes, however many symbols are stale.
QUOTE_WAIT_MS_MAX: Final = 400
# So long after a decision a venue has the order, and its next quote shows what is left.
TAKEN_SEEN_AFTER: Final = timedelta(milliseconds=20)
# Decisions of one symbol and side that are remembered, should quotes stand still.
TAKEN_KEPT_MAX: Final = 1_000
# Why nothing is placed of what a switch stops, or of anything while nobody can read the switches.
KILLED: Final = "KILLED"
KILL_UNREAD: Final = "KILL_UNREAD"
_NO_ROUTING: Final = Routing()
_NARROW: Final = "narrow from, to, accountId, symbol or side"
_inputs_encoder: Final = msgspec.json.Encoder(decimal_format="string", uuid_format="canonical")


class InvalidRequestError(ValueError):
    """A route request that no decision can be made for; its text says what was expected and found."""


class TakenShares:
    """Displayed shares that our orders were sent to take and that no quote can show as gone yet."""

    def __init__(self) -> None:
        self._taken: dict[tuple[str, bool], deque[tuple[datetime, dict[str, int]]]] = {}

    def of(self, quote: Quote | None, made_at: datetime, *, buy: bool) -> dict[str, int]:
        """Return what was taken from the far side of a symbol's books since this quote, by venue.

        made_at: when the quote was made, by our clock.
        """
        entries = None if quote is None else self._taken.get((quote.symbol, buy))
        if quote is None or not entries:
            return {}
        total: dict[str, int] = {}
        for taken_at, taken in entries:
            if taken_at + TAKEN_SEEN_AFTER < made_at:
                continue
            for venue_id, shares in taken.items():
                total[venue_id] = total.get(venue_id, 0) + shares
        return total

    def add(
        self, quote: Quote | None, made_at: datetime, decision: Decision, now: datetime, *, buy: bool
    ) -> None:
        """Count what a decision takes from a quote. made_at, now: by our clock."""
        if quote is not None and decision.takes:
            entries = self._taken.setdefault((quote.symbol, buy), deque(maxlen=TAKEN_KEPT_MAX))
            while entries and entries[0][0] + TAKEN_SEEN_AFTER < made_at:
                entries.popleft()
            entries.append((now, dict(decision.takes)))


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingContext:
    """What decisions are made with. stopwatch: counts nanoseconds. quote_clock: knows market data's time.

    kills: what must not be placed, of orders that are to be sent; a preview shows what would be without
    switches, within the limits of venues.
    """

    quotes: Quotes
    clock: Clock
    stopwatch: Stopwatch
    quote_age_ms_max: int
    quote_timeout_ms: int
    taken: TakenShares = field(default_factory=TakenShares)
    quote_clock: QuoteClock = field(default_factory=QuoteClock)
    kills: KillBoard = field(default_factory=FixedKills)


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


class Worked(NamedTuple):
    """A decision as it was just worked out. profile None: no profile could be used."""

    decision: Decision
    profile: Profile | None
    inputs: FrozenInputs
    quote: Quote | None
    plan: RoutePlan
    digest: bytes

    def explain(self, quote_wait_us: int = 0, decision_us: int = 0) -> RouteExplanation:
        """Work out why it was decided."""
        return explain(
            self.decision,
            self.inputs,
            self.quote,
            self.profile,
            quote_wait_us=quote_wait_us,
            decision_us=decision_us,
        )


def plan_route(
    request: RouteRequest, reference: Reference, context: RoutingContext, budget: QuoteBudget, trace: str = ""
) -> PlannedRoute:
    """Decide one route request on the live book. Raises InvalidRequestError."""
    worked, route = _plan(request, reference, context, budget, trace=trace)
    taken_at = route.decided.plan.received_at
    made_at = taken_at if worked.quote is None else _made_at(worked.quote, worked.inputs.quote_clock_us)
    context.taken.add(worked.quote, made_at, worked.decision, taken_at, buy=is_buy(request.terms.side))
    _count(request, route.decided, worked.decision, traced_id(trace))
    return route


def preview_route(
    request: RouteRequest, reference: Reference, context: RoutingContext
) -> tuple[RoutePlan, RouteExplanation]:
    """Decide a request that will not be sent; nothing is remembered of it. Raises InvalidRequestError."""
    worked, route = _plan(_at_its_peg(request, reference, context), reference, context, QuoteBudget())
    return worked.plan, worked.explain(route.decided.quote_wait_us, route.decided.decision_us)


def _at_its_peg(request: RouteRequest, reference: Reference, context: RoutingContext) -> RouteRequest:
    """Return a pegged order's request at the price that the quote gives it. Raises InvalidRequestError."""
    terms = request.terms
    if terms.peg is None:
        return request
    quote = _quote(terms.symbol, context, QuoteBudget(), "")
    price = None
    if quote is not None:
        bid, offer = (
            None if side is None else micros_of(side)
            for side in (quote.national_best_bid, quote.national_best_offer)
        )
        price = peg_price(terms, bid, offer, reference.rules.ticks_of(terms.symbol))
    if price is None:
        raise InvalidRequestError(f"no quote of {terms.symbol} gives a pegged order a price")
    return msgspec.structs.replace(request, terms=worked_terms(terms, price))


def refused_plan(request: RouteRequest, reason: str, now: datetime) -> RoutePlan:
    """Return the answer to a request that no plan can be stored for: no children, and why."""
    return to_plan(Decision(reason=reason), request, received_at=now, decided_at=now)


def _plan(
    request: RouteRequest,
    reference: Reference,
    context: RoutingContext,
    budget: QuoteBudget,
    *,
    trace: str = "",
) -> tuple[Worked, PlannedRoute]:
    _check(request)
    received_at = context.clock()
    started_ns = context.stopwatch()
    quote = _quote(request.terms.symbol, context, budget, trace)
    quoted_ns = context.stopwatch()
    inputs, profile, problem = _inputs(request, quote, reference, context)
    decision = decide_on(inputs, quote, reference.content, profile, problem)
    plan = to_plan(decision, request, received_at=received_at, decided_at=context.clock())
    kept = _inputs_encoder.encode(inputs)
    digest = digest_of(plan, decision, kept)
    decided = Decided(
        plan=plan,
        inputs=inputs,
        quote=quote,
        content=reference.content,
        digest=digest,
        quote_wait_us=min((quoted_ns - started_ns) // 1000, INT32_MAX),
        decision_us=min((context.stopwatch() - quoted_ns) // 1000, INT32_MAX),
    )
    route = PlannedRoute(decided=decided, payload=encode(plan), inputs=kept, trace=trace)
    return Worked(decision, profile, inputs, quote, plan, digest), route


def _check(request: RouteRequest) -> None:
    if request.quantity <= 0:
        raise InvalidRequestError(
            f"quantity must be a whole number of shares above 0, was {request.quantity}"
        )
    if request.attempt <= 0:
        raise InvalidRequestError(f"attempt must be above 0, was {request.attempt}")
    limit = request.terms.limit_price_micros
    if request.terms.order_type is OrderType.LIMIT and (limit is None or limit <= 0):
        raise InvalidRequestError(f"a limit order needs a limit price above 0, was {limit} micros")


def _quote(symbol: str, context: RoutingContext, budget: QuoteBudget, trace: str) -> Quote | None:
    timeout_ms = budget.timeout_ms(context.quote_timeout_ms)
    if context.quotes.silent_s(symbol) * 1000 <= context.quote_age_ms_max or timeout_ms == 0:
        return context.quotes.quote(symbol)
    started_ns = context.stopwatch()
    quote = context.quotes.fresh_quote(
        symbol, age_ms_max=context.quote_age_ms_max, timeout_ms=timeout_ms, trace=trace
    )
    budget.spend((context.stopwatch() - started_ns) // 1000)
    return quote


def _made_at(quote: Quote, clock_us: int) -> datetime:
    """Return when a quote was made, by our clock."""
    return quote.quoted_at + timedelta(microseconds=clock_us)


def _age_us(age_s: float) -> int:
    return INT32_MAX if age_s > INT32_MAX / 1_000_000 else int(age_s * 1_000_000)


def effective_routing(asked: Routing | None, account: Routing | None, default_profile: str) -> Routing:
    """Return what counts: the order's profile before the account's before the default; everything avoided.

    The venues that the order prefers replace the account's.
    """
    order, held = asked or _NO_ROUTING, account or _NO_ROUTING
    return Routing(
        profile=order.profile or held.profile or default_profile,
        avoid=tuple(sorted({*order.avoid, *held.avoid})),
        prefer=order.prefer or held.prefer,
    )


def _inputs(
    request: RouteRequest, quote: Quote | None, reference: Reference, context: RoutingContext
) -> tuple[FrozenInputs, Profile | None, str]:
    """Freeze what the decision stands on. Returns it with the profile, or why no profile can be used."""
    terms = request.terms
    account = reference.accounts.get(terms.account_id)
    routing = effective_routing(terms.routing, account, reference.default_profile)
    profile = reference.profiles.get(routing.profile)
    killed, stopped, bounds = _stops(terms, context.kills)
    problem = ""
    if profile is None:
        found = reference.unusable.get(routing.profile)
        code = "UNKNOWN_PROFILE" if found is None else "INVALID_PROFILE"
        problem = f"{code}: profile={routing.profile}" + (f", problem={found}" if found else "")
    buy = is_buy(terms.side)
    ticks = reference.rules.ticks_of(terms.symbol)
    clock_us = late_us = 0
    if quote is not None:
        quoted_us = microseconds(quote.quoted_at)
        arrived_us = microseconds(context.clock()) - _age_us(context.quotes.age_s(terms.symbol))
        if context.quotes.is_change(terms.symbol):
            clock_us = context.quote_clock.note(quoted_us, arrived_us)
            late_us = max(0, arrived_us - quoted_us - clock_us)
        else:
            # What stood already may be of any age, and says nothing of how long quotes are on their way.
            clock_us = context.quote_clock.offset_us
    outflows: dict[str, tuple[int, ...]] = {}
    if profile is not None and profile.watches_queues:
        outflows = context.quotes.outflows(terms.symbol, buy=buy, horizon_ms=profile.passive.horizon_ms)
    inputs = FrozenInputs(
        request=request,
        routing=routing,
        tick_micros=ticks.tick_micros if terms.symbol in reference.reference_micros else None,
        sub_dollar_tick_micros=ticks.sub_dollar_micros if ticks.sub_dollar_micros != ticks.tick_micros else 0,
        access_fee_cap_micros=reference.rules.access_fee_cap(_price_of(terms, quote, reference)),
        order_protection=reference.rules.order_protection,
        round_lot=reference.rules.round_lot_of(terms.symbol, terms.limit_price_micros or 0)
        if terms.display_quantity
        else 1,
        not_traded=reference.not_traded.get(terms.symbol, ""),
        reference_micros=reference.reference_micros.get(terms.symbol),
        listing_venue=reference.listing_venues.get(terms.symbol, "")
        if terms.time_in_force in AUCTIONS
        else "",
        # What comes late was old when it came.
        quote_age_us=min(_age_us(context.quotes.silent_s(terms.symbol)) + late_us, INT32_MAX),
        quote_clock_us=clock_us,
        quote_age_us_max=context.quote_age_ms_max * 1000,
        taken={} if quote is None else context.taken.of(quote, _made_at(quote, clock_us), buy=buy),
        outflows=outflows,
        killed=killed,
        stopped=stopped,
        bounds=bounds,
    )
    return inputs, profile, problem


class _Stops(NamedTuple):
    """Why nothing of an order may be placed, empty when it may; where else it may not go, and what may."""

    killed: str
    stopped: dict[str, str]
    bounds: dict[str, VenueBound]


def _stops(terms: OrderTerms, board: KillBoard) -> _Stops:
    kills = board.known()
    if kills.unread:
        return _Stops(f"{KILL_UNREAD}: {kills.unread}", {}, {})
    switch = kills.order_stop(terms)
    stopped = {venue_id: f"{KILLED}: {one}" for venue_id, one in kills.venue_stops(terms).items()}
    return _Stops("" if switch is None else f"{KILLED}: {switch}", stopped, kills.venue_bounds(terms))


def _price_of(terms: OrderTerms, quote: Quote | None, reference: Reference) -> int:
    """Return the micros that an order is about: its limit, the far touch, or the symbol's reference."""
    if terms.limit_price_micros is not None:
        return terms.limit_price_micros
    met = None
    if quote is not None:
        met = far(terms.side, quote.national_best_bid, quote.national_best_offer)
    return reference.reference_micros.get(terms.symbol, MICROS) if met is None else micros_of(met)


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
    if inputs.tick_micros is None:
        return _undecided(f"UNKNOWN_SYMBOL: symbol={request.terms.symbol}", content.venues)
    if inputs.not_traded:
        reason = f"NOT_TRADED: symbol={request.terms.symbol}, status={inputs.not_traded}"
        return _undecided(reason, content.venues, no_data=True)
    if inputs.killed:
        return _undecided(inputs.killed, content.venues, no_data=True)
    if profile is None:
        return _undecided(problem, content.venues)
    return decide(
        _request_of(inputs, inputs.tick_micros, quote),
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
            silent_us=_silent_us(quote),
            access_fee_cap_micros=inputs.access_fee_cap_micros,
            order_protection=inputs.order_protection,
        ),
        profile,
    )


def _silent_us(quote: Quote | None) -> dict[str, int]:
    """Return for how long each venue's feed had been silent when the quote was made, by the quote's clock."""
    if quote is None:
        return {}
    return {
        venue.venue_id: max(0, microseconds(quote.quoted_at) - microseconds(venue.heard_at))
        for venue in quote.venues
        if venue.heard_at is not None
    }


def _undecided(reason: str, venues: tuple[Venue, ...], *, no_data: bool = False) -> Decision:
    def account() -> Account:
        outcomes = tuple(VenueOutcome(venue.venue_id, reason) for venue in venues)
        return Account(outcomes, f"Nothing placed, {reason}.")

    return Decision(reason=reason, no_data=no_data, account=account)


def _request_of(inputs: FrozenInputs, tick_micros: int, quote: Quote | None) -> Request:
    request, terms, routing = inputs.request, inputs.request.terms, inputs.routing
    made_at = None if quote is None else _made_at(quote, inputs.quote_clock_us)
    return Request(
        symbol=terms.symbol,
        buy=is_buy(terms.side),
        short=terms.side in SHORTS,
        quantity=request.quantity,
        time_in_force=venue_force(terms.time_in_force),
        limit_micros=terms.limit_price_micros if terms.order_type is OrderType.LIMIT else None,
        tick_micros=tick_micros,
        sub_dollar_tick_micros=inputs.sub_dollar_tick_micros,
        min_quantity=terms.min_quantity,
        seed=seed_of(inputs),
        visits=tuple(
            [
                Visit(
                    venue_id=visit.venue_id,
                    children=visit.children,
                    sent=visit.sent,
                    filled=visit.filled,
                    rejected=visit.rejected,
                    # A venue's clock may be ahead; the visit was over when this route was asked for.
                    in_book=made_at is not None and made_at > min(visit.last_at, request.requested_at),
                )
                for visit in request.visits
            ]
        ),
        avoid=frozenset(routing.avoid),
        prefer=frozenset(routing.prefer),
        reference_micros=inputs.reference_micros,
        display_quantity=request.display_quantity or terms.display_quantity,
        # It was a round lot at least by the rules of the day on which it was asked for.
        round_lot=min(inputs.round_lot, terms.display_quantity or inputs.round_lot),
        post_only=terms.post_only,
        peg=None if terms.peg is None else terms.peg.peg_type,
        listing_venue=inputs.listing_venue,
        stopped=inputs.stopped,
        bounds=inputs.bounds,
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


def decide_again(stored: Decided, changes: Changes = NO_CHANGES) -> Worked:
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
    routing = inputs.routing
    name, kept = changes.profile or (routing.profile, content.profiles.get(routing.profile))
    profile, problem = None, stored.plan.reason
    if kept is not None:
        profile = read_profile(name, kept.version, _changed_settings(kept.settings, changes))
    avoid = tuple(sorted({*routing.avoid, *changes.without}))
    routing = Routing(profile=name, avoid=avoid, prefer=routing.prefer)
    inputs = msgspec.structs.replace(inputs, routing=routing)
    if changes.fees:
        content = msgspec.structs.replace(
            content, venues=tuple(_with_fees(venue, changes.fees) for venue in content.venues)
        )
    decision = decide_on(inputs, stored.quote, content, profile, problem)
    times = stored.plan
    plan = to_plan(decision, inputs.request, received_at=times.received_at, decided_at=times.decided_at)
    digest = digest_of(plan, decision, _inputs_encoder.encode(inputs))
    return Worked(decision, profile, inputs, stored.quote, plan, digest)


class Explained(NamedTuple):
    """A route and why it was decided. explanation: None when what it stood on is no more there.

    proven: what is decided now on what was kept has the digest of then, and gives the plan that was stored.
    """

    plan: RoutePlan
    digest: bytes
    explanation: RouteExplanation | None
    proven: bool


def explain_route(route: KeptRoute) -> Explained:
    """Work out from the audit why a route was decided, and whether that is provably what was decided."""
    decided = route.decided
    if decided is None:
        return Explained(route.plan, route.digest, None, proven=False)
    try:
        worked = decide_again(decided)
    except InvalidProfileError:
        # The profile of then is none by the rules of now.
        return Explained(route.plan, route.digest, None, proven=False)
    explanation = worked.explain(decided.quote_wait_us, decided.decision_us)
    return Explained(route.plan, route.digest, explanation, proven=is_proven(decided, worked))


def is_proven(stored: Decided, again: Worked) -> bool:
    """Say whether a decision that was made again, unchanged, is the stored one."""
    return again.digest == stored.digest and again.plan == stored.plan


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
    return replace(venue, add_fee=changed[0], remove_fee=changed[1])


def profile_problems(name: str, settings: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a profile's settings, nothing when they can be used."""
    try:
        read_profile(name, 1, settings, stored=False)
    except InvalidProfileError as error:
        return list(error.problems)
    return []


# ---- execution quality

# So many orders one report may be of, and so long it may take.
QUALITY_ORDERS_MAX: Final = 10_000
QUALITY_S_MAX: Final = 4.0


class TooMuchAskedError(ValueError):
    """A report would be of too many orders, or takes too long; its text says what to do."""


def measure_quality(
    reader: QualityReader, scope: QualityScope, cut: Cut, lines_max: int, monotonic_s: Callable[[], float]
) -> tuple[Report, int]:
    """Return a scope's report with lines by one cut, and how many of its orders risk refused.

    Of single orders there are the last `lines_max`. Raises TooMuchAskedError.
    """
    began_s = monotonic_s()
    gathered = Gathered(lines_max)
    try:
        with reader.evidence(scope) as evidence:
            if evidence.orders(QUALITY_ORDERS_MAX + 1) > QUALITY_ORDERS_MAX:
                raise TooMuchAskedError(
                    f"a report may be of at most {QUALITY_ORDERS_MAX:,} orders, here are more: {_NARROW}"
                )
            for part, tape in evidence.batches():
                gathered.add(measure(part, tape, (cut,)))
                if monotonic_s() - began_s > QUALITY_S_MAX:
                    raise TimeoutError
            return gathered.report(), evidence.refused()
    except TimeoutError:
        raise TooMuchAskedError(f"the report takes longer than {QUALITY_S_MAX:.0f} s: {_NARROW}") from None


def _count(request: RouteRequest, decided: Decided, decision: Decision, trace_id: str) -> None:
    plan = decided.plan
    metrics.core_to_sor.observe((plan.received_at - request.requested_at).total_seconds(), trace_id)
    metrics.quote_wait.observe(decided.quote_wait_us / MICROS, trace_id)
    metrics.decision.observe(decided.decision_us / MICROS, trace_id)
    metrics.quote_age_seconds.observe(decided.inputs.quote_age_us / MICROS)
    for venue_id, score in decision.scores:
        metrics.score_of(venue_id).observe(score / MICROS)
    if not plan.children:
        metrics.unplaced.inc()
        metrics.unplaced_because(plan.reason.partition(":")[0]).inc()
        return
    metrics.placed.inc()
    if decision.scores:
        metrics.best_score.observe(decision.scores[0][1] / MICROS)
    for child in plan.children:
        metrics.legs_to(child.venue_id).inc()
