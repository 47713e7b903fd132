"""Instruments at a gateway: listed, changed, taken off the list, with who did it and why."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from oms_platform.clock import utc_now
from oms_platform.market_rules import rules_date
from oms_tools.audit.verification import verify_database
from tests.ingest import store_order, submit_order
from tests.integration.api_rig import Gateway, Reply

PATH = "/api/v1/instruments"
NEW = {
    "symbol": "NEWS/A", "name": "<i>News</i> Corp.", "referencePrice": "27.5", "calendarId": "SIM",
    "sector": "COMMUNICATION", "listingVenue": "XNAS", "tickSize": "0.05", "lotSize": 10,
    "averageVolume": 5_000_000, "sigmaBps": 200, "reason": "its first day",
}  # fmt: skip
OWN = f"{PATH}/NEWS%2FA"


@pytest.fixture
def api(clean_gateway: Gateway) -> Gateway:
    return clean_gateway


@pytest.fixture
def dsn(clean_gateway: Gateway) -> str:
    return clean_gateway.dsn


def listed(api: Gateway, user: str = "admin1", **changes: Any) -> Reply:
    return api.call("POST", PATH, NEW | changes, user)


def changed(api: Gateway, path: str = OWN, **changes: Any) -> Reply:
    return api.call("PATCH", path, {"reason": "review"} | changes, "admin1")


def test_an_instrument_is_listed_once_and_an_order_of_it_is_taken_at_once(
    api: Gateway, db: psycopg.Connection[Any]
) -> None:
    assert api.place(symbol="NEWS/A").status == 400
    reply = listed(api)
    assert (reply.status, reply.headers["etag"]) == (201, '"1"')
    expected = {
        "symbol": "NEWS/A", "name": "<i>News</i> Corp.", "status": "ACTIVE", "tickSize": "0.05",
        "lotSize": 10, "sector": "COMMUNICATION", "listingVenue": "XNAS", "version": 1,
        "changedBy": "admin1", "reason": "its first day",
    }  # fmt: skip
    assert {name: reply.json[name] for name in expected} == expected
    assert listed(api, name="Another").status == 409
    assert api.call("GET", OWN, user="trader1").json == reply.json
    assert api.place(symbol="NEWS/A", limitPrice="27.50").status == 201
    assert "limitPrice" in api.place(symbol="NEWS/A", limitPrice="27.51").fields
    kept = db.execute(
        "SELECT table_name, actor, reason FROM audit_log WHERE key->>'symbol' = 'NEWS/A' ORDER BY table_name"
    ).fetchall()
    assert kept == [
        ("instrument_rules", "admin1", "its first day"), ("instruments", "admin1", "its first day"),
    ]  # fmt: skip
    assert verify_database(db).faults == []


WRONG: list[tuple[str, object]] = [
    ("symbol", "<b>"), ("symbol", "A" * 10_000), ("symbol", ""), ("symbol", "news"), ("symbol", "A//B"),
    ("symbol", "A."), ("symbol", "A\n"), ("symbol", "A B"), ("symbol", None), ("name", " "),
    ("referencePrice", "-1"), ("referencePrice", "0"), ("referencePrice", "1e3"), ("referencePrice", "abc"),
    ("tickSize", "-0.01"), ("tickSize", "0"), ("tickSize", "0.03"), ("tickSize", "2"),
    ("tickSize", "0.0000001"), ("lotSize", 0), ("lotSize", -100), ("lotSize", 1.5), ("lotSize", 10**9),
    ("calendarId", "NONE"), ("listingVenue", "NONE"), ("sector", "a b"), ("averageVolume", 0),
    ("sigmaBps", -1), ("reason", " "), ("status", "ACTIVE"),
]  # fmt: skip


def test_an_instrument_that_cannot_be_is_refused_by_its_field_and_nothing_is_stored(
    api: Gateway, db: psycopg.Connection[Any]
) -> None:
    before = db.execute("SELECT count(*) FROM instruments").fetchone()
    for field, value in WRONG:
        reply = listed(api, **{field: value})
        assert (reply.status, list(reply.fields)) == (400, [field]), (field, value, reply.body)
        assert len(reply.body) < 1_000
    for user in ("trader1", "risk1", "viewer1"):
        assert listed(api, user).status == 403
        assert api.call("PATCH", f"{PATH}/AAPL", {"sector": "X", "reason": "x"}, user).status == 403
    assert db.execute("SELECT count(*) FROM instruments").fetchone() == before


def test_what_is_changed_counts_from_today_and_what_is_left_out_stays(
    api: Gateway, db: psycopg.Connection[Any]
) -> None:
    listed(api)
    assert changed(api, lotSize=100).json["tickSize"] == "0.05"
    again = changed(api, tickSize="0.1", sector="MEDIA")
    assert (again.json["tickSize"], again.json["lotSize"], again.json["sector"], again.json["version"]) == (
        "0.1", 100, "MEDIA", 3,
    )  # fmt: skip
    rows = db.execute(
        "SELECT effective_from, tick_size::text, round_lot FROM instrument_rules WHERE symbol = 'NEWS/A'"
    ).fetchall()
    assert rows == [(rules_date(utc_now()), "0.100000", 100)]
    assert changed(api, status="INACTIVE").json["status"] == "INACTIVE"
    assert list(changed(api).fields) == ["status"]
    assert list(changed(api, tickSize="0.3").fields) == ["tickSize"]
    assert changed(api, f"{PATH}/NONE", sector="X").status == 404
    assert changed(api, f"{PATH}/{'A' * 5_000}", sector="X").status == 404


def test_a_tick_that_open_orders_are_off_is_refused_until_they_are_over(
    api: Gateway, db: psycopg.Connection[Any]
) -> None:
    for limit in (227_510_000, 227_550_000):
        store_order(db, submit_order(limit_price_micros=limit))
    refused = changed(api, f"{PATH}/AAPL", tickSize="0.05")
    assert refused.status == 409 and "1 price of open orders of AAPL" in refused.json["detail"]
    assert "227.51" in refused.json["detail"]
    db.execute(
        "UPDATE orders SET closed = true, status = 'CANCELED', leaves_qty = 0 WHERE limit_price = 227.51"
    )
    assert changed(api, f"{PATH}/AAPL", tickSize="0.05").json["tickSize"] == "0.05"


def test_of_two_who_change_what_they_have_read_one_is_told_to_read_again(api: Gateway) -> None:
    etag = listed(api).headers["etag"]

    def change(lot: int) -> int:
        body = {"lotSize": lot, "reason": "both"}
        return api.call("PATCH", OWN, body, "admin1", If_Match=etag).status

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(change, range(1, 9))) == [200] + [412] * 7
