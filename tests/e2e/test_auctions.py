"""Orders for an opening and a closing auction on a running stack, over real FIX, at a venue that holds both.

HD's market opens, and WMT's closes, some seconds after the test begins: sessions and cut-offs are rows.
"""

import contextlib
import json
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest

from oms_tools.cli.client import ApiClient, ApiError
from oms_tools.laptop.parts import postgres_dsn, wait_until
from tests.e2e.orders import place, until_status
from tests.patience import EVENTUALLY_S
from tests.stack_rig import StackRig, broken

VENUE = "XNYS"
# From the test's start: when the auctions are, and how long before them orders for them leave and are taken.
# A busy machine takes ten seconds until all wait, and ten until a core that was killed has them again.
AUCTION_S, LEAD_S, CUTOFF_S = 50, 25, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """A symbol's market, and what of it is tested. ends: the phase that its auction brings about."""

    calendar: str
    symbol: str
    force: str
    name: str
    ends: str


OPENING = Market(calendar="OPENS", symbol="HD", force="OPG", name="opening", ends="OPEN")
CLOSING = Market(calendar="CLOSES", symbol="WMT", force="CLO", name="closing", ends="CLOSED")
MARKETS = (OPENING, CLOSING)


@dataclass(slots=True, kw_only=True)
class Day:
    """The test's day. at: when the auctions are."""

    rig: StackRig
    client: ApiClient
    at: datetime

    def sleep_until(self, seconds_before: float) -> None:
        """Wait for a time of the day itself: so long before the auctions."""
        time.sleep(max(0.0, (self.at - datetime.now(UTC)).total_seconds() - seconds_before))

    def phase(self, market: Market, phase: str) -> None:
        """Let the venue begin a phase."""
        port = self.rig.layout.port("broker_control")
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/control/venues/{VENUE}/trading/{phase}",
            json.dumps({"symbol": market.symbol}).encode(),
            method="POST",
        )
        urllib.request.urlopen(request, timeout=10).close()

    def order(self, market: Market, away: str, **changes: Any) -> str:
        """Place an order for the auction. away: its limit, as a part of the market's price."""
        limit = str((self.price(market) * Decimal(away)).quantize(Decimal("0.01")))
        terms = {"symbol": market.symbol, "orderType": "LIMIT", "timeInForce": market.force}
        order_id: str = place(self.client, limitPrice=limit, **terms | changes)["orderId"]
        return order_id

    def price(self, market: Market) -> Decimal:
        """Return what the symbol is offered at."""
        return Decimal(self.client.get("/api/v1/quotes", symbol=market.symbol)["quotes"][0]["ask"])

    def text(self, order_id: str) -> str:
        """Return what is said of an order."""
        found: str = self.client.get(f"/api/v1/orders/{order_id}")["text"]
        return found

    def children(self, order_id: str) -> list[tuple[str, str, str]]:
        """Return (venue, time in force, quantity) of what was sent to venues of an order."""
        found = self.client.get(f"/api/v1/orders/{order_id}/routes")["routes"]
        return [
            (child["venueId"], child["timeInForce"], child["quantity"])
            for route in found
            for child in route["children"]
        ]

    def executions(self, order_id: str) -> list[dict[str, Any]]:
        """Return an order's executions."""
        found: list[dict[str, Any]] = self.client.get(f"/api/v1/orders/{order_id}/executions")["executions"]
        return found

    def is_known_at_the_venue(self, order_id: str) -> bool:
        """Whether the venue's journal has anything of an order: it is written before anything is sent."""
        journal = self.rig.layout.data / "broker" / "journal.jsonl"
        return UUID(order_id).hex in journal.read_text()


def is_taken(day: Day, market: Market, force: str) -> bool:
    """Whether door and core would take an order, as far as the market's hours go."""
    body = {
        "accountId": "ACC-INST-001", "symbol": market.symbol, "side": "BUY", "orderType": "LIMIT",
        "limitPrice": "1.00", "quantity": 1, "timeInForce": force,
    }  # fmt: skip
    try:
        denial: str = day.client.post("/api/v1/routes/preview", body)["risk"]["denial"]
    except ApiError:
        return False
    return not denial.startswith(("NO_AUCTION", "MARKET_CLOSED"))


