"""The queue at one price of a lit book: nobody's shares trade before those that came first."""

import random
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.broker.book import LitBook
from simulators.broker.book_order import BookOrder, Fill
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


class Entry(NamedTuple):
    """What stands at a place of the queue. name: of our order, None for others."""

    name: str | None
    quantity: int
    price: int


def queue(book: LitBook, levels: dict[int, int], middle: int) -> list[Entry]:
    """The sell side as a list, made afresh: price, what is displayed, time; others by who was before whom."""
    own = sorted(
        [one for one in book.resting() if not one.is_buy], key=lambda one: (one.price_micros, one.arrival)
    )
    prices = {max(one.price_micros, middle) if one.is_pegged else one.price_micros for one in own}
    entries = []
    for price in sorted(prices | levels.keys()):
        size, passed = levels.get(price, 0), 0
        for one in own:
            if one.price_micros == price and one.shown_qty:
                before = max(0, min(one.ahead_qty, size) - passed)
                passed += before
                entries += [Entry(None, before, price), Entry(one.owner, one.shown_qty, price)]
        entries.append(Entry(None, size - passed, price))
        hidden = [
            one
            for one in own
            if price == (max(one.price_micros, middle) if one.is_pegged else one.price_micros)
        ]
        entries += [
            Entry(one.owner, one.working_qty - one.shown_qty, price)
            for one in sorted(hidden, key=lambda one: one.arrival)
        ]
    return [entry for entry in entries if entry.quantity]


def taken(entries: list[Entry], quantity: int, limit: int) -> list[Entry]:
    """What an incoming buy takes of a queue."""
    found = []
    for name, there, price in entries:
        if price > limit or not quantity:
            break
        found.append(Entry(name, min(there, quantity), price))
        quantity -= found[-1].quantity
    return found


def merged(entries: list[Entry]) -> list[Entry]:
    """One entry for what one has traded in a row."""
    result: list[Entry] = []
    for entry in entries:
        if result and (result[-1].name, result[-1].price) == (entry.name, entry.price):
            result[-1] = entry._replace(quantity=entry.quantity + result[-1].quantity)
        else:
            result.append(entry)
    return result


SELLS = st.lists(
    st.tuples(
        st.sampled_from(["rest", "quote", "match"]),
        st.integers(1, 900),
        st.integers(0, 3),
        st.sampled_from(["shown", "hidden", "reserve", "pegged"]),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=400, deadline=None)
@given(steps=SELLS)
def test_what_is_hidden_trades_behind_what_is_shown_at_its_price(
    steps: list[tuple[str, int, int, str]],
) -> None:
    book, draws = LitBook(touch_fill_probability=0.0), random.Random(7)
    levels: dict[int, int] = {}
    middle = PRICE + 15_000
    book.show(ladder(levels), draws)
    for number, (step, quantity, ticks, kind) in enumerate(steps):
        price = PRICE + 10_000 * ticks
        if step == "quote":
            levels = {price: quantity, price + 10_000: 900 - quantity}
            book.show(ladder(levels), draws)
        elif step == "rest":
            order = BookOrder(
                is_buy=False,
                price_micros=price,
                working_qty=quantity,
                arrival=number,
                display_qty={"hidden": 0, "reserve": max(1, quantity // 3)}.get(kind),
                is_pegged=kind == "pegged",
                owner=f"order-{number}",
            )
            book.rest(order)
        else:
            wanted = taken(queue(book, levels, middle), quantity, price)
            incoming = BookOrder(is_buy=True, price_micros=price, working_qty=quantity, arrival=number)
            fills = [one for one in book.match(incoming) if isinstance(one, Fill)]
            own = [
                Entry(one.order.owner, one.quantity, one.price_micros)
                for one in fills
                if one.order is not incoming
            ]
            assert merged([entry for entry in wanted if entry.name]) == merged(own)
            assert incoming.working_qty == quantity - sum(entry.quantity for entry in wanted)
            for name, quantity_taken, at in wanted:
                if name is None:
                    levels[at] -= quantity_taken
            assert all(one.shown_qty or not one.has_reserve for one in book.resting())


def ladder(levels: dict[int, int]) -> Market:
    """A market whose middle stays where it is."""
    return Market(
        symbol="AAPL",
        national_best_bid=PRICE,
        national_best_offer=PRICE + 30_000,
        asks=tuple(sorted((price, size) for price, size in levels.items() if size)),
    )


def test_the_next_part_of_a_reserve_goes_behind_what_is_shown_by_then() -> None:
    book = LitBook(touch_fill_probability=0.0)

    def sell(owner: str, quantity: int, arrival: int, shown: int | None = None) -> BookOrder:
        return BookOrder(
            is_buy=False,
            price_micros=PRICE,
            working_qty=quantity,
            arrival=arrival,
            display_qty=shown,
            owner=owner,
        )

    book.rest(sell("reserve", 300, 1, 100))
    book.rest(sell("plain", 200, 2))
    told = []
    for arrival in range(3, 6):
        incoming = BookOrder(is_buy=True, price_micros=PRICE, working_qty=100, arrival=arrival)
        fills = [one for one in book.match(incoming) if isinstance(one, Fill)]
        told += [one.order.owner for one in fills if not one.takes]
    assert told == ["reserve", "plain", "plain"]
