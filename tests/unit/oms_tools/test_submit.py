"""`oms submit --wait`, `preview` and `whatif`: what becomes of an order, in a line and as an exit code."""

import io
import json
from typing import Any

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from oms_core.domain.denials import DenialCode, render
from oms_tools.cli import order_commands
from oms_tools.cli.client import ONCE, ApiClient, ApiError
from oms_tools.cli.main import cli
from oms_tools.cli.outcome import DONE, REFUSED, WORKING, await_outcome, closed_outcome
from oms_tools.cli.reasons import CHECKED, checks_in_words, in_words
from oms_tools.cli.routing_commands import LEFT_OUT, print_what_if
from tests.stand_in_api import CUT, StandIn, stand_in

ORDER_ID = "01900000-0000-7000-8000-0000deadbeef"
PLACE = f"GET /api/v1/orders/{ORDER_ID}"
ROUTES = f"{PLACE}/routes"


def order(status: str, cum_qty: int = 0, **changed: Any) -> dict[str, Any]:
    return {
        "orderId": ORDER_ID,
        "accountId": "A",
        "symbol": "AAPL",
        "side": "BUY",
        "quantity": 100,
        "timeInForce": "DAY",
        "limitPrice": None,
        "status": status,
        "closed": status in ("FILLED", "CANCELED", "EXPIRED", "REJECTED"),
        "cumQty": cum_qty,
        "leavesQty": 100 - cum_qty,
        "avgPx": "227.420000" if cum_qty else None,
        "text": "",
        "sequence": 3,
    } | changed


def child(leaves_qty: int, **changed: Any) -> dict[str, Any]:
    return {
        "venueId": "XNYS",
        "leavesQty": leaves_qty,
        "limitPrice": "180.000000",
        "timeInForce": "DAY",
        "ackedAt": "2026-03-02T15:00:00Z",
    } | changed


def submit(
    found: dict[str, Any], *words: str, children: list[dict[str, Any]] | None = None
) -> tuple[Result, StandIn]:
    answers = {
        "POST /api/v1/orders": (201, {"orderId": ORDER_ID, "status": "NEW", "created": True}),
        PLACE: found,
        ROUTES: {"routes": [{"children": children or []}]},
    }
    order_words = ["--symbol", "AAPL", "--side", "BUY", "--quantity", "100"]
    with stand_in(answers) as api:
        return CliRunner().invoke(cli, ["submit", *order_words, *words], env=dict(api.environment)), api


LIMIT: dict[str, Any] = {"limitPrice": "180.000000"}
IOC: dict[str, Any] = LIMIT | {"timeInForce": "IOC"}
RISK: dict[str, Any] = {"text": "ORDER_QTY_EXCEEDS_MAX: quantity=10000000, limit=500000"}
MARKET: dict[str, Any] = {"text": "NOT_MARKETABLE: limit=187.20, best=227.39"}


