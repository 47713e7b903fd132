"""From a request and the live book to a plan, with quotes that are there, late or missing."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oms_platform.ids import uuid7
from oms_platform.market_rules import LONG_STANDING
from oms_platform.messages import (
    Quote,
    RouteExplanation,
    RoutePlan,
    RouteRequest,
    VenueQuote,
)
from oms_platform.order_ids import child_cl_ord_id, route_id
from oms_platform.vocabulary import (
    ChildTerms,
    OrderTerms,
    OrderType,
    Routing,
    Side,
    TimeInForce,
    VenueVisit,
)
from oms_platform.wire import decode, encode
from sor_engine.domain.market import Venue
from sor_engine.domain.profile import InvalidProfileError, read_profile
from sor_engine.domain.quote_clock import QuoteClock
from sor_engine.handlers import (
    TAKEN_SEEN_AFTER,
    Changes,
    InvalidRequestError,
    QuoteBudget,
    RoutingContext,
    decide_again,
    effective_routing,
    explain_route,
    is_proven,
    preview_route,
    profile_problems,
    refused_plan,
)
from sor_engine.handlers import plan_route as decide_route
from sor_engine.ports import (
    Decided,
    FrozenInputs,
    KeptRoute,
    PlannedRoute,
    Reference,
    ReferenceContent,
    StoredProfile,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
WEIGHTS = {"price": "0.5", "liquidity": "0.25", "fill_rate": "0.15", "cost": "0.1"}
SETTINGS = {"weights": WEIGHTS, "aggression_ticks": 1}
CONTENT = ReferenceContent(
    venues=tuple(
        Venue(
            venue_id=name,
            lit=name != "DARK",
            active=True,
            latency_us=1,
            add_fee=Decimal("-0.002"),
            remove_fee=Decimal("0.003"),
        )
        for name in ("ARCX", "DARK")
    ),
    profiles={
        "default": StoredProfile(3, SETTINGS),
        "waiting": StoredProfile(1, {**SETTINGS, "strategy": "staged"}),
    },
)
REFERENCE = Reference(
    content=CONTENT,
    profiles={
        name: read_profile(name, kept.version, kept.settings) for name, kept in CONTENT.profiles.items()
    },
    unusable={"broken": "weights must not all be 0"},
    default_profile="default",
    accounts={"ACC-2": Routing(profile="waiting", avoid=("XNYS",), prefer=("ARCX",))},
    rules=LONG_STANDING.on(date(2025, 1, 2)),
    reference_micros={"AAPL": 100_000_000},
)
QUOTE = Quote(
    symbol="AAPL",
    sequence=1,
    quoted_at=NOW,
    national_best_bid=Decimal("10.00"),
    national_best_offer=Decimal("10.02"),
    venues=(
        VenueQuote(
            venue_id="ARCX",
            bid_prices=(Decimal("10.00"),),
            bid_sizes=(300,),
            ask_prices=(Decimal("10.02"),),
            ask_sizes=(200,),
        ),
    ),
)


class FixedQuotes:
    """A feed with one quote of a given age; a question takes time and may bring a fresh one."""

    def __init__(
        self,
        quote: Quote | None,
        age_s: float,
        answer: Quote | None = None,
        *,
        silent_s: float | None = None,
    ) -> None:
        self._quote, self._age_s, self._answer = quote, age_s, answer
        self._silent_s = silent_s
        self.questions: list[int] = []
        self.now_ns = 0
        self.changes = True

    def quote(self, symbol: str) -> Quote | None:
        return self._quote

    def lose(self) -> None:
        self._quote, self._age_s = None, float("inf")

    def age_s(self, symbol: str) -> float:
        return self._age_s

    def is_change(self, symbol: str) -> bool:
        return self.changes

    def silent_s(self, symbol: str) -> float:
        return self._age_s if self._silent_s is None else self._silent_s

    def fresh_quote(self, symbol: str, *, age_ms_max: int, timeout_ms: int, trace: str = "") -> Quote | None:
        self.questions.append(timeout_ms)
        if self._answer is not None:
            self._quote, self._age_s = self._answer, 0.0
        else:
            self.now_ns += timeout_ms * 1_000_000
        return self._quote

    def outflows(self, symbol: str, *, buy: bool, horizon_ms: int) -> dict[str, tuple[int, ...]]:
        return {}

    def stopwatch(self) -> int:
        self.now_ns += 1_000
        return self.now_ns


def context(quotes: FixedQuotes) -> RoutingContext:
    return RoutingContext(
        quotes=quotes,
        clock=lambda: NOW,
        stopwatch=quotes.stopwatch,
        quote_age_ms_max=2000,
        quote_timeout_ms=200,
    )


def request(*, attempt: int = 2, quantity: int = 100, **changes: object) -> RouteRequest:
    order_id = uuid7()
    terms: dict[str, object] = {
        "account_id": "ACC-1",
        "channel": "REST",
        "client_order_id": "c-1",
        "symbol": "AAPL",
        "side": Side.BUY,
        "order_type": OrderType.LIMIT,
        "quantity": 1_000,
        "time_in_force": TimeInForce.DAY,
        "limit_price_micros": 10_050_000,
    }
    return RouteRequest(
        route_id=route_id(order_id, 2),
        order_id=order_id,
        attempt=attempt,
        quantity=quantity,
        requested_at=NOW,
        terms=OrderTerms(**(terms | changes)),  # type: ignore[arg-type]
    )


def plan_route(
    asked: RouteRequest, reference: Reference, used: RoutingContext, budget: QuoteBudget
) -> RoutePlan:
    return decide_route(asked, reference, used, budget).decided.plan


def explained(route: PlannedRoute) -> RouteExplanation:
    decided = route.decided
    found = explain_route(KeptRoute(plan=decided.plan, digest=decided.digest, decided=decided))
    assert found.proven
    assert found.explanation is not None
    return found.explanation


def test_a_plan_carries_the_orders_terms_and_whole_children_and_no_explanation() -> None:
    asked = request(min_quantity=30)
    route = decide_route(asked, REFERENCE, context(FixedQuotes(QUOTE, 0.0015)), QuoteBudget())
    plan = route.decided.plan
    assert (plan.route_id, plan.order_id, plan.attempt, plan.quantity) == (
        asked.route_id,
        asked.order_id,
        2,
        100,
    )
    assert plan.terms == asked.terms
    assert plan.children == (
        ChildTerms(
            order_id=asked.order_id,
            cl_ord_id=child_cl_ord_id(asked.order_id, 2, 1),
            attempt=2,
            leg=1,
            account_id="ACC-1",
            venue_id="ARCX",
            symbol="AAPL",
            side=Side.BUY,
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.IOC,
            quantity=100,
            limit_price_micros=10_020_000,
            min_quantity=30,
        ),
    )
    assert decode("RoutePlan", route.payload) == plan
    assert len(route.payload) < 1_000


def test_why_is_worked_out_from_what_was_kept() -> None:
    route = decide_route(request(), REFERENCE, context(FixedQuotes(QUOTE, 0.0015)), QuoteBudget())
    seen = explained(route)
    assert (seen.national_best_bid, seen.national_best_offer) == (Decimal("10.00"), Decimal("10.02"))
    assert (seen.book_at, seen.profile, seen.profile_version) == (NOW, "default", 3)
    assert seen.decision_us > 0
    arcx, dark = seen.venues
    assert (arcx.bid_price, arcx.bid_size, arcx.ask_price, arcx.ask_size) == (
        Decimal("10.00"),
        300,
        Decimal("10.02"),
        200,
    )
    assert (arcx.marketable_size, arcx.quote_age_us, arcx.allocated) == (200, 1500, 100)
    assert (arcx.fee_per_share, arcx.all_in_price) == (Decimal("0.003"), Decimal("10.023"))
    assert dark.venue_id == "DARK"


def test_working_out_why_is_not_on_an_orders_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("expected no explanation to be made for an order")

    monkeypatch.setattr("sor_engine.handlers.explain", never)
    monkeypatch.setattr("sor_engine.domain.board.Candidate.outcome", never)
    plan = plan_route(request(), REFERENCE, context(FixedQuotes(QUOTE, 0.001)), QuoteBudget())
    assert len(plan.children) == 1


def test_a_fresh_quote_is_used_without_asking() -> None:
    quotes = FixedQuotes(QUOTE, 1.9)
    plan_route(request(), REFERENCE, context(quotes), QuoteBudget())
    assert quotes.questions == []


def test_a_stale_quote_is_asked_for_again() -> None:
    quotes = FixedQuotes(QUOTE, 5.0, answer=QUOTE)
    plan = plan_route(request(), REFERENCE, context(quotes), QuoteBudget())
    assert quotes.questions == [200]
    assert len(plan.children) == 1


def test_a_batch_does_not_wait_for_quotes_for_ever() -> None:
    quotes, budget = FixedQuotes(QUOTE, 5.0), QuoteBudget(500)
    plans = [plan_route(request(), REFERENCE, context(quotes), budget) for _ in range(5)]
    assert len(quotes.questions) == 3
    assert sum(quotes.questions) <= 500
    assert {plan.reason for plan in plans} == {"STALE_QUOTE: age_ms=5000, age_ms_max=2000"}


def test_without_any_quote_there_is_no_leg_and_a_reason() -> None:
    plan = plan_route(request(), REFERENCE, context(FixedQuotes(None, float("inf"))), QuoteBudget(0))
    assert (plan.children, plan.reason, plan.no_data) == ((), "NO_QUOTE: symbol=AAPL", True)
    assert decode("RoutePlan", encode(plan)) == plan


def test_a_symbol_that_is_not_an_instrument_is_not_routed() -> None:
    plan: RoutePlan = plan_route(
        request(symbol="NOPE"), REFERENCE, context(FixedQuotes(QUOTE, 0.0)), QuoteBudget()
    )
    assert (plan.children, plan.reason) == ((), "UNKNOWN_SYMBOL: symbol=NOPE")


@pytest.mark.parametrize("status", ["HALTED", "INACTIVE"])
@pytest.mark.parametrize("attempt", [1, 7])
def test_a_symbol_that_does_not_trade_is_not_routed_on_any_attempt(attempt: int, status: str) -> None:
    halted = replace(REFERENCE, not_traded={"AAPL": status})
    for asked in (
        request(attempt=attempt),
        request(attempt=attempt, order_type=OrderType.MARKET, limit_price_micros=None),
        request(attempt=attempt, routing=Routing(profile="waiting")),
    ):
        route = live(asked, halted)
        plan = route.decided.plan
        # It waits as one without a quote does: a halt is no missing liquidity.
        assert (plan.children, plan.no_data) == ((), True)
        assert plan.reason == f"NOT_TRADED: symbol=AAPL, status={status}"
        assert {venue.reason for venue in explained(route).venues} == {plan.reason}
    assert len(live(request(attempt=attempt)).decided.plan.children) == 1


@pytest.mark.parametrize(
    "changes", [{"quantity": 0}, {"attempt": 0}, {"limit_price_micros": None}, {"limit_price_micros": 0}]
)
def test_a_request_that_makes_no_sense_is_refused_with_what_was_found(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError, match="was"):
        plan_route(request(**changes), REFERENCE, context(FixedQuotes(QUOTE, 0.0)), QuoteBudget())


def test_what_rests_of_an_order_good_till_a_date_is_good_till_canceled_at_its_venue() -> None:
    asked = request(
        time_in_force=TimeInForce.GTD, expire_at=NOW + timedelta(days=1), limit_price_micros=9_000_000
    )
    plan = plan_route(asked, REFERENCE, context(FixedQuotes(QUOTE, 0.0)), QuoteBudget())
    assert {child.time_in_force for child in plan.children} == {TimeInForce.GTC}


def test_a_market_order_ignores_a_price_that_it_should_not_have() -> None:
    asked = request(order_type=OrderType.MARKET, limit_price_micros=None)
    plan = plan_route(asked, REFERENCE, context(FixedQuotes(QUOTE, 0.0)), QuoteBudget())
    assert [child.time_in_force for child in plan.children] == [TimeInForce.IOC]


def live(asked: RouteRequest, reference: Reference = REFERENCE) -> PlannedRoute:
    return decide_route(asked, reference, context(FixedQuotes(QUOTE, 0.001)), QuoteBudget())


def test_the_orders_profile_goes_before_the_accounts_and_that_before_the_default() -> None:
    assert explained(live(request())).profile == "default"
    assert explained(live(request(account_id="ACC-2"))).profile == "waiting"
    asked = Routing(profile="default")
    assert explained(live(request(account_id="ACC-2", routing=asked))).profile == "default"
    merged = effective_routing(Routing(avoid=("BATS",)), REFERENCE.accounts["ACC-2"], "default")
    assert merged == Routing(profile="waiting", avoid=("BATS", "XNYS"), prefer=("ARCX",))


@pytest.mark.parametrize(
    ("profile", "reason"),
    [
        ("nowhere", "UNKNOWN_PROFILE: profile=nowhere"),
        ("broken", "INVALID_PROFILE: profile=broken, problem=weights must not all be 0"),
    ],
)
def test_a_profile_that_cannot_be_used_places_nothing_and_says_so(profile: str, reason: str) -> None:
    route = live(request(routing=Routing(profile=profile)))
    plan = route.decided.plan
    assert (plan.children, plan.reason, plan.no_data) == ((), reason, False)
    assert {venue.reason for venue in explained(route).venues} == {reason}


def test_a_second_order_does_not_count_on_what_the_first_takes_from_the_same_book() -> None:
    used = context(FixedQuotes(QUOTE, 0.001))
    first = decide_route(request(quantity=150), REFERENCE, used, QuoteBudget())
    second = decide_route(request(quantity=150), REFERENCE, used, QuoteBudget())
    assert explained(first).venues[0].marketable_size == 200
    assert explained(second).venues[0].marketable_size == 50
    assert explained(second).venues[0].taken_before == 150
    sell = decide_route(request(side=Side.SELL, limit_price_micros=9_990_000), REFERENCE, used, QuoteBudget())
    assert explained(sell).venues[0].taken_before == 0


@pytest.mark.parametrize("side", Side)
def test_a_sale_of_what_is_borrowed_is_explained_as_one(side: Side) -> None:
    words = {Side.BUY: "Buy", Side.SELL: "Sell", Side.SELL_SHORT: "Sell short"}.get(side, "Sell short")
    summary = explained(live(request(side=side, limit_price_micros=10_000_000))).summary
    assert summary.startswith(f"{words} 100 AAPL ")


def test_a_preview_leaves_nothing_behind() -> None:
    used = context(FixedQuotes(QUOTE, 0.001))
    plan, explanation = preview_route(request(quantity=150), REFERENCE, used)
    assert [child.quantity for child in plan.children] == [150]
    assert explanation.expected_quantity == 150
    route = decide_route(request(), REFERENCE, used, QuoteBudget())
    assert explained(route).venues[0].taken_before == 0


def test_a_decision_is_reproduced_from_what_was_kept_of_it() -> None:
    stored = live(request(quantity=250)).decided
    again = decide_again(stored)
    assert again.plan == stored.plan
    assert again.digest == stored.digest
    assert is_proven(stored, again)


@pytest.mark.parametrize(
    "changes",
    [
        {"quote_age_us": 2_000_001},
        {"quote_age_us": 1_001},
        {"taken": {"ARCX": 1}},
        {"routing": Routing(profile="default", avoid=("ARCX",))},
        {"tick_micros": 20_000},
    ],
)
def test_inputs_that_were_changed_after_the_decision_are_noticed(changes: dict[str, Any]) -> None:
    stored = live(request(quantity=250)).decided
    changed = replace(stored, inputs=msgspec.structs.replace(stored.inputs, **changes))
    assert not is_proven(changed, decide_again(changed))


def test_a_plan_that_was_changed_after_the_decision_is_noticed() -> None:
    stored = live(request(quantity=250)).decided
    plan = stored.plan
    child = msgspec.structs.replace(plan.children[0], quantity=plan.children[0].quantity - 1)
    for changed in (
        msgspec.structs.replace(plan, children=(child, *plan.children[1:])),
        msgspec.structs.replace(plan, children=()),
        msgspec.structs.replace(plan, continues=True),
        msgspec.structs.replace(plan, no_data=True),
        msgspec.structs.replace(plan, reason="NO_LIQUIDITY"),
    ):
        assert not is_proven(replace(stored, plan=changed), decide_again(replace(stored, plan=changed)))


def test_a_fee_that_was_changed_after_the_decision_is_noticed_though_the_legs_stay() -> None:
    stored = live(request()).decided
    venues = tuple(replace(venue, remove_fee=Decimal("0.001")) for venue in CONTENT.venues)
    changed = replace(stored, content=msgspec.structs.replace(stored.content, venues=venues))
    again = decide_again(changed)
    assert again.plan == stored.plan
    assert not is_proven(changed, again)


def test_a_route_whose_inputs_are_gone_shows_its_plan_unproven() -> None:
    stored = live(request()).decided
    found = explain_route(KeptRoute(plan=stored.plan, digest=stored.digest, decided=None))
    assert (found.plan, found.explanation, found.proven) == (stored.plan, None, False)


def test_a_decision_again_follows_other_fees_weights_venues_and_strategies() -> None:
    stored = live(request(order_type=OrderType.MARKET, limit_price_micros=None)).decided
    dear = decide_again(stored, Changes(fees={"ARCX": (Decimal(0), Decimal("0.004"))}))
    assert dear.explain().expected_fee == Decimal("0.400000")
    staged = decide_again(stored, Changes(strategy="staged"))
    assert [(child.venue_id, child.hold_ms) for child in staged.plan.children] == [("DARK", 250)]
    without = decide_again(stored, Changes(without=("ARCX",)))
    assert (without.plan.children, without.plan.reason) == ((), "NO_VENUE: symbol=AAPL, considered=2")
    weighed = decide_again(stored, Changes(weights={"cost": "0.2"}))
    weights = {term.name: term.weight for term in weighed.explain().venues[0].terms}
    assert (weights["cost"], weights["price"]) == (Decimal("0.2"), Decimal("0.5"))
    other = decide_again(stored, Changes(profile=("waiting", CONTENT.profiles["waiting"])))
    assert (other.explain().profile, other.decision.strategy) == ("waiting", "staged")


def test_changes_that_make_no_sense_are_refused() -> None:
    stored = live(request()).decided
    with pytest.raises(InvalidProfileError, match=r"weights\.price must be 0 to 1"):
        decide_again(stored, Changes(weights={"price": "-1"}))
    with pytest.raises(InvalidProfileError, match="weights must not all be 0"):
        decide_again(stored, Changes(weights=dict.fromkeys(WEIGHTS, 0)))
    with pytest.raises(InvalidRequestError, match="found XXXX"):
        decide_again(stored, Changes(without=("XXXX",)))


def test_a_profiles_problems_are_listed() -> None:
    assert profile_problems("p", SETTINGS) == []
    assert len(profile_problems("p", {"weights": {"price": 2}, "strategy": "x"})) == 3
    retired = {"weights": WEIGHTS, "aggression_bps": 2}
    assert profile_problems("p", retired) == ["aggression_bps is no setting any more, aggression_ticks is"]
    assert read_profile("p", 1, retired).aggression_ticks == 1


def test_what_was_taken_counts_until_a_quote_can_show_it() -> None:
    used = context(FixedQuotes(QUOTE, 0.001))
    decide_route(request(quantity=150), REFERENCE, used, QuoteBudget())
    soon = NOW + TAKEN_SEEN_AFTER
    late = soon + timedelta(microseconds=1)
    assert used.taken.of(QUOTE, soon, buy=True) == {"ARCX": 150}
    assert used.taken.of(QUOTE, late, buy=True) == {}
    # Asking about a newer quote forgets nothing: a preview may ask while the loop works on an older one.
    assert used.taken.of(QUOTE, soon, buy=True) == {"ARCX": 150}


class MovingQuotes(FixedQuotes):
    """Quotes by a clock that is `skew` ahead of ours, each on its way for half a millisecond."""

    def __init__(self, skew: timedelta) -> None:
        super().__init__(None, 0.0)
        self._skew = skew
        self.now = NOW

    def make(self, made_at: datetime) -> None:
        """Make a quote at this time of ours, and look at it as soon as it has come."""
        self._quote = msgspec.structs.replace(QUOTE, quoted_at=made_at + self._skew)
        self.now = made_at + timedelta(microseconds=500)


@pytest.mark.parametrize("skew_ms", [-3_600_000, -100, -5, 0, 5, 100, 3_600_000])
def test_a_clock_that_is_wrong_takes_nothing_twice_and_hides_nothing(skew_ms: int) -> None:
    quotes = MovingQuotes(timedelta(milliseconds=skew_ms))
    used = replace(context(quotes), clock=lambda: quotes.now)

    def left(made_at: datetime, visits: tuple[VenueVisit, ...] = ()) -> int:
        quotes.make(made_at)
        over_at = made_at + timedelta(milliseconds=20)
        asked = msgspec.structs.replace(request(quantity=150), requested_at=over_at, visits=visits)
        found = explained(decide_route(asked, REFERENCE, used, QuoteBudget()))
        return found.venues[0].marketable_size

    assert left(NOW) == 200
    assert left(NOW + timedelta(milliseconds=10)) == 50
    # What the first took shows by now; what the second took, the 50 that were left, does not.
    assert left(NOW + timedelta(milliseconds=25)) == 150
    assert left(NOW + timedelta(milliseconds=500)) == 200
    visit = VenueVisit(venue_id="ARCX", children=1, sent=150, filled=150, last_at=NOW + timedelta(seconds=1))
    assert left(NOW + timedelta(milliseconds=990), (visit,)) == 50
    assert left(NOW + timedelta(milliseconds=1_010), (visit,)) == 150
    # A venue's clock says that it is over in two minutes; it was when the route was asked for.
    ahead = msgspec.structs.replace(visit, last_at=NOW + timedelta(minutes=2))
    quotes.make(NOW + timedelta(milliseconds=1_500))
    asked = msgspec.structs.replace(request(quantity=150), requested_at=NOW, visits=(ahead,))
    found = explained(decide_route(asked, REFERENCE, used, QuoteBudget()))
    assert found.venues[0].marketable_size == 200


@given(
    st.integers(-(10**9), 10**9),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**5)), min_size=1, max_size=30),
    st.integers(1, 3 * 10**6),
)
def test_a_time_by_our_clock_is_late_by_no_more_than_the_quickest_way(
    skew_us: int, quotes: list[tuple[int, int]], stretch_us: int
) -> None:
    clock, came_us = QuoteClock(stretch_us), 0
    ways: list[tuple[int, int]] = []
    for gap_us, way_us in quotes:
        came_us += gap_us
        ways.append((came_us, way_us))
        made_us = came_us - way_us
        late_us = made_us + skew_us + clock.note(made_us + skew_us, came_us) - made_us
        assert 0 <= late_us <= way_us
        assert min(way for _, way in ways) <= late_us
        assert late_us <= min(way for at, way in ways if came_us - at < stretch_us)


def test_a_clock_that_was_set_is_known_after_two_stretches() -> None:
    clock = QuoteClock(1_000)
    assert [clock.note(at - 7, at) for at in (0, 500, 999)] == [7, 7, 7]
    assert [clock.note(at - 5_007, at) for at in (1_000, 1_900, 2_000, 2_100)] == [7, 7, 5_007, 5_007]


@pytest.mark.parametrize("late_s", [0, 1, 30])
def test_a_feed_that_flows_but_is_late_is_as_old_as_it_is_late(late_s: int) -> None:
    quotes = MovingQuotes(timedelta(hours=2))
    used = replace(context(quotes), clock=lambda: quotes.now)
    quotes.make(NOW)
    assert len(plan_route(request(), REFERENCE, used, QuoteBudget()).children) == 1
    quotes.make(NOW + timedelta(seconds=10))
    quotes.now += timedelta(seconds=late_s)
    plan = plan_route(request(), REFERENCE, used, QuoteBudget())
    if late_s < 2:
        assert plan.children
    else:
        assert plan.reason == "STALE_QUOTE: age_ms=30000, age_ms_max=2000"


def test_what_stood_already_when_a_stream_began_is_not_late_however_old_it_is() -> None:
    quotes = MovingQuotes(timedelta(hours=2))
    used = replace(context(quotes), clock=lambda: quotes.now)
    quotes.make(NOW)
    assert plan_route(request(), REFERENCE, used, QuoteBudget()).children
    quotes.changes = False
    quotes.make(NOW - timedelta(hours=1))
    assert plan_route(request(), REFERENCE, used, QuoteBudget()).children


# As the audit kept them before fees that are not known, halts, reference prices and clocks were in them.
INPUTS_OF_BEFORE = b"""{"request":{"routeId":"0190a0b0-0000-7000-8000-000000000002",
"orderId":"0190a0b0-0000-7000-8000-000000000001","attempt":1,"quantity":100,
"requestedAt":"2026-01-02T03:04:05Z","terms":{"accountId":"ACC-1","channel":"REST","clientOrderId":"c-1",
"symbol":"AAPL","side":"SIDE_BUY","orderType":"ORDER_TYPE_LIMIT","timeInForce":"TIME_IN_FORCE_DAY",
"quantity":100,"limitPriceMicros":10050000}},"routing":{"profile":"default"},"tick_micros":10000,
"quote_age_us":1000,"quote_age_us_max":2000000,"taken":{"ARCX":30}}"""
CONTENT_OF_BEFORE = b"""{"venues":[{"venue_id":"ARCX","lit":true,"active":true,"latency_us":1,
"add_fee":"-0.002","remove_fee":"0.003","lot_size":1,"min_quantity":1}],"profiles":{"default":{"version":3,"settings":{
"weights":{"price":"0.5"},"aggression_bps":10}}},"stats":{"ARCX":{"take_fill_ppm":900000,
"rest_fill_ppm":500000,"hidden_ppm":0,"latency_us":700,"reject_ppm":1000,"orders":50}}}"""


def test_what_was_kept_before_is_still_read_and_decided() -> None:
    inputs = msgspec.json.decode(INPUTS_OF_BEFORE, type=FrozenInputs)
    content = msgspec.json.decode(CONTENT_OF_BEFORE, type=ReferenceContent)
    plan = refused_plan(inputs.request, "", NOW)
    before = Decided(plan=plan, inputs=inputs, quote=QUOTE, content=content, digest=b"")
    worked = decide_again(before)
    assert [(child.venue_id, child.quantity) for child in worked.plan.children] == [("ARCX", 100)]
    assert worked.explain().venues[0].taken_before == 30
    # Other rules may have decided it: it explains itself, and nothing is proven.
    found = explain_route(KeptRoute(plan=plan, digest=b"", decided=before))
    assert found.explanation is not None and not found.proven


def test_a_venues_own_silence_is_of_the_quotes_clock_and_is_kept_with_it() -> None:
    silent = msgspec.structs.replace(QUOTE.venues[0], venue_id="BATS", heard_at=NOW - timedelta(seconds=9))
    quote = msgspec.structs.replace(QUOTE, venues=(*QUOTE.venues, silent))
    venues = (*CONTENT.venues, replace(CONTENT.venues[0], venue_id="BATS"))
    reference = replace(REFERENCE, content=msgspec.structs.replace(CONTENT, venues=venues))
    used = replace(context(FixedQuotes(quote, 0.001)), clock=lambda: NOW + timedelta(days=1))
    route = decide_route(request(), reference, used, QuoteBudget())
    assert [child.venue_id for child in route.decided.plan.children] == ["ARCX"]
    found = {venue.venue_id: venue for venue in explained(route).venues}
    assert (found["BATS"].reason, found["BATS"].quote_age_us) == ("quote 9.0 s old", 9_001_000)
    assert decode("Quote", encode(quote)) == quote


def test_a_quote_that_does_not_change_stands_as_long_as_its_stream_lives() -> None:
    quotes = FixedQuotes(QUOTE, 3_600.0)
    assert plan_route(request(), REFERENCE, context(quotes), QuoteBudget()).no_data
    quotes = FixedQuotes(QUOTE, 3_600.0, silent_s=0.2)
    assert plan_route(request(), REFERENCE, context(quotes), QuoteBudget()).children
    assert quotes.questions == []
