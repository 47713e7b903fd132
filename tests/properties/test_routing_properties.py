"""Whatever the market looks like, a routing decision keeps its promises."""

from dataclasses import replace
from decimal import Decimal

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from oms_platform.messages import VenueQuote
from oms_platform.venue_limits import VenueBound
from oms_platform.vocabulary import ExecInst, TimeInForce
from sor_engine.domain.market import DarkBelief, Market, Request, Venue, VenueStats, Visit, dollars
from sor_engine.domain.plan import Decision
from sor_engine.domain.profile import Profile, StrategyName, read_profile
from sor_engine.domain.routing import decide

TICK = Decimal("0.01")
TICK_MICROS = 10_000
NAMES = ("XNYS", "XNAS", "ARCX", "BATS", "EDGX", "DARK")
PROFILE_WEIGHTS = st.tuples(*[st.integers(0, 100) for _ in range(5)]).filter(any)

fees = st.one_of(
    st.none(), *[st.integers(-30, 30).map(lambda tenth_mils: Decimal(tenth_mils) / 10_000) for _ in range(5)]
)
# Mostly near each other, so that venues stand at, beside and through each other's quotes.
prices = st.one_of(st.integers(-1, 400), st.integers(197, 203), st.integers(199, 201)).map(
    lambda cents: cents * TICK
)
sizes = st.integers(-1, 900)
sides = st.lists(st.tuples(prices, sizes), max_size=5)


@st.composite
def venues(draw: st.DrawFn) -> tuple[Venue, ...]:
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=6))
    return tuple(
        Venue(
            venue_id=name,
            lit=name != "DARK",
            active=draw(st.sampled_from((True, True, True, False))),
            latency_us=draw(st.integers(0, 3)),
            add_fee=draw(fees),
            remove_fee=draw(fees),
            lot_size=draw(st.sampled_from((1, 1, 1, 100))),
            min_quantity=draw(st.sampled_from((1, 1, 1, 50, 200))),
        )
        for name in names
    )


@st.composite
def books(draw: st.DrawFn) -> dict[str, VenueQuote] | None:
    if draw(st.integers(0, 9)) == 0:
        return None
    book = {}
    for name in draw(st.lists(st.sampled_from(NAMES), unique=True)):
        bids, asks = draw(sides), draw(sides)
        book[name] = VenueQuote(
            venue_id=name,
            bid_prices=tuple(price for price, _ in bids),
            bid_sizes=tuple(size for _, size in bids),
            ask_prices=tuple(price for price, _ in asks),
            ask_sizes=tuple(size for _, size in asks),
        )
    return book


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    weights = [str(Decimal(weight) / 100) for weight in draw(PROFILE_WEIGHTS)]
    then = draw(st.sampled_from(("best", "sweep", "split")))
    return read_profile(
        "drawn",
        1,
        {
            "strategy": draw(st.sampled_from([name.value for name in StrategyName])),
            "weights": dict(
                zip(("price", "liquidity", "fill_rate", "latency", "cost"), weights, strict=True)
            ),
            "aggression_ticks": draw(st.integers(0, 30)),
            "market_collar_bps": draw(st.sampled_from((0, 30, 100, 4_000))),
            "staged": {"then": then},
            "passive": {"then": then},
            "dark": {"then": then},
        },
    )


@st.composite
def knowledge(draw: st.DrawFn) -> dict[str, dict[str, object]]:
    rates = st.integers(0, 1_000_000)
    stats = st.builds(
        VenueStats,
        take_fill_ppm=rates,
        rest_fill_ppm=rates,
        hidden_ppm=rates,
        latency_us=st.integers(0, 10_000),
        orders=st.integers(0, 100),
    )
    some = st.sampled_from(NAMES)
    windows = draw(st.integers(1, 12))
    return {
        "stats": draw(st.dictionaries(some, stats, max_size=3)),
        "closed": draw(st.dictionaries(some, st.just("DOWN: session=down"), max_size=2)),
        "outflows": draw(
            st.dictionaries(
                some,
                st.lists(st.integers(0, 2_000), min_size=windows, max_size=windows).map(tuple),
                max_size=3,
            )
        ),
        "beliefs": draw(
            st.dictionaries(
                st.just("DARK"),
                st.builds(
                    DarkBelief,
                    unit=st.just(100),
                    tail_ppm=st.lists(rates, min_size=1, max_size=5).map(
                        lambda tail: tuple(sorted(tail)[::-1])
                    ),
                ),
            )
        ),
        "taken": draw(st.dictionaries(some, st.integers(0, 500), max_size=2)),
    }


