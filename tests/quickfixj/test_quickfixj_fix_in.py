"""A strict client of QuickFIX/J trades through the FIX door; in the end its book is that of GET /orders.

It drops connections, skips and forgets numbers, asks for everything again, and begins its numbers anew.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from oms_platform.schema.demo_data import INSTRUMENTS
from oms_tools.laptop.layout import Layout
from oms_tools.laptop.stack import DEMO_FIX_CLIENT, DEMO_FIX_PASSWORD
from tests.conftest import database_folder
from tests.quickfixj.books import DIFFERENCES_SHOWN_MAX, lines_of, unequal
from tests.quickfixj.programs import JavaProgram
from tests.quickfixj.size import ORDERS, SEED
from tests.quickfixj.test_quickfixj_client import DONE
from tests.stack_rig import StackRig, broken, free_base_port

ACCOUNT: Final = DEMO_FIX_CLIENT.accounts[0]
STATUSES: Final = {"1": "PARTIALLY_FILLED", "2": "FILLED", "4": "CANCELED", "8": "REJECTED"}
# By OrderID: status, CumQty, LeavesQty, AvgPx.
Orders = dict[str, tuple[str, int, int, Decimal]]
pytestmark = pytest.mark.timeout(300 + ORDERS / 5)


@dataclass(frozen=True, slots=True)
class Day:
    """What a client of QuickFIX/J did at the gateway, and what it wrote down."""

    rig: StackRig
    did: str
    book: Path


@pytest.fixture(scope="module")
def day() -> Iterator[Day]:
    """A client has traded on a whole stack, and has gone."""
    with ExitStack() as parts:
        folder = parts.enter_context(database_folder())
        rig = StackRig(layout=Layout(data=folder / "stack", base_port=free_base_port()), kafka="memory")
        rig.up()
        parts.callback(rig.down)
        book = folder / "book.jsonl"
        arguments = [
            str(rig.layout.port("api_fix")), "OMS", DEMO_FIX_CLIENT.comp_id, str(ORDERS), str(SEED),
            str(book),
            ",".join(f"{symbol}={price}" for symbol, _, price in INSTRUMENTS),
            DEMO_FIX_CLIENT.username, DEMO_FIX_PASSWORD, ACCOUNT,
        ]  # fmt: skip
        client = JavaProgram("Client", arguments, folder / "client.log")
        parts.callback(client.end)
        did = client.answer()
        client.process.wait(30)
        yield Day(rig, did, book)


def client_orders(lines: Iterator[dict[str, Any]]) -> tuple[Orders, dict[str, int], list[str]]:
    """Read what the client knows: its orders, the shares of its trades by OrderID, and what was not read."""
    orders: Orders = {}
    shares: dict[str, int] = {}
    refusals: list[str] = []
    for line in lines:
        match line["record"]:
            case "order":
                state = (STATUSES[line["ord_status"]], line["cum_qty"], line["leaves_qty"])
                orders[line["order_id"]] = (*state, Decimal(line["avg_px"]))
            case "trade":
                shares[line["order_id"]] = shares.get(line["order_id"], 0) + int(line["shares"])
            case "refusal":
                refusals.append(line["text"])
    return orders, shares, refusals


def platform_orders(rig: StackRig) -> Orders:
    """Read every order of the account over REST."""
    client, orders, cursor = rig.client("trader1"), dict[str, tuple[str, int, int, Decimal]](), ""
    while True:
        query = {"accountId": ACCOUNT, "limit": "200"} | ({"cursor": cursor} if cursor else {})
        page = client.get("/api/v1/orders", **query)
        for one in page["orders"]:
            state = (one["status"], one["cumQty"], one["leavesQty"], Decimal(one["avgPx"] or 0))
            orders[one["orderId"]] = state
        cursor = page["nextCursor"]
        if cursor is None:
            return orders


def test_clients_book_is_what_rest_says_after_a_day_of_drops_resends_and_resets(day: Day) -> None:
    orders, shares, refusals = client_orders(lines_of(day.book))
    ours = platform_orders(day.rig)
    print(f"seed {SEED}, {day.did}: {len(ours)} orders, {sum(shares.values())} shares")
    assert refusals == []
    assert unequal("order", ours, orders)[:DIFFERENCES_SHOWN_MAX] == []
    cum = {order_id: cum for order_id, (_, cum, _, _) in orders.items() if cum}
    assert unequal("trades of order", cum, shares)[:DIFFERENCES_SHOWN_MAX] == []
    assert len(orders) == ORDERS and len(cum) > ORDERS / 4
    assert all(f"{what}=" in day.did for what in DONE), day.did
    assert broken(day.rig.verify()) == []