@pytest.mark.parametrize(
    ("found", "children", "code", "line"),
    [
        (order("FILLED", 100), [], DONE, "FILLED  BUY 100 AAPL at 227.42"),
        (
            order("CANCELED", 60, **IOC, **MARKET),
            [],
            DONE,
            "CANCELED  BUY 100 AAPL, 60 filled at 227.42, the rest is over: the limit does not reach the"
            " market (NOT_MARKETABLE: limit=187.20, best=227.39)",
        ),
        (
            order("CANCELED", **IOC, **MARKET),
            [],
            REFUSED,
            "CANCELED  BUY 100 AAPL, nothing filled: the limit does not reach the market"
            " (NOT_MARKETABLE: limit=187.20, best=227.39)",
        ),
        (
            order("REJECTED", **RISK),
            [],
            REFUSED,
            "REJECTED  BUY 100 AAPL, nothing filled: more shares than may be ordered at once"
            " (ORDER_QTY_EXCEEDS_MAX: quantity=10000000, limit=500000)",
        ),
        (
            order("EXPIRED", text="of tomorrow"),
            [],
            REFUSED,
            "EXPIRED  BUY 100 AAPL, nothing filled: of tomorrow",
        ),
        (order("CANCELED"), [], REFUSED, "CANCELED  BUY 100 AAPL, nothing filled"),
        (
            order("ACKNOWLEDGED", **LIMIT),
            [child(100)],
            DONE,
            "RESTING  BUY 100 AAPL: 100 at 180.00 with XNYS",
        ),
        (
            order("PARTIALLY_FILLED", 40, **LIMIT),
            [child(0, timeInForce="IOC"), child(60)],
            DONE,
            "RESTING  BUY 100 AAPL, 40 filled at 227.42: 60 at 180.00 with XNYS",
        ),
        # What is not acknowledged, may not rest, or is not all of the order, still works.
        (
            order("ACKNOWLEDGED", **LIMIT),
            [child(100, ackedAt=None)],
            WORKING,
            "ACKNOWLEDGED  BUY 100 AAPL, 0 filled, still working after 0 s",
        ),
        (
            order("ACKNOWLEDGED", **LIMIT),
            [child(60)],
            WORKING,
            "ACKNOWLEDGED  BUY 100 AAPL, 0 filled, still working after 0 s",
        ),
        (
            order("ACKNOWLEDGED", **LIMIT),
            [child(60), child(40, timeInForce="IOC")],
            WORKING,
            "ACKNOWLEDGED  BUY 100 AAPL, 0 filled, still working after 0 s",
        ),
        (
            order("ACKNOWLEDGED"),
            [child(100)],
            WORKING,
            "ACKNOWLEDGED  BUY 100 AAPL, 0 filled, still working after 0 s",
        ),
        (
            order("ACKNOWLEDGED", **IOC),
            [child(100)],
            WORKING,
            "ACKNOWLEDGED  BUY 100 AAPL, 0 filled, still working after 0 s",
        ),
        (order("NEW", **LIMIT), [], WORKING, "NEW  BUY 100 AAPL, 0 filled, still working after 0 s"),
    ],
)
def test_a_wait_ends_in_one_line_and_a_code(
    found: dict[str, Any], children: list[dict[str, Any]], code: int, line: str
) -> None:
    result, _ = submit(found, "--wait", "0", children=children)
    assert (result.output, result.exit_code) == (f"{line}  [{ORDER_ID}]\n", code)


def test_without_wait_the_answer_is_printed_and_nothing_is_asked() -> None:
    result, api = submit(order("REJECTED"))
    assert result.exit_code == 0
    assert json.loads(result.output)["status"] == "NEW"
    assert [place for place, _, _ in api.asked] == ["POST /api/v1/orders"]


def test_wait_without_seconds_is_followed_by_other_options() -> None:
    result, api = submit(order("FILLED", 100), "--wait", "--limit", "230.00", "--json")
    assert result.exit_code == DONE, result.output
    assert json.loads(result.output)["status"] == "FILLED"
    assert api.asked[0][2]["limitPrice"] == "230.00"


def test_a_wait_looks_again_until_the_order_is_over_and_no_longer_than_it_was_told() -> None:
    states = [order("NEW"), order("ACKNOWLEDGED"), order("PARTIALLY_FILLED", 40), order("FILLED", 100)]
    now_s = 0.0

    def pause(seconds: float) -> None:
        nonlocal now_s
        assert seconds > 0
        now_s += seconds

    with stand_in({PLACE: lambda _query, _body: states.pop(0) if len(states) > 1 else states[0]}) as api:
        client = ApiClient(api.url, "t")
        assert await_outcome(client, ORDER_ID, 5.0, lambda: now_s, pause).exit_code == DONE
        states[:] = [order("ACKNOWLEDGED")]
        now_s = 0.0
        assert await_outcome(client, ORDER_ID, 5.0, lambda: now_s, pause).exit_code == WORKING
        assert now_s == pytest.approx(5.0)
        assert len(api.asked) < 30


def test_the_help_of_submit_says_what_the_codes_mean() -> None:
    text = CliRunner().invoke(cli, ["submit", "--help"]).output
    for code in (DONE, REFUSED, WORKING):
        assert f"\n    {code}  it " in text


def test_an_open_order_has_no_outcome() -> None:
    assert closed_outcome(order("PENDING_CANCEL")) is None