limits = st.one_of(
    st.none(),
    st.integers(1, 40_000).map(lambda mils: mils * 1_000),
    st.integers(196, 204).map(lambda cents: cents * TICK_MICROS),
)
bounds = st.dictionaries(
    st.sampled_from(NAMES),
    st.one_of(
        st.builds(VenueBound, quantity_max=st.integers(1, 600), words=st.just("so many")),
        st.builds(VenueBound, notional_max_micros=st.integers(1, 2_000_000_000), words=st.just("so much")),
        st.just(VenueBound(barred="TRADER_NOT_PERMITTED: permitted=no")),
    ),
    max_size=3,
)
requests = st.builds(
    Request,
    symbol=st.just("AAPL"),
    buy=st.booleans(),
    quantity=st.one_of(st.integers(1, 3000), st.integers(1, 300)),
    time_in_force=st.sampled_from(TimeInForce),
    limit_micros=limits,
    tick_micros=st.just(TICK_MICROS),
    sub_dollar_tick_micros=st.sampled_from((0, 0, 100)),
    min_quantity=st.sampled_from((0, 0, 0, 1, 70, 400, 5_000)),
    seed=st.integers(0, 2**63 - 1),
    avoid=st.frozensets(st.sampled_from(NAMES), max_size=2),
    prefer=st.frozensets(st.sampled_from(NAMES), max_size=2),
    reference_micros=st.one_of(st.none(), st.integers(100_000, 4_000_000)),
    visits=st.lists(
        st.builds(
            Visit,
            venue_id=st.sampled_from(NAMES),
            children=st.integers(1, 3),
            sent=st.integers(1, 500),
            filled=st.integers(0, 100),
            rejected=st.integers(0, 1),
            in_book=st.booleans(),
        ),
        max_size=3,
        unique_by=lambda visit: visit.venue_id,
    ).map(tuple),
    bounds=st.one_of(st.just({}), bounds),
)
ages = st.sampled_from((0, 1_000, 2_000_000, 2_000_001, 2**31 - 1))


Case = tuple[
    Request, dict[str, VenueQuote] | None, tuple[Venue, ...], Profile, int, dict[str, dict[str, object]]
]
cases = st.tuples(requests, books(), venues(), profiles(), ages, knowledge())


def ask(case: Case) -> Decision:
    request, book, considered, profile, age, known = case
    market = Market(
        venues=considered,
        book=book,
        quote_age_us=age,
        quote_age_us_max=2_000_000,
        **known,  # type: ignore[arg-type]
    )
    return decide(request, market, profile)


