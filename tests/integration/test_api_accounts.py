"""Accounts at a gateway: opened, suspended, changed and closed, with who did it and why."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from oms_tools.audit.verification import verify_database
from tests.ingest import store_order, submit_order
from tests.integration.api_rig import Gateway, Reply, wait_for

PATH = "/api/v1/accounts"
NEW = {
    "accountId": "ACC-NEW-001", "name": "Newcomer <b>", "kind": "RETAIL", "firm": "DEMO", "desk": "RETAIL",
    "reason": "signed today",
}  # fmt: skip
OWN = f"{PATH}/{NEW['accountId']}"


@pytest.fixture
def api(clean_gateway: Gateway) -> Gateway:
    return clean_gateway


@pytest.fixture
def dsn(clean_gateway: Gateway) -> str:
    return clean_gateway.dsn


def opened(api: Gateway, user: str = "admin1", **changes: Any) -> Reply:
    return api.call("POST", PATH, NEW | changes, user)


def changed(api: Gateway, path: str = OWN, **changes: Any) -> Reply:
    return api.call("PATCH", path, {"reason": "review"} | changes, "admin1")


def aged(db: psycopg.Connection[Any], account_id: str) -> None:
    """Let a second pass since an account's last change, without waiting for it."""
    db.execute("ALTER TABLE accounts DISABLE TRIGGER versioned")
    db.execute(
        "UPDATE accounts SET changed_at = changed_at - interval '1 minute' WHERE account_id = %s",
        (account_id,),
    )
    db.execute("ALTER TABLE accounts ENABLE TRIGGER versioned")


def test_an_account_is_opened_once_and_says_who_did_it_and_why(
    api: Gateway, db: psycopg.Connection[Any]
) -> None:
    reply = opened(api)
    assert (reply.status, reply.headers["etag"]) == (201, '"1"')
    given = NEW | {"status": "ACTIVE", "version": 1, "changedBy": "admin1"}
    assert {name: value for name, value in reply.json.items() if name != "changedAt"} == given
    again = opened(api, name="Somebody else")
    assert (again.status, again.json["code"]) == (409, "CONFLICT")
    assert api.call("GET", OWN, user="admin1").json == reply.json
    logged = db.execute(
        "SELECT actor, reason, operation FROM audit_log WHERE table_name = 'accounts'"
        " AND key->>'account_id' = 'ACC-NEW-001'"
    ).fetchall()
    assert logged == [("admin1", "signed today", "INSERT")]


WRONG: list[tuple[str, object]] = [
    ("accountId", "<img src=x onerror=alert(1)>"), ("accountId", "A" * 10_000), ("accountId", ""),
    ("accountId", "acc-new"), ("accountId", "ACC NEW"), ("accountId", "ACC-NEW\n"), ("accountId", "-A"),
    ("accountId", "ACC/NEW"), ("accountId", 7), ("accountId", None), ("accountId", "\u0410\u0421\u0421"),
    ("name", " "), ("name", "a\nb"), ("name", "x" * 121), ("kind", "BANK"), ("firm", ""),
    ("desk", "a desk"), ("reason", ""), ("reason", " \t"), ("reason", "y" * 10_000), ("reason", None),
    ("status", "ACTIVE"),
]  # fmt: skip


def test_an_account_that_cannot_be_is_refused_by_its_field_and_nothing_is_stored(
    api: Gateway, db: psycopg.Connection[Any]
) -> None:
    before = db.execute("SELECT count(*) FROM accounts").fetchone()
    for field, value in WRONG:
        reply = opened(api, **{field: value})
        assert (reply.status, list(reply.fields)) == (400, [field]), (field, value)
        assert len(reply.body) < 1_000
    for field in NEW:
        without = {name: value for name, value in NEW.items() if name != field}
        assert api.call("POST", PATH, without, "admin1").fields == {field: "is required"}
    assert db.execute("SELECT count(*) FROM accounts").fetchone() == before


