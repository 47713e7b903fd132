"""The invariants that need more than Postgres: what went over FIX, and the venue's own journal."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from oms_platform.postgres import Connection
from oms_tools.verify.fix_reader import first_values
from oms_tools.verify.report import Finding

FETCH_ROWS: Final = 5_000
_OF_A_TRADE: Final = frozenset(("TRADE_CANCEL", "TRADE_CORRECT"))
# Exceptions that are about a child as a whole.
_OF_A_CHILD: Final = frozenset(("CUM_QTY_DIFFERS", "UNRESOLVED", "BAD_QUANTITY"))


def check_sent(connection: Connection) -> Finding:
    """Hold what was sent over FIX against the orders: every 35=D is a stored child of an accepted order."""
    finding = Finding(
        invariant="every new order sent over FIX is a stored child of an order that passed risk"
    )
    known = {
        (venue_id, name)
        for venue_id, name in connection.execute(
            "SELECT venue_id, coalesce(wire_id, cl_ord_id) FROM child_orders c WHERE EXISTS (SELECT"
            " FROM order_events e WHERE e.order_id = c.order_id AND e.type = 'OrderAccepted')"
        )
    }
    with connection.transaction(), connection.cursor(name="sent") as cursor:
        cursor.itersize = FETCH_ROWS
        cursor.execute("SELECT venue_id, raw FROM fix_messages WHERE NOT inbound")
        for venue_id, raw in cursor:
            fields = first_values(bytes(raw))
            if fields.get(35) != b"D":
                continue
            finding.examined += 1
            sent = fields.get(11, b"").decode(errors="replace")
            if (venue_id, sent) not in known:
                finding.violate(sent, f"was sent to {venue_id} and is no child of an accepted order")
    return finding


def read_journal(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the venue's journal, line by line; a torn last line is left out."""
    for path in sorted(folder.glob("*.jsonl")):
        with path.open("rb") as lines:
            for line in lines:
                try:
                    yield json.loads(line)
                except json.JSONDecodeError:
                    continue


@dataclass(slots=True)
class _VenueOrder:
    """What the venue's journal says of one of our children. corrects: by correction, the trade."""

    accepted: int = 0
    fills: dict[str, tuple[int, Decimal]] = field(default_factory=dict)
    corrects: dict[str, str] = field(default_factory=dict)
    leaves_qty: int = 0

    def take(self, report: dict[str, Any]) -> None:
        """Take a report: a trade, its bust or correction, or another change."""
        self.leaves_qty = report["leaves_qty"]
        shares = report.get("last_qty", 0)
        kind, trade = report.get("exec_type"), report.get("exec_ref_id") or ""
        if kind in _OF_A_TRADE:
            trade = self.corrects[report["exec_id"]] = self.corrects.get(trade, trade)
            self.fills.pop(trade, None)
            if kind == "TRADE_CANCEL":
                return
        if shares:
            self.fills[trade or report["exec_id"]] = (shares, Decimal(report["last_px"]))


def _venue_orders(journal: Path) -> dict[str, _VenueOrder]:
    """Return the venue's orders by the ClOrdID that each came with; a replace gives one another."""
    orders: dict[str, _VenueOrder] = {}
    first: dict[str, str] = {}
    for line in read_journal(journal):
        if line["record"] == "order":
            order = orders.setdefault(line["cl_ord_id"], _VenueOrder())
            order.accepted += 1
            order.leaves_qty = line["order_qty"]
        elif line["record"] == "report":
            # A cancel's report carries the request's id; the order goes by the original one.
            named = line.get("orig_cl_ord_id") or line["cl_ord_id"]
            came_as = first.get(named, named)
            if line.get("exec_type") == "REPLACED":
                first[line["cl_ord_id"]] = came_as
            orders.setdefault(came_as, _VenueOrder()).take(line)
    return orders


def _explained(connection: Connection) -> tuple[set[str], dict[str, set[str]]]:
    """Return the children whose venue says more than it reported, and the executions that are exceptions."""
    whole: set[str] = set()
    executions: dict[str, set[str]] = {}
    for cl_ord_id, exec_id, kind in connection.execute(
        "SELECT cl_ord_id, exec_id, kind FROM execution_exceptions WHERE cl_ord_id <> ''"
    ):
        if kind in _OF_A_CHILD:
            whole.add(cl_ord_id)
        elif exec_id:
            executions.setdefault(cl_ord_id, set()).add(exec_id)
    return whole, executions


def check_venue(connection: Connection, journal: Path) -> Finding:
    """Hold the venue's own journal against the OMS: the same orders, once; the same fills and open shares.

    What an exception names may differ until a person has settled it.
    """
    finding = Finding(invariant="the venue's own journal and the OMS agree, but for what an exception names")
    unsettled, excepted = _explained(connection)
    own = dict(
        connection.execute("SELECT wire_id, cl_ord_id FROM child_orders WHERE wire_id IS NOT NULL").fetchall()
    )
    venue = {own.get(name, name): order for name, order in _venue_orders(journal).items()}
    fills: dict[str, dict[str, tuple[int, Decimal]]] = {}
    for cl_ord_id, exec_id, last_qty, last_px in connection.execute(
        "SELECT cl_ord_id, exec_id, last_qty, last_px FROM executions WHERE cl_ord_id IS NOT NULL"
    ):
        fills.setdefault(cl_ord_id, {})[exec_id] = (last_qty, last_px)
    children = dict(connection.execute("SELECT cl_ord_id, leaves_qty FROM child_orders").fetchall())
    for cl_ord_id in sorted(venue.keys() | children.keys() | fills.keys()):
        finding.examined += 1
        theirs = venue.get(cl_ord_id, _VenueOrder())
        ours = fills.get(cl_ord_id, {})
        if theirs.accepted > 1:
            finding.violate(cl_ord_id, f"the venue took it {theirs.accepted} times")
        if cl_ord_id not in children:
            finding.violate(cl_ord_id, "the venue has it, the OMS never stored it")
        elif children[cl_ord_id] != theirs.leaves_qty and cl_ord_id not in unsettled:
            open_here = children[cl_ord_id]
            finding.violate(cl_ord_id, f"open {open_here} here, {theirs.leaves_qty} at the venue")
        names = ours.keys() | theirs.fills.keys()
        differing = {name for name in names if ours.get(name) != theirs.fills.get(name)}
        if differing - excepted.get(cl_ord_id, set()) and cl_ord_id not in unsettled:
            only_here, only_there = _only_in(ours, theirs.fills), _only_in(theirs.fills, ours)
            finding.violate(cl_ord_id, f"fills {only_here} here, {only_there} there")
    return finding


def _only_in(one: dict[str, tuple[int, Decimal]], other: dict[str, tuple[int, Decimal]]) -> list[str]:
    return sorted(
        f"{exec_id} {one[exec_id][0]}@{one[exec_id][1]}"
        for exec_id in one
        if one[exec_id] != other.get(exec_id)
    )