@settings(max_examples=300, deadline=None)
@given(cases)
def test_legs_keep_unchanged_limit_tick_lot_and_minimum(case: Case) -> None:
    request, _, considered, _, _, known = case
    decision = ask(case)
    by_name = {venue.venue_id: venue for venue in considered}
    assert sum(leg.quantity for leg in decision.legs) <= request.quantity
    assert bool(decision.legs) != bool(decision.reason)
    immediate = request.limit_micros is None or request.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)
    for leg in decision.legs:
        venue = by_name[leg.venue_id]
        assert leg.quantity > 0
        assert leg.quantity % venue.lot_size == 0
        assert leg.quantity >= venue.min_quantity
        # Never less than the order's minimum, or all that is left of it; and the venue is told so.
        assert leg.quantity >= min(request.min_quantity, request.quantity)
        assert leg.min_quantity == min(request.min_quantity, leg.quantity)
        assert leg.limit_micros > 0
        assert leg.limit_micros % request.ticks.at(leg.limit_micros) == 0
        assert venue.active
        assert leg.venue_id not in request.avoid
        assert leg.venue_id not in known["closed"]
        bound = request.bounds.get(leg.venue_id)
        if bound is not None:
            # What the last gate would not let out is not sent to it, nor several orders in its place.
            assert not bound.barred
            there = [one for one in decision.legs if one.venue_id == leg.venue_id]
            worth = sum(one.quantity * one.limit_micros for one in there)
            assert not bound.quantity_max or sum(one.quantity for one in there) <= bound.quantity_max
            assert not bound.notional_max_micros or worth <= bound.notional_max_micros
        if request.limit_micros is not None:
            within = (
                leg.limit_micros <= request.limit_micros
                if request.buy
                else leg.limit_micros >= request.limit_micros
            )
            assert within
        if request.time_in_force is TimeInForce.FOK:
            assert leg.time_in_force is TimeInForce.FOK
        elif leg.time_in_force is not TimeInForce.IOC:
            # What rests does so by the order's own time in force, and a market order's only for a time.
            assert leg.time_in_force is request.time_in_force
            assert leg.hold_ms or not immediate
    if decision.legs and request.time_in_force is TimeInForce.FOK:
        assert [leg.quantity for leg in decision.legs] == [request.quantity]


@settings(max_examples=300, deadline=None)
@given(
    cases,
    st.sampled_from((TimeInForce.OPG, TimeInForce.CLO)),
    st.sampled_from((*NAMES, "NONE")),
    st.frozensets(st.sampled_from(NAMES), min_size=2),
)
def test_an_order_for_an_auction_goes_whole_to_its_listing_venue_or_nowhere(
    case: Case, force: TimeInForce, listing_venue: str, takers: frozenset[str]
) -> None:
    asked = msgspec.structs.replace(
        case[0], time_in_force=force, listing_venue=listing_venue, min_quantity=0, bounds={}
    )
    considered = tuple(replace(one, auction_orders=one.venue_id in takers) for one in case[2])
    decision = ask((asked, case[1], considered, *case[3:]))
    venue = next((one for one in considered if one.venue_id == listing_venue), None)
    outcomes = decision.account().venues
    assert {one.venue_id for one in outcomes} == {one.venue_id for one in considered}
    assert {one.venue_id for one in outcomes if one.chosen} == {leg.venue_id for leg in decision.legs}
    may_go = (
        venue is not None
        and venue.active
        and venue.auction_orders
        and listing_venue not in asked.avoid
        and listing_venue not in case[5]["closed"]
        and not asked.quantity % venue.lot_size
        and asked.quantity >= venue.min_quantity
    )
    if not may_go:
        assert not decision.legs and decision.reason.startswith(("NO_AUCTION_VENUE", "AUCTION_VENUE_CLOSED"))
        return
    if not decision.legs:
        assert decision.reason.startswith(("NO_REFERENCE_PRICE", "PRICE_BELOW_TICK"))
        return
    (leg,) = decision.legs
    assert (leg.venue_id, leg.quantity, leg.time_in_force) == (listing_venue, asked.quantity, force)
    assert (leg.exec_inst, leg.hold_ms, leg.display_quantity, leg.min_quantity) == (None, 0, 0, 0)
    assert leg.limit_micros > 0 and leg.limit_micros % asked.ticks.at(leg.limit_micros) == 0
    if asked.limit_micros is not None:
        worse = leg.limit_micros > asked.limit_micros if asked.buy else leg.limit_micros < asked.limit_micros
        assert not worse
    assert not decision.takes


