"""Whatever the market looks like, a routing decision keeps its promises."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from oms_platform.messages import VenueQuote
from sor_engine.domain.routing import Decision, Profile, Request, Tif, Venue, decide

TICK = Decimal("0.01")
NAMES = ("XNYS", "XNAS", "ARCX", "BATS", "EDGX", "DARK")
PROFILE_WEIGHTS = st.tuples(*[st.integers(0, 100) for _ in range(4)])

fees = st.integers(-30, 30).map(lambda tenth_mils: Decimal(tenth_mils) / 10_000)
prices = st.integers(-1, 400).map(lambda cents: cents * TICK)
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
    price, liquidity, fill_rate, cost = (Decimal(w) / 100 for w in draw(PROFILE_WEIGHTS))
    aggression = draw(st.integers(0, 100))
    return Profile(
        name="drawn",
        version=1,
        price=price,
        liquidity=liquidity,
        fill_rate=fill_rate,
        cost=cost,
        fill_rates={"XNYS": Decimal(draw(st.integers(0, 100))) / 100},
        aggression_bps=aggression,
        market_collar_bps=aggression + draw(st.integers(0, 400)),
    )


limits = st.one_of(st.none(), st.integers(1, 40_000).map(lambda tenths: Decimal(tenths) / 1000))
requests = st.builds(
    Request,
    symbol=st.just("AAPL"),
    buy=st.booleans(),
    quantity=st.integers(1, 3000),
    tif=st.sampled_from(Tif),
    limit_price=limits,
    tick=st.just(TICK),
)
ages = st.sampled_from((0, 1_000, 2_000_000, 2_000_001, 2**31 - 1))


def ask(
    request: Request,
    book: dict[str, VenueQuote] | None,
    considered: tuple[Venue, ...],
    profile: Profile,
    age: int,
) -> Decision:
    return decide(request, book, considered, profile, quote_age_us=age, quote_age_us_max=2_000_000)


@settings(max_examples=400, deadline=None)
@given(requests, books(), venues(), profiles(), ages)
def test_legs_keep_quantity_limit_and_tick(
    request: Request,
    book: dict[str, VenueQuote] | None,
    considered: tuple[Venue, ...],
    profile: Profile,
    age: int,
) -> None:
    decision = ask(request, book, considered, profile, age)
    by_name = {venue.venue_id: venue for venue in considered}
    assert sum(leg.quantity for leg in decision.legs) <= request.quantity
    assert len({leg.venue_id for leg in decision.legs}) == len(decision.legs)
    assert bool(decision.legs) != bool(decision.reason)
    immediate = request.limit_price is None or request.tif in (Tif.IOC, Tif.FOK)
    for leg in decision.legs:
        assert leg.quantity > 0
        assert leg.limit_price > 0
        assert leg.limit_price % TICK == 0
        assert by_name[leg.venue_id].active
        assert by_name[leg.venue_id].lit
        if request.limit_price is not None:
            within = (
                leg.limit_price <= request.limit_price
                if request.buy
                else leg.limit_price >= request.limit_price
            )
            assert within
        if request.tif is Tif.FOK:
            assert leg.tif is Tif.FOK
        else:
            assert leg.tif is (Tif.IOC if immediate else request.tif)
    if decision.legs and request.tif is Tif.FOK:
        assert [leg.quantity for leg in decision.legs] == [request.quantity]
    if decision.legs and not immediate:
        assert sum(leg.quantity for leg in decision.legs) == request.quantity


@settings(max_examples=300, deadline=None)
@given(requests.filter(lambda request: request.limit_price is None), books(), venues(), profiles())
def test_a_market_order_never_reaches_beyond_its_collar(
    request: Request, book: dict[str, VenueQuote] | None, considered: tuple[Venue, ...], profile: Profile
) -> None:
    decision = ask(request, book, considered, profile, 0)
    if not decision.legs or book is None:
        return
    tops: list[Decimal] = []
    for venue in considered:
        shown = book.get(venue.venue_id)
        if shown is None or not venue.lit or not venue.active:
            continue
        far = zip(shown.ask_prices, shown.ask_sizes, strict=True)
        if not request.buy:
            far = zip(shown.bid_prices, shown.bid_sizes, strict=True)
        tops += [price for price, size in far if size > 0 and price > 0]
    touch = min(tops) if request.buy else max(tops)
    reach = touch * profile.market_collar_bps / 10_000
    for leg in decision.legs:
        assert leg.limit_price <= touch + reach if request.buy else leg.limit_price >= touch - reach


@settings(max_examples=300, deadline=None)
@given(requests, books(), venues(), profiles(), ages)
def test_every_venue_has_a_reason_and_its_arithmetic_reconciles(
    request: Request,
    book: dict[str, VenueQuote] | None,
    considered: tuple[Venue, ...],
    profile: Profile,
    age: int,
) -> None:
    decision = ask(request, book, considered, profile, age)
    assert sorted(o.venue_id for o in decision.venues) == sorted(v.venue_id for v in considered)
    allocated = {leg.venue_id: leg.quantity for leg in decision.legs}
    for outcome in decision.venues:
        assert outcome.reason
        assert outcome.chosen == (outcome.venue_id in allocated)
        assert outcome.allocated == allocated.get(outcome.venue_id, 0)
        assert outcome.score == sum((term.contribution for term in outcome.terms), Decimal(0))
        for term in outcome.terms:
            assert 0 <= term.value <= 1
            assert term.contribution == term.weight * term.value
    ranked = [outcome.score for outcome in decision.venues if outcome.terms]
    assert ranked == sorted(ranked, reverse=True)
    assert decision.summary.endswith(".")


@settings(max_examples=150, deadline=None)
@given(requests, books(), venues(), profiles(), ages)
def test_the_same_inputs_give_the_same_decision(
    request: Request,
    book: dict[str, VenueQuote] | None,
    considered: tuple[Venue, ...],
    profile: Profile,
    age: int,
) -> None:
    first = ask(request, book, considered, profile, age)
    assert repr(ask(request, book, considered, profile, age)) == repr(first)
    shuffled = ask(request, book, tuple(reversed(considered)), profile, age)
    assert shuffled.legs == first.legs


def _by_price(book: VenueQuote, *, buy: bool) -> list[tuple[Decimal, int]]:
    pairs = zip(
        book.ask_prices if buy else book.bid_prices, book.ask_sizes if buy else book.bid_sizes, strict=True
    )
    return sorted((pair for pair in pairs if pair[0] > 0 and pair[1] > 0), reverse=not buy)


@settings(max_examples=300, deadline=None)
@given(requests.filter(lambda request: request.tif is Tif.IOC), books(), venues(), profiles())
def test_no_better_displayed_price_is_left_while_a_worse_one_is_taken(
    request: Request, book: dict[str, VenueQuote] | None, considered: tuple[Venue, ...], profile: Profile
) -> None:
    decision = ask(request, book, considered, profile, 0)
    if not decision.legs or book is None:
        return
    taken: list[Decimal] = []
    left: list[Decimal] = []
    allocated = {leg.venue_id: leg.quantity for leg in decision.legs}
    for venue in considered:
        if not (venue.active and venue.lit and venue.venue_id in book):
            continue
        wanted = allocated.get(venue.venue_id, 0)
        for price, size in _by_price(book[venue.venue_id], buy=request.buy):
            if wanted:
                taken.append(price)
            if size > wanted:
                left.append(price)
            wanted = max(0, wanted - size)
    if taken and left:
        assert max(taken) <= min(left) if request.buy else min(taken) >= max(left)
