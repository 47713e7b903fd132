"""`oms basket` against an API that stands in: nothing of a bad file is sent, a list is watched to its end."""

import json
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from oms_client import answers
from oms_client.stream_session import OrderEvent, Resync, Snapshot, StreamItem
from oms_tools.cli import basket_commands
from oms_tools.cli.basket_commands import BAD_FILE, follow
from oms_tools.cli.basket_watch import BasketBook
from oms_tools.cli.client import ONCE, URL_VARIABLE, ApiError
from oms_tools.cli.main import cli
from tests.stand_in_api import CUT, StandIn, stand_in

BATCH = "POST /api/v1/orders/batch"
TEXT = "symbol,side,quantity,limitPrice\nAAPL,BUY,100,230.00\nMSFT,SELL,50,\n"
NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)
ACCOUNT = "ACC-INST-001"


def order_id(number: int) -> UUID:
    return UUID(int=number + 1)


def placed(number: int, created: bool = True) -> dict[str, Any]:
    return {
        "orderId": str(order_id(number)), "clientOrderId": f"c{number}", "status": "NEW", "created": created,
        "message": "order received", "timestamp": NOW.isoformat(),
    }  # fmt: skip


def taken(_query: Any, body: Any) -> dict[str, Any]:
    """Answer a list as the API does when nothing is wrong."""
    return {
        "orders": [
            {
                "status": 201,
                "placed": None if body["checkOnly"] else placed(number),
                "problem": None,
                "risk": {"accepted": True, "denial": "", "checks": []} if body["checkOnly"] else None,
            }
            for number in range(len(body["orders"]))
        ]
    }


def refusing(*fields: tuple[str, str], status: int = 400, code: str = "INVALID_REQUEST") -> Any:
    named = [{"field": field, "message": message} for field, message in fields]
    body = {"code": code, "detail": "1 of 2 orders is refused, and none was placed", "fields": named}
    return status, body


def basket(
    tmp_path: Path, answer: Any, *words: str, text: str | bytes = TEXT, file: str = "my list.csv"
) -> tuple[Result, StandIn]:
    (tmp_path / file).write_bytes(text.encode() if isinstance(text, str) else text)
    with stand_in({BATCH: answer}) as api:
        command = ["basket", str(tmp_path / file), *words]
        return CliRunner().invoke(cli, command, env=dict(api.environment)), api


def sent(api: StandIn) -> list[Any]:
    return [body for place, _, body in api.asked if place == BATCH]


def test_a_list_is_sent_once_whole_and_the_same_file_again_is_the_same_orders(tmp_path: Path) -> None:
    result, api = basket(tmp_path, taken)
    again, api_again = basket(tmp_path, taken)
    assert result.output == again.output == "2 orders sent as basket my list\n"
    (body,) = sent(api)
    assert sent(api_again) == [body]
    assert (body["allOrNothing"], body["checkOnly"]) == (True, False)
    assert body["orders"][1] == {
        "clientOrderId": "my list-3", "accountId": ACCOUNT, "orderType": "MARKET", "timeInForce": "DAY",
        "symbol": "MSFT", "side": "SELL", "quantity": 50, "basketId": "my list",
    }  # fmt: skip


def test_options_are_of_orders_that_say_nothing_and_json_names_each_order(tmp_path: Path) -> None:
    options = ("--name", "n", "--account", "B", "--tif", "ioc", "--json")
    result, api = basket(tmp_path, taken, *options, text='[{"timeInForce":"GTC"},{}]', file="l.json")
    told = [(one["clientOrderId"], one["accountId"], one["timeInForce"]) for one in sent(api)[0]["orders"]]
    assert told == [("n-0", "B", "GTC"), ("n-1", "B", "IOC")]
    found = json.loads(result.stdout)
    assert found["basketId"] == "n"
    assert [(one["where"], one["orderId"]) for one in found["orders"]] == [
        ("[0]", str(order_id(0))), ("[1]", str(order_id(1))),
    ]  # fmt: skip


def test_what_the_api_refuses_is_told_by_line_and_field(tmp_path: Path) -> None:
    fields = [
        ("orders[0].symbol", "unknown symbol"),
        ("orders[1].limitPrice", "is required"),
        ("", "and 3 more"),
    ]
    for answer in (refusing(*fields), refusing(*fields, status=409, code="DUPLICATE_ORDER_ID")):
        result, api = basket(tmp_path, answer)
        assert result.exit_code == BAD_FILE
        assert result.stderr.splitlines() == [
            "my list.csv: line 2: symbol: unknown symbol", "my list.csv: line 3: limitPrice: is required",
            "my list.csv: and 3 more", "3 problems: nothing was sent",
        ]  # fmt: skip
        assert len(sent(api)) == 1 and result.stdout == ""


