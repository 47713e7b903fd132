"""The stream of accounts' events for `oms watch`: each event a line that fits 80 columns.

The law of this file: whatever the server says or does not say, a watch ends with a sentence or goes on; it
never waits for ever. Kinds of message that are not known are let pass.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

from oms_tools.cli.amounts import micros, price
from oms_tools.cli.client import ApiClient, ApiError, sentence_of_refusal
from oms_tools.cli.desk_api import short_id
from oms_tools.cli.reasons import in_words
from oms_tools.cli.story import short_name
from oms_tools.cli.tables import folded, with_words

STREAM: Final = "/api/v1/stream"
OPEN_S_MAX: Final = 15.0
# The server says something at least every 15 s.
SILENCE_S_MAX: Final = 60.0
FRAME_BYTES_MAX: Final = 16 * 2**20
HEADING: Final = (
    f"{'time':8} {'id':8} {'side':4} {'filled/of':>13} {'symbol':5} {'status':16} {'price':>9} what"
)
_WORDS: Final = {
    "OrderAccepted": "accepted",
    "OrderDenied": "denied",
    "RouteRequested": "to route",
    "RoutePlaced": "sent",
    "RouteDeferred": "waits",
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
}


def events_of(client: ApiClient, accounts: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield every event of accounts as it happens, as core published it. Raises ApiError when that ends."""
    url = client.url.replace("http", "ws", 1) + STREAM
    try:
        stream = connect(
            url,
            additional_headers={"Authorization": f"Bearer {client.token}"},
            open_timeout=OPEN_S_MAX,
            max_size=FRAME_BYTES_MAX,
            proxy=None,
        )
    except InvalidStatus as error:
        raise ApiError(f"the stream at {url} was refused with HTTP {error.response.status_code}") from error
    except (WebSocketException, OSError) as error:
        raise ApiError(f"no stream at {url}: {error or type(error).__name__}") from error
    with stream:
        try:
            stream.send(json.dumps({"type": "subscribe", "accounts": list(accounts)}))
            yield from _events(stream)
        except ConnectionClosed as error:
            said = error.rcvd
            why = (
                "the connection was lost"
                if said is None
                else f"{said.reason or 'no reason given'} ({said.code})"
            )
            raise ApiError(f"the stream ended: {why}") from error


def _events(stream: ClientConnection) -> Iterator[dict[str, Any]]:
    while True:
        try:
            text = stream.recv(timeout=SILENCE_S_MAX)
        except TimeoutError as error:
            raise ApiError(f"the stream has been silent for {SILENCE_S_MAX:g} s") from error
        try:
            message = json.loads(text)
        except ValueError as error:
            raise ApiError("the stream sent what is no JSON") from error
        if not isinstance(message, dict):
            continue
        if message.get("type") == "error":
            problem = message.get("error")
            raise ApiError(
                sentence_of_refusal(problem) if isinstance(problem, dict) else f"the stream says: {problem}"
            )
        if message.get("type") == "events":
            yield from message.get("events") or ()


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
