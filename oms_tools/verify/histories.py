"""The invariants over time: each order's events, one by one, against the judge's own transition table."""

import itertools
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import msgspec

from oms_platform.postgres import Connection
from oms_tools.verify.report import Finding

FETCH_ROWS: Final = 5_000

# What may follow a status, by event type. Written from the design, not from the core's table.
_WORKING: Final = frozenset({"ACKNOWLEDGED", "PARTIALLY_FILLED", "PENDING_CANCEL"})
_QUIET: Final = frozenset(
    {"RouteRequested", "RoutePlaced", "RouteDeferred", "ChildClosed", "ChildCancelRejected"}
)
_LATE: Final = {
    "FILLED": frozenset({"RoutePlaced", "ChildClosed", "ChildCancelRejected", "CancelRejected"}),
    "CANCELED": frozenset({"TradeApplied", "ChildClosed", "CancelRejected"}),
    "EXPIRED": frozenset({"TradeApplied", "ChildClosed", "CancelRejected"}),
    "REJECTED": frozenset({"CancelRejected"}),
}
_MICRO: Final = Decimal("0.000001")


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
            # Another request than the pending one is rejected and changes nothing.
            "CancelRejected": {"ACKNOWLEDGED", "PARTIALLY_FILLED", "PENDING_CANCEL"}
            if status == "PENDING_CANCEL"
            else set(),
            "OrderCanceled": {"CANCELED"},
            "OrderExpired": {"EXPIRED"},
        }
        return frozenset({status} if event in _QUIET else working.get(event, set()))
    return frozenset({status} if event in _LATE.get(status, ()) else set())


def check_histories(connection: Connection) -> list[Finding]:
    """Walk every order's events: a path through the table, CumQty rising by its fills, children within it."""
    path = Finding(invariant="each order's events are a path through the transition table")
    quantity = Finding(invariant="at every instant: sum over children of CumQty + LeavesQty <= OrderQty")
    cancels = Finding(invariant="nothing is routed for an order after its cancel was taken")
    with connection.transaction(), connection.cursor(name="histories") as cursor:
        cursor.itersize = FETCH_ROWS
        cursor.execute(
            "SELECT e.order_id, o.quantity, e.sequence, e.type, e.payload::text"
            " FROM order_events e JOIN orders o USING (order_id) ORDER BY e.order_id, e.sequence"
        )
        for order_id, rows in itertools.groupby(cursor, key=lambda row: row[0]):
            history = list(rows)
            for finding in (path, quantity, cancels):
                finding.examined += len(history)
            try:
                _check_path(path, str(order_id), history)
                _check_children(quantity, str(order_id), history)
            except (KeyError, TypeError, msgspec.MsgspecError) as error:
                quantity.violate(str(order_id), f"an event cannot be read: {error!r}")
            _check_cancels(cancels, str(order_id), history)
    return [path, quantity, cancels, check_positions(connection)]


def _check_path(finding: Finding, order_id: str, history: list[Any]) -> None:
    status = "NEW"
    for _, _, sequence, event, payload in history:
        found = msgspec.json.decode(payload)["status"].removeprefix("ORDER_STATUS_")
        if found not in _next_statuses(status, event):
            finding.violate(order_id, f"event {sequence}, {event} led from {status} to {found}")
            return
        status = found


def _check_children(finding: Finding, order_id: str, history: list[Any]) -> None:
    held: dict[str, int] = {}  # child -> shares done or still to be done
    done: dict[str, int] = {}
    for _, quantity, sequence, event, payload in history:
        if event == "RoutePlaced":
            body = msgspec.json.decode(payload)["routePlaced"]
            held |= {child["clOrdId"]: child["quantity"] for child in body.get("children", ())}
        elif event == "TradeApplied":
            body = msgspec.json.decode(payload)["tradeApplied"]
            child = body["clOrdId"]
            done[child] = done.get(child, 0) + body["lastQty"]
            held[child] = max(held.get(child, 0), done[child])
        elif event == "ChildClosed":
            body = msgspec.json.decode(payload)["childClosed"]
            held[body["clOrdId"]] = done.get(body["clOrdId"], 0)
        if sum(held.values()) > quantity:
            finding.violate(
                order_id, f"after event {sequence} children hold {sum(held.values())} of {quantity}"
            )
            return


def _check_cancels(finding: Finding, order_id: str, history: list[Any]) -> None:
    canceled_at = 0
    for _, _, sequence, event, _ in history:
        if event == "CancelRequested" and not canceled_at:
            canceled_at = sequence
        elif event == "RouteRequested" and canceled_at:
            finding.violate(order_id, f"was canceled by event {canceled_at} and routed by event {sequence}")
            return


def check_positions(connection: Connection) -> Finding:
    """Work every account's fills off in the order of its stream, and hold cost and profit to the result."""
    finding = Finding(invariant="a position's cost and realized profit follow from its fills at average cost")
    kept = {
        (account, symbol): (cost, realized)
        for account, symbol, cost, realized in connection.execute(
            "SELECT account_id, symbol, cost, realized_pnl FROM positions"
        )
    }
    found = dict(_worked_off(connection))
    for key in sorted(kept.keys() | found.keys()):
        finding.examined += 1
        if kept.get(key) != found.get(key):
            finding.violate(
                " ".join(key), f"(cost, realized) is {kept.get(key)}, fills give {found.get(key)}"
            )
    return finding


def _worked_off(connection: Connection) -> Iterator[tuple[tuple[str, str], tuple[Decimal, Decimal]]]:
    """Yield (account, symbol) with (cost, realized profit) of fills that are closed at average cost."""
    held: dict[tuple[str, str], tuple[int, Decimal, Decimal]] = {}
    with connection.transaction(), connection.cursor(name="fills") as cursor:
        cursor.itersize = FETCH_ROWS
        cursor.execute(
            "SELECT e.account_id, o.symbol, o.side, (e.payload->>'lastQty')::int,"
            " (e.payload->>'lastPx')::numeric FROM order_events e JOIN orders o USING (order_id)"
            " WHERE e.type = 'TradeApplied' ORDER BY e.account_id, e.stream_sequence"
        )
        for account, symbol, side, quantity, price in cursor:
            if quantity is None or price is None:
                continue  # not a trade; the order's path is broken there, too
            shares, cost, realized = held.get((account, symbol), (0, Decimal(0), Decimal(0)))
            direction = 1 if side == "BUY" else -1
            opened = quantity
            if shares * direction < 0:
                closed = min(quantity, abs(shares))
                opened = quantity - closed
                share = (cost * closed / abs(shares)).quantize(_MICRO)
                # A long position that is sold, or a short one that is bought back.
                realized += -direction * closed * price - share
                cost -= share
            held[account, symbol] = (
                shares + direction * quantity,
                cost + direction * opened * price,
                realized,
            )
    for key, (_, cost, realized) in held.items():
        yield key, (cost, realized)