def test_a_file_that_is_wrong_is_not_sent_and_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    text = "symbol,side,quantity,capasity\nAAPL,BUY,0,red\nMSFT,SELL,1,,5\nMSFT,SELL,-1,\n"
    fields = [("orders[0].quantity", "too few"), ("orders[1].quantity", "too few")]
    result, api = basket(tmp_path, refusing(*fields), text=text)
    assert (result.exit_code, result.stdout) == (BAD_FILE, "")
    assert result.stderr.splitlines() == [
        "my list.csv: line 1: capasity: is not a field of an order; the nearest is capacity",
        "my list.csv: line 3: must have 4 cells as the first line has, was 5",
        "my list.csv: line 2: quantity: too few", "my list.csv: line 4: quantity: too few",
        "4 problems: nothing was sent",
    ]  # fmt: skip
    assert [(body["checkOnly"], len(body["orders"])) for body in sent(api)] == [(True, 2)]


@pytest.mark.parametrize("answer", [(503, {"error": {"code": "UNAVAILABLE", "message": "away"}}), CUT])
def test_a_file_that_is_wrong_is_told_also_where_no_api_can_be_asked(tmp_path: Path, answer: Any) -> None:
    result, _ = basket(tmp_path, answer, text="symbol,side,quantity\nA,BUY,1,2\n")
    assert (result.exit_code, len(result.stderr.splitlines())) == (BAD_FILE, 2)
    (tmp_path / "none.json").write_text("[]")
    alone = CliRunner().invoke(
        cli, ["basket", str(tmp_path / "none.json"), "--data", str(tmp_path)], env={URL_VARIABLE: ""}
    )
    assert (alone.exit_code, alone.stderr.splitlines()[0]) == (
        BAD_FILE, "none.json: must be 1 to 500 orders, was none",
    )  # fmt: skip


def test_a_check_sends_nothing(tmp_path: Path) -> None:
    result, api = basket(tmp_path, taken, "--check")
    assert result.output == "2 orders of 2 would be taken; nothing was sent\n"
    assert [body["checkOnly"] for body in sent(api)] == [True]
    as_json, _ = basket(tmp_path, taken, "--check", "--json")
    assert json.loads(as_json.stdout) == {"basketId": "my list", "checked": 2, "denied": [], "orders": []}


def test_a_check_says_what_risk_would_deny_and_what_could_not_be_asked(tmp_path: Path) -> None:
    def denying(query: Any, body: Any) -> dict[str, Any]:
        answer = taken(query, body)
        answer["orders"][1]["risk"] = {
            "accepted": False, "denial": "ORDER_QTY_EXCEEDS_MAX: quantity=200, limit=100", "checks": [],
        }  # fmt: skip
        answer["orders"][0]["risk"] = None
        return answer

    result, _ = basket(tmp_path, denying, "--check")
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert lines[0].strip().startswith("line 3: would be denied: ")
    assert lines[-2:] == [
        "1 order: sent before, or core cannot be asked", "1 order of 2 would be taken; nothing was sent",
    ]  # fmt: skip
    as_json, _ = basket(tmp_path, denying, "--check", "--json")
    assert [one["denial"][:21] for one in json.loads(as_json.stdout)["denied"]] == ["ORDER_QTY_EXCEEDS_MAX"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((429, {"error": {"code": "RATE_LIMITED", "message": "slower"}}), "slower"),
        (refusing(("X-OMS-Channel", "is bad")), "X-OMS-Channel: is bad"),
        ((403, {"error": {"code": "FORBIDDEN", "message": "no right"}}), "no right"),
    ],
)
def test_a_refusal_that_is_of_no_line_is_an_error_of_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Any, said: str
) -> None:
    monkeypatch.setattr("oms_tools.cli.basket_commands.PATIENT", ONCE)
    result, _ = basket(tmp_path, answer)
    assert result.exit_code == 1
    assert isinstance(result.exception, ApiError) and said in str(result.exception)
    assert "not known" not in str(result.exception)


