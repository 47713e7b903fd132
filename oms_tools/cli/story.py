"""An order's story on the terminal: its events, its route card with the arithmetic, its fills.

The law of this file: on a terminal of 80 columns nothing is cut; what is said in words is folded.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any, Final, NamedTuple

from rich.console import Console

from oms_tools.cli.amounts import ABSENT, grouped, micros, price
from oms_tools.cli.client import ApiClient
from oms_tools.cli.reasons import checks_in_words, in_words, peg_in_words
from oms_tools.cli.tables import aligned, counted, folded, lines_with_words, say

# So many trades in a row, or fills, are told one by one; of more, each venue's sum.
ONE_BY_ONE_MAX: Final = 8


def print_story(console: Console, client: ApiClient, order_id: str, every: bool = False) -> None:
    """Print everything that is known of an order. every: each trade and each route card, however many."""
    order = client.order(order_id)
    limit = f"limit {price(order['limitPrice'])}" if order.get("limitPrice") else "market"
    if order.get("peg"):
        limit = peg_in_words(order["peg"], order.get("limitPrice"))
    stop = f"stop {price(order['stopPrice'])} " if order.get("stopPrice") else ""
    until = f" till {order['expireAt']}" if order.get("expireAt") else ""
    minimum = f", at least {order['minQuantity']:,} at once" if order.get("minQuantity") else ""
    shows = f", shows {order['displayQty']:,}" if order.get("displayQty") else ""
    posts = ", post-only" if order.get("postOnly") else ""
    located = f", locate {order['locateId']}" if order.get("locateId") else ""
    average = f" at {price(order['avgPx'])} on average" if order.get("avgPx") else ""
    console.rule(f"order {order_id}")
    _paragraph(
        console,
        f"{order['side']} {order['quantity']:,} {order['symbol']} {stop}{limit} {order['timeInForce']}{until}"
        f"{minimum}{shows}{posts}{located} for {order['accountId']}"
        f"  →  {order['status']}, {order['cumQty']:,} done{average}",
        style="bold",
    )
    fills = client.order_executions(order_id)["executions"]
    if len(fills) > ONE_BY_ONE_MAX and not every:
        _print_fills_by_venue(console, fills)
    _print_events(console, client.order_events(order_id)["events"], every)
    _print_routes(console, client.order_routes(order_id)["routes"], every)
    _print_fills(console, order, fills, every)


class _Told(NamedTuple):
    """An event's line: its cells, and what it says in words."""

    cells: tuple[str, ...]
    words: str


def _print_events(console: Console, events: Sequence[dict[str, Any]], every: bool) -> None:
    told: list[_Told] = []
    for kind, group in groupby(events, key=lambda event: event["eventType"]):
        run = list(group)
        if kind == "TradeApplied" and len(run) > ONE_BY_ONE_MAX and not every:
            told.append(_run_of_trades(run))
        else:
            told += [_told(event) for event in run]
    say(console, "", "What happened")
    titles = ("#>", "time (UTC)", "event", "status", "what")
    say(
        console,
        *lines_with_words(titles, [one.cells for one in told], [one.words for one in told], console.width),
    )


def _told(event: dict[str, Any]) -> _Told:
    cells = (str(event["sequence"]), event["occurredAt"][11:23], event["eventType"], event["status"])
    return _Told(cells, _what(event["eventType"], event["payload"]))


def _run_of_trades(run: Sequence[dict[str, Any]]) -> _Told:
    """Tell many trades in a row in one line."""
    first, last = run[0], run[-1]
    shares: dict[str, int] = {}
    for event in run:
        trade = event["payload"]["tradeApplied"]
        shares[trade["venueId"]] = shares.get(trade["venueId"], 0) + trade["lastQty"]
    by_venue = ", ".join(f"{quantity:,} on {venue}" for venue, quantity in sorted(shares.items()))
    cells = (
        f"{first['sequence']}-{last['sequence']}",
        last["occurredAt"][11:23],
        "TradeApplied",
        last["status"],
    )
    return _Told(cells, f"{len(run)} trades: {by_venue}; --all tells each")


def short_name(value: str) -> str:
    """Return an enum's value as people say it: FILLED of ORDER_STATUS_FILLED."""
    for prefix in ("ORDER_STATUS_", "SIDE_", "TIME_IN_FORCE_", "ORDER_TYPE_"):
        value = value.removeprefix(prefix)
    return value


def _what(kind: str, payload: dict[str, Any]) -> str:
    """Tell an OrderEvent, or the SubmitOrder that it began with, in a few words."""
    body = payload.get(kind[:1].lower() + kind[1:]) or {}
    tell = _WORDS.get(kind)
    if tell is not None:
        return tell(payload if kind == "OrderReceived" else body)
    return in_words(str(body.get("text") or body.get("reason") or payload.get("text") or ""))


def _received(payload: dict[str, Any]) -> str:
    terms = payload["terms"]
    return f"by {terms.get('principal') or 'nobody named'} through {terms['channel']}"