@settings(max_examples=300, deadline=None)
@given(cases.filter(lambda case: case[0].limit_micros is None))
def test_a_market_order_never_reaches_beyond_its_collar(case: Case) -> None:
    request, _, _, profile, _, _ = case
    decision = ask(case)
    if not decision.legs:
        return
    far = [side[0][0] for name in lit_names(case) if (side := displayed(case, name, far=True))]
    near = [side[0][0] for name in lit_names(case) if (side := displayed(case, name, far=False))]
    if far and near:
        touch = min(far) if request.buy else max(far)
        middle = (touch + (max(near) if request.buy else min(near))) / 2
    else:
        assert request.reference_micros is not None
        middle = dollars(request.reference_micros)
    reach = middle * profile.market_collar_bps / 10_000
    for leg in decision.legs:
        limit = dollars(leg.limit_micros)
        assert limit <= middle + reach if request.buy else limit >= middle - reach


@settings(max_examples=200, deadline=None)
@given(cases)
def test_every_venue_has_a_reason_and_its_arithmetic_reconciles(case: Case) -> None:
    _, _, considered, _, _, _ = case
    decision = ask(case)
    account = decision.account()
    assert sorted(o.venue_id for o in account.venues) == sorted(v.venue_id for v in considered)
    allocated: dict[str, int] = {}
    for leg in decision.legs:
        allocated[leg.venue_id] = allocated.get(leg.venue_id, 0) + leg.quantity
    for outcome in account.venues:
        assert outcome.reason
        assert outcome.chosen == (outcome.venue_id in allocated)
        assert outcome.allocated == allocated.get(outcome.venue_id, 0)
        assert outcome.expected_quantity <= outcome.allocated
        assert outcome.score == sum((term.contribution for term in outcome.terms), Decimal(0))
        for term in outcome.terms:
            assert 0 <= term.value <= 1
            assert term.contribution == round(term.weight * term.value, 6)
    ranked = [outcome.score for outcome in account.venues if outcome.terms]
    assert ranked == sorted(ranked, reverse=True)
    assert account.summary.endswith(".")
    expected = account.expected
    if decision.legs:
        assert expected.quantity == sum(outcome.expected_quantity for outcome in account.venues)
        assert expected.notional == sum(outcome.expected_notional for outcome in account.venues)
        assert expected.fee == sum(outcome.expected_fee for outcome in account.venues)


@settings(max_examples=200, deadline=None)
@given(cases)
def test_the_same_inputs_and_seed_give_the_same_plan(case: Case) -> None:
    first = ask(case)
    again = ask(case)
    assert again.account() == first.account()
    assert replace(again, account=first.account) == first
    request, book, considered, profile, age, known = case
    shuffled = ask((request, book, tuple(reversed(considered)), profile, age, known))
    assert sorted(shuffled.legs, key=str) == sorted(first.legs, key=str)


# ---- what is displayed, and what an order owes it, said without the router's code


def lit_names(case: Case) -> list[str]:
    """Return who displays something: everybody quoted that is not known to be dark."""
    dark = {venue.venue_id for venue in case[2] if not venue.lit}
    return [name for name in case[1] or {} if name not in dark]


def displayed(case: Case, name: str, *, far: bool, taken: bool = True) -> list[tuple[Decimal, int]]:
    """Return a side of a venue, best first, without what is taken that the book cannot show yet."""
    request, book, _, _, _, known = case
    asks = request.buy == far
    shown = (book or {})[name]
    pairs = zip(
        *((shown.ask_prices, shown.ask_sizes) if asks else (shown.bid_prices, shown.bid_sizes)), strict=True
    )
    left = sorted((pair for pair in pairs if pair[0] > 0 and pair[1] > 0), reverse=not asks)
    gone = 0
    before = known["taken"].get(name, 0)
    if far and taken and isinstance(before, int):
        gone = before
    for visit in request.visits:
        if far and taken and visit.venue_id == name and not visit.in_book:
            gone = max(gone or visit.sent, visit.filled)
    shares = [price for price, size in left for _ in range(size)][gone:]
    return [(price, shares.count(price)) for price in sorted(set(shares), reverse=not asks)]


