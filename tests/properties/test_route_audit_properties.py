"""Whatever was decided, the audit gives the same decision again, and notices what was changed of it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from oms_platform.ids import uuid7
from oms_platform.market_rules import LONG_STANDING
from oms_platform.messages import Quote, RouteRequest, VenueQuote
from oms_platform.order_ids import route_id
from oms_platform.vocabulary import ExecInst, OrderTerms, OrderType, Routing, Side, TimeInForce, VenueVisit
from sor_engine.domain.market import Venue, VenueStats
from sor_engine.domain.profile import Profile, StrategyName, read_profile
from sor_engine.handlers import (
    QuoteBudget,
    RoutingContext,
    decide_again,
    is_proven,
    plan_route,
)
from sor_engine.ports import (
    Decided,
    FrozenInputs,
    PlannedRoute,
    Reference,
    ReferenceContent,
    StoredProfile,
)
from tests.properties.test_routing_properties import NAMES, books, knowledge, limits, venues

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
WEIGHTS = {"price": "0.5", "liquidity": "0.25", "fill_rate": "0.15", "cost": "0.1"}
SETTINGS = {name.value: {"strategy": name.value, "weights": WEIGHTS} for name in StrategyName}
PROFILES: dict[str, Profile] = {name: read_profile(name, 1, kept) for name, kept in SETTINGS.items()}


LONG_AGO = NOW - timedelta(seconds=9)


class DrawnQuotes:
    """A feed that has what was drawn."""

    def __init__(self, quote: Quote | None, age_s: float, outflows: dict[str, tuple[int, ...]]) -> None:
        self._quote, self._age_s, self._outflows = quote, age_s, outflows

    def quote(self, symbol: str) -> Quote | None:
        return self._quote

    def age_s(self, symbol: str) -> float:
        return self._age_s

    def is_change(self, symbol: str) -> bool:
        """Return whether the newest quote came when it was made: always."""
        return True

    def silent_s(self, symbol: str) -> float:
        return self.age_s(symbol)

    def fresh_quote(self, symbol: str, *, age_ms_max: int, timeout_ms: int, trace: str = "") -> Quote | None:
        return self._quote

    def outflows(self, symbol: str, *, buy: bool, horizon_ms: int) -> dict[str, tuple[int, ...]]:
        return self._outflows


@st.composite
def route_requests(draw: st.DrawFn) -> RouteRequest:
    order_id, attempt, limit = uuid7(), draw(st.integers(1, 20)), draw(limits)
    names = st.lists(st.sampled_from((*NAMES, "GONE")), max_size=2, unique=True).map(tuple)
    profile = st.sampled_from(("", *(3 * tuple(SETTINGS)), "nowhere", "broken"))
    return RouteRequest(
        route_id=route_id(order_id, attempt),
        order_id=order_id,
        attempt=attempt,
        quantity=draw(st.integers(1, 3_000)),
        requested_at=NOW,
        visits=draw(
            st.lists(
                st.builds(
                    VenueVisit,
                    venue_id=st.sampled_from(NAMES),
                    children=st.integers(1, 3),
                    sent=st.integers(1, 500),
                    filled=st.integers(0, 100),
                    rejected=st.integers(0, 1),
                    last_at=st.just(NOW),
                ),
                max_size=3,
                unique_by=lambda visit: visit.venue_id,
            ).map(tuple)
        ),
        terms=OrderTerms(
            account_id=draw(st.sampled_from(("ACC-1", "ACC-2"))),
            channel="REST",
            client_order_id=draw(st.text(min_size=1, max_size=4)),
            symbol=draw(st.sampled_from((*(9 * ("AAPL",)), "NOPE"))),
            side=draw(st.sampled_from(Side)),
            order_type=OrderType.MARKET if limit is None else OrderType.LIMIT,
            time_in_force=draw(st.sampled_from(TimeInForce)),
            quantity=3_000,
            limit_price_micros=limit,
            min_quantity=draw(st.sampled_from((0, 0, 1, 150))),
            routing=draw(
                st.none() | st.builds(Routing, profile=profile, avoid=names, prefer=names),
            ),
        ),
    )


@st.composite
def routes(draw: st.DrawFn) -> PlannedRoute:
    considered: tuple[Venue, ...] = tuple(replace(one, auction_orders=True) for one in draw(venues()))
    book: dict[str, VenueQuote] | None = draw(books())
    known: dict[str, Any] = draw(knowledge())
    quote = None
    if book is not None:
        quote = Quote(
            symbol="AAPL",
            sequence=1,
            quoted_at=NOW,
            venues=tuple(
                msgspec.structs.replace(shown, heard_at=draw(st.sampled_from((None, None, NOW, LONG_AGO))))
                for shown in book.values()
            ),
            national_best_bid=Decimal(10),
        )
    reference = Reference(
        content=ReferenceContent(
            venues=considered,
            profiles={name: StoredProfile(1, kept) for name, kept in SETTINGS.items()},
            stats=known["stats"],
            closed=known["closed"],
            beliefs=known["beliefs"],
        ),
        profiles=PROFILES,
        unusable={"broken": "weights must not all be 0"},
        default_profile="sweep",
        accounts={"ACC-2": Routing(profile="dark", avoid=("BATS",))},
        rules=LONG_STANDING.on(date(2025, 1, 2)),
        not_traded=draw(st.sampled_from(({}, {}, {}, {"AAPL": "HALTED"}))),
        reference_micros=draw(st.sampled_from(({"AAPL": 100_000_000}, {"AAPL": 2_000_000}))),
        listing_venues={"AAPL": "XNYS"},
    )
    context = RoutingContext(
        quotes=DrawnQuotes(
            quote, draw(st.sampled_from((0.0, 0.001, 0.5, 1.5, 1.999, 2.5))), known["outflows"]
        ),
        clock=lambda: NOW,
        stopwatch=lambda: 0,
        quote_age_ms_max=2_000,
        quote_timeout_ms=0,
    )
    return plan_route(draw(route_requests()), reference, context, QuoteBudget(0))


def kept(route: PlannedRoute) -> Decided:
    """Return a route as it is read back from what is stored of it."""
    decided = route.decided
    content = msgspec.json.Encoder(decimal_format="string").encode(decided.content)
    return replace(
        decided,
        inputs=msgspec.json.decode(route.inputs, type=FrozenInputs),
        content=msgspec.json.decode(content, type=ReferenceContent),
    )


# Why there is no market to decide on, which another look may find: of an auction, its venue or a price.
NO_MARKET_YET = ("NO_QUOTE", "STALE_QUOTE", "NOT_TRADED", "AUCTION_VENUE_CLOSED", "NO_REFERENCE_PRICE")


@settings(max_examples=300, deadline=None)
@given(routes())
def test_what_was_kept_gives_the_stored_digest(route: PlannedRoute) -> None:
    stored = kept(route)
    again = decide_again(stored)
    assert again.digest == stored.digest
    assert is_proven(stored, again)
    assert again.plan.no_data == again.plan.reason.startswith(NO_MARKET_YET)


@settings(max_examples=300, deadline=None)
@given(
    routes(),
    st.fixed_dictionaries(
        {},
        optional={
            "quote_age_us": st.integers(0, 3_000_000),
            "quote_age_us_max": st.integers(0, 3_000_000),
            "tick_micros": st.none() | st.integers(1, 100_000),
            "taken": st.dictionaries(st.sampled_from(NAMES), st.integers(0, 500), max_size=2),
            "outflows": st.just({"XNYS": (1, 2, 3)}),
            "not_traded": st.sampled_from(("", "HALTED", "INACTIVE")),
            "reference_micros": st.none() | st.integers(1, 4_000_000),
            "quote_clock_us": st.integers(-10_000, 10_000),
            "routing": st.builds(Routing, profile=st.sampled_from(tuple(SETTINGS))),
        },
    ),
)
def test_inputs_that_were_changed_are_noticed(route: PlannedRoute, changes: dict[str, Any]) -> None:
    stored = kept(route)
    inputs = msgspec.structs.replace(stored.inputs, **changes)
    assume(inputs != stored.inputs)
    changed = replace(stored, inputs=inputs)
    assert not is_proven(changed, decide_again(changed))


@settings(max_examples=300, deadline=None)
@given(routes(), st.data())
def test_a_stored_plan_that_was_changed_is_noticed(route: PlannedRoute, data: st.DataObject) -> None:
    stored = kept(route)
    plan = stored.plan
    field = data.draw(st.sampled_from(("quantity", "reason", "continues", "no_data", "attempt", "children")))
    value: object
    match field:
        case "quantity" | "attempt":
            value = getattr(plan, field) + data.draw(st.integers(1, 9))
        case "reason":
            value = f"{plan.reason} {data.draw(st.text(max_size=3))}"
        case "children":
            assume(plan.children)
            number = data.draw(st.integers(0, len(plan.children) - 1))
            child = plan.children[number]
            other = data.draw(
                st.sampled_from(
                    (
                        {"quantity": child.quantity + 1},
                        {"limit_price_micros": child.limit_price_micros + 1},
                        {"venue_id": f"{child.venue_id}X"},
                        {"hold_ms": child.hold_ms + 1},
                        {"min_quantity": child.min_quantity + 1},
                        {"exec_inst": next(one for one in (None, *ExecInst) if one is not child.exec_inst)},
                    )
                )
            )
            children = list(plan.children)
            children[number] = msgspec.structs.replace(child, **other)
            value = tuple(children)
        case _:
            value = not getattr(plan, field)
    changed = replace(stored, plan=msgspec.structs.replace(plan, **{field: value}))
    assert not is_proven(changed, decide_again(changed))


@settings(max_examples=200, deadline=None)
@given(
    routes(),
    st.sampled_from(NAMES),
    st.builds(
        VenueStats,
        take_fill_ppm=st.integers(0, 1_000_000),
        rest_fill_ppm=st.integers(0, 1_000_000),
        hidden_ppm=st.integers(0, 1_000_000),
        latency_us=st.integers(0, 4_000),
        orders=st.just(1_000),
    ),
)
def test_measurements_that_were_changed_are_noticed_where_they_counted(
    route: PlannedRoute, venue_id: str, stats: VenueStats
) -> None:
    stored = kept(route)
    content = msgspec.structs.replace(stored.content, stats={**stored.content.stats, venue_id: stats})
    again = decide_again(replace(stored, content=content))
    before = decide_again(stored)
    assert is_proven(stored, again) == (
        (again.plan, again.decision.scores, again.decision.takes)
        == (before.plan, before.decision.scores, before.decision.takes)
    )
