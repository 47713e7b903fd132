"""The desk page over a network that cuts, delays, loses and reorders: it comes back, and is never untrue.

What "live" promises, and what is held here at every moment: whatever REST had answered STALE_MS ago is in
the rows of a page that says it is live. The page can know no better: it asks each ASK_MS whether anything
is on its way, and a network that has fallen silent looks like one on which nothing happens until an
answer is overdue. Inside that time a row may be behind; it is never behind for longer while the page says
live. So that this is seen in seconds the page's clock runs CLOCK times as fast; how often its timers run,
and how late a busy machine lets them run, is added.
"""

import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser

from oms_client.errors import ApiError
from oms_tools.cli.client import ApiClient
from tests.e2e.orders import far_below, place
from tests.page.bad_network import BadNetwork
from tests.page.desk import Desk, js
from tests.stack_rig import StackRig

# Another seed is another order of what the network does, for other times.
SEED_VARIABLE = "OMS_NETWORK_SEED"
CLOCK = 5
STALE_S = 20.0 / CLOCK
SILENCE_S_MAX = 40.0 / CLOCK
# The page looks at its clock each second, draws ten times a second, is looked at each SAMPLE_MS, and all of
# it may have to wait for a processor.
TICK_S = 1.0
BUSY_S_MAX = 2.0
BEHIND_S_MAX = STALE_S + TICK_S + BUSY_S_MAX
SAMPLE_MS = 50
LOOK_S = 0.2
# As many as are in the document without scrolling.
ORDERS_MAX = 30
BACK_S_MAX = 60.0
COLUMNS = ("sequence", "status", "filled", "leaves", "average")
BENT_CLOCK = f"""
    const begun = Date.now(), real = Date.now;
    Date.now = () => begun + (real() - begun) * {CLOCK};
    window.realNow = () => real() / 1000;
"""
# What the page says and shows, each time that is another: when, how true, and each row's cells.
SAMPLED = f"""
    window.samples = [];
    window.rows = () => Object.fromEntries([...document.querySelectorAll(".slick-row[data-id]")].map(row => [
      row.dataset.id, {js(list(COLUMNS))}.map(column =>
        row.querySelector(`[aria-describedby$="${{column}}"]`)?.textContent ?? null)]));
    setInterval(() => {{
      const truth = document.getElementById("truth")?.dataset.truth;
      if (truth) window.samples.push([window.realNow(), truth, window.rows()]);
    }}, {SAMPLE_MS});
"""
STATUS_WORDS = {
    "NEW": "New",
    "ACKNOWLEDGED": "Working",
    "PARTIALLY_FILLED": "Part filled",
    "FILLED": "Filled",
    "PENDING_CANCEL": "Canceling",
    "PENDING_REPLACE": "Changing",
    "CANCELED": "Canceled",
    "REJECTED": "Rejected",
    "EXPIRED": "Expired",
}


