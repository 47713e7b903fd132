"""Names, prices and halts that are not usual, from REST to a fill at a venue and back, on a running stack."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from oms_client import Client
from oms_client.answers import Order
from oms_tools.laptop.parts import wait_until
from tests.patience import EVENTUALLY_S
from tests.stack_rig import StackRig

ACCOUNT = "ACC-INST-002"


@pytest.fixture
def client(rig: StackRig) -> Iterator[Client]:
    with Client(rig.layout.api_url, lambda: rig.client("admin1").token) as client:
        yield client


def done(client: Client, symbol: str) -> Order:
    """Place an order and return it when it is over."""
    placed = client.place(account=ACCOUNT, symbol=symbol, side="BUY", quantity=10)
    wait_until(lambda: client.order(placed.order_id).closed, f"end of an order of {symbol}", EVENTUALLY_S)
    return client.order(placed.order_id)


@pytest.mark.parametrize(
    ("symbol", "least", "most"),
    [("BRK.A", 100_000, 10**7), ("BRK.B", 100, 5_000), ("BF/A", 1, 100), ("PENY", 0, 1), ("F", 1, 100)],
)
def test_an_unusual_instrument_trades_and_is_found_again(
    client: Client, symbol: str, least: int, most: int
) -> None:
    order = done(client, symbol)
    assert order.status == "FILLED" and order.avg_px is not None and least < order.avg_px < most
    tick = client.instrument(symbol).tick_size
    for one in client.order_executions(order.order_id).executions:
        assert one.last_px % tick == 0
    assert client.book(symbol).venues
    assert [one.symbol for one in client.quotes([symbol]).quotes] == [symbol]
    assert symbol in {one.symbol for one in client.positions(ACCOUNT).positions}
    assert order.order_id in {one.order_id for one in client.orders(account=ACCOUNT, symbol=symbol)}


def test_a_limit_in_half_pennies_and_one_below_a_dollar_reach_the_venue_as_they_are(client: Client) -> None:
    quote = {one.symbol: one for one in client.quotes(["F", "PENY"]).quotes}
    for symbol in ("F", "PENY"):
        tick, offer = client.instrument(symbol).tick_size, quote[symbol].ask
        assert offer is not None
        # A tick that cents do not have, and enough through the offer to trade.
        limit = offer + (tick if (offer + tick) % Decimal("0.01") else 2 * tick)
        placed = client.place(
            account=ACCOUNT, symbol=symbol, side="BUY", quantity=10, limit_price=f"{limit:f}"
        )
        wait_until(
            lambda known=placed: bool(client.order_routes(known.order_id).routes),
            f"route of {symbol}",
            EVENTUALLY_S,
        )
        (first, *_) = client.order_routes(placed.order_id).routes
        assert all(child.limit_price % tick == 0 for child in first.children)


def test_a_halted_symbol_is_denied_keeps_what_venues_have_takes_cancels_and_trades_again(
    client: Client,
) -> None:
    def is_denied() -> bool:
        preview = client.preview(account=ACCOUNT, symbol="BF/A", side="BUY", quantity=10)
        return "INSTRUMENT_HALTED" in preview.risk.denial

    resting = client.place(
        account=ACCOUNT, symbol="BF/A", side="BUY", quantity=10, limit_price="20.00", time_in_force="GTC"
    )
    wait_until(
        lambda: bool(client.order_routes(resting.order_id).routes), "route of what rests", EVENTUALLY_S
    )
    assert client.set_halt("BF/A", reason="drill").symbol == "BF/A"
    try:
        wait_until(is_denied, "denial of what is halted", EVENTUALLY_S)
        assert done(client, "BF/A").text == "INSTRUMENT_HALTED: symbol=BF/A, reason=drill"
        assert not client.order(resting.order_id).closed
        client.cancel(resting.order_id)
        wait_until(
            lambda: client.order(resting.order_id).status == "CANCELED",
            "cancel while it is halted",
            EVENTUALLY_S,
        )
    finally:
        client.lift_halt("BF/A", reason="over")
    wait_until(lambda: not is_denied(), "trading after the halt", EVENTUALLY_S)
    assert done(client, "BF/A").status == "FILLED"
