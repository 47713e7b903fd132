"""Hours and halts at the gateway and on the command line; names that have a slash or a point in them."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner

from oms_tools.cli.calendar_commands import calendar
from oms_tools.cli.client import ISSUER_VARIABLE, URL_VARIABLE
from oms_tools.cli.exchange_sessions import exchange_calendar, store_calendar
from oms_tools.cli.halt_commands import halt, unhalt
from tests.integration.api_rig import Gateway

HALTS, CALENDARS = "/api/v1/halts", "/api/v1/calendars"
FIRST, LAST = date(2026, 11, 20), date(2026, 12, 31)


@pytest.fixture
def api(clean_gateway: Gateway) -> Gateway:
    return clean_gateway


@pytest.fixture
def dsn(clean_gateway: Gateway) -> str:
    return clean_gateway.dsn


def test_a_symbol_is_halted_once_and_lifted_once_and_both_are_kept(api: Gateway) -> None:
    content = {"symbol": "AAPL", "reason": "news is pending"}
    first = api.call("POST", HALTS, content, "admin1")
    assert (first.status, first.json["symbol"], first.json["liftedAt"]) == (201, "AAPL", None)
    again = api.call("POST", HALTS, content, "admin1")
    assert (again.status, again.json["error"]["code"]) == (409, "CONFLICT")
    assert api.call("GET", "/api/v1/instruments/AAPL").json["haltReason"] == "news is pending"
    lifted = api.call("POST", f"{HALTS}/AAPL/lift", {"reason": "it is out"}, "admin1")
    assert (lifted.status, lifted.json["liftReason"]) == (200, "it is out")
    assert api.call("POST", f"{HALTS}/AAPL/lift", {"reason": "again"}, "admin1").status == 404
    assert api.call("GET", HALTS).json["halts"] == []
    (kept,) = api.call("GET", f"{HALTS}?all=true").json["halts"]
    assert (kept["setBy"], kept["liftedBy"]) == (first.json["setBy"], first.json["setBy"])
    assert api.call("GET", "/api/v1/instruments/AAPL").json["haltReason"] is None


@pytest.mark.parametrize("user", ["admin1", "risk1", "desk"])
def test_who_may_stop_trading_halts_and_lifts_and_nobody_else(api: Gateway, user: str) -> None:
    content = {"symbol": "MSFT", "reason": "drill"}
    assert api.call("POST", HALTS, content, "trader1").status == 403
    assert api.call("POST", HALTS, content, user).status == 201
    assert api.call("POST", f"{HALTS}/MSFT/lift", {"reason": "x"}, "trader1").status == 403
    assert api.call("POST", f"{HALTS}/MSFT/lift", {"reason": "x"}, user).status == 200


def test_a_symbol_is_others_too_so_who_sees_some_accounts_halts_none(api: Gateway) -> None:
    mine = {"Authorization": f"Bearer {api.token_of('head', 'desk-head', ['ACC-INST-001'])}"}
    assert api.call("POST", HALTS, {"symbol": "AAPL", "reason": "x"}, None, **mine).status == 403
    assert api.call("POST", HALTS, {"symbol": "AAPL", "reason": "x"}, "admin1").status == 201
    assert api.call("POST", f"{HALTS}/AAPL/lift", {"reason": "x"}, None, **mine).status == 403


def test_an_unknown_symbol_is_refused_by_its_field(api: Gateway) -> None:
    refused = api.call("POST", HALTS, {"symbol": "NONE", "reason": "x"}, "admin1")
    assert (refused.status, refused.json["error"]["fields"][0]["field"]) == (400, "symbol")


def test_a_calendars_sessions_are_read_with_a_holiday_and_a_half_day(api: Gateway, dsn: str) -> None:
    store_calendar(dsn, exchange_calendar("XNYS", FIRST, LAST), FIRST, LAST)
    found = api.call("GET", f"{CALENDARS}/XNYS?first=2026-11-25&last=2026-11-27").json
    assert (found["calendar"]["zone"], found["calendar"]["isContinuous"]) == ("America/New_York", False)
    assert [(one["sessionDate"], one["closesAt"], one["earlyClose"]) for one in found["sessions"]] == [
        ("2026-11-25", "2026-11-25T21:00:00Z", False),
        ("2026-11-27", "2026-11-27T18:00:00Z", True),
    ]
    known = {one["calendarId"]: one for one in api.call("GET", CALENDARS).json["calendars"]}
    assert known["SIM"]["isOpen"] and known["SIM"]["isContinuous"]
    # Loaded again, it is what it was, and the audit has nothing to tell.
    with psycopg.connect(dsn, autocommit=True) as connection:
        told = connection.execute("SELECT count(*) FROM audit_log").fetchone()
        store_calendar(dsn, exchange_calendar("XNYS", FIRST, LAST), FIRST, LAST)
        assert connection.execute("SELECT count(*) FROM audit_log").fetchone() == told
        connection.execute("UPDATE calendar_sessions SET early_close = NOT early_close")
        store_calendar(dsn, exchange_calendar("XNYS", FIRST, LAST), FIRST, LAST)
    again = api.call("GET", f"{CALENDARS}/XNYS?first=2026-11-25&last=2026-11-27").json
    assert again["sessions"] == found["sessions"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("first=2026-02-30", "first"),
        ("last=2026-13-01", "last"),
        ("first=2026-11-27&last=2026-11-26", "last"),
        ("first=2026-01-01&last=2029-01-01", "last"),
        ("first=0001-01-01", "last"),
        ("last=9999-12-31", "last"),
        ("first=today", "first"),
    ],
)
def test_days_that_cannot_be_are_refused_by_their_field(api: Gateway, query: str, field: str) -> None:
    refused = api.call("GET", f"{CALENDARS}/XNYS?{query}")
    assert (refused.status, refused.json["error"]["fields"][0]["field"]) == (400, field)


def test_a_calendar_that_is_not_there_is_not_found(api: Gateway) -> None:
    assert api.call("GET", f"{CALENDARS}/XNONE").status == 404


# ---- names and prices that are not usual


@pytest.mark.parametrize(
    ("symbol", "written", "tick", "lot"),
    [
        ("BRK.B", "BRK.B", "0.01", 40),
        ("BRK.A", "BRK.A", "0.01", 1),
        ("BF/A", "BF%2FA", "0.01", 100),
        ("BF/A", "BF%2fA", "0.01", 100),
        ("PENY", "PENY", "0.0001", 100),
        ("F", "F", "0.005", 100),
    ],
)
def test_an_instrument_is_found_by_its_name_whatever_it_has_in_it(
    api: Gateway, dsn: str, symbol: str, written: str, tick: str, lot: int
) -> None:
    with psycopg.connect(dsn) as connection:
        # Whatever day it is: the rules of 2026 count.
        connection.execute("UPDATE instrument_rules SET effective_from = '2026-01-01'")
    found = api.call("GET", f"/api/v1/instruments/{written}")
    assert (found.status, found.json["symbol"]) == (200, symbol)
    assert (found.json["tickSize"], found.json["lotSize"]) == (tick, lot)
    halted = api.call("POST", HALTS, {"symbol": symbol, "reason": "drill"}, "admin1")
    assert halted.status == 201
    assert api.call("POST", f"{HALTS}/{written}/lift", {"reason": "over"}, "admin1").json["symbol"] == symbol


@pytest.mark.parametrize("path", ["BF%252FA", "BF/A", "BF%2F", "%2FBF", "..%2FAAPL", "AAPL%2F"])
def test_a_slash_in_a_name_is_no_way_to_another_page(api: Gateway, path: str) -> None:
    assert api.call("GET", f"/api/v1/instruments/{path}").status == 404


@pytest.mark.parametrize(
    ("symbol", "price", "status"),
    [
        ("BRK.A", "731250.01", 201),
        ("BRK.A", "731250.005", 400),
        ("BF/A", "29.85", 201),
        ("BRK.B", "487.40", 201),
        ("PENY", "0.4521", 201),
        ("PENY", "0.45215", 400),
        ("PENY", "1.0001", 400),
    ],
)
def test_orders_of_unusual_names_and_prices_are_taken_as_they_are(
    api: Gateway, symbol: str, price: str, status: int
) -> None:
    order: dict[str, Any] = {
        "clientOrderId": "c-1",
        "accountId": "ACC-INST-001",
        "symbol": symbol,
        "side": "BUY",
        "orderType": "LIMIT",
        "quantity": 1,
        "limitPrice": price,
    }
    answer = api.call("POST", "/api/v1/orders", order)
    assert answer.status == status
    if status == 400:
        (problem,) = answer.json["error"]["fields"]
        assert problem["field"] == "limitPrice" and "tick size" in problem["message"]
        return
    kept = api.call("GET", f"/api/v1/orders/{answer.json['orderId']}").json
    assert (kept["symbol"], float(kept["limitPrice"])) == (symbol, float(price))


# ---- on the command line


def test_the_commands_halt_and_list_and_lift_and_load(
    api: Gateway, dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(URL_VARIABLE, f"http://127.0.0.1:{api.http_port}")
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setenv(ISSUER_VARIABLE, api.issuer)

    def run(command: Any, *arguments: str) -> str:
        result = CliRunner().invoke(command, [*arguments, "--data", str(tmp_path)])
        assert result.exit_code == 0, result.output
        return result.output

    assert json.loads(run(halt, "BF/A", "--reason", "drill"))["symbol"] == "BF/A"
    assert "BF/A" in run(halt) and "1 halts" in run(halt)
    assert "BF/A trades again" in run(unhalt, "BF/A", "--reason", "over")
    assert "0 halts" in run(halt)
    loaded = json.loads(
        run(calendar, "load", "XNYS", "--dsn", dsn, "--from", "2026-11-20", "--through", "2026-12-31")
    )
    assert (loaded["sessions"], loaded["earlyCloses"]) == (28, ["2026-11-27", "2026-12-24"])
    shown = run(calendar, "show", "XNYS", "--from", "2026-11-26", "--through", "2026-11-27")
    assert "2026-11-27  2026-11-27T14:30Z to 2026-11-27T18:00Z  early close" in shown
    assert "2026-11-26  " not in shown
    assert "SIM  UTC  open until" in run(calendar, "show")
