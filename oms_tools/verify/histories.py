"""The invariants over time: each order's events, one by one, against the judge's own transition table."""

import itertools
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from oms_platform.postgres import Connection
from oms_tools.verify import prices
from oms_tools.verify.report import Finding

FETCH_ROWS: Final = 5_000

# What may follow a status, by event type. Written from the design, not from the core's table.
_FREE: Final = frozenset({"ACKNOWLEDGED", "PARTIALLY_FILLED"})
# What a trade leaves as it is, unless it fills the order.
_HELD: Final = frozenset({"PENDING_CANCEL", "PENDING_REPLACE", "SUSPENDED"})
_WORKING: Final = _FREE | _HELD
_QUIET: Final = frozenset(
    {
        "RouteRequested",
        "RoutePlaced",
        "RouteDeferred",
        "RouteHeld",
        "ChildRestated",
        "ChildClosed",
        "ChildCancelRejected",
    }
)
_EXECUTED: Final = frozenset({"TradeApplied", "TradeCorrected"})
_CHILDREN: Final = frozenset({"ChildRestated", "ChildClosed"})
# A request that changes nothing, or a booking: in any state but before the first answer.
_REFUSALS: Final = frozenset({"ReplaceRejected", "SuspendRejected", "ResumeRejected", "BookingRejected"})
_TOO_LATE: Final = frozenset({"CancelRejected"})
_LATE: Final = {
    "FILLED": _TOO_LATE | {"RoutePlaced", "ChildCancelRejected", "ReplaceRequested"} | _EXECUTED | _CHILDREN,
    "CANCELED": _TOO_LATE | _EXECUTED | _CHILDREN,
    "EXPIRED": _TOO_LATE | _EXECUTED | _CHILDREN,
    "REJECTED": _TOO_LATE,
}
# Of orders that are worked over time, or follow a quote: while nothing holds them.
_WHILE_FREE: Final = frozenset({"AlgoPlanned", "SharesReleased", "AlgoHeld", "PegPriced"})
# What brings a filled order back: a venue that takes a trade back, or more shares.
_REOPENED: Final = {
    "TradeCorrected": frozenset({"FILLED", "SUSPENDED"}) | _FREE,
    "OrderReplaced": frozenset({"PARTIALLY_FILLED", "SUSPENDED"}),
}
_OF_CHILDREN: Final = {
    "TradeApplied": "tradeApplied",
    "TradeCorrected": "tradeCorrected",
    "ChildRestated": "childRestated",
    "ChildClosed": "childClosed",
}
# A TradeApplied that a person booked; it may be of no child, and an order may be made as its record.
BOOKED: Final = "TradeBooked"


def _next_statuses(status: str, event: str) -> frozenset[str]:
    """Return the statuses that `event` may lead to; empty when it may not happen."""
    if event in _REFUSALS and event != "ReplaceRejected" and status != "NEW":
        return frozenset({status})
    if status == "NEW":
        first = {"OrderAccepted": {"ACKNOWLEDGED"}, "OrderDenied": {"REJECTED"}, BOOKED: {"FILLED"}}
        return frozenset(first.get(event, set()))
    if event == BOOKED:
        event = "TradeApplied"
    if event == "StopTriggered":
        return frozenset({status} if status in _FREE or status == "PENDING_REPLACE" else ())
    if event in _WHILE_FREE:
        return frozenset({status} if status in _FREE else ())
    if status in _WORKING:
        return frozenset({status}) if event in _QUIET else _next_of_working(status, event)
    if status == "FILLED" and event in _REOPENED:
        return _REOPENED[event]
    return frozenset({status} if event in _LATE.get(status, ()) or event in _REFUSALS else set())