def _verdict(body: dict[str, Any]) -> str:
    checks = body.get("checks", [])
    passed = f"{counted(len(checks), 'risk check')} passed"
    said = in_words(body["denial"]) if body.get("denial") else passed
    checked = f": {checks_in_words(checks)}" if checks else ""
    return f"{said}, in {body.get('riskUs', 0)} µs{checked}"


def _placed(body: dict[str, Any]) -> str:
    children = ", ".join(
        f"{child['quantity']:,} to {child['venueId']} at {micros(child['limitPriceMicros'])}"
        for child in body.get("children", [])
    )
    return children or f"nothing was placed: {in_words(str(body.get('reason') or 'no reason given'))}"


def _traded(body: dict[str, Any]) -> str:
    return f"{body['lastQty']:,} @ {micros(body['lastPxMicros'])} on {body['venueId']}"


def _corrected(body: dict[str, Any]) -> str:
    was = f"{body['wasQty']} @ {micros(body['wasPxMicros'])} on {body['venueId']}"
    now = f"{body['lastQty']} @ {micros(body['lastPxMicros'])}" if body.get("lastQty") else "taken back"
    return f"{was} (trade {body['execRefId']}) is now {now}"


def _restated(body: dict[str, Any]) -> str:
    moved = body.get("limitPriceMicros")
    price = "" if moved is None else f" at {micros(moved)}"
    return f"{body['clOrdId']} has {body['quantity']:,} shares{price} now, says {body['venueId']}"


def _triggered(body: dict[str, Any]) -> str:
    what = "the last trade was" if body.get("ofTrade") else "the market was"
    return f"{what} {micros(body['priceMicros'])}, {_quote(body)}"


def _quote(body: dict[str, Any]) -> str:
    """Tell the quote that a price is of; a side that nobody quoted is a dash."""
    bid, offer = (micros(body[side]) if side in body else ABSENT for side in ("bidMicros", "offerMicros"))
    return f"by the quote {bid} / {offer}"


_WORDS: Final[dict[str, Callable[[dict[str, Any]], str]]] = {
    "OrderReceived": _received,
    "OrderAccepted": _verdict,
    "OrderDenied": _verdict,
    "RoutePlaced": _placed,
    "TradeApplied": _traded,
    "TradeCorrected": _corrected,
    "ChildRestated": _restated,
    "PegPriced": lambda body: f"{micros(body['priceMicros'])}, {_quote(body)}",
    "StopTriggered": _triggered,
    "SharesReleased": lambda body: f"{body.get('quantity', 0):,} shares in all may be worked",
    "RouteRequested": lambda body: f"attempt {body['attempt']}, {body['quantity']:,} shares",
}


def _print_routes(console: Console, routes: Sequence[dict[str, Any]], every: bool) -> None:
    """Print route cards; of many, that of the first, and of the first and the last that placed something."""
    placing = [number for number, route in enumerate(routes) if route["plan"].get("children")]
    whole = set(range(len(routes))) if every or len(routes) <= 2 else {0, *placing[:1], *placing[-1:]}
    for number, route in enumerate(routes):
        plan = route["plan"]
        if number in whole:
            print_route(console, plan, route.get("explanationProblem", ""))
            continue
        sent = ", ".join(f"{child['quantity']:,} to {child['venueId']}" for child in plan.get("children", []))
        reason = in_words(str(plan.get("reason") or "no reason given"))
        told = sent or f"nothing was placed: {reason}"
        _paragraph(
            console, f"Attempt {plan['attempt']}: {plan['quantity']:,} shares, {told}; --all tells why"
        )


def print_route(console: Console, plan: dict[str, Any], problem: str = "") -> None:
    """Print a route card, or what is known of a route whose explanation is not there."""
    card = plan["explanation"]
    say(console, "")
    if card is None:
        _paragraph(
            console,
            f"Route, attempt {plan['attempt']}: {plan['quantity']:,} shares, not explained: {problem}",
        )
        _print_children(console, plan)
        return
    age_ms = max([venue.get("quoteAgeUs", 0) for venue in card.get("venues", [])], default=0) / 1000
    _paragraph(
        console,
        f"Route card, attempt {plan['attempt']}: {plan['quantity']:,} shares,"
        f" {card.get('stage') or card.get('strategy', '')},"
        f" profile {card['profile']} version {card.get('profileVersion', 0)},"
        f" NBBO {price(card.get('nationalBestBid'))} / {price(card.get('nationalBestOffer'))},"
        f" book {age_ms:.1f} ms old, decided in {card.get('decisionUs', 0)} µs"
        + (f", seed {card['seed']}" if card.get("seed") else ""),
        style="bold",
    )
    _print_venues(console, card)
    _paragraph(
        console, f"{card['summary']}" + (f" ({in_words(plan['reason'])})" if plan.get("reason") else "")
    )
    _print_children(console, plan)
    _print_expectation(console, card)


def _print_venues(console: Console, card: dict[str, Any]) -> None:
    """Print a line of figures a venue, and below it the score's terms and the reason, folded."""
    venues = sorted(card.get("venues", []), key=lambda item: -Decimal(item.get("score", "0")))
    titles = ("venue", "bid>", "offer>", "fee/share>", "all-in>", "score>", "shares>")
    heading, *lines = aligned(titles, [_venue_cells(venue) for venue in venues])
    say(console, heading)
    for venue, line in zip(venues, lines, strict=True):
        say(console, line, style="bold" if venue.get("chosen") else None)
        for text in (_arithmetic(venue), venue["reason"]):
            say(console, *folded(text, console.width))


