"""Lists over many orders, against a naive model of what is stored; conditional changes; FIX sessions."""

import asyncio
import random
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

import msgspec
import psycopg
import pytest

from oms_api.adapters.desk_pool import DeskPool
from oms_api.adapters.postgres_records import PostgresRecords, executions_statement, executions_values
from oms_api.domain.principal import Principal
from oms_api.domain.refusal import Refusal
from oms_api.entrypoints.rest_records import ChangesQuery, change_filter
from oms_api.ports import ChangeView, ExecutionFilter
from oms_platform.fix.clients import ClientSettings
from oms_platform.fix_client_rows import add_client, set_enabled, set_password
from oms_platform.ids import uuid7, uuid7_floor
from oms_platform.vocabulary import Side, TradeApplied, TradeCorrected
from tests.integration.api_rig import Gateway, event, gateway_alone, store_events

SEED = 11
ACCOUNTS = ("ACC-INST-001", "ACC-INST-002", "ACC-RET-001")
VENUES = ("XNAS", "ARCX", "IEXG")
SYMBOLS = ("AAPL", "MSFT")
BEGAN = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
Row = dict[str, Any]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, postgres_port: int, redis_port: int) -> Iterator[Gateway]:
    with gateway_alone(tmp_path_factory.mktemp("records"), postgres_port, redis_port) as made:
        yield made


@pytest.fixture(scope="module")
def executed(api: Gateway) -> list[Row]:
    """Store trades, several at one instant, some corrected and busted. Returns what stands."""
    chance = random.Random(SEED)
    standing: list[Row] = []
    heads = dict.fromkeys(ACCOUNTS, 0)
    for number in range(120):
        account, at = chance.choice(ACCOUNTS), BEGAN + timedelta(milliseconds=chance.randrange(40))
        order_id, side = uuid7(), chance.choice((Side.BUY, Side.SELL))
        trade = TradeApplied(
            venue_id=chance.choice(VENUES), exec_id=f"x{number}", cl_ord_id=f"c{number}", last_qty=100,
            last_px_micros=187_210_000, transact_time=at, received_at=at, venue_order_id="v",
            trade_date="20260105",
        )  # fmt: skip
        heads[account] += 1
        common = {"order_id": order_id, "symbol": chance.choice(SYMBOLS), "side": side, "occurred_at": at}
        store_events(api, event(account, heads[account], type="TradeApplied", trade_applied=trade, **common))
        row = {
            "accountId": account, "execId": trade.exec_id, "venueId": trade.venue_id, "side": side.name,
            "symbol": common["symbol"], "lastQty": 100, "lastPx": Decimal("187.21"), "recordedAt": at,
            "orderId": str(order_id),
        }  # fmt: skip
        fate = chance.randrange(6)
        if fate < 2:
            # Corrected twice, or busted at last.
            for step, quantity in enumerate((40, 30 if fate else 0)):
                heads[account] += 1
                correction = TradeCorrected(
                    venue_id=trade.venue_id, exec_id=f"r{number}-{step}", exec_ref_id=trade.exec_id,
                    cl_ord_id=trade.cl_ord_id, was_qty=100, was_px_micros=trade.last_px_micros,
                    last_qty=quantity, last_px_micros=187_000_000, transact_time=at, received_at=at,
                    ref_trade_date="20260105", ref_venue_order_id="v",
                )  # fmt: skip
                corrected = common | {"sequence": 3 + step, "occurred_at": at + timedelta(seconds=1)}
                store_events(
                    api,
                    event(
                        account,
                        heads[account],
                        type="TradeCorrected",
                        trade_corrected=correction,
                        **corrected,
                    ),
                )
            row |= {"lastQty": 30, "lastPx": Decimal(187)}
        if fate:
            standing.append(row)
    return standing


def pages(api: Gateway, path: str, rows: str, user: str = "admin1") -> list[Row]:
    """Return every row of a list, page by page."""
    found: list[Row] = []
    cursor = ""
    while True:
        page = api.call("GET", f"{path}{cursor}", user=user).json
        found += page[rows]
        if page["nextCursor"] is None:
            return found
        cursor = f"&cursor={page['nextCursor']}"


def key(row: Row) -> tuple[datetime, uuid.UUID]:
    return row["recordedAt"], uuid.UUID(row["orderId"])


