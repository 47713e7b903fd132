"""The invariants over time: each order's events, one by one, against the judge's own transition table."""

import itertools
from typing import Any, Final

import msgspec

from oms_platform.postgres import Connection
from oms_tools.verify.report import Finding

FETCH_ROWS: Final = 5_000

# What may follow a status, by event type. Written from the design, not from the core's table.
_WORKING: Final = frozenset({"ACKNOWLEDGED", "PARTIALLY_FILLED", "PENDING_CANCEL"})
_LATE: Final = frozenset({"TradeApplied", "ChildClosed", "CancelRejected"})
_QUIET: Final = frozenset({"RouteRequested", "RoutePlaced", "RouteDeferred", "ChildClosed"})


def _next_statuses(status: str, event: str) -> frozenset[str]:
    """Return the statuses that `event` may lead to; empty when it may not happen."""
    if status == "NEW":
        return frozenset({"OrderAccepted": {"ACKNOWLEDGED"}, "OrderDenied": {"REJECTED"}}.get(event, set()))
    if status in _WORKING:
        working = {
            "TradeApplied": {"FILLED", "PENDING_CANCEL"}
            if status == "PENDING_CANCEL"
            else {"FILLED", "PARTIALLY_FILLED"},
            "CancelRequested": {"PENDING_CANCEL"} if status != "PENDING_CANCEL" else set(),
            "CancelRejected": {"ACKNOWLEDGED", "PARTIALLY_FILLED"} if status == "PENDING_CANCEL" else set(),
            "OrderCanceled": {"CANCELED"},
            "OrderExpired": {"EXPIRED"} if status == "PENDING_CANCEL" else set(),
        }
        return frozenset({status} if event in _QUIET else working.get(event, set()))
    if status in ("CANCELED", "EXPIRED") and event in _LATE:
        return frozenset({status})
    return frozenset({status} if event == "CancelRejected" else set())


def check_histories(connection: Connection) -> list[Finding]:
    """Walk every order's events: a path through the table, CumQty rising by its fills, children within it."""
    path = Finding(invariant="each order's events are a path through the transition table")
    quantity = Finding(invariant="at every instant: sum over children of CumQty + LeavesQty <= OrderQty")
    with connection.transaction(), connection.cursor(name="histories") as cursor:
        cursor.itersize = FETCH_ROWS
        cursor.execute(
            "SELECT e.order_id, o.quantity, e.sequence, e.type, e.status, (e.payload->'data')::text"
            " FROM order_events e JOIN orders o USING (order_id) ORDER BY e.order_id, e.sequence"
        )
        for order_id, rows in itertools.groupby(cursor, key=lambda row: row[0]):
            history = list(rows)
            path.examined += len(history)
            quantity.examined += len(history)
            _check_path(path, str(order_id), history)
            try:
                _check_children(quantity, str(order_id), history)
            except (KeyError, TypeError, msgspec.MsgspecError) as error:
                quantity.violate(str(order_id), f"an event cannot be read: {error!r}")
    return [path, quantity]


def _check_path(finding: Finding, order_id: str, history: list[Any]) -> None:
    _, _, _, event, status, _ = history[0]
    if event != "OrderReceived" or status != "NEW":
        finding.violate(order_id, f"begins with {event} ({status})")
        return
    for _, _, sequence, event, found, _ in history[1:]:
        if found not in _next_statuses(status, event):
            finding.violate(order_id, f"event {sequence}, {event} led from {status} to {found}")
            return
        status = found


def _check_children(finding: Finding, order_id: str, history: list[Any]) -> None:
    held: dict[str, int] = {}  # child -> shares done or still to be done
    done: dict[str, int] = {}
    for _, quantity, sequence, event, _, data in history[1:]:
        body = msgspec.json.decode(data) if event in ("RoutePlaced", "TradeApplied", "ChildClosed") else {}
        if event == "RoutePlaced":
            held |= {leg["cl_ord_id"]: leg["quantity"] for leg in body["legs"]}
        elif event == "TradeApplied":
            child = body["cl_ord_id"]
            done[child] = done.get(child, 0) + body["last_qty"]
            held[child] = max(held.get(child, 0), done[child])
        elif event == "ChildClosed":
            held[body["cl_ord_id"]] = done.get(body["cl_ord_id"], 0)
        if sum(held.values()) > quantity:
            finding.violate(
                order_id, f"after event {sequence} children hold {sum(held.values())} of {quantity}"
            )
            return