class Flow:
    """Orders that are placed, changed and canceled all the time, and what REST says of them directly."""

    def __init__(self, rig: StackRig, seed: int) -> None:
        self._client = rig.client("trader1")
        # Each thread has its own.
        self._looker = rig.client("trader1")
        self._judge = rig.client("trader1")
        self._chance = random.Random(seed)
        self._price = far_below(self._client)
        self.orders: list[str] = []
        self._open: list[str] = []
        # When an answer of REST was there, and the sequence that it had of each order.
        self.told: list[tuple[float, dict[str, int]]] = []
        self._runs = threading.Event()
        self._rests = threading.Event()
        self._ends = threading.Event()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._act, self._look)]
        self._failed: list[BaseException] = []

    def look(self) -> dict[str, dict[str, Any]]:
        """Return the orders as REST has them now."""
        return self._list(self._judge)

    def _list(self, client: ApiClient) -> dict[str, dict[str, Any]]:
        found = client.get("/api/v1/orders", limit="200")["orders"]
        return {one["orderId"]: one for one in found if one["orderId"] in self.orders}

    @contextmanager
    def running(self) -> Iterator["Flow"]:
        """Run it. Raises what ended it before its time."""
        for thread in self._threads:
            thread.start()
        self._runs.set()
        try:
            yield self
        finally:
            self._ends.set()
            self._runs.set()
            for thread in self._threads:
                thread.join()
        if self._failed:
            raise self._failed[0]

    def rest(self) -> None:
        """Stop after what is being done."""
        self._rests.clear()
        self._runs.clear()
        assert self._rests.wait(30), self._failed

    def go_on(self) -> None:
        """Go on."""
        self._runs.set()

    def _act(self) -> None:
        try:
            while not self._ends.is_set():
                if not self._runs.is_set():
                    self._rests.set()
                    self._runs.wait()
                self._something()
                time.sleep(0.05)
        except BaseException as problem:
            self._failed.append(problem)
            raise
        finally:
            self._rests.set()

    def _something(self) -> None:
        kind = self._chance.choice(("fill", "rest", "change", "change", "cancel"))
        if (kind in ("fill", "rest") and len(self.orders) < ORDERS_MAX) or not self._open:
            self._place(kind)
            return
        order_id, quantity = self._chance.choice(self._open), self._chance.randint(100, 900)
        try:
            if kind == "cancel" and len(self._open) > 2:
                self._open.remove(order_id)
                self._client.delete(f"/api/v1/orders/{order_id}")
            else:
                self._client.request("PATCH", f"/api/v1/orders/{order_id}", body={"quantity": quantity})
        except ApiError:
            # What is asked for while another request is pending is refused; that is an outcome, too.
            return

    def _place(self, kind: str) -> None:
        terms = {} if kind == "fill" else {"orderType": "LIMIT", "limitPrice": self._price}
        order_id = str(place(self._client, quantity=self._chance.randint(100, 900), **terms)["orderId"])
        self.orders.append(order_id)
        if terms:
            self._open.append(order_id)

    def _look(self) -> None:
        while not self._ends.wait(LOOK_S):
            found = self._list(self._looker)
            self.told.append((time.time(), {order_id: one["sequence"] for order_id, one in found.items()}))


def cells(order: dict[str, Any]) -> list[str]:
    """Return an order of REST as the row says it."""
    is_open = order["status"] not in ("FILLED", "CANCELED", "REJECTED", "EXPIRED")
    average = order["avgPx"]
    return [
        str(order["sequence"]),
        STATUS_WORDS[order["status"]],
        f"{order['cumQty']:,}",
        f"{order['leavesQty']:,}" if is_open else "",
        "–" if average is None else f"{float(average):,.4f}",
    ]


def differing(desk: Desk, flow: Flow) -> dict[str, Any]:
    """Return the orders of which the page shows something else than REST says, or nothing."""
    shown = desk.page.evaluate("rows()")
    found = {}
    for order_id, order in flow.look().items():
        row, told = shown.get(order_id), cells(order)
        # REST has the sequence of the last event that changed the row; the page may have heard one since that
        # changed nothing of it, as of a change that was refused. A price has four decimals at most here.
        is_same = row and int(row[0]) >= order["sequence"] and row[1:4] == told[1:4]
        if not is_same or not _same_price(row[4], told[4]):
            found[order_id] = (row, told)
    return found


def _same_price(one: str, other: str) -> bool:
    if "–" in (one, other):
        return one == other
    return abs(float(one.replace(",", "")) - float(other.replace(",", ""))) < 0.000_1


def until_so(desk: Desk, flow: Flow, after: str) -> None:
    """Let nothing happen, and wait until the page says it is live and shows what REST says."""
    flow.rest()
    deadline = time.monotonic() + BACK_S_MAX
    while (desk.truth != "LIVE" or (found := differing(desk, flow))) and time.monotonic() < deadline:
        desk.page.wait_for_timeout(100)
    assert desk.truth == "LIVE", f"after {after}: {desk.page.locator('#truth').inner_text()}"
    assert found == {}, f"after {after}"
    flow.go_on()


def untrue(samples: list[tuple[float, str, dict[str, list[str]]]], flow: Flow) -> list[str]:
    """Return where the page said live, and a row was behind what REST had said BEHIND_S_MAX before."""
    found = []
    told, place_of_told = flow.told, 0
    known: dict[str, int] = {}
    for at, truth, rows in samples:
        while place_of_told < len(told) and told[place_of_told][0] <= at - BEHIND_S_MAX:
            known = told[place_of_told][1]
            place_of_told += 1
        if truth != "LIVE":
            continue
        for order_id, sequence in known.items():
            shown = rows.get(order_id)
            if shown is None or int(shown[0]) < sequence:
                found.append(f"at {at:.2f}: {order_id} is {shown}, REST was at {sequence}")
    return found