@pytest.mark.parametrize(
    ("query", "user", "holds"),
    [
        ("", "admin1", lambda row: True),
        ("", "trader1", lambda row: row["accountId"] in ("ACC-INST-001", "ACC-INST-002")),
        ("&accountId=ACC-RET-001", "trader1", lambda row: False),
        ("&symbol=AAPL&side=BUY", "admin1", lambda row: (row["symbol"], row["side"]) == ("AAPL", "BUY")),
        ("&venueId=XNAS,ARCX", "admin1", lambda row: row["venueId"] in ("XNAS", "ARCX")),
        (
            "&from=2026-01-05T14:30:00.010Z&to=2026-01-05T14:30:00.020Z",
            "admin1",
            lambda row: (
                BEGAN + timedelta(milliseconds=10) <= row["recordedAt"] < BEGAN + timedelta(milliseconds=20)
            ),
        ),
    ],
)
@pytest.mark.parametrize("sort", ["-recordedAt", "recordedAt"])
def test_executions_are_listed_whole_in_order_and_as_corrections_left_them(
    api: Gateway, executed: list[Row], query: str, user: str, holds: Callable[[Row], bool], sort: str
) -> None:
    wanted = sorted((row for row in executed if holds(row)), key=key, reverse=sort[0] == "-")
    found = pages(api, f"/api/v1/executions?limit=7&sort={sort}{query}", "executions", user)
    told = [one | {"lastPx": str(one["lastPx"]), "recordedAt": None} for one in wanted]
    names = executed[0].keys()
    assert [{name: row[name] for name in names} | {"recordedAt": None} for row in found] == told


@pytest.mark.parametrize("accounts", [None, frozenset(ACCOUNTS)])
@pytest.mark.parametrize("oldest_first", [False, True])
def test_a_page_of_executions_reads_each_accounts_index_from_where_the_page_before_ended(
    api: Gateway, executed: list[Row], accounts: frozenset[str] | None, oldest_first: bool
) -> None:
    after = (BEGAN + timedelta(milliseconds=20), uuid7_floor(BEGAN), 2)
    wanted = ExecutionFilter(limit=5, accounts=accounts, oldest_first=oldest_first, after=after)
    with psycopg.connect(api.dsn, autocommit=True) as connection:
        connection.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
        explain = f"EXPLAIN {executions_statement(wanted)}"
        plan = [row[0].strip() for row in connection.execute(explain, executions_values(wanted))]
    conditions = [line for line in plan if line.startswith("Index Cond: ((") and "occurred_at" in line]
    assert conditions and all("account_id" in line and "ROW(" in line for line in conditions), plan
    # What is sorted is the few rows of a page, never an account's executions.
    assert sum(line.startswith("->  Sort ") for line in plan) == 1, plan


def test_the_log_of_requests_says_who_asked_for_what_to_those_who_administer(api: Gateway) -> None:
    placed = api.place(clientOrderId="log-1", headers={"X_OMS_Channel": "WEB"}).json["orderId"]
    api.call("DELETE", f"/api/v1/orders/{placed}", user="trader1", X_OMS_Channel="DESK")
    found = pages(api, f"/api/v1/requests?limit=1&orderId={placed}", "requests")
    assert [(row["kind"], row["principal"], row["channel"]) for row in found] == [
        ("CANCEL", "trader1", "DESK"),
        ("NEW", "trader1", "WEB"),
    ]
    assert found[1]["payload"]["terms"]["clientOrderId"] == "log-1"
    assert api.call("GET", "/api/v1/requests").status == 403
    only = pages(api, f"/api/v1/requests?limit=50&kind=CANCEL&orderId={placed}", "requests")
    assert [row["kind"] for row in only] == ["CANCEL"]
    far = api.call("GET", "/api/v1/requests?from=2026-01-01&to=2026-03-01", user="admin1")
    assert (far.status, list(far.fields)) == (400, ["from"])


