"""The invariants that need more than Postgres: what went over FIX, and the venue's own journal."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from oms_platform.postgres import Connection
from oms_tools.verify.report import Finding

_NEW_ORDER: Final = re.compile(rb"\x0135=D\x01.*?\x0111=([^\x01]+)\x01")


def check_fix_log(connection: Connection, store: Path) -> Finding:
    """Hold the adapter's FIX store against the orders: every 35=D is a stored child of an accepted order."""
    finding = Finding(
        invariant="every new order sent over FIX is a stored child of an order that passed risk"
    )
    known = {
        row[0]
        for row in connection.execute(
            "SELECT cl_ord_id FROM child_orders c WHERE EXISTS (SELECT FROM order_events e"
            " WHERE e.order_id = c.order_id AND e.type = 'OrderAccepted')"
        )
    }
    for body in sorted(store.glob("*.body")):
        for match in _NEW_ORDER.finditer(body.read_bytes()):
            finding.examined += 1
            if match.group(1).decode() not in known:
                sent = match.group(1).decode()
                finding.violate(sent, f"was sent ({body.name}) and is no child of an accepted order")
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
    """What the venue's journal says of one of our children."""

    accepted: int = 0
    fills: dict[str, tuple[int, Decimal]] = field(default_factory=dict)
    leaves_qty: int = 0


def _venue_orders(journal: Path) -> dict[str, _VenueOrder]:
    orders: dict[str, _VenueOrder] = {}
    for line in read_journal(journal):
        if line["record"] == "order":
            order = orders.setdefault(line["cl_ord_id"], _VenueOrder())
            order.accepted += 1
            order.leaves_qty = line["order_qty"]
        elif line["record"] == "report":
            # A cancel's report carries the request's id; the order goes by the original one.
            order = orders.setdefault(line.get("orig_cl_ord_id") or line["cl_ord_id"], _VenueOrder())
            order.leaves_qty = line["leaves_qty"]
            # A bust (no shares) and a correction are about an earlier trade, which keeps its ExecID.
            about = line.get("exec_ref_id")
            if about:
                order.fills.pop(about, None)
            if line["last_qty"]:
                order.fills[about or line["exec_id"]] = (line["last_qty"], Decimal(line["last_px"]))
    return orders


def check_venue(connection: Connection, journal: Path) -> Finding:
    """Hold the venue's own journal against the OMS: the same orders, once; the same fills and open shares."""
    finding = Finding(invariant="the venue's own journal and the OMS agree")
    venue = _venue_orders(journal)
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
        elif children[cl_ord_id] != theirs.leaves_qty:
            open_here = children[cl_ord_id]
            finding.violate(cl_ord_id, f"open {open_here} here, {theirs.leaves_qty} at the venue")
        if ours != theirs.fills:
            only_here, only_there = _only_in(ours, theirs.fills), _only_in(theirs.fills, ours)
            finding.violate(cl_ord_id, f"fills {only_here} here, {only_there} there")
    return finding


def _only_in(one: dict[str, tuple[int, Decimal]], other: dict[str, tuple[int, Decimal]]) -> list[str]:
    return sorted(
        f"{exec_id} {one[exec_id][0]}@{one[exec_id][1]}"
        for exec_id in one
        if one[exec_id] != other.get(exec_id)
    )