def _next_of_working(status: str, event: str) -> frozenset[str]:
    free_again = _FREE | {"SUSPENDED"}
    if status == "PENDING_CANCEL":
        # Another request than the pending one is rejected and changes nothing.
        ends = {"CancelRejected": free_again | {status}, "ReplaceRejected": frozenset({status})}
    elif status == "PENDING_REPLACE":
        ends = {
            "OrderReplaced": free_again | {"FILLED"},
            "ReplaceRejected": free_again | {status},
            "OrderSuspended": frozenset({status}),
            "OrderResumed": frozenset({status}),
        }
    else:
        ends = {
            "ReplaceRequested": frozenset({"PENDING_REPLACE"}),
            "ReplaceRejected": frozenset({status}),
            "OrderSuspended": frozenset({"SUSPENDED"}) if status in _FREE else frozenset(),
            "OrderResumed": _FREE if status == "SUSPENDED" else frozenset(),
        }
    held = frozenset({status, "FILLED"})
    following: dict[str, frozenset[str]] = {
        "TradeApplied": held if status in _HELD else frozenset({"FILLED", "PARTIALLY_FILLED"}),
        "TradeCorrected": held if status in _HELD else _FREE | {"FILLED"},
        "CancelRequested": frozenset({"PENDING_CANCEL"} if status != "PENDING_CANCEL" else ()),
        "OrderCanceled": frozenset({"CANCELED"}),
        "OrderExpired": frozenset({"EXPIRED"}),
    } | ends
    return following.get(event, frozenset())


def check_histories(connection: Connection) -> list[Finding]:
    """Walk every order's events: a path through the table, CumQty rising by its fills, children within it."""
    path = Finding(invariant="each order's events are a path through the transition table")
    quantity = Finding(
        invariant="at every instant: no more is sent than is left of OrderQty, and children trade no more but"
        " for what an exception tells of"
    )
    overfilled = {
        str(row[0])
        for row in connection.execute("SELECT order_id FROM execution_exceptions WHERE kind = 'OVERFILL'")
    }
    held = Finding(
        invariant="nothing is routed for an order after its cancel was taken, while it is suspended or to be"
        " replaced, or before its stop was triggered, its algo released any of it or a quote gave it a price"
    )
    priced = Finding(invariant=prices.INVARIANT)
    with connection.transaction(), connection.cursor(name="histories") as cursor:
        cursor.itersize = FETCH_ROWS
        cursor.execute(
            "SELECT e.order_id, (r.payload->'terms'->>'quantity')::int, e.sequence, e.type, e.payload::text,"
            " r.payload->>'terms'"
            " FROM order_events e JOIN order_requests r ON r.request_id = e.order_id"
            " ORDER BY e.order_id, e.sequence"
        )
        for order_id, rows in itertools.groupby(cursor, key=lambda row: row[0]):
            history = list(rows)
            terms = msgspec.json.decode(history[0][5])
            history = [row[:5] for row in history]
            for finding in (path, quantity, held, priced):
                finding.examined += len(history)
            try:
                _check_path(path, str(order_id), history)
                check_children(quantity, str(order_id), history, overfilled=str(order_id) in overfilled)
                prices.check_prices(priced, str(order_id), terms, [row[2:] for row in history])
            except (KeyError, TypeError, msgspec.MsgspecError) as error:
                quantity.violate(str(order_id), f"an event cannot be read: {error!r}")
            _check_held(held, str(order_id), history)
    return [path, quantity, held, priced]


def _check_path(finding: Finding, order_id: str, history: list[Any]) -> None:
    status = "NEW"
    for _, _, sequence, event, payload in history:
        body = msgspec.json.decode(payload)
        found = body["status"].removeprefix("ORDER_STATUS_")
        if found not in _next_statuses(status, BOOKED if _is_booked(body) else event):
            finding.violate(order_id, f"event {sequence}, {event} led from {status} to {found}")
            return
        status = found


def _is_booked(body: dict[str, Any]) -> bool:
    """Return whether an event is a trade that a person booked."""
    return "requestId" in (body.get("tradeApplied") or {})


@dataclass(slots=True)
class _Child:
    """A child as its order's events tell of it. said_filled: its venue said so, whatever it was sent."""

    quantity: int
    done: int = 0
    unresolved: int = 0
    live: bool = True
    said_filled: bool = False

    @property
    def held(self) -> int:
        """Shares that are done, or may be."""
        return max(self.quantity, self.done) if self.live else self.done + self.unresolved


