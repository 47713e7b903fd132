"""`oms orders`, `positions`, `accounts`, `quote` against an API that stands in."""

import json
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner, Result

from oms_client.answers import OrderPage, Positions, Quotes
from oms_platform.ids import uuid7
from oms_tools.cli.client import ApiClient, ApiError, read
from oms_tools.cli.main import cli
from oms_tools.cli.order_ids import short_id, whole_order_id
from tests.stand_in_api import Query, StandIn, stand_in
from tests.unit.oms_client.answers import ORDER

ACCOUNTS = {
    "accounts": [
        {
            "accountId": f"ACC-INST-00{n}",
            "name": f"Demo INST-00{n}",
            "status": "ACTIVE",
            "kind": "INSTITUTION",
            "firm": "DEMO",
            "desk": "AGENCY",
            "version": 1,
            "changedBy": "",
            "reason": "",
            "changedAt": "2026-03-02T15:00:00Z",
        }
        for n in (1, 2)
    ]
}


def order(number: int, **changed: Any) -> dict[str, Any]:
    """Return an order as REST answers it, as wide as the demo's get."""
    return (
        ORDER
        | {
            "orderId": str(UUID(int=0x01900000_0000_7000_8000_000000000000 + number)),
            "accountId": "ACC-INST-001",
            "symbol": "GOOGL",
            "side": "SELL",
            "orderType": "LIMIT",
            "timeInForce": "DAY",
            "quantity": 1_000_000,
            "limitPrice": "1227.090000",
            "status": "PARTIALLY_FILLED",
            "closed": False,
            "cumQty": 999_999,
            "leavesQty": 1,
            "avgPx": "1227.123456",
            "text": "",
            "aFieldOfTomorrow": {"x": 1},
        }
        | changed
    )


MARKED = {
    "fees": "1.5", "opened": "0", "mark": "227.13", "markSource": "STALE", "markAt": "2026-03-02T14:00:00Z",
    "markReason": "crossed", "stale": True, "unrealizedPnl": "-12.5", "totalPnl": "-1234580.391",
}  # fmt: skip
DENIED = order(
    2,
    status="REJECTED",
    closed=True,
    cumQty=0,
    text="ORDER_NOTIONAL_EXCEEDS_MAX: notional=1227090000.000000, limit=50000000.000000, price=1227.090000",
)


def run(api: StandIn, *words: str) -> Result:
    return CliRunner().invoke(cli, list(words), env=dict(api.environment))


def test_orders_are_asked_for_with_every_filter_and_shown_within_80_columns() -> None:
    with stand_in({"GET /api/v1/orders": {"orders": [order(1), DENIED], "nextCursor": None}}) as api:
        filters = ["--account", "ACC-INST-001", "--symbol", "googl", "--status", "partially_filled"]
        filters += ["--basket", "list 1"]
        result = run(api, "orders", *filters, "--status", "REJECTED", "--open", "--limit", "7")
        assert result.exit_code == 0, result.output
        assert api.queries("GET /api/v1/orders") == [
            {
                "limit": ["7"],
                "accountId": ["ACC-INST-001"],
                "symbol": ["GOOGL"],
                "status": ["PARTIALLY_FILLED", "REJECTED"],
                "open": ["true"],
                "basketId": ["list 1"],
            }
        ]
    lines = result.output.splitlines()
    assert max(len(line) for line in lines) <= 80
    assert lines[1].split() == [
        *("00000001", "ACC-INST-001", "SELL", "GOOGL", "1,000,000", "1227.09", "PARTIALLY_FILLED", "999,999")
    ]
    # The reason loses no character, only the breaks of its lines.
    assert DENIED["text"] in " ".join(line.strip() for line in lines)
    assert "more dollars than may be ordered at once" in " ".join(line.strip() for line in lines)


def test_orders_without_filters_ask_for_none() -> None:
    with stand_in({"GET /api/v1/orders": {"orders": [], "nextCursor": None}}) as api:
        assert "0 orders" in run(api, "orders").output
        assert api.queries("GET /api/v1/orders") == [{"limit": ["50"]}]
        assert run(api, "orders", "--status", "BROKEN").exit_code == 2


