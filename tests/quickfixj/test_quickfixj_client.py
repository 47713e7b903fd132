"""A strict client of QuickFIX/J trades at the broker simulator; in the end the books are equal."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from oms_platform.schema.demo_data import INSTRUMENTS
from oms_tools.laptop.parts import postgres_dsn
from simulators.broker.config import COUNTERPARTY, VENUES
from tests.integration.test_simulators import simulator
from tests.ports import free_port
from tests.quickfixj.books import DIFFERENCES_SHOWN_MAX, Trades, lines_of, unequal
from tests.quickfixj.programs import JavaProgram
from tests.quickfixj.size import ORDERS, SEED

STATUSES: Final = {"0": "NEW", "1": "PARTIALLY_FILLED", "2": "FILLED", "4": "CANCELED", "8": "REJECTED"}
# By (venue, OrderID): OrderQty, CumQty, LeavesQty, status.
Orders = dict[tuple[str, str], tuple[int, int, int, str]]
DONE: Final = ("orders", "cancels", "replaces", "status requests", "drop", "skip", "forget", "ask", "reset")
pytestmark = pytest.mark.timeout(300 + ORDERS / 10)


@dataclass(frozen=True, slots=True)
class Session:
    """What a client of QuickFIX/J did at the broker simulator, and what each side wrote down."""

    did: str
    book: Path
    journal: Path


@pytest.fixture(scope="module")
def traded(postgres_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A client has traded, and has gone."""
    folder = tmp_path_factory.mktemp("quickfixj-client")
    environment = {
        "OMS_POSTGRES_DSN": postgres_dsn(postgres_port, "template_oms"),
        "OMS_MARKET_DATA_PORT": str(free_port()),
        "OMS_MARKETDATA_SIM_HEALTH_PORT": str(free_port()),
        "OMS_BROKER_SIM_FIX_PORT": str(free_port()),
        "OMS_BROKER_SIM_HEALTH_PORT": str(free_port()),
        "OMS_BROKER_SIM_DATA": str(folder / "broker"),
        "OMS_BROKER_SIM_REJECT_PROBABILITY": "0.03",
        "OMS_BROKER_SIM_CANCEL_REJECT_PROBABILITY": "0.05",
    }
    environment["OMS_MARKETDATA_SIM_GRPC_PORT"] = environment["OMS_MARKET_DATA_PORT"]
    with ExitStack() as parts:
        for module, health in (
            ("market_data", "OMS_MARKETDATA_SIM_HEALTH_PORT"),
            ("broker", "OMS_BROKER_SIM_HEALTH_PORT"),
        ):
            parts.enter_context(
                simulator(
                    f"simulators.{module}", environment, int(environment[health]), folder / f"{module}.log"
                )
            )
        book = folder / "book.jsonl"
        arguments = [
            environment["OMS_BROKER_SIM_FIX_PORT"], ",".join(VENUES), COUNTERPARTY, str(ORDERS), str(SEED),
            str(book),
            ",".join(f"{symbol}={price}" for symbol, _, price in INSTRUMENTS),
        ]  # fmt: skip
        client = JavaProgram("Client", arguments, folder / "client.log")
        parts.callback(client.end)
        did = client.answer()
        client.process.wait(30)
        yield Session(did, book, folder / "broker" / "journal.jsonl")


def client_books(lines: Iterator[dict[str, Any]]) -> tuple[Orders, Trades, list[str]]:
    """Read what the client knows: orders that were taken, trades, and what one side would not read."""
    orders: Orders = {}
    trades: dict[tuple[str, str], tuple[str, int, Decimal]] = {}
    refusals: list[str] = []
    for line in lines:
        venue_id = line["venue_id"]
        match line["record"]:
            case "order":
                status = STATUSES[line["ord_status"]]
                state = (line["order_qty"], line["cum_qty"], line["leaves_qty"], status)
                if status != "REJECTED":
                    orders[venue_id, line["order_id"]] = state
            case "trade":
                trades[venue_id, line["exec_id"]] = (
                    line["order_id"],
                    int(line["shares"]),
                    Decimal(line["price"]),
                )
            case "refusal":
                refusals.append(line["text"])
    return orders, trades, refusals


def simulator_books(lines: Iterator[dict[str, Any]]) -> tuple[Orders, Trades]:
    """Add the simulator's journal up."""
    orders: Orders = {}
    trades: dict[tuple[str, str], tuple[str, int, Decimal]] = {}
    for line in lines:
        place = (line["venue_id"], line.get("order_id", ""))
        if line["record"] == "order":
            orders[place] = (line["order_qty"], 0, line["order_qty"], "PENDING_NEW")
        elif line["record"] == "report" and place in orders:
            state = (line["order_qty"], line["cum_qty"], line["leaves_qty"], line["ord_status"])
            orders[place] = state
            if line["exec_type"] == "TRADE":
                trades[line["venue_id"], line["exec_id"]] = (
                    place[1],
                    line["last_qty"],
                    Decimal(line["last_px"]),
                )
    return orders, trades


def test_books_are_equal_after_a_client_of_quickfixj_has_traded(traded: Session) -> None:
    orders, trades, refusals = client_books(lines_of(traded.book))
    venue_orders, venue_trades = simulator_books(lines_of(traded.journal))
    print(f"seed {SEED}, {traded.did}: {len(venue_orders)} orders, {len(venue_trades)} trades")
    assert refusals == []
    assert unequal("order", venue_orders, orders)[:DIFFERENCES_SHOWN_MAX] == []
    assert unequal("trade", venue_trades, trades)[:DIFFERENCES_SHOWN_MAX] == []
    assert all(f"{what}=" in traded.did for what in DONE), traded.did
    assert len(venue_trades) > ORDERS / 4


def test_a_simulators_journal_without_one_of_its_trades_is_another_book(traded: Session) -> None:
    _, trades, _ = client_books(lines_of(traded.book))
    lines = list(lines_of(traded.journal))
    dropped = next(line for line in lines if line.get("exec_type") == "TRADE")
    _, venue_trades = simulator_books(line for line in lines if line is not dropped)
    place = (dropped["venue_id"], dropped["exec_id"])
    assert unequal("trade", venue_trades, trades) == [
        f"trade {place}: the venue has None, the other side has {trades[place]}"
    ]
