"""The stack trades with venues of QuickFIX/J that drop, reset and skip; in the end the books are equal."""

import itertools
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from oms_platform.schema.demo_data import VENUES
from oms_tools.bench.order_mix import OrderMix, PlannedOrder
from oms_tools.cli.client import ApiClient, ApiError
from oms_tools.laptop.layout import PORTS, Layout
from oms_tools.laptop.parts import wait_until
from tests.conftest import database_folder
from tests.ports import free_ports
from tests.quickfixj.books import (
    DIFFERENCES_SHOWN_MAX,
    Books,
    differences,
    exceptions_of,
    lines_of,
    platform_books,
    venue_books,
)
from tests.quickfixj.programs import JavaProgram
from tests.quickfixj.size import ORDERS, SEED
from tests.stack_rig import StackRig, broken

RATE: Final = 60.0
CLIENTS: Final = 4
CANCEL_SHARE: Final = 0.3
CANCEL_AFTER_S_MAX: Final = 0.3
DISTURB_EVERY_S: Final = 0.4
DISTURBANCES: Final = ("drop", "reset", "jump", "skip", "forget", "ask")
ADAPTER_DIES_AT: Final = (0.35, 0.7)
DONE: Final = frozenset((*DISTURBANCES, "adapter killed"))
SETTLE_S_MAX: Final = 60.0
LOOK_S: Final = 0.5
VENUE_IDS: Final = [venue[0] for venue in VENUES]
pytestmark = pytest.mark.timeout(SETTLE_S_MAX * 3 + ORDERS / RATE * 4)


@dataclass(slots=True)
class Day:
    """A stack and venues of QuickFIX/J, and what was done to them."""

    rig: StackRig
    venue: JavaProgram
    journal: Path
    done: Counter[str]

    def books(self) -> tuple[Books, Books]:
        """Return the venue's books and the platform's."""
        ours, accounts = platform_books(self.rig)
        return venue_books(lines_of(self.journal), accounts), ours


@pytest.fixture(scope="module")
def day() -> Iterator[Day]:
    """A stack that trades with venues of QuickFIX/J."""
    first = free_ports(len(PORTS) + 1)
    with ExitStack() as parts:
        folder = parts.enter_context(database_folder())
        port, journal = first + len(PORTS), folder / "venue.jsonl"
        arguments = [str(port), ",".join(VENUE_IDS), "OMS", str(journal), str(SEED)]
        venue = JavaProgram("Venue", arguments, folder / "venue.log")
        parts.callback(venue.end)
        assert venue.answer() == "listening"
        rig = StackRig(
            layout=Layout(data=folder / "stack", base_port=first), kafka="memory", venues=f"127.0.0.1:{port}"
        )
        rig.up()
        parts.callback(rig.down)
        speak_plain_fix_44(rig, folder / "settings.json")
        yield Day(rig, venue, journal, Counter())


def speak_plain_fix_44(rig: StackRig, file: Path) -> None:
    """Tell the adapter that the venues have FIX 4.4's own values of ExecInst (18) only."""
    for venue_id in VENUE_IDS:
        settings = json.loads(rig.oms("fix", "settings", venue_id).stdout)
        settings["capabilities"] = {"intermarket_sweeps": False}
        file.write_text(json.dumps(settings))
        rig.oms("fix", "settings", venue_id, "--set", str(file), "--reason", "its dictionary is FIX 4.4's")

    def all_up() -> bool:
        return all(one["up"] for one in json.loads(rig.oms("fix", "sessions", "--json").stdout))

    wait_until(all_up, "every session", SETTLE_S_MAX)


