"""Locates and easy-to-borrow lists at a gateway, drawn by a core on the same database, and judged."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from oms_core.domain.locates import LocateKey
from oms_platform import ids
from oms_platform.clock import utc_now
from oms_platform.market_rules import rules_date
from oms_platform.messages import ReplaceOrder
from oms_platform.vocabulary import ExecType, OrderChange, Side
from oms_tools.verify.database import check_database
from tests.ingest import store_change, store_order, submit_order
from tests.integration.api_rig import Gateway
from tests.integration.audit_rig import Books, placed, trade

ACCOUNT, OTHER = "ACC-INST-001", "ACC-INST-002"
LIST, LOAD = "/api/v1/locates", "/api/v1/locates/load"
KEY = LocateKey(ACCOUNT, "AAPL", "L 1")


@pytest.fixture
def api(clean_gateway: Gateway) -> Gateway:
    return clean_gateway


@pytest.fixture
def dsn(clean_gateway: Gateway) -> str:
    return clean_gateway.dsn


def line(**changes: Any) -> dict[str, Any]:
    return {
        "accountId": ACCOUNT, "symbol": "AAPL", "reference": "L 1", "broker": "Prime", "quantity": 1_000,
    } | changes  # fmt: skip


def loaded(api: Gateway, *lines: dict[str, Any], **more: Any) -> Any:
    return api.call("POST", LOAD, {"locates": list(lines), "reason": "the list"} | more, "risk1")


def fields(reply: Any) -> list[tuple[str, str]]:
    return [(one["field"], one["message"].split(",")[0]) for one in reply.json["error"]["fields"]]


def test_a_load_is_whole_or_nothing_and_each_line_is_told_what_is_wrong(
    api: Gateway, db: psycopg.Connection[Any]
) -> None:
    wrong = [line(), line(quantity=5), line(symbol="NONE"), line(accountId="NOBODY", reference="L-2")]
    assert fields(loaded(api, *wrong, easyToBorrow=["MSFT", "NEITHER"])) == [
        ("locates[1].reference", "must not be of the same account and symbol as locates[0]"),
        ("locates[2].symbol", "must be a known symbol"),
        ("locates[3].accountId", "must be a known account"),
        ("easyToBorrow[1]", "must be a known symbol"),
    ]
    yesterday = (rules_date(utc_now()) - timedelta(days=1)).isoformat()
    assert fields(loaded(api, line(), day=yesterday))[0][0] == "day"
    assert fields(loaded(api))[0][0] == "locates"
    for changes in ({"quantity": -1}, {"reference": " L"}, {"broker": ""}, {"more": 1}):
        assert loaded(api, line(**changes)).status == 400
    assert api.call("POST", LOAD, {"locates": [line()], "reason": "x"}, "trader1").status == 403
    assert db.execute("SELECT count(*) FROM locates").fetchone() == (0,)
    assert db.execute("SELECT count(*) FROM easy_to_borrow").fetchone() == (0,)


def test_what_is_loaded_again_is_the_quantity_of_now_and_a_reference_stays_of_its_day(
    api: Gateway, db: psycopg.Connection[Any]
) -> None:
    today = rules_date(utc_now())
    first = loaded(api, line(), line(accountId=OTHER), easyToBorrow=["MSFT", "AAPL", "MSFT"])
    assert [(one["accountId"], one["quantity"], one["left"]) for one in first.json["locates"]] == [
        (ACCOUNT, 1_000, 1_000), (OTHER, 1_000, 1_000),
    ]  # fmt: skip
    assert first.json["easyToBorrow"]["symbols"] == ["AAPL", "MSFT"]
    assert loaded(api, line(), easyToBorrow=["AAPL", "MSFT"]).status == 200
    assert loaded(api, line(quantity=400)).json["locates"][0]["quantity"] == 400
    tomorrow = (today + timedelta(days=1)).isoformat()
    for again in (loaded(api, line(), day=tomorrow), loaded(api, line(broker="Second"))):
        assert fields(again)[0][0] == "locates[0].reference"
    found = api.call("GET", f"{LIST}?accountId={ACCOUNT}", user="risk1").json
    assert (found["day"], [one["quantity"] for one in found["locates"]]) == (today.isoformat(), [400])
    assert found["easyToBorrow"]["enteredBy"] == "risk1"
    assert api.call("GET", f"{LIST}?day={tomorrow}", user="risk1").json == {
        "day": tomorrow, "locates": [], "easyToBorrow": None,
    }  # fmt: skip
    # What changes nothing is no change: each row was entered once, and one was changed.
    changes = db.execute(
        "SELECT table_name, operation, count(*) FROM audit_log WHERE table_name IN ('locates',"
        " 'easy_to_borrow') GROUP BY 1, 2 ORDER BY 1, 2"
    ).fetchall()
    assert [tuple(one) for one in changes] == [
        ("easy_to_borrow", "INSERT", 1), ("locates", "INSERT", 2), ("locates", "UPDATE", 1),
    ]  # fmt: skip


def test_what_is_drawn_is_what_orders_explain_and_the_judge_says_where_it_is_not(
    api: Gateway, db: psycopg.Connection[Any]
) -> None:
    loaded(api, line())
    books = Books(db)
    orders = [
        submit_order(account_id=ACCOUNT, side=Side.SELL_SHORT, quantity=shares, locate_id=reference)
        for shares, reference in ((100, "L 1"), (200, "L 1"), (50, "never loaded"))
    ]
    for order in orders:
        store_order(db, order)
        books.do(order)
    sold, larger, _ = orders
    books.do(placed(sold))
    books.do(trade(sold, "E1", 60))
    grown = ReplaceOrder(
        request_id=ids.uuid7(), order_id=larger.order_id, account_id=ACCOUNT, received_at=utc_now(),
        change=OrderChange(quantity=300), principal="trader1",
    )  # fmt: skip
    store_change(db, grown)
    books.do(grown)
    assert drawn(api) == (400, 600)
    assert broken(db) == []
    books.do(replace(trade(sold, "E2", 0), exec_type=ExecType.TRADE_CANCEL, exec_ref_id="E1"))
    books.begin()
    assert books.core.desk.locates.drawn[KEY] == 400
    assert broken(db) == []
    db.execute("UPDATE locate_draws SET drawn = drawn + 1 WHERE reference = 'L 1'")
    assert broken(db) == ["ACC-INST-001 AAPL L 1: 401 drawn, orders explain 400"]
    db.execute("DELETE FROM locate_draws WHERE reference = 'L 1'")
    assert broken(db) == ["ACC-INST-001 AAPL L 1: 0 drawn, orders explain 400"]
    db.execute("INSERT INTO locate_draws VALUES ('ACC-INST-001', 'MSFT', 'L 1', 7)")
    assert "ACC-INST-001 MSFT L 1: 7 drawn, orders explain 0" in broken(db)


def drawn(api: Gateway) -> tuple[int, int]:
    (one,) = api.call("GET", LIST, user="risk1").json["locates"]
    return one["drawn"], one["left"]


def broken(db: psycopg.Connection[Any]) -> list[str]:
    """Return what the judge says of locates."""
    found = next(one for one in check_database(db) if one.invariant.startswith("what is drawn of a locate"))
    return [str(one) for one in found.violations]
