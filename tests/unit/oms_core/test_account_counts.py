"""What an account's open orders hold is counted the same whichever way an order came to be what it is."""

from itertools import permutations

import pytest
from msgspec.structs import replace

from oms_core.domain.account import AccountState
from oms_core.domain.order import Order
from oms_core.domain.transitions import Lifecycle
from oms_platform import ids
from oms_platform.vocabulary import (
    OrderType,
    Peg,
    PegPriced,
    PegType,
    ReplaceRequested,
    StopTriggered,
)
from tests.unit.oms_core.orders import NOW, PRICE, new_order

LIVE = replace(new_order(), lifecycle=Lifecycle.LIVE, reserved_price_micros=PRICE)
CHEAPER = replace(LIVE.terms, limit_price_micros=PRICE - 10_000)
STOP = replace(new_order(order_type=OrderType.STOP), lifecycle=Lifecycle.LIVE, reserved_price_micros=PRICE)
PEGGED = replace(LIVE, terms=replace(LIVE.terms, peg=Peg(peg_type=PegType.PRIMARY)))
REPLACE = ReplaceRequested(
    request_id=ids.uuid7(), terms=CHEAPER, reserved_price_micros=PRICE - 10_000, requested_at=NOW
)
# Orders that differ from the first of their group in one thing each that what is counted follows from.
GROUPS: dict[str, tuple[Order, ...]] = {
    "an order": (
        LIVE,
        replace(LIVE, lifecycle=Lifecycle.CANCELED),
        replace(LIVE, executed_qty=100),
        replace(LIVE, reserved_price_micros=PRICE + 10_000),
        replace(LIVE, terms=CHEAPER),
        replace(LIVE, replacing=REPLACE),
        replace(LIVE, replacing=replace(REPLACE, terms=replace(CHEAPER, quantity=20_000))),
    ),
    "a stop": (STOP, replace(STOP, triggered=StopTriggered(price_micros=PRICE, triggered_at=NOW))),
    "a peg": (
        PEGGED,
        replace(PEGGED, pegged=PegPriced(price_micros=PRICE, priced_at=NOW)),
        replace(PEGGED, pegged=PegPriced(price_micros=PRICE - 10_000, priced_at=NOW)),
    ),
}


@pytest.mark.parametrize("group", GROUPS)
def test_an_order_is_counted_as_it_is_whatever_it_was(group: str) -> None:
    for before, after in permutations(GROUPS[group], 2):
        was, anew = AccountState(), AccountState()
        was.keep_order(before, None)
        was.keep_order(after, before)
        anew.keep_order(after, None)
        assert was.symbol("AAPL") == anew.symbol("AAPL"), (before, after)
        assert (was.reserved_micros, was.buying_micros, was.open_orders) == (
            anew.reserved_micros,
            anew.buying_micros,
            anew.open_orders,
        )
