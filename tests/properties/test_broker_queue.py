"""The queue at one price of a lit book: nobody's shares trade before those that came first."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.broker.book import LitBook
from simulators.broker.book_order import BookOrder
from simulators.broker.market import Market

PRICE = 100_000_000
STEPS = st.lists(
    st.tuples(st.sampled_from(["quote", "rest", "match"]), st.integers(1, 900)), min_size=1, max_size=30
)


def shown(size: int) -> Market:
    return Market(symbol="AAPL", national_best_bid=PRICE, bids=((PRICE, size),))


@settings(max_examples=300, deadline=None)
@given(steps=STEPS)
def test_shares_trade_in_the_order_in_which_they_came(steps: list[tuple[str, int]]) -> None:
    book, draws = LitBook(touch_fill_probability=0.0), random.Random(7)
    size = 0
    for number, (step, quantity) in enumerate(steps):
        if step == "quote":
            size = quantity
            assert book.requote(shown(size), draws) == []
        elif step == "rest":
            order = BookOrder(is_buy=True, price_micros=PRICE, working_qty=quantity, arrival=number)
            book.rest(order)
            assert order.ahead_qty == size
        else:
            resting = [(order, order.working_qty, order.ahead_qty) for order in book.resting()]
            incoming = BookOrder(is_buy=False, price_micros=PRICE, working_qty=quantity, arrival=number)
            fills = [fill for fill in book.match(incoming) if fill.order is not incoming]
            own = sum(fill.quantity for fill in fills)
            total = min(quantity, size + sum(working for _, working, _ in resting))
            assert quantity - incoming.working_qty == total
            simulated = total - own
            filled = {id(fill.order): fill.quantity for fill in fills}
            left_before = False
            for order, working, ahead in resting:
                done = filled.get(id(order), 0)
                # Nothing of it before those ahead, nor before an older order is done.
                assert not done or (simulated >= min(ahead, size) and not left_before)
                # Nothing of what came later before it is done.
                assert done == working or simulated <= max(min(ahead, size), 0) or left_before
                left_before = left_before or done < working
            size -= simulated
        for order in book.resting():
            assert 0 <= order.ahead_qty <= size
