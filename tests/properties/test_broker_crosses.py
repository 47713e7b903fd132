"""A cross trades the most that any one price would, at one price, and to nobody beyond a limit."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.broker.book_order import BookOrder
from simulators.broker.crosses import Cross, Interest, cross

TICK = 10_000
INTERESTS = st.lists(
    st.tuples(st.booleans(), st.one_of(st.none(), st.integers(90, 110)), st.integers(1, 900), st.booleans()),
    max_size=14,
)


def interests(drawn: list[tuple[bool, int | None, int, bool]]) -> list[Interest]:
    made = []
    for number, (is_buy, ticks, quantity, is_own) in enumerate(drawn):
        limit = None if ticks is None else ticks * TICK
        own = BookOrder(is_buy=is_buy, price_micros=limit or 0, working_qty=quantity, arrival=number)
        made.append(Interest(is_buy, limit, quantity, own if is_own or limit is None else None))
    return made


def would_trade(made: list[Interest], price: int) -> tuple[int, int]:
    """The shares and the imbalance of a price."""
    wanted = sum(one.quantity for one in made if one.is_buy and (one.limit_micros or price) >= price)
    offered = sum(one.quantity for one in made if not one.is_buy and (one.limit_micros or price) <= price)
    return min(wanted, offered), abs(wanted - offered)


def best_by_trying(made: list[Interest], reference: int | None) -> tuple[int, int] | None:
    """The price and the shares that a search of every tick finds."""
    ranked = []
    for price in range(TICK, 200 * TICK, TICK):
        quantity, imbalance = would_trade(made, price)
        if quantity:
            ranked.append((-quantity, imbalance, 0 if reference is None else abs(price - reference), price))
    return (min(ranked)[3], -min(ranked)[0]) if ranked else None


@settings(max_examples=400, deadline=None)
@given(
    drawn=INTERESTS,
    reference=st.one_of(st.none(), st.integers(92 * TICK, 108 * TICK)),
)
def test_cross_is_at_the_price_that_trades_the_most(
    drawn: list[tuple[bool, int | None, int, bool]], reference: int | None
) -> None:
    made = interests(drawn)
    found = cross(made, reference_micros=reference, tick_micros=TICK)
    wanted = best_by_trying(made, reference)
    if wanted is None or (all(one.limit_micros is None for one in made) and reference is None):
        assert found is None
        return
    assert found is not None
    if reference is None:
        # Without a reference the lowest of the best prices: of those at limits and a tick beside them.
        assert would_trade(made, found.price_micros) == would_trade(made, wanted[0])
    else:
        assert (found.price_micros, found.quantity) == wanted
    check_shares(found)


def check_shares(found: Cross) -> None:
    """Both sides trade as much, within everybody's limit, the better limit and the earlier one first."""
    for is_buy in (True, False):
        mine = [(one, quantity) for one, quantity in found.shares if one.is_buy == is_buy]
        assert sum(quantity for _, quantity in mine) == found.quantity
        assert all(0 < quantity <= one.quantity for one, quantity in mine)
        # Only the last that is served has less than all.
        assert all(quantity == one.quantity for one, quantity in mine[:-1])
        limits = [one.limit_micros for one, _ in mine]
        priced = [limit for limit in limits if limit is not None]
        assert all(limit >= found.price_micros if is_buy else limit <= found.price_micros for limit in priced)
        assert priced == sorted(priced, reverse=is_buy)
        assert None not in limits[limits.count(None) :]
        for (one, _), (other, _) in pairwise(mine):
            if one.limit_micros == other.limit_micros and one.order is not None:
                assert other.order is not None and one.order.arrival < other.order.arrival
