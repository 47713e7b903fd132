"""The Python client and the examples that stand on it, on the running stack."""

import asyncio
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from oms_client import AsyncClient, Client, NotFoundError, OrderEvent, Snapshot, uuid7
from oms_platform.vocabulary import OrderStatus
from tests.patience import EVENTUALLY_S
from tests.stack_rig import StackRig

EXAMPLES = Path(__file__).parents[2] / "examples"
README = (EXAMPLES.parent / "oms_client" / "README.md").read_text()
NOTEBOOK = json.loads((EXAMPLES / "tca_notebook.ipynb").read_text())
# Of trader1; what `oms bench` sends on this stack may be for them, too.
QUOTING_ACCOUNT, TRADING_ACCOUNT = "ACC-HF-001", "ACC-HF-002"


@pytest.fixture
def client(rig: StackRig) -> Iterator[Client]:
    with Client(rig.layout.api_url, lambda: rig.client("desk").token) as client:
        yield client


def test_every_order_is_told_once_and_in_order_from_its_snapshot_to_its_fill(client: Client) -> None:
    with client.stream([TRADING_ACCOUNT]) as stream:
        assert isinstance(next(stream), Snapshot)
        placed = client.place(account=TRADING_ACCOUNT, symbol="AAPL", side="BUY", quantity=100)
        told: list[OrderEvent] = []
        for item in stream:
            if isinstance(item, OrderEvent) and item.order_id == placed.order_id:
                told.append(item)
                if item.status == "FILLED":
                    break
    assert [event.sequence for event in told] == list(range(2, told[-1].sequence + 1))
    assert told[-1].cum_qty == 100 and told[-1].last_px is not None
    order = client.order(placed.order_id)
    assert (order.status, order.avg_px) == ("FILLED", told[-1].avg_px)
    # Told again from before it, by the other kind of client.
    position = stream.position
    sequence = position.sequences[TRADING_ACCOUNT] - len(told)
    before = type(position)(epoch=position.epoch, sequences={TRADING_ACCOUNT: sequence})

    async def again() -> list[Any]:
        async with (
            AsyncClient(client.url, client._tokens.current()) as other,
            other.stream([TRADING_ACCOUNT], resume=before) as resumed,
        ):
            return [await anext(resumed) for _ in told]

    assert asyncio.run(again())[-1] == told[-1]


def test_every_answer_of_a_running_gateway_is_read(client: Client) -> None:
    own_id = f"e2e-{uuid7()}"
    order: dict[str, Any] = {"account": TRADING_ACCOUNT, "symbol": "MSFT", "side": "BUY", "quantity": 100}
    placed = client.place(**order, client_order_id=own_id)
    assert (placed.created, client.place(**order, client_order_id=own_id).created) == (True, False)
    with client.stream([TRADING_ACCOUNT], snapshot=True) as stream:
        while not client.order(placed.order_id).closed:
            next(stream)
    (found,) = client.orders(account=TRADING_ACCOUNT, client_order_id=own_id)
    assert found.order_id == placed.order_id
    assert client.order_events(found.order_id).events[0].event_type == "OrderReceived"
    assert sum(one.last_qty for one in client.order_executions(found.order_id).executions) == 100
    assert client.order_routes(found.order_id).routes[0].children
    assert client.preview(**order).risk.accepted
    assert client.what_if(found.order_id, without=["EDGX"]).stored
    assert client.route_inputs(found.order_id).book
    assert client.scorecards().venues and client.profiles().profiles
    assert client.me().accounts == ["*"]
    assert client.account(TRADING_ACCOUNT) in client.accounts().accounts
    assert "MSFT" in {one.symbol for one in client.positions(TRADING_ACCOUNT).positions}
    assert client.instrument("MSFT") in client.instruments().instruments
    assert client.venues().venues and client.book("MSFT").venues
    assert [one.symbol for one in client.quotes(["MSFT", "AAPL"]).quotes] == ["MSFT", "AAPL"]
    client.account_routing(TRADING_ACCOUNT)
    client.exceptions(status="OPEN")
    client.kill_switches()
    client.reconciliations()
    with pytest.raises(NotFoundError):
        client.order(uuid7())


