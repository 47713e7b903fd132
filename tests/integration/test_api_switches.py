"""Kill switches at the gateway and on the command line, on a real database: who may, what is kept.

The feed that every service goes by is read from the same rows here.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from oms_platform.clock import utc_now
from oms_platform.ids import uuid7
from oms_platform.kafka.settings import KafkaSettings
from oms_platform.kill_feed import KillFeed
from oms_platform.kill_switches import Asked, Kills, Stage
from oms_platform.postgres import connect
from oms_platform.scopes import EVERYTHING, Scope
from oms_tools.cli.client import ISSUER_VARIABLE, URL_VARIABLE
from oms_tools.cli.kill_commands import kill
from oms_tools.laptop.parts import wait_until
from tests.integration.api_rig import Gateway, gateway
from tests.patience import EVENTUALLY_S

PATH = "/api/v1/kill-switches"
TRIGGERS = "/api/v1/kill-triggers"
GOOD = {"venueId": "XNYS", "reason": "drill"}
TRIGGER = {
    "kind": "REJECT_RATE", "venueId": "XNYS", "threshold": 3, "windowS": 10, "mode": "ON", "reason": "drill",
}  # fmt: skip
ORDER = {
    "clientOrderId": "a", "accountId": "ACC-INST-001", "symbol": "AAPL", "side": "BUY", "orderType": "LIMIT",
    "limitPrice": "1.00", "quantity": 100, "timeInForce": "DAY",
}  # fmt: skip


@pytest.fixture
def api(
    tmp_path: Path, dsn: str, memory_kafka: KafkaSettings, redis_port: int, cleanup: ExitStack
) -> Iterator[Gateway]:
    yield cleanup.enter_context(gateway(tmp_path, dsn, memory_kafka.bootstrap, redis_port))


def until(met: Callable[[], object], what: str) -> None:
    """Wait for something, not for ever."""
    wait_until(lambda: bool(met()), what, EVENTUALLY_S)


def read(dsn: str, member: str = "me") -> Kills:
    """Look at the switches as a service does."""
    feed = KillFeed(dsn, "test", member)
    feed.look()
    feed.stop()
    return feed.known()


def test_a_scope_is_stopped_once_raised_and_released_once_and_all_of_it_is_kept(
    api: Gateway, dsn: str
) -> None:
    first = api.call("POST", PATH, GOOD, "admin1")
    assert (first.status, first.json["scope"], first.json["stage"]) == (201, {"venue": "XNYS"}, "BLOCK")
    switch_id = first.json["switchId"]
    again = api.call("POST", PATH, GOOD | {"stage": "CANCEL"}, "admin1")
    assert (again.status, again.json["error"]["code"]) == (409, "CONFLICT")
    assert switch_id in again.json["error"]["message"]
    place = f"{PATH}/{switch_id}"
    raised = api.call("POST", f"{place}/raise", {"stage": "CANCEL", "reason": "worse"}, "admin1")
    assert (raised.status, raised.json["stage"], raised.json["reason"]) == (200, "CANCEL", "drill")
    (entry,) = raised.json["raised"]
    assert (entry["stage"], entry["reason"], entry["by"]) == ("CANCEL", "worse", first.json["setBy"])
    for stage in ("BLOCK", "CANCEL"):
        lower = api.call("POST", f"{place}/raise", {"stage": stage, "reason": "x"}, "admin1")
        assert (lower.status, lower.json["error"]["code"]) == (409, "CONFLICT")
    ((known),) = read(dsn).switches
    assert (str(known.switch_id), known.scope, known.stage) == (switch_id, Scope(venue="XNYS"), Stage.CANCEL)
    released = api.call("POST", f"{place}/release", {"reason": "over"}, "admin1")
    assert (released.status, released.json["releaseReason"]) == (200, "over")
    for what, content in (("release", {"reason": "over"}), ("raise", {"stage": "CANCEL", "reason": "x"})):
        assert api.call("POST", f"{place}/{what}", content, "admin1").status == 404
    assert api.call("GET", PATH).json["killSwitches"] == []
    (kept,) = api.call("GET", f"{PATH}?all=true").json["killSwitches"]
    assert (kept["reason"], kept["releasedBy"]) == ("drill", first.json["setBy"])
    changes = api.call("GET", f"/api/v1/audit?table=kill_switches&key={switch_id}", user="admin1")
    told = [(one["actor"], one["reason"]) for one in changes.json["changes"]]
    assert told == [(first.json["setBy"], why) for why in ("over", "worse", "drill")]
    assert api.call("POST", PATH, GOOD, "admin1").status == 201


def test_the_door_refuses_what_is_stopped_and_takes_it_again_when_that_is_released(api: Gateway) -> None:
    stopped = {"sector": sector_of(api, "AAPL"), "reason": "news"}
    switch_id = api.call("POST", PATH, stopped, "admin1").json["switchId"]
    until(lambda: effects(api, switch_id), "the gateway goes by the switch")
    refused = api.call("POST", "/api/v1/orders", ORDER)
    assert (refused.status, refused.json["error"]["code"]) == (409, "KILLED")
    assert switch_id in refused.json["error"]["message"]
    api.call("POST", f"{PATH}/{switch_id}/release", {"reason": "over"}, "risk1")
    until(lambda: api.call("POST", "/api/v1/orders", ORDER).status == 201, "the order is taken")


def effects(api: Gateway, switch_id: str) -> list[str]:
    found = api.call("GET", f"{PATH}/{switch_id}").json["inEffect"]
    return [one["service"] for one in found]


def sector_of(api: Gateway, symbol: str) -> str:
    with closing(connect(api.dsn, "test")) as connection:
        row = connection.execute("SELECT sector FROM instruments WHERE symbol = %s", [symbol]).fetchone()
    assert row is not None
    return str(row[0])


@pytest.mark.parametrize(("user", "releases"), [("admin1", True), ("risk1", True)])
def test_who_may_stop_trading_and_who_may_release(api: Gateway, user: str, releases: bool) -> None:
    assert api.call("POST", PATH, GOOD, "trader1").status == 403
    switch_id = api.call("POST", PATH, GOOD, user).json["switchId"]
    place = f"{PATH}/{switch_id}"
    for what, content in (("release", {"reason": "x"}), ("raise", {"stage": "CANCEL", "reason": "x"})):
        assert api.call("POST", f"{place}/{what}", content, "trader1").status == 403
    assert (api.call("POST", f"{place}/release", {"reason": "x"}, user).status == 200) is releases


def test_a_desk_head_stops_and_raises_and_cannot_release(api: Gateway) -> None:
    head = {"Authorization": f"Bearer {api.token_of('head', 'desk-head', ['*'])}"}
    switch_id = api.call("POST", PATH, GOOD, None, **head).json["switchId"]
    place = f"{PATH}/{switch_id}"
    assert api.call("POST", f"{place}/raise", {"stage": "CANCEL", "reason": "x"}, None, **head).status == 200
    assert api.call("POST", f"{place}/release", {"reason": "x"}, None, **head).status == 403


def test_who_sees_some_accounts_stops_these_and_nothing_that_is_others_too(api: Gateway) -> None:
    mine = {"Authorization": f"Bearer {api.token_of('one', 'risk', ['ACC-INST-001'])}"}
    theirs = api.call("POST", PATH, {"accountId": "ACC-RET-001", "reason": "x"}, "admin1").json["switchId"]
    for content in ({"everything": True}, {"venueId": "XNYS"}, {"symbol": "AAPL"}, {"desk": "DESK"}):
        assert api.call("POST", PATH, content | {"reason": "x"}, None, **mine).status == 403
    seen = []
    for name in ("ACC-RET-001", "ACC-NO-SUCH"):
        refused = api.call("POST", PATH, {"accountId": name, "reason": "x"}, None, **mine)
        seen.append((refused.status, refused.body.replace(name.encode(), b"")))
    assert [status for status, _ in seen] == [400, 400]
    assert api.call("GET", f"{PATH}/{theirs}", None, None, **mine).status == 404
    for what, content in (("release", {"reason": "x"}), ("raise", {"stage": "CANCEL", "reason": "x"})):
        assert api.call("POST", f"{PATH}/{theirs}/{what}", content, None, **mine).status == 404
    everybodys = api.call("POST", PATH, {"everything": True, "reason": "x"}, "admin1").json["switchId"]
    release = f"{PATH}/{everybodys}/release"
    assert api.call("POST", release, {"reason": "x"}, None, **mine).status == 404
    own = {"accountId": "ACC-INST-001", "symbol": "AAPL", "reason": "x"}
    switch_id = api.call("POST", PATH, own, None, **mine).json["switchId"]
    assert api.call("POST", f"{PATH}/{switch_id}/release", {"reason": "x"}, None, **mine).status == 200


def test_a_switch_or_a_trigger_that_cannot_be_is_refused_by_field(api: Gateway) -> None:
    for path, method, field, content in (
        (PATH, "POST", "everything", {"reason": "x"}),
        (PATH, "POST", "everything", GOOD | {"everything": True}),
        (PATH, "POST", "everything", {"everything": "yes", "reason": "x"}),
        (PATH, "POST", "venueId", GOOD | {"venueId": "NONE"}),
        (PATH, "POST", "symbol", {"symbol": 7, "reason": "x"}),
        (PATH, "POST", "symbol", {"symbol": "", "reason": "x"}),
        (PATH, "POST", "desk", {"desk": "NONE", "reason": "x"}),
        (PATH, "POST", "firm", {"firm": "NONE", "reason": "x"}),
        (PATH, "POST", "sector", {"sector": "NONE", "reason": "x"}),
        (PATH, "POST", "trader", {"trader": "x" * 65, "reason": "x"}),
        (PATH, "POST", "strategy", {"strategy": "a\u200bb", "reason": "x"}),
        (PATH, "POST", "stage", GOOD | {"stage": "SELL"}),
        # A position is of no venue, trader or strategy.
        (PATH, "POST", "venueId", GOOD | {"stage": "FLATTEN"}),
        (PATH, "POST", "trader", {"trader": "t", "symbol": "AAPL", "stage": "FLATTEN", "reason": "x"}),
        (PATH, "POST", "strategy", {"strategy": "s", "stage": "FLATTEN", "reason": "x"}),
        (f"{PATH}/preview", "POST", "venueId", {"venueId": "XNYS"}),
        (f"{PATH}/preview", "POST", "everything", {}),
        (f"{PATH}/preview", "POST", "stage", {"symbol": "AAPL", "stage": "FLATTEN"}),
        (TRIGGERS, "PUT", "stage", TRIGGER | {"stage": "FLATTEN"}),
        (PATH, "POST", "reason", GOOD | {"reason": " "}),
        (PATH, "POST", "colour", GOOD | {"colour": "red"}),
        (TRIGGERS, "PUT", "kind", TRIGGER | {"kind": "WEATHER"}),
        (TRIGGERS, "PUT", "threshold", TRIGGER | {"threshold": 0}),
        (TRIGGERS, "PUT", "windowS", TRIGGER | {"windowS": 86_401}),
        (TRIGGERS, "PUT", "mode", TRIGGER | {"mode": "LOUD"}),
        (TRIGGERS, "PUT", "desk", TRIGGER | {"desk": "DESK"}),
        (TRIGGERS, "PUT", "venueId", TRIGGER | {"kind": "MESSAGE_RATE"}),
    ):
        answer = api.call(method, path, content, "admin1")
        assert (answer.status, list(answer.fields)) == (400, [field]), content
    assert api.call("POST", f"{PATH}/nothing/release", {"reason": "x"}, "admin1").status == 404
    assert api.call("GET", f"{PATH}/nothing").status == 404
    assert api.call("GET", f"{PATH}?colour=red").status == 400
    assert api.call("GET", PATH).json["killSwitches"] == []


def hold(dsn: str, account: str, symbol: str, quantity: int) -> None:
    """Let an account hold shares."""
    with closing(connect(dsn, "test")) as connection:
        connection.execute(
            "INSERT INTO positions (account_id, symbol, quantity, cost, realized_pnl, net_cash, updated_at)"
            " VALUES (%s, %s, %s, 0, 0, 0, now())",
            [account, symbol, quantity],
        )


def test_what_would_be_closed_is_shown_of_the_scope_and_no_more(api: Gateway, dsn: str) -> None:
    for account, symbol, quantity in (
        ("ACC-INST-001", "AAPL", 300), ("ACC-INST-001", "MSFT", -20), ("ACC-RET-001", "AAPL", 5),
        ("ACC-RET-001", "MSFT", 0),
    ):  # fmt: skip
        hold(dsn, account, symbol, quantity)

    def previewed(content: dict[str, object], user: str = "admin1") -> set[tuple[str, str, int, str]]:
        found = api.call("POST", f"{PATH}/preview", content, user)
        assert found.status == 200, found.body
        assert found.json["positionsCovered"] == len(found.json["positions"])
        assert all((one["mark"] is None) == (one["value"] is None) for one in found.json["positions"])
        return {
            (one["accountId"], one["symbol"], one["quantity"], one["side"]) for one in found.json["positions"]
        }

    mine, short = ("ACC-INST-001", "AAPL", 300, "SELL"), ("ACC-INST-001", "MSFT", -20, "BUY")
    theirs = ("ACC-RET-001", "AAPL", 5, "SELL")
    until(lambda: read(dsn).houses, "accounts are known")
    until(lambda: previewed({"sector": sector_of(api, "AAPL")}), "the gateway knows sectors")
    assert previewed({"everything": True}) == {mine, short, theirs}
    assert previewed({"accountId": "ACC-INST-001"}, "risk1") == {mine, short}
    assert previewed({"accountId": "ACC-INST-001", "symbol": "AAPL"}) == {mine}
    assert previewed({"symbol": "AAPL"}) == {mine, theirs}
    assert api.call("POST", f"{PATH}/preview", {"everything": True}, "trader1").status == 403


def test_closing_positions_needs_a_right_of_its_own_and_a_scope_that_a_position_has(api: Gateway) -> None:
    head = {"Authorization": f"Bearer {api.token_of('head', 'desk-head', ['*'])}"}
    mine = {"Authorization": f"Bearer {api.token_of('one', 'risk', ['ACC-INST-001'])}"}
    flatten = {"stage": "FLATTEN", "reason": "x"}
    assert api.call("POST", PATH, flatten | {"symbol": "AAPL"}, None, **head).status == 403
    assert api.call("POST", PATH, flatten | {"symbol": "AAPL"}, None, **mine).status == 403
    own = api.call("POST", PATH, flatten | {"accountId": "ACC-INST-001"}, None, **mine)
    assert (own.status, own.json["stage"]) == (201, "FLATTEN")
    canceled = api.call("POST", PATH, {"symbol": "AAPL", "stage": "CANCEL", "reason": "x"}, None, **head)
    place = f"{PATH}/{canceled.json['switchId']}/raise"
    assert api.call("POST", place, flatten, None, **head).status == 403
    assert api.call("POST", place, flatten, "risk1").json["stage"] == "FLATTEN"
    assert api.call("POST", place, {"stage": "CANCEL", "reason": "x"}, "risk1").status == 409
    of_a_venue = api.call("POST", PATH, GOOD, "admin1").json["switchId"]
    refused = api.call("POST", f"{PATH}/{of_a_venue}/raise", flatten, "admin1")
    assert (refused.status, list(refused.fields)) == (400, ["stage"])
    assert "a position is at no venue" in refused.fields["stage"]


def test_what_a_switch_closes_is_shown_with_what_is_held_and_what_it_waits_for(
    api: Gateway, dsn: str
) -> None:
    hold(dsn, "ACC-INST-001", "AAPL", 120)
    hold(dsn, "ACC-RET-001", "AAPL", 0)
    content = {"symbol": "AAPL", "stage": "FLATTEN", "reason": "x"}
    switch_id = api.call("POST", PATH, content, "admin1").json["switchId"]
    with closing(connect(dsn, "test")) as connection:
        for account, state, why in (("ACC-INST-001", "WAITS", "no bid"), ("ACC-RET-001", "FLAT", "")):
            connection.execute(
                "INSERT INTO kill_switch_positions"
                " VALUES (%s, %s, 'AAPL', 300, now(), %s, %s, 0, NULL, now())",
                [switch_id, account, state, why],
            )
    shown = api.call("GET", f"{PATH}/{switch_id}", None, "risk1").json
    assert (shown["positionsFound"], shown["positionsFlat"]) == (2, 1)
    told = [(one["accountId"], one["held"], one["state"], one["why"]) for one in shown["positions"]]
    assert told == [("ACC-INST-001", 120, "WAITS", "no bid"), ("ACC-RET-001", 0, "FLAT", "")]
    api.call("POST", f"{PATH}/{switch_id}/release", {"reason": "over"}, "risk1")
    after = api.call("GET", f"{PATH}/{switch_id}", None, "risk1").json["positions"]
    assert [one["state"] for one in after] == ["RELEASED", "FLAT"]
    mine = {"Authorization": f"Bearer {api.token_of('one', 'risk', ['ACC-RET-001'])}"}
    others = api.call("GET", f"{PATH}/{switch_id}", None, None, **mine).json
    assert [one["accountId"] for one in others["positions"]] == ["ACC-RET-001"]


def test_a_trigger_sets_its_switch_once_and_its_scope_is_watched_anew_after_the_release(
    api: Gateway, dsn: str
) -> None:
    assert api.call("PUT", TRIGGERS, TRIGGER, "risk1").status == 403
    made = api.call("PUT", TRIGGERS, TRIGGER, "admin1").json
    changed = api.call("PUT", TRIGGERS, TRIGGER | {"threshold": 5}, "admin1").json
    assert (changed["triggerId"], changed["threshold"]) == (made["triggerId"], 5)
    (trigger,) = read(dsn).triggers
    assert (trigger.kind, trigger.threshold, trigger.is_set, trigger.released_at) == (
        "REJECT_RATE",
        5,
        False,
        None,
    )
    feed = KillFeed(dsn, "test", "me")
    for _ in range(2):
        feed.ask(Asked(trigger=trigger, scope=trigger.scope, figures="6 rejects in 10 s, limit 5"))
    feed.look()
    (one,) = api.call("GET", PATH).json["killSwitches"]
    assert (one["setBy"], one["triggerId"], one["reason"]) == (
        "trigger:REJECT_RATE", made["triggerId"], "6 rejects in 10 s, limit 5",
    )  # fmt: skip
    assert read(dsn).triggers[0].is_set
    api.call("POST", f"{PATH}/{one['switchId']}/release", {"reason": "over"}, "admin1")
    feed.look()
    feed.stop()
    (after,) = feed.known().triggers
    assert after.is_set is False and after.released_at is not None and after.released_at <= utc_now()


def test_what_a_switch_found_open_is_shown_with_what_became_of_it(api: Gateway, dsn: str) -> None:
    switch_id = api.call("POST", PATH, {"everything": True, "reason": "x"}, "admin1").json["switchId"]
    with closing(connect(dsn, "test")) as connection:
        connection.execute("INSERT INTO kill_switch_covered VALUES (%s, %s, '', now())", [switch_id, uuid7()])
    # Of an order that is not stored there is nothing to be told.
    shown = api.call("GET", f"{PATH}/{switch_id}").json
    assert (shown["ordersCovered"], shown["outstanding"]) == (0, [])
    assert read(dsn).switches[0].scope == EVERYTHING
    until(lambda: "test" in effects(api, switch_id), "who goes by it is shown")


def test_the_command_line_stops_lists_shows_raises_and_releases(api: Gateway, dsn: str) -> None:
    environment = {
        URL_VARIABLE: f"http://127.0.0.1:{api.http_port}",
        ISSUER_VARIABLE: api.issuer,
        "COLUMNS": "300",
    }

    def run(*words: str, code: int = 0) -> str:
        result = CliRunner().invoke(kill, list(words), env=environment)
        assert result.exit_code == code, result.output
        return result.output

    hold(dsn, "ACC-INST-001", "AAPL", 300)
    run("set", "--everything", "--venue", "XNYS", "--reason", "x", code=2)
    run("set", "--reason", "x", code=2)
    switch_id = json.loads(run("set", "--everything", "--reason", "drill"))["switchId"]
    assert "everything  BLOCK" in run("list")
    run("raise", switch_id, "--stage", "CANCEL", "--reason", "worse")
    shown = run("show", switch_id)
    assert "everything  CANCEL" in shown and "raised to CANCEL" in shown
    assert "children over 0 of 0" in shown
    # Closing positions is confirmed by typing what is meant, or beforehand.
    flatten = ["raise", switch_id, "--stage", "FLATTEN", "--reason", "out"]
    for typed in ("", "yes\n", "AAPL\n"):
        result = CliRunner().invoke(kill, flatten, input=typed, env=environment)
        assert result.exit_code == 1 and "FLATTEN of everything" in result.output, result.output
    assert "everything  CANCEL" in run("list")
    result = CliRunner().invoke(kill, flatten, input="everything\n", env=environment)
    assert result.exit_code == 0 and "ACC-INST-001  AAPL  sell 300" in result.output, result.output
    assert "everything  FLATTEN" in run("list")
    one = run("set", "--symbol", "AAPL", "--stage", "FLATTEN", "--yes", "--reason", "drill")
    run("release", json.loads(one[one.index("{") :])["switchId"], "--reason", "over")
    run("release", switch_id, "--reason", "over")
    assert "0 kill switches" in run("list")
    assert switch_id in run("list", "--all")
    run("trigger", "set", "EXCEPTIONS", "--everything", "--threshold", "10", "--reason", "a first week")
    assert "EXCEPTIONS  everything  10 in 10 s  BLOCK  SHADOW" in run("trigger", "list")