CHECKS: list[dict[str, Any]] = [
    {"rule": "ACCOUNT_UNKNOWN", "value": "ACC-INST-001", "bound": "known", "passed": True},
    {"rule": "ORDER_QTY_EXCEEDS_MAX", "value": "100000", "bound": "500000", "passed": True},
    {"rule": "NO_REFERENCE_PRICE", "value": "227.090000", "bound": "a price", "passed": True},
    {"rule": "BUYING_POWER_EXCEEDED", "value": "22717001.00", "bound": "5000000000.000000", "passed": True},
    {"rule": "RULE_OF_TOMORROW", "value": "7", "bound": "5"},
]


def test_checks_are_told_by_what_was_checked() -> None:
    assert checks_in_words(CHECKS) == (
        "known account ACC-INST-001; shares 100,000 of 500,000; reference price 227.09;"
        " buying power 22.7 M of 5 bn; rule of tomorrow 7 of 5, FAILED"
    )


def test_every_rule_has_a_name_of_what_it_checks_and_every_denial_its_words() -> None:
    assert set(CHECKED) == set(DenialCode.__members__)
    for code in DenialCode:
        text = render(code, value=1)
        assert in_words(text).lower() == f"{code.value.rstrip('.')} ({text})".lower()
        assert not any(name in words for name in DenialCode.__members__ for words in CHECKED.values())


VENUE = {"venueId": "XNYS", "chosen": True, "reason": "best", "score": "1", "feePerShare": "0.002700"}


def plan(
    *children: tuple[str, int], venues: list[dict[str, Any]] | None = None, **card: Any
) -> dict[str, Any]:
    sent = [
        {
            "venueId": venue,
            "quantity": quantity,
            "limitPriceMicros": 227_000_000,
            "timeInForce": "TIME_IN_FORCE_IOC",
        }
        for venue, quantity in children
    ]
    explanation = {"profile": "default", "summary": "so", "venues": venues or [VENUE]} | card
    return {"attempt": 1, "quantity": 100, "children": sent, "explanation": explanation}


def preview(risk: dict[str, Any], *words: str) -> Result:
    with stand_in({"POST /api/v1/routes/preview": {"plan": plan(("XNYS", 100)), "risk": risk}}) as api:
        order_words = ["--symbol", "AAPL", "--side", "BUY", "--quantity", "100"]
        return CliRunner().invoke(cli, ["preview", *order_words, *words], env=dict(api.environment))


def test_a_preview_of_an_order_that_is_denied_says_why_first_shows_no_card_and_fails() -> None:
    denied = {"accepted": False, "denial": RISK["text"], "checks": []}
    result = preview(denied)
    assert result.exit_code == 1
    told = " ".join(result.output.split())
    assert told.startswith("Denied: more shares than may be ordered at once (ORDER_QTY_EXCEEDS_MAX: ")
    assert "Route card" not in told and "XNYS" not in told
    as_json = preview(denied, "--json")
    assert (as_json.exit_code, json.loads(as_json.output)["risk"]) == (1, denied)


def test_a_preview_of_an_order_that_is_accepted_shows_checks_and_card() -> None:
    result = preview({"accepted": True, "denial": "", "checks": CHECKS[:4]})
    assert result.exit_code == 0
    assert result.output.startswith("Not sent. Risk: accepted, 4 checks: known account ACC-INST-001;")
    assert "Route card" in result.output


def what_if(stored: dict[str, Any], changed: dict[str, Any], *without: str) -> str:
    out = io.StringIO()
    answer = {"stored": stored, "again": stored, "changed": changed}
    print_what_if(Console(file=out, width=80), answer, without)
    assert max(len(line) for line in out.getvalue().splitlines()) <= 80
    return out.getvalue()


def test_a_what_if_that_changes_nothing_says_so_and_shows_one_card() -> None:
    for changed in (plan(("XNYS", 100)), plan(("XNYS", 100), decisionUs=7)):
        told = what_if(plan(("XNYS", 100)), changed)
        assert "No difference: " in told
        assert told.count("Route card") == 1 and "–   –" not in told


