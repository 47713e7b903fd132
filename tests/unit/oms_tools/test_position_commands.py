"""`oms pnl`, `oms cash`, `oms positions load`: against an API that stands in, and files of every kind."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from oms_tools.cli.main import cli
from tests.stand_in_api import StandIn, stand_in
from tests.unit.oms_tools.test_desk_commands import MARKED

POSITION = {
    "symbol": "GOOGL", "quantity": 100, "cost": "22000", "realizedPnl": "5", "netCash": "-21995",
    "updatedAt": "2026-03-02T15:00:00Z", **MARKED,
}  # fmt: skip
PNL = {
    "accountId": "A", "asOf": "2026-03-02T15:00:01Z", "cash": "1000.5", "settledCash": "900",
    "unsettled": [{"settlesOn": "2026-03-03", "amount": "100.5"}], "gross": None, "net": None,
    "realizedPnl": "5", "unrealizedPnl": None, "totalPnl": None, "fees": "1.5", "stale": True,
    "positions": [
        POSITION,
        POSITION | {"symbol": "V", "markSource": "REFERENCE", "markReason": "missing", "markAt": None},
        POSITION | {"symbol": "W", "markSource": "NONE", "markReason": "absurd", "mark": None,
                    "markAt": None, "unrealizedPnl": None},
    ],
}  # fmt: skip
ENTRY = {
    "entryId": "01900000-0000-7000-8000-0000deadbee1", "accountId": "A", "kind": "DEPOSIT", "amount": "12.5",
    "settlesOn": "2026-03-02", "enteredBy": "risk1", "reason": "wire", "enteredAt": "2026-03-02T15:00:01Z",
}  # fmt: skip


def run(api: StandIn, *words: str) -> Result:
    return CliRunner().invoke(cli, list(words), env=dict(api.environment))


def test_pnl_shows_cash_by_settlement_and_says_why_a_mark_is_not_of_now() -> None:
    with stand_in({"GET /api/v1/accounts/A/pnl": PNL}) as api:
        shown = run(api, "pnl", "A").output
        assert json.loads(run(api, "pnl", "A", "--json").output) == PNL
    lines = [line.split() for line in shown.splitlines()]
    assert ["cash", "1,000.50"] in lines
    assert ["settles", "2026-03-03", "100.50"] in lines
    assert ["unrealized", "–"] in lines
    assert "* GOOGL: its quote is crossed, the mark is of 2026-03-02 14:00:00 UTC" in shown
    assert "* V: its quote is missing, the mark is its reference price" in shown
    assert "* W: its quote is absurd, and there is no price to mark it by" in shown
    assert max(len(line) for line in shown.splitlines()) <= 80


def test_cash_is_moved_under_an_id_and_listed() -> None:
    place = "/api/v1/accounts/A/cash-entries"
    with stand_in({f"POST {place}": (201, ENTRY), f"GET {place}": {"entries": [ENTRY]}}) as api:
        words = ["cash", "deposit", "A", "12.5", "--reason", "wire", "--entry-id", ENTRY["entryId"]]
        assert json.loads(run(api, *words).output) == ENTRY
        run(api, "cash", "withdraw", "A", "3", "--reason", "fee")
        assert "DEPOSIT" in run(api, "cash", "list", "A").output
        first, second = (body for asked, _, body in api.asked if asked == f"POST {place}")
    assert first == {"kind": "DEPOSIT", "amount": "12.5", "reason": "wire", "entryId": ENTRY["entryId"]}
    assert (second["kind"], second["amount"]) == ("WITHDRAWAL", "3")


CSV = """account,symbol,quantity,cost,averageCost,cash
A,aapl,100,22700,,
A,MSFT,-10,,400.5,
A,,,,,1000000.25
B,V,0,0,,
"""
JSON = [
    {"account": "A", "symbol": "AAPL", "quantity": 100, "cost": "22700"},
    {"account": "A", "symbol": "MSFT", "quantity": -10, "averageCost": 400.5},
    {"account": "A", "cash": 1000000.25},
    {"account": "B", "symbol": "V", "quantity": 0, "cost": 0},
]
LOADED = {"positions": 3, "cash": 1, "taken": True, "refused": []}
LOAD = "POST /api/v1/positions/load"


@pytest.mark.parametrize("name", ["holdings.csv", "holdings.json"])
def test_a_file_is_loaded_whole(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text(json.dumps(JSON) if name.endswith("json") else CSV)
    with stand_in({LOAD: LOADED}) as api:
        result = run(api, "positions", "load", str(file), "--reason", "start of day", "--replace")
        ((_, _, body),) = [one for one in api.asked if one[0] == LOAD]
    assert "3 positions and cash of 1 account loaded" in result.output
    assert body == {
        "positions": [
            {"accountId": "A", "symbol": "AAPL", "quantity": 100, "cost": "22700"},
            {"accountId": "A", "symbol": "MSFT", "quantity": -10, "cost": "-4005.0"},
            {"accountId": "B", "symbol": "V", "quantity": 0, "cost": "0"},
        ],
        "cash": [{"accountId": "A", "amount": "1000000.25"}],
        "replace": True,
        "reason": "start of day",
    }


def test_accounts_that_core_refused_are_named_and_the_command_fails(tmp_path: Path) -> None:
    file = tmp_path / "holdings.csv"
    file.write_text(CSV)
    refused = [{"accountId": "B", "why": "event 7 of the account came after the load was checked at 5"}]
    with stand_in({LOAD: LOADED | {"refused": refused, "taken": False}}) as api:
        result = run(api, "positions", "load", str(file), "--reason", "start of day")
    assert result.exit_code == 1
    assert "B: event 7 of the account came after the load was checked at 5" in result.output


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"symbol": "V", "quantity": 1, "cost": 1}, "account is required"),
    ({"account": "A"}, "symbol is required"),
    ({"account": "A", "symbol": "V", "cost": 1}, "quantity must be a number, was ''"),
    ({"account": "A", "symbol": "V", "quantity": "1.5", "cost": 1}, "quantity must be whole shares"),
    ({"account": "A", "symbol": "V", "quantity": 10**10, "cost": 1}, "quantity must be whole shares"),
    ({"account": "A", "symbol": "V", "quantity": "x", "cost": 1}, "quantity must be a number, was 'x'"),
    ({"account": "A", "symbol": "V", "quantity": 1}, "cost must be given or averageCost"),
    ({"account": "A", "symbol": "V", "quantity": 1, "cost": 1, "averageCost": 1}, "cost must be given"),
    ({"account": "A", "symbol": "V", "quantity": 1, "cost": -1}, "cost must have the sign of the 1 shares"),
    ({"account": "A", "symbol": "V", "quantity": 0, "cost": 1}, "cost must have the sign of the 0 shares"),
    ({"account": "A", "symbol": "V", "quantity": 1, "averageCost": -1}, "averageCost must be 0 or above"),
    ({"account": "A", "symbol": "V", "quantity": 1, "cost": "NaN"}, "cost must be a number, was 'NaN'"),
    ({"account": "A", "symbol": "V", "quantity": 1, "cost": "1e999999"}, "cost must be a number"),
    ({"account": "A", "symbol": "V", "quantity": 1, "cost": "1e15"}, "cost must be between"),
    ({"account": "A", "symbol": "V", "quantity": 1, "cost": "0.0000001"}, "cost must have at most 6"),
    ({"account": "A", "symbol": "V", "quantity": 10**9, "averageCost": "1e14"}, "averageCost must make"),
    ({"account": "A", "cash": "much"}, "cash must be a number, was 'much'"),
    ({"account": "A", "cash": 1, "symbol": "V"}, "symbol must be left out beside cash, was 'V'"),
    ({"account": "A", "shares": 1}, "shares is none of account"),
]


def test_every_wrong_line_is_told_by_its_number_and_field_and_nothing_is_asked(tmp_path: Path) -> None:
    for lines, said in ((WRONG[:10], 10), (WRONG[10:], 9)):
        file = tmp_path / "holdings.json"
        named = [
            line | ({"account": f"A{n}"} if "account" in line else {}) for n, (line, _) in enumerate(lines)
        ]
        file.write_text(json.dumps([{"account": "Z", "cash": 1}, *named]))
        with stand_in({LOAD: LOADED}) as api:
            result = run(api, "positions", "load", str(file), "--reason", "x")
            assert not api.asked
        told = [line for line in result.output.splitlines() if line.startswith("row ")]
        assert len(told) == said, result.output
        for number, (text, (_, why)) in enumerate(zip(told, lines, strict=True), 2):
            assert text.startswith(f"row {number}: {why}"), text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[]", "has no lines"),
        ("{", "line 1: columns must be account"),
        ("[1]", "row 1: a cell is none of"),
        ("symbol,quantity\nV,1\n", "line 1: columns must be account"),
        ("account,symbol,quantity,cost\nA,V,1,2,3\n", "line 2: a cell is none of"),
        (
            "account,symbol,quantity,cost\nA,V,1,2\nB,V,1,2\nA,v,1,2\n",
            "line 4: symbol must not be of",
        ),
    ],
)
def test_what_is_no_list_of_holdings_is_refused(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "holdings"
    file.write_text(text)
    with stand_in({}) as api:
        result = run(api, "positions", "load", str(file), "--reason", "x")
    assert result.exit_code == 1
    assert why in " ".join(result.output.split())


def test_what_the_api_refuses_is_told_by_the_line_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "holdings.csv"
    file.write_text(CSV)
    fields = [
        {"field": "positions[2].accountId", "message": "must be a known account, was B"},
        {"field": "cash[0].amount", "message": "must be less"},
    ]
    refused = 400, {"error": {"code": "INVALID_REQUEST", "message": "2 fields are wrong", "fields": fields}}
    with stand_in({LOAD: refused}) as api:
        result = run(api, "positions", "load", str(file), "--reason", "x")
    assert "line 5: accountId must be a known account, was B" in result.output
    assert "line 4: amount must be less" in result.output


SPLIT = {
    "symbol": "AAPL", "numerator": 3, "denominator": 2, "price": "73.3", "referencePrice": "73.3",
    "positions": [{"accountId": "A", "quantity": 1001, "quantityAfter": 1501, "paid": "36.65"}],
    "done": False, "taken": False,
}  # fmt: skip


def test_a_split_is_asked_for_by_its_ratio_and_says_what_it_does() -> None:
    place = "POST /api/v1/corporate-actions/split"
    with stand_in({place: SPLIT}) as api:
        result = run(api, "corporate-action", "split", "aapl", "3:2", "--check", "--reason", "x")
        ((_, _, body),) = [one for one in api.asked if one[0] == place]
        for ratio in ("3", "3:0", "3/2", "-3:2", "3:2:1"):
            assert run(api, "corporate-action", "split", "A", "--reason", "x", "--", ratio).exit_code == 2
    assert body == {"symbol": "AAPL", "numerator": 3, "denominator": 2, "check": True, "reason": "x"}
    lines = result.output.splitlines()
    assert lines[1].split() == ["A", "1,001", "1,501", "36.65"]
    assert lines[2] == "AAPL 3:2 checked, nothing is done; reference price 73.30"


RENAME = {
    "symbol": "AAPL", "newSymbol": "MSFT", "done": True, "taken": True,
    "positions": [
        {"accountId": "A", "quantity": -1001, "cost": "-100.5", "realizedPnl": "7", "fees": "0.25"},
    ],
}  # fmt: skip


def test_a_rename_says_what_is_held_under_the_new_symbol() -> None:
    place = "POST /api/v1/corporate-actions/rename"
    with stand_in({place: RENAME}) as api:
        result = run(api, "corporate-action", "rename", "aapl", "msft", "--reason", "x")
        ((_, _, body),) = [one for one in api.asked if one[0] == place]
    assert body == {"symbol": "AAPL", "newSymbol": "MSFT", "check": False, "reason": "x"}
    lines = result.output.splitlines()
    assert lines[1].split() == ["A", "-1,001", "-100.50", "7.00", "0.25"]
    assert lines[2] == "AAPL to MSFT done"


OPEN_ORDER = {
    "orderId": "01900000-0000-7000-8000-0000deadbeef", "accountId": "A", "channel": "REST",
    "clientOrderId": "c", "symbol": "AAPL", "side": "BUY", "orderType": "LIMIT", "timeInForce": "DAY",
    "expireAt": None, "quantity": 100, "limitPrice": "10", "stopPrice": None, "status": "PENDING_CANCEL",
    "closed": False, "cumQty": 0, "leavesQty": 100, "filledNotional": "0", "text": "", "sequence": 3,
    "createdAt": "2026-03-02T15:00:00Z", "updatedAt": "2026-03-02T15:00:01Z", "avgPx": None,
    "minQuantity": None, "routing": None, "algo": None, "peg": None, "basketId": None, "principal": "trader1",
    "capacity": "PRINCIPAL", "displayQty": None, "postOnly": False, "locateId": None, "tags": None,
}  # fmt: skip


def instruments(**changes: Any) -> dict[str, Any]:
    one = {
        "symbol": "AAPL", "name": "Apple", "tickSize": "0.01", "lotSize": 100, "status": "ACTIVE",
        "calendarId": "US", "haltReason": None, "referencePrice": "110",
        "sector": "TECHNOLOGY", "listingVenue": "XNAS", "version": 1, "changedBy": "", "reason": "",
        "changedAt": "2026-03-02T15:00:00Z",
    }  # fmt: skip
    return {"instruments": [one | changes]}


@pytest.mark.parametrize("words", [("split", "aapl", "3:2"), ("rename", "aapl", "msft")])
def test_what_is_open_is_canceled_first_and_what_stays_open_is_told_and_nothing_done(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oms_tools.cli.position_commands.CANCEL_WAIT_S", 0.3)
    monkeypatch.setattr("oms_tools.cli.position_commands.CANCEL_LOOK_S", 0.01)
    place = f"POST /api/v1/corporate-actions/{words[0]}"
    opened = {"orders": [OPEN_ORDER], "nextCursor": None}
    told: dict[str, Any] = {
        place: RENAME if words[0] == "rename" else SPLIT,
        "GET /api/v1/instruments": instruments(haltReason="a new name"),
        "GET /api/v1/orders": opened,
        "DELETE /api/v1/orders": (202, {"orders": [], "more": False}),
    }
    asked = ("corporate-action", *words, "--cancel-open", "--reason", "x")
    with stand_in(told) as api:
        result = run(api, *asked)
        assert [one for one in api.asked if one[0] == "DELETE /api/v1/orders"]
        assert not [one for one in api.asked if one[0] == place]
    assert result.exit_code == 1
    assert "nothing is done: after 0.3 s 1 order of AAPL still open: " in result.output
    assert "PENDING_CANCEL" in result.output
    with stand_in(told | {"GET /api/v1/orders": {"orders": [], "nextCursor": None}}) as api:
        assert run(api, *asked).exit_code == 0
        assert [one for one in api.asked if one[0] == place]
    # What is not halted goes on trading with all that it has open.
    with stand_in(told | {"GET /api/v1/instruments": instruments()}) as api:
        result = run(api, *asked)
        assert not [one for one in api.asked if one[0] in (place, "DELETE /api/v1/orders")]
    assert result.exit_code == 1 and "AAPL is not halted" in result.output
