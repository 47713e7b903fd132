"""Positions at their marks, profit and loss, cash and openings at a gateway on a real database."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from oms_core.handlers import handle_action
from oms_core.ports import UnitOfWork
from oms_platform.clock import utc_now
from oms_platform.kafka.settings import KafkaSettings
from oms_platform.market_rules import rules_date
from oms_tools.laptop.parts import wait_until
from tests.ingest import store_order, submit_order
from tests.integration.api_rig import Gateway, gateway
from tests.integration.audit_rig import Books
from tests.patience import EVENTUALLY_S

ACCOUNT = "ACC-INST-001"
PNL, CASH = f"/api/v1/accounts/{ACCOUNT}/pnl", f"/api/v1/accounts/{ACCOUNT}/cash-entries"
LOAD = "/api/v1/positions/load"


@pytest.fixture
def api(
    tmp_path: Path,
    dsn: str,
    memory_kafka: KafkaSettings,
    redis_port: int,
    cleanup: ExitStack,
    db: psycopg.Connection[Any],
) -> Iterator[Gateway]:
    today = rules_date(utc_now())
    db.execute("UPDATE instruments SET reference_price = 110 WHERE symbol = 'AAPL'")
    db.execute(
        "INSERT INTO positions VALUES (%s, 'AAPL', 10, 1000, 25, -975, now(), 1.5),"
        " (%s, 'MSFT', 0, 0, -5, -5, now(), 0.25)",
        (ACCOUNT, ACCOUNT),
    )
    db.execute(
        "INSERT INTO cash_settlements VALUES (%s, %s, -500), (%s, %s, -481.75)",
        (ACCOUNT, today, ACCOUNT, today + timedelta(days=1)),
    )
    yield cleanup.enter_context(gateway(tmp_path, dsn, memory_kafka.bootstrap, redis_port))


def test_an_account_stands_as_its_rows_say_at_reference_prices_while_nobody_quotes(api: Gateway) -> None:
    found = api.call("GET", PNL).json
    sums = {name: found[name] for name in ("cash", "settledCash", "gross", "net", "fees", "stale")}
    assert sums == {
        "cash": "-981.75", "settledCash": "-500", "gross": "1100", "net": "1100", "fees": "1.75",
        "stale": True,
    }  # fmt: skip
    tomorrow = rules_date(utc_now()) + timedelta(days=1)
    assert found["unsettled"] == [{"settlesOn": tomorrow.isoformat(), "amount": "-481.75"}]
    assert (found["realizedPnl"], found["unrealizedPnl"], found["totalPnl"]) == ("20", "100", "120")
    aapl, msft = api.call("GET", f"/api/v1/accounts/{ACCOUNT}/positions").json["positions"]
    assert found["positions"] == [aapl, msft]
    assert (aapl["mark"], aapl["markSource"], aapl["markReason"], aapl["stale"]) == (
        "110", "REFERENCE", "missing", True,
    )  # fmt: skip
    assert (msft["unrealizedPnl"], msft["totalPnl"]) == ("0", "-5")


def test_cash_is_deposited_once_and_withdrawn_up_to_what_has_settled(api: Gateway) -> None:
    entry = {"kind": "DEPOSIT", "amount": "1500.000001", "reason": "wire",
             "entryId": "01900000-0000-7000-8000-0000deadbee1"}  # fmt: skip
    assert api.call("POST", CASH, entry, "trader1").status == 403
    first = api.call("POST", CASH, entry, "risk1")
    assert (first.status, first.json["amount"]) == (201, "1500.000001")
    assert api.call("POST", CASH, entry, "risk1").json == first.json
    assert api.call("POST", CASH, entry | {"amount": "2"}, "risk1").status == 409
    assert api.call("GET", PNL).json["settledCash"] == "1000.000001"
    much = api.call("POST", CASH, {"kind": "WITHDRAWAL", "amount": "1000.000002", "reason": "x"}, "risk1")
    assert much.json["error"]["fields"] == [
        {"field": "amount", "message": "must be at most the settled cash of 1000.000001, was 1000.000002"}
    ]
    assert (
        api.call("POST", CASH, {"kind": "WITHDRAWAL", "amount": 1000, "reason": "x"}, "risk1").status == 201
    )
    assert api.call("GET", PNL).json["settledCash"] == "0.000001"
    kinds = [one["kind"] for one in api.call("GET", CASH).json["entries"]]
    assert kinds == ["WITHDRAWAL", "DEPOSIT"]
    for amount, said in (("0", "must be above 0"), ("-1", "must be"), ("0.0000001", "must be")):
        wrong = api.call("POST", CASH, entry | {"amount": amount}, "risk1")
        assert wrong.status == 400 and wrong.json["error"]["fields"][0]["message"].startswith(said)


def test_an_entry_is_never_changed_and_is_in_the_audit(api: Gateway, db: psycopg.Connection[Any]) -> None:
    api.call("POST", CASH, {"kind": "DEPOSIT", "amount": 1, "reason": "why"}, "risk1")
    for change in ("UPDATE cash_entries SET amount = 2", "DELETE FROM cash_entries"):
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
            db.execute(change)
    rows = db.execute("SELECT reason FROM audit_log WHERE table_name = 'cash_entries'").fetchall()
    assert rows == [("why",)]


def line(**changes: Any) -> dict[str, Any]:
    return {"accountId": ACCOUNT, "symbol": "AAPL", "quantity": 5, "cost": "500"} | changes


def test_a_load_is_whole_or_nothing_and_each_line_is_told_what_is_wrong(
    api: Gateway, db: psycopg.Connection[Any]
) -> None:
    wrong = [
        line(),
        line(),
        line(symbol="NONE"),
        line(accountId="NOBODY"),
        line(symbol="MSFT", cost="-1"),
        line(symbol="GOOGL", quantity=0),
    ]
    answer = api.call("POST", LOAD, {"positions": wrong, "reason": "x"}, "risk1")
    assert [(one["field"], one["message"].split(",")[0]) for one in answer.json["error"]["fields"]] == [
        ("positions[1].accountId", "must not be of the same account and symbol as positions[0]"),
        ("positions[2].symbol", "must be a known symbol"),
        ("positions[3].accountId", "must be a known account"),
        ("positions[4].cost", "must have the sign of the 5 shares"),
        ("positions[5].cost", "must be 0 of no shares"),
    ]
    assert api.call("POST", LOAD, {"reason": "x"}, "risk1").status == 400
    assert api.call("POST", LOAD, {"positions": [line()], "reason": "x"}, "trader1").status == 403
    assert db.execute("SELECT count(*) FROM position_actions").fetchone() == (0,)


def test_an_opening_is_stored_for_cores_and_cash_is_brought_to_what_it_is_said_to_be(
    api: Gateway, db: psycopg.Connection[Any]
) -> None:
    asked = {
        "positions": [line(), line(symbol="MSFT", quantity=-3, cost="-1200.5")],
        "cash": [{"accountId": ACCOUNT, "amount": "10000"}],
        "reason": "start of day",
    }
    loaded = api.call("POST", LOAD, asked, "risk1")
    # No core is up to take it.
    assert loaded.json == {"positions": 2, "cash": 1, "taken": False, "refused": []}
    rows = db.execute("SELECT symbol, terms, reason FROM position_actions ORDER BY action_id").fetchall()
    assert rows == [
        ("AAPL", {"quantity": 5, "cost": "500", "after": 0}, "start of day"),
        ("MSFT", {"quantity": -3, "cost": "-1200.5", "after": 0}, "start of day"),
    ]
    assert api.call("GET", PNL).json["cash"] == "10000"
    (entry,) = api.call("GET", CASH).json["entries"]
    assert (entry["kind"], entry["amount"], entry["reason"]) == ("OPENING", "10981.75", "start of day")


def test_a_load_that_an_order_has_crossed_says_which_accounts_core_refused(
    api: Gateway, db: psycopg.Connection[Any]
) -> None:
    other = "ACC-INST-002"
    db.execute("INSERT INTO account_streams VALUES (%s, 4), (%s, 9)", (ACCOUNT, other))
    asked = {"positions": [line(), line(accountId=other)], "reason": "x"}
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(api.call, "POST", LOAD, asked, "risk1")
        books = Books(db)
        desk = books.core.desk
        # An event of the one account that the load has not seen.
        desk.stream_sequences[ACCOUNT] += 1
        wait_until(lambda: bool(books.store.waiting_actions([ACCOUNT, other])), "the openings", EVENTUALLY_S)
        unit = UnitOfWork(now=utc_now())
        for one in books.store.waiting_actions([ACCOUNT, other]):
            handle_action(books.core, unit, one)
        db.execute("UPDATE account_streams SET head = head + 1 WHERE account_id = %s", (ACCOUNT,))
        books.store.commit(unit, desk, {})
        loaded = waiting.result().json
    why = "event 5 of the account came after the load was checked at 4"
    assert loaded == {
        "positions": 2, "cash": 0, "taken": False, "refused": [{"accountId": ACCOUNT, "why": why}],
    }  # fmt: skip
    held = db.execute(
        "SELECT account_id, quantity FROM positions WHERE symbol = 'AAPL' ORDER BY 1"
    ).fetchall()
    assert held == [(ACCOUNT, 10), (other, 5)]


def test_a_halted_symbol_without_open_orders_is_split_for_everybody_after_it_was_looked_at(
    api: Gateway, db: psycopg.Connection[Any]
) -> None:
    path = "/api/v1/corporate-actions/split"
    db.execute("INSERT INTO positions VALUES ('ACC-HF-001', 'AAPL', -7, -700, 0, 700, now())")
    db.execute("UPDATE instruments SET lower_band = 90, upper_band = 120 WHERE symbol = 'AAPL'")
    asked = {"symbol": "AAPL", "numerator": 3, "denominator": 2, "check": True, "reason": "3 for 2"}
    assert api.call("POST", path, asked, "risk1").status == 403
    mine = {"Authorization": f"Bearer {api.token_of('one', 'admin', [ACCOUNT])}"}
    assert api.call("POST", path, asked, None, **mine).status == 403

    def refused(**changes: Any) -> str:
        (field,) = api.call("POST", path, asked | changes, "admin1").json["error"]["fields"]
        return f"{field['field']} {field['message']}"

    assert refused() == "symbol must be halted, was AAPL, which trades"
    order = submit_order(account_id=ACCOUNT)
    store_order(db, order)
    db.execute("INSERT INTO halts VALUES (gen_random_uuid(), 'AAPL', 'split', 'admin1', now())")
    assert refused() == f"symbol must have no open orders, had 1: {order.order_id}"
    assert refused(symbol="NONE") == 'symbol must be a known symbol, was "NONE"'
    assert refused(numerator=2) == "numerator must be another than the denominator, was 2"
    db.execute("UPDATE orders SET closed = true, status = 'CANCELED', leaves_qty = 0")
    looked = api.call("POST", path, asked, "admin1").json
    assert looked == {
        "symbol": "AAPL", "numerator": 3, "denominator": 2, "price": "73.333333", "done": False,
        "referencePrice": "73.333333", "taken": False,
        "positions": [
            {"accountId": "ACC-HF-001", "quantity": -7, "quantityAfter": -10, "paid": "-36.666666"},
            {"accountId": ACCOUNT, "quantity": 10, "quantityAfter": 15, "paid": "0"},
        ],
    }  # fmt: skip
    assert db.execute("SELECT count(*) FROM position_actions").fetchone() == (0,)
    done = api.call("POST", path, asked | {"check": False, "price": "80"}, "admin1").json
    assert (done["done"], done["price"], done["positions"][0]["paid"]) == (True, "80", "-40")
    rows = db.execute("SELECT kind, account_id, terms FROM position_actions ORDER BY account_id").fetchall()
    terms = {"numerator": 3, "denominator": 2, "price": "80.000000"}
    assert rows == [("SPLIT", "ACC-HF-001", terms), ("SPLIT", ACCOUNT, terms)]
    prices = db.execute(
        "SELECT reference_price::text, lower_band::text, upper_band::text FROM instruments"
        " WHERE symbol = 'AAPL'"
    ).fetchone()
    assert prices == ("73.333333", "60.000000", "80.000000")


def test_a_halted_symbol_without_open_orders_is_renamed_for_everybody_after_it_was_looked_at(
    api: Gateway, db: psycopg.Connection[Any]
) -> None:
    path = "/api/v1/corporate-actions/rename"
    db.execute("INSERT INTO positions VALUES ('ACC-HF-001', 'AAPL', -7, -700, 0, 700, now(), 1.5, 0)")
    # Who has nothing of it any more has made something of it; who never had moves nothing.
    db.execute("INSERT INTO positions VALUES ('ACC-HF-002', 'AAPL', 0, 0, 25, 25, now(), 2, 0)")
    db.execute("INSERT INTO positions VALUES ('ACC-RET-001', 'AAPL', 0, 0, 0, 0, now(), 0, 0)")
    asked = {"symbol": "AAPL", "newSymbol": "MSFT", "check": True, "reason": "new name"}
    assert api.call("POST", path, asked, "risk1").status == 403
    mine = {"Authorization": f"Bearer {api.token_of('one', 'admin', [ACCOUNT])}"}
    assert api.call("POST", path, asked, None, **mine).status == 403

    def refused(**changes: Any) -> str:
        (field,) = api.call("POST", path, asked | changes, "admin1").json["error"]["fields"]
        return f"{field['field']} {field['message']}"

    assert refused() == "symbol must be halted, was AAPL, which trades"
    order = submit_order(account_id=ACCOUNT)
    store_order(db, order)
    db.execute("INSERT INTO halts VALUES (gen_random_uuid(), 'AAPL', 'rename', 'admin1', now())")
    assert refused() == f"symbol must have no open orders, had 1: {order.order_id}"
    assert refused(newSymbol="NONE") == 'newSymbol must be a known symbol, was "NONE"'
    assert refused(newSymbol="AAPL") == "newSymbol must be another symbol, was AAPL"
    db.execute("UPDATE orders SET closed = true, status = 'CANCELED', leaves_qty = 0")
    db.execute("UPDATE instruments SET status = 'INACTIVE' WHERE symbol = 'MSFT'")
    assert refused() == "newSymbol must be ACTIVE, was INACTIVE"
    db.execute("UPDATE instruments SET status = 'ACTIVE' WHERE symbol = 'MSFT'")
    db.execute("INSERT INTO positions VALUES ('ACC-HF-001', 'MSFT', 3, 300, 0, -300, now(), 0, 0)")
    assert refused() == "newSymbol must be held by nobody who holds AAPL, was by 1: ACC-HF-001"
    db.execute("UPDATE positions SET quantity = 0, cost = 0, net_cash = 0 WHERE symbol = 'MSFT'")
    looked = api.call("POST", path, asked, "admin1").json
    assert (looked["symbol"], looked["newSymbol"], looked["done"], looked["taken"]) == (
        "AAPL", "MSFT", False, False,
    )  # fmt: skip
    lines = {one.pop("accountId"): one for one in looked["positions"]}
    assert set(lines) == {"ACC-HF-001", "ACC-HF-002", ACCOUNT}
    assert lines["ACC-HF-001"] == {"quantity": -7, "cost": "-700", "realizedPnl": "0", "fees": "1.5"}
    assert lines["ACC-HF-002"] == {"quantity": 0, "cost": "0", "realizedPnl": "25", "fees": "2"}
    assert db.execute("SELECT count(*) FROM position_actions").fetchone() == (0,)
    done = api.call("POST", path, asked | {"check": False}, "admin1").json
    assert done["done"] is True
    rows = db.execute(
        "SELECT kind, account_id, symbol, terms, reason FROM position_actions ORDER BY account_id"
    ).fetchall()
    assert rows == [("RENAME", one, "AAPL", {"to": "MSFT"}, "new name") for one in sorted(lines)]
    statuses = db.execute(
        "SELECT symbol, status FROM instruments WHERE symbol IN ('AAPL', 'MSFT') ORDER BY 1"
    ).fetchall()
    assert statuses == [("AAPL", "INACTIVE"), ("MSFT", "ACTIVE")]


def test_an_account_with_open_orders_is_loaded_only_when_that_is_said(
    api: Gateway, db: psycopg.Connection[Any]
) -> None:
    store_order(db, submit_order(account_id=ACCOUNT))
    asked = {"positions": [line(accountId="ACC-INST-002"), line()], "reason": "x"}
    (field,) = api.call("POST", LOAD, asked, "risk1").json["error"]["fields"]
    assert field["field"] == "positions[1].accountId"
    assert field["message"] == (
        "must have no open orders and no trade of today unless replace is true, had 1 and 0"
    )
    assert db.execute("SELECT count(*) FROM position_actions").fetchone() == (0,)
    assert api.call("POST", LOAD, asked | {"replace": True}, "risk1").status == 200