def test_ones_own_orders_are_those_of_who_asks() -> None:
    me = {"subject": "trader-7", "rights": ["read"], "accounts": ["ACC-INST-001"]}
    answers = {"GET /api/v1/me": me, "GET /api/v1/orders": {"orders": [], "nextCursor": None}}
    with stand_in(answers) as api:
        assert run(api, "orders", "--mine").exit_code == 0
        assert run(api, "orders", "--principal", "fix:FUND").exit_code == 0
        both = run(api, "orders", "--mine", "--principal", "desk")
        assert (both.exit_code, "--mine or --principal" in both.output) == (2, True)
        asked = [query.get("principal") for query in api.queries("GET /api/v1/orders")]
        assert asked == [["trader-7"], ["fix:FUND"]]


def pages(total: int) -> Any:
    """Answer a list of orders page by page."""

    def answer(query: Query, _body: Any) -> Any:
        first = int(query.get("cursor", ["0"])[0])
        end = min(total, first + int(query["limit"][0]))
        found = [order(number) for number in range(first, end)]
        return {"orders": found, "nextCursor": str(end) if end < total else None}

    return answer


@pytest.mark.parametrize(
    ("total", "limit", "shown", "asked"), [(450, 10_000, 450, 3), (450, 210, 210, 2), (1, 5, 1, 1)]
)
def test_orders_are_fetched_page_by_page_up_to_the_limit(
    total: int, limit: int, shown: int, asked: int
) -> None:
    with stand_in({"GET /api/v1/orders": pages(total)}) as api:
        found = run(api, "orders", "--json", "--limit", str(limit)).output
        ids = [one["orderId"] for one in json.loads(found)["orders"]]
        assert ids == [order(number)["orderId"] for number in range(shown)]
        assert len(api.queries("GET /api/v1/orders")) == asked


def test_json_is_the_answer_as_it_came() -> None:
    position = {
        "symbol": "AAPL",
        "quantity": -80,
        "cost": "-18000.5",
        "realizedPnl": "0",
        "netCash": "1",
        "mark": "9",
    }
    held = {"accountId": "ACC-INST-001", "positions": [position]}
    quotes = {"quotes": [{"symbol": "AAPL", "bid": "1.00", "venues": [{"venueId": "XNYS"}]}]}
    answers = {
        "GET /api/v1/orders": {"orders": [order(1)], "nextCursor": None},
        "GET /api/v1/accounts": ACCOUNTS,
        "GET /api/v1/accounts/ACC-INST-001/positions": held,
        "GET /api/v1/quotes": quotes,
    }
    with stand_in(answers) as api:
        assert json.loads(run(api, "orders", "--json").output) == {"orders": [order(1)]}
        assert json.loads(run(api, "accounts", "--json").output) == ACCOUNTS
        assert json.loads(run(api, "quote", "AAPL", "--json").output) == quotes
        shown = run(api, "positions", "--account", "ACC-INST-001", "--json").output
        assert json.loads(shown) == {"accounts": [held]}


def test_positions_are_those_of_every_account_that_is_seen_unless_accounts_are_named() -> None:
    def held(account: str) -> dict[str, Any]:
        row = {
            "symbol": "GOOGL",
            "quantity": -99_400,
            "cost": "-22577365.704820",
            "realizedPnl": "-1234567.891",
            "netCash": "22577365.7",
            "updatedAt": "2026-03-02T15:00:00Z",
        } | MARKED
        return {"accountId": account, "positions": [row, row | {"symbol": "V", "quantity": 0, "cost": "0"}]}

    answers: dict[str, Any] = {"GET /api/v1/accounts": ACCOUNTS}
    for account in ("ACC-INST-001", "ACC-INST-002"):
        answers[f"GET /api/v1/accounts/{account}/positions"] = held(account)
    with stand_in(answers) as api:
        lines = run(api, "positions").output.splitlines()
        assert max(len(line) for line in lines) <= 80
        assert lines[1].split() == [
            "ACC-INST-001",
            "GOOGL",
            "-99,400",
            "227.1365",
            "227.13*",
            "-12.50",
            "-1,234,567.89",
        ]
        assert lines[2].split()[:4] == ["ACC-INST-001", "V", "0", "–"]
        assert lines[-1] == "4 positions in 2 accounts"
        one = run(api, "positions", "--account", "ACC-INST-002").output
        assert "ACC-INST-001" not in one and one.endswith("2 positions in 1 account\n")