def quoting_loop(rig: StackRig, seconds: float) -> subprocess.Popen[str]:
    """Start the quoting loop."""
    options = ["--account", QUOTING_ACCOUNT, "--symbol", "NVDA", "--width", "0", "--seconds", str(seconds)]
    return subprocess.Popen(
        [sys.executable, str(EXAMPLES / "quoting_loop.py"), *options],
        env=os.environ | {"OMS_URL": rig.layout.api_url, "OMS_TOKEN": rig.client("trader1").token},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize("stopped", [False, True], ids=["ends by itself", "is stopped"])
def test_the_quoting_loop_quotes_both_sides_and_leaves_no_order(
    rig: StackRig, client: Client, stopped: bool
) -> None:
    before = {order.order_id for order in client.orders(account=QUOTING_ACCOUNT)}
    process = quoting_loop(rig, 60.0 if stopped else 4.0)
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if stopped and len(said) == 4:
            process.send_signal(signal.SIGTERM)
    assert process.wait(EVENTUALLY_S) == 0, "".join(said)
    assert any(line.startswith("quoted BUY 100 at ") for line in said)
    assert any(line.startswith("quoted SELL 100 at ") for line in said)
    own = [one for one in client.orders(account=QUOTING_ACCOUNT) if one.order_id not in before]
    assert all(one.closed for one in own)
    filled = sum(one.cum_qty for one in own)
    position = sum(one.cum_qty if one.side == "BUY" else -one.cum_qty for one in own)
    assert said[-1] == f"placed {len(own)} orders, {filled} shares filled, position {position}\n"


def test_the_notebook_counts_what_was_filled(
    rig: StackRig, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    own: set[UUID] = set()
    for number in range(6):
        order: dict[str, Any] = {"account": TRADING_ACCOUNT, "symbol": "AAPL", "quantity": 100 + number}
        placed = client.place(**order, side="BUY" if number % 2 else "SELL")
        own.add(placed.order_id)
        with client.stream([TRADING_ACCOUNT]) as stream:
            while not client.order(placed.order_id).closed:
                next(stream)
    for name, value in {
        "MPLBACKEND": "Agg",
        "OMS_URL": client.url,
        "OMS_TOKEN": rig.client("trader1").token,
        "OMS_ACCOUNT": TRADING_ACCOUNT,
    }.items():
        monkeypatch.setenv(name, value)
    found: dict[str, Any] = {"__name__": "__main__"}
    with redirect_stdout(io.StringIO()) as said:
        for cell in NOTEBOOK["cells"]:
            if cell["cell_type"] == "code":
                exec(compile("".join(cell["source"]), "tca_notebook.ipynb", "exec"), found)
    found["plt"].close("all")
    shares_of: Counter[UUID] = Counter()
    for fill in found["fills"]:
        shares_of[UUID(fill.order_id)] += fill.shares
    # Orders of other tests may trade on while this reads, or hold trades that a person booked.
    orders = {one.order_id: one for one in client.orders(account=TRADING_ACCOUNT)}
    assert {one: shares_of[one] for one in own} == {one: orders[one].cum_qty for one in own}
    assert sum(shares_of[one] for one in own) > 0
    assert all(shares <= orders[one].cum_qty for one, shares in shares_of.items())
    for measure, rows in found["table"].items():
        for key, row in rows.items():
            measured = [fill for fill in found["groups"][key] if getattr(fill, measure) is not None]
            mean = sum(getattr(fill, measure) * fill.shares for fill in measured) / row.shares
            assert row.mean == pytest.approx(mean)
            assert row.orders < found["N_MIN"] or row.low <= row.mean <= row.high
    assert "95 % interval" in said.getvalue()


def test_the_example_of_the_readme_runs(
    rig: StackRig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (first, *_) = re.findall(r"^```python\n(.*?)^```", README, re.M | re.S)
    monkeypatch.setenv("OMS_TOKEN", rig.client("trader1").token)
    exec(first.replace("http://127.0.0.1:8080", rig.layout.api_url), {})
    assert capsys.readouterr().out.strip() in {status.name for status in OrderStatus}


def test_the_quoting_loop_says_in_a_line_what_it_cannot_do() -> None:
    environment = os.environ | {"OMS_URL": "http://127.0.0.1:1", "OMS_TOKEN": "t"}
    script = [sys.executable, str(EXAMPLES / "quoting_loop.py")]
    ended = subprocess.run(script, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("error: no answer from ") and ended.stderr.count("\n") == 1


def test_the_notebook_is_stored_without_outputs() -> None:
    assert all(not cell.get("outputs") and not cell.get("execution_count") for cell in NOTEBOOK["cells"])
