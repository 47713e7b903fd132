"""`oms account` and `oms instrument`: against an API that stands in."""

import json

from click.testing import CliRunner, Result

from oms_tools.cli.main import cli
from tests.stand_in_api import StandIn, stand_in

ACCOUNT = {
    "accountId": "ACC-9", "name": "Ninth", "kind": "RETAIL", "status": "SUSPENDED", "firm": "F", "desk": "D",
    "version": 3, "changedBy": "admin1", "reason": "margin is late", "changedAt": "2026-03-02T11:00:00Z",
}  # fmt: skip
INSTRUMENT = {
    "symbol": "NEWS", "name": "News", "status": "ACTIVE", "tickSize": "0.05", "lotSize": 10,
    "referencePrice": "27.5", "calendarId": "XNYS", "haltReason": None, "sector": "MEDIA",
    "listingVenue": None, "version": 1, "changedBy": "admin1", "reason": "its first day",
    "changedAt": "2026-03-02T11:00:00Z",
}  # fmt: skip
PERMISSION = {
    "rule": "TRADER_NOT_PERMITTED", "scope": {"account": "ACC-9", "trader": "t1"}, "mode": None,
    "severity": None, "onMissing": None, "parameters": {"permitted": True}, "version": 7,
    "changedBy": "admin1", "reason": "that one", "changedAt": "2026-03-02T11:00:00Z",
}  # fmt: skip


def run(api: StandIn, *words: str) -> Result:
    return CliRunner().invoke(cli, list(words), env=dict(api.environment))


def test_each_step_of_an_account_is_a_change_of_its_status_with_the_reason() -> None:
    steps = {"suspend": "SUSPENDED", "resume": "ACTIVE", "close": "CLOSED"}
    with stand_in({"PATCH /api/v1/accounts/ACC-9": ACCOUNT}) as api:
        shown = [run(api, "account", step, "ACC-9", "--reason", "margin is late").output for step in steps]
        bodies = [body for _, _, body in api.asked]
    assert bodies == [{"status": status, "reason": "margin is late"} for status in steps.values()]
    assert all("ACC-9  SUSPENDED  Ninth" in one and "admin1: margin is late" in one for one in shown)


def test_nothing_is_asked_for_without_a_reason() -> None:
    with stand_in({}) as api:
        for words in (
            ("account", "close", "ACC-9"), ("account", "forbid", "ACC-9"), ("instrument", "retire", "NEWS"),
        ):  # fmt: skip
            assert "--reason" in run(api, *words).output
        assert api.asked == []


def test_permissions_are_rows_of_the_rule_by_account_and_trader() -> None:
    with stand_in({"PUT /api/v1/risk/limits": PERMISSION}) as api:
        shown = run(api, "account", "permit", "ACC-9", "t1", "--reason", "that one").output
        run(api, "account", "forbid", "ACC-9", "--reason", "that one")
        bodies = [body for _, _, body in api.asked]
    assert [(body["scope"], body["parameters"]) for body in bodies] == [
        ({"account": "ACC-9", "trader": "t1"}, {"permitted": True}),
        ({"account": "ACC-9"}, {"permitted": False}),
    ]
    assert ["t1", "yes", "admin1", "that", "one"] in [line.split() for line in shown.splitlines()]


def test_an_instrument_is_listed_with_what_is_given_and_nothing_else() -> None:
    with stand_in({"POST /api/v1/instruments": INSTRUMENT}) as api:
        words = ("--name", "News", "--price", "27.50", "--calendar", "XNYS", "--tick", "0.05")
        shown = run(api, "instrument", "add", "news", *words, "--reason", "its first day")
        assert "NEWS  ACTIVE  News  MEDIA  tick 0.05  lot 10  version 1" in shown.output
        as_json = run(api, "instrument", "add", "news", *words, "--reason", "its first day", "--json")
        assert json.loads(as_json.output) == INSTRUMENT
        assert api.asked[0][2] == {
            "symbol": "NEWS", "name": "News", "referencePrice": "27.50", "calendarId": "XNYS",
            "tickSize": "0.05", "reason": "its first day",
        }  # fmt: skip
    with stand_in({"GET /api/v1/instruments": {"instruments": [INSTRUMENT]}}) as api:
        assert "1 instrument" in run(api, "instrument", "list").output


PROFILE = {
    "profile": "default", "version": 4, "active": True, "settings": {"weights": {"price": "0.5"}},
    "createdAt": "2026-03-02T11:00:00Z", "createdBy": "demo", "reason": "first", "retiredAt": None,
    "retiredBy": None, "retiredReason": None,
}  # fmt: skip


def test_a_profile_that_is_mistyped_is_not_added_and_one_that_is_new_is_said_to_be() -> None:
    answers = {
        "GET /api/v1/routing/profiles": {"profiles": [PROFILE]},
        "POST /api/v1/routing/profiles/defualt": PROFILE | {"profile": "defualt", "version": 1},
    }
    words = ("routing", "change", "defualt", "--weight", "price=0.6", "--reason", "dearer")
    with stand_in(answers) as api:
        refused = run(api, *words)
        assert [request.split()[0] for request, _, _ in api.asked] == ["GET"]
        added = run(api, *words, "--new")
        assert [request.split()[0] for request, _, _ in api.asked] == ["GET", "GET", "POST"]
    assert refused.exit_code == 2
    assert "expected one of the profiles default, found 'defualt'; --new adds one" in refused.output
    assert "defualt  version 1  weights (price 0.6)" in added.output


def test_a_day_is_called_a_day_and_what_is_none_is_said() -> None:
    with stand_in({}) as api:
        usage = run(api, "calendar", "close", "--help").output
        for words in (
            ("calendar", "close", "XNYS", "someday", "--reason", "x"),
            ("calendar", "show", "--from", "someday"),
            ("surveillance", "run", "--date", "someday"),
            ("locates", "list", "--day", "someday"),
            ("reconcile", "report", "--date", "someday"),
        ):
            assert "expected a day such as 2026-03-02, found 'someday'" in run(api, *words).output
        assert api.asked == []
    assert "NAME DAY" in usage and "%Y" not in usage
