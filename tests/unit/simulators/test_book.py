"""The book: price, then time; simulated liquidity that is used up; quotes that move through and touch."""

import random

from simulators.broker.book import DarkBook, LitBook
from simulators.broker.book_order import BookOrder, Event, Fill
from simulators.broker.market import Market

CENT = 10_000
DRAWS = random.Random(7)


def buy(cents: int, quantity: int, arrival: int = 0) -> BookOrder:
    return BookOrder(is_buy=True, price_micros=cents * CENT, working_qty=quantity, arrival=arrival)


def sell(cents: int, quantity: int, arrival: int = 0) -> BookOrder:
    return BookOrder(is_buy=False, price_micros=cents * CENT, working_qty=quantity, arrival=arrival)


def market(bids: dict[int, int], asks: dict[int, int]) -> Market:
    return Market(
        symbol="AAPL",
        national_best_bid=max(bids) * CENT if bids else None,
        national_best_offer=min(asks) * CENT if asks else None,
        bids=tuple((cents * CENT, size) for cents, size in bids.items()),
        asks=tuple((cents * CENT, size) for cents, size in asks.items()),
    )


def lit(touch: float = 0.0) -> LitBook:
    return LitBook(touch_fill_probability=touch)


def told(fills: list[Event], order: BookOrder) -> list[tuple[int, int]]:
    """The (price in cents, quantity) of an order's own fills."""
    return [
        (fill.price_micros // CENT, fill.quantity)
        for fill in fills
        if isinstance(fill, Fill) and fill.order is order
    ]


def test_incoming_order_walks_the_levels_up_to_its_limit() -> None:
    book, order = lit(), buy(10_002, 1_000)
    book.requote(market({}, {10_001: 300, 10_002: 400, 10_003: 500}), DRAWS)
    assert book.available(order) == 700
    assert told(book.match(order), order) == [(10_001, 300), (10_002, 400)]
    assert order.working_qty == 300


def test_liquidity_that_was_taken_is_gone_until_the_next_quote() -> None:
    book, quote = lit(), market({}, {10_001: 300})
    book.requote(quote, DRAWS)
    assert sum(fill.quantity for fill in book.match(buy(10_001, 200))) == 200
    assert sum(fill.quantity for fill in book.match(buy(10_001, 200))) == 100
    assert book.match(buy(10_001, 200)) == []
    book.requote(quote, DRAWS)
    assert sum(fill.quantity for fill in book.match(buy(10_001, 200))) == 200


def test_own_order_trades_after_the_size_that_was_there_and_before_what_came_later() -> None:
    book, resting = lit(), buy(10_000, 100)
    book.requote(market({10_000: 300}, {}), DRAWS)
    book.rest(resting)
    assert told(book.match(sell(10_000, 250)), resting) == []
    # 50 of those that were there are left; then ours; then 250 that came since.
    book.requote(market({10_000: 300}, {}), DRAWS)
    incoming = sell(10_000, 200)
    assert told(book.match(incoming), incoming) == [(10_000, 50), (10_000, 100), (10_000, 50)]
    assert resting.working_qty == 0
    assert sum(fill.quantity for fill in book.match(sell(10_000, 500))) == 200


def test_those_before_an_order_are_never_more_than_the_quote_shows() -> None:
    book, resting = lit(), buy(10_000, 100)
    book.requote(market({10_000: 300}, {}), DRAWS)
    book.rest(resting)
    book.requote(market({10_000: 20}, {}), DRAWS)
    book.requote(market({10_000: 900}, {}), DRAWS)
    incoming = sell(10_000, 120)
    assert told(book.match(incoming), incoming) == [(10_000, 20), (10_000, 100)]


def test_trades_at_the_touch_are_first_those_of_the_queue() -> None:
    book, resting = lit(1.0), buy(10_000, 100)
    book.requote(market({10_000: 5_000}, {}), DRAWS)
    book.rest(resting)
    draws, rounds = random.Random(7), 0
    while resting.working_qty:
        before = resting.ahead_qty
        fills = book.requote(market({10_000: 5_000}, {}), draws)
        assert resting.ahead_qty < before or before == 0
        assert not fills or resting.ahead_qty == 0
        rounds += 1
    assert rounds > 1


def test_fills_say_who_came_for_liquidity() -> None:
    book, resting, incoming = lit(), buy(10_000, 100), sell(10_000, 100)
    book.rest(resting)
    assert {fill.order.is_buy: fill.takes for fill in book.match(incoming)} == {True: False, False: True}


def test_own_orders_trade_in_order_of_price_then_arrival() -> None:
    book = lit()
    late, early, better = sell(10_002, 100, 3), sell(10_002, 100, 2), sell(10_001, 50, 4)
    for order in (late, early, better):
        book.rest(order)
    book.requote(market({}, {10_001: 300, 10_002: 300}), DRAWS)
    order = buy(10_002, 600)
    fills = book.match(order)
    assert told(fills, order) == [(10_001, 50), (10_001, 300), (10_002, 100), (10_002, 100), (10_002, 50)]
    resting = [fill.order for fill in fills if fill.order is not order]
    assert all(found is wanted for found, wanted in zip(resting, [better, early, late], strict=True))
    assert book.resting() == []


def test_orders_beyond_the_limit_stay() -> None:
    book, resting = lit(), sell(10_005, 100)
    book.rest(resting)
    assert book.match(buy(10_004, 100)) == []
    assert book.available(buy(10_004, 100)) == 0
    assert book.available(buy(10_005, 500)) == 100
    book.remove(resting)
    book.remove(resting)
    assert book.match(buy(10_005, 100)) == []


def test_quote_that_moves_through_a_resting_order_fills_it_at_its_limit_up_to_the_quoted_size() -> None:
    book, resting, behind = lit(), buy(10_000, 500, 1), buy(9_999, 500, 2)
    book.rest(resting)
    book.rest(behind)
    assert book.requote(market({}, {10_001: 900}), DRAWS) == []
    assert book.requote(market({}, {9_998: 300}), DRAWS) == [Fill(resting, 300, 10_000 * CENT)]
    fills = book.requote(market({}, {9_998: 100, 9_999: 400}), DRAWS)
    assert fills == [
        Fill(resting, 100, 10_000 * CENT),
        Fill(resting, 100, 10_000 * CENT),
        Fill(behind, 300, 9_999 * CENT),
    ]
    assert book.match(sell(9_999, 500))[0].order.working_qty == 300


def test_order_at_the_touch_is_filled_in_the_end_and_one_behind_it_is_not() -> None:
    book, first, second, behind = lit(0.5), buy(10_000, 150, 1), buy(10_000, 150, 2), buy(9_990, 100, 3)
    for order in (first, second, behind):
        book.rest(order)
    draws = random.Random(7)
    quote = market({10_000: 400}, {10_010: 400})
    filled = [fill.order for _ in range(50) for fill in book.requote(quote, draws)]
    assert first.working_qty == second.working_qty == 0
    assert behind.working_qty == 100
    assert filled[0] is first and filled[-1] is second


def test_order_at_the_touch_rests_when_the_probability_is_nought() -> None:
    book, resting = lit(0.0), buy(10_000, 150)
    book.rest(resting)
    assert book.requote(market({10_000: 400}, {10_010: 400}), DRAWS) == []


def test_thinned_side_has_less_to_take() -> None:
    book = lit()
    book.requote(market({10_000: 1_000}, {10_001: 1_000}), DRAWS)
    book.thin(True, 0.4)
    assert book.available(buy(10_001, 5_000)) == 600
    assert book.available(sell(10_000, 5_000)) == 1_000


def dark(hidden: float) -> DarkBook:
    return DarkBook(hidden_probability=hidden)


def test_dark_order_trades_at_the_middle_against_hidden_size() -> None:
    book, order = dark(1.0), buy(10_002, 100)
    assert book.match(order) == []
    book.requote(market({10_000: 1}, {10_003: 1}), DRAWS)
    (fill,) = book.match(order)
    assert (fill.quantity, fill.price_micros) == (100, 100_015_000)
    assert book.match(buy(10_001, 100)) == []


def test_dark_hidden_size_runs_out_until_the_next_quote() -> None:
    book = dark(1.0)
    book.requote(market({10_000: 1}, {10_002: 1}), DRAWS)
    there = book.available(buy(10_002, 1_000_000))
    assert sum(fill.quantity for fill in book.match(buy(10_002, 1_000_000))) == there > 0
    assert book.match(buy(10_002, 100)) == []
    book.requote(market({10_000: 1}, {10_002: 1}), DRAWS)
    assert book.match(buy(10_002, 100)) != []


def test_dark_orders_meet_each_other_at_the_middle() -> None:
    book, resting, incoming = dark(0.0), sell(10_000, 300), buy(10_002, 200)
    book.requote(market({10_000: 1}, {10_002: 1}), DRAWS)
    book.rest(resting)
    assert book.available(incoming) == 200
    fills = book.match(incoming)
    assert [(fill.quantity, fill.price_micros // CENT) for fill in fills] == [(200, 10_001)] * 2
    assert resting.working_qty == 100


def test_dark_resting_orders_trade_when_the_middle_comes_to_them() -> None:
    book, bid, offer = dark(0.0), buy(10_000, 300, 1), sell(9_998, 100, 2)
    book.rest(bid)
    book.rest(offer)
    assert book.requote(market({10_004: 1}, {10_008: 1}), DRAWS) == []
    fills = book.requote(market({9_998: 1}, {10_000: 1}), DRAWS)
    assert [(fill.order, fill.quantity, fill.price_micros // CENT) for fill in fills] == [
        (bid, 100, 9_999),
        (offer, 100, 9_999),
    ]
    assert book.resting() == [bid]


def test_dark_book_without_a_national_best_does_not_trade() -> None:
    book = dark(1.0)
    book.requote(market({}, {10_002: 1}), DRAWS)
    assert book.match(buy(10_010, 100)) == []
    book.thin(True, 1.0)
    assert book.available(buy(10_010, 100)) == 0


def least(order: BookOrder, min_qty: int) -> BookOrder:
    order.min_qty = min_qty
    return order


def test_an_order_with_a_minimum_trades_that_much_at_once_or_nothing() -> None:
    book, quote = lit(), market({}, {10_001: 60, 10_002: 60})
    book.requote(quote, DRAWS)
    order = least(buy(10_002, 300), 150)
    assert book.available(order) == 0
    assert book.match(order) == []
    assert order.working_qty == 300
    enough = least(buy(10_002, 300), 120)
    assert told(book.match(enough), enough) == [(10_001, 60), (10_002, 60)]


def test_the_last_shares_of_an_order_may_trade_below_its_minimum() -> None:
    book = lit()
    book.requote(market({}, {10_001: 60}), DRAWS)
    order = least(buy(10_001, 40), 100)
    assert told(book.match(order), order) == [(10_001, 40)]


def test_a_resting_order_waits_for_its_minimum_and_is_passed_over_meanwhile() -> None:
    book = lit()
    waits, plain = least(sell(10_001, 300, 1), 200), sell(10_001, 100, 2)
    book.rest(waits)
    book.rest(plain)
    small = buy(10_001, 150)
    fills = book.match(small)
    assert told(fills, small) == [(10_001, 100)]
    assert [fill.order for fill in fills if fill.order is not small] == [plain]
    large = buy(10_001, 250)
    assert told(book.match(large), waits) == [(10_001, 250)]
    assert waits.minimum == waits.working_qty == 50


def test_a_quote_that_moves_through_fills_a_minimum_only_when_it_is_large_enough() -> None:
    book = lit()
    waits, plain = least(buy(10_000, 300, 1), 200), buy(9_999, 100, 2)
    book.rest(waits)
    book.rest(plain)
    assert told(book.requote(market({}, {9_998: 120}), DRAWS), plain) == [(9_999, 100)]
    assert waits.working_qty == 300
    assert told(book.requote(market({}, {9_999: 120, 10_000: 90}), DRAWS), waits) == [
        (10_000, 120),
        (10_000, 90),
    ]


def test_the_dark_keeps_a_minimum_too() -> None:
    book = DarkBook(hidden_probability=0.0)
    quote = market({10_000: 100}, {10_002: 100})
    book.requote(quote, DRAWS)
    book.rest(sell(10_000, 80, 1))
    order = least(buy(10_002, 200), 100)
    assert book.match(order) == []
    book.rest(sell(10_000, 50, 2))
    assert told(book.match(order), order) == [(10_001, 80), (10_001, 50)]
    waits = least(buy(10_002, 200, 3), 150)
    book.rest(waits)
    book.rest(sell(10_000, 120, 4))
    assert book.requote(quote, DRAWS) == []
    book.rest(sell(10_000, 60, 5))
    assert sum(quantity for _, quantity in told(book.requote(quote, DRAWS), waits)) == 180