def said(desk: Desk, doing: Callable[[], None], *truths: str) -> None:
    """Do something to the network, and wait until the page has said each of these since, however shortly."""
    began = desk.page.evaluate("samples.length")
    doing()
    for truth in truths:
        desk.wait(f"samples.slice({began}).some(([, truth]) => truth === {js(truth)})")


# What the network does, and for how long where that is not by itself.
Fault = Callable[[BadNetwork, Desk, random.Random], None]


def _cut(network: BadNetwork, desk: Desk, _: random.Random) -> None:
    said(desk, network.reset, "CUT")


def _refused(network: BadNetwork, desk: Desk, chance: random.Random) -> None:
    said(desk, network.refuse, "CUT")
    desk.page.wait_for_timeout(chance.uniform(200, 3_000))


def _half_open(network: BadNetwork, desk: Desk, _: random.Random) -> None:
    said(desk, network.halve, "STALE", "CUT")


def _silent(network: BadNetwork, desk: Desk, chance: random.Random) -> None:
    said(desk, network.silence, "STALE")
    # It may speak again before it is given up, and after it.
    desk.page.wait_for_timeout(1_000 * chance.uniform(0, SILENCE_S_MAX))


def _late(network: BadNetwork, desk: Desk, chance: random.Random) -> None:
    # Everything comes, long after it was sent: that something is heard says nothing of what is so.
    late_s = chance.uniform(1.2, 1.8) * STALE_S
    said(desk, lambda: network.delay("told", least_s=late_s, most_s=late_s + 0.3), "STALE")
    desk.page.wait_for_timeout(1_000 * (late_s + BUSY_S_MAX))


def _jitter(network: BadNetwork, desk: Desk, chance: random.Random) -> None:
    network.delay("request", "answer", "said", "told", least_s=0.0, most_s=0.4)
    desk.page.wait_for_timeout(chance.uniform(2_000, 4_000))


def _lost(network: BadNetwork, desk: Desk, _: random.Random) -> None:
    said(desk, lambda: network.bend("lose"), "CUT")


def _swapped(network: BadNetwork, desk: Desk, _: random.Random) -> None:
    said(desk, lambda: network.bend("swap"), "CUT")


def _list_behind_the_stream(network: BadNetwork, desk: Desk, chance: random.Random) -> None:
    network.delay("answer", least_s=0.8, most_s=1.2 + chance.random())
    said(desk, network.reset, "CATCHING_UP", "LIVE")


def _stream_behind_the_list(network: BadNetwork, desk: Desk, chance: random.Random) -> None:
    network.delay("told", least_s=0.8, most_s=1.2 + chance.random())
    said(desk, network.reset, "CATCHING_UP", "LIVE")


FAULTS: tuple[Fault, ...] = (
    _cut,
    _refused,
    _half_open,
    _silent,
    _late,
    _jitter,
    _lost,
    _swapped,
    _list_behind_the_stream,
    _stream_behind_the_list,
)


@pytest.mark.timeout(600)
def test_over_a_bad_network_what_is_called_live_is_so(rig: StackRig, chrome: Browser) -> None:
    seed = int(os.environ.get(SEED_VARIABLE, "1"))
    client = rig.client("trader1")
    subject = client.get("/api/v1/me")["subject"]
    chance = random.Random(seed)
    faults = chance.sample(FAULTS, len(FAULTS))
    print(f"seed {seed}: {[fault.__name__ for fault in faults]}")
    context = chrome.new_context(viewport={"width": 1920, "height": 1080})
    with BadNetwork(rig.layout.port("api_http"), seed) as network, Flow(rig, seed).running() as flow:
        desk = Desk(context.new_page(), rig)
        desk.url = network.url
        layout = {"hidden": [], "sort": {"column": "time", "ascending": False}}
        kept = f"localStorage.setItem('oms-columns:{subject}:orders', {js(js(layout))});"
        desk.use_token(client.token, BENT_CLOCK + SAMPLED + kept)
        until_so(desk, flow, "the beginning")
        for fault in faults:
            fault(network, desk, chance)
            network.mend()
            until_so(desk, flow, fault.__name__)
        samples = desk.page.evaluate("samples")
        context.close()
    assert len(flow.orders) > 5
    assert {truth for _, truth, _ in samples} >= {"LIVE", "STALE", "CUT", "CATCHING_UP"}
    assert untrue(samples, flow) == []
    assert [one for one in desk.complaints if one.startswith("thrown")] == []