def check_children(finding: Finding, order_id: str, history: list[Any], *, overfilled: bool) -> None:
    """Hold what is sent to what is left, and what children trade to what they were sent.

    Only venues may bring more: a trade of a child that was over, a child that they reopen. What was sent in
    place of it is taken back; what trades all the same is an exception.
    """
    children: dict[str, _Child] = {}
    asked, quantity = 0, history[0][1]
    released: int | None = None  # of an algo
    for _, _, sequence, event, payload in history:
        body = msgspec.json.decode(payload)
        if event == "OrderReplaced":
            quantity = body["orderReplaced"]["terms"]["quantity"]
            if released is not None:
                released = min(quantity, sum(child.held for child in children.values()) + asked)
        elif event == "SharesReleased":
            released = body["sharesReleased"]["quantity"]
        if body["quantity"] != quantity:
            finding.violate(order_id, f"event {sequence} says OrderQty {body['quantity']}, it is {quantity}")
            return
        if event in ("RouteRequested", "OrderAccepted"):
            route = body.get("routeRequested") or body.get("orderAccepted", {}).get("route") or {}
            asked = route.get("quantity", 0)
            committed = sum(child.held for child in children.values()) + asked
            if committed > (quantity if released is None else released):
                finding.violate(
                    order_id,
                    f"event {sequence} asks for {asked}: {committed} of {quantity}, {released} released",
                )
                return
        elif event == "RoutePlaced":
            placed = body["routePlaced"].get("children", ())
            children |= {child["clOrdId"]: _Child(child["quantity"]) for child in placed}
            if sum(child["quantity"] for child in placed) > asked:
                finding.violate(
                    order_id, f"event {sequence} places more than the {asked} that were asked for"
                )
                return
            asked = 0
        elif _is_booked(body):
            overfilled = True  # a person has said that it is so
            _follow(children, event, body)
        elif event in _OF_CHILDREN and (wrong := _follow(children, event, body)) and not overfilled:
            finding.violate(order_id, f"after event {sequence} {wrong}, and nobody was told")
            return
        done = sum(child.done for child in children.values())
        if done > quantity and not overfilled:
            finding.violate(order_id, f"after event {sequence} {done} of {quantity}, and nobody was told")
            return


def _follow(children: dict[str, _Child], event: str, body: dict[str, Any]) -> str:
    """Take one event of a child. Returns what is wrong with it."""
    change = body[_OF_CHILDREN[event]]
    name = change["clOrdId"]
    child = children.setdefault(name, _Child(0, live=False))
    if event == "TradeApplied":
        shares = change["lastQty"]
        child.done, child.unresolved = child.done + shares, max(0, child.unresolved - shares)
    elif event == "TradeCorrected":
        child.done += change.get("lastQty", 0) - change["wasQty"]
        child.live, child.said_filled = change.get("leavesQty", 0) > 0, False
    elif event == "ChildRestated":
        was_over, was_quantity, child.quantity = not child.live, child.quantity, change["quantity"]
        if child.quantity < child.done:
            return f"{name} has {child.done} done of {child.quantity}"
        # A filled one is larger by a replace that was in flight; no other end is undone by that.
        filled = child.said_filled or child.done + child.unresolved >= was_quantity
        child.live, child.said_filled = True, False
        if was_over and not filled:
            return f"{name}, which had ended unfilled, has {child.quantity} shares again"
    else:
        if child.live:
            child.said_filled = change["outcome"] == "EXEC_TYPE_TRADE"
        child.live, child.unresolved = False, max(child.unresolved, change.get("unresolvedQty", 0))
    child.live = child.live and child.done + child.unresolved < child.quantity
    more = event == "TradeApplied" or change.get("lastQty", 0) > change.get("wasQty", 0)
    return f"{name} has {child.done} done of {child.quantity}" if more and child.done > child.quantity else ""


def _check_held(finding: Finding, order_id: str, history: list[Any]) -> None:
    """Hold routes to what holds an order: a cancel for good, a suspend and a replace until their end."""
    held: dict[str, int] = {}
    replacing = ""
    for _, _, sequence, event, payload in history:
        body = msgspec.json.decode(payload)
        if event == "OrderAccepted" and body.get("orderAccepted", {}).get("route") is None:
            held["accepted to wait"] = sequence
        elif event in ("StopTriggered", "SharesReleased", "RouteHeld", "PegPriced"):
            held.pop("accepted to wait", None)
        elif event == "CancelRequested":
            held.setdefault("canceled", sequence)
        elif event == "OrderSuspended":
            held["suspended"] = sequence
        elif event == "OrderResumed":
            held.pop("suspended", None)
        elif event == "ReplaceRequested":
            replacing, held["to be replaced"] = body["requestId"], sequence
        elif event in ("OrderReplaced", "ReplaceRejected") and body["requestId"] == replacing:
            held.pop("to be replaced", None)
        elif event == "RouteRequested" and held:
            why, since = next(iter(held.items()))
            finding.violate(order_id, f"was {why} by event {since} and routed by event {sequence}")
            return
