"""The judge of orders by which kill switches close positions: what it finds, and what it takes as it is."""

from typing import Any

import pytest

from oms_tools.verify.positions import Rebuilt, _Closing, _work_off

ACCOUNT, SYMBOL = "ACC", "AAPL"
# Each is (order, place in the stream, side, shares).
Trades = list[tuple[str, int, str, int]]


def opened(trades: Trades, *closings: _Closing, actions: tuple[Any, ...] = (), bust: int = 0) -> set[str]:
    """Return the closing orders that the judge finds wrong. bust: the place at which 100 are taken back."""
    found = Rebuilt(frozenset())
    for one in closings:
        found.closings[one.order_id] = one
        found.moved[ACCOUNT, SYMBOL] = {}
    fills: list[Any] = []
    for order, place, side, shares in trades:
        trade = {"lastQty": shares, "lastPxMicros": 1, "venueId": "V"}
        fills.append((ACCOUNT, SYMBOL, side, order, place, place, trade, None))
    if bust:
        corrected = {"wasQty": 100, "wasPxMicros": 1, "venueId": "V"}
        fills.append((ACCOUNT, SYMBOL, "BUY", "client", bust, bust, None, corrected))
    fills.sort(key=lambda row: row[5])
    _work_off(found, ACCOUNT, iter(fills), iter(actions), iter(closings))
    return set(found.opened)


def closing(order: str = "k", place: int = 2, quantity: int = 100, **changes: int) -> _Closing:
    """Return an order that sells what is held after an event of the stream."""
    values = {"direction": -1, "held": 100, "others": 0} | changes
    return _Closing(account=ACCOUNT, symbol=SYMBOL, place=place, order_id=order, quantity=quantity, **values)


BOUGHT = ("client", 2, "BUY", 100)


@pytest.mark.parametrize(
    ("trades", "closings", "wrong"),
    [
        ([BOUGHT, ("k", 4, "SELL", 60), ("k", 5, "SELL", 40)], (closing(),), set()),
        ([BOUGHT, ("k", 4, "SELL", 60)], (closing(quantity=60, others=40),), set()),
        # It is of more than is held, beside what others may trade, or of other shares than are held.
        ([BOUGHT], (closing(quantity=101),), {"k"}),
        ([BOUGHT], (closing(quantity=61, others=40),), {"k"}),
        ([BOUGHT], (closing(held=99, quantity=50),), {"k"}),
        # It goes the same way, or there is nothing to close.
        ([BOUGHT], (closing(direction=1),), {"k"}),
        ([], (closing(),), {"k"}),
        # A short position is bought back.
        (
            [("client", 2, "SELL", 100), ("k", 4, "BUY", 100)],
            (closing(direction=1, held=-100),),
            set(),
        ),
        # What a venue trades beyond the order is an exception.
        ([BOUGHT, ("k", 4, "SELL", 100), ("k", 5, "SELL", 20)], (closing(),), set()),
        # What something else has moved since is no order's wish: a late fill, or an earlier round's order.
        ([BOUGHT, ("late", 4, "SELL", 30), ("k", 5, "SELL", 100)], (closing(),), set()),
        (
            [BOUGHT, ("k", 4, "SELL", 50), ("k", 6, "SELL", 50), ("l", 7, "SELL", 50)],
            (closing(), closing("l", 5, 50, held=50)),
            set(),
        ),
    ],
)
def test_an_order_of_a_switch_is_held_to_what_is_held(
    trades: Trades, closings: tuple[_Closing, ...], wrong: set[str]
) -> None:
    assert opened(trades, *closings) == wrong


def test_a_trade_that_opens_where_nothing_else_has_moved_the_position_is_found() -> None:
    # What core says of the position is wrong by as much as the order is of.
    trades = [("client", 2, "BUY", 40), ("k", 4, "SELL", 100)]
    assert opened(trades, closing(held=40, quantity=40)) == set()
    assert opened([*trades[:1], ("k", 4, "SELL", 41)], closing(held=40, quantity=41)) == {"k"}


def test_what_came_before_the_decision_excuses_nothing_and_what_came_after_it_does() -> None:
    opening = (
        ACCOUNT, SYMBOL, 3, "a", "OPENING", {"quantity": 50, "cost": "0"}, 0, 0, 0, 0, 0
    )  # fmt: skip
    after = opened([BOUGHT, ("k", 5, "SELL", 100)], closing(place=2), actions=(opening,))
    assert after == set()
    before = opened(
        [BOUGHT, ("k", 5, "SELL", 50)], closing(place=3, held=50, quantity=50), actions=(opening,)
    )
    assert before == set()
    assert opened([BOUGHT, ("k", 5, "SELL", 100)], closing(), bust=4) == set()
