"""`oms basket` on a running stack: a bad line keeps a list out, it is stored once, and watched to its end."""

import json
import subprocess
import uuid
from pathlib import Path
from typing import Any

from tests.e2e.orders import far_below
from tests.stack_rig import StackRig

EXAMPLE = Path("examples/basket.csv")


def stored(rig: StackRig, name: str) -> list[dict[str, Any]]:
    told = rig.oms("orders", "--basket", name, "--json")
    assert told.returncode == 0, told.stderr
    found: list[dict[str, Any]] = json.loads(told.stdout)["orders"]
    return found


def test_a_list_with_a_bad_line_is_stored_only_when_it_is_mended_and_only_once(
    rig: StackRig, tmp_path: Path
) -> None:
    name, file = f"list-{uuid.uuid4().hex[:8]}", tmp_path / "list.csv"
    good = EXAMPLE.read_text()
    file.write_text(good.replace("AMZN,BUY,200", "NOPE,BUY,0"))
    command = ("basket", str(file), "--name", name)
    for check in (("--check",), ()):
        refused = rig.oms(*command, *check)
        assert refused.returncode == 2
        assert [line.split(": ")[:3] for line in refused.stderr.splitlines()[:-1]] == [
            ["list.csv", "line 4", "symbol"], ["list.csv", "line 4", "quantity"],
        ]  # fmt: skip
    assert stored(rig, name) == []
    file.write_text(good)
    assert rig.oms(*command, "--check").stdout == "4 orders of 4 would be taken; nothing was sent\n"
    assert stored(rig, name) == []
    assert rig.oms(*command).stdout == f"4 orders sent as basket {name}\n"
    watched = rig.oms(*command, "--watch", timeout_s=60)
    first, *_, last = watched.stdout.splitlines()
    assert (watched.returncode, first) == (0, f"4 orders sent as basket {name}, 4 of them before")
    assert last.split()[:3] == ["all", "4", "4"]
    orders = {order["symbol"]: order for order in stored(rig, name)}
    assert last.split()[3] == str(sum(order["cumQty"] for order in orders.values()))
    assert [orders[symbol]["status"] for symbol in ("MSFT", "AMZN")] == ["FILLED"] * 2
    assert all(order["closed"] for order in orders.values()) and len(orders) == 4
    file.write_text(good.replace("MSFT,BUY,50", "MSFT,BUY,51"))
    other = rig.oms(*command)
    assert (other.returncode, other.stderr.split(": ")[1:3]) == (2, ["line 3", "clientOrderId"])
    assert len(stored(rig, name)) == 4


def test_a_list_is_watched_over_a_restart_of_the_gateway_until_it_is_canceled(
    rig: StackRig, tmp_path: Path
) -> None:
    name, file = f"list-{uuid.uuid4().hex[:8]}", tmp_path / "list.json"
    order = {"symbol": "TSLA", "side": "BUY", "quantity": 10}
    low = far_below(rig.client(), symbol="TSLA")
    file.write_text(json.dumps([order | {"limitPrice": low}] * 3))
    command = rig.command("basket", str(file), "--name", name, "--watch", "--json")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        try:
            assert json.loads(watching.stdout.readline())["quantity"] == 30
            rig.await_ready_again("oms-api", rig.kill("oms-api"))
            canceled = rig.oms("cancel-all", "--basket", name, "--json")
            assert len(json.loads(canceled.stdout)["orders"]) == 3, canceled.stderr
            lines = [json.loads(line) for line in watching.stdout]
            assert watching.wait(60) == 0
        finally:
            watching.kill()
    assert (lines[-1]["statuses"], lines[-1]["over"]) == ({"CANCELED": 3}, True)