def test_the_audit_says_who_changed_what_to_those_who_audit(api: Gateway) -> None:
    began = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    path = f"/api/v1/audit?limit=1&from={began}"
    # No test here trades it: an order right after the release may be refused for a moment more.
    stopped = api.call("POST", "/api/v1/kill-switches", {"symbol": "WMT", "reason": "news"},
                       user="risk1")  # fmt: skip
    switch = stopped.json["switchId"]
    api.call("POST", f"/api/v1/kill-switches/{switch}/release", {"reason": "over"}, user="admin1")
    found = pages(api, f"{path}&table=kill_switches", "changes", "risk1")
    assert [(one["actor"], one["reason"], one["operation"]) for one in found] == [
        ("admin1", "over", "UPDATE"),
        ("risk1", "news", "INSERT"),
    ]
    assert found[1]["before"] is None
    assert (found[0]["before"], found[0]["key"]) == (found[1]["after"], {"switch_id": switch})
    assert pages(api, f"{path}&key={switch}&actor=risk1", "changes") == found[1:]
    assert pages(api, f"{path}&key=another", "changes") == []
    for user in ("trader1", "desk"):
        assert api.call("GET", "/api/v1/audit", user=user).status == 403


def test_the_audit_tells_of_a_secret_only_that_it_is_another(api: Gateway) -> None:
    settings = ClientSettings(
        comp_id="SECRETIVE", kind="ORDERS", accounts=("ACC-INST-001",), rights=("READ",), username="x"
    )
    with psycopg.connect(api.dsn, autocommit=True) as connection:
        add_client(connection, settings, "scrypt$first", "op")
        set_password(connection, "SECRETIVE", "scrypt$second", "op")
        set_enabled(connection, "SECRETIVE", False, "op")
    answer = api.call("GET", "/api/v1/audit?table=fix_clients&key=SECRETIVE", user="admin1")
    told = [(one["before"] or {}).get("password_hash", "") for one in answer.json["changes"]]
    assert told == ["not told", "not told", ""]
    told = [one["after"]["password_hash"] for one in answer.json["changes"]]
    assert told == ["not told", "changed, not told", "not told"]
    text = answer.body.decode()
    for secret in (
        "scrypt",
        "sha256:",
        sha256(b"scrypt$first").hexdigest(),
        sha256(b"scrypt$second").hexdigest(),
    ):
        assert secret not in text
    # The rest of the row is told as it was stored.
    assert [one["after"]["version"] for one in answer.json["changes"]] == [3, 2, 1]
    assert answer.json["changes"][0]["after"]["enabled"] is False


def test_who_sees_some_accounts_sees_the_changes_of_their_rows_only(api: Gateway) -> None:
    with psycopg.connect(api.dsn, autocommit=True) as connection:
        connection.execute("UPDATE accounts SET desk_id = desk_id || 'x'")
        connection.execute("UPDATE venues SET name = name || 'x'")
    wanted = change_filter(
        ChangesQuery(limit=200), Principal(subject="r", rights=frozenset(), accounts=frozenset({ACCOUNTS[0]}))
    )
    assert not isinstance(wanted, Refusal)

    async def read() -> list[ChangeView]:
        pool = DeskPool(api.dsn)
        await pool.open()
        try:
            return await PostgresRecords(pool).changes(wanted)
        finally:
            await pool.close()

    found = asyncio.run(read())
    assert {one.table for one in found} == {"accounts"}
    assert {msgspec.json.decode(one.key)["account_id"] for one in found} == {ACCOUNTS[0]}


def test_orders_are_listed_from_either_end(api: Gateway) -> None:
    own = [api.place(clientOrderId=f"sort-{number}", symbol="MSFT").json["orderId"] for number in range(5)]
    path = "/api/v1/orders?limit=2&symbol=MSFT"
    found = [row["orderId"] for row in pages(api, f"{path}&sort=createdAt", "orders")]
    assert found == own
    assert [row["orderId"] for row in pages(api, path, "orders")] == own[::-1]


def test_an_order_that_has_changed_is_not_canceled_by_who_saw_it_before(api: Gateway) -> None:
    placed = api.place().json["orderId"]
    path = f"/api/v1/orders/{placed}"
    seen = api.call("GET", path)
    etag = seen.headers["etag"]
    same = api.call("GET", path, If_None_Match=f'"x", W/{etag}')
    assert (same.status, same.body, same.headers["etag"]) == (304, b"", etag)
    with psycopg.connect(api.dsn, autocommit=True) as connection:
        connection.execute("UPDATE orders SET sequence = sequence + 1 WHERE order_id = %s", (placed,))
    assert api.call("GET", path, If_None_Match=etag).status == 200
    refused = api.call("DELETE", path, If_Match=etag)
    assert (refused.status, refused.json["code"]) == (412, "PRECONDITION_FAILED")
    with psycopg.connect(api.dsn, autocommit=True) as connection:
        asked = connection.execute(
            "SELECT kind FROM order_requests WHERE order_id = %s", (placed,)
        ).fetchall()
    assert asked == [("NEW",)]
    now = api.call("GET", path).headers["etag"]
    for unlike in (f"W/{now}", "", ",", now.strip('"')):
        assert api.call("DELETE", path, If_Match=unlike).status == 412
    assert api.call("DELETE", path, If_Match=now, X_OMS_Channel="").status == 400
    assert api.call("DELETE", path, If_Match=now).status == 202
    assert api.call("DELETE", path, If_Match="*").status == 202


