"""`oms replace`, `suspend`, `resume`, `cancel-all` and their like against an API that stands in."""

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from oms_client.errors import ApiError
from oms_tools.cli.main import cli
from tests.stand_in_api import CUT, Query, StandIn, stand_in

ORDER = "01900000-0000-7000-8000-0000deadbeef"
REQUEST = "01900000-0000-7000-8000-00000000aaaa"
REQUESTED = {
    "orderId": ORDER, "requestId": REQUEST, "status": "ACKNOWLEDGED", "created": True, "message": "so it is",
}  # fmt: skip
PATHS = {
    "cancel-all": "DELETE /api/v1/orders",
    "suspend-all": "POST /api/v1/orders/suspend",
    "resume-all": "POST /api/v1/orders/resume",
}


def run(api: StandIn, *words: str) -> Result:
    return CliRunner().invoke(cli, list(words), env=dict(api.environment))


def header(api: StandIn, name: str) -> list[str | None]:
    return [one.get(name) for one in api.headers]


def test_a_replace_sends_what_is_given_and_repeats_it_under_one_id_when_its_answer_is_lost() -> None:
    answers = iter([CUT, (202, REQUESTED)])
    place = f"PATCH /api/v1/orders/{ORDER}"
    with stand_in({place: lambda _query, _body: next(answers)}) as api:
        result = run(api, "replace", ORDER, "--quantity", "200", "--limit", "10.50", "--sequence", "4")
    assert result.exit_code == 0, result.output
    assert json.loads(result.output) == REQUESTED
    assert [body for asked, _, body in api.asked if asked == place] == [
        {"quantity": 200, "limitPrice": "10.50"}
    ] * 2
    assert len(set(header(api, "Idempotency-Key"))) == 1
    assert set(header(api, "If-Match")) == {'"4"'}
    assert set(header(api, "X-Oms-Channel")) | set(header(api, "X-OMS-Channel")) >= {"CLI"}


@pytest.mark.parametrize("command", ["suspend", "resume"])
def test_a_suspend_and_a_resume_ask_under_the_id_that_is_given(command: str) -> None:
    with stand_in({f"POST /api/v1/orders/{ORDER}/{command}": (202, REQUESTED)}) as api:
        result = run(api, command, ORDER, "--request-id", "mine")
    assert json.loads(result.output) == REQUESTED
    assert header(api, "Idempotency-Key") == ["mine"]


def test_a_refusal_is_said_in_one_line() -> None:
    refusal = {
        "detail": "order x is PENDING_CANCEL: a cancel is pending", "code": "CONFLICT", "fields": [],
        "orderStatus": "PENDING_CANCEL", "requestId": "r",
    }  # fmt: skip
    with stand_in({f"PATCH /api/v1/orders/{ORDER}": (409, refusal)}) as api:
        result = run(api, "replace", ORDER, "--quantity", "2")
    assert isinstance(result.exception, ApiError)
    assert "PENDING_CANCEL" in str(result.exception)


def line(number: int, **changes: Any) -> dict[str, Any]:
    order_id = f"{ORDER[:-1]}{number}"
    request = REQUESTED | {"orderId": order_id}
    return {"orderId": order_id, "clientOrderId": "", "request": request, "error": None} | changes


UNKNOWN = {
    "orderId": None, "clientOrderId": "nobodys", "request": None,
    "error": {"code": "NOT_FOUND", "message": "no order nobodys", "fields": []},
}  # fmt: skip


@pytest.mark.parametrize("command", PATHS)
def test_what_selects_is_asked_for_and_each_order_is_told(command: str) -> None:
    answer = {"orders": [line(1), UNKNOWN], "more": False, "created": True}
    with stand_in({PATHS[command]: (202, answer)}) as api:
        result = run(
            api, command, "--account", "A", "--symbol", "aapl", "--side", "buy", "--venue", "XNYS",
            "--older-than", "60", "--client-order-id", "nobodys", "--basket", "list 1",
        )  # fmt: skip
    assert result.exit_code == 0, result.exception
    assert api.queries(PATHS[command]) == [
        {
            "accountId": ["A"], "symbol": ["AAPL"], "side": ["BUY"], "venue": ["XNYS"], "olderThan": ["60"],
            "clientOrderId": ["nobodys"], "basketId": ["list 1"],
        }
    ]  # fmt: skip
    assert "deadbee1 ACKNOWLEDGED asked for" in result.output
    assert "no order nobodys" in result.output and "1 order of 2 asked for" in result.output


def test_it_asks_on_until_there_are_no_more_unless_the_request_has_an_id() -> None:
    def answer(query: Query, _body: Any) -> Any:
        first = "after" not in query
        return 202, {"orders": [line(1 if first else 2)], "more": first, "created": True}

    with stand_in({PATHS["cancel-all"]: answer}) as api:
        result = run(api, "cancel-all", "--symbol", "AAPL", "--json")
        once = run(api, "cancel-all", "--symbol", "AAPL", "--request-id", "mine")
    assert [one["orderId"][-1] for one in json.loads(result.output)["orders"]] == ["1", "2"]
    assert [query.get("after") for query in api.queries(PATHS["cancel-all"])] == [
        None, [f"{ORDER[:-1]}1"], None,
    ]  # fmt: skip
    assert "There are more such orders" in once.output
