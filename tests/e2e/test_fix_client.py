"""A FIX client on QuickFIX against the whole stack: from 35=D to the fill, and past the gateway's death."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from oms_tools.laptop.stack import DEMO_FIX_CLIENT, DEMO_FIX_PASSWORD
from tests.e2e.fix_client import FixClient
from tests.stack_rig import StackRig


@pytest.fixture
def client(rig: StackRig, tmp_path: Path) -> Iterator[FixClient]:
    names = DEMO_FIX_CLIENT.comp_id, DEMO_FIX_CLIENT.username
    made = FixClient(rig.layout.port("api_fix"), tmp_path, *names, DEMO_FIX_PASSWORD)
    made.start()
    yield made
    made.stop()


def test_client_trades_cancels_and_loses_nothing_when_the_gateway_is_killed(
    rig: StackRig, client: FixClient, tmp_path: Path
) -> None:
    client.order("fix-market", 100)
    filled = client.wait_for("fix-market", lambda one: one["39"] == "2")
    reports = client.reports("fix-market")
    assert [one["150"] for one in reports][:2] == ["A", "0"]
    fills = [one for one in reports if one["150"] == "F"]
    assert sum(int(one["32"]) for one in fills) == 100
    notional = sum(int(one["32"]) * Decimal(one["31"]) for one in fills)
    assert abs(Decimal(filled["6"]) * 100 - notional) < Decimal("0.001")

    client.order("fix-rests", 100, "150.00")
    client.wait_for("fix-rests", lambda one: one["150"] == "0")
    pid = rig.kill("oms-api")
    client.order("fix-while-down", 100)
    rig.await_ready_again("oms-api", pid)
    client.wait_for_logon()
    client.wait_for("fix-while-down", lambda one: one["39"] == "2")

    client.send("F", "11=fix-cancel|41=fix-rests|55=AAPL|54=1|38=100")
    client.wait_for("fix-cancel", lambda one: one["150"] == "6")
    canceled = client.wait_for("fix-cancel", lambda one: one["150"] == "4")
    assert (canceled["41"], canceled["39"], canceled["151"]) == ("fix-rests", "4", "0")
    client.send("F", "11=fix-late|41=fix-rests|55=AAPL|54=1|38=100")
    late = client.wait_for("fix-late", lambda one: one["35"] == "9")
    assert (late["102"], late["39"]) == ("0", "4")

    numbers = [int(one["34"]) for one in client.received if one.get("43") != "Y"]
    assert numbers == sorted(set(numbers))
    told = [one["17"] for one in client.received if one["35"] == "8" and one["150"] != "I"]
    assert len(told) == len(set(told))
    assert not [one for one in client.received if one["35"] in "3j"]
    orders = rig.client("trader1").get("/api/v1/orders", clientOrderId="fix-while-down")
    assert len(orders["orders"]) == 1