def test_accounts_and_quotes_are_shown_within_80_columns() -> None:
    full = {
        "symbol": "AAPL",
        "bid": "227.380000",
        "bidSize": 12_500,
        "ask": "227.4",
        "askSize": 400,
        "quotedAt": "2026-03-02T15:00:00.123456Z",
        "sequence": 7,
        "lastPrice": "227.380000",
        "lastSize": 300,
        "volume": 41_234_500,
        "venues": [],
    }
    nothing = full | {"symbol": "V", "bid": None, "bidSize": 0, "ask": None, "askSize": 0}
    nothing |= {"lastPrice": None, "lastSize": None, "volume": None}
    answers = {
        "GET /api/v1/accounts": ACCOUNTS,
        "GET /api/v1/quotes": {"quotes": [full, nothing]},
    }
    with stand_in(answers) as api:
        shown = run(api, "accounts").output
        assert "ACC-INST-002 Demo INST-002 ACTIVE INSTITUTION" in shown
        quoted = run(api, "quote", "aapl", "v").output
        assert api.queries("GET /api/v1/quotes") == [{"symbol": ["AAPL", "V"]}]
    lines = quoted.splitlines()
    assert lines[1].split() == [
        "AAPL", "12,500", "227.38", "227.40", "400", "0.02", "227.38", "41,234,500", "15:00:00.123",
    ]  # fmt: skip
    assert lines[2].split() == ["V", *["–"] * 7, "15:00:00.123"]
    assert max(len(line) for line in (*lines, *shown.splitlines())) <= 80


@pytest.mark.parametrize(
    ("answer", "shape"),
    [
        ({}, OrderPage),
        ({"orders": [{"orderId": "no id"}]}, OrderPage),
        ([], Quotes),
        ({"quotes": [{"symbol": "A", "bid": "much"}]}, Quotes),
        ({"accountId": "A", "positions": [{"symbol": "A"}]}, Positions),
        (None, Positions),
    ],
)
def test_an_answer_of_another_shape_is_an_error_of_one_line(answer: Any, shape: Any) -> None:
    with pytest.raises(ApiError, match="the API's answer is not what this `oms` reads: ") as found:
        read(answer, shape)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("name", ["orders", "accounts", "positions"])
def test_a_page_that_the_api_does_not_have_is_said_in_one_line(name: str) -> None:
    with stand_in({}) as api:
        result = run(api, name)
        assert isinstance(result.exception, ApiError)
        assert str(result.exception) == "no such page (HTTP 404)"


def test_an_order_is_found_by_the_end_of_its_id() -> None:
    ids = [uuid7() for _ in range(5)]
    twin = UUID(int=(ids[0].int & 0xFFFFFFFF) | (7 << 76) | (1 << 90))
    listed = [order(0, orderId=str(one)) for one in (*ids, twin)]
    with stand_in({"GET /api/v1/orders": {"orders": listed, "nextCursor": None}}) as api:
        client = ApiClient(api.url, "t")
        assert whole_order_id(client, short_id(ids[1])) == str(ids[1])
        assert whole_order_id(client, str(ids[1])[-13:].upper()) == str(ids[1])
        assert whole_order_id(client, str(ids[1])) == str(ids[1])
        with pytest.raises(ApiError, match=f"several orders end in {short_id(twin)}: "):
            whole_order_id(client, short_id(twin))
        with pytest.raises(ApiError, match="none of the newest 1,000 orders ends in 00000000"):
            whole_order_id(client, "00000000")
        # A whole id is not looked for, and neither is what is too short to tell orders apart.
        asked = len(api.asked)
        assert whole_order_id(client, "12ab") == "12ab"
        assert len(api.asked) == asked
