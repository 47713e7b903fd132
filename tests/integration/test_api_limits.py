"""Limits at the gateway and on Postgres: who may, what is kept, what cannot be, two at the same time."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from oms_platform.errors import OperationalError
from oms_platform.kill_feed import KillFeed
from oms_platform.postgres import connect
from oms_platform.risk_rows import read_rule_changes
from oms_platform.risk_rules import RULE_SPECS, RULES_AT_VENUES
from oms_platform.vocabulary import OrderTerms, OrderType, Side, TimeInForce
from oms_tools.cli.client import ISSUER_VARIABLE, URL_VARIABLE
from oms_tools.cli.limit_commands import limits
from tests.integration.api_rig import Gateway, gateway_alone

PATH = "/api/v1/risk/limits"
RULE = "ORDER_QTY_EXCEEDS_MAX"
ACCOUNT, OTHER = "ACC-INST-001", "ACC-RET-001"
GOOD: dict[str, Any] = {
    "rule": RULE,
    "scope": {"account": ACCOUNT, "symbol": "AAPL"},
    "parameters": {"quantity_max": 500},
    "reason": "drill",
}
ORDER = OrderTerms(
    account_id=ACCOUNT, channel="REST", client_order_id="c", symbol="WMT", side=Side.BUY,
    order_type=OrderType.LIMIT, time_in_force=TimeInForce.DAY, quantity=1, limit_price_micros=1_000_000,
)  # fmt: skip
OF_GOOD = f"rule={RULE}&account={ACCOUNT}&symbol=AAPL"
# Of tests that count changes.
MSFT, JPM = ({"account": ACCOUNT, "symbol": symbol} for symbol in ("MSFT", "JPM"))
OF_MSFT, OF_JPM = (f"rule={RULE}&account={ACCOUNT}&symbol={symbol}" for symbol in ("MSFT", "JPM"))


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, postgres_port: int, redis_port: int) -> Iterator[Gateway]:
    with gateway_alone(tmp_path_factory.mktemp("limits"), postgres_port, redis_port) as made:
        yield made


def put(api: Gateway, user: str | None = "risk1", **changes: Any) -> Any:
    return api.call("PUT", PATH, GOOD | changes, user)


def changes_of(api: Gateway, query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.call("GET", f"{PATH}/history?limit=200&{query}").json["changes"]
    return found


def test_a_limit_is_set_read_replaced_and_removed_and_every_change_is_kept(api: Gateway) -> None:
    first = put(api, scope=MSFT)
    assert (first.status, first.json["parameters"]) == (200, {"quantity_max": 500})
    assert put(api, scope=MSFT, reason="again").json == first.json, "what holds already changes nothing"
    second = put(
        api, scope=MSFT, parameters={"quantity_max": 400}, version=first.json["version"], reason="less"
    )
    assert second.json["version"] > first.json["version"]
    (row,) = api.call("GET", f"{PATH}?{OF_MSFT}").json["limits"]
    assert row == second.json
    assert api.call("GET", f"{PATH}?rule={RULE}&symbol=KO").json["limits"] == []
    place = f"{PATH}?{OF_MSFT}&reason=over"
    assert api.call("DELETE", f"{place}&version={first.json['version']}", user="risk1").status == 412
    assert api.call("DELETE", place, user="risk1").json == second.json
    assert api.call("DELETE", place, user="risk1").status == 404
    assert api.call("GET", f"{PATH}?{OF_MSFT}").json["limits"] == []
    kept = changes_of(api, OF_MSFT)
    assert [(one["removed"], one["reason"], one["parameters"]) for one in kept] == [
        (True, "over", {}),
        (False, "less", {"quantity_max": 400}),
        (False, "drill", {"quantity_max": 500}),
    ]
    assert {one["changedBy"] for one in kept} == {first.json["changedBy"]} != {""}
    page = api.call("GET", f"{PATH}/history?{OF_MSFT}&limit=2").json
    rest = api.call("GET", f"{PATH}/history?{OF_MSFT}&limit=2&cursor={page['nextCursor']}").json
    assert (page["changes"] + rest["changes"], rest["nextCursor"]) == (kept, None)
    csv = api.call("GET", f"{PATH}/history?{OF_MSFT}", Accept="text/csv")
    assert (
        csv.body.decode().splitlines()[0].startswith("rule,scope,mode,severity,onMissing,parameters,version")
    )


def test_of_two_who_replace_the_same_version_at_the_same_time_one_is_refused(api: Gateway) -> None:
    for _ in range(5):
        version = put(api, scope=JPM, parameters={"quantity_max": 500}).json["version"]

        def replace(shares: int, version: int = version) -> int:
            status: int = put(api, scope=JPM, parameters={"quantity_max": shares}, version=version).status
            return status

        with ThreadPoolExecutor(4) as pool:
            assert sorted(pool.map(replace, (101, 102, 103, 104))) == [200, 412, 412, 412]
    assert len(changes_of(api, OF_JPM)) == 10


def test_two_who_set_what_contradicts_at_the_same_time_do_not_both_succeed(api: Gateway) -> None:
    scope = {"desk": api.call("GET", f"{PATH}/effective?account={ACCOUNT}").json["names"]["desk"]}

    def set_(one: tuple[str, str, int]) -> int:
        rule, name, dollars = one
        status: int = put(api, rule=rule, scope=scope, parameters={name: dollars}).status
        return status

    small, large = ("NET_EXPOSURE_EXCEEDED", "net_max"), ("GROSS_EXPOSURE_EXCEEDED", "gross_max")
    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(set_, ((*small, 200), (*large, 100)))) == [200, 400]


def test_what_cannot_be_is_refused_by_its_field_and_sets_nothing(api: Gateway) -> None:
    before = len(changes_of(api, f"account={ACCOUNT}"))
    for field, wrong in (
        ("rule", {"rule": "NO_SUCH_RULE"}),
        ("rule", {"rule": "ACCOUNT_UNKNOWN", "parameters": {}, "mode": "OFF"}),
        ("scope", {"scope": {"venue": "XNYS"}, "rule": "SELF_CROSS", "parameters": {"prevented": True}}),
        ("scope.venue", {"scope": {"venue": "NO-SUCH"}}),
        ("severity", {"scope": {"venue": "XNYS"}, "severity": "OVERRIDE"}),
        ("onMissing", {"scope": {"venue": "XNYS"}, "onMissing": "PASS"}),
        (
            "parameters.restricted",
            {
                "rule": "INSTRUMENT_RESTRICTED",
                "scope": {"venue": "XNYS"},
                "parameters": {"restricted": "OPENING"},
            },
        ),
        ("scope", {"scope": {"book": "A"}}),
        ("scope.account", {"scope": {"account": "ACC-NO-SUCH"}}),
        ("scope.symbol", {"scope": {"symbol": "NOSUCH"}}),
        ("scope.desk", {"scope": {"desk": "NO-SUCH"}}),
        ("scope.firm", {"scope": {"firm": "NO-SUCH"}}),
        ("scope.sector", {"scope": {"sector": "NO-SUCH"}}),
        ("scope", {"scope": {"trader": "x" * 65}}),
        ("scope", {"scope": {"trader": ""}}),
        ("mode", {"mode": "MAYBE"}),
        ("severity", {"severity": "ON"}),
        ("onMissing", {"onMissing": "HARD"}),
        ("parameters.quantity_max", {"parameters": {"quantity_max": -1}}),
        ("parameters.quantity_max", {"parameters": {"quantity_max": 2**31}}),
        ("parameters.quantity_max", {"parameters": {"quantity_max": 10**400}}),
        ("parameters.quantity_max", {"parameters": {"quantity_max": None}}),
        ("parameters.quantity_max", {"parameters": {"quantity_max": {"a": 1}}}),
        ("parameters.colour", {"parameters": {"colour": 1}}),
        ("parameters", {"parameters": {}}),
        ("reason", {"reason": " "}),
        ("version", {"version": -1}),
        ("version", {"version": 2**63}),
        ("colour", {"colour": "red"}),
    ):
        answer = put(api, **wrong)
        assert (answer.status, list(answer.fields)) == (400, [field]), (wrong, answer.body)
    for dollars in ("-0.01", "1000000000000.01", "NaN", "1e999999", "1e-999999", "0.0000001", "Infinity"):
        answer = put(api, rule="BUYING_POWER_EXCEEDED", parameters={"buying_power": dollars})
        assert list(answer.fields) == ["parameters.buying_power"], dollars
    wide = {"rule": "BUYING_POWER_EXCEEDED", "parameters": {"buying_power": 10}}
    assert put(api, **wide).status == 200
    answer = put(api, rule="ORDER_NOTIONAL_EXCEEDS_MAX", parameters={"notional_max": "10.01"})
    assert list(answer.fields) == ["parameters.notional_max"]
    for field, query in (
        ("rule", "rule=X"),
        ("account", "account="),
        ("cursor", "cursor=AAAA"),
    ):
        assert list(api.call("GET", f"{PATH}?{query}").fields) == [field]
    assert len(changes_of(api, f"account={ACCOUNT}")) == before + 1


def test_a_load_sets_every_row_or_none_and_names_the_row_that_is_wrong(api: Gateway) -> None:
    def load(*rows: dict[str, Any]) -> Any:
        return api.call("POST", f"{PATH}/load", {"limits": list(rows), "reason": "new year"}, "admin1")

    scope = {"account": ACCOUNT}
    power = {"rule": "BUYING_POWER_EXCEEDED", "scope": scope, "parameters": {"buying_power": 1_000}}
    value = {"rule": "ORDER_NOTIONAL_EXCEEDS_MAX", "scope": scope, "parameters": {"notional_max": 900}}
    history = f"{PATH}/history?account={ACCOUNT}"
    before = api.call("GET", history).json
    for field, wrong in (
        ("limits[1].scope.symbol", value | {"scope": {"symbol": "NOSUCH"}}),
        ("limits[1].parameters.notional_max", value | {"parameters": {"notional_max": "x"}}),
        ("limits[1].mode", value | {"mode": "MAYBE"}),
        ("limits[1].scope", power),
    ):
        answer = load(power, wrong)
        assert (answer.status, list(answer.fields)) == (400, [field]), answer.body
    contradicting = load(power, value | {"parameters": {"notional_max": 1_001}})
    assert list(contradicting.fields) == ["limits[0].parameters.buying_power"]
    assert list(load().fields) == ["limits"]
    assert api.call("GET", history).json == before
    # Either alone would contradict what is set by then.
    assert load(power, value).status == 200
    lower = [power | {"parameters": {"buying_power": 100}}, value | {"parameters": {"notional_max": 90}}]
    assert [one["parameters"] for one in load(*lower).json["limits"]] == [
        {"buying_power": "100.00"},
        {"notional_max": "90.00"},
    ]


def test_what_holds_for_an_order_comes_from_the_closest_scope(api: Gateway) -> None:
    asked = f"{PATH}/effective?account={ACCOUNT}&symbol=AAPL&trader=ada&strategy=S1"
    put(api, scope={"symbol": "AAPL"}, parameters={"quantity_max": 700}, severity="SOFT")
    put(api, scope={"account": ACCOUNT, "trader": "ada"}, parameters={"quantity_max": 300})
    found = api.call("GET", asked).json
    assert [one["rule"] for one in found["limits"]] == [spec.name for spec in RULE_SPECS]
    assert set(found["names"]) == {"firm", "desk", "account", "trader", "strategy", "sector", "symbol"}
    (shares,) = [one for one in found["limits"] if one["rule"] == RULE]
    assert (shares["parameters"], shares["severity"]) == ({"quantity_max": 300}, "SOFT")
    assert shares["scope"] == f"trader=ada, account={ACCOUNT}"
    rules = api.call("GET", "/api/v1/risk/rules").json["rules"]
    assert [one["name"] for one in rules] == [spec.name for spec in RULE_SPECS]


def test_who_has_the_right_changes_limits_and_who_sees_some_accounts_only_theirs(api: Gateway) -> None:
    for user in ("trader1", "desk"):
        assert put(api, user).status == 403
        assert api.call("DELETE", f"{PATH}?{OF_GOOD}&reason=x", user=user).status == 403
    for user in ("risk1", "admin1"):
        assert put(api, user).status == 200
    mine = {"Authorization": f"Bearer {api.token_of('officer', 'risk', [OTHER])}"}
    seen = []
    for scope in ({}, {"symbol": "AAPL"}, {"account": ACCOUNT}, {"account": "ACC-NO-SUCH"}):
        refused = api.call("PUT", PATH, GOOD | {"scope": scope}, None, **mine)
        seen.append((refused.status, refused.json["error"]["message"]))
    assert len(set(seen)) == 1 and seen[0][0] == 403
    own = GOOD | {"scope": {"account": OTHER}}
    assert api.call("PUT", PATH, own, None, **mine).status == 200
    foreign, unknown = (
        api.call("GET", f"{PATH}/effective?account={name}", None, None, **mine)
        for name in (ACCOUNT, "ACC-NO-SUCH")
    )
    assert foreign.status == unknown.status == 400
    told = (
        foreign.fields["account"].replace(ACCOUNT, ""),
        unknown.fields["account"].replace("ACC-NO-SUCH", ""),
    )
    assert told[0] == told[1]
    listed = api.call("GET", f"{PATH}?limit=200", None, None, **mine).json["limits"]
    assert {one["scope"].get("account", OTHER) for one in listed} == {OTHER}


def test_a_limit_of_a_venue_is_set_seen_at_it_alone_and_removed(api: Gateway) -> None:
    wide, own = {"venue": "XNYS"}, {"venue": "XNYS", "account": ACCOUNT}
    assert put(api, scope=wide, parameters={"quantity_max": 300}).status == 200
    assert put(api, scope=own, parameters={}, mode="SHADOW").json["scope"] == own
    listed = api.call("GET", f"{PATH}?rule={RULE}&venue=XNYS").json["limits"]
    assert [one["scope"] for one in listed] == [own, wide]

    def effective(query: str) -> dict[str, tuple[Any, ...]]:
        answer = api.call("GET", f"{PATH}/effective?{query}", user="risk1").json
        return {
            one["rule"]: (one["mode"], one["parameters"], one["scope"], one["lacks"])
            for one in answer["limits"]
        }

    of_account = effective(f"account={ACCOUNT}&symbol=WMT&venue=XNYS")
    assert set(of_account) == set(RULES_AT_VENUES)
    assert of_account[RULE] == ("SHADOW", {"quantity_max": 300}, f"venue=XNYS, account={ACCOUNT}", [])
    # Another account has the wider row, another venue none; what orders are held to knows of neither.
    assert effective(f"account={OTHER}&venue=XNYS")[RULE] == ("ON", {"quantity_max": 300}, "venue=XNYS", [])
    assert effective(f"account={ACCOUNT}&venue=XNAS")[RULE] == ("ON", {}, "default", [])
    assert "venue" not in effective(f"account={ACCOUNT}&symbol=WMT")[RULE][2]
    assert api.call("GET", f"{PATH}/effective?venue=NONE").fields.keys() == {"venue"}
    # The same names but for the venue are another row.
    place = f"{PATH}?rule={RULE}&account={ACCOUNT}&reason=over"
    removed = api.call("DELETE", f"{place}&venue=XNYS", user="risk1")
    assert (removed.status, removed.json["scope"]) == (200, own)
    assert api.call("DELETE", f"{place}&venue=XNYS", user="risk1").status == 404
    assert api.call("DELETE", f"{PATH}?rule={RULE}&venue=XNYS&reason=over", user="risk1").status == 200
    assert [one["removed"] for one in changes_of(api, f"rule={RULE}&venue=XNYS")] == [
        True,
        True,
        False,
        False,
    ]


def test_who_may_change_limits_of_some_accounts_changes_theirs_at_a_venue_and_no_others(
    api: Gateway,
) -> None:
    mine = {"Authorization": f"Bearer {api.token_of('officer', 'risk', [OTHER])}"}
    statuses = {
        name: api.call("PUT", PATH, GOOD | {"scope": scope}, None, **mine).status
        for name, scope in (
            ("own", {"account": OTHER, "venue": "ARCX"}),
            ("foreign", {"account": ACCOUNT, "venue": "ARCX"}),
            ("all", {"venue": "ARCX"}),
        )
    }
    assert statuses == {"own": 200, "foreign": 403, "all": 403}


def test_who_sends_and_who_holds_reads_what_is_set_for_venues_and_core_reads_none_of_it(
    api: Gateway,
) -> None:
    with closing(connect(api.dsn, "test")) as connection:
        before = read_rule_changes(connection, None)
        after = max(change.change_id for change in before)
        feed, without = KillFeed(api.dsn, "test", limits=True), KillFeed(api.dsn, "test")
        scope = {"venue": "BATS", "symbol": "WMT"}
        assert put(api, scope=scope, parameters={"quantity_max": 200}).status == 200
        for one in (feed, without):
            one.look()
        found = feed.known()
        assert found.limits is not None and without.known().limits is None
        assert found.venue_bounds(ORDER)["BATS"].quantity_max == 200
        assert read_rule_changes(connection, None) == before
        assert read_rule_changes(connection, after) == []
        # What no rule of this edition can read is no limit to go by: nothing leaves until it is gone.
        connection.execute(
            "INSERT INTO risk_rules (rule, scope, mode, changed_by, reason)"
            """ VALUES ('NO_SUCH_RULE', '{"venue": "BATS"}', 'ON', 'test', 'test')"""
        )
        with pytest.raises(OperationalError, match="a limit of a venue cannot be read"):
            feed.look()
        without.look()
        connection.execute(
            "INSERT INTO risk_rules (rule, scope, removed, changed_by, reason)"
            """ VALUES ('NO_SUCH_RULE', '{"venue": "BATS"}', true, 'test', 'test')"""
        )
        feed.look()
        assert feed.known().venue_bounds(ORDER)["BATS"].quantity_max == 200
        assert (
            api.call("DELETE", f"{PATH}?rule={RULE}&venue=BATS&symbol=WMT&reason=over", user="risk1").status
            == 200
        )
        feed.look()
        assert "BATS" not in feed.known().venue_bounds(ORDER)
        for one in (feed, without):
            one.stop()


def test_the_command_line_sets_shows_lists_loads_and_removes(api: Gateway, tmp_path: Path) -> None:
    environment = {
        URL_VARIABLE: f"http://127.0.0.1:{api.http_port}",
        ISSUER_VARIABLE: api.issuer,
        "COLUMNS": "100",
    }

    def run(*words: str, code: int = 0) -> str:
        result = CliRunner().invoke(limits, list(words), env=environment)
        assert result.exit_code == code, result.output
        return result.output

    of_account = ("--account", OTHER, "--symbol", "JPM")
    run("set", RULE, "quantity_max=7000", "--severity", "soft", *of_account, "--reason", "review")
    run("set", RULE, "quantity_max", "--reason", "review", code=2)
    shown = next(line for line in run("show", *of_account).splitlines() if line.startswith(RULE))
    assert shown.split() == [RULE, "warns", "quantity_max", "7,000", "symbol=JPM"]
    assert f"{RULE}  symbol=JPM, account={OTHER}: quantity_max 7,000, severity SOFT" in run(
        "list", *of_account
    )
    good = f"rule,account,symbol,venue,parameters\n{RULE},{OTHER},JPM,,quantity_max=6000\n"
    file = tmp_path / "limits.csv"
    file.write_text(f"{good}{RULE},ACC-NO-SUCH,,BATS,quantity_max=1\n")
    result = CliRunner().invoke(limits, ["load", str(file), "--reason", "x"], env=environment)
    assert isinstance(result.exception, SystemExit)
    assert 'line 3: scope.account must be a known account, was "ACC-NO-SUCH"' in result.output
    assert "quantity_max 7,000" in run("list", *of_account)
    file.write_text(good)
    assert run("load", str(file), "--reason", "new year") == "1 limit set\n"
    run("set", RULE, "quantity_max=500", "--venue", "BATS", "--reason", "review")
    at_venue = run("show", *of_account, "--venue", "BATS")
    line = next(line for line in at_venue.splitlines() if line.startswith(RULE))
    assert line.split() == [RULE, "denies", "quantity_max", "500", "venue=BATS"]
    assert "PRICE_OUTSIDE_COLLAR" not in at_venue
    run("remove", RULE, "--venue", "BATS", "--reason", "over")
    run("remove", RULE, *of_account, "--reason", "over")
    history = run("history", *of_account)
    assert [line.split(": ")[1] for line in history.splitlines()[:-1]] == [
        *("removed", "over", "quantity_max 6,000", "new year"),
        *("quantity_max 7,000, severity SOFT", "review"),
    ]
    assert "PRICE_OUTSIDE_COLLAR" in run("rules")