def test_of_those_who_change_one_version_of_an_accounts_routing_one_does(api: Gateway) -> None:
    path = "/api/v1/accounts/ACC-INST-001/routing"

    def change(asked: tuple[str, str]) -> int:
        venue, etag = asked
        return api.call("PUT", path, {"avoid": [venue]}, "admin1", If_Match=etag).status

    venues = [one["venueId"] for one in api.call("GET", "/api/v1/venues").json["venues"]][:4]
    for _ in range(3):
        etag = api.call("GET", path, user="admin1").headers["etag"]
        with ThreadPoolExecutor(4) as pool:
            statuses = list(pool.map(change, [(venue, etag) for venue in venues]))
        assert sorted(statuses) == [200, 412, 412, 412]
    assert api.call("PUT", path, {"avoid": []}, "admin1", If_Match="").status == 412
    assert api.call("PUT", path, {"avoid": []}, "admin1").status == 200


def test_venues_sessions_are_told_and_asked_with_who_and_why(api: Gateway) -> None:
    path = "/api/v1/fix-sessions"
    with psycopg.connect(api.dsn, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO fix_sessions (venue_id, up, changed_at, reason, out_seq)"
            " VALUES ('XNAS', false, now(), 'the venue is away', 17) ON CONFLICT (venue_id) DO UPDATE"
            " SET up = false, reason = EXCLUDED.reason, out_seq = 17"
        )
    found = {one["venueId"]: one for one in api.call("GET", path).json["fixSessions"]}
    assert (found["XNAS"]["up"], found["XNAS"]["reason"], found["XNAS"]["nextOut"]) == (
        False,
        "the venue is away",
        17,
    )
    assert api.call("GET", f"{path}/XNAS").json == found["XNAS"]
    ask = {"kind": "RESEND", "reason": "what we missed", "beginSeqNo": 4}
    assert api.call("POST", f"{path}/XNAS/commands", ask).status == 403
    asked = api.call("POST", f"{path}/XNAS/commands", ask, "admin1")
    assert (asked.status, asked.json["arguments"], asked.json["requestedBy"]) == (
        202,
        {"from": 4, "to": 0},
        "admin1",
    )
    (listed,) = api.call("GET", f"{path}/XNAS/commands").json["commands"]
    assert listed == asked.json
    one = f"{path}/XNAS/commands/{asked.json['commandId']}"
    assert api.call("DELETE", one, user="admin1").json["outcome"] == "withdrawn by admin1"
    assert api.call("DELETE", one, user="admin1").status == 404


@pytest.mark.parametrize(
    ("venue", "change", "status"),
    [
        ("XNAS", {"beginSeqNo": None}, 400),
        ("XNAS", {"beginSeqNo": 0}, 400),
        ("XNAS", {"endSeqNo": 3}, 400),
        ("XNAS", {"kind": "LOGOUT"}, 400),
        ("XNAS", {"kind": "SETTINGS"}, 400),
        ("XNAS", {"reason": " "}, 400),
        ("NOPE", {}, 404),
    ],
)
def test_what_cannot_be_asked_of_a_session_is_refused_and_not_stored(
    api: Gateway, venue: str, change: Row, status: int
) -> None:
    content = {"kind": "RESEND", "reason": "why", "beginSeqNo": 4} | change
    with psycopg.connect(api.dsn, autocommit=True) as connection:
        before = connection.execute("SELECT count(*) FROM fix_commands").fetchone()
        assert api.call("POST", f"/api/v1/fix-sessions/{venue}/commands", content, "admin1").status == status
        assert connection.execute("SELECT count(*) FROM fix_commands").fetchone() == before
