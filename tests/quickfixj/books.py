"""What a venue's journal says was executed, beside what the platform's tables say."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import psycopg

from oms_tools.laptop.parts import postgres_dsn
from tests.stack_rig import StackRig

DIFFERENCES_SHOWN_MAX: Final = 20
# How the platform calls an OrdStatus (39).
STATUSES: Final = {"0": "NEW", "1": "PARTIALLY_FILLED", "2": "FILLED", "4": "CANCELED", "8": "REJECTED"}
# By (venue, ExecID): ClOrdID, shares, price.
Trades = Mapping[tuple[str, str], tuple[str, int, Decimal]]
# By ClOrdID: venue, shares, CumQty, LeavesQty, status.
Orders = Mapping[str, tuple[str, int, int, int, str]]
# By (account, symbol): shares and what was paid for them.
Positions = Mapping[tuple[str, str], tuple[int, Decimal]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """One side's books. refusals: messages of the other side that it would not read."""

    trades: Trades
    orders: Orders
    positions: Positions = field(default_factory=dict)
    refusals: tuple[str, ...] = ()


def lines_of(journal: Path) -> Iterator[dict[str, Any]]:
    """Yield a journal's whole lines."""
    for line in journal.read_text().splitlines(keepends=True):
        if line.endswith("\n"):
            yield json.loads(line)


def venue_books(lines: Iterator[dict[str, Any]], accounts: Mapping[str, tuple[str, str, str]]) -> Books:
    """Add a QuickFIX/J venue's journal up. accounts: by ClOrdID the account, symbol and side of an order."""
    trades: dict[tuple[str, str], tuple[str, int, Decimal]] = {}
    orders: dict[str, tuple[str, int, int, int, str]] = {}
    positions: dict[tuple[str, str], tuple[int, Decimal]] = {}
    refusals: list[str] = []
    for line in lines:
        name = line.get("cl_ord_id", "")
        match line["record"]:
            case "order":
                orders[name] = (line["venue_id"], line["order_qty"], 0, line["order_qty"], "PENDING_NEW")
            case "report":
                venue_id, quantity, *_ = orders[name]
                status = STATUSES[line["ord_status"]]
                orders[name] = (venue_id, quantity, line["cum_qty"], line["leaves_qty"], status)
                if line["last_qty"]:
                    shares, price = line["last_qty"], Decimal(line["last_px"])
                    trades[venue_id, line["exec_id"]] = (name, shares, price)
                    account, symbol, side = accounts.get(name, ("", "", "BUY"))
                    signed = shares if side == "BUY" else -shares
                    before, cash = positions.get((account, symbol), (0, Decimal(0)))
                    positions[account, symbol] = (before + signed, cash - signed * price)
            case "refusal":
                refusals.append(line["text"])
    return Books(trades=trades, orders=orders, positions=positions, refusals=tuple(refusals))


def platform_books(rig: StackRig) -> tuple[Books, dict[str, tuple[str, str, str]]]:
    """Read the platform's tables. Returns its books, and the account, symbol and side of each child."""
    with psycopg.connect(postgres_dsn(rig.layout.port("postgres"))) as connection:
        trades = {
            (row[0], row[1]): (row[2], row[3], row[4])
            for row in connection.execute(
                "SELECT venue_id, exec_id, cl_ord_id, last_qty, last_px FROM executions"
            )
        }
        orders: dict[str, tuple[str, int, int, int, str]] = {}
        accounts: dict[str, tuple[str, str, str]] = {}
        for name, venue_id, quantity, cum, leaves, status, *whose in connection.execute(
            "SELECT c.cl_ord_id, c.venue_id, c.quantity, c.cum_qty, c.leaves_qty, c.status,"
            " o.account_id, o.symbol, o.side FROM child_orders c JOIN orders o USING (order_id)"
        ):
            orders[name] = (venue_id, quantity, cum, leaves, status)
            accounts[name] = (whose[0], whose[1], whose[2])
        positions = {
            (row[0], row[1]): (row[2], row[3])
            for row in connection.execute("SELECT account_id, symbol, quantity, net_cash FROM positions")
        }
    return Books(trades=trades, orders=orders, positions=positions), accounts


def exceptions_of(rig: StackRig) -> list[str]:
    """Return what was kept for a person, each with its order's messages on the wire.

    A venue that only says what is true leaves nothing.
    """
    with psycopg.connect(postgres_dsn(rig.layout.port("postgres"))) as connection:
        rows = connection.execute(
            "SELECT kind, venue_id, detail, cl_ord_id, order_id FROM execution_exceptions"
        ).fetchall()
    return [" ".join(row[:4]) + "\n" + rig.oms("fix", "log", str(row[4])).stdout for row in rows]


def differences(theirs: Books, ours: Books) -> list[str]:
    """Return what is not the same in both books, to the share and price, as sentences.

    A child that never reached its venue must be closed without a share.
    """
    found = [f"the venue would not read {text!r}" for text in theirs.refusals]
    found += unequal("trade", theirs.trades, ours.trades)
    unsent = {
        name: order
        for name, order in ours.orders.items()
        if name not in theirs.orders and order[2:4] == (0, 0)
    }
    found += unequal("order", theirs.orders, {k: v for k, v in ours.orders.items() if k not in unsent})
    flat = (0, Decimal(0))
    held = {place: position for place, position in ours.positions.items() if position != flat}
    expected = {place: position for place, position in theirs.positions.items() if position != flat}
    return found + unequal("position", expected, held)


def unequal(what: str, theirs: Mapping[Any, Any], ours: Mapping[Any, Any]) -> list[str]:
    """Return where two maps differ, as sentences. theirs: the venue's."""
    return [
        f"{what} {key}: the venue has {theirs.get(key)}, the other side has {ours.get(key)}"
        for key in sorted(theirs.keys() | ours.keys())
        if theirs.get(key) != ours.get(key)
    ]