def test_only_an_administrator_opens_and_changes_accounts(api: Gateway) -> None:
    for user in ("trader1", "risk1", "viewer1"):
        assert opened(api, user).status == 403
        reply = api.call("PATCH", f"{PATH}/ACC-INST-001", {"status": "SUSPENDED", "reason": "x"}, user)
        assert reply.status == 403


def test_what_is_left_out_stays_and_nothing_or_an_unknown_account_is_refused(api: Gateway) -> None:
    opened(api)
    reply = changed(api, desk="AGENCY")
    assert (reply.status, reply.headers["etag"], reply.json["desk"], reply.json["firm"]) == (
        200, '"2"', "AGENCY", "DEMO",
    )  # fmt: skip
    assert (reply.json["name"], reply.json["reason"]) == ("Newcomer <b>", "review")
    assert list(changed(api).fields) == ["status"]
    assert list(changed(api, status="HALTED").fields) == ["status"]
    assert changed(api, f"{PATH}/NOBODY", status="SUSPENDED").status == 404
    assert changed(api, f"{PATH}/{'A' * 5_000}", status="SUSPENDED").status == 404
    assert changed(api, f"{PATH}/%3Cscript%3E", status="SUSPENDED").status == 404


def test_an_account_is_closed_by_way_of_a_suspension_and_comes_back_by_it(
    api: Gateway, db: psycopg.Connection[Any]
) -> None:
    opened(api)
    direct = changed(api, status="CLOSED")
    assert direct.status == 409 and "may be SUSPENDED next" in direct.json["detail"]
    assert changed(api, status="SUSPENDED").json["status"] == "SUSPENDED"
    # What was under way when it was suspended may not have been counted yet.
    soon = changed(api, status="CLOSED")
    assert (soon.status, soon.headers.get("retry-after")) == (409, "1")
    assert wait_for(lambda: changed(api, status="CLOSED").status == 200, "end of the second")
    assert changed(api, status="ACTIVE").status == 409
    assert changed(api, status="SUSPENDED").status == 200
    assert changed(api, status="ACTIVE").json["status"] == "ACTIVE"


def test_an_account_with_an_open_order_or_a_position_is_not_closed(
    api: Gateway, db: psycopg.Connection[Any]
) -> None:
    opened(api)
    order = submit_order(account_id=NEW["accountId"])
    store_order(db, order)
    db.execute(
        "INSERT INTO positions (account_id, symbol, quantity, cost, realized_pnl, net_cash, updated_at)"
        " VALUES (%s, 'AAPL', -5, 0, 0, 0, now()), (%s, 'MSFT', 0, 0, 0, 0, now())",
        (NEW["accountId"], NEW["accountId"]),
    )
    changed(api, status="SUSPENDED")
    aged(db, str(NEW["accountId"]))
    refused = changed(api, status="CLOSED")
    assert refused.status == 409 and "1 open order and 1 position" in refused.json["detail"]
    db.execute(
        "UPDATE orders SET closed = true, status = 'CANCELED', leaves_qty = 0 WHERE account_id = %s",
        (NEW["accountId"],),
    )
    assert "0 open orders and 1 position" in changed(api, status="CLOSED").json["detail"]
    db.execute("UPDATE positions SET quantity = 0 WHERE account_id = %s", (NEW["accountId"],))
    assert changed(api, status="CLOSED").status == 200


def test_of_two_who_change_what_they_have_read_one_is_told_to_read_again(api: Gateway) -> None:
    etag = opened(api).headers["etag"]

    def change(name: str) -> int:
        body = {"name": name, "reason": "both"}
        return api.call("PATCH", OWN, body, "admin1", If_Match=etag).status

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(change, "abcdefgh")) == [200] + [412] * 7
    assert api.call("GET", OWN, user="admin1").json["version"] == 2


def test_the_audit_holds_with_what_was_opened_and_changed(api: Gateway, db: psycopg.Connection[Any]) -> None:
    opened(api)
    changed(api, status="SUSPENDED")
    assert verify_database(db).faults == []