def test_a_list_of_which_no_answer_came_may_have_been_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oms_tools.cli.basket_commands.PATIENT", ONCE)
    result, _ = basket(tmp_path, CUT)
    assert result.exit_code == 1
    assert "not known: the same command again sends it once" in str(result.exception)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere.csv"], "No such file"), (["folder.csv"], "Is a directory"),
        (["list.txt"], "ends in .csv or .json"),
        (["list.csv", "--name", ""], "must be 1 to 56 printable"), (["ü.csv"], "printable ASCII"),
        (["list.csv", "--check", "--watch"], "found both"), (["a\x01.csv"], "printable"),
    ],
)  # fmt: skip
def test_what_is_no_file_of_a_list_is_named(tmp_path: Path, words: list[str], said: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    for name in ("list.csv", "list.txt", "ü.csv"):
        (tmp_path / name).write_text(TEXT)
    result = CliRunner().invoke(cli, ["basket", str(tmp_path / words[0]), *words[1:]])
    assert result.exit_code == BAD_FILE
    assert said in " ".join(result.stderr.split())


# ---- how it goes on


def standing(number: int, sequence: int, status: str, cum_qty: int = 0) -> answers.Order:
    return msgspec.convert(
        {
            "orderId": order_id(number), "accountId": ACCOUNT, "channel": "CLI", "clientOrderId": "c",
            "symbol": "AAPL", "side": "BUY", "orderType": "MARKET", "timeInForce": "DAY", "quantity": 100,
            "expireAt": None, "limitPrice": None, "stopPrice": None,
            "status": status, "closed": status == "FILLED",
            "cumQty": cum_qty, "leavesQty": 100 - cum_qty, "filledNotional": Decimal(2 * cum_qty), "text": "",
            "sequence": sequence, "createdAt": NOW, "updatedAt": NOW, "avgPx": None, "minQuantity": None,
            "routing": None, "algo": None, "peg": None,
            "basketId": "list", "principal": "t", "capacity": "AGENCY",
            "displayQty": None, "postOnly": False, "locateId": None, "tags": None,
        },
        answers.Order,
    )  # fmt: skip


def happened(number: int, sequence: int, status: str, cum_qty: int = 0) -> OrderEvent:
    return OrderEvent(
        event_id=UUID(int=sequence), order_id=order_id(number), account_id=ACCOUNT, client_order_id="c",
        sequence=sequence, stream_sequence=1, type="TradeApplied", status=f"ORDER_STATUS_{status}",
        symbol="AAPL", side="SIDE_BUY", quantity=100, occurred_at=NOW, cum_qty=cum_qty, avg_px=Decimal(2),
    )  # fmt: skip


class StandInStreamClient:
    """A client whose stream says what a test tells it to. listed: what each list of the orders finds."""

    def __init__(self, items: Sequence[StreamItem], *listed: list[answers.Order]) -> None:
        self.items = list(items)
        self.listed = list(listed)
        self.asked: list[dict[str, Any]] = []
        # As the newest read of one finds it.
        self.single: dict[UUID, answers.Order] = {}

    def stream(self, _accounts: Sequence[str], **_given: Any) -> "StandInStreamClient":
        return self

    def __enter__(self) -> Iterator[StreamItem]:
        return iter(self.items)

    def __exit__(self, *_error: object) -> None:
        pass

    def orders(self, **asked: Any) -> list[Any]:
        self.asked.append(asked)
        return [msgspec.to_builtins(order) for order in self.listed.pop(0)]

    def order(self, one: UUID) -> Any:
        return msgspec.to_builtins(self.single[one])


def snapshot(*orders: answers.Order) -> Snapshot:
    return Snapshot(account_id=ACCOUNT, stream_sequence=5, epoch="e", orders=list(orders))


def followed(client: StandInStreamClient, capsys: pytest.CaptureFixture[str], *, as_json: bool) -> list[str]:
    given: Any = client
    own = [msgspec.convert(placed(number), answers.Placed) for number in range(2)]
    follow(given, "list", [ACCOUNT], own, as_json=as_json)
    return capsys.readouterr().out.splitlines()


def test_a_list_is_told_by_its_changes_and_ends_with_how_it_stands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = happened(7, 9, "FILLED", 100)
    items: list[StreamItem] = [
        snapshot(standing(0, 1, "ACKNOWLEDGED"), standing(9, 1, "NEW")), other,
        happened(0, 2, "PARTIALLY_FILLED", 40), happened(0, 3, "PARTIALLY_FILLED", 60),
        happened(0, 1, "ACKNOWLEDGED"), happened(0, 4, "FILLED", 100), other,
    ]  # fmt: skip
    client = StandInStreamClient(items, [standing(1, 6, "FILLED", 100)])
    assert followed(client, capsys, as_json=False) == [
        "2 orders sent as basket list",
        "15:00:00  100/200 shares  1 ACKNOWLEDGED, 1 FILLED",
        "15:00:00  140/200 shares  1 FILLED, 1 PARTIALLY_FILLED",
        "15:00:00  200/200 shares  2 FILLED",
        "symbol side orders over done  of average price notional status",
        "AAPL   BUY       2    2  200 200          2.00   400.00 2 FILLED",
        "all              2    2  200 200             –   400.00 2 FILLED",
    ]
    assert client.asked == [{"account": ACCOUNT, "basket_id": "list"}]


def test_an_order_that_was_over_before_the_list_knows_it_is_read_by_itself(
    capsys: pytest.CaptureFixture[str],
) -> None:
    client = StandInStreamClient([snapshot()], [standing(0, 1, "NEW")])
    client.single = {order_id(number): standing(number, 3, "FILLED", 100) for number in range(2)}
    lines = followed(client, capsys, as_json=True)
    assert json.loads(lines[-1])["statuses"] == {"FILLED": 2}


def test_on_a_terminal_a_list_is_a_table_that_moves(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(basket_commands, "console", Console(force_terminal=True, width=100, height=12))
    both = [standing(0, 1, "ACKNOWLEDGED"), standing(1, 1, "ACKNOWLEDGED")]
    items: list[StreamItem] = [snapshot(*both), happened(0, 2, "FILLED", 100), happened(1, 2, "FILLED", 100)]
    lines = followed(StandInStreamClient(items, []), capsys, as_json=False)
    assert lines[0] == "2 orders sent as basket list"
    assert "\x1b[" in "".join(lines[1:-3]) and not any(line.startswith("15:00:00") for line in lines)
    assert lines[-1].split()[:5] == ["all", "2", "2", "200", "200"]


def test_ctrl_c_ends_a_watch_with_how_the_list_stands(capsys: pytest.CaptureFixture[str]) -> None:
    client = StandInStreamClient([snapshot(standing(0, 1, "ACKNOWLEDGED"), standing(1, 1, "NEW"))], [])

    class Interrupted(StandInStreamClient):
        def __enter__(self) -> Iterator[StreamItem]:
            yield from self.items
            raise KeyboardInterrupt

    lines = followed(Interrupted(client.items, []), capsys, as_json=False)
    assert lines[-1].split()[:5] == ["all", "2", "0", "0", "200"]


def test_after_a_restore_a_list_is_what_the_snapshot_says(capsys: pytest.CaptureFixture[str]) -> None:
    items: list[StreamItem] = [
        snapshot(standing(0, 8, "PARTIALLY_FILLED", 50), standing(1, 8, "ACKNOWLEDGED")),
        Resync(accounts=[ACCOUNT], epoch="f"),
        snapshot(standing(0, 2, "ACKNOWLEDGED"), standing(1, 2, "ACKNOWLEDGED")),
        happened(0, 3, "CANCELED"), happened(1, 3, "REJECTED"), happened(1, 4, "FILLED"),
    ]  # fmt: skip
    lines = [json.loads(line) for line in followed(StandInStreamClient(items, [], []), capsys, as_json=True)]
    assert [line["statuses"] for line in lines] == [
        {"ACKNOWLEDGED": 1, "PARTIALLY_FILLED": 1}, {"ACKNOWLEDGED": 2}, {"ACKNOWLEDGED": 1, "CANCELED": 1},
        {"CANCELED": 1, "REJECTED": 1},
    ]  # fmt: skip
    assert [(line["done"], line["over"]) for line in lines] == [
        (50, False),
        (0, False),
        (0, False),
        (0, True),
    ]


@given(seed=st.integers(0, 10**6))
def test_in_whatever_order_and_however_often_it_is_told_a_list_stands_the_same(seed: int) -> None:
    chance = random.Random(seed)
    steps = [
        (number, sequence, "FILLED" if sequence == 4 else "PARTIALLY_FILLED", sequence * 25)
        for number in range(3) for sequence in range(1, 5)
    ]  # fmt: skip
    told = [*steps, *chance.choices(steps, k=5)]
    chance.shuffle(told)
    book = BasketBook(map(order_id, range(3)))
    for step in told:
        assert not book.is_over or book.done == (300, 300)
        if chance.random() < 0.5:
            book.stands(standing(*step))
        else:
            book.happened(happened(*step))
    assert book.is_over and book.done == (300, 300) and book.notional == 600


def test_a_table_of_many_symbols_says_what_it_leaves_out() -> None:
    book = BasketBook(map(order_id, range(5)))
    for number in range(5):
        book.stands(msgspec.structs.replace(standing(number, 1, "NEW"), symbol=f"S{number}"))
    assert [line.split()[0] for line in book.table(3)] == ["symbol", "S0", "S1", "S2", "and", "all"]
    assert book.table(3)[-2] == "and 2 lines more"
    assert len(book.table(5)) == 7