@pytest.fixture
def day(rig: StackRig) -> Iterator[Day]:
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=AUCTION_S)
    day = Day(rig=rig, client=rig.client("admin1"), at=at)
    dsn = postgres_dsn(rig.layout.port("postgres"))
    sessions = {
        OPENING.calendar: (at, at + timedelta(hours=6)),
        CLOSING.calendar: (at - timedelta(hours=6), at),
    }
    with contextlib.closing(psycopg.connect(dsn, autocommit=True)) as database:
        for market in MARKETS:
            calendar = market.calendar
            database.execute("INSERT INTO calendars VALUES (%s, 'UTC', NULL)", [calendar])
            for days in (0, 1):
                opens_at, closes_at = (one + timedelta(days=days) for one in sessions[calendar])
                row = [calendar, opens_at.date(), opens_at, closes_at]
                database.execute("INSERT INTO calendar_sessions VALUES (%s, %s, %s, %s, false)", row)
            for auction in ("OPENING", "CLOSING"):
                database.execute(
                    "INSERT INTO auction_rules VALUES (%s, %s, '2020-01-01', %s, %s, 'a test')",
                    [calendar, auction, LEAD_S, CUTOFF_S],
                )
            row = [calendar, market.symbol]
            database.execute("UPDATE instruments SET calendar_id = %s WHERE symbol = %s", row)
        day.phase(OPENING, "PRE_OPEN")
        yield day
        for market in MARKETS:
            day.phase(market, "OPEN")
            database.execute("UPDATE instruments SET calendar_id = 'SIM' WHERE symbol = %s", [market.symbol])
        # What closed for the day is open again for the other tests.
        wait_until(lambda: is_taken(day, CLOSING, "DAY"), f"end of {CLOSING.calendar}", EVENTUALLY_S)


def test_a_day_of_auctions_with_a_core_that_dies_before_them(day: Day) -> None:
    for market in MARKETS:
        wait_until(
            lambda one=market: is_taken(day, one, one.force), f"auction of {market.symbol}", EVENTUALLY_S
        )

    # Before their lead time they wait in core, which is killed meanwhile.
    buys = {market: day.order(market, "1.02", quantity=90_000) for market in MARKETS}
    sells = {market: day.order(market, "0.98", quantity=700, side="SELL") for market in MARKETS}
    low = {market: day.order(market, "0.97", quantity=300) for market in MARKETS}
    recalled = {market: day.order(market, "1.02", quantity=400) for market in MARKETS}
    for market in MARKETS:
        until_status(day.client, buys[market], "ACKNOWLEDGED")
        assert day.text(buys[market]).startswith(f"waits for the {market.name} auction at ")
        assert day.children(buys[market]) == []
    killed = day.rig.kill("oms-core")
    day.rig.await_ready_again("oms-core", killed)

    # From it on they are at the listing venue, and nowhere else; until the cut-off one is canceled there.
    every = [order_id for of in (buys, sells, low, recalled) for order_id in of.values()]
    wait_until(lambda: all(day.children(one) for one in every), "children of all", EVENTUALLY_S)
    for market in MARKETS:
        assert day.children(buys[market]) == [(VENUE, market.force, 90_000)]
        (route,) = day.client.get(f"/api/v1/orders/{buys[market]}/routes")["routes"]
        assert route["proven"]
        assert f"waits for the {market.name} auction" in route["plan"]["explanation"]["summary"]
        day.client.delete(f"/api/v1/orders/{recalled[market]}")
        until_status(day.client, recalled[market], "CANCELED")

    # From the cut-off on none is taken.
    day.sleep_until(CUTOFF_S - 0.2)
    for market in MARKETS:
        late = day.order(market, "1.02")
        denied = until_status(day.client, late, "REJECTED")
        cutoff = (day.at - timedelta(seconds=CUTOFF_S)).strftime("%Y-%m-%dT%H:%M:%SZ")
        following = (day.at + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        assert denied["text"] == (
            f"AUCTION_MISSED: symbol={market.symbol}, auction={market.name}, taken_until={cutoff},"
            f" next_auction={following}"
        )
        assert day.children(late) == []
        assert not day.is_known_at_the_venue(late)
        assert day.is_known_at_the_venue(buys[market])

    # In the cross all trade at one price; what it leaves is over, and is sent nowhere else.
    day.sleep_until(0)
    for market in MARKETS:
        assert day.executions(buys[market]) == []
        day.phase(market, market.ends)
    for market in MARKETS:
        sold = until_status(day.client, sells[market], "FILLED")
        bought = until_status(day.client, buys[market], "EXPIRED")
        assert (sold["cumQty"], sold["timeInForce"]) == (700, market.force)
        assert 700 <= bought["cumQty"] < 90_000
        trades = day.executions(buys[market]) + day.executions(sells[market])
        assert len({Decimal(one["lastPx"]) for one in trades}) == 1
        untraded = until_status(day.client, low[market], "EXPIRED")
        assert untraded["cumQty"] == 0
        left = f"not executed in the {market.name} auction: not executed in the cross"
        assert bought["text"] == untraded["text"] == left
        assert day.executions(recalled[market]) == []
        for order_id in (buys[market], low[market]):
            assert len(day.children(order_id)) == 1
    assert broken(day.rig.verify(20)) == []