def quote_of(case: Case, name: str) -> tuple[Decimal, int] | None:
    """Return a venue's protected quote: the first price at which its lot and minimum let an order trade."""
    venue = next((venue for venue in case[2] if venue.venue_id == name), None)
    lot, minimum = (1, 1) if venue is None else (venue.lot_size, venue.min_quantity)
    total = 0
    for price, size in displayed(case, name, far=True):
        total += size
        if total // lot * lot >= max(lot, minimum):
            return price, total // lot * lot
    return None


def is_owed(case: Case, decision: Decision, name: str) -> bool:
    """Say whether a venue's quote is protected: not if it is closed, or refused the order and is unused."""
    refused = any(visit.venue_id == name and visit.rejected for visit in case[0].visits)
    used = name in {leg.venue_id for leg in decision.legs}
    return name not in case[5]["closed"] and (used or not refused)


def is_better(request: Request, price: Decimal, limit_micros: int) -> bool:
    return price < dollars(limit_micros) if request.buy else price > dollars(limit_micros)


def reaching(request: Request, decision: Decision, name: str, price: Decimal) -> int:
    """Return the shares of a plan that go to a venue and may take this price."""
    return sum(
        leg.quantity
        for leg in decision.legs
        if leg.venue_id == name and not is_better(request, dollars(leg.limit_micros), int(price * 1_000_000))
    )


@settings(max_examples=600, deadline=None)
@given(cases)
def test_a_leg_goes_past_a_protected_quote_only_in_a_sweep_that_takes_all_of_it(case: Case) -> None:
    request, considered = case[0], case[2]
    decision = ask(case)
    dark = {venue.venue_id for venue in considered if not venue.lit}
    for leg in decision.legs:
        if leg.venue_id in dark:
            assert leg.exec_inst is ExecInst.MIDPOINT_PEG
            continue
        past = [
            name
            for name in lit_names(case)
            if name != leg.venue_id
            and (side := displayed(case, name, far=True, taken=False))
            and is_better(request, side[0][0], leg.limit_micros)
        ]
        # It says that it is a sweep if, and only if, a venue would find a better quote elsewhere.
        assert leg.exec_inst is (ExecInst.INTERMARKET_SWEEP if past else None)
        for name in past:
            quote = quote_of(case, name)
            if (
                quote is not None
                and is_owed(case, decision, name)
                and is_better(request, quote[0], leg.limit_micros)
            ):
                assert reaching(request, decision, name, quote[0]) >= quote[1]


@settings(max_examples=600, deadline=None)
@given(cases)
def test_what_rests_locks_and_crosses_no_protected_quote(case: Case) -> None:
    request, considered = case[0], case[2]
    decision = ask(case)
    dark = {venue.venue_id for venue in considered if not venue.lit}
    for leg in decision.legs:
        if leg.venue_id in dark or leg.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
            continue
        for name in lit_names(case):
            quote = quote_of(case, name)
            if quote is None or not is_owed(case, decision, name):
                continue
            locks = not is_better(request, dollars(leg.limit_micros), int(quote[0] * 1_000_000))
            assert not locks or reaching(request, decision, name, quote[0]) >= quote[1]


@settings(max_examples=300, deadline=None)
@given(cases)
def test_no_better_displayed_price_is_left_while_a_worse_one_is_taken(case: Case) -> None:
    request = case[0]
    decision = ask(case)
    worst: list[Decimal] = []
    for name, shares in decision.takes.items():
        side = [price for price, size in displayed(case, name, far=True) for _ in range(size)]
        worst += [side[shares - 1]] if shares else []
    for name in lit_names(case):
        quote = quote_of(case, name)
        if not worst or quote is None or not is_owed(case, decision, name):
            continue
        limit = int((max(worst) if request.buy else min(worst)) * 1_000_000)
        assert not is_better(request, quote[0], limit) or decision.takes.get(name, 0) >= quote[1]
