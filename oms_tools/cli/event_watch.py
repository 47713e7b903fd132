"""What `oms watch` shows of an event: a line that fits 80 columns, and below it what had no room there."""

from typing import Any, Final

from oms_tools.cli.amounts import micros, price
from oms_tools.cli.order_ids import short_id
from oms_tools.cli.reasons import in_words
from oms_tools.cli.story import short_name
from oms_tools.cli.tables import folded, with_words

HEADING: Final = (
    f"{'time':8} {'id':8} {'side':4} {'filled/of':>13} {'symbol':5} {'status':16} {'price':>9} what"
)
_WORDS: Final = {
    "OrderAccepted": "accepted",
    "OrderDenied": "denied",
    "RouteRequested": "to route",
    "RoutePlaced": "sent",
    "RouteDeferred": "waits",
    "RouteHeld": "",
    "TradeApplied": "",
    "TradeCorrected": "corrected",
    "ChildRestated": "restated",
    "ChildClosed": "venue done",
    "CancelRequested": "cancel asked",
    "ChildCancelRejected": "not canceled",
    "CancelRejected": "not canceled",
    "OrderCanceled": "canceled",
    "OrderExpired": "expired",
    "BookingRejected": "not booked",
    "ReplaceRequested": "replace asked",
    "OrderReplaced": "replaced",
    "ReplaceRejected": "not replaced",
    "OrderSuspended": "suspended",
    "SuspendRejected": "not suspended",
    "OrderResumed": "resumed",
    "ResumeRejected": "not resumed",
    "StopTriggered": "triggered",
    "PegPriced": "priced",
    "AlgoPlanned": "planned",
    "SharesReleased": "released",
    "AlgoHeld": "held",
}


def event_lines(event: dict[str, Any], width: int) -> list[str]:
    """Return an event's line, and below it what had no room there."""
    done = f"{event.get('cumQty', 0)}/{event.get('quantity', '')}"
    head = (
        f"{str(event.get('occurredAt', ''))[11:19]:8} {short_id(event.get('orderId', '')):8}"
        f" {short_name(event.get('side', '')):4} {done:>13} {event.get('symbol', ''):5}"
        f" {short_name(event.get('status', '')):16} {_price(event):>9}"
    )
    kind = str(event.get("type", ""))
    words, detail = _told(kind, event)
    line = " ".join(part for part in (head, words, detail) if part)
    if len(line) <= width:
        return [line]
    return [*with_words(head, words, width), *folded(detail, width)]


def _price(event: dict[str, Any]) -> str:
    """Return dollars a share: of the trade, or those that the order was taken or sent at."""
    if event.get("lastPx"):
        return price(event["lastPx"])
    if priced := event.get("stopTriggered") or event.get("pegPriced"):
        return micros(priced["priceMicros"])
    accepted = event.get("orderAccepted") or {}
    if accepted.get("reservedPriceMicros"):
        return micros(accepted["reservedPriceMicros"])
    limits = {child.get("limitPriceMicros") for child in (event.get("routePlaced") or {}).get("children", [])}
    return micros(limits.pop()) if len(limits) == 1 and None not in limits else ""


def _told(kind: str, event: dict[str, Any]) -> tuple[str, str]:
    """Return what happened in a word or two, and what else there is to say of it."""
    words = _WORDS.get(kind, kind)
    if event.get("lastQty"):
        return words, f"{event['lastQty']} {event.get('venueId', '')}".strip()
    body = event.get(kind[:1].lower() + kind[1:]) or {}
    children = body.get("children") or []
    if len(children) == 1:
        return "", f"to {children[0]['venueId']}"
    if children:
        return words, ", ".join(f"{child['quantity']} to {child['venueId']}" for child in children)
    said = body.get("denial") or body.get("reason") or body.get("text") or event.get("text") or ""
    return words, in_words(str(said))
