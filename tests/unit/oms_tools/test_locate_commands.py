"""`oms locates`: against an API that stands in, and files of every kind."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from oms_tools.cli.main import cli
from tests.stand_in_api import StandIn, stand_in

LOCATE = {
    "accountId": "A", "symbol": "TSLA", "reference": "LOC 7", "broker": "Prime One", "quantity": 10_000,
    "drawn": 2_500, "left": 7_500, "validOn": "2026-03-02", "enteredBy": "risk1", "reason": "list",
    "enteredAt": "2026-03-02T11:00:00Z",
}  # fmt: skip
EASY = {"symbols": ["AAPL", "MSFT"], "enteredBy": "risk1", "reason": "list",
        "enteredAt": "2026-03-02T11:00:00Z"}  # fmt: skip
PAGE = {"day": "2026-03-02", "locates": [LOCATE], "easyToBorrow": EASY}
LOAD = "POST /api/v1/locates/load"
HEAD = "kind,symbol,account,reference,broker,quantity\n"


def run(api: StandIn, *words: str) -> Result:
    return CliRunner().invoke(cli, list(words), env=dict(api.environment))


def load(api: StandIn, path: Path, text: str) -> Result:
    file = path / "locates.csv"
    file.write_text(text)
    return run(api, "locates", "load", str(file), "--reason", "list", "--day", "2026-03-02")


def test_a_days_locates_are_listed_with_what_is_drawn_and_the_symbols_that_need_none() -> None:
    with stand_in({"GET /api/v1/locates": PAGE}) as api:
        shown = run(api, "locates", "list", "--symbol", "tsla").output
        assert json.loads(run(api, "locates", "list", "--json").output) == PAGE
    assert ["TSLA", "A", "LOC", "7", "Prime", "One", "10,000", "2,500", "7,500"] in [
        line.split() for line in shown.splitlines()
    ]
    assert "easy to borrow, risk1: AAPL, MSFT" in shown
    with stand_in({"GET /api/v1/locates": PAGE | {"locates": [], "easyToBorrow": None}}) as api:
        assert "no easy-to-borrow list for 2026-03-02" in run(api, "locates", "list").output


def test_a_file_is_loaded_whole_and_its_easy_lines_are_the_list_of_the_day(tmp_path: Path) -> None:
    with stand_in({LOAD: PAGE}) as api:
        lines = "LOCATE,tsla,A,LOC 7,Prime One,10000\neasy,aapl,,,,\nEASY,MSFT,,,,\n"
        assert load(api, tmp_path, HEAD + lines).exit_code == 0
        assert load(api, tmp_path, HEAD + "LOCATE,TSLA,A,LOC 7,Prime One,10000\n").exit_code == 0
        whole, alone = (body for _, _, body in api.asked)
    wanted = {name: LOCATE[name] for name in ("accountId", "symbol", "reference", "broker", "quantity")}
    assert whole == {
        "locates": [wanted], "easyToBorrow": ["AAPL", "MSFT"], "day": "2026-03-02", "reason": "list",
    }  # fmt: skip
    # A file without such lines leaves the list of the day as it is.
    assert alone == {"locates": [wanted], "day": "2026-03-02", "reason": "list"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "columns must be kind, symbol"),
        (HEAD, "has no lines"),
        ("kind,symbol,price\n", "columns must be kind, symbol"),
        (HEAD + "LOCATE,TSLA,A,LOC 7,Prime,\n", "line 2: quantity is required of kind LOCATE"),
        (HEAD + ",TSLA,,,,\n", "line 2: kind must be EASY or LOCATE, was ''"),
        (HEAD + "EASY,TSLA,A,,,\n", "line 2: account must be left out of kind EASY, was 'A'"),
        (HEAD + "EASY,,,,,\n", "line 2: symbol is required"),
        (HEAD + "LOCATE,TSLA,A,L,P,1.5\n", "line 2: quantity must be whole shares from 0 to"),
        (HEAD + "LOCATE,TSLA,A,L,P,-1\n", "line 2: quantity must be whole shares from 0 to"),
        (HEAD + "LOCATE,TSLA,A,L,P,1,2\n", "line 2: has more cells than there are columns"),
    ],
)
def test_a_wrong_file_is_told_by_line_and_asks_for_nothing(tmp_path: Path, text: str, said: str) -> None:
    with stand_in({LOAD: PAGE}) as api:
        result = load(api, tmp_path, text)
        assert result.exit_code == 1 and said in result.output
        assert not api.asked


def test_what_the_api_refuses_is_told_by_line_of_the_file(tmp_path: Path) -> None:
    problem: dict[str, Any] = {
        "error": {
            "code": "INVALID", "message": "1 field is invalid",
            "fields": [{"field": "easyToBorrow[0]", "message": "must be a known symbol, was 'NONE'"},
                       {"field": "locates[0].accountId", "message": "must be a known account, was 'A'"}],
        }
    }  # fmt: skip
    with stand_in({LOAD: (400, problem)}) as api:
        result = load(api, tmp_path, HEAD + "LOCATE,TSLA,A,L,P,1\nEASY,NONE,,,,\n")
    assert result.exit_code == 1
    assert "line 3: must be a known symbol, was 'NONE'" in result.output
    assert "line 2: accountId must be a known account" in result.output