def _venue_cells(venue: dict[str, Any]) -> list[str]:
    return [
        venue["venueId"],
        _side(venue, "bid"),
        _side(venue, "ask"),
        price(venue.get("feePerShare", "0")),
        price(venue.get("allInPrice")),
        _short(venue["score"]) if venue.get("terms") else ABSENT,
        f"{venue['allocated']:,}" if venue.get("allocated") else "",
    ]


def _print_children(console: Console, plan: dict[str, Any]) -> None:
    """Print what a plan sends."""
    for child in plan.get("children", []):
        minimum = f", at least {child['minQuantity']:,} at once" if child.get("minQuantity") else ""
        hold = f", for {child['holdMs']} ms" if child.get("holdMs") else ""
        _paragraph(
            console,
            f"  → {child['quantity']:,} to {child['venueId']} at {micros(child['limitPriceMicros'])}"
            f" {short_name(child['timeInForce'])}{minimum}{hold}",
        )


def _print_expectation(console: Console, card: dict[str, Any]) -> None:
    """Print what is expected to be taken at once, and that the venues' sums give it to the digit."""
    quantity = card.get("expectedQuantity", 0)
    if not quantity:
        return
    parts = [venue for venue in card.get("venues", []) if venue.get("expectedQuantity")]
    notional = sum((Decimal(venue["expectedNotional"]) for venue in parts), Decimal(0))
    fee = sum((Decimal(venue["expectedFee"]) for venue in parts), Decimal(0))
    agrees = notional == Decimal(card["expectedNotional"]) and fee == Decimal(card["expectedFee"])
    cost = (
        f", {price(card['expectedCost'])} dollars beyond the mid with fees"
        f" ({price(card.get('expectedCostBps'))} basis points)"
        if "expectedCost" in card
        else ""
    )
    _paragraph(
        console,
        f"Expected at once: {quantity:,} shares for {grouped(notional)} and {grouped(fee)} of fees{cost};"
        f" the venues' sums {'agree' if agrees else 'DO NOT AGREE'}.",
    )


def _side(venue: dict[str, Any], side: str) -> str:
    found = venue.get(f"{side}Price")
    return f"{price(found)} × {venue.get(f'{side}Size', 0)}" if found else ABSENT


def _arithmetic(venue: dict[str, Any]) -> str:
    terms = venue.get("terms") or []
    if not terms:
        return ""
    products = " + ".join(f"{_short(term['weight'])}×{_short(term['value'])}" for term in terms)
    return f"{products} = {_short(venue.get('score', '0'))}"


def _short(number: str) -> str:
    value = Decimal(number).normalize()
    return f"{value:f}"


def _print_fills(console: Console, order: dict[str, Any], fills: list[dict[str, Any]], every: bool) -> None:
    if not fills:
        say(console, "", "No fills.")
        return
    if every or len(fills) <= ONE_BY_ONE_MAX:
        rows = [
            [
                fill["transactTime"][11:26].removesuffix("Z"),
                fill["venueId"],
                f"{fill['lastQty']:,}",
                price(fill["lastPx"]),
                fill["execId"],
            ]
            for fill in fills
        ]
        say(console, "", "Fills", *aligned(("time (UTC)", "venue", "shares>", "price>", "ExecID"), rows))
    notional = sum((fill["lastQty"] * Decimal(fill["lastPx"]) for fill in fills), Decimal(0))
    quantity = sum(fill["lastQty"] for fill in fills)
    average = price(f"{notional / quantity:.6f}")
    _paragraph(
        console,
        f"Σ quantity × price = {grouped(notional)} over {quantity:,} shares = {average};"
        f" the order says {price(order.get('avgPx'))}",
    )


def _print_fills_by_venue(console: Console, fills: list[dict[str, Any]]) -> None:
    rows = []
    for venue in sorted({fill["venueId"] for fill in fills}):
        own = [fill for fill in fills if fill["venueId"] == venue]
        prices = [Decimal(fill["lastPx"]) for fill in own]
        shares = sum(fill["lastQty"] for fill in own)
        notional = sum((fill["lastQty"] * Decimal(fill["lastPx"]) for fill in own), Decimal(0))
        average = price(f"{notional / shares:.4f}") if shares else ABSENT
        rows.append([venue, str(len(own)), f"{shares:,}", average, price(min(prices)), price(max(prices))])
    titles = ("venue", "fills>", "shares>", "average>", "lowest>", "highest>")
    say(console, "", f"Fills by venue, {len(fills)} in all; --all tells each", *aligned(titles, rows))


def _paragraph(console: Console, text: str, style: str | None = None) -> None:
    """Print a text folded to the terminal, indented as it begins."""
    indent = len(text) - len(text.lstrip())
    say(console, *folded(text.strip(), console.width, indent), style=style)