@pytest.mark.parametrize(
    "changed",
    [
        plan(("XNAS", 100)),
        plan(("XNYS", 90)),
        plan(("XNYS", 100), expectedCost="1.5", expectedQuantity=100, expectedNotional="0", expectedFee="0"),
    ],
)
def test_a_what_if_that_changes_something_shows_both_and_the_difference(changed: dict[str, Any]) -> None:
    told = what_if(plan(("XNYS", 100)), changed)
    assert told.count("Route card") == 2
    assert "No difference" not in told and "as decided" in told


def test_a_venue_that_a_what_if_leaves_out_names_it_as_the_cause_and_keeps_its_fee() -> None:
    avoided = VENUE | {"chosen": False, "reason": "avoided by instruction", "feePerShare": "0"}
    other = {"venueId": "XNAS", "reason": "avoided by instruction"}
    stored = plan(("XNYS", 100), venues=[VENUE, other])
    told = what_if(stored, plan(venues=[avoided, other]), "XNYS")
    second = told[told.index("With the changes") :]
    assert LEFT_OUT in second and "0.0027" in second
    # What the order itself avoids is not put down to the what-if.
    assert second.count("avoided by instruction") == 1


@pytest.fixture(autouse=True)
def _nothing_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_commands, "PATIENT", ONCE)


def test_an_order_whose_answer_was_lost_is_asked_for_again_and_told_as_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()
    answers: list[Any] = [CUT, (503, AWAY), (200, {"orderId": ORDER_ID, "status": "NEW", "created": False})]
    with stand_in({"POST /api/v1/orders": lambda _query, _body: answers.pop(0)}) as api:
        order_words = ["--symbol", "AAPL", "--side", "BUY", "--quantity", "100"]
        result = CliRunner().invoke(cli, ["submit", *order_words], env=dict(api.environment))
    assert json.loads(result.output)["created"] is False
    ids = [body["clientOrderId"] for _, _, body in api.asked]
    assert len(ids) == 3 and len(set(ids)) == 1 and ids[0].startswith("cli-")


def place(answer: Any, *words: str) -> Result:
    with stand_in({"POST /api/v1/orders": answer}) as api:
        order_words = [
            "--symbol",
            "AAPL",
            "--side",
            "BUY",
            "--quantity",
            "100",
            "--client-order-id",
            "mine-1",
        ]
        return CliRunner().invoke(cli, ["submit", *order_words, *words], env=dict(api.environment))


AWAY = {"error": {"code": "UNAVAILABLE", "message": "the database is away"}}


@pytest.mark.parametrize("answer", [(503, AWAY), (500, b"<html>"), (200, b"cut off")])
def test_an_order_of_which_nothing_is_known_is_not_called_refused(answer: Any) -> None:
    waited = place(answer, "--wait", "0")
    assert waited.exit_code == WORKING
    assert waited.stdout == "" and "not known: with --client-order-id mine-1" in waited.stderr
    alone = place(answer)
    assert isinstance(alone.exception, ApiError)
    assert "not known: with --client-order-id mine-1" in str(alone.exception)


@pytest.mark.parametrize("status", [400, 401, 403, 409, 429])
def test_an_order_that_was_refused_is(status: int) -> None:
    for words in ([], ["--wait", "0"]):
        result = place((status, {"error": {"message": "no"}}), *words)
        assert isinstance(result.exception, ApiError)
        assert (result.exit_code, str(result.exception)) == (1, f"no (HTTP {status})")


def test_an_api_that_is_away_while_an_order_is_waited_for_does_not_mean_that_it_failed() -> None:
    answers: list[Any] = [(503, AWAY), (404, AWAY), order("FILLED", 100)]
    with stand_in({PLACE: lambda _query, _body: answers.pop(0)}) as api:
        client = ApiClient(api.url, "t")
        assert await_outcome(client, ORDER_ID, 5.0, pause=lambda _seconds: None).exit_code == DONE
    result, _ = submit((503, AWAY), "--wait", "0")  # type: ignore[arg-type]
    assert result.exit_code == WORKING
    assert result.output.startswith(
        "UNKNOWN  the order was taken, and after 0 s: the database is away (HTTP 503)"
    )