class Trader:
    """Sends orders at a rate and cancels some of them a little later, over REST."""

    def __init__(self, client: ApiClient, done: Counter[str]) -> None:
        self._client, self._done = client, done
        self._draw = random.Random(SEED)
        self._pool = ThreadPoolExecutor(CLIENTS)
        self.sent = 0

    def trade(self, orders: int) -> None:
        """Send so many orders."""
        mix = OrderMix(SEED, f"quickfixj-{time.time_ns()}", lambda _symbol: None)
        started_s = time.monotonic()
        sending = []
        for number in range(orders):
            time.sleep(max(0.0, started_s + number / RATE - time.monotonic()))
            after_s = (
                self._draw.uniform(0, CANCEL_AFTER_S_MAX) if self._draw.random() < CANCEL_SHARE else None
            )
            sending.append(self._pool.submit(self._send, mix.next_order(), after_s))
            self.sent += 1
        for one in sending:
            one.result()
        self._pool.shutdown()

    def _send(self, order: PlannedOrder, cancel_after_s: float | None) -> None:
        placed = self._place(order)
        self._done["orders"] += 1
        if cancel_after_s is None:
            return
        time.sleep(cancel_after_s)
        try:
            self._client.delete(f"/api/v1/orders/{placed['orderId']}")
            self._done["cancels"] += 1
        except ApiError as error:
            assert "409" in str(error), error  # it was over by then
            self._done["cancels of orders that were over"] += 1

    def _place(self, order: PlannedOrder) -> dict[str, str]:
        """Place an order, again while new ones are not taken because the adapter is away."""
        deadline_s = time.monotonic() + SETTLE_S_MAX
        while True:
            try:
                placed: dict[str, str] = self._client.post("/api/v1/orders", order.body)
                return placed
            except ApiError as error:
                if "503" not in str(error) or time.monotonic() > deadline_s:
                    raise
                self._done["asked to wait"] += 1
                time.sleep(LOOK_S)


def disturb(day: Day, trader: Trader, stop: threading.Event) -> None:
    """Do to one venue after the other what sessions are disturbed by, and kill the adapter on the way."""
    draw, deaths = random.Random(SEED), list(ADAPTER_DIES_AT)
    for how in itertools.cycle(DISTURBANCES):
        if stop.wait(DISTURB_EVERY_S):
            return
        if day.venue.tell(f"{how} {draw.choice(VENUE_IDS)}").startswith("done"):
            day.done[how] += 1
        if deaths and trader.sent > deaths[0] * ORDERS:
            deaths.pop(0)
            day.rig.await_ready_again("execution-adapter", day.rig.kill("execution-adapter"))
            day.done["adapter killed"] += 1


def settled(day: Day) -> list[str]:
    """Wait until the books are equal; return what still differs after a while."""
    deadline_s = time.monotonic() + SETTLE_S_MAX
    while (found := differences(*day.books())) and time.monotonic() < deadline_s:
        time.sleep(LOOK_S)
    return found[:DIFFERENCES_SHOWN_MAX]


def test_books_are_equal_after_a_day_with_a_venue_of_quickfixj(day: Day) -> None:
    print(f"seed {SEED}, {ORDERS} orders")
    trader, stop = Trader(day.rig.client(), day.done), threading.Event()
    with ThreadPoolExecutor(1) as other:
        disturbing = other.submit(disturb, day, trader, stop)
        try:
            trader.trade(ORDERS)
            wait_until(lambda: day.done.keys() >= DONE, "every disturbance", SETTLE_S_MAX)
        finally:
            stop.set()
        disturbing.result()
    assert settled(day) == []
    assert broken(day.rig.verify()) == []
    assert settled(day) == []
    theirs, _ = day.books()
    statuses = Counter(status for *_, status in theirs.orders.values())
    print(f"{dict(day.done)}; {len(theirs.orders)} children {dict(statuses)}; {len(theirs.trades)} trades")
    assert exceptions_of(day.rig) == []
    assert day.done["orders"] == ORDERS
    assert len(theirs.trades) > ORDERS / 4
    assert {"FILLED", "CANCELED", "REJECTED"} <= statuses.keys()


def test_a_journal_without_one_of_its_trades_is_another_book(day: Day) -> None:
    ours, accounts = platform_books(day.rig)
    lines = list(lines_of(day.journal))
    dropped = next(line for line in lines if line.get("last_qty"))
    theirs = venue_books((line for line in lines if line is not dropped), accounts)
    found = differences(theirs, ours)
    assert any(f"trade {(dropped['venue_id'], dropped['exec_id'])}" in sentence for sentence in found)
    assert any(sentence.startswith("position") for sentence in found)
