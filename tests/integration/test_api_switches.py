"""Kill switches at the gateway and on the command line: who may, what is kept, what cannot be."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from click.testing import CliRunner

from oms_platform.kafka.settings import KafkaSettings
from oms_tools.cli.client import ISSUER_VARIABLE, URL_VARIABLE
from oms_tools.cli.kill_commands import kill
from tests.integration.api_rig import Gateway, gateway

PATH = "/api/v1/kill-switches"
GOOD = {"scope": "VENUE", "name": "XNYS", "reason": "drill"}


@pytest.fixture
def api(
    tmp_path: Path, dsn: str, memory_kafka: KafkaSettings, redis_port: int, cleanup: ExitStack
) -> Iterator[Gateway]:
    yield cleanup.enter_context(gateway(tmp_path, dsn, memory_kafka.bootstrap, redis_port))


def test_a_scope_is_stopped_once_and_released_once_and_both_are_kept(api: Gateway) -> None:
    first = api.call("POST", PATH, GOOD, "admin1")
    assert (first.status, first.json["scope"], first.json["name"]) == (201, "VENUE", "XNYS")
    again = api.call("POST", PATH, GOOD, "admin1")
    assert (again.status, again.json["error"]["code"]) == (409, "CONFLICT")
    place = f"{PATH}/{first.json['switchId']}/release"
    released = api.call("POST", place, {"reason": "over"}, "admin1")
    assert (released.status, released.json["releaseReason"]) == (200, "over")
    assert api.call("POST", place, {"reason": "over"}, "admin1").status == 404
    assert api.call("GET", PATH).json["killSwitches"] == []
    (kept,) = api.call("GET", f"{PATH}?all=true").json["killSwitches"]
    assert (kept["reason"], kept["setBy"], kept["releasedBy"]) == (
        "drill",
        first.json["setBy"],
        first.json["setBy"],
    )
    assert api.call("POST", PATH, GOOD, "admin1").status == 201


@pytest.mark.parametrize("user", ["admin1", "risk1", "desk"])
def test_who_may_stop_trading_stops_and_releases_and_nobody_else(api: Gateway, user: str) -> None:
    assert api.call("POST", PATH, GOOD, "trader1").status == 403
    switch_id = api.call("POST", PATH, GOOD, user).json["switchId"]
    assert api.call("POST", f"{PATH}/{switch_id}/release", {"reason": "x"}, "trader1").status == 403
    assert api.call("POST", f"{PATH}/{switch_id}/release", {"reason": "x"}, user).status == 200


def test_who_sees_some_accounts_stops_these_and_nothing_that_is_others_too(api: Gateway) -> None:
    mine = {"Authorization": f"Bearer {api.token_of('head', 'desk-head', ['ACC-INST-001'])}"}
    theirs = api.call("POST", PATH, {"scope": "ACCOUNT", "name": "ACC-RET-001", "reason": "x"}, "admin1").json
    for scope, name in (("FIRM", ""), ("VENUE", "XNYS"), ("SYMBOL", "AAPL")):
        content = {"scope": scope, "name": name, "reason": "x"}
        assert api.call("POST", PATH, content, None, **mine).status == 403
    seen = []
    for name in ("ACC-RET-001", "ACC-NO-SUCH"):
        content = {"scope": "ACCOUNT", "name": name, "reason": "x"}
        refused = api.call("POST", PATH, content, None, **mine)
        seen.append((refused.status, refused.body.replace(name.encode(), b"")))
        released = api.call("POST", f"{PATH}/{theirs['switchId']}/release", {"reason": "x"}, None, **mine)
        assert released.status == 404
    assert [status for status, _ in seen] == [400, 400]
    own = {"scope": "ACCOUNT", "name": "ACC-INST-001", "reason": "x"}
    switch_id = api.call("POST", PATH, own, None, **mine).json["switchId"]
    assert api.call("POST", f"{PATH}/{switch_id}/release", {"reason": "x"}, None, **mine).status == 200


def test_a_switch_that_cannot_be_is_refused_by_field(api: Gateway) -> None:
    for field, content in (
        ("scope", GOOD | {"scope": "DESK"}),
        ("scope", {"reason": "x"}),
        ("name", {"scope": "VENUE", "reason": "x"}),
        ("name", GOOD | {"name": "NONE"}),
        ("name", {"scope": "SYMBOL", "name": 7, "reason": "x"}),
        ("name", GOOD | {"scope": "FIRM"}),
        ("name", GOOD | {"scope": "ACCOUNT"}),
        ("cancels", GOOD | {"cancels": "yes"}),
        ("reason", GOOD | {"reason": " "}),
        ("colour", GOOD | {"colour": "red"}),
    ):
        answer = api.call("POST", PATH, content, "admin1")
        assert (answer.status, list(answer.fields)) == (400, [field]), content
    assert api.call("POST", f"{PATH}/nothing/release", {"reason": "x"}, "admin1").status == 404
    assert api.call("GET", f"{PATH}?colour=red").status == 400
    assert api.call("GET", PATH).json["killSwitches"] == []


def test_the_command_line_stops_lists_and_releases(api: Gateway) -> None:
    environment = {
        URL_VARIABLE: f"http://127.0.0.1:{api.http_port}",
        ISSUER_VARIABLE: api.issuer,
        "COLUMNS": "300",
    }

    def run(*words: str, code: int = 0) -> str:
        result = CliRunner().invoke(kill, list(words), env=environment)
        assert result.exit_code == code, result.output
        return result.output

    run("set", "--firm", "--venue", "XNYS", "--reason", "x", code=2)
    run("set", "--reason", "x", code=2)
    switch_id = json.loads(run("set", "--firm", "--cancel", "--reason", "drill"))["switchId"]
    assert "FIRM   with cancels" in run("list")
    run("release", switch_id, "--reason", "over")
    assert "0 kill switches" in run("list")
    assert switch_id in run("list", "--all")
